/* sel_certmap: `match certificate MAP` of a profile against what a peer's certificate says (V2-12). */
#ifndef CONTROL_SELECT_SEL_CERTMAP_H
#define CONTROL_SELECT_SEL_CERTMAP_H

#include "control/config/cfg_certmap.h"
#include "control/select/sel.h"

enum { SEL_UNSTRUCTURED_MAX = 8192 };
/* The peer's certificate beside its identity. It is not checked yet: a profile that is chosen by it has to verify it. */
struct sel_id_cert {
    const struct cfg *cfg; /* whose maps count */
    struct cfg_cert_facts facts;
    char unstructured[SEL_UNSTRUCTURED_MAX]; /* where facts.unstructured is kept */
};

/* G5: a certificate map counts as exact; 0: none of them matches, or there is no certificate. */
unsigned sel_certmap_specificity(const struct cfg_certmap_ref *refs, unsigned count, const struct sel_id *id);

#endif
