/* met: culvertd's figures in Prometheus's text format (version 0.0.4), and the HTTP server that hands them out.
 *
 *   met_text    the page, made of read-only views of the engine, the data plane's statistics and the trust-points
 *   met_if      its part about interfaces
 *   met_http    GET /metrics on one address, in the daemon's event loop (libevent's evhttp)
 *
 * Names of peers and identities do not appear: figures leave the machine. All calls from the control thread. */
#ifndef CONTROL_METRICS_MET_H
#define CONTROL_METRICS_MET_H

#include "common/result.h"
#include "common/ring.h"

#include <stdint.h>

struct event_base;
struct ike;
struct pki;

struct met_env {
    void *ctx;
    const char *version; /* of the program */
    struct ike *(*ike)(void *ctx);
    const struct shm *(*shm)(void *ctx); /* NULL: the data plane is away */
    struct pki *(*pki)(void *ctx);
    /* The name of the nth interface that the data plane has been told of, lines of crypto maps among them; NULL: no more. */
    const char *(*interface)(void *ctx, unsigned n, uint32_t *if_id);
};

/* The whole page, for free(); NULL when memory is short. */
char *met_text(const struct met_env *env);

struct met_server;
enum { MET_ERROR_MAX = 160 };
/* Listens on `at`, "127.0.0.1:9469" or "[::1]:9469". Other requests than GET /metrics are refused; header and body are bounded, a silent client is
 * dropped after some seconds. env is copied. On failure err says why. */
CV_MUST_USE cv_result met_serve(struct event_base *base, const struct met_env *env, const char *at,
                                struct met_server **out, char err[MET_ERROR_MAX]);
void met_stop(struct met_server *s); /* NULL allowed */

#endif
