#include "dataplane/ip/ip_nbr.h"
#include "dataplane/dp_meta.h"
#include "dataplane/dp_rcu.h"

#include <stdlib.h>
#include <string.h>

static struct ip_nbr **link_of(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr)
{
    struct ip_nbr **at = &t->bucket[ip_nbr_hash(t, if_id, addr->family, addr->b)];
    while (*at && ((*at)->if_id != if_id || !ip_addr_equal(&(*at)->addr, addr)))
        at = &(*at)->next;
    return at;
}

/* ---- lists by age ---------------------------------------------------------------------------------------- */
static void list_leave(struct ip_nbrs *t, struct ip_nbr *n)
{
    struct ip_nbr_list *l = &t->list[n->if_id][n->share];
    *(n->older ? &n->older->newer : &l->oldest) = n->newer;
    *(n->newer ? &n->newer->older : &l->newest) = n->older;
    l->count--;
    if (n->share > IP_NBR_FIXED)
        t->unanswered--;
}

static void list_join(struct ip_nbrs *t, struct ip_nbr *n, enum ip_nbr_share share)
{
    struct ip_nbr_list *l = &t->list[n->if_id][share];
    n->share = (uint8_t)share;
    n->older = l->newest;
    n->newer = NULL;
    *(l->newest ? &l->newest->newer : &l->oldest) = n;
    l->newest = n;
    l->count++;
    if (share > IP_NBR_FIXED)
        t->unanswered++;
}

/* ---- waiting packets ------------------------------------------------------------------------------------- */
static enum ip_nbr_maker maker_of(struct rte_mbuf *m)
{
    uint8_t made = dp_meta(m)->local_out;
    return made == DP_TRANSIT ? IP_NBR_BY_OTHERS : made == DP_LOCAL ? IP_NBR_BY_ICMP : IP_NBR_BY_HOST;
}

static bool pending_add(struct ip_nbrs *t, struct ip_nbr *n, struct rte_mbuf *m)
{
    static const uint32_t most[IP_NBR_MAKERS] = {IP_NBR_PENDING_TRANSIT, IP_NBR_PENDING_ICMP,
                                                 IP_NBR_PENDING_HOST};
    enum ip_nbr_maker by = maker_of(m);
    if (n->pending_count == IP_NBR_PENDING || t->pending_by[by] >= most[by])
        return false;
    n->pending[n->pending_count++] = m;
    t->pending_by[by]++;
    t->pending++;
    return true;
}

static void pending_flush(struct ip_nbrs *t, struct ip_nbr *n, void *ctx,
                          void (*give)(void *, struct rte_mbuf *))
{
    unsigned count = n->pending_count;
    n->pending_count = 0;
    t->pending -= count;
    for (unsigned i = 0; i < count; i++)
        t->pending_by[maker_of(n->pending[i])]--;
    for (unsigned i = 0; i < count; i++)
        give(ctx, n->pending[i]);
}

/* A worker that has found it says so no more until it looks again. */
static bool was_used(struct ip_nbr *n)
{
    if (!__atomic_exchange_n(&n->in_use, 0, __ATOMIC_RELAXED))
        return false;
    dp_rcu_changed();
    return true;
}

/* ---- entries --------------------------------------------------------------------------------------------- */
static void nbr_remove(struct ip_nbrs *t, struct ip_nbr *n, const struct ip_nbr_calls *calls)
{
    struct ip_nbr **at = link_of(t, n->if_id, &n->addr);
    __atomic_store_n(at, n->next, __ATOMIC_RELEASE);
    t->count--;
    list_leave(t, n);
    pending_flush(t, n, calls->ctx, calls->failed);
    dp_rcu_free(n);
}

/* Known entries that are in use get a second turn, a bounded number of them. Those by configuration are never in the way. */
static void make_room(struct ip_nbrs *t, uint32_t if_id, enum ip_nbr_share share,
                      const struct ip_nbr_calls *calls)
{
    enum { SECOND_TURNS = 32 };
    struct ip_nbr_list *l = &t->list[if_id][share];
    if (share == IP_NBR_FIXED ||
        l->count < (share == IP_NBR_KNOWN ? (uint32_t)IP_NBR_KNOWN_MAX : (uint32_t)IP_NBR_UNANSWERED_MAX))
        return;
    for (unsigned i = 0; share == IP_NBR_KNOWN && i < SECOND_TURNS; i++) {
        struct ip_nbr *n = l->oldest;
        if (!was_used(n))
            break;
        list_leave(t, n);
        list_join(t, n, IP_NBR_KNOWN);
    }
    nbr_remove(t, l->oldest, calls);
}

static void list_move(struct ip_nbrs *t, struct ip_nbr *n, enum ip_nbr_share share,
                      const struct ip_nbr_calls *calls)
{
    if (n->share != share)
        make_room(t, n->if_id, share, calls);
    list_leave(t, n);
    list_join(t, n, share);
}

static struct ip_nbr *nbr_new(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr,
                              enum ip_nbr_share share, const struct ip_nbr_calls *calls)
{
    make_room(t, if_id, share, calls);
    struct ip_nbr *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->if_id = if_id;
    n->addr = *addr;
    list_join(t, n, share);
    struct ip_nbr **head = &t->bucket[ip_nbr_hash(t, if_id, addr->family, addr->b)];
    n->next = *head;
    t->count++;
    __atomic_store_n(head, n, __ATOMIC_RELEASE);
    return n;
}

static void ask(struct ip_nbr *n, bool everybody, uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    n->probing = 1;
    n->tries++;
    n->next_ask_ms = now_ms + IP_NBR_ASK_MS;
    calls->ask(calls->ctx, n->if_id, &n->addr, everybody ? NULL : n->mac);
}

/* The entry of an address that is not known, n or a new one, asked for on behalf of m. NULL: no memory. */
static struct ip_nbr *sought(struct ip_nbrs *t, struct ip_nbr *n, uint32_t if_id, const struct ip_addr *addr,
                             struct rte_mbuf *m, const struct ip_nbr_calls *calls)
{
    enum ip_nbr_share share = maker_of(m) == IP_NBR_BY_HOST ? IP_NBR_FOR_HOST : IP_NBR_FOR_OTHERS;
    if (!n)
        return nbr_new(t, if_id, addr, share, calls);
    if (share == IP_NBR_FOR_HOST && n->share == IP_NBR_FOR_OTHERS)
        list_move(t, n, IP_NBR_FOR_HOST, calls);
    return n;
}

cv_result ip_nbr_resolve(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, struct rte_mbuf *m,
                         uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (n && n->state == IP_NBR_VALID) {
        calls->ready(calls->ctx, m);
        return CV_OK;
    }
    n = sought(t, n, if_id, addr, m, calls);
    if (!n)
        return CV_ENOMEM;
    bool kept = pending_add(t, n, m);
    if (!n->probing)
        ask(n, true, now_ms, calls);
    return kept ? CV_OK : CV_ENOSPC;
}

void ip_nbr_want(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, struct rte_mbuf *m,
                 uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (n && n->state == IP_NBR_VALID)
        return;
    n = sought(t, n, if_id, addr, m, calls);
    if (n && !n->probing)
        ask(n, true, now_ms, calls);
}

/* An entry's MAC never changes under a reader: another one gets a new entry. */
static struct ip_nbr *replace(struct ip_nbrs *t, struct ip_nbr *old, const uint8_t mac[6])
{
    struct ip_nbr *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    memcpy(n, old, sizeof *n);
    memcpy(n->mac, mac, sizeof n->mac);
    list_leave(t, old);
    list_join(t, n, IP_NBR_KNOWN);
    __atomic_store_n(link_of(t, old->if_id, &old->addr), n, __ATOMIC_RELEASE);
    dp_rcu_free(old);
    return n;
}

/* The entry from now on; NULL: no memory, and the old one stands. */
static struct ip_nbr *learn(struct ip_nbrs *t, struct ip_nbr *n, const uint8_t mac[6],
                            enum ip_nbr_share share, uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    if (n->state == IP_NBR_VALID && memcmp(n->mac, mac, sizeof n->mac) != 0) {
        n = replace(t, n, mac);
        if (!n)
            return NULL;
    }
    if (n->state != IP_NBR_VALID) {
        memcpy(n->mac, mac, sizeof n->mac);
        __atomic_store_n(&n->state, IP_NBR_VALID, __ATOMIC_RELEASE);
        dp_rcu_changed();
    }
    list_move(t, n, share, calls);
    n->probing = n->tries = 0;
    n->since_ms = now_ms;
    pending_flush(t, n, calls->ctx, calls->ready);
    return n;
}

static bool mac_usable(const uint8_t mac[6])
{
    static const uint8_t zero[6];
    return !(mac[0] & 1) && memcmp(mac, zero, 6) != 0;
}

void ip_nbr_answer(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                   uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (n && !n->fixed && n->probing && mac_usable(mac))
        (void)learn(t, n, mac, IP_NBR_KNOWN, now_ms, calls);
}

void ip_nbr_claim(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                  uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    if (!mac_usable(mac))
        return;
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (!n)
        n = nbr_new(t, if_id, addr, IP_NBR_FOR_OTHERS, calls);
    if (!n || n->fixed)
        return;
    if (n->state != IP_NBR_VALID || memcmp(n->mac, mac, sizeof n->mac) == 0)
        (void)learn(t, n, mac, IP_NBR_KNOWN, now_ms, calls);
    else if (!n->probing)
        ask(n, true, now_ms, calls);
}

void ip_nbr_gossip(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                   uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (!n || n->fixed || n->state != IP_NBR_VALID || n->probing || !mac_usable(mac) ||
        memcmp(n->mac, mac, sizeof n->mac) == 0)
        return;
    ask(n, false, now_ms, calls);
}

cv_result ip_nbr_fix(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                     uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    if (!mac_usable(mac))
        return CV_EINVAL;
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if ((!n || !n->fixed) && t->list[if_id][IP_NBR_FIXED].count >= IP_NBR_FIXED_MAX)
        return CV_ENOSPC;
    if (!n)
        n = nbr_new(t, if_id, addr, IP_NBR_FIXED, calls);
    n = n ? learn(t, n, mac, IP_NBR_FIXED, now_ms, calls) : NULL;
    if (!n)
        return CV_ENOMEM;
    n->fixed = 1;
    return CV_OK;
}

cv_result ip_nbr_unfix(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr,
                       const struct ip_nbr_calls *calls)
{
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (!n || !n->fixed)
        return CV_ENOENT;
    nbr_remove(t, n, calls);
    return CV_OK;
}

static void tick_probing(struct ip_nbrs *t, struct ip_nbr *n, uint64_t now_ms,
                         const struct ip_nbr_calls *calls)
{
    if (now_ms < n->next_ask_ms)
        return;
    if (n->tries >= IP_NBR_TRIES)
        nbr_remove(t, n, calls);
    else /* a unicast question first; its last repetition goes to everybody */
        ask(n, n->state != IP_NBR_VALID || n->tries == IP_NBR_TRIES - 1, now_ms, calls);
}

static void tick_valid(struct ip_nbrs *t, struct ip_nbr *n, uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    uint64_t age = now_ms - n->since_ms;
    if (age < IP_NBR_FRESH_MS)
        return;
    if (was_used(n))
        ask(n, false, now_ms, calls);
    else if (age >= IP_NBR_UNUSED_MS)
        nbr_remove(t, n, calls);
}

void ip_nbr_tick(struct ip_nbrs *t, uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    for (unsigned b = 0; b < IP_NBR_BUCKETS; b++) {
        struct ip_nbr *next;
        for (struct ip_nbr *n = t->bucket[b]; n; n = next) {
            next = n->next;
            if (n->fixed)
                continue;
            if (n->probing)
                tick_probing(t, n, now_ms, calls);
            else
                tick_valid(t, n, now_ms, calls);
        }
    }
}

void ip_nbr_flush(struct ip_nbrs *t, uint32_t if_id, const struct ip_nbr_calls *calls)
{
    for (unsigned b = 0; b < IP_NBR_BUCKETS; b++) {
        struct ip_nbr *next;
        for (struct ip_nbr *n = t->bucket[b]; n; n = next) {
            next = n->next;
            if (if_id == 0 || n->if_id == if_id)
                nbr_remove(t, n, calls);
        }
    }
}
