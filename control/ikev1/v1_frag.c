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

static cv_result put_parts(struct slice message, uint16_t id, unsigned count, struct v1_sent *out, size_t cap)
{
    struct pld_header h;
    size_t at = 0;
    CV_TRY(header_of(message, &h));
    for (unsigned i = 0; i < count; i++) {
        size_t from = (size_t)i * V1_FRAG_DATA, left = message.n - from;
        struct slice part = {message.p + from, left < V1_FRAG_DATA ? left : V1_FRAG_DATA};
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

cv_result v1_frag_cut(struct ike *e, struct ike_sa *sa, struct slice message, struct v1_sent *out)
{
    enum { OVERHEAD = PLD_HEADER_LEN + PLD_GENERIC_LEN + 4 };
    uint16_t id;
    unsigned count = (unsigned)((message.n + V1_FRAG_DATA - 1) / V1_FRAG_DATA);
    if (message.n <= V1_FRAG_OVER || !agreed(e, v1_of(sa)) || count > V1_FRAG_COUNT_MAX)
        return one_datagram(message, out);
    size_t cap = message.n + (size_t)count * OVERHEAD;
    ike_random(e, (uint8_t *)&id, sizeof id);
    out->data = malloc(cap);
    out->len = calloc(count, sizeof *out->len);
    cv_result r = out->data && out->len ? put_parts(message, id, count, out, cap) : CV_ENOMEM;
    if (r != CV_OK)
        v1_sent_free(out);
    else
        ike_log(e, sa, LOG_LEVEL_DEBUG, "isakmp", "message of %zu octets cut into %u fragments", message.n,
                count);
    return r;
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
