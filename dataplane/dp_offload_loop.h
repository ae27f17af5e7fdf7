/* dp_offload_loop: the same engines through culvert's whole worker loop, as `bench dataplane` measures it: receive, lookups, ESP, routing, transmit.
 *
 * The engine alone says what a device can do; this says what a gateway gains by it. Each cell is a process of its own, and takes turns
 * with the bare ipsec-mb call (dp_bench_run): the shares of that call hold where the machine was busy. */
#ifndef DATAPLANE_DP_OFFLOAD_LOOP_H
#define DATAPLANE_DP_OFFLOAD_LOOP_H

#include "dataplane/dp_offload.h"

/* Fills e's loop rows of transforms that dp_offload_measure found it to do; e->loop_why when one did not run. Forks: no EAL yet. */
void dp_offload_loop(const struct offload_plan *p, struct offload_engine *e);

/* What e's loop gains over ipsec-mb's loop, by their shares of the bare ipsec-mb call. 0: one of them was not measured. */
double dp_offload_loop_ratio(const struct offload_report *r, const struct offload_engine *e,
                             unsigned transform, unsigned dir, unsigned size);

#endif
