#include "control/pki/pki.h"

#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MD5_LEN = 16, SHA1_LEN = 20, SHA256_LEN = 32 };

struct pki *pki_new(const struct pki_env *env)
{
    struct pki *p = calloc(1, sizeof *p);
    if (p)
        p->env = *env;
    return p;
}

/* ---- what is in a slot ------------------------------------------------------------------------------------------ */
static void drop_own(struct pki_trustpoint *t)
{
    for (unsigned i = 0; i < t->chain_count; i++)
        pki_cert_free(t->chain[i]);
    pki_cert_free(t->own);
    cr_key_free(t->key);
    memset(t->chain, 0, sizeof t->chain);
    t->chain_count = 0;
    t->own = NULL;
    t->key = NULL;
    t->own_seq = 0;
}

static void drop_ca(struct pki_trustpoint *t)
{
    pki_cert_free(t->ca);
    t->ca = NULL;
    t->ca_seq = 0;
}

/* Made up in part or as a whole: it must not outlive the simulation. */
static bool any_simulated(const struct pki_trustpoint *t)
{
    bool is = (t->ca && t->ca->simulated) || (t->own && t->own->simulated);
    for (unsigned i = 0; i < t->chain_count; i++)
        is = is || t->chain[i]->simulated;
    return is;
}

static void slot_free(struct pki_slot *s)
{
    drop_own(&s->tp);
    drop_ca(&s->tp);
    free(s);
}

void pki_free(struct pki *p)
{
    if (!p)
        return;
    if (p->revocation_free)
        p->revocation_free(p);
    for (unsigned i = 0; i < p->count; i++)
        slot_free(p->slots[i]);
    free(p);
}

int64_t pki_wall_s(const struct pki *p)
{
    return p->env.wall_s(p->env.ctx);
}

void pki_say(const struct pki *p, enum log_level level, const char *topic, const char *fmt, ...)
{
    char text[LOG_LINE_MAX];
    va_list ap;
    if (!p->env.event)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    p->env.event(p->env.ctx, level, topic, text);
}

/* ---- the configuration ------------------------------------------------------------------------------------------- */
static struct pki_slot *slot_of(const struct pki *p, const char *name)
{
    for (unsigned i = 0; i < p->count; i++)
        if (strcmp(p->slots[i]->tp.name, name) == 0)
            return p->slots[i];
    return NULL;
}

static bool confs_ok(const struct pki_conf *confs, unsigned count)
{
    if (count > PKI_TRUSTPOINTS_MAX)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (confs[i].name[0] == '\0' || confs[i].method_count > PKI_METHODS_MAX)
            return false;
        for (unsigned k = 0; k < i; k++)
            if (strcmp(confs[i].name, confs[k].name) == 0)
                return false;
    }
    return true;
}

/* `fingerprint HEX`: the length says which hash it is. */
static bool fingerprint_fits(const struct pki_conf *conf, const struct pki_cert *ca)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t n = 0;
    const char *name = conf->fingerprint_len == MD5_LEN      ? "MD5"
                       : conf->fingerprint_len == SHA1_LEN   ? "SHA1"
                       : conf->fingerprint_len == SHA256_LEN ? "SHA256"
                                                             : NULL;
    if (conf->fingerprint_len == 0)
        return true;
    return name && EVP_Q_digest(NULL, name, NULL, ca->der, ca->der_len, hash, &n) == 1 &&
           n == conf->fingerprint_len && CRYPTO_memcmp(hash, conf->fingerprint, n) == 0;
}

/* A CA that was installed before the configuration pinned another one is trusted no more. */
static void repin(struct pki *p, struct pki_trustpoint *t)
{
    if (!t->ca || fingerprint_fits(&t->conf, t->ca))
        return;
    pki_say(p, LOG_LEVEL_ERROR, "validation",
            "trust-point %s: the CA certificate %.300s is taken out of use: its fingerprint is not the "
            "configured one",
            t->name, pki_cert_subject_text(t->ca));
    drop_ca(t);
}

static bool holds_something(const struct pki_slot *s)
{
    return s->tp.ca || s->tp.own;
}

/* Slots for all of confs, in their order; NULL members where one has to be made. */
static bool fill(struct pki_slot **out, const struct pki *p, const struct pki_conf *confs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        out[i] = slot_of(p, confs[i].name);
        if (!out[i])
            out[i] = calloc(1, sizeof *out[i]);
        if (out[i])
            continue;
        for (unsigned k = 0; k < i; k++)
            if (!slot_of(p, confs[k].name))
                free(out[k]);
        return false;
    }
    return true;
}

cv_result pki_configure(struct pki *p, const struct pki_conf *confs, unsigned count)
{
    struct pki_slot *slots[PKI_SLOTS_MAX];
    if (!confs_ok(confs, count))
        return CV_EINVAL;
    if (!fill(slots, p, confs, count))
        return CV_ENOMEM;
    for (unsigned i = 0; i < p->count; i++)
        p->slots[i]->configured = false;
    for (unsigned i = 0; i < count; i++) {
        slots[i]->configured = true;
        slots[i]->tp.conf = confs[i];
        memcpy(slots[i]->tp.name, confs[i].name, sizeof slots[i]->tp.name);
        repin(p, &slots[i]->tp);
    }
    unsigned n = count;
    for (unsigned i = 0; i < p->count; i++) {
        struct pki_slot *s = p->slots[i];
        if (s->configured)
            continue;
        if (holds_something(s) && n < PKI_SLOTS_MAX)
            slots[n++] = s;
        else
            slot_free(s);
    }
    memcpy(p->slots, slots, n * sizeof slots[0]);
    p->count = n;
    return CV_OK;
}

static struct pki_slot *configured(const struct pki *p, const char *name)
{
    struct pki_slot *s = slot_of(p, name);
    return s && s->configured ? s : NULL;
}

const struct pki_trustpoint *pki_find(const struct pki *p, const char *name)
{
    struct pki_slot *s = configured(p, name);
    return s ? &s->tp : NULL;
}

/* CT-8, G15: last installed first. Insertion keeps the order of the configuration among equals. */
unsigned pki_list(const struct pki *p, const struct pki_trustpoint *out[PKI_TRUSTPOINTS_MAX])
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->count; i++) {
        const struct pki_trustpoint *t = &p->slots[i]->tp;
        if (!p->slots[i]->configured)
            continue;
        unsigned at = n++;
        for (; at > 0 && out[at - 1]->own_seq < t->own_seq; at--)
            out[at] = out[at - 1];
        out[at] = t;
    }
    return n;
}

/* ---- installation -------------------------------------------------------------------------------------------------- */
static uint64_t take_seq(struct pki *p, uint64_t seq)
{
    if (seq == 0)
        return ++p->last_seq;
    if (seq > p->last_seq)
        p->last_seq = seq;
    return seq;
}

uint64_t pki_last_seq(const struct pki *p)
{
    return p->last_seq;
}

cv_result pki_install_ca(struct pki *p, const char *name, struct pki_cert *ca, uint64_t seq)
{
    struct pki_slot *s = configured(p, name);
    if (!s)
        return CV_ENOENT;
    if (!pki_cert_is_ca(ca) || !fingerprint_fits(&s->tp.conf, ca))
        return CV_EINVAL;
    pki_cert_ref(ca); /* first: it may be the one that is there */
    drop_ca(&s->tp);
    s->tp.ca = ca;
    s->tp.ca_seq = take_seq(p, seq);
    s->tp.simulated = any_simulated(&s->tp);
    return CV_OK;
}

cv_result pki_install_own(struct pki *p, const char *name, struct pki_cert *own, struct cr_key *key,
                          struct pki_cert *const *chain, unsigned chain_count, uint64_t seq)
{
    struct pki_slot *s = configured(p, name);
    if (!s)
        return CV_ENOENT;
    if (!key || !cr_key_is_private(key) || !cr_key_same(key, pki_cert_key(own)) ||
        chain_count > PKI_CHAIN_MAX)
        return CV_EINVAL;
    for (unsigned i = 0; i < chain_count; i++)
        if (!pki_cert_is_ca(chain[i]))
            return CV_EINVAL;
    struct pki_trustpoint next = {
        .own = pki_cert_ref(own), .key = cr_key_ref(key), .chain_count = chain_count};
    for (unsigned i = 0; i < chain_count; i++)
        next.chain[i] = pki_cert_ref(chain[i]);
    drop_own(&s->tp);
    s->tp.own = next.own;
    s->tp.key = next.key;
    s->tp.chain_count = next.chain_count;
    memcpy(s->tp.chain, next.chain, sizeof s->tp.chain);
    s->tp.own_seq = take_seq(p, seq);
    s->tp.simulated = any_simulated(&s->tp);
    return CV_OK;
}

void pki_uninstall(struct pki *p, const char *name, bool own, bool ca)
{
    struct pki_slot *s = slot_of(p, name);
    if (!s)
        return;
    if (own)
        drop_own(&s->tp);
    if (ca)
        drop_ca(&s->tp);
    s->tp.simulated = any_simulated(&s->tp);
}

bool pki_usable(const struct pki *p, const struct pki_trustpoint *t)
{
    int64_t now = pki_wall_s(p);
    return t->own && t->key && now >= t->own->not_before && now <= t->own->not_after;
}
