/* ip_nbr: the neighbour table: which MAC address answers for an IP address on a link (ARP and ND alike).
 *
 * An entry is learned only from an answer that was asked for, or from a request made to us; a claim that
 * contradicts a valid entry makes us ask, never overwrites. Packets that wait for an answer are kept here.
 *
 * Everything is bounded, and what is new takes the place of what is oldest (RFC 6583 4): unanswered entries per
 * interface, and apart for what this host itself sends to (its IKE and ESP peers' routers), so that a scan
 * of a connected subnet never stops a resolution that matters; known entries per interface, where those in use stay
 * longest; waiting packets by who made them. Buckets are chosen under a key: nobody can choose what collides.
 *
 * Threads: ip_nbr_find is any worker's, between two quiescent states; all else is the manager's. Times in
 * milliseconds of the manager's clock. */
#ifndef DATAPLANE_IP_IP_NBR_H
#define DATAPLANE_IP_IP_NBR_H

#include "common/addr.h"
#include "common/contract.h"
#include "common/result.h"
#include "dataplane/ip/ip_hash.h"

#include <rte_mbuf.h>
#include <stdint.h>

enum {
    IP_NBR_BUCKETS = 4096,
    IP_NBR_KNOWN_MAX = 4096,     /* known neighbours of an interface */
    IP_NBR_FIXED_MAX = 1024,     /* by configuration, of an interface */
    IP_NBR_UNANSWERED_MAX = 256, /* of an interface, of either share */
    IP_NBR_PENDING = 8,          /* packets per neighbour */
    /* packets in all, by who made them: */
    IP_NBR_PENDING_TRANSIT = 512,
    IP_NBR_PENDING_ICMP = 64,
    IP_NBR_PENDING_HOST = 512,
    IP_NBR_PENDING_MAX = IP_NBR_PENDING_TRANSIT + IP_NBR_PENDING_ICMP + IP_NBR_PENDING_HOST,
    IP_NBR_TRIES = 3,
    IP_NBR_ASK_MS = 1000,      /* between two questions */
    IP_NBR_FRESH_MS = 60000,   /* an entry in use is asked again after this */
    IP_NBR_UNUSED_MS = 300000, /* one not in use is forgotten */
};

enum ip_nbr_state { IP_NBR_ASKING = 0, IP_NBR_VALID = 1 };

/* Where an entry is listed, known ones apart from those asked for, and by whom; and who made a packet: others; this host's
 * ICMP, which others provoke; itself. */
enum ip_nbr_share { IP_NBR_KNOWN, IP_NBR_FIXED, IP_NBR_FOR_OTHERS, IP_NBR_FOR_HOST, IP_NBR_SHARES };
enum ip_nbr_maker { IP_NBR_BY_OTHERS, IP_NBR_BY_ICMP, IP_NBR_BY_HOST, IP_NBR_MAKERS };

struct ip_nbr {
    struct ip_nbr *next;
    struct ip_nbr *older, *newer; /* the manager's: in its list */
    uint8_t share;                /* the manager's: which list, enum ip_nbr_share */
    uint32_t if_id;
    struct ip_addr addr;
    uint8_t mac[6]; /* written before state becomes VALID, then never again */
    uint8_t state;  /* enum ip_nbr_state */
    uint8_t in_use; /* set by workers, cleared by the manager */
    uint8_t fixed;  /* by configuration: never asked, never ages, changed by nothing that a packet says */
    /* the manager's */
    uint8_t probing; /* a question is out */
    uint8_t tries;
    uint8_t pending_count;
    uint64_t since_ms;    /* of the last answer */
    uint64_t next_ask_ms; /* while probing */
    struct rte_mbuf *pending[IP_NBR_PENDING];
};

struct ip_nbr_list {
    struct ip_nbr *oldest, *newest;
    uint32_t count;
};

struct ip_nbrs { /* all zeroes is an empty table; the key makes its buckets unpredictable */
    struct ip_nbr *bucket[IP_NBR_BUCKETS];
    struct ip_hash_key key;
    struct ip_nbr_list list[CV_MAX_IFS][IP_NBR_SHARES];
    uint32_t count, unanswered, pending;
    uint32_t pending_by[IP_NBR_MAKERS];
};

/* How the table speaks to its owner. */
struct ip_nbr_calls {
    void *ctx;
    /* Ask on the link; mac NULL: everybody (ARP broadcast, ND solicited-node multicast). */
    void (*ask)(void *ctx, uint32_t if_id, const struct ip_addr *addr, const uint8_t *mac);
    void (*ready)(void *ctx, struct rte_mbuf *m);  /* the neighbour answered: send it, ownership passes */
    void (*failed)(void *ctx, struct rte_mbuf *m); /* it did not: ownership passes */
};

static inline uint32_t ip_nbr_hash(const struct ip_nbrs *t, uint32_t if_id, uint8_t family,
                                   const uint8_t *addr)
{
    return (uint32_t)ip_hash_addr(&t->key, if_id, family, addr) & (IP_NBR_BUCKETS - 1);
}

/* The valid entry, or NULL. addr: 4 or 16 octets. */
static inline struct ip_nbr *ip_nbr_find(const struct ip_nbrs *t, uint32_t if_id, uint8_t family,
                                         const uint8_t *addr)
{
    struct ip_nbr *n = __atomic_load_n(&t->bucket[ip_nbr_hash(t, if_id, family, addr)], __ATOMIC_ACQUIRE);
    for (; n; n = __atomic_load_n(&n->next, __ATOMIC_ACQUIRE))
        if (n->if_id == if_id && n->addr.family == family &&
            __builtin_memcmp(n->addr.b, addr, family == IP_V4 ? 4 : 16) == 0)
            return __atomic_load_n(&n->state, __ATOMIC_ACQUIRE) == IP_NBR_VALID ? n : NULL;
    return NULL;
}

/* Keeps m until addr answers, asking when nobody did yet; calls ready at once when it is known by now.
 * Ownership of m passes only with CV_OK. CV_ENOSPC: too much waits already; addr is asked for all the same. */
CV_MUST_USE cv_result ip_nbr_resolve(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr,
                                     struct rte_mbuf *m, uint64_t now_ms, const struct ip_nbr_calls *calls);
/* Asks for addr on behalf of m, which stays the caller's: nothing waits, and no place of those that wait is taken. */
void ip_nbr_want(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, struct rte_mbuf *m,
                 uint64_t now_ms, const struct ip_nbr_calls *calls);
/* An ARP reply or neighbour advertisement: taken only when a question is out. */
void ip_nbr_answer(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                   uint64_t now_ms, const struct ip_nbr_calls *calls);
/* Its sender asked for one of our addresses: learned when unknown; when it contradicts, we ask everybody. */
void ip_nbr_claim(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                  uint64_t now_ms, const struct ip_nbr_calls *calls);
/* Somebody says in passing who has addr (a gratuitous ARP, RFC 5227 3; an unsolicited advertisement, RFC 4861
 * 7.2.6): learns nothing, but when it contradicts an entry that entry is asked at once whether it still holds. */
void ip_nbr_gossip(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                   uint64_t now_ms, const struct ip_nbr_calls *calls);
/* A neighbour by configuration, in place of whatever is known of addr: packets that waited are sent. CV_EINVAL: a MAC that no
 * single station has; CV_ENOSPC: the interface has IP_NBR_FIXED_MAX. */
CV_MUST_USE cv_result ip_nbr_fix(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr,
                                 const uint8_t mac[6], uint64_t now_ms, const struct ip_nbr_calls *calls);
/* CV_ENOENT: addr has none by configuration. */
CV_MUST_USE cv_result ip_nbr_unfix(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr,
                                   const struct ip_nbr_calls *calls);
/* Repeats questions, gives up, ages. About every 100 ms. */
void ip_nbr_tick(struct ip_nbrs *t, uint64_t now_ms, const struct ip_nbr_calls *calls);
/* Forgets an interface's neighbours; if_id 0: all. */
void ip_nbr_flush(struct ip_nbrs *t, uint32_t if_id, const struct ip_nbr_calls *calls);

#endif
