/* cr_key: the inside of struct cr_key, for the signatures of this folder, and OpenSSL's key for those who hand it on to OpenSSL (control/pki).
 *
 * Making, reading and writing keys is in cr_sign.h. Private keys do not get into core dumps: their numbers lie in OpenSSL's secure heap, which is
 * kept out of dumps (MADV_DONTDUMP) and, where the limit allows, out of swap; OpenSSL's own working copies are covered by the process, which cannot be
 * dumped at all (rt_harden). */
#ifndef CONTROL_CRYPTO_CR_KEY_H
#define CONTROL_CRYPTO_CR_KEY_H

#include "control/crypto/cr_sign.h"

#include <openssl/evp.h>

enum { CR_KEY_HEAP = 1 << 20 /* octets; a 4096-bit RSA key takes about 4 KiB */ };

/* Octets of a signature of RSA, of r and of s; 64 for Ed25519. */
size_t cr_key_width(const struct cr_key *k);
/* A view, alive as long as the key. */
EVP_PKEY *cr_key_evp(const struct cr_key *k);
/* Sets the secure heap up, once per process; the functions that make private keys do so themselves. CV_ENOMEM: it cannot be had: no private key is
 * made then. */
CV_MUST_USE cv_result cr_key_heap(void);

#endif
