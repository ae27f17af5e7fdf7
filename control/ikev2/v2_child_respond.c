/* Child negotiation as responder: which tunnel, selectors, proposal and group; for IKE_AUTH and CREATE_CHILD_SA. */
#include "control/ikev2/v2_child.h"

#include "control/ike/ike_child.h"
#include "control/ikev2/v2_resource.h"
#include "control/ikev2/v2_ts.h"

#include <string.h>

enum { CHILDREN_MAX = 64 /* of one IKE SA; more are refused with NO_ADDITIONAL_SAS */ };

/* ---- responder --------------------------------------------------------------------------------------------------- */
struct respond {
    struct ike *e;
    struct ike_sa *sa;
    struct v2_nego *n;
    const struct pld_message *m;
    bool in_auth;
    uint16_t notify, ke_group;
    enum ike_reason why;
    uint32_t spi_peer;
    struct pld_ts_list tsi, tsr; /* what the peer asks for, with the addresses that its packets have here */
    bool more_ts;
    bool by_nat; /* they are not those of the message: transport mode through a NAT */
};

static cv_result respond_no(struct respond *q, uint16_t notify, enum ike_reason why, const char *text)
{
    struct ike_session *s = q->n->interface[0] ? ike_session_get(q->e, q->n->interface) : NULL;
    q->notify = notify;
    q->why = why;
    if (s)
        ike_session_error(q->e, s, why, "%s", text);
    ike_log(q->e, q->sa, s ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "ipsec", "child SA refused with %s: %s",
            pld_notify_name(notify), text);
    return CV_EINVAL;
}

static bool takes(struct respond *q, const struct cfg_interface *t)
{
    struct v2_policy policy;
    struct v2_ts_set set;
    memcpy(q->n->interface, t->name, sizeof q->n->interface);
    if (v2_nego_policy(q->e, q->n, &policy) != CV_OK ||
        !v2_ts_narrow(&q->tsi, &q->tsr, &policy.remote, &policy.local, &set, &q->more_ts))
        return false;
    memcpy(q->n->ts_i, set.i, sizeof q->n->ts_i);
    memcpy(q->n->ts_r, set.r, sizeof q->n->ts_r);
    q->n->ts_i_count = set.i_count;
    q->n->ts_r_count = set.r_count;
    return true;
}

static const struct cfg_interface *find_flow(struct respond *q, enum sel_flow_why *why,
                                             const struct cfg_interface **nearest, struct sel_trace *trace)
{
    const struct sel_flow_query query = {.version = CFG_IKEV2,
                                         .fvrf = ike_vrf_name(q->e, q->sa->vrf),
                                         .local = &q->sa->local.addr,
                                         .remote = &q->sa->auth_remote,
                                         .profile2 = q->sa->profile,
                                         .local_count = q->tsr.count,
                                         .ts_local = q->tsr.ts,
                                         .remote_count = q->tsi.count,
                                         .ts_remote = q->tsi.ts};
    return sel_flow(q->e->cfg, &query, why, nearest, trace);
}

static void decided(const struct respond *q, struct sel_trace *trace)
{
    ike_decision(q->e, q->sa, q->in_auth ? "IKE_AUTH" : "CREATE_CHILD_SA", trace);
}

static cv_result respond_mismatch(struct respond *q, enum sel_flow_why why,
                                  const struct cfg_interface *nearest)
{
    if (nearest)
        memcpy(q->n->interface, nearest->name, sizeof q->n->interface);
    if (why == SEL_FLOW_PROFILE)
        ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec",
                "map_db_check_isakmp_profile profile did not match: the IKE SA's is %s",
                ike_sa_profile(q->sa));
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec", "map_db_find_best did not find matching map");
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec", "process proposal: proxy identities not supported");
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ikev2", "There was no IPSEC policy found for received TS");
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ikev2", "Sending TS unacceptable notify"); /* PF-9 */
    if (why == SEL_FLOW_PROFILE)
        return respond_no(q, PLD_N_TS_UNACCEPTABLE, IKE_REASON_PROFILE_MISMATCH,
                          "the tunnel is bound to another profile (PF-9)");
    return respond_no(q, PLD_N_TS_UNACCEPTABLE, IKE_REASON_TS_UNACCEPTABLE,
                      why == SEL_FLOW_SELECTORS
                          ? "no traffic selector of the offer is inside the policy (PR-12)"
                          : "no protected tunnel between these addresses");
}

/* ---- proposal and mode ------------------------------------------------------------------------------------------- */
static bool choose(const struct respond *q, struct v2_peer_offers *peer, struct sel_esp_choice *choice,
                   struct sel_trace *trace)
{
    memset(trace, 0, sizeof *trace);
    v2_peer_offers(&q->m->sa, ike_child_natt(q->sa) ? PLD_PROTO_ESP : PLD_PROTO_NONE, V2_ESP_SPI_LEN, peer);
    return sel_esp_proposal(q->e->cfg, q->n->ipsec, !q->in_auth, peer->offer, peer->count, choice, trace);
}

static cv_result respond_proposal(struct respond *q)
{
    struct v2_peer_offers peer;
    struct sel_trace trace;
    bool ok = choose(q, &peer, &q->n->choice, &trace);
    decided(q, &trace);
    if (!ok)
        return respond_no(q, PLD_N_NO_PROPOSAL_CHOSEN, IKE_REASON_NO_PROPOSAL,
                          ike_child_natt(q->sa) && peer.count == 0 ? IKE_CHILD_AH_NAT
                          : trace.text[0]                          ? trace.text
                                                                   : "no ESP or AH proposal in common");
    q->n->spi_out = v2_spi_get(peer.spi[q->n->choice.offer]);
    if (q->n->spi_out < V2_ESP_SPI_MIN)
        return respond_no(q, PLD_N_INVALID_SYNTAX, IKE_REASON_INVALID_SYNTAX, "the peer's SPI is reserved");
    return CV_OK;
}

/* RFC 7296 1.3.1: transport mode only when it is asked for, and the chosen set and the selectors allow it. */
static bool is_transport(const struct respond *q, const struct cfg_transform_set *set)
{
    const struct v2_nego *n = q->n;
    bool asked = pld_find_notify(q->m, PLD_N_USE_TRANSPORT_MODE) != NULL, refuse = false;
    return asked && n->ts_i_count == 1 && n->ts_r_count == 1 &&
           sel_transport(set, &n->ts_r[0], &n->ts_i[0], &q->sa->local.addr, &q->sa->remote.addr, &refuse);
}

static cv_result respond_mode(struct respond *q)
{
    const struct cfg_transform_set *set = q->n->choice.transform_set;
    q->n->transport = is_transport(q, set) && (q->by_nat || !ike_child_natt(q->sa));
    if (!q->n->transport && set->transport_require)
        return respond_no(q, PLD_N_NO_PROPOSAL_CHOSEN, IKE_REASON_NO_PROPOSAL,
                          "the transform set requires transport mode");
    return CV_OK;
}

/* ---- which tunnel ------------------------------------------------------------------------------------------------- */
static bool sees_through_nat(struct respond *q)
{
    const struct ike_sa *sa = q->sa;
    return ike_child_natt(sa) && pld_find_notify(q->m, PLD_N_USE_TRANSPORT_MODE) &&
           v2_ts_seen(&q->m->tsi, sa->nat_remote ? &sa->remote.addr : NULL, &q->tsi) &&
           v2_ts_seen(&q->m->tsr, sa->nat_local ? &sa->local.addr : NULL, &q->tsr);
}

/* RFC 7296 2.23.1: of transport mode through a NAT the policy is asked with the addresses that the packets have here. Only where that
 * makes transport mode of it do they count. */
static bool takes_by_nat(struct respond *q, const struct sam_child *rekeys)
{
    enum sel_flow_why why;
    const struct cfg_interface *nearest;
    struct sel_trace flow = {0}, trace;
    struct v2_peer_offers peer;
    struct sel_esp_choice choice;
    if (!sees_through_nat(q))
        return false;
    const struct cfg_interface *t =
        rekeys ? cfg_find_interface(q->e->cfg, rekeys->interface) : find_flow(q, &why, &nearest, &flow);
    if (!t || !takes(q, t) || !choose(q, &peer, &choice, &trace) || !is_transport(q, choice.transform_set))
        return false;
    if (!rekeys)
        decided(q, &flow);
    return true;
}

/* PF-9: the tunnel between these addresses must be bound to the profile that IKE_AUTH selected; and the offer must hold
 * selectors of its policy. A child that is rekeyed stays where it is. */
static cv_result respond_tunnel(struct respond *q, const struct sam_child *rekeys)
{
    enum sel_flow_why why = SEL_FLOW_NO_TUNNEL;
    const struct cfg_interface *t, *nearest = NULL;
    struct sel_trace trace = {0};
    q->by_nat = takes_by_nat(q, rekeys);
    if (q->by_nat)
        return CV_OK;
    q->tsi = q->m->tsi;
    q->tsr = q->m->tsr;
    t = rekeys ? cfg_find_interface(q->e->cfg, rekeys->interface) : find_flow(q, &why, &nearest, &trace);
    if (!rekeys)
        decided(q, &trace);
    if (!t)
        return respond_mismatch(q, why, nearest);
    if (takes(q, t))
        return CV_OK;
    return respond_mismatch(q, SEL_FLOW_SELECTORS, t);
}

/* ---- room, resources, keys ------------------------------------------------------------------------------------------ */
static cv_result respond_unclaimed(struct respond *q)
{
    const struct v2_nego *n = q->n;
    if (ike_child_rival(q->e, q->sa, n->interface, n->ts_r, n->ts_r_count, n->ts_i, n->ts_i_count))
        return respond_no(q, PLD_N_TS_UNACCEPTABLE, IKE_REASON_TS_UNACCEPTABLE,
                          "another peer has a part of these selectors");
    return CV_OK;
}

/* A peer may have several IKE SAs: the tunnel bounds its children, too. */
static cv_result respond_room(struct respond *q)
{
    if (!ike_child_room(q->e, q->sa, q->n->interface))
        return respond_no(q, PLD_N_NO_ADDITIONAL_SAS, IKE_REASON_NO_RESOURCES,
                          "the tunnel has too many child SAs");
    return CV_OK;
}

static unsigned child_count(struct ike *e, const struct ike_sa *sa)
{
    unsigned n = 0;
    for (struct sam_child *c = sam_children_of(e->sam, sa->conn_id); c; c = c->next_of_owner)
        n++;
    return n;
}

/* RFC 9611 5.2. A peer that asks for more than there are workers is no news. */
static cv_result respond_resource(struct respond *q, const struct sam_child *rekeys)
{
    /* Those of single workers are extras: half of the room is for what carries traffic without them. */
    const bool taken = v2_resource_respond(q->e, q->sa, q->n, q->m, rekeys);
    if (taken && (rekeys || q->n->worker == CV_WORKER_ANY || child_count(q->e, q->sa) < CHILDREN_MAX / 2))
        return CV_OK;
    q->notify = PLD_N_TS_MAX_QUEUE;
    q->why = IKE_REASON_NO_RESOURCES;
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec",
            "child SA refused with TS_MAX_QUEUE: each worker has one, or half of the IKE SA's room is used");
    return CV_EINVAL;
}

static cv_result respond_ke(struct respond *q, struct secret *shared)
{
    uint16_t group = q->n->choice.dh;
    if (!group)
        return CV_OK;
    bool have = q->m->present & PLD_BIT(PLD_KE);
    if (!have || q->m->ke.group != group) { /* 1.3: name the group that is wanted */
        q->ke_group = group;
        return respond_no(q, PLD_N_INVALID_KE_PAYLOAD, IKE_REASON_INVALID_KE,
                          "the KE payload is of another group than the chosen one");
    }
    if (v2_dh_new(q->e, group, &q->n->dh) != CV_OK)
        return respond_no(q, PLD_N_TEMPORARY_FAILURE, IKE_REASON_NO_RESOURCES, "no key of the DH group");
    if (v2_dh_shared(q->n->dh, q->m, shared) != CV_OK)
        return respond_no(q, PLD_N_INVALID_SYNTAX, IKE_REASON_INVALID_SYNTAX,
                          "the peer's Diffie-Hellman value is not allowed");
    q->n->dh_group = group;
    return CV_OK;
}

static cv_result respond_checked(struct respond *q, const struct sam_child *rekeys, struct secret *shared)
{
    const uint64_t need = PLD_BIT(PLD_SA) | PLD_BIT(PLD_TSI) | PLD_BIT(PLD_TSR);
    if ((q->m->present & need) != need)
        return respond_no(q, PLD_N_INVALID_SYNTAX, IKE_REASON_INVALID_SYNTAX, "SA, TSi or TSr is missing");
    CV_TRY(respond_tunnel(q, rekeys));
    CV_TRY(respond_unclaimed(q));
    if (!rekeys) /* whose successor it is goes */
        CV_TRY(respond_room(q));
    CV_TRY(respond_resource(q, rekeys));
    CV_TRY(respond_proposal(q));
    CV_TRY(respond_mode(q));
    q->n->no_tfc = pld_find_notify(q->m, PLD_N_ESP_TFC_PADDING_NOT_SUPPORTED) != NULL;
    CV_TRY(respond_ke(q, shared));
    if (sam_spi_reserve_after(q->e->sam, rekeys, q->n->worker, &q->n->spi_in) != CV_OK) {
        q->n->spi_in = 0;
        return respond_no(q, PLD_N_NO_ADDITIONAL_SAS, IKE_REASON_NO_RESOURCES, "the SA table is full");
    }
    return CV_OK;
}

static void put_answer(const struct respond *q, struct pld_builder *b, uint32_t spi_in)
{
    const struct v2_nego *n = q->n;
    struct sel_transform t[SEL_ANSWER_MAX];
    uint8_t spi[V2_ESP_SPI_LEN];
    unsigned count = sel_esp_answer(&n->choice, t);
    v2_spi_put(spi, spi_in);
    v2_put_answer(b, n->choice.number, sel_esp_choice_proto(&n->choice), t, count, spi, sizeof spi);
    if (!q->in_auth)
        pld_put_nonce(b, n->nr);
    if (n->dh)
        pld_put_ke(b, n->dh_group, cr_dh_public(n->dh));
    pld_put_ts(b, PLD_TSI, n->ts_i, n->ts_i_count);
    pld_put_ts(b, PLD_TSR, n->ts_r, n->ts_r_count);
    struct slice none = {NULL, 0};
    if (n->transport)
        pld_put_notify(b, PLD_PROTO_NONE, none, PLD_N_USE_TRANSPORT_MODE, none);
    v2_resource_put(n, b);
    if (q->more_ts)
        pld_put_notify(b, PLD_PROTO_NONE, none, PLD_N_ADDITIONAL_TS_POSSIBLE, none);
}

cv_result v2_child_respond(struct ike *e, struct ike_sa *sa, struct v2_nego *n, const struct pld_message *m,
                           bool in_auth, struct sam_child *rekeys, struct pld_builder *b,
                           struct sam_child **child, uint16_t *notify, uint16_t *ke_group,
                           enum ike_reason *why)
{
    struct respond q = {.e = e, .sa = sa, .n = n, .m = m, .in_auth = in_auth};
    struct secret shared = {0};
    *child = NULL;
    cv_result r = respond_checked(&q, rekeys, &shared);
    if (r == CV_OK) {
        uint32_t spi = n->spi_in;
        /* A rekeyed child goes on sending on its old SA until the peer shows that it has the new one (2.8), and a worker on the one
         * that is for all. */
        r = v2_nego_install(e, sa, n, false, rekeys == NULL && n->worker == CV_WORKER_ANY, &shared, child);
        if (r != CV_OK)
            r = respond_no(&q, r == CV_ENOSPC ? PLD_N_NO_ADDITIONAL_SAS : PLD_N_TEMPORARY_FAILURE,
                           IKE_REASON_NO_RESOURCES, cv_result_text(r));
        else
            put_answer(&q, b, spi);
    }
    secret_free(&shared);
    *notify = q.notify;
    *ke_group = q.ke_group;
    *why = q.why;
    if (r == CV_OK)
        v2_child_up(e, sa, n, *child, rekeys != NULL);
    return r;
}

bool v2_child_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_nego *n,
                      struct sam_child *rekeys, struct v2_reply *r, struct sam_child **child)
{
    uint16_t notify = 0, group = 0;
    enum ike_reason why;
    struct slice none = {NULL, 0};
    *child = NULL;
    /* A rekey puts a second one beside each until the peer has deleted the first. */
    if (child_count(e, sa) >= (rekeys ? 2u * CHILDREN_MAX : CHILDREN_MAX)) {
        v2_reply_error(r, PLD_PROTO_NONE, PLD_N_NO_ADDITIONAL_SAS, none);
        return false;
    }
    v2_child_take_nonce(n, m, false);
    ike_random(e, n->nonce_own, sizeof n->nonce_own);
    n->nr = (struct slice){n->nonce_own, sizeof n->nonce_own};
    if (v2_child_respond(e, sa, n, m, false, rekeys, &r->chain.b, child, &notify, &group, &why) == CV_OK)
        return true;
    uint8_t data[2] = {(uint8_t)(group >> 8), (uint8_t)group};
    struct slice ke = {data, sizeof data};
    v2_reply_error(r, PLD_PROTO_NONE, notify, notify == PLD_N_INVALID_KE_PAYLOAD ? ke : none);
    return false;
}

void v2_create_child_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                             struct v2_reply *r)
{
    const struct pld_notify *rekey = pld_find_notify(m, PLD_N_REKEY_SA);
    struct slice none = {NULL, 0};
    if (v2_of(sa)->state != V2_ESTABLISHED) { /* 2.25.2: it is being closed */
        v2_reply_error(r, PLD_PROTO_NONE, PLD_N_TEMPORARY_FAILURE, none);
        return;
    }
    v2_rekey_peer_uses(e, sa);
    if (m->sa.proposal_count && m->sa.proposals[0].proto == PLD_PROTO_IKE) {
        v2_rekey_sa_request(e, sa, m, r);
        return;
    }
    if (v2_task_find(sa, V2_TASK_REKEY_SA, 0)) {
        v2_reply_error(r, PLD_PROTO_NONE, PLD_N_TEMPORARY_FAILURE, none);
        return;
    }
    if (rekey) {
        v2_rekey_child_request(e, sa, m, rekey, r);
        return;
    }
    struct v2_nego *n = v2_nego_new();
    struct sam_child *c;
    if (!n)
        v2_reply_error(r, PLD_PROTO_NONE, PLD_N_TEMPORARY_FAILURE, none);
    else
        (void)v2_child_request(e, sa, m, n, NULL, r, &c);
    v2_nego_free(e, n);
}
