/* cfg_lint: the rules of `culvert check` on a configuration that parses. The entry is cfg_lint in cfg.h.
 *
 * Severities: error: it cannot work, or would be insecure; warning: it works but bites; info: good to know. A rule is a
 * function; a later one is a row in a table. Rules are named LN-* as in ios-semantics, else by one word. */
#ifndef CONTROL_CONFIG_CFG_LINT_H
#define CONTROL_CONFIG_CFG_LINT_H

#include "control/config/cfg.h"

struct cfg_linter {
    const struct cfg *c;
    struct cfg_findings *findings;
    bool out_of_memory;
};

void cfg_lint_add(struct cfg_linter *l, int line, const char *rule, enum cfg_severity s, const char *remedy,
                  const char *fmt, ...) CV_PRINTF(6, 7);

/* cfg_lint_ike.c: proposals, policies, keyrings, IKEv2 profiles */
void cfg_lint_ike(struct cfg_linter *l);
/* cfg_lint_ipsec.c: transform sets, IPsec profiles */
void cfg_lint_ipsec(struct cfg_linter *l);
/* cfg_lint_isakmp.c: IKEv1's policies, keyrings, profiles; an IPsec profile and a tunnel that use IKEv1 */
void cfg_lint_isakmp(struct cfg_linter *l);
void cfg_lint_isakmp_binding(struct cfg_linter *l, const struct cfg_ipsec_profile *p);
void cfg_lint_isakmp_tunnel(struct cfg_linter *l, const struct cfg_interface *t,
                            const struct cfg_ipsec_profile *ipsec);
/* cfg_lint_map.c: access lists and crypto maps. cfg_lint_vrf.c: LN-14, LN-15 */
void cfg_lint_map(struct cfg_linter *l);
void cfg_lint_vrf(struct cfg_linter *l);
/* cfg_lint_pki.c: what certificates need: LN-7, LN-9, LN-10, CT-17, G29 */
void cfg_lint_pki(struct cfg_linter *l);
/* IKEv1 may authenticate by signature: a policy in force says so, and there is a trust-point, or a profile names one. */
bool cfg_lint_isakmp_signs(const struct cfg *c);
/* cfg_lint_net.c: interfaces, tunnels, routes */
void cfg_lint_net(struct cfg_linter *l);

/* How an identity that one match line takes may also satisfy another: 0 never, 1 the second is wider or narrower, 2 equal. */
enum cfg_overlap { CFG_APART, CFG_OVERLAPS, CFG_SAME };
enum cfg_overlap cfg_lint_overlap(const struct cfg_id *a, const struct cfg_id *b);

#endif
