#include "common/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t family_len(uint8_t family)
{
    return family == IP_V4 ? 4 : family == IP_V6 ? 16 : 0;
}

struct ip_addr ip_addr_v4(const uint8_t b[4])
{
    struct ip_addr a = {.family = IP_V4};
    memcpy(a.b, b, 4);
    return a;
}

struct ip_addr ip_addr_v6(const uint8_t b[16])
{
    struct ip_addr a = {.family = IP_V6};
    memcpy(a.b, b, 16);
    return a;
}

size_t ip_addr_len(const struct ip_addr *a)
{
    return family_len(a->family);
}

unsigned ip_addr_bits(const struct ip_addr *a)
{
    return (unsigned)family_len(a->family) * 8;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->family == b->family && memcmp(a->b, b->b, ip_addr_len(a)) == 0;
}

bool ip_addr_is_any(const struct ip_addr *a)
{
    static const uint8_t zero[16];
    return memcmp(a->b, zero, ip_addr_len(a)) == 0;
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
    if (a->family == IP_V4)
        return (a->b[0] & 0xf0) == 0xe0;
    return a->family == IP_V6 && a->b[0] == 0xff;
}

bool ip_addr_parse(const char *text, struct ip_addr *out)
{
    struct ip_addr a = {0};
    if (inet_pton(AF_INET, text, a.b) == 1)
        a.family = IP_V4;
    else if (inet_pton(AF_INET6, text, a.b) == 1)
        a.family = IP_V6;
    else
        return false;
    *out = a;
    return true;
}

static const char *bytes_text(uint8_t family, const uint8_t *b, char *out)
{
    if (family != IP_V4 && family != IP_V6)
        snprintf(out, IP_TEXT_MAX, "-");
    else if (!inet_ntop(family == IP_V4 ? AF_INET : AF_INET6, b, out, IP_TEXT_MAX))
        snprintf(out, IP_TEXT_MAX, "?");
    return out;
}

const char *ip_addr_text(const struct ip_addr *a, char *out)
{
    return bytes_text(a->family, a->b, out);
}

/* Clears (or sets) the bits behind the first `len` of `n` bytes. */
static void fill_host_bits(uint8_t *b, size_t n, unsigned len, bool ones)
{
    for (size_t i = 0; i < n; i++) {
        unsigned first = (unsigned)i * 8;
        unsigned keep = len <= first ? 0 : len - first >= 8 ? 8 : len - first;
        uint8_t host = (uint8_t)(0xffu >> keep);
        b[i] = ones ? (uint8_t)(b[i] | host) : (uint8_t)(b[i] & (uint8_t)~host);
    }
}

bool ip_prefix_make(const struct ip_addr *a, unsigned len, struct ip_prefix *out)
{
    size_t n = ip_addr_len(a);
    if (n == 0 || len > n * 8)
        return false;
    struct ip_prefix p = {.addr.family = a->family, .len = (uint8_t)len};
    memcpy(p.addr.b, a->b, n);
    fill_host_bits(p.addr.b, n, len, false);
    *out = p;
    return true;
}

bool ip_prefix_parse(const char *text, struct ip_prefix *out)
{
    char addr[IP_TEXT_MAX];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof addr)
        return false;
    memcpy(addr, text, (size_t)(slash - text));
    addr[slash - text] = '\0';

    /* digits alone, at most three: strtoul would take signs and blanks */
    size_t digits = strspn(slash + 1, "0123456789");
    if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
        return false;
    struct ip_addr a;
    return ip_addr_parse(addr, &a) && ip_prefix_make(&a, (unsigned)strtoul(slash + 1, NULL, 10), out);
}

bool ip_mask_len(const struct ip_addr *mask, unsigned *len)
{
    size_t n = ip_addr_len(mask);
    unsigned ones = 0;
    bool ended = false;
    for (unsigned i = 0; i < n * 8; i++) {
        bool bit = mask->b[i / 8] & (0x80u >> (i % 8));
        if (bit && ended)
            return false;
        ended |= !bit;
        ones += bit;
    }
    if (n == 0)
        return false;
    *len = ones;
    return true;
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
    struct ip_prefix q;
    return a->family == p->addr.family && ip_prefix_make(a, p->len, &q) && ip_prefix_equal(p, &q);
}

bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
    return a->len == b->len && ip_addr_equal(&a->addr, &b->addr);
}

const char *ip_prefix_text(const struct ip_prefix *p, char *out)
{
    ip_addr_text(&p->addr, out);
    size_t n = strlen(out);
    if (p->addr.family != IP_NONE)
        snprintf(out + n, IP_TEXT_MAX - n, "/%u", p->len);
    return out;
}

bool ip_endpoint_equal(const struct ip_endpoint *a, const struct ip_endpoint *b)
{
    return a->port == b->port && ip_addr_equal(&a->addr, &b->addr);
}

const char *ip_endpoint_text(const struct ip_endpoint *e, char *out)
{
    char addr[IP_TEXT_MAX];
    ip_addr_text(&e->addr, addr);
    /* 48: no address text is longer; keeps the compiler sure that the rest fits */
    snprintf(out, IP_TEXT_MAX, e->addr.family == IP_V6 ? "[%.48s]:%u" : "%.48s:%u", addr, e->port);
    return out;
}

struct ts ts_from_prefix(const struct ip_prefix *p, uint8_t proto, uint16_t port_lo, uint16_t port_hi)
{
    struct ts t = {.family = p->addr.family, .proto = proto, .port_lo = port_lo, .port_hi = port_hi};
    size_t n = ip_addr_len(&p->addr);
    memcpy(t.lo, p->addr.b, n);
    memcpy(t.hi, p->addr.b, n);
    fill_host_bits(t.lo, n, p->len, false);
    fill_host_bits(t.hi, n, p->len, true);
    return t;
}

struct ts ts_any(uint8_t family)
{
    return ts_from_prefix(&(struct ip_prefix){.addr.family = family}, 0, 0, 65535);
}

bool ts_equal(const struct ts *a, const struct ts *b)
{
    size_t n = family_len(a->family);
    return a->family == b->family && a->proto == b->proto && a->port_lo == b->port_lo &&
           a->port_hi == b->port_hi && memcmp(a->lo, b->lo, n) == 0 && memcmp(a->hi, b->hi, n) == 0;
}

bool ts_is_any(const struct ts *t)
{
    struct ts any = ts_any(t->family);
    return family_len(t->family) && ts_equal(t, &any);
}

/* RFC 7296 3.13.1: start 65535 and end 0 say that the port is OPAQUE, that is, not to be seen. */
static bool opaque(const struct ts *t)
{
    return t->port_lo == 65535 && t->port_hi == 0;
}

static bool any_port(const struct ts *t)
{
    return t->port_lo == 0 && t->port_hi == 65535;
}

bool ts_valid(const struct ts *t)
{
    size_t n = family_len(t->family);
    return n && memcmp(t->lo, t->hi, n) <= 0 && (t->port_lo <= t->port_hi || opaque(t));
}

/* RFC 4301 4.4.1.1: ANY contains OPAQUE; a range of real ports does not. */
static bool ports_contain(const struct ts *out, const struct ts *in)
{
    if (any_port(out))
        return true;
    if (opaque(out) || opaque(in))
        return opaque(out) && opaque(in);
    return out->port_lo <= in->port_lo && in->port_hi <= out->port_hi;
}

bool ts_contains(const struct ts *out, const struct ts *in)
{
    size_t n = family_len(out->family);
    return n && out->family == in->family && (out->proto == 0 || out->proto == in->proto) &&
           ports_contain(out, in) && memcmp(out->lo, in->lo, n) <= 0 && memcmp(in->hi, out->hi, n) <= 0;
}

static bool ports_intersect(const struct ts *a, const struct ts *b, struct ts *out)
{
    if (ports_contain(a, b) || ports_contain(b, a)) {
        const struct ts *inner = ports_contain(a, b) ? b : a;
        out->port_lo = inner->port_lo;
        out->port_hi = inner->port_hi;
        return true;
    }
    if (opaque(a) || opaque(b))
        return false;
    out->port_lo = a->port_lo > b->port_lo ? a->port_lo : b->port_lo;
    out->port_hi = a->port_hi < b->port_hi ? a->port_hi : b->port_hi;
    return out->port_lo <= out->port_hi;
}

bool ts_intersect(const struct ts *a, const struct ts *b, struct ts *out)
{
    size_t n = family_len(a->family);
    if (!ts_valid(a) || !ts_valid(b) || a->family != b->family)
        return false;
    if (a->proto && b->proto && a->proto != b->proto)
        return false;
    struct ts t = {.family = a->family, .proto = a->proto ? a->proto : b->proto};
    memcpy(t.lo, memcmp(a->lo, b->lo, n) > 0 ? a->lo : b->lo, n);
    memcpy(t.hi, memcmp(a->hi, b->hi, n) < 0 ? a->hi : b->hi, n);
    if (memcmp(t.lo, t.hi, n) > 0 || !ports_intersect(a, b, &t))
        return false;
    *out = t;
    return true;
}

bool ts_match(const struct ts *t, const struct ip_addr *a, uint8_t proto, uint16_t port)
{
    size_t n = family_len(t->family);
    return n && t->family == a->family && memcmp(t->lo, a->b, n) <= 0 && memcmp(a->b, t->hi, n) <= 0 &&
           (t->proto == 0 || t->proto == proto) && t->port_lo <= port && port <= t->port_hi;
}

bool ts_to_prefix(const struct ts *t, struct ip_prefix *out)
{
    size_t n = family_len(t->family);
    unsigned len = 0;
    while (len < n * 8 && !((t->lo[len / 8] ^ t->hi[len / 8]) & (0x80u >> (len % 8))))
        len++;
    struct ip_addr lo = {.family = t->family};
    memcpy(lo.b, t->lo, n);
    struct ip_prefix p;
    if (!ip_prefix_make(&lo, len, &p))
        return false;
    struct ts whole = ts_from_prefix(&p, t->proto, t->port_lo, t->port_hi);
    if (!ts_equal(&whole, t))
        return false;
    *out = p;
    return true;
}

static void ports_text(const struct ts *t, char *out, size_t room)
{
    if (any_port(t))
        snprintf(out, room, "*");
    else if (opaque(t))
        snprintf(out, room, "opaque");
    else if (t->port_lo == t->port_hi)
        snprintf(out, room, "%u", t->port_lo);
    else
        snprintf(out, room, "%u-%u", t->port_lo, t->port_hi);
}

const char *ts_text(const struct ts *t, char *out)
{
    char lo[IP_TEXT_MAX], hi[IP_TEXT_MAX], ports[16], proto[8] = "any";
    struct ip_prefix p;
    int n;
    if (ts_to_prefix(t, &p))
        n = snprintf(out, TS_TEXT_MAX, "%.52s", ip_prefix_text(&p, lo));
    else
        n = snprintf(out, TS_TEXT_MAX, "%.48s-%.48s", bytes_text(t->family, t->lo, lo),
                     bytes_text(t->family, t->hi, hi));
    if (t->proto == 0 && any_port(t))
        return out;
    ports_text(t, ports, sizeof ports);
    if (t->proto)
        snprintf(proto, sizeof proto, "%u", t->proto);
    snprintf(out + n, TS_TEXT_MAX - (size_t)n, "[%s/%s]", proto, ports);
    return out;
}
