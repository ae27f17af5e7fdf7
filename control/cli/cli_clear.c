#include "control/cli/cli_clear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_address(struct cli_call *c, const char *option, struct ip_addr *out)
{
    const char *text = cli_opt(&c->cmd, option);
    if (!text || ip_addr_parse(text, out))
        return true;
    cli_error(c, "%s wants an address, not '%.60s'", option, text);
    return false;
}

static bool take_pick(struct cli_call *c, struct ike_pick *p)
{
    p->fvrf = cli_opt(&c->cmd, "fvrf");
    if (p->fvrf && strcmp(p->fvrf, "global") == 0)
        p->fvrf = "";
    return take_address(c, "remote", &p->remote) && take_address(c, "local", &p->local);
}

/* A number that is no address and no word: of IKE SAs in decimal, SPIs also as 0x... */
static bool take_number(struct cli_call *c, const char *text, const char *what, uint32_t *out)
{
    char *end;
    unsigned long long v = text[0] == '-' ? 0 : strtoull(text, &end, 0);
    *out = (uint32_t)v;
    if (text[0] != '-' && end != text && !*end && v > 0 && v <= UINT32_MAX)
        return true;
    cli_error(c, "'%.60s' is no %s", text, what);
    return false;
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
    if (c->cmd.arg_count > 0 && !take_number(c, c->cmd.args[0], "number of an IKE SA", &p.conn_id))
        return CLI_USAGE;
    unsigned n = ike_clear_sas(c->env->ike(c->env->ctx), &p);
    if (p.conn_id && n == 0) {
        cli_error(c, "there is no ISAKMP SA %u", p.conn_id);
        return CLI_NOT_SO;
    }
    return cleared(c, n);
}

int cli_clear_ipsec_sa(struct cli_call *c)
{
    struct ike_pick p = {.map = cli_opt(&c->cmd, "map")};
    const char *spi = cli_opt(&c->cmd, "spi");
    if (!take_address(c, "peer", &p.remote) || (spi && !take_number(c, spi, "SPI, as in 0x1234ABCD", &p.spi)))
        return CLI_USAGE;
    unsigned n = ike_clear_children(c->env->ike(c->env->ctx), &p);
    if (n == 0 && (p.map || spi)) {
        cli_error(c, "no IPsec SA of that %s", p.map ? "crypto map" : "SPI");
        return CLI_NOT_SO;
    }
    return cleared(c, n);
}
