/* eng_ipsecmb_mgr: the managers of intel-ipsec-mb: the one place that says which of its code is run. */
#ifndef DATAPLANE_ENGINE_ENG_IPSECMB_MGR_H
#define DATAPLANE_ENGINE_ENG_IPSECMB_MGR_H

#include "common/result.h"

#include <stdbool.h>

struct IMB_MGR;

/* A manager with the widest code that the processor has and eng_isa allows; the caller's, for free_mb_mgr. CV_ENOMEM; CV_ECRYPTO: the
 * library does not run here. Any thread. */
CV_MUST_USE cv_result eng_ipsecmb_mgr_new(struct IMB_MGR **out);

/* Whether the library can run its AVX2 code on this processor. */
bool eng_ipsecmb_has_avx2(void);

#endif
