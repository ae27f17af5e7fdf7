#include "tests/mock/mock_wire_pki.h"
#include "tests/mock/mock_wire_priv.h"

#ifdef WIRE_IKEV1
#include "control/ikev1/v1.h"
#endif

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPIN_MAX = 20000 };
#define WALL_START_MS (1000ull * WIRE_PKI_START_S) /* the same clock as its certificates have */

void wire_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

/* ---- chance ---------------------------------------------------------------------------------------------------------- */
uint64_t wire_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static bool chance(struct wire *w, unsigned percent)
{
    return percent && wire_random(&w->rng) % 100 < percent;
}

void wire_random_octets(struct wire_side *s, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)wire_random(&s->rng);
}

/* ---- environment of an engine -------------------------------------------------------------------------------------- */
static uint64_t env_now(void *ctx)
{
    return ((struct wire_side *)ctx)->wire->now;
}

static uint64_t env_wall(void *ctx)
{
    return WALL_START_MS + env_now(ctx);
}

static void env_random(void *ctx, uint8_t *out, size_t n)
{
    wire_random_octets(ctx, out, n);
}

static const char *env_vrf_name(void *ctx, uint16_t vrf)
{
    const struct cfg *c = ((struct wire_side *)ctx)->cfg;
    return vrf == 0 ? "" : vrf <= c->vrf_count ? c->vrfs[vrf - 1].name : NULL;
}

static uint16_t env_vrf_id(void *ctx, const char *name)
{
    const struct cfg *c = ((struct wire_side *)ctx)->cfg;
    for (unsigned i = 0; name && i < c->vrf_count; i++)
        if (strcmp(c->vrfs[i].name, name) == 0)
            return (uint16_t)(i + 1);
    return 0;
}

static void enqueue(struct wire *w, const struct wire_packet *p, uint64_t delay)
{
    if (w->queued == WIRE_QUEUE)
        return;
    struct wire_packet *q = &w->queue[w->queued++];
    *q = *p;
    q->data = malloc(p->len ? p->len : 1);
    if (!q->data)
        wire_die("memory");
    memcpy(q->data, p->data, p->len);
    q->due = w->now + delay;
    q->order = w->order++;
}

static uint64_t delay_of(struct wire *w)
{
    uint64_t d = w->latency_ms;
    if (chance(w, w->reorder))
        d += wire_random(&w->rng) % (10 * w->latency_ms + 100);
    return d;
}

/* A's NAT: its own address and ports outside, by the port inside. */
void wire_translate(const struct wire *w, struct wire_packet *p)
{
    if (w->nat.family == IP_NONE)
        return;
    if (p->from == A) {
        p->src.addr = w->nat;
        p->src.port = (uint16_t)(w->nat_port + (p->src.port == 4500));
    } else if (ip_addr_equal(&p->dst.addr, &w->nat)) {
        p->dst.addr = w->side[A].address;
        p->dst.port = p->dst.port == w->nat_port + 1 ? 4500 : p->dst.port == w->nat_port ? 500 : 0;
    }
}

void wire_put(struct wire *w, const struct wire_packet *p)
{
    enqueue(w, p, delay_of(w));
}

/* The forwarding table that an address of the end is in; false when it has no such address. */
static bool owns(const struct wire_side *s, const struct ip_addr *a, uint16_t *vrf)
{
    for (unsigned i = 0; i < s->cfg->interface_count; i++) {
        const struct cfg_interface *f = &s->cfg->interfaces[i];
        for (unsigned k = 0; k < f->addr_count; k++)
            if (ip_addr_equal(&f->addrs[k].addr, a)) {
                *vrf = env_vrf_id((void *)(uintptr_t)s, f->vrf);
                return true;
            }
    }
    *vrf = 0;
    return ip_addr_equal(a, &s->address);
}

static void env_send(void *ctx, const struct ike_datagram *d)
{
    struct wire_side *s = ctx;
    struct wire *w = s->wire;
    uint16_t vrf;
    struct wire_packet p = {
        .from = s->which, .src = d->local, .dst = d->remote, .data = malloc(d->len), .len = d->len};
    if (!p.data)
        wire_die("memory");
    memcpy(p.data, d->data, d->len); /* a filter may spoil it; the sender keeps its own for retransmission */
    s->sent++;
    if (d->len > s->mtu_max)
        s->mtu_max = (unsigned)d->len;
    wire_trace_message(s, d->data, d->len);
    wire_chain_sent(s, d->data, d->len);
    if (!owns(s, &d->local.addr, &vrf) || vrf != d->vrf)
        wire_die("%c sends from an address that is not its own in this VRF\n%s", "AB"[s->which], w -> trace);
    wire_translate(w, &p);
    bool lost = s->muted || (w->mtu && d->len > w->mtu) || (w->filter && !w->filter(w, &p, w->filter_ctx));
    if (!lost && !chance(w, w->loss))
        enqueue(w, &p, delay_of(w));
    if (!lost && chance(w, w->dup))
        enqueue(w, &p, delay_of(w));
    free(p.data);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */
static void start_engine(struct wire_side *s)
{
#ifdef WIRE_IKEV1
    static const struct ike_version_ops *const versions[] = {&v2_ops, &v1_ops, NULL};
#else
    static const struct ike_version_ops *const versions[] = {&v2_ops, NULL};
#endif
    struct ike_env env = {.ctx = s,
                          .now_ms = env_now,
                          .wall_ms = env_wall,
                          .random = env_random,
                          .send = env_send,
                          .event = wire_env_event,
                          .decision = wire_env_decision,
                          .message = wire_env_message,
                          .vrf_name = env_vrf_name,
                          .vrf_id = env_vrf_id,
                          .dp = &s->link,
                          .pki = s->pki};
    if (ike_new(&env, s->cfg, versions, &s->ike) != CV_OK)
        wire_die("no engine");
}

/* if_ids of what is protected: Tunnel1 is the first, the others follow in the configuration's order. */
static void name_interfaces(struct wire_side *s)
{
    unsigned n = 0;
    memset(s->dp->ifs, 0, sizeof s->dp->ifs);
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < s->cfg->interface_count && n < MOCK_IFS; i++) {
            const struct cfg_interface *t = &s->cfg->interfaces[i];
            if (!cfg_is_protected(t) || (strcmp(t->name, "Tunnel1") == 0) != (pass == 0))
                continue;
            memcpy(s->names[n], t->name, sizeof s->names[n]);
            s->dp->ifs[n] = s->names[n];
            n++;
        }
}

static void start_dp(struct wire_side *s)
{
    mock_dp_init(s->dp, env_now, s);
    name_interfaces(s);
    s->link = mock_dp_link(s->dp);
}

static void ask_about(struct wire_side *s, const char *tunnel)
{
    if (tunnel != s->tunnel)
        snprintf(s->tunnel, sizeof s->tunnel, "%s", tunnel);
    s->if_id = s->link.if_id(s->link.ctx, s->tunnel);
}

/* Where the peer finds it: the source of the first tunnel that has one, else of its first port. */
static struct ip_addr address_of(const struct cfg *c)
{
    struct ip_addr a = {0};
    for (unsigned i = 0; i < c->interface_count; i++)
        if (cfg_is_protected(&c->interfaces[i]) && cfg_tunnel_source(c, &c->interfaces[i], &a))
            return a;
    for (unsigned i = 0; i < c->interface_count; i++)
        if (c->interfaces[i].kind == CV_IF_PORT && c->interfaces[i].addr_count > 0)
            return c->interfaces[i].addrs[0].addr;
    wire_die("a configuration without an address");
}

struct wire *wire_new_text(uint64_t seed, const char *a, const char *b)
{
    struct wire *w = calloc(1, sizeof *w);
    if (!w)
        wire_die("memory");
    w->now = 10000;
    w->seed = w->rng = seed;
    w->latency_ms = 5;
    for (enum wire_end end = A; end <= B; end++) {
        struct wire_side *s = &w->side[end];
        s->wire = w;
        s->which = end;
        s->rng = seed * 2 + end + 0x1234567;
        s->cfg = wire_parse(end == A ? a : b);
        s->address = address_of(s->cfg);
        s->dp = calloc(1, sizeof *s->dp);
        if (!s->dp)
            wire_die("memory");
        start_dp(s);
        wire_pki_start(s);
        start_engine(s);
        ask_about(s, s->dp->ifs[0] ? s->dp->ifs[0] : "");
    }
    return w;
}

struct wire *wire_new(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b)
{
    char *text[2] = {malloc(WIRE_CONF), malloc(WIRE_CONF)};
    if (!text[A] || !text[B])
        wire_die("memory");
    wire_conf_text(A, a, text[A]);
    wire_conf_text(B, b, text[B]);
    struct wire *w = wire_new_text(seed, text[A], text[B]);
    free(text[A]);
    free(text[B]);
    return w;
}

void wire_on(struct wire *w, const char *a, const char *b)
{
    ask_about(&w->side[A], a);
    ask_about(&w->side[B], b);
    for (enum wire_end end = A; end <= B; end++)
        if (!w->side[end].if_id)
            wire_die("%c has no tunnel %s", "AB"[end], w -> side[end].tunnel);
}

void wire_reload(struct wire *w, enum wire_end end, const char *text)
{
    struct wire_side *s = &w->side[end];
    struct cfg *old = s->cfg;
    s->cfg = wire_parse(text);
    name_interfaces(s);
    ike_reconfigure(s->ike, s->cfg);
    ask_about(s, s->tunnel);
    cfg_free(old);
}

void wire_free(struct wire *w)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire_side *s = &w->side[end];
        ike_free(s->ike);
        s->ike = NULL;
        wire_pki_stop(s);
        cfg_free(s->cfg);
        mock_dp_free(s->dp);
        free(s->dp);
    }
    for (unsigned i = 0; i < w->queued; i++)
        free(w->queue[i].data);
    free(w);
}

void wire_restart(struct wire *w, enum wire_end end, bool dp)
{
    struct wire_side *s = &w->side[end];
    ike_free(s->ike);
    if (dp) {
        mock_dp_free(s->dp);
        start_dp(s);
    }
    start_engine(s);
}

void wire_adopt(struct wire *w, enum wire_end end)
{
    struct wire_side *s = &w->side[end];
    for (unsigned i = 0; i < MOCK_SLOTS; i++) {
        if (s->dp->in[i].used)
            sam_adopt(s->ike->sam, &s->dp->in[i].sa);
        if (s->dp->out[i].used)
            sam_adopt(s->ike->sam, &s->dp->out[i].sa);
    }
    ike_adopt_end(s->ike, NULL, NULL);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------ */
static bool dp_events(struct wire_side *s)
{
    struct cv_evt ev;
    bool any = false;
    while (!s->deaf && mock_dp_next(s->dp, &ev)) {
        ike_dp_event(s->ike, &ev);
        any = true;
    }
    return any;
}

static unsigned first_due(const struct wire *w)
{
    unsigned best = 0;
    for (unsigned i = 1; i < w->queued; i++)
        if (w->queue[i].due < w->queue[best].due ||
            (w->queue[i].due == w->queue[best].due && w->queue[i].order < w->queue[best].order))
            best = i;
    return best;
}

void wire_hand_in(struct wire *w, enum wire_end to, const struct wire_packet *p)
{
    struct ike_datagram d = {
        .local = p->dst, .remote = p->src, .natt = p->dst.port == 4500, .data = p->data, .len = p->len};
    (void)owns(&w->side[to], &p->dst.addr, &d.vrf);
    ike_datagram_in(w->side[to].ike, &d);
}

static void deliver(struct wire *w, unsigned i)
{
    struct wire_packet p = w->queue[i];
    enum wire_end to = p.from == A ? B : A;
    w->queue[i] = w->queue[--w->queued];
    if (p.len && chance(w, w->corrupt)) {
        uint64_t r = wire_random(&w->rng);
        p.data[r % p.len] ^= (uint8_t)(1u << (r >> 32) % 8);
    }
    /* With a NAT gone or rebound, what is sent to the old mapping is lost. */
    uint16_t vrf;
    if (!w->side[to].deaf && owns(&w->side[to], &p.dst.addr, &vrf) &&
        (p.dst.port == 500 || p.dst.port == 4500))
        wire_hand_in(w, to, &p);
    free(p.data);
}

static uint64_t earliest(const struct wire *w)
{
    uint64_t at = w->queued ? w->queue[first_due(w)].due : UINT64_MAX;
    for (enum wire_end end = A; end <= B; end++) {
        uint64_t t = w->side[end].deaf ? UINT64_MAX : ike_next_timer(w->side[end].ike);
        at = t < at ? t : at;
    }
    return at;
}

void wire_run(struct wire *w, uint64_t ms)
{
    uint64_t until = w->now + ms;
    unsigned spins = 0;
    for (;;) {
        for (bool any = true; any;) {
            any = dp_events(&w->side[A]);
            any = dp_events(&w->side[B]) || any;
            if (++spins > SPIN_MAX)
                wire_die("data plane events without end at %llu ms", (unsigned long long)w->now);
        }
        uint64_t at = earliest(w);
        if (at > until)
            break;
        if (at > w->now) {
            w->now = at;
            spins = 0;
        } else if (++spins > SPIN_MAX)
            wire_die("time stands still at %llu ms\n%s", (unsigned long long)w->now, w->trace);
        if (w->queued && w->queue[first_due(w)].due <= w->now) {
            deliver(w, first_due(w));
            continue;
        }
        for (enum wire_end end = A; end <= B; end++)
            if (!w->side[end].deaf && ike_next_timer(w->side[end].ike) <= w->now)
                ike_timer(w->side[end].ike);
    }
    w->now = until;
}
