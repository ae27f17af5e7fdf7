/* sel_tunnel: which tunnel interface a peer's child SA belongs to (PF-9). The entry is sel_tunnel in sel.h. */
#ifndef CONTROL_SELECT_SEL_TUNNEL_H
#define CONTROL_SELECT_SEL_TUNNEL_H

#include "control/select/sel.h"

/* Of two tunnels that fit equally well: the first configured. */
const struct cfg_interface *sel_tunnel_tie(const struct cfg_interface *earlier,
                                           const struct cfg_interface *later);

#endif
