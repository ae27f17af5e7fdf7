#include "control/cli/cli_flow.h"

#include "control/cli/cli_text.h"

#include <stdio.h>
#include <string.h>

/* ---- which engine works on it ---------------------------------------------------------------------------------- */
static void engine_of(const struct shm *s, const struct cv_sa_ref *ref, struct cv_sa_engine *out)
{
    memset(out, 0, sizeof *out);
    if (!s || ref->spi == 0 || ref->sa_id >= 1u << s->sa_index_bits)
        return;
    const struct cv_sa_engine *row = shm_sa_engine(s, ref->dir, ref->sa_id);
    out->by = __atomic_load_n(&row->by, __ATOMIC_RELAXED);
    out->why = __atomic_load_n(&row->why, __ATOMIC_RELAXED);
    out->since_tsc = __atomic_load_n(&row->since_tsc, __ATOMIC_RELAXED);
}

static void offload_of(const struct shm *s, const struct cv_sa_ref *ref, struct cv_sa_offload *out)
{
    memset(out, 0, sizeof *out);
    if (!s || ref->spi == 0 || ref->sa_id >= 1u << s->sa_index_bits)
        return;
    const struct cv_sa_offload *row = shm_sa_offload(s, ref->dir, ref->sa_id);
    out->row = __atomic_load_n(&row->row, __ATOMIC_RELAXED);
    out->counted = __atomic_load_n(&row->counted, __ATOMIC_RELAXED);
    out->packets = __atomic_load_n(&row->packets, __ATOMIC_RELAXED);
}

/* The device of the engine's row, without what the row says behind its name; "" when it has none. */
static const char *engine_device(struct cli_call *c, const struct cv_sa_engine *e,
                                 const struct cv_sa_offload *o, char out[CV_NAME_MAX])
{
    const struct shm *s = c->env->shm(c->env->ctx);
    out[0] = '\0';
    if (e->by == CV_ENGINE_IPSECMB || e->by == CV_ENGINE_VAES)
        return out;
    unsigned rows = 0; /* inline: one for each port, and the SA says which */
    for (unsigned i = 0; s && i < CV_MAX_ENGINES; i++) {
        const struct cv_engine_stats *row = shm_engine_stats(s, i);
        if ((o->row == 0 || o->row == i + 1) &&
            strncmp(row->engine, cv_engine_name(e->by), sizeof row->engine) == 0 && ++rows)
            snprintf(out, CV_NAME_MAX, "%.*s", CV_NAME_MAX - 1, row->device);
    }
    out[rows == 1 ? strcspn(out, " ") : 0] = '\0';
    return out;
}

static uint64_t engine_age_s(struct cli_call *c, const struct cv_sa_engine *e)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    const uint64_t now = s ? __atomic_load_n(&s->head->now_tsc, __ATOMIC_RELAXED) : 0;
    return s && s->tsc_hz && now > e->since_tsc ? (now - e->since_tsc) / s->tsc_hz : 0;
}

void cli_flow_engine(struct cli_call *c, const struct cli_flow_view *v, bool in, char *out, size_t len)
{
    const struct cv_sa_engine *e = in ? &v->in_by : &v->out_by;
    char device[CV_NAME_MAX];
    if (e->why != CV_ENGINE_WHY_NONE)
        snprintf(out, len, "%s for %llu s: %s", cv_engine_name(e->by), (unsigned long long)engine_age_s(c, e),
                 cv_engine_why_text(e->why));
    else if (engine_device(c, e, in ? &v->in_off : &v->out_off, device)[0])
        snprintf(out, len, "%s %s %s", cv_engine_name(e->by), device, cv_engine_mode(e->by));
    else
        snprintf(out, len, "%s", cv_engine_name(e->by));
}

static void engines_find(struct cli_call *c, struct cli_flow_view *v)
{
    const struct shm *s = c->env->shm(c->env->ctx);
    engine_of(s, &v->child->in, &v->in_by);
    engine_of(s, &v->child->out, &v->out_by);
    offload_of(s, &v->child->in, &v->in_off);
    offload_of(s, &v->child->out, &v->out_off);
    const char *in = cv_engine_name(v->in_by.by), *out = cv_engine_name(v->out_by.by);
    const bool one = v->child->out.spi == 0 || strcmp(in, out) == 0;
    snprintf(v->engine, sizeof v->engine, "%s", one ? in : "mixed");
}

static void engine_json(struct cli_call *c, json_t *o, const struct cli_flow_view *v, bool in)
{
    const struct cv_sa_engine *e = in ? &v->in_by : &v->out_by;
    const struct cv_sa_offload *off = in ? &v->in_off : &v->out_off;
    char device[CV_NAME_MAX];
    const char *name = engine_device(c, e, off, device);
    json_object_set_new(o, "engine", json_string(cv_engine_name(e->by)));
    json_object_set_new(o, "engine_mode", json_string(cv_engine_mode(e->by)));
    json_object_set_new(o, "engine_device", name[0] ? json_string(name) : json_null());
    json_object_set_new(o, "engine_fallback",
                        e->why == CV_ENGINE_WHY_NONE
                            ? json_null()
                            : json_pack("{s:s, s:s, s:I}", "reason", cv_engine_why_name(e->why), "text",
                                        cv_engine_why_text(e->why), "age_s", (json_int_t)engine_age_s(c, e)));
    json_object_set_new(o, "offloaded", off->counted ? json_integer((json_int_t)off->packets) : json_null());
}

/* ---- what is counted and left ------------------------------------------------------------------------------------ */
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
    out->has_packets = child->hard_packets != 0;
    used = out->in.packets > out->out.packets ? out->in.packets : out->out.packets;
    if (out->has_packets && child->hard_packets > used)
        out->remaining_packets = child->hard_packets - used;
    if (out->in.packets >= child->cleared_in.packets && out->out.packets >= child->cleared_out.packets) {
        leave_out(&out->in, &child->cleared_in);
        leave_out(&out->out, &child->cleared_out);
        out->in_before = child->cleared_in.packets;
        out->out_before = child->cleared_out.packets;
    }
    cli_transform(child->encr, child->key_bits, child->integ, out->transform);
    engines_find(c, out);
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

static json_t *direction_json(struct cli_call *c, const struct cli_flow_view *v, bool in)
{
    const struct cv_sa_counters *n = in ? &v->in : &v->out;
    const uint32_t spi = in ? v->child->in.spi : v->child->out.spi;
    json_t *o = json_pack("{s:I, s:I, s:I}", "spi", (json_int_t)spi, "packets", (json_int_t)n->packets,
                          "bytes", (json_int_t)n->bytes);
    if (in) {
        json_object_set_new(o, "auth_failed", json_integer((json_int_t)n->auth_failed));
        json_object_set_new(o, "replayed", json_integer((json_int_t)n->replayed));
        json_object_set_new(o, "ts_failed", json_integer((json_int_t)n->ts_failed));
    }
    json_object_set_new(o, "other_drops", json_integer((json_int_t)n->other_drops));
    engine_json(c, o, v, in);
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

json_t *cli_flow_json(struct cli_call *c, const struct cli_flow_view *v)
{
    const struct sam_child *k = v->child;
    json_t *o = json_object();
    json_object_set_new(o, "local_ident", idents_json(k->ts_local, k->ts_count));
    json_object_set_new(o, "remote_ident", idents_json(k->ts_remote, k->ts_count));
    json_object_set_new(o, "inbound", direction_json(c, v, true));
    json_object_set_new(o, "outbound", direction_json(c, v, false));
    json_object_set_new(o, "protocol", json_string(sam_is_ah(k) ? "ah" : "esp"));
    json_object_set_new(o, "transform", json_string(v->transform));
    json_object_set_new(o, "mode", json_string(k->transport ? "transport" : "tunnel"));
    json_object_set_new(o, "remaining_s",
                        v->has_time ? json_integer((json_int_t)v->remaining_s) : json_null());
    json_object_set_new(o, "remaining_kb",
                        v->has_volume ? json_integer((json_int_t)v->remaining_kb) : json_null());
    json_object_set_new(o, "remaining_packets",
                        v->has_packets ? json_integer((json_int_t)v->remaining_packets) : json_null());
    json_object_set_new(o, "replay_window", json_integer(k->replay_window));
    json_object_set_new(o, "esn", json_boolean(k->esn));
    json_object_set_new(o, "worker", k->worker != CV_WORKER_ANY ? json_integer(k->worker - 1) : json_null());
    json_object_set_new(o, "engine", json_string(v->engine));
    json_object_set_new(o, "state", json_string(sam_state_text(k->state)));
    json_object_set_new(o, "active", json_boolean(k->active));
    json_object_set_new(o, "udp_encapsulated", json_boolean(k->natt));
    json_object_set_new(o, "pfs_group", json_integer(k->dh));
    return o;
}
