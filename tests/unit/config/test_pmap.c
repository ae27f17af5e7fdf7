#include "control/config/cfg_pmap.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

enum { MANY = 500 };

static struct ip_prefix prefix(const char *text)
{
    struct ip_prefix p = {0};
    CU_ASSERT_FATAL(ip_prefix_parse(text, &p));
    return p;
}

static int longest(const struct cfg_pmap *m, const char *text, int *len)
{
    struct ip_addr a;
    CU_ASSERT_FATAL(ip_addr_parse(text, &a));
    const unsigned *v = cfg_pmap_longest(m, 3, &a, len);
    return v ? (int)*v : -1;
}

static void longest_prefix_wins_in_its_own_family(void)
{
    static const char *const texts[] = {"0.0.0.0/0",   "10.0.0.0/8",    "10.1.0.0/16",
                                        "10.1.2.3/32", "2001:db8::/32", "::/0"};
    struct cfg_pmap m;
    bool fresh;
    int len;
    CU_ASSERT_EQUAL_FATAL(cfg_pmap_init(&m, 6), CV_OK);
    CU_ASSERT_EQUAL(longest(&m, "10.0.0.1", &len), -1);
    for (unsigned i = 0; i < 6; i++) {
        struct ip_prefix p = prefix(texts[i]);
        CU_ASSERT_EQUAL(*cfg_pmap_put(&m, 3, &p, i, &fresh), i);
        CU_ASSERT(fresh);
        CU_ASSERT_EQUAL(*cfg_pmap_put(&m, 3, &p, 99, &fresh), i);
        CU_ASSERT_FALSE(fresh);
    }
    CU_ASSERT_EQUAL(longest(&m, "10.1.2.3", &len), 3);
    CU_ASSERT_EQUAL(len, 32);
    CU_ASSERT_EQUAL(longest(&m, "10.1.2.4", &len), 2);
    CU_ASSERT_EQUAL(longest(&m, "10.2.2.4", &len), 1);
    CU_ASSERT_EQUAL(longest(&m, "11.2.2.4", &len), 0);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(longest(&m, "2001:db8::1", &len), 4);
    CU_ASSERT_EQUAL(longest(&m, "a00::1", &len), 5);
    struct ip_addr none = {0};
    CU_ASSERT_PTR_NULL(cfg_pmap_longest(&m, 3, &none, &len));
    cfg_pmap_free(&m);
}

static void it_agrees_with_a_walk_over_all(void)
{
    static struct ip_prefix all[MANY];
    static unsigned spaces[MANY]; /* which one each prefix is in */
    struct cfg_pmap m;
    bool fresh;
    unsigned n = 0;
    int len;
    srand(7);
    CU_ASSERT_EQUAL_FATAL(cfg_pmap_init(&m, MANY), CV_OK);
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t b[4] = {10, (uint8_t)(rand() % 4), (uint8_t)rand(), (uint8_t)rand()};
        struct ip_addr a = ip_addr_v4(b);
        CU_ASSERT_FATAL(ip_prefix_make(&a, 8 + (unsigned)rand() % 25, &all[n]));
        spaces[n] = i % 2;
        cfg_pmap_put(&m, spaces[n], &all[n], n, &fresh);
        n += fresh;
    }
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t b[4] = {10, (uint8_t)(rand() % 5), (uint8_t)rand(), (uint8_t)rand()};
        struct ip_addr a = ip_addr_v4(b);
        int best = -1;
        for (unsigned k = 0; k < n; k++)
            if (spaces[k] == i % 2 && ip_prefix_contains(&all[k], &a) &&
                (best < 0 || all[k].len > all[best].len))
                best = (int)k;
        const unsigned *v = cfg_pmap_longest(&m, i % 2, &a, &len);
        CU_ASSERT_EQUAL(v ? (int)*v : -1, best);
        CU_ASSERT_EQUAL(len, best < 0 ? -1 : all[best].len);
    }
    cfg_pmap_free(&m);
}

UNIT_MAIN("config-pmap", UNIT_TEST(longest_prefix_wins_in_its_own_family),
          UNIT_TEST(it_agrees_with_a_walk_over_all))
