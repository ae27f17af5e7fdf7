/* Runs and groups against the long way as in test_run.c, with what that has not: ICVs of other lengths, and AES-GCM and GMAC of the engines that `auto`
 * does not choose on every processor: ipsec-mb's, and each set of kernels of vaes. What leaves is the same with each of them. */
#include "dataplane/engine/eng_ipsecmb.h"
#include "tests/unit/dataplane/run_pass.h"

#include <inttypes.h>

enum { FORMS = RTE_DIM(forms) + RTE_DIM(others) };

static struct outcome first[FORMS]; /* engine's */

static bool of_engines(const struct form *f)
{
    return f->encr == CV_ENCR_AES_GCM_16 || f->encr == CV_ENCR_NULL_AES_GMAC;
}

static const struct form *form_at(unsigned i)
{
    return i < RTE_DIM(forms) ? &forms[i] : &others[i - RTE_DIM(forms)];
}

static void form_start(const struct form *f)
{
    dp_worker_free(worker);
    worker = NULL;
    jumbo_set(f->jumbo);
}

static void form_end(void)
{
    dp_worker_free(worker);
    worker = NULL;
    jumbo_set(false);
}

static void by_runs(const struct form *f, uint64_t from, bool changing)
{
    both_ways(f, from, RUNS, changing);
    CU_ASSERT(changing || (with.out.packets > 1000 && with.in.packets > 1000));
    CU_ASSERT(changing || with.in.auth_failed > 0);
}

static void by_groups(const struct form *f, uint64_t from)
{
    if (f->jumbo)
        return;
    mixed = true;
    both_ways(f, from, GROUPS, false);
    CU_ASSERT(with.out.packets > 1000 && with.in.packets > 1000);
    mixed = false;
}

static void ICVs_of_every_length_leave_by_runs_and_groups_as_by_the_long_way(void)
{
    passes_start(fix_engine());
    for (unsigned i = 0; i < RTE_DIM(hmacs); i++) {
        form_start(&hmacs[i]);
        by_runs(&hmacs[i], 0x1c0 + i, false);
        by_runs(&hmacs[i], 0x1d0 + i, true);
        by_groups(&hmacs[i], 0x1e0 + i);
    }
    form_end();
}

static void form_by_engine(unsigned i)
{
    const struct form *f = form_at(i);
    form_start(f);
    by_runs(f, 0xe9000 + i, false);
    if (site_engine == &eng_ipsecmb)
        first[i] = with;
    CU_ASSERT_EQUAL(memcmp(with.stream, first[i].stream, sizeof with.stream), 0);
    by_groups(f, 0xe9600 + i);
}

static void runs_and_groups_of_every_engine_leave_what_the_long_way_leaves(void)
{
    static const struct eng_ops *const engines[] = {&eng_ipsecmb, &eng_vaes_avx2, &eng_vaes_avx512};
    for (unsigned e = 0; e < RTE_DIM(engines); e++) {
        if (e > 0 && !eng_vaes_usable(engines[e])) {
            printf("SKIP %s: not on this processor\n", engines[e]->name);
            continue;
        }
        passes_start(engines[e]);
        for (unsigned i = 0; i < FORMS; i++)
            if (of_engines(form_at(i)))
                form_by_engine(i);
    }
    form_end();
    printf("%" PRIu64 " packets, with runs and without ", driven / 2);
}

static void everything_ends(void)
{
    passes_end();
}

PKT_MAIN("run_transforms", UNIT_TEST(ICVs_of_every_length_leave_by_runs_and_groups_as_by_the_long_way),
         UNIT_TEST(runs_and_groups_of_every_engine_leave_what_the_long_way_leaves),
         UNIT_TEST(everything_ends))
