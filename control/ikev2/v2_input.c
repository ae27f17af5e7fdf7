#include "control/ikev2/v2_input.h"

#include "common/secret.h"
#include "control/crypto/cr_prf.h"
#include "control/ike/ike_natt.h"
#include "control/ikev2/v2_auth.h"
#include "control/ikev2/v2_exchange.h"
#include "control/ikev2/v2_frag.h"
#include "control/ikev2/v2_fsm.h"
#include "control/ikev2/v2_init.h"
#include "control/ikev2/v2_note.h"
#include "control/ikev2/v2_park.h"
#include "control/ikev2/v2_protect.h"

#include <stdlib.h>
#include <string.h>

enum { HASH_LEN = 32, AUTH_MESSAGE_ID = 1 };

/* A received message on its way to the handler. */
struct input {
    const struct ike_datagram *d;
    uint8_t *data; /* the private copy of d->data */
    size_t len;
    struct pld_message *m;
    uint8_t hash[HASH_LEN];
    const struct v2_row *row;
    struct v2_task *task; /* responses */
    struct slice plain;
    uint8_t first;
    uint8_t *whole;        /* reassembled, NULL otherwise */
    const char *malformed; /* what is wrong with the authenticated content; NULL: nothing */
    uint16_t fragments;    /* it came in so many; 0 whole */
};

static void drop(struct ike *e, const struct ike_datagram *d, uint64_t *counter, const char *why)
{
    ++*counter;
    ike_log_unauth(e, &d->remote, "dropped: %s", why ? why : "malformed");
}

static bool hash_of(const uint8_t *data, size_t len, uint8_t out[HASH_LEN])
{
    uint8_t digest[CR_PRF_MAX];
    size_t n;
    const struct slice s = {data, len};
    if (cr_hash("SHA256", &s, 1, digest, &n) != CV_OK || n != HASH_LEN)
        return false;
    memcpy(out, digest, HASH_LEN);
    return true;
}

/* ---- IKE_SA_INIT: unprotected ------------------------------------------------------------------------------------ */
static void init_datagram(struct ike *e, const struct ike_datagram *d, struct pld_message *m,
                          const uint8_t *data, size_t len)
{
    static const uint8_t zero[PLD_SPI_LEN];
    const struct pld_header *h = &m->header;
    const char *err = NULL;
    bool response = h->flags & PLD_FLAG_RESPONSE;
    if (h->message_id != 0 || response == !!(h->flags & PLD_FLAG_INITIATOR) ||
        (!response && memcmp(h->spi_r, zero, sizeof zero) != 0)) {
        drop(e, d, &e->counters.bad_header, "IKE_SA_INIT with impossible flags, message ID or SPIs");
        return;
    }
    if (pld_outer(data, len, m, &err) != CV_OK) {
        drop(e, d, &e->counters.bad_payload, err);
        return;
    }
    if (m->unknown_critical) {
        drop(e, d, &e->counters.critical_payload, "unknown critical payload in IKE_SA_INIT");
        if (!response)
            v2_init_refuse(e, d, m, PLD_N_UNSUPPORTED_CRITICAL_PAYLOAD,
                           (struct slice){&m->unknown_critical, 1});
        return;
    }
    if (pld_check_rules(m, &err) != CV_OK) {
        drop(e, d, &e->counters.bad_payload, err);
        return;
    }
    if (!response) {
        v2_note_message(e, NULL, d, m, false);
        v2_init_request(e, d, m, data, len);
        return;
    }
    struct ike_sa *sa = ike_sa_by_spi(e, h->spi_i);
    if (!sa || sa->ops != &v2_ops || !sa->initiator) {
        drop(e, d, &e->counters.unknown_spi, "IKE_SA_INIT response for an SPI that is not ours");
        return;
    }
    if (!v2_row(v2_of(sa)->state, PLD_IKE_SA_INIT, true) || !ip_endpoint_equal(&sa->remote, &d->remote)) {
        e->counters.unexpected_exchange++; /* late duplicates are normal */
        return;
    }
    v2_note_message(e, sa, NULL, m, false);
    v2_init_response(e, sa, d, m, data, len);
}

/* ---- protected exchanges ------------------------------------------------------------------------------------------- */
static struct ike_sa *find_sa(struct ike *e, const struct ike_datagram *d, const struct pld_header *h)
{
    bool from_initiator = h->flags & PLD_FLAG_INITIATOR;
    struct ike_sa *sa = ike_sa_by_spi(e, from_initiator ? h->spi_r : h->spi_i);
    if (!sa || sa->ops != &v2_ops || sa->initiator == from_initiator || sa->vrf != d->vrf ||
        memcmp(sa->spi_i, h->spi_i, sizeof sa->spi_i) != 0 ||
        memcmp(sa->spi_r, h->spi_r, sizeof sa->spi_r) != 0)
        return NULL;
    return sa;
}

/* RFC 7296 2.11: back to where the request came from. A datagram from another address than the peer's may be a copy that
 * somebody else has sent: what is said to the peer goes to the peer. */
static void send_answer(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d,
                        const struct v2_wire *wire)
{
    if (ip_addr_equal(&d->remote.addr, &sa->remote.addr) && ip_addr_equal(&d->local.addr, &sa->local.addr))
        v2_wire_send_back(e, d, wire);
    else
        v2_wire_send(e, sa, wire);
}

/* RFC 7383 2.5.2: the peer tries its request again in smaller fragments, when the answer to the larger ones was lost. The first
 * of them is another datagram, and has to prove whose it is. */
static bool refragmented(struct ike_sa *sa, const struct input *in, const struct v2_cached *c)
{
    struct slice plain;
    return v2_of(sa)->have_keys && v2_of(sa)->frag_ok && in->m->frag_number == 1 &&
           in->m->frag_total > c->fragments && v2_open(sa, in->m, in->data, in->len, &plain) == CV_OK;
}

/* Of a message that was cut before a narrower path was found, or of a copy of an old request, nothing is learned of a wider one. */
static void path_at_most(struct ike_sa *sa, unsigned mtu)
{
    unsigned *path = &v2_of(sa)->path_mtu;
    if (*path == 0 || mtu < *path)
        *path = mtu;
}

/* RFC 7296 2.1: a retransmitted request gets the same response again, and changes nothing. For fragments the first one
 * stands for all (RFC 7383 2.6.1). */
static void answer_again(struct ike *e, struct ike_sa *sa, struct input *in, struct v2_cached *c)
{
    if (in->m->frag_number > 1)
        return;
    const bool anew = memcmp(c->request_hash, in->hash, HASH_LEN) != 0;
    if (anew && !refragmented(sa, in, c)) {
        e->counters.bad_message_id++;
        return;
    }
    e->counters.retransmits_answered++;
    /* The answer may have been too long for the path, or is now held to be: the peer asks in smaller fragments */
    if ((++c->repeats > V2_SAME_SIZE || anew) && v2_wire_smaller(e, sa, &c->wire))
        path_at_most(sa, c->wire.mtu);
    v2_note_again(e, sa, in->m->header.exchange, true, c->message_id);
    send_answer(e, sa, in->d, &c->wire);
}

/* Is the message of an exchange that we wait for? Answers retransmissions on the way. */
static bool expected(struct ike *e, struct ike_sa *sa, struct input *in)
{
    const struct pld_header *h = &in->m->header;
    struct v2_sa *v2 = v2_of(sa);
    bool response = h->flags & PLD_FLAG_RESPONSE;
    if (response) {
        in->task = v2_flight_find(sa, h->message_id);
        if (!in->task || v2_kind(in->task->kind)->exchange != h->exchange) {
            e->counters.bad_message_id++; /* a late duplicate, mostly */
            return false;
        }
    } else {
        struct v2_cached *c = v2_cached_find(sa, h->message_id);
        if (v2->state == V2_AUTH_SENT && v2->parked.plain) {
            e->counters.unexpected_exchange++; /* it comes again when we know whom we talk to */
            return false;
        }
        if (c) {
            answer_again(e, sa, in, c);
            return false;
        }
        unsigned window = sa->established ? v2->window_own : 1;
        if (h->message_id < v2->next_recv || h->message_id - v2->next_recv >= window) {
            drop(e, in->d, &e->counters.bad_message_id, "message ID outside of the window");
            return false;
        }
    }
    in->row = v2_row(v2->state, h->exchange, response);
    if (v2->have_keys) /* what does not fit the state is answered, once it has proved to be the peer's */
        return true;
    if (!in->row || response || v2->state != V2_INIT_DONE || h->message_id != AUTH_MESSAGE_ID) {
        drop(e, in->d, &e->counters.unexpected_exchange, "exchange before IKE_AUTH");
        return false;
    }
    return true;
}

/* ICV, decryption, reassembly. True: in->plain is the whole inner chain. */
static bool open_message(struct ike *e, struct ike_sa *sa, struct input *in, uint8_t *data, size_t len)
{
    cv_result r = v2_open(sa, in->m, data, len, &in->plain);
    if (r != CV_OK) {
        drop(e, in->d, r == CV_EAUTH ? &e->counters.auth_failed_icv : &e->counters.bad_payload,
             r == CV_EAUTH ? "integrity check failed" : "not decryptable");
        return false;
    }
    in->first = in->m->sk_next;
    if (in->m->frag_total == 0)
        return true;
    struct v2_whole whole;
    e->counters.fragments_in++;
    if (!v2_of(sa)->frag_ok)
        r = CV_EINVAL; /* never agreed */
    else
        r = v2_frag_add(sa, in->m, in->plain, in->hash, &whole);
    if (r == CV_OK || r == CV_EAGAIN) /* the first is as long as any */
        if (in->m->frag_number == 1 && in->m->frag_total > 1)
            v2_path_takes(e, sa, len);
    if (r != CV_OK) {
        e->counters.fragments_bad += r != CV_EAGAIN;
        return false;
    }
    in->whole = whole.data;
    in->plain = (struct slice){whole.data, whole.len};
    in->first = whole.first;
    memcpy(in->hash, whole.request_hash, HASH_LEN);
    return true;
}

/* The peer is alive, and where it is. */
static void heard(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d)
{
    sa->last_in_ms = ike_now(e);
    if (v2_of(sa)->state == V2_INIT_DONE) { /* the initiator floated to 4500: same_addresses() */
        sa->local = d->local;
        sa->remote = d->remote;
        sa->natt = d->natt;
    } else if (sa->established && sa->natt && !sa->nat_local && !ip_endpoint_equal(&sa->remote, &d->remote)) {
        ike_nat_follow(e, sa, &d->remote); /* RFC 7296 2.23: its NAT's mapping changed */
    }
}

static void answer(struct ike *e, struct ike_sa *sa, struct input *in, struct v2_reply *reply)
{
    const struct pld_header *h = &in->m->header;
    struct v2_wire wire = {0};
    if (!reply->silent) {
        struct pld_header out = v2_header(sa, h->exchange, true, h->message_id);
        if (!reply->w.bad)
            v2_note_plain(e, sa, &out, pld_chain_first(&reply->chain),
                          (struct slice){reply->storage, reply->w.len});
        cv_result r = reply->w.bad ? CV_ENOSPC
                                   : v2_protect(e, sa, &out, pld_chain_first(&reply->chain),
                                                (struct slice){reply->storage, reply->w.len}, &wire);
        if (r != CV_OK)
            ike_log(e, sa, LOG_LEVEL_ERROR, "ikev2", "response not sent: %s", cv_result_text(r));
    }
    send_answer(e, sa, in->d, &wire);
    v2_cached_put(sa, h->message_id, in->hash, &wire);
    if (v2_cached_find(sa, h->message_id))
        v2_cached_find(sa, h->message_id)->fragments = in->fragments;
}

/* The handler cannot judge it yet. False: it cannot be kept. */
static bool park(struct ike *e, struct ike_sa *sa, const struct input *in)
{
    const struct v2_arrived a = {.d = in->d,
                                 .header = &in->m->header,
                                 .plain = in->plain,
                                 .first = in->first,
                                 .fragments = in->fragments,
                                 .hash = in->hash};
    if (v2_park(e, sa, &a)) {
        v2_schedule(e, sa);
        return true;
    }
    ike_sa_remove(e, sa, IKE_REASON_NO_RESOURCES, "a message that has to wait cannot be kept");
    return false;
}

static void take_request(struct ike *e, struct ike_sa *sa, struct input *in)
{
    struct v2_reply reply;
    uint8_t *storage = malloc(V2_MESSAGE_MAX);
    if (!storage)
        return;
    v2_reply_begin(&reply, storage, V2_MESSAGE_MAX);
    bool initial = v2_of(sa)->state == V2_INIT_DONE;
    if (in->m->unknown_critical) {
        e->counters.critical_payload++;
        v2_reply_error(&reply, PLD_PROTO_NONE, PLD_N_UNSUPPORTED_CRITICAL_PAYLOAD,
                       (struct slice){&in->m->unknown_critical, 1});
    } else if (in->malformed || !in->row) {
        in->malformed ? e->counters.bad_payload++ : e->counters.unexpected_exchange++;
        v2_reply_error(&reply, PLD_PROTO_NONE, PLD_N_INVALID_SYNTAX, (struct slice){0});
    } else {
        in->row->request(e, sa, in->m, &reply);
        initial = false; /* v2_auth_request ends what it refuses */
    }
    if (reply.wait) {
        (void)park(e, sa, in);
        secret_wipe(storage, V2_MESSAGE_MAX);
        free(storage);
        return;
    }
    v2_park_drop(sa);
    answer(e, sa, in, &reply);
    if (initial)
        v2_auth_refused(e, sa, IKE_REASON_INVALID_SYNTAX, in->malformed ? in->malformed : "critical payload");
    secret_wipe(storage, V2_MESSAGE_MAX);
    free(storage);
    if (v2_of(sa)->auth_refused && !sa->dead)
        v2_auth_forget(e, sa);
    if (!sa->dead)
        v2_pump(e, sa);
}

/* The answer is there, so that the request is not sent again; but it does not count as answered before it is judged. */
static void wait_with(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct input *in)
{
    t->waits = false;
    t->next_at = UINT64_MAX;
    t->next = v2_of(sa)->flight;
    v2_of(sa)->flight = t;
    (void)park(e, sa, in);
}

static void take_response(struct ike *e, struct ike_sa *sa, struct input *in)
{
    struct v2_task *t = in->task;
    const char *bad = in->m->unknown_critical ? "critical payload in a response" : in->malformed;
    v2_flight_drop(sa, t);
    if (t->attempts > 1 && t->wire.mtu) /* what passed in the end is not tried in vain again */
        path_at_most(sa, t->wire.mtu);
    if (bad) {
        e->counters.bad_payload++;
        ike_log(e, sa, LOG_LEVEL_WARNING, "ikev2", "malformed response: %s", bad);
        v2_sa_delete(e, sa, IKE_REASON_INVALID_SYNTAX);
    } else if (!in->row || (v2_of(sa)->state == V2_DELETING && in->m->header.exchange != PLD_INFORMATIONAL)) {
        e->counters.unexpected_exchange++;
    } else {
        v2_kind(t->kind)->response(e, sa, t, in->m);
    }
    if (t->waits) {
        wait_with(e, sa, t, in);
        return;
    }
    if (!sa->dead)
        v2_park_drop(sa);
    v2_task_free(e, t);
    if (!sa->dead)
        v2_pump(e, sa);
}

/* Nothing in IKE_AUTH vouches for the address it comes from. That of IKE_SA_INIT has proved to be reachable, for our answer
 * with SPIr and Nr arrived there; only ports change between the two (RFC 7296 2.23). */
static bool same_addresses(struct ike_sa *sa, const struct ike_datagram *d)
{
    return v2_of(sa)->state != V2_INIT_DONE || (ip_addr_equal(&sa->remote.addr, &d->remote.addr) &&
                                                ip_addr_equal(&sa->local.addr, &d->local.addr));
}

static void protected_datagram(struct ike *e, const struct ike_datagram *d, struct pld_message *m,
                               uint8_t *data, size_t len)
{
    struct input in = {.d = d, .data = data, .len = len, .m = m};
    const char *err = NULL;
    struct ike_sa *sa = find_sa(e, d, &m->header);
    if (!sa) {
        /* No INVALID_IKE_SPI: nobody may act on it, and a flood would be answered (RFC 7296 2.21.4 allows silence). */
        drop(e, d, &e->counters.unknown_spi, "unknown IKE SPI");
        return;
    }
    if (pld_outer(data, len, m, &err) != CV_OK) {
        drop(e, d, &e->counters.bad_payload, err);
        return;
    }
    if (!(m->present & (PLD_BIT(PLD_SK) | PLD_BIT(PLD_SKF))) || m->outer_count != 1) {
        drop(e, d, &e->counters.bad_payload, "payloads outside of SK");
        return;
    }
    if (!same_addresses(sa, d)) {
        drop(e, d, &e->counters.unexpected_exchange, "IKE_AUTH from another address than IKE_SA_INIT");
        return;
    }
    if (!hash_of(data, len, in.hash) || !expected(e, sa, &in))
        return;
    if (!v2_of(sa)->have_keys && !v2_init_keys(e, sa))
        return;
    if (open_message(e, sa, &in, data, len) && !v2_park_holds(e, sa, in.hash)) {
        in.fragments = m->frag_total;
        heard(e, sa, d);
        if (pld_inner(in.plain, in.first, m, &err) != CV_OK || pld_check_rules(m, &err) != CV_OK)
            in.malformed = err ? err : "malformed";
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2", "received %s %s, message ID %u%s%s",
                pld_exchange_name(m->header.exchange), in.task ? "response" : "request", m->header.message_id,
                in.malformed ? ": " : "", in.malformed ? in.malformed : "");
        if (!in.malformed)
            v2_note_message(e, sa, NULL, m, false);
        if (in.task)
            take_response(e, sa, &in);
        else
            take_request(e, sa, &in);
    }
    if (in.whole) {
        secret_wipe(in.whole, in.plain.n);
        free(in.whole);
    }
}

void v2_parked_again(struct ike *e, struct ike_sa *sa)
{
    struct v2_parked p = v2_park_take(sa);
    const struct ike_datagram d = {.local = p.local, .remote = p.remote, .vrf = p.vrf, .natt = p.natt};
    struct pld_message m = {0};
    struct input in = {
        .d = &d, .m = &m, .plain = {p.plain, p.len}, .first = p.first, .fragments = p.fragments};
    const char *err = NULL;
    const bool response = p.header.flags & PLD_FLAG_RESPONSE;
    if (!p.plain || sa->dead)
        return;
    m.header = p.header;
    m.present = PLD_BIT(PLD_SK); /* what it came in, and has been opened */
    m.payload_count = m.outer_count = 1;
    m.order[0] = PLD_SK;
    memcpy(in.hash, p.hash, HASH_LEN);
    in.row = v2_row(v2_of(sa)->state, m.header.exchange, response);
    in.task = response ? v2_flight_find(sa, m.header.message_id) : NULL;
    if (pld_inner(in.plain, in.first, &m, &err) != CV_OK || pld_check_rules(&m, &err) != CV_OK)
        in.malformed = err ? err : "malformed";
    if (in.task)
        take_response(e, sa, &in);
    else if (!response && in.row)
        take_request(e, sa, &in);
    secret_wipe(p.plain, p.len);
    free(p.plain);
}

void v2_datagram(struct ike *e, const struct ike_datagram *d, uint8_t *data, size_t len)
{
    struct pld_message m;
    const char *err = NULL;
    cv_result r = pld_header(data, len, &m.header, &err);
    if (r != CV_OK) {
        drop(e, d, r == CV_EUNSUP ? &e->counters.unexpected_exchange : &e->counters.bad_header, err);
        return;
    }
    if (m.header.exchange == PLD_IKE_SA_INIT)
        init_datagram(e, d, &m, data, len);
    else
        protected_datagram(e, d, &m, data, len);
}
