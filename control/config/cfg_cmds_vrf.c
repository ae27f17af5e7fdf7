#include "control/config/cfg_cmds.h"

#include "control/config/cfg_parser.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct cfg_vrf *cur(struct cfg_parser *p)
{
    return &p->c->vrfs[p->vrf];
}

static void open_vrf(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->vrf_count && strcmp(c->vrfs[i].name, a->text) != 0)
        i++;
    if (m->form != CFG_SET) {
        if (i < c->vrf_count)
            cfg_remove(&c->vrfs, &c->vrf_count, sizeof *c->vrfs, i);
        return;
    }
    p->vrf = i;
    if (i < c->vrf_count)
        return;
    if (c->vrf_count == CV_MAX_VRFS - 1) {
        cfg_error(p, a->column, "", "more than %d VRFs", CV_MAX_VRFS - 1);
        return;
    }
    p->vrf = cfg_append(p, &c->vrfs, &c->vrf_count, sizeof *c->vrfs);
    if (p->vrf == UINT_MAX)
        return;
    cur(p)->line = p->line;
    cur(p)->legacy = cur(p)->ipv4 = cfg_match_has(m, "ip");
    (void)cfg_copy(p, cur(p)->name, sizeof cur(p)->name, a);
}

static void set_rd(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur(p)->rd, sizeof cur(p)->rd);
}

static void set_family(struct cfg_parser *p, const struct cfg_match *m)
{
    bool six = cfg_match_has(m, "ipv6");
    if (cur(p)->legacy && m->form == CFG_SET)
        cfg_error(p, m->args[0].column, "define it by: vrf definition NAME",
                  "an `ip vrf` has no address families");
    else if (six)
        cur(p)->ipv6 = m->form == CFG_SET;
    else
        cur(p)->ipv4 = m->form == CFG_SET;
}

static void leave_family(struct cfg_parser *p, const struct cfg_match *m)
{
    if (m->form == CFG_SET)
        p->depth--;
}

/* What belongs to MPLS VPNs and routing protocols, and to neither VRFs nor IPsec: nothing is lost by not doing it. */
static void pass_over(struct cfg_parser *p, const struct cfg_match *m)
{
    (void)p;
    (void)m;
}

static const struct cfg_cmd global_rows[] = {
    {"vrf definition <WORD>", open_vrf, CFG_MODE_VRF, NULL, false},
    {"ip vrf <WORD>", open_vrf, CFG_MODE_VRF, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_vrf_global = CFG_ROWS(global_rows);

static const struct cfg_cmd vrf_rows[] = {
    {"rd <WORD>", set_rd, 0, NULL, false},
    {"description <LINE>", pass_over, 0, NULL, false},
    {"route-target <LINE>", pass_over, 0, NULL, false},
    {"address-family <ipv4|ipv6> [unicast]", set_family, CFG_MODE_VRF_FAMILY, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_vrf = CFG_ROWS(vrf_rows);

static const struct cfg_cmd family_rows[] = {
    {"route-target <LINE>", pass_over, 0, NULL, false},
    {"exit-address-family", leave_family, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_vrf_family = CFG_ROWS(family_rows);
