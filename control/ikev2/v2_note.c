#include "control/ikev2/v2_note.h"

#include "control/ike/ike_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = IKE_CERT_NOTE_MAX, NAME_MAX_LEN = 40 };

struct texts {
    char line[IKE_NOTE_PAYLOADS_MAX][TEXT_MAX];
    unsigned notifies, deletes, certs, certreqs;
};

static const char *delete_text(uint8_t proto)
{
    return proto == PLD_PROTO_IKE ? "IKE" : proto == PLD_PROTO_AH ? "AH" : "ESP";
}

static const char *payload_text(const struct ike *e, const struct pld_message *m, uint8_t type,
                                struct texts *t, char *out)
{
    if (type == PLD_NOTIFY && t->notifies < m->notify_count) {
        snprintf(out, TEXT_MAX, "N(%s)", pld_notify_name(m->notifies[t->notifies++].type));
    } else if (type == PLD_DELETE && t->deletes < m->delete_count) {
        snprintf(out, TEXT_MAX, "D(%s)", delete_text(m->deletes[t->deletes++].proto));
    } else if (type == PLD_CERT && t->certs < m->cert_count) {
        const unsigned i = t->certs++;
        (void)ike_cert_note(m->certs[i].encoding, m->certs[i].data, out);
    } else if (type == PLD_CERTREQ && t->certreqs < m->certreq_count) {
        (void)ike_cert_note_asked2(e, m->certreqs[t->certreqs++].data, out);
    } else if (type == PLD_NONCE) { /* of the exchange's initiator or responder (RFC 7296 1.2) */
        snprintf(out, TEXT_MAX, "%s", m->header.flags & PLD_FLAG_RESPONSE ? "Nr" : "Ni");
    } else {
        snprintf(out, TEXT_MAX, "%s", pld_type_name(type));
    }
    return out;
}

static void say(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d, struct ike_note *n,
                uint8_t exchange, bool response)
{
    char name[NAME_MAX_LEN];
    snprintf(name, sizeof name, "%s %s", pld_exchange_name(exchange), response ? "response" : "request");
    n->name = name;
    n->version = 2;
    n->conn_id = sa ? sa->conn_id : 0;
    n->local = d ? &d->local : &sa->local;
    n->remote = d ? &d->remote : &sa->remote;
    ike_note(e, n);
}

void v2_note_message(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d,
                     const struct pld_message *m, bool out)
{
    if (!ike_notes_wanted(e) || (!sa && !d))
        return;
    struct ike_note n = {
        .out = out, .initiator = m->header.flags & PLD_FLAG_INITIATOR, .message_id = m->header.message_id};
    struct texts *t = calloc(1, sizeof *t);
    for (unsigned i = 0; t && i < m->payload_count && n.payload_count < IKE_NOTE_PAYLOADS_MAX; i++) {
        if (m->order[i] == PLD_SK || m->order[i] == PLD_SKF)
            continue;
        n.payloads[n.payload_count] = payload_text(e, m, m->order[i], t, t->line[n.payload_count]);
        n.payload_count++;
    }
    say(e, sa, d, &n, m->header.exchange, m->header.flags & PLD_FLAG_RESPONSE);
    free(t);
}

void v2_note_clear(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d, const uint8_t *data,
                   size_t len)
{
    const char *err;
    if (!ike_notes_wanted(e))
        return;
    struct pld_message *m = calloc(1, sizeof *m);
    if (m && pld_header(data, len, &m->header, &err) == CV_OK && pld_outer(data, len, m, &err) == CV_OK)
        v2_note_message(e, sa, d, m, true);
    free(m);
}

void v2_note_plain(struct ike *e, const struct ike_sa *sa, const struct pld_header *h, uint8_t first,
                   struct slice plain)
{
    const char *err;
    if (!ike_notes_wanted(e))
        return;
    struct pld_message *m = calloc(1, sizeof *m);
    if (m) {
        m->header = *h;
        if (pld_inner(plain, first, m, &err) == CV_OK)
            v2_note_message(e, sa, NULL, m, true);
    }
    free(m);
}

void v2_note_again(struct ike *e, const struct ike_sa *sa, uint8_t exchange, bool response,
                   uint32_t message_id)
{
    struct ike_note n = {.out = true, .again = true, .initiator = sa->initiator, .message_id = message_id};
    if (ike_notes_wanted(e))
        say(e, sa, NULL, &n, exchange, response);
}
