#include "control/daemon_pki.h"

#include "control/daemon_enrol.h"
#include "control/ike/ike_cert.h"
#include "control/pki/pki_disk.h"
#include "control/pki_conf.h"
#include "control/pki_fetch_loop.h"
#include "control/runtime/rt_loop.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

enum { EXPIRY_EVERY_MS = 3600 * 1000, TICK_MAX_MS = 1000 };

/* ---- the store's environment ------------------------------------------------------------------------------------- */
static int64_t env_wall_s(void *ctx)
{
    (void)ctx;
    return (int64_t)(rt_wall_ms() / 1000);
}

static uint64_t env_now_ms(void *ctx)
{
    (void)ctx;
    return rt_now_ms();
}

static void env_random(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    rt_random(out, n);
}

static bool env_fetch(void *ctx, uint64_t id, const char *url, struct slice body, const char *content_type)
{
    struct daemon *d = ctx;
    return d->pki_fetches && pki_fetch_loop_start(d->pki_fetches, id, url, body, content_type);
}

static void env_changed(void *ctx)
{
    struct daemon *d = ctx;
    if (!d->ike || d->stopping)
        return;
    ike_pki_changed(d->ike);
    daemon_rearm(d);
}

static void env_event(void *ctx, enum log_level level, const char *topic, const char *text)
{
    struct daemon *d = ctx;
    static const struct ike_about nobody = {.fvrf = "", .profile = "", .interface = "", .state = ""};
    const struct ike_event e = {.level = level,
                                .facility = strcmp(topic, "messages") == 0       ? "pki-messages"
                                            : strcmp(topic, "transactions") == 0 ? "pki-transactions"
                                                                                 : "pki-validation",
                                .text = text,
                                .about = &nobody};
    if (d->cli)
        cli_server_event(d->cli, &e);
    log_write(level, "pki: (%s) %s", topic, text);
}

static void env_excused(void *ctx, const char *trustpoint, const struct pki_cert *c,
                        struct pki_exception *out)
{
    pki_conf_excused(((struct daemon *)ctx)->cfg, trustpoint, c, out);
}

static void fetched(void *ctx, uint64_t id, unsigned status, struct slice data, const char *error)
{
    struct daemon *d = ctx;
    pki_fetched(d->pki, id, status, data, error);
}

/* ---- certificates of the file ---------------------------------------------------------------------------------------- */
static struct cr_key *key_by_label(const struct daemon *d, const char *label, const struct cr_key *public)
{
    struct cr_key *k = NULL;
    if (!label[0] || pki_disk_key_load(d->start.state_dir, label, &k, NULL) != CV_OK)
        return NULL;
    if (cr_key_same(k, public))
        return k;
    cr_key_free(k);
    return NULL;
}

/* The label that the configuration names, that of the trust-point, or any other that fits: a public half has one private half. */
static struct cr_key *find_key(void *ctx, const struct cfg_trustpoint *t, const struct cr_key *public)
{
    enum { LABELS = 64 };
    const struct daemon *d = ctx;
    static char labels[LABELS][PKI_NAME_MAX];
    struct cr_key *k = key_by_label(d, t->key_label, public);
    if (!k)
        k = key_by_label(d, t->name, public);
    unsigned count = k ? 0 : pki_disk_keys(d->start.state_dir, labels, LABELS);
    for (unsigned i = 0; !k && i < count && i < LABELS; i++)
        k = key_by_label(d, labels[i], public);
    return k;
}

static void say_unused(void *ctx, int line, const char *text)
{
    const struct daemon *d = ctx;
    log_warning("%s:%d: %s", d->start.config_file, line, text);
}

/* From the configuration in force: options, then what is on the disk, then what stands in the file itself. */
static cv_result configure(struct daemon *d)
{
    const struct pki_conf_env env = {.ctx = d, .key = find_key, .say = say_unused};
    CV_TRY(pki_conf_apply(d->pki, d->cfg));
    cv_result r = pki_disk_load(d->pki, d->start.state_dir);
    if (r != CV_OK)
        log_error("certificates and keys under the state directory are not used: %s", cv_result_text(r));
    pki_conf_install(d->pki, d->cfg, &env);
    return daemon_enrol_configure(d);
}

/* ---- timer --------------------------------------------------------------------------------------------------------------- */
static void warn(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    log_write(level, "%s", text);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *d = arg;
    (void)fd;
    (void)what;
    uint64_t now = rt_now_ms(), wait = pki_tick(d->pki);
    pki_enrol_tick(d->enrol);
    if (now >= d->pki_expiry_at_ms) {
        pki_expiry_check(&d->pki_expiry, d->pki, env_wall_s(d), warn, d);
        d->pki_expiry_at_ms = now + EXPIRY_EVERY_MS;
    }
    rt_timer_at(d->pki_timer, now + (wait < TICK_MAX_MS ? wait : TICK_MAX_MS));
}

/* ---- life ----------------------------------------------------------------------------------------------------------------- */
cv_result daemon_pki_init(struct daemon *d)
{
    const struct pki_env env = {.ctx = d,
                                .wall_s = env_wall_s,
                                .now_ms = env_now_ms,
                                .random = env_random,
                                .fetch = env_fetch,
                                .changed = env_changed,
                                .event = env_event,
                                .excused = env_excused};
    d->pki = pki_new(&env);
    d->pki_fetches = pki_fetch_loop_new(d->base, NULL, fetched, d);
    d->pki_timer = evtimer_new(d->base, on_tick, d);
    if (!d->pki || !d->pki_fetches || !d->pki_timer)
        return CV_ENOMEM;
    return configure(d);
}

void daemon_pki_start(struct daemon *d)
{
    rt_timer_at(d->pki_timer, rt_now_ms());
}

void daemon_pki_reload(struct daemon *d)
{
    cv_result r = configure(d);
    if (r != CV_OK)
        log_error("the trust-points stay as they were: %s", cv_result_text(r));
    d->pki_expiry_at_ms = 0;
    rt_timer_at(d->pki_timer, rt_now_ms());
}

void daemon_pki_stop(struct daemon *d)
{
    pki_fetch_loop_free(d->pki_fetches);
    d->pki_fetches = NULL;
    if (d->pki_timer)
        event_free(d->pki_timer);
    d->pki_timer = NULL;
}

void daemon_pki_free(struct daemon *d)
{
    daemon_enrol_free(d);
    pki_free(d->pki);
    d->pki = NULL;
}
