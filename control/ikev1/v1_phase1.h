/* v1_phase1: what Main and Aggressive Mode share: offers and choice, keys, identities, HASH, establishment (RFC 2409 5). */
#ifndef CONTROL_IKEV1_V1_PHASE1_H
#define CONTROL_IKEV1_V1_PHASE1_H

#include "control/ikev1/v1.h"

enum { V1_NONCE_LEN = 32, V1_BAD_MAX = 16 };

/* ---- decisions ---------------------------------------------------------------------------------------------------- */
/* Hands a trace to the environment and writes what section 3 has of it to the debug log. sa NULL: none yet. */
void v1_decided(struct ike *e, const struct ike_sa *sa, const char *at, const struct sel_trace *t);
/* The log lines of a key: found where, selected as what (KR-2, KR-3). */
void v1_log_key(struct ike *e, const struct ike_sa *sa, const struct cfg_isakmp_profile *profile,
                const struct ip_addr *peer, struct sel_v1_key key, const struct sel_trace *t);
/* Main Mode's key for the path, by KR-2 (profile), KR-3 or KR-5. id: Aggressive Mode (G9). Logs and traces. */
struct sel_v1_key v1_find_key(struct ike *e, const struct ike_sa *sa,
                              const struct cfg_isakmp_profile *profile, bool initiator,
                              const struct sel_v1_path *path, const struct sel_id *id, const char *at);
/* A responder's failure, told to the session that it is most likely about; nobody's traffic is touched by it. Bounded in how often it may change, for
 * nothing of it is authenticated. */
void v1_blame(struct ike *e, const struct ike_datagram *d, enum ike_reason why, const char *fmt, ...)
    CV_PRINTF(4, 5);

/* ---- SA payloads ------------------------------------------------------------------------------------------------- */
/* Writes the offers, and keeps the body as HASH will cover it. */
CV_MUST_USE cv_result v1_put_offers(struct ike_sa *sa, struct v1_msg *m, const struct sel1_ike_transform *t,
                                    unsigned n);
/* The peer's transform back to it, attributes unchanged (RFC 2408 4.2). */
void v1_put_answer(struct v1_msg *m, const struct pld1_message *offer, unsigned transform);
/* Of the peer's SA payload: proposals of ISAKMP alone. out holds PLD1_MAX_TRANSFORMS. */
unsigned v1_transforms(const struct pld1_message *m, struct sel1_ike_transform *out);
/* Responder: the choice for the first message (KR-12: without key none by pre-shared key; signatures: what a trust-point can make). False: refused, told and
 * traced. */
CV_MUST_USE bool v1_choose(struct ike *e, const struct v1_in *in, bool have_key, const char *at,
                           struct sel1_ike_choice *out);
/* Some policy is of pre-shared keys, or there is nothing else. */
bool v1_wants_keys(const struct ike *e);
/* Why no method was left to us: no pre-shared key, no certificate, or nothing in common. */
enum ike_reason v1_no_method(const struct ike *e, bool have_key, unsigned signatures);
/* Initiator: the answer is one of ours. False: `why` (SEL_TEXT_MAX) says what is wrong. */
CV_MUST_USE bool v1_accept(struct ike *e, struct ike_sa *sa, const struct pld1_message *m, uint16_t group,
                           struct sel1_ike_choice *out, char *why);

/* ---- the SA ---------------------------------------------------------------------------------------------------------- */
/* Responder: a half-open SA for the first message, with its key's copy. NULL: no room, said so. */
struct ike_sa *v1_responder_new(struct ike *e, const struct v1_in *in, const struct sel1_ike_choice *choice,
                                struct sel_v1_key key);
/* Keeps key and keyring name. */
CV_MUST_USE cv_result v1_keep_key(struct v1_sa *v1, struct sel_v1_key key, struct slice psk);
/* Our key pair of the chosen group, and our nonce. */
CV_MUST_USE cv_result v1_own_values(struct ike *e, struct ike_sa *sa);
/* The peer's KE and nonce: checked, kept, and all keys derived (RFC 2409 5.4, Appendix B). Nothing changes when it is not CV_OK. */
CV_MUST_USE cv_result v1_derive(struct ike *e, struct ike_sa *sa, const struct pld1_message *m);
/* KE and NONCE of ours. */
void v1_put_values(struct ike_sa *sa, struct v1_msg *m);
/* After MM3/MM4: port 4500 from the next message on, when there is a NAT (RFC 3947 4). */
void v1_float(struct ike *e, struct ike_sa *sa);
/* Responder: MM5 or AM3 has come from where the peer is now, at port 4500 when it found a NAT. */
void v1_peer_at(struct ike_sa *sa, const struct v1_in *in);
/* The message was taken: the same again is a duplicate (G33). */
void v1_took(struct ike_sa *sa, const struct v1_in *in);
/* A message that cannot be right; with too many of them the SA goes. */
void v1_bad_message(struct ike *e, struct ike_sa *sa, const struct v1_in *in);
/* KR-8: an encrypted message of phase 1 that decrypts to nothing: most likely with another key than the peer's. fault, why: as decoding said. */
void v1_garbage(struct ike *e, struct ike_sa *sa, const struct v1_in *in, enum pld1_fault fault,
                const char *why);
/* Everything of phase 1 that is of no more use: wiped and freed. */
void v1_forget_phase1(struct v1_sa *v1);

/* ---- identity and proof --------------------------------------------------------------------------------------------- */
/* Our identity: the profile's self-identity, else `crypto isakmp identity` (PR-17). */
CV_MUST_USE cv_result v1_local_id(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_profile *profile);
/* From another source of the configuration: client-endpoint. */
CV_MUST_USE cv_result v1_local_id_as(struct ike *e, struct ike_sa *sa, const struct cfg_id *id);
void v1_put_id(struct ike_sa *sa, struct v1_msg *m);
/* One that names somebody: an address, a name or a key ID of possible length. */
CV_MUST_USE bool v1_id_valid(const struct pld1_id *id);
/* HASH_I or HASH_R, whichever is ours; or CERT and SIG over it. */
CV_MUST_USE cv_result v1_put_proof(struct ike *e, struct ike_sa *sa, struct v1_msg *m);
/* The hash that the peer has to prove, over the identity that was kept; *len octets. */
CV_MUST_USE cv_result v1_peer_hash(struct ike_sa *sa, uint8_t out[CR_PRF_MAX], size_t *len);
/* The peer's identity out of the message into the SA; false when it is malformed. */
CV_MUST_USE bool v1_keep_peer_id(struct ike *e, struct ike_sa *sa, const struct pld1_id *id);
struct sel_id v1_peer_id(const struct ike_sa *sa);
/* The peer's HASH over the identity that was kept; in constant time, over our length. */
CV_MUST_USE bool v1_proved(struct ike_sa *sa, const struct pld1_message *m);
/* N(INITIAL-CONTACT) (RFC 2407 4.6.3.3) when this is the only SA with the peer (PR-16). */
void v1_put_initial_contact(struct ike *e, struct ike_sa *sa, struct v1_msg *m);
/* RESPONDER-LIFETIME, when we hold less than the peer offered (G26): in MM6; after AM3 in an Informational message. */
void v1_put_lifetime(struct ike *e, struct ike_sa *sa, struct v1_msg *m);
void v1_send_lifetime(struct ike *e, struct ike_sa *sa);
/* What the peer says beside its proof: INITIAL-CONTACT, RESPONDER-LIFETIME. */
void v1_take_notifies(struct ike *e, struct ike_sa *sa, const struct pld1_message *m);

/* An Informational message under our keys before phase 1 is done. */
v1_handler v1_phase1_info;

#endif
