/* cli_pki_file: crypto pki import and export: PEM, PKCS #12, one certificate. */
#ifndef CONTROL_CLI_CLI_PKI_FILE_H
#define CONTROL_CLI_CLI_PKI_FILE_H

#include "control/cli/cli_call.h"

cli_fn cli_pki_import, cli_pki_export;

#endif
