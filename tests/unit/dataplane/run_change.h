/* run_change: changes of every table that decides where a run goes, for test_run.c: each done and undone in turn, the way the manager does it. The
 * site is test_run.c's: ports 1 (outside) and 2, tunnels 20 and 21, SAs in slots 1 (out), 2 (in), 3 (out, tunnel 21). */
#ifndef TESTS_UNIT_DATAPLANE_RUN_CHANGE_H
#define TESTS_UNIT_DATAPLANE_RUN_CHANGE_H

#include "dataplane/ip/ip_pmtu.h"
#include "tests/unit/dataplane/manager.h"

enum change {
    CHANGE_ROUTE_INNER, /* of inner packets: into the other tunnel */
    CHANGE_ROUTE_OUTER, /* of outer ones: by the other port */
    CHANGE_ROUTE_BACK,  /* of decapsulated ones */
    CHANGE_NEIGHBOUR,   /* another MAC, outside */
    CHANGE_NEIGHBOUR_INSIDE,
    CHANGE_TUNNEL_DOWN,
    CHANGE_TUNNEL_MTU,
    CHANGE_TUNNEL_MSS,
    CHANGE_PORT_DOWN, /* outside */
    CHANGE_PORT_MTU,
    CHANGE_INSIDE_DOWN,
    CHANGE_SA_NEW, /* a younger outbound SA of the tunnel */
    CHANGE_SA_OUT, /* without the outbound one */
    CHANGE_SA_IN,
    CHANGE_SA_MTU,
    CHANGE_PEER,
    CHANGE_PMTU,
    CHANGE_POLICY, /* a crypto map on the port outside: nothing leaves */
    CHANGE_POLICY_INSIDE,
    CHANGE_LAST_SEEDED = CHANGE_POLICY_INSIDE,
    /* For good, or a matter of time: */
    CHANGE_POLICE,
    CHANGE_END_OUT, /* the SA's time is up */
    CHANGE_END_IN,
    CHANGE_OWNER, /* the inbound SA's bucket is on its way to another worker */
    CHANGES
};

enum { CHANGE_OUTSIDE = 1, CHANGE_INSIDE, CHANGE_TUNNEL = 20, CHANGE_OTHER, CHANGE_NEW_SLOT = 5 };

static inline cv_result change_route(const char *prefix, uint32_t id, const char *via, bool on)
{
    struct cv_cmd c = {.type = CV_CMD_ROUTE_DEL};
    if (on)
        return mgr_route(prefix, id, via);
    c.u.route.if_id = id;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(prefix, &c.u.route.prefix));
    if (via)
        c.u.route.next_hop = mgr_addr(via);
    return mgr_cmd(&c);
}

static inline cv_result change_if(uint32_t id, void (*how)(struct cv_if *c), bool on)
{
    struct cv_cmd c = {.type = CV_CMD_IF_SET};
    c.u.interface = ip_if_get(&mgr_dp.ifs, id)->conf;
    c.u.interface.up = 1;
    c.u.interface.mtu = c.u.interface.tcp_mss = 0;
    memset(c.u.interface.police, 0, sizeof c.u.interface.police);
    if (on)
        how(&c.u.interface);
    return mgr_cmd(&c);
}
static inline void change_down(struct cv_if *c)
{
    c->up = 0;
}
static inline void change_mtu(struct cv_if *c)
{
    c->mtu = 600;
}
enum { CHANGE_MSS = 1200, CHANGE_MSS6 = 1000 };
static inline void change_mss(struct cv_if *c)
{
    c->tcp_mss = CHANGE_MSS;
    c->tcp_mss6 = CHANGE_MSS6;
}
static inline void change_police(struct cv_if *c)
{
    for (unsigned d = 0; d < 2; d++)
        c->police[d] = (struct cv_police){.bps = 8000, .burst = 2000};
}

static inline cv_result change_nbr(uint32_t id, const char *addr, bool on)
{
    struct cv_cmd c = {.type = CV_CMD_NBR_ADD};
    c.u.nbr =
        (struct cv_nbr){.if_id = id, .addr = mgr_addr(addr), .mac = {2, 1, 1, 1, 1, (uint8_t)(on ? 2 : 1)}};
    return mgr_cmd(&c);
}

static inline cv_result change_sa(const struct cv_sa *sa, bool there)
{
    if (!there)
        return mgr_sa_del(sa);
    const cv_result r = mgr_sa_add(sa);
    return r == CV_OK && sa->ref.dir == CV_DIR_OUT ? mgr_sa_activate(sa) : r;
}

static inline cv_result change_peer(const struct cv_sa *out, bool on)
{
    struct cv_cmd c = {.type = CV_CMD_SA_SET_PEER};
    c.u.sa_peer = (struct cv_sa_peer){.ref = out->ref, .remote = out->remote};
    c.u.sa_peer.remote.addr.b[out->remote.addr.family == IP_V4 ? 3 : 15] ^= on ? 3 : 0;
    return mgr_cmd(&c);
}

static inline cv_result change_pmtu(const struct cv_sa *out, bool on)
{
    if (on)
        return ip_pmtu_learn(&mgr_dp.pmtus, 0, &out->remote.addr, 700, mgr->now_ms) ? CV_OK : CV_EEXIST;
    ip_pmtu_flush(&mgr_dp.pmtus);
    return CV_OK;
}

/* action: of the rows about all of IPv4 and of IPv6; 0: no policy. */
static inline cv_result change_policy_as(uint32_t id, uint8_t action)
{
    struct cv_cmd c = {.type = CV_CMD_POLICY_BEGIN};
    c.u.if_id = id;
    cv_result r = mgr_cmd(&c);
    for (uint8_t family = IP_V4; action && family <= IP_V6; family += IP_V6 - IP_V4) {
        struct cv_cmd row = {.type = CV_CMD_POLICY_ADD};
        row.u.policy = (struct cv_policy){.if_id = id, .order = family, .action = action};
        row.u.policy.local = row.u.policy.remote = ts_any(family);
        r |= mgr_cmd(&row);
    }
    c.type = CV_CMD_POLICY_COMMIT;
    return r | mgr_cmd(&c);
}

static inline cv_result change_policy(uint32_t id, bool on)
{
    return change_policy_as(id, on ? CV_POLICY_DISCARD : 0);
}

/* Does it (on), or undoes it. out, in: the SAs as they were installed. */
static inline cv_result change_do(enum change what, bool on, const struct cv_sa *out, const struct cv_sa *in)
{
    struct cv_sa sa = *out;
    switch (what) {
    case CHANGE_ROUTE_INNER:
        return change_route("10.20.1.0/24", CHANGE_OTHER, NULL, on) |
               change_route("2001:db8:a14:100::/56", CHANGE_OTHER, NULL, on);
    case CHANGE_ROUTE_OUTER:
        return change_route(out->remote.addr.family == IP_V4 ? "198.51.100.0/24" : "2001:db8:9::/48",
                            CHANGE_INSIDE,
                            out->remote.addr.family == IP_V4 ? "192.168.1.77" : "2001:db8:1::77", on);
    case CHANGE_ROUTE_BACK:
        return change_route("192.168.1.77/32", CHANGE_OUTSIDE, "10.0.0.254", on) |
               change_route("2001:db8:c0a8:100::4d/128", CHANGE_OUTSIDE, "2001:db8::fe", on);
    case CHANGE_NEIGHBOUR:
        return change_nbr(CHANGE_OUTSIDE, "10.0.0.254", on) | change_nbr(CHANGE_OUTSIDE, "2001:db8::fe", on);
    case CHANGE_NEIGHBOUR_INSIDE:
        return change_nbr(CHANGE_INSIDE, "192.168.1.77", on) |
               change_nbr(CHANGE_INSIDE, "2001:db8:c0a8:100::4d", on);
    case CHANGE_TUNNEL_DOWN:
        return change_if(CHANGE_TUNNEL, change_down, on);
    case CHANGE_TUNNEL_MTU:
        return change_if(CHANGE_TUNNEL, change_mtu, on);
    case CHANGE_TUNNEL_MSS:
        return change_if(CHANGE_TUNNEL, change_mss, on);
    case CHANGE_PORT_DOWN:
        return change_if(CHANGE_OUTSIDE, change_down, on);
    case CHANGE_PORT_MTU:
        return change_if(CHANGE_OUTSIDE, change_mtu, on);
    case CHANGE_INSIDE_DOWN:
        return change_if(CHANGE_INSIDE, change_down, on);
    case CHANGE_SA_NEW:
        sa.ref.spi += CHANGE_NEW_SLOT - sa.ref.sa_id;
        sa.ref.sa_id = CHANGE_NEW_SLOT;
        return change_sa(&sa, on);
    case CHANGE_SA_OUT:
        return change_sa(out, !on);
    case CHANGE_SA_IN:
        return change_sa(in, !on);
    case CHANGE_SA_MTU:
        dp_sad_set_mtu(&mgr_dp.sad, out->ref.sa_id, on ? 500 : 1400);
        return CV_OK;
    case CHANGE_PEER:
        return change_peer(out, on);
    case CHANGE_PMTU:
        return change_pmtu(out, on);
    case CHANGE_POLICY:
        return change_policy(CHANGE_OUTSIDE, on);
    case CHANGE_POLICY_INSIDE:
        return change_policy(CHANGE_INSIDE, on);
    case CHANGE_POLICE:
        return change_if(CHANGE_TUNNEL, change_police, on);
    case CHANGE_END_OUT:
        esp_out_sa_expire(mgr_dp.sad.out[out->ref.sa_id].sa);
        return CV_OK;
    case CHANGE_END_IN:
        esp_in_sa_expire(mgr_dp.sad.in[in->ref.sa_id].sa);
        return CV_OK;
    case CHANGE_OWNER:
        mgr_dp.owners.entry[cv_spi_bucket(in->ref.spi)] = DP_OWNER_MOVING;
        return CV_OK;
    case CHANGES:
        break;
    }
    return CV_EINVAL;
}

#endif
