/* esp_in: an inbound SA as the path sees it. Internal to esp; the functions are declared in esp.h.
 *
 * The owner worker is the only writer of all but `peer`, which the manager writes, and `closed`, which both do. */
#ifndef DATAPLANE_ESP_ESP_IN_H
#define DATAPLANE_ESP_ESP_IN_H

#include "dataplane/esp/esp_bad.h"
#include "dataplane/esp/esp_replay.h"
#include "dataplane/esp/esp_resync.h"
#include "dataplane/esp/esp_sa.h"
#include "dataplane/esp/esp_ts.h"
#include "dataplane/esp/esp_tunnel.h"

#include <rte_branch_prediction.h>
#include <string.h>

/* The endpoint that NAT traversal expects; version is odd while the manager writes. */
struct esp_peer {
    uint32_t version;
    struct ip_endpoint remote;
};

/* A packet in tunnel mode reads the first two lines, where no lifetime is limited, the window is the smallest and the selectors are addresses
 * of IPv4: with many SAs each line is one that has to come from memory. */
struct esp_in_sa {
    /* hot */
    eng_burst_fn *burst;
    struct eng_session *session;
    struct cv_sa_counters *counters;
    uint8_t local[16];
    uint32_t if_id;
    uint8_t head; /* octets of ESP header and IV; of AH */
    uint8_t icv_len;
    uint8_t align_mask;
    uint8_t family; /* outer */
    bool natt;      /* the peer's endpoint is watched; both encapsulations are taken */
    uint8_t any;    /* ESP_TS_ANY4 | ESP_TS_ANY6 */
    bool plain4;    /* what IPv4 packets it takes, ts4 says */
    bool esn;
    bool replay_on;
    uint8_t closed; /* enum cv_drop once nothing may pass any more; its worker or the manager, atomic */
    bool first_seen;
    bool transport;
    struct esp_lines lines;
    bool limited; /* the lifetime, by bytes or packets */

    struct esp_replay replay __attribute__((aligned(64)));
    uint64_t small[ESP_REPLAY_SMALL]; /* the ring of the smallest window */
    struct esp_ts4 ts4;
    eng_runs_fn *runs; /* NULL: each run by itself */

    /* warm */
    struct esp_peer peer __attribute__((aligned(64)));
    uint32_t nat_told;     /* and peer.version + 1 then */
    uint64_t nat_told_tsc; /* when a NAT_CHANGE was last taken */
    struct esp_limits limits;
    bool soft_raised;
    uint8_t hard_untold; /* CV_BY_*: why it was closed, until the event is taken */
    struct esp_resync resync;
    struct esp_bad bad;

    /* cold */
    const struct eng_ops *engine;
    eng_submit_fn *submit; /* NULL: the engine is done with a burst when its call returns */
    eng_pieces_fn *pieces; /* NULL: chains are joined (esp_segs.h) */
    bool aside;            /* a device does ESP as a whole (esp_aside.h) */
    uint8_t why;           /* enum cv_engine_why: eng_session_info's */
    struct esp_conf conf;  /* its selectors behind the ring */
    uint32_t size;         /* octets of all of it */
    uint64_t bits[];       /* the ring of a larger window */
};
static_assert(offsetof(struct esp_in_sa, replay) == 64 && offsetof(struct esp_in_sa, peer) == 128,
              "two lines");

/* Why nothing may pass any more, or CV_DROP_NONE; once it is something, it stays. */
static __rte_always_inline enum cv_drop esp_in_closed(const struct esp_in_sa *sa)
{
    return (enum cv_drop)__atomic_load_n(&sa->closed, __ATOMIC_RELAXED);
}

/* The whole number that a packet's low half stands for; CV_DROP_NONE, or why it may not come (any more). */
static inline enum cv_drop esp_in_number(const struct esp_in_sa *sa, uint32_t lo, uint64_t *seq)
{
    *seq = lo;
    if (sa->esn && unlikely(!esp_replay_infer(&sa->replay, lo, seq)))
        return CV_DROP_REPLAY_OLD;
    return sa->replay_on ? esp_replay_check(&sa->replay, *seq) : CV_DROP_NONE;
}

/* The endpoint that the peer is expected at. False: it is being changed just now. */
static inline bool esp_in_peer(const struct esp_in_sa *sa, struct ip_endpoint *remote, uint32_t *version)
{
    *version = __atomic_load_n(&sa->peer.version, __ATOMIC_ACQUIRE);
    *remote = sa->peer.remote;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return !(*version & 1) && __atomic_load_n(&sa->peer.version, __ATOMIC_RELAXED) == *version;
}

/* Where a packet came from: its outer header, and the UDP header behind it. */
static inline struct ip_endpoint esp_in_source(const struct esp_in_sa *sa, const uint8_t *ip,
                                               const uint8_t *udp)
{
    enum { SRC4 = 12, SRC6 = 8 };
    struct ip_endpoint seen = {.addr.family = sa->family};
    if (sa->family == IP_V4)
        memcpy(seen.addr.b, ip + SRC4, 4);
    else
        memcpy(seen.addr.b, ip + SRC6, 16);
    seen.port = (uint16_t)(udp[0] << 8 | udp[1]);
    return seen;
}

/* The last pass for jobs[0..n), n <= ESP_CHUNK, of one SA that came back from a device. */
void esp_in_done(struct esp_worker *w, struct esp_in_sa *sa, const struct eng_job *jobs, unsigned n,
                 struct esp_sort *sort);

/* The last pass for ops, packets and numbers first.. of the scratch arrays, n of them, of an SA in tunnel mode: as part of esp_in_burst. */
void esp_in_accept(struct esp_worker *w, struct esp_in_sa *sa, unsigned first, unsigned n,
                   struct esp_sort *sort);

/* The SA's first authentic packet: told again with the next one when nobody took it. */
static inline void esp_in_first_tell(struct esp_worker *w, struct esp_in_sa *sa)
{
    if (unlikely(!sa->first_seen))
        sa->first_seen = esp_event(w, CV_EVT_SA_FIRST, &sa->conf, 0, NULL);
}

/* Packets that were accepted elsewhere (esp_run.h), with `bytes` inner octets in all: counts them, and raises what became due. */
void esp_in_accepted(struct esp_worker *w, struct esp_in_sa *sa, uint64_t packets, uint64_t bytes);

/* Of tunnel mode, authentic, the data still at the outer header: inner header, ECN and selectors of the inner packet at `in`, at most
 * max octets of it; next: ESP_NEXT_V4 or ESP_NEXT_V6. Moves the mbuf's data to it. */
enum cv_drop esp_in_inner(const struct esp_in_sa *sa, struct rte_mbuf *m, uint8_t *in, uint32_t max,
                          uint32_t next);

#endif
