/* Phase 1 held against a talk that strongSwan had with itself (tests/vectors/ikev1_talk.txt): its vendor IDs, its choice, its NAT-D, its HASH_I
 * and HASH_R; and ours from the same values. */
#include "control/ikev1/v1_phase1.h"
#include "control/ikev1/v1_vendor.h"
#include "tests/unit/ikev1/ikev1.h"
#include "tests/unit/vectors.h"

#include "control/select/sel_v1_proposal.h"

static struct vec talk;
static struct pld1_message mm[7];
static struct bench i_end, r_end;

static void read_clear(const char *name, unsigned number)
{
    struct slice s = vec_bytes(&talk, name);
    const char *err;
    CU_ASSERT_EQUAL_FATAL(pld1_header(s.p, s.n, &mm[number].header, &err), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pld1_outer(s.p, s.n, &mm[number], &err), CV_OK);
}

static uint8_t *dup_slice(struct slice s)
{
    uint8_t *p = slice_dup(s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

/* As an end of the talk stands after MM4. */
static void stand(struct bench *b, bool initiator, const struct cr_keys1 *keys,
                  const struct sel1_ike_choice *c)
{
    static const char *const address[2] = {"192.0.2.1", "192.0.2.2"};
    bench_start(b, initiator);
    struct v1_sa *v1 = v1_of(&b->sa);
    memcpy(b->sa.spi_i, mm[2].header.spi_i, 8);
    memcpy(b->sa.spi_r, mm[2].header.spi_r, 8);
    CU_ASSERT_FATAL(ip_addr_parse(address[!initiator], &b->sa.local.addr) &&
                    ip_addr_parse(address[initiator], &b->sa.remote.addr));
    b->sa.local.port = b->sa.remote.port = 500;
    v1->choice = *c;
    v1->sa_body = dup_slice(mm[1].sa.body);
    v1->sa_body_len = mm[1].sa.body.n;
    v1->g_xi = dup_slice(mm[3].ke);
    v1->g_xr = dup_slice(mm[4].ke);
    v1->g_xi_len = mm[3].ke.n;
    v1->g_xr_len = mm[4].ke.n;
    v1->keys = *keys;
    v1->have_keys = true;
    memcpy(v1->iv, keys->iv, sizeof v1->iv);
    v1_vendor_take(&b->e, &b->sa, &mm[initiator ? 2 : 1]);
}

static void the_choice_is_the_one_that_strongSwan_made(void)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    struct sel1_ike_transform offers[PLD1_MAX_TRANSFORMS], ours[SEL1_TRANSFORMS_MAX];
    struct sel1_ike_choice choice;
    struct sel_trace trace;
    char why[SEL_TEXT_MAX];
    struct cr_keys1 keys;
    struct secret g_xy;
    uint8_t skeyid[CR_PRF_MAX];
    FILE *file = vec_open("ikev1_talk.txt");
    CU_ASSERT_FATAL(vec_next(file, &talk));
    fclose(file);
    read_clear("m1", 1);
    read_clear("m2", 2);
    read_clear("m3", 3);
    read_clear("m4", 4);
    CU_ASSERT_EQUAL_FATAL(
        cfg_parse(
            "crypto isakmp policy 5\n authentication pre-share\n group 19\n"
            "crypto isakmp policy 10\n encr aes 256\n hash sha256\n authentication pre-share\n group 19\n",
            "talk", &c, &f),
        CV_OK);
    cfg_findings_free(&f);
    unsigned n = v1_transforms(&mm[1], offers);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    CU_ASSERT_FATAL(sel1_ike_choose(c, 1u << SEL1_METHOD_PSK, NULL, offers, n, &choice, &trace));
    CU_ASSERT_EQUAL(choice.policy->priority, 10);
    unsigned own = sel1_ike_offers(c, 1u << SEL1_METHOD_PSK, 0, ours);
    CU_ASSERT_EQUAL(v1_transforms(&mm[2], offers), 1);
    CU_ASSERT(sel1_ike_accept(c, 1u << SEL1_METHOD_PSK, ours, own, offers, &choice, why));
    const struct cr_suite1 suite = {
        .encr = choice.encr, .key_bits = choice.key_bits, .prf = choice.prf, .dh = choice.group};
    const struct cr_public1 pub = {mm[2].header.spi_i, mm[2].header.spi_r, mm[3].ke, mm[4].ke};
    CU_ASSERT_EQUAL_FATAL(secret_copy(&g_xy, vec_bytes(&talk, "gxy").p, vec_bytes(&talk, "gxy").n), CV_OK);
    CU_ASSERT_EQUAL(cr_skeyid_psk(choice.prf, vec_bytes(&talk, "psk"), mm[3].nonce, mm[4].nonce, skeyid),
                    CV_OK);
    CU_ASSERT_EQUAL_FATAL(cr_keys1_init(&suite, skeyid, &g_xy, &pub, &keys), CV_OK);
    secret_free(&g_xy);
    stand(&i_end, true, &keys, &choice);
    stand(&r_end, false, &keys, &choice);
    cfg_free(c);
}

static void PR_10_strongSwans_vendor_ids(void)
{
    const struct v1_peer_can *can = &v1_of(&r_end.sa)->peer;
    CU_ASSERT(can->xauth && can->dpd && can->fragmentation && !can->unity);
    CU_ASSERT_EQUAL(can->natt, V1_NATT_RFC3947);
}

/* strongSwan without kernel ESP spoils the hash of its own address on purpose, so that ESP goes in UDP. */
static void RFC_3947_3_2_strongSwans_NAT_D(void)
{
    const struct ike_datagram d = {.local = r_end.sa.local, .remote = r_end.sa.remote};
    const struct v1_in in = {.d = &d, .m = &mm[3]};
    CU_ASSERT_EQUAL(v1_nat_detect(&r_end.e, &r_end.sa, &in), CV_OK);
    CU_ASSERT(!r_end.sa.nat_local && r_end.sa.nat_remote);
    r_end.sa.nat_remote = false;
}

/* Decrypts with the receiver's chain, and believes. */
static void take_proof(struct bench *b, const char *name, unsigned number)
{
    static uint8_t text[2][512];
    struct slice s = vec_bytes(&talk, name);
    struct v1_sa *v1 = v1_of(&b->sa);
    uint8_t *plain = text[number & 1];
    const char *err;
    CU_ASSERT_FATAL(s.n <= sizeof text[0]);
    memcpy(plain, s.p, s.n);
    CU_ASSERT_EQUAL_FATAL(pld1_header(plain, s.n, &mm[number].header, &err), CV_OK);
    CU_ASSERT_EQUAL_FATAL(
        cr_decrypt1(&v1->keys, v1->iv, plain + PLD_HEADER_LEN, s.n - PLD_HEADER_LEN, v1->iv), CV_OK);
    CU_ASSERT_EQUAL_FATAL(
        pld1_inner((struct slice){plain + PLD_HEADER_LEN, s.n - PLD_HEADER_LEN}, &mm[number], &err), CV_OK);
    CU_ASSERT_FATAL(v1_keep_peer_id(&b->e, &b->sa, &mm[number].ids[0]));
}

static void RFC_2409_5_strongSwans_HASH_I_and_HASH_R(void)
{
    take_proof(&r_end, "m5", 5);
    CU_ASSERT(v1_proved(&r_end.sa, &mm[5]));
    memcpy(v1_of(&i_end.sa)->iv, v1_of(&r_end.sa)->iv, CR_IV_MAX); /* MM5 is the initiator's own */
    take_proof(&i_end, "m6", 6);
    CU_ASSERT(v1_proved(&i_end.sa, &mm[6]));
    CU_ASSERT_FALSE(v1_proved(&i_end.sa, &mm[5])); /* who is told its own HASH is not proved to */
    mm[6].hash.n--;
    CU_ASSERT_FALSE(v1_proved(&i_end.sa, &mm[6])); /* our length decides, not the peer's */
    mm[6].hash.n = 0;
    CU_ASSERT_FALSE(v1_proved(&i_end.sa, &mm[6]));
    v1_of(&i_end.sa)->peer_id_fixed[3] ^= 1; /* the port is proved, too */
    mm[6].hash.n = 32;
    CU_ASSERT_FALSE(v1_proved(&i_end.sa, &mm[6]));
}

/* What we put as initiator our responder believes, and the other way round. */
static void RFC_2409_5_our_proofs_are_believed(void)
{
    for (unsigned initiator = 0; initiator < 2; initiator++) {
        struct bench *from = initiator ? &i_end : &r_end, *to = initiator ? &r_end : &i_end;
        struct v1_msg m;
        static struct pld1_message got;
        const char *err;
        CU_ASSERT_EQUAL_FATAL(v1_local_id(&from->e, &from->sa, NULL), CV_OK);
        CU_ASSERT_EQUAL_FATAL(v1_msg_begin(&from->e, &from->sa, PLD1_MAIN, 0, "MM5", &m), CV_OK);
        v1_put_id(&from->sa, &m);
        CU_ASSERT_EQUAL(v1_put_proof(NULL, &from->sa, &m), CV_OK);
        pld1_end(&m.b, 1);
        CU_ASSERT_EQUAL_FATAL(pld1_header(m.storage, m.w.len, &got.header, &err), CV_OK);
        CU_ASSERT_EQUAL_FATAL(pld1_outer(m.storage, m.w.len, &got, &err), CV_OK);
        CU_ASSERT(got.ids[0].type == PLD1_ID_IPV4 && got.ids[0].proto == 17 &&
                  got.ids[0].port == 500); /* PR-17 */
        CU_ASSERT(v1_keep_peer_id(&to->e, &to->sa, &got.ids[0]));
        CU_ASSERT(v1_proved(&to->sa, &got));
        v1_msg_free(&m);
    }
    bench_end(&i_end);
    bench_end(&r_end);
}

UNIT_MAIN("ikev1-talk", UNIT_TEST(the_choice_is_the_one_that_strongSwan_made),
          UNIT_TEST(PR_10_strongSwans_vendor_ids), UNIT_TEST(RFC_3947_3_2_strongSwans_NAT_D),
          UNIT_TEST(RFC_2409_5_strongSwans_HASH_I_and_HASH_R), UNIT_TEST(RFC_2409_5_our_proofs_are_believed))
