#include "tests/unit/esp/esp_draw.h"

#include <rte_common.h>
#include <string.h>

/* ---- draws ------------------------------------------------------------------------------------------------------- */
static uint64_t state;

void draw_seed(uint64_t seed)
{
    state = seed;
}

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t draw(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
uint32_t below(uint32_t n)
{
    return (uint32_t)((draw() >> 32) * n >> 32);
}
bool one_in(uint32_t n)
{
    return below(n) == 0;
}
void fill(uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 8) {
        const uint64_t v = draw();
        memcpy(p + i, &v, RTE_MIN(n - i, 8u));
    }
}

static uint32_t draw_len(void)
{
    switch (below(8)) {
    case 0:
        return 1 + below(64);
    case 1:
    case 2:
        return 40 + below(200);
    case 3:
        return 1 + below(1500);
    case 4:
        return 1380 + below(140);
    case 5:
        return DRAW_INNER_MAX - below(100);
    case 6:
        return (64u << below(8)) - 20 + below(40); /* about the lengths at which loops change */
    default:
        return 1 + below(DRAW_INNER_MAX);
    }
}

/* ---- inner packets ------------------------------------------------------------------------------------------------- */
static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* len octets that look like a packet of that family from 10.1 or fd01, most of the time. */
static void inner(uint8_t *p, uint32_t len, bool v4)
{
    static const uint8_t protos[] = {1, 6, 17, 50, 58, 59, 89, 132};
    fill(p, len);
    const uint32_t least = v4 ? 20 : 40;
    p[0] = (uint8_t)(v4 ? 0x45 : 0x60 | (p[0] & 15));
    if (len < least)
        return;
    if (v4) {
        p[0] = (uint8_t)(0x40 | RTE_MIN(5 + below(one_in(4) ? 11 : 1), len / 4));
        put16(p + 2, len);
        p[9] = protos[below(sizeof protos)];
    } else {
        put16(p + 4, len - 40);
        p[6] = protos[below(sizeof protos)];
    }
    uint8_t *src = p + (v4 ? 12 : 8);
    if (!one_in(12)) {
        src[0] = v4 ? 10 : 0xfd;
        src[1] = 1;
    }
}

/* Options of an IPv4 header that fill n octets; now and then one runs over, or a route does not end here. */
static void options_v4(uint8_t *p, uint32_t n)
{
    static const uint8_t types[] = {0, 1, 7, 68, 82, 130, 131, 133, 134, 136, 137, 148, 149};
    for (uint32_t i = 0, size; i < n; i += size) {
        size = 1;
        p[i] = one_in(8) ? (uint8_t)draw() : types[below(sizeof types)];
        if (p[i] == 0) /* behind it stands what there was */
            return;
        if (p[i] == 1 || n - i < 3) {
            p[i] = 1;
            continue;
        }
        size = 3 + below(RTE_MIN(n - i - 2, 12u));
        p[i + 1] = (uint8_t)(one_in(60) ? draw() : size);
        p[i + 2] = (uint8_t)(one_in(60) ? below(size) : size + 1); /* of a route: where it goes on */
    }
}

/* Options of an IPv6 header for every host, or for the last, that fill n octets; one in a hundred runs over. */
static void options_v6(uint8_t *p, uint32_t n)
{
    static const uint8_t types[] = {0, 1, 0x05, 0x1e, 0x26, 0x3e, 0xc2, 0xee};
    for (uint32_t i = 0, size; i < n; i += size) {
        size = 1;
        p[i] = one_in(8) ? (uint8_t)draw() : types[below(sizeof types)];
        if (n - i < 2)
            p[i] = 0;
        if (p[i] == 0)
            continue;
        size = 2 + below(RTE_MIN(n - i - 1, 12u));
        p[i + 1] = (uint8_t)(one_in(100) ? draw() : size - 2);
    }
}

/* IPv6 extension headers behind `p`, up to `room` octets of them: which, in what order. Gives their length; *field is the octet
 * that names what is behind. The fragment header is an atomic one, most of the time (RFC 6946); whole: there is none. */
static uint32_t extensions(uint8_t *p, uint32_t room, bool whole, uint32_t *field)
{
    static const uint8_t types[] = {0, 43, 60, 44};
    uint32_t at = 40;
    *field = 6;
    for (unsigned n = below(4); n > 0; n--) {
        const uint8_t type = types[below(sizeof types - whole)];
        const uint32_t size = type == 44 ? 8 : 8 * (1 + below(4));
        if (at + size > room || at + size > REF_HEADERS_MAX)
            break;
        p[*field] = type;
        if (type == 44)
            put16(p + at + 2, one_in(4) ? draw() & 0xffff : 0);
        else
            p[at + 1] = (uint8_t)(size / 8 - 1);
        if (type == 43)
            p[at + 3] = one_in(40); /* segments left */
        else if (type != 44)
            options_v6(p + at + 2, size - 2);
        *field = at;
        at += size;
    }
    return at;
}

/* Between the SA's ends, as transport mode wants it. */
static void inner_transport(const struct cv_sa *sa, uint8_t *p, uint32_t len)
{
    static const uint8_t protos[] = {6, 17, 58, 47};
    const bool v4 = sa->local.addr.family == IP_V4;
    const uint32_t n = v4 ? 4 : 16;
    uint8_t *src = p + (v4 ? 12 : 8);
    uint32_t field = 9;
    inner(p, len, v4);
    if (len < (v4 ? 20u : 40u))
        return;
    if (v4) {
        put16(p + 6, one_in(20) ? draw() & 0xffff : draw() & 0x4000);
        options_v4(p + 20, (p[0] & 15u) * 4 - 20);
    } else {
        (void)extensions(p, len, false, &field);
    }
    p[v4 ? 9 : field] = protos[below(sizeof protos)];
    memcpy(src, sa->local.addr.b, n);
    memcpy(src + n, sa->remote.addr.b, n);
    if (one_in(30))
        src[below(2 * n)] ^= (uint8_t)(1u << below(8));
}

/* What is sealed: an inner packet, or octets for transport mode; with padding for TFC, wrong lengths, dummies. */
uint32_t draw_payload(const struct cv_sa *sa, uint8_t *p, uint8_t *next)
{
    static const uint8_t protos[] = {6, 17, 58, 47, 60};
    const bool v4 = one_in(2);
    uint32_t len = draw_len();
    if (sa->mode == CV_MODE_TRANSPORT) {
        fill(p, len);
        *next = protos[below(sizeof protos)];
        if (*next == 17 && len >= 8 && !one_in(4))
            put16(p + 4, len - (one_in(4) ? below(len) : 0));
    } else {
        inner(p, len, v4);
        *next = v4 ? 4 : 41;
        if (one_in(8)) { /* RFC 4303 2.7 */
            const uint32_t tfc = below(DRAW_INNER_MAX - len + 1);
            memset(p + len, 0, tfc);
            len += tfc;
        }
        if (one_in(24))
            put16(p + (v4 ? 2 : 4), draw() & 0xffff);
        if (one_in(24))
            p[0] = (uint8_t)draw();
    }
    if (one_in(24))
        *next = one_in(2) ? 59 : (uint8_t)draw();
    return len;
}

/* Up to 255 octets of padding, whole units; wrong now and then. */
uint32_t draw_trailer(const struct cv_sa *sa, uint8_t *p, uint32_t len, uint8_t next)
{
    const uint32_t unit = ref_unit(sa);
    uint32_t pad = (unit - (len + 2) % unit) % unit;
    if (one_in(4))
        pad += unit * below((255 - pad) / unit + 1);
    for (uint32_t i = 0; i < pad; i++)
        p[len + i] = (uint8_t)(i + 1);
    if (pad > 0 && one_in(16))
        p[len + below(pad)] ^= (uint8_t)(1u << below(8));
    p[len + pad] = (uint8_t)(one_in(32) ? draw() : pad);
    p[len + pad + 1] = next;
    return len + pad + 2;
}

/* The outer header of a packet from the peer, with any TOS and, for transport mode, options. Gives its length. */
uint32_t draw_outer(const struct cv_sa *sa, uint8_t *p, bool udp)
{
    const bool v4 = sa->local.addr.family == IP_V4, ah = sa->proto == CV_PROTO_AH;
    const uint32_t n = v4 ? 4 : 16;
    uint8_t *src = p + (v4 ? 12 : 8);
    uint32_t l3 = v4 ? 20 : 40, field = v4 ? 9 : 6;
    fill(p, REF_HEADERS_MAX);
    if (!v4)
        l3 = extensions(p, one_in(ah ? 2 : 4) ? REF_HEADERS_MAX : 40, ah, &field);
    else if (one_in(ah ? 2 : 4))
        l3 += 4 * below(11);
    if (v4)
        options_v4(p + 20, l3 - 20);
    p[0] = (uint8_t)(v4 ? 0x40 | l3 / 4 : 0x60 | (p[0] & 15));
    p[field] = ah ? 51 : udp ? 17 : 50;
    memcpy(src, sa->remote.addr.b, n);
    memcpy(src + n, sa->local.addr.b, n);
    if (one_in(40))
        src[below(2 * n)] ^= (uint8_t)(1u << below(8));
    return l3;
}

/* What may happen on the way. */
void draw_damage(struct ref_packet *p, uint32_t esp)
{
    const uint32_t len = p->len - esp;
    switch (below(40)) {
    case 0:
    case 1: /* SPI, number, IV */
        p->b[esp + below(RTE_MIN(len, 24u))] ^= (uint8_t)(1u << below(8));
        break;
    case 2:
    case 3:
        p->b[esp + below(len)] ^= (uint8_t)(1u << below(8));
        break;
    case 4: /* ICV */
        p->b[p->len - 1 - below(12)] ^= (uint8_t)(1u << below(8));
        break;
    case 5:
        p->len -= RTE_MIN(len - 8, 1 + below(one_in(2) ? 32 : len));
        break;
    case 6: {
        const uint32_t more = 1 + below(64);
        fill(p->b + p->len, more);
        p->len += more;
        break;
    }
    default:
        break;
    }
}

static uint32_t fragment_header(struct ref_packet *p, uint32_t l3)
{
    uint32_t at = 40, field = 6;
    while (at < l3 && one_in(2)) {
        field = at;
        at += (p->b[at + 1] + 1u) * 8;
    }
    memmove(p->b + at + 8, p->b + at, p->len - at);
    memset(p->b + at, 0, 4);
    fill(p->b + at + 4, 4);
    p->b[at] = p->b[field];
    p->b[field] = 44;
    p->len += 8;
    put16(p->b + 4, p->len - 40);
    return l3 + 8;
}

uint32_t draw_way(struct ref_packet *p, uint32_t l3)
{
    if (p->b[0] >> 4 == 4) {
        p->b[1] = (uint8_t)draw();
        put16(p->b + 6, draw() & 0xffff);
        p->b[8] = (uint8_t)draw();
        put16(p->b + 10, draw() & 0xffff);
        return l3;
    }
    p->b[0] = (uint8_t)(0x60 | below(16));
    put16(p->b + 1, draw() & 0xffff);
    p->b[3] = (uint8_t)draw();
    p->b[7] = (uint8_t)draw();
    return one_in(6) ? fragment_header(p, l3) : l3;
}

void draw_inner(const struct cv_sa *sa, struct ref_packet *p)
{
    p->len = draw_len();
    if (sa->mode == CV_MODE_TRANSPORT)
        inner_transport(sa, p->b, p->len);
    else
        inner(p->b, p->len, one_in(2));
    if (one_in(40))
        p->b[0] = (uint8_t)draw();
}
