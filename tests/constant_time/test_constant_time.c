/* That the kernels of the engine vaes, and all comparisons of ICVs and MACs, are constant in time: no branch and no address depends on keys, on text, or on what is
 * computed of them. Public are lengths, SPIs, sequence numbers, IVs, whatever stands on the wire, and the one bit that tells whether an ICV was right.
 *
 * Held by MemorySanitizer (marked.h) on the sources as they stand (-O0), the kernels as clang optimises them. Not seen are: what gcc makes of them; instructions whose time
 * depends on their operands, of which there are none here (no division, and products are carry-less); a mark that a sum should carry to higher bits, and no secret is
 * added here; ipsec-mb's and OpenSSL's own code. That nothing lost its mark on the way is seen from results: all octets of a ciphertext, of an ICV, and of what keys
 * are expanded to must be marked still. Each case is a process of its own. */
#include "control/crypto/cr_cipher.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_vaes_key.h"
#include "tests/constant_time/marked.h"
#include "tests/unit/unit.h"

#include <cpuid.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SALT = 4,
    ICV_MAX = 32,
    IV_MAX = 16,
    FRONT = 16, /* ESN's half of a sequence number may be put in front of a packet */
    TEXT_MAX = 9000,
    BURST = 6,
    SAS = 5,
    STEP =
        28, /* octets from one length to the next: every number of registers, and any rest in the last one */
    LENGTHS_TO = 1400,
};

const char *__msan_default_options(void);
const char *__msan_default_options(void)
{
    /* CT_REPORTED. Heap memory counts as written: OpenSSL and ipsec-mb write theirs where nobody sees it. */
    return "exitcode=86:halt_on_error=1:poison_in_malloc=0:poison_in_free=0";
}

static unsigned cases;

#define MUST(x)                                                                                              \
    do {                                                                                                     \
        if (!(x)) {                                                                                          \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                          \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

/* How `work` ends in a process of its own. */
static int apart(void (*work)(const void *), const void *what, bool quiet)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        if (quiet && dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) < 0)
            _exit(1);
        work(what);
        _exit(0);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    cases++;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct packet {
    uint8_t mem[FRONT + VAES_ESP_HDR + IV_MAX + TEXT_MAX + ICV_MAX] __attribute__((aligned(64)));
} packets[BURST];

static void secrets_fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 73 + seed * 41 + (i >> 3));
}

static void packet_fill(struct eng_op *op, unsigned i, uint32_t len, unsigned iv_len, bool marked)
{
    secrets_fill(packets[i].mem, sizeof packets[i].mem, i + len);
    ct_public(packets[i].mem, sizeof packets[i].mem);
    *op = (struct eng_op){
        .esp = packets[i].mem + FRONT, .data_len = len, .seq_hi = 7 + i, .iv = UINT64_C(0x1234567) * len + i};
    if (marked)
        ct_secret(op->esp + VAES_ESP_HDR + iv_len, len);
}

/* ---- kernels ------------------------------------------------------------------------------------------------------- */
enum way { GCM, GMAC, RUNS_NEAR, RUNS_FAR, GCM_PIECES, GMAC_PIECES, WAYS };
static const char *const way_name[WAYS] = {
    "GCM", "GMAC", "GCM of few SAs", "GCM of many SAs", "GCM in pieces", "GMAC in pieces"};

static bool is_clear(enum way way)
{
    return way == GMAC || way == GMAC_PIECES;
}

struct kernel_case {
    const struct vaes_kernels *k;
    unsigned key_len, icv_len;
    bool esn;
    enum way way;
    bool unmarked;            /* nothing is secret */
    enum ct_mutant expanding; /* of keys */
    enum ct_mutant working;   /* on packets */
    uint8_t *octets;          /* unless NULL: what was made of the packets */
};

static void sessions_expand(const struct kernel_case *c, struct eng_session s[SAS])
{
    ct_mutant = c->expanding;
    for (unsigned i = 0; i < SAS; i++) {
        uint8_t key[32], salt[SALT];
        secrets_fill(key, sizeof key, i);
        secrets_fill(salt, sizeof salt, i + 100);
        memset(&s[i], 0, sizeof s[i]);
        if (!c->unmarked) {
            ct_secret(key, sizeof key);
            ct_secret(salt, sizeof salt);
        }
        vaes_key_expand(&s[i], c->k, key, c->key_len, salt, c->icv_len);
        const unsigned first = c->k->run == VAES_RUN4 ? VAES_FIRST4 : VAES_FIRST2;
        MUST(c->unmarked ||
             (ct_all_secret(s[i].round_key, (s[i].rounds + 1u) * VAES_BLOCK) &&
              ct_all_secret(s[i].power[first], (VAES_POWERS - first) * VAES_BLOCK) &&
              ct_all_secret(s[i].hash_key, VAES_BLOCK) && ct_all_secret(s[i].key, sizeof s[i].key)));
        MUST(!ct_any_secret(&s[i].rounds, 1) && !ct_any_secret(&s[i].icv_len, 1));
    }
    ct_mutant = c->working;
}

static uint8_t *text_of(const struct eng_op *op)
{
    return op->esp + VAES_ESP_HDR + VAES_IV;
}

/* Of any lengths, an empty one among them. Gives how many. */
static unsigned pieces_cut(const struct eng_op *op, uint8_t *text, struct eng_piece *pieces, unsigned most)
{
    uint32_t at = 0;
    unsigned n = 0;
    while (n + 1 < most) {
        const uint32_t left = op->data_len - at, len = (n * 137 + op->data_len) % 391;
        pieces[n++] = (struct eng_piece){text + at, len < left ? len : left};
        at += pieces[n - 1].len;
    }
    pieces[n++] = (struct eng_piece){text + at, op->data_len - at};
    return n;
}

static void in_pieces(eng_pieces_fn *run, const struct eng_session *s, struct eng_op *op, uint8_t *text)
{
    struct eng_piece pieces[7];
    const unsigned n = pieces_cut(op, text, pieces, 1 + op->data_len % 7);
    run(NULL, s, op, pieces, n, text + op->data_len);
}

static void kernels_run(const struct kernel_case *c, struct eng_session s[SAS], struct eng_op ops[BURST],
                        bool encrypt)
{
    const unsigned size = c->key_len / 8 - 2;
    struct eng_run runs[BURST];
    vaes_near_octets = c->way == RUNS_FAR ? 0 : UINT64_MAX;
    switch (c->way) {
    case GCM:
        c->k->gcm[size][encrypt][c->esn](NULL, &s[0], ops, BURST);
        break;
    case GMAC:
        c->k->gmac[size][encrypt][c->esn](NULL, &s[0], ops, BURST);
        break;
    case GCM_PIECES:
    case GMAC_PIECES:
        for (unsigned i = 0; i < BURST; i++)
            in_pieces(vaes_pieces[c->way == GMAC_PIECES][encrypt][c->esn], &s[0], &ops[i], text_of(&ops[i]));
        break;
    default:
        for (unsigned i = 0; i < BURST; i++)
            runs[i] = (struct eng_run){&s[i % SAS], &ops[i], 1};
        c->k->runs[size][encrypt][c->esn](NULL, runs, BURST);
        break;
    }
}

/* One burst out and in again, with packets of one length and of others beside it; one comes back with a wrong ICV, one with wrong text. */
static void burst_there_and_back(const struct kernel_case *c, struct eng_session s[SAS], uint32_t len)
{
    struct eng_op ops[BURST];
    for (unsigned i = 0; i < BURST; i++)
        packet_fill(&ops[i], i, i % 2 ? len : 4 + (len * 5 + 52 * i) % LENGTHS_TO / 4 * 4, VAES_IV,
                    !c->unmarked);
    kernels_run(c, s, ops, true);
    for (unsigned i = 0; i < BURST; i++) {
        MUST(!ct_any_secret(&ops[i].ok, sizeof ops[i].ok) && ops[i].ok);
        MUST(!ct_any_secret(ops[i].esp, VAES_ESP_HDR + VAES_IV));
        MUST(c->unmarked || ct_all_secret(text_of(&ops[i]), ops[i].data_len + c->icv_len));
        ct_public(packets[i].mem, sizeof packets[i].mem); /* on the wire */
        ops[i].ok = false;
    }
    if (c->octets)
        memcpy(c->octets, packets, sizeof packets);
    text_of(&ops[1])[ops[1].data_len] ^= 1;
    text_of(&ops[4])[ops[4].data_len - 1] ^= 0x80;
    kernels_run(c, s, ops, false);
    for (unsigned i = 0; i < BURST; i++) {
        MUST(c->unmarked || ct_any_secret(&ops[i].ok, sizeof ops[i].ok));
        MUST(c->unmarked || is_clear(c->way) || ct_all_secret(text_of(&ops[i]), ops[i].data_len));
        ct_public(&ops[i].ok, sizeof ops[i].ok);
        MUST(ops[i].ok == (i != 1 && i != 4));
    }
}

static void kernels_work(const void *what)
{
    static struct eng_session s[SAS];
    const struct kernel_case *c = what;
    sessions_expand(c, s);
    if (c->octets) {
        burst_there_and_back(c, s, 1024);
        return;
    }
    for (uint32_t len = 4; len < LENGTHS_TO; len += STEP)
        burst_there_and_back(c, s, len);
    burst_there_and_back(c, s, TEXT_MAX);
}

static void kernels_clean(const struct vaes_kernels *k)
{
    static const unsigned icv_lens[] = {16, 12, 8};
    for (unsigned key_len = 16; key_len <= 32; key_len += 8)
        for (unsigned esn = 0; esn < 2; esn++)
            for (unsigned way = 0; way < WAYS; way++)
                for (unsigned i = 0; i < (key_len == 16 ? 3 : 1); i++) {
                    const struct kernel_case c = {
                        .k = k, .key_len = key_len, .icv_len = icv_lens[i], .esn = esn, .way = way};
                    const int end = apart(kernels_work, &c, false);
                    if (end != 0)
                        printf("\n%s: %s, key of %u octets%s, ICV of %u: %s\n", k->name, way_name[way],
                               key_len, esn ? ", ESN" : "", icv_lens[i],
                               end == CT_REPORTED ? "depends on a secret" : "failed");
                    CU_ASSERT_EQUAL(end, 0);
                }
}

/* As eng_vaes.c asks, which is DPDK's and not built for this. */
static bool processor_has(const struct vaes_kernels *k)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & bit_VAES) || !(c & bit_VPCLMULQDQ) ||
        !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
        return false;
    return k == &vaes_avx2 || (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
}

static bool usable(const struct vaes_kernels *k)
{
    if (!processor_has(k))
        printf("(this processor cannot run kernels for %s) ", k->name);
    return processor_has(k);
}

static void AVX512_kernels_do_not_depend_on_secrets(void)
{
    if (usable(&vaes_avx512))
        kernels_clean(&vaes_avx512);
}

static void AVX2_kernels_do_not_depend_on_secrets(void)
{
    if (usable(&vaes_avx2))
        kernels_clean(&vaes_avx2);
}

/* ---- mutants of kernels -------------------------------------------------------------------------------------------- */
static void mutants_found(const struct vaes_kernels *k)
{
    for (unsigned mutant = CT_NONE + 1; mutant < CT_MUTANTS; mutant++) {
        for (unsigned way = 0; way < WAYS; way++) {
            if (mutant == CT_EARLY_OUT && way >= GCM_PIECES)
                continue; /* they compare without the instruction that this mutant stands in for */
            const struct kernel_case c = {
                .k = k, .key_len = 16, .icv_len = 16, .way = way, .working = mutant};
            CU_ASSERT_EQUAL(apart(kernels_work, &c, true), CT_REPORTED);
        }
        if (mutant != CT_EARLY_OUT) {
            const struct kernel_case c = {.k = k, .key_len = 32, .icv_len = 16, .expanding = mutant};
            CU_ASSERT_EQUAL(apart(kernels_work, &c, true), CT_REPORTED);
        }
    }
}

/* They are found for their time alone: where nothing is secret they run to the end, and packets are the same to the octet. */
static void mutants_compute_the_same(const struct vaes_kernels *k)
{
    static uint8_t octets[2][sizeof packets];
    for (unsigned mutant = CT_NONE + 1; mutant < CT_MUTANTS; mutant++)
        for (unsigned way = 0; way < WAYS; way++) {
            struct kernel_case c = {
                .k = k, .key_len = 16, .icv_len = 16, .way = way, .unmarked = true, .octets = octets[0]};
            kernels_work(&c);
            c.octets = octets[1];
            c.expanding = c.working = mutant;
            kernels_work(&c);
            ct_mutant = CT_NONE;
            CU_ASSERT_EQUAL(memcmp(octets[0], octets[1], sizeof octets[0]), 0);
        }
}

static void kernels_that_depend_on_secrets_are_found(void)
{
    static const struct vaes_kernels *const kernels[] = {&vaes_avx512, &vaes_avx2};
    for (unsigned i = 0; i < 2; i++)
        if (usable(kernels[i])) {
            mutants_found(kernels[i]);
            mutants_compute_the_same(kernels[i]);
        }
}

/* ---- what eng_ipsecmb.c compares: ESP and AH --------------------------------------------------------------------------- */
struct sa_case {
    uint16_t encr, integ;
    uint8_t encr_key_len, integ_key_len;
    bool esn;
    enum ct_mutant mutant;
    bool pieces;
};

static struct eng_session *session_of(const struct sa_case *c, uint8_t dir, struct eng_session_info *info)
{
    struct cv_sa sa = {.encr = c->encr,
                       .integ = c->integ,
                       .encr_key_len = c->encr_key_len,
                       .integ_key_len = c->integ_key_len,
                       .salt_len = c->integ ? 0 : SALT,
                       .flags = c->esn ? CV_SA_ESN : 0,
                       .proto = c->encr == CV_ENCR_NULL ? CV_PROTO_AH : CV_PROTO_ESP};
    struct eng_session *s = NULL;
    sa.ref.dir = dir;
    secrets_fill(sa.encr_key, sizeof sa.encr_key, 1);
    secrets_fill(sa.integ_key, sizeof sa.integ_key, 2);
    MUST(eng_ipsecmb.session_new(&sa, -1, &s, info) == CV_OK);
    return s;
}

static void icvs_compare(const void *what)
{
    const struct sa_case *c = what;
    struct eng_session_info info, info_out;
    struct eng_session *out = session_of(c, CV_DIR_OUT, &info_out), *in = session_of(c, CV_DIR_IN, &info);
    struct eng_worker *w;
    struct eng_op ops[BURST];
    MUST(eng_ipsecmb.worker_new(-1, &w) == CV_OK);
    for (unsigned i = 0; i < BURST; i++)
        packet_fill(&ops[i], i, 48 * (i + 1), info.iv_len, false);
    info_out.burst(w, out, ops, BURST);
    for (unsigned i = 0; i < BURST; i++) {
        ct_public(packets[i].mem, sizeof packets[i].mem);
        MUST(ops[i].ok);
    }
    ops[1].esp[VAES_ESP_HDR + info.iv_len + ops[1].data_len] ^= 1;
    ops[4].esp[VAES_ESP_HDR + info.iv_len + ops[4].data_len + info.icv_len - 1] ^= 0x80;
    ct_mutant = c->mutant;
    if (c->pieces)
        for (unsigned i = 0; i < BURST; i++)
            in_pieces(info.pieces, in, &ops[i], ops[i].esp + VAES_ESP_HDR + info.iv_len);
    else
        info.burst(w, in, ops, BURST);
    MUST(ct_compared == (c->integ ? BURST : 0));
    for (unsigned i = 0; i < BURST; i++) {
        MUST(c->integ || ct_any_secret(&ops[i].ok, sizeof ops[i].ok));
        ct_public(&ops[i].ok, sizeof ops[i].ok);
        MUST(ops[i].ok == (i != 1 && i != 4));
    }
}

static const struct sa_case sa_cases[] = {
    {CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_256_128, 16, 32, false, CT_NONE},
    {CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_256_128, 16, 32, true, CT_NONE},
    {CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_512_256, 32, 64, true, CT_NONE},
    {CV_ENCR_AES_CBC, CV_INTEG_HMAC_MD5_96, 16, 16, false, CT_NONE},
    {CV_ENCR_3DES, CV_INTEG_HMAC_SHA1_96, 24, 20, false, CT_NONE},
    {CV_ENCR_NULL, CV_INTEG_HMAC_SHA1_96, 0, 20, false, CT_NONE},
    {CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_384_192, 0, 48, true, CT_NONE},
    {CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 16, 0, false, CT_NONE},
    {CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 32, 0, true, CT_NONE},
    {CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 16, 0, true, CT_NONE},
    {CV_ENCR_CHACHA20_POLY1305, CV_INTEG_NONE, 32, 0, false, CT_NONE},
    {CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 16, 0, false, CT_NONE, true},
    {CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 32, 0, true, CT_NONE, true},
    {CV_ENCR_CHACHA20_POLY1305, CV_INTEG_NONE, 32, 0, true, CT_NONE, true},
};

static void ICVs_of_ESP_and_AH_are_compared_in_constant_time(void)
{
    for (unsigned i = 0; i < sizeof sa_cases / sizeof sa_cases[0]; i++) {
        const struct sa_case *c = &sa_cases[i];
        const int end = apart(icvs_compare, c, false);
        if (end != 0)
            printf("\nencr %u integ %u esn %d: %d\n", c->encr, c->integ, c->esn, end);
        CU_ASSERT_EQUAL(end, 0);
    }
}

static void an_ICV_that_is_compared_up_to_a_difference_is_found(void)
{
    for (unsigned i = 0; i < sizeof sa_cases / sizeof sa_cases[0]; i++) {
        struct sa_case c = sa_cases[i];
        c.mutant = CT_EARLY_OUT;
        if (c.integ)
            CU_ASSERT_EQUAL(apart(icvs_compare, &c, true), CT_REPORTED);
    }
}

/* ---- IKE (RFC 7296 3.14) -------------------------------------------------------------------------------------------------- */
struct ike_case {
    uint16_t encr, key_bits, integ;
    enum ct_mutant mutant;
};

static void ike_compares(const void *what)
{
    enum { HEAD = 32, PLAIN = 100 };
    const struct ike_case *c = what;
    struct cr_sk_keys k = {.encr = c->encr, .key_bits = c->key_bits, .integ = c->integ};
    uint8_t msg[512], kept[512], iv[16];
    secrets_fill(k.encr_key, sizeof k.encr_key, 3);
    secrets_fill(k.integ_key, sizeof k.integ_key, 4);
    secrets_fill(iv, sizeof iv, 5);
    secrets_fill(msg, sizeof msg, 6);
    const size_t len = HEAD + PLAIN + cr_sk_overhead(&k, PLAIN);
    MUST(len > HEAD + PLAIN && len <= sizeof msg);
    MUST(cr_sk_protect(&k, msg, len, HEAD, PLAIN, iv) == CV_OK);
    MUST(ct_any_secret(msg, len));
    ct_public(msg, sizeof msg);
    memcpy(kept, msg, sizeof kept);
    ct_mutant = c->mutant;
    for (unsigned i = 0; i < 3;
         i++) { /* right; a wrong first octet of the ICV, which has 12 at least; a wrong last one */
        struct slice plain;
        memcpy(msg, kept, sizeof msg);
        msg[len - (i == 1 ? 12 : 1)] ^= i ? 1 : 0;
        MUST(cr_sk_open(&k, msg, len, HEAD, &plain) == (i ? CV_EAUTH : CV_OK));
        MUST(i || plain.n == PLAIN);
        MUST(ct_compared == i + 1);
    }
}

static const struct ike_case ike_cases[] = {
    {CV_ENCR_AES_CBC, 128, CV_INTEG_HMAC_SHA2_256_128, CT_NONE},
    {CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA2_512_256, CT_NONE},
    {CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA1_96, CT_NONE},
};

static void MACs_of_IKE_are_compared_in_constant_time(void)
{
    for (unsigned i = 0; i < sizeof ike_cases / sizeof ike_cases[0]; i++) {
        struct ike_case c = ike_cases[i];
        CU_ASSERT_EQUAL(apart(ike_compares, &c, false), 0);
        c.mutant = CT_EARLY_OUT;
        CU_ASSERT_EQUAL(apart(ike_compares, &c, true), CT_REPORTED);
    }
}

static void there_were_cases(void)
{
    printf("(%u processes) ", cases);
    CU_ASSERT(cases > 20);
}

UNIT_MAIN("constant time", UNIT_TEST(AVX512_kernels_do_not_depend_on_secrets),
          UNIT_TEST(AVX2_kernels_do_not_depend_on_secrets),
          UNIT_TEST(kernels_that_depend_on_secrets_are_found),
          UNIT_TEST(ICVs_of_ESP_and_AH_are_compared_in_constant_time),
          UNIT_TEST(an_ICV_that_is_compared_up_to_a_difference_is_found),
          UNIT_TEST(MACs_of_IKE_are_compared_in_constant_time), UNIT_TEST(there_were_cases))
