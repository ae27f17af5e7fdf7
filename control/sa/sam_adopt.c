/* Adoption: SAs that outlived culvertd. They forward on until a new negotiation replaces them or their time is up. */
#include "control/sa/sam_alg.h"
#include "control/sa/sam_priv.h"

#include <string.h>

static void describe(struct sam *s, struct sam_entry *e, const struct cv_sa *sa)
{
    struct sam_child *c = &e->c;
    const char *name = s->conf.link->if_name(s->conf.link->ctx, sa->if_id);
    c->cookie = sa->cookie;
    c->owner = 0;
    c->state = SAM_ADOPTED;
    if (name)
        strncpy(c->interface, name, sizeof c->interface - 1);
    c->if_id = sa->if_id;
    c->worker = sa->worker;
    c->encr = sa->proto == CV_PROTO_AH ? CV_ENCR_NONE : sa->encr;
    c->key_bits = sam_alg_key_bits(sa->encr, sa->encr_key_len);
    c->integ = sa->integ;
    c->esn = (sa->flags & CV_SA_ESN) != 0;
    c->natt = (sa->flags & CV_SA_NATT) != 0;
    c->transport = sa->mode == CV_MODE_TRANSPORT;
    c->local = sa->local;
    c->remote = sa->remote;
    c->soft_bytes = sa->soft_bytes;
    c->hard_bytes = sa->hard_bytes;
    c->soft_packets = sa->soft_packets;
    c->hard_packets = sa->hard_packets;
    c->ts_count = sa->ts_count <= CV_TS_MAX ? sa->ts_count : CV_TS_MAX;
    memcpy(c->ts_local, sa->ts_local, sizeof c->ts_local);
    memcpy(c->ts_remote, sa->ts_remote, sizeof c->ts_remote);
}

static struct sam_entry *half(struct sam *s, const struct cv_sa *sa)
{
    struct sam_entry *e = NULL;
    HASH_FIND(hh_cookie, s->by_cookie, &sa->cookie, sizeof sa->cookie, e);
    if (e)
        return e;
    uint32_t id = (uint32_t)sa->cookie;
    if (id == 0 || sam_child_by_id(s, id))
        return NULL;
    e = sam_entry_new(s, id);
    if (!e)
        return NULL;
    if (id > s->last_id)
        s->last_id = id;
    describe(s, e, sa);
    if (sam_owner_add(s, e) != CV_OK) {
        sam_entry_free(s, e);
        return NULL;
    }
    HASH_ADD(hh_cookie, s->by_cookie, c.cookie, sizeof e->c.cookie, e);
    return e;
}

/* Each half is told apart; the data plane ends them then in any case. */
static void end_by(struct sam_entry *e, uint64_t ms)
{
    if (ms < e->c.hard_at_ms)
        e->c.hard_at_ms = ms;
}

void sam_adopt(struct sam *s, const struct cv_sa *sa)
{
    bool in = sa->ref.dir == CV_DIR_IN;
    if (sam_tables(s) != CV_OK)
        return;
    struct sam_slots *t = in ? &s->in : &s->out;
    if (sam_slots_claim(t, sa->ref.sa_id) != CV_OK)
        return; /* one that this daemon has installed itself, or twice the same entry */
    struct sam_entry *e = half(s, sa);
    if (!e || (in ? e->have_in : e->have_out)) {
        sam_cmd_delete(s, &sa->ref);
        return;
    }
    sam_slots_install(t, sa->ref.sa_id, sa->ref.spi, e);
    if (sa->hard_seconds)
        end_by(e, sam_now(s) + sa->hard_seconds * 1000ull);
    if (in) {
        e->c.in = sa->ref;
        e->c.replay_window = sa->flags & CV_SA_NO_REPLAY ? 0 : sa->replay_window;
        e->have_in = true;
    } else {
        e->c.out = sa->ref;
        e->c.tfc_len = sa->tfc_len;
        e->c.dummy_ms = sa->dummy_ms;
        e->have_out = true;
    }
}

/* The data plane's figure is by a clock that nobody sets, culvertd's by the wall clock: that counts where there is no other. */
static uint64_t left_s(const struct sam_entry *e, uint64_t (*remaining_s)(void *ctx, uint64_t cookie),
                       void *ctx)
{
    if (e->c.hard_at_ms != UINT64_MAX)
        return UINT64_MAX;
    return remaining_s ? remaining_s(ctx, e->c.cookie) : SAM_LIFETIME_DEFAULT_S;
}

void sam_adopt_end(struct sam *s, uint64_t (*remaining_s)(void *ctx, uint64_t cookie), void *ctx)
{
    struct sam_entry *e, *next;
    HASH_ITER (hh_cookie, s->by_cookie, e, next) {
        HASH_DELETE(hh_cookie, s->by_cookie, e);
        memset(&e->hh_cookie, 0, sizeof e->hh_cookie);
        const uint64_t left = left_s(e, remaining_s, ctx);
        if (!e->have_in || !e->have_out || !e->c.interface[0] || left == 0) {
            sam_entry_destroy(s, e);
            continue;
        }
        if (left < UINT64_MAX / 2000)
            end_by(e, sam_now(s) + left * 1000);
        sam_life_update(s, e);
        e->c.active = true; /* the data plane knows better; a successor is activated over it */
        sam_entry_index_out(s, e);
    }
}
