/* cfg_ifname: interface names and their abbreviations ("Gi0/1", "ethernet 0/0", "lo0") in canonical form.
 *
 * The public entry is cfg_interface_name of cfg.h. */
#ifndef CONTROL_CONFIG_CFG_IFNAME_H
#define CONTROL_CONFIG_CFG_IFNAME_H

#include "control/config/cfg.h"

/* True when text is a (prefix of an) interface type alone, as in "interface Tunnel 1". */
CV_MUST_USE bool cfg_ifname_is_type(const char *text);

#endif
