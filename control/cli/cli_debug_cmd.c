#include "control/cli/cli_debug_cmd.h"

#include "control/cli/cli_debug.h"
#include "control/cli/cli_server.h"
#include "control/cli/cli_take.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS_MAX = 86400 };

/* ---- following --------------------------------------------------------------------------------------------------- */
static unsigned bits_of(enum cli_id id)
{
    switch (id) {
    case CLI_DEBUG_ID_ISAKMP:
    case CLI_UNDEBUG_ISAKMP:
        return CLI_DEBUG_ISAKMP;
    case CLI_DEBUG_ID_IKEV2:
    case CLI_UNDEBUG_IKEV2:
        return CLI_DEBUG_IKEV2;
    case CLI_DEBUG_ID_IPSEC:
    case CLI_UNDEBUG_IPSEC:
        return CLI_DEBUG_IPSEC;
    case CLI_DEBUG_ID_PKI_VALIDATION:
        return CLI_DEBUG_PKI_VALIDATION;
    case CLI_DEBUG_ID_PKI_MESSAGES:
        return CLI_DEBUG_PKI_MESSAGES;
    case CLI_DEBUG_ID_PKI_TRANSACTIONS:
        return CLI_DEBUG_PKI_TRANSACTIONS;
    case CLI_UNDEBUG_PKI:
        return CLI_DEBUG_PKI;
    default:
        return CLI_DEBUG_ALL;
    }
}

static const struct {
    unsigned bit;
    const char *name, *key, *text; /* key: in JSON */
} names[] = {
    {CLI_DEBUG_ISAKMP, "isakmp", "isakmp", "Crypto ISAKMP"},
    {CLI_DEBUG_IKEV2, "ikev2", "ikev2", "IKEv2"},
    {CLI_DEBUG_IPSEC, "ipsec", "ipsec", "Crypto IPSEC"},
    {CLI_DEBUG_PKI_VALIDATION, "pki validation", "pki_validation", "Crypto PKI Validation Path"},
    {CLI_DEBUG_PKI_MESSAGES, "pki messages", "pki_messages", "Crypto PKI Msg"},
    {CLI_DEBUG_PKI_TRANSACTIONS, "pki transactions", "pki_transactions", "Crypto PKI Trans"},
};
enum { NAMES = sizeof names / sizeof names[0] };

static void following_free(void *pending)
{
    event_free(pending);
}

static void on_seconds(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    cli_finish(arg, CLI_OK);
}

/* Until the client hangs up, somebody says undebug, or the seconds are over (0: no end). */
static int follow_on(struct cli_call *c, unsigned seconds)
{
    struct event *timer = evtimer_new(c->env->base, on_seconds, c);
    if (!timer) {
        cli_error(c, "out of memory");
        return CLI_NOT_SO;
    }
    struct timeval wait = {(time_t)seconds, 0};
    if (seconds > 0)
        evtimer_add(timer, &wait);
    c->pending = timer;
    c->pending_free = following_free;
    return CLI_PENDING;
}

int cli_debug(struct cli_call *c)
{
    char err[CLI_ERR_MAX];
    unsigned seconds, bit = bits_of(c->cmd.row->id);
    bool detail = cli_opt(&c->cmd, "detail") != NULL;
    if (!cli_opt_number(&c->cmd, "seconds", 1, SECONDS_MAX, 0, &seconds, err)) {
        cli_error(c, "%s", err);
        return CLI_USAGE;
    }
    if (c->shell && seconds) {
        cli_error(c, "seconds is for `culvert debug ...` from the command line; here say undebug");
        return CLI_USAGE;
    }
    for (unsigned i = 0; i < NAMES && !c->json; i++)
        if (names[i].bit == bit)
            cli_print(c, "%s%s debugging is on\n", names[i].text, detail ? " internals" : "");
    cli_server_follow(c, bit | (detail ? bit << CLI_DEBUG_DETAIL_SHIFT : 0));
    return c->shell ? CLI_OK : follow_on(c, seconds);
}

int cli_undebug(struct cli_call *c)
{
    unsigned bits = bits_of(c->cmd.row->id);
    unsigned n = cli_server_unfollow(c, bits | bits << CLI_DEBUG_DETAIL_SHIFT);
    if (c->json)
        cli_json(c, json_pack("{s:i}", "clients", (int)n));
    else if (bits == CLI_DEBUG_ALL)
        cli_print(c, "All possible debugging has been turned off\n");
    for (unsigned i = 0; i < NAMES && !c->json; i++)
        if (names[i].bit == bits)
            cli_print(c, "%s debugging is off\n", names[i].text);
    return CLI_OK;
}

int cli_show_debugging(struct cli_call *c)
{
    unsigned clients, on = cli_server_followed(c, &clients);
    if (c->json) {
        json_t *o = json_object();
        for (unsigned i = 0; i < NAMES; i++)
            json_object_set_new(o, names[i].key,
                                json_string(on & names[i].bit << CLI_DEBUG_DETAIL_SHIFT ? "detail"
                                            : on & names[i].bit                         ? "on"
                                                                                        : "off"));
        cli_json(c, json_pack("{s:o, s:i, s:i}", "debugging", o, "clients", (int)clients, "conditions",
                              (int)c->env->conds->count));
        return CLI_OK;
    }
    if (on)
        cli_print(c, "Cryptographic Subsystem:\n");
    for (unsigned i = 0; i < NAMES; i++)
        if (on & names[i].bit)
            cli_print(c, "  %s%s debugging is on\n", names[i].text,
                      on & names[i].bit << CLI_DEBUG_DETAIL_SHIFT ? " internals" : "");
    cli_print(c, "%u client%s, %u condition%s\n", clients, clients == 1 ? "" : "s", c->env->conds->count,
              c->env->conds->count == 1 ? "" : "s");
    return CLI_OK;
}

/* ---- conditions ------------------------------------------------------------------------------------------------------ */
static bool take_prefix(struct cli_call *c, enum cli_cond_kind kind, uint8_t family, struct cli_cond *out)
{
    struct ip_addr a;
    out->kind = kind;
    if (ip_addr_parse(c->cmd.args[0], &a) && a.family == family &&
        ip_prefix_make(&a, ip_addr_bits(&a), &out->prefix))
        return true;
    cli_error(c, "'%.60s' is no IPv%u address", c->cmd.args[0], family == IP_V4 ? 4u : 6u);
    return false;
}

static bool take_subnet(struct cli_call *c, struct cli_cond *out)
{
    struct ip_addr a, m;
    unsigned len;
    out->kind = CLI_COND_PEER;
    if (c->cmd.arg_count == 1 && ip_prefix_parse(c->cmd.args[0], &out->prefix))
        return true;
    if (c->cmd.arg_count == 2 && ip_addr_parse(c->cmd.args[0], &a) && ip_addr_parse(c->cmd.args[1], &m) &&
        a.family == IP_V4 && m.family == IP_V4 && ip_mask_len(&m, &len) &&
        ip_prefix_make(&a, len, &out->prefix))
        return true;
    cli_error(c, "subnet wants an address and a mask, as in 192.0.2.0 255.255.255.0, or 192.0.2.0/24");
    return false;
}

static bool take_number(struct cli_call *c, enum cli_cond_kind kind, struct cli_cond *out)
{
    out->kind = kind;
    return cli_take_number(c, c->cmd.args[0],
                           kind == CLI_COND_SPI
                               ? "SPI of an IPsec SA, as in 0x1234ABCD; for the SPI of an IKE SA say cookie"
                               : "number of an IKE SA, as `show crypto isakmp sa` has it",
                           &out->number);
}

static bool take_cookie(struct cli_call *c, struct cli_cond *out)
{
    out->kind = CLI_COND_COOKIE;
    if (cli_cookie_parse(c->cmd.args[0], out->cookie))
        return true;
    cli_error(c, "'%.60s' is no cookie or SPI of an IKE SA: 16 hexadecimal digits", c->cmd.args[0]);
    return false;
}

static bool take_text(struct cli_call *c, enum cli_cond_kind kind, unsigned version, struct cli_cond *out)
{
    out->kind = kind;
    out->version = version;
    if (strlen(c->cmd.args[0]) >= sizeof out->text) {
        cli_error(c, "the name is too long");
        return false;
    }
    snprintf(out->text, sizeof out->text, "%s", c->cmd.args[0]);
    if (kind == CLI_COND_FVRF && strcmp(out->text, "global") == 0)
        out->text[0] = '\0';
    return true;
}

static bool take_condition(struct cli_call *c, struct cli_cond *out)
{
    switch (c->cmd.row->id) {
    case CLI_COND_ID_PEER4:
        return take_prefix(c, CLI_COND_PEER, IP_V4, out);
    case CLI_COND_ID_PEER6:
        return take_prefix(c, CLI_COND_PEER, IP_V6, out);
    case CLI_COND_ID_SUBNET:
        return take_subnet(c, out);
    case CLI_COND_ID_LOCAL4:
        return take_prefix(c, CLI_COND_LOCAL, IP_V4, out);
    case CLI_COND_ID_LOCAL6:
        return take_prefix(c, CLI_COND_LOCAL, IP_V6, out);
    case CLI_COND_ID_PROFILE1:
        return take_text(c, CLI_COND_PROFILE, 1, out);
    case CLI_COND_ID_PROFILE2:
        return take_text(c, CLI_COND_PROFILE, 2, out);
    case CLI_COND_ID_FVRF:
        return take_text(c, CLI_COND_FVRF, 0, out);
    case CLI_COND_ID_CONNID:
        return take_number(c, CLI_COND_CONNID, out);
    case CLI_COND_ID_SPI:
        return take_number(c, CLI_COND_SPI, out);
    default:
        return take_cookie(c, out);
    }
}

int cli_debug_condition(struct cli_call *c)
{
    struct cli_conds *all = c->env->conds;
    struct cli_cond one;
    memset(&one, 0, sizeof one);
    if (c->cmd.row->id == CLI_COND_ID_RESET) {
        cli_conds_reset(all);
    } else if (c->cmd.row->id == CLI_COND_ID_UNMATCHED) {
        all->unmatched = true;
    } else {
        if (!take_condition(c, &one))
            return CLI_USAGE;
        if (cli_cond_add(all, &one) == CV_ENOSPC) {
            cli_error(c, "there are %d conditions already; debug crypto condition reset removes them",
                      CLI_CONDS_MAX);
            return CLI_NOT_SO;
        }
    }
    if (c->json)
        return cli_show_debug_condition(c);
    return CLI_OK;
}

int cli_show_debug_condition(struct cli_call *c)
{
    const struct cli_conds *all = c->env->conds;
    char text[CLI_COND_TEXT_MAX];
    json_t *a = c->json ? json_array() : NULL;
    if (!a && all->count == 0)
        cli_print(c, "Crypto conditional debug is off: no conditions\n");
    for (unsigned i = 0; i < all->count; i++) {
        cli_cond_text(&all->items[i], text);
        if (a)
            json_array_append_new(a, json_string(text));
        else
            cli_print(c, "%s%s\n", i ? "" : "Crypto conditional debug is on\n", text);
    }
    if (a)
        cli_json(c, json_pack("{s:o, s:b}", "conditions", a, "unmatched", all->unmatched));
    else if (all->unmatched)
        cli_print(c, "unmatched: also what does not know yet whether it fits\n");
    return CLI_OK;
}
