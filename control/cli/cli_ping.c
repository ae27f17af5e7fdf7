#include "control/cli/cli_ping.h"

#include "control/config/cfg.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPEAT_DEFAULT = 5,
    REPEAT_MAX = 100000,
    SIZE_DEFAULT = 100, /* octets of the IP packet, as IOS counts */
    PAYLOAD_MAX = 1400, /* struct cv_ping */
    HEADERS_V4 = 20 + 8,
    HEADERS_V6 = 40 + 8,
    TIMEOUT_DEFAULT_S = 2,
    LINE_MARKS = 70,
    TTL = 64,
};

struct ping {
    struct cli_call *call;
    struct event *timer;
    struct cv_ping request;
    unsigned repeat, timeout_s, sent, received;
    bool dropped; /* this one was dropped here: its mark is out, its time is waited for */
    uint64_t rtt_min, rtt_max, rtt_sum; /* ns */
    json_t *replies;
};

static void ping_free(void *pending)
{
    struct ping *p = pending;
    event_free(p->timer);
    json_decref(p->replies);
    free(p);
}

static void ping_done(struct ping *p)
{
    struct cli_call *c = p->call;
    char dst[IP_TEXT_MAX], src[IP_TEXT_MAX];
    unsigned percent = p->sent ? p->received * 100 / p->sent : 0;
    double avg = p->received ? (double)(p->rtt_sum / p->received) / 1e6 : 0;
    if (c->json) {
        cli_json(c, json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:f, s:O}", "destination",
                              ip_addr_text(&p->request.dst, dst), "source",
                              ip_addr_text(&p->request.src, src), "sent", (int)p->sent, "received",
                              (int)p->received, "min_ms", (double)p->rtt_min / 1e6, "avg_ms", avg, "max_ms",
                              (double)p->rtt_max / 1e6, "results", p->replies));
    } else {
        cli_print(c, "\nSuccess rate is %u percent (%u/%u)", percent, p->received, p->sent);
        if (p->received)
            cli_print(c, ", round-trip min/avg/max = %.3f/%.3f/%.3f ms", (double)p->rtt_min / 1e6, avg,
                      (double)p->rtt_max / 1e6);
        cli_print(c, "\n");
    }
    cli_finish(c, p->received ? CLI_OK : CLI_NOT_SO);
}

static void ping_next(struct ping *p)
{
    struct cv_cmd cmd;
    if (p->sent == p->repeat) {
        ping_done(p);
        return;
    }
    p->request.seq = (uint16_t)p->sent++;
    memset(&cmd, 0, sizeof cmd);
    cmd.type = CV_CMD_PING;
    cmd.u.ping = p->request;
    cv_result r = p->call->env->command(p->call->env->ctx, &cmd);
    if (r != CV_OK) {
        struct cli_call *c = p->call;
        cli_error(c, "ping: the data plane is away: %s", cv_result_text(r));
        cli_finish(c, CLI_NOT_SO);
        return;
    }
    p->dropped = false;
    struct timeval wait = {(time_t)p->timeout_s, 0};
    evtimer_add(p->timer, &wait);
}

/* '!' reply, '.' timeout, 'U' unreachable, 'M' could not fragment, '&' TTL exceeded, 'D' dropped here. */
static void ping_mark(struct ping *p, char mark, const char *outcome, const struct cv_ping_evt *e)
{
    if (p->call->json) {
        json_t *r = json_pack("{s:i, s:s}", "seq", (int)p->request.seq, "outcome", outcome);
        if (e && mark == '!')
            json_object_set_new(r, "rtt_ms", json_real((double)e->rtt_ns / 1e6));
        json_array_append_new(p->replies, r);
        return;
    }
    cli_print(p->call, "%c%s", mark, p->sent % LINE_MARKS == 0 && p->sent < p->repeat ? "\n" : "");
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct ping *p = arg;
    (void)fd;
    (void)what;
    if (!p->dropped)
        ping_mark(p, '.', "timeout", NULL);
    ping_next(p);
}

static void ping_reply(struct ping *p, const struct cv_ping_evt *e)
{
    p->received++;
    p->rtt_sum += e->rtt_ns;
    if (p->received == 1 || e->rtt_ns < p->rtt_min)
        p->rtt_min = e->rtt_ns;
    if (e->rtt_ns > p->rtt_max)
        p->rtt_max = e->rtt_ns;
    ping_mark(p, '!', "reply", e);
}

void cli_ping_event(struct cli_call *c, const struct cv_ping_evt *e)
{
    struct ping *p = c->pending;
    bool v4 = p->request.dst.family == IP_V4;
    if (e->id != p->request.id || e->seq != p->request.seq)
        return;
    if (e->icmp_type == 255) {
        /* The tunnel or the neighbour may be on its way: the next one is not sent before its time. */
        if (!p->dropped)
            ping_mark(p, 'D', cv_drop_name((enum cv_drop)e->drop), e);
        p->dropped = true;
        return;
    }
    if (e->icmp_type == (v4 ? 0 : 129))
        ping_reply(p, e);
    else if ((v4 && e->icmp_type == 3 && e->icmp_code == 4) || (!v4 && e->icmp_type == 2))
        ping_mark(p, 'M', "too-big", e);
    else if (e->icmp_type == (v4 ? 11 : 3))
        ping_mark(p, '&', "ttl-expired", e);
    else
        ping_mark(p, 'U', "unreachable", e);
    ping_next(p);
}

/* `ping vrf NAME ADDRESS`, or the option. */
static const char *vrf_of(const struct cli_call *c)
{
    return c->cmd.arg_count > 1 ? c->cmd.args[0] : cli_opt(&c->cmd, "vrf");
}

static bool vrf_take(struct cli_call *c, struct cv_ping *r, char err[CLI_ERR_MAX])
{
    const char *name = vrf_of(c);
    r->vrf = name ? c->env->vrf_id(c->env->ctx, name) : 0;
    if (!name || r->vrf != 0)
        return true;
    snprintf(err, CLI_ERR_MAX, "no VRF %.60s is in use", name);
    return false;
}

static bool source_of_interface(struct cli_call *c, const struct cfg_interface *i, unsigned addr,
                                struct cv_ping *r, char err[CLI_ERR_MAX])
{
    const uint16_t vrf = c->env->vrf_id(c->env->ctx, i->vrf);
    if (vrf_of(c) && vrf != r->vrf) {
        snprintf(err, CLI_ERR_MAX, "%.40s is not in VRF %.60s", i->name, vrf_of(c));
        return false;
    }
    r->src = i->addrs[addr].addr;
    r->vrf = vrf;
    return true;
}

/* An interface name, or an address of ours. */
static bool source_take(struct cli_call *c, struct cv_ping *r, char err[CLI_ERR_MAX])
{
    const char *text = cli_opt(&c->cmd, "source");
    char name[CV_NAME_MAX];
    enum cv_if_kind kind;
    if (!text) {
        if (c->env->source_for(c->env->ctx, r->vrf, &r->dst, &r->src))
            return true;
        snprintf(err, CLI_ERR_MAX, "no local address of that family to send from%s%.60s",
                 vrf_of(c) ? " in VRF " : "", vrf_of(c) ? vrf_of(c) : "");
        return false;
    }
    if (ip_addr_parse(text, &r->src))
        return true;
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const struct cfg_interface *i =
        cfg_interface_name(text, name, &kind) ? cfg_find_interface(cfg, name) : NULL;
    for (unsigned k = 0; i && k < i->addr_count; k++)
        if (i->addrs[k].addr.family == r->dst.family)
            return source_of_interface(c, i, k, r, err);
    snprintf(err, CLI_ERR_MAX,
             "source '%.60s' is no address, and no interface with an address of that family", text);
    return false;
}

static bool request_take(struct cli_call *c, struct ping *p, char err[CLI_ERR_MAX])
{
    struct cv_ping *r = &p->request;
    unsigned size;
    const char *dst = c->cmd.args[c->cmd.arg_count - 1];
    if (!ip_addr_parse(dst, &r->dst)) {
        snprintf(err, CLI_ERR_MAX, "ping wants an address, not '%.60s'", dst);
        return false;
    }
    unsigned headers = r->dst.family == IP_V4 ? HEADERS_V4 : HEADERS_V6;
    if (!cli_opt_number(&c->cmd, "repeat", 1, REPEAT_MAX, REPEAT_DEFAULT, &p->repeat, err) ||
        !cli_opt_number(&c->cmd, "timeout", 1, 3600, TIMEOUT_DEFAULT_S, &p->timeout_s, err) ||
        !cli_opt_number(&c->cmd, "size", headers, PAYLOAD_MAX + headers, SIZE_DEFAULT, &size, err))
        return false;
    r->size = (uint16_t)(size - headers);
    r->ttl = TTL;
    r->df = cli_opt(&c->cmd, "df-bit") != NULL;
    c->env->random(c->env->ctx, (uint8_t *)&r->id, sizeof r->id);
    return vrf_take(c, r, err) && source_take(c, r, err);
}

int cli_ping(struct cli_call *c)
{
    char err[CLI_ERR_MAX] = "", dst[IP_TEXT_MAX], src[IP_TEXT_MAX];
    struct ping *p = calloc(1, sizeof *p);
    if (!p || !request_take(c, p, err)) {
        cli_error(c, "%s", p ? err : "out of memory");
        free(p);
        return CLI_USAGE;
    }
    p->call = c;
    p->timer = evtimer_new(c->env->base, on_timeout, p);
    p->replies = json_array();
    if (!p->timer) {
        json_decref(p->replies);
        free(p);
        return CLI_NOT_SO;
    }
    c->pending = p;
    c->pending_free = ping_free;
    if (!c->json)
        cli_print(c,
                  "Type escape sequence to abort.\n"
                  "Sending %u, %u-byte ICMP Echos to %s, timeout is %u seconds:\n"
                  "Packet sent with a source address of %s\n",
                  p->repeat, p->request.size + (p->request.dst.family == IP_V4 ? HEADERS_V4 : HEADERS_V6),
                  ip_addr_text(&p->request.dst, dst), p->timeout_s, ip_addr_text(&p->request.src, src));
    ping_next(p);
    return CLI_PENDING;
}
