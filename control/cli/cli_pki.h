/* cli_pki: crypto pki authenticate, enroll, crl request; clear crypto pki crls. */
#ifndef CONTROL_CLI_CLI_PKI_H
#define CONTROL_CLI_CLI_PKI_H

#include "control/cli/cli_call.h"

cli_fn cli_pki_authenticate, cli_pki_enroll, cli_pki_cancel, cli_pki_crl_request, cli_pki_clear_crls;

/* The outcome of something that was done at once or has failed: text, or JSON {"trustpoint","outcome","text"}. */
int cli_pki_done(struct cli_call *c, const char *name, bool good, const char *text);
/* A password comes before what it opens: keeps it as c->pending, a struct secret, while the rest is asked for. False, with an error told: out of
 * memory. */
bool cli_keep_password(struct cli_call *c, const void *p, size_t n);

#endif
