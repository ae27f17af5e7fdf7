/* esp_compare: packets through the data plane's bursts and through the reference (esp_reference.h), and what came of both: octets, reasons, order,
 * counters, metadata, IVs, and what lies around the packet, which must stay as it was. What the packets are is the caller's:
 * test_differential.c draws them, test_sweep.c takes every length.
 *
 * A round: each of items[0..n) gets a lane, what was given, and an mbuf by receive_*; then burst, then same_out or same_in. One thread. */
#ifndef TESTS_UNIT_ESP_ESP_COMPARE_H
#define TESTS_UNIT_ESP_ESP_COMPARE_H

#include "dataplane/dp_meta.h"
#include "dataplane/esp/esp.h"
#include "tests/unit/esp/esp_draw.h"
#include "tests/unit/esp/esp_reference.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LANE_PACKETS = 4000, /* until an SA must be made anew */
    SEEN_ROOM = LANE_PACKETS + ESP_BURST_MAX,
    SEGMENT = 2048,
    ONE_ROOM = 10240 + RTE_PKTMBUF_HEADROOM, /* octets of a single mbuf, room in front included */
    DIFFERENCES_MAX = 10,                    /* that are told */
    IV_MAX = 16,
};

/* An SA of either direction, and its twins in the reference. */
struct lane {
    const char *transform;
    struct ref_sa out, in;
    struct esp_out_sa *eout;
    struct esp_in_sa *ein;
    struct cv_sa_counters cout, cin;
    uint64_t sender; /* the highest number that the peer has used */
    uint64_t seen[SEEN_ROOM];
    uint8_t ivs[SEEN_ROOM][IV_MAX], last_block[IV_MAX];
    unsigned iv_count;
};

struct item {
    struct lane *lane;
    struct ref_packet given, got;
    struct rte_mbuf *m;
    uint32_t l3, start, end; /* of the data in the buffer, before */
    bool udp, refused;       /* refused: no single mbuf with room */
    bool moved;              /* into another mbuf, where its own has no room for its padding */
    bool broken;             /* one bit under AH's ICV is another, behind the headers in front */
    enum cv_drop result;
};

struct compare {
    struct esp_worker w;
    const struct eng_ops *engine;
    const char *engine_word;
    uint64_t seed, done;                                          /* done: packets; the caller's */
    uint64_t told, outcomes[2][CV_DROP_COUNT], joined, taken_all; /* outcomes: out, in */
    uint64_t iv_pairs, iv_bits_differ, iv_bits;
};

extern struct compare compare;
extern struct item items[ESP_BURST_MAX];

/* The pools of mbufs, after eal_start. */
CV_MUST_USE bool compare_start(void);
/* A word of `crypto-engine`, vaes-avx2 or vaes-avx512. False: this processor has not got it; unknown ones end the process. */
CV_MUST_USE bool compare_open(const char *word);
void compare_close(void);
/* Packets that a burst may have. A device gives packets back when the burst is over: the window is looked at once per burst then. */
unsigned compare_burst_max(void);
/* A number of the environment. */
uint64_t compare_setting(const char *name, uint64_t otherwise);

bool is_ah(const struct lane *l);
void lane_open(struct lane *l, const char *transform, const struct cv_sa *out, const struct cv_sa *in);
/* Counters, numbers and IVs must be the reference's. */
void lane_close(struct lane *l);

/* Tells of a difference, and fails. */
void differ(const struct item *it, const char *what, unsigned long long want, unsigned long long got);
void same(const struct item *it, const char *what, unsigned long long want, unsigned long long got);

/* Octets to which the SA pads this packet. */
uint32_t padded(const struct item *it);
/* it->given in one mbuf, or in several segments at any place in theirs, of least to most octets each, of which the last may have fewer. */
struct rte_mbuf *in_one(const struct ref_packet *p, uint32_t data_off);
struct rte_mbuf *scattered(const struct ref_packet *p, uint32_t least, uint32_t most);
/* Where in one mbuf the packet has the room that it needs. */
void room_of(const struct item *it, bool out, uint32_t *low, uint32_t *high);
/* it->m is m, one segment; or what the worker makes of a chain (dp_worker.c). */
void receive_one(struct item *it, bool out, struct rte_mbuf *m);
void receive_chain(struct item *it, bool out, struct rte_mbuf *chain);
/* As the worker leaves it for esp_in_burst and esp_ah_in_burst. */
void classified(struct item *it);

/* items[0..n) through the data plane; ah: of an inbound burst. */
void burst(unsigned n, bool out, bool ah);
/* What came of it; true: both took the packet. Inbound ones in their order, ref_in_chunk before each ESP_CHUNK of them. */
CV_MUST_USE bool same_out(struct item *it);
CV_MUST_USE bool same_in(struct item *it);

#endif
