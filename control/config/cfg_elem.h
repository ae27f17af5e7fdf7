/* cfg_elem: one element of a command pattern against one word of a line. Used by cfg_match alone. */
#ifndef CONTROL_CONFIG_CFG_ELEM_H
#define CONTROL_CONFIG_CFG_ELEM_H

#include "control/config/cfg_match.h"

/* An element as it stands in the pattern: `at` .. `at + n`, without the brackets of <..>. */
struct cfg_elem {
    const char *at;
    size_t n;
    bool typed;       /* stood in < > */
    bool repeats;     /* < >+ */
    bool no_may_end;  /* ~ */
    const char *next; /* behind it in the pattern */
};

/* Reads the element at s, which is not blank, bracket or end. */
struct cfg_elem cfg_elem_read(const char *s);

/* How well a word fits: larger is better; 0 does not. */
enum cfg_fit { CFG_FIT_NONE, CFG_FIT_LINE, CFG_FIT_WORD, CFG_FIT_VALUE, CFG_FIT_PREFIX, CFG_FIT_EXACT };

struct cfg_fitting {
    enum cfg_fit fit;
    unsigned words;      /* how many words of the line it takes: 2 for "Tunnel 1", all the rest for LINE */
    const char *keyword; /* the keyword meant, in the pattern; NULL for values */
    size_t keyword_len;
    bool several; /* a prefix of more than one choice of this element; fit is CFG_FIT_PREFIX */
};

/* Token i of the line against the element. */
struct cfg_fitting cfg_elem_fit(const struct cfg_elem *e, const struct cfg_line *line, unsigned i);
/* Fills *arg from token i, which fits as `f` says. */
void cfg_elem_take(const struct cfg_elem *e, const struct cfg_fitting *f, const struct cfg_line *line,
                   unsigned i, struct cfg_arg *arg);

/* The keywords of an element one by one: a literal has one, a choice several, a value none. *from starts at NULL. */
CV_MUST_USE bool cfg_elem_keyword(const struct cfg_elem *e, const char **from, size_t *n);
/* What a value looks like, for people: "a number 10-3600". "" for keywords. Octets as snprintf. */
int cfg_elem_describe(const struct cfg_elem *e, char *out, size_t out_len);
bool cfg_elem_is_secret(const struct cfg_elem *e);

#endif
