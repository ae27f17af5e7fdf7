#include "control/cli/cli_exec.h"

#include "control/cli/cli_text.h"
#include "control/config/cfg.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 20, TIMEOUT_DEFAULT_S = 10, TIMEOUT_MAX_S = 600 };

/* ---- waiting for tunnels ------------------------------------------------------------------------------------------- */
/* One tunnel, or the lines of a crypto map's entry: all are started at once, then waited for one after the other. */
struct tunnel_wait {
    struct cli_call *call;
    struct event *timer;
    char asked[CFG_NAME_MAX + 16]; /* "Tunnel1", "CMAP 10" */
    char (*names)[CV_NAME_MAX];
    unsigned count, at; /* at: the one that is waited for */
    uint64_t until_ms, since_wall_ms, since_ms;
    bool down;     /* waits for the end instead */
    bool started;  /* the engine has been asked */
    bool failed;   /* one of them did not come out as wanted */
    json_t *flows; /* of several */
};

static void tunnel_wait_free(void *pending)
{
    struct tunnel_wait *w = pending;
    if (w->timer)
        event_free(w->timer);
    json_decref(w->flows);
    free(w->names);
    free(w);
}

struct session_seek {
    const char *tunnel;
    bool found;
    struct ike_session_view v;
};

static void session_seek(void *ctx, const struct ike_session_view *v)
{
    struct session_seek *s = ctx;
    if (strcmp(v->interface, s->tunnel) != 0)
        return;
    s->found = true;
    s->v = *v;
}

static struct session_seek session_of(struct cli_call *c, const char *tunnel)
{
    struct session_seek s = {.tunnel = tunnel};
    ike_each_session(c->env->ike(c->env->ctx), session_seek, &s);
    return s;
}

/* An IKE SA alone (UP-IDLE) carries nothing: a tunnel is up when it has a child. */
static bool is_up(enum ike_session_status s)
{
    return s == IKE_UP_ACTIVE;
}

/* The outcome of one: the whole answer when only one was asked for. */
static void tell(struct tunnel_wait *w, json_t *one)
{
    if (w->count == 1)
        cli_json(w->call, one);
    else
        json_array_append_new(w->flows, one);
}

static void say_up(struct tunnel_wait *w, const char *name, const struct ike_session_view *v)
{
    struct cli_call *c = w->call;
    char peer[IP_TEXT_MAX];
    uint64_t ms = cli_now_ms(c) - w->since_ms;
    if (c->json)
        tell(w, json_pack("{s:s, s:s, s:s, s:s, s:s, s:n}", "tunnel", name, "outcome", "up", "status",
                          ike_session_status_text(v->status), "peer", ip_addr_text(&v->peer.addr, peer),
                          "phase1_id", v->phase1_id, "reason"));
    else
        cli_print(c, "%s is up: %s, peer %s (%s), after %llu ms\n", name, ike_session_status_text(v->status),
                  ip_endpoint_text(&v->peer, peer), v->phase1_id, (unsigned long long)ms);
}

static void say_not_up(struct tunnel_wait *w, const char *name, const struct ike_session_view *v)
{
    struct cli_call *c = w->call;
    const char *reason = "timeout", *text = "no outcome within the time given";
    if (v && v->has_error && v->last_error.at_wall_ms >= w->since_wall_ms) {
        reason = ike_reason_name(v->last_error.reason);
        text = v->last_error.text[0] ? v->last_error.text : ike_reason_text(v->last_error.reason);
    }
    const char *status = v ? ike_session_status_text(v->status) : "DOWN";
    if (c->json)
        tell(w, json_pack("{s:s, s:s, s:s, s:s, s:s}", "tunnel", name, "outcome", "down", "status", status,
                          "reason", reason, "text", text));
    else
        cli_print(c, "%s is not up: %s, %s: %s\n", name, status, reason, text);
}

static void look_again(struct tunnel_wait *w, unsigned ms)
{
    struct timeval wait = {0, (suseconds_t)ms * 1000};
    evtimer_add(w->timer, &wait);
}

static int outcome_status(struct cli_call *c, enum ike_cmd_outcome r, const char *tunnel, const char *err)
{
    switch (r) {
    case IKE_CMD_STARTED:
    case IKE_CMD_ALREADY:
        return CLI_OK;
    case IKE_CMD_UNKNOWN_TUNNEL:
        cli_error(c, "%s is not a protected tunnel of the configuration%s%s", tunnel, err[0] ? ": " : "",
                  err);
        return CLI_USAGE;
    default:
        cli_error(c, "%s: %s", tunnel, err[0] ? err : "not possible now");
        return CLI_NOT_SO;
    }
}

static bool ended(struct tunnel_wait *w, bool up)
{
    struct cli_call *c = w->call;
    if (c->json && w->count > 1) {
        cli_json(c, json_pack("{s:s, s:s, s:O}", "tunnel", w->asked, "outcome", up ? "up" : "down", "flows",
                              w->flows));
    }
    cli_finish(c, w->failed ? CLI_NOT_SO : CLI_OK);
    return true;
}

/* True when the call was finished. Before the data plane is there nothing could be sent: it is waited for. */
static bool up_start(struct tunnel_wait *w)
{
    struct cli_call *c = w->call;
    if (!c->env->shm(c->env->ctx)) {
        if (cli_now_ms(c) < w->until_ms)
            return false;
        cli_error(c, "%s: the data plane is away", w->asked);
        cli_finish(c, CLI_NOT_SO);
        return true;
    }
    w->started = true;
    w->since_wall_ms = cli_wall_ms(c);
    for (unsigned i = 0; i < w->count; i++) {
        char err[SEL_TEXT_MAX] = "";
        enum ike_cmd_outcome r = ike_up(c->env->ike(c->env->ctx), w->names[i], err, sizeof err);
        c->env->touched(c->env->ctx);
        int status = outcome_status(c, r, w->names[i], err);
        if (status != CLI_OK) {
            cli_finish(c, (enum cli_status)status);
            return true;
        }
    }
    return false;
}

/* True when the call was finished. */
static bool up_look(struct tunnel_wait *w)
{
    struct cli_call *c = w->call;
    if (!w->started)
        return up_start(w);
    while (w->at < w->count) {
        struct session_seek s = session_of(c, w->names[w->at]);
        if (s.found && is_up(s.v.status)) {
            say_up(w, w->names[w->at++], &s.v);
            continue;
        }
        bool settled = s.found && (s.v.status == IKE_DOWN || s.v.status == IKE_UP_IDLE);
        bool failed = settled && s.v.has_error && s.v.last_error.at_wall_ms >= w->since_wall_ms;
        if (!failed && s.found && cli_now_ms(c) < w->until_ms)
            return false;
        w->failed = true;
        say_not_up(w, w->names[w->at++], s.found ? &s.v : NULL);
    }
    return ended(w, !w->failed);
}

static bool down_look(struct tunnel_wait *w)
{
    struct cli_call *c = w->call;
    while (w->at < w->count) {
        struct session_seek s = session_of(c, w->names[w->at]);
        bool down = !s.found || s.v.status == IKE_DOWN;
        if (!down && cli_now_ms(c) < w->until_ms)
            return false;
        const char *status = s.found ? ike_session_status_text(s.v.status) : "DOWN",
                   *name = w->names[w->at++];
        w->failed = w->failed || !down;
        if (c->json)
            tell(w, json_pack("{s:s, s:s, s:s}", "tunnel", name, "outcome", down ? "down" : "up", "status",
                              status));
        else
            cli_print(c, "%s is %s: %s\n", name, down ? "down" : "not down yet", status);
    }
    return ended(w, w->failed);
}

static void on_tunnel_poll(evutil_socket_t fd, short what, void *arg)
{
    struct tunnel_wait *w = arg;
    (void)fd;
    (void)what;
    if (!(w->down ? down_look(w) : up_look(w)))
        look_again(w, POLL_MS);
}

/* "tu1" -> "Tunnel1"; what is no interface name stays as it is: a crypto map's line, "CMAP#10.10". */
static void tunnel_name(const char *text, char out[CV_NAME_MAX])
{
    enum cv_if_kind kind;
    if (!cfg_interface_name(text, out, &kind))
        snprintf(out, CV_NAME_MAX, "%s", text);
}

static bool of_entry(const struct cfg_interface *i, const char *map, unsigned long seq)
{
    return i->flow && strcmp(i->flow->map, map) == 0 && i->flow->seq == seq;
}

/* The lines of entry SEQ of a crypto map. */
static unsigned entry_names(const struct cfg *cfg, const char *map, unsigned long seq,
                            char (*out)[CV_NAME_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < cfg->interface_count; i++)
        if (of_entry(&cfg->interfaces[i], map, seq)) {
            if (out)
                memcpy(out[n], cfg->interfaces[i].name, CV_NAME_MAX);
            n++;
        }
    return n;
}

/* Words of the command to names. False: told why. */
static bool names_take(struct cli_call *c, struct tunnel_wait *w)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    char *end = NULL;
    if (c->cmd.arg_count < 2) {
        w->names = calloc(1, sizeof *w->names);
        w->count = w->names ? 1 : 0;
        if (w->names)
            tunnel_name(c->cmd.args[0], w->names[0]);
        snprintf(w->asked, sizeof w->asked, "%.*s", CV_NAME_MAX, w->names ? w->names[0] : "");
        return w->names != NULL;
    }
    unsigned long seq = strtoul(c->cmd.args[1], &end, 10);
    w->count = *end ? 0 : entry_names(cfg, c->cmd.args[0], seq, NULL);
    snprintf(w->asked, sizeof w->asked, "%.63s %lu", c->cmd.args[0], seq);
    if (w->count == 0) {
        cli_error(c, "%.60s %.20s is no entry of a crypto map that is applied to an interface and has lines",
                  c->cmd.args[0], c->cmd.args[1]);
        return false;
    }
    w->names = calloc(w->count, sizeof *w->names);
    w->flows = json_array();
    if (w->names)
        (void)entry_names(cfg, c->cmd.args[0], seq, w->names);
    return w->names != NULL;
}

static struct tunnel_wait *tunnel_wait_new(struct cli_call *c, unsigned timeout_s, bool down)
{
    struct tunnel_wait *w = calloc(1, sizeof *w);
    if (!w || !names_take(c, w)) {
        if (w)
            tunnel_wait_free(w);
        return NULL;
    }
    w->timer = evtimer_new(c->env->base, on_tunnel_poll, w);
    if (!w->timer) {
        tunnel_wait_free(w);
        return NULL;
    }
    w->call = c;
    w->since_ms = cli_now_ms(c);
    w->until_ms = w->since_ms + timeout_s * 1000ull;
    w->down = down;
    return w;
}

static int tunnel_wait_start(struct cli_call *c, struct tunnel_wait *w)
{
    c->pending = w;
    c->pending_free = tunnel_wait_free;
    look_again(w, 0);
    return CLI_PENDING;
}

static bool timeout_take(struct cli_call *c, unsigned *timeout)
{
    char err[CLI_ERR_MAX];
    if (cli_opt_number(&c->cmd, "timeout", 1, TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S, timeout, err))
        return true;
    cli_error(c, "%s", err);
    return false;
}

int cli_up(struct cli_call *c)
{
    unsigned timeout;
    if (!timeout_take(c, &timeout))
        return CLI_USAGE;
    struct tunnel_wait *w = tunnel_wait_new(c, timeout, false);
    return w ? tunnel_wait_start(c, w) : CLI_USAGE;
}

int cli_down(struct cli_call *c)
{
    unsigned timeout;
    int status = CLI_OK;
    if (!timeout_take(c, &timeout))
        return CLI_USAGE;
    struct tunnel_wait *w = tunnel_wait_new(c, timeout, true);
    if (!w)
        return CLI_USAGE;
    for (unsigned i = 0; i < w->count && status == CLI_OK; i++) {
        char err[SEL_TEXT_MAX] = "";
        enum ike_cmd_outcome r = ike_down(c->env->ike(c->env->ctx), w->names[i], err, sizeof err);
        c->env->touched(c->env->ctx);
        status = outcome_status(c, r, w->names[i], err);
    }
    if (status == CLI_OK)
        return tunnel_wait_start(c, w);
    tunnel_wait_free(w);
    return status;
}

int cli_rekey(struct cli_call *c)
{
    char tunnel[CV_NAME_MAX], err[SEL_TEXT_MAX] = "";
    bool ike_sa = c->cmd.arg_count > 1;
    if (ike_sa && strcmp(c->cmd.args[1], "ike") != 0) {
        cli_error(c, "'%.60s' is not known after rekey TUNNEL; expected ike or nothing more", c->cmd.args[1]);
        return CLI_USAGE;
    }
    tunnel_name(c->cmd.args[0], tunnel);
    enum ike_cmd_outcome r = ike_rekey(c->env->ike(c->env->ctx), tunnel, ike_sa, err, sizeof err);
    c->env->touched(c->env->ctx);
    int status = outcome_status(c, r, tunnel, err);
    if (status == CLI_OK && c->json)
        cli_json(c, json_pack("{s:s, s:s}", "tunnel", tunnel, "rekeying", ike_sa ? "ike" : "child"));
    else if (status == CLI_OK)
        cli_print(c, "%s: rekeying its %s SA\n", tunnel, ike_sa ? "IKE" : "child");
    return status;
}

int cli_reload(struct cli_call *c)
{
    struct cfg_findings f = {0};
    const char *file = c->env->cfg(c->env->ctx)->file;
    cv_result r = c->env->reload(c->env->ctx, &f);
    for (unsigned i = 0; i < f.count; i++)
        if (f.items[i].severity == CFG_ERROR)
            cli_error(c, "%s:%d: %s%s%s", file, f.items[i].line, f.items[i].text,
                      f.items[i].remedy[0] ? ", " : "", f.items[i].remedy);
    if (r != CV_OK && f.count == 0)
        cli_error(c, "%s: %s; nothing was changed", file, cv_result_text(r));
    if (r == CV_OK && c->json)
        cli_json(c, json_pack("{s:b}", "reloaded", 1));
    cfg_findings_free(&f);
    return r == CV_OK ? CLI_OK : CLI_USAGE;
}
