/* IKEv1's ESP transforms: offers, choice, answer (RFC 2407 4.4.4, 4.5; RFC 2408 4.2; G26). */
#include "control/select/sel_v1_proposal.h"
#include "tests/unit/select/select.h"

static struct sel_trace trace;

enum { DES3 = 3, NUL = 11, AES = 12, GCM = 20, SEED = 21, GMAC = 23, MD5 = 1, SHA1 = 2, SHA256 = 5 };
enum { TUNNEL = 1, TRANSPORT = 2, UDP_TUNNEL = 3, UDP_TUNNEL_DRAFT = 61443, UDP_TRANSPORT_DRAFT = 61444 };

#define SETS                                                                                                 \
    "crypto ipsec transform-set A esp-aes 256 esp-sha256-hmac\n"                                             \
    "crypto ipsec transform-set B esp-3des esp-md5-hmac\n"                                                   \
    "crypto ipsec transform-set G esp-gcm 128\n"                                                             \
    "crypto ipsec transform-set M esp-gmac 192\n"                                                            \
    "crypto ipsec transform-set T esp-aes esp-sha-hmac\n mode transport\n"                                   \
    "crypto ipsec transform-set R esp-aes esp-sha-hmac\n mode transport require\n"                           \
    "crypto ipsec transform-set C esp-chacha20-poly1305\n"

static const struct cfg_ipsec_profile *prof(const struct cfg *c)
{
    return cfg_find_ipsec_profile(c, "P");
}

static struct sel1_esp_transform t_of(uint8_t id, uint16_t bits, uint16_t integ)
{
    return (struct sel1_esp_transform){
        .number = 1, .id = id, .key_bits = bits, .integ = integ, .encap = TUNNEL};
}

static bool choose(const struct cfg *c, const struct sel1_esp_transform *t, unsigned n, unsigned mask,
                   enum sel1_encap encap, struct sel1_esp_choice *x)
{
    const struct sel1_esp_proposal p = {.number = 1, .proto = 3, .count = n, .t = t};
    return sel1_esp_choose(c, prof(c), encap, mask, &p, 1, x, &trace);
}

static bool takes(const char *profile, struct sel1_esp_transform t)
{
    char text[1024];
    struct sel1_esp_choice x;
    snprintf(text, sizeof text, SETS "crypto ipsec profile P\n %s\n", profile);
    struct cfg *c = load(text);
    bool ok = choose(c, &t, 1, 0, SEL1_ENCAP_PLAIN, &x);
    cfg_free(c);
    return ok;
}

static void each_set_is_one_transform_with_the_wires_numbers(void)
{
    struct sel1_esp_transform o[SEL1_TRANSFORMS_MAX];
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set A B G M\n");
    CU_ASSERT_EQUAL_FATAL(sel1_esp_offers(c, prof(c), SEL1_ENCAP_PLAIN, 0, o), 4);
    CU_ASSERT(o[0].number == 1 && o[0].id == AES && o[0].key_bits == 256 && o[0].integ == SHA256);
    CU_ASSERT(o[0].encap == TUNNEL && o[0].group == 0 && o[0].esn == 0);
    CU_ASSERT(o[0].life_s == 3600 && o[0].life_kb == 4608000);
    CU_ASSERT(o[1].number == 2 && o[1].id == DES3 && o[1].key_bits == 0 && o[1].integ == MD5);
    CU_ASSERT(o[2].id == GCM && o[2].key_bits == 128 && o[2].integ == 0);
    CU_ASSERT(o[3].id == GMAC && o[3].key_bits == 192 && o[3].integ == 0);
    cfg_free(c);
}

/* RFC 7634 gives ChaCha20-Poly1305 a number in IKEv2 alone. */
static void what_IKEv1_has_no_number_for_is_not_offered(void)
{
    struct sel1_esp_transform o[SEL1_TRANSFORMS_MAX];
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set C G\n");
    CU_ASSERT_EQUAL_FATAL(sel1_esp_offers(c, prof(c), SEL1_ENCAP_PLAIN, 0, o), 1);
    CU_ASSERT(o[0].id == GCM && o[0].number == 1);
    cfg_free(c);
    CU_ASSERT_FALSE(takes("set transform-set C", t_of(28, 0, 0)));
}

static void RFC_4304_esn_is_offered_first_and_without_it_second(void)
{
    struct sel1_esp_transform o[SEL1_TRANSFORMS_MAX], answer;
    struct sel1_esp_choice x;
    char why[SEL_TEXT_MAX];
    struct cfg *c =
        load(SETS "crypto ipsec profile P\n set transform-set A\n set security-association esn\n");
    CU_ASSERT_EQUAL_FATAL(sel1_esp_offers(c, prof(c), SEL1_ENCAP_PLAIN, 0, o), 2);
    CU_ASSERT(o[0].esn == 1 && o[1].esn == 0);
    answer = o[1];
    CU_ASSERT(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, 2, &answer, &x, why) && !x.esn);
    answer = o[0];
    CU_ASSERT(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, 2, &answer, &x, why) && x.esn);
    CU_ASSERT(choose(c, o, 2, 0, SEL1_ENCAP_PLAIN, &x) && x.esn && x.transform == 0);
    cfg_free(c);
    struct sel1_esp_transform t = t_of(AES, 256, SHA256);
    t.esn = 1;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
}

static void own_order_of_sets_decides_before_the_peers(void)
{
    struct sel1_esp_choice x;
    char text[SEL_TEXT_MAX];
    struct sel1_esp_transform t[] = {t_of(DES3, 0, MD5), t_of(AES, 256, SHA256)};
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set A B\n");
    CU_ASSERT(choose(c, t, 2, 0, SEL1_ENCAP_PLAIN, &x));
    CU_ASSERT(x.transform == 1 && x.proposal == 0);
    CU_ASSERT_STRING_EQUAL(x.set->name, "A");
    CU_ASSERT_STRING_EQUAL(sel1_esp_choice_text(&x, text), "esp-aes 256 esp-sha256-hmac");
    CU_ASSERT_STRING_EQUAL(trace.chosen, "A");
    CU_ASSERT_EQUAL(x.encr, CV_ENCR_AES_CBC);
    CU_ASSERT_EQUAL(x.integ, CV_INTEG_HMAC_SHA2_256_128);
    cfg_free(c);
}

/* RFC 2408 4.2: proposals of one number are wanted together; AH or IPCOMP beside ESP is not done here. */
static void bundles_and_other_protocols_are_passed_over(void)
{
    struct sel1_esp_choice x;
    struct sel1_esp_transform t = t_of(AES, 256, SHA256);
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set A\n");
    const struct sel1_esp_proposal p[] = {{.number = 1, .proto = 2, .count = 1, .t = &t},
                                          {.number = 2, .proto = 3, .bundled = true, .count = 1, .t = &t},
                                          {.number = 3, .proto = 3, .count = 1, .t = &t}};
    CU_ASSERT(sel1_esp_choose(c, prof(c), SEL1_ENCAP_PLAIN, 0, p, 3, &x, &trace));
    CU_ASSERT_EQUAL(x.proposal, 2);
    CU_ASSERT_FALSE(sel1_esp_choose(c, prof(c), SEL1_ENCAP_PLAIN, 0, p, 2, &x, &trace));
    CU_ASSERT_STRING_EQUAL(trace.chosen, "");
    cfg_free(c);
}

static void each_attribute_must_fit(void)
{
    struct sel1_esp_transform good = t_of(AES, 256, SHA256), t;
    CU_ASSERT(takes("set transform-set A", good));
    t = good, t.key_bits = 128;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.key_bits = 0; /* RFC 3602 5.3: must be given */
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.integ = SHA1;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.integ = 0;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.id = NUL;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.unusable = true;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.encap = TRANSPORT;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.encap = UDP_TUNNEL; /* no NAT was found */
    CU_ASSERT_FALSE(takes("set transform-set A", t));
    t = good, t.encap = 0; /* RFC 2407 4.5: up to the host */
    CU_ASSERT(takes("set transform-set A", t));
}

/* Number 21 is AES-GMAC in IKEv2, and SEED in IKEv1. */
static void GMAC_has_another_number_than_in_IKEv2(void)
{
    CU_ASSERT(takes("set transform-set M", t_of(GMAC, 192, 0)));
    CU_ASSERT_FALSE(takes("set transform-set M", t_of(SEED, 192, 0)));
}

static void set_pfs_demands_its_group_and_none_takes_any_known(void)
{
    struct sel1_esp_transform t = t_of(AES, 256, SHA256);
    CU_ASSERT_FALSE(takes("set transform-set A\n set pfs group14", t));
    t.group = 2;
    CU_ASSERT_FALSE(takes("set transform-set A\n set pfs group14", t));
    CU_ASSERT(takes("set transform-set A", t));
    t.group = 14;
    CU_ASSERT(takes("set transform-set A\n set pfs group14", t));
    t.group = 1025;
    CU_ASSERT_FALSE(takes("set transform-set A", t));
}

static void G26_the_smaller_lifetime_holds_and_never_refuses(void)
{
    struct sel1_esp_choice x;
    struct sel1_esp_transform t = t_of(AES, 256, SHA256);
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set A\n");
    t.life_s = 28800, t.life_kb = 5000000;
    CU_ASSERT(choose(c, &t, 1, 0, SEL1_ENCAP_PLAIN, &x) && x.life_s == 3600 && x.life_kb == 4608000);
    t.life_s = 120, t.life_kb = 2560;
    CU_ASSERT(choose(c, &t, 1, 0, SEL1_ENCAP_PLAIN, &x) && x.life_s == 120 && x.life_kb == 2560);
    t.life_s = t.life_kb = 0;
    CU_ASSERT(choose(c, &t, 1, 0, SEL1_ENCAP_PLAIN, &x) && x.life_s == 3600 && x.life_kb == 4608000);
    cfg_free(c);
    /* RFC 2407 4.5: an offer without lifetime means 28800 s */
    c = load(SETS "crypto ipsec profile P\n set transform-set A\n set security-association lifetime seconds "
                  "86400\n set security-association lifetime kilobytes disable\n");
    CU_ASSERT(choose(c, &t, 1, 0, SEL1_ENCAP_PLAIN, &x) && x.life_s == 28800 && x.life_kb == 0);
    cfg_free(c);
}

static void transport_mode_needs_the_set_and_the_selectors(void)
{
    struct sel1_esp_transform o[SEL1_TRANSFORMS_MAX], t = t_of(AES, 128, SHA1);
    struct sel1_esp_choice x;
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set T R\n");
    CU_ASSERT_EQUAL(sel1_esp_offers(c, prof(c), SEL1_ENCAP_PLAIN, 3, o), 2);
    CU_ASSERT(o[0].encap == TRANSPORT && o[1].encap == TRANSPORT);
    /* not host to host: tunnel mode, but for `require`, which is left out */
    CU_ASSERT_EQUAL(sel1_esp_offers(c, prof(c), SEL1_ENCAP_PLAIN, 0, o), 1);
    CU_ASSERT(o[0].encap == TUNNEL);
    CU_ASSERT(choose(c, &t, 1, 3, SEL1_ENCAP_PLAIN, &x) && !x.transport);
    t.encap = TRANSPORT;
    CU_ASSERT(choose(c, &t, 1, 3, SEL1_ENCAP_PLAIN, &x) && x.transport);
    CU_ASSERT_FALSE(choose(c, &t, 1, 0, SEL1_ENCAP_PLAIN, &x));
    cfg_free(c);
    c = load(SETS "crypto ipsec profile P\n set transform-set R\n");
    CU_ASSERT(choose(c, &t, 1, 1, SEL1_ENCAP_PLAIN, &x) && x.transport);
    t.encap = TUNNEL;
    CU_ASSERT_FALSE(choose(c, &t, 1, 1, SEL1_ENCAP_PLAIN, &x));
    cfg_free(c);
}

/* RFC 3947 5.1 and the drafts' private numbers mean the same; we write those of the variant that was agreed on. */
static void udp_encapsulation_has_the_numbers_of_the_variant(void)
{
    struct sel1_esp_transform o[SEL1_TRANSFORMS_MAX], t = t_of(AES, 128, SHA1);
    struct sel1_esp_choice x;
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set T\n");
    CU_ASSERT(sel1_esp_offers(c, prof(c), SEL1_ENCAP_UDP, 0, o) == 1 && o[0].encap == UDP_TUNNEL);
    CU_ASSERT(sel1_esp_offers(c, prof(c), SEL1_ENCAP_UDP_DRAFT, 0, o) == 1 && o[0].encap == UDP_TUNNEL_DRAFT);
    CU_ASSERT(sel1_esp_offers(c, prof(c), SEL1_ENCAP_UDP_DRAFT, 1, o) == 1 &&
              o[0].encap == UDP_TRANSPORT_DRAFT);
    CU_ASSERT_FALSE(choose(c, &t, 1, 0, SEL1_ENCAP_UDP, &x));
    t.encap = UDP_TUNNEL_DRAFT;
    CU_ASSERT(choose(c, &t, 1, 0, SEL1_ENCAP_UDP, &x) && !x.transport);
    CU_ASSERT_FALSE(choose(c, &t, 1, 0, SEL1_ENCAP_PLAIN, &x));
    t.encap = UDP_TRANSPORT_DRAFT;
    CU_ASSERT(choose(c, &t, 1, 1, SEL1_ENCAP_UDP_DRAFT, &x) && x.transport);
    t.encap = 0; /* a peer behind a NAT has to say so */
    CU_ASSERT_FALSE(choose(c, &t, 1, 1, SEL1_ENCAP_UDP, &x));
    cfg_free(c);
}

static void the_answer_is_one_of_ours_unchanged_but_for_its_lifetime(void)
{
    struct sel1_esp_transform o[SEL1_TRANSFORMS_MAX], answer;
    struct sel1_esp_choice x;
    char why[SEL_TEXT_MAX];
    struct cfg *c = load(SETS "crypto ipsec profile P\n set transform-set A B\n set pfs group14\n");
    unsigned n = sel1_esp_offers(c, prof(c), SEL1_ENCAP_PLAIN, 0, o);
    answer = o[1], answer.life_s = 600, answer.life_kb = 0;
    CU_ASSERT(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why));
    CU_ASSERT(x.transform == 1 && x.encr == CV_ENCR_3DES && x.group == 14 && x.life_s == 600);
    CU_ASSERT_EQUAL(x.life_kb, 4608000);
    answer.life_s = 0;
    CU_ASSERT(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why) && x.life_s == 3600);
    answer = o[0], answer.group = 2;
    CU_ASSERT_FALSE(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why));
    answer = o[0], answer.group = 0;
    CU_ASSERT_FALSE(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why));
    answer = o[0], answer.encap = TRANSPORT;
    CU_ASSERT_FALSE(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why));
    answer = o[0], answer.integ = MD5;
    CU_ASSERT_FALSE(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why));
    answer = o[0], answer.esn = 1;
    CU_ASSERT_FALSE(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why));
    answer = o[0], answer.unusable = true;
    CU_ASSERT_FALSE(sel1_esp_accept(c, prof(c), SEL1_ENCAP_PLAIN, 0, o, n, &answer, &x, why));
    cfg_free(c);
}

UNIT_MAIN("select-v1-esp", UNIT_TEST(each_set_is_one_transform_with_the_wires_numbers),
          UNIT_TEST(what_IKEv1_has_no_number_for_is_not_offered),
          UNIT_TEST(RFC_4304_esn_is_offered_first_and_without_it_second),
          UNIT_TEST(own_order_of_sets_decides_before_the_peers),
          UNIT_TEST(bundles_and_other_protocols_are_passed_over), UNIT_TEST(each_attribute_must_fit),
          UNIT_TEST(GMAC_has_another_number_than_in_IKEv2),
          UNIT_TEST(set_pfs_demands_its_group_and_none_takes_any_known),
          UNIT_TEST(G26_the_smaller_lifetime_holds_and_never_refuses),
          UNIT_TEST(transport_mode_needs_the_set_and_the_selectors),
          UNIT_TEST(udp_encapsulation_has_the_numbers_of_the_variant),
          UNIT_TEST(the_answer_is_one_of_ours_unchanged_but_for_its_lifetime))
