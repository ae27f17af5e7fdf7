/* esp_ts: is a packet inside an SA's traffic selectors (RFC 4301 4.4.1.1, 5.2 step 4)?
 *
 * Pairs: local[i] goes with remote[i]. An inbound packet has its source in remote and its destination in
 * local, an outbound one the reverse. Of ICMP the sender's selector has type << 8 | code as its port, and the other side's says
 * what comes back (RFC 4301 4.4.1.3): OPAQUE there means none. A packet whose
 * ports cannot be seen (a later fragment, a protocol without ports) matches only "any port" and OPAQUE. */
#ifndef DATAPLANE_ESP_ESP_TS_H
#define DATAPLANE_ESP_ESP_TS_H

#include "dataplane/esp/esp_conf.h"

#include <stdbool.h>
#include <stdint.h>

enum { ESP_TS_ANY4 = 1, ESP_TS_ANY6 = 2 };

/* Addresses of IPv4, in host order, as the path compares them where nothing else decides: from lo on span more ones. */
struct esp_ts4 {
    uint32_t local_lo, local_span, remote_lo, remote_span;
};
/* Fills *out where conf has one pair of selectors, of IPv4, that names neither protocols nor ports; false: it has others. */
bool esp_ts_plain4(const struct esp_conf *conf, struct esp_ts4 *out);
/* As esp_ts_match then, for addresses of a packet in host order. */
static inline bool esp_ts4_match(const struct esp_ts4 *t, uint32_t local, uint32_t remote)
{
    return local - t->local_lo <= t->local_span && remote - t->remote_lo <= t->remote_span;
}

/* Does the SA take every packet that comes between these ends, source and destination of an IPv6 header as they stand there, whatever its protocol and ports? It
 * has no extension headers: a chain that runs over its end nobody takes. */
bool esp_ts_takes_ends6(const struct esp_conf *conf, const uint8_t ends[32]);

/* Families (ESP_TS_ANY4 | ESP_TS_ANY6) of which the SA takes every packet. */
uint8_t esp_ts_any(const struct esp_conf *conf);
/* pkt: len octets from the IP header on, whose fixed part and IPv4 header length the caller has checked. */
bool esp_ts_match(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len, enum cv_dir dir);
/* pkt came by the SA: as esp_ts_match, but what OPAQUE takes is held to a minimum offset, of fragments, and to show its ports, of others
 * (RFC 4301 7.2, RFC 1858, RFC 3128). */
bool esp_ts_takes(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len);
/* pkt came by the SA, and its own header is not inside: is it an ICMP error to who sent what it quotes, and would the answer to that be inside
 * (RFC 4301 6.2)? */
bool esp_ts_match_error(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len);
/* Could the datagram that pkt is a piece of be inside? Like esp_ts_match, but where the packet hides its ports (a later
 * fragment, or one that is cut short) or its protocol (a later fragment of IPv6 that begins with an extension header), any that
 * the selectors name are taken for its own (RFC 4301 7). */
bool esp_ts_may_match(const struct esp_conf *conf, const uint8_t *pkt, uint32_t len, enum cv_dir dir);

#endif
