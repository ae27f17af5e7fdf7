/* run_forms: what the SAs of test_run.c are like, pass by pass. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_FORMS_H
#define TESTS_UNIT_DATAPLANE_RUN_FORMS_H

#include "tests/unit/dataplane/manager.h"

/* What the SAs are like in each pass of the comparison. */
struct form {
    uint32_t flags, window;
    uint64_t seq, hard_packets, soft_packets;
    uint16_t encr;
    bool outer6, narrow, no_runs;
    uint8_t df, tcp_mss;
    uint8_t key_len; /* 0: 16 */
    bool jumbo;
};
static const struct form forms[] = {
    {.window = 64, .encr = CV_ENCR_AES_GCM_16},
    {.window = 1024, .encr = CV_ENCR_AES_GCM_16, .flags = CV_SA_ESN, .seq = UINT32_MAX - 4000},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .narrow = true, .outer6 = true},
    {.window = 128, .encr = CV_ENCR_AES_GCM_16, .hard_packets = 9000, .soft_packets = 1500, .df = CV_DF_SET},
    {.window = 64, .encr = CV_ENCR_AES_CBC, .flags = CV_SA_NO_REPLAY | CV_SA_ECN_DROP},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .flags = CV_SA_NATT},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .tcp_mss = 1, .no_runs = true},
};

/* The other transforms that go in runs, with what else a run's headers may be like. */
static const struct form others[] = {
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .key_len = 24, .df = CV_DF_CLEAR},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .key_len = 32, .outer6 = true, .df = CV_DF_CLEAR},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .key_len = 32, .flags = CV_SA_NATT, .df = CV_DF_SET},
    {.window = 1024, .encr = CV_ENCR_NULL_AES_GMAC, .flags = CV_SA_ESN, .seq = UINT32_MAX - 4000},
    {.window = 64, .encr = CV_ENCR_NULL_AES_GMAC, .key_len = 24, .flags = CV_SA_NATT, .df = CV_DF_CLEAR},
    {.window = 64, .encr = CV_ENCR_NULL_AES_GMAC, .key_len = 32, .outer6 = true},
    {.window = 64, .encr = CV_ENCR_CHACHA20_POLY1305, .key_len = 32, .df = CV_DF_CLEAR},
    {.window = 1024,
     .encr = CV_ENCR_CHACHA20_POLY1305,
     .key_len = 32,
     .flags = CV_SA_ESN,
     .seq = UINT32_MAX - 4000},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .jumbo = true},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .key_len = 24, .flags = CV_SA_NATT, .jumbo = true},
    {.window = 1024,
     .encr = CV_ENCR_AES_GCM_16,
     .key_len = 32,
     .flags = CV_SA_ESN,
     .seq = UINT32_MAX - 4000,
     .outer6 = true,
     .jumbo = true},
    {.window = 64, .encr = CV_ENCR_NULL_AES_GMAC, .key_len = 32, .jumbo = true, .df = CV_DF_CLEAR},
    {.window = 64, .encr = CV_ENCR_CHACHA20_POLY1305, .key_len = 32, .outer6 = true, .jumbo = true},
};

static bool is_aead(const struct form *f)
{
    return f->encr == CV_ENCR_AES_GCM_16 || f->encr == CV_ENCR_NULL_AES_GMAC ||
           f->encr == CV_ENCR_CHACHA20_POLY1305;
}

static struct cv_sa sa_of(const struct form *f, enum cv_dir dir, uint32_t slot, uint32_t if_id)
{
    struct cv_sa sa = mgr_sa(dir, slot, if_id);
    sa.flags = f->flags;
    sa.seq = f->seq;
    sa.encr = f->encr;
    sa.replay_window = f->window;
    sa.hard_packets = f->hard_packets;
    sa.soft_packets = f->soft_packets;
    sa.df = f->df;
    memset(sa.encr_key, (int)slot, sizeof sa.encr_key);
    if (f->key_len)
        sa.encr_key_len = f->key_len;
    if (!is_aead(f)) {
        sa.encr_key_len = f->encr == CV_ENCR_3DES ? 24 : f->encr == CV_ENCR_NULL ? 0 : sa.encr_key_len;
        sa.salt_len = 0;
        sa.integ = CV_INTEG_HMAC_SHA2_256_128;
        sa.integ_key_len = 32;
    }
    if (f->flags & CV_SA_NATT)
        sa.local.port = sa.remote.port = 4500;
    if (f->narrow) {
        struct ip_prefix near, beyond;
        CU_ASSERT_TRUE_FATAL(ip_prefix_parse("192.168.1.0/24", &near) &&
                             ip_prefix_parse("10.20.1.0/24", &beyond));
        sa.ts_local[0] = ts_from_prefix(&near, 0, 0, 65535);
        sa.ts_remote[0] = ts_from_prefix(&beyond, 0, 0, 65535);
    }
    return sa;
}

static struct cv_sa sa_ends(struct cv_sa sa, bool outer6)
{
    if (outer6) {
        sa.local.addr = mgr_addr("2001:db8::1");
        sa.remote.addr = mgr_addr("2001:db8:9::9");
    }
    return sa;
}

#endif
