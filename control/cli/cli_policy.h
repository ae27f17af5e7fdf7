/* cli_policy: what an IPsec profile or a crypto map's entry says, and lines of access lists, as IOS shows them. */
#ifndef CONTROL_CLI_CLI_POLICY_H
#define CONTROL_CLI_CLI_POLICY_H

#include "control/cli/cli_call.h"
#include "control/cli/cli_text.h"

/* Lifetime, PFS, transform sets: lines with eight spaces before them. */
void cli_policy_text(struct cli_call *c, const struct cfg_ipsec_profile *p);
/* The same as members of o, and the IKE profiles. */
void cli_policy_json(struct cli_call *c, const struct cfg_ipsec_profile *p, json_t *o);
/* The lines of the IKE profiles it binds; none when it binds none. */
void cli_policy_binding(struct cli_call *c, const struct cfg_ipsec_profile *p);
/* "permit tcp host 10.1.1.1 any eq 80". Returns out. */
const char *cli_policy_ace(const struct cfg_ace *a, char out[2 * CLI_TEXT_MAX]);

#endif
