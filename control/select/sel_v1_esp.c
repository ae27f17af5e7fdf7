/* Phase 2 of IKEv1: ESP transforms of the transform sets, what is taken of a peer's, and whether an answer is ours. */
#include "control/config/cfg_alg.h"
#include "control/select/sel_suite.h"
#include "control/select/sel_trace.h"
#include "control/select/sel_v1_proposal.h"

#include <stdio.h>
#include <string.h>

enum {
    PROTO_AH = 2, /* RFC 2407 4.4.1 */
    PROTO_ESP = 3,
    LIFE_DEFAULT_S = 28800, /* RFC 2407 4.5: of an offer that names none */
    ESN_64_BIT = 1,         /* RFC 4304 */
    GMAC_WIRE = 23,         /* IANA "IPSEC ESP Transform Identifiers": NULL_AUTH_AES-GMAC; 21 is SEED here */
    PER_SET = 2             /* transforms: with and without ESN */
};

/* RFC 2407 4.5; RFC 3947 5.1; draft-ietf-ipsec-nat-t-ike-02 and -03. */
enum encap_mode {
    TUNNEL = 1,
    TRANSPORT = 2,
    UDP_TUNNEL = 3,
    UDP_TRANSPORT = 4,
    UDP_TUNNEL_DRAFT = 61443,
    UDP_TRANSPORT_DRAFT = 61444
};

/* Where IKEv1's numbers are not those of IKEv2. Equal numbers stand for themselves (RFC 2407 4.4.4 and IANA). ChaCha20-Poly1305 has none
 * (RFC 7634 is for IKEv2 alone). */
static uint8_t wire_encr(uint16_t encr)
{
    switch (encr) {
    case CV_ENCR_DES:
    case CV_ENCR_3DES:
    case CV_ENCR_NULL:
    case CV_ENCR_AES_CBC:
    case CV_ENCR_AES_GCM_16:
        return (uint8_t)encr;
    case CV_ENCR_NULL_AES_GMAC:
        return GMAC_WIRE;
    default:
        return 0;
    }
}

/* RFC 2407 4.5 Authentication Algorithm, and IANA's later ones; ah: the AH transform of the same hash (4.4.3, and IANA's later ones). */
static const struct {
    uint16_t integ, wire;
    uint8_t ah;
} integs[] = {{CV_INTEG_HMAC_MD5_96, 1, 2},
              {CV_INTEG_HMAC_SHA1_96, 2, 3},
              {CV_INTEG_HMAC_SHA2_256_128, 5, 5},
              {CV_INTEG_HMAC_SHA2_384_192, 6, 6},
              {CV_INTEG_HMAC_SHA2_512_256, 7, 7}};

static uint8_t wire_ah(uint16_t integ)
{
    for (unsigned i = 0; i < sizeof integs / sizeof integs[0]; i++)
        if (integs[i].integ == integ)
            return integs[i].ah;
    return 0;
}

static uint16_t wire_integ(uint16_t integ)
{
    for (unsigned i = 0; i < sizeof integs / sizeof integs[0]; i++)
        if (integs[i].integ == integ)
            return integs[i].wire;
    return 0;
}

static uint16_t wire_encap(enum sel1_encap encap, bool transport)
{
    static const uint16_t modes[][2] = {[SEL1_ENCAP_PLAIN] = {TUNNEL, TRANSPORT},
                                        [SEL1_ENCAP_UDP] = {UDP_TUNNEL, UDP_TRANSPORT},
                                        [SEL1_ENCAP_UDP_DRAFT] = {UDP_TUNNEL_DRAFT, UDP_TRANSPORT_DRAFT}};
    return modes[encap][transport];
}

/* The groups that PFS may have here; those of cr_dh. */
static bool group_known(uint16_t group)
{
    static const uint16_t groups[] = {1, 2, 5, 14, 15, 16, 19, 20, 21, 24, 31};
    for (unsigned i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* What one transform set means in IKEv1, in numbers of the wire. */
struct want {
    const struct cfg_transform_set *set;
    bool ah;
    uint8_t id;
    uint16_t key_bits, integ;
    bool transport; /* the set wants it, and the selectors allow it */
    bool tunnel;    /* tunnel mode will do */
    bool esn;
    uint16_t group; /* 0: not asked for */
    uint32_t life_s;
    uint64_t life_kb; /* 0: no limit */
};

/* False: nothing that IKEv1 can negotiate; *why, static, says what. */
static bool want_of(const struct cfg *c, const struct cfg_ipsec_profile *p, unsigned index,
                    enum sel1_encap encap, unsigned transport_mask, struct want *w, const char **why)
{
    const struct cfg_transform_set *s = sel_suite_set(c, p, index);
    struct cfg_sa_params sp = cfg_sa_params_effective(c, p);
    *w = (struct want){.set = s};
    *why = "there is no such transform set";
    if (!s)
        return false;
    *why = "the transform set has no integrity algorithm that is taken here";
    if (!sel_suite_set_usable(s))
        return false;
    bool aead = cfg_alg_aead(s->encr);
    w->ah = sel_suite_set_ah(s);
    *why = "AH cannot pass the NAT on the path (RFC 3715 2.1)";
    if (w->ah && encap != SEL1_ENCAP_PLAIN)
        return false;
    w->id = w->ah ? wire_ah(s->ah_integ) : wire_encr(s->encr);
    w->key_bits = s->key_bits;
    w->integ = aead ? 0 : wire_integ(sel_suite_set_integ(s));
    *why = "IKEv1 has no number for its algorithms";
    if (!w->id || (!aead && !w->integ))
        return false;
    w->transport = s->transport && transport_mask >> index & 1u;
    w->tunnel = !(s->transport && s->transport_require);
    *why = "mode transport require, and the traffic is not host to host";
    if (!w->transport && !w->tunnel)
        return false;
    w->esn = sp.esn;
    w->group = p->pfs ? p->pfs_group : 0;
    w->life_s = sp.lifetime_s;
    w->life_kb = sp.lifetime_kb_disable ? 0 : sp.lifetime_kb;
    return true;
}

static uint32_t kilobytes_on_wire(uint64_t kb)
{
    return kb > UINT32_MAX ? UINT32_MAX : (uint32_t)kb;
}

static struct sel1_esp_transform offer_of(const struct want *w, enum sel1_encap encap, bool esn)
{
    return (struct sel1_esp_transform){.id = w->id,
                                       .ah = w->ah,
                                       .key_bits = w->key_bits,
                                       .integ = w->integ,
                                       .group = w->group,
                                       .encap = wire_encap(encap, w->transport),
                                       .esn = esn ? ESN_64_BIT : 0,
                                       .life_s = w->life_s,
                                       .life_kb = kilobytes_on_wire(w->life_kb)};
}

unsigned sel1_esp_offers(const struct cfg *c, const struct cfg_ipsec_profile *p, enum sel1_encap encap,
                         unsigned transport_mask, struct sel1_esp_transform out[SEL1_TRANSFORMS_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < sel_suite_set_count(p) && n + PER_SET <= SEL1_TRANSFORMS_MAX; i++) {
        struct want w;
        const char *why;
        if (!want_of(c, p, i, encap, transport_mask, &w, &why))
            continue;
        if (w.esn) /* preferred; a peer that does not know the attribute passes over it (RFC 2408 3.6) */
            out[n++] = offer_of(&w, encap, true);
        out[n++] = offer_of(&w, encap, false);
    }
    for (unsigned i = 0; i < n; i++)
        out[i].number = (uint8_t)(i + 1);
    return n;
}

/* ---- lifetimes: G26 --------------------------------------------------------------------------------------------- */
static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

static void choose(const struct want *w, const struct sel1_esp_transform *t, bool transport,
                   struct sel1_esp_choice *out)
{
    out->set = w->set;
    out->encr = w->set->encr;
    out->key_bits = w->set->key_bits;
    out->integ = cfg_alg_aead(w->set->encr) ? CV_INTEG_NONE : sel_suite_set_integ(w->set);
    out->group = t->group;
    out->esn = t->esn == ESN_64_BIT;
    out->transport = transport;
    out->life_s = (uint32_t)smaller(t->life_s ? t->life_s : LIFE_DEFAULT_S, w->life_s);
    out->life_kb = smaller(t->life_kb, w->life_kb);
}

/* ---- responder --------------------------------------------------------------------------------------------------- */
static const char *mode_word(uint16_t encap, char *out, size_t n)
{
    switch (encap) {
    case 0:
        return "none";
    case TUNNEL:
        return "tunnel";
    case TRANSPORT:
        return "transport";
    case UDP_TUNNEL:
    case UDP_TUNNEL_DRAFT:
        return "UDP-encapsulated tunnel";
    case UDP_TRANSPORT:
    case UDP_TRANSPORT_DRAFT:
        return "UDP-encapsulated transport";
    default:
        snprintf(out, n, "%u", encap);
        return out;
    }
}

/* The RFC's and the drafts' numbers mean the same; an offer may have either, the answer repeats it (RFC 2408 4.2). RFC 2407 4.5: absent
 * is up to the host, and means tunnel here. */
static bool mode_fits(const struct want *w, enum sel1_encap encap, uint16_t offered, bool *transport)
{
    uint16_t plain = offered == UDP_TUNNEL_DRAFT      ? UDP_TUNNEL
                     : offered == UDP_TRANSPORT_DRAFT ? UDP_TRANSPORT
                                                      : offered;
    enum sel1_encap kind = encap == SEL1_ENCAP_PLAIN ? SEL1_ENCAP_PLAIN : SEL1_ENCAP_UDP;
    if (plain == 0 && encap == SEL1_ENCAP_PLAIN)
        plain = TUNNEL;
    *transport = plain == wire_encap(kind, true);
    if (*transport)
        return w->transport;
    return plain == wire_encap(kind, false) && w->tunnel;
}

static void esp_word(uint8_t id, uint16_t key_bits, char *out, size_t n)
{
    uint16_t encr = id == GMAC_WIRE ? CV_ENCR_NULL_AES_GMAC : wire_encr(id) == id ? id : 0;
    const char *word = cfg_alg_esp_encr_word(encr);
    if (!encr || strcmp(word, "?") == 0)
        snprintf(out, n, "transform %u", id);
    else if (key_bits)
        snprintf(out, n, "%s %u", word, key_bits);
    else
        snprintf(out, n, "%s", word);
}

static const char *integ_word(uint16_t wire)
{
    for (unsigned i = 0; i < sizeof integs / sizeof integs[0]; i++)
        if (integs[i].wire == wire)
            return cfg_alg_esp_integ_word(integs[i].integ);
    return wire ? "one not known here" : "none";
}

/* Whether one transform of the peer is what one of our sets wants; *why says in what it is not. */
static bool pair(const struct want *w, enum sel1_encap encap, const struct sel1_esp_transform *t,
                 bool *transport, char *why)
{
    char theirs[48], ours[48];
    if (t->unusable) {
        snprintf(why, SEL_TEXT_MAX, "it has an attribute that is not known here (RFC 2408 3.6)");
        return false;
    }
    if (t->id != w->id || t->key_bits != w->key_bits) {
        esp_word(t->id, t->key_bits, theirs, sizeof theirs);
        esp_word(w->id, w->key_bits, ours, sizeof ours);
        if (w->ah)
            snprintf(why, SEL_TEXT_MAX, "AH transform: peer offers %u, policy wants %u", t->id, w->id);
        else
            snprintf(why, SEL_TEXT_MAX, "encryption: peer offers %s, policy wants %s", theirs, ours);
        return false;
    }
    if (t->integ != w->integ) {
        snprintf(why, SEL_TEXT_MAX, "integrity: peer offers %s, policy wants %s", integ_word(t->integ),
                 integ_word(w->integ));
        return false;
    }
    if (w->group ? t->group != w->group : t->group && !group_known(t->group)) {
        snprintf(why, SEL_TEXT_MAX, "group: peer offers %u, policy wants %u", t->group, w->group);
        return false;
    }
    if (t->esn > ESN_64_BIT || (t->esn && !w->esn)) {
        snprintf(why, SEL_TEXT_MAX, "esn: peer offers 64-bit sequence numbers, policy wants none");
        return false;
    }
    if (!mode_fits(w, encap, t->encap, transport)) {
        uint16_t mode = wire_encap(encap, w->transport || !w->tunnel);
        snprintf(why, SEL_TEXT_MAX, "mode: peer offers %s, policy wants %s",
                 mode_word(t->encap, theirs, sizeof theirs), mode_word(mode, ours, sizeof ours));
        return false;
    }
    return true;
}

static bool choose_by_set(const struct want *w, enum sel1_encap encap, const struct sel1_esp_proposal *offers,
                          unsigned n, struct sel1_esp_choice *out, struct sel_trace *trace)
{
    for (unsigned i = 0; i < n; i++) {
        const struct sel1_esp_proposal *p = &offers[i];
        if (p->proto != (w->ah ? PROTO_AH : PROTO_ESP) || p->bundled) {
            sel_trace_candidate(trace, w->set->name, false, "proposal %u of the peer: %s", p->number,
                                p->bundled ? "several protocols together"
                                : w->ah    ? "not AH"
                                           : "not ESP");
            continue;
        }
        for (unsigned k = 0; k < p->count; k++) {
            char why[SEL_TEXT_MAX] = "fits";
            bool transport = false, fits = pair(w, encap, &p->t[k], &transport, why);
            sel_trace_candidate(trace, w->set->name, fits, "proposal %u, transform %u of the peer: %.180s",
                                p->number, p->t[k].number, why);
            if (!fits)
                continue;
            choose(w, &p->t[k], transport, out);
            out->proposal = i;
            out->transform = k;
            return true;
        }
    }
    return false;
}

bool sel1_esp_choose(const struct cfg *c, const struct cfg_ipsec_profile *p, enum sel1_encap encap,
                     unsigned transport_mask, const struct sel1_esp_proposal *offers, unsigned n,
                     struct sel1_esp_choice *out, struct sel_trace *trace)
{
    char text[SEL_TEXT_MAX];
    memset(out, 0, sizeof *out);
    sel_trace_begin(trace, SEL_PROPOSAL);
    for (unsigned i = 0; i < sel_suite_set_count(p); i++) {
        struct want w;
        const char *why;
        if (!want_of(c, p, i, encap, transport_mask, &w, &why)) {
            sel_trace_candidate(trace, w.set ? w.set->name : "?", false, "%s", why);
            continue;
        }
        if (!choose_by_set(&w, encap, offers, n, out, trace))
            continue;
        sel_trace_end(trace, "RFC 2408 4.2", w.set->name, "%.200s", sel1_esp_choice_text(out, text));
        return true;
    }
    sel_trace_end(trace, "RFC 2408 4.2", NULL,
                  "no transform set of IPsec profile %s has a transform in common with the peer", p->name);
    return false;
}

/* ---- initiator: the answer ------------------------------------------------------------------------------------- */
/* But for its lifetime, which the peer may leave out or change (G26). */
static bool same(const struct sel1_esp_transform *a, const struct sel1_esp_transform *b)
{
    return a->ah == b->ah && a->id == b->id && a->key_bits == b->key_bits && a->integ == b->integ &&
           a->group == b->group && a->encap == b->encap && a->esn == b->esn;
}

/* The set behind ours[index]: by what the offers are made of, so that both ways agree. */
static bool want_of_offer(const struct cfg *c, const struct cfg_ipsec_profile *p, enum sel1_encap encap,
                          unsigned transport_mask, const struct sel1_esp_transform *ours, struct want *w)
{
    for (unsigned i = 0; i < sel_suite_set_count(p); i++) {
        const char *why;
        if (!want_of(c, p, i, encap, transport_mask, w, &why))
            continue;
        struct sel1_esp_transform t = offer_of(w, encap, ours->esn != 0);
        if ((w->esn || !ours->esn) && same(&t, ours))
            return true;
    }
    return false;
}

bool sel1_esp_accept(const struct cfg *c, const struct cfg_ipsec_profile *p, enum sel1_encap encap,
                     unsigned transport_mask, const struct sel1_esp_transform *ours, unsigned n,
                     const struct sel1_esp_transform *answer, struct sel1_esp_choice *out, char *why)
{
    struct want w;
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < n && !answer->unusable; i++) {
        if (!same(&ours[i], answer))
            continue;
        if (!want_of_offer(c, p, encap, transport_mask, &ours[i], &w))
            break;
        choose(&w, answer, w.transport, out);
        if (!answer->life_s) /* it keeps the offered one */
            out->life_s = w.life_s;
        out->transform = i;
        return true;
    }
    if (why)
        snprintf(why, SEL_TEXT_MAX, "the peer's answer is none of our transforms (RFC 2408 4.2)");
    return false;
}

const char *sel1_esp_choice_text(const struct sel1_esp_choice *c, char *out)
{
    char bits[16] = "", group[24] = "";
    bool ah = c->encr == CV_ENCR_NONE, aead = cfg_alg_aead(c->encr);
    if (c->key_bits)
        snprintf(bits, sizeof bits, " %u", c->key_bits);
    if (c->group)
        snprintf(group, sizeof group, " pfs group%u", c->group);
    snprintf(out, SEL_TEXT_MAX, "%s%s%s%s%s%s%s",
             ah ? cfg_alg_ah_integ_word(c->integ) : cfg_alg_esp_encr_word(c->encr), bits,
             aead || ah ? "" : " ", aead || ah ? "" : cfg_alg_esp_integ_word(c->integ),
             c->transport ? " transport" : "", group, c->esn ? " esn" : "");
    return out;
}
