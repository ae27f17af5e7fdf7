/* The engine vaes against published vectors, OpenSSL and ipsec-mb: both sets of kernels, where the processor has them.
 *
 * In the suite three millions of packets, with a sanitizer some hundred thousands; `CULVERT_LONG=1 test_engine_vaes` compares twelve. */
#include "common/secret.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_vaes.h"
#include "dataplane/engine/eng_vaes_key.h"
#include "tests/unit/esp/eal.h"
#include "tests/unit/unit.h"
#include "tests/vectors/gcm_spec.h"

#include <openssl/evp.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    HDR = 8,
    IV = 8,
    HEAD = HDR + IV,
    ICV = 16,
    BURST = 16,
    FRONT = 128,
    TEXT = 9000,
    ROOM = FRONT + HEAD + TEXT + ICV + 128,
};

/* Of either set of kernels: this many thousands, fewer with a sanitizer, four times as many in the long form. */
static unsigned thousands(unsigned n)
{
    return (getenv("CULVERT_LONG") ? 4 * n : UNIT_SANITIZED ? n / 12 : n) * 1000;
}

static uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void rnd_fill(void *p, size_t n)
{
    uint8_t *b = p;
    for (; n >= 8; n -= 8, b += 8) {
        const uint64_t v = rnd();
        memcpy(b, &v, 8);
    }
    while (n--)
        *b++ = (uint8_t)rnd();
}

static const struct eng_ops *const engines[] = {&eng_vaes_avx2, &eng_vaes_avx512};
static const struct vaes_kernels *const kernels[] = {&vaes_avx2, &vaes_avx512};
enum { ENGINES = 2 };

/* Says so when the processor lacks one. */
static bool here(unsigned i)
{
    if (eng_vaes_usable(engines[i]))
        return true;
    printf("SKIP %s: not on this processor\n", engines[i]->name);
    return false;
}

/* ---- one burst in memory, twice ------------------------------------------------------------------------------------- */
struct lane {
    struct eng_session *s;
    struct eng_session_info info;
    struct eng_op ops[BURST];
    uint8_t mem[BURST][ROOM];
};
static struct lane mine, other;
static struct eng_worker *worker;

static void sa_random(struct cv_sa *sa, uint16_t encr, unsigned key_len, bool esn)
{
    memset(sa, 0, sizeof *sa);
    sa->encr = encr;
    sa->encr_key_len = (uint8_t)key_len;
    sa->salt_len = 4;
    sa->flags = esn ? CV_SA_ESN : 0;
    rnd_fill(sa->encr_key, key_len);
    rnd_fill(sa->salt, 4);
}

static void lane_open(struct lane *l, const struct eng_ops *e, struct cv_sa *sa, enum cv_dir dir)
{
    sa->ref.dir = (uint8_t)dir;
    CU_ASSERT_EQUAL_FATAL(e->session_new(sa, -1, &l->s, &l->info), CV_OK);
}

static void lanes_fill(unsigned i, unsigned at, unsigned len)
{
    rnd_fill(mine.mem[i], at + HEAD + len + ICV + 64);
    memcpy(other.mem[i], mine.mem[i], at + HEAD + len + ICV + 64);
    mine.ops[i] = (struct eng_op){
        .esp = mine.mem[i] + at, .data_len = len, .seq_hi = (uint32_t)rnd(), .iv = rnd(), .ok = rnd() & 1};
    other.ops[i] = mine.ops[i];
    other.ops[i].esp = other.mem[i] + at;
}

static bool lanes_same(unsigned i, unsigned at, unsigned len)
{
    return mine.ops[i].ok == other.ops[i].ok &&
           !memcmp(mine.mem[i], other.mem[i], at + HEAD + len + ICV + 64);
}

/* Encrypts with both, compares; spoils some packets, decrypts with both, compares again. Gives the packets that differed. */
static unsigned round_trip(const struct eng_ops *e, const struct cv_sa *given, unsigned n, const unsigned *at,
                           const unsigned *len)
{
    struct cv_sa sa = *given;
    unsigned bad = 0;
    for (unsigned i = 0; i < n; i++)
        lanes_fill(i, at[i], len[i]);
    for (int dir = CV_DIR_OUT; dir >= CV_DIR_IN; dir--) {
        lane_open(&mine, e, &sa, (enum cv_dir)dir);
        lane_open(&other, &eng_ipsecmb, &sa, (enum cv_dir)dir);
        mine.info.burst(worker, mine.s, mine.ops, n);
        other.info.burst(worker, other.s, other.ops, n);
        for (unsigned i = 0; i < n; i++) {
            bad += !lanes_same(i, at[i], len[i]);
            bad += dir == CV_DIR_OUT && !mine.ops[i].ok;
            if (dir == CV_DIR_OUT && rnd() % 4 == 0) {
                const size_t where = at[i] + rnd() % (HEAD + len[i] + ICV);
                const uint8_t bit = (uint8_t)(1u << rnd() % 8);
                mine.mem[i][where] ^= bit;
                other.mem[i][where] ^= bit;
            }
        }
        e->session_free(mine.s);
        eng_ipsecmb.session_free(other.s);
    }
    return bad;
}

/* ---- published vectors ---------------------------------------------------------------------------------------------- */
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

static void FIPS_197_A_key_expansion(void)
{
    if (!here(0))
        return;
    for (size_t i = 0; i < sizeof fips197_schedules / sizeof fips197_schedules[0]; i++) {
        uint8_t key[32], want[16];
        const unsigned n = hex(fips197_schedules[i].key, key);
        struct eng_session *s = aligned_alloc(64, sizeof *s);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        vaes_key_expand(s, &vaes_avx2, key, n, (const uint8_t[4]){0}, ICV);
        hex(fips197_schedules[i].last, want);
        CU_ASSERT_EQUAL(memcmp(s->round_key[0], key, 16), 0);
        CU_ASSERT_EQUAL(s->rounds, n / 4 + 6);
        CU_ASSERT_EQUAL(memcmp(s->round_key[s->rounds], want, 16), 0);
        free(s);
    }
}

/* Their AAD is not that of ESP, so the tag is not theirs: the ciphertext is. The tags of ESP are those of draft-mcgrew-gcm-test-01,
 * in test_vectors.c. */
static void GCM_specification_4_10_16_ciphertext(void)
{
    for (unsigned e = 0; e < ENGINES; e++)
        for (size_t i = 0; here(e) && i < sizeof gcm_spec / sizeof gcm_spec[0]; i++) {
            struct cv_sa sa = {.encr = CV_ENCR_AES_GCM_16, .salt_len = 4};
            uint8_t nonce[12], text[64], want[64];
            sa.encr_key_len = (uint8_t)hex(gcm_spec[i].key, sa.encr_key);
            hex(gcm_spec[i].nonce, nonce);
            memcpy(sa.salt, nonce, 4);
            const unsigned len = hex(gcm_spec[i].text, text);
            CU_ASSERT_EQUAL_FATAL(hex(gcm_spec[i].cipher, want), len);
            lane_open(&mine, engines[e], &sa, CV_DIR_OUT);
            uint64_t iv = 0;
            for (unsigned b = 0; b < IV; b++)
                iv = iv << 8 | nonce[4 + b];
            mine.ops[0] = (struct eng_op){.esp = mine.mem[0] + FRONT, .data_len = len, .iv = iv};
            memcpy(mine.mem[0] + FRONT + HEAD, text, len);
            mine.info.burst(worker, mine.s, mine.ops, 1);
            CU_ASSERT(mine.ops[0].ok);
            CU_ASSERT_EQUAL(memcmp(mine.mem[0] + FRONT + HEAD, want, len), 0);
            engines[e]->session_free(mine.s);
        }
}

/* ---- OpenSSL -------------------------------------------------------------------------------------------------------- */
static EVP_CIPHER_CTX *evp;

/* What RFC 4106 (gmac: RFC 4543) makes of the packet at esp, in place. */
static void openssl_packet(const struct cv_sa *sa, const struct eng_op *op, bool esn, bool gmac,
                           unsigned icv_len)
{
    static uint8_t aad[HEAD + TEXT + 4];
    const EVP_CIPHER *c = sa->encr_key_len == 16   ? EVP_aes_128_gcm()
                          : sa->encr_key_len == 24 ? EVP_aes_192_gcm()
                                                   : EVP_aes_256_gcm();
    uint8_t nonce[12], *text = op->esp + HEAD, tag[16];
    unsigned n = HDR;
    int out;
    for (unsigned b = 0; b < IV; b++)
        op->esp[HDR + b] = (uint8_t)(op->iv >> (56 - 8 * b));
    memcpy(nonce, sa->salt, 4);
    memcpy(nonce + 4, op->esp + HDR, IV);
    memcpy(aad, op->esp, HDR);
    if (esn) {
        memmove(aad + 8, aad + 4, 4);
        for (unsigned b = 0; b < 4; b++)
            aad[4 + b] = (uint8_t)(op->seq_hi >> (24 - 8 * b));
        n += 4;
    }
    if (gmac) {
        memcpy(aad + n, op->esp + HDR, IV + op->data_len);
        n += IV + op->data_len;
    }
    CU_ASSERT_FATAL(EVP_EncryptInit_ex(evp, c, NULL, sa->encr_key, nonce) == 1);
    CU_ASSERT_FATAL(EVP_EncryptUpdate(evp, NULL, &out, aad, (int)n) == 1);
    if (!gmac && op->data_len)
        CU_ASSERT_FATAL(EVP_EncryptUpdate(evp, text, &out, text, (int)op->data_len) == 1);
    CU_ASSERT_FATAL(EVP_EncryptFinal_ex(evp, tag, &out) == 1);
    CU_ASSERT_FATAL(EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    memcpy(text + op->data_len, tag, icv_len);
}

static unsigned random_len(unsigned i)
{
    static const unsigned edge[] = {0,   16,  32,  64,   96,   224,  240,  480,
                                    496, 512, 736, 1008, 1420, 4064, 4080, 8192};
    switch (i % 4) {
    case 0:
        return (unsigned)(rnd() % 300);
    case 1:
        return edge[rnd() % (sizeof edge / sizeof edge[0])] + (unsigned)(rnd() % 20);
    case 2:
        return (unsigned)(rnd() % 1600);
    default:
        return rnd() % 16 ? (unsigned)(rnd() % 128) : (unsigned)(rnd() % TEXT);
    }
}

/* Of several SAs' packets: which[i] says whose packet i is. By runs of them together, or all of the first SA's. */
enum { SAS = BURST };

static void kernel_call(unsigned k, struct eng_session *const s[SAS], unsigned size, bool encrypt, bool esn,
                        bool gmac, const uint8_t which[BURST], unsigned n, bool together)
{
    struct eng_run run[BURST];
    unsigned count = 0;
    if (!together) {
        (gmac ? kernels[k]->gmac : kernels[k]->gcm)[size][encrypt][esn](worker, s[0], mine.ops, n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        if (i > 0 && which[i] == which[i - 1] && run[count - 1].n < ENG_FEW)
            run[count - 1].n++;
        else
            run[count++] = (struct eng_run){s[which[i]], &mine.ops[i], 1};
    vaes_near_octets = rnd() & 1 ? 0 : VAES_NEAR_OCTETS; /* as with many sessions, and as with few */
    kernels[k]->runs[size][encrypt][esn](worker, run, count);
}

/* Kernels themselves, so that ICVs of 8 and 12 octets (RFC 4106 6) and texts of any length are met, too. */
static void compare_openssl(unsigned k, unsigned packets)
{
    struct eng_session *s[SAS];
    unsigned bad = 0;
    for (unsigned i = 0; i < SAS; i++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(s[i] = aligned_alloc(64, sizeof **s));
    for (unsigned done = 0; done < packets;) {
        const unsigned size = (unsigned)(rnd() % 3), icv = rnd() % 2 ? 16 : 8 + 4 * (unsigned)(rnd() % 2);
        const unsigned n = 1 + (unsigned)(rnd() % BURST), at = 16 + (unsigned)(rnd() % 64);
        const bool esn = rnd() & 1, gmac = rnd() % 4 == 0;
        const bool together = !gmac && kernels[k]->runs[size][1][esn] && rnd() & 1;
        const unsigned sas = together ? 1 + (unsigned)(rnd() % SAS) : 1;
        struct cv_sa sa[SAS];
        uint8_t which[BURST];
        for (unsigned i = 0; i < sas; i++) {
            sa_random(&sa[i], CV_ENCR_AES_GCM_16, 16 + 8 * size, esn);
            vaes_key_expand(s[i], kernels[k], sa[i].encr_key, sa[i].encr_key_len, sa[i].salt, icv);
        }
        for (unsigned i = 0; i < n; i++) {
            which[i] = (uint8_t)(rnd() % sas);
            lanes_fill(i, at, random_len(done + i));
        }
        kernel_call(k, s, size, true, esn, gmac, which, n, together);
        for (unsigned i = 0; i < n; i++) {
            openssl_packet(&sa[which[i]], &other.ops[i], esn, gmac, icv);
            other.ops[i].ok = true;
            bad += !lanes_same(i, at, mine.ops[i].data_len);
        }
        const unsigned forged = (unsigned)(rnd() % (2 * n)); /* or none */
        if (forged < n)
            mine.ops[forged].esp[HEAD + mine.ops[forged].data_len + rnd() % icv] ^=
                (uint8_t)(1u << rnd() % 8);
        kernel_call(k, s, size, false, esn, gmac, which, n, together);
        for (unsigned i = 0; i < n; i++)
            bad += mine.ops[i].ok != (i != forged);
        done += n;
    }
    CU_ASSERT_EQUAL(bad, 0);
    for (unsigned i = 0; i < SAS; i++)
        free(s[i]);
}

static void OpenSSL_says_the_same_for_seeded_packets(void)
{
    evp = EVP_CIPHER_CTX_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(evp);
    const unsigned packets = thousands(500);
    for (unsigned k = 0; k < ENGINES; k++)
        if (here(k))
            compare_openssl(k, packets);
    EVP_CIPHER_CTX_free(evp);
}

/* ---- ipsec-mb ------------------------------------------------------------------------------------------------------- */
static void ipsec_mb_says_the_same_for_seeded_bursts(void)
{
    const unsigned packets = thousands(1000);
    for (unsigned e = 0; e < ENGINES; e++) {
        unsigned bad = 0;
        for (unsigned done = 0; here(e) && done < packets;) {
            unsigned at[BURST], len[BURST], n = 1 + (unsigned)(rnd() % BURST);
            struct cv_sa sa;
            sa_random(&sa, rnd() % 4 ? CV_ENCR_AES_GCM_16 : CV_ENCR_NULL_AES_GMAC,
                      16 + 8 * (unsigned)(rnd() % 3), rnd() & 1);
            for (unsigned i = 0; i < n; i++) {
                at[i] = 16 + (unsigned)(rnd() % 100);
                len[i] = random_len(done + i) & ~3u;
                len[i] = len[i] ? len[i] : 4; /* eng_op: not zero */
            }
            bad += round_trip(engines[e], &sa, n, at, len);
            done += n;
        }
        CU_ASSERT_EQUAL(bad, 0);
    }
}

static void every_length_up_to_9000_octets(void)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        unsigned bad = 0;
        for (unsigned len = 0; here(e) && len + BURST <= TEXT;) {
            unsigned at[BURST], lens[BURST];
            struct cv_sa sa;
            for (unsigned i = 0; i < BURST; i++, len++) {
                at[i] = 16 + len % 64;
                lens[i] = len;
            }
            sa_random(&sa, CV_ENCR_AES_GCM_16, 16 + 8 * (len / BURST % 3), len / BURST % 2);
            bad += round_trip(engines[e], &sa, BURST, at, lens);
            sa.encr = CV_ENCR_NULL_AES_GMAC;
            bad += round_trip(engines[e], &sa, BURST, at, lens);
        }
        CU_ASSERT_EQUAL(bad, 0);
    }
}

static void every_address_within_a_cache_line(void)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        unsigned bad = 0;
        for (unsigned a = 0; here(e) && a < 64; a++) {
            unsigned at[BURST], lens[BURST];
            struct cv_sa sa;
            for (unsigned i = 0; i < BURST; i++) {
                at[i] = 32 + a;
                lens[i] = 4 + i * 52 + a % 16;
            }
            sa_random(&sa, CV_ENCR_AES_GCM_16, 16, false);
            bad += round_trip(engines[e], &sa, BURST, at, lens);
        }
        CU_ASSERT_EQUAL(bad, 0);
    }
}

/* ---- nothing outside of the packet ------------------------------------------------------------------------------------ */
/* Pages without access on both sides of `size` octets. */
static uint8_t *fenced(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(p != MAP_FAILED);
    CU_ASSERT_EQUAL_FATAL(mprotect(p + page, size, PROT_READ | PROT_WRITE), 0);
    return p + page;
}

static void one_at_the_fence(const struct eng_ops *e, const struct cv_sa *given, uint8_t *esp, unsigned len)
{
    struct cv_sa sa = *given;
    for (int dir = CV_DIR_OUT; dir >= CV_DIR_IN; dir--) {
        struct eng_op op = {.esp = esp, .data_len = len, .iv = len + 1};
        lane_open(&mine, e, &sa, (enum cv_dir)dir);
        mine.info.burst(worker, mine.s, &op, 1);
        CU_ASSERT(op.ok);
        e->session_free(mine.s);
    }
}

static void no_octet_outside_of_the_packet_is_read_or_written(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 3 * page;
    uint8_t *mem = fenced(size);
    for (unsigned e = 0; e < ENGINES; e++)
        for (unsigned len = 0; here(e) && len < 2200; len += len < 600 ? 1 : 13)
            for (unsigned form = 0; form < 4; form++) {
                struct cv_sa sa;
                sa_random(&sa, form & 1 ? CV_ENCR_NULL_AES_GMAC : CV_ENCR_AES_GCM_16, 16, form & 2);
                one_at_the_fence(engines[e], &sa, mem, len);
                one_at_the_fence(engines[e], &sa, mem + size - HEAD - len - ICV, len);
            }
    munmap(mem - page, size + 2 * page);
}

/* ---- forgeries ------------------------------------------------------------------------------------------------------ */
static void every_bit_of_ICV_and_every_octet_of_the_packet_counts(void)
{
    static const unsigned lens[] = {4, 16, 60, 64, 200, 240, 1420};
    for (unsigned e = 0; e < ENGINES; e++)
        for (unsigned l = 0; here(e) && l < sizeof lens / sizeof lens[0]; l++) {
            const unsigned len = lens[l], all = HEAD + len + ICV;
            struct cv_sa sa;
            struct eng_op op = {.esp = mine.mem[0] + FRONT, .data_len = len, .iv = 7};
            unsigned passed = 0;
            sa_random(&sa, CV_ENCR_AES_GCM_16, 32, false);
            rnd_fill(mine.mem[0], ROOM);
            lane_open(&mine, engines[e], &sa, CV_DIR_OUT);
            mine.info.burst(worker, mine.s, &op, 1);
            engines[e]->session_free(mine.s);
            memcpy(other.mem[0], mine.mem[0], ROOM);
            lane_open(&mine, engines[e], &sa, CV_DIR_IN);
            for (unsigned bit = 0; bit < 8 * all; bit += bit < 8 * (HEAD + len) ? 7 : 1) {
                memcpy(mine.mem[0] + FRONT, other.mem[0] + FRONT, all);
                op.esp[bit / 8] ^= (uint8_t)(1u << bit % 8);
                op.ok = true;
                mine.info.burst(worker, mine.s, &op, 1);
                passed += op.ok;
            }
            CU_ASSERT_EQUAL(passed, 0);
            memcpy(mine.mem[0] + FRONT, other.mem[0] + FRONT, all);
            mine.info.burst(worker, mine.s, &op, 1);
            CU_ASSERT(op.ok);
            engines[e]->session_free(mine.s);
        }
}

/* ---- pieces ------------------------------------------------------------------------------------------------------------ */
enum { PIECES = 64 };

/* Packet 0 of `mine` cut into pieces that are as many and as long as falls, some of none. Gives how many. */
static unsigned pieces_draw(struct eng_piece *pieces, uint8_t *text, unsigned len)
{
    static const unsigned longest[] = {1, 2, 17, 64, 300, 2048, TEXT};
    const unsigned most = longest[rnd() % (sizeof longest / sizeof *longest)];
    unsigned n = 0;
    for (unsigned at = 0; at < len && n < PIECES - 1;) {
        unsigned size = (unsigned)(rnd() % (most + 1));
        size = size < len - at ? size : len - at;
        pieces[n++] = (struct eng_piece){text + at, size};
        at += size;
    }
    unsigned so_far = 0;
    for (unsigned i = 0; i < n; i++)
        so_far += pieces[i].len;
    pieces[n++] = (struct eng_piece){text + so_far, len - so_far};
    return n;
}

/* Both engines' own way with pieces, against the burst of ipsec-mb; with the ICV beside the packet, and some of what comes in spoilt. */
static void pieces_are_what_the_whole_is(void)
{
    static const struct eng_ops *const each[] = {&eng_vaes_avx2, &eng_vaes_avx512, &eng_ipsecmb};
    static const struct {
        uint16_t encr;
        unsigned key_len;
    } forms[] = {{CV_ENCR_AES_GCM_16, 16},       {CV_ENCR_AES_GCM_16, 24},    {CV_ENCR_AES_GCM_16, 32},
                 {CV_ENCR_NULL_AES_GMAC, 16},    {CV_ENCR_NULL_AES_GMAC, 24}, {CV_ENCR_NULL_AES_GMAC, 32},
                 {CV_ENCR_CHACHA20_POLY1305, 32}};
    unsigned bad = 0, wrong = 0, refused = 0;
    printf("seed %llx ", (unsigned long long)seed);
    for (unsigned e = 0; e < 3; e++)
        for (unsigned k = 0; (e == 2 || here(e)) && k < thousands(20); k++) {
            struct eng_piece pieces[PIECES];
            struct cv_sa sa;
            uint8_t icv[ICV];
            const unsigned form = (unsigned)(rnd() % 7),
                           len = 4 * (1 + (unsigned)(rnd() % (rnd() % 8 ? 100 : TEXT / 4)));
            sa_random(&sa, forms[form].encr, forms[form].key_len, rnd() & 1);
            lanes_fill(0, FRONT, len);
            for (int dir = CV_DIR_OUT; dir >= CV_DIR_IN; dir--) {
                uint8_t *text = mine.mem[0] + FRONT + HEAD;
                lane_open(&mine, each[e], &sa, (enum cv_dir)dir);
                lane_open(&other, &eng_ipsecmb, &sa, (enum cv_dir)dir);
                memcpy(icv, text + len, ICV);
                const unsigned n = pieces_draw(pieces, text, len);
                mine.info.pieces(worker, mine.s, mine.ops, pieces, n, icv);
                memcpy(text + len, icv, ICV);
                other.info.burst(worker, other.s, other.ops, 1);
                bad += !lanes_same(0, FRONT, len);
                wrong += dir == CV_DIR_OUT && !mine.ops[0].ok;
                refused += !mine.ops[0].ok;
                if (dir == CV_DIR_OUT && rnd() % 4 == 0) {
                    const size_t where = FRONT + rnd() % (HEAD + len + ICV);
                    mine.mem[0][where] ^= 0x20;
                    other.mem[0][where] ^= 0x20;
                }
                each[e]->session_free(mine.s);
                eng_ipsecmb.session_free(other.s);
            }
        }
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(refused > 0);
}

/* ---- what stays behind ------------------------------------------------------------------------------------------------ */
#if defined(__OPTIMIZE__) && !UNIT_SANITIZED
enum { DEPTH = 32 * 1024 };

/* Blocks of the session's keys, and masks of the packets' tags, that stand in the DEPTH octets of stack below this function. */
static __attribute__((noinline)) unsigned stack_keys(const struct eng_session *s,
                                                     uint8_t masks[BURST][VAES_BLOCK])
{
    static uint8_t copy[DEPTH];
    static const uint8_t zero[VAES_BLOCK];
    const volatile uint8_t *sp = __builtin_frame_address(0);
    unsigned found = 0;
    for (unsigned i = 0; i < DEPTH; i++) /* before any call: what a burst left there */
        copy[i] = sp[(long)i - DEPTH];
    for (unsigned i = 0; i + VAES_BLOCK <= DEPTH; i++) {
        for (unsigned k = 0; k < BURST; k++)
            found += !memcmp(copy + i, masks[k], VAES_BLOCK);
        for (unsigned r = 0; r <= s->rounds; r++)
            found += !memcmp(copy + i, s->round_key[r], VAES_BLOCK);
        for (unsigned p = 0; p < VAES_POWERS; p++)
            found += memcmp(s->power[p], zero, VAES_BLOCK) && !memcmp(copy + i, s->power[p], VAES_BLOCK);
    }
    return found;
}

/* SP 800-38D 7.1 step 6: whoever has one, and the tag, knows what H makes of the packet. */
static void masks_of(const struct cv_sa *sa, const struct eng_op *ops, bool encrypt,
                     uint8_t masks[BURST][VAES_BLOCK])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *c = sa->encr_key_len == 16   ? EVP_aes_128_ecb()
                          : sa->encr_key_len == 24 ? EVP_aes_192_ecb()
                                                   : EVP_aes_256_ecb();
    CU_ASSERT_FATAL(ctx && EVP_EncryptInit_ex(ctx, c, NULL, sa->encr_key, NULL) == 1);
    for (unsigned i = 0; i < BURST; i++) {
        uint8_t block[VAES_BLOCK] = {[15] = 1};
        const uint64_t iv = __builtin_bswap64(ops[i].iv);
        int out;
        memcpy(block, sa->salt, 4);
        memcpy(block + 4, encrypt ? (const uint8_t *)&iv : ops[i].esp + 8, 8);
        CU_ASSERT_FATAL(EVP_EncryptUpdate(ctx, masks[i], &out, block, sizeof block) == 1);
    }
    EVP_CIPHER_CTX_free(ctx);
}

static void no_key_stays_on_the_stack(void)
{
    static uint8_t masks[BURST][VAES_BLOCK];
    for (unsigned k = 0; k < ENGINES; k++)
        for (unsigned form = 0; here(k) && form < 6 * 40;
             form++) { /* keys, directions, and lengths for every branch */
            struct eng_session *s = aligned_alloc(64, sizeof *s);
            struct cv_sa sa;
            CU_ASSERT_PTR_NOT_NULL_FATAL(s);
            sa_random(&sa, CV_ENCR_AES_GCM_16, 16 + 8 * (form % 3), false);
            for (unsigned i = 0; i < BURST; i++)
                lanes_fill(i, FRONT, i < BURST - 1 ? (unsigned)(rnd() % 600) : form / 6 * 16);
            masks_of(&sa, mine.ops, form / 3 & 1, masks);
            vaes_key_expand(s, kernels[k], sa.encr_key, sa.encr_key_len, sa.salt, ICV);
            kernels[k]->gcm[form % 3][form / 3 & 1][0](worker, s, mine.ops, BURST);
            CU_ASSERT_EQUAL(stack_keys(s, masks), 0);
            struct eng_run run[BURST];
            for (unsigned i = 0; i < BURST; i++)
                run[i] = (struct eng_run){s, &mine.ops[i], 1};
            if (kernels[k]->runs[form % 3][form / 3 & 1][0]) {
                vaes_near_octets = form / 6 % 2 ? 0 : VAES_NEAR_OCTETS;
                kernels[k]->runs[form % 3][form / 3 & 1][0](worker, run, BURST);
                CU_ASSERT_EQUAL(stack_keys(s, masks), 0);
            }
            const struct eng_piece piece[2] = {{mine.ops[0].esp + HEAD, mine.ops[0].data_len / 2},
                                               {mine.ops[0].esp + HEAD + mine.ops[0].data_len / 2,
                                                mine.ops[0].data_len - mine.ops[0].data_len / 2}};
            uint8_t icv[ICV] = {0};
            vaes_pieces[0][form / 3 & 1][0](worker, s, &mine.ops[0], piece, 2, icv);
            CU_ASSERT_EQUAL(stack_keys(s, masks), 0);
            free(s);
        }
}
#else
static void no_key_stays_on_the_stack(void)
{
    printf("SKIP: without optimisation, or with a sanitizer, everything stands on the stack\n");
}
#endif

static void a_burst_of_none_is_nothing(void)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        struct cv_sa sa;
        if (!here(e))
            continue;
        sa_random(&sa, CV_ENCR_AES_GCM_16, 16, false);
        lane_open(&mine, engines[e], &sa, CV_DIR_OUT);
        mine.info.burst(worker, mine.s, NULL, 0);
        CU_ASSERT_PTR_NOT_NULL(mine.s);
        engines[e]->session_free(mine.s);
    }
}

static void a_processor_without_VAES_is_refused(void)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        struct cv_sa sa;
        struct eng_worker *w;
        char err[160] = "";
        if (eng_vaes_usable(engines[e]))
            continue;
        sa_random(&sa, CV_ENCR_AES_GCM_16, 16, false);
        CU_ASSERT_EQUAL(engines[e]->session_new(&sa, -1, &mine.s, &mine.info), CV_EUNSUP);
        CU_ASSERT_EQUAL(engines[e]->worker_new(-1, &w), CV_EUNSUP);
        CU_ASSERT_EQUAL(engines[e]->self_test(err, sizeof err), CV_EUNSUP);
        CU_ASSERT_FALSE(engines[e]->supports(CV_ENCR_AES_GCM_16, 16, CV_INTEG_NONE));
        CU_ASSERT(strlen(err) > 0);
    }
    CU_ASSERT_EQUAL(eng_vaes_usable(&eng_vaes), eng_vaes_usable(&eng_vaes_avx2));
}

static void both_sets_of_kernels_pass_their_self_test(void)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        char err[160] = "";
        if (!here(e))
            continue;
        CU_ASSERT_EQUAL(engines[e]->self_test(err, sizeof err), CV_OK);
        CU_ASSERT_STRING_EQUAL(err, "");
    }
}

int main(void)
{
    static const struct unit_test tests[] = {UNIT_TEST(a_processor_without_VAES_is_refused),
                                             UNIT_TEST(both_sets_of_kernels_pass_their_self_test),
                                             UNIT_TEST(FIPS_197_A_key_expansion),
                                             UNIT_TEST(GCM_specification_4_10_16_ciphertext),
                                             UNIT_TEST(OpenSSL_says_the_same_for_seeded_packets),
                                             UNIT_TEST(ipsec_mb_says_the_same_for_seeded_bursts),
                                             UNIT_TEST(every_length_up_to_9000_octets),
                                             UNIT_TEST(every_address_within_a_cache_line),
                                             UNIT_TEST(no_octet_outside_of_the_packet_is_read_or_written),
                                             UNIT_TEST(every_bit_of_ICV_and_every_octet_of_the_packet_counts),
                                             UNIT_TEST(pieces_are_what_the_whole_is),
                                             UNIT_TEST(no_key_stays_on_the_stack),
                                             UNIT_TEST(a_burst_of_none_is_nothing)};
    if (eal_start() < 0 || eng_ipsecmb.worker_new(-1, &worker) != CV_OK)
        return 1;
    const int status = unit_run("engine_vaes", tests, sizeof tests / sizeof tests[0]);
    eng_ipsecmb.worker_free(worker);
    rte_eal_cleanup();
    return status;
}
