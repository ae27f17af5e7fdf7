#include "control/ikev1/v1_note.h"

#include "control/ike/ike_cert.h"
#include "control/ikev1/v1_vendor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = IKE_CERT_NOTE_MAX };

struct texts {
    char line[IKE_NOTE_PAYLOADS_MAX][TEXT_MAX];
    unsigned notifies, deletes, vendors, certs, certreqs;
};

static void notify_text(const struct pld1_notify *n, char *out)
{
    const char *name = pld1_notify_name(n->type);
    if (strcmp(name, "unknown") == 0) {
        snprintf(out, TEXT_MAX, "N(%u)", n->type);
        return;
    }
    snprintf(out, TEXT_MAX, "N(%s)", name);
    for (char *c = out; *c; c++) /* one spelling for both versions of IKE */
        if (*c == '-')
            *c = '_';
}

static const char *payload_text(const struct pld1_message *m, uint8_t type, struct texts *t, char *out)
{
    if (type == PLD1_NOTIFY && t->notifies < m->notify_count) {
        notify_text(&m->notifies[t->notifies++], out);
    } else if (type == PLD1_DELETE && t->deletes < m->delete_count) {
        uint8_t proto = m->deletes[t->deletes++].proto;
        snprintf(out, TEXT_MAX, "D(%s)",
                 proto == PLD1_PROTO_ISAKMP ? "IKE"
                 : proto == PLD1_PROTO_ESP  ? "ESP"
                 : proto == PLD1_PROTO_AH   ? "AH"
                                            : "other");
    } else if (type == PLD1_VENDOR && t->vendors < m->vendor_count) {
        snprintf(out, TEXT_MAX, "VID(%s)", v1_vendor_name(m->vendors[t->vendors++]));
    } else if (type == PLD1_CERT && t->certs < m->cert_count) {
        const unsigned i = t->certs++;
        (void)ike_cert_note(m->certs[i].encoding, m->certs[i].data, out);
    } else if (type == PLD1_CERTREQ && t->certreqs < m->certreq_count) {
        (void)ike_cert_note_asked1(m->certreqs[t->certreqs++].data, out);
    } else if (type == PLD1_NAT_D_DRAFT) {
        snprintf(out, TEXT_MAX, "NAT-D");
    } else if (type == PLD1_NAT_OA_DRAFT) {
        snprintf(out, TEXT_MAX, "NAT-OA");
    } else {
        snprintf(out, TEXT_MAX, "%s", pld1_type_name(type));
    }
    return out;
}

void v1_note_message(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d, const char *name,
                     bool out, bool initiator, const struct pld1_message *m)
{
    if (!ike_notes_wanted(e) || (!sa && !d))
        return;
    struct ike_note n = {.conn_id = sa ? sa->conn_id : 0,
                         .version = 1,
                         .initiator = initiator,
                         .out = out,
                         .name = name,
                         .message_id = m->header.message_id,
                         .local = d ? &d->local : &sa->local,
                         .remote = d ? &d->remote : &sa->remote};
    struct texts *t = calloc(1, sizeof *t);
    for (unsigned i = 0; t && i < m->payload_count && n.payload_count < IKE_NOTE_PAYLOADS_MAX; i++) {
        n.payloads[n.payload_count] = payload_text(m, m->order[i], t, t->line[n.payload_count]);
        n.payload_count++;
    }
    ike_note(e, &n);
    free(t);
}

void v1_note_own(struct ike *e, const struct ike_sa *sa, const struct ike_datagram *d, const char *name,
                 const uint8_t *clear, size_t len)
{
    if (!ike_notes_wanted(e) || len < PLD_HEADER_LEN)
        return;
    struct pld1_message *m = calloc(1, sizeof *m);
    const char *err;
    if (m && pld1_header(clear, len, &m->header, &err) == CV_OK &&
        pld1_inner((struct slice){clear + PLD_HEADER_LEN, len - PLD_HEADER_LEN}, m, &err) == CV_OK)
        v1_note_message(e, sa, d, name, true, sa && sa->initiator, m);
    free(m);
}

void v1_note_again(struct ike *e, const struct ike_sa *sa, const char *name, bool out, uint32_t message_id)
{
    if (!ike_notes_wanted(e))
        return;
    const struct ike_note n = {.conn_id = sa->conn_id,
                               .version = 1,
                               .initiator = sa->initiator == out,
                               .out = out,
                               .again = true,
                               .name = name,
                               .message_id = message_id,
                               .local = &sa->local,
                               .remote = &sa->remote};
    ike_note(e, &n);
}
