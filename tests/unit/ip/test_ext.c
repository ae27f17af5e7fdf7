/* Chains of IPv6 extension headers: which are walked, which nobody may have, and what this host answers. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/unit/ip/pkt.h"

enum { HBH = 0, TCP = 6, ROUTE = 43, FRAG = 44, ESP = 50, NONE = 59, OPTS = 60, END = 256 };

struct chain {
    uint8_t ip[2048];
    uint32_t len, field;
};

static void start(struct chain *c)
{
    memset(c, 0, sizeof *c);
    c->ip[0] = 0x60;
    c->ip[7] = 64;
    c->ip[8] = c->ip[24] = 0x20;
    c->ip[9] = c->ip[25] = 0x01;
    c->ip[23] = 9;
    c->ip[39] = 1;
    c->len = 40;
    c->field = 6;
}

/* n octets of a header of `type`, what it holds from octet 2 on. */
static void add(struct chain *c, uint8_t type, uint32_t n, const uint8_t *holds, uint32_t held)
{
    c->ip[c->field] = type;
    c->field = c->len;
    c->ip[c->len + 1] = (uint8_t)(type == FRAG ? 0 : n / 8 - 1);
    if (type == HBH || type == OPTS) { /* PadN */
        c->ip[c->len + 2] = 1;
        c->ip[c->len + 3] = (uint8_t)(n - 4);
    }
    if (held)
        memcpy(c->ip + c->len + 2, holds, held);
    c->len += n;
}

static void finish(struct chain *c, uint8_t proto, uint32_t payload)
{
    c->ip[c->field] = proto;
    memset(c->ip + c->len, 0x5a, payload);
    c->len += payload;
    ip_put16(c->ip + 4, c->len - 40);
}

static void plain(struct chain *c, const uint16_t *types, uint8_t proto, uint32_t payload)
{
    start(c);
    for (; *types != END; types++)
        add(c, (uint8_t)*types, 8, NULL, 0);
    finish(c, proto, payload);
}

static enum cv_drop walk(const struct chain *c, struct ip_ext *x)
{
    struct rte_mbuf *m = pkt_of(c->ip, c->len);
    const enum cv_drop why = ip_ext_walk(rte_pktmbuf_mtod(m, const uint8_t *), c->len, x);
    const enum ip_class class = ip_classify_ip(m);
    CU_ASSERT_EQUAL(class == IP_CLASS_DROP, why != CV_DROP_NONE);
    if (class != IP_CLASS_DROP) {
        CU_ASSERT_EQUAL(dp_meta(m)->l3_len, x->len);
        CU_ASSERT_EQUAL(dp_meta(m)->proto, x->proto);
        CU_ASSERT_EQUAL(dp_meta(m)->frag, x->frag);
    } else {
        CU_ASSERT_EQUAL(dp_meta(m)->drop, why);
    }
    rte_pktmbuf_free(m);
    return why;
}

static void RFC_8200_4_1_headers_in_any_order_but_hop_by_hop_first(void)
{
    static const uint16_t good[][6] = {{END},
                                       {HBH, END},
                                       {HBH, OPTS, ROUTE, FRAG, OPTS, END},
                                       {OPTS, ROUTE, OPTS, END},
                                       {ROUTE, OPTS, FRAG, END},
                                       {FRAG, OPTS, END},
                                       {OPTS, OPTS, OPTS, END}},
                          bad[][4] = {
                              {OPTS, HBH, END}, {HBH, HBH, END}, {FRAG, HBH, END}, {ROUTE, OPTS, HBH, END}};
    struct chain c;
    struct ip_ext x;
    for (unsigned i = 0; i < RTE_DIM(good); i++) {
        plain(&c, good[i], IP_PROTO_UDP, 4);
        ip_put16(c.ip + 4, c.len - 40);
        plain(&c, good[i], ESP, 32);
        CU_ASSERT_EQUAL(walk(&c, &x), CV_DROP_NONE);
        CU_ASSERT_TRUE(x.proto == ESP && x.len == c.len - 32 && x.field == c.field && !x.frag && !x.later);
        CU_ASSERT_EQUAL(c.ip[x.field], ESP);
    }
    for (unsigned i = 0; i < RTE_DIM(bad); i++) {
        static const uint16_t fields[] = {40, 40, 40, 48};
        struct ip_ext_problem p;
        plain(&c, bad[i], ESP, 32);
        CU_ASSERT_EQUAL(walk(&c, &x), CV_DROP_EXT_HEADERS);
        CU_ASSERT_EQUAL(ip_ext_here(c.ip, c.len, false, &p), CV_DROP_EXT_HEADERS);
        CU_ASSERT_TRUE(p.tell && p.code == 1 && p.pointer == fields[i]); /* RFC 8200 4 */
        CU_ASSERT_EQUAL(ip_ext_here(c.ip, c.len, true, &p), CV_DROP_EXT_HEADERS);
        CU_ASSERT_FALSE(p.tell);
        ip_ext_behind(c.ip, c.len, &x);
        CU_ASSERT_TRUE(x.proto == ESP && x.len == c.len - 32);
    }
}

static void as_many_headers_as_are_walked_and_one_more(void)
{
    uint16_t types[IP_EXT_HEADERS_MAX + 2] = {0};
    struct chain c;
    struct ip_ext x;
    for (unsigned n = 0; n <= IP_EXT_HEADERS_MAX + 1; n++) {
        for (unsigned i = 0; i < n; i++)
            types[i] = OPTS;
        types[n] = END;
        plain(&c, types, NONE, 0);
        CU_ASSERT_EQUAL(walk(&c, &x), n <= IP_EXT_HEADERS_MAX ? CV_DROP_NONE : CV_DROP_EXT_HEADERS);
    }
}

static void RFC_5095_type_0_routing_with_segments_left_goes_nowhere(void)
{
    static const uint8_t left0[] = {0, 0}, left1[] = {0, 1}, mobile[] = {2, 1}, segments[] = {4, 3};
    static const struct {
        const uint8_t *holds;
        enum cv_drop walk, here;
    } rows[] = {{left0, CV_DROP_NONE, CV_DROP_NONE},
                {left1, CV_DROP_EXT_HEADERS, CV_DROP_EXT_OPTION},
                {mobile, CV_DROP_NONE, CV_DROP_EXT_OPTION},
                {segments, CV_DROP_NONE, CV_DROP_EXT_OPTION}};
    struct chain c;
    struct ip_ext x;
    struct ip_ext_problem p;
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        start(&c);
        add(&c, OPTS, 8, NULL, 0);
        add(&c, ROUTE, 24, rows[i].holds, 2);
        finish(&c, IP_PROTO_UDP, 4);
        ip_put16(c.ip + c.len - 4, 0);
        CU_ASSERT_EQUAL(ip_ext_walk(c.ip, c.len, &x), rows[i].walk);
        CU_ASSERT_EQUAL(ip_ext_here(c.ip, c.len, false, &p), rows[i].here);
        if (rows[i].here != CV_DROP_NONE) /* RFC 8200 4.4: code 0, at the routing type */
            CU_ASSERT_TRUE(p.tell && p.code == 0 && p.pointer == 40 + 8 + 2);
    }
}

static void RFC_7112_first_fragments_hold_the_whole_chain(void)
{
    static const struct {
        uint8_t proto;
        uint32_t payload;
        enum cv_drop why;
    } rows[] = {{TCP, 16, CV_DROP_HEADER_CHAIN},
                {TCP, 24, CV_DROP_NONE},
                {IP_PROTO_UDP, 0, CV_DROP_HEADER_CHAIN},
                {IP_PROTO_UDP, 8, CV_DROP_NONE},
                {ESP, 0, CV_DROP_HEADER_CHAIN},
                {ESP, 8, CV_DROP_NONE},
                {253, 0, CV_DROP_NONE} /* nobody knows its header */};
    static const uint8_t first[] = {0, 1, 0, 0, 0, 7}, later[] = {0, 0x10, 0, 0, 0, 7};
    struct chain c;
    struct ip_ext x;
    for (unsigned i = 0; i < RTE_DIM(rows); i++)
        for (unsigned is_later = 0; is_later < 2; is_later++) {
            start(&c);
            add(&c, FRAG, 8, is_later ? later : first, 6);
            finish(&c, rows[i].proto, rows[i].payload);
            CU_ASSERT_EQUAL(walk(&c, &x), is_later ? CV_DROP_NONE : rows[i].why);
            CU_ASSERT_TRUE(x.frag && x.later == is_later && x.fragment == 40);
        }
    start(&c); /* the cut goes through an extension header */
    add(&c, FRAG, 8, first, 6);
    add(&c, OPTS, 64, NULL, 0);
    c.len -= 16;
    ip_put16(c.ip + 4, c.len - 40);
    c.ip[48] = IP_PROTO_UDP;
    CU_ASSERT_EQUAL(walk(&c, &x), CV_DROP_HEADER_CHAIN);
    start(&c); /* without a fragment header it is no cut, but wrong */
    add(&c, OPTS, 64, NULL, 0);
    c.len -= 16;
    ip_put16(c.ip + 4, c.len - 40);
    CU_ASSERT_EQUAL(walk(&c, &x), CV_DROP_MALFORMED_IP);
}

static void RFC_8200_4_2_unknown_options_by_their_highest_bits(void)
{
    static const struct {
        uint8_t type;
        enum cv_drop here;
        bool tell;
    } rows[] = {{0x05, CV_DROP_NONE, false},       {0x3e, CV_DROP_NONE, false}, /* 00: passed over */
                {0x40, CV_DROP_EXT_OPTION, false}, {0x7e, CV_DROP_EXT_OPTION, false},
                {0x80, CV_DROP_EXT_OPTION, true},  {0xc2, CV_DROP_EXT_OPTION, true}};
    struct chain c;
    struct ip_ext_problem p;
    for (unsigned i = 0; i < RTE_DIM(rows); i++)
        for (unsigned group = 0; group < 2; group++) {
            const uint8_t holds[] = {0, 1, 0, rows[i].type, 2, 9, 9, 0}; /* Pad1, PadN, the option, Pad1 */
            start(&c);
            add(&c, i & 1 ? HBH : OPTS, 16, holds, sizeof holds);
            finish(&c, NONE, 0);
            CU_ASSERT_EQUAL(ip_ext_here(c.ip, c.len, group, &p), rows[i].here);
            CU_ASSERT_EQUAL(p.tell, rows[i].tell && !group);
            if (rows[i].here != CV_DROP_NONE)
                CU_ASSERT_TRUE(p.code == 2 && p.pointer == 40 + 2 + 3);
        }
    const uint8_t over[] = {1, 0, 5, 13}; /* runs over its header's end */
    start(&c);
    add(&c, OPTS, 16, over, sizeof over);
    finish(&c, NONE, 0);
    CU_ASSERT_EQUAL(ip_ext_here(c.ip, c.len, false, &p), CV_DROP_EXT_OPTION);
    CU_ASSERT_TRUE(p.code == 0 && p.pointer == 44);
}

static void an_echo_behind_extension_headers_is_answered_without_them(void)
{
    struct chain c;
    const uint8_t *msg = NULL;
    uint32_t len;
    start(&c);
    add(&c, HBH, 8, NULL, 0);
    add(&c, OPTS, 24, NULL, 0);
    finish(&c, IP_PROTO_ICMP6, 40);
    uint8_t *icmp = c.ip + c.len - 40;
    icmp[0] = IP_ICMP6_ECHO;
    icmp[1] = 0;
    memset(icmp + 2, 0, 2);
    const uint16_t sum =
        (uint16_t)~ip_fold(ip_sum(icmp, 40, ip_sum_pseudo(c.ip + 8, c.ip + 24, 16, IP_PROTO_ICMP6, 40)));
    memcpy(icmp + 2, &sum, 2);
    struct rte_mbuf *m = pkt_of(c.ip, c.len);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    CU_ASSERT_TRUE_FATAL(ip_icmp_echo_reply(m));
    CU_ASSERT_EQUAL(m->data_len, 80);
    CU_ASSERT_EQUAL(ip_classify_ip(m), IP_CLASS_IP);
    CU_ASSERT_TRUE(dp_meta(m)->l3_len == 40 && ip_icmp_good(m, &msg, &len) && msg[0] == IP_ICMP6_ECHO_REPLY);
    CU_ASSERT_TRUE(memcmp(ip_src(m, IP_V6), c.ip + 24, 16) == 0 &&
                   memcmp(ip_dst(m, IP_V6), c.ip + 8, 16) == 0);
    CU_ASSERT_EQUAL(memcmp(msg + 8, icmp + 8, 32), 0);
    rte_pktmbuf_free(m);
}

static void an_error_is_made_of_a_first_fragment_behind_options_but_of_no_later_one(void)
{
    static const uint8_t first[] = {0, 1, 0, 0, 0, 7}, later[] = {0, 0x10, 0, 0, 0, 7},
                         us[16] = {0x20, 1, [15] = 2};
    const struct ip_addr own = ip_addr_v6(us);
    struct chain c;
    for (unsigned is_later = 0; is_later < 2; is_later++) {
        start(&c);
        add(&c, OPTS, 8, NULL, 0);
        add(&c, FRAG, 8, is_later ? later : first, 6);
        finish(&c, IP_PROTO_UDP, 16);
        struct rte_mbuf *bad = pkt_of(c.ip, c.len), *m = pkt_new();
        CU_ASSERT_EQUAL(ip_classify_ip(bad), IP_CLASS_IP);
        ip_icmp_trouble(dp_meta(bad), IP_TROUBLE_NO_ROUTE, 0);
        CU_ASSERT_EQUAL(ip_icmp_error(m, bad, &own), !is_later);
        rte_pktmbuf_free(bad);
        rte_pktmbuf_free(m);
    }
}

/* RFC 4443 2.4 (e): behind a chain that nobody may have, and in fragments of which it can be told or not. */
static void a_parameter_problem_is_made_of_any_fragment_but_of_no_error(void)
{
    static const uint8_t first[] = {0, 1, 0, 0, 0, 7}, later[] = {0, 0x10, 0, 0, 0, 7}, left1[] = {0, 1},
                         us[16] = {0x20, 1, [15] = 2};
    static const struct {
        uint8_t proto, type, code;
        bool made[3]; /* of a packet with a routing header, of a first fragment, of a later one */
    } rows[] = {{IP_PROTO_UDP, 0, 0, {true, true, true}},
                {IP_PROTO_ICMP6, IP_ICMP6_ECHO, 0, {true, true, false}},
                {IP_PROTO_ICMP6, IP_ICMP6_TOO_BIG, 0, {false, false, false}},
                {IP_PROTO_ICMP6, IP_ICMP6_REDIRECT, 0, {false, false, false}},
                {IP_PROTO_ICMP6, IP_ICMP6_REDIRECT, IP_EXT_CODE_CHAIN, {false, false, false}},
                {OPTS, IP_PROTO_ICMP6, 0, {false, false, false}}, /* options over the end */
                {OPTS, IP_PROTO_ICMP6, IP_EXT_CODE_CHAIN, {true, true, false}}};
    const struct ip_addr own = ip_addr_v6(us);
    struct chain c;
    for (unsigned i = 0; i < RTE_DIM(rows); i++)
        for (unsigned k = 0; k < 3; k++) {
            start(&c);
            if (k == 0)
                add(&c, ROUTE, 24, left1, sizeof left1);
            else
                add(&c, FRAG, 8, k == 1 ? first : later, sizeof first);
            finish(&c, rows[i].proto, 16);
            c.ip[c.len - 16] = rows[i].type;
            struct rte_mbuf *bad = pkt_of(c.ip, c.len), *m = pkt_new();
            (void)ip_classify_ip(bad);
            dp_meta(bad)->icmp_type = IP_ICMP6_PARAMETER;
            dp_meta(bad)->icmp_code = rows[i].code;
            dp_meta(bad)->icmp_mtu = 42;
            CU_ASSERT_EQUAL(ip_icmp_error(m, bad, &own), rows[i].made[k]);
            rte_pktmbuf_free(bad);
            rte_pktmbuf_free(m);
        }
}

/* The same, with an option that asks for it in a chain of as many headers as are walked, or of one more. */
static void a_parameter_problem_is_made_of_no_chain_whose_end_is_not_seen(void)
{
    static const uint8_t unknown[] = {0x9e, 4}, us[16] = {0x20, 1, [15] = 2};
    static const struct {
        unsigned headers;
        uint8_t type;
        bool made;
    } rows[] = {{IP_EXT_HEADERS_MAX, IP_ICMP6_ECHO, true},
                {IP_EXT_HEADERS_MAX, IP_ICMP6_TIME_EXCEEDED, false},
                {IP_EXT_HEADERS_MAX + 1, IP_ICMP6_ECHO, false},
                {IP_EXT_HEADERS_MAX + 1, IP_ICMP6_TIME_EXCEEDED, false}};
    const struct ip_addr own = ip_addr_v6(us);
    struct chain c;
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct ip_ext_problem p;
        start(&c);
        add(&c, OPTS, 8, unknown, sizeof unknown);
        for (unsigned k = 1; k < rows[i].headers; k++)
            add(&c, OPTS, 8, NULL, 0);
        finish(&c, IP_PROTO_ICMP6, 16);
        c.ip[c.len - 16] = rows[i].type;
        CU_ASSERT_EQUAL(ip_ext_here(c.ip, c.len, false, &p), CV_DROP_EXT_OPTION);
        CU_ASSERT(p.tell && p.code == IP_EXT_CODE_OPTION && p.pointer == 42);
        struct rte_mbuf *bad = pkt_of(c.ip, c.len), *m = pkt_new();
        (void)ip_classify_ip(bad);
        dp_meta(bad)->icmp_type = IP_ICMP6_PARAMETER;
        dp_meta(bad)->icmp_code = p.code;
        dp_meta(bad)->icmp_mtu = p.pointer;
        CU_ASSERT_EQUAL(ip_icmp_error(m, bad, &own), rows[i].made);
        rte_pktmbuf_free(bad);
        rte_pktmbuf_free(m);
    }
}

PKT_MAIN("ext", UNIT_TEST(RFC_8200_4_1_headers_in_any_order_but_hop_by_hop_first),
         UNIT_TEST(as_many_headers_as_are_walked_and_one_more),
         UNIT_TEST(RFC_5095_type_0_routing_with_segments_left_goes_nowhere),
         UNIT_TEST(RFC_7112_first_fragments_hold_the_whole_chain),
         UNIT_TEST(RFC_8200_4_2_unknown_options_by_their_highest_bits),
         UNIT_TEST(an_echo_behind_extension_headers_is_answered_without_them),
         UNIT_TEST(an_error_is_made_of_a_first_fragment_behind_options_but_of_no_later_one),
         UNIT_TEST(a_parameter_problem_is_made_of_any_fragment_but_of_no_error),
         UNIT_TEST(a_parameter_problem_is_made_of_no_chain_whose_end_is_not_seen))
