/* The revocation-check lists of trust-points: which method is asked, in which order, and what comes of it. */
#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_crl.h"
#include "control/pki/pki_net.h"
#include "control/pki/pki_ocsp.h"
#include "control/pki/pki_priv.h"

#include <stdio.h>
#include <string.h>

static enum pki_verdict_kind kind_of(enum pki_status s)
{
    switch (s) {
    case PKI_STATUS_GOOD:
        return PKI_GOOD;
    case PKI_STATUS_REVOKED:
        return PKI_REVOKED;
    case PKI_STATUS_WAIT:
        return PKI_WAIT;
    default:
        return PKI_UNKNOWN;
    }
}

/* One certificate by the list, left to right: the next method only when the one before cannot be reached. `crl optional` lets a CRL that cannot be had pass, when no
 * method is left that would say more. */
static enum pki_verdict_kind cert_check(struct pki *p, const struct pki_conf *conf,
                                        const struct pki_cert *cert, const struct pki_cert *issuer,
                                        struct slice stapled, char text[PKI_TEXT_MAX])
{
    bool excused = false;
    char one[PKI_TEXT_MAX];
    size_t n = 0;
    text[0] = 0;
    for (unsigned i = 0; i < conf->method_count; i++) {
        enum pki_status s = PKI_STATUS_GOOD;
        if (conf->methods[i] == PKI_METHOD_CRL)
            s = pki_crl_status(p, conf, cert, issuer, one);
        else if (conf->methods[i] == PKI_METHOD_OCSP)
            s = pki_ocsp_status(p, conf, cert, issuer, stapled, one);
        if (s == PKI_STATUS_GOOD || s == PKI_STATUS_WAIT)
            return kind_of(s);
        if (s == PKI_STATUS_REVOKED || s == PKI_STATUS_REFUSED) {
            (void)snprintf(text, PKI_TEXT_MAX, "%s", one);
            return kind_of(s);
        }
        excused = excused || (conf->methods[i] == PKI_METHOD_CRL && conf->crl_optional);
        int more = snprintf(text + n, PKI_TEXT_MAX - n, "%s%s", n ? "; " : "", one);
        n = more < 0 || n + (size_t)more >= PKI_TEXT_MAX ? PKI_TEXT_MAX - 1 : n + (size_t)more;
    }
    return excused ? PKI_GOOD : PKI_UNKNOWN;
}

/* Nothing said: crl (section 5). */
static struct pki_conf conf_of(const struct pki_trustpoint *t)
{
    struct pki_conf conf = t->conf;
    if (conf.method_count == 0) {
        conf.method_count = 1;
        conf.methods[0] = PKI_METHOD_CRL;
    }
    return conf;
}

/* `match certificate MAP override cdp|ocsp`. */
static void override(struct pki_conf *conf, const struct pki_exception *x)
{
    if (x->cdp_url)
        (void)snprintf(conf->crl_url, sizeof conf->crl_url, "%s", x->cdp_url);
    if (x->ocsp_url)
        (void)snprintf(conf->ocsp_url, sizeof conf->ocsp_url, "%s", x->ocsp_url);
}

static struct pki_verdict verdict(const struct pki_chain *c, enum pki_verdict_kind kind)
{
    struct pki_verdict v = {.kind = kind};
    (void)snprintf(v.trustpoint, sizeof v.trustpoint, "%s", c->trustpoint);
    (void)snprintf(v.text, sizeof v.text, "%s", pki_verdict_text(kind));
    return v;
}

static int gravity(enum pki_verdict_kind k)
{
    return k == PKI_REVOKED ? 3 : k == PKI_UNKNOWN ? 2 : k == PKI_WAIT ? 1 : 0;
}

/* Every certificate but the anchor; all of them are asked about at once, so that their fetches go side by side. */
struct pki_verdict pki_chain_revoked(struct pki *p, struct pki_chain *c, struct slice stapled)
{
    const struct pki_trustpoint *t = pki_find(p, c->trustpoint);
    struct pki_verdict v = verdict(c, PKI_GOOD);
    if (!t || c->count == 0) {
        (void)snprintf(v.text, sizeof v.text, "its trust-point is gone");
        v.kind = PKI_UNTRUSTED;
        return v;
    }
    if (t->simulated && !p->env.fetch)
        return v; /* explain made the CA up: there is no server that could tell */
    for (unsigned i = 0; i + 1 < c->count; i++) {
        char text[PKI_TEXT_MAX];
        struct pki_exception x = pki_excused(p, t->name, c->certs[i]);
        struct pki_conf conf = conf_of(t);
        if (x.skip_revocation)
            continue;
        override(&conf, &x);
        enum pki_verdict_kind kind =
            cert_check(p, &conf, c->certs[i], c->certs[i + 1], i == 0 ? stapled : (struct slice){0}, text);
        if (gravity(kind) <= gravity(v.kind))
            continue;
        v = verdict(c, kind);
        if (kind == PKI_REVOKED || kind == PKI_UNKNOWN)
            (void)snprintf(v.text, sizeof v.text, "the certificate of %.120s (serial number %s) %s: %.280s",
                           c->certs[i]->subject_text, c->certs[i]->serial_text,
                           kind == PKI_REVOKED ? "is revoked" : "may be revoked", text);
    }
    return v;
}

/* Goes up from the certificate, as far as CRLs and responses that are here name the CAs above it. */
bool pki_known_revoked(const struct pki *p, const struct pki_cert *c)
{
    for (unsigned i = 0; c && i < PKI_CHAIN_MAX; i++) {
        const struct pki_cert *above = NULL;
        if (pki_crl_known_revoked(p, c, &above) || pki_ocsp_known_revoked(p, c, &above))
            return true;
        c = above;
    }
    return false;
}

struct pki_exception pki_excused(const struct pki *p, const char *trustpoint, const struct pki_cert *c)
{
    struct pki_exception x = {0};
    if (p->env.excused)
        p->env.excused(p->env.ctx, trustpoint, c, &x);
    return x;
}
