#include "control/cli/cli_pki_file.h"

#include "control/cli/cli_pki.h"
#include "control/cli/cli_server.h"
#include "control/pki/pki_enrol.h"

#include "common/secret.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_format(const struct cli_call *c, const char *word)
{
    return strncasecmp(c->cmd.args[1], word, strlen(c->cmd.args[1])) == 0;
}

static struct pki_enrol *enrol(const struct cli_call *c)
{
    return c->env->enrol(c->env->ctx);
}

static int usage(struct cli_call *c, const char *expected)
{
    cli_error(c, "'%.40s' is no format; expected %s", c->cmd.args[1], expected);
    return CLI_USAGE;
}

static bool known(struct cli_call *c)
{
    if (c->env->enrol && enrol(c) && pki_enrol_conf(enrol(c), c->cmd.args[0]))
        return true;
    cli_error(c, "there is no trust-point %s in the configuration; add it: crypto pki trustpoint %s",
              c->cmd.args[0], c->cmd.args[0]);
    return false;
}

/* ---- import ------------------------------------------------------------------------------------------------------------------ */
/* PKCS #12 in Base64, as it is pasted, or as it is. */
static cv_result import_pkcs12(struct cli_call *c, struct slice octets, const struct secret *password,
                               char err[PKI_TEXT_MAX])
{
    bool exportable = cli_opt(&c->cmd, "exportable") != NULL;
    if (octets.n > 0 && octets.p[0] == 0x30 && octets.n > 1 && octets.p[1] >= 0x80)
        return pki_enrol_import_pkcs12(enrol(c), c->cmd.args[0], octets, password, exportable, err);
    char *text = calloc(1, octets.n + 1);
    uint8_t *der = NULL;
    size_t n = 0;
    cv_result r = CV_EPARSE;
    memcpy(err, "this is no PKCS #12", sizeof "this is no PKCS #12");
    if (text && octets.n > 0) {
        memcpy(text, octets.p, octets.n);
        if (cli_base64_read(text, &der, &n))
            r = pki_enrol_import_pkcs12(enrol(c), c->cmd.args[0], (struct slice){der, n}, password,
                                        exportable, err);
        secret_wipe(text, octets.n);
    }
    if (der)
        secret_wipe(der, n);
    free(der);
    free(text);
    return r;
}

static int on_input(struct cli_call *c, struct slice octets, bool given)
{
    static const struct secret none = {NULL, 0};
    const char *name = c->cmd.args[0];
    const struct secret *password = c->pending ? c->pending : &none;
    char err[PKI_TEXT_MAX] = "nothing was given";
    struct pki_enrol_view v;
    cv_result r = CV_EPARSE;
    if (given && is_format(c, "certificate"))
        r = pki_enrol_import_cert(enrol(c), name, octets, err);
    else if (given && is_format(c, "pem"))
        r = pki_enrol_import_pem(enrol(c), name, octets, password, cli_opt(&c->cmd, "exportable") != NULL,
                                 err);
    else if (given)
        r = import_pkcs12(c, octets, password, err);
    if (r != CV_OK)
        return cli_pki_done(c, name, false, err);
    return cli_pki_done(c, name, true, pki_enrol_view(enrol(c), name, &v) ? v.text : "");
}

static int ask_input(struct cli_call *c)
{
    return cli_server_ask(
        c, CLI_QUESTION_INPUT,
        is_format(c, "certificate") ? "Enter the base 64 encoded certificate.\n"
                                      "End with the word \"quit\" on a line by itself\n"
        : is_format(c, "pem")
            ? "Enter the private key, its certificate and the CA certificates, all in PEM.\n"
              "End with the word \"quit\" on a line by itself\n"
            : "Enter the base 64 encoded PKCS #12.\nEnd with the word \"quit\" on a line by itself\n",
        on_input);
}

static int on_password(struct cli_call *c, struct slice octets, bool given)
{
    if (!given)
        return cli_pki_done(c, c->cmd.args[0], false, "no password was given");
    return cli_keep_password(c, octets.p, octets.n) ? ask_input(c) : CLI_NOT_SO;
}

int cli_pki_import(struct cli_call *c)
{
    bool certificate = is_format(c, "certificate"), pem = is_format(c, "pem"), p12 = is_format(c, "pkcs12");
    if (certificate + pem + p12 != 1)
        return usage(c, "certificate, pem, pkcs12");
    if (!known(c))
        return CLI_USAGE;
    if (certificate)
        return ask_input(c);
    if (c->cmd.arg_count > 2)
        return cli_keep_password(c, c->cmd.args[2], strlen(c->cmd.args[2])) ? ask_input(c) : CLI_NOT_SO;
    return cli_server_ask(c, CLI_QUESTION_SECRET,
                          "Password of the private key (empty: it is not encrypted): ", on_password);
}

/* ---- export ------------------------------------------------------------------------------------------------------------------ */
static int print_wrapped(struct cli_call *c, const uint8_t *der, size_t n)
{
    char *text = cli_base64(der, n);
    if (!text)
        return CLI_NOT_SO;
    for (size_t i = 0, len = strlen(text); i < len; i += 64)
        cli_print(c, "%.64s\n", text + i);
    secret_wipe(text, strlen(text));
    free(text);
    return CLI_OK;
}

static int export_now(struct cli_call *c, const struct secret *password)
{
    const char *name = c->cmd.args[0];
    char err[PKI_TEXT_MAX] = "", *pem = NULL;
    uint8_t *der = NULL;
    size_t n = 0;
    if (is_format(c, "pkcs12")) {
        if (pki_enrol_export_pkcs12(enrol(c), name, password, &der, &n, err) != CV_OK)
            return cli_pki_done(c, name, false, err);
        int status = print_wrapped(c, der, n);
        secret_wipe(der, n);
        free(der);
        return status;
    }
    if (pki_enrol_export_pem(enrol(c), name, password, &pem, err) != CV_OK)
        return cli_pki_done(c, name, false, err);
    cli_print(c, "%s", pem);
    secret_wipe(pem, strlen(pem));
    free(pem);
    return CLI_OK;
}

static int on_export_password(struct cli_call *c, struct slice octets, bool given)
{
    if (!given)
        return cli_pki_done(c, c->cmd.args[0], false, "no password was given");
    return cli_keep_password(c, octets.p, octets.n) ? export_now(c, c->pending) : CLI_NOT_SO;
}

/* PEM without a password is certificates alone; PKCS #12 always holds the key. */
int cli_pki_export(struct cli_call *c)
{
    if (is_format(c, "pem") + is_format(c, "pkcs12") != 1)
        return usage(c, "pem, pkcs12");
    if (!known(c))
        return CLI_USAGE;
    if (c->cmd.arg_count > 2)
        return cli_keep_password(c, c->cmd.args[2], strlen(c->cmd.args[2])) ? export_now(c, c->pending)
                                                                            : CLI_NOT_SO;
    if (is_format(c, "pkcs12") || cli_opt(&c->cmd, "key"))
        return cli_server_ask(c, CLI_QUESTION_SECRET,
                              "Password to encrypt the private key with: ", on_export_password);
    return export_now(c, NULL);
}
