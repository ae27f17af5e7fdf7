/* model_crypt: what the models of devices that do IPsec know of an SA, by rte_security alone, and their cryptography, by OpenSSL. */
#ifndef TESTS_UNIT_ENGINE_MODEL_CRYPT_H
#define TESTS_UNIT_ENGINE_MODEL_CRYPT_H

#include <rte_security.h>
#include <stdbool.h>
#include <stdint.h>

enum { ESP_HDR = 8, KEY_MAX = 96, ALIVE = 0x5a11ce };

/* What a session is to the driver: its private data. */
struct session {
    uint32_t alive;
    struct rte_security_ipsec_xform x;
    struct rte_crypto_sym_xform first, second;
    uint8_t cipher_key[KEY_MAX], auth_key[KEY_MAX], salt[4];
    unsigned cipher_len, auth_len, icv_len, iv_len;
    const uint8_t *key_at; /* where the driver was shown the key */
    uint64_t userdata;
    unsigned rules, pending;     /* transmit descriptors that name it */
    bool aead, gmac, out, whole; /* whole: inline protocol */
    uint32_t seq;                /* of what it sent */
    uint8_t seen[1 << 13];       /* numbers that came: as many as a test has */
};

/* What may not be: counted, and the first one kept in words. Each model has its own. */
void model_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Takes what the session is told of an algorithm; s->out is set. False: the model does not have it. */
bool model_key_take(const struct rte_crypto_sym_xform *x, struct session *s);

/* One ESP packet of `total` octets from its header on; the IV and the padding are there. In place. False: the ICV is wrong. */
bool model_crypt(const struct session *s, uint8_t *esp, unsigned total, uint32_t hi);
/* The same of GCM and GMAC, of len octets behind the IV. */
bool model_gcm(const struct session *s, uint8_t *esp, unsigned len, uint32_t hi, bool encrypt);

#endif
