#include "control/codec/pld_body.h"

#include "control/codec/pld_wire.h"

#include <string.h>

/* Everything that is left of the payload. */
static struct slice rest(struct buf_reader *r)
{
    struct slice s;
    return buf_slice(r, buf_left(r), &s) ? s : (struct slice){0};
}

const char *pld_read_ke(struct buf_reader *r, struct pld_message *m)
{
    if (!buf_u16(r, &m->ke.group) || !buf_skip(r, 2) || buf_left(r) == 0)
        return "KE payload too short";
    m->ke.data = rest(r);
    return NULL;
}

const char *pld_read_id(struct buf_reader *r, struct pld_id *out)
{
    struct buf_reader whole = *r;
    out->body = rest(&whole);
    if (!buf_u8(r, &out->type) || !buf_skip(r, 3) || buf_left(r) == 0)
        return "ID payload too short";
    out->data = rest(r);
    if ((out->type == PLD_ID_IPV4 && out->data.n != 4) || (out->type == PLD_ID_IPV6 && out->data.n != 16))
        return "ID payload: address of a wrong length";
    return NULL;
}

const char *pld_read_cert(struct buf_reader *r, struct pld_message *m)
{
    if (m->cert_count == PLD_MAX_CERTS)
        return "too many CERT payloads";
    if (!buf_u8(r, &m->certs[m->cert_count].encoding) || buf_left(r) == 0)
        return "CERT payload too short";
    m->certs[m->cert_count++].data = rest(r);
    return NULL;
}

const char *pld_read_certreq(struct buf_reader *r, struct pld_message *m)
{
    if (m->certreq_count == PLD_MAX_CERTS)
        return "too many CERTREQ payloads";
    if (!buf_u8(r, &m->certreqs[m->certreq_count].encoding))
        return "CERTREQ payload too short";
    m->certreqs[m->certreq_count++].data = rest(r); /* may be empty: any authority */
    return NULL;
}

const char *pld_read_auth(struct buf_reader *r, struct pld_message *m)
{
    if (!buf_u8(r, &m->auth.method) || !buf_skip(r, 3) || buf_left(r) == 0)
        return "AUTH payload too short";
    m->auth.data = rest(r);
    return NULL;
}

const char *pld_read_nonce(struct buf_reader *r, struct pld_message *m)
{
    size_t n = buf_left(r);
    if (n < PLD_NONCE_MIN || n > PLD_NONCE_MAX) /* RFC 7296 3.9 */
        return "nonce length not in 16 to 256";
    m->nonce = rest(r);
    return NULL;
}

/* Notifications whose data somebody here reads: how long it may be. */
static const struct {
    uint16_t type, min, max;
} notify_data[] = {
    {PLD_N_UNSUPPORTED_CRITICAL_PAYLOAD, 1, 1},
    {PLD_N_INVALID_KE_PAYLOAD, 2, 2},
    {PLD_N_SET_WINDOW_SIZE, 4, 4},
    {PLD_N_NAT_DETECTION_SOURCE_IP, 20, 20},
    {PLD_N_NAT_DETECTION_DESTINATION_IP, 20, 20},
    {PLD_N_COOKIE, 1, 64}, /* RFC 7296 2.6 */
    {PLD_N_SIGNATURE_HASH_ALGORITHMS, 2, UINT16_MAX},
};

static const char *check_notify(const struct pld_notify *n)
{
    for (size_t i = 0; i < sizeof notify_data / sizeof *notify_data; i++)
        if (n->type == notify_data[i].type &&
            (n->data.n < notify_data[i].min || n->data.n > notify_data[i].max))
            return "NOTIFY payload: data of a wrong length";

    /* RFC 7296 3.10: these name a child SA, which has a protocol and a 4-octet SPI */
    bool names_child = n->type == PLD_N_REKEY_SA || n->type == PLD_N_CHILD_SA_NOT_FOUND;
    bool child = (n->proto == PLD_PROTO_ESP || n->proto == PLD_PROTO_AH) && n->spi.n == PLD_SPI_CHILD;
    return names_child && !child ? "NOTIFY payload: protocol or SPI wrong" : NULL;
}

const char *pld_read_notify(struct buf_reader *r, struct pld_message *m)
{
    uint8_t spi_len;
    if (m->notify_count == PLD_MAX_NOTIFIES)
        return "too many NOTIFY payloads";
    struct pld_notify *n = &m->notifies[m->notify_count];
    if (!buf_u8(r, &n->proto) || !buf_u8(r, &spi_len) || !buf_u16(r, &n->type) ||
        !buf_slice(r, spi_len, &n->spi))
        return "NOTIFY payload too short";
    n->data = rest(r);
    const char *bad = check_notify(n);
    if (!bad)
        m->notify_count++;
    return bad;
}

const char *pld_read_delete(struct buf_reader *r, struct pld_message *m)
{
    if (m->delete_count == PLD_MAX_DELETES)
        return "too many DELETE payloads";
    struct pld_delete *d = &m->deletes[m->delete_count];
    if (!buf_u8(r, &d->proto) || !buf_u8(r, &d->spi_len) || !buf_u16(r, &d->count))
        return "DELETE payload too short";
    bool ike = d->proto == PLD_PROTO_IKE, child = d->proto == PLD_PROTO_ESP || d->proto == PLD_PROTO_AH;
    if (!ike && !child)
        return "DELETE payload: unknown protocol";
    if (d->spi_len != (ike ? 0 : PLD_SPI_CHILD) || (ike && d->count != 0)) /* RFC 7296 3.11 */
        return "DELETE payload: SPI length wrong";
    if (d->count > PLD_MAX_DELETE_SPIS)
        return "too many SPIs in a DELETE payload";
    if (!buf_slice(r, (size_t)d->count * d->spi_len, &d->spis) || buf_left(r) != 0)
        return "DELETE payload: length and number of SPIs disagree";
    m->delete_count++;
    return NULL;
}

const char *pld_read_vendor(struct buf_reader *r, struct pld_message *m)
{
    if (m->vendor_count == PLD_MAX_VENDORS)
        return "too many VENDOR payloads";
    m->vendors[m->vendor_count++] = rest(r);
    return NULL;
}

/* One selector; *known tells whether its type is one that we have a form for (RFC 7296 3.13.1). */
static const char *read_selector(struct buf_reader *r, struct ts *t, bool *known)
{
    uint8_t type;
    uint16_t length;
    struct buf_reader body;
    *t = (struct ts){0};
    if (!buf_u8(r, &type) || !buf_u8(r, &t->proto) || !buf_u16(r, &length) || length < 4 ||
        !buf_sub(r, length - 4u, &body))
        return "traffic selector length wrong";
    *known = type == PLD_TS_IPV4 || type == PLD_TS_IPV6;
    if (!*known)
        return NULL;
    size_t n = type == PLD_TS_IPV4 ? 4 : 16;
    t->family = type == PLD_TS_IPV4 ? IP_V4 : IP_V6;
    if (length != PLD_TS_FIXED + 2 * n || !buf_u16(&body, &t->port_lo) || !buf_u16(&body, &t->port_hi) ||
        !buf_bytes(&body, t->lo, n) || !buf_bytes(&body, t->hi, n))
        return "traffic selector length wrong";
    return ts_valid(t) ? NULL : "traffic selector: range ends before it starts";
}

const char *pld_read_ts(struct buf_reader *r, struct pld_ts_list *out)
{
    uint8_t count;
    out->count = 0;
    if (!buf_u8(r, &count) || !buf_skip(r, 3))
        return "TS payload too short";
    if (count == 0)
        return "TS payload without selectors";
    if (count > PLD_MAX_TS)
        return "too many traffic selectors";
    for (unsigned i = 0; i < count; i++) {
        bool known = false;
        const char *bad = read_selector(r, &out->ts[out->count], &known);
        if (bad)
            return bad;
        /* leaving out what we do not understand is a narrowing, which the responder may always do */
        out->count += known;
    }
    return buf_left(r) ? "octets left over after the traffic selectors" : NULL;
}

const char *pld_read_cp(struct buf_reader *r, struct pld_message *m)
{
    if (buf_left(r) < 4) /* RFC 7296 3.15: type and reserved */
        return "CP payload too short";
    m->cp = rest(r);
    return NULL;
}

const char *pld_read_eap(struct buf_reader *r, struct pld_message *m)
{
    struct buf_reader header = *r;
    uint16_t length;
    /* RFC 3748 4: code, identifier, length of the whole EAP packet */
    if (!buf_skip(&header, 2) || !buf_u16(&header, &length) || length != buf_left(r))
        return "EAP payload: length wrong";
    m->eap = rest(r);
    return NULL;
}
