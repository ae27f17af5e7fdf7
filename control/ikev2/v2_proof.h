/* v2_proof: how each end of IKE_AUTH proves itself: by a pre-shared key (RFC 7296 2.15), or by a signature with the key of a certificate
 * (methods 1 and 9 to 11; RFC 7427 with RSA, RSA-PSS, ECDSA, and Ed25519 of RFC 8420).
 *
 * Rules: CT-17, V2-1 .. V2-10, G17, G18, G28, G29, G30. Checking a proof changes nothing: who waits for the network is asked again. */
#ifndef CONTROL_IKEV2_V2_PROOF_H
#define CONTROL_IKEV2_V2_PROOF_H

#include "control/ike/ike_cert.h"
#include "control/ikev2/v2.h"

/* Why a proof failed, for the session and people. */
struct v2_wrong {
    enum ike_reason why;
    char text[PKI_TEXT_MAX];
};

/* ---- IKE_SA_INIT ------------------------------------------------------------------------------------------------------- */
/* SIGNATURE_HASH_ALGORITHMS (RFC 7427 4): what we verify. */
void v2_proof_announce(struct v2_sa *v2, struct pld_builder *b);
/* Remembers what the peer verifies. */
void v2_proof_take_hashes(struct v2_sa *v2, const struct pld_message *m);
/* V2-2: the responder's CERTREQ, of all trust-points. */
void v2_proof_ask_all(struct ike *e, struct ike_sa *sa, struct pld_builder *b);

/* ---- our own ------------------------------------------------------------------------------------------------------------- */
/* ID, [CERT ...], [CERTREQ], [INITIAL_CONTACT], AUTH under the profile. psk: ours, where the profile says so. asking: the peer's message with its
 * CERTREQs; the initiator gives NULL: it is IKE_SA_INIT's answer. first_contact: asked once sa->local_id is set; NULL: no INITIAL_CONTACT. Sets
 * sa->local_id and sa->auth_own. */
typedef bool v2_first_contact(const struct ike *e, const struct ike_sa *sa);
CV_MUST_USE cv_result v2_proof_put(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *profile,
                                   struct slice psk, const struct pld_message *asking,
                                   v2_first_contact *first_contact, struct pld_builder *b,
                                   struct v2_wrong *wrong);

/* ---- the peer's ------------------------------------------------------------------------------------------------------------ */
enum v2_proved { V2_PROVED, V2_REFUSED, V2_WAITS };

struct v2_proof {
    struct sel_psk psk; /* found under the profile, when either end uses one */
    struct ike_cert_peer cert;
    enum ike_auth how;
    struct v2_wrong wrong;
};
void v2_proof_free(struct v2_proof *p);
/* Parses the CERT payloads, before a profile is known. False: malformed. No CERT payload is no failure. */
CV_MUST_USE bool v2_proof_take(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                               struct v2_proof *p);
/* The peer's AUTH and certificates under the profile, id being its identity; p->psk as found. last: wait no more. Nothing changes but p. */
enum v2_proved v2_proof_check(struct ike *e, struct ike_sa *sa, const struct cfg_ikev2_profile *profile,
                              const struct pld_message *m, const struct pld_id *id, bool last,
                              struct v2_proof *p);
/* The SA is the peer's: identity, certificate, how. */
void v2_proof_keep(struct ike_sa *sa, const struct pld_id *id, const struct v2_proof *p);
/* The profile's two ways, for choosing what to look up. */
bool v2_proof_by_psk(const struct cfg_ikev2_profile *profile); /* ours */

#endif
