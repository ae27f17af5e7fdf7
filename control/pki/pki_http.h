/* pki_http: HTTP fetches for env.fetch of struct pki, on libcurl. Nothing here blocks, names are resolved beside.
 *
 * http: only, also after redirects, of which two are followed; no proxy of the environment, no compression, no cookies. An answer over PKI_FETCH_MAX is cut off as it
 * arrives, one that takes longer than PKI_FETCH_MS in all, too, however it trickles; at most PKI_HTTP_PER_HOST at once go to one host. Any address goes that the
 * operator or a CA names, also of this machine: a CA's responder may well run beside us.
 *
 * Driven by the caller's event loop through struct pki_http_env: the sockets it is to watch, and one timer. One thread. */
#ifndef CONTROL_PKI_PKI_HTTP_H
#define CONTROL_PKI_PKI_HTTP_H

#include "common/buf.h"

enum { PKI_HTTP_READ = 1, PKI_HTTP_WRITE = 2, PKI_HTTP_PER_HOST = 4, PKI_HTTP_REDIRECTS = 2 };

struct pki_http_env {
    void *ctx;
    void (*watch)(void *ctx, int fd, unsigned what); /* PKI_HTTP_*; 0: no longer */
    void (*timer)(void *ctx, int64_t ms);            /* call pki_http_timeout once after ms; -1: not */
    /* Once per fetch, not from within pki_http_start: status 0 with a text when none came. */
    void (*done)(void *ctx, uint64_t id, unsigned status, struct slice data, const char *error);
};
/* Bounds; zero: those of pki.h. For tests. */
struct pki_http_limits {
    size_t octets;
    unsigned total_ms;
};

struct pki_http;
/* NULL: no memory, or libcurl would not have it. */
struct pki_http *pki_http_new(const struct pki_http_env *env, const struct pki_http_limits *limits);
/* What is under way ends without done. */
void pki_http_free(struct pki_http *h);
/* A GET, or with a body a POST; everything is copied. False: no memory, PKI_FETCHES_MAX are under way, or a name would have to be resolved and this libcurl could
 * do that only by blocking. */
CV_MUST_USE bool pki_http_start(struct pki_http *h, uint64_t id, const char *url, struct slice body,
                                const char *content_type);
void pki_http_ready(struct pki_http *h, int fd, unsigned what);
void pki_http_timeout(struct pki_http *h);

#endif
