#include "dataplane/engine/eng_ipsecmb_mgr.h"

#include "dataplane/engine/eng_isa.h"

#include <intel-ipsec-mb.h>

cv_result eng_ipsecmb_mgr_new(IMB_MGR **out)
{
    const bool avx2 = eng_isa_most() == ENG_ISA_AVX2;
    /* A processor without GFNI gets other AVX2 code than one with it (eng_isa.h). */
    IMB_MGR *m = alloc_mb_mgr(avx2 ? IMB_FLAG_GFNI_OFF : 0);
    IMB_ARCH arch;
    if (!m)
        return CV_ENOMEM;
    if (avx2)
        init_mb_mgr_avx2(m);
    else
        init_mb_mgr_auto(m, &arch);
    if (imb_get_errno(m) != 0) {
        free_mb_mgr(m);
        return CV_ECRYPTO;
    }
    *out = m;
    return CV_OK;
}

bool eng_ipsecmb_has_avx2(void)
{
    return (imb_get_feature_flags() & IMB_CPUFLAGS_AVX2) == IMB_CPUFLAGS_AVX2;
}
