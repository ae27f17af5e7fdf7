/* eng_cryptodev_proto: SAs that a crypto device does all of ESP for (rte_security's look-aside protocol), packet by packet.
 *
 * Internal to the cryptodev engine. Going out the device gets the inner packet, numbers, pads, encrypts it and puts the headers in front
 * ("The software should make sure that the buffer has required head room and tail room", programmer's guide, Lookaside Protocol offload);
 * coming in it gets the packet from its outer header on and gives the inner one. Of packets that come back nothing is believed that can
 * be looked at: one that is no ESP packet of the SA, or no packet, is an error of the device.
 *
 * When the device fails, software goes on with SAs whose IVs cannot meet the device's: those coming in; those with a random IV (CBC) or
 * none; and those whose IVs were ours all along (RTE_SECURITY's iv_gen_disable). For the others (GCM, GMAC with the device's IVs) there is
 * no software (RFC 4106 3.1: an IV never serves twice with one key): their packets are dropped, and a new SA is asked for. Numbers are no
 * obstacle: the device has used as many as it was given packets, so all that culvert has counted are behind those.
 *
 * Drivers say RTE_CRYPTO_OP_STATUS_ERROR for a forged packet coming in as for an error of their own (dpaa_sec, caam_jr), so only errors of
 * packets going out count against the device: a peer could make it fail else. */
#ifndef DATAPLANE_ENGINE_ENG_CRYPTODEV_PROTO_H
#define DATAPLANE_ENGINE_ENG_CRYPTODEV_PROTO_H

#include "dataplane/engine/eng_cryptodev_op.h"

/* Outer headers of ESP as they stand in a packet. */
enum {
    CDEV_V4_LEN = 20,
    CDEV_V6_LEN = 40,
    CDEV_UDP_LEN = 8,
    CDEV_ESP_HDR = 8,
    CDEV_PROTO_UDP = 17,
    CDEV_PROTO_ESP = 50,
};

/* A session on the device for an SA: sets the fields of s that stand under look-aside protocol. Why not, an enum cv_engine_why: NONE when there is one.
 * s->kind, encrypt and the lengths are set. Manager. */
uint8_t cdev_proto_new(struct eng_session *s, const struct cv_sa *sa);
/* Does software stand in for it? Else its keys are to be nowhere but in the device. */
bool cdev_proto_softens(const struct eng_session *s);
/* The device may have made IVs for this SA before culvert-dp was started again: nobody knows which. */
bool cdev_proto_used_before(const struct cv_sa *sa);

/* What the device says of an authentic dummy (RFC 4303 2.6), an enum rte_crypto_op_status, and whether it says something else of a forged packet. Where
 * it does not, no SA coming in is done as a whole: the peer's dummies would count as forged. Of the manager's test at start. */
void cdev_proto_dummies(uint8_t status, bool told_apart);

/* Fills the operation from job->call; job->s is set. */
void cdev_proto_prepare(struct rte_crypto_op *op, struct cdev_job *job);

/* What to make of an operation that came back. */
enum cdev_verdict { CDEV_FINE, CDEV_FORGED, CDEV_ERROR, CDEV_EXPIRED };
/* Sets ok, drop, form, said of job->call, and done. EXPIRED: the device's hard limit. A dummy is ok, with CV_DROP_DUMMY: authentic, and to be dropped; so is what
 * comes in and is no IP packet, as the next header is gone. */
enum cdev_verdict cdev_proto_done(const struct rte_crypto_op *op, struct cdev_job *job);
/* Going out, and it never went to the device: ENG_BUILD, or dropped where there is no software. Sets done. */
void cdev_proto_undone(struct cdev_job *job);

#endif
