/* IKEv1's phase 2 over the wire: Quick Mode, rekeying of both phases without loss, deletes, dead peer detection, replays and forgeries. */
#include "tests/dialogue/rules_v1.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OVERLAP_MS = 15000, REPLACED_MS = 45000 };

static struct wire *begin(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b,
                          enum wire_end by)
{
    static const struct wire_conf plain = {.ikev1 = true};
    struct wire *w = wire_new(seed, a ? a : &plain, b ? b : &plain);
    wire_up(w, by);
    wire_run(w, SETTLE_MS);
    return w;
}

static struct wire *up(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b)
{
    struct wire *w = begin(seed, a, b, A);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

static enum ike_cmd_outcome rekey(struct wire *w, enum wire_end end, bool ike_sa)
{
    char err[SEL_TEXT_MAX];
    return ike_rekey(w->side[end].ike, w->side[end].tunnel, ike_sa, err, sizeof err);
}

static bool settled(struct wire *w)
{
    bool ok = wire_both_up(w) && wire_consistent(w, true) && wire_children(w, A) == 1 &&
              wire_children(w, B) == 1 && wire_sas(w, A) == 1 && wire_sas(w, B) == 1 &&
              wire_child(w, A)->out.spi == wire_child(w, B)->in.spi &&
              wire_child(w, A)->in.spi == wire_child(w, B)->out.spi &&
              wire_child(w, A)->owner == wire_sa(w, A)->conn_id &&
              memcmp(wire_sa(w, A)->spi_i, wire_sa(w, B)->spi_i, 8) == 0;
    if (!ok)
        fprintf(stderr, "seed %llu: A %u children %u SAs, B %u children %u SAs\n%s",
                (unsigned long long)w->seed, wire_children(w, A), wire_sas(w, A), wire_children(w, B),
                wire_sas(w, B), w->trace);
    return ok;
}

static bool no_loss(struct wire *w, uint64_t ms)
{
    unsigned lost = wire_traffic(w, ms);
    if (lost)
        fprintf(stderr, "seed %llu: %u packets lost\n%s", (unsigned long long)w->seed, lost, w->trace);
    return lost == 0;
}

/* ---- Quick Mode -------------------------------------------------------------------------------------------------------- */
static void RFC_2409_5_5_quick_mode_follows_main_mode_from_either_side(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = begin(1, NULL, NULL, end);
        CU_ASSERT(wire_dialogue(w, end == A ? MAIN_MODE("A", "B") QUICK_MODE("A", "B")
                                            : MAIN_MODE("B", "A") QUICK_MODE("B", "A")));
        CU_ASSERT(settled(w));
        CU_ASSERT(no_loss(w, 100));
        wire_free(w);
    }
}

static void RFC_2409_5_5_PFS_puts_KE_into_both_messages(void)
{
    const struct wire_conf c = {.ikev1 = true, .ipsec = " set pfs group14\n"};
    struct wire *w = begin(2, &c, &c, A);
    CU_ASSERT(wire_dialogue(
        w,
        MAIN_MODE("A", "B") "A QM1: HASH SA NONCE KE ID ID\nB QM2: HASH SA NONCE KE ID ID\nA QM3: HASH\n"));
    CU_ASSERT(settled(w));
    CU_ASSERT_EQUAL(wire_child(w, A)->dh, 14);
    CU_ASSERT(no_loss(w, 50));
    wire_free(w);
}

static void PFS_of_one_end_alone(void)
{
    const struct wire_conf with = {.ikev1 = true, .ipsec = " set pfs group19\n"}, without = {.ikev1 = true};
    struct wire *w = begin(3, &with, &without, A); /* taken, for PFS is never weaker than none */
    CU_ASSERT(settled(w));
    CU_ASSERT_EQUAL(wire_child(w, B)->dh, 19);
    wire_free(w);
    w = begin(4, &without, &with, A); /* demanded */
    CU_ASSERT(wire_saw(w, "B INFO: HASH N(NO_PROPOSAL_CHOSEN)"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-proposal");
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-proposal");
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    wire_free(w);
}

static void every_transform_of_the_configuration_carries_packets(void)
{
    static const char *const sets[] = {"esp-aes esp-sha-hmac",
                                       "esp-aes 192 esp-sha512-hmac",
                                       "esp-aes 256 esp-sha384-hmac",
                                       "esp-3des esp-md5-hmac",
                                       "esp-gcm 256",
                                       "esp-gmac 128",
                                       "esp-null esp-sha256-hmac",
                                       "esp-gmac 256"};
    for (unsigned i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        const struct wire_conf c = {.ikev1 = true, .transform = sets[i]};
        struct wire *w = begin(5, &c, &c, A);
        CU_ASSERT(settled(w));
        CU_ASSERT(no_loss(w, 20)); /* the mock data plane compares keys: GMAC's are there (CVE-2024-3652) */
        wire_free(w);
    }
}

static void RFC_2407_4_6_3_1_the_responder_says_its_shorter_lifetime(void)
{
    const struct wire_conf longer = {.ikev1 = true,
                                     .ipsec = " set security-association lifetime seconds 7200\n"},
                           shorter = {.ikev1 = true,
                                      .ipsec = " set security-association lifetime seconds 600\n"};
    struct wire *w = begin(6, &longer, &shorter, A);
    CU_ASSERT(wire_saw(w, "B QM2: HASH SA NONCE ID ID N(RESPONDER_LIFETIME)"));
    for (enum wire_end end = A; end <= B; end++)
        CU_ASSERT_EQUAL(wire_child(w, end)->hard_at_ms - wire_child(w, end)->installed_ms, 600 * 1000);
    wire_free(w);
    w = begin(7, &shorter, &longer, A);
    CU_ASSERT(wire_saw(w, "B QM2: HASH SA NONCE ID ID\n"));
    for (enum wire_end end = A; end <= B; end++)
        CU_ASSERT_EQUAL(wire_child(w, end)->hard_at_ms - wire_child(w, end)->installed_ms, 600 * 1000);
    wire_free(w);
}

/* ---- Quick Modes of another hand ---------------------------------------------------------------------------------- */
enum { TUNNEL = 1, AES = 12, SHA256 = 5, MODE_TRANSPORT = 2, HOSTILE_SPI = 0x12345678 };

struct quick {
    unsigned proposals, transforms; /* of each; the last one is the one that fits */
    bool same_number, fqdn, mixed, one_port_range, no_ids, host_ids, ke, long_nonce;
    uint32_t spi;
    uint16_t group;
};

static void put_quick(struct pld_builder *b, void *ctx)
{
    const struct quick *q = ctx;
    struct pld1_build_proposal p[PLD1_MAX_PROPOSALS];
    uint8_t nonce[256] = {1, 2, 3}, any[8] = {0}, address[4] = {192, 0, 2, 1}, value[256] = {2};
    memset(p, 0, sizeof p);
    for (unsigned i = 0; i < q->proposals; i++) {
        p[i] = (struct pld1_build_proposal){.number = (uint8_t)(q->same_number ? 1 : i + 1),
                                            .proto = PLD1_PROTO_ESP,
                                            .spi_len = 4,
                                            .count = q->transforms,
                                            .spi = {(uint8_t)(q->spi >> 24), (uint8_t)(q->spi >> 16),
                                                    (uint8_t)(q->spi >> 8), (uint8_t)q->spi}};
        for (unsigned k = 0; k < q->transforms; k++) {
            bool fits = i + 1 == q->proposals && k + 1 == q->transforms;
            p[i].transforms[k] = (struct pld1_build_transform){.number = (uint8_t)(k + 1),
                                                               .id = AES,
                                                               .key_bits = fits ? 128 : 192,
                                                               .integ = SHA256,
                                                               .encap = TUNNEL,
                                                               .group = q->group,
                                                               .life = {3600, 0}};
        }
    }
    pld1_put_sa(b, p, q->proposals);
    pld1_put_raw(b, PLD1_NONCE, (struct slice){nonce, q->long_nonce ? sizeof nonce : 16});
    if (q->ke)
        pld1_put_raw(b, PLD1_KE, (struct slice){value, q->group == 14 ? 256 : 64});
    if (q->no_ids)
        return;
    if (q->fqdn) {
        pld1_put_id(b, PLD1_ID_IPV4_SUBNET, 0, 0, (struct slice){any, 8});
        pld1_put_id(b, PLD1_ID_FQDN, 0, 0, (struct slice){(const uint8_t *)"x.example", 9});
    } else if (q->mixed) {
        uint8_t six[16] = {0x20, 1};
        pld1_put_id(b, PLD1_ID_IPV4_SUBNET, 0, 0, (struct slice){any, 8});
        pld1_put_id(b, PLD1_ID_IPV6, 0, 0, (struct slice){six, 16});
    } else if (q->host_ids) {
        pld1_put_id(b, PLD1_ID_IPV4, 0, 0, (struct slice){address, 4});
        pld1_put_id(b, PLD1_ID_IPV4_SUBNET, 0, 0, (struct slice){any, 8});
    } else {
        pld1_put_id(b, PLD1_ID_IPV4_SUBNET, 0, 0, (struct slice){any, 8});
        pld1_put_id(b, PLD1_ID_IPV4_SUBNET, 0, 0, (struct slice){any, 8});
    }
}

static const char mode_esp[] = "esp-aes esp-sha256-hmac";

static struct wire *up_to_hostile(void)
{
    const struct wire_conf c = {.ikev1 = true, .transform = mode_esp};
    return up(200, &c, &c);
}

/* What B does with such a QM1: answers, refuses with this notify, or (NULL) nothing. */
static void offered(struct quick q, const char *answer, bool installs)
{
    struct wire *w = up_to_hostile();
    if (!q.spi)
        q.spi = HOSTILE_SPI;
    wire_forge1(w, A, wire_sa(w, A), PLD1_QUICK, 0, WIRE_SOUND, put_quick, &q);
    if (answer)
        CU_ASSERT(wire_saw(w, answer));
    CU_ASSERT_EQUAL(wire_children(w, B), installs ? 2 : 1);
    CU_ASSERT_NOT_EQUAL(wire_child(w, B)->out.spi, q.spi); /* nothing is sent before QM3 */
    wire_run(w, 100000);
    CU_ASSERT_EQUAL(wire_children(w, B), 1); /* without QM3 it is taken back */
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    wire_free(w);
}

static void RFC_2408_4_2_several_proposals_and_transforms_in_one_SA(void)
{
    offered((struct quick){.proposals = 1, .transforms = 1}, "B QM2: HASH SA NONCE ID ID", true);
    offered((struct quick){.proposals = 1, .transforms = 20}, "B QM2: HASH SA NONCE ID ID", true);
    offered((struct quick){.proposals = 12, .transforms = 1}, "B QM2: HASH SA NONCE ID ID", true);
    offered((struct quick){.proposals = 2, .transforms = 1, .same_number = true},
            "B INFO: HASH N(NO_PROPOSAL_CHOSEN)", false);
}

static void CVE_2023_38711_proxies_that_are_no_addresses(void)
{
    offered((struct quick){.proposals = 1, .transforms = 1, .fqdn = true},
            "B INFO: HASH N(INVALID_ID_INFORMATION)", false);
    offered((struct quick){.proposals = 1, .transforms = 1, .mixed = true},
            "B INFO: HASH N(INVALID_ID_INFORMATION)", false);
}

static void RFC_2409_5_5_without_identities_the_gateways_themselves(void)
{
    struct wire *w = up_to_hostile();
    struct quick q = {.proposals = 1, .transforms = 1, .no_ids = true, .spi = HOSTILE_SPI};
    wire_forge1(w, A, wire_sa(w, A), PLD1_QUICK, 0, WIRE_SOUND, put_quick, &q);
    CU_ASSERT(wire_saw(w, "B QM2: HASH SA NONCE N(RESPONDER_LIFETIME)"));
    const struct sam_child *c = sam_children_on(ike_sam(w->side[B].ike), w->side[B].tunnel);
    char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_local[0], local), "192.0.2.2/32");
    CU_ASSERT_STRING_EQUAL(ts_text(&c->ts_remote[0], remote), "192.0.2.1/32");
    wire_free(w);
}

static void a_peer_may_ask_for_less_than_the_policy(void)
{
    offered((struct quick){.proposals = 1, .transforms = 1, .host_ids = true}, "B QM2: HASH SA NONCE ID ID",
            true);
}

static void reserved_SPIs_and_PFS_without_its_value_are_refused(void)
{
    offered((struct quick){.proposals = 1, .transforms = 1, .spi = 255}, "B INFO: HASH N(NO_PROPOSAL_CHOSEN)",
            false);
    offered((struct quick){.proposals = 1, .transforms = 1, .group = 14},
            "B INFO: HASH N(INVALID_KEY_INFORMATION)", false);
    offered((struct quick){.proposals = 1, .transforms = 1, .ke = true},
            "B INFO: HASH N(INVALID_KEY_INFORMATION)", false);
    offered((struct quick){.proposals = 1, .transforms = 1, .ke = true, .group = 19}, /* not on the curve */
            "B INFO: HASH N(INVALID_KEY_INFORMATION)", false);
    offered((struct quick){.proposals = 1, .transforms = 1, .ke = true, .group = 1025},
            "B INFO: HASH N(NO_PROPOSAL_CHOSEN)", false);
    offered((struct quick){.proposals = 1, .transforms = 1, .ke = true, .group = 14},
            "B QM2: HASH SA NONCE KE ID ID", true);
}

static void quick_mode_without_a_good_HASH_changes_nothing(void)
{
    static const unsigned how[] = {WIRE_BAD_HASH, WIRE_NO_HASH, WIRE_CLEAR};
    for (unsigned i = 0; i < 3; i++) {
        struct wire *w = up_to_hostile();
        struct quick q = {.proposals = 1, .transforms = 1, .spi = HOSTILE_SPI};
        wire_forge1(w, A, wire_sa(w, A), PLD1_QUICK, 0, how[i], put_quick, &q);
        CU_ASSERT_EQUAL(wire_children(w, B), 1);
        CU_ASSERT_EQUAL(v1_of(wire_sa(w, B))->xchg_count, 1); /* its own, which is over */
        wire_free(w);
    }
}

/* More than V1_XCHG_MAX at once are not taken, refused ones make room, and honest ones still come through. */
static void exchanges_are_bounded(void)
{
    struct wire *w = up_to_hostile();
    struct quick good = {.proposals = 1, .transforms = 1, .spi = HOSTILE_SPI},
                 bad = {.proposals = 1, .transforms = 1, .spi = HOSTILE_SPI, .fqdn = true};
    for (unsigned i = 0; i < V1_XCHG_MAX + 6; i++)
        wire_forge1(w, A, wire_sa(w, A), PLD1_QUICK, 0, WIRE_SOUND, put_quick, &bad);
    CU_ASSERT(v1_of(wire_sa(w, B))->xchg_count <= V1_XCHG_MAX);
    rekey(w, A, false);
    wire_run(w, 1000);
    CU_ASSERT(wire_saw(w, "A QM3: HASH"));
    for (unsigned i = 0; i < V1_XCHG_MAX + 6; i++)
        wire_forge1(w, A, wire_sa(w, A), PLD1_QUICK, 0, WIRE_SOUND, put_quick, &good);
    CU_ASSERT(v1_of(wire_sa(w, B))->xchg_count <= V1_XCHG_MAX);
    CU_ASSERT(wire_children(w, B) <= V1_XCHG_MAX + 2);
    wire_run(w, 100000);
    CU_ASSERT_EQUAL(wire_children(w, B), 1);
    wire_free(w);
}

struct kept {
    uint8_t data[2048];
    size_t len;
    unsigned countdown;
};

static bool keep_one(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct kept *k = ctx;
    (void)w;
    if (p->from == A && k->len == 0 && --k->countdown == 0 && p->len <= sizeof k->data) {
        memcpy(k->data, p->data, p->len);
        k->len = p->len;
    }
    return true;
}

/* A QM1 of old, and a delete of old: known by their message IDs for as long as they are remembered. */
static void replays_of_phase_2_do_nothing(void)
{
    for (unsigned which = 1; which <= 3; which++) { /* QM1, QM3, the delete of the replaced child */
        struct wire *w = up(210, NULL, NULL);
        struct kept k = {.countdown = which};
        w->filter = keep_one;
        w->filter_ctx = &k;
        rekey(w, A, false);
        wire_run(w, 3 * OVERLAP_MS);
        CU_ASSERT_NOT_EQUAL_FATAL(k.len, 0);
        CU_ASSERT(settled(w));
        uint32_t spi = wire_child(w, B)->in.spi;
        for (unsigned i = 0; i < 3; i++) {
            wire_inject(w, B, k.data, k.len);
            wire_run(w, 100000); /* also when the exchange is forgotten */
        }
        CU_ASSERT(settled(w));
        CU_ASSERT_EQUAL(wire_child(w, B)->in.spi, spi);
        wire_free(w);
    }
}

/* ---- rekeying children ------------------------------------------------------------------------------------------------- */
static void child_rekey_from_each_side_loses_no_packet(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up(10, NULL, NULL);
        uint32_t before = wire_child(w, A)->in.spi;
        CU_ASSERT_EQUAL(rekey(w, end, false), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, OVERLAP_MS));
        CU_ASSERT(wire_dialogue(w, end == A ? QUICK_MODE("A", "B") "A INFO: HASH D(ESP)\n"
                                            : QUICK_MODE("B", "A") "B INFO: HASH D(ESP)\n"));
        wire_run(w, OVERLAP_MS);
        CU_ASSERT(settled(w));
        CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
        wire_free(w);
    }
}

static void idle_child_rekey_moves_both_ends(void)
{
    struct wire *w = up(11, NULL, NULL);
    rekey(w, B, false);
    wire_run(w, 2 * OVERLAP_MS);
    CU_ASSERT(settled(w));
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static bool drop_named(struct wire *w, struct wire_packet *p, void *ctx)
{
    unsigned *left = ctx;
    (void)w;
    (void)p;
    if (*left == 0)
        return true;
    --*left;
    return *left != 0;
}

/* QM3 is the third datagram from now. */
static void a_lost_QM3_is_made_good_by_the_first_packet(void)
{
    struct wire *w = up(12, NULL, NULL);
    unsigned third = 3;
    w->filter = drop_named;
    w->filter_ctx = &third;
    rekey(w, A, false);
    CU_ASSERT(no_loss(w, OVERLAP_MS));
    wire_run(w, OVERLAP_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void a_lost_QM3_of_an_idle_child_comes_again_for_a_repeated_QM2(void)
{
    struct wire *w = up(13, NULL, NULL);
    unsigned third = 3;
    w->filter = drop_named;
    w->filter_ctx = &third;
    rekey(w, A, false);
    wire_run(w, 30000);
    CU_ASSERT(wire_saw(w, "B QM2 (again)"));
    CU_ASSERT(wire_saw(w, "A QM3 (again)"));
    CU_ASSERT(settled(w));
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

/* G22: both new ones live for a while; at their own ends only one is rekeyed, so that they die out. */
static void G22_both_ends_rekey_at_once_without_loss_and_the_second_dies_out(void)
{
    const struct wire_conf c = {.ikev1 = true, .ipsec = " set security-association lifetime seconds 300\n"};
    for (uint64_t seed = 20; seed < 40; seed++) {
        struct wire *w = up(seed, &c, &c);
        w->latency_ms = (unsigned)(seed - 20) * 10;
        rekey(w, A, false);
        rekey(w, B, false);
        CU_ASSERT(no_loss(w, OVERLAP_MS));
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_children(w, A) <= 2 && wire_children(w, B) <= 2);
        for (unsigned i = 0; i < 5; i++) { /* until those that were made at once are over */
            CU_ASSERT(no_loss(w, 1000));
            wire_run(w, 119000);
        }
        CU_ASSERT(wire_children(w, A) <= 2 && wire_children(w, B) <= 2);
        CU_ASSERT(no_loss(w, 1000));
        wire_free(w);
    }
}

static void children_are_rekeyed_for_hours_without_loss(void)
{
    const struct wire_conf c = {.ikev1 = true, .ipsec = " set security-association lifetime seconds 300\n"};
    struct wire *w = up(41, &c, &c);
    for (unsigned i = 0; i < 200; i++) {
        CU_ASSERT(no_loss(w, 100));
        wire_run(w, 35900);
        CU_ASSERT(wire_children(w, A) <= 2 && wire_children(w, B) <= 2);
    }
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(w->side[A].ike->counters.children_rekeyed >= 20);
    wire_free(w);
}

/* B demands PFS, A does not know of it: what B begins is taken, what A begins is not. */
static void a_refused_rekey_leaves_the_old_child_and_is_tried_again(void)
{
    const struct wire_conf strict = {.ikev1 = true, .ipsec = " set pfs group14\n"};
    struct wire *w = begin(42, NULL, &strict, B);
    CU_ASSERT_FATAL(settled(w));
    wire_trace_clear(w);
    uint32_t before = wire_child(w, A)->in.spi;
    rekey(w, A, false);
    CU_ASSERT(no_loss(w, 3000));
    CU_ASSERT(wire_dialogue(w, "A QM1: HASH SA NONCE ID ID\nB INFO: HASH N(NO_PROPOSAL_CHOSEN)\n"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "no-proposal");
    CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, before);
    wire_run(w, 10000);
    CU_ASSERT_EQUAL(wire_count(w, "A QM1: "), 2);
    rekey(w, B, false);
    CU_ASSERT(no_loss(w, 2 * OVERLAP_MS));
    CU_ASSERT(settled(w));
    CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
    unsigned asked = wire_count(w, "A QM1: ");
    wire_run(w, 60000);
    CU_ASSERT_EQUAL(wire_count(w, "A QM1: "), asked); /* nothing is left to be rekeyed */
    wire_free(w);
}

static void an_unanswered_QM1_is_sent_again(void)
{
    struct wire *w = up(43, NULL, NULL);
    uint32_t before = wire_child(w, A)->in.spi;
    w->side[B].muted = true;
    rekey(w, A, false);
    wire_run(w, 5000);
    w->side[B].muted = false;
    wire_run(w, 30000);
    CU_ASSERT(wire_saw(w, "A QM1 (again)"));
    CU_ASSERT(settled(w));
    CU_ASSERT_NOT_EQUAL(wire_child(w, A)->in.spi, before);
    wire_free(w);
}

/* ---- phase 1 anew ------------------------------------------------------------------------------------------------------ */
static void phase_1_rekey_from_each_side_moves_children_without_loss(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = up(50, NULL, NULL);
        uint32_t spi = wire_child(w, A)->in.spi, conn = wire_sa(w, A)->conn_id;
        wire_run(w, 120000);
        wire_trace_clear(w);
        CU_ASSERT_EQUAL(rekey(w, end, true), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 2000));
        CU_ASSERT_NOT_EQUAL(wire_sa(w, A)->conn_id, conn);
        CU_ASSERT(no_loss(w, REPLACED_MS));
        CU_ASSERT(settled(w));
        CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, spi); /* children stay as they are */
        rekey(w, A, false);
        CU_ASSERT(no_loss(w, OVERLAP_MS)); /* and can be rekeyed under the new one */
        wire_run(w, OVERLAP_MS);
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

static void phase_1_rekey_from_both_sides_at_once_loses_nothing(void)
{
    for (uint64_t seed = 60; seed < 70; seed++) {
        struct wire *w = up(seed, NULL, NULL);
        wire_run(w, 120000);
        w->latency_ms = (unsigned)(seed - 60) * 20;
        rekey(w, A, true);
        rekey(w, B, true);
        CU_ASSERT(no_loss(w, 2000));
        CU_ASSERT(no_loss(w, REPLACED_MS));
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_sas(w, A) <= 2 && wire_sas(w, B) <= 2);
        rekey(w, A, false);
        CU_ASSERT(no_loss(w, OVERLAP_MS));
        rekey(w, B, true); /* the next one replaces both */
        wire_run(w, 120000);
        rekey(w, A, true);
        CU_ASSERT(no_loss(w, 2000));
        wire_run(w, 60000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(wire_sas(w, A) <= 2 && wire_sas(w, B) <= 2);
        wire_free(w);
    }
}

static void both_phases_run_for_days_without_loss(void)
{
    static const char short_ike[] = " encr aes\n hash sha256\n group 19\n lifetime 600\n";
    const struct wire_conf c = {
        .ikev1 = true, .ike = short_ike, .ipsec = " set security-association lifetime seconds 300\n"};
    struct wire *w = up(71, &c, &c);
    for (unsigned i = 0; i < 300; i++) {
        CU_ASSERT(no_loss(w, 50));
        wire_run(w, 36950);
        CU_ASSERT(wire_sas(w, A) <= 3 && wire_sas(w, B) <= 3);
    }
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- deletes ----------------------------------------------------------------------------------------------------------- */
static void down_deletes_at_both_ends(void)
{
    char err[SEL_TEXT_MAX];
    struct wire *w = up(80, NULL, NULL);
    ike_down(w->side[A].ike, "Tunnel1", err, sizeof err);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, "A INFO: HASH D(ESP)\nA INFO: HASH D(IKE)\n"));
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    CU_ASSERT_EQUAL(wire_children(w, A) + wire_children(w, B), 0);
    wire_free(w);
}

static void delete_isakmp_twice(struct pld_builder *b, void *ctx)
{
    struct ike_sa *sa = ctx;
    uint8_t spi[32];
    memcpy(spi, sa->spi_i, 8);
    memcpy(spi + 8, sa->spi_r, 8);
    memcpy(spi + 16, spi, 16);
    pld1_put_delete(b, PLD1_PROTO_ISAKMP, 16, spi, 2);
    pld1_put_delete(b, PLD1_PROTO_ISAKMP, 16, spi, 1);
}

static void CVE_2023_38712_the_ISAKMP_SA_deleted_thrice_in_one_message(void)
{
    struct wire *w = up(81, NULL, NULL);
    wire_forge1(w, A, wire_sa(w, A), PLD1_INFORMATIONAL, 0, WIRE_SOUND, delete_isakmp_twice, wire_sa(w, A));
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "peer-deleted");
    wire_free(w);
}

static void CVE_2019_10155_without_a_good_HASH_nothing_is_believed(void)
{
    static const unsigned how[] = {WIRE_BAD_HASH, WIRE_NO_HASH, WIRE_CLEAR, WIRE_CLEAR | WIRE_NO_HASH};
    for (unsigned i = 0; i < sizeof how / sizeof how[0]; i++) {
        struct wire *w = up(82, NULL, NULL);
        wire_forge1(w, A, wire_sa(w, A), PLD1_INFORMATIONAL, 0, how[i], delete_isakmp_twice, wire_sa(w, A));
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

static void delete_child(struct pld_builder *b, void *ctx)
{
    const struct sam_child *c = ctx;
    uint8_t spi[4] = {(uint8_t)(c->in.spi >> 24), (uint8_t)(c->in.spi >> 16), (uint8_t)(c->in.spi >> 8),
                      (uint8_t)c->in.spi};
    pld1_put_delete(b, PLD1_PROTO_ESP, 4, spi, 1);
}

static void the_peers_delete_ends_the_child_and_traffic_asks_for_another(void)
{
    struct wire *w = up(83, NULL, NULL);
    wire_forge1(w, A, wire_sa(w, A), PLD1_INFORMATIONAL, 0, WIRE_SOUND, delete_child, wire_child(w, A));
    CU_ASSERT_EQUAL(wire_children(w, B), 0);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    (void)wire_packet(w, B); /* raises an acquire */
    wire_run(w, 10000);
    CU_ASSERT_EQUAL(wire_status(w, B), IKE_UP_ACTIVE);
    CU_ASSERT(wire_saw(w, "B QM1: HASH SA NONCE ID ID"));
    wire_free(w);
}

static void a_peer_that_deletes_the_old_child_at_once_loses_nothing(void)
{
    struct wire *w = up(84, NULL, NULL);
    const struct sam_child *old = wire_child(w, B);
    uint32_t id = old->id;
    rekey(w, A, false);
    wire_run(w, 60);
    struct sam_child *c = sam_child_by_id(ike_sam(w->side[B].ike), id);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    wire_forge1(w, B, wire_sa(w, B), PLD1_INFORMATIONAL, 0, WIRE_SOUND, delete_child, c);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(no_loss(w, 2000));
    wire_free(w);
}

/* ---- dead peer detection ------------------------------------------------------------------------------------------- */
#define KEEPALIVE(kind)                                                                                      \
    (struct wire_conf)                                                                                       \
    {                                                                                                        \
        .ikev1 = true, .global = "crypto isakmp keepalive 10 2 " kind "\n"                                   \
    }

static void RFC_3706_periodic_asks_and_is_answered(void)
{
    const struct wire_conf c = KEEPALIVE("periodic");
    struct wire *w = up(90, &c, NULL);
    wire_run(w, 35000);
    CU_ASSERT(wire_count(w, "A INFO: HASH N(R_U_THERE)") >= 2);
    CU_ASSERT_EQUAL(wire_count(w, "B INFO: HASH N(R_U_THERE_ACK)"),
                    wire_count(w, "A INFO: HASH N(R_U_THERE)"));
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void RFC_3706_on_demand_asks_only_when_something_is_sent_and_nothing_comes(void)
{
    const struct wire_conf c = KEEPALIVE("on-demand");
    struct wire *w = up(91, &c, NULL);
    wire_run(w, 120000);
    CU_ASSERT_FALSE(wire_saw(w, "R_U_THERE"));
    CU_ASSERT(wire_packet(w, A));
    wire_run(w, 40000);
    CU_ASSERT(wire_saw(w, "A INFO: HASH N(R_U_THERE)"));
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void RFC_3706_five_unanswered_and_the_peer_is_dead_then_all_begins_anew(void)
{
    const struct wire_conf c = KEEPALIVE("periodic");
    struct wire *w = up(92, &c, NULL);
    w->side[B].deaf = true;
    wire_run(w, 21000);
    CU_ASSERT_EQUAL(wire_count(w, "A INFO: HASH N(R_U_THERE)"), 5);
    wire_run(w, 2000);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "dpd-dead");
    CU_ASSERT_EQUAL(wire_children(w, A), 0);
    CU_ASSERT_EQUAL(w->side[A].ike->counters.dpd_dead, 1);
    w->side[B].deaf = false;
    wire_run(w, 30000);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

struct probe {
    const struct ike_sa *sa;
    uint32_t seq;
};

static void dpd_notify(struct pld_builder *b, void *ctx)
{
    const struct probe *p = ctx;
    const uint32_t *seq = &p->seq;
    uint8_t spi[16];
    memcpy(spi, p->sa->spi_i, 8);
    memcpy(spi + 8, p->sa->spi_r, 8);
    uint8_t data[4] = {(uint8_t)(*seq >> 24), (uint8_t)(*seq >> 16), (uint8_t)(*seq >> 8), (uint8_t)*seq};
    pld1_put_notify(b, PLD1_PROTO_ISAKMP, (struct slice){spi, sizeof spi}, PLD1_N_R_U_THERE,
                    (struct slice){data, 4});
}

static void RFC_3706_6_a_stale_number_is_not_answered(void)
{
    struct wire *w = up(93, NULL, NULL);
    uint32_t seq[] = {1000, 1001, 999};
    for (unsigned i = 0; i < 3; i++) {
        struct probe p = {wire_sa(w, A), seq[i]};
        wire_forge1(w, A, wire_sa(w, A), PLD1_INFORMATIONAL, 0, WIRE_SOUND, dpd_notify, &p);
    }
    CU_ASSERT_EQUAL(wire_count(w, "B INFO: HASH N(R_U_THERE_ACK)"), 2);
    wire_free(w);
}

/* ---- silence --------------------------------------------------------------------------------------------------------- */
static void a_peer_that_lost_its_IKE_SA_is_found_by_Quick_Mode_and_all_begins_anew(void)
{
    struct wire *w = up(94, NULL, NULL);
    wire_restart(w, B, true);
    rekey(w, A, false);
    wire_run(w, 90000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

static void quick_modes_survive_loss_doubling_and_disorder(void)
{
    for (uint64_t seed = 100; seed < 130; seed++) {
        static const struct wire_conf plain = {.ikev1 = true};
        struct wire *w = wire_new(seed, &plain, &plain);
        w->loss = 25;
        w->dup = 25;
        w->reorder = 25;
        wire_up(w, A);
        wire_run(w, 240000);
        w->loss = w->dup = w->reorder = 0;
        wire_run(w, 120000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(no_loss(w, 100));
        rekey(w, B, false);
        w->loss = w->dup = 25;
        wire_run(w, 90000);
        w->loss = w->dup = 0;
        wire_run(w, 60000);
        /* a delete that was lost is not said again: a child that nobody sends on may be left at one end (RFC 2408 4.8) */
        CU_ASSERT(wire_status(w, A) == IKE_UP_ACTIVE && wire_status(w, B) == IKE_UP_ACTIVE);
        CU_ASSERT(no_loss(w, 100));
        wire_free(w);
    }
}

UNIT_MAIN("phase2-v1", UNIT_TEST(RFC_2409_5_5_quick_mode_follows_main_mode_from_either_side),
          UNIT_TEST(RFC_2409_5_5_PFS_puts_KE_into_both_messages), UNIT_TEST(PFS_of_one_end_alone),
          UNIT_TEST(every_transform_of_the_configuration_carries_packets),
          UNIT_TEST(RFC_2407_4_6_3_1_the_responder_says_its_shorter_lifetime),
          UNIT_TEST(RFC_2408_4_2_several_proposals_and_transforms_in_one_SA),
          UNIT_TEST(CVE_2023_38711_proxies_that_are_no_addresses),
          UNIT_TEST(RFC_2409_5_5_without_identities_the_gateways_themselves),
          UNIT_TEST(a_peer_may_ask_for_less_than_the_policy),
          UNIT_TEST(reserved_SPIs_and_PFS_without_its_value_are_refused),
          UNIT_TEST(quick_mode_without_a_good_HASH_changes_nothing), UNIT_TEST(exchanges_are_bounded),
          UNIT_TEST(replays_of_phase_2_do_nothing), UNIT_TEST(child_rekey_from_each_side_loses_no_packet),
          UNIT_TEST(idle_child_rekey_moves_both_ends), UNIT_TEST(a_lost_QM3_is_made_good_by_the_first_packet),
          UNIT_TEST(a_lost_QM3_of_an_idle_child_comes_again_for_a_repeated_QM2),
          UNIT_TEST(G22_both_ends_rekey_at_once_without_loss_and_the_second_dies_out),
          UNIT_TEST(children_are_rekeyed_for_hours_without_loss),
          UNIT_TEST(a_refused_rekey_leaves_the_old_child_and_is_tried_again),
          UNIT_TEST(an_unanswered_QM1_is_sent_again),
          UNIT_TEST(phase_1_rekey_from_each_side_moves_children_without_loss),
          UNIT_TEST(phase_1_rekey_from_both_sides_at_once_loses_nothing),
          UNIT_TEST(both_phases_run_for_days_without_loss), UNIT_TEST(down_deletes_at_both_ends),
          UNIT_TEST(CVE_2023_38712_the_ISAKMP_SA_deleted_thrice_in_one_message),
          UNIT_TEST(CVE_2019_10155_without_a_good_HASH_nothing_is_believed),
          UNIT_TEST(the_peers_delete_ends_the_child_and_traffic_asks_for_another),
          UNIT_TEST(a_peer_that_deletes_the_old_child_at_once_loses_nothing),
          UNIT_TEST(RFC_3706_periodic_asks_and_is_answered),
          UNIT_TEST(RFC_3706_on_demand_asks_only_when_something_is_sent_and_nothing_comes),
          UNIT_TEST(RFC_3706_five_unanswered_and_the_peer_is_dead_then_all_begins_anew),
          UNIT_TEST(RFC_3706_6_a_stale_number_is_not_answered),
          UNIT_TEST(a_peer_that_lost_its_IKE_SA_is_found_by_Quick_Mode_and_all_begins_anew),
          UNIT_TEST(quick_modes_survive_loss_doubling_and_disorder))
