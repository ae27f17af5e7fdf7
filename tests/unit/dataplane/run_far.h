/* run_far: the far end of test_run.c's SAs: makes the packets that come in by them, and opens those that left by them. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_FAR_H
#define TESTS_UNIT_DATAPLANE_RUN_FAR_H

#include "dataplane/esp/esp_in.h"
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/unit/dataplane/manager.h"
#include "tests/unit/dataplane/run_frames.h"

enum { FAR_OUT = 2, FAR_IN = 4 };

static struct esp_worker far;
static struct esp_out_sa *far_out[FAR_OUT];
static struct esp_in_sa *far_in[FAR_IN]; /* by slot of this end's */
static struct cv_sa_counters far_counters[FAR_OUT + FAR_IN];

/* This end's SA as the far end has it, of the other direction, with no limit of its own. */
static struct cv_sa far_sa(struct cv_sa sa)
{
    const struct ip_endpoint here = sa.local;
    sa.local = sa.remote;
    sa.remote = here;
    for (unsigned i = 0; i < sa.ts_count; i++) {
        const struct ts ts = sa.ts_local[i];
        sa.ts_local[i] = sa.ts_remote[i];
        sa.ts_remote[i] = ts;
    }
    sa.hard_packets = sa.soft_packets = 0;
    sa.ref.dir = sa.ref.dir == CV_DIR_OUT ? CV_DIR_IN : CV_DIR_OUT;
    return sa;
}

static void far_send(unsigned i, const struct cv_sa *in)
{
    const struct cv_sa sa = far_sa(*in);
    CU_ASSERT_EQUAL_FATAL(esp_out_sa_new(&sa, mgr_dp.engine, -1, &far_counters[i], &far_out[i]), CV_OK);
}

/* again: this end's numbers may begin anew. */
static inline void far_listen(const struct cv_sa *out, bool again)
{
    const uint32_t slot = out->ref.sa_id;
    struct cv_sa sa = far_sa(*out);
    sa.flags = (uint16_t)((sa.flags & (CV_SA_ESN | CV_SA_NATT)) | (again ? CV_SA_NO_REPLAY : 0));
    sa.replay_window = 1024;
    esp_in_sa_free(far_in[slot]);
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&sa, mgr_dp.engine, -1, &far_counters[FAR_OUT + slot], &far_in[slot]),
                          CV_OK);
}

static void far_end(void)
{
    for (unsigned i = 0; i < FAR_OUT; i++) {
        esp_out_sa_free(far_out[i]);
        far_out[i] = NULL;
    }
    for (unsigned i = 0; i < FAR_IN; i++) {
        esp_in_sa_free(far_in[i]);
        far_in[i] = NULL;
    }
}

/* The UDP that ESP is in. */
static void natt_odd(uint8_t *ip)
{
    switch (rnd(5)) {
    case 0:
        ip[21] ^= (uint8_t)(1 + rnd(3)); /* another mapping of the NAT, for once */
        break;
    case 1:
        ip[25] = (uint8_t)(ip[25] - 4 * (1 + rnd(9))); /* shorter than the IP packet; not so its ICV */
        break;
    case 2:
        ip[25] = (uint8_t)(ip[25] + 1 + rnd(9)); /* longer */
        break;
    case 3:
        ip[26] = (uint8_t)(1 + rnd(255)); /* a checksum, which nobody looks at (RFC 3948 2.1) */
        break;
    default:
        memset(ip + 28, 0, 4); /* IKE (RFC 3948 2.2) */
        break;
    }
}

/* An outer header of IPv6. */
static inline void outer_odd6(struct frame *f)
{
    uint8_t *ip = f->b + ETHER;
    switch (rnd(9)) {
    case 0:
        f->b[f->len - 1 - rnd(60)] ^= 0x40; /* not authentic */
        break;
    case 1:
        ip[1] ^= (uint8_t)(0x10 << rnd(2)); /* congestion on the way */
        break;
    case 2:
        ip[40 + rnd(4)] ^= 4; /* another SPI */
        break;
    case 3:
        ip[7] ^= (uint8_t)(1 + rnd(255));
        break;
    case 4:
        ip[1 + rnd(3)] ^= 1; /* flow label */
        break;
    case 5:
        ip[8 + rnd(16)] ^= (uint8_t)(1 << rnd(8)); /* from elsewhere */
        break;
    case 6:
        ip[4] = ip[5] = 0;
        break;
    case 7:
        ip[5] = (uint8_t)(ip[5] + 1 + rnd(9));
        break;
    default:
        frame_odd(f);
        break;
    }
}

/* The outer packet, by the i-th SA. */
static void far_make(unsigned i, struct frame *f, const struct flow *flow, unsigned nth, bool odd)
{
    uint8_t b[ROOM];
    unsigned len = inner_make(b, flow, nth), more = 0;
    const bool inside = odd && rnd(2);
    if (inside && rnd(3)) {
        len = inner_odd(b, len);
    } else if (inside) {
        more = rnd(40); /* RFC 4303 2.7 */
        memset(b + len, 0, more);
    }
    struct rte_mbuf *m = rte_pktmbuf_alloc(pkt_pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memcpy(rte_pktmbuf_append(m, (uint16_t)(len + more)), b, len + more);
    far.now_tsc = rte_rdtsc();
    CU_ASSERT_EQUAL_FATAL(esp_out_burst(&far, &m, &far_out[i], 1), 1);
    memcpy(f->b + ETHER, rte_pktmbuf_mtod(m, void *), m->data_len);
    const bool v6 = f->b[ETHER] >> 4 == 6;
    ether(f, m->data_len, v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
    rte_pktmbuf_free(m);
    if (!odd || inside)
        return;
    if (v6) {
        outer_odd6(f);
        return;
    }
    uint8_t *ip = f->b + ETHER;
    if (ip[9] == IP_PROTO_UDP && rnd(2)) {
        natt_odd(ip);
        return;
    }
    switch (rnd(5)) {
    case 0:
        f->b[f->len - 1 - rnd(60)] ^= 0x40; /* not authentic */
        break;
    case 1:
        ip[1] ^= (uint8_t)(1 + rnd(3)); /* congestion on the way */
        checksum(ip);
        break;
    case 2:
        ip[23] ^= 4; /* another SPI, in UDP another port */
        break;
    case 3:
        ip[6] ^= 0x40;
        checksum(ip);
        break;
    default:
        frame_odd(f);
        break;
    }
}

/* A whole frame of one of this end's SAs: what is left is the Ethernet header, with what the outer one says of the packet in place of its type, and the
 * inner packet. 0: it is none; else its slot. */
static inline uint32_t far_open(struct rte_mbuf *m)
{
    static const uint8_t here[4] = {10, 0, 0, 1}, here6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    uint8_t link[ETHER];
    const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *), *ip = b + ETHER;
    const bool v6 = ip[0] >> 4 == 6;
    if (memcmp(ip + (v6 ? 8 : 12), v6 ? here6 : here, v6 ? sizeof here6 : sizeof here) != 0 ||
        (!v6 && (ip_get16(ip + 6) & 0x3fff)))
        return 0;
    memcpy(link, b, sizeof link);
    link[12] = v6 ? ip[0] : ip[6]; /* DF */
    link[13] = ip[1];
    rte_pktmbuf_adj(m, ETHER);
    struct dp_meta *meta = dp_meta(m);
    memset(meta, 0, sizeof *meta);
    bool opened = ip_classify_ip(m) == IP_CLASS_ESP;
    const uint32_t slot = meta->spi % (1u << MGR_BITS), at = slot < FAR_IN ? slot : 1;
    far.now_tsc = rte_rdtsc();
    if (opened) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(far_in[at]);
        /* it may have moved (CHANGE_PEER) */
        memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, v6 ? 24 : 16), far_in[at]->local, v6 ? 16 : 4);
        CU_ASSERT_EQUAL(esp_in_burst(&far, &m, &far_in[at], 1), 1);
    }
    memcpy(rte_pktmbuf_prepend(m, ETHER), link, sizeof link);
    return opened ? slot : 0;
}

#endif
