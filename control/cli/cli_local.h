/* cli_local: commands that need no daemon: check, bench, help. Each returns an exit status (enum cli_status). */
#ifndef CONTROL_CLI_CLI_LOCAL_H
#define CONTROL_CLI_CLI_LOCAL_H

#include "control/cli/cli_tree.h"

int cli_local_check(const char *file, bool json);
/* The words after `bench`; becomes culvert-dp, and does not return when that succeeds. */
int cli_local_bench(int argc, const char *const *argv);
/* The path of culvert-dp: beside this program or in the sbin beside its folder, else its name, for PATH. Static storage. */
const char *cli_local_dp_program(void);
/* The rows of commands that begin with these words; none: of all. CLI_USAGE when there is no such command. */
int cli_local_help(int argc, const char *const *words);
/* Whichever of them was parsed. */
int cli_local_run(const struct cli_parsed *p, bool json);

#endif
