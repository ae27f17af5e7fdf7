/* Informational exchanges (RFC 2408 4.8, RFC 2409 5.7): notifies and deletes. Nothing is believed before its HASH(1) is verified; without
 * encryption nothing is believed at all. */
#include "control/ikev1/v1_quick.h"

#include "common/secret.h"
#include "control/ike/ike_child.h"
#include "control/ikev1/v1_message.h"
#include "control/ikev1/v1_note.h"

#include <string.h>

enum { ISAKMP_SPI_LEN = 2 * PLD1_COOKIE_LEN };

void v1_spi_put(uint8_t out[V1_ESP_SPI_LEN], uint32_t spi)
{
    for (int i = 0; i < V1_ESP_SPI_LEN; i++)
        out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

uint32_t v1_spi_get(struct slice s)
{
    return s.n == V1_ESP_SPI_LEN
               ? (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3]
               : 0;
}

void v1_cookies(const struct ike_sa *sa, uint8_t out[ISAKMP_SPI_LEN])
{
    memcpy(out, sa->spi_i, PLD1_COOKIE_LEN);
    memcpy(out + PLD1_COOKIE_LEN, sa->spi_r, PLD1_COOKIE_LEN);
}

/* ---- sending --------------------------------------------------------------------------------------------------- */
bool v1_info_ready(const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    return v1 && v1->have_keys && (v1->state == V1_COMPLETE || v1->state == V1_REPLACED);
}

struct info {
    struct v1_msg m;
    uint32_t message_id;
    size_t hash_at;
    uint8_t iv[CR_IV_MAX];
};

/* Each Informational exchange has a message ID and an IV of its own (RFC 2409 5.7, Appendix B). */
static cv_result begin(struct ike *e, struct ike_sa *sa, struct info *i)
{
    *i = (struct info){0};
    if (!v1_info_ready(sa))
        return CV_EINVAL;
    i->message_id = v1_message_id(e, sa);
    CV_TRY(cr_iv_phase2(&v1_of(sa)->keys, v1_of(sa)->iv, i->message_id, i->iv));
    CV_TRY(v1_msg_begin(e, sa, PLD1_INFORMATIONAL, i->message_id, "INFO", &i->m));
    i->hash_at = pld1_put_hash_room(&i->m.b, v1_hash_len(sa));
    return CV_OK;
}

static cv_result finish(struct ike *e, struct ike_sa *sa, struct info *i, struct v1_sent *sent)
{
    cv_result r = v1_msg_hash1(sa, &i->m, i->message_id, i->hash_at);
    if (r == CV_OK)
        r = v1_msg_send(e, sa, &i->m, i->iv, sent, false);
    if (r == CV_OK)
        v1_see(sa, i->message_id); /* our own, thrown back at us, is not the peer's */
    v1_msg_free(&i->m);
    return r;
}

cv_result v1_info_notify(struct ike *e, struct ike_sa *sa, uint8_t proto, struct slice spi, uint16_t type,
                         struct slice data, struct v1_sent *sent)
{
    struct info i;
    cv_result r = begin(e, sa, &i);
    if (r != CV_OK) {
        v1_msg_free(&i.m);
        return r;
    }
    pld1_put_notify(&i.m.b, proto, spi, type, data);
    return finish(e, sa, &i, sent);
}

/* Before there are keys: RFC 2408 5 lets an error be said in the clear. */
static void notify_clear(struct ike *e, struct ike_sa *sa, uint8_t proto, struct slice spi, uint16_t type)
{
    struct v1_msg m;
    const struct slice none = {NULL, 0};
    uint32_t id;
    if (!log_limit_ok(&e->answer_limit, ike_now(e))) {
        e->counters.rate_limited++;
        return;
    }
    ike_random(e, (uint8_t *)&id, sizeof id);
    cv_result r = v1_msg_begin(e, sa, PLD1_INFORMATIONAL, id, "INFO", &m);
    if (r == CV_OK) {
        pld1_put_notify(&m.b, proto, spi, type, none);
        r = v1_msg_send(e, sa, &m, NULL, NULL, false);
    }
    v1_msg_free(&m);
    if (r != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "NOTIFY %s could not be sent", pld1_notify_name(type));
}

void v1_send_notify(struct ike *e, struct ike_sa *sa, uint8_t proto, struct slice spi, uint16_t type,
                    struct slice data)
{
    if (!v1_of(sa)->have_keys) {
        notify_clear(e, sa, proto, spi, type);
        return;
    }
    if (v1_info_notify(e, sa, proto, spi, type, data, NULL) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "NOTIFY %s could not be sent", pld1_notify_name(type));
}

void v1_send_delete(struct ike *e, struct ike_sa *sa, uint8_t proto, struct slice spi)
{
    struct info i;
    size_t each = proto == PLD1_PROTO_ISAKMP ? ISAKMP_SPI_LEN : V1_ESP_SPI_LEN;
    if (spi.n == 0 || spi.n % each != 0 || spi.n / each > PLD1_MAX_DELETE_SPIS)
        return;
    cv_result r = begin(e, sa, &i);
    if (r == CV_OK) {
        pld1_put_delete(&i.m.b, proto, (uint8_t)each, spi.p, (uint16_t)(spi.n / each));
        r = finish(e, sa, &i, NULL);
    } else {
        v1_msg_free(&i.m);
    }
    if (r != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DELETE could not be sent: %s", cv_result_text(r));
}

void v1_refuse_clear(struct ike *e, const struct ike_datagram *d, const struct pld_header *h, uint16_t type)
{
    uint8_t out[PLD_HEADER_LEN + 64], cookies[ISAKMP_SPI_LEN];
    struct buf_writer w = buf_writer_init(out, sizeof out);
    struct pld_builder b;
    struct pld_header answer = {.version = PLD1_VERSION, .exchange = PLD1_INFORMATIONAL};
    /* An answer to an Informational message could go back and forth for ever (RFC 2408 4.8). */
    if (type == 0 || h->exchange == PLD1_INFORMATIONAL)
        return;
    if (!log_limit_ok(&e->answer_limit, ike_now(e))) {
        e->counters.rate_limited++;
        return;
    }
    memcpy(answer.spi_i, h->spi_i, sizeof answer.spi_i);
    memcpy(answer.spi_r, h->spi_r, sizeof answer.spi_r);
    memcpy(cookies, h->spi_i, PLD1_COOKIE_LEN);
    memcpy(cookies + PLD1_COOKIE_LEN, h->spi_r, PLD1_COOKIE_LEN);
    ike_random(e, (uint8_t *)&answer.message_id, sizeof answer.message_id);
    pld_begin(&b, &w, &answer);
    pld1_put_notify(&b, PLD1_PROTO_ISAKMP, (struct slice){cookies, sizeof cookies}, type, (struct slice){0});
    pld1_end(&b, 1);
    if (w.bad)
        return;
    v1_note_own(e, NULL, d, "INFO", out, w.len);
    ike_send_back(e, d, out, w.len);
}

/* ---- in the clear ------------------------------------------------------------------------------------------------ */
void v1_info_clear(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    for (unsigned i = 0; i < in->m->notify_count; i++) {
        const struct pld1_notify *n = &in->m->notifies[i];
        ike_log_unauth(e, &in->d->remote, "an unprotected NOTIFY %s (%u) changes nothing",
                       pld1_notify_name(n->type), n->type);
        if (n->type < PLD1_N_STATUS_FIRST)
            v1_of(sa)->clear_error = n->type;
    }
}

/* ---- deletes of the peer ------------------------------------------------------------------------------------------ */
/* The peer's word on its own children may come under any of its IKE SAs: children move when phase 1 is done anew. */
static struct sam_child *child_of_peer(struct ike *e, struct ike_sa *sa, uint32_t spi, bool ah)
{
    struct sam_child *c = sam_child_of_peer(e->sam, sa->conn_id, spi, ah);
    for (struct ike_sa *o = ike_peer_sas(e, sa); o && !c; o = o->next_of_peer)
        if (v1_same_peer(o, sa))
            c = sam_child_of_peer(e->sam, o->conn_id, spi, ah);
    return c;
}

/* True when one of them was here: no old message names it. */
static bool delete_children(struct ike *e, struct ike_sa *sa, const struct pld1_delete *d)
{
    struct buf_reader r = buf_reader_init(d->spis.p, d->spis.n);
    uint32_t spi;
    bool any = false, ah = d->proto == PLD1_PROTO_AH;
    if ((d->proto != PLD1_PROTO_ESP && !ah) || d->spi_len != V1_ESP_SPI_LEN)
        return false;
    for (unsigned i = 0; i < d->count && buf_u32(&r, &spi); i++) {
        struct sam_child *c = child_of_peer(e, sa, spi, ah);
        if (!c) {
            ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "DELETE of SPI 0x%08x, which is not here", spi);
            continue;
        }
        ike_log(e, sa, LOG_LEVEL_INFO, "ipsec", "the peer deleted child 0x%08x of %s", c->in.spi,
                c->interface);
        any = any || c->state != SAM_RETIRING;
        ike_child_remove(e, c, V1_LINGER_MS);
    }
    return any;
}

/* The IKE SA that one of the cookie pairs names, if it is the peer's: this one, or another of the same identity. */
static struct ike_sa *named_sa(struct ike *e, struct ike_sa *sa, const uint8_t *cookies)
{
    uint8_t own[ISAKMP_SPI_LEN];
    v1_cookies(sa, own);
    if (memcmp(own, cookies, sizeof own) == 0)
        return sa;
    for (struct ike_sa *o = ike_peer_sas(e, sa); o; o = o->next_of_peer) {
        v1_cookies(o, own);
        if (o != sa && v1_same_peer(o, sa) && memcmp(own, cookies, sizeof own) == 0)
            return o;
    }
    return NULL;
}

/* RFC 2409 lets children outlive their ISAKMP SA. Here they do so only where another one of the peer takes them: with none, nobody could
 * rekey or delete them, hear of a dead peer, or tell whether they are still wanted. */
static void peer_deletes_sa(struct ike *e, struct ike_sa *gone)
{
    struct ike_sa *heir = NULL;
    if (gone->dead)
        return; /* named twice in one message (CVE-2023-38712) */
    e->counters.deletes_in++;
    ike_log(e, gone, LOG_LEVEL_DEBUG, "isakmp", "the peer deletes the ISAKMP SA, reason \"Delete payload\"");
    if (v1_of(gone)->state == V1_COMPLETE)
        heir = v1_other(e, gone);
    if (heir)
        v1_inherit(e, gone, heir);
    ike_sa_remove(e, gone,
                  heir || v1_of(gone)->state == V1_REPLACED ? IKE_REASON_REPLACED : IKE_REASON_PEER_DELETED,
                  "the peer deleted the IKE SA");
}

static void delete_sas(struct ike *e, struct ike_sa *sa, const struct pld1_delete *d)
{
    if (d->proto != PLD1_PROTO_ISAKMP || d->spi_len != ISAKMP_SPI_LEN)
        return;
    for (size_t at = 0; at + ISAKMP_SPI_LEN <= d->spis.n && !sa->dead; at += ISAKMP_SPI_LEN) {
        struct ike_sa *gone = named_sa(e, sa, d->spis.p + at);
        if (gone)
            peer_deletes_sa(e, gone);
    }
}

/* ---- notifies --------------------------------------------------------------------------------------------------------- */
/* RFC 2407 4.6.3.3: the peer knows no other SA with us. */
static void initial_contact(struct ike *e, struct ike_sa *sa)
{
    struct ike_sa *next;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "processing NOTIFY INITIAL_CONTACT");
    for (struct ike_sa *o = ike_peer_sas(e, sa); o; o = next) {
        next = o->next_of_peer;
        if (o != sa && v1_same_peer(o, sa) && o->established_ms < sa->created_ms)
            ike_sa_remove(e, o, IKE_REASON_REPLACED, "the peer made initial contact");
    }
}

static struct v1_xchg *pending_of(struct ike_sa *sa, uint32_t spi)
{
    struct v1_xchg *only = NULL;
    unsigned n = 0;
    for (struct v1_xchg *x = v1_of(sa)->xchgs; x; x = x->next) {
        if (x->state != V1_X_I_QM1)
            continue;
        if (spi && x->spi_in == spi)
            return x;
        only = x;
        n++;
    }
    return n == 1 && !spi ? only : NULL; /* without an SPI only one can be meant */
}

static enum ike_reason reason_of(uint16_t type)
{
    switch (type) {
    case PLD1_N_NO_PROPOSAL_CHOSEN:
    case PLD1_N_ATTRIBUTES_NOT_SUPPORTED:
        return IKE_REASON_NO_PROPOSAL;
    case PLD1_N_INVALID_ID_INFORMATION:
        return IKE_REASON_TS_UNACCEPTABLE;
    case PLD1_N_INVALID_KEY_INFORMATION:
        return IKE_REASON_INVALID_KE;
    default:
        return IKE_REASON_PEER_REFUSED;
    }
}

/* RFC 2408 3.14.1: what we send on this child goes nowhere. */
static void peer_lacks_child(struct ike *e, struct ike_sa *sa, uint32_t spi, bool ah)
{
    struct sam_child *c = spi ? child_of_peer(e, sa, spi, ah) : NULL;
    if (!c || c->state == SAM_RETIRING)
        return;
    ike_log(e, sa, LOG_LEVEL_WARNING, "ipsec", "the peer has no SA for SPI 0x%08x of %s any more: deleted",
            spi, c->interface);
    if (v1_delete_child(e, sa, c) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ipsec", "the peer is not told that child 0x%08x is gone", c->in.spi);
}

void v1_invalid_spi(struct ike *e, struct ike_sa *sa, uint32_t spi, bool ah)
{
    uint8_t octets[V1_ESP_SPI_LEN];
    const struct slice none = {NULL, 0};
    v1_spi_put(octets, spi);
    if (v1_info_ready(sa) &&
        v1_info_notify(e, sa, ah ? PLD1_PROTO_AH : PLD1_PROTO_ESP, (struct slice){octets, sizeof octets},
                       PLD1_N_INVALID_SPI, none, NULL) != CV_OK)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "NOTIFY INVALID-SPI could not be sent");
}

static void error_in(struct ike *e, struct ike_sa *sa, const struct pld1_notify *n)
{
    const bool ah = n->proto == PLD1_PROTO_AH;
    uint32_t spi = ah || n->proto == PLD1_PROTO_ESP ? v1_spi_get(n->spi) : 0;
    struct v1_xchg *x = pending_of(sa, spi);
    ike_log(e, sa, LOG_LEVEL_WARNING, "isakmp", "processing NOTIFY %s protocol %u, spi 0x%08x",
            pld1_notify_name(n->type), n->proto, spi);
    if (n->type == PLD1_N_INVALID_SPI)
        peer_lacks_child(e, sa, spi, ah);
    else if (x)
        v1_quick_fail(e, sa, x, reason_of(n->type), "the peer answered %s (%u)", pld1_notify_name(n->type),
                      n->type);
}

static void lifetime_in(struct ike *e, struct ike_sa *sa, const struct pld1_notify *n)
{
    struct pld1_life life;
    struct v1_sa *v1 = v1_of(sa);
    if (n->proto != PLD1_PROTO_ISAKMP || pld1_notify_life(n, &life) != CV_OK || life.seconds == 0 ||
        life.seconds >= sa->lifetime_s)
        return; /* only ever shorter */
    uint64_t expire = sa->established_ms + life.seconds * 1000ull;
    sa->lifetime_s = life.seconds;
    if (expire < v1->expire_at)
        v1->expire_at = expire;
    uint64_t rekey = expire - life.seconds * 100ull; /* a tenth before */
    if (v1->rekey_at != UINT64_MAX && rekey < v1->rekey_at)
        v1->rekey_at = rekey;
    ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "RESPONDER-LIFETIME: the IKE SA ends after %u s", life.seconds);
}

/* The end of a Quick Mode whose commit bit the peer set (RFC 2408 3.1). */
static bool connected_in(struct ike *e, struct ike_sa *sa, uint32_t message_id)
{
    struct v1_xchg *x = v1_xchg_find(sa, message_id);
    if (!x || x->connect_at == UINT64_MAX)
        return false;
    v1_xchg_connected(e, x);
    return true;
}

/* True when no old message can say it: only that shows where and that the peer is. */
static bool notify_in(struct ike *e, struct ike_sa *sa, const struct pld1_notify *n, uint32_t message_id)
{
    switch (n->type) {
    case PLD1_N_R_U_THERE:
    case PLD1_N_R_U_THERE_ACK:
        return v1_dpd_in(e, sa, n);
    case PLD1_N_INITIAL_CONTACT:
        initial_contact(e, sa);
        return false;
    case PLD1_N_RESPONDER_LIFETIME:
        lifetime_in(e, sa, n);
        return false;
    case PLD1_N_CONNECTED:
        return connected_in(e, sa, message_id);
    default:
        if (n->type < PLD1_N_STATUS_FIRST)
            error_in(e, sa, n);
        else /* RFC 2408 3.14.1: of others' status nothing follows */
            ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "NOTIFY %u ignored", n->type);
        return false;
    }
}

/* ---- under HASH ------------------------------------------------------------------------------------------------------- */
static bool proved(const struct ike_sa *sa, const struct v1_in *in)
{
    const struct v1_sa *v1 = sa->v;
    uint8_t want[CR_PRF_MAX];
    bool ok = in->encrypted && v1_info_ready(sa) &&
              cr_hash1(&v1->keys, in->m->header.message_id, in->m->after_hash, want) == CV_OK &&
              v1_quick_proved(sa, in->m->hash, want);
    secret_wipe(want, sizeof want);
    return ok;
}

void v1_info_in(struct ike *e, struct ike_sa *sa, struct v1_in *in)
{
    uint32_t id = in->m->header.message_id;
    if (v1_seen(sa, id))
        return;
    if (!proved(sa, in)) { /* CVE-2019-10155 */
        e->counters.auth_failed_icv++;
        ike_log_unauth(e, &in->d->remote, "HASH(1) of an Informational message does not fit: ignored");
        return;
    }
    /* CONNECTED has the ID of its Quick Mode, whose duplicates are still answered */
    if (!v1_xchg_find(sa, id))
        v1_see(sa, id);
    bool fresh = false;
    for (unsigned i = 0; i < in->m->notify_count && !sa->dead; i++)
        fresh = notify_in(e, sa, &in->m->notifies[i], id) || fresh;
    for (unsigned i = 0; i < in->m->delete_count && !sa->dead; i++) {
        e->counters.deletes_in +=
            in->m->deletes[i].proto == PLD1_PROTO_ESP || in->m->deletes[i].proto == PLD1_PROTO_AH;
        fresh = delete_children(e, sa, &in->m->deletes[i]) || fresh;
    }
    if (fresh && !sa->dead) {
        v1_heard(e, sa, in);
        v1_of(sa)->dpd.unanswered = 0;
    }
    for (unsigned i = 0; i < in->m->delete_count && !sa->dead; i++)
        delete_sas(e, sa, &in->m->deletes[i]);
    if (!sa->dead)
        v1_schedule(e, sa);
}
