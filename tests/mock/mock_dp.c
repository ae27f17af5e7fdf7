#include "tests/mock/mock_dp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mock_dp_init(struct mock_dp *d, uint64_t (*now_ms)(void *ctx), void *ctx)
{
    memset(d, 0, sizeof *d);
    d->bits = MOCK_BITS;
    d->now_ms = now_ms;
    d->now_ctx = ctx;
}

void mock_dp_free(struct mock_dp *d)
{
    free(d->key_record);
    d->key_record = NULL;
    d->keys = d->keys_cap = 0;
}

static void violation(struct mock_dp *d, const char *text, const struct cv_sa_ref *ref)
{
    if (!d->violation[0])
        snprintf(d->violation, sizeof d->violation, "%s: %s slot %u SPI 0x%08x", text,
                 ref->dir == CV_DIR_IN ? "inbound" : "outbound", ref->sa_id, ref->spi);
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */
void mock_dp_push(struct mock_dp *d, const struct cv_evt *ev)
{
    if (d->event_count == MOCK_EVENTS)
        return;
    d->events[(d->event_head + d->event_count++) % MOCK_EVENTS] = *ev;
}

bool mock_dp_next(struct mock_dp *d, struct cv_evt *out)
{
    if (!d->event_count || d->hold_replies)
        return false;
    *out = d->events[d->event_head];
    d->event_head = (d->event_head + 1) % MOCK_EVENTS;
    d->event_count--;
    return true;
}

static void reply(struct mock_dp *d, const struct cv_cmd *cmd, uint32_t seq, cv_result r)
{
    struct cv_evt ev;
    memset(&ev, 0, sizeof ev);
    ev.type = CV_EVT_REPLY;
    ev.seq = seq;
    ev.u.reply.result = (int32_t)r;
    ev.u.reply.cmd = cmd->type;
    mock_dp_push(d, &ev);
}

/* ---- commands ------------------------------------------------------------------------------------------------------ */
static struct mock_sa *slot(struct mock_dp *d, const struct cv_sa_ref *ref)
{
    if (ref->sa_id >= MOCK_SLOTS)
        return NULL;
    return ref->dir == CV_DIR_IN ? &d->in[ref->sa_id] : &d->out[ref->sa_id];
}

static struct mock_sa *find(struct mock_dp *d, const struct cv_sa_ref *ref)
{
    struct mock_sa *s = slot(d, ref);
    return s && s->used && s->sa.ref.spi == ref->spi ? s : NULL;
}

/* Nonces of AEADs and CBC alike: the same key must never protect two SAs. */
static void record_key(struct mock_dp *d, const struct cv_sa *sa)
{
    uint8_t k[48];
    memset(k, 0, sizeof k);
    memcpy(k, sa->encr_key_len ? sa->encr_key : sa->integ_key, 32);
    for (size_t i = 0; i < d->keys; i++)
        if (memcmp(d->key_record[i], k, sizeof k) == 0)
            violation(d, "a key was installed twice", &sa->ref);
    if (d->keys == d->keys_cap) {
        d->keys_cap = d->keys_cap ? d->keys_cap * 2 : 64;
        d->key_record = realloc(d->key_record, d->keys_cap * sizeof *d->key_record);
        if (!d->key_record)
            abort();
    }
    memcpy(d->key_record[d->keys++], k, sizeof k);
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static bool is_host(const struct ts *t, const struct ip_addr *a)
{
    struct ip_prefix p;
    return ts_to_prefix(t, &p) && p.len == ip_addr_bits(a) && ip_addr_equal(&p.addr, a);
}

/* RFC 4301 4.1: transport mode is between two hosts; through a NAT, too, by the addresses that packets have here (RFC 7296 2.23.1). */
static bool host_to_host(const struct cv_sa *sa)
{
    return sa->ts_count == 1 && is_host(&sa->ts_local[0], &sa->local.addr) &&
           is_host(&sa->ts_remote[0], &sa->remote.addr);
}

static void check_add(struct mock_dp *d, const struct cv_sa *sa)
{
    bool in = sa->ref.dir == CV_DIR_IN;
    if (in && cv_spi_slot(sa->ref.spi, d->bits) != sa->ref.sa_id)
        violation(d, "inbound SPI does not name its slot", &sa->ref);
    if (in && sa->ref.spi >> d->bits == 0)
        violation(d, "generation of zero", &sa->ref);
    if (sa->ref.spi < 256)
        violation(d, "reserved SPI", &sa->ref);
    if (sa->ts_count < 1 || sa->ts_count > CV_TS_MAX)
        violation(d, "selectors out of range", &sa->ref);
    if (sa->encr_key_len && all_zero(sa->encr_key, sa->encr_key_len))
        violation(d, "encryption key of zeros", &sa->ref);
    if (sa->integ_key_len && all_zero(sa->integ_key, sa->integ_key_len))
        violation(d, "integrity key of zeros", &sa->ref);
    if (sa->proto == CV_PROTO_AH &&
        (sa->encr != CV_ENCR_NULL || sa->integ == CV_INTEG_NONE || sa->flags & CV_SA_NATT))
        violation(d, "AH with encryption, without integrity, or through a NAT", &sa->ref);
    if (sa->proto != CV_PROTO_AH && sa->proto != CV_PROTO_ESP)
        violation(d, "unknown protocol", &sa->ref);
    if (!sa->encr_key_len && !sa->integ_key_len)
        violation(d, "no key at all", &sa->ref);
    if (sa->mode != CV_MODE_TUNNEL && !host_to_host(sa))
        violation(d, "transport mode for others than the two gateways", &sa->ref);
    record_key(d, sa);
}

static cv_result sa_add(struct mock_dp *d, const struct cv_sa *sa)
{
    struct mock_sa *s = slot(d, &sa->ref);
    d->adds++;
    check_add(d, sa);
    if (d->refuse_after && --d->refuse_after == 0)
        return d->refuse_with;
    if (!s)
        return CV_EINVAL;
    if (s->used) {
        violation(d, "slot overwritten", &sa->ref);
        return CV_EEXIST;
    }
    memset(s, 0, sizeof *s);
    s->used = true;
    s->sa = *sa;
    return CV_OK;
}

static cv_result run(struct mock_dp *d, const struct cv_cmd *cmd)
{
    struct mock_sa *s;
    switch (cmd->type) {
    case CV_CMD_SA_ADD:
        return sa_add(d, &cmd->u.sa);
    case CV_CMD_SA_ACTIVATE:
        s = find(d, &cmd->u.sa_ref);
        if (!s || cmd->u.sa_ref.dir != CV_DIR_OUT)
            return CV_ENOENT;
        s->active = ++d->activations;
        return CV_OK;
    case CV_CMD_SA_DEL:
        s = find(d, &cmd->u.sa_ref);
        d->deletes++;
        if (!s)
            return CV_ENOENT;
        memset(s, 0, sizeof *s);
        return CV_OK;
    case CV_CMD_SA_SET_PEER:
        s = find(d, &cmd->u.sa_peer.ref);
        if (!s)
            return CV_ENOENT;
        s->sa.remote = cmd->u.sa_peer.remote;
        return CV_OK;
    default:
        return CV_EUNSUP;
    }
}

static cv_result command(void *ctx, const struct cv_cmd *cmd, uint32_t *seq)
{
    struct mock_dp *d = ctx;
    d->commands++;
    if (d->full_for) {
        d->full_for--;
        return CV_ENOSPC;
    }
    uint32_t n = ++d->seq;
    if (seq)
        *seq = n;
    reply(d, cmd, n, run(d, cmd));
    return CV_OK;
}

/* Of whatever is in the slot, as in the shared memory. */
static cv_result counters(void *ctx, const struct cv_sa_ref *ref, struct cv_sa_counters *out,
                          uint64_t *idle_ms)
{
    struct mock_dp *d = ctx;
    struct mock_sa *s = slot(d, ref);
    if (!s || !s->used)
        return CV_ENOENT;
    *out = s->counters;
    *idle_ms = s->last_ms ? d->now_ms(d->now_ctx) - s->last_ms : UINT64_MAX;
    return CV_OK;
}

static unsigned index_bits(void *ctx)
{
    return ((struct mock_dp *)ctx)->bits;
}

static unsigned workers(void *ctx)
{
    const struct mock_dp *d = ctx;
    return d->workers ? d->workers : 1;
}

static uint32_t if_id(void *ctx, const char *name)
{
    struct mock_dp *d = ctx;
    for (uint32_t i = 0; i < MOCK_IFS; i++)
        if (d->ifs[i] && strcmp(d->ifs[i], name) == 0)
            return i + 1;
    return 0;
}

static const char *if_name(void *ctx, uint32_t id)
{
    struct mock_dp *d = ctx;
    return id >= 1 && id <= MOCK_IFS ? d->ifs[id - 1] : NULL;
}

struct sam_link mock_dp_link(struct mock_dp *d)
{
    return (struct sam_link){.ctx = d,
                             .sa_index_bits = index_bits,
                             .command = command,
                             .counters = counters,
                             .if_id = if_id,
                             .if_name = if_name,
                             .workers = workers};
}

void mock_dp_restart(struct mock_dp *d)
{
    memset(d->in, 0, sizeof d->in);
    memset(d->out, 0, sizeof d->out);
    d->event_head = d->event_count = 0;
}

/* ---- packets --------------------------------------------------------------------------------------------------------- */
unsigned mock_dp_count(const struct mock_dp *d, enum cv_dir dir)
{
    unsigned n = 0;
    for (unsigned i = 0; i < MOCK_SLOTS; i++)
        n += dir == CV_DIR_IN ? d->in[i].used : d->out[i].used;
    return n;
}

struct mock_sa *mock_dp_sending(struct mock_dp *d, uint32_t if_id)
{
    struct mock_sa *best = NULL;
    for (unsigned i = 0; i < MOCK_SLOTS; i++) {
        struct mock_sa *s = &d->out[i];
        if (s->used && s->active && s->sa.if_id == if_id && (!best || s->active > best->active))
            best = s;
    }
    return best;
}

static bool same_keys(const struct cv_sa *a, const struct cv_sa *b)
{
    return a->proto == b->proto && a->encr == b->encr && a->integ == b->integ &&
           a->encr_key_len == b->encr_key_len && a->integ_key_len == b->integ_key_len &&
           memcmp(a->encr_key, b->encr_key, sizeof a->encr_key) == 0 &&
           memcmp(a->salt, b->salt, sizeof a->salt) == 0 &&
           memcmp(a->integ_key, b->integ_key, sizeof a->integ_key) == 0;
}

static struct mock_sa *in_by_spi(struct mock_dp *d, uint32_t spi)
{
    struct mock_sa *s = &d->in[cv_spi_slot(spi, MOCK_BITS)];
    return s->used && s->sa.ref.spi == spi ? s : NULL;
}

static bool selected_out(const struct cv_sa *sa, const struct mock_packet *p)
{
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (ts_match(&sa->ts_local[i], &p->src, p->proto, p->sport) &&
            ts_match(&sa->ts_remote[i], &p->dst, p->proto, p->dport))
            return true;
    return false;
}

static bool selected_in(const struct cv_sa *sa, const struct mock_packet *p)
{
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (ts_match(&sa->ts_remote[i], &p->src, p->proto, p->sport) &&
            ts_match(&sa->ts_local[i], &p->dst, p->proto, p->dport))
            return true;
    return false;
}

static void acquire(struct mock_dp *d, uint32_t id, const struct mock_packet *p)
{
    struct cv_evt ev;
    memset(&ev, 0, sizeof ev);
    ev.type = CV_EVT_ACQUIRE;
    ev.u.acquire.if_id = id;
    ev.u.acquire.proto = p->proto;
    ev.u.acquire.src = (struct ip_endpoint){.addr = p->src, .port = p->sport};
    ev.u.acquire.dst = (struct ip_endpoint){.addr = p->dst, .port = p->dport};
    mock_dp_push(d, &ev);
}

void mock_dp_acquire(struct mock_dp *d, uint32_t id, const struct ip_addr *src, const struct ip_addr *dst)
{
    struct mock_packet p = {.src = *src, .dst = *dst, .proto = 17, .sport = 1000, .dport = 1000};
    acquire(d, id, &p);
}

static void first_packet(struct mock_dp *d, struct mock_sa *s)
{
    struct cv_evt ev;
    if (s->first_seen)
        return;
    s->first_seen = true;
    memset(&ev, 0, sizeof ev);
    ev.type = CV_EVT_SA_FIRST;
    ev.u.sa_event.ref = s->sa.ref;
    ev.u.sa_event.cookie = s->sa.cookie;
    mock_dp_push(d, &ev);
}

bool mock_dp_pass(struct mock_dp *from, struct mock_dp *to, uint32_t id, const struct mock_packet *p)
{
    return mock_dp_pass_nat(from, to, id, p, p);
}

bool mock_dp_pass_nat(struct mock_dp *from, struct mock_dp *to, uint32_t id, const struct mock_packet *p,
                      const struct mock_packet *arrives)
{
    struct mock_sa *out = mock_dp_sending(from, id);
    if (!out) {
        acquire(from, id, p);
        return false;
    }
    if (!selected_out(&out->sa, p))
        return false;
    out->counters.packets++;
    out->counters.bytes += 100;
    out->last_ms = from->now_ms(from->now_ctx);
    struct mock_sa *in = in_by_spi(to, out->sa.ref.spi);
    if (!in || !same_keys(&in->sa, &out->sa) ||
        !selected_in(&in->sa, out->sa.mode == CV_MODE_TRANSPORT ? arrives : p))
        return false;
    in->counters.packets++;
    in->counters.bytes += 100;
    in->last_ms = to->now_ms(to->now_ctx);
    first_packet(to, in);
    return true;
}

bool mock_dp_packet(struct mock_dp *from, struct mock_dp *to, uint32_t id, const struct ip_addr *src,
                    const struct ip_addr *dst)
{
    struct mock_packet p = {.src = *src, .dst = *dst, .proto = 17, .sport = 1000, .dport = 1000};
    return mock_dp_pass(from, to, id, &p);
}

/* ---- consistency ------------------------------------------------------------------------------------------------------ */
static bool mirrored(const struct cv_sa *out, const struct cv_sa *in)
{
    if (out->ts_count != in->ts_count || out->mode != in->mode ||
        (out->flags & (CV_SA_ESN | CV_SA_NATT)) != (in->flags & (CV_SA_ESN | CV_SA_NATT)))
        return false;
    if (out->mode == CV_MODE_TRANSPORT && out->flags & CV_SA_NATT)
        return true; /* the addresses differ on the two sides of the NAT */
    for (unsigned i = 0; i < out->ts_count; i++)
        if (!ts_equal(&out->ts_local[i], &in->ts_remote[i]) ||
            !ts_equal(&out->ts_remote[i], &in->ts_local[i]))
            return false;
    return true;
}

static bool half(const struct mock_dp *a, const struct mock_dp *b, char *why)
{
    for (unsigned i = 0; i < MOCK_SLOTS; i++) {
        if (!a->out[i].used)
            continue;
        const struct cv_sa *out = &a->out[i].sa;
        const struct mock_sa *in = in_by_spi((struct mock_dp *)(uintptr_t)b, out->ref.spi);
        const char *bad = !in                        ? "has no inbound SA at the other end"
                          : !same_keys(out, &in->sa) ? "has other keys at the other end"
                          : !mirrored(out, &in->sa)
                              ? "has another mode, other selectors or flags at the other end"
                              : NULL;
        if (bad) {
            snprintf(why, MOCK_TEXT, "outbound SPI 0x%08x %s", out->ref.spi, bad);
            return false;
        }
    }
    return true;
}

static bool no_leftover(const struct mock_dp *a, const struct mock_dp *b, char *why)
{
    for (unsigned i = 0; i < MOCK_SLOTS; i++) {
        bool found = !a->in[i].used;
        for (unsigned o = 0; o < MOCK_SLOTS && !found; o++)
            found = b->out[o].used && b->out[o].sa.ref.spi == a->in[i].sa.ref.spi;
        if (!found) {
            snprintf(why, MOCK_TEXT, "inbound SPI 0x%08x has no sender", a->in[i].sa.ref.spi);
            return false;
        }
    }
    return true;
}

bool mock_dp_consistent(const struct mock_dp *a, const struct mock_dp *b, bool strict, char *why)
{
    const char *v = a->violation[0] ? a->violation : b->violation;
    if (v[0]) {
        snprintf(why, MOCK_TEXT, "%s", v);
        return false;
    }
    if (!half(a, b, why) || !half(b, a, why))
        return false;
    return !strict || (no_leftover(a, b, why) && no_leftover(b, a, why));
}
