#include "control/select/sel_proposal.h"
#include "tests/unit/select/select.h"

static struct sel_trace trace;

#define E(id_, bits)                                                                                         \
    {                                                                                                        \
        .type = SEL_TYPE_ENCR, .id = id_, .key_bits = bits                                                   \
    }
#define P(id_)                                                                                               \
    {                                                                                                        \
        .type = SEL_TYPE_PRF, .id = id_                                                                      \
    }
#define I(id_)                                                                                               \
    {                                                                                                        \
        .type = SEL_TYPE_INTEG, .id = id_                                                                    \
    }
#define D(id_)                                                                                               \
    {                                                                                                        \
        .type = SEL_TYPE_DH, .id = id_                                                                       \
    }
#define S(id_)                                                                                               \
    {                                                                                                        \
        .type = SEL_TYPE_ESN, .id = id_                                                                      \
    }

#define OFFER(number_, proto_, array)                                                                        \
    (struct sel_offer)                                                                                       \
    {                                                                                                        \
        .number = number_, .proto = proto_, .count = sizeof array / sizeof array[0], .t = array              \
    }

enum { CBC = 12, GCM = 20, CHACHA = 28, SHA1 = 2, SHA256 = 12, SHA384 = 13, PRF_SHA1 = 2, PRF_SHA256 = 5 };

static const struct cfg_ikev2_policy *pol(const struct cfg *c)
{
    return cfg_find_policy(c, "POL");
}

#define POL "crypto ikev2 policy POL\n proposal PROP\n"

static bool choose(const struct cfg *c, const struct sel_offer *o, unsigned n, struct sel_ike_choice *x)
{
    return sel_ike_proposal(c, pol(c), o, n, x, &trace);
}

/* RFC 7296 3.3: one `encryption` line with an AEAD and a CBC cipher is two offers. */
static void aead_and_other_ciphers_are_offered_apart(void)
{
    struct cfg *c = load("crypto ikev2 proposal PROP\n encryption aes-gcm-128 aes-cbc-256\n prf sha256\n "
                         "integrity sha256\n group 19 14\n" POL);
    struct sel_offers o;
    CU_ASSERT(sel_ike_offers(c, pol(c), &o));
    CU_ASSERT_EQUAL_FATAL(o.count, 2);
    const struct sel_transform gcm[] = {E(GCM, 128), P(PRF_SHA256), D(19), D(14)};
    const struct sel_transform cbc[] = {E(CBC, 256), I(SHA256), P(PRF_SHA256), D(19), D(14)};
    CU_ASSERT_EQUAL_FATAL(o.offer[0].count, 4);
    CU_ASSERT_EQUAL_FATAL(o.offer[1].count, 5);
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT(o.offer[0].t[i].type == gcm[i].type && o.offer[0].t[i].id == gcm[i].id &&
                  o.offer[0].t[i].key_bits == gcm[i].key_bits);
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT(o.offer[1].t[i].type == cbc[i].type && o.offer[1].t[i].id == cbc[i].id &&
                  o.offer[1].t[i].key_bits == cbc[i].key_bits);
    CU_ASSERT(o.offer[0].number == 1 && o.offer[1].number == 2 && o.offer[0].proto == SEL_PROTO_IKE);
    CU_ASSERT_EQUAL(sel_offers_group(&o), 19);
    CU_ASSERT(sel_offers_has_group(&o, 14));
    CU_ASSERT_FALSE(sel_offers_has_group(&o, 2));
    cfg_free(c);
}

static void without_a_prf_line_the_integrity_algorithms_say_it(void)
{
    struct cfg *c =
        load("crypto ikev2 proposal PROP\n encryption aes-cbc-128\n integrity sha1 sha256\n group 14\n" POL);
    struct sel_offers o;
    CU_ASSERT(sel_ike_offers(c, pol(c), &o));
    const struct sel_transform peer[] = {E(CBC, 128), I(SHA256), P(PRF_SHA256), D(14)};
    struct sel_offer offer = OFFER(1, SEL_PROTO_IKE, peer);
    struct sel_ike_choice x;
    CU_ASSERT(choose(c, &offer, 1, &x));
    CU_ASSERT_EQUAL(x.prf, PRF_SHA256);
    cfg_free(c);
}

/* Our order decides, not the peer's: ike-notes 25, the first known transform is not taken. */
static void RFC7296_2_7_our_order_decides_and_only_what_policy_allows(void)
{
    struct cfg *c = load("crypto ikev2 proposal PROP\n encryption aes-cbc-256 aes-cbc-128\n integrity sha384 "
                         "sha256\n prf sha256\n group 20 14\n" POL);
    const struct sel_transform weak_first[] = {E(3, 0),   E(CBC, 128), E(CBC, 256), I(1), I(SHA256),
                                               I(SHA384), P(1),        P(2),        P(5), D(1),
                                               D(2),      D(14),       D(20)};
    struct sel_offer o = OFFER(7, SEL_PROTO_IKE, weak_first);
    struct sel_ike_choice x;
    char text[SEL_TEXT_MAX];
    CU_ASSERT_FATAL(choose(c, &o, 1, &x));
    CU_ASSERT(x.encr == CBC && x.key_bits == 256 && x.integ == SHA384 && x.prf == 5 && x.dh == 20 &&
              x.number == 7);
    CU_ASSERT_STRING_EQUAL(sel_ike_choice_text(&x, text), "aes-cbc-256 integrity sha384 prf sha256 group 20");
    const struct sel_transform weak_only[] = {E(3, 0), I(1), P(1), D(1)};
    o = OFFER(1, SEL_PROTO_IKE, weak_only);
    CU_ASSERT_FALSE(choose(c, &o, 1, &x));
    CU_ASSERT_EQUAL(x.encr, 0);
    cfg_free(c);
}

static void our_cipher_order_beats_the_order_of_the_peers_proposals(void)
{
    struct cfg *c = load("crypto ikev2 proposal PROP\n encryption aes-gcm-256 aes-cbc-256\n integrity "
                         "sha256\n prf sha256\n group 14\n" POL);
    const struct sel_transform cbc[] = {E(CBC, 256), I(SHA256), P(5), D(14)},
                               gcm[] = {E(GCM, 256), P(5), D(14)};
    struct sel_offer o[2] = {OFFER(1, SEL_PROTO_IKE, cbc), OFFER(2, SEL_PROTO_IKE, gcm)};
    struct sel_ike_choice x;
    CU_ASSERT_FATAL(choose(c, o, 2, &x));
    CU_ASSERT(x.encr == GCM && x.offer == 1 && x.number == 2 && x.integ == 0 && !x.integ_none_listed);
    cfg_free(c);
}

static void proposals_of_a_policy_are_tried_in_order(void)
{
    struct cfg *c = load("crypto ikev2 proposal A\n encryption aes-cbc-128\n integrity sha1\n group 14\n"
                         "crypto ikev2 proposal B\n encryption aes-cbc-256\n integrity sha1\n group 14\n"
                         "crypto ikev2 policy POL\n proposal B\n proposal A\n");
    const struct sel_transform both[] = {E(CBC, 128), E(CBC, 256), I(SHA1), P(PRF_SHA1), D(14)};
    struct sel_offer o = OFFER(1, SEL_PROTO_IKE, both);
    struct sel_ike_choice x;
    CU_ASSERT_FATAL(choose(c, &o, 1, &x));
    CU_ASSERT_EQUAL(x.key_bits, 256);
    CU_ASSERT_STRING_EQUAL(trace.chosen, "B");
    cfg_free(c);
}

static void the_trace_says_what_each_side_has(void)
{
    struct cfg *c =
        load("crypto ikev2 proposal PROP\n encryption aes-cbc-256\n integrity sha256\n group 14\n" POL);
    static const struct sel_transform group[] = {E(CBC, 256), I(SHA256), P(5), D(2)},
                                      key[] = {E(CBC, 128), I(SHA256), P(5), D(14)},
                                      prf[] = {E(CBC, 256), I(SHA256), P(2), D(14)},
                                      integ[] = {E(CBC, 256), I(1), P(5), D(14)},
                                      no_dh[] = {E(CBC, 256), I(SHA256), P(5)},
                                      no_length[] = {E(CBC, 0), I(SHA256), P(5), D(14)};
    static const struct {
        struct sel_offer offer;
        const char *why;
    } cases[] = {
        {{1, SEL_PROTO_IKE, 4, group}, "group: peer offers 2, policy wants 14"},
        {{1, SEL_PROTO_IKE, 4, key}, "encryption: peer offers aes-cbc-128, policy wants aes-cbc-256"},
        {{1, SEL_PROTO_IKE, 4, prf}, "prf: peer offers sha1, policy wants sha256"},
        {{1, SEL_PROTO_IKE, 4, integ}, "integrity: peer offers md5, policy wants sha256"},
        {{1, SEL_PROTO_IKE, 3, no_dh}, "group: peer offers none, policy wants 14"}, /* CVE-2016-5391 */
        {{1, SEL_PROTO_IKE, 4, no_length}, "encryption: peer offers 12, policy wants aes-cbc-256"},
        {{1, SEL_PROTO_ESP, 4, group}, "protocol: peer offers ESP, policy wants IKE"},
        {{1, SEL_PROTO_IKE, 0, NULL}, "encryption: peer offers none"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sel_ike_choice x;
        CU_ASSERT_FALSE(choose(c, &cases[i].offer, 1, &x));
        CU_ASSERT_EQUAL_FATAL(trace.candidate_count, 1);
        bool ok = strstr(trace.candidates[0].why, cases[i].why) != NULL;
        if (!ok)
            printf("\n  %s\n  is not: %s\n", trace.candidates[0].why, cases[i].why);
        CU_ASSERT(ok);
        CU_ASSERT_STRING_EQUAL(trace.chosen, "");
    }
    CU_ASSERT_FALSE(sel_ike_proposal(c, pol(c), NULL, 0, &(struct sel_ike_choice){0}, NULL));
    cfg_free(c);
}

/* RFC 5282 8 */
static void an_aead_goes_with_no_integrity_algorithm(void)
{
    struct cfg *c = load("crypto ikev2 proposal PROP\n encryption aes-gcm-128 chacha20-poly1305 "
                         "aes-cbc-128\n prf sha256\n integrity sha256\n group 14\n" POL);
    const struct sel_transform mixed[] = {E(GCM, 128), E(CBC, 128), I(SHA256), P(5), D(14)};
    const struct sel_transform none[] = {E(GCM, 128), I(0), P(5), D(14)},
                               chacha[] = {E(CHACHA, 0), P(5), D(14)};
    struct sel_offer o = OFFER(1, SEL_PROTO_IKE, mixed);
    struct sel_ike_choice x;
    struct sel_transform answer[SEL_ANSWER_MAX];
    CU_ASSERT_FATAL(choose(c, &o, 1, &x));
    CU_ASSERT(x.encr == CBC && x.integ == SHA256);
    o = OFFER(1, SEL_PROTO_IKE, none);
    CU_ASSERT_FATAL(choose(c, &o, 1, &x));
    CU_ASSERT(x.encr == GCM && x.integ_none_listed);
    CU_ASSERT_EQUAL(sel_ike_answer(&x, answer), 4);
    o = OFFER(1, SEL_PROTO_IKE, chacha);
    CU_ASSERT_FATAL(choose(c, &o, 1, &x));
    CU_ASSERT(x.encr == CHACHA && x.key_bits == 0);
    CU_ASSERT_EQUAL(sel_ike_answer(&x, answer), 3);
    cfg_free(c);
}

/* RFC 7296 3.3.6 */
static void unknown_transforms_are_skipped_and_unknown_types_refuse_the_proposal(void)
{
    struct cfg *c =
        load("crypto ikev2 proposal PROP\n encryption aes-cbc-128\n integrity sha256\n group 14\n" POL);
    const struct sel_transform odd[] = {E(65535, 128),
                                        {.type = SEL_TYPE_ENCR, .id = CBC, .key_bits = 128, .unusable = true},
                                        I(SHA256),
                                        P(5),
                                        D(14)};
    const struct sel_transform both[] = {E(1025, 0), E(CBC, 128), I(99),   I(SHA256),
                                         P(77),      P(5),        D(1025), D(14)};
    const struct sel_transform extra[] = {E(CBC, 128), I(SHA256), P(5), D(14), {.type = 6, .id = 36}};
    const struct sel_transform high[] = {E(CBC, 128), I(SHA256), P(5), D(14), {.type = 255, .id = 1}};
    struct sel_ike_choice x;
    struct sel_offer o = OFFER(1, SEL_PROTO_IKE, odd);
    CU_ASSERT_FALSE(choose(c, &o, 1, &x));
    o = OFFER(1, SEL_PROTO_IKE, both);
    CU_ASSERT(choose(c, &o, 1, &x));
    o = OFFER(1, SEL_PROTO_IKE, extra);
    CU_ASSERT_FALSE(choose(c, &o, 1, &x));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[0].why, "transform type 6"));
    o = OFFER(1, SEL_PROTO_IKE, high);
    CU_ASSERT_FALSE(choose(c, &o, 1, &x));
    cfg_free(c);
}

static void many_proposals_of_a_hostile_peer_are_bounded(void)
{
    struct cfg *c =
        load("crypto ikev2 proposal PROP\n encryption aes-cbc-128\n integrity sha256\n group 14\n" POL);
    static struct sel_transform t[255];
    static struct sel_offer o[200];
    struct sel_ike_choice x;
    for (unsigned i = 0; i < 255; i++)
        t[i] =
            (struct sel_transform){.type = (uint8_t)(1 + i % 4), .id = (uint16_t)(1000 + i), .key_bits = 128};
    for (unsigned i = 0; i < 200; i++)
        o[i] = (struct sel_offer){.number = (uint8_t)i, .proto = SEL_PROTO_IKE, .count = 255, .t = t};
    CU_ASSERT_FALSE(choose(c, o, 200, &x));
    CU_ASSERT_EQUAL(trace.candidate_count, SEL_MAX_CANDIDATES);
    cfg_free(c);
}

/* ---- ESP ---------------------------------------------------------------------------------------------------------------- */
static struct cfg *esp_config(const char *profile)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "crypto ipsec transform-set GCM esp-gcm 256\ncrypto ipsec transform-set CBC esp-aes esp-sha256-hmac\n"
        "crypto ipsec transform-set NONE esp-aes\ncrypto ipsec profile IP\n%s",
        profile);
    return load(text);
}

static const struct cfg_ipsec_profile *ip(const struct cfg *c)
{
    return cfg_find_ipsec_profile(c, "IP");
}

static void esp_offers_are_one_per_transform_set(void)
{
    struct cfg *c =
        esp_config(" set transform-set GCM NONE CBC\n set pfs group19\n set security-association esn\n");
    struct sel_offers o;
    CU_ASSERT(sel_esp_offers(c, ip(c), false, &o));
    CU_ASSERT_EQUAL_FATAL(o.count, 2); /* encryption without integrity is never offered */
    CU_ASSERT_EQUAL(o.offer[0].count, 3);
    CU_ASSERT_EQUAL(o.offer[1].count, 4);
    CU_ASSERT_EQUAL(sel_offers_group(&o), 0); /* RFC 7296 1.2: no group in IKE_AUTH */
    CU_ASSERT(sel_esp_offers(c, ip(c), true, &o));
    CU_ASSERT_EQUAL(sel_offers_group(&o), 19);
    cfg_free(c);
    c = esp_config(" set transform-set CBC\n");
    CU_ASSERT(sel_esp_offers(c, ip(c), true, &o));
    CU_ASSERT_EQUAL_FATAL(o.offer[0].count, 3);
    CU_ASSERT(o.offer[0].t[2].type == SEL_TYPE_ESN && o.offer[0].t[2].id == 0);
    cfg_free(c);
}

static void esp_without_a_transform_set_line_is_the_default_set(void)
{
    struct cfg *c = esp_config("");
    struct sel_offers o;
    CU_ASSERT(sel_esp_offers(c, ip(c), false, &o));
    CU_ASSERT(o.offer[0].t[0].id == CBC && o.offer[0].t[0].key_bits == 128 && o.offer[0].t[1].id == SHA1);
    cfg_free(c);
}

static const struct sel_transform gcm256[] = {E(GCM, 256), S(0)}, cbc128[] = {E(CBC, 128), I(SHA256), S(0)},
                                  gcm_esn[] = {E(GCM, 256), S(1), S(0)}, gcm_only_esn[] = {E(GCM, 256), S(1)},
                                  gcm_no_esn_type[] = {E(GCM, 256)},
                                  gcm_dh[] = {E(GCM, 256), D(14), D(19), S(0)},
                                  gcm_dh_none[] = {E(GCM, 256), D(14), D(0), S(0)},
                                  aes_alone[] = {E(CBC, 128), S(0)}, gcm_prf[] = {E(GCM, 256), P(5), S(0)},
                                  gcm_weird_dh[] = {E(GCM, 256), D(1025), S(0)};

static bool esp(const struct cfg *c, bool with_dh, struct sel_offer o, struct sel_esp_choice *x)
{
    return sel_esp_proposal(c, ip(c), with_dh, &o, 1, x, &trace);
}

static void esp_choice_follows_the_transform_sets(void)
{
    struct cfg *c = esp_config(" set transform-set GCM CBC\n");
    struct sel_esp_choice x;
    struct sel_offer both[2] = {OFFER(1, SEL_PROTO_ESP, cbc128), OFFER(2, SEL_PROTO_ESP, gcm256)};
    CU_ASSERT_FATAL(sel_esp_proposal(c, ip(c), false, both, 2, &x, &trace));
    CU_ASSERT(x.number == 2 && x.offer == 1 && x.encr == GCM && x.key_bits == 256 && !x.esn && x.dh == 0);
    CU_ASSERT_STRING_EQUAL(x.transform_set->name, "GCM");
    CU_ASSERT_FATAL(sel_esp_proposal(c, ip(c), false, both, 1, &x, &trace));
    CU_ASSERT(x.encr == CBC && x.integ == SHA256);
    CU_ASSERT_FALSE(esp(c, false, OFFER(1, SEL_PROTO_IKE, gcm256), &x));
    CU_ASSERT_FALSE(esp(c, false, OFFER(1, SEL_PROTO_ESP, gcm_prf), &x));
    cfg_free(c);
    c = esp_config(" set transform-set NONE\n");
    CU_ASSERT_FALSE(esp(c, false, OFFER(1, SEL_PROTO_ESP, aes_alone), &x));
    cfg_free(c);
}

/* RFC 7296 3.3.3: the ESN transform is mandatory for ESP. */
static void esn_as_configured(void)
{
    struct cfg *off = esp_config(" set transform-set GCM\n");
    struct cfg *on = esp_config(" set transform-set GCM\n set security-association esn\n");
    struct sel_esp_choice x;
    CU_ASSERT(esp(off, false, OFFER(1, SEL_PROTO_ESP, gcm_esn), &x) && !x.esn);
    CU_ASSERT_FALSE(esp(off, false, OFFER(1, SEL_PROTO_ESP, gcm_only_esn), &x));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[0].why, "esn: peer offers 1, policy wants 0"));
    CU_ASSERT(esp(on, false, OFFER(1, SEL_PROTO_ESP, gcm_esn), &x) && x.esn);
    CU_ASSERT(esp(on, false, OFFER(1, SEL_PROTO_ESP, gcm_only_esn), &x) && x.esn);
    CU_ASSERT(esp(on, false, OFFER(1, SEL_PROTO_ESP, gcm256), &x) && !x.esn);
    CU_ASSERT_FALSE(esp(on, false, OFFER(1, SEL_PROTO_ESP, gcm_no_esn_type), &x));
    cfg_free(off);
    cfg_free(on);
}

static void pfs_as_configured(void)
{
    struct cfg *off = esp_config(" set transform-set GCM\n"),
               *on = esp_config(" set transform-set GCM\n set pfs group14\n");
    struct cfg *other = esp_config(" set transform-set GCM\n set pfs group20\n");
    struct sel_esp_choice x;
    struct sel_transform answer[SEL_ANSWER_MAX];
    CU_ASSERT(esp(on, true, OFFER(1, SEL_PROTO_ESP, gcm_dh), &x) && x.dh == 14);
    CU_ASSERT_FALSE(esp(on, true, OFFER(1, SEL_PROTO_ESP, gcm256), &x)); /* PFS is demanded */
    CU_ASSERT_FALSE(esp(other, true, OFFER(1, SEL_PROTO_ESP, gcm_dh), &x));
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.candidates[0].why, "group: peer offers 14, 19, policy wants 20"));
    CU_ASSERT(esp(off, true, OFFER(1, SEL_PROTO_ESP, gcm256), &x) && x.dh == 0);
    CU_ASSERT(esp(off, true, OFFER(1, SEL_PROTO_ESP, gcm_dh), &x) &&
              x.dh == 19); /* the peer insists: the better one */
    CU_ASSERT(esp(off, true, OFFER(1, SEL_PROTO_ESP, gcm_dh_none), &x) && x.dh == 0 && x.dh_none_listed);
    CU_ASSERT_EQUAL(sel_esp_answer(&x, answer), 3); /* NONE is echoed */
    CU_ASSERT_FALSE(esp(off, true, OFFER(1, SEL_PROTO_ESP, gcm_weird_dh), &x));
    /* RFC 7296 1.2: IKE_AUTH has no key exchange */
    CU_ASSERT_FALSE(esp(off, false, OFFER(1, SEL_PROTO_ESP, gcm_dh), &x));
    CU_ASSERT(esp(on, false, OFFER(1, SEL_PROTO_ESP, gcm_dh_none), &x) && x.dh == 0);
    CU_ASSERT(esp(on, false, OFFER(1, SEL_PROTO_ESP, gcm256), &x) && x.dh == 0);
    cfg_free(off);
    cfg_free(on);
    cfg_free(other);
}

/* ---- the initiator's check of the answer -------------------------------------------------------------------------------- */
static void RFC7296_2_7_the_answer_must_be_one_of_our_offers(void)
{
    struct cfg *c = load("crypto ikev2 proposal PROP\n encryption aes-gcm-128 aes-cbc-256\n prf sha256\n "
                         "integrity sha256\n group 19 14\n" POL);
    static const struct sel_transform good[] = {E(CBC, 256), I(SHA256), P(5), D(14)},
                                      two[] = {E(CBC, 256), I(SHA256), P(5), D(14), D(19)},
                                      no_dh[] = {E(CBC, 256), I(SHA256), P(5)},
                                      other_dh[] = {E(CBC, 256), I(SHA256), P(5), D(2)},
                                      shorter[] = {E(CBC, 128), I(SHA256), P(5), D(14)},
                                      gcm[] = {E(GCM, 128), P(5), D(19)},
                                      gcm_none[] = {E(GCM, 128), I(0), P(5), D(19)},
                                      gcm_integ[] = {E(GCM, 128), I(SHA256), P(5), D(19)},
                                      no_dh_none[] = {E(CBC, 256), I(SHA256), P(5), D(0)},
                                      cbc_none[] = {E(CBC, 256), I(0), P(5), D(14)},
                                      unusable[] = {{.type = 1, .id = CBC, .key_bits = 256, .unusable = true},
                                                    I(SHA256),
                                                    P(5),
                                                    D(14)},
                                      odd[] = {E(CBC, 256), I(SHA256), P(5), D(14), {.type = 77, .id = 0}};
    static const struct {
        uint8_t number, proto;
        unsigned count;
        const struct sel_transform *t;
        bool ok;
        const char *why;
    } cases[] = {
        {2, 1, 4, good, true, ""},
        {1, 1, 3, gcm, true, ""},
        {1, 1, 4, gcm_none, true, ""},
        {1, 1, 4, good, false, "encryption"},
        {3, 1, 4, good, false, "proposal 3"},
        {0, 1, 4, good, false, "proposal 0"},
        {2, 3, 4, good, false, "protocol"},
        {2, 1, 5, two, false, "group: the answer holds more than one"},
        {2, 1, 3, no_dh, false, "group: the answer leaves it out"},
        {2, 1, 4, no_dh_none, false, "group: the answer takes 0"},
        {2, 1, 4, cbc_none, false, "integrity: the answer takes none"},
        {2, 1, 4, other_dh, false, "group: the answer takes 2, which was not offered"},
        {2, 1, 4, shorter, false, "aes-cbc-128"},
        {1, 1, 4, gcm_integ, false, "integrity"},
        {2, 1, 4, unusable, false, "encryption"},
        {2, 1, 5, odd, false, "transform"},
        {2, 1, 0, NULL, false, "leaves it out"},
    };
    struct sel_offers ours;
    CU_ASSERT_FATAL(sel_ike_offers(c, pol(c), &ours));
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sel_offer answer = {cases[i].number, cases[i].proto, cases[i].count, cases[i].t};
        struct sel_ike_choice x;
        char why[SEL_TEXT_MAX] = "";
        bool ok = sel_ike_accept(&ours, &answer, &x, why);
        CU_ASSERT_EQUAL(ok, cases[i].ok);
        if (!strstr(why, cases[i].why))
            printf("\n  case %u: %s\n", i, why);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
        CU_ASSERT_EQUAL(sel_ike_accept(&ours, &answer, &x, NULL), ok);
        CU_ASSERT(ok ? x.number == cases[i].number && x.dh != 0 : x.encr == 0);
    }
    cfg_free(c);
}

static void an_esp_answer_names_its_transform_set(void)
{
    struct cfg *c = esp_config(" set transform-set GCM CBC\n set pfs group14\n");
    struct sel_offers ours;
    struct sel_esp_choice x;
    char why[SEL_TEXT_MAX];
    const struct sel_transform dh[] = {E(CBC, 128), I(SHA256), D(14), S(0)},
                               none[] = {E(CBC, 128), I(SHA256), D(0), S(0)};
    CU_ASSERT_FATAL(sel_esp_offers(c, ip(c), false, &ours));
    struct sel_offer answer = OFFER(2, SEL_PROTO_ESP, cbc128);
    CU_ASSERT_FATAL(sel_esp_accept(c, ip(c), &ours, &answer, &x, why));
    CU_ASSERT(x.transform_set == cfg_find_transform_set(c, "CBC") && x.offer == 1 && !x.esn);
    answer = OFFER(2, SEL_PROTO_ESP, none);
    CU_ASSERT(sel_esp_accept(c, ip(c), &ours, &answer, &x, why) && x.dh == 0);
    answer = OFFER(2, SEL_PROTO_ESP, dh);
    CU_ASSERT_FALSE(sel_esp_accept(c, ip(c), &ours, &answer, &x, why)); /* no group was offered in IKE_AUTH */
    CU_ASSERT_FATAL(sel_esp_offers(c, ip(c), true, &ours));
    CU_ASSERT(sel_esp_accept(c, ip(c), &ours, &answer, &x, why) && x.dh == 14);
    answer = OFFER(2, SEL_PROTO_ESP, cbc128);
    CU_ASSERT_FALSE(sel_esp_accept(c, ip(c), &ours, &answer, &x, why)); /* PFS may not be dropped */
    answer = OFFER(2, SEL_PROTO_ESP, none);
    CU_ASSERT_FALSE(sel_esp_accept(c, ip(c), &ours, &answer, &x, why));
    cfg_free(c);
}

/* Whatever one end offers and the other chooses, the first accepts, and both mean the same. */
static void two_ends_agree(void)
{
    struct cfg *a =
        load("crypto ikev2 proposal PROP\n encryption aes-gcm-128 3des aes-cbc-256 chacha20-poly1305\n prf "
             "sha512 sha256\n integrity sha1 sha256\n group 31 14 2\n" POL);
    struct cfg *b = load("crypto ikev2 proposal PROP\n encryption aes-cbc-256 chacha20-poly1305 "
                         "aes-gcm-128\n prf sha256 sha512\n integrity sha256\n group 2 31\n" POL);
    for (unsigned turn = 0; turn < 2; turn++) {
        struct cfg *i = turn ? a : b, *r = turn ? b : a;
        struct sel_offers ours;
        struct sel_ike_choice theirs, x;
        struct sel_transform t[SEL_ANSWER_MAX];
        CU_ASSERT_FATAL(sel_ike_offers(i, pol(i), &ours));
        CU_ASSERT_FATAL(choose(r, ours.offer, ours.count, &theirs));
        struct sel_offer answer = {theirs.number, SEL_PROTO_IKE, sel_ike_answer(&theirs, t), t};
        CU_ASSERT_FATAL(sel_ike_accept(&ours, &answer, &x, NULL));
        CU_ASSERT(x.encr == theirs.encr && x.key_bits == theirs.key_bits && x.integ == theirs.integ &&
                  x.prf == theirs.prf && x.dh == theirs.dh);
        CU_ASSERT_EQUAL(x.encr, turn ? CBC : GCM);
    }
    cfg_free(a);
    cfg_free(b);
}

UNIT_MAIN("select-proposal", UNIT_TEST(aead_and_other_ciphers_are_offered_apart),
          UNIT_TEST(without_a_prf_line_the_integrity_algorithms_say_it),
          UNIT_TEST(RFC7296_2_7_our_order_decides_and_only_what_policy_allows),
          UNIT_TEST(our_cipher_order_beats_the_order_of_the_peers_proposals),
          UNIT_TEST(proposals_of_a_policy_are_tried_in_order), UNIT_TEST(the_trace_says_what_each_side_has),
          UNIT_TEST(an_aead_goes_with_no_integrity_algorithm),
          UNIT_TEST(unknown_transforms_are_skipped_and_unknown_types_refuse_the_proposal),
          UNIT_TEST(many_proposals_of_a_hostile_peer_are_bounded),
          UNIT_TEST(esp_offers_are_one_per_transform_set),
          UNIT_TEST(esp_without_a_transform_set_line_is_the_default_set),
          UNIT_TEST(esp_choice_follows_the_transform_sets), UNIT_TEST(esn_as_configured),
          UNIT_TEST(pfs_as_configured), UNIT_TEST(RFC7296_2_7_the_answer_must_be_one_of_our_offers),
          UNIT_TEST(an_esp_answer_names_its_transform_set), UNIT_TEST(two_ends_agree))
