/* cli_pki: crypto pki authenticate, enroll, import, export, crl request; crypto key; clear crypto pki crls. */
#ifndef CONTROL_CLI_CLI_PKI_H
#define CONTROL_CLI_CLI_PKI_H

#include "control/cli/cli_call.h"

/* cli_pki.c */
cli_fn cli_pki_authenticate, cli_pki_enroll, cli_pki_cancel, cli_pki_crl_request, cli_pki_clear_crls;
/* cli_pki_file.c */
cli_fn cli_pki_import, cli_pki_export;
/* cli_pki_key.c */
cli_fn cli_key_generate, cli_key_import, cli_key_export, cli_key_zeroize, cli_show_key;
/* cli_show_pki.c */
cli_fn cli_show_pki_certificates, cli_show_pki_trustpoints, cli_show_pki_crls;

/* The outcome of something that was done at once or has failed: text, or JSON {"trustpoint","outcome","text"}. */
int cli_pki_done(struct cli_call *c, const char *name, bool good, const char *text);

#endif
