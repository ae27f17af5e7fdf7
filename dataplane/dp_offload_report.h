/* dp_offload_report: what `--bench-offload` found, as text and as JSON (docs/offload.md has the schema), and the figures that
 * follow from what was measured. */
#ifndef DATAPLANE_DP_OFFLOAD_REPORT_H
#define DATAPLANE_DP_OFFLOAD_REPORT_H

#include "dataplane/dp_offload.h"

#include <stdio.h>

/* Octets of the inner packet in the size's place; the mean of IMIX. */
double dp_offload_octets(unsigned size);
/* "64", "imix". */
void dp_offload_size_text(unsigned size, char out[16]);
/* Row with the fewest cycles over the depths; NULL: not measured. depth: its place, may be NULL. */
const struct offload_row *dp_offload_best(const struct offload_engine *e, unsigned transform, unsigned dir,
                                          unsigned size, unsigned *depth);
/* The least inner packet, in octets, from which on the engine at its best depth takes fewer cycles than ipsec-mb, by straight
 * lines between the sizes. Text: "every size", "none", "about 310", "itself". Differences under OFFLOAD_SAME count as none. */
#define OFFLOAD_SAME 0.03
void dp_offload_crossover(const struct offload_report *r, const struct offload_engine *e, unsigned transform,
                          unsigned dir, char out[24]);

/* "aes-gcm (key 16, digest 16), ..." of a line of rte_security; octets, MIN-MAX/STEP where there are several; what does not fit is cut off. */
enum { OFFLOAD_ALG_WORDS = 1024 };
void dp_offload_ipsec_algorithms(const struct offload_ipsec *l, char out[OFFLOAD_ALG_WORDS]);

void dp_offload_text(FILE *f, const struct offload_report *r);
void dp_offload_json(FILE *f, const struct offload_report *r);

#endif
