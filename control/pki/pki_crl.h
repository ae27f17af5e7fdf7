/* pki_crl: CRLs by where they are and who issues them, fetched when a check first needs them and again before they expire. RFC 5280 6.3.
 *
 * One per URL and issuer, at most PKI_CRL_ENTRIES_MAX and PKI_CRL_OCTETS_MAX in all; those longest not asked for make room. One that could not be had, or
 * was refused, is not asked for again within PKI_FETCH_PAUSE_MS. A CRL never is replaced by an older one. */
#ifndef CONTROL_PKI_PKI_CRL_H
#define CONTROL_PKI_PKI_CRL_H

#include "control/pki/pki.h"

enum {
    PKI_CRL_ENTRIES_MAX = 64,
    PKI_CRL_OCTETS_MAX = 64 << 20,
    PKI_CRL_URLS_MAX = 3, /* of one certificate, tried one after the other */
    PKI_CLOCK_SKEW_S = 300,
};

/* What one method says of one certificate. */
enum pki_status {
    PKI_STATUS_GOOD,
    PKI_STATUS_REVOKED,
    PKI_STATUS_WAIT,
    PKI_STATUS_UNREACHED, /* the method cannot be reached: the next of the list is tried */
    PKI_STATUS_REFUSED,   /* it was reached and does not know the certificate */
};

struct pki_crl_cache;
struct pki_crl_cache *pki_crl_cache_new(void);
void pki_crl_cache_free(struct pki_crl_cache *c);

/* By the CRL of conf->crl_url or else of the certificate's own distribution points; issuer has signed cert. May start a fetch. text says what was found. */
enum pki_status pki_crl_status(struct pki *p, const struct pki_conf *conf, const struct pki_cert *cert,
                               const struct pki_cert *issuer, char text[PKI_TEXT_MAX]);
void pki_crl_tick(struct pki *p);
/* A CRL that is here lists it, its signature seen to. *above, when NULL, becomes the CA that issued it where that may be revoked itself; no reference. */
CV_MUST_USE bool pki_crl_known_revoked(const struct pki *p, const struct pki_cert *cert,
                                       const struct pki_cert **above);

#endif
