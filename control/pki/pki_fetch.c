#include "control/pki/pki_fetch.h"

#include "control/pki/pki_net.h"
#include "control/pki/pki_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TICK_MS = 1000, WATCH_MS = 3600 * 1000 };

static void net_free(struct pki *p)
{
    struct pki_net *n = p->revocation;
    p->revocation = NULL;
    if (!n)
        return;
    pki_crl_cache_free(n->crls);
    pki_ocsp_cache_free(n->ocsp);
    free(n);
}

struct pki_net *pki_net(struct pki *p)
{
    if (p->revocation)
        return p->revocation;
    struct pki_net *n = calloc(1, sizeof *n);
    if (n) {
        n->crls = pki_crl_cache_new();
        n->ocsp = pki_ocsp_cache_new();
    }
    p->revocation = n;
    p->revocation_free = net_free;
    if (n && (!n->crls || !n->ocsp))
        net_free(p);
    return p->revocation;
}

const struct pki_net *pki_net_seen(const struct pki *p)
{
    return p->revocation;
}

/* ---- addresses that are left alone ---------------------------------------------------------------------------- */
static const struct pki_pause *pause_find(const struct pki_net *n, const char *url)
{
    for (unsigned i = 0; i < PKI_PAUSES_MAX; i++)
        if (n->pauses[i].url[0] && strcmp(n->pauses[i].url, url) == 0)
            return &n->pauses[i];
    return NULL;
}

/* The one of that address, else a free one, else the one that ends first. */
static void pause_add(struct pki *p, struct pki_net *n, const char *url, const char *why)
{
    if (strlen(url) >= PKI_URL_MAX)
        return; /* a request of SCEP, which is never sent twice */
    struct pki_pause *at = (struct pki_pause *)pause_find(n, url);
    for (unsigned i = 0; !at && i < PKI_PAUSES_MAX; i++)
        if (!n->pauses[i].url[0])
            at = &n->pauses[i];
    if (!at) {
        at = &n->pauses[0];
        for (unsigned i = 1; i < PKI_PAUSES_MAX; i++)
            if (n->pauses[i].until_ms < at->until_ms)
                at = &n->pauses[i];
    }
    (void)snprintf(at->url, sizeof at->url, "%s", url);
    (void)snprintf(at->why, sizeof at->why, "%s", why);
    at->until_ms = p->env.now_ms(p->env.ctx) + PKI_FETCH_PAUSE_MS;
}

bool pki_fetch_paused(const struct pki *p, const char *url, char why[PKI_TEXT_MAX])
{
    const struct pki_net *n = pki_net_seen(p);
    const struct pki_pause *at = n ? pause_find(n, url) : NULL;
    if (!at || at->until_ms <= p->env.now_ms(p->env.ctx))
        return false;
    (void)snprintf(why, PKI_TEXT_MAX, "%s", at->why);
    return true;
}

void pki_fetch_unpause(struct pki *p, const char *url)
{
    struct pki_net *n = p->revocation;
    for (unsigned i = 0; n && i < PKI_PAUSES_MAX; i++)
        if (!url || strcmp(n->pauses[i].url, url) == 0)
            n->pauses[i].url[0] = 0;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */
static struct pki_fetch *fetch_find(struct pki_net *n, uint64_t id)
{
    for (unsigned i = 0; n && i < PKI_FETCHES_MAX; i++)
        if (n->fetches[i].id == id)
            return &n->fetches[i];
    return NULL;
}

bool pki_fetch_full(const struct pki *p)
{
    return fetch_find(p->revocation, 0) == NULL && p->revocation;
}

static bool url_allowed(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 && strlen(url) < PKI_FETCH_URL_MAX;
}

uint64_t pki_fetch_start(struct pki *p, const char *url, struct slice body, const char *content_type,
                         pki_fetch_done *done, void *ctx)
{
    char why[PKI_TEXT_MAX];
    struct pki_net *n = pki_net(p);
    struct pki_fetch *f = fetch_find(n, 0);
    if (!f || !p->env.fetch || !url_allowed(url) || pki_fetch_paused(p, url, why))
        return 0;
    uint64_t id = ++n->last_id;
    if (!p->env.fetch(p->env.ctx, id, url, body, content_type)) {
        pause_add(p, n, url, "the request could not be sent");
        return 0;
    }
    *f = (struct pki_fetch){.id = id,
                            .started_ms = p->env.now_ms(p->env.ctx),
                            .long_url = strlen(url) >= PKI_URL_MAX,
                            .done = done,
                            .ctx = ctx};
    (void)snprintf(f->url, sizeof f->url, "%s", url);
    pki_say(p, LOG_LEVEL_DEBUG, "transactions", "%s %s", body.n ? "POST" : "GET", f->url);
    return id;
}

void pki_fetch_cancel(struct pki *p, uint64_t id)
{
    struct pki_fetch *f = id ? fetch_find(p->revocation, id) : NULL;
    if (f)
        f->id = 0;
}

/* The entry is free before done is called, which may start another fetch. */
static void finish(struct pki *p, struct pki_fetch *f, unsigned status, struct slice data, const char *error)
{
    struct pki_fetch one = *f;
    f->id = 0;
    if (status == 200) {
        pki_say(p, LOG_LEVEL_DEBUG, "transactions", "%zu octets from %s", data.n, one.url);
    } else {
        if (!one.long_url)
            pause_add(p, p->revocation, one.url, error);
        pki_say(p, LOG_LEVEL_WARNING, "transactions", "nothing from %s: %s", one.url, error);
    }
    one.done(p, one.ctx, status, data, error);
    if (p->env.changed)
        p->env.changed(p->env.ctx);
}

void pki_fetched(struct pki *p, uint64_t id, unsigned status, struct slice data, const char *error)
{
    struct pki_fetch *f = id ? fetch_find(p->revocation, id) : NULL;
    char text[64];
    if (!f)
        return; /* it was given up, and this is late */
    if (status == 200 && data.n > PKI_FETCH_MAX) {
        finish(p, f, 0, (struct slice){0}, "the answer is longer than 8 MiB");
    } else if (status == 200) {
        finish(p, f, status, data, "");
    } else {
        (void)snprintf(text, sizeof text, "HTTP status %u", status);
        finish(p, f, status, (struct slice){0}, error && error[0] ? error : status ? text : "no answer");
    }
}

uint64_t pki_tick(struct pki *p)
{
    struct pki_net *n = p->revocation;
    if (!n)
        return TICK_MS;
    uint64_t now = p->env.now_ms(p->env.ctx);
    for (unsigned i = 0; i < PKI_FETCHES_MAX; i++)
        if (n->fetches[i].id && now - n->fetches[i].started_ms >= PKI_FETCH_MS)
            finish(p, &n->fetches[i], 0, (struct slice){0}, "no answer in time");
    /* Nobody has asked for a day where no peer came or went: who watches live ones says by this which CRLs are still to be refreshed. */
    if (n->watch_ms == 0)
        n->watch_ms = now + WATCH_MS;
    if (now >= n->watch_ms) {
        n->watch_ms = now + WATCH_MS;
        if (p->env.changed)
            p->env.changed(p->env.ctx);
    }
    pki_crl_tick(p);
    pki_ocsp_tick(p);
    return TICK_MS;
}
