/* A port's policy, compiled: against a slow and literal reading of its rows, over random rows and packets. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_policy.h"
#include "tests/unit/ip/pkt.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 150, ROWS = 24, PACKETS = 400, PORT_MAX = 65535 };

/* ---- random, reproducible ------------------------------------------------------------------------------------ */
static uint64_t seed = 0x20c61a5eed;
static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

/* Few different octets, so that rows and packets meet; extremes among them. */
static uint8_t octet(void)
{
    static const uint8_t some[] = {0, 0, 1, 2, 10, 127, 128, 254, 255, 255};
    return some[rnd(sizeof some)];
}

static const uint8_t protos[] = {0, 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE, IPPROTO_ESP};

/* ---- a packet as the rules speak of it -------------------------------------------------------------------------- */
struct packet {
    uint8_t family, proto;
    enum ip_ports state;
    uint16_t local_port, remote_port;
    uint8_t local[16], remote[16];
};

/* ---- the literal reading ------------------------------------------------------------------------------------------- */
static bool in_range(const struct ts *t, const uint8_t *a)
{
    size_t n = t->family == IP_V4 ? 4 : 16;
    return memcmp(t->lo, a, n) <= 0 && memcmp(a, t->hi, n) <= 0;
}

static bool names_ports(const struct ts *t)
{
    return t->port_lo != 0 || t->port_hi != PORT_MAX;
}

static bool proto_fits(const struct ts *t, const struct packet *p, bool closes)
{
    return !t->proto || (p->state == IP_PORTS_HIDDEN ? closes : t->proto == p->proto);
}

static bool port_fits(const struct ts *t, const struct packet *p, uint16_t port, bool closes)
{
    if (!names_ports(t))
        return true;
    if (p->state == IP_PORTS_HIDDEN)
        return closes;
    if (t->port_lo > t->port_hi) /* OPAQUE */
        return p->state != IP_PORTS_SEEN;
    if (p->state == IP_PORTS_UNSEEN)
        return closes;
    return p->state == IP_PORTS_SEEN && port >= t->port_lo && port <= t->port_hi;
}

static bool row_fits(const struct cv_policy *r, const struct packet *p)
{
    bool closes = r->action != CV_POLICY_BYPASS;
    return r->local.family == p->family && proto_fits(&r->local, p, closes) &&
           proto_fits(&r->remote, p, closes) && in_range(&r->local, p->local) &&
           in_range(&r->remote, p->remote) && port_fits(&r->local, p, p->local_port, closes) &&
           port_fits(&r->remote, p, p->remote_port, closes);
}

static int literal(const struct cv_policy *rows, unsigned n, const struct packet *p)
{
    for (unsigned i = 0; i < n; i++)
        if (row_fits(&rows[i], p))
            return (int)i;
    return -1;
}

/* ---- random rows and packets ---------------------------------------------------------------------------------------- */
static struct ts random_ts(uint8_t family, uint8_t proto)
{
    struct ts t = {.family = family, .proto = proto, .port_hi = PORT_MAX};
    unsigned n = family == IP_V4 ? 4 : 16, same = rnd(n + 1);
    for (unsigned i = 0; i < n; i++) {
        t.lo[i] = octet();
        t.hi[i] = i < same ? t.lo[i] : octet();
    }
    if (rnd(4) == 0) { /* a prefix */
        memset(t.lo + same, 0, n - same);
        memset(t.hi + same, 255, n - same);
    }
    if (memcmp(t.lo, t.hi, n) > 0) {
        uint8_t swap[16];
        memcpy(swap, t.lo, 16);
        memcpy(t.lo, t.hi, 16);
        memcpy(t.hi, swap, 16);
    }
    bool has_ports = proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP;
    unsigned kind = rnd(8);
    if (kind == 0 && proto == IPPROTO_ICMP) {
        t.port_lo = PORT_MAX;
        t.port_hi = 0;
    } else if (kind < 3 && has_ports) {
        t.port_lo = (uint16_t)rnd(8);
        t.port_hi = (uint16_t)(t.port_lo + rnd(5));
    }
    return t;
}

static struct cv_policy random_row(uint32_t order)
{
    static const uint8_t actions[] = {CV_POLICY_PROTECT, CV_POLICY_PROTECT_ONLY, CV_POLICY_PROTECT_IF,
                                      CV_POLICY_BYPASS, CV_POLICY_DISCARD};
    uint8_t family = rnd(2) ? IP_V4 : IP_V6, proto = protos[rnd(sizeof protos)];
    struct cv_policy r = {.if_id = 1, .order = order, .action = actions[rnd(sizeof actions)]};
    r.flow_if = r.action == CV_POLICY_BYPASS || r.action == CV_POLICY_DISCARD ? 0 : 10 + order;
    r.local = random_ts(family, proto);
    r.remote = random_ts(family, rnd(8) ? proto : 0);
    return r;
}

/* On or beside the edges of a row. */
static void near_edge(const struct ts *t, uint8_t out[16])
{
    memcpy(out, rnd(2) ? t->lo : t->hi, 16);
    unsigned n = t->family == IP_V4 ? 4 : 16;
    if (rnd(2) == 0)
        return;
    if (rnd(2)) { /* one more or less */
        int step = rnd(2) ? 1 : -1;
        for (unsigned i = n; i-- > 0;) {
            int v = out[i] + step;
            out[i] = (uint8_t)v;
            if (v >= 0 && v <= 255)
                break;
        }
    } else {
        out[rnd(n)] = octet();
    }
}

static struct packet random_packet(const struct cv_policy *rows, unsigned n)
{
    const struct cv_policy *r = &rows[rnd(n)];
    struct packet p = {.family = r->local.family, .proto = protos[rnd(sizeof protos)]};
    if (r->local.proto && rnd(4))
        p.proto = r->local.proto;
    if (p.proto == 0)
        p.proto = 99;
    near_edge(&r->local, p.local);
    near_edge(&r->remote, p.remote);
    bool has_ports = p.proto == IPPROTO_TCP || p.proto == IPPROTO_UDP || p.proto == IPPROTO_ICMP;
    p.state = rnd(4) == 0 ? IP_PORTS_UNSEEN : has_ports ? IP_PORTS_SEEN : IP_PORTS_NONE;
    if (p.state == IP_PORTS_UNSEEN && p.family == IP_V6 && rnd(2)) {
        static const uint8_t extensions[] = {0, 43, 44, 60};
        p.state = IP_PORTS_HIDDEN;
        p.proto = extensions[rnd(sizeof extensions)];
    }
    if (p.state == IP_PORTS_SEEN) {
        p.local_port = (uint16_t)rnd(14);
        p.remote_port = p.proto == IPPROTO_ICMP ? p.local_port : (uint16_t)rnd(14);
    }
    return p;
}

/* The packet's octets; a later fragment for UNSEEN and HIDDEN. in: source and destination change places. */
static struct rte_mbuf *packet_made(const struct packet *p, bool in)
{
    uint8_t b[80] = {0};
    bool v4 = p->family == IP_V4, later = p->state == IP_PORTS_UNSEEN || p->state == IP_PORTS_HIDDEN;
    unsigned hl = v4 ? 20 : later ? 48 : 40, total = hl + 16, n = v4 ? 4 : 16, at = v4 ? 12 : 8;
    uint16_t s = in ? p->remote_port : p->local_port, d = in ? p->local_port : p->remote_port;
    if (v4) {
        b[0] = 0x45;
        b[3] = (uint8_t)total;
        b[6] = later ? 0x20 : 0;
        b[7] = later ? 3 : 0;
        b[8] = 64;
        b[9] = p->proto;
    } else {
        b[0] = 0x60;
        b[5] = (uint8_t)(total - 40);
        b[6] = later ? 44 : p->proto;
        b[40] = later ? p->proto : 0;
        b[43] = later ? 0x19 : 0;
    }
    memcpy(b + at, in ? p->remote : p->local, n);
    memcpy(b + at + n, in ? p->local : p->remote, n);
    if (v4) {
        uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
        memcpy(b + 10, &sum, 2);
    }
    if (p->state == IP_PORTS_SEEN) {
        b[hl] = (uint8_t)(s >> 8);
        b[hl + 1] = (uint8_t)s;
        if (p->proto != IPPROTO_ICMP) {
            b[hl + 2] = (uint8_t)(d >> 8);
            b[hl + 3] = (uint8_t)d;
        }
        if (p->proto == IPPROTO_UDP)
            b[hl + 5] = 16;
    }
    return pkt_of(b, total);
}

static int compiled(const struct ip_policy *p, const struct packet *k, bool in)
{
    struct ip_policy_key key;
    struct rte_mbuf *m = packet_made(k, in);
    int row = -2; /* not an IP packet that anybody forwards */
    if (ip_classify_ip(m) != IP_CLASS_DROP) {
        ip_policy_key_of(m, in, &key);
        const struct ip_policy_row *r = ip_policy_match(p, k->family, &key);
        row = r ? (int)(r - p->rows) : -1;
    }
    rte_pktmbuf_free(m);
    return row;
}

static void random_rows_and_packets_meet_as_read_literally(void)
{
    unsigned wrong = 0, looked = 0, hit = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct cv_policy rows[ROWS];
        struct ip_policy *p;
        for (unsigned i = 0; i < ROWS; i++)
            rows[i] = random_row(i);
        CU_ASSERT_EQUAL_FATAL(ip_policy_new(rows, ROWS, 0, &p), CV_OK);
        for (unsigned i = 0; i < PACKETS; i++) {
            struct packet k = random_packet(rows, ROWS);
            bool in = rnd(2);
            int got = compiled(p, &k, in), want = literal(rows, ROWS, &k);
            if (got == -2)
                continue;
            looked++;
            hit += want >= 0;
            if (got != want && wrong++ < 5)
                fprintf(stderr, "round %u: row %d, not %d (family %u proto %u state %u)\n", round, got, want,
                        k.family, k.proto, k.state);
        }
        ip_policy_free(p);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(looked > ROUNDS * PACKETS / 3 && hit > looked / 3 && hit < looked);
}

/* ---- single rules ---------------------------------------------------------------------------------------------------- */
static struct cv_policy row(uint8_t action, const char *local, const char *remote, uint8_t proto,
                            uint16_t port)
{
    struct cv_policy r = {.if_id = 1, .action = action};
    struct ip_prefix l, o;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(local, &l) && ip_prefix_parse(remote, &o));
    r.flow_if = action == CV_POLICY_BYPASS || action == CV_POLICY_DISCARD ? 0 : 7;
    r.local = ts_from_prefix(&l, proto, 0, PORT_MAX);
    r.remote = ts_from_prefix(&o, proto, port, port ? port : PORT_MAX);
    return r;
}

static struct packet udp(enum ip_ports state, uint16_t port)
{
    return (struct packet){.family = IP_V4,
                           .proto = IPPROTO_UDP,
                           .state = state,
                           .local_port = state == IP_PORTS_SEEN ? 40000 : 0,
                           .remote_port = port,
                           .local = {10, 1, 0, 1},
                           .remote = {10, 2, 0, 2}};
}

static int first(const struct cv_policy *rows, unsigned n, const struct packet *k)
{
    struct ip_policy *p;
    CU_ASSERT_EQUAL_FATAL(ip_policy_new(rows, n, 0, &p), CV_OK);
    int got = compiled(p, k, false);
    CU_ASSERT_EQUAL(compiled(p, k, true), got); /* the mirror image */
    ip_policy_free(p);
    return got;
}

static void RFC_4301_7_a_later_fragment_is_protected_but_not_let_pass_by_a_row_with_ports(void)
{
    struct packet whole = udp(IP_PORTS_SEEN, 53), later = udp(IP_PORTS_UNSEEN, 0),
                  other = udp(IP_PORTS_SEEN, 54);
    const struct cv_policy protect[] = {
        row(CV_POLICY_PROTECT, "10.1.0.0/16", "10.2.0.0/16", IPPROTO_UDP, 53)};
    const struct cv_policy pass[] = {row(CV_POLICY_BYPASS, "10.1.0.0/16", "10.2.0.0/16", IPPROTO_UDP, 53),
                                     row(CV_POLICY_PROTECT, "10.1.0.0/16", "10.2.0.0/16", 0, 0)};
    CU_ASSERT_EQUAL(first(protect, 1, &whole), 0);
    CU_ASSERT_EQUAL(first(protect, 1, &later), 0);
    CU_ASSERT_EQUAL(first(protect, 1, &other), -1);
    CU_ASSERT_EQUAL(first(pass, 2, &whole), 0);
    CU_ASSERT_EQUAL(first(pass, 2, &later), 1);
    CU_ASSERT_EQUAL(first(pass, 2, &other), 1);
}

static void RFC_4301_7_a_later_fragment_that_hides_its_protocol_is_protected_and_not_let_pass(void)
{
    /* Fragment header, destination options, TCP: the later pieces name the destination options. */
    const struct packet later = {.family = IP_V6,
                                 .proto = 60,
                                 .state = IP_PORTS_HIDDEN,
                                 .local = {0xfd, 1, [15] = 1},
                                 .remote = {0xfd, 2, [15] = 2}};
    const struct cv_policy protect[] = {row(CV_POLICY_PROTECT, "fd01::/16", "fd02::/16", IPPROTO_TCP, 0)};
    const struct cv_policy pass[] = {row(CV_POLICY_BYPASS, "fd01::/16", "fd02::/16", IPPROTO_TCP, 0),
                                     row(CV_POLICY_BYPASS, "fd01::/16", "fd02::/16", 60, 0),
                                     row(CV_POLICY_PROTECT, "fd01::/16", "fd02::/16", 0, 0)};
    const struct cv_policy any[] = {row(CV_POLICY_BYPASS, "fd01::/16", "fd02::/16", 0, 0)};
    CU_ASSERT_EQUAL(first(protect, 1, &later), 0);
    CU_ASSERT_EQUAL(first(pass, 3, &later), 2);
    CU_ASSERT_EQUAL(first(any, 1, &later), 0);
}

static int first_of(const struct cv_policy *rows, unsigned n, const struct ip_policy_key *key)
{
    struct ip_policy *p;
    CU_ASSERT_EQUAL_FATAL(ip_policy_new(rows, n, 0, &p), CV_OK);
    const struct ip_policy_row *r = ip_policy_match(p, IP_V6, key);
    const int got = r ? (int)(r - p->rows) : -1;
    ip_policy_free(p);
    return got;
}

static void RFC_7045_4_what_hip_and_shim6_carry_is_protected_and_not_let_pass(void)
{
    static const uint8_t carriers[] = {139, 140};
    for (unsigned i = 0; i < 2; i++) {
        const struct cv_policy protect[] = {row(CV_POLICY_PROTECT, "fd01::/16", "fd02::/16", IPPROTO_TCP, 0)};
        const struct cv_policy named[] = {row(CV_POLICY_BYPASS, "fd01::/16", "fd02::/16", IPPROTO_TCP, 0),
                                          row(CV_POLICY_BYPASS, "fd01::/16", "fd02::/16", carriers[i], 0),
                                          row(CV_POLICY_PROTECT, "fd01::/16", "fd02::/16", carriers[i], 0)};
        uint8_t b[40 + 8 + 20] = {0x60, [5] = 28, [6] = carriers[i], [7] = 64, [40] = IPPROTO_TCP};
        memcpy(b + 8, (const uint8_t[16]){0xfd, 1, [15] = 1}, 16);
        memcpy(b + 24, (const uint8_t[16]){0xfd, 2, [15] = 2}, 16);
        struct rte_mbuf *m = pkt_of(b, sizeof b);
        struct ip_policy_key key;
        CU_ASSERT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_IP);
        ip_policy_key_of(m, false, &key);
        CU_ASSERT_EQUAL(first_of(protect, 1, &key), 0);
        CU_ASSERT_EQUAL(first_of(named, 3, &key), 2);
        rte_pktmbuf_free(m);
    }
}

static void a_closed_policy_discards_everything_and_is_never_freed(void)
{
    struct packet v4 = udp(IP_PORTS_SEEN, 53), v6 = {.family = IP_V6, .proto = IPPROTO_GRE};
    struct ip_policy *p = ip_policy_closed();
    struct ip_policy_key key = {0};
    CU_ASSERT_EQUAL(ip_policy_match(p, v4.family, &key)->action, CV_POLICY_DISCARD);
    CU_ASSERT_EQUAL(ip_policy_match(p, v6.family, &key)->action, CV_POLICY_DISCARD);
    ip_policy_free(p);
    CU_ASSERT_EQUAL(ip_policy_match(ip_policy_closed(), IP_V4, &key)->flow_if, 0);
}

static void only_policies_that_protect_nothing_send_in_clear_by_address(void)
{
    const struct cv_policy one[] = {row(CV_POLICY_PROTECT, "10.1.0.0/16", "10.2.0.0/16", 0, 0)},
                           none[] = {row(CV_POLICY_BYPASS, "10.1.0.0/16", "10.2.0.0/16", 0, 0)},
                           two[] = {row(CV_POLICY_PROTECT_IF, "10.1.0.0/16", "10.2.0.0/16", 0, 0)};
    struct ip_policy *p;
    CU_ASSERT_EQUAL_FATAL(ip_policy_new(one, 1, 0, &p), CV_OK);
    CU_ASSERT_TRUE(p->by_address[0] && !p->clear_by_address[0] && p->clear_by_address[1]);
    ip_policy_free(p);
    CU_ASSERT_EQUAL_FATAL(ip_policy_new(none, 1, 0, &p), CV_OK);
    CU_ASSERT_TRUE(p->by_address[0] && p->clear_by_address[0]);
    ip_policy_free(p);
    CU_ASSERT_EQUAL_FATAL(ip_policy_new(two, 1, 0, &p), CV_OK);
    CU_ASSERT_TRUE(p->by_address[0] && !p->clear_by_address[0] && p->clear_by_address[1]);
    ip_policy_free(p);
}

static void a_packet_too_short_for_its_ports_is_taken_for_one_that_shows_none(void)
{
    static const uint8_t tcp[] = {0x45, 0,  0, 22, 0, 0,  0, 0, 64, IPPROTO_TCP, 0,
                                  0,    10, 1, 0,  1, 10, 2, 0, 2,  1,           2};
    const struct cv_policy rows[] = {row(CV_POLICY_PROTECT, "10.1.0.0/16", "10.2.0.0/16", IPPROTO_TCP, 80)};
    struct ip_policy *p;
    struct ip_policy_key key;
    struct rte_mbuf *m = pkt_of(tcp, sizeof tcp);
    uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    CU_ASSERT_EQUAL(ip_policy_new(rows, 1, 0, &p), CV_OK);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    ip_policy_key_of(m, false, &key);
    CU_ASSERT_PTR_NOT_NULL(ip_policy_match(p, IP_V4, &key));
    ip_policy_free(p);
    rte_pktmbuf_free(m);
}

static void rows_that_make_no_sense_are_refused(void)
{
    struct cv_policy good = row(CV_POLICY_PROTECT, "10.1.0.0/16", "10.2.0.0/16", 0, 0), bad[6];
    struct ip_policy *p = NULL;
    for (unsigned i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].action = 9;
    bad[1].flow_if = 0;
    bad[2].flow_if = CV_MAX_IFS;
    bad[3].action = CV_POLICY_DISCARD;
    bad[4].remote.family = IP_V6;
    bad[5].local.lo[0] = 200;
    CU_ASSERT_TRUE(ip_policy_row_ok(&good));
    for (unsigned i = 0; i < 6; i++) {
        struct cv_policy rows[] = {good, bad[i]};
        CU_ASSERT_FALSE(ip_policy_row_ok(&bad[i]));
        CU_ASSERT_EQUAL(ip_policy_new(rows, 2, 0, &p), CV_EINVAL);
    }
    CU_ASSERT_EQUAL(ip_policy_new(&good, CV_POLICY_ROWS_MAX + 1, 0, &p), CV_ENOSPC);
}

static void a_full_policy_of_a_hub_is_compiled(void)
{
    struct cv_policy *rows = calloc(CV_POLICY_ROWS_MAX, sizeof *rows);
    struct ip_policy *p = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
    for (unsigned i = 0; i < CV_POLICY_ROWS_MAX; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.%u.%u.0/24", 16 + i / 256, i % 256);
        rows[i] = row(CV_POLICY_PROTECT, "10.1.0.0/16", text, 0, 0);
    }
    CU_ASSERT_EQUAL_FATAL(ip_policy_new(rows, CV_POLICY_ROWS_MAX, 0, &p), CV_OK);
    CU_ASSERT_TRUE(p->by_address[0]);
    struct packet k = udp(IP_PORTS_SEEN, 53);
    k.remote[1] = 31;
    k.remote[2] = 255;
    CU_ASSERT_EQUAL(compiled(p, &k, false), CV_POLICY_ROWS_MAX - 1);
    k.remote[1] = 32;
    CU_ASSERT_EQUAL(compiled(p, &k, false), -1);
    ip_policy_free(p);
    free(rows);
}

/* Where anything protected goes: against each row, over ranges that overlap, touch and hold one another. */
static void where_protected_traffic_goes_is_known(void)
{
    for (unsigned round = 0; round < 200; round++) {
        struct cv_policy rows[ROWS] = {0};
        struct ip_policy *p;
        const unsigned n = 1 + rnd(ROWS);
        for (unsigned i = 0; i < n; i++) {
            const uint8_t family = rnd(2) ? IP_V4 : IP_V6;
            rows[i].action = (uint8_t)(rnd(3) == 0   ? CV_POLICY_BYPASS
                                       : rnd(3) == 0 ? CV_POLICY_PROTECT_IF
                                                     : CV_POLICY_PROTECT);
            rows[i].flow_if = rows[i].action == CV_POLICY_BYPASS ? 0 : 5;
            rows[i].local = rows[i].remote = ts_any(family);
            const uint8_t a = octet(), b = octet();
            rows[i].remote.lo[0] = a < b ? a : b;
            rows[i].remote.hi[0] = a < b ? b : a;
        }
        CU_ASSERT_EQUAL_FATAL(ip_policy_new(rows, n, 0, &p), CV_OK);
        for (unsigned k = 0; k < 100; k++) {
            const uint8_t to[16] = {octet(), octet(), octet(), octet()}, family = rnd(2) ? IP_V4 : IP_V6;
            bool want = false;
            for (unsigned i = 0; i < n; i++)
                want = want || (rows[i].action == CV_POLICY_PROTECT && rows[i].remote.family == family &&
                                in_range(&rows[i].remote, to));
            CU_ASSERT_EQUAL(ip_policy_protects_to(p, family, to), want);
        }
        ip_policy_free(p);
    }
    CU_ASSERT_FALSE(ip_policy_protects_to(ip_policy_closed(), IP_V4, (const uint8_t[4]){1, 2, 3, 4}));
}

PKT_MAIN("policy", UNIT_TEST(where_protected_traffic_goes_is_known),
         UNIT_TEST(random_rows_and_packets_meet_as_read_literally),
         UNIT_TEST(RFC_4301_7_a_later_fragment_is_protected_but_not_let_pass_by_a_row_with_ports),
         UNIT_TEST(RFC_4301_7_a_later_fragment_that_hides_its_protocol_is_protected_and_not_let_pass),
         UNIT_TEST(RFC_7045_4_what_hip_and_shim6_carry_is_protected_and_not_let_pass),
         UNIT_TEST(a_closed_policy_discards_everything_and_is_never_freed),
         UNIT_TEST(only_policies_that_protect_nothing_send_in_clear_by_address),
         UNIT_TEST(a_packet_too_short_for_its_ports_is_taken_for_one_that_shows_none),
         UNIT_TEST(rows_that_make_no_sense_are_refused), UNIT_TEST(a_full_policy_of_a_hub_is_compiled))
