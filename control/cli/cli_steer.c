#include "control/cli/cli_steer.h"

#include "common/steer.h"
#include "control/cli/cli_take.h"
#include "control/config/cfg.h"

#include <string.h>

/* ---- what the shared memory says ------------------------------------------------------------------------------ */
static const char *by_text(unsigned by)
{
    static const char *const text[] = {[CV_STEER_HANDOFF] = "hand-off",
                                       [CV_STEER_BUCKETS] = "flow rules by bucket",
                                       [CV_STEER_WORKERS] = "flow rules by worker",
                                       [CV_STEER_ONE] = "one worker",
                                       [CV_STEER_SPI] = "RSS on SPI, hand-off"};
    return by < sizeof text / sizeof text[0] ? text[by] : "?";
}

static const char *rss_text(unsigned rss, char out[32])
{
    snprintf(out, 32, "%s%s%s", rss & CV_RSS_IP ? " ip" : "", rss & CV_RSS_UDP ? " udp" : "",
             rss & CV_RSS_ESP ? " esp-spi" : "");
    return out[0] ? out + 1 : "none";
}

static uint64_t load(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Of a bucket, summed over the workers. */
struct sums {
    uint64_t landed, handed;
};

static struct sums bucket_sums(const struct shm *s, unsigned bucket)
{
    struct sums n = {0, 0};
    uint64_t worked = 0;
    const unsigned ever = shm_workers_ever(s);
    for (unsigned w = 0; w < ever; w++) {
        const struct cv_steer_counts *c = shm_steer_counts(s, w);
        worked += load(&c->worked[bucket]);
        n.handed += load(&c->handed[bucket]);
    }
    n.landed = worked > n.handed ? worked - n.handed : 0; /* the two are not read at one moment */
    return n;
}

/* ---- show ----------------------------------------------------------------------------------------------------- */
static json_t *why_json(const char why[56])
{
    return why[0] ? json_stringn(why, strnlen(why, 56)) : json_null();
}

static json_t *ports_json(const struct shm *s)
{
    json_t *a = json_array();
    char rss[32];
    for (unsigned i = 0; i < s->head->ports && i < CV_MAX_PORTS; i++) {
        const struct cv_steer_port *p = &shm_steer(s)->port[i];
        const struct cv_port_stats *port = shm_port_stats(s, i);
        json_array_append_new(
            a, json_pack("{s:o, s:o, s:s, s:o, s:s, s:o, s:i, s:i, s:s}", "name",
                         json_stringn(port->name, strnlen(port->name, CV_NAME_MAX)), "driver",
                         json_stringn(port->driver, strnlen(port->driver, CV_NAME_MAX)), "esp",
                         by_text(p->esp), "esp_refusal", why_json(p->esp_why), "esp_in_udp", by_text(p->natt),
                         "esp_in_udp_refusal", why_json(p->natt_why), "rules", (int)p->rules, "rx_queues",
                         (int)p->rx_queues, "rss", rss_text(p->rss, rss)));
    }
    return a;
}

static json_t *buckets_json(const struct shm *s)
{
    json_t *a = json_array();
    for (unsigned b = 0; b < CV_BUCKETS; b++) {
        const struct cv_steer_bucket *k = &shm_steer(s)->bucket[b];
        const struct sums n = bucket_sums(s, b);
        json_array_append_new(a, json_pack("{s:i, s:i, s:b, s:I, s:I, s:I}", "bucket", (int)b, "worker",
                                           (int)k->worker, "moving", k->moving != 0, "moves",
                                           (json_int_t)k->moves, "landed", (json_int_t)n.landed, "handed_off",
                                           (json_int_t)n.handed));
    }
    return a;
}

static void ports_text(struct cli_call *c, const struct shm *s)
{
    char rss[32];
    cli_print(c, "Port                 Driver           Queues  ESP                   ESP in UDP            "
                 "Rules  RSS\n");
    for (unsigned i = 0; i < s->head->ports && i < CV_MAX_PORTS; i++) {
        const struct cv_steer_port *p = &shm_steer(s)->port[i];
        const struct cv_port_stats *port = shm_port_stats(s, i);
        cli_print(c, "%-20.*s %-16.*s %-7u %-21s %-21s %-6u %s\n", CV_NAME_MAX, port->name, CV_NAME_MAX,
                  port->driver, p->rx_queues, by_text(p->esp), by_text(p->natt), p->rules,
                  rss_text(p->rss, rss));
        if (p->esp_why[0])
            cli_print(c, "  ESP: %.*s\n", (int)sizeof p->esp_why, p->esp_why);
        if (p->natt_why[0])
            cli_print(c, "  ESP in UDP: %.*s\n", (int)sizeof p->natt_why, p->natt_why);
    }
}

static void buckets_text(struct cli_call *c, const struct shm *s)
{
    const struct cv_steer *t = shm_steer(s);
    const bool several = shm_workers_ever(s) > 1;
    cli_print(c, "\nBuckets moved: %llu, of these automatically: %llu; automatic moves are %s\n",
              (unsigned long long)t->moves, (unsigned long long)t->automatic, t->balancing ? "on" : "off");
    cli_print(c, "Bucket  Worker  Moves  Landed right    Handed off\n");
    for (unsigned b = 0; b < CV_BUCKETS; b++) {
        const struct sums n = bucket_sums(s, b);
        if (several && (n.landed || n.handed || t->bucket[b].moves))
            cli_print(c, "%-7u %u%-6s %-6llu %-15llu %llu\n", b, t->bucket[b].worker,
                      t->bucket[b].moving ? "<" : "", (unsigned long long)t->bucket[b].moves,
                      (unsigned long long)n.landed, (unsigned long long)n.handed);
    }
}

int cli_show_steering(struct cli_call *c)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    if (!s) {
        cli_error(c, "the data plane is away");
        return CLI_NOT_SO;
    }
    const struct cv_steer *t = shm_steer(s);
    if (c->json) {
        cli_json(c, json_pack("{s:i, s:o, s:o, s:I, s:I, s:b}", "workers", (int)shm_workers(s), "ports",
                              ports_json(s), "buckets", buckets_json(s), "moves", (json_int_t)t->moves,
                              "automatic_moves", (json_int_t)t->automatic, "automatic", t->balancing != 0));
        return CLI_OK;
    }
    ports_text(c, s);
    buckets_text(c, s);
    return CLI_OK;
}

/* ---- platform rebalance [bucket N worker N] -------------------------------------------------------------------- */
static bool take_move(struct cli_call *c, const struct shm *s, struct cv_steer_cmd *move)
{
    const char *bucket = cli_opt(&c->cmd, "bucket"), *worker = cli_opt(&c->cmd, "worker");
    *move = (struct cv_steer_cmd){CV_STEER_BALANCE, 0};
    if (!bucket && !worker)
        return true;
    if (!bucket || !worker) {
        cli_error(c, "a bucket moves to a worker: name both, as in: platform rebalance bucket 5 worker 1");
        return false;
    }
    if (!cli_take_number(c, bucket, "number of a bucket", &move->bucket) ||
        !cli_take_number(c, worker, "number of a worker", &move->worker))
        return false;
    if (move->bucket < CV_BUCKETS && move->worker < shm_workers(s))
        return true;
    cli_error(c, "bucket %u, worker %u: there are buckets 0 to %u and workers 0 to %u", move->bucket,
              move->worker, CV_BUCKETS - 1, shm_workers(s) - 1);
    return false;
}

int cli_platform_rebalance(struct cli_call *c)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    struct cv_cmd cmd = {.type = CV_CMD_STEER};
    if (!s) {
        cli_error(c, "the data plane is away");
        return CLI_NOT_SO;
    }
    if (!take_move(c, s, &cmd.u.steer))
        return CLI_USAGE;
    if (shm_workers(s) < 2) {
        cli_error(c,
                  "there is one worker: nothing can move; `workers` of the platform section says how many");
        return CLI_NOT_SO;
    }
    cv_result r = c->env->command(c->env->ctx, &cmd);
    if (r != CV_OK) {
        cli_error(c, "the data plane is away: %s", cv_result_text(r));
        return CLI_NOT_SO;
    }
    if (c->json)
        cli_json(c, json_pack("{s:b}", "asked", 1));
    return CLI_OK;
}

/* ---- platform workers N ------------------------------------------------------------------------------------------ */
int cli_platform_workers(struct cli_call *c)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    struct cv_cmd cmd = {.type = CV_CMD_WORKERS};
    uint32_t n;
    if (!s) {
        cli_error(c, "the data plane is away");
        return CLI_NOT_SO;
    }
    if (!cli_take_number(c, c->cmd.args[0], "number of workers", &n))
        return CLI_USAGE;
    if (n < 1 || n > s->workers) {
        cli_error(c, "%u workers: there may be 1 to %u", n, s->workers);
        return CLI_USAGE;
    }
    platform_workers(&c->env->cfg(c->env->ctx)->platform, n, &cmd.u.workers);
    cv_result r = c->env->command(c->env->ctx, &cmd);
    if (r != CV_OK) {
        cli_error(c, "the data plane is away: %s", cv_result_text(r));
        return CLI_NOT_SO;
    }
    if (c->json)
        cli_json(c, json_pack("{s:i, s:i}", "workers", (int)shm_workers(s), "asked", (int)n));
    else
        cli_print(c, "%u workers run, %u are asked for; `show platform dataplane` shows them\n",
                  shm_workers(s), n);
    return CLI_OK;
}
