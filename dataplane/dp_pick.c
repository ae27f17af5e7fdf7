#include "dataplane/dp_pick.h"
#include "dataplane/esp/esp_ts.h"
#include "dataplane/ip/ip_classify.h"

#include <rte_common.h>
#include <stdlib.h>

enum { LENGTHS = 129 /* of prefixes, 0 to 128 */ };
#define NONE UINT32_MAX

struct entry {
    uint32_t sa;   /* index in the tunnel's list */
    uint32_t next; /* of the same bucket, older ones */
    struct ip_prefix remote;
};

struct dp_pick {
    struct ip_hash_key key;
    uint32_t mask; /* buckets less one */
    uint32_t entry_count, other_count;
    uint8_t length_count[2];     /* [is IPv6] */
    uint8_t lengths[2][LENGTHS]; /* prefix lengths in use */
    uint32_t *buckets, *others;  /* others: SAs with a selector that is no prefix */
    struct entry *entries;
};

/* ---- one SA ---------------------------------------------------------------------------------------------------- */
/* What is asked for. */
struct ask {
    const struct rte_mbuf *m;
    uint8_t family;
    enum cv_dir dir;
    bool perhaps;
};

static bool takes(const struct dp_tunnel_sa *s, const struct ask *q)
{
    if (q->family == IP_V4 ? s->any4 : s->any6)
        return true;
    if (!q->perhaps && q->dir == CV_DIR_OUT)
        return esp_out_match(s->sa, q->m);
    return (q->perhaps ? esp_ts_may_match : esp_ts_match)(
        esp_out_sa_conf(s->sa), rte_pktmbuf_mtod(q->m, const uint8_t *), q->m->data_len, q->dir);
}

/* ---- making ---------------------------------------------------------------------------------------------------- */
static uint32_t bucket_of(const struct dp_pick *p, uint8_t family, unsigned len, const uint8_t *addr)
{
    return (uint32_t)ip_hash_addr(&p->key, len, family, addr) & p->mask;
}

static void length_note(struct dp_pick *p, const struct ip_prefix *x)
{
    unsigned v6 = x->addr.family == IP_V6;
    for (unsigned i = 0; i < p->length_count[v6]; i++)
        if (p->lengths[v6][i] == x->len)
            return;
    p->lengths[v6][p->length_count[v6]++] = x->len;
}

static void entry_add(struct dp_pick *p, uint32_t sa, const struct ip_prefix *remote)
{
    uint32_t *bucket = &p->buckets[bucket_of(p, remote->addr.family, remote->len, remote->addr.b)];
    p->entries[p->entry_count] = (struct entry){sa, *bucket, *remote};
    *bucket = p->entry_count++;
    length_note(p, remote);
}

static void sa_note(struct dp_pick *p, const struct cv_sa *conf, uint32_t sa)
{
    struct ip_prefix remote[CV_TS_MAX];
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (!ts_to_prefix(&conf->ts_remote[i], &remote[i])) {
            p->others[p->other_count++] = sa;
            return;
        }
    for (unsigned i = 0; i < conf->ts_count; i++)
        entry_add(p, sa, &remote[i]);
}

struct dp_pick *dp_pick_new(const struct dp_tunnel *t, const struct ip_hash_key *key)
{
    size_t pairs = 0;
    for (uint32_t i = 0; i < t->count; i++)
        pairs += esp_out_sa_conf(t->sas[i].sa)->ts_count;
    uint32_t buckets = rte_align32pow2((uint32_t)pairs * 2);
    struct dp_pick *p =
        malloc(sizeof *p + pairs * sizeof(struct entry) + (buckets + t->count) * sizeof(uint32_t));
    if (!p)
        return NULL;
    *p = (struct dp_pick){.key = *key, .mask = buckets - 1, .entries = (struct entry *)(p + 1)};
    p->buckets = (uint32_t *)(p->entries + pairs);
    p->others = p->buckets + buckets;
    memset(p->buckets, 0xff, buckets * sizeof *p->buckets);
    for (uint32_t i = t->count; i-- > 0;) /* the newest last: it is first in its bucket then */
        sa_note(p, esp_out_sa_conf(t->sas[i].sa), i);
    return p;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */
static void masked(const uint8_t *addr, uint8_t family, unsigned len, uint8_t out[16])
{
    const unsigned n = (unsigned)ip_family_len(family), whole = len / 8;
    memset(out, 0, 16);
    memcpy(out, addr, whole);
    if (whole < n)
        out[whole] = (uint8_t)(addr[whole] & (0xff00 >> len % 8));
}

/* The newest before `best` whose remote selector is the prefix of that length around addr. */
static uint32_t of_length(const struct dp_tunnel *t, const struct ask *q, const uint8_t *addr, unsigned len,
                          uint32_t best)
{
    const struct dp_pick *p = t->pick;
    uint8_t net[16];
    masked(addr, q->family, len, net);
    for (uint32_t i = p->buckets[bucket_of(p, q->family, len, net)]; i != NONE; i = p->entries[i].next) {
        const struct entry *e = &p->entries[i];
        if (e->sa >= best)
            break;
        if (e->remote.len == len && e->remote.addr.family == q->family &&
            memcmp(e->remote.addr.b, net, 16) == 0 && takes(&t->sas[e->sa], q))
            return e->sa;
    }
    return best;
}

static const struct dp_tunnel_sa *by_prefix(const struct dp_tunnel *t, const struct ask *q)
{
    const struct dp_pick *p = t->pick;
    const uint8_t *addr = q->dir == CV_DIR_OUT ? ip_dst(q->m, q->family) : ip_src(q->m, q->family);
    const unsigned v6 = q->family == IP_V6;
    uint32_t best = NONE;
    for (unsigned i = 0; i < p->length_count[v6]; i++)
        best = of_length(t, q, addr, p->lengths[v6][i], best);
    for (uint32_t i = p->other_count; i-- > 0 && p->others[i] < best;) /* the oldest stands first */
        if (takes(&t->sas[p->others[i]], q))
            best = p->others[i];
    return best == NONE ? NULL : &t->sas[best];
}

static const struct dp_tunnel_sa *find(const struct dp_tunnel *t, const struct ask *q)
{
    if (t->pick)
        return by_prefix(t, q);
    for (uint32_t i = 0; i < t->count; i++)
        if (takes(&t->sas[i], q))
            return &t->sas[i];
    return NULL;
}

const struct dp_tunnel_sa *dp_pick_slow(const struct dp_tunnel *t, const struct rte_mbuf *m, uint8_t family,
                                        enum cv_dir dir)
{
    return find(t, &(struct ask){m, family, dir, false});
}

const struct dp_tunnel_sa *dp_pick_perhaps(const struct dp_tunnel *t, const struct rte_mbuf *m,
                                           uint8_t family, enum cv_dir dir)
{
    return find(t, &(struct ask){m, family, dir, true});
}
