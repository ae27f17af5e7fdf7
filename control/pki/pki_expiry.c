#include "control/pki/pki_expiry.h"

#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400 };

/* The last step is the end itself. */
static const int64_t steps[] = {30, 14, 7, 3, 1, 0};
enum { STEPS = sizeof steps / sizeof steps[0] };

struct checking {
    struct pki_expiry *x;
    struct pki_expiry next; /* of the certificates that are there now: others are forgotten */
    int64_t now;
    void (*warn)(void *ctx, enum log_level level, const char *text);
    void *ctx;
    unsigned warned;
};

int64_t pki_days_left(const struct pki_cert *c, int64_t now_s)
{
    int64_t left = pki_cert_not_after(c) - now_s;
    return left >= 0 ? left / DAY_S : -(-left / DAY_S) - 1;
}

/* How many of the steps have come. */
static unsigned due(const struct pki_cert *c, int64_t now)
{
    int64_t left = pki_cert_not_after(c) - now;
    unsigned n = 0;
    while (n < STEPS && (steps[n] > 0 ? left <= steps[n] * DAY_S : left < 0))
        n++;
    return n;
}

static unsigned said_before(const struct pki_expiry *x, const uint8_t *fingerprint)
{
    for (unsigned i = 0; i < x->count; i++)
        if (memcmp(x->seen[i].fingerprint, fingerprint, PKI_FINGERPRINT_LEN) == 0)
            return x->seen[i].said;
    return 0;
}

static void say(struct checking *k, const char *trustpoint, const char *what, const struct pki_cert *c)
{
    char text[PKI_TEXT_MAX + 2 * PKI_NAME_MAX], when[96];
    int64_t days = pki_days_left(c, k->now);
    if (days < 0)
        snprintf(when, sizeof when, "has expired");
    else if (days == 0)
        snprintf(when, sizeof when, "expires within a day");
    else
        snprintf(when, sizeof when, "expires in %lld day%s", (long long)days, days == 1 ? "" : "s");
    snprintf(text, sizeof text, "trust-point %s: %s %.300s, serial %s, %s", trustpoint, what,
             pki_cert_subject_text(c), pki_cert_serial(c), when);
    k->warn(k->ctx, days < 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, text);
    k->warned++;
}

static void check(struct checking *k, const char *trustpoint, const char *what, const struct pki_cert *c)
{
    if (!c || k->next.count == PKI_EXPIRY_MAX)
        return;
    const uint8_t *fingerprint = pki_cert_fingerprint(c);
    if (said_before(&k->next, fingerprint) > 0)
        return; /* the CA of two trust-points */
    unsigned now = due(c, k->now);
    if (now == 0)
        return;
    if (now > said_before(k->x, fingerprint))
        say(k, trustpoint, what, c);
    memcpy(k->next.seen[k->next.count].fingerprint, fingerprint, PKI_FINGERPRINT_LEN);
    k->next.seen[k->next.count++].said = now;
}

unsigned pki_expiry_check(struct pki_expiry *x, const struct pki *p, int64_t now_s,
                          void (*warn)(void *ctx, enum log_level level, const char *text), void *ctx)
{
    const struct pki_trustpoint *list[PKI_TRUSTPOINTS_MAX];
    struct checking k = {.x = x, .now = now_s, .warn = warn, .ctx = ctx};
    unsigned count = pki_list(p, list);
    for (unsigned i = 0; i < count; i++) {
        check(&k, list[i]->name, "the certificate", list[i]->own);
        check(&k, list[i]->name, "the CA certificate", list[i]->ca);
        for (unsigned c = 0; c < list[i]->chain_count; c++)
            check(&k, list[i]->name, "the CA certificate", list[i]->chain[c]);
    }
    *x = k.next;
    return k.warned;
}
