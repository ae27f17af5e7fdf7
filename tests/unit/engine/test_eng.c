/* The engine table and its self test. */
#include "dataplane/engine/eng.h"
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_ipsecmb_bare.h"
#include "dataplane/engine/eng_kat.h"
#include "dataplane/engine/eng_vaes.h"
#include "tests/unit/esp/eal.h"
#include "tests/unit/unit.h"

#include <string.h>

static void eng_by_name_knows_the_words_of_the_platform_section(void)
{
    CU_ASSERT_PTR_EQUAL(eng_by_name("auto"), &eng_auto);
    CU_ASSERT_PTR_NOT_NULL_FATAL(eng_by_name("ipsec-mb"));
    CU_ASSERT_PTR_EQUAL(eng_by_name("ipsec-mb"), eng_by_name("ipsecmb"));
    CU_ASSERT_PTR_EQUAL(eng_by_name("vaes"), &eng_vaes);
    CU_ASSERT_PTR_NULL(eng_by_name("rot13"));
}

static void every_engine_passes_its_known_answer_tests(void)
{
    for (unsigned i = 0; eng_all[i]; i++) {
        char err[160] = "";
        cv_result r = eng_all[i]->self_test(err, sizeof err);
        if (r != CV_OK)
            printf("%s\n", err);
        CU_ASSERT_EQUAL(r, eng_all[i] != &eng_vaes || eng_vaes_usable(&eng_vaes) ? CV_OK : CV_EUNSUP);
        CU_ASSERT(strlen(eng_all[i]->device()) > 0);
    }
}

/* ---- an engine with a fault in one transform ------------------------------------------------------------------------ */
enum fault {
    FAULT_NONE,
    FAULT_TEXT_OUT, /* one bit of what is encrypted, */
    FAULT_ICV_OUT,
    FAULT_TEXT_IN,
    FAULT_FORGED, /* what is not authentic is taken, */
    FAULT_STRICT, /* or all is refused */
    FAULTS,
    FAULT_PIECES = FAULTS, /* the same of packets in pieces, where there are any */
};

static struct {
    const struct eng_ops *engine;
    struct cv_sa sa; /* encr, encr_key_len, integ */
    enum fault fault;
    eng_burst_fn *burst[2];
    eng_pieces_fn *pieces[2];
    struct eng_session_info info;
} faulty;

static void fault_do(struct eng_op *op, enum cv_dir dir, unsigned fault)
{
    uint8_t *text = op->esp + 8 + faulty.info.iv_len, *icv = text + op->data_len;
    if (dir == CV_DIR_OUT && fault == FAULT_TEXT_OUT)
        text[op->data_len / 2] ^= 0x10;
    else if (dir == CV_DIR_OUT && fault == FAULT_ICV_OUT)
        icv[faulty.info.icv_len - 1] ^= 0x01;
    else if (dir == CV_DIR_IN && fault == FAULT_TEXT_IN)
        text[op->data_len - 1] ^= 0x80;
    else if (dir == CV_DIR_IN && fault == FAULT_FORGED)
        op->ok = true;
    else if (dir == CV_DIR_IN && fault == FAULT_STRICT)
        op->ok = false;
}

/* The pieces of the known answers lie one behind the other. */
static void faulty_pieces_out(struct eng_worker *w, const struct eng_session *s, struct eng_op *op,
                              const struct eng_piece *pieces, unsigned n, uint8_t *icv)
{
    faulty.pieces[CV_DIR_OUT](w, s, op, pieces, n, icv);
    fault_do(op, CV_DIR_OUT, faulty.fault - FAULT_PIECES);
}

static void faulty_pieces_in(struct eng_worker *w, const struct eng_session *s, struct eng_op *op,
                             const struct eng_piece *pieces, unsigned n, uint8_t *icv)
{
    faulty.pieces[CV_DIR_IN](w, s, op, pieces, n, icv);
    fault_do(op, CV_DIR_IN, faulty.fault - FAULT_PIECES);
}

static void faulty_out(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    faulty.burst[CV_DIR_OUT](w, s, ops, n);
    fault_do(&ops[0], CV_DIR_OUT, faulty.fault);
}

static void faulty_in(struct eng_worker *w, const struct eng_session *s, struct eng_op *ops, unsigned n)
{
    faulty.burst[CV_DIR_IN](w, s, ops, n);
    for (unsigned i = 0; i < n; i++)
        fault_do(&ops[i], CV_DIR_IN, faulty.fault);
}

static cv_result faulty_session(const struct cv_sa *sa, int socket, struct eng_session **out,
                                struct eng_session_info *info)
{
    CV_TRY(faulty.engine->session_new(sa, socket, out, info));
    if (sa->encr != faulty.sa.encr || sa->encr_key_len != faulty.sa.encr_key_len ||
        sa->integ != faulty.sa.integ)
        return CV_OK;
    faulty.info = *info;
    if (faulty.fault > FAULT_PIECES && info->pieces) {
        faulty.pieces[sa->ref.dir] = info->pieces;
        info->pieces = sa->ref.dir == CV_DIR_OUT ? faulty_pieces_out : faulty_pieces_in;
        return CV_OK;
    }
    faulty.burst[sa->ref.dir] = info->burst;
    info->burst = sa->ref.dir == CV_DIR_OUT ? faulty_out : faulty_in;
    return CV_OK;
}

/* Whatever is wrong in one transform of an engine, none of it is used (dp_init.c): its known answers say so at start, and which it is. */
static void every_fault_of_every_transform_is_found_at_start(void)
{
    static const struct eng_ops *const engines[] = {&eng_ipsecmb, &eng_vaes_avx2, &eng_vaes_avx512};
    static const struct {
        uint16_t encr;
        uint8_t key_len;
    } ciphers[] = {{CV_ENCR_NULL, 0},
                   {CV_ENCR_DES, 8},
                   {CV_ENCR_3DES, 24},
                   {CV_ENCR_AES_CBC, 16},
                   {CV_ENCR_AES_CBC, 24},
                   {CV_ENCR_AES_CBC, 32},
                   {CV_ENCR_AES_GCM_16, 16},
                   {CV_ENCR_AES_GCM_16, 24},
                   {CV_ENCR_AES_GCM_16, 32},
                   {CV_ENCR_NULL_AES_GMAC, 16},
                   {CV_ENCR_NULL_AES_GMAC, 24},
                   {CV_ENCR_NULL_AES_GMAC, 32},
                   {CV_ENCR_CHACHA20_POLY1305, 32}};
    unsigned found = 0;
    for (unsigned e = 0; e < sizeof engines / sizeof engines[0]; e++)
        for (unsigned c = 0; c < sizeof ciphers / sizeof ciphers[0]; c++)
            for (uint16_t integ = CV_INTEG_NONE; integ <= CV_INTEG_HMAC_SHA2_512_256; integ++) {
                struct eng_ops wrong = *engines[e];
                wrong.session_new = faulty_session;
                faulty.engine = engines[e];
                faulty.sa = (struct cv_sa){
                    .encr = ciphers[c].encr, .encr_key_len = ciphers[c].key_len, .integ = integ};
                if (!wrong.supports(ciphers[c].encr, ciphers[c].key_len, integ))
                    continue;
                for (unsigned f = FAULT_NONE; f < (integ ? FAULTS : FAULT_PIECES + FAULTS); f++) {
                    char err[160] = "", name[64];
                    faulty.fault = (enum fault)f;
                    snprintf(name, sizeof name, "encr %u with %u-octet key, integ %u", ciphers[c].encr,
                             ciphers[c].key_len, integ);
                    const cv_result r = eng_kat_run(&wrong, err, sizeof err);
                    const bool right = f % FAULT_PIECES == FAULT_NONE;
                    if (r != (right ? CV_OK : CV_ECRYPTO) || (!right && !strstr(err, name)) ||
                        (f > FAULT_PIECES && !strstr(err, "pieces"))) {
                        printf("%s, %s, fault %u: %s\n", wrong.name, name, f, err);
                        CU_FAIL("a wrong engine passed its known-answer tests, or a right one did not");
                    }
                    found += r == CV_ECRYPTO;
                }
            }
    printf("%u faults found ", found);
    CU_ASSERT(found >= (FAULTS - 1) * 20);
}

static void RFC_4301_4_2_NULL_encryption_needs_integrity(void)
{
    const struct eng_ops *e = eng_by_name("auto");
    CU_ASSERT_FALSE(e->supports(CV_ENCR_NULL, 0, CV_INTEG_NONE));
    CU_ASSERT_FALSE(e->supports(CV_ENCR_AES_CBC, 16, CV_INTEG_NONE));
    CU_ASSERT_FALSE(e->supports(CV_ENCR_3DES, 24, CV_INTEG_NONE));
    CU_ASSERT_FALSE(e->supports(CV_ENCR_DES, 8, CV_INTEG_HMAC_SHA1_96));
    CU_ASSERT_FALSE(e->supports(CV_ENCR_AES_GCM_16, 16, CV_INTEG_HMAC_SHA1_96));
    CU_ASSERT_FALSE(e->supports(CV_ENCR_AES_GCM_16, 17, CV_INTEG_NONE));
    struct cv_sa sa = {.encr = CV_ENCR_NULL};
    struct eng_session *s;
    struct eng_session_info info;
    CU_ASSERT_EQUAL(e->session_new(&sa, -1, &s, &info), CV_EUNSUP);
}

static void keys_and_salt_of_a_wrong_length_are_refused(void)
{
    const struct eng_ops *e = eng_by_name("auto");
    struct eng_session *s;
    struct eng_session_info info;
    struct cv_sa gcm = {.encr = CV_ENCR_AES_GCM_16, .encr_key_len = 16, .salt_len = 3};
    CU_ASSERT_EQUAL(e->session_new(&gcm, -1, &s, &info), CV_EINVAL);
    struct cv_sa cbc = {
        .encr = CV_ENCR_AES_CBC, .encr_key_len = 16, .integ = CV_INTEG_HMAC_SHA1_96, .integ_key_len = 19};
    CU_ASSERT_EQUAL(e->session_new(&cbc, -1, &s, &info), CV_EINVAL);
}

/* Of some tries: others run on this processor, too. */
static double least_of_bare_call(const struct eng_bare_call *c, unsigned calls)
{
    double least = 0, cycles;
    for (unsigned i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL_FATAL(eng_ipsecmb_bare(c, calls, &cycles), CV_OK);
        least = i == 0 || cycles < least ? cycles : least;
    }
    return least;
}

static void the_bare_call_is_timed_for_every_cipher_key_and_size(void)
{
    static const struct {
        uint16_t encr;
        uint8_t key_len;
    } keys[] = {{CV_ENCR_AES_GCM_16, 16},       {CV_ENCR_AES_GCM_16, 24},    {CV_ENCR_AES_GCM_16, 32},
                {CV_ENCR_NULL_AES_GMAC, 16},    {CV_ENCR_NULL_AES_GMAC, 24}, {CV_ENCR_NULL_AES_GMAC, 32},
                {CV_ENCR_CHACHA20_POLY1305, 32}};
    double cycles;
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        for (int dir = CV_DIR_IN; dir <= CV_DIR_OUT; dir++) {
            const struct eng_bare_call s = {keys[i].encr, (enum cv_dir)dir, keys[i].key_len, 64, 1},
                                       l = {keys[i].encr, (enum cv_dir)dir, keys[i].key_len, 9000, 64};
            CU_ASSERT_TRUE(eng_ipsecmb_is_single(keys[i].encr));
            const double small = least_of_bare_call(&s, 500), large = least_of_bare_call(&l, 50);
            CU_ASSERT(small > 1 && large > 4 * small);
        }
    static const struct eng_bare_call wrong[] = {
        {CV_ENCR_AES_GCM_16, CV_DIR_OUT, 17, 64, 1},
        {CV_ENCR_CHACHA20_POLY1305, CV_DIR_OUT, 16, 64, 1},
        {CV_ENCR_AES_CBC, CV_DIR_OUT, 16, 64, 1},
        {CV_ENCR_AES_GCM_16, CV_DIR_OUT, 16, ENG_BARE_TEXT_MAX + 1, 1},
        {CV_ENCR_AES_GCM_16, CV_DIR_OUT, 16, 64, 0}};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(eng_ipsecmb_bare(&wrong[i], 10, &cycles), CV_EINVAL);
    const struct eng_bare_call right = {CV_ENCR_AES_GCM_16, CV_DIR_OUT, 16, 64, 1};
    CU_ASSERT_EQUAL(eng_ipsecmb_bare(&right, 0, &cycles), CV_EINVAL);
}

/* Does more work take longer? The figures are far apart, and a neighbour's load seldom turns them round; three times it does not. */
static bool more_takes_longer(struct eng_bare_burst *b, enum cv_dir dir)
{
    for (unsigned i = 0; i < 3; i++) {
        const double small = eng_bare_burst_cycles(b, dir, 24, 64, 50),
                     large = eng_bare_burst_cycles(b, dir, 24, 9008, 50);
        if (small > 1 && large > small)
            return true;
    }
    return false;
}

/* Every transform with HMAC; what has no multi-buffer calls is refused. */
static void the_bare_burst_is_timed_for_every_cipher_and_hmac(void)
{
    static const struct cv_sa ciphers[] = {{.encr = CV_ENCR_AES_CBC, .encr_key_len = 16},
                                           {.encr = CV_ENCR_AES_CBC, .encr_key_len = 24},
                                           {.encr = CV_ENCR_AES_CBC, .encr_key_len = 32},
                                           {.encr = CV_ENCR_3DES, .encr_key_len = 24},
                                           {.encr = CV_ENCR_NULL}};
    static const uint16_t hashes[] = {CV_INTEG_HMAC_MD5_96, CV_INTEG_HMAC_SHA1_96, CV_INTEG_HMAC_SHA2_256_128,
                                      CV_INTEG_HMAC_SHA2_384_192, CV_INTEG_HMAC_SHA2_512_256};
    static const struct cv_sa without[] = {
        {.encr = CV_ENCR_AES_GCM_16, .encr_key_len = 16},
        {.encr = CV_ENCR_AES_CBC, .encr_key_len = 16},
        {.encr = CV_ENCR_3DES, .encr_key_len = 16, .integ = CV_INTEG_HMAC_SHA1_96},
        {.encr = CV_ENCR_NULL}};
    struct eng_bare_burst *b;
    for (unsigned i = 0; i < sizeof ciphers / sizeof ciphers[0] * 5; i++) {
        struct cv_sa sa = ciphers[i / 5];
        sa.integ = hashes[i % 5];
        CU_ASSERT_EQUAL_FATAL(eng_bare_burst_new(&sa, &b), CV_OK);
        CU_ASSERT(more_takes_longer(b, CV_DIR_IN) && more_takes_longer(b, CV_DIR_OUT));
        CU_ASSERT_EQUAL(eng_bare_burst_cycles(b, CV_DIR_OUT, 24, ENG_BARE_TEXT_MAX, 1), 0);
        CU_ASSERT_EQUAL(eng_bare_burst_cycles(b, CV_DIR_OUT, 24, 64, 0), 0);
        eng_bare_burst_free(b);
    }
    for (unsigned i = 0; i < sizeof without / sizeof without[0]; i++)
        CU_ASSERT_EQUAL(eng_bare_burst_new(&without[i], &b), CV_EUNSUP);
}

/* `auto` is ipsec-mb until its measurement, which takes some milliseconds; afterwards every transform still has its
 * engine, and sessions of both go back where they came from. */
static void auto_measures_and_serves_every_transform(void)
{
    static const struct cv_sa sas[] = {
        {.encr = CV_ENCR_AES_GCM_16, .encr_key_len = 16, .salt_len = 4},
        {.encr = CV_ENCR_AES_GCM_16, .encr_key_len = 32, .salt_len = 4},
        {.encr = CV_ENCR_NULL_AES_GMAC, .encr_key_len = 24, .salt_len = 4},
        {.encr = CV_ENCR_CHACHA20_POLY1305, .encr_key_len = 32, .salt_len = 4},
        {.encr = CV_ENCR_AES_CBC, .encr_key_len = 16, .integ = CV_INTEG_HMAC_SHA1_96, .integ_key_len = 20},
    };
    char err[160] = "";
    CU_ASSERT_EQUAL(eng_auto.self_test(err, sizeof err), CV_OK);
    CU_ASSERT_STRING_EQUAL(err, "");
    printf("auto: %s ", eng_auto.device());
    for (unsigned i = 0; i < sizeof sas / sizeof sas[0]; i++) {
        struct eng_session *s;
        struct eng_session_info info;
        CU_ASSERT(eng_auto.supports(sas[i].encr, sas[i].encr_key_len, sas[i].integ));
        CU_ASSERT_EQUAL_FATAL(eng_auto.session_new(&sas[i], -1, &s, &info), CV_OK);
        const struct eng_ops *chosen = eng_auto_choice(&sas[i]);
        CU_ASSERT(chosen == &eng_ipsecmb || (chosen == &eng_vaes && eng_vaes_usable(&eng_vaes) && i < 3));
        CU_ASSERT_PTR_NOT_NULL(info.burst);
        eng_auto.session_free(s);
    }
    eng_auto.session_free(NULL);
}

/* ---- what auto chooses -------------------------------------------------------------------------------------------------- */
static bool takes(double short_vaes, double short_mb, double long_vaes, double long_mb)
{
    return eng_auto_takes_vaes(&(struct eng_auto_times){{short_vaes, long_vaes}, {short_mb, long_mb}});
}

static void auto_takes_vaes_where_it_is_clearly_faster(void)
{
    CU_ASSERT_TRUE(takes(50, 100, 500, 1000));
    CU_ASSERT_TRUE(takes(96, 100, 960, 1000));
    CU_ASSERT_TRUE(takes(96.9, 100, 969, 1000));
    CU_ASSERT_FALSE(takes(97.1, 100, 971, 1000));
    CU_ASSERT_FALSE(takes(99, 100, 990, 1000));
    CU_ASSERT_FALSE(takes(100, 100, 1000, 1000));
    CU_ASSERT_FALSE(takes(200, 100, 2000, 1000));
}

/* A size's share counts, not its time: what is lost with short packets is not hidden by long ones, which take most of the time. */
static void auto_weighs_both_sizes_alike(void)
{
    CU_ASSERT_TRUE(takes(60, 100, 1100, 1000)); /* 0.85 */
    CU_ASSERT_TRUE(takes(110, 100, 600, 1000));
    CU_ASSERT_FALSE(takes(150, 100, 900, 1000)); /* 1.2, though 1050 of 1100 in all */
    CU_ASSERT_FALSE(takes(90, 100, 1500, 1000));
    CU_ASSERT_FALSE(takes(97, 100, 971, 1000));
    CU_ASSERT_TRUE(takes(97, 100, 969, 1000));
}

static void auto_does_not_take_vaes_by_times_that_were_not_measured(void)
{
    CU_ASSERT_FALSE(takes(0, 0, 0, 0));
    CU_ASSERT_FALSE(takes(0, 100, 0, 1000));
    CU_ASSERT_FALSE(takes(0, 100, 500, 1000));
    CU_ASSERT_FALSE(takes(50, 100, 0, 1000));
    CU_ASSERT_FALSE(takes(50, 0, 500, 1000));
    CU_ASSERT_FALSE(takes(50, 100, 500, 0));
}

static uint8_t by_of_session(const struct cv_sa *sa)
{
    struct eng_session *s;
    struct eng_session_info info;
    struct cv_sa_engine e = {0};
    CU_ASSERT_EQUAL_FATAL(eng_auto.session_new(sa, -1, &s, &info), CV_OK);
    eng_where(s, &e);
    eng_auto.session_free(s);
    return e.by;
}

enum { AUTO_CASES = 12 };

/* AES-GCM and GMAC, each key length, each direction. */
static struct cv_sa auto_case(unsigned i)
{
    struct cv_sa sa = {.encr = i < AUTO_CASES / 2 ? CV_ENCR_AES_GCM_16 : CV_ENCR_NULL_AES_GMAC,
                       .encr_key_len = (uint8_t)(16 + 8 * (i / 2 % 3)),
                       .salt_len = 4};
    sa.ref.dir = i % 2 ? CV_DIR_OUT : CV_DIR_IN;
    return sa;
}

/* One of them is faster by vaes, or all others are: no transform, key length or direction goes by the times of another one. */
static void auto_sessions_are_of_the_engine_that_its_times_chose(void)
{
    static const struct eng_auto_times times[] = {{{97.1, 971}, {100, 1000}}, {{50, 500}, {100, 1000}}};
    char err[160] = "";
    if (!eng_vaes_usable(&eng_vaes)) {
        printf("no VAES here ");
        return;
    }
    for (unsigned round = 0; round < 2 * AUTO_CASES; round++) {
        const unsigned one = round / 2, all = round % 2;
        for (unsigned i = 0; i < AUTO_CASES; i++) {
            const struct cv_sa sa = auto_case(i);
            eng_auto_measured(&sa, &times[(i == one) ^ all]);
        }
        for (unsigned i = 0; i < AUTO_CASES; i++) {
            const struct cv_sa sa = auto_case(i);
            const bool vaes = eng_auto_takes_vaes(&times[(i == one) ^ all]);
            CU_ASSERT_EQUAL(vaes, (i == one) ^ all);
            CU_ASSERT_PTR_EQUAL(eng_auto_choice(&sa), vaes ? &eng_vaes : &eng_ipsecmb);
            CU_ASSERT_EQUAL(by_of_session(&sa), vaes ? CV_ENGINE_VAES : CV_ENGINE_IPSECMB);
        }
    }
    CU_ASSERT_STRING_EQUAL(eng_auto.device(), eng_vaes.device()); /* all but the last one's were vaes's */
    const struct cv_sa chacha = {.encr = CV_ENCR_CHACHA20_POLY1305, .encr_key_len = 32, .salt_len = 4};
    eng_auto_measured(&chacha, &times[1]);
    CU_ASSERT_EQUAL(by_of_session(&chacha), CV_ENGINE_IPSECMB);
    CU_ASSERT_EQUAL(eng_auto.self_test(err, sizeof err), CV_OK); /* the machine's own times again */
    for (unsigned i = 0; i < AUTO_CASES; i++) {
        const struct cv_sa sa = auto_case(i);
        const struct eng_auto_times t = eng_auto_times_of(&sa);
        for (unsigned z = 0; z < ENG_AUTO_SIZES; z++) {
            CU_ASSERT_TRUE(t.vaes[z] > 0 && t.vaes[z] != times[0].vaes[z] && t.vaes[z] != times[1].vaes[z]);
            CU_ASSERT_TRUE(t.ipsecmb[z] > 0 && t.ipsecmb[z] != times[0].ipsecmb[z]);
        }
        CU_ASSERT_EQUAL(by_of_session(&sa), eng_auto_takes_vaes(&t) ? CV_ENGINE_VAES : CV_ENGINE_IPSECMB);
    }
}

/* ---- multi-buffer bursts ------------------------------------------------------------------------------------------------ */
enum { MB_MOST = 150, MB_ROOM = 1600, MB_AROUND = 64, MB_FILL = 0xa5 };

struct mb_case {
    uint16_t encr, integ;
    uint8_t encr_key_len, integ_key_len;
    bool esn;
};

static struct {
    uint8_t sent[MB_MOST][MB_ROOM], plain[MB_MOST][MB_ROOM], mem[MB_MOST][MB_ROOM];
    struct eng_op ops[MB_MOST];
} mb;

static struct eng_session *mb_session(const struct mb_case *c, enum cv_dir dir, uint8_t key,
                                      struct eng_session_info *info)
{
    struct cv_sa sa = {.encr = c->encr,
                       .integ = c->integ,
                       .encr_key_len = c->encr_key_len,
                       .integ_key_len = c->integ_key_len,
                       .flags = c->esn ? CV_SA_ESN : 0};
    struct eng_session *s = NULL;
    sa.ref.dir = (uint8_t)dir;
    memset(sa.encr_key, key, sizeof sa.encr_key);
    memset(sa.integ_key, key + 1, sizeof sa.integ_key);
    CU_ASSERT_EQUAL_FATAL(eng_ipsecmb.session_new(&sa, -1, &s, info), CV_OK);
    return s;
}

static void mb_fill(const struct eng_session_info *info, unsigned n)
{
    memset(mb.mem, MB_FILL, sizeof mb.mem);
    for (unsigned i = 0; i < n; i++) {
        struct eng_op *op = &mb.ops[i];
        *op = (struct eng_op){.esp = mb.mem[i] + MB_AROUND,
                              .data_len = info->block * (1 + i * 37 % 80),
                              .seq_hi = 7 + i,
                              .ok = i % 2};
        for (unsigned k = 0; k < 8u + info->iv_len + op->data_len; k++)
            op->esp[k] = (uint8_t)(k * 3 + i);
    }
    memcpy(mb.plain, mb.mem, sizeof mb.mem);
}

/* Packet i is as it was up to `at`, and from `end` on. */
static bool mb_same(uint8_t was[][MB_ROOM], unsigned i, const uint8_t *at, const uint8_t *end)
{
    const size_t from = (size_t)(at - mb.mem[i]), to = (size_t)(end - mb.mem[i]);
    return memcmp(mb.mem[i], was[i], from) == 0 && memcmp(end, was[i] + to, MB_ROOM - to) == 0;
}

/* Every third of n packets on two SAs is forged: in front, in its text or in its ICV. */
static void mb_both_ways(const struct mb_case *c, struct eng_worker *w, unsigned n)
{
    struct eng_session_info info, in_info;
    struct eng_session *out[2], *in[2];
    for (unsigned k = 0; k < 2; k++) {
        out[k] = mb_session(c, CV_DIR_OUT, (uint8_t)(k * 16), &info);
        in[k] = mb_session(c, CV_DIR_IN, (uint8_t)(k * 16), &in_info);
    }
    const unsigned half = n / 2;
    mb_fill(&info, n);
    info.runs(w, (struct eng_run[]){{out[0], mb.ops, half}, {out[1], mb.ops + half, n - half}}, 2);
    bool right = true;
    for (unsigned i = 0; i < n; i++) {
        struct eng_op *op = &mb.ops[i];
        uint8_t *end = op->esp + 8 + info.iv_len + op->data_len;
        right = right && op->ok && mb_same(mb.plain, i, op->esp + 8, end + info.icv_len);
        if (i % 3 == 2)
            *(i % 2 ? op->esp + 4 : i % 4 ? end - 1 : end + info.icv_len - 1) ^= 0x20;
    }
    memcpy(mb.sent, mb.mem, sizeof mb.mem);
    info.burst = in_info.burst;
    info.burst(w, in[0], mb.ops, half);
    info.burst(w, in[1], mb.ops + half, n - half);
    for (unsigned i = 0; i < n; i++) {
        const struct eng_op *op = &mb.ops[i];
        const uint8_t *text = op->esp + 8 + info.iv_len;
        const size_t at = (size_t)(text - mb.mem[i]);
        right = right && op->ok == (i % 3 != 2) &&
                (op->ok ? mb_same(mb.sent, i, text, text + op->data_len) &&
                              memcmp(text, mb.plain[i] + at, op->data_len) == 0
                        : memcmp(mb.mem[i], mb.sent[i], MB_ROOM) == 0);
    }
    if (!right)
        printf("encr %u, integ %u, esn %d, %u packets\n", c->encr, c->integ, c->esn, n);
    CU_ASSERT_TRUE(right);
    for (unsigned k = 0; k < 2; k++) {
        eng_ipsecmb.session_free(out[k]);
        eng_ipsecmb.session_free(in[k]);
    }
}

/* Encrypting writes IV, text and ICV; decrypting the text, of what verified alone. */
static void multi_buffer_bursts_write_what_is_theirs_and_decrypt_what_verified(void)
{
    static const struct {
        uint16_t encr;
        uint8_t key_len;
    } ciphers[] = {{CV_ENCR_AES_CBC, 16},
                   {CV_ENCR_AES_CBC, 24},
                   {CV_ENCR_AES_CBC, 32},
                   {CV_ENCR_3DES, 24},
                   {CV_ENCR_NULL, 0}};
    static const uint8_t key_lens[] = {[CV_INTEG_HMAC_MD5_96] = 16,
                                       [CV_INTEG_HMAC_SHA1_96] = 20,
                                       [CV_INTEG_HMAC_SHA2_256_128] = 32,
                                       [CV_INTEG_HMAC_SHA2_384_192] = 48,
                                       [CV_INTEG_HMAC_SHA2_512_256] = 64};
    static const unsigned counts[] = {1, 2, 3, 15, 16, 17, 63, 64, 65, MB_MOST};
    struct eng_worker *w;
    CU_ASSERT_EQUAL_FATAL(eng_ipsecmb.worker_new(-1, &w), CV_OK);
    for (unsigned e = 0; e < sizeof ciphers / sizeof ciphers[0]; e++)
        for (uint16_t integ = 0; integ < sizeof key_lens; integ++)
            for (unsigned k = 0; key_lens[integ] && k < sizeof counts / sizeof counts[0]; k++)
                for (unsigned esn = 0; esn < 2; esn++)
                    mb_both_ways(
                        &(struct mb_case){ciphers[e].encr, integ, ciphers[e].key_len, key_lens[integ], esn},
                        w, counts[k]);
    eng_ipsecmb.worker_free(w);
}

UNIT_MAIN_EAL("engine", UNIT_TEST(eng_by_name_knows_the_words_of_the_platform_section),
              UNIT_TEST(every_engine_passes_its_known_answer_tests),
              UNIT_TEST(every_fault_of_every_transform_is_found_at_start),
              UNIT_TEST(auto_measures_and_serves_every_transform),
              UNIT_TEST(auto_takes_vaes_where_it_is_clearly_faster), UNIT_TEST(auto_weighs_both_sizes_alike),
              UNIT_TEST(auto_does_not_take_vaes_by_times_that_were_not_measured),
              UNIT_TEST(auto_sessions_are_of_the_engine_that_its_times_chose),
              UNIT_TEST(RFC_4301_4_2_NULL_encryption_needs_integrity),
              UNIT_TEST(multi_buffer_bursts_write_what_is_theirs_and_decrypt_what_verified),
              UNIT_TEST(keys_and_salt_of_a_wrong_length_are_refused),
              UNIT_TEST(the_bare_call_is_timed_for_every_cipher_key_and_size),
              UNIT_TEST(the_bare_burst_is_timed_for_every_cipher_and_hmac))
