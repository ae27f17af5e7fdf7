/* cfg_ace: one line of an extended access list, or of one of IPv6, to a pair of selectors and back.
 *
 * {permit|deny} PROTOCOL SOURCE [PORT] DESTINATION [PORT] [log]: PROTOCOL is a name or 1-255, `ip` any; an address is `any`, `host A` or
 * A WILDCARD; a port is eq, lt, gt P or range P P, by number or name, of tcp, udp or sctp; of icmp TYPE [CODE] or a name may stand behind the
 * destination, and is the port of both selectors (RFC 4301 4.4.1.1). In a list of IPv6 `ipv6` is any protocol, `icmp` is 58, an address is `any`,
 * `host X:X::X` or X:X::X/N, and `sequence N` may close the line. What a pair of selectors cannot say (holes in a wildcard, neq, flags of TCP, options) is refused with what to write instead. */
#ifndef CONTROL_CONFIG_CFG_ACE_H
#define CONTROL_CONFIG_CFG_ACE_H

#include "control/config/cfg_parser.h"

enum { CFG_ACE_SEQ_MAX = 2147483647 };
/* From token `first` (permit or deny) of the line on. False: the error is noted. seq: that at the end of the line; 0: none. */
CV_MUST_USE bool cfg_ace_take(struct cfg_parser *p, const struct cfg_line *line, unsigned first, bool ipv6,
                              struct cfg_ace *out);

enum { CFG_ACE_TEXT_MAX = 192 };
/* "permit ip 10.0.0.0 0.255.255.255 any"; returns out (CFG_ACE_TEXT_MAX). */
const char *cfg_ace_text(const struct cfg_ace *a, char *out);

#endif
