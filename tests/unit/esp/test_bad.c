/* What the event about a packet that an SA dropped says of it (RFC 4301 5.2, RFC 4303 3.4.3, 3.4.4). */
#include "dataplane/esp/esp_bad.h"
#include "tests/unit/esp/esp_fix.h"

enum { HZ = 1000 };

static enum cv_drop taken(struct fix *f, struct rte_mbuf *m)
{
    if (esp_in_sa_conf(f->in)->proto != CV_PROTO_AH)
        return fix_in(f, m);
    struct rte_mbuf *pkts[1] = {m};
    struct esp_in_sa *sas[1] = {f->in};
    fix_classify(m);
    return esp_ah_in_burst(&f->w, pkts, sas, 1) ? CV_DROP_NONE : (enum cv_drop)dp_meta(m)->drop;
}

static struct cv_bad_packet told(struct fix *f, struct rte_mbuf *m, enum cv_drop why)
{
    static struct cv_evt e;
    CU_ASSERT_EQUAL(taken(f, m), why);
    esp_bad_event(f->in, m, why, 1, HZ, &e);
    CU_ASSERT(e.type == CV_EVT_BAD_PACKET && e.u.sa_event.reason == why && e.u.sa_event.ref.spi == FIX_SPI &&
              e.u.sa_event.cookie == 0x1122);
    rte_pktmbuf_free(m);
    return e.u.bad_packet;
}

static bool is(const struct ip_endpoint *e, const char *addr, uint16_t port)
{
    char text[IP_TEXT_MAX];
    return strcmp(ip_addr_text(&e->addr, text), addr) == 0 && e->port == port;
}

static void narrow(struct cv_sa *in)
{
    in->ts_count = 1;
    in->ts_local[0] = in->ts_remote[0] = ts_any(IP_V6);
}

/* A packet that the selectors do not have is quoted, whatever is in front of it. */
static void outside(bool ah, int outer, uint32_t flags)
{
    struct cv_sa out = fix_sa(ah ? FIX_NULL_SHA1 : FIX_GCM, outer, flags);
    out.proto = ah ? CV_PROTO_AH : CV_PROTO_ESP;
    struct cv_sa in = fix_reverse(&out);
    narrow(&in);
    struct fix f;
    fix_open2(&f, &out, &in);
    for (unsigned len = 28; len < 200; len += 86) {
        struct rte_mbuf *was = fix_inner(&f, IP_V4, len, 0), *m = fix_inner(&f, IP_V4, len, 0);
        CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
        const struct cv_bad_packet e = told(&f, m, CV_DROP_TS_IN);
        CU_ASSERT(e.seen && e.seq == len / 86 + 1);
        const uint16_t port = flags & CV_SA_NATT ? 4500 : 0;
        CU_ASSERT(is(&e.sa.remote, outer == IP_V4 ? "192.0.2.1" : "2001:db8::1", port) &&
                  is(&e.sa.local, outer == IP_V4 ? "192.0.2.2" : "2001:db8::2", port));
        const unsigned same = len < CV_BAD_QUOTED ? len : CV_BAD_QUOTED;
        CU_ASSERT(e.quoted_len >= same && e.quoted_len <= CV_BAD_QUOTED &&
                  memcmp(e.quoted, rte_pktmbuf_mtod(was, const void *), same) == 0);
        rte_pktmbuf_free(was);
    }
    fix_close(&f);
}

static void RFC_7296_3_10_1_what_is_outside_is_quoted(void)
{
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned way = 0; way < 3; way++)
            outside(way == 2, v6 ? IP_V6 : IP_V4, way == 1 ? CV_SA_NATT : 0);
}

static void what_was_not_authentic_is_not_quoted(void)
{
    struct cv_sa out = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    fix_open(&f, &out);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 100, 0);
    CU_ASSERT_EQUAL(fix_out(&f, m), CV_DROP_NONE);
    struct rte_mbuf *again = fix_copy(&f, m), *cut = fix_copy(&f, m);
    rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 1] ^= 1;
    rte_pktmbuf_mtod(m, uint8_t *)[15] = 99; /* whoever that is */
    struct cv_bad_packet e = told(&f, m, CV_DROP_ESP_AUTH);
    CU_ASSERT(e.seen && e.seq == 1 && e.quoted_len == 0 && is(&e.sa.remote, "192.0.2.99", 0));
    m = fix_copy(&f, again);
    CU_ASSERT_EQUAL(taken(&f, m), CV_DROP_NONE);
    rte_pktmbuf_free(m);
    e = told(&f, again, CV_DROP_REPLAY_DUP);
    CU_ASSERT(e.seen && e.seq == 1 && e.quoted_len == 0);
    rte_pktmbuf_trim(
        cut, (uint16_t)(cut->data_len - 26)); /* not even the header: the SA's ends are all that is known */
    e = told(&f, cut, CV_DROP_ESP_SHORT);
    CU_ASSERT(!e.seen && e.seq == 0 && is(&e.sa.remote, "192.0.2.1", 0));
    fix_close(&f);
}

static void each_reason_has_its_turn(void)
{
    struct cv_sa out = fix_sa(FIX_GCM, IP_V4, 0);
    struct fix f;
    struct cv_evt e;
    fix_open(&f, &out);
    struct rte_mbuf *m = fix_inner(&f, IP_V4, 100, 0);
    fix_classify(m);
    CU_ASSERT(esp_bad_due(f.in, CV_DROP_ESP_AUTH, 1, HZ));
    esp_bad_event(f.in, m, CV_DROP_ESP_AUTH, 1, HZ, &e);
    CU_ASSERT(!esp_bad_due(f.in, CV_DROP_ESP_AUTH, 2, HZ) && esp_bad_due(f.in, CV_DROP_TS_IN, 2, HZ));
    esp_bad_event(f.in, m, CV_DROP_TS_IN, 2, HZ, &e);
    CU_ASSERT(!esp_bad_due(f.in, CV_DROP_ESP_AUTH, ESP_BAD_SECONDS * HZ, HZ) &&
              !esp_bad_due(f.in, CV_DROP_TS_IN, ESP_BAD_SECONDS * HZ, HZ));
    CU_ASSERT(esp_bad_due(f.in, CV_DROP_ESP_AUTH, ESP_BAD_SECONDS * HZ + 1, HZ));
    rte_pktmbuf_free(m);
    fix_close(&f);
}

UNIT_MAIN_EAL("esp_bad", UNIT_TEST(RFC_7296_3_10_1_what_is_outside_is_quoted),
              UNIT_TEST(what_was_not_authentic_is_not_quoted), UNIT_TEST(each_reason_has_its_turn))
