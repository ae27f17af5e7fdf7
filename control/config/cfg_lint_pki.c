#include "control/config/cfg_lint.h"

#include <stdio.h>
#include <string.h>

static bool signs(unsigned methods)
{
    return (methods & (CFG_AUTH_RSA_SIG | CFG_AUTH_ECDSA_SIG)) != 0;
}

/* ---- ISAKMP: LN-7 -------------------------------------------------------------------------------------------------- */
bool cfg_lint_isakmp_signs(const struct cfg *c)
{
    unsigned n, points = c->trustpoint_count;
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        points += c->isakmp_profiles[i].trustpoint_count;
    if (points == 0)
        return false;
    const struct cfg_isakmp_policy *p = cfg_isakmp_policies(c, &n);
    for (unsigned i = 0; i < n; i++)
        if (signs(p[i].auth))
            return true;
    return false;
}

/* A tunnel or a crypto map may open a negotiation under the profile. */
static bool ipsec_initiates(const struct cfg *c, const struct cfg_ipsec_profile *x)
{
    if (x->responder_only)
        return false;
    for (unsigned i = 0; i < c->interface_count; i++)
        if (strcmp(c->interfaces[i].protection_profile, x->name) == 0)
            return true;
    return false;
}

/* IPsec profiles made for entries of crypto maps are in the list, too. */
static bool isakmp_initiates(const struct cfg *c, const char *profile)
{
    for (unsigned i = 0; i < c->ipsec_profile_count; i++)
        if (strcmp(c->ipsec_profiles[i].isakmp_profile, profile) == 0 &&
            ipsec_initiates(c, &c->ipsec_profiles[i]))
            return true;
    return false;
}

static void isakmp_profiles(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    if (c->isakmp_profile_count < 2 || c->trustpoint_count < 2 || !cfg_lint_isakmp_signs(c))
        return;
    for (unsigned i = 0; i < c->isakmp_profile_count; i++) {
        const struct cfg_isakmp_profile *p = &c->isakmp_profiles[i];
        bool initiates = isakmp_initiates(c, p->name);
        if (initiates && p->trustpoint_count == 0)
            cfg_lint_add(
                l, p->line, "LN-7", CFG_WARNING, "as in: ca trust-point NAME",
                "ISAKMP profile %s initiates and names no trust-point: which certificate is used depends on "
                "the order of enrolment (CT-2, CT-8)",
                p->name);
        else if (!initiates && p->trustpoint_count > 0)
            cfg_lint_add(l, p->trustpoint_line, "LN-7", CFG_WARNING,
                         "leave `ca trust-point` out of profiles that only answer",
                         "ISAKMP profile %s only answers: all trust-points are asked for before it is known "
                         "(CT-3), and a "
                         "certificate of another than its own is refused then (CT-10)",
                         p->name);
    }
}

/* ---- IKEv2: LN-9, LN-10, G29 ------------------------------------------------------------------------------------------ */
/* Every IPsec profile that binds it only answers, and there is one. */
static bool only_answers(const struct cfg *c, const struct cfg_ikev2_profile *p)
{
    bool bound = false;
    for (unsigned i = 0; i < c->ipsec_profile_count; i++) {
        const struct cfg_ipsec_profile *x = &c->ipsec_profiles[i];
        if (strcmp(x->ikev2_profile, p->name) != 0)
            continue;
        if (!x->responder_only)
            return false;
        bound = true;
    }
    return bound;
}

static void ikev2_profile(struct cfg_linter *l, const struct cfg_ikev2_profile *p)
{
    unsigned sign = 0, verify = 0;
    for (unsigned i = 0; i < p->trustpoint_count; i++) {
        sign += p->trustpoints[i].sign;
        verify += p->trustpoints[i].verify;
    }
    if (sign > 1 || verify > 1)
        cfg_lint_add(l, p->trustpoints[1].line, "LN-9", CFG_WARNING,
                     "name one, or exactly the same ones at both ends",
                     "IKEv2 profile %s names %u trust-points: which one is used depends on the order of "
                     "enrolment at the "
                     "peer (V2-8)",
                     p->name, sign > verify ? sign : verify);
    if (signs(p->auth_local) && sign == 0)
        cfg_lint_add(
            l, p->line, "LN-10", only_answers(l->c, p) ? CFG_INFO : CFG_ERROR, "as in: pki trustpoint NAME",
            p->trustpoint_count
                ? "IKEv2 profile %s signs with a certificate and names no trust-point to sign with (V2-5)"
                : "IKEv2 profile %s signs with a certificate and names no trust-point",
            p->name);
    if (p->identity.kind == CFG_ID_NONE && signs(p->auth_local))
        cfg_lint_add(l, p->line, "G29", CFG_INFO, "",
                     "IKEv2 profile %s has no `identity local`; the subject of the certificate is sent",
                     p->name);
    if (p->identity.kind == CFG_ID_DN && !signs(p->auth_local))
        cfg_lint_add(l, p->identity.line, "identity", CFG_ERROR, "as in: identity local fqdn gw.example.com",
                     "IKEv2 profile %s has no certificate of its own whose subject it could send", p->name);
}

/* ---- trust-points ---------------------------------------------------------------------------------------------------- */
/* The CA certificate that the file holds for a trust-point. */
static const struct cfg_certificate *ca_of(const struct cfg *c, const char *trustpoint)
{
    for (unsigned i = 0; i < c->certificate_count; i++)
        if (c->certificates[i].kind == CFG_CERT_CA && c->certificates[i].n > 0 &&
            strcmp(c->certificates[i].trustpoint, trustpoint) == 0)
            return &c->certificates[i];
    return NULL;
}

static bool same_ca(const struct cfg *c, const struct cfg_trustpoint *a, const struct cfg_trustpoint *b)
{
    const struct cfg_certificate *x = ca_of(c, a->name), *y = ca_of(c, b->name);
    if (x && y)
        return x->n == y->n && memcmp(x->der, y->der, x->n) == 0;
    return a->enrollment == CFG_ENROLL_URL && b->enrollment == CFG_ENROLL_URL && strcmp(a->url, b->url) == 0;
}

static void weak(struct cfg_linter *l, const struct cfg_trustpoint *t)
{
    if (t->hash == CFG_HASH_MD5 || t->hash == CFG_HASH_SHA1)
        cfg_lint_add(l, t->hash_line, "LN-12", CFG_WARNING, "use: hash sha256",
                     "trust-point %s signs its request with %s", t->name,
                     t->hash == CFG_HASH_MD5 ? "MD5" : "SHA-1");
    if (t->key_bits > 0 && t->key_bits < 2048)
        cfg_lint_add(l, t->key_line, "LN-12", CFG_WARNING, "use 2048 or more",
                     "trust-point %s wants an RSA key of %u bits, which is too short; one of 2048 is made",
                     t->name, t->key_bits);
}

static void trustpoint(struct cfg_linter *l, const struct cfg_trustpoint *t, unsigned i)
{
    const struct cfg *c = l->c;
    weak(l, t);
    for (unsigned k = 0; k < i; k++)
        if (same_ca(c, &c->trustpoints[k], t))
            cfg_lint_add(l, t->line, "CT-17", CFG_ERROR, "keep one trust-point for a CA",
                         "trust-points %s and %s are of the same CA: the certificate enrolled last is taken "
                         "for both (G32)",
                         c->trustpoints[k].name, t->name);
    if (t->enrollment == CFG_ENROLL_PROFILE)
        cfg_lint_add(l, t->enrollment_line, "enrollment", CFG_WARNING,
                     "use: enrollment url, or enrollment terminal",
                     "trust-point %s enrols by a profile, which is not done", t->name);
    if (t->enrollment == CFG_ENROLL_URL && strncmp(t->url, "http://", 7) != 0)
        cfg_lint_add(l, t->enrollment_line, "enrollment", CFG_WARNING, "as in: http://192.0.2.1:80",
                     "trust-point %s cannot enrol at %.100s: SCEP needs HTTP", t->name, t->url);
    if (t->auto_enroll && t->enrollment != CFG_ENROLL_URL)
        cfg_lint_add(l, t->line, "enrollment", CFG_WARNING, "as in: enrollment url http://192.0.2.1:80",
                     "trust-point %s cannot renew its certificate by itself: it has no enrollment url",
                     t->name);
    const char *path = t->vrf[0]                ? "vrf"
                       : t->source_interface[0] ? "source interface"
                       : t->proxy_host[0]       ? "http-proxy"
                                                : NULL;
    if (path)
        cfg_lint_add(l, t->line, "enrollment", CFG_WARNING,
                     "let the machine itself reach the CA and its servers",
                     "`%s` of trust-point %s has no effect: fetches leave by the network of the machine, not "
                     "by the gateway's ports",
                     path, t->name);
    if (t->password_7)
        cfg_lint_add(l, t->line, "enrollment", CFG_WARNING, "write it in clear: password 0 ...",
                     "the password of trust-point %s is of type 7 and is not sent", t->name);
    if (t->revocation_count == 1 && t->revocation[0] == CFG_REVOCATION_NONE)
        cfg_lint_add(l, t->line, "revocation", CFG_INFO, "as in: revocation-check crl",
                     "trust-point %s takes revoked certificates, too", t->name);
}

static void certmaps(struct cfg_linter *l)
{
    for (unsigned i = 0; i < l->c->certmap_count; i++)
        if (l->c->certmaps[i].line_count == 0)
            cfg_lint_add(l, l->c->certmaps[i].line, "incomplete", CFG_WARNING,
                         "as in: subject-name co ou=vpn",
                         "certificate map %s %u has no line and takes every certificate",
                         l->c->certmaps[i].name, l->c->certmaps[i].seq);
}

void cfg_lint_pki(struct cfg_linter *l)
{
    isakmp_profiles(l);
    for (unsigned i = 0; i < l->c->profile_count; i++)
        if (!l->c->profiles[i].shutdown)
            ikev2_profile(l, &l->c->profiles[i]);
    for (unsigned i = 0; i < l->c->trustpoint_count; i++)
        trustpoint(l, &l->c->trustpoints[i], i);
    certmaps(l);
}
