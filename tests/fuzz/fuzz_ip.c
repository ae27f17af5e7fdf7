/* libFuzzer harness of what reads a received frame: classification, at once and slowly, whole and in several mbufs; and then
 * what the data plane does with such a packet: errors about it, what ICMP says, cutting it and putting it together again, GRE, the
 * MSS clamp, ND and ARP. Packets end where their memory ends; what is found keeps its invariants.
 * Input: four octets (what is mended, two places where the frame is cut into segments, an MTU), then the frame.
 * Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_ip DIR-FOR-NEW tests/fuzz/corpus/ip. */
#include "dataplane/ip/ip_arp.h"
#include "dataplane/ip/ip_chain.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_ext.h"
#include "dataplane/ip/ip_frag.h"
#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_icmp.h"
#include "dataplane/ip/ip_mss.h"
#include "dataplane/ip/ip_nd.h"
#include "dataplane/ip/ip_pmtu.h"
#include "dataplane/ip/ip_policy.h"
#include "dataplane/ip/ip_reass.h"
#include "dataplane/ip/ip_return.h"
#include "dataplane/ip/ip_udp.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/fuzz/fuzz_pkt.h"

enum { CONTROLS = 4, MEND_IP = 1, MEND_ICMP = 2, MEND_MAC = 4, MSS = 1360, IF_IN = 3, VRF = 2 };

static const uint8_t station[6] = {2, 0, 0, 0, 0, 1};
static uint8_t control[CONTROLS];

/* ---- mending: what random octets never get right ---------------------------------------------------------- */
static void mend_frame(uint8_t *f, size_t n)
{
    uint8_t *ip = f + RTE_ETHER_HDR_LEN;
    if (n < RTE_ETHER_HDR_LEN + 20)
        return;
    if (control[0] & MEND_MAC)
        memcpy(f, station, sizeof station);
    const uint32_t header = (ip[0] & 15u) * 4u;
    if (!(control[0] & MEND_IP) || ip[0] >> 4 != 4 || header < 20 || n < RTE_ETHER_HDR_LEN + header)
        return;
    memset(ip + 10, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, header, 0));
    memcpy(ip + 10, &sum, 2);
}

static void mend_icmp(struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *icmp = ip + meta->l3_len;
    const uint32_t len = m->data_len - (uint32_t)meta->l3_len;
    const bool v4 = meta->family == IP_V4;
    if (!(control[0] & MEND_ICMP) || meta->frag || len < IP_ICMP_HEADER ||
        meta->proto != (v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6))
        return;
    memset(icmp + 2, 0, 2);
    const uint64_t pseudo = v4 ? 0 : ip_sum_pseudo(ip + 8, ip + 24, 16, IP_PROTO_ICMP6, len);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(icmp, len, pseudo));
    memcpy(icmp + 2, &sum, 2);
}

/* ---- classification ----------------------------------------------------------------------------------------- */
static bool same_meta(const struct dp_meta *a, const struct dp_meta *b)
{
    return a->if_in == b->if_in && a->vrf == b->vrf && a->family == b->family &&
           a->local_out == b->local_out && a->l3_len == b->l3_len && a->proto == b->proto &&
           a->udp_encap == b->udp_encap && a->spi == b->spi && a->drop == b->drop && a->frag == b->frag &&
           a->l4_src == b->l4_src && a->l4_dst == b->l4_dst && a->l3_total == b->l3_total;
}

static bool same_octets(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
    return a->data_len == b->data_len && a->pkt_len == b->pkt_len &&
           memcmp(rte_pktmbuf_mtod(a, const void *), rte_pktmbuf_mtod(b, const void *), a->data_len) == 0;
}

static enum ip_class slow_look(struct rte_mbuf *m)
{
    struct dp_meta *meta = dp_meta(m);
    meta->if_in = IF_IN;
    meta->vrf = VRF;
    meta->local_out = DP_TRANSIT;
    return ip_classify_frame(m, station);
}

/* The quick look says what the slow one does, or leaves all as it was. */
static void quick_look(const uint8_t *frame, size_t n, struct rte_mbuf *slow, enum ip_class class)
{
    const struct ip_arrival a = ip_arrival_of(station, IF_IN, VRF);
    struct rte_mbuf *m = exact(frame, n), *before = exact_copy(m);
    enum ip_class quick = IP_CLASS_DROP;
    if (ip_classify_plain(m, &a, &quick))
        must(quick == class && same_meta(dp_meta(m), dp_meta(slow)) && same_octets(m, slow));
    else
        must(same_octets(m, before) && memcmp(dp_meta(m), dp_meta(before), sizeof(struct dp_meta)) == 0);
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(before);
}

static struct rte_mbuf *in_segments(const uint8_t *frame, size_t n)
{
    size_t at = control[1], then = at + control[2];
    at = RTE_MIN(at, n);
    then = RTE_MIN(then, n);
    struct rte_mbuf *first = exact(frame, at), *second = exact(frame + at, then - at),
                    *third = exact(frame + then, n - then);
    first->next = second;
    second->next = third;
    first->nb_segs = 3;
    first->pkt_len = (uint32_t)n;
    return first;
}

/* A scattered frame, joined, is the frame. */
static void chain_look(const uint8_t *frame, size_t n, struct rte_mbuf *slow, enum ip_class class)
{
    struct rte_mbuf *m = in_segments(frame, n);
    const struct ip_arrival a = ip_arrival_of(station, IF_IN, VRF);
    enum ip_class quick;
    must(!ip_classify_plain(m, &a, &quick) && slow_look(m) == IP_CLASS_CHAIN);
    struct rte_mbuf *one = ip_chain_join(m, fuzz_rooms);
    must(one && one->nb_segs == 1 && one->data_len == n &&
         memcmp(rte_pktmbuf_mtod(one, const void *), frame, n) == 0);
    rte_pktmbuf_free(one);
    m->pkt_len++; /* says more than there is */
    must(!ip_chain_join(m, fuzz_rooms));
    rte_pktmbuf_free(m);
    m = exact(frame, n);
    must(slow_look(m) == class && same_meta(dp_meta(m), dp_meta(slow)));
    rte_pktmbuf_free(m);
}

/* ---- ICMP --------------------------------------------------------------------------------------------------- */
static struct ip_addr own_address(uint8_t family)
{
    static const uint8_t four[4] = {192, 0, 2, 1}, six[16] = {0xfd, [15] = 1};
    return family == IP_V4 ? ip_addr_v4(four) : ip_addr_v6(six);
}

static void errors(struct rte_mbuf *m)
{
    const struct ip_addr own = own_address(dp_meta(m)->family);
    for (unsigned t = 0; t <= IP_TROUBLE_TOO_BIG; t++) {
        struct rte_mbuf *bad = exact_copy(m), *out = rte_pktmbuf_alloc(fuzz_rooms), *again;
        must(out != NULL);
        ip_icmp_trouble(dp_meta(bad), (enum ip_trouble)t, 1400);
        memset(dp_meta(out), 0, sizeof(struct dp_meta));
        if (ip_icmp_error(out, bad, &own)) {
            again = exact_copy(out);
            must(ip_classify_ip(again) == IP_CLASS_IP && same_octets(again, out));
            must(again->data_len <= (dp_meta(again)->family == IP_V4 ? 576 : 1280));
            rte_pktmbuf_reset(out); /* never about an error */
            must(!ip_icmp_error(out, again, &own));
            rte_pktmbuf_free(again);
        }
        rte_pktmbuf_free(out);
        rte_pktmbuf_free(bad);
    }
}

/* Groups and loopback are nobody's source: the data plane hands none of them to ip_icmp. */
static bool is_host(const uint8_t *dst, uint8_t family)
{
    static const uint8_t loopback[16] = {[15] = 1};
    return family == IP_V4 ? dst[0] < 224 : dst[0] != 0xff && memcmp(dst, loopback, 16) != 0;
}

static void icmp(struct rte_mbuf *m)
{
    const uint8_t family = dp_meta(m)->family;
    struct rte_mbuf *echo = exact_copy(m);
    const uint8_t *msg;
    uint32_t len;
    struct ip_pmtu_news news;
    struct ip_icmp_answer answer;
    if (ip_icmp_echo_reply(echo)) {
        must(ip_icmp_good(echo, &msg, &len));
        must(!is_host(ip_dst(m, family), family) || ip_classify_ip(echo) == IP_CLASS_IP);
        must(memcmp(ip_dst(echo, family), ip_src(m, family), ip_family_len(family)) == 0);
    }
    rte_pktmbuf_free(echo);
    if (ip_pmtu_read(m, &news))
        must(news.mtu >= (family == IP_V4 ? IP_PMTU_MIN4 : IP_PMTU_MIN6) && news.spi != 0);
    if (ip_icmp_answer_read(m, &answer))
        must(answer.from.family == family);
}

/* ---- cutting and joining ------------------------------------------------------------------------------------- */
/* Are they the same but for what a cut changes: IPv4's flags and checksum? */
static bool same_datagram(const struct rte_mbuf *whole, const struct rte_mbuf *m, uint8_t family)
{
    const uint8_t *a = rte_pktmbuf_mtod(whole, const uint8_t *), *b = rte_pktmbuf_mtod(m, const uint8_t *);
    if (whole->data_len != m->data_len)
        return false;
    if (family == IP_V6)
        return memcmp(a, b, m->data_len) == 0;
    return memcmp(a, b, 6) == 0 && memcmp(a + 8, b + 8, 2) == 0 &&
           memcmp(a + 12, b + 12, m->data_len - 12u) == 0;
}

static void join(struct rte_mbuf *m, struct rte_mbuf **pieces, unsigned n)
{
    static uint64_t drops[CV_DROP_COUNT];
    static struct ip_reass *t;
    struct rte_mbuf *whole = NULL;
    must(t || ip_reass_new(fuzz_rooms, 1000000, drops, &t) == CV_OK);
    for (unsigned i = 0; i < n; i++) { /* from a place in the middle on */
        must(!whole);
        whole = ip_reass_take(t, pieces[(i + control[1]) % n], NULL, 1);
    }
    must(whole && same_datagram(whole, m, dp_meta(m)->family));
    rte_pktmbuf_free(whole);
}

static void cut(struct rte_mbuf *m)
{
    struct rte_mbuf *pieces[IP_FRAG_MAX];
    const uint16_t mtu = (uint16_t)(48 + control[3] * 16);
    const bool whole = !dp_meta(m)->frag;
    const unsigned n = ip_frag_split(m, mtu, fuzz_rooms, pieces);
    for (unsigned i = 0; i < n; i++) {
        must(pieces[i]->data_len <= mtu);
        struct rte_mbuf *e = exact_copy(pieces[i]);
        const enum ip_class class = ip_classify_ip(e);
        must(class == IP_CLASS_IP ? dp_meta(e)->frag || n == 1
                                  : dp_meta(e)->drop == CV_DROP_HEADER_CHAIN || n == 1);
        rte_pktmbuf_free(e);
    }
    if (whole && n > 1)
        join(m, pieces, n);
    else
        for (unsigned i = 0; i < n; i++)
            rte_pktmbuf_free(pieces[i]);
}

/* ---- a packet ------------------------------------------------------------------------------------------------ */
static void gre(struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    struct ip_gre g;
    if (meta->proto != IP_PROTO_GRE || meta->frag ||
        ip_gre_read(rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len),
                    m->data_len - (uint32_t)meta->l3_len, &g) != CV_DROP_NONE)
        return;
    struct rte_mbuf *e = exact_copy(m);
    if (ip_gre_pull(e, &g) == CV_DROP_NONE)
        must(dp_meta(e)->family == g.family && ip_classify_ip(e) != IP_CLASS_DROP);
    rte_pktmbuf_free(e);
}

static void packet(struct rte_mbuf *m, enum ip_class class)
{
    const struct dp_meta *meta = dp_meta(m);
    struct ip_policy_key key;
    const uint8_t *data;
    size_t n;
    must(meta->l3_len <= m->data_len && meta->l3_total == m->data_len && m->pkt_len == m->data_len);
    must(class != IP_CLASS_ESP || (meta->spi != 0 || !meta->udp_encap));
    mend_icmp(m);
    ip_policy_key_of(m, control[1] & 1, &key);
    if (meta->proto == IP_PROTO_UDP && !meta->frag && ip_udp_payload(m, meta->l3_len, &data, &n))
        must(data + n <= rte_pktmbuf_mtod(m, const uint8_t *) + m->data_len);
    if (meta->family == IP_V6 && meta->proto == IP_PROTO_ICMP6 && !meta->frag) {
        struct ip_nd nd;
        (void)ip_nd_read(m, meta->l3_len, &nd);
    }
    if (meta->family == IP_V6 && !meta->frag) {
        struct ip_ext_problem problem;
        if (ip_ext_here(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, false, &problem) != CV_DROP_NONE)
            must(problem.pointer < meta->l3_len);
    }
    struct ip_return back;
    if (ip_return_make(&back, m)) {
        must(back.m.data_len <= sizeof back.octets && back.meta.l3_len <= back.m.data_len);
        must(ip_same_addr(ip_dst(&back.m, meta->family), ip_dst(m, meta->family), meta->family));
        ip_policy_key_of(&back.m, false, &key);
    }
    icmp(m);
    errors(m);
    cut(m);
    gre(m);
    ip_mss_clamp(m, MSS);
    must(!ip_mss_clamp(m, MSS) && ip_classify_ip(m) == class);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CONTROLS || size > 9100)
        return 0;
    memcpy(control, data, CONTROLS);
    const size_t n = size - CONTROLS;
    uint8_t *frame = malloc(n + 1);
    must(frame != NULL);
    memcpy(frame, data + CONTROLS, n);
    mend_frame(frame, n);
    struct rte_mbuf *m = exact(frame, n);
    const enum ip_class class = slow_look(m);
    must(class != IP_CLASS_CHAIN && (class != IP_CLASS_DROP || dp_meta(m)->drop != CV_DROP_NONE));
    quick_look(frame, n, m, class);
    chain_look(frame, n, m, class);
    if (class == IP_CLASS_ARP) {
        struct ip_arp a;
        (void)ip_arp_read(m, &a);
    } else if (class != IP_CLASS_DROP) {
        packet(m, class);
    }
    rte_pktmbuf_free(m);
    free(frame);
    nothing_is_lost();
    return 0;
}
