/* v2_note: IKEv2's messages told to whoever looks (ike_env.h): `debug`, explain, traces of tests. Nothing is made when nobody
 * looks. A retransmission is told without its payloads: they are those of the first time. */
#ifndef CONTROL_IKEV2_V2_NOTE_H
#define CONTROL_IKEV2_V2_NOTE_H

#include "control/ikev2/v2.h"

/* A parsed message; sa NULL: before there is one, then `d` names the ends. out: sent, else received. */
void v2_note_message(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d,
                     const struct pld_message *m, bool out);
/* One that we send in clear: IKE_SA_INIT and its refusals. */
void v2_note_clear(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d, const uint8_t *data,
                   size_t len);
/* One that is about to be encrypted: header and inner payloads. */
void v2_note_plain(struct ike *e, const struct ike_sa *sa, const struct pld_header *h, uint8_t first,
                   struct slice plain);
/* One that goes out once more. */
void v2_note_again(struct ike *e, const struct ike_sa *sa, uint8_t exchange, bool response,
                   uint32_t message_id);

#endif
