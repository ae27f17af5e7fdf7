/* What shows of a configuration print: golden files, of tests/golden/show/all.conf and of C6. */
#include "tests/unit/cli/world.h"

static struct cfg *read_conf(const char *name)
{
    static char text[1 << 16];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    FILE *f = fopen(path, "r");
    CU_ASSERT_FATAL(f != NULL);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return world_cfg(text);
}

static void begin(const char *conf)
{
    struct pair_opt o = {0};
    world_make(&o);
    w.shown = read_conf(conf);
}

static void shows_of_isakmp(void)
{
    begin("all.conf");
    golden("isakmp-key.txt", "show crypto isakmp key", false);
    golden("isakmp-key-reveal.txt", "sh cry isa key reveal", false);
    golden("isakmp-key.json", "show crypto isakmp key", true);
    golden("isakmp-key-reveal.json", "show crypto isakmp key --reveal", true);
    golden("isakmp-policy.txt", "show crypto isakmp policy", false);
    golden("isakmp-policy.json", "show crypto isakmp policy", true);
    golden("isakmp-profile.txt", "show crypto isakmp profile", false);
    golden("isakmp-profile.json", "show crypto isakmp profile", true);
    world_end();
}

/* KR-9, KR-10: the layout of C6. */
static void KR_10_the_keys_of_C6_look_as_in_the_reference(void)
{
    static char out[OUT_MAX];
    begin("../ios/C6.conf");
    CU_ASSERT(run("show crypto isakmp key reveal", false, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "Keyring      Hostname/Address                            Preshared Key\n"
                                "default      0.0.0.0        [0.0.0.0]                    cisco3\n"
                                "keyring1     192.168.0.0    [255.255.0.0]                cisco\n"
                                "keyring2     192.168.0.2                                 cisco2\n");
    CU_ASSERT(run("show crypto isakmp key", false, out) == CLI_OK);
    CU_ASSERT(strstr(out, "cisco") == NULL && strstr(out, "********") != NULL);
    CU_ASSERT(run("show crypto isakmp key", true, out) == CLI_OK);
    CU_ASSERT(strstr(out, "cisco") == NULL);
    world_end();
}

static void built_in_policies_are_shown_when_they_are_in_force(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    golden("isakmp-default-policy.txt", "show crypto isakmp default policy", false);
    w.shown = world_cfg("no crypto isakmp default policy\n");
    CU_ASSERT(run("show crypto isakmp default policy", true, out) == CLI_OK);
    CU_ASSERT(strstr(out, "\"policies\": []") != NULL);
    CU_ASSERT(run("show crypto isakmp default policy", false, out) == CLI_OK &&
              strstr(out, "are not in use"));
    world_end();
}

static void shows_of_ikev2(void)
{
    begin("all.conf");
    golden("ikev2-profile.txt", "show crypto ikev2 profile", false);
    golden("ikev2-profile.json", "show crypto ikev2 profile", true);
    golden("ikev2-policy.txt", "show crypto ikev2 policy", false);
    golden("ikev2-policy.json", "show crypto ikev2 policy", true);
    golden("ikev2-proposal.txt", "show crypto ikev2 proposal", false);
    golden("ikev2-proposal.json", "show crypto ikev2 proposal", true);
    world_end();
}

static void PF_8_profiles_stand_in_the_order_of_the_search(void)
{
    static char out[OUT_MAX];
    begin("all.conf");
    CU_ASSERT(run("show crypto ikev2 profile", false, out) == CLI_OK);
    const char *first = strstr(out, "IKEv2 profile: profile1"),
               *last = strstr(out, "IKEv2 profile: profile3");
    CU_ASSERT(first && last && last < first); /* the last configured first */
    world_end();
}

static void shows_of_ipsec_and_maps(void)
{
    begin("all.conf");
    golden("ipsec-profile.txt", "show crypto ipsec profile", false);
    golden("ipsec-profile.json", "show crypto ipsec profile", true);
    golden("transform-set.txt", "show crypto ipsec transform-set", false);
    golden("transform-set.json", "show crypto ipsec transform-set", true);
    golden("map.txt", "show crypto map", false);
    golden("map-tag.txt", "show crypto map tag CMAP", false);
    golden("map.json", "show crypto map", true);
    golden("access-lists.txt", "show access-lists", false);
    golden("access-lists.json", "show access-lists", true);
    golden("vrf.txt", "show vrf", false);
    golden("vrf.json", "show vrf", true);
    golden("interfaces-gre.txt", "show interfaces", false);
    golden("interfaces-gre.json", "show interfaces", true);
    world_end();
}

static void names_that_are_not_there_are_told(void)
{
    static char out[OUT_MAX];
    static const char *const shows[] = {"isakmp profile", "ikev2 profile", "ikev2 policy",
                                        "ikev2 proposal", "ipsec profile", "ipsec transform-set"};
    begin("all.conf");
    for (unsigned i = 0; i < sizeof shows / sizeof shows[0]; i++) {
        char line[80];
        snprintf(line, sizeof line, "show crypto %s nowhere", shows[i]);
        CU_ASSERT(run(line, false, out) == CLI_NOT_SO && strstr(out, "nowhere is not configured") != NULL);
    }
    CU_ASSERT(run("show access-lists nowhere", true, out) == CLI_NOT_SO);
    CU_ASSERT(run("show crypto map tag nowhere", false, out) == CLI_NOT_SO &&
              strstr(out, "nowhere is not configured"));
    CU_ASSERT(run("show crypto map interface Ethernet7/7", true, out) == CLI_NOT_SO);
    CU_ASSERT(run("show access-lists TRAFFIC", false, out) == CLI_OK &&
              strstr(out, "deny tcp host 10.1.1.1 any eq 80"));
    world_end();
}

UNIT_MAIN("cli show conf", UNIT_TEST(shows_of_isakmp),
          UNIT_TEST(KR_10_the_keys_of_C6_look_as_in_the_reference),
          UNIT_TEST(built_in_policies_are_shown_when_they_are_in_force), UNIT_TEST(shows_of_ikev2),
          UNIT_TEST(PF_8_profiles_stand_in_the_order_of_the_search), UNIT_TEST(shows_of_ipsec_and_maps),
          UNIT_TEST(names_that_are_not_there_are_told))
