#include "control/config/cfg_cmds.h"

#include "control/config/cfg_parser.h"

#include <stdio.h>
#include <string.h>

static void set_hostname(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, p->c->hostname, sizeof p->c->hostname);
}

static void set_domain(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, p->c->domain_name, sizeof p->c->domain_name);
}

static void open_platform(struct cfg_parser *p, const struct cfg_match *m)
{
    if (m->form != CFG_SET)
        platform_init(&p->c->platform);
    else
        p->c->platform.present = true;
}

/* Both processes read a port's name from here and must mean the same interface. */
static void check_port_name(struct cfg_parser *p, const struct cfg_match *m)
{
    char name[CV_NAME_MAX], remedy[CFG_TEXT_MAX] = "as in: port Ethernet0/0 pci 0000:03:00.0";
    enum cv_if_kind kind = CV_IF_PORT;
    const struct cfg_token *t = m->line->count > 1 ? &m->line->tokens[1] : NULL;
    if (!t || m->form != CFG_SET || !cfg_match_has(m, "port"))
        return;
    bool known = cfg_interface_name(t->text, name, &kind);
    if (known && kind == CV_IF_PORT && strcmp(name, t->text) == 0)
        return;
    if (known && kind == CV_IF_PORT)
        snprintf(remedy, sizeof remedy, "write %s", name);
    cfg_error(p, t->column, remedy, "a port wants the full name of an Ethernet interface");
}

static void platform_command(struct cfg_parser *p, const struct cfg_match *m)
{
    char err[CFG_TEXT_MAX] = "";
    unsigned errors = p->errors;
    check_port_name(p, m);
    if (p->errors == errors &&
        platform_line(&p->c->platform, cfg_lex_rest(m->line, 0), p->line, err, sizeof err) != CV_OK)
        cfg_error(p, m->line->tokens[0].column, "", "%s", err);
}

static const struct cfg_cmd platform_rows[] = {
    {"workers <LINE>", platform_command, 0, NULL, false},
    {"lcores <LINE>", platform_command, 0, NULL, false},
    {"memory <LINE>", platform_command, 0, NULL, false},
    {"port <LINE>", platform_command, 0, NULL, false},
    {"crypto-engine <LINE>", platform_command, 0, NULL, false},
    {"security-associations <LINE>", platform_command, 0, NULL, false},
    {"eal-args <LINE>", platform_command, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_platform = CFG_ROWS(platform_rows);

/* `enter` of a command that is refused marks that lines of its own follow; they are skipped with it. */
static const struct cfg_cmd system_rows[] = {
    {"hostname <WORD>", set_hostname, 0, NULL, false},
    {"ip domain name <WORD>", set_domain, 0, NULL, false},
    {"ip domain-name <WORD>", set_domain, 0, NULL, false},
    {"platform dataplane", open_platform, CFG_MODE_PLATFORM, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_system = CFG_ROWS(system_rows);
