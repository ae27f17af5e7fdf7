/* Children of AH (RFC 4302) with both versions of IKE: what is offered, taken and installed, rekeys and deletes by protocol, sets of both
 * protocols in one profile, what is refused with which reason, and a NAT. */
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1500, PATIENCE_MS = 70000, LINGER_MS = 20000 };

#define BOTH_SETS "crypto ipsec transform-set TWO esp-gcm 256\n"

static struct wire *begin(const struct wire_conf *a, const struct wire_conf *b, enum wire_end by)
{
    struct wire *w = wire_new(1, a, b);
    wire_up(w, by);
    wire_run(w, SETTLE_MS);
    return w;
}

static const struct cv_sa *half(struct wire *w, enum wire_end end, enum cv_dir dir)
{
    const struct mock_dp *dp = w->side[end].dp;
    const struct sam_child *c = wire_child(w, end);
    return dir == CV_DIR_IN ? &dp->in[c->in.sa_id].sa : &dp->out[c->out.sa_id].sa;
}

static void is_ah(struct wire *w, uint16_t integ, uint8_t key_len)
{
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT(wire_consistent(w, true));
    CU_ASSERT_EQUAL(wire_traffic(w, 50), 0);
    for (enum wire_end end = A; end <= B; end++)
        for (int dir = CV_DIR_IN; dir <= CV_DIR_OUT; dir++) {
            const struct cv_sa *sa = half(w, end, (enum cv_dir)dir);
            CU_ASSERT_EQUAL(sa->proto, CV_PROTO_AH);
            CU_ASSERT_EQUAL(sa->encr, CV_ENCR_NULL);
            CU_ASSERT_EQUAL(sa->integ, integ);
            CU_ASSERT_EQUAL(sa->integ_key_len, key_len);
            CU_ASSERT_EQUAL(sa->encr_key_len, 0);
        }
    CU_ASSERT_EQUAL(wire_child(w, A)->out.spi, wire_child(w, B)->in.spi);
    CU_ASSERT_EQUAL(wire_child(w, B)->out.spi, wire_child(w, A)->in.spi);
}

static void every_algorithm_from_either_side(void)
{
    static const struct {
        const char *word;
        uint16_t integ;
        uint8_t key_len;
    } rows[] = {{"ah-sha-hmac", CV_INTEG_HMAC_SHA1_96, 20},
                {"ah-sha256-hmac", CV_INTEG_HMAC_SHA2_256_128, 32},
                {"ah-sha384-hmac", CV_INTEG_HMAC_SHA2_384_192, 48},
                {"ah-sha512-hmac", CV_INTEG_HMAC_SHA2_512_256, 64}};
    for (unsigned i = 0; i < 4 * sizeof rows / sizeof *rows; i++) {
        const struct wire_conf c = {.ikev1 = i & 1,
                                    .transform = rows[i / 4].word,
                                    .ipsec =
                                        i & 2 ? " set pfs group19\n set security-association esn\n" : NULL};
        struct wire *w = begin(&c, &c, i & 2 ? B : A);
        is_ah(w, rows[i / 4].integ, rows[i / 4].key_len);
        CU_ASSERT_EQUAL(wire_child(w, A)->esn, (i & 2) != 0);
        wire_free(w);
    }
}

static void rekeys_and_deletes_name_the_protocol(void)
{
    for (int v1 = 0; v1 < 2; v1++) {
        const struct wire_conf c = {.ikev1 = v1, .transform = "ah-sha256-hmac"};
        struct wire *w = begin(&c, &c, A);
        is_ah(w, CV_INTEG_HMAC_SHA2_256_128, 32);
        for (enum wire_end by = A; by <= B; by++) {
            char err[SEL_TEXT_MAX];
            const uint32_t before = wire_child(w, A)->in.spi;
            wire_trace_clear(w);
            CU_ASSERT_EQUAL(ike_rekey(w->side[by].ike, w->side[by].tunnel, false, err, sizeof err),
                            IKE_CMD_STARTED);
            CU_ASSERT_EQUAL(wire_traffic(w, LINGER_MS), 0);
            CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
            CU_ASSERT(wire_saw(w, "D(AH"));
            CU_ASSERT_FALSE(wire_saw(w, "D(ESP"));
            CU_ASSERT_EQUAL(wire_children(w, A), 1);
            CU_ASSERT_EQUAL(wire_children(w, B), 1);
            is_ah(w, CV_INTEG_HMAC_SHA2_256_128, 32);
        }
        wire_trace_clear(w);
        const struct ike_pick all = {0};
        CU_ASSERT_EQUAL(ike_clear_children(w->side[A].ike, &all), 1);
        wire_run(w, 100);
        CU_ASSERT(wire_saw(w, "D(AH"));
        wire_free(w);
    }
}

static void a_profile_of_both_protocols_finds_what_the_peer_has(void)
{
    for (unsigned i = 0; i < 8; i++) {
        const struct wire_conf both = {.ikev1 = i & 1,
                                       .transform = "ah-sha512-hmac",
                                       .global = BOTH_SETS,
                                       .ipsec = i & 4 ? " set transform-set TWO TS\n"
                                                      : " set transform-set TS TWO\n"},
                               ah = {.ikev1 = i & 1, .transform = "ah-sha512-hmac"},
                               esp = {.ikev1 = i & 1, .transform = "esp-gcm 256"};
        struct wire *w = begin(&both, i & 2 ? &ah : &esp, A);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT_EQUAL(half(w, A, CV_DIR_OUT)->proto, i & 2 ? CV_PROTO_AH : CV_PROTO_ESP);
        CU_ASSERT_EQUAL(half(w, B, CV_DIR_OUT)->proto, i & 2 ? CV_PROTO_AH : CV_PROTO_ESP);
        CU_ASSERT_EQUAL(wire_traffic(w, 20), 0);
        wire_free(w);
    }
}

static void AH_is_not_ESP_of_the_same_hash(void)
{
    for (unsigned i = 0; i < 6; i++) {
        static const char *const others[] = {"esp-null esp-sha256-hmac", "ah-sha512-hmac", "ah-md5-hmac"};
        const struct wire_conf a = {.ikev1 = i & 1, .transform = "ah-sha256-hmac"},
                               b = {.ikev1 = i & 1, .transform = others[i / 2]};
        struct wire *w = begin(&a, &b, A);
        wire_run(w, 5000);
        CU_ASSERT_EQUAL(wire_children(w, A), 0);
        CU_ASSERT_EQUAL(wire_children(w, B), 0);
        CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NO_PROPOSAL);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
        wire_free(w);
    }
}

/* RFC 3715 2.1: AH vouches for the addresses. Offered by either side it is refused with the reason; another set of the profile is taken. */
static void no_AH_through_a_NAT(void)
{
    for (unsigned i = 0; i < 4; i++) {
        const struct wire_conf two = {.ikev1 = i & 1,
                                      .transform = "ah-sha256-hmac",
                                      .global = BOTH_SETS,
                                      .ipsec = " set transform-set TS TWO\n"};
        const struct wire_conf plain = {.ikev1 = i & 1, .transform = "ah-sha256-hmac"};
        const struct wire_conf *conf = i & 2 ? &two : &plain;
        struct wire *w = wire_new(1, conf, conf);
        w->nat = w->side[A].address; /* the port alone is changed: identities stay as configured */
        w->nat_port = 20000;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        if (i & 2) {
            CU_ASSERT_FATAL(wire_both_up(w));
            CU_ASSERT_EQUAL(half(w, A, CV_DIR_OUT)->proto, CV_PROTO_ESP);
            CU_ASSERT(half(w, A, CV_DIR_OUT)->flags & CV_SA_NATT);
        } else {
            CU_ASSERT_EQUAL(wire_children(w, A), 0);
            CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NO_PROPOSAL);
            CU_ASSERT(wire_event(w, A, "AH cannot pass the NAT"));
        }
        wire_free(w);
    }
}

static void children_of_AH_are_adopted_after_a_restart(void)
{
    const struct wire_conf c = {.transform = "ah-sha384-hmac"};
    struct wire *w = begin(&c, &c, A);
    is_ah(w, CV_INTEG_HMAC_SHA2_384_192, 48);
    w->side[B].muted = true;
    wire_restart(w, A, false);
    wire_adopt(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_children(w, A), 1);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static void soft_limit_reached(struct wire *w)
{
    const struct sam_child *c = wire_child(w, A);
    const struct cv_evt e = {.type = CV_EVT_SA_SOFT, .u.sa_event = {.ref = c->out, .cookie = c->cookie}};
    mock_dp_push(w->side[A].dp, &e);
}

/* By time (IKE's own), and by octets and packets (the data plane's to count): AH is rekeyed before the end, and nothing is lost. */
static void lifetimes_of_AH_end_in_a_rekey(void)
{
    enum { SECONDS = 120, KB = 2560, PACKETS = 100000 };
    for (int v1 = 0; v1 < 2; v1++) {
        const struct wire_conf c = {.ikev1 = v1,
                                    .transform = "ah-sha256-hmac",
                                    .ipsec = " set security-association lifetime seconds 120\n"
                                             " set security-association lifetime kilobytes 2560\n"
                                             " set security-association lifetime packets 100000\n"};
        struct wire *w = begin(&c, &c, A);
        for (int dir = CV_DIR_IN; dir <= CV_DIR_OUT; dir++) {
            const struct cv_sa *sa = half(w, A, (enum cv_dir)dir);
            CU_ASSERT(sa->hard_bytes == KB * 1024 && sa->hard_packets == PACKETS);
            CU_ASSERT(sa->soft_bytes > 0 && sa->soft_bytes < sa->hard_bytes);
            CU_ASSERT(sa->soft_packets > 0 && sa->soft_packets < sa->hard_packets);
        }
        uint32_t before = wire_child(w, A)->in.spi;
        soft_limit_reached(w);
        CU_ASSERT_EQUAL(wire_traffic(w, 2000), 0);
        CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
        before = wire_child(w, A)->in.spi;
        CU_ASSERT_EQUAL(wire_traffic(w, SECONDS * 1000), 0);
        CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
        wire_run(w, LINGER_MS); /* the replaced one is gone */
        is_ah(w, CV_INTEG_HMAC_SHA2_256_128, 32);
        wire_free(w);
    }
}

/* What a person reads of a Quick Mode about AH is about AH. */
static void IKEv1_says_AH_where_it_is_AH(void)
{
    const struct wire_conf a = {.ikev1 = true, .transform = "ah-sha256-hmac"},
                           b = {.ikev1 = true, .transform = "esp-gcm 256"};
    struct wire *w = begin(&a, &a, A);
    CU_ASSERT(wire_event(w, B, "protocol= AH"));
    CU_ASSERT_FALSE(wire_event(w, B, "protocol= ESP"));
    wire_free(w);
    w = begin(&b, &b, A);
    CU_ASSERT(wire_event(w, B, "protocol= ESP"));
    wire_free(w);
}

UNIT_MAIN("dialogue_ah", UNIT_TEST(every_algorithm_from_either_side), UNIT_TEST(IKEv1_says_AH_where_it_is_AH),
          UNIT_TEST(lifetimes_of_AH_end_in_a_rekey), UNIT_TEST(rekeys_and_deletes_name_the_protocol),
          UNIT_TEST(a_profile_of_both_protocols_finds_what_the_peer_has),
          UNIT_TEST(AH_is_not_ESP_of_the_same_hash), UNIT_TEST(no_AH_through_a_NAT),
          UNIT_TEST(children_of_AH_are_adopted_after_a_restart))
