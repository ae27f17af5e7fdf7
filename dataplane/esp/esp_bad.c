#include "dataplane/esp/esp_bad.h"

#include "dataplane/esp/esp_ah.h"
#include "dataplane/esp/esp_front.h"
#include "dataplane/esp/esp_in.h"

static bool turn_is_over(const struct esp_bad *b, uint64_t now, uint64_t tsc_hz)
{
    return b->since == 0 || now - b->since >= ESP_BAD_SECONDS * tsc_hz;
}

bool esp_bad_due(const struct esp_in_sa *sa, enum cv_drop why, uint64_t now, uint64_t tsc_hz)
{
    return turn_is_over(&sa->bad, now, tsc_hz) || !(sa->bad.reasons >> why & 1);
}

/* Octets to the ESP or AH header; 0: m has lost it, or the headers in front. A device may have taken them off, and so has what came after the
 * integrity check, in transport mode even where it failed. */
static uint32_t header_at(const struct esp_in_sa *sa, struct rte_mbuf *m)
{
    const struct dp_meta *meta = dp_meta(m);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
    const bool ah = sa->conf.proto == CV_PROTO_AH;
    const uint32_t at = meta->l3_len + (meta->udp_encap ? ESP_UDP_LEN : 0u);
    const uint32_t spi = rte_cpu_to_be_32(sa->conf.ref.spi);
    if (meta->l3_len == 0 || m->data_len < at + ESP_AH_FIXED || ip[0] >> 4 != (sa->family == IP_V4 ? 4 : 6) ||
        memcmp(ip + at + (ah ? ESP_AH_SPI_AT : 0), &spi, sizeof spi) != 0)
        return 0;
    return at;
}

static void ends_of(const struct esp_in_sa *sa, struct rte_mbuf *m, struct cv_sa_event *e)
{
    const struct dp_meta *meta = dp_meta(m);
    const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *), *udp = ip + meta->l3_len;
    e->remote = esp_in_source(sa, ip, udp);
    if (sa->family == IP_V4)
        memcpy(e->local.addr.b, ip + ESP_V4_ADDRS_AT + 4, 4);
    else
        memcpy(e->local.addr.b, ip + ESP_V6_ADDRS_AT + 16, 16);
    e->local.port = (uint16_t)esp_get16(udp + 2);
    if (!meta->udp_encap)
        e->remote.port = e->local.port = 0;
}

/* The start of what an SA in tunnel mode does not select, decrypted where it lies. */
static void quote(const struct esp_in_sa *sa, struct rte_mbuf *m, uint32_t at, struct cv_bad_packet *out)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    const uint32_t in = at + (sa->conf.proto == CV_PROTO_AH ? (p[at + ESP_AH_LEN_AT] + 2u) * 4u : sa->head);
    if (sa->transport || in >= m->data_len)
        return;
    out->quoted_len = (uint16_t)RTE_MIN((uint32_t)CV_BAD_QUOTED, m->data_len - in);
    memcpy(out->quoted, p + in, out->quoted_len);
}

void esp_bad_event(struct esp_in_sa *sa, struct rte_mbuf *m, enum cv_drop why, uint64_t now, uint64_t tsc_hz,
                   struct cv_evt *out)
{
    if (turn_is_over(&sa->bad, now, tsc_hz))
        sa->bad = (struct esp_bad){.since = now};
    sa->bad.reasons |= UINT64_C(1) << why;
    *out = esp_event_of(CV_EVT_BAD_PACKET, &sa->conf, why);
    struct cv_bad_packet *bad = &out->u.bad_packet;
    const uint32_t at = header_at(sa, m);
    if (at == 0)
        return;
    uint32_t seq;
    memcpy(&seq,
           rte_pktmbuf_mtod_offset(m, const uint8_t *, at) +
               (sa->conf.proto == CV_PROTO_AH ? ESP_AH_SEQ_AT : 4),
           sizeof seq);
    bad->seq = rte_be_to_cpu_32(seq);
    bad->seen = 1;
    ends_of(sa, m, &bad->sa);
    if (why == CV_DROP_TS_IN)
        quote(sa, m, at, bad);
}
