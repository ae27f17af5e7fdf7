#include "dataplane/ip/ip_nbr.h"
#include "dataplane/dp_rcu.h"

#include <stdlib.h>
#include <string.h>

static struct ip_nbr **link_of(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr)
{
    struct ip_nbr **at = &t->bucket[ip_nbr_hash(if_id, addr->family, addr->b)];
    while (*at && ((*at)->if_id != if_id || !ip_addr_equal(&(*at)->addr, addr)))
        at = &(*at)->next;
    return at;
}

static struct ip_nbr *nbr_new(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr)
{
    struct ip_nbr *n = t->count < IP_NBR_MAX ? calloc(1, sizeof *n) : NULL;
    if (!n)
        return NULL;
    n->if_id = if_id;
    n->addr = *addr;
    struct ip_nbr **head = &t->bucket[ip_nbr_hash(if_id, addr->family, addr->b)];
    n->next = *head;
    t->count++;
    t->unanswered++;
    __atomic_store_n(head, n, __ATOMIC_RELEASE);
    return n;
}

static void pending_flush(struct ip_nbrs *t, struct ip_nbr *n, void *ctx,
                          void (*give)(void *, struct rte_mbuf *))
{
    unsigned count = n->pending_count;
    n->pending_count = 0;
    t->pending -= count;
    for (unsigned i = 0; i < count; i++)
        give(ctx, n->pending[i]);
}

static void nbr_remove(struct ip_nbrs *t, struct ip_nbr *n, const struct ip_nbr_calls *calls)
{
    struct ip_nbr **at = link_of(t, n->if_id, &n->addr);
    __atomic_store_n(at, n->next, __ATOMIC_RELEASE);
    t->count--;
    if (n->state != IP_NBR_VALID)
        t->unanswered--;
    pending_flush(t, n, calls->ctx, calls->failed);
    dp_rcu_free(n);
}

static void ask(struct ip_nbr *n, bool everybody, uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    n->probing = 1;
    n->tries++;
    n->next_ask_ms = now_ms + IP_NBR_ASK_MS;
    calls->ask(calls->ctx, n->if_id, &n->addr, everybody ? NULL : n->mac);
}

cv_result ip_nbr_resolve(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, struct rte_mbuf *m,
                         uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (n && n->state == IP_NBR_VALID) {
        calls->ready(calls->ctx, m);
        return CV_OK;
    }
    if (!n && t->unanswered < IP_NBR_UNANSWERED_MAX)
        n = nbr_new(t, if_id, addr);
    if (!n || n->pending_count == IP_NBR_PENDING || t->pending == IP_NBR_PENDING_MAX)
        return CV_ENOSPC;
    n->pending[n->pending_count++] = m;
    t->pending++;
    if (!n->probing)
        ask(n, true, now_ms, calls);
    return CV_OK;
}

/* An entry's MAC never changes under a reader: another one gets a new entry. */
static struct ip_nbr *replace(struct ip_nbrs *t, struct ip_nbr *old)
{
    struct ip_nbr *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    memcpy(n, old, sizeof *n);
    __atomic_store_n(link_of(t, old->if_id, &old->addr), n, __ATOMIC_RELEASE);
    dp_rcu_free(old);
    return n;
}

static void learn(struct ip_nbrs *t, struct ip_nbr *n, const uint8_t mac[6], uint64_t now_ms,
                  const struct ip_nbr_calls *calls)
{
    if (n->state == IP_NBR_VALID && memcmp(n->mac, mac, sizeof n->mac) != 0) {
        n = replace(t, n);
        if (!n)
            return;
        memcpy(n->mac, mac, sizeof n->mac);
    }
    if (n->state != IP_NBR_VALID) {
        memcpy(n->mac, mac, sizeof n->mac);
        t->unanswered--;
        __atomic_store_n(&n->state, IP_NBR_VALID, __ATOMIC_RELEASE);
    }
    n->probing = n->tries = 0;
    n->since_ms = now_ms;
    pending_flush(t, n, calls->ctx, calls->ready);
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
    if (n && n->probing && mac_usable(mac))
        learn(t, n, mac, now_ms, calls);
}

void ip_nbr_claim(struct ip_nbrs *t, uint32_t if_id, const struct ip_addr *addr, const uint8_t mac[6],
                  uint64_t now_ms, const struct ip_nbr_calls *calls)
{
    if (!mac_usable(mac))
        return;
    struct ip_nbr *n = *link_of(t, if_id, addr);
    if (!n)
        n = nbr_new(t, if_id, addr);
    if (!n)
        return;
    if (n->state != IP_NBR_VALID || memcmp(n->mac, mac, sizeof n->mac) == 0)
        learn(t, n, mac, now_ms, calls);
    else if (!n->probing)
        ask(n, true, now_ms, calls);
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
    if (__atomic_exchange_n(&n->in_use, 0, __ATOMIC_RELAXED))
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
