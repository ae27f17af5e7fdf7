#include "control/config/cfg_cmds.h"

#include "control/config/cfg_key.h"
#include "control/config/cfg_parser.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct cfg_trustpoint *cur(struct cfg_parser *p)
{
    return &p->c->trustpoints[p->trustpoint];
}

static void open_trustpoint(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->trustpoint_count && strcmp(c->trustpoints[i].name, a->text) != 0)
        i++;
    if (m->form != CFG_SET) {
        if (i == c->trustpoint_count)
            return;
        cfg_trustpoint_clear(&c->trustpoints[i]);
        cfg_remove(&c->trustpoints, &c->trustpoint_count, sizeof *c->trustpoints, i);
        return;
    }
    p->trustpoint = i;
    if (i < c->trustpoint_count)
        return;
    p->trustpoint = cfg_append(p, &c->trustpoints, &c->trustpoint_count, sizeof *c->trustpoints);
    if (p->trustpoint == UINT_MAX)
        return;
    cur(p)->line = p->line;
    cur(p)->retry_count = CFG_RETRY_COUNT_DEFAULT;
    cur(p)->retry_period_min = CFG_RETRY_PERIOD_DEFAULT;
    cur(p)->auto_enroll_percent = 100;
    (void)cfg_copy(p, cur(p)->name, sizeof cur(p)->name, a);
}

static unsigned number_or(const struct cfg_match *m, unsigned n, unsigned otherwise)
{
    const struct cfg_arg *a = m->form == CFG_SET ? cfg_match_arg(m, CFG_ARG_NUMBER, n) : NULL;
    return a ? (unsigned)a->number : otherwise;
}

/* ---- how certificates are had ------------------------------------------------------------------------------------ */
/* http://HOST..., the only transport of SCEP and CRLs that IKE's peers need; file: and ldap: of a router are written back, and lint. */
static bool url_ok(struct cfg_parser *p, const struct cfg_arg *a)
{
    if (strstr(a->text, "://") || strchr(a->text, ':'))
        return true;
    cfg_error(p, a->column, "as in: http://192.0.2.1:80", "no URL");
    return false;
}

static void take_url(struct cfg_parser *p, const struct cfg_match *m, char out[CFG_URL_MAX])
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    memset(out, 0, CFG_URL_MAX);
    if (m->form == CFG_SET && url_ok(p, a))
        (void)cfg_copy(p, out, CFG_URL_MAX, a);
}

static enum cfg_enrollment enrollment_of(const struct cfg_match *m)
{
    return cfg_match_has(m, "url")          ? CFG_ENROLL_URL
           : cfg_match_has(m, "terminal")   ? CFG_ENROLL_TERMINAL
           : cfg_match_has(m, "selfsigned") ? CFG_ENROLL_SELFSIGNED
           : cfg_match_has(m, "pkcs12")     ? CFG_ENROLL_PKCS12
                                            : CFG_ENROLL_PROFILE;
}

static void set_enrollment(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    memset(t->url, 0, sizeof t->url);
    memset(t->profile, 0, sizeof t->profile);
    t->pem = false;
    t->enrollment = CFG_ENROLL_NONE;
    t->enrollment_line = p->line;
    if (m->form != CFG_SET)
        return;
    t->enrollment = enrollment_of(m);
    t->pem = cfg_match_has(m, "pem");
    if (t->enrollment == CFG_ENROLL_URL)
        take_url(p, m, t->url);
    else if (t->enrollment == CFG_ENROLL_PROFILE)
        cfg_take_text(p, m, t->profile, sizeof t->profile);
}

static void set_mode(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->ra = m->form == CFG_SET;
}

static void set_proxy(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->proxy_host, sizeof cur(p)->proxy_host);
    cur(p)->proxy_port = number_or(m, 0, 0);
}

static void set_retry(struct cfg_parser *p, const struct cfg_match *m)
{
    if (cfg_match_has(m, "count"))
        cur(p)->retry_count = number_or(m, 0, CFG_RETRY_COUNT_DEFAULT);
    else
        cur(p)->retry_period_min = number_or(m, 0, CFG_RETRY_PERIOD_DEFAULT);
}

static void set_auto_enroll(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->auto_enroll = m->form == CFG_SET;
    cur(p)->auto_enroll_percent = number_or(m, 0, 100);
    cur(p)->regenerate = m->form == CFG_SET && cfg_match_has(m, "regenerate");
}

/* ---- what is asked for ---------------------------------------------------------------------------------------------- */
static void set_fqdn(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->fqdn, sizeof cur(p)->fqdn);
}

static void set_ip_address(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    const struct cfg_arg *addr = cfg_match_arg(m, CFG_ARG_ADDR, 0), *ifc = cfg_match_arg(m, CFG_ARG_IF, 0);
    memset(t->ip_address, 0, sizeof t->ip_address);
    t->ip_address_line = p->line;
    if (m->form != CFG_SET)
        return;
    if (addr)
        (void)cfg_copy(p, t->ip_address, sizeof t->ip_address, addr);
    else if (ifc)
        snprintf(t->ip_address, sizeof t->ip_address, "%s", ifc->name);
    else
        snprintf(t->ip_address, sizeof t->ip_address, "none");
}

static void set_subject(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->subject_name, sizeof cur(p)->subject_name);
    cur(p)->subject_line = p->line;
}

static void set_serial(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->serial_none = m->form == CFG_SET && cfg_match_has(m, "none");
    cur(p)->serial_number = m->form == CFG_SET && !cur(p)->serial_none;
}

static void set_password(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    t->password_7 = m->form == CFG_SET && cfg_match_has(m, "7");
    if (!t->password_7) {
        cfg_key_take(p, m, &t->password);
        return;
    }
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    secret_free(&t->password);
    if (secret_copy(&t->password, a->text, strlen(a->text)) != CV_OK)
        p->out_of_memory = true;
}

static void set_keypair(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    cfg_take_text(p, m, t->key_label, sizeof t->key_label);
    t->key_ec = m->form == CFG_SET && cfg_match_has(m, "eckeypair");
    t->key_bits = number_or(m, 0, 0);
    t->key_bits_encryption = number_or(m, 1, 0);
    t->key_line = p->line;
}

static void set_hash(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->hash_line = p->line;
    cur(p)->hash = m->form != CFG_SET           ? (enum cfg_hash)0
                   : cfg_match_has(m, "md5")    ? CFG_HASH_MD5
                   : cfg_match_has(m, "sha1")   ? CFG_HASH_SHA1
                   : cfg_match_has(m, "sha256") ? CFG_HASH_SHA256
                   : cfg_match_has(m, "sha384") ? CFG_HASH_SHA384
                                                : CFG_HASH_SHA512;
}

/* ---- validation ------------------------------------------------------------------------------------------------------ */
static void set_revocation(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    const struct cfg_arg *a;
    t->revocation_count = 0;
    for (unsigned i = 0; m->form == CFG_SET && (a = cfg_match_arg(m, CFG_ARG_CHOICE, i)) != NULL; i++) {
        enum cfg_revocation x = strcmp(a->name, "crl") == 0    ? CFG_REVOCATION_CRL
                                : strcmp(a->name, "ocsp") == 0 ? CFG_REVOCATION_OCSP
                                                               : CFG_REVOCATION_NONE;
        bool repeated = t->revocation_count == sizeof t->revocation / sizeof t->revocation[0];
        for (unsigned k = 0; k < t->revocation_count; k++)
            repeated = repeated || t->revocation[k] == x;
        if (repeated) {
            cfg_error(p, a->column, "each method once, and none last", "\"%s\" stands there twice", a->name);
            return;
        }
        if (t->revocation_count > 0 && t->revocation[t->revocation_count - 1] == CFG_REVOCATION_NONE) {
            cfg_error(p, a->column, "each method once, and none last", "no method is tried after none");
            return;
        }
        t->revocation[t->revocation_count++] = x;
    }
}

static void set_chain_validation(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    t->chain_set = m->form == CFG_SET;
    t->chain_continue = m->form == CFG_SET && cfg_match_has(m, "continue");
    t->chain_line = p->line;
    cfg_take_text(p, m, t->chain_parent, sizeof t->chain_parent);
}

static void set_crl(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    if (cfg_match_has(m, "query"))
        take_url(p, m, t->crl_url);
    else if (cfg_match_has(m, "delete-after"))
        t->crl_delete_after_min = number_or(m, 0, 0);
    else if (cfg_match_has(m, "extend"))
        t->crl_extend_min = number_or(m, 0, 0);
    else if (cfg_match_has(m, "none"))
        t->crl_cache_none = m->form == CFG_SET;
    else
        t->crl_optional = m->form == CFG_SET;
}

static void set_ocsp(struct cfg_parser *p, const struct cfg_match *m)
{
    if (cfg_match_has(m, "disable-nonce"))
        cur(p)->ocsp_no_nonce = m->form == CFG_SET;
    else
        take_url(p, m, cur(p)->ocsp_url);
}

static struct cfg_trust_match *match_of(struct cfg_parser *p, const struct cfg_arg *map, bool make)
{
    struct cfg_trustpoint *t = cur(p);
    unsigned i = 0, max = sizeof t->match / sizeof t->match[0];
    while (i < t->match_count && strcmp(t->match[i].map, map->text) != 0)
        i++;
    if (i < t->match_count)
        return &t->match[i];
    if (!make)
        return NULL;
    if (i == max) {
        cfg_error(p, map->column, "", "more than %u certificate maps in a trust-point", max);
        return NULL;
    }
    memset(&t->match[i], 0, sizeof t->match[i]);
    t->match[i].line = p->line;
    if (!cfg_copy(p, t->match[i].map, sizeof t->match[i].map, map))
        return NULL;
    t->match_count++;
    return &t->match[i];
}

static void drop_match(struct cfg_trustpoint *t, const struct cfg_trust_match *x)
{
    if (!x)
        return;
    unsigned i = (unsigned)(x - t->match);
    memmove(&t->match[i], &t->match[i + 1], (t->match_count - i - 1) * sizeof t->match[0]);
    t->match_count--;
}

static void match_certificate(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *map = cfg_match_arg(m, CFG_ARG_WORD, 0);
    const struct cfg_arg *url = cfg_match_arg(m, CFG_ARG_WORD, 1);
    if (!map)
        return;
    struct cfg_trust_match *x = match_of(p, map, m->form == CFG_SET);
    if (m->form != CFG_SET) {
        drop_match(cur(p), x);
        return;
    }
    if (!x)
        return;
    x->allow_expired = x->allow_expired || cfg_match_has(m, "expired-certificate");
    x->skip_revocation = x->skip_revocation || cfg_match_has(m, "revocation-check");
    x->skip_authorization = x->skip_authorization || cfg_match_has(m, "authorization-check");
    if (!url || !url_ok(p, url))
        return;
    if (cfg_match_has(m, "cdp")) {
        (void)cfg_copy(p, x->cdp_url, sizeof x->cdp_url, url);
        return;
    }
    x->ocsp_order = number_or(m, 0, 0);
    (void)cfg_copy(p, x->ocsp_url, sizeof x->ocsp_url, url);
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Hexadecimal; blanks, colons and dashes between the digits are passed over, as routers and browsers print it in either way. */
static void set_fingerprint(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_LINE, 0);
    unsigned digits = 0;
    memset(t->fingerprint, 0, sizeof t->fingerprint);
    t->fingerprint_len = 0;
    if (m->form != CFG_SET)
        return;
    for (const char *s = a->text; *s; s++) {
        if (strchr(" \t:-", *s))
            continue;
        if (!isxdigit((unsigned char)*s) || digits / 2 == sizeof t->fingerprint) {
            digits = 1;
            break;
        }
        uint8_t *octet = &t->fingerprint[digits / 2];
        *octet = (uint8_t)(*octet << 4 | hex_digit(*s));
        digits++;
    }
    if (digits == 32 || digits == 40 || digits == 64)
        t->fingerprint_len = digits / 2;
    else
        cfg_error(p, a->column, "32 (MD5), 40 (SHA-1) or 64 (SHA-256) hexadecimal digits", "no fingerprint");
}

/* ---- the rest -------------------------------------------------------------------------------------------------------- */
static void set_usage(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_trustpoint *t = cur(p);
    t->usage_ike = m->form == CFG_SET && cfg_match_has(m, "ike");
    t->usage_ssl_client = m->form == CFG_SET && cfg_match_has(m, "ssl-client");
    t->usage_ssl_server = m->form == CFG_SET && cfg_match_has(m, "ssl-server");
}

static void set_vrf(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->vrf, sizeof cur(p)->vrf);
    cur(p)->vrf_line = m->form == CFG_SET ? p->line : 0;
}

static void set_source(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_IF, 0);
    memset(cur(p)->source_interface, 0, sizeof cur(p)->source_interface);
    if (m->form == CFG_SET)
        memcpy(cur(p)->source_interface, a->name, sizeof a->name);
    cur(p)->source_line = p->line;
}

/* One trust-point is the primary one: the last that says so. */
static void set_primary(struct cfg_parser *p, const struct cfg_match *m)
{
    for (unsigned i = 0; m->form == CFG_SET && i < p->c->trustpoint_count; i++)
        p->c->trustpoints[i].primary = false;
    cur(p)->primary = m->form == CFG_SET;
}

static void set_storage(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->storage, sizeof cur(p)->storage);
}

#define NO_AAA "leave it out: there is no AAA"

static const struct cfg_cmd trustpoint_rows[] = {
    {"enrollment ~url <WORD> [pem]", set_enrollment, 0, NULL, false},
    {"enrollment terminal [pem]", set_enrollment, 0, NULL, false},
    {"enrollment selfsigned", set_enrollment, 0, NULL, false},
    {"enrollment pkcs12", set_enrollment, 0, NULL, false},
    {"enrollment profile <WORD>", set_enrollment, 0, NULL, false},
    {"enrollment mode ra", set_mode, 0, NULL, false},
    {"enrollment http-proxy <WORD> <1-65535>", set_proxy, 0, NULL, false},
    {"enrollment retry count <1-100>", set_retry, 0, NULL, false},
    {"enrollment retry period <1-60>", set_retry, 0, NULL, false},
    {"auto-enroll [regenerate]", set_auto_enroll, 0, NULL, false},
    {"auto-enroll <1-100> [regenerate]", set_auto_enroll, 0, NULL, false},
    {"serial-number [none]", set_serial, 0, NULL, false},
    {"fqdn <WORD>", set_fqdn, 0, NULL, false},
    {"ip-address none", set_ip_address, 0, NULL, false},
    {"ip-address <ADDR>", set_ip_address, 0, NULL, false},
    {"ip-address <IF>", set_ip_address, 0, NULL, false},
    {"subject-name <LINE>", set_subject, 0, NULL, false},
    {"rsakeypair <WORD> [<360-8192>] [<360-8192>]", set_keypair, 0, NULL, false},
    {"eckeypair <WORD>", set_keypair, 0, NULL, false},
    {"password <KEY>", set_password, 0, NULL, false},
    {"password <0|6|hex> <KEY>", set_password, 0, NULL, false},
    {"password 7 <KEY>", set_password, 0, NULL, false},
    {"revocation-check <crl|ocsp|none>+", set_revocation, 0, NULL, false},
    {"hash <md5|sha1|sha256|sha384|sha512>", set_hash, 0, NULL, false},
    {"chain-validation stop", set_chain_validation, 0, NULL, false},
    {"chain-validation ~continue [<WORD>]", set_chain_validation, 0, NULL, false},
    {"crl query <WORD>", set_crl, 0, NULL, false},
    {"crl cache none", set_crl, 0, NULL, false},
    {"crl cache delete-after <1-43200>", set_crl, 0, NULL, false},
    {"crl cache extend <1-43200>", set_crl, 0, NULL, false},
    {"crl <optional|best-effort>", set_crl, 0, NULL, false},
    {"ocsp url <WORD>", set_ocsp, 0, NULL, false},
    {"ocsp disable-nonce", set_ocsp, 0, NULL, false},
    {"match certificate <WORD> allow expired-certificate", match_certificate, 0, NULL, false},
    {"match certificate <WORD> skip <revocation-check|authorization-check>", match_certificate, 0, NULL,
     false},
    {"match certificate <WORD> override cdp url <WORD>", match_certificate, 0, NULL, false},
    {"match certificate <WORD> override ocsp [<0-10000>] url <WORD>", match_certificate, 0, NULL, false},
    {"usage <ike|ssl-client|ssl-server>+", set_usage, 0, NULL, false},
    {"vrf <WORD>", set_vrf, 0, NULL, false},
    {"source interface <IF>", set_source, 0, NULL, false},
    {"primary", set_primary, 0, NULL, false},
    {"storage <LINE>", set_storage, 0, NULL, false},
    {"fingerprint <LINE>", set_fingerprint, 0, NULL, false},
    {"authorization <LINE>", NULL, 0, NO_AAA, true},
};
const struct cfg_cmd_table cfg_cmds_trustpoint = CFG_ROWS(trustpoint_rows);

#define A_COMMAND  "it is a command, no configuration: culvert crypto pki ..."
#define NO_PROFILE "use: enrollment url, or enrollment terminal"
#define A_KEY      "it is a command, no configuration: culvert crypto key ..."

static const struct cfg_cmd global_rows[] = {
    {"crypto <pki|ca> trustpoint <WORD>", open_trustpoint, CFG_MODE_TRUSTPOINT, NULL, false},
    {"crypto <pki|ca> profile enrollment <WORD>", NULL, CFG_MODE_GLOBAL, NO_PROFILE, false},
    {"crypto <pki|ca> crl cache size <0-131072>", NULL, 0, "leave it out: the cache grows as needed", true},
    {"crypto <pki|ca> token <LINE>", NULL, 0, "leave it out", true},
    {"crypto <pki|ca> certificate pool", NULL, 0, "leave it out", true},
    {"crypto <pki|ca> <LINE>", NULL, CFG_MODE_GLOBAL, A_COMMAND, false},
    {"crypto key pubkey-chain rsa", NULL, CFG_MODE_GLOBAL, "use certificates, or pre-shared keys", false},
    {"crypto key <LINE>", NULL, CFG_MODE_GLOBAL, A_KEY, false},
};
const struct cfg_cmd_table cfg_cmds_pki_global = CFG_ROWS(global_rows);
