/* dp_init: what culvert-dp is made of, in the one order in which it can start; it stops in the reverse.
 *
 * Called by the main thread alone. */
#ifndef DATAPLANE_DP_INIT_H
#define DATAPLANE_DP_INIT_H

#include "dataplane/dp.h"

struct dp_manager;

/* Buffers that the manager's pool needs so that one is always free: drivers keep transmitted ones until their ring
 * comes round again (one queue per port carries what the manager sends), its way to the worker holds some, and
 * some wait for a neighbour. */
unsigned dp_init_big_count(unsigned ports);
/* The same of the pool of long packets: what drivers of `jumbo_ports` ports keep, and fragments that wait for others. */
unsigned dp_init_jumbo_count(unsigned jumbo_ports, unsigned workers);

struct dp_setup {
    struct dp *dp;
    const char *config;  /* for messages; "" when there is none */
    const char *run_dir; /* NULL: no control socket (benchmark) */
    int eal_extra_count;
    char **eal_extra;
    struct dp_manager *manager;
    char err[512];    /* one line without the program's name */
    unsigned started; /* modules that run */
};

/* Starts everything up to, but not including, the workers' loops. On failure everything is stopped again
 * and s->err says what is wrong. dp->platform must be filled. */
CV_MUST_USE cv_result dp_init_start(struct dp_setup *s);
void dp_init_stop(struct dp_setup *s);
/* Runs the workers on their lcores and the manager on this one until dp->stop; waits for the workers. */
CV_MUST_USE cv_result dp_init_run(struct dp_setup *s);

#endif
