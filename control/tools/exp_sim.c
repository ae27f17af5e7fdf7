#include "control/tools/exp_sim.h"

#include "control/ikev1/v1.h"
#include "control/ikev2/v2.h"
#include "control/pki_conf.h"
#include "control/select/sel_proposal.h"
#include "control/tools/exp_dp.h"
#include "control/tools/exp_pki.h"
#include "control/tools/exp_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WALL_START_S = 1700000000, /* where no certificates ask for the time */
    LATENCY_MS = 10,
    SETTLE_MS = 500,          /* after the end: what is still on the wire arrives; shorter than any retry */
    PATIENCE_MS = 150 * 1000, /* a phase's retransmissions are over */
    LIMIT_MS = 400 * 1000,
    WIRE_MAX = 256,
    SPIN_MAX = 20000,
    IKE_NATT_PORT = 4500,
    SEED = 20130617
};

/* A datagram under way. */
struct packet {
    enum exp_end to;
    struct ike_datagram d;
    uint8_t *data;
    uint64_t due, order;
    unsigned place; /* of its message in the record */
};

struct end {
    struct sim *sim;
    enum exp_end which;
    const struct cfg *cfg;
    struct ike *ike;
    struct pki *pki;
    struct exp_dp *dp;
    struct sam_link link;
    uint64_t rng;
};

struct sim {
    uint64_t now, order;
    int64_t wall_s; /* when now was 0 */
    struct end end[2];
    struct packet wire[WIRE_MAX];
    unsigned queued;
    struct exp_recorder rec;
};

/* ---- environment of an engine ------------------------------------------------------------------------------------------ */
static uint64_t env_now(void *ctx)
{
    return ((struct end *)ctx)->sim->now;
}

static uint64_t env_wall(void *ctx)
{
    return (uint64_t)((struct end *)ctx)->sim->wall_s * 1000 + env_now(ctx);
}

/* splitmix64: the same run each time. These keys protect nothing. */
static void env_random(void *ctx, uint8_t *out, size_t n)
{
    struct end *s = ctx;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = s->rng += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        out[i] = (uint8_t)(z ^ z >> 31);
    }
}

static void env_event(void *ctx, const struct ike_event *ev)
{
    struct end *s = ctx;
    exp_recorder_event(&s->sim->rec, s->which, s->sim->now, ev);
}

static void env_decision(void *ctx, uint32_t conn_id, const char *at, const struct sel_trace *t)
{
    struct end *s = ctx;
    (void)conn_id;
    exp_recorder_decision(&s->sim->rec, s->which, at, t);
}

static void env_message(void *ctx, const struct ike_note *n)
{
    struct end *s = ctx;
    exp_recorder_message(&s->sim->rec, s->which, s->sim->now, n);
}

static const char *env_vrf_name(void *ctx, uint16_t vrf)
{
    const struct cfg *c = ((struct end *)ctx)->cfg;
    if (vrf == 0)
        return "";
    return vrf <= c->vrf_count ? c->vrfs[vrf - 1].name : NULL;
}

static uint16_t env_vrf_id(void *ctx, const char *name)
{
    const struct cfg *c = ((struct end *)ctx)->cfg;
    for (unsigned i = 0; i < c->vrf_count; i++)
        if (strcmp(c->vrfs[i].name, name) == 0)
            return (uint16_t)(i + 1);
    return 0;
}

/* ---- environment of a store of certificates: without a network --------------------------------------------------------- */
static int64_t pki_wall(void *ctx)
{
    return (int64_t)(env_wall(ctx) / 1000);
}

static void pki_event(void *ctx, enum log_level level, const char *topic, const char *text)
{
    static const struct ike_about nobody = {.fvrf = "", .profile = "", .interface = "", .state = ""};
    const struct ike_event e = {.level = level, .facility = "pki", .text = text, .about = &nobody};
    (void)topic;
    env_event(ctx, &e);
}

static void pki_excuses(void *ctx, const char *trustpoint, const struct pki_cert *c,
                        struct pki_exception *out)
{
    pki_conf_excused(((struct end *)ctx)->cfg, trustpoint, c, out);
}

/* ---- the wire -------------------------------------------------------------------------------------------------------------- */
/* Whether the address is the end's, and in which forwarding table. */
static bool owns(struct end *s, const struct ip_addr *a, uint16_t *vrf)
{
    const struct cfg *c = s->cfg;
    for (unsigned i = 0; i < c->interface_count; i++) {
        const struct cfg_interface *x = &c->interfaces[i];
        for (unsigned k = 0; k < x->addr_count; k++)
            if (ip_addr_equal(&x->addrs[k].addr, a)) {
                *vrf = env_vrf_id(s, x->vrf);
                return true;
            }
        if (cfg_is_protected(x) && ip_addr_equal(&x->tunnel_source, a)) {
            *vrf = env_vrf_id(s, x->tunnel_vrf);
            return true;
        }
    }
    return false;
}

static void env_send(void *ctx, const struct ike_datagram *d)
{
    struct end *from = ctx;
    struct sim *w = from->sim;
    struct end *to = &w->end[exp_other(from->which)];
    struct packet p = {.to = to->which,
                       .due = w->now + LATENCY_MS,
                       .order = w->order++,
                       .place = w->rec.last_sent[from->which]};
    p.d = (struct ike_datagram){
        .local = d->remote, .remote = d->local, .natt = d->remote.port == IKE_NATT_PORT};
    if (w->queued == WIRE_MAX || !owns(to, &d->remote.addr, &p.d.vrf) ||
        !(p.data = malloc(d->len ? d->len : 1)))
        return; /* lost */
    memcpy(p.data, d->data, d->len);
    p.d.data = p.data;
    p.d.len = d->len;
    w->wire[w->queued++] = p;
}

static unsigned first_due(const struct sim *w)
{
    unsigned best = 0;
    for (unsigned i = 1; i < w->queued; i++)
        if (w->wire[i].due < w->wire[best].due ||
            (w->wire[i].due == w->wire[best].due && w->wire[i].order < w->wire[best].order))
            best = i;
    return best;
}

static void deliver(struct sim *w)
{
    unsigned i = first_due(w);
    struct packet p = w->wire[i];
    w->wire[i] = w->wire[--w->queued];
    exp_recorder_delivered(&w->rec, p.to, p.place);
    ike_datagram_in(w->end[p.to].ike, &p.d);
    free(p.data);
}

/* ---- what has come of it ------------------------------------------------------------------------------------------------------ */
struct look {
    const char *name;
    struct ike_session_view v;
    bool found;
};

static void look_at(void *ctx, const struct ike_session_view *v)
{
    struct look *l = ctx;
    if (strcmp(v->interface, l->name) != 0)
        return;
    l->v = *v;
    l->found = true;
}

static struct look session(struct end *s, const char *name)
{
    struct look l = {.name = name};
    ike_each_session(s->ike, look_at, &l);
    return l;
}

static void note_sa(void *ctx, const struct ike_sa_view *v)
{
    bool *ready = ctx;
    *ready = *ready || v->ready;
}

static void note_phase1(struct sim *w)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        ike_each_sa(w->end[e].ike, note_sa, &w->rec.r->phase1[e]);
}

/* The attempt for one tunnel has ended, well or not. A child that stays unanswered is waited for while its IKE SA stands. */
static bool ended(struct sim *w, enum exp_end initiator, const char *name)
{
    struct look l = session(&w->end[initiator], name);
    if (!l.found)
        return true;
    switch (l.v.status) {
    case IKE_UP_ACTIVE:
        return true;
    case IKE_DOWN:
        return l.v.has_error;
    case IKE_UP_IDLE:
    case IKE_UP_NO_IKE:
        return l.v.has_error && (l.v.last_error.reason != IKE_REASON_TIMEOUT || w->now >= PATIENCE_MS);
    case IKE_DOWN_NEGOTIATING:
        break;
    }
    return false;
}

static bool all_ended(struct sim *w, enum exp_end initiator, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!ended(w, initiator, names[i]))
            return false;
    return true;
}

/* ---- time --------------------------------------------------------------------------------------------------------------------- */
static bool dp_events(struct end *s)
{
    struct cv_evt ev;
    bool any = false;
    while (exp_dp_next(s->dp, &ev)) {
        ike_dp_event(s->ike, &ev);
        any = true;
    }
    return any;
}

static uint64_t next_at(const struct sim *w)
{
    uint64_t at = w->queued ? w->wire[first_due(w)].due : UINT64_MAX;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        uint64_t t = ike_next_timer(w->end[e].ike);
        at = t < at ? t : at;
    }
    return at;
}

/* Whatever is due first. False: nothing is due until then, and it is then. */
static bool step(struct sim *w, uint64_t until)
{
    for (unsigned i = 0; i < SPIN_MAX; i++) {
        bool a = dp_events(&w->end[EXP_A]), b = dp_events(&w->end[EXP_B]);
        if (!a && !b)
            break;
    }
    uint64_t at = next_at(w);
    if (at > until) {
        w->now = until;
        return false;
    }
    w->now = at > w->now ? at : w->now;
    if (w->queued && w->wire[first_due(w)].due <= w->now) {
        deliver(w);
        return true;
    }
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        if (ike_next_timer(w->end[e].ike) <= w->now)
            ike_timer(w->end[e].ike);
    return true;
}

static cv_result run(struct sim *w, enum exp_end initiator, const char *const *names, unsigned count)
{
    uint64_t until = LIMIT_MS, before = 0;
    unsigned spins = 0;
    bool settling = false;
    while (step(w, until)) {
        note_phase1(w);
        spins = w->now == before ? spins + 1 : 0;
        before = w->now;
        if (spins > SPIN_MAX)
            return CV_EAGAIN;
        if (!settling && all_ended(w, initiator, names, count)) {
            settling = true;
            w->rec.r->took_ms = w->now;
            until = w->now + SETTLE_MS;
        }
    }
    note_phase1(w);
    if (!settling)
        w->rec.r->took_ms = w->now;
    return CV_OK;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------ */
static void child_text(struct end *s, const char *interface, char *out, size_t n)
{
    char alg[SEL_TEXT_MAX], local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
    const struct sam_child *c = sam_children_on(ike_sam(s->ike), interface);
    while (c && c->state == SAM_RETIRING)
        c = c->next_of_tunnel;
    if (!c || !c->ts_count)
        return;
    struct sel_esp_choice e = {
        .encr = c->encr, .key_bits = c->key_bits, .integ = c->integ, .dh = c->dh, .esn = c->esn};
    snprintf(out, n, "%s, %s mode, %s to %s", sel_esp_choice_text(&e, alg),
             c->transport ? "transport" : "tunnel", ts_text(&c->ts_local[0], local),
             ts_text(&c->ts_remote[0], remote));
}

/* The responder's tunnel of the SA that the initiator sends on. */
static const struct sam_child *counterpart(struct end *s, const struct cv_sa *out)
{
    return sam_child_by_spi_in(ike_sam(s->ike), out->ref.spi);
}

static void conclude(struct sim *w, enum exp_end initiator, const char *const *names, unsigned count)
{
    struct exp_record *r = w->rec.r;
    struct end *i = &w->end[initiator], *o = &w->end[exp_other(initiator)];
    r->up = count > 0;
    for (unsigned k = 0; k < count; k++) {
        const struct cv_sa *there = exp_dp_sending(i->dp, names[k]);
        const struct sam_child *c = there ? counterpart(o, there) : NULL;
        const struct cv_sa *back = c ? exp_dp_sending(o->dp, c->interface) : NULL;
        if (!there || !c || !back || !exp_dp_opens(o->dp, there) || !exp_dp_opens(i->dp, back)) {
            r->up = false;
            continue;
        }
        r->children++;
        if (r->children > 1)
            continue;
        struct look l = session(i, names[k]);
        snprintf(r->profile[initiator], CFG_NAME_MAX, "%s", l.v.profile);
        snprintf(r->interface[initiator], CV_NAME_MAX, "%s", names[k]);
        l = session(o, c->interface);
        snprintf(r->profile[exp_other(initiator)], CFG_NAME_MAX, "%s", l.found ? l.v.profile : "");
        snprintf(r->interface[exp_other(initiator)], CV_NAME_MAX, "%s", c->interface);
        child_text(i, names[k], r->child, sizeof r->child);
    }
}

static void begin(struct sim *w, enum exp_end initiator, const char *const *names, unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        struct exp_record *r = w->rec.r;
        char err[SEL_TEXT_MAX] = "";
        enum ike_cmd_outcome o = ike_up(w->end[initiator].ike, names[k], err, sizeof err);
        if ((o == IKE_CMD_NOT_POSSIBLE || o == IKE_CMD_UNKNOWN_TUNNEL) && !r->refused[0])
            snprintf(r->refused, sizeof r->refused, "%s", err);
    }
}

static cv_result start_pki(struct end *s, const struct exp_pki *pki)
{
    const struct pki_env env = {.ctx = s,
                                .wall_s = pki_wall,
                                .now_ms = env_now,
                                .random = env_random,
                                .event = pki_event,
                                .excused = pki_excuses};
    if (!pki)
        return CV_OK;
    s->pki = pki_new(&env);
    return s->pki ? exp_pki_fill(pki, s->which, s->pki) : CV_ENOMEM;
}

static cv_result start(struct sim *w, enum exp_end which, const struct cfg *cfg, const struct exp_pki *pki)
{
    static const struct ike_version_ops *const versions[] = {&v2_ops, &v1_ops, NULL};
    struct end *s = &w->end[which];
    *s = (struct end){.sim = w, .which = which, .cfg = cfg, .rng = SEED + which};
    s->dp = malloc(sizeof *s->dp);
    if (!s->dp)
        return CV_ENOMEM;
    exp_dp_init(s->dp, cfg);
    s->link = exp_dp_link(s->dp);
    CV_TRY(start_pki(s, pki));
    struct ike_env env = {.ctx = s,
                          .now_ms = env_now,
                          .wall_ms = env_wall,
                          .random = env_random,
                          .send = env_send,
                          .event = env_event,
                          .decision = env_decision,
                          .message = env_message,
                          .dp = &s->link,
                          .pki = s->pki,
                          .vrf_name = env_vrf_name,
                          .vrf_id = env_vrf_id};
    return ike_new(&env, cfg, versions, &s->ike);
}

static void stop(struct sim *w)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        ike_free(w->end[e].ike);
        pki_free(w->end[e].pki);
        if (w->end[e].dp)
            exp_dp_wipe(w->end[e].dp);
        free(w->end[e].dp);
    }
    for (unsigned i = 0; i < w->queued; i++)
        free(w->wire[i].data);
    free(w);
}

cv_result exp_sim(const struct cfg *const cfg[2], const struct exp_pki *pki, enum exp_end initiator,
                  const char *const *names, unsigned count, struct exp_record **out)
{
    struct sim *w = calloc(1, sizeof *w);
    struct exp_record *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!w || !r) {
        free(w);
        free(r);
        return CV_ENOMEM;
    }
    r->initiator = initiator;
    w->rec.r = r;
    w->wall_s = pki ? pki->now_s : WALL_START_S;
    cv_result res = start(w, EXP_A, cfg[EXP_A], pki);
    if (res == CV_OK)
        res = start(w, EXP_B, cfg[EXP_B], pki);
    if (res == CV_OK) {
        begin(w, initiator, names, count);
        res = r->refused[0] ? CV_OK : run(w, initiator, names, count);
    }
    if (res == CV_OK)
        conclude(w, initiator, names, count);
    stop(w);
    if (res == CV_OK && r->out_of_memory)
        res = CV_ENOMEM;
    if (res == CV_OK)
        *out = r;
    else
        exp_record_free(r);
    return res;
}
