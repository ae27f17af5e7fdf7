/* IKEv2 with certificates: V2-1 .. V2-12, CT-17, G16 .. G18, G28 .. G30, RFC 7427 and RFC 8420. */
#include "tests/dialogue/certs.h"
#include "tests/unit/unit.h"

enum { SETTLE_MS = 1500 };

static const struct wire_enrol ec = {.kind = CR_KEY_P256};
/* ECDSA both ways, which is quick: what the rules say does not depend on it. */
#define EC .local = "ecdsa-sig", .remote = "ecdsa-sig"
static const struct cert_conf by_ec = {EC};

static void up_from(struct wire *w, enum wire_end end)
{
    wire_up(w, end);
    wire_run(w, SETTLE_MS);
}

static struct wire *ec_wire(uint64_t seed, const struct cert_conf *a, const struct cert_conf *b)
{
    return cert_wire(seed, a ? a : &by_ec, b ? b : &by_ec, &ec);
}

/* Neither end is up, and the one that refused says so. */
static void refused(struct wire *w, enum wire_end by, enum ike_reason why)
{
    CU_ASSERT_EQUAL(wire_reason(w, by), why);
    if (wire_reason(w, by) != why)
        fprintf(stderr, "%s: %s\n%s", ike_reason_name(wire_reason(w, by)), wire_reason_text(w, by), w->trace);
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
}

/* ---- V2-1 .. V2-9 ----------------------------------------------------------------------------------------------------- */
static void V2_1_to_V2_4_payloads_in_the_order_of_the_captures(void)
{
    struct wire *w = cert_wire(1, NULL, NULL, NULL);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_dialogue(
        w, "A IKE_SA_INIT req 0: SA KE Nonce N(NAT_DETECTION_SOURCE_IP) N(NAT_DETECTION_DESTINATION_IP) "
           "N(FRAGMENTATION_SUPPORTED) N(SIGNATURE_HASH_ALGORITHMS)\n"
           "B IKE_SA_INIT resp 0: SA KE Nonce CERTREQ N(NAT_DETECTION_SOURCE_IP) "
           "N(NAT_DETECTION_DESTINATION_IP) "
           "N(FRAGMENTATION_SUPPORTED) N(SIGNATURE_HASH_ALGORITHMS)\n"
           "A IKE_AUTH req 1: IDi CERT CERTREQ N(INITIAL_CONTACT) AUTH SA TSi TSr N(SET_WINDOW_SIZE)\n"
           "B IKE_AUTH resp 1: IDr CERT AUTH SA TSi TSr N(SET_WINDOW_SIZE)\n"));
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static void V2_1_with_pre_shared_keys_nothing_is_said_of_certificates(void)
{
    const struct cert_conf psk = {.local = "pre-share", .remote = "pre-share"};
    struct wire *w = cert_wire(2, &psk, &psk, &ec);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(!wire_saw(w, "SIGNATURE_HASH") && !wire_saw(w, "IDi CERT"));
    CU_ASSERT_EQUAL(wire_count(w, "CERTREQ"), 1); /* V2-2: the responder does not know the profile yet */
    wire_free(w);
}

static void V2_2_V2_9_responder_asks_for_all_the_last_enrolled_first(void)
{
    struct wire *w = ec_wire(3, NULL, NULL);
    up_from(w, A);
    CU_ASSERT(wire_decided(w, B, "IKE_SA_INIT", "trustpoint", "V2-2", "IOSCA1")); /* B enrolled IOSCA1 last */
    wire_free(w);
    w = ec_wire(4, NULL, NULL);
    up_from(w, B);
    CU_ASSERT(wire_decided(w, A, "IKE_SA_INIT", "trustpoint", "V2-2", "IOSCA2"));
    CU_ASSERT(wire_event(w, A, "constructing CERT_REQ for issuer cn=CA2,o=cisco,o=com"));
    wire_free(w);
}

static void V2_3_initiator_signs_for_the_first_CERTREQ_within_its_profile(void)
{
    const struct cert_conf both = {EC, .trust = " pki trustpoint IOSCA2\n pki trustpoint IOSCA1\n"};
    struct wire *w = ec_wire(5, &both, &both);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_decided(w, A, "IKE_AUTH", "trustpoint", "V2-3", "IOSCA1"));
    CU_ASSERT(wire_event(w, A, "[IKEv2 -> PKI] Retrieving trustpoint(s) from received certificate hash(es)"));
    CU_ASSERT(wire_event(w, A, "Retrieved trustpoint(s): 'IOSCA1'"));
    CU_ASSERT(wire_event(w, A, "using the IOSCA1 trustpoint's keypair to sign"));
    wire_free(w);
    w = ec_wire(6, &both, &both);
    up_from(w, B);
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "trustpoint", "V2-3", "IOSCA2"));
    CU_ASSERT(wire_decided(w, A, "IKE_AUTH", "trustpoint", "G17", "IOSCA1")); /* B asks in its own order */
    wire_free(w);
    /* what its profile does not name does not count, whatever comes first */
    w = ec_wire(7, &both, NULL);
    up_from(w, B);
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "trustpoint", "V2-3", "IOSCA1"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void V2_5_C15_G18_initiator_without_trust_point_sends_nothing(void)
{
    const struct cert_conf none = {.trust = ""};
    struct wire *w = cert_wire(8, &none, NULL, NULL);
    up_from(w, A);
    refused(w, A, IKE_REASON_CERT_BUILD_FAILED);
    CU_ASSERT(wire_saw(w, "B IKE_SA_INIT resp 0")); /* IKE_SA_INIT completes */
    CU_ASSERT(!wire_saw(w, "IKE_AUTH"));
    CU_ASSERT(wire_event(w, A, "Failed to build certificate payload"));
    CU_ASSERT(wire_decided(w, A, "IKE_AUTH", "trustpoint", "V2-5", ""));
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    wire_free(w);
    /* V2-6: the responder needs none */
    w = cert_wire(9, &none, NULL, NULL);
    up_from(w, B);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_decided(w, A, "IKE_AUTH", "trustpoint", "V2-6", ""));
    wire_free(w);
}

static void V2_7_sign_and_verify_with_different_trust_points(void)
{
    const struct cert_conf a = {EC, .trust = " pki trustpoint IOSCA1 sign\n pki trustpoint IOSCA2 verify\n"},
                           b = {EC, .trust = " pki trustpoint IOSCA2 sign\n pki trustpoint IOSCA1 verify\n"};
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = ec_wire(10 + end, &a, &b);
        up_from(w, end);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_event(w, A, "using the IOSCA1 trustpoint's keypair to sign"));
        CU_ASSERT(wire_event(w, B, "using the IOSCA2 trustpoint's keypair to sign"));
        CU_ASSERT(wire_event(w, A, "Creating CERT validation list: IOSCA2,"));
        wire_free(w);
    }
}

/* C16 and C17: B is R2 with both trust-points, A is R1 with the first alone, and has enrolled the second one last. */
static void V2_8_C16_C17_two_trust_points_against_one(void)
{
    const struct cert_conf r2 = {.trust = " pki trustpoint IOSCA1\n pki trustpoint IOSCA2\n"};
    struct wire *w = cert_wire(12, NULL, &r2, NULL);
    up_from(w, B);
    CU_ASSERT(wire_decided(w, B, "IKE_AUTH", "trustpoint", "V2-3", "IOSCA2"));
    refused(w, A, IKE_REASON_CERT_UNTRUSTED);
    CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_AUTH_FAILED);
    CU_ASSERT(wire_saw(w, "A IKE_AUTH resp 1: N(AUTHENTICATION_FAILED)\n"));
    CU_ASSERT(wire_event(w, A, "Validation of certificate chain FAILED"));
    CU_ASSERT(wire_event(w, A, "Verification of peer's authentication data FAILED"));
    CU_ASSERT(wire_event(w, A, "Sending authentication failure notify"));
    wire_free(w);
    w = cert_wire(13, NULL, &r2, NULL); /* R1 initiates: R2 asks for what it has enrolled last, CA1 */
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
    w = gates(14, cert_gate(A, NULL),
              cert_gate(B, &r2)); /* enrolled in the other order: up from both sides */
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", NULL);
    wire_enrol_both(w, B, "IOSCA1", "IOSCA2", NULL);
    up_from(w, B);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
    w = cert_wire(15, &r2, &r2, NULL); /* symmetric trust-points */
    up_from(w, B);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void V2_10_events_on_the_way(void)
{
    struct wire *w = cert_wire(16, NULL, NULL, NULL);
    up_from(w, A);
    CU_ASSERT(wire_event(w, A, "Getting of cert chain for the trustpoint IOSCA1 PASSED"));
    CU_ASSERT(wire_event(w, A, "constructing CERT payload for cn=A,ou=IT,o=cisco,o=com"));
    CU_ASSERT(wire_event(w, B, "Peer's authentication method is 'RSA'"));
    CU_ASSERT(wire_event(w, B, "Validating certificate chain"));
    CU_ASSERT(wire_event(w, B, "Certificate validation succeeded"));
    CU_ASSERT(wire_event(w, B, "authenticated 192.168.0.1 by certificate"));
    wire_free(w);
}

static void V2_12_no_profile_for_the_identity_of_a_certificate(void)
{
    const struct cert_conf other = {EC, .match = "address 192.168.0.99 255.255.255.255"};
    struct wire *w = ec_wire(17, NULL, &other);
    up_from(w, A);
    refused(w, B, IKE_REASON_NO_PROFILE);
    CU_ASSERT(wire_event(w, B, "Profile could not be found by peer certificate."));
    CU_ASSERT(wire_event(w, B, "IKEv2 profile not found"));
    CU_ASSERT(wire_saw(w, "N(AUTHENTICATION_FAILED)"));
    wire_free(w);
}

/* ---- identities ---------------------------------------------------------------------------------------------------------- */
static void G29_the_default_identity_is_the_subject(void)
{
    const struct cert_conf dn = {EC, .identity = ""}, named = {EC, .identity = "dn"},
                           any = {EC, .match = "any"};
    const struct cert_conf *const both[] = {&dn, &named};
    for (unsigned i = 0; i < 2; i++) {
        struct wire *w = ec_wire(18 + i, both[i], &any);
        up_from(w, A);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(wire_sa(w, B)->peer_id_type, PKI_ID_DN);
        CU_ASSERT(wire_event(w, B, "authenticated cn=A,ou=IT,o=cisco,o=com by certificate"));
        wire_free(w);
    }
}

static void G30_an_identity_that_is_not_in_the_certificate_is_refused(void)
{
    struct wire_enrol other = ec;
    other.ip = "192.168.0.77";
    struct wire *w = cert_wire(20, &by_ec, &by_ec, &ec);
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &other);
    up_from(w, A);
    refused(w, B, IKE_REASON_ID_MISMATCH);
    wire_free(w);
    w = cert_wire(21, &by_ec, &by_ec,
                  &ec); /* ... nor does the initiator take it, and says so (RFC 7296 2.21.2) */
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &other);
    up_from(w, B);
    refused(w, B, IKE_REASON_ID_MISMATCH);
    CU_ASSERT(wire_saw(w, "B INFORMATIONAL req 2: N(AUTHENTICATION_FAILED)"));
    wire_free(w);
    const struct cert_conf fqdn = {EC, .identity = "fqdn A.cisco.com"}, any = {EC, .match = "any"};
    struct wire_enrol named = ec;
    named.fqdn = "a.CISCO.com";
    w = cert_wire(22, &fqdn, &any, &named); /* case aside it is the same name */
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void CT_17_the_peer_of_one_profile_may_have_a_certificate_of_any_listed_trust_point(void)
{
    const struct cert_conf both = {EC, .trust = " pki trustpoint IOSCA1\n pki trustpoint IOSCA2\n"},
                           first = {EC, .trust = " pki trustpoint IOSCA2\n"};
    struct wire *w = ec_wire(23, &both, &first);
    up_from(w, A);
    refused(w, B, IKE_REASON_CERT_UNTRUSTED); /* B asks for CA1 first, and verifies with CA2 alone */
    CU_ASSERT(wire_event(w, B, "which trust-point IOSCA1 has, but the profile allows only IOSCA2"));
    wire_free(w);
}

/* ---- which method --------------------------------------------------------------------------------------------------------- */
static void an_old_initiator(struct wire *w, struct wire_packet *p)
{
    /* the notify stands last: RFC 7427 is unknown to whoever does not send it */
    enum { NOTIFY_LEN = 16, NEXT = 16, LENGTH = 24 };
    struct ike_sa *sa = wire_sa(w, A);
    size_t at = PLD_HEADER_LEN, last = NEXT;
    p->len -= NOTIFY_LEN;
    while (at < p->len) {
        last = at;
        at += (size_t)p->data[at + 2] << 8 | p->data[at + 3];
    }
    p->data[last] = 0;
    p->data[LENGTH + 2] = (uint8_t)(p->len >> 8);
    p->data[LENGTH + 3] = (uint8_t)p->len;
    memcpy(v2_of(sa)->init_req, p->data, p->len);
    v2_of(sa)->init_req_len = p->len;
    v2_of(sa)->hashes_announced = false;
}

static bool old_peers(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)ctx;
    if (p->from == A && p->data[18] == PLD_IKE_SA_INIT)
        an_old_initiator(w, p);
    return true;
}

static void RFC_7427_each_kind_of_key_with_new_and_old_peers(void)
{
    static const struct {
        enum cr_key_kind kind;
        const char *auth, *by_7427, *old;
    } of[] = {{CR_KEY_RSA, "rsa-sig", "RSASSA-PSS", "SHA-1"},
              {CR_KEY_P256, "ecdsa-sig", "ECDSA", "ECDSA"},
              {CR_KEY_P384, "ecdsa-sig", "ECDSA", "ECDSA"},
              {CR_KEY_P521, "ecdsa-sig", "ECDSA", "ECDSA"},
              {CR_KEY_ED25519, "ecdsa-sig", "Ed25519", NULL}};
    for (unsigned i = 0; i < sizeof of / sizeof *of; i++)
        for (unsigned old = 0; old < 2; old++) {
            const struct cert_conf c = {.local = of[i].auth, .remote = of[i].auth};
            const struct wire_enrol how = {.kind = of[i].kind};
            struct wire *w = cert_wire(30 + i, &c, &c, &how);
            w->filter = old ? old_peers : NULL;
            up_from(w, A);
            CU_ASSERT_EQUAL(wire_saw(w, "N(SIGNATURE_HASH_ALGORITHMS)\nA IKE_AUTH"), !old);
            if (old && !of[i].old) { /* RFC 8420: only with a peer that has said so */
                refused(w, A, IKE_REASON_CERT_BUILD_FAILED);
                CU_ASSERT(!wire_saw(w, "IKE_AUTH"));
            } else {
                CU_ASSERT(wire_both_up(w));
                CU_ASSERT(wire_event(w, A, old ? of[i].old : of[i].by_7427));
                CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
            }
            wire_free(w);
        }
}

static void each_profile_takes_only_the_methods_that_it_names(void)
{
    static const struct {
        const char *mine, *wanted;
        bool ok;
    } of[] = {{"rsa-sig", "pre-share", false}, {"ecdsa-sig", "pre-share", false},
              {"pre-share", "rsa-sig", false}, {"pre-share", "ecdsa-sig", false},
              {"rsa-sig", "ecdsa-sig", false}, {"ecdsa-sig", "rsa-sig", false},
              {"rsa-sig", "rsa-sig", true},    {"ecdsa-sig", "ecdsa-sig", true},
              {"pre-share", "pre-share", true}};
    for (unsigned i = 0; i < sizeof of / sizeof *of; i++)
        for (enum wire_end from = A; from <= B; from++) {
            /* A proves itself by `mine`, B wants `wanted` of A; B itself has the pre-shared key */
            const struct cert_conf a = {.local = of[i].mine, .remote = "pre-share"},
                                   b = {.local = "pre-share", .remote = of[i].wanted};
            const struct wire_enrol how = {.kind = strcmp(of[i].mine, "rsa-sig") ? CR_KEY_P256 : CR_KEY_RSA};
            struct wire *w = cert_wire(40 + i, &a, &b, &how);
            up_from(w, from);
            if (of[i].ok)
                CU_ASSERT(wire_both_up(w));
            if (!of[i].ok)
                refused(w, B, IKE_REASON_AUTH_FAILED);
            wire_free(w);
        }
}

static void G16_a_key_of_another_kind_than_authentication_local_does_not_sign(void)
{
    struct wire *w = gates(50, cert_gate(A, NULL), cert_gate(B, NULL));
    wire_enrol_both(w, A, "IOSCA1", "IOSCA2", &ec); /* rsa-sig is configured */
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", NULL);
    up_from(w, A);
    refused(w, A, IKE_REASON_CERT_BUILD_FAILED);
    CU_ASSERT(!wire_saw(w, "IKE_AUTH"));
    wire_free(w);
}

/* ---- what a certificate is worth ------------------------------------------------------------------------------------------ */
static void refused_certificate(const struct wire_enrol *how, enum ike_reason why)
{
    for (enum wire_end from = A; from <= B; from++) {
        struct wire *w = gates(60, cert_gate(A, &by_ec), cert_gate(B, &by_ec));
        wire_enrol_both(w, A, "IOSCA2", "IOSCA1", how);
        wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &ec);
        up_from(w, from);
        refused(w, B, why);
        CU_ASSERT(wire_saw(w, "N(AUTHENTICATION_FAILED)"));
        CU_ASSERT(
            wire_event(w, B, "%CRYPTO-5-IKMP_INVALID_CERT: Certificate received from 192.168.0.1 is bad"));
        CU_ASSERT(!wire_packet(w, A) && !wire_packet(w, B));
        wire_free(w);
    }
}

static void refused_for_its_use(void)
{
    refused_certificate(&(struct wire_enrol){.kind = CR_KEY_P256, .ext_usage = "1.3.6.1.5.5.7.3.3"},
                        IKE_REASON_CERT_FORBIDDEN); /* code signing */
}

/* The certificates are good when the ends come up; an hour later they are not. */
static void a_certificate_expires_and_is_refused_at_the_next_negotiation(void)
{
    const struct wire_enrol hour = {.kind = CR_KEY_P256, .until = 3600};
    struct wire *w = ec_wire(61, NULL, NULL);
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &hour);
    wire_run(w, 3500 * 1000);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
    w = ec_wire(62, NULL, NULL);
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &hour);
    wire_run(w, 3700 * 1000);
    up_from(w, A); /* G16: an own certificate that is not valid is not used */
    refused(w, A, IKE_REASON_CERT_BUILD_FAILED);
    wire_free(w);
}

/* `lifetime certificate`: B's certificate is good for an hour, and so is A's SA with it, which is never rekeyed. B has the ordinary lifetime; what it rekeys
 * ends no later at A. */
static void lifetime_certificate_ends_the_SA_with_the_proof(void)
{
    char err[SEL_TEXT_MAX];
    static const struct cert_conf until = {EC, .profile = " lifetime certificate\n"};
    const struct wire_enrol hour = {.kind = CR_KEY_P256, .until = 3600};
    struct wire *w = gates(65, cert_gate(A, &until), cert_gate(B, &by_ec));
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &ec);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &hour);
    up_from(w, A);
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT_TRUE(wire_sa(w, A)->lifetime_s <= 3600 && wire_sa(w, A)->lifetime_s > 3580);
    uint32_t first = wire_sa(w, A)->conn_id;
    wire_run(w, 3000 * 1000);
    CU_ASSERT_EQUAL(wire_sa(w, A)->conn_id, first);
    CU_ASSERT_EQUAL(ike_rekey(w->side[B].ike, "Tunnel1", true, err, sizeof err), CV_OK);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_TRUE(wire_both_up(w) && wire_sa(w, A)->conn_id != first);
    wire_run(w, 700 * 1000);
    CU_ASSERT_EQUAL(wire_children(w, A), 0); /* and cannot come up again: B has nothing to prove itself by */
    wire_free(w);
}

static void intermediate_CAs_are_sent_along(void)
{
    struct wire_enrol sub = ec;
    sub.via = "Sub";
    struct wire *w = gates(63, cert_gate(A, &by_ec), cert_gate(B, &by_ec));
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &sub);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &ec);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_saw(w, "IDi CERT CERT CERTREQ")); /* the root is not sent */
    wire_free(w);
    /* A's trust-point is the intermediate CA itself: B asks for the root, and A knows that it is above */
    sub.ca_is_via = true;
    w = gates(64, cert_gate(A, &by_ec), cert_gate(B, &by_ec));
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &sub);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &sub);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void RFC_7383_long_chains_in_fragments(void)
{
    struct wire_enrol sub = {.kind = CR_KEY_RSA, .via = "Sub"};
    const struct cert_conf c = {.global = "crypto ikev2 fragmentation mtu 576\n"};
    struct wire *w = gates(65, cert_gate(A, &c), cert_gate(B, &c));
    wire_enrol_both(w, A, "IOSCA2", "IOSCA1", &sub);
    wire_enrol_both(w, B, "IOSCA2", "IOSCA1", &sub);
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(w->side[A].mtu_max <= 576 && w->side[B].mtu_max <= 576);
    CU_ASSERT(ike_counters(w->side[A].ike)->fragments_in > 2);
    wire_free(w);
}

/* The path takes less than what is configured: what is not answered goes in smaller fragments, and what passed is remembered. */
static void RFC_7383_2_5_2_a_narrow_path_is_found(void)
{
    enum { UDP_IP = 28 };
    static const struct {
        const char *global;
        unsigned path;
    } rows[] = {{"", 600},
                {"", 576},
                {"crypto ikev2 fragmentation mtu 1500\n", 1400},
                {"crypto ikev2 fragmentation mtu 1500\n", 576}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) { /* keys of 4096 bits take their time */
        const struct cert_conf c = {.revocation = "none", .global = rows[i].global};
        struct wire *w = gates(67, cert_gate(A, &c), cert_gate(B, &c));
        wire_enrol_large(w, A, "IOSCA1", "a.example");
        wire_enrol_large(w, B, "IOSCA1", "b.example");
        w->mtu = rows[i].path - UDP_IP;
        wire_up(w, i & 1 ? B : A);
        wire_run(w, 40000);
        CU_ASSERT(wire_both_up(w));
        char err[SEL_TEXT_MAX];
        wire_trace_clear(w);
        (void)ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err);
        wire_run(w, 100); /* at once */
        CU_ASSERT_EQUAL(wire_count(w, "B CREATE_CHILD_SA resp"), 1);
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        wire_free(w);
    }
}

/* Without the peer's word for it (RFC 7383 2.3) there is nothing to be done: the message stays whole, and nothing is made up. */
static bool no_RFC_7383(struct wire *w, struct wire_packet *p, void *ctx)
{
    static const uint8_t notify[] = {0, 0, 0x40, 0x2e}; /* protocol, SPI size, FRAGMENTATION_SUPPORTED */
    (void)w;
    (void)ctx;
    if (p->data[18] == PLD_IKE_SA_INIT)
        for (size_t at = 28; at + sizeof notify <= p->len; at++)
            if (memcmp(p->data + at, notify, sizeof notify) == 0)
                p->data[at + 2] = 0x9f;
    return true;
}

static void RFC_7383_2_3_nothing_is_cut_for_a_peer_without_it(void)
{
    const struct cert_conf c = {.revocation = "none"};
    struct wire *w = gates(68, cert_gate(A, &c), cert_gate(B, &c));
    wire_enrol_large(w, A, "IOSCA1", "a.example");
    wire_enrol_large(w, B, "IOSCA1", "b.example");
    w->mtu = 1252;
    w->filter = no_RFC_7383;
    wire_up(w, A);
    wire_run(w, 80000);
    CU_ASSERT_FALSE(wire_saw(w, "fragment"));
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    wire_free(w);
}

static void RFC_7383_a_chain_of_4096_bits(void)
{
    const struct cert_conf c = {.revocation = "none"};
    struct wire *w = gates(66, cert_gate(A, &c), cert_gate(B, &c));
    wire_enrol_large(w, A, "IOSCA1", "a.example");
    wire_enrol_large(w, B, "IOSCA1", "b.example");
    w->mtu = 1280;
    up_from(w, A);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(ike_counters(w->side[B].ike)->fragments_in >= 3);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

/* DN identities match nothing but `any` and certificate maps. */
static void V2_12_match_certificate_finds_the_profile_of_a_DN(void)
{
    static const char map[] =
        "crypto pki certificate map IT 10\n subject-name co ou = IT\n issuer-name co cn=ca1\n exit\n",
                      other[] = "crypto pki certificate map IT 10\n subject-name co ou = sales\n exit\n";
    const struct cert_conf dn = {EC, .identity = "dn"};
    for (unsigned i = 0; i < 2; i++) {
        const struct cert_conf by_map = {EC, .match = "address 192.168.0.99 255.255.255.255",
                                         .profile = " match certificate IT\n", .global = i ? other : map};
        struct wire *w = ec_wire(67, &dn, &by_map);
        up_from(w, A);
        if (i == 0)
            CU_ASSERT(wire_both_up(w));
        if (i == 1)
            refused(w, B, IKE_REASON_NO_PROFILE);
        wire_free(w);
    }
}

/* ---- the network: a message that waits ------------------------------------------------------------------------------------ */
static const struct wire_enrol with_crl = {.kind = CR_KEY_P256, .crl_url = "http://192.0.2.80/ca.crl"};

/* B, or A, asks the network about the other end; the one that does not look has `revocation-check none`. */
static struct wire *waiting(uint64_t seed, enum wire_end who)
{
    const struct cert_conf looks = {EC, .revocation = "crl"}, trusts = {EC, .revocation = "none"};
    wire_network = true;
    struct wire *w = cert_wire(seed, who == A ? &looks : &trusts, who == B ? &looks : &trusts, &with_crl);
    wire_network = false;
    return w;
}

static void a_request_waits_for_the_CRL_and_is_answered_when_it_comes(void)
{
    struct wire *w = waiting(70, B);
    up_from(w, A);
    CU_ASSERT_EQUAL(wire_fetches(w, B), 1);
    CU_ASSERT(!wire_saw(w, "B IKE_AUTH"));
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(wire_event(w, B, "Revocation check is under way"));
    wire_fetched(w, B, "CA1", NULL, 0);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_count(w, "B IKE_AUTH resp 1"), 1);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static void a_retransmission_drives_it_again_but_not_more_than_once_a_second(void)
{
    struct wire *w = waiting(71, B);
    up_from(w, A);
    unsigned looked = wire_decisions(w, B, "IKE_AUTH", "profile", NULL, NULL);
    wire_run(w, 3000); /* one retransmission, after two seconds */
    CU_ASSERT_EQUAL(wire_decisions(w, B, "IKE_AUTH", "profile", NULL, NULL), looked + 1);
    CU_ASSERT_EQUAL(wire_fetches(w, B), 1); /* asked for once */
    w->dup = 100;                           /* each of the next ones comes twice */
    unsigned before = wire_decisions(w, B, "IKE_AUTH", "profile", NULL, NULL);
    wire_run(w, 4500);
    CU_ASSERT_EQUAL(wire_decisions(w, B, "IKE_AUTH", "profile", NULL, NULL), before + 1);
    w->dup = 0;
    wire_fetched(w, B, "CA1", NULL, 0);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void it_waits_for_half_a_minute_and_then_refuses(void)
{
    struct wire *w = waiting(72, B);
    up_from(w, A);
    wire_run(w, 27000);
    CU_ASSERT(!wire_saw(w, "B IKE_AUTH"));
    wire_run(w, 3000);
    refused(w, B, IKE_REASON_CERT_UNKNOWN);
    CU_ASSERT(wire_saw(w, "B IKE_AUTH resp 1: N(AUTHENTICATION_FAILED)"));
    wire_run(w, 60000);
    CU_ASSERT(wire_sas(w, B) <= 1);
    wire_free(w);
}

static void a_network_that_fails_refuses_at_once(void)
{
    struct wire *w = waiting(73, B);
    up_from(w, A);
    wire_fetched(w, B, NULL, NULL, 0);
    wire_run(w, SETTLE_MS);
    refused(w, B, IKE_REASON_CERT_UNKNOWN);
    CU_ASSERT(wire_saw(w, "B IKE_AUTH resp 1: N(AUTHENTICATION_FAILED)"));
    wire_free(w);
}

static void a_revoked_certificate_is_refused_by_either_role(void)
{
    for (enum wire_end from = A; from <= B; from++) {
        struct wire *w = waiting(74 + from, B);
        const uint64_t revoked[] = {1, 2}; /* A's is number 2 */
        up_from(w, from);
        CU_ASSERT_EQUAL_FATAL(wire_fetches(w, B), 1);
        wire_fetched(w, B, "CA1", revoked, 2);
        wire_run(w, SETTLE_MS);
        refused(w, B, IKE_REASON_CERT_REVOKED);
        CU_ASSERT(wire_saw(w, "N(AUTHENTICATION_FAILED)"));
        wire_free(w);
    }
}

static void a_response_waits_and_the_request_is_not_sent_again(void)
{
    struct wire *w = waiting(76, A);
    up_from(w, A);
    CU_ASSERT_EQUAL(wire_fetches(w, A), 1);
    CU_ASSERT(wire_saw(w, "B IKE_AUTH resp 1"));
    wire_run(w, 20000);
    CU_ASSERT_EQUAL(wire_count(w, "A IKE_AUTH"), 1);
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT(!wire_sa(w, A)->established);
    wire_fetched(w, A, "CA1", NULL, 0);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static void a_response_waits_for_half_a_minute_and_then_is_refused(void)
{
    struct wire *w = waiting(77, A);
    up_from(w, A);
    wire_run(w, 29000);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_CERT_UNKNOWN);
    CU_ASSERT(wire_saw(w, "A INFORMATIONAL req 2: N(AUTHENTICATION_FAILED)"));
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    wire_free(w);
}

static void an_SA_that_ends_while_it_waits_leaves_nothing(void)
{
    for (enum wire_end who = A; who <= B; who++) {
        char err[SEL_TEXT_MAX];
        struct wire *w = waiting(78 + who, who);
        up_from(w, A);
        CU_ASSERT_EQUAL_FATAL(wire_fetches(w, who), 1);
        if (who == A)
            CU_ASSERT_EQUAL(ike_down(w->side[A].ike, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
        if (who == B)
            wire_restart(w, B, false);
        wire_fetched(w, who, "CA1", NULL, 0); /* nobody waits any more */
        wire_run(w, 100);
        CU_ASSERT_EQUAL(wire_sas(w, who), 0);
        wire_free(w);
    }
}

static void a_message_in_fragments_waits_whole(void)
{
    const struct wire_enrol e = {.kind = CR_KEY_RSA, .crl_url = "http://192.0.2.80/ca.crl"};
    const struct cert_conf looks = {.revocation = "crl", .global = "crypto ikev2 fragmentation mtu 576\n"},
                           trusts = {.revocation = "none", .global = "crypto ikev2 fragmentation mtu 576\n"};
    wire_network = true;
    struct wire *w = cert_wire(80, &trusts, &looks, &e);
    wire_network = false;
    up_from(w, A);
    CU_ASSERT_EQUAL_FATAL(wire_fetches(w, B), 1);
    wire_fetched(w, B, "CA1", NULL, 0);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void disconnect_revoked_peers_ends_the_live_one(void)
{
    for (unsigned on = 0; on < 2; on++) {
        const struct cert_conf looks = {EC, .revocation = "crl",
                                        .global = on ? "crypto ikev2 disconnect-revoked-peers\n" : ""},
                               trusts = {EC, .revocation = "none"};
        const uint64_t revoked[] = {2};
        char err[PKI_TEXT_MAX];
        wire_network = true;
        struct wire *w = cert_wire(81, &trusts, &looks, &with_crl);
        wire_network = false;
        up_from(w, A);
        wire_fetched(w, B, "CA1", NULL, 0);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT_EQUAL_FATAL(pki_crl_request(w->side[B].pki, "IOSCA1", err), CV_OK);
        wire_fetched(w, B, "CA1", revoked, 1);
        wire_run(w, 500);
        CU_ASSERT_EQUAL(wire_children(w, B), on ? 0 : 1);
        if (on)
            CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_CERT_REVOKED);
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
                {" pki trustpoint IOSCA1 sign\n", " pki trustpoint IOSCA2 sign\n", true},
                {"subject-name co cn=b", "subject-name co cn=c", true},
                {" match certificate MAP\n", "", true},
                {"crypto pki trustpoint IOSCA1\n", "crypto pki trustpoint OTHER\n", true}};
    /* any trust-point may have issued the peer's: it names none to verify with */
    const struct cert_conf conf = {EC, .revocation = "none",
                                   .trust = " pki trustpoint IOSCA1 sign\n match certificate MAP\n",
                                   .global = "crypto pki certificate map MAP 10\n subject-name co cn=b\n"};
    const struct cert_conf trusts = {EC, .revocation = "none"};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *same = cert_gate(A, &conf), *changed = text_swap(cert_gate(A, &conf), rows[i].from, rows[i].to);
        struct wire *w = ec_wire(82, &conf, &trusts);
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

UNIT_MAIN("dialogue: certificates in IKEv2", UNIT_TEST(V2_1_to_V2_4_payloads_in_the_order_of_the_captures),
          UNIT_TEST(V2_1_with_pre_shared_keys_nothing_is_said_of_certificates),
          UNIT_TEST(V2_2_V2_9_responder_asks_for_all_the_last_enrolled_first),
          UNIT_TEST(V2_3_initiator_signs_for_the_first_CERTREQ_within_its_profile),
          UNIT_TEST(V2_5_C15_G18_initiator_without_trust_point_sends_nothing),
          UNIT_TEST(V2_7_sign_and_verify_with_different_trust_points),
          UNIT_TEST(V2_8_C16_C17_two_trust_points_against_one), UNIT_TEST(V2_10_events_on_the_way),
          UNIT_TEST(V2_12_no_profile_for_the_identity_of_a_certificate),
          UNIT_TEST(G29_the_default_identity_is_the_subject),
          UNIT_TEST(G30_an_identity_that_is_not_in_the_certificate_is_refused),
          UNIT_TEST(CT_17_the_peer_of_one_profile_may_have_a_certificate_of_any_listed_trust_point),
          UNIT_TEST(RFC_7427_each_kind_of_key_with_new_and_old_peers),
          UNIT_TEST(each_profile_takes_only_the_methods_that_it_names),
          UNIT_TEST(G16_a_key_of_another_kind_than_authentication_local_does_not_sign),
          UNIT_TEST(refused_for_its_use),
          UNIT_TEST(a_certificate_expires_and_is_refused_at_the_next_negotiation),
          UNIT_TEST(lifetime_certificate_ends_the_SA_with_the_proof),
          UNIT_TEST(intermediate_CAs_are_sent_along), UNIT_TEST(RFC_7383_long_chains_in_fragments),
          UNIT_TEST(RFC_7383_a_chain_of_4096_bits), UNIT_TEST(RFC_7383_2_5_2_a_narrow_path_is_found),
          UNIT_TEST(RFC_7383_2_3_nothing_is_cut_for_a_peer_without_it),
          UNIT_TEST(V2_12_match_certificate_finds_the_profile_of_a_DN),
          UNIT_TEST(a_request_waits_for_the_CRL_and_is_answered_when_it_comes),
          UNIT_TEST(a_retransmission_drives_it_again_but_not_more_than_once_a_second),
          UNIT_TEST(it_waits_for_half_a_minute_and_then_refuses),
          UNIT_TEST(a_network_that_fails_refuses_at_once),
          UNIT_TEST(a_revoked_certificate_is_refused_by_either_role),
          UNIT_TEST(a_response_waits_and_the_request_is_not_sent_again),
          UNIT_TEST(a_response_waits_for_half_a_minute_and_then_is_refused),
          UNIT_TEST(an_SA_that_ends_while_it_waits_leaves_nothing),
          UNIT_TEST(a_message_in_fragments_waits_whole),
          UNIT_TEST(disconnect_revoked_peers_ends_the_live_one),
          UNIT_TEST(a_reload_ends_who_rests_on_what_has_changed))
