/* Path MTU discovery: which ICMP messages are believed, what they change, for how long, and what culvertd sees of it. */
#include "dataplane/dp_pmtu.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_icmp.h"
#include "tests/unit/dataplane/manager.h"

enum { TUNNEL = 3, GRE = 4, SENT = 10 };

/* What a router says about a packet; the fields of the quoted one. */
struct says {
    bool v6, natt, ah, gre;
    const char *local, *remote;
    uint32_t spi, seq, mtu;
    uint16_t total; /* of the quoted packet, as its header says */
    uint16_t
        frag; /* IPv4: its flags and offset; IPv6: octets of a fragment header's offset field when not 0 */
    uint16_t quoted; /* octets behind its IP header */
    uint8_t type, code;
    uint16_t lport, rport;
};

static struct says about4(uint32_t spi, uint32_t seq, uint16_t mtu)
{
    return (struct says){.local = "10.0.0.1",
                         .remote = "198.51.100.9",
                         .spi = spi,
                         .seq = seq,
                         .mtu = mtu,
                         .total = 1500,
                         .frag = 0x4000,
                         .quoted = 8,
                         .type = IP_ICMP_UNREACHABLE,
                         .code = IP_ICMP_FRAG_NEEDED};
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

/* The quoted packet's octets behind its IP header. */
static uint32_t upper_write(uint8_t *p, const struct says *s)
{
    uint32_t n = 0;
    if (s->gre) { /* with a key where there is an SPI in the others */
        put16(p, s->spi ? 0x2000 : s->seq);
        put16(p + 2, 0x0800);
        put32(p + 4, s->spi);
        return s->spi ? 8 : 4;
    }
    if (s->v6 && s->frag) {
        p[0] = 50;
        put16(p + 2, s->frag);
        n = 8;
    }
    if (s->natt) {
        put16(p + n, s->lport);
        put16(p + n + 2, s->rport);
        put16(p + n + 4, s->total - 20u);
        n += 8;
    }
    n += s->ah ? 4 : 0;
    put32(p + n, s->spi);
    put32(p + n + 4, s->seq);
    return n + 8;
}

static struct rte_mbuf *message(const struct says *s)
{
    uint8_t p[200] = {0};
    const struct ip_addr local = mgr_addr(s->local), remote = mgr_addr(s->remote);
    const uint32_t header = s->v6 ? 40 : 20;
    uint8_t *icmp = p + header, *q = icmp + 8;
    const uint8_t proto = s->gre ? 47 : s->natt ? 17 : s->ah ? 51 : 50;
    icmp[0] = s->type;
    icmp[1] = s->code;
    if (s->v6) {
        put32(icmp + 4, s->mtu);
        q[0] = 0x60;
        put16(q + 4, s->total - 40u);
        q[6] = s->frag ? 44 : proto;
        memcpy(q + 8, local.b, 16);
        memcpy(q + 24, remote.b, 16);
    } else {
        put16(icmp + 6, s->mtu);
        q[0] = 0x45;
        put16(q + 2, s->total);
        put16(q + 6, s->frag);
        q[9] = proto;
        memcpy(q + 12, local.b, 4);
        memcpy(q + 16, remote.b, 4);
    }
    uint32_t upper = upper_write(q + header, s), len = 8 + header + RTE_MIN(upper, (uint32_t)s->quoted);
    const struct ip_addr router = mgr_addr(s->v6 ? "2001:db8:9::1" : "203.0.113.1");
    p[0] = s->v6 ? 0x60 : 0x45;
    if (s->v6) {
        put16(p + 4, len);
        p[6] = IP_PROTO_ICMP6;
        p[7] = 60;
        memcpy(p + 8, router.b, 16);
        memcpy(p + 24, local.b, 16);
    } else {
        put16(p + 2, header + len);
        p[8] = 60;
        p[9] = IP_PROTO_ICMP;
        memcpy(p + 12, router.b, 4);
        memcpy(p + 16, local.b, 4);
        uint16_t sum = (uint16_t)~ip_fold(ip_sum(p, 20, 0));
        memcpy(p + 10, &sum, 2);
    }
    uint64_t pseudo = s->v6 ? ip_sum_pseudo(p + 8, p + 24, 16, IP_PROTO_ICMP6, len) : 0;
    uint16_t sum = (uint16_t)~ip_fold(ip_sum(icmp, len, pseudo));
    memcpy(icmp + 2, &sum, 2);
    struct rte_mbuf *m = pkt_of(p, header + len);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    CU_ASSERT_NOT_EQUAL_FATAL(ip_classify_ip(m), IP_CLASS_DROP);
    dp_meta(m)->if_in = 1;
    dp_meta(m)->slow = DP_SLOW_LOCAL;
    return m;
}

static uint16_t known(const char *remote)
{
    const struct ip_addr a = mgr_addr(remote);
    return ip_pmtu_find(&mgr_dp.pmtus, 0, a.family, a.b);
}

/* What is known of the path after the manager took the message. */
static uint16_t told(const struct says *s)
{
    mgr->now_ms += 1000; /* the limit is another test's */
    dp_slow_packet(mgr, message(s));
    return known(s->remote);
}

static struct esp_out_sa *sa_at(uint32_t slot)
{
    return mgr_dp.sad.out[slot].sa;
}

/* An SA on TUNNEL that has sent SENT packets. */
static struct cv_sa sa_up(uint32_t slot, bool v6, bool natt)
{
    struct cv_sa sa = mgr_sa(CV_DIR_OUT, slot, TUNNEL);
    sa.seq = SENT;
    if (v6) {
        sa.local.addr = mgr_addr("2001:db8::1");
        sa.remote.addr = mgr_addr("2001:db8:2::9");
    }
    if (natt) {
        sa.flags |= CV_SA_NATT;
        sa.local.port = 4500;
        sa.remote.port = 61000;
    }
    CU_ASSERT_EQUAL_FATAL(mgr_sa_add(&sa) | mgr_sa_activate(&sa), CV_OK);
    return sa;
}

static uint64_t unproven(void)
{
    return mgr->stats->drops[CV_DROP_ICMP_UNPROVEN];
}

static uint64_t limited(void)
{
    return mgr->stats->drops[CV_DROP_SLOW_LIMIT];
}

static void world(void)
{
    mgr_fresh();
    CU_ASSERT_EQUAL(mgr_if(TUNNEL, CV_IF_TUNNEL, 0, NULL), CV_OK);
    CU_ASSERT_EQUAL(mgr_addr_add(1, "2001:db8::1", 64), CV_OK);
    CU_ASSERT_EQUAL(mgr_route("::/0", 1, "2001:db8::fe"), CV_OK);
}

static void RFC4301_8_2_1_what_quotes_an_sa_lowers_its_inner_mtu(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    const struct dp_tunnel *t = dp_tunnel_get(&mgr_dp.sad, TUNNEL);
    CU_ASSERT_EQUAL(t->sas[0].inner_mtu, esp_out_inner_mtu(sa_at(1), 1500));
    struct says s = about4(sa.ref.spi, SENT, 1400);
    CU_ASSERT_EQUAL(told(&s), 1400);
    CU_ASSERT_EQUAL(t->sas[0].inner_mtu, esp_out_inner_mtu(sa_at(1), 1400)); /* at once */
    s.mtu = 1450;
    CU_ASSERT_EQUAL(told(&s), 1400); /* never up (RFC 8201 4) */
    s.mtu = 100;
    CU_ASSERT_EQUAL(told(&s), IP_PMTU_MIN4);
    /* An SA that takes the first one's place begins with what is known. */
    const struct cv_sa next = sa_up(2, false, false);
    (void)next;
    CU_ASSERT_EQUAL(dp_tunnel_get(&mgr_dp.sad, TUNNEL)->sas[0].inner_mtu,
                    esp_out_inner_mtu(sa_at(2), IP_PMTU_MIN4));
}

static void RFC4301_8_2_what_proves_nothing_is_counted_and_changes_nothing(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    const struct says good = about4(sa.ref.spi, SENT, 1400);
    struct says bad[8];
    for (unsigned i = 0; i < RTE_DIM(bad); i++)
        bad[i] = good;
    bad[0].spi ^= 1;
    bad[1].seq = SENT + 1; /* not sent yet */
    bad[2].seq = 0;
    bad[3].remote = "198.51.100.8";
    bad[4].local = "192.168.1.1";
    bad[5].natt = true, bad[5].lport = bad[5].rport = 4500, bad[5].quoted = 16;
    bad[6].ah = true, bad[6].spi ^= 2, bad[6].quoted = 12;
    bad[7].seq = SENT - (1u << 25);
    for (unsigned i = 0; i < RTE_DIM(bad); i++) {
        const uint64_t before = unproven();
        CU_ASSERT_EQUAL(told(&bad[i]), 0);
        CU_ASSERT_EQUAL(unproven(), before + 1);
    }
    (void)mgr_sa_del(&sa);           /* answered after the grace period */
    CU_ASSERT_EQUAL(told(&good), 0); /* an SA that is gone vouches for nothing */
}

static void RFC1191_what_is_no_such_message_is_not_read(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    const struct says good = about4(sa.ref.spi, SENT, 1400);
    struct says bad[8];
    for (unsigned i = 0; i < RTE_DIM(bad); i++)
        bad[i] = good;
    bad[0].code = IP_ICMP_NO_HOST;
    bad[1].type = IP_ICMP_TIME_EXCEEDED;
    bad[2].frag = 0;            /* any router may cut it */
    bad[3].frag = 0x4000 | 100; /* a later piece */
    bad[4].quoted = 7;
    bad[5].mtu = 1500; /* not less than the packet */
    bad[6].total = 570, bad[6].mtu = 569;
    bad[7].natt = true; /* eight octets of UDP hold no SPI */
    const uint64_t before = unproven();
    for (unsigned i = 0; i < RTE_DIM(bad); i++)
        CU_ASSERT_EQUAL(told(&bad[i]), 0);
    CU_ASSERT_EQUAL(unproven(), before);
    struct rte_mbuf *m = message(&good);
    rte_pktmbuf_mtod(m, uint8_t *)[25] ^= 1; /* the checksum is wrong then */
    dp_slow_packet(mgr, m);
    CU_ASSERT_EQUAL(known(good.remote), 0);
    m = message(&good);
    dp_meta(m)->if_in = TUNNEL; /* a path outside is no matter of those inside */
    dp_slow_packet(mgr, m);
    CU_ASSERT_EQUAL(known(good.remote), 0);
    m = message(&good);
    dp_meta(m)->vrf = 1;
    dp_slow_packet(mgr, m);
    CU_ASSERT_EQUAL(known(good.remote), 0);
    CU_ASSERT_EQUAL(told(&good), 1400);
}

static void RFC1191_7_a_router_that_names_no_mtu_means_the_next_plateau(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    struct says s = about4(sa.ref.spi, SENT, 0);
    CU_ASSERT_EQUAL(told(&s), 1492);
    s.total = 1492;
    CU_ASSERT_EQUAL(told(&s), 1006);
}

static void udp_and_ipv6(void)
{
    world();
    const struct cv_sa natt = sa_up(1, false, true), six = sa_up(2, true, false);
    struct says s = about4(natt.ref.spi, SENT - 3, 1300);
    s.natt = true, s.lport = 4500, s.rport = 61001, s.quoted = 16;
    CU_ASSERT_EQUAL(told(&s), 0); /* another client behind the same NAT */
    s.rport = 61000;
    CU_ASSERT_EQUAL(told(&s), 1300);
    s = (struct says){.v6 = true,
                      .local = "2001:db8::1",
                      .remote = "2001:db8:2::9",
                      .spi = six.ref.spi,
                      .seq = SENT,
                      .mtu = 1279,
                      .total = 1500,
                      .quoted = 16,
                      .type = IP_ICMP6_TOO_BIG};
    CU_ASSERT_EQUAL(told(&s), 0); /* RFC 8201 4 */
    s.mtu = 0x10000 + 1400;
    CU_ASSERT_EQUAL(told(&s), 0);
    s.mtu = 1400, s.frag = 8; /* a later piece of ours */
    CU_ASSERT_EQUAL(told(&s), 0);
    s.frag = 1;
    CU_ASSERT_EQUAL(told(&s), 1400);
    CU_ASSERT_EQUAL(dp_tunnel_get(&mgr_dp.sad, TUNNEL)->sas[0].inner_mtu, esp_out_inner_mtu(sa_at(2), 1400));
}

static cv_result gre_set(bool pmtud, bool v6, bool protect, uint32_t key)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    struct cv_if *i = &c.u.interface;
    *i = (struct cv_if){.if_id = GRE, .kind = CV_IF_TUNNEL, .up = 1, .name = "Tunnel5"};
    i->tunnel_mode = v6 ? CV_TUNNEL_GRE6 : CV_TUNNEL_GRE;
    i->tunnel_src = mgr_addr(v6 ? "2001:db8::1" : "10.0.0.1");
    i->tunnel_dst = mgr_addr(v6 ? "2001:db8:2::9" : "198.51.100.9");
    i->gre_pmtud = pmtud;
    i->is_protected = protect;
    i->gre_keyed = key != 0;
    i->gre_key = key;
    const cv_result r = mgr_cmd(&c);
    dp_cmd_refresh_mtu(mgr);
    return r;
}

static struct says about_gre(uint32_t key, uint16_t mtu)
{
    struct says s = about4(key, 0, mtu);
    s.gre = true;
    return s;
}

/* What GRE's packets may have outside, after the manager took the message. */
static uint16_t gre_told(const struct says *s)
{
    mgr->now_ms += 1000;
    dp_slow_packet(mgr, message(s));
    return mgr_dp.gre_mtu[GRE];
}

static void RFC1191_of_GRE_without_ipsec_the_tunnel_alone_follows(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    struct says s = about_gre(0, 1400);
    CU_ASSERT_EQUAL(gre_set(false, false, false, 0), CV_OK);
    CU_ASSERT_EQUAL(gre_told(&s),
                    1500); /* without path-mtu-discovery its packets may be cut: nothing to be told */
    CU_ASSERT_EQUAL(gre_set(true, false, false, 0), CV_OK);
    CU_ASSERT_EQUAL(gre_told(&s), 1400);
    CU_ASSERT_EQUAL(known("198.51.100.9"), 0); /* no SA's path */
    CU_ASSERT_EQUAL(dp_tunnel_get(&mgr_dp.sad, TUNNEL)->sas[0].inner_mtu, esp_out_inner_mtu(sa_at(1), 1500));
    (void)sa;
    s.mtu = 1450;
    CU_ASSERT_EQUAL(gre_told(&s), 1400); /* never up */
    s.mtu = 100;
    CU_ASSERT_EQUAL(gre_told(&s), IP_PMTU_MIN4);
    dp_cmd_refresh_mtu(mgr);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE], IP_PMTU_MIN4); /* it stays */
    mgr->now_ms += IP_PMTU_AGE_MS - 1;
    dp_pmtu_tick(mgr);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE], IP_PMTU_MIN4);
    mgr->now_ms += 1;
    dp_pmtu_tick(mgr);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE], 1500);
    /* Another far end is another path. */
    s.mtu = 1300;
    CU_ASSERT_EQUAL(gre_told(&s), 1300);
    CU_ASSERT_EQUAL(gre_set(true, true, false, 0), CV_OK);
    dp_cmd_refresh_mtu(mgr);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE], 1500);
}

static void what_quotes_no_packet_of_the_GRE_tunnel_changes_nothing(void)
{
    world();
    const struct says good = about_gre(77, 1400);
    struct says bad[6];
    CU_ASSERT_EQUAL(gre_set(true, false, false, 77), CV_OK);
    for (unsigned i = 0; i < RTE_DIM(bad); i++)
        bad[i] = good;
    bad[0].spi = 78;
    bad[1].spi = 0; /* no key */
    bad[2].remote = "198.51.100.8";
    bad[3].local = "192.168.1.1";
    bad[4].quoted = 4;                   /* the key is not there */
    bad[5].spi = 0, bad[5].seq = 0x1000; /* a sequence number, which ours never have */
    for (unsigned i = 0; i < RTE_DIM(bad); i++) {
        const uint64_t before = unproven();
        CU_ASSERT_EQUAL(gre_told(&bad[i]), 1500);
        CU_ASSERT_EQUAL(unproven(), before + (i < 4));
    }
    struct rte_mbuf *m = message(&good);
    dp_meta(m)->vrf = 1;
    dp_slow_packet(mgr, m);
    CU_ASSERT_EQUAL(mgr_dp.gre_mtu[GRE], 1500);
    CU_ASSERT_EQUAL(gre_set(true, false, true, 77), CV_OK); /* protected: its packets are ESP outside */
    CU_ASSERT_EQUAL(gre_told(&good), 1500);
    CU_ASSERT_EQUAL(gre_set(true, false, false, 77), CV_OK);
    CU_ASSERT_EQUAL(gre_told(&good), 1400);
    /* Over IPv6, which no router cuts, whatever the configuration says. */
    CU_ASSERT_EQUAL(gre_set(false, true, false, 0), CV_OK);
    struct says six = {.v6 = true,
                       .gre = true,
                       .local = "2001:db8::1",
                       .remote = "2001:db8:2::9",
                       .mtu = 1279,
                       .total = 1500,
                       .quoted = 16,
                       .type = IP_ICMP6_TOO_BIG};
    CU_ASSERT_EQUAL(gre_told(&six), 1500);
    six.mtu = 1300;
    CU_ASSERT_EQUAL(gre_told(&six), 1300);
    mgr_fresh(); /* FLUSH forgets */
    CU_ASSERT_PTR_NULL(mgr_dp.gre_paths);
}

static void RFC1191_6_3_it_is_forgotten_after_ten_minutes(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    struct says s = about4(sa.ref.spi, SENT, 1400);
    CU_ASSERT_EQUAL(told(&s), 1400);
    const struct cv_path_mtu *row = NULL;
    for (unsigned i = 0; i < CV_PATH_MTUS; i++)
        if (mgr_dp.shm.at.path_mtus[i].mtu)
            row = &mgr_dp.shm.at.path_mtus[i];
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_TRUE(row->mtu == 1400 && ip_addr_equal(&row->remote, &sa.remote.addr));
    mgr->now_ms += IP_PMTU_AGE_MS - 1;
    dp_pmtu_tick(mgr);
    CU_ASSERT_EQUAL(known(s.remote), 1400);
    mgr->now_ms += 1;
    dp_pmtu_tick(mgr);
    CU_ASSERT_EQUAL(known(s.remote), 0);
    CU_ASSERT_EQUAL(row->mtu, 0);
    CU_ASSERT_EQUAL(dp_tunnel_get(&mgr_dp.sad, TUNNEL)->sas[0].inner_mtu, esp_out_inner_mtu(sa_at(1), 1500));
}

static void a_flood_is_limited(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    struct says s = about4(sa.ref.spi, SENT, 1400);
    CU_ASSERT_EQUAL(told(&s), 1400);
    const uint64_t before = limited();
    for (unsigned i = 0; i < 1000; i++)
        dp_slow_packet(mgr, message(&s));
    CU_ASSERT_TRUE(limited() - before > 900);
}

/* Nor does a flood of made-up messages silence the router that tells the truth. */
static void a_flood_of_lies_does_not_use_the_limit_up(void)
{
    world();
    const struct cv_sa sa = sa_up(1, false, false);
    struct says lie = about4(sa.ref.spi ^ 1, SENT, 1400), truth = about4(sa.ref.spi, SENT, 1400);
    CU_ASSERT_EQUAL(told(&lie), 0);
    for (unsigned i = 0; i < 1000; i++)
        dp_slow_packet(mgr, message(&lie));
    dp_slow_packet(mgr, message(&truth));
    CU_ASSERT_EQUAL(known(truth.remote), 1400);
}

static void the_table_is_bounded_and_the_oldest_goes(void)
{
    struct ip_pmtus t;
    CU_ASSERT_EQUAL_FATAL(ip_pmtu_init(&t, NULL), CV_OK);
    for (uint32_t i = 0; i < 20 * CV_PATH_MTUS; i++) {
        struct ip_addr a = {.family = IP_V4};
        memcpy(a.b, &i, 4);
        CU_ASSERT_TRUE(ip_pmtu_learn(&t, 3, &a, 1400, i));
        CU_ASSERT_EQUAL(ip_pmtu_find(&t, 3, IP_V4, a.b), 1400);
        CU_ASSERT_EQUAL(ip_pmtu_find(&t, 2, IP_V4, a.b), 0);
    }
    CU_ASSERT_EQUAL(t.count, CV_PATH_MTUS);
    ip_pmtu_fini(&t);
    CU_ASSERT_EQUAL(t.count, 0);
}

/* Removal from the middle of a chain, and one SPI of several peers. */
static void spis_are_found_however_many_share_one(void)
{
    struct dp_spi t;
    unsigned seen = 0;
    CU_ASSERT_EQUAL_FATAL(dp_spi_init(&t, 64), CV_OK);
    for (uint32_t slot = 0; slot < 64; slot++)
        dp_spi_add(&t, slot < 32 ? 7777 : slot, slot);
    for (uint32_t slot = 0; slot < 32; slot += 2)
        dp_spi_remove(&t, 7777, slot);
    for (uint32_t l = dp_spi_first(&t, 7777); l != DP_SPI_NONE; l = t.next[l - 1])
        seen += l - 1 < 32 && (l - 1) % 2 == 1;
    CU_ASSERT_EQUAL(seen, 16);
    dp_spi_remove(&t, 12345, 3); /* not there: nothing happens */
    dp_spi_fini(&t);
}

static void end(void)
{
    mgr_stop();
    ip_pmtu_fini(&mgr_dp.pmtus);
}

PKT_MAIN("dataplane-pmtu", UNIT_TEST(RFC4301_8_2_1_what_quotes_an_sa_lowers_its_inner_mtu),
         UNIT_TEST(RFC4301_8_2_what_proves_nothing_is_counted_and_changes_nothing),
         UNIT_TEST(RFC1191_what_is_no_such_message_is_not_read),
         UNIT_TEST(RFC1191_7_a_router_that_names_no_mtu_means_the_next_plateau), UNIT_TEST(udp_and_ipv6),
         UNIT_TEST(RFC1191_6_3_it_is_forgotten_after_ten_minutes),
         UNIT_TEST(RFC1191_of_GRE_without_ipsec_the_tunnel_alone_follows),
         UNIT_TEST(what_quotes_no_packet_of_the_GRE_tunnel_changes_nothing), UNIT_TEST(a_flood_is_limited),
         UNIT_TEST(a_flood_of_lies_does_not_use_the_limit_up),
         UNIT_TEST(the_table_is_bounded_and_the_oldest_goes),
         UNIT_TEST(spis_are_found_however_many_share_one), UNIT_TEST(end))
