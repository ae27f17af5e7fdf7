/* pki_fetch_loop: pki_http on culvertd's event loop: env.fetch of struct pki, made of sockets and timers of libevent.
 *
 * One thread, that of the loop. */
#ifndef CONTROL_PKI_FETCH_LOOP_H
#define CONTROL_PKI_FETCH_LOOP_H

#include "common/buf.h"

struct event_base;
struct pki_http_limits;
struct pki_fetch_loop;

/* done is called from the loop, never from within pki_fetch_loop_start: hand it to pki_fetched. limits NULL: those of pki.h. NULL: no memory. */
typedef void pki_fetch_loop_done(void *ctx, uint64_t id, unsigned status, struct slice data,
                                 const char *error);
struct pki_fetch_loop *pki_fetch_loop_new(struct event_base *base, const struct pki_http_limits *limits,
                                          pki_fetch_loop_done *done, void *ctx);
/* What is under way ends without done. NULL is allowed. */
void pki_fetch_loop_free(struct pki_fetch_loop *l);
/* As env.fetch of struct pki_env. */
CV_MUST_USE bool pki_fetch_loop_start(struct pki_fetch_loop *l, uint64_t id, const char *url,
                                      struct slice body, const char *content_type);

#endif
