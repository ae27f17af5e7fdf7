/* cr_dh: Diffie-Hellman groups. The caller brings the randomness, so an IKE engine stays reproducible.
 *
 * A peer's public value is checked before use (RFC 6989): length, range 2..p-2, on the curve, order of the
 * subgroup for group 24, all-zero result for X25519. */
#ifndef CONTROL_CRYPTO_CR_DH_H
#define CONTROL_CRYPTO_CR_DH_H

#include "common/buf.h"
#include "common/result.h"
#include "common/secret.h"
#include "control/crypto/cr_alg.h"

struct cr_dh_key; /* an ephemeral private key */

/* random: cr_dh(group)->private_len octets from the environment (wiped by the caller). CV_EINVAL for a
 * degenerate draw (try again with other octets), CV_EUNSUP for an unknown group. */
CV_MUST_USE cv_result cr_dh_new(uint16_t group, const uint8_t *random, struct cr_dh_key **out);
void cr_dh_free(struct cr_dh_key *k); /* wipes; NULL is fine */
uint16_t cr_dh_group(const struct cr_dh_key *k);
/* Public value, cr_dh(group)->public_len octets, owned by k. */
struct slice cr_dh_public(const struct cr_dh_key *k);
/* Shared secret g^ir, padded to secret_len with leading zeros (RFC 7296 2.14); ECP: the x coordinate (RFC 5903).
 * CV_EINVAL when the peer's value is not allowed. *out is a new secret. */
CV_MUST_USE cv_result cr_dh_shared(const struct cr_dh_key *k, struct slice peer_public, struct secret *out);

#endif
