/* V2-12, G5: `match certificate MAP` in the choice of a profile, in both versions. */
#include "control/select/sel_certmap.h"
#include "control/select/sel_v1.h"
#include "tests/unit/select/select.h"

static const char maps[] =
    "crypto pki certificate map IT 10\n subject-name co ou = IT\n issuer-name co cn=ca1\n"
    "crypto pki certificate map ADMIN 10\n subject-name co ou=admin\n";

static const char profiles2[] =
    "crypto ikev2 profile BYNET\n match identity remote address 192.0.2.0 255.255.255.0\n"
    " authentication remote rsa-sig\n authentication local rsa-sig\n"
    "crypto ikev2 profile BYMAP\n match certificate ADMIN\n match certificate IT\n"
    " authentication remote rsa-sig\n authentication local rsa-sig\n"
    "crypto ikev2 profile BYANY\n match identity remote any\n"
    " authentication remote rsa-sig\n authentication local rsa-sig\n";

static const char profiles1[] =
    "crypto isakmp profile BYNET\n   match identity address 192.0.2.0 255.255.255.0\n"
    "crypto isakmp profile BYMAP\n   match certificate ADMIN\n   match certificate IT\n";

static struct sel_id_cert cert_of(const struct cfg *c, const char *subject, const char *issuer)
{
    return (struct sel_id_cert){.cfg = c, .facts = {.subject = subject, .issuer = issuer}};
}

static struct cfg *load2(const char *a, const char *b)
{
    char text[2048];
    snprintf(text, sizeof text, "%s%s", a, b);
    return load(text);
}

static const char *chosen2(const struct cfg *c, struct sel_id id, const struct sel_id_cert *cert)
{
    struct sel_trace trace;
    id.cert = cert;
    const struct cfg_ikev2_profile *p = sel_ikev2_profile(c, NULL, NULL, &id, &trace);
    return p ? p->name : "";
}

static void V2_12_a_map_that_matches_is_as_exact_as_a_host(void)
{
    struct cfg *c = load2(maps, profiles2);
    const struct sel_id_cert it = cert_of(c, "cn=R1,ou=IT,o=cisco", "cn=CA1,o=cisco"),
                             other_ca = cert_of(c, "cn=R1,ou=IT,o=cisco", "cn=CA2,o=cisco"),
                             admin = cert_of(c, "cn=R1,ou=ADMIN,o=cisco", "cn=CA2");
    CU_ASSERT_STRING_EQUAL(chosen2(c, ID_ADDR("192.0.2.1"), &it), "BYMAP");
    CU_ASSERT_STRING_EQUAL(chosen2(c, ID_ADDR("192.0.2.1"), &admin), "BYMAP");    /* any map of the profile */
    CU_ASSERT_STRING_EQUAL(chosen2(c, ID_ADDR("192.0.2.1"), &other_ca), "BYNET"); /* all lines of a map */
    CU_ASSERT_STRING_EQUAL(chosen2(c, ID_ADDR("192.0.2.1"), NULL), "BYNET");
    CU_ASSERT_STRING_EQUAL(chosen2(c, ID_FQDN("x"), &other_ca), "BYANY");
    cfg_free(c);
}

static void a_profile_with_maps_alone_takes_nobody_without_a_certificate(void)
{
    struct cfg *c = load2(maps, "crypto ikev2 profile BYMAP\n match certificate IT\n"
                                " authentication remote rsa-sig\n authentication local rsa-sig\n");
    const struct sel_id_cert it = cert_of(c, "cn=R1,ou=IT", "cn=CA1");
    CU_ASSERT_STRING_EQUAL(chosen2(c, ID_FQDN("x"), NULL), "");
    CU_ASSERT_STRING_EQUAL(chosen2(c, ID_FQDN("x"), &it), "BYMAP");
    cfg_free(c);
}

static void isakmp_profiles_have_maps_too(void)
{
    struct cfg *c = load2(maps, profiles1);
    const struct sel_v1_path path = {.fvrf = ""};
    const struct sel_id_cert it = cert_of(c, "cn=R1,ou=IT", "cn=CA1");
    struct sel_id id = ID_ADDR("192.0.2.1");
    const struct cfg_isakmp_profile *p = sel_v1_profile(c, &path, &id, NULL);
    CU_ASSERT(p && !strcmp(p->name, "BYNET"));
    id.cert = &it;
    p = sel_v1_profile(c, &path, &id, NULL);
    CU_ASSERT(p && !strcmp(p->name, "BYMAP"));
    CU_ASSERT(sel_v1_profile_matches(p, &id));
    id.cert = NULL;
    CU_ASSERT(!sel_v1_profile_matches(p, &id));
    cfg_free(c);
}

UNIT_MAIN("select: certificate maps", UNIT_TEST(V2_12_a_map_that_matches_is_as_exact_as_a_host),
          UNIT_TEST(a_profile_with_maps_alone_takes_nobody_without_a_certificate),
          UNIT_TEST(isakmp_profiles_have_maps_too))
