/* run_open: for test_run.c: what leaves in ESP by an SA whose engine draws the IVs, made comparable: decrypted by the far end's SA, which finds wrong
 * headers, padding and ICVs, with the headers in front of it that it came with. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_OPEN_H
#define TESTS_UNIT_DATAPLANE_RUN_OPEN_H

#include "dataplane/ip/ip_wire.h"
#include "tests/unit/dataplane/run_change.h"
#include "tests/unit/dataplane/run_frames.h"

#include <rte_cycles.h>

enum {
    OPEN_V4 = 20,
    OPEN_V6 = 40,
    OPEN_PIECE = 8, /* IPv6: of the fragment header */
    OPEN_UDP = 8,
    OPEN_ESP = 8,
};

static struct esp_worker *open_worker;
static struct esp_in_sa *open_sa; /* NULL: frames stay as they are */
static struct cv_sa_counters open_counters;
static uint32_t open_spi[2]; /* and of a successor with the same keys */
static unsigned opened;

/* Of frames that leave by `sa`. */
static void open_start(struct esp_worker *w, const struct eng_ops *engine, const struct cv_sa *leaving)
{
    struct cv_sa sa = *leaving;
    sa.ref.dir = CV_DIR_IN;
    sa.local = leaving->remote;
    sa.remote = leaving->local;
    memcpy(sa.ts_local, leaving->ts_remote, sizeof sa.ts_local);
    memcpy(sa.ts_remote, leaving->ts_local, sizeof sa.ts_remote);
    sa.hard_packets = sa.soft_packets = 0;
    sa.flags |= CV_SA_NO_REPLAY; /* its numbers begin again where it is removed and added */
    open_worker = w;
    open_spi[0] = sa.ref.spi;
    open_spi[1] = sa.ref.spi + CHANGE_NEW_SLOT - sa.ref.sa_id;
    opened = 0;
    CU_ASSERT_EQUAL_FATAL(esp_in_sa_new(&sa, engine, -1, &open_counters, &open_sa), CV_OK);
}

static void open_end(void)
{
    esp_in_sa_free(open_sa);
    open_sa = NULL;
}

static void open_whole(struct rte_mbuf *m, unsigned outer, bool v6, bool udp)
{
    uint8_t front[ETHER + OPEN_V6 + OPEN_UDP + OPEN_ESP];
    const unsigned len = ETHER + outer + (udp ? OPEN_UDP : 0) + OPEN_ESP;
    memcpy(front, rte_pktmbuf_mtod(m, const uint8_t *), len);
    uint8_t *ip = (uint8_t *)rte_pktmbuf_adj(m, ETHER);
    memcpy(ip + (v6 ? 24 : 16), esp_in_sa_conf(open_sa)->local.addr.b, v6 ? 16 : 4); /* peers move */
    struct dp_meta *meta = dp_meta(m);
    memset(meta, 0, sizeof *meta);
    meta->family = v6 ? IP_V6 : IP_V4;
    meta->l3_len = (uint16_t)outer;
    meta->udp_encap = udp;
    open_worker->now_tsc = rte_rdtsc();
    CU_ASSERT_EQUAL(esp_in_burst(open_worker, &m, &open_sa, 1), 1);
    memcpy(rte_pktmbuf_prepend(m, (uint16_t)len), front, len);
    opened++;
}

/* A piece of an encrypted packet keeps its headers alone. */
static void open_frame(struct rte_mbuf *m)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETHER);
    const bool v6 = ip[0] >> 4 == 6, piece = v6 ? ip[6] == 44 : (ip_get16(ip + 6) & 0x3fff) != 0;
    const unsigned outer = v6 ? OPEN_V6 : OPEN_V4, proto = v6 ? ip[piece ? OPEN_V6 : 6] : ip[9];
    const bool udp = proto == IP_PROTO_UDP && ip_get16(ip + outer + 2) == IP_PORT_NATT;
    if (piece && (proto == IP_PROTO_ESP || proto == IP_PROTO_UDP))
        rte_pktmbuf_trim(m, (uint16_t)(m->data_len - ETHER - outer - (v6 ? OPEN_PIECE : 0)));
    if (piece || (proto != IP_PROTO_ESP && !udp))
        return;
    const uint32_t spi = ip_get32(ip + outer + (udp ? OPEN_UDP : 0));
    if (spi == open_spi[0] || spi == open_spi[1])
        open_whole(m, outer, v6, udp);
}

#endif
