/* Cisco's fragments of IKEv1 messages: cutting, and reassembly that nobody can make grow. */
#include "control/ikev1/v1_frag.h"
#include "tests/unit/ikev1/ikev1.h"

static void agree(struct bench *b)
{
    bench_start(b, true);
    b->cfg.isakmp_fragmentation = true;
    v1_of(&b->sa)->peer.fragmentation = true;
}

/* A message of n octets: header and anything. */
static uint8_t *message(size_t n)
{
    uint8_t *p = malloc(n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    struct buf_writer w = buf_writer_init(p, n);
    struct pld_header h = {.spi_i = {1},
                           .spi_r = {2},
                           .version = PLD1_VERSION,
                           .exchange = PLD1_MAIN,
                           .flags = PLD1_FLAG_ENCRYPTION};
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    while (w.len < n)
        buf_put_u8(&w, (uint8_t)(w.len * 7));
    pld_end(&b);
    return p;
}

static void read_part(const struct v1_sent *s, unsigned i, struct pld1_message *m)
{
    size_t at = 0;
    for (unsigned k = 0; k < i; k++)
        at += s->len[k];
    CU_ASSERT_EQUAL_FATAL(pld1_header(s->data + at, s->len[i], &m->header, NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pld1_outer(s->data + at, s->len[i], m, NULL), CV_OK);
    CU_ASSERT_EQUAL(m->header.flags, 0);
    CU_ASSERT_EQUAL(m->header.exchange, PLD1_MAIN);
}

static void long_messages_are_cut_where_both_ends_can(void)
{
    const size_t sizes[] = {V1_FRAG_OVER, V1_FRAG_OVER + 1, 2 * V1_FRAG_DATA, 2 * V1_FRAG_DATA + 1, 9000};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned can = 0; can < 4; can++) {
            struct bench b;
            struct v1_sent s = {0};
            uint8_t *p = message(sizes[i]);
            agree(&b);
            b.cfg.isakmp_fragmentation = can & 1;
            v1_of(&b.sa)->peer.fragmentation = can & 2;
            CU_ASSERT_EQUAL(v1_frag_cut(&b.e, &b.sa, (struct slice){p, sizes[i]}, &s), CV_OK);
            bool cut = can == 3 && sizes[i] > V1_FRAG_OVER;
            CU_ASSERT_EQUAL(s.count, cut ? (sizes[i] + V1_FRAG_DATA - 1) / V1_FRAG_DATA : 1);
            CU_ASSERT(!cut || s.len[0] <= V1_FRAG_OVER);
            v1_sent_free(&s);
            free(p);
            bench_end(&b);
        }
}

static void fragments_in_any_order_and_twice_make_the_message(void)
{
    enum { LEN = 5000, PARTS = 5 };
    static const unsigned order[][2 * PARTS] = {
        {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 2, 0, 4, 4, 1, 0, 3}, {4, 0, 4, 0, 1, 2, 3}};
    static const unsigned count[] = {5, 5, 8, 7};
    struct bench b, to;
    struct v1_sent s = {0};
    struct pld1_message m;
    uint8_t *p = message(LEN), *whole = NULL;
    size_t len = 0;
    agree(&b);
    agree(&to);
    CU_ASSERT_EQUAL_FATAL(v1_frag_cut(&b.e, &b.sa, (struct slice){p, LEN}, &s), CV_OK);
    CU_ASSERT_EQUAL_FATAL(s.count, PARTS);
    for (unsigned o = 0; o < sizeof order / sizeof *order; o++) {
        for (unsigned i = 0; i < count[o]; i++) {
            read_part(&s, order[o][i], &m);
            CU_ASSERT_EQUAL(v1_frag_add(&to.e, &to.sa, &m, &whole, &len),
                            i + 1 == count[o] ? CV_OK : CV_EAGAIN);
        }
        CU_ASSERT_EQUAL(len, LEN);
        CU_ASSERT(whole && memcmp(whole, p, LEN) == 0);
        CU_ASSERT_PTR_NULL(v1_of(&to.sa)->frags); /* nothing is kept of it */
        free(whole);
        whole = NULL;
    }
    v1_sent_free(&s);
    free(p);
    bench_end(&b);
    bench_end(&to);
}

static cv_result add(struct bench *b, uint16_t id, uint8_t number, bool last, size_t n)
{
    static uint8_t data[V1_FRAG_TOTAL_MAX + 1];
    struct pld1_message m = {.fragment = {.id = id, .number = number, .last = last, .data = {data, n}}};
    uint8_t *whole = NULL;
    size_t len;
    cv_result r = v1_frag_add(&b->e, &b->sa, &m, &whole, &len);
    free(whole);
    return r;
}

/* CVE-2013-6076, CVE-2016-1287, CVE-2016-1344, and floods of fragments. */
static void hostile_fragments_are_refused_within_bounds(void)
{
    struct bench b;
    agree(&b);
    CU_ASSERT_EQUAL(add(&b, 1, 0, true, 10), CV_EINVAL); /* number zero */
    CU_ASSERT_EQUAL(add(&b, 1, 1, true, 0), CV_EINVAL);  /* no data */
    CU_ASSERT_EQUAL(add(&b, 1, V1_FRAG_COUNT_MAX + 1, false, 10), CV_EINVAL);
    CU_ASSERT_EQUAL(add(&b, 1, 255, true, 10), CV_EINVAL);
    CU_ASSERT_EQUAL(add(&b, 2, 3, true, 10), CV_EAGAIN);
    CU_ASSERT_EQUAL(add(&b, 2, 2, true, 10), CV_EINVAL); /* two last ones; all of it is dropped */
    CU_ASSERT_PTR_NULL(v1_of(&b.sa)->frags);
    CU_ASSERT_EQUAL(add(&b, 3, 2, true, 10), CV_EAGAIN);
    CU_ASSERT_EQUAL(add(&b, 3, 3, false, 10), CV_EINVAL); /* behind the last */
    CU_ASSERT_EQUAL(add(&b, 3, 3, false, 10), CV_EAGAIN);
    CU_ASSERT_EQUAL(add(&b, 3, 2, true, 10), CV_EINVAL); /* the last before it */
    CU_ASSERT_EQUAL(add(&b, 4, 1, false, V1_FRAG_TOTAL_MAX), CV_EAGAIN);
    CU_ASSERT_EQUAL(add(&b, 4, 2, false, 1), CV_ENOSPC);
    CU_ASSERT_PTR_NULL(v1_of(&b.sa)->frags);
    for (unsigned id = 0; id < 2000; id++) /* each another message: only one is kept */
        CU_ASSERT_EQUAL(add(&b, (uint16_t)id, 1, false, 1000), CV_EAGAIN);
    for (unsigned n = 2; n <= 16; n++)
        CU_ASSERT_EQUAL(add(&b, 1999, (uint8_t)n, false, 1000), CV_EAGAIN);
    CU_ASSERT_EQUAL(add(&b, 1999, 17, false, 1000), CV_ENOSPC);
    bench_end(&b);
}

static void fragments_that_were_not_agreed_on_are_not_kept(void)
{
    struct bench b;
    agree(&b);
    v1_of(&b.sa)->peer.fragmentation = false;
    CU_ASSERT_EQUAL(add(&b, 1, 1, false, 10), CV_EINVAL);
    v1_of(&b.sa)->peer.fragmentation = true;
    b.cfg.isakmp_fragmentation = false;
    CU_ASSERT_EQUAL(add(&b, 1, 1, false, 10), CV_EINVAL);
    CU_ASSERT_PTR_NULL(v1_of(&b.sa)->frags);
    bench_end(&b);
}

UNIT_MAIN("ikev1-frag", UNIT_TEST(long_messages_are_cut_where_both_ends_can),
          UNIT_TEST(fragments_in_any_order_and_twice_make_the_message),
          UNIT_TEST(hostile_fragments_are_refused_within_bounds),
          UNIT_TEST(fragments_that_were_not_agreed_on_are_not_kept))
