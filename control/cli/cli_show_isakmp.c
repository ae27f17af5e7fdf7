#include "control/cli/cli_show_isakmp.h"

#include "control/cli/cli_alg.h"
#include "control/cli/cli_text.h"
#include "control/config/cfg_alg.h"

#include <stdio.h>
#include <string.h>

/* ---- sa ---------------------------------------------------------------------------------------------------------- */
struct seen {
    struct cli_call *c;
    bool detail;
    uint8_t family;
    json_t *json;
    struct ip_addr peer; /* IP_NONE: all */
    unsigned shown, active, negotiating, dead;
};

static const char *status_text(const struct ike_sa_view *v)
{
    return v->peer_deleted ? "ACTIVE (deleted)" : "ACTIVE"; /* as IOS: also of those that are not up yet */
}

static json_t *sa_json(const struct ike_sa_view *v)
{
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX], i[17], r[17];
    const struct ip_addr *src = v->initiator ? &v->local.addr : &v->remote.addr;
    const struct ip_addr *dst = v->initiator ? &v->remote.addr : &v->local.addr;
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:I, s:s}", "dst", ip_addr_text(dst, a), "src", ip_addr_text(src, b),
                  "state", v->state, "conn_id", (json_int_t)v->conn_id, "status", status_text(v));
    json_object_set_new(o, "local", json_string(ip_addr_text(&v->local.addr, a)));
    json_object_set_new(o, "local_port", json_integer(v->local.port));
    json_object_set_new(o, "remote", json_string(ip_addr_text(&v->remote.addr, a)));
    json_object_set_new(o, "remote_port", json_integer(v->remote.port));
    json_object_set_new(o, "fvrf", json_string(v->fvrf));
    json_object_set_new(o, "initiator", json_boolean(v->initiator));
    json_object_set_new(o, "established", json_boolean(v->ready));
    json_object_set_new(o, "aggressive", json_boolean(v->aggressive));
    json_object_set_new(o, "interface", json_string(v->interface));
    json_object_set_new(o, "profile", json_string(v->profile));
    json_object_set_new(o, "cookie_i", json_string(cli_spi(v->spi_i, i)));
    json_object_set_new(o, "cookie_r", json_string(cli_spi(v->spi_r, r)));
    json_object_set_new(o, "encryption", json_string(cli_alg_encr1(v->encr, v->key_bits, a)));
    json_object_set_new(o, "hash", json_string(cfg_alg_hash_word(cli_alg_hash_of(v))));
    json_object_set_new(o, "auth", json_string(v->auth_local ? v->auth_local : ""));
    json_object_set_new(o, "dh_group", json_integer(v->dh));
    json_object_set_new(o, "local_id", json_string(v->local_id));
    json_object_set_new(o, "remote_id", json_string(v->remote_id));
    json_object_set_new(o, "age_s", json_integer((json_int_t)v->age_s));
    json_object_set_new(o, "lifetime_s", json_integer((json_int_t)v->lifetime_s));
    json_object_set_new(o, "nat_local", json_boolean(v->nat_local));
    json_object_set_new(o, "nat_remote", json_boolean(v->nat_remote));
    json_object_set_new(o, "fragmentation", json_boolean(v->fragmentation));
    json_object_set_new(o, "dpd", json_boolean(v->dpd));
    json_object_set_new(o, "children", json_integer((json_int_t)v->child_count));
    return o;
}

static void text_line(struct seen *s, const struct ike_sa_view *v)
{
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    const struct ip_addr *src = v->initiator ? &v->local.addr : &v->remote.addr;
    const struct ip_addr *dst = v->initiator ? &v->remote.addr : &v->local.addr;
    if (v->local.addr.family == IP_V6)
        cli_print(s->c, "\n dst: %s\n src: %s\n state: %s  conn-id: %u status: %s\n", ip_addr_text(dst, a),
                  ip_addr_text(src, b), v->state, v->conn_id, status_text(v));
    else
        cli_print(s->c, "%-15s %-15s %-14s %7u %s\n", ip_addr_text(dst, a), ip_addr_text(src, b), v->state,
                  v->conn_id, status_text(v));
}

/* As the legend says. */
static const char *auth_word(const char *auth)
{
    return !auth || !auth[0]          ? ""
           : strcmp(auth, "PSK") == 0 ? "psk"
           : strcmp(auth, "RSA") == 0 ? "rsig"
                                      : "ecdsa";
}

static void text_detail(struct seen *s, const struct ike_sa_view *v)
{
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX], e[IP_TEXT_MAX], life[CLI_TEXT_MAX] = "0", cap[8] = "";
    uint64_t left = v->lifetime_s > v->age_s ? v->lifetime_s - v->age_s : 0;
    const struct cfg_interface *t = cfg_find_interface(s->c->env->cfg(s->c->env->ctx), v->interface);
    snprintf(cap, sizeof cap, "%s%s", v->dpd ? "D" : "", v->nat_local || v->nat_remote ? "N" : "");
    if (v->ready)
        cli_uptime(left, life);
    cli_print(s->c,
              "%-5u %-15s %-15s %-6s %-6s %-4s %-6s %-4s %-2u %-8s %s\n       Engine-id:Conn-id =  SW:%u\n",
              v->conn_id, ip_addr_text(&v->local.addr, a), ip_addr_text(&v->remote.addr, b),
              t && t->vrf[0] ? t->vrf : "", v->peer_deleted ? "DEL" : "ACTIVE",
              cli_alg_encr1_short(v->encr, v->key_bits, e), cfg_alg_hash_word(cli_alg_hash_of(v)),
              auth_word(v->auth_local), v->dh, life, cap, v->conn_id);
}

static void on_sa(void *ctx, const struct ike_sa_view *v)
{
    struct seen *s = ctx;
    if (v->version != 1)
        return;
    if (v->peer_deleted)
        s->dead++;
    else if (v->ready)
        s->active++;
    else
        s->negotiating++;
    if (s->json)
        json_array_append_new(s->json, sa_json(v));
    else if (s->family == v->local.addr.family)
        s->detail ? text_detail(s, v) : text_line(s, v);
}

static int sa_count(struct cli_call *c)
{
    struct seen s = {.c = c};
    ike_each_sa(c->env->ike(c->env->ctx), on_sa, &s);
    if (c->json)
        cli_json(c, json_pack("{s:i, s:i, s:i, s:i}", "active", (int)s.active, "standby", 0, "negotiating",
                              (int)s.negotiating, "dead", (int)s.dead));
    else
        cli_print(
            c,
            "Active ISAKMP SA's: %u\nStandby ISAKMP SA's: 0\nCurrently being negotiated ISAKMP SA's: %u\n"
            "Dead ISAKMP SA's: %u\n",
            s.active, s.negotiating, s.dead);
    return CLI_OK;
}

int cli_show_isakmp_sa(struct cli_call *c)
{
    struct seen s = {.c = c, .detail = cli_opt(&c->cmd, "detail") != NULL};
    struct ike *e = c->env->ike(c->env->ctx);
    if (cli_opt(&c->cmd, "count"))
        return sa_count(c);
    if (c->json) {
        s.json = json_array();
        ike_each_sa(e, on_sa, &s);
        cli_json(c, json_pack("{s:o}", "sas", s.json));
        return CLI_OK;
    }
    if (s.detail)
        cli_print(c, "Codes: C - IKE configuration mode, D - Dead Peer Detection\n"
                     "       K - Keepalives, N - NAT-traversal\n"
                     "       T - cTCP encapsulation, X - IKE Extended Authentication\n"
                     "       psk - Preshared key, rsig - RSA signature\n"
                     "       renc - RSA encryption\n");
    cli_print(
        c, "IPv4 Crypto ISAKMP SA\n%s",
        s.detail
            ? "\nC-id  Local           Remote          I-VRF  Status Encr Hash   Auth DH Lifetime Cap.\n\n"
            : "dst             src             state          conn-id status\n");
    s.family = IP_V4;
    ike_each_sa(e, on_sa, &s);
    cli_print(
        c, "\nIPv6 Crypto ISAKMP SA\n%s",
        s.detail
            ? "\nC-id  Local           Remote          I-VRF  Status Encr Hash   Auth DH Lifetime Cap.\n\n"
            : "");
    s.family = IP_V6;
    ike_each_sa(e, on_sa, &s);
    cli_print(c, "\n");
    return CLI_OK;
}

/* ---- peers --------------------------------------------------------------------------------------------------------- */
static void on_peer(void *ctx, const struct ike_sa_view *v)
{
    struct seen *s = ctx;
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    if (v->version != 1 || (s->peer.family != IP_NONE && !ip_addr_equal(&s->peer, &v->remote.addr)))
        return;
    ip_addr_text(&v->remote.addr, a);
    ip_addr_text(&v->local.addr, b);
    if (s->json)
        json_array_append_new(s->json,
                              json_pack("{s:s, s:i, s:s, s:s, s:i}", "peer", a, "port", (int)v->remote.port,
                                        "local", b, "phase1_id", v->remote_id, "conn_id", (int)v->conn_id));
    else
        cli_print(s->c, "Peer: %s Port: %u Local: %s\n Phase1 id: %s\n", a, v->remote.port, b,
                  v->remote_id[0] ? v->remote_id : "(none)");
}

int cli_show_isakmp_peers(struct cli_call *c)
{
    struct seen s = {.c = c, .json = c->json ? json_array() : NULL};
    if (c->cmd.arg_count > 0 && !ip_addr_parse(c->cmd.args[0], &s.peer)) {
        cli_error(c, "'%.60s' is no address", c->cmd.args[0]);
        json_decref(s.json);
        return CLI_USAGE;
    }
    ike_each_sa(c->env->ike(c->env->ctx), on_peer, &s);
    if (s.json)
        cli_json(c, json_pack("{s:o}", "peers", s.json));
    return CLI_OK;
}

/* ---- key ------------------------------------------------------------------------------------------------------------ */
/* What a key holds is not always text. */
static void key_text(const struct cfg_isakmp_key *k, bool reveal, char *out, size_t room)
{
    snprintf(out, room, "********");
    if (!reveal)
        return;
    snprintf(out, room, "%.*s", (int)k->key.n, (const char *)k->key.p);
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
}

static void key_line(struct cli_call *c, json_t *all, const struct cfg_isakmp_keyring *ring,
                     const struct cfg_isakmp_key *k, bool reveal)
{
    char a[IP_TEXT_MAX], m[IP_TEXT_MAX], who[CFG_TEXT_MAX + 2 * IP_TEXT_MAX], key[512];
    bool host = k->has_address && k->address.len == ip_addr_bits(&k->address.addr);
    ip_addr_text(&k->address.addr, a);
    if (!k->has_address)
        snprintf(who, sizeof who, "%s", k->hostname);
    else if (host)
        snprintf(who, sizeof who, "%s", a);
    else if (k->address.addr.family == IP_V4)
        snprintf(who, sizeof who, "%-14s [%s]", a, cli_mask(k->address.len, m));
    else
        snprintf(who, sizeof who, "%s/%u", a, k->address.len);
    key_text(k, reveal, key, sizeof key);
    if (!all) {
        cli_print(c, "%-12s %-43s %s\n", ring->name, who, key);
    } else {
        json_t *o = json_pack("{s:s, s:s, s:b, s:s}", "keyring", ring->name, "vrf", ring->vrf, "masked",
                              !reveal, "key", key);
        json_object_set_new(o, "address",
                            k->has_address ? json_string(ip_prefix_text(&k->address, m)) : json_null());
        json_object_set_new(o, "hostname", k->has_address ? json_null() : json_string(k->hostname));
        json_array_append_new(all, o);
    }
    secret_wipe(key, sizeof key);
}

int cli_show_isakmp_key(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    bool reveal = cli_opt(&c->cmd, "reveal") != NULL;
    json_t *all = c->json ? json_array() : NULL;
    if (!all)
        cli_print(c, "%-12s %-43s %s\n", "Keyring", "Hostname/Address", "Preshared Key");
    for (unsigned k = 0; k < cfg->isakmp_default.key_count; k++) /* KR-9: first */
        key_line(c, all, &cfg->isakmp_default, &cfg->isakmp_default.keys[k], reveal);
    for (unsigned i = 0; i < cfg->isakmp_keyring_count; i++)
        for (unsigned k = 0; k < cfg->isakmp_keyrings[i].key_count; k++)
            key_line(c, all, &cfg->isakmp_keyrings[i], &cfg->isakmp_keyrings[i].keys[k], reveal);
    if (all)
        cli_json(c, json_pack("{s:o}", "keys", all));
    return CLI_OK;
}

/* ---- policy ---------------------------------------------------------------------------------------------------------- */
static json_t *policy_json(const struct cfg_isakmp_policy *p)
{
    char e[IP_TEXT_MAX];
    return json_pack("{s:i, s:b, s:s, s:s, s:s, s:i, s:i}", "priority", (int)p->priority, "builtin",
                     p->builtin, "encryption", cli_alg_encr1(p->encr.id, p->encr.key_bits, e), "hash",
                     cfg_alg_hash_word(p->hash), "authentication",
                     p->rsa_encr ? "rsa-encr" : cli_alg_auth_word(p->auth), "dh_group", (int)p->group,
                     "lifetime_s", (int)p->lifetime_s);
}

static void policy_text(struct cli_call *c, const struct cfg_isakmp_policy *p)
{
    char e[IP_TEXT_MAX];
    cli_print(c, "%srotection suite of priority %u\n", p->builtin ? "Default p" : "P", p->priority);
    cli_print(c, "        encryption algorithm:   %s\n", cli_alg_encr1_long(p->encr.id, p->encr.key_bits, e));
    cli_print(c, "        hash algorithm:         %s\n", cli_alg_hash_long(p->hash));
    cli_print(c, "        authentication method:  %s\n",
              p->rsa_encr ? "Rivest-Shamir-Adleman Encryption" : cli_alg_auth_long(p->auth));
    cli_print(c, "        Diffie-Hellman group:   #%u (%u bit)\n", p->group, cli_alg_group_bits(p->group));
    cli_print(c, "        lifetime:               %u seconds, no volume limit\n", p->lifetime_s);
}

static int policies(struct cli_call *c, bool builtin)
{
    unsigned count;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c->env->cfg(c->env->ctx), &count);
    json_t *all = c->json ? json_array() : NULL;
    bool builtins = count > 0 && p[0].builtin;
    if (!all && builtin && !builtins)
        cli_print(
            c,
            "The default IKE policies are not in use: policies are configured, or they are switched off\n");
    else if (!all)
        cli_print(c, "\n%s IKE policy\n", builtins ? "Default" : "Global");
    for (unsigned i = 0; i < count; i++) {
        if (builtin && !p[i].builtin)
            continue;
        if (all)
            json_array_append_new(all, policy_json(&p[i]));
        else
            policy_text(c, &p[i]);
    }
    if (all)
        cli_json(c, json_pack("{s:o}", "policies", all));
    return CLI_OK;
}

int cli_show_isakmp_policy(struct cli_call *c)
{
    return policies(c, false);
}

int cli_show_isakmp_default_policy(struct cli_call *c)
{
    return policies(c, true);
}

/* ---- profile ----------------------------------------------------------------------------------------------------------- */
struct users {
    const char *profile;
    unsigned n;
};

static void on_user(void *ctx, const struct ike_sa_view *v)
{
    struct users *u = ctx;
    u->n += v->version == 1 && strcmp(v->profile, u->profile) == 0;
}

/* Bindings, and SAs under it. */
static unsigned ref_count(struct cli_call *c, const char *name)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    struct users u = {.profile = name};
    for (unsigned i = 0; i < cfg->ipsec_profile_count; i++)
        u.n += strcmp(cfg->ipsec_profiles[i].isakmp_profile, name) == 0;
    ike_each_sa(c->env->ike(c->env->ctx), on_user, &u);
    return u.n;
}

/* What we say we are: `self-identity`, else `crypto isakmp identity`. */
static const char *self_text(struct cli_call *c, const struct cfg_isakmp_profile *p,
                             char out[CFG_TEXT_MAX + IP_TEXT_MAX])
{
    char a[IP_TEXT_MAX];
    enum cfg_id_kind kind = p->self.kind;
    if (kind == CFG_ID_NONE)
        kind = c->env->cfg(c->env->ctx)->isakmp_identity;
    const char *word = kind == CFG_ID_FQDN ? "fqdn" : kind == CFG_ID_EMAIL ? "user-fqdn" : "ip-address";
    const char *value = p->self.text;
    if (p->self.kind == CFG_ID_ADDRESS && p->self.prefix.addr.family != IP_NONE)
        value = ip_addr_text(&p->self.prefix.addr, a);
    snprintf(out, CFG_TEXT_MAX + IP_TEXT_MAX, "%s%s%s", kind == CFG_ID_DN ? "dn" : word, value[0] ? " " : "",
             value);
    return out;
}

static void profile_text(struct cli_call *c, const struct cfg_isakmp_profile *p)
{
    char text[CFG_TEXT_MAX + IP_TEXT_MAX];
    cli_print(c, "\nIKEv1 PROFILE %s\nRef Count = %u\n   Identities matched are:\n", p->name,
              ref_count(c, p->name));
    for (unsigned i = 0; i < p->match_count; i++)
        cli_print(c, "    %s%s%s\n", cli_alg_match1(&p->match[i], text), p->fvrf[0] ? " " : "", p->fvrf);
    if (!cfg_isakmp_profile_complete(p))
        cli_print(c, "    none: the profile is incomplete, a responder does not use it\n");
    cli_print(c, "   Certificate maps matched are:\n   Identity presented is: %s\n   keyring(s): ",
              self_text(c, p, text));
    for (unsigned i = 0; i < p->keyring_count; i++)
        cli_print(c, "%s%s", i ? ", " : "", p->keyrings[i]);
    cli_print(c, "%s\n   trustpoint(s): ", p->keyring_count ? "" : "default");
    for (unsigned i = 0; i < p->trustpoint_count; i++)
        cli_print(c, "%s%s", i ? ", " : "", p->trustpoints[i]);
    cli_print(c, "%s\n", p->trustpoint_count ? "" : "<all>");
}

static json_t *profile_json(struct cli_call *c, const struct cfg_isakmp_profile *p)
{
    char text[CFG_TEXT_MAX + IP_TEXT_MAX];
    json_t *match = json_array(), *rings = json_array(), *points = json_array();
    for (unsigned i = 0; i < p->match_count; i++)
        json_array_append_new(match, json_string(cli_alg_match1(&p->match[i], text)));
    for (unsigned i = 0; i < p->keyring_count; i++)
        json_array_append_new(rings, json_string(p->keyrings[i]));
    for (unsigned i = 0; i < p->trustpoint_count; i++)
        json_array_append_new(points, json_string(p->trustpoints[i]));
    return json_pack("{s:s, s:i, s:b, s:s, s:o, s:s, s:o, s:o, s:b}", "name", p->name, "ref_count",
                     (int)ref_count(c, p->name), "complete", cfg_isakmp_profile_complete(p), "fvrf", p->fvrf,
                     "identities", match, "self_identity", self_text(c, p, text), "keyrings", rings,
                     "trustpoints", points, "aggressive", p->aggressive);
}

int cli_show_isakmp_profile(struct cli_call *c)
{
    const struct cfg *cfg = c->env->cfg(c->env->ctx);
    json_t *all = c->json ? json_array() : NULL;
    unsigned shown = 0;
    for (unsigned i = 0; i < cfg->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *p = &cfg->isakmp_profiles[i];
        if (c->cmd.arg_count > 0 && strcmp(c->cmd.args[0], p->name) != 0)
            continue;
        shown++;
        if (all)
            json_array_append_new(all, profile_json(c, p));
        else
            profile_text(c, p);
    }
    if (all)
        cli_json(c, json_pack("{s:o}", "profiles", all));
    if (c->cmd.arg_count > 0 && shown == 0) {
        cli_error(c, "ISAKMP profile %.60s is not configured", c->cmd.args[0]);
        return CLI_NOT_SO;
    }
    return CLI_OK;
}
