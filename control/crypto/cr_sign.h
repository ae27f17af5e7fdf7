/* cr_sign: signatures, and the keys that make and check them, as IKE needs them. On OpenSSL.
 *
 * A cr_key is a private key with its public half, or a public key alone. It is immutable after it is made; it may be shared by reference counting. RSA
 * 2048..8192 (1024 to verify, where a caller allows weak keys), ECDSA on P-256, P-384, P-521, Ed25519; anything else is refused when
 * the key is made: RSA exponents that are even or under 3, moduli that are even, points off the curve (CVE-2017-9022, CVE-2017-11185). */
#ifndef CONTROL_CRYPTO_CR_SIGN_H
#define CONTROL_CRYPTO_CR_SIGN_H

#include "common/buf.h"
#include "common/result.h"
#include "common/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cr_key_kind { CR_KEY_RSA, CR_KEY_P256, CR_KEY_P384, CR_KEY_P521, CR_KEY_ED25519 };
const char *cr_key_kind_text(enum cr_key_kind k); /* "RSA", "EC P-256", "Ed25519" */

enum { CR_SIG_MAX = 1024, CR_KEY_RSA_MIN_BITS = 2048, CR_KEY_RSA_MAX_BITS = 8192 };

/* What is signed and how the result is encoded. */
enum cr_sig {
    CR_SIG_RSA_RAW, /* IKEv1, RFC 2409 5.1: PKCS #1 block type 1 around the HASH itself, no DigestInfo; data is the HASH */
    CR_SIG_RSA_SHA1, /* PKCS #1 v1.5; IKEv2 method 1 of old peers */
    CR_SIG_RSA_SHA256,
    CR_SIG_RSA_SHA384,
    CR_SIG_RSA_SHA512,
    CR_SIG_PSS_SHA256, /* salt as long as the hash, MGF1 with the same hash (RFC 7427 A.4) */
    CR_SIG_PSS_SHA384,
    CR_SIG_PSS_SHA512,
    CR_SIG_ECDSA_SHA256, /* ECDSA-Sig-Value in DER (RFC 7427 A.3) */
    CR_SIG_ECDSA_SHA384,
    CR_SIG_ECDSA_SHA512,
    CR_SIG_ECP256, /* r | s of fixed length (RFC 4754): P-256 with SHA-256 ... IKEv2 methods 9 to 11 */
    CR_SIG_ECP384,
    CR_SIG_ECP521,
    CR_SIG_ECP256_RAW, /* the same, and data is the HASH of IKEv1, which is not hashed again (RFC 4754 7) */
    CR_SIG_ECP384_RAW,
    CR_SIG_ECP521_RAW,
    CR_SIG_ED25519, /* RFC 8420 */
    CR_SIG_COUNT
};
const char *cr_sig_text(enum cr_sig s); /* "RSASSA-PSS with SHA-256" */
/* Whether a key of that kind can make or check it. */
CV_MUST_USE bool cr_sig_fits(enum cr_sig s, enum cr_key_kind k);
/* The AlgorithmIdentifier in DER that RFC 7427 3 puts before the signature (Appendix A); empty when the scheme has none. Static memory. */
struct slice cr_sig_algorithm(enum cr_sig s);
/* The scheme of an AlgorithmIdentifier, compared octet by octet with the encodings of Appendix A (both, with and without NULL parameters;
 * PSS parameters decoded). CV_EUNSUP: none we know. */
CV_MUST_USE cv_result cr_sig_by_algorithm(struct slice der, enum cr_sig *out);

struct cr_key;

/* All make a key with one reference; cr_key_free of the last one wipes it. cr_key_ref returns k. NULL is allowed in ref and free. */
CV_MUST_USE cv_result cr_key_generate(enum cr_key_kind kind, unsigned rsa_bits, struct cr_key **out);
/* PKCS #8, PKCS #1 or SEC 1, in DER or PEM; password may be empty. CV_EINVAL: not a key, or a refused one; CV_EAUTH: the password is wrong. */
CV_MUST_USE cv_result cr_key_private(struct slice data, const struct secret *password, struct cr_key **out);
/* SubjectPublicKeyInfo in DER. weak_ok: RSA from 1024 bits. */
CV_MUST_USE cv_result cr_key_public(struct slice spki, bool weak_ok, struct cr_key **out);
struct cr_key *cr_key_ref(struct cr_key *k);
void cr_key_free(struct cr_key *k);

enum cr_key_kind cr_key_kind(const struct cr_key *k);
unsigned cr_key_bits(const struct cr_key *k); /* 2048, 256 ... */
bool cr_key_is_private(const struct cr_key *k);
/* SubjectPublicKeyInfo in DER; lives as long as the key. */
struct slice cr_key_spki(const struct cr_key *k);
CV_MUST_USE bool cr_key_same(const struct cr_key *a, const struct cr_key *b); /* public halves */
/* PKCS #8, DER; with a password encrypted (PBES2, AES-256-CBC, SHA-256). The caller frees out. */
CV_MUST_USE cv_result cr_key_export(const struct cr_key *k, const struct secret *password,
                                    struct secret *out);

/* Signs; out has room for CR_SIG_MAX. CV_EINVAL when the scheme does not fit the key or data (a RAW scheme takes one hash). */
CV_MUST_USE cv_result cr_sign(const struct cr_key *k, enum cr_sig scheme, struct slice data,
                              uint8_t out[CR_SIG_MAX], size_t *len);
/* CV_OK only for a signature that is right and encoded in the one right way: padding is compared whole, so that nothing hides behind a
 * short or badly encoded hash (CVE-2018-16151, CVE-2026-50721). CV_EAUTH otherwise. */
CV_MUST_USE cv_result cr_verify(const struct cr_key *k, enum cr_sig scheme, struct slice data,
                                struct slice sig);

#endif
