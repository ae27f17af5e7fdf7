/* Packets for the harnesses of dataplane/ip: an EAL without hugepages, and mbufs whose memory ends where the packet ends, so that
 * the sanitizer sees one octet too many. Included by one .c file each. */
#ifndef TESTS_FUZZ_FUZZ_PKT_H
#define TESTS_FUZZ_FUZZ_PKT_H

#include "dataplane/dp_meta.h"

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUZZ_HEADROOM = 128, FUZZ_ROOM = 9600, FUZZ_MBUFS = 4095 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* rooms: what the code under test writes into. husks: mbufs around memory of the harness. */
static struct rte_mempool *fuzz_rooms, *fuzz_husks;

static void must_at(bool truth, const char *what, int line)
{
    if (truth)
        return;
    fprintf(stderr, "line %d: %s\n", line, what);
    abort();
}
#define must(truth) must_at(truth, #truth, __LINE__)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char *args[] = {"fuzz",        "--no-huge",      "-m", "128", "--no-pci",
                    "--no-shconf", "--no-telemetry", "-l", "0",   "--log-level=*:error",
                    NULL};
    (void)argc;
    (void)argv;
    must(rte_eal_init((int)(sizeof args / sizeof args[0]) - 1, args) >= 0);
    fuzz_rooms = rte_pktmbuf_pool_create("rooms", FUZZ_MBUFS, 0, sizeof(struct dp_meta), FUZZ_ROOM, 0);
    fuzz_husks = rte_pktmbuf_pool_create("husks", FUZZ_MBUFS, 0, sizeof(struct dp_meta), 0, 0);
    must(fuzz_rooms && fuzz_husks);
    return 0;
}

static void memory_free(void *octets, void *info)
{
    free(octets);
    free(info);
}

/* n octets, and nothing behind them; meta is zero. */
static struct rte_mbuf *exact(const uint8_t *data, size_t n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(fuzz_husks);
    struct rte_mbuf_ext_shared_info *info = malloc(sizeof *info);
    uint8_t *octets = malloc(FUZZ_HEADROOM + n);
    must(m && info && octets);
    if (n > 0)
        memcpy(octets + FUZZ_HEADROOM, data, n);
    info->free_cb = memory_free;
    info->fcb_opaque = info;
    rte_mbuf_ext_refcnt_set(info, 1);
    rte_pktmbuf_attach_extbuf(m, octets, 0, (uint16_t)(FUZZ_HEADROOM + n), info);
    m->data_off = FUZZ_HEADROOM;
    m->data_len = (uint16_t)n;
    m->pkt_len = (uint32_t)n;
    memset(dp_meta(m), 0, sizeof(struct dp_meta));
    return m;
}

/* What one packet left, exact again, with its metadata. */
static struct rte_mbuf *exact_copy(struct rte_mbuf *m)
{
    struct rte_mbuf *copy = exact(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
    *dp_meta(copy) = *dp_meta(m);
    return copy;
}

static void nothing_is_lost(void)
{
    must(rte_mempool_in_use_count(fuzz_rooms) == 0 && rte_mempool_in_use_count(fuzz_husks) == 0);
}

#endif
