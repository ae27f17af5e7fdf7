/* v2_init: what the input side needs of IKE_SA_INIT beside v2.h. */
#ifndef CONTROL_IKEV2_V2_INIT_H
#define CONTROL_IKEV2_V2_INIT_H

#include "control/ikev2/v2.h"

/* An unprotected answer to an IKE_SA_INIT request that carries one notify; nothing is remembered. Rate limited. */
void v2_init_refuse(struct ike *e, const struct ike_datagram *d, const struct pld_message *m, uint16_t notify,
                    struct slice data);
/* Responder, when IKE_AUTH arrives: the one Diffie-Hellman computation of a half-open SA. False: the SA is removed. */
CV_MUST_USE bool v2_init_keys(struct ike *e, struct ike_sa *sa);

#endif
