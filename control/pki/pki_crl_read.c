#include "control/pki/pki_crl_read.h"

#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_der.h"

#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_MIN = 2 + 3 + 15 }; /* octets of the shortest entry of a CRL: a serial number and a UTCTime */

static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14}, oid_reason[] = {0x55, 0x1d, 0x15},
                     oid_hold[] = {0x55, 0x1d, 0x17}, oid_invalid_since[] = {0x55, 0x1d, 0x18},
                     oid_delta[] = {0x55, 0x1d, 0x1b}, oid_idp[] = {0x55, 0x1d, 0x1c},
                     oid_akid[] = {0x55, 0x1d, 0x23};

struct reading {
    struct pki_crl *crl;
    const struct pki_cert *issuer;
    struct slice tbs;
    struct slice algorithm; /* the outer AlgorithmIdentifier */
    struct slice signature;
    struct slice entries;
    char *why;
};

static bool CV_PRINTF(2, 3) refuse(struct reading *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(r->why, PKI_TEXT_MAX, fmt, ap);
    va_end(ap);
    return false;
}

static bool same(struct slice a, struct slice b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

#define IS(oid, known) same(oid, (struct slice){known, sizeof known})

const char *pki_reason_text(unsigned reason)
{
    static const char *const text[] = {"no reason given",     "key compromise", "CA compromise",
                                       "affiliation changed", "superseded",     "cessation of operation",
                                       "certificate on hold", "unknown reason", "removed from CRL",
                                       "privilege withdrawn", "AA compromise"};
    return reason < sizeof text / sizeof text[0] ? text[reason] : "unknown reason";
}

/* ---- extensions ----------------------------------------------------------------------------------------------------- */
struct extension {
    struct slice oid, value;
    bool critical;
};

static bool extension_next(struct buf_reader *in, struct extension *out)
{
    struct pki_tlv one, part;
    if (!pki_der_take(in, PKI_DER_SEQUENCE, &one))
        return false;
    struct buf_reader r = buf_reader_init(one.body.p, one.body.n);
    *out = (struct extension){0};
    if (!pki_der_take(&r, PKI_DER_OID, &part))
        return false;
    out->oid = part.body;
    if (pki_der_peek(&r) == PKI_DER_BOOLEAN) {
        if (!pki_der_next(&r, &part) || part.body.n != 1)
            return false;
        out->critical = part.body.p[0] != 0;
    }
    if (!pki_der_take(&r, PKI_DER_OCTET_STRING, &part) || buf_left(&r))
        return false;
    out->value = part.body;
    return true;
}

/* DistributionPointName: only fullName [0] is of use. */
static bool idp_point(struct reading *rd, struct slice body)
{
    struct buf_reader r = buf_reader_init(body.p, body.n);
    struct pki_tlv name;
    if (!pki_der_next(&r, &name) || buf_left(&r))
        return refuse(rd, "its issuing distribution point is malformed");
    if (name.tag != (PKI_DER_CONTEXT | PKI_DER_CONSTRUCTED | 0))
        return refuse(rd, "its distribution point is named relative to another issuer");
    rd->crl->has_point = true;
    rd->crl->point = name.body;
    return true;
}

/* IssuingDistributionPoint, RFC 5280 5.2.5. */
static bool idp_read(struct reading *rd, struct slice value)
{
    struct buf_reader outer = buf_reader_init(value.p, value.n);
    struct pki_tlv seq, part;
    if (!pki_der_take(&outer, PKI_DER_SEQUENCE, &seq) || buf_left(&outer))
        return refuse(rd, "its issuing distribution point is malformed");
    struct buf_reader r = buf_reader_init(seq.body.p, seq.body.n);
    while (buf_left(&r)) {
        if (!pki_der_next(&r, &part))
            return refuse(rd, "its issuing distribution point is malformed");
        bool set = part.body.n == 1 && part.body.p[0] != 0;
        switch (part.tag) {
        case PKI_DER_CONTEXT | PKI_DER_CONSTRUCTED | 0:
            if (!idp_point(rd, part.body))
                return false;
            break;
        case PKI_DER_CONTEXT | 1:
            rd->crl->only_user = set;
            break;
        case PKI_DER_CONTEXT | 2:
            rd->crl->only_ca = set;
            break;
        case PKI_DER_CONTEXT | 3:
            return refuse(rd, "it tells of some revocation reasons only");
        case PKI_DER_CONTEXT | 4:
            if (set)
                return refuse(rd, "it is an indirect CRL");
            break;
        case PKI_DER_CONTEXT | 5:
            if (set)
                return refuse(rd, "it is for attribute certificates");
            break;
        default:
            return refuse(rd, "its issuing distribution point is malformed");
        }
    }
    return true;
}

static bool crl_extensions(struct reading *rd, struct slice body)
{
    struct buf_reader outer = buf_reader_init(body.p, body.n);
    struct pki_tlv seq;
    struct extension x;
    if (!pki_der_take(&outer, PKI_DER_SEQUENCE, &seq) || buf_left(&outer))
        return refuse(rd, "its extensions are malformed");
    struct buf_reader r = buf_reader_init(seq.body.p, seq.body.n);
    bool have_idp = false;
    while (buf_left(&r)) {
        if (!extension_next(&r, &x))
            return refuse(rd, "its extensions are malformed");
        if (IS(x.oid, oid_delta))
            return refuse(rd, "it is a delta CRL");
        if (IS(x.oid, oid_idp)) {
            if (have_idp || !idp_read(rd, x.value))
                return have_idp ? refuse(rd, "it has two issuing distribution points") : false;
            have_idp = true;
        } else if (x.critical && !IS(x.oid, oid_akid) && !IS(x.oid, oid_crl_number)) {
            return refuse(rd, "it has a critical extension that is not known here");
        }
    }
    return true;
}

/* ---- entries --------------------------------------------------------------------------------------------------------- */
struct entry {
    struct slice serial; /* without leading zeros, as struct pki_cert has it */
    struct slice extensions;
};

static struct slice without_zeros(struct slice s)
{
    while (s.n > 1 && s.p[0] == 0)
        s = (struct slice){s.p + 1, s.n - 1};
    return s;
}

static bool entry_read(struct slice body, struct entry *out)
{
    struct buf_reader r = buf_reader_init(body.p, body.n);
    struct pki_tlv part;
    int64_t at = 0;
    *out = (struct entry){0};
    if (!pki_der_take(&r, PKI_DER_INTEGER, &part) || part.body.n == 0)
        return false;
    out->serial = without_zeros(part.body);
    if (!pki_der_next(&r, &part) || !pki_der_time(&part, &at))
        return false;
    if (buf_left(&r)) {
        if (!pki_der_take(&r, PKI_DER_SEQUENCE, &part) || buf_left(&r))
            return false;
        out->extensions = part.body;
    }
    return true;
}

/* RFC 5280 5.3: an entry with a critical extension that is not known spoils the whole CRL. */
static bool entry_allowed(const struct entry *e)
{
    struct buf_reader r = buf_reader_init(e->extensions.p, e->extensions.n);
    struct extension x;
    while (buf_left(&r)) {
        if (!extension_next(&r, &x))
            return false;
        if (x.critical && !IS(x.oid, oid_reason) && !IS(x.oid, oid_invalid_since) && !IS(x.oid, oid_hold))
            return false;
    }
    return true;
}

static unsigned entry_reason(const struct entry *e)
{
    struct buf_reader r = buf_reader_init(e->extensions.p, e->extensions.n);
    struct extension x;
    struct pki_tlv value;
    while (buf_left(&r) && extension_next(&r, &x)) {
        struct buf_reader v = buf_reader_init(x.value.p, x.value.n);
        if (IS(x.oid, oid_reason) && pki_der_take(&v, PKI_DER_ENUMERATED, &value) && value.body.n == 1)
            return value.body.p[0];
    }
    return 0;
}

/* FNV-1a: the serial numbers come signed by the CA, which has no need to slow its own users down. */
static size_t serial_slot(struct slice serial, size_t slot_count)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < serial.n; i++)
        h = (h ^ serial.p[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32) & (slot_count - 1);
}

static bool entries_index(struct reading *rd)
{
    struct pki_crl *c = rd->crl;
    struct buf_reader r = buf_reader_init(rd->entries.p, rd->entries.n);
    struct pki_tlv one;
    struct entry e;
    c->slot_count = 16;
    while (c->slot_count < rd->entries.n / ENTRY_MIN * 2)
        c->slot_count *= 2;
    c->slots = calloc(c->slot_count, sizeof *c->slots);
    if (!c->slots)
        return refuse(rd, "no memory");
    while (buf_left(&r)) {
        if (!pki_der_take(&r, PKI_DER_SEQUENCE, &one) || !entry_read(one.body, &e))
            return refuse(rd, "its list is malformed");
        if (!entry_allowed(&e))
            return refuse(rd, "an entry has a critical extension that is not known here");
        size_t at = serial_slot(e.serial, c->slot_count);
        while (c->slots[at])
            at = (at + 1) & (c->slot_count - 1);
        c->slots[at] = (uint32_t)(one.whole.p - c->der);
        c->count++;
    }
    return true;
}

bool pki_crl_lists(const struct pki_crl *c, const struct pki_cert *cert, unsigned *reason)
{
    struct slice serial = without_zeros((struct slice){cert->serial, cert->serial_len});
    for (size_t at = serial_slot(serial, c->slot_count); c->slots[at]; at = (at + 1) & (c->slot_count - 1)) {
        struct buf_reader r = buf_reader_init(c->der + c->slots[at], c->len - c->slots[at]);
        struct pki_tlv one;
        struct entry e;
        if (pki_der_next(&r, &one) && entry_read(one.body, &e) && same(e.serial, serial)) {
            *reason = entry_reason(&e);
            return true;
        }
    }
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */
/* CertificateList: three parts, nothing behind. */
static bool outer_read(struct reading *rd)
{
    struct buf_reader all = buf_reader_init(rd->crl->der, rd->crl->len);
    struct pki_tlv list, tbs, alg, sig;
    if (!pki_der_take(&all, PKI_DER_SEQUENCE, &list) || buf_left(&all))
        return refuse(rd, "it is no CRL");
    struct buf_reader r = buf_reader_init(list.body.p, list.body.n);
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &tbs) || !pki_der_take(&r, PKI_DER_SEQUENCE, &alg) ||
        !pki_der_take(&r, PKI_DER_BIT_STRING, &sig) || buf_left(&r) || sig.body.n < 2 || sig.body.p[0] != 0)
        return refuse(rd, "it is no CRL");
    rd->tbs = tbs.whole;
    rd->algorithm = alg.whole;
    rd->signature = (struct slice){sig.body.p + 1, sig.body.n - 1};
    return true;
}

/* RFC 5280 6.3.3 (f), (g): before anything inside is believed. */
static bool signature_good(struct reading *rd)
{
    const struct pki_sig_alg *known = pki_sig_alg_by_der(rd->algorithm);
    if (!known)
        return refuse(rd, "its signature algorithm is not known here");
    if (known->weak)
        return refuse(rd, "it is signed with %s, which is refused", known->text);
    if (rd->issuer->has_key_usage && !(rd->issuer->key_usage & PKI_USE_CRL_SIGN))
        return refuse(rd, "its CA's certificate does not allow it to sign CRLs");
    if (!cr_sig_fits(known->sig, cr_key_kind(rd->issuer->key)) ||
        cr_verify(rd->issuer->key, known->sig, rd->tbs, rd->signature) != CV_OK)
        return refuse(rd, "its signature is not that of %s", rd->issuer->subject_text);
    return true;
}

static bool tbs_read(struct reading *rd)
{
    struct buf_reader all = buf_reader_init(rd->tbs.p, rd->tbs.n);
    struct pki_tlv seq, part;
    if (!pki_der_take(&all, PKI_DER_SEQUENCE, &seq))
        return refuse(rd, "it is malformed");
    struct buf_reader r = buf_reader_init(seq.body.p, seq.body.n);
    if (pki_der_peek(&r) == PKI_DER_INTEGER &&
        (!pki_der_next(&r, &part) || part.body.n != 1 || part.body.p[0] != 1))
        return refuse(rd, "its version is not known here");
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &part) || !same(part.whole, rd->algorithm))
        return refuse(rd, "its two signature algorithms differ");
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &part) || !pki_dn_equal(part.whole, rd->issuer->subject))
        return refuse(rd, "it is of another issuer than %s", rd->issuer->subject_text);
    if (!pki_der_next(&r, &part) || !pki_der_time(&part, &rd->crl->this_update))
        return refuse(rd, "its thisUpdate is malformed");
    if (!pki_der_next(&r, &part) || !pki_der_time(&part, &rd->crl->next_update))
        return refuse(rd, "it has no nextUpdate"); /* RFC 5280 5.1.2.5 */
    if (pki_der_peek(&r) == PKI_DER_SEQUENCE) {
        if (!pki_der_next(&r, &part))
            return refuse(rd, "its list is malformed");
        rd->entries = part.body;
    }
    if (pki_der_peek(&r) == (PKI_DER_CONTEXT | PKI_DER_CONSTRUCTED | 0)) {
        if (!pki_der_next(&r, &part))
            return refuse(rd, "its extensions are malformed");
        if (!crl_extensions(rd, part.body))
            return false;
    }
    return !r.bad && buf_left(&r) == 0 ? true : refuse(rd, "it is malformed");
}

/* PEM text is taken, too: several CAs publish that, against RFC 5280 4.2.1.13. */
static bool octets_take(struct reading *rd, struct slice data)
{
    static const char head[] = "-----BEGIN X509 CRL-----";
    if (data.n >= sizeof head - 1 && memcmp(data.p, head, sizeof head - 1) == 0) {
        BIO *in = data.n <= INT32_MAX ? BIO_new_mem_buf(data.p, (int)data.n) : NULL;
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        long len = 0;
        bool ok = in && PEM_read_bio(in, &name, &header, &der, &len) == 1;
        rd->crl->der = ok ? slice_dup((struct slice){der, (size_t)len}) : NULL;
        rd->crl->len = (size_t)len;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
        BIO_free(in);
        return rd->crl->der ? true : refuse(rd, "it is no CRL");
    }
    rd->crl->der = data.n && data.n <= INT32_MAX ? slice_dup(data) : NULL;
    rd->crl->len = data.n;
    return rd->crl->der ? true : refuse(rd, "it is no CRL");
}

bool pki_crl_read(struct slice data, const struct pki_cert *issuer, struct pki_crl **out,
                  char why[PKI_TEXT_MAX])
{
    struct reading rd = {.crl = calloc(1, sizeof *rd.crl), .issuer = issuer, .why = why};
    *out = NULL;
    if (!rd.crl)
        return refuse(&rd, "no memory");
    if (!octets_take(&rd, data) || !outer_read(&rd) || !signature_good(&rd) || !tbs_read(&rd) ||
        !entries_index(&rd)) {
        pki_crl_free(rd.crl);
        return false;
    }
    *out = rd.crl;
    return true;
}

void pki_crl_free(struct pki_crl *c)
{
    if (!c)
        return;
    free(c->der);
    free(c->slots);
    free(c);
}

/* ---- which certificates it is for ------------------------------------------------------------------------------- */
static bool is_text(struct slice uri, const char *text)
{
    return uri.n == strlen(text) && memcmp(uri.p, text, uri.n) == 0;
}

/* One of the URIs of the issuing distribution point is where the certificate says, or the operator, that its CRL is. */
static bool point_fits(struct slice names, const struct pki_cert *cert, const char *url)
{
    struct buf_reader r = buf_reader_init(names.p, names.n);
    struct pki_tlv name;
    while (buf_left(&r) && pki_der_next(&r, &name)) {
        if (name.tag != (PKI_DER_CONTEXT | 6))
            continue;
        if (is_text(name.body, url))
            return true;
        for (unsigned i = 0; i < cert->crl_url_count; i++)
            if (is_text(name.body, cert->crl_urls[i]))
                return true;
    }
    return false;
}

bool pki_crl_covers(const struct pki_crl *c, const struct pki_cert *cert, const char *url)
{
    if ((c->only_user && cert->is_ca) || (c->only_ca && !cert->is_ca))
        return false;
    return !c->has_point || point_fits(c->point, cert, url);
}
