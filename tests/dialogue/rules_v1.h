/* rules_v1: what the dialogues of IKEv1's rules share: message ladders, and the gateways R1 (end A) and R2 (end B) of the reference
 * configurations. */
#ifndef TESTS_DIALOGUE_RULES_V1_H
#define TESTS_DIALOGUE_RULES_V1_H

#include "control/codec/pld1.h"
#include "control/ikev1/v1.h"
#include "tests/dialogue/rules.h"

#include <CUnit/CUnit.h>

enum { SETTLE_MS = 1500 };

/* PR-2: i begins. PR-16: INITIAL_CONTACT on first contact. */
#define TO_MM4(i, r)                                                                                         \
    i " MM1: SA VID\n" r " MM2: SA VID\n" i " MM3: KE NONCE NAT-D NAT-D\n" r " MM4: KE NONCE NAT-D NAT-D\n"
#define TO_MM5(i, r)     TO_MM4(i, r) i " MM5: ID HASH N(INITIAL_CONTACT)\n"
#define MAIN_MODE(i, r)  TO_MM5(i, r) r " MM6: ID HASH\n"
#define QUICK_MODE(i, r) i " QM1: HASH SA NONCE ID ID\n" r " QM2: HASH SA NONCE ID ID\n" i " QM3: HASH\n"

static const char policy_10[] __attribute__((unused)) =
    "crypto isakmp policy 10\n encr 3des\n hash md5\n authentication pre-share\n group 2\n";
static const char transport_set[] __attribute__((unused)) =
    "crypto ipsec transform-set TS esp-aes esp-sha256-hmac\n mode tunnel\n";

/* IPsec profile, interfaces and tunnel of R1 or R2; bound: the ISAKMP profile the tunnel has, "" none. */
static inline char *gate1(char *text, enum wire_end end, const char *bound)
{
    char lines[1024], line[96] = "";
    if (bound[0])
        snprintf(line, sizeof line, " set isakmp-profile %s\n", bound);
    snprintf(lines, sizeof lines,
             "crypto ipsec profile profile1\n set transform-set TS\n%s"
             "interface Ethernet0/0\n ip address 192.168.0.%u 255.255.255.0\n"
             "interface Tunnel1\n ip address 10.0.0.%u 255.255.255.0\n tunnel source Ethernet0/0\n"
             " tunnel destination 192.168.0.%u\n tunnel protection ipsec profile profile1\n",
             line, 1u + end, 1u + end, 2u - end);
    return text_add(text, lines);
}

static inline void nothing_installed(struct wire *w)
{
    for (enum wire_end end = A; end <= B; end++) {
        CU_ASSERT_EQUAL(mock_dp_count(w->side[end].dp, CV_DIR_IN), 0);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[end].dp, CV_DIR_OUT), 0);
    }
}

#endif
