/* pki_store: trust-points, what is installed under them, and CT-8's order. */
#include "control/pki/pki_priv.h"
#include "control/pki/pki_sim.h"
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1800000000, DAY = 86400 };

static int64_t wall = NOW;

static int64_t wall_s(void *ctx)
{
    (void)ctx;
    return wall;
}

static struct pki *new_store(void)
{
    struct pki *p = pki_new(&(struct pki_env){.wall_s = wall_s});
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    wall = NOW;
    return p;
}

/* Trust-points by name, "" ends. */
static cv_result configure(struct pki *p, const char *const *names)
{
    static struct pki_conf confs[PKI_TRUSTPOINTS_MAX + 1];
    unsigned n = 0;
    memset(confs, 0, sizeof confs);
    for (; names[n]; n++) {
        snprintf(confs[n].name, sizeof confs[n].name, "%s", names[n]);
        confs[n].method_count = 1;
        confs[n].methods[0] = PKI_METHOD_CRL;
    }
    return pki_configure(p, confs, n);
}

#define NAMES(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static struct pki_sim_ca *ca(unsigned i)
{
    static struct pki_sim_ca cas[3];
    static const char *const names[][2] = {{"s0", "cn=CA0"}, {"s1", "cn=CA1"}, {"s2", "cn=CA2"}};
    if (!cas[i].cert)
        CU_ASSERT_EQUAL_FATAL(pki_sim_ca(names[i][0], names[i][1], NOW - DAY, &cas[i]), CV_OK);
    return &cas[i];
}

static struct pki_cert *cert_from(unsigned i, struct cr_key **key)
{
    struct pki_sim_subject s = {.seed = "r1",
                                .kind = CR_KEY_P256,
                                .dn = "cn=R1",
                                .from = NOW - DAY,
                                .until = NOW + DAY,
                                .serial = i,
                                .path_len = -1};
    struct pki_cert *c = NULL;
    CU_ASSERT_EQUAL_FATAL(pki_sim_issue(ca(i), &s, &c, key), CV_OK);
    return c;
}

static cv_result enrol(struct pki *p, const char *name, unsigned i, uint64_t seq)
{
    struct cr_key *k = NULL;
    struct pki_cert *c = cert_from(i, &k);
    cv_result r = pki_install_own(p, name, c, k, NULL, 0, seq);
    pki_cert_free(c);
    cr_key_free(k);
    return r;
}

static void expect_order(const struct pki *p, const char *want)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    char text[512] = "";
    unsigned n = pki_list(p, list);
    for (unsigned i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", list[i]->name);
    CU_ASSERT_STRING_EQUAL(text, want);
}

static void CT_8_G15_last_enrolled_first_then_as_configured(void)
{
    struct pki *p = new_store();
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("A", "B", "C", "D")), CV_OK);
    expect_order(p, "A B C D");
    CU_ASSERT_EQUAL(enrol(p, "B", 0, 0), CV_OK);
    CU_ASSERT_EQUAL(enrol(p, "D", 1, 0), CV_OK);
    expect_order(p, "D B A C");
    CU_ASSERT_EQUAL(enrol(p, "B", 2, 0), CV_OK); /* again: it is the last one now */
    expect_order(p, "B D A C");
    /* CA certificates take numbers, too, and do not move anything */
    CU_ASSERT_EQUAL(pki_install_ca(p, "C", ca(0)->cert, 0), CV_OK);
    expect_order(p, "B D A C");
    CU_ASSERT_EQUAL(pki_last_seq(p), 4);
    /* an old number, as read from disk, stays where it was */
    CU_ASSERT_EQUAL(enrol(p, "A", 1, 1), CV_OK);
    expect_order(p, "B D A C");
    CU_ASSERT_EQUAL(enrol(p, "A", 1, 100), CV_OK);
    expect_order(p, "A B D C");
    CU_ASSERT_EQUAL(pki_last_seq(p), 100);
    CU_ASSERT_EQUAL(enrol(p, "C", 1, 0), CV_OK);
    CU_ASSERT_EQUAL(pki_find(p, "C")->own_seq, 101);
    pki_free(p);
}

static void a_new_configuration_keeps_what_is_installed(void)
{
    struct pki *p = new_store();
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("A", "B")), CV_OK);
    CU_ASSERT_EQUAL(enrol(p, "A", 0, 0), CV_OK);
    CU_ASSERT_EQUAL(pki_install_ca(p, "A", ca(0)->cert, 0), CV_OK);
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("C", "A")), CV_OK);
    CU_ASSERT_PTR_NOT_NULL(pki_find(p, "A")->own);
    CU_ASSERT_PTR_NULL(pki_find(p, "B"));
    expect_order(p, "A C");
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("C")), CV_OK); /* out of use ... */
    CU_ASSERT_PTR_NULL(pki_find(p, "A"));
    expect_order(p, "C");
    CU_ASSERT_EQUAL(enrol(p, "A", 0, 0), CV_ENOENT);
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("C", "A")), CV_OK); /* ... and back */
    CU_ASSERT(pki_find(p, "A") && pki_find(p, "A")->own && pki_find(p, "A")->ca);
    CU_ASSERT_EQUAL_FATAL(pki_configure(p, NULL, 0), CV_OK);
    expect_order(p, "");
    pki_free(p);
    pki_free(NULL);
}

static void configurations_that_are_refused_change_nothing(void)
{
    static struct pki_conf many[PKI_TRUSTPOINTS_MAX + 1];
    struct pki *p = new_store();
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("A", "B")), CV_OK);
    CU_ASSERT_EQUAL(configure(p, NAMES("C", "C")), CV_EINVAL);
    CU_ASSERT_EQUAL(configure(p, NAMES("")), CV_EINVAL);
    for (unsigned i = 0; i <= PKI_TRUSTPOINTS_MAX; i++)
        snprintf(many[i].name, sizeof many[i].name, "T%u", i);
    CU_ASSERT_EQUAL(pki_configure(p, many, PKI_TRUSTPOINTS_MAX + 1), CV_EINVAL);
    expect_order(p, "A B");
    CU_ASSERT_EQUAL(pki_configure(p, many, PKI_TRUSTPOINTS_MAX), CV_OK);
    CU_ASSERT_PTR_NOT_NULL(pki_find(p, "T63"));
    pki_free(p);
}

/* Names come and go with certificates in them: what is kept beside the configured ones has a limit. */
static void forgotten_trustpoints_do_not_pile_up(void)
{
    struct pki *p = new_store();
    for (unsigned i = 0; i < 400; i++) {
        char name[32];
        snprintf(name, sizeof name, "T%u", i);
        CU_ASSERT_EQUAL_FATAL(configure(p, NAMES(name)), CV_OK);
        CU_ASSERT_EQUAL(pki_install_ca(p, name, ca(0)->cert, 0), CV_OK);
    }
    CU_ASSERT(p->count <= PKI_SLOTS_MAX);
    pki_free(p);
}

static void only_what_fits_is_installed(void)
{
    struct pki *p = new_store();
    struct cr_key *k = NULL, *other = NULL, *public = NULL;
    struct pki_cert *c = cert_from(0, &k);
    CU_ASSERT_EQUAL_FATAL(cr_key_generate(CR_KEY_P256, 0, &other), CV_OK);
    CU_ASSERT_EQUAL_FATAL(cr_key_public(cr_key_spki(k), false, &public), CV_OK);
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("A")), CV_OK);
    CU_ASSERT_EQUAL(pki_install_own(p, "A", c, other, NULL, 0, 0), CV_EINVAL);
    CU_ASSERT_EQUAL(pki_install_own(p, "A", c, public, NULL, 0, 0), CV_EINVAL);
    CU_ASSERT_EQUAL(pki_install_own(p, "A", c, NULL, NULL, 0, 0), CV_EINVAL);
    CU_ASSERT_EQUAL(pki_install_own(p, "A", c, k, &c, 1, 0), CV_EINVAL); /* no CA in its chain */
    CU_ASSERT_EQUAL(pki_install_ca(p, "A", c, 0), CV_EINVAL);
    CU_ASSERT_EQUAL(pki_install_ca(p, "B", ca(0)->cert, 0), CV_ENOENT);
    CU_ASSERT(!pki_find(p, "A")->own && !pki_find(p, "A")->ca && pki_last_seq(p) == 0);
    CU_ASSERT_EQUAL(pki_install_own(p, "A", c, k, &ca(0)->cert, 1, 0), CV_OK);
    CU_ASSERT_EQUAL(pki_install_own(p, "A", c, k, &pki_find(p, "A")->chain[0], 1, 0),
                    CV_OK); /* what is there, again */
    CU_ASSERT(pki_find(p, "A")->chain_count == 1 && pki_find(p, "A")->simulated);
    pki_uninstall(p, "A", true, false);
    CU_ASSERT(!pki_find(p, "A")->own && !pki_find(p, "A")->key && pki_find(p, "A")->own_seq == 0);
    CU_ASSERT_FALSE(pki_find(p, "A")->simulated);
    pki_uninstall(p, "nobody", true, true);
    cr_key_free(k);
    cr_key_free(other);
    cr_key_free(public);
    pki_cert_free(c);
    pki_free(p);
}

static void section_4_5_fingerprints_pin_the_CA(void)
{
    static const struct {
        const char *hash;
        unsigned len;
    } kinds[] = {{"MD5", 16}, {"SHA1", 20}, {"SHA256", 32}};
    for (unsigned i = 0; i < 3; i++) {
        struct pki *p = new_store();
        struct pki_conf conf = {.name = "A", .fingerprint_len = kinds[i].len};
        struct slice der = pki_cert_der(ca(0)->cert);
        CU_ASSERT_EQUAL_FATAL(EVP_Q_digest(NULL, kinds[i].hash, NULL, der.p, der.n, conf.fingerprint, NULL),
                              1);
        CU_ASSERT_EQUAL_FATAL(pki_configure(p, &conf, 1), CV_OK);
        CU_ASSERT_EQUAL(pki_install_ca(p, "A", ca(1)->cert, 0), CV_EINVAL);
        CU_ASSERT_EQUAL(pki_install_ca(p, "A", ca(0)->cert, 0), CV_OK);
        CU_ASSERT_EQUAL_FATAL(pki_configure(p, &conf, 1), CV_OK);
        CU_ASSERT_PTR_NOT_NULL(pki_find(p, "A")->ca);
        conf.fingerprint[3] ^= 1; /* pinned to another one afterwards */
        CU_ASSERT_EQUAL_FATAL(pki_configure(p, &conf, 1), CV_OK);
        CU_ASSERT_PTR_NULL(pki_find(p, "A")->ca);
        conf.fingerprint[3] ^= 1;
        conf.fingerprint_len = 19;
        CU_ASSERT_EQUAL_FATAL(pki_configure(p, &conf, 1), CV_OK);
        CU_ASSERT_EQUAL(pki_install_ca(p, "A", ca(0)->cert, 0), CV_EINVAL);
        pki_free(p);
    }
}

static void G16_usable_is_certificate_key_and_time(void)
{
    struct pki *p = new_store();
    CU_ASSERT_EQUAL_FATAL(configure(p, NAMES("A")), CV_OK);
    CU_ASSERT_FALSE(pki_usable(p, pki_find(p, "A")));
    CU_ASSERT_EQUAL(enrol(p, "A", 0, 0), CV_OK);
    CU_ASSERT(pki_usable(p, pki_find(p, "A")));
    wall = NOW + DAY;
    CU_ASSERT(pki_usable(p, pki_find(p, "A"))); /* notAfter itself is within (RFC 5280 4.1.2.5) */
    wall = NOW + DAY + 1;
    CU_ASSERT_FALSE(pki_usable(p, pki_find(p, "A")));
    wall = NOW - DAY - 1;
    CU_ASSERT_FALSE(pki_usable(p, pki_find(p, "A")));
    pki_free(p);
}

UNIT_MAIN("pki_store", UNIT_TEST(CT_8_G15_last_enrolled_first_then_as_configured),
          UNIT_TEST(a_new_configuration_keeps_what_is_installed),
          UNIT_TEST(configurations_that_are_refused_change_nothing),
          UNIT_TEST(forgotten_trustpoints_do_not_pile_up), UNIT_TEST(only_what_fits_is_installed),
          UNIT_TEST(section_4_5_fingerprints_pin_the_CA), UNIT_TEST(G16_usable_is_certificate_key_and_time))
