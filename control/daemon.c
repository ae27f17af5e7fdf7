#include "control/daemon.h"

#include "control/admit.h"
#include "control/daemon_link.h"
#include "control/daemon_pki.h"
#include "control/daemon_state.h"
#include "control/ikev1/v1.h"
#include "control/ikev2/v2.h"
#include "control/metrics/met.h"
#include "control/runtime/rt_broker.h"
#include "control/runtime/rt_keylog.h"
#include "control/runtime/rt_loop.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONFIG_MAX = 16 << 20,
    BROKER_TIMEOUT_MS = 2000,
    STOP_AFTER_MS = 150, /* the deletes leave through the data plane before it goes */
};

void daemon_rearm(struct daemon *d)
{
    if (!d->stopping)
        rt_timer_at(d->ike_timer, ike_next_timer(d->ike));
}

/* ---- the engine's environment ---------------------------------------------------------------------------------- */
static uint64_t env_now(void *ctx)
{
    (void)ctx;
    return rt_now_ms();
}

static uint64_t env_wall(void *ctx)
{
    (void)ctx;
    return rt_wall_ms();
}

static void env_random(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    rt_random(out, n);
}

static void env_send(void *ctx, const struct ike_datagram *m)
{
    struct daemon *d = ctx;
    static struct cv_ike_pkt p;
    if (m->len > CV_IKE_PKT_MAX) {
        log_warning("an IKE message of %zu octets does not fit the data plane's ring: not sent", m->len);
        return;
    }
    p.local = m->local;
    p.remote = m->remote;
    p.vrf = m->vrf;
    p.flags = m->natt ? CV_IKE_NATT : 0;
    p.len = (uint32_t)m->len;
    memcpy(p.data, m->data, m->len);
    rt_link_send(d->link, &p); /* lost is lost, as on any wire: the engine retransmits */
}

static void env_event(void *ctx, const struct ike_event *e)
{
    struct daemon *d = ctx;
    char peer[IP_TEXT_MAX];
    if (d->cli)
        cli_server_event(d->cli, e);
    if (strcmp(e->facility, "syslog") == 0)
        log_write(e->level, "%s", e->text);
    else if (e->conn_id)
        log_write(e->level, "%s: (conn %u%s, %s) %s", e->facility, e->conn_id, e->initiator ? " I" : " R",
                  ip_endpoint_text(&e->peer, peer), e->text);
    else
        log_write(e->level, "%s: (%s) %s", e->facility, ip_endpoint_text(&e->peer, peer), e->text);
}

static void env_decided(void *ctx, const struct ike_decided *one)
{
    struct daemon *d = ctx;
    const struct sel_trace *t = one->trace;
    cli_decisions_add(&d->decisions, rt_wall_ms(), one);
    if (d->cli)
        cli_server_decided(d->cli, one);
    log_debug("decision: (conn %u, %s) %s by %s: %s; %s", one->about.conn_id, one->at, sel_kind_text(t->kind),
              t->rule ? t->rule : "-", t->chosen[0] ? t->chosen : "none", t->text);
}

static void env_message(void *ctx, const struct ike_note *n)
{
    struct daemon *d = ctx;
    if (d->cli)
        cli_server_message(d->cli, n);
}

static void env_keylog(void *ctx, const struct ike_keylog *k)
{
    struct daemon *d = ctx;
    struct rt_keylog_line line = {k->spi_i, k->spi_r, k->encr,  k->key_bits, k->integ,
                                  k->sk_ei, k->sk_er, k->sk_ai, k->sk_ar};
    char text[1024];
    cv_result r = k->version == 1 ? rt_keylog_ike1(k->spi_i, k->sk_ei, text, sizeof text)
                                  : rt_keylog_format(&line, text, sizeof text);
    if (r != CV_OK || write(d->start.keylog_fd, text, strlen(text)) != (ssize_t)strlen(text))
        log_warning("keys of an IKE SA could not be written to the key log");
    secret_wipe(text, sizeof text);
}

static const char *env_vrf_name(void *ctx, uint16_t vrf)
{
    return vrf ? rt_names_text(&((struct daemon *)ctx)->state.vrfs, vrf) : "";
}

static uint16_t env_vrf_id(void *ctx, const char *name)
{
    return (uint16_t)rt_names_find(&((struct daemon *)ctx)->state.vrfs, name);
}

static void env_init(struct daemon *d)
{
    d->ike_env = (struct ike_env){
        .ctx = d,
        .now_ms = env_now,
        .wall_ms = env_wall,
        .random = env_random,
        .send = env_send,
        .event = env_event,
        .decided = env_decided,
        .message = env_message,
        .keylog = d->start.keylog_fd >= 0 ? env_keylog : NULL,
        .dp = &d->sam_link,
        .pki = d->pki,
        .vrf_name = env_vrf_name,
        .vrf_id = env_vrf_id,
    };
}

/* ---- reload -------------------------------------------------------------------------------------------------------- */
/* The file as the parent opened it; NULL when it cannot be read. */
static char *config_read(struct daemon *d)
{
    int fd = -1;
    if (rt_broker_call(d->start.broker, RT_ASK_CONFIG, BROKER_TIMEOUT_MS, &fd) != CV_OK || fd < 0)
        return NULL;
    char *text = malloc(CONFIG_MAX + 1);
    size_t len = 0;
    ssize_t n = 0;
    while (text && len <= CONFIG_MAX && (n = read(fd, text + len, CONFIG_MAX + 1 - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        len += (size_t)n;
    }
    close(fd);
    if (!text || n != 0 || len > CONFIG_MAX) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    return text;
}

static bool same_platform(const struct cfg *a, const struct cfg *b)
{
    static struct platform x, y;
    cfg_platform_of(a, &x);
    cfg_platform_of(b, &y);
    return platform_same_but_workers(&x, &y);
}

static bool same_workers(const struct cfg *a, const struct cfg *b)
{
    return a->platform.workers == b->platform.workers && strcmp(a->platform.lcores, b->platform.lcores) == 0;
}

static void config_commit(struct daemon *d, struct cfg *cfg, struct apply_set *want)
{
    struct cfg *old = d->cfg;
    struct apply_set was = d->want;
    const bool workers = !same_workers(old, cfg);
    int none = -1;
    if (!same_platform(old, cfg))
        log_warning("the platform section, beyond how many workers there are, or a port's `mtu` changed: "
                    "that takes effect when culvert-dp is "
                    "started anew");
    d->cfg = cfg;
    d->want = *want;
    daemon_pki_reload(d);
    /* Sessions first: their deletes leave by the routes that still stand. */
    ike_reconfigure(d->ike, cfg);
    if (d->hello_done)
        daemon_apply(d, &was, &d->want, false);
    if (d->hello_done && workers)
        daemon_workers(d);
    apply_free(&was);
    cfg_free(old);
    if (rt_broker_call(d->start.broker, RT_ASK_ACCEPTED, BROKER_TIMEOUT_MS, &none) != CV_OK)
        log_warning("the parent did not take note of the new configuration");
    daemon_rearm(d);
}

/* When the numbers run out, those of names that the configuration in force does not have are free again. */
static cv_result build(struct daemon *d, const struct cfg *cfg, struct apply_set *want)
{
    cv_result r = apply_build(cfg, &d->state.ifs, &d->state.vrfs, want);
    if (r != CV_ENOSPC)
        return r;
    apply_forget(&d->want, &d->state.ifs, &d->state.vrfs);
    return apply_build(cfg, &d->state.ifs, &d->state.vrfs, want);
}

cv_result daemon_reload(struct daemon *d, struct cfg_findings *f)
{
    struct cfg *cfg = NULL;
    struct apply_set want;
    memset(f, 0, sizeof *f);
    char *text = config_read(d);
    if (!text)
        return CV_EIO;
    cv_result r = cfg_parse(text, d->start.config_file, &cfg, f);
    secret_wipe(text, strlen(text));
    free(text);
    if (r == CV_OK)
        r = admit_check(cfg, f);
    if (r == CV_OK)
        r = build(d, cfg, &want);
    if (r != CV_OK) {
        cfg_free(cfg);
        return r;
    }
    config_commit(d, cfg, &want);
    log_info("configuration read again from %s", d->start.config_file);
    admit_log(f, d->start.config_file);
    cfg_findings_free(f);
    memset(f, 0, sizeof *f);
    return CV_OK;
}

/* ---- what commands may do --------------------------------------------------------------------------------------------- */
static struct ike *cli_ike(void *ctx)
{
    return ((struct daemon *)ctx)->ike;
}

static const struct cfg *cli_cfg(void *ctx)
{
    return ((struct daemon *)ctx)->cfg;
}

static const struct shm *cli_shm(void *ctx)
{
    struct daemon *d = ctx;
    return d->configured ? rt_link_shm(d->link) : NULL; /* greeted and configured, else it is away */
}

static uint32_t cli_if_id(void *ctx, const char *name)
{
    return rt_names_find(&((struct daemon *)ctx)->state.ifs, name);
}

static bool cli_source(void *ctx, uint16_t vrf, const struct ip_addr *dst, struct ip_addr *src)
{
    return apply_source(&((struct daemon *)ctx)->want, vrf, dst, src);
}

static cv_result cli_send_command(void *ctx, const struct cv_cmd *cmd)
{
    struct daemon *d = ctx;
    rt_reply_fn *fn = cmd->type == CV_CMD_WORKERS ? daemon_on_workers : NULL;
    return d->configured ? rt_link_command(d->link, cmd, fn, d, NULL) : CV_EAGAIN;
}

static cv_result cli_reload(void *ctx, struct cfg_findings *f)
{
    return daemon_reload(ctx, f);
}

static void cli_touched(void *ctx)
{
    daemon_rearm(ctx);
}

/* While nobody follows `debug`, the engine makes no more texts than the log takes. */
static void cli_followed(void *ctx, bool any)
{
    struct daemon *d = ctx;
    ike_watch(d->ike, any ? LOG_LEVEL_DEBUG : log_most(), any);
}

static struct pki *cli_pki(void *ctx)
{
    return ((struct daemon *)ctx)->pki;
}

static struct pki_enrol *cli_enrol(void *ctx)
{
    return ((struct daemon *)ctx)->enrol;
}

static int cli_state_dir(void *ctx)
{
    return ((struct daemon *)ctx)->start.state_dir;
}

static void cli_env_init(struct daemon *d)
{
    d->cli_env = (struct cli_env){
        .ctx = d,
        .base = d->base,
        .decisions = &d->decisions,
        .conds = &d->conds,
        .version = CULVERT_VERSION,
        .started_wall_ms = rt_wall_ms(),
        .ike = cli_ike,
        .cfg = cli_cfg,
        .shm = cli_shm,
        .if_id = cli_if_id,
        .vrf_id = env_vrf_id,
        .source_for = cli_source,
        .command = cli_send_command,
        .reload = cli_reload,
        .now_ms = env_now,
        .wall_ms = env_wall,
        .random = env_random,
        .touched = cli_touched,
        .followed = cli_followed,
        .pki = cli_pki,
        .enrol = cli_enrol,
        .state_dir = cli_state_dir,
    };
}

static const char *metrics_interface(void *ctx, unsigned n, uint32_t *if_id)
{
    const struct rt_names *ifs = &((struct daemon *)ctx)->state.ifs;
    if (n >= ifs->count)
        return NULL;
    *if_id = ifs->items[n].id;
    return ifs->items[n].name;
}

/* Tunnels matter more than figures: an address that is taken is told, and no more. */
static void metrics_start(struct daemon *d)
{
    const struct met_env env = {.ctx = d,
                                .version = CULVERT_VERSION,
                                .ike = cli_ike,
                                .shm = cli_shm,
                                .pki = cli_pki,
                                .interface = metrics_interface};
    char err[MET_ERROR_MAX];
    if (d->start.metrics && met_serve(d->base, &env, d->start.metrics, &d->metrics, err) != CV_OK)
        log_error("no metrics: %s", err);
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */
static void on_ike_timer(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;
    (void)fd;
    (void)what;
    ike_timer(d->ike);
    daemon_rearm(d);
}

static void on_save_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    daemon_save(arg);
}

static void on_connect_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    daemon_connect(arg);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;
    (void)fd;
    (void)what;
    event_base_loopbreak(d->base);
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
    struct daemon *d = arg;
    (void)what;
    if (d->stopping)
        return;
    log_info("stopping on signal %d", (int)sig);
    d->stopping = true;
    rt_timer_at(d->ike_timer, UINT64_MAX);
    rt_timer_at(d->connect_timer, UINT64_MAX);
    ike_shutdown(d->ike);
    rt_timer_at(d->stop_timer, rt_now_ms() + STOP_AFTER_MS);
}

static void on_hup(evutil_socket_t sig, short what, void *arg)
{
    struct daemon *d = arg;
    struct cfg_findings f;
    (void)sig;
    (void)what;
    cv_result r = daemon_reload(d, &f);
    if (r != CV_OK)
        log_error("configuration not changed: %s", cv_result_text(r));
    admit_log(&f, d->start.config_file);
    cfg_findings_free(&f);
}

static bool events_init(struct daemon *d)
{
    d->ike_timer = evtimer_new(d->base, on_ike_timer, d);
    d->save_timer = evtimer_new(d->base, on_save_timer, d);
    d->connect_timer = evtimer_new(d->base, on_connect_timer, d);
    d->stop_timer = evtimer_new(d->base, on_stop_timer, d);
    d->sigterm = evsignal_new(d->base, SIGTERM, on_stop, d);
    d->sigint = evsignal_new(d->base, SIGINT, on_stop, d);
    d->sighup = evsignal_new(d->base, SIGHUP, on_hup, d);
    return d->ike_timer && d->save_timer && d->connect_timer && d->stop_timer && d->sigterm && d->sigint &&
           d->sighup && evsignal_add(d->sigterm, NULL) == 0 && evsignal_add(d->sigint, NULL) == 0 &&
           evsignal_add(d->sighup, NULL) == 0;
}

static void events_free(struct daemon *d)
{
    struct event *all[] = {d->ike_timer, d->save_timer, d->connect_timer, d->stop_timer,
                           d->sigterm,   d->sigint,     d->sighup};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i])
            event_free(all[i]);
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */
static void state_init(struct daemon *d)
{
    cv_result r = rt_state_load(d->start.state_dir, &d->state);
    if (r != CV_OK)
        log_error("culvert.state is not used: %s; a running data plane starts over", cv_result_text(r));
}

static cv_result daemon_init(struct daemon *d)
{
    static const struct ike_version_ops *const versions[] = {&v2_ops, &v1_ops, NULL};
    d->base = rt_loop_new();
    if (!d->base || !events_init(d))
        return CV_ENOMEM;
    state_init(d);
    CV_TRY(apply_build(d->cfg, &d->state.ifs, &d->state.vrfs, &d->want));
    CV_TRY(daemon_link_init(d));
    CV_TRY(daemon_pki_init(d));
    env_init(d);
    CV_TRY(ike_new(&d->ike_env, d->cfg, versions, &d->ike));
    cli_env_init(d);
    cli_followed(d, false);
    daemon_pki_start(d);
    metrics_start(d);
    return cli_server_new(&d->cli_env, d->start.cli_fd, &d->cli);
}

static void daemon_free(struct daemon *d)
{
    cli_server_free(d->cli);
    d->cli = NULL;
    met_stop(d->metrics);
    d->metrics = NULL;
    daemon_pki_stop(d);
    if (d->ike)
        ike_free(d->ike);
    daemon_pki_free(d);
    rt_link_free(d->link);
    apply_free(&d->want);
    rt_state_free(&d->state);
    events_free(d);
    if (d->base)
        event_base_free(d->base);
    cfg_free(d->cfg);
}

int daemon_run(const struct daemon_start *start)
{
    static struct daemon d;
    d.start = *start;
    d.cfg = start->cfg;
    cv_result r = daemon_init(&d);
    if (r != CV_OK) {
        log_error("cannot start: %s", cv_result_text(r));
        daemon_free(&d);
        return 1;
    }
    daemon_connect(&d);
    daemon_rearm(&d);
    event_base_dispatch(d.base);
    daemon_save(&d);
    daemon_free(&d);
    return 0;
}
