/* run_frames: seeded frames for test_run.c: stretches of one flow in clear, common and odd. */
#ifndef TESTS_UNIT_DATAPLANE_RUN_FRAMES_H
#define TESTS_UNIT_DATAPLANE_RUN_FRAMES_H

#include "dataplane/ip/ip_csum.h"
#include "tests/unit/ip/pkt.h"

#include <rte_ether.h>

enum {
    LONGEST = 1378,
    JUMBO = 9000,
    ROOM = JUMBO + 300,
    ETHER = RTE_ETHER_HDR_LEN,
};

static unsigned longest = LONGEST; /* inner packet */
static const uint8_t far_mac[6] = {2, 1, 1, 1, 1, 1};
static uint64_t seed;
static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

struct frame {
    uint16_t len;
    uint8_t b[ROOM];
};

static void checksum(uint8_t *ip)
{
    memset(ip + 10, 0, 2);
    const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, 20, 0));
    memcpy(ip + 10, &sum, 2);
}

static void ether(struct frame *f, unsigned len, uint16_t type)
{
    static const uint8_t station[6] = {2, 0, 0, 0, 0, 1};
    memcpy(f->b, station, 6);
    memcpy(f->b + 6, far_mac, 6);
    f->b[12] = (uint8_t)(type >> 8);
    f->b[13] = (uint8_t)type;
    f->len = (uint16_t)(len + ETHER);
}

/* What is the same in a stretch of packets of one flow. */
struct flow {
    uint8_t src[4], dst[4], proto, tos, ttl, df;
    unsigned len;
    bool varied; /* in length */
};

static inline struct flow flow_make(bool in)
{
    static const uint8_t protos[] = {17, 17, 6, 1, 50}, ttls[] = {64, 64, 255, 2};
    struct flow f = {.proto = protos[rnd(5)], .ttl = ttls[rnd(4)], .df = rnd(2) ? 0x40 : 0};
    const uint8_t near[4] = {192, 168, 1, 77},
                  far_end[4] = {10, (uint8_t)(in || rnd(4) ? 20 : 21), 1, (uint8_t)(1 + rnd(2))};
    memcpy(in ? f.dst : f.src, near, 4);
    memcpy(in ? f.src : f.dst, far_end, 4);
    f.tos = (uint8_t)(rnd(3) ? 0 : rnd(256));
    f.varied = rnd(2);
    f.len = rnd(2) ? 28 + rnd(100) : 28 + rnd(longest - 28);
    return f;
}

static unsigned inner_make(uint8_t *b, const struct flow *f, unsigned nth)
{
    const unsigned len = f->varied ? 28 + rnd(600) : f->len;
    for (unsigned i = 20; i < len; i++)
        b[i] = (uint8_t)(i * 7 + nth);
    memset(b, 0, 20);
    b[0] = 0x45;
    b[1] = f->tos;
    b[2] = (uint8_t)(len >> 8);
    b[3] = (uint8_t)len;
    b[4] = (uint8_t)(nth >> 8);
    b[5] = (uint8_t)nth;
    b[6] = f->df;
    b[8] = f->ttl;
    b[9] = f->proto;
    memcpy(b + 12, f->src, 4);
    memcpy(b + 16, f->dst, 4);
    if (f->proto == IP_PROTO_UDP) {
        b[24] = (uint8_t)((len - 20) >> 8);
        b[25] = (uint8_t)(len - 20);
        b[22] = 1; /* no port of ESP's */
    }
    checksum(b);
    return len;
}

/* An odd one among them. Gives its length. */
static unsigned inner_odd(uint8_t *b, unsigned len)
{
    switch (rnd(14)) {
    case 0:
        b[8] = 1; /* TTL */
        break;
    case 1:
        b[1] ^= (uint8_t)(1 + rnd(255));
        break;
    case 2:
        b[6] ^= 0x40;
        break;
    case 3:
        b[19] ^= 1;
        break;
    case 4:
        b[15] ^= 1;
        break;
    case 5:
        b[10] ^= 0x10;
        return len; /* a wrong checksum */
    case 6:
        b[3] = (uint8_t)(b[3] + 1 + rnd(9)); /* longer than it is, or shorter */
        break;
    case 7:
        b[2] = 0;
        b[3] = 19;
        break;
    case 8:
        b[0] = 0x46;
        break;
    case 9:
        b[6] = 0x20; /* a fragment */
        break;
    case 10:
        b[9] = rnd(2) ? 17 : 50;
        b[22] = 4500 >> 8;
        b[23] = (uint8_t)4500;
        break;
    case 11:
        b[12] = rnd(2) ? 127 : 224;
        break;
    case 12:
        b[0] = 0x65;
        break;
    default:
        b[24] = 255; /* a UDP length */
        break;
    }
    if (b[0] == 0x45)
        checksum(b);
    return len;
}

static void frame_odd(struct frame *f)
{
    switch (rnd(6)) {
    case 0:
        f->b[5] ^= 1; /* another station's */
        break;
    case 1:
        f->b[0] = 1;
        break;
    case 2:
        f->len = (uint16_t)(f->len - rnd(20));
        break;
    case 3:
        f->b[12] = 0x86;
        f->b[13] = 0xdd;
        break;
    default: /* link padding */
        memset(f->b + f->len, 0xaa, 20);
        f->len = (uint16_t)(f->len + rnd(20));
        break;
    }
}

static inline void clear_make(struct frame *f, const struct flow *flow, unsigned nth, bool odd)
{
    unsigned len = inner_make(f->b + ETHER, flow, nth);
    if (odd && rnd(3))
        len = inner_odd(f->b + ETHER, len);
    ether(f, len, RTE_ETHER_TYPE_IPV4);
    if (odd && rnd(3) == 0)
        frame_odd(f);
}

#endif
