#include "control/cli/cli_show_sys.h"

#include "control/cli/cli_text.h"
#include "control/config/cfg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the data plane --------------------------------------------------------------------------------------------------- */
static double busy_percent(const struct cv_worker_stats *w)
{
    return w->total_cycles ? 100.0 * (double)w->busy_cycles / (double)w->total_cycles : 0.0;
}

static double cycles_per_packet(const struct cv_worker_stats *w)
{
    return w->rx_packets ? (double)w->busy_cycles / (double)w->rx_packets : 0.0;
}

/* Fixed-size names of the shared memory need not end in a NUL. */
static json_t *name_json(const char name[CV_NAME_MAX])
{
    return json_stringn(name, strnlen(name, CV_NAME_MAX));
}

static json_t *workers_json(const struct shm *s)
{
    json_t *a = json_array();
    const unsigned workers = shm_workers(s);
    for (unsigned i = 0; i < workers; i++) {
        const struct cv_worker_stats *w = shm_worker_stats(s, i);
        json_array_append_new(a, json_pack("{s:i, s:b, s:I, s:I, s:f, s:f, s:I, s:I}", "lcore", (int)w->lcore,
                                           "running", w->running != 0, "rx_packets",
                                           (json_int_t)w->rx_packets, "tx_packets", (json_int_t)w->tx_packets,
                                           "busy_percent", busy_percent(w), "cycles_per_packet",
                                           cycles_per_packet(w), "handed_off", (json_int_t)w->handed_off,
                                           "crypto_packets", (json_int_t)w->crypto_packets));
    }
    return a;
}

static json_t *ports_json(const struct shm *s)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < s->head->ports && i < CV_MAX_PORTS; i++) {
        const struct cv_port_stats *p = shm_port_stats(s, i);
        json_t *o =
            json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:i, s:i}", "name",
                      name_json(p->name), "driver", name_json(p->driver), "rx_packets",
                      (json_int_t)p->rx_packets, "rx_bytes", (json_int_t)p->rx_bytes, "tx_packets",
                      (json_int_t)p->tx_packets, "tx_bytes", (json_int_t)p->tx_bytes, "rx_missed",
                      (json_int_t)p->rx_missed, "rx_errors", (json_int_t)p->rx_errors, "tx_errors",
                      (json_int_t)p->tx_errors, "rx_no_mbuf", (json_int_t)p->rx_no_mbuf, "link",
                      p->link_up ? "up" : "down", "speed_mbps", (int)p->speed_mbps, "mtu", (int)p->mtu);
        json_array_append_new(a, o);
    }
    return a;
}

static uint64_t drops_of(const struct shm *s, unsigned reason)
{
    uint64_t n = 0;
    for (unsigned w = 0; w <= s->workers; w++) /* the last is the manager's */
        n += shm_worker_stats(s, w)->drops[reason];
    return n;
}

static json_t *drops_json(const struct shm *s)
{
    json_t *o = json_object();
    for (unsigned i = 1; i < CV_DROP_COUNT; i++)
        json_object_set_new(o, cv_drop_name((enum cv_drop)i), json_integer((json_int_t)drops_of(s, i)));
    return o;
}

static json_t *engines_json(const struct shm *s)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < CV_MAX_ENGINES; i++) {
        const struct cv_engine_stats *e = shm_engine_stats(s, i);
        if (e->engine[0])
            json_array_append_new(a, json_pack("{s:o, s:o, s:I, s:I}", "engine", name_json(e->engine),
                                               "device", name_json(e->device), "sessions",
                                               (json_int_t)e->sessions, "packets", (json_int_t)e->packets));
    }
    return a;
}

static void dataplane_text(struct cli_call *c, const struct shm *s)
{
    cli_print(c, "Worker  Lcore  Rx packets      Tx packets      Busy     Cycles/packet\n");
    const unsigned workers = shm_workers(s);
    for (unsigned i = 0; i < workers; i++) {
        const struct cv_worker_stats *w = shm_worker_stats(s, i);
        cli_print(c, "%-7u %-6u %-15llu %-15llu %6.2f%%  %.0f\n", i, w->lcore,
                  (unsigned long long)w->rx_packets, (unsigned long long)w->tx_packets, busy_percent(w),
                  cycles_per_packet(w));
    }
    cli_print(c, "\nPort                 Driver           Link  Rx packets      Tx packets      Rx missed\n");
    for (unsigned i = 0; i < s->head->ports && i < CV_MAX_PORTS; i++) {
        const struct cv_port_stats *p = shm_port_stats(s, i);
        cli_print(c, "%-20.*s %-16.*s %-5s %-15llu %-15llu %llu\n", CV_NAME_MAX, p->name, CV_NAME_MAX,
                  p->driver, p->link_up ? "up" : "down", (unsigned long long)p->rx_packets,
                  (unsigned long long)p->tx_packets, (unsigned long long)p->rx_missed);
    }
    cli_print(c, "\nDrops\n");
    for (unsigned i = 1; i < CV_DROP_COUNT; i++) {
        uint64_t n = drops_of(s, i);
        if (n)
            cli_print(c, "%-20s %-12llu %s\n", cv_drop_name((enum cv_drop)i), (unsigned long long)n,
                      cv_drop_text((enum cv_drop)i));
    }
    cli_print(c, "\nCrypto engine  Device                           Sessions  Packets\n");
    for (unsigned i = 0; i < CV_MAX_ENGINES; i++) {
        const struct cv_engine_stats *e = shm_engine_stats(s, i);
        if (e->engine[0])
            cli_print(c, "%-14.*s %-32.*s %-9llu %llu\n", CV_NAME_MAX, e->engine, CV_NAME_MAX, e->device,
                      (unsigned long long)e->sessions, (unsigned long long)e->packets);
    }
}

static const struct shm *shm_of(struct cli_call *c)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    if (!s)
        cli_error(c, "the data plane is away");
    return s;
}

int cli_show_dataplane(struct cli_call *c)
{
    const struct shm *s = shm_of(c);
    if (!s)
        return CLI_NOT_SO;
    if (!c->json) {
        dataplane_text(c, s);
        return CLI_OK;
    }
    cli_json(c, json_pack("{s:o, s:o, s:o, s:o, s:o}", "workers", workers_json(s), "ports", ports_json(s),
                          "drops", drops_json(s), "crypto", engines_json(s), "boot_id",
                          json_sprintf("%016llx", (unsigned long long)s->head->boot_id)));
    return CLI_OK;
}

/* ---- memory ----------------------------------------------------------------------------------------------------------- */
static double octets_each(const struct cv_memory_row *r)
{
    return r->count ? (double)r->bytes / (double)r->count : 0.0;
}

static void memory_json(struct cli_call *c, const struct shm *s)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < CV_MAX_MEMORY_ROWS; i++) {
        const struct cv_memory_row *r = shm_memory_row(s, i);
        if (r->name[0])
            json_array_append_new(a, json_pack("{s:o, s:I, s:I, s:f}", "name", name_json(r->name), "count",
                                               (json_int_t)r->count, "bytes", (json_int_t)r->bytes,
                                               "bytes_each", octets_each(r)));
    }
    cli_json(c, json_pack("{s:o, s:i}", "memory", a, "table_size", 1 << s->sa_index_bits));
}

int cli_show_memory(struct cli_call *c)
{
    const struct shm *s = shm_of(c);
    if (!s)
        return CLI_NOT_SO;
    if (c->json) {
        memory_json(c, s);
        return CLI_OK;
    }
    cli_print(c, "SA tables of %u in each direction\n\n", 1u << s->sa_index_bits);
    cli_print(c, "Memory            Objects     Octets          Each\n");
    for (unsigned i = 0; i < CV_MAX_MEMORY_ROWS; i++) {
        const struct cv_memory_row *r = shm_memory_row(s, i);
        if (r->name[0] && r->count)
            cli_print(c, "%-17.*s %-11llu %-15llu %.0f\n", CV_NAME_MAX, r->name, (unsigned long long)r->count,
                      (unsigned long long)r->bytes, octets_each(r));
        else if (r->name[0])
            cli_print(c, "%-17.*s             %llu\n", CV_NAME_MAX, r->name, (unsigned long long)r->bytes);
    }
    return CLI_OK;
}

/* ---- configuration and version -------------------------------------------------------------------------------------------- */
int cli_show_config(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    int n = cfg_write(cfg, false, NULL, 0);
    char *text = n >= 0 ? malloc((size_t)n + 1) : NULL;
    if (!text || cfg_write(cfg, false, text, (size_t)n + 1) != n) {
        cli_error(c, "the configuration cannot be written out");
        free(text);
        return CLI_NOT_SO;
    }
    if (c->json)
        cli_json(c, json_pack("{s:s, s:s}", "file", cfg->file, "text", text));
    else
        cli_print(c, "%s", text);
    free(text);
    return CLI_OK;
}

int cli_show_version(struct cli_call *c)
{
    char up[CLI_TEXT_MAX], since[CLI_TEXT_MAX];
    uint64_t now = cli_wall_ms(c), started = c->env->started_wall_ms;
    uint64_t uptime = now > started ? (now - started) / 1000u : 0;
    const char *host = c->env->cfg(c->env->ctx)->hostname;
    if (c->json)
        cli_json(c, json_pack("{s:s, s:i, s:s, s:I, s:s}", "version", c->env->version, "contract_version",
                              (int)CV_CONTRACT_VERSION, "started", cli_time(started, since), "uptime_s",
                              (json_int_t)uptime, "hostname", host));
    else
        cli_print(c, "culvert %s, contract version %u\n%s uptime is %s, since %s\n", c->env->version,
                  CV_CONTRACT_VERSION, host[0] ? host : "culvertd", cli_uptime(uptime, up),
                  cli_time(started, since));
    return CLI_OK;
}
