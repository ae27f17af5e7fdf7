/* run_forms: what the SAs of test_run.c are like, pass by pass. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_FORMS_H
#define TESTS_UNIT_DATAPLANE_RUN_FORMS_H

#include "common/contract.h"

#include <stdbool.h>

/* What the SAs are like in each pass of the comparison. */
struct form {
    uint32_t flags, window;
    uint64_t seq, hard_packets, soft_packets;
    uint16_t encr;
    bool outer6, narrow, no_runs;
    bool inner6, in6; /* some of the packets inside are IPv6; the SA that comes in has ends of IPv6 */
    uint8_t df, tcp_mss;
    uint8_t key_len; /* 0: 16 */
    bool jumbo;
    uint16_t integ; /* of those that are not AEAD; 0: HMAC-SHA2-256 */
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
    {.window = 64, .encr = CV_ENCR_AES_CBC, .df = CV_DF_CLEAR},
    {.window = 1024, .encr = CV_ENCR_AES_CBC, .key_len = 32, .flags = CV_SA_ESN, .seq = UINT32_MAX - 4000},
    {.window = 64, .encr = CV_ENCR_AES_CBC, .key_len = 24, .outer6 = true, .narrow = true},
    {.window = 64, .encr = CV_ENCR_AES_CBC, .flags = CV_SA_NATT, .df = CV_DF_SET},
    {.window = 128, .encr = CV_ENCR_AES_CBC, .hard_packets = 9000, .soft_packets = 1500},
    {.window = 64, .encr = CV_ENCR_3DES},
    {.window = 64, .encr = CV_ENCR_NULL, .df = CV_DF_CLEAR},
    {.window = 1024, .encr = CV_ENCR_NULL, .flags = CV_SA_ESN, .seq = UINT32_MAX - 4000, .outer6 = true},
    {.window = 64, .encr = CV_ENCR_AES_CBC, .jumbo = true, .df = CV_DF_CLEAR},
    {.window = 64, .encr = CV_ENCR_NULL, .flags = CV_SA_NATT, .jumbo = true},
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

/* IPv6 inside, outside, or both: forms of test_run6.c. */
static const struct form forms6[] = {
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .inner6 = true},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .inner6 = true, .outer6 = true, .in6 = true},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .outer6 = true, .in6 = true, .narrow = true},
    {.window = 1024,
     .encr = CV_ENCR_AES_GCM_16,
     .key_len = 32,
     .flags = CV_SA_ESN,
     .seq = UINT32_MAX - 4000,
     .inner6 = true,
     .outer6 = true,
     .in6 = true,
     .narrow = true},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .inner6 = true, .narrow = true, .df = CV_DF_CLEAR},
    {.window = 64,
     .encr = CV_ENCR_AES_GCM_16,
     .inner6 = true,
     .in6 = true,
     .flags = CV_SA_ECN_DROP,
     .df = CV_DF_SET},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .inner6 = true, .flags = CV_SA_NATT, .df = CV_DF_SET},
    {.window = 64,
     .encr = CV_ENCR_AES_GCM_16,
     .inner6 = true,
     .outer6 = true,
     .in6 = true,
     .flags = CV_SA_NATT},
    {.window = 128,
     .encr = CV_ENCR_AES_GCM_16,
     .inner6 = true,
     .in6 = true,
     .hard_packets = 9000,
     .soft_packets = 1500},
    {.window = 64, .encr = CV_ENCR_NULL_AES_GMAC, .key_len = 24, .inner6 = true, .in6 = true},
    {.window = 64,
     .encr = CV_ENCR_CHACHA20_POLY1305,
     .key_len = 32,
     .inner6 = true,
     .outer6 = true,
     .in6 = true},
    {.window = 64, .encr = CV_ENCR_AES_CBC, .inner6 = true, .outer6 = true, .in6 = true},
    {.window = 64, .encr = CV_ENCR_NULL, .inner6 = true, .in6 = true, .flags = CV_SA_NO_REPLAY},
    {.window = 64, .encr = CV_ENCR_AES_GCM_16, .inner6 = true, .outer6 = true, .in6 = true, .jumbo = true},
};

/* ICVs of 12, 24 and 32 octets: forms of test_run_transforms.c. */
static const struct form hmacs[] = {
    {.window = 64, .encr = CV_ENCR_AES_CBC, .integ = CV_INTEG_HMAC_SHA1_96, .df = CV_DF_CLEAR},
    {.window = 1024,
     .encr = CV_ENCR_AES_CBC,
     .key_len = 32,
     .integ = CV_INTEG_HMAC_SHA2_384_192,
     .flags = CV_SA_ESN,
     .seq = UINT32_MAX - 4000},
    {.window = 64,
     .encr = CV_ENCR_AES_CBC,
     .key_len = 32,
     .integ = CV_INTEG_HMAC_SHA2_512_256,
     .outer6 = true,
     .jumbo = true},
    {.window = 64, .encr = CV_ENCR_3DES, .integ = CV_INTEG_HMAC_SHA2_512_256, .flags = CV_SA_NATT},
    {.window = 1024,
     .encr = CV_ENCR_NULL,
     .integ = CV_INTEG_HMAC_SHA1_96,
     .flags = CV_SA_ESN,
     .seq = UINT32_MAX - 4000},
};

static bool is_aead(const struct form *f)
{
    return f->encr == CV_ENCR_AES_GCM_16 || f->encr == CV_ENCR_NULL_AES_GMAC ||
           f->encr == CV_ENCR_CHACHA20_POLY1305;
}

static inline bool draws_ivs(const struct form *f)
{
    return f->encr == CV_ENCR_AES_CBC || f->encr == CV_ENCR_3DES;
}

#endif
