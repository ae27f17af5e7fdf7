/* pki_ocsp: what OCSP responders said of certificates, kept for a while; asked for when a check needs it. RFC 6960.
 *
 * An answer is used until its nextUpdate, but no longer than PKI_OCSP_KEEP_S; one without nextUpdate for PKI_OCSP_BRIEF_S. A responder that could not
 * be reached is left alone for PKI_FETCH_PAUSE_MS, for all certificates that it would be asked about. */
#ifndef CONTROL_PKI_PKI_OCSP_H
#define CONTROL_PKI_PKI_OCSP_H

#include "control/pki/pki_crl.h"

enum {
    PKI_OCSP_ENTRIES_MAX = 1024,
    PKI_OCSP_URLS_MAX = 2, /* of one certificate, tried one after the other */
    PKI_OCSP_KEEP_S = 3600,
    PKI_OCSP_BRIEF_S = 60
};

struct pki_ocsp_cache;
struct pki_ocsp_cache *pki_ocsp_cache_new(void);
void pki_ocsp_cache_free(struct pki_ocsp_cache *c);

/* By `stapled` when that counts, else by the responder of conf->ocsp_url or else of the certificate. PKI_STATUS_REFUSED: the responder does not know the
 * certificate. May start a fetch. */
enum pki_status pki_ocsp_status(struct pki *p, const struct pki_conf *conf, const struct pki_cert *cert,
                                const struct pki_cert *issuer, struct slice stapled, char text[PKI_TEXT_MAX]);
void pki_ocsp_tick(struct pki *p);
/* A responder has said so. *above as in pki_crl_known_revoked. */
CV_MUST_USE bool pki_ocsp_known_revoked(const struct pki *p, const struct pki_cert *cert,
                                        const struct pki_cert **above);

#endif
