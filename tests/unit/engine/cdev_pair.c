#include "tests/unit/engine/cdev_pair.h"

#include "dataplane/engine/eng_cryptodev_dev.h"
#include "dataplane/engine/eng_ipsecmb.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

const char *device;
struct eng_worker *w, *mb;
_Thread_local struct rte_mempool *pool;

/* ---- transforms --------------------------------------------------------------------------------------------- */
const struct transform aeads[AEADS] = {
    {CV_ENCR_AES_GCM_16, 0, 16, 0},       {CV_ENCR_AES_GCM_16, 0, 24, 0},
    {CV_ENCR_AES_GCM_16, 0, 32, 0},       {CV_ENCR_NULL_AES_GMAC, 0, 16, 0},
    {CV_ENCR_NULL_AES_GMAC, 0, 24, 0},    {CV_ENCR_NULL_AES_GMAC, 0, 32, 0},
    {CV_ENCR_CHACHA20_POLY1305, 0, 32, 0}};
static const struct transform ciphers[] = {{CV_ENCR_AES_CBC, 0, 16, 0},
                                           {CV_ENCR_AES_CBC, 0, 24, 0},
                                           {CV_ENCR_AES_CBC, 0, 32, 0},
                                           {CV_ENCR_3DES, 0, 24, 0},
                                           {CV_ENCR_NULL, 0, 0, 0}};
static const struct transform macs[] = {{0, CV_INTEG_HMAC_MD5_96, 0, 16},
                                        {0, CV_INTEG_HMAC_SHA1_96, 0, 20},
                                        {0, CV_INTEG_HMAC_SHA2_256_128, 0, 32},
                                        {0, CV_INTEG_HMAC_SHA2_384_192, 0, 48},
                                        {0, CV_INTEG_HMAC_SHA2_512_256, 0, 64}};
struct transform transform(unsigned i)
{
    if (i < 7)
        return aeads[i];
    struct transform t = ciphers[(i - 7) / 5];
    t.integ = macs[(i - 7) % 5].integ;
    t.integ_key = macs[(i - 7) % 5].integ_key;
    return t;
}

struct cv_sa sa_of(struct transform t, bool esn, enum cv_dir dir, unsigned seed)
{
    struct cv_sa sa = {.encr = t.encr, .encr_key_len = t.key, .integ = t.integ, .integ_key_len = t.integ_key};
    sa.ref.dir = (uint8_t)dir;
    sa.flags = esn ? CV_SA_ESN : 0;
    for (unsigned i = 0; i < sizeof sa.encr_key; i++)
        sa.encr_key[i] = (uint8_t)(seed * 31 + i * 7 + 1);
    for (unsigned i = 0; i < sizeof sa.integ_key; i++)
        sa.integ_key[i] = (uint8_t)(seed * 17 + i * 3 + 5);
    sa.salt_len = t.integ ? 0 : 4;
    memset(sa.salt, (int)(0x40 + seed), sizeof sa.salt);
    return sa;
}

void pair_new(struct pair *p, struct transform t, bool esn, unsigned seed)
{
    struct cv_sa out = sa_of(t, esn, CV_DIR_OUT, seed), in = sa_of(t, esn, CV_DIR_IN, seed);
    CU_ASSERT_EQUAL_FATAL(E->session_new(&out, -1, &p->enc, &p->enc_info), CV_OK);
    CU_ASSERT_EQUAL_FATAL(E->session_new(&in, -1, &p->dec, &p->dec_info), CV_OK);
    CU_ASSERT_EQUAL_FATAL(eng_ipsecmb.session_new(&out, -1, &p->mb_enc, &p->mb_enc_info), CV_OK);
    CU_ASSERT_EQUAL_FATAL(eng_ipsecmb.session_new(&in, -1, &p->mb_dec, &p->mb_dec_info), CV_OK);
}
void pair_free(struct pair *p)
{
    E->session_free(p->enc);
    E->session_free(p->dec);
    eng_ipsecmb.session_free(p->mb_enc);
    eng_ipsecmb.session_free(p->mb_dec);
}

struct cv_sa_engine where(const struct eng_session *s)
{
    struct cv_sa_engine e;
    eng_where(s, &e);
    return e;
}

/* ---- packets --------------------------------------------------------------------------------------------------- */
struct rte_mbuf *packet_new(const struct eng_session_info *info, uint32_t data_len, unsigned seed,
                            struct eng_op *op)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    const uint32_t len = FRONT + HDR + (uint32_t)info->iv_len + data_len + info->icv_len;
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (uint32_t i = 0; i < len; i++)
        p[i] = (uint8_t)(seed * 13 + i * 5 + (i >> 8));
    *op = (struct eng_op){
        .esp = p + FRONT, .data_len = data_len, .seq_hi = 7 + seed % 3, .iv = 0x1000 + seed, .ok = false};
    return m;
}
uint8_t *text_of(const struct eng_session_info *info, const struct eng_op *op)
{
    return op->esp + HDR + info->iv_len;
}

/* ---- the device ---------------------------------------------------------------------------------------------------- */
bool look_aside(void)
{
    return !cdev_is_cpu() && !strstr(device, "null");
}

void reopen_for(unsigned workers)
{
    char why[256] = "";
    E->worker_free(w);
    E->stop();
    cv_result r = E->start(device, workers, why, sizeof why);
    if (r != CV_OK)
        printf("%s\n", why);
    CU_ASSERT_EQUAL_FATAL(r, CV_OK);
    CU_ASSERT_EQUAL_FATAL(E->worker_new(-1, &w), CV_OK);
}
