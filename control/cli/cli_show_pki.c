#include "control/cli/cli_show_pki.h"

#include "control/cli/cli_pki.h"
#include "control/cli/cli_text.h"
#include "control/pki/pki_enrol.h"
#include "control/pki/pki_expiry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct pki *pki(const struct cli_call *c)
{
    return c->env->pki ? c->env->pki(c->env->ctx) : NULL;
}

/* "13:25:01 UTC Jun 17 2013" */
static const char *when(int64_t t, char out[40])
{
    time_t at = (time_t)t;
    struct tm tm;
    if (!gmtime_r(&at, &tm) || strftime(out, 40, "%H:%M:%S UTC %b %e %Y", &tm) == 0)
        snprintf(out, 40, "-");
    return out;
}

/* ---- one certificate ----------------------------------------------------------------------------------------------------- */
/* A DN with a line for each RDN. */
static void put_dn(struct cli_call *c, const char *dn)
{
    const char *at = dn;
    for (const char *s = dn;; s++) {
        if (*s == '\\' && s[1]) {
            s++;
            continue;
        }
        if (*s && *s != ',')
            continue;
        cli_print(c, "    %.*s\n", (int)(s - at), at);
        if (!*s)
            return;
        at = s + 1;
    }
}

static const char *alt(const struct pki_cert *x, const char *wanted)
{
    const char *kind, *text;
    for (unsigned i = 0; (text = pki_cert_alt_name(x, i, &kind)) != NULL; i++)
        if (strcmp(kind, wanted) == 0)
            return text;
    return NULL;
}

static void put_names(struct cli_call *c, const struct pki_cert *x)
{
    const char *name = alt(x, "dns"), *ip = alt(x, "ip");
    const char *serial = strstr(pki_cert_subject_text(x), "serialNumber=");
    if (name)
        cli_print(c, "    Name: %s\n", name);
    if (ip)
        cli_print(c, "    IP Address: %s\n", ip);
    if (serial) {
        serial += strlen("serialNumber=");
        cli_print(c, "    Serial Number: %.*s\n", (int)strcspn(serial, "+,"), serial);
    }
}

/* The trust-points that have it as their own (own), or as their CA's. */
static bool has(const struct pki_trustpoint *t, const struct pki_cert *x, bool own)
{
    const struct pki_cert *mine = own ? t->own : t->ca;
    return mine && pki_cert_equal(mine, x);
}

static void put_verbose(struct cli_call *c, const struct pki_cert *x)
{
    char print[96];
    const char *text, *kind;
    const struct cr_key *k = pki_cert_key(x);
    cli_print(
        c, "  Subject Key Info:\n    Public Key Algorithm: %s\n    Key: %u bit\n  Signature Algorithm: %s\n",
        cr_key_kind_text(cr_key_kind(k)), cr_key_bits(k), pki_cert_signature_text(x));
    pki_fingerprint_text(x, 16, print);
    cli_print(c, "  Fingerprint MD5: %s\n", print);
    pki_fingerprint_text(x, 20, print);
    cli_print(c, "  Fingerprint SHA1: %s\n", print);
    pki_fingerprint_text(x, 32, print);
    cli_print(c, "  Fingerprint SHA256: %s\n  X509v3 extensions:\n    CA: %s\n", print,
              pki_cert_is_ca(x) ? "TRUE" : "FALSE");
    for (unsigned i = 0; (text = pki_cert_usage(x, i)) != NULL; i++)
        cli_print(c, "    Usage: %s\n", text);
    for (unsigned i = 0; (text = pki_cert_alt_name(x, i, &kind)) != NULL; i++)
        cli_print(c, "    Alternative name: %s %s\n", kind, text);
    for (unsigned i = 0; (text = pki_cert_ocsp_url(x, i)) != NULL; i++)
        cli_print(c, "    OCSP: %s\n", text);
}

static const char *status_of(const struct cli_call *c, const struct pki_cert *x)
{
    int64_t now = (int64_t)(cli_wall_ms(c) / 1000);
    return now < pki_cert_not_before(x)  ? "Not yet valid"
           : now > pki_cert_not_after(x) ? "Expired"
                                         : "Available";
}

static void put_certificate(struct cli_call *c, const struct pki_trustpoint *const *all, unsigned n,
                            const struct pki_cert *x, bool own)
{
    char from[40], until[40];
    const char *url;
    cli_print(c, "%sCertificate\n  Status: %s\n", own ? "" : "CA ", status_of(c, x));
    cli_print(c, "  Certificate Serial Number (hex): %s\n  Certificate Usage: %s\n  Issuer:\n",
              pki_cert_serial(x), own ? "General Purpose" : "Signature");
    put_dn(c, pki_cert_issuer_text(x));
    cli_print(c, "  Subject:\n");
    put_names(c, x);
    put_dn(c, pki_cert_subject_text(x));
    for (unsigned i = 0; (url = pki_cert_crl_url(x, i)) != NULL; i++)
        cli_print(c, "%s    %s\n", i == 0 ? "  CRL Distribution Points:\n" : "", url);
    cli_print(c, "  Validity Date:\n    start date: %s\n    end   date: %s\n",
              when(pki_cert_not_before(x), from), when(pki_cert_not_after(x), until));
    if (cli_opt(&c->cmd, "verbose"))
        put_verbose(c, x);
    cli_print(c, "  Associated Trustpoints:");
    for (unsigned i = 0; i < n; i++)
        if (has(all[i], x, own))
            cli_print(c, " %s", all[i]->name);
    cli_print(c, "\n\n");
}

static json_t *strings(const struct pki_cert *x, const char *(*item)(const struct pki_cert *, unsigned))
{
    json_t *a = json_array();
    const char *text;
    for (unsigned i = 0; (text = item(x, i)) != NULL; i++)
        json_array_append_new(a, json_string(text));
    return a;
}

static json_t *certificate_json(struct cli_call *c, const struct pki_trustpoint *const *all, unsigned n,
                                const struct pki_cert *x, bool own)
{
    char from[CLI_TEXT_MAX], until[CLI_TEXT_MAX], print[96], flat[80];
    const char *text, *kind;
    json_t *points = json_array(), *names = json_array();
    uint64_t seq = 0;
    for (unsigned i = 0; i < n; i++)
        if (has(all[i], x, own)) {
            json_array_append_new(points, json_string(all[i]->name));
            seq = own ? all[i]->own_seq : all[i]->ca_seq;
        }
    for (unsigned i = 0; (text = pki_cert_alt_name(x, i, &kind)) != NULL; i++)
        json_array_append_new(names, json_pack("{s:s, s:s}", "kind", kind, "name", text));
    pki_fingerprint_text(x, 32, print);
    size_t at = 0;
    for (const char *s = print; *s; s++)
        if (*s != ' ')
            flat[at++] = *s;
    flat[at] = '\0';
    json_t *j = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:i, s:s, s:s, s:I}", "kind",
        own ? "own" : "ca", "status", status_of(c, x), "serial", pki_cert_serial(x), "issuer",
        pki_cert_issuer_text(x), "subject", pki_cert_subject_text(x), "not_before",
        cli_time((uint64_t)pki_cert_not_before(x) * 1000u, from), "not_after",
        cli_time((uint64_t)pki_cert_not_after(x) * 1000u, until), "days_left",
        (json_int_t)pki_days_left(x, (int64_t)(cli_wall_ms(c) / 1000)), "trustpoints", points, "alt_names",
        names, "usage", strings(x, pki_cert_usage), "crl_urls", strings(x, pki_cert_crl_url), "ocsp_urls",
        strings(x, pki_cert_ocsp_url), "key_type", cr_key_kind_text(cr_key_kind(pki_cert_key(x))), "key_bits",
        (int)cr_key_bits(pki_cert_key(x)), "signature", pki_cert_signature_text(x), "sha256", flat,
        "sequence", (json_int_t)seq);
    return j;
}

/* ---- show crypto pki certificates ------------------------------------------------------------------------------------------ */
static bool asked_for(const struct cli_call *c, const struct pki_trustpoint *t)
{
    return c->cmd.arg_count == 0 || strcmp(c->cmd.args[0], t->name) == 0;
}

static bool named(struct cli_call *c, const struct pki_trustpoint *const *all, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (asked_for(c, all[i]))
            return true;
    if (c->cmd.arg_count == 0)
        return true;
    cli_error(c, "there is no trust-point %s in the configuration", c->cmd.args[0]);
    return false;
}

/* Listed before, as that of another trust-point. */
static bool seen(const struct cli_call *c, const struct pki_trustpoint *const *all, unsigned i, bool own)
{
    const struct pki_cert *x = own ? all[i]->own : all[i]->ca;
    for (unsigned k = 0; k < i; k++)
        if (asked_for(c, all[k]) && has(all[k], x, own))
            return true;
    return false;
}

/* CT-8: own certificates, the last installed first; then those of the CAs. */
int cli_show_pki_certificates(struct cli_call *c)
{
    const struct pki_trustpoint *all[PKI_TRUSTPOINTS_MAX];
    unsigned n = pki(c) ? pki_list(pki(c), all) : 0;
    json_t *list = c->json ? json_array() : NULL;
    if (!named(c, all, n)) {
        json_decref(list);
        return CLI_USAGE;
    }
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < n; i++) {
            const struct pki_cert *x = pass == 0 ? all[i]->own : all[i]->ca;
            if (!x || !asked_for(c, all[i]) || seen(c, all, i, pass == 0))
                continue;
            if (list)
                json_array_append_new(list, certificate_json(c, all, n, x, pass == 0));
            else
                put_certificate(c, all, n, x, pass == 0);
        }
    if (list)
        cli_json(c, json_pack("{s:o}", "certificates", list));
    return CLI_OK;
}

/* ---- show crypto pki trustpoints ---------------------------------------------------------------------------------------------- */
static void put_short(struct cli_call *c, const struct pki_trustpoint *t)
{
    cli_print(c, "Trustpoint %s:\n", t->name);
    if (t->ca) {
        cli_print(c, "    Subject Name:\n");
        put_dn(c, pki_cert_subject_text(t->ca));
        cli_print(c, "          Serial Number (hex): %s\n    Certificate configured.\n",
                  pki_cert_serial(t->ca));
    }
    cli_print(c, "\n");
}

static void put_status(struct cli_call *c, const struct pki_trustpoint *t, const struct pki_enrol_view *v)
{
    char print[96], at[40];
    cli_print(c, "Trustpoint %s:\n", t->name);
    if (t->ca) {
        pki_fingerprint_text(t->ca, 20, print);
        cli_print(
            c, "  Issuing CA certificate configured:\n    Subject Name:\n     %s\n    Fingerprint SHA1: %s\n",
            pki_cert_subject_text(t->ca), print);
    }
    if (t->own) {
        pki_fingerprint_text(t->own, 20, print);
        cli_print(c,
                  "  Router General Purpose certificate configured:\n    Subject Name:\n     %s\n    "
                  "Fingerprint SHA1: %s\n",
                  pki_cert_subject_text(t->own), print);
    }
    cli_print(c, "  Last enrollment status: %s%s%s\n", pki_enrol_state_text(v->state), v->text[0] ? ": " : "",
              v->text);
    if (v->next_s)
        cli_print(c, "  Next poll: %s\n", when(v->next_s, at));
    if (v->renew_s)
        cli_print(c, "  Renewal: %s\n", when(v->renew_s, at));
    cli_print(c,
              "  State:\n    Keys generated ............. %s\n    Issuing CA authenticated ....... %s\n"
              "    Certificate request(s) ..... %s\n\n",
              t->key ? "Yes (General Purpose)" : "No", t->ca ? "Yes" : "No",
              t->own                          ? "Yes"
              : v->state == PKI_ENROL_PENDING ? "Pending"
                                              : "None");
}

static json_t *trustpoint_json(const struct pki_trustpoint *t, const struct pki_enrol_view *v)
{
    char next[CLI_TEXT_MAX], renew[CLI_TEXT_MAX];
    return json_pack(
        "{s:s, s:s?, s:s?, s:s?, s:s?, s:b, s:b, s:s, s:s, s:i, s:o, s:o}", "name", t->name, "ca",
        t->ca ? pki_cert_subject_text(t->ca) : NULL, "ca_serial", t->ca ? pki_cert_serial(t->ca) : NULL,
        "certificate", t->own ? pki_cert_subject_text(t->own) : NULL, "certificate_serial",
        t->own ? pki_cert_serial(t->own) : NULL, "authenticated", t->ca != NULL, "enrolled", t->own != NULL,
        "status", pki_enrol_state_text(v->state), "text", v->text, "polls", (int)v->polls, "next_poll",
        v->next_s ? json_string(cli_time((uint64_t)v->next_s * 1000u, next)) : json_null(), "renewal",
        v->renew_s ? json_string(cli_time((uint64_t)v->renew_s * 1000u, renew)) : json_null());
}

int cli_show_pki_trustpoints(struct cli_call *c)
{
    const struct pki_trustpoint *all[PKI_TRUSTPOINTS_MAX];
    unsigned n = pki(c) ? pki_list(pki(c), all) : 0;
    json_t *list = c->json ? json_array() : NULL;
    if (!named(c, all, n)) {
        json_decref(list);
        return CLI_USAGE;
    }
    for (unsigned i = 0; i < n; i++) {
        struct pki_enrol_view v = {.state = PKI_ENROL_IDLE};
        if (!asked_for(c, all[i]))
            continue;
        if (c->env->enrol && c->env->enrol(c->env->ctx) &&
            !pki_enrol_view(c->env->enrol(c->env->ctx), all[i]->name, &v))
            v = (struct pki_enrol_view){.state = PKI_ENROL_IDLE};
        if (list)
            json_array_append_new(list, trustpoint_json(all[i], &v));
        else if (cli_opt(&c->cmd, "status"))
            put_status(c, all[i], &v);
        else
            put_short(c, all[i]);
    }
    if (list)
        cli_json(c, json_pack("{s:o}", "trustpoints", list));
    return CLI_OK;
}

/* ---- show crypto pki crls ----------------------------------------------------------------------------------------------------- */
int cli_show_pki_crls(struct cli_call *c)
{
    enum { CRLS = 64 };
    static struct pki_crl_info crls[CRLS];
    unsigned n = pki(c) ? pki_crls(pki(c), crls, CRLS) : 0;
    json_t *list = c->json ? json_array() : NULL;
    char a[CLI_TEXT_MAX], b[CLI_TEXT_MAX], d[CLI_TEXT_MAX];
    size_t octets = 0;
    for (unsigned i = 0; i < n && i < CRLS; i++) {
        const struct pki_crl_info *x = &crls[i];
        octets += x->size;
        if (list) {
            json_array_append_new(
                list,
                json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:i}", "issuer", x->issuer, "source", x->source,
                          "last_update", cli_time((uint64_t)x->this_update * 1000u, a), "next_update",
                          x->next_update ? json_string(cli_time((uint64_t)x->next_update * 1000u, b))
                                         : json_null(),
                          "downloaded", cli_time((uint64_t)x->fetched * 1000u, d), "octets",
                          (json_int_t)x->size, "revoked", (int)x->revoked_count));
            continue;
        }
        cli_print(c, "CRL Issuer Name:\n");
        put_dn(c, x->issuer);
        cli_print(c, "    LastUpdate: %s\n", when(x->this_update, a));
        cli_print(c, "    NextUpdate: %s\n", x->next_update ? when(x->next_update, b) : "none");
        cli_print(c, "    CRL downloaded at: %s\n    Retrieved from CRL Distribution Point:\n      %s\n",
                  when(x->fetched, d), x->source);
        cli_print(c, "    CRL DER is %zu bytes\n    Revoked certificates: %u\n\n", x->size, x->revoked_count);
    }
    if (list)
        cli_json(c, json_pack("{s:o, s:I}", "crls", list, "octets", (json_int_t)octets));
    else
        cli_print(c, "Parsed CRLs cached: %u\nTotal size of CRLs: %zu bytes\n", n, octets);
    return CLI_OK;
}
