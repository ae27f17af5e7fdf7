#include "control/ikev2/v2.h"

#include <string.h>

void v2_peer_offers(const struct pld_sa *sa, uint8_t proto, size_t spi_len, struct v2_peer_offers *out)
{
    out->count = 0;
    for (unsigned i = 0; i < sa->transform_count; i++) {
        const struct pld_transform *t = &sa->transforms[i];
        out->t[i] = (struct sel_transform){t->type, t->id, t->key_bits, t->unknown_attr};
    }
    for (unsigned i = 0; i < sa->proposal_count; i++) {
        const struct pld_proposal *p = &sa->proposals[i];
        const bool child = p->proto == PLD_PROTO_ESP || p->proto == PLD_PROTO_AH;
        if ((proto == PLD_PROTO_NONE ? !child : p->proto != proto) || p->spi.n != spi_len)
            continue;
        out->spi[out->count] = p->spi;
        out->offer[out->count++] = (struct sel_offer){
            .number = p->number, .proto = p->proto, .count = p->count, .t = &out->t[p->first]};
    }
}

static void fill(struct pld_build_proposal *p, uint8_t number, uint8_t proto, const struct sel_transform *t,
                 unsigned count, const uint8_t *spi, uint8_t spi_len)
{
    p->number = number;
    p->proto = proto;
    p->spi_len = (uint8_t)slice_copy((struct slice){spi, spi_len}, p->spi, sizeof p->spi);
    /* a count that does not fit is left as it is: the builder refuses it */
    p->count = count;
    for (unsigned i = 0; i < count && i < PLD_BUILD_TRANSFORMS; i++)
        p->transforms[i] = (struct pld_build_transform){t[i].type, t[i].id, t[i].key_bits};
}

void v2_put_offers(struct pld_builder *b, const struct sel_offers *o, const uint8_t *spi, uint8_t spi_len)
{
    struct pld_build_proposal p[SEL_OFFERS_MAX];
    for (unsigned i = 0; i < o->count; i++)
        fill(&p[i], o->offer[i].number, o->offer[i].proto, o->offer[i].t, o->offer[i].count, spi, spi_len);
    pld_put_sa(b, p, o->count);
}

void v2_put_answer(struct pld_builder *b, uint8_t number, uint8_t proto, const struct sel_transform *t,
                   unsigned count, const uint8_t *spi, uint8_t spi_len)
{
    struct pld_build_proposal p;
    fill(&p, number, proto, t, count, spi, spi_len);
    pld_put_sa(b, &p, 1);
}
