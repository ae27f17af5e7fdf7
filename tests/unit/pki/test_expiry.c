/* pki_expiry: warnings 30, 14, 7, 3 and 1 days before a certificate ends, and when it has, once each. */
#include "control/pki/pki_expiry.h"
#include "control/pki/pki_sim.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { NOW = 1800000000, DAY = 86400 };

static int64_t wall_s(void *ctx)
{
    (void)ctx;
    return NOW;
}

static char said[2048];
static enum log_level last_level;

static void warn(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    last_level = level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static struct pki_sim_ca ca;

/* One trust-point "A" whose certificate ends at `until`; the CA ends much later. */
static void enrol(struct pki *p, int64_t until, uint64_t serial)
{
    struct pki_sim_subject s = {.seed = "r1",
                                .kind = CR_KEY_P256,
                                .dn = "cn=R1",
                                .from = NOW - 400 * DAY,
                                .until = until,
                                .serial = serial,
                                .path_len = -1};
    struct pki_cert *c = NULL;
    struct cr_key *k = NULL;
    CU_ASSERT_EQUAL_FATAL(pki_sim_issue(&ca, &s, &c, &k), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_install_own(p, "A", c, k, NULL, 0, 0), CV_OK);
    pki_cert_free(c);
    cr_key_free(k);
}

static struct pki *new_store(void)
{
    struct pki *p = pki_new(&(struct pki_env){.wall_s = wall_s});
    CU_ASSERT_EQUAL_FATAL(pki_configure(p, (struct pki_conf[]){{.name = "A"}, {.name = "B"}}, 2), CV_OK);
    if (!ca.cert)
        CU_ASSERT_EQUAL_FATAL(pki_sim_ca("ca", "cn=CA", NOW - 400 * DAY, &ca), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_install_ca(p, "A", ca.cert, 0), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pki_install_ca(p, "B", ca.cert, 0), CV_OK);
    return p;
}

static void once_at_each_step(void)
{
    static struct pki_expiry x;
    struct pki *p = new_store();
    int64_t end = NOW + 40 * DAY;
    unsigned total = 0;
    enrol(p, end, 5);
    for (int64_t now = NOW; now < end + 3 * DAY; now += 3600) {
        unsigned n = pki_expiry_check(&x, p, now, warn, NULL);
        int64_t left = (end - now) / DAY;
        CU_ASSERT(n <= 1);
        if (n) {
            static const int64_t at[] = {30, 14, 7, 3, 1, 0};
            CU_ASSERT_FATAL(total < 6);
            CU_ASSERT_EQUAL(left, at[total]);
            CU_ASSERT_EQUAL(last_level, now > end ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING);
        }
        total += n;
    }
    CU_ASSERT_EQUAL(total, 6);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(said, "trust-point A: the certificate cn=R1, serial 05, expires in 30 days\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "expires in 1 day\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "has expired\n"));
    /* the next certificate starts anew */
    said[0] = '\0';
    enrol(p, end + 10 * DAY, 6);
    CU_ASSERT_EQUAL(pki_expiry_check(&x, p, end, warn, NULL), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "serial 06, expires in 10 days"));
    CU_ASSERT_EQUAL(pki_expiry_check(&x, p, end + 1, warn, NULL), 0);
    CU_ASSERT_EQUAL(pki_expiry_check(&x, p, end + 4 * DAY, warn, NULL), 1);
    pki_free(p);
}

static void a_CA_of_two_trustpoints_is_one_certificate(void)
{
    static struct pki_expiry x;
    struct pki *p = new_store();
    said[0] = '\0';
    CU_ASSERT_EQUAL(pki_expiry_check(&x, p, pki_cert_not_after(ca.cert) - 2 * DAY, warn, NULL), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "trust-point A: the CA certificate cn=CA"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "expires in 2 days"));
    pki_free(p);
}

static void days_left(void)
{
    struct pki *p = new_store();
    int64_t end = pki_cert_not_after(ca.cert);
    CU_ASSERT_EQUAL(pki_days_left(ca.cert, end - 10 * DAY), 10);
    CU_ASSERT_EQUAL(pki_days_left(ca.cert, end - DAY + 1), 0);
    CU_ASSERT_EQUAL(pki_days_left(ca.cert, end), 0);
    CU_ASSERT_EQUAL(pki_days_left(ca.cert, end + 1), -1);
    CU_ASSERT_EQUAL(pki_days_left(ca.cert, end + DAY), -2);
    pki_free(p);
    pki_sim_ca_free(&ca);
}

UNIT_MAIN("pki_expiry", UNIT_TEST(once_at_each_step), UNIT_TEST(a_CA_of_two_trustpoints_is_one_certificate),
          UNIT_TEST(days_left))
