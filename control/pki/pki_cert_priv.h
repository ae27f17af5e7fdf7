/* pki_cert_priv: the inside of struct pki_cert, for the files of this folder alone. Everything in it is read once, in pki_cert_parse,
 * and does not change afterwards. */
#ifndef CONTROL_PKI_PKI_CERT_PRIV_H
#define CONTROL_PKI_PKI_CERT_PRIV_H

#include "control/pki/pki_cert.h"

#include <openssl/x509.h>

enum {
    PKI_EXTENSIONS_MAX = 64,
    PKI_USAGES_MAX = 32,
    PKI_URLS_MAX = 8,
    PKI_SERIAL_MAX = 20 /* RFC 5280 4.1.2.2 */
};

/* Bits of RFC 5280 4.2.1.3, named by their number there. */
enum pki_key_usage {
    PKI_USE_DIGITAL_SIGNATURE = 1u << 0,
    PKI_USE_NON_REPUDIATION = 1u << 1,
    PKI_USE_KEY_ENCIPHERMENT = 1u << 2,
    PKI_USE_DATA_ENCIPHERMENT = 1u << 3,
    PKI_USE_KEY_AGREEMENT = 1u << 4,
    PKI_USE_KEY_CERT_SIGN = 1u << 5,
    PKI_USE_CRL_SIGN = 1u << 6,
    PKI_USE_ENCIPHER_ONLY = 1u << 7,
    PKI_USE_DECIPHER_ONLY = 1u << 8,
};

/* How a certificate, a CRL or an OCSP response is signed. */
struct pki_sig_alg {
    int nid;          /* OpenSSL's number of the signature algorithm; PSS: of RSASSA-PSS */
    const char *text; /* as `show crypto pki certificates verbose` prints it */
    bool weak;        /* MD5, SHA-1, SHA-224 and the like: understood and not accepted */
    enum cr_sig sig;  /* only when not weak */
};
/* By the AlgorithmIdentifier, parameters checked; NULL: none that we know. */
const struct pki_sig_alg *pki_sig_alg_of(const X509_ALGOR *a);
const struct pki_sig_alg *pki_sig_alg_by_der(struct slice der);

enum pki_alt_kind { PKI_ALT_DNS, PKI_ALT_EMAIL, PKI_ALT_IP, PKI_ALT_URI, PKI_ALT_UPN, PKI_ALT_DN };
struct pki_alt {
    enum pki_alt_kind kind;
    uint8_t raw[16]; /* PKI_ALT_IP: 4 or 16 octets */
    uint8_t raw_len;
    char *text;
};

struct pki_cert {
    unsigned refs;
    X509 *x509;
    uint8_t *der;
    size_t der_len;
    struct slice tbs, signature;    /* views into der: what is signed, and the octets of the BIT STRING */
    struct slice subject, issuer;   /* views into der */
    uint8_t serial[PKI_SERIAL_MAX]; /* as DER has it, without the leading zero octet */
    unsigned serial_len;
    char serial_text[2 * PKI_SERIAL_MAX + 1];
    char *subject_text, *issuer_text;
    int64_t not_before, not_after;
    const struct pki_sig_alg *sig_alg;
    struct cr_key *key;
    uint8_t key_hash[PKI_HASH_LEN], fingerprint[PKI_FINGERPRINT_LEN];
    bool self_issued;
    bool has_basic; /* basicConstraints is there ... */
    bool is_ca;     /* ... and says CA; or version 1 and self-issued */
    int path_len;   /* -1: none */
    bool has_key_usage;
    unsigned key_usage; /* enum pki_key_usage */
    bool has_ext_usage;
    unsigned ext_usage_count; /* OIDs as text "1.3.6.1.5.5.7.3.17" */
    char *ext_usages[PKI_USAGES_MAX];
    unsigned usage_count; /* key usage and extended key usage for people */
    char *usages[PKI_USAGES_MAX + 9];
    bool unknown_critical; /* a critical extension that nothing here handles (RFC 5280 4.2) */
    bool name_constraints; /* read them with X509_get_ext_d2i */
    bool simulated;        /* made by pki_sim */
    unsigned alt_count;
    struct pki_alt alts[PKI_NAMES_MAX];
    unsigned crl_url_count, ocsp_url_count;
    char *crl_urls[PKI_URLS_MAX], *ocsp_urls[PKI_URLS_MAX];
    char *subject_fqdn,
        *subject_addr; /* Cisco's unstructuredName and unstructuredAddress of the subject, or NULL */
};

/* Whether the key has made the certificate's signature (algorithms not weak; RFC 5280 4.1.1.2: both AlgorithmIdentifiers equal, seen to when
 * it was parsed). */
CV_MUST_USE bool pki_cert_signed_by(const struct pki_cert *c, const struct cr_key *issuer_key);

/* ---- the parts of parsing ---- */
/* pki_dn.c. A Name within the limits, its strings without NUL: the text of pki_cert_subject_text, for free(); fqdn and addr (may be NULL)
 * get copies of the subject's first unstructuredName and unstructuredAddress, or stay. NULL: malformed. */
char *pki_dn_read(struct slice der, char **fqdn, char **addr);
/* pki_ext.c. Fills in everything that the extensions say. False: one is malformed, there are too many, or one is there twice; why says. */
CV_MUST_USE bool pki_ext_read(struct pki_cert *c, const char **why);

/* In a certificate as a Netscape comment: made up by pki_sim. */
#define PKI_SIM_COMMENT "culvert simulation"

#endif
