/* cli_pki_key: crypto key generate, import, export, zeroize; show crypto key mypubkey. */
#ifndef CONTROL_CLI_CLI_PKI_KEY_H
#define CONTROL_CLI_CLI_PKI_KEY_H

#include "control/cli/cli_call.h"

cli_fn cli_key_generate, cli_key_import, cli_key_export, cli_key_zeroize, cli_show_key;

#endif
