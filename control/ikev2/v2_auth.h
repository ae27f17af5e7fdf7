/* v2_auth: what fsm and input need of IKE_AUTH beside v2.h. */
#ifndef CONTROL_IKEV2_V2_AUTH_H
#define CONTROL_IKEV2_V2_AUTH_H

#include "control/ikev2/v2.h"

v2_build_fn v2_auth_failed_build;       /* V2_TASK_AUTH_FAILED */
v2_response_fn v2_auth_failed_response; /* the peer knows: remove */
/* Responder: the peer did not get in. The SA stays a while without keys, to answer retransmissions of the request
 * with the same refusal; the reason is remembered at the tunnel that fits the addresses. */
void v2_auth_refused(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *text);
/* After the refusal is sent and cached: wipes the keys. */
void v2_auth_forget(struct ike *e, struct ike_sa *sa);
/* Frees what only the initial exchanges need. */
void v2_init_forget(struct v2_sa *v2);

#endif
