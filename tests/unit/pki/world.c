#include "tests/unit/pki/world.h"

#include "tests/unit/unit.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;

/* ---- keys ---------------------------------------------------------------------------------------------------------------- */
EVP_PKEY *mk_key(const char *label)
{
    static struct {
        char label[64];
        EVP_PKEY *key;
    } made[256];
    static unsigned count;
    for (unsigned i = 0; i < count; i++)
        if (strcmp(made[i].label, label) == 0)
            return made[i].key;
    CU_ASSERT_FATAL(count < 256);
    EVP_PKEY *k = NULL;
    if (strncmp(label, "ed:", 3) == 0) {
        uint8_t seed[32];
        CU_ASSERT_FATAL(EVP_Q_digest(NULL, "SHA256", NULL, label, strlen(label), seed, NULL) == 1);
        k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    } else if (strncmp(label, "ec:", 3) == 0) {
        k = EVP_EC_gen("P-256");
    } else {
        k = EVP_RSA_gen(strncmp(label, "rsa1024:", 8) == 0 ? 1024u : 2048u);
    }
    CU_ASSERT_FATAL(k != NULL);
    (void)snprintf(made[count].label, sizeof made[0].label, "%s", label);
    made[count].key = k;
    return made[count++].key;
}

static const EVP_MD *md_of(const char *key, const EVP_MD *md)
{
    return strncmp(key, "ed:", 3) == 0 ? NULL : md ? md : EVP_sha256();
}

static X509_NAME *name_of(const char *dn)
{
    uint8_t der[PKI_DN_MAX];
    size_t n = 0;
    CU_ASSERT_FATAL(pki_dn_parse(dn, der, &n) == CV_OK);
    const uint8_t *at = der;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)n);
    CU_ASSERT_FATAL(name != NULL);
    return name;
}

/* ---- certificates ------------------------------------------------------------------------------------------------------ */
static X509_EXTENSION *ext_of(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    CONF *empty = NCONF_new(NULL);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, empty);
    /* dirName: and policies stand in sections of their own: the subtree of "o=x" */
    BIO *b = BIO_new_mem_buf("[dir]\nO=cisco\n[other]\nO=other\n", -1);
    long line = 0;
    CU_ASSERT_FATAL(NCONF_load_bio(empty, b, &line) == 1);
    X509_EXTENSION *e = X509V3_EXT_nconf_nid(empty, &ctx, nid, (char *)value);
    CU_ASSERT_FATAL(e != NULL);
    BIO_free(b);
    NCONF_free(empty);
    return e;
}

static void add(X509 *x, int nid, const char *value)
{
    if (!value)
        return;
    X509_EXTENSION *e = ext_of(x, nid, value);
    CU_ASSERT_FATAL(X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void add_unknown(X509 *x, const struct mk *m)
{
    if (!m->oid)
        return;
    ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *o = OBJ_txt2obj(m->oid, 1);
    CU_ASSERT_FATAL(v && o && ASN1_OCTET_STRING_set(v, (const uint8_t *)"\x05\x00", 2) == 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, o, m->oid_critical, v);
    CU_ASSERT_FATAL(e && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OBJECT_free(o);
    ASN1_OCTET_STRING_free(v);
}

X509 *mk_x509(const struct mk *m)
{
    const struct mk *by = m->issuer ? m->issuer : m;
    X509 *x = X509_new();
    X509_NAME *subject = name_of(m->dn), *issuer = name_of(by->dn);
    CU_ASSERT_FATAL(x && X509_set_version(x, m->version_1 ? 0 : 2) == 1 &&
                    X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, issuer) == 1 &&
                    X509_set_pubkey(x, mk_key(m->key)) == 1 &&
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), m->serial ? m->serial : 1) == 1);
    CU_ASSERT_FATAL(ASN1_TIME_adj(X509_getm_notBefore(x), m->from ? m->from : T0 - DAY, 0, 0) != NULL);
    CU_ASSERT_FATAL(ASN1_TIME_adj(X509_getm_notAfter(x), m->until ? m->until : T0 + 365 * DAY, 0, 0) != NULL);
    add(x, NID_basic_constraints, m->basic);
    add(x, NID_key_usage, m->usage);
    add(x, NID_ext_key_usage, m->eku);
    add(x, NID_subject_alt_name, m->san);
    add(x, NID_name_constraints, m->nc);
    add(x, NID_crl_distribution_points, m->cdp);
    add(x, NID_info_access, m->aia);
    add(x, NID_certificate_policies, m->policies);
    add(x, NID_policy_constraints, m->policy_constraints);
    add(x, NID_id_pkix_OCSP_noCheck, m->nocheck ? "ignored" : NULL);
    add_unknown(x, m);
    CU_ASSERT_FATAL(X509_sign(x, mk_key(by->key), md_of(by->key, m->md)) > 0);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    return x;
}

struct slice mk_der(const struct mk *m)
{
    X509 *x = mk_x509(m);
    uint8_t *der = NULL;
    int n = i2d_X509(x, &der);
    CU_ASSERT_FATAL(n > 0);
    struct slice out = {slice_dup((struct slice){der, (size_t)n}), (size_t)n};
    OPENSSL_free(der);
    X509_free(x);
    return out;
}

struct pki_cert *mk_cert(const struct mk *m)
{
    struct slice der = mk_der(m);
    struct pki_cert *c = NULL;
    const char *why = "";
    cv_result r = pki_cert_parse(der, &c, &why);
    if (r != CV_OK)
        printf("\n    %s: %s\n", m->dn, why);
    CU_ASSERT_FATAL(r == CV_OK);
    free((void *)der.p);
    return c;
}

/* ---- CRLs ------------------------------------------------------------------------------------------------------------------ */
static void crl_entry(X509_CRL *crl, const struct mk_crl *m, uint64_t serial)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_TIME *t = ASN1_TIME_adj(NULL, T0 - DAY, 0, 0);
    CU_ASSERT_FATAL(r && n && t && ASN1_INTEGER_set_uint64(n, serial) == 1 &&
                    X509_REVOKED_set_serialNumber(r, n) == 1 && X509_REVOKED_set_revocationDate(r, t) == 1);
    if (m->reason) {
        ASN1_ENUMERATED *e = ASN1_ENUMERATED_new();
        CU_ASSERT_FATAL(e && ASN1_ENUMERATED_set(e, m->reason) == 1 &&
                        X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0) == 1);
        ASN1_ENUMERATED_free(e);
    }
    if (m->entry_critical) {
        GENERAL_NAMES *names = GENERAL_NAMES_new();
        GENERAL_NAME *g = GENERAL_NAME_new();
        g->type = GEN_DIRNAME;
        g->d.directoryName = name_of("CN=someone else");
        CU_ASSERT_FATAL(sk_GENERAL_NAME_push(names, g) > 0 &&
                        X509_REVOKED_add1_ext_i2d(r, NID_certificate_issuer, names, 1, 0) == 1);
        GENERAL_NAMES_free(names);
    }
    CU_ASSERT_FATAL(X509_CRL_add0_revoked(crl, r) == 1);
    ASN1_INTEGER_free(n);
    ASN1_TIME_free(t);
}

static void crl_extensions(X509_CRL *crl, const struct mk_crl *m)
{
    X509V3_CTX ctx;
    CONF *conf = NCONF_new(NULL);
    BIO *b = BIO_new(BIO_s_mem());
    long line = 0;
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    CU_ASSERT_FATAL(n && ASN1_INTEGER_set(n, 7) == 1 &&
                    X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) == 1);
    if (m->delta)
        CU_ASSERT_FATAL(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, n, 1, 0) == 1);
    if (m->idp) {
        (void)BIO_printf(b, "[idp]\n%s\n", m->idp);
        CU_ASSERT_FATAL(NCONF_load_bio(conf, b, &line) == 1);
        X509V3_set_ctx(&ctx, NULL, NULL, NULL, crl, 0);
        X509V3_set_nconf(&ctx, conf);
        X509_EXTENSION *e =
            X509V3_EXT_nconf_nid(conf, &ctx, NID_issuing_distribution_point, (char *)"critical,@idp");
        CU_ASSERT_FATAL(e && X509_CRL_add_ext(crl, e, -1) == 1);
        X509_EXTENSION_free(e);
    }
    if (m->critical_unknown) {
        ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
        ASN1_OBJECT *o = OBJ_txt2obj("1.2.3.4.5", 1);
        CU_ASSERT_FATAL(ASN1_OCTET_STRING_set(v, (const uint8_t *)"\x05\x00", 2) == 1);
        X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, o, 1, v);
        CU_ASSERT_FATAL(X509_CRL_add_ext(crl, e, -1) == 1);
        X509_EXTENSION_free(e);
        ASN1_OBJECT_free(o);
        ASN1_OCTET_STRING_free(v);
    }
    ASN1_INTEGER_free(n);
    BIO_free(b);
    NCONF_free(conf);
    ERR_clear_error();
}

static ASN1_TIME *time_of(int64_t asked, int64_t otherwise)
{
    ASN1_TIME *t = ASN1_TIME_adj(NULL, (time_t)(asked ? asked : otherwise), 0, 0);
    CU_ASSERT_FATAL(t != NULL);
    return t;
}

struct slice mk_crl(const struct mk_crl *m)
{
    const char *key = m->key ? m->key : m->issuer->key;
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *issuer = name_of(m->issuer->dn);
    ASN1_TIME *last = time_of(m->this_update, world.wall - 3600);
    ASN1_TIME *next = time_of(m->next_update, world.wall + DAY);
    CU_ASSERT_FATAL(X509_CRL_set_version(crl, 1) == 1 && X509_CRL_set_issuer_name(crl, issuer) == 1 &&
                    X509_CRL_set1_lastUpdate(crl, last) == 1);
    if (m->next_update >= 0)
        CU_ASSERT_FATAL(X509_CRL_set1_nextUpdate(crl, next) == 1);
    for (unsigned i = 0; i < m->count; i++)
        crl_entry(crl, m, m->serials[i]);
    crl_extensions(crl, m);
    CU_ASSERT_FATAL(X509_CRL_sign(crl, mk_key(key), md_of(key, m->md)) > 0);
    uint8_t *der = NULL;
    int n = i2d_X509_CRL(crl, &der);
    CU_ASSERT_FATAL(n > 0);
    struct slice out = {slice_dup((struct slice){der, (size_t)n}), (size_t)n};
    OPENSSL_free(der);
    X509_CRL_free(crl);
    X509_NAME_free(issuer);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    return out;
}

/* ---- OCSP ------------------------------------------------------------------------------------------------------------------ */
static void ocsp_nonce(OCSP_BASICRESP *b, const struct mk_ocsp *m)
{
    if (m->wrong_nonce)
        CU_ASSERT_FATAL(OCSP_basic_add1_nonce(b, (unsigned char *)"another nonce...", 16) == 1);
    if (!m->nonce_of.n)
        return;
    const uint8_t *at = m->nonce_of.p;
    OCSP_REQUEST *req = d2i_OCSP_REQUEST(NULL, &at, (long)m->nonce_of.n);
    CU_ASSERT_FATAL(req != NULL);
    CU_ASSERT_FATAL(OCSP_copy_nonce(b, req) == 1);
    OCSP_REQUEST_free(req);
}

struct slice mk_ocsp(const struct mk_ocsp *m)
{
    OCSP_BASICRESP *b = OCSP_BASICRESP_new();
    const struct mk *signer_mk = m->signer ? m->signer : m->issuer;
    X509 *cert = mk_x509(m->cert), *issuer = mk_x509(m->issuer), *signer = mk_x509(signer_mk);
    OCSP_CERTID *id = OCSP_cert_to_id(m->sha256_id ? EVP_sha256() : EVP_sha1(), cert, issuer);
    ASN1_TIME *at = time_of(m->this_update, world.wall - 3600);
    ASN1_TIME *next = time_of(m->next_update, world.wall + 3600);
    ASN1_TIME *revoked = time_of(0, T0 - DAY);
    CU_ASSERT_FATAL(ASN1_TIME_to_generalizedtime(at, &at) && ASN1_TIME_to_generalizedtime(next, &next) &&
                    ASN1_TIME_to_generalizedtime(revoked, &revoked));
    CU_ASSERT_FATAL(OCSP_basic_add1_status(b, id, m->status, m->reason, revoked, at,
                                           m->next_update < 0 ? NULL : next) != NULL);
    ocsp_nonce(b, m);
    CU_ASSERT_FATAL(OCSP_basic_sign(b, signer, mk_key(signer_mk->key), md_of(signer_mk->key, m->md), NULL,
                                    (m->by_key ? OCSP_RESPID_KEY : 0u) | (m->signer ? 0u : OCSP_NOCERTS)) ==
                    1);
    uint8_t *der = NULL;
    OCSP_RESPONSE *r = OCSP_response_create(m->response_status, m->response_status ? NULL : b);
    int n = i2d_OCSP_RESPONSE(r, &der);
    CU_ASSERT_FATAL(n > 0);
    struct slice out = {slice_dup((struct slice){der, (size_t)n}), (size_t)n};
    if (m->spoilt)
        ((uint8_t *)out.p)[out.n - 1] ^= 1; /* the signature is the last part without certificates */
    OPENSSL_free(der);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(b);
    OCSP_CERTID_free(id);
    X509_free(cert);
    X509_free(issuer);
    X509_free(signer);
    ASN1_TIME_free(at);
    ASN1_TIME_free(next);
    ASN1_TIME_free(revoked);
    return out;
}

/* ---- the end that checks ------------------------------------------------------------------------------------------------ */
static int64_t env_wall(void *ctx)
{
    (void)ctx;
    return world.wall;
}

static uint64_t env_now(void *ctx)
{
    (void)ctx;
    return world.mono;
}

static void env_random(void *ctx, uint8_t *out, size_t n)
{
    static uint8_t next;
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        out[i] = next++;
}

static bool env_fetch(void *ctx, uint64_t id, const char *url, struct slice body, const char *content_type)
{
    (void)ctx;
    (void)content_type;
    if (world.refuse)
        return false;
    CU_ASSERT_FATAL(world.asked_count < WORLD_ASKED_MAX && body.n <= sizeof world.asked[0].body);
    struct asked *a = &world.asked[world.asked_count++];
    a->id = id;
    a->answered = false;
    a->body_len = slice_copy(body, a->body, sizeof a->body);
    (void)snprintf(a->url, sizeof a->url, "%s", url);
    return true;
}

static void env_changed(void *ctx)
{
    (void)ctx;
    world.changed++;
}

static void env_excused(void *ctx, const char *trustpoint, const struct pki_cert *c,
                        struct pki_exception *out)
{
    (void)ctx;
    if (world.excuse_cn && strcmp(trustpoint, "IOSCA1") == 0 &&
        strstr(pki_cert_subject_text(c), world.excuse_cn))
        *out = world.excuse;
}

void world_up(const struct pki_conf *confs, unsigned count, bool network)
{
    struct pki_env env = {.wall_s = env_wall,
                          .now_ms = env_now,
                          .random = env_random,
                          .fetch = network ? env_fetch : NULL,
                          .changed = env_changed,
                          .excused = env_excused};
    memset(&world, 0, sizeof world);
    world.wall = T0;
    world.mono = 1000000;
    world.pki = pki_new(&env);
    CU_ASSERT_FATAL(world.pki && pki_configure(world.pki, confs, count) == CV_OK);
}

void world_down(void)
{
    pki_free(world.pki);
    world.pki = NULL;
}

void world_ca(const char *trustpoint, const struct mk *ca)
{
    struct pki_cert *c = mk_cert(ca);
    CU_ASSERT_FATAL(pki_install_ca(world.pki, trustpoint, c, 0) == CV_OK);
    pki_cert_free(c);
}

void world_pass(uint64_t seconds)
{
    for (uint64_t i = 0; i < 30 && seconds; i++, seconds--) {
        world.wall++;
        world.mono += 1000;
        (void)pki_tick(world.pki);
    }
    world.wall += (int64_t)seconds;
    world.mono += seconds * 1000;
    (void)pki_tick(world.pki);
}

struct asked *world_asked(const char *url)
{
    for (unsigned i = world.asked_count; i > 0; i--)
        if (!world.asked[i - 1].answered && strcmp(world.asked[i - 1].url, url) == 0)
            return &world.asked[i - 1];
    return NULL;
}

void world_answer(const char *url, struct slice data)
{
    struct asked *a = world_asked(url);
    CU_ASSERT_FATAL(a != NULL);
    a->answered = true;
    pki_fetched(world.pki, a->id, 200, data, "");
    free((void *)data.p);
}

void world_fail(const char *url, unsigned status)
{
    struct asked *a = world_asked(url);
    CU_ASSERT_FATAL(a != NULL);
    a->answered = true;
    pki_fetched(world.pki, a->id, status, (struct slice){0}, status ? "" : "connection refused");
}

bool world_take(struct pki_chain *c, const struct mk *const *certs, unsigned count, char text[PKI_TEXT_MAX])
{
    struct pki_offer *offers = calloc(count ? count : 1, sizeof *offers);
    CU_ASSERT_FATAL(offers != NULL);
    for (unsigned i = 0; i < count; i++)
        offers[i] = (struct pki_offer){4, mk_der(certs[i])};
    bool ok = pki_chain_take(c, offers, count, text);
    for (unsigned i = 0; i < count; i++)
        free((void *)offers[i].data.p);
    free(offers);
    return ok;
}

struct pki_verdict world_check(const struct mk *const *certs, unsigned count, const char *const *names,
                               struct pki_chain *c)
{
    struct pki_chain local;
    struct pki_chain *chain = c ? c : &local;
    struct pki_verdict v = {.kind = PKI_MALFORMED};
    unsigned n = 0;
    if (!world_take(chain, certs, count, v.text))
        return v;
    while (names && names[n])
        n++;
    v = pki_chain_check(world.pki, chain, names, n);
    if (!c)
        pki_chain_free(chain);
    return v;
}
