/* revocation-check ocsp: requests, nonces, responders, windows, stapled responses (RFC 6960, RFC 8954, RFC 4806). */
#include "control/pki/pki_ocsp.h"
#include "control/pki/pki_ocsp_read.h"
#include "tests/unit/pki/world.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OCSP_URL "http://ocsp.example/"
#define CRL_URL  "http://crl.example/root.crl"

static const struct mk root = {.dn = "CN=CA1,O=cisco", .key = "ed:root", MK_CA};
static const struct mk r1 = {.dn = "CN=R1,O=cisco",
                             .key = "ed:r1",
                             .issuer = &root,
                             .serial = 3,
                             .aia = "OCSP;URI:" OCSP_URL,
                             .cdp = "URI:" CRL_URL};
static const struct mk r2 = {.dn = "CN=R2,O=cisco",
                             .key = "ed:r2",
                             .issuer = &root,
                             .serial = 4,
                             .aia = "OCSP;URI:" OCSP_URL,
                             .cdp = "URI:" CRL_URL};
static const struct mk silent = {.dn = "CN=R3,O=cisco", .key = "ed:r3", .issuer = &root, .serial = 5};
/* A responder of the CA's. */
static const struct mk responder = {.dn = "CN=OCSP,O=cisco",
                                    .key = "ed:ocsp",
                                    .issuer = &root,
                                    .serial = 90,
                                    .usage = "critical,digitalSignature",
                                    .eku = "OCSPSigning",
                                    .nocheck = true};

static const struct pki_conf by_ocsp = {.name = "IOSCA1", .method_count = 1, .methods = {PKI_METHOD_OCSP}};
static const struct slice nothing;

static struct pki_chain chain;

static void up(const struct pki_conf *conf, const struct mk *cert)
{
    world_up(conf, 1, true);
    world_ca("IOSCA1", &root);
    CU_ASSERT_EQUAL_FATAL(world_check(&cert, 1, NULL, &chain).kind, PKI_GOOD);
}

static void down(void)
{
    pki_chain_free(&chain);
    world_down();
}

static void is_with(struct slice stapled, enum pki_verdict_kind kind, const char *part)
{
    struct pki_verdict v = pki_chain_revoked(world.pki, &chain, stapled);
    if (v.kind != kind || !strstr(v.text, part))
        printf("\n    is: %s: %s\n    not: %s: ... %s ...\n", pki_verdict_text(v.kind), v.text,
               pki_verdict_text(kind), part);
    CU_ASSERT_EQUAL(v.kind, kind);
    CU_ASSERT_PTR_NOT_NULL(strstr(v.text, part));
}

static void is(enum pki_verdict_kind kind, const char *part)
{
    is_with(nothing, kind, part);
}

/* The request that waits at the responder. */
static struct slice request(void)
{
    const struct asked *a = world_asked(OCSP_URL);
    CU_ASSERT_FATAL(a != NULL);
    return (struct slice){a->body, a->body_len};
}

/* About R1, from the CA itself, with the nonce of the request, unless `m` says otherwise. */
static void respond(struct mk_ocsp m)
{
    if (!m.cert)
        m.cert = &r1;
    if (!m.issuer)
        m.issuer = &root;
    if (!m.wrong_nonce && !m.nonce_of.p)
        m.nonce_of = request();
    world_answer(OCSP_URL, mk_ocsp(&m));
}

/* ---- the plain course -------------------------------------------------------------------------------------------------- */
static void RFC6960_the_request_names_the_certificate_and_carries_a_nonce(void)
{
    up(&by_ocsp, &r1);
    is(PKI_WAIT, "");
    is(PKI_WAIT, "");
    CU_ASSERT_EQUAL(world.asked_count, 1);
    struct slice body = request();
    const uint8_t *at = body.p;
    OCSP_REQUEST *req = d2i_OCSP_REQUEST(NULL, &at, (long)body.n);
    CU_ASSERT_FATAL(req != NULL);
    CU_ASSERT(at == body.p + body.n && OCSP_request_onereq_count(req) == 1);
    CU_ASSERT(OCSP_REQUEST_get_ext_by_NID(req, NID_id_pkix_OCSP_Nonce, -1) >= 0);
    ASN1_INTEGER *serial = NULL;
    CU_ASSERT(OCSP_id_get0_info(NULL, NULL, NULL, &serial,
                                OCSP_onereq_get0_id(OCSP_request_onereq_get0(req, 0))) == 1);
    CU_ASSERT_EQUAL(ASN1_INTEGER_get(serial), 3);
    OCSP_REQUEST_free(req);
    respond((struct mk_ocsp){.status = V_OCSP_CERTSTATUS_GOOD});
    CU_ASSERT_EQUAL(world.changed, 1);
    is(PKI_GOOD, "");
    is(PKI_GOOD, "");
    CU_ASSERT_EQUAL(world.asked_count, 1);
    down();
}

static void a_revoked_certificate_is_refused_and_stays_so(void)
{
    up(&by_ocsp, &r1);
    is(PKI_WAIT, "");
    respond((struct mk_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED, .reason = 1});
    is(PKI_REVOKED, "cn=R1,o=cisco (serial number 03) is revoked: the OCSP responder of cn=CA1,o=cisco says: "
                    "key compromise");
    CU_ASSERT_TRUE(pki_known_revoked(world.pki, chain.certs[0]));
    world_pass(12 * 3600);
    is(PKI_REVOKED, "");
    down();
    up(&by_ocsp, &r1); /* but a hold may end */
    is(PKI_WAIT, "");
    respond((struct mk_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED, .reason = 6});
    is(PKI_REVOKED, "certificate on hold");
    world_pass(2 * 3600);
    is(PKI_WAIT, "");
    down();
}

static void a_responder_that_does_not_know_it_ends_the_list(void)
{
    static const struct pki_conf then_none = {
        .name = "IOSCA1", .method_count = 2, .methods = {PKI_METHOD_OCSP, PKI_METHOD_NONE}};
    up(&then_none, &r1);
    is(PKI_WAIT, "");
    respond((struct mk_ocsp){.status = V_OCSP_CERTSTATUS_UNKNOWN});
    is(PKI_UNKNOWN, "does not know it");
    down();
}

/* ---- lists -------------------------------------------------------------------------------------------------------------------- */
static void a_dead_responder_under_each_list(void)
{
    static const struct {
        unsigned count;
        enum pki_method methods[3];
        bool optional, crl_too;
        enum pki_verdict_kind kind;
    } rows[] = {
        {1, {PKI_METHOD_OCSP}, false, false, PKI_UNKNOWN},
        {1, {PKI_METHOD_OCSP}, true, false, PKI_UNKNOWN}, /* crl optional excuses CRLs */
        {2, {PKI_METHOD_OCSP, PKI_METHOD_NONE}, false, false, PKI_GOOD},
        {2, {PKI_METHOD_OCSP, PKI_METHOD_CRL}, false, true, PKI_UNKNOWN},
        {2, {PKI_METHOD_OCSP, PKI_METHOD_CRL}, true, true, PKI_GOOD},
        {3, {PKI_METHOD_OCSP, PKI_METHOD_CRL, PKI_METHOD_NONE}, false, true, PKI_GOOD},
        {2, {PKI_METHOD_CRL, PKI_METHOD_OCSP}, false, true, PKI_UNKNOWN},
        {3, {PKI_METHOD_CRL, PKI_METHOD_OCSP, PKI_METHOD_NONE}, false, true, PKI_GOOD},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pki_conf conf = {
            .name = "IOSCA1", .method_count = rows[i].count, .crl_optional = rows[i].optional};
        memcpy(conf.methods, rows[i].methods, sizeof conf.methods);
        bool crl_first = conf.methods[0] == PKI_METHOD_CRL;
        up(&conf, &r1);
        is(PKI_WAIT, "");
        CU_ASSERT_EQUAL(world.asked_count, 1);
        world_fail(crl_first ? CRL_URL : OCSP_URL, 0);
        if (rows[i].crl_too) {
            is(PKI_WAIT, "");
            CU_ASSERT_EQUAL(world.asked_count, 2);
            world_fail(crl_first ? OCSP_URL : CRL_URL, 500);
        }
        CU_ASSERT_EQUAL(pki_chain_revoked(world.pki, &chain, nothing).kind, rows[i].kind);
        down();
    }
}

static void what_the_first_method_says_the_second_is_not_asked(void)
{
    static const struct pki_conf both = {
        .name = "IOSCA1", .method_count = 2, .methods = {PKI_METHOD_OCSP, PKI_METHOD_CRL}};
    up(&both, &r1);
    is(PKI_WAIT, "");
    respond((struct mk_ocsp){.status = V_OCSP_CERTSTATUS_GOOD});
    is(PKI_GOOD, "");
    CU_ASSERT_EQUAL(world.asked_count, 1);
    down();
    up(&both, &r1);
    is(PKI_WAIT, "");
    world_fail(OCSP_URL, 0);
    is(PKI_WAIT, "");
    static const uint64_t just_3[] = {3};
    world_answer(CRL_URL, mk_crl(&(struct mk_crl){.issuer = &root, .serials = just_3, .count = 1}));
    is(PKI_REVOKED, "the CRL of cn=CA1,o=cisco lists it");
    down();
}

static void ocsp_url_goes_before_the_certificates_own_and_none_is_said(void)
{
    struct pki_conf conf = by_ocsp;
    (void)snprintf(conf.ocsp_url, sizeof conf.ocsp_url, "http://other.example/ocsp");
    up(&conf, &r1);
    is(PKI_WAIT, "");
    CU_ASSERT_STRING_EQUAL(world.asked[0].url, "http://other.example/ocsp");
    down();
    up(&by_ocsp, &silent);
    is(PKI_UNKNOWN, "names no OCSP responder");
    CU_ASSERT_EQUAL(world.asked_count, 0);
    down();
}

static void a_dead_responder_costs_one_fetch_a_minute_for_all_its_certificates(void)
{
    static const struct mk *const second[] = {&r2};
    struct pki_chain other;
    up(&by_ocsp, &r1);
    CU_ASSERT_EQUAL_FATAL(world_check(second, 1, NULL, &other).kind, PKI_GOOD);
    is(PKI_WAIT, "");
    world_fail(OCSP_URL, 0);
    for (unsigned i = 0; i < 100; i++) {
        is(PKI_UNKNOWN, "connection refused");
        CU_ASSERT_EQUAL(pki_chain_revoked(world.pki, &other, nothing).kind, PKI_UNKNOWN);
    }
    CU_ASSERT_EQUAL(world.asked_count, 1);
    world_pass(61);
    is(PKI_WAIT, "");
    CU_ASSERT_EQUAL(pki_chain_revoked(world.pki, &other, nothing).kind, PKI_WAIT);
    CU_ASSERT_EQUAL(world.asked_count, 3);
    pki_chain_free(&other);
    down();
}

/* ---- which responses count --------------------------------------------------------------------------------------------- */
static void a_response_that_does_not_count_is_as_none(void)
{
    static const struct mk fake = {.dn = "CN=CA1,O=cisco", .key = "ed:fake", MK_CA};
    static const struct mk not_for_ocsp = {.dn = "CN=Other,O=cisco",
                                           .key = "ed:other",
                                           .issuer = &root,
                                           .usage = "digitalSignature",
                                           .eku = "serverAuth"};
    static const struct mk plain = {.dn = "CN=Plain,O=cisco", .key = "ed:plain", .issuer = &root};
    static const struct mk of_another = {
        .dn = "CN=OCSP,O=cisco", .key = "ed:ocsp2", .issuer = &fake, .eku = "OCSPSigning"};
    static const struct mk expired = {
        .dn = "CN=OCSP,O=cisco", .key = "ed:ocsp3", .issuer = &root, .eku = "OCSPSigning", .until = T0 - 100};
    static const struct mk no_signing = {.dn = "CN=OCSP,O=cisco",
                                         .key = "ed:ocsp4",
                                         .issuer = &root,
                                         .eku = "OCSPSigning",
                                         .usage = "critical,keyEncipherment"};
    static const struct {
        struct mk_ocsp m;
        const char *part;
    } rows[] = {
        {{.response_status = OCSP_RESPONSE_STATUS_TRYLATER}, "the responder says: try later"},
        {{.response_status = OCSP_RESPONSE_STATUS_UNAUTHORIZED}, "the responder says: not authorized"},
        {{.spoilt = true}, "its signature is wrong"},
        {{.wrong_nonce = true}, "its nonce is not the one that was sent"},
        {{.cert = &r2}, "it is about another certificate"},
        {{.this_update = T0 + 3600, .next_update = T0 + 7200}, "its thisUpdate lies in the future"},
        {{.this_update = T0 - 7200, .next_update = T0 - 10}, "it has expired"},
        {{.this_update = T0 - 2 * DAY, .next_update = -1}, "it has expired"},
        {{.signer = &not_for_ocsp}, "is not for OCSP signing"},
        {{.signer = &plain}, "is not for OCSP signing"},
        {{.signer = &of_another}, "is not of cn=CA1,o=cisco"},
        {{.signer = &expired}, "has expired or is not yet valid"},
        {{.signer = &no_signing}, "is not for signatures"},
        {{.signer = &fake}, "its"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        up(&by_ocsp, &r1);
        is(PKI_WAIT, "");
        respond(rows[i].m);
        is(PKI_UNKNOWN, rows[i].part);
        CU_ASSERT_EQUAL(world.asked_count, 1);
        down();
    }
}

static void RFC8954_without_the_nonce_it_does_not_count_unless_none_was_asked_for(void)
{
    struct pki_conf conf = by_ocsp;
    struct mk_ocsp bare = {.cert = &r1, .issuer = &root};
    up(&conf, &r1);
    is(PKI_WAIT, "");
    world_answer(OCSP_URL, mk_ocsp(&bare));
    is(PKI_UNKNOWN, "ocsp disable-nonce does without");
    down();
    conf.ocsp_no_nonce = true;
    up(&conf, &r1);
    is(PKI_WAIT, "");
    struct slice body = request();
    const uint8_t *at = body.p;
    OCSP_REQUEST *req = d2i_OCSP_REQUEST(NULL, &at, (long)body.n);
    CU_ASSERT(req && OCSP_REQUEST_get_ext_by_NID(req, NID_id_pkix_OCSP_Nonce, -1) < 0);
    OCSP_REQUEST_free(req);
    world_answer(OCSP_URL, mk_ocsp(&bare));
    is(PKI_GOOD, "");
    down();
}

static void the_nonce_of_an_earlier_request_does_not_count(void)
{
    up(&by_ocsp, &r1);
    is(PKI_WAIT, "");
    struct slice first = request(), old = {slice_dup(first), first.n};
    respond((struct mk_ocsp){.next_update = -1});
    is(PKI_GOOD, "");
    world_pass(PKI_OCSP_BRIEF_S + 1);
    is(PKI_WAIT, "");
    respond((struct mk_ocsp){.nonce_of = old});
    is(PKI_UNKNOWN, "its nonce is not the one that was sent");
    free((void *)old.p);
    down();
}

static void RFC6960_4_2_2_2_a_delegated_responder_and_both_kinds_of_responder_id_count(void)
{
    for (unsigned i = 0; i < 8; i++) {
        up(&by_ocsp, &r1);
        is(PKI_WAIT, "");
        respond((struct mk_ocsp){.signer = i & 1 ? &responder : NULL, .by_key = i & 2, .sha256_id = i & 4});
        is(PKI_GOOD, "");
        down();
    }
}

static void weak_signatures_do_not_count(void)
{
    static const struct mk rsa = {.dn = "CN=CA1,O=cisco", .key = "rsa:root", MK_CA};
    static const struct mk r = {
        .dn = "CN=R1", .key = "ed:r1", .issuer = &rsa, .serial = 3, .aia = "OCSP;URI:" OCSP_URL};
    static const struct mk *const certs[] = {&r};
    const EVP_MD *const mds[] = {EVP_sha256(), EVP_sha1(), EVP_md5()};
    for (unsigned i = 0; i < 3; i++) {
        world_up(&by_ocsp, 1, true);
        world_ca("IOSCA1", &rsa);
        CU_ASSERT_EQUAL_FATAL(world_check(certs, 1, NULL, &chain).kind, PKI_GOOD);
        is(PKI_WAIT, "");
        respond((struct mk_ocsp){.cert = &r, .issuer = &rsa, .md = mds[i]});
        is(i ? PKI_UNKNOWN : PKI_GOOD, i ? "which is refused" : "");
        down();
    }
}

static void garbage_is_no_response(void)
{
    static const uint8_t junk[] = {0x30, 0x03, 0x0a, 0x01, 0x00};
    up(&by_ocsp, &r1);
    is(PKI_WAIT, "");
    world_answer(OCSP_URL, (struct slice){slice_dup((struct slice){junk, sizeof junk}), sizeof junk});
    is(PKI_UNKNOWN, "it is no OCSP response");
    world_pass(61);
    is(PKI_WAIT, "");
    uint8_t *big = calloc(1, PKI_OCSP_MAX + 1);
    world_answer(OCSP_URL, (struct slice){big, PKI_OCSP_MAX + 1});
    is(PKI_UNKNOWN, "longer than 65536");
    down();
}

/* A responder without nocheck may be revoked itself: its CA's CRL is asked, and counts when it can be had. */
static void a_responder_without_nocheck_is_looked_up_in_the_CRL(void)
{
    static const uint64_t just_90[] = {90}, just_1[] = {1};
    struct mk checked = responder;
    checked.nocheck = false;
    checked.cdp = "URI:" CRL_URL;
    for (unsigned i = 0; i < 3; i++) {
        up(&by_ocsp, &r1);
        is(PKI_WAIT, "");
        respond((struct mk_ocsp){.signer = &checked});
        is(PKI_WAIT, "");
        if (i == 2)
            world_fail(CRL_URL, 0);
        else
            world_answer(CRL_URL, mk_crl(&(struct mk_crl){
                                      .issuer = &root, .serials = i ? just_90 : just_1, .count = 1}));
        if (i == 1)
            is(PKI_UNKNOWN, "the certificate of the OCSP responder at http://ocsp.example/ is revoked");
        else
            is(PKI_GOOD, "");
        down();
    }
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------ */
static void an_answer_is_kept_until_nextUpdate_or_a_minute_and_never_over_an_hour(void)
{
    static const struct {
        int64_t next_update;
        unsigned kept;
    } rows[] = {{T0 + 600, 600}, {-1, PKI_OCSP_BRIEF_S}, {T0 + 10 * DAY, PKI_OCSP_KEEP_S}};
    for (unsigned i = 0; i < 3; i++) {
        up(&by_ocsp, &r1);
        is(PKI_WAIT, "");
        respond((struct mk_ocsp){.next_update = rows[i].next_update});
        world_pass(rows[i].kept);
        is(PKI_GOOD, "");
        world_pass(1);
        is(PKI_WAIT, "");
        CU_ASSERT_EQUAL(world.asked_count, 2);
        down();
    }
}

/* ---- stapled ---------------------------------------------------------------------------------------------------------------------- */
static void RFC4806_a_response_that_came_along_spares_the_fetch(void)
{
    struct mk_ocsp m = {.cert = &r1, .issuer = &root};
    up(&by_ocsp, &r1);
    struct slice s = mk_ocsp(&m);
    is_with(s, PKI_GOOD, "");
    CU_ASSERT_EQUAL(world.asked_count, 0);
    is(PKI_GOOD, ""); /* kept like any other */
    free((void *)s.p);
    down();

    m.status = V_OCSP_CERTSTATUS_REVOKED;
    up(&by_ocsp, &r1);
    s = mk_ocsp(&m);
    is_with(s, PKI_REVOKED, "");
    free((void *)s.p);
    m.status = V_OCSP_CERTSTATUS_GOOD; /* an older answer does not bring it back */
    s = mk_ocsp(&m);
    is_with(s, PKI_REVOKED, "");
    free((void *)s.p);
    down();

    up(&by_ocsp, &silent); /* also where no responder is named */
    m = (struct mk_ocsp){.cert = &silent, .issuer = &root};
    s = mk_ocsp(&m);
    is_with(s, PKI_GOOD, "");
    free((void *)s.p);
    down();
}

static void a_stapled_response_that_does_not_count_leaves_the_fetch(void)
{
    static const struct mk_ocsp rows[] = {
        {.cert = &r1, .issuer = &root, .spoilt = true},
        {.cert = &r2, .issuer = &root},
        {.cert = &r1, .issuer = &root, .this_update = T0 - 7200, .next_update = T0 - 1},
        {.cert = &r1,
         .issuer = &root,
         .this_update = T0 - 3601,
         .next_update = -1}, /* nothing says how old it may be */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        up(&by_ocsp, &r1);
        struct slice s = mk_ocsp(&rows[i]);
        is_with(s, PKI_WAIT, "");
        CU_ASSERT_EQUAL(world.asked_count, 1);
        free((void *)s.p);
        down();
    }
}

static void a_stapled_response_counts_only_where_the_list_has_ocsp(void)
{
    static const struct pki_conf crl = {.name = "IOSCA1", .method_count = 1, .methods = {PKI_METHOD_CRL}};
    const struct mk_ocsp m = {.cert = &r1, .issuer = &root};
    up(&crl, &r1);
    struct slice s = mk_ocsp(&m);
    is_with(s, PKI_WAIT, "");
    CU_ASSERT_STRING_EQUAL(world.asked[0].url, CRL_URL);
    free((void *)s.p);
    down();
}

/* ---- mutations ---------------------------------------------------------------------------------------------------------------- */
static void a_mutated_response_never_says_good(void)
{
    const struct mk_ocsp m = {
        .cert = &r1, .issuer = &root, .signer = &responder, .status = V_OCSP_CERTSTATUS_REVOKED};
    world_up(&by_ocsp, 1, true);
    struct slice good = mk_ocsp(&m);
    struct pki_cert *cert = mk_cert(&r1), *issuer = mk_cert(&root);
    uint8_t *p = malloc(good.n);
    uint64_t seed = 6960;
    unsigned revoked = 0;
    CU_ASSERT_FATAL(p != NULL);
    for (unsigned i = 0; i < 5000; i++) {
        struct pki_ocsp_answer a;
        char why[PKI_TEXT_MAX] = "";
        (void)slice_copy(good, p, good.n);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(seed >> 33) % good.n;
        p[at] ^= (uint8_t)(1u << (seed >> 20 & 7));
        if (pki_ocsp_read((struct slice){p, good.n}, cert, issuer, NULL, T0, &a, why)) {
            CU_ASSERT_EQUAL(a.state,
                            PKI_OCSP_REVOKED); /* a changed octet in a certificate that nobody looks at */
            revoked++;
            pki_cert_free(a.responder);
        } else {
            CU_ASSERT(why[0]);
        }
    }
    printf("\n    5000 mutations: %u still say revoked ", revoked);
    CU_ASSERT(revoked < 50);
    free(p);
    free((void *)good.p);
    pki_cert_free(cert);
    pki_cert_free(issuer);
    world_down();
}

UNIT_MAIN("pki-ocsp", UNIT_TEST(RFC6960_the_request_names_the_certificate_and_carries_a_nonce),
          UNIT_TEST(a_revoked_certificate_is_refused_and_stays_so),
          UNIT_TEST(a_responder_that_does_not_know_it_ends_the_list),
          UNIT_TEST(a_dead_responder_under_each_list),
          UNIT_TEST(what_the_first_method_says_the_second_is_not_asked),
          UNIT_TEST(ocsp_url_goes_before_the_certificates_own_and_none_is_said),
          UNIT_TEST(a_dead_responder_costs_one_fetch_a_minute_for_all_its_certificates),
          UNIT_TEST(a_response_that_does_not_count_is_as_none),
          UNIT_TEST(RFC8954_without_the_nonce_it_does_not_count_unless_none_was_asked_for),
          UNIT_TEST(the_nonce_of_an_earlier_request_does_not_count),
          UNIT_TEST(RFC6960_4_2_2_2_a_delegated_responder_and_both_kinds_of_responder_id_count),
          UNIT_TEST(weak_signatures_do_not_count), UNIT_TEST(garbage_is_no_response),
          UNIT_TEST(a_responder_without_nocheck_is_looked_up_in_the_CRL),
          UNIT_TEST(an_answer_is_kept_until_nextUpdate_or_a_minute_and_never_over_an_hour),
          UNIT_TEST(RFC4806_a_response_that_came_along_spares_the_fetch),
          UNIT_TEST(a_stapled_response_that_does_not_count_leaves_the_fetch),
          UNIT_TEST(a_stapled_response_counts_only_where_the_list_has_ocsp),
          UNIT_TEST(a_mutated_response_never_says_good))
