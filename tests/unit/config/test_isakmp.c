/* IKEv1's commands (ios-semantics 4.1-4.3), their defaults (section 5), the configurations C1 to C8 as they are printed, and the
 * linter's rules on IKEv1. */
#include "control/config/cfg.h"
#include "tests/unit/config/parsed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GOLDEN
#error "GOLDEN names the directory of the configurations"
#endif

static void bad(const char *text, const char *says)
{
    CU_ASSERT_PTR_NOT_NULL(strstr(refused(text)->text, says));
}

static bool is(const struct secret *s, const char *text)
{
    return s->n == strlen(text) && memcmp(s->p, text, s->n) == 0;
}

/* ---- grammar and defaults ---------------------------------------------------------------------------------------- */
static void a_policy_has_the_defaults_of_section_5(void)
{
    struct cfg *c = good("crypto isakmp policy 20\ncrypto isakmp policy 10\n encr aes\n hash sha512\n"
                         " authentication pre-share\n group 14\n lifetime 3600\n");
    unsigned n;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &n);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    CU_ASSERT_EQUAL(p[0].priority, 10); /* by priority, not by configuration */
    CU_ASSERT(p[0].encr.id == CV_ENCR_AES_CBC && p[0].encr.key_bits == 128);
    CU_ASSERT(p[0].hash == CFG_HASH_SHA512 && p[0].auth == CFG_AUTH_PSK && p[0].group == 14);
    CU_ASSERT_EQUAL(p[0].lifetime_s, 3600);
    CU_ASSERT(p[1].encr.id == CV_ENCR_DES && p[1].hash == CFG_HASH_SHA1 && p[1].auth == CFG_AUTH_RSA_SIG);
    CU_ASSERT(p[1].group == 1 && p[1].lifetime_s == 86400 && !p[1].builtin);
    cfg_free(c);
}

static void many_policies_stay_in_order_of_priority(void)
{
    char text[4096] = "";
    for (unsigned i = 0; i < 40; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "crypto isakmp policy %u\n lifetime %u\n",
                 1 + i * 17 % 40, 100 + i * 17 % 40);
    snprintf(text + strlen(text), sizeof text - strlen(text), "no crypto isakmp policy 7\n");
    struct cfg *c = good(text);
    unsigned n;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &n);
    CU_ASSERT_EQUAL_FATAL(n, 39);
    for (unsigned i = 0; i < n; i++)
        CU_ASSERT(p[i].priority == i + (i < 6 ? 1 : 2) && p[i].lifetime_s == 99 + p[i].priority);
    cfg_free(c);
}

static void builtin_policies_hold_when_none_is_configured(void)
{
    struct cfg *c = good("");
    unsigned n;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &n);
    CU_ASSERT_EQUAL_FATAL(n, 8);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT(p[i].priority == 65507 + i && p[i].builtin && p[i].lifetime_s == 86400);
        CU_ASSERT_EQUAL(p[i].auth, i % 2 ? CFG_AUTH_PSK : CFG_AUTH_RSA_SIG);
        CU_ASSERT_EQUAL(p[i].encr.id, i < 4 ? CV_ENCR_AES_CBC : CV_ENCR_3DES);
        CU_ASSERT_EQUAL(p[i].group, i < 4 ? 5 : 2);
        CU_ASSERT_EQUAL(p[i].hash, i / 2 % 2 ? CFG_HASH_MD5 : CFG_HASH_SHA1);
    }
    cfg_free(c);
    c = good("no crypto isakmp default policy\n");
    (void)cfg_isakmp_policies(c, &n);
    CU_ASSERT_EQUAL(n, 0);
    cfg_free(c);
}

static void KR_10_an_address_without_a_mask(void)
{
    struct cfg *c =
        good("crypto isakmp key a address 0.0.0.0\ncrypto isakmp key b address 10.0.0.1\n"
             "crypto isakmp key 0 c address 10.1.2.3 255.255.0.0 no-xauth\n"
             "crypto isakmp key d address ipv6 ::/0\ncrypto isakmp key e hostname r1.cisco.com\n");
    const struct cfg_isakmp_keyring *k = cfg_find_isakmp_keyring(c, "default");
    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    CU_ASSERT_PTR_EQUAL(k, &c->isakmp_default);
    CU_ASSERT_EQUAL_FATAL(k->key_count, 5);
    CU_ASSERT(k->keys[0].has_address && k->keys[0].address.len == 0 && is(&k->keys[0].key, "a"));
    CU_ASSERT(k->keys[1].address.len == 32 && is(&k->keys[1].key, "b"));
    CU_ASSERT(k->keys[2].address.len == 16 && k->keys[2].no_xauth && is(&k->keys[2].key, "c"));
    CU_ASSERT(k->keys[3].has_address && k->keys[3].address.addr.family == IP_V6 &&
              k->keys[3].address.len == 0);
    CU_ASSERT(!k->keys[4].has_address && !strcmp(k->keys[4].hostname, "r1.cisco.com") &&
              is(&k->keys[4].key, "e"));
    cfg_free(c);
}

static void no_takes_keys_keyrings_and_profiles_away(void)
{
    struct cfg *c = good(
        "crypto isakmp key a address 10.0.0.1\ncrypto isakmp key b address 10.0.0.2\n"
        "no crypto isakmp key a address 10.0.0.1\ncrypto keyring K\n pre-shared-key address 10.0.0.1 key a\n"
        " pre-shared-key hostname h.x key b\n no pre-shared-key address 10.0.0.1\ncrypto keyring L\n"
        "no crypto keyring L\ncrypto isakmp profile P\n keyring K\n keyring default\n no keyring K\n"
        " match identity host a\n match identity host b\n no match identity host a\ncrypto isakmp profile Q\n"
        "no crypto isakmp profile Q\n");
    CU_ASSERT_EQUAL(c->isakmp_default.key_count, 1);
    CU_ASSERT_EQUAL_FATAL(c->isakmp_keyring_count, 1);
    CU_ASSERT_EQUAL_FATAL(c->isakmp_keyrings[0].key_count, 1);
    CU_ASSERT(is(&c->isakmp_keyrings[0].keys[0].key, "b"));
    CU_ASSERT_EQUAL_FATAL(c->isakmp_profile_count, 1);
    const struct cfg_isakmp_profile *p = &c->isakmp_profiles[0];
    CU_ASSERT(p->keyring_count == 1 && !strcmp(p->keyrings[0], "default"));
    CU_ASSERT(p->match_count == 1 && !strcmp(p->match[0].text, "b"));
    cfg_free(c);
    bad("crypto isakmp key a address 10.0.0.1\nno crypto isakmp key a\n", "not complete");
}

static void a_profile_takes_every_kind_of_identity(void)
{
    struct cfg *c =
        good("crypto isakmp profile P\n   keyring default\n   match identity address 10.0.0.0 255.0.0.0\n"
             "   match identity address 10.0.0.1\n   match identity address ipv6 2001:db8::/32\n"
             "   match identity host R1.cisco.com\n   match identity host domain cisco.com\n"
             "   match identity user me@cisco.com\n   match identity user domain cisco.com\n"
             "   match identity group G\n   self-identity user-fqdn a@b\n   keepalive 20 retry 5\n"
             "   initiate mode aggressive\n   local-address 10.0.0.9\ncrypto isakmp keepalive 30\n");
    static const enum cfg_id_kind kinds[] = {CFG_ID_ADDRESS,      CFG_ID_ADDRESS,     CFG_ID_ADDRESS,
                                             CFG_ID_FQDN,         CFG_ID_FQDN_DOMAIN, CFG_ID_EMAIL,
                                             CFG_ID_EMAIL_DOMAIN, CFG_ID_KEY_ID};
    const struct cfg_isakmp_profile *p = cfg_find_isakmp_profile(c, "P");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL_FATAL(p->match_count, sizeof kinds / sizeof kinds[0]);
    for (unsigned i = 0; i < p->match_count; i++)
        CU_ASSERT_EQUAL(p->match[i].kind, kinds[i]);
    CU_ASSERT(p->match[0].prefix.len == 8 && p->match[1].prefix.len == 32 && p->match[2].prefix.len == 32);
    CU_ASSERT(p->self.kind == CFG_ID_EMAIL && p->aggressive && p->local.addr.family == IP_V4);
    CU_ASSERT(cfg_isakmp_profile_complete(p));
    struct cfg_dpd d = cfg_isakmp_dpd_effective(c, p);
    CU_ASSERT(d.set && d.interval_s == 20 && d.retry_s == 5 && !d.periodic);
    d = cfg_isakmp_dpd_effective(c, NULL);
    CU_ASSERT(d.set && d.interval_s == 30 && d.retry_s == 2 && !d.periodic);
    cfg_free(c);
}

static void what_has_no_meaning_is_refused(void)
{
    bad("crypto isakmp policy 0\n", "not known");
    bad("crypto isakmp policy 10\n group 3\n", "not known");
    bad("crypto isakmp key 6 ABC address 10.0.0.1\n", "type 6");
    bad("crypto isakmp key k address 10.0.0.1 255.0.255.0\n", "does not belong");
    bad("crypto keyring default\n", "keyring default");
    bad("crypto keyring K vrf RED\n pre-shared-key address 10.0.0.1 key k\n", "no VRF RED");
    bad("crypto isakmp profile P\n match identity address 10.0.0.1 255.255.255.255 RED\n", "no VRF RED");
    bad("crypto isakmp profile P\n vrf RED\n", "no VRF RED");
    bad("vrf definition RED\ncrypto isakmp profile P\n match identity address 10.0.0.1 RED\n match identity "
        "host a\n",
        "for one fVRF");
    bad("crypto isakmp profile P\n match identity user nobody\n", "no e-mail");
    bad("crypto isakmp profile P\n match certificate MAP\n", "no certificate map MAP");
    bad("crypto ipsec profile I\n set isakmp-profile P\n", "no ISAKMP profile P");
}

static void the_first_keyring_of_a_profile_may_come_later_or_never(void)
{
    struct cfg *c = good("crypto isakmp profile P\n keyring K\ncrypto keyring K\n");
    CU_ASSERT_EQUAL(found.count, 0);
    cfg_free(c);
    c = good("crypto isakmp profile P\n keyring K\n");
    CU_ASSERT_EQUAL_FATAL(found.count, 1);
    CU_ASSERT(found.items[0].severity == CFG_WARNING && !strcmp(found.items[0].rule, "reference"));
    cfg_free(c);
}

/* ---- which IKE ------------------------------------------------------------------------------------------------------ */
static enum cfg_ike_version version(const char *text)
{
    struct cfg *c = good(text);
    enum cfg_ike_version v = cfg_ipsec_ike_version(c, cfg_find_ipsec_profile(c, "I"));
    cfg_free(c);
    return v;
}

static void G25_an_ikev2_profile_wins_and_an_unbound_one_is_IKEv1_where_that_is_configured(void)
{
    CU_ASSERT_EQUAL(version("crypto ipsec profile I\ncrypto ikev2 profile V\n"), CFG_IKEV2);
    CU_ASSERT_EQUAL(version("crypto ipsec profile I\ncrypto isakmp key k address 10.0.0.1\n"), CFG_IKEV1);
    CU_ASSERT_EQUAL(version("crypto ipsec profile I\ncrypto ikev2 profile V\ncrypto keyring K\n"), CFG_IKEV1);
    CU_ASSERT_EQUAL(version("crypto ipsec profile I\n set isakmp-profile P\ncrypto isakmp profile P\n"),
                    CFG_IKEV1);
    CU_ASSERT_EQUAL(version("crypto ipsec profile I\n set isakmp-profile P\n set ikev2-profile V\n"
                            "crypto isakmp profile P\ncrypto ikev2 profile V\n"),
                    CFG_IKEV2);
}

/* ---- C1 to C8 -------------------------------------------------------------------------------------------------------- */
static struct cfg *printed(const char *name)
{
    char file[512];
    struct cfg *c = NULL;
    snprintf(file, sizeof file, GOLDEN "/%s.conf", name);
    cfg_findings_free(&found);
    cv_result r = cfg_load(file, &c, &found);
    for (unsigned i = 0; i < found.count && r != CV_OK; i++)
        printf("  %s:%d %s\n", name, found.items[i].line, found.items[i].text);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    return c;
}

static void C1_to_C8_load_as_printed(void)
{
    static const struct {
        const char *name;
        unsigned policies, globals, keyrings, profiles;
    } want[] = {{"C1", 1, 0, 2, 2}, {"C2", 1, 0, 2, 2}, {"C3", 0, 0, 2, 0}, {"C4", 0, 0, 2, 0},
                {"C5", 0, 0, 2, 0}, {"C6", 0, 1, 2, 0}, {"C7", 0, 0, 0, 2}, {"C8", 0, 0, 0, 2}};
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct cfg *c = printed(want[i].name);
        CU_ASSERT_EQUAL(c->isakmp_policy_count, want[i].policies);
        CU_ASSERT_EQUAL(c->isakmp_default.key_count, want[i].globals);
        CU_ASSERT_EQUAL(c->isakmp_keyring_count, want[i].keyrings);
        CU_ASSERT_EQUAL(c->isakmp_profile_count, want[i].profiles);
        cfg_free(c);
    }
    struct cfg *c = printed("C1");
    CU_ASSERT_STRING_EQUAL(cfg_find_ipsec_profile(c, "profile1")->isakmp_profile, "profile2");
    CU_ASSERT_EQUAL(c->isakmp_policies[0].encr.id, CV_ENCR_3DES);
    CU_ASSERT_STRING_EQUAL(c->isakmp_profiles[1].keyrings[0], "keyring2");
    cfg_free(c);
}

/* ---- the linter ------------------------------------------------------------------------------------------------------ */
static const struct cfg_finding *rule(const char *name)
{
    for (unsigned i = 0; i < found.count; i++)
        if (strcmp(found.items[i].rule, name) == 0)
            return &found.items[i];
    return NULL;
}

static const struct cfg_finding *lint(const char *text, const char *name)
{
    struct cfg *c = good(text);
    CU_ASSERT_EQUAL(cfg_lint(c, &found), CV_OK);
    cfg_free(c);
    return rule(name);
}

static const struct cfg_finding *lint_printed(const char *file, const char *name)
{
    struct cfg *c = printed(file);
    CU_ASSERT_EQUAL(cfg_lint(c, &found), CV_OK);
    cfg_free(c);
    return rule(name);
}

/* A finding of a rule whose text holds this. */
static bool says(const char *name, enum cfg_severity s, const char *text)
{
    for (unsigned i = 0; i < found.count; i++)
        if (strcmp(found.items[i].rule, name) == 0 && found.items[i].severity == s &&
            strstr(found.items[i].text, text))
            return true;
    return false;
}

static void LN_1_two_keys_for_one_address(void)
{
    const struct cfg_finding *f = lint_printed("C5", "LN-1");
    CU_ASSERT(f && f->severity == CFG_WARNING && strstr(f->text, "192.168.0.2") && strstr(f->text, "KR-6"));
    CU_ASSERT(f && f->line == 4);
    CU_ASSERT_PTR_NULL(lint_printed("C4", "LN-1"));
    CU_ASSERT_PTR_NOT_NULL(lint("crypto keyring K\n pre-shared-key address 10.0.0.0 255.0.0.0 key a\n"
                                " pre-shared-key address 10.0.0.0 255.0.0.0 key b\n",
                                "LN-1"));
    CU_ASSERT_PTR_NULL(
        lint("crypto keyring K\n local-address 10.1.0.1\n pre-shared-key address 10.0.0.1 key a\n"
             "crypto keyring L\n local-address 10.1.0.2\n pre-shared-key address 10.0.0.1 key a\n",
             "LN-1"));
    CU_ASSERT_PTR_NULL(lint("crypto keyring K\n pre-shared-key hostname a.x key a\n"
                            " pre-shared-key hostname b.x key b\n",
                            "LN-1"));
    /* the second and the third clash, each is apart from the first */
    f = lint("crypto keyring K\n local-address 10.1.0.1\n pre-shared-key address 10.0.0.1 key a\n"
             "crypto keyring L\n local-address 10.1.0.2\n pre-shared-key address 10.0.0.1 key a\n"
             "crypto keyring M\n local-address 10.1.0.2\n pre-shared-key address 10.0.0.1 key a\n",
             "LN-1");
    CU_ASSERT(f && f->line == 9 && strstr(f->text, "keyrings L and M"));
}

static void a_group_is_matched_in_the_fVRF_of_the_other_lines(void)
{
    static const char *const lines[] = {
        " match identity address 10.0.0.1 255.255.255.255 RED\n match identity group G\n",
        " match identity group G\n match identity address 10.0.0.1 255.255.255.255 RED\n",
        (" match identity group G\n match identity host domain example.com RED\n match identity user "
         "a@example.com RED\n")};
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[400], written[2000];
        snprintf(text, sizeof text, "vrf definition RED\n address-family ipv4\ncrypto isakmp profile P\n%s",
                 lines[i]);
        struct cfg *c = good(text);
        CU_ASSERT_STRING_EQUAL(c->isakmp_profiles[0].fvrf, "RED");
        CU_ASSERT_FATAL(cfg_write(c, true, written, sizeof written) < (int)sizeof written);
        struct cfg *again = good(written);
        CU_ASSERT_EQUAL(again->isakmp_profiles[0].match_count, c->isakmp_profiles[0].match_count);
        cfg_free(again);
        cfg_free(c);
    }
}

#define GRE_BETWEEN(n, key)                                                                                  \
    "interface Tunnel" n "\n tunnel source 192.0.2.1\n tunnel destination 192.0.2.2\n tunnel key " key       \
    "\n tunnel protection ipsec profile P shared\n"

static void PR_13_GRE_keys_do_not_tell_negotiations_apart(void)
{
    static const char head[] =
        "crypto ipsec profile P\ninterface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n";
    char text[1000];
    snprintf(text, sizeof text, "%s%s%s", head, GRE_BETWEEN("1", "1"), GRE_BETWEEN("2", "2"));
    const struct cfg_finding *f = lint(text, "overlap");
    CU_ASSERT(f && f->severity == CFG_ERROR && strstr(f->text, "tunnel key"));
}

static void LN_2_several_keyrings_of_one_fvrf(void)
{
    const struct cfg_finding *f = lint_printed("C1", "LN-2");
    CU_ASSERT(f && f->severity == CFG_WARNING && f->line == 3);
    CU_ASSERT_PTR_NULL(lint("crypto keyring K\n pre-shared-key address 10.0.0.1 key a\ncrypto keyring L\n"
                            "crypto isakmp profile P\n keyring K\ncrypto isakmp profile Q\n keyring K\n",
                            "LN-2"));
}

static void LN_3_global_keys_beside_keyrings(void)
{
    const struct cfg_finding *f = lint_printed("C6", "LN-3");
    CU_ASSERT(f && f->severity == CFG_ERROR && f->line == 5);
    f = lint("crypto isakmp key k address 10.0.0.1\ncrypto keyring K\n", "LN-3");
    CU_ASSERT(f && f->severity == CFG_WARNING);
    CU_ASSERT_PTR_NULL(lint("crypto isakmp key k address 0.0.0.0\n", "LN-3"));
}

static void LN_4_one_identity_two_profiles(void)
{
    const struct cfg_finding *f = lint("crypto isakmp profile A\n match identity host a.x\n"
                                       "crypto isakmp profile B\n match identity host A.X\n",
                                       "LN-4");
    CU_ASSERT(f && f->severity == CFG_ERROR && f->line == 4 && strstr(f->text, "PF-4"));
    f = lint_printed("C8", "LN-4");
    CU_ASSERT(f && f->severity == CFG_INFO);
    CU_ASSERT_PTR_NULL(lint_printed("C2", "LN-4"));
}

static void LN_6_and_G25_say_who_negotiates(void)
{
    CU_ASSERT_PTR_NOT_NULL(lint_printed("C7", "LN-6"));
    CU_ASSERT(says("source", CFG_ERROR, "Ethernet0/0 has no address"));
    CU_ASSERT_FALSE(says("no-profile", CFG_ERROR, ""));
    CU_ASSERT_PTR_NULL(lint_printed("C1", "LN-6"));
    CU_ASSERT_PTR_NULL(lint_printed("C1", "unsupported"));
    CU_ASSERT_PTR_NULL(lint("crypto ipsec profile I\n set isakmp-profile P\n set ikev2-profile V\n"
                            "crypto isakmp profile P\ncrypto ikev2 profile V\n",
                            "unsupported"));
    CU_ASSERT(says("G25", CFG_WARNING, "wins"));
}

#define TUNNEL                                                                                               \
    "interface Ethernet0/0\n ip address 10.0.0.1 255.255.255.0\ninterface Tunnel1\n tunnel source e0/0\n"    \
    " tunnel destination 10.0.0.2\n tunnel protection ipsec profile I\ncrypto ipsec profile I\n"             \
    " set isakmp-profile A\ncrypto isakmp profile A\n match identity address 10.0.0.0 255.255.255.0\n"

static void LN_11_another_profile_answers_the_peer(void)
{
    const struct cfg_finding *f =
        lint(TUNNEL "crypto isakmp profile B\n match identity address 10.0.0.2\n", "LN-11");
    CU_ASSERT(f && f->severity == CFG_WARNING && strstr(f->text, "but B is taken") && f->line == 6);
    CU_ASSERT_PTR_NULL(
        lint(TUNNEL "crypto isakmp profile B\n match identity address 10.0.0.0 255.255.255.0\n", "LN-11"));
    CU_ASSERT_PTR_NULL(lint(TUNNEL "crypto isakmp profile B\n match identity address 10.0.0.3\n", "LN-11"));
    CU_ASSERT_PTR_NOT_NULL(
        lint("crypto isakmp profile B\n match identity address 10.0.0.0 255.255.255.0\n" TUNNEL, "LN-11"));
}

static void LN_12_weak_policies(void)
{
    (void)lint_printed("C1", "LN-12");
    CU_ASSERT(says("LN-12", CFG_WARNING, "ISAKMP policy 10 is weak: 3des, md5, group 2"));
    (void)lint("crypto isakmp policy 10\n", "LN-12");
    CU_ASSERT(says("LN-12", CFG_ERROR, "DES (des is the default)"));
    (void)lint_printed("C3", "LN-12");
    CU_ASSERT(says("LN-12", CFG_WARNING, "built-in"));
    CU_ASSERT_PTR_NULL(lint("crypto isakmp policy 10\n encr aes 256\n hash sha256\n group 14\n", "LN-12"));
    CU_ASSERT_PTR_NULL(lint("hostname x\n", "LN-12"));
    (void)lint(TUNNEL "crypto isakmp policy 10\n encr aes\n group 14\n", "no-policy");
    CU_ASSERT(says("no-policy", CFG_ERROR, "rsa-sig is the default"));
}

#define KEYS "crypto isakmp policy 10\n encr aes\n group 14\n authentication pre-share\n"

static void G31_a_key_by_name_is_none_in_Main_Mode(void)
{
    const struct cfg_finding *f = lint(TUNNEL KEYS "crypto isakmp key k hostname r2.x\n", "G31");
    CU_ASSERT(f && f->severity == CFG_WARNING && f->line == 6 && strstr(f->text, "KR-5"));
    CU_ASSERT_PTR_NULL(
        lint(TUNNEL " initiate mode aggressive\n" KEYS "crypto isakmp key k hostname r2.x\n", "G31"));
    CU_ASSERT_PTR_NULL(
        lint(TUNNEL KEYS "crypto isakmp key k hostname r2.x\ncrypto isakmp key k address 0.0.0.0\n", "G31"));
    CU_ASSERT_PTR_NULL(lint(TUNNEL KEYS
                            "crypto isakmp key k hostname r2.x\ncrypto isakmp peer address 10.0.0.2\n"
                            " set aggressive-mode password k\n",
                            "G31"));
    /* KR-2: another keyring's key does not count */
    f = lint(TUNNEL KEYS "crypto keyring K\n pre-shared-key address 10.0.0.2 key k\n", "no-psk");
    CU_ASSERT(f && f->severity == CFG_ERROR && strstr(f->text, "10.0.0.2"));
    CU_ASSERT_PTR_NULL(lint(
        TUNNEL " keyring K\n" KEYS "crypto keyring K\n pre-shared-key address 10.0.0.2 key k\n", "no-psk"));
}

static void Aggressive_Mode_is_told_of_where_it_is_needed(void)
{
    const struct cfg_finding *f = lint(TUNNEL KEYS "crypto isakmp key k address 10.0.0.2\n", "aggressive");
    CU_ASSERT(f && f->severity == CFG_INFO);
    CU_ASSERT_PTR_NULL(lint(TUNNEL KEYS "crypto isakmp aggressive-mode disable\n", "aggressive"));
    f = lint(TUNNEL " initiate mode aggressive\n", "aggressive");
    CU_ASSERT(f && f->severity == CFG_WARNING && f->line == 9);
    f = lint("crypto isakmp key k hostname a.x\ncrypto isakmp aggressive-mode disable\n", "aggressive");
    CU_ASSERT(f && f->severity == CFG_WARNING && strstr(f->text, "disabled by"));
    f = lint("crypto isakmp peer address 10.0.0.2\n set aggressive-mode password k\n", "aggressive");
    CU_ASSERT(f && f->severity == CFG_WARNING);
    CU_ASSERT_PTR_NULL(lint("hostname x\n", "aggressive"));
    f = lint(TUNNEL "no crypto isakmp enable\n", "disabled");
    CU_ASSERT(f && f->severity == CFG_ERROR);
}

static void LN_14_and_LN_15_VRFs_in_profiles_and_keyrings(void)
{
#define RED                                                                                                  \
    "vrf definition RED\ninterface Loopback0\n vrf forwarding RED\n ip address 10.9.9.9 255.255.255.255\n"
    const struct cfg_finding *f = lint(TUNNEL " vrf RED\n" RED, "LN-14");
    CU_ASSERT(f && f->severity == CFG_WARNING && f->line == 11);
    CU_ASSERT_PTR_NULL(lint(RED "crypto isakmp profile P\n match identity host a\n vrf RED\n", "LN-14"));
    f = lint(RED "crypto keyring K\n local-address 10.9.9.9\n", "LN-15");
    CU_ASSERT(f && f->severity == CFG_WARNING && f->line == 6);
    CU_ASSERT_PTR_NULL(lint(RED "crypto keyring K\n local-address 10.9.9.9 RED\n", "LN-15"));
    CU_ASSERT_PTR_NOT_NULL(lint(RED "crypto isakmp profile P\n local-address Loopback0\n", "LN-15"));
    CU_ASSERT_PTR_NULL(lint(RED "crypto isakmp profile P\n local-address Loopback0 RED\n", "LN-15"));
    CU_ASSERT_PTR_NULL(lint("crypto keyring K\n local-address 10.9.9.9\n", "LN-15"));
}

static void LN_12_DES_is_an_error_that_does_not_refuse_the_file(void)
{
    const struct cfg_finding *f = lint("crypto isakmp policy 10\n encr des\n", "LN-12");
    CU_ASSERT(f && f->severity == CFG_ERROR); /* admission refuses the rule "unsupported" only */
    f = lint("crypto ipsec transform-set T esp-des esp-sha-hmac\n", "LN-12");
    CU_ASSERT(f && f->severity == CFG_ERROR);
    CU_ASSERT_PTR_NULL(rule("unsupported"));
}

static void findings_end(void)
{
    cfg_findings_free(&found);
}

UNIT_MAIN("config-isakmp", UNIT_TEST(a_policy_has_the_defaults_of_section_5),
          UNIT_TEST(many_policies_stay_in_order_of_priority),
          UNIT_TEST(builtin_policies_hold_when_none_is_configured),
          UNIT_TEST(KR_10_an_address_without_a_mask), UNIT_TEST(no_takes_keys_keyrings_and_profiles_away),
          UNIT_TEST(a_profile_takes_every_kind_of_identity), UNIT_TEST(what_has_no_meaning_is_refused),
          UNIT_TEST(the_first_keyring_of_a_profile_may_come_later_or_never),
          UNIT_TEST(G25_an_ikev2_profile_wins_and_an_unbound_one_is_IKEv1_where_that_is_configured),
          UNIT_TEST(C1_to_C8_load_as_printed), UNIT_TEST(LN_1_two_keys_for_one_address),
          UNIT_TEST(a_group_is_matched_in_the_fVRF_of_the_other_lines),
          UNIT_TEST(PR_13_GRE_keys_do_not_tell_negotiations_apart),
          UNIT_TEST(LN_2_several_keyrings_of_one_fvrf), UNIT_TEST(LN_3_global_keys_beside_keyrings),
          UNIT_TEST(LN_4_one_identity_two_profiles), UNIT_TEST(LN_6_and_G25_say_who_negotiates),
          UNIT_TEST(LN_11_another_profile_answers_the_peer), UNIT_TEST(LN_12_weak_policies),
          UNIT_TEST(LN_12_DES_is_an_error_that_does_not_refuse_the_file),
          UNIT_TEST(G31_a_key_by_name_is_none_in_Main_Mode),
          UNIT_TEST(Aggressive_Mode_is_told_of_where_it_is_needed),
          UNIT_TEST(LN_14_and_LN_15_VRFs_in_profiles_and_keyrings), UNIT_TEST(findings_end))
