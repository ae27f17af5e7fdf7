#include "control/sa/sam_alg.h"

#include "common/contract.h"

static bool aes_bits(uint16_t bits)
{
    return bits == 128 || bits == 192 || bits == 256;
}

static cv_result encr_lengths(uint16_t encr, uint16_t bits, struct sam_key_len *out, bool *aead)
{
    *aead = false;
    out->salt = 0;
    switch (encr) {
    case CV_ENCR_NONE: /* AH */
    case CV_ENCR_NULL:
        out->encr = 0;
        return bits == 0 ? CV_OK : CV_EUNSUP;
    case CV_ENCR_3DES:
        out->encr = 24;
        return bits == 0 ? CV_OK : CV_EUNSUP;
    case CV_ENCR_AES_CBC:
        out->encr = (uint8_t)(bits / 8);
        return aes_bits(bits) ? CV_OK : CV_EUNSUP;
    case CV_ENCR_AES_GCM_16:
    case CV_ENCR_NULL_AES_GMAC:
        *aead = true;
        out->encr = (uint8_t)(bits / 8);
        out->salt = 4;
        return aes_bits(bits) ? CV_OK : CV_EUNSUP;
    case CV_ENCR_CHACHA20_POLY1305:
        *aead = true;
        out->encr = 32;
        out->salt = 4;
        return bits == 0 ? CV_OK : CV_EUNSUP;
    default:
        return CV_EUNSUP;
    }
}

static cv_result integ_length(uint16_t integ, struct sam_key_len *out)
{
    switch (integ) {
    case CV_INTEG_NONE:
        out->integ = 0;
        return CV_OK;
    case CV_INTEG_HMAC_MD5_96:
        out->integ = 16;
        return CV_OK;
    case CV_INTEG_HMAC_SHA1_96:
        out->integ = 20;
        return CV_OK;
    case CV_INTEG_HMAC_SHA2_256_128:
        out->integ = 32;
        return CV_OK;
    case CV_INTEG_HMAC_SHA2_384_192:
        out->integ = 48;
        return CV_OK;
    case CV_INTEG_HMAC_SHA2_512_256:
        out->integ = 64;
        return CV_OK;
    default:
        return CV_EUNSUP;
    }
}

cv_result sam_alg_lengths(uint16_t encr, uint16_t key_bits, uint16_t integ, struct sam_key_len *out)
{
    bool aead;
    CV_TRY(encr_lengths(encr, key_bits, out, &aead));
    CV_TRY(integ_length(integ, out));
    /* Encryption without authentication is never installed (RFC 4303 1: "highly discouraged"; RFC 5282 8). */
    return aead == (integ == CV_INTEG_NONE) ? CV_OK : CV_EUNSUP;
}

uint16_t sam_alg_key_bits(uint16_t encr, uint8_t key_len)
{
    switch (encr) {
    case CV_ENCR_AES_CBC:
    case CV_ENCR_AES_GCM_16:
    case CV_ENCR_NULL_AES_GMAC:
        return (uint16_t)(key_len * 8);
    default:
        return 0;
    }
}
