#include "control/cli/cli_show_session.h"

#include "control/cli/cli_diag.h"
#include "control/cli/cli_flow.h"
#include "control/cli/cli_take.h"
#include "control/cli/cli_text.h"
#include "control/config/cfg.h"

#include <stdio.h>
#include <string.h>

struct seen {
    struct cli_call *c;
    bool detail, brief;
    struct ip_addr remote, local; /* IP_NONE: all */
    const char *fvrf;             /* NULL: all; "global": none */
    char interface[CV_NAME_MAX];  /* "": all */
    json_t *json;                 /* array; NULL for text */
    unsigned shown;
};

static const char *nat_text(const struct ike_session_view *v)
{
    if (v->nat_local && v->nat_remote)
        return "both";
    return v->nat_local ? "local" : v->nat_remote ? "remote" : "none";
}

/* A session's children, newest first: from the list of its tunnel alone, since there may be thousands of tunnels. */
static const struct sam_child *children(struct cli_call *c, const struct ike_session_view *v)
{
    return cli_flow_of(c, v, sam_children_on(ike_sam(c->env->ike(c->env->ctx)), v->interface));
}

static const struct sam_child *next_child(struct cli_call *c, const struct ike_session_view *v,
                                          const struct sam_child *k)
{
    return cli_flow_of(c, v, k->next_of_tunnel);
}

/* ---- JSON: keys of interfaces.md ------------------------------------------------------------------------------------ */
static json_t *error_json(const struct ike_session_view *v)
{
    char when[CLI_TEXT_MAX];
    if (!v->has_error)
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "reason", ike_reason_name(v->last_error.reason), "text",
                     v->last_error.text, "at", cli_time(v->last_error.at_wall_ms, when));
}

static json_t *flows_json(struct cli_call *c, const struct ike_session_view *v)
{
    json_t *a = json_array();
    for (const struct sam_child *k = children(c, v); k; k = next_child(c, v, k)) {
        struct cli_flow_view f;
        cli_flow_view(c, k, &f);
        json_array_append_new(a, cli_flow_json(c, &f));
    }
    return a;
}

static json_t *session_json(struct cli_call *c, const struct ike_session_view *v)
{
    char peer[IP_TEXT_MAX], local[IP_TEXT_MAX];
    json_t *o = json_object();
    const struct cfg_interface *i = cfg_find_interface(c->env->cfg(c->env->ctx), v->interface);
    json_object_set_new(o, "interface", json_string(v->interface));
    json_object_set_new(o, "port", i && i->flow ? json_string(i->flow->port) : json_null());
    json_object_set_new(o, "crypto_map",
                        i && i->flow ? json_pack("{s:s, s:i, s:i}", "name", i->flow->map, "sequence",
                                                 (int)i->flow->seq, "line", (int)i->flow->ace)
                                     : json_null());
    json_object_set_new(o, "fvrf", json_string(i ? i->tunnel_vrf : ""));
    json_object_set_new(o, "ivrf", json_string(i ? i->vrf : ""));
    json_object_set_new(o, "profile", json_string(v->profile));
    json_object_set_new(o, "status", json_string(ike_session_status_text(v->status)));
    json_object_set_new(o, "peer",
                        v->peer.addr.family == IP_NONE ? json_null()
                                                       : json_string(ip_addr_text(&v->peer.addr, peer)));
    json_object_set_new(o, "peer_port", json_integer(v->peer.port));
    json_object_set_new(o, "local", json_string(ip_addr_text(&v->local.addr, local)));
    json_object_set_new(o, "local_port", json_integer(v->local.port));
    json_object_set_new(o, "ike_version", json_integer((json_int_t)v->ike_version));
    json_object_set_new(o, "phase1_id", json_string(v->phase1_id));
    json_object_set_new(o, "initiator", json_boolean(v->initiator));
    json_object_set_new(o, "nat", json_string(nat_text(v)));
    json_object_set_new(o, "uptime_s", json_integer((json_int_t)v->uptime_s));
    json_object_set_new(o, "conn_id", json_integer(v->conn_id));
    json_object_set_new(o, "last_error", error_json(v));
    json_object_set_new(o, "diagnosis", cli_diag_json(c, v));
    json_object_set_new(o, "flows", flows_json(c, v));
    return o;
}

/* ---- text ----------------------------------------------------------------------------------------------------------------- */
static void text_sa(struct cli_call *c, const struct ike_session_view *v, bool detail)
{
    char local[IP_TEXT_MAX], remote[IP_TEXT_MAX], life[CLI_TEXT_MAX] = "0";
    struct ike_sa_view sa;
    if (!ike_find_sa(c->env->ike(c->env->ctx), v->conn_id, &sa))
        return;
    cli_print(c, "  Session ID: %u\n", v->conn_id);
    cli_print(c, "  IKEv%u SA: local %s/%u remote %s/%u %s\n", sa.version,
              ip_addr_text(&sa.local.addr, local), sa.local.port, ip_addr_text(&sa.remote.addr, remote),
              sa.remote.port, sa.ready ? "Active" : "Inactive");
    if (!detail)
        return;
    if (sa.ready)
        cli_uptime(sa.lifetime_s > sa.age_s ? sa.lifetime_s - sa.age_s : 0, life);
    bool nat = sa.nat_local || sa.nat_remote, any = sa.dpd || nat || sa.fragmentation;
    cli_print(c, "          Capabilities:%s%s%s%s connid:%u lifetime:%s\n", sa.dpd ? "D" : "", nat ? "N" : "",
              sa.fragmentation ? "F" : "", any ? "" : "(none)", v->conn_id, life);
}

static void text_flow(struct cli_call *c, const struct cli_flow_view *f, unsigned ts)
{
    char flow[2 * CLI_TEXT_MAX], kb[24] = "KB Vol Rekey Disabled", s[24] = "0";
    const struct sam_child *k = f->child;
    if (f->has_volume)
        snprintf(kb, sizeof kb, "%llu", (unsigned long long)f->remaining_kb);
    if (f->has_time)
        snprintf(s, sizeof s, "%llu", (unsigned long long)f->remaining_s);
    cli_print(c, "  IPSEC FLOW: %s\n", cli_flow(&k->ts_local[ts], &k->ts_remote[ts], flow));
    cli_print(c, "        Active SAs: %u, origin: crypto map\n", k->state == SAM_RETIRING ? 1u : 2u);
    cli_print(c, "        Inbound:  #pkts dec'ed %llu drop %llu life (KB/Sec) %s/%s\n",
              (unsigned long long)f->in.packets, (unsigned long long)cli_flow_drops_in(f), kb, s);
    cli_print(c, "        Outbound: #pkts enc'ed %llu drop %llu life (KB/Sec) %s/%s\n",
              (unsigned long long)f->out.packets, (unsigned long long)f->out.other_drops, kb, s);
}

/* What it would carry, while there is nothing that does. */
static void text_no_flow(struct cli_call *c, const char *interface)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    const struct cfg_interface *i = cfg_find_interface(cfg, interface);
    char flow[2 * CLI_TEXT_MAX];
    struct ts local, remote;
    if (i && cfg_is_protected(i) && cfg_selectors(cfg, i, &local, &remote))
        cli_print(c, "  IPSEC FLOW: %s\n        Active SAs: 0, origin: crypto map\n",
                  cli_flow(&local, &remote, flow));
}

static void text_flows(struct cli_call *c, const struct ike_session_view *v, bool detail)
{
    char flow[2 * CLI_TEXT_MAX];
    if (!children(c, v))
        text_no_flow(c, v->interface);
    for (const struct sam_child *k = children(c, v); k; k = next_child(c, v, k)) {
        struct cli_flow_view f;
        cli_flow_view(c, k, &f);
        for (unsigned i = 0; i < k->ts_count; i++) {
            if (detail) {
                text_flow(c, &f, i);
                continue;
            }
            cli_print(c, "  IPSEC FLOW: %s\n", cli_flow(&k->ts_local[i], &k->ts_remote[i], flow));
            cli_print(c, "        Active SAs: %u, origin: crypto map\n", k->state == SAM_RETIRING ? 1u : 2u);
        }
    }
}

static void text_session(struct seen *s, const struct ike_session_view *v)
{
    struct cli_call *c = s->c;
    char peer[IP_TEXT_MAX], up[CLI_TEXT_MAX], when[CLI_TEXT_MAX];
    const struct cfg_interface *i = cfg_find_interface(c->env->cfg(c->env->ctx), v->interface);
    struct cli_diag d;
    cli_print(c, "\nInterface: %s\n", i && i->flow ? i->flow->port : v->interface);
    if (i && i->flow)
        cli_print(c, "Crypto map: %s %u line %u (%s)\n", i->flow->map, i->flow->seq, i->flow->ace, i->name);
    if (v->profile[0])
        cli_print(c, "Profile: %s\n", v->profile);
    if (s->detail && v->uptime_s)
        cli_print(c, "Uptime: %s\n", cli_uptime(v->uptime_s, up));
    cli_print(c, "Session status: %s\n", ike_session_status_text(v->status));
    if (v->peer.addr.family == IP_NONE)
        cli_print(c, "Peer: any"); /* of a dynamic crypto map entry that nobody has come to */
    else
        cli_print(c, "Peer: %s port %u", ip_addr_text(&v->peer.addr, peer), v->peer.port);
    if (s->detail)
        cli_print(c, " fvrf: %s ivrf: %s", i && i->tunnel_vrf[0] ? i->tunnel_vrf : "(none)",
                  i && i->vrf[0] ? i->vrf : "(none)");
    cli_print(c, "\n");
    if (s->detail) {
        cli_print(c, "      Phase1_id: %s\n", v->phase1_id[0] ? v->phase1_id : "(none)");
        cli_print(c, "      Desc: %s\n", i && i->description[0] ? i->description : "(none)");
    }
    text_sa(c, v, s->detail);
    text_flows(c, v, s->detail);
    if (s->detail && v->has_error)
        cli_print(c, "  Last error: %s (%s) at %s\n", ike_reason_name(v->last_error.reason),
                  v->last_error.text, cli_time(v->last_error.at_wall_ms, when));
    if (s->detail && cli_diagnose(c, v, &d))
        cli_print(c, "  Diagnosis: %s: %s\n", d.rule, d.text);
}

static void text_brief(struct seen *s, const struct ike_session_view *v)
{
    char peer[IP_TEXT_MAX], up[CLI_TEXT_MAX];
    static const char *const letters[] = {"D", "DN", "UK", "UI", "UA"};
    cli_print(s->c, "%-39s %-12s %-20s %-8s %s\n", ip_addr_text(&v->peer.addr, peer), v->interface,
              v->phase1_id[0] ? v->phase1_id : "-", cli_uptime(v->uptime_s, up), letters[v->status]);
}

/* By the tunnel, or by the port that a crypto map is applied to; and by the VRF outside. */
static bool passes(const struct seen *s, const struct ike_session_view *v)
{
    const struct cfg_interface *i = cfg_find_interface(s->c->env->cfg(s->c->env->ctx), v->interface);
    const char *fvrf = i ? i->tunnel_vrf : "";
    if (s->interface[0] && strcmp(s->interface, v->interface) != 0 &&
        !(i && i->flow && strcmp(s->interface, i->flow->port) == 0))
        return false;
    return !s->fvrf || strcmp(fvrf, strcmp(s->fvrf, "global") == 0 ? "" : s->fvrf) == 0;
}

static void one_session(struct seen *s, const struct ike_session_view *v)
{
    if (s->remote.family != IP_NONE && !ip_addr_equal(&s->remote, &v->peer.addr))
        return;
    if (s->local.family != IP_NONE && !ip_addr_equal(&s->local, &v->local.addr))
        return;
    if (!passes(s, v))
        return;
    s->shown++;
    if (s->json)
        json_array_append_new(s->json, session_json(s->c, v));
    else if (s->brief)
        text_brief(s, v);
    else
        text_session(s, v);
}

/* ---- the peers of a dynamic crypto map entry ---- */
/* The engine's view of such an entry is of one of its peers; these are the others. */
struct others {
    struct seen *seen;
    const struct ike_session_view *first;
};

static void on_other(void *ctx, const struct ike_sa_view *sa)
{
    const struct others *o = ctx;
    const struct sam_child *k =
        sam_children_of(ike_sam(o->seen->c->env->ike(o->seen->c->env->ctx)), sa->conn_id);
    struct ike_session_view v = {.interface = o->first->interface,
                                 .profile = sa->profile,
                                 .status = sa->ready ? IKE_UP_ACTIVE : IKE_UP_NO_IKE,
                                 .peer = sa->remote,
                                 .local = sa->local,
                                 .ike_version = sa->version,
                                 .initiator = sa->initiator,
                                 .nat_local = sa->nat_local,
                                 .nat_remote = sa->nat_remote,
                                 .uptime_s = sa->age_s,
                                 .conn_id = sa->conn_id,
                                 .silence = sa->silence};
    if (!k || strcmp(k->interface, v.interface) != 0 || ip_addr_equal(&v.peer.addr, &o->first->peer.addr))
        return;
    snprintf(v.phase1_id, sizeof v.phase1_id, "%s", sa->remote_id);
    one_session(o->seen, &v);
}

/* A peer's children that were adopted after a restart, told with the first of them. */
static bool first_adopted(const struct sam_child *list, const struct sam_child *k)
{
    for (; list != k; list = list->next_of_owner)
        if (strcmp(list->interface, k->interface) == 0 && ip_addr_equal(&list->remote.addr, &k->remote.addr))
            return false;
    return true;
}

static void adopted(struct seen *s, const struct ike_session_view *first)
{
    const struct sam_child *list = sam_children_of(ike_sam(s->c->env->ike(s->c->env->ctx)), 0);
    for (const struct sam_child *k = list; k; k = k->next_of_owner) {
        struct ike_session_view v = {.interface = first->interface,
                                     .profile = "",
                                     .status = IKE_UP_NO_IKE,
                                     .peer = k->remote,
                                     .local = k->local,
                                     .ike_version = first->ike_version};
        if (strcmp(k->interface, first->interface) == 0 &&
            !ip_addr_equal(&k->remote.addr, &first->peer.addr) && first_adopted(list, k))
            one_session(s, &v);
    }
}

/* An IKE SA that has no session of its own, but children of a dynamic entry: it is told there. */
static bool told_elsewhere(struct cli_call *c, const struct ike_session_view *v)
{
    const struct sam_child *k =
        v->interface[0] ? NULL : sam_children_of(ike_sam(c->env->ike(c->env->ctx)), v->conn_id);
    return k && cli_flow_dynamic(c, k->interface);
}

static void on_session(void *ctx, const struct ike_session_view *v)
{
    struct seen *s = ctx;
    struct others o = {s, v};
    if (told_elsewhere(s->c, v))
        return;
    one_session(s, v);
    if (!cli_flow_dynamic(s->c, v->interface))
        return;
    ike_each_sa(s->c->env->ike(s->c->env->ctx), on_other, &o);
    adopted(s, v);
}

static bool filters_take(struct cli_call *c, struct seen *s)
{
    s->fvrf = cli_opt(&c->cmd, "fvrf");
    return cli_take_address(c, "local", &s->local) && cli_take_address(c, "remote", &s->remote) &&
           cli_take_interface(c, s->interface);
}

int cli_show_session(struct cli_call *c)
{
    struct seen s = {
        .c = c, .detail = cli_opt(&c->cmd, "detail") != NULL, .brief = cli_opt(&c->cmd, "brief") != NULL};
    if (!filters_take(c, &s))
        return CLI_USAGE;
    if (c->json) {
        s.json = json_array();
        ike_each_session(c->env->ike(c->env->ctx), on_session, &s);
        cli_json(c, json_pack("{s:o}", "sessions", s.json));
        return CLI_OK;
    }
    if (s.brief)
        cli_print(c,
                  "Status: A - Active, U - Up, D - Down, I - Idle, N - Negotiating, K - No IKE\n"
                  "%-39s %-12s %-20s %-8s %s\n",
                  "Peer", "I/F", "Phase1_id", "Uptime", "Status");
    else
        cli_print(c, "Crypto session current status\n");
    if (s.detail)
        cli_print(c, "\nCode: C - IKE Configuration mode, D - Dead Peer Detection\n"
                     "K - Keepalives, N - NAT-traversal, T - cTCP encapsulation\n"
                     "X - IKE Extended Authentication, F - IKE Fragmentation\n"
                     "R - IKE Auto Reconnect, U - IKE Dynamic Route Update\n"
                     "S - SIP VPN\n");
    ike_each_session(c->env->ike(c->env->ctx), on_session, &s);
    return CLI_OK;
}
