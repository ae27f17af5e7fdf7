#include "dataplane/esp/esp_tunnel.h"

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)(v >> 16));
    put16(p + 2, (uint16_t)v);
}

static uint32_t sum_words(const uint8_t *p, uint32_t len, uint32_t sum)
{
    for (; len > 1; p += 2, len -= 2) {
        uint16_t w;
        memcpy(&w, p, sizeof w);
        sum += w;
    }
    return sum;
}

void esp_template_make(struct esp_template *t, const struct cv_sa *conf, const struct ip_endpoint *remote)
{
    const bool v4 = conf->local.addr.family == IP_V4, natt = conf->flags & CV_SA_NATT;
    memset(t, 0, sizeof *t);
    t->ip_len = v4 ? ESP_V4_LEN : ESP_V6_LEN;
    t->len = (uint16_t)(t->ip_len + (natt ? ESP_UDP_LEN : 0));
    uint8_t *ip = t->b + ESP_TEMPLATE - ESP_HDR_LEN - t->len;
    const uint8_t proto = natt ? ESP_PROTO_UDP : ESP_PROTO_ESP;
    if (v4) {
        ip[0] = 0x45;
        ip[8] = ESP_OUTER_TTL;
        ip[9] = proto;
        memcpy(ip + 12, conf->local.addr.b, 4);
        memcpy(ip + 16, remote->addr.b, 4);
        t->sum = sum_words(ip + 2, ESP_V4_LEN - 2, 0);
    } else {
        ip[0] = 0x60;
        ip[6] = proto;
        ip[7] = ESP_OUTER_TTL;
        memcpy(ip + 8, conf->local.addr.b, 16);
        memcpy(ip + 24, remote->addr.b, 16);
    }
    if (natt) {
        put16(ip + t->ip_len, conf->local.port);
        put16(ip + t->ip_len + 2, remote->port);
    }
    put32(t->b + ESP_TEMPLATE - ESP_HDR_LEN, conf->ref.spi);
}

uint16_t esp_udp6_checksum(const uint8_t *ip6, uint32_t len)
{
    const uint32_t udp_len = len - ESP_V6_LEN;
    uint64_t sum = (uint64_t)rte_cpu_to_be_16((uint16_t)udp_len) + rte_cpu_to_be_16(ESP_PROTO_UDP);
    const uint8_t *p = ip6 + 8; /* the pseudo header's addresses, then the datagram */
    uint32_t left = len - 8;
    for (; left >= 4; p += 4, left -= 4) {
        uint32_t w;
        memcpy(&w, p, sizeof w);
        sum += w;
    }
    uint8_t tail[4] = {0};
    memcpy(tail, p, left);
    uint32_t w;
    memcpy(&w, tail, sizeof w);
    sum += w;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t out = (uint16_t)~sum;
    return out ? out : 0xffff;
}
