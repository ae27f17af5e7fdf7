/* Engines and bare calls held to AVX2: which of ipsec-mb's managers they make, and which kernels vaes has. Calls of the library that
 * matter are counted in functions of its own in front of them. */
#include "dataplane/engine/eng_auto.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "dataplane/engine/eng_ipsecmb_bare.h"
#include "dataplane/engine/eng_isa.h"
#include "dataplane/engine/eng_vaes.h"
#include "tests/unit/esp/eal.h"

#include <intel-ipsec-mb.h>
#include <string.h>

static unsigned made_auto, made_avx2;
static uint64_t lacking; /* features that the processor is said not to have */

void __real_init_mb_mgr_auto(IMB_MGR *m, IMB_ARCH *arch);
void __real_init_mb_mgr_avx2(IMB_MGR *m);
uint64_t __real_imb_get_feature_flags(void);
void __wrap_init_mb_mgr_auto(IMB_MGR *m, IMB_ARCH *arch);
void __wrap_init_mb_mgr_avx2(IMB_MGR *m);
uint64_t __wrap_imb_get_feature_flags(void);

void __wrap_init_mb_mgr_auto(IMB_MGR *m, IMB_ARCH *arch)
{
    made_auto++;
    __real_init_mb_mgr_auto(m, arch);
}

void __wrap_init_mb_mgr_avx2(IMB_MGR *m)
{
    made_avx2++;
    __real_init_mb_mgr_avx2(m);
    CU_ASSERT_EQUAL(m->used_arch, IMB_ARCH_AVX2);
    CU_ASSERT_EQUAL(m->features & IMB_FEATURE_GFNI, 0); /* by which 1.5 and later would take VAES */
}

uint64_t __wrap_imb_get_feature_flags(void)
{
    return __real_imb_get_feature_flags() & ~lacking;
}

static bool here(void)
{
    if ((__real_imb_get_feature_flags() & IMB_CPUFLAGS_AVX2) == IMB_CPUFLAGS_AVX2)
        return true;
    printf("SKIP: no AVX2 on this processor\n");
    return false;
}

static void a_processor_that_lacks_it_is_told_and_nothing_is_limited(void)
{
    static const uint64_t features[] = {IMB_FEATURE_AVX2, IMB_FEATURE_BMI2, IMB_FEATURE_AESNI};
    for (unsigned i = 0; i < sizeof features / sizeof features[0]; i++) {
        char why[96] = "";
        lacking = features[i];
        CU_ASSERT_EQUAL(eng_isa_limit(ENG_ISA_AVX2, why, sizeof why), CV_EUNSUP);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, "no AVX2"));
        CU_ASSERT_EQUAL(eng_isa_most(), ENG_ISA_BEST);
        CU_ASSERT_EQUAL(eng_isa_limit(ENG_ISA_BEST, why, sizeof why), CV_OK);
    }
    lacking = 0;
}

/* Every kind of manager: for keys, of a worker, of the direct call and of the multi-buffer calls. */
static void managers_make(void)
{
    const struct cv_sa cbc = {
        .encr = CV_ENCR_AES_CBC, .encr_key_len = 16, .integ = CV_INTEG_HMAC_SHA2_256_128};
    struct eng_bare_burst *burst;
    struct eng_worker *w;
    double cycles;
    char why[256];
    CU_ASSERT_EQUAL(eng_auto.self_test(why, sizeof why), CV_OK);
    CU_ASSERT_EQUAL_FATAL(eng_ipsecmb.worker_new(-1, &w), CV_OK);
    eng_ipsecmb.worker_free(w);
    const struct eng_bare_call gcm = {CV_ENCR_AES_GCM_16, CV_DIR_OUT, 16, 1420, 1};
    CU_ASSERT_EQUAL(eng_ipsecmb_bare(&gcm, 10, &cycles), CV_OK);
    CU_ASSERT_EQUAL_FATAL(eng_bare_burst_new(&cbc, &burst), CV_OK);
    eng_bare_burst_free(burst);
}

static void held_to_avx2_no_manager_and_no_kernel_is_wider(void)
{
    char why[96];
    if (!here())
        return;
    CU_ASSERT_EQUAL_FATAL(eng_isa_limit(ENG_ISA_AVX2, why, sizeof why), CV_OK);
    managers_make();
    CU_ASSERT_EQUAL(made_auto, 0);
    CU_ASSERT(made_avx2 >= 4);
    const char *device = eng_ipsecmb.device();
    CU_ASSERT_STRING_EQUAL(strrchr(device, ' '), " AVX2");
    CU_ASSERT_FALSE(eng_vaes_usable(&eng_vaes_avx512));
    CU_ASSERT_EQUAL(eng_vaes_usable(&eng_vaes), eng_vaes_usable(&eng_vaes_avx2));
    if (eng_vaes_usable(&eng_vaes))
        CU_ASSERT_STRING_EQUAL(eng_vaes.device(), "vaes AVX2");
}

static void with_the_best_the_library_chooses(void)
{
    struct eng_worker *w;
    char why[96];
    made_auto = made_avx2 = 0;
    CU_ASSERT_EQUAL_FATAL(eng_isa_limit(ENG_ISA_BEST, why, sizeof why), CV_OK);
    CU_ASSERT_EQUAL_FATAL(eng_ipsecmb.worker_new(-1, &w), CV_OK);
    eng_ipsecmb.worker_free(w);
    CU_ASSERT(made_auto == 1 && made_avx2 == 0);
}

/* In this order: what was made stays as it is. */
UNIT_MAIN_EAL("isa", UNIT_TEST(a_processor_that_lacks_it_is_told_and_nothing_is_limited),
              UNIT_TEST(held_to_avx2_no_manager_and_no_kernel_is_wider),
              UNIT_TEST(with_the_best_the_library_chooses))
