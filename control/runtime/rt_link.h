/* rt_link: culvertd's end of the shared memory: commands with sequence numbers and their replies, events, IKE
 * datagrams both ways, counters.
 *
 * One thread, that of the event base. Commands go out in order; what the ring cannot take waits in memory and
 * is wiped once it has been put. Doorbells follow ring.h: the asleep word stands while the loop is elsewhere. */
#ifndef CONTROL_RUNTIME_RT_LINK_H
#define CONTROL_RUNTIME_RT_LINK_H

#include "common/contract.h"
#include "common/ring.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct rt_link;

/* Upcalls, from within the event loop. They may use the link, but must not free it. */
struct rt_link_up {
    void *ctx;
    void (*event)(void *ctx, const struct cv_evt *e);        /* events, and replies nobody waits for */
    void (*datagram)(void *ctx, const struct cv_ike_pkt *p); /* a received IKE datagram */
    void (*batch_done)(void *ctx);                           /* after some of the above; NULL allowed */
    void (*lost)(void *ctx);                                 /* the data plane hung up; detached already */
};
/* reply is NULL when the data plane went away before it answered. */
typedef void rt_reply_fn(void *ctx, const struct cv_evt *reply);

CV_MUST_USE cv_result rt_link_new(struct event_base *base, const struct rt_link_up *up, struct rt_link **out);
void rt_link_free(struct rt_link *l);

/* Takes the connection that shm_connect or shm_take made, with ownership of memory and descriptors. */
CV_MUST_USE cv_result rt_link_attach(struct rt_link *l, struct shm *s, int conn_fd);
/* Closes it; waiting replies are called with NULL, queued commands are wiped. No `lost` upcall. */
void rt_link_detach(struct rt_link *l);
/* NULL while detached. For statistics: read only. */
const struct shm *rt_link_shm(const struct rt_link *l);

/* Queues a copy of cmd with a new sequence number (*seq may be NULL). With fn the reply goes there, else to
 * up->event. CV_EAGAIN while detached, CV_ENOSPC when too many wait, CV_ENOMEM. */
enum { RT_LINK_QUEUE_MAX = 65536 };
CV_MUST_USE cv_result rt_link_command(struct rt_link *l, const struct cv_cmd *cmd, rt_reply_fn *fn, void *ctx,
                                      uint32_t *seq);
/* Hands an IKE datagram to the data plane; false when it was lost (ring full, detached), as on any wire. */
bool rt_link_send(struct rt_link *l, const struct cv_ike_pkt *p);
/* Counters of an SA now; *idle_ms since its last good packet, UINT64_MAX when there was none. CV_EAGAIN while
 * detached, CV_EINVAL for a slot outside of the table. */
CV_MUST_USE cv_result rt_link_counters(const struct rt_link *l, const struct cv_sa_ref *ref,
                                       struct cv_sa_counters *out, uint64_t *idle_ms);

#endif
