/* The Internet checksum (RFC 1071): whatever the length, the place in memory and the cut into pieces, the sum of the octets taken two by two;
 * and the wide sum is the narrow one, unfolded, to the bit. */
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_ttl.h"
#include "tests/unit/unit.h"

#include <stdio.h>

enum { OCTETS = 9000, ROUNDS = 20000 };

static uint64_t rng = UINT64_C(0x2545f4914f6cdd1d);
static uint32_t below(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % n;
}

/* As RFC 1071 1 has it, in network order. */
static uint16_t slow(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    const uint16_t s = (uint16_t)sum;
    return (uint16_t)(s << 8 | s >> 8);
}

/* Zero has two forms in one's complement: a sum of zeros alone is 0, any other is 0xffff, in both. */
static void random_messages_in_random_pieces(void)
{
    static uint8_t room[OCTETS + 64];
    unsigned bad = 0;
    for (unsigned i = 0; i < unit_rounds(ROUNDS); i++) {
        const uint32_t n = below(4) ? below(1600) : below(OCTETS + 1), at = below(64), kind = below(8);
        uint8_t *p = room + at;
        for (uint32_t k = 0; k < n; k++)
            p[k] = kind == 0 ? 0xff : kind == 1 ? 0 : (uint8_t)below(256);
        bad += ip_fold(ip_sum(p, n, 0)) != slow(p, n);
        uint64_t sum = 0;
        for (uint32_t done = 0, piece; done < n; done += piece) {
            piece = (below(700) + 1) * 2;
            if (piece > n - done)
                piece = n - done;
            sum = ip_sum(p + done, piece, sum);
        }
        bad += ip_fold(sum) != slow(p, n);
    }
    CU_ASSERT_EQUAL(bad, 0);
}

static void wide_is_narrow(void)
{
    static uint8_t p[OCTETS + 1];
    if (!ip_sum_is_wide()) {
        printf("not on this processor ");
        return;
    }
    for (unsigned i = 0; i < sizeof p; i++)
        p[i] = (uint8_t)below(256);
    for (size_t n = 0; n + 1 <= OCTETS; n += 64)
        CU_ASSERT_EQUAL(ip_sum_avx2(p + n % 2, n), ip_sum_plain(p + n % 2, n));
    memset(p, 0xff, sizeof p); /* as much as a lane can get */
    CU_ASSERT_EQUAL(ip_sum_avx2(p, 8960), UINT64_C(8960) / 4 * UINT32_MAX);
}

/* An octet more than the message is not read, nor are those before it. */
static void neighbours_have_no_say(void)
{
    uint8_t p[512];
    for (size_t n = 0; n < 400; n++) {
        memset(p, 0x5a, sizeof p);
        memset(p + 32, (int)n + 1, n);
        const uint64_t sum = ip_sum(p + 32, n, 7);
        memset(p, 0xa5, 32);
        memset(p + 32 + n, 0xa5, sizeof p - 32 - n);
        CU_ASSERT_EQUAL(ip_sum(p + 32, n, 7), sum);
    }
}

/* Octet for octet as one that is made anew, with every checksum there is: 0xfeff and 0x0100 are zero then, not 0xffff (RFC 1624 3), which routers
 * that sum up take as well, and those that compare do not. */
static void RFC_1624_a_lowered_TTL_has_the_checksum_that_is_made_anew(void)
{
    unsigned zero = 0, carried = 0;
    for (uint32_t rest = 0; rest < 0x10000; rest++) {
        for (unsigned ttl = 1; ttl < 256; ttl += rest % 16 == 0 ? 1 : 51) {
            uint8_t ip[20] = {0x45, 0, 0, 60, (uint8_t)(rest >> 8), (uint8_t)rest, 0, 0, (uint8_t)ttl, 17};
            uint8_t want[20];
            const uint16_t sum = (uint16_t)~slow(ip, sizeof ip);
            memcpy(ip + 10, &sum, sizeof sum);
            memcpy(want, ip, sizeof want);
            want[8]--;
            want[10] = want[11] = 0;
            const uint16_t anew = (uint16_t)~slow(want, sizeof want);
            memcpy(want + 10, &anew, sizeof anew);
            ip_ttl_lower(ip, IP_V4);
            if (memcmp(ip, want, sizeof ip) != 0) {
                CU_FAIL("another checksum");
                printf("ttl %u id %#x: %02x%02x, not %02x%02x ", ttl, rest, ip[10], ip[11], want[10],
                       want[11]);
                return;
            }
            zero += anew == 0;
            carried += anew < 0x100;
        }
    }
    CU_ASSERT(zero > 0 && carried > 0);
}

static void a_hop_limit_is_lowered_and_nothing_else(void)
{
    uint8_t ip[40] = {0x60, 0, 0, 0, 0, 8, 17, 64}, want[40];
    memcpy(want, ip, sizeof want);
    want[7] = 63;
    ip_ttl_lower(ip, IP_V6);
    CU_ASSERT_EQUAL(memcmp(ip, want, sizeof ip), 0);
    CU_ASSERT_EQUAL(ip_ttl_of(ip, IP_V6), 63);
    ip[8] = 9;
    CU_ASSERT_EQUAL(ip_ttl_of(ip, IP_V4), 9);
}

UNIT_MAIN("ip_csum", UNIT_TEST(random_messages_in_random_pieces), UNIT_TEST(wide_is_narrow),
          UNIT_TEST(neighbours_have_no_say),
          UNIT_TEST(RFC_1624_a_lowered_TTL_has_the_checksum_that_is_made_anew),
          UNIT_TEST(a_hop_limit_is_lowered_and_nothing_else))
