#include "control/cli/cli_clear.h"

#include "control/cli/cli_take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_pick(struct cli_call *c, struct ike_pick *p)
{
    p->fvrf = cli_opt(&c->cmd, "fvrf");
    if (p->fvrf && strcmp(p->fvrf, "global") == 0)
        p->fvrf = "";
    return cli_take_address(c, "remote", &p->remote) && cli_take_address(c, "local", &p->local);
}

static int cleared(struct cli_call *c, unsigned n)
{
    c->env->touched(c->env->ctx);
    if (c->json)
        cli_json(c, json_pack("{s:i}", "cleared", (int)n));
    return CLI_OK;
}

static int clear_sas(struct cli_call *c, unsigned version)
{
    struct ike_pick p = {.version = version};
    if (!take_pick(c, &p))
        return CLI_USAGE;
    return cleared(c, ike_clear_sas(c->env->ike(c->env->ctx), &p));
}

int cli_clear_session(struct cli_call *c)
{
    return clear_sas(c, 0);
}

int cli_clear_ikev2_sa(struct cli_call *c)
{
    return clear_sas(c, 2);
}

int cli_clear_isakmp(struct cli_call *c)
{
    struct ike_pick p = {.version = 1};
    if (c->cmd.arg_count > 0 && !cli_take_number(c, c->cmd.args[0], "number of an IKE SA", &p.conn_id))
        return CLI_USAGE;
    unsigned n = ike_clear_sas(c->env->ike(c->env->ctx), &p);
    if (p.conn_id && n == 0) {
        cli_error(c, "there is no ISAKMP SA %u", p.conn_id);
        return CLI_NOT_SO;
    }
    return cleared(c, n);
}

static bool take_children(struct cli_call *c, struct ike_pick *p)
{
    const char *spi = cli_opt(&c->cmd, "spi");
    p->map = cli_opt(&c->cmd, "map");
    p->vrf = cli_opt(&c->cmd, "vrf");
    if (p->vrf && strcmp(p->vrf, "global") == 0)
        p->vrf = "";
    return cli_take_address(c, "peer", &p->remote) &&
           (!spi || cli_take_number(c, spi, "SPI, as in 0x1234ABCD", &p->spi));
}

int cli_clear_ipsec_sa(struct cli_call *c)
{
    struct ike_pick p = {0};
    if (!take_children(c, &p))
        return CLI_USAGE;
    unsigned n = ike_clear_children(c->env->ike(c->env->ctx), &p);
    if (n == 0 && (p.map || p.spi)) {
        cli_error(c, "no IPsec SA of that %s", p.map ? "crypto map" : "SPI");
        return CLI_NOT_SO;
    }
    return cleared(c, n);
}

int cli_clear_ipsec_counters(struct cli_call *c)
{
    struct ike_pick p = {0};
    if (!take_children(c, &p))
        return CLI_USAGE;
    return cleared(c, ike_clear_counters(c->env->ike(c->env->ctx), &p));
}

/* clear crypto sa entry DESTINATION esp|ah SPI */
int cli_clear_ipsec_entry(struct cli_call *c)
{
    enum { DESTINATION, PROTOCOL, SPI };
    struct ike_pick p = {0};
    if (!ip_addr_parse(c->cmd.args[DESTINATION], &p.destination)) {
        cli_error(c, "'%.40s' is no address", c->cmd.args[DESTINATION]);
        return CLI_USAGE;
    }
    p.ah_alone = strcmp(c->cmd.args[PROTOCOL], "ah") == 0;
    p.esp_alone = strcmp(c->cmd.args[PROTOCOL], "esp") == 0;
    if (!p.ah_alone && !p.esp_alone) {
        cli_error(c, "'%.40s' is no protocol of IPsec here; expected: esp or ah", c->cmd.args[PROTOCOL]);
        return CLI_USAGE;
    }
    if (!cli_take_number(c, c->cmd.args[SPI], "SPI, as in 0x1234ABCD", &p.spi))
        return CLI_USAGE;
    unsigned n = ike_clear_children(c->env->ike(c->env->ctx), &p);
    if (n == 0) {
        cli_error(c, "no IPsec SA with that destination and SPI");
        return CLI_NOT_SO;
    }
    return cleared(c, n);
}
