/* cfg_policy: the crypto maps of an interface, that of IPv4 and that of IPv6, as the ordered rows that the data plane matches packets against.
 *
 * The reading of the map: entries by sequence number, in each the lines of its access list by theirs. The first permit line that takes a
 * packet protects it. A deny line sends it on to the next entry (`crypto ipsec ipv4-deny jump`, the default), lets it pass in clear
 * (`clear`), or drops it (`drop`): of IPv6, where IOS has no such command, it always sends it on; what reaches the end of a list goes on to the next entry, and behind the last one in clear. A flat list
 * cannot say "go on", so the rows behind a deny line are those of the later entries, cut to what it matches, then a bypass for the rest. */
#ifndef CONTROL_CONFIG_CFG_POLICY_H
#define CONTROL_CONFIG_CFG_POLICY_H

#include "control/config/cfg_model.h"

struct cfg_policy_row {
    enum cv_policy_action action;
    const struct cfg_interface
        *flow;               /* CV_IF_FLOW: PROTECT, PROTECT_IF, PROTECT_ONLY; NULL: BYPASS, DISCARD */
    struct ts local, remote; /* of packets going out: source and destination */
};

/* The rows for the crypto maps of `port`, the first that matches decides; none matches: in clear. A permit line is CV_POLICY_PROTECT, that of a
 * dynamic entry CV_POLICY_PROTECT_ONLY, a dynamic entry without a list CV_POLICY_PROTECT_IF of everything. A port without a map, or that is
 * shut down, has no rows. On CV_OK *rows (free it; NULL when there is none) holds *count. CV_ENOSPC: more than CV_POLICY_ROWS_MAX, which
 * cfg_parse has refused before; CV_ENOMEM. Pure; *rows points into c. */
CV_MUST_USE cv_result cfg_policy_rows(const struct cfg *c, const struct cfg_interface *port,
                                      struct cfg_policy_row **rows, unsigned *count);

#endif
