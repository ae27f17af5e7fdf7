/* dp_offload_html: the report of `--bench-offload` as one HTML page with its plots inside: nothing is loaded from elsewhere. */
#ifndef DATAPLANE_DP_OFFLOAD_HTML_H
#define DATAPLANE_DP_OFFLOAD_HTML_H

#include "dataplane/dp_offload.h"

#include <stdio.h>

void dp_offload_html(FILE *f, const struct offload_report *r);

/* Words of drivers and of errors, with what HTML would take for its own escaped. */
void dp_offload_html_text(FILE *f, const char *text);
/* "#1f6fb2", by the place in r->engines. */
const char *dp_offload_colour(unsigned engine);

#endif
