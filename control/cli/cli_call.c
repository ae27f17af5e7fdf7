#include "control/cli/cli_call.h"

#include "control/cli/cli_clear.h"
#include "control/cli/cli_debug_cmd.h"
#include "control/cli/cli_exec.h"
#include "control/cli/cli_ping.h"
#include "control/cli/cli_pki.h"
#include "control/cli/cli_pki_file.h"
#include "control/cli/cli_pki_key.h"
#include "control/cli/cli_show_conf.h"
#include "control/cli/cli_show_ike.h"
#include "control/cli/cli_show_ikev2_conf.h"
#include "control/cli/cli_show_ipsec.h"
#include "control/cli/cli_show_isakmp.h"
#include "control/cli/cli_show_map.h"
#include "control/cli/cli_show_net.h"
#include "control/cli/cli_show_pki.h"
#include "control/cli/cli_show_session.h"
#include "control/cli/cli_show_sys.h"
#include "control/cli/cli_steer.h"

uint64_t cli_now_ms(const struct cli_call *c)
{
    return c->env->now_ms(c->env->ctx);
}

uint64_t cli_wall_ms(const struct cli_call *c)
{
    return c->env->wall_ms(c->env->ctx);
}

cli_fn *cli_command(enum cli_id id)
{
    static cli_fn *const commands[CLI_ID_COUNT] = {
        [CLI_SHOW_SESSION] = cli_show_session,
        [CLI_SHOW_IKEV2_SA] = cli_show_ikev2_sa,
        [CLI_SHOW_IKEV2_SESSION] = cli_show_ikev2_session,
        [CLI_SHOW_IKEV2_STATS] = cli_show_ikev2_stats,
        [CLI_SHOW_IPSEC_SA] = cli_show_ipsec_sa,
        [CLI_SHOW_DECISIONS] = cli_show_decisions,
        [CLI_SHOW_INTERFACES] = cli_show_interfaces,
        [CLI_SHOW_IP_ROUTE] = cli_show_ip_route,
        [CLI_SHOW_IPV6_ROUTE] = cli_show_ipv6_route,
        [CLI_SHOW_DATAPLANE] = cli_show_dataplane,
        [CLI_SHOW_STEERING] = cli_show_steering,
        [CLI_PLATFORM_REBALANCE] = cli_platform_rebalance,
        [CLI_PLATFORM_WORKERS] = cli_platform_workers,
        [CLI_SHOW_MEMORY] = cli_show_memory,
        [CLI_SHOW_CONFIG] = cli_show_config,
        [CLI_SHOW_VERSION] = cli_show_version,
        [CLI_SHOW_ISAKMP_SA] = cli_show_isakmp_sa,
        [CLI_SHOW_ISAKMP_KEY] = cli_show_isakmp_key,
        [CLI_SHOW_ISAKMP_PROFILE] = cli_show_isakmp_profile,
        [CLI_SHOW_ISAKMP_POLICY] = cli_show_isakmp_policy,
        [CLI_SHOW_ISAKMP_DEFAULT_POLICY] = cli_show_isakmp_default_policy,
        [CLI_SHOW_ISAKMP_PEERS] = cli_show_isakmp_peers,
        [CLI_SHOW_IKEV2_PROFILE] = cli_show_ikev2_profile,
        [CLI_SHOW_IKEV2_POLICY] = cli_show_ikev2_policy,
        [CLI_SHOW_IKEV2_PROPOSAL] = cli_show_ikev2_proposal,
        [CLI_SHOW_MAP] = cli_show_map,
        [CLI_SHOW_IPSEC_PROFILE] = cli_show_ipsec_profile,
        [CLI_SHOW_TRANSFORM_SET] = cli_show_transform_set,
        [CLI_SHOW_ACL] = cli_show_acl,
        [CLI_SHOW_VRF] = cli_show_vrf,
        [CLI_SHOW_DEBUGGING] = cli_show_debugging,
        [CLI_SHOW_DEBUG_CONDITION] = cli_show_debug_condition,
        [CLI_DEBUG_ID_ISAKMP] = cli_debug,
        [CLI_DEBUG_ID_IKEV2] = cli_debug,
        [CLI_DEBUG_ID_IPSEC] = cli_debug,
        [CLI_UNDEBUG_ALL] = cli_undebug,
        [CLI_UNDEBUG_ISAKMP] = cli_undebug,
        [CLI_UNDEBUG_IKEV2] = cli_undebug,
        [CLI_UNDEBUG_IPSEC] = cli_undebug,
        [CLI_COND_ID_PEER4] = cli_debug_condition,
        [CLI_COND_ID_PEER6] = cli_debug_condition,
        [CLI_COND_ID_SUBNET] = cli_debug_condition,
        [CLI_COND_ID_LOCAL4] = cli_debug_condition,
        [CLI_COND_ID_LOCAL6] = cli_debug_condition,
        [CLI_COND_ID_PROFILE1] = cli_debug_condition,
        [CLI_COND_ID_PROFILE2] = cli_debug_condition,
        [CLI_COND_ID_FVRF] = cli_debug_condition,
        [CLI_COND_ID_CONNID] = cli_debug_condition,
        [CLI_COND_ID_SPI] = cli_debug_condition,
        [CLI_COND_ID_COOKIE] = cli_debug_condition,
        [CLI_COND_ID_UNMATCHED] = cli_debug_condition,
        [CLI_COND_ID_RESET] = cli_debug_condition,
        [CLI_CLEAR_SESSION] = cli_clear_session,
        [CLI_CLEAR_ISAKMP] = cli_clear_isakmp,
        [CLI_CLEAR_IKEV2_SA] = cli_clear_ikev2_sa,
        [CLI_CLEAR_IPSEC_SA] = cli_clear_ipsec_sa,
        [CLI_CLEAR_IPSEC_COUNTERS] = cli_clear_ipsec_counters,
        [CLI_CLEAR_IPSEC_ENTRY] = cli_clear_ipsec_entry,
        [CLI_PKI_AUTHENTICATE] = cli_pki_authenticate,
        [CLI_PKI_ENROLL] = cli_pki_enroll,
        [CLI_PKI_CANCEL] = cli_pki_cancel,
        [CLI_PKI_IMPORT] = cli_pki_import,
        [CLI_PKI_EXPORT] = cli_pki_export,
        [CLI_PKI_CRL_REQUEST] = cli_pki_crl_request,
        [CLI_PKI_CLEAR_CRLS] = cli_pki_clear_crls,
        [CLI_SHOW_PKI_CERTIFICATES] = cli_show_pki_certificates,
        [CLI_SHOW_PKI_TRUSTPOINTS] = cli_show_pki_trustpoints,
        [CLI_SHOW_PKI_CRLS] = cli_show_pki_crls,
        [CLI_KEY_GENERATE_RSA] = cli_key_generate,
        [CLI_KEY_GENERATE_EC] = cli_key_generate,
        [CLI_KEY_GENERATE_ED25519] = cli_key_generate,
        [CLI_KEY_IMPORT] = cli_key_import,
        [CLI_KEY_IMPORT_EC] = cli_key_import,
        [CLI_KEY_EXPORT] = cli_key_export,
        [CLI_KEY_ZEROIZE] = cli_key_zeroize,
        [CLI_KEY_ZEROIZE_EC] = cli_key_zeroize,
        [CLI_SHOW_KEY] = cli_show_key,
        [CLI_SHOW_KEY_RSA] = cli_show_key,
        [CLI_SHOW_KEY_EC] = cli_show_key,
        [CLI_DEBUG_ID_PKI_VALIDATION] = cli_debug,
        [CLI_DEBUG_ID_PKI_MESSAGES] = cli_debug,
        [CLI_DEBUG_ID_PKI_TRANSACTIONS] = cli_debug,
        [CLI_UNDEBUG_PKI] = cli_undebug,
        [CLI_UP] = cli_up,
        [CLI_DOWN] = cli_down,
        [CLI_REKEY] = cli_rekey,
        [CLI_PING] = cli_ping,
        [CLI_RELOAD] = cli_reload,
    };
    return (unsigned)id < CLI_ID_COUNT ? commands[id] : NULL;
}
