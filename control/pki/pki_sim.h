/* pki_sim: CAs and certificates made up for a simulated end: explain where a file holds no certificates, dialogues and tests.
 *
 * Keys are P-256 and made from the text `seed` alone, so that two simulated ends, and two runs, agree without talking. Simulated certificates never get near a
 * daemon: pki_disk refuses to store them. */
#ifndef CONTROL_PKI_PKI_SIM_H
#define CONTROL_PKI_PKI_SIM_H

#include "control/pki/pki.h"

/* A CA of this name and key, valid from `from` for ten years. kind: CR_KEY_RSA takes a generated key, which is not made from the seed. */
struct pki_sim_ca {
    struct pki_cert *cert;
    struct cr_key *key;
};
CV_MUST_USE cv_result pki_sim_ca(const char *seed, const char *subject, int64_t from, struct pki_sim_ca *out);
void pki_sim_ca_free(struct pki_sim_ca *ca);

/* What the certificate of an end says. Texts may be NULL. */
struct pki_sim_subject {
    const char *seed; /* of its key */
    enum cr_key_kind kind;
    struct cr_key *key; /* private, instead of one of that seed and kind; NULL */
    const char *dn, *fqdn, *email;
    const char *ip;      /* printed address; fqdn and ip: several with blanks between */
    struct slice dn_der; /* instead of dn; empty: that */
    int64_t from, until;
    uint64_t serial;
    bool is_ca;
    int path_len; /* -1 none */
    const char *crl_url, *ocsp_url;
    unsigned key_usage;    /* bits of RFC 5280 4.2.1.3, bit 0 digitalSignature; 0: no extension */
    const char *ext_usage; /* OID; NULL no extension */
};
CV_MUST_USE cv_result pki_sim_issue(const struct pki_sim_ca *ca, const struct pki_sim_subject *s,
                                    struct pki_cert **cert, struct cr_key **key);

/* A private P-256 key of that seed. */
CV_MUST_USE cv_result pki_sim_key(const char *seed, struct cr_key **out);
/* The certificate `real` with another key: names, serial number, validity and extensions stay, `by` signs (the key of the copy of its issuer),
 * and with a hash as weak as that of the real signature. For a router's certificates, whose private keys are not in its configuration. */
CV_MUST_USE cv_result pki_sim_copy(const struct pki_cert *real, const struct cr_key *key,
                                   const struct cr_key *by, struct pki_cert **out);
/* Whether the issuer's key has made the signature, whatever the algorithm and whatever it is worth. */
CV_MUST_USE bool pki_sim_issued_by(const struct pki_cert *c, const struct pki_cert *issuer);

#endif
