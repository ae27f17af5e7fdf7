/* cfg_cmds: the command tables, one .c per room. A later command is a row and a handler. */
#ifndef CONTROL_CONFIG_CFG_CMDS_H
#define CONTROL_CONFIG_CFG_CMDS_H

#include "control/config/cfg_match.h"

/* cfg_cmds_system.c: hostname, domain, platform section, and commands of other releases that are known by name */
extern const struct cfg_cmd_table cfg_cmds_system, cfg_cmds_platform;
/* cfg_cmds_interface.c: interface section and routes */
extern const struct cfg_cmd_table cfg_cmds_interface_global, cfg_cmds_interface;
extern const struct cfg_cmd_table cfg_cmds_nbr_global;
/* cfg_cmds_ikev2.c, cfg_cmds_ikev2_profile.c */
extern const struct cfg_cmd_table cfg_cmds_ikev2_global, cfg_cmds_ikev2_proposal, cfg_cmds_ikev2_policy,
    cfg_cmds_ikev2_keyring, cfg_cmds_ikev2_peer;
extern const struct cfg_cmd_table cfg_cmds_ikev2_profile;
/* cfg_cmds_isakmp.c, cfg_cmds_isakmp_profile.c */
extern const struct cfg_cmd_table cfg_cmds_isakmp_global, cfg_cmds_isakmp_policy, cfg_cmds_isakmp_keyring;
extern const struct cfg_cmd_table cfg_cmds_isakmp_profile;
/* cfg_cmds_ipsec.c */
extern const struct cfg_cmd_table cfg_cmds_ipsec_global, cfg_cmds_transform_set, cfg_cmds_ipsec_set,
    cfg_cmds_ipsec_profile; /* _set: in profiles and in entries of crypto maps */
/* cfg_cmds_isakmp_peer.c */
extern const struct cfg_cmd_table cfg_cmds_isakmp_peer_global, cfg_cmds_isakmp_peer;
/* cfg_cmds_pki.c, cfg_cmds_cert.c */
extern const struct cfg_cmd_table cfg_cmds_pki_global, cfg_cmds_trustpoint;
extern const struct cfg_cmd_table cfg_cmds_cert_global, cfg_cmds_certificate_chain, cfg_cmds_certmap;
struct cfg_certmap_ref;
/* `match certificate MAP` of a profile, which may hold eight. */
void cfg_certmap_ref_take(struct cfg_parser *p, const struct cfg_match *m, struct cfg_certmap_ref *refs,
                          unsigned *count);
/* cfg_cmds_map.c: `rate-limit` of a tunnel or an entry; limits: of both directions, by enum cv_dir. */
#define CFG_RATE_LIMIT                                                                                       \
    "rate-limit <input|output> <8000-400000000000> <1600-512000000> <1600-1024000000> conform-action "       \
    "transmit exceed-action drop"
struct cfg_rate_limit;
void cfg_rate_limit_take(struct cfg_parser *p, const struct cfg_match *m, struct cfg_rate_limit *limits);
/* cfg_cmds_vrf.c */
extern const struct cfg_cmd_table cfg_cmds_vrf_global, cfg_cmds_vrf, cfg_cmds_vrf_family;
/* cfg_cmds_acl.c, cfg_cmds_map.c */
extern const struct cfg_cmd_table cfg_cmds_acl_global, cfg_cmds_acl, cfg_cmds_acl6, cfg_cmds_map_global,
    cfg_cmds_map;

#define CFG_ROWS(table)                                                                                      \
    {                                                                                                        \
        table, sizeof table / sizeof table[0]                                                                \
    }

#endif
