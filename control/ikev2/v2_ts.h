/* v2_ts: the traffic selectors of a child: narrowing an offer to our policy (RFC 7296 2.9), checking an answer,
 * and pairing both sides' lists as the data plane wants them. Pure functions. */
#ifndef CONTROL_IKEV2_V2_TS_H
#define CONTROL_IKEV2_V2_TS_H

#include "common/contract.h"
#include "control/codec/pld.h"

struct v2_ts_set {
    unsigned i_count, r_count;
    struct ts i[CV_TS_MAX], r[CV_TS_MAX];
};

/* Local[k] goes with remote[k]; protocols that exclude each other make no pair. */
struct v2_ts_pairs {
    unsigned count;
    struct ts i[CV_TS_MAX], r[CV_TS_MAX];
};

/* Responder: what the offer and the policy have in common. Lists that would make more than CV_TS_MAX pairs are narrowed to the first selector
 * of each, which covers the packet that caused the negotiation; *more then says that there were others (ADDITIONAL_TS_POSSIBLE).
 * False: nothing in common. */
CV_MUST_USE bool v2_ts_narrow(const struct pld_ts_list *tsi, const struct pld_ts_list *tsr,
                              const struct ts *policy_i, const struct ts *policy_r, struct v2_ts_set *out,
                              bool *more);
/* Initiator: the answer is a subset of the offer and can be installed whole. why: short text on false. */
CV_MUST_USE bool v2_ts_accept(const struct pld_ts_list *tsi, const struct pld_ts_list *tsr,
                              const struct v2_ts_set *offered, struct v2_ts_set *out, const char **why);
/* Transport mode through a NAT (RFC 7296 2.23.1): an end behind it names itself, and by the other end it is named, with an address that means
 * nothing on the other side. The list with `seen` in its place, the address that the end has on this side; NULL: it stays. False: the selectors are
 * not all of one and the same address, of the family of `seen`. */
CV_MUST_USE bool v2_ts_seen(const struct pld_ts_list *list, const struct ip_addr *seen,
                            struct pld_ts_list *out);
/* False when there is no pair or more than CV_TS_MAX. */
CV_MUST_USE bool v2_ts_pair(const struct v2_ts_set *set, struct v2_ts_pairs *out);

#endif
