/* world: what the tests of validation share: CAs, certificates, CRLs and OCSP responses made to order, a clock that the test sets, and a network whose answers it gives.
 *
 * Keys are made from labels: "ed:x" Ed25519 of the label alone (the same in every run), "ec:x" P-256, "rsa:x" RSA 2048, "rsa1024:x"; one key per label and process. */
#ifndef TESTS_UNIT_PKI_WORLD_H
#define TESTS_UNIT_PKI_WORLD_H

#include "control/pki/pki.h"

#include <openssl/ocsp.h>
#include <openssl/x509.h>

enum { T0 = 1790000000, DAY = 86400, WORLD_ASKED_MAX = 64 };

/* What a certificate says; extensions as OpenSSL's configuration spells them, NULL none. */
struct mk {
    const char *dn;
    const char *key;
    const struct mk *issuer; /* NULL: itself */
    const EVP_MD *md;        /* NULL: SHA-256 */
    int64_t from, until;     /* 0: T0 - a day, T0 + 365 days */
    uint64_t serial;
    const char *basic; /* "critical,CA:TRUE" */
    const char *usage, *eku, *san, *nc, *cdp, *aia, *policies, *policy_constraints;
    const char *oid; /* an extension that nobody knows */
    bool oid_critical, nocheck, version_1;
};
#define MK_CA .basic = "critical,CA:TRUE", .usage = "critical,keyCertSign,cRLSign"

EVP_PKEY *mk_key(const char *label);
X509 *mk_x509(const struct mk *m);            /* the caller frees */
struct slice mk_der(const struct mk *m);      /* the caller frees p */
struct pki_cert *mk_cert(const struct mk *m); /* parsed; fails the test when it cannot be */

/* A CRL of the issuer. */
struct mk_crl {
    const struct mk *issuer;
    const char *key; /* NULL: the issuer's */
    const EVP_MD *md;
    int64_t this_update, next_update; /* 0: now - an hour, + a day; next_update -1: none */
    const uint64_t *serials;
    unsigned count;
    int reason;      /* of all, 0: none */
    const char *idp; /* as OpenSSL spells issuingDistributionPoint, in section [idp] lines; NULL none */
    bool delta, critical_unknown, entry_critical;
};
struct slice mk_crl(const struct mk_crl *m); /* the caller frees p */

/* An OCSP response about a certificate. */
struct mk_ocsp {
    const struct mk *cert, *issuer;
    const struct mk *signer; /* NULL: the issuer */
    bool spoilt;             /* its signature, when that is the issuer's */
    const EVP_MD *md;
    int status; /* V_OCSP_CERTSTATUS_* */
    int reason;
    int64_t this_update, next_update; /* 0: now - an hour, + an hour; next_update -1: none */
    struct slice nonce_of;            /* a request whose nonce is repeated */
    bool wrong_nonce, by_key, sha256_id;
    int response_status; /* OCSP_RESPONSE_STATUS_*; not 0: nothing else */
};
struct slice mk_ocsp(const struct mk_ocsp *m); /* the caller frees p */

struct asked {
    uint64_t id;
    char url[PKI_URL_MAX];
    uint8_t body[1024];
    size_t body_len;
    bool answered;
};
extern struct world {
    struct pki *pki;
    int64_t wall;
    uint64_t mono;
    bool refuse;                 /* the network cannot send */
    struct pki_exception excuse; /* of every certificate that excuse_cn names */
    const char *excuse_cn;
    unsigned changed, asked_count;
    struct asked asked[WORLD_ASKED_MAX];
} world;

/* Trust-points of these configurations. network: there is one. */
void world_up(const struct pki_conf *confs, unsigned count, bool network);
void world_down(void);
void world_ca(const char *trustpoint, const struct mk *ca);
void world_pass(uint64_t seconds); /* with ticks each second, up to 30 of them */
/* The youngest unanswered request for that URL; NULL none. */
struct asked *world_asked(const char *url);
void world_answer(const char *url, struct slice data); /* 200; frees data.p */
void world_fail(const char *url, unsigned status);

/* The certificates as CERT payloads, the first the peer's. False: not taken. */
bool world_take(struct pki_chain *c, const struct mk *const *certs, unsigned count, char text[PKI_TEXT_MAX]);
/* Taken and checked against trust-points named, "" ends; NULL: all. The chain stays for the caller when c is not NULL. */
struct pki_verdict world_check(const struct mk *const *certs, unsigned count, const char *const *names,
                               struct pki_chain *c);

#endif
