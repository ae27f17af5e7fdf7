/* contract_icmp: a command of contract.h that two places alone know: which ICMP messages to this host are taken (RFC 4301 6.1.1, 6.1.2).
 *
 * CV_CMD_ICMP_SET, with struct cv_icmp_rules at u.raw, takes the place of what was said before; at first, and after FLUSH, nothing is
 * refused. What is refused is dropped as not-local-service. */
#ifndef COMMON_CONTRACT_ICMP_H
#define COMMON_CONTRACT_ICMP_H

#include "common/contract.h"

enum { CV_CMD_ICMP_SET = 64 /* apart from enum cv_cmd_type */ };

/* Bit t % 8 of refused[side][family][t / 8] for type t. side: 0 for what came in clear by a port, 1 for what an SA or a tunnel delivered;
 * family: 1 for ICMPv6, of which Neighbour Discovery is not asked about. */
struct cv_icmp_rules {
    uint8_t refused[2][2][32];
};
static_assert(sizeof(struct cv_icmp_rules) == 128, "contract size");

#endif
