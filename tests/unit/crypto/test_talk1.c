/* IKEv1's codec and key derivation together, held against a talk that strongSwan had with itself: every message is
 * decrypted and read, every HASH and NAT-D value is computed anew, and the child's keys come out. */
#include "control/codec/pld1.h"
#include "control/crypto/cr_keymat1.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { MAIN_MESSAGES = 6, QUICK_MESSAGES = 3, HASH_LEN = 32, PORT = 500 };

static struct vec talk, after;
static struct pld1_message mm[MAIN_MESSAGES + 1], qm[QUICK_MESSAGES + 1], info;
static struct cr_keys1 keys;
static struct cr_public1 pub;
static uint8_t iv[CR_IV_MAX];

static struct secret secret_of(struct slice s)
{
    struct secret out;
    CU_ASSERT_EQUAL_FATAL(secret_copy(&out, s.p, s.n), CV_OK);
    return out;
}

static bool same(struct slice got, const uint8_t *want)
{
    return got.n == HASH_LEN && memcmp(got.p, want, HASH_LEN) == 0;
}

/* Reads a message, decrypting it in place with iv, which moves on. */
static void read_message(struct vec *v, const char *name, unsigned number, struct pld1_message *m)
{
    struct slice bytes = vec_bytes(v, name);
    uint8_t *text = (uint8_t *)bytes.p + PLD_HEADER_LEN;
    const char *err;
    CU_ASSERT_EQUAL_FATAL(pld1_header(bytes.p, bytes.n, &m->header, &err), CV_OK);
    if (m->header.flags & PLD1_FLAG_ENCRYPTION) {
        size_t n = bytes.n - PLD_HEADER_LEN;
        CU_ASSERT_EQUAL_FATAL(cr_decrypt1(&keys, iv, text, n, iv), CV_OK);
        CU_ASSERT_EQUAL_FATAL(pld1_inner((struct slice){text, n}, m, &err), CV_OK);
    } else {
        CU_ASSERT_EQUAL_FATAL(pld1_outer(bytes.p, bytes.n, m, &err), CV_OK);
    }
    CU_ASSERT_EQUAL_FATAL(pld1_check_rules(m, number, &err), CV_OK);
}

static void start_phase2(const uint8_t *last, struct vec *v, const char *name)
{
    struct slice bytes = vec_bytes(v, name);
    struct pld_header h;
    CU_ASSERT_EQUAL_FATAL(pld1_header(bytes.p, bytes.n, &h, NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(cr_iv_phase2(&keys, last, h.message_id, iv), CV_OK);
}

/* RFC 3947 3.2: the first NAT-D is of the receiver. The second is spoilt here on purpose: strongSwan without kernel ESP
 * makes its peer encapsulate by it. */
static void check_nat_d(const struct pld1_message *m, const char *receiver)
{
    struct ip_endpoint e = {.port = PORT};
    uint8_t want[CR_PRF_MAX];
    size_t n;
    CU_ASSERT_FATAL(m->nat_d_count == 2 && !m->nat_draft && ip_addr_parse(receiver, &e.addr));
    CU_ASSERT_EQUAL(cr_nat_hash1(keys.suite.prf, pub.cky_i, pub.cky_r, &e, want, &n), CV_OK);
    CU_ASSERT(n == HASH_LEN && same(m->nat_d[0], want));
}

static void Main_Mode_in_the_clear(void)
{
    static const char *const names[] = {NULL, "m1", "m2", "m3", "m4"};
    FILE *f = vec_open("ikev1_talk.txt");
    CU_ASSERT_FATAL(vec_next(f, &talk) && vec_next(f, &after));
    fclose(f);
    for (unsigned i = 1; i <= 4; i++)
        read_message(&talk, names[i], i, &mm[i]);
    const struct pld1_transform *t = mm[2].sa.transforms;
    CU_ASSERT(t->encr == PLD1_ENCR_AES && t->key_bits == 256 && t->hash == PLD1_HASH_SHA2_256);
    CU_ASSERT(t->group == 19 && t->auth == PLD1_AUTH_PSK && !t->unusable && t->life.seconds > 0);
    CU_ASSERT(mm[1].vendor_count >= 4 && mm[3].ke.n == 64 && mm[4].nonce.n == 32);
}

static void Main_Mode_encrypted_with_HASH_I_and_HASH_R(void)
{
    static const struct cr_suite1 suite = {
        .encr = CV_ENCR_AES_CBC, .key_bits = 256, .prf = CR_PRF_HMAC_SHA2_256, .dh = 19};
    struct secret g_xy = secret_of(vec_bytes(&talk, "gxy"));
    uint8_t skeyid[CR_PRF_MAX], hash[CR_PRF_MAX];
    pub = (struct cr_public1){mm[2].header.spi_i, mm[2].header.spi_r, mm[3].ke, mm[4].ke};
    CU_ASSERT_EQUAL(cr_skeyid_psk(suite.prf, vec_bytes(&talk, "psk"), mm[3].nonce, mm[4].nonce, skeyid),
                    CV_OK);
    CU_ASSERT_EQUAL_FATAL(cr_keys1_init(&suite, skeyid, &g_xy, &pub, &keys), CV_OK);
    secret_free(&g_xy);
    check_nat_d(&mm[3], "192.0.2.2");
    check_nat_d(&mm[4], "192.0.2.1");
    memcpy(iv, keys.iv, sizeof iv);
    read_message(&talk, "m5", 5, &mm[5]);
    CU_ASSERT_EQUAL(cr_hash_i(&keys, &pub, mm[1].sa.body, mm[5].ids[0].body, hash), CV_OK);
    CU_ASSERT_TRUE(same(mm[5].hash, hash));
    read_message(&talk, "m6", 6, &mm[6]);
    CU_ASSERT_EQUAL(cr_hash_r(&keys, &pub, mm[1].sa.body, mm[6].ids[0].body, hash), CV_OK);
    CU_ASSERT_TRUE(same(mm[6].hash, hash));
}

static void Quick_Mode_with_PFS_and_its_keys(void)
{
    static const char *const names[] = {NULL, "q1", "q2", "q3"};
    struct secret shared = secret_of(vec_bytes(&talk, "qm"));
    uint8_t hash[CR_PRF_MAX], last[CR_IV_MAX];
    memcpy(last, iv, sizeof last);
    start_phase2(last, &talk, "q1");
    for (unsigned i = 1; i <= QUICK_MESSAGES; i++)
        read_message(&talk, names[i], i, &qm[i]);
    uint32_t mid = qm[1].header.message_id;
    CU_ASSERT_EQUAL(cr_hash1(&keys, mid, qm[1].after_hash, hash), CV_OK);
    CU_ASSERT_TRUE(same(qm[1].hash, hash));
    CU_ASSERT_EQUAL(cr_hash2(&keys, mid, qm[1].nonce, qm[2].after_hash, hash), CV_OK);
    CU_ASSERT_TRUE(same(qm[2].hash, hash));
    CU_ASSERT_EQUAL(cr_hash3(&keys, mid, qm[1].nonce, qm[2].nonce, hash), CV_OK);
    CU_ASSERT_TRUE(same(qm[3].hash, hash));

    /* the initiator receives with its own SPI: those are the responder's keys */
    static const char *const encr[] = {"encr_r", "encr_i"}, *const integ[] = {"integ_r", "integ_i"};
    for (unsigned i = 0; i < 2; i++) {
        struct cr_child_keys c;
        CU_ASSERT_EQUAL(cr_child_keymat1(&keys, PLD1_PROTO_ESP, qm[1 + i].sa.proposals[0].spi.p,
                                         CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA2_256_128, &shared,
                                         qm[1].nonce, qm[2].nonce, &c),
                        CV_OK);
        CU_ASSERT(same(vec_bytes(&talk, encr[i]), c.encr_key) &&
                  same(vec_bytes(&talk, integ[i]), c.integ_key));
    }
    secret_free(&shared);

    start_phase2(last, &after, "d1");
    read_message(&after, "d1", 1, &info);
    CU_ASSERT_EQUAL(cr_hash1(&keys, info.header.message_id, info.after_hash, hash), CV_OK);
    CU_ASSERT_TRUE(same(info.hash, hash));
    CU_ASSERT(info.delete_count == 1 && info.deletes[0].proto == PLD1_PROTO_ISAKMP);
}

/* Each test goes on where the one before it ended. */
UNIT_MAIN("ikev1_talk", UNIT_TEST(Main_Mode_in_the_clear),
          UNIT_TEST(Main_Mode_encrypted_with_HASH_I_and_HASH_R), UNIT_TEST(Quick_Mode_with_PFS_and_its_keys))
