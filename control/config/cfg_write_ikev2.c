#include "control/config/cfg_write.h"

#include "control/config/cfg_alg.h"

#include <string.h>

/* The built-in proposal has something in each list; edited, a list is empty only when that is said. */
static void end_list(struct cfg_writer *w, const struct cfg_ikev2_proposal *x, unsigned count,
                     const char *what)
{
    if (count)
        cfg_put(w, "\n");
    else if (strcmp(x->name, "default") == 0)
        cfg_put(w, " no %s\n", what);
}

static void put_proposal(struct cfg_writer *w, const struct cfg_ikev2_proposal *x)
{
    cfg_put_word(w, "!\ncrypto ikev2 proposal ", x->name, "");
    for (unsigned i = 0; i < x->encr_count; i++)
        cfg_put(w, "%s%s", i ? " " : " encryption ",
                cfg_alg_ike_encr_word(x->encr[i].id, x->encr[i].key_bits));
    end_list(w, x, x->encr_count, "encryption");
    for (unsigned i = 0; i < x->integ_count; i++)
        cfg_put(w, "%s%s", i ? " " : " integrity ", cfg_alg_integ_word(x->integ[i]));
    end_list(w, x, x->integ_count, "integrity");
    for (unsigned i = 0; i < x->prf_count; i++)
        cfg_put(w, "%s%s", i ? " " : " prf ", cfg_alg_prf_word(x->prf[i]));
    end_list(w, x, x->prf_count, "prf");
    for (unsigned i = 0; i < x->group_count; i++)
        cfg_put(w, "%s%u", i ? " " : " group ", x->group[i]);
    end_list(w, x, x->group_count, "group");
}

static void put_policy(struct cfg_writer *w, const struct cfg_ikev2_policy *x)
{
    char addr[IP_TEXT_MAX];
    cfg_put_word(w, "!\ncrypto ikev2 policy ", x->name, "");
    /* the built-in one is for any fVRF; edited, it stays so unless it says otherwise */
    if (x->fvrf[0])
        cfg_put_word(w, " match fvrf ", x->fvrf, "");
    else if (strcmp(x->name, "default") == 0 && !x->fvrf_any)
        cfg_put(w, " no match fvrf any\n");
    else if (x->fvrf_any)
        cfg_put(w, " match fvrf any\n");
    for (unsigned i = 0; i < x->local_count; i++)
        cfg_put(w, " match address local %s\n", ip_addr_text(&x->local[i], addr));
    for (unsigned i = 0; i < x->proposal_count; i++)
        cfg_put_word(w, " proposal ", x->proposals[i], "");
}

static void put_identity(struct cfg_writer *w, const char *before, const struct cfg_id *x, bool host_mask)
{
    static const char *const kinds[] = {[CFG_ID_FQDN] = "fqdn ",
                                        [CFG_ID_FQDN_DOMAIN] = "fqdn domain ",
                                        [CFG_ID_EMAIL] = "email ",
                                        [CFG_ID_EMAIL_DOMAIN] = "email domain ",
                                        [CFG_ID_KEY_ID] = "key-id "};
    cfg_put(w, "%s", before);
    if (x->kind == CFG_ID_ADDRESS)
        cfg_put_prefix(w, "address ", &x->prefix, host_mask);
    else if (x->kind == CFG_ID_ANY || x->kind == CFG_ID_DN)
        cfg_put(w, "%s\n", x->kind == CFG_ID_ANY ? "any" : "dn");
    else
        cfg_put_word(w, kinds[x->kind], x->text, "");
}

static bool same_secret(const struct secret *a, const struct secret *b)
{
    return a->n == b->n && (a->n == 0 || secret_equal(a->p, b->p, a->n));
}

static void put_peer(struct cfg_writer *w, const struct cfg_ikev2_peer *x)
{
    cfg_put_word(w, " peer ", x->tag, "");
    if (x->description[0])
        cfg_put(w, "  description %s\n", x->description);
    if (x->has_address)
        cfg_put_prefix(w, "  address ", &x->address, false);
    if (x->hostname[0])
        cfg_put_word(w, "  hostname ", x->hostname, "");
    if (x->identity.kind != CFG_ID_NONE)
        put_identity(w, "  identity ", &x->identity, false);
    if (x->psk_local.n > 0 && same_secret(&x->psk_local, &x->psk_remote)) {
        cfg_put_key(w, "  pre-shared-key ", &x->psk_local);
        return;
    }
    if (x->psk_local.n > 0)
        cfg_put_key(w, "  pre-shared-key local ", &x->psk_local);
    if (x->psk_remote.n > 0)
        cfg_put_key(w, "  pre-shared-key remote ", &x->psk_remote);
}

static void put_method(struct cfg_writer *w, const char *side, unsigned methods, unsigned bit,
                       const char *word, const struct secret *key)
{
    if (!(methods & bit))
        return;
    cfg_put(w, " authentication %s %s", side, word);
    if (bit == CFG_AUTH_PSK && key->n > 0)
        cfg_put_key(w, " key ", key);
    else
        cfg_put(w, "\n");
}

static void put_authentication(struct cfg_writer *w, const char *side, unsigned methods,
                               const struct secret *key)
{
    put_method(w, side, methods, CFG_AUTH_PSK, "pre-share", key);
    put_method(w, side, methods, CFG_AUTH_RSA_SIG, "rsa-sig", key);
    put_method(w, side, methods, CFG_AUTH_ECDSA_SIG, "ecdsa-sig", key);
    put_method(w, side, methods, CFG_AUTH_EAP, "eap", key);
}

static void put_dpd(struct cfg_writer *w, const char *before, const struct cfg_dpd *x)
{
    if (x->set)
        cfg_put(w, "%sdpd %u %u %s\n", before, x->interval_s, x->retry_s,
                x->periodic ? "periodic" : "on-demand");
}

static void put_matches(struct cfg_writer *w, const struct cfg_ikev2_profile *x)
{
    char addr[IP_TEXT_MAX];
    if (x->fvrf[0])
        cfg_put_word(w, " match fvrf ", x->fvrf, "");
    if (x->fvrf_any)
        cfg_put(w, " match fvrf any\n");
    for (unsigned i = 0; i < x->local_count; i++)
        if (x->local[i].interface[0])
            cfg_put(w, " match address local interface %s\n", x->local[i].interface);
        else
            cfg_put(w, " match address local %s\n", ip_addr_text(&x->local[i].addr, addr));
    for (unsigned i = 0; i < x->match_count; i++)
        put_identity(w, " match identity remote ", &x->match[i], true);
    for (unsigned i = 0; i < x->certmap_count; i++)
        cfg_put_word(w, " match certificate ", x->certmaps[i].name, "");
    if (x->identity.kind != CFG_ID_NONE)
        put_identity(w, " identity local ", &x->identity, false);
}

static void put_profile(struct cfg_writer *w, const struct cfg_ikev2_profile *x)
{
    cfg_put_word(w, "!\ncrypto ikev2 profile ", x->name, "");
    if (x->description[0])
        cfg_put(w, " description %s\n", x->description);
    put_matches(w, x);
    put_authentication(w, "remote", x->auth_remote, &x->auth_remote_key);
    put_authentication(w, "local", x->auth_local, &x->auth_local_key);
    if (x->keyring[0])
        cfg_put_word(w, " keyring local ", x->keyring, "");
    for (unsigned i = 0; i < x->trustpoint_count; i++)
        cfg_put_word(w, " pki trustpoint ", x->trustpoints[i].name,
                     !x->trustpoints[i].verify ? " sign"
                     : !x->trustpoints[i].sign ? " verify"
                                               : "");
    if (x->lifetime_certificate)
        cfg_put(w, " lifetime certificate\n");
    if (x->lifetime_s != 86400)
        cfg_put(w, " lifetime %u\n", x->lifetime_s);
    put_dpd(w, " ", &x->dpd);
    if (x->nat_keepalive_s)
        cfg_put(w, " nat keepalive %u\n", x->nat_keepalive_s);
    if (x->initial_contact_force)
        cfg_put(w, " initial-contact force\n");
    if (x->ivrf[0])
        cfg_put_word(w, " ivrf ", x->ivrf, "");
    if (x->shutdown)
        cfg_put(w, " shutdown\n");
}

static void put_globals(struct cfg_writer *w, const struct cfg *c)
{
    put_dpd(w, "crypto ikev2 ", &c->ikev2_dpd);
    if (c->ikev2_nat_keepalive_s)
        cfg_put(w, "crypto ikev2 nat keepalive %u\n", c->ikev2_nat_keepalive_s);
    if (c->ikev2_cookie_challenge)
        cfg_put(w, "crypto ikev2 cookie-challenge %u\n", c->ikev2_cookie_challenge);
    if (c->ikev2_max_in_negotiation != CFG_IN_NEGOTIATION_DEFAULT)
        cfg_put(w, "crypto ikev2 limit max-in-negotation-sa %u incoming\n", c->ikev2_max_in_negotiation);
    if (c->ikev2_max_out_negotiation != 400)
        cfg_put(w, "crypto ikev2 limit max-in-negotation-sa %u outgoing\n", c->ikev2_max_out_negotiation);
    if (c->ikev2_max_sa)
        cfg_put(w, "crypto ikev2 limit max-sa %u\n", c->ikev2_max_sa);
    if (c->ikev2_window != 5)
        cfg_put(w, "crypto ikev2 window %u\n", c->ikev2_window);
    if (!c->ikev2_fragmentation)
        cfg_put(w, "no crypto ikev2 fragmentation\n");
    else if (c->ikev2_fragmentation_mtu != 1280)
        cfg_put(w, "crypto ikev2 fragmentation mtu %u\n", c->ikev2_fragmentation_mtu);
    if (c->ikev2_http_url_cert)
        cfg_put(w, "crypto ikev2 http-url cert\n");
    if (c->ikev2_disconnect_revoked)
        cfg_put(w, "crypto ikev2 disconnect-revoked-peers\n");
    if (c->logging_session)
        cfg_put(w, "crypto logging session\n");
    if (c->logging_ikev2)
        cfg_put(w, "crypto logging ikev2\n");
}

void cfg_write_ikev2(struct cfg_writer *w, const struct cfg *c)
{
    put_globals(w, c);
    if (!cfg_find_proposal(c, "default"))
        cfg_put(w, "no crypto ikev2 proposal default\n");
    for (unsigned i = 0; i < c->proposal_count; i++)
        if (!c->proposals[i].builtin)
            put_proposal(w, &c->proposals[i]);
    if (!cfg_find_policy(c, "default"))
        cfg_put(w, "no crypto ikev2 policy default\n");
    for (unsigned i = 0; i < c->policy_count; i++)
        if (!c->policies[i].builtin)
            put_policy(w, &c->policies[i]);
    for (unsigned i = 0; i < c->keyring_count; i++) {
        cfg_put_word(w, "!\ncrypto ikev2 keyring ", c->keyrings[i].name, "");
        for (unsigned k = 0; k < c->keyrings[i].peer_count; k++)
            put_peer(w, &c->keyrings[i].peers[k]);
    }
    for (unsigned i = 0; i < c->profile_count; i++)
        put_profile(w, &c->profiles[i]);
}
