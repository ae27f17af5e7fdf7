/* pld_body: one parser per payload type. Private to control/codec: pld.c calls them with the payload's body.
 *
 * Each takes a reader over exactly one payload's body (after the generic header), puts views into *m, and returns
 * NULL, or a short reason why the payload is refused. A payload that may stand once is not parsed twice: the caller
 * has checked. */
#ifndef CONTROL_CODEC_PLD_BODY_H
#define CONTROL_CODEC_PLD_BODY_H

#include "control/codec/pld.h"

const char *pld_read_sa(struct buf_reader *r, struct pld_sa *out); /* pld_sa.c, RFC 7296 3.3 */
const char *pld_read_ke(struct buf_reader *r, struct pld_message *m);
const char *pld_read_id(struct buf_reader *r, struct pld_id *out);
const char *pld_read_cert(struct buf_reader *r, struct pld_message *m);
const char *pld_read_certreq(struct buf_reader *r, struct pld_message *m);
const char *pld_read_auth(struct buf_reader *r, struct pld_message *m);
const char *pld_read_nonce(struct buf_reader *r, struct pld_message *m);
const char *pld_read_notify(struct buf_reader *r, struct pld_message *m);
const char *pld_read_delete(struct buf_reader *r, struct pld_message *m);
const char *pld_read_vendor(struct buf_reader *r, struct pld_message *m);
const char *pld_read_ts(struct buf_reader *r, struct pld_ts_list *out);
const char *pld_read_cp(struct buf_reader *r, struct pld_message *m);
const char *pld_read_eap(struct buf_reader *r, struct pld_message *m);

#endif
