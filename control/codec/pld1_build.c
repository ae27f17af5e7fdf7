/* Building IKEv1 messages. Whatever does not fit marks the writer bad; nothing is checked in between. */
#include "control/codec/pld1.h"
#include "control/codec/pld1_wire.h"

#include <string.h>

static void put_basic(struct buf_writer *w, uint16_t class, uint16_t value)
{
    if (value == 0)
        return;
    buf_put_u16(w, PLD1_ATTR_TV | class);
    buf_put_u16(w, value);
}

/* In the short form where it fits (RFC 2409 Appendix A allows both). */
static void put_duration(struct buf_writer *w, bool phase1, uint16_t kind, uint32_t value)
{
    uint16_t class = phase1 ? PLD1_A1_LIFE_DURATION : PLD1_A2_LIFE_DURATION;
    if (value == 0)
        return;
    put_basic(w, phase1 ? PLD1_A1_LIFE_TYPE : PLD1_A2_LIFE_TYPE, kind);
    if (value <= UINT16_MAX) {
        put_basic(w, class, (uint16_t)value);
        return;
    }
    buf_put_u16(w, class);
    buf_put_u16(w, sizeof value);
    buf_put_u32(w, value);
}

void pld1_put_life(struct buf_writer *w, uint8_t proto, const struct pld1_life *life)
{
    bool phase1 = proto == PLD1_PROTO_ISAKMP;
    put_duration(w, phase1, PLD1_LIFE_SECONDS, life->seconds);
    put_duration(w, phase1, PLD1_LIFE_KILOBYTES, life->kilobytes);
}

static void put_attributes(struct buf_writer *w, uint8_t proto, const struct pld1_build_transform *t)
{
    if (t->attributes.n) {
        buf_put(w, t->attributes.p, t->attributes.n);
        return;
    }
    if (proto == PLD1_PROTO_ISAKMP) {
        put_basic(w, PLD1_A1_ENCR, t->encr);
        put_basic(w, PLD1_A1_KEY_LENGTH, t->key_bits);
        put_basic(w, PLD1_A1_HASH, t->hash);
        put_basic(w, PLD1_A1_AUTH, t->auth);
        put_basic(w, PLD1_A1_GROUP, t->group);
    } else {
        put_basic(w, PLD1_A2_GROUP, t->group);
        put_basic(w, PLD1_A2_ENCAP, t->encap);
        put_basic(w, PLD1_A2_INTEG, t->integ);
        put_basic(w, PLD1_A2_KEY_LENGTH, t->key_bits);
        put_basic(w, PLD1_A2_ESN, t->esn);
    }
    pld1_put_life(w, proto, &t->life);
}

/* Writes the length of the proposal or transform that starts at `at`. */
static void close_part(struct buf_writer *w, size_t at)
{
    w->bad |= w->len - at > UINT16_MAX;
    buf_patch_u16(w, at + 2, (uint16_t)(w->len - at));
}

static void put_transform(struct buf_writer *w, uint8_t proto, const struct pld1_build_transform *t,
                          bool more)
{
    size_t at = w->len;
    buf_put_u8(w, more ? PLD1_MORE_TRANSFORMS : PLD1_NONE);
    buf_put_zero(w, 3);
    buf_put_u8(w, t->number);
    buf_put_u8(w, t->id);
    buf_put_u16(w, 0);
    put_attributes(w, proto, t);
    close_part(w, at);
}

static void put_proposal(struct buf_writer *w, const struct pld1_build_proposal *p, bool more)
{
    size_t at = w->len;
    if (p->count == 0 || p->count > PLD1_BUILD_TRANSFORMS || p->spi_len > sizeof p->spi) {
        w->bad = true;
        return;
    }
    buf_put_u8(w, more ? PLD1_MORE_PROPOSALS : PLD1_NONE);
    buf_put_zero(w, 3);
    buf_put_u8(w, p->number);
    buf_put_u8(w, p->proto);
    buf_put_u8(w, p->spi_len);
    buf_put_u8(w, (uint8_t)p->count);
    buf_put(w, p->spi, p->spi_len);
    for (unsigned i = 0; i < p->count; i++)
        put_transform(w, p->proto, &p->transforms[i], i + 1 < p->count);
    close_part(w, at);
}

void pld1_put_sa(struct pld_builder *b, const struct pld1_build_proposal *p, unsigned count)
{
    pld_open(b, PLD1_SA);
    buf_put_u32(b->w, PLD1_DOI_IPSEC);
    buf_put_u32(b->w, PLD1_SIT_IDENTITY_ONLY);
    if (count == 0 || count > PLD1_MAX_PROPOSALS)
        b->w->bad = true;
    for (unsigned i = 0; i < count && !b->w->bad; i++)
        put_proposal(b->w, &p[i], i + 1 < count);
    pld_close(b);
}

void pld1_put_raw(struct pld_builder *b, uint8_t type, struct slice data)
{
    pld_open(b, type);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

size_t pld1_put_hash_room(struct pld_builder *b, size_t n)
{
    pld_open(b, PLD1_HASH);
    size_t at = b->w->len;
    buf_put_zero(b->w, n);
    pld_close(b);
    return at;
}

void pld1_put_id(struct pld_builder *b, uint8_t id_type, uint8_t proto, uint16_t port, struct slice data)
{
    pld_open(b, PLD1_ID);
    buf_put_u8(b->w, id_type);
    buf_put_u8(b->w, proto);
    buf_put_u16(b->w, port);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

/* The mask of a prefix length, in network order. */
static void put_mask(uint8_t *out, size_t n, unsigned len)
{
    for (size_t i = 0; i < n; i++) {
        unsigned bits = len > 8 * i ? len - (unsigned)(8 * i) : 0;
        out[i] = (uint8_t)(bits >= 8 ? 0xff : 0xff << (8 - bits));
    }
}

void pld1_put_id_selector(struct pld_builder *b, const struct ts *ts)
{
    bool v4 = ts->family == IP_V4, one_port = ts->port_lo == ts->port_hi,
         any_port = ts->port_lo == 0 && ts->port_hi == UINT16_MAX;
    size_t n = v4 ? 4 : 16;
    uint8_t data[32];
    struct ip_prefix p;
    /* RFC 2407 4.6.2: port zero means any, so that port zero itself cannot be said */
    if (!ts_valid(ts) || (!any_port && (!one_port || ts->port_lo == 0)) || (!any_port && ts->proto == 0)) {
        b->w->bad = true;
        return;
    }
    uint16_t port = any_port ? 0 : ts->port_lo;
    struct buf_writer w = buf_writer_init(data, sizeof data);
    buf_put(&w, ts->lo, n);
    buf_put(&w, ts->hi, n);
    if (memcmp(ts->lo, ts->hi, n) == 0) {
        pld1_put_id(b, v4 ? PLD1_ID_IPV4 : PLD1_ID_IPV6, ts->proto, port, (struct slice){data, n});
    } else if (ts_to_prefix(ts, &p)) {
        put_mask(data + n, n, p.len);
        pld1_put_id(b, v4 ? PLD1_ID_IPV4_SUBNET : PLD1_ID_IPV6_SUBNET, ts->proto, port,
                    (struct slice){data, 2 * n});
    } else {
        pld1_put_id(b, v4 ? PLD1_ID_IPV4_RANGE : PLD1_ID_IPV6_RANGE, ts->proto, port,
                    (struct slice){data, 2 * n});
    }
}

void pld1_put_cert(struct pld_builder *b, uint8_t type, uint8_t encoding, struct slice data)
{
    pld_open(b, type);
    buf_put_u8(b->w, encoding);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

void pld1_put_notify(struct pld_builder *b, uint8_t proto, struct slice spi, uint16_t type, struct slice data)
{
    if (spi.n > PLD1_SPI_ISAKMP)
        b->w->bad = true;
    pld_open(b, PLD1_NOTIFY);
    buf_put_u32(b->w, PLD1_DOI_IPSEC);
    buf_put_u8(b->w, proto);
    buf_put_u8(b->w, (uint8_t)spi.n);
    buf_put_u16(b->w, type);
    buf_put(b->w, spi.p, spi.n);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

void pld1_put_delete(struct pld_builder *b, uint8_t proto, uint8_t spi_len, const uint8_t *spis,
                     uint16_t count)
{
    pld_open(b, PLD1_DELETE);
    buf_put_u32(b->w, PLD1_DOI_IPSEC);
    buf_put_u8(b->w, proto);
    buf_put_u8(b->w, spi_len);
    buf_put_u16(b->w, count);
    buf_put(b->w, spis, (size_t)spi_len * count);
    pld_close(b);
}

void pld1_put_nat_oa(struct pld_builder *b, uint8_t type, const struct ip_addr *a)
{
    if (ip_addr_len(a) == 0)
        b->w->bad = true;
    pld_open(b, type);
    buf_put_u8(b->w, a->family == IP_V4 ? PLD1_ID_IPV4 : PLD1_ID_IPV6);
    buf_put_zero(b->w, 3);
    buf_put(b->w, a->b, ip_addr_len(a));
    pld_close(b);
}

void pld1_put_fragment(struct pld_builder *b, uint16_t id, uint8_t number, bool last, struct slice data)
{
    if (number == 0 || data.n == 0)
        b->w->bad = true;
    pld_open(b, PLD1_FRAGMENT);
    buf_put_u16(b->w, id);
    buf_put_u8(b->w, number);
    buf_put_u8(b->w, last ? PLD1_FRAGMENT_LAST : 0);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

void pld1_end(struct pld_builder *b, size_t block)
{
    size_t over = block > 1 ? (b->w->len - b->header_at - PLD_HEADER_LEN) % block : 0;
    if (over)
        buf_put_zero(b->w, block - over);
    pld_end(b);
}
