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

/* cfg_check: the lint rules LN-* on a good configuration; appends to findings. */
CV_MUST_USE cv_result cfg_lint(const struct cfg *c, struct cfg_findings *findings);

/* cfg_write: running-config text with keys shown as they were typed only when show_keys; otherwise "<hidden>". Octets as snprintf. */
int cfg_write(const struct cfg *c, bool show_keys, char *out, size_t out_len);

/* Canonical interface name of an abbreviation ("Gi0/1", "ethernet0/0", "lo0", "tunnel 1"); false when it is none. */
CV_MUST_USE bool cfg_interface_name(const char *text, char out[CV_NAME_MAX], enum cv_if_kind *kind);

#endif
