/* The rules of selection over IKEv1, one dialogue for each, with the reference configurations as printed: KR-1 .. KR-12: which key. */
#include "tests/dialogue/rules_v1.h"
#include "tests/unit/unit.h"

/* ---- C1 and C2 ---------------------------------------------------------------------------------------------------- */
static void KR_7_C1_initiates_to_C2_and_is_up(void)
{
    struct wire *w = gates(1, wire_golden("C1", NULL), wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, MAIN_MODE("A", "B") QUICK_MODE("A", "B")));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_decided(w, B, "MM1", "keyring", "KR-6", "keyring1"));
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-3", "profile1"));
    CU_ASSERT(wire_decided(w, B, "MM5", "keyring", "KR-7", "keyring1"));
    CU_ASSERT(wire_event(w, B, "peer matches profile1 profile"));
    CU_ASSERT(wire_event(w, B, "Found ADDRESS key in keyring keyring1"));
    CU_ASSERT(wire_event(w, B, "processing HASH payload"));
    CU_ASSERT(wire_event(w, B, "SA authentication status: authenticated"));
    CU_ASSERT(wire_event(w, B, "SA has been authenticated with 192.168.0.1"));
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NONE);
    CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_NONE);
    wire_free(w);
}

static void KR_7_C2_initiates_and_C1_stops_at_MM5_though_the_passwords_are_equal(void)
{
    struct wire *w = gates(2, wire_golden("C1", NULL), wire_golden("C2", NULL));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, TO_MM5("B", "A"))); /* no MM6, no notify */
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-6", "keyring1"));
    CU_ASSERT(wire_decided(w, A, "MM5", "profile", "PF-3", "profile2"));
    CU_ASSERT(wire_decided(w, A, "MM5", "keyring", "KR-7", ""));
    CU_ASSERT(wire_event(w, A, "peer matches profile2 profile"));
    CU_ASSERT(wire_event(w, A, "Found ADDRESS key in keyring keyring2"));
    CU_ASSERT(wire_event(w, A, "Key not found in keyrings of profile "));
    CU_ASSERT(wire_event(w, A, "aborting exchange"));
    CU_ASSERT(wire_event(w, A, "FSM action returned error: 2"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "keyring-mismatch");
    CU_ASSERT_NOT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    nothing_installed(w);
    wire_free(w);
}

static void G13_after_KR_7_nothing_is_sent_but_MM4_again_to_the_same_MM5(void)
{
    struct wire *w = gates(3, wire_golden("C1", NULL), wire_golden("C2", NULL));
    wire_up(w, B);
    wire_run(w, 49900);
    CU_ASSERT(
        wire_dialogue(w, TO_MM5("B", "A") "B MM5 (again):\nA MM4 (again):\nB MM5 (again):\nA MM4 (again):\n"
                                          "B MM5 (again):\nA MM4 (again):\nB MM5 (again):\n"
                                          "A MM4 (again):\n"));
    CU_ASSERT_EQUAL(wire_decisions(w, A, "MM5", "profile", NULL, NULL), 1); /* decided once, not per copy */
    wire_run(w, 10200);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "timeout");
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    w->side[B].muted = true; /* no more attempts: the responder's own timeout ends its half */
    wire_run(w, 120000);
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "keyring-mismatch");
    wire_free(w);
}

/* ---- KR-1 .. KR-4 ------------------------------------------------------------------------------------------------- */
static bool stop_encrypted(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    (void)ctx;
    return p->len < PLD_HEADER_LEN || !(p->data[19] & PLD1_FLAG_ENCRYPTION);
}

static void KR_1_the_key_is_chosen_before_MM5_the_profile_after(void)
{
    struct wire *w = gates(4, wire_golden("C1", NULL), wire_golden("C2", NULL));
    w->filter = stop_encrypted;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "A MM5: "));
    CU_ASSERT(wire_decided(w, B, NULL, "keyring", "KR-6", "keyring1"));
    CU_ASSERT_EQUAL(wire_decisions(w, B, NULL, "profile", NULL, NULL), 0);
    w->filter = NULL;
    wire_run(w, 11000); /* MM5 again */
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-3", "profile1"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void KR_2_initiator_with_a_profile_searches_its_keyring_alone(void)
{
    /* keyring1 and the global key fit as well; neither order nor KR-9 matters here */
    char *a = wire_golden("C1", "crypto isakmp key other address 192.168.0.2\n");
    struct wire *w = gates(5, a, wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "profile", "PF-1", "profile2"));
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-2", "keyring2"));
    CU_ASSERT(wire_event(w, A, "SA request profile is profile2"));
    CU_ASSERT(wire_event(w, A, "Found ADDRESS key in keyring keyring2"));
    CU_ASSERT(wire_event(w, A, "local preshared key found"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static const char c3_rest[] =
    "crypto isakmp policy 10\n encr 3des\n hash md5\n authentication pre-share\n group 2\n"
    "interface Ethernet0/0\n ip address 192.168.0.1 255.255.255.0\n";

static void KR_3_initiator_without_a_profile_takes_the_longest_mask_of_all_C3(void)
{
    struct wire *w = gates(6, wire_golden("C3", c3_rest), wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-3", "keyring2"));
    CU_ASSERT(wire_event(w, A, "key for 192.168.0.2 not available in default"));
    CU_ASSERT(wire_event(w, A, "key for 192.168.0.2 found in keyring1"));
    CU_ASSERT(wire_event(w, A, "key for 192.168.0.2 found in keyring2"));
    CU_ASSERT(wire_event(w, A, "as final key"));
    CU_ASSERT(wire_event(w, A, "found peer pre-shared key matching 192.168.0.2"));
    CU_ASSERT(wire_event(w, A, "peer matches *none* of the profiles"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void KR_4_initiator_verifies_no_keyring_at_MM6(void)
{
    struct wire *w = gates(7, wire_golden("C1", NULL), wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_decisions(w, A, "MM6", "keyring", NULL, NULL), 0);
    CU_ASSERT_EQUAL(wire_decisions(w, A, NULL, "keyring", "KR-7", NULL), 0);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- KR-5, KR-6, G1 ------------------------------------------------------------------------------------------------ */
/* R1 as responder: a fragment of keys and what it takes beside, without profiles. */
static char *responder(const char *fragment)
{
    char *t = wire_golden(fragment, transport_set);
    return gate1(text_add(t, policy_10), A, "");
}

/* R2 with one global key for R1. */
static char *caller(const char *key)
{
    char line[128];
    snprintf(line, sizeof line, "crypto isakmp key %s address 192.168.0.1\n", key);
    return gate1(text_add(text_add(text_of(line), transport_set), policy_10), B, "");
}

static void KR_5_responder_takes_the_longest_mask_in_either_order_C4(void)
{
    for (unsigned swapped = 0; swapped < 2; swapped++) {
        char *a = responder("C4");
        if (swapped) { /* the same two, the other way round */
            a = text_swap(
                a, "crypto keyring keyring1\n pre-shared-key address 192.168.0.0 255.255.0.0 key cisco\n",
                "");
            a = text_add(a, "crypto keyring keyring1\n"
                            " pre-shared-key address 192.168.0.0 255.255.0.0 key cisco\n");
        }
        struct wire *w = gates(8, a, caller("cisco2"));
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-5", "keyring2"));
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void G1_either_mask_of_keyring1_gives_the_same(void)
{
    char *a = text_swap(responder("C4"), "255.255.0.0", "255.255.255.0");
    struct wire *w = gates(9, a, caller("cisco2"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-5", "keyring2"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void KR_5_and_G9_host_name_keys_are_not_looked_at_in_Main_Mode(void)
{
    char *a = text_add(responder("C4"), "crypto isakmp key wrong hostname R2.cisco.com\n");
    char *b = text_add(caller("cisco2"),
                       "hostname R2\nip domain name cisco.com\ncrypto isakmp identity hostname\n");
    struct wire *w = gates(10, a, b);
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-5", "keyring2"));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sa(w, A)->peer_id_type, PLD1_ID_FQDN);
    wire_free(w);
}

static void G31_only_a_host_name_key_is_no_key_in_Main_Mode(void)
{
    char *a =
        gate1(text_add(text_add(text_of("crypto isakmp key cisco hostname R2.cisco.com\n"), transport_set),
                       policy_10),
              A, "");
    struct wire *w = gates(11, a, caller("cisco"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, "B MM1: SA VID\nA INFO: N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-psk");
    wire_free(w);
}

static void KR_6_equal_masks_the_first_keyring_C5(void)
{
    char *a = text_swap(responder("C5"), "keyring2\n pre-shared-key address 192.168.0.2 key cisco",
                        "keyring2\n pre-shared-key address 192.168.0.2 key cisco2");
    struct wire *w = gates(12, a, caller("cisco"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-6", "keyring1"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void KR_7_equal_passwords_in_another_keyring_do_not_help_C5(void)
{
    /* C5 as printed: both have "cisco"; the profile names keyring2, the first one was used */
    char *a = text_add(responder("C5"), "crypto isakmp profile P\n keyring keyring2\n"
                                        " match identity address 192.168.0.2 255.255.255.255\n");
    struct wire *w = gates(13, a, caller("cisco"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, TO_MM5("B", "A")));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "keyring-mismatch");
    wire_free(w);
}

/* ---- KR-8 .. KR-10 ------------------------------------------------------------------------------------------------- */
static void KR_8_different_keys_make_MM5_garbage(void)
{
    for (uint64_t seed = 0; seed < 20; seed++) { /* what the garbage looks like differs */
        char *b = text_swap(wire_golden("C2", NULL), "key cisco", "key other");
        struct wire *w = gates(seed, wire_golden("C1", NULL), b);
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_dialogue(w, TO_MM5("B", "A"))); /* dropped: nothing is answered */
        CU_ASSERT(wire_event(w, A,
                             "%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from 192.168.0.2 failed its sanity "
                             "check or is malformed"));
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "bad-psk");
        CU_ASSERT_EQUAL(wire_decisions(w, A, "MM5", NULL, NULL, NULL), 0); /* KR-7 is never reached */
        nothing_installed(w);
        wire_free(w);
    }
}

static void KR_8_the_initiator_only_times_out(void)
{
    char *b = text_swap(wire_golden("C2", NULL), "key cisco", "key other");
    struct wire *w = gates(14, wire_golden("C1", NULL), b);
    wire_up(w, B);
    wire_run(w, 60300);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "timeout");
    CU_ASSERT_EQUAL(wire_count(w, "B MM5 (again)"), 5);
    CU_ASSERT_EQUAL(wire_count(w, "A MM4 (again)"),
                    5); /* for each copy (G13); its timer has stopped: MM4 has arrived */
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_free(w);
}

static void KR_8_both_directions_fail_and_say_so(void)
{
    char *b = text_swap(wire_golden("C2", NULL), "key cisco", "key other");
    struct wire *w = gates(15, wire_golden("C1", NULL), b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, TO_MM5("A", "B")));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "bad-psk");
    wire_free(w);
}

static void KR_9_the_keyring_default_comes_first_whatever_its_mask_C6(void)
{
    struct wire *w = gates(16, responder("C6"), caller("cisco3"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-9", "default"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void KR_9_and_G8_a_profile_with_a_keyring_then_fails(void)
{
    /* even with equal passwords: the cached key is of default */
    char *a = text_add(text_swap(responder("C6"), "key cisco2", "key cisco3"),
                       "crypto isakmp profile P\n keyring keyring2\n"
                       " match identity address 192.168.0.2 255.255.255.255\n");
    struct wire *w = gates(17, a, caller("cisco3"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, TO_MM5("B", "A")));
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-9", "default"));
    CU_ASSERT(wire_decided(w, A, "MM5", "keyring", "KR-7", ""));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "keyring-mismatch");
    wire_free(w);
}

static void KR_10_a_key_without_a_mask(void)
{
    static const struct {
        const char *line;
        bool fits;
    } keys[] = {{"crypto isakmp key cisco address 0.0.0.0\n", true}, /* every peer */
                {"crypto isakmp key cisco address 192.168.0.2\n", true},
                {"crypto isakmp key cisco address 192.168.0.0\n", false}}; /* one host */
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *a = gate1(text_add(text_add(text_of(keys[i].line), transport_set), policy_10), A, "");
        struct wire *w = gates(18, a, caller("cisco"));
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_status(w, A) == IKE_UP_ACTIVE, keys[i].fits);
        CU_ASSERT_EQUAL(wire_saw(w, "N(NO_PROPOSAL_CHOSEN)"), !keys[i].fits);
        wire_free(w);
    }
}

/* ---- KR-12, G2 ----------------------------------------------------------------------------------------------------- */
static void KR_12_without_a_key_for_the_peer_no_pre_share_transform_is_taken(void)
{
    char *a = text_swap(wire_golden("C1", NULL), "pre-shared-key address 192.168.0.2",
                        "pre-shared-key address 192.168.0.77");
    struct wire *w = gates(19, a, wire_golden("C2", NULL));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, "B MM1: SA VID\nA INFO: N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-psk");
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1); /* anybody could have sent that: it goes on trying */
    wire_free(w);
}

static void KR_12_an_initiator_without_a_key_sends_nothing(void)
{
    char *a = text_swap(wire_golden("C1", NULL), "keyring2\n pre-shared-key address 192.168.0.2",
                        "keyring2\n pre-shared-key address 192.168.0.77");
    struct wire *w = gates(20, a, wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, ""));
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-2", ""));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-psk");
    wire_free(w);
}

static void KR_12_the_key_is_looked_up_before_the_policies(void)
{
    struct wire *w = gates(21, wire_golden("C1", NULL), wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    for (enum wire_end end = A; end <= B; end++) {
        const char *key = strstr(w->events[end], "local preshared key found");
        const char *policy = strstr(w->events[end], "Checking ISAKMP transform 1 against priority 10 policy");
        CU_ASSERT(key && policy && key < policy);
    }
    wire_free(w);
}

static void G2_the_key_of_MM1_holds_though_the_configuration_changes_before_MM3(void)
{
    struct wire *w = gates(22, responder("C4"), caller("cisco2"));
    w->latency_ms = 500;
    wire_up(w, B);
    wire_run(w, 1200); /* MM2 has arrived, MM3 is on its way */
    CU_ASSERT(wire_dialogue(w, "B MM1: SA VID\nA MM2: SA VID\nB MM3: KE NONCE NAT-D NAT-D\n"));
    char *changed = text_swap(responder("C4"), "key cisco2", "key cisco7");
    wire_reload(w, A, changed);
    free(changed);
    wire_run(w, 8000);
    CU_ASSERT_EQUAL(wire_decisions(w, A, NULL, "keyring", "KR-5", NULL), 1);
    CU_ASSERT(wire_both_up(w));
    /* but not for long: that key is not there any more */
    wire_run(w, 65000);
    CU_ASSERT(wire_event(w, A, "the key is not in keyring keyring2 any more"));
    CU_ASSERT_NOT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    wire_free(w);
}

/* ---- G7, G10 ---------------------------------------------------------------------------------------------------------- */
static void G7_a_profile_of_several_keyrings_accepts_the_key_of_any(void)
{
    for (unsigned second = 0; second < 2; second++) {
        char *a = text_add(responder("C4"), second ? "crypto isakmp profile P\n keyring keyring1\n"
                                                     " keyring keyring2\n"
                                                     " match identity address 192.168.0.2\n"
                                                   : "crypto isakmp profile P\n keyring keyring1\n"
                                                     " match identity address 192.168.0.2\n");
        struct wire *w = gates(23, a, caller("cisco2"));
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, A, "MM5", "keyring", "KR-7", second ? "keyring2" : ""));
        CU_ASSERT_EQUAL(wire_status(w, A) == IKE_UP_ACTIVE, second);
        wire_free(w);
    }
}

static void G7_initiator_with_several_keyrings_takes_the_longest_mask(void)
{
    char *a =
        text_swap(wire_golden("C4", transport_set), "address 192.168.0.2 key", "address 192.168.0.2 key");
    a = gate1(text_add(text_add(a, policy_10),
                       "crypto isakmp profile P\n keyring keyring1\n keyring keyring2\n"
                       " match identity address 192.168.0.2\n"),
              A, "P");
    struct wire *w = gates(24, a, caller("cisco2"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-2", "keyring2"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void G7_a_profile_without_keyrings_has_the_default_one(void)
{
    for (unsigned global = 0; global < 2; global++) {
        char *a = text_add(responder(global ? "C6" : "C4"),
                           "crypto isakmp profile P\n match identity address 192.168.0.2\n");
        struct wire *w = gates(25, a, caller(global ? "cisco3" : "cisco2"));
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, A, "MM5", "keyring", "KR-7", global ? "default" : ""));
        CU_ASSERT_EQUAL(wire_status(w, A) == IKE_UP_ACTIVE, global);
        wire_free(w);
    }
}

static void G10_local_address_filters_before_the_mask_decides(void)
{
    static const struct {
        const char *local, *chosen, *key;
    } cases[] = {{"192.168.0.1", "keyring2", "cisco2"}, /* of this address: its /32 wins */
                 {"192.168.0.9", "keyring1", "cisco"},  /* of another: not looked at */
                 {"Ethernet0/0", "keyring2", "cisco2"}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[96];
        snprintf(line, sizeof line, "crypto keyring keyring2\n local-address %s\n", cases[i].local);
        struct wire *w =
            gates(26, text_swap(responder("C4"), "crypto keyring keyring2\n", line), caller(cases[i].key));
        wire_up(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, A, "MM1", "keyring", "KR-5", cases[i].chosen));
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void G31_behind_a_NAT_the_key_is_looked_up_by_the_NATs_address(void)
{
    for (unsigned any = 0; any < 2; any++) {
        struct wire_conf a = {.ikev1 = true},
                         b = {.ikev1 = true,
                              .peer = "198.51.100.7",
                              .key = any ? "address 0.0.0.0 0.0.0.0" : "address 192.0.2.1"};
        struct wire *w = wire_new(27, &a, &b);
        CU_ASSERT(ip_addr_parse("198.51.100.7", &w->nat));
        w->nat_port = 31000;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_status(w, B) == IKE_UP_ACTIVE, any);
        if (!any)
            CU_ASSERT(wire_dialogue(w, "A MM1: SA VID\nB INFO: N(NO_PROPOSAL_CHOSEN)\n"));
        wire_free(w);
    }
}

UNIT_MAIN("rules-v1", UNIT_TEST(KR_7_C1_initiates_to_C2_and_is_up),
          UNIT_TEST(KR_7_C2_initiates_and_C1_stops_at_MM5_though_the_passwords_are_equal),
          UNIT_TEST(G13_after_KR_7_nothing_is_sent_but_MM4_again_to_the_same_MM5),
          UNIT_TEST(KR_1_the_key_is_chosen_before_MM5_the_profile_after),
          UNIT_TEST(KR_2_initiator_with_a_profile_searches_its_keyring_alone),
          UNIT_TEST(KR_3_initiator_without_a_profile_takes_the_longest_mask_of_all_C3),
          UNIT_TEST(KR_4_initiator_verifies_no_keyring_at_MM6),
          UNIT_TEST(KR_5_responder_takes_the_longest_mask_in_either_order_C4),
          UNIT_TEST(G1_either_mask_of_keyring1_gives_the_same),
          UNIT_TEST(KR_5_and_G9_host_name_keys_are_not_looked_at_in_Main_Mode),
          UNIT_TEST(G31_only_a_host_name_key_is_no_key_in_Main_Mode),
          UNIT_TEST(KR_6_equal_masks_the_first_keyring_C5),
          UNIT_TEST(KR_7_equal_passwords_in_another_keyring_do_not_help_C5),
          UNIT_TEST(KR_8_different_keys_make_MM5_garbage), UNIT_TEST(KR_8_the_initiator_only_times_out),
          UNIT_TEST(KR_8_both_directions_fail_and_say_so),
          UNIT_TEST(KR_9_the_keyring_default_comes_first_whatever_its_mask_C6),
          UNIT_TEST(KR_9_and_G8_a_profile_with_a_keyring_then_fails), UNIT_TEST(KR_10_a_key_without_a_mask),
          UNIT_TEST(KR_12_without_a_key_for_the_peer_no_pre_share_transform_is_taken),
          UNIT_TEST(KR_12_an_initiator_without_a_key_sends_nothing),
          UNIT_TEST(KR_12_the_key_is_looked_up_before_the_policies),
          UNIT_TEST(G2_the_key_of_MM1_holds_though_the_configuration_changes_before_MM3),
          UNIT_TEST(G7_a_profile_of_several_keyrings_accepts_the_key_of_any),
          UNIT_TEST(G7_initiator_with_several_keyrings_takes_the_longest_mask),
          UNIT_TEST(G7_a_profile_without_keyrings_has_the_default_one),
          UNIT_TEST(G10_local_address_filters_before_the_mask_decides),
          UNIT_TEST(G31_behind_a_NAT_the_key_is_looked_up_by_the_NATs_address))
