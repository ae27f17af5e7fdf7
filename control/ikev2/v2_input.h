/* v2_input: from a datagram to its handler: SA, message ID, integrity, payloads, in this order. */
#ifndef CONTROL_IKEV2_V2_INPUT_H
#define CONTROL_IKEV2_V2_INPUT_H

#include "control/ikev2/v2.h"

/* ops.datagram */
void v2_datagram(struct ike *e, const struct ike_datagram *d, uint8_t *data, size_t len);
/* ops.pki_changed, and when it has waited long enough: handles what is parked. */
void v2_parked_again(struct ike *e, struct ike_sa *sa);

#endif
