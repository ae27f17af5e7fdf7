/* no_avx2: a processor without AVX2, as intel-ipsec-mb tells it. LD_PRELOAD of tests/system/test_bench.py. */
#include <intel-ipsec-mb.h>

uint64_t imb_get_feature_flags(void)
{
    return IMB_CPUFLAGS_SSE;
}
