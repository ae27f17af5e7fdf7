/* esp_run: a run: packets of IPv4, or of IPv6, that follow one another on one SA in tunnel mode, and differ from one that came through esp_in_burst or
 * esp_out_burst in nothing that those look at, but for lengths, identification, flow label and sequence number.
 *
 * What decides about all of them is asked once (.._start, when the run begins), what may change while it lasts once per
 * piece of it: closed SAs, a template that was replaced, numbers. Whoever calls has compared the headers, and sees to all that is not
 * ESP's.
 *
 * The worker's own lcore only; an inbound SA's owner. A run lives within one burst, and beyond it as long as no table changes (dp_rcu_changes): with
 * each burst .._again is asked first. */
#ifndef DATAPLANE_ESP_ESP_RUN_H
#define DATAPLANE_ESP_ESP_RUN_H

#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_out.h"

enum { ESP_RUN_MAX = ESP_CHUNK, ESP_RUN_LINK = 14 /* octets of an Ethernet header */ };

/* One packet of a piece. Its mbuf's data still begins at the Ethernet header that it came with. */
struct esp_run_pkt {
    uint32_t len; /* out: octets of the inner packet; in: of the outer one */
    uint32_t
        word; /* out: the word of its header that the TTL is in, as it shall be (IPv4: octets 8 to 11, IPv6: 4 to 7); in: its sequence number */
};

struct esp_out_run {
    struct esp_out_sa *sa;
    eng_burst_fn *burst;
    eng_runs_fn *runs;
    const struct eng_session *session;
    uint64_t
        middle; /* IPv4: octets 6 to 9, where they are in the word from octet 2 on; around IPv6 without DF; IPv6: octets 0 to 7, of no length */
    uint8_t ether
        [16]; /* in front of the outer header: 14 octets, the caller's; the first two of an IPv4 header, or one unused and the TOS */
    uint32_t version;      /* of its template */
    uint16_t data_off;     /* of all mbufs as they come, which the caller says */
    uint8_t runs_max;      /* packets that go with those of other SAs */
    uint8_t kind;          /* of headers, the outer one and the inner one */
    struct esp_template t; /* IPv4: sum is that of all words that packets have in common, folded */
};
static_assert(sizeof(struct esp_out_run) == 2 * ESP_LINE, "groups know many");

/* Does the engine work on packets of this SA side by side, on some 16 at a time? A call with one of them takes as long as one that is full: that is what a
 * leader's costs, and all that is gained with a run is lost where it takes but a part of what could have gone in one call. */
bool esp_out_multi_buffer(const struct esp_out_sa *sa);
static inline bool esp_out_run_multi_buffer(const struct esp_out_run *r)
{
    return r->runs_max == ESP_CHUNK;
}
/* For packets like the one whose header is at ip. False: packets of this SA do not go in runs, or its lifetime is near its end. */
CV_MUST_USE bool esp_out_run_start(struct esp_out_run *r, struct esp_out_sa *sa, const uint8_t *ip);
/* What the calls below read of the SA is on its way; as esp_out_fetch, of one. */
static inline void esp_out_run_fetch(const struct esp_out_run *r)
{
    rte_prefetch0(r->sa);
}
/* ... and is this worker's: where others send by it too, its number is about to be written. */
static inline void esp_out_run_own(const struct esp_out_run *r)
{
    __asm__("prefetchw %0"
            :
            : "m"(*(const char *)r->sa)); /* not of the baseline, and without effect where there is none */
}
/* May packets of a later burst go with the run as well, of which nobody has looked at tables since? As start, in what changes from packet to packet. */
CV_MUST_USE bool esp_out_run_again(const struct esp_out_run *r);
/* Numbers for packets at..at + n of the burst, which are of the run. The calls below no longer ask the SA for anything that others write. False: nothing has been done. */
CV_MUST_USE bool esp_out_run_reserve(struct esp_worker *w, const struct esp_out_run *r, unsigned at,
                                     unsigned n);
/* Headers and trailers of those, pkts[at..at + n) of the burst's pkts[0..ESP_RUN_MAX); p[] the same. Their data are frames then, r->ether in
 * front. Their mbufs have the room that esp_out_burst wants; dp_meta is not written. */
void esp_out_run_build(struct esp_worker *w, const struct esp_out_run *r, struct rte_mbuf **pkts,
                       const struct esp_run_pkt *p, unsigned at, unsigned n);
/* Encrypts those. */
void esp_out_run_crypt(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n);
/* The same, or leaves them to be encrypted together with those of other runs: by esp_runs_flush(w, together) at the latest. */
void esp_out_run_crypt_with(struct esp_worker *w, const struct esp_out_run *r, unsigned at, unsigned n,
                            struct esp_runs *together);
/* All of pkts[at..at + n), the whole of the run in this burst, are encrypted: counts them. *inner: octets inside. Gives how many are good; those that
 * the engine refused are behind them. */
unsigned esp_out_run_end(struct esp_worker *w, const struct esp_out_run *r, struct rte_mbuf **pkts,
                         const struct esp_run_pkt *p, unsigned at, unsigned n, uint64_t *inner);

struct esp_in_run {
    struct esp_in_sa *sa;
    eng_burst_fn *burst;
    eng_runs_fn *runs;
    const struct eng_session *session;
    uint64_t ends;  /* IPv4: source and destination of the inner header, as they stand in it */
    uint32_t outer; /* octets of the outer IP header */
    uint32_t head;  /* ... of ESP header and IV */
    uint32_t fixed; /* ... of that, ESP header, IV and ICV */
    uint32_t ecn;   /* of the outer header */
    /* How what was inside goes on, which the caller says. */
    uint32_t mtu;      /* octets of the longest packet that does */
    uint8_t ether[16]; /* an Ethernet header, behind two octets that are nobody's */
    uint16_t data_off; /* of its mbuf, with that in front */
    uint8_t runs_max;  /* as in esp_out_run */
    bool watched;      /* where the peer is, is asked of each packet in UDP: it is where it was expected */
    bool wide;         /* the processor has AVX-512: esp_run_wide.h */
    uint32_t peer;     /* ... and that was the SA's peer.version */
    uint8_t family;    /* of the inner header */
    bool bare;         /* IPv6 with extension headers is shown to the selectors: those read the chain */
    uint8_t ends6[32]; /* as `ends` */
};

/* As of those going out. */
bool esp_in_multi_buffer(const struct esp_in_sa *sa);
static inline bool esp_in_run_multi_buffer(const struct esp_in_run *r)
{
    return r->runs_max == ESP_CHUNK;
}
/* For packets whose outer IP header is at ip, natt: with UDP's behind it, with inner ones of the family between `ends`, as they stand in a header. False: as above, or the SA's selectors may say
 * something else of each, or the manager is yet to be told where the peer is. */
CV_MUST_USE bool esp_in_run_start(struct esp_in_run *r, struct esp_in_sa *sa, const uint8_t *ip, bool natt,
                                  const void *ends, uint8_t family);
static_assert(sizeof(struct esp_in_run) <= sizeof(struct esp_out_run), "groups know many");
static inline void esp_in_run_fetch(const struct esp_in_run *r)
{
    rte_prefetch0(r->sa);
    rte_prefetch0(&r->sa->replay);
}
/* As esp_out_run_again. */
CV_MUST_USE bool esp_in_run_again(const struct esp_in_run *r);
/* Lengths and numbers of pkts[at..at + n) of the run, which began in this burst with pkts[from]; the numbers grow from packet to packet of it. False:
 * they are not a matter of course, and nothing has been done. */
CV_MUST_USE bool esp_in_run_check(struct esp_worker *w, const struct esp_in_run *r, struct rte_mbuf **pkts,
                                  const struct esp_run_pkt *p, unsigned from, unsigned at, unsigned n);
/* Decrypts those. */
void esp_in_run_crypt(struct esp_worker *w, const struct esp_in_run *r, unsigned at, unsigned n);
/* As esp_out_run_crypt_with. */
void esp_in_run_crypt_with(struct esp_worker *w, const struct esp_in_run *r, unsigned at, unsigned n,
                           struct esp_runs *together);
/* Of checked ones, right before they are looked at: no other run of the SA has marked numbers meanwhile. False: each number has to be asked for again
 * (RFC 4303 3.4.3): esp_in_run_rest. */
CV_MUST_USE bool esp_in_run_still(const struct esp_worker *w, const struct esp_in_run *r,
                                  const struct esp_run_pkt *p, unsigned at, unsigned n);
/* Looks at decrypted ones: how many, from `at` on, are authentic and like the others inside, with a TTL and a length that go on; their inner
 * lengths in p[].len, added to *inner. They are frames then, TTL lowered; the mbuf of the one behind them has not been touched. */
unsigned esp_in_run_accept(struct esp_worker *w, const struct esp_in_run *r, struct rte_mbuf **pkts,
                           struct esp_run_pkt *p, unsigned at, unsigned n, uint64_t *inner);
/* The inner length of one that was not among them, if it is authentic and like the others inside but for that; else 0. The inner packet lies behind
 * the Ethernet header, r->outer octets and r->head ones. */
CV_MUST_USE uint32_t esp_in_run_inside(const struct esp_worker *w, const struct esp_in_run *r, unsigned at);
/* The first n > 0 of the run, from `from` on, were accepted, with `inner` octets in all: window, counters, lifetime. */
void esp_in_run_end(struct esp_worker *w, const struct esp_in_run *r, const struct esp_run_pkt *p,
                    unsigned from, unsigned n, uint64_t inner);
/* After that: what the last pass of esp_in_burst is for those from `first` to `end`, whose mbufs and dp_meta are now as that wants them. *bads of them
 * are bad, and behind the others in pkts[0..); gives how many are good. */
unsigned esp_in_run_rest(struct esp_worker *w, const struct esp_in_run *r, struct rte_mbuf **pkts,
                         const struct esp_run_pkt *p, unsigned first, unsigned end, unsigned *bads);

#endif
