#include "control/codec/pld.h"

#include "control/codec/pld_body.h"
#include "control/codec/pld_wire.h"

#include <string.h>

enum { IKEV1_TYPE_MAX = 32, SKF_FIXED = 4 };

static cv_result refuse(cv_result r, const char *why, const char **err)
{
    if (err)
        *err = why;
    return r;
}

cv_result pld_header(const uint8_t *datagram, size_t len, struct pld_header *out, const char **err)
{
    static const uint8_t zero[PLD_SPI_LEN];
    struct buf_reader r = buf_reader_init(datagram, len);
    struct pld_header h = {0};
    (void)refuse(CV_OK, NULL, err);
    if (!buf_bytes(&r, h.spi_i, PLD_SPI_LEN) || !buf_bytes(&r, h.spi_r, PLD_SPI_LEN) ||
        !buf_u8(&r, &h.next_payload) || !buf_u8(&r, &h.version) || !buf_u8(&r, &h.exchange) ||
        !buf_u8(&r, &h.flags) || !buf_u32(&r, &h.message_id) || !buf_u32(&r, &h.length))
        return refuse(CV_ESHORT, "shorter than the IKE header", err);
    *out = h;
    if ((h.version & 0xf0) != PLD_VERSION_2) /* RFC 7296 2.5: the minor version is ignored */
        return refuse(CV_EVERSION, "major version is not 2", err);
    if (h.length != len)
        return refuse(CV_EPARSE, "message length differs from the datagram's", err);
    if (memcmp(h.spi_i, zero, PLD_SPI_LEN) == 0) /* RFC 7296 3.1 */
        return refuse(CV_EPARSE, "initiator SPI is zero", err);
    if (h.exchange < PLD_IKE_SA_INIT || h.exchange > PLD_INFORMATIONAL)
        return refuse(CV_EUNSUP, "unknown exchange type", err);
    return CV_OK;
}

static bool known(uint8_t type)
{
    return (type >= PLD_SA && type <= PLD_EAP) || type == PLD_SKF;
}

static bool may_repeat(uint8_t type)
{
    return type == PLD_NOTIFY || type == PLD_DELETE || type == PLD_VENDOR || type == PLD_CERT ||
           type == PLD_CERTREQ;
}

static const char *read_body(uint8_t type, struct buf_reader *r, struct pld_message *m)
{
    switch (type) {
    case PLD_SA:
        return pld_read_sa(r, &m->sa);
    case PLD_KE:
        return pld_read_ke(r, m);
    case PLD_IDI:
        return pld_read_id(r, &m->idi);
    case PLD_IDR:
        return pld_read_id(r, &m->idr);
    case PLD_CERT:
        return pld_read_cert(r, m);
    case PLD_CERTREQ:
        return pld_read_certreq(r, m);
    case PLD_AUTH:
        return pld_read_auth(r, m);
    case PLD_NONCE:
        return pld_read_nonce(r, m);
    case PLD_NOTIFY:
        return pld_read_notify(r, m);
    case PLD_DELETE:
        return pld_read_delete(r, m);
    case PLD_VENDOR:
        return pld_read_vendor(r, m);
    case PLD_TSI:
        return pld_read_ts(r, &m->tsi);
    case PLD_TSR:
        return pld_read_ts(r, &m->tsr);
    case PLD_CP:
        return pld_read_cp(r, m);
    case PLD_EAP:
        return pld_read_eap(r, m);
    default:
        return "payload type without a parser";
    }
}

/* SK and SKF: their content is ciphertext; note where it lies. */
static const char *read_encrypted(uint8_t type, uint8_t next, struct buf_reader *r, struct pld_message *m)
{
    if (type == PLD_SKF) {
        /* RFC 7383 2.5: numbers from 1 to total; only the first fragment names a payload */
        if (!buf_u16(r, &m->frag_number) || !buf_u16(r, &m->frag_total))
            return "SKF payload too short";
        if (m->frag_number == 0 || m->frag_number > m->frag_total)
            return "fragment number not in 1 to total";
        if (m->frag_number > 1 && next != PLD_NONE)
            return "a later fragment names a payload";
    }
    m->sk_next = next;
    m->sk_body = m->header.length - buf_left(r);
    return buf_left(r) ? NULL : "SK payload is empty";
}

static const char *note(uint8_t type, struct pld_message *m)
{
    if (m->payload_count == PLD_MAX_PAYLOADS)
        return "too many payloads";
    m->order[m->payload_count++] = type;
    if (!known(type))
        return NULL;
    if ((m->present & PLD_BIT(type)) && !may_repeat(type))
        return "a payload stands twice that may stand once";
    m->present |= PLD_BIT(type);
    return NULL;
}

/* Reads one payload of `*type` and leaves the type of the next one there. */
static const char *read_payload(struct buf_reader *r, bool outer, uint8_t *type, struct pld_message *m)
{
    uint8_t this = *type, flags;
    uint16_t length;
    struct buf_reader body;
    if (this <= IKEV1_TYPE_MAX)
        return "payload type of IKEv1";
    if (!buf_u8(r, type) || !buf_u8(r, &flags) || !buf_u16(r, &length) || length < PLD_GENERIC_LEN ||
        !buf_sub(r, length - (size_t)PLD_GENERIC_LEN, &body))
        return "payload length wrong";
    const char *bad = note(this, m);
    if (bad)
        return bad;
    if (!known(this)) {
        /* RFC 7296 2.5: the critical bit decides; it means nothing on a payload that we know */
        if ((flags & 0x80) && m->unknown_critical == 0)
            m->unknown_critical = this;
        return NULL;
    }
    if (this != PLD_SK && this != PLD_SKF)
        return read_body(this, &body, m);
    if (!outer)
        return "SK payload inside of SK";
    if (buf_left(r) != 0)
        return "SK payload is not the last one"; /* RFC 7296 3.14 */
    uint8_t next = *type;
    *type = PLD_NONE;
    return read_encrypted(this, next, &body, m);
}

static cv_result read_chain(struct buf_reader *r, bool outer, uint8_t type, struct pld_message *m,
                            const char **err)
{
    (void)refuse(CV_OK, NULL, err);
    while (type != PLD_NONE) {
        const char *bad = read_payload(r, outer, &type, m);
        if (bad)
            return refuse(CV_EPARSE, bad, err);
    }
    return buf_left(r) ? refuse(CV_EPARSE, "octets left over after the last payload", err) : CV_OK;
}

cv_result pld_outer(const uint8_t *datagram, size_t len, struct pld_message *m, const char **err)
{
    struct pld_header header = m->header;
    memset(m, 0, sizeof *m);
    m->header = header;
    struct buf_reader r = buf_reader_init(datagram, len);
    if (header.length != len || !buf_skip(&r, PLD_HEADER_LEN))
        return refuse(CV_EPARSE, "message length differs from the datagram's", err);
    cv_result result = read_chain(&r, true, header.next_payload, m, err);
    m->outer_count = m->payload_count;
    return result;
}

cv_result pld_inner(struct slice plain, uint8_t first, struct pld_message *m, const char **err)
{
    struct buf_reader r = buf_reader_init(plain.p, plain.n);
    return read_chain(&r, false, first, m, err);
}

const struct pld_notify *pld_find_notify(const struct pld_message *m, uint16_t type)
{
    for (unsigned i = 0; i < m->notify_count; i++)
        if (m->notifies[i].type == type)
            return &m->notifies[i];
    return NULL;
}

const struct pld_notify *pld_find_error(const struct pld_message *m)
{
    for (unsigned i = 0; i < m->notify_count; i++)
        if (m->notifies[i].type < PLD_N_STATUS_FIRST)
            return &m->notifies[i];
    return NULL;
}
