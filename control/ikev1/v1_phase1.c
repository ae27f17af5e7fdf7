#include "control/ikev1/v1_phase1.h"

#include "common/secret.h"
#include "control/ike/ike_natt.h"
#include "control/ikev1/v1_cert.h"
#include "control/ikev1/v1_frag.h"
#include "control/ikev1/v1_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_FIXED = 4, PROTO_UDP = 17, SPI_LEN = 2 * PLD1_COOKIE_LEN, LIFE_DATA_MAX = 16 };

/* ---- decisions ------------------------------------------------------------------------------------------------------ */
void v1_decided(struct ike *e, const struct ike_sa *sa, const char *at, const struct sel_trace *t)
{
    ike_decision(e, sa, at, t);
}

static void log_key_of_all(struct ike *e, const struct ike_sa *sa, const char *peer, struct sel_v1_key key,
                           const struct sel_trace *t)
{
    char prefix[IP_TEXT_MAX];
    for (unsigned i = 0; i < t->candidate_count; i++)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp",
                t->candidates[i].matched ? "key for %s found in %s" : "key for %s not available in %s", peer,
                t->candidates[i].name);
    if (!key.key)
        return;
    if (key.key->has_address)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Selecting %s of keyring %s as final key",
                ip_prefix_text(&key.key->address, prefix), key.keyring->name);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "found peer pre-shared key matching %s", peer);
}

void v1_log_key(struct ike *e, const struct ike_sa *sa, const struct cfg_isakmp_profile *profile,
                const struct ip_addr *peer, struct sel_v1_key key, const struct sel_trace *t)
{
    char text[IP_TEXT_MAX];
    ip_addr_text(peer, text);
    if (!profile)
        log_key_of_all(e, sa, text, key, t);
    else if (key.key)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Found %s key in keyring %s",
                key.key->has_address ? "ADDRESS" : "HOST", key.keyring->name);
    else
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "no key for %s in the keyrings of profile %s", text,
                profile->name);
    if (key.key)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "local preshared key found");
}

struct sel_v1_key v1_find_key(struct ike *e, const struct ike_sa *sa,
                              const struct cfg_isakmp_profile *profile, bool initiator,
                              const struct sel_v1_path *path, const struct sel_id *id, const char *at)
{
    struct sel_trace trace;
    struct sel_v1_key key = sel_v1_key(e->cfg, profile, initiator, path, id, &trace);
    v1_log_key(e, sa, profile, path->peer, key, &trace);
    v1_decided(e, sa, at, &trace);
    return key;
}

static bool has_child(const struct ike *e, const struct ike_session *s)
{
    for (const struct sam_child *c = sam_children_on(e->sam, s->interface); c; c = c->next_of_tunnel)
        if (c->state != SAM_RETIRING)
            return true;
    return false;
}

void v1_blame(struct ike *e, const struct ike_datagram *d, enum ike_reason why, const char *fmt, ...)
{
    enum { PAUSE_MS = 1000 };
    char text[SEL_TEXT_MAX];
    va_list args;
    struct ike_session *s = ike_session_between(e, d->vrf, &d->local.addr, &d->remote.addr, 1);
    if (!s || has_child(e, s))
        return;
    if (s->has_error && s->last_error.reason == why &&
        e->env.wall_ms(e->env.ctx) - s->last_error.at_wall_ms < PAUSE_MS)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ike_session_error(e, s, why, "%s", text);
}

/* ---- SA payloads ---------------------------------------------------------------------------------------------------- */
static cv_result keep(uint8_t **to, size_t *to_len, struct slice from)
{
    uint8_t *copy = slice_dup(from);
    if (!copy)
        return CV_ENOMEM;
    free(*to);
    *to = copy;
    *to_len = from.n;
    return CV_OK;
}

cv_result v1_put_offers(struct ike_sa *sa, struct v1_msg *m, const struct sel1_ike_transform *t, unsigned n)
{
    struct v1_sa *v1 = v1_of(sa);
    struct pld1_build_proposal p = {.number = 1, .proto = PLD1_PROTO_ISAKMP, .count = n};
    size_t at = m->w.len + PLD_GENERIC_LEN;
    for (unsigned i = 0; i < n; i++)
        p.transforms[i] = (struct pld1_build_transform){.number = t[i].number,
                                                        .id = PLD1_KEY_IKE,
                                                        .group = t[i].group,
                                                        .key_bits = t[i].key_bits,
                                                        .encr = t[i].encr,
                                                        .hash = t[i].hash,
                                                        .auth = t[i].auth,
                                                        .life = {.seconds = t[i].life_s}};
    pld1_put_sa(&m->b, &p, 1);
    if (m->w.bad)
        return CV_ENOSPC;
    return keep(&v1->sa_body, &v1->sa_body_len, (struct slice){m->storage + at, m->w.len - at});
}

void v1_put_answer(struct v1_msg *m, const struct pld1_message *offer, unsigned transform)
{
    const struct pld1_proposal *from = &offer->sa.proposals[0];
    const struct pld1_transform *t = &offer->sa.transforms[from->first + transform];
    struct pld1_build_proposal p = {.number = from->number, .proto = PLD1_PROTO_ISAKMP, .count = 1};
    p.transforms[0] =
        (struct pld1_build_transform){.number = t->number, .id = t->id, .attributes = t->attributes};
    pld1_put_sa(&m->b, &p, 1);
}

unsigned v1_transforms(const struct pld1_message *m, struct sel1_ike_transform *out)
{
    const struct pld1_proposal *p = &m->sa.proposals[0]; /* rules: phase 1 has one, of ISAKMP */
    if (m->sa.proposal_count == 0)
        return 0;
    for (unsigned i = 0; i < p->count; i++) {
        const struct pld1_transform *t = &m->sa.transforms[p->first + i];
        out[i] = (struct sel1_ike_transform){.number = t->number,
                                             .unusable = t->unusable || t->unknown_id,
                                             .encr = t->encr,
                                             .key_bits = t->key_bits,
                                             .hash = t->hash,
                                             .auth = t->auth,
                                             .group = t->group,
                                             .life_s = t->life.seconds};
    }
    return p->count;
}

static void log_choice(struct ike *e, const struct sel1_ike_choice *c, const struct sel_trace *trace)
{
    char text[SEL_TEXT_MAX];
    for (unsigned i = 0; i < trace->candidate_count; i++)
        if (!trace->candidates[i].matched)
            ike_log(e, NULL, LOG_LEVEL_DEBUG, "isakmp", "Checking ISAKMP %s: %s", trace->candidates[i].name,
                    trace->candidates[i].why);
    if (!c) {
        ike_log(e, NULL, LOG_LEVEL_DEBUG, "isakmp", "no offers accepted");
        return;
    }
    ike_log(e, NULL, LOG_LEVEL_DEBUG, "isakmp", "Checking ISAKMP transform %u against priority %u policy",
            c->transform + 1, c->policy->priority);
    ike_log(e, NULL, LOG_LEVEL_DEBUG, "isakmp", "atts are acceptable: %s, lifetime %u s",
            sel1_ike_choice_text(c, text), c->life_s);
}

static bool wants(const struct cfg *c, unsigned auth)
{
    unsigned count;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &count);
    for (unsigned i = 0; i < count; i++)
        if ((unsigned)p[i].auth & auth)
            return true;
    return false;
}

bool v1_wants_keys(const struct ike *e)
{
    return wants(e->cfg, CFG_AUTH_PSK) || !ike_cert_any(e);
}

enum ike_reason v1_no_method(const struct ike *e, bool have_key, unsigned signatures)
{
    if (!have_key && v1_wants_keys(e))
        return IKE_REASON_NO_PSK;
    if (!ike_cert_any(e))
        return IKE_REASON_NO_PROPOSAL; /* nobody means certificates here */
    const unsigned rsa = signatures & 1u << SEL1_METHOD_RSA, ecdsa = signatures & ~(1u << SEL1_METHOD_RSA);
    const bool wanted = wants(e->cfg, CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG),
               have =
                   (rsa && wants(e->cfg, CFG_AUTH_RSA_SIG)) || (ecdsa && wants(e->cfg, CFG_AUTH_ECDSA_SIG));
    return wanted && !have ? IKE_REASON_NO_CERTIFICATE : IKE_REASON_NO_PROPOSAL;
}

bool v1_choose(struct ike *e, const struct v1_in *in, bool have_key, const char *at,
               struct sel1_ike_choice *out)
{
    struct sel1_ike_transform offers[PLD1_MAX_TRANSFORMS];
    struct sel_trace trace;
    unsigned n = v1_transforms(in->m, offers);
    const unsigned signatures = v1_cert_methods(e, NULL, false),
                   methods = signatures | (have_key ? 1u << SEL1_METHOD_PSK : 0);
    bool ok = sel1_ike_choose(e->cfg, methods,
                              have_key || !v1_wants_keys(e) ? NULL : "no pre-shared key for the peer", offers,
                              n, out, &trace);
    v1_decided(e, NULL, at, &trace);
    log_choice(e, ok ? out : NULL, &trace);
    if (ok)
        return true;
    enum ike_reason why = v1_no_method(e, have_key, signatures);
    ike_log_unauth(e, &in->d->remote, "%s: %s", ike_reason_name(why), trace.text);
    v1_blame(e, in->d, why, "%s", trace.text);
    v1_refuse_clear(e, in->d, &in->m->header, PLD1_N_NO_PROPOSAL_CHOSEN);
    return false;
}

bool v1_accept(struct ike *e, struct ike_sa *sa, const struct pld1_message *m, uint16_t group,
               struct sel1_ike_choice *out, char *why)
{
    struct sel1_ike_transform ours[SEL1_TRANSFORMS_MAX], answer[PLD1_MAX_TRANSFORMS];
    const unsigned methods = v1_of(sa)->methods;
    unsigned n = sel1_ike_offers(e->cfg, methods, group, ours);
    snprintf(why, SEL_TEXT_MAX, "not exactly one transform");
    if (v1_transforms(m, answer) != 1 || !sel1_ike_accept(e->cfg, methods, ours, n, answer, out, why))
        return false;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Checking ISAKMP transform %u against priority %u policy",
            out->transform + 1, out->policy->priority);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "atts are acceptable");
    return true;
}

/* ---- the SA ----------------------------------------------------------------------------------------------------------- */
cv_result v1_keep_key(struct v1_sa *v1, struct sel_v1_key key, struct slice psk)
{
    secret_free(&v1->psk);
    v1->key = key;
    snprintf(v1->keyring, sizeof v1->keyring, "%s", key.keyring ? key.keyring->name : "");
    return secret_copy(&v1->psk, psk.p, psk.n);
}

static bool offered_more(const struct pld1_message *m, const struct sel1_ike_choice *choice)
{
    return m->sa.transforms[m->sa.proposals[0].first + choice->transform].life.seconds > choice->life_s;
}

static cv_result fill_responder(struct ike *e, struct ike_sa *sa, const struct v1_in *in,
                                const struct sel1_ike_choice *choice, struct sel_v1_key key)
{
    CV_TRY(v1_sa_new(e, sa));
    struct v1_sa *v1 = v1_of(sa);
    memcpy(sa->spi_i, in->m->header.spi_i, sizeof sa->spi_i);
    sa->local = in->d->local;
    sa->remote = in->d->remote;
    sa->vrf = in->d->vrf;
    sa->natt = in->d->natt;
    v1->aggressive = in->m->header.exchange == PLD1_AGGRESSIVE;
    v1->choice = *choice;
    v1->life_cut = offered_more(in->m, choice);
    v1->expire_half_open_at = ike_now(e) + ike_limit_life_ms(e);
    if (!ike_limit_add(e, sa))
        return CV_ENOMEM;
    ike_sa_index_init(e, sa);
    if (key.key)
        CV_TRY(v1_keep_key(v1, key, (struct slice){key.key->key.p, key.key->key.n}));
    return keep(&v1->sa_body, &v1->sa_body_len, in->m->sa.body);
}

struct ike_sa *v1_responder_new(struct ike *e, const struct v1_in *in, const struct sel1_ike_choice *choice,
                                struct sel_v1_key key)
{
    if (in->m->sa.body.n > V1_SA_BODY_MAX) {
        e->counters.bad_payload++;
        ike_log_unauth(e, &in->d->remote, "dropped: an SA payload of %zu octets", in->m->sa.body.n);
        return NULL;
    }
    if (!ike_limit_ok(e, &in->d->remote)) {
        e->counters.half_open_refused++;
        ike_log_unauth(e, &in->d->remote, "%s", ike_reason_text(IKE_REASON_DOS_LIMIT));
        return NULL; /* silence: it asks again, and there may be room then */
    }
    struct ike_sa *sa = ike_sa_new(e, &v1_ops, false);
    if (!sa)
        return NULL;
    cv_result r = fill_responder(e, sa, in, choice, key);
    if (r == CV_OK)
        return sa;
    ike_sa_remove(e, sa, IKE_REASON_NO_RESOURCES, "the first message could not be kept: %s",
                  cv_result_text(r));
    return NULL;
}

cv_result v1_own_values(struct ike *e, struct ike_sa *sa)
{
    enum { TRIES = 8 };
    struct v1_sa *v1 = v1_of(sa);
    uint8_t random[CR_DH_PUBLIC_MAX];
    uint8_t *nonce = sa->initiator ? v1->ni : v1->nr;
    const struct cr_dh_alg *alg = cr_dh(v1->choice.group);
    struct cr_dh_key *key = NULL;
    cv_result r = CV_EINVAL;
    if (!alg || alg->private_len > sizeof random)
        return CV_EUNSUP;
    for (unsigned i = 0; i < TRIES && r == CV_EINVAL; i++) {
        ike_random(e, random, alg->private_len);
        r = cr_dh_new(v1->choice.group, random, &key);
    }
    secret_wipe(random, sizeof random);
    if (r != CV_OK)
        return r;
    cr_dh_free(v1->dh);
    v1->dh = key;
    ike_random(e, nonce, V1_NONCE_LEN);
    *(sa->initiator ? &v1->ni_len : &v1->nr_len) = V1_NONCE_LEN;
    return sa->initiator ? keep(&v1->g_xi, &v1->g_xi_len, cr_dh_public(key))
                         : keep(&v1->g_xr, &v1->g_xr_len, cr_dh_public(key));
}

void v1_put_values(struct ike_sa *sa, struct v1_msg *m)
{
    const struct v1_sa *v1 = v1_of(sa);
    pld1_put_raw(&m->b, PLD1_KE, cr_dh_public(v1->dh));
    pld1_put_raw(&m->b, PLD1_NONCE,
                 sa->initiator ? (struct slice){v1->ni, v1->ni_len} : (struct slice){v1->nr, v1->nr_len});
}

static struct cr_public1 public_of(const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    return (struct cr_public1){.cky_i = sa->spi_i,
                               .cky_r = sa->spi_r,
                               .g_xi = {v1->g_xi, v1->g_xi_len},
                               .g_xr = {v1->g_xr, v1->g_xr_len}};
}

static cv_result compute_keys(const struct ike_sa *sa, struct slice ke, struct slice nonce,
                              struct cr_keys1 *out)
{
    const struct v1_sa *v1 = sa->v;
    const struct cr_suite1 suite = {.encr = v1->choice.encr,
                                    .key_bits = v1->choice.key_bits,
                                    .prf = v1->choice.prf,
                                    .dh = v1->choice.group,
                                    .signed_prf = v1_cert_prf(sa)};
    struct cr_public1 pub = public_of(sa);
    struct slice ni = {v1->ni, v1->ni_len}, nr = {v1->nr, v1->nr_len};
    uint8_t skeyid[CR_PRF_MAX];
    struct secret shared = {0};
    *(sa->initiator ? &pub.g_xr : &pub.g_xi) = ke;
    *(sa->initiator ? &nr : &ni) = nonce;
    cv_result r = cr_dh_shared(v1->dh, ke, &shared);
    if (r == CV_OK)
        r = v1_signs(sa) ? cr_skeyid_sig(suite.prf, ni, nr, &shared, skeyid)
                         : cr_skeyid_psk(suite.prf, (struct slice){v1->psk.p, v1->psk.n}, ni, nr, skeyid);
    if (r == CV_OK)
        r = cr_keys1_init(&suite, skeyid, &shared, &pub, out);
    secret_free(&shared);
    secret_wipe(skeyid, sizeof skeyid);
    return r;
}

/* Our own values given back to us: with them, and our own cookie, our own HASH would be the peer's. */
static bool reflected(const struct ike_sa *sa, const struct pld1_message *m)
{
    const struct v1_sa *v1 = sa->v;
    const struct slice ke = cr_dh_public(v1->dh);
    return (m->ke.n == ke.n && memcmp(m->ke.p, ke.p, ke.n) == 0) ||
           memcmp(sa->spi_i, sa->spi_r, sizeof sa->spi_i) == 0;
}

cv_result v1_derive(struct ike *e, struct ike_sa *sa, const struct pld1_message *m)
{
    struct v1_sa *v1 = v1_of(sa);
    struct cr_keys1 keys = {0};
    const struct cr_dh_alg *alg = cr_dh(v1->choice.group);
    uint8_t *nonce = sa->initiator ? v1->nr : v1->ni;
    if (!v1->dh || !alg || m->ke.n != alg->public_len || m->nonce.n < PLD1_NONCE_MIN ||
        m->nonce.n > PLD1_NONCE_MAX || reflected(sa, m))
        return CV_EINVAL;
    cv_result r = compute_keys(sa, m->ke, m->nonce, &keys);
    if (r == CV_OK)
        r = sa->initiator ? keep(&v1->g_xr, &v1->g_xr_len, m->ke) : keep(&v1->g_xi, &v1->g_xi_len, m->ke);
    if (r == CV_OK) {
        *(sa->initiator ? &v1->nr_len : &v1->ni_len) = slice_copy(m->nonce, nonce, PLD1_NONCE_MAX);
        v1->keys = keys;
        v1->have_keys = true;
        memcpy(v1->iv, keys.iv, sizeof v1->iv);
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "SKEYID state generated");
    }
    cr_keys1_wipe(&keys);
    return r;
}

void v1_float(struct ike *e, struct ike_sa *sa)
{
    char peer[IP_TEXT_MAX];
    if (sa->natt || (!sa->nat_local && !sa->nat_remote))
        return;
    ike_nat_float(sa);
    ike_log(e, sa, LOG_LEVEL_INFO, "isakmp", "NAT in front of %s: going on at port 4500 with %s",
            sa->nat_local && sa->nat_remote ? "both ends"
            : sa->nat_local                 ? "this end"
                                            : "the peer",
            ip_endpoint_text(&sa->remote, peer));
}

/* RFC 3947 4: who floats has found a NAT. NAT-D is not authenticated: were one spoiled on the way, one end would encapsulate in UDP and the other
 * would not, and no Quick Mode fit for as long as the SA lives. */
void v1_peer_at(struct ike_sa *sa, const struct v1_in *in)
{
    if (in->d->natt && !sa->natt && !sa->nat_local)
        sa->nat_remote = true;
    sa->local = in->d->local;
    sa->remote = in->d->remote;
    sa->natt = in->d->natt;
}

void v1_took(struct ike_sa *sa, const struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    memcpy(v1->last_in, in->digest, sizeof v1->last_in);
    v1->has_last_in = true;
    v1->has_refused_in = false;
}

void v1_bad_message(struct ike *e, struct ike_sa *sa, const struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    e->counters.bad_payload++;
    memcpy(v1->refused_in, in->digest, sizeof v1->refused_in);
    v1->has_refused_in = true;
    if (++v1->bad_in > V1_BAD_MAX && !sa->initiator)
        ike_sa_remove(e, sa, IKE_REASON_INVALID_SYNTAX, "%u messages that cannot be right", v1->bad_in);
}

void v1_garbage(struct ike *e, struct ike_sa *sa, const struct v1_in *in, enum pld1_fault fault,
                const char *why)
{
    struct v1_sa *v1 = v1_of(sa);
    char peer[IP_TEXT_MAX];
    ip_addr_text(&in->d->remote.addr, peer);
    if (fault == PLD1_FAULT_RESERVED)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "reserved not zero on %s payload!",
                v1->aggressive ? "HASH" : "ID");
    else
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "decrypted message: %s", why ? why : "malformed");
    if (v1->bad_in == 0 && log_limit_ok(&e->unauth_limit, ike_now(e)))
        ike_log(e, sa, LOG_LEVEL_WARNING, "isakmp",
                "%%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from %s failed its sanity check or is malformed",
                peer);
    if (!sa->initiator && !v1_signs(sa))
        v1_blame(e, in->d, IKE_REASON_BAD_PSK,
                 "%s of %s does not decrypt with the key of keyring %s: the two ends' pre-shared keys differ "
                 "(KR-8)",
                 v1->aggressive ? "AM3" : "MM5", peer, v1->keyring);
    v1->sent.next_at =
        sa->initiator ? v1->sent.next_at : UINT64_MAX; /* it has our last message, as this one shows */
    v1_bad_message(e, sa, in);
}

void v1_forget_phase1(struct v1_sa *v1)
{
    secret_free(&v1->psk);
    cr_dh_free(v1->dh);
    v1->dh = NULL;
    free(v1->sa_body);
    free(v1->g_xi);
    free(v1->g_xr);
    v1->sa_body = v1->g_xi = v1->g_xr = NULL;
    v1->sa_body_len = v1->g_xi_len = v1->g_xr_len = 0;
    secret_wipe(v1->ni, sizeof v1->ni);
    secret_wipe(v1->nr, sizeof v1->nr);
    v1->ni_len = v1->nr_len = 0;
    v1_frags_free(v1);
    v1_park_drop(v1);
}

/* ---- identity and proof ---------------------------------------------------------------------------------------------- */
static cv_result set_local_id(struct ike_sa *sa, uint8_t type, struct slice data)
{
    if (data.n == 0 || data.n > sizeof sa->local_id)
        return CV_EINVAL;
    sa->local_id_type = type;
    sa->local_id_len = slice_copy(data, sa->local_id, sizeof sa->local_id);
    return CV_OK;
}

static cv_result set_local_address(struct ike_sa *sa, const struct ip_addr *a)
{
    return set_local_id(sa, a->family == IP_V6 ? PLD1_ID_IPV6 : PLD1_ID_IPV4,
                        (struct slice){a->b, ip_addr_len(a)});
}

static cv_result set_local_text(struct ike_sa *sa, uint8_t type, const char *text)
{
    return set_local_id(sa, type, (struct slice){(const uint8_t *)text, strlen(text)});
}

static cv_result set_local_host(struct ike *e, struct ike_sa *sa)
{
    char name[2 * CFG_TEXT_MAX];
    const struct cfg *c = e->cfg;
    const struct cfg_trustpoint *t = cfg_find_trustpoint(c, v1_of(sa)->signer);
    if (!c->hostname[0] && t && t->fqdn[0] && strcmp(t->fqdn, "none") != 0)
        return set_local_text(sa, PLD1_ID_FQDN, t->fqdn); /* what its certificate says */
    if (!c->hostname[0])
        return set_local_address(sa, &sa->local.addr); /* nothing better is known */
    snprintf(name, sizeof name, "%s%s%s", c->hostname, c->domain_name[0] ? "." : "", c->domain_name);
    return set_local_text(sa, PLD1_ID_FQDN, name);
}

cv_result v1_local_id_as(struct ike *e, struct ike_sa *sa, const struct cfg_id *id)
{
    switch (id->kind) {
    case CFG_ID_ADDRESS:
        return set_local_address(sa, id->prefix.addr.family == IP_NONE ? &sa->local.addr : &id->prefix.addr);
    case CFG_ID_FQDN:
        return id->text[0] ? set_local_text(sa, PLD1_ID_FQDN, id->text) : set_local_host(e, sa);
    case CFG_ID_EMAIL:
        return set_local_text(sa, PLD1_ID_USER_FQDN, id->text);
    case CFG_ID_KEY_ID:
        return set_local_text(sa, PLD1_ID_KEY, id->text);
    case CFG_ID_DN:
        if (v1_cert_own(e, sa) && v1_cert_own(e, sa)->own)
            return set_local_id(sa, PLD1_ID_DN, pki_cert_subject(v1_cert_own(e, sa)->own));
        break; /* a DN needs a certificate */
    default:
        break;
    }
    return set_local_address(sa, &sa->local.addr);
}

cv_result v1_local_id(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_profile *profile)
{
    struct cfg_id global = {.kind = e->cfg->isakmp_identity};
    return v1_local_id_as(e, sa, profile && profile->self.kind != CFG_ID_NONE ? &profile->self : &global);
}

/* RFC 2407 4.6.2: UDP and port 500; RFC 3947 4: port 0 once it is not 500 any more. */
void v1_put_id(struct ike_sa *sa, struct v1_msg *m)
{
    uint8_t *fixed = v1_of(sa)->own_id_fixed;
    uint16_t port = sa->natt ? 0 : IKE_PORT;
    struct buf_writer w = buf_writer_init(fixed, ID_FIXED);
    buf_put_u8(&w, sa->local_id_type);
    buf_put_u8(&w, PROTO_UDP);
    buf_put_u16(&w, port);
    pld1_put_id(&m->b, sa->local_id_type, PROTO_UDP, port, (struct slice){sa->local_id, sa->local_id_len});
}

/* Of HASH_I and HASH_R. */
static size_t proof_len(const struct ike_sa *sa)
{
    const uint16_t tied = v1_cert_prf(sa);
    return tied ? cr_prf(tied)->len : v1_hash_len(sa);
}

/* HASH_I or HASH_R over an identity (RFC 2409 5). */
static cv_result proof(const struct ike_sa *sa, bool by_initiator, const uint8_t fixed[ID_FIXED],
                       const uint8_t *id, size_t id_len, uint8_t out[CR_PRF_MAX])
{
    const struct v1_sa *v1 = sa->v;
    const struct cr_public1 pub = public_of(sa);
    const struct slice sa_body = {v1->sa_body, v1->sa_body_len};
    uint8_t body[ID_FIXED + sizeof sa->peer_id];
    struct buf_writer w = buf_writer_init(body, sizeof body);
    buf_put(&w, fixed, ID_FIXED);
    buf_put(&w, id, id_len);
    if (w.bad || !v1->have_keys)
        return CV_EINVAL;
    return by_initiator ? cr_hash_i(&v1->keys, &pub, sa_body, (struct slice){body, w.len}, out)
                        : cr_hash_r(&v1->keys, &pub, sa_body, (struct slice){body, w.len}, out);
}

cv_result v1_put_proof(struct ike *e, struct ike_sa *sa, struct v1_msg *m)
{
    uint8_t hash[CR_PRF_MAX];
    cv_result r = proof(sa, sa->initiator, v1_of(sa)->own_id_fixed, sa->local_id, sa->local_id_len, hash);
    const struct slice s = {hash, proof_len(sa)};
    if (r == CV_OK && v1_signs(sa))
        r = v1_cert_put(e, sa, m, s);
    else if (r == CV_OK)
        pld1_put_raw(&m->b, PLD1_HASH, s);
    secret_wipe(hash, sizeof hash);
    return r;
}

cv_result v1_peer_hash(struct ike_sa *sa, uint8_t out[CR_PRF_MAX], size_t *len)
{
    *len = proof_len(sa);
    return proof(sa, !sa->initiator, v1_of(sa)->peer_id_fixed, sa->peer_id, sa->peer_id_len, out);
}

bool v1_proved(struct ike_sa *sa, const struct pld1_message *m)
{
    uint8_t want[CR_PRF_MAX];
    size_t n;
    bool ok = !v1_signs(sa) && v1_peer_hash(sa, want, &n) == CV_OK && n > 0 && m->hash.n == n &&
              secret_equal(want, m->hash.p, n);
    secret_wipe(want, sizeof want);
    return ok;
}

bool v1_id_valid(const struct pld1_id *id)
{
    switch (id->type) {
    case PLD1_ID_IPV4:
        return id->data.n == 4;
    case PLD1_ID_IPV6:
        return id->data.n == 16;
    case PLD1_ID_FQDN:
    case PLD1_ID_USER_FQDN:
    case PLD1_ID_DN:
    case PLD1_ID_KEY:
        return id->data.n > 0 && id->data.n <= sizeof(((struct ike_sa *)0)->peer_id);
    default: /* subnets and ranges name nobody */
        return false;
    }
}

bool v1_keep_peer_id(struct ike *e, struct ike_sa *sa, const struct pld1_id *id)
{
    char text[SEL_TEXT_MAX];
    if (!v1_id_valid(id) || id->body.n < ID_FIXED)
        return false;
    memcpy(v1_of(sa)->peer_id_fixed, id->body.p, ID_FIXED);
    sa->peer_id_type = id->type;
    sa->peer_id_len = slice_copy(id->data, sa->peer_id, sizeof sa->peer_id);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "ID payload: type %u, %s, protocol %u, port %u, length %zu",
            id->type, ike_id_text(id->type, id->data, text), id->proto, id->port,
            id->body.n + PLD_GENERIC_LEN);
    return true;
}

struct sel_id v1_peer_id(const struct ike_sa *sa)
{
    return (struct sel_id){sa->peer_id_type, {sa->peer_id, sa->peer_id_len}};
}

/* ---- notifies of phase 1 ---------------------------------------------------------------------------------------------- */
static bool first_contact(const struct ike *e, const struct ike_sa *sa)
{
    for (const struct ike_sa *o = e->by_conn; o; o = o->hh_conn.next)
        if (o != sa && o->ops == &v1_ops && o->established && o->vrf == sa->vrf &&
            ip_addr_equal(&o->remote.addr, &sa->remote.addr) &&
            ip_addr_equal(&o->local.addr, &sa->local.addr))
            return false;
    return true;
}

static struct slice spi_of(const struct ike_sa *sa, uint8_t cookies[SPI_LEN])
{
    memcpy(cookies, sa->spi_i, PLD1_COOKIE_LEN);
    memcpy(cookies + PLD1_COOKIE_LEN, sa->spi_r, PLD1_COOKIE_LEN);
    return (struct slice){cookies, SPI_LEN};
}

void v1_put_initial_contact(struct ike *e, struct ike_sa *sa, struct v1_msg *m)
{
    uint8_t cookies[SPI_LEN];
    if (!first_contact(e, sa))
        return;
    pld1_put_notify(&m->b, PLD1_PROTO_ISAKMP, spi_of(sa, cookies), PLD1_N_INITIAL_CONTACT, (struct slice){0});
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Send initial contact");
}

static struct slice life_data(const struct ike_sa *sa, uint8_t out[LIFE_DATA_MAX])
{
    const struct v1_sa *v1 = sa->v;
    const struct pld1_life life = {.seconds = v1->choice.life_s};
    struct buf_writer w = buf_writer_init(out, LIFE_DATA_MAX);
    pld1_put_life(&w, PLD1_PROTO_ISAKMP, &life);
    return (struct slice){out, w.len};
}

void v1_put_lifetime(struct ike *e, struct ike_sa *sa, struct v1_msg *m)
{
    uint8_t cookies[SPI_LEN], data[LIFE_DATA_MAX];
    if (!v1_of(sa)->life_cut)
        return;
    pld1_put_notify(&m->b, PLD1_PROTO_ISAKMP, spi_of(sa, cookies), PLD1_N_RESPONDER_LIFETIME,
                    life_data(sa, data));
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "Sending NOTIFY RESPONDER_LIFETIME protocol 1: %us",
            v1_of(sa)->choice.life_s);
}

void v1_send_lifetime(struct ike *e, struct ike_sa *sa)
{
    uint8_t cookies[SPI_LEN], data[LIFE_DATA_MAX];
    if (v1_of(sa)->life_cut)
        v1_send_notify(e, sa, PLD1_PROTO_ISAKMP, spi_of(sa, cookies), PLD1_N_RESPONDER_LIFETIME,
                       life_data(sa, data));
}

void v1_take_notifies(struct ike *e, struct ike_sa *sa, const struct pld1_message *m)
{
    struct v1_sa *v1 = v1_of(sa);
    for (unsigned i = 0; i < m->notify_count; i++) {
        const struct pld1_notify *n = &m->notifies[i];
        struct pld1_life life;
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "processing NOTIFY %s", pld1_notify_name(n->type));
        if (n->type == PLD1_N_INITIAL_CONTACT)
            v1->initial_contact_in = true;
        else if (n->proto == PLD1_PROTO_ISAKMP && pld1_notify_life(n, &life) == CV_OK && life.seconds &&
                 life.seconds < v1->choice.life_s)
            v1->choice.life_s = life.seconds; /* RFC 2407 4.6.3.1, G26 */
    }
}

/* RFC 2409 5.7. Who can make this HASH has the pre-shared key: an error from it is the peer's. */
void v1_phase1_info(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    uint8_t want[CR_PRF_MAX];
    size_t n = v1_hash_len(sa);
    const struct pld1_message *m = in->m;
    bool ok = v1->have_keys && n > 0 && m->hash.n == n &&
              cr_hash1(&v1->keys, m->header.message_id, m->after_hash, want) == CV_OK &&
              secret_equal(want, m->hash.p, n);
    secret_wipe(want, sizeof want);
    if (!ok) {
        e->counters.auth_failed_icv++;
        ike_log_unauth(e, &in->d->remote, "Informational message whose HASH does not verify");
        return;
    }
    const struct pld1_notify *error = pld1_find_error(m);
    if (!error)
        return;
    enum ike_reason why =
        error->type == PLD1_N_AUTHENTICATION_FAILED || error->type == PLD1_N_INVALID_ID_INFORMATION
            ? IKE_REASON_AUTH_FAILED
            : IKE_REASON_PEER_REFUSED;
    v1_fail(e, sa, why, "the peer answered %s with %s", v1->sent.name, pld1_notify_name(error->type));
}
