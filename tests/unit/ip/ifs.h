/* ifs: the interfaces of a test. */
#ifndef TESTS_UNIT_IP_IFS_H
#define TESTS_UNIT_IP_IFS_H

#include "dataplane/ip/ip_if.h"
#include "tests/unit/ip/pkt.h"

#include <stdlib.h>

static struct ip_ifs *ifs;

static inline void start(void)
{
    ifs = calloc(1, sizeof *ifs);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ifs);
    CU_ASSERT(ip_hash_key_make(&ifs->hash_key));
}

/* Takes all of them away: nothing is left in a chain. */
static inline void stop(void)
{
    for (uint32_t id = 1; id < CV_MAX_IFS; id++)
        if (ifs->by_id[id])
            CU_ASSERT_EQUAL(ip_if_del(ifs, id), CV_OK);
    for (unsigned i = 0; i < IP_GRE_CHAINS; i++)
        CU_ASSERT_PTR_NULL(ifs->gre[i]);
    for (unsigned i = 0; i < IP_ENDS_CHAINS; i++)
        CU_ASSERT_PTR_NULL(ifs->ends[i]);
    free(ifs);
}

#endif
