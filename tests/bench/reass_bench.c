/* What putting fragmented ESP together costs one worker: packets of two pieces, as a link of 1500 octets makes of ESP of 1560, by the table alone
 * (ip_reass.h) and in its place: alone, with 512 other datagrams half there, and while lone fragments pour in, which take the oldest's place.
 *
 *   reass_bench [ROUNDS]      default 7 rounds of 0.2 s each
 *
 * Prints datagrams a second and cycles for each (median of the rounds). Fails when one does not come out whole. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_csum.h"
#include "dataplane/ip/ip_reass.h"
#include "dataplane/ip/ip_wire.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST = 1480,
    REST = 60,
    ROUNDS_MAX = 101,
    POOL = 8191,
    ROOM = 2304 + RTE_PKTMBUF_HEADROOM,
    HALVES = 512,
    FLOOD = 4, /* lone fragments to a packet's one */
    SOURCES = 64
};

static struct rte_mempool *pool;
static uint64_t drops[CV_DROP_COUNT];
static struct ip_reass *table;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "reass_bench: %s\n", what);
    exit(1);
}

/* A piece of an ESP packet of 10.0.SRC; at: its octets' place. */
static struct rte_mbuf *piece(uint32_t src, uint16_t id, uint32_t at, uint32_t len, bool more)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    must(m != NULL, "no mbuf");
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(20 + len));
    if (!p) {
        must(false, "a piece longer than an mbuf");
        return NULL;
    }
    memset(p, 0, 28);
    p[0] = 0x45;
    ip_put16(p + 2, 20 + len);
    ip_put16(p + 4, id);
    ip_put16(p + 6, (more ? 0x2000u : 0) | at / 8);
    p[8] = 64;
    p[9] = IP_PROTO_ESP;
    ip_put16(p + 12, 10u << 8);
    ip_put16(p + 14, src);
    ip_put16(p + 16, 10u << 8 | 9);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(p, 20, 0));
    memcpy(p + 10, &sum, 2);
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    dp_meta(m)->family = IP_V4;
    dp_meta(m)->if_in = 1;
    dp_meta(m)->l3_len = 20;
    dp_meta(m)->frag = 1;
    return m;
}

struct run {
    uint64_t cycles, packets, whole;
};

/* One packet, flood of them lone fragments between its pieces; only the table's own calls are timed. */
static void one(struct run *r, uint32_t i, unsigned flood)
{
    static uint32_t lone;
    struct rte_mbuf *a = piece(i % SOURCES, (uint16_t)(i / SOURCES), 0, FIRST, true),
                    *b = piece(i % SOURCES, (uint16_t)(i / SOURCES), FIRST, REST, false), *f[FLOOD];
    for (unsigned k = 0; k < flood; k++, lone++)
        f[k] = piece(1000 + lone % 50000, (uint16_t)(lone / 50000), 64, 64, true);
    const uint64_t t = rte_rdtsc_precise();
    struct rte_mbuf *whole = ip_reass_take(table, a, NULL, t);
    for (unsigned k = 0; k < flood; k++)
        must(ip_reass_take(table, f[k], NULL, t) == NULL, "a lone fragment became whole");
    whole = whole ? whole : ip_reass_take(table, b, NULL, t);
    r->cycles += rte_rdtsc_precise() - t;
    r->packets++;
    r->whole += whole != NULL;
    rte_pktmbuf_free(whole);
}

static int order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const char *name, unsigned rounds, unsigned halves, unsigned flood)
{
    double cycles[ROUNDS_MAX];
    uint64_t packets = 0, whole = 0;
    uint32_t i = 0;
    for (unsigned r = 0; r < rounds; r++) {
        struct run run = {0};
        ip_reass_free(table);
        must(ip_reass_new(pool, rte_get_tsc_hz(), drops, &table) == CV_OK, "no table");
        for (unsigned h = 0; h < halves; h++)
            must(!ip_reass_take(table, piece(30000 + h, 7, 0, 64, true), NULL, rte_rdtsc()),
                 "half a datagram is whole");
        for (const uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 5; rte_rdtsc() < end; i++)
            one(&run, i, flood);
        cycles[r] = (double)run.cycles / (double)run.packets;
        packets += run.packets;
        whole += run.whole;
    }
    qsort(cycles, rounds, sizeof cycles[0], order);
    const double c = cycles[rounds / 2];
    printf("%-36s %8.0f cycles, %9.0f packets/s; %.2f %% whole; %.0f to %.0f cycles\n", name, c,
           (double)rte_get_tsc_hz() / c, 100.0 * (double)whole / (double)packets, cycles[0],
           cycles[rounds - 1]);
    must(whole == packets, "a packet both of whose pieces came was lost");
}

int main(int argc, char **argv)
{
    char *eal[] = {"reass_bench", "--no-shconf", "--no-pci",       "--no-huge",
                   "-m",          "128",         "--no-telemetry", "--log-level=*:error"};
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 7;
    must(rounds > 0 && rounds <= ROUNDS_MAX, "ROUNDS 1 to 101");
    must(rte_eal_init((int)RTE_DIM(eal), eal) >= 0, "no EAL");
    pool = rte_pktmbuf_pool_create("pieces", POOL, 256, sizeof(struct dp_meta), ROOM, SOCKET_ID_ANY);
    must(pool != NULL, "no memory");
    measure("ESP of 1560 octets in two pieces", rounds, 0, 0);
    measure("beside 512 datagrams half there", rounds, HALVES, 0);
    measure("beside four lone fragments each", rounds, 0, FLOOD);
    ip_reass_free(table);
    must(rte_mempool_in_use_count(pool) == 0, "an mbuf was lost");
    return 0;
}
