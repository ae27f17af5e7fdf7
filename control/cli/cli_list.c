#include "control/cli/cli_list.h"

#include <string.h>

bool cli_list_wants(const struct cli_call *c, const char *name)
{
    return c->cmd.arg_count == 0 || strcmp(c->cmd.args[0], name) == 0;
}

int cli_list_end(struct cli_call *c, json_t *all, const char *key, const char *what, unsigned shown)
{
    if (all)
        cli_json(c, json_pack("{s:o}", key, all));
    if (c->cmd.arg_count == 0 || shown > 0)
        return CLI_OK;
    cli_error(c, "%s %.60s is not configured", what, c->cmd.args[0]);
    return CLI_NOT_SO;
}
