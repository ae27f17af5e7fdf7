/* eng_inline_sa: an SA as rte_security knows it: does one of a device's capabilities cover it, and what is its session told?
 *
 * Internal to the inline engine and, for look-aside protocol, to the cryptodev engine. Pure: no calls of DPDK, nothing kept. */
#ifndef DATAPLANE_ENGINE_ENG_INLINE_SA_H
#define DATAPLANE_ENGINE_ENG_INLINE_SA_H

#include "dataplane/engine/eng_cryptodev_op.h"

#include <rte_security.h>

enum { INLINE_KEY_ROOM = 32 + CV_SALT_MAX };

/* The session's configuration and what it points to; wiped by whoever made it. */
struct inline_conf {
    struct rte_security_session_conf session;
    struct cdev_xforms xforms;
    uint8_t key[INLINE_KEY_ROOM]; /* the salt behind the key: ixgbe and txgbe read it there */
};

/* The first of caps that covers the SA with this action; NULL: none, and *why says what was missing in the one that came
 * closest. What is demanded:
 *   both     protocol ESP, mode, direction, algorithms with their lengths, ESN, UDP encapsulation; the driver leaves the trailer to us. No
 *            UDP over IPv6 going out: the checksum (RFC 8200 8.1) is over what the NIC has yet to encrypt
 *   crypto   no ESN coming in: nobody says who tells the NIC of the number's next high half
 *   protocol tunnel mode; the replay window; DSCP, DF and ECN outside as culvert has them (RFC 6040 4); no TFC padding, no dummies, which
 *            are built in software
 *   look-aside protocol: as protocol, but the outer header is culvert's in the end, UDP checksum and all; an SA coming in that was used
 *            before may go on, as culvert's window does, unless it is in a later cycle of its 32 bits, which the device cannot know */
const struct rte_security_capability *inline_cap_find(const struct rte_security_capability *caps,
                                                      enum rte_security_session_action_type action,
                                                      const struct cv_sa *sa, uint8_t *why);

/* out->xforms points into sa and out. userdata comes back with events, and with packets of inline protocol. */
void inline_conf_make(struct inline_conf *out, const struct cv_sa *sa,
                      enum rte_security_session_action_type action, uint64_t userdata);

#endif
