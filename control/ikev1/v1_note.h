/* v1_note: what a message holds, for `debug`, explain and traces of tests (struct ike_note). Costs nothing when nobody looks. */
#ifndef CONTROL_IKEV1_V1_NOTE_H
#define CONTROL_IKEV1_V1_NOTE_H

#include "control/ikev1/v1.h"

/* A decoded message. d: of a message without SA, else NULL. name: "MM1". initiator: its sender began the SA. */
void v1_note_message(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d, const char *name,
                     bool out, bool initiator, const struct pld1_message *m);
/* One of ours before it is encrypted: header first, the payloads in the clear. */
void v1_note_own(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d, const char *name,
                 const uint8_t *clear, size_t len);
/* A repetition, by its name alone. */
void v1_note_again(struct ike *e, const struct ike_sa *sa, const char *name, bool out, uint32_t message_id);

#endif
