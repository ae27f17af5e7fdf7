/* v2_exchange: what the other files here need of it beyond v2.h: requests in flight, the response cache, time. */
#ifndef CONTROL_IKEV2_V2_EXCHANGE_H
#define CONTROL_IKEV2_V2_EXCHANGE_H

#include "control/ikev2/v2.h"

/* The request in flight with this message ID, NULL. */
struct v2_task *v2_flight_find(struct ike_sa *sa, uint32_t message_id);
/* Puts a task whose wire is made in flight; sends it. Again for a task that is in flight: sends the new wire, waits anew. */
void v2_flight_send(struct ike *e, struct ike_sa *sa, struct v2_task *t);
/* Takes it out of flight; the caller frees it. */
void v2_flight_drop(struct ike_sa *sa, struct v2_task *t);
void v2_tasks_free(struct ike *e, struct v2_task **list);
/* How many requests may be in flight now (RFC 7296 2.3). */
unsigned v2_window(const struct ike *e, const struct ike_sa *sa);

/* Answered before? NULL: no. */
struct v2_cached *v2_cached_find(struct ike_sa *sa, uint32_t message_id);
/* Remembers the response (takes over wire; an empty one says that it was answered with silence) and moves the window. */
void v2_cached_put(struct ike_sa *sa, uint32_t message_id, const uint8_t hash[32], struct v2_wire *wire);

void v2_reply_begin(struct v2_reply *r, uint8_t *storage, size_t cap);
/* ops.timer */
void v2_timer(struct ike *e, struct ike_sa *sa);

#endif
