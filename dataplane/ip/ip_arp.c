#include "dataplane/ip/ip_arp.h"

#include <rte_arp.h>
#include <rte_ether.h>
#include <string.h>

static_assert(sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr) == IP_ARP_FRAME, "RFC 826");

bool ip_arp_read(const struct rte_mbuf *m, struct ip_arp *out)
{
    struct rte_arp_hdr h;
    if (m->data_len < IP_ARP_FRAME)
        return false;
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    memcpy(&h, frame + sizeof(struct rte_ether_hdr), sizeof h);
    uint16_t op = rte_be_to_cpu_16(h.arp_opcode);
    if (h.arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
        h.arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) || h.arp_hlen != 6 || h.arp_plen != 4 ||
        (op != RTE_ARP_OP_REQUEST && op != RTE_ARP_OP_REPLY))
        return false;
    out->request = op == RTE_ARP_OP_REQUEST;
    memcpy(out->sender_mac, &h.arp_data.arp_sha, 6);
    memcpy(out->target_mac, &h.arp_data.arp_tha, 6);
    out->sender = ip_addr_v4((const uint8_t *)&h.arp_data.arp_sip);
    out->target = ip_addr_v4((const uint8_t *)&h.arp_data.arp_tip);
    return memcmp(out->sender_mac, frame + 6, 6) == 0;
}

static bool frame_write(struct rte_mbuf *m, uint16_t op, const uint8_t *own_mac, const struct ip_addr *own,
                        const uint8_t *to_mac, const struct ip_addr *to)
{
    struct rte_arp_hdr h = {
        .arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER),
        .arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4),
        .arp_hlen = 6,
        .arp_plen = 4,
        .arp_opcode = rte_cpu_to_be_16(op),
    };
    uint8_t *frame = (uint8_t *)rte_pktmbuf_append(m, IP_ARP_FRAME);
    if (!frame)
        return false;
    memset(frame, 0xff, 6);
    if (to_mac) {
        memcpy(frame, to_mac, 6);
        memcpy(&h.arp_data.arp_tha, to_mac, 6);
    }
    memcpy(frame + 6, own_mac, 6);
    frame[12] = RTE_ETHER_TYPE_ARP >> 8;
    frame[13] = RTE_ETHER_TYPE_ARP & 0xff;
    memcpy(&h.arp_data.arp_sha, own_mac, 6);
    memcpy(&h.arp_data.arp_sip, own->b, 4);
    memcpy(&h.arp_data.arp_tip, to->b, 4);
    memcpy(frame + sizeof(struct rte_ether_hdr), &h, sizeof h);
    return true;
}

bool ip_arp_ask(struct rte_mbuf *m, const uint8_t own_mac[6], const struct ip_addr *own,
                const struct ip_addr *target, const uint8_t *mac)
{
    return frame_write(m, RTE_ARP_OP_REQUEST, own_mac, own, mac, target);
}

bool ip_arp_answer(struct rte_mbuf *m, const uint8_t own_mac[6], const struct ip_arp *a)
{
    return frame_write(m, RTE_ARP_OP_REPLY, own_mac, &a->target, a->sender_mac, &a->sender);
}
