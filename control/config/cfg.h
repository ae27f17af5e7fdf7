/* cfg: from IOS text to a struct cfg, whole or not at all, with every error of a file in one go.
 *
 * The grammar is data: a mode graph (cfg_modes) and keyword tables (cfg_cmds); later commands are rows. */
#ifndef CONTROL_CONFIG_CFG_H
#define CONTROL_CONFIG_CFG_H

#include "common/result.h"
#include "control/config/cfg_model.h"

enum cfg_severity { CFG_ERROR, CFG_WARNING, CFG_INFO };

struct cfg_finding {
    int line;         /* 0: the file as a whole */
    int column;       /* 1-based start of the token meant; 0 unknown */
    const char *rule; /* "LN-12", "syntax", "reference"; static */
    enum cfg_severity severity;
    char text[CFG_TEXT_MAX];   /* what is wrong */
    char remedy[CFG_TEXT_MAX]; /* what would be right; expected tokens for syntax */
};

struct cfg_findings {
    unsigned count;
    struct cfg_finding *items; /* in line order */
};
void cfg_findings_free(struct cfg_findings *f);
unsigned cfg_findings_count(const struct cfg_findings *f, enum cfg_severity s);
const char *cfg_severity_text(enum cfg_severity s); /* "error" "warning" "info" */

/* Parses text (NUL-terminated). `file` is only for messages. On CV_OK *out is a new configuration (cfg_free) and findings hold no
 * error; on CV_EPARSE *out is NULL and findings hold every syntax error and dangling reference. findings may hold warnings either way. */
CV_MUST_USE cv_result cfg_parse(const char *text, const char *file, struct cfg **out,
                                struct cfg_findings *findings);
/* Reads a file (at most 16 MiB) and parses it. CV_EIO: findings hold one entry that says why. */
CV_MUST_USE cv_result cfg_load(const char *file, struct cfg **out, struct cfg_findings *findings);
void cfg_free(struct cfg *c);

/* A line outside of the grammar that was passed over, with the lines that belong to it. */
struct cfg_skipped {
    int line;
    char text[CFG_TEXT_MAX]; /* as it was typed, cut; a word that may hold a secret is "<hidden>" */
    unsigned lines;          /* with those of its section: 1 or more */
};
struct cfg_skips {
    unsigned count, lines; /* lines: of all */
    struct cfg_skipped *items;
};
void cfg_skips_free(struct cfg_skips *s);

/* How tolerant parsing is. All zero, or NULL: as cfg_parse. */
struct cfg_parse_options {
    /* A whole configuration of a router: what is outside of the grammar (`version`, `aaa ...`, `router bgp` with its lines, banners,
     * certificates) is skipped and counted; an error in a line of the grammar's own families becomes a warning when the rest means the same
     * without the line; interfaces of every kind that IOS has are ports. */
    bool ios;
    struct cfg_skips *skips; /* filled when not NULL (cfg_skips_free); what it held is forgotten */
};
/* cfg_parse and cfg_load with options (may be NULL). */
CV_MUST_USE cv_result cfg_parse_with(const char *text, const char *file, const struct cfg_parse_options *o,
                                     struct cfg **out, struct cfg_findings *findings);
CV_MUST_USE cv_result cfg_load_with(const char *file, const struct cfg_parse_options *o, struct cfg **out,
                                    struct cfg_findings *findings);

/* cfg_check: the lint rules LN-* on a good configuration; appends to findings. */
CV_MUST_USE cv_result cfg_lint(const struct cfg *c, struct cfg_findings *findings);

/* cfg_write: running-config text with keys shown as they were typed only when show_keys; otherwise "<hidden>". Octets as snprintf. */
int cfg_write(const struct cfg *c, bool show_keys, char *out, size_t out_len);

/* Canonical interface name of an abbreviation ("Gi0/1", "ethernet0/0", "lo0", "tunnel 1"); false when it is none. */
CV_MUST_USE bool cfg_interface_name(const char *text, char out[CV_NAME_MAX], enum cv_if_kind *kind);

#endif
