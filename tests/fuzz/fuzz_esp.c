/* libFuzzer harness of ESP (RFC 4303): packets as a stranger might send them, which must all be refused without a look past their end; whatever a
 * peer that has the keys may have sealed, trailer and inner packet, which may be taken or dropped, but never read past or handed on longer than it
 * came; and packets to be protected, which must come back as they were, and not at all with one bit changed. Input: two octets (family,
 * mode, transform, ESN, encapsulation; the bit), then the packet. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_esp DIR-FOR-NEW tests/fuzz/corpus/esp. */
#include "tests/fuzz/fuzz_ends.h"

enum {
    V6 = 1,
    TRANSPORT = 2,
    TRANSFORM = 4, /* three bits from here */
    ESN = 32,
    NATT = 64,
    TRANSFORMS = 8,
    PORT = 4500,
};

/* ---- SAs ------------------------------------------------------------------------------------------------------ */
static struct cv_sa sa_of(uint8_t control, const uint8_t *src, const uint8_t *dst)
{
    static const struct {
        uint16_t encr, integ;
        uint8_t key_len, salt_len, integ_key_len;
    } transform[TRANSFORMS] = {
        {CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 16, 4, 0},
        {CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 32, 4, 0},
        {CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 16, 4, 0},
        {CV_ENCR_CHACHA20_POLY1305, CV_INTEG_NONE, 32, 4, 0},
        {CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96, 16, 0, 20},
        {CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_512_256, 32, 0, 64},
        {CV_ENCR_3DES, CV_INTEG_HMAC_SHA2_256_128, 24, 0, 32},
        {CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_256_128, 0, 0, 32},
    };
    const unsigned t = control / TRANSFORM % TRANSFORMS;
    struct cv_sa sa = sa_between(control & V6, src, dst);
    sa.encr = transform[t].encr;
    sa.integ = transform[t].integ;
    sa.encr_key_len = transform[t].key_len;
    sa.salt_len = transform[t].salt_len;
    sa.integ_key_len = transform[t].integ_key_len;
    for (unsigned i = 0; i < sizeof sa.encr_key; i++)
        sa.encr_key[i] = (uint8_t)(i * 7 + 1);
    memset(sa.integ_key, 0x5a, sa.integ_key_len);
    sa.mode = control & TRANSPORT ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
    sa.flags = (control & ESN ? CV_SA_ESN : 0u) | (control & NATT ? CV_SA_NATT : 0u);
    sa.local.port = sa.remote.port = control & NATT ? PORT : 0;
    return sa;
}

static struct ends ends_of(uint8_t control, const uint8_t *src, const uint8_t *dst)
{
    const struct cv_sa sa = sa_of(control, src, dst);
    return open_ends(&sa);
}

/* ---- packets -------------------------------------------------------------------------------------------------- */
static bool receive(struct ends *e, struct rte_mbuf *m)
{
    if (ip_classify_ip(m) != IP_CLASS_ESP)
        return false;
    const uint32_t len = m->data_len;
    const bool good = esp_in_burst(&worker, &m, &e->in, 1) == 1;
    must(good ? m->data_len < len : dp_meta(m)->drop != CV_DROP_NONE);
    return good;
}

/* ---- the properties --------------------------------------------------------------------------------------------- */
static void forged(uint8_t control, const uint8_t *data, size_t n)
{
    const bool v6 = control & V6;
    if (n < (v6 ? 40u : 20u))
        return;
    struct ends e = ends_of(control, data + (v6 ? 8 : 12), data + (v6 ? 24 : 16));
    struct rte_mbuf *m = packet_of(data, n, v6, control & 128 ? 0 : ROOM_BEHIND);
    must(!receive(&e, m)); /* nobody guesses 96 bits */
    rte_pktmbuf_free(m);
    close_ends(&e);
}

/* The outer headers of a sealed packet of n octets behind them; octets of them. */
static uint32_t outer(uint8_t control, uint8_t *p, uint32_t n)
{
    const bool v6 = control & V6, natt = control & NATT;
    const uint32_t l3 = v6 ? 40 : 20, udp = natt ? 8 : 0;
    const uint8_t proto = natt ? IP_PROTO_UDP : IP_PROTO_ESP;
    memset(p, 0, l3 + udp);
    p[0] = v6 ? 0x60 : 0x45;
    if (v6) {
        p[4] = (uint8_t)((n + udp) >> 8);
        p[5] = (uint8_t)(n + udp);
        p[6] = proto;
        p[7] = 64;
        memcpy(p + 8, here, 16);
        memcpy(p + 24, there, 16);
    } else {
        p[2] = (uint8_t)((n + 20 + udp) >> 8);
        p[3] = (uint8_t)(n + 20 + udp);
        p[8] = 64;
        p[9] = proto;
        memcpy(p + 12, here, 4);
        memcpy(p + 16, there, 4);
        seal_v4(p);
    }
    if (natt) {
        p[l3] = p[l3 + 2] = PORT >> 8;
        p[l3 + 1] = p[l3 + 3] = PORT & 255;
        p[l3 + 4] = (uint8_t)((n + 8) >> 8);
        p[l3 + 5] = (uint8_t)(n + 8);
    }
    return l3 + udp;
}

/* `data` is all that stands between IV and ICV: payload, padding, pad length and next header as the peer likes. */
static void sealed(uint8_t control, const uint8_t *data, size_t n)
{
    static uint8_t p[4096];
    const struct cv_sa sa = sa_of(control, here, there);
    struct ends e = open_ends(&sa);
    struct eng_session *s;
    struct eng_session_info info;
    must(engine()->session_new(&sa, -1, &s, &info) == CV_OK);
    n -= n % info.block;
    if (n > 0) {
        const uint32_t esp_len = 8u + info.iv_len + (uint32_t)n + info.icv_len,
                       at = outer(control, p, esp_len);
        const uint8_t head[8] = {SPI >> 24, SPI >> 16 & 255, SPI >> 8 & 255, SPI & 255, 0, 0, 0, 1};
        memcpy(p + at, head, sizeof head);
        memcpy(p + at + 8 + info.iv_len, data, n);
        struct eng_op op = {.esp = p + at, .data_len = (uint32_t)n, .iv = 1};
        info.burst(worker.engine, s, &op, 1);
        must(op.ok);
        struct rte_mbuf *m = with_tail(p, at + esp_len, ROOM_BEHIND);
        receive(&e, m);
        rte_pktmbuf_free(m);
    }
    engine()->session_free(s);
    close_ends(&e);
}

static void there_and_back(uint8_t control, uint8_t bit, const uint8_t *data, size_t n)
{
    const bool v6 = control & V6, transport = control & TRANSPORT;
    struct rte_mbuf *m = packet_of(data, n, v6, ESP_TAILROOM);
    const enum ip_class class = ip_classify_ip(m);
    if (class == IP_CLASS_DROP || (transport && (dp_meta(m)->family == IP_V6) != v6)) {
        rte_pktmbuf_free(m);
        return;
    }
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    struct ends e =
        ends_of(control, transport ? ip + (v6 ? 8 : 12) : here, transport ? ip + (v6 ? 24 : 16) : there);
    struct rte_mbuf *was = exact_copy(m);
    if (esp_out_burst(&worker, &m, &e.out, 1) == 1) {
        must(m->data_off >= 14 && ip_classify_ip(m) == IP_CLASS_ESP);
        const uint32_t len = m->data_len, l3_len = dp_meta(m)->l3_len + (control & NATT ? 8u : 0u);
        const uint32_t at = l3_len + (uint32_t)(bit * 7919u) % (len - l3_len);
        struct rte_mbuf *bad = with_tail(rte_pktmbuf_mtod(m, const uint8_t *), len, ROOM_BEHIND);
        rte_pktmbuf_mtod(bad, uint8_t *)[at] ^= (uint8_t)(1u << (bit & 7));
        must(!receive(&e, bad));
        rte_pktmbuf_free(bad);
        struct rte_mbuf *good = with_tail(rte_pktmbuf_mtod(m, const uint8_t *), len, ROOM_BEHIND);
        const bool back = receive(&e, good);
        must(transport || (back && is_same(good, was)));
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
    sealed(data[0], data + CONTROLS, size - CONTROLS);
    there_and_back(data[0], data[1], data + CONTROLS, size - CONTROLS);
    nothing_is_lost();
    return 0;
}
