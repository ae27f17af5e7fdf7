#include "control/daemon_link.h"

#include "common/log.h"
#include "common/secret.h"
#include "control/apply_json.h"
#include "control/daemon_state.h"
#include "control/runtime/rt_broker.h"
#include "control/runtime/rt_keylog.h"
#include "control/runtime/rt_loop.h"
#include "control/sa/sam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_RETRY_MS = 50, OFFER_TIMEOUT_MS = 1000, BROKER_TIMEOUT_MS = 1000 };

/* ---- configuration into the data plane ----------------------------------------------------------------------- */
static char *describe(const struct cv_cmd *c)
{
    char text[IP_TEXT_MAX], *out = NULL;
    int n = 0;
    switch (c->type) {
    case CV_CMD_IF_SET:
        n = asprintf(&out, "interface %s", c->u.interface.name);
        break;
    case CV_CMD_IF_DEL:
        n = asprintf(&out, "no interface (number %u)", c->u.if_id);
        break;
    case CV_CMD_ADDR_ADD:
    case CV_CMD_ADDR_DEL:
        n = asprintf(&out, "%saddress %s/%u", c->type == CV_CMD_ADDR_DEL ? "no " : "",
                     ip_addr_text(&c->u.addr.addr, text), c->u.addr.len);
        break;
    case CV_CMD_ROUTE_ADD:
    case CV_CMD_ROUTE_DEL:
        n = asprintf(&out, "%sroute %s", c->type == CV_CMD_ROUTE_DEL ? "no " : "",
                     ip_prefix_text(&c->u.route.prefix, text));
        break;
    case CV_CMD_POLICY_BEGIN:
    case CV_CMD_POLICY_COMMIT:
        n = asprintf(&out, "crypto map of interface number %u", c->u.if_id);
        break;
    case CV_CMD_POLICY_ADD:
        n = asprintf(&out, "crypto map of interface number %u, row %u", c->u.policy.if_id, c->u.policy.order);
        break;
    default:
        n = asprintf(&out, "command %u", c->type);
    }
    return n >= 0 ? out : NULL;
}

static bool is_removal(uint32_t cmd)
{
    return cmd == CV_CMD_IF_DEL || cmd == CV_CMD_ADDR_DEL || cmd == CV_CMD_ROUTE_DEL;
}

static void on_applied(void *ctx, const struct cv_evt *reply)
{
    char *what = ctx;
    if (reply) {
        cv_result r = (cv_result)reply->u.reply.result;
        bool there = r == CV_EEXIST || (r == CV_ENOENT && is_removal(reply->u.reply.cmd));
        if (r != CV_OK && !there)
            log_error("the data plane refused '%s': %s", what ? what : "?", cv_result_text(r));
    }
    free(what);
}

static void emit_command(void *ctx, const struct cv_cmd *cmd)
{
    struct daemon *d = ctx;
    char *what = describe(cmd);
    cv_result r = rt_link_command(d->link, cmd, on_applied, what, NULL);
    if (r == CV_OK)
        return;
    log_error("'%s' cannot be handed to the data plane: %s", what ? what : "?", cv_result_text(r));
    free(what);
}

void daemon_apply(struct daemon *d, const struct apply_set *was, const struct apply_set *want, bool again)
{
    apply_diff(was, want, again, emit_command, d);
    json_decref(d->state.applied);
    d->state.applied = apply_json(want);
    daemon_dirty(d);
}

void daemon_on_workers(void *ctx, const struct cv_evt *reply)
{
    struct daemon *d = ctx;
    const struct shm *s = rt_link_shm(d->link);
    const cv_result r = reply ? (cv_result)reply->u.reply.result : CV_OK;
    if (r != CV_OK && s)
        log_warning("the data plane goes on with %u workers: %s", shm_workers(s),
                    r == CV_EUNSUP ? "fewer than it began with, or other processors for those that run, are "
                                     "had by starting culvert-dp anew"
                    : r == CV_EINVAL ? "a processor of `lcores` is not one of those that it may use"
                                     : cv_result_text(r));
}

void daemon_workers(struct daemon *d)
{
    struct cv_cmd cmd = {.type = CV_CMD_WORKERS};
    platform_workers(&d->cfg->platform, d->cfg->platform.workers, &cmd.u.workers);
    if (rt_link_command(d->link, &cmd, daemon_on_workers, d, NULL) != CV_OK)
        log_error("the number of workers cannot be handed to the data plane");
}

static void simple_command(struct daemon *d, enum cv_cmd_type type, rt_reply_fn *fn)
{
    struct cv_cmd cmd;
    memset(&cmd, 0, sizeof cmd);
    cmd.type = type;
    if (type == CV_CMD_HELLO) {
        cmd.u.hello.version = CV_CONTRACT_VERSION;
        cmd.u.hello.pid = (uint32_t)getpid();
    }
    if (rt_link_command(d->link, &cmd, fn, d, NULL) != CV_OK)
        log_error("command %d cannot be handed to the data plane", (int)type);
}

/* ---- greeting and reconciliation --------------------------------------------------------------------------------- */
static void on_flushed(void *ctx, const struct cv_evt *reply)
{
    (void)ctx;
    if (reply && reply->u.reply.result != CV_OK)
        log_error("the data plane cannot be emptied: %s", cv_result_text((cv_result)reply->u.reply.result));
}

/* Whoever started culvertd in the background may go on: clients are answered, and packets are forwarded. */
static void tell_ready(struct daemon *d)
{
    int none = -1;
    if (rt_broker_call(d->start.broker, RT_ASK_READY, BROKER_TIMEOUT_MS, &none) != CV_OK)
        log_warning("the parent does not answer");
}

static void adopted(struct daemon *d)
{
    unsigned n = 0;
    ike_adopt_end(d->ike, daemon_remaining_s, d);
    for (const struct sam_child *c = sam_children(ike_sam(d->ike)); c; c = c->next)
        n++;
    log_info("%u child SAs go on in the data plane", n);
    daemon_dirty(d);
}

/* The answer to SA_DUMP, behind all that was asked before it: interfaces and routes stand, so that the first message of
 * a negotiation finds its way out. */
static void on_configured(void *ctx, const struct cv_evt *reply)
{
    struct daemon *d = ctx;
    bool adopting = d->adopting, was_lost = d->was_lost;
    d->adopting = d->was_lost = false;
    if (!reply) {
        d->was_lost = was_lost;
        return; /* the next greeting decides */
    }
    if (adopting)
        adopted(d);
    if (was_lost)
        ike_dp_lost(d->ike);
    if (!d->told_ready)
        tell_ready(d);
    d->configured = d->told_ready = true;
    daemon_rearm(d);
}

/* The same data plane as before: it forwards; only what changed meanwhile is taken away. */
static void resume(struct daemon *d)
{
    struct apply_set was;
    bool known = apply_from_json(d->state.applied, &was) == CV_OK;
    daemon_apply(d, known ? &was : NULL, &d->want, true);
    if (known)
        apply_free(&was);
    d->adopting = !d->told_ready;
}

/* An empty data plane, or one that holds what nobody remembers. */
static void begin(struct daemon *d, const struct cv_hello_reply *h)
{
    if (h->if_count != 0 || h->sa_count != 0)
        simple_command(d, CV_CMD_FLUSH, on_flushed);
    d->state.boot_id = h->boot_id;
    d->state.child_count = 0;
    daemon_apply(d, NULL, &d->want, false);
    d->was_lost = d->ever_hello;
}

static void on_hello(void *ctx, const struct cv_evt *reply)
{
    struct daemon *d = ctx;
    if (!reply)
        return;
    const struct cv_hello_reply *h = &reply->u.reply.u.hello;
    if (reply->u.reply.result != CV_OK || h->version != CV_CONTRACT_VERSION) {
        log_error("culvert-dp refuses us: %s; its contract is version %u, ours %u",
                  cv_result_text((cv_result)reply->u.reply.result), h->version, CV_CONTRACT_VERSION);
        return;
    }
    bool same = h->boot_id == d->state.boot_id;
    log_info("data plane %s (pid %u): %u interfaces, %u SAs", same ? "resumed" : "configured anew", h->pid,
             h->if_count, h->sa_count);
    d->hello_done = true;
    d->connect_told = false;
    if (same)
        resume(d);
    else
        begin(d, h);
    daemon_workers(d);
    d->ever_hello = true;
    simple_command(d, CV_CMD_SA_DUMP, on_configured);
}

/* ---- connection ------------------------------------------------------------------------------------------------------ */
static void connect_later(struct daemon *d, const char *why)
{
    if (!d->connect_told)
        log_info("waiting for the data plane: %s", why);
    d->connect_told = true;
    rt_timer_at(d->connect_timer, rt_now_ms() + CONNECT_RETRY_MS);
}

void daemon_connect(struct daemon *d)
{
    struct shm shm;
    int fd = -1;
    d->hello_done = d->configured = false;
    if (rt_broker_call(d->start.broker, RT_ASK_DP, BROKER_TIMEOUT_MS, &fd) != CV_OK || fd < 0) {
        connect_later(d, "nothing listens on dp.sock");
        return;
    }
    cv_result r = shm_take(fd, OFFER_TIMEOUT_MS, &shm);
    if (r == CV_OK) {
        r = rt_link_attach(d->link, &shm, fd);
        if (r != CV_OK)
            shm_close(&shm);
    }
    if (r != CV_OK) {
        close(fd);
        connect_later(d, cv_result_text(r));
        return;
    }
    simple_command(d, CV_CMD_HELLO, on_hello);
}

static void on_lost(void *ctx)
{
    struct daemon *d = ctx;
    log_warning("the data plane hung up");
    d->hello_done = d->configured = false;
    daemon_connect(d);
}

/* ---- upcalls --------------------------------------------------------------------------------------------------------- */
static void on_event(void *ctx, const struct cv_evt *e)
{
    struct daemon *d = ctx;
    if (e->type == CV_EVT_PING)
        cli_server_ping(d->cli, &e->u.ping);
    else if (e->type != CV_EVT_SA_ENTRY || d->adopting)
        ike_dp_event(d->ike, e);
    if (e->type == CV_EVT_LINK && d->link) {
        const struct shm *s = rt_link_shm(d->link);
        if (s && e->u.link.port < CV_MAX_PORTS)
            log_info("port %.*s is %s", CV_NAME_MAX, shm_port_stats(s, e->u.link.port)->name,
                     e->u.link.up ? "up" : "down");
    }
}

static void on_datagram(void *ctx, const struct cv_ike_pkt *p)
{
    struct daemon *d = ctx;
    struct ike_datagram in = {
        .local = p->local,
        .remote = p->remote,
        .vrf = p->vrf,
        .natt = (p->flags & CV_IKE_NATT) != 0,
        .data = p->data,
        .len = p->len,
    };
    ike_datagram_in(d->ike, &in);
}

static void on_batch(void *ctx)
{
    daemon_rearm(ctx);
}

/* ---- the engine's view ----------------------------------------------------------------------------------------------- */
static unsigned link_bits(void *ctx)
{
    struct daemon *d = ctx;
    const struct shm *s = rt_link_shm(d->link);
    return s ? s->head->sa_index_bits : d->cfg->platform.sa_index_bits;
}

static unsigned link_workers(void *ctx)
{
    struct daemon *d = ctx;
    const struct shm *s = rt_link_shm(d->link);
    const unsigned n = s ? shm_workers(s) : d->cfg->platform.workers;
    return n >= 1 && n <= CV_MAX_WORKERS ? n : 1;
}

/* For tests, as the keys of IKE SAs: only when CULVERT_IKE_KEYLOG is set. */
static void log_esp_keys(struct daemon *d, const struct cv_sa *sa)
{
    char text[512];
    if (rt_keylog_esp(sa, text, sizeof text) != CV_OK ||
        write(d->start.keylog_fd, text, strlen(text)) != (ssize_t)strlen(text))
        log_warning("the keys of child 0x%08x could not be written down", sa->ref.spi);
    secret_wipe(text, sizeof text);
}

static cv_result link_command(void *ctx, const struct cv_cmd *cmd, uint32_t *seq)
{
    struct daemon *d = ctx;
    if (cmd->type == CV_CMD_SA_ADD || cmd->type == CV_CMD_SA_DEL)
        daemon_dirty(d);
    if (cmd->type == CV_CMD_SA_ADD && d->start.keylog_fd >= 0)
        log_esp_keys(d, &cmd->u.sa);
    return rt_link_command(d->link, cmd, NULL, NULL, seq);
}

static cv_result link_counters(void *ctx, const struct cv_sa_ref *ref, struct cv_sa_counters *out,
                               uint64_t *idle_ms)
{
    struct daemon *d = ctx;
    return rt_link_counters(d->link, ref, out, idle_ms);
}

static uint32_t link_if_id(void *ctx, const char *name)
{
    struct daemon *d = ctx;
    return rt_names_find(&d->state.ifs, name);
}

static const char *link_if_name(void *ctx, uint32_t if_id)
{
    struct daemon *d = ctx;
    return rt_names_text(&d->state.ifs, if_id);
}

cv_result daemon_link_init(struct daemon *d)
{
    struct rt_link_up up = {d, on_event, on_datagram, on_batch, on_lost};
    d->sam_link =
        (struct sam_link){d, link_bits, link_command, link_counters, link_if_id, link_if_name, link_workers};
    return rt_link_new(d->base, &up, &d->link);
}
