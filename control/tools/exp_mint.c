#include "control/tools/exp_mint.h"

#include "control/pki_conf.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAY_S = 24 * 3600,
    YEAR_S = 365 * DAY_S,
    RSA_BITS = 2048,
    SEED_MAX = 2 * PKI_HASH_LEN + 32,
    WORDS_MAX = 1024
};

void exp_keys_free(struct exp_keys *k)
{
    for (unsigned i = 0; i < sizeof k->of / sizeof *k->of; i++)
        cr_key_free(k->of[i]);
    memset(k, 0, sizeof *k);
}

/* A private key of that kind, kept for all certificates of our own: a CA's is one of its own, for IKEv2 knows CAs by their keys. */
static struct cr_key *key_of_kind(const struct exp_pki *x, enum cr_key_kind kind)
{
    struct cr_key **k = &x->keys->of[kind];
    if (!*k && (kind == CR_KEY_P256 ? pki_sim_key("an end", k) : cr_key_generate(kind, RSA_BITS, k)) != CV_OK)
        *k = NULL;
    return *k;
}

/* ---- copies ------------------------------------------------------------------------------------------------------------ */
/* Two certificates of one CA, such as an old and a renewed one, have one key here as well. */
static cv_result copy_key(const struct pki_cert *real, struct cr_key **out)
{
    const uint8_t *hash = pki_cert_key_hash(real);
    char seed[SEED_MAX] = "copy ";
    for (unsigned i = 0; i < PKI_HASH_LEN; i++)
        snprintf(seed + strlen(seed), sizeof seed - strlen(seed), "%02x", hash[i]);
    return pki_sim_key(seed, out);
}

static bool issued(const struct pki_cert *issuer, const struct pki_cert *c)
{
    return issuer && pki_dn_equal(pki_cert_subject(issuer), pki_cert_issuer(c)) &&
           pki_sim_issued_by(c, issuer);
}

/* The key that signs the copy: of the copy of who signed the original, when a file has that; else one that nobody knows. */
static cv_result issuer_key(const struct exp_pki *x, const struct pki_cert *real, const struct cr_key *own,
                            struct cr_key **out)
{
    if (pki_cert_self_issued(real) && pki_sim_issued_by(real, real)) {
        *out = cr_key_ref((struct cr_key *)(uintptr_t)own);
        return CV_OK;
    }
    for (unsigned i = 0; i < x->ca_count; i++)
        if (issued(x->ca[i].real, real))
            return copy_key(x->ca[i].real, out);
    return pki_sim_key("of a CA that no file has", out);
}

static cv_result copy(const struct exp_pki *x, const struct pki_cert *real, const struct cr_key *key,
                      struct pki_cert **out)
{
    struct cr_key *by = NULL;
    CV_TRY(issuer_key(x, real, key, &by));
    cv_result r = pki_sim_copy(real, key, by, out);
    cr_key_free(by);
    return r;
}

/* ---- CAs ---------------------------------------------------------------------------------------------------------------- */
/* Another CA of the same name: the host of its URL tells them apart. */
static bool name_taken(const struct exp_pki *x, unsigned at)
{
    for (unsigned i = 0; i < at; i++)
        if (!x->ca[i].real && strcmp(x->ca[i].name, x->ca[at].name) == 0)
            return true;
    return false;
}

static cv_result make_ca(const struct exp_pki *x, unsigned at, struct exp_ca *c)
{
    char dn[CFG_NAME_MAX + CFG_URL_MAX + 16], seed[CFG_NAME_MAX + CFG_URL_MAX + 16];
    const char *host = strstr(c->url, "://");
    host = host ? host + 3 : c->url;
    snprintf(seed, sizeof seed, "CA %s %s", c->name, c->url);
    if (name_taken(x, at))
        snprintf(dn, sizeof dn, "cn=%s,ou=%.*s", c->name, (int)strcspn(host, "/,+=\\"), host);
    else
        snprintf(dn, sizeof dn, "cn=%s", c->name);
    if (pki_sim_ca(seed, dn, x->now_s - YEAR_S, &c->sim) == CV_OK)
        return CV_OK;
    snprintf(dn, sizeof dn, "cn=CA%u", at + 1); /* a name that is none in a DN */
    return pki_sim_ca(seed, dn, x->now_s - YEAR_S, &c->sim);
}

static cv_result mint_ca(const struct exp_pki *x, unsigned at, struct exp_ca *c)
{
    if (!c->real)
        return make_ca(x, at, c);
    CV_TRY(copy_key(c->real, &c->sim.key));
    return copy(x, c->real, c->sim.key, &c->sim.cert);
}

/* ---- our own ---------------------------------------------------------------------------------------------------------------- */
static void add_word(char words[WORDS_MAX], const char *word)
{
    size_t used = strlen(words);
    if (word[0] && strcspn(word, " ") == strlen(word) && used + strlen(word) + 2 < WORDS_MAX)
        snprintf(words + used, WORDS_MAX - used, "%s%s", used ? " " : "", word);
}

static void add_id(const struct cfg_id *id, char fqdn[WORDS_MAX], char ip[WORDS_MAX], char *email)
{
    char text[IP_TEXT_MAX];
    if (id->kind == CFG_ID_ADDRESS && id->prefix.addr.family != IP_NONE)
        add_word(ip, ip_addr_text(&id->prefix.addr, text));
    else if (id->kind == CFG_ID_FQDN)
        add_word(fqdn, id->text);
    else if (id->kind == CFG_ID_EMAIL)
        snprintf(email, CFG_TEXT_MAX, "%s", id->text);
}

static void host_name(const struct cfg *c, char out[2 * CFG_TEXT_MAX])
{
    out[0] = '\0';
    if (c->hostname[0] && c->domain_name[0])
        snprintf(out, 2 * CFG_TEXT_MAX, "%s.%s", c->hostname, c->domain_name);
}

/* What a trust-point of which nothing is known would have to have: every identity that the end may use. */
static void all_names(const struct cfg *c, char fqdn[WORDS_MAX], char ip[WORDS_MAX], char *email)
{
    char text[2 * CFG_TEXT_MAX];
    struct ip_addr a;
    host_name(c, text);
    add_word(fqdn, text);
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        add_id(&c->isakmp_profiles[i].self, fqdn, ip, email);
    for (unsigned i = 0; i < c->profile_count; i++)
        add_id(&c->profiles[i].identity, fqdn, ip, email);
    for (unsigned i = 0; i < c->interface_count; i++)
        if (cfg_is_protected(&c->interfaces[i]) && cfg_tunnel_source(c, &c->interfaces[i], &a) &&
            !strstr(ip, ip_addr_text(&a, text)))
            add_word(ip, text);
}

static bool signs_by(const struct cfg *c, unsigned method)
{
    for (unsigned i = 0; i < c->profile_count; i++)
        if (c->profiles[i].auth_local & method)
            return true;
    for (unsigned i = 0; i < c->isakmp_policy_count; i++)
        if ((unsigned)c->isakmp_policies[i].auth & method)
            return true;
    return false;
}

static enum cr_key_kind kind_for(const struct exp_pki *x, enum exp_end e, const struct exp_point *p)
{
    const struct cfg *c = x->cfg[e];
    if (!x->signs)
        return CR_KEY_P256; /* nobody will look */
    if (p->t)
        return p->t->key_ec ? CR_KEY_P256 : CR_KEY_RSA;
    return !signs_by(c, CFG_AUTH_RSA_SIG) && signs_by(c, CFG_AUTH_ECDSA_SIG) ? CR_KEY_P256 : CR_KEY_RSA;
}

/* What the CA would issue for the configuration as it is. */
static cv_result enrol(const struct exp_pki *x, enum exp_end e, unsigned serial, struct exp_point *p)
{
    const struct cfg *c = x->cfg[e];
    const struct exp_ca *ca = p->ca >= 0 ? &x->ca[p->ca] : NULL;
    struct pki_subject asked = {.dn = ""};
    char fqdn[WORDS_MAX] = "", ip[WORDS_MAX] = "", email[CFG_TEXT_MAX] = "", dn[CFG_TEXT_MAX + 8];
    uint8_t der[PKI_DN_MAX];
    struct pki_sim_subject s = {.key = key_of_kind(x, kind_for(x, e, p)),
                                .from = x->now_s - DAY_S,
                                .serial = serial,
                                .path_len = -1,
                                .key_usage = 1,
                                .dn = dn};
    snprintf(dn, sizeof dn, "cn=%s", c->hostname[0] ? c->hostname : e == EXP_A ? "A" : "B");
    if (p->t) {
        pki_conf_subject(c, p->t, &asked);
        add_word(fqdn, asked.fqdn);
        add_word(ip, asked.ip);
        if (pki_subject_name(&asked, der, &s.dn_der.n) == CV_OK)
            s.dn_der.p = der;
    } else {
        all_names(c, fqdn, ip, email);
    }
    s.fqdn = fqdn[0] ? fqdn : NULL;
    s.ip = ip[0] ? ip : NULL;
    s.email = email[0] ? email : NULL;
    return s.key ? pki_sim_issue(ca ? &ca->sim : NULL, &s, &p->own, &p->key) : CV_ECRYPTO;
}

static cv_result copy_own(const struct exp_pki *x, struct exp_point *p)
{
    const struct cr_key *real = pki_cert_key(p->real_own);
    struct cr_key *k = cr_key_kind(real) == CR_KEY_RSA && cr_key_bits(real) < CR_KEY_RSA_MIN_BITS ? NULL
                       : x->signs ? key_of_kind(x, cr_key_kind(real))
                                  : key_of_kind(x, CR_KEY_P256);
    if (!k)
        return CV_EUNSUP;
    CV_TRY(copy(x, p->real_own, k, &p->own));
    p->key = cr_key_ref(k);
    return CV_OK;
}

cv_result exp_mint(struct exp_pki *x)
{
    for (unsigned i = 0; i < x->ca_count; i++)
        CV_TRY(mint_ca(x, i, &x->ca[i]));
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        for (unsigned i = 0; i < x->count[e]; i++) {
            struct exp_point *p = &x->point[e][i];
            cv_result r = CV_OK;
            if (p->has_own && p->real_own && !p->renewed)
                r = copy_own(x, p);
            else if (p->has_own)
                r = enrol(x, e, 2 + 64 * e + i, p);
            if (r == CV_ENOMEM)
                return r;
        }
    return CV_OK;
}

/* ---- into a store -------------------------------------------------------------------------------------------------------- */
/* The fingerprint of the configuration is that of the original, which is looked at here. */
static bool fingerprint_fits(const struct pki_conf *c, const struct pki_cert *real)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t n = 0;
    const char *name = c->fingerprint_len == 16 ? "MD5" : c->fingerprint_len == 20 ? "SHA1" : "SHA256";
    const struct slice der = pki_cert_der(real);
    return EVP_Q_digest(NULL, name, NULL, der.p, der.n, hash, &n) == 1 && n == c->fingerprint_len &&
           secret_equal(hash, c->fingerprint, n);
}

/* All trust-points of the end, those of its configuration first. */
static cv_result configure(const struct exp_pki *x, enum exp_end e, struct pki *p)
{
    struct pki_conf *confs = calloc(EXP_POINTS_MAX, sizeof *confs);
    unsigned n = 0;
    cv_result r = confs ? pki_conf_apply(p, x->cfg[e]) : CV_ENOMEM;
    for (unsigned i = 0; r == CV_OK && i < x->cfg[e]->trustpoint_count && n < EXP_POINTS_MAX; i++) {
        const char *name = x->cfg[e]->trustpoints[i].name;
        const struct pki_trustpoint *t = pki_find(p, name);
        const struct exp_point *point = exp_pki_point(x, e, name);
        if (!t || !point)
            continue;
        confs[n] = t->conf;
        if (confs[n].fingerprint_len && (!point->real_ca || fingerprint_fits(&confs[n], point->real_ca)))
            confs[n].fingerprint_len = 0;
        n++;
    }
    for (unsigned i = 0; i < x->count[e] && n < EXP_POINTS_MAX; i++)
        if (!x->point[e][i].t)
            snprintf(confs[n++].name, sizeof confs->name, "%s", x->point[e][i].name);
    if (r == CV_OK)
        r = pki_configure(p, confs, n);
    free(confs);
    return r;
}

cv_result exp_pki_fill(const struct exp_pki *x, enum exp_end e, struct pki *p)
{
    CV_TRY(configure(x, e, p));
    for (unsigned i = 0; i < x->count[e]; i++) {
        const struct exp_point *t = &x->point[e][i];
        cv_result r = CV_OK;
        if (t->has_ca && t->ca >= 0 && x->ca[t->ca].sim.cert)
            r = pki_install_ca(p, t->name, x->ca[t->ca].sim.cert, 0);
        if (t->own && (r == CV_OK || r == CV_EINVAL))
            r = pki_install_own(p, t->name, t->own, t->key, NULL, 0, 0);
        if (r == CV_ENOMEM)
            return r;
    }
    return CV_OK;
}
