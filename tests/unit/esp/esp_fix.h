/* esp_fix: SAs, packets and a worker for the unit tests of esp. */
#ifndef TESTS_UNIT_ESP_ESP_FIX_H
#define TESTS_UNIT_ESP_ESP_FIX_H

#include "dataplane/dp_meta.h"
#include "dataplane/esp/esp.h"
#include "tests/unit/engine/fix_engine.h"
#include "tests/unit/esp/eal.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdlib.h>
#include <string.h>

enum { FIX_EVENTS = 32, FIX_WORKERS = 2, FIX_SPI = 0x00abcdef, FIX_IF = 7 };

struct fix_transform {
    const char *name;
    uint16_t encr;
    uint8_t key_len;
    uint16_t integ;
    uint8_t integ_len;
};
/* All that the engines have; test_sweep.c holds that. */
static const struct fix_transform fix_transforms[] = {
    {"aes-gcm-128", CV_ENCR_AES_GCM_16, 16, 0, 0},
    {"aes-gcm-192", CV_ENCR_AES_GCM_16, 24, 0, 0},
    {"aes-gcm-256", CV_ENCR_AES_GCM_16, 32, 0, 0},
    {"aes-gmac-128", CV_ENCR_NULL_AES_GMAC, 16, 0, 0},
    {"aes-gmac-192", CV_ENCR_NULL_AES_GMAC, 24, 0, 0},
    {"aes-gmac-256", CV_ENCR_NULL_AES_GMAC, 32, 0, 0},
    {"chacha20-poly1305", CV_ENCR_CHACHA20_POLY1305, 32, 0, 0},
    {"aes-cbc-128 md5", CV_ENCR_AES_CBC, 16, CV_INTEG_HMAC_MD5_96, 16},
    {"aes-cbc-192 md5", CV_ENCR_AES_CBC, 24, CV_INTEG_HMAC_MD5_96, 16},
    {"aes-cbc-256 md5", CV_ENCR_AES_CBC, 32, CV_INTEG_HMAC_MD5_96, 16},
    {"aes-cbc-128 sha1", CV_ENCR_AES_CBC, 16, CV_INTEG_HMAC_SHA1_96, 20},
    {"aes-cbc-192 sha1", CV_ENCR_AES_CBC, 24, CV_INTEG_HMAC_SHA1_96, 20},
    {"aes-cbc-256 sha1", CV_ENCR_AES_CBC, 32, CV_INTEG_HMAC_SHA1_96, 20},
    {"aes-cbc-128 sha256", CV_ENCR_AES_CBC, 16, CV_INTEG_HMAC_SHA2_256_128, 32},
    {"aes-cbc-192 sha256", CV_ENCR_AES_CBC, 24, CV_INTEG_HMAC_SHA2_256_128, 32},
    {"aes-cbc-256 sha256", CV_ENCR_AES_CBC, 32, CV_INTEG_HMAC_SHA2_256_128, 32},
    {"aes-cbc-128 sha384", CV_ENCR_AES_CBC, 16, CV_INTEG_HMAC_SHA2_384_192, 48},
    {"aes-cbc-192 sha384", CV_ENCR_AES_CBC, 24, CV_INTEG_HMAC_SHA2_384_192, 48},
    {"aes-cbc-256 sha384", CV_ENCR_AES_CBC, 32, CV_INTEG_HMAC_SHA2_384_192, 48},
    {"aes-cbc-128 sha512", CV_ENCR_AES_CBC, 16, CV_INTEG_HMAC_SHA2_512_256, 64},
    {"aes-cbc-192 sha512", CV_ENCR_AES_CBC, 24, CV_INTEG_HMAC_SHA2_512_256, 64},
    {"aes-cbc-256 sha512", CV_ENCR_AES_CBC, 32, CV_INTEG_HMAC_SHA2_512_256, 64},
    {"3des md5", CV_ENCR_3DES, 24, CV_INTEG_HMAC_MD5_96, 16},
    {"3des sha1", CV_ENCR_3DES, 24, CV_INTEG_HMAC_SHA1_96, 20},
    {"3des sha256", CV_ENCR_3DES, 24, CV_INTEG_HMAC_SHA2_256_128, 32},
    {"3des sha384", CV_ENCR_3DES, 24, CV_INTEG_HMAC_SHA2_384_192, 48},
    {"3des sha512", CV_ENCR_3DES, 24, CV_INTEG_HMAC_SHA2_512_256, 64},
    {"null md5", CV_ENCR_NULL, 0, CV_INTEG_HMAC_MD5_96, 16},
    {"null sha1", CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA1_96, 20},
    {"null sha256", CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA2_256_128, 32},
    {"null sha384", CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA2_384_192, 48},
    {"null sha512", CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA2_512_256, 64},
};
enum {
    FIX_TRANSFORMS = sizeof fix_transforms / sizeof fix_transforms[0],
    FIX_GCM = 0,
    FIX_GMAC = 3,
    FIX_CHACHA = 6,
    FIX_CBC_SHA1 = 10,
    FIX_CBC_SHA256 = 13,
    FIX_3DES_SHA1 = 23,
    FIX_NULL_MD5 = 27, /* the first of those that AH has, too */
    FIX_NULL_SHA1 = 28,
};

/* Both ends of one SA, and what its worker said. */
struct fix {
    struct rte_mempool *pool;
    struct esp_worker w;
    struct esp_out_sa *out;
    struct esp_in_sa *in;
    struct cv_sa_counters out_counters[FIX_WORKERS], in_counters;
    struct cv_evt events[FIX_EVENTS];
    unsigned event_count;
    bool away; /* nobody takes events */
    unsigned refused;
};

static struct rte_mempool *fix_pool;

static inline bool fix_event(void *ctx, const struct cv_evt *e)
{
    struct fix *f = ctx;
    if (f->away) {
        f->refused++;
        return false;
    }
    if (f->event_count < FIX_EVENTS)
        f->events[f->event_count++] = *e;
    return true;
}

static inline unsigned fix_events_of(const struct fix *f, enum cv_evt_type type)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->event_count; i++)
        n += f->events[i].type == type;
    return n;
}

/* An outbound SA that takes everything; change what the test is about. */
static inline struct cv_sa fix_sa(unsigned transform, int outer, uint32_t flags)
{
    const struct fix_transform *t = &fix_transforms[transform];
    struct cv_sa sa;
    memset(&sa, 0, sizeof sa);
    sa.ref.dir = CV_DIR_OUT;
    sa.ref.spi = FIX_SPI;
    sa.ref.sa_id = 3;
    sa.cookie = 0x1122;
    sa.if_id = FIX_IF;
    sa.flags = flags;
    sa.encr = t->encr;
    sa.encr_key_len = t->key_len;
    sa.integ = t->integ;
    sa.integ_key_len = t->integ_len;
    sa.salt_len = t->integ ? 0 : 4;
    sa.replay_window = 64;
    sa.vrf_outer = 5;
    for (unsigned i = 0; i < 32; i++)
        sa.encr_key[i] = (uint8_t)(i * 3 + 1);
    for (unsigned i = 0; i < 64; i++)
        sa.integ_key[i] = (uint8_t)(i * 5 + 2);
    memcpy(sa.salt, "salt", 4);
    sa.local.port = sa.remote.port = flags & CV_SA_NATT ? 4500 : 0;
    bool ok =
        outer == IP_V4
            ? ip_addr_parse("192.0.2.1", &sa.local.addr) && ip_addr_parse("192.0.2.2", &sa.remote.addr)
            : ip_addr_parse("2001:db8::1", &sa.local.addr) && ip_addr_parse("2001:db8::2", &sa.remote.addr);
    if (!ok)
        abort();
    sa.ts_count = 2;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    sa.ts_local[1] = sa.ts_remote[1] = ts_any(IP_V6);
    return sa;
}

/* The other end's view of the same SA. */
static inline struct cv_sa fix_reverse(const struct cv_sa *out)
{
    struct cv_sa in = *out;
    in.ref.dir = CV_DIR_IN;
    in.local = out->remote;
    in.remote = out->local;
    memcpy(in.ts_local, out->ts_remote, sizeof in.ts_local);
    memcpy(in.ts_remote, out->ts_local, sizeof in.ts_remote);
    return in;
}

static inline void fix_open2(struct fix *f, const struct cv_sa *out, const struct cv_sa *in)
{
    memset(f, 0, sizeof *f);
    if (!fix_pool)
        fix_pool =
            rte_pktmbuf_pool_create("fix", 2047, 0, sizeof(struct dp_meta), RTE_MBUF_DEFAULT_BUF_SIZE, -1);
    f->pool = fix_pool;
    const struct eng_ops *e = fix_engine();
    if (!f->pool || esp_worker_init(&f->w, e, 0, -1) != CV_OK ||
        esp_out_sa_new(out, e, -1, f->out_counters, &f->out) != CV_OK ||
        esp_in_sa_new(in, e, -1, &f->in_counters, &f->in) != CV_OK)
        abort();
    f->w.event = fix_event;
    f->w.event_ctx = f;
    f->w.now_tsc = 12345;
}
static inline void fix_open(struct fix *f, const struct cv_sa *out)
{
    struct cv_sa in = fix_reverse(out);
    fix_open2(f, out, &in);
}
static inline void fix_close(struct fix *f)
{
    esp_out_sa_free(f->out);
    esp_in_sa_free(f->in);
    esp_worker_fini(&f->w);
}

static inline uint16_t fix_sum(const uint8_t *p, unsigned n)
{
    uint32_t s = 0;
    for (unsigned i = 0; i + 1 < n; i += 2)
        s += (uint32_t)(p[i] << 8 | p[i + 1]);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

/* An inner UDP packet of `len` octets from the local side's net to the remote one's: 10.1.0.1 -> 10.2.0.2 or
 * fd01::1 -> fd02::2, ports 1000 -> 2000. */
static inline struct rte_mbuf *fix_inner(struct fix *f, int family, unsigned len, uint8_t tos)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
    if (!m)
        abort();
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
    for (unsigned i = 0; i < len; i++)
        p[i] = (uint8_t)(i * 11 + 3);
    unsigned l4;
    if (family == IP_V4) {
        static const uint8_t head[20] = {0x45, 0, 0, 0, 0, 1, 0, 0, 63, 17, 0, 0, 10, 1, 0, 1, 10, 2, 0, 2};
        memcpy(p, head, sizeof head);
        p[1] = tos;
        p[2] = (uint8_t)(len >> 8);
        p[3] = (uint8_t)len;
        uint16_t c = fix_sum(p, 20);
        p[10] = (uint8_t)(c >> 8);
        p[11] = (uint8_t)c;
        l4 = 20;
    } else {
        memset(p, 0, 40);
        p[0] = (uint8_t)(0x60 | tos >> 4);
        p[1] = (uint8_t)(tos << 4);
        p[4] = (uint8_t)((len - 40) >> 8);
        p[5] = (uint8_t)(len - 40);
        p[6] = 17;
        p[7] = 63;
        p[8] = p[24] = 0xfd;
        p[9] = 1;
        p[25] = 2;
        p[23] = 1;
        p[39] = 2;
        l4 = 40;
    }
    if (len >= l4 + 4) {
        p[l4] = 1000 >> 8;
        p[l4 + 1] = (uint8_t)1000;
        p[l4 + 2] = 2000 >> 8;
        p[l4 + 3] = (uint8_t)2000;
    }
    dp_meta(m)->family = (uint8_t)family;
    dp_meta(m)->local_out = 0;
    return m;
}

/* One packet out; what the wire carries is then in m. */
static inline enum cv_drop fix_out(struct fix *f, struct rte_mbuf *m)
{
    struct rte_mbuf *pkts[1] = {m};
    struct esp_out_sa *sas[1] = {f->out};
    if (esp_out_burst(&f->w, pkts, sas, 1))
        return CV_DROP_NONE;
    CU_ASSERT_EQUAL(dp_meta(pkts[0])->if_out, esp_out_sa_conf(f->out)->if_id); /* whose it was */
    return (enum cv_drop)dp_meta(m)->drop;
}

/* One packet in, classified as the worker would. */
static inline void fix_classify(struct rte_mbuf *m)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    struct dp_meta *meta = dp_meta(m);
    bool v4 = p[0] >> 4 == 4;
    meta->family = v4 ? IP_V4 : IP_V6;
    meta->l3_len = v4 ? 20 : 40;
    meta->udp_encap = (v4 ? p[9] : p[6]) == 17;
}
static inline enum cv_drop fix_in(struct fix *f, struct rte_mbuf *m)
{
    struct rte_mbuf *pkts[1] = {m};
    struct esp_in_sa *sas[1] = {f->in};
    fix_classify(m);
    return esp_in_burst(&f->w, pkts, sas, 1) ? CV_DROP_NONE : (enum cv_drop)dp_meta(m)->drop;
}

static inline struct rte_mbuf *fix_copy(struct fix *f, const struct rte_mbuf *m)
{
    struct rte_mbuf *c = rte_pktmbuf_alloc(f->pool);
    if (!c)
        abort();
    memcpy(rte_pktmbuf_append(c, m->data_len), rte_pktmbuf_mtod(m, const void *), m->data_len);
    return c;
}

#endif
