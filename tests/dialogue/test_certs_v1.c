/* IKEv1 with certificates: CT-1 .. CT-16 with C9 to C12 as they are printed, G13, G16, G30, RFC 2409 5.1, RFC 4754. */
#include "control/ikev1/v1.h"
#include "tests/dialogue/certs.h"
#include "tests/unit/unit.h"

enum { SETTLE_MS = 1500 };

static void up_from(struct wire *w, enum wire_end end)
{
    wire_up(w, end);
    wire_run(w, SETTLE_MS);
}

static void refused(struct wire *w, enum wire_end by, enum ike_reason why)
{
    CU_ASSERT_EQUAL(wire_reason(w, by), why);
    if (wire_reason(w, by) != why)
        fprintf(stderr, "%s: %s\n%s", ike_reason_name(wire_reason(w, by)), wire_reason_text(w, by), w->trace);
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
}

/* ---- C9 to C12 --------------------------------------------------------------------------------------------------------- */
static char *reference(const char *gateway, const char *trust_points)
{
    char *more = wire_golden(trust_points, NULL), *text = wire_golden(gateway, more);
    free(more);
    return text;
}

/* R1 is A. swapped: R1 has enrolled in the other order (CT-11). */
static struct wire *c9_to_c12(uint64_t seed, bool swapped, bool restricted)
{
    const struct wire_enrol r1 = {.fqdn = "R1.cisco.com"}, r2 = {.fqdn = "R2.cisco.com"};
    char *a = reference("C9", "C11");
    struct wire *w =
        gates(seed, restricted ? a : text_swap(a, "   ca trust-point IOSCA1\n", ""), reference("C10", "C12"));
    wire_enrol_both(w, A, swapped ? "IOSCA2" : "IOSCA1", swapped ? "IOSCA1" : "IOSCA2", &r1);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
    return w;
}

static void CT_11_R1_initiates_and_both_use_IOSCA1(void)
{
    struct wire *w = c9_to_c12(1, false, true);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_event(w, A, "using the IOSCA1 trustpoint's keypair to sign"));
    CU_ASSERT(wire_event(w, B, "using the IOSCA1 trustpoint's keypair to sign"));
    /* CT-1: nothing else than CA1; CT-3, CT-4: all of the responder's */
    CU_ASSERT(wire_saw(w, "A MM3: KE NONCE CERTREQ NAT-D NAT-D\n"));
    CU_ASSERT(wire_saw(w, "B MM4: KE NONCE CERTREQ CERTREQ NAT-D NAT-D\n"));
    CU_ASSERT(wire_saw(w, "A MM5: ID CERT SIG N(INITIAL_CONTACT)\n"));
    CU_ASSERT(wire_saw(w, "B MM6: ID CERT SIG\n"));
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static void CT_10_CT_11_R2_initiates_and_R1_refuses(void)
{
    struct wire *w = c9_to_c12(2, false, true);
    up_from(w, B);
    CU_ASSERT(wire_saw(w, "B MM3: KE NONCE CERTREQ CERTREQ NAT-D NAT-D\n")); /* CT-2 */
    CU_ASSERT(wire_decided(w, A, "MM4", "trustpoint", "CT-3", "IOSCA2"));
    CU_ASSERT(wire_decided(w, B, "MM4", "trustpoint", "CT-5", "IOSCA2"));
    CU_ASSERT(wire_event(w, A, "Creating CERT validation list: IOSCA1,"));
    CU_ASSERT(wire_event(w, A, "%CRYPTO-5-IKMP_INVALID_CERT: Certificate received from 192.168.0.2 is bad"));
    CU_ASSERT(wire_event(w, A, "Unknown error in cert validation, -1"));
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_CERT_UNTRUSTED);
    wire_run(w, 25000); /* G13: MM5 again, MM4 again, and no MM6 */
    CU_ASSERT(wire_count(w, "B MM5 (again)") >= 2);
    CU_ASSERT_EQUAL(wire_count(w, "A MM4 (again)"), wire_count(w, "B MM5 (again)"));
    CU_ASSERT(!wire_saw(w, "MM6") && !wire_saw(w, "INFO"));
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    wire_run(w, 300000);
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    wire_free(w);
}

static void CT_11_enrolled_in_the_other_order_it_works_from_both_sides(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = c9_to_c12(3 + end, true, true);
        up_from(w, end);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_event(w, A, "using the IOSCA1 trustpoint's keypair to sign"));
        CU_ASSERT(wire_event(w, B, "using the IOSCA1 trustpoint's keypair to sign"));
        wire_free(w);
    }
}

static void CT_12_without_ca_trust_point_nothing_is_refused(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = c9_to_c12(5 + end, false, false);
        up_from(w, end);
        CU_ASSERT(wire_both_up(w));
        /* which certificate is used depends on the order of enrolment, here of the other end's */
        CU_ASSERT(wire_event(w, B,
                             end == A ? "Choosing trustpoint IOSCA2 as issuer"
                                      : "Choosing trustpoint IOSCA2 as issuer"));
        CU_ASSERT(wire_event(w, A, "Choosing trustpoint IOSCA1 as issuer"));
        CU_ASSERT(wire_event(w, A, "Creating CERT validation list: IOSCA2, IOSCA1,"));
        wire_free(w);
    }
}

static void CT_5_CT_6_CT_7_CT_15_events(void)
{
    struct wire *w = c9_to_c12(7, false, true);
    up_from(w, A);
    CU_ASSERT(wire_event(w, A, "constructing CERT_REQ for issuer cn=CA1,o=cisco,o=com"));
    CU_ASSERT(!wire_event(w, A, "constructing CERT_REQ for issuer cn=CA2"));
    CU_ASSERT(wire_event(w, A, "peer wants a CT_X509_SIGNATURE cert"));
    CU_ASSERT(wire_event(w, A, "peer wants cert issued by cn=CA2,o=cisco,o=com"));
    CU_ASSERT(wire_event(w, A, "Examining profile list for trustpoint IOSCA1"));
    CU_ASSERT(wire_event(w, A, "Found matching profile for IOSCA1"));
    CU_ASSERT(wire_event(w, A, "Choosing trustpoint IOSCA1 as issuer"));
    CU_ASSERT(!wire_event(w, B, "Examining profile list"));
    CU_ASSERT(wire_event(w, B, "Choosing trustpoint IOSCA1 as issuer"));
    CU_ASSERT(wire_event(w, A, "constructing CERT payload for cn=A,ou=IT,o=cisco,o=com"));
    for (enum wire_end end = A; end <= B; end++) {
        CU_ASSERT(wire_event(w, end, "IKE->PKI Get CertificateChain"));
        CU_ASSERT(wire_event(w, end, "IKE->PKI Add peer's certificate"));
        CU_ASSERT(wire_event(w, end, "IKE->PKI Validate certificate chain"));
        CU_ASSERT(wire_event(w, end, "peer's pubkey isn't cached"));
        CU_ASSERT(wire_event(w, end, "Profile has no keyring, aborting key search"));
        CU_ASSERT(wire_event(w, end, "SA authentication status: authenticated"));
        CU_ASSERT(wire_event(w, end, "peer matches prof1 profile")); /* PF-5 */
    }
    CU_ASSERT(wire_decided(w, A, "MM4", "trustpoint", "CT-6", "IOSCA1"));
    CU_ASSERT(wire_decided(w, B, "MM3", "trustpoint", "CT-5", "IOSCA1"));
    CU_ASSERT(wire_decided(w, A, "MM3", "trustpoint", "CT-1", "IOSCA1"));
    CU_ASSERT(wire_decided(w, B, "MM5", "trustpoint", "CT-9", ""));
    CU_ASSERT(wire_decided(w, A, "MM6", "trustpoint", "CT-9", "IOSCA1"));
    wire_free(w);
}

static void CT_8_enrolling_again_moves_a_trust_point_to_the_front(void)
{
    const struct wire_enrol again = {.trustpoint = "IOSCA1", .ca = "CA1", .fqdn = "R1.cisco.com"};
    struct wire *w = c9_to_c12(8, false, true);
    wire_enrol(w, A, &again);
    up_from(w, B);
    CU_ASSERT(wire_decided(w, A, "MM4", "trustpoint", "CT-3", "IOSCA1"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void CT_13_the_identity_is_the_trust_points_fqdn(void)
{
    struct wire *w = c9_to_c12(9, false, true); /* neither hostname nor domain are configured */
    up_from(w, A);
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sa(w, B)->peer_id_type, PKI_ID_FQDN);
    CU_ASSERT_EQUAL(wire_sa(w, B)->peer_id_len, strlen("R1.cisco.com"));
    CU_ASSERT(wire_event(w, B, "ID payload: type 2, R1.cisco.com, protocol 17, port 500, length 20"));
    wire_free(w);
}

static void CT_14_several_ca_trust_points(void)
{
    const struct wire_enrol r1 = {.fqdn = "R1.cisco.com"}, r2 = {.fqdn = "R2.cisco.com"};
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = gates(10 + end,
                               text_swap(reference("C9", "C11"), "   ca trust-point IOSCA1\n",
                                         "   ca trust-point IOSCA1\n   ca trust-point IOSCA2\n"),
                               reference("C10", "C12"));
        wire_enrol_both(w, A, "IOSCA1", "IOSCA2", &r1);
        wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
        up_from(w, end);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static void CT_1_to_CT_4_CT_16_what_MM3_and_MM4_ask_for(void)
{
    /* a CA that has issued nothing here is trusted all the same, and named by whoever does not know the profile yet */
    const struct wire_enrol third = {.trustpoint = "IOSCA3", .ca = "CA3", .no_own = true};
    const char *const more = "crypto pki trustpoint IOSCA3\n enrollment terminal\n";
    const struct wire_enrol r1 = {.fqdn = "R1.cisco.com"}, r2 = {.fqdn = "R2.cisco.com"};
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w =
            gates(12 + end, text_add(reference("C9", "C11"), more), text_add(reference("C10", "C12"), more));
        wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
        wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
        wire_enrol(w, A, &third);
        wire_enrol(w, B, &third);
        up_from(w, end);
        CU_ASSERT(wire_both_up(w));
        if (end == A) /* R1's profile names IOSCA1 */
            CU_ASSERT(wire_saw(
                w, "A MM3: KE NONCE CERTREQ NAT-D NAT-D\nB MM4: KE NONCE CERTREQ CERTREQ CERTREQ NAT-D"));
        if (end == B) /* R2's names none; R1's is not consulted as responder */
            CU_ASSERT(wire_saw(w, "B MM3: KE NONCE CERTREQ CERTREQ CERTREQ NAT-D NAT-D\nA MM4: KE NONCE "
                                  "CERTREQ CERTREQ CERTREQ NAT-D"));
        wire_free(w);
    }
}

static void CT_9_a_profile_without_ca_trust_point_validates_with_all(void)
{
    struct wire *w = c9_to_c12(14, false, true);
    up_from(w, A);
    CU_ASSERT(wire_event(w, A, "Creating CERT validation list: IOSCA1,"));
    CU_ASSERT(!wire_event(w, A, "Creating CERT validation list: IOSCA2"));
    CU_ASSERT(wire_event(w, B, "Creating CERT validation list: IOSCA1, IOSCA2,"));
    CU_ASSERT(wire_event(w, A, "Certificate validation succeeded") &&
              wire_event(w, B, "Certificate validation succeeded"));
    wire_free(w);
}

/* ---- other keys, other ways ----------------------------------------------------------------------------------------------- */
static struct wire *changed(uint64_t seed, const char *from, const char *to, const struct wire_enrol *how)
{
    struct wire_enrol r1 = how ? *how : (struct wire_enrol){0}, r2 = r1;
    r1.fqdn = "R1.cisco.com";
    r2.fqdn = "R2.cisco.com";
    struct wire *w = gates(seed, text_swap(reference("C9", "C11"), from, to),
                           text_swap(reference("C10", "C12"), from, to));
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
    return w;
}

static void RFC_4754_each_curve_has_its_method(void)
{
    static const struct {
        enum cr_key_kind kind;
        unsigned method;
    } of[] = {{CR_KEY_P256, 9}, {CR_KEY_P384, 10}, {CR_KEY_P521, 11}};
    for (unsigned i = 0; i < 3; i++)
        for (enum wire_end end = A; end <= B; end++) {
            const struct wire_enrol how = {.kind = of[i].kind};
            struct wire *w =
                changed(20 + i, " hash md5\n", " hash sha256\n authentication ecdsa-sig\n", &how);
            up_from(w, end);
            CU_ASSERT(wire_both_up(w));
            CU_ASSERT_EQUAL(((struct v1_sa *)wire_sa(w, A)->v)->choice.auth, of[i].method);
            CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
            wire_free(w);
        }
}

static void a_policy_whose_key_kind_is_missing_is_not_offered(void)
{
    const struct wire_enrol ec = {.kind = CR_KEY_P256};
    struct wire *w = changed(24, " hash md5\n", " hash sha256\n", &ec); /* rsa-sig, and no RSA key */
    up_from(w, A);
    refused(w, A, IKE_REASON_NO_CERTIFICATE);
    CU_ASSERT(!wire_saw(w, "MM1"));
    wire_free(w);
}

static void aggressive_mode_with_signatures(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = changed(25, "   self-identity fqdn\n",
                                 "   self-identity fqdn\n   initiate mode aggressive\n", NULL);
        up_from(w, end);
        wire_run(w, 2000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_saw(w, "AM2: SA KE NONCE ID CERT SIG CERTREQ"));
        CU_ASSERT(wire_saw(w, "AM3: CERT SIG"));
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        wire_free(w);
    }
}

static void pre_shared_keys_and_certificates_side_by_side(void)
{
    /* the policy of keys is the better one at one end alone: signatures are what both have */
    const struct wire_enrol r1 = {.fqdn = "R1.cisco.com"}, r2 = {.fqdn = "R2.cisco.com"};
    struct wire *w = gates(26,
                           text_add(reference("C9", "C11"), "crypto isakmp key secret address 192.168.0.2\n"
                                                            "crypto isakmp policy 5\n encr 3des\n hash md5\n"
                                                            " group 2\n authentication pre-share\n"),
                           reference("C10", "C12"));
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_saw(w, "MM6: ID CERT SIG"));
    wire_free(w);
}

static void large_chains_in_Cisco_fragments(void)
{
    const struct wire_enrol sub = {.via = "Sub"};
    struct wire *w = changed(27, " hash md5\n",
                             " hash md5\n!\ncrypto isakmp fragmentation\ncrypto isakmp policy 10\n", &sub);
    w->mtu = 1280;
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_saw(w, "A MM5: ID CERT CERT SIG"));
    wire_free(w);
}

static void a_chain_of_4096_bits_in_Cisco_fragments(void)
{
    static const char to[] = " hash md5\n!\ncrypto isakmp fragmentation\ncrypto isakmp policy 10\n";
    char *text[2];
    for (enum wire_end end = A; end <= B; end++)
        text[end] = text_swap(
            text_swap(reference(end == A ? "C9" : "C10", end == A ? "C11" : "C12"), " hash md5\n", to),
            "revocation-check crl", "revocation-check none");
    struct wire *w = gates(28, text[A], text[B]);
    wire_enrol_large(w, A, "IOSCA1", "R1.cisco.com");
    wire_enrol_large(w, B, "IOSCA1", "R2.cisco.com");
    w->mtu = 1280;
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(ike_counters(w->side[B].ike)->fragments_in >= 3);
    wire_free(w);
}

/* A path that takes no more than every IPv4 host does (RFC 791): what is not answered goes in smaller fragments. */
static void Cisco_fragments_shrink_on_a_narrow_path(void)
{
    enum { UDP_IP = 28, LEAST = 576 };
    static const char to[] = " hash md5\n!\ncrypto isakmp fragmentation\ncrypto isakmp policy 10\n";
    for (enum wire_end from = A; from <= B; from++) {
        char *text[2];
        for (enum wire_end end = A; end <= B; end++)
            text[end] = text_swap(
                text_swap(reference(end == A ? "C9" : "C10", end == A ? "C11" : "C12"), " hash md5\n", to),
                "revocation-check crl", "revocation-check none");
        struct wire *w = gates(29, text[A], text[B]);
        wire_enrol_large(w, A, "IOSCA1", "R1.cisco.com");
        wire_enrol_large(w, B, "IOSCA1", "R2.cisco.com");
        w->mtu = LEAST - UDP_IP;
        wire_up(w, from);
        wire_run(w, 100000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(ike_counters(w->side[from == A ? B : A].ike)->fragments_in >= 6);
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        wire_free(w);
    }
}

/* ---- what a certificate is worth --------------------------------------------------------------------------------------------- */
static void G30_an_identity_that_is_not_in_the_certificate_is_refused(void)
{
    const struct wire_enrol r2 = {.fqdn = "R2.cisco.com"}, wrong = {.fqdn = "R9.cisco.com"};
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = gates(30 + end, reference("C9", "C11"), reference("C10", "C12"));
        wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &wrong);
        wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
        up_from(w, end);
        refused(w, B, IKE_REASON_ID_MISMATCH);
        wire_free(w);
    }
}

static void G30_the_initiator_takes_only_whom_its_profile_matches(void)
{
    const struct wire_enrol r1 = {.fqdn = "R1.cisco.com"}, r2 = {.fqdn = "R2.cisco.com"};
    struct wire *w = gates(32,
                           text_swap(reference("C9", "C11"), "match identity host R2.cisco.com",
                                     "match identity host R3.cisco.com"),
                           reference("C10", "C12"));
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
    up_from(w, A);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_ID_MISMATCH);
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT(wire_saw(
        w, "B MM6: ID CERT SIG\nA INFO: HASH D(IKE)\n")); /* B has an SA, and hears that A has none */
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_free(w);
}

static void G16_an_expired_own_certificate_is_not_used(void)
{
    const struct wire_enrol hour = {.until = 3600};
    struct wire *w = changed(33, " hash md5\n", " hash md5\n", &hour);
    wire_run(w, 3700 * 1000);
    up_from(w, A);
    refused(w, A, IKE_REASON_NO_CERTIFICATE);
    wire_free(w);
}

/* ---- the network: a message that waits ------------------------------------------------------------------------------------------ */
/* who looks CRLs up; the other end does not */
static struct wire *waiting(uint64_t seed, enum wire_end who, bool aggressive)
{
    char *text[2] = {reference("C9", "C11"), reference("C10", "C12")};
    struct wire_enrol r1 = {.fqdn = "R1.cisco.com", .crl_url = "http://192.0.2.80/ca.crl"}, r2 = r1;
    r2.fqdn = "R2.cisco.com";
    text[!who] = text_swap(text[!who], "revocation-check crl", "revocation-check none");
    for (unsigned i = 0; i < 2 && aggressive; i++)
        text[i] = text_swap(text[i], "   self-identity fqdn\n",
                            "   self-identity fqdn\n   initiate mode aggressive\n");
    wire_network = true;
    struct wire *w = gates(seed, text[A], text[B]);
    wire_network = false;
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
    return w;
}

static void a_proof_waits_for_the_CRL_in_each_role_and_mode(void)
{
    for (unsigned i = 0; i < 4; i++) {
        const enum wire_end who = i & 1;
        struct wire *w = waiting(40 + i, who, i & 2);
        up_from(w, A);
        CU_ASSERT_EQUAL_FATAL(wire_fetches(w, who), 1);
        CU_ASSERT_EQUAL(wire_children(w, who), 0);
        CU_ASSERT(wire_event(w, who, "Revocation check is under way"));
        wire_run(w, 3000);
        wire_fetched(w, who, "CA1", NULL, 0);
        wire_run(w, 12000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        wire_free(w);
    }
}

static void a_revoked_certificate_is_refused_in_each_role(void)
{
    for (enum wire_end who = A; who <= B; who++) {
        const uint64_t revoked[] = {2, 3};
        struct wire *w = waiting(44 + who, who, false);
        up_from(w, A);
        CU_ASSERT_EQUAL_FATAL(wire_fetches(w, who), 1);
        wire_fetched(w, who, "CA1", revoked, 2);
        wire_run(w, 100);
        CU_ASSERT_EQUAL(wire_reason(w, who), IKE_REASON_CERT_REVOKED);
        wire_run(w, 20000);
        CU_ASSERT_EQUAL(wire_children(w, who), 0);
        if (who == B)
            CU_ASSERT(!wire_saw(w, "MM6") && wire_saw(w, "B MM4 (again)"));
        wire_free(w);
    }
}

static void it_waits_for_half_a_minute_and_then_refuses(void)
{
    for (enum wire_end who = A; who <= B; who++) {
        struct wire *w = waiting(46 + who, who, false);
        up_from(w, A);
        wire_run(w, 27000);
        CU_ASSERT_EQUAL(wire_sas(w, who), 1);
        CU_ASSERT(wire_reason(w, who) != IKE_REASON_CERT_UNKNOWN);
        wire_run(w, 2000);
        CU_ASSERT_EQUAL(wire_reason(w, who), IKE_REASON_CERT_UNKNOWN);
        CU_ASSERT_EQUAL(wire_children(w, who), 0);
        wire_free(w);
    }
}

static void an_SA_that_ends_while_it_waits_leaves_nothing(void)
{
    for (enum wire_end who = A; who <= B; who++) {
        struct wire *w = waiting(48 + who, who, false);
        up_from(w, A);
        CU_ASSERT_EQUAL_FATAL(wire_fetches(w, who), 1);
        (void)ike_clear(w->side[who].ike, &(struct ip_addr){0});
        wire_restart(w, who, false);
        wire_fetched(w, who, "CA1", NULL, 0);
        wire_run(w, 100);
        wire_free(w);
    }
}

/* The peer's profile is another one now, which does not believe IOSCA1. */
static void a_proof_that_waits_is_not_judged_without_its_profile_after_a_reload(void)
{
    struct wire *w = waiting(52, B, true);
    char *text = text_swap(reference("C10", "C12"), "   self-identity fqdn\n",
                           "   self-identity fqdn\n   initiate mode aggressive\n   ca trust-point IOSCA2\n");
    text = text_swap(text, "prof1", "prof2");
    up_from(w, A);
    CU_ASSERT_EQUAL_FATAL(wire_fetches(w, B), 1);
    wire_reload(w, B, text);
    wire_fetched(w, B, "CA1", NULL, 0);
    wire_run(w, 12000);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    CU_ASSERT(!wire_event(w, B, "SA authentication status: authenticated"));
    wire_free(w);
    free(text);
}

static void disconnect_revoked_peers_ends_the_live_one(void)
{
    for (unsigned on = 0; on < 2; on++) {
        const uint64_t revoked[] = {2};
        char err[PKI_TEXT_MAX], *text[2] = {reference("C9", "C11"), reference("C10", "C12")};
        struct wire_enrol r1 = {.fqdn = "R1.cisco.com", .crl_url = "http://192.0.2.80/ca.crl"}, r2 = r1;
        r2.fqdn = "R2.cisco.com";
        text[A] = text_swap(text[A], "revocation-check crl", "revocation-check none");
        if (on)
            text[B] = text_add(text[B], "crypto isakmp disconnect-revoked-peers\n");
        wire_network = true;
        struct wire *w = gates(50, text[A], text[B]);
        wire_network = false;
        wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
        wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
        up_from(w, A);
        wire_fetched(w, B, "CA1", NULL, 0);
        wire_run(w, 2000);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT_EQUAL_FATAL(pki_crl_request(w->side[B].pki, "IOSCA1", err), CV_OK);
        wire_fetched(w, B, "CA1", revoked, 1);
        wire_run(w, 500);
        CU_ASSERT_EQUAL(wire_children(w, B), on ? 0 : 1);
        wire_free(w);
    }
}

/* What a live SA rests on: the profile's trust-points, its maps with their lines, and the trust-point that vouched for the peer. */
static void a_reload_ends_who_rests_on_what_has_changed(void)
{
    static const struct {
        const char *from, *to;
        bool ends;
    } rows[] = {{"revocation-check none", "revocation-check crl", false},
                {"   ca trust-point IOSCA1\n", "   ca trust-point IOSCA2\n", true},
                {"   ca trust-point IOSCA1\n", "   ca trust-point IOSCA1\n   ca trust-point IOSCA2\n", true},
                {"   ca trust-point IOSCA1\n", "", true},
                {"subject-name co ou=it", "subject-name co ou=sales", true},
                {"MAP 20", "MAP 30", true},
                {"   match certificate MAP\n", "", true}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct wire_enrol r1 = {.fqdn = "R1.cisco.com"}, r2 = {.fqdn = "R2.cisco.com"};
        char *a = text_swap(reference("C9", "C11"), "   ca trust-point IOSCA1\n",
                            "   ca trust-point IOSCA1\n   match certificate MAP\n");
        a = text_swap(a, "revocation-check crl", "revocation-check none");
        a = text_add(a, "crypto pki certificate map MAP 10\n subject-name co ou=it\n"
                        "crypto pki certificate map MAP 20\n subject-name co ou=it\n");
        char *same = strdup(a), *changed = text_swap(strdup(a), rows[i].from, rows[i].to);
        struct wire *w = gates(60, a, reference("C10", "C12"));
        wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &r1);
        wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &r2);
        up_from(w, A);
        CU_ASSERT_FATAL(wire_both_up(w));
        wire_reload(w, A, same);
        CU_ASSERT_EQUAL(wire_children(w, A), 1);
        wire_reload(w, A, changed);
        CU_ASSERT_EQUAL(wire_children(w, A), rows[i].ends ? 0 : 1);
        wire_free(w);
        free(same);
        free(changed);
    }
}

UNIT_MAIN("dialogue: certificates in IKEv1", UNIT_TEST(CT_11_R1_initiates_and_both_use_IOSCA1),
          UNIT_TEST(CT_10_CT_11_R2_initiates_and_R1_refuses),
          UNIT_TEST(CT_11_enrolled_in_the_other_order_it_works_from_both_sides),
          UNIT_TEST(CT_12_without_ca_trust_point_nothing_is_refused), UNIT_TEST(CT_5_CT_6_CT_7_CT_15_events),
          UNIT_TEST(CT_8_enrolling_again_moves_a_trust_point_to_the_front),
          UNIT_TEST(CT_13_the_identity_is_the_trust_points_fqdn), UNIT_TEST(CT_14_several_ca_trust_points),
          UNIT_TEST(CT_1_to_CT_4_CT_16_what_MM3_and_MM4_ask_for),
          UNIT_TEST(CT_9_a_profile_without_ca_trust_point_validates_with_all),
          UNIT_TEST(RFC_4754_each_curve_has_its_method),
          UNIT_TEST(a_policy_whose_key_kind_is_missing_is_not_offered),
          UNIT_TEST(aggressive_mode_with_signatures),
          UNIT_TEST(pre_shared_keys_and_certificates_side_by_side),
          UNIT_TEST(large_chains_in_Cisco_fragments), UNIT_TEST(a_chain_of_4096_bits_in_Cisco_fragments),
          UNIT_TEST(Cisco_fragments_shrink_on_a_narrow_path),
          UNIT_TEST(G30_an_identity_that_is_not_in_the_certificate_is_refused),
          UNIT_TEST(G30_the_initiator_takes_only_whom_its_profile_matches),
          UNIT_TEST(G16_an_expired_own_certificate_is_not_used),
          UNIT_TEST(a_proof_waits_for_the_CRL_in_each_role_and_mode),
          UNIT_TEST(a_revoked_certificate_is_refused_in_each_role),
          UNIT_TEST(it_waits_for_half_a_minute_and_then_refuses),
          UNIT_TEST(an_SA_that_ends_while_it_waits_leaves_nothing),
          UNIT_TEST(a_proof_that_waits_is_not_judged_without_its_profile_after_a_reload),
          UNIT_TEST(disconnect_revoked_peers_ends_the_live_one),
          UNIT_TEST(a_reload_ends_who_rests_on_what_has_changed))
