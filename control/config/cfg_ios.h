/* cfg_ios: what makes parsing tolerant of whole router configurations (struct cfg_parse_options.ios): what is passed over, and the list of it.
 *
 * Also the bodies that are no commands: banners, and certificates in hexadecimal, which stand in any configuration. */
#ifndef CONTROL_CONFIG_CFG_IOS_H
#define CONTROL_CONFIG_CFG_IOS_H

#include "control/config/cfg_parser.h"

/* A line of n octets before it is read as a command: true when it is part of a body (or opens a banner) and nothing is left to do. */
CV_MUST_USE bool cfg_ios_body(struct cfg_parser *p, const char *text, size_t n);
/* The file has ended: a body must not be open. */
void cfg_ios_end(struct cfg_parser *p);

/* Passes over the line, and what is indented under it. */
void cfg_ios_skip(struct cfg_parser *p, const struct cfg_line *line);
/* A line that is indented under one that was passed over: counted with it. */
CV_MUST_USE bool cfg_ios_under_skipped(struct cfg_parser *p, const struct cfg_line *line);
/* Whether a line that could not be read concerns what culvert does (crypto, tunnels), so that passing it over is worth a warning. */
bool cfg_ios_concerns(const struct cfg_parser *p, const struct cfg_line *line, enum cfg_mode mode);
/* Whether an entry of a crypto map names the access list: others are none of our concern. */
bool cfg_ios_wants_acl(const struct cfg_parser *p, const char *name);

#endif
