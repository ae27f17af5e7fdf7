#include "dataplane/ip/ip_policy.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_wire.h"

#include <netinet/in.h>
#include <rte_acl.h>
#include <rte_byteorder.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROTO_DCCP = 33,
    PROTO_MH = 135,
    V4_OFFSET_MASK = 0x1fff,
    FIXED_FIELDS = 4, /* protocol, state, both ports */
    WORDS_MAX = 4,    /* of an IPv6 address */
    FIELDS_MAX = FIXED_FIELDS + 2 * WORDS_MAX,
    PIECES_MAX = 2 * WORDS_MAX,
    PORT_MAX = 65535,
};

RTE_ACL_RULE_DEF(rule, FIELDS_MAX);

/* ---- from a range of addresses to what librte_acl can hold ------------------------------------------------- */
/* One range per 32-bit word; the words are independent of one another. */
struct piece {
    uint32_t lo[WORDS_MAX], hi[WORDS_MAX];
};

struct pieces {
    unsigned words, count;
    struct piece at[PIECES_MAX];
};

static void words_of(const uint8_t *a, unsigned words, uint32_t out[WORDS_MAX])
{
    for (unsigned i = 0; i < words; i++)
        out[i] = (uint32_t)a[4 * i] << 24 | (uint32_t)a[4 * i + 1] << 16 | (uint32_t)a[4 * i + 2] << 8 |
                 a[4 * i + 3];
}

static bool all_from(const uint32_t *a, unsigned from, unsigned words, uint32_t value)
{
    for (unsigned i = from; i < words; i++)
        if (a[i] != value)
            return false;
    return true;
}

static void piece_add(struct pieces *p, const struct piece *made, unsigned at, uint32_t lo, uint32_t hi)
{
    struct piece *new = &p->at[p->count++];
    *new = *made;
    new->lo[at] = lo;
    new->hi[at] = hi;
    for (unsigned i = at + 1; i < p->words; i++) {
        new->lo[i] = 0;
        new->hi[i] = UINT32_MAX;
    }
}

/* The range lo..hi as pieces, its words before `at` being those of `made`. An edge takes one piece per word: of IPv6
 * at most 7 in all. */
static void range_cut(struct pieces *p, struct piece *made, unsigned at, const uint32_t *lo,
                      const uint32_t *hi)
{
    static const uint32_t none[WORDS_MAX], full[WORDS_MAX] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    for (; at + 1 < p->words && lo[at] == hi[at]; at++)
        made->lo[at] = made->hi[at] = lo[at];
    bool whole_lo = all_from(lo, at + 1, p->words, 0), whole_hi = all_from(hi, at + 1, p->words, UINT32_MAX);
    uint64_t first = lo[at], last = hi[at];
    if (!whole_lo) {
        struct piece edge = *made;
        edge.lo[at] = edge.hi[at] = lo[at];
        range_cut(p, &edge, at + 1, lo, full);
        first++;
    }
    if (!whole_hi) {
        struct piece edge = *made;
        edge.lo[at] = edge.hi[at] = hi[at];
        range_cut(p, &edge, at + 1, none, hi);
        last--;
    }
    if (first <= last)
        piece_add(p, made, at, (uint32_t)first, (uint32_t)last);
}

static struct pieces pieces_of(const struct ts *t)
{
    struct pieces p = {.words = t->family == IP_V4 ? 1 : WORDS_MAX};
    struct piece made;
    uint32_t lo[WORDS_MAX], hi[WORDS_MAX];
    memset(&made, 0, sizeof made);
    words_of(t->lo, p.words, lo);
    words_of(t->hi, p.words, hi);
    range_cut(&p, &made, 0, lo, hi);
    return p;
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */
struct build {
    struct rte_acl_ctx *table; /* NULL: the rules are only counted */
    struct rule rule;          /* of the row in hand */
    unsigned words;
    uint32_t count;
};

static bool any_port(const struct ts *t)
{
    return t->port_lo == 0 && t->port_hi == PORT_MAX;
}

static bool opaque(const struct ts *t)
{
    return t->port_lo > t->port_hi;
}

bool ip_policy_row_ok(const struct cv_policy *r)
{
    bool flow = r->action == CV_POLICY_PROTECT || r->action == CV_POLICY_PROTECT_IF ||
                r->action == CV_POLICY_PROTECT_ONLY;
    if (!flow && r->action != CV_POLICY_BYPASS && r->action != CV_POLICY_DISCARD)
        return false;
    return (flow ? r->flow_if != 0 && r->flow_if < CV_MAX_IFS : r->flow_if == 0) && ts_valid(&r->local) &&
           ts_valid(&r->remote) && r->local.family == r->remote.family;
}

static cv_result acl_result(int r)
{
    return r == 0 ? CV_OK : r == -EINVAL ? CV_EINVAL : r == -ENOMEM ? CV_ENOMEM : CV_ENOSPC;
}

static void field(struct rule *r, unsigned at, uint32_t lo, uint32_t hi)
{
    r->field[at].value.u64 = 0;
    r->field[at].mask_range.u64 = 0;
    r->field[at].value.u32 = lo;
    r->field[at].mask_range.u32 = hi;
}

static void port_field(struct rule *r, unsigned at, uint16_t lo, uint16_t hi)
{
    field(r, at, 0, 0);
    r->field[at].value.u16 = lo;
    r->field[at].mask_range.u16 = hi;
}

/* The row's rule for every pair of pieces; protocol, state and ports stand. */
static cv_result rules_add(struct build *b, const struct pieces *local, const struct pieces *remote)
{
    for (unsigned i = 0; i < local->count; i++)
        for (unsigned k = 0; k < remote->count; k++) {
            for (unsigned w = 0; w < b->words; w++) {
                field(&b->rule, FIXED_FIELDS + w, local->at[i].lo[w], local->at[i].hi[w]);
                field(&b->rule, FIXED_FIELDS + b->words + w, remote->at[k].lo[w], remote->at[k].hi[w]);
            }
            if (b->count == IP_POLICY_RULES_MAX)
                return CV_ENOSPC;
            b->count++;
            if (b->table)
                CV_TRY(acl_result(rte_acl_add_rules(b->table, (const struct rte_acl_rule *)&b->rule, 1)));
        }
    return CV_OK;
}

static void state_set(struct build *b, enum ip_ports lo, enum ip_ports hi, const struct ts *local,
                      const struct ts *remote)
{
    field(&b->rule, 1, lo, hi);
    port_field(&b->rule, 2, local ? local->port_lo : 0, local ? local->port_hi : PORT_MAX);
    port_field(&b->rule, 3, remote ? remote->port_lo : 0, remote ? remote->port_hi : PORT_MAX);
}

/* Only the actions that keep a packet from going in clear are taken for a packet that shows no ports. */
static bool closes(const struct cv_policy *r)
{
    return r->action != CV_POLICY_BYPASS;
}

static void proto_set(struct build *b, uint8_t proto)
{
    field(&b->rule, 0, 0, 0);
    b->rule.field[0].value.u8 = proto;
    b->rule.field[0].mask_range.u8 = proto ? 0xff : 0;
}

/* What a packet meets that shows its protocol. */
static cv_result shown_add(struct build *b, const struct cv_policy *r, const struct pieces *local,
                           const struct pieces *remote)
{
    const struct ts *l = &r->local, *o = &r->remote;
    if (any_port(l) && any_port(o)) {
        state_set(b, IP_PORTS_NONE, IP_PORTS_UNSEEN, NULL, NULL);
        return rules_add(b, local, remote);
    }
    if (!opaque(l) && !opaque(o)) {
        state_set(b, IP_PORTS_SEEN, IP_PORTS_SEEN, l, o);
        CV_TRY(rules_add(b, local, remote));
        if (!closes(r))
            return CV_OK;
    } else if ((opaque(l) || any_port(l)) && (opaque(o) || any_port(o))) {
        state_set(b, IP_PORTS_NONE, IP_PORTS_NONE, NULL, NULL);
        CV_TRY(rules_add(b, local, remote));
    } else if (!closes(r)) {
        return CV_OK;
    }
    state_set(b, IP_PORTS_UNSEEN, IP_PORTS_UNSEEN, NULL, NULL);
    return rules_add(b, local, remote);
}

static bool names_no_upper_layer(const struct cv_policy *r)
{
    return !r->local.proto && !r->remote.proto && any_port(&r->local) && any_port(&r->remote);
}

static cv_result row_add(struct build *b, const struct cv_policy *r)
{
    const struct ts *l = &r->local, *o = &r->remote;
    const struct pieces local = pieces_of(l), remote = pieces_of(o);
    if (l->proto && o->proto && l->proto != o->proto)
        return CV_OK; /* no packet has two */
    proto_set(b, l->proto ? l->proto : o->proto);
    CV_TRY(shown_add(b, r, &local, &remote));
    if (l->family != IP_V6 || (!closes(r) && !names_no_upper_layer(r)))
        return CV_OK;
    proto_set(b, 0);
    state_set(b, IP_PORTS_HIDDEN, IP_PORTS_HIDDEN, NULL, NULL);
    return rules_add(b, &local, &remote);
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */
static struct rte_acl_field_def range_def(unsigned at, unsigned input, uint8_t size, size_t offset)
{
    return (struct rte_acl_field_def){.type = RTE_ACL_FIELD_TYPE_RANGE,
                                      .size = size,
                                      .field_index = (uint8_t)at,
                                      .input_index = (uint8_t)input,
                                      .offset = (uint32_t)offset};
}

static void config_make(unsigned words, struct rte_acl_config *c)
{
    memset(c, 0, sizeof *c);
    c->num_categories = 1;
    c->num_fields = FIXED_FIELDS + 2 * words;
    c->max_size =
        0; /* few large tries first: without a bound it is tried once, and takes a tenth of the time */
    c->defs[0] = (struct rte_acl_field_def){.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 1};
    c->defs[1] = range_def(1, 1, 4, offsetof(struct ip_policy_key, state));
    c->defs[2] = range_def(2, 2, 2, offsetof(struct ip_policy_key, local_port));
    c->defs[3] = range_def(3, 2, 2, offsetof(struct ip_policy_key, remote_port));
    for (unsigned w = 0; w < words; w++) {
        unsigned l = FIXED_FIELDS + w, r = FIXED_FIELDS + words + w;
        c->defs[l] = range_def(l, l - 1, 4, offsetof(struct ip_policy_key, local) + 4 * (size_t)w);
        c->defs[r] = range_def(r, r - 1, 4, offsetof(struct ip_policy_key, remote) + 4 * (size_t)w);
    }
}

static cv_result rows_add(struct build *b, const struct cv_policy *rows, uint32_t count, uint8_t family)
{
    b->words = family == IP_V4 ? 1 : WORDS_MAX;
    b->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].local.family != family)
            continue;
        b->rule.data.category_mask = 1;
        b->rule.data.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - i);
        b->rule.data.userdata = i + 1;
        CV_TRY(row_add(b, &rows[i]));
    }
    return CV_OK;
}

static cv_result table_build(struct build *b, const struct cv_policy *rows, uint32_t count, uint8_t family)
{
    struct rte_acl_config config;
    CV_TRY(rows_add(b, rows, count, family));
    config_make(b->words, &config);
    return acl_result(rte_acl_build(b->table, &config));
}

/* *out is NULL when the family has no rows. */
static cv_result table_new(const struct cv_policy *rows, uint32_t count, uint8_t family, int socket,
                           struct rte_acl_ctx **out)
{
    static unsigned serial; /* librte_acl knows tables by name */
    char name[RTE_ACL_NAMESIZE];
    struct build b = {.table = NULL};
    *out = NULL;
    CV_TRY(rows_add(&b, rows, count, family));
    if (b.count == 0)
        return CV_OK;
    snprintf(name, sizeof name, "policy-%u", serial++);
    struct rte_acl_param param = {.name = name,
                                  .socket_id = socket,
                                  .rule_size = (uint32_t)RTE_ACL_RULE_SZ(FIXED_FIELDS + 2 * b.words),
                                  .max_rule_num = b.count};
    b.table = rte_acl_create(&param);
    if (!b.table)
        return CV_ENOMEM;
    cv_result r = table_build(&b, rows, count, family);
    if (r == CV_OK)
        *out = b.table;
    else
        rte_acl_free(b.table);
    return r;
}

static bool is_protecting(uint32_t action)
{
    return action == CV_POLICY_PROTECT || action == CV_POLICY_PROTECT_IF || action == CV_POLICY_PROTECT_ONLY;
}

static cv_result rows_take(struct ip_policy *p, const struct cv_policy *rows)
{
    p->by_address[0] = p->by_address[1] = p->clear_by_address[0] = p->clear_by_address[1] = true;
    for (uint32_t i = 0; i < p->count; i++) {
        if (!ip_policy_row_ok(&rows[i]))
            return CV_EINVAL;
        const unsigned v6 = rows[i].local.family == IP_V6;
        p->rows[i] = (struct ip_policy_row){rows[i].flow_if, rows[i].action,
                                            rows[i].local.proto != 0 || rows[i].remote.proto != 0};
        if (!names_no_upper_layer(&rows[i]))
            p->by_address[v6] = p->clear_by_address[v6] = false;
        if (is_protecting(rows[i].action))
            p->clear_by_address[v6] = false;
    }
    return CV_OK;
}

/* ---- where protected traffic goes -------------------------------------------------------------------------------- */
static int range_order(const void *a, const void *b)
{
    return memcmp(((const struct ip_policy_range *)a)->lo, ((const struct ip_policy_range *)b)->lo, 16);
}

static void ranges_merge(struct ip_policy_range *r, uint32_t *count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (n > 0 && memcmp(r[i].lo, r[n - 1].hi, 16) <= 0) {
            if (memcmp(r[i].hi, r[n - 1].hi, 16) > 0)
                memcpy(r[n - 1].hi, r[i].hi, 16);
        } else {
            r[n++] = r[i];
        }
    }
    *count = n;
}

static cv_result remotes_take(struct ip_policy *p, const struct cv_policy *rows, unsigned v6)
{
    const uint8_t family = v6 ? IP_V6 : IP_V4;
    const size_t len = ip_family_len(family);
    struct ip_policy_range *r = calloc(p->count ? p->count : 1, sizeof *r);
    uint32_t n = 0;
    if (!r)
        return CV_ENOMEM;
    for (uint32_t i = 0; i < p->count; i++) {
        if (rows[i].remote.family != family || !is_protecting(rows[i].action))
            continue;
        if (rows[i].action == CV_POLICY_PROTECT_IF) {
            p->some_if[v6] = true;
            continue;
        }
        memcpy(r[n].lo, rows[i].remote.lo, len);
        memcpy(r[n++].hi, rows[i].remote.hi, len);
    }
    qsort(r, n, sizeof *r, range_order);
    ranges_merge(r, &n);
    p->remote[v6] = r;
    p->remotes[v6] = n;
    return CV_OK;
}

bool ip_policy_protects_to(const struct ip_policy *p, uint8_t family, const uint8_t *addr)
{
    const struct ip_policy_range *r = p->remote[family == IP_V6];
    uint32_t from = 0, to = p->remotes[family == IP_V6];
    const size_t len = ip_family_len(family);
    while (from < to) {
        const uint32_t mid = (from + to) / 2;
        if (memcmp(addr, r[mid].lo, len) < 0)
            to = mid;
        else if (memcmp(addr, r[mid].hi, len) > 0)
            from = mid + 1;
        else
            return true;
    }
    return false;
}

cv_result ip_policy_new(const struct cv_policy *rows, uint32_t count, int socket, struct ip_policy **out)
{
    if (count > CV_POLICY_ROWS_MAX)
        return CV_ENOSPC;
    struct ip_policy *p = calloc(1, sizeof *p + count * sizeof p->rows[0]);
    if (!p)
        return CV_ENOMEM;
    p->count = count;
    cv_result r = rows_take(p, rows);
    for (unsigned v6 = 0; v6 < 2 && r == CV_OK; v6++)
        r = remotes_take(p, rows, v6);
    for (unsigned v6 = 0; v6 < 2 && r == CV_OK; v6++)
        r = table_new(rows, count, v6 ? IP_V6 : IP_V4, socket, &p->table[v6]);
    if (r != CV_OK) {
        ip_policy_free(p);
        return r;
    }
    *out = p;
    return CV_OK;
}

static const struct ip_policy_row discarded = {.action = CV_POLICY_DISCARD};

struct ip_policy *ip_policy_closed(void)
{
    static struct ip_policy closed = {
        .by_address = {true, true}, .clear_by_address = {true, true}, .otherwise = {&discarded, &discarded}};
    return &closed;
}

void ip_policy_close(struct ip_policy *p, uint8_t family)
{
    __atomic_store_n(&p->otherwise[family == IP_V6], &discarded, __ATOMIC_RELEASE);
}

bool ip_policy_row_protects(const struct cv_policy *row, uint8_t family)
{
    return row->local.family == family && is_protecting(row->action);
}

void ip_policy_free(struct ip_policy *p)
{
    if (!p || p == ip_policy_closed())
        return;
    rte_acl_free(p->table[0]);
    rte_acl_free(p->table[1]);
    free(p->remote[0]);
    free(p->remote[1]);
    free(p);
}

/* ---- packets --------------------------------------------------------------------------------------------------- */
/* Is this a fragment that does not begin with the upper layer's header? */
static bool is_later_fragment(const uint8_t *p, const struct dp_meta *meta)
{
    if (!meta->frag)
        return false;
    if (meta->family == IP_V4)
        return ((p[6] << 8 | p[7]) & V4_OFFSET_MASK) != 0;
    uint8_t next = p[6];
    for (uint32_t at = 40; at < meta->l3_len;) {
        if (next == IP_NEXT_FRAGMENT) {
            if (((p[at + 2] << 8 | p[at + 3]) & 0xfff8) != 0)
                return true;
            next = p[at];
            at += 8;
        } else {
            next = p[at];
            at += ((uint32_t)p[at + 1] + 1) * 8;
        }
    }
    return false;
}

bool ip_policy_is_later(const struct rte_mbuf *m)
{
    return is_later_fragment(rte_pktmbuf_mtod(m, const uint8_t *), dp_meta((struct rte_mbuf *)(uintptr_t)m));
}

/* HIP and shim6 are protocols, which a line may name, and extension headers that others follow (RFC 7045 4): who sends TCP behind
 * them must not get past a line that protects TCP. */
static bool carries_others(uint8_t proto)
{
    return proto == IP_NEXT_HIP || proto == IP_NEXT_SHIM6;
}

/* Of a later fragment of IPv6: what its fragment header names need not be what the datagram carries. */
bool ip_policy_hides_proto(const struct dp_meta *meta)
{
    return meta->family == IP_V6 && (meta->proto == IP_NEXT_HOP_BY_HOP || meta->proto == IP_NEXT_ROUTING ||
                                     meta->proto == IP_NEXT_FRAGMENT || meta->proto == IP_NEXT_DEST_OPTIONS ||
                                     carries_others(meta->proto));
}

/* Octets of the upper layer's header that its ports need; 0: it has none. */
static unsigned ports_need(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
    case PROTO_DCCP:
        return 4;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return 2;
    case PROTO_MH:
        return 3;
    default:
        return 0;
    }
}

static void ports_read(const uint8_t *l4, bool in, struct ip_policy_key *key)
{
    uint16_t src, dst;
    memcpy(&src, l4, 2);
    if (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6) {
        dst = src;
    } else if (key->proto == PROTO_MH) {
        src = dst = rte_cpu_to_be_16((uint16_t)(l4[2] << 8));
    } else {
        memcpy(&dst, l4 + 2, 2);
    }
    key->local_port = in ? dst : src;
    key->remote_port = in ? src : dst;
}

void ip_policy_key_of(const struct rte_mbuf *m, bool in, struct ip_policy_key *key)
{
    const struct dp_meta *meta = dp_meta((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    const size_t len = ip_family_len(meta->family);
    unsigned need = ports_need(meta->proto);
    enum ip_ports state = need == 0 ? IP_PORTS_NONE : IP_PORTS_SEEN;
    memset(key, 0, sizeof *key);
    key->proto = meta->proto;
    if (ip_policy_hides_proto(meta))
        state = IP_PORTS_HIDDEN;
    else if (is_later_fragment(p, meta) || m->data_len < meta->l3_len + need)
        state = IP_PORTS_UNSEEN;
    key->state = rte_cpu_to_be_32(state);
    if (state == IP_PORTS_SEEN)
        ports_read(p + meta->l3_len, in, key);
    memcpy(key->local, in ? ip_dst(m, meta->family) : ip_src(m, meta->family), len);
    memcpy(key->remote, in ? ip_src(m, meta->family) : ip_dst(m, meta->family), len);
}

const struct ip_policy_row *ip_policy_match(const struct ip_policy *p, uint8_t family,
                                            const struct ip_policy_key *key)
{
    const struct rte_acl_ctx *table = p->table[family == IP_V6];
    const uint8_t *data = (const uint8_t *)key;
    uint32_t row = 0;
    if (!table || rte_acl_classify(table, &data, &row, 1, 1) != 0 || row == 0)
        return __atomic_load_n(&p->otherwise[family == IP_V6], __ATOMIC_ACQUIRE);
    return &p->rows[row - 1];
}
