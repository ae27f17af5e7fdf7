/* dp: what the lcores of culvert-dp share. Made by dp_init before the workers start.
 *
 * Ownership of each part stands in its own header; in short: tables are written by the manager and read by
 * workers, rings are both's, a struct dp_worker is its worker's. */
#ifndef DATAPLANE_DP_H
#define DATAPLANE_DP_H

#include "common/platform.h"
#include "common/ring.h"
#include "dataplane/dp_compat.h"
#include "dataplane/dp_owner.h"
#include "dataplane/dp_sad.h"
#include "dataplane/io/io_handoff.h"
#include "dataplane/io/io_port.h"
#include "dataplane/io/io_steer.h"
#include "dataplane/ip/ip_if.h"
#include "dataplane/ip/ip_nbr.h"
#include "dataplane/ip/ip_pmtu.h"
#include "dataplane/ip/ip_policy.h"
#include "dataplane/ip/ip_route.h"

struct dp_worker;

enum {
    DP_MBUF_ROOM = 2048,              /* octets of packet behind the headroom */
    DP_BIG_ROOM = 4400,               /* of the manager's pool: a whole IKE datagram with its headers */
    DP_JUMBO_ROOM = IP_MTU_MAX + 256, /* the largest packet of a port, what ESP adds, and a frame's header */
    DP_MTU_RESERVE = 160,             /* of the room: what ESP adds behind */
    DP_CPUS_MAX = 256,
};

/* The narrowest link on the way of a GRE tunnel's packets, as long as that is believed. */
struct dp_gre_path {
    uint64_t until_ms;
    uint16_t mtu; /* 0: none */
    struct ip_addr far;
};

struct dp {
    struct platform platform;
    const char *socket_path;
    const struct eng_ops *engine;
    struct shm shm;
    int listen_fd;
    int connected; /* a culvertd reads the rings; the manager writes it, workers read it */
    int stop;      /* set by a signal; all lcores leave their loops */
    bool idle_sleep;
    uint64_t near_sas; /* so many lie in the second-level cache, with what leads to them (dp_mixed.h) */
    /* How many workers there are: the manager's. Each has what it needs of it in its own struct (dp_worker_look). */
    unsigned workers;
    unsigned
        began; /* workers that there were at first: reassembly is theirs, and they send where queues are few; 0: as `workers` */
    unsigned queues; /* that ports and devices are prepared for */
    /* Receive queues are spread over so many workers, and soon will be over as many as that: those that change hands rest in between. 0: as
     * `workers`. */
    unsigned readers, readers_next;
    bool sole;                             /* nobody but worker 0 sends */
    unsigned cpus[DP_CPUS_MAX], cpu_count; /* processors that the process was given */
    struct dp_worker *worker[CV_MAX_WORKERS];
    unsigned port_count;
    struct io_port ports[CV_MAX_PORTS];
    struct io_steer steer[CV_MAX_PORTS]; /* of ports */
    struct rte_mempool *pool, *big_pool;
    struct rte_mempool *jumbo_pool; /* for what the pool's mbufs do not hold */
    unsigned mbuf_room;             /* octets behind the headroom */
    struct io_rings rings;
    struct ip_ifs ifs;
    struct ip_routes routes;
    struct ip_nbrs nbrs;
    struct ip_pmtus pmtus;
    uint16_t
        gre_mtu[CV_MAX_IFS]; /* of the way to a GRE tunnel's far end, 0 unknown; the manager's, relaxed */
    struct dp_gre_path *gre_paths; /* the manager's: what routers said, CV_MAX_IFS of them */
    struct dp_sad sad;
    struct dp_owners owners;
    struct ip_policy *policies[CV_MAX_IFS]; /* of ports with a crypto map; dp_policy.h */
};

/* Whatever mbuf it is in, a packet of so many octets has room behind it for what ESP adds. */
static inline uint32_t dp_small_packet(const struct dp *dp)
{
    return dp->mbuf_room - DP_MTU_RESERVE;
}

#endif
