#include "control/config/cfg_cmds.h"

#include "control/config/cfg_key.h"
#include "control/config/cfg_parser.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- crypto isakmp policy --------------------------------------------------------------------------------------- */
static struct cfg_isakmp_policy *cur_policy(struct cfg_parser *p)
{
    return &p->c->isakmp_policies[p->isakmp_policy];
}

/* The first whose priority is not below n: the one itself, or where it belongs. */
static unsigned policy_place(const struct cfg *c, unsigned long n)
{
    unsigned i = 0;
    while (i < c->isakmp_policy_count && c->isakmp_policies[i].priority < n)
        i++;
    return i;
}

static void open_policy(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    unsigned n = (unsigned)cfg_match_arg(m, CFG_ARG_NUMBER, 0)->number, i = policy_place(c, n);
    bool found = i < c->isakmp_policy_count && c->isakmp_policies[i].priority == n;
    if (m->form != CFG_SET) {
        if (found)
            cfg_remove(&c->isakmp_policies, &c->isakmp_policy_count, sizeof *c->isakmp_policies, i);
        return;
    }
    p->isakmp_policy = i;
    if (found ||
        cfg_append(p, &c->isakmp_policies, &c->isakmp_policy_count, sizeof *c->isakmp_policies) == UINT_MAX)
        return;
    memmove(&c->isakmp_policies[i + 1], &c->isakmp_policies[i],
            (c->isakmp_policy_count - 1 - i) * sizeof *c->isakmp_policies);
    memset(cur_policy(p), 0, sizeof *cur_policy(p));
    cur_policy(p)->priority = n;
    cur_policy(p)->line = p->line;
    cur_policy(p)->encr = (struct cfg_encr){CV_ENCR_DES, 0};
    cur_policy(p)->hash = CFG_HASH_SHA1;
    cur_policy(p)->auth = CFG_AUTH_RSA_SIG;
    cur_policy(p)->group = 1;
    cur_policy(p)->lifetime_s = 86400;
}

static void set_encryption(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *size = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    struct cfg_encr x = {CV_ENCR_DES, 0};
    if (m->form == CFG_SET && cfg_match_has(m, "3des"))
        x.id = CV_ENCR_3DES;
    else if (m->form == CFG_SET && cfg_match_has(m, "aes"))
        x = (struct cfg_encr){CV_ENCR_AES_CBC, size ? (uint16_t)strtoul(size->name, NULL, 10) : 128};
    cur_policy(p)->encr = x;
}

static void set_hash(struct cfg_parser *p, const struct cfg_match *m)
{
    bool set = m->form == CFG_SET;
    cur_policy(p)->hash = set && cfg_match_has(m, "md5")      ? CFG_HASH_MD5
                          : set && cfg_match_has(m, "sha256") ? CFG_HASH_SHA256
                          : set && cfg_match_has(m, "sha384") ? CFG_HASH_SHA384
                          : set && cfg_match_has(m, "sha512") ? CFG_HASH_SHA512
                                                              : CFG_HASH_SHA1;
}

static void set_authentication(struct cfg_parser *p, const struct cfg_match *m)
{
    bool set = m->form == CFG_SET;
    cur_policy(p)->rsa_encr = set && cfg_match_has(m, "rsa-encr");
    cur_policy(p)->auth = set && cfg_match_has(m, "pre-share")   ? CFG_AUTH_PSK
                          : set && cfg_match_has(m, "ecdsa-sig") ? CFG_AUTH_ECDSA_SIG
                          : cur_policy(p)->rsa_encr              ? CFG_AUTH_NONE
                                                                 : CFG_AUTH_RSA_SIG;
}

static void set_group(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_CHOICE, 0);
    cur_policy(p)->group = m->form == CFG_SET ? (uint16_t)strtoul(a->name, NULL, 10) : 1;
}

static void set_lifetime(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    cur_policy(p)->lifetime_s = m->form == CFG_SET ? (unsigned)n->number : 86400;
}

static const struct cfg_cmd policy_rows[] = {
    {"encryption ~des", set_encryption, 0, NULL, false},
    {"encryption ~3des", set_encryption, 0, NULL, false},
    {"encryption ~aes [<128|192|256>]", set_encryption, 0, NULL, false},
    {"hash <sha|md5|sha256|sha384|sha512>", set_hash, 0, NULL, false},
    {"authentication <pre-share|rsa-sig|rsa-encr|ecdsa-sig>", set_authentication, 0, NULL, false},
    {"group <1|2|5|14|15|16|19|20|21|24>", set_group, 0, NULL, false},
    {"lifetime <60-86400>", set_lifetime, 0, NULL, false},
};
const struct cfg_cmd_table cfg_cmds_isakmp_policy = CFG_ROWS(policy_rows);

/* ---- keys ----------------------------------------------------------------------------------------------------------- */
static bool same_peer(const struct cfg_isakmp_key *a, const struct cfg_isakmp_key *b)
{
    return a->has_address == b->has_address && ip_prefix_equal(&a->address, &b->address) &&
           strcmp(a->hostname, b->hostname) == 0;
}

/* For whom the key of this line is. KR-10: 0.0.0.0 without a mask is any address. */
static bool key_peer(struct cfg_parser *p, const struct cfg_match *m, const struct cfg_arg *host,
                     struct cfg_isakmp_key *x)
{
    *x = (struct cfg_isakmp_key){.line = p->line, .no_xauth = cfg_match_has(m, "no-xauth")};
    x->has_address = cfg_key_prefix(m, &x->address);
    if (x->has_address)
        return true;
    if (host)
        return cfg_copy(p, x->hostname, sizeof x->hostname, host);
    cfg_error(p, m->args[0].column, "write the whole line", "whose key?");
    return false;
}

/* Two keys for one peer both stay: which one is taken is KR-6's matter, and the linter's (LN-1). */
static void put_key(struct cfg_parser *p, const struct cfg_match *m, struct cfg_isakmp_keyring *k,
                    struct cfg_isakmp_key *x, unsigned word)
{
    if (m->form != CFG_SET) {
        for (unsigned i = k->key_count; i-- > 0;)
            if (same_peer(&k->keys[i], x)) {
                secret_free(&k->keys[i].key);
                cfg_remove(&k->keys, &k->key_count, sizeof *k->keys, i);
            }
        return;
    }
    unsigned errors = p->errors;
    cfg_key_take_word(p, m, word, &x->key);
    unsigned i = p->errors == errors ? cfg_append(p, &k->keys, &k->key_count, sizeof *k->keys) : UINT_MAX;
    if (i == UINT_MAX)
        secret_free(&x->key);
    else
        k->keys[i] = *x;
}

/* crypto isakmp key K address .. | hostname H: the key is the first word, the host name the second. */
static void set_global_key(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_isakmp_key x;
    if (key_peer(p, m, cfg_match_arg(m, CFG_ARG_WORD, 1), &x))
        put_key(p, m, &p->c->isakmp_default, &x, 0);
}

/* pre-shared-key address .. | hostname H key K */
static void set_keyring_key(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg_isakmp_key x;
    bool host = cfg_match_has(m, "hostname");
    if (key_peer(p, m, host ? cfg_match_arg(m, CFG_ARG_WORD, 0) : NULL, &x))
        put_key(p, m, &p->c->isakmp_keyrings[p->isakmp_keyring], &x, host ? 1 : 0);
}

/* ---- crypto keyring --------------------------------------------------------------------------------------------- */
static struct cfg_isakmp_keyring *cur_keyring(struct cfg_parser *p)
{
    return &p->c->isakmp_keyrings[p->isakmp_keyring];
}

static void open_keyring(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0), *vrf = cfg_match_arg(m, CFG_ARG_WORD, 1);
    unsigned i = 0;
    while (i < c->isakmp_keyring_count && strcmp(c->isakmp_keyrings[i].name, a->text) != 0)
        i++;
    bool found = i < c->isakmp_keyring_count;
    if (m->form != CFG_SET) {
        if (found) {
            cfg_isakmp_keyring_clear(&c->isakmp_keyrings[i]);
            cfg_remove(&c->isakmp_keyrings, &c->isakmp_keyring_count, sizeof *c->isakmp_keyrings, i);
        }
        return;
    }
    if (strcmp(a->text, c->isakmp_default.name) == 0) {
        cfg_error(p, a->column, "as in: crypto isakmp key SECRET address 192.0.2.1",
                  "the keyring default is that of the global keys");
        return;
    }
    p->isakmp_keyring =
        found ? i : cfg_append(p, &c->isakmp_keyrings, &c->isakmp_keyring_count, sizeof *c->isakmp_keyrings);
    if (p->isakmp_keyring == UINT_MAX)
        return;
    if (found) { /* its VRF cannot be changed on IOS either */
        if (strcmp(cur_keyring(p)->vrf, vrf ? vrf->text : "") != 0)
            cfg_error(p, (vrf ? vrf : a)->column, "one name for each", "keyring %s is in another VRF",
                      cur_keyring(p)->name);
        return;
    }
    cur_keyring(p)->line = p->line;
    if (cfg_copy(p, cur_keyring(p)->name, sizeof cur_keyring(p)->name, a) && vrf)
        (void)cfg_copy(p, cur_keyring(p)->vrf, sizeof cur_keyring(p)->vrf, vrf);
}

static void set_description(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_take_text(p, m, cur_keyring(p)->description, sizeof cur_keyring(p)->description);
}

static void set_local(struct cfg_parser *p, const struct cfg_match *m)
{
    cfg_key_local(p, m, &cur_keyring(p)->local);
}

#define NO_RSA "use pre-shared keys: pre-shared-key address A key K"

static const struct cfg_cmd keyring_rows[] = {
    {"description <LINE>", set_description, 0, NULL, false},
    {"pre-shared-key address <A.B.C.D> ~key <KEY>", set_keyring_key, 0, NULL, false},
    {"pre-shared-key address <A.B.C.D> ~key <0|6|hex> <KEY>", set_keyring_key, 0, NULL, false},
    {"pre-shared-key address <A.B.C.D> <MASK> ~key <KEY>", set_keyring_key, 0, NULL, false},
    {"pre-shared-key address <A.B.C.D> <MASK> ~key <0|6|hex> <KEY>", set_keyring_key, 0, NULL, false},
    {"pre-shared-key address ipv6 <X:X::X/N> ~key <KEY>", set_keyring_key, 0, NULL, false},
    {"pre-shared-key address ipv6 <X:X::X/N> ~key <0|6|hex> <KEY>", set_keyring_key, 0, NULL, false},
    {"pre-shared-key hostname <HOST> ~key <KEY>", set_keyring_key, 0, NULL, false},
    {"pre-shared-key hostname <HOST> ~key <0|6|hex> <KEY>", set_keyring_key, 0, NULL, false},
    {"local-address <ADDR>", set_local, 0, NULL, false},
    {"local-address <IF>", set_local, 0, NULL, false},
    {"local-address <ADDR> <WORD>", set_local, 0, NULL, false},
    {"local-address <IF> <WORD>", set_local, 0, NULL, false},
    {"rsa-pubkey <LINE>", NULL, CFG_MODE_ISAKMP_KEYRING, NO_RSA, false},
};
const struct cfg_cmd_table cfg_cmds_isakmp_keyring = CFG_ROWS(keyring_rows);

/* ---- crypto isakmp ... , one line each -------------------------------------------------------------------------- */
static void open_profile(struct cfg_parser *p, const struct cfg_match *m)
{
    struct cfg *c = p->c;
    const struct cfg_arg *a = cfg_match_arg(m, CFG_ARG_WORD, 0);
    unsigned i = 0;
    while (i < c->isakmp_profile_count && strcmp(c->isakmp_profiles[i].name, a->text) != 0)
        i++;
    bool found = i < c->isakmp_profile_count;
    if (m->form != CFG_SET) {
        if (found)
            cfg_remove(&c->isakmp_profiles, &c->isakmp_profile_count, sizeof *c->isakmp_profiles, i);
        return;
    }
    p->isakmp_profile =
        found ? i : cfg_append(p, &c->isakmp_profiles, &c->isakmp_profile_count, sizeof *c->isakmp_profiles);
    if (p->isakmp_profile == UINT_MAX || found)
        return;
    c->isakmp_profiles[p->isakmp_profile].line = p->line;
    (void)cfg_copy(p, c->isakmp_profiles[p->isakmp_profile].name, sizeof c->isakmp_profiles[0].name, a);
}

static void set_enable(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->isakmp_disabled = m->form == CFG_UNSET;
}

static void set_default_policy(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->isakmp_no_default_policy = m->form == CFG_UNSET;
}

static void set_keepalive(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->isakmp_dpd = cfg_key_dpd(m);
}

static void set_nat_keepalive(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->isakmp_nat_keepalive_s = m->form == CFG_SET ? (unsigned)n->number : 0;
}

static void set_identity(struct cfg_parser *p, const struct cfg_match *m)
{
    bool set = m->form == CFG_SET;
    p->c->isakmp_identity = set && cfg_match_has(m, "hostname") ? CFG_ID_FQDN
                            : set && cfg_match_has(m, "dn")     ? CFG_ID_DN
                                                                : CFG_ID_ADDRESS;
}

static void set_aggressive(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->isakmp_aggressive_disable = m->form == CFG_SET;
}

static void set_fragmentation(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->isakmp_fragmentation = m->form == CFG_SET;
}

static void set_disconnect_revoked(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->isakmp_disconnect_revoked = m->form == CFG_SET;
}

static void set_spi_recovery(struct cfg_parser *p, const struct cfg_match *m)
{
    p->c->isakmp_invalid_spi_recovery = m->form == CFG_SET;
}

static void set_max_sa(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->isakmp_max_sa = m->form == CFG_SET ? (unsigned)n->number : 0;
}

/* `all` is for IKEv2, too. */
static void set_in_negotiation(struct cfg_parser *p, const struct cfg_match *m)
{
    const struct cfg_arg *n = cfg_match_arg(m, CFG_ARG_NUMBER, 0);
    p->c->isakmp_max_in_negotiation = m->form == CFG_SET ? (unsigned)n->number : CFG_IN_NEGOTIATION_DEFAULT;
    if (cfg_match_has(m, "all"))
        p->c->ikev2_max_in_negotiation = p->c->isakmp_max_in_negotiation;
}

#define NO_EASY_VPN "leave it out: remote access (XAUTH, mode configuration) is not done"

static const struct cfg_cmd global_rows[] = {
    {"crypto isakmp enable", set_enable, 0, NULL, false},
    {"crypto isakmp policy <1-10000>", open_policy, CFG_MODE_ISAKMP_POLICY, NULL, false},
    {"crypto isakmp default policy", set_default_policy, 0, NULL, false},
    {"crypto isakmp key <KEY> address <A.B.C.D> [<MASK>] [no-xauth]", set_global_key, 0, NULL, false},
    {"crypto isakmp key <0|6|hex> <KEY> address <A.B.C.D> [<MASK>] [no-xauth]", set_global_key, 0, NULL,
     false},
    {"crypto isakmp key <KEY> address ipv6 <X:X::X/N> [no-xauth]", set_global_key, 0, NULL, false},
    {"crypto isakmp key <0|6|hex> <KEY> address ipv6 <X:X::X/N> [no-xauth]", set_global_key, 0, NULL, false},
    {"crypto isakmp key <KEY> hostname <HOST> [no-xauth]", set_global_key, 0, NULL, false},
    {"crypto isakmp key <0|6|hex> <KEY> hostname <HOST> [no-xauth]", set_global_key, 0, NULL, false},
    {"crypto isakmp profile <WORD>", open_profile, CFG_MODE_ISAKMP_PROFILE, NULL, false},
    {"crypto isakmp keepalive <10-3600> [<2-60>] [<periodic|on-demand>]", set_keepalive, 0, NULL, false},
    {"crypto isakmp nat keepalive <5-3600>", set_nat_keepalive, 0, NULL, false},
    {"crypto isakmp identity <address|hostname|dn>", set_identity, 0, NULL, false},
    {"crypto isakmp aggressive-mode disable", set_aggressive, 0, NULL, false},
    {"crypto isakmp fragmentation", set_fragmentation, 0, NULL, false},
    {"crypto isakmp invalid-spi-recovery", set_spi_recovery, 0, NULL, false},
    {"crypto isakmp disconnect-revoked-peers", set_disconnect_revoked, 0, NULL, false},
    {"crypto isakmp xauth timeout <5-90>", NULL, 0, NO_EASY_VPN, true},
    {"crypto isakmp client <LINE>", NULL, CFG_MODE_GLOBAL, NO_EASY_VPN, false},
    {"crypto keyring <WORD>", open_keyring, CFG_MODE_ISAKMP_KEYRING, NULL, false},
    {"crypto keyring <WORD> vrf <WORD>", open_keyring, CFG_MODE_ISAKMP_KEYRING, NULL, false},
    {"crypto call admission limit ike sa <0-99999>", set_max_sa, 0, NULL, false},
    {"crypto call admission limit ike in-negotiation-sa <10-99999>", set_in_negotiation, 0, NULL, false},
    {"crypto call admission limit all in-negotiation-sa <10-99999>", set_in_negotiation, 0, NULL, false},
    {"crypto call admission limit ipsec sa <0-99999>", NULL, 0,
     "use: security-associations, in `platform dataplane`", true},
};
const struct cfg_cmd_table cfg_cmds_isakmp_global = CFG_ROWS(global_rows);
