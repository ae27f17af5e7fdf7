/* The rules of profiles and of the protocol over IKEv1, one dialogue for each: PF-1 .. PF-7, PR-3, PR-4, PR-5, PR-13, PR-14, PR-16, PR-17, G3, G11, G12,
 * G22, G24, G26, G30, G33, TS-1. */
#include "tests/dialogue/rules_v1.h"
#include "tests/unit/unit.h"

/* ---- PF-1 .. PF-5 ------------------------------------------------------------------------------------------------- */
static const char ring_of_r1[] = "crypto keyring keyring\n pre-shared-key address 192.168.0.2 key cisco\n";
static const char ring_of_r2[] = "crypto keyring keyring\n pre-shared-key address 192.168.0.1 key cisco\n";
static const char r1_port[] = "interface Ethernet0/0\n ip address 192.168.0.1 255.255.255.0\n";

/* R2 with keyring "keyring", profiles and the tunnel bound to `bound`. */
static char *r2(const char *profiles, const char *bound)
{
    char *t = text_add(text_add(text_of(ring_of_r2), transport_set), policy_10);
    return gate1(text_add(t, profiles), B, bound);
}

static char *r1(const char *profiles, const char *bound)
{
    char *t = text_add(text_add(text_of(ring_of_r1), transport_set), policy_10);
    return gate1(text_add(t, profiles), A, bound);
}

#define PROFILE(name, match) "crypto isakmp profile " name "\n keyring keyring\n match identity " match "\n"

static void PF_1_the_profile_that_the_IPsec_profile_binds(void)
{
    struct wire *w = gates(1,
                           r1(PROFILE("wide", "address 192.168.0.0 255.255.255.0")
                                  PROFILE("narrow", "address 192.168.0.2"),
                              "wide"),
                           r2(PROFILE("P", "address 192.168.0.1"), "P"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "profile", "PF-1", "wide"));
    CU_ASSERT(wire_event(w, A, "SA request profile is wide"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void PF_2_none_bound_the_most_specific_that_covers_the_peer_C7(void)
{
    char *a = text_of(ring_of_r1);
    char *c7 = wire_golden("C7", r1_port);
    a = text_add(text_add(a, policy_10), c7);
    free(c7);
    struct wire *w = gates(2, a, r2(PROFILE("P", "address 192.168.0.1"), "P"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, A, "MM1", "profile", "PF-2", "profile2"));
    CU_ASSERT(wire_event(w, A, "SA request profile is profile2"));
    CU_ASSERT(wire_both_up(w)); /* G12: its IPsec profile has no binding, and takes the SA of profile2 */
    wire_free(w);
}

static void PF_3_the_most_specific_match_at_MM5_in_either_order_C8(void)
{
    for (unsigned swapped = 0; swapped < 2; swapped++) {
        char *profiles = wire_golden("C8", NULL);
        if (swapped) { /* the two masks change places */
            profiles = text_swap(profiles, "192.168.0.0 255.255.255.0", "NET");
            profiles = text_swap(profiles, "192.168.0.1 255.255.255.255", "192.168.0.0 255.255.255.0");
            profiles = text_swap(profiles, "NET", "192.168.0.1 255.255.255.255");
        }
        const char *chosen = swapped ? "profile1" : "profile2";
        struct wire *w = gates(3, r1(PROFILE("P", "address 192.168.0.2"), "P"), r2(profiles, chosen));
        free(profiles);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-3", chosen));
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void PF_4_and_G3_of_equal_ones_the_first_in_the_configuration(void)
{
    struct wire *w =
        gates(4, r1(PROFILE("P", "address 192.168.0.2"), "P"),
              r2(PROFILE("one", "address 192.168.0.1") PROFILE("two", "address 192.168.0.1"), "one"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-4", "one"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
    /* as initiator, too */
    w = gates(4, r1(PROFILE("P", "address 192.168.0.2"), "P"),
              r2(PROFILE("one", "address 192.168.0.1") PROFILE("two", "address 192.168.0.1"), ""));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "MM1", "profile", "PF-4", "one"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void PF_5_a_host_name_identity_and_G5_exact_before_domain(void)
{
    static const char profiles[] = PROFILE("domain", "host domain cisco.com")
        PROFILE("exact", "host R1.cisco.com") PROFILE("address", "address 192.168.0.1");
    char *a = text_add(r1("crypto isakmp profile P\n keyring keyring\n self-identity fqdn\n"
                          " match identity address 192.168.0.2\n",
                          "P"),
                       "hostname R1\nip domain name cisco.com\n");
    struct wire *w = gates(5, a, r2(profiles, "exact"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-3", "exact"));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sa(w, B)->peer_id_type, PLD1_ID_FQDN);
    CU_ASSERT_EQUAL_FATAL(wire_sa(w, B)->peer_id_len, strlen("R1.cisco.com"));
    CU_ASSERT_EQUAL(memcmp(wire_sa(w, B)->peer_id, "R1.cisco.com", strlen("R1.cisco.com")), 0);
    wire_free(w);
}

/* ---- PF-6, PF-7, G11, G12 ----------------------------------------------------------------------------------------- */
static void PF_6_no_profile_matches_and_the_global_settings_serve(void)
{
    struct wire *w =
        gates(6, r1(PROFILE("P", "address 192.168.0.2"), "P"), r2(PROFILE("Q", "address 192.168.0.77"), ""));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-6", ""));
    CU_ASSERT(wire_event(w, B, "peer matches *none* of the profiles"));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_PTR_NULL(wire_sa(w, B)->profile1);
    wire_free(w);
}

/* Phase 1 is done, Quick Mode is not: NO-PROPOSAL-CHOSEN, and the IKE SA stays. */
static void refused_in_quick_mode(struct wire *w, enum ike_reason at_b)
{
    CU_ASSERT(wire_dialogue(
        w, MAIN_MODE("A", "B") "A QM1: HASH SA NONCE ID ID\nB INFO: HASH N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), ike_reason_name(at_b));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-proposal");
    for (enum wire_end end = A; end <= B; end++) {
        CU_ASSERT_EQUAL_FATAL(wire_sas(w, end), 1);
        CU_ASSERT(w->side[end].ike->by_conn->established);
    }
    CU_ASSERT_EQUAL(wire_status(w, A), IKE_UP_IDLE);
    nothing_installed(w);
}

static void PF_7_wrong_profile_right_keyring_phase_1_is_up_and_Quick_Mode_refused(void)
{
    struct wire *w =
        gates(7, r1(PROFILE("P", "address 192.168.0.2"), "P"),
              r2(PROFILE("profile1", "address 192.168.0.77") PROFILE("profile2", "address 192.168.0.1"),
                 "profile1"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-3", "profile2"));
    CU_ASSERT(wire_decided(w, B, "QM1", "policy", "PF-7", ""));
    CU_ASSERT(wire_event(w, B, "map_db_check_isakmp_profile profile did not match"));
    CU_ASSERT(wire_event(w, B, "map_db_find_best did not find matching map"));
    CU_ASSERT(wire_event(w, B, "proxy identities not supported"));
    CU_ASSERT(wire_event(w, B, "IPSec policy invalidated proposal with error 32"));
    CU_ASSERT(wire_event(w, B, "phase 2 SA policy not acceptable! (local 192.168.0.2 remote 192.168.0.1)"));
    CU_ASSERT(wire_event(w, B, "Sending NOTIFY PROPOSAL_NOT_CHOSEN protocol 3"));
    refused_in_quick_mode(w, IKE_REASON_PROFILE_MISMATCH);
    wire_free(w);
}

static void PF_7_the_other_direction_is_up(void)
{
    struct wire *w =
        gates(8, r1(PROFILE("P", "address 192.168.0.2"), "P"),
              r2(PROFILE("profile1", "address 192.168.0.77") PROFILE("profile2", "address 192.168.0.1"),
                 "profile1"));
    wire_up(w, B);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void G11_an_SA_without_a_profile_and_a_bound_tunnel(void)
{
    struct wire *w =
        gates(9, r1(PROFILE("P", "address 192.168.0.2"), "P"), r2(PROFILE("Q", "address 192.168.0.77"), "Q"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-6", ""));
    refused_in_quick_mode(w, IKE_REASON_PROFILE_MISMATCH);
    wire_free(w);
}

static void G12_a_tunnel_without_a_binding_takes_an_SA_of_any_profile(void)
{
    struct wire *w =
        gates(10, r1(PROFILE("P", "address 192.168.0.2"), "P"), r2(PROFILE("Q", "address 192.168.0.1"), ""));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_decided(w, B, "MM5", "profile", "PF-3", "Q"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void G25_without_an_ikev2_profile_it_is_IKEv1(void)
{
    struct wire *w =
        gates(11, r1(PROFILE("P", "address 192.168.0.2"), "P"), r2(PROFILE("Q", "address 192.168.0.1"), "Q"));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FALSE(wire_saw(w, "IKE_SA_INIT"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void G30_with_PSK_the_initiator_only_notes_that_the_responders_identity_does_not_match(void)
{
    char *b = text_add(r2("crypto isakmp profile Q\n keyring keyring\n self-identity fqdn\n"
                          " match identity address 192.168.0.1\n",
                          "Q"),
                       "hostname R2\nip domain name cisco.com\n");
    struct wire *w = gates(12, r1(PROFILE("P", "address 192.168.0.2"), "P"), b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_event(w, A, "peer matches *none* of the profiles"));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_PTR_NOT_NULL_FATAL(wire_sa(w, A)->profile1);
    CU_ASSERT_STRING_EQUAL(wire_sa(w, A)->profile1->name, "P"); /* KR-4: the one it began with */
    wire_free(w);
}

/* ---- PR-3, PR-4, PR-5 --------------------------------------------------------------------------------------------- */
struct cookies {
    unsigned seen;
    uint8_t i[8], r[8];
    bool ok, lose_mm2;
    uint8_t former_i[8];
    unsigned negotiations;
};

static bool watch_cookies(struct wire *w, struct wire_packet *p, void *ctx)
{
    static const uint8_t zero[8];
    struct cookies *c = ctx;
    (void)w;
    if (c->seen++ == 0) {
        memcpy(c->i, p->data, 8);
        c->ok = memcmp(c->i, zero, 8) != 0 && memcmp(p->data + 8, zero, 8) == 0;
    } else if (c->seen == 2) {
        memcpy(c->r, p->data + 8, 8);
        c->ok = c->ok && memcmp(c->r, zero, 8) != 0 && memcmp(p->data, c->i, 8) == 0;
    } else
        c->ok = c->ok && memcmp(p->data, c->i, 8) == 0 && memcmp(p->data + 8, c->r, 8) == 0;
    return true;
}

static void PR_3_cookies_of_a_negotiation(void)
{
    struct cookies c = {0};
    struct wire *w = gates(13, wire_golden("C1", NULL), wire_golden("C2", NULL));
    w->filter = watch_cookies;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(c.seen, 9);
    CU_ASSERT(c.ok);
    wire_free(w);
}

static bool count_cookies(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct cookies *c = ctx;
    (void)w;
    if (memcmp(c->i, p->data, 8) != 0) {
        memcpy(c->former_i, c->i, 8);
        memcpy(c->i, p->data, 8);
        c->negotiations++;
    }
    c->seen++;
    return false;
}

static void PR_4_a_lost_MM1_is_repeated_with_its_cookie_and_the_next_negotiation_has_another(void)
{
    struct cookies c = {0};
    struct wire *w = gates(14, wire_golden("C1", NULL), wire_golden("C2", NULL));
    w->filter = count_cookies;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, 9900);
    CU_ASSERT_EQUAL(c.seen, 1);
    wire_run(w, 40000); /* 10 s apart */
    CU_ASSERT_EQUAL(c.seen, 5);
    wire_run(w, 10000);
    CU_ASSERT_EQUAL(c.seen, 6); /* five times again */
    CU_ASSERT_EQUAL(c.negotiations, 1);
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wire_sa(w, A));
    CU_ASSERT_STRING_EQUAL(v1_state_shown(v1_of(wire_sa(w, A))->state), "MM_NO_STATE"); /* TS-1 */
    wire_run(w, 200);
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "timeout");
    wire_run(w, 10000);
    CU_ASSERT_EQUAL(c.negotiations, 2);
    CU_ASSERT_NOT_EQUAL(memcmp(c.i, c.former_i, 8), 0);
    w->filter = NULL;
    wire_run(w, 20000);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void PR_5_and_G22_both_ends_begin_at_once_and_are_told_apart_by_cookies(void)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct wire_conf c = {.ikev1 = true};
        struct wire *w = wire_new(seed, &c, &c);
        wire_up(w, A);
        wire_run(w, seed % 7);
        wire_up(w, B);
        wire_run(w, 20000);
        CU_ASSERT_EQUAL(wire_count(w, " MM1: "), 2);
        CU_ASSERT_EQUAL(wire_count(w, " MM6: "), 2); /* neither is dropped by address */
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_consistent(w, true));
        CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
        wire_free(w);
    }
}

/* ---- PR-13, PR-14, PR-16, PR-17 ------------------------------------------------------------------------------------ */
static void PR_13_proxies_of_a_GRE_tunnel_are_host_to_host_protocol_47(void)
{
    struct wire *w = gates(15, wire_golden("C1", NULL), wire_golden("C2", NULL));
    char text[TS_TEXT_MAX];
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    const struct sam_child *c = wire_child(w, B);
    CU_ASSERT_EQUAL(c->ts_count, 1);
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_local[0], text), "192.168.0.2/32[47/*]");
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_remote[0], text), "192.168.0.1/32[47/*]");
    struct mock_packet udp = {.src = w->side[A].address, .dst = w->side[B].address, .proto = 17};
    CU_ASSERT_FALSE(wire_pass(w, A, &udp));
    wire_free(w);
}

static void PR_13_proxies_of_mode_ipsec_are_any(void)
{
    struct wire_conf c = {.ikev1 = true};
    struct wire *w = wire_new(16, &c, &c);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT(ts_is_any(&wire_child(w, B)->ts_local[0]) && ts_is_any(&wire_child(w, B)->ts_remote[0]));
    wire_free(w);
}

static void PR_16_Main_Mode_unless_aggressive_is_configured(void)
{
    struct wire *w = gates(17, wire_golden("C1", NULL), wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_event(w, A, "Can not start Aggressive mode, trying Main mode."));
    CU_ASSERT(wire_event(w, A, "Send initial contact"));
    CU_ASSERT(wire_event(w, B, "processing NOTIFY INITIAL-CONTACT"));
    wire_free(w);
}

static void PR_16_INITIAL_CONTACT_of_a_restarted_peer_replaces_what_was(void)
{
    struct wire *w = gates(18, wire_golden("C1", NULL), wire_golden("C2", NULL));
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_restart(w, A, true);
    wire_up(w, A);
    wire_run(w, 5000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT_EQUAL(wire_children(w, B), 1);
    CU_ASSERT(wire_consistent(w, true));
    wire_free(w);
}

static void see_id(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    /* next payload 8 (HASH), reserved, length 12, ID type 1, protocol 17, port 500, the address */
    static const uint8_t id[] = {8, 0, 0, 12, 1, 17, 1, 0xf4, 192, 168, 0, 1};
    (void)cap;
    *(bool *)ctx = *first == PLD1_ID && *len > sizeof id && memcmp(plain, id, sizeof id) == 0;
}

static bool see_mm5(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct pld_header h;
    const char *err;
    if (p->from == A && pld1_header(p->data, p->len, &h, &err) == CV_OK && h.exchange == PLD1_MAIN &&
        h.flags & PLD1_FLAG_ENCRYPTION)
        CU_ASSERT(wire_reseal1(w, p, see_id, ctx));
    return true;
}

static void PR_17_the_ID_payload_of_MM5(void)
{
    bool seen = false;
    struct wire *w = gates(19, wire_golden("C1", NULL), wire_golden("C2", NULL));
    w->filter = see_mm5;
    w->filter_ctx = &seen;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(seen);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- G24, G26 ------------------------------------------------------------------------------------------------------- */
static void G24_the_algorithms_of_the_examples_and_the_better_ones(void)
{
    static const struct {
        const char *ike, *transform;
    } suites[] = {
        {" encr 3des\n hash md5\n group 2\n", "esp-3des esp-md5-hmac"},
        {" encr 3des\n hash sha\n group 1\n", "esp-3des esp-sha-hmac"},
        {" encr aes\n hash sha\n group 5\n", "esp-aes esp-sha-hmac"},
        {" encr aes 192\n hash sha\n group 14\n", "esp-aes 192 esp-sha256-hmac"},
        {" encr aes 256\n hash sha256\n group 15\n", "esp-aes 256 esp-sha384-hmac"},
        {" encr aes 256\n hash sha384\n group 16\n", "esp-aes 256 esp-sha512-hmac"},
        {" encr aes\n hash sha512\n group 19\n", "esp-gcm"},
        {" encr aes\n hash sha256\n group 20\n", "esp-gcm 256"},
        {" encr aes 256\n hash sha256\n group 21\n", "esp-gmac 128"},
        {" encr aes\n hash sha256\n group 24\n", "esp-null esp-sha256-hmac"},
    };
    for (unsigned i = 0; i < sizeof suites / sizeof *suites; i++) {
        struct wire_conf c = {.ikev1 = true, .ike = suites[i].ike, .transform = suites[i].transform};
        struct wire *w = wire_new(i, &c, &c);
        wire_up(w, i % 2 ? A : B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void G26_the_smaller_lifetime_holds_and_none_refuses(void)
{
    for (unsigned longer_at_a = 0; longer_at_a < 2; longer_at_a++)
        for (enum wire_end end = A; end <= B; end++) {
            static const char ike_long[] = " encr aes\n hash sha256\n group 19\n lifetime 86400\n",
                              ike_short[] = " encr aes\n hash sha256\n group 19\n lifetime 3600\n";
            static const char child_long[] = " set security-association lifetime seconds 28800\n",
                              child_short[] = " set security-association lifetime seconds 1200\n";
            struct wire_conf more = {.ikev1 = true, .ike = ike_long, .ipsec = child_long};
            struct wire_conf less = {.ikev1 = true, .ike = ike_short, .ipsec = child_short};
            struct wire *w = wire_new(20, longer_at_a ? &more : &less, longer_at_a ? &less : &more);
            wire_up(w, end);
            wire_run(w, SETTLE_MS);
            CU_ASSERT_FATAL(wire_both_up(w));
            CU_ASSERT_EQUAL(wire_saw(w, "MM6: ID HASH N(RESPONDER_LIFETIME)"), longer_at_a == (end == A));
            for (enum wire_end e = A; e <= B; e++) {
                CU_ASSERT_EQUAL(wire_sa(w, e)->lifetime_s, 3600);
                CU_ASSERT(wire_child(w, e)->hard_at_ms <= wire_child(w, e)->installed_ms + 1200 * 1000);
            }
            wire_free(w);
        }
}

/* ---- G33 ------------------------------------------------------------------------------------------------------------ */
static void G33_every_message_twice_changes_nothing(void)
{
    struct wire *w = gates(21, wire_golden("C1", NULL), wire_golden("C2", NULL));
    w->dup = 100;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT_EQUAL(w->side[B].dp->adds, 2);
    CU_ASSERT_EQUAL(w->side[A].dp->adds, 2);
    CU_ASSERT_EQUAL(wire_count(w, "QM1: "), 1);
    wire_free(w);
}

struct kept {
    uint8_t data[2048];
    size_t len;
};

static bool keep_first(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct kept *k = ctx;
    (void)w;
    if (k->len == 0 && p->len <= sizeof k->data) {
        memcpy(k->data, p->data, p->len);
        k->len = p->len;
    }
    return true;
}

static void G33_equal_is_answered_from_the_cache_another_cookie_is_another_SA(void)
{
    struct kept mm1 = {0};
    struct wire *w = gates(22, wire_golden("C1", NULL), wire_golden("C2", NULL));
    w->filter = keep_first;
    w->filter_ctx = &mm1;
    w->latency_ms = 2000;
    wire_up(w, A);
    wire_run(w, 2100); /* MM2 is on its way */
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    wire_inject(w, B, mm1.data, mm1.len);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(wire_dialogue(w, "A MM1: SA VID\nB MM2: SA VID\nB MM2 (again):\n"));
    mm1.data[0] ^= 0x55;
    wire_inject(w, B, mm1.data, mm1.len);
    CU_ASSERT_EQUAL(wire_sas(w, B), 2);
    CU_ASSERT_EQUAL(wire_count(w, "B MM2: SA VID\n"), 2);
    wire_free(w);
}

/* ---- TS-1 ------------------------------------------------------------------------------------------------------------- */
static bool no_4500(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    (void)ctx;
    return p->dst.port != 4500;
}

static void TS_1_one_direction_blocked_is_enough(void)
{
    for (unsigned way = 0; way < 2; way++) {
        struct wire *w = gates(23, wire_golden("C1", NULL), wire_golden("C2", NULL));
        w->side[way].muted = true;
        wire_up(w, A);
        wire_run(w, 45000);
        CU_ASSERT_PTR_NOT_NULL_FATAL(wire_sa(w, A));
        CU_ASSERT_STRING_EQUAL(v1_state_shown(v1_of(wire_sa(w, A))->state), "MM_NO_STATE");
        CU_ASSERT_EQUAL(wire_status(w, A), IKE_DOWN_NEGOTIATING);
        CU_ASSERT_EQUAL(wire_count(w, "A MM1 (again)"), 4);
        wire_run(w, 7000);
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "timeout");
        wire_free(w);
    }
}

static void TS_1_only_port_4500_blocked_shows_after_the_float(void)
{
    struct wire_conf a = {.ikev1 = true}, b = {.ikev1 = true, .peer = "198.51.100.7"};
    struct wire *w = wire_new(24, &a, &b);
    CU_ASSERT(ip_addr_parse("198.51.100.7", &w->nat));
    w->nat_port = 31000;
    w->filter = no_4500;
    wire_up(w, A);
    wire_run(w, 30000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wire_sa(w, A));
    CU_ASSERT_STRING_EQUAL(v1_state_shown(v1_of(wire_sa(w, A))->state), "MM_KEY_EXCH");
    CU_ASSERT(wire_sa(w, A)->natt);
    wire_run(w, 31000);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "timeout");
    wire_free(w);
}

UNIT_MAIN("profiles-v1", UNIT_TEST(PF_1_the_profile_that_the_IPsec_profile_binds),
          UNIT_TEST(PF_2_none_bound_the_most_specific_that_covers_the_peer_C7),
          UNIT_TEST(PF_3_the_most_specific_match_at_MM5_in_either_order_C8),
          UNIT_TEST(PF_4_and_G3_of_equal_ones_the_first_in_the_configuration),
          UNIT_TEST(PF_5_a_host_name_identity_and_G5_exact_before_domain),
          UNIT_TEST(PF_6_no_profile_matches_and_the_global_settings_serve),
          UNIT_TEST(PF_7_wrong_profile_right_keyring_phase_1_is_up_and_Quick_Mode_refused),
          UNIT_TEST(PF_7_the_other_direction_is_up),
          UNIT_TEST(G11_an_SA_without_a_profile_and_a_bound_tunnel),
          UNIT_TEST(G12_a_tunnel_without_a_binding_takes_an_SA_of_any_profile),
          UNIT_TEST(G25_without_an_ikev2_profile_it_is_IKEv1),
          UNIT_TEST(G30_with_PSK_the_initiator_only_notes_that_the_responders_identity_does_not_match),
          UNIT_TEST(PR_3_cookies_of_a_negotiation),
          UNIT_TEST(PR_4_a_lost_MM1_is_repeated_with_its_cookie_and_the_next_negotiation_has_another),
          UNIT_TEST(PR_5_and_G22_both_ends_begin_at_once_and_are_told_apart_by_cookies),
          UNIT_TEST(PR_13_proxies_of_a_GRE_tunnel_are_host_to_host_protocol_47),
          UNIT_TEST(PR_13_proxies_of_mode_ipsec_are_any),
          UNIT_TEST(PR_16_Main_Mode_unless_aggressive_is_configured),
          UNIT_TEST(PR_16_INITIAL_CONTACT_of_a_restarted_peer_replaces_what_was),
          UNIT_TEST(PR_17_the_ID_payload_of_MM5),
          UNIT_TEST(G24_the_algorithms_of_the_examples_and_the_better_ones),
          UNIT_TEST(G26_the_smaller_lifetime_holds_and_none_refuses),
          UNIT_TEST(G33_every_message_twice_changes_nothing),
          UNIT_TEST(G33_equal_is_answered_from_the_cache_another_cookie_is_another_SA),
          UNIT_TEST(TS_1_one_direction_blocked_is_enough),
          UNIT_TEST(TS_1_only_port_4500_blocked_shows_after_the_float))
