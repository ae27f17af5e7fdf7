/* cr_sigalg: the schemes of cr_sign.h as a table: their hash, the keys they fit, their AlgorithmIdentifiers (RFC 7427 Appendix A, RFC 8420 A). */
#ifndef CONTROL_CRYPTO_CR_SIGALG_H
#define CONTROL_CRYPTO_CR_SIGALG_H

#include "control/crypto/cr_sign.h"

enum cr_sig_how { CR_HOW_PKCS1, CR_HOW_PSS, CR_HOW_ECDSA_DER, CR_HOW_ECDSA_RS, CR_HOW_ED25519 };

struct cr_sigalg {
    const char *text;
    enum cr_sig_how how;
    const char *hash; /* OpenSSL's name; NULL: data is the hash already, or there is none */
    size_t hash_len;
    unsigned kinds;          /* bit of every cr_key_kind that it fits */
    struct slice identifier; /* DER; empty */
    struct slice
        digest_info; /* PKCS #1 v1.5: what stands before the hash (RFC 8017 9.2 note 1); empty for the raw one */
};
const struct cr_sigalg *cr_sigalg(enum cr_sig s); /* NULL over the end */

#endif
