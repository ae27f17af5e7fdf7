#include "control/cli/cli_if.h"

#include <string.h>

static const char *const ways[] = {[CV_DIR_IN] = "input", [CV_DIR_OUT] = "output"};

void cli_if_sum(struct cli_call *c, const char *name, struct cli_if *out)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    const uint32_t id = c->env->if_id(c->env->ctx, name);
    memset(out, 0, sizeof *out);
    if (s && id != 0 && id < CV_MAX_IFS)
        shm_if_sum(s, id, &out->stats, &out->drops);
}

static json_t *drops_json(const struct cli_if *n, enum cv_dir dir)
{
    json_t *o = json_object();
    for (unsigned r = 0; r < CV_IF_DROP_COUNT; r++)
        json_object_set_new(o, cv_if_drop_name((enum cv_if_drop)r),
                            json_integer((json_int_t)n->drops.n[dir][r]));
    return o;
}

void cli_if_json(const struct cli_if *n, json_t *o)
{
    json_object_set_new(o, "rx_packets", json_integer((json_int_t)n->stats.rx_packets));
    json_object_set_new(o, "rx_bytes", json_integer((json_int_t)n->stats.rx_bytes));
    json_object_set_new(o, "tx_packets", json_integer((json_int_t)n->stats.tx_packets));
    json_object_set_new(o, "tx_bytes", json_integer((json_int_t)n->stats.tx_bytes));
    json_object_set_new(o, "drops",
                        json_pack("{s:o, s:o}", ways[CV_DIR_IN], drops_json(n, CV_DIR_IN), ways[CV_DIR_OUT],
                                  drops_json(n, CV_DIR_OUT)));
}

void cli_if_drops(struct cli_call *c, const struct cli_if *n, enum cv_dir dir, unsigned indent)
{
    uint64_t all = 0;
    const char *before = ":";
    for (unsigned r = 0; r < CV_IF_DROP_COUNT; r++)
        all += n->drops.n[dir][r];
    cli_print(c, "%*s%llu %s drops", (int)indent, "", (unsigned long long)all, ways[dir]);
    for (unsigned r = 0; r < CV_IF_DROP_COUNT; r++) {
        if (n->drops.n[dir][r] == 0)
            continue;
        cli_print(c, "%s %llu %s", before, (unsigned long long)n->drops.n[dir][r],
                  cv_if_drop_name((enum cv_if_drop)r));
        before = ",";
    }
    cli_print(c, "\n");
}

void cli_if_limits(struct cli_call *c, const struct cfg_interface *i, unsigned indent)
{
    for (unsigned dir = 0; dir < 2; dir++)
        if (i->rate_limit[dir].bps)
            cli_print(c, "%*sRate limit %s %llu bps, burst %u bytes\n", (int)indent, "", ways[dir],
                      (unsigned long long)i->rate_limit[dir].bps, i->rate_limit[dir].burst);
}

static json_t *limit_json(const struct cfg_rate_limit *l)
{
    return l->bps ? json_pack("{s:I, s:I}", "bps", (json_int_t)l->bps, "burst_bytes", (json_int_t)l->burst)
                  : json_null();
}

void cli_if_limits_json(const struct cfg_interface *i, json_t *o)
{
    json_object_set_new(o, "rate_limit_input", limit_json(&i->rate_limit[CV_DIR_IN]));
    json_object_set_new(o, "rate_limit_output", limit_json(&i->rate_limit[CV_DIR_OUT]));
}
