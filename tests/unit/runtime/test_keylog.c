/* The form is that of Wireshark's table ikev2_decryption_table; its names of algorithms are those of its packet-isakmp.c. */
#include "common/contract.h"
#include "control/runtime/rt_keylog.h"
#include "tests/unit/unit.h"

#include <string.h>

static const uint8_t spi_i[8] = {1, 2, 3, 4, 5, 6, 7, 8},
                     spi_r[8] = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8};

static void cbc_line_has_all_four_keys(void)
{
    uint8_t e[16], a[32];
    char out[512];
    memset(e, 0x11, sizeof e);
    memset(a, 0x22, sizeof a);
    struct rt_keylog_line k = {spi_i,   spi_r,   CV_ENCR_AES_CBC, 128,    CV_INTEG_HMAC_SHA2_256_128,
                               {e, 16}, {e, 16}, {a, 32},         {a, 32}};
    CU_ASSERT(rt_keylog_format(&k, out, sizeof out) == CV_OK);
    CU_ASSERT_STRING_EQUAL(
        out,
        "0102030405060708,a1a2a3a4a5a6a7a8,11111111111111111111111111111111,11111111111111111111111111111111,"
        "\"AES-CBC-128 [RFC3602]\",2222222222222222222222222222222222222222222222222222222222222222,"
        "2222222222222222222222222222222222222222222222222222222222222222,\"HMAC_SHA2_256_128 [RFC4868]\"\n");
}

static void aead_line_has_salted_keys_and_no_integrity_keys(void)
{
    uint8_t e[20];
    char out[512];
    memset(e, 0x33, sizeof e);
    struct rt_keylog_line k = {spi_i, spi_r, CV_ENCR_AES_GCM_16, 128, CV_INTEG_NONE, {e, 20}, {e, 20},
                               {0},   {0}};
    CU_ASSERT(rt_keylog_format(&k, out, sizeof out) == CV_OK);
    CU_ASSERT_STRING_EQUAL(
        out, "0102030405060708,a1a2a3a4a5a6a7a8,3333333333333333333333333333333333333333,"
             "3333333333333333333333333333333333333333,\"AES-GCM-128 with 16 octet ICV [RFC5282]\",,,"
             "\"NONE [RFC4306]\"\n");
}

static void what_wireshark_cannot_decrypt_is_refused(void)
{
    uint8_t e[36] = {0};
    char out[512];
    struct rt_keylog_line k = {spi_i, spi_r, CV_ENCR_CHACHA20_POLY1305, 256, CV_INTEG_NONE, {e, 36}, {e, 36},
                               {0},   {0}};
    CU_ASSERT(rt_keylog_format(&k, out, sizeof out) == CV_EUNSUP);
    k.encr = CV_ENCR_AES_CBC;
    k.key_bits = 100;
    CU_ASSERT(rt_keylog_format(&k, out, sizeof out) == CV_EUNSUP);
}

static void short_buffers_fail_at_every_length(void)
{
    uint8_t e[20] = {0};
    char out[512];
    struct rt_keylog_line k = {spi_i, spi_r, CV_ENCR_AES_GCM_16, 256, CV_INTEG_NONE, {e, 20}, {e, 20},
                               {0},   {0}};
    CU_ASSERT(rt_keylog_format(&k, out, sizeof out) == CV_OK);
    size_t need = strlen(out) + 1;
    for (size_t n = 0; n < need; n++)
        CU_ASSERT(rt_keylog_format(&k, out, n) == CV_ENOSPC);
    CU_ASSERT(rt_keylog_format(&k, out, need) == CV_OK);
}

UNIT_MAIN("runtime keylog", UNIT_TEST(cbc_line_has_all_four_keys),
          UNIT_TEST(aead_line_has_salted_keys_and_no_integrity_keys),
          UNIT_TEST(what_wireshark_cannot_decrypt_is_refused), UNIT_TEST(short_buffers_fail_at_every_length))
