/* addr: addresses, prefixes, endpoints and traffic selectors, IPv4 and IPv6 alike.
 *
 * Plain fixed-size structs without pointers: they stand in the contract between the two processes and may
 * be compared with memcmp once made by these functions (unused bytes are zero). Ports are host order. */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include "common/result.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };
enum { IP_TEXT_MAX = 64, TS_TEXT_MAX = 160 };

struct ip_addr {
    uint8_t family; /* IP_NONE, IP_V4, IP_V6 */
    uint8_t pad[3];
    uint8_t b[16]; /* network order; IPv4 in b[0..3], the rest zero */
};
static_assert(sizeof(struct ip_addr) == 20, "contract size");

struct ip_prefix {
    struct ip_addr addr; /* host bits zero */
    uint8_t len;         /* 0..32 or 0..128 */
    uint8_t pad[3];
};
static_assert(sizeof(struct ip_prefix) == 24, "contract size");

struct ip_endpoint {
    struct ip_addr addr;
    uint16_t port;
    uint16_t pad;
};
static_assert(sizeof(struct ip_endpoint) == 24, "contract size");

/* One traffic selector (RFC 7296 3.13.1): an address range, a protocol (0 any) and a port range.
 * For ICMP the "ports" are type << 8 | code as RFC 7296 3.13.1 has it. OPAQUE is port_lo 65535, port_hi 0. */
struct ts {
    uint8_t family;
    uint8_t proto;
    uint16_t port_lo;
    uint16_t port_hi;
    uint16_t pad;
    uint8_t lo[16];
    uint8_t hi[16];
};
static_assert(sizeof(struct ts) == 40, "contract size");

struct ip_addr ip_addr_v4(const uint8_t b[4]);
struct ip_addr ip_addr_v6(const uint8_t b[16]);
size_t ip_addr_len(const struct ip_addr *a); /* 4, 16, or 0 for IP_NONE */
unsigned ip_addr_bits(const struct ip_addr *a);
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
bool ip_addr_is_any(const struct ip_addr *a);       /* all zero, or IP_NONE */
bool ip_addr_is_multicast(const struct ip_addr *a); /* 224/4, ff00::/8 */
/* "192.0.2.1" or "2001:db8::1", nothing after it. */
CV_MUST_USE bool ip_addr_parse(const char *text, struct ip_addr *out);
/* Returns out, which holds at least IP_TEXT_MAX. "-" for IP_NONE. */
const char *ip_addr_text(const struct ip_addr *a, char *out);

/* Makes the prefix of `len` bits that covers a; false when len is over the family's width. */
CV_MUST_USE bool ip_prefix_make(const struct ip_addr *a, unsigned len, struct ip_prefix *out);
CV_MUST_USE bool ip_prefix_parse(const char *text, struct ip_prefix *out); /* "10.0.0.0/8", "2001:db8::/32" */
/* 255.255.255.0 -> 24; false for a mask with holes. */
CV_MUST_USE bool ip_mask_len(const struct ip_addr *mask, unsigned *len);
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);
const char *ip_prefix_text(const struct ip_prefix *p, char *out); /* IP_TEXT_MAX */

bool ip_endpoint_equal(const struct ip_endpoint *a, const struct ip_endpoint *b);
const char *ip_endpoint_text(const struct ip_endpoint *e, char *out); /* "A:P" or "[A]:P", IP_TEXT_MAX */

struct ts ts_from_prefix(const struct ip_prefix *p, uint8_t proto, uint16_t port_lo, uint16_t port_hi);
struct ts ts_any(uint8_t family); /* 0.0.0.0-255.255.255.255 or ::-ff..ff, any protocol, all ports */
bool ts_equal(const struct ts *a, const struct ts *b);
bool ts_is_any(const struct ts *t);
/* Range ends in order, family known. */
CV_MUST_USE bool ts_valid(const struct ts *t);
/* True when every packet that matches `in` matches `out`. */
bool ts_contains(const struct ts *out, const struct ts *in);
/* The selectors common to both; false when there are none (RFC 7296 2.9 narrowing). */
CV_MUST_USE bool ts_intersect(const struct ts *a, const struct ts *b, struct ts *out);
/* A packet whose port cannot be seen has none to match: port 0. OPAQUE matches no packet here. */
bool ts_match(const struct ts *t, const struct ip_addr *a, uint8_t proto, uint16_t port);
/* When the range is exactly a prefix. */
CV_MUST_USE bool ts_to_prefix(const struct ts *t, struct ip_prefix *out);
/* "10.0.0.0/8", "10.0.0.1-10.0.0.9[6/443]", "::/0[any/opaque]"; out holds TS_TEXT_MAX. */
const char *ts_text(const struct ts *t, char *out);

#endif
