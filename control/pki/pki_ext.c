#include "control/pki/pki_cert_priv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_MAX = 511, NAME_TEXT_MAX = 1023, OID_TEXT_MAX = 255 };

/* What the path check or this file looks at. certificatePolicies: with any policy acceptable (RFC 5280 6.1.1 c) they never fail a path. */
static const int handled[] = {NID_basic_constraints,
                              NID_key_usage,
                              NID_ext_key_usage,
                              NID_subject_alt_name,
                              NID_name_constraints,
                              NID_crl_distribution_points,
                              NID_info_access,
                              NID_subject_key_identifier,
                              NID_authority_key_identifier,
                              NID_certificate_policies,
                              NID_netscape_comment};

/* The extension decoded, or NULL when it is not there; *ok becomes false when it is malformed or there twice. */
static void *decode(const struct pki_cert *c, int nid, bool *ok)
{
    int critical = -1;
    void *ext = X509_get_ext_d2i(c->x509, nid, &critical, NULL);
    if (!ext && critical != -1)
        *ok = false;
    return ext;
}

/* Text of the wire for people: printable ASCII, at most `most` of it, else NULL with *ok untouched; a NUL in it is a lie, and *ok becomes false. */
static char *printable(const ASN1_STRING *s, size_t most, bool *ok)
{
    const uint8_t *p = ASN1_STRING_get0_data(s);
    int n = ASN1_STRING_length(s);
    if (n < 0 || (n > 0 && memchr(p, 0, (size_t)n))) {
        *ok = false;
        return NULL;
    }
    if (n == 0 || (size_t)n > most)
        return NULL;
    for (int i = 0; i < n; i++)
        if (p[i] < 0x20 || p[i] >= 0x7f)
            return NULL;
    return strndup((const char *)p, (size_t)n);
}

/* ---- all of them: how many, none twice, none critical and unknown -------------------------------------------- */
static bool is_handled(const X509_EXTENSION *ext)
{
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object((X509_EXTENSION *)ext));
    for (unsigned i = 0; i < sizeof handled / sizeof handled[0]; i++)
        if (handled[i] == nid)
            return true;
    return false;
}

static bool survey(struct pki_cert *c, const char **why)
{
    int count = X509_get_ext_count(c->x509);
    *why = "it has too many extensions";
    if (count > PKI_EXTENSIONS_MAX)
        return false;
    *why = "an extension is there twice";
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *ext = X509_get_ext(c->x509, i);
        for (int k = 0; k < i; k++)
            if (OBJ_cmp(X509_EXTENSION_get_object(ext),
                        X509_EXTENSION_get_object(X509_get_ext(c->x509, k))) == 0)
                return false;
        if (X509_EXTENSION_get_critical(ext) && !is_handled(ext))
            c->unknown_critical = true;
    }
    *why = "extensions belong to version 3";
    return count == 0 || X509_get_version(c->x509) == X509_VERSION_3;
}

/* ---- constraints and usage ------------------------------------------------------------------------------------ */
static bool read_basic(struct pki_cert *c)
{
    bool ok = true;
    BASIC_CONSTRAINTS *b = decode(c, NID_basic_constraints, &ok);
    c->path_len = -1;
    if (b) {
        c->has_basic = true;
        c->is_ca = b->ca != 0;
        if (b->pathlen) {
            int64_t n = -1;
            ok = ASN1_INTEGER_get_int64(&n, b->pathlen) == 1 && n >= 0 && c->is_ca;
            c->path_len = n > PKI_CHAIN_MAX ? PKI_CHAIN_MAX : (int)n;
        }
    }
    BASIC_CONSTRAINTS_free(b);
    return ok;
}

static bool add_usage(struct pki_cert *c, char *text)
{
    if (!text || c->usage_count == sizeof c->usages / sizeof c->usages[0]) {
        free(text);
        return false;
    }
    c->usages[c->usage_count++] = text;
    return true;
}

static bool read_key_usage(struct pki_cert *c)
{
    static const char *const texts[] = {"Digital Signature", "Non Repudiation", "Key Encipherment",
                                        "Data Encipherment", "Key Agreement",   "Certificate Signature",
                                        "CRL Signature",     "Encipher Only",   "Decipher Only"};
    bool ok = true;
    ASN1_BIT_STRING *bits = decode(c, NID_key_usage, &ok);
    for (int i = 0; bits && i < 9; i++)
        if (ASN1_BIT_STRING_get_bit(bits, i)) {
            c->key_usage |= 1u << i;
            ok = ok && add_usage(c, strdup(texts[i]));
        }
    c->has_key_usage = bits != NULL;
    ASN1_BIT_STRING_free(bits);
    return ok;
}

static bool read_ext_usage(struct pki_cert *c)
{
    bool ok = true;
    EXTENDED_KEY_USAGE *eku = decode(c, NID_ext_key_usage, &ok);
    int count = eku ? sk_ASN1_OBJECT_num(eku) : 0;
    c->has_ext_usage = eku != NULL;
    ok = ok && count <= PKI_USAGES_MAX && (!eku || count > 0);
    for (int i = 0; ok && i < count; i++) {
        char text[OID_TEXT_MAX + 1];
        int n = OBJ_obj2txt(text, sizeof text, sk_ASN1_OBJECT_value(eku, i), 1);
        char *copy = n > 0 && n <= OID_TEXT_MAX ? strdup(text) : NULL;
        ok = copy && add_usage(c, strdup(text));
        if (ok)
            c->ext_usages[c->ext_usage_count++] = copy;
        else
            free(copy);
    }
    EXTENDED_KEY_USAGE_free(eku);
    return ok;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */
static bool add_alt(struct pki_cert *c, enum pki_alt_kind kind, char *text)
{
    if (!text)
        return true; /* nothing that could be shown or matched */
    if (c->alt_count == PKI_NAMES_MAX) {
        free(text);
        return false;
    }
    c->alts[c->alt_count++] = (struct pki_alt){.kind = kind, .text = text};
    return true;
}

static bool add_address(struct pki_cert *c, const ASN1_OCTET_STRING *ip)
{
    const uint8_t *p = ASN1_STRING_get0_data(ip);
    int n = ASN1_STRING_length(ip);
    char text[64];
    size_t at = 0;
    if (n != 4 && n != 16)
        return false;
    for (int i = 0; i < n; i += n == 4 ? 1 : 2)
        at += (size_t)(n == 4 ? snprintf(text + at, sizeof text - at, "%s%u", i ? "." : "", p[i])
                              : snprintf(text + at, sizeof text - at, "%s%x", i ? ":" : "",
                                         (unsigned)p[i] << 8 | p[i + 1]));
    if (!add_alt(c, PKI_ALT_IP, strdup(text)))
        return false;
    struct pki_alt *a = &c->alts[c->alt_count - 1];
    a->raw_len = (uint8_t)n;
    memcpy(a->raw, p, (size_t)n);
    return true;
}

static bool add_directory(struct pki_cert *c, X509_NAME *name)
{
    const unsigned char *der = NULL;
    size_t n = 0;
    if (!X509_NAME_get0_der(name, &der, &n))
        return false;
    char *text = pki_dn_read((struct slice){der, n}, NULL, NULL);
    return text && add_alt(c, PKI_ALT_DN, text);
}

/* User principal name, Microsoft's otherName 1.3.6.1.4.1.311.20.2.3; other kinds are nobody's here. */
static bool add_other(struct pki_cert *c, const OTHERNAME *o)
{
    bool ok = true;
    if (OBJ_obj2nid(o->type_id) != NID_ms_upn || o->value->type != V_ASN1_UTF8STRING)
        return true;
    return add_alt(c, PKI_ALT_UPN, printable(o->value->value.utf8string, NAME_TEXT_MAX, &ok)) && ok;
}

static bool add_name(struct pki_cert *c, const GENERAL_NAME *n)
{
    bool ok = true;
    switch (n->type) {
    case GEN_DNS:
        return add_alt(c, PKI_ALT_DNS, printable(n->d.dNSName, NAME_TEXT_MAX, &ok)) && ok;
    case GEN_EMAIL:
        return add_alt(c, PKI_ALT_EMAIL, printable(n->d.rfc822Name, NAME_TEXT_MAX, &ok)) && ok;
    case GEN_URI:
        return add_alt(c, PKI_ALT_URI, printable(n->d.uniformResourceIdentifier, NAME_TEXT_MAX, &ok)) && ok;
    case GEN_IPADD:
        return add_address(c, n->d.iPAddress);
    case GEN_DIRNAME:
        return add_directory(c, n->d.directoryName);
    case GEN_OTHERNAME:
        return add_other(c, n->d.otherName);
    default:
        return true;
    }
}

static bool read_alt_names(struct pki_cert *c)
{
    bool ok = true;
    GENERAL_NAMES *names = decode(c, NID_subject_alt_name, &ok);
    int count = names ? sk_GENERAL_NAME_num(names) : 0;
    ok = ok && count <= PKI_NAMES_MAX;
    for (int i = 0; ok && i < count; i++)
        ok = add_name(c, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    return ok;
}

/* ---- where revocation is told ---------------------------------------------------------------------------------- */
static bool add_url(char **urls, unsigned *count, const GENERAL_NAME *n)
{
    bool ok = true;
    if (n->type != GEN_URI || *count == PKI_URLS_MAX)
        return true;
    char *url = printable(n->d.uniformResourceIdentifier, URL_MAX, &ok);
    bool http = url && (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0) &&
                !strchr(url, ' ');
    if (http)
        urls[(*count)++] = url;
    else
        free(url);
    return ok;
}

static bool read_crl_points(struct pki_cert *c)
{
    bool ok = true;
    CRL_DIST_POINTS *points = decode(c, NID_crl_distribution_points, &ok);
    for (int i = 0; ok && points && i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *p = sk_DIST_POINT_value(points, i);
        /* One for some reasons only, or of another issuer, does not answer whether it is revoked. */
        if (!p->distpoint || p->distpoint->type != 0 || p->reasons || p->CRLissuer)
            continue;
        const GENERAL_NAMES *names = p->distpoint->name.fullname;
        for (int k = 0; ok && k < sk_GENERAL_NAME_num(names); k++)
            ok = add_url(c->crl_urls, &c->crl_url_count, sk_GENERAL_NAME_value(names, k));
    }
    CRL_DIST_POINTS_free(points);
    return ok;
}

static bool read_responders(struct pki_cert *c)
{
    bool ok = true;
    AUTHORITY_INFO_ACCESS *access = decode(c, NID_info_access, &ok);
    for (int i = 0; ok && access && i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(access, i);
        if (OBJ_obj2nid(d->method) == NID_ad_OCSP)
            ok = add_url(c->ocsp_urls, &c->ocsp_url_count, d->location);
    }
    AUTHORITY_INFO_ACCESS_free(access);
    return ok;
}

/* ---- the rest ----------------------------------------------------------------------------------------------------- */
static bool read_constraints(struct pki_cert *c)
{
    bool ok = true;
    NAME_CONSTRAINTS *n = decode(c, NID_name_constraints, &ok);
    c->name_constraints = n != NULL;
    NAME_CONSTRAINTS_free(n);
    return ok;
}

static bool read_comment(struct pki_cert *c)
{
    bool ok = true;
    ASN1_IA5STRING *s = decode(c, NID_netscape_comment, &ok);
    c->simulated = s && ASN1_STRING_length(s) == (int)sizeof PKI_SIM_COMMENT - 1 &&
                   memcmp(ASN1_STRING_get0_data(s), PKI_SIM_COMMENT, sizeof PKI_SIM_COMMENT - 1) == 0;
    ASN1_IA5STRING_free(s);
    return true; /* a comment may be anything */
}

bool pki_ext_read(struct pki_cert *c, const char **why)
{
    static const struct {
        bool (*read)(struct pki_cert *c);
        const char *why;
    } steps[] = {
        {read_basic, "its basic constraints are malformed"},
        {read_key_usage, "its key usage is malformed"},
        {read_ext_usage, "its extended key usage is malformed or too long"},
        {read_alt_names, "its subject alternative names are malformed or too many"},
        {read_constraints, "its name constraints are malformed"},
        {read_crl_points, "its CRL distribution points are malformed"},
        {read_responders, "its authority information access is malformed"},
        {read_comment, ""},
    };
    bool ok = survey(c, why);
    for (unsigned i = 0; ok && i < sizeof steps / sizeof steps[0]; i++) {
        ok = steps[i].read(c);
        *why = steps[i].why;
    }
    ERR_clear_error();
    return ok;
}
