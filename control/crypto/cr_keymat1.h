/* cr_keymat1: IKEv1 key derivation, HASH values and message encryption (RFC 2409 5, 5.5, 5.7, Appendix B; RFC 3947 3.2).
 *
 * The prf is the HMAC of the negotiated hash (RFC 2409 4), so that one number, `prf` of enum cr_prf_id, names both.
 * No function keeps anything; any thread. Results that are secret are wiped by the caller. */
#ifndef CONTROL_CRYPTO_CR_KEYMAT1_H
#define CONTROL_CRYPTO_CR_KEYMAT1_H

#include "common/addr.h"
#include "common/buf.h"
#include "common/result.h"
#include "common/secret.h"
#include "control/crypto/cr_alg.h"
#include "control/crypto/cr_keymat2.h"

enum { CR_COOKIE_LEN = 8, CR_KEY1_MAX = 32 };

/* What a phase 1 negotiated. encr: CV_ENCR_DES, CV_ENCR_3DES or CV_ENCR_AES_CBC with key_bits 128, 192 or 256. */
struct cr_suite1 {
    uint16_t encr, key_bits, prf, dh;
    /* Of HASH_I and HASH_R, where the method of signature is tied to a hash of its own (RFC 2409 5.1: ECDSA of RFC 4754); 0: prf */
    uint16_t signed_prf;
};

/* What both sides have seen in the clear; views. Cookies are CR_COOKIE_LEN octets. */
struct cr_public1 {
    const uint8_t *cky_i, *cky_r;
    struct slice g_xi, g_xr; /* bodies of the KE payloads */
};

/* The keys of an ISAKMP SA; wipe with cr_keys1_wipe. skeyid, d, a, e hold cr_prf(prf)->len octets. */
struct cr_keys1 {
    struct cr_suite1 suite;
    uint8_t skeyid[CR_PRF_MAX];
    uint8_t d[CR_PRF_MAX], a[CR_PRF_MAX], e[CR_PRF_MAX];
    uint8_t encr_key[CR_KEY1_MAX]; /* from SKEYID_e, RFC 2409 Appendix B; cr_encr()->key_len octets */
    uint8_t iv[CR_IV_MAX];         /* of the first encrypted message of phase 1 */
};
void cr_keys1_wipe(struct cr_keys1 *k);

/* Octets of a cipher block, which is the IV's length, too; 0 when IKEv1 does not encrypt with this cipher here. */
size_t cr_block1(uint16_t encr, uint16_t key_bits);

/* RFC 2409 5.4, pre-shared key: SKEYID = prf(pre-shared-key, Ni_b | Nr_b). CV_EINVAL for an empty key. out holds CR_PRF_MAX. */
CV_MUST_USE cv_result cr_skeyid_psk(uint16_t prf, struct slice psk, struct slice ni, struct slice nr,
                                    uint8_t *out);
/* RFC 2409 5.1, signatures: SKEYID = prf(Ni_b | Nr_b, g^xy). CV_EINVAL without a shared secret, or nonces over 256 octets. */
CV_MUST_USE cv_result cr_skeyid_sig(uint16_t prf, struct slice ni, struct slice nr,
                                    const struct secret *shared, uint8_t *out);
/* From SKEYID: SKEYID_d, SKEYID_a, SKEYID_e (RFC 2409 5), the cipher key, and the IV hash(g^xi | g^xr) (Appendix B).
 * CV_EUNSUP for a cipher or prf not known; CV_ECRYPTO when the key is one of the weak keys of DES (Appendix A). */
CV_MUST_USE cv_result cr_keys1_init(const struct cr_suite1 *suite, const uint8_t *skeyid,
                                    const struct secret *shared, const struct cr_public1 *pub,
                                    struct cr_keys1 *out);

/* HASH_I = prf(SKEYID, g^xi | g^xr | CKY-I | CKY-R | SAi_b | IDii_b); HASH_R with the public values and the cookies
 * exchanged, and IDir_b (RFC 2409 5). sa_body: the INITIATOR's SA payload, id_body: the hashing side's ID payload, both
 * without the generic header. out: cr_prf(signed_prf, or else prf)->len octets. */
CV_MUST_USE cv_result cr_hash_i(const struct cr_keys1 *k, const struct cr_public1 *pub, struct slice sa_body,
                                struct slice id_body, uint8_t *out);
CV_MUST_USE cv_result cr_hash_r(const struct cr_keys1 *k, const struct cr_public1 *pub, struct slice sa_body,
                                struct slice id_body, uint8_t *out);

/* Quick Mode (RFC 2409 5.5). rest: everything behind the HASH payload, headers and all, without padding.
 * HASH(1) = prf(SKEYID_a, M-ID | rest), which is the HASH(1) of Informational exchanges, too (5.7);
 * HASH(2) = prf(SKEYID_a, M-ID | Ni_b | rest); HASH(3) = prf(SKEYID_a, 0 | M-ID | Ni_b | Nr_b). */
CV_MUST_USE cv_result cr_hash1(const struct cr_keys1 *k, uint32_t message_id, struct slice rest,
                               uint8_t *out);
CV_MUST_USE cv_result cr_hash2(const struct cr_keys1 *k, uint32_t message_id, struct slice ni,
                               struct slice rest, uint8_t *out);
CV_MUST_USE cv_result cr_hash3(const struct cr_keys1 *k, uint32_t message_id, struct slice ni,
                               struct slice nr, uint8_t *out);

/* KEYMAT of ONE SA, the one with this SPI (4 octets, chosen by its receiver):
 * prf(SKEYID_d, [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b), stretched by feedback (RFC 2409 5.5). protocol: 2 AH, 3 ESP
 * (RFC 2407 4.4.1). shared: NULL without PFS. Encryption key, salt, then integrity key. */
CV_MUST_USE cv_result cr_child_keymat1(const struct cr_keys1 *k, uint8_t protocol, const uint8_t *spi,
                                       uint16_t encr, uint16_t key_bits, uint16_t integ,
                                       const struct secret *shared, struct slice ni, struct slice nr,
                                       struct cr_child_keys *out);

/* NAT-D = HASH(CKY-I | CKY-R | IP | Port) with the negotiated hash (RFC 3947 3.2). out holds CR_PRF_MAX; *n octets. */
CV_MUST_USE cv_result cr_nat_hash1(uint16_t prf, const uint8_t *cky_i, const uint8_t *cky_r,
                                   const struct ip_endpoint *e, uint8_t *out, size_t *n);

/* First IV of the exchange `message_id` of phase 2 or of an Informational exchange: hash(last block of phase 1 | M-ID)
 * (RFC 2409 Appendix B). last: the last ciphertext block of phase 1, cr_block1() octets; iv holds CR_IV_MAX. */
CV_MUST_USE cv_result cr_iv_phase2(const struct cr_keys1 *k, const uint8_t *last, uint32_t message_id,
                                   uint8_t *iv);
/* CBC in place over text, the octets behind the header, n of them: a multiple of the block and not 0, else CV_EINVAL.
 * iv: cr_block1() octets. next (CR_IV_MAX octets, may be iv itself) receives the last ciphertext block, which is the IV of
 * the exchange's next message. A receiver keeps its old IV until it believes the message: one that was forged or sent
 * twice must not move the chain. */
CV_MUST_USE cv_result cr_encrypt1(const struct cr_keys1 *k, const uint8_t *iv, uint8_t *text, size_t n,
                                  uint8_t *next);
CV_MUST_USE cv_result cr_decrypt1(const struct cr_keys1 *k, const uint8_t *iv, uint8_t *text, size_t n,
                                  uint8_t *next);

#endif
