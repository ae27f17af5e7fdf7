/* v1_vendor: vendor IDs (PR-10), and NAT detection (RFC 3947 3.2, drafts 02, 03 and 07 of it). */
#ifndef CONTROL_IKEV1_V1_VENDOR_H
#define CONTROL_IKEV1_V1_VENDOR_H

#include "control/ikev1/v1.h"

/* "NAT-T RFC 3947", "DPD" ...; "unknown". Static. */
const char *v1_vendor_name(struct slice vid);
/* Adds what the message's vendor IDs say to what is known of the peer; of the NAT-T variants the best stays. Logs each. */
void v1_vendor_take(struct ike *e, struct ike_sa *sa, const struct pld1_message *m);
/* MM1, AM1: everything we can. MM2, AM2 (answer): of NAT-T the one variant that is best for both (RFC 3947 3.1). */
void v1_vendor_put(struct ike *e, const struct ike_sa *sa, struct pld_builder *b, bool answer);

/* NAT-D payloads with the hashes of where the next message goes, and where it comes from. Nothing when the peer has no NAT-T. */
CV_MUST_USE cv_result v1_nat_put(struct ike_sa *sa, struct pld_builder *b);
/* Compares the NAT-D payloads of a message with the addresses it came with; sets sa->nat_local and nat_remote. Without NAT-T, or without such
 * payloads, there is none. */
CV_MUST_USE cv_result v1_nat_detect(struct ike *e, struct ike_sa *sa, const struct v1_in *in);
/* The encapsulation mode's numbers of the variant in use. */
enum sel1_encap v1_encap(const struct ike_sa *sa);

#endif
