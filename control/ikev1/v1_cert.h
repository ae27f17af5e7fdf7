/* v1_cert: phase 1 with certificates (RFC 2409 5.1, RFC 4945, RFC 4754): what is asked for, which trust-point signs, SIG, and what the peer's is worth.
 *
 * Rules: CT-1 .. CT-16, G13, G16, G30. The trust-point is fixed by the CERTREQs of MM3 or MM4 (CT-7), before anyone's profile is known. */
#ifndef CONTROL_IKEV1_V1_CERT_H
#define CONTROL_IKEV1_V1_CERT_H

#include "control/ike/ike_cert.h"
#include "control/ikev1/v1.h"

/* The method chosen is a signature. */
bool v1_signs(const struct ike_sa *sa);
/* RFC 2409 5.1: a signature that is tied to a hash is made over HASH_I or HASH_R of the HMAC of that hash, whatever was negotiated. 0: none. */
uint16_t v1_cert_prf(const struct ike_sa *sa);
/* Signature methods that one of our trust-points can make now: bits 1 << SEL1_METHOD_*. Initiator: of those that its profile names, if it names
 * any. */
unsigned v1_cert_methods(struct ike *e, const struct cfg_isakmp_profile *profile, bool initiator);
/* CERTREQ payloads, when the method is a signature (CT-1 .. CT-4). at: "MM3". */
void v1_cert_ask(struct ike *e, struct ike_sa *sa, const char *at, struct v1_msg *m);
/* By the peer's CERTREQs (CT-5, CT-6). m NULL: nothing is asked for yet. False: no trust-point can sign; said so. */
CV_MUST_USE bool v1_cert_choose(struct ike *e, struct ike_sa *sa, const struct pld1_message *m,
                                const char *at);
/* The trust-point that signs; NULL none. */
const struct pki_trustpoint *v1_cert_own(const struct ike *e, const struct ike_sa *sa);
/* CERT payloads and SIG over HASH_I or HASH_R. */
CV_MUST_USE cv_result v1_cert_put(struct ike *e, struct ike_sa *sa, struct v1_msg *m, struct slice hash);
/* Parses the peer's CERT payloads, before its profile is known. False: none of use; why and text in p. */
CV_MUST_USE bool v1_cert_take(struct ike *e, struct ike_sa *sa, const struct v1_in *in,
                              struct ike_cert_peer *p);
/* What was taken, and SIG over the peer's hash, under the profile (CT-9); its identity is that of the SA. WAITS: the message has been put aside. BAD: why and
 * text in p. */
enum ike_cert_state v1_cert_check(struct ike *e, struct ike_sa *sa, const struct v1_in *in,
                                  const struct cfg_isakmp_profile *profile, struct slice hash, const char *at,
                                  struct ike_cert_peer *p);

/* ---- a message that waits for the network (as control/ikev2/v2_park.h) ------------------------------------------------------ */
/* The same message again, too soon to look at it again. */
bool v1_park_holds(const struct ike *e, const struct ike_sa *sa, const uint8_t digest[V1_DIGEST_LEN]);
/* Takes it out; raw is the caller's to wipe and free. */
struct v1_parked v1_park_take(struct ike_sa *sa);
void v1_park_drop(struct v1_sa *v1);

#endif
