#include "control/ikev1/v1_frag.h"

#include "common/secret.h"

#include <stdlib.h>
#include <string.h>

struct v1_frags {
    uint16_t id;
    uint8_t last; /* number of the last one; 0 not seen yet */
    unsigned count;
    size_t total;
    struct {
        uint8_t *data;
        size_t n;
    } part[V1_FRAG_COUNT_MAX]; /* by number - 1 */
};

void v1_frags_free(struct v1_sa *v1)
{
    struct v1_frags *f = v1->frags;
    for (unsigned i = 0; f && i < V1_FRAG_COUNT_MAX; i++)
        free(f->part[i].data);
    free(f);
    v1->frags = NULL;
}

static bool agreed(const struct ike *e, const struct v1_sa *v1)
{
    return e->cfg->isakmp_fragmentation && v1->peer.fragmentation;
}

/* ---- cutting --------------------------------------------------------------------------------------------------------- */
static cv_result one_datagram(struct slice message, struct v1_sent *out)
{
    out->data = slice_dup(message);
    out->len = malloc(sizeof *out->len);
    if (!out->data || !out->len) {
        v1_sent_free(out);
        return CV_ENOMEM;
    }
    out->len[0] = message.n;
    out->count = 1;
    return CV_OK;
}

static cv_result header_of(struct slice message, struct pld_header *h)
{
    const char *err;
    CV_TRY(pld1_header(message.p, message.n, h, &err));
    h->flags = 0; /* what it carries may be encrypted, the fragment is not */
    return CV_OK;
}

/* Around the data of a fragment. */
enum { FRAG_HEAD = PLD_HEADER_LEN + PLD_GENERIC_LEN + 4 };

static cv_result put_parts(struct slice message, uint16_t id, size_t piece, struct v1_sent *out, size_t cap)
{
    const unsigned count = (unsigned)((message.n + piece - 1) / piece);
    struct pld_header h;
    size_t at = 0;
    CV_TRY(header_of(message, &h));
    for (unsigned i = 0; i < count; i++) {
        size_t from = i * piece, left = message.n - from;
        struct slice part = {message.p + from, left < piece ? left : piece};
        struct buf_writer w = buf_writer_init(out->data + at, cap - at);
        struct pld_builder b;
        pld_begin(&b, &w, &h);
        pld1_put_fragment(&b, id, (uint8_t)(i + 1), i + 1 == count, part);
        pld1_end(&b, 1);
        if (w.bad)
            return CV_ENOSPC;
        out->len[i] = w.len;
        at += w.len;
    }
    out->count = count;
    return CV_OK;
}

/* Fills data, len and count of out. */
static cv_result cut(struct ike *e, struct ike_sa *sa, struct slice message, size_t piece,
                     struct v1_sent *out)
{
    uint16_t id;
    const unsigned count = (unsigned)((message.n + piece - 1) / piece);
    size_t cap = message.n + (size_t)count * FRAG_HEAD;
    ike_random(e, (uint8_t *)&id, sizeof id);
    out->data = malloc(cap);
    out->len = calloc(count, sizeof *out->len);
    cv_result r = out->data && out->len ? put_parts(message, id, piece, out, cap) : CV_ENOMEM;
    if (r != CV_OK)
        v1_sent_free(out);
    else
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "message of %zu octets cut into %u fragments", message.n,
                count);
    return r;
}

cv_result v1_frag_cut(struct ike *e, struct ike_sa *sa, struct slice message, struct v1_sent *out)
{
    if (message.n <= V1_FRAG_OVER || !agreed(e, v1_of(sa)) ||
        message.n > (size_t)V1_FRAG_COUNT_MAX * V1_FRAG_DATA)
        return one_datagram(message, out);
    return cut(e, sa, message, V1_FRAG_DATA, out);
}

/* The message that the datagrams carry, put together in `space`. */
static struct slice whole(const struct v1_sent *s, uint8_t *space, size_t cap)
{
    const size_t head = s->count > 1 ? FRAG_HEAD : 0;
    struct buf_writer w = buf_writer_init(space, cap);
    const uint8_t *at = s->data;
    for (unsigned i = 0; i < s->count; at += s->len[i++])
        if (s->len[i] > head)
            buf_put(&w, at + head, s->len[i] - head);
    return (struct slice){space, w.bad ? 0 : w.len};
}

bool v1_frag_smaller(struct ike *e, struct ike_sa *sa, struct v1_sent *sent)
{
    struct v1_sent fresh = *sent;
    if (sent->small || !agreed(e, v1_of(sa)))
        return false;
    uint8_t *space = malloc(V1_FRAG_TOTAL_MAX);
    if (!space)
        return false;
    const struct slice message = whole(sent, space, V1_FRAG_TOTAL_MAX);
    bool ok = message.n > V1_FRAG_SMALL && message.n <= (size_t)V1_FRAG_COUNT_MAX * V1_FRAG_SMALL &&
              cut(e, sa, message, V1_FRAG_SMALL, &fresh) == CV_OK;
    free(space);
    if (!ok)
        return false;
    free(sent->data);
    free(sent->len);
    *sent = fresh;
    sent->small = true;
    return true;
}

/* ---- reassembly ---------------------------------------------------------------------------------------------------- */
static struct v1_frags *frags_of(struct v1_sa *v1, uint16_t id)
{
    if (v1->frags && v1->frags->id != id) /* a newer message: the one before will be sent again */
        v1_frags_free(v1);
    if (!v1->frags) {
        v1->frags = calloc(1, sizeof *v1->frags);
        if (v1->frags)
            v1->frags->id = id;
    }
    return v1->frags;
}

static cv_result keep(struct v1_frags *f, unsigned number, bool last, struct slice data)
{
    unsigned i = number - 1;
    if (f->part[i].data)
        return CV_EAGAIN;
    if ((f->last && number > f->last) || (last && f->last && number != f->last))
        return CV_EINVAL;
    if (f->total + data.n > V1_FRAG_TOTAL_MAX)
        return CV_ENOSPC;
    f->part[i].data = slice_dup(data);
    if (!f->part[i].data)
        return CV_ENOMEM;
    f->part[i].n = data.n;
    f->total += data.n;
    f->count++;
    if (last)
        f->last = (uint8_t)number;
    return CV_OK;
}

/* Fragments behind the last one, that came before it did. */
static bool beyond_last(const struct v1_frags *f)
{
    for (unsigned i = f->last; f->last && i < V1_FRAG_COUNT_MAX; i++)
        if (f->part[i].data)
            return true;
    return false;
}

static cv_result join(const struct v1_frags *f, uint8_t **out, size_t *out_len)
{
    *out = malloc(f->total);
    if (!*out)
        return CV_ENOMEM;
    struct buf_writer w = buf_writer_init(*out, f->total);
    for (unsigned i = 0; i < f->last; i++)
        buf_put(&w, f->part[i].data, f->part[i].n);
    *out_len = w.len;
    return CV_OK;
}

cv_result v1_frag_add(struct ike *e, struct ike_sa *sa, const struct pld1_message *m, uint8_t **out,
                      size_t *out_len)
{
    struct v1_sa *v1 = v1_of(sa);
    unsigned number = m->fragment.number;
    if (!agreed(e, v1) || number == 0 || number > V1_FRAG_COUNT_MAX || m->fragment.data.n == 0)
        return CV_EINVAL;
    struct v1_frags *f = frags_of(v1, m->fragment.id);
    if (!f)
        return CV_ENOMEM;
    cv_result r = keep(f, number, m->fragment.last, m->fragment.data);
    if (r == CV_OK && beyond_last(f))
        r = CV_EINVAL;
    if (r == CV_OK)
        r = f->last && f->count == f->last ? join(f, out, out_len) : CV_EAGAIN;
    if (r != CV_EAGAIN)
        v1_frags_free(v1);
    return r;
}
