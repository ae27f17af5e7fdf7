#include "control/pki/pki_crl.h"

#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_crl_read.h"
#include "control/pki/pki_net.h"
#include "control/pki/pki_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    USED_ONCE_MS = 30000, /* `crl cache none`: how long the negotiation that asked may use what came */
    IDLE_S = 86400,       /* one that nobody asked for so long is not refreshed */
    MARGIN_MIN_S = 60,    /* before nextUpdate */
    MARGIN_MAX_S = 3600,
    KEPT_EXPIRED_S = 86400, /* what it revoked stays known */
};

struct crl_entry {
    char url[PKI_URL_MAX]; /* "": free */
    struct pki_cert *issuer;
    struct pki_crl *crl; /* NULL: none came yet */
    uint64_t fetch_id;   /* under way; 0 none */
    uint64_t fetched_ms;
    int64_t fetched_wall, asked_wall;
    uint64_t retry_ms;      /* nothing is asked for before */
    char why[PKI_TEXT_MAX]; /* why the last fetch brought nothing */
};

struct pki_crl_cache {
    struct crl_entry entries[PKI_CRL_ENTRIES_MAX];
};

struct pki_crl_cache *pki_crl_cache_new(void)
{
    return calloc(1, sizeof(struct pki_crl_cache));
}

static void entry_free(struct crl_entry *e)
{
    pki_cert_free(e->issuer);
    pki_crl_free(e->crl);
    *e = (struct crl_entry){0};
}

void pki_crl_cache_free(struct pki_crl_cache *c)
{
    for (unsigned i = 0; c && i < PKI_CRL_ENTRIES_MAX; i++)
        entry_free(&c->entries[i]);
    free(c);
}

static uint64_t now_ms(const struct pki *p)
{
    return p->env.now_ms(p->env.ctx);
}

/* ---- entries ---------------------------------------------------------------------------------------------------------- */
static bool entry_is(const struct crl_entry *e, const char *url, const struct pki_cert *issuer)
{
    return e->url[0] && strcmp(e->url, url) == 0 &&
           memcmp(e->issuer->key_hash, issuer->key_hash, PKI_HASH_LEN) == 0 &&
           e->issuer->subject.n == issuer->subject.n &&
           memcmp(e->issuer->subject.p, issuer->subject.p, issuer->subject.n) == 0;
}

/* The one longest not asked for, none of those under way; `but` stays. */
static struct crl_entry *entry_oldest(struct pki_crl_cache *c, const struct crl_entry *but)
{
    struct crl_entry *oldest = NULL;
    for (unsigned i = 0; i < PKI_CRL_ENTRIES_MAX; i++) {
        struct crl_entry *e = &c->entries[i];
        if (e != but && e->url[0] && !e->fetch_id && (!oldest || e->asked_wall < oldest->asked_wall))
            oldest = e;
    }
    return oldest;
}

/* NULL: every one is under way. */
static struct crl_entry *entry_get(struct pki *p, const char *url, const struct pki_cert *issuer)
{
    struct pki_crl_cache *c = pki_net(p)->crls;
    struct crl_entry *free_one = NULL;
    for (unsigned i = 0; i < PKI_CRL_ENTRIES_MAX; i++) {
        if (entry_is(&c->entries[i], url, issuer))
            return &c->entries[i];
        if (!c->entries[i].url[0] && !free_one)
            free_one = &c->entries[i];
    }
    if (!free_one) {
        free_one = entry_oldest(c, NULL);
        if (!free_one)
            return NULL;
        entry_free(free_one);
    }
    (void)snprintf(free_one->url, sizeof free_one->url, "%s", url);
    free_one->issuer = pki_cert_ref((struct pki_cert *)issuer);
    free_one->asked_wall = pki_wall_s(p);
    return free_one;
}

static void room_make(struct pki_crl_cache *c, const struct crl_entry *for_one)
{
    for (;;) {
        size_t sum = 0;
        for (unsigned i = 0; i < PKI_CRL_ENTRIES_MAX; i++)
            sum += c->entries[i].crl ? c->entries[i].crl->len : 0;
        struct crl_entry *e = sum > PKI_CRL_OCTETS_MAX ? entry_oldest(c, for_one) : NULL;
        if (!e)
            return;
        entry_free(e);
    }
}

/* ---- fetching --------------------------------------------------------------------------------------------------------- */
static void entry_failed(struct pki *p, struct crl_entry *e, const char *why)
{
    (void)snprintf(e->why, sizeof e->why, "%s", why);
    e->retry_ms = now_ms(p) + PKI_FETCH_PAUSE_MS;
}

static void crl_arrived(struct pki *p, void *ctx, unsigned status, struct slice data, const char *error)
{
    struct crl_entry *e = ctx;
    struct pki_crl *crl = NULL;
    char why[PKI_TEXT_MAX];
    e->fetch_id = 0;
    if (status != 200) {
        entry_failed(p, e, error);
        return;
    }
    if (!pki_crl_read(data, e->issuer, &crl, why)) {
        entry_failed(p, e, why);
    } else if (crl->this_update > pki_wall_s(p) + PKI_CLOCK_SKEW_S) {
        entry_failed(p, e, "its thisUpdate lies in the future");
    } else if (crl->next_update < pki_wall_s(p)) {
        entry_failed(p, e, "it has expired");
    } else if (e->crl && crl->this_update < e->crl->this_update) {
        entry_failed(p, e, "it is older than the one that is here");
    } else {
        pki_crl_free(e->crl);
        e->crl = crl;
        e->fetched_ms = now_ms(p);
        e->fetched_wall = pki_wall_s(p);
        e->retry_ms = e->fetched_ms + PKI_FETCH_PAUSE_MS;
        e->why[0] = 0;
        room_make(pki_net(p)->crls, e);
        pki_say(p, LOG_LEVEL_INFO, "validation", "CRL of %s from %s: %u revoked certificates",
                e->issuer->subject_text, e->url, crl->count);
        return;
    }
    pki_crl_free(crl);
    pki_say(p, LOG_LEVEL_WARNING, "validation", "CRL of %s from %s refused: %s", e->issuer->subject_text,
            e->url, e->why);
}

/* PKI_STATUS_WAIT: a fetch is under way, or will be when another ends. */
static enum pki_status entry_fetch(struct pki *p, struct crl_entry *e)
{
    char why[PKI_TEXT_MAX];
    if (e->fetch_id)
        return PKI_STATUS_WAIT;
    if (e->retry_ms > now_ms(p) && e->why[0])
        return PKI_STATUS_UNREACHED;
    e->fetch_id = pki_fetch_start(p, e->url, (struct slice){0}, NULL, crl_arrived, e);
    if (e->fetch_id || pki_fetch_full(p))
        return PKI_STATUS_WAIT;
    entry_failed(p, e,
                 !p->env.fetch                      ? "there is no network here"
                 : pki_fetch_paused(p, e->url, why) ? why
                                                    : "the address cannot be used");
    return PKI_STATUS_UNREACHED;
}

/* ---- asking --------------------------------------------------------------------------------------------------------- */
static bool entry_current(const struct pki *p, const struct pki_conf *conf, const struct crl_entry *e)
{
    int64_t now = pki_wall_s(p);
    uint64_t age = now_ms(p) - e->fetched_ms;
    if (!e->crl || e->crl->next_update < now || e->crl->this_update > now + PKI_CLOCK_SKEW_S)
        return false;
    if (conf->crl_cache_none)
        return age < USED_ONCE_MS;
    return !conf->crl_cache_minutes || age < conf->crl_cache_minutes * 60000ull;
}

/* `crl cache extend`: it has expired, and no newer one can be had. */
static bool entry_extended(const struct pki *p, const struct pki_conf *conf, const struct crl_entry *e)
{
    int64_t now = pki_wall_s(p);
    return e->crl->next_update < now && e->crl->next_update + conf->crl_extend_minutes * 60ll >= now;
}

/* What one address says. Listed once is revoked for good, also by a CRL that has expired; but a certificate on hold may have come back. */
static enum pki_status entry_status(struct pki *p, const struct pki_conf *conf, struct crl_entry *e,
                                    const struct pki_cert *cert, char text[PKI_TEXT_MAX])
{
    unsigned reason = 0;
    bool current = entry_current(p, conf, e), covers = e->crl && pki_crl_covers(e->crl, cert, e->url);
    bool listed = covers && pki_crl_lists(e->crl, cert, &reason);
    e->asked_wall = pki_wall_s(p);
    if (listed && (current || reason != PKI_REASON_HOLD)) {
        (void)snprintf(text, PKI_TEXT_MAX, "the CRL of %.200s lists it: %s", e->issuer->subject_text,
                       pki_reason_text(reason));
        return PKI_STATUS_REVOKED;
    }
    if (current && covers)
        return PKI_STATUS_GOOD;
    if (current) {
        (void)snprintf(text, PKI_TEXT_MAX, "the CRL from %.200s is not for such certificates", e->url);
        return PKI_STATUS_UNREACHED;
    }
    enum pki_status s = entry_fetch(p, e);
    if (s == PKI_STATUS_UNREACHED && covers && entry_extended(p, conf, e))
        return PKI_STATUS_GOOD;
    if (s == PKI_STATUS_UNREACHED)
        (void)snprintf(text, PKI_TEXT_MAX, "no CRL from %.200s: %.200s", e->url, e->why);
    return s;
}

static const char *url_of(const struct pki_conf *conf, const struct pki_cert *cert, unsigned i)
{
    if (conf->crl_url[0])
        return i == 0 ? conf->crl_url : NULL;
    return i < cert->crl_url_count && i < PKI_CRL_URLS_MAX ? cert->crl_urls[i] : NULL;
}

enum pki_status pki_crl_status(struct pki *p, const struct pki_conf *conf, const struct pki_cert *cert,
                               const struct pki_cert *issuer, char text[PKI_TEXT_MAX])
{
    const char *url;
    (void)snprintf(text, PKI_TEXT_MAX, "the certificate names no CRL distribution point of http");
    if (!pki_net(p)) {
        (void)snprintf(text, PKI_TEXT_MAX, "no memory");
        return PKI_STATUS_UNREACHED;
    }
    for (unsigned i = 0; (url = url_of(conf, cert, i)) != NULL; i++) {
        struct crl_entry *e = strlen(url) < PKI_URL_MAX ? entry_get(p, url, issuer) : NULL;
        if (!e) {
            (void)snprintf(text, PKI_TEXT_MAX,
                           "the address of its CRL is too long, or too many are under way");
            continue;
        }
        enum pki_status s = entry_status(p, conf, e, cert, text);
        if (s != PKI_STATUS_UNREACHED)
            return s;
    }
    return PKI_STATUS_UNREACHED;
}

/* Listed here, and not on a hold that may have ended since. */
static bool entry_condemns(const struct pki *p, const struct crl_entry *e, const struct pki_cert *cert)
{
    unsigned reason = 0;
    return pki_crl_covers(e->crl, cert, e->url) && pki_crl_lists(e->crl, cert, &reason) &&
           (reason != PKI_REASON_HOLD || e->crl->next_update >= pki_wall_s(p));
}

bool pki_crl_known_revoked(const struct pki *p, const struct pki_cert *cert, const struct pki_cert **above)
{
    const struct pki_net *n = pki_net_seen(p);
    for (unsigned i = 0; n && i < PKI_CRL_ENTRIES_MAX; i++) {
        struct crl_entry *e = &n->crls->entries[i];
        if (!e->crl || !pki_dn_equal(e->issuer->subject, cert->issuer))
            continue;
        e->asked_wall = pki_wall_s(p); /* whose peers are watched is refreshed */
        bool condemns = entry_condemns(p, e, cert), higher = !*above && !e->issuer->self_issued;
        if ((!condemns && !higher) || !pki_cert_signed_by(cert, e->issuer->key))
            continue; /* two CAs may have the same name */
        if (condemns)
            return true;
        *above = e->issuer;
    }
    return false;
}

/* ---- time --------------------------------------------------------------------------------------------------------------- */
static int64_t refresh_at(const struct pki_crl *c)
{
    int64_t margin = (c->next_update - c->this_update) / 10;
    margin = margin < MARGIN_MIN_S ? MARGIN_MIN_S : margin > MARGIN_MAX_S ? MARGIN_MAX_S : margin;
    return c->next_update - margin;
}

void pki_crl_tick(struct pki *p)
{
    struct pki_net *n = p->revocation;
    int64_t now = pki_wall_s(p);
    for (unsigned i = 0; n && i < PKI_CRL_ENTRIES_MAX; i++) {
        struct crl_entry *e = &n->crls->entries[i];
        if (!e->url[0] || e->fetch_id)
            continue;
        bool idle = now - e->asked_wall > IDLE_S;
        if (e->crl ? idle && now - e->crl->next_update > KEPT_EXPIRED_S : idle)
            entry_free(e);
        else if (e->crl && !idle && now >= refresh_at(e->crl) && e->retry_ms <= now_ms(p))
            (void)entry_fetch(p, e);
    }
}

/* ---- for people ---------------------------------------------------------------------------------------------------------- */
unsigned pki_crls(const struct pki *p, struct pki_crl_info *out, unsigned room)
{
    const struct pki_net *n = pki_net_seen(p);
    unsigned count = 0;
    for (unsigned i = 0; n && i < PKI_CRL_ENTRIES_MAX; i++) {
        const struct crl_entry *e = &n->crls->entries[i];
        if (!e->crl)
            continue;
        if (count < room) {
            out[count] = (struct pki_crl_info){.this_update = e->crl->this_update,
                                               .next_update = e->crl->next_update,
                                               .fetched = e->fetched_wall,
                                               .size = e->crl->len,
                                               .revoked_count = e->crl->count};
            (void)snprintf(out[count].issuer, sizeof out->issuer, "%s", e->issuer->subject_text);
            (void)snprintf(out[count].source, sizeof out->source, "%s", e->url);
        }
        count++;
    }
    return count;
}

void pki_crls_clear(struct pki *p)
{
    struct pki_net *n = p->revocation;
    for (unsigned i = 0; n && i < PKI_CRL_ENTRIES_MAX; i++) {
        pki_fetch_cancel(p, n->crls->entries[i].fetch_id);
        entry_free(&n->crls->entries[i]);
    }
    pki_fetch_unpause(p, NULL);
}

/* The certificate whose CRL is asked for: our own, or else the CA's where it says where its CRLs are. */
static const char *request_url(const struct pki_trustpoint *t)
{
    if (t->conf.crl_url[0])
        return t->conf.crl_url;
    return t->own ? pki_cert_crl_url(t->own, 0) : NULL;
}

cv_result pki_crl_request(struct pki *p, const char *trustpoint, char err[PKI_TEXT_MAX])
{
    const struct pki_trustpoint *t = pki_find(p, trustpoint);
    const char *url = t ? request_url(t) : NULL;
    const struct pki_cert *issuer = t && t->own && t->chain_count ? t->chain[0] : t ? t->ca : NULL;
    if (!t || !issuer) {
        (void)snprintf(err, PKI_TEXT_MAX, "trust-point %s has no CA certificate: crypto pki authenticate %s",
                       trustpoint, trustpoint);
        return CV_ENOENT;
    }
    if (!url || strlen(url) >= PKI_URL_MAX) {
        (void)snprintf(err, PKI_TEXT_MAX,
                       "nothing says where the CRL of trust-point %s is: crl query URL names an address",
                       trustpoint);
        return CV_ENOENT;
    }
    pki_fetch_unpause(p, url);
    struct crl_entry *e = pki_net(p) ? entry_get(p, url, issuer) : NULL;
    if (e)
        e->retry_ms = 0;
    if (!e || entry_fetch(p, e) != PKI_STATUS_WAIT) {
        (void)snprintf(err, PKI_TEXT_MAX, "no CRL from %.200s: %.200s", url, e ? e->why : "no room");
        return CV_EIO;
    }
    return CV_OK;
}
