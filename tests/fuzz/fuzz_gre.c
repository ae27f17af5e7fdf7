/* libFuzzer harness of what reads a GRE packet and its TCP options: the outer header as it would be classified, GRE, the
 * inner packet, the MSS clamp on either, keepalives, and selectors. The packet ends where its memory ends; whatever is found keeps its
 * invariants. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_gre DIR-FOR-NEW tests/fuzz/corpus/gre. */
#include "dataplane/esp/esp_ts.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_gre.h"
#include "dataplane/ip/ip_mss.h"

#include <stdlib.h>
#include <string.h>

enum { HEADROOM = 128, MSS = 1360 };

/* An mbuf and its private area, without a pool. */
struct packet {
    struct rte_mbuf m;
    struct dp_meta meta;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* Between any ends: what a selector of ports takes, a piece of it might be of; and a keepalive is GRE. */
static void judge(const struct rte_mbuf *m, const struct dp_meta *meta)
{
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), family = meta->family;
    struct esp_ts_pair ts = {ts_any(family), ts_any(family)};
    const struct esp_conf conf = {.ts = &ts, .ts_count = 1};
    struct ip_if t = {.gre_head = {.family = family, .len = family == IP_V4 ? 24 : 44}};
    must(esp_ts_match(&conf, ip, m->data_len, CV_DIR_OUT) &&
         esp_ts_may_match(&conf, ip, m->data_len, CV_DIR_IN));
    ts.local.proto = ts.remote.proto = ip[m->data_len - 1] & 1 ? 17 : 6;
    ts.local.port_hi = 0x7fff;
    if (esp_ts_match_error(&conf, ip, m->data_len)) /* to who sent what it quotes */
        must(meta->proto == (family == IP_V4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6));
    if (esp_ts_match(&conf, ip, m->data_len, CV_DIR_OUT))
        must(esp_ts_may_match(&conf, ip, m->data_len, CV_DIR_OUT));
    memcpy(t.gre_head.octets, ip, family == IP_V4 ? 20 : 40); /* its own addresses */
    if (ip_gre_is_keepalive(m, &t))
        must(meta->proto == IP_PROTO_GRE && !meta->frag && m->data_len >= meta->l3_len + IP_GRE_HEADER);
}

static void look(struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    struct ip_gre g;
    if (ip_classify_ip(m) == IP_CLASS_DROP)
        return;
    must(meta->l3_len <= m->data_len && meta->l3_total == m->data_len);
    judge(m, meta);
    ip_mss_clamp(m, MSS);
    must(!ip_mss_clamp(m, MSS)); /* once is enough */
    must(ip_classify_ip(m) != IP_CLASS_DROP);
    if (meta->proto != IP_PROTO_GRE || meta->frag)
        return;
    const uint32_t len = m->data_len - (uint32_t)meta->l3_len;
    if (ip_gre_read(rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_len), len, &g) != CV_DROP_NONE)
        return;
    must(g.len >= IP_GRE_HEADER && g.len <= len && (g.keyed || g.key == 0));
    if (ip_gre_pull(m, &g) != CV_DROP_NONE)
        return;
    must(meta->family == g.family && ip_classify_ip(m) != IP_CLASS_DROP); /* ECN kept the checksum */
    look(m); /* the worker would not; deeper headers come under the same test */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 9000)
        return 0;
    uint8_t *room = malloc(HEADROOM + size);
    struct packet *p = aligned_alloc(64, (sizeof *p + 63) & ~(size_t)63);
    if (room && p) {
        memset(p, 0, sizeof *p);
        memcpy(room + HEADROOM, data, size);
        p->m.buf_addr = room;
        p->m.buf_len = (uint16_t)(HEADROOM + size);
        p->m.data_off = HEADROOM;
        p->m.data_len = (uint16_t)size;
        p->m.pkt_len = (uint32_t)size;
        p->m.nb_segs = 1;
        p->m.priv_size = sizeof p->meta;
        must(dp_meta(&p->m) == &p->meta);
        look(&p->m);
    }
    free(room);
    free(p);
    return 0;
}
