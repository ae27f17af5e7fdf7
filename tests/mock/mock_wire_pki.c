#include "tests/mock/mock_wire_pki.h"

#include "control/crypto/cr_key.h"
#include "control/ike/ike_cert.h"
#include "tests/mock/mock_wire_priv.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CR_KEY_LARGE_BITS = 4096, CAS_MAX = 32, ISSUED_MAX = 256, NAME_MAX_ = 96 };

bool wire_network;

/* ---- what is made up once ------------------------------------------------------------------------------------------- */
static struct {
    char name[NAME_MAX_];
    struct pki_sim_ca ca;
} cas[CAS_MAX];
static unsigned ca_count;

const struct pki_sim_ca *wire_ca(const char *name)
{
    char dn[NAME_MAX_ + 32];
    for (unsigned i = 0; i < ca_count; i++)
        if (strcmp(cas[i].name, name) == 0)
            return &cas[i].ca;
    if (ca_count == CAS_MAX)
        wire_die("too many CAs");
    snprintf(cas[ca_count].name, sizeof cas[ca_count].name, "%s", name);
    snprintf(dn, sizeof dn, "cn=%s,o=cisco,o=com", name);
    if (pki_sim_ca(name, dn, WIRE_PKI_START_S - WIRE_DAY_S, &cas[ca_count].ca) != CV_OK)
        wire_die("no CA %s", name);
    return &cas[ca_count++].ca;
}

/* An intermediate CA "Sub" of "CA1" is kept as "CA1/Sub". */
static const struct pki_sim_ca *intermediate(const char *root, const char *name)
{
    char full[NAME_MAX_], dn[NAME_MAX_ + 32];
    snprintf(full, sizeof full, "%s/%s", root, name);
    snprintf(dn, sizeof dn, "cn=%s,o=cisco,o=com", name);
    for (unsigned i = 0; i < ca_count; i++)
        if (strcmp(cas[i].name, full) == 0)
            return &cas[i].ca;
    const struct pki_sim_subject s = {.seed = full,
                                      .kind = CR_KEY_P256,
                                      .dn = dn,
                                      .from = WIRE_PKI_START_S - WIRE_DAY_S,
                                      .serial = 77,
                                      .is_ca = true,
                                      .path_len = -1,
                                      .key_usage = 1u << 5 | 1u << 6};
    const struct pki_sim_ca *above = wire_ca(root);
    if (ca_count == CAS_MAX ||
        pki_sim_issue(above, &s, &cas[ca_count].ca.cert, &cas[ca_count].ca.key) != CV_OK)
        wire_die("no intermediate CA %s", full);
    snprintf(cas[ca_count].name, sizeof cas[ca_count].name, "%s", full);
    return &cas[ca_count++].ca;
}

/* RSA keys take their time: a certificate that was issued once serves all wires of the process. */
static struct {
    char what[512];
    struct pki_cert *cert;
    struct cr_key *key;
} issued[ISSUED_MAX];
static unsigned issued_count;

static const char *or_(const char *v, const char *ordinary)
{
    return v ? v[0] ? v : NULL : ordinary;
}

void wire_issue(struct wire *w, enum wire_end end, const struct wire_enrol *e, struct pki_cert **cert,
                struct cr_key **key)
{
    char dn[NAME_MAX_], seed[2 * NAME_MAX_], what[512], ip[IP_TEXT_MAX];
    snprintf(dn, sizeof dn, "cn=%c,ou=IT,o=cisco,o=com", "AB"[end]);
    snprintf(seed, sizeof seed, "%c %s %s", "AB"[end], e -> trustpoint, e -> seed ? e -> seed : "");
    const struct pki_sim_subject s = {.seed = seed,
                                      .kind = e->kind,
                                      .dn = e->dn ? e->dn : dn,
                                      .fqdn = or_(e->fqdn, NULL),
                                      .email = or_(e->email, NULL),
                                      .ip = or_(e->ip, ip_addr_text(&w->side[end].address, ip)),
                                      .from = WIRE_PKI_START_S + (e->from ? e->from : -WIRE_DAY_S),
                                      .until = e->until ? WIRE_PKI_START_S + e->until : 0,
                                      .serial = e->serial ? e->serial : 2 + end,
                                      .path_len = -1,
                                      .crl_url = e->crl_url,
                                      .key_usage = 1,
                                      .ext_usage = e->ext_usage};
    snprintf(what, sizeof what, "%s|%s|%s|%d|%s|%s|%s|%s|%lld|%lld|%s|%s|%llu", seed, e->ca,
             e->via ? e->via : "", e->kind, s.dn, s.fqdn ? s.fqdn : "", s.email ? s.email : "",
             s.ip ? s.ip : "", (long long)s.from, (long long)s.until, s.crl_url ? s.crl_url : "",
             s.ext_usage ? s.ext_usage : "", (unsigned long long)s.serial);
    unsigned i = 0;
    while (i < issued_count && strcmp(issued[i].what, what) != 0)
        i++;
    if (i == issued_count) {
        const struct pki_sim_ca *ca = e->via ? intermediate(e->ca, e->via) : wire_ca(e->ca);
        if (i == ISSUED_MAX || pki_sim_issue(ca, &s, &issued[i].cert, &issued[i].key) != CV_OK)
            wire_die("no certificate for %s", what);
        snprintf(issued[i].what, sizeof issued[i].what, "%s", what);
        issued_count++;
    }
    *cert = issued[i].cert;
    *key = issued[i].key;
}

void wire_enrol(struct wire *w, enum wire_end end, const struct wire_enrol *e)
{
    struct pki *p = w->side[end].pki;
    struct pki_cert *own, *chain[1];
    struct cr_key *key;
    const struct pki_sim_ca *via = e->via ? intermediate(e->ca, e->via) : NULL;
    if (pki_install_ca(p, e->trustpoint, e->ca_is_via ? via->cert : wire_ca(e->ca)->cert, 0) != CV_OK)
        wire_die("CA of %s cannot be installed", e->trustpoint);
    if (e->no_own)
        return;
    wire_issue(w, end, e, &own, &key);
    chain[0] = via ? via->cert : NULL;
    if (pki_install_own(p, e->trustpoint, own, key, chain, via && !e->ca_is_via, 0) != CV_OK)
        wire_die("certificate of %s cannot be installed", e->trustpoint);
}

void wire_enrol_both(struct wire *w, enum wire_end end, const char *first, const char *second,
                     const struct wire_enrol *how)
{
    const char *const order[] = {first, second};
    for (unsigned i = 0; i < 2; i++) {
        struct wire_enrol e = how ? *how : (struct wire_enrol){0};
        e.trustpoint = order[i];
        e.ca = strchr(order[i], '1') ? "CA1" : "CA2";
        wire_enrol(w, end, &e);
    }
}

/* ---- large keys ------------------------------------------------------------------------------------------------------- */
struct large {
    struct pki_cert *cert;
    struct cr_key *key;
};

static bool extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

/* san NULL: a CA. by NULL: of itself. */
static void make_large(const char *cn, const char *san, const struct large *by, long serial,
                       struct large *out)
{
    uint8_t *der = NULL;
    X509 *x = X509_new();
    if (!x || cr_key_generate(CR_KEY_RSA, CR_KEY_LARGE_BITS, &out->key) != CV_OK)
        wire_die("no large key");
    X509_NAME *name = X509_get_subject_name(x);
    const unsigned char *at = by ? pki_cert_subject(by->cert).p : NULL;
    X509_NAME *issuer = by ? d2i_X509_NAME(NULL, &at, (long)pki_cert_subject(by->cert).n) : NULL;
    bool ok =
        X509_set_version(x, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), serial) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0) == 1 &&
        X509_set_issuer_name(x, issuer ? issuer : name) == 1 &&
        ASN1_TIME_set(X509_getm_notBefore(x), WIRE_PKI_START_S - WIRE_DAY_S) &&
        ASN1_TIME_set(X509_getm_notAfter(x), WIRE_PKI_START_S + WIRE_DAY_S) &&
        X509_set_pubkey(x, cr_key_evp(out->key)) == 1 &&
        extend(x, x, NID_basic_constraints, san ? "critical,CA:FALSE" : "critical,CA:TRUE") &&
        extend(x, x, NID_key_usage, san ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign") &&
        (!san || extend(x, x, NID_subject_alt_name, san)) &&
        X509_sign(x, cr_key_evp(by ? by->key : out->key), EVP_sha256()) > 0;
    int n = ok ? i2d_X509(x, &der) : -1;
    if (n < 0 || pki_cert_parse((struct slice){der, (size_t)n}, &out->cert, NULL) != CV_OK)
        wire_die("no large certificate");
    OPENSSL_free(der);
    X509_NAME_free(issuer);
    X509_free(x);
}

void wire_enrol_large(struct wire *w, enum wire_end end, const char *trustpoint, const char *fqdn)
{
    static struct large root, sub;
    char san[NAME_MAX_ * 2], ip[IP_TEXT_MAX];
    struct large own = {0};
    if (!root.cert) {
        make_large("Large root", NULL, NULL, 1, &root);
        make_large("Large intermediate", NULL, &root, 2, &sub);
    }
    snprintf(san, sizeof san, "IP:%s,DNS:%s", ip_addr_text(&w->side[end].address, ip), fqdn);
    make_large(fqdn, san, &sub, 10 + end, &own);
    if (pki_install_ca(w->side[end].pki, trustpoint, root.cert, 0) != CV_OK ||
        pki_install_own(w->side[end].pki, trustpoint, own.cert, own.key, &sub.cert, 1, 0) != CV_OK)
        wire_die("large certificates cannot be installed");
    pki_cert_free(own.cert);
    cr_key_free(own.key);
}

/* ---- the network -------------------------------------------------------------------------------------------------------- */
static int64_t env_wall_s(void *ctx)
{
    return WIRE_PKI_START_S + (int64_t)(((struct wire_side *)ctx)->wire->now / 1000);
}

static uint64_t env_now(void *ctx)
{
    return ((struct wire_side *)ctx)->wire->now;
}

static void env_random(void *ctx, uint8_t *out, size_t n)
{
    wire_random_octets(ctx, out, n);
}

static bool env_fetch(void *ctx, uint64_t id, const char *url, struct slice body, const char *content_type)
{
    struct wire_side *s = ctx;
    (void)url;
    (void)body;
    (void)content_type;
    if (s->fetch_count == WIRE_FETCHES)
        return false;
    s->fetches[s->fetch_count++] = id;
    return true;
}

static void env_changed(void *ctx)
{
    struct wire_side *s = ctx;
    if (s->ike)
        ike_pki_changed(s->ike);
}

unsigned wire_fetches(const struct wire *w, enum wire_end end)
{
    return w->side[end].fetch_count;
}

static bool add_revoked(X509_CRL *crl, uint64_t serial)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_TIME *at = ASN1_TIME_set(NULL, WIRE_PKI_START_S - 60);
    bool ok = r && n && at && ASN1_INTEGER_set_uint64(n, serial) == 1 &&
              X509_REVOKED_set_serialNumber(r, n) == 1 && X509_REVOKED_set_revocationDate(r, at) == 1 &&
              X509_CRL_add0_revoked(crl, r) == 1;
    ASN1_INTEGER_free(n);
    ASN1_TIME_free(at);
    return ok;
}

static int make_crl(const struct pki_sim_ca *ca, const uint64_t *serials, unsigned count, uint8_t **out)
{
    const struct slice dn = pki_cert_subject(ca->cert);
    const unsigned char *at = dn.p;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)dn.n);
    ASN1_TIME *from = ASN1_TIME_set(NULL, WIRE_PKI_START_S - 60),
              *until = ASN1_TIME_set(NULL, WIRE_PKI_START_S + WIRE_DAY_S);
    X509_CRL *crl = X509_CRL_new();
    bool ok = crl && name && from && until && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, name) == 1 && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
              X509_CRL_set1_nextUpdate(crl, until) == 1;
    for (unsigned i = 0; ok && i < count; i++)
        ok = add_revoked(crl, serials[i]);
    ok = ok && X509_CRL_sign(crl, cr_key_evp(ca->key), EVP_sha256()) > 0;
    int n = ok ? i2d_X509_CRL(crl, out) : -1;
    X509_CRL_free(crl);
    X509_NAME_free(name);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return n;
}

void wire_fetched(struct wire *w, enum wire_end end, const char *ca, const uint64_t *serials, unsigned count)
{
    struct wire_side *s = &w->side[end];
    uint8_t *der = NULL;
    if (s->fetch_count == 0)
        wire_die("nothing is being fetched");
    const uint64_t id = s->fetches[0];
    memmove(s->fetches, s->fetches + 1, --s->fetch_count * sizeof s->fetches[0]);
    int n = ca ? make_crl(wire_ca(ca), serials, count, &der) : 0;
    if (n < 0)
        wire_die("no CRL");
    pki_fetched(s->pki, id, ca ? 200 : 0, (struct slice){der, (size_t)n}, ca ? NULL : "no route");
    OPENSSL_free(der);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */
static void configure(struct wire_side *s)
{
    struct pki_conf confs[PKI_TRUSTPOINTS_MAX];
    unsigned n = 0;
    memset(confs, 0, sizeof confs);
    for (; n < s->cfg->trustpoint_count && n < PKI_TRUSTPOINTS_MAX; n++) {
        const struct cfg_trustpoint *t = &s->cfg->trustpoints[n];
        enum cfg_revocation m[3];
        snprintf(confs[n].name, sizeof confs[n].name, "%s", t->name);
        confs[n].method_count = cfg_revocation_methods(t, m);
        for (unsigned k = 0; k < confs[n].method_count; k++)
            confs[n].methods[k] = m[k] == CFG_REVOCATION_CRL    ? PKI_METHOD_CRL
                                  : m[k] == CFG_REVOCATION_OCSP ? PKI_METHOD_OCSP
                                                                : PKI_METHOD_NONE;
    }
    if (pki_configure(s->pki, confs, n) != CV_OK)
        wire_die("trust-points refused");
}

void wire_pki_start(struct wire_side *s)
{
    const struct pki_env env = {.ctx = s,
                                .wall_s = env_wall_s,
                                .now_ms = env_now,
                                .random = env_random,
                                .fetch = wire_network ? env_fetch : NULL,
                                .changed = env_changed};
    s->pki = pki_new(&env);
    if (!s->pki)
        wire_die("no trust-points");
    configure(s);
}

void wire_pki_stop(struct wire_side *s)
{
    pki_free(s->pki);
    s->pki = NULL;
}
