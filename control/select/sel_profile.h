/* sel_profile: the rule that decides between IKEv2 profiles of equal specificity. */
#ifndef CONTROL_SELECT_SEL_PROFILE_H
#define CONTROL_SELECT_SEL_PROFILE_H

#include "control/select/sel.h"

/* PF-8, G4: of two profiles that match equally well, the one that is chosen: the last configured. `earlier` stands before
 * `later` in the configuration. A router that takes the first one differs in this function only. */
const struct cfg_ikev2_profile *sel_profile_tie(const struct cfg_ikev2_profile *earlier,
                                                const struct cfg_ikev2_profile *later);

#endif
