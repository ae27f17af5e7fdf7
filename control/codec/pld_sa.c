/* The SA payload: proposals, transforms, attributes (RFC 7296 3.3). */
#include "control/codec/pld_body.h"
#include "control/codec/pld_wire.h"

#include <string.h>

enum { TRANSFORM_ENCR = 1 }; /* the one type whose Key Length attribute has a meaning (RFC 7296 3.3.5) */

static const char *read_attributes(struct buf_reader *r, struct pld_transform *t)
{
    bool have_key_length = false;
    while (buf_left(r) > 0) {
        uint16_t type = 0, value = 0;
        if (!buf_u16(r, &type) || !buf_u16(r, &value))
            return "transform attribute cut off";
        if (type == (PLD_ATTR_TV | PLD_ATTR_KEY_LENGTH)) {
            if (have_key_length)
                return "two Key Length attributes in one transform";
            have_key_length = true;
            t->key_bits = value;
            /* zero would read like an absent attribute; and only ciphers have key lengths */
            t->unknown_attr |= value == 0 || t->type != TRANSFORM_ENCR;
            continue;
        }
        if (type == PLD_ATTR_KEY_LENGTH)
            return "Key Length attribute in the long form";
        t->unknown_attr = true;
        if (!(type & PLD_ATTR_TV) && !buf_skip(r, value))
            return "transform attribute cut off";
    }
    return NULL;
}

static const char *read_transform(struct buf_reader *r, bool more_follow, struct pld_transform *t)
{
    uint8_t more, reserved;
    uint16_t length;
    struct buf_reader body;
    *t = (struct pld_transform){0};
    if (!buf_u8(r, &more) || !buf_u8(r, &reserved) || !buf_u16(r, &length) || length < PLD_TRANSFORM_LEN ||
        !buf_sub(r, length - 4u, &body))
        return "transform length wrong";
    if (more != (more_follow ? PLD_MORE_TRANSFORMS : PLD_LAST))
        return "number of transforms and last-transform mark disagree";
    if (!buf_u8(&body, &t->type) || !buf_u8(&body, &reserved) || !buf_u16(&body, &t->id))
        return "transform cut off";
    return read_attributes(&body, t);
}

/* RFC 7296 3.3.1: no SPI or 8 octets for IKE, 4 for ESP and AH; zero names no SA. */
static const char *check_spi(const struct pld_proposal *p)
{
    static const uint8_t zero[PLD_SPI_LEN];
    if (p->proto == PLD_PROTO_IKE && p->spi.n != 0 && p->spi.n != PLD_SPI_LEN)
        return "SPI length wrong in an IKE proposal";
    if ((p->proto == PLD_PROTO_ESP || p->proto == PLD_PROTO_AH) && p->spi.n != PLD_SPI_CHILD)
        return "SPI length wrong in an ESP or AH proposal";
    if (p->spi.n != 0 && p->spi.n <= sizeof zero && memcmp(p->spi.p, zero, p->spi.n) == 0)
        return "SPI is zero";
    return NULL;
}

static const char *read_transforms(struct buf_reader *r, unsigned count, struct pld_sa *sa)
{
    for (unsigned i = 0; i < count; i++) {
        if (sa->transform_count == PLD_MAX_TRANSFORMS)
            return "too many transforms";
        const char *bad = read_transform(r, i + 1 < count, &sa->transforms[sa->transform_count]);
        if (bad)
            return bad;
        sa->transform_count++;
    }
    return buf_left(r) ? "octets left over after the transforms" : NULL;
}

static const char *read_proposal(struct buf_reader *r, struct pld_sa *sa, bool *more_follow)
{
    uint8_t more, reserved, spi_len, count;
    uint16_t length;
    struct buf_reader body;
    if (sa->proposal_count == PLD_MAX_PROPOSALS)
        return "too many proposals";
    struct pld_proposal *p = &sa->proposals[sa->proposal_count];
    *p = (struct pld_proposal){.first = (uint16_t)sa->transform_count};
    if (!buf_u8(r, &more) || !buf_u8(r, &reserved) || !buf_u16(r, &length) || length < PLD_PROPOSAL_LEN ||
        !buf_sub(r, length - 4u, &body))
        return "proposal length wrong";
    if (more != PLD_LAST && more != PLD_MORE_PROPOSALS)
        return "last-proposal mark is neither 0 nor 2";
    *more_follow = more == PLD_MORE_PROPOSALS;
    if (!buf_u8(&body, &p->number) || !buf_u8(&body, &p->proto) || !buf_u8(&body, &spi_len) ||
        !buf_u8(&body, &count) || !buf_slice(&body, spi_len, &p->spi))
        return "proposal cut off";
    if (count == 0)
        return "proposal without transforms";
    p->count = count;
    const char *bad = check_spi(p);
    return bad ? bad : read_transforms(&body, count, sa);
}

const char *pld_read_sa(struct buf_reader *r, struct pld_sa *out)
{
    bool more = true;
    while (more) {
        const char *bad = read_proposal(r, out, &more);
        if (bad)
            return bad;
        const struct pld_proposal *p = &out->proposals[out->proposal_count];
        /* RFC 7296 3.3.1: each number is one more than the one before */
        if (p->number == 0 || (out->proposal_count && p->number != p[-1].number + 1))
            return "proposal numbers out of order";
        out->proposal_count++;
    }
    return buf_left(r) ? "octets left over after the last proposal" : NULL;
}
