#include "dataplane/engine/eng_isa.h"

#include "dataplane/engine/eng_ipsecmb_mgr.h"

#include <stdio.h>

static enum eng_isa most_now;

cv_result eng_isa_limit(enum eng_isa most, char *why, size_t why_len)
{
    if (most == ENG_ISA_AVX2 && !eng_ipsecmb_has_avx2()) {
        snprintf(why, why_len, "this processor has no AVX2 with AES-NI and BMI2");
        return CV_EUNSUP;
    }
    most_now = most;
    return CV_OK;
}

enum eng_isa eng_isa_most(void)
{
    return most_now;
}

bool eng_isa_wide(void)
{
    return most_now == ENG_ISA_BEST && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("bmi2");
}

const char *eng_isa_name(enum eng_isa isa)
{
    return isa == ENG_ISA_AVX2 ? "avx2" : "best";
}
