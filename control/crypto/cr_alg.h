/* cr_alg: the algorithms IKE may negotiate, by IANA's numbers, with their lengths and names.
 *
 * One table per transform type; every length that codec, key derivation and ESP need comes from here.
 * Read-only, any thread. IANA "IKEv2 Transform Type Values". */
#ifndef CONTROL_CRYPTO_CR_ALG_H
#define CONTROL_CRYPTO_CR_ALG_H

#include "common/contract.h"
#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cr_transform_type {
    CR_TYPE_ENCR = 1,
    CR_TYPE_PRF = 2,
    CR_TYPE_INTEG = 3,
    CR_TYPE_DH = 4,
    CR_TYPE_ESN = 5
};

enum cr_prf_id {
    CR_PRF_HMAC_MD5 = 1,
    CR_PRF_HMAC_SHA1 = 2,
    CR_PRF_HMAC_SHA2_256 = 5,
    CR_PRF_HMAC_SHA2_384 = 6,
    CR_PRF_HMAC_SHA2_512 = 7,
};

enum cr_dh_id {
    CR_DH_NONE = 0,
    CR_DH_MODP_768 = 1,
    CR_DH_MODP_1024 = 2,
    CR_DH_MODP_1536 = 5,
    CR_DH_MODP_2048 = 14,
    CR_DH_MODP_3072 = 15,
    CR_DH_MODP_4096 = 16,
    CR_DH_ECP_256 = 19,
    CR_DH_ECP_384 = 20,
    CR_DH_ECP_521 = 21,
    CR_DH_MODP_2048_256 = 24,
    CR_DH_X25519 = 31,
};

enum {
    CR_ENCR_KEY_MAX = 32 + 4,
    CR_INTEG_KEY_MAX = 64,
    CR_PRF_MAX = 64,
    CR_ICV_MAX = 32,
    CR_IV_MAX = 16,
    CR_DH_PUBLIC_MAX = 512
};

struct cr_encr_alg {
    uint16_t id;       /* enum cv_encr */
    uint16_t key_bits; /* as the Key Length attribute; 0 where the cipher has one length and no attribute */
    uint8_t key_len;   /* octets of cipher key, without the salt */
    uint8_t salt_len;  /* octets of salt taken from KEYMAT after the key (RFC 4106 8.1) */
    uint8_t iv_len;    /* octets of explicit IV on the wire */
    uint8_t block;     /* padding unit in IKE's SK payload; 1 for AEADs */
    uint8_t icv_len;   /* AEAD tag; 0 for others */
    bool aead;
    bool ike, esp;    /* where it may be used */
    bool weak;        /* lint: DES, 3DES */
    const char *name; /* "AES-GCM" */
    const char *ios;  /* "aes-gcm-128" as configured in IKEv2; NULL when IOS has no word */
};

struct cr_integ_alg {
    uint16_t id; /* enum cv_integ */
    uint8_t key_len;
    uint8_t icv_len; /* truncated length on the wire */
    bool weak;
    const char *name;   /* "HMAC-SHA2-256-128" */
    const char *ios;    /* "sha256" */
    const char *digest; /* OpenSSL's name: "SHA256" */
};

struct cr_prf_alg {
    uint16_t id;
    uint8_t len; /* output and preferred key octets */
    bool weak;
    const char *name, *ios, *digest;
};

struct cr_dh_alg {
    uint16_t id;
    uint16_t public_len;  /* octets in the KE payload */
    uint16_t secret_len;  /* octets of the shared secret g^ir */
    uint16_t private_len; /* octets of randomness cr_dh_new wants */
    bool weak;
    const char *name; /* "MODP-2048", "ECP-256", "X25519" */
};

/* NULL when not known. key_bits 0 matches a cipher without key length attribute. */
const struct cr_encr_alg *cr_encr(uint16_t id, uint16_t key_bits);
const struct cr_integ_alg *cr_integ(uint16_t id);
const struct cr_prf_alg *cr_prf(uint16_t id);
const struct cr_dh_alg *cr_dh(uint16_t id);

#endif
