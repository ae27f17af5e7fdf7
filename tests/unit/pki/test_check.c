/* Chains: which trust-point a peer's certificates lead to, and why they do not (RFC 5280 6.1, RFC 4945 5.1, CT-9). */
#include "tests/unit/pki/world.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mk root = {.dn = "CN=CA1,O=cisco", .key = "ed:root", MK_CA};
static const struct mk root2 = {.dn = "CN=CA2,O=cisco", .key = "ed:root2", MK_CA};
static const struct mk sub = {.dn = "CN=Sub,O=cisco", .key = "ed:sub", .issuer = &root, MK_CA};
static const struct mk subsub = {.dn = "CN=SubSub,O=cisco", .key = "ed:subsub", .issuer = &sub, MK_CA};
static const struct mk r1 = {
    .dn = "CN=R1,O=cisco", .key = "ed:r1", .issuer = &root, .san = "DNS:r1.cisco.com"};
static const struct mk below = {
    .dn = "CN=R2,O=cisco", .key = "ed:r2", .issuer = &subsub, .san = "DNS:r2.cisco.com"};

static const struct pki_conf two[] = {{.name = "IOSCA1"}, {.name = "IOSCA2"}};

/* IOSCA1 trusts root, IOSCA2 trusts root2. */
static void up(void)
{
    world_up(two, 2, false);
    world_ca("IOSCA1", &root);
    world_ca("IOSCA2", &root2);
}

static void says(struct pki_verdict v, enum pki_verdict_kind kind, const char *part)
{
    if (v.kind != kind || !strstr(v.text, part))
        printf("\n    is: %s: %s\n    not: %s: ... %s ...\n", pki_verdict_text(v.kind), v.text,
               pki_verdict_text(kind), part);
    CU_ASSERT_EQUAL(v.kind, kind);
    CU_ASSERT_PTR_NOT_NULL(strstr(v.text, part));
}

#define CHECK(...)                                                                                           \
    world_check((const struct mk *const[]){__VA_ARGS__},                                                     \
                sizeof((const struct mk *const[]){__VA_ARGS__}) / sizeof(struct mk *), NULL, NULL)

/* ---- the way ------------------------------------------------------------------------------------------------------------ */
static void an_end_entity_leads_to_the_trustpoint_that_issued_it(void)
{
    static const struct mk *const certs[] = {&r1};
    struct pki_chain c;
    up();
    struct pki_verdict v = world_check(certs, 1, NULL, &c);
    says(v, PKI_GOOD, "Certificate validation succeeded");
    CU_ASSERT_STRING_EQUAL(v.trustpoint, "IOSCA1");
    CU_ASSERT_STRING_EQUAL(c.trustpoint, "IOSCA1");
    CU_ASSERT_EQUAL_FATAL(c.count, 2);
    CU_ASSERT(strstr(pki_cert_subject_text(c.certs[0]), "R1") &&
              strstr(pki_cert_subject_text(c.certs[1]), "CA1"));
    /* a second time, as for another profile */
    CU_ASSERT_EQUAL(pki_chain_check(world.pki, &c, NULL, 0).kind, PKI_GOOD);
    pki_chain_free(&c);
    world_down();
}

static void certificates_may_come_in_any_order_and_twice(void)
{
    up();
    says(CHECK(&below, &subsub, &sub), PKI_GOOD, "IOSCA1");
    says(CHECK(&below, &sub, &subsub), PKI_GOOD, "IOSCA1");
    says(CHECK(&sub, &subsub, &below), PKI_GOOD, "IOSCA1"); /* careless peers put a CA first */
    says(CHECK(&below, &root2, &sub, &r1, &subsub, &root, &sub), PKI_GOOD, "IOSCA1");
    says(CHECK(&below, &subsub), PKI_UNTRUSTED, "No suitable trustpoints found");
    world_down();
}

static void CT_9_only_trustpoints_of_the_profile_count(void)
{
    static const struct mk by2 = {.dn = "CN=R2,O=cisco", .key = "ed:r2", .issuer = &root2};
    static const struct mk *const certs[] = {&by2};
    static const char *const only1[] = {"IOSCA1", NULL}, *const both[] = {"IOSCA1", "IOSCA2", NULL};
    up();
    struct pki_verdict v = world_check(certs, 1, only1, NULL);
    says(v, PKI_UNTRUSTED, "No suitable trustpoints found");
    says(v, PKI_UNTRUSTED, "cn=CA2,o=cisco");
    says(v, PKI_UNTRUSTED, "trust-point IOSCA2 has, but the profile allows only IOSCA1");
    v = world_check(certs, 1, both, NULL);
    says(v, PKI_GOOD, "IOSCA2");
    says(world_check(certs, 1, NULL, NULL), PKI_GOOD, "IOSCA2");
    world_down();
}

static void an_unknown_issuer_is_named(void)
{
    static const struct mk other = {.dn = "CN=Other", .key = "ed:other", MK_CA};
    static const struct mk r = {.dn = "CN=R9", .key = "ed:r9", .issuer = &other};
    up();
    says(CHECK(&r), PKI_UNTRUSTED, "cn=Other, whose certificate no trust-point has");
    says(CHECK(&r, &other), PKI_UNTRUSTED,
         "No suitable trustpoints found"); /* a root that the peer brings is nobody's anchor */
    world_down();
}

static void a_CA_of_the_same_name_with_another_key_is_not_it(void)
{
    static const struct mk fake = {.dn = "CN=CA1,O=cisco", .key = "ed:fake", MK_CA};
    static const struct mk r = {.dn = "CN=R1,O=cisco", .key = "ed:r1", .issuer = &fake};
    up();
    says(CHECK(&r), PKI_UNTRUSTED, "does not have the signature of its issuer");
    says(CHECK(&r, &fake), PKI_UNTRUSTED, "No suitable trustpoints found");
    world_down();
}

static void a_trustpoint_of_a_sub_CA_is_an_anchor_without_its_root(void)
{
    world_up(two, 2, false);
    world_ca("IOSCA1", &sub);
    says(CHECK(&below, &subsub), PKI_GOOD, "IOSCA1");
    says(CHECK(&below, &subsub, &sub, &root), PKI_GOOD, "IOSCA1");
    says(CHECK(&r1), PKI_UNTRUSTED, "No suitable trustpoints found"); /* of the root, beside the sub-CA */
    world_down();
}

static void chain_validation_continue_goes_on_to_the_parent(void)
{
    static const struct pki_conf confs[] = {
        {.name = "SUB", .chain_continue = true, .chain_parent = "ROOT"},
        {.name = "ROOT"},
        {.name = "LOOP1", .chain_continue = true, .chain_parent = "LOOP2"},
        {.name = "LOOP2", .chain_continue = true, .chain_parent = "LOOP1"}};
    static const struct mk late = {
        .dn = "CN=CA1,O=cisco", .key = "ed:root", .from = T0 - 10 * DAY, .until = T0 - DAY, MK_CA};
    static const char *const only[] = {"SUB", NULL}, *const loop[] = {"LOOP1", NULL};
    static const struct mk *const certs[] = {&below, &subsub}, *const direct[] = {&r1};
    struct pki_chain c;
    world_up(confs, 4, false);
    world_ca("SUB", &sub);
    says(world_check(certs, 2, only, NULL), PKI_UNTRUSTED, "No suitable"); /* no parent yet */
    world_ca("ROOT", &late);
    says(world_check(certs, 2, only, NULL), PKI_EXPIRED, "cn=CA1,o=cisco expired");
    world_ca("ROOT", &root);
    says(world_check(certs, 2, only, &c), PKI_GOOD, "SUB");
    CU_ASSERT_EQUAL(c.count, 4);
    pki_chain_free(&c);
    says(world_check(direct, 1, only, NULL), PKI_UNTRUSTED,
         "No suitable"); /* of the root, not below SUB's CA */
    world_ca("LOOP1", &sub);
    world_ca("LOOP2", &subsub);
    says(world_check(certs, 2, loop, NULL), PKI_UNTRUSTED, "No suitable");
    world_down();
}

static void chain_validation_continue_without_a_parent_wants_a_root(void)
{
    static const struct pki_conf confs[] = {
        {.name = "SUB", .chain_continue = true}, {.name = "ROOT"}, {.name = "R2"}};
    static const char *const only[] = {"SUB", NULL};
    static const struct mk *const certs[] = {&below, &subsub};
    world_up(confs, 3, false);
    world_ca("SUB", &sub);
    world_ca("R2", &root2);
    says(world_check(certs, 2, only, NULL), PKI_UNTRUSTED, "No suitable");
    world_ca("ROOT", &root);
    says(world_check(certs, 2, only, NULL), PKI_GOOD, "SUB");
    world_down();
}

static void a_cross_signed_CA_leads_by_whichever_way_is_trusted(void)
{
    static const struct mk nobody = {.dn = "CN=Nobody", .key = "ed:nobody", MK_CA};
    static const struct mk ours = {.dn = "CN=X", .key = "ed:x", .issuer = &root, .serial = 5, MK_CA};
    static const struct mk theirs = {.dn = "CN=X", .key = "ed:x", .issuer = &nobody, .serial = 6, MK_CA};
    static const struct mk gone = {
        .dn = "CN=X", .key = "ed:x", .issuer = &root, .serial = 7, .until = T0 - 3600, MK_CA};
    static const struct mk r = {.dn = "CN=R5", .key = "ed:r5", .issuer = &ours};
    up();
    says(CHECK(&r, &ours, &theirs), PKI_GOOD, "IOSCA1");
    says(CHECK(&r, &theirs, &ours), PKI_GOOD, "IOSCA1");
    says(CHECK(&r, &theirs, &nobody, &gone, &ours), PKI_GOOD, "IOSCA1"); /* not stopped by the expired one */
    says(CHECK(&r, &theirs, &nobody), PKI_UNTRUSTED, "No suitable");
    says(CHECK(&r, &gone), PKI_EXPIRED, "cn=X expired");
    world_down();
}

static void a_CA_may_speak_for_itself_only_as_the_very_certificate_that_is_trusted(void)
{
    static const struct mk speaker = {.dn = "CN=CA1,O=cisco", .key = "ed:root", .basic = "critical,CA:TRUE"};
    static const struct mk resigned = {.dn = "CN=CA1,O=cisco",
                                       .key = "ed:root",
                                       .basic = "critical,CA:TRUE",
                                       .serial = 99,
                                       .until = T0 + 300 * DAY};
    world_up(two, 2, false);
    struct pki_cert *same = mk_cert(&speaker);
    CU_ASSERT_FATAL(pki_install_ca(world.pki, "IOSCA1", same, 0) == CV_OK);
    struct pki_offer offer = {4, pki_cert_der(same)};
    struct pki_chain c;
    char text[PKI_TEXT_MAX];
    CU_ASSERT_FATAL(pki_chain_take(&c, &offer, 1, text));
    CU_ASSERT_EQUAL(pki_chain_check(world.pki, &c, NULL, 0).kind, PKI_GOOD);
    pki_chain_free(&c);
    pki_cert_free(same);
    /* the CA's key in another certificate, which it signed itself, is no anchor */
    says(CHECK(&resigned), PKI_UNTRUSTED, "No suitable");
    world_down();
    up(); /* and CA1's certificate is not for signatures of IKE */
    says(CHECK(&root), PKI_FORBIDDEN, "allows no signatures");
    world_down();
}

/* ---- time --------------------------------------------------------------------------------------------------------------- */
static void validity_is_that_of_the_virtual_clock_and_of_the_whole_chain(void)
{
    static const struct mk brief = {
        .dn = "CN=Brief", .key = "ed:brief", .issuer = &root, .until = T0 + 100, MK_CA};
    static const struct mk r = {
        .dn = "CN=R6", .key = "ed:r6", .issuer = &brief, .from = T0 - 50, .until = T0 + 200};
    up();
    says(CHECK(&r, &brief), PKI_GOOD, "IOSCA1");
    world.wall = T0 - 51;
    says(CHECK(&r, &brief), PKI_NOT_YET, "the certificate of cn=R6 is not valid before 2026-09-21");
    world.wall = T0 + 101;
    says(CHECK(&r, &brief), PKI_EXPIRED, "the certificate of cn=Brief expired 2026-09-21");
    world.wall = T0 + 400 * DAY;
    CU_ASSERT_EQUAL(CHECK(&r1).kind, PKI_EXPIRED); /* CA1, too */
    world_down();
}

static void match_certificate_allows_expired_ones_and_nothing_else(void)
{
    static const struct mk old = {.dn = "CN=Old", .key = "ed:old", .issuer = &root, .until = T0 - 1};
    static const struct mk early = {.dn = "CN=Old", .key = "ed:old", .issuer = &root, .from = T0 + 1};
    static const struct mk fake = {.dn = "CN=CA1,O=cisco", .key = "ed:fake", MK_CA};
    static const struct mk forged = {.dn = "CN=Old", .key = "ed:old", .issuer = &fake, .until = T0 - 1};
    static const struct mk unfit = {
        .dn = "CN=Old", .key = "ed:old", .issuer = &root, .until = T0 - 1, .eku = "codeSigning"};
    world_up(two, 1, false);
    world_ca("IOSCA1", &root);
    says(CHECK(&old), PKI_EXPIRED, "cn=Old expired");
    world.excuse.allow_expired = true;
    world.excuse_cn = "Young";
    says(CHECK(&old), PKI_EXPIRED, "cn=Old expired");
    world.excuse_cn = "Old";
    says(CHECK(&old), PKI_GOOD, "IOSCA1");
    says(CHECK(&early), PKI_NOT_YET, "not valid before");
    says(CHECK(&forged), PKI_UNTRUSTED, "does not have the signature of its issuer");
    says(CHECK(&unfit), PKI_FORBIDDEN, "other things than IKE");
    world_down();
}

/* ---- what a CA must be ------------------------------------------------------------------------------------------------- */
static void RFC5280_6_1_4_who_is_no_CA_issues_nothing(void)
{
    static const struct mk no_ca = {
        .dn = "CN=NoCA", .key = "ed:noca", .issuer = &root, .basic = "critical,CA:FALSE"};
    static const struct mk plain = {.dn = "CN=Plain", .key = "ed:plain", .issuer = &root};
    static const struct mk signs = {
        .dn = "CN=Signs", .key = "ed:signs", .issuer = &root, .usage = "critical,keyCertSign"};
    static const struct mk old = {.dn = "CN=Old", .key = "ed:old", .issuer = &root, .version_1 = true};
    static const struct mk a = {.dn = "CN=A", .key = "ed:a", .issuer = &no_ca};
    static const struct mk b = {.dn = "CN=B", .key = "ed:b", .issuer = &plain};
    static const struct mk d = {.dn = "CN=D", .key = "ed:d", .issuer = &signs};
    static const struct mk e = {.dn = "CN=E", .key = "ed:e", .issuer = &old};
    static const struct mk by_r1 = {.dn = "CN=F", .key = "ed:f", .issuer = &r1};
    up();
    says(CHECK(&a, &no_ca), PKI_FORBIDDEN, "is no CA and issued a certificate");
    says(CHECK(&b, &plain), PKI_FORBIDDEN, "is no CA and issued a certificate");
    says(CHECK(&d, &signs), PKI_FORBIDDEN, "is no CA and issued a certificate");
    says(CHECK(&e, &old), PKI_FORBIDDEN, "is no CA and issued a certificate");
    says(CHECK(&by_r1, &r1), PKI_FORBIDDEN, "is no CA and issued a certificate");
    world_down();
}

static void key_usage_of_a_CA_must_allow_certificates(void)
{
    static const struct mk crl_only = {.dn = "CN=CrlOnly",
                                       .key = "ed:crlonly",
                                       .issuer = &root,
                                       .basic = "critical,CA:TRUE",
                                       .usage = "critical,cRLSign"};
    static const struct mk r = {.dn = "CN=R7", .key = "ed:r7", .issuer = &crl_only};
    up();
    says(CHECK(&r, &crl_only), PKI_FORBIDDEN, "may not sign certificates by its key usage");
    world_down();
}

static void path_length_is_kept(void)
{
    static const struct mk zero = {.dn = "CN=Zero",
                                   .key = "ed:zero",
                                   .issuer = &root,
                                   .basic = "critical,CA:TRUE,pathlen:0",
                                   .usage = "critical,keyCertSign"};
    static const struct mk under = {.dn = "CN=Under", .key = "ed:under", .issuer = &zero, MK_CA};
    static const struct mk good = {.dn = "CN=R8", .key = "ed:r8", .issuer = &zero};
    static const struct mk bad = {.dn = "CN=R9", .key = "ed:r9", .issuer = &under};
    up();
    says(CHECK(&good, &zero), PKI_GOOD, "IOSCA1");
    says(CHECK(&bad, &under, &zero), PKI_FORBIDDEN, "more CAs below it than its path length allows");
    world_down();
    world_up(two, 1, false); /* an anchor's own path length counts, too */
    world_ca("IOSCA1", &zero);
    says(CHECK(&good), PKI_GOOD, "IOSCA1");
    says(CHECK(&bad, &under), PKI_FORBIDDEN, "path length");
    world_down();
}

static void RFC5280_4_2_unknown_critical_extensions_refuse(void)
{
    static const struct mk leaf = {
        .dn = "CN=R10", .key = "ed:r10", .issuer = &root, .oid = "1.2.3.4.5", .oid_critical = true};
    static const struct mk harmless = {.dn = "CN=R11", .key = "ed:r11", .issuer = &root, .oid = "1.2.3.4.5"};
    static const struct mk ca = {
        .dn = "CN=Odd", .key = "ed:odd", .issuer = &root, .oid = "1.2.3.4.5", .oid_critical = true, MK_CA};
    static const struct mk strict = {.dn = "CN=Strict",
                                     .key = "ed:strict",
                                     .issuer = &root,
                                     .policies = "1.2.3.4",
                                     .policy_constraints = "critical,requireExplicitPolicy:0",
                                     MK_CA};
    static const struct mk below_strict = {
        .dn = "CN=R", .key = "ed:r12", .issuer = &strict, .policies = "1.2.3.4"};
    static const struct mk wanting = {.dn = "CN=Wanting",
                                      .key = "ed:wanting",
                                      .issuer = &root,
                                      .policies = "1.2.3.4",
                                      .policy_constraints = "requireExplicitPolicy:0",
                                      MK_CA};
    static const struct mk below_wanting = {
        .dn = "CN=R", .key = "ed:r12", .issuer = &wanting, .policies = "1.2.3.5"};
    static const struct mk fitting = {.dn = "CN=Fitting",
                                      .key = "ed:fitting",
                                      .issuer = &root,
                                      .policies = "1.2.3.4",
                                      .policy_constraints = "requireExplicitPolicy:0",
                                      MK_CA};
    static const struct mk below_fitting = {
        .dn = "CN=R", .key = "ed:r12", .issuer = &fitting, .policies = "1.2.3.4"};
    static const struct mk below_odd = {.dn = "CN=R12", .key = "ed:r12", .issuer = &ca};
    up();
    says(CHECK(&leaf), PKI_FORBIDDEN, "cn=R10 has a critical extension");
    says(CHECK(&harmless), PKI_GOOD, "IOSCA1");
    says(CHECK(&below_odd, &ca), PKI_FORBIDDEN, "cn=Odd has a critical extension");
    /* known to OpenSSL, but not to whom the certificate speaks: policies are not asked for */
    says(CHECK(&below_strict, &strict), PKI_FORBIDDEN, "cn=Strict has a critical extension");
    says(CHECK(&below_wanting, &wanting), PKI_FORBIDDEN, "policy");
    says(CHECK(&below_fitting, &fitting), PKI_GOOD, "IOSCA1");
    world_down();
}

/* ---- what an end entity must be ---------------------------------------------------------------------------------------- */
static void RFC4945_5_1_3_2_key_usage_allows_signatures(void)
{
    static const struct {
        const char *usage;
        enum pki_verdict_kind kind;
    } rows[] = {{NULL, PKI_GOOD},
                {"digitalSignature", PKI_GOOD},
                {"critical,nonRepudiation", PKI_GOOD},
                {"critical,digitalSignature,keyEncipherment", PKI_GOOD},
                {"critical,keyEncipherment", PKI_FORBIDDEN},
                {"keyAgreement", PKI_FORBIDDEN}};
    up();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mk m = r1;
        m.usage = rows[i].usage;
        says(CHECK(&m), rows[i].kind, rows[i].kind == PKI_GOOD ? "IOSCA1" : "allows no signatures");
    }
    world_down();
}

static void RFC4945_5_1_3_12_extended_key_usage_fits_ike(void)
{
    static const struct {
        const char *eku;
        enum pki_verdict_kind kind;
    } rows[] = {{"1.3.6.1.5.5.7.3.17", PKI_GOOD},
                {"anyExtendedKeyUsage", PKI_GOOD},
                {"serverAuth", PKI_GOOD},
                {"clientAuth", PKI_GOOD},
                {"codeSigning,serverAuth", PKI_GOOD},
                {"1.3.6.1.5.5.7.3.5", PKI_GOOD},
                {"codeSigning", PKI_FORBIDDEN},
                {"emailProtection,OCSPSigning", PKI_FORBIDDEN},
                {"critical,timeStamping", PKI_FORBIDDEN}};
    up();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mk m = r1;
        m.eku = rows[i].eku;
        says(CHECK(&m), rows[i].kind, rows[i].kind == PKI_GOOD ? "IOSCA1" : "for other things than IKE");
    }
    world_down();
}

/* ---- weak algorithms ---------------------------------------------------------------------------------------------------- */
static void MD5_and_SHA1_signatures_are_refused_but_an_anchors_own_is_not_looked_at(void)
{
    struct mk rsa_root = {.dn = "CN=RSA", .key = "rsa:root", .md = EVP_sha1(), MK_CA};
    struct mk leaf = {.dn = "CN=R13", .key = "ed:r13", .issuer = &rsa_root};
    struct mk mid = {.dn = "CN=Mid", .key = "ed:mid", .issuer = &rsa_root, MK_CA};
    struct mk below_mid = {.dn = "CN=R14", .key = "ed:r14", .issuer = &mid};
    const EVP_MD *const weak[] = {EVP_sha1(), EVP_md5(), EVP_sha224()};
    world_up(two, 1, false);
    world_ca("IOSCA1", &rsa_root);
    says(CHECK(&leaf), PKI_GOOD, "IOSCA1");
    says(CHECK(&below_mid, &mid), PKI_GOOD, "IOSCA1");
    for (unsigned i = 0; i < 3; i++) {
        leaf.md = mid.md = weak[i];
        says(CHECK(&leaf), PKI_FORBIDDEN, "hash that is too weak");
        says(CHECK(&below_mid, &mid), PKI_FORBIDDEN, "cn=Mid is signed with a hash that is too weak");
    }
    world_down();
}

static void short_RSA_keys_are_refused_in_leaf_and_CA(void)
{
    static const struct mk leaf = {.dn = "CN=R15", .key = "rsa1024:r15", .issuer = &root};
    static const struct mk ca = {.dn = "CN=Short", .key = "rsa1024:ca", .issuer = &root, MK_CA};
    static const struct mk under = {.dn = "CN=R16", .key = "ed:r16", .issuer = &ca};
    up();
    struct pki_verdict v = CHECK(&leaf);
    CU_ASSERT((v.kind == PKI_FORBIDDEN || v.kind == PKI_MALFORMED) && v.text[0]);
    v = CHECK(&under, &ca);
    CU_ASSERT((v.kind == PKI_FORBIDDEN || v.kind == PKI_UNTRUSTED) && v.text[0]);
    world_down();
}

/* ---- name constraints --------------------------------------------------------------------------------------------------- */
static void name_constraints_bind_every_kind_of_name_and_excluded_wins(void)
{
    static const struct {
        const char *nc, *san, *dn;
        enum pki_verdict_kind kind;
        const char *part;
    } rows[] = {
        {"critical,permitted;DNS:cisco.com", "DNS:r1.cisco.com", "CN=R", PKI_GOOD, "IOSCA1"},
        {"critical,permitted;DNS:cisco.com", "DNS:r1.evil.com", "CN=R", PKI_FORBIDDEN, "do not permit"},
        {"critical,permitted;DNS:cisco.com", "DNS:evilcisco.com", "CN=R", PKI_FORBIDDEN, "do not permit"},
        {"critical,permitted;DNS:cisco.com", "DNS:r1.CISCO.com", "CN=R", PKI_GOOD, "IOSCA1"},
        {"permitted;DNS:cisco.com", "DNS:r1.evil.com", "CN=R", PKI_FORBIDDEN,
         "do not permit"}, /* not critical: counts all the same */
        {"critical,permitted;DNS:cisco.com,excluded;DNS:lab.cisco.com", "DNS:r1.lab.cisco.com", "CN=R",
         PKI_FORBIDDEN, "exclude"},
        {"critical,excluded;DNS:lab.cisco.com", "DNS:r1.cisco.com", "CN=R", PKI_GOOD, "IOSCA1"},
        {"critical,excluded;DNS:lab.cisco.com", "DNS:r1.cisco.com,DNS:x.lab.cisco.com", "CN=R", PKI_FORBIDDEN,
         "exclude"},
        {"critical,permitted;IP:192.168.0.0/255.255.0.0", "IP:192.168.7.7", "CN=R", PKI_GOOD, "IOSCA1"},
        {"critical,permitted;IP:192.168.0.0/255.255.0.0", "IP:192.169.7.7", "CN=R", PKI_FORBIDDEN,
         "do not permit"},
        {"critical,permitted;IP:192.168.0.0/255.255.0.0", "IP:2001:db8::1", "CN=R", PKI_FORBIDDEN,
         "do not permit"},
        {"critical,excluded;IP:192.168.0.0/255.255.0.0", "IP:192.168.7.7", "CN=R", PKI_FORBIDDEN, "exclude"},
        {"critical,permitted;email:cisco.com", "email:a@cisco.com", "CN=R", PKI_GOOD, "IOSCA1"},
        {"critical,permitted;email:cisco.com", "email:a@evil.com", "CN=R", PKI_FORBIDDEN, "do not permit"},
        {"critical,permitted;dirName:dir", NULL, "CN=R,O=cisco", PKI_GOOD, "IOSCA1"},
        {"critical,permitted;dirName:dir", NULL, "CN=R,O=other", PKI_FORBIDDEN, "do not permit"},
        {"critical,excluded;dirName:other", NULL, "CN=R,O=other", PKI_FORBIDDEN, "exclude"},
        {"critical,excluded;dirName:other", NULL, "CN=R,O=Other", PKI_FORBIDDEN, "exclude"}, /* case aside */
        {"critical,permitted;RID:1.2.3.4", "RID:1.2.3.4", "CN=R", PKI_FORBIDDEN,
         "of a kind that is not known"},
        /* a FQDN in the subject, as IOS writes it, is bound like one beside it */
        {"critical,permitted;DNS:cisco.com", NULL, "CN=R,unstructuredName=r1.cisco.com", PKI_GOOD, "IOSCA1"},
        {"critical,permitted;DNS:.cisco.com", NULL, "CN=R,unstructuredName=r1.cisco.com", PKI_GOOD, "IOSCA1"},
        {"critical,permitted;DNS:cisco.com", NULL, "CN=R,unstructuredName=r1.evil.com", PKI_FORBIDDEN,
         "do not permit"},
        {"critical,permitted;DNS:cisco.com", NULL, "CN=R,unstructuredName=evilcisco.com", PKI_FORBIDDEN,
         "do not permit"},
        {"critical,excluded;DNS:cisco.com", NULL, "CN=R,unstructuredName=r1.cisco.com", PKI_FORBIDDEN,
         "do not permit"},
        {"critical,permitted;IP:10.0.0.0/255.0.0.0", NULL, "CN=R,unstructuredName=r1.evil.com", PKI_GOOD,
         "IOSCA1"},
        /* and so is an address there */
        {"critical,permitted;IP:10.0.0.0/255.0.0.0", NULL, "CN=R,unstructuredAddress=10.1.2.3", PKI_GOOD,
         "IOSCA1"},
        {"critical,permitted;IP:10.0.0.0/255.0.0.0", NULL, "CN=R,unstructuredAddress=192.0.2.1",
         PKI_FORBIDDEN, "do not permit"},
        {"critical,permitted;IP:2001:db8::/ffff:ffff::", NULL, "CN=R,unstructuredAddress=192.0.2.1",
         PKI_FORBIDDEN, "do not permit"},
        {"critical,excluded;IP:192.0.2.0/255.255.255.0", NULL, "CN=R,unstructuredAddress=192.0.2.1",
         PKI_FORBIDDEN, "do not permit"},
        {"critical,excluded;IP:192.0.2.0/255.255.255.0", NULL, "CN=R,unstructuredAddress=192.0.3.1", PKI_GOOD,
         "IOSCA1"},
        {"critical,permitted;DNS:cisco.com", NULL, "CN=R,unstructuredAddress=192.0.2.1", PKI_GOOD, "IOSCA1"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mk ca = {.dn = "CN=Bound", .key = "ed:bound", .issuer = &root, .nc = rows[i].nc, MK_CA};
        struct mk anchor = {.dn = "CN=Bound", .key = "ed:bound", .nc = rows[i].nc, MK_CA};
        struct mk r = {.dn = rows[i].dn, .key = "ed:r17", .issuer = &ca, .san = rows[i].san};
        up();
        says(CHECK(&r, &ca), rows[i].kind, rows[i].part);
        world_down();
        world_up(two, 1, false); /* an anchor's own constraints bind, too */
        world_ca("IOSCA1", &anchor);
        says(CHECK(&r), rows[i].kind, rows[i].part);
        world_down();
    }
}

static void name_constraints_bind_two_levels_down(void)
{
    static const struct mk bound = {.dn = "CN=Bound",
                                    .key = "ed:bound",
                                    .issuer = &root,
                                    .nc = "critical,permitted;DNS:cisco.com",
                                    MK_CA};
    static const struct mk wide = {
        .dn = "CN=Wide", .key = "ed:wide", .issuer = &bound, .nc = "critical,permitted;DNS:com", MK_CA};
    static const struct mk good = {.dn = "CN=R", .key = "ed:r18", .issuer = &wide, .san = "DNS:a.cisco.com"};
    static const struct mk bad = {.dn = "CN=R", .key = "ed:r18", .issuer = &wide, .san = "DNS:a.evil.com"};
    up();
    says(CHECK(&good, &wide, &bound), PKI_GOOD, "IOSCA1");
    says(CHECK(&bad, &wide, &bound), PKI_FORBIDDEN, "do not permit");
    world_down();
}

/* ---- what arrives ---------------------------------------------------------------------------------------------------------- */
static void only_certificates_count_and_a_URL_alone_is_said(void)
{
    struct pki_chain c;
    char text[PKI_TEXT_MAX];
    struct slice der = mk_der(&r1);
    static const uint8_t junk[] = {1, 2, 3};
    struct pki_offer offers[] = {{7, {junk, 3}}, {14, {junk, 3}}, {12, {junk, 3}}, {4, der}, {11, {junk, 3}}};
    up();
    CU_ASSERT(pki_chain_take(&c, offers, 5, text));
    CU_ASSERT_EQUAL(pki_chain_check(world.pki, &c, NULL, 0).kind, PKI_GOOD);
    pki_chain_free(&c);
    CU_ASSERT_FALSE(pki_chain_take(&c, offers, 3, text));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "only where to fetch it"));
    CU_ASSERT_EQUAL(pki_chain_check(world.pki, &c, NULL, 0).kind, PKI_MALFORMED);
    CU_ASSERT_FALSE(pki_chain_take(&c, NULL, 0, text));
    CU_ASSERT_STRING_EQUAL(text, "the peer sent no certificate");
    struct pki_offer bad[] = {{4, {junk, 3}}, {4, der}};
    CU_ASSERT_FALSE(pki_chain_take(&c, bad, 2, text)); /* the first is the peer's own */
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "cannot be used"));
    struct pki_offer odd[] = {{4, der}, {4, {junk, 3}}, {1, {junk, 3}}};
    CU_ASSERT(pki_chain_take(&c, odd, 3, text)); /* a CA that cannot be read is nobody's loss */
    pki_chain_free(&c);
    free((void *)der.p);
    world_down();
}

static void a_PKCS7_bundle_is_a_chain(void)
{
    const struct mk *const certs[] = {&sub, &below, &subsub};
    PKCS7 *p7 = PKCS7_new();
    struct pki_chain c;
    char text[PKI_TEXT_MAX];
    uint8_t *der = NULL;
    CU_ASSERT_FATAL(PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1);
    for (unsigned i = 0; i < 3; i++) {
        X509 *x = mk_x509(certs[i]);
        CU_ASSERT_FATAL(PKCS7_add_certificate(p7, x) == 1);
        X509_free(x);
    }
    int n = i2d_PKCS7(p7, &der);
    CU_ASSERT_FATAL(n > 0);
    struct pki_offer offer = {1, {der, (size_t)n}};
    up();
    CU_ASSERT_FATAL(pki_chain_take(&c, &offer, 1, text));
    says(pki_chain_check(world.pki, &c, NULL, 0), PKI_GOOD, "IOSCA1");
    pki_chain_free(&c);
    world_down();
    OPENSSL_free(der);
    PKCS7_free(p7);
}

/* ---- the trust-point's own chain ---------------------------------------------------------------------------------------- */
static void CAs_that_came_with_our_own_certificate_complete_a_peers_chain(void)
{
    static const struct mk own = {.dn = "CN=Me", .key = "ed:me", .issuer = &subsub};
    struct pki_cert *mine = mk_cert(&own), *chain[] = {mk_cert(&subsub), mk_cert(&sub)};
    uint8_t *der = NULL;
    struct cr_key *key = NULL;
    int n = i2d_PrivateKey(mk_key("ed:me"), &der);
    CU_ASSERT_FATAL(n > 0 && cr_key_private((struct slice){der, (size_t)n}, NULL, &key) == CV_OK);
    up();
    says(CHECK(&below), PKI_UNTRUSTED, "No suitable");
    CU_ASSERT_EQUAL_FATAL(pki_install_own(world.pki, "IOSCA1", mine, key, chain, 2, 0), CV_OK);
    says(CHECK(&below), PKI_GOOD, "IOSCA1");
    world_down();
    OPENSSL_free(der);
    cr_key_free(key);
    pki_cert_free(mine);
    pki_cert_free(chain[0]);
    pki_cert_free(chain[1]);
}

UNIT_MAIN("pki-check", UNIT_TEST(an_end_entity_leads_to_the_trustpoint_that_issued_it),
          UNIT_TEST(certificates_may_come_in_any_order_and_twice),
          UNIT_TEST(CT_9_only_trustpoints_of_the_profile_count), UNIT_TEST(an_unknown_issuer_is_named),
          UNIT_TEST(a_CA_of_the_same_name_with_another_key_is_not_it),
          UNIT_TEST(a_trustpoint_of_a_sub_CA_is_an_anchor_without_its_root),
          UNIT_TEST(chain_validation_continue_goes_on_to_the_parent),
          UNIT_TEST(chain_validation_continue_without_a_parent_wants_a_root),
          UNIT_TEST(a_cross_signed_CA_leads_by_whichever_way_is_trusted),
          UNIT_TEST(a_CA_may_speak_for_itself_only_as_the_very_certificate_that_is_trusted),
          UNIT_TEST(validity_is_that_of_the_virtual_clock_and_of_the_whole_chain),
          UNIT_TEST(match_certificate_allows_expired_ones_and_nothing_else),
          UNIT_TEST(RFC5280_6_1_4_who_is_no_CA_issues_nothing),
          UNIT_TEST(key_usage_of_a_CA_must_allow_certificates), UNIT_TEST(path_length_is_kept),
          UNIT_TEST(RFC5280_4_2_unknown_critical_extensions_refuse),
          UNIT_TEST(RFC4945_5_1_3_2_key_usage_allows_signatures),
          UNIT_TEST(RFC4945_5_1_3_12_extended_key_usage_fits_ike),
          UNIT_TEST(MD5_and_SHA1_signatures_are_refused_but_an_anchors_own_is_not_looked_at),
          UNIT_TEST(short_RSA_keys_are_refused_in_leaf_and_CA),
          UNIT_TEST(name_constraints_bind_every_kind_of_name_and_excluded_wins),
          UNIT_TEST(name_constraints_bind_two_levels_down),
          UNIT_TEST(only_certificates_count_and_a_URL_alone_is_said), UNIT_TEST(a_PKCS7_bundle_is_a_chain),
          UNIT_TEST(CAs_that_came_with_our_own_certificate_complete_a_peers_chain))
