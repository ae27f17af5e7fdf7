/* authority: a SCEP server in the process: it answers a request as RFC 8894 says, or with one thing wrong. */
#ifndef TESTS_UNIT_PKI_AUTHORITY_H
#define TESTS_UNIT_PKI_AUTHORITY_H

#include "tests/unit/pki/world.h"

#include <openssl/cms.h>

enum fault {
    SOUND,
    OTHER_NONCE,
    NO_NONCE,
    OTHER_TRANSACTION,
    OTHER_TYPE,
    NO_STATUS,
    ODD_STATUS,
    TWICE_STATUS,
    OTHER_SIGNER, /* its certificate is embedded, and nobody's we know */
    BROKEN_SIGNATURE,
    SHA1_SIGNATURE,
    TWO_SIGNERS,
    NOT_ENCRYPTED,
    ENCRYPTED_TO_ANOTHER,
    OTHER_KEY,    /* the certificate is for another key */
    OTHER_ISSUER, /* ... or signed by another CA of the same name */
    NO_CERTIFICATE,
    TRAILING,
    TRUNCATED,
    EMPTY,
    FAULT_COUNT
};

struct authority {
    const struct mk *ca, *ra; /* ra NULL: the CA itself */
    enum fault fault;
    int refuse;       /* failInfo; -1 none */
    unsigned pending; /* so many messages are answered: pending */
    /* what was seen */
    unsigned messages;
    int type;             /* of the last message */
    char transaction[80]; /* of the last message */
    char challenge[64];
    X509_REQ *csr; /* of the last request */
    uint64_t serial;
};

/* A pkiMessage to its CertRep; the caller frees p. */
struct slice authority_answer(struct authority *a, struct slice request);
void authority_free(struct authority *a);

#endif
