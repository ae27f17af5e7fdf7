#include "control/pki_fetch_loop.h"

#include "control/pki/pki_http.h"

#include <event2/event.h>
#include <stdlib.h>

/* A socket that libcurl has open. */
struct watched {
    struct watched *next;
    int fd;
    struct event *event;
};

struct pki_fetch_loop {
    struct event_base *base;
    struct pki_http *http;
    struct event *timer;
    struct watched *first;
    pki_fetch_loop_done *done;
    void *ctx;
};

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct pki_fetch_loop *l = ctx;
    pki_http_ready(l->http, (int)fd,
                   (what & EV_READ ? PKI_HTTP_READ : 0u) | (what & EV_WRITE ? PKI_HTTP_WRITE : 0u));
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct pki_fetch_loop *l = ctx;
    (void)fd;
    (void)what;
    pki_http_timeout(l->http);
}

static void unwatch(struct pki_fetch_loop *l, int fd)
{
    for (struct watched **at = &l->first; *at; at = &(*at)->next)
        if ((*at)->fd == fd) {
            struct watched *w = *at;
            *at = w->next;
            event_free(w->event);
            free(w);
            return;
        }
}

/* Without memory for an event the transfer starves and ends by its time-out. */
static void http_watch(void *ctx, int fd, unsigned what)
{
    struct pki_fetch_loop *l = ctx;
    unwatch(l, fd);
    if (what == 0)
        return;
    short bits =
        (short)(EV_PERSIST | (what & PKI_HTTP_READ ? EV_READ : 0) | (what & PKI_HTTP_WRITE ? EV_WRITE : 0));
    struct watched *w = calloc(1, sizeof *w);
    if (!w)
        return;
    w->fd = fd;
    w->event = event_new(l->base, fd, bits, on_ready, l);
    if (!w->event || event_add(w->event, NULL) != 0) {
        if (w->event)
            event_free(w->event);
        free(w);
        return;
    }
    w->next = l->first;
    l->first = w;
}

static void http_timer(void *ctx, int64_t ms)
{
    struct pki_fetch_loop *l = ctx;
    struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    if (ms < 0)
        (void)event_del(l->timer);
    else
        (void)event_add(l->timer, &in);
}

static void http_done(void *ctx, uint64_t id, unsigned status, struct slice data, const char *error)
{
    struct pki_fetch_loop *l = ctx;
    l->done(l->ctx, id, status, data, error);
}

struct pki_fetch_loop *pki_fetch_loop_new(struct event_base *base, const struct pki_http_limits *limits,
                                          pki_fetch_loop_done *done, void *ctx)
{
    struct pki_fetch_loop *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    struct pki_http_env env = {.ctx = l, .watch = http_watch, .timer = http_timer, .done = http_done};
    l->base = base;
    l->done = done;
    l->ctx = ctx;
    l->timer = evtimer_new(base, on_timer, l);
    l->http = l->timer ? pki_http_new(&env, limits) : NULL;
    if (!l->http) {
        pki_fetch_loop_free(l);
        return NULL;
    }
    return l;
}

void pki_fetch_loop_free(struct pki_fetch_loop *l)
{
    if (!l)
        return;
    pki_http_free(l->http);
    while (l->first)
        unwatch(l, l->first->fd);
    if (l->timer)
        event_free(l->timer);
    free(l);
}

bool pki_fetch_loop_start(struct pki_fetch_loop *l, uint64_t id, const char *url, struct slice body,
                          const char *content_type)
{
    return pki_http_start(l->http, id, url, body, content_type);
}
