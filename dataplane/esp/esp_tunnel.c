#include "dataplane/esp/esp_tunnel.h"
#include "dataplane/dp_meta.h"
#include "dataplane/esp/esp_ah.h"
#include "dataplane/ip/ip_csum.h"

uint64_t esp_sum(const void *data, uint32_t len, uint64_t sum)
{
    return ip_sum(data, len, sum);
}

uint16_t esp_sum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Of 16-bit words: what the builder adds to has room for few carries only. */
static uint32_t sum_words(const void *data, uint32_t len)
{
    const uint8_t *p = data;
    uint32_t sum = 0;
    for (; len > 1; p += 2, len -= 2) {
        uint16_t w;
        memcpy(&w, p, sizeof w);
        sum += w;
    }
    return sum;
}

/* All SAs begin with the same sequence number. Those between the same ends would give their packets the same identifications, in
 * step, and pieces of packets of two of them would be joined (RFC 4963): each begins elsewhere. Neighbours of a table of SPIs come to stand
 * far apart (2^32 divided by the golden ratio), and an SA that is made again begins where it did. */
static uint32_t identification_of(uint32_t spi)
{
    return spi * UINT32_C(0x9e3779b1) >> 16;
}

void esp_template_make(struct esp_template *t, const struct esp_conf *conf, const struct ip_endpoint *remote,
                       const struct eng_session_info *info)
{
    const bool v4 = conf->local.addr.family == IP_V4, natt = conf->flags & CV_SA_NATT;
    const bool ah = conf->proto == CV_PROTO_AH;
    const uint8_t proto = natt ? ESP_PROTO_UDP : ah ? CV_PROTO_AH : ESP_PROTO_ESP;
    const size_t n = ip_addr_len(&conf->local.addr);
    memset(t, 0, sizeof *t);
    t->len = (uint8_t)((v4 ? ESP_V4_LEN : ESP_V6_LEN) + (natt ? ESP_UDP_LEN : 0));
    memcpy(t->addrs, conf->local.addr.b, n);
    memcpy(t->addrs + n, remote->addr.b, n);
    const uint8_t v4_word[4] = {ESP_OUTER_TTL, proto, 0, 0}, v6_word[4] = {0, 0, proto, ESP_OUTER_TTL};
    memcpy(&t->ttl_proto, v4 ? v4_word : v6_word, sizeof t->ttl_proto);
    if (v4) {
        t->sum = sum_words(&t->ttl_proto, sizeof t->ttl_proto) + sum_words(t->addrs, 8);
        t->v4.id = identification_of(conf->ref.spi);
    }
    t->udp_ports = rte_cpu_to_be_32((uint32_t)conf->local.port << 16 | remote->port);
    t->spi = rte_cpu_to_be_32(conf->ref.spi);
    t->meta = (struct esp_out_meta){.vrf = conf->vrf_outer,
                                    .family = conf->local.addr.family,
                                    .local_out = DP_LOCAL_ESP, /* the outer header is ours */
                                    .proto = proto,
                                    .l3_len = v4 ? ESP_V4_LEN : ESP_V6_LEN,
                                    .udp_encap = natt};
    t->head = ah ? esp_ah_len(info->icv_len, conf->local.addr.family) : (uint8_t)(ESP_HDR_LEN + info->iv_len);
    t->icv_len = ah ? 0 : info->icv_len; /* AH has it in its header */
    t->align_mask = ah ? 0 : (uint8_t)(info->block - 1);
    t->df_copied = conf->df == CV_DF_COPY ? ESP_V4_DF : 0;
    t->df_set = conf->df == CV_DF_SET ? ESP_V4_DF : 0;
    t->ecn_mask = conf->flags & CV_SA_ECN_DROP ? 0xfc : 0xff;
}

uint16_t esp_udp6_checksum(const uint8_t *ip6, uint32_t l3_len, uint32_t len)
{
    const uint32_t udp_len = len - l3_len;
    uint64_t sum = (uint64_t)rte_cpu_to_be_16((uint16_t)udp_len) + rte_cpu_to_be_16(ESP_PROTO_UDP);
    sum = esp_sum(ip6 + 8, 32, sum); /* the pseudo header's addresses, then the datagram */
    const uint16_t out = esp_sum_fold(esp_sum(ip6 + l3_len, udp_len, sum));
    return out ? out : 0xffff;
}
