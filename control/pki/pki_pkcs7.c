#include "control/pki/pki_cert.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

static cv_result add(X509 *x, struct pki_cert *out[PKI_CERTS_MAX], unsigned *count)
{
    uint8_t *der = NULL;
    int n = i2d_X509(x, &der);
    if (n <= 0)
        return CV_EPARSE;
    cv_result r = pki_cert_parse((struct slice){der, (size_t)n}, &out[*count], NULL);
    OPENSSL_free(der);
    if (r == CV_OK)
        (*count)++;
    return r == CV_EUNSUP ? CV_OK : r; /* one of a kind that we do not know may stand among the others */
}

cv_result pki_pkcs7_read(struct slice der, struct pki_cert *out[PKI_CERTS_MAX], unsigned *count)
{
    const unsigned char *p = der.p;
    *count = 0;
    if (der.n == 0 || der.n > (size_t)PKI_CERT_MAX * PKI_CERTS_MAX)
        return CV_EPARSE;
    PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)der.n);
    cv_result r = CV_EPARSE;
    if (p7 && p == der.p + der.n && PKCS7_type_is_signed(p7) && p7->d.sign && p7->d.sign->cert) {
        int n = sk_X509_num(p7->d.sign->cert);
        r = n <= PKI_CERTS_MAX ? CV_OK : CV_ENOSPC;
        for (int i = 0; r == CV_OK && i < n; i++)
            r = add(sk_X509_value(p7->d.sign->cert, i), out, count);
    }
    PKCS7_free(p7);
    ERR_clear_error();
    while (r != CV_OK && *count > 0)
        pki_cert_free(out[--*count]);
    return r;
}
