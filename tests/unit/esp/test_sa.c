/* SAs: what creation refuses, lifetimes, sequence exhaustion, events, NAT mapping changes. */
#include "dataplane/esp/esp_out.h"
#include "tests/unit/esp/esp_fix.h"

static enum cv_drop pass(struct fix *f, unsigned len)
{
    struct rte_mbuf *m = fix_inner(f, IP_V4, len, 0);
    enum cv_drop d = fix_out(f, m);
    if (d == CV_DROP_NONE)
        d = fix_in(f, m);
    rte_pktmbuf_free(m);
    return d;
}

static cv_result try_out(const struct cv_sa *sa)
{
    static struct cv_sa_counters c[FIX_WORKERS];
    struct esp_out_sa *out = NULL;
    cv_result r = esp_out_sa_new(sa, fix_engine(), -1, c, &out);
    if (r == CV_OK)
        esp_out_sa_free(out);
    return r;
}

static cv_result try_in(const struct cv_sa *sa)
{
    static struct cv_sa_counters c;
    struct esp_in_sa *in = NULL;
    cv_result r = esp_in_sa_new(sa, fix_engine(), -1, &c, &in);
    if (r == CV_OK)
        esp_in_sa_free(in);
    return r;
}

static void creation_refuses_what_makes_no_sense(void)
{
    const struct cv_sa good = fix_sa(FIX_GCM, IP_V4, 0), good_in = fix_reverse(&good);
    CU_ASSERT_EQUAL(try_out(&good), CV_OK);
    CU_ASSERT_EQUAL(try_in(&good_in), CV_OK);
    CU_ASSERT_EQUAL(try_in(&good), CV_EINVAL); /* the other direction */
    CU_ASSERT_EQUAL(try_out(&good_in), CV_EINVAL);
    struct cv_sa sa = good;
    sa.mode = CV_MODE_TRANSPORT;
    CU_ASSERT_EQUAL(try_out(&sa), CV_OK);
    sa.mode = CV_MODE_TRANSPORT + 1;
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa = good;
    sa.ref.spi = 255; /* RFC 4303 2.1 */
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa = good;
    sa.remote = fix_sa(FIX_GCM, IP_V6, 0).remote;
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa = good;
    sa.local.addr.family = IP_NONE;
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa = good;
    sa.flags = CV_SA_NATT; /* without ports */
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa = good;
    sa.ts_count = 0;
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa.ts_count = CV_TS_MAX + 1;
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa = good;
    sa.ts_remote[1].lo[0] = 9;
    memset(sa.ts_remote[1].hi, 0, 16);
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    sa = good;
    sa.encr = CV_ENCR_NULL; /* RFC 4301 4.2: NULL and NULL */
    sa.encr_key_len = sa.salt_len = 0;
    CU_ASSERT_EQUAL(try_out(&sa), CV_EUNSUP);
    sa = good;
    sa.seq = 1ull << 32;
    CU_ASSERT_EQUAL(try_out(&sa), CV_EINVAL);
    static const uint32_t windows[] = {0, 32, 63, 65, 96, 4095, 65535, 65537, 131072, 1u << 31};
    for (unsigned i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        sa = good_in;
        sa.replay_window = windows[i];
        CU_ASSERT_EQUAL(try_in(&sa), CV_EINVAL);
    }
}

/* Whatever fields a struct cv_sa has, now or one day: what is dumped is what was added, but for the keys. */
static void a_dump_gives_back_all_but_the_secrets(void)
{
    struct cv_sa sa = fix_sa(FIX_CBC_SHA1, IP_V4, 0), kept[2];
    struct fix f;
    sa.ts_count = CV_TS_MAX;
    for (unsigned i = 1; i < CV_TS_MAX; i++) {
        sa.ts_local[i] = sa.ts_remote[i] = sa.ts_local[0];
        sa.ts_remote[i].port_lo = (uint16_t)i;
    }
    sa.soft_bytes = 1u << 20;
    sa.hard_bytes = 1u << 30;
    sa.hard_packets = 99;
    sa.keepalive_s = 20;
    sa.df = CV_DF_SET;
    sa.vrf_outer = 7;
    fix_open(&f, &sa);
    esp_out_sa_dump(f.out, &kept[CV_DIR_OUT]);
    esp_in_sa_dump(f.in, &kept[CV_DIR_IN]);
    memset(sa.encr_key, 0, sizeof sa.encr_key);
    memset(sa.salt, 0, sizeof sa.salt);
    memset(sa.integ_key, 0, sizeof sa.integ_key);
    const struct cv_sa reverse = fix_reverse(&sa);
    CU_ASSERT_EQUAL(memcmp(&kept[CV_DIR_OUT], &sa, sizeof sa), 0);
    CU_ASSERT_EQUAL(memcmp(&kept[CV_DIR_IN], &reverse, sizeof sa), 0);
    fix_close(&f);
}

static void RFC_4303_3_3_3_numbers_never_wrap(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    sa.seq = UINT32_MAX - 3ull;
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *pkts[8];
    struct esp_out_sa *sas[8];
    for (unsigned i = 0; i < 8; i++) {
        pkts[i] = fix_inner(&f, IP_V4, 60, 0);
        sas[i] = f.out;
    }
    CU_ASSERT_EQUAL(esp_out_burst(&f.w, pkts, sas, 8), 3);
    for (unsigned i = 3; i < 8; i++)
        CU_ASSERT_EQUAL(dp_meta(pkts[i])->drop, CV_DROP_SEQ_EXHAUSTED);
    static const uint8_t last[4] = {0xff, 0xff, 0xff, 0xff};
    CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(pkts[2], uint8_t *) + 24, last, 4), 0);
    CU_ASSERT_EQUAL(esp_out_sa_seq(f.out), UINT32_MAX);
    rte_pktmbuf_free_bulk(pkts, 8);
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_SEQ_EXHAUSTED);
    CU_ASSERT_EQUAL(esp_out_sa_seq(f.out), UINT32_MAX);
    CU_ASSERT_EQUAL(f.out_counters[0].packets, 3);
    CU_ASSERT_EQUAL(f.out_counters[0].other_drops, 10);
    CU_ASSERT_EQUAL(f.out_counters[0].highest_seq, UINT32_MAX);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SEQ), 1);
    fix_close(&f);
    sa = fix_sa(FIX_GCM, IP_V4, CV_SA_ESN);
    sa.seq = UINT64_MAX - 10;
    fix_open(&f, &sa);
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_SEQ_EXHAUSTED);
    fix_close(&f);
}

static void sequence_event_comes_once_at_seven_eighths(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    sa.seq = 7 * (1ull << 29) - 9;
    struct fix f;
    fix_open(&f, &sa);
    unsigned n = 0;
    while (!fix_events_of(&f, CV_EVT_SA_SEQ) && n < 30) {
        CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_NONE);
        n++;
    }
    CU_ASSERT(n > 0 && n < 10);
    for (unsigned i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_NONE);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SEQ), 1);
    CU_ASSERT_EQUAL(f.events[0].u.sa_event.ref.spi, FIX_SPI);
    fix_close(&f);
    sa = fix_sa(FIX_GCM, IP_V4, CV_SA_ESN);
    sa.seq = 7 * (1ull << 29);
    fix_open(&f, &sa);
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_NONE);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SEQ), 0);
    fix_close(&f);
}

/* Soft at 3 packets or 300 octets, hard at 5 or 500, packets of 100 octets: the same for both units and directions. */
static void lifetime(enum cv_dir dir, bool bytes)
{
    struct cv_sa out = fix_sa(FIX_GCM, IP_V4, 0), in = fix_reverse(&out),
                 *sa = dir == CV_DIR_OUT ? &out : &in;
    if (bytes) {
        sa->soft_bytes = 300;
        sa->hard_bytes = 500;
    } else {
        sa->soft_packets = 3;
        sa->hard_packets = 5;
    }
    struct fix f;
    fix_open2(&f, &out, &in);
    for (unsigned i = 1; i <= 5; i++) {
        CU_ASSERT_EQUAL(pass(&f, 100), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SOFT), i >= 3);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), i >= 5);
    }
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(pass(&f, 100), CV_DROP_LIFETIME);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SOFT), 1);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), 1);
    for (unsigned i = 0; i < f.event_count; i++) {
        const struct cv_evt *e = &f.events[i];
        if (e->type == CV_EVT_SA_FIRST)
            continue;
        CU_ASSERT_EQUAL(e->u.sa_event.reason, bytes ? 1 : 2);
        CU_ASSERT_EQUAL(e->u.sa_event.ref.dir, dir);
        CU_ASSERT_EQUAL(e->u.sa_event.ref.sa_id, 3);
        CU_ASSERT_EQUAL(e->u.sa_event.cookie, 0x1122);
    }
    const struct cv_sa_counters *c = dir == CV_DIR_OUT ? f.out_counters : &f.in_counters;
    CU_ASSERT_EQUAL(c->packets, 5);
    CU_ASSERT_EQUAL(c->bytes, 500);
    CU_ASSERT_EQUAL(c->other_drops, 3);
    fix_close(&f);
}

static void lifetimes_in_bytes_and_packets_both_ways(void)
{
    lifetime(CV_DIR_OUT, true);
    lifetime(CV_DIR_OUT, false);
    lifetime(CV_DIR_IN, true);
    lifetime(CV_DIR_IN, false);
}

static void the_hard_limit_holds_within_a_burst(void)
{
    for (unsigned bytes = 0; bytes < 2; bytes++)
        for (int dir = CV_DIR_IN; dir <= CV_DIR_OUT; dir++) {
            struct cv_sa out = fix_sa(FIX_GCM, IP_V4, 0), in = fix_reverse(&out),
                         *sa = dir == CV_DIR_OUT ? &out : &in;
            if (bytes)
                sa->hard_bytes = 1050; /* the eleventh does not fit */
            else
                sa->hard_packets = 10;
            struct fix f;
            fix_open2(&f, &out, &in);
            struct rte_mbuf *pkts[20];
            struct esp_out_sa *outs[20];
            struct esp_in_sa *ins[20];
            for (unsigned i = 0; i < 20; i++) {
                pkts[i] = fix_inner(&f, IP_V4, 100, 0);
                outs[i] = f.out;
                ins[i] = f.in;
            }
            uint16_t n = esp_out_burst(&f.w, pkts, outs, 20);
            CU_ASSERT_EQUAL(n, dir == CV_DIR_OUT ? 10 : 20);
            for (unsigned i = 0; i < n; i++)
                fix_classify(pkts[i]);
            uint16_t back = esp_in_burst(&f.w, pkts, ins, n);
            CU_ASSERT_EQUAL(back, 10);
            for (unsigned i = 10; i < 20; i++)
                CU_ASSERT_EQUAL(dp_meta(pkts[i])->drop, CV_DROP_LIFETIME);
            CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), 1);
            rte_pktmbuf_free_bulk(pkts, 20);
            fix_close(&f);
        }
}

static void the_first_authentic_packet_is_told_once(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    rte_pktmbuf_mtod(m, uint8_t *)[50] ^= 1;
    CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_ESP_AUTH);
    rte_pktmbuf_free(m);
    CU_ASSERT_EQUAL(f.event_count, 0);
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_NONE);
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_NONE);
    CU_ASSERT_EQUAL(f.event_count, 1);
    CU_ASSERT_EQUAL(f.events[0].type, CV_EVT_SA_FIRST);
    CU_ASSERT_EQUAL(f.events[0].u.sa_event.ref.dir, CV_DIR_IN);
    fix_close(&f);
}

static enum cv_drop pass_from(struct fix *f, uint8_t last_octet, uint16_t port, bool forged)
{
    struct rte_mbuf *m = fix_inner(f, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(fix_out(f, m), CV_DROP_NONE);
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    unsigned ip = p[0] >> 4 == 4 ? 20 : 40;
    p[ip == 20 ? 15 : 23] = last_octet;
    p[ip] = (uint8_t)(port >> 8);
    p[ip + 1] = (uint8_t)port;
    if (forged)
        p[ip + 30] ^= 1;
    enum cv_drop d = fix_in(f, m);
    rte_pktmbuf_free(m);
    return d;
}

static void RFC_7296_2_23_a_new_NAT_mapping_is_told_once_until_the_peer_is_set(void)
{
    for (int outer = IP_V4; outer <= IP_V6; outer += 2) {
        struct cv_sa sa = fix_sa(FIX_GCM, outer, CV_SA_NATT);
        struct fix f;
        fix_open(&f, &sa);
        CU_ASSERT_EQUAL(pass_from(&f, 1, 4500, false), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 0);
        CU_ASSERT_EQUAL(pass_from(&f, 1, 5000, true), CV_DROP_ESP_AUTH); /* only authentic packets count */
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 0);
        CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
        CU_ASSERT_EQUAL(pass_from(&f, 8, 5002, false), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 1);
        const struct ip_endpoint seen = f.events[f.event_count - 1].u.sa_event.remote;
        CU_ASSERT_EQUAL(seen.port, 5001);
        CU_ASSERT_EQUAL(seen.addr.family, outer);
        CU_ASSERT_EQUAL(seen.addr.b[outer == IP_V4 ? 3 : 15], 9);
        CU_ASSERT_EQUAL(esp_in_sa_set_peer(f.in, &seen), CV_OK);
        CU_ASSERT_TRUE(ip_endpoint_equal(&esp_in_sa_conf(f.in)->remote, &seen));
        CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 1);
        CU_ASSERT_EQUAL(pass_from(&f, 9, 5003, false), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 2);
        fix_close(&f);
    }
}

/* culvertd away, or its ring full: what is told once is told when somebody listens, and nobody is asked for every
 * packet meanwhile. */
static void events_that_nobody_took_are_raised_again(void)
{
    struct cv_sa out = fix_sa(FIX_GCM, IP_V4, CV_SA_NATT), in = fix_reverse(&out);
    struct fix f;
    in.soft_packets = out.soft_packets = 2;
    in.hard_packets = 200;
    out.hard_packets = 100;
    fix_open2(&f, &out, &in);
    f.away = true;
    for (unsigned i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
    CU_ASSERT_EQUAL(f.refused, 1); /* of one loop of the worker */
    CU_ASSERT_EQUAL(f.event_count, 0);
    f.w.now_tsc++;
    CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
    CU_ASSERT_EQUAL(f.refused, 2);
    f.away = false;
    CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
    CU_ASSERT_EQUAL(f.event_count, 0); /* still the same loop */
    f.w.now_tsc++;
    for (unsigned i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_FIRST), 1);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 1);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SOFT), 2); /* each direction */
    fix_close(&f);
}

static void a_closed_SA_tells_until_it_is_heard(void)
{
    for (int dir = CV_DIR_IN; dir <= CV_DIR_OUT; dir++)
        for (unsigned bytes = 0; bytes < 2; bytes++) {
            struct cv_sa out = fix_sa(FIX_GCM, IP_V4, 0), in = fix_reverse(&out),
                         *sa = dir == CV_DIR_OUT ? &out : &in;
            struct fix f;
            if (bytes)
                sa->hard_bytes = 300;
            else
                sa->hard_packets = 3;
            fix_open2(&f, &out, &in);
            f.away = true;
            for (unsigned i = 0; i < 5; i++, f.w.now_tsc++)
                CU_ASSERT_EQUAL(pass(&f, 100), i < 3 ? CV_DROP_NONE : CV_DROP_LIFETIME);
            f.away = false;
            for (unsigned i = 0; i < 3; i++)
                CU_ASSERT_EQUAL(pass(&f, 100), CV_DROP_LIFETIME);
            CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), 1);
            CU_ASSERT_EQUAL(f.events[0].u.sa_event.reason, bytes ? 1 : 2);
            fix_close(&f);
        }
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    sa.seq = UINT32_MAX - 1ull;
    fix_open(&f, &sa);
    f.away = true;
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_NONE);
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_SEQ_EXHAUSTED);
    f.away = false;
    f.w.now_tsc++;
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_SEQ_EXHAUSTED);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SEQ), 1);
    fix_close(&f);
}

static void a_new_NAT_mapping_is_told_each_second_until_the_peer_is_set(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    for (unsigned i = 0; i < 31; i++) { /* three seconds */
        CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
        f.w.now_tsc += f.w.second / 10 + 1;
    }
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 4);
    CU_ASSERT_EQUAL(esp_in_sa_set_peer(f.in, &f.events[f.event_count - 1].u.sa_event.remote), CV_OK);
    for (unsigned i = 0; i < 31; i++, f.w.now_tsc += f.w.second / 10)
        CU_ASSERT_EQUAL(pass_from(&f, 9, 5001, false), CV_DROP_NONE);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 4);
    fix_close(&f);
}

static void a_replayed_packet_from_elsewhere_is_no_new_mapping(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    struct rte_mbuf *again = fix_copy(&f, m);
    rte_pktmbuf_mtod(again, uint8_t *)[15] ^= 0x55;
    CU_ASSERT_EQUAL(fix_in(&f, m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(fix_in(&f, again), CV_DROP_REPLAY_DUP);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_NAT_CHANGE), 0);
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(again);
    fix_close(&f);
}

static void set_peer_redirects_what_is_sent(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    struct fix f;
    fix_open(&f, &sa);
    struct ip_endpoint to = {.port = 777}, six = {.port = 1}, no_port;
    CU_ASSERT_FATAL(ip_addr_parse("198.51.100.9", &to.addr) && ip_addr_parse("2001:db8::9", &six.addr));
    no_port = to;
    no_port.port = 0;
    CU_ASSERT_EQUAL(esp_out_sa_set_peer(f.out, &six), CV_EINVAL);
    CU_ASSERT_EQUAL(esp_in_sa_set_peer(f.in, &six), CV_EINVAL);
    CU_ASSERT_EQUAL(esp_out_sa_set_peer(f.out, &no_port), CV_EINVAL);
    CU_ASSERT_EQUAL(esp_out_sa_set_peer(f.out, &to), CV_OK);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    CU_ASSERT_EQUAL(memcmp(p + 16, to.addr.b, 4), 0);
    CU_ASSERT_EQUAL(p[22] << 8 | p[23], 777);
    CU_ASSERT_EQUAL(fix_sum(p, 20), 0);
    CU_ASSERT_TRUE(ip_endpoint_equal(&esp_out_sa_conf(f.out)->remote, &to));
    rte_pktmbuf_free(m);
    fix_close(&f);
}

/* The manager stopped by the scheduler while it writes a template: workers send on with the one in use. */
static void a_template_half_written_holds_nobody_up(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, CV_SA_NATT);
    struct ip_endpoint to[2] = {{.port = 777}, sa.remote};
    struct fix f;
    fix_open(&f, &sa);
    CU_ASSERT_FATAL(ip_addr_parse("198.51.100.9", &to[0].addr));
    for (unsigned i = 0; i < 6; i++) {
        memset(&f.out->tmpl[(f.out->tmpl_version + 1) & 1], 0xcc, sizeof f.out->tmpl[0]);
        struct rte_mbuf *m = fix_inner(&f, IP_V4, 60, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *), *want = i & 1 ? to[0].addr.b : to[1].addr.b;
        CU_ASSERT_EQUAL(memcmp(p + 16, want, 4), 0);
        CU_ASSERT_EQUAL(fix_sum(p, 20), 0);
        CU_ASSERT_EQUAL(esp_out_inner_mtu(f.out, 1500), 1438);
        rte_pktmbuf_free(m);
        CU_ASSERT_EQUAL(esp_out_sa_set_peer(f.out, &to[i & 1]), CV_OK);
    }
    fix_close(&f);
}

static void each_worker_has_its_own_outbound_counters(void)
{
    struct cv_sa sa = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    fix_open(&f, &sa);
    CU_ASSERT_EQUAL(pass(&f, 60), CV_DROP_NONE);
    f.w.line = 1;
    CU_ASSERT_EQUAL(pass(&f, 61), CV_DROP_NONE);
    CU_ASSERT_EQUAL(f.out_counters[0].bytes, 60);
    CU_ASSERT_EQUAL(f.out_counters[1].bytes, 61);
    CU_ASSERT_EQUAL(f.out_counters[1].highest_seq, 2);
    CU_ASSERT_EQUAL(esp_out_sa_seq(f.out), 2);
    fix_close(&f);
}

UNIT_MAIN_EAL("esp_sa", UNIT_TEST(creation_refuses_what_makes_no_sense),
              UNIT_TEST(a_dump_gives_back_all_but_the_secrets), UNIT_TEST(RFC_4303_3_3_3_numbers_never_wrap),
              UNIT_TEST(sequence_event_comes_once_at_seven_eighths),
              UNIT_TEST(lifetimes_in_bytes_and_packets_both_ways),
              UNIT_TEST(the_hard_limit_holds_within_a_burst),
              UNIT_TEST(the_first_authentic_packet_is_told_once),
              UNIT_TEST(RFC_7296_2_23_a_new_NAT_mapping_is_told_once_until_the_peer_is_set),
              UNIT_TEST(a_replayed_packet_from_elsewhere_is_no_new_mapping),
              UNIT_TEST(events_that_nobody_took_are_raised_again),
              UNIT_TEST(a_closed_SA_tells_until_it_is_heard),
              UNIT_TEST(a_new_NAT_mapping_is_told_each_second_until_the_peer_is_set),
              UNIT_TEST(a_template_half_written_holds_nobody_up), UNIT_TEST(set_peer_redirects_what_is_sent),
              UNIT_TEST(each_worker_has_its_own_outbound_counters))
