/* What tests ask of the two ends. */
#include "tests/mock/mock_wire_priv.h"

#include <stdio.h>
#include <string.h>

void wire_up(struct wire *w, enum wire_end end)
{
    char err[SEL_TEXT_MAX] = "";
    enum ike_cmd_outcome o = ike_up(w->side[end].ike, w->side[end].tunnel, err, sizeof err);
    if (o != IKE_CMD_STARTED && o != IKE_CMD_ALREADY)
        fprintf(stderr, "up refused: %s\n", err);
}

struct seen {
    const char *tunnel;
    struct ike_session_view view;
    bool any;
};

static void see(void *ctx, const struct ike_session_view *v)
{
    struct seen *s = ctx;
    if (strcmp(v->interface, s->tunnel) != 0)
        return; /* an SA that has no tunnel yet */
    s->view = *v;
    s->any = true;
}

static struct seen session(struct wire *w, enum wire_end end)
{
    struct seen s = {.tunnel = w->side[end].tunnel};
    ike_each_session(w->side[end].ike, see, &s);
    if (!s.any)
        wire_die("%c has no session %s", "AB"[end], s.tunnel);
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
    struct ike_session *s = ike_session_get(w->side[end].ike, w->side[end].tunnel);
    return s ? ike_sa_by_conn(w->side[end].ike, s->conn_id) : NULL;
}

unsigned wire_sas(struct wire *w, enum wire_end end)
{
    return HASH_CNT(hh_conn, w->side[end].ike->by_conn);
}

struct sam_child *wire_child(struct wire *w, enum wire_end end)
{
    struct mock_sa *s = mock_dp_sending(w->side[end].dp, w->side[end].if_id);
    return s ? sam_child_by_id(w->side[end].ike->sam, (uint32_t)s->sa.cookie) : NULL;
}

unsigned wire_children(struct wire *w, enum wire_end end)
{
    unsigned n = 0;
    for (struct sam_child *c = sam_children(w->side[end].ike->sam); c; c = c->next)
        n += c->state != SAM_RETIRING;
    return n;
}

/* An address of the range: of one that holds everything, the one that the ordinary gateway has inside. */
static struct ip_addr in_range(const struct ts *t, enum wire_end end)
{
    static const char *const inside6[2] = {"2001:db8:1::1", "2001:db8:2::1"};
    struct ip_addr a;
    struct ts any = ts_any(t->family);
    if (memcmp(any.lo, t->lo, sizeof t->lo) != 0 || memcmp(any.hi, t->hi, sizeof t->hi) != 0)
        return t->family == IP_V6 ? ip_addr_v6(t->lo) : ip_addr_v4(t->lo);
    if (!ip_addr_parse(t->family == IP_V6 ? inside6[end] : wire_insides[end], &a))
        wire_die("address");
    return a;
}

static uint16_t port_in(const struct ts *t)
{
    return t->port_lo <= 1000 && t->port_hi >= 1000 ? 1000 : t->port_lo;
}

/* The other end's selectors say which host of a range there is (GRE: its address). */
bool wire_packet(struct wire *w, enum wire_end from)
{
    enum wire_end to = from == A ? B : A;
    const struct cfg *c = w->side[from].cfg, *other = w->side[to].cfg;
    const struct cfg_interface *t = cfg_find_interface(c, w->side[from].tunnel),
                               *o = cfg_find_interface(other, w->side[to].tunnel);
    struct ts local, remote, o_local, o_remote;
    if (!t || !o || !cfg_selectors(c, t, &local, &remote) || !cfg_selectors(other, o, &o_local, &o_remote))
        wire_die("selectors");
    struct ts src, dst;
    if (!ts_intersect(&local, &o_remote, &src))
        src = local;
    if (!ts_intersect(&remote, &o_local, &dst))
        dst = remote;
    struct mock_packet p = {.src = in_range(&src, from),
                            .dst = in_range(&dst, to),
                            .proto = src.proto ? src.proto : 17,
                            .sport = port_in(&src),
                            .dport = port_in(&dst)};
    return wire_pass(w, from, &p);
}

bool wire_pass(struct wire *w, enum wire_end from, const struct mock_packet *p)
{
    struct mock_packet arrives = *p;
    if (w->nat.family != IP_NONE && from == A && ip_addr_equal(&p->src, &w->side[A].address))
        arrives.src = w->nat;
    if (w->nat.family != IP_NONE && from == B && ip_addr_equal(&p->dst, &w->nat))
        arrives.dst = w->side[A].address;
    return mock_dp_pass_nat(w->side[from].dp, w->side[!from].dp, w->side[from].if_id, p, &arrives);
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
