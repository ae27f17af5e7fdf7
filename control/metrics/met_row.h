/* met_row: how a family of figures and a label are written. Of this room alone. */
#ifndef CONTROL_METRICS_MET_ROW_H
#define CONTROL_METRICS_MET_ROW_H

#include "control/metrics/met.h"

#include <stddef.h>
#include <stdio.h>

void met_family(FILE *f, const char *name, const char *type, const char *help);
/* value: at most `most` octets, or up to its NUL. Backslash, quote and line feed are escaped by the format; what else a hostile name may hold is
 * shown as '?'. */
void met_label(FILE *f, const char *name, const char *value, size_t most);

/* What interfaces have carried and lost. s: the data plane is there. */
void met_if_text(FILE *f, const struct met_env *env, const struct shm *s);

#endif
