/* pki_scep: the messages of SCEP (RFC 8894), over OpenSSL's CMS. Pure: octets in, octets out; pki_enrol sends them.
 *
 * What a server sends is hostile until it is shown to be signed by the CA (or its RA) whose fingerprint the operator confirmed: sizes are bounded, one signer,
 * every attribute once, our transaction and nonce in it, and what it carries is a certificate for our key under that CA. */
#ifndef CONTROL_PKI_PKI_SCEP_H
#define CONTROL_PKI_PKI_SCEP_H

#include "control/pki/pki_csr.h"

enum {
    PKI_SCEP_MAX = 131072, /* octets of an answer that is looked at */
    PKI_SCEP_NONCE = 16,   /* RFC 8894 3.2.1.5 */
    PKI_SCEP_TRANSACTION = 80,
    PKI_SCEP_REQUEST_MAX = 32768
};

/* GetCACaps, RFC 8894 3.5.2: one word a line, words unknown passed over. SCEPStandard stands for AES, POST and SHA-256. An answer that is none (old
 * servers say 404 or HTML) gives none: 3DES and SHA-1. */
struct pki_scep_caps {
    bool post, renewal, aes, sha256, sha512, sha1, des3;
};
struct pki_scep_caps pki_scep_caps_read(struct slice text);
/* What is used for it: "AES-128 and SHA-256"; *weak: 3DES or SHA-1, which is to be logged. */
const char *pki_scep_suite(const struct pki_scep_caps *c, bool *weak);

/* GetCACert, RFC 8894 4.2: a certificate, or PKCS #7 with the CA, its RAs, and CAs above. */
struct pki_scep_ca {
    struct pki_cert *ca;             /* which issues */
    struct pki_cert *sign, *encrypt; /* the RA's, else ca */
    unsigned above_count;
    struct pki_cert *above[PKI_CHAIN_MAX]; /* other CAs that came along */
};
/* CV_EPARSE: no certificate of a CA in it, or several that could be the issuing one; RAs that the CA has not signed are left out. why: static. */
CV_MUST_USE cv_result pki_scep_ca_read(struct slice data, struct pki_scep_ca *out, const char **why);
void pki_scep_ca_free(struct pki_scep_ca *ca);

/* RFC 8894 3.2.1.2 */
enum pki_scep_type { PKI_SCEP_CERTREP = 3, PKI_SCEP_RENEWAL = 17, PKI_SCEP_PKCSREQ = 19, PKI_SCEP_POLL = 20 };

/* One enrolment: the same transaction for the request and its polls, a nonce for each message. */
struct pki_scep_talk {
    struct pki_scep_caps caps;
    const struct pki_scep_ca *ca;
    const struct cr_key *key;           /* to be certified; decrypts the answer unless signer is another */
    const struct cr_key *signer;        /* signs, and decrypts: key; for a renewal the one certified now */
    const struct pki_cert *signer_cert; /* self-signed with key, or the certificate to be renewed */
    char transaction[PKI_SCEP_TRANSACTION]; /* pki_scep_transaction */
    uint8_t nonce[PKI_SCEP_NONCE];          /* of the last message, random, set by the caller */
};
/* RFC 8894 3.2.1.1: made of the key, so that a second try for the same key is the same transaction. */
void pki_scep_transaction(const struct cr_key *key, char out[PKI_SCEP_TRANSACTION]);

/* A pkiMessage: csr for PKCSREQ and RENEWAL; for POLL the subject (DER) of the request. out has room for PKI_SCEP_REQUEST_MAX. */
CV_MUST_USE cv_result pki_scep_build(const struct pki_scep_talk *t, enum pki_scep_type type,
                                     struct slice body, uint8_t *out, size_t *len, char err[PKI_TEXT_MAX]);

enum pki_scep_status { PKI_SCEP_GRANTED, PKI_SCEP_REFUSED, PKI_SCEP_PENDING };
struct pki_scep_answer {
    enum pki_scep_status status;
    bool weak;             /* signed with SHA-1, or encrypted with DES: to be logged */
    int fail;              /* RFC 8894 3.2.1.4, -1 none given */
    struct pki_cert *cert; /* GRANTED: for t->key, issued by the CA; the caller frees it */
};
const char *pki_scep_fail_text(int fail);
/* CV_EAUTH: not signed by the CA or RA; CV_EPARSE: malformed, or not the answer to this message. err says what. */
CV_MUST_USE cv_result pki_scep_parse(const struct pki_scep_talk *t, struct slice data,
                                     struct pki_scep_answer *out, char err[PKI_TEXT_MAX]);

/* URLs, RFC 8894 4.1: base (of `enrollment url`; without a path /cgi-bin/pkiclient.exe is taken, as on IOS), operation, message (NULL none) escaped.
 * False: longer than room. */
CV_MUST_USE bool pki_scep_url(const char *base, const char *operation, const char *message, char *out,
                              size_t room);
/* The same with octets, in Base64: for servers without POST. */
CV_MUST_USE bool pki_scep_url_message(const char *base, struct slice message, char *out, size_t room);

#endif
