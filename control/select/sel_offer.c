#include "control/select/sel_offer.h"

#include "control/config/cfg_alg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- building ------------------------------------------------------------------------------------------------------------ */
static void put(struct sel_offers *o, uint8_t type, uint16_t id, uint16_t key_bits)
{
    if (o->used < SEL_OFFER_TRANSFORMS_MAX)
        o->t[o->used] = (struct sel_transform){.type = type, .id = id, .key_bits = key_bits};
    o->used++;
}

/* Closes the offer that began at `first`; one that did not fit is taken back whole. */
static void close_offer(struct sel_offers *o, uint8_t proto, unsigned first)
{
    if (o->used > SEL_OFFER_TRANSFORMS_MAX || o->count == SEL_OFFERS_MAX) {
        o->used = first;
        return;
    }
    o->offer[o->count] = (struct sel_offer){
        .number = (uint8_t)(o->count + 1), .proto = proto, .count = o->used - first, .t = &o->t[first]};
    o->count++;
}

static unsigned ciphers_of_class(const struct cfg_ikev2_proposal *p, bool aead)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->encr_count; i++)
        n += cfg_alg_aead(p->encr[i].id) == aead;
    return n;
}

/* RFC 7296 3.3: AEADs and other ciphers in proposals of their own. An AEAD offer leaves INTEG out (RFC 5282 8). */
static void put_class(const struct cfg_ikev2_proposal *p, bool aead, struct sel_offers *o)
{
    uint16_t prfs[SEL_PRFS_MAX];
    unsigned prf_count = sel_suite_prfs(p, prfs), first = o->used;
    if (ciphers_of_class(p, aead) == 0 || prf_count == 0 || p->group_count == 0 ||
        (!aead && p->integ_count == 0))
        return;
    for (unsigned i = 0; i < p->encr_count; i++)
        if (cfg_alg_aead(p->encr[i].id) == aead)
            put(o, SEL_TYPE_ENCR, p->encr[i].id, p->encr[i].key_bits);
    for (unsigned i = 0; i < p->integ_count && !aead; i++)
        put(o, SEL_TYPE_INTEG, p->integ[i], 0);
    for (unsigned i = 0; i < prf_count; i++)
        put(o, SEL_TYPE_PRF, prfs[i], 0);
    for (unsigned i = 0; i < p->group_count; i++)
        put(o, SEL_TYPE_DH, p->group[i], 0);
    close_offer(o, SEL_PROTO_IKE, first);
}

bool sel_ike_offers(const struct cfg *c, const struct cfg_ikev2_policy *policy, struct sel_offers *out)
{
    out->count = out->used = 0;
    for (unsigned i = 0; i < policy->proposal_count; i++) {
        const struct cfg_ikev2_proposal *p = cfg_find_proposal(c, policy->proposals[i]);
        if (!p || p->encr_count == 0)
            continue;
        bool aead_first = cfg_alg_aead(p->encr[0].id);
        put_class(p, aead_first, out);
        put_class(p, !aead_first, out);
    }
    return out->count > 0;
}

bool sel_esp_offers(const struct cfg *c, const struct cfg_ipsec_profile *profile, bool with_dh,
                    struct sel_offers *out)
{
    bool esn = cfg_sa_params_effective(c, profile).esn;
    out->count = out->used = 0;
    for (unsigned i = 0; i < sel_suite_set_count(profile); i++) {
        const struct cfg_transform_set *s = sel_suite_set(c, profile, i);
        unsigned first = out->used;
        if (!s || !sel_suite_set_usable(s))
            continue;
        if (!sel_suite_set_ah(s))
            put(out, SEL_TYPE_ENCR, s->encr, s->key_bits);
        if (sel_suite_set_integ(s) != CV_INTEG_NONE)
            put(out, SEL_TYPE_INTEG, sel_suite_set_integ(s), 0);
        if (with_dh && profile->pfs)
            put(out, SEL_TYPE_DH, profile->pfs_group, 0);
        if (esn) /* both, ours first: a peer without ESN still answers (RFC 7296 3.3.3) */
            put(out, SEL_TYPE_ESN, 1, 0);
        put(out, SEL_TYPE_ESN, 0, 0);
        close_offer(out, sel_suite_set_ah(s) ? SEL_PROTO_AH : SEL_PROTO_ESP, first);
    }
    return out->count > 0;
}

bool sel_offers_without_ah(struct sel_offers *o)
{
    unsigned n = 0;
    for (unsigned i = 0; i < o->count; i++)
        if (o->offer[i].proto != SEL_PROTO_AH) {
            o->offer[n] = o->offer[i];
            o->offer[n].number = (uint8_t)(n + 1);
            n++;
        }
    o->count = n;
    return n > 0;
}

uint16_t sel_offers_group(const struct sel_offers *o)
{
    for (unsigned i = 0; i < o->used; i++)
        if (o->t[i].type == SEL_TYPE_DH)
            return o->t[i].id;
    return 0;
}

bool sel_offers_has_group(const struct sel_offers *o, uint16_t group)
{
    for (unsigned i = 0; i < o->used; i++)
        if (o->t[i].type == SEL_TYPE_DH && o->t[i].id == group)
            return true;
    return false;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------ */
static CV_PRINTF(2, 3) bool refuse(char *why, const char *fmt, ...)
{
    if (why) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(why, SEL_TEXT_MAX, fmt, ap);
        va_end(ap);
    }
    return false;
}

static const struct sel_transform *one_of(const struct sel_offer *o, uint8_t type)
{
    for (unsigned i = 0; i < o->count; i++)
        if (o->t[i].type == type)
            return &o->t[i];
    return NULL;
}

/* NONE where we listed nothing of the type says the same as leaving it out (RFC 7296 3.3.2, 3.3.3). */
static bool harmless_none(const struct sel_offer *mine, const struct sel_transform *t)
{
    return (t->type == SEL_TYPE_INTEG || t->type == SEL_TYPE_DH) && t->id == 0 && t->key_bits == 0 &&
           !t->unusable && !sel_offer_has_type(mine, t->type);
}

static bool answer_fits(const struct sel_offer *mine, const struct sel_offer *answer, char *why)
{
    unsigned seen = 0;
    for (unsigned i = 0; i < answer->count; i++) {
        const struct sel_transform *t = &answer->t[i];
        char word[40];
        sel_suite_word(answer->proto, t->type, t->id, t->key_bits, word, sizeof word);
        if (t->type > 31 ||
            (!harmless_none(mine, t) && (t->unusable || !sel_offer_has(mine, t->type, t->id, t->key_bits))))
            return refuse(why, "%s: the answer takes %s, which was not offered", sel_suite_type(t->type),
                          word);
        if (seen >> t->type & 1u)
            return refuse(why, "%s: the answer holds more than one", sel_suite_type(t->type));
        seen |= 1u << t->type;
    }
    for (unsigned i = 0; i < mine->count; i++)
        if (!(seen >> mine->t[i].type & 1u))
            return refuse(why, "%s: the answer leaves it out", sel_suite_type(mine->t[i].type));
    return true;
}

static bool find_offer(const struct sel_offers *ours, const struct sel_offer *answer, unsigned *index,
                       char *why)
{
    for (unsigned i = 0; i < ours->count; i++)
        if (ours->offer[i].number == answer->number) {
            *index = i;
            if (ours->offer[i].proto != answer->proto)
                return refuse(why, "the answer is for protocol %u", answer->proto);
            return answer_fits(&ours->offer[i], answer, why);
        }
    return refuse(why, "the answer names proposal %u, which was not offered", answer->number);
}

static uint16_t id_of(const struct sel_offer *o, uint8_t type)
{
    const struct sel_transform *t = one_of(o, type);
    return t ? t->id : 0;
}

static uint16_t bits_of(const struct sel_offer *o)
{
    const struct sel_transform *t = one_of(o, SEL_TYPE_ENCR);
    return t ? t->key_bits : 0;
}

bool sel_ike_accept(const struct sel_offers *ours, const struct sel_offer *answer, struct sel_ike_choice *out,
                    char *why)
{
    unsigned i;
    memset(out, 0, sizeof *out);
    if (!find_offer(ours, answer, &i, why))
        return false;
    *out = (struct sel_ike_choice){
        .offer = i,
        .number = answer->number,
        .encr = id_of(answer, SEL_TYPE_ENCR),
        .key_bits = bits_of(answer),
        .integ = id_of(answer, SEL_TYPE_INTEG),
        .prf = id_of(answer, SEL_TYPE_PRF),
        .dh = id_of(answer, SEL_TYPE_DH),
        .integ_none_listed = one_of(answer, SEL_TYPE_INTEG) && id_of(answer, SEL_TYPE_INTEG) == CV_INTEG_NONE,
    };
    return true;
}

bool sel_esp_accept(const struct cfg *c, const struct cfg_ipsec_profile *profile,
                    const struct sel_offers *ours, const struct sel_offer *answer, struct sel_esp_choice *out,
                    char *why)
{
    unsigned i;
    memset(out, 0, sizeof *out);
    if (!find_offer(ours, answer, &i, why))
        return false;
    *out = (struct sel_esp_choice){
        .offer = i,
        .number = answer->number,
        .encr = id_of(answer, SEL_TYPE_ENCR),
        .key_bits = bits_of(answer),
        .integ = id_of(answer, SEL_TYPE_INTEG),
        .dh = id_of(answer, SEL_TYPE_DH),
        .esn = id_of(answer, SEL_TYPE_ESN) == 1,
        .integ_none_listed = one_of(answer, SEL_TYPE_INTEG) && id_of(answer, SEL_TYPE_INTEG) == CV_INTEG_NONE,
        .dh_none_listed = one_of(answer, SEL_TYPE_DH) && id_of(answer, SEL_TYPE_DH) == 0,
    };
    for (unsigned k = 0; k < sel_suite_set_count(profile) && !out->transform_set; k++) {
        const struct cfg_transform_set *s = sel_suite_set(c, profile, k);
        if (s && sel_suite_set_usable(s) && s->encr == out->encr && s->key_bits == out->key_bits &&
            sel_suite_set_integ(s) == out->integ)
            out->transform_set = s;
    }
    return out->transform_set || refuse(why, "no transform set of the profile allows the answer");
}

unsigned sel_ike_answer(const struct sel_ike_choice *c, struct sel_transform *out)
{
    unsigned n = 0;
    out[n++] = (struct sel_transform){.type = SEL_TYPE_ENCR, .id = c->encr, .key_bits = c->key_bits};
    if (c->integ != CV_INTEG_NONE || c->integ_none_listed)
        out[n++] = (struct sel_transform){.type = SEL_TYPE_INTEG, .id = c->integ};
    out[n++] = (struct sel_transform){.type = SEL_TYPE_PRF, .id = c->prf};
    out[n++] = (struct sel_transform){.type = SEL_TYPE_DH, .id = c->dh};
    return n;
}

unsigned sel_esp_answer(const struct sel_esp_choice *c, struct sel_transform *out)
{
    unsigned n = 0;
    if (c->encr != CV_ENCR_NONE)
        out[n++] = (struct sel_transform){.type = SEL_TYPE_ENCR, .id = c->encr, .key_bits = c->key_bits};
    if (c->integ != CV_INTEG_NONE || c->integ_none_listed)
        out[n++] = (struct sel_transform){.type = SEL_TYPE_INTEG, .id = c->integ};
    if (c->dh != 0 || c->dh_none_listed)
        out[n++] = (struct sel_transform){.type = SEL_TYPE_DH, .id = c->dh};
    out[n++] = (struct sel_transform){.type = SEL_TYPE_ESN, .id = c->esn ? 1 : 0};
    return n;
}

/* ---- text -------------------------------------------------------------------------------------------------------------------- */
void sel_choice_add(char *out, size_t *at, const char *type, const char *word)
{
    if (*at < SEL_TEXT_MAX)
        *at += (size_t)snprintf(out + *at, SEL_TEXT_MAX - *at, "%s%s%s%s", *at ? " " : "", type,
                                type[0] ? " " : "", word);
}

const char *sel_ike_choice_text(const struct sel_ike_choice *c, char *out)
{
    char word[40];
    size_t at = 0;
    out[0] = '\0';
    sel_suite_word(SEL_PROTO_IKE, SEL_TYPE_ENCR, c->encr, c->key_bits, word, sizeof word);
    sel_choice_add(out, &at, "", word);
    if (c->integ != CV_INTEG_NONE)
        sel_choice_add(out, &at, "integrity", cfg_alg_integ_word(c->integ));
    sel_choice_add(out, &at, "prf", cfg_alg_prf_word(c->prf));
    snprintf(word, sizeof word, "%u", c->dh);
    sel_choice_add(out, &at, "group", word);
    return out;
}

const char *sel_esp_choice_text(const struct sel_esp_choice *c, char *out)
{
    char word[40];
    size_t at = 0;
    out[0] = '\0';
    sel_suite_word(SEL_PROTO_ESP, SEL_TYPE_ENCR, c->encr, c->key_bits, word, sizeof word);
    if (c->encr == CV_ENCR_NONE)
        sel_choice_add(out, &at, "", cfg_alg_ah_integ_word(c->integ));
    else
        sel_choice_add(out, &at, "", word);
    if (c->encr != CV_ENCR_NONE && c->integ != CV_INTEG_NONE)
        sel_choice_add(out, &at, "", cfg_alg_esp_integ_word(c->integ));
    snprintf(word, sizeof word, "%u", c->dh);
    if (c->dh != 0)
        sel_choice_add(out, &at, "group", word);
    if (c->esn)
        sel_choice_add(out, &at, "", "esn");
    return out;
}
