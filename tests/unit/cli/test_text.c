#include "control/cli/cli_text.h"

#include "common/contract.h"
#include "control/cli/cli_decisions.h"
#include "control/cli/cli_mtu.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct ts ts_of(const char *prefix, uint8_t proto, uint16_t lo, uint16_t hi)
{
    struct ip_prefix p;
    CU_ASSERT_FATAL(ip_prefix_parse(prefix, &p));
    return ts_from_prefix(&p, proto, lo, hi);
}

static void times_look_as_in_ios(void)
{
    char t[CLI_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(cli_uptime(0, t), "00:00:00");
    CU_ASSERT_STRING_EQUAL(cli_uptime(3723, t), "01:02:03");
    CU_ASSERT_STRING_EQUAL(cli_uptime(86400 + 2 * 3600, t), "1d02h");
    CU_ASSERT_STRING_EQUAL(cli_uptime(9 * 86400, t), "1w2d");
    CU_ASSERT_STRING_EQUAL(cli_uptime(372 * 86400, t), "1y1w");
    CU_ASSERT_STRING_EQUAL(cli_time(1795225028000ull, t), "2026-11-21T01:37:08Z"); /* RFC 3339 */
}

static void transforms_have_their_ios_names(void)
{
    char t[CLI_TEXT_MAX];
    CU_ASSERT_STRING_EQUAL(cli_transform(CV_ENCR_AES_GCM_16, 256, 0, t), "esp-gcm 256");
    CU_ASSERT_STRING_EQUAL(cli_transform(CV_ENCR_AES_CBC, 128, CV_INTEG_HMAC_SHA1_96, t),
                           "esp-aes esp-sha-hmac");
    CU_ASSERT_STRING_EQUAL(cli_transform(CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA2_256_128, t),
                           "esp-256-aes esp-sha256-hmac");
    CU_ASSERT_STRING_EQUAL(cli_transform(CV_ENCR_3DES, 0, CV_INTEG_HMAC_MD5_96, t), "esp-3des esp-md5-hmac");
    CU_ASSERT_STRING_EQUAL(cli_transform(CV_ENCR_NULL, 0, CV_INTEG_HMAC_SHA2_512_256, t),
                           "esp-null esp-sha512-hmac");
    CU_ASSERT_STRING_EQUAL(cli_transform(CV_ENCR_CHACHA20_POLY1305, 256, 0, t), "esp-chacha20-poly1305");
    CU_ASSERT_STRING_EQUAL(cli_encr(CV_ENCR_AES_GCM_16), "AES-GCM");
    CU_ASSERT_STRING_EQUAL(cli_integ(0, CV_ENCR_AES_GCM_16), "None");
    CU_ASSERT_STRING_EQUAL(cli_integ(CV_INTEG_HMAC_SHA2_384_192, CV_ENCR_AES_CBC), "SHA384");
    CU_ASSERT_STRING_EQUAL(cli_prf(5), "SHA256"); /* RFC 7296 3.3.2, RFC 4868 */
    CU_ASSERT_STRING_EQUAL(cli_prf(200), "Unknown");
}

static void selectors_have_masks_protocol_and_port(void)
{
    char t[CLI_TEXT_MAX], f[2 * CLI_TEXT_MAX], m[IP_TEXT_MAX];
    struct ts any = ts_any(IP_V4), net = ts_of("10.1.0.0/16", 6, 443, 443),
              v6 = ts_of("2001:db8::/32", 0, 0, 65535);
    struct ts range = any;
    CU_ASSERT_STRING_EQUAL(cli_ident(&any, t), "0.0.0.0/0.0.0.0/0/0");
    CU_ASSERT_STRING_EQUAL(cli_ident(&net, t), "10.1.0.0/255.255.0.0/6/443");
    CU_ASSERT_STRING_EQUAL(cli_ident(&v6, t), "2001:db8::/32/0/0");
    CU_ASSERT_STRING_EQUAL(cli_flow(&any, &any, f), "permit ip 0.0.0.0/0.0.0.0 0.0.0.0/0.0.0.0");
    CU_ASSERT_STRING_EQUAL(cli_flow(&v6, &v6, f), "permit ipv6 2001:db8::/32 2001:db8::/32");
    CU_ASSERT_STRING_EQUAL(cli_flow(&net, &net, f),
                           "permit 6 10.1.0.0/255.255.0.0 port 443 10.1.0.0/255.255.0.0 port 443");
    memcpy(range.lo, "\x0a\x00\x00\x01", 4);
    memcpy(range.hi, "\x0a\x00\x00\x09", 4);
    CU_ASSERT_STRING_EQUAL(cli_ident(&range, t), "10.0.0.1-10.0.0.9/0/0");
    range.port_lo = 65535; /* OPAQUE, RFC 7296 3.13.1 */
    range.port_hi = 0;
    CU_ASSERT_STRING_EQUAL(cli_ident(&range, t), "10.0.0.1-10.0.0.9/0/opaque");
    CU_ASSERT_STRING_EQUAL(cli_mask(0, m), "0.0.0.0");
    CU_ASSERT_STRING_EQUAL(cli_mask(32, m), "255.255.255.255");
    CU_ASSERT_STRING_EQUAL(cli_mask(25, m), "255.255.255.128");
}

/* Figures that engineers know: 1438 of esp-aes in tunnel mode over Ethernet. */
static void RFC_4303_2_4_what_is_left_of_the_path_MTU(void)
{
    struct sam_child k = {.encr = CV_ENCR_AES_CBC, .integ = CV_INTEG_HMAC_SHA1_96};
    CU_ASSERT(ip_addr_parse("192.0.2.2", &k.remote.addr));
    CU_ASSERT_EQUAL(cli_mtu_plaintext(&k, 1500), 1438);
    k.transport =
        true; /* 20 of header outside are the packet's own: 1500 - 20 - 8 - 16 - 12 = 1444, 1440 in blocks */
    CU_ASSERT_EQUAL(cli_mtu_plaintext(&k, 1500), 1458);
    k = (struct sam_child){.encr = CV_ENCR_AES_GCM_16, .remote = k.remote};
    CU_ASSERT_EQUAL(cli_mtu_plaintext(&k, 1500), 1446);
    k.natt = true;
    CU_ASSERT_EQUAL(cli_mtu_plaintext(&k, 1500), 1438);
    CU_ASSERT_EQUAL(cli_mtu_plaintext(&k, 60), 0);
    CU_ASSERT(ip_addr_parse("2001:db8::2", &k.remote.addr));
    k.natt = false;
    CU_ASSERT_EQUAL(cli_mtu_plaintext(&k, 1500), 1426);
    k = (struct sam_child){.encr = CV_ENCR_3DES, .integ = CV_INTEG_HMAC_MD5_96, .remote = k.remote};
    CU_ASSERT(ip_addr_parse("192.0.2.2", &k.remote.addr));
    CU_ASSERT_EQUAL(cli_mtu_plaintext(&k, 1500), 1446);
}

static void decisions_keep_the_last_64_newest_first(void)
{
    static struct cli_decisions d;
    struct sel_trace t = {.rule = "KR-11"};
    CU_ASSERT(cli_decisions_get(&d, 0) == NULL);
    for (uint32_t i = 1; i <= 100; i++)
        cli_decisions_add(&d, i,
                          &(struct ike_decided){.about = {.conn_id = i}, .at = "IKE_AUTH", .trace = &t});
    CU_ASSERT_FATAL(cli_decisions_get(&d, 63) != NULL);
    CU_ASSERT(cli_decisions_get(&d, 0)->conn_id == 100 && cli_decisions_get(&d, 63)->conn_id == 37);
    CU_ASSERT(cli_decisions_get(&d, 64) == NULL);
}

UNIT_MAIN("cli text", UNIT_TEST(times_look_as_in_ios), UNIT_TEST(transforms_have_their_ios_names),
          UNIT_TEST(selectors_have_masks_protocol_and_port),
          UNIT_TEST(decisions_keep_the_last_64_newest_first),
          UNIT_TEST(RFC_4303_2_4_what_is_left_of_the_path_MTU))
