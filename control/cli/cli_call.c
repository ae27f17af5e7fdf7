#include "control/cli/cli_call.h"

#include "control/cli/cli_exec.h"
#include "control/cli/cli_ping.h"
#include "control/cli/cli_show_ike.h"
#include "control/cli/cli_show_ipsec.h"
#include "control/cli/cli_show_net.h"
#include "control/cli/cli_show_session.h"
#include "control/cli/cli_show_sys.h"

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
        [CLI_SHOW_IKEV2_STATS] = cli_show_ikev2_stats,
        [CLI_SHOW_IPSEC_SA] = cli_show_ipsec_sa,
        [CLI_SHOW_DECISIONS] = cli_show_decisions,
        [CLI_SHOW_INTERFACES] = cli_show_interfaces,
        [CLI_SHOW_IP_ROUTE] = cli_show_ip_route,
        [CLI_SHOW_IPV6_ROUTE] = cli_show_ipv6_route,
        [CLI_SHOW_DATAPLANE] = cli_show_dataplane,
        [CLI_SHOW_CONFIG] = cli_show_config,
        [CLI_SHOW_VERSION] = cli_show_version,
        [CLI_CLEAR_SESSION] = cli_clear_session,
        [CLI_UP] = cli_up,
        [CLI_DOWN] = cli_down,
        [CLI_REKEY] = cli_rekey,
        [CLI_PING] = cli_ping,
        [CLI_RELOAD] = cli_reload,
    };
    return (unsigned)id < CLI_ID_COUNT ? commands[id] : NULL;
}
