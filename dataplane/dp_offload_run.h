/* dp_offload_run: one engine beside ipsec-mb on the same packets, in one process, on one core.
 *
 * A round is four timed passes over the same packets: the engine encrypts, ipsec-mb decrypts that; ipsec-mb encrypts, the engine
 * decrypts that. So each ICV of either is verified by the other, and load that comes and goes meets both. Packets are handed over
 * in bursts of 32; an engine that waits is given more until `depth` are under way. Latency is from the submit of a packet's burst to the
 * poll that gave it back (or the return of the call): the time in the engine, queueing behind others under way included. */
#ifndef DATAPLANE_DP_OFFLOAD_RUN_H
#define DATAPLANE_DP_OFFLOAD_RUN_H

#include "dataplane/dp_offload.h"

/* Fills e, whose word is set; of the process's own, without an EAL yet. tsc_mhz: out. */
void dp_offload_measure(const struct offload_plan *p, struct offload_engine *e, double *tsc_mhz);

#endif
