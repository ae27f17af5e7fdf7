#include "control/ikev1/v1_message.h"

#include "common/secret.h"
#include "control/crypto/cr_prf.h"
#include "control/ikev1/v1_frag.h"
#include "control/ikev1/v1_note.h"

#include <stdlib.h>
#include <string.h>

enum { AT_FLAGS = 19, SAME_SIZE = 1 /* so often a long message is repeated as it was */ };

bool v1_digest(const uint8_t *data, size_t len, uint8_t out[V1_DIGEST_LEN])
{
    uint8_t digest[CR_PRF_MAX];
    size_t n;
    const struct slice s = {data, len};
    if (cr_hash("SHA256", &s, 1, digest, &n) != CV_OK || n != V1_DIGEST_LEN)
        return false;
    memcpy(out, digest, V1_DIGEST_LEN);
    return true;
}

size_t v1_hash_len(const struct ike_sa *sa)
{
    const struct v1_sa *v1 = sa->v;
    const struct cr_prf_alg *prf = cr_prf(v1->choice.prf);
    return prf ? prf->len : 0;
}

void v1_sent_free(struct v1_sent *s)
{
    free(s->data);
    free(s->len);
    *s = (struct v1_sent){.next_at = UINT64_MAX};
}

cv_result v1_msg_begin(struct ike *e, struct ike_sa *sa, uint8_t exchange, uint32_t message_id,
                       const char *name, struct v1_msg *m)
{
    struct pld_header h = {.version = PLD1_VERSION, .exchange = exchange, .message_id = message_id};
    (void)e;
    *m = (struct v1_msg){.storage = malloc(V1_MESSAGE_MAX), .name = name};
    if (!m->storage)
        return CV_ENOMEM;
    memcpy(h.spi_i, sa->spi_i, sizeof h.spi_i);
    memcpy(h.spi_r, sa->spi_r, sizeof h.spi_r);
    m->w = buf_writer_init(m->storage, V1_MESSAGE_MAX);
    pld_begin(&m->b, &m->w, &h);
    return CV_OK;
}

void v1_msg_free(struct v1_msg *m)
{
    if (m->storage)
        secret_wipe(m->storage, V1_MESSAGE_MAX);
    free(m->storage);
    *m = (struct v1_msg){0};
}

static void transmit(struct ike *e, struct ike_sa *sa, const struct v1_sent *s)
{
    size_t at = 0;
    for (unsigned i = 0; i < s->count; i++) {
        ike_send(e, sa, s->data + at, s->len[i]);
        at += s->len[i];
    }
}

/* Encryption in place; the IV of the next message goes to `next` (RFC 2409 Appendix B). Without keys nothing is encrypted, whoever asks. */
static cv_result seal(struct ike_sa *sa, struct v1_msg *m, const uint8_t *iv, uint8_t next[CR_IV_MAX])
{
    const struct v1_sa *v1 = v1_of(sa);
    if (m->w.len <= PLD_HEADER_LEN)
        return CV_EINVAL;
    buf_patch_u8(&m->w, AT_FLAGS, PLD1_FLAG_ENCRYPTION);
    return cr_encrypt1(&v1->keys, iv, m->storage + PLD_HEADER_LEN, m->w.len - PLD_HEADER_LEN, next);
}

cv_result v1_msg_send(struct ike *e, struct ike_sa *sa, struct v1_msg *m, uint8_t *iv, struct v1_sent *sent,
                      bool by_timer)
{
    const struct v1_sa *v1 = v1_of(sa);
    uint8_t next[CR_IV_MAX];
    struct v1_sent out = {.name = m->name, .next_at = UINT64_MAX};
    if (iv && !v1->have_keys)
        return CV_EINVAL;
    pld1_end(&m->b, iv ? cr_block1(v1->keys.suite.encr, v1->keys.suite.key_bits) : 1);
    if (m->w.bad)
        return CV_ENOSPC;
    v1_note_own(e, sa, NULL, m->name, m->storage, m->w.len);
    if (iv)
        CV_TRY(seal(sa, m, iv, next));
    CV_TRY(v1_frag_cut(e, sa, (struct slice){m->storage, m->w.len}, &out));
    transmit(e, sa, &out);
    if (iv)
        memcpy(iv, next, sizeof next);
    if (!sent) {
        v1_sent_free(&out);
        return CV_OK;
    }
    v1_sent_free(sent);
    *sent = out;
    sent->next_at = by_timer ? ike_now(e) + V1_RETRANSMIT_MS : UINT64_MAX;
    return CV_OK;
}

static uint32_t message_id_of(const struct v1_sent *s)
{
    enum { AT_MESSAGE_ID = 20 };
    uint32_t id = 0;
    struct buf_reader r = buf_reader_init(s->data, s->count ? s->len[0] : 0);
    return buf_skip(&r, AT_MESSAGE_ID) && buf_u32(&r, &id) ? id : 0;
}

void v1_msg_again(struct ike *e, struct ike_sa *sa, struct v1_sent *sent)
{
    if (sent->count == 0)
        return;
    v1_note_again(e, sa, sent->name, true, message_id_of(sent));
    if (++sent->repeats > SAME_SIZE) /* it may be too long for the path */
        (void)v1_frag_smaller(e, sa, sent);
    transmit(e, sa, sent);
}

static void put_hash(struct v1_msg *m, size_t hash_at, const uint8_t *hash, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_patch_u8(&m->w, hash_at + i, hash[i]);
}

static struct slice behind_hash(const struct ike_sa *sa, const struct v1_msg *m, size_t hash_at)
{
    size_t n = v1_hash_len(sa);
    if (m->w.bad || n == 0 || hash_at < PLD_HEADER_LEN || hash_at + n > m->w.len)
        return (struct slice){0};
    return (struct slice){m->storage + hash_at + n, m->w.len - hash_at - n};
}

cv_result v1_msg_hash1(struct ike_sa *sa, struct v1_msg *m, uint32_t message_id, size_t hash_at)
{
    uint8_t hash[CR_PRF_MAX];
    const struct slice rest = behind_hash(sa, m, hash_at);
    if (!rest.p || !v1_of(sa)->have_keys)
        return CV_EINVAL;
    CV_TRY(cr_hash1(&v1_of(sa)->keys, message_id, rest, hash));
    put_hash(m, hash_at, hash, v1_hash_len(sa));
    return CV_OK;
}

cv_result v1_msg_hash2(struct ike_sa *sa, struct v1_msg *m, uint32_t message_id, size_t hash_at,
                       struct slice ni)
{
    uint8_t hash[CR_PRF_MAX];
    const struct slice rest = behind_hash(sa, m, hash_at);
    if (!rest.p || !v1_of(sa)->have_keys)
        return CV_EINVAL;
    CV_TRY(cr_hash2(&v1_of(sa)->keys, message_id, ni, rest, hash));
    put_hash(m, hash_at, hash, v1_hash_len(sa));
    return CV_OK;
}

uint32_t v1_message_id(struct ike *e, struct ike_sa *sa)
{
    uint32_t id;
    do
        ike_random(e, (uint8_t *)&id, sizeof id);
    while (id == 0 || v1_xchg_find(sa, id) || v1_seen(sa, id));
    return id;
}
