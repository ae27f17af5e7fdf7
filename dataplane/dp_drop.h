/* dp_drop: the ways a packet leaves a worker's loop other than by a port: dropped and counted, handed to
 * another worker, handed to the manager; and the events a worker raises.
 *
 * What ends in _at is counted at an interface besides, in a direction (struct cv_if_drops): who drops a packet knows whose it is. What
 * no interface has lost is dropped by the others.
 *
 * Each function takes ownership of the packet. The worker's own lcore only. */
#ifndef DATAPLANE_DP_DROP_H
#define DATAPLANE_DP_DROP_H

#include "dataplane/dp_worker.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_icmp.h"

/* A statistic with one writer, read by others. */
static inline void dp_count(uint64_t *c, uint64_t n)
{
    __atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

/* n packets that are dropped elsewhere, at interface if_id (0: at none). */
void dp_lost_at(struct dp_worker *w, uint32_t if_id, enum cv_dir dir, enum cv_drop why, unsigned n);
void dp_drop(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why);
void dp_drop_at(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why, uint32_t if_id, enum cv_dir dir);
void dp_drop_all(struct dp_worker *w, struct rte_mbuf **pkts, unsigned n, enum cv_drop why);
enum {
    DP_BAD_PER_SECOND = 16, /* BAD_PACKET events of a worker: each is a line in a log */
    DP_BAD_BURST = 32,
};
/* A packet that esp_in_burst handed back, lost at its SA's interface: one BAD_PACKET event per SA and reason in ESP_BAD_SECONDS, and of all as many as
 * the above lets. */
void dp_drop_esp(struct dp_worker *w, struct rte_mbuf *m);
/* May the source of a packet for this host be told by ICMP what is wrong with it? Not of what was made here; and what came in clear by a port with a policy says nothing
 * reliable of its source: the error could go into the SA to whoever is named there. */
bool dp_may_be_told(const struct dp_worker *w, const struct dp_meta *meta);
/* m: looked at, whole, for this host. False: an IPv6 option or a routing header forbids to take it (ip_ext_here); it is gone, and its
 * sender told where that is due. */
CV_MUST_USE bool dp_ext_ok(struct dp_worker *w, struct rte_mbuf *m);
/* What ip_classify_ip refused (meta->drop), of a port or out of an SA. Where the chain of its IPv6 headers is why, and it is for this host, its sender is told (RFC 8200 4,
 * 4.4, 4.5, RFC 5095 3, RFC 7112 5); on its way elsewhere it goes quietly. */
void dp_drop_refused(struct dp_worker *w, struct rte_mbuf *m);
/* An ICMPv6 parameter problem about m, which is counted already and whose sender may be told. */
void dp_tell_problem(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why,
                     const struct ip_ext_problem *p);
/* Dropped for `why`, and the sender is told by ICMP when it is not us; the manager limits the rate. */
void dp_trouble(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why, enum ip_trouble t, uint16_t mtu);
/* The same of a packet that was to go out by interface if_id. */
void dp_trouble_at(struct dp_worker *w, struct rte_mbuf *m, enum cv_drop why, enum ip_trouble t, uint16_t mtu,
                   uint32_t if_id);
/* One that esp_out_burst handed back: meta->if_out says whose it was. */
void dp_drop_esp_out(struct dp_worker *w, struct rte_mbuf *m);
/* ESP or AH for this host that no SA takes: lost at the tunnel between whose ends it came, else at the port; an UNKNOWN_SPI event, as
 * often as dp_stray.h says. */
void dp_drop_unknown_spi(struct dp_worker *w, struct rte_mbuf *m);
/* ESP or AH for an SA here that finds no place to wait for the worker whose it is: lost at the SA's interface, or as above. */
void dp_drop_esp_waiting(struct dp_worker *w, struct rte_mbuf *m);
/* A protected route without an SA: one ACQUIRE per interface and second. */
void dp_drop_no_sa(struct dp_worker *w, struct rte_mbuf *m, uint32_t if_id);
/* The same for a packet on its way into a protected GRE tunnel: what wants the SA is the GRE packet it would be. */
void dp_drop_no_gre_sa(struct dp_worker *w, struct rte_mbuf *m, const struct ip_if *tunnel);

void dp_slow(struct dp_worker *w, struct rte_mbuf *m, enum dp_slow what);
/* Joins the vector for worker `to`; given at the end of the burst (dp_transmit). What does not fit into its ring is lost at the interface of
 * its SA, by which it leaves, or by which it came. */
void dp_hand_over(struct dp_worker *w, unsigned to, struct rte_mbuf *m, enum dp_stage stage);
void dp_hand_flush(struct dp_worker *w, unsigned to);
/* False: culvertd is away or does not read (the ring is full), and the event is lost; no packet waits for it. */
bool dp_event(struct dp_worker *w, const struct cv_evt *e);

#endif
