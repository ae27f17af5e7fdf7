/* dp_sad: the SA tables. Inbound: the SPI is the index, one load finds the slot; whose it is, dp_owner.h.
 * Outbound: per tunnel interface or flow a list of active SAs, newest first (dp_pick.h finds among many).
 * Adding, activating and removing an SA cost the same however many there are.
 *
 * Writers: the manager. Readers: any worker, between two quiescent states. Publication is a release store;
 * removal is unlink, grace period, free (esp wipes the keys). */
#ifndef DATAPLANE_DP_SAD_H
#define DATAPLANE_DP_SAD_H

#include "common/ring.h"
#include "dataplane/dp_life.h"
#include "dataplane/dp_spi.h"
#include "dataplane/engine/eng.h"
#include "dataplane/esp/esp.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    DP_SAD_AH = 0x80,
    DP_SAD_WHOLE = 0x40 /* a NIC does ESP as a whole: what comes by it is no ESP any more */
};

struct dp_sad_slot {
    struct esp_in_sa *sa; /* NULL: free. Published last */
    uint32_t spi;
    uint16_t vrf;   /* of the outer packets */
    uint8_t family; /* outer; with DP_SAD_AH it is an SA of AH: no ESP packet's family is equal to it */
    uint8_t local[16];
    uint8_t busy; /* the manager's: taken, or its SA waits for a grace period */
} __attribute__((aligned(64)));

struct dp_pick_entry;
struct dp_out_slot {            /* the manager's */
    struct esp_out_sa *sa;      /* workers read it, too (dp_sad_out) */
    struct dp_pick_entry *pick; /* where its interface has many SAs, and it is active */
    uint64_t alive_tsc;         /* last NAT keepalive */
    uint8_t busy, active;
    uint8_t dummies; /* in the list of those that send them */
};

/* The manager's list of an interface's SAs, both directions: ids are slot << 1 | direction, plus one; 0: none. */
struct dp_sad_link {
    uint32_t next, prev;
};

struct dp_tunnel_sa {
    struct esp_out_sa *sa;
    uint8_t any4, any6; /* every packet of the family is inside the selectors */
    uint8_t df;         /* enum cv_df */
    uint8_t ports;      /* a selector names ports, which only first fragments show */
    bool transport;
    uint8_t worker;     /* as in struct cv_sa */
    uint16_t inner_mtu; /* the manager refreshes it; relaxed */
};
struct dp_pick;
/* Few SAs: immutable but for inner_mtu, replaced at each change. From DP_PICK_FROM on, and until the last one is gone, they are pick's, which
 * changes in place; sas then has one element, which takes nothing and has the inner MTU of the one looked at last. */
struct dp_tunnel {
    uint32_t count;  /* with pick the manager's alone */
    bool by_address; /* nothing but a packet's addresses decides which of them takes it; atomic */
    bool bound; /* one of them is for one worker (RFC 9611): sas[0] is then nobody's first choice; atomic */
    struct dp_pick *pick; /* with many SAs, else NULL */
    struct dp_tunnel_sa sas[];
};
static inline bool dp_tunnel_bound(const struct dp_tunnel *t)
{
    return __atomic_load_n(&t->bound, __ATOMIC_RELAXED);
}
static inline bool dp_tunnel_by_address(const struct dp_tunnel *t)
{
    return __atomic_load_n(&t->by_address, __ATOMIC_RELAXED);
}

struct dp_sad {
    const struct eng_ops *engine;
    struct shm *shm;
    unsigned bits;
    struct dp_pick_table *picks;
    struct dp_sad_slot *in;
    struct dp_out_slot *out;
    struct dp_spi spis;         /* of the outbound ones */
    uint32_t count;             /* SAs in both directions */
    uint32_t of_if[CV_MAX_IFS]; /* the same by tunnel interface */
    uint32_t first[CV_MAX_IFS]; /* of its list */
    uint32_t upper[CV_MAX_IFS]; /* its active SAs that name more than addresses */
    uint32_t bound[CV_MAX_IFS]; /* those that are for one worker */
    struct dp_sad_link *links;  /* by id - 1 */
    struct dp_life life;        /* likewise */
    struct dp_tunnel *tunnels[CV_MAX_IFS];
    uint64_t acquire_tsc[CV_MAX_IFS]; /* of the last ACQUIRE; 0: none since the last activation */
};

/* What follows a deletion, once no worker can see the SA any more. */
typedef void dp_sad_gone_fn(void *ctx, uint32_t seq, const struct cv_sa_counters *last);

CV_MUST_USE cv_result dp_sad_init(struct dp_sad *s, struct shm *shm, const struct eng_ops *engine);
void dp_sad_fini(struct dp_sad *s); /* workers gone */

/* CV_EINVAL: reference, SPI and slot do not agree; CV_EEXIST: slot taken; else what esp said. */
CV_MUST_USE cv_result dp_sad_add(struct dp_sad *s, const struct cv_sa *sa);
/* CV_ENOENT: no such SA. */
CV_MUST_USE cv_result dp_sad_activate(struct dp_sad *s, const struct cv_sa_ref *ref);
/* Unlinks now; calls gone(ctx, seq, counters) after the grace period. */
CV_MUST_USE cv_result dp_sad_del(struct dp_sad *s, const struct cv_sa_ref *ref, dp_sad_gone_fn *gone,
                                 void *ctx, uint32_t seq);
CV_MUST_USE cv_result dp_sad_set_peer(struct dp_sad *s, const struct cv_sa_peer *p);
/* The SA in a slot without its keys, its sequence number current; false: the slot is free. */
bool dp_sad_entry(const struct dp_sad *s, unsigned dir, uint32_t slot, struct cv_sa *out);
/* The device did something: writes for every SA which engine works on it. */
void dp_sad_engines_update(struct dp_sad *s);
/* The clock of lifetimes, in eighths of a second: culvertd's own, CLOCK_MONOTONIC. By the TSC, whose frequency EAL rounds, a day would be
 * minutes longer or shorter than there. */
uint32_t dp_sad_time(void);
/* Closes SAs whose hard_seconds were up at `now` (dp_sad_time); expired is called once for each, and may not change the tables. True:
 * there may be more (dp_life_look). */
typedef void dp_sad_expired_fn(void *ctx, const struct esp_conf *conf);
bool dp_sad_expire(struct dp_sad *s, uint32_t now, dp_sad_expired_fn *expired, void *ctx);
/* Writes what the outer path leaves for inner packets of the active SA in an outbound slot. */
void dp_sad_set_mtu(struct dp_sad *s, uint32_t slot, uint16_t mtu);
/* Removes the SAs of an interface, or (if_id 0) all; without a word about each. CV_ENOMEM: not all are gone. */
CV_MUST_USE cv_result dp_sad_flush_if(struct dp_sad *s, uint32_t if_id);
void dp_sad_flush(struct dp_sad *s);
/* Octets of the tables, which do not depend on how many SAs there are. */
size_t dp_sad_table_bytes(const struct dp_sad *s);

static inline struct esp_in_sa *dp_sad_lookup(const struct dp_sad *s, uint32_t spi,
                                              const struct dp_sad_slot **slot)
{
    const struct dp_sad_slot *e = &s->in[spi & ((1u << s->bits) - 1)];
    struct esp_in_sa *sa = __atomic_load_n(&e->sa, __ATOMIC_ACQUIRE);
    *slot = e;
    return sa && e->spi == spi ? sa : NULL;
}

/* The outbound SA of a slot, for workers; NULL: it has another SPI, or is gone. */
static inline struct esp_out_sa *dp_sad_out(const struct dp_sad *s, uint32_t slot, uint32_t spi)
{
    struct esp_out_sa *sa = __atomic_load_n(&s->out[slot].sa, __ATOMIC_ACQUIRE);
    return sa && esp_out_sa_conf(sa)->ref.spi == spi ? sa : NULL;
}

/* Asks the cache for what dp_sad_lookup reads. */
static inline void dp_sad_fetch(const struct dp_sad *s, uint32_t spi)
{
    __builtin_prefetch(&s->in[spi & ((1u << s->bits) - 1)]);
}

static inline const struct dp_tunnel *dp_tunnel_get(const struct dp_sad *s, uint32_t if_id)
{
    return __atomic_load_n(&s->tunnels[if_id], __ATOMIC_ACQUIRE);
}

#endif
