#include "dataplane/ip/ip_reass.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ecn.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_hash.h"
#include "dataplane/ip/ip_wire.h"

#include <stdlib.h>
#include <sys/queue.h>

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    FRAGMENT_HEADER = 8,
    PAYLOAD_LEN_AT = 4, /* octets into the IPv6 header */
    OFFSET_AT = 2,      /* octets into the fragment header */
    CHAINS = 2048,
};

struct key { /* compared and hashed octet by octet: no padding */
    uint8_t src[16], dst[16];
    uint32_t id, if_in;
    uint16_t vrf;
    uint8_t family, proto;
    uint8_t stage, zero[3]; /* where the whole goes on */
};
static_assert(sizeof(struct key) == 48, "no padding");

struct piece {
    struct rte_mbuf *m;
    uint16_t at, len; /* of the payload */
    uint16_t skip;    /* octets in front of it in m */
};

struct datagram {
    TAILQ_ENTRY(datagram) age;    /* all, eldest first; or the free ones */
    TAILQ_ENTRY(datagram) chain;  /* same hash */
    TAILQ_ENTRY(datagram) source; /* same hash of the source, eldest first */
    struct key key;
    uint32_t hash, source_hash;
    uint64_t until;
    uint32_t last;  /* how many fragments its source had sent when a piece of it came */
    unsigned most;  /* fragments */
    bool dead;      /* takes nothing any more, holds nothing */
    uint32_t total; /* payload octets by its last fragment; 0: not seen */
    uint32_t have;
    unsigned count;
    struct piece piece[IP_REASS_OF_DATAGRAM];
};
TAILQ_HEAD(datagrams, datagram);

struct source {
    struct datagrams list;
    unsigned count;
    uint32_t fragments; /* that came of it, ever */
};

struct ip_reass {
    struct rte_mempool *pool;
    uint64_t *drops; /* by enum cv_drop; this table's owner is their only writer */
    ip_reass_late_fn *late;
    ip_reass_wrong_fn *wrong;
    void *ctx;
    struct ip_hash_key hash_key;
    uint64_t lifetime;
    unsigned fragments;
    uint64_t hz;
    uint16_t of_if[CV_MAX_IFS]; /* unfinished ones */
    struct datagrams ages, unused;
    struct datagrams chain[CHAINS];
    struct source source[CHAINS];
    struct datagram all[IP_REASS_DATAGRAMS];
};

cv_result ip_reass_new(struct rte_mempool *pool, uint64_t tsc_hz, uint64_t *drops, struct ip_reass **out)
{
    struct ip_reass *t = calloc(1, sizeof *t);
    if (!t)
        return CV_ENOMEM;
    if (!ip_hash_key_make(&t->hash_key)) {
        free(t);
        return CV_EIO;
    }
    t->pool = pool;
    t->drops = drops;
    t->hz = tsc_hz;
    t->lifetime = tsc_hz / 1000 * IP_REASS_LIFETIME_MS;
    TAILQ_INIT(&t->ages);
    TAILQ_INIT(&t->unused);
    for (unsigned i = 0; i < CHAINS; i++) {
        TAILQ_INIT(&t->chain[i]);
        TAILQ_INIT(&t->source[i].list);
    }
    for (unsigned i = 0; i < IP_REASS_DATAGRAMS; i++)
        TAILQ_INSERT_TAIL(&t->unused, &t->all[i], age);
    *out = t;
    return CV_OK;
}

/* ---- the table ------------------------------------------------------------------------------------------ */
static void count(struct ip_reass *t, enum cv_drop why, unsigned n)
{
    __atomic_store_n(&t->drops[why], t->drops[why] + n, __ATOMIC_RELAXED);
}

static void drop_pieces(struct ip_reass *t, struct datagram *d, enum cv_drop why)
{
    for (unsigned i = 0; i < d->count; i++)
        rte_pktmbuf_free(d->piece[i].m);
    if (why != CV_DROP_NONE && d->count > 0)
        count(t, why, d->count);
    t->fragments -= d->count;
    d->count = 0;
}

/* why: what became of its pieces; NONE: they are in the whole. */
static void end(struct ip_reass *t, struct datagram *d, enum cv_drop why)
{
    drop_pieces(t, d, why);
    t->of_if[d->key.if_in % CV_MAX_IFS]--;
    t->source[d->source_hash].count--;
    TAILQ_REMOVE(&t->source[d->source_hash].list, d, source);
    TAILQ_REMOVE(&t->chain[d->hash], d, chain);
    TAILQ_REMOVE(&t->ages, d, age);
    TAILQ_INSERT_HEAD(&t->unused, d, age);
}

static struct piece *first_of(struct datagram *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->piece[i].at == 0)
            return &d->piece[i];
    return NULL;
}

void ip_reass_tell(struct ip_reass *t, ip_reass_late_fn *late, ip_reass_wrong_fn *wrong, void *ctx)
{
    t->late = late;
    t->wrong = wrong;
    t->ctx = ctx;
}

/* Its time is over. */
static void end_late(struct ip_reass *t, struct datagram *d)
{
    struct piece *first = t->late ? first_of(d) : NULL;
    struct rte_mbuf *m = first ? first->m : NULL;
    if (first) {
        *first = d->piece[--d->count];
        t->fragments--;
        count(t, CV_DROP_FRAGMENT_LATE, 1);
    }
    end(t, d, CV_DROP_FRAGMENT_LATE);
    if (m)
        t->late(t->ctx, m);
}

void ip_reass_expire(struct ip_reass *t, uint64_t now)
{
    for (struct datagram *d = TAILQ_FIRST(&t->ages), *next; d; d = next) {
        next = TAILQ_NEXT(d, age);
        if (now > d->until)
            end_late(t, d);
    }
}

/* What has waited longest, when a fragment comes: with one lifetime for all that is what is over first. */
static void expire_first(struct ip_reass *t, uint64_t now)
{
    struct datagram *d;
    while ((d = TAILQ_FIRST(&t->ages)) && now > d->until)
        end_late(t, d);
}

void ip_reass_free(struct ip_reass *t)
{
    struct datagram *d;
    if (!t)
        return;
    while ((d = TAILQ_FIRST(&t->ages)))
        end(t, d, CV_DROP_NONE);
    free(t);
}

static struct datagram *datagram_new(struct ip_reass *t, const struct key *k, uint32_t hash,
                                     const struct ip_reass_limits *l, uint64_t now)
{
    if (l && l->datagrams && t->of_if[k->if_in % CV_MAX_IFS] >= l->datagrams)
        return NULL;
    uint32_t source = (uint32_t)ip_hash_addr(&t->hash_key, k->vrf, k->family, k->src) & (CHAINS - 1);
    if (t->source[source].count >= IP_REASS_OF_SOURCE)
        end(t, TAILQ_FIRST(&t->source[source].list), CV_DROP_FRAGMENT_ROOM);
    if (TAILQ_EMPTY(&t->unused))
        end(t, TAILQ_FIRST(&t->ages), CV_DROP_FRAGMENT_ROOM);
    struct datagram *d = TAILQ_FIRST(&t->unused);
    TAILQ_REMOVE(&t->unused, d, age);
    memset(d, 0, sizeof *d);
    d->key = *k;
    d->hash = hash;
    d->source_hash = source;
    d->until = now + (l && l->timeout_s ? l->timeout_s * t->hz : t->lifetime);
    d->most =
        l && l->fragments ? RTE_MIN(l->fragments, (unsigned)IP_REASS_OF_DATAGRAM) : IP_REASS_OF_DATAGRAM;
    t->of_if[k->if_in % CV_MAX_IFS]++;
    TAILQ_INSERT_TAIL(&t->ages, d, age);
    TAILQ_INSERT_TAIL(&t->chain[hash], d, chain);
    TAILQ_INSERT_TAIL(&t->source[source].list, d, source);
    t->source[source].count++;
    d->last = ++t->source[source].fragments;
    return d;
}

/* Still of the same datagram, or is its identification somebody else's by now? */
static bool is_near(const struct ip_reass *t, const struct datagram *d, uint64_t now)
{
    return now <= d->until &&
           (d->key.family != IP_V4 || t->source[d->source_hash].fragments - d->last <= IP_REASS_BETWEEN);
}

static struct datagram *datagram_of(struct ip_reass *t, const struct key *k, const struct ip_reass_limits *l,
                                    uint64_t now)
{
    struct datagram *d;
    uint64_t word = (uint64_t)k->id << 32 ^ (uint64_t)k->if_in << 16 ^ k->vrf ^ (uint64_t)k->proto << 24;
    uint64_t h = ip_hash_addr(&t->hash_key, word, k->family, k->src);
    h ^= ip_hash_addr(&t->hash_key, ~word, k->family, k->dst);
    uint32_t at = (uint32_t)h & (CHAINS - 1);
    TAILQ_FOREACH (d, &t->chain[at], chain) {
        if (memcmp(&d->key, k, sizeof *k) != 0)
            continue;
        if (is_near(t, d, now)) {
            d->last = ++t->source[d->source_hash].fragments;
            return d;
        }
        if (now > d->until)
            end_late(t, d);
        else
            end(t, d, CV_DROP_FRAGMENT_LATE); /* a new one of the same identification */
        break;
    }
    return datagram_new(t, k, at, l, now);
}

/* ---- a fragment ----------------------------------------------------------------------------------------- */
static bool read4(struct rte_mbuf *m, struct key *k, struct piece *p, bool *last)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    if (m->data_len < IP4_HEADER)
        return false;
    uint32_t header = (uint32_t)(ip[0] & 0xf) * 4, flags = ip_get16(ip + 6);
    if (header < IP4_HEADER || m->data_len < header)
        return false;
    memcpy(k->src, ip + 12, 4);
    memcpy(k->dst, ip + 16, 4);
    k->proto = ip[9];
    k->id = ip_get16(ip + 4);
    p->skip = (uint16_t)header;
    p->at = (uint16_t)((flags & 0x1fff) * 8);
    *last = !(flags & 0x2000);
    return true;
}

/* The fragment header, behind the extension headers of the part that is not cut (RFC 8200 4.5); 0: there is none. *field: where the octet
 * stands that names it. */
static uint32_t fragment_header6(const uint8_t *ip, uint32_t len, uint32_t *field)
{
    uint32_t at = IP6_HEADER;
    *field = 6;
    for (unsigned i = 0; i < IP_EXT_HEADERS_MAX && len >= at + FRAGMENT_HEADER; i++) {
        const uint8_t next = ip[*field];
        if (next == IP_NEXT_FRAGMENT)
            return at;
        if (next != IP_NEXT_HOP_BY_HOP && next != IP_NEXT_ROUTING && next != IP_NEXT_DEST_OPTIONS)
            return 0;
        *field = at;
        at += (ip[at + 1] + 1u) * 8u;
    }
    return 0;
}

static bool read6(struct rte_mbuf *m, struct key *k, struct piece *p, bool *last)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    uint32_t field, at = fragment_header6(ip, m->data_len, &field);
    if (at == 0)
        return false;
    const uint8_t *f = ip + at;
    memcpy(k->src, ip + 8, 16);
    memcpy(k->dst, ip + 24, 16);
    memcpy(&k->id, f + 4, 4);
    p->skip = (uint16_t)(at + FRAGMENT_HEADER);
    p->at = (uint16_t)(ip_get16(f + 2) & 0xfff8);
    *last = !(f[3] & 1);
    return true;
}

/* *pointer: the octet of an IPv6 fragment that says a length that cannot be; 0: that is not what is wrong. */
static bool read(struct rte_mbuf *m, struct key *k, struct piece *p, bool *last, uint16_t *pointer)
{
    const struct dp_meta *meta = dp_meta(m);
    memset(k, 0, sizeof *k);
    k->family = meta->family;
    k->vrf = meta->vrf;
    k->if_in = meta->if_in;
    k->stage = meta->stage;
    if (!(meta->family == IP_V4 ? read4(m, k, p, last) : read6(m, k, p, last)))
        return false;
    const uint32_t len = (uint32_t)m->data_len - p->skip;
    const bool uneven = !*last && len % 8 != 0;
    if (len == 0)
        return false;
    if (uneven || p->at + len > UINT16_MAX) {
        if (meta->family == IP_V6)
            *pointer = uneven ? PAYLOAD_LEN_AT : (uint16_t)(p->skip - FRAGMENT_HEADER + OFFSET_AT);
        return false;
    }
    p->m = m;
    p->len = (uint16_t)len;
    return true;
}

enum fit { FITS, AGAIN, WRONG };

static bool same_octets(const struct piece *a, const struct piece *b)
{
    return memcmp(rte_pktmbuf_mtod_offset(a->m, const uint8_t *, a->skip),
                  rte_pktmbuf_mtod_offset(b->m, const uint8_t *, b->skip), a->len) == 0;
}

static enum fit fits(const struct datagram *d, const struct piece *p, bool last)
{
    uint32_t stop = (uint32_t)p->at + p->len;
    if (d->total != 0 && (stop > d->total || (last && stop != d->total)))
        return WRONG;
    for (unsigned i = 0; i < d->count; i++) {
        const struct piece *o = &d->piece[i];
        if (o->at == p->at && o->len == p->len) /* the network doubled it, or somebody else made it */
            return same_octets(o, p) ? AGAIN : WRONG;
        if (p->at < o->at + o->len && o->at < stop)
            return WRONG;
        if (last && o->at + o->len > stop)
            return WRONG;
    }
    return d->count == d->most ? WRONG : FITS;
}

/* ---- the whole ------------------------------------------------------------------------------------------ */
static void header_write(uint8_t *to, const uint8_t *ip, uint32_t header, uint8_t family, uint32_t total)
{
    memcpy(to, ip, header);
    if (family == IP_V6) {
        uint32_t field, at = fragment_header6(ip, header + FRAGMENT_HEADER, &field);
        ip_put16(to + 4, header - IP6_HEADER + total);
        to[field] = ip[at];
        return;
    }
    ip_put16(to + 2, header + total);
    ip_put16(to + 6, 0);
    memset(to + 10, 0, 2);
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(to, header, 0));
    memcpy(to + 10, &sum, 2);
}

static uint8_t mark_of(const struct datagram *d, const struct piece *p)
{
    return ip_tos(rte_pktmbuf_mtod(p->m, const uint8_t *), d->key.family) & IP_ECN_CE;
}

static uint8_t mark_of_whole(const struct datagram *d, const struct piece *first)
{
    unsigned seen = 0;
    for (unsigned i = 0; i < d->count; i++)
        seen |= 1u << mark_of(d, &d->piece[i]);
    return ip_ecn_join(mark_of(d, first), seen);
}

/* NULL: *why. */
static struct rte_mbuf *join(struct ip_reass *t, struct datagram *d, enum cv_drop *why)
{
    const struct piece *first = first_of(d);
    *why = CV_DROP_NO_MBUF;
    if (!first)
        return NULL;
    const uint8_t mark = mark_of_whole(d, first);
    if (mark == IP_ECN_DROP) {
        *why = CV_DROP_ECN;
        return NULL;
    }
    uint32_t header = d->key.family == IP_V4 ? first->skip : first->skip - (uint32_t)FRAGMENT_HEADER;
    struct rte_mbuf *whole = header + d->total <= UINT16_MAX ? rte_pktmbuf_alloc(t->pool) : NULL;
    if (!whole)
        return NULL;
    uint8_t *to = (uint8_t *)rte_pktmbuf_append(whole, (uint16_t)(header + d->total));
    if (!to) { /* longer than anything that is served here */
        rte_pktmbuf_free(whole);
        return NULL;
    }
    header_write(to, rte_pktmbuf_mtod(first->m, const uint8_t *), header, d->key.family, d->total);
    ip_ecn_set(to, d->key.family, mark);
    for (unsigned i = 0; i < d->count; i++)
        memcpy(to + header + d->piece[i].at,
               rte_pktmbuf_mtod_offset(d->piece[i].m, const uint8_t *, d->piece[i].skip), d->piece[i].len);
    *dp_meta(whole) = *dp_meta(first->m);
    *why = CV_DROP_NONE;
    return whole;
}

struct rte_mbuf *ip_reass_take(struct ip_reass *t, struct rte_mbuf *m, const struct ip_reass_limits *limits,
                               uint64_t now)
{
    struct key k;
    struct piece p = {0};
    struct rte_mbuf *whole = NULL;
    bool last = false;
    uint16_t pointer = 0;
    expire_first(t, now);
    if (!read(m, &k, &p, &last, &pointer)) {
        count(t, CV_DROP_FRAGMENT, 1);
        if (t->wrong && pointer != 0)
            t->wrong(t->ctx, m, pointer);
        else
            rte_pktmbuf_free(m);
        return NULL;
    }
    while (t->fragments >= IP_REASS_FRAGMENTS) /* the eldest may be dead and hold none */
        end(t, TAILQ_FIRST(&t->ages), CV_DROP_FRAGMENT_ROOM);
    struct datagram *d = datagram_of(t, &k, limits, now);
    enum fit fit = d && !d->dead ? fits(d, &p, last) : AGAIN;
    if (fit != FITS) {
        count(t, fit == WRONG ? CV_DROP_FRAGMENT_OVERLAP : d ? CV_DROP_FRAGMENT : CV_DROP_FRAGMENT_ROOM, 1);
        rte_pktmbuf_free(m);
        if (fit == WRONG) { /* RFC 5722 3: with all of its pieces, also those not yet received */
            drop_pieces(t, d, CV_DROP_FRAGMENT_OVERLAP);
            d->dead = true;
        }
        return NULL;
    }
    d->piece[d->count++] = p;
    t->fragments++;
    d->have += p.len;
    if (last)
        d->total = (uint32_t)p.at + p.len;
    if (d->total != 0 && d->have == d->total) {
        enum cv_drop why;
        whole = join(t, d, &why);
        end(t, d, why);
    }
    return whole;
}
