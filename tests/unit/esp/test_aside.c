/* ESP by a crypto device as a whole (look-aside protocol): the model checks what it is given, a peer in software what comes of it. */
#include "dataplane/engine/eng_cryptodev.h"
#include "dataplane/engine/eng_cryptodev_dev.h"
#include "dataplane/esp/esp_tfc.h"
#include "dataplane/esp/esp_tunnel.h"
#include "tests/unit/engine/aside_model.h"
#include "tests/unit/engine/cdev_model.h"
#include "tests/unit/engine/inline_model.h"
#include "tests/unit/esp/esp_fix.h"

enum { N = 40, LEN = 200, V4_SRC_END = 15 };

static const struct eng_ops *const E = &eng_cryptodev;

/* The end with the device, and its peer in software. */
static struct fix f;
static struct esp_worker far;
static struct esp_out_sa *far_out;
static struct esp_in_sa *far_in;
static struct cv_sa_counters far_counters[2];
static unsigned iv_len;

static void worker_open(const char *how)
{
    char why[256] = "", words[64];
    memset(&f, 0, sizeof f);
    f.pool = fix_pool;
    snprintf(words, sizeof words, "crypto_openssl %s", how);
    CU_ASSERT_EQUAL_FATAL(E->start(words, 1, why, sizeof why), CV_OK);
    aside_install();
    cdev_model_install();
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&f.w, E, 0, -1), CV_OK);
    f.w.event = fix_event;
    f.w.event_ctx = &f;
    f.w.second = 1;
}
static void worker_close(void)
{
    cdev_model_remove();
    aside_remove();
    esp_worker_fini(&f.w);
    E->stop();
    CU_ASSERT_EQUAL(aside.misuse, 0);
    if (aside.misuse)
        printf("%s\n", aside.why);
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    CU_ASSERT_EQUAL(aside.iv_twice + aside.number_twice, 0);
}

static unsigned iv_len_of(unsigned transform)
{
    return fix_transforms[transform].encr == CV_ENCR_AES_CBC ? 16
           : fix_transforms[transform].encr == CV_ENCR_NULL  ? 0
                                                             : 8;
}

static void sas_open(const struct cv_sa *out, const struct cv_sa *in)
{
    const struct cv_sa peer_in = fix_reverse(out);
    struct cv_sa peer_out = fix_reverse(in);
    peer_out.ref.dir = CV_DIR_OUT;
    peer_out.seq = 0;
    peer_out.dummy_ms = 1000;
    memset(far_counters, 0, sizeof far_counters);
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(out, E, -1, f.out_counters, &f.out), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(in, E, -1, &f.in_counters, &f.in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_worker_init(&far, fix_engine(), 0, -1), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&peer_in, fix_engine(), -1, &far_counters[0], &far_in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&peer_out, fix_engine(), -1, &far_counters[1], &far_out), CV_OK);
}
static void sas_close(void)
{
    esp_out_sa_free(f.out);
    esp_in_sa_free(f.in);
    esp_in_sa_free(far_in);
    esp_out_sa_free(far_out);
    esp_worker_fini(&far);
}

static struct cv_sa out_of(unsigned transform, int family, uint32_t flags)
{
    struct cv_sa sa = fix_sa(transform, family, flags);
    sa.replay_window = 1024;
    iv_len = iv_len_of(transform);
    return sa;
}
static void open_all(const struct rte_security_capability *caps, unsigned transform, int family,
                     uint32_t flags)
{
    const struct cv_sa out = out_of(transform, family, flags), in = fix_reverse(&out);
    aside_reset(caps);
    worker_open("protocol");
    sas_open(&out, &in);
}
static void close_all(void)
{
    sas_close();
    CU_ASSERT_EQUAL(aside.sessions, 0);
    worker_close();
}

/* What came back, good ones and bad ones, in their order. */
static struct esp_done done;
static unsigned polled(void)
{
    memset(&done, 0, sizeof done);
    for (unsigned i = 0; i < 4000; i++)
        if (esp_poll(&f.w, &done) > 0)
            return (unsigned)(done.in_good + done.in_bads + done.out_good + done.out_bads);
    return 0;
}
static void drop_done(void)
{
    rte_pktmbuf_free_bulk(done.in, done.in_good);
    rte_pktmbuf_free_bulk(done.in_bad, done.in_bads);
    rte_pktmbuf_free_bulk(done.out, done.out_good);
    rte_pktmbuf_free_bulk(done.out_bad, done.out_bads);
}

static bool is_inner_of(struct rte_mbuf *m, struct rte_mbuf *want)
{
    const bool same =
        m->data_len == want->data_len && m->pkt_len == want->pkt_len &&
        memcmp(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(want, void *), want->data_len) == 0;
    rte_pktmbuf_free(want);
    return same;
}

/* One packet out; the drop, or NONE, and then the far end has taken it. *seq: its number. */
static enum cv_drop goes(unsigned len, uint8_t tos, uint32_t *seq)
{
    struct rte_mbuf *m = fix_inner(&f, IP_V4, len, tos), *want = fix_copy(&f, m);
    struct esp_out_sa *sas[1] = {f.out};
    struct esp_in_sa *far_sas[1] = {far_in};
    const uint16_t at_once = esp_out_burst(&f.w, &m, sas, 1);
    CU_ASSERT_EQUAL(at_once, 0);
    if (!f.w.taken) {
        const enum cv_drop r = (enum cv_drop)dp_meta(m)->drop;
        rte_pktmbuf_free(m);
        rte_pktmbuf_free(want);
        return r;
    }
    CU_ASSERT_EQUAL_FATAL(polled(), 1);
    if (done.out_bads) {
        const enum cv_drop r = (enum cv_drop)dp_meta(done.out_bad[0])->drop;
        drop_done();
        rte_pktmbuf_free(want);
        return r;
    }
    m = done.out[0];
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    CU_ASSERT_EQUAL((ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4)), tos);
    if (ip[0] >> 4 == 4)
        CU_ASSERT_EQUAL(fix_sum(ip, 20), 0);
    CU_ASSERT_EQUAL(dp_meta(m)->vrf, 5);
    CU_ASSERT_EQUAL(dp_meta(m)->local_out, DP_LOCAL_ESP);
    const uint32_t number = aside_wire(m, iv_len);
    if (seq)
        *seq = number;
    fix_classify(m);
    CU_ASSERT_EQUAL_FATAL(esp_in_burst(&far, &m, far_sas, 1), 1);
    CU_ASSERT_TRUE(is_inner_of(m, want));
    rte_pktmbuf_free(m);
    return CV_DROP_NONE;
}

static struct rte_mbuf *from_far(unsigned len, uint8_t tos)
{
    struct rte_mbuf *m = fix_inner(&f, IP_V4, len, tos);
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *), t[4];
    memcpy(t, p + 12, 4); /* the way back */
    memcpy(p + 12, p + 16, 4);
    memcpy(p + 16, t, 4);
    struct esp_out_sa *sas[1] = {far_out};
    CU_ASSERT_EQUAL_FATAL(esp_out_burst(&far, &m, sas, 1), 1);
    fix_classify(m);
    return m;
}

/* One packet in. */
static enum cv_drop comes(struct rte_mbuf *m)
{
    struct esp_in_sa *sas[1] = {f.in};
    const uint16_t at_once = esp_in_burst(&f.w, &m, sas, 1);
    CU_ASSERT_EQUAL(at_once, 0);
    enum cv_drop r = f.w.taken ? CV_DROP_NONE : (enum cv_drop)dp_meta(m)->drop;
    if (!f.w.taken) {
        rte_pktmbuf_free(m);
        return r;
    }
    CU_ASSERT_EQUAL_FATAL(polled(), 1);
    if (done.in_bads)
        r = (enum cv_drop)dp_meta(done.in_bad[0])->drop;
    else
        CU_ASSERT_EQUAL(dp_meta(done.in[0])->if_in, FIX_IF);
    drop_done();
    return r;
}

static struct cv_sa_engine shown_out(void)
{
    struct cv_sa_engine e = {.by = CV_ENGINE_UNKNOWN};
    esp_out_sa_where(f.out, &e);
    return e;
}
static struct cv_sa_engine shown_in(void)
{
    struct cv_sa_engine e = {.by = CV_ENGINE_UNKNOWN};
    esp_in_sa_where(f.in, &e);
    return e;
}

/* ---- what it does ------------------------------------------------------------------------------------------------- */
static void all_of_esp(void)
{
    static const unsigned transforms[] = {FIX_GCM, FIX_GCM + 2, FIX_GMAC, FIX_CBC_SHA256, FIX_CBC_SHA256 + 2};
    static const uint32_t flags[] = {0, CV_SA_NATT, CV_SA_ESN, CV_SA_NO_REPLAY, CV_SA_NATT | CV_SA_ESN};
    for (unsigned i = 0; i < RTE_DIM(transforms); i++)
        for (unsigned k = 0; k < RTE_DIM(flags) * 2; k++) {
            open_all(model_caps_aside, transforms[i], k % 2 ? IP_V6 : IP_V4, flags[k / 2]);
            CU_ASSERT_EQUAL(aside.sessions, 2);
            CU_ASSERT_EQUAL(shown_out().by, CV_ENGINE_CRYPTODEV_PROTOCOL);
            CU_ASSERT_EQUAL(shown_in().by, CV_ENGINE_CRYPTODEV_PROTOCOL);
            CU_ASSERT_EQUAL(shown_in().why, CV_ENGINE_WHY_NONE);
            for (unsigned n = 1; n <= N; n++) {
                uint32_t seq = 0;
                CU_ASSERT_EQUAL(goes(LEN + n, (uint8_t)(n % 4 == 0 ? 0x88 : 0xb9), &seq), CV_DROP_NONE);
                CU_ASSERT_EQUAL(seq, n);
                CU_ASSERT_EQUAL(comes(from_far(LEN + n, 0)), CV_DROP_NONE);
            }
            CU_ASSERT_EQUAL(aside.encrypted, N);
            CU_ASSERT_EQUAL(aside.decrypted, N);
            CU_ASSERT_EQUAL(f.in_counters.packets, N);
            CU_ASSERT_EQUAL(f.out_counters[0].packets, N);
            CU_ASSERT_EQUAL(f.in_counters.highest_seq, N);
            close_all();
        }
}

/* Each SA by itself: the reason is shown, and the device's ciphers or software do it. */
static void what_it_does_not_take(void)
{
    static const struct {
        unsigned transform;
        uint32_t flags;
        unsigned why;
        bool bare;
        uint8_t mode;
        uint32_t window;
        uint16_t tfc;
        uint64_t seq;
    } rows[] = {
        {FIX_CHACHA, 0, CV_ENGINE_WHY_TRANSFORM, false, CV_MODE_TUNNEL, 64, 0, 0},
        {FIX_CBC_SHA1, 0, CV_ENGINE_WHY_TRANSFORM, false, CV_MODE_TUNNEL, 64, 0, 0},
        {FIX_GCM, CV_SA_ESN, CV_ENGINE_WHY_ESN, true, CV_MODE_TUNNEL, 64, 0, 0},
        {FIX_GCM, CV_SA_NATT, CV_ENGINE_WHY_UDP, true, CV_MODE_TUNNEL, 64, 0, 0},
        {FIX_GCM, 0, CV_ENGINE_WHY_WINDOW, false, CV_MODE_TUNNEL, 2048, 0, 0},
        {FIX_GCM, 0, CV_ENGINE_WHY_MODE, false, CV_MODE_TRANSPORT, 64, 0, 0},
        {FIX_GCM, CV_SA_ESN, CV_ENGINE_WHY_USED, false, CV_MODE_TUNNEL, 64, 0, (uint64_t)1 << 33},
        {FIX_GCM, 0, CV_ENGINE_WHY_TFC, false, CV_MODE_TUNNEL, 64, 1000, 0},
    };
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct cv_sa out = out_of(rows[i].transform, IP_V4, rows[i].flags), in;
        out.mode = rows[i].mode;
        out.tfc_len = rows[i].tfc;
        out.ts_count = out.mode == CV_MODE_TRANSPORT ? 1 : out.ts_count;
        in = fix_reverse(&out);
        in.replay_window = rows[i].window;
        in.seq = rows[i].seq;
        aside_reset(rows[i].bare ? model_caps_aside_bare : model_caps_aside);
        worker_open("protocol");
        sas_open(&out, &in);
        const bool in_says = rows[i].why != CV_ENGINE_WHY_TFC,
                   out_says = rows[i].why != CV_ENGINE_WHY_WINDOW && rows[i].why != CV_ENGINE_WHY_USED;
        CU_ASSERT_EQUAL(aside.sessions, !in_says + !out_says);
        CU_ASSERT_EQUAL(shown_in().why, in_says ? rows[i].why : CV_ENGINE_WHY_NONE);
        CU_ASSERT_EQUAL(shown_out().why, out_says ? rows[i].why : CV_ENGINE_WHY_NONE);
        CU_ASSERT_TRUE(!in_says || shown_in().by != CV_ENGINE_CRYPTODEV_PROTOCOL);
        close_all();
    }
}

static void full_table(void)
{
    const struct cv_sa out = out_of(FIX_GCM, IP_V4, 0), in = fix_reverse(&out);
    aside_reset(model_caps_aside);
    aside.table = 1;
    worker_open("protocol");
    sas_open(&out, &in);
    CU_ASSERT_EQUAL(shown_out().by, CV_ENGINE_CRYPTODEV_PROTOCOL);
    CU_ASSERT_EQUAL(shown_in().by, CV_ENGINE_CRYPTODEV);
    CU_ASSERT_EQUAL(shown_in().why, CV_ENGINE_WHY_REFUSED);
    CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_NONE);
    CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE);
    close_all();
}

static void asked_of_one_that_has_it_not(void)
{
    char why[256] = "";
    aside_reset(NULL);
    CU_ASSERT_EQUAL(E->start("crypto_openssl protocol", 1, why, sizeof why), CV_EUNSUP);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "leave out 'protocol'"));
    aside_reset(model_caps_protocol); /* inline ones only */
    CU_ASSERT_EQUAL(E->start("crypto_openssl protocol", 1, why, sizeof why), CV_EUNSUP);
    aside_reset(model_caps_aside);
    aside.no_flag = true;
    CU_ASSERT_EQUAL(E->start("crypto_openssl protocol", 1, why, sizeof why), CV_EUNSUP);
    CU_ASSERT_EQUAL(E->start("crypto_openssl else", 1, why, sizeof why), CV_EINVAL);
    aside_reset(model_caps_aside); /* its ciphers, where nobody asked for more */
    const struct cv_sa out = out_of(FIX_GCM, IP_V4, 0), in = fix_reverse(&out);
    worker_open("look-aside");
    sas_open(&out, &in);
    CU_ASSERT_EQUAL(aside.sessions, 0);
    CU_ASSERT_EQUAL(shown_out().by, CV_ENGINE_CRYPTODEV);
    CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_NONE);
    close_all();
    CU_ASSERT_EQUAL(E->self_test(why, sizeof why), CV_EUNSUP);
    worker_open("protocol");
    CU_ASSERT_EQUAL(E->self_test(why, sizeof why), CV_OK); /* of its ciphers, which have the rest */
    worker_close();
}

/* ---- windows and forgeries ------------------------------------------------------------------------------------------ */
static void the_window_is_ours(void)
{
    open_all(model_caps_aside, FIX_GCM, IP_V4, 0);
    struct rte_mbuf *m = from_far(LEN, 0), *twin = fix_copy(&f, m), *third = fix_copy(&f, m);
    fix_classify(twin);
    fix_classify(third);
    struct rte_mbuf *two[2] = {m, twin};
    struct esp_in_sa *sas[2] = {f.in, f.in};
    CU_ASSERT_EQUAL(esp_in_burst(&f.w, two, sas, 2), 0);
    CU_ASSERT_EQUAL(f.w.taken, 2); /* both are under way: the device finds the second */
    unsigned good = 0, bad = 0;
    while (good + bad < 2 && polled() > 0) {
        good += done.in_good;
        bad += done.in_bads;
        drop_done();
    }
    CU_ASSERT_EQUAL(good, 1);
    CU_ASSERT_EQUAL(bad, 1);
    CU_ASSERT_EQUAL(comes(third), CV_DROP_REPLAY_DUP);
    CU_ASSERT_EQUAL(aside.replayed, 1);
    close_all();
}

static void forgeries_are_the_senders(void)
{
    for (unsigned plain = 0; plain < 2; plain++) {
        open_all(model_caps_aside, FIX_GCM, IP_V4, 0);
        aside.plain_errors = plain;
        for (unsigned i = 0; i < 3 * CDEV_ERRORS_MAX; i++) {
            struct rte_mbuf *m = from_far(LEN, 0);
            rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len)[-1] ^= 1;
            CU_ASSERT_EQUAL(comes(m), CV_DROP_ESP_AUTH);
        }
        CU_ASSERT_TRUE(cdev_runs());
        CU_ASSERT_EQUAL(f.in_counters.auth_failed, 3 * CDEV_ERRORS_MAX);
        CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE);
        aside.short_inner = true;
        for (unsigned i = 0; i < 2 * CDEV_ERRORS_MAX; i++)
            CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_DUMMY); /* authentic, and nothing in it */
        CU_ASSERT_TRUE(cdev_runs());
        close_all();
    }
}

/* RFC 4303 2.6: whatever the device says of them, they are neither forged nor errors, and their numbers are used up. */
static void dummies_of_the_peer(void)
{
    for (unsigned how = 0; how <= 2; how++) {
        char why[160] = "";
        const struct cv_sa out = out_of(FIX_GCM, IP_V4, 0), in = fix_reverse(&out);
        aside_reset(model_caps_aside);
        aside.dummies = how;
        worker_open("protocol");
        CU_ASSERT_EQUAL(E->self_test(why, sizeof why), CV_OK);
        sas_open(&out, &in);
        /* One that says the same of both is left out, coming in. */
        CU_ASSERT_EQUAL(shown_in().by == CV_ENGINE_CRYPTODEV_PROTOCOL, how != 1);
        CU_ASSERT_EQUAL(shown_in().why, how == 1 ? CV_ENGINE_WHY_REFUSED : CV_ENGINE_WHY_NONE);
        CU_ASSERT_EQUAL(shown_out().by, CV_ENGINE_CRYPTODEV_PROTOCOL);
        for (unsigned i = 0; i < 2 * CDEV_ERRORS_MAX; i++) {
            struct rte_mbuf *m = rte_pktmbuf_alloc(f.pool), *twin;
            memset(dp_meta(m), 0, sizeof(struct dp_meta));
            CU_ASSERT_TRUE_FATAL(esp_dummy_fill(m, 80) && esp_dummy_out(&far, m, far_out));
            twin = fix_copy(&f, m);
            fix_classify(m);
            fix_classify(twin);
            CU_ASSERT_EQUAL(comes(m), CV_DROP_DUMMY);
            CU_ASSERT_EQUAL(comes(twin), CV_DROP_REPLAY_DUP);
            CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE);
        }
        CU_ASSERT_EQUAL(f.in_counters.auth_failed + f.in_counters.other_drops, 0);
        CU_ASSERT_EQUAL(f.in_counters.packets, 2 * CDEV_ERRORS_MAX);
        CU_ASSERT_EQUAL(f.in_counters.highest_seq, 4 * CDEV_ERRORS_MAX);
        CU_ASSERT_TRUE(cdev_runs());
        struct rte_mbuf *m = from_far(LEN, 0);
        rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len)[-1] ^= 1;
        CU_ASSERT_EQUAL(comes(m), CV_DROP_ESP_AUTH);
        close_all();
    }
}

/* ---- the test at start ----------------------------------------------------------------------------------------------- */
/* What it says; "" it passed. */
static const char *tried(void (*spoil)(void))
{
    static char why[160];
    why[0] = '\0';
    aside_reset(model_caps_aside);
    worker_open("protocol");
    if (spoil)
        spoil();
    const cv_result r = E->self_test(why, sizeof why);
    CU_ASSERT_EQUAL(r, spoil ? CV_ECRYPTO : CV_OK);
    CU_ASSERT_EQUAL(aside.sessions, 0);
    CU_ASSERT_TRUE(cdev_runs()); /* nobody uses it, but it has not failed under traffic */
    worker_close();
    return why;
}

static void spoil_lies(void)
{
    aside.lies = true;
}
static void spoil_errors(void)
{
    aside.broken = true;
}
static void spoil_flips(void)
{
    aside.flips = true;
}
static void spoil_skips(void)
{
    aside.skips = true;
}
static void spoil_padding(void)
{
    aside.no_padding = true;
}
static void spoil_ivs(void)
{
    aside.one_iv = true;
}
static void spoil_accepts(void)
{
    aside.accepts = true;
}
static void spoil_inner(void)
{
    aside.short_inner = true;
}

static void wrong_answers_are_found_before_there_is_traffic(void)
{
    static const struct {
        void (*spoil)(void);
        const char *says;
    } rows[] = {{spoil_lies, "out: it does not encrypt"},
                {spoil_errors, "out: it does not encrypt"},
                {spoil_flips, "out: what it encrypts does not verify"},
                {spoil_skips, "out: its number or its length is wrong"},
                {spoil_padding, "out: its padding is wrong"},
                {spoil_ivs, "out: it uses an IV twice"},
                {spoil_accepts, "in: it takes a forged packet"},
                {spoil_inner, "in: it does not decrypt"}};
    CU_ASSERT_STRING_EQUAL(tried(NULL), "");
    CU_ASSERT_TRUE(aside.encrypted >= 20 && aside.decrypted >= 10); /* of all that the model says it does */
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        const char *said = tried(rows[i].spoil);
        CU_ASSERT_PTR_NOT_NULL(strstr(said, rows[i].says));
        if (!strstr(said, rows[i].says))
            printf("%s, not %s\n", said, rows[i].says);
    }
}

/* RFC 6040 4.2 after the outer header is gone. */
static void ecn(void)
{
    open_all(model_caps_aside, FIX_GCM, IP_V4, 0);
    static const struct {
        uint8_t inner, outer;
        enum cv_drop drop;
    } rows[] = {{2, 3, CV_DROP_NONE},
                {0, 3, CV_DROP_ECN},
                {2, 1, CV_DROP_NONE},
                {0, 1, CV_DROP_NONE},
                {3, 0, CV_DROP_NONE}};
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct rte_mbuf *m = from_far(LEN, rows[i].inner);
        uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
        ip[1] = (uint8_t)((ip[1] & 0xfc) | rows[i].outer);
        struct esp_in_sa *sas[1] = {f.in};
        CU_ASSERT_EQUAL(esp_in_burst(&f.w, &m, sas, 1), 0);
        CU_ASSERT_EQUAL_FATAL(polled(), 1);
        if (rows[i].drop == CV_DROP_NONE) {
            CU_ASSERT_EQUAL_FATAL(done.in_good, 1);
            const uint8_t *in = rte_pktmbuf_mtod(done.in[0], const uint8_t *);
            CU_ASSERT_EQUAL(in[1] & 3, esp_ecn_combine(rows[i].inner, rows[i].outer));
            CU_ASSERT_EQUAL(fix_sum(in, 20), 0);
        } else {
            CU_ASSERT_EQUAL(dp_meta(done.in_bad[0])->drop, rows[i].drop);
        }
        drop_done();
    }
    CU_ASSERT_EQUAL(f.in_counters.packets, 4);
    close_all();
}

/* Another encapsulation, another source: software's, in the order in which they came, and against the same window. */
static void other_packets_coming_in(void)
{
    const struct cv_sa out = out_of(FIX_GCM, IP_V4, CV_SA_NATT), in = fix_reverse(&out);
    aside_reset(model_caps_aside);
    worker_open("protocol");
    sas_open(&out, &in);
    cdev_model.delay = 20;
    struct rte_mbuf *pkts[N];
    struct esp_in_sa *sas[N];
    for (unsigned i = 0; i < N; i++) {
        pkts[i] = from_far(LEN + i, 0);
        sas[i] = f.in;
        if (i % 3 == 1) /* the NAT has another address for the peer */
            rte_pktmbuf_mtod(pkts[i], uint8_t *)[V4_SRC_END] ^= 8;
    }
    CU_ASSERT_EQUAL(esp_in_burst(&f.w, pkts, sas, N), 0);
    unsigned came = 0;
    while (came < N && polled() > 0) {
        for (unsigned i = 0; i < done.in_good; i++)
            CU_ASSERT_EQUAL(done.in[i]->data_len, LEN + came + i);
        came += done.in_good;
        CU_ASSERT_EQUAL(done.in_bads, 0);
        drop_done();
    }
    CU_ASSERT_EQUAL(came, N);
    CU_ASSERT_EQUAL(aside.decrypted, N - N / 3);
    CU_ASSERT(fix_events_of(&f, CV_EVT_NAT_CHANGE) > 0);
    struct ip_endpoint moved = in.remote;
    moved.addr.b[3] ^= 8;
    CU_ASSERT_EQUAL(esp_in_sa_set_peer(f.in, &moved), CV_OK);
    CU_ASSERT_EQUAL(esp_out_sa_set_peer(f.out, &moved), CV_OK); /* the outer header is ours */
    struct rte_mbuf *m = from_far(LEN, 0);
    rte_pktmbuf_mtod(m, uint8_t *)[V4_SRC_END] ^= 8;
    const unsigned before = aside.decrypted;
    CU_ASSERT_EQUAL(comes(m), CV_DROP_NONE);
    CU_ASSERT_EQUAL(aside.decrypted, before + 1);
    m = fix_inner(&f, IP_V4, LEN, 0);
    struct esp_out_sa *outs[1] = {f.out};
    CU_ASSERT_EQUAL(esp_out_burst(&f.w, &m, outs, 1), 0);
    CU_ASSERT_EQUAL_FATAL(polled(), 1);
    CU_ASSERT_EQUAL_FATAL(done.out_good, 1);
    CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(done.out[0], uint8_t *, 16), moved.addr.b, 4), 0);
    drop_done();
    close_all();
}

static void no_room_around_it(void)
{
    open_all(model_caps_aside, FIX_GCM, IP_V4, 0);
    struct esp_out_sa *sas[1] = {f.out};
    static const struct {
        uint16_t len, off;
        uint8_t first;
        enum cv_drop why;
    } rows[] = {{2048 - 64, 128, 0x45, CV_DROP_NO_ROOM},
                {LEN, 40, 0x45, CV_DROP_NO_ROOM},
                {19, 128, 0x45, CV_DROP_MALFORMED_IP},
                {LEN, 128, 0x55, CV_DROP_MALFORMED_IP}};
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(f.pool);
        m->data_off = rows[i].off;
        memset(rte_pktmbuf_append(m, rows[i].len), rows[i].first, rows[i].len);
        CU_ASSERT_EQUAL(esp_out_burst(&f.w, &m, sas, 1), 0);
        CU_ASSERT_EQUAL(f.w.taken, 0);
        CU_ASSERT_EQUAL(dp_meta(m)->drop, rows[i].why);
        rte_pktmbuf_free(m);
    }
    struct rte_mbuf *m = fix_inner(&f, IP_V4, LEN, 0), *tail = rte_pktmbuf_alloc(f.pool);
    (void)rte_pktmbuf_append(tail, 8);
    CU_ASSERT_EQUAL(rte_pktmbuf_chain(m, tail), 0);
    CU_ASSERT_EQUAL(esp_out_burst(&f.w, &m, sas, 1), 0);
    CU_ASSERT_EQUAL(dp_meta(m)->drop, CV_DROP_NO_ROOM);
    rte_pktmbuf_free(m);
    close_all();
}

/* ---- lifetimes --------------------------------------------------------------------------------------------------------- */
static void soft_limit_of_the_device(void)
{
    for (unsigned bytes = 0; bytes < 2; bytes++) {
        struct cv_sa out = out_of(FIX_CBC_SHA256, IP_V4, 0), in;
        in = fix_reverse(&out);
        if (bytes)
            out.soft_bytes = in.soft_bytes = LEN * 1000; /* ours says so at the same moment or later */
        else
            out.soft_packets = in.soft_packets = 5;
        aside_reset(model_caps_aside);
        worker_open("protocol");
        sas_open(&out, &in);
        for (unsigned i = 0; i < 8; i++) {
            CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_NONE);
            CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE);
        }
        CU_ASSERT_EQUAL(aside.softs, bytes ? 0 : 2);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SOFT),
                        bytes ? 0 : 2); /* once for each direction, whoever saw it */
        close_all();
    }
}

/* The device counts its hard limit to be reached before culvert does: that is no failure of the device. */
static void hard_limit_of_the_device(void)
{
    struct cv_sa out = out_of(FIX_CBC_SHA256, IP_V4, 0), in = fix_reverse(&out);
    out.soft_packets = 3;
    out.hard_packets = 1000;
    aside_reset(model_caps_aside);
    worker_open("protocol");
    sas_open(&out, &in);
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_NONE);
    aside.broken = true;
    for (unsigned i = 0; i < 2 * CDEV_ERRORS_MAX; i++)
        CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_LIFETIME);
    CU_ASSERT_TRUE(cdev_runs());
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), 1);
    close_all();
}

/* ---- failures ------------------------------------------------------------------------------------------------------------ */
/* Some are in the device, some wait for room in its queue: the first are lost, the others and all that follow are software's, with numbers
 * and IVs that the device has not used. */
static void fails(const struct rte_security_capability *caps, unsigned transform)
{
    const struct cv_sa out = out_of(transform, IP_V4, 0), in = fix_reverse(&out);
    aside_reset(caps);
    worker_open("protocol");
    sas_open(&out, &in);
    for (unsigned i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_NONE);
        CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE);
    }
    cdev_model.depth = 10;
    cdev_model.delay = 1000000;
    struct rte_mbuf *pkts[N], *ins[N];
    struct esp_out_sa *sas[N];
    struct esp_in_sa *in_sas[N];
    for (unsigned i = 0; i < N; i++) {
        pkts[i] = fix_inner(&f, IP_V4, LEN + i, 0);
        sas[i] = f.out;
        ins[i] = from_far(LEN + i, 0);
        in_sas[i] = f.in;
    }
    CU_ASSERT_EQUAL(esp_out_burst(&f.w, pkts, sas, N), 0);
    CU_ASSERT_EQUAL(f.w.taken, N);
    CU_ASSERT_EQUAL(esp_in_burst(&f.w, ins, in_sas, N), 0);
    CU_ASSERT_EQUAL(f.w.taken, N);
    cdev_fail(CDEV_FAULT_EVENT);
    unsigned lost = 0, went = 0, came = 0;
    uint64_t last = aside.highest;
    CU_ASSERT_EQUAL(last, N + 10);
    while (lost + went + came < 2 * N && polled() > 0) {
        for (unsigned i = 0; i < done.out_good; i++) {
            const uint32_t seq = aside_wire(done.out[i], iv_len);
            CU_ASSERT_TRUE(seq > last);
            last = seq;
        }
        went += done.out_good;
        for (unsigned i = 0; i < done.out_bads; i++)
            lost += dp_meta(done.out_bad[i])->drop == CV_DROP_CRYPTO_LOST &&
                    dp_meta(done.out_bad[i])->if_out == FIX_IF;
        came += done.in_good;
        CU_ASSERT_EQUAL(done.in_bads, 0);
        drop_done();
    }
    CU_ASSERT_EQUAL(lost, 10);
    CU_ASSERT_EQUAL(went, N - 10);
    CU_ASSERT_EQUAL(came, N);
    for (unsigned i = 0; i < N; i++) {
        uint32_t seq = 0;
        CU_ASSERT_EQUAL(goes(LEN, 0, &seq), CV_DROP_NONE);
        CU_ASSERT_TRUE(seq > last);
        last = seq;
        CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE);
    }
    CU_ASSERT_EQUAL(shown_out().why, CV_ENGINE_WHY_FAILED);
    CU_ASSERT_NOT_EQUAL(shown_out().by, CV_ENGINE_UNKNOWN);
    CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_SOFT), 0);
    close_all();
}

static void software_goes_on(void)
{
    static struct rte_security_capability given[8];
    for (unsigned i = 0; model_caps_aside[i].action != RTE_SECURITY_ACTION_TYPE_NONE; i++) {
        given[i] = model_caps_aside[i];
        given[i].ipsec.options.iv_gen_disable = given[i].ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS;
    }
    fails(model_caps_aside, FIX_CBC_SHA256); /* random IVs */
    fails(given, FIX_GCM);                   /* IVs that were ours all along */
    fails(given, FIX_GMAC);
}

/* The device makes GCM's IVs: nobody else may. */
static void software_must_not_go_on(void)
{
    struct cv_sa out = out_of(FIX_GCM, IP_V4, 0), in = fix_reverse(&out);
    aside_reset(model_caps_aside);
    worker_open("protocol");
    sas_open(&out, &in);
    CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_NONE);
    CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE);
    cdev_fail(CDEV_FAULT_EVENT);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_CRYPTO);
        CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), CV_DROP_NONE); /* that way it is no question */
    }
    CU_ASSERT_EQUAL(shown_out().by, CV_ENGINE_UNKNOWN);
    CU_ASSERT_EQUAL(shown_out().why, CV_ENGINE_WHY_FAILED);
    CU_ASSERT_NOT_EQUAL(shown_in().by, CV_ENGINE_UNKNOWN);
    CU_ASSERT_EQUAL_FATAL(fix_events_of(&f, CV_EVT_SA_SOFT), 1);
    for (unsigned i = 0; i < f.event_count; i++)
        CU_ASSERT_TRUE(f.events[i].type != CV_EVT_SA_SOFT || f.events[i].u.sa_event.reason == 3);
    uint8_t octets[64] = {0};
    struct eng_op op = {.esp = octets + 16, .data_len = 16, .ok = true};
    struct eng_session *s;
    struct eng_session_info info;
    close_all();
    /* Nor by a burst that waits; nor on a session whose IVs a device made before a restart. */
    aside_reset(model_caps_aside);
    worker_open("protocol");
    CU_ASSERT_EQUAL_FATAL(E->session_new(&out, -1, &s, &info), CV_OK);
    info.burst(f.w.engine, s, &op, 1);
    CU_ASSERT_FALSE(op.ok);
    E->session_free(s);
    out.seq = 7;
    CU_ASSERT_EQUAL(E->session_new(&out, -1, &s, &info), CV_EUNSUP);
    worker_close();
    out = out_of(FIX_CBC_SHA256, IP_V4, 0);
    in = fix_reverse(&out);
    out.seq = in.seq = 7;
    aside_reset(model_caps_aside);
    worker_open("protocol");
    sas_open(&out, &in);
    uint32_t seq = 0;
    CU_ASSERT_EQUAL(goes(LEN, 0, &seq), CV_DROP_NONE);
    CU_ASSERT_EQUAL(seq, 8);
    for (unsigned i = 1; i < 9; i++) /* the far end begins at 1: seven of them count as seen */
        CU_ASSERT_EQUAL(comes(from_far(LEN, 0)), i <= 7 ? CV_DROP_REPLAY_DUP : CV_DROP_NONE);
    close_all();
}

static void errors_going_out(void)
{
    for (unsigned lies = 0; lies < 2; lies++) {
        open_all(model_caps_aside, FIX_CBC_SHA256, IP_V4, 0);
        aside.broken = !lies;
        aside.lies = lies;
        for (unsigned i = 0; i < CDEV_ERRORS_MAX; i++) {
            CU_ASSERT_TRUE(cdev_runs());
            CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_CRYPTO); /* never in clear */
        }
        CU_ASSERT_FALSE(cdev_runs());
        CU_ASSERT_EQUAL(goes(LEN, 0, NULL), CV_DROP_NONE);
        CU_ASSERT_EQUAL(fix_events_of(&f, CV_EVT_SA_HARD), 0);
        close_all();
    }
}

static void sessions_that_stay(void)
{
    open_all(model_caps_aside, FIX_GCM, IP_V4, 0);
    aside.keeps = true;
    sas_close();
    CU_ASSERT_EQUAL(cdev_sessions(), 2);
    worker_close();
}

static void pool_is_made(void)
{
    fix_pool = rte_pktmbuf_pool_create("fix", 2047, 0, sizeof(struct dp_meta), RTE_MBUF_DEFAULT_BUF_SIZE, -1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fix_pool);
}

static void the_pool_is_whole_again(void)
{
    CU_ASSERT_EQUAL(rte_mempool_avail_count(fix_pool), 2047);
}

UNIT_MAIN_EAL("esp_aside", UNIT_TEST(pool_is_made), UNIT_TEST(all_of_esp), UNIT_TEST(what_it_does_not_take),
              UNIT_TEST(full_table), UNIT_TEST(asked_of_one_that_has_it_not), UNIT_TEST(the_window_is_ours),
              UNIT_TEST(forgeries_are_the_senders), UNIT_TEST(dummies_of_the_peer),
              UNIT_TEST(wrong_answers_are_found_before_there_is_traffic), UNIT_TEST(ecn),
              UNIT_TEST(other_packets_coming_in), UNIT_TEST(no_room_around_it),
              UNIT_TEST(soft_limit_of_the_device), UNIT_TEST(hard_limit_of_the_device),
              UNIT_TEST(software_goes_on), UNIT_TEST(software_must_not_go_on), UNIT_TEST(errors_going_out),
              UNIT_TEST(sessions_that_stay), UNIT_TEST(the_pool_is_whole_again))
