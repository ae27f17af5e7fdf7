#include "control/cli/cli_flow.h"

#include "control/cli/cli_text.h"

#include <stdio.h>
#include <string.h>

/* The contract names engines, not the engine of one SA: told when only one has sessions. */
static void engine_name(struct cli_call *c, char out[CV_NAME_MAX])
{
    const struct shm *s = c->env->shm(c->env->ctx);
    unsigned n = 0;
    snprintf(out, CV_NAME_MAX, "unknown");
    for (unsigned i = 0; s && i < CV_MAX_ENGINES; i++) {
        const struct cv_engine_stats *e = shm_engine_stats(s, i);
        if (e->engine[0] == '\0' || e->sessions == 0)
            continue;
        snprintf(out, CV_NAME_MAX, "%.*s", CV_NAME_MAX - 1, n++ ? "auto" : e->engine);
    }
}

static void leave_out(struct cv_sa_counters *n, const struct cv_sa_counters *cleared)
{
    n->packets -= cleared->packets;
    n->bytes -= cleared->bytes;
    n->auth_failed -= cleared->auth_failed;
    n->replayed -= cleared->replayed;
    n->ts_failed -= cleared->ts_failed;
    n->other_drops -= cleared->other_drops;
}

void cli_flow_view(struct cli_call *c, const struct sam_child *child, struct cli_flow_view *out)
{
    uint64_t idle, now = cli_now_ms(c);
    memset(out, 0, sizeof *out);
    out->child = child;
    sam_child_counters(ike_sam(c->env->ike(c->env->ctx)), child, &out->in, &out->out, &idle);
    out->has_time = child->hard_at_ms != UINT64_MAX;
    if (out->has_time && child->hard_at_ms > now)
        out->remaining_s = (child->hard_at_ms - now) / 1000u;
    out->has_volume = child->hard_bytes != 0;
    uint64_t used = out->in.bytes > out->out.bytes ? out->in.bytes : out->out.bytes;
    if (out->has_volume && child->hard_bytes > used)
        out->remaining_kb = (child->hard_bytes - used) / 1024u;
    if (out->in.packets >= child->cleared_in.packets && out->out.packets >= child->cleared_out.packets) {
        leave_out(&out->in, &child->cleared_in);
        leave_out(&out->out, &child->cleared_out);
        out->in_before = child->cleared_in.packets;
        out->out_before = child->cleared_out.packets;
    }
    cli_transform(child->encr, child->key_bits, child->integ, out->transform);
    engine_name(c, out->engine);
}

bool cli_flow_dynamic(struct cli_call *c, const char *interface)
{
    const struct cfg_interface *i = cfg_find_interface(c->env->cfg(c->env->ctx), interface);
    return i && i->flow && i->flow->is_dynamic;
}

const struct sam_child *cli_flow_of(struct cli_call *c, const struct ike_session_view *v,
                                    const struct sam_child *k)
{
    if (!cli_flow_dynamic(c, v->interface))
        return k;
    while (k && !ip_addr_equal(&k->remote.addr, &v->peer.addr))
        k = k->next_of_tunnel;
    return k;
}

uint64_t cli_flow_drops_in(const struct cli_flow_view *v)
{
    return v->in.auth_failed + v->in.replayed + v->in.ts_failed + v->in.other_drops;
}

static json_t *direction_json(uint32_t spi, const struct cv_sa_counters *n, bool in)
{
    json_t *o = json_pack("{s:I, s:I, s:I}", "spi", (json_int_t)spi, "packets", (json_int_t)n->packets,
                          "bytes", (json_int_t)n->bytes);
    if (in) {
        json_object_set_new(o, "auth_failed", json_integer((json_int_t)n->auth_failed));
        json_object_set_new(o, "replayed", json_integer((json_int_t)n->replayed));
        json_object_set_new(o, "ts_failed", json_integer((json_int_t)n->ts_failed));
    }
    json_object_set_new(o, "other_drops", json_integer((json_int_t)n->other_drops));
    return o;
}

static json_t *idents_json(const struct ts *ts, unsigned count)
{
    char text[TS_TEXT_MAX];
    if (count == 1)
        return json_string(ts_text(&ts[0], text));
    char all[CV_TS_MAX * TS_TEXT_MAX] = "";
    for (unsigned i = 0; i < count && i < CV_TS_MAX; i++) {
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i ? "," : "", ts_text(&ts[i], text));
    }
    return json_string(all);
}

json_t *cli_flow_json(const struct cli_flow_view *v)
{
    const struct sam_child *k = v->child;
    json_t *o = json_object();
    json_object_set_new(o, "local_ident", idents_json(k->ts_local, k->ts_count));
    json_object_set_new(o, "remote_ident", idents_json(k->ts_remote, k->ts_count));
    json_object_set_new(o, "inbound", direction_json(k->in.spi, &v->in, true));
    json_object_set_new(o, "outbound", direction_json(k->out.spi, &v->out, false));
    json_object_set_new(o, "transform", json_string(v->transform));
    json_object_set_new(o, "mode", json_string(k->transport ? "transport" : "tunnel"));
    json_object_set_new(o, "remaining_s",
                        v->has_time ? json_integer((json_int_t)v->remaining_s) : json_null());
    json_object_set_new(o, "remaining_kb",
                        v->has_volume ? json_integer((json_int_t)v->remaining_kb) : json_null());
    json_object_set_new(o, "replay_window", json_integer(k->replay_window));
    json_object_set_new(o, "esn", json_boolean(k->esn));
    json_object_set_new(o, "engine", json_string(v->engine));
    json_object_set_new(o, "state", json_string(sam_state_text(k->state)));
    json_object_set_new(o, "active", json_boolean(k->active));
    json_object_set_new(o, "udp_encapsulated", json_boolean(k->natt));
    json_object_set_new(o, "pfs_group", json_integer(k->dh));
    return o;
}
