/* Published vectors (tests/vectors/esp_vectors.h) through the session and burst interface of each engine. */
#include "dataplane/engine/eng.h"
#include "dataplane/engine/eng_vaes.h"
#include "tests/unit/esp/eal.h"
#include "tests/unit/unit.h"
#include "tests/vectors/esp_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRONT = 16, HDR = 8, PACKET = 512, BURST = 70 }; /* more than one multi-buffer call takes */

struct bench {
    const struct eng_ops *e;
    struct eng_worker *w;
    struct eng_session *s;
    struct eng_session_info info;
    uint8_t mem[BURST][PACKET];
    struct eng_op ops[BURST];
};

static unsigned hex(const char *text, uint8_t *out)
{
    unsigned n = 0;
    for (; text[0] && text[1]; text += 2) {
        unsigned v = 0;
        CU_ASSERT_EQUAL_FATAL(sscanf(text, "%2x", &v), 1);
        out[n++] = (uint8_t)v;
    }
    return n;
}

static void open_session(struct bench *b, const struct esp_vector *v, enum cv_dir dir)
{
    struct cv_sa sa;
    memset(&sa, 0, sizeof sa);
    sa.ref.dir = (uint8_t)dir;
    sa.encr = v->encr;
    sa.integ = v->integ;
    sa.flags = v->esn ? CV_SA_ESN : 0;
    sa.encr_key_len = (uint8_t)hex(v->key, sa.encr_key);
    sa.salt_len = (uint8_t)hex(v->salt, sa.salt);
    sa.integ_key_len = (uint8_t)hex(v->integ_key, sa.integ_key);
    CU_ASSERT_EQUAL_FATAL(b->e->session_new(&sa, -1, &b->s, &b->info), CV_OK);
}

static unsigned fill(struct bench *b, const struct esp_vector *v, unsigned n)
{
    uint8_t packet[PACKET];
    unsigned len = hex(v->packet, packet);
    for (unsigned i = 0; i < n; i++) {
        memcpy(b->mem[i] + FRONT, packet, len);
        b->ops[i] = (struct eng_op){.esp = b->mem[i] + FRONT,
                                    .data_len = len - HDR - b->info.iv_len - b->info.icv_len,
                                    .seq_hi = v->seq_hi};
    }
    return len;
}

/* Verifies and decrypts in bursts of 1 and of BURST; every octet of the packet flipped is noticed. */
static void decrypt(struct bench *b, const struct esp_vector *v)
{
    uint8_t text[PACKET];
    unsigned text_len = hex(v->text, text), len = 0;
    open_session(b, v, CV_DIR_IN);
    for (unsigned n = 1; n <= BURST; n += BURST - 1) {
        len = fill(b, v, n);
        b->info.burst(b->w, b->s, b->ops, n);
        for (unsigned i = 0; i < n; i++) {
            bool same = b->ops[i].ok && b->ops[i].data_len == text_len &&
                        !memcmp(b->ops[i].esp + HDR + b->info.iv_len, text, text_len);
            if (!same)
                printf("%s: decryption of packet %u of %u\n", v->source, i, n);
            CU_ASSERT(same);
        }
    }
    for (unsigned at = 0; at < len; at++) {
        fill(b, v, 2);
        b->ops[0].esp[at] ^= 0x10;
        b->info.burst(b->w, b->s, b->ops, 2);
        CU_ASSERT_FALSE(b->ops[0].ok);
        CU_ASSERT_TRUE(b->ops[1].ok);
    }
    if (v->esn) { /* the high half is authenticated though it is not sent (RFC 4303 2.2.1) */
        fill(b, v, 1);
        b->ops[0].seq_hi ^= 1;
        b->info.burst(b->w, b->s, b->ops, 1);
        CU_ASSERT_FALSE(b->ops[0].ok);
    }
    b->e->session_free(b->s);
}

/* With an AEAD the IV is given, so the packet must come out as published. */
static void encrypt(struct bench *b, const struct esp_vector *v)
{
    uint8_t packet[PACKET], text[PACKET];
    unsigned text_len = hex(v->text, text), len = hex(v->packet, packet);
    open_session(b, v, CV_DIR_OUT);
    fill(b, v, BURST);
    uint64_t iv = 0;
    for (unsigned i = 0; i < 8; i++)
        iv = iv << 8 | packet[HDR + i];
    for (unsigned i = 0; i < BURST; i++) {
        memcpy(b->mem[i] + FRONT + HDR + b->info.iv_len, text, text_len);
        memset(b->mem[i] + FRONT + HDR, 0, b->info.iv_len);
        memset(b->mem[i] + FRONT + len - b->info.icv_len, 0, b->info.icv_len);
        memset(b->mem[i], 0x77, FRONT);
        b->ops[i].iv = iv;
    }
    b->info.burst(b->w, b->s, b->ops, BURST);
    for (unsigned i = 0; i < BURST; i++) {
        CU_ASSERT(b->ops[i].ok);
        if (v->encr != CV_ENCR_AES_CBC)
            CU_ASSERT_EQUAL(memcmp(b->mem[i] + FRONT, packet, len), 0);
        for (unsigned k = 0; k < FRONT; k++) /* what stands in front is as it was */
            CU_ASSERT_EQUAL(b->mem[i][k], 0x77);
    }
    b->e->session_free(b->s);
}

static void published_vectors_of_every_transform(void)
{
    static struct bench b;
    const struct eng_ops *const engines[] = {eng_by_name("ipsec-mb"), &eng_vaes_avx2, &eng_vaes_avx512};
    for (unsigned i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        b.e = engines[i];
        if (i > 0 && !eng_vaes_usable(b.e)) {
            printf("SKIP %s: not on this processor\n", b.e->name);
            continue;
        }
        CU_ASSERT_EQUAL_FATAL(b.e->worker_new(-1, &b.w), CV_OK);
        for (size_t k = 0; k < sizeof esp_vectors / sizeof esp_vectors[0]; k++) {
            decrypt(&b, &esp_vectors[k]);
            encrypt(&b, &esp_vectors[k]);
        }
        b.e->worker_free(b.w);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* RFC 3602 3, RFC 2451 3: an IV never comes twice, and none can be told from the one before. */
static void CBC_IVs_are_unpredictable_and_never_repeat(void)
{
    enum { ROUNDS = 512, ALL = ROUNDS * 64 };
    static uint64_t seen[ALL];
    static struct bench b;
    struct esp_vector v = {.encr = CV_ENCR_AES_CBC,
                           .integ = CV_INTEG_HMAC_SHA1_96,
                           .key = "000102030405060708090a0b0c0d0e0f",
                           .salt = "",
                           .integ_key = "000102030405060708090a0b0c0d0e0f10111213",
                           .packet = "",
                           .text = ""};
    b.e = eng_by_name("auto");
    CU_ASSERT_EQUAL_FATAL(b.e->worker_new(-1, &b.w), CV_OK);
    open_session(&b, &v, CV_DIR_OUT);
    unsigned n = 0, ones[128] = {0};
    for (unsigned r = 0; r < ROUNDS; r++) {
        for (unsigned i = 0; i < 64; i++)
            b.ops[i] = (struct eng_op){.esp = b.mem[i] + FRONT, .data_len = 16};
        b.info.burst(b.w, b.s, b.ops, 64);
        for (unsigned i = 0; i < 64; i++) {
            const uint8_t *iv = b.mem[i] + FRONT + HDR;
            memcpy(&seen[n++], iv, 8);
            for (unsigned bit = 0; bit < 128; bit++)
                ones[bit] += iv[bit / 8] >> (bit % 8) & 1;
        }
    }
    for (unsigned bit = 0; bit < 128; bit++) /* 10 standard deviations of 32768 fair coins */
        CU_ASSERT(ones[bit] > ALL / 2 - 905 && ones[bit] < ALL / 2 + 905);
    qsort(seen, n, sizeof seen[0], by_value);
    for (unsigned i = 1; i < n; i++)
        CU_ASSERT_NOT_EQUAL(seen[i], seen[i - 1]);
    b.e->session_free(b.s);
    b.e->worker_free(b.w);
}

static void two_workers_draw_different_IVs(void)
{
    static struct bench a, b;
    struct esp_vector v = {.encr = CV_ENCR_3DES,
                           .integ = CV_INTEG_HMAC_MD5_96,
                           .key = "000102030405060708090a0b0c0d0e0f1011121314151617",
                           .salt = "",
                           .integ_key = "000102030405060708090a0b0c0d0e0f"};
    a.e = b.e = eng_by_name("auto");
    CU_ASSERT_EQUAL_FATAL(a.e->worker_new(-1, &a.w), CV_OK);
    CU_ASSERT_EQUAL_FATAL(b.e->worker_new(-1, &b.w), CV_OK);
    open_session(&a, &v, CV_DIR_OUT);
    open_session(&b, &v, CV_DIR_OUT);
    a.ops[0] = (struct eng_op){.esp = a.mem[0] + FRONT, .data_len = 8};
    b.ops[0] = (struct eng_op){.esp = b.mem[0] + FRONT, .data_len = 8};
    a.info.burst(a.w, a.s, a.ops, 1);
    b.info.burst(b.w, b.s, b.ops, 1);
    CU_ASSERT(memcmp(a.mem[0] + FRONT + HDR, b.mem[0] + FRONT + HDR, 8) != 0);
    a.e->session_free(a.s);
    b.e->session_free(b.s);
    a.e->worker_free(a.w);
    b.e->worker_free(b.w);
}

UNIT_MAIN_EAL("engine_vectors", UNIT_TEST(published_vectors_of_every_transform),
              UNIT_TEST(CBC_IVs_are_unpredictable_and_never_repeat),
              UNIT_TEST(two_workers_draw_different_IVs))
