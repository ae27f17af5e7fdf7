#include "control/pki/pki_ocsp.h"

#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_crl_read.h"
#include "control/pki/pki_net.h"
#include "control/pki/pki_ocsp_read.h"
#include "control/pki/pki_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_S = 86400 };

struct ocsp_entry {
    struct pki_cert *cert, *issuer;
    char url[PKI_URL_MAX];
    bool answered;
    struct pki_ocsp_answer answer;
    int64_t until; /* the answer counts, wall time */
    int64_t asked;
    uint64_t fetch_id; /* 0: none under way */
    uint64_t retry_ms;
    bool with_nonce;
    uint8_t nonce[PKI_OCSP_NONCE_LEN];
    char why[PKI_TEXT_MAX];
};

struct pki_ocsp_cache {
    struct ocsp_entry *entries[PKI_OCSP_ENTRIES_MAX];
};

struct pki_ocsp_cache *pki_ocsp_cache_new(void)
{
    return calloc(1, sizeof(struct pki_ocsp_cache));
}

static void entry_free(struct ocsp_entry **at)
{
    struct ocsp_entry *e = *at;
    *at = NULL;
    if (!e)
        return;
    pki_cert_free(e->cert);
    pki_cert_free(e->issuer);
    pki_cert_free(e->answer.responder);
    free(e);
}

void pki_ocsp_cache_free(struct pki_ocsp_cache *c)
{
    for (unsigned i = 0; c && i < PKI_OCSP_ENTRIES_MAX; i++)
        entry_free(&c->entries[i]);
    free(c);
}

/* ---- entries -------------------------------------------------------------------------------------------------------------- */
static bool entry_is(const struct ocsp_entry *e, const struct pki_cert *cert, const struct pki_cert *issuer,
                     const char *url)
{
    return memcmp(e->cert->fingerprint, cert->fingerprint, PKI_FINGERPRINT_LEN) == 0 &&
           memcmp(e->issuer->key_hash, issuer->key_hash, PKI_HASH_LEN) == 0 && strcmp(e->url, url) == 0;
}

/* An empty place, made by letting go the one longest not asked for; NULL: all are under way. */
static struct ocsp_entry **place_find(struct pki_ocsp_cache *c)
{
    struct ocsp_entry **oldest = NULL;
    for (unsigned i = 0; i < PKI_OCSP_ENTRIES_MAX; i++) {
        struct ocsp_entry **at = &c->entries[i];
        if (!*at)
            return at;
        if (!(*at)->fetch_id && (!oldest || (*at)->asked < (*oldest)->asked))
            oldest = at;
    }
    if (oldest)
        entry_free(oldest);
    return oldest;
}

static struct ocsp_entry *entry_get(struct pki *p, const struct pki_cert *cert, const struct pki_cert *issuer,
                                    const char *url)
{
    struct pki_net *n = pki_net(p);
    for (unsigned i = 0; n && i < PKI_OCSP_ENTRIES_MAX; i++)
        if (n->ocsp->entries[i] && entry_is(n->ocsp->entries[i], cert, issuer, url))
            return n->ocsp->entries[i];
    struct ocsp_entry **at = n ? place_find(n->ocsp) : NULL;
    struct ocsp_entry *e = at ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return NULL;
    e->cert = pki_cert_ref((struct pki_cert *)cert);
    e->issuer = pki_cert_ref((struct pki_cert *)issuer);
    (void)snprintf(e->url, sizeof e->url, "%s", url);
    *at = e;
    return e;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */
static void entry_failed(struct pki *p, struct ocsp_entry *e, const char *why)
{
    (void)snprintf(e->why, sizeof e->why, "%s", why);
    e->retry_ms = p->env.now_ms(p->env.ctx) + PKI_FETCH_PAUSE_MS;
}

/* Takes over what the answer owns. */
static void entry_answered(struct pki *p, struct ocsp_entry *e, const struct pki_ocsp_answer *a)
{
    int64_t now = pki_wall_s(p);
    pki_cert_free(e->answer.responder);
    e->answer = *a;
    e->answered = true;
    e->until = now + PKI_OCSP_BRIEF_S;
    if (a->next_update)
        e->until = a->next_update < now + PKI_OCSP_KEEP_S ? a->next_update : now + PKI_OCSP_KEEP_S;
    e->why[0] = 0;
}

static void ocsp_arrived(struct pki *p, void *ctx, unsigned status, struct slice data, const char *error)
{
    struct ocsp_entry *e = ctx;
    struct pki_ocsp_answer a;
    char why[PKI_TEXT_MAX];
    e->fetch_id = 0;
    if (status != 200) {
        entry_failed(p, e, error);
        return;
    }
    if (pki_ocsp_read(data, e->cert, e->issuer, e->with_nonce ? e->nonce : NULL, pki_wall_s(p), &a, why)) {
        entry_answered(p, e, &a);
        pki_say(p, LOG_LEVEL_DEBUG, "validation", "OCSP response from %s for %s", e->url,
                e->cert->subject_text);
        return;
    }
    entry_failed(p, e, why);
    pki_say(p, LOG_LEVEL_WARNING, "validation", "OCSP response from %s for %s refused: %s", e->url,
            e->cert->subject_text, why);
}

static enum pki_status entry_fetch(struct pki *p, const struct pki_conf *conf, struct ocsp_entry *e)
{
    uint8_t request[PKI_OCSP_REQUEST_MAX];
    char why[PKI_TEXT_MAX] = "the address cannot be used";
    size_t n = 0;
    if (e->fetch_id)
        return PKI_STATUS_WAIT;
    if (e->retry_ms > p->env.now_ms(p->env.ctx) && e->why[0])
        return PKI_STATUS_UNREACHED;
    e->with_nonce = !conf->ocsp_no_nonce;
    p->env.random(p->env.ctx, e->nonce, sizeof e->nonce);
    if (pki_ocsp_request(e->cert, e->issuer, e->with_nonce ? e->nonce : NULL, request, &n) != CV_OK) {
        entry_failed(p, e, "a request for it cannot be made");
        return PKI_STATUS_UNREACHED;
    }
    e->fetch_id =
        pki_fetch_start(p, e->url, (struct slice){request, n}, "application/ocsp-request", ocsp_arrived, e);
    if (e->fetch_id || pki_fetch_full(p))
        return PKI_STATUS_WAIT;
    /* Another certificate's request may have failed: then this one waits no longer than the pause of the address. */
    if (pki_fetch_paused(p, e->url, why))
        (void)snprintf(e->why, sizeof e->why, "%s", why);
    else
        entry_failed(p, e, p->env.fetch ? why : "there is no network here");
    return PKI_STATUS_UNREACHED;
}

/* ---- asking ---------------------------------------------------------------------------------------------------------------- */
/* A responder's own certificate may be revoked, where its CA does not say that nobody need look (RFC 6960 4.2.2.2.1). Its CRL counts when it can be had. */
static enum pki_status responder_status(struct pki *p, const struct pki_conf *conf,
                                        const struct ocsp_entry *e, char text[PKI_TEXT_MAX])
{
    if (!e->answer.responder)
        return PKI_STATUS_GOOD;
    enum pki_status s = pki_crl_status(p, conf, e->answer.responder, e->issuer, text);
    if (s == PKI_STATUS_REVOKED)
        (void)snprintf(text, PKI_TEXT_MAX, "the certificate of the OCSP responder at %.200s is revoked",
                       e->url);
    return s;
}

/* What is kept, once it is known to count. */
static enum pki_status answer_status(const struct ocsp_entry *e, char text[PKI_TEXT_MAX])
{
    switch (e->answer.state) {
    case PKI_OCSP_GOOD:
        return PKI_STATUS_GOOD;
    case PKI_OCSP_REVOKED:
        (void)snprintf(text, PKI_TEXT_MAX, "the OCSP responder of %.200s says: %s", e->issuer->subject_text,
                       pki_reason_text(e->answer.reason));
        return PKI_STATUS_REVOKED;
    default:
        (void)snprintf(text, PKI_TEXT_MAX, "the OCSP responder of %.200s does not know it",
                       e->issuer->subject_text);
        return PKI_STATUS_REFUSED;
    }
}

static bool entry_current(const struct pki *p, const struct ocsp_entry *e)
{
    return e->answered && (e->until >= pki_wall_s(p) ||
                           (e->answer.state == PKI_OCSP_REVOKED && e->answer.reason != PKI_REASON_HOLD));
}

static void staple_take(struct pki *p, struct ocsp_entry *e, struct slice stapled)
{
    struct pki_ocsp_answer a;
    char why[PKI_TEXT_MAX];
    if (pki_ocsp_read(stapled, e->cert, e->issuer, NULL, pki_wall_s(p), &a, why))
        entry_answered(p, e, &a);
    else
        pki_say(p, LOG_LEVEL_INFO, "validation", "OCSP response that %s sent along refused: %s",
                e->cert->subject_text, why);
}

static enum pki_status entry_status(struct pki *p, const struct pki_conf *conf, struct ocsp_entry *e,
                                    struct slice stapled, char text[PKI_TEXT_MAX])
{
    e->asked = pki_wall_s(p);
    if (!entry_current(p, e) && stapled.n)
        staple_take(p, e, stapled);
    if (entry_current(p, e)) {
        enum pki_status s = responder_status(p, conf, e, text);
        if (s == PKI_STATUS_REVOKED)
            return PKI_STATUS_UNREACHED;
        return s == PKI_STATUS_WAIT ? s : answer_status(e, text);
    }
    if (!e->url[0]) {
        (void)snprintf(text, PKI_TEXT_MAX, "the certificate names no OCSP responder of http");
        return PKI_STATUS_UNREACHED;
    }
    enum pki_status s = entry_fetch(p, conf, e);
    if (s == PKI_STATUS_UNREACHED)
        (void)snprintf(text, PKI_TEXT_MAX, "no OCSP response from %.200s: %.200s", e->url, e->why);
    return s;
}

/* The first one may be "": a stapled response needs no address. */
static const char *url_of(const struct pki_conf *conf, const struct pki_cert *cert, unsigned i)
{
    if (conf->ocsp_url[0] || cert->ocsp_url_count == 0)
        return i == 0 ? conf->ocsp_url : NULL;
    return i < cert->ocsp_url_count && i < PKI_OCSP_URLS_MAX ? cert->ocsp_urls[i] : NULL;
}

enum pki_status pki_ocsp_status(struct pki *p, const struct pki_conf *conf, const struct pki_cert *cert,
                                const struct pki_cert *issuer, struct slice stapled, char text[PKI_TEXT_MAX])
{
    const char *url;
    (void)snprintf(text, PKI_TEXT_MAX, "too many OCSP requests are under way");
    for (unsigned i = 0; (url = url_of(conf, cert, i)) != NULL; i++) {
        struct ocsp_entry *e = strlen(url) < PKI_URL_MAX ? entry_get(p, cert, issuer, url) : NULL;
        enum pki_status s = e ? entry_status(p, conf, e, stapled, text) : PKI_STATUS_UNREACHED;
        if (s != PKI_STATUS_UNREACHED)
            return s;
    }
    return PKI_STATUS_UNREACHED;
}

bool pki_ocsp_known_revoked(const struct pki *p, const struct pki_cert *cert, const struct pki_cert **above)
{
    const struct pki_net *n = pki_net_seen(p);
    for (unsigned i = 0; n && i < PKI_OCSP_ENTRIES_MAX; i++) {
        const struct ocsp_entry *e = n->ocsp->entries[i];
        if (!e || memcmp(e->cert->fingerprint, cert->fingerprint, PKI_FINGERPRINT_LEN) != 0)
            continue;
        if (entry_current(p, e) && e->answer.state == PKI_OCSP_REVOKED)
            return true;
        if (!*above && !e->issuer->self_issued)
            *above = e->issuer;
    }
    return false;
}

void pki_ocsp_tick(struct pki *p)
{
    struct pki_net *n = p->revocation;
    int64_t now = pki_wall_s(p);
    for (unsigned i = 0; n && i < PKI_OCSP_ENTRIES_MAX; i++) {
        struct ocsp_entry *e = n->ocsp->entries[i];
        if (e && !e->fetch_id && now - e->asked > IDLE_S)
            entry_free(&n->ocsp->entries[i]);
    }
}
