/* How many half-open SAs there are, in all and per address. Addresses are forgotten when their count returns to zero, so
 * the memory is bounded by the global limit. */
#include "control/ike/ike_sa.h"

#include <stdlib.h>
#include <string.h>

/* Where the configuration sets no limit. */
enum { HALF_OPEN_MAX = 4096, PER_ADDRESS_MIN = 8 };

struct peer_count {
    struct ip_addr addr;
    unsigned count;
    UT_hash_handle hh;
};

static struct peer_count *find(const struct ike *e, const struct ip_addr *addr)
{
    struct peer_count *table = e->halfopen_peers, *p = NULL;
    HASH_FIND(hh, table, addr, sizeof *addr, p);
    return p;
}

unsigned ike_limit_of(const struct ike *e, const struct ip_addr *addr)
{
    const struct peer_count *p = find(e, addr);
    return p ? p->count : 0;
}

bool ike_limit_ok(struct ike *e, const struct ip_endpoint *peer)
{
    unsigned most = e->cfg->ikev2_max_in_negotiation ? e->cfg->ikev2_max_in_negotiation : HALF_OPEN_MAX;
    /* one address, maybe of many peers behind a NAT, must leave room for others */
    unsigned per_address = most / 2 > PER_ADDRESS_MIN ? most / 2 : PER_ADDRESS_MIN;
    if (e->half_open >= most || ike_limit_of(e, &peer->addr) >= per_address)
        return false;
    return e->cfg->ikev2_max_sa == 0 || e->heap_count < e->cfg->ikev2_max_sa;
}

bool ike_limit_add(struct ike *e, struct ike_sa *sa)
{
    struct peer_count *table = e->halfopen_peers, *p = find(e, &sa->remote.addr);
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p)
            return false;
        p->addr = sa->remote.addr;
        HASH_ADD(hh, table, addr, sizeof p->addr, p);
        e->halfopen_peers = table;
    }
    p->count++;
    e->half_open++;
    sa->half_open = true;
    sa->limit_addr = sa->remote.addr;
    return true;
}

void ike_limit_drop(struct ike *e, struct ike_sa *sa)
{
    if (!sa->half_open)
        return;
    sa->half_open = false;
    e->half_open--;
    struct peer_count *table = e->halfopen_peers, *p = find(e, &sa->limit_addr);
    if (p && --p->count == 0) {
        HASH_DELETE(hh, table, p);
        e->halfopen_peers = table;
        free(p);
    }
}
