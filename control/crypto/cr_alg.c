#include "control/crypto/cr_alg.h"

/* One row per cipher and key length. IANA transform type 1; lengths from RFC 3602, RFC 2451, RFC 4106, RFC 4543,
 * RFC 5282, RFC 7634. ENCR_NULL and GMAC give no secrecy, so IKE itself never takes them (RFC 7296 3.3.2). */
static const struct cr_encr_alg encr_table[] = {
    {.id = CV_ENCR_DES, .key_len = 8, .iv_len = 8, .block = 8, .weak = true, .name = "DES-CBC", .ios = "des"},
    {.id = CV_ENCR_3DES,
     .key_len = 24,
     .iv_len = 8,
     .block = 8,
     .ike = true,
     .esp = true,
     .weak = true,
     .name = "3DES-CBC",
     .ios = "3des"},
    {.id = CV_ENCR_NULL, .block = 1, .esp = true, .weak = true, .name = "NULL"},
    {.id = CV_ENCR_AES_CBC,
     .key_bits = 128,
     .key_len = 16,
     .iv_len = 16,
     .block = 16,
     .ike = true,
     .esp = true,
     .name = "AES-CBC",
     .ios = "aes-cbc-128"},
    {.id = CV_ENCR_AES_CBC,
     .key_bits = 192,
     .key_len = 24,
     .iv_len = 16,
     .block = 16,
     .ike = true,
     .esp = true,
     .name = "AES-CBC",
     .ios = "aes-cbc-192"},
    {.id = CV_ENCR_AES_CBC,
     .key_bits = 256,
     .key_len = 32,
     .iv_len = 16,
     .block = 16,
     .ike = true,
     .esp = true,
     .name = "AES-CBC",
     .ios = "aes-cbc-256"},
    {.id = CV_ENCR_AES_GCM_16,
     .key_bits = 128,
     .key_len = 16,
     .salt_len = 4,
     .iv_len = 8,
     .block = 1,
     .icv_len = 16,
     .aead = true,
     .ike = true,
     .esp = true,
     .name = "AES-GCM",
     .ios = "aes-gcm-128"},
    {.id = CV_ENCR_AES_GCM_16,
     .key_bits = 192,
     .key_len = 24,
     .salt_len = 4,
     .iv_len = 8,
     .block = 1,
     .icv_len = 16,
     .aead = true,
     .ike = true,
     .esp = true,
     .name = "AES-GCM"},
    {.id = CV_ENCR_AES_GCM_16,
     .key_bits = 256,
     .key_len = 32,
     .salt_len = 4,
     .iv_len = 8,
     .block = 1,
     .icv_len = 16,
     .aead = true,
     .ike = true,
     .esp = true,
     .name = "AES-GCM",
     .ios = "aes-gcm-256"},
    {.id = CV_ENCR_NULL_AES_GMAC,
     .key_bits = 128,
     .key_len = 16,
     .salt_len = 4,
     .iv_len = 8,
     .block = 1,
     .icv_len = 16,
     .aead = true,
     .esp = true,
     .name = "AES-GMAC"},
    {.id = CV_ENCR_NULL_AES_GMAC,
     .key_bits = 192,
     .key_len = 24,
     .salt_len = 4,
     .iv_len = 8,
     .block = 1,
     .icv_len = 16,
     .aead = true,
     .esp = true,
     .name = "AES-GMAC"},
    {.id = CV_ENCR_NULL_AES_GMAC,
     .key_bits = 256,
     .key_len = 32,
     .salt_len = 4,
     .iv_len = 8,
     .block = 1,
     .icv_len = 16,
     .aead = true,
     .esp = true,
     .name = "AES-GMAC"},
    {.id = CV_ENCR_CHACHA20_POLY1305,
     .key_len = 32,
     .salt_len = 4,
     .iv_len = 8,
     .block = 1,
     .icv_len = 16,
     .aead = true,
     .ike = true,
     .esp = true,
     .name = "CHACHA20-POLY1305"},
};

/* RFC 2403, RFC 2404, RFC 4868. */
static const struct cr_integ_alg integ_table[] = {
    {CV_INTEG_HMAC_MD5_96, 16, 12, true, "HMAC-MD5-96", "md5", "MD5"},
    {CV_INTEG_HMAC_SHA1_96, 20, 12, false, "HMAC-SHA1-96", "sha1", "SHA1"},
    {CV_INTEG_HMAC_SHA2_256_128, 32, 16, false, "HMAC-SHA2-256-128", "sha256", "SHA256"},
    {CV_INTEG_HMAC_SHA2_384_192, 48, 24, false, "HMAC-SHA2-384-192", "sha384", "SHA384"},
    {CV_INTEG_HMAC_SHA2_512_256, 64, 32, false, "HMAC-SHA2-512-256", "sha512", "SHA512"},
};

static const struct cr_prf_alg prf_table[] = {
    {CR_PRF_HMAC_MD5, 16, true, "PRF-HMAC-MD5", "md5", "MD5"},
    {CR_PRF_HMAC_SHA1, 20, false, "PRF-HMAC-SHA1", "sha1", "SHA1"},
    {CR_PRF_HMAC_SHA2_256, 32, false, "PRF-HMAC-SHA2-256", "sha256", "SHA256"},
    {CR_PRF_HMAC_SHA2_384, 48, false, "PRF-HMAC-SHA2-384", "sha384", "SHA384"},
    {CR_PRF_HMAC_SHA2_512, 64, false, "PRF-HMAC-SHA2-512", "sha512", "SHA512"},
};

/* private_len: for the MODP groups of safe primes an exponent of at least twice the strength of RFC 3526 8; for groups
 * with a prime-order subgroup the order plus 8 octets, so that the reduction leaves no bias (FIPS 186-4 B.1.1). */
static const struct cr_dh_alg dh_table[] = {
    {CR_DH_MODP_768, 96, 96, 32, true, "MODP-768"},
    {CR_DH_MODP_1024, 128, 128, 32, true, "MODP-1024"},
    {CR_DH_MODP_1536, 192, 192, 32, true, "MODP-1536"},
    {CR_DH_MODP_2048, 256, 256, 32, false, "MODP-2048"},
    {CR_DH_MODP_3072, 384, 384, 40, false, "MODP-3072"},
    {CR_DH_MODP_4096, 512, 512, 48, false, "MODP-4096"},
    {CR_DH_ECP_256, 64, 32, 32 + 8, false, "ECP-256"},
    {CR_DH_ECP_384, 96, 48, 48 + 8, false, "ECP-384"},
    {CR_DH_ECP_521, 132, 66, 66 + 8, false, "ECP-521"},
    {CR_DH_MODP_2048_256, 256, 256, 32 + 8, true, "MODP-2048-256"},
    {CR_DH_X25519, 32, 32, 32, false, "X25519"},
};

#define FIND(table, condition)                                                                               \
    for (size_t i = 0; i < sizeof(table) / sizeof *(table); i++)                                             \
        if (condition)                                                                                       \
            return &(table)[i];                                                                              \
    return NULL

const struct cr_encr_alg *cr_encr(uint16_t id, uint16_t key_bits)
{
    FIND(encr_table, encr_table[i].id == id && encr_table[i].key_bits == key_bits);
}

const struct cr_integ_alg *cr_integ(uint16_t id)
{
    FIND(integ_table, integ_table[i].id == id);
}

const struct cr_prf_alg *cr_prf(uint16_t id)
{
    FIND(prf_table, prf_table[i].id == id);
}

const struct cr_dh_alg *cr_dh(uint16_t id)
{
    FIND(dh_table, dh_table[i].id == id);
}
