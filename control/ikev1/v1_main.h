/* v1_main: Main Mode; its handlers stand in v1.h. This is what Aggressive Mode shares with it. */
#ifndef CONTROL_IKEV1_V1_MAIN_H
#define CONTROL_IKEV1_V1_MAIN_H

#include "control/ike/ike_cert.h"
#include "control/ikev1/v1.h"

/* fVRF and addresses of the SA; valid as long as it. */
struct sel_v1_path v1_path(struct ike *e, const struct ike_sa *sa);
/* The profile for the peer's identity that was kept, traced and logged (PF-3, PF-6). NULL: none. cert: what it sent, NULL none. */
const struct cfg_isakmp_profile *v1_profile_of_peer(struct ike *e, struct ike_sa *sa,
                                                    const struct ike_cert_peer *cert, const char *at);
/* v1_proved, with what the log says about it. */
CV_MUST_USE bool v1_check_proof(struct ike *e, struct ike_sa *sa, const struct v1_in *in, const char *name);
/* The peer's certificate, which has been taken, and SIG under a profile; when it is good the SA remembers it. WAITS: put aside. */
enum ike_cert_state v1_signature_proved(struct ike *e, struct ike_sa *sa, const struct cfg_isakmp_profile *p,
                                        const struct v1_in *in, const char *at, struct ike_cert_peer *cert);
/* The same for the initiator, with G30. False: the SA has ended, or the message waits. */
CV_MUST_USE bool v1_responder_proved(struct ike *e, struct ike_sa *sa, const struct v1_in *in,
                                     const char *at);
/* The message of that name could not be made: the SA goes. */
void v1_not_made(struct ike *e, struct ike_sa *sa, const char *name, cv_result r);

#endif
