/* cfg_alg: the words of the configuration for algorithms, and IANA's numbers behind them.
 *
 * IOS's own words, and beyond them (documented extensions): encryption aes-gcm-192 and chacha20-poly1305, group 31 (X25519),
 * esp-chacha20-poly1305 and `set security-association esn`. */
#ifndef CONTROL_CONFIG_CFG_ALG_H
#define CONTROL_CONFIG_CFG_ALG_H

#include "common/contract.h"
#include "common/result.h"
#include "control/config/cfg_model.h"

#include <stdbool.h>
#include <stdint.h>

/* The choices as the grammar's tables write them. */
#define CFG_WORDS_ENCR                                                                                       \
    "des|3des|aes-cbc-128|aes-cbc-192|aes-cbc-256|aes-gcm-128|aes-gcm-192|aes-gcm-256|chacha20-poly1305"
#define CFG_WORDS_INTEG "md5|sha1|sha256|sha384|sha512"
#define CFG_WORDS_GROUP "1|2|5|14|15|16|19|20|21|24|31"
#define CFG_WORDS_PFS   "group1|group2|group5|group14|group15|group16|group19|group20|group21|group24|group31"
#define CFG_WORDS_ESP                                                                                        \
    "esp-des|esp-3des|esp-aes|esp-gcm|esp-gmac|esp-null|esp-chacha20-poly1305|esp-md5-hmac|esp-sha-hmac|"    \
    "esp-sha256-hmac|esp-sha384-hmac|esp-sha512-hmac"
#define CFG_WORDS_AH "ah-md5-hmac|ah-sha-hmac|ah-sha256-hmac|ah-sha384-hmac|ah-sha512-hmac"

struct cfg_alg {
    const char *word;
    uint16_t id, key_bits; /* key_bits 0: the cipher has one length */
};

/* By word; NULL when unknown. esp words without a size: key_bits 0 for the sized ciphers. */
const struct cfg_alg *cfg_alg_ike_encr(const char *word);
const struct cfg_alg *cfg_alg_integ(const char *word);
const struct cfg_alg *cfg_alg_prf(const char *word);
const struct cfg_alg *cfg_alg_esp_encr(const char *word);  /* "esp-aes" */
const struct cfg_alg *cfg_alg_esp_integ(const char *word); /* "esp-sha-hmac" */
const struct cfg_alg *cfg_alg_ah_integ(const char *word);  /* "ah-sha-hmac" */
/* By number; "?" when unknown. */
const char *cfg_alg_ike_encr_word(uint16_t id, uint16_t key_bits);
const char *cfg_alg_integ_word(uint16_t id);
const char *cfg_alg_prf_word(uint16_t id);
const char *cfg_alg_esp_encr_word(uint16_t id); /* without the size */
const char *cfg_alg_esp_integ_word(uint16_t id);
const char *cfg_alg_ah_integ_word(uint16_t id);
const char *cfg_alg_hash_word(enum cfg_hash h); /* "md5"; "" when unknown */

/* Takes a size word (128, 192, 256) behind it: esp-aes, esp-gcm, esp-gmac. */
bool cfg_alg_sized(uint16_t encr);
/* Carries its own integrity: no separate algorithm beside it (GCM, GMAC, ChaCha20-Poly1305). */
bool cfg_alg_aead(uint16_t encr);
/* The PRF of the same hash; 0 when there is none. */
uint16_t cfg_alg_prf_of_integ(uint16_t integ);
/* LN-12. */
bool cfg_alg_weak_encr(uint16_t encr);
bool cfg_alg_weak_hash(const char *word); /* of an integrity or PRF word */
bool cfg_alg_weak_group(uint16_t group);

#endif
