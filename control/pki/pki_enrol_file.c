#include "control/pki/pki_enrol_priv.h"

#include "control/crypto/cr_key.h"
#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_priv.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUNDLE_MAX = 262144 };

/* What a file or a paste holds: references. */
struct bundle {
    struct cr_key *key;
    unsigned count;
    struct pki_cert *certs[PKI_CERTS_MAX];
};

static void bundle_free(struct bundle *b)
{
    cr_key_free(b->key);
    for (unsigned i = 0; i < b->count; i++)
        pki_cert_free(b->certs[i]);
    memset(b, 0, sizeof *b);
}

static cv_result refuse(cv_result r, char err[PKI_TEXT_MAX], const char *text)
{
    (void)snprintf(err, PKI_TEXT_MAX, "%s", text);
    ERR_clear_error();
    return r;
}

static struct pki_enrolment *ready(struct pki_enrol *e, const char *name, char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = pki_enrol_find(e, name);
    if (!x)
        (void)snprintf(err, PKI_TEXT_MAX, "there is no trust-point %s in the configuration", name);
    else if (x->state == PKI_ENROL_ASKING_CA || x->state == PKI_ENROL_REQUESTING ||
             x->state == PKI_ENROL_PENDING) {
        (void)snprintf(err, PKI_TEXT_MAX, "trust-point %s is enrolling; end it with: no crypto pki enroll %s",
                       name, name);
        x = NULL;
    }
    return x;
}

/* ---- our certificate by terminal ------------------------------------------------------------------------------------------ */
static bool issued_by(const struct pki_cert *c, const struct pki_cert *ca)
{
    return pki_dn_equal(pki_cert_issuer(c), pki_cert_subject(ca)) && pki_cert_signed_by(c, pki_cert_key(ca));
}

cv_result pki_enrol_import_cert(struct pki_enrol *e, const char *name, struct slice cert,
                                char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = ready(e, name, err);
    const struct pki_trustpoint *t = pki_find(e->pki, name);
    struct pki_cert *own = NULL;
    struct cr_key *key = NULL;
    cv_result r;
    if (!x)
        return CV_ENOENT;
    if (!t || !t->ca)
        return refuse(CV_EINVAL, err, "its CA is not authenticated yet: crypto pki authenticate");
    if (pki_cert_read(cert, &own, NULL) != CV_OK)
        return refuse(CV_EPARSE, err, "this is no certificate");
    if (!issued_by(own, t->ca))
        r = refuse(CV_EINVAL, err, "the certificate is not issued by the CA of the trust-point");
    else
        r = pki_enrol_key(x, &key, err);
    if (r == CV_OK && !cr_key_same(key, pki_cert_key(own)))
        r = refuse(CV_EINVAL, err,
                   "the certificate is for another key than the trust-point's: was the request made here?");
    if (r == CV_OK && pki_install_own(e->pki, name, own, key, NULL, 0, 0) != CV_OK)
        r = refuse(CV_EINVAL, err, "the certificate cannot be used");
    if (r == CV_OK) {
        pki_enrol_end(x, PKI_ENROL_DONE, "certificate %s is imported", pki_cert_serial(own));
        e->env.installed(e->env.ctx, name);
    }
    pki_cert_free(own);
    cr_key_free(key);
    return r;
}

/* ---- bundles ------------------------------------------------------------------------------------------------------------------ */
static bool topmost(const struct pki_cert *c)
{
    return pki_cert_self_issued(c);
}

/* The one of the bundle that issued c, or NULL. */
static struct pki_cert *issuer_in(const struct bundle *b, const struct pki_cert *c)
{
    for (unsigned i = 0; i < b->count; i++)
        if (b->certs[i] != c && pki_cert_is_ca(b->certs[i]) && issued_by(c, b->certs[i]))
            return b->certs[i];
    return NULL;
}

static struct pki_cert *own_in(const struct bundle *b)
{
    for (unsigned i = 0; i < b->count; i++)
        if (cr_key_same(pki_cert_key(b->certs[i]), b->key))
            return b->certs[i];
    return NULL;
}

/* From our certificate upwards: the last one is the trust-point's CA, those between go along to peers. */
static cv_result install_bundle(struct pki_enrolment *x, const struct bundle *b, bool exportable,
                                char err[PKI_TEXT_MAX])
{
    struct pki_enrol *e = x->owner;
    const char *name = x->conf.name, *label = x->conf.key_label[0] ? x->conf.key_label : name;
    struct pki_cert *own = own_in(b), *path[PKI_CHAIN_MAX];
    const struct pki_trustpoint *t = pki_find(e->pki, name);
    unsigned n = 0;
    if (!own)
        return refuse(CV_EINVAL, err, "no certificate in it is for its key");
    for (struct pki_cert *at = own; n < PKI_CHAIN_MAX && !topmost(at);) {
        struct pki_cert *up = issuer_in(b, at);
        if (!up)
            break;
        path[n++] = at = up;
    }
    if (n == 0 && !(t && t->ca && issued_by(own, t->ca)))
        return refuse(CV_EINVAL, err,
                      "the CA that issued the certificate is neither in it nor authenticated");
    if (n > 0 && pki_install_ca(e->pki, name, path[n - 1], 0) != CV_OK)
        return refuse(CV_EINVAL, err, "its CA has not the fingerprint that is configured");
    if (pki_install_own(e->pki, name, own, b->key, path, n > 0 ? n - 1 : 0, 0) != CV_OK)
        return refuse(CV_EINVAL, err, "the certificate cannot be used");
    if (e->env.key_save(e->env.ctx, label, b->key, exportable) != CV_OK)
        return refuse(CV_EIO, err, "the key cannot be saved");
    pki_enrol_end(x, PKI_ENROL_DONE, "certificate %s and its key are imported", pki_cert_serial(own));
    e->env.installed(e->env.ctx, name);
    return CV_OK;
}

/* The next PEM block: its label begins at *label, the whole is *block. */
static bool next_block(struct slice text, size_t *at, struct slice *block, char label[40])
{
    static const char begin[] = "-----BEGIN ", end[] = "-----END ";
    const uint8_t *s = memmem(text.p + *at, text.n - *at, begin, sizeof begin - 1);
    if (!s)
        return false;
    const uint8_t *stop = text.p + text.n, *name = s + sizeof begin - 1;
    const uint8_t *dash = memmem(name, (size_t)(stop - name), "-----", 5);
    const uint8_t *last = dash ? memmem(dash, (size_t)(stop - dash), end, sizeof end - 1) : NULL;
    const uint8_t *close =
        last ? memmem(last + sizeof end - 1, (size_t)(stop - last) - (sizeof end - 1), "-----", 5) : NULL;
    if (!close || dash - name >= 40)
        return false;
    (void)snprintf(label, 40, "%.*s", (int)(dash - name), (const char *)name);
    *block = (struct slice){s, (size_t)(close + 5 - s)};
    *at = (size_t)(close + 5 - text.p);
    return true;
}

static cv_result take_block(struct bundle *b, struct slice block, const char *label,
                            const struct secret *password, char err[PKI_TEXT_MAX])
{
    if (strstr(label, "PRIVATE KEY")) {
        if (b->key)
            return refuse(CV_EPARSE, err, "there is more than one private key in it");
        cv_result r = cr_key_private(block, password, &b->key);
        if (r != CV_OK)
            return refuse(r, err,
                          r == CV_EAUTH ? "the password is wrong"
                                        : "the private key is none, or one that is not accepted");
        return CV_OK;
    }
    if (!strstr(label, "CERTIFICATE") || strstr(label, "REQUEST"))
        return CV_OK;
    if (b->count == PKI_CERTS_MAX)
        return refuse(CV_ENOSPC, err, "there are too many certificates in it");
    if (pki_cert_read(block, &b->certs[b->count], NULL) != CV_OK)
        return refuse(CV_EPARSE, err, "a certificate in it cannot be read");
    b->count++;
    return CV_OK;
}

cv_result pki_enrol_import_pem(struct pki_enrol *e, const char *name, struct slice pem,
                               const struct secret *password, bool exportable, char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = ready(e, name, err);
    struct bundle b = {0};
    struct slice block;
    char label[40];
    size_t at = 0;
    cv_result r = CV_OK;
    if (!x)
        return CV_ENOENT;
    if (pem.n > BUNDLE_MAX)
        return refuse(CV_EPARSE, err, "it is too long");
    while (r == CV_OK && next_block(pem, &at, &block, label))
        r = take_block(&b, block, label, password, err);
    if (r == CV_OK && !b.key)
        r = refuse(CV_EPARSE, err, "there is no private key in it");
    if (r == CV_OK)
        r = install_bundle(x, &b, exportable, err);
    bundle_free(&b);
    return r;
}

/* ---- PKCS #12 ----------------------------------------------------------------------------------------------------------------- */
static bool add_x509(struct bundle *b, X509 *c)
{
    uint8_t *der = NULL;
    int n = c && b->count < PKI_CERTS_MAX ? i2d_X509(c, &der) : 0;
    bool good = n > 0 && pki_cert_parse((struct slice){der, (size_t)n}, &b->certs[b->count], NULL) == CV_OK;
    b->count += good;
    OPENSSL_free(der);
    return good;
}

static bool add_key(struct bundle *b, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    static const struct secret none = {NULL, 0};
    int n = key ? i2d_PrivateKey(key, &der) : 0;
    bool good = n > 0 && cr_key_private((struct slice){der, (size_t)n}, &none, &b->key) == CV_OK;
    if (n > 0)
        OPENSSL_clear_free(der, (size_t)n);
    return good;
}

/* A password as text; free and wipe it. */
static char *password_text(const struct secret *password)
{
    char *text = malloc(password->n + 1);
    if (text) {
        if (password->n > 0)
            memcpy(text, password->p, password->n);
        text[password->n] = '\0';
    }
    return text;
}

static void password_free(char *text)
{
    if (text)
        secret_wipe(text, strlen(text));
    free(text);
}

static cv_result read_pkcs12(struct slice der, const struct secret *password, struct bundle *b,
                             char err[PKI_TEXT_MAX])
{
    const uint8_t *at = der.p;
    char *text = password_text(password);
    PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)der.n);
    EVP_PKEY *key = NULL;
    X509 *own = NULL;
    STACK_OF(X509) *others = NULL;
    cv_result r = CV_OK;
    if (!p12)
        r = refuse(CV_EPARSE, err, "this is no PKCS #12");
    else if (!text || !PKCS12_verify_mac(p12, text, -1))
        r = refuse(CV_EAUTH, err, "the password is wrong");
    else if (PKCS12_parse(p12, text, &key, &own, &others) != 1)
        r = refuse(CV_EUNSUP, err, "it cannot be decrypted: export it again with AES (RC2 is not done)");
    else if (!add_key(b, key) || !add_x509(b, own))
        r = refuse(CV_EPARSE, err, "its key or certificate is none that is accepted");
    for (int i = 0; r == CV_OK && i < sk_X509_num(others); i++)
        (void)add_x509(b, sk_X509_value(others, i)); /* what cannot be read cannot be in our chain */
    sk_X509_pop_free(others, X509_free);
    X509_free(own);
    EVP_PKEY_free(key);
    PKCS12_free(p12);
    password_free(text);
    ERR_clear_error();
    return r;
}

cv_result pki_enrol_import_pkcs12(struct pki_enrol *e, const char *name, struct slice der,
                                  const struct secret *password, bool exportable, char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = ready(e, name, err);
    struct bundle b = {0};
    if (!x)
        return CV_ENOENT;
    if (der.n == 0 || der.n > BUNDLE_MAX)
        return refuse(CV_EPARSE, err, "this is no PKCS #12, or it is too long");
    cv_result r = read_pkcs12(der, password, &b, err);
    if (r == CV_OK)
        r = install_bundle(x, &b, exportable, err);
    bundle_free(&b);
    return r;
}

/* ---- export ------------------------------------------------------------------------------------------------------------------------ */
/* May the trust-point's key leave? */
static cv_result may_leave(struct pki_enrol *e, const struct pki_enrolment *x, const struct pki_trustpoint *t,
                           const struct secret *password, char err[PKI_TEXT_MAX])
{
    struct cr_key *stored = NULL;
    bool exportable = false;
    const char *label = x->conf.key_label[0] ? x->conf.key_label : x->conf.name;
    if (!t || !t->own || !t->key)
        return refuse(CV_ENOENT, err, "the trust-point has no certificate of its own");
    if (!password || password->n < 8)
        return refuse(CV_EINVAL, err, "a password of 8 octets or more is needed to export a key");
    cv_result r = e->env.key_load(e->env.ctx, label, &stored, &exportable);
    bool same = r == CV_OK && cr_key_same(stored, t->key);
    cr_key_free(stored);
    if (!same || !exportable)
        return refuse(CV_EINVAL, err, "the key is not exportable");
    return CV_OK;
}

static bool append(char **out, char *more)
{
    size_t a = *out ? strlen(*out) : 0, b = more ? strlen(more) : 0;
    char *whole = more ? malloc(a + b + 1) : NULL;
    if (whole) {
        if (a > 0)
            memcpy(whole, *out, a);
        memcpy(whole + a, more, b + 1);
    }
    if (more)
        secret_wipe(more, b);
    free(more);
    if (*out)
        secret_wipe(*out, a);
    free(*out);
    *out = whole;
    return whole != NULL;
}

cv_result pki_enrol_export_pem(struct pki_enrol *e, const char *name, const struct secret *password,
                               char **out, char err[PKI_TEXT_MAX])
{
    const struct pki_enrolment *x = pki_enrol_find(e, name);
    const struct pki_trustpoint *t = pki_find(e->pki, name);
    struct secret key = {NULL, 0};
    *out = NULL;
    if (!x || !t || (!t->ca && !t->own))
        return refuse(CV_ENOENT, err, "the trust-point has no certificates");
    bool with_key = password && password->n > 0;
    if (with_key) {
        CV_TRY(may_leave(e, x, t, password, err));
        if (cr_key_export(t->key, password, &key) != CV_OK)
            return refuse(CV_ECRYPTO, err, "the key cannot be written");
    }
    bool good = true;
    if (t->ca)
        good = append(out, pki_pem_text("CERTIFICATE", pki_cert_der(t->ca)));
    for (unsigned i = t->chain_count; good && i-- > 0;)
        good = append(out, pki_pem_text("CERTIFICATE", pki_cert_der(t->chain[i])));
    if (good && with_key)
        good = append(out, pki_pem_text("ENCRYPTED PRIVATE KEY", (struct slice){key.p, key.n}));
    if (good && t->own)
        good = append(out, pki_pem_text("CERTIFICATE", pki_cert_der(t->own)));
    secret_free(&key);
    return good ? CV_OK : refuse(CV_ENOMEM, err, "no memory");
}

cv_result pki_enrol_export_pkcs12(struct pki_enrol *e, const char *name, const struct secret *password,
                                  uint8_t **out, size_t *len, char err[PKI_TEXT_MAX])
{
    const struct pki_enrolment *x = pki_enrol_find(e, name);
    const struct pki_trustpoint *t = pki_find(e->pki, name);
    *out = NULL;
    if (!x)
        return refuse(CV_ENOENT, err, "there is no such trust-point");
    CV_TRY(may_leave(e, x, t, password, err));
    STACK_OF(X509) *others = sk_X509_new_null();
    char *text = password_text(password);
    bool good = others && text && (!t->ca || sk_X509_push(others, t->ca->x509) > 0);
    for (unsigned i = 0; good && i < t->chain_count; i++)
        good = sk_X509_push(others, t->chain[i]->x509) > 0;
    PKCS12 *p12 =
        good ? PKCS12_create(text, name, cr_key_evp(t->key), t->own->x509, others, 0, 0, 0, 0, 0) : NULL;
    int n = p12 ? i2d_PKCS12(p12, out) : 0;
    *len = n > 0 ? (size_t)n : 0;
    sk_X509_free(others);
    PKCS12_free(p12);
    password_free(text);
    return n > 0 ? CV_OK : refuse(CV_ECRYPTO, err, "PKCS #12 cannot be made of it");
}
