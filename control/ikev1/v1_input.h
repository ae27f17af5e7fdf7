/* v1_input: from a datagram to its handler: header, SA by cookies, duplicates, fragments, decryption, payloads, rules, then the table. */
#ifndef CONTROL_IKEV1_V1_INPUT_H
#define CONTROL_IKEV1_V1_INPUT_H

#include "control/ikev1/v1.h"

/* ops.datagram */
void v1_datagram(struct ike *e, const struct ike_datagram *d, uint8_t *data, size_t len);
/* ops.pki_changed, and when it has waited long enough: handles what is parked. */
void v1_parked_again(struct ike *e, struct ike_sa *sa);

#endif
