/* v2_resource: child SAs for single workers of the data plane (RFC 9611) beside the first one, which is for all of them: who may have one, and
 * who asks for the next. Only the end that asked for the first child asks for its siblings, one at a time. What the peer says
 * against one ends the attempt for a minute, for longer each time (an hour at most); the tunnel is up without them. */
#ifndef CONTROL_IKEV2_V2_RESOURCE_H
#define CONTROL_IKEV2_V2_RESOURCE_H

#include "control/ikev2/v2.h"

/* Initiator: n->worker (preset), n->rekeys -> whether SA_RESOURCE_INFO goes with the offer. n->ipsec is set. */
void v2_resource_prepare(struct ike *e, struct v2_nego *n);
/* SA_RESOURCE_INFO of a negotiation that has it: empty for the first child, else the worker's number (RFC 9611 5.1: for debugging only). */
void v2_resource_put(const struct v2_nego *n, struct pld_builder *b);
/* Initiator: what the answer says of it. */
void v2_resource_take(struct ike *e, struct v2_nego *n, const struct pld_message *m);
/* Responder: n->worker and n->grouped for a request whose selectors are chosen. False: as many as we have workers for are there (TS_MAX_QUEUE). */
bool v2_resource_respond(struct ike *e, const struct ike_sa *sa, struct v2_nego *n,
                         const struct pld_message *m, const struct sam_child *rekeys);
/* A child was made by n: it keeps what it belongs to. */
void v2_resource_made(struct ike *e, struct ike_sa *sa, const struct v2_nego *n, bool initiator,
                      struct sam_child *c);
/* The answer to a request for a worker's child. */
void v2_resource_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m);
/* The timer: what the peer asked for long enough ago sends from now on; the next one that is wanting, if any, is asked for. */
/* ops.workers: there may be workers now who have none. Asked for anew, whatever was refused while there were fewer. */
void v2_resource_again(struct ike *e, struct ike_sa *sa);
void v2_resource_due(struct ike *e, struct ike_sa *sa);
/* A child of one worker is gone against our will. */
void v2_resource_lost(struct ike *e, struct ike_sa *sa);
/* The peer deletes c. When it is the one for all, and ours to ask for, and others of its group stay, another one is asked for after a while:
 * while workers send on their own, no packet asks. */
void v2_resource_deleted(struct ike *e, struct ike_sa *sa, const struct sam_child *c);
/* `to` replaces `from` (RFC 7296 2.18) and has its children. */
void v2_resource_move(struct ike *e, struct ike_sa *from, struct ike_sa *to);

#endif
