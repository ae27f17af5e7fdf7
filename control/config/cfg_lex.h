/* cfg_lex: one line of IOS text into tokens with their columns.
 *
 * A "!" at the start of a word begins a comment, at line end, too; inside a word or a quoted text it is a plain character.
 * A word that opens with a double quote runs to the closing one and may hold blanks; without a closing one the quote is a plain
 * character. The quotes are no part of the token, but of cfg_lex_rest, which gives free text (descriptions) as it was typed. */
#ifndef CONTROL_CONFIG_CFG_LEX_H
#define CONTROL_CONFIG_CFG_LEX_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>

enum { CFG_LINE_MAX = 1024, CFG_TOKENS_MAX = 48 };

struct cfg_token {
    const char *text; /* in the line's store */
    int column;       /* from 1 */
    bool quoted;
};

struct cfg_line {
    int number;
    int indent;         /* blanks before the first token; a tab goes to the next multiple of 8 */
    bool any_interface; /* names of interfaces of every kind that IOS has are taken (--ios) */
    unsigned count;
    struct cfg_token tokens[CFG_TOKENS_MAX];
    char raw[CFG_LINE_MAX];   /* the line without its comment and trailing blanks */
    char store[CFG_LINE_MAX]; /* token texts */
};

/* text: n octets without a newline. False: *column and *why (static) say what is wrong with it. */
CV_MUST_USE bool cfg_lex(const char *text, size_t n, int number, struct cfg_line *out, int *column,
                         const char **why);
/* The text from token i to the end of the line. */
const char *cfg_lex_rest(const struct cfg_line *l, unsigned i);

#endif
