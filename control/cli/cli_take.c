#include "control/cli/cli_take.h"

#include <stdlib.h>

bool cli_take_address(struct cli_call *c, const char *option, struct ip_addr *out)
{
    const char *text = cli_opt(&c->cmd, option);
    if (!text || ip_addr_parse(text, out))
        return true;
    cli_error(c, "%s wants an address, not '%.60s'", option, text);
    return false;
}

bool cli_take_interface(struct cli_call *c, char out[CV_NAME_MAX])
{
    const char *text = cli_opt(&c->cmd, "interface");
    enum cv_if_kind kind;
    if (!text || cfg_interface_name(text, out, &kind))
        return true;
    cli_error(c, "interface wants an interface name, not '%.60s'", text);
    return false;
}

bool cli_take_number(struct cli_call *c, const char *text, const char *what, uint32_t *out)
{
    char *end;
    unsigned long long v = text[0] == '-' ? 0 : strtoull(text, &end, 0);
    *out = (uint32_t)v;
    if (text[0] != '-' && end != text && !*end && v > 0 && v <= UINT32_MAX)
        return true;
    cli_error(c, "'%.60s' is no %s", text, what);
    return false;
}
