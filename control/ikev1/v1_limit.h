/* v1_limit: how many IKE SAs an authenticated peer may have at a time. */
#ifndef CONTROL_IKEV1_V1_LIMIT_H
#define CONTROL_IKEV1_V1_LIMIT_H

#include "control/ikev1/v1.h"

/* After sa is established as responder: over V1_PEER_SAS_MAX of its identity, or V1_ADDRESS_SAS_MAX of its address, the eldest that the peer began and that has
 * no children is deleted. Those with children are bounded by what the policy lets them have. */
void v1_bound_peer(struct ike *e, struct ike_sa *sa);

#endif
