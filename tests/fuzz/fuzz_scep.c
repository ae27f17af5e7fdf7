/* libFuzzer harness of what a SCEP server sends and of PKCS #7. The first octet says what the rest is: 0 an answer as it arrives, 1 the content of one that the CA has
 * signed for this very transaction, 2 what is encrypted to us in such a one, 3 the answer to GetCACert, 4 that to GetCACaps, with a URL made of the rest. Nothing but
 * a certificate for our key under that CA may come of any of them. */
#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_scep.h"
#include "control/pki/pki_sim.h"

#include "control/crypto/cr_key.h"

#include <openssl/cms.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <string.h>

enum { AT = 1790000000, REST_MAX = 60000 };

static struct pki_sim_ca ca;
static struct pki_cert *own;
static struct cr_key *key;
static struct pki_scep_ca scep;
static struct pki_scep_talk talk;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct pki_sim_subject s = {.seed = "fuzz scep",
                                      .kind = CR_KEY_P256,
                                      .dn = "CN=R1,O=cisco",
                                      .from = AT,
                                      .serial = 3,
                                      .path_len = -1};
    (void)argc;
    (void)argv;
    __lsan_disable(); /* OpenSSL's random generators, as in fuzz_revocation */
    if (pki_sim_ca("fuzz", "CN=CA1,O=cisco", AT, &ca) != CV_OK || pki_sim_issue(&ca, &s, &own, &key) != CV_OK)
        abort();
    scep = (struct pki_scep_ca){.ca = ca.cert, .sign = ca.cert, .encrypt = ca.cert};
    talk = (struct pki_scep_talk){
        .caps = {.aes = true, .sha256 = true}, .ca = &scep, .key = key, .signer = key, .signer_cert = own};
    pki_scep_transaction(key, talk.transaction);
    memset(talk.nonce, 7, sizeof talk.nonce);
    __lsan_enable();
    return 0;
}

static bool add(CMS_SignerInfo *si, const char *last, int type, const void *p, size_t n)
{
    char oid[64];
    (void)snprintf(oid, sizeof oid, "2.16.840.1.113733.1.9.%s", last);
    return CMS_signed_add1_attr_by_txt(si, oid, type, p, (int)n) == 1;
}

/* A CertRep of the CA to our message, granted. */
static struct slice certrep(struct slice content)
{
    BIO *in = BIO_new_mem_buf(content.p, (int)content.n);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
    CMS_SignerInfo *si = CMS_add1_signer(cms, ca.cert->x509, cr_key_evp(ca.key), EVP_sha256(),
                                         CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL);
    uint8_t *der = NULL;
    if (!in || !si || !add(si, "2", V_ASN1_PRINTABLESTRING, "3", 1) ||
        !add(si, "3", V_ASN1_PRINTABLESTRING, "0", 1) ||
        !add(si, "6", V_ASN1_OCTET_STRING, talk.nonce, sizeof talk.nonce) ||
        !add(si, "7", V_ASN1_PRINTABLESTRING, talk.transaction, strlen(talk.transaction)) ||
        CMS_final(cms, in, NULL, CMS_BINARY) != 1)
        abort();
    int n = i2d_CMS_ContentInfo(cms, &der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    if (n <= 0)
        abort();
    return (struct slice){der, (size_t)n};
}

static struct slice sealed(struct slice body)
{
    STACK_OF(X509) *to = sk_X509_new_null();
    BIO *in = BIO_new_mem_buf(body.p, (int)body.n);
    uint8_t *der = NULL;
    if (!to || !in || sk_X509_push(to, own->x509) <= 0)
        abort();
    CMS_ContentInfo *cms = CMS_encrypt(to, in, EVP_aes_128_cbc(), CMS_BINARY);
    int n = cms ? i2d_CMS_ContentInfo(cms, &der) : 0;
    CMS_ContentInfo_free(cms);
    sk_X509_free(to);
    BIO_free(in);
    if (n <= 0)
        abort();
    return (struct slice){der, (size_t)n};
}

static void try_answer(struct slice data)
{
    struct pki_scep_answer a;
    char err[PKI_TEXT_MAX] = "";
    cv_result r = pki_scep_parse(&talk, data, &a, err);
    if (r != CV_OK) {
        if (a.cert || !err[0])
            abort(); /* refused without a word */
        return;
    }
    if (a.status == PKI_SCEP_GRANTED && (!a.cert || !cr_key_same(pki_cert_key(a.cert), key) ||
                                         !pki_cert_signed_by(a.cert, pki_cert_key(ca.cert))))
        abort();
    (void)pki_scep_fail_text(a.fail);
    pki_cert_free(a.cert);
}

static void try_signed(struct slice content)
{
    struct slice whole = certrep(content);
    try_answer(whole);
    OPENSSL_free((void *)whole.p);
}

static void try_ca(struct slice data)
{
    struct pki_scep_ca got;
    const char *why = NULL;
    if (pki_scep_ca_read(data, &got, &why) == CV_OK) {
        if (!got.ca || !got.sign || !got.encrypt || !pki_cert_is_ca(got.ca))
            abort();
        pki_scep_ca_free(&got);
    } else if (!why || got.ca) {
        abort();
    }
}

static void try_caps(struct slice data)
{
    struct pki_scep_caps caps = pki_scep_caps_read(data);
    char base[512], url[1024];
    bool weak;
    (void)pki_scep_suite(&caps, &weak);
    base[slice_copy(data, (uint8_t *)base, sizeof base - 1)] = '\0';
    if (pki_scep_url(base, "GetCACert", base, url, sizeof url) && strlen(url) >= sizeof url)
        abort();
    (void)pki_scep_url_message(base, data, url, sizeof url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > REST_MAX)
        return 0;
    struct slice rest = {data + 1, size - 1}, inner;
    switch (data[0] % 5) {
    case 0:
        try_answer(rest);
        break;
    case 1:
        try_signed(rest);
        break;
    case 2:
        inner = sealed(rest);
        try_signed(inner);
        OPENSSL_free((void *)inner.p);
        break;
    case 3:
        try_ca(rest);
        break;
    default:
        try_caps(rest);
        break;
    }
    return 0;
}
