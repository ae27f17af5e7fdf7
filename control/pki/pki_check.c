#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_net.h"
#include "control/pki/pki_path.h"
#include "control/pki/pki_priv.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum {
    ENCODING_PKCS7 = 1, /* RFC 7296 3.6, RFC 2408 3.9 */
    ENCODING_X509_SIGNATURE = 4,
    ENCODING_HASH_URL_CERT = 12,
    ENCODING_HASH_URL_BUNDLE = 13,
    PARENTS_MAX = 8, /* trust-points above each other by `chain-validation continue` */
};

const char *pki_verdict_text(enum pki_verdict_kind k)
{
    static const char *const text[] = {
        [PKI_GOOD] = "good",
        [PKI_WAIT] = "its revocation is being looked up",
        [PKI_UNTRUSTED] = "No suitable trustpoints found",
        [PKI_EXPIRED] = "expired",
        [PKI_NOT_YET] = "not yet valid",
        [PKI_REVOKED] = "revoked",
        [PKI_UNKNOWN] = "its revocation could not be found out",
        [PKI_FORBIDDEN] = "not allowed",
        [PKI_MALFORMED] = "malformed",
    };
    return (unsigned)k < sizeof text / sizeof text[0] ? text[k] : "unknown";
}

/* ---- what a peer sent -------------------------------------------------------------------------------------------------- */
static void certs_drop(struct pki_chain *c)
{
    for (unsigned i = 0; i < c->count; i++)
        pki_cert_free(c->certs[i]);
    c->count = 0;
}

void pki_chain_free(struct pki_chain *c)
{
    certs_drop(c);
    for (unsigned i = 0; i < c->offered_count; i++)
        pki_cert_free(c->offered[i]);
    *c = (struct pki_chain){0};
}

static bool offered_has(const struct pki_chain *c, const struct pki_cert *one)
{
    for (unsigned i = 0; i < c->offered_count; i++)
        if (pki_cert_equal(c->offered[i], one))
            return true;
    return false;
}

/* Takes over the reference. False: there are too many. */
static bool offered_add(struct pki_chain *c, struct pki_cert *one)
{
    bool twice = offered_has(c, one), room = c->offered_count < PKI_CERTS_MAX;
    if (twice || !room)
        pki_cert_free(one);
    else
        c->offered[c->offered_count++] = one;
    return twice || room;
}

/* What was seen on the way, for the text. */
struct taking {
    unsigned seen; /* certificates, readable or not */
    bool too_many;
    bool by_url;
    const char *first_why; /* of the first one that was no certificate */
};

static void take_x509(struct pki_chain *c, struct slice data, struct taking *t)
{
    struct pki_cert *one = NULL;
    const char *why = NULL;
    t->seen++;
    if (pki_cert_parse(data, &one, &why) != CV_OK) {
        if (!t->first_why)
            t->first_why = why ? why : "it is no certificate";
    } else if (!offered_add(c, one)) {
        t->too_many = true;
    }
}

static void take_pkcs7(struct pki_chain *c, struct slice data, struct taking *t)
{
    struct pki_cert *many[PKI_CERTS_MAX];
    unsigned n = 0;
    t->seen++;
    if (pki_pkcs7_read(data, many, &n) != CV_OK) {
        if (!t->first_why)
            t->first_why = "it is no PKCS #7 within the limits";
        return;
    }
    for (unsigned i = 0; i < n; i++)
        if (!offered_add(c, many[i]))
            t->too_many = true;
}

/* The first one, as both versions have it (RFC 7296 3.6); but in PKCS #7 and with careless peers a CA may stand before it. */
static struct pki_cert *end_entity(const struct pki_chain *c)
{
    for (unsigned i = 0; i < c->offered_count; i++)
        if (!c->offered[i]->is_ca)
            return c->offered[i];
    return c->offered_count ? c->offered[0] : NULL;
}

static bool take_refuse(struct pki_chain *c, const struct taking *t, char text[PKI_TEXT_MAX])
{
    if (t->too_many)
        (void)snprintf(text, PKI_TEXT_MAX, "the peer sent more than %d certificates", PKI_CERTS_MAX);
    else if (t->first_why)
        (void)snprintf(text, PKI_TEXT_MAX, "the peer's certificate cannot be used: %s", t->first_why);
    else
        (void)snprintf(text, PKI_TEXT_MAX, "the peer sent no certificate%s",
                       t->by_url ? ", only where to fetch it, which is not done" : "");
    pki_chain_free(c);
    return false;
}

bool pki_chain_take(struct pki_chain *c, const struct pki_offer *offers, unsigned count,
                    char text[PKI_TEXT_MAX])
{
    struct taking t = {0};
    bool first_bad = false;
    *c = (struct pki_chain){0};
    for (unsigned i = 0; i < count && !t.too_many; i++) {
        uint8_t encoding = offers[i].encoding;
        if (encoding == ENCODING_X509_SIGNATURE)
            take_x509(c, offers[i].data, &t);
        else if (encoding == ENCODING_PKCS7)
            take_pkcs7(c, offers[i].data, &t);
        else if (encoding == ENCODING_HASH_URL_CERT || encoding == ENCODING_HASH_URL_BUNDLE)
            t.by_url = true;
        /* The first is the peer's own. Another that cannot be read is a CA nobody here could use: the path is looked for without it. */
        first_bad = first_bad || (t.seen == 1 && t.first_why);
        t.too_many = t.too_many || t.seen > PKI_CERTS_MAX;
    }
    struct pki_cert *own = end_entity(c);
    if (first_bad || t.too_many || !own)
        return take_refuse(c, &t, text);
    c->certs[0] = pki_cert_ref(own);
    c->count = 1;
    return true;
}

/* ---- to which trust-point it leads ------------------------------------------------------------------------------------ */
struct check {
    const struct pki *p;
    const struct pki_cert *leaf;
    const struct pki_cert *pool[2 * PKI_CERTS_MAX + PKI_CHAIN_MAX];
    unsigned pool_count;
    unsigned tries;
    struct pki_path path;
};

static bool allowed(const struct pki_trustpoint *t, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(t->name, names[i]) == 0)
            return true;
    return count == 0;
}

static void pool_add(struct check *k, const struct pki_cert *c)
{
    if (k->pool_count < sizeof k->pool / sizeof k->pool[0] && c && !pki_cert_equal(c, k->leaf))
        k->pool[k->pool_count++] = c;
}

/* The peer's certificates, the trust-point's own chain, and its CA when that is only a step. */
static void pool_fill(struct check *k, const struct pki_chain *c, const struct pki_trustpoint *t,
                      bool with_ca)
{
    k->pool_count = 0;
    for (unsigned i = 0; i < t->chain_count; i++)
        pool_add(k, t->chain[i]);
    if (with_ca)
        pool_add(k, t->ca);
    for (unsigned i = 0; i < c->offered_count; i++)
        pool_add(k, c->offered[i]);
}

static bool path_has(const struct pki_path *path, const struct pki_cert *c)
{
    for (unsigned i = 0; i < path->count; i++)
        if (pki_cert_equal(path->certs[i], c))
            return true;
    return false;
}

/* The end of the parents that `chain-validation continue PARENT` names: a root, or one that says stop. NULL: one of them is not there, or they go in a circle. */
static const struct pki_trustpoint *topmost(const struct pki *p, const struct pki_trustpoint *t)
{
    for (unsigned i = 0; t && t->ca && i < PARENTS_MAX; i++) {
        if (!t->conf.chain_continue || t->ca->self_issued || !t->conf.chain_parent[0])
            return t;
        t = pki_find(p, t->conf.chain_parent);
    }
    return NULL;
}

/* Who asks whether a certificate may have expired. */
struct excused_for {
    const struct pki *p;
    const struct pki_trustpoint *t;
};

static bool may_have_expired(void *ctx, const struct pki_cert *c)
{
    const struct excused_for *for_whom = ctx;
    return pki_excused(for_whom->p, for_whom->t->name, c).allow_expired;
}

static enum pki_verdict_kind check_to(struct check *k, const struct pki_trustpoint *t,
                                      const struct pki_cert *anchor, char text[PKI_TEXT_MAX])
{
    struct excused_for for_whom = {k->p, t};
    struct pki_path_excuse excuse = {may_have_expired, &for_whom};
    enum pki_verdict_kind kind = pki_path_find(k->leaf, k->pool, k->pool_count, anchor, pki_wall_s(k->p),
                                               k->p->env.excused ? &excuse : NULL, &k->tries, &k->path, text);
    if (kind == PKI_GOOD && !path_has(&k->path, t->ca))
        return PKI_UNTRUSTED; /* it belongs to another trust-point of the same root */
    return kind;
}

/* `continue` without a parent: up to any root that a trust-point has. */
static enum pki_verdict_kind check_to_roots(struct check *k, const struct pki_trustpoint *t,
                                            char text[PKI_TEXT_MAX])
{
    const struct pki_trustpoint *all[PKI_TRUSTPOINTS_MAX];
    unsigned n = pki_list(k->p, all);
    enum pki_verdict_kind first = PKI_UNTRUSTED;
    for (unsigned i = 0; i < n; i++) {
        char one[PKI_TEXT_MAX] = "";
        if (!all[i]->ca || !all[i]->ca->self_issued)
            continue;
        enum pki_verdict_kind kind = check_to(k, t, all[i]->ca, one);
        if (kind == PKI_GOOD)
            return kind;
        if (kind != PKI_UNTRUSTED && first == PKI_UNTRUSTED) {
            first = kind;
            (void)snprintf(text, PKI_TEXT_MAX, "%s", one);
        }
    }
    return first;
}

static enum pki_verdict_kind check_trustpoint(struct check *k, const struct pki_chain *c,
                                              const struct pki_trustpoint *t, char text[PKI_TEXT_MAX])
{
    bool beyond = t->conf.chain_continue && !t->ca->self_issued;
    pool_fill(k, c, t, beyond);
    if (!beyond)
        return check_to(k, t, t->ca, text);
    if (!t->conf.chain_parent[0])
        return check_to_roots(k, t, text);
    const struct pki_trustpoint *top = topmost(k->p, t);
    return top ? check_to(k, t, top->ca, text) : PKI_UNTRUSTED;
}

/* Another trust-point would have done: the profile does not list it (CT-9, CT-10). */
static const struct pki_trustpoint *elsewhere(const struct pki *p, const struct pki_cert *leaf,
                                              const char *const *names, unsigned count)
{
    const struct pki_trustpoint *all[PKI_TRUSTPOINTS_MAX];
    unsigned n = pki_list(p, all);
    for (unsigned i = 0; i < n; i++)
        if (all[i]->ca && !allowed(all[i], names, count) &&
            X509_check_issued(all[i]->ca->x509, leaf->x509) == X509_V_OK)
            return all[i];
    return NULL;
}

static void untrusted_say(const struct pki *p, const struct pki_cert *leaf, const char *const *names,
                          unsigned count, const char *detail, char text[PKI_TEXT_MAX])
{
    const struct pki_trustpoint *t = elsewhere(p, leaf, names, count);
    int n = snprintf(text, PKI_TEXT_MAX, "%s: the certificate of %.120s is of %.120s",
                     pki_verdict_text(PKI_UNTRUSTED), leaf->subject_text, leaf->issuer_text);
    if (n < 0 || n >= PKI_TEXT_MAX)
        return;
    size_t room = PKI_TEXT_MAX - (size_t)n;
    if (detail[0])
        (void)snprintf(text + n, room, "; %s", detail);
    else if (t)
        (void)snprintf(text + n, room, ", which trust-point %s has, but the profile allows only %s%s",
                       t->name, names[0], count > 1 ? " and others" : "");
    else
        (void)snprintf(text + n, room, ", whose certificate no trust-point has");
}

/* The path becomes the chain: references to what it is made of. */
static void chain_set(struct pki_chain *c, const struct pki_path *path, const struct pki_trustpoint *t)
{
    struct pki_cert *next[PKI_CHAIN_MAX];
    for (unsigned i = 0; i < path->count; i++)
        next[i] = pki_cert_ref((struct pki_cert *)path->certs[i]);
    certs_drop(c);
    for (unsigned i = 0; i < path->count; i++)
        c->certs[i] = next[i];
    c->count = path->count;
    (void)snprintf(c->trustpoint, sizeof c->trustpoint, "%s", t->name);
}

struct pki_verdict pki_chain_check(struct pki *p, struct pki_chain *c, const char *const *trustpoints,
                                   unsigned count)
{
    struct pki_verdict v = {.kind = PKI_UNTRUSTED};
    const struct pki_trustpoint *all[PKI_TRUSTPOINTS_MAX];
    char detail[PKI_TEXT_MAX] = "";
    if (c->count == 0) {
        (void)snprintf(v.text, sizeof v.text, "there is no certificate");
        v.kind = PKI_MALFORMED;
        return v;
    }
    struct check k = {.p = p, .leaf = c->certs[0], .tries = PKI_PATH_TRIES_MAX};
    unsigned n = pki_list(p, all);
    for (unsigned i = 0; i < n; i++) {
        char text[PKI_TEXT_MAX] = "";
        if (!all[i]->ca || !allowed(all[i], trustpoints, count))
            continue;
        enum pki_verdict_kind kind = check_trustpoint(&k, c, all[i], text);
        if (kind == PKI_GOOD) {
            v = (struct pki_verdict){.kind = kind};
            (void)snprintf(v.trustpoint, sizeof v.trustpoint, "%s", all[i]->name);
            (void)snprintf(v.text, sizeof v.text,
                           "Certificate validation succeeded: %.200s, by trust-point %s",
                           k.leaf->subject_text, all[i]->name);
            chain_set(c, &k.path, all[i]);
            return v;
        }
        if (v.kind == PKI_UNTRUSTED && text[0]) {
            v.kind = kind;
            (void)snprintf(v.trustpoint, sizeof v.trustpoint, "%s", all[i]->name);
            (void)snprintf(detail, sizeof detail, "%s", text);
        }
    }
    if (v.kind == PKI_UNTRUSTED)
        untrusted_say(p, k.leaf, trustpoints, count, detail, v.text);
    else
        (void)snprintf(v.text, sizeof v.text, "%s", detail);
    return v;
}
