/* sel_v1_proposal: IKEv1's algorithms: what we offer in phase 1 and 2, what we take of a peer's offer, and whether an answer is ours.
 *
 * Pure, in plain numbers (RFC 2409 Appendix A; RFC 2407 4.4.4, 4.5), without the codec. A transform is taken whole (RFC 2408 4.2):
 * cipher, hash, method, group together. Lifetimes never refuse (G26): the smaller one holds. */
#ifndef CONTROL_SELECT_SEL_V1_PROPOSAL_H
#define CONTROL_SELECT_SEL_V1_PROPOSAL_H

#include "control/select/sel.h"

enum {
    SEL1_TRANSFORMS_MAX = 64,
    SEL1_METHOD_PSK = 1,
    SEL1_METHOD_RSA = 3,
    SEL1_METHOD_ECDSA_256 = 9,
    SEL1_METHOD_ECDSA_384 = 10,
    SEL1_METHOD_ECDSA_521 = 11
};

/* One transform of phase 1; numbers of the wire; 0: attribute absent (or not known: `unusable`). */
struct sel1_ike_transform {
    uint8_t number;
    bool unusable;
    uint16_t encr, key_bits, hash, auth, group;
    uint32_t life_s; /* 0: none given */
};

struct sel1_ike_choice {
    unsigned transform;                     /* index of the peer's list, or of ours */
    const struct cfg_isakmp_policy *policy; /* of the configuration, or built in */
    uint16_t encr, key_bits;                /* CV_ENCR_*, bits for cr_encr */
    uint16_t prf;                           /* cr_prf_id of the hash */
    uint16_t hash, auth, group;
    uint32_t life_s; /* the smaller of offer and policy */
};

/* Initiator: all policies by priority that we can use: `methods` is a mask 1 << SEL1_METHOD_*; group 0: all, else only those of this group
 * (Aggressive Mode, whose KE is in the first message, RFC 2409 5.4). A policy of ecdsa-sig is one transform for each curve of `methods` (RFC 4754 3).
 * Returns how many. */
unsigned sel1_ike_offers(const struct cfg *c, unsigned methods, uint16_t group,
                         struct sel1_ike_transform out[SEL1_TRANSFORMS_MAX]);
/* Responder: walks the own list by priority, in each the peer's transforms in their order; the first pair of equal cipher, key length, hash, method
 * and group. methods: what there is a key for (KR-12: without a key for the peer no pre-share transform is taken; no_key_why then says so in the
 * trace). kind of the trace: SEL_PROPOSAL; candidates: one for each pair that did not fit, with the attribute. */
CV_MUST_USE bool sel1_ike_choose(const struct cfg *c, unsigned methods, const char *no_key_why,
                                 const struct sel1_ike_transform *offers, unsigned n,
                                 struct sel1_ike_choice *out, struct sel_trace *trace);
/* Initiator: the answer is one of our offers, unchanged but for a lifetime that may be there or not. why: SEL_TEXT_MAX. */
CV_MUST_USE bool sel1_ike_accept(const struct cfg *c, unsigned methods, const struct sel1_ike_transform *ours,
                                 unsigned n, const struct sel1_ike_transform *answer,
                                 struct sel1_ike_choice *out, char *why);

/* One transform of phase 2. id: RFC 2407 4.4.4 (and IANA "IPSEC ESP Transform Identifiers"); of AH 4.4.3 ("IPSEC AH Transform
 * Identifiers"), and then the integrity algorithm must say the same (RFC 2407 4.5). */
struct sel1_esp_transform {
    uint8_t number, id;
    bool unusable;
    bool ah;
    uint16_t key_bits, integ, group, encap, esn; /* wire numbers; 0 absent */
    uint32_t life_s, life_kb;
};

/* A proposal: transforms of one protocol. bundled: other proposals share its number (AH with ESP, IPCOMP): never taken. */
struct sel1_esp_proposal {
    uint8_t number, proto;
    bool bundled;
    unsigned count;
    const struct sel1_esp_transform *t;
};

struct sel1_esp_choice {
    unsigned proposal, transform; /* indices of the peer's */
    const struct cfg_transform_set *set;
    uint16_t encr, key_bits, integ; /* CV_*; encr CV_ENCR_NONE: AH */
    uint16_t group;                 /* PFS; 0 none */
    bool esn, transport;
    uint32_t life_s;  /* the smaller of offer and policy, both ends' */
    uint64_t life_kb; /* likewise; 0 none */
};

/* How the encapsulation mode attribute is to be written (RFC 2407 4.5; RFC 3947 5.1; the drafts' private numbers). */
enum sel1_encap { SEL1_ENCAP_PLAIN, SEL1_ENCAP_UDP, SEL1_ENCAP_UDP_DRAFT };

/* Initiator: transforms, one for each transform set (those of AH and of ESP belong into proposals of their own; AH is left out unless encap is
 * plain, RFC 3715 2.1) of the profile, in order. transport_ok: sel_transport's judgement is asked
 * for each set by the caller through this mask, bit i for set i. group: of the PFS, 0 without. Returns the count; out->number from 1. */
unsigned sel1_esp_offers(const struct cfg *c, const struct cfg_ipsec_profile *p, enum sel1_encap encap,
                         unsigned transport_mask, struct sel1_esp_transform out[SEL1_TRANSFORMS_MAX]);
/* Responder: the profile's transform sets in order against the peer's proposals in theirs. `set pfs` demands its group; without it any group we know
 * is taken if the peer gives one. */
CV_MUST_USE bool sel1_esp_choose(const struct cfg *c, const struct cfg_ipsec_profile *p,
                                 enum sel1_encap encap, unsigned transport_mask,
                                 const struct sel1_esp_proposal *offers, unsigned n,
                                 struct sel1_esp_choice *out, struct sel_trace *trace);
CV_MUST_USE bool sel1_esp_accept(const struct cfg *c, const struct cfg_ipsec_profile *p,
                                 enum sel1_encap encap, unsigned transport_mask,
                                 const struct sel1_esp_transform *ours, unsigned n,
                                 const struct sel1_esp_transform *answer, struct sel1_esp_choice *out,
                                 char *why);
/* "esp-aes 256 esp-sha256-hmac"; returns out (SEL_TEXT_MAX). */
const char *sel1_esp_choice_text(const struct sel1_esp_choice *c, char *out);
const char *sel1_ike_choice_text(const struct sel1_ike_choice *c, char *out);

#endif
