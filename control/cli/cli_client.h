/* cli_client: the asking side: a connection to RUN/cli.sock and one command at a time over it. */
#ifndef CONTROL_CLI_CLI_CLIENT_H
#define CONTROL_CLI_CLI_CLIENT_H

#include "common/result.h"

#include <stdbool.h>

/* -1 with a line on stderr when nobody listens. */
int cli_client_connect(const char *run_dir);
/* Sends the words, copies what comes back to stdout and stderr; the exit status, CLI_NO_DAEMON when it broke off. */
int cli_client_run(int fd, int argc, const char *const *argv, unsigned ask /* CLI_ASK_* */);
/* One frame of lines that came between two commands, to stdout. False: the connection is gone, or is not understood. */
bool cli_client_lines(int fd);
/* From a signal handler: the command that runs breaks off, with CLI_NOT_SO; the connection is of no use after that. */
void cli_client_interrupt(void);
bool cli_client_interrupted(void); /* the last command was */
#endif
