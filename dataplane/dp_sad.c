#include "dataplane/dp_sad.h"
#include "common/log.h"
#include "common/ring.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/engine/eng_inline.h"
#include "dataplane/engine/eng_mem.h"
#include "dataplane/esp/esp_ts.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <time.h>

enum { SPI_RESERVED_MAX = 255 }; /* RFC 4303 2.1 */

static uint32_t table_size(const struct dp_sad *s)
{
    return 1u << s->bits;
}

static void tables_free(struct dp_sad *s)
{
    eng_mem_table_free(s->in);
    eng_mem_table_free(s->out);
    free(s->links);
    dp_spi_fini(&s->spis);
    dp_life_fini(&s->life);
    dp_pick_table_free(s->picks);
    memset(s, 0, sizeof *s);
}

cv_result dp_sad_init(struct dp_sad *s, struct shm *shm, const struct eng_ops *engine)
{
    memset(s, 0, sizeof *s);
    s->engine = engine;
    s->shm = shm;
    s->bits = shm->sa_index_bits;
    s->in = eng_mem_table_new(table_size(s) * sizeof *s->in);
    s->out = eng_mem_table_new(table_size(s) * sizeof *s->out);
    s->links = calloc(2 * (size_t)table_size(s), sizeof *s->links);
    s->picks = dp_pick_table_new(s->bits + 1);
    if (!s->in || !s->out || !s->links || !s->picks || dp_spi_init(&s->spis, table_size(s)) != CV_OK ||
        dp_life_init(&s->life, 2 * table_size(s)) != CV_OK) {
        tables_free(s);
        return CV_ENOMEM;
    }
    return CV_OK;
}

size_t dp_sad_table_bytes(const struct dp_sad *s)
{
    return table_size(s) * (sizeof *s->in + sizeof *s->out + 2 * sizeof *s->links) +
           dp_pick_table_bytes(s->picks) + dp_life_bytes(&s->life);
}

/* ---- the list of an interface ---------------------------------------------------------------------------- */
static uint32_t id_of(const struct cv_sa_ref *ref)
{
    return (ref->sa_id << 1 | ref->dir) + 1;
}

static void list_add(struct dp_sad *s, uint32_t if_id, uint32_t id)
{
    const uint32_t next = s->first[if_id];
    s->links[id - 1] = (struct dp_sad_link){next, 0};
    if (next)
        s->links[next - 1].prev = id;
    s->first[if_id] = id;
}

static void list_remove(struct dp_sad *s, uint32_t if_id, uint32_t id)
{
    const struct dp_sad_link l = s->links[id - 1];
    if (l.next)
        s->links[l.next - 1].prev = l.prev;
    if (l.prev)
        s->links[l.prev - 1].next = l.next;
    else
        s->first[if_id] = l.next;
}

/* ---- deferred ends ------------------------------------------------------------------------------------ */
struct ending {
    struct dp_sad *s;
    struct esp_in_sa *in;
    struct esp_out_sa *out;
    uint32_t slot;
    dp_sad_gone_fn *gone;
    void *ctx;
    uint32_t seq;
};

static void counters_clear(struct dp_sad *s, unsigned dir, uint32_t slot)
{
    if (dir == CV_DIR_IN)
        memset(shm_counters_in(s->shm, slot), 0, sizeof(struct cv_sa_counters));
    const unsigned ever = shm_workers_ever(s->shm);
    for (unsigned w = 0; dir == CV_DIR_OUT && w < ever; w++)
        memset(shm_counters_out(s->shm, slot, w), 0, sizeof(struct cv_sa_counters));
}

static void ending_run(void *p)
{
    struct ending *e = p;
    struct cv_sa_counters last;
    unsigned dir = e->in ? CV_DIR_IN : CV_DIR_OUT;
    shm_counters_sum(e->s->shm, dir, e->slot, &last);
    if (e->in) {
        esp_in_sa_free(e->in);
        e->s->in[e->slot].busy = 0;
    } else {
        esp_out_sa_free(e->out);
        e->s->out[e->slot].busy = 0;
    }
    counters_clear(e->s, dir, e->slot);
    if (e->gone)
        e->gone(e->ctx, e->seq, &last);
    free(e);
}

/* ---- which engine works on it ------------------------------------------------------------------------------ */
static void offload_update(struct dp_sad *s, unsigned dir, uint32_t slot)
{
    struct cv_sa_offload now;
    if (!eng_offload(
            dir == CV_DIR_IN ? esp_in_sa_session(s->in[slot].sa) : esp_out_sa_session(s->out[slot].sa), &now))
        return;
    struct cv_sa_offload *row = shm_sa_offload(s->shm, dir, slot);
    __atomic_store_n(&row->packets, now.packets, __ATOMIC_RELAXED);
    __atomic_store_n(&row->row, now.row, __ATOMIC_RELAXED);
    __atomic_store_n(&row->counted, now.counted, __ATOMIC_RELAXED);
}

static void engine_update(struct dp_sad *s, unsigned dir, uint32_t slot)
{
    struct cv_sa_engine *row = shm_sa_engine(s->shm, dir, slot), now = {.by = CV_ENGINE_UNKNOWN};
    if (dir == CV_DIR_IN)
        esp_in_sa_where(s->in[slot].sa, &now);
    else
        esp_out_sa_where(s->out[slot].sa, &now);
    offload_update(s, dir, slot);
    if (row->by == now.by && row->why == now.why)
        return;
    __atomic_store_n(&row->since_tsc, rte_rdtsc(), __ATOMIC_RELAXED);
    __atomic_store_n(&row->by, now.by, __ATOMIC_RELAXED);
    __atomic_store_n(&row->why, now.why, __ATOMIC_RELAXED);
}

void dp_sad_engines_update(struct dp_sad *s)
{
    for (uint32_t slot = 0; slot < table_size(s); slot++) {
        if (s->in[slot].sa)
            engine_update(s, CV_DIR_IN, slot);
        if (s->out[slot].sa)
            engine_update(s, CV_DIR_OUT, slot);
    }
}

/* ---- adding -------------------------------------------------------------------------------------------- */
static cv_result add_in(struct dp_sad *s, const struct cv_sa *sa)
{
    uint32_t slot = sa->ref.sa_id;
    struct dp_sad_slot *e = &s->in[slot];
    if (cv_spi_slot(sa->ref.spi, s->bits) != slot)
        return CV_EINVAL;
    if (e->busy && !e->sa)
        dp_rcu_barrier(); /* its last SA waits for a grace period */
    if (e->busy)
        return CV_EEXIST;
    struct esp_in_sa *in;
    counters_clear(s, CV_DIR_IN, slot);
    CV_TRY(esp_in_sa_new(sa, s->engine, (int)rte_socket_id(), shm_counters_in(s->shm, slot), &in));
    const unsigned whole = eng_inline_is_whole(esp_in_sa_session(in)) ? DP_SAD_WHOLE : 0;
    e->busy = 1;
    e->spi = sa->ref.spi;
    e->vrf = sa->vrf_outer;
    e->family = sa->local.addr.family | (uint8_t)(sa->proto == CV_PROTO_AH ? DP_SAD_AH : whole);
    memcpy(e->local, sa->local.addr.b, sizeof e->local);
    __atomic_store_n(&e->sa, in, __ATOMIC_RELEASE);
    return CV_OK;
}

static cv_result add_out(struct dp_sad *s, const struct cv_sa *sa)
{
    struct dp_out_slot *e = &s->out[sa->ref.sa_id];
    if (e->busy && !e->sa)
        dp_rcu_barrier();
    if (e->busy)
        return CV_EEXIST;
    struct esp_out_sa *out;
    counters_clear(s, CV_DIR_OUT, sa->ref.sa_id);
    CV_TRY(esp_out_sa_new(sa, s->engine, (int)rte_socket_id(), shm_counters_out(s->shm, sa->ref.sa_id, 0),
                          &out));
    *e = (struct dp_out_slot){.busy = 1};
    __atomic_store_n(&e->sa, out, __ATOMIC_RELEASE);
    dp_spi_add(&s->spis, sa->ref.spi, sa->ref.sa_id);
    return CV_OK;
}

/* ---- time ---------------------------------------------------------------------------------------------- */
uint32_t dp_sad_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)((uint64_t)t.tv_sec * DP_LIFE_SECOND +
                      (uint64_t)t.tv_nsec / (1000000000u / DP_LIFE_SECOND));
}

/* Rounded down: closed up to an eighth of a second early, not late. */
static uint32_t end_of(const struct cv_sa *sa)
{
    const uint64_t end = dp_sad_time() + (uint64_t)sa->hard_seconds * DP_LIFE_SECOND;
    return sa->hard_seconds == 0 || end >= DP_LIFE_NEVER ? DP_LIFE_NEVER : (uint32_t)end;
}

struct expiry {
    struct dp_sad *s;
    dp_sad_expired_fn *expired;
    void *ctx;
};

static void expire(void *ctx, uint32_t at)
{
    const struct expiry *x = ctx;
    const uint32_t slot = at >> 1;
    const struct esp_conf *conf;
    if ((at & 1) == CV_DIR_IN) {
        esp_in_sa_expire(x->s->in[slot].sa);
        conf = esp_in_sa_conf(x->s->in[slot].sa);
    } else {
        esp_out_sa_expire(x->s->out[slot].sa);
        conf = esp_out_sa_conf(x->s->out[slot].sa);
    }
    x->expired(x->ctx, conf);
}

bool dp_sad_expire(struct dp_sad *s, uint32_t now, dp_sad_expired_fn *expired, void *ctx)
{
    struct expiry x = {s, expired, ctx};
    return dp_life_look(&s->life, now, expire, &x);
}

/* ---- adding, both directions --------------------------------------------------------------------------- */
cv_result dp_sad_add(struct dp_sad *s, const struct cv_sa *sa)
{
    if (sa->ref.sa_id >= table_size(s) || sa->ref.spi <= SPI_RESERVED_MAX || sa->if_id == 0 ||
        sa->if_id >= CV_MAX_IFS || sa->vrf_outer >= CV_MAX_VRFS)
        return CV_EINVAL;
    cv_result r = sa->ref.dir == CV_DIR_IN    ? add_in(s, sa)
                  : sa->ref.dir == CV_DIR_OUT ? add_out(s, sa)
                                              : CV_EINVAL;
    if (r == CV_OK) {
        memset(shm_sa_engine(s->shm, sa->ref.dir, sa->ref.sa_id), 0, sizeof(struct cv_sa_engine));
        memset(shm_sa_offload(s->shm, sa->ref.dir, sa->ref.sa_id), 0, sizeof(struct cv_sa_offload));
        engine_update(s, sa->ref.dir, sa->ref.sa_id);
        s->count++;
        s->of_if[sa->if_id]++;
        list_add(s, sa->if_id, id_of(&sa->ref));
        dp_life_set(&s->life, id_of(&sa->ref) - 1, end_of(sa));
        dp_rcu_changed();
    }
    return r;
}

/* ---- finding ------------------------------------------------------------------------------------------- */
static struct esp_in_sa *find_in(const struct dp_sad *s, const struct cv_sa_ref *ref)
{
    if (ref->dir != CV_DIR_IN || ref->sa_id >= table_size(s))
        return NULL;
    const struct dp_sad_slot *e = &s->in[ref->sa_id];
    return e->sa && e->spi == ref->spi ? e->sa : NULL;
}

static struct esp_out_sa *find_out(const struct dp_sad *s, const struct cv_sa_ref *ref)
{
    if (ref->dir != CV_DIR_OUT || ref->sa_id >= table_size(s))
        return NULL;
    struct esp_out_sa *sa = s->out[ref->sa_id].sa;
    return sa && esp_out_sa_conf(sa)->ref.spi == ref->spi ? sa : NULL;
}

/* ---- the active list of a tunnel interface --------------------------------------------------------------- */
static bool names_ports(const struct ts *t)
{
    return t->port_lo != 0 || t->port_hi != UINT16_MAX;
}

static bool any_port_named(const struct esp_conf *conf)
{
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (names_ports(&conf->ts[i].local) || names_ports(&conf->ts[i].remote))
            return true;
    return false;
}

static bool names_upper_layer(const struct esp_conf *conf)
{
    for (unsigned i = 0; i < conf->ts_count; i++)
        if (conf->ts[i].local.proto || conf->ts[i].remote.proto)
            return true;
    return any_port_named(conf);
}

static void tunnel_free(void *p)
{
    struct dp_tunnel *t = p;
    if (t)
        dp_pick_free(t->pick);
    free(t);
}

static void tunnel_publish(struct dp_sad *s, uint32_t if_id, struct dp_tunnel *new)
{
    struct dp_tunnel *old = s->tunnels[if_id];
    __atomic_store_n(&s->tunnels[if_id], new, __ATOMIC_RELEASE);
    dp_rcu_changed();
    if (old)
        dp_rcu_defer(tunnel_free, old);
}

static struct dp_tunnel_sa tunnel_entry(struct esp_out_sa *sa)
{
    const struct esp_conf *conf = esp_out_sa_conf(sa);
    const uint8_t any = esp_ts_any(conf);
    return (struct dp_tunnel_sa){.sa = sa,
                                 .any4 = (any & ESP_TS_ANY4) != 0,
                                 .any6 = (any & ESP_TS_ANY6) != 0,
                                 .df = conf->df,
                                 .ports = any_port_named(conf),
                                 .transport = conf->mode == CV_MODE_TRANSPORT,
                                 .worker = conf->worker,
                                 .inner_mtu = 0};
}

static struct dp_tunnel_sa entry_again(const struct dp_tunnel_sa *old)
{
    struct dp_tunnel_sa e = tunnel_entry(old->sa);
    e.inner_mtu = old->inner_mtu;
    return e;
}

/* Few SAs: the list without `but`, and `first` (when not NULL) in front. */
static struct dp_tunnel *few_new(struct dp_sad *s, uint32_t if_id, struct esp_out_sa *first,
                                 const struct esp_out_sa *but)
{
    const struct dp_tunnel *old = s->tunnels[if_id];
    const unsigned room = (old ? old->count : 0) + 1;
    struct dp_tunnel *new = dp_rcu_new(sizeof *new + room * sizeof new->sas[0]);
    if (!new)
        return NULL;
    new->by_address = s->upper[if_id] == 0;
    if (first)
        new->sas[new->count++] = tunnel_entry(first);
    for (unsigned i = 0; old && i < old->count; i++)
        if (old->sas[i].sa != but && old->sas[i].sa != first)
            new->sas[new->count++] = entry_again(&old->sas[i]);
    new->bound = s->bound[if_id] != 0;
    if (new->bound) /* the short way of dp_pick does not ask whose an SA is */
        new->sas[0].any4 = new->sas[0].any6 = 0;
    return new;
}

static struct dp_out_slot *slot_of(struct dp_sad *s, const struct esp_out_sa *sa)
{
    return &s->out[esp_out_sa_conf(sa)->ref.sa_id];
}

static void many_undo(struct dp_sad *s, const struct dp_tunnel *few, uint32_t from, struct dp_tunnel *many)
{
    for (uint32_t i = from; i < few->count; i++) {
        struct dp_out_slot *o = slot_of(s, few->sas[i].sa);
        dp_pick_remove(many->pick, o->pick);
        o->pick = NULL;
    }
    dp_rcu_defer(tunnel_free, many);
}

/* The same SAs as in few, oldest first into the table; not published yet. NULL: no memory, and nothing changed. */
static struct dp_tunnel *many_of(struct dp_sad *s, uint32_t if_id, const struct dp_tunnel *few)
{
    struct dp_tunnel *many = dp_rcu_new(sizeof *many + sizeof many->sas[0]);
    if (!many || !(many->pick = dp_pick_new(s->picks, if_id))) {
        free(many);
        return NULL;
    }
    many->count = few->count;
    many->by_address = few->by_address;
    many->bound = few->bound;
    for (uint32_t i = few->count; i-- > 0;)
        if (dp_pick_add(many->pick, &few->sas[i], &slot_of(s, few->sas[i].sa)->pick) != CV_OK) {
            many_undo(s, few, i + 1, many);
            return NULL;
        }
    return many;
}

static cv_result few_change(struct dp_sad *s, uint32_t if_id, struct esp_out_sa *first,
                            const struct esp_out_sa *but)
{
    struct dp_tunnel *new = few_new(s, if_id, first, but);
    if (!new)
        return CV_ENOMEM;
    if (new->count >= DP_PICK_FROM) {
        struct dp_tunnel *many = many_of(s, if_id, new);
        free(new);
        if (!many)
            return CV_ENOMEM;
        new = many;
    } else if (new->count == 0) {
        free(new);
        new = NULL;
    }
    tunnel_publish(s, if_id, new);
    return CV_OK;
}

/* Where the SA is active already, it is found in its new place before it leaves the old one. */
static cv_result many_add(struct dp_sad *s, struct dp_tunnel *t, struct esp_out_sa *sa)
{
    struct dp_out_slot *o = slot_of(s, sa);
    struct dp_pick_entry *old = o->pick;
    const struct dp_tunnel_sa e = tunnel_entry(sa);
    CV_TRY(dp_pick_add(t->pick, &e, &o->pick));
    if (old)
        dp_pick_remove(t->pick, old);
    else
        t->count++;
    return CV_OK;
}

static void many_remove(struct dp_sad *s, uint32_t if_id, const struct esp_out_sa *sa)
{
    struct dp_tunnel *t = s->tunnels[if_id];
    struct dp_out_slot *o = slot_of(s, sa);
    dp_pick_remove(t->pick, o->pick);
    o->pick = NULL;
    if (--t->count == 0)
        tunnel_publish(s, if_id, NULL);
}

static void marks_renew(struct dp_sad *s, uint32_t if_id)
{
    struct dp_tunnel *t = s->tunnels[if_id];
    if (!t || !t->pick)
        return;
    __atomic_store_n(&t->by_address, s->upper[if_id] == 0, __ATOMIC_RELAXED);
    __atomic_store_n(&t->bound, s->bound[if_id] != 0, __ATOMIC_RELAXED);
    dp_rcu_changed();
}

static cv_result tunnel_add(struct dp_sad *s, uint32_t if_id, struct esp_out_sa *sa)
{
    struct dp_tunnel *t = s->tunnels[if_id];
    return t && t->pick ? many_add(s, t, sa) : few_change(s, if_id, sa, NULL);
}

static cv_result tunnel_remove(struct dp_sad *s, uint32_t if_id, const struct esp_out_sa *sa)
{
    if (!s->tunnels[if_id]->pick)
        return few_change(s, if_id, NULL, sa);
    many_remove(s, if_id, sa);
    return CV_OK;
}

/* An SA joins (by = 1) or leaves (by = -1) those that count as active; before it can be found, or is no more. */
static void active_count(struct dp_sad *s, const struct esp_conf *conf, int by)
{
    s->upper[conf->if_id] += names_upper_layer(conf) ? (uint32_t)by : 0;
    s->bound[conf->if_id] += conf->worker != CV_WORKER_ANY ? (uint32_t)by : 0;
}

cv_result dp_sad_activate(struct dp_sad *s, const struct cv_sa_ref *ref)
{
    struct esp_out_sa *sa = find_out(s, ref);
    if (!sa)
        return CV_ENOENT;
    const struct esp_conf *conf = esp_out_sa_conf(sa);
    const bool fresh = !s->out[ref->sa_id].active;
    if (fresh)
        active_count(s, conf, 1);
    marks_renew(s, conf->if_id);
    cv_result r = tunnel_add(s, conf->if_id, sa);
    if (r != CV_OK) {
        if (fresh)
            active_count(s, conf, -1);
        marks_renew(s, conf->if_id);
        return r;
    }
    s->out[ref->sa_id].active = 1;
    __atomic_store_n(&s->acquire_tsc[conf->if_id], 0, __ATOMIC_RELAXED);
    dp_rcu_changed();
    return CV_OK;
}

static cv_result deactivate(struct dp_sad *s, struct esp_out_sa *sa)
{
    const struct esp_conf *conf = esp_out_sa_conf(sa);
    struct dp_out_slot *o = slot_of(s, sa);
    if (!o->active)
        return CV_OK;
    active_count(s, conf, -1);
    cv_result r = tunnel_remove(s, conf->if_id, sa);
    if (r != CV_OK)
        active_count(s, conf, 1);
    else
        o->active = 0;
    marks_renew(s, conf->if_id);
    return r;
}

void dp_sad_set_mtu(struct dp_sad *s, uint32_t slot, uint16_t mtu)
{
    const struct dp_out_slot *o = &s->out[slot];
    if (!o->sa || !o->active)
        return;
    struct dp_tunnel *t = s->tunnels[esp_out_sa_conf(o->sa)->if_id];
    bool other = false;
    if (o->pick) {
        other = dp_pick_set_mtu(o->pick, mtu) || t->sas[0].inner_mtu != mtu;
        __atomic_store_n(&t->sas[0].inner_mtu, mtu, __ATOMIC_RELAXED);
    } else {
        for (uint32_t i = 0; i < t->count; i++) {
            if (t->sas[i].sa != o->sa)
                continue;
            other = other || t->sas[i].inner_mtu != mtu;
            __atomic_store_n(&t->sas[i].inner_mtu, mtu, __ATOMIC_RELAXED);
        }
    }
    if (other)
        dp_rcu_changed();
}

/* ---- removing ------------------------------------------------------------------------------------------- */
cv_result dp_sad_del(struct dp_sad *s, const struct cv_sa_ref *ref, dp_sad_gone_fn *gone, void *ctx,
                     uint32_t seq)
{
    struct esp_in_sa *in = find_in(s, ref);
    struct esp_out_sa *out = find_out(s, ref);
    if (!in && !out)
        return CV_ENOENT;
    struct ending *e = malloc(sizeof *e);
    if (!e)
        return CV_ENOMEM;
    *e = (struct ending){s, in, out, ref->sa_id, gone, ctx, seq};
    if (out && deactivate(s, out) != CV_OK) {
        free(e);
        return CV_ENOMEM;
    }
    const uint32_t if_id = in ? esp_in_sa_conf(in)->if_id : esp_out_sa_conf(out)->if_id;
    if (in) {
        __atomic_store_n(&s->in[ref->sa_id].sa, NULL, __ATOMIC_RELEASE);
    } else {
        dp_spi_remove(&s->spis, ref->spi, ref->sa_id);
        __atomic_store_n(&s->out[ref->sa_id].sa, NULL, __ATOMIC_RELEASE);
    }
    list_remove(s, if_id, id_of(ref));
    dp_life_set(&s->life, id_of(ref) - 1, DP_LIFE_NEVER);
    s->count--;
    s->of_if[if_id]--;
    dp_rcu_defer(ending_run, e);
    return CV_OK;
}

cv_result dp_sad_set_peer(struct dp_sad *s, const struct cv_sa_peer *p)
{
    struct esp_in_sa *in = find_in(s, &p->ref);
    struct esp_out_sa *out = find_out(s, &p->ref);
    const cv_result r = in    ? esp_in_sa_set_peer(in, &p->remote)
                        : out ? esp_out_sa_set_peer(out, &p->remote)
                              : CV_ENOENT;
    dp_rcu_changed();
    return r;
}

bool dp_sad_entry(const struct dp_sad *s, unsigned dir, uint32_t slot, struct cv_sa *out)
{
    if (dir == CV_DIR_IN && s->in[slot].sa)
        esp_in_sa_dump(s->in[slot].sa, out);
    else if (dir == CV_DIR_OUT && s->out[slot].sa)
        esp_out_sa_dump(s->out[slot].sa, out);
    else
        return false;
    out->hard_seconds = dp_life_left_s(&s->life, slot << 1 | dir, dp_sad_time());
    return true;
}

static cv_result flush_list(struct dp_sad *s, uint32_t if_id)
{
    while (s->first[if_id]) {
        const uint32_t id = s->first[if_id] - 1, slot = id >> 1;
        const struct cv_sa_ref ref = (id & 1) == CV_DIR_IN ? esp_in_sa_conf(s->in[slot].sa)->ref
                                                           : esp_out_sa_conf(s->out[slot].sa)->ref;
        CV_TRY(dp_sad_del(s, &ref, NULL, NULL, 0));
    }
    return CV_OK;
}

cv_result dp_sad_flush_if(struct dp_sad *s, uint32_t if_id)
{
    if (if_id)
        return flush_list(s, if_id);
    for (uint32_t i = 1; i < CV_MAX_IFS; i++)
        CV_TRY(flush_list(s, i));
    return CV_OK;
}

void dp_sad_flush(struct dp_sad *s)
{
    if (dp_sad_flush_if(s, 0) != CV_OK)
        log_warning("no memory to remove every SA");
}

void dp_sad_fini(struct dp_sad *s)
{
    dp_sad_flush(s);
    dp_rcu_barrier();
    tables_free(s);
}
