#include "control/select/sel_suite.h"

#include "control/config/cfg_alg.h"

#include <stdio.h>
#include <string.h>

unsigned sel_suite_prfs(const struct cfg_ikev2_proposal *p, uint16_t out[SEL_PRFS_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->prf_count && n < SEL_PRFS_MAX; i++)
        out[n++] = p->prf[i];
    for (unsigned i = 0; p->prf_count == 0 && i < p->integ_count && n < SEL_PRFS_MAX; i++)
        out[n++] = cfg_alg_prf_of_integ(p->integ[i]);
    return n;
}

unsigned sel_suite_set_count(const struct cfg_ipsec_profile *p)
{
    return p->transform_set_count ? p->transform_set_count : 1;
}

const struct cfg_transform_set *sel_suite_set(const struct cfg *c, const struct cfg_ipsec_profile *p,
                                              unsigned i)
{
    if (i >= sel_suite_set_count(p))
        return NULL;
    return cfg_find_transform_set(c, p->transform_set_count ? p->transform_sets[i] : "default");
}

bool sel_suite_set_ah(const struct cfg_transform_set *s)
{
    return s->ah_integ != CV_INTEG_NONE && s->encr == CV_ENCR_NONE && s->integ == CV_INTEG_NONE;
}

uint16_t sel_suite_set_integ(const struct cfg_transform_set *s)
{
    return sel_suite_set_ah(s) ? s->ah_integ : s->integ;
}

bool sel_suite_set_usable(const struct cfg_transform_set *s)
{
    if (sel_suite_set_ah(s))
        return s->ah_integ != CV_INTEG_HMAC_MD5_96;
    return s->encr != CV_ENCR_NONE && s->ah_integ == CV_INTEG_NONE &&
           (cfg_alg_aead(s->encr) || s->integ != CV_INTEG_NONE);
}

bool sel_offer_has(const struct sel_offer *o, uint8_t type, uint16_t id, uint16_t key_bits)
{
    for (unsigned i = 0; i < o->count; i++)
        if (o->t[i].type == type && o->t[i].id == id && o->t[i].key_bits == key_bits && !o->t[i].unusable)
            return true;
    return false;
}

bool sel_offer_has_type(const struct sel_offer *o, uint8_t type)
{
    for (unsigned i = 0; i < o->count; i++)
        if (o->t[i].type == type)
            return true;
    return false;
}

bool sel_offer_types_known(const struct sel_offer *o, unsigned mask, uint8_t *other)
{
    for (unsigned i = 0; i < o->count; i++)
        if (o->t[i].type > 31 || !(mask >> o->t[i].type & 1u)) {
            *other = o->t[i].type;
            return false;
        }
    return true;
}

const char *sel_suite_type(uint8_t type)
{
    static const char *const names[] = {[SEL_TYPE_ENCR] = "encryption",
                                        [SEL_TYPE_PRF] = "prf",
                                        [SEL_TYPE_INTEG] = "integrity",
                                        [SEL_TYPE_DH] = "group",
                                        [SEL_TYPE_ESN] = "esn"};
    return type >= SEL_TYPE_ENCR && type <= SEL_TYPE_ESN ? names[type] : "transform";
}

static void esp_encr_word(uint16_t id, uint16_t key_bits, char *out, size_t out_len)
{
    const char *word = cfg_alg_esp_encr_word(id);
    if (strcmp(word, "?") == 0)
        snprintf(out, out_len, "encryption %u", id);
    else if (key_bits)
        snprintf(out, out_len, "%s %u", word, key_bits);
    else
        snprintf(out, out_len, "%s", word);
}

void sel_suite_word(uint8_t proto, uint8_t type, uint16_t id, uint16_t key_bits, char *out, size_t out_len)
{
    const char *word = "?";
    if (type == SEL_TYPE_ENCR && proto == SEL_PROTO_ESP) {
        esp_encr_word(id, key_bits, out, out_len);
        return;
    }
    if (type == SEL_TYPE_ENCR)
        word = cfg_alg_ike_encr_word(id, key_bits);
    else if (type == SEL_TYPE_PRF)
        word = cfg_alg_prf_word(id);
    else if (type == SEL_TYPE_INTEG)
        word = id == CV_INTEG_NONE ? "none" : cfg_alg_integ_word(id);
    if (strcmp(word, "?") != 0)
        snprintf(out, out_len, "%s", word);
    else if (type == SEL_TYPE_ENCR && key_bits)
        snprintf(out, out_len, "%u/%u", id, key_bits);
    else
        snprintf(out, out_len, "%u", id);
}

void sel_suite_words(const struct sel_offer *o, uint8_t type, char *out, size_t out_len)
{
    size_t at = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < o->count; i++) {
        char word[40];
        if (o->t[i].type != type)
            continue;
        sel_suite_word(o->proto, type, o->t[i].id, o->t[i].key_bits, word, sizeof word);
        if (at + strlen(word) + 8 >= out_len) {
            snprintf(out + at, out_len - at, ", ...");
            return;
        }
        at += (size_t)snprintf(out + at, out_len - at, "%s%s%s", at ? ", " : "", word,
                               o->t[i].unusable ? " (unknown attribute)" : "");
        if (at >= out_len)
            return;
    }
    if (at == 0)
        snprintf(out, out_len, "none");
}
