/* libFuzzer harness of AH (RFC 4302): packets as a stranger might send them, which must all be refused without a look past their end;
 * packets to be protected, which must come back as they were, also when routers have changed what they may; and such a packet
 * with one bit changed, which must be refused where the bit is under the ICV. Input: two octets (family and mode, hash; the bit), then
 * the packet. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_ah DIR-FOR-NEW tests/fuzz/corpus/ah. */
#include "dataplane/esp/esp_ah.h"
#include "tests/fuzz/fuzz_ends.h"

enum { HASHES = 4, V4_TOS = 1, V4_FLAGS = 6, V4_TTL = 8, V6_HOPS = 7 };

/* ---- SAs ------------------------------------------------------------------------------------------------------ */
static struct cv_sa sa_of(uint8_t control, const uint8_t *src, const uint8_t *dst)
{
    static const uint16_t hash[HASHES] = {CV_INTEG_HMAC_SHA1_96, CV_INTEG_HMAC_SHA2_256_128,
                                          CV_INTEG_HMAC_SHA2_384_192, CV_INTEG_HMAC_SHA2_512_256};
    static const uint8_t key_len[HASHES] = {20, 32, 48, 64};
    struct cv_sa sa = sa_between(control & 1, src, dst);
    sa.proto = CV_PROTO_AH;
    sa.encr = CV_ENCR_NULL;
    sa.mode = control & 2 ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
    sa.flags = control & 16 ? CV_SA_ESN : 0;
    sa.integ = hash[control >> 2 & 3];
    sa.integ_key_len = key_len[control >> 2 & 3];
    memset(sa.integ_key, 0x5a, sa.integ_key_len);
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
    struct ends e = ends_of(control, data + (v6 ? 8 : 12), data + (v6 ? 24 : 16));
    struct rte_mbuf *m = packet_of(data, n, v6, control & 32 ? 0 : ROOM_BEHIND);
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
    if (send(&e, m)) {
        must(m->data_off >= 14 && ip_classify_ip(m) == IP_CLASS_AH);
        const uint32_t len = m->data_len, at = (uint32_t)(bit * 7919u) % len;
        struct rte_mbuf *bad = with_tail(rte_pktmbuf_mtod(m, const uint8_t *), len, ROOM_BEHIND);
        const bool free_to_change = is_muted(m, at, v6);
        rte_pktmbuf_mtod(bad, uint8_t *)[at] ^= (uint8_t)(1u << (bit & 7));
        must(free_to_change || !receive(&e, bad));
        rte_pktmbuf_free(bad);
        struct rte_mbuf *good = with_tail(rte_pktmbuf_mtod(m, const uint8_t *), len, ROOM_BEHIND);
        if (!transport)
            as_routers_do(rte_pktmbuf_mtod(good, uint8_t *), v6);
        if (!free_to_change) {
            must(receive(&e, good));
            must(is_same(good, was));
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
