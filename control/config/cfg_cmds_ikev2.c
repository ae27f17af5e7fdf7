#include "control/config/cfg_cmds.h"

#include "control/config/cfg_alg.h"
#include "control/config/cfg_key.h"
#include "control/config/cfg_parser.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- crypto ikev2 proposal ----------------------------------------------------------------------------------- */
static struct cfg_ikev2_proposal *cur_proposal(struct cfg_parser *p)
{
    return &p->c->proposals[p->proposal];
}

static void open_proposal(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->proposal_count && strcmp(c->proposals[i].name, a->text) != 0)
        i++;
    bool found = i < c->proposal_count;
    if (m->form == CFG_RESET && found && strcmp(a->text, "default") == 0)
        cfg_default_proposal(&c->proposals[i]);
    else if (m->form != CFG_SET && found)
        cfg_remove(&c->proposals, &c->proposal_count, sizeof *c->proposals, i);
    if (m->form != CFG_SET)
        return;
    p->proposal = found ? i : cfg_append(p, &c->proposals, &c->proposal_count, sizeof *c->proposals);
    if (p->proposal == UINT_MAX)
        return;
    struct cfg_ikev2_proposal *x = cur_proposal(p);
    if (!found && !cfg_copy(p, x->name, sizeof x->name, a))
        return;
    if (!found || x->builtin)
        x->line = p->line;
    x->builtin = false;
}

/* The n-th choice of a list command; an error when it stands twice. */
static const struct cfg_arg *list_item(struct cfg_parser *p, const struct cfg_match *m, unsigned n)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_CHOICE, n);
    for (unsigned i = 0; a && i < n; i++)
        if (strcmp(cfg_match_arg(m, CFG_ARG_CHOICE, i)->name, a->name) == 0) {
            cfg_error(p, a->column, "name each algorithm once", "%s stands twice", a->name);
            return NULL;
        }
    return a;
}

static void set_encryption(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_proposal *x = cur_proposal(p);
    const struct cfg_arg *a;
    x->encr_count = 0;
    memset(x->encr, 0, sizeof x->encr);
    for (unsigned i = 0; m->form == CFG_SET && (a = list_item(p, m, i)) != NULL; i++) {
        const struct cfg_alg *alg = cfg_alg_ike_encr(a->name);
        x->encr[x->encr_count++] = (struct cfg_encr){alg->id, alg->key_bits};
    }
}

static void set_integrity(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_proposal *x = cur_proposal(p);
    const struct cfg_arg *a;
    x->integ_count = 0;
    memset(x->integ, 0, sizeof x->integ);
    for (unsigned i = 0; m->form == CFG_SET && (a = list_item(p, m, i)) != NULL; i++)
        x->integ[x->integ_count++] = cfg_alg_integ(a->name)->id;
}

static void set_prf(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_proposal *x = cur_proposal(p);
    const struct cfg_arg *a;
    x->prf_count = 0;
    memset(x->prf, 0, sizeof x->prf);
    for (unsigned i = 0; m->form == CFG_SET && (a = list_item(p, m, i)) != NULL; i++)
        x->prf[x->prf_count++] = cfg_alg_prf(a->name)->id;
}

static void set_group(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_proposal *x = cur_proposal(p);
    const struct cfg_arg *a;
    x->group_count = 0;
    memset(x->group, 0, sizeof x->group);
    for (unsigned i = 0; m->form == CFG_SET && (a = list_item(p, m, i)) != NULL; i++)
        x->group[x->group_count++] = (uint16_t)strtoul(a->name, NULL, 10);
}

static const struct cfg_cmd proposal_rows[] = {
    {"encryption <" CFG_WORDS_ENCR ">+", set_encryption, 0, NULL, false},
    {"integrity <" CFG_WORDS_INTEG ">+", set_integrity, 0, NULL, false},
    {"prf <" CFG_WORDS_INTEG ">+", set_prf, 0, NULL, false},
    {"group <" CFG_WORDS_GROUP ">+", set_group, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_ikev2_proposal = CFG_ROWS(proposal_rows);

/* ---- crypto ikev2 policy --------------------------------------------------------------------------------------- */
static struct cfg_ikev2_policy *cur_policy(struct cfg_parser *p)
{
    return &p->c->policies[p->policy];
}

static void open_policy(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->policy_count && strcmp(c->policies[i].name, a->text) != 0)
        i++;
    bool found = i < c->policy_count;
    if (m->form == CFG_RESET && found && strcmp(a->text, "default") == 0)
        cfg_default_policy(&c->policies[i]);
    else if (m->form != CFG_SET && found)
        cfg_remove(&c->policies, &c->policy_count, sizeof *c->policies, i);
    if (m->form != CFG_SET)
        return;
    p->policy = found ? i : cfg_append(p, &c->policies, &c->policy_count, sizeof *c->policies);
    if (p->policy == UINT_MAX)
        return;
    struct cfg_ikev2_policy *x = cur_policy(p);
    if (!found && !cfg_copy(p, x->name, sizeof x->name, a))
        return;
    if (!found || x->builtin)
        x->line = p->line;
    if (x->builtin) { /* what is said now replaces the builtin proposal, not adds to it */
        x->proposal_count = 0;
        memset(x->proposals, 0, sizeof x->proposals);
    }
    x->builtin = false;
}

static void remove_proposal(struct cfg_ikev2_policy *x, unsigned i)
{
    memmove(x->proposals[i], x->proposals[i + 1], (x->proposal_count - i - 1) * sizeof x->proposals[0]);
    memmove(&x->proposal_lines[i], &x->proposal_lines[i + 1], (x->proposal_count - i - 1) * sizeof(int));
    x->proposal_count--;
    memset(x->proposals[x->proposal_count], 0, sizeof x->proposals[0]);
    x->proposal_lines[x->proposal_count] = 0;
}

static void set_policy_proposal(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_policy *x = cur_policy(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    for (unsigned i = x->proposal_count; i-- > 0;)
        if (m->form != CFG_SET && (!a || strcmp(x->proposals[i], a->text) == 0))
            remove_proposal(x, i);
        else if (m->form == CFG_SET && strcmp(x->proposals[i], a->text) == 0)
            return;
    if (m->form != CFG_SET)
        return;
    if (x->proposal_count == sizeof x->proposals / sizeof x->proposals[0]) {
        cfg_error(p, a->column, "", "more than %zu proposals in a policy",
                  sizeof x->proposals / sizeof x->proposals[0]);
        return;
    }
    x->proposal_lines[x->proposal_count] = p->line;
    if (cfg_copy(p, x->proposals[x->proposal_count], sizeof x->proposals[0], a))
        x->proposal_count++;
}

/* {V | any}; global without. */
static void set_policy_fvrf(struct cfg_parser *p, const struct cfg_match *m)
{
    cur_policy(p)->fvrf_any = m->form == CFG_SET && cfg_match_has(m, "any");
    cfg_take_text(p, m, cur_policy(p)->fvrf, sizeof cur_policy(p)->fvrf);
    if (cur_policy(p)->fvrf_any)
        memset(cur_policy(p)->fvrf, 0, sizeof cur_policy(p)->fvrf);
}

static void set_policy_local(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_policy *x = cur_policy(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_ADDR, 0);
    unsigned kept = 0;
    for (unsigned i = 0; i < x->local_count; i++)
        if (a && !ip_addr_equal(&x->local[i], &a->addr))
            x->local[kept++] = x->local[i];
    memset(&x->local[kept], 0, (sizeof x->local / sizeof x->local[0] - kept) * sizeof x->local[0]);
    x->local_count = kept;
    if (m->form != CFG_SET)
        return;
    if (x->local_count == sizeof x->local / sizeof x->local[0])
        cfg_error(p, a->column, "", "more than %zu addresses in a policy",
                  sizeof x->local / sizeof x->local[0]);
    else
        x->local[x->local_count++] = a->addr;
}

static const struct cfg_cmd policy_rows[] = {
    {"proposal <WORD>", set_policy_proposal, 0, NULL, false},
    {"match fvrf ~any", set_policy_fvrf, 0, NULL, false},
    {"match fvrf <WORD>", set_policy_fvrf, 0, NULL, false},
    {"match address local <ADDR>", set_policy_local, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_ikev2_policy = CFG_ROWS(policy_rows);

/* ---- crypto ikev2 keyring ---------------------------------------------------------------------------------------- */
static struct cfg_ikev2_keyring *cur_keyring(struct cfg_parser *p)
{
    return &p->c->keyrings[p->keyring];
}

static struct cfg_ikev2_peer *cur_peer(struct cfg_parser *p)
{
    return &cur_keyring(p)->peers[p->peer];
}

static void open_keyring(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->keyring_count && strcmp(c->keyrings[i].name, a->text) != 0)
        i++;
    bool found = i < c->keyring_count;
    if (m->form != CFG_SET) {
        if (found) {
            cfg_keyring_clear(&c->keyrings[i]);
            cfg_remove(&c->keyrings, &c->keyring_count, sizeof *c->keyrings, i);
        }
        return;
    }
    p->keyring = found ? i : cfg_append(p, &c->keyrings, &c->keyring_count, sizeof *c->keyrings);
    if (p->keyring == UINT_MAX || found)
        return;
    cur_keyring(p)->line = p->line;
    (void)cfg_copy(p, cur_keyring(p)->name, sizeof cur_keyring(p)->name, a);
}

static void open_peer(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_keyring *k = cur_keyring(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < k->peer_count && strcmp(k->peers[i].tag, a->text) != 0)
        i++;
    bool found = i < k->peer_count;
    if (m->form != CFG_SET) {
        if (found) {
            cfg_peer_clear(&k->peers[i]);
            cfg_remove(&k->peers, &k->peer_count, sizeof *k->peers, i);
        }
        return;
    }
    p->peer = found ? i : cfg_append(p, &k->peers, &k->peer_count, sizeof *k->peers);
    if (p->peer == UINT_MAX || found)
        return;
    cur_peer(p)->line = p->line;
    (void)cfg_copy(p, cur_peer(p)->tag, sizeof cur_peer(p)->tag, a);
}

static void set_peer_address(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_peer *x = cur_peer(p);
    memset(&x->address, 0, sizeof x->address);
    x->has_address = m->form == CFG_SET && cfg_key_prefix(m, &x->address);
}

static void set_peer_hostname(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur_peer(p)->hostname, sizeof cur_peer(p)->hostname);
}

static void set_peer_description(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur_peer(p)->description, sizeof cur_peer(p)->description);
}

static void set_peer_identity(struct cfg_parser *p, const struct cfg_match *m)
{
    memset(&cur_peer(p)->identity, 0, sizeof cur_peer(p)->identity);
    if (m->form == CFG_SET)
        (void)cfg_key_identity(p, m, &cur_peer(p)->identity);
}

static void set_peer_key(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ikev2_peer *x = cur_peer(p);
    if (cfg_match_has(m, "remote")) {
        cfg_key_take(p, m, &x->psk_remote);
        return;
    }
    cfg_key_take(p, m, &x->psk_local);
    if (cfg_match_has(m, "local"))
        return;
    secret_free(&x->psk_remote); /* symmetric */
    if (x->psk_local.n > 0 && secret_copy(&x->psk_remote, x->psk_local.p, x->psk_local.n) != CV_OK)
        p->out_of_memory = true;
}

static const struct cfg_cmd keyring_rows[] = {
    {"peer <WORD>", open_peer, CFG_MODE_IKEV2_PEER, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_ikev2_keyring = CFG_ROWS(keyring_rows);

static const struct cfg_cmd peer_rows[] = {
    {"description <LINE>", set_peer_description, 0, NULL, false},
    {"address <ADDR>", set_peer_address, 0, NULL, false},
    {"address <A.B.C.D> <MASK>", set_peer_address, 0, NULL, false},
    {"address <ADDR/N>", set_peer_address, 0, NULL, false},
    {"hostname <HOST>", set_peer_hostname, 0, NULL, false},
    {"identity ~address <ADDR>", set_peer_identity, 0, NULL, false},
    {"identity ~fqdn <WORD>", set_peer_identity, 0, NULL, false},
    {"identity ~fqdn domain <WORD>", set_peer_identity, 0, NULL, false},
    {"identity ~email <WORD>", set_peer_identity, 0, NULL, false},
    {"identity ~email domain <WORD>", set_peer_identity, 0, NULL, false},
    {"identity ~key-id <WORD>", set_peer_identity, 0, NULL, false},
    {"pre-shared-key <KEY>", set_peer_key, 0, NULL, false},
    {"pre-shared-key <0|6|hex> <KEY>", set_peer_key, 0, NULL, false},
    {"pre-shared-key <local|remote> <KEY>", set_peer_key, 0, NULL, false},
    {"pre-shared-key <local|remote> <0|6|hex> <KEY>", set_peer_key, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_ikev2_peer = CFG_ROWS(peer_rows);

/* ---- crypto ikev2 ... , one line each --------------------------------------------------------------------------- */
static void set_dpd(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->ikev2_dpd = cfg_key_dpd(m);
}

static void set_nat_keepalive(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->ikev2_nat_keepalive_s = m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_cookie_challenge(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->ikev2_cookie_challenge = m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_limit_negotiation(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    bool set = m->form == CFG_SET && n;
    if (!cfg_match_has(m, "outgoing"))
        p->c->ikev2_max_in_negotiation = set ? (unsigned)n->number : CFG_IN_NEGOTIATION_DEFAULT;
    if (!cfg_match_has(m, "incoming"))
        p->c->ikev2_max_out_negotiation = set ? (unsigned)n->number : 400;
}

static void set_limit_sa(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->ikev2_max_sa = m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_http_url(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->ikev2_http_url_cert = m->form == CFG_SET;
}

static void set_disconnect_revoked(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->ikev2_disconnect_revoked = m->form == CFG_SET;
}

static void set_window(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->ikev2_window = m->form == CFG_SET ? (unsigned)n->number : 5;
}

static void set_fragmentation(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->ikev2_fragmentation = m->form != CFG_UNSET;
    p->c->ikev2_fragmentation_mtu = n ? (unsigned)n->number : 1280;
}

static void set_logging(struct cfg_parser *p, const struct cfg_match *m)
{
    if (cfg_match_has(m, "session"))
        p->c->logging_session = m->form == CFG_SET;
    else
        p->c->logging_ikev2 = m->form == CFG_SET;
}

static void open_profile(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->profile_count && strcmp(c->profiles[i].name, a->text) != 0)
        i++;
    bool found = i < c->profile_count;
    if (m->form != CFG_SET) {
        if (found) {
            cfg_profile_clear(&c->profiles[i]);
            cfg_remove(&c->profiles, &c->profile_count, sizeof *c->profiles, i);
        }
        return;
    }
    p->profile = found ? i : cfg_append(p, &c->profiles, &c->profile_count, sizeof *c->profiles);
    if (p->profile == UINT_MAX || found)
        return;
    c->profiles[p->profile].line = p->line;
    c->profiles[p->profile].lifetime_s = 86400;
    (void)cfg_copy(p, c->profiles[p->profile].name, sizeof c->profiles[0].name, a);
}

static const struct cfg_cmd global_rows[] = {
    {"crypto ikev2 proposal <WORD>", open_proposal, CFG_MODE_IKEV2_PROPOSAL, NULL, false},
    {"crypto ikev2 policy <WORD>", open_policy, CFG_MODE_IKEV2_POLICY, NULL, false},
    {"crypto ikev2 keyring <WORD>", open_keyring, CFG_MODE_IKEV2_KEYRING, NULL, false},
    {"crypto ikev2 profile <WORD>", open_profile, CFG_MODE_IKEV2_PROFILE, NULL, false},
    {"crypto ikev2 dpd <10-3600> <2-60> [<on-demand|periodic>]", set_dpd, 0, NULL, false},
    {"crypto ikev2 nat keepalive <5-3600>", set_nat_keepalive, 0, NULL, false},
    {"crypto ikev2 cookie-challenge <1-1000>", set_cookie_challenge, 0, NULL, false},
    {"crypto ikev2 limit max-in-negotation-sa <1-9999> [<incoming|outgoing>]", set_limit_negotiation, 0, NULL,
     false},
    {"crypto ikev2 limit max-in-negotiation-sa <1-9999> [<incoming|outgoing>]", set_limit_negotiation, 0,
     NULL, false},
    {"crypto ikev2 limit max-sa <1-9999>", set_limit_sa, 0, NULL, false},
    {"crypto ikev2 window <1-20>", set_window, 0, NULL, false},
    {"crypto ikev2 fragmentation [mtu <68-1500>]", set_fragmentation, 0, NULL, false},
    {"crypto ikev2 http-url cert", set_http_url, 0, NULL, false},
    {"crypto ikev2 certificate-cache <LINE>", NULL, 0, "leave it out: certificates by URL are not fetched",
     true},
    {"crypto ikev2 disconnect-revoked-peers", set_disconnect_revoked, 0, NULL, false},
    {"crypto ikev2 diagnose error [<1-1000>]", NULL, 0,
     "errors are in the log and in `show crypto session detail`", true},
    {"crypto logging <session|ikev2>", set_logging, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_ikev2_global = CFG_ROWS(global_rows);
