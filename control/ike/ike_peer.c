/* Established SAs by the peer's identity and the key that proved it, so that initial contact is settled without a walk over
 * all, and does not reach what another key has proved. */
#include "control/ike/ike_core.h"

#include <stdlib.h>
#include <string.h>

struct peer_key {
    uint8_t type;
    uint16_t len;
    uint8_t id[sizeof(((struct ike_sa *)0)->peer_id)];
    char tag[sizeof(((struct ike_sa *)0)->peer_tag)];
};

struct ike_peer {
    struct peer_key key;
    struct ike_sa *first;
    UT_hash_handle hh;
};

struct ike_address {
    struct ip_addr addr;
    struct ike_sa *newest;
    unsigned count;
    UT_hash_handle hh;
};

static struct peer_key key_of(const struct ike_sa *sa)
{
    struct peer_key k;
    memset(&k, 0, sizeof k);
    k.type = sa->peer_id_type;
    k.len = (uint16_t)sa->peer_id_len;
    (void)slice_copy((struct slice){sa->peer_id, sa->peer_id_len}, k.id, sizeof k.id);
    memcpy(k.tag, sa->peer_tag, strnlen(sa->peer_tag, sizeof k.tag));
    return k;
}

static struct ike_peer *find(const struct ike *e, const struct peer_key *k)
{
    struct ike_peer *p = NULL;
    HASH_FIND(hh, e->peers, k, sizeof *k, p);
    return p;
}

static struct ike_address *find_address(const struct ike *e, const struct ip_addr *addr)
{
    struct ike_address *a = NULL;
    HASH_FIND(hh, e->addresses, addr, sizeof *addr, a);
    return a;
}

static void address_add(struct ike *e, struct ike_sa *sa)
{
    struct ike_address *a = find_address(e, &sa->auth_remote);
    if (!a) {
        a = calloc(1, sizeof *a);
        if (!a)
            return;
        a->addr = sa->auth_remote;
        HASH_ADD(hh, e->addresses, addr, sizeof a->addr, a);
    }
    sa->at = a;
    sa->newer_at = NULL;
    sa->older_at = a->newest;
    if (a->newest)
        a->newest->newer_at = sa;
    a->newest = sa;
    a->count++;
}

static void address_drop(struct ike *e, struct ike_sa *sa)
{
    struct ike_address *a = sa->at;
    if (!a)
        return;
    if (sa->newer_at)
        sa->newer_at->older_at = sa->older_at;
    else
        a->newest = sa->older_at;
    if (sa->older_at)
        sa->older_at->newer_at = sa->newer_at;
    sa->at = NULL;
    if (--a->count == 0) {
        HASH_DELETE(hh, e->addresses, a);
        free(a);
    }
}

struct ike_sa *ike_address_sas(struct ike *e, const struct ike_sa *sa, unsigned *count)
{
    struct ike_address *a = find_address(e, &sa->auth_remote);
    *count = a ? a->count : 0;
    return a ? a->newest : NULL;
}

void ike_peer_add(struct ike *e, struct ike_sa *sa)
{
    struct peer_key k = key_of(sa);
    struct ike_peer *p = find(e, &k);
    if (!sa->at)
        address_add(e, sa);
    if (sa->peer)
        return;
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p)
            return;
        p->key = k;
        HASH_ADD(hh, e->peers, key, sizeof p->key, p);
    }
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
    address_drop(e, sa);
    if (!p)
        return;
    if (sa->prev_of_peer)
        sa->prev_of_peer->next_of_peer = sa->next_of_peer;
    else
        p->first = sa->next_of_peer;
    if (sa->next_of_peer)
        sa->next_of_peer->prev_of_peer = sa->prev_of_peer;
    sa->peer = NULL;
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

unsigned ike_peer_count(struct ike *e, const struct ike_sa *sa)
{
    unsigned n = 0;
    for (const struct ike_sa *o = ike_peer_sas(e, sa); o; o = o->next_of_peer)
        n += ip_addr_equal(&o->auth_remote, &sa->auth_remote);
    return n;
}
