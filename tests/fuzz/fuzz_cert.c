/* libFuzzer harness of what reads peers' certificates. The first octet says what the rest is: 0 a certificate, 1 PKCS #7, 2 a Name (CERTREQ, ID payload),
 * 3 an AlgorithmIdentifier, 4 a certificate in PEM, 5 a DN as typed, 6 a public key. What is accepted must keep its promises. */
#include "control/pki/pki_cert_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
    if (!holds)
        abort();
}

static void texts(const char *s, size_t most)
{
    need(s && strlen(s) <= most);
    for (; *s; s++)
        need(*s >= 0x20 && *s < 0x7f);
}

static void look_at(struct pki_cert *c)
{
    char why[PKI_TEXT_MAX];
    const char *kind, *t;
    struct slice der = pki_cert_der(c);
    struct pki_cert *again = NULL;
    texts(pki_cert_subject_text(c), 5 * PKI_DN_MAX);
    texts(pki_cert_issuer_text(c), 5 * PKI_DN_MAX);
    texts(pki_cert_serial(c), 2 * PKI_SERIAL_MAX);
    texts(pki_cert_signature_text(c), 64);
    for (unsigned i = 0; (t = pki_cert_alt_name(c, i, &kind)) != NULL; i++) {
        need(i < PKI_NAMES_MAX);
        texts(t, 5 * PKI_DN_MAX);
        pki_cert_has_id(c, PKI_ID_FQDN, (struct slice){(const uint8_t *)t, strlen(t)}, why)
            ? (void)0
            : texts(why, PKI_TEXT_MAX);
        pki_cert_has_id(c, PKI_ID_EMAIL, (struct slice){(const uint8_t *)t, strlen(t)}, why)
            ? (void)0
            : texts(why, PKI_TEXT_MAX);
    }
    for (unsigned i = 0; (t = pki_cert_usage(c, i)) != NULL; i++)
        texts(t, 256);
    for (unsigned i = 0; (t = pki_cert_crl_url(c, i)) != NULL; i++)
        texts(t, 511);
    for (unsigned i = 0; (t = pki_cert_ocsp_url(c, i)) != NULL; i++)
        texts(t, 511);
    need(pki_cert_subject(c).n > 2 == pki_cert_has_id(c, PKI_ID_DN, pki_cert_subject(c), why));
    need(pki_dn_equal(pki_cert_issuer(c), pki_cert_issuer(c)));
    if (pki_cert_signed_by(c, pki_cert_key(c)))
        need(!c->sig_alg->weak);
    need(pki_cert_parse(der, &again, NULL) == CV_OK && pki_cert_equal(c, again));
    pki_cert_free(again);
    pki_cert_free(c);
}

static void drive_pkcs7(struct slice in)
{
    struct pki_cert *out[PKI_CERTS_MAX];
    unsigned count = 0;
    if (pki_pkcs7_read(in, out, &count) != CV_OK)
        need(count == 0);
    need(count <= PKI_CERTS_MAX);
    for (unsigned i = 0; i < count; i++)
        look_at(out[i]);
}

static void drive_algorithm(struct slice in)
{
    enum cr_sig sig = CR_SIG_COUNT;
    if (cr_sig_by_algorithm(in, &sig) == CV_OK) {
        need(sig < CR_SIG_COUNT && cr_sig_algorithm(sig).n > 0);
        const struct pki_sig_alg *a = pki_sig_alg_by_der(in);
        need(a && !a->weak && a->sig == sig);
    } else if (pki_sig_alg_by_der(in)) {
        need(pki_sig_alg_by_der(in)->weak);
    }
}

static void drive_typed(struct slice in)
{
    char line[1024], text[PKI_TEXT_MAX];
    uint8_t der[PKI_DN_MAX], back[PKI_DN_MAX];
    size_t n = 0, m = 0;
    line[slice_copy(in, (uint8_t *)line, sizeof line - 1)] = '\0';
    if (pki_dn_parse(line, der, &n) != CV_OK)
        return;
    pki_dn_text((struct slice){der, n}, text);
    need(strcmp(text, "(malformed)") != 0);
    if (strlen(text) < PKI_TEXT_MAX - 1) /* not cut: it reads back as the same name */
        need(pki_dn_parse(text, back, &m) == CV_OK && m == n && memcmp(der, back, n) == 0);
}

static void drive_key(struct slice in)
{
    struct cr_key *k = NULL;
    if (cr_key_public(in, true, &k) != CV_OK)
        return;
    struct slice spki = cr_key_spki(k);
    need(spki.n == in.n && memcmp(spki.p, in.p, in.n) == 0 && !cr_key_is_private(k));
    for (unsigned s = 0; s < CR_SIG_COUNT; s++) /* none of them is a signature of this */
        need(cr_verify(k, (enum cr_sig)s, in, in) != CV_OK);
    cr_key_free(k);
}

static void drive(unsigned what, struct slice in)
{
    struct pki_cert *c = NULL;
    char text[PKI_TEXT_MAX];
    size_t used = 0;
    switch (what) {
    case 0:
        if (pki_cert_parse(in, &c, NULL) == CV_OK)
            look_at(c);
        break;
    case 1:
        drive_pkcs7(in);
        break;
    case 2:
        texts(pki_dn_text(in, text), PKI_TEXT_MAX - 1);
        (void)!pki_dn_equal(in, in);
        break;
    case 3:
        drive_algorithm(in);
        break;
    case 4:
        if (pki_cert_read(in, &c, &used) == CV_OK) {
            need(used <= in.n);
            look_at(c);
        }
        break;
    case 5:
        drive_typed(in);
        break;
    default:
        drive_key(in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint8_t *copy = malloc(size); /* each input at the end of its memory */
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    uint8_t *exact = realloc(copy, size > 1 ? size - 1 : 1);
    drive(data[0] % 7, (struct slice){exact ? exact : copy, size - 1});
    free(exact ? exact : copy);
    return 0;
}
