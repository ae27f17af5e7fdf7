/* The engine of tests that have packets protected: `auto`, tested and measured as culvert-dp does it at start. */
#ifndef TESTS_UNIT_ENGINE_FIX_ENGINE_H
#define TESTS_UNIT_ENGINE_FIX_ENGINE_H

#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_vaes.h"

#include <stdio.h>
#include <stdlib.h>

/* The self test is what gives AES-GCM and GMAC to the engine that is faster here, vaes where the processor
 * can; without it all is ipsec-mb's. Said aloud where that is ipsec-mb all the same. Before other threads run. */
static inline const struct eng_ops *fix_engine(void)
{
    static const struct eng_ops *e;
    static const struct cv_sa gcm = {.ref.dir = CV_DIR_OUT, .encr = CV_ENCR_AES_GCM_16, .encr_key_len = 16};
    char why[160] = "";
    if (e)
        return e;
    if (eng_auto.self_test(why, sizeof why) != CV_OK) {
        fprintf(stderr, "crypto-engine auto: %s\n", why);
        abort();
    }
    if (eng_vaes_usable(&eng_vaes) && eng_auto_choice(&gcm) != &eng_vaes)
        printf("AES-GCM of ipsec-mb, which is as fast here ");
    e = &eng_auto;
    return e;
}

#endif
