/* cr_alg: the tables agree with themselves and with IANA's numbers. */
#include "control/crypto/cr_alg.h"
#include "tests/unit/unit.h"

#include <string.h>

static void unknown_algorithms_are_not_found(void)
{
    CU_ASSERT_PTR_NULL(cr_encr(CV_ENCR_AES_CBC, 0)); /* RFC 7296 3.3.5: AES must have a key length */
    CU_ASSERT_PTR_NULL(cr_encr(CV_ENCR_AES_GCM_16, 129));
    CU_ASSERT_PTR_NULL(cr_encr(CV_ENCR_3DES, 192)); /* fixed length: must not have one */
    CU_ASSERT_PTR_NULL(cr_encr(CV_ENCR_CHACHA20_POLY1305, 256));
    CU_ASSERT_PTR_NULL(cr_encr(CV_ENCR_NONE, 0));
    CU_ASSERT_PTR_NULL(cr_integ(CV_INTEG_NONE));
    CU_ASSERT_PTR_NULL(cr_prf(0));
    CU_ASSERT_PTR_NULL(cr_dh(CR_DH_NONE));
    CU_ASSERT_PTR_NULL(cr_dh(1025)); /* CVE-2014-9221: a private-use group */
}

static void every_length_fits_its_limit(void)
{
    unsigned found = 0;
    for (uint16_t id = 0; id < 64; id++) {
        for (unsigned bits = 0; bits <= 256; bits++) {
            const struct cr_encr_alg *e = cr_encr(id, (uint16_t)bits);
            if (!e)
                continue;
            found++;
            CU_ASSERT(e->key_bits == 0 || e->key_bits == 8 * e->key_len);
            CU_ASSERT(e->key_len + e->salt_len <= CR_ENCR_KEY_MAX && e->salt_len <= CV_SALT_MAX);
            CU_ASSERT(e->iv_len + e->salt_len <= CR_IV_MAX && e->block >= 1);
            CU_ASSERT(e->aead == (e->icv_len > 0) && e->icv_len <= CR_ICV_MAX);
            CU_ASSERT(e->aead ? e->block == 1 && e->salt_len + e->iv_len == 12 : e->salt_len == 0);
        }
        const struct cr_integ_alg *a = cr_integ(id);
        CU_ASSERT(!a || (a->key_len <= CR_INTEG_KEY_MAX && a->icv_len <= CR_ICV_MAX && a->digest));
        const struct cr_prf_alg *p = cr_prf(id);
        CU_ASSERT(!p || (p->len <= CR_PRF_MAX && p->digest));
        const struct cr_dh_alg *d = cr_dh(id);
        CU_ASSERT(!d || (d->public_len <= CR_DH_PUBLIC_MAX && d->secret_len && d->private_len >= 32));
    }
    CU_ASSERT_EQUAL(found, 13);
}

static void IKE_never_takes_a_cipher_without_secrecy(void)
{
    CU_ASSERT_FALSE(cr_encr(CV_ENCR_NULL, 0)->ike);
    CU_ASSERT_FALSE(cr_encr(CV_ENCR_NULL_AES_GMAC, 128)->ike);
    CU_ASSERT_FALSE(cr_encr(CV_ENCR_DES, 0)->ike);
    CU_ASSERT_TRUE(cr_encr(CV_ENCR_NULL_AES_GMAC, 256)->esp);
}

static void LN_12_weak_algorithms_are_marked(void)
{
    CU_ASSERT(cr_encr(CV_ENCR_DES, 0)->weak && cr_encr(CV_ENCR_3DES, 0)->weak && cr_integ(1)->weak &&
              cr_prf(1)->weak);
    CU_ASSERT(cr_dh(1)->weak && cr_dh(2)->weak && cr_dh(5)->weak && !cr_dh(14)->weak && !cr_dh(31)->weak);
}

static void IOS_words_are_those_of_the_grammar(void)
{
    CU_ASSERT_STRING_EQUAL(cr_encr(CV_ENCR_AES_CBC, 192)->ios, "aes-cbc-192");
    CU_ASSERT_STRING_EQUAL(cr_encr(CV_ENCR_AES_GCM_16, 256)->ios, "aes-gcm-256");
    CU_ASSERT_STRING_EQUAL(cr_encr(CV_ENCR_3DES, 0)->ios, "3des");
    CU_ASSERT_STRING_EQUAL(cr_integ(CV_INTEG_HMAC_SHA2_512_256)->ios, "sha512");
    CU_ASSERT_STRING_EQUAL(cr_prf(CR_PRF_HMAC_SHA1)->ios, "sha1");
}

UNIT_MAIN("cr_alg", UNIT_TEST(unknown_algorithms_are_not_found), UNIT_TEST(every_length_fits_its_limit),
          UNIT_TEST(IKE_never_takes_a_cipher_without_secrecy), UNIT_TEST(LN_12_weak_algorithms_are_marked),
          UNIT_TEST(IOS_words_are_those_of_the_grammar))
