/* exp_side: one end of an explanation: its file, line by line, what it parses to, and changes to it that are tried out. */
#ifndef CONTROL_TOOLS_EXP_SIDE_H
#define CONTROL_TOOLS_EXP_SIDE_H

#include "control/config/cfg.h"
#include "control/tools/exp_sim.h"

/* Names of trust-points. */
enum { EXP_NAMES_MAX = 32 };
struct exp_names {
    unsigned count;
    char name[EXP_NAMES_MAX][CFG_NAME_MAX];
};

struct exp_side {
    enum exp_end end;
    char file[CFG_TEXT_MAX]; /* as it was given */
    bool ios;                /* what is outside of the grammar is passed over */
    char *text;
    size_t len;
    struct cfg *cfg;
    struct cfg_findings findings; /* of the parser, then of the linter */
    struct cfg_skips skips;
    int lines;
    struct exp_names enrolled;      /* --enrolled: the first enrolled first; none: as the file has it */
    struct exp_names authenticated; /* of a changed side: with the CA certificate that the CA has today */
    struct exp_names renewed;       /* of a changed side: enrolled anew, in this order */
    int *origin; /* of a changed side: the line of the first file that line n (from 1) was; NULL: the same */
};

static inline char exp_letter(enum exp_end e)
{
    return e == EXP_A ? 'A' : 'B';
}

/* Reads, parses and lints. CV_EIO, CV_EPARSE: out->findings say why, cfg is NULL. The caller frees in any case. */
CV_MUST_USE cv_result exp_side_load(const char *file, enum exp_end end, bool ios, struct exp_side *out);
/* The same from text: what exp_side_load does after reading. */
CV_MUST_USE cv_result exp_side_parse(const char *text, const char *file, enum exp_end end, bool ios,
                                     struct exp_side *out);
void exp_side_free(struct exp_side *s); /* wipes the text: it holds keys */

/* ---- lines, numbered from 1 ------------------------------------------------------------------------------------------------ */
/* Line n without its end; "" past the end. Octets as snprintf. */
int exp_side_line(const struct exp_side *s, int n, char *out, size_t out_len);
/* The last line of the block that begins at `line`: those below it that are indented further, without trailing comments and blanks. */
int exp_side_block_end(const struct exp_side *s, int line);
/* The last line in the block (its first one left out) that begins with `words`, abbreviations of IOS's words; 0: none. */
int exp_side_find(const struct exp_side *s, int line, const char *words);
/* What is shown of a line: blanks trimmed, trailing comment cut, and the word after `key` or `pre-shared-key` (a secret) hidden. */
const char *exp_side_shown(const struct exp_side *s, int line, char *out, size_t out_len);

/* The number that line n has in the file as it was given. */
int exp_side_origin(const struct exp_side *s, int n);

/* ---- changes ------------------------------------------------------------------------------------------------------------------ */
enum exp_edit_kind { EXP_REPLACE, EXP_INSERT, EXP_DELETE };
enum { EXP_EDIT_TEXT = 600 };

/* INSERT: behind `line`; 0: at the end of the file. text: one or more lines. */
struct exp_edit {
    enum exp_end on;
    enum exp_edit_kind kind;
    int line;
    char text[EXP_EDIT_TEXT];
};

/* A new side with those of the edits that are for this end, parsed. CV_EPARSE: the result is no configuration. */
CV_MUST_USE cv_result exp_side_change(const struct exp_side *s, const struct exp_edit *edits, unsigned count,
                                      struct exp_side *out);

#endif
