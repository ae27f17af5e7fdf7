/* Building messages. Whatever does not fit marks the writer bad; nothing is checked in between. */
#include "control/codec/pld.h"
#include "control/codec/pld_wire.h"

/* Places of the "next payload" octet that are none: an inner chain's first type is kept in the builder; after SK
 * nothing may follow. Patching either would be out of bounds, and so mark the writer bad. */
static const size_t next_is_first = SIZE_MAX;
static const size_t next_is_sealed = SIZE_MAX - 1;

void pld_begin(struct pld_builder *b, struct buf_writer *w, const struct pld_header *h)
{
    *b = (struct pld_builder){.w = w, .header_at = w->len, .next_at = w->len + PLD_AT_NEXT_PAYLOAD};
    buf_put(w, h->spi_i, PLD_SPI_LEN);
    buf_put(w, h->spi_r, PLD_SPI_LEN);
    buf_put_u8(w, PLD_NONE);
    buf_put_u8(w, h->version);
    buf_put_u8(w, h->exchange);
    buf_put_u8(w, h->flags);
    buf_put_u32(w, h->message_id);
    buf_put_u32(w, 0);
}

void pld_chain_begin(struct pld_chain *c, struct buf_writer *w)
{
    c->b = (struct pld_builder){.w = w, .header_at = w->len, .next_at = next_is_first};
}

uint8_t pld_chain_first(const struct pld_chain *c)
{
    return c->b.first;
}

/* Chains a payload of `type` behind the last one and remembers where its own "next payload" lies. */
static void link_payload(struct pld_builder *b, uint8_t type)
{
    if (b->next_at != next_is_first)
        buf_patch_u8(b->w, b->next_at, type);
    if (b->first == PLD_NONE)
        b->first = type;
    b->payload_at = b->w->len;
    b->next_at = b->w->len;
}

void pld_open(struct pld_builder *b, uint8_t type)
{
    link_payload(b, type);
    buf_put_u8(b->w, PLD_NONE);
    buf_put_u8(b->w, 0);
    buf_put_u16(b->w, 0);
}

void pld_close(struct pld_builder *b)
{
    size_t n = b->w->len - b->payload_at;
    if (n > PLD_PAYLOAD_MAX)
        b->w->bad = true;
    buf_patch_u16(b->w, b->payload_at + 2, (uint16_t)n);
}

void pld_end(struct pld_builder *b)
{
    size_t n = b->w->len - b->header_at;
    if (n > PLD_MESSAGE_MAX)
        b->w->bad = true;
    buf_patch_u32(b->w, b->header_at + PLD_AT_LENGTH, (uint32_t)n);
}

static void put_transform(struct buf_writer *w, const struct pld_build_transform *t, bool more)
{
    buf_put_u8(w, more ? PLD_MORE_TRANSFORMS : PLD_LAST);
    buf_put_u8(w, 0);
    buf_put_u16(w, t->key_bits ? PLD_TRANSFORM_LEN + PLD_ATTR_LEN : PLD_TRANSFORM_LEN);
    buf_put_u8(w, t->type);
    buf_put_u8(w, 0);
    buf_put_u16(w, t->id);
    if (t->key_bits) {
        buf_put_u16(w, PLD_ATTR_TV | PLD_ATTR_KEY_LENGTH);
        buf_put_u16(w, t->key_bits);
    }
}

static void put_proposal(struct buf_writer *w, const struct pld_build_proposal *p, bool more)
{
    size_t at = w->len;
    if (p->count == 0 || p->count > PLD_BUILD_TRANSFORMS || p->spi_len > sizeof p->spi) {
        w->bad = true;
        return;
    }
    buf_put_u8(w, more ? PLD_MORE_PROPOSALS : PLD_LAST);
    buf_put_u8(w, 0);
    buf_put_u16(w, 0);
    buf_put_u8(w, p->number);
    buf_put_u8(w, p->proto);
    buf_put_u8(w, p->spi_len);
    buf_put_u8(w, (uint8_t)p->count);
    buf_put(w, p->spi, p->spi_len);
    for (unsigned i = 0; i < p->count; i++)
        put_transform(w, &p->transforms[i], i + 1 < p->count);
    buf_patch_u16(w, at + 2, (uint16_t)(w->len - at));
}

void pld_put_sa(struct pld_builder *b, const struct pld_build_proposal *p, unsigned count)
{
    pld_open(b, PLD_SA);
    if (count == 0 || count > PLD_MAX_PROPOSALS)
        b->w->bad = true;
    for (unsigned i = 0; i < count && !b->w->bad; i++)
        put_proposal(b->w, &p[i], i + 1 < count);
    pld_close(b);
}

void pld_put_ke(struct pld_builder *b, uint16_t group, struct slice public_value)
{
    pld_open(b, PLD_KE);
    buf_put_u16(b->w, group);
    buf_put_u16(b->w, 0);
    buf_put(b->w, public_value.p, public_value.n);
    pld_close(b);
}

void pld_put_nonce(struct pld_builder *b, struct slice nonce)
{
    pld_open(b, PLD_NONCE);
    buf_put(b->w, nonce.p, nonce.n);
    pld_close(b);
}

/* ID and AUTH have one form: an octet that says what it is, three reserved, the data. */
static void put_kind_and_data(struct pld_builder *b, uint8_t payload_type, uint8_t kind, struct slice data)
{
    pld_open(b, payload_type);
    buf_put_u8(b->w, kind);
    buf_put_zero(b->w, 3);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

void pld_put_id(struct pld_builder *b, uint8_t payload_type, uint8_t id_type, struct slice data)
{
    put_kind_and_data(b, payload_type, id_type, data);
}

void pld_put_auth(struct pld_builder *b, uint8_t method, struct slice data)
{
    put_kind_and_data(b, PLD_AUTH, method, data);
}

void pld_put_notify(struct pld_builder *b, uint8_t proto, struct slice spi, uint16_t type, struct slice data)
{
    if (spi.n > UINT8_MAX)
        b->w->bad = true;
    pld_open(b, PLD_NOTIFY);
    buf_put_u8(b->w, spi.n ? proto : PLD_PROTO_NONE); /* RFC 7296 3.10: without an SPI zero */
    buf_put_u8(b->w, (uint8_t)spi.n);
    buf_put_u16(b->w, type);
    buf_put(b->w, spi.p, spi.n);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

void pld_put_delete(struct pld_builder *b, uint8_t proto, uint8_t spi_len, const uint8_t *spis,
                    uint16_t count)
{
    pld_open(b, PLD_DELETE);
    buf_put_u8(b->w, proto);
    buf_put_u8(b->w, spi_len);
    buf_put_u16(b->w, count);
    buf_put(b->w, spis, (size_t)spi_len * count);
    pld_close(b);
}

static void put_selector(struct buf_writer *w, const struct ts *t)
{
    size_t n = t->family == IP_V4 ? 4 : 16;
    if (!ts_valid(t)) {
        w->bad = true;
        return;
    }
    buf_put_u8(w, t->family == IP_V4 ? PLD_TS_IPV4 : PLD_TS_IPV6);
    buf_put_u8(w, t->proto);
    buf_put_u16(w, (uint16_t)(PLD_TS_FIXED + 2 * n));
    buf_put_u16(w, t->port_lo);
    buf_put_u16(w, t->port_hi);
    buf_put(w, t->lo, n);
    buf_put(w, t->hi, n);
}

void pld_put_ts(struct pld_builder *b, uint8_t payload_type, const struct ts *ts, unsigned count)
{
    if (count == 0 || count > UINT8_MAX)
        b->w->bad = true;
    pld_open(b, payload_type);
    buf_put_u8(b->w, (uint8_t)count);
    buf_put_zero(b->w, 3);
    for (unsigned i = 0; i < count && !b->w->bad; i++)
        put_selector(b->w, &ts[i]);
    pld_close(b);
}

void pld_put_vendor(struct pld_builder *b, struct slice data)
{
    pld_open(b, PLD_VENDOR);
    buf_put(b->w, data.p, data.n);
    pld_close(b);
}

/* The generic header of SK or SKF with its final length; its "next payload" names the first inner one (3.14). */
static void put_sealed(struct pld_builder *b, uint8_t type, uint8_t first_inner, size_t length)
{
    if (length > PLD_PAYLOAD_MAX)
        b->w->bad = true;
    link_payload(b, type);
    buf_put_u8(b->w, first_inner);
    buf_put_u8(b->w, 0);
    buf_put_u16(b->w, (uint16_t)length);
    b->next_at = next_is_sealed;
}

size_t pld_put_sk(struct pld_builder *b, uint8_t first_inner, size_t body_len)
{
    put_sealed(b, PLD_SK, first_inner, PLD_GENERIC_LEN + body_len);
    return b->w->len;
}

size_t pld_put_skf(struct pld_builder *b, uint8_t first_inner, uint16_t number, uint16_t total,
                   size_t body_len)
{
    put_sealed(b, PLD_SKF, number == 1 ? first_inner : PLD_NONE,
               PLD_GENERIC_LEN + 4 + body_len); /* RFC 7383 2.5 */
    buf_put_u16(b->w, number);
    buf_put_u16(b->w, total);
    return b->w->len;
}
