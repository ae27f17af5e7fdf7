/* pki_conf: trust-points and certificate chains of a configuration, G15's order of what stands in a file. */
#include "control/config/cfg.h"
#include "control/ike/ike_certmap.h"
#include "control/pki/pki_sim.h"
#include "control/pki_conf.h"
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1800000000, DAY = 86400 };

static int64_t wall_s(void *ctx)
{
    (void)ctx;
    return NOW;
}

static char text[65536], said[4096];

static void add(const char *fmt, ...) CV_PRINTF(1, 2);
static void add(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + strlen(text), sizeof text - strlen(text), fmt, ap);
    va_end(ap);
}

static void say(void *ctx, int line, const char *t)
{
    (void)ctx;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%d: %s\n", line, t);
}

static struct pki_sim_ca cas[2];
static struct cr_key *keys[4];
static struct pki_cert *certs[4];

/* A certificate as a router writes it in its configuration. */
static void add_cert(const char *kind, const char *serial, const struct pki_cert *c)
{
    struct slice der = pki_cert_der(c);
    add(" certificate %s%s\n", kind, serial);
    for (size_t i = 0; i < der.n; i++)
        add("%s%02X%s",
            i % 16 == 0  ? "  "
            : i % 4 == 0 ? " "
                         : "",
            der.p[i], i % 16 == 15 || i + 1 == der.n ? "\n" : "");
    add("  quit\n");
}

static void issue(unsigned i, unsigned from_ca, int64_t from)
{
    char seed[16];
    snprintf(seed, sizeof seed, "k%u", i);
    struct pki_sim_subject s = {.seed = seed,
                                .kind = CR_KEY_P256,
                                .dn = "cn=R1",
                                .from = from,
                                .until = NOW + DAY,
                                .serial = i + 1,
                                .path_len = -1};
    CU_ASSERT_EQUAL_FATAL(pki_sim_issue(&cas[from_ca], &s, &certs[i], &keys[i]), CV_OK);
}

static void world(void)
{
    if (cas[0].cert)
        return;
    CU_ASSERT_EQUAL_FATAL(pki_sim_ca("a", "cn=CA1", NOW - 9 * DAY, &cas[0]), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_sim_ca("b", "cn=CA2", NOW - 9 * DAY, &cas[1]), CV_OK);
    issue(0, 0, NOW - 2 * DAY);
    issue(1, 1, NOW - 3 * DAY);
    issue(2, 0, NOW - 3 * DAY);
    issue(3, 1, NOW - 1 * DAY);
}

static unsigned keys_known = 4;

static struct cr_key *find_key(void *ctx, const struct cfg_trustpoint *t, const struct cr_key *public)
{
    (void)ctx;
    CU_ASSERT_PTR_NOT_NULL(t);
    for (unsigned i = 0; i < keys_known; i++)
        if (cr_key_same(keys[i], public))
            return cr_key_ref(keys[i]);
    return NULL;
}

static struct cfg *parse(void)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    cv_result r = cfg_parse(text, "test.conf", &c, &f);
    for (unsigned i = 0; r != CV_OK && i < f.count; i++)
        fprintf(stderr, "%d: %s\n", f.items[i].line, f.items[i].text);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    cfg_findings_free(&f);
    return c;
}

static struct pki *store_for(const struct cfg *c)
{
    struct pki *p = pki_new(&(struct pki_env){.wall_s = wall_s});
    CU_ASSERT_EQUAL_FATAL(pki_conf_apply(p, c), CV_OK);
    return p;
}

static unsigned install(struct pki *p, const struct cfg *c)
{
    said[0] = '\0';
    return pki_conf_install(p, c, &(struct pki_conf_env){.key = find_key, .say = say});
}

static void order(const struct pki *p, const char *want)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    char is[512] = "";
    unsigned n = pki_list(p, list);
    for (unsigned i = 0; i < n; i++)
        snprintf(is + strlen(is), sizeof is - strlen(is), "%s%s%s%s", i ? " " : "", list[i]->name,
                 list[i]->own ? "" : "-", list[i]->ca ? "" : "!");
    CU_ASSERT_STRING_EQUAL(is, want);
}

static void section_4_5_options_reach_the_store(void)
{
    snprintf(text, sizeof text,
             "crypto pki trustpoint A\n"
             " enrollment url http://192.168.0.3:80\n"
             "crypto pki trustpoint B\n"
             " revocation-check ocsp crl none\n"
             " crl query http://10.0.0.1/crl\n"
             " crl cache delete-after 45\n"
             " crl optional\n"
             " ocsp url http://10.0.0.1/ocsp\n"
             " ocsp disable-nonce\n"
             " chain-validation continue A\n"
             " fingerprint 0123456789ABCDEF0123456789ABCDEF01234567\n"
             "crypto pki trustpoint C\n"
             " revocation-check none\n"
             " crl cache none\n");
    struct cfg *c = parse();
    struct pki *p = store_for(c);
    const struct pki_conf *a = &pki_find(p, "A")->conf, *b = &pki_find(p, "B")->conf,
                          *n = &pki_find(p, "C")->conf;
    CU_ASSERT(a->method_count == 1 && a->methods[0] == PKI_METHOD_CRL);
    CU_ASSERT(!a->crl_optional && !a->ocsp_no_nonce && !a->chain_continue && a->fingerprint_len == 0);
    CU_ASSERT(b->method_count == 3 && b->methods[0] == PKI_METHOD_OCSP && b->methods[1] == PKI_METHOD_CRL &&
              b->methods[2] == PKI_METHOD_NONE);
    CU_ASSERT_STRING_EQUAL(b->crl_url, "http://10.0.0.1/crl");
    CU_ASSERT_STRING_EQUAL(b->ocsp_url, "http://10.0.0.1/ocsp");
    CU_ASSERT(b->crl_optional && b->crl_cache_minutes == 45 && !b->crl_cache_none && b->ocsp_no_nonce);
    CU_ASSERT(b->chain_continue && strcmp(b->chain_parent, "A") == 0);
    CU_ASSERT(b->fingerprint_len == 20 && b->fingerprint[0] == 0x01 && b->fingerprint[19] == 0x67);
    CU_ASSERT(n->method_count == 1 && n->methods[0] == PKI_METHOD_NONE && n->crl_cache_none);
    order(p, "A-! B-! C-!");
    pki_free(p);
    cfg_free(c);
}

static void trustpoints(void)
{
    snprintf(text, sizeof text,
             "crypto pki trustpoint A\ncrypto pki trustpoint B\ncrypto pki trustpoint C\ncrypto pki "
             "trustpoint D\n");
}

static void G15_by_start_of_validity_then_by_place_in_the_file(void)
{
    world();
    trustpoints();
    add("crypto pki certificate chain A\n");
    add_cert("", "01", certs[0]); /* two days old */
    add_cert("ca ", "01", cas[0].cert);
    add("crypto pki certificate chain B\n");
    add_cert("", "02", certs[1]); /* three */
    add_cert("ca ", "01", cas[1].cert);
    add("crypto pki certificate chain C\n");
    add_cert("", "03", certs[2]); /* three, later in the file */
    add_cert("ca ", "01", cas[0].cert);
    struct cfg *c = parse();
    struct pki *p = store_for(c);
    CU_ASSERT_EQUAL(install(p, c), 6);
    CU_ASSERT_STRING_EQUAL(said, "");
    order(p, "A C B D-!");
    CU_ASSERT_EQUAL(install(p, c), 0); /* everything is there */
    pki_free(p);
    cfg_free(c);
}

static void what_was_enrolled_here_stays(void)
{
    world();
    trustpoints();
    add("crypto pki certificate chain A\n");
    add_cert("", "01", certs[0]);
    add_cert("ca ", "01", cas[0].cert);
    struct cfg *c = parse();
    struct pki *p = store_for(c);
    CU_ASSERT_EQUAL_FATAL(pki_install_ca(p, "A", cas[1].cert, 0), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_install_own(p, "A", certs[3], keys[3], NULL, 0, 0), CV_OK);
    CU_ASSERT_EQUAL(install(p, c), 0);
    CU_ASSERT(pki_cert_equal(pki_find(p, "A")->own, certs[3]) &&
              pki_cert_equal(pki_find(p, "A")->ca, cas[1].cert));
    pki_free(p);
    cfg_free(c);
}

static void the_CA_is_the_one_that_issued_ours(void)
{
    world();
    trustpoints();
    add("crypto pki certificate chain A\n");
    add_cert("ca ", "01", cas[1].cert);
    add_cert("ca ", "02", cas[0].cert);
    add_cert("", "01", certs[0]);
    add("crypto pki certificate chain B\n"); /* none of ours: the first */
    add_cert("ca ", "01", cas[1].cert);
    struct cfg *c = parse();
    struct pki *p = store_for(c);
    CU_ASSERT_EQUAL(install(p, c), 3);
    CU_ASSERT(pki_cert_equal(pki_find(p, "A")->ca, cas[0].cert) &&
              pki_cert_equal(pki_find(p, "B")->ca, cas[1].cert));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        said, "the certificate 01 of trust-point A is not used: the trust-point has another CA certificate"));
    pki_free(p);
    cfg_free(c);
}

static void match_certificate_excuses_what_its_map_takes(void)
{
    world();
    snprintf(text, sizeof text,
             "crypto pki trustpoint A\n"
             " crl cache extend 90\n"
             " match certificate OTHERS skip revocation-check\n"
             " match certificate R1 allow expired-certificate\n"
             "crypto pki trustpoint B\n"
             " match certificate R1 skip revocation-check\n"
             "crypto pki certificate map R1 10\n"
             " subject-name co cn = r1\n"
             " issuer-name co ca1\n"
             "crypto pki certificate map OTHERS 10\n"
             " subject-name nc cn = r1\n");
    struct cfg *c = parse();
    struct pki *p = store_for(c);
    struct pki_exception x = {0};
    CU_ASSERT_EQUAL(pki_find(p, "A")->conf.crl_extend_minutes, 90);
    pki_conf_excused(c, "A", certs[0], &x);
    CU_ASSERT(x.allow_expired && !x.skip_revocation && !x.cdp_url && !x.ocsp_url);
    x = (struct pki_exception){0};
    pki_conf_excused(c, "B", certs[0], &x);
    CU_ASSERT(!x.allow_expired && x.skip_revocation);
    x = (struct pki_exception){0};
    pki_conf_excused(c, "A", certs[1], &x); /* another issuer: neither map */
    CU_ASSERT(!x.allow_expired && !x.skip_revocation);
    pki_conf_excused(c, "A", cas[0].cert, &x); /* another subject: OTHERS */
    CU_ASSERT(!x.allow_expired && x.skip_revocation);
    x = (struct pki_exception){0};
    pki_conf_excused(c, "nobody", certs[0], &x);
    CU_ASSERT(!x.allow_expired && !x.skip_revocation);
    pki_free(p);
    cfg_free(c);
}

/* What the choice of a profile compares is what trust-points compare. */
static void maps_see_the_subjects_unstructured_names(void)
{
    static const char dn[] = "hostname=R1.cisco.com+ipaddress=192.0.2.1,cn=R1";
    struct pki_cert *cert = NULL;
    struct cr_key *key = NULL;
    struct sel_id_cert it;
    world();
    const struct pki_sim_subject s = {
        .seed = "u", .kind = CR_KEY_P256, .dn = dn, .from = NOW - DAY, .until = NOW + DAY, .path_len = -1};
    CU_ASSERT_EQUAL_FATAL(pki_sim_issue(&cas[0], &s, &cert, &key), CV_OK);
    snprintf(text, sizeof text,
             "crypto pki certificate map NOT-R1 10\n unstructured-subject-name nc r1.cisco.com\n"
             "crypto pki certificate map R1 10\n unstructured-subject-name eq \"r1.cisco.com 192.0.2.1\"\n");
    struct cfg *c = parse();
    ike_certmap_facts(c, cert, &it);
    CU_ASSERT(cfg_certmap_matches(c, "R1", &it.facts, NULL));
    CU_ASSERT_FALSE(cfg_certmap_matches(c, "NOT-R1", &it.facts, NULL));
    CU_ASSERT(ike_certmap_takes(c, "R1", cert, NULL));
    cfg_free(c);
    pki_cert_free(cert);
    cr_key_free(key);
}

static void what_cannot_be_used_is_said(void)
{
    world();
    trustpoints();
    add("crypto pki certificate chain A\n");
    add_cert("", "04", certs[3]);    /* its key is not known */
    add_cert("ca ", "05", certs[0]); /* no CA */
    add("crypto pki certificate chain B\n certificate 06\n  3003 020101\n  quit\n"); /* no certificate */
    struct cfg *c = parse();
    struct pki *p = store_for(c);
    keys_known = 3;
    CU_ASSERT_EQUAL(install(p, c), 0);
    keys_known = 4;
    order(p, "A-! B-! C-! D-!");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(said, "the certificate 04 of trust-point A is not used: its private key is not here"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(said, "the certificate 05 of trust-point A is not used: it is no CA certificate"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(said, "the certificate 06 of trust-point B is not used: it is not DER of a certificate"));
    CU_ASSERT_EQUAL(pki_conf_install(p, c, &(struct pki_conf_env){0}),
                    0); /* nobody who has keys or listens */
    pki_free(p);
    cfg_free(c);
    for (unsigned i = 0; i < 4; i++) {
        cr_key_free(keys[i]);
        pki_cert_free(certs[i]);
    }
    pki_sim_ca_free(&cas[0]);
    pki_sim_ca_free(&cas[1]);
}

UNIT_MAIN("pki_conf", UNIT_TEST(section_4_5_options_reach_the_store),
          UNIT_TEST(G15_by_start_of_validity_then_by_place_in_the_file),
          UNIT_TEST(what_was_enrolled_here_stays), UNIT_TEST(the_CA_is_the_one_that_issued_ours),
          UNIT_TEST(match_certificate_excuses_what_its_map_takes),
          UNIT_TEST(maps_see_the_subjects_unstructured_names), UNIT_TEST(what_cannot_be_used_is_said))
