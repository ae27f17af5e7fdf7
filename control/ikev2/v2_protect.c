#include "control/ikev2/v2_protect.h"

#include "common/secret.h"
#include "control/ikev2/v2_frag.h"

#include <stdlib.h>
#include <string.h>

enum { IP4_HEADER = 20, IP6_HEADER = 40, UDP_HEADER = 8, NON_ESP_MARKER = 4, VERSION_2 = 0x20 };
enum { MTU_DEFAULT = 1280, MTU_LEAST_4 = 576, PIECE_MIN = V2_MESSAGE_MAX / V2_FRAGMENTS_MAX };

void v2_wire_free(struct v2_wire *w)
{
    free(w->data);
    free(w->len);
    *w = (struct v2_wire){0};
}

static cv_result wire_new(struct v2_wire *w, unsigned count, size_t size)
{
    *w = (struct v2_wire){.data = malloc(size), .len = calloc(count, sizeof *w->len)};
    if (w->data && w->len)
        return CV_OK;
    v2_wire_free(w);
    return CV_ENOMEM;
}

cv_result v2_wire_one(const uint8_t *data, size_t len, struct v2_wire *out)
{
    CV_TRY(wire_new(out, 1, len));
    out->len[0] = slice_copy((struct slice){data, len}, out->data, len);
    out->count = 1;
    return CV_OK;
}

void v2_wire_send(struct ike *e, struct ike_sa *sa, const struct v2_wire *w)
{
    const uint8_t *at = w->data;
    for (unsigned i = 0; i < w->count; at += w->len[i++])
        ike_send(e, sa, at, w->len[i]);
}

void v2_wire_send_back(struct ike *e, const struct ike_datagram *to, const struct v2_wire *w)
{
    const uint8_t *at = w->data;
    for (unsigned i = 0; i < w->count; at += w->len[i++])
        ike_send_back(e, to, at, w->len[i]);
}

struct pld_header v2_header(const struct ike_sa *sa, uint8_t exchange, bool response, uint32_t message_id)
{
    struct pld_header h = {.version = VERSION_2, .exchange = exchange, .message_id = message_id};
    memcpy(h.spi_i, sa->spi_i, sizeof h.spi_i);
    memcpy(h.spi_r, sa->spi_r, sizeof h.spi_r);
    h.flags = (uint8_t)((sa->initiator ? PLD_FLAG_INITIATOR : 0) | (response ? PLD_FLAG_RESPONSE : 0));
    return h;
}

/* AEAD: a counter, which never repeats under one key (RFC 5282 3.1). CBC: unpredictable. */
static void make_iv(struct ike *e, struct ike_sa *sa, const struct cr_encr_alg *alg, uint8_t iv[CR_IV_MAX])
{
    if (!alg->aead) {
        ike_random(e, iv, alg->iv_len);
        return;
    }
    uint64_t n = v2_of(sa)->sk_iv++;
    for (unsigned i = 0; i < alg->iv_len; i++)
        iv[i] = (uint8_t)(n >> 8 * (alg->iv_len - 1 - i));
}

/* One datagram behind those that are in w. number 0: SK, else fragment `number` of `total`. */
static cv_result seal(struct ike *e, struct ike_sa *sa, const struct pld_header *h, uint8_t first,
                      struct slice plain, uint16_t number, uint16_t total, struct v2_wire *out, size_t used,
                      size_t cap)
{
    const struct cr_sk_keys *k = sa->initiator ? &sa->keys.i : &sa->keys.r;
    const struct cr_encr_alg *alg = cr_encr(k->encr, k->key_bits);
    uint8_t iv[CR_IV_MAX], *msg = out->data + used;
    struct pld_builder b;
    if (!alg)
        return CV_EUNSUP;
    struct buf_writer w = buf_writer_init(msg, cap - used);
    size_t overhead = cr_sk_overhead(k, plain.n), body_len = plain.n + overhead;
    pld_begin(&b, &w, h);
    size_t body = number ? pld_put_skf(&b, first, number, total, body_len) : pld_put_sk(&b, first, body_len);
    buf_put_zero(&w, alg->iv_len);
    buf_put(&w, plain.p, plain.n);
    buf_put_zero(&w, overhead - alg->iv_len);
    pld_end(&b);
    if (w.bad)
        return CV_ENOSPC;
    make_iv(e, sa, alg, iv);
    CV_TRY(cr_sk_protect(k, msg, w.len, body, plain.n, iv));
    out->len[out->count++] = w.len;
    return CV_OK;
}

static unsigned mtu_of(const struct ike *e, const struct ike_sa *sa)
{
    const unsigned mtu = e->cfg->ikev2_fragmentation_mtu ? e->cfg->ikev2_fragmentation_mtu : MTU_DEFAULT,
                   path = ((const struct v2_sa *)sa->v)->path_mtu;
    return path && path < mtu ? path : mtu;
}

static size_t headers_of(const struct ike_sa *sa)
{
    return (sa->remote.addr.family == IP_V6 ? IP6_HEADER : IP4_HEADER) + UDP_HEADER +
           (sa->natt ? NON_ESP_MARKER : 0);
}

/* Octets of IKE message that make an IP packet of the MTU (RFC 7383 2.5.1). */
static size_t message_limit(const struct ike_sa *sa, size_t mtu)
{
    const size_t headers = headers_of(sa);
    return mtu > headers ? mtu - headers : 0;
}

void v2_path_takes(const struct ike *e, struct ike_sa *sa, size_t len)
{
    const unsigned least = sa->remote.addr.family == IP_V4 ? MTU_LEAST_4 : MTU_DEFAULT,
                   mtu = (unsigned)(len + headers_of(sa));
    if (mtu < mtu_of(e, sa))
        v2_of(sa)->path_mtu = mtu > least ? mtu : least;
}

static cv_result split(struct ike *e, struct ike_sa *sa, const struct pld_header *h, uint8_t first,
                       struct slice plain, size_t limit, struct v2_wire *out)
{
    const struct cr_sk_keys *k = sa->initiator ? &sa->keys.i : &sa->keys.r;
    size_t around = PLD_HEADER_LEN + PLD_GENERIC_LEN + V2_SKF_EXTRA + cr_sk_overhead(k, 0) + CR_IV_MAX;
    size_t piece = limit > around + PIECE_MIN ? limit - around : PIECE_MIN;
    size_t total = (plain.n + piece - 1) / piece;
    if (total > V2_FRAGMENTS_MAX)
        return CV_ENOSPC;
    size_t cap = total * (piece + around), used = 0;
    CV_TRY(wire_new(out, (unsigned)total, cap));
    cv_result r = CV_OK;
    for (size_t i = 0; i < total && r == CV_OK; i++) {
        size_t at = i * piece, n = plain.n - at < piece ? plain.n - at : piece;
        /* RFC 7383 2.5: only the first names the first inner payload */
        r = seal(e, sa, h, i == 0 ? first : PLD_NONE, (struct slice){plain.p + at, n}, (uint16_t)(i + 1),
                 (uint16_t)total, out, used, cap);
        if (r == CV_OK)
            used += out->len[i];
    }
    if (r != CV_OK)
        v2_wire_free(out);
    return r;
}

cv_result v2_protect(struct ike *e, struct ike_sa *sa, const struct pld_header *h, uint8_t first,
                     struct slice plain, struct v2_wire *out)
{
    const struct cr_sk_keys *k = sa->initiator ? &sa->keys.i : &sa->keys.r;
    size_t size = PLD_HEADER_LEN + PLD_GENERIC_LEN + plain.n + cr_sk_overhead(k, plain.n);
    const unsigned mtu = mtu_of(e, sa);
    size_t limit = message_limit(sa, mtu);
    cv_result r;
    if (v2_of(sa)->frag_ok && size > limit) {
        r = split(e, sa, h, first, plain, limit, out);
    } else {
        CV_TRY(wire_new(out, 1, size));
        r = seal(e, sa, h, first, plain, 0, 0, out, 0, size);
        if (r != CV_OK)
            v2_wire_free(out);
    }
    out->mtu = mtu;
    return r;
}

/* ---- once more, in smaller fragments (RFC 7383 2.5.2) --------------------------------------------------------------- */
/* 576 octets any IPv4 host takes (RFC 791), 1280 any IPv6 link (RFC 8200 5). 0: no smaller one. */
static unsigned smaller(const struct ike_sa *sa, unsigned mtu)
{
    if (mtu > MTU_DEFAULT)
        return MTU_DEFAULT;
    return mtu > MTU_LEAST_4 && sa->remote.addr.family == IP_V4 ? MTU_LEAST_4 : 0;
}

static bool any_longer(const struct v2_wire *w, size_t limit)
{
    for (unsigned i = 0; i < w->count; i++)
        if (w->len[i] > limit)
            return true;
    return false;
}

/* The inner payloads again, by our own keys. plain: V2_MESSAGE_MAX octets; data: a copy of the wire's, opened in place. */
static bool reopen(struct ike_sa *sa, const struct v2_wire *w, uint8_t *data, struct buf_writer *plain)
{
    const struct cr_sk_keys *k = sa->initiator ? &sa->keys.i : &sa->keys.r;
    const size_t body = PLD_HEADER_LEN + PLD_GENERIC_LEN + (w->count > 1 ? V2_SKF_EXTRA : 0);
    for (unsigned i = 0; i < w->count; data += w->len[i++]) {
        struct slice piece;
        if (cr_sk_open(k, data, w->len[i], body, &piece) != CV_OK)
            return false;
        buf_put(plain, piece.p, piece.n);
    }
    return !plain->bad;
}

static bool cut_anew(struct ike *e, struct ike_sa *sa, const struct v2_wire *w, size_t limit,
                     uint8_t *plain_space, struct v2_wire *out)
{
    struct pld_header h;
    const char *err;
    size_t size = 0;
    for (unsigned i = 0; i < w->count; i++)
        size += w->len[i];
    uint8_t *data = slice_dup((struct slice){w->data, size});
    struct buf_writer plain = buf_writer_init(plain_space, V2_MESSAGE_MAX);
    bool ok = data && w->len[0] > PLD_HEADER_LEN && pld_header(data, w->len[0], &h, &err) == CV_OK &&
              reopen(sa, w, data, &plain) &&
              split(e, sa, &h, w->data[PLD_HEADER_LEN], (struct slice){plain_space, plain.len}, limit, out) ==
                  CV_OK;
    if (data)
        secret_wipe(data, size);
    free(data);
    return ok;
}

/* More fragments than before: the receiver would take as many, or fewer, for old ones (2.6). */
static bool cut_to(struct ike *e, struct ike_sa *sa, struct v2_wire *w, unsigned mtu)
{
    struct v2_wire fresh;
    uint8_t *plain = malloc(V2_MESSAGE_MAX);
    if (!plain)
        return false;
    bool ok = cut_anew(e, sa, w, message_limit(sa, mtu), plain, &fresh);
    secret_wipe(plain, V2_MESSAGE_MAX);
    free(plain);
    if (!ok)
        return false;
    if (fresh.count <= w->count) {
        v2_wire_free(&fresh);
        return false;
    }
    v2_wire_free(w);
    *w = fresh;
    w->mtu = mtu;
    return true;
}

bool v2_wire_smaller(struct ike *e, struct ike_sa *sa, struct v2_wire *w)
{
    unsigned mtu = w->mtu;
    if (!mtu || !v2_of(sa)->frag_ok || !v2_of(sa)->have_keys)
        return false;
    do
        mtu = smaller(sa, mtu);
    while (mtu && !(any_longer(w, message_limit(sa, mtu)) && cut_to(e, sa, w, mtu)));
    if (mtu)
        ike_log(e, sa, LOG_LEVEL_DEBUG, "ikev2",
                "no answer: the message goes in %u fragments, for an MTU of %u octets", w->count, mtu);
    return mtu != 0;
}

cv_result v2_open(struct ike_sa *sa, const struct pld_message *m, uint8_t *data, size_t len,
                  struct slice *plain)
{
    const struct cr_sk_keys *k = sa->initiator ? &sa->keys.r : &sa->keys.i;
    return cr_sk_open(k, data, len, m->sk_body, plain);
}
