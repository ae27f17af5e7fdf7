/* cli_show_pki: show crypto pki certificates, trustpoints, crls. */
#ifndef CONTROL_CLI_CLI_SHOW_PKI_H
#define CONTROL_CLI_CLI_SHOW_PKI_H

#include "control/cli/cli_call.h"

cli_fn cli_show_pki_certificates, cli_show_pki_trustpoints, cli_show_pki_crls;

#endif
