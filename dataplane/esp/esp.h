/* esp: ESP in and out (RFC 4303), tunnel and transport mode, with UDP encapsulation (RFC 3948), for IPv4 and IPv6; and AH (RFC 4302), whose
 * SAs are the same structs: inbound it has a burst of its own, outbound a builder of its own (esp_ah.h).
 *
 * The worker hands bursts with one SA pointer per packet. SAs change within a burst; packets that follow one another on
 * one SA are worked on together. An SA's hot fields are in front of its struct, on few cache lines. Inbound they are read in
 * place, packet by packet: the lines are the owner worker's own. Outbound each such row of packets copies, once, the template of
 * the outer header, which the manager may replace meanwhile, and what it needs later of the line with `seq`, which goes from
 * worker to worker. Runs (esp_run.h) copy of either what lasts when they begin, and ask the SA itself, with each piece,
 * for what may have changed. Nothing here allocates, locks, logs or makes a system call; esp does not see io.
 *
 * Packet form: esp_in gets mbufs whose data starts at the outer IP header; a good packet comes back with
 * its data at the inner IP header. esp_out gets data at the inner IP header and gives data at the outer
 * one. In transport mode both are the packet's own header, ESP between it and what it carries; which of the two an
 * SA does is settled by the functions chosen when it is created. Per-packet facts travel in struct dp_meta, the mbuf's private area (dataplane/dp_meta.h). Packets are
 * single-segment mbufs; in these bursts others are dropped, with NO_MBUF or NO_ROOM. Chains go by esp_segs.h one by one, where their SA takes them: whoever receives chains
 * joins the others before.
 *
 * Threads: an inbound SA is worked on by its owner worker alone (its replay window has one writer); an
 * outbound SA by any, its sequence numbers reserved per burst with one atomic add. Creation and freeing
 * are the manager's; freeing only after an RCU grace period. */
#ifndef DATAPLANE_ESP_ESP_H
#define DATAPLANE_ESP_ESP_H

#include "common/contract.h"
#include "common/result.h"
#include "dataplane/engine/eng.h"
#include "dataplane/esp/esp_conf.h"

#include <stdbool.h>
#include <stdint.h>

struct dp_clock;
struct rte_mbuf;
struct rte_mempool;
struct esp_in_sa;
struct esp_out_sa;

enum { ESP_BURST_MAX = 256 };

/* Per-worker context; the worker owns it. */
struct esp_worker {
    struct eng_worker *engine;
    unsigned line;    /* among an outbound SA's counters, its own: shm_counters_line() of the worker */
    bool sole;        /* no other thread ever sends on an outbound SA: set after init when there is one
                                   * worker; saves a locked instruction per run of packets of one SA */
    uint64_t now_tsc; /* set by the worker once per loop */
    /* Must not block. False: nobody took it, and esp raises it again with a later packet of the SA; after a refusal
     * it is not called again while now_tsc stays the same. Taken, it is called once per SA and kind of event, but
     * for NAT_CHANGE: once a second until the peer is set. NULL: all events are taken. */
    bool (*event)(void *ctx, const struct cv_evt *e);
    void *event_ctx;
    uint64_t refused_tsc;        /* esp's own: now_tsc of the last refusal */
    uint64_t resync_tsc;         /* esp's own: no high half is looked for before (esp_resync.h) */
    uint64_t second;             /* TSC cycles; set by esp_worker_init */
    struct esp_scratch *scratch; /* burst arrays, esp's own */
    bool asynchronous; /* the engine may keep packets: esp_poll gives them back. Set by esp_worker_init */
    uint16_t taken;    /* packets of the last burst that it kept: neither good nor bad yet */
    struct dp_clock
        *clock; /* the caller's: tells build, crypto and finish apart (dp_clock.h); NULL: not asked */
};
CV_MUST_USE cv_result esp_worker_init(struct esp_worker *w, const struct eng_ops *engine, unsigned line,
                                      int socket);
void esp_worker_fini(struct esp_worker *w);

/* counters: the SA's line in the shared statistics (zeroed by the caller); for an outbound SA that of
 * the first worker, from which each worker's lies `line` lines away. CV_EINVAL: a value makes no sense (SPI up to 255, families that differ, a window that is no power
 * of two, a key length, a mode); CV_EUNSUP: algorithms that the engine lacks. */
CV_MUST_USE cv_result esp_in_sa_new(const struct cv_sa *sa, const struct eng_ops *engine, int socket,
                                    struct cv_sa_counters *counters, struct esp_in_sa **out);
CV_MUST_USE cv_result esp_out_sa_new(const struct cv_sa *sa, const struct eng_ops *engine, int socket,
                                     struct cv_sa_counters *counters, struct esp_out_sa **out);
void esp_in_sa_free(struct esp_in_sa *sa); /* wipes the keys */
void esp_out_sa_free(struct esp_out_sa *sa);
/* Its time is up: what has not been looked at yet is dropped (lifetime). Manager; tells nobody. */
void esp_in_sa_expire(struct esp_in_sa *sa);
void esp_out_sa_expire(struct esp_out_sa *sa);
/* The configuration it was made from, for lookups and matching. */
const struct esp_conf *esp_in_sa_conf(const struct esp_in_sa *sa);
const struct esp_conf *esp_out_sa_conf(const struct esp_out_sa *sa);
/* What works on it now: by and why of `out`. Manager. */
void esp_in_sa_where(const struct esp_in_sa *sa, struct cv_sa_engine *out);
void esp_out_sa_where(const struct esp_out_sa *sa, struct cv_sa_engine *out);
/* The SA as SA_ADD would have it now, but without keys and salt: for SA_DUMP. */
void esp_in_sa_dump(const struct esp_in_sa *sa, struct cv_sa *out);
void esp_out_sa_dump(const struct esp_out_sa *sa, struct cv_sa *out);
/* Manager only, after a NAT mapping change: replaces the outer template of an outbound SA atomically. CV_EUNSUP: another
 * address in transport mode, where only the port may change. */
CV_MUST_USE cv_result esp_out_sa_set_peer(struct esp_out_sa *sa, const struct ip_endpoint *remote);
CV_MUST_USE cv_result esp_in_sa_set_peer(struct esp_in_sa *sa, const struct ip_endpoint *remote);
/* Last outbound sequence number handed out. */
uint64_t esp_out_sa_seq(const struct esp_out_sa *sa);

/* Decapsulates pkts[0..n), n <= ESP_BURST_MAX, sas[i] being the SA whose SPI the packet carries. The caller has
 * checked the outer IP (and UDP) header, cut the data to its length, and set meta's family, l3_len and
 * udp_encap. The SA's local address must be the destination; the source may be any (RFC 4301 4.1), and both plain
 * ESP and ESP in UDP are taken whatever CV_SA_NATT says (RFC 7296 2.23). Outer ECN is combined as RFC 6040 4.2
 * demands, whatever CV_SA_ECN_DROP says, which is about sending. The good ones are moved to the front in their
 * order; the bad ones follow, each with its reason in meta->drop. Returns the count of good ones. Good: inner
 * packet valid, inside the SA's selectors, meta->if_in is the SA's tunnel interface, meta->family the inner one.
 * Counts into the SA's counters. */
uint16_t esp_in_burst(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, uint16_t n);

/* The same for AH: packets and SAs of AH alone, which esp_in_burst must not be given. Never under way in a device: w->taken is 0. An
 * integrity check that fails is AH_AUTH, a header that is not the SA's AH_HEADER, what is inside AH_INNER. */
uint16_t esp_ah_in_burst(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_in_sa **sas, uint16_t n);

/* Of an SA whose NIC does ESP as a whole: m, its data at the inner header, comes from the NIC. CV_DROP_NONE: as a good one of esp_in_burst. */
CV_MUST_USE enum cv_drop esp_in_whole(struct esp_worker *w, struct esp_in_sa *sa, struct rte_mbuf *m);
/* The session that works on it. */
const struct eng_session *esp_in_sa_session(const struct esp_in_sa *sa);
const struct eng_session *esp_out_sa_session(const struct esp_out_sa *sa);

/* Encapsulates pkts[0..n), n <= ESP_BURST_MAX; the caller has matched selectors (esp_out_match), lowered the TTL
 * and enforced the MTU (esp_out_overhead). Good ones first, as above, with meta's vrf, family, proto, l3_len and
 * udp_encap those of the outer header, and local_out set; not encrypted is not sent. mbufs need ESP_HEADROOM octets
 * of headroom and ESP_TAILROOM behind the data (scratch space), else they are dropped with NO_ROOM; packets that are padded may come back in others
 * (esp_tfc_pool). Of bad ones meta->if_out is the interface of their SA. Outer
 * header: DSCP copied, ECN by RFC 6040 4.1, DF by the SA (as if set for inner IPv6 with CV_DF_COPY), but
 * never for inner IPv6 of at most 1280 octets, which every link must carry (RFC 8200 5); TTL 64, UDP checksum
 * zero over IPv4 and computed over IPv6. Transport mode: the header stays as it is but for protocol, length and
 * checksum, and ECN with CV_SA_ECN_DROP; a packet between other ends than the SA's is dropped with TS_OUT, a fragment with FRAGMENT (RFC 4303
 * 3.3.4). CV_EVT_SA_SEQ is raised at 7/8 of the number space. */
uint16_t esp_out_burst(struct esp_worker *w, struct rte_mbuf **pkts, struct esp_out_sa **sas, uint16_t n);

/* Where packets are on many SAs: asks the cache for what the bursts read of sas[0..n), and then for what these point to, which reads them. For a
 * caller that has more packets than ESP_CHUNK: while that many are worked on, what the next ones read comes from memory. */
enum { ESP_CHUNK = 64 }; /* packets of a burst that are worked on together */
void esp_in_fetch(struct esp_in_sa *const *sas, unsigned n);
void esp_in_fetch_behind(struct rte_mbuf *const *pkts, struct esp_in_sa *const *sas, unsigned n);
void esp_out_fetch(struct esp_out_sa *const *sas, unsigned n);
void esp_out_fetch_behind(const struct esp_worker *w, struct esp_out_sa *const *sas, unsigned n);

/* Both bursts with an asynchronous engine: w->taken packets are under way, so that only n - w->taken come back from the call, the
 * good ones first. The others come back from esp_poll, in the order in which they were taken; the SAs must live until then. */
enum { ESP_POLL_MAX = 64 };
struct esp_done {
    struct rte_mbuf *in[ESP_POLL_MAX], *in_bad[ESP_POLL_MAX], *out[ESP_POLL_MAX], *out_bad[ESP_POLL_MAX];
    uint16_t in_good, in_bads, out_good, out_bads; /* as esp_in_burst and esp_out_burst give them */
};
/* Once per turn of a worker that is asynchronous: how many came back. */
unsigned esp_poll(struct esp_worker *w, struct esp_done *d);
void esp_flight(const struct esp_worker *w, struct eng_flight *out);

enum {
    ESP_HEADROOM = 88,
    ESP_TAILROOM = 64
}; /* the most that is put in front is 72, and the Ethernet header */

/* The packet at the mbuf's data start is inside the SA's traffic selectors. */
int esp_out_match(const struct esp_out_sa *sa, const struct rte_mbuf *m);
/* The same of len octets at an IP header, of which there are enough for what the selectors name. */
int esp_out_match_ip(const struct esp_out_sa *sa, const uint8_t *ip, uint32_t len);
/* Most octets that encapsulation adds in front and behind, for the MTU: outer header, UDP, ESP, IV, padding, ICV. */
uint16_t esp_out_overhead(const struct esp_out_sa *sa);
/* Largest inner packet that fits an outer packet of mtu octets (exact, with padding; in transport mode for packets
 * without IP options and extension headers). Manager, as for the above. */
uint16_t esp_out_inner_mtu(const struct esp_out_sa *sa, uint16_t mtu);

#endif
