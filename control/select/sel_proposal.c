#include "control/select/sel_proposal.h"

#include "control/config/cfg_alg.h"
#include "control/select/sel_suite.h"
#include "control/select/sel_trace.h"

#include <stdio.h>
#include <string.h>

/* Transform types an offer may hold (RFC 7296 3.3.3); one of another type is refused whole (3.3.6). */
enum {
    IKE_TYPES = 1u << SEL_TYPE_ENCR | 1u << SEL_TYPE_PRF | 1u << SEL_TYPE_INTEG | 1u << SEL_TYPE_DH,
    AH_TYPES = 1u << SEL_TYPE_INTEG | 1u << SEL_TYPE_DH | 1u << SEL_TYPE_ESN,
    ESP_TYPES = 1u << SEL_TYPE_ENCR | 1u << SEL_TYPE_INTEG | 1u << SEL_TYPE_DH | 1u << SEL_TYPE_ESN,
};

/* What we allow of one type, in our order. */
struct wish {
    uint8_t type;
    unsigned count;
    uint16_t id[16];
};

/* The first of our wishes that the offer has; false: *why says what each side has. */
static bool pick(const struct sel_offer *o, const struct wish *w, uint16_t *id, char *why)
{
    char theirs[110], ours[110] = "";
    size_t at = 0;
    for (unsigned i = 0; i < w->count; i++)
        if (sel_offer_has(o, w->type, w->id[i], 0)) {
            *id = w->id[i];
            return true;
        }
    sel_suite_words(o, w->type, theirs, sizeof theirs);
    for (unsigned i = 0; i < w->count && at + 12 < sizeof ours; i++) {
        char word[40];
        sel_suite_word(o->proto, w->type, w->id[i], 0, word, sizeof word);
        at += (size_t)snprintf(ours + at, sizeof ours - at, "%s%s", i ? ", " : "", word);
    }
    snprintf(why, SEL_TEXT_MAX, "%s: peer offers %s, policy wants %s", sel_suite_type(w->type), theirs,
             w->count ? ours : "none");
    return false;
}

static struct wish wish(uint8_t type, const uint16_t *id, unsigned count)
{
    struct wish w = {.type = type, .count = count < 16 ? count : 16};
    memcpy(w.id, id, w.count * sizeof w.id[0]);
    return w;
}

/* An AEAD goes with no integrity algorithm: none listed, or NONE among them (RFC 7296 3.3.3, RFC 5282 8). */
static bool aead_integ(const struct sel_offer *o, bool *none_listed, char *why)
{
    *none_listed = sel_offer_has(o, SEL_TYPE_INTEG, CV_INTEG_NONE, 0);
    if (*none_listed || !sel_offer_has_type(o, SEL_TYPE_INTEG))
        return true;
    snprintf(why, SEL_TEXT_MAX,
             "integrity: peer asks for one beside a cipher that brings its own (RFC 7296 3.3)");
    return false;
}

/* ---- IKE ---------------------------------------------------------------------------------------------------------------------- */
static bool ike_with_cipher(const struct cfg_ikev2_proposal *p, struct cfg_encr e, const struct sel_offer *o,
                            struct sel_ike_choice *x, char *why)
{
    uint16_t prfs[SEL_PRFS_MAX];
    unsigned prf_count = sel_suite_prfs(p, prfs);
    struct wish integ = wish(SEL_TYPE_INTEG, p->integ, p->integ_count),
                prf = wish(SEL_TYPE_PRF, prfs, prf_count),
                group = wish(SEL_TYPE_DH, p->group, p->group_count);
    *x = (struct sel_ike_choice){.number = o->number, .encr = e.id, .key_bits = e.key_bits};
    if (cfg_alg_aead(e.id) ? !aead_integ(o, &x->integ_none_listed, why) : !pick(o, &integ, &x->integ, why))
        return false;
    return pick(o, &prf, &x->prf, why) && pick(o, &group, &x->dh, why);
}

static void encr_mismatch(const struct cfg_ikev2_proposal *p, const struct sel_offer *o, char *why)
{
    char theirs[110], ours[110] = "";
    size_t at = 0;
    sel_suite_words(o, SEL_TYPE_ENCR, theirs, sizeof theirs);
    for (unsigned i = 0; i < p->encr_count && at + 22 < sizeof ours; i++)
        at += (size_t)snprintf(ours + at, sizeof ours - at, "%s%s", i ? ", " : "",
                               cfg_alg_ike_encr_word(p->encr[i].id, p->encr[i].key_bits));
    snprintf(why, SEL_TEXT_MAX, "encryption: peer offers %s, policy wants %s", theirs,
             p->encr_count ? ours : "none");
}

static const char *proto_word(uint8_t proto)
{
    return proto == SEL_PROTO_IKE   ? "IKE"
           : proto == SEL_PROTO_AH  ? "AH"
           : proto == SEL_PROTO_ESP ? "ESP"
                                    : "?";
}

static bool offer_fits_protocol(const struct sel_offer *o, uint8_t proto, unsigned types, char *why)
{
    uint8_t other = 0;
    if (o->proto != proto) {
        snprintf(why, SEL_TEXT_MAX, "protocol: peer offers %s, policy wants %s", proto_word(o->proto),
                 proto_word(proto));
        return false;
    }
    if (sel_offer_types_known(o, types, &other))
        return true;
    snprintf(why, SEL_TEXT_MAX, "it holds transform type %u, which is not known here (RFC 7296 3.3.6)",
             other);
    return false;
}

/* One cipher of ours against one offer. why is left alone when the offer does not have the cipher. */
static bool ike_pair(const struct cfg_ikev2_proposal *p, const struct sel_offer *o, unsigned cipher,
                     struct sel_ike_choice *x, char *why)
{
    struct cfg_encr e = p->encr[cipher];
    return offer_fits_protocol(o, SEL_PROTO_IKE, IKE_TYPES, why) &&
           sel_offer_has(o, SEL_TYPE_ENCR, e.id, e.key_bits) && ike_with_cipher(p, e, o, x, why);
}

static void note_ike(const struct cfg_ikev2_proposal *p, const struct sel_offer *offers, unsigned n,
                     const struct sel_ike_choice *chosen, struct sel_trace *trace)
{
    for (unsigned i = 0; trace && i < n; i++) {
        char why[SEL_TEXT_MAX] = "";
        struct sel_ike_choice x;
        if (chosen && chosen->offer == i) {
            sel_trace_candidate(trace, p->name, true, "proposal %u of the peer fits", offers[i].number);
            continue;
        }
        bool fits = false;
        for (unsigned k = 0; k < p->encr_count && !fits; k++)
            fits = ike_pair(p, &offers[i], k, &x, why);
        if (!fits && !why[0])
            encr_mismatch(p, &offers[i], why);
        sel_trace_candidate(trace, p->name, fits, "proposal %u of the peer: %.200s", offers[i].number,
                            fits ? "fits, but another is preferred" : why);
    }
}

/* Our order of ciphers decides before the peer's order of proposals. */
static bool ike_by_proposal(const struct cfg_ikev2_proposal *p, const struct sel_offer *offers, unsigned n,
                            struct sel_ike_choice *out)
{
    char why[SEL_TEXT_MAX];
    for (unsigned k = 0; k < p->encr_count; k++)
        for (unsigned i = 0; i < n; i++)
            if (ike_pair(p, &offers[i], k, out, why)) {
                out->offer = i;
                return true;
            }
    return false;
}

bool sel_ike_proposal(const struct cfg *c, const struct cfg_ikev2_policy *policy,
                      const struct sel_offer *offers, unsigned n, struct sel_ike_choice *out,
                      struct sel_trace *trace)
{
    char text[SEL_TEXT_MAX];
    sel_trace_begin(trace, SEL_PROPOSAL);
    for (unsigned i = 0; i < policy->proposal_count; i++) {
        const struct cfg_ikev2_proposal *p = cfg_find_proposal(c, policy->proposals[i]);
        if (!p)
            continue;
        bool found = ike_by_proposal(p, offers, n, out);
        note_ike(p, offers, n, found ? out : NULL, trace);
        if (!found)
            continue;
        sel_trace_end(trace, "RFC 7296 2.7", p->name, "%.200s", sel_ike_choice_text(out, text));
        return true;
    }
    memset(out, 0, sizeof *out);
    sel_trace_end(trace, "RFC 7296 2.7", NULL, "no proposal of policy %s has a suite in common with the peer",
                  policy->name);
    return false;
}

/* ---- ESP ---------------------------------------------------------------------------------------------------------------------- */
/* Groups we take when the peer wants PFS and we do not ask for it, best first. */
static const uint16_t any_group[] = {19, 20, 21, 31, 14, 15, 16, 24, 5, 2, 1};

static bool esp_group(const struct cfg_ipsec_profile *profile, bool with_dh, const struct sel_offer *o,
                      struct sel_esp_choice *x, char *why)
{
    static const uint16_t none[] = {0};
    bool listed = sel_offer_has_type(o, SEL_TYPE_DH);
    struct wish w = with_dh && profile->pfs ? wish(SEL_TYPE_DH, &profile->pfs_group, 1)
                    : with_dh ? wish(SEL_TYPE_DH, any_group, sizeof any_group / sizeof any_group[0])
                              : wish(SEL_TYPE_DH, none, 1);
    x->dh_none_listed = sel_offer_has(o, SEL_TYPE_DH, 0, 0);
    if (!(with_dh && profile->pfs) && (!listed || x->dh_none_listed))
        return true;
    return pick(o, &w, &x->dh, why);
}

static bool esp_pair(const struct cfg *c, const struct cfg_ipsec_profile *profile,
                     const struct cfg_transform_set *s, bool with_dh, const struct sel_offer *o,
                     struct sel_esp_choice *x, char *why)
{
    static const uint16_t no_esn[] = {0}, prefer_esn[] = {1, 0};
    bool want_esn = cfg_sa_params_effective(c, profile).esn;
    const bool ah = sel_suite_set_ah(s);
    const uint16_t integ_id = sel_suite_set_integ(s);
    struct wish integ = wish(SEL_TYPE_INTEG, &integ_id, 1),
                esn = want_esn ? wish(SEL_TYPE_ESN, prefer_esn, 2) : wish(SEL_TYPE_ESN, no_esn, 1);
    uint16_t esn_id = 0;
    char theirs[110], ours[40];
    *x = (struct sel_esp_choice){
        .number = o->number, .encr = s->encr, .key_bits = s->key_bits, .transform_set = s};
    if (!sel_suite_set_usable(s)) {
        snprintf(why, SEL_TEXT_MAX, "the transform set has no integrity algorithm that is taken here");
        return false;
    }
    if (!offer_fits_protocol(o, ah ? SEL_PROTO_AH : SEL_PROTO_ESP, ah ? AH_TYPES : ESP_TYPES, why))
        return false;
    if (!ah && !sel_offer_has(o, SEL_TYPE_ENCR, s->encr, s->key_bits)) {
        sel_suite_words(o, SEL_TYPE_ENCR, theirs, sizeof theirs);
        sel_suite_word(SEL_PROTO_ESP, SEL_TYPE_ENCR, s->encr, s->key_bits, ours, sizeof ours);
        snprintf(why, SEL_TEXT_MAX, "encryption: peer offers %s, policy wants %s", theirs, ours);
        return false;
    }
    if (cfg_alg_aead(s->encr) ? !aead_integ(o, &x->integ_none_listed, why) : !pick(o, &integ, &x->integ, why))
        return false;
    if (!pick(o, &esn, &esn_id, why) || !esp_group(profile, with_dh, o, x, why))
        return false;
    x->esn = esn_id == 1;
    return true;
}

bool sel_esp_proposal(const struct cfg *c, const struct cfg_ipsec_profile *profile, bool with_dh,
                      const struct sel_offer *offers, unsigned n, struct sel_esp_choice *out,
                      struct sel_trace *trace)
{
    char text[SEL_TEXT_MAX];
    sel_trace_begin(trace, SEL_PROPOSAL);
    for (unsigned k = 0; k < sel_suite_set_count(profile); k++) {
        const struct cfg_transform_set *s = sel_suite_set(c, profile, k);
        for (unsigned i = 0; s && i < n; i++) {
            char why[SEL_TEXT_MAX] = "";
            bool fits = esp_pair(c, profile, s, with_dh, &offers[i], out, why);
            sel_trace_candidate(trace, s->name, fits, "proposal %u of the peer: %.200s", offers[i].number,
                                fits ? "fits" : why);
            if (!fits)
                continue;
            out->offer = i;
            sel_trace_end(trace, "RFC 7296 2.7", s->name, "%.200s", sel_esp_choice_text(out, text));
            return true;
        }
    }
    memset(out, 0, sizeof *out);
    sel_trace_end(trace, "RFC 7296 2.7", NULL,
                  "no transform set of IPsec profile %s has a suite in common with the peer", profile->name);
    return false;
}
