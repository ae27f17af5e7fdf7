/* How many half-open SAs there are, in all and per address, and which of them has to go when there are too many. Addresses are
 * forgotten when their count returns to zero, so the memory is bounded by the global limit. */
#include "control/ike/ike_sa.h"

#include <stdlib.h>
#include <string.h>

/* Where the configuration sets no limit. */
enum { HALF_OPEN_MAX = 4096, PER_ADDRESS_MIN = 8 };
/* How long an initiator may take for IKE_AUTH; under pressure only as long as a lost datagram needs to be sent again. */
enum { LIFE_MS = 30000, LIFE_PRESSED_MS = 5000 };

struct peer_count {
    struct ip_addr addr; /* IPv6: its /64, which one host has for itself */
    unsigned count;
    struct ike_sa *eldest, *newest;
    UT_hash_handle hh;
};

static struct ip_addr key_of(const struct ip_addr *addr)
{
    enum { HOST_PART = 8 };
    struct ip_addr k = *addr;
    if (k.family == IP_V6)
        memset(k.b + HOST_PART, 0, sizeof k.b - HOST_PART);
    return k;
}

static struct peer_count *find(const struct ike *e, const struct ip_addr *addr)
{
    struct ip_addr k = key_of(addr);
    struct peer_count *table = e->halfopen_peers, *p = NULL;
    HASH_FIND(hh, table, &k, sizeof k, p);
    return p;
}

unsigned ike_limit_of(const struct ike *e, const struct ip_addr *addr)
{
    const struct peer_count *p = find(e, addr);
    return p ? p->count : 0;
}

unsigned ike_limit_most(const struct ike *e)
{
    return e->cfg->ikev2_max_in_negotiation ? e->cfg->ikev2_max_in_negotiation : HALF_OPEN_MAX;
}

bool ike_limit_pressed(const struct ike *e)
{
    return e->half_open >= (ike_limit_most(e) + 3) / 4;
}

uint64_t ike_limit_life_ms(const struct ike *e)
{
    return ike_limit_pressed(e) ? LIFE_PRESSED_MS : LIFE_MS;
}

/* The address that has most; of equals the one that has waited longest. */
static struct peer_count *greediest(const struct ike *e)
{
    struct peer_count *table = e->halfopen_peers, *p, *next, *worst = NULL;
    HASH_ITER (hh, table, p, next)
        if (!worst || p->count > worst->count ||
            (p->count == worst->count && p->eldest->created_ms < worst->eldest->created_ms))
            worst = p;
    return worst;
}

static void evict(struct ike *e, struct peer_count *p)
{
    e->counters.half_open_evicted++;
    ike_log_unauth(e, &p->eldest->remote, "%s: the eldest of its address makes room",
                   ike_reason_text(IKE_REASON_DOS_LIMIT));
    ike_sa_remove(e, p->eldest, IKE_REASON_DOS_LIMIT, "%s", ike_reason_text(IKE_REASON_DOS_LIMIT));
}

bool ike_limit_ok(struct ike *e, const struct ip_endpoint *peer)
{
    unsigned most = ike_limit_most(e);
    /* one address, maybe of many peers behind a NAT, must leave room for others */
    unsigned per_address = most / 4 > PER_ADDRESS_MIN ? most / 4 : PER_ADDRESS_MIN;
    struct peer_count *p = find(e, &peer->addr);
    if (e->cfg->ikev2_max_sa && HASH_CNT(hh_conn, e->by_conn) >= e->cfg->ikev2_max_sa)
        return false;
    /* Who means it has gone on to IKE_AUTH within a round trip: what has waited longest is the least loss. */
    if (p && p->count >= per_address)
        evict(e, p);
    else if (e->half_open >= most && (p = greediest(e)))
        evict(e, p);
    return e->half_open < most;
}

bool ike_limit_add(struct ike *e, struct ike_sa *sa)
{
    struct peer_count *table = e->halfopen_peers, *p = find(e, &sa->remote.addr);
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p)
            return false;
        p->addr = key_of(&sa->remote.addr);
        HASH_ADD(hh, table, addr, sizeof p->addr, p);
        e->halfopen_peers = table;
    }
    sa->prev_half_open = p->newest;
    sa->next_half_open = NULL;
    if (p->newest)
        p->newest->next_half_open = sa;
    else
        p->eldest = sa;
    p->newest = sa;
    p->count++;
    e->half_open++;
    sa->half_open = true;
    sa->limit_addr = sa->remote.addr;
    return true;
}

static void unlink_from(struct peer_count *p, struct ike_sa *sa)
{
    if (sa->prev_half_open)
        sa->prev_half_open->next_half_open = sa->next_half_open;
    else
        p->eldest = sa->next_half_open;
    if (sa->next_half_open)
        sa->next_half_open->prev_half_open = sa->prev_half_open;
    else
        p->newest = sa->prev_half_open;
    sa->prev_half_open = sa->next_half_open = NULL;
}

void ike_limit_drop(struct ike *e, struct ike_sa *sa)
{
    if (!sa->half_open)
        return;
    sa->half_open = false;
    e->half_open--;
    struct peer_count *table = e->halfopen_peers, *p = find(e, &sa->limit_addr);
    if (!p)
        return;
    unlink_from(p, sa);
    if (--p->count == 0) {
        HASH_DELETE(hh, table, p);
        e->halfopen_peers = table;
        free(p);
    }
}
