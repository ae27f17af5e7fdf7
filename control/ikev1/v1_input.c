#include "control/ikev1/v1_input.h"

#include "common/secret.h"
#include "control/ike/ike_natt.h"
#include "control/ikev1/v1_aggr.h"
#include "control/ikev1/v1_cert.h"
#include "control/ikev1/v1_frag.h"
#include "control/ikev1/v1_fsm.h"
#include "control/ikev1/v1_message.h"
#include "control/ikev1/v1_note.h"
#include "control/ikev1/v1_phase1.h"

#include <stdlib.h>
#include <string.h>

/* A received message on its way to the handler. */
struct input {
    struct v1_in in;
    struct pld1_message *m;
    uint8_t *data; /* private, decrypted in place */
    size_t len;
    bool whole; /* put together from fragments: holds no further ones */
};

static void drop(struct ike *e, const struct ike_datagram *d, uint64_t *counter, const char *why)
{
    ++*counter;
    ike_log_unauth(e, &d->remote, "dropped: %s", why ? why : "malformed");
}

static bool is_zero(const uint8_t spi[8])
{
    static const uint8_t zero[8];
    return memcmp(spi, zero, sizeof zero) == 0;
}

/* ---- the SA ------------------------------------------------------------------------------------------------------------ */
/* IKEv1's header does not say who of the two sends. Our own cookie is in one of the two places; an initiator does not know the other before MM2. */
static struct ike_sa *find_sa(struct ike *e, const struct ike_datagram *d, const struct pld_header *h)
{
    struct ike_sa *sa = is_zero(h->spi_r) ? NULL : ike_sa_by_spi(e, h->spi_r);
    bool ours = sa && sa->ops == &v1_ops && !sa->initiator && memcmp(sa->spi_i, h->spi_i, 8) == 0;
    if (!ours) {
        sa = ike_sa_by_spi(e, h->spi_i);
        ours = sa && sa->ops == &v1_ops && sa->initiator &&
               (is_zero(sa->spi_r) || memcmp(sa->spi_r, h->spi_r, 8) == 0);
    }
    return ours && sa->vrf == d->vrf ? sa : NULL;
}

static bool same_digest(bool known, const uint8_t a[V1_DIGEST_LEN], const uint8_t b[V1_DIGEST_LEN])
{
    return known && secret_equal(a, b, V1_DIGEST_LEN);
}

static bool established(const struct v1_sa *v1)
{
    return v1->state == V1_COMPLETE || v1->state == V1_REPLACED;
}

/* ---- the peer's whereabouts ---------------------------------------------------------------------------------------------- */
void v1_answer_where_asked(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d,
                           const struct v1_sent *sent)
{
    size_t at = 0;
    if (!d->natt || !ike_nat_may_follow(e, sa, &d->remote))
        return;
    for (unsigned i = 0; i < sent->count; i++) {
        ike_send_back(e, d, sent->data + at, sent->len[i]);
        at += sent->len[i];
    }
}

void v1_heard(struct ike *e, struct ike_sa *sa, const struct v1_in *in)
{
    struct v1_sa *v1 = v1_of(sa);
    sa->last_in_ms = ike_now(e);
    if (!established(v1))
        return;
    v1->sent.next_at = UINT64_MAX; /* AM3 has arrived */
    if (in->d->natt)
        ike_nat_follow(e, sa, &in->d->remote);
}

/* ---- first messages ------------------------------------------------------------------------------------------------------- */
/* The same first message again: the same answer (G33). Another one with its cookie and address: nobody honest sends that. */
static void first_again(struct ike *e, struct ike_sa *sa, const struct input *i)
{
    struct v1_sa *v1 = v1_of(sa);
    bool same = same_digest(v1->has_last_in, v1->last_in, i->in.digest);
    if (!same || (v1->state != V1_R_MM2 && v1->state != V1_R_AM2)) {
        e->counters.bad_message_id++;
        return;
    }
    e->counters.retransmits_answered++;
    v1_note_again(e, sa, v1->aggressive ? "AM1" : "MM1", false, 0);
    v1_msg_again(e, sa, &v1->sent);
}

static void first_message(struct ike *e, struct input *i)
{
    const struct ike_datagram *d = i->in.d;
    const struct pld_header *h = &i->m->header;
    const char *err = NULL;
    struct ike_sa *sa = ike_sa_by_init(e, &v1_ops, h->spi_i, d);
    if (sa) {
        first_again(e, sa, i);
        return;
    }
    /* Our own first message thrown back at us would be answered, and both ends of the talk be ours. */
    sa = ike_sa_by_spi(e, h->spi_i);
    if (sa && sa->initiator) {
        drop(e, d, &e->counters.bad_header, "our own cookie in a first message");
        return;
    }
    if (e->stopping || !cfg_isakmp_used(e->cfg) || e->cfg->isakmp_disabled) {
        drop(e, d, &e->counters.unexpected_exchange, "IKEv1 is not configured");
        return;
    }
    if (pld1_outer(i->data, i->len, i->m, &err) != CV_OK || pld1_check_rules(i->m, 1, &err) != CV_OK) {
        drop(e, d, &e->counters.bad_payload, err);
        return;
    }
    bool aggressive = h->exchange == PLD1_AGGRESSIVE;
    v1_note_message(e, NULL, d, aggressive ? "AM1" : "MM1", false, true, i->m);
    if (aggressive)
        v1_aggr_first(e, &i->in);
    else
        v1_main_first(e, &i->in);
}

/* ---- phase 1 -------------------------------------------------------------------------------------------------------------- */
/* G33. An initiator repeats by its timer, not because the peer repeats itself: but AM3, which nothing asks for. */
static bool repeated(struct ike *e, struct ike_sa *sa, const struct input *i)
{
    struct v1_sa *v1 = v1_of(sa);
    bool last = same_digest(v1->has_last_in, v1->last_in, i->in.digest),
         refused = same_digest(v1->has_refused_in, v1->refused_in, i->in.digest); /* G13 */
    if (!last && !refused)
        return false;
    if ((sa->initiator && !v1->aggressive) || v1->sent.count == 0)
        return true;
    e->counters.retransmits_answered++;
    v1_msg_again(e, sa, &v1->sent);
    return true;
}

static cv_result first_iv(struct ike_sa *sa, const struct input *i, uint8_t iv[CR_IV_MAX])
{
    const struct v1_sa *v1 = v1_of(sa);
    const struct pld_header *h = &i->m->header;
    if (h->exchange == PLD1_MAIN || h->exchange == PLD1_AGGRESSIVE)
        memcpy(iv, v1->iv, CR_IV_MAX);
    else if (h->exchange == PLD1_QUICK && i->in.x)
        memcpy(iv, i->in.x->iv, CR_IV_MAX);
    else
        return cr_iv_phase2(&v1->keys, v1->iv, h->message_id, iv);
    return CV_OK;
}

/* Payloads of the message, decrypted when they were not in the clear. */
static cv_result open_message(struct ike_sa *sa, struct input *i, const char **err)
{
    const struct v1_sa *v1 = v1_of(sa);
    uint8_t iv[CR_IV_MAX];
    uint8_t *text = i->data + PLD_HEADER_LEN;
    size_t n = i->len - PLD_HEADER_LEN;
    i->in.encrypted = i->m->header.flags & PLD1_FLAG_ENCRYPTION;
    memcpy(i->in.iv_next, v1->iv, sizeof i->in.iv_next);
    if (!i->in.encrypted)
        return pld1_outer(i->data, i->len, i->m, err);
    *err = "not decryptable";
    CV_TRY(first_iv(sa, i, iv));
    CV_TRY(cr_decrypt1(&v1->keys, iv, text, n, i->in.iv_next));
    return pld1_inner((struct slice){text, n}, i->m, err);
}

static void hand_over(struct ike *e, struct ike_sa *sa, struct input *i, const struct v1_row *row)
{
    v1_note_message(e, sa, NULL, row->name, false, !sa->initiator, i->m);
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "received %s, message ID %u, state %s", row->name,
            i->m->header.message_id, v1_state_text(v1_of(sa)->state));
    row->handler(e, sa, &i->in);
    if (!sa->dead)
        v1_schedule(e, sa);
}

static void phase1_message(struct ike *e, struct ike_sa *sa, struct input *i)
{
    const char *err = NULL;
    const struct v1_row *row = v1_row(v1_of(sa)->state, i->m->header.exchange, NULL);
    bool encrypted = i->m->header.flags & PLD1_FLAG_ENCRYPTION;
    if (repeated(e, sa, i) || v1_park_holds(e, sa, i->in.digest))
        return;
    if (!row || (encrypted && !v1_of(sa)->have_keys) || v1_of(sa)->refused) {
        e->counters.unexpected_exchange++; /* late duplicates are normal */
        return;
    }
    if (open_message(sa, i, &err) != CV_OK || pld1_check_rules(i->m, row->number, &err) != CV_OK) {
        if (encrypted) {
            v1_garbage(e, sa, &i->in, i->m->fault, err);
            if (!sa->dead)
                v1_schedule(e, sa);
        } else {
            drop(e, i->in.d, &e->counters.bad_payload, err);
        }
        return;
    }
    hand_over(e, sa, i, row);
}

void v1_parked_again(struct ike *e, struct ike_sa *sa)
{
    struct v1_parked p = v1_park_take(sa);
    const struct ike_datagram d = {.local = p.local, .remote = p.remote, .vrf = p.vrf, .natt = p.natt};
    struct pld1_message m = {0};
    struct input i = {.in = {.d = &d, .m = &m, .raw = p.raw, .len = p.len, .encrypted = p.encrypted},
                      .m = &m,
                      .data = p.raw,
                      .len = p.len};
    const char *err = NULL;
    if (!p.raw || sa->dead)
        return;
    memcpy(i.in.digest, p.digest, sizeof i.in.digest);
    memcpy(i.in.iv_next, p.iv_next, sizeof i.in.iv_next);
    cv_result r = pld1_header(p.raw, p.len, &m.header, &err);
    const struct v1_row *row = r == CV_OK ? v1_row(v1_of(sa)->state, m.header.exchange, NULL) : NULL;
    if (r == CV_OK)
        r = p.encrypted ? pld1_inner((struct slice){p.raw + PLD_HEADER_LEN, p.len - PLD_HEADER_LEN}, &m, &err)
                        : pld1_outer(p.raw, p.len, &m, &err);
    if (r == CV_OK && row && pld1_check_rules(&m, row->number, &err) == CV_OK)
        row->handler(e, sa, &i.in);
    if (!sa->dead)
        v1_schedule(e, sa);
    secret_wipe(p.raw, p.len);
    free(p.raw);
}

/* ---- phase 2 --------------------------------------------------------------------------------------------------------------- */
static bool quick_repeated(struct ike *e, struct ike_sa *sa, const struct input *i)
{
    struct v1_xchg *x = i->in.x;
    if (!x && !v1_seen(sa, i->m->header.message_id))
        return false;
    if (x && !same_digest(x->has_last_in, x->last_in, i->in.digest))
        return false;
    if (x && x->sent.count > 0) {
        e->counters.retransmits_answered++;
        v1_msg_again(e, sa, &x->sent);
        v1_answer_where_asked(e, sa, i->in.d, &x->sent);
        v1_xchg_repeated(e, x);
    }
    return true;
}

static void quick_message(struct ike *e, struct ike_sa *sa, struct input *i)
{
    const char *err = NULL;
    if (!established(v1_of(sa)) || !(i->m->header.flags & PLD1_FLAG_ENCRYPTION)) {
        drop(e, i->in.d, &e->counters.unexpected_exchange,
             "Quick Mode before phase 1 is done, or in the clear");
        return;
    }
    i->in.x = v1_xchg_find(sa, i->m->header.message_id);
    if (quick_repeated(e, sa, i))
        return;
    const struct v1_row *row = v1_row(v1_of(sa)->state, PLD1_QUICK, i->in.x);
    if (!row) {
        e->counters.unexpected_exchange++;
        return;
    }
    if (open_message(sa, i, &err) != CV_OK || pld1_check_rules(i->m, row->number, &err) != CV_OK) {
        drop(e, i->in.d, &e->counters.bad_payload, err);
        return;
    }
    hand_over(e, sa, i, row);
}

/* In the clear: before there are keys only, and then only looked at. Under keys: by the table. */
static void info_message(struct ike *e, struct ike_sa *sa, struct input *i)
{
    const char *err = NULL;
    struct v1_sa *v1 = v1_of(sa);
    bool encrypted = i->m->header.flags & PLD1_FLAG_ENCRYPTION;
    const struct v1_row *row = v1_row(v1->state, PLD1_INFORMATIONAL, NULL);
    if (encrypted ? !row || !v1->have_keys : established(v1)) {
        drop(e, i->in.d, &e->counters.unexpected_exchange,
             encrypted ? "Informational message before phase 1 is done"
                       : "Informational message in the clear");
        return;
    }
    if (open_message(sa, i, &err) != CV_OK || pld1_check_rules(i->m, 1, &err) != CV_OK) {
        drop(e, i->in.d, &e->counters.bad_payload, err);
        return;
    }
    if (encrypted) {
        hand_over(e, sa, i, row);
        return;
    }
    v1_note_message(e, sa, NULL, "INFO", false, !sa->initiator, i->m);
    v1_info_clear(e, sa, &i->in);
}

/* ---- dispatch ------------------------------------------------------------------------------------------------------------- */
static void take(struct ike *e, struct input *i);

static void fragment(struct ike *e, struct ike_sa *sa, struct input *i)
{
    const char *err = NULL;
    uint8_t *whole = NULL;
    size_t len = 0;
    e->counters.fragments_in++;
    cv_result r = pld1_outer(i->data, i->len, i->m, &err);
    if (r == CV_OK)
        r = i->m->fragment.number && !i->whole ? v1_frag_add(e, sa, i->m, &whole, &len) : CV_EINVAL;
    if (r != CV_OK) {
        e->counters.fragments_bad += r != CV_EAGAIN;
        return;
    }
    struct input j = {.in = {.d = i->in.d}, .m = i->m, .data = whole, .len = len, .whole = true};
    take(e, &j);
    secret_wipe(whole, len);
    free(whole);
}

static void to_sa(struct ike *e, struct ike_sa *sa, struct input *i)
{
    const struct ike_datagram *d = i->in.d;
    if (!established(v1_of(sa)) && !(ip_addr_equal(&sa->remote.addr, &d->remote.addr) &&
                                     ip_addr_equal(&sa->local.addr, &d->local.addr))) {
        drop(e, d, &e->counters.unexpected_exchange, "phase 1 goes on from another address than it began");
        return;
    }
    if (i->m->header.next_payload == PLD1_FRAGMENT) {
        fragment(e, sa, i);
        return;
    }
    switch (i->m->header.exchange) {
    case PLD1_QUICK:
        quick_message(e, sa, i);
        break;
    case PLD1_INFORMATIONAL:
        info_message(e, sa, i);
        break;
    default:
        phase1_message(e, sa, i);
        break;
    }
}

static void take(struct ike *e, struct input *i)
{
    const struct ike_datagram *d = i->in.d;
    struct pld_header *h = &i->m->header;
    const char *err = NULL;
    cv_result r = pld1_header(i->data, i->len, h, &err);
    if (r != CV_OK) {
        drop(e, d, r == CV_EUNSUP ? &e->counters.unexpected_exchange : &e->counters.bad_header, err);
        return;
    }
    i->in.m = i->m;
    i->in.raw = i->data;
    i->in.len = i->len;
    if (!v1_digest(i->data, i->len, i->in.digest))
        return;
    bool first = is_zero(h->spi_r) && (h->exchange == PLD1_MAIN || h->exchange == PLD1_AGGRESSIVE);
    struct ike_sa *sa = first ? NULL : find_sa(e, d, h);
    if (first && !i->whole && h->next_payload != PLD1_FRAGMENT && !(h->flags & PLD1_FLAG_ENCRYPTION))
        first_message(e, i);
    else if (sa)
        to_sa(e, sa, i);
    else
        drop(e, d, &e->counters.unknown_spi, "unknown cookies");
}

void v1_datagram(struct ike *e, const struct ike_datagram *d, uint8_t *data, size_t len)
{
    struct pld1_message m = {0};
    struct input i = {.in = {.d = d}, .m = &m, .data = data, .len = len};
    take(e, &i);
}
