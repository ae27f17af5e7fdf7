/* v2_child: what its two files share: v2_child.c (initiator, installation, life) and v2_child_respond.c. */
#ifndef CONTROL_IKEV2_V2_CHILD_H
#define CONTROL_IKEV2_V2_CHILD_H

#include "control/ikev2/v2.h"

enum { V2_ESP_SPI_LEN = 4, V2_ESP_SPI_MIN = 256 /* RFC 4303 2.1: 0..255 are reserved */ };

void v2_spi_put(uint8_t out[V2_ESP_SPI_LEN], uint32_t spi);
uint32_t v2_spi_get(struct slice s); /* 0 when it has not four octets */
/* What a tunnel or flow may carry, as cfg_selectors has it. */
struct v2_policy {
    struct ts local, remote;
};
/* Looks the tunnel of the negotiation up in the running configuration: n->ipsec, and its selectors. CV_ENOENT. */
CV_MUST_USE cv_result v2_nego_policy(struct ike *e, struct v2_nego *n, struct v2_policy *policy);
/* Keys by n's nonces and the shared secret, both directions into the data plane. initiator: we started the exchange. n->spi_in is the
 * child's afterwards. */
CV_MUST_USE cv_result v2_nego_install(struct ike *e, struct ike_sa *sa, struct v2_nego *n, bool initiator,
                                      bool activate, const struct secret *shared, struct sam_child **child);
/* Tells log, counters and session; adopted children of the tunnel have done their duty. */
void v2_child_up(struct ike *e, struct ike_sa *sa, const struct v2_nego *n, struct sam_child *c, bool rekey);

#endif
