#include "control/cli/cli_pki_key.h"

#include "control/cli/cli_pki.h"
#include "control/cli/cli_server.h"
#include "control/pki/pki_disk.h"
#include "control/pki/pki_enrol.h"

#include "common/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS_MAX = 256, RSA_BITS_DEFAULT = 2048 };

static int dir(const struct cli_call *c)
{
    return c->env->state_dir ? c->env->state_dir(c->env->ctx) : -1;
}

static int told(struct cli_call *c, const char *label, bool good, const char *text)
{
    if (c->json)
        cli_json(c, json_pack("{s:s, s:s, s:s}", "label", label, "outcome", good ? "done" : "failed", "text",
                              text));
    else if (good)
        cli_print(c, "%s: %s\n", label, text);
    else
        cli_error(c, "%s: %s", label, text);
    return good ? CLI_OK : CLI_NOT_SO;
}

/* A key without a label is the gateway's own, as on a router: its host name, with the domain. */
static void own_label(const struct cli_call *c, char out[PKI_NAME_MAX])
{
    const struct cfg *f = c->env->cfg(c->env->ctx);
    const char *host = f->hostname[0] ? f->hostname : "culvert";
    snprintf(out, PKI_NAME_MAX, "%.30s%s%.30s", host, f->domain_name[0] ? "." : "", f->domain_name);
}

static bool exists(const struct cli_call *c, const char *label)
{
    struct cr_key *k = NULL;
    cv_result r = pki_disk_key_load(dir(c), label, &k, NULL);
    cr_key_free(k);
    return r != CV_ENOENT;
}

/* ---- generate ---------------------------------------------------------------------------------------------------------------- */
int cli_key_generate(struct cli_call *c)
{
    char own[PKI_NAME_MAX], err[CLI_ERR_MAX], text[96];
    unsigned bits = 0;
    enum cr_key_kind kind = CR_KEY_RSA;
    const char *label = cli_opt(&c->cmd, "label");
    bool rsa = c->cmd.row->id == CLI_KEY_GENERATE_RSA;
    if (rsa ? !cli_opt_number(&c->cmd, "modulus", 360, CR_KEY_RSA_MAX_BITS, RSA_BITS_DEFAULT, &bits, err)
            : !cli_opt_number(&c->cmd, "keysize", 256, 521, 256, &bits, err)) {
        cli_error(c, "%s", err);
        return CLI_USAGE;
    }
    if (rsa && bits < CR_KEY_RSA_MIN_BITS) {
        cli_error(c, "%u bits are too few: 2048 to %d", bits, CR_KEY_RSA_MAX_BITS);
        return CLI_USAGE;
    }
    if (!rsa && bits != 256 && bits != 384 && bits != 521) {
        cli_error(c, "there is no curve of %u bits here: 256, 384 or 521", bits);
        return CLI_USAGE;
    }
    if (!rsa)
        kind = bits == 256 ? CR_KEY_P256 : bits == 384 ? CR_KEY_P384 : CR_KEY_P521;
    if (c->cmd.row->id == CLI_KEY_GENERATE_ED25519)
        kind = CR_KEY_ED25519;
    own_label(c, own);
    label = label ? label : own;
    if (exists(c, label) && !cli_opt(&c->cmd, "yes"))
        return told(c, label, false,
                    "there is a key of that label; zeroize it first, or say yes to replace it");
    struct cr_key *k = NULL;
    cv_result r = cr_key_generate(kind, bits, &k);
    if (r == CV_OK)
        r = pki_disk_key_save(dir(c), label, k, cli_opt(&c->cmd, "exportable") != NULL);
    snprintf(text, sizeof text, "%s key of %u bits%s", k ? cr_key_kind_text(kind) : "",
             k ? cr_key_bits(k) : 0, cli_opt(&c->cmd, "exportable") ? ", exportable" : "");
    cr_key_free(k);
    return told(c, label, r == CV_OK, r == CV_OK ? text : cv_result_text(r));
}

/* ---- import -------------------------------------------------------------------------------------------------------------------- */
static int on_key(struct cli_call *c, struct slice octets, bool given)
{
    const char *label = c->cmd.args[0];
    struct cr_key *k = NULL;
    bool rsa = c->cmd.row->id == CLI_KEY_IMPORT;
    cv_result r = given ? cr_key_private(octets, c->pending, &k) : CV_EPARSE;
    if (r != CV_OK)
        return told(c, label, false,
                    r == CV_EAUTH ? "the password is wrong"
                                  : "this is no private key, or one that is not accepted");
    if (rsa != (cr_key_kind(k) == CR_KEY_RSA)) {
        cr_key_free(k);
        return told(c, label, false, rsa ? "this is no RSA key" : "this is an RSA key");
    }
    r = pki_disk_key_save(dir(c), label, k, cli_opt(&c->cmd, "exportable") != NULL);
    cr_key_free(k);
    return told(c, label, r == CV_OK, r == CV_OK ? "the key is imported" : cv_result_text(r));
}

static int ask_key(struct cli_call *c)
{
    return cli_server_ask(c, CLI_QUESTION_INPUT,
                          "Enter the private key in PEM.\nEnd with the word \"quit\" on a line by itself\n",
                          on_key);
}

static int on_import_password(struct cli_call *c, struct slice octets, bool given)
{
    if (!given)
        return told(c, c->cmd.args[0], false, "no password was given");
    return cli_keep_password(c, octets.p, octets.n) ? ask_key(c) : CLI_NOT_SO;
}

int cli_key_import(struct cli_call *c)
{
    if (exists(c, c->cmd.args[0]) && !cli_opt(&c->cmd, "yes"))
        return told(c, c->cmd.args[0], false,
                    "there is a key of that label; zeroize it first, or say yes to replace it");
    if (c->cmd.arg_count > 1)
        return cli_keep_password(c, c->cmd.args[1], strlen(c->cmd.args[1])) ? ask_key(c) : CLI_NOT_SO;
    return cli_server_ask(c, CLI_QUESTION_SECRET,
                          "Password of the private key (empty: it is not encrypted): ", on_import_password);
}

/* ---- export -------------------------------------------------------------------------------------------------------------------- */
static int export_now(struct cli_call *c, const struct secret *password)
{
    const char *label = c->cmd.args[0];
    struct cr_key *k = NULL;
    struct secret der = {NULL, 0};
    bool exportable = false;
    if (password->n < 8)
        return told(c, label, false, "a password of 8 octets or more is needed to export a key");
    if (pki_disk_key_load(dir(c), label, &k, &exportable) != CV_OK)
        return told(c, label, false, "there is no key of that label");
    cv_result r = exportable ? cr_key_export(k, password, &der) : CV_EINVAL;
    cr_key_free(k);
    if (r != CV_OK)
        return told(c, label, false, exportable ? cv_result_text(r) : "the key is not exportable");
    char *pem = pki_pem_text("ENCRYPTED PRIVATE KEY", (struct slice){der.p, der.n});
    secret_free(&der);
    if (pem)
        cli_print(c, "%s", pem);
    free(pem);
    return CLI_OK;
}

static int on_export_password(struct cli_call *c, struct slice octets, bool given)
{
    if (!given)
        return told(c, c->cmd.args[0], false, "no password was given");
    return cli_keep_password(c, octets.p, octets.n) ? export_now(c, c->pending) : CLI_NOT_SO;
}

int cli_key_export(struct cli_call *c)
{
    if (c->cmd.arg_count > 1)
        return cli_keep_password(c, c->cmd.args[1], strlen(c->cmd.args[1])) ? export_now(c, c->pending)
                                                                            : CLI_NOT_SO;
    return cli_server_ask(c, CLI_QUESTION_SECRET,
                          "Password to encrypt the private key with: ", on_export_password);
}

/* ---- zeroize ------------------------------------------------------------------------------------------------------------------- */
static int zeroize(struct cli_call *c)
{
    static char labels[LABELS_MAX][PKI_NAME_MAX];
    char text[64];
    bool rsa = c->cmd.row->id == CLI_KEY_ZEROIZE, named = c->cmd.arg_count > 0;
    unsigned count = pki_disk_keys(dir(c), labels, LABELS_MAX), gone = 0;
    for (unsigned i = 0; i < count && i < LABELS_MAX; i++) {
        struct cr_key *k = NULL;
        bool wanted = named ? strcmp(labels[i], c->cmd.args[0]) == 0 : true;
        if (wanted && pki_disk_key_load(dir(c), labels[i], &k, NULL) == CV_OK)
            wanted = rsa == (cr_key_kind(k) == CR_KEY_RSA);
        cr_key_free(k);
        gone += wanted && pki_disk_key_remove(dir(c), labels[i]) == CV_OK;
    }
    snprintf(text, sizeof text, gone == 1 ? "%u key is gone" : "%u keys are gone", gone);
    return told(c, named ? c->cmd.args[0] : "all", gone > 0 || !named,
                gone > 0 ? text : "there is no such key");
}

static int on_zeroize(struct cli_call *c, struct slice octets, bool given)
{
    if (given && octets.n == 3 && memcmp(octets.p, "yes", 3) == 0)
        return zeroize(c);
    return told(c, c->cmd.arg_count > 0 ? c->cmd.args[0] : "all", false, "nothing was done");
}

int cli_key_zeroize(struct cli_call *c)
{
    if (cli_opt(&c->cmd, "yes"))
        return zeroize(c);
    return cli_server_ask(
        c, CLI_QUESTION_CONFIRM,
        "% Keys are removed. Certificates that are installed keep theirs until they are enrolled again.\n"
        "Do you really want to remove these keys? [yes/no]: ",
        on_zeroize);
}

/* ---- show crypto key mypubkey -------------------------------------------------------------------------------------------------- */
static void show_one(struct cli_call *c, const char *label, json_t *all)
{
    struct cr_key *k = NULL;
    bool exportable = false;
    bool rsa_only = c->cmd.row->id == CLI_SHOW_KEY_RSA, ec_only = c->cmd.row->id == CLI_SHOW_KEY_EC;
    if (pki_disk_key_load(dir(c), label, &k, &exportable) != CV_OK)
        return;
    bool rsa = cr_key_kind(k) == CR_KEY_RSA;
    struct slice spki = cr_key_spki(k);
    char *hex = calloc(1, 2 * spki.n + 1);
    for (size_t i = 0; hex && i < spki.n; i++)
        snprintf(hex + 2 * i, 3, "%02X", spki.p[i]);
    if (hex && all && !(rsa_only && !rsa) && !(ec_only && rsa))
        json_array_append_new(all, json_pack("{s:s, s:s, s:i, s:b, s:s}", "label", label, "type",
                                             cr_key_kind_text(cr_key_kind(k)), "bits", (int)cr_key_bits(k),
                                             "exportable", exportable, "public_key", hex));
    else if (hex && !(rsa_only && !rsa) && !(ec_only && rsa)) {
        cli_print(c,
                  "Key name: %s\n Key type: %s KEYS, %u bits\n Storage Device: private-config\n"
                  " Usage: General Purpose Key\n Key is %sexportable.\n Key Data:\n",
                  label, rsa ? "RSA" : cr_key_kind_text(cr_key_kind(k)), cr_key_bits(k),
                  exportable ? "" : "not ");
        for (size_t i = 0; i < 2 * spki.n; i += 8)
            cli_print(c, "%s%.8s%s", i % 56 == 0 ? "  " : " ", hex + i,
                      i % 56 == 48 || i + 8 >= 2 * spki.n ? "\n" : "");
    }
    free(hex);
    cr_key_free(k);
}

int cli_show_key(struct cli_call *c)
{
    static char labels[LABELS_MAX][PKI_NAME_MAX];
    unsigned count = pki_disk_keys(dir(c), labels, LABELS_MAX);
    json_t *all = c->json ? json_array() : NULL;
    for (unsigned i = 0; i < count && i < LABELS_MAX; i++)
        show_one(c, labels[i], all);
    if (c->json)
        cli_json(c, json_pack("{s:o}", "keys", all));
    return CLI_OK;
}
