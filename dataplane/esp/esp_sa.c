#include "dataplane/esp/esp_sa.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <string.h>

enum { SPI_RESERVED = 255 }; /* RFC 4303 2.1 */

static uint64_t limit(uint64_t configured)
{
    return configured ? configured : UINT64_MAX;
}

bool esp_limits_any(const struct esp_limits *l)
{
    return (l->soft_bytes & l->soft_packets & l->hard_bytes & l->hard_packets) != UINT64_MAX;
}

void esp_limits_set(struct esp_limits *l, const struct cv_sa *conf)
{
    l->soft_bytes = limit(conf->soft_bytes);
    l->soft_packets = limit(conf->soft_packets);
    l->hard_bytes = limit(conf->hard_bytes);
    l->hard_packets = limit(conf->hard_packets);
}

static uint64_t configured(uint64_t limit)
{
    return limit == UINT64_MAX ? 0 : limit;
}

void esp_limits_get(const struct esp_limits *l, struct cv_sa *conf)
{
    conf->soft_bytes = configured(l->soft_bytes);
    conf->soft_packets = configured(l->soft_packets);
    conf->hard_bytes = configured(l->hard_bytes);
    conf->hard_packets = configured(l->hard_packets);
}

struct cv_evt esp_event_of(enum cv_evt_type type, const struct esp_conf *conf, uint32_t reason)
{
    struct cv_evt e;
    memset(&e, 0, sizeof e);
    e.type = type;
    e.u.sa_event.ref = conf->ref;
    e.u.sa_event.cookie = conf->cookie;
    e.u.sa_event.local = conf->local;
    e.u.sa_event.remote = conf->remote;
    e.u.sa_event.reason = reason;
    return e;
}

bool esp_event(struct esp_worker *w, enum cv_evt_type type, const struct esp_conf *conf, uint32_t reason,
               const struct ip_endpoint *remote)
{
    if (!w->event)
        return true;
    if (w->refused_tsc == w->now_tsc) /* whoever was away a moment ago is not asked for every packet */
        return false;
    struct cv_evt e = esp_event_of(type, conf, reason);
    if (remote)
        e.u.sa_event.remote = *remote;
    if (w->event(w->event_ctx, &e))
        return true;
    w->refused_tsc = w->now_tsc;
    return false;
}

static bool window_ok(uint32_t window)
{
    return window >= CV_REPLAY_WINDOW_MIN && window <= CV_REPLAY_WINDOW_MAX && !(window & (window - 1));
}

/* AH has no encryption, no padding that hides lengths, and cannot pass a NAT: it vouches for the addresses. */
static bool ah_ok(const struct cv_sa *sa)
{
    return sa->proto == CV_PROTO_AH && sa->encr == CV_ENCR_NULL && sa->integ != CV_INTEG_NONE &&
           !(sa->flags & CV_SA_NATT) && !sa->tfc_len && !sa->dummy_ms;
}

cv_result esp_conf_check(const struct cv_sa *sa, enum cv_dir dir)
{
    if (sa->ref.dir != dir || sa->ref.spi <= SPI_RESERVED || sa->df > CV_DF_CLEAR)
        return CV_EINVAL;
    if (sa->mode != CV_MODE_TUNNEL && sa->mode != CV_MODE_TRANSPORT)
        return CV_EINVAL;
    const uint8_t family = sa->local.addr.family;
    if ((family != IP_V4 && family != IP_V6) || sa->remote.addr.family != family)
        return CV_EINVAL;
    if ((sa->flags & CV_SA_NATT) && (!sa->local.port || !sa->remote.port))
        return CV_EINVAL;
    if (sa->proto != CV_PROTO_ESP && !ah_ok(sa))
        return CV_EINVAL;
    if (dir == CV_DIR_IN && !window_ok(sa->replay_window))
        return CV_EINVAL;
    if (sa->tfc_len &&
        sa->mode != CV_MODE_TUNNEL) /* there the packet does not say how long it is (RFC 4303 2.7) */
        return CV_EINVAL;
    if (!(sa->flags & CV_SA_ESN) && sa->seq > UINT32_MAX)
        return CV_EINVAL;
    if (sa->ts_count == 0 || sa->ts_count > CV_TS_MAX)
        return CV_EINVAL;
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (!ts_valid(&sa->ts_local[i]) || !ts_valid(&sa->ts_remote[i]))
            return CV_EINVAL;
    return CV_OK;
}

bool esp_peer_ok(const struct esp_conf *conf, const struct ip_endpoint *remote)
{
    return conf->mode == CV_MODE_TUNNEL || ip_addr_equal(&conf->remote.addr, &remote->addr);
}

cv_result esp_worker_init(struct esp_worker *w, const struct eng_ops *engine, unsigned line, int socket)
{
    memset(w, 0, sizeof *w);
    w->line = line;
    w->refused_tsc = UINT64_MAX;
    w->second = rte_get_tsc_hz();
    w->scratch = rte_zmalloc_socket("esp_scratch", sizeof *w->scratch, RTE_CACHE_LINE_SIZE, socket);
    if (!w->scratch)
        return CV_ENOMEM;
    w->scratch->engine = engine;
    w->asynchronous = engine->poll != NULL;
    cv_result r = engine->worker_new(socket, &w->engine);
    if (r != CV_OK) {
        rte_free(w->scratch);
        w->scratch = NULL;
    }
    return r;
}

void esp_worker_fini(struct esp_worker *w)
{
    if (!w->scratch)
        return;
    w->scratch->engine->worker_free(w->engine);
    rte_free(w->scratch);
    w->scratch = NULL;
    w->engine = NULL;
}
