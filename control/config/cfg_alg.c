#include "control/config/cfg_alg.h"

#include <stddef.h>
#include <string.h>

/* IANA "IKEv2 Transform Type 2": pseudorandom functions. */
enum { PRF_MD5 = 1, PRF_SHA1 = 2, PRF_SHA256 = 5, PRF_SHA384 = 6, PRF_SHA512 = 7 };

static const struct cfg_alg ike_encr[] = {
    {"des", CV_ENCR_DES, 0},
    {"3des", CV_ENCR_3DES, 0},
    {"aes-cbc-128", CV_ENCR_AES_CBC, 128},
    {"aes-cbc-192", CV_ENCR_AES_CBC, 192},
    {"aes-cbc-256", CV_ENCR_AES_CBC, 256},
    {"aes-gcm-128", CV_ENCR_AES_GCM_16, 128},
    {"aes-gcm-192", CV_ENCR_AES_GCM_16, 192},
    {"aes-gcm-256", CV_ENCR_AES_GCM_16, 256},
    {"chacha20-poly1305", CV_ENCR_CHACHA20_POLY1305, 0},
    {NULL, 0, 0},
};
static const struct cfg_alg integ[] = {
    {"md5", CV_INTEG_HMAC_MD5_96, 0},          {"sha1", CV_INTEG_HMAC_SHA1_96, 0},
    {"sha256", CV_INTEG_HMAC_SHA2_256_128, 0}, {"sha384", CV_INTEG_HMAC_SHA2_384_192, 0},
    {"sha512", CV_INTEG_HMAC_SHA2_512_256, 0}, {NULL, 0, 0},
};
static const struct cfg_alg prf[] = {
    {"md5", PRF_MD5, 0},       {"sha1", PRF_SHA1, 0},     {"sha256", PRF_SHA256, 0},
    {"sha384", PRF_SHA384, 0}, {"sha512", PRF_SHA512, 0}, {NULL, 0, 0},
};
static const struct cfg_alg esp_encr[] = {
    {"esp-des", CV_ENCR_DES, 0},
    {"esp-3des", CV_ENCR_3DES, 0},
    {"esp-aes", CV_ENCR_AES_CBC, 0},
    {"esp-gcm", CV_ENCR_AES_GCM_16, 0},
    {"esp-gmac", CV_ENCR_NULL_AES_GMAC, 0},
    {"esp-null", CV_ENCR_NULL, 0},
    {"esp-chacha20-poly1305", CV_ENCR_CHACHA20_POLY1305, 0},
    {NULL, 0, 0},
};
static const struct cfg_alg esp_integ[] = {
    {"esp-md5-hmac", CV_INTEG_HMAC_MD5_96, 0},          {"esp-sha-hmac", CV_INTEG_HMAC_SHA1_96, 0},
    {"esp-sha256-hmac", CV_INTEG_HMAC_SHA2_256_128, 0}, {"esp-sha384-hmac", CV_INTEG_HMAC_SHA2_384_192, 0},
    {"esp-sha512-hmac", CV_INTEG_HMAC_SHA2_512_256, 0}, {NULL, 0, 0},
};
static const struct cfg_alg ah_integ[] = {
    {"ah-md5-hmac", CV_INTEG_HMAC_MD5_96, 0},          {"ah-sha-hmac", CV_INTEG_HMAC_SHA1_96, 0},
    {"ah-sha256-hmac", CV_INTEG_HMAC_SHA2_256_128, 0}, {"ah-sha384-hmac", CV_INTEG_HMAC_SHA2_384_192, 0},
    {"ah-sha512-hmac", CV_INTEG_HMAC_SHA2_512_256, 0}, {NULL, 0, 0},
};

static const struct cfg_alg *by_word(const struct cfg_alg *t, const char *word)
{
    for (; t->word; t++)
        if (strcmp(t->word, word) == 0)
            return t;
    return NULL;
}

static const char *by_id(const struct cfg_alg *t, uint16_t id, uint16_t key_bits)
{
    for (; t->word; t++)
        if (t->id == id && t->key_bits == key_bits)
            return t->word;
    return "?";
}

const struct cfg_alg *cfg_alg_ike_encr(const char *word)
{
    return by_word(ike_encr, word);
}

const struct cfg_alg *cfg_alg_integ(const char *word)
{
    return by_word(integ, word);
}

const struct cfg_alg *cfg_alg_prf(const char *word)
{
    return by_word(prf, word);
}

const struct cfg_alg *cfg_alg_esp_encr(const char *word)
{
    return by_word(esp_encr, word);
}

const struct cfg_alg *cfg_alg_esp_integ(const char *word)
{
    return by_word(esp_integ, word);
}

const struct cfg_alg *cfg_alg_ah_integ(const char *word)
{
    return by_word(ah_integ, word);
}

const char *cfg_alg_ike_encr_word(uint16_t id, uint16_t key_bits)
{
    return by_id(ike_encr, id, key_bits);
}

const char *cfg_alg_integ_word(uint16_t id)
{
    return by_id(integ, id, 0);
}

const char *cfg_alg_prf_word(uint16_t id)
{
    return by_id(prf, id, 0);
}

const char *cfg_alg_esp_encr_word(uint16_t id)
{
    return by_id(esp_encr, id, 0);
}

const char *cfg_alg_esp_integ_word(uint16_t id)
{
    return by_id(esp_integ, id, 0);
}

const char *cfg_alg_ah_integ_word(uint16_t id)
{
    return by_id(ah_integ, id, 0);
}

bool cfg_alg_sized(uint16_t encr)
{
    return encr == CV_ENCR_AES_CBC || encr == CV_ENCR_AES_GCM_16 || encr == CV_ENCR_NULL_AES_GMAC;
}

bool cfg_alg_aead(uint16_t encr)
{
    return encr == CV_ENCR_AES_GCM_16 || encr == CV_ENCR_NULL_AES_GMAC || encr == CV_ENCR_CHACHA20_POLY1305;
}

uint16_t cfg_alg_prf_of_integ(uint16_t id)
{
    const struct cfg_alg *a = cfg_alg_prf(cfg_alg_integ_word(id));
    return a ? a->id : 0;
}

bool cfg_alg_weak_encr(uint16_t encr)
{
    return encr == CV_ENCR_DES || encr == CV_ENCR_3DES;
}

bool cfg_alg_weak_hash(const char *word)
{
    return strstr(word, "md5") != NULL;
}

/* RFC 8247 2.4: too short, or of a small subgroup of unknown origin. */
bool cfg_alg_weak_group(uint16_t group)
{
    return group == 1 || group == 2 || group == 5 || group == 24;
}

const char *cfg_alg_hash_word(enum cfg_hash h)
{
    switch (h) {
    case CFG_HASH_MD5:
        return "md5";
    case CFG_HASH_SHA1:
        return "sha";
    case CFG_HASH_SHA256:
        return "sha256";
    case CFG_HASH_SHA384:
        return "sha384";
    case CFG_HASH_SHA512:
        return "sha512";
    default:
        return "";
    }
}
