/* What a peer that can authenticate, or nobody at all, tries against the tunnels of others. */
#include "control/ike/ike_natt.h"
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000, LONG_MS = 70000, SECOND_TUNNEL_IF = 2 };

static const char victim_address[] = "192.0.2.77";

static struct ip_addr address(const char *text)
{
    struct ip_addr a;
    if (!ip_addr_parse(text, &a))
        abort();
    return a;
}

static struct cfg *parse(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    if (cfg_parse(text, "hostile", &c, &f) != CV_OK)
        abort();
    cfg_findings_free(&f);
    return c;
}

static bool child_on(struct wire *w, enum wire_end end, const char *interface)
{
    for (struct sam_child *c = sam_children_on(w->side[end].ike->sam, interface); c; c = c->next_of_tunnel)
        if (c->state != SAM_RETIRING)
            return true;
    return false;
}

/* ---- another peer's address ----------------------------------------------------------------------------------------- */
/* B has a tunnel to A (Tunnel1) and one to the victim (Tunnel2), both by the same profile; and a crypto map whose entry has two more peers. */
static const char two_peers[] =
    "crypto ikev2 keyring KR2\n peer ATT\n  identity fqdn att.example\n  pre-shared-key secret\n"
    " peer VIC\n  identity fqdn vic.example\n  pre-shared-key victim\n"
    "interface Tunnel2\n ip address 10.9.0.1 255.255.255.0\n tunnel source Ethernet0/0\n"
    " tunnel mode ipsec ipv4\n tunnel destination 192.0.2.77\n tunnel protection ipsec profile IPP\n"
    "ip access-list extended FAR\n permit ip 10.8.0.0 0.0.255.255 10.7.0.0 0.0.255.255\n"
    "crypto map M 10 ipsec-isakmp\n match address FAR\n set peer 192.0.2.88\n set peer 192.0.2.99\n"
    " set transform-set TS\n set ikev2-profile PF\n"
    "interface Ethernet0/1\n ip address 203.0.113.2 255.255.255.0\n crypto map M\n";

static struct wire *with_victim(uint64_t seed, bool nat)
{
    struct wire_conf a = {.own_id = "fqdn att.example"};
    struct wire_conf b = {.match = "fqdn att.example",
                          .profile =
                              " match identity remote fqdn vic.example\n no keyring\n keyring local KR2\n",
                          .global = two_peers,
                          .peer = nat ? "198.51.100.9" : NULL};
    struct wire *w = wire_new(seed, &a, &b);
    w->side[B].dp->ifs[SECOND_TUNNEL_IF - 1] = "Tunnel2";
    if (nat) {
        w->nat = address("198.51.100.9");
        w->nat_port = 40000;
    }
    return w;
}

struct spoof {
    uint8_t exchange;  /* requests of A of this kind ... */
    struct ip_addr as; /* ... come from this address, the first time */
    unsigned done;
};

static bool spoof(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct spoof *s = ctx;
    (void)w;
    if (p->from == A && p->data[18] == s->exchange && !(p->data[19] & PLD_FLAG_RESPONSE) && !s->done++)
        p->src.addr = s->as;
    return true;
}

static void IKE_AUTH_from_another_address_than_IKE_SA_INIT_is_not_believed(void)
{
    for (unsigned nat = 0; nat < 2; nat++) {
        struct wire *w = with_victim(7, nat);
        struct spoof s = {.exchange = PLD_IKE_AUTH, .as = address(victim_address)};
        w->filter = spoof;
        w->filter_ctx = &s;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(s.done, 1);
        CU_ASSERT_EQUAL(wire_children(w, B), 0);
        CU_ASSERT_EQUAL(w->side[B].ike->counters.unexpected_exchange, 1);
        wire_run(w, LONG_MS); /* the honest retransmission is the peer's */
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_FALSE(child_on(w, B, "Tunnel2"));
        CU_ASSERT_PTR_NULL(mock_dp_sending(w->side[B].dp, SECOND_TUNNEL_IF));
        wire_free(w);
    }
}

static void a_child_asked_for_from_a_victims_address_stays_in_the_peers_own_tunnel(void)
{
    struct wire *w = with_victim(8, true);
    struct spoof s = {.exchange = PLD_CREATE_CHILD_SA, .as = address(victim_address)};
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    w->filter = spoof;
    w->filter_ctx = &s;
    struct ike_session *t = ike_session_get(w->side[A].ike, "Tunnel1");
    CU_ASSERT_EQUAL(v2_child_initiate(w->side[A].ike, wire_sa(w, A), t, NULL), CV_OK);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(s.done, 1);
    CU_ASSERT_FALSE(child_on(w, B, "Tunnel2"));
    CU_ASSERT_PTR_NULL(mock_dp_sending(w->side[B].dp, SECOND_TUNNEL_IF));
    CU_ASSERT(ip_addr_equal(&wire_sa(w, B)->remote.addr, &w->nat));
    CU_ASSERT_EQUAL(wire_children(w, B), wire_children(w, A)); /* the answer went to the peer */
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void nobody_moves_to_another_tunnels_peer_nor_to_another_family(void)
{
    static const char *const refused[] = {"192.0.2.77", "192.0.2.88", "192.0.2.99", "2001:db8::666"};
    struct wire *w = with_victim(9, true);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    struct ike_sa *sa = wire_sa(w, B);
    struct ip_endpoint to = {.port = 4500};
    for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) {
        to.addr = address(refused[i]);
        ike_nat_follow(w->side[B].ike, sa, &to);
        CU_ASSERT(ip_addr_equal(&sa->remote.addr, &w->nat));
        CU_ASSERT(ip_addr_equal(&wire_child(w, B)->remote.addr, &w->nat));
    }
    to.addr = address("198.51.100.200"); /* what a NAT with several addresses does */
    ike_nat_follow(w->side[B].ike, sa, &to);
    CU_ASSERT(ip_addr_equal(&sa->remote.addr, &to.addr));
    CU_ASSERT(ip_addr_equal(&sa->auth_remote, &w->nat));
    wire_free(w);
}

/* A copy of an answered request, sent by somebody else: the answer goes to the peer, not to him. */
struct copy {
    uint8_t data[4096];
    size_t len;
    struct ip_addr last_to; /* of what B sends */
    bool taken;
};

static bool take_copy(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct copy *c = ctx;
    (void)w;
    if (p->from == A && p->data[18] == PLD_IKE_AUTH && p->len <= sizeof c->data) {
        memcpy(c->data, p->data, p->len);
        c->len = p->len;
        c->taken = true;
    }
    if (p->from == B)
        c->last_to = p->dst.addr;
    return true;
}

static void RFC7296_2_1_the_answer_to_a_copied_request_goes_to_the_peer(void)
{
    struct wire *w = wire_new(10, NULL, NULL);
    struct copy c = {0};
    w->filter = take_copy;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w) && c.taken);
    const struct ike_datagram d = {.local = {.addr = w->side[B].address, .port = 500},
                                   .remote = {.addr = address(victim_address), .port = 500},
                                   .data = c.data,
                                   .len = c.len};
    uint64_t before = ike_counters(w->side[B].ike)->retransmits_answered;
    memset(&c.last_to, 0, sizeof c.last_to);
    ike_datagram_in(w->side[B].ike, &d);
    CU_ASSERT_EQUAL(ike_counters(w->side[B].ike)->retransmits_answered, before + 1);
    CU_ASSERT(ip_addr_equal(&c.last_to, &w->side[A].address));
    wire_free(w);
}

/* ---- another peer's identity ------------------------------------------------------------------------------------- */
/* B knows the victim and A by address, each with a key of its own. */
static const char by_address[] =
    "crypto ikev2 keyring KR2\n peer VIC\n  address 192.0.2.77\n  pre-shared-key victim\n"
    " peer ATT\n  address 192.0.2.1\n  pre-shared-key secret\n"
    "interface Tunnel2\n ip address 10.9.0.1 255.255.255.0\n tunnel source Ethernet0/0\n"
    " tunnel mode ipsec ipv4\n tunnel destination 192.0.2.1\n tunnel protection ipsec profile IPP\n";

/* The same wire end becomes somebody else: the old one is silent from now on. */
static void becomes(struct wire *w, enum wire_end end, const struct wire_conf *c)
{
    char text[WIRE_CONF];
    struct cfg *old = w->side[end].cfg;
    wire_conf_text(end, c, text);
    w->side[end].cfg = parse(text);
    w->side[end].muted = true;
    wire_restart(w, end, true);
    w->side[end].muted = false;
    cfg_free(old);
}

static void an_identity_is_not_another_peer_blocks_address(void)
{
    struct wire_conf victim = {.own_id = "address 192.0.2.77", .psk = "victim"};
    struct wire_conf attacker = {.own_id = "address 192.0.2.77", .psk = "secret"};
    struct wire_conf b = {.match = "address 0.0.0.0",
                          .profile = " no keyring\n keyring local KR2\n",
                          .global = by_address,
                          .peer = "192.0.2.77"};
    struct wire *w = wire_new(11, &victim, &b);
    w->side[B].dp->ifs[SECOND_TUNNEL_IF - 1] = "Tunnel2";
    w->nat = address(victim_address);
    w->nat_port = 500;
    wire_up(w, A);
    wire_run(w, 2 * SETTLE_MS);
    CU_ASSERT_FATAL(child_on(w, B, "Tunnel1"));
    uint32_t victims = wire_sa(w, B)->conn_id;
    becomes(w, A, &attacker);
    w->nat.family = IP_NONE;
    wire_up(w, A);
    wire_run(w, 2 * SETTLE_MS);
    CU_ASSERT_PTR_NOT_NULL(ike_sa_by_conn(w->side[B].ike, victims));
    CU_ASSERT(child_on(w, B, "Tunnel1"));
    CU_ASSERT_FALSE(child_on(w, B, "Tunnel2"));
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_AUTH_FAILED);
    CU_ASSERT_EQUAL(ike_session_get(w->side[B].ike, "Tunnel2")->last_error.reason, IKE_REASON_ID_MISMATCH);
    wire_free(w);
}

/* Two blocks that both allow any identity of a name: INITIAL_CONTACT of one leaves the other's SA alone. */
static void INITIAL_CONTACT_does_not_reach_what_another_key_has_proved(void)
{
    struct wire_conf victim = {.own_id = "fqdn spoke.example", .psk = "victim"};
    struct wire_conf attacker = {.own_id = "fqdn spoke.example", .psk = "secret"};
    struct wire_conf b = {.match = "fqdn spoke.example",
                          .profile = " no keyring\n keyring local KR2\n",
                          .global = by_address,
                          .peer = "192.0.2.77"};
    struct wire *w = wire_new(12, &victim, &b);
    w->side[B].dp->ifs[SECOND_TUNNEL_IF - 1] = "Tunnel2";
    w->nat = address(victim_address);
    w->nat_port = 500;
    wire_up(w, A);
    wire_run(w, 2 * SETTLE_MS);
    CU_ASSERT_FATAL(child_on(w, B, "Tunnel1"));
    uint32_t victims = wire_sa(w, B)->conn_id;
    becomes(w, A, &attacker);
    w->nat.family = IP_NONE;
    wire_trace_clear(w);
    wire_up(w, A);
    wire_run(w, 2 * SETTLE_MS);
    CU_ASSERT(wire_saw(w, "INITIAL_CONTACT"));
    CU_ASSERT(child_on(w, B, "Tunnel2"));
    CU_ASSERT_PTR_NOT_NULL(ike_sa_by_conn(w->side[B].ike, victims));
    CU_ASSERT(child_on(w, B, "Tunnel1"));
    wire_free(w);
}

/* ---- false initial contact ---------------------------------------------------------------------------------------------- */
/* B has a second address; what A sends there arrives. */
static bool second_address(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct ip_addr second = address("192.0.2.3");
    (void)ctx;
    if (p->from != A || !ip_addr_equal(&p->dst.addr, &second))
        return true;
    struct ike_datagram d = {
        .local = p->dst, .remote = p->src, .natt = p->dst.port == 4500, .data = p->data, .len = p->len};
    ike_datagram_in(w->side[B].ike, &d);
    return false;
}

static void RFC7296_2_4_no_INITIAL_CONTACT_to_a_peers_second_address(void)
{
    static const char ga[] =
        "interface Tunnel2\n ip address 10.9.0.1 255.255.255.0\n tunnel source Ethernet0/0\n"
        " tunnel mode ipsec ipv4\n tunnel destination 192.0.2.3\n tunnel protection ipsec profile IPP\n";
    static const char gb[] =
        "interface Ethernet0/1\n ip address 192.0.2.3 255.255.255.0\n"
        "interface Tunnel2\n ip address 10.9.0.2 255.255.255.0\n tunnel source Ethernet0/1\n"
        " tunnel mode ipsec ipv4\n tunnel destination 192.0.2.1\n tunnel protection ipsec profile IPP\n";
    struct wire_conf a = {.global = ga, .own_id = "fqdn spoke.example", .match = "fqdn hub.example"};
    struct wire_conf b = {.global = gb, .own_id = "fqdn hub.example", .match = "fqdn spoke.example"};
    struct wire *w = wire_new(21, &a, &b);
    char err[SEL_TEXT_MAX];
    w->filter = second_address;
    w->side[A].dp->ifs[SECOND_TUNNEL_IF - 1] = w->side[B].dp->ifs[SECOND_TUNNEL_IF - 1] = "Tunnel2";
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_count(w, "INITIAL_CONTACT"), 1);
    CU_ASSERT_EQUAL(ike_up(w->side[A].ike, "Tunnel2", err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, 5 * SETTLE_MS);
    CU_ASSERT_EQUAL(wire_count(w, "INITIAL_CONTACT"), 1);
    for (enum wire_end end = A; end <= B; end++)
        CU_ASSERT(child_on(w, end, "Tunnel1") && child_on(w, end, "Tunnel2"));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- adoption ------------------------------------------------------------------------------------------------------------ */
static void adopted_children_of_a_changed_tunnel_do_not_forward_on(void)
{
    static const struct wire_conf changed[] = {
        {.peer = "192.0.2.99"},
        {.transform = "esp-aes 256 esp-sha256-hmac"},
        {.mode = "ipv6"},
        {.psk = "secret"}, /* nothing changed: it stays */
    };
    unsigned last = sizeof changed / sizeof *changed - 1;
    for (unsigned n = 0; n <= last; n++) {
        struct wire *w = wire_new(6, NULL, NULL);
        char text[WIRE_CONF];
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        struct cfg *old = w->side[B].cfg;
        wire_conf_text(B, &changed[n], text);
        w->side[B].cfg = parse(text);
        w->side[A].muted = true;
        wire_restart(w, B, false);
        cfg_free(old);
        wire_adopt(w, B);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_children(w, B), n == last);
        CU_ASSERT_EQUAL(wire_packet(w, B), n == last);
        wire_free(w);
    }
}

/* ---- crowds -------------------------------------------------------------------------------------------------------------- */
/* IKE_SA_INIT of A, and what B answers to who copies it. */
struct crowd {
    uint8_t first[4096], cookie[64];
    size_t first_len, cookie_len;
    uint64_t salt;
};

static bool overhear(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct crowd *c = ctx;
    (void)w;
    if (p->data[18] != PLD_IKE_SA_INIT)
        return true;
    if (p->from == B && p->data[16] == PLD_NOTIFY) {
        c->cookie_len = (size_t)(p->data[30] << 8 | p->data[31]) - 8;
        if (c->cookie_len <= sizeof c->cookie)
            memcpy(c->cookie, p->data + 36, c->cookie_len);
        return true;
    }
    if (p->from == A && !c->first_len && p->len <= sizeof c->first) {
        memcpy(c->first, p->data, p->len);
        c->first_len = p->len;
        return false;
    }
    return true;
}

static void deliver_from(struct wire *w, const struct ip_addr *from, uint8_t *data, size_t len)
{
    const struct ike_datagram d = {.local = {.addr = w->side[B].address, .port = 500},
                                   .remote = {.addr = *from, .port = 500},
                                   .data = data,
                                   .len = len};
    ike_datagram_in(w->side[B].ike, &d);
}

/* Another first message from an address, with the cookie when one is asked for. */
static void one_of_a_crowd(struct wire *w, struct crowd *c, const struct ip_addr *from)
{
    uint8_t m[4096 + 128];
    c->salt++;
    memcpy(c->first, &c->salt, sizeof c->salt);
    memcpy(m, c->first, c->first_len);
    c->cookie_len = 0;
    deliver_from(w, from, m, c->first_len);
    if (!c->cookie_len)
        return;
    size_t n = 8 + c->cookie_len, len = c->first_len + n;
    const uint8_t notify[] = {c->first[16],      0, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, PLD_N_COOKIE >> 8,
                              PLD_N_COOKIE & 255};
    memcpy(m, c->first, 28);
    m[16] = PLD_NOTIFY;
    m[26] = (uint8_t)(len >> 8);
    m[27] = (uint8_t)len;
    memcpy(m + 28, notify, sizeof notify);
    memcpy(m + 36, c->cookie, c->cookie_len);
    memcpy(m + 28 + n, c->first + 28, c->first_len - 28);
    deliver_from(w, from, m, len);
}

static void two_addresses_that_return_cookies_do_not_shut_out_a_third(void)
{
    struct wire_conf small = {.global = "crypto ikev2 limit max-in-negotation-sa 40\n"};
    for (unsigned limited = 0; limited < 2; limited++) {
        struct wire *w = wire_new(4, NULL, limited ? &small : NULL);
        struct crowd *c = calloc(1, sizeof *c);
        struct ip_addr from[2] = {address("203.0.113.9"), address("203.0.113.10")};
        CU_ASSERT_FATAL(c != NULL);
        w->filter = overhear;
        w->filter_ctx = c;
        wire_up(w, A); /* the first message is taken out: the session repeats it */
        wire_run(w, 1);
        for (unsigned s = 0; s < 2; s++)
            for (unsigned i = 0; i < 600; i++)
                one_of_a_crowd(w, c, &from[s]);
        CU_ASSERT(w->side[B].ike->half_open <= (limited ? 20 : 500));
        wire_run(w, 5000);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT_EQUAL(w->side[B].ike->counters.half_open_refused, 0);
        free(c);
        wire_free(w);
    }
}

static void hundreds_of_spokes_are_admitted_at_once(void)
{
    struct wire *w = wire_new(5, NULL, NULL);
    struct crowd *c = calloc(1, sizeof *c);
    CU_ASSERT_FATAL(c != NULL);
    w->filter = overhear;
    w->filter_ctx = c;
    wire_up(w, A);
    wire_run(w, 1);
    struct ip_addr spoke = address("10.0.0.0");
    for (unsigned i = 0; i < 900; i++) {
        spoke.b[2] = (uint8_t)(i >> 8);
        spoke.b[3] = (uint8_t)i;
        one_of_a_crowd(w, c, &spoke);
    }
    CU_ASSERT_EQUAL(w->side[B].ike->half_open, 900);
    CU_ASSERT_EQUAL(w->side[B].ike->counters.half_open_evicted, 0);
    free(c);
    wire_free(w);
}

/* IPv6: who has a /64 has all addresses in it. */
static void addresses_of_one_64_count_as_one(void)
{
    struct wire *w = wire_new(6, NULL, NULL);
    struct ip_addr a = address("2001:db8::1"), b = address("2001:db8::ffff:1"),
                   c = address("2001:db8:0:1::1");
    struct ike *e = w->side[B].ike;
    struct ike_sa *sa = ike_sa_new(e, &v2_ops, false);
    CU_ASSERT_FATAL(sa != NULL && v2_sa_new(e, sa) == CV_OK);
    sa->remote.addr = a;
    CU_ASSERT(ike_limit_add(e, sa));
    CU_ASSERT_EQUAL(ike_limit_of(e, &b), 1);
    CU_ASSERT_EQUAL(ike_limit_of(e, &c), 0);
    ike_limit_drop(e, sa);
    CU_ASSERT_EQUAL(ike_limit_of(e, &b), 0);
    wire_free(w);
}

static void errors_reach_an_honest_peer_through_a_flood_of_forged_ones(void)
{
    struct wire_conf b = {.ike = " encryption aes-gcm-256\n prf sha256\n group 20\n"};
    struct wire *w = wire_new(7, NULL, &b);
    struct crowd *c = calloc(1, sizeof *c);
    CU_ASSERT_FATAL(c != NULL);
    w->filter = overhear;
    w->filter_ctx = c;
    wire_up(w, A);
    wire_run(w, 1);
    struct ip_addr forged = address("203.0.113.9");
    uint64_t before = w->side[B].ike->counters.cookies_sent;
    for (unsigned ms = 0; ms < 5000; ms++) {
        for (unsigned i = 0; i < 20; i++) { /* from where no answer comes back */
            c->salt++;
            memcpy(c->first, &c->salt, sizeof c->salt);
            deliver_from(w, &forged, c->first, c->first_len);
        }
        wire_run(w, 1);
    }
    CU_ASSERT(w->side[B].ike->counters.cookies_sent > before);
    CU_ASSERT_EQUAL(w->side[B].ike->half_open, 0);
    CU_ASSERT_EQUAL(wire_reason(w, A), IKE_REASON_NO_PROPOSAL); /* in the midst of it */
    free(c);
    wire_free(w);
}

/* ---- greed ---------------------------------------------------------------------------------------------------------------- */
static bool no_deletes(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    (void)ctx;
    return p->from == B || p->data[18] != PLD_INFORMATIONAL;
}

static void who_rekeys_and_never_deletes_is_stopped(void)
{
    struct wire_conf limited = {.global = "crypto ikev2 limit max-sa 4\n"};
    for (unsigned n = 0; n < 2; n++) {
        struct wire *w = wire_new(5, NULL, n ? &limited : NULL);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        w->filter = no_deletes;
        unsigned most = 0;
        for (unsigned i = 0; i < 18; i++) {
            struct ike_sa *sa = wire_sa(w, A);
            if (sa)
                (void)v2_rekey_sa(w->side[A].ike, sa);
            wire_run(w, 30);
            most = wire_sas(w, B) > most ? wire_sas(w, B) : most;
        }
        CU_ASSERT_EQUAL(most, n ? 5 : 2 * V2_PEER_SAS_MAX);
        w->filter = NULL;
        wire_free(w);
    }
}

static void an_identity_holds_eight_IKE_SAs_and_the_oldest_goes(void)
{
    struct wire *w = wire_new(13, NULL, NULL);
    for (unsigned i = 0; i < 12; i++) {
        wire_up(w, A);
        wire_run(w, 2 * SETTLE_MS);
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        CU_ASSERT(wire_sas(w, B) <= V2_PEER_SAS_MAX + 1);
        if (i == 11)
            break;
        /* the session begins anew while the old SA stands: no INITIAL_CONTACT */
        struct ike_session *s = ike_session_get(w->side[A].ike, "Tunnel1");
        s->conn_id = s->former_conn_id = 0;
        for (struct sam_child *c = sam_children(w->side[A].ike->sam), *next; c; c = next) {
            next = c->next;
            sam_child_delete(w->side[A].ike->sam, c, 0);
        }
    }
    wire_run(w, 5 * SETTLE_MS);
    CU_ASSERT_EQUAL(wire_count(w, "INITIAL_CONTACT"), 1);
    CU_ASSERT_EQUAL(wire_sas(w, B), V2_PEER_SAS_MAX);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
    wire_free(w);
}

/* ---- two tunnels on one IKE SA ----------------------------------------------------------------------------------------- */
static void second_tunnel(char *out, size_t len, enum wire_end end)
{
    snprintf(out, len,
             "interface Tunnel2\n ipv6 address 2001:db8:9::%d/64\n tunnel source Ethernet0/0\n"
             " tunnel mode ipsec ipv6\n tunnel destination %s\n tunnel protection ipsec profile IPP\n",
             end + 1, end == A ? "192.0.2.2" : "192.0.2.1");
}

static struct wire *with_siblings(uint64_t seed, const char *profile)
{
    char ga[512], gb[512];
    second_tunnel(ga, sizeof ga, A);
    second_tunnel(gb, sizeof gb, B);
    struct wire_conf a = {.global = ga, .profile = profile}, b = {.global = gb, .profile = profile};
    struct wire *w = wire_new(seed, &a, &b);
    w->side[A].dp->ifs[SECOND_TUNNEL_IF - 1] = w->side[B].dp->ifs[SECOND_TUNNEL_IF - 1] = "Tunnel2";
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    struct ike_session *s = ike_session_get(w->side[A].ike, "Tunnel2");
    if (v2_child_initiate(w->side[A].ike, wire_sa(w, A), s, NULL) != CV_OK)
        abort();
    wire_run(w, SETTLE_MS);
    if (wire_sas(w, B) != 1 || !child_on(w, B, "Tunnel1") || !child_on(w, B, "Tunnel2"))
        abort();
    wire_trace_clear(w);
    return w;
}

static void down_takes_its_own_children_and_leaves_the_siblings(void)
{
    static const char *const names[] = {"Tunnel2", "Tunnel1"};
    for (unsigned i = 0; i < 2; i++) {
        struct wire *w = with_siblings(31 + i, NULL);
        char err[SEL_TEXT_MAX];
        CU_ASSERT_EQUAL(ike_down(w->side[B].ike, names[i], err, sizeof err), IKE_CMD_STARTED);
        wire_run(w, SETTLE_MS);
        for (enum wire_end end = A; end <= B; end++) {
            CU_ASSERT_FALSE(child_on(w, end, names[i]));
            CU_ASSERT(child_on(w, end, names[!i]));
            CU_ASSERT_EQUAL(wire_sas(w, end), 1);
        }
        CU_ASSERT_EQUAL(wire_count(w, "D(IKE)"), 0);
        CU_ASSERT_EQUAL(ike_down(w->side[B].ike, names[!i], err, sizeof err), IKE_CMD_STARTED);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(wire_count(w, "D(IKE)"), 1);
        CU_ASSERT_EQUAL(wire_sas(w, A) + wire_sas(w, B), 0);
        wire_free(w);
    }
}

static void a_reload_without_a_tunnel_ends_its_children_only(void)
{
    struct wire *w = with_siblings(33, NULL);
    char text[WIRE_CONF];
    wire_conf_text(B, NULL, text);
    struct cfg *without = parse(text), *old = w->side[B].cfg;
    ike_reconfigure(w->side[B].ike, without);
    w->side[B].cfg = without;
    cfg_free(old);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FALSE(child_on(w, B, "Tunnel2"));
    CU_ASSERT_PTR_NULL(mock_dp_sending(w->side[B].dp, SECOND_TUNNEL_IF));
    CU_ASSERT(child_on(w, B, "Tunnel1"));
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void every_tunnel_of_a_lost_IKE_SA_is_negotiated_again(void)
{
    struct wire *w = with_siblings(34, " dpd 10 2 periodic\n");
    char err[SEL_TEXT_MAX];
    CU_ASSERT_EQUAL(ike_up(w->side[B].ike, "Tunnel2", err, sizeof err), IKE_CMD_ALREADY);
    ike_session_get(w->side[B].ike, "Tunnel2")->wanted =
        ike_session_get(w->side[B].ike, "Tunnel2")->persistent = true;
    w->side[A].deaf = w->side[A].muted = true;
    wire_run(w, 60000);
    CU_ASSERT_FALSE(child_on(w, B, "Tunnel2"));
    CU_ASSERT(ike_session_get(w->side[B].ike, "Tunnel2")->has_error);
    w->side[A].deaf = w->side[A].muted = false;
    wire_run(w, 700000);
    CU_ASSERT(child_on(w, B, "Tunnel2"));
    wire_free(w);
}

static void rekey_reaches_the_second_tunnel_and_survives_a_rekey_of_the_IKE_SA(void)
{
    struct wire *w = with_siblings(35, NULL);
    char err[SEL_TEXT_MAX];
    struct ike *e = w->side[B].ike;
    CU_ASSERT_EQUAL(ike_rekey(e, "Tunnel1", true, err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(ike_session_get(e, "Tunnel2")->conn_id, ike_session_get(e, "Tunnel1")->conn_id);
    uint32_t before[2] = {mock_dp_sending(w->side[B].dp, 1)->sa.ref.spi,
                          mock_dp_sending(w->side[B].dp, 2)->sa.ref.spi};
    CU_ASSERT_EQUAL(ike_rekey(e, "Tunnel2", false, err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(mock_dp_sending(w->side[B].dp, 1)->sa.ref.spi, before[0]);
    CU_ASSERT_NOT_EQUAL(mock_dp_sending(w->side[B].dp, 2)->sa.ref.spi, before[1]);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- fragments ------------------------------------------------------------------------------------------------------------- */
struct smaller {
    unsigned lost; /* answers of B to IKE_AUTH */
};

static bool lose_first_answer(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct smaller *s = ctx;
    if (p->from == B && p->data[18] == PLD_IKE_AUTH && w->now < 12000) {
        s->lost++;
        return false;
    }
    return true;
}

/* A sends its IKE_AUTH again, in smaller fragments: another first datagram, the same answer (RFC 7383 2.5.2). */
static void RFC7383_2_5_2_a_request_in_smaller_fragments_is_answered_again(void)
{
    struct wire_conf c = {.global = "crypto ikev2 fragmentation mtu 200\n"};
    struct wire *w = wire_new(16, &c, &c);
    struct smaller s = {0};
    w->filter = lose_first_answer;
    w->filter_ctx = &s;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    struct ike_sa *sa = wire_sa(w, A);
    struct v2_task *t = v2_task_find(sa, V2_TASK_AUTH, 0);
    CU_ASSERT_FATAL(s.lost > 0 && t != NULL && t->wire.count > 0);
    struct ike_sa *sb = wire_sa(w, B);
    CU_ASSERT_FATAL(sb != NULL);
    struct v2_cached *cached = &v2_of(sb)->cache[1];
    CU_ASSERT_EQUAL(cached->fragments, t->wire.count);
    cached->request_hash[0] ^= 1; /* as if the first one had been of another size ... */
    uint64_t before = w->side[B].ike->counters.retransmits_answered;
    wire_run(w, 1500); /* ... but as many: not taken */
    CU_ASSERT_EQUAL(w->side[B].ike->counters.retransmits_answered, before);
    cached->fragments--; /* and fewer */
    wire_run(w, 10000);
    CU_ASSERT_EQUAL(w->side[B].ike->counters.retransmits_answered, before + 1);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

UNIT_MAIN("hostile", UNIT_TEST(IKE_AUTH_from_another_address_than_IKE_SA_INIT_is_not_believed),
          UNIT_TEST(a_child_asked_for_from_a_victims_address_stays_in_the_peers_own_tunnel),
          UNIT_TEST(nobody_moves_to_another_tunnels_peer_nor_to_another_family),
          UNIT_TEST(RFC7296_2_1_the_answer_to_a_copied_request_goes_to_the_peer),
          UNIT_TEST(an_identity_is_not_another_peer_blocks_address),
          UNIT_TEST(INITIAL_CONTACT_does_not_reach_what_another_key_has_proved),
          UNIT_TEST(RFC7296_2_4_no_INITIAL_CONTACT_to_a_peers_second_address),
          UNIT_TEST(adopted_children_of_a_changed_tunnel_do_not_forward_on),
          UNIT_TEST(two_addresses_that_return_cookies_do_not_shut_out_a_third),
          UNIT_TEST(hundreds_of_spokes_are_admitted_at_once), UNIT_TEST(addresses_of_one_64_count_as_one),
          UNIT_TEST(errors_reach_an_honest_peer_through_a_flood_of_forged_ones),
          UNIT_TEST(who_rekeys_and_never_deletes_is_stopped),
          UNIT_TEST(an_identity_holds_eight_IKE_SAs_and_the_oldest_goes),
          UNIT_TEST(down_takes_its_own_children_and_leaves_the_siblings),
          UNIT_TEST(a_reload_without_a_tunnel_ends_its_children_only),
          UNIT_TEST(every_tunnel_of_a_lost_IKE_SA_is_negotiated_again),
          UNIT_TEST(RFC7383_2_5_2_a_request_in_smaller_fragments_is_answered_again),
          UNIT_TEST(rekey_reaches_the_second_tunnel_and_survives_a_rekey_of_the_IKE_SA))
