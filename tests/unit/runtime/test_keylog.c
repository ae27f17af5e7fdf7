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

static void an_esp_line_is_a_row_of_wiresharks_table_behind_a_mark(void)
{
    struct cv_sa sa;
    char text[512];
    memset(&sa, 0, sizeof sa);
    sa.ref = (struct cv_sa_ref){.dir = CV_DIR_IN, .spi = 0x11223344};
    CU_ASSERT(ip_addr_parse("192.0.2.1", &sa.local.addr) && ip_addr_parse("192.0.2.2", &sa.remote.addr));
    sa.encr = CV_ENCR_AES_GCM_16;
    sa.encr_key_len = 2;
    sa.salt_len = 4;
    memcpy(sa.encr_key, "\xaa\xbb", 2);
    memcpy(sa.salt, "\x01\x02\x03\x04", 4);
    CU_ASSERT_EQUAL(rt_keylog_esp(&sa, text, sizeof text), CV_OK);
    CU_ASSERT_STRING_EQUAL(text,
                           "# esp_sa \"IPv4\",\"192.0.2.2\",\"192.0.2.1\",\"0x11223344\",\"AES-GCM with 16 "
                           "octet ICV [RFC4106]\",\"0xaabb01020304\",\"NULL\",\"\"\n");
    for (size_t n = 0; n < strlen(text); n++)
        CU_ASSERT_EQUAL(rt_keylog_esp(&sa, text, n), CV_ENOSPC);
    sa.encr = CV_ENCR_CHACHA20_POLY1305;
    CU_ASSERT_EQUAL(rt_keylog_esp(&sa, text, sizeof text), CV_EUNSUP);
}

static void an_IKEv1_line_is_cookie_and_key_behind_a_mark(void)
{
    static const uint8_t cookie[8] = {1, 2, 3, 4, 5, 6, 7, 0xff}, key[3] = {0xaa, 0xbb, 0x0c};
    static const char want[] = "# ikev1_decryption_table 01020304050607ff,aabb0c\n";
    char text[128];
    CU_ASSERT_EQUAL(rt_keylog_ike1(cookie, (struct slice){key, sizeof key}, text, sizeof text), CV_OK);
    CU_ASSERT_STRING_EQUAL(text, want);
    for (size_t n = 0; n < sizeof want; n++)
        CU_ASSERT_EQUAL(rt_keylog_ike1(cookie, (struct slice){key, sizeof key}, text, n), CV_ENOSPC);
}

UNIT_MAIN("runtime keylog", UNIT_TEST(an_IKEv1_line_is_cookie_and_key_behind_a_mark),
          UNIT_TEST(an_esp_line_is_a_row_of_wiresharks_table_behind_a_mark),
          UNIT_TEST(cbc_line_has_all_four_keys), UNIT_TEST(aead_line_has_salted_keys_and_no_integrity_keys),
          UNIT_TEST(what_wireshark_cannot_decrypt_is_refused), UNIT_TEST(short_buffers_fail_at_every_length))
