#include "control/pki_conf.h"

#include "control/ike/ike_certmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_MAX = 16 /* CA certificates of one trust-point that are looked at */ };

/* ---- options ---------------------------------------------------------------------------------------------------- */
static_assert(sizeof((struct cfg_trustpoint *)0)->crl_url <= PKI_URL_MAX, "URLs of a configuration fit");
static_assert((int)CFG_NAME_MAX <= (int)PKI_NAME_MAX, "names of a configuration fit");

static void methods_from(const struct cfg_trustpoint *t, struct pki_conf *out)
{
    enum cfg_revocation methods[3];
    unsigned count = cfg_revocation_methods(t, methods);
    for (unsigned i = 0; i < count && i < PKI_METHODS_MAX; i++)
        out->methods[out->method_count++] = methods[i] == CFG_REVOCATION_CRL    ? PKI_METHOD_CRL
                                            : methods[i] == CFG_REVOCATION_OCSP ? PKI_METHOD_OCSP
                                                                                : PKI_METHOD_NONE;
}

static void conf_from(const struct cfg_trustpoint *t, struct pki_conf *out)
{
    *out = (struct pki_conf){.crl_optional = t->crl_optional,
                             .crl_cache_minutes = t->crl_delete_after_min,
                             .crl_extend_minutes = t->crl_extend_min,
                             .crl_cache_none = t->crl_cache_none,
                             .ocsp_no_nonce = t->ocsp_no_nonce,
                             .chain_continue = t->chain_continue,
                             .fingerprint_len = t->fingerprint_len};
    snprintf(out->name, sizeof out->name, "%s", t->name);
    snprintf(out->crl_url, sizeof out->crl_url, "%s", t->crl_url);
    snprintf(out->ocsp_url, sizeof out->ocsp_url, "%s", t->ocsp_url);
    snprintf(out->chain_parent, sizeof out->chain_parent, "%s", t->chain_parent);
    memcpy(out->fingerprint, t->fingerprint, t->fingerprint_len);
    methods_from(t, out);
}

cv_result pki_conf_apply(struct pki *p, const struct cfg *c)
{
    if (c->trustpoint_count > PKI_TRUSTPOINTS_MAX)
        return CV_EINVAL;
    struct pki_conf *confs = calloc(c->trustpoint_count + 1, sizeof *confs);
    if (!confs)
        return CV_ENOMEM;
    for (unsigned i = 0; i < c->trustpoint_count; i++)
        conf_from(&c->trustpoints[i], &confs[i]);
    cv_result r = pki_configure(p, confs, c->trustpoint_count);
    free(confs);
    return r;
}

/* ---- what is asked for in requests ---------------------------------------------------------------------------------- */
static void fqdn_of(const struct cfg *c, const struct cfg_trustpoint *t, char out[256])
{
    if (strcmp(t->fqdn, "none") == 0)
        out[0] = '\0';
    else if (t->fqdn[0])
        (void)snprintf(out, 256, "%s", t->fqdn);
    else if (c->hostname[0] && c->domain_name[0])
        (void)snprintf(out, 256, "%.120s.%.120s", c->hostname, c->domain_name);
}

static void ip_of(const struct cfg *c, const struct cfg_trustpoint *t, char out[64])
{
    struct ip_addr a;
    const struct cfg_interface *x = cfg_find_interface(c, t->ip_address);
    if (ip_addr_parse(t->ip_address, &a))
        (void)snprintf(out, 64, "%s", t->ip_address);
    for (unsigned i = 0; x && i < x->addr_count && !out[0]; i++)
        (void)ip_addr_text(&x->addrs[i].addr, out);
}

void pki_conf_subject(const struct cfg *c, const struct cfg_trustpoint *t, struct pki_subject *out)
{
    memset(out, 0, sizeof *out);
    (void)snprintf(out->dn, sizeof out->dn, "%s", t->subject_name);
    fqdn_of(c, t, out->fqdn);
    ip_of(c, t, out->ip);
}

void pki_conf_excused(const struct cfg *c, const char *trustpoint, const struct pki_cert *cert,
                      struct pki_exception *out)
{
    const struct cfg_trustpoint *t = cfg_find_trustpoint(c, trustpoint);
    for (unsigned i = 0; t && i < t->match_count; i++) {
        const struct cfg_trust_match *m = &t->match[i];
        if (!ike_certmap_takes(c, m->map, cert, NULL))
            continue;
        *out = (struct pki_exception){.allow_expired = m->allow_expired,
                                      .skip_revocation = m->skip_revocation,
                                      .cdp_url = m->cdp_url[0] ? m->cdp_url : NULL,
                                      .ocsp_url = m->ocsp_url[0] ? m->ocsp_url : NULL};
        return;
    }
}

/* ---- certificates of the file --------------------------------------------------------------------------------------- */
struct own {
    const struct cfg_certificate *from;
    const struct cfg_trustpoint *t;
    struct pki_cert *cert;
    unsigned order; /* in the file */
};

static void say(const struct pki_conf_env *env, const struct cfg_certificate *x, const char *why)
{
    char text[CFG_TEXT_MAX + PKI_TEXT_MAX];
    if (!env->say)
        return;
    snprintf(text, sizeof text, "the certificate %s of trust-point %s is not used: %s", x->serial,
             x->trustpoint, why);
    env->say(env->ctx, x->line, text);
}

static struct pki_cert *parse(const struct cfg_certificate *x, const struct pki_conf_env *env)
{
    struct pki_cert *cert = NULL;
    const char *why = "";
    if (x->n == 0) {
        say(env, x, "it is not in the configuration but in a file of the router");
        return NULL;
    }
    if (pki_cert_parse((struct slice){x->der, x->n}, &cert, &why) == CV_OK)
        return cert;
    say(env, x, why);
    return NULL;
}

static bool is_own(const struct cfg_certificate *x)
{
    return x->kind == CFG_CERT_OWN || x->kind == CFG_CERT_SELF_SIGNED;
}

static bool of(const struct cfg_certificate *x, const char *trustpoint)
{
    return strcmp(x->trustpoint, trustpoint) == 0;
}

/* Subject of ours, whose issuer says which CA certificate is meant; empty when the block has none of ours. */
static struct pki_cert *own_of(const struct cfg *c, const char *trustpoint)
{
    struct pki_cert *cert = NULL;
    for (unsigned i = 0; i < c->certificate_count && !cert; i++) {
        const struct cfg_certificate *x = &c->certificates[i];
        if (x->kind == CFG_CERT_OWN && of(x, trustpoint) &&
            pki_cert_parse((struct slice){x->der, x->n}, &cert, NULL) != CV_OK)
            cert = NULL;
    }
    return cert;
}

static bool issued(const struct pki_cert *ca, const struct pki_cert *own)
{
    return pki_dn_equal(pki_cert_subject(ca), pki_cert_issuer(own));
}

/* The CA certificate of a trust-point's block. */
static unsigned install_ca(struct pki *p, const struct cfg *c, const char *trustpoint,
                           const struct pki_conf_env *env)
{
    const struct cfg_certificate *from[BLOCK_MAX];
    struct pki_cert *cas[BLOCK_MAX], *own = own_of(c, trustpoint);
    unsigned count = 0, pick = 0, installed = 0;
    for (unsigned i = 0; i < c->certificate_count && count < BLOCK_MAX; i++) {
        const struct cfg_certificate *x = &c->certificates[i];
        if (x->kind != CFG_CERT_CA || !of(x, trustpoint) || (cas[count] = parse(x, env)) == NULL)
            continue;
        from[count++] = x;
    }
    while (own && pick < count && !issued(cas[pick], own))
        pick++;
    if (pick == count)
        pick = 0;
    if (count > 0) {
        installed = pki_install_ca(p, trustpoint, cas[pick], 0) == CV_OK;
        if (!installed)
            say(env, from[pick], "it is no CA certificate, or its fingerprint is not the configured one");
    }
    for (unsigned i = 0; i < count; i++) {
        if (i != pick)
            say(env, from[i], "the trust-point has another CA certificate");
        pki_cert_free(cas[i]);
    }
    pki_cert_free(own);
    return installed;
}

/* Every certificate of ours that is in the file and not on the disk, with its place in the file. */
static unsigned collect(struct pki *p, const struct cfg *c, const struct pki_conf_env *env, struct own *out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < c->certificate_count; i++) {
        const struct cfg_certificate *x = &c->certificates[i];
        const struct pki_trustpoint *t = is_own(x) ? pki_find(p, x->trustpoint) : NULL;
        if (!t || t->own)
            continue;
        struct pki_cert *cert = parse(x, env);
        if (cert)
            out[count++] = (struct own){x, cfg_find_trustpoint(c, x->trustpoint), cert, i};
    }
    return count;
}

static int by_age(const void *a, const void *b)
{
    const struct own *x = a, *y = b;
    int64_t dx = pki_cert_not_before(x->cert), dy = pki_cert_not_before(y->cert);
    return dx != dy ? (dx > dy) - (dx < dy) : (x->order > y->order) - (x->order < y->order);
}

static unsigned install_own(struct pki *p, const struct own *o, const struct pki_conf_env *env)
{
    struct cr_key *k = env->key && o->t ? env->key(env->ctx, o->t, pki_cert_key(o->cert)) : NULL;
    cv_result r = k ? pki_install_own(p, o->from->trustpoint, o->cert, k, NULL, 0, 0) : CV_ENOENT;
    if (r != CV_OK)
        say(env, o->from, k ? "its key does not fit" : "its private key is not here");
    cr_key_free(k);
    return r == CV_OK;
}

unsigned pki_conf_install(struct pki *p, const struct cfg *c, const struct pki_conf_env *env)
{
    unsigned installed = 0;
    for (unsigned i = 0; i < c->trustpoint_count; i++) {
        const struct pki_trustpoint *t = pki_find(p, c->trustpoints[i].name);
        if (t && !t->ca)
            installed += install_ca(p, c, t->name, env);
    }
    struct own *own = calloc(c->certificate_count + 1, sizeof *own);
    unsigned count = own ? collect(p, c, env, own) : 0;
    if (count > 1)
        qsort(own, count, sizeof *own, by_age);
    for (unsigned i = 0; i < count; i++) {
        installed += install_own(p, &own[i], env);
        pki_cert_free(own[i].cert);
    }
    free(own);
    return installed;
}
