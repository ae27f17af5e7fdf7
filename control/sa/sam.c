#include "control/sa/sam.h"

#include "common/log.h"
#include "common/secret.h"
#include "control/sa/sam_alg.h"
#include "control/sa/sam_priv.h"

#include <stdlib.h>
#include <string.h>

enum { SPI_MIN = 256, INDEX_BITS_MAX = 24 };

const char *sam_state_text(enum sam_state state)
{
    switch (state) {
    case SAM_INSTALLED:
        return "installed";
    case SAM_RETIRING:
        return "retiring";
    case SAM_ADOPTED:
        return "adopted";
    }
    return "?";
}

uint32_t sam_random32(struct sam *s)
{
    uint32_t v;
    s->conf.random(s->conf.env_ctx, (uint8_t *)&v, sizeof v);
    return v;
}

cv_result sam_new(const struct sam_conf *conf, struct sam **out)
{
    struct sam *s = calloc(1, sizeof *s);
    if (!s)
        return CV_ENOMEM;
    s->conf = *conf;
    s->deferred_at = UINT64_MAX;
    *out = s;
    return CV_OK;
}

static void forget_children(struct sam *s)
{
    while (s->first)
        sam_entry_free(s, s->first);
}

void sam_free(struct sam *s)
{
    if (!s)
        return;
    forget_children(s);
    sam_cmd_forget(s);
    sam_slots_free(&s->in);
    sam_slots_free(&s->out);
    free(s->heap);
    free(s);
}

cv_result sam_tables(struct sam *s)
{
    if (s->in.count)
        return CV_OK;
    unsigned bits = s->conf.link->sa_index_bits(s->conf.link->ctx);
    if (bits == 0)
        return CV_EAGAIN;
    if (bits > INDEX_BITS_MAX)
        return CV_EINVAL;
    CV_TRY(sam_slots_init(&s->in, 1u << bits));
    cv_result r = sam_slots_init(&s->out, 1u << bits);
    if (r != CV_OK) {
        sam_slots_free(&s->in);
        return r;
    }
    s->bits = bits;
    return CV_OK;
}

/* ---- SPIs -------------------------------------------------------------------------------------------------- */
unsigned sam_workers(const struct sam *s)
{
    return s->conf.link->workers(s->conf.link->ctx);
}

/* Whether the SPI's bucket begins with the worker; in a table of fewer slots than buckets the generation has a say in it. */
static bool falls_to(unsigned workers, uint32_t spi, uint8_t worker)
{
    return worker == CV_WORKER_ANY || cv_spi_bucket(spi) % workers == worker - 1u;
}

/* An SPI that leads to the slot and was not its last. */
static uint32_t generation(struct sam *s, uint32_t slot)
{
    uint32_t fresh;
    do {
        fresh = (sam_random32(s) << s->bits) | slot;
    } while (fresh < SPI_MIN || fresh >> s->bits == 0 || fresh == s->in.spi[slot]);
    return fresh;
}

cv_result sam_spi_reserve(struct sam *s, uint32_t *spi)
{
    return sam_spi_reserve_for(s, CV_WORKER_ANY, spi);
}

cv_result sam_spi_reserve_for(struct sam *s, uint8_t worker, uint32_t *spi)
{
    CV_TRY(sam_tables(s));
    uint32_t slot;
    const unsigned workers = sam_workers(s); /* once: it may change meanwhile */
    if (worker != CV_WORKER_ANY && worker > workers)
        return CV_EINVAL;
    if (worker == CV_WORKER_ANY)
        CV_TRY(sam_slots_take(&s->in, &slot));
    else
        CV_TRY(sam_slots_take_of(&s->in, workers, worker - 1u, &slot));
    do {
        *spi = generation(s, slot);
    } while (!falls_to(workers, *spi, worker));
    s->in.spi[slot] = *spi;
    return CV_OK;
}

cv_result sam_spi_reserve_after(struct sam *s, const struct sam_child *old, uint8_t worker, uint32_t *spi)
{
    uint32_t slot;
    CV_TRY(sam_tables(s));
    const unsigned workers = sam_workers(s);
    if (old && old->worker == worker && worker > workers)
        worker = CV_WORKER_ANY; /* it has left: whoever has the bucket goes on with it */
    if (!old || !falls_to(workers, old->in.spi, worker) ||
        sam_slots_take_in(&s->in, cv_spi_bucket(old->in.spi), &slot) != CV_OK)
        return sam_spi_reserve_for(s, worker, spi);
    do {
        *spi = generation(s, slot);
    } while (cv_spi_bucket(*spi) != cv_spi_bucket(old->in.spi));
    s->in.spi[slot] = *spi;
    return CV_OK;
}

static bool reserved(const struct sam *s, uint32_t spi)
{
    uint32_t slot = cv_spi_slot(spi, s->bits);
    return s->in.count && sam_slots_state(&s->in, slot) == SAM_SLOT_RESERVED && s->in.spi[slot] == spi;
}

bool sam_spi_in_use(const struct sam *s, uint32_t spi)
{
    uint32_t slot = cv_spi_slot(spi, s->bits);
    return s->in.count && sam_slots_state(&s->in, slot) != SAM_SLOT_FREE && s->in.spi[slot] == spi;
}

void sam_spi_release(struct sam *s, uint32_t spi)
{
    if (reserved(s, spi))
        sam_slots_release(&s->in, cv_spi_slot(spi, s->bits));
}

/* ---- entries ------------------------------------------------------------------------------------------------- */
static uint32_t fresh_id(struct sam *s)
{
    do {
        s->last_id++;
    } while (s->last_id == 0 || sam_child_by_id(s, s->last_id));
    return s->last_id;
}

struct sam_entry *sam_entry_new(struct sam *s, uint32_t id)
{
    struct sam_entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->c.id = id ? id : fresh_id(s);
    e->c.soft_at_ms = e->c.hard_at_ms = e->c.remove_at_ms = e->c.idle_at_ms = UINT64_MAX;
    e->c.installed_ms = sam_now(s);
    if (sam_life_add(s, e) != CV_OK) {
        free(e);
        return NULL;
    }
    HASH_ADD(hh_id, s->by_id, c.id, sizeof e->c.id, e);
    e->prev = s->last;
    if (s->last)
        s->last->c.next = &e->c;
    else
        s->first = e;
    s->last = e;
    return e;
}

static void unindex_out(struct sam *s, struct sam_entry *e)
{
    if (e->in_index_out)
        HASH_DELETE(hh_out, s->by_out, e);
    e->in_index_out = false;
}

void sam_entry_index_out(struct sam *s, struct sam_entry *e)
{
    unindex_out(s, e);
    e->out_key.owner = e->c.owner;
    e->out_key.spi = e->c.out.spi;
    e->out_key.ah = sam_is_ah(&e->c);
    HASH_ADD(hh_out, s->by_out, out_key, sizeof e->out_key, e);
    e->in_index_out = true;
}

static struct sam_owner *owner_find(struct sam *s, uint32_t owner)
{
    struct sam_owner *o = NULL;
    HASH_FIND(hh, s->owners, &owner, sizeof owner, o);
    return o;
}

static struct sam_tunnel *tunnel_find(struct sam *s, const char *interface)
{
    struct sam_tunnel *t = NULL;
    HASH_FIND_STR(s->tunnels, interface, t);
    return t;
}

static cv_result tunnel_add(struct sam *s, struct sam_entry *e)
{
    struct sam_tunnel *t = tunnel_find(s, e->c.interface);
    if (!t) {
        t = calloc(1, sizeof *t);
        if (!t)
            return CV_ENOMEM;
        memcpy(t->interface, e->c.interface, sizeof t->interface);
        HASH_ADD_STR(s->tunnels, interface, t);
    }
    e->prev_of_tunnel = NULL;
    e->c.next_of_tunnel = t->first ? &t->first->c : NULL;
    if (t->first)
        t->first->prev_of_tunnel = e;
    t->first = e;
    return CV_OK;
}

static void tunnel_remove(struct sam *s, struct sam_entry *e)
{
    struct sam_tunnel *t = tunnel_find(s, e->c.interface);
    if (!t)
        return;
    struct sam_entry *next = e->c.next_of_tunnel ? sam_entry_of(e->c.next_of_tunnel) : NULL;
    if (e->prev_of_tunnel)
        e->prev_of_tunnel->c.next_of_tunnel = e->c.next_of_tunnel;
    else
        t->first = next;
    if (next)
        next->prev_of_tunnel = e->prev_of_tunnel;
    if (!t->first) {
        HASH_DELETE(hh, s->tunnels, t);
        free(t);
    }
}

static void changed(const struct sam *s, const struct sam_child *c)
{
    if (s->conf.up.changed)
        s->conf.up.changed(s->conf.up.ctx, c->interface);
}

cv_result sam_owner_add(struct sam *s, struct sam_entry *e)
{
    CV_TRY(tunnel_add(s, e));
    struct sam_owner *o = owner_find(s, e->c.owner);
    if (!o) {
        o = calloc(1, sizeof *o);
        if (!o) {
            tunnel_remove(s, e);
            return CV_ENOMEM;
        }
        o->owner = e->c.owner;
        HASH_ADD(hh, s->owners, owner, sizeof o->owner, o);
    }
    e->prev_of_owner = NULL;
    e->c.next_of_owner = o->first ? &o->first->c : NULL;
    if (o->first)
        o->first->prev_of_owner = e;
    o->first = e;
    e->in_owner_list = true;
    changed(s, &e->c);
    return CV_OK;
}

void sam_owner_remove(struct sam *s, struct sam_entry *e)
{
    struct sam_owner *o = owner_find(s, e->c.owner);
    if (!e->in_owner_list || !o)
        return;
    tunnel_remove(s, e);
    struct sam_entry *next = e->c.next_of_owner ? sam_entry_of(e->c.next_of_owner) : NULL;
    if (e->prev_of_owner)
        e->prev_of_owner->c.next_of_owner = e->c.next_of_owner;
    else
        o->first = next;
    if (next)
        next->prev_of_owner = e->prev_of_owner;
    e->in_owner_list = false;
    changed(s, &e->c);
    if (!o->first) {
        HASH_DELETE(hh, s->owners, o);
        free(o);
    }
}

void sam_entry_free(struct sam *s, struct sam_entry *e)
{
    sam_owner_remove(s, e);
    struct sam_entry *next = e->c.next ? sam_entry_of(e->c.next) : NULL;
    if (e->prev)
        e->prev->c.next = e->c.next;
    else
        s->first = next;
    if (next)
        next->prev = e->prev;
    else
        s->last = e->prev;
    unindex_out(s, e);
    HASH_DELETE(hh_id, s->by_id, e);
    if (e->hh_cookie.tbl)
        HASH_DELETE(hh_cookie, s->by_cookie, e);
    sam_life_remove(s, e);
    free(e);
}

/* The peer may still name it. */
static void end_out(struct sam *s, struct sam_entry *e)
{
    e->c.active = false;
    if (e->have_out)
        sam_cmd_delete(s, &e->c.out);
    e->have_out = false;
}

static void remove_out(struct sam *s, struct sam_entry *e)
{
    unindex_out(s, e);
    end_out(s, e);
}

void sam_entry_destroy(struct sam *s, struct sam_entry *e)
{
    remove_out(s, e);
    if (e->have_in)
        sam_cmd_delete(s, &e->c.in);
    sam_entry_free(s, e);
}

/* ---- installation -------------------------------------------------------------------------------------------- */
static cv_result check(const struct sam *s, const struct sam_install *p, struct sam_key_len *len)
{
    if (!reserved(s, p->spi_in) || p->spi_out < SPI_MIN)
        return CV_EINVAL;
    if (p->ts_count < 1 || p->ts_count > CV_TS_MAX)
        return CV_EINVAL;
    if (p->local.addr.family == IP_NONE || p->local.addr.family != p->remote.addr.family)
        return CV_EINVAL;
    if (p->encr == CV_ENCR_NONE &&
        p->natt) /* RFC 3715 2.1: it vouches for the addresses that the NAT changes */
        return CV_EUNSUP;
    return sam_alg_lengths(p->encr, p->key_bits, p->integ, len);
}

/* The window in steps that the data plane has: a power of two of 64 and more. */
static uint32_t window(uint32_t asked)
{
    uint32_t w = CV_REPLAY_WINDOW_MIN;
    while (w < asked && w < CV_REPLAY_WINDOW_MAX)
        w *= 2;
    return w;
}

static void describe(struct sam *s, struct sam_entry *e, const struct sam_install *p, uint32_t out_slot)
{
    struct sam_child *c = &e->c;
    c->cookie = ((uint64_t)sam_random32(s) << 32) | c->id;
    c->owner = p->owner;
    c->state = SAM_INSTALLED;
    c->initiator = p->initiator;
    c->worker = p->worker;
    strncpy(c->interface, p->interface, sizeof c->interface - 1);
    strncpy(c->ipsec_profile, p->ipsec_profile, sizeof c->ipsec_profile - 1);
    c->if_id = s->conf.link->if_id(s->conf.link->ctx, p->interface);
    c->in.dir = CV_DIR_IN;
    c->in.sa_id = cv_spi_slot(p->spi_in, s->bits);
    c->in.spi = p->spi_in;
    c->out.dir = CV_DIR_OUT;
    c->out.sa_id = out_slot;
    c->out.spi = p->spi_out;
    c->encr = p->encr;
    c->key_bits = p->key_bits;
    c->integ = p->integ;
    c->dh = p->dh;
    c->esn = p->esn;
    c->natt = p->natt;
    c->transport = p->transport;
    c->replay_window = p->replay_window ? window(p->replay_window) : 0;
    c->dummy_ms = sam_is_ah(c) ? 0 : p->dummy_ms; /* AH hides nothing */
    c->tfc_len = p->transport || sam_is_ah(c) ? 0 : p->tfc_len;
    c->local = p->local;
    c->remote = p->remote;
    c->ts_count = p->ts_count;
    memcpy(c->ts_local, p->ts_local, p->ts_count * sizeof *p->ts_local);
    memcpy(c->ts_remote, p->ts_remote, p->ts_count * sizeof *p->ts_remote);
}

static void common_sa(const struct sam_child *c, const struct sam_install *p, const struct sam_key_len *len,
                      struct cv_sa *sa)
{
    sa->if_id = c->if_id;
    sa->worker = c->worker;
    sa->cookie = c->cookie;
    sa->flags |=
        (p->esn ? CV_SA_ESN : 0u) | (p->natt ? CV_SA_NATT : 0u) | (p->ecn_drop ? CV_SA_ECN_DROP : 0u);
    sa->proto = sam_is_ah(c) ? CV_PROTO_AH : CV_PROTO_ESP;
    sa->encr = sam_is_ah(c) ? CV_ENCR_NULL : p->encr;
    sa->integ = p->integ;
    sa->mode = p->transport ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
    sa->encr_key_len = len->encr;
    sa->salt_len = len->salt;
    sa->integ_key_len = len->integ;
    sa->vrf_outer = p->vrf_outer;
    sa->df = p->df;
    sa->ts_count = (uint8_t)p->ts_count;
    sa->local = p->local;
    sa->remote = p->remote;
    memcpy(sa->ts_local, c->ts_local, sizeof sa->ts_local);
    memcpy(sa->ts_remote, c->ts_remote, sizeof sa->ts_remote);
    sa->hard_bytes = p->lifetime_bytes;
    sa->hard_packets = p->lifetime_packets;
    sa->hard_seconds = p->lifetime_s < UINT32_MAX ? (uint32_t)p->lifetime_s : UINT32_MAX;
}

static void put_key(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n)
        memcpy(to, from, n);
}

struct half_keys {
    const uint8_t *encr, *salt, *integ;
};

/* Hands one direction to the data plane; sa: what is of that direction alone is set. */
static cv_result add_half(struct sam *s, const struct sam_entry *e, const struct sam_install *p,
                          const struct sam_key_len *len, const uint64_t soft[2], const struct half_keys *keys,
                          struct cv_cmd *cmd)
{
    struct cv_sa *sa = &cmd->u.sa;
    cmd->type = CV_CMD_SA_ADD;
    common_sa(&e->c, p, len, sa);
    sa->soft_bytes = soft[0];
    sa->soft_packets = soft[1];
    put_key(sa->encr_key, keys->encr, len->encr);
    put_key(sa->salt, keys->salt, len->salt);
    put_key(sa->integ_key, keys->integ, len->integ);
    cv_result r = sam_cmd_now(s, cmd, e->c.id);
    secret_wipe(cmd, sizeof *cmd);
    return r;
}

static cv_result add_in(struct sam *s, const struct sam_entry *e, const struct sam_install *p,
                        const struct sam_key_len *len, const uint64_t soft[2])
{
    const struct half_keys keys = {p->encr_key_in, p->salt_in, p->integ_key_in};
    struct cv_cmd cmd;
    memset(&cmd, 0, sizeof cmd);
    cmd.u.sa.ref = e->c.in;
    /* The field is a power of two even where the window is off. */
    cmd.u.sa.replay_window = e->c.replay_window ? e->c.replay_window : CV_REPLAY_WINDOW_MIN;
    if (!e->c.replay_window)
        cmd.u.sa.flags |= CV_SA_NO_REPLAY;
    return add_half(s, e, p, len, soft, &keys, &cmd);
}

static cv_result add_out(struct sam *s, const struct sam_entry *e, const struct sam_install *p,
                         const struct sam_key_len *len, const uint64_t soft[2])
{
    const struct half_keys keys = {p->encr_key_out, p->salt_out, p->integ_key_out};
    struct cv_cmd cmd;
    memset(&cmd, 0, sizeof cmd);
    cmd.u.sa.ref = e->c.out;
    cmd.u.sa.replay_window = CV_REPLAY_WINDOW_MIN;
    cmd.u.sa.keepalive_s = p->behind_nat ? p->keepalive_s : 0;
    cmd.u.sa.tfc_len = e->c.tfc_len;
    cmd.u.sa.dummy_ms = e->c.dummy_ms;
    if (p->behind_nat)
        cmd.u.sa.flags |= CV_SA_BEHIND_NAT;
    return add_half(s, e, p, len, soft, &keys, &cmd);
}

static cv_result install_both(struct sam *s, struct sam_entry *e, const struct sam_install *p,
                              const struct sam_key_len *len)
{
    uint64_t soft[2];
    sam_life_volume(s, p->lifetime_bytes, 256 * 1024, &soft[0]);
    sam_life_volume(s, p->lifetime_packets, 1024, &soft[1]);
    e->c.soft_bytes = soft[0];
    e->c.hard_bytes = p->lifetime_bytes;
    e->c.soft_packets = soft[1];
    e->c.hard_packets = p->lifetime_packets;
    CV_TRY(add_in(s, e, p, len, soft));
    e->have_in = true;
    sam_slots_install(&s->in, e->c.in.sa_id, e->c.in.spi, e);
    CV_TRY(add_out(s, e, p, len, soft));
    e->have_out = true;
    sam_slots_install(&s->out, e->c.out.sa_id, e->c.out.spi, e);
    return CV_OK;
}

cv_result sam_child_install(struct sam *s, const struct sam_install *p, struct sam_child **out)
{
    struct sam_key_len len;
    uint32_t out_slot;
    CV_TRY(check(s, p, &len));
    CV_TRY(sam_slots_take(&s->out, &out_slot));
    struct sam_entry *e = sam_entry_new(s, 0);
    if (!e) {
        sam_slots_release(&s->out, out_slot);
        return CV_ENOMEM;
    }
    describe(s, e, p, out_slot);
    cv_result r = sam_owner_add(s, e);
    if (r == CV_OK)
        r = e->c.if_id ? install_both(s, e, p, &len) : CV_ENOENT;
    if (r != CV_OK) {
        if (!e->have_out)
            sam_slots_release(&s->out, out_slot);
        sam_entry_destroy(s, e); /* an inbound half that got through is taken back; its slot is quarantined */
        return r;
    }
    sam_life_start(s, e, p->lifetime_s);
    sam_life_idle_start(s, e, p->idle_s);
    sam_life_update(s, e);
    sam_entry_index_out(s, e);
    if (p->activate)
        sam_child_activate(s, &e->c);
    *out = &e->c;
    return CV_OK;
}

void sam_child_activate(struct sam *s, struct sam_child *c)
{
    if (!sam_entry_of(c)->have_out)
        return;
    struct cv_cmd cmd;
    memset(&cmd, 0, sizeof cmd);
    cmd.type = CV_CMD_SA_ACTIVATE;
    cmd.u.sa_ref = c->out;
    sam_cmd_must(s, &cmd, c->id);
    for (struct sam_child *o = sam_children_of(s, c->owner); o; o = o->next_of_owner)
        if (o->if_id == c->if_id && o->worker == c->worker)
            o->active = false;
    c->active = true;
}

void sam_child_end_sending(struct sam *s, struct sam_child *c)
{
    end_out(s, sam_entry_of(c));
}

void sam_child_delete(struct sam *s, struct sam_child *c, uint64_t linger_ms)
{
    struct sam_entry *e = sam_entry_of(c);
    if (linger_ms == 0) {
        sam_entry_destroy(s, e);
        return;
    }
    uint64_t at = sam_now(s) + linger_ms;
    remove_out(s, e);
    if (c->state != SAM_RETIRING || at < c->remove_at_ms)
        c->remove_at_ms = at;
    c->state = SAM_RETIRING;
    sam_life_update(s, e);
    changed(s, c);
}

/* The list moves whole: nothing is allocated, so nothing can fail. */
void sam_child_reparent(struct sam *s, uint32_t old_owner, uint32_t new_owner)
{
    struct sam_owner *from = owner_find(s, old_owner), *to = owner_find(s, new_owner);
    if (!from || old_owner == new_owner)
        return;
    struct sam_entry *last = NULL;
    for (struct sam_entry *e = from->first; e;
         e = e->c.next_of_owner ? sam_entry_of(e->c.next_of_owner) : NULL) {
        e->c.owner = new_owner;
        if (e->in_index_out)
            sam_entry_index_out(s, e);
        last = e;
    }
    HASH_DELETE(hh, s->owners, from);
    if (!to) {
        from->owner = new_owner;
        HASH_ADD(hh, s->owners, owner, sizeof from->owner, from);
        return;
    }
    last->c.next_of_owner = &to->first->c;
    to->first->prev_of_owner = last;
    to->first = from->first;
    free(from);
}

static void set_peer(struct sam *s, const struct sam_child *c, const struct cv_sa_ref *ref)
{
    struct cv_cmd cmd;
    memset(&cmd, 0, sizeof cmd);
    cmd.type = CV_CMD_SA_SET_PEER;
    cmd.u.sa_peer.ref = *ref;
    cmd.u.sa_peer.remote = c->remote;
    sam_cmd_must(s, &cmd, c->id);
}

void sam_child_set_remote(struct sam *s, struct sam_child *c, const struct ip_endpoint *remote)
{
    if (ip_endpoint_equal(&c->remote, remote))
        return;
    c->remote = *remote;
    if (sam_entry_of(c)->have_in)
        set_peer(s, c, &c->in);
    if (sam_entry_of(c)->have_out)
        set_peer(s, c, &c->out);
}

/* ---- lookups ------------------------------------------------------------------------------------------------- */
struct sam_child *sam_child_by_spi_in(struct sam *s, uint32_t spi)
{
    if (!s->in.count)
        return NULL;
    uint32_t slot = cv_spi_slot(spi, s->bits);
    if (sam_slots_state(&s->in, slot) != SAM_SLOT_INSTALLED || s->in.spi[slot] != spi)
        return NULL;
    struct sam_entry *e = s->in.owner[slot];
    return e ? &e->c : NULL;
}

struct sam_child *sam_child_by_spi_out(struct sam *s, uint32_t owner, uint32_t spi)
{
    struct sam_child *c = sam_child_of_peer(s, owner, spi, false);
    return c ? c : sam_child_of_peer(s, owner, spi, true);
}

struct sam_child *sam_child_of_peer(struct sam *s, uint32_t owner, uint32_t spi, bool ah)
{
    struct sam_out_key key = {owner, spi, ah};
    struct sam_entry *e = NULL;
    HASH_FIND(hh_out, s->by_out, &key, sizeof key, e);
    return e ? &e->c : NULL;
}

struct sam_child *sam_child_by_id(struct sam *s, uint32_t id)
{
    struct sam_entry *e = NULL;
    HASH_FIND(hh_id, s->by_id, &id, sizeof id, e);
    return e ? &e->c : NULL;
}

struct sam_child *sam_children(struct sam *s)
{
    return s->first ? &s->first->c : NULL;
}

void sam_child_counters(struct sam *s, const struct sam_child *c, struct cv_sa_counters *in,
                        struct cv_sa_counters *out, uint64_t *idle_in_ms)
{
    const struct sam_link *l = s->conf.link;
    const struct sam_entry *e = (const struct sam_entry *)(const void *)c;
    uint64_t idle_out;
    if (l->counters(l->ctx, &c->in, in, idle_in_ms) != CV_OK) {
        memset(in, 0, sizeof *in);
        *idle_in_ms = UINT64_MAX;
    }
    /* it only receives: its slot may be another's by now */
    if (!e->have_out || l->counters(l->ctx, &c->out, out, &idle_out) != CV_OK)
        memset(out, 0, sizeof *out);
}

struct sam_child *sam_children_on(struct sam *s, const char *interface)
{
    struct sam_tunnel *t = tunnel_find(s, interface);
    return t && t->first ? &t->first->c : NULL;
}

struct sam_child *sam_children_of(struct sam *s, uint32_t owner)
{
    struct sam_owner *o = owner_find(s, owner);
    return o ? &o->first->c : NULL;
}

/* ---- events -------------------------------------------------------------------------------------------------- */
static struct sam_entry *entry_of_event(struct sam *s, const struct cv_sa_event *ev)
{
    struct sam_slots *t = ev->ref.dir == CV_DIR_IN ? &s->in : &s->out;
    if (sam_slots_state(t, ev->ref.sa_id) != SAM_SLOT_INSTALLED || t->spi[ev->ref.sa_id] != ev->ref.spi)
        return NULL;
    struct sam_entry *e = t->owner[ev->ref.sa_id];
    return e && e->c.cookie == ev->cookie ? e : NULL;
}

void sam_event(struct sam *s, const struct cv_evt *ev)
{
    if (ev->type == CV_EVT_REPLY) {
        sam_cmd_reply(s, ev->seq, &ev->u.reply);
        return;
    }
    if (ev->type != CV_EVT_SA_SOFT && ev->type != CV_EVT_SA_HARD && ev->type != CV_EVT_SA_SEQ &&
        ev->type != CV_EVT_SA_FIRST)
        return;
    struct sam_entry *e = entry_of_event(s, &ev->u.sa_event);
    if (!e)
        return;
    if (ev->type == CV_EVT_SA_SOFT && ev->u.sa_event.reason == CV_BY_DEVICE)
        log_warning("child 0x%08x of %s: the device that works on it cannot take its packets; it is to be "
                    "negotiated anew, by the "
                    "peer where this end is responder-only",
                    e->c.in.spi, e->c.interface);
    if (ev->type == CV_EVT_SA_SOFT)
        sam_life_soft(s, e, SAM_SOFT_VOLUME);
    else if (ev->type == CV_EVT_SA_SEQ)
        sam_life_soft(s, e, SAM_SEQ);
    else if (ev->type == CV_EVT_SA_HARD)
        sam_life_hard(s, e);
    else if (s->conf.up.first_packet && e->c.state != SAM_RETIRING)
        s->conf.up.first_packet(s->conf.up.ctx, &e->c);
}

void sam_lost(struct sam *s)
{
    forget_children(s);
    sam_cmd_forget(s);
    unsigned bits = s->conf.link->sa_index_bits(s->conf.link->ctx);
    if (bits != s->bits && bits != 0) {
        sam_slots_free(&s->in);
        sam_slots_free(&s->out);
        s->bits = 0;
        return;
    }
    sam_slots_lost(&s->in);
    sam_slots_lost(&s->out);
}
