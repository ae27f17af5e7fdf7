#include "control/config/cfg_lint.h"

#include "control/config/cfg_alg.h"

#include <string.h>

static bool names_set(const struct cfg_ipsec_profile *p, const struct cfg_transform_set *s)
{
    for (unsigned k = 0; k < p->transform_set_count; k++)
        if (!p->builtin && strcmp(p->transform_sets[k], s->name) == 0)
            return true;
    return false;
}

/* Transport mode is for packets between the two hosts: GRE's, and lines `permit ip host A host B` of a crypto map. */
static void lint_transport(struct cfg_linter *l, const struct cfg_transform_set *s)
{
    for (unsigned i = 0; i < l->c->interface_count && s->transport; i++) {
        const struct cfg_interface *t = &l->c->interfaces[i];
        const struct cfg_ipsec_profile *p = cfg_find_ipsec_profile(l->c, t->protection_profile);
        if (t->kind != CV_IF_TUNNEL || t->tunnel_mode == CV_TUNNEL_GRE || t->tunnel_mode == CV_TUNNEL_GRE6 ||
            !p || !names_set(p, s))
            continue;
        cfg_lint_add(l, s->line, "transport", s->transport_require ? CFG_ERROR : CFG_WARNING,
                     "say: mode tunnel",
                     s->transport_require
                         ? "transform set %s: %s has `tunnel mode ipsec`, for which transport mode cannot be"
                         : "transform set %s: %s has `tunnel mode ipsec` and uses tunnel mode",
                     s->name, t->name);
        return;
    }
}

static void lint_set(struct cfg_linter *l, const struct cfg_transform_set *s)
{
    const bool ah = s->ah_integ != CV_INTEG_NONE;
    if (ah && (s->encr != CV_ENCR_NONE || s->integ != CV_INTEG_NONE))
        cfg_lint_add(l, s->line, "unsupported", CFG_ERROR,
                     "use one of them: esp-gcm 256, which authenticates, too; or ah-sha256-hmac alone",
                     "transform set %s: AH and ESP for the same packets are a bundle of SAs, which RFC 4301 "
                     "(section 13) no longer "
                     "asks for, and which is not negotiated here",
                     s->name);
    else if (s->ah_integ == CV_INTEG_HMAC_MD5_96)
        cfg_lint_add(l, s->line, "LN-12", CFG_ERROR, "use ah-sha256-hmac",
                     "transform set %s: HMAC-MD5 must not be used for AH (RFC 8221 6)", s->name);
    else if (!ah && !cfg_alg_aead(s->encr) && s->integ == CV_INTEG_NONE)
        cfg_lint_add(
            l, s->line, "no-integrity", CFG_ERROR, "as in: esp-aes 256 esp-sha256-hmac, or esp-gcm 256",
            "transform set %s has no integrity algorithm: anyone could change what it carries", s->name);
    if (s->encr == CV_ENCR_DES)
        cfg_lint_add(l, s->line, "LN-12", CFG_ERROR, "use esp-aes 256 or esp-gcm 256",
                     "transform set %s: DES gives no protection", s->name);
    if (s->encr == CV_ENCR_3DES || s->integ == CV_INTEG_HMAC_MD5_96)
        cfg_lint_add(l, s->line, "LN-12", CFG_WARNING, "use esp-gcm 256, or esp-aes 256 esp-sha256-hmac",
                     "transform set %s is weak: %s%s%s", s->name, s->encr == CV_ENCR_3DES ? "esp-3des" : "",
                     s->encr == CV_ENCR_3DES && s->integ == CV_INTEG_HMAC_MD5_96 ? ", " : "",
                     s->integ == CV_INTEG_HMAC_MD5_96 ? "esp-md5-hmac" : "");
    if (s->encr == CV_ENCR_NULL || s->encr == CV_ENCR_NULL_AES_GMAC || s->encr == CV_ENCR_NONE)
        cfg_lint_add(l, s->line, "no-encryption", CFG_WARNING, "use esp-gcm 256 unless the data is public",
                     "transform set %s does not encrypt", s->name);
    lint_transport(l, s);
}

/* RFC 9611: what asks for SAs of single workers gets one for each worker that there is, and with IKEv1 none. */
static void lint_per_worker(struct cfg_linter *l, const struct cfg_ipsec_profile *p, const char *what,
                            const char *name, int line)
{
    const struct cfg_sa_params *sp = &p->sa;
    const unsigned workers = l->c->platform.workers;
    if (!sp->per_worker_set)
        return;
    if (p->isakmp_profile[0] || cfg_ipsec_ike_version(l->c, p) == CFG_IKEV1)
        cfg_lint_add(l, line, "per-worker", CFG_WARNING, "bind an IKEv2 profile, or take the line away",
                     "%s %s: IKEv1 knows no SAs of single workers (RFC 9611)", what, name);
    else if (sp->per_worker > workers)
        cfg_lint_add(l, line, "per-worker", CFG_WARNING,
                     "say `workers` in the platform section, or a smaller number",
                     "%s %s: per-worker %u, but the data plane has %u worker%s: no more are asked for", what,
                     name, sp->per_worker, workers, workers == 1 ? "" : "s");
    else if (workers == 1)
        cfg_lint_add(l, line, "per-worker", CFG_INFO, "as in: workers 2",
                     "%s %s: with one worker an SA of its own gains nothing", what, name);
}

/* Fewer packets than this pass in a tenth of a second at a million a second: the tunnel would do little but negotiate. */
enum { LIFETIME_PACKETS_LEAST = 100000 };

static void lint_lifetime_packets(struct cfg_linter *l, const struct cfg_ipsec_profile *p, const char *what,
                                  const char *name, int line)
{
    const struct cfg_sa_params sp = cfg_sa_params_effective(l->c, p);
    if (sp.lifetime_packets == 0 || sp.lifetime_packets >= LIFETIME_PACKETS_LEAST)
        return;
    cfg_lint_add(l, line, "lifetime-packets", CFG_WARNING,
                 "as in: set security-association lifetime packets 100000000",
                 "%s %s: a lifetime of %llu packets is over in %llu ms at one million packets a second", what,
                 name, (unsigned long long)sp.lifetime_packets,
                 (unsigned long long)(sp.lifetime_packets / 1000));
}

/* Some tunnel has the profile and puts its packets into ESP without GRE: whatever the sets say, in tunnel mode. */
static bool in_tunnel_mode(const struct cfg *c, const struct cfg_ipsec_profile *p)
{
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *t = &c->interfaces[i];
        if (t->kind == CV_IF_TUNNEL && t->tunnel_mode != CV_TUNNEL_GRE && t->tunnel_mode != CV_TUNNEL_GRE6 &&
            strcmp(t->protection_profile, p->name) == 0)
            return true;
    }
    return false;
}

/* RFC 4303 2.6, 2.7: dummy packets are of ESP, and padding is of its tunnel mode. tunnel_mode: there is some, sets of transport mode or not. */
static void lint_tfc(struct cfg_linter *l, const struct cfg_ipsec_profile *p, bool tunnel_mode,
                     const char *what, const char *name, int line)
{
    const bool tfc = p->sa.tfc_set && p->sa.tfc_len,
               dummy = p->sa.dummy_set && (p->sa.dummy_pps || p->sa.dummy_s);
    bool esp = p->transform_set_count == 0, pads = esp;
    for (unsigned i = 0; i < p->transform_set_count; i++) {
        const struct cfg_transform_set *s = cfg_find_transform_set(l->c, p->transform_sets[i]);
        const bool is_esp = !s || s->ah_integ == CV_INTEG_NONE;
        esp = esp || is_esp;
        pads = pads || (is_esp && (!s || !s->transport || tunnel_mode));
    }
    if (dummy && !esp)
        cfg_lint_add(l, line, "no-effect", CFG_WARNING, "name a transform set of ESP, or leave it out",
                     "%s %s: dummy packets are of ESP, and its transform sets are of AH", what, name);
    if (tfc && !pads)
        cfg_lint_add(l, line, "no-effect", CFG_WARNING,
                     "name a transform set of ESP with `mode tunnel`, or leave it out",
                     "%s %s: tfc-padding is for ESP in tunnel mode, and its transform sets are of %s", what,
                     name, esp ? "transport mode" : "AH");
}

static bool profile_used(const struct cfg *c, const struct cfg_ipsec_profile *p)
{
    for (unsigned i = 0; i < c->interface_count; i++)
        if (strcmp(c->interfaces[i].protection_profile, p->name) == 0)
            return true;
    return false;
}

static void lint_profile(struct cfg_linter *l, const struct cfg_ipsec_profile *p)
{
    const struct cfg_ikev2_profile *ike = cfg_find_profile(l->c, p->ikev2_profile);
    if (p->isakmp_profile[0] || cfg_ipsec_ike_version(l->c, p) == CFG_IKEV1)
        cfg_lint_isakmp_binding(l, p);
    else if (!p->ikev2_profile[0])
        cfg_lint_add(l, p->line, "LN-6", CFG_INFO, "bind one: set ikev2-profile NAME",
                     "IPsec profile %s is bound to no IKEv2 profile; the best match is taken", p->name);
    if (ike && !cfg_profile_complete(ike))
        cfg_lint_add(l, p->ikev2_profile_line, "incomplete", CFG_ERROR,
                     "complete it, or take its `shutdown` away",
                     "IPsec profile %s is bound to IKEv2 profile %s, which is %s", p->name, ike->name,
                     ike->shutdown ? "shut down" : "incomplete");
    if (p->pfs && cfg_alg_weak_group(p->pfs_group))
        cfg_lint_add(l, p->line, "LN-12", CFG_WARNING, "as in: set pfs group19",
                     "IPsec profile %s: PFS group %u is weak", p->name, p->pfs_group);
    lint_per_worker(l, p, "IPsec profile", p->name, p->line);
    lint_lifetime_packets(l, p, "IPsec profile", p->name, p->line);
    lint_tfc(l, p, in_tunnel_mode(l->c, p), "IPsec profile", p->name, p->line);
    if (!profile_used(l->c, p))
        cfg_lint_add(l, p->line, "unused", CFG_WARNING,
                     "name it in a tunnel: tunnel protection ipsec profile NAME",
                     "no tunnel uses IPsec profile %s", p->name);
}

static bool set_used(const struct cfg *c, const struct cfg_transform_set *s)
{
    for (unsigned i = 0; i < c->ipsec_profile_count; i++)
        if (names_set(&c->ipsec_profiles[i], s))
            return true;
    for (unsigned i = 0; i < c->map_count; i++)
        for (unsigned k = 0; k < c->maps[i].entry_count; k++)
            if (names_set(&c->maps[i].entries[k].ipsec, s))
                return true;
    return false;
}

void cfg_lint_ipsec(struct cfg_linter *l)
{
    const struct cfg *c = l->c;
    for (unsigned i = 0; i < c->transform_set_count; i++) {
        if (c->transform_sets[i].builtin)
            continue;
        lint_set(l, &c->transform_sets[i]);
        if (!set_used(c, &c->transform_sets[i]) && strcmp(c->transform_sets[i].name, "default") != 0)
            cfg_lint_add(l, c->transform_sets[i].line, "unused", CFG_WARNING,
                         "name it in an IPsec profile: set transform-set NAME",
                         "no IPsec profile uses transform set %s", c->transform_sets[i].name);
    }
    for (unsigned i = 0; i < c->ipsec_profile_count; i++)
        if (!c->ipsec_profiles[i].made &&
            (!c->ipsec_profiles[i].builtin || profile_used(c, &c->ipsec_profiles[i])))
            lint_profile(l, &c->ipsec_profiles[i]);
    for (unsigned i = 0; i < c->map_count; i++)
        for (unsigned k = 0; k < c->maps[i].entry_count; k++) {
            const struct cfg_ipsec_profile *p = &c->maps[i].entries[k].ipsec;
            lint_per_worker(l, p, "crypto map", c->maps[i].name, c->maps[i].entries[k].line);
            lint_lifetime_packets(l, p, "crypto map", c->maps[i].name, c->maps[i].entries[k].line);
            lint_tfc(l, p, true, "crypto map", c->maps[i].name, c->maps[i].entries[k].line);
        }
}
