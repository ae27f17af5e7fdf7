/* pki_csr: PKCS #10 requests (RFC 2986), and certificates that we sign ourselves: for SCEP's messages (RFC 8894 2.3) and for
 * `enrollment selfsigned`. */
#ifndef CONTROL_PKI_PKI_CSR_H
#define CONTROL_PKI_PKI_CSR_H

#include "control/pki/pki.h"

enum { PKI_CSR_MAX = 8192, PKI_PASSWORD_MAX = 256 };

enum pki_csr_hash { PKI_CSR_SHA256, PKI_CSR_SHA384, PKI_CSR_SHA512, PKI_CSR_SHA1 };

/* What is asked for. Texts "" when not. */
struct pki_subject {
    char dn[PKI_TEXT_MAX]; /* "CN=R1,OU=IT,O=cisco": most specific first, as pki_dn_parse takes it */
    char fqdn[256];        /* unstructuredName of the subject (as IOS does) and dNSName */
    char ip[64];           /* printed address: unstructuredAddress (IPv4) and iPAddress */
    char serial[64];       /* serialNumber of the subject */
    enum pki_csr_hash hash;
};
/* The subject as DER: serialNumber, unstructuredAddress and unstructuredName in one RDN, the most specific (C12b), behind the DN. Without anything:
 * CV_EINVAL, for a certificate that names nobody is of no use. */
CV_MUST_USE cv_result pki_subject_name(const struct pki_subject *s, uint8_t out[PKI_DN_MAX], size_t *len);

/* challenge: the challengePassword, NULL none. DER into out. CV_EINVAL: a name that cannot be, err says. */
CV_MUST_USE cv_result pki_csr_make(const struct pki_subject *s, const struct cr_key *key,
                                   const char *challenge, uint8_t out[PKI_CSR_MAX], size_t *len,
                                   char err[PKI_TEXT_MAX]);
/* A certificate for the subject under its own key, from now for `days`; serial: 16 random octets of the caller. */
CV_MUST_USE cv_result pki_csr_self_sign(const struct pki_subject *s, const struct cr_key *key, int64_t from,
                                        unsigned days, const uint8_t serial[16], struct pki_cert **out,
                                        char err[PKI_TEXT_MAX]);

#endif
