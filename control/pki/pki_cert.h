/* pki_cert: X.509 certificates as IKE meets them: parsed once, within limits, and immutable afterwards.
 *
 * Everything here may come from a hostile peer. A certificate over the limits, with trailing octets, with a key that cr_key_public refuses,
 * or with a string that holds a NUL is not parsed at all. Shared by reference counting; owned by the control thread. RFC 5280. */
#ifndef CONTROL_PKI_PKI_CERT_H
#define CONTROL_PKI_PKI_CERT_H

#include "control/crypto/cr_sign.h"

enum {
    PKI_CERT_MAX = 16384, /* octets of one certificate */
    PKI_DN_MAX = 2048,    /* octets of a DN in DER */
    PKI_CHAIN_MAX = 10,   /* certificates from the end entity to the anchor */
    PKI_CERTS_MAX = 16,   /* certificates of one peer that are looked at; more is refused */
    PKI_NAMES_MAX = 64,   /* subjectAltName entries */
    PKI_TEXT_MAX = 512,
    PKI_HASH_LEN = 20,        /* SHA-1 of the SubjectPublicKeyInfo: CERTREQ of IKEv2 (RFC 7296 3.7) */
    PKI_FINGERPRINT_LEN = 32, /* SHA-256 of the certificate */
};

/* The ID types of IKE, the same numbers in both versions (RFC 2407 4.6.2.1, RFC 7296 3.5). */
enum pki_id_type {
    PKI_ID_IPV4 = 1,
    PKI_ID_FQDN = 2,
    PKI_ID_EMAIL = 3,
    PKI_ID_IPV6 = 5,
    PKI_ID_DN = 9,
    PKI_ID_KEY = 11
};

struct pki_cert;

/* CV_EPARSE: no certificate, or one over the limits; CV_EUNSUP: its key or signature algorithm is none of ours. why (may be NULL) gets a
 * static text. */
CV_MUST_USE cv_result pki_cert_parse(struct slice der, struct pki_cert **out, const char **why);
/* The first certificate of PEM text, or DER: for files and terminals, not for the wire. *used (may be NULL): octets consumed. */
CV_MUST_USE cv_result pki_cert_read(struct slice text, struct pki_cert **out, size_t *used);
struct pki_cert *pki_cert_ref(struct pki_cert *c);
void pki_cert_free(struct pki_cert *c);

struct slice pki_cert_der(const struct pki_cert *c);
struct slice pki_cert_subject(const struct pki_cert *c); /* DER; an empty Name is two octets */
struct slice pki_cert_issuer(const struct pki_cert *c);
/* As IOS prints them: "cn=R1,ou=IT,o=cisco,o=com", most specific first, every special or unprintable octet escaped. */
const char *pki_cert_subject_text(const struct pki_cert *c);
const char *pki_cert_issuer_text(const struct pki_cert *c);
const char *pki_cert_serial(const struct pki_cert *c); /* hexadecimal, "03" */
int64_t pki_cert_not_before(const struct pki_cert *c); /* seconds since 1970 */
int64_t pki_cert_not_after(const struct pki_cert *c);
bool pki_cert_is_ca(const struct pki_cert *c); /* basicConstraints CA, or a self-signed one of version 1 */
bool pki_cert_self_issued(const struct pki_cert *c); /* subject and issuer are equal */
const struct cr_key *pki_cert_key(const struct pki_cert *c);
const uint8_t *pki_cert_key_hash(const struct pki_cert *c);    /* PKI_HASH_LEN */
const uint8_t *pki_cert_fingerprint(const struct pki_cert *c); /* PKI_FINGERPRINT_LEN */
const char *pki_cert_signature_text(const struct pki_cert *c); /* "SHA256 with RSA Encryption" */
bool pki_cert_equal(const struct pki_cert *a, const struct pki_cert *b);
/* DER of a Name as text like pki_cert_subject_text; returns out. For CERTREQ payloads: hostile input, "(malformed)" when it is. */
const char *pki_dn_text(struct slice der, char out[PKI_TEXT_MAX]);
/* Text as in `subject-name CN=R1,OU=IT,O=cisco,O=com` to a Name in DER (most specific first in the text, last in DER). */
CV_MUST_USE cv_result pki_dn_parse(const char *text, uint8_t out[PKI_DN_MAX], size_t *len);
/* RFC 5280 7.1: names compared attribute by attribute, case and inner white space of printable strings aside. */
CV_MUST_USE bool pki_dn_equal(struct slice a, struct slice b);

/* RFC 4945 3.1: whether the certificate is that of an identity payload: iPAddress, dNSName (exact, no wildcard, case aside), rfc822Name, or the whole
 * subject DN. Not in the subjectAltName: of FQDN also Cisco's unstructuredName of the subject, of an IPv4 address its unstructuredAddress, as IOS's own certificates carry
 * them (C12b); a CN never counts.
 * why gets a text for people when it is not. */
CV_MUST_USE bool pki_cert_has_id(const struct pki_cert *c, uint8_t id_type, struct slice id,
                                 char why[PKI_TEXT_MAX]);

/* What `crypto pki certificate map` and `show ... verbose` look at; name i of n as text, kind "dns", "email", "ip", "uri", "upn"; NULL over the end. */
const char *pki_cert_alt_name(const struct pki_cert *c, unsigned i, const char **kind);
/* Cisco's unstructuredName of the subject, or its unstructuredAddress; NULL: none. */
const char *pki_cert_unstructured(const struct pki_cert *c, bool address);
/* Key usage and extended key usage as texts "Digital Signature", "1.3.6.1.5.5.7.3.17"; NULL over the end. */
const char *pki_cert_usage(const struct pki_cert *c, unsigned i);
/* Where its revocation is told: HTTP URLs of CRL distribution points and of OCSP responders; NULL over the end. */
const char *pki_cert_crl_url(const struct pki_cert *c, unsigned i);
const char *pki_cert_ocsp_url(const struct pki_cert *c, unsigned i);

/* Certificates out of PKCS#7 SignedData (RFC 7296 3.6 encoding 1; RFC 4945 3.3.2), within PKI_CERTS_MAX: `out` gets references. */
CV_MUST_USE cv_result pki_pkcs7_read(struct slice der, struct pki_cert *out[PKI_CERTS_MAX], unsigned *count);

#endif
