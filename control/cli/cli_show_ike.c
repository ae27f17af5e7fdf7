#include "control/cli/cli_show_ike.h"

#include "control/cli/cli_decisions.h"
#include "control/cli/cli_flow.h"
#include "control/cli/cli_take.h"
#include "control/cli/cli_text.h"

#include <stdio.h>
#include <string.h>

struct seen {
    struct cli_call *c;
    bool detailed;
    struct ip_addr remote, local;
    uint8_t family; /* text: one table for each */
    json_t *json;
    unsigned shown;
};

static json_t *sa_json(const struct ike_sa_view *v)
{
    char text[IP_TEXT_MAX], spi[20];
    json_t *o = json_object();
    json_object_set_new(o, "tunnel_id", json_integer(v->conn_id));
    json_object_set_new(o, "ike_version", json_integer((json_int_t)v->version));
    json_object_set_new(o, "local", json_string(ip_addr_text(&v->local.addr, text)));
    json_object_set_new(o, "local_port", json_integer(v->local.port));
    json_object_set_new(o, "remote", json_string(ip_addr_text(&v->remote.addr, text)));
    json_object_set_new(o, "remote_port", json_integer(v->remote.port));
    json_object_set_new(o, "status", json_string(v->ready ? "READY" : "IN-NEG"));
    json_object_set_new(o, "state", json_string(v->state));
    json_object_set_new(o, "fvrf", json_string(v->fvrf ? v->fvrf : ""));
    json_object_set_new(o, "interface", json_string(v->interface));
    json_object_set_new(o, "profile", json_string(v->profile));
    json_object_set_new(o, "spi_i", json_string(cli_spi(v->spi_i, spi)));
    json_object_set_new(o, "spi_r", json_string(cli_spi(v->spi_r, spi)));
    json_object_set_new(o, "initiator", json_boolean(v->initiator));
    json_object_set_new(o, "encryption", json_string(cli_encr(v->encr)));
    json_object_set_new(o, "key_bits", json_integer(v->key_bits));
    json_object_set_new(o, "integrity", json_string(cli_integ(v->integ, v->encr)));
    json_object_set_new(o, "prf", json_string(cli_prf(v->prf)));
    json_object_set_new(o, "dh_group", json_integer(v->dh));
    json_object_set_new(o, "auth_local", json_string(v->auth_local));
    json_object_set_new(o, "auth_remote", json_string(v->auth_remote));
    json_object_set_new(o, "local_id", json_string(v->local_id));
    json_object_set_new(o, "remote_id", json_string(v->remote_id));
    json_object_set_new(o, "age_s", json_integer((json_int_t)v->age_s));
    json_object_set_new(o, "lifetime_s", json_integer((json_int_t)v->lifetime_s));
    json_object_set_new(o, "next_send_id", json_integer(v->next_send_id));
    json_object_set_new(o, "next_recv_id", json_integer(v->next_recv_id));
    json_object_set_new(o, "window_local", json_integer((json_int_t)v->window_local));
    json_object_set_new(o, "window_remote", json_integer((json_int_t)v->window_remote));
    json_object_set_new(o, "nat_local", json_boolean(v->nat_local));
    json_object_set_new(o, "nat_remote", json_boolean(v->nat_remote));
    json_object_set_new(o, "fragmentation", json_boolean(v->fragmentation));
    json_object_set_new(o, "dpd", json_boolean(v->dpd));
    json_object_set_new(o, "children", json_integer((json_int_t)v->child_count));
    return o;
}

static void text_detail(struct cli_call *c, const struct ike_sa_view *v)
{
    char own[20], peer[20];
    const uint8_t *local = v->initiator ? v->spi_i : v->spi_r, *remote = v->initiator ? v->spi_r : v->spi_i;
    cli_print(c, "      CE id: %u, Session-id: %u\n", v->conn_id, v->conn_id);
    cli_print(c, "      Status Description: %s\n", v->state);
    cli_print(c, "      Local spi: %-22s Remote spi: %s\n", cli_spi(local, own), cli_spi(remote, peer));
    cli_print(c, "      Local id: %s\n      Remote id: %s\n", v->local_id, v->remote_id);
    cli_print(c, "      Local req msg id:  %-14u Remote req msg id:  %u\n", v->next_send_id, v->next_recv_id);
    cli_print(c, "      Local next msg id: %-14u Remote next msg id: %u\n", v->next_send_id, v->next_recv_id);
    cli_print(c, "      Local window:      %-14u Remote window:      %u\n", v->window_local,
              v->window_remote);
    if (v->dpd)
        cli_print(c, "      DPD configured for %u seconds, retry %u\n", v->dpd_interval_s, v->dpd_retry_s);
    else
        cli_print(c, "      DPD configured for 0 seconds, retry 0\n");
    cli_print(c, "      Fragmentation %s.\n", v->fragmentation ? "negotiated" : "not  configured");
    cli_print(c, "      Dynamic Route Update: disabled\n");
    cli_print(c, "      NAT-T is %sdetected%s\n", v->nat_local || v->nat_remote ? "" : "not ",
              v->nat_local && v->nat_remote ? " on both sides"
              : v->nat_local                ? " inside"
              : v->nat_remote               ? " outside"
                                            : "");
    cli_print(c, "      Cisco Trust Security SGT is disabled\n");
    cli_print(c, "      Initiator of SA : %s\n", v->initiator ? "Yes" : "No");
}

static const char *vrfs(struct cli_call *c, const struct ike_sa_view *v, char out[2 * CFG_NAME_MAX + 2])
{
    const struct cfg_interface *t = cfg_find_interface(c->env->cfg(c->env->ctx), v->interface);
    snprintf(out, 2 * CFG_NAME_MAX + 2, "%s/%s", v->fvrf && v->fvrf[0] ? v->fvrf : "none",
             t && t->vrf[0] ? t->vrf : "none");
    return out;
}

static void text_sa(struct seen *s, const struct ike_sa_view *v)
{
    struct cli_call *c = s->c;
    char both[2 * CFG_NAME_MAX + 2];
    char local[IP_TEXT_MAX], remote[IP_TEXT_MAX];
    if (s->shown == 1)
        cli_print(c, " IPv%u Crypto IKEv2  SA\n", v->local.addr.family);
    cli_print(c, "\nTunnel-id Local                 Remote                fvrf/ivrf            Status\n");
    cli_print(c, "%-9u %-21s %-21s %-20s %s\n", v->conn_id, ip_endpoint_text(&v->local, local),
              ip_endpoint_text(&v->remote, remote), vrfs(c, v, both), v->ready ? "READY" : "IN-NEG");
    if (v->encr) {
        cli_print(c, "      Encr: %s", cli_encr(v->encr));
        if (v->key_bits)
            cli_print(c, ", keysize: %u", v->key_bits);
        cli_print(c, ", PRF: %s, Hash: %s, DH Grp:%u, Auth sign: %s, Auth verify: %s\n", cli_prf(v->prf),
                  cli_integ(v->integ, v->encr), v->dh,
                  v->auth_local && v->auth_local[0] ? v->auth_local : "Unknown",
                  v->auth_remote && v->auth_remote[0] ? v->auth_remote : "Unknown");
    }
    cli_print(c, "      Life/Active Time: %llu/%llu sec\n", (unsigned long long)v->lifetime_s,
              (unsigned long long)v->age_s);
    if (s->detailed)
        text_detail(c, v);
}

static void on_sa(void *ctx, const struct ike_sa_view *v)
{
    struct seen *s = ctx;
    if (v->version != 2 || (s->remote.family != IP_NONE && !ip_addr_equal(&s->remote, &v->remote.addr)) ||
        (s->local.family != IP_NONE && !ip_addr_equal(&s->local, &v->local.addr)))
        return;
    if (s->json) {
        json_array_append_new(s->json, sa_json(v));
        return;
    }
    if (v->local.addr.family != s->family)
        return;
    s->shown++;
    text_sa(s, v);
}

/* ---- sessions -------------------------------------------------------------------------------------------------------- */
static void text_children(struct cli_call *c, const struct ike_sa_view *v)
{
    char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
    for (const struct sam_child *k = sam_children_of(ike_sam(c->env->ike(c->env->ctx)), v->conn_id); k;
         k = k->next_of_owner) {
        if (k->state == SAM_RETIRING)
            continue;
        for (unsigned i = 0; i < k->ts_count; i++)
            cli_print(c, "%s  local selector  %s\n          remote selector %s\n",
                      i == 0 ? "Child sa:" : "         ", ts_text(&k->ts_local[i], local),
                      ts_text(&k->ts_remote[i], remote));
        cli_print(c, "          %s spi in/out: 0x%X/0x%X\n", sam_is_ah(k) ? "AH" : "ESP", k->in.spi,
                  k->out.spi);
        if (k->worker != CV_WORKER_ANY)
            cli_print(c, "          of worker %u alone\n", k->worker - 1u);
    }
}

static json_t *children_json(struct cli_call *c, const struct ike_sa_view *v)
{
    json_t *a = json_array();
    for (const struct sam_child *k = sam_children_of(ike_sam(c->env->ike(c->env->ctx)), v->conn_id); k;
         k = k->next_of_owner) {
        struct cli_flow_view f;
        if (k->state == SAM_RETIRING)
            continue;
        cli_flow_view(c, k, &f);
        json_array_append_new(a, cli_flow_json(c, &f));
    }
    return a;
}

static void on_session(void *ctx, const struct ike_sa_view *v)
{
    struct seen *s = ctx;
    if (v->version != 2 || !v->ready)
        return;
    if (s->json) {
        json_t *o = sa_json(v);
        json_object_set_new(o, "session_id", json_integer(v->conn_id));
        json_object_set_new(o, "flows", children_json(s->c, v));
        json_array_append_new(s->json, o);
        return;
    }
    if (v->local.addr.family != s->family)
        return;
    cli_print(s->c, "%s\nSession-id:%u, Status:%s, IKE count:1, CHILD count:%u\n",
              s->shown             ? ""
              : s->family == IP_V4 ? " IPv4 Crypto IKEv2 Session\n"
                                   : " IPv6 Crypto IKEv2 Session\n",
              v->conn_id, v->child_count ? "UP-ACTIVE" : "UP-IDLE", v->child_count);
    s->shown = 2; /* no heading over the SA */
    text_sa(s, v);
    text_children(s->c, v);
}

int cli_show_ikev2_session(struct cli_call *c)
{
    struct seen s = {.c = c, .detailed = cli_opt(&c->cmd, "detailed") != NULL};
    struct ike *e = c->env->ike(c->env->ctx);
    if (c->json) {
        s.json = json_array();
        ike_each_sa(e, on_session, &s);
        cli_json(c, json_pack("{s:o}", "sessions", s.json));
        return CLI_OK;
    }
    for (s.family = IP_V4; s.family != IP_NONE; s.family = s.family == IP_V4 ? IP_V6 : IP_NONE) {
        s.shown = 0;
        ike_each_sa(e, on_session, &s);
        if (s.shown)
            cli_print(c, "\n");
    }
    return CLI_OK;
}

int cli_show_ikev2_sa(struct cli_call *c)
{
    struct seen s = {.c = c, .detailed = cli_opt(&c->cmd, "detailed") != NULL};
    if (!cli_take_address(c, "remote", &s.remote) || !cli_take_address(c, "local", &s.local))
        return CLI_USAGE;
    struct ike *e = c->env->ike(c->env->ctx);
    if (c->json) {
        s.json = json_array();
        ike_each_sa(e, on_sa, &s);
        cli_json(c, json_pack("{s:o}", "sas", s.json));
        return CLI_OK;
    }
    s.family = IP_V4;
    ike_each_sa(e, on_sa, &s);
    if (s.shown)
        cli_print(c, "\n");
    s.family = IP_V6;
    s.shown = 0;
    ike_each_sa(e, on_sa, &s);
    if (s.shown)
        cli_print(c, "\n");
    return CLI_OK;
}

int cli_show_ikev2_stats(struct cli_call *c)
{
    const struct ike_counters *n = ike_counters(c->env->ike(c->env->ctx));
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
#define ROW(name) {#name, n->name},
        IKE_COUNTERS(ROW)
#undef ROW
    };
    json_t *o = c->json ? json_object() : NULL;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (o)
            json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
        else
            cli_print(c, "%-24s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
    }
    if (o)
        cli_json(c, o);
    return CLI_OK;
}

static json_t *endpoint_json(const struct ip_endpoint *e)
{
    char text[IP_TEXT_MAX];
    return e->addr.family == IP_NONE ? json_null() : json_string(ip_addr_text(&e->addr, text));
}

static json_t *decision_json(const struct cli_decision *d)
{
    char when[CLI_TEXT_MAX];
    json_t *candidates = json_array();
    for (unsigned i = 0; i < d->trace.candidate_count && i < SEL_MAX_CANDIDATES; i++)
        json_array_append_new(candidates,
                              json_pack("{s:s, s:b, s:s}", "name", d->trace.candidates[i].name, "matched",
                                        d->trace.candidates[i].matched, "why", d->trace.candidates[i].why));
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:s}", "time",
                     cli_time(d->wall_ms, when), "conn_id", (int)d->conn_id, "ike_version", (int)d->version,
                     "peer", endpoint_json(&d->peer), "local", endpoint_json(&d->local), "at", d->at, "kind",
                     sel_kind_text(d->trace.kind), "chosen", d->trace.chosen, "rule",
                     d->trace.rule ? d->trace.rule : "", "candidates", candidates, "text", d->trace.text);
}

static void decision_text(struct cli_call *c, const struct cli_decision *d)
{
    char when[CLI_TEXT_MAX], peer[IP_TEXT_MAX];
    bool known = d->peer.addr.family != IP_NONE;
    cli_print(c, "%s conn %u%s%s %s: %s: %s by rule %s\n", cli_time(d->wall_ms, when), d->conn_id,
              known ? " peer " : "", known ? ip_addr_text(&d->peer.addr, peer) : "", d->at,
              sel_kind_text(d->trace.kind), d->trace.chosen[0] ? d->trace.chosen : "none",
              d->trace.rule ? d->trace.rule : "-");
    if (d->trace.text[0])
        cli_print(c, "    %s\n", d->trace.text);
    for (unsigned i = 0; i < d->trace.candidate_count && i < SEL_MAX_CANDIDATES; i++)
        cli_print(c, "    %c %s: %s\n", d->trace.candidates[i].matched ? '*' : '-',
                  d->trace.candidates[i].name, d->trace.candidates[i].why);
}

int cli_show_decisions(struct cli_call *c)
{
    const struct cli_decision *d;
    struct ip_addr peer = {0};
    if (!cli_take_address(c, "peer", &peer))
        return CLI_USAGE;
    json_t *a = c->json ? json_array() : NULL;
    for (unsigned i = 0; (d = cli_decisions_get(c->env->decisions, i)) != NULL; i++) {
        if (peer.family != IP_NONE && !ip_addr_equal(&peer, &d->peer.addr))
            continue;
        if (a)
            json_array_append_new(a, decision_json(d));
        else
            decision_text(c, d);
    }
    if (a)
        cli_json(c, json_pack("{s:o}", "decisions", a));
    return CLI_OK;
}
