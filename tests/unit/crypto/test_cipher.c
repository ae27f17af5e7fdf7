/* cr_raw and cr_cipher: published cipher vectors, and whole SK payloads (RFC 7296 3.14, RFC 5282, RFC 7634). */
#include "control/crypto/cr_cipher.h"
#include "control/crypto/cr_raw.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

enum { MESSAGE = 512 };

static const struct cr_encr_alg *by_name(const char *name)
{
    uint16_t bits = (uint16_t)(strncmp(name, "AES-", 4) ? 0 : strtoul(name + 4, NULL, 10));
    if (strncmp(name, "ChaCha", 6) == 0)
        return cr_encr(CV_ENCR_CHACHA20_POLY1305, 0);
    return cr_encr(strstr(name, "GCM") ? CV_ENCR_AES_GCM_16 : CV_ENCR_AES_CBC, bits);
}

static void RFC_3602_SP_800_38A_GCM_RFC_8439_known_answers(void)
{
    static struct vec v;
    FILE *f = vec_open("cipher.txt");
    unsigned n = 0;
    while (vec_next(f, &v)) {
        const struct cr_encr_alg *e = by_name(vec_text(&v, "name"));
        struct slice key = vec_bytes(&v, "key"), nonce = vec_bytes(&v, "nonce"), aad = vec_bytes(&v, "aad"),
                     plain = vec_bytes(&v, "plain"), cipher = vec_bytes(&v, "cipher"),
                     tag = vec_bytes(&v, "tag");
        uint8_t text[MESSAGE], got[CR_ICV_MAX];
        CU_ASSERT_FATAL(e && e->key_len == key.n && e->icv_len == tag.n);
        memcpy(text, plain.p, plain.n);
        CU_ASSERT_EQUAL(cr_raw_run(e, true, key.p, nonce.p, aad, text, plain.n, got), CV_OK);
        CU_ASSERT(VEC_EQUAL(text, cipher));
        CU_ASSERT(VEC_EQUAL(got, tag));
        CU_ASSERT_EQUAL(cr_raw_run(e, false, key.p, nonce.p, aad, text, plain.n, got), CV_OK);
        CU_ASSERT(VEC_EQUAL(text, plain));
        if (e->aead) {
            memcpy(text, cipher.p, cipher.n);
            got[0] ^= 1;
            CU_ASSERT_EQUAL(cr_raw_run(e, false, key.p, nonce.p, aad, text, plain.n, got), CV_EAUTH);
        }
        n++;
    }
    fclose(f);
    CU_ASSERT_EQUAL(n, 8);
}

struct sk {
    struct cr_sk_keys keys;
    struct slice head, plain, body, iv;
    uint8_t msg[MESSAGE];
    size_t len;
};

static bool next_sk(FILE *f, struct vec *v, struct sk *s)
{
    if (!vec_next(f, v))
        return false;
    s->keys = (struct cr_sk_keys){.encr = vec_number(v, "encr"),
                                  .key_bits = vec_number(v, "key_bits"),
                                  .integ = vec_number(v, "integ")};
    struct slice key = vec_bytes(v, "key"), integ_key = vec_bytes(v, "integ_key");
    memcpy(s->keys.encr_key, key.p, key.n);
    memcpy(s->keys.integ_key, integ_key.p, integ_key.n);
    s->head = vec_bytes(v, "head");
    s->plain = vec_bytes(v, "plain");
    s->body = vec_bytes(v, "body");
    s->iv = vec_bytes(v, "iv");
    memcpy(s->msg, s->head.p, s->head.n);
    memcpy(s->msg + s->head.n, s->body.p, s->body.n);
    s->len = s->head.n + s->body.n;
    return true;
}

static void RFC_7634_B_and_others_protect_to_the_octet(void)
{
    static struct vec v;
    static struct sk s;
    FILE *f = vec_open("sk.txt");
    unsigned n = 0;
    while (next_sk(f, &v, &s)) {
        uint8_t msg[MESSAGE];
        size_t len = s.head.n + s.plain.n + cr_sk_overhead(&s.keys, s.plain.n);
        CU_ASSERT_EQUAL_FATAL(len, s.len);
        memset(msg, 0xee, sizeof msg);
        memcpy(msg, s.head.p, s.head.n);
        memcpy(msg + s.head.n + s.iv.n, s.plain.p, s.plain.n);
        CU_ASSERT_EQUAL(cr_sk_protect(&s.keys, msg, len, s.head.n, s.plain.n, s.iv.p), CV_OK);
        CU_ASSERT_EQUAL(memcmp(msg, s.msg, len), 0);
        CU_ASSERT_EQUAL(msg[len], 0xee);
        CU_ASSERT_EQUAL(cr_sk_protect(&s.keys, msg, len - 1, s.head.n, s.plain.n, s.iv.p), CV_EINVAL);
        CU_ASSERT_EQUAL(cr_sk_protect(&s.keys, msg, len + 1, s.head.n, s.plain.n, s.iv.p), CV_EINVAL);
        n++;
    }
    fclose(f);
    CU_ASSERT_EQUAL(n, 24);
}

static void RFC_7634_B_and_others_open(void)
{
    static struct vec v;
    static struct sk s;
    FILE *f = vec_open("sk.txt");
    while (next_sk(f, &v, &s)) {
        struct slice plain;
        CU_ASSERT_EQUAL(cr_sk_open(&s.keys, s.msg, s.len, s.head.n, &plain), CV_OK);
        CU_ASSERT(plain.n == s.plain.n && memcmp(plain.p, s.plain.p, plain.n) == 0);
        CU_ASSERT(plain.p >= s.msg && plain.p + plain.n <= s.msg + s.len);
    }
    fclose(f);
}

/* Header, IV, ciphertext and ICV: no bit may change. */
static void every_flipped_bit_is_noticed(void)
{
    static struct vec v;
    static struct sk s;
    FILE *f = vec_open("sk.txt");
    while (next_sk(f, &v, &s)) {
        for (size_t bit = 0; bit < s.len * 8; bit++) {
            uint8_t msg[MESSAGE];
            struct slice plain;
            memcpy(msg, s.msg, s.len);
            msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CU_ASSERT_EQUAL(cr_sk_open(&s.keys, msg, s.len, s.head.n, &plain), CV_EAUTH);
            CU_ASSERT(plain.n == 0);
        }
    }
    fclose(f);
}

static void every_truncation_is_refused(void)
{
    static struct vec v;
    static struct sk s;
    FILE *f = vec_open("sk.txt");
    while (next_sk(f, &v, &s)) {
        for (size_t len = 0; len < s.len; len++) {
            struct slice plain;
            uint8_t *msg =
                malloc(len + 1); /* exactly as long as it says, so that the sanitizer sees over-reads */
            memcpy(msg, s.msg, len);
            cv_result r = cr_sk_open(&s.keys, msg, len, s.head.n, &plain);
            CU_ASSERT(r == CV_ESHORT || r == CV_EPARSE || r == CV_EAUTH);
            free(msg);
        }
    }
    fclose(f);
}

static struct cr_sk_keys keys_of(uint16_t encr, uint16_t bits, uint16_t integ)
{
    struct cr_sk_keys k = {.encr = encr, .key_bits = bits, .integ = integ};
    memset(k.encr_key, 0x11, sizeof k.encr_key);
    memset(k.integ_key, 0x22, sizeof k.integ_key);
    return k;
}

static void every_plaintext_length_comes_back(void)
{
    const struct cr_sk_keys kinds[] = {keys_of(CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA2_256_128),
                                       keys_of(CV_ENCR_3DES, 0, CV_INTEG_HMAC_MD5_96),
                                       keys_of(CV_ENCR_AES_GCM_16, 128, CV_INTEG_NONE),
                                       keys_of(CV_ENCR_CHACHA20_POLY1305, 0, CV_INTEG_NONE)};
    for (unsigned i = 0; i < 4; i++) {
        size_t iv_len = cr_encr(kinds[i].encr, kinds[i].key_bits)->iv_len;
        for (size_t n = 0; n < 70; n++) {
            uint8_t msg[MESSAGE] = {0}, iv[CR_IV_MAX] = {7};
            struct slice plain;
            size_t len = 32 + n + cr_sk_overhead(&kinds[i], n);
            memset(msg + 32 + iv_len, 0xab, n);
            CU_ASSERT_EQUAL(cr_sk_protect(&kinds[i], msg, len, 32, n, iv), CV_OK);
            CU_ASSERT_EQUAL(cr_sk_open(&kinds[i], msg, len, 32, &plain), CV_OK);
            CU_ASSERT_EQUAL(plain.n, n);
            for (size_t j = 0; j < plain.n; j++)
                CU_ASSERT_EQUAL(plain.p[j], 0xab);
        }
    }
}

/* A peer that knows the key may still lie about its padding. */
static void a_pad_length_over_the_text_is_refused(void)
{
    struct cr_sk_keys k = keys_of(CV_ENCR_AES_GCM_16, 128, CV_INTEG_NONE);
    const struct cr_encr_alg *e = cr_encr(k.encr, k.key_bits);
    uint8_t msg[32 + 8 + 4 + 16] = {0}, nonce[12];
    struct slice plain;
    for (unsigned pad = 0; pad < 256; pad++) {
        memset(msg, 0, sizeof msg);
        msg[32 + 8 + 3] = (uint8_t)pad;
        memset(nonce, 0x11, 4);
        memset(nonce + 4, 0, 8);
        CU_ASSERT_EQUAL(
            cr_raw_run(e, true, k.encr_key, nonce, (struct slice){msg, 32}, msg + 40, 4, msg + 44), CV_OK);
        CU_ASSERT_EQUAL(cr_sk_open(&k, msg, sizeof msg, 32, &plain), pad <= 3 ? CV_OK : CV_EPARSE);
        CU_ASSERT_EQUAL(plain.n, pad <= 3 ? 3 - pad : 0);
    }
}

static void RFC_5282_8_AEAD_and_integrity_do_not_mix(void)
{
    const struct cr_sk_keys wrong[] = {
        keys_of(CV_ENCR_AES_GCM_16, 128, CV_INTEG_HMAC_SHA1_96), keys_of(CV_ENCR_AES_CBC, 128, CV_INTEG_NONE),
        keys_of(CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA1_96), keys_of(CV_ENCR_NULL_AES_GMAC, 128, CV_INTEG_NONE),
        keys_of(CV_ENCR_AES_CBC, 0, CV_INTEG_HMAC_SHA1_96)};
    for (unsigned i = 0; i < 5; i++) {
        uint8_t msg[MESSAGE] = {0};
        struct slice plain;
        CU_ASSERT_EQUAL(cr_sk_overhead(&wrong[i], 10), 0);
        CU_ASSERT_EQUAL(cr_sk_open(&wrong[i], msg, 128, 32, &plain), CV_EUNSUP);
        CU_ASSERT_EQUAL(cr_sk_protect(&wrong[i], msg, 128, 32, 10, msg), CV_EUNSUP);
    }
}

UNIT_MAIN("cr_cipher", UNIT_TEST(RFC_3602_SP_800_38A_GCM_RFC_8439_known_answers),
          UNIT_TEST(RFC_7634_B_and_others_protect_to_the_octet), UNIT_TEST(RFC_7634_B_and_others_open),
          UNIT_TEST(every_flipped_bit_is_noticed), UNIT_TEST(every_truncation_is_refused),
          UNIT_TEST(every_plaintext_length_comes_back), UNIT_TEST(a_pad_length_over_the_text_is_refused),
          UNIT_TEST(RFC_5282_8_AEAD_and_integrity_do_not_mix))
