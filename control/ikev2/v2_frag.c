#include "control/ikev2/v2_frag.h"

#include "common/secret.h"

#include <stdlib.h>
#include <string.h>

/* One message under way per message ID of the window and direction; an ID outside of it never gets here. */
enum { SETS = 2 * V2_WINDOW_MAX };

struct set {
    bool used, response;
    uint32_t message_id;
    uint16_t total, have;
    size_t size; /* octets held */
    uint8_t first;
    uint8_t hash[32];
    struct slice piece[V2_FRAGMENTS_MAX]; /* by number - 1; owned */
};

struct v2_frags {
    struct set set[SETS];
};

static void clear(struct set *s)
{
    for (unsigned i = 0; i < V2_FRAGMENTS_MAX; i++) {
        uint8_t *p = (uint8_t *)(uintptr_t)s->piece[i].p;
        if (p)
            secret_wipe(p, s->piece[i].n);
        free(p);
    }
    *s = (struct set){0};
}

void v2_frags_free(struct v2_sa *v2)
{
    for (unsigned i = 0; v2->frags && i < SETS; i++)
        clear(&v2->frags->set[i]);
    free(v2->frags);
    v2->frags = NULL;
}

static cv_result join(struct set *s, struct v2_whole *out)
{
    out->data = malloc(s->size ? s->size : 1);
    if (!out->data)
        return CV_ENOMEM;
    out->len = 0;
    for (unsigned i = 0; i < s->total; i++)
        out->len += slice_copy(s->piece[i], out->data + out->len, s->size - out->len);
    out->first = s->first;
    memcpy(out->request_hash, s->hash, sizeof out->request_hash);
    clear(s);
    return CV_OK;
}

/* A slot holds the newest message of its remainder: an older one is answered, or its exchange is over. */
static struct set *set_of(struct v2_frags *f, uint32_t message_id, bool response)
{
    struct set *s = &f->set[message_id % V2_WINDOW_MAX + (response ? V2_WINDOW_MAX : 0)];
    if (s->used && s->message_id != message_id)
        clear(s);
    if (!s->used) {
        s->used = true;
        s->response = response;
        s->message_id = message_id;
    }
    return s;
}

cv_result v2_frag_add(struct ike_sa *sa, const struct pld_message *m, struct slice plain,
                      const uint8_t hash[32], struct v2_whole *out)
{
    struct v2_sa *v2 = v2_of(sa);
    if (m->frag_number == 0 || m->frag_number > m->frag_total || m->frag_total > V2_FRAGMENTS_MAX)
        return CV_EINVAL;
    if (!v2->frags && !(v2->frags = calloc(1, sizeof *v2->frags)))
        return CV_ENOMEM;
    struct set *s = set_of(v2->frags, m->header.message_id, m->header.flags & PLD_FLAG_RESPONSE);
    if (s->total > m->frag_total)
        return CV_EAGAIN; /* RFC 7383 2.6: from before the sender made smaller ones */
    if (s->total != 0 && s->total < m->frag_total) {
        clear(s);
        s = set_of(v2->frags, m->header.message_id, m->header.flags & PLD_FLAG_RESPONSE);
    }
    s->total = m->frag_total;
    struct slice *place = &s->piece[m->frag_number - 1];
    if (place->p)
        return CV_EAGAIN;
    if (s->size + plain.n > V2_MESSAGE_MAX) {
        clear(s);
        return CV_ENOSPC;
    }
    uint8_t *copy = slice_dup(plain);
    if (!copy)
        return CV_ENOMEM;
    *place = (struct slice){copy, plain.n};
    s->size += plain.n;
    if (m->frag_number == 1) {
        s->first = m->sk_next;
        memcpy(s->hash, hash, sizeof s->hash);
    }
    return ++s->have == s->total ? join(s, out) : CV_EAGAIN;
}
