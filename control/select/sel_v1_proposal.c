/* Phase 1 half of sel_v1_proposal.h: ISAKMP policies against transforms. */
#include "control/select/sel_v1_proposal.h"

#include "control/select/sel_trace.h"

#include <stdio.h>
#include <string.h>

/* RFC 2409 Appendix A on the wire; the prf's number is that of the HMAC of the hash (IANA, IKEv2 transform type 2). */
enum { WIRE_DES = 1, WIRE_3DES = 5, WIRE_AES = 7 };

static const struct {
    uint16_t encr, wire;
} ciphers[] = {{CV_ENCR_DES, WIRE_DES}, {CV_ENCR_3DES, WIRE_3DES}, {CV_ENCR_AES_CBC, WIRE_AES}};

static const struct {
    uint16_t hash, prf;
    const char *name;
} hashes[] = {{CFG_HASH_MD5, 1, "md5"},
              {CFG_HASH_SHA1, 2, "sha"},
              {CFG_HASH_SHA256, 5, "sha256"},
              {CFG_HASH_SHA384, 6, "sha384"},
              {CFG_HASH_SHA512, 7, "sha512"}};
enum { CIPHERS = sizeof ciphers / sizeof *ciphers, HASHES = sizeof hashes / sizeof *hashes };

static uint16_t wire_of_encr(uint16_t encr)
{
    for (unsigned i = 0; i < CIPHERS; i++)
        if (ciphers[i].encr == encr)
            return ciphers[i].wire;
    return 0;
}

static uint16_t prf_of_hash(uint16_t hash)
{
    for (unsigned i = 0; i < HASHES; i++)
        if (hashes[i].hash == hash)
            return hashes[i].prf;
    return 0;
}

static const char *hash_name(uint16_t hash)
{
    for (unsigned i = 0; i < HASHES; i++)
        if (hashes[i].hash == hash)
            return hashes[i].name;
    return "?";
}

static const char *encr_name(uint16_t wire)
{
    return wire == WIRE_DES ? "des" : wire == WIRE_3DES ? "3des" : wire == WIRE_AES ? "aes" : "?";
}

static const char *auth_name(uint16_t auth)
{
    switch (auth) {
    case SEL1_METHOD_PSK:
        return "pre-share";
    case SEL1_METHOD_RSA:
        return "rsa-sig";
    case SEL1_METHOD_ECDSA_256:
        return "ecdsa-sig 256";
    case SEL1_METHOD_ECDSA_384:
        return "ecdsa-sig 384";
    case SEL1_METHOD_ECDSA_521:
        return "ecdsa-sig 521";
    default:
        return "?";
    }
}

/* The i-th method that a policy stands for; 0 over the end. */
static uint16_t method_of(const struct cfg_isakmp_policy *p, unsigned i)
{
    static const uint16_t curves[] = {SEL1_METHOD_ECDSA_256, SEL1_METHOD_ECDSA_384, SEL1_METHOD_ECDSA_521};
    if (p->auth == CFG_AUTH_ECDSA_SIG)
        return i < sizeof curves / sizeof *curves ? curves[i] : 0;
    if (i > 0)
        return 0;
    return p->auth == CFG_AUTH_PSK ? SEL1_METHOD_PSK : p->auth == CFG_AUTH_RSA_SIG ? SEL1_METHOD_RSA : 0;
}

static bool has_method(unsigned methods, uint16_t method)
{
    return method != 0 && (methods >> method & 1u);
}

/* The policy as a transform with its i-th method; false when it is one that we cannot negotiate. */
static bool transform_of(const struct cfg_isakmp_policy *p, unsigned i, struct sel1_ike_transform *out)
{
    *out = (struct sel1_ike_transform){.encr = wire_of_encr(p->encr.id),
                                       .key_bits = p->encr.key_bits,
                                       .hash = (uint16_t)p->hash,
                                       .auth = method_of(p, i),
                                       .group = p->group,
                                       .life_s = p->lifetime_s};
    return out->encr != 0 && prf_of_hash(out->hash) != 0 && out->auth != 0 && out->group != 0;
}

unsigned sel1_ike_offers(const struct cfg *c, unsigned methods, uint16_t group,
                         struct sel1_ike_transform out[SEL1_TRANSFORMS_MAX])
{
    unsigned count, n = 0;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &count);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; method_of(&p[i], k) && n < SEL1_TRANSFORMS_MAX; k++) {
            if (!transform_of(&p[i], k, &out[n]) || !has_method(methods, out[n].auth) ||
                (group != 0 && out[n].group != group))
                continue;
            out[n].number = (uint8_t)(n + 1);
            n++;
        }
    return n;
}

/* Why a transform does not fit the policy; false: it does. */
static bool differs(const struct sel1_ike_transform *ours, const struct sel1_ike_transform *t, char *why,
                    size_t n)
{
    if (t->unusable)
        snprintf(why, n, "it has an attribute or a value that is not known here");
    else if (t->encr != ours->encr)
        snprintf(why, n, "Encryption algorithm offered does not match policy: %s (%u), not %s",
                 encr_name(t->encr), t->encr, encr_name(ours->encr));
    else if (t->key_bits != ours->key_bits)
        snprintf(why, n, "key length offered does not match policy: %u, not %u", t->key_bits, ours->key_bits);
    else if (t->hash != ours->hash)
        snprintf(why, n, "Hash algorithm offered does not match policy: %s (%u), not %s", hash_name(t->hash),
                 t->hash, hash_name(ours->hash));
    else if (t->auth != ours->auth)
        snprintf(why, n, "Authentication method offered does not match policy: %s (%u), not %s",
                 auth_name(t->auth), t->auth, auth_name(ours->auth));
    else if (t->group != ours->group)
        snprintf(why, n, "Diffie-Hellman group offered does not match policy: %u, not %u", t->group,
                 ours->group);
    else
        return false;
    return true;
}

static struct sel1_ike_choice choice_of(const struct cfg_isakmp_policy *p,
                                        const struct sel1_ike_transform *ours,
                                        const struct sel1_ike_transform *t, unsigned index)
{
    uint32_t life = t->life_s && t->life_s < ours->life_s ? t->life_s : ours->life_s; /* G26 */
    return (struct sel1_ike_choice){.transform = index,
                                    .policy = p,
                                    .encr = p->encr.id,
                                    .key_bits = p->encr.key_bits,
                                    .prf = prf_of_hash(ours->hash),
                                    .hash = ours->hash,
                                    .auth = ours->auth,
                                    .group = ours->group,
                                    .life_s = life};
}

/* The policy with the method that a transform has, else with its first. */
static bool transform_against(const struct cfg_isakmp_policy *p, uint16_t auth,
                              struct sel1_ike_transform *out)
{
    for (unsigned k = 1; method_of(p, k); k++)
        if (method_of(p, k) == auth)
            return transform_of(p, k, out);
    return transform_of(p, 0, out);
}

/* One own policy against the peer's transforms in their order. */
static bool choose_for(const struct cfg_isakmp_policy *p, unsigned methods, const char *no_key_why,
                       const struct sel1_ike_transform *offers, unsigned n, struct sel1_ike_choice *out,
                       struct sel_trace *trace)
{
    struct sel1_ike_transform ours;
    char name[CFG_NAME_MAX], why[SEL_TEXT_MAX];
    for (unsigned i = 0; i < n; i++) {
        bool usable = transform_against(p, offers[i].auth, &ours);
        snprintf(name, sizeof name, "transform %u against priority %u policy", i + 1, p->priority);
        if (!usable)
            snprintf(why, sizeof why, "the policy is of a kind that is not negotiated");
        else if (!differs(&ours, &offers[i], why, sizeof why)) {
            if (has_method(methods, ours.auth)) {
                sel_trace_candidate(trace, name, true, "atts are acceptable");
                *out = choice_of(p, &ours, &offers[i], i);
                return true;
            }
            snprintf(why, sizeof why, "%s",
                     ours.auth == SEL1_METHOD_PSK && no_key_why
                         ? no_key_why
                         : "no certificate for this authentication method");
        }
        sel_trace_candidate(trace, name, false, "%s", why);
    }
    return false;
}

bool sel1_ike_choose(const struct cfg *c, unsigned methods, const char *no_key_why,
                     const struct sel1_ike_transform *offers, unsigned n, struct sel1_ike_choice *out,
                     struct sel_trace *trace)
{
    unsigned count;
    char text[SEL_TEXT_MAX], name[CFG_NAME_MAX];
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &count);
    sel_trace_begin(trace, SEL_PROPOSAL);
    for (unsigned i = 0; i < count; i++)
        if (choose_for(&p[i], methods, no_key_why, offers, n, out, trace)) {
            snprintf(name, sizeof name, "policy %u", p[i].priority);
            sel_trace_end(trace, "PR-2", name, "transform %u fits policy %u: %.150s", out->transform + 1,
                          p[i].priority, sel1_ike_choice_text(out, text));
            return true;
        }
    bool keyless = no_key_why && !has_method(methods, SEL1_METHOD_PSK);
    sel_trace_end(trace, keyless ? "KR-12" : "PR-2", NULL,
                  keyless ? "none of the %u transforms fits one of our %u policies; %s"
                          : "none of the %u transforms fits one of our %u policies%s",
                  n, count, keyless ? no_key_why : "");
    return false;
}

bool sel1_ike_accept(const struct cfg *c, unsigned methods, const struct sel1_ike_transform *ours, unsigned n,
                     const struct sel1_ike_transform *answer, struct sel1_ike_choice *out, char *why)
{
    unsigned count;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &count);
    struct sel1_ike_transform own;
    snprintf(why, SEL_TEXT_MAX, "it is none of the %u transforms that were offered", n);
    for (unsigned i = 0; i < n; i++) {
        if (differs(&ours[i], answer, why, SEL_TEXT_MAX))
            continue;
        for (unsigned j = 0; j < count; j++)
            if (transform_against(&p[j], answer->auth, &own) && has_method(methods, own.auth) &&
                !differs(&own, &ours[i], why, SEL_TEXT_MAX)) {
                *out = choice_of(&p[j], &ours[i], answer, i);
                return true;
            }
    }
    return false;
}

const char *sel1_ike_choice_text(const struct sel1_ike_choice *c, char *out)
{
    char bits[16] = "";
    if (c->key_bits)
        snprintf(bits, sizeof bits, " %u", c->key_bits);
    snprintf(out, SEL_TEXT_MAX, "%s%s %s %s group %u", encr_name(wire_of_encr(c->encr)), bits,
             hash_name(c->hash), auth_name(c->auth), c->group);
    return out;
}
