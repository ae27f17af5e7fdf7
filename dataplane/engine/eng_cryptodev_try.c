#include "dataplane/engine/eng_cryptodev_try.h"

#include "common/log.h"
#include "common/secret.h"
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_cryptodev_flight.h"
#include "dataplane/engine/eng_cryptodev_proto.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

enum {
    NEXT_V4 = 4,
    NEXT_NONE = 59,
    NATT = 4500,
    SPI = 0x00c0ffee,
    INNER = 61, /* padding in every transform */
    PACKETS = 2,
    ROOM = 1024,
    IV_MAX = 16,
};

/* What an SA is like outside. */
enum { PLAIN, LONG_NUMBERS_V6, BEHIND_NAT, OUTSIDES };

struct trial {
    const struct eng_ops *engine;
    struct eng_worker *w, *soft;
    struct rte_mempool *pool;
    uint8_t inner[INNER];
    bool dummies_known;
};

/* One direction of an SA: the device's session, and the other direction's in software. */
struct ends {
    struct eng_session *device, *soft;
    struct eng_session_info info, soft_info;
    unsigned outer;
    bool v6, natt;
};

/* ---- SAs ----------------------------------------------------------------------------------------------------------- */
static const struct {
    uint16_t encr;
    uint8_t key;
} ciphers[] = {{CV_ENCR_AES_GCM_16, 16},        {CV_ENCR_AES_GCM_16, 24},    {CV_ENCR_AES_GCM_16, 32},
               {CV_ENCR_NULL_AES_GMAC, 16},     {CV_ENCR_NULL_AES_GMAC, 24}, {CV_ENCR_NULL_AES_GMAC, 32},
               {CV_ENCR_CHACHA20_POLY1305, 32}, {CV_ENCR_AES_CBC, 16},       {CV_ENCR_AES_CBC, 24},
               {CV_ENCR_AES_CBC, 32},           {CV_ENCR_3DES, 24},          {CV_ENCR_NULL, 0}};
static const struct {
    uint16_t integ;
    uint8_t key;
} macs[] = {{CV_INTEG_HMAC_MD5_96, 16},
            {CV_INTEG_HMAC_SHA1_96, 20},
            {CV_INTEG_HMAC_SHA2_256_128, 32},
            {CV_INTEG_HMAC_SHA2_384_192, 48},
            {CV_INTEG_HMAC_SHA2_512_256, 64}};

static bool is_aead(uint16_t encr)
{
    return encr == CV_ENCR_AES_GCM_16 || encr == CV_ENCR_NULL_AES_GMAC || encr == CV_ENCR_CHACHA20_POLY1305;
}

static void sa_make(struct cv_sa *sa, unsigned cipher, unsigned mac, unsigned outside)
{
    memset(sa, 0, sizeof *sa);
    sa->ref.spi = SPI;
    sa->proto = CV_PROTO_ESP;
    sa->mode = CV_MODE_TUNNEL;
    sa->encr = ciphers[cipher].encr;
    sa->encr_key_len = ciphers[cipher].key;
    sa->salt_len = is_aead(sa->encr) ? CV_SALT_MAX : 0;
    sa->integ = is_aead(sa->encr) ? 0 : macs[mac].integ;
    sa->integ_key_len = is_aead(sa->encr) ? 0 : macs[mac].key;
    for (unsigned i = 0; i < sizeof sa->encr_key; i++)
        sa->encr_key[i] = (uint8_t)(0x11 + 5 * i);
    for (unsigned i = 0; i < sizeof sa->integ_key; i++)
        sa->integ_key[i] = (uint8_t)(0x77 + 3 * i);
    memset(sa->salt, 0xa5, sa->salt_len);
    sa->replay_window = 64;
    sa->flags = outside == LONG_NUMBERS_V6 ? CV_SA_ESN : outside == BEHIND_NAT ? CV_SA_NATT : 0;
    sa->local.addr.family = sa->remote.addr.family = outside == LONG_NUMBERS_V6 ? IP_V6 : IP_V4;
    sa->local.addr.b[0] = sa->remote.addr.b[0] = outside == LONG_NUMBERS_V6 ? 0x20 : 192;
    sa->local.addr.b[3] = 1;
    sa->remote.addr.b[3] = 2;
    sa->local.port = sa->remote.port = outside == BEHIND_NAT ? NATT : 0;
}

static cv_result ends_open(const struct trial *t, struct cv_sa *sa, enum cv_dir dir, struct ends *e)
{
    memset(e, 0, sizeof *e);
    e->v6 = sa->local.addr.family == IP_V6;
    e->natt = sa->flags & CV_SA_NATT;
    e->outer = (e->v6 ? CDEV_V6_LEN : CDEV_V4_LEN) + (e->natt ? CDEV_UDP_LEN : 0);
    sa->ref.dir = (uint8_t)dir;
    CV_TRY(t->engine->session_new(sa, -1, &e->device, &e->info));
    sa->ref.dir = dir == CV_DIR_OUT ? CV_DIR_IN : CV_DIR_OUT;
    const cv_result r = eng_auto.session_new(sa, -1, &e->soft, &e->soft_info);
    if (r != CV_OK)
        t->engine->session_free(e->device);
    return r;
}

static void ends_close(const struct trial *t, struct ends *e)
{
    t->engine->session_free(e->device);
    eng_auto.session_free(e->soft);
}

/* ---- packets --------------------------------------------------------------------------------------------------------- */
static void inner_make(uint8_t *p)
{
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)p;
    for (unsigned i = 0; i < INNER; i++)
        p[i] = (uint8_t)(i * 7);
    *ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                .total_length = RTE_BE16(INNER),
                                .time_to_live = 64,
                                .next_proto_id = 253, /* for experiments (RFC 3692) */
                                .src_addr = RTE_BE32(0x0a000001),
                                .dst_addr = RTE_BE32(0x0a000002)};
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* The device gives it back, or fails: it is watched as in traffic. */
static bool pass(const struct trial *t, const struct ends *e, struct eng_job *job)
{
    job->form = ENG_ESP;
    if (e->info.submit(t->w, e->device, job, 1) != 1)
        return false;
    while (t->engine->poll(t->w, job, 1) == 0)
        ;
    return job->op.ok && job->form == ENG_WHOLE;
}

static void outer_write(const struct ends *e, uint8_t *p, unsigned total)
{
    const uint16_t udp[4] = {RTE_BE16(NATT), RTE_BE16(NATT),
                             rte_cpu_to_be_16((uint16_t)(total - e->outer + CDEV_UDP_LEN)), 0};
    memset(p, 0, e->outer);
    if (e->v6) {
        const uint16_t len = rte_cpu_to_be_16((uint16_t)(total - CDEV_V6_LEN));
        p[0] = 0x60;
        memcpy(p + 4, &len, sizeof len);
        p[6] = e->natt ? CDEV_PROTO_UDP : CDEV_PROTO_ESP;
        p[7] = 64;
        p[8] = p[24] = 0x20;
        p[11] = 2;
        p[27] = 1;
    } else {
        struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(void *)p;
        *ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                    .total_length = rte_cpu_to_be_16((uint16_t)total),
                                    .time_to_live = 64,
                                    .next_proto_id = e->natt ? CDEV_PROTO_UDP : CDEV_PROTO_ESP,
                                    .src_addr = RTE_BE32(0xc0000002),
                                    .dst_addr = RTE_BE32(0xc0000001)};
        ip->hdr_checksum = rte_ipv4_cksum(ip);
    }
    if (e->natt)
        memcpy(p + e->outer - CDEV_UDP_LEN, udp, sizeof udp);
}

/* Sealed by software, as a peer does it. */
static bool seal(const struct trial *t, const struct ends *e, uint32_t seq, uint8_t next, struct rte_mbuf *m,
                 struct eng_job *job)
{
    const unsigned block = RTE_MAX(e->soft_info.block, 4u), pad = -(INNER + 2u) & (block - 1),
                   data = INNER + pad + 2,
                   total = e->outer + CDEV_ESP_HDR + e->soft_info.iv_len + data + e->soft_info.icv_len;
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)total), *esp = p + e->outer,
            *text = esp + CDEV_ESP_HDR + e->soft_info.iv_len;
    const uint32_t words[2] = {RTE_BE32(SPI), rte_cpu_to_be_32(seq)};
    outer_write(e, p, total);
    memcpy(esp, words, sizeof words);
    memset(text, 0, data);
    if (next != NEXT_NONE) /* a dummy says nothing */
        memcpy(text, t->inner, INNER);
    for (unsigned i = 0; i < pad; i++)
        text[INNER + i] = (uint8_t)(i + 1);
    text[data - 2] = (uint8_t)pad;
    text[data - 1] = next;
    struct eng_op op = {.esp = esp, .data_len = data, .iv = seq};
    e->soft_info.burst(t->soft, e->soft, &op, 1);
    *job = (struct eng_job){.op = op, .m = m, .seq = seq, .dir = CV_DIR_IN};
    job->op.ok = false;
    return op.ok;
}

/* ---- going out --------------------------------------------------------------------------------------------------------- */
static const char *text_check(const struct trial *t, const uint8_t *text, unsigned len)
{
    const unsigned pad = text[len - 2];
    if (text[len - 1] != NEXT_V4 || pad + INNER + 2 != len)
        return "its trailer is wrong";
    for (unsigned i = 0; i < pad; i++)
        if (text[INNER + i] != i + 1) /* RFC 4303 2.4 */
            return "its padding is wrong";
    return memcmp(text, t->inner, INNER) ? "it sends another packet than it was given" : NULL;
}

static const char *out_packet(const struct trial *t, const struct ends *e, uint32_t seq, struct rte_mbuf *m,
                              uint8_t iv[IV_MAX])
{
    struct eng_job job = {.m = m, .dir = CV_DIR_OUT};
    memcpy(rte_pktmbuf_append(m, INNER), t->inner, INNER);
    job.op = (struct eng_op){.esp = rte_pktmbuf_mtod(m, uint8_t *), .data_len = INNER, .iv = seq};
    if (!pass(t, e, &job))
        return "it does not encrypt";
    uint8_t *esp = rte_pktmbuf_mtod_offset(m, uint8_t *, e->outer);
    const unsigned iv_len = e->soft_info.iv_len,
                   around = e->outer + CDEV_ESP_HDR + iv_len + e->soft_info.icv_len;
    const uint32_t words[2] = {RTE_BE32(SPI), rte_cpu_to_be_32(seq)};
    if (m->data_len < around + INNER + 2 || memcmp(esp, words, sizeof words) != 0)
        return "its number or its length is wrong";
    memcpy(iv, esp + CDEV_ESP_HDR, iv_len);
    struct eng_op op = {.esp = esp, .data_len = m->data_len - around};
    if (op.data_len % RTE_MAX(e->soft_info.block, 4u))
        return "its padding is wrong";
    e->soft_info.burst(t->soft, e->soft, &op, 1);
    return op.ok ? text_check(t, esp + CDEV_ESP_HDR + iv_len, op.data_len)
                 : "what it encrypts does not verify";
}

static const char *try_out(struct trial *t, const struct ends *e)
{
    uint8_t ivs[PACKETS][IV_MAX] = {{0}};
    const char *step = NULL;
    for (uint32_t i = 0; i < PACKETS && !step; i++) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);
        step = m ? out_packet(t, e, i + 1, m, ivs[i]) : "no memory";
        rte_pktmbuf_free(m);
    }
    if (!step && e->soft_info.iv_len && memcmp(ivs[0], ivs[1], e->soft_info.iv_len) == 0)
        step = "it uses an IV twice";
    return step;
}

/* ---- coming in --------------------------------------------------------------------------------------------------------- */
/* What the device makes of one packet; status: in its own words. */
static bool opened(const struct trial *t, const struct ends *e, uint32_t seq, uint8_t next, bool forged,
                   struct eng_job *job, uint8_t *status)
{
    job->m = rte_pktmbuf_alloc(t->pool);
    if (!job->m || !seal(t, e, seq, next, job->m, job))
        return false;
    *rte_pktmbuf_mtod_offset(job->m, uint8_t *, job->m->data_len - 1) ^= forged;
    const bool ok = pass(t, e, job);
    *status = cdev_last_status(t->w);
    return ok;
}

static const char *try_in(struct trial *t, const struct ends *e)
{
    enum { GOOD, FORGED, FORGED_DUMMY, DUMMY, KINDS };
    struct eng_job job[KINDS] = {{.m = NULL}};
    uint8_t said[KINDS];
    bool ok[KINDS];
    for (unsigned i = 0; i < KINDS; i++)
        ok[i] = opened(t, e, i + 1, i < FORGED_DUMMY ? NEXT_V4 : NEXT_NONE, i == FORGED || i == FORGED_DUMMY,
                       &job[i], &said[i]);
    const char *step = NULL;
    if (!ok[GOOD] || job[GOOD].m->data_len != INNER ||
        memcmp(rte_pktmbuf_mtod(job[GOOD].m, uint8_t *), t->inner, INNER) != 0)
        step = "it does not decrypt";
    else if (ok[FORGED] || ok[FORGED_DUMMY])
        step = "it takes a forged packet";
    else if (!t->dummies_known) {
        cdev_proto_dummies(ok[DUMMY] ? (uint8_t)RTE_CRYPTO_OP_STATUS_SUCCESS : said[DUMMY],
                           said[DUMMY] != said[FORGED] && said[DUMMY] != said[FORGED_DUMMY]);
        t->dummies_known = true;
    }
    for (unsigned i = 0; i < KINDS; i++)
        rte_pktmbuf_free(job[i].m);
    return step;
}

/* ---- all of it --------------------------------------------------------------------------------------------------------- */
static cv_result try_sa(struct trial *t, struct cv_sa *sa, enum cv_dir dir, const char **step)
{
    struct ends e;
    CV_TRY(ends_open(t, sa, dir, &e));
    *step = !e.info.aside       ? NULL
            : dir == CV_DIR_OUT ? try_out(t, &e)
                                : try_in(t, &e); /* else the device does not say it does */
    ends_close(t, &e);
    return *step ? CV_ECRYPTO : CV_OK;
}

static cv_result try_all(struct trial *t, char *err, size_t err_len)
{
    cv_result r = CV_OK;
    for (unsigned c = 0; c < RTE_DIM(ciphers) * RTE_DIM(macs) * OUTSIDES * 2 && r == CV_OK; c++) {
        const unsigned mac = c / 2 / OUTSIDES % RTE_DIM(macs), cipher = c / 2 / OUTSIDES / RTE_DIM(macs);
        const enum cv_dir dir = c % 2 ? CV_DIR_IN : CV_DIR_OUT;
        const char *step = NULL;
        struct cv_sa sa;
        sa_make(&sa, cipher, mac, c / 2 % OUTSIDES);
        if ((is_aead(sa.encr) && mac > 0) || !t->engine->supports(sa.encr, sa.encr_key_len, sa.integ))
            continue;
        r = try_sa(t, &sa, dir, &step);
        if (r != CV_OK)
            snprintf(err, err_len, "ESP as a whole, encr %u with %u-octet key, integ %u%s, %s: %s", sa.encr,
                     sa.encr_key_len, sa.integ, sa.flags & CV_SA_ESN ? ", ESN" : "",
                     dir == CV_DIR_OUT ? "out" : "in", step ? step : cv_result_text(r));
        secret_wipe(&sa, sizeof sa);
    }
    return r;
}

cv_result cdev_try_whole(const struct eng_ops *engine, char *err, size_t err_len)
{
    struct trial t = {.engine = engine};
    inner_make(t.inner);
    cdev_proto_dummies(RTE_CRYPTO_OP_STATUS_SUCCESS, true);
    t.pool = rte_pktmbuf_pool_create("cdev_try", 15, 0, 0, ROOM, SOCKET_ID_ANY);
    if (!t.pool)
        return CV_ENOMEM;
    cv_result r = engine->worker_new(-1, &t.w);
    if (r == CV_OK)
        r = eng_auto.worker_new(-1, &t.soft);
    if (r == CV_OK)
        r = try_all(&t, err, err_len);
    if (t.soft)
        eng_auto.worker_free(t.soft);
    if (t.w)
        engine->worker_free(t.w);
    rte_mempool_free(t.pool);
    return r;
}
