/* Child negotiation: proposals, selectors, keys, installation; the shared half of IKE_AUTH and CREATE_CHILD_SA. */
#include "control/ikev2/v2_child.h"

#include "control/ike/ike_child.h"
#include "control/ike/ike_natt.h"
#include "control/ikev2/v2_resource.h"
#include "control/ikev2/v2_ts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KE_RETRIES_MAX = 2, /* INVALID_KE_PAYLOAD rounds (1.2) */
    DH_RANDOM_MAX = 128
};

/* ---- negotiations ---------------------------------------------------------------------------------------------- */
struct v2_nego *v2_nego_new(void)
{
    return calloc(1, sizeof(struct v2_nego));
}

void v2_nego_free(struct ike *e, struct v2_nego *n)
{
    if (!n)
        return;
    if (n->spi_in)
        sam_spi_release(e->sam, n->spi_in);
    cr_dh_free(n->dh);
    secret_wipe(n, sizeof *n);
    free(n);
}

cv_result v2_dh_new(struct ike *e, uint16_t group, struct cr_dh_key **out)
{
    const struct cr_dh_alg *alg = cr_dh(group);
    uint8_t random[DH_RANDOM_MAX];
    if (!alg || alg->private_len > sizeof random)
        return CV_EUNSUP;
    cv_result r = CV_EINVAL;
    for (unsigned i = 0; i < 8 && r == CV_EINVAL; i++) { /* a degenerate draw is next to impossible */
        ike_random(e, random, alg->private_len);
        r = cr_dh_new(group, random, out);
    }
    secret_wipe(random, sizeof random);
    return r;
}

cv_result v2_dh_shared(const struct cr_dh_key *k, const struct pld_message *m, struct secret *out)
{
    if (!(m->present & PLD_BIT(PLD_KE)) || m->ke.group != cr_dh_group(k))
        return CV_EINVAL;
    return cr_dh_shared(k, m->ke.data, out);
}

static const struct cfg_ipsec_profile *tunnel_profile(const struct ike *e, const struct cfg_interface *t)
{
    return t && t->protection_profile[0] ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
}

void v2_spi_put(uint8_t out[V2_ESP_SPI_LEN], uint32_t spi)
{
    for (int i = 0; i < V2_ESP_SPI_LEN; i++)
        out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

uint32_t v2_spi_get(struct slice s)
{
    return s.n == V2_ESP_SPI_LEN
               ? (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3]
               : 0;
}

/* ---- initiator: the offer ---------------------------------------------------------------------------------------- */
/* The policy may have been replaced by a reload since the offer was made; names stay, pointers do not. */
cv_result v2_nego_policy(struct ike *e, struct v2_nego *n, struct v2_policy *policy)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, n->interface);
    n->ipsec = tunnel_profile(e, t);
    return n->ipsec && cfg_selectors(e->cfg, t, &policy->local, &policy->remote) ? CV_OK : CV_ENOENT;
}

/* RFC 7296 1.3.1: asked for once for all proposals: as the most preferred transform set has it. */
static bool asks_transport(const struct ike *e, const struct ike_sa *sa, const struct v2_nego *n)
{
    const struct cfg_transform_set *set = cfg_find_transform_set(
        e->cfg, n->ipsec->transform_set_count > 0 ? n->ipsec->transform_sets[0] : "default");
    bool refuse;
    return set && n->ts_i_count == 1 && n->ts_r_count == 1 &&
           sel_transport(set, &n->ts_i[0], &n->ts_r[0], &sa->local.addr, &sa->remote.addr, &refuse);
}

static void offer_once(struct ts *list, unsigned *count, const struct ts *t)
{
    for (unsigned i = 0; i < *count; i++)
        if (ts_equal(&list[i], t))
            return;
    list[(*count)++] = *t;
}

/* As the policy has them. Where any peer may come that is everybody's: a rekey offers what this peer's child has (RFC 7296 2.9.2), for the answer may
 * be any part of the offer; and only its own addresses are those of transport mode. */
static void offer_selectors(struct ike *e, const struct v2_policy *policy, struct v2_nego *n)
{
    const struct sam_child *old = n->rekeys ? sam_child_by_id(e->sam, n->rekeys) : NULL;
    n->ts_i_count = n->ts_r_count = 0;
    if (!old || !sel_flow_any_peer(cfg_find_interface(e->cfg, n->interface))) {
        offer_once(n->ts_i, &n->ts_i_count, &policy->local);
        offer_once(n->ts_r, &n->ts_r_count, &policy->remote);
        return;
    }
    for (unsigned i = 0; i < old->ts_count; i++) {
        offer_once(n->ts_i, &n->ts_i_count, &old->ts_local[i]);
        offer_once(n->ts_r, &n->ts_r_count, &old->ts_remote[i]);
    }
}

cv_result v2_child_prepare(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                           const struct cv_acquire *packet, struct v2_nego *n)
{
    struct v2_policy policy;
    memcpy(n->interface, s->interface, sizeof n->interface);
    if (v2_nego_policy(e, n, &policy) != CV_OK) {
        ike_session_failed(e, s, IKE_REASON_INTERNAL, "%s has no IPsec protection, or no source address",
                           s->interface);
        return CV_EINVAL;
    }
    v2_resource_prepare(e, n);
    cv_result r = sam_spi_reserve_after(e->sam, n->rekeys ? sam_child_by_id(e->sam, n->rekeys) : NULL,
                                        n->worker, &n->spi_in);
    if (r != CV_OK) {
        n->spi_in = 0;
        if (n->worker == CV_WORKER_ANY)
            ike_session_failed(e, s, IKE_REASON_NO_RESOURCES, "no SPI to be had: %s", cv_result_text(r));
        return r;
    }
    /* The packet's own selector is not put in front of the list (2.9 allows it): IOS answers only to what mirrors its own
     * 0.0.0.0/0, and a route-based tunnel has nothing to gain from it. */
    offer_selectors(e, &policy, n);
    n->transport = asks_transport(e, sa, n);
    n->have_packet = packet != NULL;
    if (packet)
        n->packet = *packet;
    return CV_OK;
}

static cv_result put_fresh_values(struct ike *e, struct v2_nego *n, const struct sel_offers *offers,
                                  struct pld_builder *b)
{
    if (!n->ni.n) {
        ike_random(e, n->nonce_own, sizeof n->nonce_own);
        n->ni = (struct slice){n->nonce_own, sizeof n->nonce_own};
    }
    pld_put_nonce(b, n->ni);
    if (!n->dh_group)
        n->dh_group = sel_offers_group(offers);
    if (!n->dh_group)
        return CV_OK;
    if (!n->dh)
        CV_TRY(v2_dh_new(e, n->dh_group, &n->dh));
    pld_put_ke(b, n->dh_group, cr_dh_public(n->dh));
    return CV_OK;
}

/* As configured; through a NAT without AH. */
static bool child_offers(const struct ike *e, const struct ike_sa *sa, const struct v2_nego *n, bool dh,
                         struct sel_offers *out)
{
    return sel_esp_offers(e->cfg, n->ipsec, dh, out) && (!ike_child_natt(sa) || sel_offers_without_ah(out));
}

cv_result v2_child_put_offer(struct ike *e, struct ike_sa *sa, struct v2_nego *n, struct pld_builder *b,
                             bool dh)
{
    struct sel_offers offers;
    struct v2_policy policy;
    uint8_t spi[V2_ESP_SPI_LEN];
    CV_TRY(v2_nego_policy(e, n, &policy));
    if (!child_offers(e, sa, n, dh, &offers)) {
        struct ike_session *s = ike_session_get(e, n->interface);
        if (s && ike_child_natt(sa))
            ike_session_error(e, s, IKE_REASON_NO_PROPOSAL, "%s", IKE_CHILD_AH_NAT);
        return CV_EUNSUP;
    }
    v2_spi_put(spi, n->spi_in);
    v2_put_offers(b, &offers, spi, sizeof spi);
    if (dh)
        CV_TRY(put_fresh_values(e, n, &offers, b));
    pld_put_ts(b, PLD_TSI, n->ts_i, n->ts_i_count);
    pld_put_ts(b, PLD_TSR, n->ts_r, n->ts_r_count);
    struct slice none = {NULL, 0};
    if (n->transport)
        pld_put_notify(b, PLD_PROTO_NONE, none, PLD_N_USE_TRANSPORT_MODE, none);
    v2_resource_put(n, b);
    return CV_OK;
}

/* ---- keys and installation ------------------------------------------------------------------------------------------ */
static unsigned keepalive_of(const struct ike *e, const struct ike_sa *sa)
{
    return sa->profile && sa->profile->nat_keepalive_s ? sa->profile->nat_keepalive_s
                                                       : e->cfg->ikev2_nat_keepalive_s;
}

/* KEYMAT's first half protects what the exchange's initiator sends (2.17). */
cv_result v2_nego_install(struct ike *e, struct ike_sa *sa, struct v2_nego *n, bool initiator, bool activate,
                          const struct secret *shared, struct sam_child **child)
{
    struct v2_ts_set set = {.i_count = n->ts_i_count, .r_count = n->ts_r_count};
    struct v2_ts_pairs pairs;
    memcpy(set.i, n->ts_i, sizeof set.i);
    memcpy(set.r, n->ts_r, sizeof set.r);
    if (!v2_ts_pair(&set, &pairs))
        return CV_EINVAL;

    struct sam_install p;
    ike_child_params(e, sa, n->interface, n->ipsec, keepalive_of(e, sa), &p);
    p.initiator = initiator;
    p.activate = activate;
    p.worker = n->worker;
    p.spi_in = n->spi_in;
    p.spi_out = n->spi_out;
    p.encr = n->choice.encr;
    p.key_bits = n->choice.key_bits;
    p.integ = n->choice.integ;
    p.dh = n->choice.dh;
    p.esn = n->choice.esn;
    p.transport = n->transport;
    if (n->no_tfc && p.tfc_len) {
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "the peer takes no TFC padding: it is left out");
        p.tfc_len = 0;
    }
    p.ts_count = pairs.count;
    p.ts_local = initiator ? pairs.i : pairs.r;
    p.ts_remote = initiator ? pairs.r : pairs.i;

    struct cr_child_keys i2r, r2i;
    cv_result r = cr_child_keymat(&sa->keys, p.encr == CV_ENCR_NONE ? CV_ENCR_NULL : p.encr, p.key_bits,
                                  p.integ, shared, n->ni, n->nr, &i2r, &r2i);
    if (r == CV_OK) {
        const struct cr_child_keys *out = initiator ? &i2r : &r2i, *in = initiator ? &r2i : &i2r;
        p.encr_key_in = in->encr_key;
        p.salt_in = in->salt;
        p.integ_key_in = in->integ_key;
        p.encr_key_out = out->encr_key;
        p.salt_out = out->salt;
        p.integ_key_out = out->integ_key;
        r = sam_child_install(e->sam, &p, child);
    }
    secret_wipe(&i2r, sizeof i2r);
    secret_wipe(&r2i, sizeof r2i);
    if (r == CV_OK)
        n->spi_in = 0; /* the child's now */
    if (r == CV_OK)
        v2_resource_made(e, sa, n, initiator, *child);
    return r;
}

void v2_child_up(struct ike *e, struct ike_sa *sa, const struct v2_nego *n, struct sam_child *c, bool rekey)
{
    char text[SEL_TEXT_MAX];
    ike_child_up(e, sa, c, sel_esp_choice_text(&n->choice, text), rekey);
}

/* ---- initiator: the answer --------------------------------------------------------------------------------------- */
static enum ike_reason reason_of_notify(uint16_t type)
{
    switch (type) {
    case PLD_N_NO_PROPOSAL_CHOSEN:
        return IKE_REASON_NO_PROPOSAL;
    case PLD_N_TS_UNACCEPTABLE:
        return IKE_REASON_TS_UNACCEPTABLE;
    case PLD_N_INVALID_KE_PAYLOAD:
        return IKE_REASON_INVALID_KE;
    case PLD_N_INVALID_SYNTAX:
        return IKE_REASON_INVALID_SYNTAX;
    default:
        return IKE_REASON_CHILD_FAILED;
    }
}

static cv_result refuse(struct ike *e, struct ike_sa *sa, struct v2_nego *n, enum ike_reason *why,
                        enum ike_reason reason, const char *text)
{
    struct ike_session *s = ike_session_get(e, n->interface);
    *why = reason;
    if (s && n->worker == CV_WORKER_ANY) /* a tunnel is up without a worker's own */
        ike_session_error(e, s, reason, "%s", text);
    else
        ike_log(e, sa, LOG_LEVEL_WARNING, "ipsec", "child SA for %s: %s", n->interface, text);
    return CV_EINVAL;
}

static cv_result accept_proposal(struct ike *e, struct ike_sa *sa, struct v2_nego *n,
                                 const struct pld_message *m, enum ike_reason *why)
{
    struct v2_peer_offers answer;
    struct sel_offers ours;
    char text[SEL_TEXT_MAX] = "not one proposal of ESP or AH with an SPI of four octets";
    bool dh = m->header.exchange == PLD_CREATE_CHILD_SA;
    v2_peer_offers(&m->sa, PLD_PROTO_NONE, V2_ESP_SPI_LEN, &answer);
    if (m->sa.proposal_count != 1 || answer.count != 1 || !child_offers(e, sa, n, dh, &ours) ||
        !sel_esp_accept(e->cfg, n->ipsec, &ours, &answer.offer[0], &n->choice, text))
        return refuse(e, sa, n, why, IKE_REASON_NO_PROPOSAL, text);
    n->spi_out = v2_spi_get(answer.spi[0]);
    if (n->spi_out < V2_ESP_SPI_MIN)
        return refuse(e, sa, n, why, IKE_REASON_INVALID_SYNTAX, "the peer chose a reserved SPI");
    return CV_OK;
}

/* RFC 7296 2.23.1: in transport mode the answer has the addresses that the responder sees; before anything else they become those that were
 * offered. A peer that left them as they were is understood as well. */
static bool as_offered(const struct ike_sa *sa, const struct v2_nego *n, const struct pld_message *m,
                       struct pld_ts_list *tsi, struct pld_ts_list *tsr)
{
    *tsi = m->tsi;
    *tsr = m->tsr;
    if (!n->transport || !ike_child_natt(sa) || !pld_find_notify(m, PLD_N_USE_TRANSPORT_MODE))
        return true;
    return v2_ts_seen(&m->tsi, sa->nat_local ? &sa->local.addr : NULL, tsi) &&
           v2_ts_seen(&m->tsr, sa->nat_remote ? &sa->remote.addr : NULL, tsr);
}

static cv_result accept_selectors(struct ike *e, struct ike_sa *sa, struct v2_nego *n,
                                  const struct pld_message *m, enum ike_reason *why)
{
    struct v2_ts_set offered = {.i_count = n->ts_i_count, .r_count = n->ts_r_count}, set;
    struct pld_ts_list tsi, tsr;
    const char *text;
    if (!as_offered(sa, n, m, &tsi, &tsr))
        return refuse(e, sa, n, why, IKE_REASON_TS_UNACCEPTABLE,
                      "the peer answered transport mode for more than the two addresses");
    memcpy(offered.i, n->ts_i, sizeof offered.i);
    memcpy(offered.r, n->ts_r, sizeof offered.r);
    if (!v2_ts_accept(&tsi, &tsr, &offered, &set, &text))
        return refuse(e, sa, n, why, IKE_REASON_TS_UNACCEPTABLE, text);
    memcpy(n->ts_i, set.i, sizeof n->ts_i);
    memcpy(n->ts_r, set.r, sizeof n->ts_r);
    n->ts_i_count = set.i_count;
    n->ts_r_count = set.r_count;
    if (ike_child_rival(e, sa, n->interface, n->ts_i, n->ts_i_count, n->ts_r, n->ts_r_count))
        return refuse(e, sa, n, why, IKE_REASON_TS_UNACCEPTABLE,
                      "the peer answered a part of another peer's selectors");
    return CV_OK;
}

/* Without a group in the choice a KE payload means nothing; with one it must be there and of that group. */
static cv_result accept_ke(struct ike *e, struct ike_sa *sa, struct v2_nego *n, const struct pld_message *m,
                           struct secret *shared, enum ike_reason *why)
{
    if (!n->choice.dh)
        return CV_OK;
    if (!n->dh || n->choice.dh != n->dh_group || v2_dh_shared(n->dh, m, shared) != CV_OK)
        return refuse(e, sa, n, why, IKE_REASON_INVALID_KE,
                      "the peer's KE payload does not fit its proposal");
    return CV_OK;
}

/* RFC 7296 1.3.1: who asked for transport mode gets it when the answer says so, too, else tunnel mode, which he may refuse. */
static cv_result accept_mode(struct ike *e, struct ike_sa *sa, struct v2_nego *n, const struct pld_message *m,
                             enum ike_reason *why)
{
    bool granted = pld_find_notify(m, PLD_N_USE_TRANSPORT_MODE) != NULL, refuse_tunnel = false;
    if (granted && !n->transport)
        return refuse(e, sa, n, why, IKE_REASON_INVALID_SYNTAX, "the peer chose transport mode unasked");
    n->transport = granted &&
                   sel_transport(n->choice.transform_set, &n->ts_i[0], &n->ts_r[0], &sa->local.addr,
                                 &sa->remote.addr, &refuse_tunnel) &&
                   n->ts_i_count == 1 && n->ts_r_count == 1;
    if (granted && !n->transport)
        return refuse(e, sa, n, why, IKE_REASON_NO_PROPOSAL,
                      "the peer chose transport mode for a transform set that has it not");
    if (!granted && n->choice.transform_set->transport_require)
        return refuse(e, sa, n, why, IKE_REASON_NO_PROPOSAL,
                      "the peer declined transport mode, which the transform set requires");
    return CV_OK;
}

static cv_result accept_checked(struct ike *e, struct ike_sa *sa, struct v2_nego *n,
                                const struct pld_message *m, struct secret *shared, enum ike_reason *why)
{
    struct v2_policy policy;
    const struct pld_notify *bad = pld_find_error(m);
    const uint64_t need = PLD_BIT(PLD_SA) | PLD_BIT(PLD_TSI) | PLD_BIT(PLD_TSR);
    if (bad && !(m->present & PLD_BIT(PLD_SA))) {
        char text[SEL_TEXT_MAX];
        snprintf(text, sizeof text, "the peer answered %s (%u)", pld_notify_name(bad->type), bad->type);
        return refuse(e, sa, n, why, reason_of_notify(bad->type), text);
    }
    if ((m->present & need) != need)
        return refuse(e, sa, n, why, IKE_REASON_INVALID_SYNTAX, "the answer lacks SA or selectors");
    if (v2_nego_policy(e, n, &policy) != CV_OK)
        return refuse(e, sa, n, why, IKE_REASON_CLEARED, "the tunnel was removed from the configuration");
    CV_TRY(accept_proposal(e, sa, n, m, why));
    CV_TRY(accept_selectors(e, sa, n, m, why));
    CV_TRY(accept_mode(e, sa, n, m, why));
    n->no_tfc = pld_find_notify(m, PLD_N_ESP_TFC_PADDING_NOT_SUPPORTED) != NULL;
    return accept_ke(e, sa, n, m, shared, why);
}

cv_result v2_child_accept(struct ike *e, struct ike_sa *sa, struct v2_nego *n, const struct pld_message *m,
                          struct sam_child **child, enum ike_reason *why)
{
    struct secret shared = {0};
    *child = NULL;
    *why = IKE_REASON_INTERNAL;
    cv_result r = accept_checked(e, sa, n, m, &shared, why);
    if (r == CV_OK) {
        v2_resource_take(e, n, m);
        r = v2_nego_install(e, sa, n, true, true, &shared, child);
        if (r != CV_OK)
            refuse(e, sa, n, why, r == CV_ENOSPC ? IKE_REASON_NO_RESOURCES : IKE_REASON_INTERNAL,
                   cv_result_text(r));
    }
    secret_free(&shared);
    if (r == CV_OK) {
        *why = IKE_REASON_NONE;
        v2_child_up(e, sa, n, *child, n->rekeys != 0);
    }
    return r;
}

void v2_child_disown(struct ike *e, struct ike_sa *sa, const struct v2_nego *n, const struct pld_message *m)
{
    struct v2_task *t = n->spi_in ? v2_task_new(V2_TASK_DELETE_CHILD) : NULL;
    if (!t)
        return;
    t->spi = n->spi_in;
    t->ah = m->sa.proposal_count > 0 &&
            m->sa.proposals[0].proto == PLD_PROTO_AH; /* what the peer has installed */
    v2_task_add(e, sa, t);
}

/* ---- CREATE_CHILD_SA: further children ----------------------------------------------------------------------------- */
static bool asked_for(const struct v2_task *list, const struct ike_session *s)
{
    for (const struct v2_task *t = list; t; t = t->next)
        if (t->kind == V2_TASK_CHILD && t->nego && t->nego->worker == CV_WORKER_ANY &&
            strcmp(t->nego->interface, s->interface) == 0)
            return true;
    return false;
}

cv_result v2_child_initiate(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                            const struct cv_acquire *packet)
{
    if (v2_of(sa)->state != V2_ESTABLISHED)
        return CV_EINVAL;
    if (asked_for(v2_of(sa)->flight, s) || asked_for(v2_of(sa)->queue, s))
        return CV_EEXIST;
    if (v2_task_find(sa, V2_TASK_REKEY_SA, 0))
        return CV_EAGAIN; /* 2.25.2: the peer would refuse; traffic will ask again */
    struct v2_task *t = v2_task_new(V2_TASK_CHILD);
    if (!t)
        return CV_ENOMEM;
    t->nego = v2_nego_new();
    cv_result r = t->nego ? v2_child_prepare(e, sa, s, packet, t->nego) : CV_ENOMEM;
    if (r != CV_OK) {
        v2_task_free(e, t);
        return r;
    }
    v2_task_add(e, sa, t);
    return CV_OK;
}

cv_result v2_child_build(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b)
{
    return v2_child_put_offer(e, sa, t->nego, b, true);
}

static bool retry_ke(struct ike *e, const struct ike_sa *sa, struct v2_nego *n, const struct pld_message *m)
{
    const struct pld_notify *bad = pld_find_notify(m, PLD_N_INVALID_KE_PAYLOAD);
    struct sel_offers offers;
    struct v2_policy policy;
    if (!bad || bad->data.n != 2 || n->ke_retries >= KE_RETRIES_MAX ||
        v2_nego_policy(e, n, &policy) != CV_OK || !child_offers(e, sa, n, true, &offers))
        return false;
    uint16_t group = (uint16_t)(bad->data.p[0] << 8 | bad->data.p[1]);
    /* 1.2: a group that was not offered, or the one just sent, is an attack or an error */
    if (group == 0 || group == n->dh_group || !sel_offers_has_group(&offers, group))
        return false;
    cr_dh_free(n->dh);
    n->dh = NULL;
    n->dh_group = group;
    n->ke_retries++;
    n->ni = n->nr = (struct slice){NULL, 0};
    return true;
}

void v2_child_take_nonce(struct v2_nego *n, const struct pld_message *m, bool initiator)
{
    size_t len = slice_copy(m->nonce, n->nonce_peer, sizeof n->nonce_peer);
    struct slice peer = {n->nonce_peer, len};
    if (initiator)
        n->nr = peer;
    else
        n->ni = peer;
}

/* The same negotiation as a task of its own, for another round. */
static void again(struct ike *e, struct ike_sa *sa, struct v2_task *t)
{
    struct v2_task *next = v2_task_new(t->kind);
    if (!next)
        return;
    next->nego = t->nego;
    next->child_id = t->child_id;
    t->nego = NULL;
    v2_task_add(e, sa, next);
}

bool v2_child_answer(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m,
                     struct sam_child **child, enum ike_reason *why)
{
    struct v2_nego *n = t->nego;
    bool has_sa = m->present & PLD_BIT(PLD_SA);
    *child = NULL;
    *why = IKE_REASON_NONE;
    if (!has_sa && retry_ke(e, sa, n, m)) {
        again(e, sa, t);
        return true;
    }
    if (has_sa)
        v2_child_take_nonce(n, m, true);
    if (v2_child_accept(e, sa, n, m, child, why) == CV_OK)
        return false;
    if (has_sa)
        v2_child_disown(e, sa, n, m);
    return false;
}

void v2_child_response(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m)
{
    struct sam_child *c;
    enum ike_reason why;
    char interface[CV_NAME_MAX];
    memcpy(interface, t->nego->interface, sizeof interface);
    if (t->nego->worker != CV_WORKER_ANY) {
        v2_resource_response(e, sa, t, m);
        return;
    }
    struct ike_session *s = ike_session_get(e, interface);
    if (!(m->present & PLD_BIT(PLD_SA)) && pld_find_notify(m, PLD_N_TEMPORARY_FAILURE)) {
        if (v2_put_off(e, sa) && s) /* the session asks again, after its own wait (2.25) */
            ike_session_failed(e, s, IKE_REASON_CHILD_FAILED, "the peer asks for patience");
        return;
    }
    if (v2_child_answer(e, sa, t, m, &c, &why))
        return;
    if (c)
        v2_of(sa)->put_off = 0;
    else if (s)
        ike_session_failed(e, s, why, "the peer refused a child SA: %s", ike_reason_text(why));
}

/* ---- life of an installed child ---------------------------------------------------------------------------------- */
void v2_child_remove(struct ike *e, struct sam_child *c, uint64_t linger_ms)
{
    ike_child_remove(e, c, linger_ms);
}

void v2_child_first_packet(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    ike_child_first_packet(e, sa, c);
}

void v2_child_nat_change(struct ike *e, struct ike_sa *sa, struct sam_child *c,
                         const struct ip_endpoint *remote)
{
    if (c->natt)
        ike_nat_follow(e, sa, remote);
}
