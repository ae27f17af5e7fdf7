/* dp_manager: the main lcore: culvertd's commands, everything about packets that is not forwarding (ARP, ND,
 * ICMP, reassembly, IKE injection, NAT keepalives), statistics, and the clock in the shared memory.
 *
 * Sleeps up to 1 ms when there is nothing to do. When culvertd goes away everything stays as it is. */
#ifndef DATAPLANE_DP_MANAGER_H
#define DATAPLANE_DP_MANAGER_H

#include "common/contract.h"
#include "common/log.h"
#include "dataplane/dp.h"
#include "dataplane/dp_addr.h"
#include "dataplane/dp_balance.h"
#include "dataplane/dp_crew.h"
#include "dataplane/dp_meta.h"
#include "dataplane/dp_policy.h"
#include "dataplane/ip/ip_hash.h"

enum { DP_PINGS = 256 };

struct dp_ping { /* an echo request that waits for its answer */
    bool waiting;
    uint16_t id, seq, vrf;
    struct ip_addr dst;
    uint64_t sent_tsc;
};

struct dp_dump { /* SA_DUMP goes on while the event ring has room */
    bool running;
    uint32_t seq;
    unsigned dir;
    uint32_t slot;
};

/* SAs that send dummy packets (dp_dummy.h). */
struct dp_dummies {
    struct dp_dummy_sa *sas;
    uint32_t count, room, next; /* next: where the next look begins */
    uint64_t look_ms;           /* when */
};

struct dp_manager {
    struct dp *dp;
    uint64_t now, now_ms, ms_cycles;
    uint64_t next_tick_ms;
    int conn_fd;
    bool greeted; /* HELLO came on this connection */
    struct dp_dump dump;
    struct cv_worker_stats *stats; /* the manager's own line */
    struct dp_move move;           /* of a bucket between workers */
    struct dp_balance balance;
    struct dp_crew crew; /* workers that come and go */
    struct dp_addrs addrs;
    struct dp_policy_opens policies; /* transactions under way */
    struct dp_ping pings[DP_PINGS];
    unsigned next_ping;
    struct ip_hash_key id_key; /* of the identifications of IPv4 packets made here (ip_id.h) */
    uint16_t ike_count, icmp_count;
    uint32_t keepalive_slot;                    /* of the outbound SAs: where the next look begins */
    uint64_t short_ms;                          /* when memory was last missed */
    uint32_t mtu_slot;                          /* where dp_cmd_refresh_mtu goes on */
    struct log_limit icmp_limit, too_big_limit; /* RFC 1812 4.3.2.8; path MTU discovery has its own */
    struct log_limit pmtu_limit;
    struct cv_icmp_rules icmp;
    bool gre_paths_known; /* some of dp->gre_paths is to be forgotten one day */
    struct dp_dummies dummies;
    struct cv_ike_pkt inject;
    struct cv_cmd cmd;
};

CV_MUST_USE cv_result dp_manager_new(struct dp *dp, struct dp_manager **out);
void dp_manager_free(struct dp_manager *g);
/* Until dp->stop. */
void dp_manager_run(struct dp_manager *g);

#endif
