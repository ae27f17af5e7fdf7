/* sel_proposal: which algorithms: what we offer, what we take of a peer's offer, and whether its answer is ours.
 *
 * Pure functions over the configuration, in plain structs of transforms (IANA's numbers, those of RFC 7296 3.3.2). Responder
 * and initiator share one rule (RFC 7296 2.7): exactly one transform of each type, each of them offered and each allowed by
 * policy; AEADs never stand in a proposal with ciphers that need an integrity algorithm (RFC 7296 3.3, RFC 5282 8). */
#ifndef CONTROL_SELECT_SEL_PROPOSAL_H
#define CONTROL_SELECT_SEL_PROPOSAL_H

#include "control/config/cfg_model.h"
#include "control/select/sel.h"

enum sel_transform_type { SEL_TYPE_ENCR = 1, SEL_TYPE_PRF, SEL_TYPE_INTEG, SEL_TYPE_DH, SEL_TYPE_ESN };
enum { SEL_PROTO_IKE = 1, SEL_PROTO_AH = 2, SEL_PROTO_ESP = 3 };
enum { SEL_OFFERS_MAX = 16, SEL_OFFER_TRANSFORMS_MAX = 512, SEL_ANSWER_MAX = 5 };

struct sel_transform {
    uint8_t type;      /* enum sel_transform_type, or a number we do not know */
    uint16_t id;       /* ESN: 0 or 1; DH: group */
    uint16_t key_bits; /* Key Length attribute; 0 when absent */
    bool unusable;     /* carries an attribute we do not know: never selected (RFC 7296 3.3.6) */
};

/* One proposal. The transforms belong to the caller. */
struct sel_offer {
    uint8_t number; /* Proposal Num; ours run from 1 */
    uint8_t proto;  /* SEL_PROTO_* */
    unsigned count;
    const struct sel_transform *t;
};

/* Our offers. offer[].t points into t[]: do not copy the struct (build it again instead). */
struct sel_offers {
    unsigned count, used;
    struct sel_offer offer[SEL_OFFERS_MAX];
    struct sel_transform t[SEL_OFFER_TRANSFORMS_MAX];
};

struct sel_ike_choice {
    unsigned offer;          /* index into the offers that were handed in */
    uint8_t number;          /* its Proposal Num, to be echoed */
    uint16_t encr, key_bits; /* key_bits 0: cipher without a Key Length attribute */
    uint16_t integ;          /* CV_INTEG_NONE with an AEAD */
    uint16_t prf, dh;
    bool
        integ_none_listed; /* the offer lists INTEG NONE: the answer does, too (RFC 7296 3.3: one of each type offered) */
};

/* Of a child SA. */
struct sel_esp_choice {
    unsigned offer;
    uint8_t number;
    uint16_t encr, key_bits; /* encr CV_ENCR_NONE: AH */
    uint16_t integ;          /* CV_INTEG_NONE with an AEAD */
    uint16_t dh;             /* 0: no new key exchange */
    bool esn;
    bool integ_none_listed, dh_none_listed;
    const struct cfg_transform_set *transform_set; /* the set that allowed it; of the configuration */
};

/* Responder. Our preference decides: the policy's proposals in order, in each its ciphers in order, then its integrity
 * algorithms, PRFs and groups. offers: the peer's, any content. False: no proposal in common (NO_PROPOSAL_CHOSEN); the trace
 * then says for each pair what did not fit ("group: peer offers 2, policy wants 14"). trace may be NULL. out->dh may differ
 * from the peer's KE payload: the caller answers INVALID_KE_PAYLOAD with it (RFC 7296 1.2). */
CV_MUST_USE bool sel_ike_proposal(const struct cfg *c, const struct cfg_ikev2_policy *policy,
                                  const struct sel_offer *offers, unsigned n, struct sel_ike_choice *out,
                                  struct sel_trace *trace);
static inline uint8_t sel_esp_choice_proto(const struct sel_esp_choice *c)
{
    return c->encr == CV_ENCR_NONE ? SEL_PROTO_AH : SEL_PROTO_ESP;
}

/* Responder, ESP and AH, against the profile's transform sets in order. with_dh: CREATE_CHILD_SA, where a group may be agreed; in
 * IKE_AUTH (false) a proposal with a group other than NONE does not fit (RFC 7296 1.2). `set pfs` demands its group; without it
 * no group is taken if the peer allows that, else any group we know, for PFS is never weaker than none (IOS does the same).
 * ESN as configured: off: only 0; `set security-association esn`: 1 if offered, else 0. */
CV_MUST_USE bool sel_esp_proposal(const struct cfg *c, const struct cfg_ipsec_profile *profile, bool with_dh,
                                  const struct sel_offer *offers, unsigned n, struct sel_esp_choice *out,
                                  struct sel_trace *trace);

/* The transforms of the answer to a choice, in out (SEL_ANSWER_MAX); returns how many. */
unsigned sel_ike_answer(const struct sel_ike_choice *c, struct sel_transform *out);
unsigned sel_esp_answer(const struct sel_esp_choice *c, struct sel_transform *out);

/* Initiator: one offer per proposal of the policy and class of cipher (AEAD, other), numbered from 1. False when nothing can
 * be offered. The group for the first KE payload is sel_offers_group. */
CV_MUST_USE bool sel_ike_offers(const struct cfg *c, const struct cfg_ikev2_policy *policy,
                                struct sel_offers *out);
/* Initiator, ESP and AH: one offer per transform set. with_dh: CREATE_CHILD_SA; the group is there only with `set pfs`. */
CV_MUST_USE bool sel_esp_offers(const struct cfg *c, const struct cfg_ipsec_profile *profile, bool with_dh,
                                struct sel_offers *out);
/* Takes the offers of AH out, which cannot pass a NAT (RFC 3715 2.1), and numbers the others anew; false: none is left. */
CV_MUST_USE bool sel_offers_without_ah(struct sel_offers *o);
/* The most preferred group of the offers; 0 when they hold none. */
uint16_t sel_offers_group(const struct sel_offers *o);
/* Whether the offers hold the group at all: an INVALID_KE_PAYLOAD that asks for another is an attack or an error (RFC 7296 1.2). */
CV_MUST_USE bool sel_offers_has_group(const struct sel_offers *o, uint16_t group);

/* Initiator: the answer must be one of our offers with exactly one transform of each of its types (RFC 7296 2.7). out->offer
 * indexes `ours`. On false why (SEL_TEXT_MAX octets) says what is wrong; NULL allowed. */
CV_MUST_USE bool sel_ike_accept(const struct sel_offers *ours, const struct sel_offer *answer,
                                struct sel_ike_choice *out, char *why);
/* As above; profile: to name the transform set of the choice. */
CV_MUST_USE bool sel_esp_accept(const struct cfg *c, const struct cfg_ipsec_profile *profile,
                                const struct sel_offers *ours, const struct sel_offer *answer,
                                struct sel_esp_choice *out, char *why);

/* "AES-CBC-256 HMAC-SHA2-256..." in IOS words: "aes-gcm-128 prf sha256 group 19"; returns out (SEL_TEXT_MAX). */
const char *sel_ike_choice_text(const struct sel_ike_choice *c, char *out);
const char *sel_esp_choice_text(const struct sel_esp_choice *c, char *out);

#endif
