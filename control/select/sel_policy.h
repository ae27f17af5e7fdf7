/* sel_policy: the rule that decides between IKEv2 policies that fit equally well. */
#ifndef CONTROL_SELECT_SEL_POLICY_H
#define CONTROL_SELECT_SEL_POLICY_H

#include "control/select/sel.h"

/* The first configured, as IOS has it. `earlier` stands before `later`. */
const struct cfg_ikev2_policy *sel_policy_tie(const struct cfg_ikev2_policy *earlier,
                                              const struct cfg_ikev2_policy *later);

#endif
