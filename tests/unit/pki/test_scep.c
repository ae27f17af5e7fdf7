/* Enrolment against an authority in the process: by the book, and with one thing wrong at a time. RFC 8894. */
#include "control/pki/pki_enrol.h"
#include "control/pki/pki_scep.h"
#include "tests/unit/pki/authority.h"
#include "tests/unit/unit.h"

#include <openssl/pkcs7.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL "http://192.0.2.1:80"

static const struct mk ca = {.dn = "CN=CA1", .key = "rsa:ca", MK_CA};
static const struct mk ra = {
    .dn = "CN=RA", .key = "rsa:ra", .issuer = &ca, .serial = 2, .usage = "digitalSignature,keyEncipherment"};
static const struct mk other_ca = {.dn = "CN=ED", .key = "ed:ca", MK_CA};

/* ---- a network and a key store ------------------------------------------------------------------------------------------ */
static struct {
    struct pki *pki;
    struct pki_enrol *enrol;
    int64_t wall;
    uint64_t mono;
    struct {
        uint64_t id;
        char url[16384];
        uint8_t body[65536];
        size_t n;
    } asked;
    struct cr_key *key; /* of label R1 */
    bool exportable;
    unsigned saved, installed;
    const char *caps;
    const struct mk *ca, *second; /* of GetCACert */
    unsigned status;              /* of every answer */
    char said[4096];
} t;

static int64_t wall(void *ctx)
{
    (void)ctx;
    return t.wall;
}

static uint64_t mono(void *ctx)
{
    (void)ctx;
    return t.mono;
}

static void noise(void *ctx, uint8_t *out, size_t n)
{
    static uint8_t at;
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        out[i] = at++;
}

static bool fetch(void *ctx, uint64_t id, const char *url, struct slice body, const char *type)
{
    (void)ctx;
    CU_ASSERT(body.n == 0 || strcmp(type, "application/x-pki-message") == 0);
    CU_ASSERT_FATAL(strlen(url) < sizeof t.asked.url && body.n < sizeof t.asked.body);
    t.asked.id = id;
    memcpy(t.asked.url, url, strlen(url) + 1);
    t.asked.n = slice_copy(body, t.asked.body, sizeof t.asked.body);
    return true;
}

static void said(void *ctx, enum log_level level, const char *topic, const char *text)
{
    (void)ctx;
    (void)level;
    (void)topic;
    size_t at = strlen(t.said);
    (void)snprintf(t.said + at, sizeof t.said - at, "%s\n", text);
}

static cv_result key_load(void *ctx, const char *label, struct cr_key **out, bool *exportable)
{
    (void)ctx;
    if (!t.key || strcmp(label, "R1") != 0)
        return CV_ENOENT;
    *out = cr_key_ref(t.key);
    *exportable = t.exportable;
    return CV_OK;
}

static cv_result key_save(void *ctx, const char *label, const struct cr_key *k, bool exportable)
{
    struct secret der = {NULL, 0}, none = {NULL, 0};
    (void)ctx;
    CU_ASSERT_STRING_EQUAL(label, "R1");
    CU_ASSERT_EQUAL_FATAL(cr_key_export(k, &none, &der), CV_OK);
    cr_key_free(t.key);
    CU_ASSERT_EQUAL_FATAL(cr_key_private((struct slice){der.p, der.n}, &none, &t.key), CV_OK);
    secret_free(&der);
    t.exportable = exportable;
    t.saved++;
    return CV_OK;
}

static void installed(void *ctx, const char *trustpoint)
{
    (void)ctx;
    CU_ASSERT_STRING_EQUAL(trustpoint, "TP");
    t.installed++;
}

static struct pki_enrol_conf conf_of(enum pki_enrol_method method)
{
    return (struct pki_enrol_conf){.name = "TP",
                                   .method = method,
                                   .url = URL,
                                   .retry_count = 3,
                                   .retry_period_s = 60,
                                   .auto_enroll_percent = 100,
                                   .subject = {.dn = "CN=R1,OU=IT,O=cisco,O=com",
                                               .fqdn = "R1.cisco.com",
                                               .ip = "192.168.0.1",
                                               .serial = "100"},
                                   .password = "secret challenge",
                                   .key_label = "R1",
                                   .key_kind = CR_KEY_RSA,
                                   .key_bits = 2048};
}

static void up_with(struct pki_enrol_conf conf, const struct pki_conf *point)
{
    struct pki_env env = {.wall_s = wall, .now_ms = mono, .random = noise, .fetch = fetch, .event = said};
    struct pki_enrol_env ee = {.key_load = key_load, .key_save = key_save, .installed = installed};
    struct pki_conf p = {.name = "TP", .method_count = 1};
    memset(&t, 0, sizeof t);
    t.wall = T0;
    t.mono = 1000;
    t.caps = "SCEPStandard\nRenewal\n";
    t.ca = &ca;
    t.status = 200;
    t.pki = pki_new(&env);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t.pki);
    CU_ASSERT_EQUAL_FATAL(pki_configure(t.pki, point ? point : &p, 1), CV_OK);
    t.enrol = pki_enrol_new(t.pki, &ee);
    CU_ASSERT_EQUAL_FATAL(pki_enrol_configure(t.enrol, &conf, 1), CV_OK);
}

static void up(void)
{
    up_with(conf_of(PKI_ENROL_URL), NULL);
}

static void down(void)
{
    pki_enrol_free(t.enrol);
    pki_free(t.pki);
    cr_key_free(t.key);
    t.key = NULL;
}

static struct pki_enrol_view view(void)
{
    struct pki_enrol_view v;
    CU_ASSERT_FATAL(pki_enrol_view(t.enrol, "TP", &v));
    return v;
}

/* GetCACert: one certificate, or PKCS #7 with both. */
static struct slice ca_answer(void)
{
    if (!t.second)
        return mk_der(t.ca);
    PKCS7 *p7 = PKCS7_new();
    uint8_t *der = NULL;
    X509 *a = mk_x509(t.ca), *b = mk_x509(t.second);
    CU_ASSERT_FATAL(PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1 &&
                    PKCS7_add_certificate(p7, b) == 1 && PKCS7_add_certificate(p7, a) == 1);
    int n = i2d_PKCS7(p7, &der);
    struct slice out = {slice_dup((struct slice){der, (size_t)n}), (size_t)n};
    OPENSSL_free(der);
    X509_free(a);
    X509_free(b);
    PKCS7_free(p7);
    return out;
}

/* The message of a GET: Base64, escaped. */
static struct slice message_of_url(const char *url)
{
    const char *s = strstr(url, "message=");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    s += strlen("message=");
    char *text = calloc(1, strlen(s) + 1);
    size_t n = 0;
    for (; *s; s++) {
        unsigned octet = (unsigned char)*s;
        if (*s == '%' && sscanf(s + 1, "%2x", &octet) == 1)
            s += 2;
        text[n++] = (char)octet;
    }
    uint8_t *out = malloc(n);
    int len = EVP_DecodeBlock(out, (unsigned char *)text, (int)n);
    CU_ASSERT_FATAL(len > 0);
    while (n > 0 && text[--n] == '=')
        len--;
    free(text);
    return (struct slice){out, (size_t)len};
}

/* Answers what was asked until nothing is. */
static void run(struct authority *a)
{
    for (unsigned i = 0; i < 20 && t.asked.id; i++) {
        uint64_t id = t.asked.id;
        struct slice out = {NULL, 0};
        t.asked.id = 0;
        if (strstr(t.asked.url, "operation=GetCACaps"))
            out = (struct slice){slice_dup((struct slice){(const uint8_t *)t.caps, strlen(t.caps)}),
                                 strlen(t.caps)};
        else if (strstr(t.asked.url, "operation=GetCACert"))
            out = ca_answer();
        else if (t.asked.n > 0)
            out = authority_answer(a, (struct slice){t.asked.body, t.asked.n});
        else {
            struct slice m = message_of_url(t.asked.url);
            out = authority_answer(a, m);
            free((void *)m.p);
        }
        pki_fetched(t.pki, id, t.status, out, t.status ? NULL : "refused");
        free((void *)out.p);
    }
}

static void authenticated(struct authority *a)
{
    char err[PKI_TEXT_MAX];
    CU_ASSERT_EQUAL_FATAL(pki_enrol_authenticate(t.enrol, "TP", err), CV_OK);
    run(a);
    CU_ASSERT_EQUAL_FATAL(view().state, PKI_ENROL_CONFIRM);
    CU_ASSERT_EQUAL_FATAL(pki_enrol_confirm(t.enrol, "TP", true, err), CV_OK);
}

static void enroll(struct authority *a)
{
    char err[PKI_TEXT_MAX], *pem;
    CU_ASSERT_EQUAL_FATAL(pki_enrol_enroll(t.enrol, "TP", &pem, err), CV_OK);
    CU_ASSERT_PTR_NULL(pem);
    run(a);
}

/* ---- by the book -------------------------------------------------------------------------------------------------------------- */
static void nothing_is_trusted_before_its_fingerprint_is_confirmed(void)
{
    struct authority a = {.ca = &ca, .refuse = -1};
    char err[PKI_TEXT_MAX], *pem;
    up();
    CU_ASSERT_NOT_EQUAL(pki_enrol_enroll(t.enrol, "TP", &pem, err), CV_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "authenticate"));
    CU_ASSERT_EQUAL(pki_enrol_authenticate(t.enrol, "TP", err), CV_OK);
    CU_ASSERT_STRING_EQUAL(t.asked.url, URL "/cgi-bin/pkiclient.exe?operation=GetCACert&message=TP");
    run(&a);
    CU_ASSERT_EQUAL(view().state, PKI_ENROL_CONFIRM);
    CU_ASSERT_PTR_NULL(pki_find(t.pki, "TP")->ca);
    CU_ASSERT_EQUAL(pki_enrol_confirm(t.enrol, "TP", false, err), CV_OK);
    CU_ASSERT(view().state == PKI_ENROL_FAILED && !pki_find(t.pki, "TP")->ca && t.installed == 0);
    CU_ASSERT_NOT_EQUAL(pki_enrol_confirm(t.enrol, "TP", true, err), CV_OK);
    authenticated(&a);
    CU_ASSERT(pki_find(t.pki, "TP")->ca != NULL && t.installed == 1);
    down();
}

static void a_configured_fingerprint_decides(void)
{
    struct authority a = {.ca = &ca, .refuse = -1};
    struct pki_conf p = {.name = "TP", .method_count = 1, .fingerprint_len = 32};
    char err[PKI_TEXT_MAX];
    struct pki_cert *c = mk_cert(&ca);
    memcpy(p.fingerprint, pki_cert_fingerprint(c), 32);
    pki_cert_free(c);
    up_with(conf_of(PKI_ENROL_URL), &p);
    CU_ASSERT_EQUAL(pki_enrol_authenticate(t.enrol, "TP", err), CV_OK);
    run(&a);
    CU_ASSERT(view().state == PKI_ENROL_DONE && pki_find(t.pki, "TP")->ca);
    down();
    p.fingerprint[0] ^= 1;
    up_with(conf_of(PKI_ENROL_URL), &p);
    CU_ASSERT_EQUAL(pki_enrol_authenticate(t.enrol, "TP", err), CV_OK);
    run(&a);
    CU_ASSERT(view().state == PKI_ENROL_FAILED && !pki_find(t.pki, "TP")->ca &&
              strstr(view().text, "fingerprint"));
    down();
}

static void C12b_a_certificate_with_all_names_comes_of_one_request(void)
{
    struct authority a = {.ca = &ca, .refuse = -1};
    char why[PKI_TEXT_MAX];
    up();
    authenticated(&a);
    enroll(&a);
    CU_ASSERT_EQUAL(view().state, PKI_ENROL_DONE);
    const struct pki_trustpoint *p = pki_find(t.pki, "TP");
    CU_ASSERT_FATAL(p->own != NULL && p->key != NULL);
    CU_ASSERT(pki_usable(t.pki, p) && t.saved == 1 && t.installed == 2);
    CU_ASSERT_EQUAL(a.type, PKI_SCEP_PKCSREQ);
    CU_ASSERT_STRING_EQUAL(a.challenge, "secret challenge");
    CU_ASSERT(pki_cert_has_id(p->own, PKI_ID_FQDN, (struct slice){(const uint8_t *)"R1.cisco.com", 12}, why));
    CU_ASSERT(
        pki_cert_has_id(p->own, PKI_ID_IPV4, (struct slice){(const uint8_t *)"\xc0\xa8\x00\x01", 4}, why));
    CU_ASSERT_STRING_EQUAL(
        pki_cert_subject_text(p->own),
        "serialNumber=100+ipaddress=192.168.0.1+hostname=R1.cisco.com,cn=R1,ou=IT,o=cisco,o=com");
    CU_ASSERT_PTR_NULL(strstr(t.said, "nothing better"));
    down();
    authority_free(&a);
}

static void RFC8894_old_servers_are_asked_by_GET_with_3DES_and_it_is_said(void)
{
    struct authority a = {.ca = &ca, .refuse = -1, .fault = SHA1_SIGNATURE};
    up();
    t.caps = "<html>404</html>";
    authenticated(&a);
    enroll(&a);
    CU_ASSERT(view().state == PKI_ENROL_DONE && t.asked.n == 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(t.said, "nothing better than 3DES and SHA-1"));
    down();
    authority_free(&a);
}

static void an_RA_of_the_CA_is_believed_and_another_is_not(void)
{
    static const struct mk false_ra = {.dn = "CN=RA", .key = "rsa:stranger", .issuer = NULL, .serial = 3};
    struct authority a = {.ca = &ca, .ra = &ra, .refuse = -1};
    up();
    t.second = &ra;
    authenticated(&a);
    CU_ASSERT_PTR_NOT_NULL(strstr(pki_cert_subject_text(pki_find(t.pki, "TP")->ca), "CA1"));
    enroll(&a);
    CU_ASSERT_EQUAL(view().state, PKI_ENROL_DONE);
    down();
    authority_free(&a);
    struct pki_scep_ca read;
    const char *why;
    up();
    t.second = &false_ra;
    struct slice both = ca_answer();
    CU_ASSERT_EQUAL_FATAL(pki_scep_ca_read(both, &read, &why), CV_OK);
    CU_ASSERT(read.sign == read.ca && read.encrypt == read.ca);
    pki_scep_ca_free(&read);
    free((void *)both.p);
    down();
}

/* Any router that the CA has certified could else be put in the RA's place. */
static void a_peers_certificate_of_the_same_CA_is_no_RA(void)
{
    static const struct {
        const char *eku;
        bool is_ra;
    } rows[] = {{"1.3.6.1.5.5.7.3.17", false},   {"clientAuth,1.3.6.1.5.5.7.3.17", false},
                {"1.3.6.1.5.5.8.2.2", false},    {"1.3.6.1.5.5.7.3.5", false},
                {"1.3.6.1.5.5.7.3.28", true}, /* cmcRA */
                {"1.3.6.1.4.1.311.20.2.1", true}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mk other = ra;
        struct pki_scep_ca read;
        const char *why;
        other.eku = rows[i].eku;
        up();
        t.second = &other;
        struct slice both = ca_answer();
        CU_ASSERT_EQUAL_FATAL(pki_scep_ca_read(both, &read, &why), CV_OK);
        CU_ASSERT_EQUAL(read.sign != read.ca, rows[i].is_ra);
        CU_ASSERT_EQUAL(read.encrypt != read.ca, rows[i].is_ra);
        pki_scep_ca_free(&read);
        free((void *)both.p);
        down();
    }
}

static void RFC8894_3_3_3_what_is_pending_is_polled_so_many_times(void)
{
    struct authority a = {.ca = &ca, .refuse = -1, .pending = 2};
    char first[80];
    up();
    authenticated(&a);
    enroll(&a);
    CU_ASSERT(view().state == PKI_ENROL_PENDING && view().next_s == T0 + 60);
    memcpy(first, a.transaction, sizeof first);
    t.mono += 59000;
    pki_enrol_tick(t.enrol);
    CU_ASSERT_EQUAL(t.asked.id, 0);
    t.mono += 1000;
    pki_enrol_tick(t.enrol);
    run(&a);
    CU_ASSERT(a.type == PKI_SCEP_POLL && view().state == PKI_ENROL_PENDING && view().polls == 1);
    CU_ASSERT_STRING_EQUAL(first, a.transaction);
    t.mono += 60000;
    pki_enrol_tick(t.enrol);
    run(&a);
    CU_ASSERT(view().state == PKI_ENROL_DONE && pki_find(t.pki, "TP")->own);
    down();
    authority_free(&a);
    a = (struct authority){.ca = &ca, .refuse = -1, .pending = 100};
    up();
    authenticated(&a);
    enroll(&a);
    for (unsigned i = 0; i < 10; i++) {
        t.mono += 60000;
        pki_enrol_tick(t.enrol);
        run(&a);
    }
    CU_ASSERT(view().state == PKI_ENROL_FAILED && a.messages == 4 &&
              strstr(view().text, "not granted after 3"));
    down();
    authority_free(&a);
}

static void a_poll_that_nobody_answers_is_made_again(void)
{
    struct authority a = {.ca = &ca, .refuse = -1, .pending = 1};
    up();
    authenticated(&a);
    enroll(&a);
    t.status = 0;
    t.mono += 60000;
    pki_enrol_tick(t.enrol);
    run(&a);
    CU_ASSERT_EQUAL(view().state, PKI_ENROL_PENDING);
    t.status = 200;
    t.mono += 60000;
    pki_enrol_tick(t.enrol);
    run(&a);
    CU_ASSERT_EQUAL(view().state, PKI_ENROL_DONE);
    down();
    authority_free(&a);
}

static void auto_enroll_renews_by_the_old_key_with_a_new_one(void)
{
    struct authority a = {.ca = &ca, .refuse = -1};
    struct pki_enrol_conf conf = conf_of(PKI_ENROL_URL);
    conf.auto_enroll = conf.regenerate = true;
    conf.auto_enroll_percent = 80;
    up_with(conf, NULL);
    authenticated(&a);
    pki_enrol_tick(t.enrol); /* there is none yet: it begins by itself */
    run(&a);
    CU_ASSERT_EQUAL_FATAL(view().state, PKI_ENROL_DONE);
    uint64_t seq = pki_find(t.pki, "TP")->own_seq;
    struct cr_key *old = cr_key_ref(pki_find(t.pki, "TP")->key);
    t.wall = view().renew_s - 1;
    t.mono += 600000;
    pki_enrol_tick(t.enrol);
    CU_ASSERT_EQUAL(t.asked.id, 0);
    t.wall++;
    a.fault = OTHER_NONCE;
    pki_enrol_tick(t.enrol);
    run(&a);
    CU_ASSERT(view().state == PKI_ENROL_FAILED && a.type == PKI_SCEP_RENEWAL);
    CU_ASSERT(cr_key_same(old, pki_find(t.pki, "TP")->key) && cr_key_same(old, t.key));
    pki_enrol_tick(t.enrol);
    CU_ASSERT_EQUAL(t.asked.id, 0); /* not at once again */
    a.fault = SOUND;
    t.mono += 600000;
    pki_enrol_tick(t.enrol);
    run(&a);
    CU_ASSERT(view().state == PKI_ENROL_DONE && pki_find(t.pki, "TP")->own_seq > seq);
    CU_ASSERT(!cr_key_same(old, pki_find(t.pki, "TP")->key) &&
              cr_key_same(t.key, pki_find(t.pki, "TP")->key));
    cr_key_free(old);
    down();
    authority_free(&a);
}

/* ---- with one thing wrong ---------------------------------------------------------------------------------------------------- */
static void every_hostile_answer_is_refused(void)
{
    for (enum fault f = SOUND + 1; f < FAULT_COUNT; f++) {
        struct authority a = {.ca = &ca, .refuse = -1, .fault = f};
        up();
        authenticated(&a);
        enroll(&a);
        if (view().state != PKI_ENROL_FAILED || pki_find(t.pki, "TP")->own)
            printf("\n  fault %d: %s\n", (int)f, view().text);
        CU_ASSERT(view().state == PKI_ENROL_FAILED && !pki_find(t.pki, "TP")->own && view().text[0]);
        down();
        authority_free(&a);
    }
}

static void a_refusal_says_why(void)
{
    struct authority a = {.ca = &ca, .refuse = 2};
    up();
    authenticated(&a);
    enroll(&a);
    CU_ASSERT(view().state == PKI_ENROL_FAILED && strstr(view().text, "badRequest"));
    down();
    authority_free(&a);
}

static void another_CA_than_the_confirmed_one_is_not_enrolled_at(void)
{
    static const struct mk impostor = {.dn = "CN=CA1", .key = "rsa:impostor", MK_CA};
    struct authority a = {.ca = &impostor, .refuse = -1};
    up();
    authenticated(&a);
    t.ca = &impostor;
    enroll(&a);
    CU_ASSERT(view().state == PKI_ENROL_FAILED && a.messages == 0 && strstr(view().text, "another"));
    down();
}

static void a_CA_without_RSA_is_not_enrolled_at_by_SCEP(void)
{
    struct authority a = {.ca = &other_ca, .refuse = -1};
    up();
    t.ca = &other_ca;
    authenticated(&a);
    enroll(&a);
    CU_ASSERT(view().state == PKI_ENROL_FAILED && strstr(view().text, "terminal"));
    down();
}

/* Every octet of a good answer changed: none installs anything, none reads out of bounds (sanitizers). */
static void mutated_answers_install_nothing(void)
{
    struct authority a = {.ca = &ca, .refuse = -1};
    unsigned taken = 0;
    up();
    authenticated(&a);
    char err[PKI_TEXT_MAX], *pem;
    CU_ASSERT_EQUAL_FATAL(pki_enrol_enroll(t.enrol, "TP", &pem, err), CV_OK);
    struct pki_scep_ca c;
    const char *why;
    struct slice der = mk_der(&ca);
    CU_ASSERT_EQUAL_FATAL(pki_scep_ca_read(der, &c, &why), CV_OK);
    struct pki_scep_talk talk = {
        .caps = {.aes = true, .sha256 = true}, .ca = &c, .key = t.key, .signer = t.key};
    struct pki_subject subject = {.dn = "CN=R1"};
    struct pki_cert *self = NULL;
    uint8_t csr[PKI_CSR_MAX], serial[16] = {1}, *out = malloc(PKI_SCEP_REQUEST_MAX);
    size_t n, len;
    CU_ASSERT_EQUAL_FATAL(pki_csr_self_sign(&subject, t.key, T0, 1, serial, &self, err), CV_OK);
    talk.signer_cert = self;
    pki_scep_transaction(t.key, talk.transaction);
    CU_ASSERT_EQUAL_FATAL(pki_csr_make(&subject, t.key, NULL, csr, &n, err), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_scep_build(&talk, PKI_SCEP_PKCSREQ, (struct slice){csr, n}, out, &len, err),
                          CV_OK);
    struct slice good = authority_answer(&a, (struct slice){out, len});
    struct pki_scep_answer answer;
    CU_ASSERT_EQUAL(pki_scep_parse(&talk, good, &answer, err), CV_OK);
    pki_cert_free(answer.cert);
    uint8_t *copy = malloc(good.n);
    for (size_t i = 0; i < good.n; i++) {
        memcpy(copy, good.p, good.n);
        copy[i] ^= (uint8_t)(1u << i % 8);
        if (pki_scep_parse(&talk, (struct slice){copy, good.n}, &answer, err) == CV_OK) {
            taken += answer.status == PKI_SCEP_GRANTED && !cr_key_same(pki_cert_key(answer.cert), t.key);
            pki_cert_free(answer.cert);
        }
        if (i % 7 == 0)
            CU_ASSERT_NOT_EQUAL(pki_scep_parse(&talk, (struct slice){good.p, i}, &answer, err), CV_OK);
    }
    CU_ASSERT_EQUAL(taken, 0);
    free(copy);
    free((void *)good.p);
    free((void *)der.p);
    free(out);
    pki_cert_free(self);
    pki_scep_ca_free(&c);
    down();
    authority_free(&a);
}

/* ---- without a network --------------------------------------------------------------------------------------------------------- */
static void terminal_out_and_in(void)
{
    char err[PKI_TEXT_MAX], *pem = NULL;
    up_with(conf_of(PKI_ENROL_TERMINAL), NULL);
    struct slice der = mk_der(&ca);
    char *text = pki_pem_text("CERTIFICATE", der);
    CU_ASSERT_EQUAL(
        pki_enrol_authenticate_with(t.enrol, "TP", (struct slice){(uint8_t *)text, strlen(text)}, err),
        CV_OK);
    CU_ASSERT_EQUAL(view().state, PKI_ENROL_CONFIRM);
    CU_ASSERT_EQUAL(pki_enrol_confirm(t.enrol, "TP", true, err), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_enrol_enroll(t.enrol, "TP", &pem, err), CV_OK);
    CU_ASSERT(strncmp(pem, "-----BEGIN CERTIFICATE REQUEST-----\n", 36) == 0 && t.saved == 1);
    free(pem);
    CU_ASSERT_NOT_EQUAL(
        pki_enrol_import_cert(t.enrol, "TP", (struct slice){(uint8_t *)text, strlen(text)}, err), CV_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "another key"));
    free(text);
    free((void *)der.p);
    down();
}

static void self_signed_at_once(void)
{
    char err[PKI_TEXT_MAX], *pem = NULL;
    struct pki_enrol_conf conf = conf_of(PKI_ENROL_SELFSIGNED);
    conf.key_kind = CR_KEY_P256;
    up_with(conf, NULL);
    CU_ASSERT_EQUAL(pki_enrol_enroll(t.enrol, "TP", &pem, err), CV_OK);
    const struct pki_trustpoint *p = pki_find(t.pki, "TP");
    CU_ASSERT(p->own && pki_cert_self_issued(p->own) && !pki_cert_is_ca(p->own) && t.installed == 1);
    down();
}

static void keys_leave_with_a_password_and_only_exportable_ones(void)
{
    struct authority a = {.ca = &ca, .refuse = -1};
    struct secret password = {(uint8_t *)"a long password", 15}, shorter = {(uint8_t *)"short", 5};
    struct secret wrong = {(uint8_t *)"wrong password", 14};
    char err[PKI_TEXT_MAX], *pem = NULL;
    uint8_t *p12 = NULL;
    size_t len = 0;
    up();
    authenticated(&a);
    enroll(&a);
    CU_ASSERT_NOT_EQUAL(pki_enrol_export_pem(t.enrol, "TP", &password, &pem, err), CV_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "not exportable"));
    CU_ASSERT_NOT_EQUAL(pki_enrol_export_pkcs12(t.enrol, "TP", &password, &p12, &len, err), CV_OK);
    CU_ASSERT_EQUAL(pki_enrol_export_pem(t.enrol, "TP", NULL, &pem, err), CV_OK);
    CU_ASSERT(pem && strstr(pem, "CERTIFICATE") && !strstr(pem, "PRIVATE"));
    free(pem);
    t.exportable = true;
    CU_ASSERT_NOT_EQUAL(pki_enrol_export_pem(t.enrol, "TP", &shorter, &pem, err), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_enrol_export_pem(t.enrol, "TP", &password, &pem, err), CV_OK);
    CU_ASSERT(strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY") && !strstr(pem, "BEGIN PRIVATE"));
    CU_ASSERT_EQUAL_FATAL(pki_enrol_export_pkcs12(t.enrol, "TP", &password, &p12, &len, err), CV_OK);
    struct pki_cert *own = pki_cert_ref(pki_find(t.pki, "TP")->own);
    struct slice text = {(uint8_t *)pem, strlen(pem)};
    pki_uninstall(t.pki, "TP", true, true);
    CU_ASSERT_EQUAL(pki_enrol_import_pem(t.enrol, "TP", text, &wrong, false, err), CV_EAUTH);
    CU_ASSERT_EQUAL(pki_enrol_import_pem(t.enrol, "TP", text, &password, true, err), CV_OK);
    CU_ASSERT(pki_cert_equal(own, pki_find(t.pki, "TP")->own) && pki_find(t.pki, "TP")->ca);
    pki_uninstall(t.pki, "TP", true, true);
    CU_ASSERT_EQUAL(pki_enrol_import_pkcs12(t.enrol, "TP", (struct slice){p12, len}, &wrong, false, err),
                    CV_EAUTH);
    CU_ASSERT_EQUAL(
        pki_enrol_import_pkcs12(t.enrol, "TP", (struct slice){p12, len - 1}, &password, false, err),
        CV_EPARSE);
    CU_ASSERT_EQUAL(pki_enrol_import_pkcs12(t.enrol, "TP", (struct slice){p12, len}, &password, false, err),
                    CV_OK);
    CU_ASSERT(pki_cert_equal(own, pki_find(t.pki, "TP")->own) && pki_find(t.pki, "TP")->ca && !t.exportable);
    pki_cert_free(own);
    free(pem);
    OPENSSL_free(p12);
    down();
    authority_free(&a);
}

static void what_capabilities_mean(void)
{
    struct {
        const char *text, *suite;
        bool weak, post;
    } c[] = {{"SCEPStandard", "AES-128 and SHA-256", false, true},
             {"AES\r\nSHA-512\r\npostpkioperation\r\n", "AES-128 and SHA-512", false, true},
             {"DES3\nSHA-256 \n", "3DES and SHA-256", true, false},
             {"xSCEPStandard\nAESx\n", "3DES and SHA-1", true, false},
             {"", "3DES and SHA-1", true, false}};
    for (unsigned i = 0; i < sizeof c / sizeof c[0]; i++) {
        struct pki_scep_caps caps =
            pki_scep_caps_read((struct slice){(const uint8_t *)c[i].text, strlen(c[i].text)});
        bool weak;
        CU_ASSERT_STRING_EQUAL(pki_scep_suite(&caps, &weak), c[i].suite);
        CU_ASSERT(weak == c[i].weak && caps.post == c[i].post);
    }
    char url[128];
    CU_ASSERT(pki_scep_url("http://h/x?y=1", "GetCACert", "a b&c", url, sizeof url));
    CU_ASSERT_STRING_EQUAL(url, "http://h/x?y=1&operation=GetCACert&message=a%20b%26c");
    CU_ASSERT(pki_scep_url("http://h/", "GetCACert", NULL, url, sizeof url));
    CU_ASSERT_STRING_EQUAL(url, "http://h/cgi-bin/pkiclient.exe?operation=GetCACert");
    CU_ASSERT_FALSE(pki_scep_url("http://h/", "GetCACert", NULL, url, 40));
}

UNIT_MAIN("pki-scep", UNIT_TEST(nothing_is_trusted_before_its_fingerprint_is_confirmed),
          UNIT_TEST(a_configured_fingerprint_decides),
          UNIT_TEST(C12b_a_certificate_with_all_names_comes_of_one_request),
          UNIT_TEST(RFC8894_old_servers_are_asked_by_GET_with_3DES_and_it_is_said),
          UNIT_TEST(an_RA_of_the_CA_is_believed_and_another_is_not),
          UNIT_TEST(a_peers_certificate_of_the_same_CA_is_no_RA),
          UNIT_TEST(RFC8894_3_3_3_what_is_pending_is_polled_so_many_times),
          UNIT_TEST(a_poll_that_nobody_answers_is_made_again),
          UNIT_TEST(auto_enroll_renews_by_the_old_key_with_a_new_one),
          UNIT_TEST(every_hostile_answer_is_refused), UNIT_TEST(a_refusal_says_why),
          UNIT_TEST(another_CA_than_the_confirmed_one_is_not_enrolled_at),
          UNIT_TEST(a_CA_without_RSA_is_not_enrolled_at_by_SCEP), UNIT_TEST(mutated_answers_install_nothing),
          UNIT_TEST(terminal_out_and_in), UNIT_TEST(self_signed_at_once),
          UNIT_TEST(keys_leave_with_a_password_and_only_exportable_ones), UNIT_TEST(what_capabilities_mean))
