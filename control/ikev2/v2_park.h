/* v2_park: a message of IKE_AUTH that is put aside while control/pki asks the network about a certificate. One per SA, bounded, freed with it.
 *
 * The peer has proved itself, so that nobody else can make us keep something; the handler has changed nothing, and handles the message again when
 * there is news (ike_pki_changed), when the peer repeats itself, and for the last time after IKE_CERT_WAIT_MS. */
#ifndef CONTROL_IKEV2_V2_PARK_H
#define CONTROL_IKEV2_V2_PARK_H

#include "control/ike/ike_cert.h"
#include "control/ikev2/v2.h"

/* An authenticated message, as v2_input has it. */
struct v2_arrived {
    const struct ike_datagram *d;
    const struct pld_header *header;
    struct slice plain;
    uint8_t first;
    uint16_t fragments;
    const uint8_t *hash; /* 32 octets */
};
/* Keeps a copy; the time limit is that of the first one. False: no memory, or too long. */
CV_MUST_USE bool v2_park(struct ike *e, struct ike_sa *sa, const struct v2_arrived *a);
/* It has waited long enough: what is not known now counts as not known. */
bool v2_park_over(const struct ike *e, const struct ike_sa *sa);
/* The same message again, too soon to look at it again. */
bool v2_park_holds(const struct ike *e, const struct ike_sa *sa, const uint8_t hash[32]);
/* Takes it out; plain is the caller's to wipe and free. The time limit stays. */
struct v2_parked v2_park_take(struct ike_sa *sa);
void v2_park_drop(struct ike_sa *sa);

#endif
