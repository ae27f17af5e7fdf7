/* cli_shell: the interactive shell: prompt, `?`, tab completion, abbreviations, history. */
#ifndef CONTROL_CLI_CLI_SHELL_H
#define CONTROL_CLI_CLI_SHELL_H

/* Runs until exit or end of input; the exit status. Without a terminal it reads commands line by line. */
int cli_shell(const char *run_dir);
#endif
