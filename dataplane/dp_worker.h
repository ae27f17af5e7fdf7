/* dp_worker: the loop of one forwarding lcore: receive, classify, decrypt, route, encrypt, transmit.
 *
 * Nothing on its path locks, allocates but mbufs, logs or divides; a system call is made only when there was
 * nothing to do and the platform says `memory no-huge` (a machine shared with other programs). */
#ifndef DATAPLANE_DP_WORKER_H
#define DATAPLANE_DP_WORKER_H

#include "dataplane/dp.h"
#include "dataplane/dp_clock.h"
#include "dataplane/dp_gate.h"
#include "dataplane/dp_meta.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_stray.h"
#include "dataplane/esp/esp.h"
#include "dataplane/io/io_punt.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_reass.h"

/* Packets of a burst that go by many SAs: as many as the path takes at a time, for what each of them has to wait for it waits for together. */
enum { DP_BURST_MIXED = ESP_BURST_MAX, DP_NEAR_SAS = 2048 };

struct dp_decided;
struct dp_runs;
struct dp_groups;
struct ip_arrival;

struct dp_rxq {
    uint16_t port_id, queue, port;
};

struct dp_txq {
    uint16_t port_id, queue;
    uint16_t owner; /* worker that may transmit on it */
    uint16_t count;
    struct rte_mbuf *pkts[IO_BURST];
};

/* Packets on their way to another worker. */
struct dp_hand {
    unsigned count;
    struct rte_mbuf *pkts[IO_BURST];
};

/* Where the last looked up destination went: bursts mostly have one. */
struct dp_hop {
    bool valid;
    uint8_t family;
    uint16_t vrf;
    uint8_t dst[16];
    const struct ip_route *route;
    const struct ip_addr *next_hop; /* NULL: the destination itself */
    const struct ip_if *out;
    struct ip_nbr *nbr;
    uint16_t mtu; /* of packets of SAs: the port's, or the path's */
};

/* Where packets of the same ends go that follow one another (dp_flow.h). */
struct dp_flow {
    bool valid;
    bool transit; /* others': TTL is lowered */
    uint8_t family;
    uint16_t port, tcp_mss;
    uint32_t kind;           /* dp_meta_kind: VRF, family, who made them */
    uint32_t if_id;          /* out by; the tunnel's */
    uint32_t mtu;            /* longer packets go the whole way */
    uint64_t ends[4];        /* source and destination as in the header */
    struct esp_out_sa *sa;   /* NULL: out of the port, with the Ethernet header */
    uint8_t ether[16];       /* 14 of them */
    uint64_t packets, bytes; /* of the interface, not counted yet */
};

/* How packets of a route with a next hop leave, in a burst of many flows (dp_mixed.h). */
enum { DP_EXITS = 16 };
struct dp_exit {
    const struct ip_route *route;
    uint64_t turn; /* dp_worker.now when it was found: it holds for this turn */
    uint32_t if_id;
    uint16_t port, mtu;
    bool valid;
    uint8_t ether[14];
};

/* How the last GRE tunnel's packets go: found once per burst. */
struct dp_gre_way {
    const struct ip_if *tunnel; /* NULL: none yet */
    const struct dp_tunnel_sa *sa;
    bool some_sa; /* it has SAs, whether they take its packets or not */
    uint16_t mtu; /* longest inner packet; 0: not known */
};

/* The last row that was looked up in a policy: the packets of a burst mostly differ in nothing that rows name. */
struct dp_asked {
    const struct ip_policy *policy; /* NULL: none since the turn began */
    const struct ip_policy_row *row;
    struct ip_policy_key key;
    uint8_t family;
};

/* The last looked up source: is it an address of this host? */
struct dp_source {
    bool valid, own;
    uint8_t family;
    uint16_t vrf;
    uint8_t addr[16];
};

struct dp_worker {
    struct dp *dp;
    unsigned id;
    unsigned lcore; /* its own; that of the stats is for showing, as culvertd may write there */
    uint64_t now;
    struct esp_worker esp;
    struct cv_worker_stats *stats;
    struct cv_if_stats *if_stats;
    uint64_t changes;           /* of tables, when the burst began (dp_rcu_changes) */
    uint64_t decided_changes;   /* one more than that when something was last kept in: */
    struct dp_decided *decided; /* dp_decided.h; NULL: nothing is kept */
    unsigned decided_kept;      /* in this burst */
    unsigned decided_vain;      /* bursts, one after the other, of which most packets were not known */
    unsigned decided_pause;     /* bursts in which nothing is kept nor looked for */
    struct dp_hop hop;
    struct dp_flow flow;
    struct dp_source source;
    struct dp_exit exits[DP_EXITS];
    struct dp_gre_way gre;
    uint16_t gre_id; /* identification of the last GRE packet sent */

    unsigned workers;           /* others are numbered below: as it was last told (dp_worker_look) */
    bool dismissed;             /* its loop ends */
    bool running;               /* atomic: it has begun, and has not ended; the manager reads it */
    bool in_chains, out_chains; /* among in_pkts, among out_pkts (dp_segs.h) */
    unsigned rxq_count;
    unsigned rx_next; /* with a crypto device: whose turn it is; rxq_count: the inbox's */
    bool inlined;     /* NICs encrypt and decrypt for it (dp_inline.h) */
    bool mixed;       /* the last burst's packets were on several SAs: the next one's are fetched for ahead */
    bool far;         /* ... and there are so many SAs that they lie in memory */
    unsigned in_count, out_count, ah_count;
    struct rte_mbuf *in_pkts[ESP_BURST_MAX];
    struct esp_in_sa *in_sas[ESP_BURST_MAX];
    struct rte_mbuf *ah_pkts[ESP_BURST_MAX]; /* inbound */
    struct esp_in_sa *ah_sas[ESP_BURST_MAX];
    struct rte_mbuf *out_pkts[ESP_BURST_MAX];
    struct esp_out_sa *out_sas[ESP_BURST_MAX];
    struct dp_txq txq[CV_MAX_PORTS];
    struct dp_hand hand[CV_MAX_WORKERS];

    struct io_bucket_rate bad_rate; /* of BAD_PACKET events, of all SAs */
    uint64_t bad;
    struct dp_gates gates;
    struct io_punt punt;
    struct dp_rcu_behind behind; /* with an asynchronous engine */
    struct dp_asked asked;
    unsigned run_pause;   /* bursts in which no run is looked for (dp_run.h) */
    uint64_t lead_again;  /* TSC from which on a leader may go alone to a multi-buffer engine (dp_run.h) */
    struct dp_runs *runs; /* what their leaders found out */
    unsigned group_pause; /* bursts in which no groups are made (dp_group.h) */
    struct dp_groups *groups;
    struct cv_steer_counts *steer;
    struct dp_parked parked;
    struct ip_reass *frags; /* dp_reass.h */
    uint64_t frags_due;     /* TSC of the next look at those that wait */
    struct dp_rxq rxq[CV_MAX_PORTS * CV_MAX_WORKERS];
    struct dp_stray stray;
};

/* The worker of lcore `lcore`, with its queues. */
CV_MUST_USE cv_result dp_worker_new(struct dp *dp, unsigned id, unsigned lcore, struct dp_worker **out);
void dp_worker_free(struct dp_worker *w);
/* The worker's, between two turns, when the manager tells it to (dp_crew.h): how many workers there are, which queues are its own, whether
 * it alone sends. */
void dp_worker_look(struct dp_worker *w);
/* The loop; returns when dp->stop is set, or the worker was dismissed. arg: struct dp_worker. */
int dp_worker_main(void *arg);
/* One round over all queues: how many packets there were. For the benchmark and tests. */
unsigned dp_worker_turn(struct dp_worker *w);

/* Of runs (dp_run.h). One packet of a burst of the port `in`: as if it had come alone, up to where it waits for its SA. */
void dp_worker_received(struct dp_worker *w, struct rte_mbuf *m, const struct ip_arrival *a,
                        const struct ip_if *in);
/* A burst was for SAs of which these are the first and the last: says what the next one will be like. */
void dp_worker_mixed(struct dp_worker *w, const void *first, const void *last);
/* Of chains (dp_segs.h). A packet that has been classified, from the port `in`; n <= ESP_CHUNK packets in one mbuf each, for their SAs. */
void dp_worker_classified(struct dp_worker *w, struct rte_mbuf *m, enum ip_class class,
                          const struct ip_if *in);
void dp_worker_in(struct dp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, unsigned n);
/* Decrypts what waits for it and routes what was inside; routes packets that were decrypted. */
void dp_worker_decapsulate(struct dp_worker *w);
void dp_worker_decapsulated(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n);

#endif
