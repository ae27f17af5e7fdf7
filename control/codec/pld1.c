#include "control/codec/pld1.h"

#include "control/codec/pld1_body.h"
#include "control/codec/pld1_wire.h"

#include <string.h>

enum { IKEV2_TYPE_FIRST = 33, IKEV2_TYPE_LAST = 54, HASH_MAX = 64, DATA_MAX = 65535 };

static cv_result refuse(cv_result r, const char *why, const char **err)
{
    if (err)
        *err = why;
    return r;
}

const char *pld1_wrong(struct pld1_message *m, enum pld1_fault fault, const char *why)
{
    m->fault = fault;
    return why;
}

static bool known_exchange(uint8_t exchange)
{
    return exchange == PLD1_MAIN || exchange == PLD1_AGGRESSIVE || exchange == PLD1_INFORMATIONAL ||
           exchange == PLD1_QUICK;
}

cv_result pld1_header(const uint8_t *datagram, size_t len, struct pld_header *out, const char **err)
{
    static const uint8_t zero[PLD1_COOKIE_LEN];
    struct buf_reader r = buf_reader_init(datagram, len);
    struct pld_header h = {0};
    (void)refuse(CV_OK, NULL, err);
    if (!buf_bytes(&r, h.spi_i, PLD1_COOKIE_LEN) || !buf_bytes(&r, h.spi_r, PLD1_COOKIE_LEN) ||
        !buf_u8(&r, &h.next_payload) || !buf_u8(&r, &h.version) || !buf_u8(&r, &h.exchange) ||
        !buf_u8(&r, &h.flags) || !buf_u32(&r, &h.message_id) || !buf_u32(&r, &h.length))
        return refuse(CV_ESHORT, "shorter than the ISAKMP header", err);
    *out = h;
    if ((h.version & 0xf0) != PLD1_VERSION) /* RFC 2408 3.1: a higher minor version is no reason to refuse */
        return refuse(CV_EVERSION, "major version is not 1", err);
    if (h.length != len)
        return refuse(CV_EPARSE, "message length differs from the datagram's", err);
    if (memcmp(h.spi_i, zero, PLD1_COOKIE_LEN) == 0)
        return refuse(CV_EPARSE, "initiator cookie is zero", err);
    if (!known_exchange(h.exchange))
        return refuse(CV_EUNSUP, "unknown exchange type", err);
    if (h.flags & PLD1_FLAG_AUTH_ONLY)
        return refuse(CV_EUNSUP, "authentication-only flag", err);
    return CV_OK;
}

static bool may_repeat(uint8_t type)
{
    return type == PLD1_NOTIFY || type == PLD1_DELETE || type == PLD1_VENDOR || type == PLD1_CERT ||
           type == PLD1_CERTREQ || type == PLD1_ID || type == PLD1_NAT_D || type == PLD1_NAT_OA ||
           type == PLD1_NAT_D_DRAFT || type == PLD1_NAT_OA_DRAFT;
}

static const char *read_body(uint8_t type, struct buf_reader *r, struct pld1_message *m)
{
    switch (type) {
    case PLD1_SA:
        return pld1_read_sa(r, m);
    case PLD1_KE:
        return pld1_read_data(r, m, 1, DATA_MAX, &m->ke);
    case PLD1_ID:
        return pld1_read_id(r, m);
    case PLD1_CERT:
        return pld1_read_cert(r, m);
    case PLD1_CERTREQ:
        return pld1_read_certreq(r, m);
    case PLD1_HASH:
        return pld1_read_data(r, m, 1, HASH_MAX, &m->hash);
    case PLD1_SIG:
        return pld1_read_data(r, m, 1, DATA_MAX, &m->sig);
    case PLD1_NONCE:
        return pld1_read_nonce(r, m);
    case PLD1_NOTIFY:
        return pld1_read_notify(r, m);
    case PLD1_DELETE:
        return pld1_read_delete(r, m);
    case PLD1_VENDOR:
        return pld1_read_vendor(r, m);
    case PLD1_NAT_D:
    case PLD1_NAT_D_DRAFT:
        return pld1_read_nat_d(r, m);
    case PLD1_NAT_OA:
    case PLD1_NAT_OA_DRAFT:
        return pld1_read_nat_oa(r, m);
    case PLD1_FRAGMENT:
        return pld1_read_fragment(r, m);
    default:
        return pld1_wrong(m, PLD1_FAULT_TYPE,
                          type >= IKEV2_TYPE_FIRST && type <= IKEV2_TYPE_LAST ? "payload type of IKEv2"
                                                                              : "unknown payload type");
    }
}

static const char *note(uint8_t type, struct pld1_message *m)
{
    if (m->payload_count == PLD1_MAX_PAYLOADS)
        return pld1_wrong(m, PLD1_FAULT_LIMIT, "too many payloads");
    for (unsigned i = 0; i < m->payload_count; i++)
        if (m->order[i] == type && !may_repeat(type))
            return pld1_wrong(m, PLD1_FAULT_REPEATED, "a payload stands twice that may stand once");
    m->order[m->payload_count++] = type;
    m->nat_draft |= type == PLD1_NAT_D_DRAFT || type == PLD1_NAT_OA_DRAFT;
    return NULL;
}

/* Reads one payload of `*type` and leaves the type of the next one there. The reserved octet is looked at before the
 * length: with a wrong key both are random, and it is the reserved octet that says so. */
static const char *read_payload(struct buf_reader *r, uint8_t *type, struct pld1_message *m)
{
    uint8_t this = *type, reserved;
    uint16_t length;
    struct buf_reader body;
    m->fault_payload = this;
    if (!buf_u8(r, type) || !buf_u8(r, &reserved) || !buf_u16(r, &length))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "payload header cut off");
    if (reserved != 0)
        return pld1_wrong(m, PLD1_FAULT_RESERVED, "reserved octet not zero");
    if (length < PLD_GENERIC_LEN || !buf_sub(r, length - (size_t)PLD_GENERIC_LEN, &body))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "payload length wrong");
    const char *bad = note(this, m);
    return bad ? bad : read_body(this, &body, m);
}

static const char *read_chain(struct buf_reader *r, struct pld1_message *m)
{
    uint8_t type = m->header.next_payload;
    size_t hash_end = 0;
    if (type == PLD1_NONE)
        return pld1_wrong(m, PLD1_FAULT_TYPE, "message without payloads");
    while (type != PLD1_NONE) {
        bool is_hash = type == PLD1_HASH;
        const char *bad = read_payload(r, &type, m);
        if (bad)
            return bad;
        if (is_hash)
            hash_end = r->off;
    }
    m->fault_payload = PLD1_NONE;
    if (m->fragment.number && m->payload_count > 1)
        return pld1_wrong(m, PLD1_FAULT_VALUE, "a fragment among other payloads");
    if (hash_end)
        m->after_hash = (struct slice){r->p + hash_end, r->off - hash_end};
    return NULL;
}

static void forget(struct pld1_message *m)
{
    struct pld_header header = m->header;
    memset(m, 0, sizeof *m);
    m->header = header;
}

/* libreswan rounds messages up to four octets, also those in the clear. */
static bool only_alignment(struct buf_reader *r)
{
    uint8_t pad = 0;
    if (buf_left(r) > 3)
        return false;
    while (buf_left(r) > 0 && pad == 0)
        (void)!buf_u8(r, &pad);
    return buf_left(r) == 0 && pad == 0;
}

cv_result pld1_outer(const uint8_t *datagram, size_t len, struct pld1_message *m, const char **err)
{
    struct buf_reader r = buf_reader_init(datagram, len);
    (void)refuse(CV_OK, NULL, err);
    forget(m);
    if (m->header.flags & PLD1_FLAG_ENCRYPTION)
        return refuse(CV_EINVAL, "message is encrypted", err);
    const char *bad = NULL;
    if (m->header.length != len || !buf_skip(&r, PLD_HEADER_LEN))
        bad = pld1_wrong(m, PLD1_FAULT_LENGTH, "message length differs from the datagram's");
    if (!bad)
        bad = read_chain(&r, m);
    if (!bad && !only_alignment(&r))
        bad = pld1_wrong(m, PLD1_FAULT_LENGTH, "octets left over after the last payload");
    return bad ? refuse(CV_EPARSE, bad, err) : CV_OK;
}

cv_result pld1_inner(struct slice plain, struct pld1_message *m, const char **err)
{
    struct buf_reader r = buf_reader_init(plain.p, plain.n);
    (void)refuse(CV_OK, NULL, err);
    forget(m);
    const char *bad = read_chain(&r, m);
    if (!bad && buf_left(&r) > PLD1_PADDING_MAX)
        bad = pld1_wrong(m, PLD1_FAULT_LENGTH, "more padding than any cipher needs");
    if (!bad && !buf_slice(&r, buf_left(&r), &m->padding))
        bad = pld1_wrong(m, PLD1_FAULT_LENGTH, "payload length wrong");
    return bad ? refuse(CV_EPARSE, bad, err) : CV_OK;
}

const struct pld1_notify *pld1_find_notify(const struct pld1_message *m, uint16_t type)
{
    for (unsigned i = 0; i < m->notify_count; i++)
        if (m->notifies[i].type == type)
            return &m->notifies[i];
    return NULL;
}

const struct pld1_notify *pld1_find_error(const struct pld1_message *m)
{
    for (unsigned i = 0; i < m->notify_count; i++)
        if (m->notifies[i].type < PLD1_N_STATUS_FIRST)
            return &m->notifies[i];
    return NULL;
}
