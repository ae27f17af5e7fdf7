#include "control/cli/cli_pki.h"

#include "control/cli/cli_server.h"
#include "control/pki/pki_enrol.h"

#include "common/secret.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 50, TIMEOUT_DEFAULT_S = 60, TIMEOUT_MAX_S = 3600 };

static struct pki_enrol *enrol(const struct cli_call *c)
{
    return c->env->enrol ? c->env->enrol(c->env->ctx) : NULL;
}

static void password_free(void *pending)
{
    struct secret *s = pending;
    secret_free(s);
    free(s);
}

bool cli_keep_password(struct cli_call *c, const void *p, size_t n)
{
    struct secret *s = calloc(1, sizeof *s);
    if (!s || secret_copy(s, p, n) != CV_OK) {
        free(s);
        cli_error(c, "out of memory");
        return false;
    }
    c->pending = s;
    c->pending_free = password_free;
    return true;
}

int cli_pki_done(struct cli_call *c, const char *name, bool good, const char *text)
{
    if (c->json)
        cli_json(c, json_pack("{s:s, s:s, s:s}", "trustpoint", name, "outcome", good ? "done" : "failed",
                              "text", text));
    else if (good)
        cli_print(c, "%s: %s\n", name, text);
    else
        cli_error(c, "%s: %s", name, text);
    return good ? CLI_OK : CLI_NOT_SO;
}

/* ---- waiting -------------------------------------------------------------------------------------------------------------- */
struct wait {
    struct cli_call *call;
    struct event *timer;
    uint64_t until_ms;
};

static void wait_free(void *pending)
{
    struct wait *w = pending;
    event_free(w->timer);
    free(w);
}

static int ask_fingerprint(struct cli_call *c, const struct pki_enrol_view *v);

/* CLI_PENDING while there is no outcome. */
static int outcome(struct cli_call *c, bool late)
{
    const char *name = c->cmd.args[0];
    struct pki_enrol_view v;
    if (!pki_enrol_view(enrol(c), name, &v))
        return cli_pki_done(c, name, false, "the trust-point has been taken out of the configuration");
    if (v.state == PKI_ENROL_CONFIRM)
        return ask_fingerprint(c, &v);
    if (v.state == PKI_ENROL_DONE || v.state == PKI_ENROL_FAILED)
        return cli_pki_done(c, name, v.state == PKI_ENROL_DONE, v.text);
    if (v.state != PKI_ENROL_PENDING && !late)
        return CLI_PENDING;
    if (c->json)
        cli_json(c, json_pack("{s:s, s:s, s:s}", "trustpoint", name, "outcome", "pending", "text", v.text));
    else
        cli_print(c, "%s: %s\n", name, v.text);
    return CLI_OK; /* it goes on without us: show crypto pki trustpoints status */
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    struct wait *w = arg;
    struct cli_call *c = w->call;
    const struct timeval again = {0, POLL_MS * 1000};
    (void)fd;
    (void)what;
    int status = outcome(c, cli_now_ms(c) >= w->until_ms);
    if (status != CLI_PENDING)
        cli_finish(c, (enum cli_status)status);
    else if (!c->answered)
        evtimer_add(w->timer, &again);
}

static int wait_for(struct cli_call *c)
{
    char err[CLI_ERR_MAX];
    unsigned seconds;
    const struct timeval soon = {0, POLL_MS * 1000};
    if (!cli_opt_number(&c->cmd, "timeout", 1, TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S, &seconds, err)) {
        cli_error(c, "%s", err);
        return CLI_USAGE;
    }
    struct wait *w = calloc(1, sizeof *w);
    if (w)
        w->timer = evtimer_new(c->env->base, on_poll, w);
    if (!w || !w->timer) {
        free(w);
        cli_error(c, "out of memory");
        return CLI_NOT_SO;
    }
    w->call = c;
    w->until_ms = cli_now_ms(c) + seconds * 1000u;
    c->pending = w;
    c->pending_free = wait_free;
    evtimer_add(w->timer, &soon);
    return CLI_PENDING;
}

/* ---- authenticate --------------------------------------------------------------------------------------------------------- */
static int decide(struct cli_call *c, bool yes)
{
    const char *name = c->cmd.args[0];
    char err[PKI_TEXT_MAX];
    struct pki_enrol_view v;
    if (pki_enrol_confirm(enrol(c), name, yes, err) != CV_OK)
        return cli_pki_done(c, name, false, err);
    if (!pki_enrol_view(enrol(c), name, &v))
        return CLI_NOT_SO;
    return cli_pki_done(c, name, v.state == PKI_ENROL_DONE, v.text);
}

static int on_confirmed(struct cli_call *c, struct slice octets, bool given)
{
    return decide(c, given && octets.n == 3 && memcmp(octets.p, "yes", 3) == 0);
}

/* As IOS puts it; a certificate is identified by what cannot be forged today, too. */
static int ask_fingerprint(struct cli_call *c, const struct pki_enrol_view *v)
{
    char md5[96], sha1[96], sha256[96], prompt[1024];
    pki_fingerprint_text(v->candidate, 16, md5);
    pki_fingerprint_text(v->candidate, 20, sha1);
    pki_fingerprint_text(v->candidate, 32, sha256);
    if (cli_opt(&c->cmd, "yes")) {
        if (!c->json)
            cli_print(c, "Certificate of the CA %s\nFingerprint SHA256: %s\n",
                      pki_cert_subject_text(v->candidate), sha256);
        return decide(c, true);
    }
    snprintf(prompt, sizeof prompt,
             "Certificate of the CA %.200s has the following attributes:\n"
             "       Fingerprint MD5: %s\n      Fingerprint SHA1: %s\n    Fingerprint SHA256: %s\n\n"
             "%% Do you accept this certificate? [yes/no]: ",
             pki_cert_subject_text(v->candidate), md5, sha1, sha256);
    return cli_server_ask(c, CLI_QUESTION_CONFIRM, prompt, on_confirmed);
}

static int on_ca_pasted(struct cli_call *c, struct slice octets, bool given)
{
    const char *name = c->cmd.args[0];
    char err[PKI_TEXT_MAX];
    if (!given)
        return cli_pki_done(c, name, false, "no certificate was given");
    if (pki_enrol_authenticate_with(enrol(c), name, octets, err) != CV_OK)
        return cli_pki_done(c, name, false, err);
    return outcome(c, true);
}

static const struct pki_enrol_conf *conf_of(struct cli_call *c)
{
    const struct pki_enrol_conf *conf = enrol(c) ? pki_enrol_conf(enrol(c), c->cmd.args[0]) : NULL;
    if (!conf)
        cli_error(c, "there is no trust-point %s in the configuration; add it: crypto pki trustpoint %s",
                  c->cmd.args[0], c->cmd.args[0]);
    return conf;
}

int cli_pki_authenticate(struct cli_call *c)
{
    char err[PKI_TEXT_MAX];
    const struct pki_enrol_conf *conf = conf_of(c);
    if (!conf)
        return CLI_USAGE;
    if (conf->method != PKI_ENROL_URL || cli_opt(&c->cmd, "terminal") || cli_opt(&c->cmd, "url"))
        return cli_server_ask(c, CLI_QUESTION_INPUT,
                              "Enter the base 64 encoded CA certificate.\n"
                              "End with the word \"quit\" on a line by itself\n",
                              on_ca_pasted);
    if (pki_enrol_authenticate(enrol(c), conf->name, err) != CV_OK)
        return cli_pki_done(c, c->cmd.args[0], false, err);
    return wait_for(c);
}

/* ---- enroll ---------------------------------------------------------------------------------------------------------------- */
int cli_pki_enroll(struct cli_call *c)
{
    char err[PKI_TEXT_MAX], *pem = NULL;
    const struct pki_enrol_conf *conf = conf_of(c);
    if (!conf)
        return CLI_USAGE;
    if (pki_enrol_enroll(enrol(c), conf->name, &pem, err) != CV_OK)
        return cli_pki_done(c, c->cmd.args[0], false, err);
    if (!pem)
        return conf->method == PKI_ENROL_URL ? wait_for(c) : outcome(c, true);
    if (c->json)
        cli_json(c, json_pack("{s:s, s:s, s:s}", "trustpoint", c->cmd.args[0], "outcome", "request",
                              "request", pem));
    else
        cli_print(c, "%s", pem);
    free(pem);
    return CLI_OK;
}

int cli_pki_cancel(struct cli_call *c)
{
    if (!conf_of(c))
        return CLI_USAGE;
    pki_enrol_cancel(enrol(c), c->cmd.args[0]);
    return CLI_OK;
}

/* ---- CRLs -------------------------------------------------------------------------------------------------------------------- */
int cli_pki_crl_request(struct cli_call *c)
{
    char err[PKI_TEXT_MAX] = "";
    if (!conf_of(c))
        return CLI_USAGE;
    bool good = pki_crl_request(c->env->pki(c->env->ctx), c->cmd.args[0], err) == CV_OK;
    return cli_pki_done(c, c->cmd.args[0], good,
                        good ? "its CRL is being fetched: show crypto pki crls" : err);
}

int cli_pki_clear_crls(struct cli_call *c)
{
    if (c->env->pki)
        pki_crls_clear(c->env->pki(c->env->ctx));
    return CLI_OK;
}
