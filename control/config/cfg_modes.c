#include "control/config/cfg_modes.h"

#include "control/config/cfg_cmds.h"

/* Pointers first: the tables are defined in other files, so their counts are known only at run time. */
static const struct {
    const char *prompt;
    enum cfg_mode parent;
    const struct cfg_cmd_table *tables[CFG_TABLES_MAX];
} graph[CFG_MODE_COUNT] = {
    [CFG_MODE_GLOBAL] = {"config",
                         CFG_MODE_NONE,
                         {&cfg_cmds_system, &cfg_cmds_interface_global, &cfg_cmds_ikev2_global,
                          &cfg_cmds_ipsec_global, &cfg_cmds_isakmp_global, &cfg_cmds_acl_global,
                          &cfg_cmds_map_global, &cfg_cmds_vrf_global, &cfg_cmds_isakmp_peer_global,
                          &cfg_cmds_pki_global, &cfg_cmds_cert_global, &cfg_cmds_nbr_global}},
    [CFG_MODE_PLATFORM] = {"config-platform", CFG_MODE_GLOBAL, {&cfg_cmds_platform}},
    [CFG_MODE_INTERFACE] = {"config-if", CFG_MODE_GLOBAL, {&cfg_cmds_interface}},
    [CFG_MODE_IKEV2_PROPOSAL] = {"config-ikev2-proposal", CFG_MODE_GLOBAL, {&cfg_cmds_ikev2_proposal}},
    [CFG_MODE_IKEV2_POLICY] = {"config-ikev2-policy", CFG_MODE_GLOBAL, {&cfg_cmds_ikev2_policy}},
    [CFG_MODE_IKEV2_KEYRING] = {"config-ikev2-keyring", CFG_MODE_GLOBAL, {&cfg_cmds_ikev2_keyring}},
    [CFG_MODE_IKEV2_PEER] = {"config-ikev2-keyring-peer", CFG_MODE_IKEV2_KEYRING, {&cfg_cmds_ikev2_peer}},
    [CFG_MODE_IKEV2_PROFILE] = {"config-ikev2-profile", CFG_MODE_GLOBAL, {&cfg_cmds_ikev2_profile}},
    [CFG_MODE_TRANSFORM_SET] = {"cfg-crypto-trans", CFG_MODE_GLOBAL, {&cfg_cmds_transform_set}},
    [CFG_MODE_IPSEC_PROFILE] = {"ipsec-profile",
                                CFG_MODE_GLOBAL,
                                {&cfg_cmds_ipsec_set, &cfg_cmds_ipsec_profile}},
    [CFG_MODE_ISAKMP_POLICY] = {"config-isakmp", CFG_MODE_GLOBAL, {&cfg_cmds_isakmp_policy}},
    [CFG_MODE_ISAKMP_KEYRING] = {"conf-keyring", CFG_MODE_GLOBAL, {&cfg_cmds_isakmp_keyring}},
    [CFG_MODE_ISAKMP_PROFILE] = {"conf-isa-prof", CFG_MODE_GLOBAL, {&cfg_cmds_isakmp_profile}},
    [CFG_MODE_ISAKMP_PEER] = {"config-isakmp-peer", CFG_MODE_GLOBAL, {&cfg_cmds_isakmp_peer}},
    [CFG_MODE_TRUSTPOINT] = {"ca-trustpoint", CFG_MODE_GLOBAL, {&cfg_cmds_trustpoint}},
    [CFG_MODE_CERTIFICATE_CHAIN] = {"config-cert-chain", CFG_MODE_GLOBAL, {&cfg_cmds_certificate_chain}},
    [CFG_MODE_CERTMAP] = {"ca-certificate-map", CFG_MODE_GLOBAL, {&cfg_cmds_certmap}},
    [CFG_MODE_VRF] = {"config-vrf", CFG_MODE_GLOBAL, {&cfg_cmds_vrf}},
    [CFG_MODE_VRF_FAMILY] = {"config-vrf-af", CFG_MODE_VRF, {&cfg_cmds_vrf_family}},
    [CFG_MODE_ACL] = {"config-ext-nacl", CFG_MODE_GLOBAL, {&cfg_cmds_acl}},
    [CFG_MODE_ACL6] = {"config-ipv6-acl", CFG_MODE_GLOBAL, {&cfg_cmds_acl6}},
    [CFG_MODE_MAP] = {"config-crypto-map", CFG_MODE_GLOBAL, {&cfg_cmds_ipsec_set, &cfg_cmds_map}},
};

struct cfg_mode_def cfg_mode(enum cfg_mode m)
{
    struct cfg_mode_def d = {.prompt = graph[m].prompt, .parent = graph[m].parent};
    for (unsigned i = 0; i < CFG_TABLES_MAX && graph[m].tables[i]; i++)
        d.tables[d.table_count++] = *graph[m].tables[i];
    return d;
}
