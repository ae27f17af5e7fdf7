#include "control/pki/pki_path.h"

#include "control/pki/pki_cert_priv.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    AUTH_LEVEL = 2, /* of OpenSSL: 112 bits; RSA 2048, SHA-224 and more */
    SUBJECT_SHOWN = 150,
};

/* One search. */
struct search {
    const struct pki_cert *anchor;
    const struct pki_cert *const *pool;
    unsigned pool_count;
    int64_t now;
    const struct pki_path_excuse *excuse;
    unsigned steps, *tries;
    struct pki_path path;
    bool used[2 * PKI_CERTS_MAX + PKI_CHAIN_MAX];
    enum pki_verdict_kind
        kind; /* of the first path that was not good; PKI_UNTRUSTED without a text: none was found */
    char *text;
};

static enum pki_verdict_kind CV_PRINTF(3, 4)
    say(char text[PKI_TEXT_MAX], enum pki_verdict_kind kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, PKI_TEXT_MAX, fmt, ap);
    va_end(ap);
    return kind;
}

static const char *date(int64_t at, char out[32])
{
    time_t t = (time_t)at;
    struct tm tm = {0};
    if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        (void)snprintf(out, 32, "some day");
    return out;
}

/* ---- usage of the end entity -------------------------------------------------------------------------------------- */
/* RFC 4945 5.1.3.12, and what public CAs and other vendors put there. */
static bool usage_fits(const char *oid)
{
    static const char *const fitting[] = {
        "2.5.29.37.0",        /* anyExtendedKeyUsage */
        "1.3.6.1.5.5.7.3.17", /* id-kp-ipsecIKE */
        "1.3.6.1.5.5.7.3.1",  /* serverAuth */
        "1.3.6.1.5.5.7.3.2",  /* clientAuth */
        "1.3.6.1.5.5.8.2.2",  /* iKEIntermediate, of the drafts */
        "1.3.6.1.5.5.7.3.5", /* ipsecEndSystem, ipsecTunnel, ipsecUser of RFC 2459: IOS's CA server writes them */
        "1.3.6.1.5.5.7.3.6",  "1.3.6.1.5.5.7.3.7",
    };
    for (unsigned i = 0; i < sizeof fitting / sizeof fitting[0]; i++)
        if (strcmp(oid, fitting[i]) == 0)
            return true;
    return false;
}

enum pki_verdict_kind pki_path_usage(const struct pki_cert *leaf, char text[PKI_TEXT_MAX])
{
    bool fits = !leaf->has_ext_usage;
    if (leaf->has_key_usage && !(leaf->key_usage & (PKI_USE_DIGITAL_SIGNATURE | PKI_USE_NON_REPUDIATION)))
        return say(text, PKI_FORBIDDEN, "the key usage of %.*s allows no signatures", SUBJECT_SHOWN,
                   leaf->subject_text);
    for (unsigned i = 0; i < leaf->ext_usage_count; i++)
        fits = fits || usage_fits(leaf->ext_usages[i]);
    return fits ? PKI_GOOD
                : say(text, PKI_FORBIDDEN, "the extended key usage of %.*s is for other things than IKE",
                      SUBJECT_SHOWN, leaf->subject_text);
}

/* ---- OpenSSL's verdicts ----------------------------------------------------------------------------------------------- */
static enum pki_verdict_kind kind_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return PKI_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return PKI_NOT_YET;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return PKI_UNTRUSTED;
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_INVALID_EXTENSION:
    case X509_V_ERR_INVALID_POLICY_EXTENSION:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
        return PKI_MALFORMED;
    default:
        return PKI_FORBIDDEN;
    }
}

/* What is wrong with the certificate of the subject that stands before it; NULL: OpenSSL's own words do. */
static const char *words_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "does not have the signature of its issuer";
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
        return "is no CA and issued a certificate";
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        return "has more CAs below it than its path length allows";
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return "may not sign certificates by its key usage";
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
        return "has a critical extension that is not known here";
    case X509_V_ERR_PERMITTED_VIOLATION:
        return "has a name that the name constraints of a CA above it do not permit";
    case X509_V_ERR_EXCLUDED_VIOLATION:
        return "has a name that the name constraints of a CA above it exclude";
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
        return "stands below name constraints of a kind that is not known here";
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
        return "has a key that is too short";
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return "is signed with a hash that is too weak";
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        return "stands in a chain that is too long";
    default:
        return NULL;
    }
}

static enum pki_verdict_kind tell(const struct pki_path *path, int error, int depth, char text[PKI_TEXT_MAX])
{
    unsigned at = depth >= 0 && (unsigned)depth < path->count ? (unsigned)depth : 0;
    const struct pki_cert *c = path->certs[at];
    const char *words = words_of(error);
    char when[32];
    if (error == X509_V_ERR_CERT_HAS_EXPIRED)
        return say(text, PKI_EXPIRED, "the certificate of %.*s expired %s", SUBJECT_SHOWN, c->subject_text,
                   date(c->not_after, when));
    if (error == X509_V_ERR_CERT_NOT_YET_VALID)
        return say(text, PKI_NOT_YET, "the certificate of %.*s is not valid before %s", SUBJECT_SHOWN,
                   c->subject_text, date(c->not_before, when));
    return say(text, kind_of(error), "the certificate of %.*s %s%s", SUBJECT_SHOWN, c->subject_text,
               words ? "" : "is refused: ", words ? words : X509_verify_cert_error_string(error));
}

/* ---- what OpenSSL does not look at --------------------------------------------------------------------------------- */
/* RFC 5280 4.2.1.10: a dNSName constraint holds for the name itself and everything below it. */
static bool dns_below(const char *name, const ASN1_STRING *base)
{
    const char *b = (const char *)ASN1_STRING_get0_data(base);
    size_t n = (size_t)ASN1_STRING_length(base), len = strlen(name);
    if (n > 0 && b[0] == '.') {
        b++;
        n--;
    }
    if (n == 0)
        return true;
    return len >= n && strncasecmp(name + len - n, b, n) == 0 && (len == n || name[len - n - 1] == '.');
}

/* *any: there are dNSName constraints in the list. */
static bool dns_in(const STACK_OF(GENERAL_SUBTREE) * list, const char *name, bool *any)
{
    bool hit = false;
    *any = false;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(list); i++) {
        const GENERAL_NAME *g = sk_GENERAL_SUBTREE_value(list, i)->base;
        if (g->type != GEN_DNS)
            continue;
        *any = true;
        hit = hit || dns_below(name, g->d.dNSName);
    }
    return hit;
}

/* A FQDN in the subject (unstructuredName) is believed as an identity, so dNSName constraints bind it like one in the subjectAltName. */
static bool subject_fqdn_allowed(const struct pki_path *path)
{
    const char *name = path->certs[0]->subject_fqdn;
    bool ok = true, any = false;
    for (unsigned i = 1; name && ok && i < path->count; i++) {
        if (!path->certs[i]->name_constraints)
            continue;
        NAME_CONSTRAINTS *nc = X509_get_ext_d2i(path->certs[i]->x509, NID_name_constraints, NULL, NULL);
        ok = nc && !dns_in(nc->excludedSubtrees, name, &any) &&
             (dns_in(nc->permittedSubtrees, name, &any) || !any);
        NAME_CONSTRAINTS_free(nc);
    }
    return ok;
}

/* *any: there are constraints of addresses in the list, of either version. */
static bool addr_in(const STACK_OF(GENERAL_SUBTREE) * list, const uint8_t addr[4], bool *any)
{
    bool hit = false;
    *any = false;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(list); i++) {
        const GENERAL_NAME *g = sk_GENERAL_SUBTREE_value(list, i)->base;
        if (g->type != GEN_IPADD)
            continue;
        *any = true;
        if (ASN1_STRING_length(g->d.iPAddress) != 8) /* address and mask (RFC 5280 4.2.1.10) */
            continue;
        const uint8_t *net = ASN1_STRING_get0_data(g->d.iPAddress);
        bool in = true;
        for (unsigned k = 0; k < 4; k++)
            in = in && ((addr[k] ^ net[k]) & net[4 + k]) == 0;
        hit = hit || in;
    }
    return hit;
}

/* The same for an address in the subject (unstructuredAddress). A permitted list of IPv6 alone permits none of IPv4, as OpenSSL has it for subjectAltName. */
static bool subject_addr_allowed(const struct pki_path *path)
{
    const char *text = path->certs[0]->subject_addr;
    struct in_addr a;
    uint8_t addr[sizeof a];
    bool any = false;
    if (!text || inet_pton(AF_INET, text, &a) != 1)
        return true; /* nobody's identity */
    memcpy(addr, &a, sizeof a);
    for (unsigned i = 1; i < path->count; i++) {
        if (!path->certs[i]->name_constraints)
            continue;
        NAME_CONSTRAINTS *nc = X509_get_ext_d2i(path->certs[i]->x509, NID_name_constraints, NULL, NULL);
        bool ok = nc && !addr_in(nc->excludedSubtrees, addr, &any) &&
                  (addr_in(nc->permittedSubtrees, addr, &any) || !any);
        NAME_CONSTRAINTS_free(nc);
        if (!ok)
            return false;
    }
    return true;
}

/* The CAs between, whom a peer may have offered, say that they are one in the only way that counts. */
static enum pki_verdict_kind path_extra(const struct pki_path *path, char text[PKI_TEXT_MAX])
{
    for (unsigned i = 0; i < path->count; i++) {
        const struct pki_cert *c = path->certs[i];
        bool anchor = i + 1 == path->count;
        if (c->unknown_critical)
            return tell(path, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, (int)i, text);
        if (i > 0 && (!c->is_ca || (!anchor && !c->has_basic)))
            return tell(path, X509_V_ERR_INVALID_CA, (int)i, text);
        if (i > 0 && c->has_key_usage && !(c->key_usage & PKI_USE_KEY_CERT_SIGN))
            return tell(path, X509_V_ERR_KEYUSAGE_NO_CERTSIGN, (int)i, text);
        if (!anchor && c->sig_alg->weak)
            return tell(path, X509_V_ERR_CA_MD_TOO_WEAK, (int)i, text);
    }
    if (!subject_fqdn_allowed(path) || !subject_addr_allowed(path))
        return tell(path, X509_V_ERR_PERMITTED_VIOLATION, 0, text);
    return pki_path_usage(path->certs[0], text);
}

/* ---- one path ---------------------------------------------------------------------------------------------------------- */
static STACK_OF(X509) * stack_of(const struct pki_path *path, unsigned from, unsigned to)
{
    STACK_OF(X509) *s = sk_X509_new_null();
    for (unsigned i = from; s && i < to; i++)
        if (!sk_X509_push(s, path->certs[i]->x509)) {
            sk_X509_free(s);
            return NULL;
        }
    return s;
}

/* OpenSSL has put together the same path: it cannot do otherwise from these certificates, and this holds it to that. */
static bool same_path(X509_STORE_CTX *ctx, const struct pki_path *path)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    if (sk_X509_num(chain) != (int)path->count)
        return false;
    for (unsigned i = 0; i < path->count; i++)
        if (X509_cmp(sk_X509_value(chain, (int)i), path->certs[i]->x509) != 0)
            return false;
    return true;
}

/* What `match certificate MAP allow expired-certificate` lets pass, of those that OpenSSL finds fault with. */
struct excusing {
    const struct pki_path *path;
    const struct pki_path_excuse *excuse;
};

static int on_verify(int ok, X509_STORE_CTX *ctx)
{
    const struct excusing *x = X509_STORE_CTX_get_app_data(ctx);
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    if (ok || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CERT_HAS_EXPIRED || depth < 0 ||
        (unsigned)depth >= x->path->count)
        return ok;
    return x->excuse->expired(x->excuse->ctx, x->path->certs[depth]) ? 1 : 0;
}

static enum pki_verdict_kind verify(X509_STORE_CTX *ctx, const struct pki_path *path, int64_t now,
                                    const struct pki_path_excuse *excuse, char text[PKI_TEXT_MAX])
{
    struct excusing excusing = {path, excuse};
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_depth(param, PKI_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    /* anyPolicy must be asked for: with no policy named OpenSSL finds none acceptable (RFC 5280 6.1.1 c) */
    if (!X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) ||
        !X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_POLICY_CHECK))
        return say(text, PKI_FORBIDDEN, "no memory");
    if (excuse) {
        if (!X509_STORE_CTX_set_app_data(ctx, &excusing))
            return say(text, PKI_FORBIDDEN, "no memory");
        X509_STORE_CTX_set_verify_cb(ctx, on_verify);
    }
    if (X509_verify_cert(ctx) != 1)
        return tell(path, X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx), text);
    if (!same_path(ctx, path))
        return say(text, PKI_UNTRUSTED, "the certificate of %.*s has no one way to its CA", SUBJECT_SHOWN,
                   path->certs[0]->subject_text);
    return path_extra(path, text);
}

static enum pki_verdict_kind path_check(const struct pki_path *path, int64_t now,
                                        const struct pki_path_excuse *excuse, char text[PKI_TEXT_MAX])
{
    unsigned top = path->count - 1;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = stack_of(path, 1, top > 1 ? top : 1), *trusted = stack_of(path, top, top + 1);
    enum pki_verdict_kind kind = PKI_FORBIDDEN;
    if (store && ctx && between && trusted &&
        X509_STORE_CTX_init(ctx, store, path->certs[0]->x509, between) == 1) {
        X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
        kind = verify(ctx, path, now, excuse, text);
    } else {
        (void)say(text, kind, "no memory");
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(between);
    sk_X509_free(trusted);
    return kind;
}

/* ---- the search --------------------------------------------------------------------------------------------------------- */
/* A step of the path, by names and key identifiers alone. An issuer that may not sign certificates is remembered as what is wrong. */
static bool issued(struct search *s, const struct pki_cert *child, const struct pki_cert *issuer)
{
    if (s->steps == 0)
        return false;
    s->steps--;
    int r = X509_check_issued(issuer->x509, child->x509);
    if (r == X509_V_ERR_KEYUSAGE_NO_CERTSIGN && !s->text[0]) {
        struct pki_path path = {.count = 2, .certs = {child, issuer}};
        s->kind = tell(&path, r, 1, s->text);
    }
    return r == X509_V_OK;
}

/* True: the search is over, with s->kind. */
static bool try_path(struct search *s)
{
    char text[PKI_TEXT_MAX] = "";
    if (*s->tries == 0)
        return true;
    --*s->tries;
    enum pki_verdict_kind kind = path_check(&s->path, s->now, s->excuse, text);
    if (kind == PKI_GOOD || !s->text[0]) {
        s->kind = kind;
        (void)snprintf(s->text, PKI_TEXT_MAX, "%s", text);
    }
    return kind == PKI_GOOD;
}

/* Goes up from the last certificate of s->path; its depth is bounded by PKI_CHAIN_MAX. */
static bool climb(struct search *s)
{
    const struct pki_cert *last = s->path.certs[s->path.count - 1];
    if (s->path.count == PKI_CHAIN_MAX)
        return false;
    if (issued(s, last, s->anchor)) {
        s->path.certs[s->path.count++] = s->anchor;
        if (try_path(s))
            return true;
        s->path.count--;
    }
    for (unsigned i = 0; i < s->pool_count; i++) {
        if (s->used[i] || pki_cert_equal(s->pool[i], s->anchor) || !issued(s, last, s->pool[i]))
            continue;
        s->used[i] = true;
        s->path.certs[s->path.count++] = s->pool[i];
        if (climb(s))
            return true;
        s->path.count--;
        s->used[i] = false;
    }
    return false;
}

enum pki_verdict_kind pki_path_find(const struct pki_cert *leaf, const struct pki_cert *const *pool,
                                    unsigned pool_count, const struct pki_cert *anchor, int64_t now,
                                    const struct pki_path_excuse *excuse, unsigned *tries,
                                    struct pki_path *out, char text[PKI_TEXT_MAX])
{
    char found[PKI_TEXT_MAX] = "";
    struct search s = {.anchor = anchor,
                       .pool = pool,
                       .pool_count = pool_count,
                       .now = now,
                       .excuse = excuse,
                       .steps = PKI_PATH_STEPS_MAX,
                       .tries = tries,
                       .path = {.count = 1, .certs = {leaf}},
                       .kind = PKI_UNTRUSTED,
                       .text = found};
    if (pool_count > sizeof s.used / sizeof s.used[0])
        s.pool_count = sizeof s.used / sizeof s.used[0];
    if (pki_cert_equal(leaf, anchor))
        (void)try_path(&s); /* a CA that speaks for itself */
    else
        (void)climb(&s);
    if (found[0])
        (void)snprintf(text, PKI_TEXT_MAX, "%s", found);
    *out = s.path;
    return s.kind;
}
