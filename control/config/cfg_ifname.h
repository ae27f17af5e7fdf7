/* cfg_ifname: interface names and their abbreviations ("Gi0/1", "ethernet 0/0", "lo0") in canonical form.
 *
 * The public entry is cfg_interface_name of cfg.h. */
#ifndef CONTROL_CONFIG_CFG_IFNAME_H
#define CONTROL_CONFIG_CFG_IFNAME_H

#include "control/config/cfg.h"

/* The name of an interface of any kind that IOS has (Port-channel1.100, Vlan10, Serial0/0/0:0, Dialer1), as it was typed but for types
 * known here; what is no Loopback or Tunnel is a port. */
CV_MUST_USE bool cfg_ifname_any(const char *text, char out[CV_NAME_MAX], enum cv_if_kind *kind);
/* True when text is a (prefix of an) interface type alone, as in "interface Tunnel 1". */
CV_MUST_USE bool cfg_ifname_is_type(const char *text);

#endif
