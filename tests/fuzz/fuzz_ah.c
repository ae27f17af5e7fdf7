/* libFuzzer harness of AH (RFC 4302): packets as a stranger might send them, which must all be refused without a look past their end;
 * packets to be protected, which must come back as they were, also when routers have changed what they may; and such a packet
 * with one bit changed, which must be refused where the bit is under the ICV. Input: two octets (family and mode, hash; the bit), then
 * the packet. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_ah DIR-FOR-NEW tests/fuzz/corpus/ah. */
#include "dataplane/esp/esp_ah.h"
#include "dataplane/ip/ip_classify.h"
#include "tests/fuzz/fuzz_pkt.h"

enum { CONTROLS = 2, HASHES = 4, SPI = 0x00c0ffee, V4_TOS = 1, V4_FLAGS = 6, V4_TTL = 8, V6_HOPS = 7 };

static struct esp_worker worker;
static struct cv_sa_counters counters[2];

/* ---- SAs ------------------------------------------------------------------------------------------------------ */
struct ends {
    struct esp_out_sa *out;
    struct esp_in_sa *in;
};

static struct cv_sa sa_of(uint8_t control, const uint8_t *src, const uint8_t *dst)
{
    static const uint16_t hash[HASHES] = {CV_INTEG_HMAC_SHA1_96, CV_INTEG_HMAC_SHA2_256_128,
                                          CV_INTEG_HMAC_SHA2_384_192, CV_INTEG_HMAC_SHA2_512_256};
    static const uint8_t key_len[HASHES] = {20, 32, 48, 64};
    const bool v6 = control & 1;
    struct cv_sa sa = {
        .ref = {.dir = CV_DIR_OUT, .spi = SPI}, .if_id = 7, .proto = CV_PROTO_AH, .encr = CV_ENCR_NULL};
    sa.mode = control & 2 ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
    sa.flags = control & 16 ? CV_SA_ESN : 0;
    sa.integ = hash[control >> 2 & 3];
    sa.integ_key_len = key_len[control >> 2 & 3];
    memset(sa.integ_key, 0x5a, sa.integ_key_len);
    sa.replay_window = 64;
    sa.ts_count = 2;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    sa.ts_local[1] = sa.ts_remote[1] = ts_any(IP_V6);
    sa.local.addr = v6 ? ip_addr_v6(src) : ip_addr_v4(src);
    sa.remote.addr = v6 ? ip_addr_v6(dst) : ip_addr_v4(dst);
    return sa;
}

static void worker_end(void)
{
    esp_worker_fini(&worker);
}

static struct ends open_ends(uint8_t control, const uint8_t *src, const uint8_t *dst)
{
    const struct eng_ops *engine = eng_by_name("ipsec-mb");
    const struct cv_sa out = sa_of(control, src, dst);
    struct cv_sa in = out;
    struct ends e;
    in.ref.dir = CV_DIR_IN;
    in.local = out.remote;
    in.remote = out.local;
    if (!worker.scratch) {
        must(esp_worker_init(&worker, engine, 0, -1) == CV_OK);
        must(atexit(worker_end) == 0);
    }
    memset(counters, 0, sizeof counters);
    must(esp_out_sa_new(&out, engine, -1, &counters[0], &e.out) == CV_OK);
    must(esp_in_sa_new(&in, engine, -1, &counters[1], &e.in) == CV_OK);
    return e;
}

static void close_ends(struct ends *e)
{
    esp_out_sa_free(e->out);
    esp_in_sa_free(e->in);
}

/* ---- packets -------------------------------------------------------------------------------------------------- */
/* n octets with `tail` of room behind them, and nothing behind that. */
static struct rte_mbuf *with_tail(const uint8_t *data, size_t n, size_t tail)
{
    uint8_t *octets = calloc(1, n + tail);
    must(octets != NULL);
    memcpy(octets, data, n);
    struct rte_mbuf *m = exact(octets, n + tail);
    free(octets);
    m->data_len = (uint16_t)n;
    m->pkt_len = (uint32_t)n;
    return m;
}

static bool receive(struct ends *e, struct rte_mbuf *m)
{
    if (ip_classify_ip(m) != IP_CLASS_AH)
        return false;
    const bool good = esp_ah_in_burst(&worker, &m, &e->in, 1) == 1;
    must(good || dp_meta(m)->drop != CV_DROP_NONE);
    return good;
}

static bool send(struct ends *e, struct rte_mbuf *m)
{
    return esp_out_burst(&worker, &m, &e->out, 1) == 1;
}

static void seal_v4(uint8_t *ip)
{
    const uint32_t header = (ip[0] & 15u) * 4u;
    memset(ip + 10, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, header, 0));
    memcpy(ip + 10, &sum, 2);
}

/* ECN stays, which a tunnel would carry inside. */
static void as_routers_do(uint8_t *ip, bool v6)
{
    if (v6) {
        ip[3] ^= 0x55;
        ip[V6_HOPS] = 1;
        return;
    }
    ip[V4_TOS] ^= 0x40;
    ip[V4_FLAGS] ^= 0x40;
    ip[V4_TTL] = 1;
    seal_v4(ip);
}

/* ---- the three properties --------------------------------------------------------------------------------------- */
static void forged(uint8_t control, const uint8_t *data, size_t n)
{
    const bool v6 = control & 1;
    const size_t fixed = v6 ? 40 : 20;
    if (n < fixed)
        return;
    struct ends e = open_ends(control, data + (v6 ? 8 : 12), data + (v6 ? 24 : 16));
    struct rte_mbuf *m = with_tail(data, n, control & 32 ? 0 : 32);
    if (!v6 && (data[0] & 15u) * 4u >= 20 && (data[0] & 15u) * 4u <= n)
        seal_v4(rte_pktmbuf_mtod(m, uint8_t *));
    must(!receive(&e, m)); /* nobody guesses 96 bits */
    rte_pktmbuf_free(m);
    close_ends(&e);
}

static bool is_muted(const struct rte_mbuf *whole, uint32_t at, bool v6)
{
    uint8_t was[ESP_KEPT_MAX], now[ESP_KEPT_MAX];
    const uint32_t l3_len = dp_meta((struct rte_mbuf *)(uintptr_t)whole)->l3_len;
    if (at >= l3_len)
        return false;
    memcpy(was, rte_pktmbuf_mtod(whole, const uint8_t *), l3_len);
    memcpy(now, was, l3_len);
    must(esp_ah_mute(now, l3_len, v6 ? IP_V6 : IP_V4));
    return was[at] != now[at] ||
           now[at] == 0; /* an octet of zero may be one that is muted: nothing is claimed of it */
}

static void there_and_back(uint8_t control, uint8_t bit, const uint8_t *data, size_t n)
{
    const bool v6 = control & 1, transport = control & 2;
    struct rte_mbuf *m = with_tail(data, n, ESP_TAILROOM);
    if (!v6 && n >= 20 && (data[0] & 15u) * 4u >= 20 && (data[0] & 15u) * 4u <= n)
        seal_v4(rte_pktmbuf_mtod(m, uint8_t *));
    const enum ip_class class = ip_classify_ip(m);
    if (class == IP_CLASS_DROP || (transport && (dp_meta(m)->family == IP_V6) != v6)) {
        rte_pktmbuf_free(m);
        return;
    }
    static const uint8_t here[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1},
                         there[16] = {0x20, 1, 0x0d, 0xb8, [15] = 2};
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    struct ends e =
        open_ends(control, transport ? ip + (v6 ? 8 : 12) : here, transport ? ip + (v6 ? 24 : 16) : there);
    struct rte_mbuf *was = exact_copy(m);
    if (send(&e, m)) {
        must(m->data_off >= 14 && ip_classify_ip(m) == IP_CLASS_AH);
        const uint32_t len = m->data_len, at = (uint32_t)(bit * 7919u) % len;
        struct rte_mbuf *bad = with_tail(rte_pktmbuf_mtod(m, const uint8_t *), len, 32);
        const bool free_to_change = is_muted(m, at, v6);
        rte_pktmbuf_mtod(bad, uint8_t *)[at] ^= (uint8_t)(1u << (bit & 7));
        must(free_to_change || !receive(&e, bad));
        rte_pktmbuf_free(bad);
        struct rte_mbuf *good = with_tail(rte_pktmbuf_mtod(m, const uint8_t *), len, 32);
        if (!transport)
            as_routers_do(rte_pktmbuf_mtod(good, uint8_t *), v6);
        if (!free_to_change) {
            must(receive(&e, good));
            must(good->data_len == was->data_len &&
                 memcmp(rte_pktmbuf_mtod(good, const void *), rte_pktmbuf_mtod(was, const void *),
                        was->data_len) == 0);
        }
        rte_pktmbuf_free(good);
    }
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(was);
    close_ends(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CONTROLS || size > 2000)
        return 0;
    forged(data[0], data + CONTROLS, size - CONTROLS);
    there_and_back(data[0], data[1], data + CONTROLS, size - CONTROLS);
    nothing_is_lost();
    return 0;
}
