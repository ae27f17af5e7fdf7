/* sel_keyring: the rule that decides between peer blocks of equal specificity in one keyring. */
#ifndef CONTROL_SELECT_SEL_KEYRING_H
#define CONTROL_SELECT_SEL_KEYRING_H

#include "control/select/sel.h"

/* KR-6 carried over to IKEv2: of equals, the first configured. `earlier` stands before `later`. */
const struct cfg_ikev2_peer *sel_keyring_tie(const struct cfg_ikev2_peer *earlier,
                                             const struct cfg_ikev2_peer *later);

#endif
