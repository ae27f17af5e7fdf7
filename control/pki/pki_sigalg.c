#include "control/pki/pki_cert_priv.h"
#include "control/pki/pki_der.h"

#include <openssl/crypto.h>
#include <openssl/obj_mac.h>

/* The ones that IKE may use, by cr_sign's identifiers. */
static const struct pki_sig_alg strong[] = {
    {NID_sha256WithRSAEncryption, "SHA256 with RSA Encryption", false, CR_SIG_RSA_SHA256},
    {NID_sha384WithRSAEncryption, "SHA384 with RSA Encryption", false, CR_SIG_RSA_SHA384},
    {NID_sha512WithRSAEncryption, "SHA512 with RSA Encryption", false, CR_SIG_RSA_SHA512},
    {NID_rsassaPss, "RSASSA-PSS with SHA256", false, CR_SIG_PSS_SHA256},
    {NID_rsassaPss, "RSASSA-PSS with SHA384", false, CR_SIG_PSS_SHA384},
    {NID_rsassaPss, "RSASSA-PSS with SHA512", false, CR_SIG_PSS_SHA512},
    {NID_ecdsa_with_SHA256, "SHA256 with ECDSA", false, CR_SIG_ECDSA_SHA256},
    {NID_ecdsa_with_SHA384, "SHA384 with ECDSA", false, CR_SIG_ECDSA_SHA384},
    {NID_ecdsa_with_SHA512, "SHA512 with ECDSA", false, CR_SIG_ECDSA_SHA512},
    {NID_ED25519, "Ed25519", false, CR_SIG_ED25519},
};
/* Named, so that a refusal can say what it is; nothing signed with them is accepted. PSS with parameters that are none of the above
 * is among them: its default is SHA-1. */
static const struct pki_sig_alg weak[] = {
    {NID_md2WithRSAEncryption, "MD2 with RSA Encryption", true, CR_SIG_COUNT},
    {NID_md4WithRSAEncryption, "MD4 with RSA Encryption", true, CR_SIG_COUNT},
    {NID_md5WithRSAEncryption, "MD5 with RSA Encryption", true, CR_SIG_COUNT},
    {NID_sha1WithRSAEncryption, "SHA1 with RSA Encryption", true, CR_SIG_COUNT},
    {NID_sha1WithRSA, "SHA1 with RSA Encryption", true, CR_SIG_COUNT},
    {NID_sha224WithRSAEncryption, "SHA224 with RSA Encryption", true, CR_SIG_COUNT},
    {NID_ecdsa_with_SHA1, "SHA1 with ECDSA", true, CR_SIG_COUNT},
    {NID_ecdsa_with_SHA224, "SHA224 with ECDSA", true, CR_SIG_COUNT},
    {NID_rsassaPss, "RSASSA-PSS with other parameters", true, CR_SIG_COUNT},
};

static int nid_of(struct slice der)
{
    struct buf_reader r = buf_reader_init(der.p, der.n);
    struct pki_tlv alg, oid;
    if (!pki_der_take(&r, PKI_DER_SEQUENCE, &alg) || buf_left(&r))
        return NID_undef;
    r = buf_reader_init(alg.body.p, alg.body.n);
    if (!pki_der_take(&r, PKI_DER_OID, &oid))
        return NID_undef;
    const unsigned char *p = oid.whole.p;
    ASN1_OBJECT *o = d2i_ASN1_OBJECT(NULL, &p, (long)oid.whole.n);
    int nid = o ? OBJ_obj2nid(o) : NID_undef;
    ASN1_OBJECT_free(o);
    return nid;
}

const struct pki_sig_alg *pki_sig_alg_by_der(struct slice der)
{
    enum cr_sig sig;
    if (cr_sig_by_algorithm(der, &sig) == CV_OK)
        for (unsigned i = 0; i < sizeof strong / sizeof strong[0]; i++)
            if (strong[i].sig == sig)
                return &strong[i];
    int nid = nid_of(der);
    for (unsigned i = 0; nid != NID_undef && i < sizeof weak / sizeof weak[0]; i++)
        if (weak[i].nid == nid)
            return &weak[i];
    return NULL;
}

const struct pki_sig_alg *pki_sig_alg_of(const X509_ALGOR *a)
{
    uint8_t *der = NULL;
    int n = a ? i2d_X509_ALGOR(a, &der) : 0;
    const struct pki_sig_alg *found = n > 0 ? pki_sig_alg_by_der((struct slice){der, (size_t)n}) : NULL;
    OPENSSL_free(der);
    return found;
}
