/* v1_aggr: Aggressive Mode (RFC 2409 5.4), where the configuration asks for it; its handlers stand in v1.h. */
#ifndef CONTROL_IKEV1_V1_AGGR_H
#define CONTROL_IKEV1_V1_AGGR_H

#include "control/ikev1/v1.h"

/* Sends AM1. peer: the `crypto isakmp peer` block, NULL none. CV_ENOENT: no policy to offer. */
CV_MUST_USE cv_result v1_aggr_start(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_peer *peer);
/* Whether the configuration can need Aggressive Mode from a peer: a key by host name, a profile with `initiate mode aggressive`, or a peer block
 * with aggressive-mode; never with `crypto isakmp aggressive-mode disable`. AM2 lets who asks try passwords at home. */
CV_MUST_USE bool v1_aggr_served(const struct cfg *c);
/* Whether it is meant for this key: one by host name, or asked for by the profile that the peer's identity selects, or by a peer block of its address.
 * A key by address whose peers come by Main Mode is nothing to guess at because others' are. key: NULL none. */
CV_MUST_USE bool v1_aggr_served_with(const struct cfg *c, const struct sel_v1_path *path,
                                     const struct cfg_isakmp_profile *profile,
                                     const struct cfg_isakmp_key *key);

#endif
