/* pki_ocsp_read: OCSP requests, and what responses are worth. RFC 6960, RFC 8954 (nonces).
 *
 * A response counts when it is about the certificate, is signed by its issuer or by a responder to whom the issuer gave id-kp-OCSPSigning, directly
 * (4.2.2.2), not with MD5 or SHA-1, is of now, and repeats the nonce that was sent. */
#ifndef CONTROL_PKI_PKI_OCSP_READ_H
#define CONTROL_PKI_PKI_OCSP_READ_H

#include "control/pki/pki_cert.h"

enum {
    PKI_OCSP_MAX = 65536, /* octets of a response */
    PKI_OCSP_REQUEST_MAX = 512,
    PKI_OCSP_NONCE_LEN = 16,
    PKI_OCSP_ANSWERS_MAX = 64, /* single responses in one */
    PKI_OCSP_FRESH_S = 3600,   /* without nextUpdate and nonce, thisUpdate is no older */
    PKI_OCSP_NONCE_S = 86400,  /* without nextUpdate, but with the nonce */
};

enum pki_ocsp_state { PKI_OCSP_GOOD, PKI_OCSP_REVOKED, PKI_OCSP_UNKNOWN };

struct pki_ocsp_answer {
    enum pki_ocsp_state state;
    unsigned reason;                  /* of revocation, RFC 5280 5.3.1 */
    int64_t this_update, next_update; /* next_update 0: none */
    struct pki_cert *
        responder; /* when it is not the issuer and its certificate is without id-pkix-ocsp-nocheck: it may be revoked itself; the caller frees it */
};

/* nonce NULL: none is sent. */
CV_MUST_USE cv_result pki_ocsp_request(const struct pki_cert *cert, const struct pki_cert *issuer,
                                       const uint8_t nonce[PKI_OCSP_NONCE_LEN],
                                       uint8_t out[PKI_OCSP_REQUEST_MAX], size_t *len);
/* now: seconds since 1970. nonce NULL: none was sent, and none is looked for (also what a peer hands along, RFC 4806 6). False: why says. */
CV_MUST_USE bool pki_ocsp_read(struct slice data, const struct pki_cert *cert, const struct pki_cert *issuer,
                               const uint8_t nonce[PKI_OCSP_NONCE_LEN], int64_t now,
                               struct pki_ocsp_answer *out, char why[PKI_TEXT_MAX]);

#endif
