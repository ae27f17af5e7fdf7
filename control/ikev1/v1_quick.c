/* Quick Mode (RFC 2409 5.5) as initiator, and what both roles share: keys, installation, what a new child replaces. */
#include "control/ikev1/v1_quick.h"

#include "common/secret.h"
#include "control/crypto/cr_prf.h"
#include "control/ike/ike_child.h"
#include "control/ikev1/v1_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    DH_RANDOM_MAX = 128,
    RETRY_REFUSED_MS = 10000, /* a refused rekey is tried again before the lifetime ends */
};

/* ---- what both roles share ----------------------------------------------------------------------------------------- */
bool v1_quick_proved(const struct ike_sa *sa, struct slice hash, const uint8_t *want)
{
    size_t n = v1_hash_len(sa);
    return n != 0 && hash.n == n && secret_equal(hash.p, want, n);
}

enum sel1_encap v1_quick_encap(const struct ike_sa *sa)
{
    return v1_quick_encap_as(sa, sa->natt && (sa->nat_local || sa->nat_remote));
}

enum sel1_encap v1_quick_encap_as(const struct ike_sa *sa, bool udp)
{
    const struct v1_sa *v1 = sa->v;
    if (!udp)
        return SEL1_ENCAP_PLAIN;
    return v1->peer.natt == V1_NATT_DRAFT_02 || v1->peer.natt == V1_NATT_DRAFT_03 ? SEL1_ENCAP_UDP_DRAFT
                                                                                  : SEL1_ENCAP_UDP;
}

unsigned v1_quick_transport(const struct ike *e, const struct ike_sa *sa, const struct cfg_ipsec_profile *p,
                            const struct ts *local, const struct ts *remote)
{
    unsigned mask = 0, n = p->transform_set_count ? p->transform_set_count : 1;
    for (unsigned i = 0; i < n; i++) {
        const struct cfg_transform_set *set =
            cfg_find_transform_set(e->cfg, p->transform_set_count ? p->transform_sets[i] : "default");
        bool refuse;
        if (set && sel_transport(set, local, remote, &sa->local.addr, &sa->remote.addr, &refuse))
            mask |= 1u << i;
    }
    return mask;
}

cv_result v1_quick_policy(const struct ike *e, const char *interface, const struct cfg_ipsec_profile **p,
                          struct ts *local, struct ts *remote)
{
    const struct cfg_interface *t = cfg_find_interface(e->cfg, interface);
    *p = t && cfg_is_protected(t) ? cfg_find_ipsec_profile(e->cfg, t->protection_profile) : NULL;
    return *p && cfg_selectors(e->cfg, t, local, remote) ? CV_OK : CV_ENOENT;
}

cv_result v1_quick_dh(struct ike *e, struct v1_xchg *x, uint16_t group)
{
    const struct cr_dh_alg *alg = cr_dh(group);
    uint8_t random[DH_RANDOM_MAX];
    if (!alg || alg->private_len > sizeof random)
        return CV_EUNSUP;
    cv_result r = CV_EINVAL;
    for (unsigned i = 0; i < 8 && r == CV_EINVAL; i++) { /* a degenerate draw is next to impossible */
        ike_random(e, random, alg->private_len);
        r = cr_dh_new(group, random, &x->dh);
    }
    secret_wipe(random, sizeof random);
    if (r == CV_OK)
        x->dh_group = group;
    return r;
}

cv_result v1_quick_shared(struct v1_xchg *x, struct slice peer)
{
    secret_free(&x->shared);
    return x->dh && peer.n ? cr_dh_shared(x->dh, peer, &x->shared) : CV_EINVAL;
}

static void algorithms(const struct v1_xchg *x, struct sam_install *p)
{
    p->spi_in = x->spi_in;
    p->spi_out = x->spi_out;
    p->encr = x->choice.encr;
    p->key_bits = x->choice.key_bits;
    p->integ = x->choice.integ;
    p->dh = x->choice.group;
    p->esn = x->choice.esn;
    p->transport = x->choice.transport;
    p->lifetime_s = x->choice.life_s;
    p->lifetime_bytes = x->choice.life_kb * 1024;
}

static void encapsulation(const struct ike_sa *sa, const struct v1_xchg *x, struct sam_install *p)
{
    p->natt = x->encap != SEL1_ENCAP_PLAIN;
    p->behind_nat = p->natt && sa->nat_local;
    p->local.port = p->natt ? sa->local.port : 0;
    p->remote.port = p->natt ? sa->remote.port : 0;
}

uint8_t v1_quick_proto(const struct v1_xchg *x)
{
    return x->choice.encr == CV_ENCR_NONE ? PLD1_PROTO_AH : PLD1_PROTO_ESP;
}

/* RFC 2409 5.5: each SA has its own KEYMAT, by the SPI that its receiver chose. */
static cv_result keymat(const struct ike_sa *sa, const struct v1_xchg *x, uint32_t spi,
                        struct cr_child_keys *out)
{
    const struct v1_sa *v1 = sa->v;
    uint8_t octets[V1_ESP_SPI_LEN];
    v1_spi_put(octets, spi);
    return cr_child_keymat1(&v1->keys, v1_quick_proto(x), octets, x->choice.encr, x->choice.key_bits,
                            x->choice.integ, x->choice.group ? &x->shared : NULL,
                            (struct slice){x->ni, x->ni_len}, (struct slice){x->nr, x->nr_len}, out);
}

cv_result v1_quick_install(struct ike *e, struct ike_sa *sa, struct v1_xchg *x,
                           const struct cfg_ipsec_profile *p, bool activate, struct sam_child **child)
{
    struct sam_install in;
    struct cr_child_keys keys_in, keys_out;
    memset(&keys_in, 0, sizeof keys_in);
    memset(&keys_out, 0, sizeof keys_out);
    ike_child_params(e, sa, x->interface, p, e->cfg->isakmp_nat_keepalive_s, &in);
    in.owner = v1_heir(e, sa)->conn_id;
    in.initiator = x->initiator;
    in.activate = activate;
    algorithms(x, &in);
    encapsulation(sa, x, &in);
    in.ts_count = 1;
    in.ts_local = &x->ts_local;
    in.ts_remote = &x->ts_remote;
    cv_result r = keymat(sa, x, x->spi_in, &keys_in);
    if (r == CV_OK)
        r = keymat(sa, x, x->spi_out, &keys_out);
    if (r == CV_OK) {
        in.encr_key_in = keys_in.encr_key;
        in.salt_in = keys_in.salt;
        in.integ_key_in = keys_in.integ_key;
        in.encr_key_out = keys_out.encr_key;
        in.salt_out = keys_out.salt;
        in.integ_key_out = keys_out.integ_key;
        r = sam_child_install(e->sam, &in, child);
    }
    secret_wipe(&keys_in, sizeof keys_in);
    secret_wipe(&keys_out, sizeof keys_out);
    if (r == CV_OK) {
        x->spi_in = 0; /* the child's now */
        x->child_id = (*child)->id;
    }
    return r;
}

static bool same_traffic(const struct sam_child *a, const struct sam_child *b)
{
    return a != b && a->if_id == b->if_id && ts_equal(&a->ts_local[0], &b->ts_local[0]) &&
           ts_equal(&a->ts_remote[0], &b->ts_remote[0]) && ip_addr_equal(&a->remote.addr, &b->remote.addr);
}

/* What was there before for the same traffic has been replaced, whoever began (IKEv1 does not name what it rekeys). */
static bool supersede(struct ike *e, const struct sam_child *c)
{
    bool any = false;
    for (struct sam_child *o = sam_children_on(e->sam, c->interface); o; o = o->next_of_tunnel) {
        if (o->state != SAM_INSTALLED || o->id > c->id || !same_traffic(o, c))
            continue;
        any = true;
        if (!o->replaced_by)
            o->replaced_by = c->id;
    }
    return any;
}

const struct sam_child *v1_quick_predecessor(const struct ike *e, const struct ike_sa *sa,
                                             const struct v1_xchg *x)
{
    const struct sam_child *found = NULL;
    for (const struct sam_child *c = sam_children_on(e->sam, x->interface); c; c = c->next_of_tunnel)
        if (c->state == SAM_INSTALLED && ts_equal(&c->ts_local[0], &x->ts_local) &&
            ts_equal(&c->ts_remote[0], &x->ts_remote) && ip_addr_equal(&c->remote.addr, &sa->remote.addr) &&
            (!found || c->id > found->id))
            found = c;
    return found;
}

void v1_quick_up(struct ike *e, struct ike_sa *sa, const struct v1_xchg *x, struct sam_child *c)
{
    char text[SEL_TEXT_MAX];
    const struct sel1_esp_choice shown = {.encr = c->encr,
                                          .key_bits = c->key_bits,
                                          .integ = c->integ,
                                          .group = c->dh,
                                          .esn = c->esn,
                                          .transport = c->transport};
    bool rekey = supersede(e, c) || x->rekeys;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp",
            "Node %u, Input = IKE_MESG_FROM_PEER, IKE_QM_EXCH: Old State = %s  New State = "
            "IKE_QM_PHASE2_COMPLETE",
            x->message_id, x->initiator ? "IKE_QM_I_QM1" : "IKE_QM_R_QM2");
    ike_child_up(e, sa, c, sel1_esp_choice_text(&shown, text), rekey);
}

void v1_quick_put_nat_oa(const struct ike_sa *sa, const struct v1_xchg *x, struct pld_builder *b)
{
    uint8_t type = x->encap == SEL1_ENCAP_UDP_DRAFT ? PLD1_NAT_OA_DRAFT : PLD1_NAT_OA;
    pld1_put_nat_oa(b, type, x->initiator ? &sa->local.addr : &sa->remote.addr);
    pld1_put_nat_oa(b, type, x->initiator ? &sa->remote.addr : &sa->local.addr);
}

static void replace_host(struct ts *t, const struct ip_addr *a)
{
    struct ip_prefix p;
    if (ts_to_prefix(t, &p) && p.addr.family == a->family && p.len == ip_addr_bits(a) &&
        ip_prefix_make(a, p.len, &p))
        *t = ts_from_prefix(&p, t->proto, t->port_lo, t->port_hi);
}

void v1_quick_seen(const struct ike_sa *sa, struct ts *local, struct ts *remote)
{
    if (sa->nat_local)
        replace_host(local, &sa->local.addr);
    if (sa->nat_remote)
        replace_host(remote, &sa->remote.addr);
}

void v1_quick_fail(struct ike *e, struct ike_sa *sa, struct v1_xchg *x, enum ike_reason why, const char *fmt,
                   ...)
{
    char text[SEL_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct ike_session *s = ike_session_get(e, x->interface);
    struct sam_child *old = x->rekeys ? sam_child_by_id(e->sam, x->rekeys) : NULL;
    bool rekey = old && old->state == SAM_INSTALLED;
    v1_xchg_done(e, x);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "deleting node %u error TRUE reason \"%s\"", x->message_id,
            text);
    if (rekey) {
        x->failed = true;
        x->again_at = ike_now(e) + RETRY_REFUSED_MS;
    } else {
        v1_xchg_free(e, sa, x);
    }
    if (s && rekey)
        ike_session_error(e, s, why, "rekey: %s", text);
    else if (s)
        ike_session_failed(e, s, why, "%s", text);
    v1_schedule(e, sa);
}

/* ---- QM1 ------------------------------------------------------------------------------------------------------------ */
static bool under_way(struct ike_sa *sa, const struct ike_session *s)
{
    for (const struct v1_xchg *x = v1_of(sa)->xchgs; x; x = x->next)
        if (x->state == V1_X_I_QM1 && strcmp(x->interface, s->interface) == 0)
            return true;
    return false;
}

/* PF-7 holds for us, too: an SA that the peer began may have another profile than the tunnel is bound to. */
static bool may_serve(struct ike *e, const struct ike_sa *sa, const struct ike_session *s)
{
    const struct cfg_ipsec_profile *p =
        s->tunnel ? cfg_find_ipsec_profile(e->cfg, s->tunnel->protection_profile) : NULL;
    return !p || sel_v1_entry_accepts(e->cfg, p, sa->profile1, NULL);
}

static cv_result prepare(struct ike *e, const struct ike_sa *sa, struct ike_session *s,
                         const struct sam_child *rekeys, struct v1_xchg *x,
                         const struct cfg_ipsec_profile **p)
{
    memcpy(x->interface, s->interface, sizeof x->interface);
    if (v1_quick_policy(e, s->interface, p, &x->ts_local, &x->ts_remote) != CV_OK) {
        ike_session_failed(e, s, IKE_REASON_INTERNAL, "%s has no IPsec protection, or no source address",
                           s->interface);
        return CV_EINVAL;
    }
    if (rekeys) { /* its own: the peer may have asked for less than the policy allows */
        x->rekeys = rekeys->id;
        x->ts_local = rekeys->ts_local[0];
        x->ts_remote = rekeys->ts_remote[0];
    }
    x->send_ids = true;
    x->encap = rekeys && sa->natt ? v1_quick_encap_as(sa, rekeys->natt) : v1_quick_encap(sa);
    ike_random(e, x->ni, V1_NONCE_OWN);
    x->ni_len = V1_NONCE_OWN;
    if ((*p)->pfs)
        CV_TRY(v1_quick_dh(e, x, (*p)->pfs_group));
    cv_result r = sam_spi_reserve_after(e->sam, rekeys, CV_WORKER_ANY, &x->spi_in);
    if (r == CV_OK)
        return CV_OK;
    x->spi_in = 0;
    ike_session_failed(e, s, IKE_REASON_NO_RESOURCES, "no SPI to be had: %s", cv_result_text(r));
    return r;
}

static unsigned own_offers(struct ike *e, struct ike_sa *sa, const struct v1_xchg *x,
                           const struct cfg_ipsec_profile *p, unsigned *mask,
                           struct sel1_esp_transform out[SEL1_TRANSFORMS_MAX])
{
    *mask = v1_quick_transport(e, sa, p, &x->ts_local, &x->ts_remote);
    return sel1_esp_offers(e->cfg, p, x->encap, *mask, out);
}

/* RFC 3947 5.2: the peer needs the original addresses of what it will see in transport mode. */
static bool wants_nat_oa(const struct v1_xchg *x, unsigned transport_mask)
{
    return transport_mask != 0 && x->encap != SEL1_ENCAP_PLAIN;
}

static void log_request(struct ike *e, struct ike_sa *sa, const struct v1_xchg *x,
                        const struct sel1_esp_transform *t, const struct cfg_ipsec_profile *p)
{
    char local[IP_TEXT_MAX], remote[IP_TEXT_MAX], lp[TS_TEXT_MAX], rp[TS_TEXT_MAX];
    ike_log(
        e, sa, LOG_LEVEL_DEBUG, "ipsec",
        "sa_request: (key eng. msg.) OUTBOUND local= %s, remote= %s, local_proxy= %s, remote_proxy= %s, "
        "protocol= %s, transform= %u (mode %u), lifedur= %us and %ukb, spi= 0x%08x, keysize= %u, profile %s",
        ip_endpoint_text(&sa->local, local), ip_endpoint_text(&sa->remote, remote), ts_text(&x->ts_local, lp),
        ts_text(&x->ts_remote, rp), t->ah ? "AH" : "ESP", t->id, t->encap, t->life_s, t->life_kb, x->spi_in,
        t->key_bits, p->name);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "beginning Quick Mode exchange, M-ID of %u", x->message_id);
}

static void put_transform(struct pld1_build_proposal *p, const struct sel1_esp_transform *t)
{
    const uint8_t number = (uint8_t)(p->count + 1);
    p->transforms[p->count++] = (struct pld1_build_transform){.number = number,
                                                              .id = t->id,
                                                              .group = t->group,
                                                              .key_bits = t->key_bits,
                                                              .encap = t->encap,
                                                              .integ = t->integ,
                                                              .esn = t->esn,
                                                              .life = {t->life_s, t->life_kb}};
}

/* Transforms of one protocol that follow one another are one proposal; those of several numbers are alternatives (RFC 2408 4.2). */
static void put_offers(struct pld_builder *b, const struct sel1_esp_transform *t, unsigned n, uint32_t spi)
{
    struct pld1_build_proposal p[SEL1_TRANSFORMS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) {
        if (i == 0 || t[i].ah != t[i - 1].ah) {
            p[count] = (struct pld1_build_proposal){.number = (uint8_t)(count + 1),
                                                    .proto = t[i].ah ? PLD1_PROTO_AH : PLD1_PROTO_ESP,
                                                    .spi_len = V1_ESP_SPI_LEN};
            v1_spi_put(p[count++].spi, spi);
        }
        put_transform(&p[count - 1], &t[i]);
    }
    pld1_put_sa(b, p, count);
}

static cv_result send_first(struct ike *e, struct ike_sa *sa, struct v1_xchg *x,
                            const struct cfg_ipsec_profile *p, struct v1_msg *m)
{
    struct sel1_esp_transform t[SEL1_TRANSFORMS_MAX];
    unsigned mask, n = own_offers(e, sa, x, p, &mask, t);
    if (n == 0)
        return CV_EUNSUP;
    log_request(e, sa, x, &t[0], p);
    CV_TRY(v1_msg_begin(e, sa, PLD1_QUICK, x->message_id, "QM1", m));
    size_t hash_at = pld1_put_hash_room(&m->b, v1_hash_len(sa));
    put_offers(&m->b, t, n, x->spi_in);
    pld1_put_raw(&m->b, PLD1_NONCE, (struct slice){x->ni, x->ni_len});
    if (x->dh)
        pld1_put_raw(&m->b, PLD1_KE, cr_dh_public(x->dh));
    pld1_put_id_selector(&m->b, &x->ts_local);
    pld1_put_id_selector(&m->b, &x->ts_remote);
    if (wants_nat_oa(x, mask))
        v1_quick_put_nat_oa(sa, x, &m->b);
    if (m->w.bad)
        return CV_EUNSUP;
    CV_TRY(v1_msg_hash1(sa, m, x->message_id, hash_at));
    return v1_msg_send(e, sa, m, x->iv, &x->sent, true);
}

/* Nothing is left to offer because of the NAT alone. */
static bool is_ah_behind_nat(struct ike *e, struct ike_sa *sa, const struct v1_xchg *x,
                             const struct cfg_ipsec_profile *p)
{
    struct sel1_esp_transform t[SEL1_TRANSFORMS_MAX];
    unsigned mask;
    return x->encap != SEL1_ENCAP_PLAIN && own_offers(e, sa, x, p, &mask, t) == 0 &&
           sel1_esp_offers(e->cfg, p, SEL1_ENCAP_PLAIN, mask, t) > 0;
}

cv_result v1_quick_start(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                         const struct cv_acquire *packet, struct sam_child *rekeys)
{
    const struct cfg_ipsec_profile *p = NULL;
    struct v1_msg m = {0};
    (void)
        packet; /* IOS answers only to what mirrors its own policy: the packet's own selectors are not asked for */
    sa = v1_heir(e, sa);
    if (v1_of(sa)->state != V1_COMPLETE)
        return CV_EINVAL;
    if (under_way(sa, s))
        return CV_EEXIST;
    if (!rekeys && !may_serve(e, sa, s))
        return v1_initiate(e, s, packet, 0);
    struct v1_xchg *x = v1_xchg_new(e, sa, v1_message_id(e, sa), true);
    if (!x)
        return CV_ENOSPC;
    cv_result r = prepare(e, sa, s, rekeys, x, &p);
    if (r == CV_OK) {
        r = send_first(e, sa, x, p, &m);
        v1_msg_free(&m);
        if (r == CV_EUNSUP && is_ah_behind_nat(e, sa, x, p))
            ike_session_failed(e, s, IKE_REASON_NO_PROPOSAL, "%s", IKE_CHILD_AH_NAT);
        else if (r == CV_EUNSUP)
            ike_session_failed(e, s, IKE_REASON_INTERNAL,
                               "IKEv1 cannot say its transform sets or selectors (one port or all, no "
                               "ChaCha20-Poly1305)");
    }
    if (r != CV_OK)
        v1_xchg_free(e, sa, x);
    v1_schedule(e, sa);
    return r;
}

/* ---- QM2 --------------------------------------------------------------------------------------------------------------- */
struct answer {
    struct ike *e;
    struct ike_sa *sa;
    struct v1_xchg *x;
    const struct pld1_message *m;
    const struct cfg_ipsec_profile *p;
    enum ike_reason why;
    char text[SEL_TEXT_MAX];
};

static cv_result no(struct answer *a, enum ike_reason why, const char *text)
{
    a->why = why;
    snprintf(a->text, sizeof a->text, "%s", text);
    return CV_EINVAL;
}

static bool is_child_proto(uint8_t proto)
{
    return proto == PLD1_PROTO_ESP || proto == PLD1_PROTO_AH;
}

static cv_result accept_proposal(struct answer *a)
{
    struct sel1_esp_transform ours[SEL1_TRANSFORMS_MAX];
    const struct pld1_sa *sa = &a->m->sa;
    const struct pld1_transform *t = &sa->transforms[0];
    char why[SEL_TEXT_MAX];
    unsigned mask, n = own_offers(a->e, a->sa, a->x, a->p, &mask, ours);
    if (sa->proposal_count != 1 || sa->transform_count != 1 || !is_child_proto(sa->proposals[0].proto))
        return no(a, IKE_REASON_NO_PROPOSAL, "the peer's answer is not one transform of ESP or AH");
    const struct sel1_esp_transform answer = {.number = t->number,
                                              .id = t->id,
                                              .unusable = t->unusable,
                                              .ah = sa->proposals[0].proto == PLD1_PROTO_AH,
                                              .key_bits = t->key_bits,
                                              .integ = t->integ,
                                              .group = t->group,
                                              .encap = t->encap,
                                              .esn = t->esn,
                                              .life_s = t->life.seconds,
                                              .life_kb = t->life.kilobytes};
    if (!sel1_esp_accept(a->e->cfg, a->p, a->x->encap, mask, ours, n, &answer, &a->x->choice, why))
        return no(a, IKE_REASON_NO_PROPOSAL, why);
    a->x->spi_out = v1_spi_get(sa->proposals[0].spi);
    if (a->x->spi_out < V1_ESP_SPI_MIN)
        return no(a, IKE_REASON_INVALID_SYNTAX, "the peer chose a reserved SPI");
    return CV_OK;
}

/* What the peer has installed, should the answer be refused. */
static uint8_t answered_proto(const struct pld1_message *m)
{
    return m->sa.proposal_count && m->sa.proposals[0].proto == PLD1_PROTO_AH ? PLD1_PROTO_AH : PLD1_PROTO_ESP;
}

/* RFC 2409 5.5: the responder repeats the identities; strongSwan, of transport mode through a NAT, as it sees the two. */
static cv_result accept_ids(struct answer *a)
{
    struct ts local, remote;
    bool good = a->m->id_count == 2 && pld1_id_selector(&a->m->ids[0], &local) == CV_OK &&
                pld1_id_selector(&a->m->ids[1], &remote) == CV_OK;
    if (good && a->x->choice.transport && a->x->encap != SEL1_ENCAP_PLAIN)
        v1_quick_seen(a->sa, &local, &remote);
    if (!good || !ts_equal(&local, &a->x->ts_local) || !ts_equal(&remote, &a->x->ts_remote))
        return no(a, IKE_REASON_TS_UNACCEPTABLE,
                  "the peer's answer has other proxy identities than were asked for");
    return CV_OK;
}

static cv_result accept_ke(struct answer *a)
{
    if (!a->x->choice.group)
        return a->m->ke.n == 0 ? CV_OK : no(a, IKE_REASON_INVALID_KE, "a KE payload nobody asked for");
    if (a->x->choice.group != a->x->dh_group || v1_quick_shared(a->x, a->m->ke) != CV_OK)
        return no(a, IKE_REASON_INVALID_KE, "the peer's KE payload does not fit its proposal");
    return CV_OK;
}

/* RFC 2407 4.6.3.1: the responder's lifetime, when it is the shorter one. */
static void accept_lifetime(struct answer *a)
{
    struct sel1_esp_choice *c = &a->x->choice;
    for (unsigned i = 0; i < a->m->notify_count; i++) {
        struct pld1_life life;
        const struct pld1_notify *n = &a->m->notifies[i];
        if (n->proto != v1_quick_proto(a->x) || pld1_notify_life(n, &life) != CV_OK)
            continue;
        if (life.seconds && life.seconds < c->life_s)
            c->life_s = life.seconds;
        if (life.kilobytes && (c->life_kb == 0 || life.kilobytes < c->life_kb))
            c->life_kb = life.kilobytes;
        ike_log(a->e, a->sa, LOG_LEVEL_DEBUG, "isakmp",
                "processing NOTIFY RESPONDER_LIFETIME protocol %u: %us and %ukb", n->proto, life.seconds,
                life.kilobytes);
    }
}

static cv_result accept_answer(struct answer *a)
{
    struct ts local, remote;
    if (v1_quick_policy(a->e, a->x->interface, &a->p, &local, &remote) != CV_OK)
        return no(a, IKE_REASON_CLEARED, "the tunnel was removed from the configuration");
    CV_TRY(accept_proposal(a));
    CV_TRY(accept_ids(a));
    CV_TRY(accept_ke(a));
    accept_lifetime(a);
    a->x->nr_len = slice_copy(a->m->nonce, a->x->nr, sizeof a->x->nr);
    return a->x->nr_len ? CV_OK : no(a, IKE_REASON_INVALID_SYNTAX, "the peer's nonce is too long");
}

static cv_result send_third(struct ike *e, struct ike_sa *sa, struct v1_xchg *x)
{
    struct v1_msg m;
    uint8_t hash[CR_PRF_MAX];
    cv_result r = cr_hash3(&v1_of(sa)->keys, x->message_id, (struct slice){x->ni, x->ni_len},
                           (struct slice){x->nr, x->nr_len}, hash);
    if (r != CV_OK)
        return r;
    r = v1_msg_begin(e, sa, PLD1_QUICK, x->message_id, "QM3", &m);
    if (r == CV_OK) {
        pld1_put_raw(&m.b, PLD1_HASH, (struct slice){hash, v1_hash_len(sa)});
        r = v1_msg_send(e, sa, &m, x->iv, &x->sent, false);
    }
    v1_msg_free(&m);
    secret_wipe(hash, sizeof hash);
    return r;
}

/* The child stands before QM3 leaves: the peer may send on it at once. */
static void complete(struct ike *e, struct ike_sa *sa, struct v1_xchg *x, struct sam_child *c,
                     struct v1_in *in)
{
    memcpy(x->last_in, in->digest, sizeof x->last_in);
    x->has_last_in = true;
    memcpy(x->iv, in->iv_next, sizeof x->iv);
    if (send_third(e, sa, x) != CV_OK) { /* the peer repeats QM2, and gives up */
        (void)v1_delete_child(e, sa, c);
        v1_quick_fail(e, sa, x, IKE_REASON_INTERNAL, "QM3 could not be sent");
        return;
    }
    struct sam_child *old = x->rekeys ? sam_child_by_id(e->sam, x->rekeys) : NULL;
    v1_quick_up(e, sa, x, c);
    v1_xchg_done(e, x);
    if (old && old->state == SAM_INSTALLED)
        x->again_at = ike_now(e) + V1_OVERLAP_MS; /* then follows its delete */
    if (!c->active)
        x->connect_at = ike_now(e) + V1_CONNECT_MS;
}

/* Some install their inbound SA at QM3 only, and what we send before is lost there. While an older child serves, the new one waits for a
 * packet from the peer, or a while; likewise when the peer set the commit bit (RFC 2408 3.1). */
static bool sends_at_once(struct ike *e, const struct v1_xchg *x)
{
    const struct sam_child *old = x->rekeys ? sam_child_by_id(e->sam, x->rekeys) : NULL;
    return !x->commit && !(old && old->state == SAM_INSTALLED && old->active);
}

void v1_quick_2(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    struct v1_xchg *x = in->x;
    struct sam_child *c = NULL;
    uint8_t want[CR_PRF_MAX], spi[V1_ESP_SPI_LEN];
    if (cr_hash2(&v1_of(sa)->keys, x->message_id, (struct slice){x->ni, x->ni_len}, in->m->after_hash,
                 want) != CV_OK ||
        !v1_quick_proved(sa, in->m->hash, want)) {
        e->counters.auth_failed_icv++;
        ike_log_unauth(e, &in->d->remote, "HASH(2) of a Quick Mode does not fit: ignored");
        return;
    }
    struct answer a = {.e = e, .sa = sa, .x = x, .m = in->m, .why = IKE_REASON_INTERNAL};
    v1_heard(e, sa, in);
    x->commit = in->m->header.flags & PLD1_FLAG_COMMIT;
    cv_result r = accept_answer(&a);
    if (r == CV_OK) {
        r = v1_quick_install(e, sa, x, a.p, sends_at_once(e, x), &c);
        if (r != CV_OK)
            (void)no(&a, r == CV_ENOSPC ? IKE_REASON_NO_RESOURCES : IKE_REASON_INTERNAL, cv_result_text(r));
    }
    if (r == CV_OK) {
        complete(e, sa, x, c, in);
    } else { /* the peer has installed it already */
        v1_spi_put(spi, x->spi_in);
        if (x->spi_in)
            v1_send_delete(e, sa, answered_proto(in->m), (struct slice){spi, sizeof spi});
        v1_quick_fail(e, sa, x, a.why, "%s", a.text);
    }
    v1_schedule(e, sa);
}

/* ---- later ----------------------------------------------------------------------------------------------------------------- */
void v1_child_first_packet(struct ike *e, struct ike_sa *sa, struct sam_child *c)
{
    struct v1_xchg *x = v1_xchg_of_child(sa, c->id);
    struct ike_sa *holder = sa;
    /* phase 1 may have been done anew since QM1 */
    for (struct ike_sa *o = ike_peer_sas(e, sa); o && !x; o = o->next_of_peer)
        if (v1_same_peer(o, sa)) {
            x = v1_xchg_of_child(o, c->id);
            holder = o;
        }
    if (!x) {
        ike_child_first_packet(e, sa, c);
        return;
    }
    if (x->state == V1_X_R_QM2)
        v1_quick_confirmed(e, holder, x);
    else
        v1_xchg_connected(e, x); /* as good as CONNECTED */
    v1_schedule(e, holder);
}
