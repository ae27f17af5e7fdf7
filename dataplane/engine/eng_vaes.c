#include "dataplane/engine/eng_vaes.h"

#include "common/secret.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_isa.h"
#include "dataplane/engine/eng_kat.h"
#include "dataplane/engine/eng_mem.h"
#include "dataplane/engine/eng_vaes_key.h"

#include <cpuid.h>
#include <rte_common.h>
#include <rte_malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    SALT = 4,
    ICV = 16,
};

/* ---- which kernels ------------------------------------------------------------------------------------------ */
struct cpu {
    bool avx2, avx512;
};

/* Register state that the operating system saves: SSE and AVX; opmasks and both parts of AVX512 beside them. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

static uint32_t xcr0(void)
{
    uint32_t eax, edx;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

static bool all_bits(uint32_t v, uint32_t bits)
{
    return (v & bits) == bits;
}

static struct cpu cpu_read(void)
{
    const uint32_t leaf1 = bit_PCLMUL | bit_SSSE3 | bit_SSE4_1 | bit_AES | bit_OSXSAVE | bit_AVX;
    const uint32_t avx512 = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    uint32_t a, b, c, d;
    struct cpu cpu = {false, false};
    if (!__get_cpuid(1, &a, &b, &c, &d) || !all_bits(c, leaf1))
        return cpu;
    const uint32_t saved = xcr0();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !all_bits(c, bit_VAES | bit_VPCLMULQDQ))
        return cpu;
    cpu.avx2 = all_bits(b, bit_AVX2 | bit_BMI2) && all_bits(saved, XCR0_AVX);
    cpu.avx512 = cpu.avx2 && all_bits(b, avx512) && all_bits(saved, XCR0_AVX512);
    return cpu;
}

/* Asked of the processor once: in a virtual machine each CPUID costs microseconds, and every SA wants to know. */
static struct cpu cpu_known(void)
{
    enum { ASKED = 1, AVX2 = 2, AVX512 = 4 };
    static unsigned known; /* atomic; whoever asks at the same time finds the same */
    unsigned k = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!k) {
        const struct cpu cpu = cpu_read();
        k = ASKED | (cpu.avx2 ? AVX2 : 0u) | (cpu.avx512 ? AVX512 : 0u);
        __atomic_store_n(&known, k, __ATOMIC_RELAXED);
    }
    return (struct cpu){(k & AVX2) != 0, (k & AVX512) != 0};
}

static const struct vaes_kernels *kernels_of(const struct eng_ops *e)
{
    const struct cpu cpu = cpu_known();
    if (cpu.avx512 && eng_isa_most() != ENG_ISA_AVX2 && e != &eng_vaes_avx2)
        return &vaes_avx512;
    if (cpu.avx2 && e != &eng_vaes_avx512)
        return &vaes_avx2;
    return NULL;
}

bool eng_vaes_usable(const struct eng_ops *e)
{
    return kernels_of(e) != NULL;
}

/* ---- sessions -------------------------------------------------------------------------------------------------- */
static bool ours(uint16_t encr)
{
    return encr == CV_ENCR_AES_GCM_16 || encr == CV_ENCR_NULL_AES_GMAC;
}

static void session_free(struct eng_session *s)
{
    if (!s)
        return;
    const struct eng_ops *owner = eng_session_owner(s);
    if (owner == &eng_ipsecmb) {
        owner->session_free(s);
        return;
    }
    eng_mem_put(ENG_MEM_SESSION, s, sizeof *s);
}

/* A packet of an SA that has many in a burst reads the round keys, and of the powers in front of them the last ones; AVX2 kernels the others as
 * well, which are those of added halves. */
enum {
    VAES_LINE = 64,
    KEY_LINE = offsetof(struct eng_session, round_key) / VAES_LINE,
};
static_assert(offsetof(struct eng_session, round_key) % VAES_LINE == 0 &&
                  offsetof(struct eng_session, power) == VAES_LINE &&
                  sizeof(struct eng_session) % (2 * VAES_LINE) == 0,
              "the seed is a line, and keys begin one; the seed and the line behind it are a pair");

static void lines_tell(struct eng_session_info *info, const struct vaes_kernels *k, unsigned rounds)
{
    const unsigned keys = ((rounds + 1u) * VAES_BLOCK + VAES_LINE - 1) / VAES_LINE;
    const unsigned sized = k->run == VAES_RUN4 ? VAES_RUN4_FEW * VAES_BLOCK / VAES_LINE : 0;
    info->fixed_line = (uint8_t)(sized ? KEY_LINE : 0);
    info->fixed_lines = (uint8_t)(KEY_LINE + keys - info->fixed_line);
    info->sized_end = KEY_LINE;
    info->sized_lines = (uint8_t)sized;
}

static cv_result own_session(const struct eng_ops *e, const struct vaes_kernels *k, const struct cv_sa *sa,
                             int socket, struct eng_session **out, struct eng_session_info *info)
{
    const bool encrypt = sa->ref.dir == CV_DIR_OUT, esn = sa->flags & CV_SA_ESN;
    const bool gcm = sa->encr == CV_ENCR_AES_GCM_16;
    const unsigned size = sa->encr_key_len / 8u - 2; /* 16, 24, 32 */
    if (sa->integ_key_len != 0 || sa->salt_len != SALT)
        return CV_EINVAL;
    struct eng_session *s = eng_mem_get(ENG_MEM_SESSION, sizeof *s, socket);
    if (!s)
        return CV_ENOMEM;
    s->head.owner = e;
    vaes_key_expand(s, k, sa->encr_key, sa->encr_key_len, sa->salt, ICV);
    *info = (struct eng_session_info){.iv_len = VAES_IV,
                                      .icv_len = ICV,
                                      .block = 4,
                                      .burst = gcm ? k->gcm[size][encrypt][esn] : k->gmac[size][encrypt][esn],
                                      .runs = gcm ? k->runs[size][encrypt][esn] : NULL,
                                      .runs_few = true,
                                      .pieces = vaes_pieces[!gcm][encrypt][esn]};
    lines_tell(info, k, s->rounds);
    *out = s;
    return CV_OK;
}

static cv_result session_any(const struct eng_ops *e, const struct cv_sa *sa, int socket,
                             struct eng_session **out, struct eng_session_info *info)
{
    const struct vaes_kernels *k = kernels_of(e);
    if (!k || !eng_ipsecmb.supports(sa->encr, sa->encr_key_len, sa->integ))
        return CV_EUNSUP;
    return ours(sa->encr) ? own_session(e, k, sa, socket, out, info)
                          : eng_ipsecmb.session_new(sa, socket, out, info);
}

/* ---- self test --------------------------------------------------------------------------------------------------- */
/* The known answers have one length; here every way through the kernels is held to ipsec-mb, which is another
 * program. Lengths up to two runs of blocks and a bit take every branch. Packets of several SAs in one call: more of them than are worked on
 * side by side, and of another number of SAs, so that each stands in every place. */
enum {
    TRY_TEXT = 1300,
    TRY_STEP = 4,
    TRY_ROOM = 16 + TRY_TEXT + ICV,
    TRY_FRONT = 64,
    TRY_BURST = 2,
    TRY_SAS = 5,
    TRY_RUNS = 11,
    TRY_PIECES = 12,
    TRY_RUNS_STEP = 5 * TRY_STEP, /* each call has packets of TRY_RUNS lengths */
};

struct trial {
    struct eng_session *s[TRY_SAS];
    struct eng_session_info info;
    struct eng_op op[TRY_RUNS];
    uint8_t mem[TRY_RUNS][TRY_FRONT + TRY_ROOM];
};

/* Of packet i, where the first is of `len`. */
static unsigned trial_len(unsigned len, unsigned i)
{
    return TRY_STEP * (1 + (len / TRY_STEP + 61 * i) % (TRY_TEXT / TRY_STEP));
}

static void trial_fill(struct trial *t, unsigned len, unsigned n, bool mixed)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned b = 0; b < sizeof t->mem[i]; b++)
            t->mem[i][b] = (uint8_t)(b * 89 + i + len);
        t->op[i] = (struct eng_op){.esp = t->mem[i] + TRY_FRONT,
                                   .data_len = mixed ? trial_len(len, i) : len,
                                   .seq_hi = len * 7 + i,
                                   .iv = UINT64_C(0x123456789) * len + i};
    }
}

static bool trials_same(const struct trial *a, const struct trial *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (memcmp(a->mem[i], b->mem[i], sizeof a->mem[i]) || a->op[i].ok != b->op[i].ok)
            return false;
    return true;
}

/* In pieces of lengths that make every step of a block come first, and last. */
static void trial_pieces(struct eng_worker *w, struct trial *t, unsigned len)
{
    struct eng_op *op = &t->op[0];
    struct eng_piece pieces[TRY_PIECES];
    uint8_t *text = op->esp + 8 + t->info.iv_len;
    unsigned n = 0, at = 0;
    for (unsigned size = len % 23; at < len; at += size, size = (size * 31 + len) % 571) {
        size = n == TRY_PIECES - 1 ? len - at : RTE_MIN(size, len - at);
        pieces[n++] = (struct eng_piece){text + at, size};
    }
    t->info.pieces(w, t->s[0], op, pieces, n, text + len);
}

static bool pieces_agree(struct eng_worker *w, struct trial *a, struct trial *b)
{
    for (unsigned len = TRY_STEP; len <= TRY_TEXT; len += TRY_STEP) {
        trial_fill(a, len, 1, false);
        trial_fill(b, len, 1, false);
        trial_pieces(w, a, len);
        b->info.burst(w, b->s[0], b->op, 1);
        if (!trials_same(a, b, 1))
            return false;
    }
    return true;
}

static bool runs_agree(struct eng_worker *w, struct trial *a, struct trial *b)
{
    for (unsigned len = TRY_STEP; len <= TRY_TEXT; len += TRY_RUNS_STEP) {
        struct eng_run run[TRY_RUNS];
        trial_fill(a, len, TRY_RUNS, true);
        trial_fill(b, len, TRY_RUNS, true);
        for (unsigned i = 0; i < TRY_RUNS; i++) {
            run[i] = (struct eng_run){a->s[i % TRY_SAS], &a->op[i], 1};
            b->info.burst(w, b->s[i % TRY_SAS], &b->op[i], 1);
        }
        a->info.runs(w, run, TRY_RUNS);
        if (!trials_same(a, b, TRY_RUNS))
            return false;
    }
    return true;
}

static bool trials_agree(struct eng_worker *w, struct trial *a, struct trial *b)
{
    for (unsigned len = TRY_STEP; len <= TRY_TEXT; len += TRY_STEP) {
        trial_fill(a, len, TRY_BURST, false);
        trial_fill(b, len, TRY_BURST, false);
        a->info.burst(w, a->s[0], a->op, TRY_BURST);
        b->info.burst(w, b->s[0], b->op, TRY_BURST);
        if (!trials_same(a, b, TRY_BURST))
            return false;
    }
    if (!pieces_agree(w, a, b))
        return false;
    if (!a->info.runs)
        return true;
    vaes_near_octets = 0; /* as with many sessions, and as with few */
    const bool many = runs_agree(w, a, b);
    vaes_near_octets = VAES_NEAR_OCTETS;
    return many && runs_agree(w, a, b);
}

/* The same SAs for both, each with a key of its own. */
static cv_result trial_run(const struct eng_ops *e, struct eng_worker *w, struct cv_sa *sa, bool *same)
{
    struct trial *t = rte_zmalloc("eng_trial", 2 * sizeof *t, RTE_CACHE_LINE_SIZE);
    if (!t)
        return CV_ENOMEM;
    cv_result r = CV_OK;
    for (unsigned i = 0; i < TRY_SAS && r == CV_OK; i++) {
        for (unsigned k = 0; k < sizeof sa->encr_key; k++)
            sa->encr_key[k] = (uint8_t)(sa->encr_key[k] + 37 * k + 11 * i + 1);
        sa->salt[i % SALT]++;
        r = e->session_new(sa, -1, &t[0].s[i], &t[0].info);
        if (r == CV_OK)
            r = eng_ipsecmb.session_new(sa, -1, &t[1].s[i], &t[1].info);
    }
    if (r == CV_OK)
        *same = trials_agree(w, &t[0], &t[1]);
    for (unsigned i = 0; i < TRY_SAS; i++) {
        session_free(t[0].s[i]);
        session_free(t[1].s[i]);
    }
    rte_free(t);
    return r;
}

static cv_result trials(const struct eng_ops *e, char *err, size_t err_len)
{
    struct eng_worker *w;
    CV_TRY(e->worker_new(-1, &w));
    cv_result r = CV_OK;
    for (unsigned i = 0; i < 24 && r == CV_OK; i++) { /* 3 keys, 2 directions, 2 transforms, ESN or not */
        struct cv_sa sa = {.encr = i % 2 ? CV_ENCR_NULL_AES_GMAC : CV_ENCR_AES_GCM_16,
                           .encr_key_len = (uint8_t)(16 + i / 4 % 3 * 8),
                           .salt_len = SALT,
                           .salt = {1, 2, 3, 4},
                           .flags = i / 12 ? CV_SA_ESN : 0};
        bool same = false;
        sa.ref.dir = i / 2 % 2 ? CV_DIR_OUT : CV_DIR_IN;
        memset(sa.encr_key, 0x40 + (int)i, sizeof sa.encr_key);
        r = trial_run(e, w, &sa, &same);
        if (r == CV_OK && !same) {
            r = CV_ECRYPTO;
            if (err_len)
                snprintf(err, err_len, "%s: encr %u with %u-octet key differs from ipsec-mb", e->name,
                         sa.encr, sa.encr_key_len);
        }
    }
    e->worker_free(w);
    return r;
}

static cv_result test_any(const struct eng_ops *e, char *err, size_t err_len)
{
    if (!kernels_of(e)) {
        if (err_len)
            snprintf(err, err_len, "%s: this processor has no VAES and VPCLMULQDQ", e->name);
        return CV_EUNSUP;
    }
    CV_TRY(eng_kat_run(e, err, err_len));
    return trials(e, err, err_len);
}

/* ---- the three engines --------------------------------------------------------------------------------------------- */
static cv_result worker_any(const struct eng_ops *e, int socket, struct eng_worker **out)
{
    return kernels_of(e) ? eng_ipsecmb.worker_new(socket, out) : CV_EUNSUP;
}

static void worker_free(struct eng_worker *w)
{
    eng_ipsecmb.worker_free(w);
}

static const char *device_any(const struct eng_ops *e)
{
    const struct vaes_kernels *k = kernels_of(e);
    return k == &vaes_avx512 ? "vaes AVX512" : k == &vaes_avx2 ? "vaes AVX2" : "vaes, not on this processor";
}

#define ENGINE(id, text)                                                                                     \
    static cv_result id##_worker_new(int socket, struct eng_worker **out)                                    \
    {                                                                                                        \
        return worker_any(&id, socket, out);                                                                 \
    }                                                                                                        \
    static bool id##_supports(uint16_t encr, uint8_t encr_key_len, uint16_t integ)                           \
    {                                                                                                        \
        return kernels_of(&id) && eng_ipsecmb.supports(encr, encr_key_len, integ);                           \
    }                                                                                                        \
    static cv_result id##_session_new(const struct cv_sa *sa, int socket, struct eng_session **out,          \
                                      struct eng_session_info *info)                                         \
    {                                                                                                        \
        return session_any(&id, sa, socket, out, info);                                                      \
    }                                                                                                        \
    static cv_result id##_self_test(char *err, size_t err_len)                                               \
    {                                                                                                        \
        return test_any(&id, err, err_len);                                                                  \
    }                                                                                                        \
    static const char *id##_device(void)                                                                     \
    {                                                                                                        \
        return device_any(&id);                                                                              \
    }                                                                                                        \
    const struct eng_ops id = {                                                                              \
        .name = text,                                                                                        \
        .by = CV_ENGINE_VAES,                                                                                \
        .worker_new = id##_worker_new,                                                                       \
        .worker_free = worker_free,                                                                          \
        .supports = id##_supports,                                                                           \
        .session_new = id##_session_new,                                                                     \
        .session_free = session_free,                                                                        \
        .self_test = id##_self_test,                                                                         \
        .device = id##_device,                                                                               \
    };

ENGINE(eng_vaes, "vaes")
ENGINE(eng_vaes_avx2, "vaes-avx2")
ENGINE(eng_vaes_avx512, "vaes-avx512")
