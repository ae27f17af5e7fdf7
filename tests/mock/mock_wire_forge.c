/* Messages that no sound peer sends, under the sender's keys: IKEv2. */
#include "control/crypto/cr_cipher.h"
#include "tests/mock/mock_wire_priv.h"

#include <stdlib.h>
#include <string.h>

enum { FORGE_MAX = 16384 };

void wire_inject(struct wire *w, enum wire_end to, const uint8_t *data, size_t len)
{
    struct wire_packet p = {.from = to == A ? B : A,
                            .src = {.addr = w->side[!to].address, .port = 500},
                            .dst = {.addr = w->side[to].address, .port = 500},
                            .data = (uint8_t *)(uintptr_t)data,
                            .len = len};
    wire_hand_in(w, to, &p);
}

/* A whole protected message. *out is new. */
static void seal(struct wire_side *s, const struct cr_sk_keys *keys, const struct pld_header *h,
                 uint8_t first, const uint8_t *plain, size_t len, uint8_t **out, size_t *out_len)
{
    const struct cr_encr_alg *alg = cr_encr(keys->encr, keys->key_bits);
    uint8_t iv[CR_IV_MAX];
    size_t body_len = len + cr_sk_overhead(keys, len), cap = PLD_HEADER_LEN + PLD_GENERIC_LEN + body_len;
    *out = calloc(1, cap);
    if (!*out || !alg)
        wire_die("seal");
    struct buf_writer w = buf_writer_init(*out, cap);
    struct pld_builder b;
    pld_begin(&b, &w, h);
    size_t body = pld_put_sk(&b, first, body_len);
    buf_put_zero(&w, body_len);
    pld_end(&b);
    if (len)
        memcpy(*out + body + alg->iv_len, plain, len);
    wire_random_octets(s, iv, sizeof iv);
    if (w.bad || cr_sk_protect(keys, *out, w.len, body, len, iv) != CV_OK)
        wire_die("message does not fit");
    *out_len = w.len;
}

void wire_forge(struct wire *w, enum wire_end as, struct ike_sa *sa, uint8_t exchange, bool response,
                uint32_t message_id, wire_build *build, void *ctx)
{
    uint8_t *inner = calloc(1, FORGE_MAX);
    if (!inner)
        wire_die("memory");
    struct buf_writer wi = buf_writer_init(inner, FORGE_MAX);
    struct pld_chain chain;
    pld_chain_begin(&chain, &wi);
    if (build)
        build(&chain.b, ctx);
    if (wi.bad)
        wire_die("forged message does not fit");
    struct pld_header h = {.version = 0x20, .exchange = exchange, .message_id = message_id};
    memcpy(h.spi_i, sa->spi_i, 8);
    memcpy(h.spi_r, sa->spi_r, 8);
    h.flags = (uint8_t)((sa->initiator ? PLD_FLAG_INITIATOR : 0) | (response ? PLD_FLAG_RESPONSE : 0));
    struct wire_packet p = {
        .from = as, .src = sa->local, .dst = {.addr = w->side[!as].address, .port = sa->natt ? 4500 : 500}};
    seal(&w->side[as], sa->initiator ? &sa->keys.i : &sa->keys.r, &h, pld_chain_first(&chain), inner, wi.len,
         &p.data, &p.len);
    wire_translate(w, &p);
    wire_hand_in(w, as == A ? B : A, &p);
    free(p.data);
    free(inner);
}

static struct ike_sa *sender_sa(struct wire_side *s, const struct pld_header *h)
{
    return ike_sa_by_spi(s->ike, h->flags & PLD_FLAG_INITIATOR ? h->spi_i : h->spi_r);
}

bool wire_reseal(struct wire *w, struct wire_packet *p, wire_change *change, void *ctx)
{
    struct wire_side *s = &w->side[p->from];
    struct pld_message *m = calloc(1, sizeof *m);
    uint8_t *copy = malloc(p->len), *plain = calloc(1, FORGE_MAX);
    const char *err;
    struct slice inner;
    bool ok = false;
    if (!m || !copy || !plain)
        wire_die("memory");
    memcpy(copy, p->data, p->len);
    if (pld_header(copy, p->len, &m->header, &err) != CV_OK || pld_outer(copy, p->len, m, &err) != CV_OK ||
        !(m->present & PLD_BIT(PLD_SK)))
        goto out;
    struct ike_sa *sa = sender_sa(s, &m->header);
    const struct cr_sk_keys *keys = !sa ? NULL : sa->initiator ? &sa->keys.i : &sa->keys.r;
    if (!keys || cr_sk_open(keys, copy, p->len, m->sk_body, &inner) != CV_OK || inner.n > FORGE_MAX)
        goto out;
    size_t len = inner.n;
    uint8_t first = m->sk_next;
    memcpy(plain, inner.p, len);
    change(plain, &len, FORGE_MAX, &first, ctx);
    free(p->data);
    seal(s, keys, &m->header, first, plain, len, &p->data, &p->len);
    ok = true;
out:
    free(plain);
    free(copy);
    free(m);
    return ok;
}
