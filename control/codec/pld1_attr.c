/* Attributes of transforms (RFC 2408 3.3; RFC 2409 Appendix A; RFC 2407 4.5). */
#include "control/codec/pld1_body.h"
#include "control/codec/pld1_wire.h"

struct attribute {
    uint16_t class;
    bool basic;           /* TV */
    uint16_t value;       /* of a basic one */
    struct slice content; /* of a variable one */
};

/* What has been seen while the attributes of one transform are read. */
struct reading {
    bool phase1;
    bool life_open; /* a Life Type waits for its duration */
    uint16_t life_type;
    uint32_t seen; /* bit per class that may stand once */
    struct pld1_transform *t;
};

static bool read_attribute(struct buf_reader *r, struct attribute *a)
{
    uint16_t type = 0, value = 0;
    if (!buf_u16(r, &type) || !buf_u16(r, &value))
        return false;
    *a = (struct attribute){.class = type & (PLD1_ATTR_TV - 1), .basic = type & PLD1_ATTR_TV, .value = value};
    return a->basic || buf_slice(r, value, &a->content);
}

/* A number in as many octets as the peer likes. */
static uint32_t duration(const struct attribute *a)
{
    uint64_t v = 0;
    if (a->basic)
        return a->value;
    for (size_t i = 0; i < a->content.n; i++) {
        v = v << 8 | a->content.p[i];
        if (v > UINT32_MAX)
            return UINT32_MAX;
    }
    return (uint32_t)v;
}

/* RFC 2407 4.5: a Life Duration belongs to the Life Type before it. */
static const char *read_duration(struct reading *s, const struct attribute *a)
{
    uint32_t v = duration(a);
    uint32_t *to = s->life_type == PLD1_LIFE_SECONDS     ? &s->t->life.seconds
                   : s->life_type == PLD1_LIFE_KILOBYTES ? &s->t->life.kilobytes
                                                         : NULL;
    if (!s->life_open)
        return "life duration without life type";
    if (!a->basic && a->content.n == 0)
        return "life duration without octets";
    s->life_open = false;
    if (to && *to != 0)
        return "two lifetimes of one kind";
    if (!to)
        s->t->unusable = true;
    else
        *to =
            v; /* 0: no limit of this kind, as strongSwan says where none is configured; lifetimes never refuse (G26) */
    return NULL;
}

static const char *read_life_type(struct reading *s, const struct attribute *a)
{
    if (s->life_open || !a->basic)
        return "life type without duration, or in the long form";
    s->life_type = a->value;
    s->life_open = true;
    return NULL;
}

/* Where a basic attribute's value goes; NULL for classes not known. */
static uint16_t *place1(struct pld1_transform *t, uint16_t class)
{
    switch (class) {
    case PLD1_A1_ENCR:
        return &t->encr;
    case PLD1_A1_HASH:
        return &t->hash;
    case PLD1_A1_AUTH:
        return &t->auth;
    case PLD1_A1_GROUP:
        return &t->group;
    case PLD1_A1_KEY_LENGTH:
        return &t->key_bits;
    default:
        return NULL;
    }
}

static uint16_t *place2(struct pld1_transform *t, uint16_t class)
{
    switch (class) {
    case PLD1_A2_GROUP:
        return &t->group;
    case PLD1_A2_ENCAP:
        return &t->encap;
    case PLD1_A2_INTEG:
        return &t->integ;
    case PLD1_A2_KEY_LENGTH:
        return &t->key_bits;
    case PLD1_A2_ESN:
        return &t->esn;
    default:
        return NULL;
    }
}

static const char *take(struct reading *s, const struct attribute *a)
{
    if (a->class == (s->phase1 ? PLD1_A1_LIFE_TYPE : PLD1_A2_LIFE_TYPE))
        return read_life_type(s, a);
    if (a->class == (s->phase1 ? PLD1_A1_LIFE_DURATION : PLD1_A2_LIFE_DURATION))
        return read_duration(s, a);
    uint16_t *place = s->phase1 ? place1(s->t, a->class) : place2(s->t, a->class);
    if (!place) {
        s->t->unusable = true;
        return NULL;
    }
    if (!a->basic) /* RFC 2409 Appendix A: basic attributes must not be variable */
        return "basic attribute in the long form";
    if (s->seen >> a->class & 1)
        return "an attribute stands twice in one transform";
    s->seen |= 1u << a->class;
    *place = a->value;
    s->t->unusable |= a->value == 0; /* would read like an absent one; no class has a value 0 */
    return NULL;
}

const char *pld1_read_attributes(struct buf_reader *r, bool phase1, struct pld1_transform *t)
{
    struct reading s = {.phase1 = phase1, .t = t};
    struct attribute a;
    for (unsigned n = 0; buf_left(r) > 0; n++) {
        if (n == PLD1_MAX_ATTRIBUTES)
            return "too many attributes in one transform";
        if (!read_attribute(r, &a))
            return "transform attribute cut off";
        const char *bad = take(&s, &a);
        if (bad)
            return bad;
    }
    return s.life_open ? "life type without duration" : NULL;
}

cv_result pld1_notify_life(const struct pld1_notify *n, struct pld1_life *out)
{
    struct pld1_transform t = {0};
    struct buf_reader r = buf_reader_init(n->data.p, n->data.n);
    *out = (struct pld1_life){0};
    if (n->type != PLD1_N_RESPONDER_LIFETIME || n->data.n == 0)
        return CV_EPARSE;
    if (pld1_read_attributes(&r, n->proto == PLD1_PROTO_ISAKMP, &t) || t.unusable)
        return CV_EPARSE;
    if (t.life.seconds == 0 && t.life.kilobytes == 0)
        return CV_EPARSE;
    *out = t.life;
    return CV_OK;
}
