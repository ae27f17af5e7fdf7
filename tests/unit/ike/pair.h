/* pair: two IKE engines back to back over a wire in memory, with a virtual clock and mock_dp as data planes. For tests of
 * the core; tests/dialogue has the wire that loses and reorders. */
#ifndef TESTS_UNIT_IKE_PAIR_H
#define TESTS_UNIT_IKE_PAIR_H

#include "control/codec/pld.h"
#include "control/config/cfg.h"
#include "control/ike/ike_sa.h"
#include "control/ikev2/v2.h"
#include "tests/mock/mock_dp.h"

#include <stdbool.h>

struct pair;

struct pair_side {
    struct pair *pair;
    struct ike *e;
    struct cfg *cfg;
    struct mock_dp *dp; /* large */
    struct sam_link link;
    uint64_t rng;
    unsigned sent;
    char log[16384]; /* what the engine said, cut at the front */
    bool deaf;       /* nothing arrives here */
};

struct pair_packet {
    struct pair_side *from;
    struct ike_datagram d; /* as sent */
    uint8_t *data;
    size_t len;
    struct pair_packet *next;
};

enum { PAIR_NAT_PORT = 10000, PAIR_SLACK = 1024 };
struct pair {
    uint64_t now;
    struct pair_side a, b; /* 192.0.2.1 and 192.0.2.2 */
    struct pair_packet *head, **tail;
    /* sees (and may change) each datagram on its way; false: it is lost */
    bool (*tap)(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len);
    void *tap_ctx;
    unsigned tap_count;
    bool nat_a; /* a is behind a NAT: its address is 198.51.100.9, its ports are moved by PAIR_NAT_PORT */
    unsigned delivered;
};

/* Configuration of one end. %me, %peer: addresses; more: lines put in front. NULL key: "secret". */
struct pair_opt {
    const char *key_a, *key_b;
    const char *globals_a, *globals_b;   /* further top-level lines */
    const char *proposal_a, *proposal_b; /* lines of the IKEv2 proposal */
    const char *ipsec_a, *ipsec_b;       /* lines of the IPsec profile */
    const char *profile_a, *profile_b;   /* lines of the IKEv2 profile that replace match and identity */
    const char *transform_a, *transform_b;
};
void pair_start(struct pair *p, const struct pair_opt *o);
/* Not NULL: called before each engine is made; it may change its environment and versions (room for 3, NULL last). The engine's own
 * callbacks have the pair_side as ctx; what is set here shares it. */
extern void (*pair_adjust)(struct pair_side *s, struct ike_env *env, const struct ike_version_ops **versions);
/* The configurations are the pair's afterwards: pair_end frees them (NULL: was taken back). */
void pair_start_with(struct pair *p, struct cfg *a, struct cfg *b);
void pair_end(struct pair *p);
/* A configuration of the pair's kind, for ike_reconfigure. */
struct cfg *pair_cfg(const struct pair_opt *o, bool a);

/* Delivers until the wire is silent and no data plane has news. */
void pair_run(struct pair *p);
/* Lets time pass, timers included. */
void pair_wait(struct pair *p, uint64_t ms);
/* A datagram from nowhere to one side; from: the address it claims. */
void pair_inject(struct pair *p, struct pair_side *to, const struct ip_endpoint *from, bool natt,
                 const uint8_t *data, size_t len);
/* A protected message with the SA's own keys, whatever it says. total: as an SKF fragment. */
struct pair_forgery {
    uint8_t exchange, first;
    bool response;
    uint32_t message_id;
    uint16_t number, total;
    struct slice inner;
};
size_t pair_forge(const struct ike_sa *sa, const struct pair_forgery *f, uint8_t *out, size_t cap);
/* Opens a message that sa's engine has just sent, lets the inner payloads be changed (room for PAIR_SLACK more), seals it again. */
void pair_edit(const struct ike_sa *sa, uint8_t *data, size_t *len,
               void (*edit)(uint8_t *inner, size_t *n, uint8_t *first, void *ctx), void *ctx);
struct ip_endpoint pair_endpoint(const struct pair_side *s, uint16_t port);
enum ike_session_status pair_status(struct pair_side *s);
struct ike_session_view pair_view(struct pair_side *s);
/* The only IKE SA of a side, NULL when there is none (or several). */
struct ike_sa *pair_sa(struct pair_side *s);
bool pair_up(struct pair *p, struct pair_side *from); /* `up`, run, both UP-ACTIVE */
bool pair_ping(struct pair *p);                       /* a packet each way */

#endif
