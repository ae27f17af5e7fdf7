/* cli_list: commands that show what the configuration names: all of a kind, or the one that the first argument names. */
#ifndef CONTROL_CLI_CLI_LIST_H
#define CONTROL_CLI_CLI_LIST_H

#include "control/cli/cli_call.h"

bool cli_list_wants(const struct cli_call *c, const char *name);
/* The end of the list: prints {key: all} where all is not NULL, which it releases; CLI_NOT_SO, with an error told that begins with `what`,
 * where one was named and none was shown. */
int cli_list_end(struct cli_call *c, json_t *all, const char *key, const char *what, unsigned shown);

#endif
