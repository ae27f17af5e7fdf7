/* libFuzzer harness of CRLs and OCSP responses. The first octet says what the rest is: 0 a CRL as it arrives, 1 the part of a CRL that is
 * signed, 2 an OCSP response, 3 the part of one that is signed; 1 and 3 are signed here by the right key, so that what lies behind the signature is reached. */
#include "control/pki/pki_crl_read.h"
#include "control/pki/pki_ocsp_read.h"
#include "control/pki/pki_sim.h"

#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <string.h>

enum { AT = 1790000000, SIGNED_MAX = 60000 };

static struct pki_sim_ca ca;
static struct pki_cert *cert;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct pki_sim_subject s = {.seed = "fuzz leaf",
                                .kind = CR_KEY_P256,
                                .dn = "CN=R1,O=cisco",
                                .from = AT - 86400,
                                .serial = 3,
                                .path_len = -1,
                                .crl_url = "http://crl.example/a.crl"};
    struct cr_key *key = NULL;
    (void)argc;
    (void)argv;
    __lsan_disable(); /* OpenSSL's random generators of this thread: made at the first signature, kept where the leak checker does not look */
    if (pki_sim_ca("fuzz", "CN=CA1,O=cisco", AT - 86400, &ca) != CV_OK ||
        pki_sim_issue(&ca, &s, &cert, &key) != CV_OK)
        abort();
    __lsan_enable();
    cr_key_free(key);
    return 0;
}

static void put_head(struct buf_writer *w, uint8_t tag, size_t n)
{
    buf_put_u8(w, tag);
    if (n >= 0x100) {
        buf_put_u8(w, 0x82);
        buf_put_u16(w, (uint16_t)n);
    } else if (n >= 0x80) {
        buf_put_u8(w, 0x81);
        buf_put_u8(w, (uint8_t)n);
    } else {
        buf_put_u8(w, (uint8_t)n);
    }
}

/* SEQUENCE { tbs, ecdsa-with-SHA256, signature }. */
static void put_signed(struct buf_writer *w, struct slice tbs)
{
    static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                           0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    uint8_t sig[CR_SIG_MAX];
    size_t n = 0;
    if (cr_sign(ca.key, CR_SIG_ECDSA_SHA256, tbs, sig, &n) != CV_OK)
        abort();
    put_head(w, 0x30, tbs.n + sizeof ecdsa_sha256 + n + 3);
    buf_put(w, tbs.p, tbs.n);
    buf_put(w, ecdsa_sha256, sizeof ecdsa_sha256);
    put_head(w, 0x03, n + 1);
    buf_put_u8(w, 0);
    buf_put(w, sig, n);
}

/* OCSPResponse around a BasicOCSPResponse. */
static void put_response(struct buf_writer *w, const uint8_t *basic, size_t n)
{
    static const uint8_t success[] = {0x0a, 0x01, 0x00};
    static const uint8_t oid[] = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
    uint8_t part[SIGNED_MAX + 512];
    struct buf_writer in = buf_writer_init(part, sizeof part);
    buf_put(&in, oid, sizeof oid);
    put_head(&in, 0x04, n);
    buf_put(&in, basic, n);
    uint8_t seq[8], tagged[8];
    struct buf_writer s = buf_writer_init(seq, sizeof seq), t = buf_writer_init(tagged, sizeof tagged);
    put_head(&s, 0x30, in.len);
    put_head(&t, 0xa0, in.len + s.len);
    put_head(w, 0x30, sizeof success + t.len + s.len + in.len);
    buf_put(w, success, sizeof success);
    buf_put(w, tagged, t.len);
    buf_put(w, seq, s.len);
    buf_put(w, part, in.len);
}

static void try_crl(struct slice der)
{
    struct pki_crl *crl = NULL;
    char why[PKI_TEXT_MAX] = "";
    unsigned reason = 0;
    if (!pki_crl_read(der, ca.cert, &crl, why)) {
        if (!why[0] || crl)
            abort(); /* refused without a word */
        return;
    }
    (void)pki_crl_covers(crl, cert, "http://crl.example/b.crl");
    if (pki_crl_lists(crl, cert, &reason) && crl->count == 0)
        abort();
    (void)pki_reason_text(reason);
    pki_crl_free(crl);
}

static void try_ocsp(struct slice der)
{
    static const uint8_t nonce[PKI_OCSP_NONCE_LEN];
    for (unsigned i = 0; i < 2; i++) {
        struct pki_ocsp_answer a;
        char why[PKI_TEXT_MAX] = "";
        if (pki_ocsp_read(der, cert, ca.cert, i ? nonce : NULL, AT, &a, why)) {
            if (a.this_update > AT + 300 || (a.next_update && a.next_update < AT))
                abort();
            pki_cert_free(a.responder);
        } else if (!why[0]) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t whole[SIGNED_MAX + 2048], basic[SIGNED_MAX + 1024];
    struct buf_writer w = buf_writer_init(whole, sizeof whole), b = buf_writer_init(basic, sizeof basic);
    if (size < 1 || size > SIGNED_MAX)
        return 0;
    struct slice rest = {data + 1, size - 1};
    switch (data[0] & 3) {
    case 0:
        try_crl(rest);
        break;
    case 1:
        put_signed(&w, rest);
        try_crl((struct slice){whole, w.len});
        break;
    case 2:
        try_ocsp(rest);
        break;
    default:
        put_signed(&b, rest);
        put_response(&w, basic, b.len);
        try_ocsp((struct slice){whole, w.len});
    }
    return 0;
}
