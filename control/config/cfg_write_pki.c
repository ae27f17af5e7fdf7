#include "control/config/cfg_certmap.h"
#include "control/config/cfg_parser.h"
#include "control/config/cfg_write.h"

#include <string.h>

static void put_enrollment(struct cfg_writer *w, const struct cfg_trustpoint *x)
{
    const char *pem = x->pem ? " pem" : "";
    switch (x->enrollment) {
    case CFG_ENROLL_NONE:
        break;
    case CFG_ENROLL_URL:
        cfg_put_word(w, " enrollment url ", x->url, pem);
        break;
    case CFG_ENROLL_TERMINAL:
        cfg_put(w, " enrollment terminal%s\n", pem);
        break;
    case CFG_ENROLL_SELFSIGNED:
        cfg_put(w, " enrollment selfsigned\n");
        break;
    case CFG_ENROLL_PKCS12:
        cfg_put(w, " enrollment pkcs12\n");
        break;
    case CFG_ENROLL_PROFILE:
        cfg_put_word(w, " enrollment profile ", x->profile, "");
        break;
    }
    if (x->ra)
        cfg_put(w, " enrollment mode ra\n");
    if (x->proxy_host[0]) {
        cfg_put_name(w, " enrollment http-proxy ", x->proxy_host);
        cfg_put(w, " %u\n", x->proxy_port);
    }
    if (x->retry_count != CFG_RETRY_COUNT_DEFAULT)
        cfg_put(w, " enrollment retry count %u\n", x->retry_count);
    if (x->retry_period_min != CFG_RETRY_PERIOD_DEFAULT)
        cfg_put(w, " enrollment retry period %u\n", x->retry_period_min);
}

static void put_request(struct cfg_writer *w, const struct cfg_trustpoint *x)
{
    static const char *const hashes[] = {[CFG_HASH_MD5] = "md5",
                                         [CFG_HASH_SHA1] = "sha1",
                                         [CFG_HASH_SHA256] = "sha256",
                                         [CFG_HASH_SHA384] = "sha384",
                                         [CFG_HASH_SHA512] = "sha512"};
    if (x->serial_number || x->serial_none)
        cfg_put(w, " serial-number%s\n", x->serial_none ? " none" : "");
    if (x->fqdn[0])
        cfg_put_word(w, " fqdn ", x->fqdn, "");
    if (x->ip_address[0])
        cfg_put_word(w, " ip-address ", x->ip_address, "");
    if (x->password.n > 0 && x->password_7 && w->show_keys)
        cfg_put(w, " password 7 %.*s\n", (int)x->password.n, (const char *)x->password.p);
    else if (x->password.n > 0)
        cfg_put_key(w, " password ", &x->password);
    if (x->subject_name[0])
        cfg_put(w, " subject-name %s\n", x->subject_name);
    if (x->key_label[0]) {
        cfg_put_name(w, x->key_ec ? " eckeypair " : " rsakeypair ", x->key_label);
        if (x->key_bits)
            cfg_put(w, " %u", x->key_bits);
        if (x->key_bits_encryption)
            cfg_put(w, " %u", x->key_bits_encryption);
        cfg_put(w, "\n");
    }
    if (x->hash)
        cfg_put(w, " hash %s\n", hashes[x->hash]);
    if (x->auto_enroll) {
        cfg_put(w, " auto-enroll");
        if (x->auto_enroll_percent != 100)
            cfg_put(w, " %u", x->auto_enroll_percent);
        cfg_put(w, "%s\n", x->regenerate ? " regenerate" : "");
    }
}

static void put_trust_match(struct cfg_writer *w, const struct cfg_trust_match *x)
{
    static const char before[] = " match certificate ";
    if (x->allow_expired)
        cfg_put_word(w, before, x->map, " allow expired-certificate");
    if (x->skip_revocation)
        cfg_put_word(w, before, x->map, " skip revocation-check");
    if (x->skip_authorization)
        cfg_put_word(w, before, x->map, " skip authorization-check");
    if (x->cdp_url[0]) {
        cfg_put_name(w, before, x->map);
        cfg_put_word(w, " override cdp url ", x->cdp_url, "");
    }
    if (x->ocsp_url[0]) {
        cfg_put_name(w, before, x->map);
        cfg_put(w, " override ocsp ");
        if (x->ocsp_order)
            cfg_put(w, "%u ", x->ocsp_order);
        cfg_put_word(w, "url ", x->ocsp_url, "");
    }
}

static void put_validation(struct cfg_writer *w, const struct cfg_trustpoint *x)
{
    static const char *const methods[] = {"none", "crl", "ocsp"};
    for (unsigned i = 0; i < x->revocation_count; i++)
        cfg_put(w, "%s%s", i ? " " : " revocation-check ", methods[x->revocation[i]]);
    cfg_put(w, "%s", x->revocation_count ? "\n" : "");
    if (x->chain_set && x->chain_parent[0])
        cfg_put_word(w, " chain-validation continue ", x->chain_parent, "");
    else if (x->chain_set)
        cfg_put(w, " chain-validation %s\n", x->chain_continue ? "continue" : "stop");
    if (x->crl_url[0])
        cfg_put_word(w, " crl query ", x->crl_url, "");
    if (x->crl_cache_none)
        cfg_put(w, " crl cache none\n");
    if (x->crl_delete_after_min)
        cfg_put(w, " crl cache delete-after %u\n", x->crl_delete_after_min);
    if (x->crl_extend_min)
        cfg_put(w, " crl cache extend %u\n", x->crl_extend_min);
    if (x->crl_optional)
        cfg_put(w, " crl optional\n");
    if (x->ocsp_url[0])
        cfg_put_word(w, " ocsp url ", x->ocsp_url, "");
    if (x->ocsp_no_nonce)
        cfg_put(w, " ocsp disable-nonce\n");
    for (unsigned i = 0; i < x->match_count; i++)
        put_trust_match(w, &x->match[i]);
}

static void put_trustpoint(struct cfg_writer *w, const struct cfg_trustpoint *x)
{
    cfg_put_word(w, "!\ncrypto pki trustpoint ", x->name, "");
    put_enrollment(w, x);
    put_request(w, x);
    if (x->fingerprint_len > 0) {
        cfg_put(w, " fingerprint ");
        for (unsigned i = 0; i < x->fingerprint_len; i++)
            cfg_put(w, "%02X", x->fingerprint[i]);
        cfg_put(w, "\n");
    }
    if (x->vrf[0])
        cfg_put_word(w, " vrf ", x->vrf, "");
    if (x->source_interface[0])
        cfg_put(w, " source interface %s\n", x->source_interface);
    put_validation(w, x);
    if (x->usage_ike || x->usage_ssl_client || x->usage_ssl_server)
        cfg_put(w, " usage%s%s%s\n", x->usage_ike ? " ike" : "", x->usage_ssl_client ? " ssl-client" : "",
                x->usage_ssl_server ? " ssl-server" : "");
    if (x->primary)
        cfg_put(w, " primary\n");
    if (x->storage[0])
        cfg_put(w, " storage %s\n", x->storage);
}

static void put_certmap(struct cfg_writer *w, const struct cfg_certmap *x)
{
    char when[32];
    cfg_put_name(w, "!\ncrypto pki certificate map ", x->name);
    cfg_put(w, " %u\n", x->seq);
    for (unsigned i = 0; i < x->line_count; i++) {
        const struct cfg_certmap_line *l = &x->lines[i];
        bool time = l->field == CFG_CERT_EXPIRES_ON || l->field == CFG_CERT_VALID_START;
        if (time)
            cfg_certmap_time_text(l->time, when);
        cfg_put(w, " %s %s %s\n", cfg_certmap_field_word(l->field), cfg_certmap_op_word(l->op),
                time ? when : l->text);
    }
}

/* As a router: eight groups of eight digits in a line. */
static void put_certificate(struct cfg_writer *w, const struct cfg_certificate *x)
{
    static const char *const kinds[] = {"", "ca ", "self-signed ", "ra-sign "};
    cfg_put(w, " certificate %s", kinds[x->kind]);
    cfg_put_name(w, "", x->serial);
    if (x->file[0]) {
        cfg_put_word(w, " ", x->file, "");
        return;
    }
    for (size_t i = 0; i < x->n; i++)
        cfg_put(w, "%s%02X", i % 32 == 0 ? "\n  " : i % 4 == 0 ? " " : "", x->der[i]);
    cfg_put(w, "\n  \tquit\n");
}

static bool first_of_chain(const struct cfg *c, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (strcmp(c->certificates[k].trustpoint, c->certificates[i].trustpoint) == 0)
            return false;
    return true;
}

void cfg_write_pki(struct cfg_writer *w, const struct cfg *c)
{
    for (unsigned i = 0; i < c->trustpoint_count; i++)
        put_trustpoint(w, &c->trustpoints[i]);
    for (unsigned i = 0; i < c->certmap_count; i++)
        put_certmap(w, &c->certmaps[i]);
    for (unsigned i = 0; i < c->certificate_count; i++) {
        if (!first_of_chain(c, i))
            continue;
        cfg_put_word(w, "!\ncrypto pki certificate chain ", c->certificates[i].trustpoint, "");
        for (unsigned k = i; k < c->certificate_count; k++)
            if (strcmp(c->certificates[k].trustpoint, c->certificates[i].trustpoint) == 0)
                put_certificate(w, &c->certificates[k]);
    }
}
