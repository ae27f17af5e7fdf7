#include "tests/mock/mock_wire.h"

#include "common/secret.h"
#include "control/crypto/cr_cipher.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WALL_START_MS = 1700000000, SPIN_MAX = 20000, FORGE_MAX = 16384 };

static const char *const addresses[2] = {"192.0.2.1", "192.0.2.2"};
static const char *const insides[2] = {"10.1.0.1", "10.2.0.1"};

static void die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

/* ---- chance ---------------------------------------------------------------------------------------------------------- */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static bool chance(struct wire *w, unsigned percent)
{
    return percent && next_random(&w->rng) % 100 < percent;
}

/* ---- the trace ----------------------------------------------------------------------------------------------------------- */
static void trace(struct wire *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(w->trace + w->trace_len, sizeof w->trace - w->trace_len, fmt, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof w->trace - w->trace_len)
        w->trace_len += (size_t)n;
    else
        w->trace[w->trace_len] = '\0';
}

static void trace_payloads(struct wire *w, const struct pld_message *m)
{
    unsigned notify = 0, deletion = 0;
    for (unsigned i = 0; i < m->payload_count; i++) {
        uint8_t type = m->order[i];
        if (type == PLD_SK || type == PLD_SKF)
            continue;
        if (type == PLD_NOTIFY && notify < m->notify_count)
            trace(w, " N(%s)", pld_notify_name(m->notifies[notify++].type));
        else if (type == PLD_DELETE && deletion < m->delete_count) {
            const struct pld_delete *d = &m->deletes[deletion++];
            if (d->proto == PLD_PROTO_IKE)
                trace(w, " D(IKE)");
            else
                trace(w, " D(ESP:%u)", d->count);
        } else
            trace(w, " %s", pld_type_name(type));
    }
}

static void trace_message(struct wire_side *s, const uint8_t *data, size_t len)
{
    struct wire *w = s->wire;
    struct pld_message *m = calloc(1, sizeof *m);
    uint8_t *copy = malloc(len);
    const char *err;
    struct slice plain;
    if (!m || !copy)
        die("memory");
    memcpy(copy, data, len);
    if (pld_header(copy, len, &m->header, &err) != CV_OK || pld_outer(copy, len, m, &err) != CV_OK) {
        trace(w, "%c malformed: %s\n", "AB"[s->which], err);
        goto out;
    }
    trace(w, "%c %s %s %u:", "AB"[s->which], pld_exchange_name(m->header.exchange),
          m -> header.flags &PLD_FLAG_RESPONSE ? "resp" : "req", m->header.message_id);
    if (m->frag_total) {
        trace(w, " fragment %u/%u\n", m->frag_number, m->frag_total);
        goto out;
    }
    if (m->present & PLD_BIT(PLD_SK)) {
        bool own_is_i = m->header.flags & PLD_FLAG_INITIATOR;
        struct ike_sa *sa = ike_sa_by_spi(s->ike, own_is_i ? m->header.spi_i : m->header.spi_r);
        for (struct ike_sa *dead = s->ike->dead; !sa && dead; dead = dead->next_dead)
            if (memcmp(dead->spi_i, m->header.spi_i, 8) == 0)
                sa = dead;
        if (!sa || cr_sk_open(own_is_i ? &sa->keys.i : &sa->keys.r, copy, len, m->sk_body, &plain) != CV_OK ||
            pld_inner(plain, m->sk_next, m, &err) != CV_OK) {
            trace(w, " (sealed)\n");
            w->undecoded++;
            goto out;
        }
    }
    trace_payloads(w, m);
    trace(w, "\n");
out:
    free(copy);
    free(m);
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
    struct wire_side *s = ctx;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)next_random(&s->rng);
}

static void env_event(void *ctx, const struct ike_event *ev)
{
    struct wire_side *s = ctx;
    if (getenv("WIRE_VERBOSE"))
        fprintf(stderr, "%8llu %c %s: %s\n", (unsigned long long)s->wire->now, "AB"[s->which], ev -> facility,
                ev -> text);
}

static void enqueue(struct wire *w, const struct wire_packet *p, uint64_t delay)
{
    if (w->queued == WIRE_QUEUE)
        return;
    struct wire_packet *q = &w->queue[w->queued++];
    *q = *p;
    q->data = malloc(p->len ? p->len : 1);
    if (!q->data)
        die("memory");
    memcpy(q->data, p->data, p->len);
    q->due = w->now + delay;
    q->order = w->order++;
}

static uint64_t delay_of(struct wire *w)
{
    uint64_t d = w->latency_ms;
    if (chance(w, w->reorder))
        d += next_random(&w->rng) % (10 * w->latency_ms + 100);
    return d;
}

/* A's NAT: its own address and ports outside, by the port inside. */
static void translate(const struct wire *w, struct wire_packet *p)
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

static void env_send(void *ctx, const struct ike_datagram *d)
{
    struct wire_side *s = ctx;
    struct wire *w = s->wire;
    struct wire_packet p = {
        .from = s->which, .src = d->local, .dst = d->remote, .data = malloc(d->len), .len = d->len};
    if (!p.data)
        die("memory");
    memcpy(p.data, d->data, d->len); /* a filter may spoil it; the sender keeps its own for retransmission */
    s->sent++;
    if (d->len > s->mtu_max)
        s->mtu_max = (unsigned)d->len;
    trace_message(s, d->data, d->len);
    if (getenv("WIRE_VERBOSE")) {
        const char *end = w->trace + w->trace_len - 1, *line = end;
        while (line > w->trace && line[-1] != '\n')
            line--;
        fprintf(stderr, "%8llu   %.*s\n", (unsigned long long)w->now, (int)(end - line), line);
    }
    translate(w, &p);
    bool lost = s->muted || (w->mtu && d->len > w->mtu) || (w->filter && !w->filter(w, &p, w->filter_ctx));
    if (!lost && !chance(w, w->loss))
        enqueue(w, &p, delay_of(w));
    if (!lost && chance(w, w->dup))
        enqueue(w, &p, delay_of(w));
    free(p.data);
}

/* ---- configurations ------------------------------------------------------------------------------------------------- */
static const char *or_(const char *v, const char *ordinary)
{
    return v ? v : ordinary;
}

void wire_conf_text(enum wire_end end, const struct wire_conf *c, char *out)
{
    static const struct wire_conf ordinary;
    char own[64], match[96], bound[96];
    if (!c)
        c = &ordinary;
    const char *peer = or_(c->peer, addresses[!end]);
    snprintf(own, sizeof own, "address %s", addresses[end]);
    snprintf(match, sizeof match, "address %s 255.255.255.255", addresses[!end]);
    snprintf(bound, sizeof bound, " set ikev2-profile %s\n", or_(c->bound, "PF"));
    int n = snprintf(
        out, WIRE_CONF,
        "hostname %c\n"
        "%s"
        "crypto ikev2 proposal PROP\n%s"
        "crypto ikev2 policy POL\n proposal PROP\n"
        "crypto ikev2 keyring KR\n peer PEER\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key %s\n"
        "crypto ikev2 profile PF\n match identity remote %s\n identity local %s\n"
        " authentication remote pre-share\n authentication local pre-share\n keyring local KR\n%s"
        "crypto ipsec transform-set TS %s\n mode tunnel\n"
        "crypto ipsec profile IPP\n set transform-set TS\n%s%s"
        "interface Ethernet0/0\n ip address %s 255.255.255.0\n"
        "interface Tunnel1\n ip address %s 255.255.255.0\n tunnel source Ethernet0/0\n"
        " tunnel mode ipsec %s\n tunnel destination %s\n tunnel protection ipsec profile IPP\n",
        "AB"[end], or_(c->global, ""), or_(c->ike, " encryption aes-gcm-128\n prf sha256\n group 19\n"),
        or_(c->psk, "secret"), or_(c->match, match), or_(c->own_id, own), or_(c->profile, ""),
        or_(c->transform, "esp-gcm"), c -> bound && !c -> bound[0] ? "" : bound, or_(c->ipsec, ""),
        addresses[end], insides[end], or_(c->mode, "ipv4"), peer);
    if (n < 0 || n >= WIRE_CONF)
        die("configuration too long");
}

static struct cfg *parse(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    if (cfg_parse(text, "dialogue", &c, &f) != CV_OK) {
        for (unsigned i = 0; i < f.count; i++)
            fprintf(stderr, "line %d: %s (%s)\n", f.items[i].line, f.items[i].text, f.items[i].remedy);
        die("configuration refused:\n%s", text);
    }
    cfg_findings_free(&f);
    return c;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */
static void start_engine(struct wire_side *s)
{
    static const struct ike_version_ops *const versions[] = {&v2_ops, NULL};
    struct ike_env env = {.ctx = s,
                          .now_ms = env_now,
                          .wall_ms = env_wall,
                          .random = env_random,
                          .send = env_send,
                          .event = env_event,
                          .dp = &s->link};
    if (ike_new(&env, s->cfg, versions, &s->ike) != CV_OK)
        die("no engine");
}

static void start_dp(struct wire_side *s)
{
    mock_dp_init(s->dp, env_now, s);
    s->dp->ifs[WIRE_TUNNEL_IF - 1] = "Tunnel1";
    s->link = mock_dp_link(s->dp);
}

struct wire *wire_new(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b)
{
    struct wire *w = calloc(1, sizeof *w);
    char *text = malloc(WIRE_CONF);
    if (!w || !text)
        die("memory");
    w->now = 10000;
    w->seed = w->rng = seed;
    w->latency_ms = 5;
    for (enum wire_end end = A; end <= B; end++) {
        struct wire_side *s = &w->side[end];
        s->wire = w;
        s->which = end;
        s->rng = seed * 2 + end + 0x1234567;
        if (!ip_addr_parse(addresses[end], &s->address))
            die("address");
        wire_conf_text(end, end == A ? a : b, text);
        s->cfg = parse(text);
        s->dp = calloc(1, sizeof *s->dp);
        if (!s->dp)
            die("memory");
        start_dp(s);
        start_engine(s);
    }
    free(text);
    return w;
}

void wire_free(struct wire *w)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire_side *s = &w->side[end];
        ike_free(s->ike);
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

static void hand_in(struct wire *w, enum wire_end to, const struct wire_packet *p)
{
    struct ike_datagram d = {
        .local = p->dst, .remote = p->src, .natt = p->dst.port == 4500, .data = p->data, .len = p->len};
    ike_datagram_in(w->side[to].ike, &d);
}

static void deliver(struct wire *w, unsigned i)
{
    struct wire_packet p = w->queue[i];
    enum wire_end to = p.from == A ? B : A;
    w->queue[i] = w->queue[--w->queued];
    if (p.len && chance(w, w->corrupt)) {
        uint64_t r = next_random(&w->rng);
        p.data[r % p.len] ^= (uint8_t)(1u << (r >> 32) % 8);
    }
    /* With a NAT gone or rebound, what is sent to the old mapping is lost. */
    if (!w->side[to].deaf && ip_addr_equal(&p.dst.addr, &w->side[to].address) &&
        (p.dst.port == 500 || p.dst.port == 4500))
        hand_in(w, to, &p);
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
                die("data plane events without end at %llu ms", (unsigned long long)w->now);
        }
        uint64_t at = earliest(w);
        if (at > until)
            break;
        if (at > w->now) {
            w->now = at;
            spins = 0;
        } else if (++spins > SPIN_MAX)
            die("time stands still at %llu ms\n%s", (unsigned long long)w->now, w->trace);
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

/* ---- what tests ask --------------------------------------------------------------------------------------------------- */
void wire_up(struct wire *w, enum wire_end end)
{
    char err[SEL_TEXT_MAX] = "";
    enum ike_cmd_outcome o = ike_up(w->side[end].ike, "Tunnel1", err, sizeof err);
    if (o != IKE_CMD_STARTED && o != IKE_CMD_ALREADY)
        fprintf(stderr, "up refused: %s\n", err);
}

struct seen {
    struct ike_session_view view;
    bool any;
};

static void see(void *ctx, const struct ike_session_view *v)
{
    struct seen *s = ctx;
    if (strcmp(v->interface, "Tunnel1") != 0)
        return; /* an SA that has no tunnel yet */
    s->view = *v;
    s->any = true;
}

static struct seen session(struct wire *w, enum wire_end end)
{
    struct seen s = {0};
    ike_each_session(w->side[end].ike, see, &s);
    if (!s.any)
        die("no session");
    return s;
}

enum ike_session_status wire_status(struct wire *w, enum wire_end end)
{
    return session(w, end).view.status;
}

enum ike_reason wire_reason(struct wire *w, enum wire_end end)
{
    struct seen s = session(w, end);
    return s.view.has_error ? s.view.last_error.reason : IKE_REASON_NONE;
}

const char *wire_reason_text(struct wire *w, enum wire_end end)
{
    return ike_reason_name(wire_reason(w, end));
}

struct ike_sa *wire_sa(struct wire *w, enum wire_end end)
{
    struct ike_session *s = ike_session_get(w->side[end].ike, "Tunnel1");
    return s ? ike_sa_by_conn(w->side[end].ike, s->conn_id) : NULL;
}

unsigned wire_sas(struct wire *w, enum wire_end end)
{
    return HASH_CNT(hh_conn, w->side[end].ike->by_conn);
}

struct sam_child *wire_child(struct wire *w, enum wire_end end)
{
    struct mock_sa *s = mock_dp_sending(w->side[end].dp, WIRE_TUNNEL_IF);
    return s ? sam_child_by_id(w->side[end].ike->sam, (uint32_t)s->sa.cookie) : NULL;
}

unsigned wire_children(struct wire *w, enum wire_end end)
{
    unsigned n = 0;
    for (struct sam_child *c = sam_children(w->side[end].ike->sam); c; c = c->next)
        n += c->state != SAM_RETIRING;
    return n;
}

bool wire_packet(struct wire *w, enum wire_end from)
{
    struct ip_addr in[2];
    enum wire_end to = from == A ? B : A;
    if (!ip_addr_parse(insides[from], &in[0]) || !ip_addr_parse(insides[to], &in[1]))
        die("address");
    return mock_dp_packet(w->side[from].dp, w->side[to].dp, WIRE_TUNNEL_IF, &in[0], &in[1]);
}

unsigned wire_traffic(struct wire *w, uint64_t ms)
{
    unsigned lost = 0;
    for (uint64_t i = 0; i < ms; i++) {
        lost += !wire_packet(w, A);
        lost += !wire_packet(w, B);
        wire_run(w, 1);
    }
    return lost;
}

bool wire_consistent(struct wire *w, bool strict)
{
    char why[MOCK_TEXT];
    bool ok = mock_dp_consistent(w->side[A].dp, w->side[B].dp, strict, why);
    if (!ok)
        fprintf(stderr, "seed %llu: %s\n", (unsigned long long)w->seed, why);
    return ok;
}

static bool up(enum ike_session_status s)
{
    return s == IKE_UP_ACTIVE;
}

bool wire_both_up(struct wire *w)
{
    bool ok = up(wire_status(w, A)) && up(wire_status(w, B)) && wire_child(w, A) && wire_child(w, B) &&
              wire_packet(w, A) && wire_packet(w, B);
    wire_run(w, 0);
    if (!ok)
        fprintf(stderr, "seed %llu: A %s (%s), B %s (%s)\n%s", (unsigned long long)w->seed,
                ike_session_status_text(wire_status(w, A)), wire_reason_text(w, A),
                ike_session_status_text(wire_status(w, B)), wire_reason_text(w, B), w->trace);
    return ok && wire_consistent(w, false);
}

bool wire_saw(const struct wire *w, const char *text)
{
    return strstr(w->trace, text) != NULL;
}

unsigned wire_count(const struct wire *w, const char *text)
{
    unsigned n = 0;
    for (const char *at = w->trace; (at = strstr(at, text)) != NULL; at += strlen(text))
        n++;
    return n;
}

void wire_trace_clear(struct wire *w)
{
    w->trace_len = 0;
    w->trace[0] = '\0';
}

bool wire_dialogue(const struct wire *w, const char *expected)
{
    if (strcmp(w->trace, expected) == 0)
        return true;
    fprintf(stderr, "--- expected\n%s--- seen\n%s---\n", expected, w->trace);
    return false;
}

/* ---- forging --------------------------------------------------------------------------------------------------------------- */
void wire_inject(struct wire *w, enum wire_end to, const uint8_t *data, size_t len)
{
    struct wire_packet p = {.from = to == A ? B : A,
                            .src = {.addr = w->side[!to].address, .port = 500},
                            .dst = {.addr = w->side[to].address, .port = 500},
                            .data = (uint8_t *)(uintptr_t)data,
                            .len = len};
    hand_in(w, to, &p);
}

/* A whole protected message. *out is new. */
static void seal(struct wire_side *s, const struct cr_sk_keys *keys, const struct pld_header *h,
                 uint8_t first, const uint8_t *plain, size_t len, uint8_t **out, size_t *out_len)
{
    const struct cr_encr_alg *alg = cr_encr(keys->encr, keys->key_bits);
    uint8_t iv[CR_IV_MAX];
    size_t body_len = len + cr_sk_overhead(keys, len), cap = PLD_HEADER_LEN + PLD_GENERIC_LEN + body_len;
    *out = calloc(1, cap);
    if (!*out || !alg)
        die("seal");
    struct buf_writer w = buf_writer_init(*out, cap);
    struct pld_builder b;
    pld_begin(&b, &w, h);
    size_t body = pld_put_sk(&b, first, body_len);
    buf_put_zero(&w, body_len);
    pld_end(&b);
    if (len)
        memcpy(*out + body + alg->iv_len, plain, len);
    env_random(s, iv, sizeof iv);
    if (w.bad || cr_sk_protect(keys, *out, w.len, body, len, iv) != CV_OK)
        die("message does not fit");
    *out_len = w.len;
}

void wire_forge(struct wire *w, enum wire_end as, struct ike_sa *sa, uint8_t exchange, bool response,
                uint32_t message_id, wire_build *build, void *ctx)
{
    uint8_t *inner = calloc(1, FORGE_MAX);
    if (!inner)
        die("memory");
    struct buf_writer wi = buf_writer_init(inner, FORGE_MAX);
    struct pld_chain chain;
    pld_chain_begin(&chain, &wi);
    if (build)
        build(&chain.b, ctx);
    if (wi.bad)
        die("forged message does not fit");
    struct pld_header h = {.version = 0x20, .exchange = exchange, .message_id = message_id};
    memcpy(h.spi_i, sa->spi_i, 8);
    memcpy(h.spi_r, sa->spi_r, 8);
    h.flags = (uint8_t)((sa->initiator ? PLD_FLAG_INITIATOR : 0) | (response ? PLD_FLAG_RESPONSE : 0));
    struct wire_packet p = {
        .from = as, .src = sa->local, .dst = {.addr = w->side[!as].address, .port = sa->natt ? 4500 : 500}};
    seal(&w->side[as], sa->initiator ? &sa->keys.i : &sa->keys.r, &h, pld_chain_first(&chain), inner, wi.len,
         &p.data, &p.len);
    translate(w, &p);
    hand_in(w, as == A ? B : A, &p);
    free(p.data);
    free(inner);
}

static struct ike_sa *sender_sa(struct wire_side *s, const struct pld_header *h)
{
    return ike_sa_by_spi(s->ike, h->flags & PLD_FLAG_INITIATOR ? h->spi_i : h->spi_r);
}

bool wire_reseal(struct wire *w, struct wire_packet *p, wire_change *change, void *ctx)
{
    struct wire_side *s = &w->side[p->from];
    struct pld_message *m = calloc(1, sizeof *m);
    uint8_t *copy = malloc(p->len), *plain = calloc(1, FORGE_MAX);
    const char *err;
    struct slice inner;
    bool ok = false;
    if (!m || !copy || !plain)
        die("memory");
    memcpy(copy, p->data, p->len);
    if (pld_header(copy, p->len, &m->header, &err) != CV_OK || pld_outer(copy, p->len, m, &err) != CV_OK ||
        !(m->present & PLD_BIT(PLD_SK)))
        goto out;
    struct ike_sa *sa = sender_sa(s, &m->header);
    const struct cr_sk_keys *keys = !sa ? NULL : sa->initiator ? &sa->keys.i : &sa->keys.r;
    if (!keys || cr_sk_open(keys, copy, p->len, m->sk_body, &inner) != CV_OK || inner.n > FORGE_MAX)
        goto out;
    size_t len = inner.n;
    uint8_t first = m->sk_next;
    memcpy(plain, inner.p, len);
    change(plain, &len, FORGE_MAX, &first, ctx);
    free(p->data);
    seal(s, keys, &m->header, first, plain, len, &p->data, &p->len);
    ok = true;
out:
    free(plain);
    free(copy);
    free(m);
    return ok;
}
