#include "dataplane/dp_pick.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/engine/eng_mem.h"
#include "dataplane/esp/esp_ts.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_hash.h"

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_lcore.h>
#include <rte_prefetch.h>
#include <stdlib.h>

enum {
    LENGTHS = 129, /* of prefixes, 0 to 128 */
    LINE = 64,
    WANT_ALL = 0xff, /* whoever an SA is for */
    SPARSE_BITS =
        2, /* four chains for each SA: hardly one has two entries, which would be waited for one after the other */
    SOLE = 0x8000,  /* of struct dp_pick's longest */
    LOOKS_MAX = 64, /* in vain, while the manager removes something during each */
};

/* One remote selector of one active SA, in the chain of its prefix; or the whole SA, among its interface's others. On one cache line. */
struct dp_pick_entry {
    struct dp_pick_entry *next;  /* older ones; atomic */
    struct dp_pick_entry **link; /* what points here; the manager's */
    uint64_t stamp;              /* larger: newer */
    uint32_t if_id;
    uint8_t family, len;
    uint8_t parts;  /* entries of the SA, this one the first; 0: another one */
    uint8_t simple; /* nothing but the addresses below decides */
    union {
        uint8_t addr[16]; /* remote, host bits zero */
        struct {
            uint32_t remote, local, local_mask; /* local: of simple ones */
        } v4;
    } is;
    struct dp_tunnel_sa sa;
};
static_assert(sizeof(struct dp_pick_entry) == LINE, "one cache line");

/* Prefix lengths in use; immutable once published. */
struct lengths {
    uint8_t count[2]; /* [is IPv6] */
    uint8_t len[2][LENGTHS];
};

struct dp_pick_table {
    struct ip_hash_key key;
    uint32_t mask; /* chains less one */
    uint64_t stamp;
    struct dp_pick_entry *chains[];
};

struct dp_pick { /* begins a cache line */
    struct dp_pick_table *table;
    uint32_t if_id;
    uint32_t removals;            /* counted before each; atomic */
    struct lengths *lengths;      /* published */
    struct dp_pick_entry *others; /* SAs with a selector that is no prefix, newest first */
    uint16_t longest[2];          /* [is IPv6]: of lengths, one more than the last; with SOLE where it is
                                   * the only one; 0: there is none. Atomic */
    uint32_t uses[2][LENGTHS];    /* entries by prefix length; the manager's */
};

/* ---- one SA ---------------------------------------------------------------------------------------------------- */
/* What is asked for. */
struct ask {
    const uint8_t *ip;
    uint32_t len;
    uint8_t family;
    enum cv_dir dir;
    bool perhaps;
    uint8_t want; /* of struct dp_tunnel_sa's worker, or WANT_ALL */
};

static _Thread_local uint8_t this_worker = CV_WORKER_ANY;

void dp_pick_for(unsigned worker)
{
    this_worker = (uint8_t)(worker + 1);
}

static bool wanted(const struct dp_tunnel_sa *s, const struct ask *q)
{
    return q->want == WANT_ALL || q->want == s->worker;
}

static bool takes(const struct dp_tunnel_sa *s, const struct ask *q)
{
    if (q->family == IP_V4 ? s->any4 : s->any6)
        return true;
    if (!q->perhaps && q->dir == CV_DIR_OUT)
        return esp_out_match_ip(s->sa, q->ip, q->len);
    return (q->perhaps ? esp_ts_may_match : esp_ts_match)(esp_out_sa_conf(s->sa), q->ip, q->len, q->dir);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */
struct dp_pick_table *dp_pick_table_new(unsigned bits)
{
    bits += SPARSE_BITS;
    const size_t size = sizeof(struct dp_pick_table) + (sizeof(struct dp_pick_entry *) << bits);
    struct dp_pick_table *t = eng_mem_table_new(size);
    if (!t || !ip_hash_key_make(&t->key)) {
        eng_mem_table_free(t);
        return NULL;
    }
    t->mask = (1u << bits) - 1;
    return t;
}

void dp_pick_table_free(struct dp_pick_table *t)
{
    eng_mem_table_free(t);
}

size_t dp_pick_table_bytes(const struct dp_pick_table *t)
{
    return ((size_t)t->mask + 1) * sizeof t->chains[0];
}

static struct dp_pick_entry **chain_of(struct dp_pick_table *t, uint32_t if_id, uint8_t family, unsigned len,
                                       const uint8_t *addr)
{
    return &t->chains[(uint32_t)ip_hash_addr(&t->key, (uint64_t)if_id << 8 | len, family, addr) & t->mask];
}

static struct dp_pick_entry *load(struct dp_pick_entry *const *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* ---- prefix lengths in use ---------------------------------------------------------------------------------------- */
static uint16_t longest_of(const struct lengths *l, unsigned v6)
{
    const unsigned n = l->count[v6];
    return n == 0 ? 0 : (uint16_t)((l->len[v6][n - 1] + 1) | (n == 1 ? SOLE : 0));
}

static cv_result lengths_publish(struct dp_pick *p)
{
    struct lengths *new = calloc(1, sizeof *new), *old = p->lengths;
    if (!new)
        return CV_ENOMEM;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned len = 0; len < LENGTHS; len++)
            if (p->uses[v6][len])
                new->len[v6][new->count[v6]++] = (uint8_t)len;
    __atomic_store_n(&p->lengths, new, __ATOMIC_RELEASE);
    for (unsigned v6 = 0; v6 < 2; v6++)
        __atomic_store_n(&p->longest[v6], longest_of(new, v6), __ATOMIC_RELEASE);
    dp_rcu_free(old);
    return CV_OK;
}

static cv_result length_use(struct dp_pick *p, const struct dp_pick_entry *e)
{
    uint32_t *uses = &p->uses[e->family == IP_V6][e->len];
    if ((*uses)++)
        return CV_OK;
    cv_result r = lengths_publish(p);
    if (r != CV_OK)
        --*uses;
    return r;
}

/* Without memory the length stays in the list, and is looked for in vain. */
static void length_leave(struct dp_pick *p, const struct dp_pick_entry *e)
{
    if (--p->uses[e->family == IP_V6][e->len] == 0 && lengths_publish(p) != CV_OK)
        return;
}

/* ---- an interface --------------------------------------------------------------------------------------------------- */
struct dp_pick *dp_pick_new(struct dp_pick_table *t, uint32_t if_id)
{
    struct dp_pick *p = dp_rcu_new(sizeof *p);
    if (!p)
        return NULL;
    p->table = t;
    p->if_id = if_id;
    if (lengths_publish(p) == CV_OK)
        return p;
    free(p);
    return NULL;
}

void dp_pick_free(struct dp_pick *p)
{
    if (!p)
        return;
    free(p->lengths);
    free(p);
}

/* ---- adding and removing ---------------------------------------------------------------------------------------------- */
static void link_in(struct dp_pick_entry **head, struct dp_pick_entry *e)
{
    struct dp_pick_entry *first = *head;
    e->next = first;
    e->link = head;
    if (first)
        first->link = &e->next;
    __atomic_store_n(head, e, __ATOMIC_RELEASE);
}

static void unlink_from(struct dp_pick_entry *e)
{
    struct dp_pick_entry *next = e->next; /* stays: a reader may stand here */
    if (next)
        next->link = e->link;
    __atomic_store_n(e->link, next, __ATOMIC_RELEASE);
}

static bool any_upper(const struct ts *t)
{
    return t->proto == 0 && t->port_lo == 0 && t->port_hi == UINT16_MAX;
}

/* Does the pair ask for nothing but the remote prefix, and for IPv4 a local one? */
static void simple_note(struct dp_pick_entry *e, const struct ts *local, const struct ts *remote)
{
    struct ip_prefix from;
    if (local->family != remote->family || !any_upper(local) || !any_upper(remote) ||
        !ts_to_prefix(local, &from))
        return;
    if (e->family == IP_V4) {
        memcpy(&e->is.v4.local, from.addr.b, 4);
        e->is.v4.local_mask = from.len ? rte_cpu_to_be_32(UINT32_MAX << (32 - from.len)) : 0;
        e->simple = 1;
    } else {
        e->simple = from.len == 0;
    }
}

static void entry_fill(struct dp_pick_entry *e, const struct dp_pick *p, const struct ts *local,
                       const struct ts *remote, const struct ip_prefix *prefix)
{
    e->if_id = p->if_id;
    e->family = prefix->addr.family;
    e->len = prefix->len;
    memcpy(e->is.addr, prefix->addr.b, sizeof e->is.addr);
    simple_note(e, local, remote);
}

static bool all_prefixes(const struct esp_conf *conf, struct ip_prefix *remote)
{
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (!ts_to_prefix(&conf->ts[i].remote, &remote[i]))
            return false;
    return true;
}

static void entries_free(void *p)
{
    const struct dp_pick_entry *e = p;
    eng_mem_put(ENG_MEM_PICK, p, e->parts * sizeof *e);
}

static struct dp_pick_entry *entries_new(struct dp_pick *p, const struct dp_tunnel_sa *s, unsigned count)
{
    struct dp_pick_entry *e = eng_mem_get(ENG_MEM_PICK, count * sizeof *e, (int)rte_socket_id());
    if (!e)
        return NULL;
    const uint64_t stamp = ++p->table->stamp;
    for (unsigned i = 0; i < count; i++) {
        e[i].sa = *s;
        e[i].stamp = stamp;
    }
    e->parts = (uint8_t)count;
    return e;
}

cv_result dp_pick_add(struct dp_pick *p, const struct dp_tunnel_sa *s, struct dp_pick_entry **out)
{
    const struct esp_conf *conf = esp_out_sa_conf(s->sa);
    struct ip_prefix remote[CV_TS_MAX];
    const bool hashed = all_prefixes(conf, remote);
    const unsigned count = hashed ? conf->ts_count : 1;
    struct dp_pick_entry *e = entries_new(p, s, count);
    if (!e)
        return CV_ENOMEM;
    for (unsigned i = 0; hashed && i < count; i++) {
        entry_fill(&e[i], p, &conf->ts[i].local, &conf->ts[i].remote, &remote[i]);
        if (length_use(p, &e[i]) != CV_OK) {
            while (i-- > 0)
                length_leave(p, &e[i]);
            entries_free(e);
            return CV_ENOMEM;
        }
    }
    if (!hashed)
        link_in(&p->others, e);
    for (unsigned i = 0; hashed && i < count; i++)
        link_in(chain_of(p->table, p->if_id, e[i].family, e[i].len, remote[i].addr.b), &e[i]);
    *out = e;
    return CV_OK;
}

void dp_pick_remove(struct dp_pick *p, struct dp_pick_entry *e)
{
    __atomic_store_n(&p->removals, p->removals + 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < e->parts; i++) {
        unlink_from(&e[i]);
        if (e[i].family) /* else: among the others */
            length_leave(p, &e[i]);
    }
    dp_rcu_defer(entries_free, e);
}

bool dp_pick_set_mtu(struct dp_pick_entry *e, uint16_t mtu)
{
    bool other = false;
    for (unsigned i = 0; i < e->parts; i++) {
        other = other || e[i].sa.inner_mtu != mtu;
        __atomic_store_n(&e[i].sa.inner_mtu, mtu, __ATOMIC_RELAXED);
    }
    return other;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */
static uint32_t addr4(const uint8_t *p)
{
    uint32_t a;
    memcpy(&a, p, sizeof a);
    return a;
}

/* As it stands in memory. */
static uint32_t mask4(uint32_t len)
{
    return len ? rte_cpu_to_be_32(UINT32_MAX << (32 - len)) : 0;
}

/* Of IPv4 in one word: octets that are stored one by one and read back together wait for the store buffer. */
static void masked(const uint8_t *addr, uint8_t family, unsigned len, uint8_t out[16])
{
    const unsigned whole = len / 8;
    if (family == IP_V4) {
        const uint32_t net = addr4(addr) & mask4(len);
        memcpy(out, &net, sizeof net);
        return;
    }
    memset(out, 0, 16);
    memcpy(out, addr, whole);
    if (whole < 16)
        out[whole] = (uint8_t)(addr[whole] & (0xff00 >> len % 8));
}

static const uint8_t *source(const uint8_t *ip, uint8_t family)
{
    return ip + (family == IP_V4 ? 12 : 8);
}
static const uint8_t *destination(const uint8_t *ip, uint8_t family)
{
    return ip + (family == IP_V4 ? 16 : 24);
}

static bool is_for(const struct dp_pick_entry *e, uint32_t if_id, uint8_t family, unsigned len,
                   const uint8_t net[16])
{
    if (e->if_id != if_id || e->len != len || e->family != family)
        return false;
    return family == IP_V4 ? memcmp(e->is.addr, net, 4) == 0 : memcmp(e->is.addr, net, 16) == 0;
}

/* The remote selector holds the packet. */
static bool entry_takes(const struct dp_pick_entry *e, const struct ask *q, const uint8_t *local)
{
    if (!e->simple)
        return takes(&e->sa, q);
    if (e->family != IP_V4)
        return true;
    uint32_t a;
    memcpy(&a, local, sizeof a);
    return (a & e->is.v4.local_mask) == e->is.v4.local;
}

static const struct dp_tunnel_sa *look(const struct dp_pick *p, const struct ask *q)
{
    const bool out = q->dir == CV_DIR_OUT;
    const uint8_t *remote = out ? destination(q->ip, q->family) : source(q->ip, q->family),
                  *local = out ? source(q->ip, q->family) : destination(q->ip, q->family);
    const struct lengths *l = __atomic_load_n(&p->lengths, __ATOMIC_ACQUIRE);
    const unsigned v6 = q->family == IP_V6;
    const struct dp_pick_entry *best = NULL;
    for (unsigned i = 0; i < l->count[v6]; i++) {
        uint8_t net[16];
        const unsigned len = l->len[v6][i];
        masked(remote, q->family, len, net);
        /* Newest first: behind one that is older than the best there is nothing to be found. */
        for (const struct dp_pick_entry *e = load(chain_of(p->table, p->if_id, q->family, len, net));
             e && (!best || e->stamp > best->stamp); e = load(&e->next))
            if (is_for(e, p->if_id, q->family, len, net) && wanted(&e->sa, q) && entry_takes(e, q, local)) {
                best = e;
                break;
            }
    }
    for (const struct dp_pick_entry *e = load(&p->others); e && (!best || e->stamp > best->stamp);
         e = load(&e->next))
        if (wanted(&e->sa, q) && takes(&e->sa, q)) {
            best = e;
            break;
        }
    return best ? &best->sa : NULL;
}

/* A look goes from chain to chain, and an SA may be replaced meanwhile: its successor published in a chain that was passed
 * already, itself gone when the look comes to it. So that a look finds nothing counts only when nothing was removed since it began:
 * who sees an entry unlinked sees its removal counted, and who saw it counted before sees the successor. */
static const struct dp_tunnel_sa *by_prefix(const struct dp_pick *p, const struct ask *q)
{
    for (unsigned again = 0; again < LOOKS_MAX; again++) {
        const uint32_t before = __atomic_load_n(&p->removals, __ATOMIC_ACQUIRE);
        const struct dp_tunnel_sa *s = look(p, q);
        if (likely(s) || __atomic_load_n(&p->removals, __ATOMIC_ACQUIRE) == before)
            return s;
    }
    return NULL;
}

static const struct dp_tunnel_sa *find_wanted(const struct dp_tunnel *t, const struct ask *q)
{
    if (t->pick)
        return by_prefix(t->pick, q);
    for (uint32_t i = 0; i < t->count; i++)
        if (wanted(&t->sas[i], q) && takes(&t->sas[i], q))
            return &t->sas[i];
    return NULL;
}

/* RFC 9611 4: the worker's own SA, else the one that is for all, else whichever there is. */
static const struct dp_tunnel_sa *find_own(const struct dp_tunnel *t, struct ask *q)
{
    const struct dp_tunnel_sa *s = NULL;
    const uint8_t order[] = {this_worker, CV_WORKER_ANY, WANT_ALL};
    for (unsigned i = 0; i < RTE_DIM(order) && !s; i++) {
        q->want = order[i];
        s = find_wanted(t, q);
    }
    return s;
}

static const struct dp_tunnel_sa *find(const struct dp_tunnel *t, struct ask *q)
{
    return unlikely(dp_tunnel_bound(t)) ? find_own(t, q) : find_wanted(t, q);
}

const struct dp_tunnel_sa *dp_pick_octets(const struct dp_tunnel *t, const uint8_t *ip, uint32_t len,
                                          uint8_t family)
{
    return find(t, &(struct ask){ip, len, family, CV_DIR_OUT, false, WANT_ALL});
}

const struct dp_tunnel_sa *dp_pick_slow(const struct dp_tunnel *t, const struct rte_mbuf *m, uint8_t family,
                                        enum cv_dir dir)
{
    return find(
        t, &(struct ask){rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, family, dir, false, WANT_ALL});
}

const struct dp_tunnel_sa *dp_pick_perhaps(const struct dp_tunnel *t, const struct rte_mbuf *m,
                                           uint8_t family, enum cv_dir dir)
{
    return find(
        t, &(struct ask){rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, family, dir, true, WANT_ALL});
}

/* ---- fetching ahead ---------------------------------------------------------------------------------------------- */
void dp_pick_fetch(const struct dp_tunnel *t)
{
    rte_prefetch0(t->pick); /* NULL does no harm */
}

static uint16_t longest(const struct dp_pick *p, unsigned v6)
{
    return __atomic_load_n(&p->longest[v6], __ATOMIC_ACQUIRE);
}

struct dp_pick_entry *const *dp_pick_chain(const struct dp_tunnel *t, uint8_t family, const uint8_t *dst)
{
    const struct dp_pick *p = t->pick;
    uint8_t net[16];
    if (!p)
        return NULL;
    const unsigned most = longest(p, family == IP_V6) & ~(unsigned)SOLE;
    if (most == 0)
        return NULL;
    masked(dst, family, most - 1, net);
    return chain_of(p->table, p->if_id, family, most - 1, net);
}

const struct dp_pick_entry *dp_pick_first(struct dp_pick_entry *const *chain)
{
    return chain ? load(chain) : NULL;
}

/* In a chain the newest come first; with one prefix length there is no other chain where a newer one might be. */
const struct dp_tunnel_sa *dp_pick_at(const struct dp_tunnel *t, struct dp_pick_entry *const *chain,
                                      const struct rte_mbuf *m, uint8_t family)
{
    const struct dp_pick *p = t->pick;
    if (unlikely(!chain || family != IP_V4 || dp_tunnel_bound(t)))
        return dp_pick(t, m, family);
    const unsigned sole = longest(p, 0);
    if (unlikely(!(sole & SOLE) || load(&p->others)))
        return dp_pick(t, m, family);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t len = (sole & ~(unsigned)SOLE) - 1, net = addr4(destination(ip, IP_V4)) & mask4(len),
                   local = addr4(source(ip, IP_V4));
    for (const struct dp_pick_entry *e = load(chain); e; e = load(&e->next))
        if (e->is.v4.remote == net && e->if_id == p->if_id && e->len == len && e->family == IP_V4) {
            if (unlikely(!e->simple))
                break;
            if (likely((local & e->is.v4.local_mask) == e->is.v4.local))
                return &e->sa;
        }
    return dp_pick(t, m, family);
}
