/* The rules of selection over IKEv2, one dialogue for each, with the reference configurations where there are some:
 * KR-11, PF-1 .. PF-9, G4, G5, G12, G25, G29, G30, PR-12, PR-13, policies and keyrings. */
#include "tests/dialogue/rules.h"
#include "tests/unit/unit.h"

enum { SETTLE_MS = 1500 };

#define UP_DIALOGUE(i, r)                                                                                    \
    i " IKE_SA_INIT req 0: SA KE Nonce N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "          \
      "N(FRAGMENTATION_SUPPORTED)\n" r                                                                       \
      " IKE_SA_INIT resp 0: SA KE Nonce N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "         \
      "N(FRAGMENTATION_SUPPORTED)\n" i                                                                       \
      " IKE_AUTH req 1: IDi N(INITIAL_CONTACT) AUTH SA TSi TSr N(SET_WINDOW_SIZE)\n" r

/* ---- KR-11: C1 and C2 in IKEv2's words ------------------------------------------------------------------------- */
static char *ring(char *text, const char *name, const char *peer, const char *key)
{
    char lines[256];
    snprintf(lines, sizeof lines,
             "crypto ikev2 keyring %s\n peer P\n  address %s\n  pre-shared-key %s\n  exit\n exit\n", name,
             peer, key);
    return text_add(text, lines);
}

static char *profile(char *text, const char *name, const char *match, const char *keyring)
{
    char lines[512];
    snprintf(lines, sizeof lines,
             "crypto ikev2 profile %s\n match identity remote %s\n authentication remote pre-share\n"
             " authentication local pre-share\n keyring local %s\n",
             name, match, keyring);
    return text_add(text, lines);
}

/* The gateways of C1 and C2; bound: the IKEv2 profile that the tunnel has, "" none. */
static char *gate(char *text, enum wire_end end, const char *bound)
{
    char lines[1024], line[96] = "";
    if (bound[0])
        snprintf(line, sizeof line, " set ikev2-profile %s\n", bound);
    snprintf(lines, sizeof lines,
             "crypto ipsec transform-set TS esp-aes esp-sha256-hmac\n mode tunnel\n"
             "crypto ipsec profile profile1\n set transform-set TS\n%s"
             "interface Ethernet0/0\n ip address 192.168.0.%u 255.255.255.0\n"
             "interface Tunnel1\n ip address 10.0.0.%u 255.255.255.0\n tunnel source Ethernet0/0\n"
             " tunnel destination 192.168.0.%u\n tunnel protection ipsec profile profile1\n",
             line, 1u + end, 1u + end, 2u - end);
    return text_add(text, lines);
}

static char *c1_in_ikev2(void)
{
    char *t = ring(ring(text_of(""), "keyring1", "192.168.0.2", "cisco"), "keyring2", "192.168.0.2", "cisco");
    t = profile(t, "profile1", "address 192.168.0.102 255.255.255.255", "keyring1");
    t = profile(t, "profile2", "address 192.168.0.2 255.255.255.255", "keyring2");
    return gate(t, A, "profile2");
}

static char *c2_in_ikev2(void)
{
    char *t = ring(ring(text_of(""), "keyring1", "192.168.0.1", "cisco"), "keyring2", "192.168.0.1", "cisco");
    t = profile(t, "profile1", "address 192.168.0.1 255.255.255.255", "keyring1");
    t = profile(t, "profile2", "address 192.168.0.100 255.255.255.255", "keyring2");
    return gate(t, B, "profile1");
}

static void KR_11_C1_and_C2_in_IKEv2_words_come_up_from_both_sides(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = gates(1, c1_in_ikev2(), c2_in_ikev2());
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_dialogue(w, end == A ? UP_DIALOGUE("A", "B") " IKE_AUTH resp 1: IDr AUTH SA TSi TSr "
                                                                    "N(SET_WINDOW_SIZE)\n"
                                            : UP_DIALOGUE("B", "A") " IKE_AUTH resp 1: IDr AUTH SA TSi TSr "
                                                                    "N(SET_WINDOW_SIZE)\n"));
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_decided(w, A, "IKE_AUTH", "keyring", "KR-11", "keyring2"));
        CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "keyring", "KR-11", "keyring1"));
        CU_ASSERT(wire_decided(w, A, NULL, "profile", end == A ? "PF-1" : "PF-3", "profile2"));
        CU_ASSERT(wire_decided(w, B, NULL, "profile", end == B ? "PF-1" : "PF-3", "profile1"));
        wire_free(w);
    }
}

static void KR_11_only_the_profiles_own_keyring_is_searched(void)
{
    /* keyring1 has the right key for the peer, and a more specific entry; profile2 names keyring2 */
    char *a = ring(ring(text_of(""), "keyring1", "192.168.0.2", "cisco"), "keyring2",
                   "192.168.0.0 255.255.255.0", "another");
    a = gate(profile(a, "profile2", "address 192.168.0.2 255.255.255.255", "keyring2"), A, "profile2");
    struct wire *w = gates(2, a, c2_in_ikev2());
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "IKE_AUTH", "keyring", "KR-11", "keyring2"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "auth-failed");
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "bad-psk");
    wire_free(w);
}

/* ---- C13, C14 with pre-shared keys ------------------------------------------------------------------------------ */
static const char c13_keys[] =
    "crypto ikev2 keyring KR\n peer R2\n  address 192.168.0.2\n  pre-shared-key cisco\n";
static const char c14_keys[] =
    "crypto ikev2 keyring KR\n peer R1\n  address 192.168.0.1\n  pre-shared-key cisco\n";

static char *with_keys(const char *name, const char *keys)
{
    char *t = text_swap(wire_golden(name, keys), "rsa-sig", "pre-share");
    return text_swap(t, "pki trustpoint TP1", "keyring local KR");
}

static void PF_8_and_PF_9_C13_initiates_and_C14s_last_profile_is_not_the_tunnels(void)
{
    struct wire *w = gates(3, with_keys("C13", c13_keys), with_keys("C14", c14_keys));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, UP_DIALOGUE("A", "B") " IKE_AUTH resp 1: IDr AUTH N(TS_UNACCEPTABLE) "
                                                     "N(SET_WINDOW_SIZE)\n"));
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "profile", "PF-8", "profile3"));
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "policy", "PF-9", ""));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "ts-unacceptable");
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "profile-mismatch");
    CU_ASSERT_EQUAL(wire_sas(w, A), 1); /* RFC 7296 2.21.2: the IKE SA stays */
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
    wire_free(w);
}

static void PF_9_the_other_direction_comes_up(void)
{
    struct wire *w = gates(4, with_keys("C13", c13_keys), with_keys("C14", c14_keys));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "IKE_SA_INIT", "profile", "PF-1", "profile1"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void PF_8_bound_to_the_last_profile_it_comes_up_from_both_sides(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        char *b =
            text_swap(with_keys("C14", c14_keys), "set ikev2-profile profile1", "set ikev2-profile profile3");
        struct wire *w = gates(5, with_keys("C13", c13_keys), b);
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(end == B || wire_decided(w, B, "IKE_AUTH", "profile", "PF-8", "profile3"));
        wire_free(w);
    }
}

/* ---- PF-3, G4, G5: which profile -------------------------------------------------------------------------------- */
struct match_case {
    const char *own;        /* the initiator's identity */
    const char *matches[4]; /* of profiles P0 .. P3, in this order */
    const char *chosen, *rule;
};

/* The tunnel of B is bound to nothing (G12), so that whatever is chosen comes up. */
static void chooses(const struct match_case *x)
{
    char *a = ring(text_of(""), "KR", "0.0.0.0 0.0.0.0", "cisco");
    a = profile(a, "PF", "any", "KR");
    char own[128];
    snprintf(own, sizeof own, " identity local %s\n", x->own);
    a = gate(text_add(a, own), A, "PF");
    char *b = ring(text_of(""), "KR", "0.0.0.0 0.0.0.0", "cisco");
    for (unsigned i = 0; i < 4 && x->matches[i]; i++) {
        char name[4] = {'P', (char)('0' + i), '\0'};
        b = profile(b, name, x->matches[i], "KR");
    }
    struct wire *w = gates(6, a, gate(b, B, ""));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "profile", x->rule, x->chosen));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void PF_3_the_most_specific_profile_in_any_order(void)
{
    chooses(&(struct match_case){
        .own = "address 192.168.0.1",
        .matches = {"address 192.168.0.1 255.255.255.255", "address 192.168.0.0 255.255.255.0", "any"},
        .chosen = "P0",
        .rule = "PF-3"});
    chooses(&(struct match_case){.own = "address 192.168.0.1",
                                 .matches = {"any", "address 192.168.0.0 255.255.255.0",
                                             "address 192.168.0.1 255.255.255.255",
                                             "address 192.0.0.0 255.0.0.0"},
                                 .chosen = "P2",
                                 .rule = "PF-3"});
}

static void G5_exact_before_domain_before_any(void)
{
    chooses(&(struct match_case){.own = "fqdn R1.cisco.com",
                                 .matches = {"fqdn R1.cisco.com", "fqdn domain cisco.com", "any"},
                                 .chosen = "P0",
                                 .rule = "PF-3"});
    chooses(&(struct match_case){.own = "fqdn R3.cisco.com",
                                 .matches = {"fqdn domain cisco.com", "fqdn R1.cisco.com", "any"},
                                 .chosen = "P0",
                                 .rule = "PF-3"});
    chooses(&(struct match_case){.own = "fqdn R3.example.com",
                                 .matches = {"any", "fqdn domain cisco.com", "fqdn R1.cisco.com"},
                                 .chosen = "P0",
                                 .rule = "PF-3"});
    chooses(&(struct match_case){.own = "email r1@cisco.com",
                                 .matches = {"any", "email domain cisco.com", "email r1@cisco.com"},
                                 .chosen = "P2",
                                 .rule = "PF-3"});
    chooses(&(struct match_case){
        .own = "key-id branch7", .matches = {"key-id branch7", "any"}, .chosen = "P0", .rule = "PF-3"});
}

static void G4_of_equal_profiles_the_last_configured(void)
{
    chooses(&(struct match_case){
        .own = "fqdn R1.cisco.com", .matches = {"any", "any", "any"}, .chosen = "P2", .rule = "PF-8"});
    chooses(&(struct match_case){.own = "fqdn R1.cisco.com",
                                 .matches = {"fqdn R1.cisco.com", "fqdn R1.cisco.com", "any", "any"},
                                 .chosen = "P1",
                                 .rule = "PF-8"});
}

static void PF_2_initiator_without_a_binding_takes_the_most_specific(void)
{
    char *a = ring(text_of(""), "KR", "192.168.0.2", "cisco");
    a = profile(a, "narrow", "address 192.168.0.2 255.255.255.255", "KR");
    a = gate(profile(a, "wide", "address 192.168.0.0 255.255.255.0", "KR"), A, "");
    struct wire *w = gates(7, a, c2_in_ikev2());
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "IKE_SA_INIT", "profile", "PF-2", "narrow"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void PF_3_no_profile_for_the_identity_is_refused(void)
{
    char *b = ring(text_of(""), "KR", "192.168.0.1", "cisco");
    b = gate(profile(b, "profile1", "address 192.168.0.77 255.255.255.255", "KR"), B, "profile1");
    struct wire *w = gates(8, c1_in_ikev2(), b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, UP_DIALOGUE("A", "B") " IKE_AUTH resp 1: N(AUTHENTICATION_FAILED)\n"));
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "profile", "PF-3", ""));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-profile");
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "auth-failed");
    wire_free(w);
}

/* ---- bindings ------------------------------------------------------------------------------------------------------ */
static void G12_a_tunnel_without_a_binding_takes_any_profile(void)
{
    char *b = text_swap(c2_in_ikev2(), " set ikev2-profile profile1\n", "");
    struct wire *w = gates(9, c1_in_ikev2(), b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static const char isakmp_too[] =
    "crypto keyring keyring1\n pre-shared-key address 0.0.0.0 0.0.0.0 key other\n"
    "crypto isakmp policy 10\n authentication pre-share\n"
    "crypto isakmp profile old\n keyring keyring1\n"
    " match identity address 0.0.0.0 0.0.0.0\n";

static void G25_ikev2_profile_wins_over_an_isakmp_profile(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        char *a = text_swap(text_add(c1_in_ikev2(), isakmp_too), " set ikev2-profile profile2\n",
                            " set ikev2-profile profile2\n set isakmp-profile old\n");
        struct wire *w = gates(10, a, c2_in_ikev2());
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_FALSE(wire_saw(w, "MM1"));
        CU_ASSERT_EQUAL(wire_count(w, "IKE_SA_INIT req"), 1);
        wire_free(w);
    }
}

/* ---- identities ----------------------------------------------------------------------------------------------------- */
static void G29_without_identity_local_a_PSK_profile_sends_its_address(void)
{
    static const uint8_t expected[4] = {192, 168, 0, 1};
    struct wire *w = gates(11, c1_in_ikev2(), c2_in_ikev2());
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    const struct ike_sa *sa = wire_sa(w, B);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
    CU_ASSERT_EQUAL(sa->peer_id_type, PLD_ID_IPV4);
    CU_ASSERT_EQUAL_FATAL(sa->peer_id_len, sizeof expected);
    CU_ASSERT_EQUAL(memcmp(sa->peer_id, expected, sizeof expected), 0);
    wire_free(w);
}

static void G30_the_responders_identity_must_match_the_bound_profile_not_another(void)
{
    /* B calls itself 192.168.0.102: profile1 of A matches that, but the tunnel is bound to profile2 */
    char *b = text_swap(c2_in_ikev2(), "crypto ikev2 profile profile1\n",
                        "crypto ikev2 profile profile1\n identity local address 192.168.0.102\n");
    struct wire *w = gates(12, c1_in_ikev2(), b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "id-mismatch");
    CU_ASSERT(wire_saw(w, "A INFORMATIONAL req 2: N(AUTHENTICATION_FAILED)\n"));
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_free(w);
}

/* ---- section 4.4: policies ------------------------------------------------------------------------------------------ */
static const char three_policies[] =
    "crypto ikev2 proposal G14\n encryption aes-cbc-128\n integrity sha256\n group 14\n"
    "crypto ikev2 proposal G19\n encryption aes-cbc-128\n integrity sha256\n group 19\n"
    "crypto ikev2 proposal G20\n encryption aes-cbc-128\n integrity sha256\n group 20\n"
    "crypto ikev2 policy everywhere\n match fvrf any\n proposal G14\n"
    "crypto ikev2 policy here\n match address local 192.168.0.2\n proposal G19\n"
    "crypto ikev2 policy elsewhere\n match address local 192.168.7.7\n proposal G20\n";
static const char all_groups[] =
    "crypto ikev2 proposal ALL\n encryption aes-cbc-128\n integrity sha256\n group 20 14 19\n"
    "crypto ikev2 policy P\n proposal ALL\n";

static void policy_of_the_local_address_before_the_one_for_any(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w =
            gates(13, text_add(c1_in_ikev2(), all_groups), text_add(c2_in_ikev2(), three_policies));
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT(wire_decided(w, B, "IKE_SA_INIT", "policy", NULL, "here"));
        CU_ASSERT_EQUAL(wire_sa(w, B)->keys.suite.dh, 19);
        wire_free(w);
    }
}

static void profile_of_another_local_address_is_not_used(void)
{
    for (unsigned right = 0; right < 2; right++) {
        char *b = text_swap(c2_in_ikev2(), "crypto ikev2 profile profile1\n",
                            right ? "crypto ikev2 profile profile1\n match address local 192.168.0.2\n"
                                  : "crypto ikev2 profile profile1\n match address local 192.168.0.9\n");
        struct wire *w = gates(16, c1_in_ikev2(), b);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "profile", "PF-3", right ? "profile1" : ""));
        CU_ASSERT_EQUAL(wire_status(w, B) == IKE_UP_ACTIVE, right);
        wire_free(w);
    }
}

/* ---- keyring blocks ---------------------------------------------------------------------------------------------------- */
static char *with_blocks(const char *blocks)
{
    char *b = text_of("crypto ikev2 keyring KR\n");
    b = text_add(b, blocks);
    return gate(profile(b, "profile1", "any", "KR"), B, "profile1");
}

static void keyring_the_longest_mask_of_its_peer_blocks(void)
{
    struct wire *w =
        gates(17, c1_in_ikev2(),
              with_blocks(" peer wide\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key wrong1\n"
                          " peer host\n  address 192.168.0.1\n  pre-shared-key cisco\n"
                          " peer net\n  address 192.168.0.0 255.255.255.0\n  pre-shared-key wrong2\n"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_PTR_NOT_NULL_FATAL(wire_sa(w, B));
    CU_ASSERT_STRING_EQUAL(wire_sa(w, B)->peer_tag, "host");
    wire_free(w);
}

static void keyring_as_responder_identity_before_address(void)
{
    char *a = text_swap(c1_in_ikev2(), "crypto ikev2 profile profile2\n",
                        "crypto ikev2 profile profile2\n identity local fqdn R1.cisco.com\n");
    struct wire *w =
        gates(18, a,
              with_blocks(" peer host\n  address 192.168.0.1\n  pre-shared-key wrong\n"
                          " peer named\n  identity fqdn R1.cisco.com\n  pre-shared-key cisco\n"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_PTR_NOT_NULL_FATAL(wire_sa(w, B));
    CU_ASSERT_STRING_EQUAL(wire_sa(w, B)->peer_tag, "named");
    wire_free(w);
}

static void keyring_no_block_for_the_peer_is_no_psk(void)
{
    struct wire *w = gates(19, c1_in_ikev2(),
                           with_blocks(" peer other\n  address 192.168.0.77\n  pre-shared-key cisco\n"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "keyring", "KR-11", ""));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-psk");
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "auth-failed");
    wire_free(w);
}

/* ---- PR-12, PR-13: selectors -------------------------------------------------------------------------------------------- */
static void PR_13_GRE_tunnel_protection_is_host_to_host_protocol_47(void)
{
    struct wire *w = gates(20, c1_in_ikev2(), c2_in_ikev2());
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    const struct sam_child *c = wire_child(w, A);
    char text[TS_TEXT_MAX];
    CU_ASSERT_EQUAL(c->ts_count, 1);
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_local[0], text), "192.168.0.1/32[47/*]");
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_remote[0], text), "192.168.0.2/32[47/*]");
    /* nothing but GRE between the two */
    struct mock_packet udp = {.src = w->side[A].address, .dst = w->side[B].address, .proto = 17};
    CU_ASSERT_FALSE(wire_pass(w, A, &udp));
    CU_ASSERT(wire_packet(w, A));
    CU_ASSERT_FALSE(c->transport);
    wire_free(w);
}

static void RFC7296_1_3_1_transport_mode_where_both_want_it(void)
{
    for (unsigned both = 0; both < 2; both++) {
        char *a = text_swap(c1_in_ikev2(), " mode tunnel\n", " mode transport\n");
        char *b = c2_in_ikev2();
        if (both)
            b = text_swap(b, " mode tunnel\n", " mode transport\n");
        struct wire *w = gates(21, a, b);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT(wire_saw(w, "N(USE_TRANSPORT_MODE)"));
        CU_ASSERT_EQUAL(wire_child(w, A)->transport, both);
        CU_ASSERT_EQUAL(wire_child(w, B)->transport, both);
        CU_ASSERT_EQUAL(mock_dp_sending(w->side[A].dp, 1)->sa.mode,
                        both ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL);
        CU_ASSERT_EQUAL(wire_count(w, "N(USE_TRANSPORT_MODE)"), both ? 2 : 1);
        wire_free(w);
    }
}

/* A behind a NAT; B knows it by the address outside, and both want GRE in transport mode unless told otherwise. */
static struct wire *through_a_NAT(uint64_t seed, const char *mode_a, const char *mode_b)
{
    char *a = text_swap(c1_in_ikev2(), " mode tunnel\n", mode_a),
         *b = text_swap(c2_in_ikev2(), " mode tunnel\n", mode_b);
    struct wire *w = gates(
        seed, a, text_swap(b, " tunnel destination 192.168.0.1\n", " tunnel destination 192.168.0.77\n"));
    CU_ASSERT_FATAL(ip_addr_parse("192.168.0.77", &w->nat));
    w->nat_port = 20000;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    return w;
}

static void selectors_are(struct wire *w, enum wire_end end, const char *local, const char *remote)
{
    const struct sam_child *c = wire_child(w, end);
    char text[TS_TEXT_MAX];
    CU_ASSERT_EQUAL(c->ts_count, 1);
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_local[0], text), local);
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_remote[0], text), remote);
}

/* Each end has the addresses in its SAs that its packets have, whoever asks. */
static void RFC7296_2_23_1_transport_mode_through_a_NAT(void)
{
    static const char *const modes[] = {" mode transport\n", " mode transport require\n"};
    for (unsigned i = 0; i < 2; i++)
        for (enum wire_end by = A; by <= B; by++) {
            char err[SEL_TEXT_MAX];
            struct wire *w = through_a_NAT(22, modes[i], modes[i]);
            CU_ASSERT_FATAL(wire_both_up(w));
            CU_ASSERT_EQUAL(wire_count(w, "N(USE_TRANSPORT_MODE)"), 2);
            const uint32_t before = wire_child(w, A)->in.spi;
            CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
            CU_ASSERT_EQUAL(ike_rekey(w->side[by].ike, "Tunnel1", false, err, sizeof err), IKE_CMD_STARTED);
            wire_run(w, SETTLE_MS);
            CU_ASSERT_EQUAL(wire_count(w, "N(USE_TRANSPORT_MODE)"), 4);
            CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
            for (enum wire_end end = A; end <= B; end++) {
                CU_ASSERT(wire_child(w, end)->transport && wire_child(w, end)->natt);
                CU_ASSERT_STRING_EQUAL(w->side[end].dp->violation, "");
            }
            selectors_are(w, A, "192.168.0.1/32[47/*]", "192.168.0.2/32[47/*]");
            selectors_are(w, B, "192.168.0.2/32[47/*]", "192.168.0.77/32[47/*]");
            CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
            wire_free(w);
        }
}

static void a_new_address_of_the_NAT_ends_what_is_in_transport_mode(void)
{
    char err[SEL_TEXT_MAX];
    for (unsigned address = 0; address < 2; address++) {
        struct wire *w = through_a_NAT(25, " mode transport\n", " mode transport\n");
        CU_ASSERT_FATAL(wire_both_up(w));
        w->nat_port = 21000;
        if (address)
            CU_ASSERT(ip_addr_parse("192.168.0.78", &w->nat));
        wire_trace_clear(w);
        CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, "Tunnel1", true, err, sizeof err), IKE_CMD_STARTED);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_count(w, "D(ESP:1)"), address ? 2 : 0);
        CU_ASSERT_EQUAL(wire_packet(w, A) && wire_packet(w, B), !address);
        if (!address)
            CU_ASSERT_EQUAL(wire_child(w, B)->remote.port, 21001);
        CU_ASSERT_STRING_EQUAL(w->side[B].dp->violation, "");
        wire_free(w);
    }
}

/* The responder's set is one of tunnel mode: the selectors are what was sent, and those name an address that its policy does not know. */
static void RFC7296_2_23_1_without_transport_mode_the_addresses_are_those_that_were_sent(void)
{
    struct wire *w = through_a_NAT(23, " mode transport\n", " mode tunnel\n");
    CU_ASSERT(wire_saw(w, "B IKE_AUTH resp 1: IDr AUTH N(TS_UNACCEPTABLE)"));
    CU_ASSERT_PTR_NULL(wire_child(w, B));
    wire_free(w);

    char *a = text_swap(c1_in_ikev2(), " mode tunnel\n", " mode transport\n");
    w = gates(24, a, c2_in_ikev2());
    w->nat = w->side[A].address; /* the port alone is changed: what was sent fits */
    w->nat_port = 20000;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_count(w, "N(USE_TRANSPORT_MODE)"), 1);
    CU_ASSERT_FALSE(wire_child(w, A)->transport || wire_child(w, B)->transport);
    CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
    wire_free(w);
}

/* ---- several peers behind one NAT, where the tunnel names its peer ------------------------------------------------------ */
/* B names a peer that calls itself by a name; the keys are of those names. */
static char *knows_two(void)
{
    char *b = with_blocks(" peer ONE\n  identity fqdn one.example\n  pre-shared-key first\n"
                          " peer TWO\n  identity fqdn two.example\n  pre-shared-key second\n");
    return text_swap(b, " set ikev2-profile profile1\n", "");
}

static char *calls_itself(const char *name, const char *key)
{
    char own[128], psk[64];
    snprintf(own, sizeof own, "crypto ikev2 profile profile2\n identity local fqdn %s\n", name);
    snprintf(psk, sizeof psk, "pre-shared-key %s\n", key);
    return text_swap(text_swap(c1_in_ikev2(), "crypto ikev2 profile profile2\n", own),
                     "pre-shared-key cisco\n", psk);
}

/* The NAT has but this one address; port 0: A calls from that address itself. */
static void calls(struct wire *w, char *text, uint16_t port)
{
    wire_restart(w, A, true);
    wire_reload(w, A, text);
    free(text);
    w->nat.family = IP_NONE;
    if (port)
        w->nat = w->side[A].address;
    w->nat_port = port;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
}

/* Who has another name takes nothing away through a NAT, nor past it: what it says of addresses is its own word (RFC 7296 2.23). */
static void behind_a_NAT_another_name_does_not_take_a_named_tunnel_over(void)
{
    for (unsigned first = 0; first < 2; first++)
        for (unsigned second = 0; second < 2; second++) {
            struct wire *w = gates(26, calls_itself("one.example", "first"), knows_two());
            calls(w, calls_itself("one.example", "first"), first ? 20000 : 0);
            CU_ASSERT_FATAL(wire_both_up(w));
            const uint32_t spi = wire_child(w, B)->out.spi;
            calls(w, calls_itself("two.example", "second"), second ? 21000 : 0);
            CU_ASSERT_EQUAL(wire_status(w, A) == IKE_UP_ACTIVE, !first && !second);
            if (first || second) {
                CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "ts-unacceptable");
                CU_ASSERT_EQUAL(wire_child(w, B)->out.spi, spi);
            }
            wire_free(w);
        }
}

/* A rebooted peer for whom there is a profile of its own by now. */
static void behind_a_NAT_the_same_name_takes_its_tunnel_over(void)
{
    struct wire *w = gates(27, calls_itself("one.example", "first"), knows_two());
    calls(w, calls_itself("one.example", "first"), 20000);
    CU_ASSERT_FATAL(wire_both_up(w));
    char *b = profile(knows_two(), "own", "fqdn one.example", "KR");
    wire_reload(w, B, b);
    free(b);
    CU_ASSERT_EQUAL(wire_children(w, B), 1);
    calls(w, calls_itself("one.example", "first"), 21000);
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "profile", "PF-3", "own"));
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

/* 10.1.0.0/16 behind A, 10.2.0.0/16 behind B, by a crypto map. */
static char *map_gate(char *text, enum wire_end end, const char *bound, const char *peers)
{
    char lines[1024];
    snprintf(lines, sizeof lines,
             "ip access-list extended L\n permit ip 10.%u.0.0 0.0.255.255 10.%u.0.0 0.0.255.255\n"
             "crypto ipsec transform-set TS esp-aes esp-sha256-hmac\n mode tunnel\n"
             "crypto map M 10 ipsec-isakmp\n match address L\n%s set transform-set TS\n"
             " set ikev2-profile %s\n"
             "interface Ethernet0/0\n ip address 192.168.0.%u 255.255.255.0\n crypto map M\n",
             1u + end, 2u - end, peers, bound, 1u + end);
    return text_add(text, lines);
}

static char *spoke(const char *name, const char *key)
{
    char own[64];
    snprintf(own, sizeof own, " identity local fqdn %s\n", name);
    char *a = profile(ring(text_of(""), "KR", "192.168.0.2", key), "PF", "any", "KR");
    return map_gate(text_add(a, own), A, "PF", " set peer 192.168.0.2\n");
}

static void another_peer_of_the_entry_takes_it_over_through_its_own_NAT(void)
{
    char *b =
        text_of("crypto ikev2 keyring KR\n peer ONE\n  identity fqdn one.example\n  pre-shared-key first\n"
                " peer TWO\n  identity fqdn two.example\n  pre-shared-key second\n");
    b = map_gate(profile(b, "PF", "any", "KR"), B, "PF", " set peer 192.168.0.1\n set peer 192.168.0.77\n");
    struct wire *w = gates(28, spoke("one.example", "first"), b);
    calls(w, spoke("one.example", "first"), 20000);
    CU_ASSERT_FATAL(wire_both_up(w));
    calls(w, spoke("two.example", "second"), 0);
    CU_ASSERT_NOT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    wire_restart(w, A, true);
    CU_ASSERT(ip_addr_parse("192.168.0.77", &w->nat));
    w->nat_port = 20000;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

UNIT_MAIN("rules-v2", UNIT_TEST(KR_11_C1_and_C2_in_IKEv2_words_come_up_from_both_sides),
          UNIT_TEST(KR_11_only_the_profiles_own_keyring_is_searched),
          UNIT_TEST(PF_8_and_PF_9_C13_initiates_and_C14s_last_profile_is_not_the_tunnels),
          UNIT_TEST(PF_9_the_other_direction_comes_up),
          UNIT_TEST(PF_8_bound_to_the_last_profile_it_comes_up_from_both_sides),
          UNIT_TEST(PF_3_the_most_specific_profile_in_any_order),
          UNIT_TEST(G5_exact_before_domain_before_any), UNIT_TEST(G4_of_equal_profiles_the_last_configured),
          UNIT_TEST(PF_2_initiator_without_a_binding_takes_the_most_specific),
          UNIT_TEST(PF_3_no_profile_for_the_identity_is_refused),
          UNIT_TEST(G12_a_tunnel_without_a_binding_takes_any_profile),
          UNIT_TEST(G25_ikev2_profile_wins_over_an_isakmp_profile),
          UNIT_TEST(G29_without_identity_local_a_PSK_profile_sends_its_address),
          UNIT_TEST(G30_the_responders_identity_must_match_the_bound_profile_not_another),
          UNIT_TEST(policy_of_the_local_address_before_the_one_for_any),
          UNIT_TEST(profile_of_another_local_address_is_not_used),
          UNIT_TEST(keyring_the_longest_mask_of_its_peer_blocks),
          UNIT_TEST(keyring_as_responder_identity_before_address),
          UNIT_TEST(keyring_no_block_for_the_peer_is_no_psk),
          UNIT_TEST(PR_13_GRE_tunnel_protection_is_host_to_host_protocol_47),
          UNIT_TEST(RFC7296_1_3_1_transport_mode_where_both_want_it),
          UNIT_TEST(RFC7296_2_23_1_transport_mode_through_a_NAT),
          UNIT_TEST(a_new_address_of_the_NAT_ends_what_is_in_transport_mode),
          UNIT_TEST(RFC7296_2_23_1_without_transport_mode_the_addresses_are_those_that_were_sent),
          UNIT_TEST(behind_a_NAT_another_name_does_not_take_a_named_tunnel_over),
          UNIT_TEST(behind_a_NAT_the_same_name_takes_its_tunnel_over),
          UNIT_TEST(another_peer_of_the_entry_takes_it_over_through_its_own_NAT))
