/* The engine cryptodev on one device, named by the program's argument: known answers, every transform and size against
 * ipsec-mb, order and nothing lost under any delay and order of completion, back-pressure, and a device that dies. */
#include "common/log.h"
#include "dataplane/engine/eng_cryptodev_dev.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "tests/unit/engine/cdev_lanes.h"
#include "tests/unit/engine/cdev_model.h"
#include "tests/unit/engine/cdev_pair.h"
#include "tests/unit/esp/eal.h"
#include "tests/unit/unit.h"

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_END = 9000 + 2 + 16, LONG_ROOM = 9600 /* with trailer and padding */, GROUP = 32 };
static uint8_t before[GROUP][LONG_ROOM];
static struct rte_mempool *long_pool;

/* ---- known answers ----------------------------------------------------------------------------------------------- */
static void the_device_passes_the_known_answer_tests(void)
{
    char err[160] = "";
    CU_ASSERT_EQUAL(E->self_test(err, sizeof err), CV_OK);
    CU_ASSERT_STRING_EQUAL(err, "");
}

/* Of TRANSFORMS, by what DPDK 22.11's drivers have; docs/offload.md says it in words. */
static unsigned transforms_of_device(void)
{
    enum { GCM_GMAC = 6, CHACHA = 1 };
    return strstr(device, "null")        ? 0 /* it has no integrity to offer */
           : strstr(device, "aesni_gcm") ? GCM_GMAC
           : strstr(device, "openssl")   ? TRANSFORMS - CHACHA
                                         : TRANSFORMS;
}

static void what_the_device_cannot_do_goes_to_software(void)
{
    unsigned offloaded = 0;
    for (unsigned i = 0; i < TRANSFORMS; i++)
        for (unsigned esn = 0; esn < 2; esn++) {
            struct cv_sa sa = sa_of(transform(i), esn, CV_DIR_OUT, 1);
            struct eng_session *s;
            struct eng_session_info info;
            const uint32_t had = cdev_sessions();
            const bool can = eng_cryptodev_offloads(&sa);
            CU_ASSERT(E->supports(sa.encr, sa.encr_key_len, sa.integ));
            CU_ASSERT_EQUAL_FATAL(E->session_new(&sa, -1, &s, &info), CV_OK);
            CU_ASSERT_EQUAL(cdev_sessions() - had, can);
            CU_ASSERT_EQUAL(info.submit != NULL, can && !cdev_is_cpu());
            offloaded += can;
            const struct cv_sa_engine on = where(s);
            CU_ASSERT_EQUAL(on.by == CV_ENGINE_CRYPTODEV, can && !cdev_is_cpu());
            CU_ASSERT_EQUAL(on.by == CV_ENGINE_CRYPTODEV_CPU, can && cdev_is_cpu());
            CU_ASSERT_EQUAL(on.why, can ? CV_ENGINE_WHY_NONE : CV_ENGINE_WHY_TRANSFORM);
            E->session_free(s);
            CU_ASSERT_EQUAL(cdev_sessions(), had);
        }
    printf("%u of %u on the device ", offloaded, 2 * TRANSFORMS);
    CU_ASSERT_EQUAL(offloaded, 2 * transforms_of_device());
}

/* ---- against ipsec-mb ---------------------------------------------------------------------------------------------- */
/* By the queue pair, in the packets' own mbufs, as traffic goes; or by the call that waits, where there is no such way. */
static void by_submission(const struct eng_session_info *info, struct eng_session *s, enum cv_dir dir,
                          struct eng_op *ops, struct rte_mbuf **m, unsigned n)
{
    struct eng_job jobs[GROUP], done[GROUP];
    if (!info->submit) {
        info->burst(w, s, ops, n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        jobs[i] = (struct eng_job){.op = ops[i], .m = m[i], .dir = (uint8_t)dir};
    CU_ASSERT_EQUAL_FATAL(info->submit(w, s, jobs, n), n);
    for (unsigned back = 0; back < n;)
        back += E->poll(w, done + back, n - back);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_PTR_EQUAL(done[i].m, m[i]);
        ops[i].ok = done[i].op.ok;
    }
}

/* Packets of n sizes, all four ways; the octets in front of and behind each stay. How many are wrong. */
static unsigned unlike_ipsecmb(struct pair *p, const uint32_t *sizes, unsigned n, unsigned seed, bool aead)
{
    struct eng_op a[GROUP], b[GROUP];
    struct rte_mbuf *ma[GROUP], *mb_[GROUP];
    const bool submit = seed % 4 != 0; /* the waiting call with the others */
    const uint32_t at = FRONT + HDR + p->enc_info.iv_len;
    unsigned wrong = 0;
    for (unsigned i = 0; i < n; i++) {
        ma[i] = packet_new(&p->enc_info, sizes[i], seed + i, &a[i]);
        mb_[i] = packet_new(&p->enc_info, sizes[i], seed + i, &b[i]);
        memcpy(before[i], rte_pktmbuf_mtod(ma[i], uint8_t *), ma[i]->data_len);
    }
    if (submit)
        by_submission(&p->enc_info, p->enc, CV_DIR_OUT, a, ma, n);
    else
        p->enc_info.burst(w, p->enc, a, n);
    p->mb_enc_info.burst(mb, p->mb_enc, b, n);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *oa = rte_pktmbuf_mtod(ma[i], uint8_t *), *ob = rte_pktmbuf_mtod(mb_[i], uint8_t *);
        const bool good = a[i].ok && b[i].ok && !memcmp(oa, before[i], FRONT + HDR) &&
                          (!aead || !memcmp(oa, ob, ma[i]->data_len));
        wrong += !good;
        a[i].ok = b[i].ok = false;
    }
    /* Each reads what the other wrote. */
    p->mb_dec_info.burst(mb, p->mb_dec, a, n);
    if (submit)
        by_submission(&p->dec_info, p->dec, CV_DIR_IN, b, mb_, n);
    else
        p->dec_info.burst(w, p->dec, b, n);
    for (unsigned i = 0; i < n; i++) {
        const bool good = a[i].ok && b[i].ok &&
                          !memcmp(text_of(&p->enc_info, &a[i]), before[i] + at, sizes[i]) &&
                          !memcmp(text_of(&p->enc_info, &b[i]), before[i] + at, sizes[i]) &&
                          !memcmp(rte_pktmbuf_mtod(mb_[i], void *), before[i], FRONT + HDR);
        wrong += !good;
        rte_pktmbuf_free(ma[i]);
        rte_pktmbuf_free(mb_[i]);
    }
    return wrong;
}

static bool same_as_ipsecmb(struct pair *p, uint32_t size, unsigned seed, bool aead)
{
    return unlike_ipsecmb(p, &size, 1, seed, aead) == 0;
}

/* Any bit of the packet or of what is authenticated beside it. */
static bool forgeries_fail(struct pair *p, uint32_t size, unsigned seed, bool esn)
{
    struct eng_op a;
    bool good = true;
    for (unsigned k = 0; k < 4; k++) {
        struct rte_mbuf *m = packet_new(&p->enc_info, size, seed, &a);
        p->enc_info.burst(w, p->enc, &a, 1);
        uint8_t *end = text_of(&p->enc_info, &a) + size + p->enc_info.icv_len;
        if (k == 0)
            end[-1] ^= 1;
        else if (k == 1)
            text_of(&p->enc_info, &a)[size / 2] ^= 0x80;
        else if (k == 2)
            a.esp[5] ^= 4;
        else if (esn)
            a.seq_hi++;
        else
            a.esp[0] ^= 1;
        p->dec_info.burst(w, p->dec, &a, 1);
        good = good && !a.ok;
        rte_pktmbuf_free(m);
    }
    return good;
}

/* Every length that ESP makes of packets of 1 to 9000 octets: all multiples of the transform's unit (RFC 4303 2.4), with and without ESN; several
 * in a burst, or a driver's many lanes would take ten times as long. Of what the device does not do, software's own tests say as much: a few.
 * Under AddressSanitizer every fourth, beginning elsewhere with each transform. */
static void sizes_agree(unsigned i, unsigned esn, unsigned long *packets)
{
    const struct cv_sa sa = sa_of(transform(i), esn, CV_DIR_OUT, 1);
    const unsigned each = !eng_cryptodev_offloads(&sa) ? 37 : unit_rounds(4) == 4 ? 1 : 4;
    struct pair p;
    uint32_t sizes[GROUP];
    unsigned n = 0, bad = 0, bad_forged = 0;
    pair_new(&p, transform(i), esn, i);
    const unsigned block = p.enc_info.block;
    for (uint32_t size = block * (1 + (i + esn) % each); size < SIZE_END; size += each * block) {
        sizes[n++] = size;
        if (n < GROUP && size + each * block < SIZE_END)
            continue;
        bad += unlike_ipsecmb(&p, sizes, n, size / block / GROUP + i, transform(i).integ == 0);
        *packets += n;
        n = 0;
    }
    for (uint32_t size = block; size < SIZE_END; size += 61 * block)
        bad_forged += !forgeries_fail(&p, size, size + i, esn);
    if (bad || bad_forged)
        printf("encr %u key %u integ %u esn %u: %u wrong, %u forged\n", transform(i).encr, transform(i).key,
               transform(i).integ, esn, bad, bad_forged);
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT_EQUAL(bad_forged, 0);
    pair_free(&p);
}

static void every_transform_and_size_agrees_with_ipsec_mb(void)
{
    struct rte_mempool *const small = pool;
    unsigned long packets = 0;
    pool = long_pool;
    for (unsigned i = 0; i < TRANSFORMS; i++)
        for (unsigned esn = 0; esn < 2; esn++)
            sizes_agree(i, esn, &packets);
    pool = small;
    printf("%lu packets ", packets);
}

/* RFC 3602 3: the IVs of 300 packets of equal text, none twice, none a neighbour of another. */
static void RFC_3602_3_IVs_are_never_the_same(void)
{
    static uint8_t ivs[300][16];
    struct pair p;
    pair_new(&p, (struct transform){CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96, 16, 20}, false, 3);
    for (unsigned i = 0; i < 300; i++) {
        struct eng_op op;
        struct rte_mbuf *m = packet_new(&p.enc_info, 64, 1, &op);
        p.enc_info.burst(w, p.enc, &op, 1);
        memcpy(ivs[i], op.esp + HDR, 16);
        rte_pktmbuf_free(m);
        for (unsigned k = 0; k < i; k++)
            CU_ASSERT(memcmp(ivs[i], ivs[k], 16) && memcmp(ivs[i], ivs[k], 8));
    }
    pair_free(&p);
}

/* ---- look-aside: order, delays, back-pressure ------------------------------------------------------------------- */
struct expect {
    struct rte_mbuf *m;
    uint64_t seq;
    unsigned session;
    bool forged;
    uint8_t text[64];
};

/* Submits `count` packets of four sessions as room allows and checks what comes back; returns how many were lost. */
static unsigned stream(unsigned count, struct expect *e, unsigned fail_at)
{
    enum { SESSIONS = 4 };
    static const struct transform of[SESSIONS] = {{CV_ENCR_AES_GCM_16, 0, 16, 0},
                                                  {CV_ENCR_NULL, CV_INTEG_HMAC_SHA1_96, 0, 20},
                                                  {CV_ENCR_AES_GCM_16, 0, 32, 0},
                                                  {CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA2_256_128, 16, 32}};
    struct pair p[SESSIONS];
    unsigned sent = 0, back = 0, lost = 0;
    uint32_t seed = 99;
    for (unsigned i = 0; i < SESSIONS; i++)
        pair_new(&p[i], of[i], i & 1, i);
    while (back < count) {
        unsigned n = 0, session = (seed = seed * 1103515245u + 12345u) >> 16 & (SESSIONS - 1);
        struct eng_job jobs[32], done[32];
        const bool out = seed >> 20 & 1;
        if (!(out ? p[session].enc_info.submit : p[session].dec_info.submit))
            session = 0; /* every device here does AES-GCM */
        struct pair *q = &p[session];
        for (unsigned k = 0; k < 1 + (seed >> 24) % 32 && sent + n < count && sent + n - back < JOBS;
             k++, n++) {
            struct expect *x = &e[(sent + n) % JOBS];
            memset(&jobs[n], 0, sizeof jobs[n]);
            x->m = jobs[n].m = packet_new(&q->enc_info, 64, sent + n, &jobs[n].op);
            memcpy(x->text, text_of(&q->enc_info, &jobs[n].op), 64);
            x->seq = sent + n;
            x->session = session;
            x->forged = false;
            if (!out) { /* what came from ipsec-mb, one in eight of it forged */
                q->mb_enc_info.burst(mb, q->mb_enc, &jobs[n].op, 1);
                jobs[n].op.ok = false;
                if ((x->forged = (sent + n) % 8 == 3))
                    text_of(&q->enc_info, &jobs[n].op)[64] ^= 1;
            }
            jobs[n].owner = q;
            jobs[n].seq = x->seq;
            jobs[n].len = session;
            jobs[n].dir = out ? CV_DIR_OUT : CV_DIR_IN;
        }
        if (fail_at && sent + n >= fail_at && cdev_runs())
            cdev_model.hang = true;
        const unsigned took = n == 0 ? 0
                              : out  ? q->enc_info.submit(w, q->enc, jobs, n)
                                     : q->dec_info.submit(w, q->dec, jobs, n);
        for (unsigned i = took; i < n; i++)
            rte_pktmbuf_free(jobs[i].m);
        sent += took;
        struct eng_flight f;
        E->flight(w, &f);
        CU_ASSERT_EQUAL(f.submitted - f.delivered, sent - back);
        const unsigned got = E->poll(w, done, 32);
        for (unsigned i = 0; i < got; i++, back++) {
            struct expect *x = &e[back % JOBS];
            struct pair *y = done[i].owner;
            CU_ASSERT_EQUAL(done[i].seq, back); /* the order of submission */
            CU_ASSERT_PTR_EQUAL(done[i].m, x->m);
            CU_ASSERT_EQUAL(done[i].len, x->session);
            CU_ASSERT_EQUAL(done[i].op.ok, done[i].drop == CV_DROP_NONE);
            if (done[i].drop == CV_DROP_CRYPTO_LOST) {
                lost++;
            } else {
                CU_ASSERT_EQUAL(done[i].drop, x->forged ? CV_DROP_ESP_AUTH : CV_DROP_NONE);
                if (done[i].dir == CV_DIR_OUT)
                    y->mb_dec_info.burst(mb, y->mb_dec, &done[i].op, 1);
                CU_ASSERT_EQUAL(done[i].op.ok, !x->forged);
                if (!x->forged)
                    CU_ASSERT(!memcmp(text_of(&y->enc_info, &done[i].op), x->text, 64));
            }
            rte_pktmbuf_free(done[i].m);
        }
    }
    for (unsigned i = 0; i < SESSIONS; i++)
        pair_free(&p[i]);
    return lost;
}

static struct expect expected[JOBS];

static void order_is_kept_and_nothing_lost_as_the_device_is(void)
{
    if (look_aside())
        CU_ASSERT_EQUAL(stream(20000, expected, 0), 0);
}

static void order_is_kept_and_nothing_lost_whatever_the_order_of_completion(void)
{
    if (!look_aside())
        return;
    for (unsigned i = 0; i < 12; i++) {
        cdev_model_install();
        cdev_model.seed = i;
        cdev_model.delay = i * 7;
        cdev_model.mix_all = i & 1;
        cdev_model.depth = i % 3 == 0   ? 16
                           : i % 3 == 1 ? 100
                                        : 4000; /* a queue shorter than what is under way */
        CU_ASSERT_EQUAL(stream(3000, expected, 0), 0);
        CU_ASSERT_EQUAL(cdev_model.violations, 0);
        CU_ASSERT_EQUAL(cdev_model.taken, 3000);
        cdev_model_remove();
    }
    CU_ASSERT(cdev_runs());
}

static void a_full_device_takes_what_fits_and_no_more(void)
{
    if (!look_aside())
        return;
    struct pair p;
    struct eng_job job = {.dir = CV_DIR_OUT}, done[64];
    struct eng_flight f;
    unsigned took = 0, back = 0;
    pair_new(&p, aeads[0], false, 0);
    cdev_model_install();
    cdev_model.full = true;
    E->flight(w, &f);
    const unsigned room = f.room;
    for (unsigned i = 0; i < room + 10; i++) {
        job.m = packet_new(&p.enc_info, 64, i, &job.op);
        unsigned one = p.enc_info.submit(w, p.enc, &job, 1);
        if (!one)
            rte_pktmbuf_free(job.m);
        took += one;
    }
    CU_ASSERT_EQUAL(took, room);
    E->flight(w, &f);
    CU_ASSERT_EQUAL(f.room, 0);
    CU_ASSERT_EQUAL(E->poll(w, done, 64), 0);
    cdev_model.full = false; /* room again: everything comes */
    for (unsigned n; back < took; back += n) {
        n = E->poll(w, done, 64);
        for (unsigned i = 0; i < n; i++) {
            CU_ASSERT(done[i].op.ok);
            rte_pktmbuf_free(done[i].m);
        }
    }
    cdev_model_remove();
    pair_free(&p);
}

/* ---- a device that dies -------------------------------------------------------------------------------------------- */
static void reopen(void)
{
    reopen_for(1);
}

static void after_failure(enum cdev_fault why)
{
    struct cv_engine_stats rows[4];
    CU_ASSERT_EQUAL(cdev_state(), CDEV_STOPPED);
    CU_ASSERT_EQUAL(cdev_fault(), why);
    CU_ASSERT_EQUAL(cdev_model.stops, 1);
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    CU_ASSERT_EQUAL(E->report(rows, 4), 2);
    CU_ASSERT_STRING_EQUAL(rows[0].engine, "cryptodev");
    CU_ASSERT_PTR_NOT_NULL(strstr(rows[0].device, "failed"));
    CU_ASSERT_STRING_EQUAL(rows[1].engine, "software");
    CU_ASSERT(rows[1].packets > 0);
    /* New SAs are software's at once. */
    struct pair p;
    pair_new(&p, aeads[0], false, 0);
    CU_ASSERT_PTR_NULL(p.enc_info.submit);
    CU_ASSERT_EQUAL(where(p.enc).why, CV_ENGINE_WHY_FAILED);
    CU_ASSERT(where(p.enc).by == CV_ENGINE_VAES || where(p.enc).by == CV_ENGINE_IPSECMB);
    CU_ASSERT(same_as_ipsecmb(&p, 64, 1, true));
    pair_free(&p);
}

static void a_device_that_gives_nothing_back_loses_what_it_has_and_no_more(void)
{
    if (!look_aside())
        return;
    cdev_model_install();
    cdev_model.delay = 5;
    const unsigned lost = stream(3000, expected, 1000);
    CU_ASSERT(lost > 0 && lost <= JOBS);
    CU_ASSERT_EQUAL(lost, cdev_model.taken - cdev_model.given);
    after_failure(CDEV_FAULT_STALL);
    cdev_model_remove();
    reopen();
}

static void a_device_with_errors_is_given_up(void)
{
    if (!look_aside())
        return;
    struct pair p;
    struct eng_job job = {.dir = CV_DIR_OUT}, done[8];
    unsigned crypto = 0, good = 0;
    cdev_model_install();
    cdev_model.error_at = 11;
    pair_new(&p, aeads[0], false, 0);
    for (unsigned i = 0; i < 200; i++) {
        job.m = packet_new(&p.enc_info, 64, i, &job.op);
        CU_ASSERT_EQUAL(p.enc_info.submit(w, p.enc, &job, 1), 1);
        unsigned n;
        while ((n = E->poll(w, done, 8)) == 0)
            ;
        for (unsigned k = 0; k < n; k++) {
            crypto += done[k].drop == CV_DROP_CRYPTO;
            good += done[k].op.ok;
            rte_pktmbuf_free(done[k].m);
        }
    }
    CU_ASSERT_EQUAL(crypto, CDEV_ERRORS_MAX);
    CU_ASSERT_EQUAL(good, 200 - CDEV_ERRORS_MAX);
    pair_free(&p);
    after_failure(CDEV_FAULT_ERRORS);
    cdev_model_remove();
    reopen();
}

/* Some drivers say no more of a forged packet than that there was an error: anybody may send such. */
static void errors_of_incoming_packets_do_not_end_a_device(void)
{
    if (!look_aside())
        return;
    struct pair p;
    struct eng_job job = {.dir = CV_DIR_IN}, done[8];
    unsigned crypto = 0;
    cdev_model_install();
    cdev_model.error_at = 1;
    pair_new(&p, aeads[0], false, 0);
    for (unsigned i = 0; i < 2 * CDEV_ERRORS_MAX; i++) {
        job.m = packet_new(&p.dec_info, 64, i, &job.op);
        CU_ASSERT_EQUAL(p.dec_info.submit(w, p.dec, &job, 1), 1);
        unsigned n;
        while ((n = E->poll(w, done, 8)) == 0)
            ;
        for (unsigned k = 0; k < n; k++) {
            crypto += done[k].drop == CV_DROP_CRYPTO && !done[k].op.ok;
            rte_pktmbuf_free(done[k].m);
        }
    }
    CU_ASSERT_EQUAL(crypto, 2 * CDEV_ERRORS_MAX);
    CU_ASSERT(cdev_runs());
    pair_free(&p);
    cdev_model_remove();
}

/* It takes what it is given as long as that comes, slowly; nobody may wait until its queue is full. */
static void a_device_that_takes_on_but_gives_nothing_back_is_found_out_in_time(void)
{
    if (!look_aside())
        return;
    struct pair p;
    struct eng_job job = {.dir = CV_DIR_OUT}, done[64];
    unsigned sent = 0, back = 0, lost = 0;
    cdev_model_install();
    cdev_model.hang = true;
    pair_new(&p, aeads[0], false, 0);
    const uint64_t began = rte_rdtsc(), ms = rte_get_tsc_hz() / 1000;
    for (uint64_t next = began; cdev_state() != CDEV_STOPPED && rte_rdtsc() - began < 3000 * ms;) {
        if (rte_rdtsc() > next && sent < 1000) {
            job.m = packet_new(&p.enc_info, 64, sent, &job.op);
            sent += p.enc_info.submit(w, p.enc, &job, 1);
            next += 2 * ms;
        }
        const unsigned n = E->poll(w, done, 64);
        for (unsigned i = 0; i < n; i++, back++) {
            lost += done[i].drop == CV_DROP_CRYPTO_LOST;
            rte_pktmbuf_free(done[i].m);
        }
    }
    CU_ASSERT_EQUAL(cdev_state(), CDEV_STOPPED);
    CU_ASSERT_EQUAL(cdev_fault(), CDEV_FAULT_STALL);
    CU_ASSERT(sent < 1000);
    for (unsigned n; back < sent; back += n) {
        n = E->poll(w, done, 64);
        for (unsigned i = 0; i < n; i++) {
            lost += done[i].drop == CV_DROP_CRYPTO_LOST;
            rte_pktmbuf_free(done[i].m);
        }
    }
    CU_ASSERT_EQUAL(lost, cdev_model.taken);
    pair_free(&p);
    cdev_model_remove();
    reopen();
}

/* One packet that never comes back would hold up everything behind it. */
static void a_device_that_loses_one_packet_is_given_up_for_it(void)
{
    if (!look_aside())
        return;
    for (unsigned i = 0; i < 3; i++) {
        cdev_model_install();
        cdev_model.seed = i;
        cdev_model.delay = 3;
        cdev_model.mix_all = i & 1;
        cdev_model.lose_at = 100 + 300 * i;
        const unsigned lost = stream(3000, expected, 0);
        CU_ASSERT_EQUAL(lost, cdev_model.taken - cdev_model.given);
        CU_ASSERT(lost >= 1);
        after_failure(CDEV_FAULT_STALL);
        cdev_model_remove();
        reopen();
    }
}

/* The end of culvert-dp: the device is stopped before the memory that it writes into goes. */
static void a_worker_that_ends_with_packets_in_the_device_stops_it_first(void)
{
    if (!look_aside())
        return;
    struct pair p;
    struct rte_mbuf *m[20];
    struct eng_job job = {.dir = CV_DIR_OUT};
    struct eng_worker *other;
    CU_ASSERT_EQUAL_FATAL(E->worker_new(-1, &other), CV_OK);
    cdev_model_install();
    cdev_model.hang = true;
    pair_new(&p, aeads[0], false, 0);
    for (unsigned i = 0; i < 20; i++) {
        m[i] = job.m = packet_new(&p.enc_info, 64, i, &job.op);
        CU_ASSERT_EQUAL(p.enc_info.submit(w, p.enc, &job, 1), 1);
    }
    E->worker_free(w); /* the other one still holds its queue pair */
    CU_ASSERT_EQUAL(cdev_model.stops, 1);
    CU_ASSERT_EQUAL(cdev_model.held_at_stop, 20);
    CU_ASSERT_EQUAL(cdev_model.violations, 0);
    CU_ASSERT_EQUAL(cdev_state(), CDEV_STOPPED);
    E->worker_free(other);
    CU_ASSERT_EQUAL(cdev_model.stops, 1);
    for (unsigned i = 0; i < 20; i++)
        rte_pktmbuf_free(m[i]);
    pair_free(&p);
    cdev_model_remove();
    CU_ASSERT_EQUAL(E->worker_new(-1, &w), CV_OK);
    reopen();
}

/* The kernel asks for it: its SAs are software's, and it is given back. */
static void a_device_that_is_to_be_removed_is_given_back(void)
{
    if (!look_aside())
        return;
    struct pair p;
    struct eng_op op;
    struct cv_engine_stats rows[2];
    const unsigned had = rte_cryptodev_count();
    pair_new(&p, aeads[0], false, 5);
    rte_dev_event_callback_process(rte_cryptodev_name_get(cdev_id()), RTE_DEV_EVENT_ADD);
    CU_ASSERT(cdev_runs());
    rte_dev_event_callback_process(rte_cryptodev_name_get(cdev_id()), RTE_DEV_EVENT_REMOVE);
    CU_ASSERT_EQUAL(cdev_state(), CDEV_FAILED);
    CU_ASSERT_EQUAL(E->report(rows, 2), 2);
    CU_ASSERT_EQUAL(rte_cryptodev_count(), had); /* the worker has it still */
    struct rte_mbuf *m = packet_new(&p.enc_info, 64, 1, &op);
    p.enc_info.burst(w, p.enc, &op, 1);
    CU_ASSERT(op.ok);
    rte_pktmbuf_free(m);
    CU_ASSERT_EQUAL(cdev_state(), CDEV_STOPPED);
    CU_ASSERT_EQUAL(E->report(rows, 2), 2);
    CU_ASSERT_EQUAL(rte_cryptodev_count(), had); /* its sessions are there still */
    CU_ASSERT_PTR_NOT_NULL(strstr(rows[0].device, "failed"));
    CU_ASSERT(same_as_ipsecmb(&p, 64, 1, true));
    pair_free(&p);
    CU_ASSERT_EQUAL(cdev_sessions(), 0);
    CU_ASSERT_EQUAL(E->report(rows, 2), 2);
    CU_ASSERT_EQUAL(rte_cryptodev_count(), had - 1);
    reopen();
}

static void order_is_kept_on_several_queues_when_the_device_fails_on_the_way(void)
{
    if (!look_aside())
        return;
    for (unsigned i = 0; i < 3 * LANES_FAILURES; i++) {
        reopen_for(LANES);
        /* it would hold up the stop of a failed device, as no turn of it is taken */
        E->worker_free(w);
        lanes_run(i % LANES_FAILURES, 77 + i * 1013);
        CU_ASSERT_EQUAL_FATAL(E->worker_new(-1, &w), CV_OK);
    }
    reopen();
}

/* As the driver's error event does it, from another thread, while packets are waiting for room: those were never in it. */
static void packets_that_the_device_never_took_are_done_in_software(void)
{
    if (!look_aside())
        return;
    struct pair p;
    struct eng_job job = {.dir = CV_DIR_OUT}, done[64];
    unsigned lost = 0, good = 0;
    cdev_model_install();
    cdev_model.depth = 7;
    cdev_model.hang = true;
    pair_new(&p, aeads[0], true, 0);
    for (unsigned i = 0; i < 40; i++) {
        job.m = packet_new(&p.enc_info, 64, i, &job.op);
        CU_ASSERT_EQUAL(p.enc_info.submit(w, p.enc, &job, 1), 1);
    }
    cdev_fail(CDEV_FAULT_EVENT);
    CU_ASSERT_EQUAL(cdev_state(), CDEV_FAILED); /* the worker has not let go */
    const unsigned n = E->poll(w, done, 64);
    CU_ASSERT_EQUAL(n, 40);
    for (unsigned i = 0; i < n; i++) {
        lost += done[i].drop == CV_DROP_CRYPTO_LOST;
        good += done[i].op.ok;
        CU_ASSERT_EQUAL(done[i].op.ok, i >= 7);
        if (done[i].op.ok) {
            p.mb_dec_info.burst(mb, p.mb_dec, &done[i].op, 1);
            CU_ASSERT(done[i].op.ok);
        }
        rte_pktmbuf_free(done[i].m);
    }
    CU_ASSERT_EQUAL(lost, 7);
    CU_ASSERT_EQUAL(good, 33);
    pair_free(&p);
    after_failure(CDEV_FAULT_EVENT);
    cdev_model_remove();
    reopen();
}

/* ---- secrets, names ------------------------------------------------------------------------------------------------- */
static void a_freed_session_leaves_no_key_behind(void)
{
    struct cv_sa sa = sa_of(aeads[2], false, CV_DIR_OUT, 77);
    struct eng_session *s;
    struct eng_session_info info;
    CU_ASSERT_EQUAL_FATAL(E->session_new(&sa, -1, &s, &info), CV_OK);
    E->session_free(s);
    E->session_free(NULL);
    CU_ASSERT_EQUAL(cdev_sessions(), 0);
    if (!eng_cryptodev_offloads(&sa))
        return;
    struct rte_mempool *mp = rte_mempool_lookup("cdev_sess_0");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mp);
    for (struct rte_mempool_memhdr *h = STAILQ_FIRST(&mp->mem_list); h; h = STAILQ_NEXT(h, next))
        CU_ASSERT_PTR_NULL(memmem(h->addr, h->len, sa.encr_key, 16));
}

static void words_that_name_no_device_are_refused(void)
{
    static const char *const bad[] = {"crypto_rot13",       "0000:ff:1f.7",      "crypto_openssl fast",
                                      "crypto_openssl cpu", "crypto_null cpu x", ""};
    char why[256];
    E->worker_free(w);
    E->stop();
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = '\0';
        CU_ASSERT_NOT_EQUAL(E->start(bad[i], 1, why, sizeof why), CV_OK);
        CU_ASSERT(why[0] != '\0');
        CU_ASSERT_EQUAL(cdev_state(), CDEV_CLOSED);
    }
    CU_ASSERT_EQUAL(E->start(device, 1, why, sizeof why), CV_OK);
    CU_ASSERT_EQUAL(E->start(device, 1, why, sizeof why), CV_EEXIST);
    CU_ASSERT_EQUAL(E->worker_new(-1, &w), CV_OK);
}

/* A device with fewer queue pairs than workers: the others' SAs are software's, and order is kept all the same. */
static void a_worker_without_a_queue_pair_works_in_software(void)
{
    if (!look_aside())
        return;
    struct eng_worker *more[CV_MAX_WORKERS + 2] = {NULL}, *mine = w;
    unsigned n = 0;
    while (n < 3) /* started for one worker: two queue pairs, one of them taken */
        CU_ASSERT_EQUAL_FATAL(E->worker_new(-1, &more[n++]), CV_OK);
    w = more[n - 1];
    CU_ASSERT_EQUAL(stream(1000, expected, 0), 0);
    w = mine;
    while (n > 0)
        E->worker_free(more[--n]);
    CU_ASSERT(cdev_runs());
}

/* The sums of the report do not go back when a worker leaves; what known answers took is in none of them. */
static void what_a_worker_counted_stays_when_it_is_gone(void)
{
    struct cv_engine_stats was[2], now[2];
    struct eng_worker *mine = w;
    char why[256];
    if (!look_aside())
        return;
    CU_ASSERT_EQUAL_FATAL(E->worker_new(-1, &w), CV_OK);
    CU_ASSERT_EQUAL(stream(1000, expected, 0), 0);
    CU_ASSERT_EQUAL(E->report(was, 2), 2);
    CU_ASSERT_TRUE(was[0].packets >= 1000);
    E->worker_free(w);
    w = mine;
    CU_ASSERT_EQUAL(E->self_test(why, sizeof why), CV_OK);
    CU_ASSERT_EQUAL(E->report(now, 2), 2);
    for (unsigned i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(now[i].packets, was[i].packets);
    reopen();
    CU_ASSERT_EQUAL(E->report(now, 2), 2);
    CU_ASSERT_EQUAL(now[0].packets + now[1].packets, 0);
}

static const struct unit_test tests[] = {
    UNIT_TEST(the_device_passes_the_known_answer_tests),
    UNIT_TEST(what_the_device_cannot_do_goes_to_software),
    UNIT_TEST(every_transform_and_size_agrees_with_ipsec_mb),
    UNIT_TEST(RFC_3602_3_IVs_are_never_the_same),
    UNIT_TEST(order_is_kept_and_nothing_lost_as_the_device_is),
    UNIT_TEST(order_is_kept_and_nothing_lost_whatever_the_order_of_completion),
    UNIT_TEST(a_full_device_takes_what_fits_and_no_more),
    UNIT_TEST(a_worker_without_a_queue_pair_works_in_software),
    UNIT_TEST(what_a_worker_counted_stays_when_it_is_gone),
    UNIT_TEST(packets_that_the_device_never_took_are_done_in_software),
    UNIT_TEST(a_device_that_gives_nothing_back_loses_what_it_has_and_no_more),
    UNIT_TEST(a_device_with_errors_is_given_up),
    UNIT_TEST(errors_of_incoming_packets_do_not_end_a_device),
    UNIT_TEST(a_device_that_takes_on_but_gives_nothing_back_is_found_out_in_time),
    UNIT_TEST(a_device_that_loses_one_packet_is_given_up_for_it),
    UNIT_TEST(a_worker_that_ends_with_packets_in_the_device_stops_it_first),
    UNIT_TEST(a_device_that_is_to_be_removed_is_given_back),
    UNIT_TEST(order_is_kept_on_several_queues_when_the_device_fails_on_the_way),
    UNIT_TEST(a_freed_session_leaves_no_key_behind),
    UNIT_TEST(words_that_name_no_device_are_refused),
};

int main(int argc, char **argv)
{
    char why[256] = "";
    device = argc > 1 ? argv[1] : "crypto_openssl";
    if (eal_start() < 0)
        return 1;
    if (E->start(device, 1, why, sizeof why) != CV_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    pool = rte_pktmbuf_pool_create("packets", 4095, 0, 0, ROOM, -1);
    long_pool = rte_pktmbuf_pool_create("long packets", 127, 0, 0, LONG_ROOM, -1);
    if (!pool || !long_pool || E->worker_new(-1, &w) != CV_OK || eng_ipsecmb.worker_new(-1, &mb) != CV_OK)
        return 1;
    int status = unit_run(device, tests, sizeof tests / sizeof tests[0]);
    E->worker_free(w);
    eng_ipsecmb.worker_free(mb);
    E->stop();
    rte_mempool_free(pool);
    rte_mempool_free(long_pool);
    rte_eal_cleanup();
    return status;
}
