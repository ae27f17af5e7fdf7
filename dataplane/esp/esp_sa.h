/* esp_sa: what inbound and outbound SAs have in common: checks at creation, limits, events, scratch.
 *
 * Internal to esp. The SA structs themselves are in esp_in.h and esp_out.h, each with the fields of the path
 * in front (hot) and the configuration behind (cold). */
#ifndef DATAPLANE_ESP_ESP_SA_H
#define DATAPLANE_ESP_ESP_SA_H

#include "common/contract.h"
#include "common/result.h"
#include "dataplane/dp_clock.h"
#include "dataplane/dp_meta.h"
#include "dataplane/engine/eng.h"
#include "dataplane/esp/esp.h"

#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With AH: the headers in front of it, as they were before they were muted (esp_ah.h). */
enum { ESP_KEPT_MAX = 254 /* octets of IP header and extension headers */ };
struct esp_kept {
    uint16_t len;
    uint8_t front[ESP_KEPT_MAX];
};

/* What of an outbound SA is asked for with its number: the line goes from worker to worker. */
struct esp_out_told {
    struct cv_sa_counters *counters; /* this worker's */
    bool limited;
};

/* Burst arrays of one worker. */
struct esp_scratch {
    const struct eng_ops *engine;
    struct rte_mempool *long_pool; /* esp_tfc_pool */
    struct eng_op ops[ESP_CHUNK];
    struct rte_mbuf *pkts[ESP_CHUNK]; /* of ops[i] */
    uint64_t seq[ESP_CHUNK];          /* of ops[i] */
    uint16_t len[ESP_CHUNK]; /* outbound: inner octets of ops[i]; inbound, for a device: esp_aside.h */
    struct rte_mbuf *bad[ESP_BURST_MAX];
    struct esp_kept kept[ESP_CHUNK];     /* of ops[i] */
    struct esp_out_told told[ESP_CHUNK]; /* of the run that begins at ops[i] */
};

/* Where a burst's packets go: good ones to the front of the caller's array, bad ones aside for the moment. */
struct esp_sort {
    struct rte_mbuf **good, **bad;
    uint16_t goods, bads;
};

static inline void esp_sort_bad(struct esp_sort *s, struct rte_mbuf *m, enum cv_drop reason)
{
    dp_meta(m)->drop = (uint8_t)reason;
    s->bad[s->bads++] = m;
}

/* What the engine takes together: runs of several SAs, as long as they name one function (eng_session_info.runs). */
struct esp_runs {
    eng_runs_fn *fn;
    unsigned count;
    struct eng_run run[ESP_CHUNK];
};

static inline void esp_runs_flush(struct esp_worker *w, struct esp_runs *r)
{
    if (r->count > 0)
        r->fn(w->engine, r->run, r->count);
    r->count = 0;
}

static inline void esp_runs_add(struct esp_worker *w, struct esp_runs *r, eng_runs_fn *fn,
                                const struct eng_session *session, struct eng_op *ops, unsigned n)
{
    if (r->fn != fn)
        esp_runs_flush(w, r);
    r->fn = fn;
    r->run[r->count++] = (struct eng_run){session, ops, n};
}

/* Brings an mbuf and its private area near. */
static inline void esp_prefetch_mbuf(struct rte_mbuf *m)
{
    rte_prefetch0(m);
    rte_prefetch0(dp_meta(m));
}

/* ---- bursts of many SAs: what their packets need is fetched ahead, for several packets at once -------------------- */
enum {
    ESP_LINE = 64,
    ESP_SESSIONS_AHEAD = 3, /* a session has more lines than a core waits for at a time: not too early */
};

/* Which lines of a session a packet reads; and how many packets its SA may have in a chunk for them to go to the engine together with
 * those of others: 0: none ever. */
struct esp_lines {
    uint8_t fixed_line, fixed_lines, sized_end, sized_lines; /* as eng_session_info says */
    uint8_t runs_max;
    bool fetched; /* ... by the engine itself then */
};
static_assert((int)ENG_FEW < (int)ESP_CHUNK, "runs_max tells engines that work on packets side by side");
static inline struct esp_lines esp_lines_of(const struct eng_session_info *info)
{
    return (struct esp_lines){info->fixed_line,
                              info->fixed_lines,
                              info->sized_end,
                              info->sized_lines,
                              !info->runs      ? 0
                              : info->runs_few ? (uint8_t)ENG_FEW
                                               : (uint8_t)ESP_CHUNK,
                              info->runs_few};
}

static inline void esp_prefetch_lines(const void *p, unsigned lines)
{
    for (unsigned i = 0; i < lines; i++)
        rte_prefetch0((const uint8_t *)p + i * ESP_LINE);
}

/* What a packet with data_len octets of data reads of its session. */
static inline void esp_prefetch_session(const struct eng_session *s, const struct esp_lines *l,
                                        uint32_t data_len)
{
    const unsigned want = data_len / ESP_LINE + 2, sized = want < l->sized_lines ? want : l->sized_lines;
    const uint8_t *at = (const void *)s;
    esp_prefetch_lines(at + l->fixed_line * ESP_LINE, l->fixed_lines);
    esp_prefetch_lines(at + (l->sized_end - sized) * ESP_LINE, sized);
}

/* Lifetime limits; UINT64_MAX: none. */
struct esp_limits {
    uint64_t soft_bytes, soft_packets, hard_bytes, hard_packets;
};
/* Is there any? */
bool esp_limits_any(const struct esp_limits *l);
void esp_limits_set(struct esp_limits *l, const struct cv_sa *conf);
void esp_limits_get(const struct esp_limits *l, struct cv_sa *conf);

/* An event about the SA. */
struct cv_evt esp_event_of(enum cv_evt_type type, const struct esp_conf *conf, uint32_t reason);
/* Raises one; remote may be NULL. False: not taken, to be raised again later. */
CV_MUST_USE bool esp_event(struct esp_worker *w, enum cv_evt_type type, const struct esp_conf *conf,
                           uint32_t reason, const struct ip_endpoint *remote);

/* Of checksums that a driver looked at: they spoke of headers that are gone. */
enum { ESP_OLD_CKSUM_FLAGS = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK };

/* CV_EINVAL when esp cannot do what `sa` asks for; algorithms are the engine's to judge. */
CV_MUST_USE cv_result esp_conf_check(const struct cv_sa *sa, enum cv_dir dir);
/* May `remote` become the SA's peer? In transport mode only its port may change: the address stands in the packets'
 * own headers, and in the selectors. */
bool esp_peer_ok(const struct esp_conf *conf, const struct ip_endpoint *remote);

/* Relaxed, for readers in another process. */
static inline void esp_counter_add(uint64_t *c, uint64_t n)
{
    __atomic_store_n(c, *c + n, __ATOMIC_RELAXED); /* one writer */
}
static inline void esp_counter_set(uint64_t *c, uint64_t v)
{
    __atomic_store_n(c, v, __ATOMIC_RELAXED);
}

#endif
