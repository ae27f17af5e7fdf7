/* cli_shell: the interactive shell: prompt, `?`, tab completion, abbreviations, history. */
#ifndef CONTROL_CLI_CLI_SHELL_H
#define CONTROL_CLI_CLI_SHELL_H

#include "control/cli/cli_tree.h"

/* Runs until exit or end of input; the exit status. Without a terminal it reads commands line by line. */
int cli_shell(const char *run_dir);
/* A command of the client's own. */
int cli_local_run(const struct cli_parsed *p, bool json);

#endif
