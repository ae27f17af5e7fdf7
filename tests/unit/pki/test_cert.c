/* pki_cert: what a certificate says, RFC 4945's identities, and what hostile ones are refused for. */
#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_sim.h"
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1800000000, DAY = 86400 };

static struct slice text_of(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

static struct pki_sim_ca *the_ca(void)
{
    static struct pki_sim_ca ca;
    if (!ca.cert)
        CU_ASSERT_EQUAL_FATAL(pki_sim_ca("ca1", "cn=CA1,o=cisco,o=com", NOW - DAY, &ca), CV_OK);
    return &ca;
}

static struct pki_sim_subject r1(void)
{
    return (struct pki_sim_subject){.seed = "r1",
                                    .kind = CR_KEY_P256,
                                    .dn = "CN=R1,OU=IT,O=cisco,O=com",
                                    .fqdn = "R1.cisco.com",
                                    .email = "ops@cisco.com",
                                    .ip = "192.168.0.1",
                                    .from = NOW - DAY,
                                    .until = NOW + DAY,
                                    .serial = 3,
                                    .path_len = -1,
                                    .crl_url = "http://192.168.0.3/crl",
                                    .ocsp_url = "http://192.168.0.3/ocsp",
                                    .key_usage = PKI_USE_DIGITAL_SIGNATURE,
                                    .ext_usage = "1.3.6.1.5.5.7.3.17"};
}

static struct pki_cert *issue(const struct pki_sim_subject *s)
{
    struct pki_cert *c = NULL;
    struct cr_key *k = NULL;
    CU_ASSERT_EQUAL_FATAL(pki_sim_issue(the_ca(), s, &c, &k), CV_OK);
    cr_key_free(k);
    return c;
}

/* ---- a good one -------------------------------------------------------------------------------------------------- */
static void everything_it_says(void)
{
    struct pki_sim_subject s = r1();
    struct pki_cert *c = issue(&s);
    const char *kind = NULL;
    CU_ASSERT_STRING_EQUAL(pki_cert_subject_text(c), "cn=R1,ou=IT,o=cisco,o=com");
    CU_ASSERT_STRING_EQUAL(pki_cert_issuer_text(c), "cn=CA1,o=cisco,o=com");
    CU_ASSERT_STRING_EQUAL(pki_cert_serial(c), "03");
    CU_ASSERT_STRING_EQUAL(pki_cert_signature_text(c), "SHA256 with ECDSA");
    CU_ASSERT_EQUAL(pki_cert_not_before(c), NOW - DAY);
    CU_ASSERT_EQUAL(pki_cert_not_after(c), NOW + DAY);
    CU_ASSERT(!pki_cert_is_ca(c) && !pki_cert_self_issued(c));
    CU_ASSERT(pki_cert_is_ca(the_ca()->cert) && pki_cert_self_issued(the_ca()->cert));
    CU_ASSERT_EQUAL(cr_key_kind(pki_cert_key(c)), CR_KEY_P256);
    CU_ASSERT_STRING_EQUAL(pki_cert_alt_name(c, 0, &kind), "R1.cisco.com");
    CU_ASSERT_STRING_EQUAL(kind, "dns");
    CU_ASSERT_STRING_EQUAL(pki_cert_alt_name(c, 1, &kind), "ops@cisco.com");
    CU_ASSERT_STRING_EQUAL(kind, "email");
    CU_ASSERT_STRING_EQUAL(pki_cert_alt_name(c, 2, &kind), "192.168.0.1");
    CU_ASSERT_STRING_EQUAL(kind, "ip");
    CU_ASSERT_PTR_NULL(pki_cert_alt_name(c, 3, &kind));
    CU_ASSERT_STRING_EQUAL(pki_cert_usage(c, 0), "Digital Signature");
    CU_ASSERT_STRING_EQUAL(pki_cert_usage(c, 1), "1.3.6.1.5.5.7.3.17");
    CU_ASSERT_PTR_NULL(pki_cert_usage(c, 2));
    CU_ASSERT_STRING_EQUAL(pki_cert_crl_url(c, 0), "http://192.168.0.3/crl");
    CU_ASSERT_PTR_NULL(pki_cert_crl_url(c, 1));
    CU_ASSERT_STRING_EQUAL(pki_cert_ocsp_url(c, 0), "http://192.168.0.3/ocsp");
    CU_ASSERT_PTR_NULL(pki_cert_ocsp_url(c, 1));
    CU_ASSERT(pki_cert_signed_by(c, pki_cert_key(the_ca()->cert)));
    CU_ASSERT_FALSE(pki_cert_signed_by(c, pki_cert_key(c)));
    CU_ASSERT(c->has_basic && c->has_key_usage && c->key_usage == PKI_USE_DIGITAL_SIGNATURE && c->simulated);
    uint8_t hash[32];
    struct slice spki = cr_key_spki(pki_cert_key(c)), der = pki_cert_der(c);
    CU_ASSERT(EVP_Q_digest(NULL, "SHA1", NULL, spki.p, spki.n, hash, NULL) == 1 &&
              memcmp(hash, pki_cert_key_hash(c), PKI_HASH_LEN) == 0);
    CU_ASSERT(EVP_Q_digest(NULL, "SHA256", NULL, der.p, der.n, hash, NULL) == 1 &&
              memcmp(hash, pki_cert_fingerprint(c), PKI_FINGERPRINT_LEN) == 0);
    struct pki_cert *again = NULL;
    CU_ASSERT_EQUAL_FATAL(pki_cert_parse(der, &again, NULL), CV_OK);
    CU_ASSERT(pki_cert_equal(c, again) && !pki_cert_equal(c, the_ca()->cert));
    pki_cert_free(again);
    pki_cert_free(c);
}

static void simulated_keys_come_from_the_seed_alone(void)
{
    struct pki_sim_ca again, other;
    struct pki_sim_subject s = r1();
    CU_ASSERT_EQUAL_FATAL(pki_sim_ca("ca1", "cn=CA1,o=cisco,o=com", NOW, &again), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_sim_ca("ca2", "cn=CA1,o=cisco,o=com", NOW, &other), CV_OK);
    CU_ASSERT(cr_key_same(again.key, the_ca()->key));
    CU_ASSERT_FALSE(cr_key_same(other.key, the_ca()->key));
    struct pki_cert *c = issue(&s);
    CU_ASSERT(pki_cert_signed_by(c, again.key) && !pki_cert_signed_by(c, other.key));
    pki_cert_free(c);
    pki_sim_ca_free(&again);
    pki_sim_ca_free(&other);
}

static void every_kind_of_key(void)
{
    for (unsigned k = 0; k <= CR_KEY_ED25519; k++) {
        struct pki_sim_subject s = r1();
        struct cr_key *key = NULL;
        struct pki_sim_ca sub = {0};
        s.kind = (enum cr_key_kind)k;
        s.is_ca = true;
        s.path_len = 2;
        s.fqdn = s.email = s.ip = NULL;
        CU_ASSERT_EQUAL_FATAL(pki_sim_issue(the_ca(), &s, &sub.cert, &sub.key), CV_OK);
        CU_ASSERT(cr_key_kind(pki_cert_key(sub.cert)) == k && sub.cert->path_len == 2);
        s = r1();
        struct pki_cert *c = NULL; /* and what it signs */
        CU_ASSERT_EQUAL_FATAL(pki_sim_issue(&sub, &s, &c, &key), CV_OK);
        CU_ASSERT(pki_cert_signed_by(c, pki_cert_key(sub.cert)));
        CU_ASSERT(pki_dn_equal(pki_cert_issuer(c), pki_cert_subject(sub.cert)));
        cr_key_free(key);
        pki_cert_free(c);
        pki_sim_ca_free(&sub);
    }
}

/* ---- RFC 4945 3.1 ---------------------------------------------------------------------------------------------------- */
static bool has(const struct pki_cert *c, uint8_t type, struct slice id)
{
    char why[PKI_TEXT_MAX];
    bool ok = pki_cert_has_id(c, type, id, why);
    CU_ASSERT_EQUAL(why[0] == '\0', ok);
    return ok;
}

static void RFC_4945_3_1_identities(void)
{
    static const uint8_t ip[] = {192, 168, 0, 1}, other[] = {192, 168, 0, 2}, ip6[16] = {0xfe, 0x80};
    struct pki_sim_subject s = r1();
    struct pki_cert *c = issue(&s);
    CU_ASSERT(has(c, PKI_ID_IPV4, (struct slice){ip, 4}));
    CU_ASSERT_FALSE(has(c, PKI_ID_IPV4, (struct slice){other, 4}));
    CU_ASSERT_FALSE(has(c, PKI_ID_IPV4, (struct slice){ip, 3}));
    CU_ASSERT_FALSE(has(c, PKI_ID_IPV6, (struct slice){ip6, 16}));
    CU_ASSERT_FALSE(has(c, PKI_ID_IPV6, (struct slice){ip, 4}));
    CU_ASSERT(has(c, PKI_ID_FQDN, text_of("r1.CISCO.com")));
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, text_of("R2.cisco.com")));
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, text_of("cisco.com")));
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, text_of("R1"))); /* the CN never counts */
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, text_of("")));
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, (struct slice){(const uint8_t *)"R1.cisco.com\0.evil.org", 22}));
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, (struct slice){(const uint8_t *)"R1.cisco.com\0", 13}));
    CU_ASSERT(has(c, PKI_ID_EMAIL, text_of("ops@Cisco.COM")));
    CU_ASSERT_FALSE(has(c, PKI_ID_EMAIL, text_of("Ops@cisco.com")));
    CU_ASSERT_FALSE(has(c, PKI_ID_EMAIL, text_of("R1.cisco.com")));
    CU_ASSERT(has(c, PKI_ID_DN, pki_cert_subject(c)));
    CU_ASSERT_FALSE(has(c, PKI_ID_DN, pki_cert_issuer(c)));
    CU_ASSERT_FALSE(has(c, PKI_ID_DN, text_of("cn=R1,ou=IT,o=cisco,o=com")));
    CU_ASSERT_FALSE(has(c, PKI_ID_DN, (struct slice){(const uint8_t *)"\x30\x00", 2}));
    CU_ASSERT_FALSE(has(c, PKI_ID_KEY, text_of("R1.cisco.com")));
    CU_ASSERT_FALSE(has(c, 4, text_of("12345678")));
    CU_ASSERT_FALSE(has(c, 0, text_of("R1.cisco.com")));
    pki_cert_free(c);
}

static void wildcards_and_IOS_names(void)
{
    static const uint8_t ip[] = {192, 168, 0, 1};
    struct pki_sim_subject s = r1();
    s.fqdn = "*.cisco.com";
    s.ip = s.email = NULL;
    s.dn = "hostname=R1.cisco.com+ipaddress=192.168.0.1+serialNumber=100,cn=R1,ou=IT,o=cisco,o=com";
    struct pki_cert *c = issue(&s);
    /* C12b: as a router prints it, in the order of DER */
    CU_ASSERT_STRING_EQUAL(
        pki_cert_subject_text(c),
        "serialNumber=100+ipaddress=192.168.0.1+hostname=R1.cisco.com,cn=R1,ou=IT,o=cisco,o=com");
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, text_of("R2.cisco.com")));
    CU_ASSERT_FALSE(has(c, PKI_ID_FQDN, text_of("*.cisco.com")));
    CU_ASSERT(has(c, PKI_ID_FQDN, text_of("R1.cisco.com")));
    CU_ASSERT(has(c, PKI_ID_IPV4, (struct slice){ip, 4}));
    pki_cert_free(c);
    s.dn = NULL; /* no subject at all: its names alone */
    c = issue(&s);
    CU_ASSERT_STRING_EQUAL(pki_cert_subject_text(c), "");
    CU_ASSERT_EQUAL(pki_cert_subject(c).n, 2);
    CU_ASSERT_FALSE(has(c, PKI_ID_DN, pki_cert_subject(c)));
    pki_cert_free(c);
}

/* ---- hostile certificates -------------------------------------------------------------------------------------------- */
/* OpenSSL builds what pki_sim would not; signed by a key of its own. */
struct build {
    X509 *x;
    EVP_PKEY *key;
};

static struct build begin(const EVP_MD *md)
{
    (void)md;
    static EVP_PKEY *key;
    if (!key)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    struct build b = {X509_new(), key};
    X509_set_version(b.x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(b.x), 77);
    ASN1_TIME_adj(X509_getm_notBefore(b.x), NOW - DAY, 0, 0);
    ASN1_TIME_adj(X509_getm_notAfter(b.x), NOW + DAY, 0, 0);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(b.x), "CN", MBSTRING_ASC, (const unsigned char *)"x", -1,
                               -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(b.x), "CN", MBSTRING_ASC, (const unsigned char *)"y", -1,
                               -1, 0);
    X509_set_pubkey(b.x, key);
    return b;
}

static cv_result finish(struct build *b, const EVP_MD *md, struct pki_cert **out, const char **why)
{
    uint8_t *der = NULL;
    CU_ASSERT_FATAL(X509_sign(b->x, b->key, md) > 0);
    int n = i2d_X509(b->x, &der);
    cv_result r = pki_cert_parse((struct slice){der, (size_t)n}, out, why);
    OPENSSL_free(der);
    X509_free(b->x);
    return r;
}

static void expect_refused(struct build *b, const char *part_of_why)
{
    struct pki_cert *c = NULL;
    const char *why = "";
    CU_ASSERT_EQUAL(finish(b, EVP_sha256(), &c, &why), CV_EPARSE);
    CU_ASSERT_PTR_NULL(c);
    CU_ASSERT(why && strstr(why, part_of_why) != NULL);
    if (!why || !strstr(why, part_of_why))
        fprintf(stderr, "why: %s; wanted %s\n", why ? why : "-", part_of_why);
}

static void CVE_2009_2408_NUL_in_names(void)
{
    struct build b = begin(NULL);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(b.x), "CN", V_ASN1_UTF8STRING,
                               (const unsigned char *)"R1\0evil", 7, -1, 0);
    expect_refused(&b, "NUL");
    b = begin(NULL);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(b.x), "OU", V_ASN1_BMPSTRING,
                               (const unsigned char *)"\0a\0\0\0b", 6, -1, 0);
    expect_refused(&b, "NUL");
    static const int kinds[] = {GEN_DNS, GEN_EMAIL, GEN_URI};
    for (unsigned i = 0; i < 3; i++) {
        GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
        GENERAL_NAME *g = GENERAL_NAME_new();
        ASN1_IA5STRING *s = ASN1_IA5STRING_new();
        ASN1_STRING_set(s, "R1.cisco.com\0.evil.org", 22);
        GENERAL_NAME_set0_value(g, kinds[i], s);
        sk_GENERAL_NAME_push(names, g);
        b = begin(NULL);
        X509_add1_ext_i2d(b.x, NID_subject_alt_name, names, 0, 0);
        GENERAL_NAMES_free(names);
        expect_refused(&b, "alternative names");
    }
}

static void names_over_the_limits(void)
{
    static unsigned char big[65536];
    memset(big, 'a', sizeof big);
    for (int len = 1900; len <= 12000; len += 10100) {
        struct build b = begin(NULL);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(b.x), "2.5.4.13", V_ASN1_UTF8STRING, big, len, -1,
                                   0);
        struct pki_cert *c = NULL;
        if (len > PKI_DN_MAX) {
            expect_refused(&b, "too long");
        } else {
            CU_ASSERT_EQUAL(finish(&b, EVP_sha256(), &c, NULL), CV_OK);
            CU_ASSERT(c && strlen(pki_cert_subject_text(c)) > 1900);
            pki_cert_free(c);
        }
    }
    struct build b = begin(NULL); /* 64 KiB: over the limit of a certificate */
    X509_NAME_add_entry_by_txt(X509_get_subject_name(b.x), "2.5.4.13", V_ASN1_UTF8STRING, big, sizeof big, -1,
                               0);
    expect_refused(&b, "too long");
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (int i = 0; i <= PKI_NAMES_MAX; i++) {
        char name[32];
        GENERAL_NAME *g = GENERAL_NAME_new();
        ASN1_IA5STRING *s = ASN1_IA5STRING_new();
        snprintf(name, sizeof name, "h%d.example", i);
        ASN1_STRING_set(s, name, -1);
        GENERAL_NAME_set0_value(g, GEN_DNS, s);
        sk_GENERAL_NAME_push(names, g);
    }
    b = begin(NULL);
    X509_add1_ext_i2d(b.x, NID_subject_alt_name, names, 0, 0);
    expect_refused(&b, "too many");
    GENERAL_NAME_free(sk_GENERAL_NAME_pop(names));
    b = begin(NULL);
    X509_add1_ext_i2d(b.x, NID_subject_alt_name, names, 0, 0);
    struct pki_cert *c = NULL;
    CU_ASSERT_EQUAL(finish(&b, EVP_sha256(), &c, NULL), CV_OK);
    CU_ASSERT(c && c->alt_count == PKI_NAMES_MAX);
    pki_cert_free(c);
    GENERAL_NAMES_free(names);
}

static void add_raw_extension(X509 *x, const char *oid, int critical, const char *octets, int n)
{
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
    X509_EXTENSION *e = NULL;
    ASN1_OCTET_STRING_set(s, (const unsigned char *)octets, n);
    X509_EXTENSION_create_by_OBJ(&e, o, critical, s);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(s);
    ASN1_OBJECT_free(o);
}

static void extensions_too_many_twice_or_malformed(void)
{
    struct build b = begin(NULL);
    for (int i = 0; i <= PKI_EXTENSIONS_MAX; i++) {
        char oid[32];
        snprintf(oid, sizeof oid, "1.3.6.1.4.1.99999.%d", i);
        add_raw_extension(b.x, oid, 0, "\x05\x00", 2);
    }
    expect_refused(&b, "too many extensions");
    b = begin(NULL);
    add_raw_extension(b.x, "2.5.29.15", 1, "\x03\x02\x07\x80", 4);
    add_raw_extension(b.x, "2.5.29.15", 1, "\x03\x02\x01\x06", 4);
    expect_refused(&b, "twice");
    b = begin(NULL);
    add_raw_extension(b.x, "1.3.6.1.4.1.99999.1", 0, "\x05\x00", 2);
    add_raw_extension(b.x, "1.3.6.1.4.1.99999.1", 0, "\x05\x00", 2);
    expect_refused(&b, "twice");
    static const struct {
        const char *oid, *octets;
        int n;
        const char *why;
    } bad[] = {
        {"2.5.29.19", "\x30\x03\x01\x01", 4, "basic constraints"},
        {"2.5.29.19", "\x30\x06\x01\x01\xff\x02\x01\xff", 8, "basic constraints"}, /* path length -1 */
        {"2.5.29.19", "\x30\x03\x02\x01\x01", 5, "basic constraints"}, /* path length without CA */
        {"2.5.29.15", "\x04\x01\x80", 3, "key usage"},
        {"2.5.29.37", "\x30\x00", 2, "extended key usage"},
        {"2.5.29.37", "\x30\x02\x06\x01", 4, "extended key usage"},
        {"2.5.29.17", "\x30\x07\x87\x05\x01\x02\x03\x04\x05", 9,
         "alternative names"}, /* an address of 5 octets */
        {"2.5.29.17", "\x30\x03\x82\x05", 4, "alternative names"},
        {"2.5.29.30", "\x30\x02\xa0\x01", 4, "name constraints"},
        {"2.5.29.31", "\x30\x02\x30\x01", 4, "distribution points"},
        {"1.3.6.1.5.5.7.1.1", "\x30\x02\x30\x01", 4, "information access"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        b = begin(NULL);
        add_raw_extension(b.x, bad[i].oid, 0, bad[i].octets, bad[i].n);
        expect_refused(&b, bad[i].why);
    }
    b = begin(NULL); /* extensions in a certificate of version 1 */
    X509_set_version(b.x, X509_VERSION_1);
    add_raw_extension(b.x, "2.5.29.15", 1, "\x03\x02\x07\x80", 4);
    expect_refused(&b, "version 3");
}

static void RFC_5280_4_2_unknown_critical_extensions_are_noted(void)
{
    struct pki_cert *c = NULL;
    struct build b = begin(NULL);
    add_raw_extension(b.x, "1.3.6.1.4.1.99999.1", 0, "\x05\x00", 2);
    CU_ASSERT_EQUAL_FATAL(finish(&b, EVP_sha256(), &c, NULL), CV_OK);
    CU_ASSERT_FALSE(c->unknown_critical);
    pki_cert_free(c);
    static const char *const oids[] = {"1.3.6.1.4.1.99999.1", "2.5.29.36", "2.5.29.54", "2.5.29.33"};
    for (unsigned i = 0; i < 4; i++) {
        b = begin(NULL);
        add_raw_extension(b.x, oids[i], 1, "\x05\x00", 2);
        CU_ASSERT_EQUAL_FATAL(finish(&b, EVP_sha256(), &c, NULL), CV_OK);
        CU_ASSERT(c->unknown_critical);
        pki_cert_free(c);
    }
}

static void weak_signatures_are_read_and_marked(void)
{
    static const struct {
        const EVP_MD *(*md)(void);
        const char *text;
    } weak[] = {{EVP_md5, "MD5 with RSA Encryption"},
                {EVP_sha1, "SHA1 with RSA Encryption"},
                {EVP_sha224, "SHA224 with RSA Encryption"}};
    for (unsigned i = 0; i < 3; i++) {
        struct pki_cert *c = NULL;
        struct build b = begin(NULL);
        EVP_PKEY *key = b.key;
        CU_ASSERT_EQUAL_FATAL(finish(&b, weak[i].md(), &c, NULL), CV_OK);
        CU_ASSERT(c->sig_alg->weak);
        CU_ASSERT_STRING_EQUAL(pki_cert_signature_text(c), weak[i].text);
        CU_ASSERT_FALSE(pki_cert_signed_by(c, pki_cert_key(c))); /* though it is: its key signed it */
        CU_ASSERT_EQUAL(X509_verify(c->x509, key), 1);
        pki_cert_free(c);
    }
}

/* The outer algorithm is not signed: what the inner one says counts, and they must agree. */
static void RFC_5280_4_1_1_2_both_algorithms_agree(void)
{
    struct pki_sim_subject s = r1();
    struct pki_cert *c = issue(&s), *other = NULL;
    uint8_t der[PKI_CERT_MAX];
    static const uint8_t ecdsa256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    size_t n = slice_copy(pki_cert_der(c), der, sizeof der);
    unsigned found = 0;
    for (size_t i = 0; i + sizeof ecdsa256 <= n; i++)
        if (memcmp(der + i, ecdsa256, sizeof ecdsa256) == 0) {
            der[i + 7] = 3; /* SHA-384 */
            const char *why = "";
            CU_ASSERT_EQUAL(pki_cert_parse((struct slice){der, n}, &other, &why), CV_EPARSE);
            CU_ASSERT_STRING_EQUAL(why, "its signature is malformed");
            der[i + 7] = 2;
            found++;
        }
    CU_ASSERT_EQUAL(found, 2);
    pki_cert_free(c);
}

static void keys_and_algorithms_that_are_none_of_ours(void)
{
    static const char *const kinds[][2] = {{"EC", "secp256k1"}, {"ED448", NULL}, {"RSA", NULL}};
    for (unsigned i = 0; i < 3; i++) {
        struct pki_cert *c = NULL;
        const char *why = "";
        struct build b = begin(NULL);
        EVP_PKEY *k = i == 0   ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[0][1])
                      : i == 1 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED448")
                               : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
        X509_set_pubkey(b.x, k);
        CU_ASSERT_EQUAL(finish(&b, EVP_sha256(), &c, &why), CV_EUNSUP);
        CU_ASSERT(why && strstr(why, "key") != NULL);
        EVP_PKEY_free(k);
    }
    struct build b = begin(NULL);
    struct pki_cert *c = NULL;
    b.key = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    CU_ASSERT_EQUAL(finish(&b, NULL, &c, NULL), CV_EUNSUP);
    EVP_PKEY_free(b.key);
}

static void serial_numbers(void)
{
    static const struct {
        const char *hex, *text; /* text NULL: refused */
    } rows[] = {{"00", "00"},
                {"7f", "7F"},
                {"80", "80"},
                {"-01", NULL},
                {"00ffffffffffffffffffffffffffffffffffffff", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
                {"ffffffffffffffffffffffffffffffffffffffff", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
                {"01ffffffffffffffffffffffffffffffffffffffff", NULL}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct build b = begin(NULL);
        BIGNUM *n = NULL;
        struct pki_cert *c = NULL;
        BN_hex2bn(&n, rows[i].hex);
        BN_to_ASN1_INTEGER(n, X509_get_serialNumber(b.x));
        BN_free(n);
        if (!rows[i].text) {
            expect_refused(&b, "serial");
            continue;
        }
        CU_ASSERT_EQUAL_FATAL(finish(&b, EVP_sha256(), &c, NULL), CV_OK);
        CU_ASSERT_STRING_EQUAL(pki_cert_serial(c), rows[i].text);
        pki_cert_free(c);
    }
}

/* Cut short, with octets behind it, and each octet changed: refused or parsed, never more than that. */
static void cut_padded_and_changed(void)
{
    struct pki_sim_subject s = r1();
    struct pki_cert *c = issue(&s), *other = NULL;
    uint8_t der[PKI_CERT_MAX];
    size_t n = slice_copy(pki_cert_der(c), der, sizeof der);
    const char *why = NULL;
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(pki_cert_parse((struct slice){der, i}, &other, &why), CV_EPARSE);
    der[n] = 0;
    CU_ASSERT_EQUAL(pki_cert_parse((struct slice){der, n + 1}, &other, &why), CV_EPARSE);
    unsigned parsed = 0, believed = 0;
    for (size_t i = 0; i < n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            der[i] = (uint8_t)(der[i] ^ 1u << bit);
            if (pki_cert_parse((struct slice){der, n}, &other, &why) == CV_OK) {
                parsed++;
                believed += pki_cert_signed_by(other, the_ca()->key);
                pki_cert_free(other);
            } else {
                CU_ASSERT_PTR_NOT_NULL(why);
            }
            der[i] = (uint8_t)(der[i] ^ 1u << bit);
        }
    CU_ASSERT(parsed > 100);
    CU_ASSERT_EQUAL(believed, 0);
    pki_cert_free(c);
}

static void RFC_5280_4_2_1_13_distribution_points_for_some_reasons_only_are_passed_over(void)
{
    struct build b = begin(NULL);
    struct pki_cert *c = NULL;
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    CONF *conf = NCONF_new(NULL);
    BIO *bio = BIO_new_mem_buf("[one]\nfullname=URI:http://a/only\nreasons=keyCompromise\n[two]\n"
                               "fullname=URI:ldap://b/x,URI:HTTP://b/whole,URI:http://b/second\n",
                               -1);
    long line = 0;
    CU_ASSERT_FATAL(NCONF_load_bio(conf, bio, &line) > 0);
    X509V3_set_nconf(&ctx, conf);
    X509_EXTENSION *e = X509V3_EXT_nconf_nid(conf, &ctx, NID_crl_distribution_points, "one,two");
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    X509_add_ext(b.x, e, -1);
    X509_EXTENSION_free(e);
    CU_ASSERT_EQUAL_FATAL(finish(&b, EVP_sha256(), &c, NULL), CV_OK);
    CU_ASSERT_STRING_EQUAL(pki_cert_crl_url(c, 0), "HTTP://b/whole");
    CU_ASSERT_STRING_EQUAL(pki_cert_crl_url(c, 1), "http://b/second");
    CU_ASSERT_PTR_NULL(pki_cert_crl_url(c, 2));
    pki_cert_free(c);
    BIO_free(bio);
    NCONF_free(conf);
}

/* ---- files and terminals ----------------------------------------------------------------------------------------------- */
static void PEM_DER_and_bare_base64(void)
{
    struct pki_sim_subject s = r1();
    struct pki_cert *c = issue(&s), *back = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    size_t used = 0;
    BIO_puts(bio, "bag attributes\n");
    PEM_write_bio_X509(bio, c->x509);
    size_t first = BIO_ctrl_pending(bio);
    PEM_write_bio_X509(bio, the_ca()->cert->x509);
    long n = BIO_get_mem_data(bio, &text);
    struct slice pem = {(const uint8_t *)text, (size_t)n};
    CU_ASSERT_EQUAL_FATAL(pki_cert_read(pem, &back, &used), CV_OK);
    CU_ASSERT(pki_cert_equal(c, back) && used == first);
    pki_cert_free(back);
    CU_ASSERT_EQUAL_FATAL(pki_cert_read((struct slice){pem.p + used, pem.n - used}, &back, &used), CV_OK);
    CU_ASSERT(pki_cert_equal(the_ca()->cert, back) && used == pem.n - first);
    pki_cert_free(back);
    char *begin_line = strstr(text, "-----BEGIN CERTIFICATE-----\n"), *end_line = strstr(text, "-----END");
    struct slice bare = {(uint8_t *)begin_line + 28, (size_t)(end_line - begin_line - 28)};
    CU_ASSERT_EQUAL_FATAL(pki_cert_read(bare, &back, &used), CV_OK);
    CU_ASSERT(pki_cert_equal(c, back));
    pki_cert_free(back);
    struct slice der = pki_cert_der(c);
    CU_ASSERT_EQUAL_FATAL(pki_cert_read(der, &back, &used), CV_OK);
    CU_ASSERT(pki_cert_equal(c, back) && used == der.n);
    pki_cert_free(back);
    static const char *const bad[] = {"", "  \n", "hello",
                                      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                                      "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(pki_cert_read(text_of(bad[i]), &back, NULL), CV_EPARSE);
    BIO_free(bio);
    pki_cert_free(c);
}

/* ---- PKCS #7 ------------------------------------------------------------------------------------------------------------ */
static struct slice pkcs7_of(struct pki_cert *const *certs, unsigned count, uint8_t **der)
{
    PKCS7 *p7 = PKCS7_new();
    PKCS7_set_type(p7, NID_pkcs7_signed);
    PKCS7_content_new(p7, NID_pkcs7_data);
    for (unsigned i = 0; i < count; i++)
        PKCS7_add_certificate(p7, certs[i]->x509);
    *der = NULL;
    int n = i2d_PKCS7(p7, der);
    PKCS7_free(p7);
    CU_ASSERT_FATAL(n > 0);
    return (struct slice){*der, (size_t)n};
}

static void RFC_4945_3_3_2_PKCS7(void)
{
    struct pki_cert *certs[PKI_CERTS_MAX + 1], *out[PKI_CERTS_MAX];
    unsigned count = 9;
    uint8_t *der;
    for (unsigned i = 0; i <= PKI_CERTS_MAX; i++) {
        struct pki_sim_subject s = r1();
        s.serial = 100 + i;
        certs[i] = issue(&s);
    }
    struct slice p7 = pkcs7_of(certs, 3, &der);
    CU_ASSERT_EQUAL_FATAL(pki_pkcs7_read(p7, out, &count), CV_OK);
    CU_ASSERT_EQUAL(count, 3);
    for (unsigned i = 0; i < count; i++) {
        unsigned hits = 0;
        for (unsigned k = 0; k < 3; k++)
            hits += pki_cert_equal(out[i], certs[k]);
        CU_ASSERT_EQUAL(hits, 1);
        pki_cert_free(out[i]);
    }
    for (size_t n = 0; n < p7.n; n += 3)
        CU_ASSERT_EQUAL(pki_pkcs7_read((struct slice){p7.p, n}, out, &count), CV_EPARSE);
    CU_ASSERT_EQUAL(count, 0);
    OPENSSL_free(der);
    p7 = pkcs7_of(certs, PKI_CERTS_MAX, &der);
    CU_ASSERT_EQUAL(pki_pkcs7_read(p7, out, &count), CV_OK);
    CU_ASSERT_EQUAL(count, PKI_CERTS_MAX);
    for (unsigned i = 0; i < count; i++)
        pki_cert_free(out[i]);
    OPENSSL_free(der);
    p7 = pkcs7_of(certs, PKI_CERTS_MAX + 1, &der);
    CU_ASSERT_EQUAL(pki_pkcs7_read(p7, out, &count), CV_ENOSPC);
    CU_ASSERT_EQUAL(count, 0);
    OPENSSL_free(der);
    CU_ASSERT_EQUAL(pki_pkcs7_read(pki_cert_der(certs[0]), out, &count), CV_EPARSE);
    CU_ASSERT_EQUAL(pki_pkcs7_read((struct slice){0}, out, &count), CV_EPARSE);
    for (unsigned i = 0; i <= PKI_CERTS_MAX; i++)
        pki_cert_free(certs[i]);
}

UNIT_MAIN("pki_cert", UNIT_TEST(everything_it_says), UNIT_TEST(simulated_keys_come_from_the_seed_alone),
          UNIT_TEST(every_kind_of_key), UNIT_TEST(RFC_4945_3_1_identities),
          UNIT_TEST(wildcards_and_IOS_names), UNIT_TEST(CVE_2009_2408_NUL_in_names),
          UNIT_TEST(names_over_the_limits), UNIT_TEST(extensions_too_many_twice_or_malformed),
          UNIT_TEST(RFC_5280_4_2_unknown_critical_extensions_are_noted),
          UNIT_TEST(weak_signatures_are_read_and_marked), UNIT_TEST(RFC_5280_4_1_1_2_both_algorithms_agree),
          UNIT_TEST(keys_and_algorithms_that_are_none_of_ours), UNIT_TEST(serial_numbers),
          UNIT_TEST(cut_padded_and_changed),
          UNIT_TEST(RFC_5280_4_2_1_13_distribution_points_for_some_reasons_only_are_passed_over),
          UNIT_TEST(PEM_DER_and_bare_base64), UNIT_TEST(RFC_4945_3_3_2_PKCS7))
