/* The SA payload: DOI, situation, proposals, transforms (RFC 2408 3.4 to 3.6, 4.2; RFC 2407 4.6.1). */
#include "control/codec/pld1_body.h"
#include "control/codec/pld1_wire.h"

#include <string.h>

enum { SPI_ISAKMP_MAX = 16 };

/* Opens a proposal or transform: next, reserved, length. */
static const char *open_part(struct buf_reader *r, struct pld1_message *m, uint8_t *next, size_t fixed,
                             struct buf_reader *body)
{
    uint8_t reserved;
    uint16_t length;
    if (!buf_u8(r, next) || !buf_u8(r, &reserved) || !buf_u16(r, &length))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "proposal or transform cut off");
    if (reserved != 0)
        return pld1_wrong(m, PLD1_FAULT_RESERVED, "reserved octet not zero in a proposal or transform");
    if (length < fixed || !buf_sub(r, length - (size_t)PLD1_SUB_HEADER, body))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "proposal or transform length wrong");
    return NULL;
}

static const char *read_transform(struct buf_reader *r, struct pld1_message *m, bool phase1, bool more_follow)
{
    uint8_t next;
    uint16_t reserved2;
    struct buf_reader body;
    struct pld1_transform *t = &m->sa.transforms[m->sa.transform_count];
    *t = (struct pld1_transform){0};
    const char *bad = open_part(r, m, &next, PLD1_TRANSFORM_LEN, &body);
    if (bad)
        return bad;
    if (next != (more_follow ? PLD1_MORE_TRANSFORMS : PLD1_NONE))
        return pld1_wrong(m, PLD1_FAULT_PROPOSAL, "number of transforms and next payload disagree");
    if (!buf_u8(&body, &t->number) || !buf_u8(&body, &t->id) || !buf_u16(&body, &reserved2))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "transform cut off");
    if (reserved2 != 0)
        return pld1_wrong(m, PLD1_FAULT_RESERVED, "reserved octets not zero in a transform");
    struct buf_reader whole = body;
    if (!buf_slice(&whole, buf_left(&whole), &t->attributes))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "transform cut off");
    t->unknown_id = phase1 && t->id != PLD1_KEY_IKE;
    bad = pld1_read_attributes(&body, phase1, t);
    if (bad)
        return pld1_wrong(m, PLD1_FAULT_ATTRIBUTE, bad);
    m->sa.transform_count++;
    return NULL;
}

/* RFC 2408 3.5: for ISAKMP up to 16 octets, whose content does not matter; RFC 2407: 4 for ESP and AH, 2 or 4 for IPCOMP. */
static const char *check_spi(const struct pld1_proposal *p, struct pld1_message *m)
{
    static const uint8_t zero[PLD1_SPI_CHILD];
    bool right;
    switch (p->proto) {
    case PLD1_PROTO_ISAKMP:
        return p->spi.n <= SPI_ISAKMP_MAX ? NULL : pld1_wrong(m, PLD1_FAULT_SPI, "SPI too long");
    case PLD1_PROTO_AH:
    case PLD1_PROTO_ESP:
        right = p->spi.n == PLD1_SPI_CHILD;
        break;
    case PLD1_PROTO_IPCOMP:
        right = p->spi.n == PLD1_SPI_CHILD || p->spi.n == PLD1_SPI_CPI;
        break;
    default:
        return pld1_wrong(m, PLD1_FAULT_PROTOCOL, "unknown protocol in a proposal");
    }
    if (!right)
        return pld1_wrong(m, PLD1_FAULT_SPI, "SPI length wrong");
    return memcmp(p->spi.p, zero, p->spi.n) ? NULL : pld1_wrong(m, PLD1_FAULT_SPI, "SPI is zero");
}

static const char *read_transforms(struct buf_reader *r, struct pld1_message *m, bool phase1, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (m->sa.transform_count == PLD1_MAX_TRANSFORMS)
            return pld1_wrong(m, PLD1_FAULT_LIMIT, "too many transforms");
        const char *bad = read_transform(r, m, phase1, i + 1 < count);
        if (bad)
            return bad;
    }
    return buf_left(r) ? pld1_wrong(m, PLD1_FAULT_LENGTH, "octets left over after the transforms") : NULL;
}

static const char *read_proposal(struct buf_reader *r, struct pld1_message *m, uint8_t *next)
{
    uint8_t spi_len, count;
    struct buf_reader body;
    struct pld1_sa *sa = &m->sa;
    if (sa->proposal_count == PLD1_MAX_PROPOSALS)
        return pld1_wrong(m, PLD1_FAULT_LIMIT, "too many proposals");
    struct pld1_proposal *p = &sa->proposals[sa->proposal_count];
    *p = (struct pld1_proposal){.first = (uint16_t)sa->transform_count};
    const char *bad = open_part(r, m, next, PLD1_PROPOSAL_LEN, &body);
    if (bad)
        return bad;
    if (*next != PLD1_NONE && *next != PLD1_MORE_PROPOSALS)
        return pld1_wrong(m, PLD1_FAULT_PROPOSAL, "behind a proposal stands something else");
    if (!buf_u8(&body, &p->number) || !buf_u8(&body, &p->proto) || !buf_u8(&body, &spi_len) ||
        !buf_u8(&body, &count) || !buf_slice(&body, spi_len, &p->spi))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "proposal cut off");
    if (count == 0)
        return pld1_wrong(m, PLD1_FAULT_PROPOSAL, "proposal without transforms");
    if (sa->proposal_count && p->number < p[-1].number) /* RFC 2408 4.2; the first may be 0 or 1 */
        return pld1_wrong(m, PLD1_FAULT_PROPOSAL, "proposal numbers out of order");
    p->count = count;
    bad = check_spi(p, m);
    return bad ? bad : read_transforms(&body, m, p->proto == PLD1_PROTO_ISAKMP, count);
}

const char *pld1_read_sa(struct buf_reader *r, struct pld1_message *m)
{
    uint32_t doi, situation;
    uint8_t next = PLD1_MORE_PROPOSALS;
    struct buf_reader whole = *r;
    if (!buf_slice(&whole, buf_left(&whole), &m->sa.body) || !buf_u32(r, &doi) || !buf_u32(r, &situation))
        return pld1_wrong(m, PLD1_FAULT_LENGTH, "SA payload too short");
    if (doi != PLD1_DOI_IPSEC)
        return pld1_wrong(m, PLD1_FAULT_DOI, "DOI is not IPsec");
    if (situation != PLD1_SIT_IDENTITY_ONLY)
        return pld1_wrong(m, PLD1_FAULT_SITUATION, "situation is not identity-only");
    while (next == PLD1_MORE_PROPOSALS) {
        const char *bad = read_proposal(r, m, &next);
        if (bad)
            return bad;
        m->sa.proposal_count++;
    }
    return buf_left(r) ? pld1_wrong(m, PLD1_FAULT_LENGTH, "octets left over after the last proposal") : NULL;
}
