/* pki_crl_read: one CRL as a distribution point hands it out: checked, and its serial numbers to be looked up. RFC 5280 5.
 *
 * Only complete CRLs of the CA itself are taken: delta CRLs, indirect ones, those for attribute certificates or for some reasons only, and
 * those with a critical extension that is not handled here are refused. A CRL is kept as its octets and a
 * hash table of offsets into them: the largest allowed costs at most twice its size, and a look-up does not grow with it. */
#ifndef CONTROL_PKI_PKI_CRL_READ_H
#define CONTROL_PKI_PKI_CRL_READ_H

#include "control/pki/pki_cert.h"

struct pki_crl {
    uint8_t *der;
    size_t len;
    int64_t this_update, next_update; /* seconds since 1970 */
    unsigned count;                   /* of revoked certificates */
    bool only_user, only_ca;          /* issuingDistributionPoint; RFC 5280 5.2.5 */
    bool has_point;
    struct slice point; /* its distributionPoint's GeneralNames, a view into der */
    uint32_t *slots;    /* offset of the entry in der, 0 free; slot_count a power of 2 */
    size_t slot_count;
};

/* Checks form, issuer name, cRLSign and the signature by the issuer's key before anything inside is looked at; MD5 and SHA-1 do not count. DER, or PEM text.
 * False: why gets a text for people. Time is not looked at. */
CV_MUST_USE bool pki_crl_read(struct slice data, const struct pki_cert *issuer, struct pki_crl **out,
                              char why[PKI_TEXT_MAX]);
void pki_crl_free(struct pki_crl *c);
/* The CRL tells of certificates like this one, which came with `url`: kind and distribution point fit (RFC 5280 6.3.3 b). */
CV_MUST_USE bool pki_crl_covers(const struct pki_crl *c, const struct pki_cert *cert, const char *url);
/* Its serial number is listed. *reason: the CRLReason of RFC 5280 5.3.1, 0 when none is given. The caller has seen to the issuer. */
CV_MUST_USE bool pki_crl_lists(const struct pki_crl *c, const struct pki_cert *cert, unsigned *reason);
enum { PKI_REASON_HOLD = 6 };
const char *pki_reason_text(unsigned reason);

#endif
