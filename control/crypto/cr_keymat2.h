/* cr_keymat2: IKEv2 key derivation (RFC 7296 2.14, 2.17, 2.18) and AUTH values for pre-shared keys (2.15). */
#ifndef CONTROL_CRYPTO_CR_KEYMAT2_H
#define CONTROL_CRYPTO_CR_KEYMAT2_H

#include "common/buf.h"
#include "common/result.h"
#include "common/secret.h"
#include "control/crypto/cr_alg.h"
#include "control/crypto/cr_cipher.h"

/* What an IKE SA negotiated. */
struct cr_suite {
    uint16_t encr, key_bits, integ, prf, dh;
};

/* SK_*: wipe with cr_keys2_wipe. pi, pr, d are cr_prf(prf)->len octets. */
struct cr_keys2 {
    struct cr_suite suite;
    uint8_t d[CR_PRF_MAX];
    uint8_t pi[CR_PRF_MAX], pr[CR_PRF_MAX];
    struct cr_sk_keys i, r; /* what the initiator / the responder sends with */
};
void cr_keys2_wipe(struct cr_keys2 *k);

/* SKEYSEED = prf(Ni | Nr, g^ir); {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr).
 * spi_i, spi_r: 8 octets. */
CV_MUST_USE cv_result cr_keys2_init(const struct cr_suite *suite, struct slice ni, struct slice nr,
                                    const uint8_t *spi_i, const uint8_t *spi_r, const struct secret *shared,
                                    struct cr_keys2 *out);
/* RFC 7296 2.18: SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr), with the OLD SA's prf; then as above with the new suite. */
CV_MUST_USE cv_result cr_keys2_rekey(const struct cr_keys2 *old, const struct cr_suite *suite,
                                     struct slice ni, struct slice nr, const uint8_t *spi_i,
                                     const uint8_t *spi_r, const struct secret *shared, struct cr_keys2 *out);

/* One direction of a child SA. */
struct cr_child_keys {
    uint8_t encr_key[32], salt[4], integ_key[CR_INTEG_KEY_MAX];
};
/* KEYMAT = prf+(SK_d, [g^ir (new) |] Ni | Nr), RFC 7296 2.17: initiator-to-responder keys first, encryption before
 * integrity. shared NULL or empty without PFS. i2r: packets from the exchange's initiator. */
CV_MUST_USE cv_result cr_child_keymat(const struct cr_keys2 *ike, uint16_t encr, uint16_t key_bits,
                                      uint16_t integ, const struct secret *shared, struct slice ni,
                                      struct slice nr, struct cr_child_keys *i2r, struct cr_child_keys *r2i);

/* AUTH by shared key: prf(prf(psk, "Key Pad for IKEv2"), message | nonce | prf(SK_p, id_body)). `message` is the signer's
 * first message as sent, nonce the OTHER side's, id_body the signer's ID payload without its generic header.
 * sk_p: k->pi or k->pr of the signer. out: cr_prf(prf)->len octets. */
CV_MUST_USE cv_result cr_auth_psk(uint16_t prf, const uint8_t *sk_p, struct slice psk, struct slice message,
                                  struct slice nonce, struct slice id_body, uint8_t *out);
/* NAT_DETECTION_*_IP: SHA-1(SPIi | SPIr | address | port), RFC 7296 2.23. out: 20 octets. */
CV_MUST_USE cv_result cr_nat_hash(const uint8_t *spi_i, const uint8_t *spi_r, const struct ip_endpoint *e,
                                  uint8_t *out);

#endif
