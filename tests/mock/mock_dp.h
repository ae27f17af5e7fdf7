/* mock_dp: a data plane that remembers: implements struct sam_link, answers every command, and checks what no real data
 * plane could see: that no key is ever installed twice, that slots are not overwritten, that both ends of a tunnel hold the same SAs. */
#ifndef TESTS_MOCK_MOCK_DP_H
#define TESTS_MOCK_MOCK_DP_H

#include "control/sa/sam_link.h"

#include <stdbool.h>
#include <stdint.h>

enum { MOCK_BITS = 8, MOCK_SLOTS = 1 << MOCK_BITS, MOCK_EVENTS = 4096, MOCK_TEXT = 512, MOCK_IFS = 64 };

struct mock_sa {
    bool used, first_seen;
    struct cv_sa sa; /* with its keys */
    uint64_t active; /* outbound: order of activation, 0 never */
    struct cv_sa_counters counters;
    uint64_t last_ms; /* 0: no good packet yet */
};

struct mock_dp {
    unsigned bits;    /* what sa_index_bits says; 0: the data plane is away */
    unsigned workers; /* 0: one */
    uint64_t (*now_ms)(void *ctx);
    void *now_ctx;
    const char *ifs[MOCK_IFS]; /* if_id is index + 1 */
    struct mock_sa in[MOCK_SLOTS], out[MOCK_SLOTS];
    struct cv_evt events[MOCK_EVENTS]; /* waiting for mock_dp_next */
    unsigned event_head, event_count;
    uint32_t seq;
    uint64_t activations;
    /* failures to be played */
    unsigned full_for;     /* so many commands find the queue full */
    unsigned refuse_after; /* the n-th SA_ADD from now is refused with refuse_with; 0 none */
    cv_result refuse_with;
    bool hold_replies; /* replies stay in the plane until mock_dp_flush */
    /* record */
    uint8_t (*key_record)[48];
    size_t keys, keys_cap;
    unsigned adds, deletes, commands;
    char violation[MOCK_TEXT]; /* the first one; "" none */
};

void mock_dp_init(struct mock_dp *d, uint64_t (*now_ms)(void *ctx), void *ctx);
void mock_dp_free(struct mock_dp *d); /* frees the record, not d */
struct sam_link mock_dp_link(struct mock_dp *d);
/* The next event for ike_dp_event; false when there is none. */
bool mock_dp_next(struct mock_dp *d, struct cv_evt *out);
void mock_dp_push(struct mock_dp *d, const struct cv_evt *ev);
/* Crashed and started anew: empty tables, no answers to what was asked before. */
void mock_dp_restart(struct mock_dp *d);

unsigned mock_dp_count(const struct mock_dp *d, enum cv_dir dir);
/* The outbound SA that an interface sends on; NULL when there is none. */
struct mock_sa *mock_dp_sending(struct mock_dp *d, uint32_t if_id);
/* A packet that wants protection, as the sender's policy sees it. */
struct mock_packet {
    struct ip_addr src, dst;
    uint8_t proto;
    uint16_t sport, dport;
};
/* One packet from an interface of `from` to `to`: true when it arrives, i.e. `to` has the SA with the same keys and its selectors hold. With no
 * SA `from` raises an acquire. The first one on an inbound SA raises SA_FIRST there. */
bool mock_dp_pass(struct mock_dp *from, struct mock_dp *to, uint32_t if_id, const struct mock_packet *p);
/* The same where a NAT is on the way: in transport mode the packet's addresses are its outer ones, and `arrives` is what it is then. */
bool mock_dp_pass_nat(struct mock_dp *from, struct mock_dp *to, uint32_t if_id, const struct mock_packet *p,
                      const struct mock_packet *arrives);
/* The same for UDP from port 1000 to port 1000. */
bool mock_dp_packet(struct mock_dp *from, struct mock_dp *to, uint32_t if_id, const struct ip_addr *src,
                    const struct ip_addr *dst);
void mock_dp_acquire(struct mock_dp *d, uint32_t if_id, const struct ip_addr *src, const struct ip_addr *dst);

/* Every outbound SA of one end is an inbound SA of the other, with the same keys and mirrored selectors, and no rule was broken.
 * strict: the reverse, too (no left-overs). On false why (MOCK_TEXT) says what. */
bool mock_dp_consistent(const struct mock_dp *a, const struct mock_dp *b, bool strict, char *why);

#endif
