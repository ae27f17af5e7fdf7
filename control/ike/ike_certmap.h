/* ike_certmap: whether a certificate is one that a `crypto pki certificate map` means: for `match certificate` of profiles and of trust-points. */
#ifndef CONTROL_IKE_IKE_CERTMAP_H
#define CONTROL_IKE_IKE_CERTMAP_H

#include "control/pki/pki_cert.h"
#include "control/select/sel_certmap.h"

/* What maps compare, all of it: a text cut short would let `ne` and `nc` hold. Views that live as long as cert and out. */
void ike_certmap_facts(const struct cfg *c, const struct pki_cert *cert, struct sel_id_cert *out);
/* False when there is no such map. seq (may be NULL) gets the sequence that matched. */
CV_MUST_USE bool ike_certmap_takes(const struct cfg *c, const char *map, const struct pki_cert *cert,
                                   unsigned *seq);

#endif
