/* IKE_SA_INIT (RFC 7296 1.2, 2.6, 2.23), both roles. */
#include "control/ikev2/v2_init.h"

#include "control/crypto/cr_prf.h"
#include "control/ike/ike_natt.h"
#include "control/ikev2/v2_auth.h"
#include "control/ikev2/v2_exchange.h"
#include "control/ikev2/v2_note.h"
#include "control/ikev2/v2_proof.h"
#include "control/ikev2/v2_protect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONCE_LEN = 32,       /* at least half the key size of any PRF (2.10) */
    INIT_RETRIES_MAX = 5, /* cookies and groups, both at once included (2.6.1) */
    COOKIE_MAX = 64,
    GROUP_LEN = 2,
    HASH_LEN = 32
};

static const struct slice nothing = {NULL, 0};
static const uint8_t no_spi[PLD_SPI_LEN];

static cv_result keep(uint8_t **to, size_t *to_len, const uint8_t *from, size_t len)
{
    uint8_t *copy = slice_dup((struct slice){from, len});
    if (!copy)
        return CV_ENOMEM;
    free(*to);
    *to = copy;
    *to_len = len;
    return CV_OK;
}

static void put_common(struct ike *e, struct pld_builder *b, const uint8_t spi_i[8], const uint8_t spi_r[8],
                       const struct ip_endpoint *local, const struct ip_endpoint *remote, bool fragmentation)
{
    if (ike_nat_put(b, spi_i, spi_r, local, remote) != CV_OK)
        ike_log(e, NULL, LOG_LEVEL_ERROR, "ikev2", "NAT detection left out: hash failed");
    if (fragmentation)
        pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_FRAGMENTATION_SUPPORTED, nothing);
}

/* Either end signs. Otherwise nothing is said of signatures. */
static bool by_certificate(const struct cfg_ikev2_profile *p)
{
    return p && ((p->auth_local | p->auth_remote) & (CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG));
}

/* ---- initiator: the request --------------------------------------------------------------------------------------- */
cv_result v2_init_send(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v2 = v2_of(sa);
    struct v2_task *t = v2_task_find(sa, V2_TASK_INIT, 0);
    struct sel_offers offers;
    struct pld_builder b;
    uint8_t msg[V2_MESSAGE_MAX / 4];
    if (!t || !sel_ike_offers(e->cfg, v2->policy, &offers))
        return CV_EINVAL;
    struct buf_writer w = buf_writer_init(msg, sizeof msg);
    struct pld_header h = v2_header(sa, PLD_IKE_SA_INIT, false, 0);
    pld_begin(&b, &w, &h);
    if (v2->cookie_len) /* the first payload, all else as before (2.6) */
        pld_put_notify(&b, PLD_PROTO_NONE, nothing, PLD_N_COOKIE, (struct slice){v2->cookie, v2->cookie_len});
    v2_put_offers(&b, &offers, NULL, 0);
    pld_put_ke(&b, v2->dh_group, cr_dh_public(v2->dh));
    pld_put_nonce(&b, (struct slice){v2->ni, v2->ni_len});
    put_common(e, &b, sa->spi_i, no_spi, &sa->local, &sa->remote, e->cfg->ikev2_fragmentation);
    if (by_certificate(sa->profile))
        v2_proof_announce(v2, &b);
    pld_end(&b);
    if (w.bad)
        return CV_ENOSPC;
    CV_TRY(keep(&v2->init_req, &v2->init_req_len, msg, w.len));
    v2_wire_free(&t->wire);
    CV_TRY(v2_wire_one(msg, w.len, &t->wire));
    v2_note_clear(e, sa, NULL, msg, w.len);
    v2_flight_send(e, sa, t);
    v2_schedule(e, sa);
    return CV_OK;
}

static cv_result new_key(struct ike *e, struct v2_sa *v2, uint16_t group)
{
    struct cr_dh_key *key = NULL;
    CV_TRY(v2_dh_new(e, group, &key));
    cr_dh_free(v2->dh);
    v2->dh = key;
    v2->dh_group = group;
    return CV_OK;
}

/* What the tunnel's configuration says before anything is sent: NULL with the session's error set when it cannot work. */
static const struct cfg_ikev2_profile *usable_profile(struct ike *e, struct ike_session *s)
{
    const struct cfg_interface *t = s->tunnel;
    struct sel_trace trace = {0};
    const struct cfg_ikev2_profile *p = sel_ikev2_profile_for_tunnel(e->cfg, t, &trace);
    ike_decision(e, NULL, "IKE_SA_INIT", &trace);
    if (!p) {
        ike_session_failed(e, s, IKE_REASON_NO_PROFILE, "%s", trace.text);
        return NULL;
    }
    if (p->auth_local !=
        CFG_AUTH_PSK) /* V2-5: whether there is a trust-point to sign with shows in IKE_AUTH */
        return p;
    const struct ip_addr peer = ike_session_peer(s);
    struct sel_psk psk = sel_ikev2_psk(e->cfg, p, true, &peer, t->tunnel_destination_host, NULL, &trace);
    ike_decision(e, NULL, "IKE_SA_INIT", &trace);
    if (!psk.found || psk.local_key.n == 0) {
        ike_session_failed(e, s, IKE_REASON_NO_PSK, "%s", trace.text);
        return NULL;
    }
    return p;
}

static cv_result begin(struct ike *e, struct ike_session *s, struct ike_sa *sa)
{
    struct v2_sa *v2;
    struct sel_offers offers;
    struct sel_trace trace = {0};
    const struct cfg_interface *t = s->tunnel;
    CV_TRY(v2_sa_new(e, sa));
    v2 = v2_of(sa);
    if (!cfg_tunnel_source(e->cfg, t, &sa->local.addr))
        return CV_ENOENT;
    sa->remote.addr = ike_session_peer(s);
    sa->local.port = sa->remote.port = IKE_PORT;
    sa->vrf = ike_vrf_id(e, t->tunnel_vrf);
    v2_set_state(sa, V2_INIT_SENT);
    v2->policy = sel_ikev2_policy(e->cfg, t->tunnel_vrf, &sa->local.addr, &trace);
    ike_decision(e, sa, "IKE_SA_INIT", &trace);
    if (!v2->policy || !sel_ike_offers(e->cfg, v2->policy, &offers) || !sel_offers_group(&offers))
        return CV_EINVAL;
    v2->ni_len = NONCE_LEN;
    ike_random(e, v2->ni, v2->ni_len);
    CV_TRY(new_key(e, v2, sel_offers_group(&offers)));
    v2->flight = v2_task_new(V2_TASK_INIT); /* message ID 0 */
    return v2->flight ? v2_init_send(e, sa) : CV_ENOMEM;
}

cv_result v2_initiate(struct ike *e, struct ike_session *s, const struct cv_acquire *packet)
{
    char peer[IP_TEXT_MAX];
    const struct cfg_ikev2_profile *p = usable_profile(e, s);
    if (!p)
        return CV_ENOENT; /* the session knows why */
    struct ike_sa *sa = ike_sa_new(e, &v2_ops, true);
    if (!sa)
        return CV_ENOMEM;
    sa->profile = p;
    ike_session_attach(e, s, sa);
    cv_result r = begin(e, s, sa);
    if (r != CV_OK) {
        ike_sa_remove(e, sa, r == CV_EINVAL ? IKE_REASON_NO_PROPOSAL : IKE_REASON_INTERNAL,
                      "IKE_SA_INIT could not be made: %s", cv_result_text(r));
        return r;
    }
    if (packet) {
        v2_of(sa)->have_packet = true;
        v2_of(sa)->packet = *packet;
    }
    ike_log(e, sa, LOG_LEVEL_INFO, "ikev2", "initiating IKE SA for %s with %s, profile %s", s->interface,
            ip_endpoint_text(&sa->remote, peer), p->name);
    return CV_OK;
}

/* ---- initiator: the response ------------------------------------------------------------------------------------------- */
static void ask_again(struct ike *e, struct ike_sa *sa)
{
    cv_result r = v2_init_send(e, sa);
    if (r != CV_OK)
        ike_sa_remove(e, sa, IKE_REASON_INTERNAL, "IKE_SA_INIT could not be made: %s", cv_result_text(r));
}

static void take_cookie(struct ike *e, struct ike_sa *sa, const struct pld_notify *n)
{
    struct v2_sa *v2 = v2_of(sa);
    if (v2->cookie_len == n->data.n && memcmp(v2->cookie, n->data.p, n->data.n) == 0)
        return; /* a duplicate: the answer with it is under way */
    if (n->data.n == 0 || n->data.n > COOKIE_MAX || ++v2->init_retries > INIT_RETRIES_MAX) {
        e->counters.bad_payload++; /* keep waiting: it proves nothing about the peer */
        return;
    }
    v2->cookie_len = slice_copy(n->data, v2->cookie, sizeof v2->cookie);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "the peer asks for its cookie");
    ask_again(e, sa);
}

/* RFC 7296 1.2: the same offer again with a KE of the group the responder wants, which must be one of ours. The cookie
 * stays, so that cookie and group are settled in one round more at most (2.6.1). */
static void take_group(struct ike *e, struct ike_sa *sa, const struct pld_notify *n)
{
    struct v2_sa *v2 = v2_of(sa);
    struct sel_offers offers;
    uint16_t group = 0;
    struct buf_reader r = buf_reader_init(n->data.p, n->data.n);
    bool fits = n->data.n == GROUP_LEN && buf_u16(&r, &group) &&
                sel_ike_offers(e->cfg, v2->policy, &offers) && sel_offers_has_group(&offers, group);
    if (fits && group == v2->dh_group)
        return; /* a duplicate: the request with this group is under way */
    if (!fits || ++v2->init_retries > INIT_RETRIES_MAX) {
        ike_sa_remove(e, sa, IKE_REASON_INVALID_KE, "the peer asks for group %u, which is not on offer",
                      group);
        return;
    }
    ike_log(e, sa, LOG_LEVEL_INFO, "ikev2", "the peer asks for group %u instead of %u", group, v2->dh_group);
    if (new_key(e, v2, group) == CV_OK)
        ask_again(e, sa);
    else
        ike_sa_remove(e, sa, IKE_REASON_INTERNAL, "no key of group %u", group);
}

/* An unprotected error may be forged (2.21.1). It ends this attempt only if SPIi and both addresses are those of our request, which
 * who is not on the path cannot know; the session tries again later in any case. */
static void take_error(struct ike *e, struct ike_sa *sa, const struct pld_notify *n)
{
    enum ike_reason why =
        n->type == PLD_N_NO_PROPOSAL_CHOSEN ? IKE_REASON_NO_PROPOSAL : IKE_REASON_PEER_REFUSED;
    ike_sa_remove(e, sa, why, "the peer answered IKE_SA_INIT with %s", pld_notify_name(n->type));
}

/* The chosen proposal, checked against our offers; false when it is not one of them. */
static bool chosen(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct cr_suite *out,
                   char *why)
{
    struct v2_peer_offers answer;
    struct sel_offers ours;
    struct sel_ike_choice c;
    v2_peer_offers(&m->sa, PLD_PROTO_IKE, 0, &answer);
    snprintf(why, SEL_TEXT_MAX, "not exactly one IKE proposal");
    if (m->sa.proposal_count != 1 || answer.count != 1 || !sel_ike_offers(e->cfg, v2_of(sa)->policy, &ours) ||
        !sel_ike_accept(&ours, &answer.offer[0], &c, why))
        return false;
    *out = (struct cr_suite){c.encr, c.key_bits, c.integ, c.prf, c.dh};
    if (c.dh == v2_of(sa)->dh_group && m->ke.group == c.dh)
        return true;
    snprintf(why, SEL_TEXT_MAX, "the chosen group is not that of the key exchange");
    return false;
}

static bool derive(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                   const struct cr_suite *suite)
{
    struct v2_sa *v2 = v2_of(sa);
    struct secret shared = {0};
    cv_result r = v2_dh_shared(v2->dh, m, &shared);
    if (r == CV_OK)
        r = cr_keys2_init(suite, (struct slice){v2->ni, v2->ni_len}, m->nonce, sa->spi_i, m->header.spi_r,
                          &shared, &sa->keys);
    secret_free(&shared);
    if (r == CV_OK)
        return true;
    e->counters.bad_payload++;
    ike_log(e, sa, LOG_LEVEL_WARNING, "ikev2", "IKE_SA_INIT response dropped: %s", cv_result_text(r));
    return false;
}

static void go_on(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d, const struct pld_message *m,
                  const struct cr_suite *suite)
{
    struct v2_sa *v2 = v2_of(sa);
    struct ike_nat nat = {0};
    struct v2_task *init = v2_task_find(sa, V2_TASK_INIT, 0), *auth = v2_task_new(V2_TASK_AUTH);
    memcpy(sa->spi_r, m->header.spi_r, sizeof sa->spi_r);
    v2->nr_len = slice_copy(m->nonce, v2->nr, sizeof v2->nr);
    v2->suite = *suite;
    v2->have_keys = true;
    v2->frag_ok = e->cfg->ikev2_fragmentation && pld_find_notify(m, PLD_N_FRAGMENTATION_SUPPORTED);
    v2_proof_take_hashes(v2, m);
    if (ike_nat_detect(m, &d->local, &d->remote, &nat) == CV_OK && (nat.local || nat.remote)) {
        sa->nat_local = nat.local;
        sa->nat_remote = nat.remote;
        ike_nat_float(sa);
        ike_log(e, sa, LOG_LEVEL_INFO, "ikev2", "NAT in front of %s, going on at port 4500",
                nat.local && nat.remote ? "both ends"
                : nat.local             ? "this end"
                                        : "the peer");
    }
    v2_keylog(e, sa);
    v2_flight_drop(sa, init);
    v2_task_free(e, init);
    v2->next_send = 1;
    v2_set_state(sa, V2_AUTH_SENT);
    if (auth)
        v2_task_add(e, sa, auth);
    else
        ike_sa_remove(e, sa, IKE_REASON_NO_RESOURCES, "out of memory");
}

void v2_init_response(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d,
                      const struct pld_message *m, const uint8_t *raw, size_t len)
{
    const struct pld_notify *n;
    struct cr_suite suite;
    char why[SEL_TEXT_MAX];
    const uint64_t need = PLD_BIT(PLD_SA) | PLD_BIT(PLD_KE) | PLD_BIT(PLD_NONCE);
    if ((m->present & need) != need) {
        if ((n = pld_find_notify(m, PLD_N_COOKIE)))
            take_cookie(e, sa, n);
        else if ((n = pld_find_notify(m, PLD_N_INVALID_KE_PAYLOAD)))
            take_group(e, sa, n);
        else if ((n = pld_find_error(m)))
            take_error(e, sa, n);
        else
            e->counters.bad_payload++;
        return;
    }
    if (memcmp(m->header.spi_r, no_spi, sizeof no_spi) == 0 || m->nonce.n < PLD_NONCE_MIN ||
        m->nonce.n > PLD_NONCE_MAX) {
        e->counters.bad_payload++;
        return;
    }
    if (!chosen(e, sa, m, &suite, why)) {
        ike_sa_remove(e, sa, IKE_REASON_NO_PROPOSAL, "the peer's choice is not ours: %s", why);
        return;
    }
    if (keep(&v2_of(sa)->init_resp, &v2_of(sa)->init_resp_len, raw, len) == CV_OK && derive(e, sa, m, &suite))
        go_on(e, sa, d, m, &suite);
}

/* ---- responder ----------------------------------------------------------------------------------------------------------- */
static void refuse(struct ike *e, const struct ike_datagram *d, const struct pld_message *m, uint16_t notify,
                   struct slice data)
{
    uint8_t out[128];
    struct buf_writer w = buf_writer_init(out, sizeof out);
    struct pld_header h = {.version = 0x20, .exchange = PLD_IKE_SA_INIT, .flags = PLD_FLAG_RESPONSE};
    struct pld_builder b;
    memcpy(h.spi_i, m->header.spi_i, sizeof h.spi_i);
    pld_begin(&b, &w, &h);
    pld_put_notify(&b, PLD_PROTO_NONE, nothing, notify, data);
    pld_end(&b);
    if (w.bad)
        return;
    v2_note_clear(e, NULL, d, out, w.len);
    ike_send_back(e, d, out, w.len);
}

static bool cookie_good(struct ike *e, const struct ike_datagram *d, const struct pld_message *m)
{
    const struct pld_notify *n = pld_find_notify(m, PLD_N_COOKIE);
    return n && ike_cookie_ok(e, n->data, m->nonce, &d->remote, m->header.spi_i);
}

static void ask_for_cookie(struct ike *e, const struct ike_datagram *d, const struct pld_message *m)
{
    uint8_t cookie[IKE_COOKIE_LEN];
    if (ike_cookie_make(e, m->nonce, &d->remote, m->header.spi_i, cookie) == CV_OK) {
        e->counters.cookies_sent++;
        refuse(e, d, m, PLD_N_COOKIE, (struct slice){cookie, sizeof cookie});
    }
}

/* Answers are limited, for their addresses may be forged. When those who forge have used them up an honest peer shows by a cookie
 * that its address is its own, and is answered from a stock that they do not reach. */
void v2_init_refuse(struct ike *e, const struct ike_datagram *d, const struct pld_message *m, uint16_t notify,
                    struct slice data)
{
    bool proved = cookie_good(e, d, m);
    if (log_limit_ok(proved ? &e->proved_limit : &e->answer_limit, ike_now(e))) {
        refuse(e, d, m, notify, data);
        return;
    }
    e->counters.rate_limited++;
    if (!proved && m->nonce.n >= PLD_NONCE_MIN && m->nonce.n <= PLD_NONCE_MAX)
        ask_for_cookie(e, d, m);
}

/* RFC 7296 2.6: a cookie before anything that costs. True: go on. */
static bool cookie_passed(struct ike *e, const struct ike_datagram *d, const struct pld_message *m)
{
    if (!ike_cookie_wanted(e, &d->remote) || cookie_good(e, d, m))
        return true;
    e->counters.cookies_bad += pld_find_notify(m, PLD_N_COOKIE) != NULL;
    ask_for_cookie(e, d, m);
    return false;
}

/* The same first message again: the same answer (2.1). Another one with its SPI and address: nobody honest sends that. */
static bool seen_before(struct ike *e, const struct ike_datagram *d, const struct pld_message *m,
                        const uint8_t hash[HASH_LEN])
{
    struct ike_sa *sa = ike_sa_by_init(e, &v2_ops, m->header.spi_i, d);
    if (!sa)
        return false;
    const struct v2_cached *c = v2_cached_find(sa, 0);
    if (v2_of(sa)->state == V2_INIT_DONE && c && memcmp(c->request_hash, hash, HASH_LEN) == 0) {
        e->counters.retransmits_answered++;
        v2_note_again(e, sa, PLD_IKE_SA_INIT, true, 0);
        v2_wire_send_back(e, d, &c->wire);
    } else {
        e->counters.bad_message_id++;
    }
    return true;
}

/* Proposal and group. False: answered with what is wrong, nothing remembered. */
static bool choose(struct ike *e, const struct ike_datagram *d, const struct pld_message *m,
                   const struct cfg_ikev2_policy **policy, struct sel_ike_choice *out)
{
    struct sel_trace trace = {0};
    struct v2_peer_offers offers;
    *policy = sel_ikev2_policy(e->cfg, ike_vrf_name(e, d->vrf), &d->local.addr, &trace);
    ike_decision(e, NULL, "IKE_SA_INIT", &trace);
    v2_peer_offers(&m->sa, PLD_PROTO_IKE, 0, &offers);
    if (!*policy || !sel_ike_proposal(e->cfg, *policy, offers.offer, offers.count, out, &trace)) {
        ike_decision(e, NULL, "IKE_SA_INIT", &trace);
        ike_log_unauth(e, &d->remote, "%s: %s", ike_reason_name(IKE_REASON_NO_PROPOSAL), trace.text);
        v2_init_refuse(e, d, m, PLD_N_NO_PROPOSAL_CHOSEN, nothing);
        return false;
    }
    ike_decision(e, NULL, "IKE_SA_INIT", &trace);
    if (m->ke.group != out->dh) {
        const uint8_t group[GROUP_LEN] = {(uint8_t)(out->dh >> 8), (uint8_t)out->dh};
        /* not rate limited, as little as cookies: it is how many an honest peer begins, and shorter than the request */
        refuse(e, d, m, PLD_N_INVALID_KE_PAYLOAD, (struct slice){group, sizeof group});
        return false;
    }
    const struct cr_dh_alg *alg = cr_dh(out->dh);
    if (alg && m->ke.data.n == alg->public_len)
        return true;
    e->counters.bad_payload++;
    v2_init_refuse(e, d, m, PLD_N_INVALID_SYNTAX, nothing);
    return false;
}

static cv_result answer(struct ike *e, struct ike_sa *sa, const struct sel_ike_choice *choice,
                        struct v2_wire *wire)
{
    struct v2_sa *v2 = v2_of(sa);
    struct sel_transform t[SEL_ANSWER_MAX];
    uint8_t msg[V2_MESSAGE_MAX / 4];
    struct pld_builder b;
    struct buf_writer w = buf_writer_init(msg, sizeof msg);
    struct pld_header h = v2_header(sa, PLD_IKE_SA_INIT, true, 0);
    pld_begin(&b, &w, &h);
    v2_put_answer(&b, choice->number, PLD_PROTO_IKE, t, sel_ike_answer(choice, t), NULL, 0);
    pld_put_ke(&b, v2->dh_group, cr_dh_public(v2->dh));
    pld_put_nonce(&b, (struct slice){v2->nr, v2->nr_len});
    v2_proof_ask_all(e, sa, &b);
    put_common(e, &b, sa->spi_i, sa->spi_r, &sa->local, &sa->remote, v2->frag_ok);
    if (v2->peer_hashes && ike_cert_any(e))
        v2_proof_announce(v2, &b);
    pld_end(&b);
    if (w.bad)
        return CV_ENOSPC;
    CV_TRY(keep(&v2->init_resp, &v2->init_resp_len, msg, w.len));
    return v2_wire_one(msg, w.len, wire);
}

/* Everything of the new SA; on an error the caller removes it. */
static cv_result respond(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d,
                         const struct pld_message *m, struct slice raw, const struct sel_ike_choice *choice,
                         struct v2_wire *wire)
{
    struct ike_nat nat = {0};
    CV_TRY(v2_sa_new(e, sa));
    struct v2_sa *v2 = v2_of(sa);
    memcpy(sa->spi_i, m->header.spi_i, sizeof sa->spi_i);
    sa->local = d->local;
    sa->remote = d->remote;
    sa->vrf = d->vrf;
    sa->natt = d->natt;
    v2_set_state(sa, V2_INIT_DONE);
    v2->delete_at = ike_now(e) + ike_limit_life_ms(e);
    if (!ike_limit_add(e, sa))
        return CV_ENOMEM;
    ike_sa_index_init(e, sa);
    CV_TRY(ike_nat_detect(m, &d->local, &d->remote, &nat));
    sa->nat_local = nat.local;
    sa->nat_remote = nat.remote;
    v2->suite = (struct cr_suite){choice->encr, choice->key_bits, choice->integ, choice->prf, choice->dh};
    v2->frag_ok = e->cfg->ikev2_fragmentation && pld_find_notify(m, PLD_N_FRAGMENTATION_SUPPORTED);
    v2_proof_take_hashes(v2, m);
    v2->ni_len = slice_copy(m->nonce, v2->ni, sizeof v2->ni);
    v2->nr_len = NONCE_LEN;
    ike_random(e, v2->nr, v2->nr_len);
    CV_TRY(new_key(e, v2, choice->dh));
    CV_TRY(keep(&v2->peer_ke, &v2->peer_ke_len, m->ke.data.p, m->ke.data.n));
    CV_TRY(keep(&v2->init_req, &v2->init_req_len, raw.p, raw.n));
    return answer(e, sa, choice, wire);
}

void v2_init_request(struct ike *e, const struct ike_datagram *d, const struct pld_message *m,
                     const uint8_t *raw, size_t len)
{
    struct sel_ike_choice choice;
    const struct cfg_ikev2_policy *policy;
    uint8_t hash[64];
    size_t n;
    const struct slice s = {raw, len};
    if (e->stopping || m->nonce.n < PLD_NONCE_MIN || m->nonce.n > PLD_NONCE_MAX)
        return;
    if (cr_hash("SHA256", &s, 1, hash, &n) != CV_OK || seen_before(e, d, m, hash) || !cookie_passed(e, d, m))
        return;
    if (!choose(e, d, m, &policy, &choice))
        return;
    if (!ike_limit_ok(e, &d->remote)) {
        e->counters.half_open_refused++;
        ike_log_unauth(e, &d->remote, "%s", ike_reason_text(IKE_REASON_DOS_LIMIT));
        return; /* silence: it asks again, and there may be room then */
    }
    struct ike_sa *sa = ike_sa_new(e, &v2_ops, false);
    if (!sa)
        return;
    struct v2_wire wire = {0};
    cv_result r = respond(e, sa, d, m, s, &choice, &wire);
    if (r != CV_OK) {
        v2_wire_free(&wire);
        ike_sa_remove(e, sa, IKE_REASON_NO_RESOURCES, "IKE_SA_INIT could not be answered: %s",
                      cv_result_text(r));
        return;
    }
    v2_of(sa)->policy = policy;
    v2_note_clear(e, sa, NULL, v2_of(sa)->init_resp, v2_of(sa)->init_resp_len);
    v2_wire_send_back(e, d, &wire);
    v2_cached_put(sa, 0, hash, &wire);
    v2_schedule(e, sa);
}

bool v2_init_keys(struct ike *e, struct ike_sa *sa)
{
    struct v2_sa *v2 = v2_of(sa);
    struct secret shared = {0};
    cv_result r = cr_dh_shared(v2->dh, (struct slice){v2->peer_ke, v2->peer_ke_len}, &shared);
    if (r == CV_OK)
        r = cr_keys2_init(&v2->suite, (struct slice){v2->ni, v2->ni_len}, (struct slice){v2->nr, v2->nr_len},
                          sa->spi_i, sa->spi_r, &shared, &sa->keys);
    secret_free(&shared);
    if (r != CV_OK) {
        ike_sa_remove(e, sa, IKE_REASON_INVALID_KE, "the peer's public value is not allowed");
        return false;
    }
    v2->have_keys = true;
    v2_keylog(e, sa);
    return true;
}
