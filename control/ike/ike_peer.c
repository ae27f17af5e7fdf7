/* Established SAs by the peer's identity and by its address, so that initial contact is settled without a walk over all. */
#include "control/ike/ike_core.h"

#include <stdlib.h>
#include <string.h>

struct peer_key {
    uint8_t type;
    uint8_t len; /* 255 stands for 256, too: what is compared is the whole of id */
    uint8_t id[sizeof(((struct ike_sa *)0)->peer_id)];
};

struct ike_peer {
    struct peer_key key;
    struct ike_sa *first;
    UT_hash_handle hh;
};

struct ike_peer_addr {
    struct ip_addr addr;
    unsigned count;
    UT_hash_handle hh;
};

static struct peer_key key_of(const struct ike_sa *sa)
{
    struct peer_key k;
    memset(&k, 0, sizeof k);
    k.type = sa->peer_id_type;
    k.len = (uint8_t)(sa->peer_id_len > UINT8_MAX ? UINT8_MAX : sa->peer_id_len);
    (void)slice_copy((struct slice){sa->peer_id, sa->peer_id_len}, k.id, sizeof k.id);
    return k;
}

static struct ike_peer *find(const struct ike *e, const struct peer_key *k)
{
    struct ike_peer *p = NULL;
    HASH_FIND(hh, e->peers, k, sizeof *k, p);
    return p;
}

static struct ike_peer_addr *find_addr(const struct ike *e, const struct ip_addr *addr)
{
    struct ike_peer_addr *a = NULL;
    HASH_FIND(hh, e->peer_addrs, addr, sizeof *addr, a);
    return a;
}

static bool count_addr(struct ike *e, const struct ip_addr *addr)
{
    struct ike_peer_addr *a = find_addr(e, addr);
    if (!a) {
        a = calloc(1, sizeof *a);
        if (!a)
            return false;
        a->addr = *addr;
        HASH_ADD(hh, e->peer_addrs, addr, sizeof a->addr, a);
    }
    a->count++;
    return true;
}

static void discount_addr(struct ike *e, const struct ip_addr *addr)
{
    struct ike_peer_addr *a = find_addr(e, addr);
    if (a && --a->count == 0) {
        HASH_DELETE(hh, e->peer_addrs, a);
        free(a);
    }
}

void ike_peer_add(struct ike *e, struct ike_sa *sa)
{
    struct peer_key k = key_of(sa);
    struct ike_peer *p = find(e, &k);
    if (sa->peer || !count_addr(e, &sa->remote.addr))
        return;
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p) {
            discount_addr(e, &sa->remote.addr);
            return;
        }
        p->key = k;
        HASH_ADD(hh, e->peers, key, sizeof p->key, p);
    }
    sa->peer_addr = sa->remote.addr;
    sa->peer = p;
    sa->prev_of_peer = NULL;
    sa->next_of_peer = p->first;
    if (p->first)
        p->first->prev_of_peer = sa;
    p->first = sa;
}

void ike_peer_drop(struct ike *e, struct ike_sa *sa)
{
    struct ike_peer *p = sa->peer;
    if (!p)
        return;
    if (sa->prev_of_peer)
        sa->prev_of_peer->next_of_peer = sa->next_of_peer;
    else
        p->first = sa->next_of_peer;
    if (sa->next_of_peer)
        sa->next_of_peer->prev_of_peer = sa->prev_of_peer;
    sa->peer = NULL;
    discount_addr(e, &sa->peer_addr);
    if (!p->first) {
        HASH_DELETE(hh, e->peers, p);
        free(p);
    }
}

struct ike_sa *ike_peer_sas(struct ike *e, const struct ike_sa *sa)
{
    struct peer_key k = key_of(sa);
    struct ike_peer *p = find(e, &k);
    return p ? p->first : NULL;
}

unsigned ike_peer_count(const struct ike *e, const struct ip_addr *addr)
{
    const struct ike_peer_addr *a = find_addr(e, addr);
    return a ? a->count : 0;
}
