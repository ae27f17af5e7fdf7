/* ip_nbr: the neighbour table: which MAC address answers for an IP address on a link (ARP and ND alike).
 *
 * An entry is learned only from an answer that was asked for, or from a request made to us; a claim that
 * contradicts a valid entry makes us ask, never overwrites. Packets that wait for an answer are kept here,
 * bounded per neighbour and in all; so are unanswered entries, so that a scan of a /64 costs a fixed amount.
 *
 * Threads: ip_nbr_find is any worker's, between two quiescent states; all else is the manager's. Times in
 * milliseconds of the manager's clock. */
#ifndef DATAPLANE_IP_IP_NBR_H
#define DATAPLANE_IP_IP_NBR_H

#include "common/addr.h"
#include "common/result.h"

#include <rte_mbuf.h>
#include <stdint.h>

enum {
    IP_NBR_BUCKETS = 4096,
    IP_NBR_MAX = 16384,
    IP_NBR_UNANSWERED_MAX = 512,
    IP_NBR_PENDING = 8,       /* packets per neighbour */
    IP_NBR_PENDING_MAX = 512, /* packets in all */
    IP_NBR_TRIES = 3,
    IP_NBR_ASK_MS = 1000,      /* between two questions */
    IP_NBR_FRESH_MS = 60000,   /* an entry in use is asked again after this */
    IP_NBR_UNUSED_MS = 300000, /* one not in use is forgotten */
};

enum ip_nbr_state { IP_NBR_ASKING = 0, IP_NBR_VALID = 1 };

struct ip_nbr {
    struct ip_nbr *next;
    uint32_t if_id;
    struct ip_addr addr;
    uint8_t mac[6]; /* written before state becomes VALID, then never again */
    uint8_t state;  /* enum ip_nbr_state */
    uint8_t in_use; /* set by workers, cleared by the manager */
    /* the manager's */
    uint8_t probing; /* a question is out */
    uint8_t tries;
    uint8_t pending_count;
    uint64_t since_ms;    /* of the last answer */
    uint64_t next_ask_ms; /* while probing */
    struct rte_mbuf *pending[IP_NBR_PENDING];
};

struct ip_nbrs {
    struct ip_nbr *bucket[IP_NBR_BUCKETS];
    uint32_t count, unanswered, pending;
};

/* How the table speaks to its owner. */
struct ip_nbr_calls {
    void *ctx;
    /* Ask on the link; mac NULL: everybody (ARP broadcast, ND solicited-node multicast). */
    void (*ask)(void *ctx, uint32_t if_id, const struct ip_addr *addr, const uint8_t *mac);
    void (*ready)(void *ctx, struct rte_mbuf *m);  /* the neighbour answered: send it, ownership passes */
    void (*failed)(void *ctx, struct rte_mbuf *m); /* it did not: ownership passes */
};

static inline uint32_t ip_nbr_hash(uint32_t if_id, uint8_t family, const uint8_t *addr)
{
    uint32_t last, h;
    __builtin_memcpy(&last, addr + (family == IP_V4 ? 0 : 12), 4);
    h = (last ^ if_id * 0x9e3779b1u) * 0x85ebca6bu;
    return (h >> 16 ^ h) & (IP_NBR_BUCKETS - 1);
}

/* The valid entry, or NULL. addr: 4 or 16 octets. */
static inline struct ip_nbr *ip_nbr_find(const struct ip_nbrs *t, uint32_t if_id, uint8_t family,
                                         const uint8_t *addr)
{
    struct ip_nbr *n = __atomic_load_n(&t->bucket[ip_nbr_hash(if_id, family, addr)], __ATOMIC_ACQUIRE);
    for (; n; n = __atomic_load_n(&n->next, __ATOMIC_ACQUIRE))
        if (n->if_id == if_id && n->addr.family == family &&
            __builtin_memcmp(n->addr.b, addr, family == IP_V4 ? 4 : 16) == 0)
            return __atomic_load_n(&n->state, __ATOMIC_ACQUIRE) == IP_NBR_VALID ? n : NULL;
    return NULL;
}

/* Keeps m until addr answers, asking when nobody did yet; calls ready at once when it is known by now.
 * Ownership of m passes only with CV_OK. CV_ENOSPC: too much waits already. */
CV_MUST_USE cv_result ip_nbr_resolve(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr,
                                     struct rte_mbuf *m, uint64_t now_ms, const struct ip_nbr_calls *calls);
/* An ARP reply or neighbour advertisement: taken only when a question is out. */
void ip_nbr_answer(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                   uint64_t now_ms, const struct ip_nbr_calls *calls);
/* Its sender asked for one of our addresses: learned when unknown; when it contradicts, we ask everybody. */
void ip_nbr_claim(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                  uint64_t now_ms, const struct ip_nbr_calls *calls);
/* Repeats questions, gives up, ages. About every 100 ms. */
void ip_nbr_tick(struct ip_nbrs *t, uint64_t now_ms, const struct ip_nbr_calls *calls);
/* Forgets an interface's neighbours; if_id 0: all. */
void ip_nbr_flush(struct ip_nbrs *t, uint32_t if_id, const struct ip_nbr_calls *calls);

#endif
