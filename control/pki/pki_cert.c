#include "control/pki/pki_cert.h"

#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_der.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

/* ---- the fixed fields (RFC 5280 4.1) ------------------------------------------------------------------------ */
struct fields {
    struct pki_tlv whole, tbs, serial, inner_alg, issuer, validity, subject, spki, outer_alg, signature;
};

/* Strictly DER, nothing behind, nothing missing; what OpenSSL decodes leniently has passed here first. */
static bool fields_read(struct slice der, struct fields *f)
{
    struct buf_reader all = buf_reader_init(der.p, der.n);
    struct pki_tlv skipped;
    if (!pki_der_take(&all, PKI_DER_SEQUENCE, &f->whole) || buf_left(&all))
        return false;
    struct buf_reader r = buf_reader_init(f->whole.body.p, f->whole.body.n);
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &f->tbs) || !pki_der_take(&r, PKI_DER_SEQUENCE, &f->outer_alg) ||
        !pki_der_take(&r, PKI_DER_BIT_STRING, &f->signature) || buf_left(&r))
        return false;
    r = buf_reader_init(f->tbs.body.p, f->tbs.body.n);
    if (pki_der_peek(&r) == (PKI_DER_CONTEXT | PKI_DER_CONSTRUCTED | 0) && !pki_der_next(&r, &skipped))
        return false;
    if (!pki_der_take(&r, PKI_DER_INTEGER, &f->serial) ||
        !pki_der_take(&r, PKI_DER_SEQUENCE, &f->inner_alg) ||
        !pki_der_take(&r, PKI_DER_SEQUENCE, &f->issuer) ||
        !pki_der_take(&r, PKI_DER_SEQUENCE, &f->validity) ||
        !pki_der_take(&r, PKI_DER_SEQUENCE, &f->subject) || !pki_der_take(&r, PKI_DER_SEQUENCE, &f->spki))
        return false;
    while (buf_left(&r)) /* unique identifiers, extensions: OpenSSL takes them apart */
        if (!pki_der_next(&r, &skipped))
            return false;
    return true;
}

static bool same(struct slice a, struct slice b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool read_serial(struct pki_cert *c, struct slice body)
{
    if (body.n == 0 || (body.p[0] & 0x80) || (body.n > 1 && body.p[0] == 0 && !(body.p[1] & 0x80)))
        return false; /* negative (RFC 5280 4.1.2.2), or not the shortest form */
    if (body.n > 1 && body.p[0] == 0)
        body = (struct slice){body.p + 1, body.n - 1};
    c->serial_len = (unsigned)slice_copy(body, c->serial, sizeof c->serial);
    for (unsigned i = 0; i < c->serial_len; i++)
        snprintf(c->serial_text + 2 * i, 3, "%02X", c->serial[i]);
    return c->serial_len > 0;
}

static bool read_validity(struct pki_cert *c, struct slice body)
{
    struct buf_reader r = buf_reader_init(body.p, body.n);
    struct pki_tlv from, until;
    return pki_der_next(&r, &from) && pki_der_next(&r, &until) && buf_left(&r) == 0 &&
           pki_der_time(&from, &c->not_before) && pki_der_time(&until, &c->not_after);
}

static bool read_names(struct pki_cert *c, const struct fields *f)
{
    c->issuer = f->issuer.whole;
    c->subject = f->subject.whole;
    if (f->issuer.body.n == 0) /* RFC 5280 4.1.2.4 */
        return false;
    c->issuer_text = pki_dn_read(c->issuer, NULL, NULL);
    c->subject_text = pki_dn_read(c->subject, &c->subject_fqdn, &c->subject_addr);
    return c->issuer_text && c->subject_text;
}

/* The signature's algorithm stands twice, once where it is signed (RFC 5280 4.1.1.2). */
static cv_result read_signature(struct pki_cert *c, const struct fields *f, const char **why)
{
    struct slice bits = f->signature.body;
    *why = "its signature is malformed";
    if (bits.n < 1 || bits.p[0] != 0 || !same(f->inner_alg.whole, f->outer_alg.whole))
        return CV_EPARSE;
    c->signature = (struct slice){bits.p + 1, bits.n - 1};
    c->tbs = f->tbs.whole;
    c->sig_alg = pki_sig_alg_by_der(f->outer_alg.whole);
    *why = "it is signed with an unknown algorithm";
    return c->sig_alg ? CV_OK : CV_EUNSUP;
}

static cv_result read_key(struct pki_cert *c, const struct fields *f, const char **why)
{
    *why = "its key is of a kind or size that is not accepted";
    if (cr_key_public(f->spki.whole, true, &c->key) != CV_OK)
        return CV_EUNSUP;
    return EVP_Q_digest(NULL, "SHA1", NULL, f->spki.whole.p, f->spki.whole.n, c->key_hash, NULL) == 1 &&
                   EVP_Q_digest(NULL, "SHA256", NULL, c->der, c->der_len, c->fingerprint, NULL) == 1
               ? CV_OK
               : CV_ECRYPTO;
}

static cv_result read_all(struct pki_cert *c, const char **why)
{
    struct fields f;
    const unsigned char *p = c->der;
    *why = "it is not DER of a certificate";
    if (!fields_read((struct slice){c->der, c->der_len}, &f))
        return CV_EPARSE;
    c->x509 = d2i_X509(NULL, &p, (long)c->der_len);
    if (!c->x509 || p != c->der + c->der_len || X509_get_version(c->x509) < X509_VERSION_1 ||
        X509_get_version(c->x509) > X509_VERSION_3)
        return CV_EPARSE;
    *why = "its serial number is negative, empty or too long";
    if (!read_serial(c, f.serial.body))
        return CV_EPARSE;
    *why = "its validity is malformed";
    if (!read_validity(c, f.validity.body))
        return CV_EPARSE;
    *why = "a name in it is malformed, too long, or holds a NUL";
    if (!read_names(c, &f))
        return CV_EPARSE;
    if (!pki_ext_read(c, why))
        return CV_EPARSE;
    CV_TRY(read_signature(c, &f, why));
    CV_TRY(read_key(c, &f, why));
    c->self_issued = pki_dn_equal(c->subject, c->issuer);
    if (X509_get_version(c->x509) == X509_VERSION_1 && c->self_issued)
        c->is_ca = true;
    return CV_OK;
}

/* ---- whole certificates ----------------------------------------------------------------------------------------- */
cv_result pki_cert_parse(struct slice der, struct pki_cert **out, const char **why)
{
    const char *unused;
    why = why ? why : &unused;
    *why = "it is too long";
    if (der.n == 0 || der.n > PKI_CERT_MAX)
        return CV_EPARSE;
    struct pki_cert *c = calloc(1, sizeof *c);
    if (c)
        *c = (struct pki_cert){.refs = 1, .der = slice_dup(der), .der_len = der.n, .path_len = -1};
    *why = "memory ran out";
    cv_result r = c && c->der ? read_all(c, why) : CV_ENOMEM;
    if (r == CV_OK) {
        *why = NULL;
        *out = c;
        return CV_OK;
    }
    pki_cert_free(c);
    ERR_clear_error();
    return r;
}

static cv_result read_pem(struct slice text, struct pki_cert **out, size_t *used)
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long n = 0;
    cv_result r = CV_ENOENT;
    while (bio && r == CV_ENOENT && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
        if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0)
            r = pki_cert_parse((struct slice){data, (size_t)n}, out, NULL);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    if (used && bio)
        *used = text.n - BIO_ctrl_pending(bio);
    BIO_free(bio);
    ERR_clear_error();
    return r == CV_ENOENT ? CV_EPARSE : r;
}

/* base64 without the lines around it, as routers' terminals take it. */
static cv_result read_bare(struct slice text, struct pki_cert **out)
{
    uint8_t der[PKI_CERT_MAX + 64];
    int n = 0, end = 0;
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    bool ok = ctx && text.n <= PKI_CERT_MAX;
    if (ok) {
        EVP_DecodeInit(ctx);
        ok = EVP_DecodeUpdate(ctx, der, &n, text.p, (int)text.n) >= 0 &&
             EVP_DecodeFinal(ctx, der + n, &end) == 1;
    }
    EVP_ENCODE_CTX_free(ctx);
    return ok ? pki_cert_parse((struct slice){der, (size_t)(n + end)}, out, NULL) : CV_EPARSE;
}

cv_result pki_cert_read(struct slice text, struct pki_cert **out, size_t *used)
{
    size_t skip = 0;
    while (skip < text.n && strchr(" \t\r\n", text.p[skip]) && text.p[skip])
        skip++;
    struct slice rest = {text.p + skip, text.n - skip};
    if (rest.n == 0 || rest.n > FILE_MAX)
        return CV_EPARSE;
    if (memmem(rest.p, rest.n, "-----BEGIN ", 11))
        return read_pem(text, out, used);
    if (rest.p[0] != PKI_DER_SEQUENCE) {
        if (used)
            *used = text.n;
        return read_bare(rest, out);
    }
    struct buf_reader r = buf_reader_init(text.p, text.n);
    struct pki_tlv whole;
    if (!pki_der_next(&r, &whole))
        return CV_EPARSE;
    if (used)
        *used = r.off;
    return pki_cert_parse(whole.whole, out, NULL);
}

struct pki_cert *pki_cert_ref(struct pki_cert *c)
{
    if (c)
        c->refs++;
    return c;
}

static void free_texts(char **texts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(texts[i]);
}

void pki_cert_free(struct pki_cert *c)
{
    if (!c || --c->refs > 0)
        return;
    for (unsigned i = 0; i < c->alt_count; i++)
        free(c->alts[i].text);
    free_texts(c->usages, c->usage_count);
    free_texts(c->ext_usages, c->ext_usage_count);
    free_texts(c->crl_urls, c->crl_url_count);
    free_texts(c->ocsp_urls, c->ocsp_url_count);
    free(c->subject_text);
    free(c->issuer_text);
    free(c->subject_fqdn);
    free(c->subject_addr);
    cr_key_free(c->key);
    X509_free(c->x509);
    free(c->der);
    free(c);
}

/* ---- what it says -------------------------------------------------------------------------------------------------- */
struct slice pki_cert_der(const struct pki_cert *c)
{
    return (struct slice){c->der, c->der_len};
}

struct slice pki_cert_subject(const struct pki_cert *c)
{
    return c->subject;
}

struct slice pki_cert_issuer(const struct pki_cert *c)
{
    return c->issuer;
}

const char *pki_cert_subject_text(const struct pki_cert *c)
{
    return c->subject_text;
}

const char *pki_cert_issuer_text(const struct pki_cert *c)
{
    return c->issuer_text;
}

const char *pki_cert_serial(const struct pki_cert *c)
{
    return c->serial_text;
}

int64_t pki_cert_not_before(const struct pki_cert *c)
{
    return c->not_before;
}

int64_t pki_cert_not_after(const struct pki_cert *c)
{
    return c->not_after;
}

bool pki_cert_is_ca(const struct pki_cert *c)
{
    return c->is_ca;
}

bool pki_cert_self_issued(const struct pki_cert *c)
{
    return c->self_issued;
}

const struct cr_key *pki_cert_key(const struct pki_cert *c)
{
    return c->key;
}

const uint8_t *pki_cert_key_hash(const struct pki_cert *c)
{
    return c->key_hash;
}

const uint8_t *pki_cert_fingerprint(const struct pki_cert *c)
{
    return c->fingerprint;
}

const char *pki_cert_signature_text(const struct pki_cert *c)
{
    return c->sig_alg->text;
}

bool pki_cert_equal(const struct pki_cert *a, const struct pki_cert *b)
{
    return same(pki_cert_der(a), pki_cert_der(b));
}

const char *pki_cert_alt_name(const struct pki_cert *c, unsigned i, const char **kind)
{
    static const char *const kinds[] = {
        [PKI_ALT_DNS] = "dns", [PKI_ALT_EMAIL] = "email", [PKI_ALT_IP] = "ip",
        [PKI_ALT_URI] = "uri", [PKI_ALT_UPN] = "upn",     [PKI_ALT_DN] = "dn"};
    if (i >= c->alt_count)
        return NULL;
    *kind = kinds[c->alts[i].kind];
    return c->alts[i].text;
}

const char *pki_cert_unstructured(const struct pki_cert *c, bool address)
{
    return address ? c->subject_addr : c->subject_fqdn;
}

const char *pki_cert_usage(const struct pki_cert *c, unsigned i)
{
    return i < c->usage_count ? c->usages[i] : NULL;
}

const char *pki_cert_crl_url(const struct pki_cert *c, unsigned i)
{
    return i < c->crl_url_count ? c->crl_urls[i] : NULL;
}

const char *pki_cert_ocsp_url(const struct pki_cert *c, unsigned i)
{
    return i < c->ocsp_url_count ? c->ocsp_urls[i] : NULL;
}

bool pki_cert_signed_by(const struct pki_cert *c, const struct cr_key *issuer_key)
{
    return !c->sig_alg->weak && cr_verify(issuer_key, c->sig_alg->sig, c->tbs, c->signature) == CV_OK;
}
