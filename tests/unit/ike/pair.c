#include "tests/unit/ike/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const version_2_text =
    "%s"
    "crypto ikev2 proposal P\n%s"
    "crypto ikev2 policy POL\n match fvrf any\n proposal P\n"
    "crypto ikev2 keyring K\n peer other\n  address %s\n  pre-shared-key %s\n"
    "crypto ikev2 profile PROF\n%s authentication local pre-share\n authentication remote pre-share\n "
    "keyring local K\n"
    "crypto ipsec transform-set T %s\n mode tunnel\n"
    "crypto ipsec profile IPS\n set transform-set T\n set ikev2-profile PROF\n%s"
    "interface Ethernet0/0\n ip address %s 255.255.255.0\n"
    "interface Tunnel1\n ip address 10.0.0.%c 255.255.255.252\n tunnel source %s\n tunnel mode ipsec ipv4\n"
    " tunnel destination %s\n tunnel protection ipsec profile IPS\n";

static const char *or_else(const char *s, const char *otherwise)
{
    return s ? s : otherwise;
}

struct cfg *pair_cfg(const struct pair_opt *o, bool a)
{
    char text[8192], profile[512];
    const char *me = a ? "192.0.2.1" : "192.0.2.2", *peer = a ? "192.0.2.2" : "192.0.2.1";
    struct cfg *cfg = NULL;
    struct cfg_findings f = {0};
    snprintf(profile, sizeof profile,
             " match identity remote address %s 255.255.255.255\n identity local address %s\n", peer, me);
    snprintf(text, sizeof text, version_2_text, or_else(a ? o->globals_a : o->globals_b, ""),
             or_else(a ? o->proposal_a : o->proposal_b, " encryption aes-gcm-128\n prf sha256\n group 19\n"),
             peer, or_else(a ? o->key_a : o->key_b, "secret"),
             or_else(a ? o->profile_a : o->profile_b, profile),
             or_else(a ? o->transform_a : o->transform_b, "esp-gcm 128"),
             or_else(a ? o->ipsec_a : o->ipsec_b, ""), me, a ? '1' : '2', me, peer);
    if (cfg_parse(text, "pair", &cfg, &f) != CV_OK) {
        for (unsigned i = 0; i < f.count; i++)
            fprintf(stderr, "pair:%d: %s (%s)\n", f.items[i].line, f.items[i].text, f.items[i].remedy);
        abort();
    }
    cfg_findings_free(&f);
    return cfg;
}

/* ---- environment ------------------------------------------------------------------------------------------------- */
static uint64_t now_ms(void *ctx)
{
    return ((struct pair_side *)ctx)->pair->now;
}

static void fill_random(void *ctx, uint8_t *out, size_t n)
{
    struct pair_side *s = ctx;
    for (size_t i = 0; i < n; i++) {
        s->rng = s->rng * 6364136223846793005ull + 1442695040888963407ull;
        out[i] = (uint8_t)(s->rng >> 56);
    }
}

static void send_packet(void *ctx, const struct ike_datagram *d)
{
    struct pair_side *s = ctx;
    struct pair_packet *k = calloc(1, sizeof *k);
    k->from = s;
    k->d = *d;
    k->len = d->len;
    k->data = malloc(d->len + PAIR_SLACK); /* for a tap that makes it longer */
    memcpy(k->data, d->data, d->len);
    s->sent++;
    *s->pair->tail = k;
    s->pair->tail = &k->next;
}

static void log_event(void *ctx, const struct ike_event *ev)
{
    struct pair_side *s = ctx;
    size_t n = strlen(s->log), more = strlen(ev->text) + 2;
    if (n + more > sizeof s->log) {
        memmove(s->log, s->log + sizeof s->log / 2, sizeof s->log / 2);
        n = strlen(s->log);
    }
    snprintf(s->log + n, sizeof s->log - n, "%s\n", ev->text);
    if (getenv("PAIR_LOG"))
        fprintf(stderr, "%8llu %s %u %s\n", (unsigned long long)s->pair->now, s == &s->pair->a ? "a" : "b",
                ev->conn_id, ev->text);
}

/* A plane is megabytes of event queue: fuzzers, which make thousands of pairs, get the same two again and again. */
static struct mock_dp *spare[2];

static struct mock_dp *take_plane(void)
{
    for (unsigned i = 0; i < 2; i++)
        if (spare[i]) {
            struct mock_dp *d = spare[i];
            spare[i] = NULL;
            return d;
        }
    return calloc(1, sizeof(struct mock_dp));
}

static void give_plane(struct mock_dp *d)
{
    for (unsigned i = 0; i < 2; i++)
        if (!spare[i]) {
            spare[i] = d;
            return;
        }
    free(d);
}

void (*pair_adjust)(struct pair_side *s, struct ike_env *env, const struct ike_version_ops **versions);

static void start_side(struct pair *p, struct pair_side *s, struct cfg *cfg, uint64_t seed)
{
    const struct ike_version_ops *versions[4] = {&v2_ops};
    s->pair = p;
    s->cfg = cfg;
    s->rng = seed;
    s->dp = take_plane();
    mock_dp_init(s->dp, now_ms, s);
    s->dp->ifs[0] = "Ethernet0/0";
    s->dp->ifs[1] = "Tunnel1";
    s->link = mock_dp_link(s->dp);
    struct ike_env env = {.ctx = s,
                          .now_ms = now_ms,
                          .wall_ms = now_ms,
                          .random = fill_random,
                          .send = send_packet,
                          .event = log_event,
                          .dp = &s->link};
    if (pair_adjust)
        pair_adjust(s, &env, versions);
    if (ike_new(&env, cfg, versions, &s->e) != CV_OK)
        abort();
}

void pair_start_with(struct pair *p, struct cfg *a, struct cfg *b)
{
    memset(p, 0, sizeof *p);
    p->now = 1000000;
    p->tail = &p->head;
    start_side(p, &p->a, a, 1);
    start_side(p, &p->b, b, 2);
}

void pair_start(struct pair *p, const struct pair_opt *o)
{
    static const struct pair_opt plain;
    pair_start_with(p, pair_cfg(o ? o : &plain, true), pair_cfg(o ? o : &plain, false));
}

static void end_side(struct pair_side *s)
{
    ike_free(s->e);
    cfg_free(s->cfg);
    mock_dp_free(s->dp);
    give_plane(s->dp);
}

static void free_packet(struct pair_packet *k)
{
    free(k->data);
    free(k);
}

void pair_end(struct pair *p)
{
    while (p->head) {
        struct pair_packet *k = p->head;
        p->head = k->next;
        free_packet(k);
    }
    end_side(&p->a);
    end_side(&p->b);
}

/* ---- the wire ------------------------------------------------------------------------------------------------------ */
static struct ip_endpoint endpoint(const char *text, uint16_t port)
{
    struct ip_endpoint e;
    memset(&e, 0, sizeof e);
    if (!ip_addr_parse(text, &e.addr))
        abort();
    e.port = port;
    return e;
}

struct ip_endpoint pair_endpoint(const struct pair_side *s, uint16_t port)
{
    return endpoint(s == &s->pair->a ? "192.0.2.1" : "192.0.2.2", port);
}

/* What the receiver sees of a datagram after the NAT. */
static struct ike_datagram translate(const struct pair *p, const struct pair_packet *k)
{
    struct ike_datagram d = {.local = k->d.remote, .remote = k->d.local, .natt = k->d.natt};
    if (p->nat_a && k->from == &p->a)
        d.remote = endpoint("198.51.100.9", (uint16_t)(d.remote.port + PAIR_NAT_PORT));
    if (p->nat_a && k->from == &p->b)
        d.local = endpoint("192.0.2.1", (uint16_t)(d.local.port - PAIR_NAT_PORT));
    return d;
}

static void deliver(struct pair *p, struct pair_packet *k)
{
    struct pair_side *to = k->from == &p->a ? &p->b : &p->a;
    struct ike_datagram d = translate(p, k);
    if (to->deaf || (p->tap && !p->tap(p, k->from, k->data, &k->len)))
        return;
    d.data = k->data;
    d.len = k->len;
    p->delivered++;
    ike_datagram_in(to->e, &d);
}

static bool data_plane_news(struct pair_side *s)
{
    struct cv_evt ev;
    bool any = false;
    while (mock_dp_next(s->dp, &ev)) {
        ike_dp_event(s->e, &ev);
        any = true;
    }
    return any;
}

void pair_run(struct pair *p)
{
    for (;;) {
        bool news = data_plane_news(&p->a);
        news |= data_plane_news(&p->b);
        struct pair_packet *k = p->head;
        if (!k && !news)
            return;
        if (!k)
            continue;
        p->head = k->next;
        if (!p->head)
            p->tail = &p->head;
        deliver(p, k);
        free_packet(k);
    }
}

void pair_wait(struct pair *p, uint64_t ms)
{
    uint64_t end = p->now + ms;
    for (;;) {
        pair_run(p);
        uint64_t a = ike_next_timer(p->a.e), b = ike_next_timer(p->b.e), at = a < b ? a : b;
        if (at > end)
            break;
        if (at > p->now)
            p->now = at;
        ike_timer(p->a.e);
        ike_timer(p->b.e);
    }
    p->now = end;
    pair_run(p);
}

void pair_inject(struct pair *p, struct pair_side *to, const struct ip_endpoint *from, bool natt,
                 const uint8_t *data, size_t len)
{
    struct ike_datagram d = {.local = pair_endpoint(to, natt ? 4500 : 500), .natt = natt, .len = len};
    uint8_t *copy =
        malloc(len ? len : 1); /* of exactly its size, so that a sanitizer sees any step over its end */
    (void)p;
    memcpy(copy, data, len);
    d.remote = *from;
    d.data = copy;
    ike_datagram_in(to->e, &d);
    free(copy);
}

/* ---- forgeries by who has the keys ------------------------------------------------------------------------------------ */
size_t pair_forge(const struct ike_sa *sa, const struct pair_forgery *f, uint8_t *out, size_t cap)
{
    static uint64_t n = 1ull << 40; /* far from the engine's own IVs */
    const struct cr_sk_keys *k = sa->initiator ? &sa->keys.i : &sa->keys.r;
    struct buf_writer w = buf_writer_init(out, cap);
    struct pld_header h = {.version = 0x20, .exchange = f->exchange, .message_id = f->message_id};
    struct pld_builder b;
    uint8_t iv[16] = {0};
    n++;
    memcpy(iv, &n, sizeof n);
    h.flags = (uint8_t)((sa->initiator ? PLD_FLAG_INITIATOR : 0) | (f->response ? PLD_FLAG_RESPONSE : 0));
    memcpy(h.spi_i, sa->spi_i, 8);
    memcpy(h.spi_r, sa->spi_r, 8);
    size_t overhead = cr_sk_overhead(k, f->inner.n), iv_len = cr_encr(k->encr, k->key_bits)->iv_len;
    pld_begin(&b, &w, &h);
    size_t body = f->total ? pld_put_skf(&b, f->first, f->number, f->total, f->inner.n + overhead)
                           : pld_put_sk(&b, f->first, f->inner.n + overhead);
    buf_put_zero(&w, iv_len);
    buf_put(&w, f->inner.p, f->inner.n);
    buf_put_zero(&w, overhead - iv_len);
    pld_end(&b);
    if (w.bad || cr_sk_protect(k, out, w.len, body, f->inner.n, iv) != CV_OK)
        abort();
    return w.len;
}

void pair_edit(const struct ike_sa *sa, uint8_t *data, size_t *len,
               void (*edit)(uint8_t *inner, size_t *n, uint8_t *first, void *ctx), void *ctx)
{
    enum { SK_BODY = PLD_HEADER_LEN + PLD_GENERIC_LEN, AT_SK_NEXT = PLD_HEADER_LEN };
    struct slice plain;
    uint8_t inner[4096];
    struct pair_forgery f = {
        .exchange = data[18], .response = data[19] & PLD_FLAG_RESPONSE, .message_id = data[23]};
    f.first = data[AT_SK_NEXT];
    if (cr_sk_open(sa->initiator ? &sa->keys.i : &sa->keys.r, data, *len, SK_BODY, &plain) != CV_OK)
        abort();
    size_t n = plain.n;
    memcpy(inner, plain.p, n);
    edit(inner, &n, &f.first, ctx);
    f.inner = (struct slice){inner, n};
    *len = pair_forge(sa, &f, data, *len + PAIR_SLACK);
}

/* ---- what has become of it ------------------------------------------------------------------------------------------ */
static void take_view(void *ctx, const struct ike_session_view *v)
{
    struct ike_session_view *out = ctx;
    if (v->interface[0])
        *out = *v;
}

struct ike_session_view pair_view(struct pair_side *s)
{
    struct ike_session_view v = {0};
    ike_each_session(s->e, take_view, &v);
    return v;
}

enum ike_session_status pair_status(struct pair_side *s)
{
    return pair_view(s).status;
}

struct ike_sa *pair_sa(struct pair_side *s)
{
    return s->e->heap_count == 1 ? s->e->heap[0] : NULL;
}

bool pair_up(struct pair *p, struct pair_side *from)
{
    char err[SEL_TEXT_MAX];
    if (ike_up(from->e, "Tunnel1", err, sizeof err) != IKE_CMD_STARTED)
        return false;
    pair_run(p);
    return pair_status(&p->a) == IKE_UP_ACTIVE && pair_status(&p->b) == IKE_UP_ACTIVE;
}

bool pair_ping(struct pair *p)
{
    enum { TUNNEL1 = 2 };
    struct ip_addr src = endpoint("10.0.0.1", 0).addr, dst = endpoint("10.0.0.2", 0).addr;
    return mock_dp_packet(p->a.dp, p->b.dp, TUNNEL1, &src, &dst) &&
           mock_dp_packet(p->b.dp, p->a.dp, TUNNEL1, &dst, &src);
}
