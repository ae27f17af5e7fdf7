/* esp_ah: AH (RFC 4302) with HMACs (RFC 2404, RFC 4868), tunnel and transport mode, IPv4 and IPv6: what is AH's own of an SA. Window,
 * lifetimes, selectors, counters and the order of a burst are those of ESP, and so are the SAs' structs.
 *
 * The ICV goes over the whole packet as it will be read at the other end, so the engine's session is that of ESP with NULL
 * encryption, its "ESP header" the IP header. For the time of the computation the packet's headers are muted: what routers may change,
 * and the ICV itself, is zero (RFC 4302 3.3.3.1); the ICV stands behind the packet, where the engine writes and compares it, with the
 * high half of the sequence number behind the data (3.3.3.2.2). The headers as they were are kept in the worker's scratch.
 *
 * Internal to esp; threads as in esp.h. */
#ifndef DATAPLANE_ESP_ESP_AH_H
#define DATAPLANE_ESP_ESP_AH_H

#include "dataplane/esp/esp_in.h"
#include "dataplane/esp/esp_out.h"

enum {
    ESP_PROTO_AH = 51,
    ESP_AH_FIXED = 12, /* octets in front of the ICV */
    ESP_AH_LEN_AT = 1, /* the header's length in words of 4 octets, minus 2 (RFC 4302 2.2) */
    ESP_AH_SPI_AT = 4,
    ESP_AH_SEQ_AT = 8,
};

/* Octets of the AH header: whole words of 4 octets in IPv4, of 8 in IPv6 (RFC 4302 2.6). */
static inline uint8_t esp_ah_len(uint8_t icv_len, uint8_t family)
{
    const unsigned unit = family == IP_V4 ? 4 : 8;
    return (uint8_t)((ESP_AH_FIXED + (unsigned)icv_len + unit - 1) & ~(unit - 1));
}

/* Zeroes what may change on the way of the l3_len octets of IP header and options, or IPv6 header and extension headers, that
 * stand in front of AH (RFC 4302 3.3.3.1.1, 3.3.3.1.2, appendix A): the fields; options that are not known not to change, in IPv4
 * as a whole, in IPv6 the data of those whose type says so. What is left over of a route (source route options, a routing
 * header) must be nothing: the packet is at its destination, or will never leave from here with a way to go. l3_len is at
 * least that of the fixed header. False: options or headers that run over, a fragment header, or a route not at its end. */
bool esp_ah_mute(uint8_t *ip, uint32_t l3_len, uint8_t family);

/* Inbound, before the engine: everything that can be known without cryptography. Fills op and *seq, and keeps the headers in
 * `kept`; the packet is muted then. An atomic fragment header is taken out first: AH comes after reassembly (3.4.1). */
enum cv_drop esp_ah_check(const struct esp_in_sa *sa, struct rte_mbuf *m, struct eng_op *op, uint64_t *seq,
                          struct esp_kept *kept);
/* Inbound, after it, of an authentic packet: data at the inner IP header, or in transport mode at the packet's own. */
enum cv_drop esp_ah_decap(const struct esp_in_sa *sa, struct rte_mbuf *m, const struct eng_op *op,
                          const struct esp_kept *kept);

/* The builder of an outbound SA, and what follows the engine: headers as they were, the ICV in its place. */
esp_out_build_fn esp_ah_build;
void esp_ah_finish(const struct esp_out_part *part, struct esp_scratch *s);

#endif
