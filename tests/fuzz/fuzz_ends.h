/* The two ends of an SA for the harnesses of dataplane/esp, and what they do to packets between them. Included by one .c file each. */
#ifndef TESTS_FUZZ_FUZZ_ENDS_H
#define TESTS_FUZZ_FUZZ_ENDS_H

#include "dataplane/esp/esp.h"
#include "dataplane/ip/ip_classify.h"
#include "tests/fuzz/fuzz_pkt.h"

enum {
    CONTROLS = 2, /* octets of an input in front of its packet */
    SPI = 0x00c0ffee,
    ROOM_BEHIND = 32, /* as received frames have */
};

static struct esp_worker worker;
static struct cv_sa_counters counters[2];
static const uint8_t here[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1}, there[16] = {0x20, 1, 0x0d, 0xb8, [15] = 2};

/* ---- SAs ------------------------------------------------------------------------------------------------------ */
struct ends {
    struct esp_out_sa *out;
    struct esp_in_sa *in;
};

/* An SA for whatever is inside, without its mode, its transform and its flags. */
static struct cv_sa sa_between(bool v6, const uint8_t *src, const uint8_t *dst)
{
    struct cv_sa sa = {
        .ref = {.dir = CV_DIR_OUT, .spi = SPI}, .if_id = 7, .replay_window = 64, .ts_count = 2};
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    sa.ts_local[1] = sa.ts_remote[1] = ts_any(IP_V6);
    sa.local.addr = v6 ? ip_addr_v6(src) : ip_addr_v4(src);
    sa.remote.addr = v6 ? ip_addr_v6(dst) : ip_addr_v4(dst);
    return sa;
}

static void worker_end(void)
{
    esp_worker_fini(&worker);
}

static const struct eng_ops *engine(void)
{
    const struct eng_ops *e = eng_by_name("ipsec-mb");
    if (!worker.scratch) {
        must(esp_worker_init(&worker, e, 0, -1) == CV_OK);
        must(atexit(worker_end) == 0);
    }
    return e;
}

static struct ends open_ends(const struct cv_sa *out)
{
    const struct eng_ops *e = engine();
    struct cv_sa in = *out;
    struct ends ends;
    in.ref.dir = CV_DIR_IN;
    in.local = out->remote;
    in.remote = out->local;
    memset(counters, 0, sizeof counters);
    must(esp_out_sa_new(out, e, -1, &counters[0], &ends.out) == CV_OK);
    must(esp_in_sa_new(&in, e, -1, &counters[1], &ends.in) == CV_OK);
    return ends;
}

static void close_ends(struct ends *e)
{
    esp_out_sa_free(e->out);
    esp_in_sa_free(e->in);
}

/* ---- packets -------------------------------------------------------------------------------------------------- */
/* n octets with `tail` of room behind them, and nothing behind that. */
static struct rte_mbuf *with_tail(const uint8_t *data, size_t n, size_t tail)
{
    uint8_t *octets = calloc(1, n + tail);
    must(octets != NULL);
    memcpy(octets, data, n);
    struct rte_mbuf *m = exact(octets, n + tail);
    free(octets);
    m->data_len = (uint16_t)n;
    m->pkt_len = (uint32_t)n;
    return m;
}

static bool is_v4_header(const uint8_t *ip, size_t n)
{
    return n >= 20 && (ip[0] & 15u) * 4u >= 20 && (ip[0] & 15u) * 4u <= n;
}

static void seal_v4(uint8_t *ip)
{
    memset(ip + 10, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, (ip[0] & 15u) * 4u, 0));
    memcpy(ip + 10, &sum, 2);
}

/* Of an input: what it says of the family stands, though it be none; an IPv4 header gets its checksum. */
static struct rte_mbuf *packet_of(const uint8_t *data, size_t n, bool v6, size_t tail)
{
    struct rte_mbuf *m = with_tail(data, n, tail);
    if (!v6 && is_v4_header(data, n))
        seal_v4(rte_pktmbuf_mtod(m, uint8_t *));
    return m;
}

static bool is_same(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
    return a->data_len == b->data_len &&
           memcmp(rte_pktmbuf_mtod(a, const void *), rte_pktmbuf_mtod(b, const void *), a->data_len) == 0;
}

#endif
