/* pld1_body: one parser per IKEv1 payload type. Private to control/codec: pld1.c calls them with the payload's body.
 *
 * Each takes a reader over exactly one payload's body, puts views into *m, and returns NULL, or a short reason with m->fault
 * set. */
#ifndef CONTROL_CODEC_PLD1_BODY_H
#define CONTROL_CODEC_PLD1_BODY_H

#include "control/codec/pld1.h"

/* Notes the fault, returns the reason. */
const char *pld1_wrong(struct pld1_message *m, enum pld1_fault fault, const char *why);

const char *pld1_read_sa(struct buf_reader *r, struct pld1_message *m); /* pld1_sa.c, RFC 2408 3.4 to 3.6 */
/* Attributes of a transform, or of a RESPONDER-LIFETIME; pld1_attr.c, RFC 2408 3.3. */
const char *pld1_read_attributes(struct buf_reader *r, bool phase1, struct pld1_transform *t);
const char *pld1_read_id(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_cert(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_certreq(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_nonce(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_notify(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_delete(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_vendor(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_nat_d(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_nat_oa(struct buf_reader *r, struct pld1_message *m);
const char *pld1_read_fragment(struct buf_reader *r, struct pld1_message *m);
/* KE, HASH, SIG: data of min to max octets. */
const char *pld1_read_data(struct buf_reader *r, struct pld1_message *m, size_t min, size_t max,
                           struct slice *out);

#endif
