#include "control/codec/pld1_body.h"

#include "control/codec/pld1_wire.h"

#include <string.h>

enum { DPD_DATA_LEN = 4, HASH_MIN = 16, HASH_MAX = 64 };

/* Everything that is left of the payload. */
static struct slice rest(struct buf_reader *r)
{
    struct slice s;
    return buf_slice(r, buf_left(r), &s) ? s : (struct slice){0};
}

static const char *too_short(struct pld1_message *m)
{
    return pld1_wrong(m, PLD1_FAULT_LENGTH, "payload too short");
}

static const char *too_many(struct pld1_message *m)
{
    return pld1_wrong(m, PLD1_FAULT_LIMIT, "too many payloads of a type");
}

const char *pld1_read_data(struct buf_reader *r, struct pld1_message *m, size_t min, size_t max,
                           struct slice *out)
{
    if (buf_left(r) < min || buf_left(r) > max)
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "payload data too short or too long");
    *out = rest(r);
    return NULL;
}

const char *pld1_read_nonce(struct buf_reader *r, struct pld1_message *m)
{
    return pld1_read_data(r, m, PLD1_NONCE_MIN, PLD1_NONCE_MAX, &m->nonce);
}

/* RFC 2407 4.6.2: octets of data per ID type; variable ones have at least one. 0: no such type. */
static size_t id_length(uint8_t type, bool *fixed)
{
    static const uint8_t lengths[] = {
        [PLD1_ID_IPV4] = 4,  [PLD1_ID_FQDN] = 1,         [PLD1_ID_USER_FQDN] = 1,  [PLD1_ID_IPV4_SUBNET] = 8,
        [PLD1_ID_IPV6] = 16, [PLD1_ID_IPV6_SUBNET] = 32, [PLD1_ID_IPV4_RANGE] = 8, [PLD1_ID_IPV6_RANGE] = 32,
        [PLD1_ID_DN] = 1,    [PLD1_ID_GN] = 1,           [PLD1_ID_KEY] = 1};
    size_t n = type < sizeof lengths ? lengths[type] : 0;
    *fixed = n > 1;
    return n;
}

const char *pld1_read_id(struct buf_reader *r, struct pld1_message *m)
{
    bool fixed;
    if (m->id_count == PLD1_MAX_IDS)
        return too_many(m);
    struct pld1_id *id = &m->ids[m->id_count];
    struct buf_reader whole = *r;
    id->body = rest(&whole);
    if (!buf_u8(r, &id->type) || !buf_u8(r, &id->proto) || !buf_u16(r, &id->port) || buf_left(r) == 0)
        return too_short(m);
    id->data = rest(r);
    size_t n = id_length(id->type, &fixed);
    if (n == 0)
        return pld1_wrong(m, PLD1_FAULT_ID, "unknown ID type");
    if (fixed && id->data.n != n)
        return pld1_wrong(m, PLD1_FAULT_ID, "ID data of a wrong length");
    m->id_count++;
    return NULL;
}

const char *pld1_read_cert(struct buf_reader *r, struct pld1_message *m)
{
    if (m->cert_count == PLD1_MAX_CERTS)
        return too_many(m);
    if (!buf_u8(r, &m->certs[m->cert_count].encoding) || buf_left(r) == 0)
        return too_short(m);
    m->certs[m->cert_count++].data = rest(r);
    return NULL;
}

const char *pld1_read_certreq(struct buf_reader *r, struct pld1_message *m)
{
    if (m->certreq_count == PLD1_MAX_CERTREQS)
        return too_many(m);
    if (!buf_u8(r, &m->certreqs[m->certreq_count].encoding))
        return too_short(m);
    m->certreqs[m->certreq_count++].data = rest(r); /* may be empty: any authority */
    return NULL;
}

static const char *check_doi(uint32_t doi, struct pld1_message *m)
{
    bool known = doi == PLD1_DOI_ISAKMP || doi == PLD1_DOI_IPSEC;
    return known ? NULL : pld1_wrong(m, PLD1_FAULT_DOI, "DOI is not IPsec");
}

/* RFC 3706 5: both cookies as SPI, a sequence number of four octets. */
static const char *check_dpd(const struct pld1_notify *n, struct pld1_message *m)
{
    if (n->type != PLD1_N_R_U_THERE && n->type != PLD1_N_R_U_THERE_ACK)
        return NULL;
    if (n->proto != PLD1_PROTO_ISAKMP || n->spi.n != PLD1_SPI_ISAKMP || n->data.n != DPD_DATA_LEN)
        return pld1_wrong(m, PLD1_FAULT_VALUE, "R-U-THERE: protocol, SPI or sequence number wrong");
    return NULL;
}

const char *pld1_read_notify(struct buf_reader *r, struct pld1_message *m)
{
    uint8_t spi_len;
    if (m->notify_count == PLD1_MAX_NOTIFIES)
        return too_many(m);
    struct pld1_notify *n = &m->notifies[m->notify_count];
    if (!buf_u32(r, &n->doi) || !buf_u8(r, &n->proto) || !buf_u8(r, &spi_len) || !buf_u16(r, &n->type))
        return too_short(m);
    if (spi_len > PLD1_SPI_ISAKMP)
        return pld1_wrong(m, PLD1_FAULT_SPI, "SPI too long");
    if (!buf_slice(r, spi_len, &n->spi))
        return too_short(m);
    n->data = rest(r);
    const char *bad = check_doi(n->doi, m);
    if (!bad)
        bad = check_dpd(n, m);
    if (!bad)
        m->notify_count++;
    return bad;
}

static bool delete_spi_right(const struct pld1_delete *d)
{
    switch (d->proto) {
    case PLD1_PROTO_ISAKMP:
        return d->spi_len == PLD1_SPI_ISAKMP;
    case PLD1_PROTO_AH:
    case PLD1_PROTO_ESP:
        return d->spi_len == PLD1_SPI_CHILD;
    default: /* IPCOMP */
        return d->spi_len == PLD1_SPI_CHILD || d->spi_len == PLD1_SPI_CPI;
    }
}

const char *pld1_read_delete(struct buf_reader *r, struct pld1_message *m)
{
    uint32_t doi;
    if (m->delete_count == PLD1_MAX_DELETES)
        return too_many(m);
    struct pld1_delete *d = &m->deletes[m->delete_count];
    if (!buf_u32(r, &doi) || !buf_u8(r, &d->proto) || !buf_u8(r, &d->spi_len) || !buf_u16(r, &d->count))
        return too_short(m);
    const char *bad = check_doi(doi, m);
    if (bad)
        return bad;
    if (d->proto < PLD1_PROTO_ISAKMP || d->proto > PLD1_PROTO_IPCOMP)
        return pld1_wrong(m, PLD1_FAULT_PROTOCOL, "DELETE payload: unknown protocol");
    if (!delete_spi_right(d))
        return pld1_wrong(m, PLD1_FAULT_SPI, "DELETE payload: SPI length wrong");
    if (d->count == 0 || d->count > PLD1_MAX_DELETE_SPIS)
        return pld1_wrong(m, PLD1_FAULT_LIMIT, "DELETE payload: no SPIs or too many");
    if (!buf_slice(r, (size_t)d->count * d->spi_len, &d->spis) || buf_left(r) != 0)
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "DELETE payload: length and number of SPIs disagree");
    m->delete_count++;
    return NULL;
}

const char *pld1_read_vendor(struct buf_reader *r, struct pld1_message *m)
{
    if (m->vendor_count == PLD1_MAX_VENDORS)
        return too_many(m);
    m->vendors[m->vendor_count++] = rest(r);
    return NULL;
}

const char *pld1_read_nat_d(struct buf_reader *r, struct pld1_message *m)
{
    if (m->nat_d_count == PLD1_MAX_NAT_D)
        return too_many(m);
    const char *bad = pld1_read_data(r, m, HASH_MIN, HASH_MAX, &m->nat_d[m->nat_d_count]);
    m->nat_d_count += !bad;
    return bad;
}

const char *pld1_read_nat_oa(struct buf_reader *r, struct pld1_message *m)
{
    uint8_t type, reserved[3], b[16];
    if (m->nat_oa_count == PLD1_MAX_NAT_OA)
        return too_many(m);
    if (!buf_u8(r, &type) || !buf_bytes(r, reserved, sizeof reserved))
        return too_short(m);
    if (reserved[0] | reserved[1] | reserved[2])
        return pld1_wrong(m, PLD1_FAULT_RESERVED, "reserved octets not zero in NAT-OA");
    size_t n = type == PLD1_ID_IPV4 ? 4 : type == PLD1_ID_IPV6 ? 16 : 0; /* RFC 3947 5.2 */
    if (n == 0 || buf_left(r) != n || !buf_bytes(r, b, n))
        return pld1_wrong(m, PLD1_FAULT_ID, "NAT-OA: no address, or of a wrong length");
    m->nat_oa[m->nat_oa_count++] = n == 4 ? ip_addr_v4(b) : ip_addr_v6(b);
    return NULL;
}

/* Cisco: message number, fragment number from 1, flags, a piece of the message. */
const char *pld1_read_fragment(struct buf_reader *r, struct pld1_message *m)
{
    uint8_t flags;
    if (!buf_u16(r, &m->fragment.id) || !buf_u8(r, &m->fragment.number) || !buf_u8(r, &flags) ||
        buf_left(r) == 0)
        return too_short(m);
    if (m->fragment.number == 0)
        return pld1_wrong(m, PLD1_FAULT_VALUE, "fragment number is zero");
    m->fragment.last = flags & PLD1_FRAGMENT_LAST;
    m->fragment.data = rest(r);
    return NULL;
}

/* ---- IDs as traffic selectors ---------------------------------------------------------------------------- */
static bool subnet(uint8_t family, const uint8_t *b, size_t n, struct ts *t)
{
    struct ip_addr addr = n == 4 ? ip_addr_v4(b) : ip_addr_v6(b),
                   mask = n == 4 ? ip_addr_v4(b + n) : ip_addr_v6(b + n);
    struct ip_prefix p;
    unsigned len;
    if (!ip_mask_len(&mask, &len) || !ip_prefix_make(&addr, len, &p))
        return false;
    *t = ts_from_prefix(&p, 0, 0, UINT16_MAX);
    return t->family == family;
}

static bool addresses(const struct pld1_id *id, struct ts *t)
{
    bool v4 = id->type == PLD1_ID_IPV4 || id->type == PLD1_ID_IPV4_SUBNET || id->type == PLD1_ID_IPV4_RANGE;
    size_t n = v4 ? 4 : 16;
    t->family = v4 ? IP_V4 : IP_V6;
    struct buf_reader r = buf_reader_init(id->data.p, id->data.n), again = r;
    switch (id->type) {
    case PLD1_ID_IPV4:
    case PLD1_ID_IPV6:
        return id->data.n == n && buf_bytes(&r, t->lo, n) && buf_bytes(&again, t->hi, n);
    case PLD1_ID_IPV4_SUBNET:
    case PLD1_ID_IPV6_SUBNET:
        return id->data.n == 2 * n && subnet(t->family, id->data.p, n, t);
    case PLD1_ID_IPV4_RANGE:
    case PLD1_ID_IPV6_RANGE:
        return id->data.n == 2 * n && buf_bytes(&r, t->lo, n) && buf_bytes(&r, t->hi, n);
    default:
        return false;
    }
}

cv_result pld1_id_selector(const struct pld1_id *id, struct ts *out)
{
    struct ts t = {0};
    if (!addresses(id, &t))
        return CV_EINVAL;
    t.proto = id->proto;
    t.port_lo = id->port;
    t.port_hi = id->port ? id->port : UINT16_MAX; /* RFC 2407 4.6.2: zero means any */
    if (!ts_valid(&t))
        return CV_EINVAL;
    *out = t;
    return CV_OK;
}
