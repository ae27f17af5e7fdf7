#include "dataplane/dp_sad.h"
#include "common/log.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_rcu.h"

#include <rte_lcore.h>
#include <stdlib.h>

enum { SPI_RESERVED_MAX = 255 }; /* RFC 4303 2.1 */

static uint32_t table_size(const struct dp_sad *s)
{
    return 1u << s->bits;
}

cv_result dp_sad_init(struct dp_sad *s, struct shm *shm, const struct eng_ops *engine)
{
    memset(s, 0, sizeof *s);
    s->engine = engine;
    s->shm = shm;
    s->workers = shm->workers;
    s->bits = shm->sa_index_bits;
    s->in = aligned_alloc(64, table_size(s) * sizeof *s->in);
    s->out = calloc(table_size(s), sizeof *s->out);
    if (!s->in || !s->out || !ip_hash_key_make(&s->pick_key)) {
        free(s->in);
        free(s->out);
        return CV_ENOMEM;
    }
    memset(s->in, 0, table_size(s) * sizeof *s->in);
    return CV_OK;
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
    for (unsigned w = 0; dir == CV_DIR_OUT && w < s->workers; w++)
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
    e->busy = 1;
    e->spi = sa->ref.spi;
    e->owner = (uint16_t)cv_slot_worker(slot, s->workers);
    e->vrf = sa->vrf_outer;
    e->family = sa->local.addr.family;
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
    *e = (struct dp_out_slot){.sa = out, .busy = 1};
    return CV_OK;
}

cv_result dp_sad_add(struct dp_sad *s, const struct cv_sa *sa)
{
    if (sa->ref.sa_id >= table_size(s) || sa->ref.spi <= SPI_RESERVED_MAX || sa->if_id == 0 ||
        sa->if_id >= CV_MAX_IFS || sa->vrf_outer >= CV_MAX_VRFS)
        return CV_EINVAL;
    cv_result r = sa->ref.dir == CV_DIR_IN    ? add_in(s, sa)
                  : sa->ref.dir == CV_DIR_OUT ? add_out(s, sa)
                                              : CV_EINVAL;
    if (r == CV_OK) {
        s->count++;
        s->of_if[sa->if_id]++;
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
static bool covers_all(const struct cv_sa *sa, uint8_t family)
{
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (sa->ts_local[i].family == family && sa->ts_remote[i].family == family &&
            ts_is_any(&sa->ts_local[i]) && ts_is_any(&sa->ts_remote[i]))
            return true;
    return false;
}

static bool names_ports(const struct ts *t)
{
    return t->port_lo != 0 || t->port_hi != UINT16_MAX;
}

static bool any_port_named(const struct cv_sa *sa)
{
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (names_ports(&sa->ts_local[i]) || names_ports(&sa->ts_remote[i]))
            return true;
    return false;
}

static bool names_upper_layer(const struct cv_sa *sa)
{
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (sa->ts_local[i].proto || sa->ts_remote[i].proto)
            return true;
    return any_port_named(sa);
}

static struct dp_tunnel *tunnel_new(unsigned count)
{
    return calloc(1, sizeof(struct dp_tunnel) + count * sizeof(struct dp_tunnel_sa));
}

static void tunnel_free(void *p)
{
    struct dp_tunnel *t = p;
    if (t)
        free(t->pick);
    free(t);
}

static void tunnel_publish(struct dp_sad *s, uint32_t if_id, struct dp_tunnel *new)
{
    struct dp_tunnel *old = s->tunnels[if_id];
    __atomic_store_n(&s->tunnels[if_id], new, __ATOMIC_RELEASE);
    if (old)
        dp_rcu_defer(tunnel_free, old);
}

static struct dp_tunnel_sa tunnel_entry(struct esp_out_sa *sa)
{
    const struct cv_sa *conf = esp_out_sa_conf(sa);
    return (struct dp_tunnel_sa){.sa = sa,
                                 .any4 = covers_all(conf, IP_V4),
                                 .any6 = covers_all(conf, IP_V6),
                                 .df = conf->df,
                                 .ports = any_port_named(conf),
                                 .transport = conf->mode == CV_MODE_TRANSPORT,
                                 .inner_mtu = 0};
}

/* False: no memory. */
static bool tunnel_finish(const struct dp_sad *s, struct dp_tunnel *t, uint32_t count)
{
    t->count = count;
    t->by_address = true;
    for (uint32_t i = 0; i < count && t->by_address; i++)
        t->by_address = !names_upper_layer(esp_out_sa_conf(t->sas[i].sa));
    if (count >= DP_PICK_FROM)
        t->pick = dp_pick_new(t, &s->pick_key);
    return count < DP_PICK_FROM || t->pick;
}

/* The list without `but`, and `first` (when not NULL) in front. */
static cv_result tunnel_change(struct dp_sad *s, uint32_t if_id, struct esp_out_sa *first,
                               const struct esp_out_sa *but)
{
    const struct dp_tunnel *old = s->tunnels[if_id];
    unsigned n = 0, room = (old ? old->count : 0) + 1;
    struct dp_tunnel *new = tunnel_new(room);
    if (!new)
        return CV_ENOMEM;
    if (first)
        new->sas[n++] = tunnel_entry(first);
    for (unsigned i = 0; old && i < old->count; i++)
        if (old->sas[i].sa != but && old->sas[i].sa != first)
            new->sas[n++] = old->sas[i];
    if (!tunnel_finish(s, new, n)) {
        tunnel_free(new);
        return CV_ENOMEM;
    }
    if (n == 0) {
        free(new);
        new = NULL;
    }
    tunnel_publish(s, if_id, new);
    return CV_OK;
}

cv_result dp_sad_activate(struct dp_sad *s, const struct cv_sa_ref *ref)
{
    struct esp_out_sa *sa = find_out(s, ref);
    if (!sa)
        return CV_ENOENT;
    uint32_t if_id = esp_out_sa_conf(sa)->if_id;
    CV_TRY(tunnel_change(s, if_id, sa, NULL));
    s->out[ref->sa_id].active = 1;
    __atomic_store_n(&s->acquire_tsc[if_id], 0, __ATOMIC_RELAXED);
    return CV_OK;
}

uint32_t dp_sad_if_of(const struct dp_sad *s, const struct cv_sa_ref *ref)
{
    const struct esp_out_sa *sa = find_out(s, ref);
    return sa ? esp_out_sa_conf(sa)->if_id : 0;
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
    if (in)
        __atomic_store_n(&s->in[ref->sa_id].sa, NULL, __ATOMIC_RELEASE);
    if (out) {
        uint32_t if_id = esp_out_sa_conf(out)->if_id;
        if (s->out[ref->sa_id].active && tunnel_change(s, if_id, NULL, out) != CV_OK) {
            free(e);
            return CV_ENOMEM;
        }
        s->out[ref->sa_id].sa = NULL;
        s->out[ref->sa_id].active = 0;
    }
    s->count--;
    s->of_if[in ? esp_in_sa_conf(in)->if_id : esp_out_sa_conf(out)->if_id]--;
    dp_rcu_defer(ending_run, e);
    return CV_OK;
}

cv_result dp_sad_set_peer(struct dp_sad *s, const struct cv_sa_peer *p)
{
    struct esp_in_sa *in = find_in(s, &p->ref);
    struct esp_out_sa *out = find_out(s, &p->ref);
    if (in)
        return esp_in_sa_set_peer(in, &p->remote);
    return out ? esp_out_sa_set_peer(out, &p->remote) : CV_ENOENT;
}

bool dp_sad_entry(const struct dp_sad *s, unsigned dir, uint32_t slot, struct cv_sa *out)
{
    if (dir == CV_DIR_IN) {
        if (!s->in[slot].sa)
            return false;
        *out = *esp_in_sa_conf(s->in[slot].sa);
        out->seq = __atomic_load_n(&shm_counters_in(s->shm, slot)->highest_seq, __ATOMIC_RELAXED);
        return true;
    }
    if (!s->out[slot].sa)
        return false;
    *out = *esp_out_sa_conf(s->out[slot].sa);
    out->seq = esp_out_sa_seq(s->out[slot].sa);
    return true;
}

static const struct cv_sa *conf_at(const struct dp_sad *s, unsigned dir, uint32_t slot)
{
    if (dir == CV_DIR_IN)
        return s->in[slot].sa ? esp_in_sa_conf(s->in[slot].sa) : NULL;
    return s->out[slot].sa ? esp_out_sa_conf(s->out[slot].sa) : NULL;
}

cv_result dp_sad_flush_if(struct dp_sad *s, uint32_t if_id)
{
    const uint32_t *left = if_id ? &s->of_if[if_id] : &s->count;
    for (uint32_t at = 0; at < 2 * table_size(s) && *left > 0; at++) {
        unsigned dir = at < table_size(s) ? CV_DIR_IN : CV_DIR_OUT;
        const struct cv_sa *conf = conf_at(s, dir, at & (table_size(s) - 1));
        if (conf && (if_id == 0 || conf->if_id == if_id)) {
            struct cv_sa_ref ref = conf->ref;
            CV_TRY(dp_sad_del(s, &ref, NULL, NULL, 0));
        }
    }
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
    for (unsigned i = 0; i < CV_MAX_IFS; i++)
        tunnel_free(s->tunnels[i]);
    free(s->in);
    free(s->out);
    memset(s, 0, sizeof *s);
}
