/* sel_id: an identity on the wire against one of the configuration. */
#ifndef CONTROL_SELECT_SEL_ID_H
#define CONTROL_SELECT_SEL_ID_H

#include "control/select/sel.h"

/* RFC 7296 3.5 ID types. */
enum {
    SEL_ID_IPV4_ADDR = 1,
    SEL_ID_FQDN = 2,
    SEL_ID_RFC822_ADDR = 3,
    SEL_ID_IPV6_ADDR = 5,
    SEL_ID_DER_ASN1_DN = 9,
    SEL_ID_KEY_ID = 11
};

enum { SEL_ID_EXACT = 1000 }; /* the specificity of what names one peer */
/* How specific a match is (G5): an exact identity, then the longest mask, then the longest domain, then `any`; 0: no match. */
unsigned sel_id_specificity(const struct cfg_id *configured, const struct sel_id *id);
/* The address of an address identity; false for other types and wrong lengths. */
CV_MUST_USE bool sel_id_address(const struct sel_id *id, struct ip_addr *out);

#endif
