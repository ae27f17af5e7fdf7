/* eng_inline_dev: all calls of rte_security, of rte_flow for it, and of its events, that the inline engine makes.
 *
 * Internal to the inline engine, and as thin as it can be: what is asked for and when is decided by its callers, whose tests put a model
 * of a driver behind DPDK's own functions. Contract: "Security Library" in DPDK's programmer's guide, rte_security.h, rte_flow.h and
 * rte_ethdev.h of 22.11; where drivers do otherwise, it says so.
 *
 * Threads: manager; idev_metadata is any worker's, and events come on whatever thread the driver has. */
#ifndef DATAPLANE_ENGINE_ENG_INLINE_DEV_H
#define DATAPLANE_ENGINE_ENG_INLINE_DEV_H

#include "common/contract.h"
#include "common/result.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_flow;
struct rte_security_capability;
struct rte_security_session_conf;

/* What a driver says of an SA, or of itself. */
enum idev_event {
    IDEV_SOFT_BYTES,
    IDEV_SOFT_PACKETS,
    IDEV_HARD_BYTES,
    IDEV_HARD_PACKETS,
    IDEV_SEQ,   /* the sequence number is about to overflow */
    IDEV_UNFIT, /* the engine's own: packets of an inline protocol SA came that the NIC cannot take */
    IDEV_DEAD,  /* reset, removed, recovering: what was told it is gone. userdata: 0 */
    IDEV_EVENTS
};
struct idev_port;
/* Must not block; whichever thread. userdata: the session's, as the driver gave it: not to be believed. */
typedef void idev_event_fn(struct idev_port *p, enum idev_event event, uint64_t userdata);

struct idev_port {
    uint16_t id;
    void *ctx;                /* the driver's rte_security context */
    struct rte_mempool *pool; /* of sessions */
    bool bare;                /* wants the session itself in its rules, not struct rte_flow_action_security */
    uint8_t dead;             /* atomic: it has lost its sessions, for good */
    idev_event_fn *event;
    char name[CV_NAME_MAX]; /* of the driver */
};

/* Memory for so many sessions and calls for events. CV_EUNSUP: no rte_security there; CV_ENOMEM; CV_EIO: events refused. p must not move
 * until idev_close. */
CV_MUST_USE cv_result idev_open(struct idev_port *p, uint16_t id, unsigned sessions, idev_event_fn *event);
void idev_stop(struct idev_port *p);  /* the port: nothing is sent or received by it any more */
void idev_close(struct idev_port *p); /* no sessions left */

/* Ended by an entry of RTE_SECURITY_ACTION_TYPE_NONE; NULL: none. */
const struct rte_security_capability *idev_caps(const struct idev_port *p);

/* NULL: refused, for want of room or whatever it is. What conf points to must live until the session's rule is there: drivers read the
 * key then (ixgbe, txgbe). */
void *idev_session_new(struct idev_port *p, struct rte_security_session_conf *conf);
/* With no rule left, and nothing under way that names it. False: the driver keeps it. */
CV_MUST_USE bool idev_session_free(struct idev_port *p, void *session);

/* The rule that leads an SA's packets to its session: outer destination, UDP port with NAT traversal, SPI. NULL: refused. */
struct rte_flow *idev_rule_new(struct idev_port *p, const struct cv_sa *sa, void *session);
/* NULL is no rule. False: the driver keeps it, and its session must stay. */
CV_MUST_USE bool idev_rule_free(struct idev_port *p, struct rte_flow *rule);

/* What the driver needs with a packet of the session before it is transmitted (RTE_SECURITY_TX_OLOAD_NEED_MDATA); seq: the packet's
 * 64-bit sequence number with ESN (iavf reads it), else NULL. False: it must not be sent this way. */
CV_MUST_USE bool idev_metadata(struct idev_port *p, void *session, struct rte_mbuf *m, uint64_t *seq);
/* What was given as userdata with the session that worked on a received packet of an inline protocol SA; 0: the driver does not say. */
uint64_t idev_userdata(struct rte_mbuf *m);

bool idev_link_up(const struct idev_port *p);
static inline bool idev_runs(const struct idev_port *p)
{
    return !__atomic_load_n(&p->dead, __ATOMIC_RELAXED);
}

#endif
