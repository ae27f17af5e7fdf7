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
/* What this run shows to be no difference, as a share: how far ipsec-mb was off itself at most, over all cells of a transform, and never less than
 * OFFLOAD_SAME. Alone: its row, which takes turns with itself; in the loop: its loop at the end of the run against that at the beginning. */
#define OFFLOAD_SAME 0.03
double dp_offload_noise(const struct offload_report *r, unsigned transform, bool in_loop);
/* The least inner packet, in octets, from which on the engine at its best depth takes fewer cycles than ipsec-mb, by straight
 * lines between the sizes. Text: "every size", "none", "about 310", "itself". Differences within the noise count as none. */
void dp_offload_crossover(const struct offload_report *r, const struct offload_engine *e, unsigned transform,
                          unsigned dir, char out[24]);

/* "aes-gcm (key 16, digest 16), ..." of a line of rte_security; octets, MIN-MAX/STEP where there are several; what does not fit is cut off. */
enum { OFFLOAD_ALG_WORDS = 1024 };
void dp_offload_ipsec_algorithms(const struct offload_ipsec *l, char out[OFFLOAD_ALG_WORDS]);

void dp_offload_text(FILE *f, const struct offload_report *r);
void dp_offload_json(FILE *f, const struct offload_report *r);

#endif
