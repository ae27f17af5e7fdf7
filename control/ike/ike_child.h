/* ike_child: what both versions do with installed children: parameters from the policy, who sends after one is gone, signs of life. */
#ifndef CONTROL_IKE_IKE_CHILD_H
#define CONTROL_IKE_IKE_CHILD_H

#include "control/ike/ike_sa.h"

#define IKE_CHILD_AH_NAT                                                                                     \
    "AH cannot pass the NAT on the path, which changes the addresses it vouches for (RFC 3715 2.1): use ESP"

/* There is a NAT on the path: ESP goes in UDP, and AH does not go. */
bool ike_child_natt(const struct ike_sa *sa);
/* Addresses, encapsulation, owner and what the IPsec profile says (window, DF bit, ECN, lifetimes, idle time); interface and profile must live
 * until the installation. keepalive_s: of NAT keepalives, 0 none. Not set: keys, SPIs, algorithms, selectors, transport, activate. */
void ike_child_params(struct ike *e, const struct ike_sa *sa, const char *interface,
                      const struct cfg_ipsec_profile *p, unsigned keepalive_s, struct sam_install *out);
/* Whether a peer may have one more child on the tunnel or flow: 64 of them; where any peer may come, each has as many, and those of one address
 * 1,024 together. */
CV_MUST_USE bool ike_child_room(struct ike *e, const struct ike_sa *sa, const char *interface);
/* The newest SA takes the packets that its selectors hold. Where any peer may come, or a NAT stands before the one that is named: another peer's child
 * with a part of them, NULL when there is none: sa's peer must not take its traffic away, whichever end asks. Who proved the same identity, or has the
 * same pre-shared key, which proves none, is no other. */
const struct sam_child *ike_child_rival(struct ike *e, const struct ike_sa *sa, const char *interface,
                                        const struct ts *local, unsigned local_count, const struct ts *remote,
                                        unsigned remote_count);
/* Tells log, counters and session; adopted children of the tunnel have done their duty. */
void ike_child_up(struct ike *e, struct ike_sa *sa, struct sam_child *c, const char *algorithms, bool rekey);
/* Outbound stops at once, inbound after linger_ms; when it was the sending one, the one that replaced it sends, else its newest sibling. */
void ike_child_remove(struct ike *e, struct sam_child *c, uint64_t linger_ms);
/* The peer sends on a child that it began: so may we (RFC 7296 2.8). */
void ike_child_first_packet(struct ike *e, struct ike_sa *sa, struct sam_child *c);

struct ike_heard {
    uint64_t at;           /* env ms: last sign of life, IKE or ESP */
    uint64_t sent_packets; /* all ESP packets to the peer so far */
};
struct ike_heard ike_last_heard(struct ike *e, const struct ike_sa *sa);

#endif
