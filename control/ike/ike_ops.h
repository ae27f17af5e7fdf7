/* ike_ops: what an IKE version gives to the engine. */
#ifndef CONTROL_IKE_IKE_OPS_H
#define CONTROL_IKE_IKE_OPS_H

#include "control/ike/ike.h"

struct ike_sa;
struct sam_child;
struct ike_session;

struct ike_version_ops {
    unsigned version; /* major number in the IKE header: 1 or 2 */
    /* A datagram whose header has this major version and a plausible length; data is a private, writable copy. */
    void (*datagram)(struct ike *e, const struct ike_datagram *d, uint8_t *data, size_t len);
    /* Start an IKE SA and one child for the session's tunnel. */
    cv_result (*initiate)(struct ike *e, struct ike_session *s, const struct cv_acquire *packet);
    /* A further child on an established SA. */
    cv_result (*initiate_child)(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                                const struct cv_acquire *packet);
    cv_result (*rekey_child)(struct ike *e, struct ike_sa *sa, struct sam_child *c);
    cv_result (*rekey_sa)(struct ike *e, struct ike_sa *sa);
    cv_result (*delete_child)(struct ike *e, struct ike_sa *sa, struct sam_child *c);
    void (*delete_sa)(struct ike *e, struct ike_sa *sa,
                      enum ike_reason why); /* with a message to the peer where possible */
    /* ESP with an SPI that nobody has came from the peer: tells him so on his IKE SA. */
    void (*invalid_spi)(struct ike *e, struct ike_sa *sa, uint32_t spi, bool ah);
    /* A packet of the child was outside its selectors; quoted: its first octets, 64 at most. NULL: the version has no word for that. */
    void (*invalid_selectors)(struct ike *e, struct ike_sa *sa, const struct sam_child *c,
                              struct slice quoted);
    void (*first_packet)(struct ike *e, struct ike_sa *sa, struct sam_child *c);
    /* The data plane has another number of workers. NULL: that is nothing to this version. */
    void (*workers)(struct ike *e, struct ike_sa *sa);
    void (*nat_change)(struct ike *e, struct ike_sa *sa, struct sam_child *c,
                       const struct ip_endpoint *remote);
    void (*timer)(struct ike *e, struct ike_sa *sa); /* sa->timer_at has come */
    /* What sa->waits for may be known now: look at the message again. NULL: the version never waits. */
    void (*pki_changed)(struct ike *e, struct ike_sa *sa);
    /* e->cfg is a new configuration and the SA stays: look up again whatever points into the old one. */
    void (*reconfigured)(struct ike *e, struct ike_sa *sa);
    /* What a view shows of the version's own part. */
    void (*view)(const struct ike_sa *sa, struct ike_sa_view *out);
    void (*sa_free)(struct ike_sa *sa); /* wipes and frees sa->v, the version's own part */
};

#endif
