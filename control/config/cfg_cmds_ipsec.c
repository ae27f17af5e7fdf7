#include "control/config/cfg_cmds.h"

#include "control/config/cfg_alg.h"
#include "control/config/cfg_parser.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- transform sets ------------------------------------------------------------------------------------------------- */
static struct cfg_transform_set *cur_set(struct cfg_parser *p)
{
    return &p->c->transform_sets[p->transform_set];
}

static bool once(struct cfg_parser *p, const struct cfg_arg *a, bool seen, const char *what)
{
    if (seen)
        cfg_error(p, a->column, "one cipher and one integrity algorithm", "a second %s", what);
    return !seen;
}

/* One word of the transform list; false after an error. */
static bool take_transform(struct cfg_parser *p, const struct cfg_arg *a, const struct cfg_arg *before,
                           struct cfg_transform_set *x)
{
    const struct cfg_alg *encr = cfg_alg_esp_encr(a->name), *integ = cfg_alg_esp_integ(a->name);
    const struct cfg_alg *ah = cfg_alg_ah_integ(a->name);
    if (encr && once(p, a, x->encr != CV_ENCR_NONE, "cipher")) {
        x->encr = encr->id;
        x->key_bits = cfg_alg_sized(encr->id) ? 128 : 0;
        return true;
    }
    if (integ && once(p, a, x->integ != CV_INTEG_NONE, "integrity algorithm")) {
        x->integ = integ->id;
        return true;
    }
    if (ah && once(p, a, x->ah_integ != CV_INTEG_NONE, "AH algorithm")) {
        x->ah_integ = ah->id;
        return true;
    }
    if (encr || integ || ah)
        return false;
    const struct cfg_alg *sized = before ? cfg_alg_esp_encr(before->name) : NULL;
    if (!sized || !cfg_alg_sized(sized->id)) {
        cfg_error(p, a->column, "as in: esp-aes 256",
                  "a key length stands behind esp-aes, esp-gcm or esp-gmac");
        return false;
    }
    x->key_bits = (uint16_t)strtoul(a->name, NULL, 10);
    return true;
}

static bool take_transforms(struct cfg_parser *p, const struct cfg_match *m, struct cfg_transform_set *x)
{
    const struct cfg_arg *before = NULL, *a;
    for (unsigned i = 0; (a = cfg_match_arg(m, CFG_ARG_CHOICE, i)) != NULL; i++) {
        if (!take_transform(p, a, before, x))
            return false;
        before = a;
    }
    int column = cfg_match_arg(m, CFG_ARG_CHOICE, 0)->column;
    if (x->encr != CV_ENCR_NONE && cfg_alg_aead(x->encr) && x->integ != CV_INTEG_NONE) {
        cfg_error(p, column, "leave the second algorithm out", "%s brings its own integrity",
                  cfg_alg_esp_encr_word(x->encr));
        return false;
    }
    if (x->encr == CV_ENCR_NONE && x->integ != CV_INTEG_NONE)
        x->encr = CV_ENCR_NULL; /* esp-sha-hmac alone is ESP without encryption */
    return true;
}

static void open_transform_set(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    struct cfg_transform_set x = {.line = p->line};
    unsigned i = 0;
    while (i < c->transform_set_count && strcmp(c->transform_sets[i].name, a->text) != 0)
        i++;
    bool found = i < c->transform_set_count;
    if (m->form == CFG_RESET && found && strcmp(a->text, "default") == 0)
        cfg_default_transform_set(&c->transform_sets[i]);
    else if (m->form != CFG_SET && found)
        cfg_remove(&c->transform_sets, &c->transform_set_count, sizeof *c->transform_sets, i);
    if (m->form != CFG_SET || !cfg_copy(p, x.name, sizeof x.name, a) || !take_transforms(p, m, &x))
        return;
    p->transform_set =
        found ? i : cfg_append(p, &c->transform_sets, &c->transform_set_count, sizeof *c->transform_sets);
    if (p->transform_set == UINT_MAX)
        return;
    if (found) {
        x.transport = c->transform_sets[i].transport;
        x.transport_require = c->transform_sets[i].transport_require;
        x.line = c->transform_sets[i].builtin ? p->line : c->transform_sets[i].line;
    }
    c->transform_sets[p->transform_set] = x;
}

static void set_mode(struct cfg_parser *p, const struct cfg_match *m)
{
    bool set = m->form == CFG_SET;
    cur_set(p)->transport = set && cfg_match_has(m, "transport");
    cur_set(p)->transport_require = set && cfg_match_has(m, "require");
}

static const struct cfg_cmd set_rows[] = {
    {"mode ~tunnel", set_mode, 0, NULL, false},
    {"mode ~transport [require]", set_mode, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_transform_set = CFG_ROWS(set_rows);

/* ---- security associations: global and in the profile ------------------------------------------------------------- */
static bool in_profile(const struct cfg_match *m)
{
    return strcmp(m->args[0].name, "set") == 0;
}

/* The profile whose section is open: one of its own, or that of an entry of a crypto map. */
static struct cfg_ipsec_profile *cur_profile(struct cfg_parser *p)
{
    return p->open[p->depth - 1].mode == CFG_MODE_MAP ? &p->c->maps[p->map].entries[p->map_entry].ipsec
                                                      : &p->c->ipsec_profiles[p->ipsec_profile];
}

static struct cfg_sa_params *params(struct cfg_parser *p, const struct cfg_match *m)
{
    return in_profile(m) ? &cur_profile(p)->sa : &p->c->sa;
}

static void set_life_seconds(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    struct cfg_sa_params *x = params(p, m);
    x->lifetime_s_set = m->form == CFG_SET;
    x->lifetime_s = m->form != CFG_SET ? 0 : (unsigned)n->number * (cfg_match_has(m, "days") ? 86400u : 1u);
}

static void set_life_kilobytes(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    struct cfg_sa_params *x = params(p, m);
    x->lifetime_kb_disable = m->form == CFG_SET && !n;
    x->lifetime_kb_set = m->form == CFG_SET;
    x->lifetime_kb = m->form == CFG_SET && n ? n->number : 0;
}

static void set_life_packets(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    struct cfg_sa_params *x = params(p, m);
    x->lifetime_packets_set = m->form == CFG_SET;
    x->lifetime_packets = m->form == CFG_SET && n ? n->number : 0;
}

static void set_idle(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    params(p, m)->idle_set = m->form == CFG_SET;
    params(p, m)->idle_s = m->form == CFG_SET ? (unsigned)n->number : 0;
    params(p, m)->idle_default = m->form == CFG_SET && cfg_match_has(m, "default");
}

static void set_replay_window(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    struct cfg_sa_params *x = params(p, m);
    x->replay_set = m->form == CFG_SET;
    x->replay_disable = false;
    x->replay_window = m->form == CFG_SET ? (unsigned)strtoul(n->name, NULL, 10) : 0;
}

static void set_replay_disable(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_sa_params *x = params(p, m);
    x->replay_set = x->replay_disable = m->form == CFG_SET;
    x->replay_window = 0;
}

static void set_per_worker(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    params(p, m)->per_worker_set = m->form == CFG_SET;
    params(p, m)->per_worker = m->form == CFG_SET && n ? (unsigned)n->number : 0;
}

static enum cv_df df_of(const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    if (m->form != CFG_SET || strcmp(a->name, "copy") == 0)
        return CV_DF_COPY;
    return strcmp(a->name, "clear") == 0 ? CV_DF_CLEAR : CV_DF_SET;
}

static void set_dfbit(struct cfg_parser *p, const struct cfg_match *m)
{
    params(p, m)->df_set = m->form == CFG_SET;
    params(p, m)->df = df_of(m);
}

static void set_global_df(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->df = df_of(m);
}

static void set_global_cut(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    p->c->cut_after = m->form == CFG_SET && strcmp(a->name, "after-encryption") == 0;
}

static void set_ipv4_deny(struct cfg_parser *p, const struct cfg_match *m)
{
    bool set = m->form == CFG_SET;
    p->c->ipv4_deny = set && cfg_match_has(m, "clear")  ? CFG_DENY_CLEAR
                      : set && cfg_match_has(m, "drop") ? CFG_DENY_DROP
                                                        : CFG_DENY_JUMP;
}

/* One line adds to what the others say; the last word on a type is the one that counts. */
static void set_icmp(struct cfg_parser *p, const struct cfg_match *m)
{
    uint8_t *refused = p->c->icmp.refused[cfg_match_has(m, "protected")][cfg_match_has(m, "ipv6")];
    const bool value = m->form != CFG_RESET && (m->form == CFG_SET) == cfg_match_has(m, "discard");
    const struct cfg_arg *n;
    if (cfg_match_has(m, "all"))
        memset(refused, value ? 0xff : 0, sizeof p->c->icmp.refused[0][0]);
    for (unsigned i = 0; (n = cfg_match_arg(m, CFG_ARG_NUMBER, i)) != NULL; i++) {
        const uint8_t bit = (uint8_t)(1u << n->number % 8);
        refused[n->number / 8] = (uint8_t)((refused[n->number / 8] & ~bit) | (value ? bit : 0));
    }
}

static void set_ecn(struct cfg_parser *p, const struct cfg_match *m)
{
    params(p, m)->ecn_set = m->form == CFG_SET;
    params(p, m)->ecn_discard = m->form == CFG_SET && cfg_match_has(m, "discard");
}

static void set_esn(struct cfg_parser *p, const struct cfg_match *m)
{
    params(p, m)->esn_set = params(p, m)->esn = m->form == CFG_SET;
}

static void set_dummy(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    struct cfg_sa_params *x = params(p, m);
    x->dummy_set = m->form == CFG_SET;
    x->dummy_pps = x->dummy_s = 0;
    if (x->dummy_set && cfg_match_has(m, "pps"))
        x->dummy_pps = (unsigned)n->number;
    else if (x->dummy_set)
        x->dummy_s = (unsigned)n->number;
}

static void set_tfc(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    struct cfg_sa_params *x = params(p, m);
    x->tfc_set = m->form == CFG_SET;
    x->tfc_len = !x->tfc_set ? 0 : n ? (unsigned)n->number : CV_TFC_MTU;
}

/* ---- IPsec profiles -------------------------------------------------------------------------------------------------- */
static void open_ipsec_profile(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->ipsec_profile_count && strcmp(c->ipsec_profiles[i].name, a->text) != 0)
        i++;
    bool found = i < c->ipsec_profile_count;
    if (m->form == CFG_RESET && found && strcmp(a->text, "default") == 0)
        cfg_default_ipsec_profile(&c->ipsec_profiles[i]);
    else if (m->form != CFG_SET && found)
        cfg_remove(&c->ipsec_profiles, &c->ipsec_profile_count, sizeof *c->ipsec_profiles, i);
    if (m->form != CFG_SET)
        return;
    p->ipsec_profile =
        found ? i : cfg_append(p, &c->ipsec_profiles, &c->ipsec_profile_count, sizeof *c->ipsec_profiles);
    if (p->ipsec_profile == UINT_MAX)
        return;
    struct cfg_ipsec_profile *x = &c->ipsec_profiles[p->ipsec_profile];
    if (!found && !cfg_copy(p, x->name, sizeof x->name, a))
        return;
    if (!found || x->builtin)
        x->line = p->line;
    x->builtin = false;
}

static void set_transform_sets(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_ipsec_profile *x = cur_profile(p);
    const struct cfg_arg *a;
    unsigned max = sizeof x->transform_sets / sizeof x->transform_sets[0];
    memset(x->transform_sets, 0, sizeof x->transform_sets);
    x->transform_set_count = 0;
    x->transform_set_line = m->form == CFG_SET ? p->line : 0;
    for (unsigned i = 0; m->form == CFG_SET && (a = cfg_match_arg(m, CFG_ARG_WORD, i)) != NULL; i++) {
        if (i == max) {
            cfg_error(p, a->column, "", "more than %u transform sets in a profile", max);
            return;
        }
        if (!cfg_copy(p, x->transform_sets[i], sizeof x->transform_sets[i], a))
            return;
        x->transform_set_count++;
    }
}

static void set_ikev2_profile(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur_profile(p)->ikev2_profile, sizeof cur_profile(p)->ikev2_profile);
    cur_profile(p)->ikev2_profile_line = m->form == CFG_SET ? p->line : 0;
}

static void set_isakmp_profile(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur_profile(p)->isakmp_profile, sizeof cur_profile(p)->isakmp_profile);
    cur_profile(p)->isakmp_profile_line = m->form == CFG_SET ? p->line : 0;
}

static void set_pfs(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    struct cfg_ipsec_profile *x = cur_profile(p);
    x->pfs = m->form == CFG_SET;
    /* bare `set pfs` is group1 */
    x->pfs_group = !x->pfs ? 0 : a ? (uint16_t)strtoul(a->name + strlen("group"), NULL, 10) : 1;
}

static void set_responder_only(struct cfg_parser *p, const struct cfg_match *m)
{
    cur_profile(p)->responder_only = m->form == CFG_SET;
}

static void set_description(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur_profile(p)->description, sizeof cur_profile(p)->description);
}

/* IOS ends at 1024. */
#define WINDOWS "64|128|256|512|1024|2048|4096|8192|16384|32768|65536"
#define LEAVE   "leave it out"

/* In an IPsec profile and in an entry of a crypto map alike. */
static const struct cfg_cmd set_rows_shared[] = {
    {"description <LINE>", set_description, 0, NULL, false},
    {"set transform-set <WORD>+", set_transform_sets, 0, NULL, false},
    {"set ikev2-profile <WORD>", set_ikev2_profile, 0, NULL, false},
    {"set isakmp-profile <WORD>", set_isakmp_profile, 0, NULL, false},
    {"set pfs [<" CFG_WORDS_PFS ">]", set_pfs, 0, NULL, false},
    {"set security-association lifetime seconds <120-2592000>", set_life_seconds, 0, NULL, false},
    {"set security-association lifetime days <1-30>", set_life_seconds, 0, NULL, false},
    {"set security-association lifetime kilobytes <2560-4294967295>", set_life_kilobytes, 0, NULL, false},
    {"set security-association lifetime kilobytes disable", set_life_kilobytes, 0, NULL, false},
    {"set security-association lifetime packets <1000-4294967295>", set_life_packets, 0, NULL, false},
    {"set security-association lifetime packets disable", set_life_packets, 0, NULL, false},
    {"set security-association idle-time <60-86400> [default]", set_idle, 0, NULL, false},
    {"set security-association replay window-size <" WINDOWS ">", set_replay_window, 0, NULL, false},
    {"set security-association replay disable", set_replay_disable, 0, NULL, false},
    {"set security-association dfbit <clear|copy|set>", set_dfbit, 0, NULL, false},
    {"set security-association ecn <discard|propagate>", set_ecn, 0, NULL, false},
    {"set security-association esn", set_esn, 0, NULL, false},
    {"set security-association per-worker [<1-16>]", set_per_worker, 0, NULL, false},
    {"set security-association level per-host", NULL, 0, LEAVE, false},
    {"set security-association dummy pps <0-25>", set_dummy, 0, NULL, false},
    {"set security-association dummy seconds <1-3600>", set_dummy, 0, NULL, false},
    {"set security-association tfc-padding <64-9000>", set_tfc, 0, NULL, false},
    {"set security-association tfc-padding mtu", set_tfc, 0, NULL, false},
    {"set identity <WORD>", NULL, 0, LEAVE, false},
};
const struct cfg_cmd_table cfg_cmds_ipsec_set = CFG_ROWS(set_rows_shared);

static const struct cfg_cmd profile_rows[] = {
    {"responder-only", set_responder_only, 0, NULL, false},
    {"set mixed-mode", NULL, 0, "tunnels carry IPv4 and IPv6 as the peer agrees", true},
    {"set reverse-route <LINE>", NULL, 0, "use: ip route PREFIX MASK TunnelN", false},
    {"set security-policy limit <0-50000>", NULL, 0, LEAVE, false},
    {"redundancy <LINE>", NULL, 0, LEAVE, false},
};
const struct cfg_cmd_table cfg_cmds_ipsec_profile = CFG_ROWS(profile_rows);

static const struct cfg_cmd global_rows[] = {
    {"crypto ipsec transform-set <WORD> ~<" CFG_WORDS_ESP "|" CFG_WORDS_AH "|128|192|256>+",
     open_transform_set, CFG_MODE_TRANSFORM_SET, NULL, false},
    {"crypto ipsec profile <WORD>", open_ipsec_profile, CFG_MODE_IPSEC_PROFILE, NULL, false},
    {"crypto ipsec security-association lifetime seconds <120-2592000>", set_life_seconds, 0, NULL, false},
    {"crypto ipsec security-association lifetime days <1-30>", set_life_seconds, 0, NULL, false},
    {"crypto ipsec security-association lifetime kilobytes <2560-4294967295>", set_life_kilobytes, 0, NULL,
     false},
    {"crypto ipsec security-association lifetime kilobytes disable", set_life_kilobytes, 0, NULL, false},
    {"crypto ipsec security-association lifetime packets <1000-4294967295>", set_life_packets, 0, NULL,
     false},
    {"crypto ipsec security-association lifetime packets disable", set_life_packets, 0, NULL, false},
    {"crypto ipsec security-association idle-time <60-86400>", set_idle, 0, NULL, false},
    {"crypto ipsec security-association replay window-size <" WINDOWS ">", set_replay_window, 0, NULL, false},
    {"crypto ipsec security-association replay disable", set_replay_disable, 0, NULL, false},
    {"crypto ipsec security-association ecn <discard|propagate>", set_ecn, 0, NULL, false},
    {"crypto ipsec security-association esn", set_esn, 0, NULL, false},
    {"crypto ipsec security-association dummy pps <0-25>", set_dummy, 0, NULL, false},
    {"crypto ipsec security-association dummy seconds <1-3600>", set_dummy, 0, NULL, false},
    {"crypto ipsec security-association tfc-padding <64-9000>", set_tfc, 0, NULL, false},
    {"crypto ipsec security-association tfc-padding mtu", set_tfc, 0, NULL, false},
    {"crypto ipsec df-bit <clear|copy|set>", set_global_df, 0, NULL, false},
    {"crypto ipsec fragmentation <before-encryption|after-encryption>", set_global_cut, 0, NULL, false},
    {"crypto ipsec nat-transparency udp-encapsulation", NULL, 0, "NAT traversal is always on", true},
    {"crypto ipsec nat-transparency spi-matching", NULL, 0, "UDP encapsulation is used behind NAT", false},
    {"crypto ipsec ipv4-deny <jump|clear|drop>", set_ipv4_deny, 0, NULL, false},
    {"crypto ipsec icmp <unprotected|protected> <ipv4|ipv6> <accept|discard> all", set_icmp, 0, NULL, false},
    {"crypto ipsec icmp <unprotected|protected> <ipv4|ipv6> <accept|discard> <0-255>+", set_icmp, 0, NULL,
     false},
    {"crypto ipsec optional [<LINE>]", NULL, 0, "leave it out: a packet for a tunnel is never sent in clear",
     false},
};
const struct cfg_cmd_table cfg_cmds_ipsec_global = CFG_ROWS(global_rows);
