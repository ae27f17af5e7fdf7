#include "control/config/cfg_write.h"

#include <string.h>

static const char *hash_word(enum cfg_hash h)
{
    return h == CFG_HASH_MD5      ? "md5"
           : h == CFG_HASH_SHA256 ? "sha256"
           : h == CFG_HASH_SHA384 ? "sha384"
           : h == CFG_HASH_SHA512 ? "sha512"
                                  : "sha";
}

static void put_policy(struct cfg_writer *w, const struct cfg_isakmp_policy *x)
{
    cfg_put(w, "!\ncrypto isakmp policy %u\n", x->priority);
    if (x->encr.id == CV_ENCR_3DES)
        cfg_put(w, " encr 3des\n");
    else if (x->encr.id == CV_ENCR_AES_CBC && x->encr.key_bits == 128)
        cfg_put(w, " encr aes\n");
    else if (x->encr.id == CV_ENCR_AES_CBC)
        cfg_put(w, " encr aes %u\n", x->encr.key_bits);
    if (x->hash != CFG_HASH_SHA1)
        cfg_put(w, " hash %s\n", hash_word(x->hash));
    if (x->auth != CFG_AUTH_RSA_SIG)
        cfg_put(w, " authentication %s\n",
                x->rsa_encr               ? "rsa-encr"
                : x->auth == CFG_AUTH_PSK ? "pre-share"
                                          : "ecdsa-sig");
    if (x->group != 1)
        cfg_put(w, " group %u\n", x->group);
    if (x->lifetime_s != 86400)
        cfg_put(w, " lifetime %u\n", x->lifetime_s);
}

/* "address 10.0.0.0 255.0.0.0", "address ipv6 P/N", "hostname H"; any IPv4 address alone is 0.0.0.0 (KR-10). */
static void put_peer(struct cfg_writer *w, const char *before, const struct cfg_isakmp_key *x,
                     const char *after)
{
    char addr[IP_TEXT_MAX];
    cfg_put(w, "%s", before);
    if (!x->has_address) {
        cfg_put_name(w, "hostname ", x->hostname);
    } else if (x->address.addr.family == IP_V6) {
        cfg_put(w, "address ipv6 %s", ip_prefix_text(&x->address, addr));
    } else {
        cfg_put(w, "address %s", ip_addr_text(&x->address.addr, addr));
        if (x->address.len != 0 && x->address.len != 32)
            cfg_put(w, " %s", cfg_mask_text(&x->address, addr));
    }
    cfg_put(w, "%s", after);
}

static void put_local(struct cfg_writer *w, const char *before, const struct cfg_isakmp_local *x)
{
    char addr[IP_TEXT_MAX];
    if (!x->interface[0] && x->addr.family == IP_NONE)
        return;
    cfg_put(w, "%slocal-address %s", before, x->interface[0] ? x->interface : ip_addr_text(&x->addr, addr));
    if (x->vrf[0])
        cfg_put_name(w, " ", x->vrf);
    cfg_put(w, "\n");
}

static void put_keyring(struct cfg_writer *w, const struct cfg_isakmp_keyring *k)
{
    cfg_put_name(w, "!\ncrypto keyring ", k->name);
    if (k->vrf[0])
        cfg_put_name(w, " vrf ", k->vrf);
    cfg_put(w, "\n");
    if (k->description[0])
        cfg_put(w, "  description %s\n", k->description);
    put_local(w, "  ", &k->local);
    for (unsigned i = 0; i < k->key_count; i++) {
        put_peer(w, "  pre-shared-key ", &k->keys[i], " ");
        cfg_put_key(w, "key ", &k->keys[i].key);
    }
}

static void put_match(struct cfg_writer *w, const struct cfg_id *x, const char *fvrf)
{
    static const char *const kinds[] = {[CFG_ID_FQDN] = "host ",
                                        [CFG_ID_FQDN_DOMAIN] = "host domain ",
                                        [CFG_ID_EMAIL] = "user ",
                                        [CFG_ID_EMAIL_DOMAIN] = "user domain ",
                                        [CFG_ID_KEY_ID] = "group "};
    char text[IP_TEXT_MAX], mask[IP_TEXT_MAX];
    cfg_put(w, "   match identity ");
    if (x->kind == CFG_ID_ADDRESS && x->prefix.addr.family == IP_V6)
        cfg_put(w, "address ipv6 %s", ip_prefix_text(&x->prefix, text));
    else if (x->kind == CFG_ID_ADDRESS)
        cfg_put(w, "address %s %s", ip_addr_text(&x->prefix.addr, text), cfg_mask_text(&x->prefix, mask));
    else
        cfg_put_name(w, kinds[x->kind], x->text);
    if (fvrf[0] && x->kind != CFG_ID_KEY_ID) /* a group's line has none */
        cfg_put_name(w, " ", fvrf);
    cfg_put(w, "\n");
}

static void put_self(struct cfg_writer *w, const struct cfg_id *x)
{
    char text[IP_TEXT_MAX];
    if (x->kind == CFG_ID_ADDRESS && x->prefix.addr.family != IP_NONE)
        cfg_put(w, "   self-identity %s\n", ip_addr_text(&x->prefix.addr, text));
    else if (x->kind == CFG_ID_ADDRESS)
        cfg_put(w, "   self-identity address\n");
    else if (x->kind == CFG_ID_FQDN && !x->text[0])
        cfg_put(w, "   self-identity fqdn\n");
    else if (x->kind != CFG_ID_NONE)
        cfg_put_word(w, x->kind == CFG_ID_FQDN ? "   self-identity fqdn " : "   self-identity user-fqdn ",
                     x->text, "");
}

static void put_profile(struct cfg_writer *w, const struct cfg_isakmp_profile *x)
{
    cfg_put_word(w, "!\ncrypto isakmp profile ", x->name, "");
    if (x->description[0])
        cfg_put(w, "   description %s\n", x->description);
    for (unsigned i = 0; i < x->keyring_count; i++)
        cfg_put_word(w, "   keyring ", x->keyrings[i], "");
    put_self(w, &x->self);
    for (unsigned i = 0; i < x->trustpoint_count; i++)
        cfg_put_word(w, "   ca trust-point ", x->trustpoints[i], "");
    for (unsigned i = 0; i < x->match_count; i++)
        put_match(w, &x->match[i], x->fvrf);
    for (unsigned i = 0; i < x->certmap_count; i++)
        cfg_put_word(w, "   match certificate ", x->certmaps[i].name, "");
    if (x->dpd.set)
        cfg_put(w, "   keepalive %u retry %u\n", x->dpd.interval_s, x->dpd.retry_s);
    if (x->aggressive)
        cfg_put(w, "   initiate mode aggressive\n");
    put_local(w, "   ", &x->local);
    if (x->ivrf[0])
        cfg_put_word(w, "   vrf ", x->ivrf, "");
}

static void put_isakmp_peer(struct cfg_writer *w, const struct cfg_isakmp_peer *x)
{
    char addr[IP_TEXT_MAX];
    if (x->host[0])
        cfg_put_name(w, "!\ncrypto isakmp peer hostname ", x->host);
    else
        cfg_put(w, "!\ncrypto isakmp peer address %s", ip_addr_text(&x->addr, addr));
    if (x->vrf[0])
        cfg_put_name(w, " vrf ", x->vrf);
    cfg_put(w, "\n");
    if (x->description[0])
        cfg_put(w, " description %s\n", x->description);
    if (x->password.n > 0)
        cfg_put_key(w, " set aggressive-mode password ", &x->password);
    if (x->client_id.kind == CFG_ID_ADDRESS)
        cfg_put(w, " set aggressive-mode client-endpoint %s %s\n",
                x->client_id.prefix.addr.family == IP_V6 ? "ipv6-address" : "ipv4-address",
                ip_addr_text(&x->client_id.prefix.addr, addr));
    else if (x->client_id.kind != CFG_ID_NONE)
        cfg_put_word(w,
                     x->client_id.kind == CFG_ID_FQDN ? " set aggressive-mode client-endpoint fqdn "
                                                      : " set aggressive-mode client-endpoint user-fqdn ",
                     x->client_id.text, "");
}

static void put_globals(struct cfg_writer *w, const struct cfg *c)
{
    if (c->isakmp_disabled)
        cfg_put(w, "no crypto isakmp enable\n");
    if (c->isakmp_no_default_policy)
        cfg_put(w, "no crypto isakmp default policy\n");
    if (c->isakmp_identity != CFG_ID_ADDRESS)
        cfg_put(w, "crypto isakmp identity %s\n", c->isakmp_identity == CFG_ID_DN ? "dn" : "hostname");
    if (c->isakmp_dpd.set)
        cfg_put(w, "crypto isakmp keepalive %u %u%s\n", c->isakmp_dpd.interval_s, c->isakmp_dpd.retry_s,
                c->isakmp_dpd.periodic ? " periodic" : "");
    if (c->isakmp_nat_keepalive_s)
        cfg_put(w, "crypto isakmp nat keepalive %u\n", c->isakmp_nat_keepalive_s);
    if (c->isakmp_aggressive_disable)
        cfg_put(w, "crypto isakmp aggressive-mode disable\n");
    if (c->isakmp_fragmentation)
        cfg_put(w, "crypto isakmp fragmentation\n");
    if (c->isakmp_invalid_spi_recovery)
        cfg_put(w, "crypto isakmp invalid-spi-recovery\n");
    if (c->isakmp_disconnect_revoked)
        cfg_put(w, "crypto isakmp disconnect-revoked-peers\n");
    if (c->isakmp_max_sa)
        cfg_put(w, "crypto call admission limit ike sa %u\n", c->isakmp_max_sa);
    if (c->isakmp_max_in_negotiation != CFG_IN_NEGOTIATION_DEFAULT)
        cfg_put(w, "crypto call admission limit ike in-negotiation-sa %u\n", c->isakmp_max_in_negotiation);
}

static void put_global_key(struct cfg_writer *w, const struct cfg_isakmp_key *x)
{
    cfg_put_key_word(w, "crypto isakmp key ", &x->key);
    put_peer(w, " ", x, x->no_xauth ? " no-xauth\n" : "\n");
}

void cfg_write_isakmp(struct cfg_writer *w, const struct cfg *c)
{
    put_globals(w, c);
    for (unsigned i = 0; i < c->isakmp_keyring_count; i++)
        put_keyring(w, &c->isakmp_keyrings[i]);
    for (unsigned i = 0; i < c->isakmp_policy_count; i++)
        put_policy(w, &c->isakmp_policies[i]);
    for (unsigned i = 0; i < c->isakmp_default.key_count; i++)
        put_global_key(w, &c->isakmp_default.keys[i]);
    for (unsigned i = 0; i < c->isakmp_peer_count; i++)
        put_isakmp_peer(w, &c->isakmp_peers[i]);
    for (unsigned i = 0; i < c->isakmp_profile_count; i++)
        put_profile(w, &c->isakmp_profiles[i]);
}
