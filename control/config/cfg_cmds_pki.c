#include "control/config/cfg_cmds.h"

#include "control/config/cfg_parser.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Certificates are not in this release. Their commands are read, so that a configuration that has them loads as far as it needs none. */

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
        if (i < c->trustpoint_count)
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
    (void)cfg_copy(p, cur(p)->name, sizeof cur(p)->name, a);
}

/* What stands behind the first word. */
static void take_rest(struct cfg_parser *p, const struct cfg_match *m, char *out, size_t room)
{
    const char *text = cfg_lex_rest(m->line, 1);
    memset(out, 0, room);
    if (m->form != CFG_SET)
        return;
    if (strlen(text) >= room)
        cfg_error(p, m->args[0].column, "", "longer than %zu octets", room - 1);
    else
        memcpy(out, text, strlen(text) + 1);
}

static void set_enrollment(struct cfg_parser *p, const struct cfg_match *m)
{
    take_rest(p, m, cur(p)->enrollment, sizeof cur(p)->enrollment);
}

static void set_fqdn(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->fqdn, sizeof cur(p)->fqdn);
}

static void set_ip_address(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->ip_address, sizeof cur(p)->ip_address);
}

static void set_subject(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->subject_name, sizeof cur(p)->subject_name);
}

static void set_keypair(struct cfg_parser *p, const struct cfg_match *m)
{
    take_rest(p, m, cur(p)->rsakeypair, sizeof cur(p)->rsakeypair);
}

static void set_serial(struct cfg_parser *p, const struct cfg_match *m)
{
    cur(p)->serial_number = m->form == CFG_SET && !cfg_match_has(m, "none");
}

static void set_revocation(struct cfg_parser *p, const struct cfg_match *m)
{
    char *out = cur(p)->revocation;
    size_t room = sizeof cur(p)->revocation;
    const struct cfg_arg *a;
    memset(out, 0, room);
    for (unsigned i = 0; m->form == CFG_SET && (a = cfg_match_arg(m, CFG_ARG_CHOICE, i)) != NULL; i++)
        snprintf(out + strlen(out), room - strlen(out), "%s%s", i ? " " : "", a->name);
}

static void set_vrf(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->vrf, sizeof cur(p)->vrf);
    cur(p)->vrf_line = m->form == CFG_SET ? p->line : 0;
}

static void pass_over(struct cfg_parser *p, const struct cfg_match *m)
{
    (void)p;
    (void)m;
}

static const struct cfg_cmd trustpoint_rows[] = {
    {"enrollment url <LINE>", set_enrollment, 0, NULL, false},
    {"enrollment terminal [pem]", set_enrollment, 0, NULL, false},
    {"enrollment selfsigned", set_enrollment, 0, NULL, false},
    {"enrollment pkcs12", set_enrollment, 0, NULL, false},
    {"enrollment profile <WORD>", set_enrollment, 0, NULL, false},
    {"serial-number [none]", set_serial, 0, NULL, false},
    {"fqdn <WORD>", set_fqdn, 0, NULL, false},
    {"ip-address <WORD>", set_ip_address, 0, NULL, false},
    {"subject-name <LINE>", set_subject, 0, NULL, false},
    {"rsakeypair <LINE>", set_keypair, 0, NULL, false},
    {"revocation-check <crl|ocsp|none>+", set_revocation, 0, NULL, false},
    {"vrf <WORD>", set_vrf, 0, NULL, false},
    {"enrollment mode ra", pass_over, 0, NULL, false},
    {"enrollment http-proxy <LINE>", pass_over, 0, NULL, false},
    {"enrollment retry <count|period> <1-100>", pass_over, 0, NULL, false},
    {"auto-enroll [<LINE>]", pass_over, 0, NULL, false},
    {"password <KEY>", pass_over, 0, NULL, false},
    {"password <0-9> <KEY>", pass_over, 0, NULL, false},
    {"eckeypair <LINE>", pass_over, 0, NULL, false},
    {"hash <md5|sha1|sha256|sha384|sha512>", pass_over, 0, NULL, false},
    {"chain-validation <LINE>", pass_over, 0, NULL, false},
    {"crl <LINE>", pass_over, 0, NULL, false},
    {"ocsp <LINE>", pass_over, 0, NULL, false},
    {"match certificate <LINE>", pass_over, 0, NULL, false},
    {"usage <LINE>", pass_over, 0, NULL, false},
    {"source interface <IF>", pass_over, 0, NULL, false},
    {"primary", pass_over, 0, NULL, false},
    {"storage <LINE>", pass_over, 0, NULL, false},
    {"fingerprint <LINE>", pass_over, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_trustpoint = CFG_ROWS(trustpoint_rows);

/* ---- crypto pki certificate chain -------------------------------------------------------------------------------- */
static void open_chain(struct cfg_parser *p, const struct cfg_match *m)
{
    if (m->form == CFG_SET)
        cfg_warn(p, m->args[0].column, "unsupported", "certificates are not in this release",
                 "the certificates of trust-point %.60s are passed over",
                 cfg_match_arg(m, CFG_ARG_WORD, 0)->text);
}

/* certificate [ca | self-signed] SERIAL [FILE]: without a file, hexadecimal follows up to `quit`. */
static void certificate(struct cfg_parser *p, const struct cfg_match *m)
{
    const char *last = m->line->tokens[m->line->count - 1].text;
    p->certificate = m->form == CFG_SET && !strchr(last, ':');
    p->body_line = p->line;
}

static const struct cfg_cmd chain_rows[] = {
    {"certificate <WORD> [<WORD>]", certificate, 0, NULL, false},
    {"certificate <ca|self-signed> <WORD> [<WORD>]", certificate, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_certificate_chain = CFG_ROWS(chain_rows);

#define NO_PKI "use pre-shared keys: crypto keyring, or crypto ikev2 keyring"

static const struct cfg_cmd global_rows[] = {
    {"crypto <pki|ca> trustpoint <WORD>", open_trustpoint, CFG_MODE_TRUSTPOINT, NULL, false},
    {"crypto <pki|ca> certificate chain <WORD>", open_chain, CFG_MODE_CERTIFICATE_CHAIN, NULL, false},
    {"crypto <pki|ca> <LINE>", NULL, CFG_MODE_GLOBAL, NO_PKI, false},
    {"crypto key <LINE>", NULL, CFG_MODE_GLOBAL, NO_PKI, false},
};
const struct cfg_cmd_table cfg_cmds_pki_global = CFG_ROWS(global_rows);
