/* Quick Mode as responder (RFC 2409 5.5): which tunnel or crypto map line (PF-7, PR-12), transforms, PFS, the answer. */
#include "control/ikev1/v1_quick.h"

#include "common/secret.h"
#include "control/crypto/cr_prf.h"
#include "control/ike/ike_child.h"
#include "control/ikev1/v1_message.h"

#include <stdio.h>
#include <string.h>

enum {
    CHILDREN_MAX = 64,      /* of one IKE SA */
    LIFE_DEFAULT_S = 28800, /* RFC 2407 4.5 */
    UDP_TRANSPORT = 4,
    UDP_TRANSPORT_DRAFT = 61444
};

struct offers {
    struct sel1_esp_proposal p[PLD1_MAX_PROPOSALS];
    struct sel1_esp_transform t[PLD1_MAX_TRANSFORMS];
    unsigned count;
};

struct respond {
    struct ike *e;
    struct ike_sa *sa;
    struct v1_xchg *x;
    const struct v1_in *in;
    const struct cfg_interface *flow;
    const struct cfg_ipsec_profile *p;
    struct offers offers;
    uint16_t notify;
};

/* ---- refusals ------------------------------------------------------------------------------------------------------- */
static cv_result no(struct respond *q, uint16_t notify, enum ike_reason why, const char *text)
{
    struct ike_session *s = q->x->interface[0] ? ike_session_get(q->e, q->x->interface) : NULL;
    q->notify = notify;
    if (s && !ike_sa_by_conn(q->e, s->conn_id)) /* it has an IKE SA with the peer, if nothing more */
        ike_session_attach(q->e, s, v1_heir(q->e, q->sa));
    if (s)
        ike_session_error(q->e, s, why, "%s", text);
    ike_log(q->e, q->sa, s ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "ipsec", "child SA refused with %s: %s",
            pld1_notify_name(notify), text);
    return CV_EINVAL;
}

/* The end of PF-7's events, the same whatever the key engine did not like. */
static void log_refusal(struct respond *q)
{
    char local[IP_TEXT_MAX], remote[IP_TEXT_MAX];
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "isakmp", "IPSec policy invalidated proposal with error 32");
    ike_log(q->e, q->sa, LOG_LEVEL_WARNING, "isakmp",
            "phase 2 SA policy not acceptable! (local %s remote %s)", ip_addr_text(&q->sa->local.addr, local),
            ip_addr_text(&q->sa->remote.addr, remote));
}

/* The SPI of the first proposal of ESP or AH, and which of them: by it the peer knows which Quick Mode is meant. */
static uint32_t spi_of_peer(const struct pld1_message *m, uint8_t *proto)
{
    *proto = PLD1_PROTO_ESP;
    for (unsigned i = 0; i < m->sa.proposal_count; i++)
        if (m->sa.proposals[i].proto == PLD1_PROTO_ESP || m->sa.proposals[i].proto == PLD1_PROTO_AH) {
            *proto = m->sa.proposals[i].proto;
            return v1_spi_get(m->sa.proposals[i].spi);
        }
    return 0;
}

/* Sent once more for each duplicate of QM1. */
static void refuse(struct respond *q)
{
    uint8_t spi[V1_ESP_SPI_LEN];
    const struct slice none = {NULL, 0};
    uint8_t proto;
    const uint32_t theirs = spi_of_peer(q->in->m, &proto);
    v1_spi_put(spi, theirs);
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "isakmp", "Sending NOTIFY %s protocol %u, spi 0x%08x, M-ID %u",
            q->notify == PLD1_N_NO_PROPOSAL_CHOSEN ? "PROPOSAL_NOT_CHOSEN" : pld1_notify_name(q->notify),
            proto, theirs, q->x->message_id);
    if (v1_info_notify(q->e, q->sa, proto, (struct slice){spi, sizeof spi}, q->notify, none, &q->x->sent) !=
        CV_OK)
        ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "isakmp", "the NOTIFY could not be sent");
    v1_xchg_done(q->e, q->x);
}

/* ---- who is meant ------------------------------------------------------------------------------------------------------ */
static struct ts host(const struct ip_addr *a)
{
    struct ip_prefix p;
    struct ts none = {0};
    return ip_prefix_make(a, ip_addr_bits(a), &p) ? ts_from_prefix(&p, 0, 0, UINT16_MAX) : none;
}

static void through_nat(struct respond *q)
{
    const struct pld1_sa *sa = &q->in->m->sa;
    uint16_t encap = sa->transform_count ? sa->transforms[0].encap : 0;
    if (encap != UDP_TRANSPORT && encap != UDP_TRANSPORT_DRAFT)
        return;
    v1_quick_seen(q->sa, &q->x->ts_local, &q->x->ts_remote);
}

/* RFC 2409 5.5: without identities the negotiation is for the two gateways themselves. */
static cv_result take_ids(struct respond *q)
{
    const struct pld1_message *m = q->in->m;
    q->x->send_ids = m->id_count == 2;
    if (!q->x->send_ids) {
        q->x->ts_local = host(&q->sa->local.addr);
        q->x->ts_remote = host(&q->sa->remote.addr);
        return CV_OK;
    }
    if (pld1_id_selector(&m->ids[0], &q->x->ts_remote) != CV_OK ||
        pld1_id_selector(&m->ids[1], &q->x->ts_local) != CV_OK ||
        q->x->ts_local.family != q->x->ts_remote.family) /* CVE-2023-38711: a host name, say */
        return no(q, PLD1_N_INVALID_ID_INFORMATION, IKE_REASON_TS_UNACCEPTABLE,
                  "the proxy identities are no addresses, subnets or ranges of one family");
    through_nat(q);
    return CV_OK;
}

static const struct cfg_interface *find_flow(struct respond *q, enum sel_flow_why *why,
                                             const struct cfg_interface **nearest, struct sel_trace *trace)
{
    const struct sel_flow_query query = {.version = CFG_IKEV1,
                                         .fvrf = ike_vrf_name(q->e, q->sa->vrf),
                                         .local = &q->sa->local.addr,
                                         .remote = &q->sa->auth_remote,
                                         .profile1 = q->sa->profile1,
                                         .local_count = 1,
                                         .remote_count = 1,
                                         .ts_local = &q->x->ts_local,
                                         .ts_remote = &q->x->ts_remote};
    return sel_flow(q->e->cfg, &query, why, nearest, trace);
}

/* Of what the peer offers first. */
static const char *offered_word(const struct respond *q)
{
    uint8_t proto;
    (void)spi_of_peer(q->in->m, &proto);
    return proto == PLD1_PROTO_AH ? "AH" : "ESP";
}

static void log_proxies(struct respond *q)
{
    char local[IP_TEXT_MAX], remote[IP_TEXT_MAX], lp[TS_TEXT_MAX], rp[TS_TEXT_MAX];
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec", "validate proposal request: proposal part #1");
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec",
            "(key eng. msg.) INBOUND local= %s, remote= %s, local_proxy= %s, remote_proxy= %s, protocol= %s",
            ip_endpoint_text(&q->sa->local, local), ip_endpoint_text(&q->sa->remote, remote),
            ts_text(&q->x->ts_local, lp), ts_text(&q->x->ts_remote, rp), offered_word(q));
}

/* PF-7: what of the configuration was looked at, and why it is not this one. */
static cv_result mismatch(struct respond *q, enum sel_flow_why why, const struct sel_trace *trace)
{
    char lp[TS_TEXT_MAX], rp[TS_TEXT_MAX];
    const char *profile = ike_sa_profile(q->sa);
    for (unsigned i = 0; i < trace->candidate_count; i++)
        ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec", "map_db_check: %s: %s", trace->candidates[i].name,
                trace->candidates[i].why);
    if (why == SEL_FLOW_PROFILE)
        ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec",
                "map_db_check_isakmp_profile profile did not match: the IKE SA's is %s",
                profile[0] ? profile : "none");
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec", "Crypto mapdb : proxy_match src %s dst %s protocol %u",
            ts_text(&q->x->ts_local, lp), ts_text(&q->x->ts_remote, rp), q->x->ts_local.proto);
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec", "map_db_find_best did not find matching map");
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "ipsec", "process proposal: proxy identities not supported");
    log_refusal(q);
    if (why == SEL_FLOW_PROFILE)
        return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_PROFILE_MISMATCH,
                  "the tunnel is bound to another ISAKMP profile than the one that phase 1 selected (PF-7)");
    return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_TS_UNACCEPTABLE,
              why == SEL_FLOW_SELECTORS ? "the peer's proxy identities are not inside the policy (PR-12)"
                                        : "no protected tunnel or crypto map entry between these addresses");
}

/* ---- transforms ------------------------------------------------------------------------------------------------------- */
static bool shares_number(const struct pld1_sa *sa, unsigned i)
{
    for (unsigned k = 0; k < sa->proposal_count; k++)
        if (k != i && sa->proposals[k].number == sa->proposals[i].number)
            return true;
    return false;
}

static void peer_offers(const struct pld1_sa *sa, struct offers *o)
{
    o->count = sa->proposal_count;
    for (unsigned i = 0; i < sa->transform_count; i++) {
        const struct pld1_transform *t = &sa->transforms[i];
        o->t[i] = (struct sel1_esp_transform){.number = t->number,
                                              .id = t->id,
                                              .unusable = t->unusable,
                                              .key_bits = t->key_bits,
                                              .integ = t->integ,
                                              .group = t->group,
                                              .encap = t->encap,
                                              .esn = t->esn,
                                              .life_s = t->life.seconds,
                                              .life_kb = t->life.kilobytes};
    }
    for (unsigned i = 0; i < sa->proposal_count; i++) {
        const struct pld1_proposal *p = &sa->proposals[i];
        bool usable = v1_spi_get(p->spi) >= V1_ESP_SPI_MIN;
        o->p[i] = (struct sel1_esp_proposal){.number = p->number,
                                             .proto = p->proto,
                                             .bundled = shares_number(sa, i),
                                             .count = usable ? p->count : 0,
                                             .t = &o->t[p->first]};
        for (unsigned k = 0; k < p->count; k++)
            o->t[p->first + k].ah = p->proto == PLD1_PROTO_AH;
    }
}

static bool choose_as(struct respond *q, unsigned mask, struct sel_trace *trace)
{
    return sel1_esp_choose(q->e->cfg, q->p, q->x->encap, mask, q->offers.p, q->offers.count, &q->x->choice,
                           trace);
}

/* NAT-D is not authenticated: one spoiled on the way, and the ends disagree on UDP encapsulation for as long as the IKE SA lives. At port 4500
 * either works, and the peer's offer, which is authenticated, says which. */
static bool choose_encap(struct respond *q, unsigned mask, struct sel_trace *trace)
{
    struct sel_trace other = {0};
    q->x->encap = v1_quick_encap(q->sa);
    if (choose_as(q, mask, trace))
        return true;
    if (!q->sa->natt)
        return false;
    q->x->encap = v1_quick_encap_as(q->sa, q->x->encap == SEL1_ENCAP_PLAIN);
    if (!choose_as(q, mask, &other) || (v1_quick_proto(q->x) == PLD1_PROTO_AH && ike_child_natt(q->sa)))
        return false;
    *trace = other;
    return true;
}

/* False: none of the profile's transform sets fits; the trace says in what. */
static bool choose(struct respond *q, const struct cfg_interface *t, char *text)
{
    struct sel_trace trace = {0};
    const struct pld1_sa *sa = &q->in->m->sa;
    bool ok = false;
    q->p = cfg_find_ipsec_profile(q->e->cfg, t->protection_profile);
    if (q->p) {
        unsigned mask = v1_quick_transport(q->e, q->sa, q->p, &q->x->ts_local, &q->x->ts_remote);
        ok = choose_encap(q, mask, &trace);
    }
    ike_decision(q->e, q->sa, "QM1", &trace);
    for (unsigned i = 0; i < sa->proposal_count; i++)
        ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "isakmp", "Checking IPSec proposal %u",
                sa->proposals[i].number);
    for (unsigned i = 0; i < trace.candidate_count; i++)
        ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "isakmp", "transform set %s: %s", trace.candidates[i].name,
                trace.candidates[i].why);
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "isakmp", ok ? "atts are acceptable." : "atts are not acceptable.");
    if (trace.text[0])
        snprintf(text, SEL_TEXT_MAX, "%s", trace.text);
    else
        snprintf(text, SEL_TEXT_MAX, "no %s transform in common", offered_word(q));
    if (ok)
        q->x->spi_out = v1_spi_get(sa->proposals[q->x->choice.proposal].spi);
    return ok;
}

/* IOS looks at the transforms first, then for the map (PF-7): so do the events, and the reason. */
static cv_result policy(struct respond *q)
{
    enum sel_flow_why why = SEL_FLOW_NO_TUNNEL;
    const struct cfg_interface *nearest = NULL;
    struct sel_trace trace = {0};
    char text[SEL_TEXT_MAX];
    q->flow = find_flow(q, &why, &nearest, &trace);
    const struct cfg_interface *t = q->flow ? q->flow : nearest;
    if (t)
        memcpy(q->x->interface, t->name, sizeof q->x->interface);
    bool fits = t && choose(q, t, text);
    ike_decision(q->e, q->sa, "QM1", &trace);
    if (t && !fits) {
        log_refusal(q);
        return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_NO_PROPOSAL, text);
    }
    log_proxies(q);
    return q->flow ? CV_OK : mismatch(q, why, &trace);
}

/* ---- room, PFS ---------------------------------------------------------------------------------------------------------- */
static cv_result unclaimed(struct respond *q)
{
    if (ike_child_rival(q->e, q->sa, q->x->interface, &q->x->ts_local, 1, &q->x->ts_remote, 1))
        return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_TS_UNACCEPTABLE,
                  "another peer has a part of these selectors");
    return CV_OK;
}

static cv_result room(struct respond *q)
{
    unsigned of_sa = 0;
    uint32_t owner = v1_heir(q->e, q->sa)->conn_id;
    for (const struct sam_child *c = sam_children_of(q->e->sam, owner); c; c = c->next_of_owner)
        of_sa++;
    if (of_sa >= CHILDREN_MAX || !ike_child_room(q->e, q->sa, q->x->interface))
        return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_NO_RESOURCES, "too many child SAs");
    return CV_OK;
}

static cv_result pfs(struct respond *q)
{
    struct slice ke = q->in->m->ke;
    uint16_t group = q->x->choice.group;
    if (!group)
        return ke.n == 0 ? CV_OK
                         : no(q, PLD1_N_INVALID_KEY_INFORMATION, IKE_REASON_INVALID_KE,
                              "a KE payload without a group in the transform");
    if (ke.n == 0)
        return no(q, PLD1_N_INVALID_KEY_INFORMATION, IKE_REASON_INVALID_KE,
                  "a PFS group without a KE payload");
    if (v1_quick_dh(q->e, q->x, group) != CV_OK)
        return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_NO_RESOURCES, "no key of the DH group");
    if (v1_quick_shared(q->x, ke) != CV_OK)
        return no(q, PLD1_N_INVALID_KEY_INFORMATION, IKE_REASON_INVALID_KE,
                  "the peer's Diffie-Hellman value is not allowed");
    return CV_OK;
}

static cv_result checked(struct respond *q)
{
    struct v1_xchg *x = q->x;
    CV_TRY(take_ids(q));
    CV_TRY(policy(q));
    CV_TRY(unclaimed(q));
    CV_TRY(room(q));
    CV_TRY(pfs(q));
    x->ni_len = slice_copy(q->in->m->nonce, x->ni, sizeof x->ni);
    ike_random(q->e, x->nr, V1_NONCE_OWN);
    x->nr_len = V1_NONCE_OWN;
    if (x->ni_len == 0)
        return no(q, PLD1_N_PAYLOAD_MALFORMED, IKE_REASON_INVALID_SYNTAX, "the nonce is too long");
    if (sam_spi_reserve_after(q->e->sam, v1_quick_predecessor(q->e, q->sa, x), CV_WORKER_ANY, &x->spi_in) ==
        CV_OK)
        return CV_OK;
    x->spi_in = 0;
    return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_NO_RESOURCES, "the SA table is full");
}

/* ---- QM2 ------------------------------------------------------------------------------------------------------------------- */
static void put_choice(const struct respond *q, struct pld_builder *b, uint32_t spi)
{
    const struct pld1_sa *sa = &q->in->m->sa;
    const struct pld1_proposal *p = &sa->proposals[q->x->choice.proposal];
    const struct pld1_transform *t = &sa->transforms[p->first + q->x->choice.transform];
    struct pld1_build_proposal answer = {
        .number = p->number, .proto = p->proto, .spi_len = V1_ESP_SPI_LEN, .count = 1};
    v1_spi_put(answer.spi, spi);
    answer.transforms[0] =
        (struct pld1_build_transform){.number = t->number, .id = t->id, .attributes = t->attributes};
    pld1_put_sa(b, &answer, 1);
}

/* RFC 2407 4.6.3.1: what of ours is shorter than what the peer offered. */
static void put_lifetime(struct respond *q, struct pld_builder *b, uint32_t spi_in)
{
    const struct sel1_esp_choice *c = &q->x->choice;
    const struct sel1_esp_transform *t = &q->offers.p[c->proposal].t[c->transform];
    uint32_t offered_s = t->life_s ? t->life_s : LIFE_DEFAULT_S;
    struct pld1_life life = {
        .seconds = c->life_s < offered_s ? c->life_s : 0,
        .kilobytes = c->life_kb && (t->life_kb == 0 || c->life_kb < t->life_kb) ? (uint32_t)c->life_kb : 0};
    uint8_t data[32], spi[V1_ESP_SPI_LEN];
    struct buf_writer w = buf_writer_init(data, sizeof data);
    if (!life.seconds && !life.kilobytes)
        return;
    v1_spi_put(spi, spi_in);
    pld1_put_life(&w, v1_quick_proto(q->x), &life);
    pld1_put_notify(b, v1_quick_proto(q->x), (struct slice){spi, sizeof spi}, PLD1_N_RESPONDER_LIFETIME,
                    (struct slice){data, w.len});
    ike_log(q->e, q->sa, LOG_LEVEL_DEBUG, "isakmp",
            "Sending NOTIFY RESPONDER_LIFETIME protocol %u: %us and %ukb", v1_quick_proto(q->x), life.seconds,
            life.kilobytes);
}

static cv_result send_second(struct respond *q, uint32_t spi_in, struct v1_msg *m)
{
    struct v1_xchg *x = q->x;
    const struct pld1_message *first = q->in->m;
    CV_TRY(v1_msg_begin(q->e, q->sa, PLD1_QUICK, x->message_id, "QM2", m));
    size_t hash_at = pld1_put_hash_room(&m->b, v1_hash_len(q->sa));
    put_choice(q, &m->b, spi_in);
    pld1_put_raw(&m->b, PLD1_NONCE, (struct slice){x->nr, x->nr_len});
    if (x->dh)
        pld1_put_raw(&m->b, PLD1_KE, cr_dh_public(x->dh));
    for (unsigned i = 0; x->send_ids && i < first->id_count; i++) /* as they came */
        pld1_put_id(&m->b, first->ids[i].type, first->ids[i].proto, first->ids[i].port, first->ids[i].data);
    if (first->nat_oa_count && x->choice.transport)
        v1_quick_put_nat_oa(q->sa, x, &m->b);
    put_lifetime(q, &m->b, spi_in);
    CV_TRY(v1_msg_hash2(q->sa, m, x->message_id, hash_at, (struct slice){x->ni, x->ni_len}));
    return v1_msg_send(q->e, q->sa, m, x->iv, &x->sent, true);
}

/* Both directions stand before QM2 leaves; we send when QM3 or a packet says that the peer has them. */
static cv_result answer(struct respond *q)
{
    struct sam_child *c;
    struct v1_msg m = {0};
    uint32_t spi_in = q->x->spi_in;
    cv_result r = v1_quick_install(q->e, q->sa, q->x, q->p, false, &c);
    if (r != CV_OK)
        return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_NO_RESOURCES, cv_result_text(r));
    r = send_second(q, spi_in, &m);
    v1_msg_free(&m);
    if (r == CV_OK)
        return CV_OK;
    sam_child_delete(q->e->sam, c, 0);
    q->x->child_id = 0;
    return no(q, PLD1_N_NO_PROPOSAL_CHOSEN, IKE_REASON_INTERNAL, "QM2 could not be made");
}

/* ---- handlers ----------------------------------------------------------------------------------------------------------- */
static bool first_proved(const struct ike_sa *sa, const struct v1_in *in)
{
    const struct v1_sa *v1 = sa->v;
    uint8_t want[CR_PRF_MAX];
    bool ok = cr_hash1(&v1->keys, in->m->header.message_id, in->m->after_hash, want) == CV_OK &&
              v1_quick_proved(sa, in->m->hash, want);
    secret_wipe(want, sizeof want);
    return ok;
}

void v1_quick_1(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    uint32_t id = in->m->header.message_id;
    if (in->x || v1_seen(sa, id) || !v1_info_ready(sa))
        return;
    if (!first_proved(sa, in)) {
        e->counters.auth_failed_icv++;
        ike_log_unauth(e, &in->d->remote, "HASH(1) of a Quick Mode does not fit: ignored");
        return;
    }
    /* An old QM1 would prove as much. QM3, over our nonce, says where and that the peer is; the answer goes to where QM1 came from, too. */
    v1_of(sa)->sent.next_at = UINT64_MAX; /* old or not: AM3 has arrived */
    struct v1_xchg *x = v1_xchg_new(e, sa, id, false);
    if (!x) {
        ike_log(e, sa, LOG_LEVEL_WARNING, "isakmp", "Quick Mode not taken: %u are under way", V1_XCHG_MAX);
        return;
    }
    struct respond q = {.e = e, .sa = sa, .x = x, .in = in};
    memcpy(x->last_in, in->digest, sizeof x->last_in);
    x->has_last_in = true;
    memcpy(x->iv, in->iv_next, sizeof x->iv);
    peer_offers(&in->m->sa, &q.offers);
    cv_result r = checked(&q);
    if (r == CV_OK)
        r = answer(&q);
    if (r != CV_OK)
        refuse(&q);
    v1_answer_where_asked(e, sa, in->d, &x->sent);
    secret_free(&x->shared);
    v1_schedule(e, sa);
}

void v1_quick_confirmed(struct ike *e, struct ike_sa *sa, struct v1_xchg *x)
{
    struct sam_child *c = sam_child_by_id(e->sam, x->child_id);
    if (c && c->state == SAM_INSTALLED) {
        if (!c->replaced_by)
            sam_child_activate(e->sam, c);
        v1_quick_up(e, sa, x, c);
    }
    v1_xchg_done(e, x);
}

void v1_quick_3(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_xchg *x = in->x;
    uint8_t want[CR_PRF_MAX];
    bool ok = cr_hash3(&v1_of(sa)->keys, x->message_id, (struct slice){x->ni, x->ni_len},
                       (struct slice){x->nr, x->nr_len}, want) == CV_OK &&
              v1_quick_proved(sa, in->m->hash, want);
    secret_wipe(want, sizeof want);
    if (!ok) {
        e->counters.auth_failed_icv++;
        ike_log_unauth(e, &in->d->remote, "HASH(3) of a Quick Mode does not fit: ignored");
        return;
    }
    v1_heard(e, sa, in);
    memcpy(x->last_in, in->digest, sizeof x->last_in);
    memcpy(x->iv, in->iv_next, sizeof x->iv);
    v1_quick_confirmed(e, sa, x);
    v1_sent_free(&x->sent); /* QM3 is not answered */
    v1_schedule(e, sa);
}
