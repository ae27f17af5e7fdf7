/* Messages that no sound peer sends, under the sender's keys: IKEv1. */
#include "tests/mock/mock_wire_priv.h"

#include "control/ikev1/v1.h"

#include <stdlib.h>
#include <string.h>

enum { FORGE_MAX = 16384 };

static struct v1_sa *keyed(struct ike_sa *sa)
{
    struct v1_sa *v = sa && sa->ops->version == 1 ? v1_of(sa) : NULL;
    return v && v->have_keys ? v : NULL;
}

static size_t block_of(const struct v1_sa *v)
{
    return cr_block1(v->keys.suite.encr, v->keys.suite.key_bits);
}

/* ---- CBC chains: of both ends together, for they are one ------------------------------------------------------ */
static struct wire_chain *chain_find(struct wire *w, const uint8_t *spi_i, uint32_t message_id)
{
    for (unsigned i = 0; i < WIRE_CHAINS; i++)
        if (w->chains[i].used && w->chains[i].message_id == message_id &&
            memcmp(w->chains[i].spi_i, spi_i, 8) == 0)
            return &w->chains[i];
    return NULL;
}

static struct wire_chain *chain_new(struct wire *w, const uint8_t *spi_i, uint32_t message_id)
{
    struct wire_chain *eldest = &w->chains[0];
    for (unsigned i = 1; i < WIRE_CHAINS; i++)
        if (w->chains[i].used < eldest->used)
            eldest = &w->chains[i];
    memset(eldest, 0, sizeof *eldest);
    memcpy(eldest->spi_i, spi_i, 8);
    eldest->message_id = message_id;
    return eldest;
}

/* The IV of an exchange's first message (RFC 2409 Appendix B). Phase 1's last block is its chain's, which both ends have
 * passed through here. */
static bool first_iv(struct wire *w, struct v1_sa *v, const uint8_t *spi_i, uint32_t message_id, uint8_t *iv)
{
    const struct wire_chain *phase1 = chain_find(w, spi_i, 0);
    if (message_id == 0) {
        memcpy(iv, v->keys.iv, CR_IV_MAX);
        return true;
    }
    return phase1 && cr_iv_phase2(&v->keys, phase1->after, message_id, iv) == CV_OK;
}

void wire_chain_sent(struct wire_side *s, const uint8_t *data, size_t len)
{
    struct pld_header h;
    const char *err;
    if (len < PLD_HEADER_LEN || data[17] >> 4 != 1 || pld1_header(data, len, &h, &err) != CV_OK ||
        !(h.flags & PLD1_FLAG_ENCRYPTION))
        return;
    struct ike_sa *sa = ike_sa_by_spi(s->ike, h.spi_i);
    sa = sa ? sa : ike_sa_by_spi(s->ike, h.spi_r);
    struct v1_sa *v = keyed(sa);
    if (!v || len < PLD_HEADER_LEN + block_of(v))
        return;
    const uint8_t *last = data + len - block_of(v);
    struct wire_chain *c = chain_find(s->wire, h.spi_i, h.message_id);
    if (c && memcmp(c->after, last, block_of(v)) == 0)
        return; /* once more */
    if (c)
        memcpy(c->before, c->after, sizeof c->before);
    else {
        c = chain_new(s->wire, h.spi_i, h.message_id);
        if (!first_iv(s->wire, v, h.spi_i, h.message_id, c->before))
            return;
    }
    memset(c->after, 0, sizeof c->after);
    memcpy(c->after, last, block_of(v));
    c->used = ++s->wire->order;
}

/* ---- forging ------------------------------------------------------------------------------------------------------- */
static void hand_over(struct wire *w, enum wire_end as, struct ike_sa *sa, uint8_t *data, size_t len)
{
    struct wire_packet p = {.from = as,
                            .src = sa->local,
                            .dst = {.addr = w->side[!as].address, .port = sa->natt ? 4500 : 500},
                            .data = data,
                            .len = len};
    wire_translate(w, &p);
    wire_hand_in(w, as == A ? B : A, &p);
}

void wire_forge1(struct wire *w, enum wire_end as, struct ike_sa *sa, uint8_t exchange, uint32_t message_id,
                 unsigned how, wire_build *build, void *ctx)
{
    struct v1_sa *v = keyed(sa);
    uint8_t *data = calloc(1, FORGE_MAX), iv[CR_IV_MAX] = {0}, hash[CR_PRF_MAX];
    if (!v || !data)
        wire_die("no keys to forge with");
    while (message_id == 0)
        message_id = (uint32_t)wire_random(&w->rng);
    struct pld_header h = {.version = PLD1_VERSION, .exchange = exchange, .message_id = message_id};
    memcpy(h.spi_i, sa->spi_i, 8);
    memcpy(h.spi_r, sa->spi_r, 8);
    h.flags = how & WIRE_CLEAR ? 0 : PLD1_FLAG_ENCRYPTION;
    struct buf_writer bw = buf_writer_init(data, FORGE_MAX);
    struct pld_builder b;
    size_t n = cr_prf(v->keys.suite.prf)->len, at = 0;
    pld_begin(&b, &bw, &h);
    if (!(how & WIRE_NO_HASH))
        at = pld1_put_hash_room(&b, n);
    if (build)
        build(&b, ctx);
    size_t end = bw.len;
    if (bw.bad)
        wire_die("forged message does not fit");
    if (at) {
        if (cr_hash1(&v->keys, message_id, (struct slice){data + at + n, end - at - n}, hash) != CV_OK)
            wire_die("HASH(1)");
        hash[0] ^= how & WIRE_BAD_HASH ? 1 : 0;
        memcpy(data + at, hash, n);
    }
    pld1_end(&b, how & WIRE_CLEAR ? 1 : block_of(v));
    if (!(how & WIRE_CLEAR)) {
        const struct wire_chain *c = chain_find(w, sa->spi_i, message_id);
        if (c)
            memcpy(iv, c->after, sizeof iv);
        else if (!first_iv(w, v, sa->spi_i, message_id, iv))
            wire_die("no IV to forge with");
        if (cr_encrypt1(&v->keys, iv, data + PLD_HEADER_LEN, bw.len - PLD_HEADER_LEN, iv) != CV_OK)
            wire_die("encryption");
    }
    hand_over(w, as, sa, data, bw.len);
    free(data);
}

/* ---- changing what is sealed ----------------------------------------------------------------------------------- */
/* The payloads behind HASH, without the padding, changed and under a new HASH. False: not of that form. */
static bool change_hashed(struct v1_sa *v, const struct pld_header *h, const struct pld1_message *m,
                          uint8_t *plain, size_t *len, wire_change *change, void *ctx, struct slice ni)
{
    size_t n = cr_prf(v->keys.suite.prf)->len, at = PLD_GENERIC_LEN + n;
    uint8_t first = plain[0], hash[CR_PRF_MAX];
    if (m->hash.n != n || m->payload_count < 2 || m->order[0] != PLD1_HASH)
        return false;
    size_t rest = m->after_hash.n;
    change(plain + at, &rest, FORGE_MAX - at, &first, ctx);
    plain[0] = first;
    struct slice covered = {plain + at, rest};
    cv_result r = ni.n ? cr_hash2(&v->keys, h->message_id, ni, covered, hash)
                       : cr_hash1(&v->keys, h->message_id, covered, hash);
    if (r != CV_OK)
        return false;
    memcpy(plain + PLD_GENERIC_LEN, hash, n);
    *len = at + rest;
    return true;
}

static const struct v1_xchg *xchg_of(const struct v1_sa *v, uint32_t message_id)
{
    const struct v1_xchg *x = v->xchgs;
    while (x && x->message_id != message_id)
        x = x->next;
    return x;
}

bool wire_reseal1(struct wire *w, struct wire_packet *p, wire_change *change, void *ctx)
{
    struct wire_side *s = &w->side[p->from];
    struct pld1_message *m = calloc(1, sizeof *m);
    uint8_t *plain = calloc(1, FORGE_MAX), iv[CR_IV_MAX];
    const char *err;
    bool ok = false;
    if (!m || !plain)
        wire_die("memory");
    if (p->len < PLD_HEADER_LEN || p->data[17] >> 4 != 1 ||
        pld1_header(p->data, p->len, &m->header, &err) != CV_OK || !(m->header.flags & PLD1_FLAG_ENCRYPTION))
        goto out;
    struct pld_header h = m->header;
    struct ike_sa *sa = ike_sa_by_spi(s->ike, h.spi_i);
    struct v1_sa *v = keyed(sa ? sa : ike_sa_by_spi(s->ike, h.spi_r));
    const struct wire_chain *c = chain_find(w, h.spi_i, h.message_id);
    size_t len = p->len - PLD_HEADER_LEN;
    if (!v || !c || len == 0 || len % block_of(v) != 0 || len > FORGE_MAX - 64)
        goto out;
    memcpy(plain, p->data + PLD_HEADER_LEN, len);
    if (cr_decrypt1(&v->keys, c->before, plain, len, iv) != CV_OK ||
        pld1_inner((struct slice){plain, len}, m, &err) != CV_OK)
        goto out;
    uint8_t first = h.next_payload;
    if (h.message_id == 0)
        change(plain, &len, FORGE_MAX, &first, ctx);
    else {
        const struct v1_xchg *x = xchg_of(v, h.message_id);
        bool qm2 = x && !x->initiator && m->nonce.n;
        struct slice ni = {x ? x->ni : NULL, qm2 ? x->ni_len : 0};
        if (!change_hashed(v, &h, m, plain, &len, change, ctx, ni))
            goto out;
    }
    while (len % block_of(v) != 0)
        plain[len++] = 0;
    uint8_t *out = malloc(PLD_HEADER_LEN + len);
    if (!out)
        wire_die("memory");
    memcpy(out, p->data, PLD_HEADER_LEN);
    memcpy(out + PLD_HEADER_LEN, plain, len);
    out[16] = first;
    struct buf_writer bw = buf_writer_init(out + 24, 4);
    buf_put_u32(&bw, (uint32_t)(PLD_HEADER_LEN + len));
    ok = cr_encrypt1(&v->keys, c->before, out + PLD_HEADER_LEN, len, iv) == CV_OK;
    free(p->data);
    p->data = out;
    p->len = PLD_HEADER_LEN + len;
out:
    free(plain);
    free(m);
    return ok;
}
