#include "control/cli/cli_alg.h"

#include "control/cli/cli_text.h"
#include "control/config/cfg_alg.h"

#include <stdio.h>

const char *cli_alg_encr1(uint16_t encr, uint16_t key_bits, char *out)
{
    switch (encr) {
    case CV_ENCR_DES:
        return "des";
    case CV_ENCR_3DES:
        return "3des";
    case CV_ENCR_AES_CBC:
        snprintf(out, IP_TEXT_MAX, key_bits > 128 ? "aes %u" : "aes", key_bits);
        return out;
    default:
        return "";
    }
}

const char *cli_alg_encr1_short(uint16_t encr, uint16_t key_bits, char *out)
{
    return encr == CV_ENCR_AES_CBC ? "aes" : cli_alg_encr1(encr, key_bits, out);
}

const char *cli_alg_encr1_long(uint16_t encr, uint16_t key_bits, char *out)
{
    switch (encr) {
    case CV_ENCR_DES:
        return "DES - Data Encryption Standard (56 bit keys).";
    case CV_ENCR_3DES:
        return "Three key triple DES";
    case CV_ENCR_AES_CBC:
        snprintf(out, IP_TEXT_MAX, "AES - Advanced Encryption Standard (%u bit keys).",
                 key_bits ? key_bits : 128u);
        return out;
    default:
        return "unknown";
    }
}

enum cfg_hash cli_alg_hash_of(const struct ike_sa_view *v)
{
    if (v->hash)
        return (enum cfg_hash)v->hash;
    switch (v->integ) {
    case CV_INTEG_HMAC_MD5_96:
        return CFG_HASH_MD5;
    case CV_INTEG_HMAC_SHA1_96:
        return CFG_HASH_SHA1;
    case CV_INTEG_HMAC_SHA2_256_128:
        return CFG_HASH_SHA256;
    case CV_INTEG_HMAC_SHA2_384_192:
        return CFG_HASH_SHA384;
    case CV_INTEG_HMAC_SHA2_512_256:
        return CFG_HASH_SHA512;
    default:
        return (enum cfg_hash)0;
    }
}

const char *cli_alg_hash_long(enum cfg_hash h)
{
    switch (h) {
    case CFG_HASH_MD5:
        return "Message Digest 5";
    case CFG_HASH_SHA1:
        return "Secure Hash Standard";
    case CFG_HASH_SHA256:
        return "Secure Hash Standard 2 (256 bit)";
    case CFG_HASH_SHA384:
        return "Secure Hash Standard 2 (384 bit)";
    case CFG_HASH_SHA512:
        return "Secure Hash Standard 2 (512 bit)";
    default:
        return "unknown";
    }
}

const char *cli_alg_auth_word(unsigned auth)
{
    return auth & CFG_AUTH_PSK         ? "pre-share"
           : auth & CFG_AUTH_RSA_SIG   ? "rsa-sig"
           : auth & CFG_AUTH_ECDSA_SIG ? "ecdsa-sig"
           : auth & CFG_AUTH_EAP       ? "eap"
                                       : "none";
}

const char *cli_alg_auth_long(unsigned auth)
{
    return auth & CFG_AUTH_PSK         ? "Pre-Shared Key"
           : auth & CFG_AUTH_RSA_SIG   ? "Rivest-Shamir-Adleman Signature"
           : auth & CFG_AUTH_ECDSA_SIG ? "Elliptic Curve Digital Signature"
                                       : "none";
}

unsigned cli_alg_group_bits(uint16_t group)
{
    static const struct {
        uint16_t group, bits;
    } bits[] = {{1, 768},   {2, 1024}, {5, 1536}, {14, 2048}, {15, 3072},
                {16, 4096}, {19, 256}, {20, 384}, {21, 521},  {24, 2048}};
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (bits[i].group == group)
            return bits[i].bits;
    return 0;
}

const char *cli_alg_group_name(uint16_t group, char out[64])
{
    bool curve = group >= 19 && group <= 21, subgroup = group == 24;
    snprintf(out, 64, "DH_GROUP_%u_%s/Group %u", cli_alg_group_bits(group),
             curve      ? "ECP"
             : subgroup ? "256_MODP"
                        : "MODP",
             group);
    return out;
}

static void address(const struct cfg_id *id, const char *word, char *out, size_t room)
{
    char a[IP_TEXT_MAX], m[IP_TEXT_MAX];
    ip_addr_text(&id->prefix.addr, a);
    if (id->prefix.addr.family == IP_V4)
        snprintf(out, room, "%s %s %s", word, a, cli_mask(id->prefix.len, m));
    else
        snprintf(out, room, "%s %s/%u", word, a, id->prefix.len);
}

const char *cli_alg_match1(const struct cfg_id *id, char *out)
{
    enum { ROOM = CFG_TEXT_MAX + IP_TEXT_MAX };
    static const char *const words[] = {[CFG_ID_FQDN] = "host",
                                        [CFG_ID_FQDN_DOMAIN] = "host domain",
                                        [CFG_ID_EMAIL] = "user",
                                        [CFG_ID_EMAIL_DOMAIN] = "user domain",
                                        [CFG_ID_KEY_ID] = "group"};
    if (id->kind == CFG_ID_ADDRESS)
        address(id, "ip-address", out, ROOM);
    else if ((unsigned)id->kind < sizeof words / sizeof words[0] && words[id->kind])
        snprintf(out, ROOM, "%s %s", words[id->kind], id->text);
    else
        snprintf(out, ROOM, "any");
    return out;
}

const char *cli_alg_match2(const struct cfg_id *id, char *out)
{
    enum { ROOM = CFG_TEXT_MAX + IP_TEXT_MAX };
    static const char *const words[] = {[CFG_ID_FQDN] = "fqdn",
                                        [CFG_ID_FQDN_DOMAIN] = "fqdn domain",
                                        [CFG_ID_EMAIL] = "email",
                                        [CFG_ID_EMAIL_DOMAIN] = "email domain",
                                        [CFG_ID_KEY_ID] = "key-id"};
    if (id->kind == CFG_ID_ADDRESS)
        address(id, "address", out, ROOM);
    else if ((unsigned)id->kind < sizeof words / sizeof words[0] && words[id->kind])
        snprintf(out, ROOM, "%s %s", words[id->kind], id->text);
    else
        snprintf(out, ROOM, id->kind == CFG_ID_DN ? "dn" : "any");
    return out;
}

const char *cli_alg_set(const struct cfg_transform_set *s, char *out)
{
    char esp[CLI_TEXT_MAX] = "";
    if (s->encr)
        cli_transform(s->encr, s->key_bits, s->integ, esp);
    if (s->ah_integ == CV_INTEG_NONE)
        snprintf(out, CLI_TEXT_MAX, "%s", esp);
    else
        snprintf(out, CLI_TEXT_MAX, "%s%s%s", cfg_alg_ah_integ_word(s->ah_integ), esp[0] ? " " : "", esp);
    return out;
}
