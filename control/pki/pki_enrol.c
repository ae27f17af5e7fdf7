#include "control/pki/pki_enrol.h"

#include "control/pki/pki_enrol_priv.h"
#include "control/pki/pki_fetch.h"
#include "control/pki/pki_priv.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SELF_SIGNED_DAYS = 3650,
    SIGNER_DAYS = 30,        /* of the certificate that signs requests (RFC 8894 2.3) */
    RENEW_EARLY_S = 600,     /* at 100 %: before it ends, not after */
    RENEW_PAUSE_MS = 600000, /* after a renewal that failed */
    URL_ROOM = PKI_FETCH_URL_MAX
};

const char *pki_enrol_state_text(enum pki_enrol_state s)
{
    static const char *const texts[] = {
        "idle", "asking the CA", "waits for the fingerprint to be confirmed", "requesting", "pending",
        "done", "failed"};
    return texts[s];
}

struct pki_enrolment *pki_enrol_find(const struct pki_enrol *e, const char *name)
{
    for (unsigned i = 0; i < e->count; i++)
        if (strcmp(e->items[i]->conf.name, name) == 0)
            return e->items[i];
    return NULL;
}

static struct pki_enrolment *need(const struct pki_enrol *e, const char *name, char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = pki_enrol_find(e, name);
    if (!x)
        (void)snprintf(err, PKI_TEXT_MAX, "there is no trust-point %s in the configuration", name);
    return x;
}

/* ---- the end of a talk --------------------------------------------------------------------------------------------------- */
static void talk_free(struct pki_enrolment *x)
{
    pki_fetch_cancel(x->owner->pki, x->fetch);
    x->fetch = 0;
    x->step = PKI_STEP_NONE;
    x->poll_ms = 0;
    pki_scep_ca_free(&x->ca);
    cr_key_free(x->key);
    cr_key_free(x->signer);
    pki_cert_free(x->signer_cert);
    x->key = x->signer = NULL;
    x->signer_cert = NULL;
    memset(&x->talk, 0, sizeof x->talk);
}

void pki_enrol_end(struct pki_enrolment *x, enum pki_enrol_state s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(x->text, sizeof x->text, fmt, ap);
    va_end(ap);
    talk_free(x);
    if (s != PKI_ENROL_CONFIRM) {
        pki_cert_free(x->candidate);
        x->candidate = NULL;
    }
    x->state = s;
    if (s == PKI_ENROL_FAILED && x->renewal)
        x->renew_ms = x->owner->pki->env.now_ms(x->owner->pki->env.ctx) + RENEW_PAUSE_MS;
    pki_say(x->owner->pki, s == PKI_ENROL_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "transactions",
            "trust-point %s: %s", x->conf.name, x->text);
}

/* ---- life ------------------------------------------------------------------------------------------------------------------ */
struct pki_enrol *pki_enrol_new(struct pki *p, const struct pki_enrol_env *env)
{
    struct pki_enrol *e = calloc(1, sizeof *e);
    if (e) {
        e->pki = p;
        e->env = *env;
    }
    return e;
}

static void item_free(struct pki_enrolment *x)
{
    talk_free(x);
    pki_cert_free(x->candidate);
    secret_wipe(&x->conf, sizeof x->conf);
    free(x);
}

void pki_enrol_free(struct pki_enrol *e)
{
    for (unsigned i = 0; e && i < e->count; i++)
        item_free(e->items[i]);
    free(e);
}

cv_result pki_enrol_configure(struct pki_enrol *e, const struct pki_enrol_conf *confs, unsigned count)
{
    struct pki_enrolment *items[PKI_TRUSTPOINTS_MAX] = {NULL};
    if (count > PKI_TRUSTPOINTS_MAX)
        return CV_ENOSPC;
    for (unsigned i = 0; i < count; i++) {
        items[i] = pki_enrol_find(e, confs[i].name);
        if (!items[i] && !(items[i] = calloc(1, sizeof *items[i]))) {
            for (unsigned k = 0; k < i; k++)
                if (!items[k]->owner)
                    free(items[k]);
            return CV_ENOMEM;
        }
    }
    for (unsigned k = 0; k < e->count; k++) {
        bool kept = false;
        for (unsigned i = 0; i < count; i++)
            kept = kept || items[i] == e->items[k];
        if (!kept)
            item_free(e->items[k]);
    }
    for (unsigned i = 0; i < count; i++) {
        struct pki_enrolment *x = items[i];
        bool moved = x->owner && strcmp(x->conf.url, confs[i].url) != 0;
        x->owner = e;
        x->conf = confs[i];
        e->items[i] = x;
        if (moved && x->state != PKI_ENROL_IDLE && x->state != PKI_ENROL_DONE)
            pki_enrol_end(x, PKI_ENROL_FAILED, "ended: the enrollment url was changed");
    }
    e->count = count;
    return CV_OK;
}

const struct pki_enrol_conf *pki_enrol_conf(const struct pki_enrol *e, const char *name)
{
    const struct pki_enrolment *x = pki_enrol_find(e, name);
    return x ? &x->conf : NULL;
}

/* When auto-enroll renews; 0: never. */
static int64_t renew_at(const struct pki_enrolment *x)
{
    const struct pki_trustpoint *t = pki_find(x->owner->pki, x->conf.name);
    if (!x->conf.auto_enroll || x->conf.method != PKI_ENROL_URL || !t || !t->ca)
        return 0;
    if (!t->own)
        return pki_wall_s(x->owner->pki);
    int64_t from = pki_cert_not_before(t->own), until = pki_cert_not_after(t->own);
    int64_t at = from + (until - from) / 100 * x->conf.auto_enroll_percent;
    return at > until - RENEW_EARLY_S ? until - RENEW_EARLY_S : at;
}

bool pki_enrol_view(const struct pki_enrol *e, const char *name, struct pki_enrol_view *out)
{
    const struct pki_enrolment *x = pki_enrol_find(e, name);
    if (!x)
        return false;
    *out = (struct pki_enrol_view){
        .state = x->state, .renewal = x->renewal, .candidate = x->candidate, .polls = x->polls};
    memcpy(out->text, x->text, sizeof out->text);
    uint64_t now = e->pki->env.now_ms(e->pki->env.ctx);
    if (x->poll_ms > 0)
        out->next_s = pki_wall_s(e->pki) + (int64_t)(x->poll_ms > now ? (x->poll_ms - now) / 1000 : 0);
    const struct pki_trustpoint *t = pki_find(e->pki, name);
    out->renew_s = t && t->own ? renew_at(x) : 0;
    return true;
}

/* ---- fetches ------------------------------------------------------------------------------------------------------------------ */
static void on_fetched(struct pki *p, void *ctx, unsigned status, struct slice data, const char *error);

static bool start(struct pki_enrolment *x, enum pki_enrol_step step, const char *url, struct slice body)
{
    struct pki *p = x->owner->pki;
    pki_fetch_unpause(p, url);
    x->step = step;
    x->fetch = pki_fetch_start(p, url, body, body.n > 0 ? "application/x-pki-message" : NULL, on_fetched, x);
    if (x->fetch == 0)
        pki_enrol_end(x, PKI_ENROL_FAILED, "the CA at %.200s cannot be asked: %s", x->conf.url,
                      strncmp(x->conf.url, "http://", 7) == 0
                          ? "no network, or too many fetches are under way"
                          : "the enrollment url is none of http");
    return x->fetch != 0;
}

static bool ask(struct pki_enrolment *x, enum pki_enrol_step step, const char *operation)
{
    char url[PKI_URL_MAX + 256];
    if (pki_scep_url(x->conf.url, operation, x->conf.name, url, sizeof url))
        return start(x, step, url, (struct slice){NULL, 0});
    pki_enrol_end(x, PKI_ENROL_FAILED, "the enrollment url is too long");
    return false;
}

/* ---- authenticate --------------------------------------------------------------------------------------------------------------- */
void pki_fingerprint_text(const struct pki_cert *c, unsigned len, char out[96])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    size_t at = 0;
    struct slice der = pki_cert_der(c);
    const EVP_MD *md = len == 16 ? EVP_md5() : len == 20 ? EVP_sha1() : EVP_sha256();
    out[0] = '\0';
    if (EVP_Digest(der.p, der.n, hash, &n, md, NULL) != 1)
        return;
    for (unsigned i = 0; i < n && at + 4 < 96; i++)
        at += (size_t)snprintf(out + at, 96 - at, "%s%02X", i > 0 && i % 4 == 0 ? " " : "", hash[i]);
}

static void install_candidate(struct pki_enrolment *x)
{
    struct pki *p = x->owner->pki;
    const char *name = x->conf.name;
    const struct pki_trustpoint *t = pki_find(p, name);
    bool other = t && t->ca && t->own && !pki_cert_equal(t->ca, x->candidate);
    if (pki_install_ca(p, name, x->candidate, 0) != CV_OK) {
        pki_enrol_end(x, PKI_ENROL_FAILED, "the CA's certificate has not the fingerprint that is configured");
        return;
    }
    if (other)
        pki_uninstall(p, name, true, false);
    pki_enrol_end(x, PKI_ENROL_DONE, "the CA's certificate is accepted%s",
                  other ? "; ours was of another CA and is taken out: enroll again" : "");
    x->owner->env.installed(x->owner->env.ctx, name);
}

static void offer_candidate(struct pki_enrolment *x, struct pki_cert *ca)
{
    const struct pki_trustpoint *t = pki_find(x->owner->pki, x->conf.name);
    char sha1[96];
    pki_cert_free(x->candidate);
    x->candidate = pki_cert_ref(ca);
    if (t && t->conf.fingerprint_len > 0) {
        install_candidate(x);
        return;
    }
    pki_fingerprint_text(ca, 20, sha1);
    pki_enrol_end(x, PKI_ENROL_CONFIRM,
                  "the CA %s has the fingerprint %s (SHA-1): compare it with the CA's operator",
                  pki_cert_subject_text(ca), sha1);
}

static cv_result busy(const struct pki_enrolment *x, char err[PKI_TEXT_MAX])
{
    if (x->state != PKI_ENROL_ASKING_CA && x->state != PKI_ENROL_REQUESTING && x->state != PKI_ENROL_PENDING)
        return CV_OK;
    (void)snprintf(err, PKI_TEXT_MAX, "trust-point %s is enrolling: %s; end it with: no crypto pki enroll %s",
                   x->conf.name, pki_enrol_state_text(x->state), x->conf.name);
    return CV_EEXIST;
}

cv_result pki_enrol_authenticate(struct pki_enrol *e, const char *name, char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = need(e, name, err);
    if (!x)
        return CV_ENOENT;
    CV_TRY(busy(x, err));
    if (x->conf.method != PKI_ENROL_URL) {
        (void)snprintf(err, PKI_TEXT_MAX,
                       "trust-point %s has no enrollment url: give the CA's certificate by terminal", name);
        return CV_EINVAL;
    }
    x->renewal = false;
    x->state = PKI_ENROL_ASKING_CA;
    (void)snprintf(x->text, sizeof x->text, "asking %.200s for the CA's certificate", x->conf.url);
    if (ask(x, PKI_STEP_CA_ALONE, "GetCACert"))
        return CV_OK;
    (void)snprintf(err, PKI_TEXT_MAX, "%s", x->text);
    return CV_EIO;
}

cv_result pki_enrol_authenticate_with(struct pki_enrol *e, const char *name, struct slice cert,
                                      char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = need(e, name, err);
    struct pki_cert *ca = NULL;
    if (!x)
        return CV_ENOENT;
    CV_TRY(busy(x, err));
    if (pki_cert_read(cert, &ca, NULL) != CV_OK || !pki_cert_is_ca(ca)) {
        (void)snprintf(err, PKI_TEXT_MAX, "%s",
                       ca ? "this is no certificate of a CA" : "this is no certificate");
        pki_cert_free(ca);
        return CV_EPARSE;
    }
    x->renewal = false;
    offer_candidate(x, ca);
    pki_cert_free(ca);
    if (x->state != PKI_ENROL_FAILED)
        return CV_OK;
    (void)snprintf(err, PKI_TEXT_MAX, "%s", x->text);
    return CV_EINVAL;
}

cv_result pki_enrol_confirm(struct pki_enrol *e, const char *name, bool yes, char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = need(e, name, err);
    if (!x)
        return CV_ENOENT;
    if (x->state != PKI_ENROL_CONFIRM || !x->candidate) {
        (void)snprintf(err, PKI_TEXT_MAX, "no CA certificate of trust-point %s waits to be confirmed", name);
        return CV_EINVAL;
    }
    if (yes)
        install_candidate(x);
    else
        pki_enrol_end(x, PKI_ENROL_FAILED, "the CA's certificate was not accepted");
    if (!yes || x->state == PKI_ENROL_DONE)
        return CV_OK;
    (void)snprintf(err, PKI_TEXT_MAX, "%s", x->text);
    return CV_EINVAL;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------------- */
static const char *label_of(const struct pki_enrolment *x)
{
    return x->conf.key_label[0] ? x->conf.key_label : x->conf.name;
}

cv_result pki_enrol_key(struct pki_enrolment *x, struct cr_key **out, char err[PKI_TEXT_MAX])
{
    const struct pki_enrol_env *env = &x->owner->env;
    bool exportable;
    cv_result r = env->key_load(env->ctx, label_of(x), out, &exportable);
    if (r == CV_OK)
        return CV_OK;
    if (r == CV_ENOENT) {
        r = cr_key_generate(x->conf.key_kind, x->conf.key_bits, out);
        if (r == CV_OK && (r = env->key_save(env->ctx, label_of(x), *out, false)) != CV_OK) {
            cr_key_free(*out);
            *out = NULL;
        }
    }
    if (r != CV_OK)
        (void)snprintf(err, PKI_TEXT_MAX, "key %s cannot be had: %s", label_of(x), cv_result_text(r));
    return r;
}

/* ---- enroll by SCEP ---------------------------------------------------------------------------------------------------------------- */
/* Who signs the request: the certificate that is renewed with its key (RFC 8894 2.3), else one made for the new key. */
static cv_result choose_signer(struct pki_enrolment *x, char err[PKI_TEXT_MAX])
{
    struct pki *p = x->owner->pki;
    const struct pki_trustpoint *t = pki_find(p, x->conf.name);
    uint8_t serial[16];
    x->renewal = t && t->own && t->key && pki_usable(p, t) && x->talk.caps.renewal;
    if (x->renewal) {
        x->signer = cr_key_ref(t->key);
        x->signer_cert = pki_cert_ref(t->own);
        return CV_OK;
    }
    p->env.random(p->env.ctx, serial, sizeof serial);
    CV_TRY(pki_csr_self_sign(&x->conf.subject, x->key, pki_wall_s(p), SIGNER_DAYS, serial, &x->signer_cert,
                             err));
    x->signer = cr_key_ref(x->key);
    return CV_OK;
}

static void message(struct pki_enrolment *x, enum pki_scep_type type)
{
    struct pki *p = x->owner->pki;
    char err[PKI_TEXT_MAX] = "no memory";
    uint8_t csr[PKI_CSR_MAX];
    size_t csr_len = 0, len = 0;
    uint8_t *out = malloc(PKI_SCEP_REQUEST_MAX);
    char *url = malloc(URL_ROOM);
    cv_result r = out && url ? CV_OK : CV_ENOMEM;
    p->env.random(p->env.ctx, x->talk.nonce, sizeof x->talk.nonce);
    if (r == CV_OK && type != PKI_SCEP_POLL)
        r = pki_csr_make(&x->conf.subject, x->key, x->conf.password, csr, &csr_len, err);
    struct slice body =
        type == PKI_SCEP_POLL ? (struct slice){x->name, x->name_len} : (struct slice){csr, csr_len};
    if (r == CV_OK)
        r = pki_scep_build(&x->talk, type, body, out, &len, err);
    secret_wipe(csr, sizeof csr); /* the challenge is in it */
    if (r == CV_OK) {
        pki_say(p, LOG_LEVEL_DEBUG, "messages", "trust-point %s: %s, transaction %.16s..., %zu octets",
                x->conf.name,
                type == PKI_SCEP_POLL      ? "CertPoll"
                : type == PKI_SCEP_RENEWAL ? "RenewalReq"
                                           : "PKCSReq",
                x->talk.transaction, len);
        struct slice request = {out, len};
        if (x->talk.caps.post && pki_scep_url(x->conf.url, "PKIOperation", NULL, url, URL_ROOM))
            (void)start(x, PKI_STEP_MESSAGE, url, request);
        else if (!x->talk.caps.post && pki_scep_url_message(x->conf.url, request, url, URL_ROOM))
            (void)start(x, PKI_STEP_MESSAGE, url, (struct slice){NULL, 0});
        else
            pki_enrol_end(x, PKI_ENROL_FAILED, "the request is too long for a CA without POST");
    } else
        pki_enrol_end(x, PKI_ENROL_FAILED, "%s", err);
    free(out);
    free(url);
}

static void request(struct pki_enrolment *x)
{
    char err[PKI_TEXT_MAX];
    bool weak;
    const char *suite = pki_scep_suite(&x->talk.caps, &weak);
    if (weak)
        pki_say(x->owner->pki, LOG_LEVEL_WARNING, "transactions",
                "trust-point %s: the CA knows nothing better than %s", x->conf.name, suite);
    if (choose_signer(x, err) != CV_OK ||
        pki_subject_name(&x->conf.subject, x->name, &x->name_len) != CV_OK) {
        pki_enrol_end(x, PKI_ENROL_FAILED, "%s", err);
        return;
    }
    x->talk.ca = &x->ca;
    x->talk.key = x->key;
    x->talk.signer = x->signer;
    x->talk.signer_cert = x->signer_cert;
    pki_scep_transaction(x->key, x->talk.transaction);
    message(x, x->renewal ? PKI_SCEP_RENEWAL : PKI_SCEP_PKCSREQ);
}

static void poll_later(struct pki_enrolment *x, const char *why)
{
    struct pki *p = x->owner->pki;
    if (x->polls >= x->conf.retry_count) {
        pki_enrol_end(x, PKI_ENROL_FAILED, "not granted after %u polls: %s", x->polls, why);
        return;
    }
    x->state = PKI_ENROL_PENDING;
    x->step = PKI_STEP_NONE;
    x->poll_ms = p->env.now_ms(p->env.ctx) + (uint64_t)x->conf.retry_period_s * 1000;
    (void)snprintf(x->text, sizeof x->text, "%.200s; poll %u of %u in %u s", why, x->polls + 1,
                   x->conf.retry_count, x->conf.retry_period_s);
    pki_say(p, LOG_LEVEL_INFO, "transactions", "trust-point %s: %s", x->conf.name, x->text);
}

static void granted(struct pki_enrolment *x, struct pki_cert *own)
{
    struct pki_enrol *e = x->owner;
    if (x->new_key && e->env.key_save(e->env.ctx, label_of(x), x->key, false) != CV_OK) {
        pki_enrol_end(x, PKI_ENROL_FAILED, "the new key cannot be saved");
        return;
    }
    if (pki_install_own(e->pki, x->conf.name, own, x->key, NULL, 0, 0) != CV_OK) {
        pki_enrol_end(x, PKI_ENROL_FAILED, "the certificate that came cannot be used");
        return;
    }
    x->renew_ms = 0;
    pki_enrol_end(x, PKI_ENROL_DONE, "certificate %s for %s is installed%s", pki_cert_serial(own),
                  pki_cert_subject_text(own), x->renewal ? ", a renewal" : "");
    e->env.installed(e->env.ctx, x->conf.name);
}

static void answered(struct pki_enrolment *x, struct slice data)
{
    struct pki_scep_answer a;
    char err[PKI_TEXT_MAX];
    if (pki_scep_parse(&x->talk, data, &a, err) != CV_OK) {
        if (x->polls > 0 || x->state == PKI_ENROL_PENDING)
            poll_later(x, err);
        else
            pki_enrol_end(x, PKI_ENROL_FAILED, "%s", err);
        return;
    }
    if (a.weak)
        pki_say(x->owner->pki, LOG_LEVEL_WARNING, "transactions",
                "trust-point %s: the CA answers with SHA-1 or DES", x->conf.name);
    if (a.status == PKI_SCEP_GRANTED)
        granted(x, a.cert);
    else if (a.status == PKI_SCEP_PENDING)
        poll_later(x, "the CA has not granted it yet");
    else
        pki_enrol_end(x, PKI_ENROL_FAILED, "the CA refuses: %s", pki_scep_fail_text(a.fail));
    pki_cert_free(a.cert);
}

/* ---- what comes --------------------------------------------------------------------------------------------------------------------- */
static void ca_came(struct pki_enrolment *x, struct slice data)
{
    const char *why;
    bool alone = x->step == PKI_STEP_CA_ALONE;
    const struct pki_trustpoint *t = pki_find(x->owner->pki, x->conf.name);
    pki_scep_ca_free(&x->ca);
    if (pki_scep_ca_read(data, &x->ca, &why) != CV_OK) {
        pki_enrol_end(x, PKI_ENROL_FAILED, "the answer to GetCACert cannot be used: %s", why);
        return;
    }
    if (alone) {
        struct pki_cert *ca = pki_cert_ref(x->ca.ca);
        offer_candidate(x, ca);
        pki_cert_free(ca);
        return;
    }
    if (!t || !t->ca || !pki_cert_equal(t->ca, x->ca.ca)) {
        pki_enrol_end(x, PKI_ENROL_FAILED,
                      "the CA's certificate is another than the one that was confirmed: "
                      "authenticate again");
        return;
    }
    request(x);
}

static void on_fetched(struct pki *p, void *ctx, unsigned status, struct slice data, const char *error)
{
    struct pki_enrolment *x = ctx;
    char why[PKI_TEXT_MAX];
    (void)p;
    x->fetch = 0;
    if (x->step ==
        PKI_STEP_CAPS) { /* old servers know no GetCACaps: that is an answer, too (RFC 8894 3.5.2) */
        if (status == 200)
            x->talk.caps = pki_scep_caps_read(data);
        if (status > 0) {
            (void)ask(x, PKI_STEP_CA, "GetCACert");
            return;
        }
    }
    if (status == 200 && (x->step == PKI_STEP_CA || x->step == PKI_STEP_CA_ALONE)) {
        ca_came(x, data);
        return;
    }
    if (status == 200) {
        answered(x, data);
        return;
    }
    if (status > 0)
        (void)snprintf(why, sizeof why, "the CA answers %u", status);
    else
        (void)snprintf(why, sizeof why, "the CA does not answer: %.300s",
                       error && error[0] ? error : "no reason");
    if (x->step == PKI_STEP_MESSAGE && x->polls > 0)
        poll_later(x, why);
    else
        pki_enrol_end(x, PKI_ENROL_FAILED, "%s", why);
}

/* ---- enroll ---------------------------------------------------------------------------------------------------------------------------- */
static cv_result enroll_url(struct pki_enrolment *x, bool regenerate, char err[PKI_TEXT_MAX])
{
    struct cr_key *key = NULL;
    cv_result r =
        regenerate ? cr_key_generate(x->conf.key_kind, x->conf.key_bits, &key) : pki_enrol_key(x, &key, err);
    if (r != CV_OK) {
        if (regenerate)
            (void)snprintf(err, PKI_TEXT_MAX, "a new key cannot be made: %s", cv_result_text(r));
        return r;
    }
    talk_free(x);
    x->key = key;
    x->new_key = regenerate;
    x->polls = 0;
    x->state = PKI_ENROL_REQUESTING;
    (void)snprintf(x->text, sizeof x->text, "asking %.200s", x->conf.url);
    if (ask(x, PKI_STEP_CAPS, "GetCACaps"))
        return CV_OK;
    (void)snprintf(err, PKI_TEXT_MAX, "%s", x->text);
    return CV_EIO;
}

static cv_result enroll_self(struct pki_enrolment *x, char err[PKI_TEXT_MAX])
{
    struct pki *p = x->owner->pki;
    struct cr_key *key = NULL;
    struct pki_cert *own = NULL;
    uint8_t serial[16];
    CV_TRY(pki_enrol_key(x, &key, err));
    p->env.random(p->env.ctx, serial, sizeof serial);
    cv_result r =
        pki_csr_self_sign(&x->conf.subject, key, pki_wall_s(p), SELF_SIGNED_DAYS, serial, &own, err);
    if (r == CV_OK && (r = pki_install_own(p, x->conf.name, own, key, NULL, 0, 0)) != CV_OK)
        (void)snprintf(err, PKI_TEXT_MAX, "the certificate cannot be used: %s", cv_result_text(r));
    if (r == CV_OK) {
        pki_enrol_end(x, PKI_ENROL_DONE, "certificate %s is signed by its own key", pki_cert_serial(own));
        x->owner->env.installed(x->owner->env.ctx, x->conf.name);
    }
    pki_cert_free(own);
    cr_key_free(key);
    return r;
}

char *pki_pem_text(const char *label, struct slice der)
{
    enum { LINE = 64 };
    size_t n = (der.n + 2) / 3 * 4, room = n + n / LINE + 2 * strlen(label) + 64, at = 0;
    unsigned char *text = malloc(n + 1);
    char *out = malloc(room);
    if (text && out) {
        (void)EVP_EncodeBlock(text, der.p, (int)der.n);
        at = (size_t)snprintf(out, room, "-----BEGIN %s-----\n", label);
        for (size_t i = 0; i < n; i += LINE)
            at +=
                (size_t)snprintf(out + at, room - at, "%.*s\n", (int)(n - i < LINE ? n - i : LINE), text + i);
        (void)snprintf(out + at, room - at, "-----END %s-----\n", label);
    } else {
        free(out);
        out = NULL;
    }
    if (text)
        secret_wipe(text, n);
    free(text);
    return out;
}

static cv_result enroll_terminal(struct pki_enrolment *x, char **pem, char err[PKI_TEXT_MAX])
{
    struct cr_key *key = NULL;
    uint8_t csr[PKI_CSR_MAX];
    size_t len = 0;
    CV_TRY(pki_enrol_key(x, &key, err));
    cv_result r = pki_csr_make(&x->conf.subject, key, x->conf.password, csr, &len, err);
    cr_key_free(key);
    CV_TRY(r);
    *pem = pki_pem_text("CERTIFICATE REQUEST", (struct slice){csr, len});
    if (!*pem)
        return CV_ENOMEM;
    pki_enrol_end(x, PKI_ENROL_IDLE, "a request was printed: import the certificate that comes of it");
    return CV_OK;
}

cv_result pki_enrol_enroll(struct pki_enrol *e, const char *name, char **pem, char err[PKI_TEXT_MAX])
{
    struct pki_enrolment *x = need(e, name, err);
    *pem = NULL;
    if (!x)
        return CV_ENOENT;
    CV_TRY(busy(x, err));
    const struct pki_trustpoint *t = pki_find(e->pki, name);
    x->renewal = false;
    if (x->conf.method == PKI_ENROL_SELFSIGNED)
        return enroll_self(x, err);
    if (x->conf.method == PKI_ENROL_TERMINAL)
        return enroll_terminal(x, pem, err);
    if (x->conf.method != PKI_ENROL_URL) {
        (void)snprintf(err, PKI_TEXT_MAX, "trust-point %s %s", name,
                       x->conf.method == PKI_ENROL_PKCS12
                           ? "takes PKCS #12: crypto pki import"
                           : "does not say how to enrol, as in: enrollment url http://192.0.2.1:80");
        return CV_EINVAL;
    }
    if (!t || !t->ca) {
        (void)snprintf(err, PKI_TEXT_MAX,
                       "the CA of trust-point %s is not authenticated yet: crypto pki authenticate %s", name,
                       name);
        return CV_EINVAL;
    }
    return enroll_url(x, false, err);
}

void pki_enrol_cancel(struct pki_enrol *e, const char *name)
{
    struct pki_enrolment *x = pki_enrol_find(e, name);
    if (x && (x->state == PKI_ENROL_ASKING_CA || x->state == PKI_ENROL_REQUESTING ||
              x->state == PKI_ENROL_PENDING || x->state == PKI_ENROL_CONFIRM))
        pki_enrol_end(x, PKI_ENROL_FAILED, "ended by the operator");
}

/* ---- time ---------------------------------------------------------------------------------------------------------------------------------- */
static bool idle(const struct pki_enrolment *x)
{
    return x->state == PKI_ENROL_IDLE || x->state == PKI_ENROL_DONE || x->state == PKI_ENROL_FAILED;
}

static void tick_one(struct pki_enrolment *x, uint64_t now)
{
    char err[PKI_TEXT_MAX];
    if (x->poll_ms > 0 && x->poll_ms <= now) {
        x->poll_ms = 0;
        x->polls++;
        message(x, PKI_SCEP_POLL);
        return;
    }
    int64_t due = renew_at(x);
    if (due == 0 || due > pki_wall_s(x->owner->pki) || !idle(x) || x->renew_ms > now)
        return;
    const struct pki_trustpoint *t = pki_find(x->owner->pki, x->conf.name);
    x->renewal = true;
    pki_say(x->owner->pki, LOG_LEVEL_INFO, "transactions", "trust-point %s: auto-enroll begins",
            x->conf.name);
    x->renew_ms = now + RENEW_PAUSE_MS;
    if (enroll_url(x, x->conf.regenerate && t && t->own, err) != CV_OK && x->state != PKI_ENROL_FAILED)
        pki_enrol_end(x, PKI_ENROL_FAILED, "%s", err);
}

void pki_enrol_tick(struct pki_enrol *e)
{
    uint64_t now = e->pki->env.now_ms(e->pki->env.ctx);
    for (unsigned i = 0; i < e->count; i++)
        tick_one(e->items[i], now);
}
