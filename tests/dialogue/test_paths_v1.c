/* What is between two IKEv1 gateways, and the other ways in: Aggressive Mode, NATs with every variant of NAT traversal, Cisco's fragments, transport
 * mode, lost and doubled messages, restarts. */
#include "tests/dialogue/life_v1.h"
#include "tests/unit/unit.h"

#define AGGRESSIVE(i, r)                                                                                     \
    i " AM1: SA KE NONCE ID VID\n" r " AM2: SA KE NONCE ID HASH NAT-D NAT-D VID\n" i                         \
      " AM3: HASH NAT-D NAT-D N(INITIAL_CONTACT)\n"

/* ---- Aggressive Mode ------------------------------------------------------------------------------------------------ */
static void aggressive_with_keys_by_address(void)
{
    struct wire_conf c = {
        .ikev1 = true, .profile = " initiate mode aggressive\n", .key = "address 192.0.2.0 255.255.255.0"};
    for (enum wire_end end = A; end <= B; end++) {
        struct wire *w = wire_new(1, &c, &c);
        wire_up(w, end);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_dialogue(w, end == A ? AGGRESSIVE("A", "B") QUICK_MODE("A", "B")
                                            : AGGRESSIVE("B", "A") QUICK_MODE("B", "A")));
        CU_ASSERT(wire_decided(w, !end, "AM1", "profile", "PF-3", "PF"));
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

static char *r1_calls(const char *more)
{
    char *t = text_of("hostname R1\nip domain name cisco.com\ncrypto isakmp key cisco address 192.168.0.2\n");
    t = text_add(text_add(t, transport_set), policy_10);
    return gate1(text_add(t, more), A, "P");
}

static const char r1_aggressive[] =
    "crypto isakmp profile P\n self-identity fqdn\n initiate mode aggressive\n"
    " match identity address 192.168.0.2\n";

static void G9_aggressive_with_a_key_by_host_name(void)
{
    /* the key by address is another's: the host name says more, for AM1 holds the identity */
    char *b = text_of(
        "crypto isakmp key other address 192.168.0.1\ncrypto isakmp key cisco hostname R1.cisco.com\n");
    b = gate1(text_add(text_add(b, transport_set), policy_10), B, "");
    struct wire *w = gates(2, r1_calls(r1_aggressive), b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, AGGRESSIVE("A", "B") QUICK_MODE("A", "B")));
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sa(w, B)->peer_id_type, PLD1_ID_FQDN);
    wire_free(w);
}

static void aggressive_with_a_password_of_the_peer(void)
{
    static const char peer[] =
        "crypto isakmp peer address 192.168.0.2\n set aggressive-mode password secret7\n"
        " set aggressive-mode client-endpoint fqdn branch.cisco.com\n"
        "crypto isakmp profile P\n match identity address 192.168.0.2\n";
    char *b = text_of("crypto isakmp key secret7 hostname branch.cisco.com\n");
    b = gate1(text_add(text_add(b, transport_set), policy_10), B, "");
    struct wire *w = gates(3, r1_calls(peer), b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, AGGRESSIVE("A", "B") QUICK_MODE("A", "B")));
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void aggressive_is_not_served_where_nothing_needs_it(void)
{
    struct wire_conf a = {.ikev1 = true, .profile = " initiate mode aggressive\n"}, b = {.ikev1 = true};
    struct wire *w = wire_new(4, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, "A AM1: SA KE NONCE ID VID\n")); /* silence: nothing for a dictionary */
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_free(w);
}

static void aggressive_mode_disable_closes_it_on_both_sides(void)
{
    struct wire_conf asks = {.ikev1 = true, .profile = " initiate mode aggressive\n"},
                     off = {.ikev1 = true,
                            .profile = " initiate mode aggressive\n",
                            .global = "crypto isakmp aggressive-mode disable\n"
                                      "crypto isakmp key x hostname some.where\n"};
    struct wire *w = wire_new(5, &asks, &off);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, "A AM1: SA KE NONCE ID VID\n"));
    wire_free(w);
    w = wire_new(5, &off, &asks); /* as initiator: Main Mode instead */
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, MAIN_MODE("A", "B") QUICK_MODE("A", "B")));
    wire_free(w);
}

static void aggressive_with_different_keys(void)
{
    struct wire_conf a = {.ikev1 = true, .profile = " initiate mode aggressive\n"},
                     b = {.ikev1 = true, .profile = " initiate mode aggressive\n", .psk = "pear"};
    struct wire *w = wire_new(6, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FALSE(wire_saw(w, "AM3"));
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "bad-psk");
    CU_ASSERT_NOT_EQUAL(wire_status(w, B), IKE_UP_ACTIVE);
    nothing_installed(w);
    wire_free(w);
}

static bool lose_nth(struct wire *w, struct wire_packet *p, void *ctx)
{
    unsigned *n = ctx;
    (void)w;
    (void)p;
    return --*n != 0;
}

static void each_single_loss_is_repaired(void)
{
    for (unsigned aggressive = 0; aggressive < 2; aggressive++)
        for (unsigned nth = 1; nth <= (aggressive ? 6 : 9); nth++) {
            struct wire_conf c = {.ikev1 = true,
                                  .profile = aggressive ? " initiate mode aggressive\n" : NULL};
            struct wire *w = wire_new(7, &c, &c);
            unsigned n = nth;
            w->filter = lose_nth;
            w->filter_ctx = &n;
            wire_up(w, A);
            wire_run(w, 25000);
            CU_ASSERT(wire_both_up(w));
            wire_run(w, 60000);
            CU_ASSERT(settled(w));
            CU_ASSERT_EQUAL(w->side[A].ike->counters.sas_established, 1);
            wire_free(w);
        }
}

static void messages_that_come_twice_and_late_change_nothing(void)
{
    for (unsigned aggressive = 0; aggressive < 2; aggressive++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct wire_conf c = {.ikev1 = true,
                                  .profile = aggressive ? " initiate mode aggressive\n" : NULL};
            struct wire *w = wire_new(seed, &c, &c);
            w->dup = 100;
            w->reorder = 100;
            wire_up(w, A);
            wire_run(w, 60000);
            CU_ASSERT(wire_both_up(w));
            CU_ASSERT_EQUAL(wire_sas(w, A), 1);
            CU_ASSERT_EQUAL(wire_sas(w, B), 1);
            CU_ASSERT(wire_consistent(w, true));
            wire_free(w);
        }
}

/* ---- NAT --------------------------------------------------------------------------------------------------------------- */
static const char *const outside = "198.51.100.7";

static struct wire *nat1(uint64_t seed, struct wire_conf a, struct wire_conf b)
{
    a.ikev1 = b.ikev1 = true;
    b.peer = outside;
    if (!b.match)
        b.match = "address 192.0.2.1 255.255.255.255";
    struct wire *w = wire_new(seed, &a, &b);
    if (!ip_addr_parse(outside, &w->nat))
        abort();
    w->nat_port = 31000;
    return w;
}

static void RFC3947_initiator_behind_a_NAT_floats_with_MM5(void)
{
    struct wire *w = nat1(8, (struct wire_conf){0}, (struct wire_conf){0});
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, MAIN_MODE("A", "B") QUICK_MODE("A", "B")));
    CU_ASSERT_FATAL(wire_both_up(w));
    struct ike_sa *sa = wire_sa(w, A), *sb = wire_sa(w, B);
    CU_ASSERT(sa->natt && sa->nat_local && !sa->nat_remote);
    CU_ASSERT(sb->natt && sb->nat_remote && !sb->nat_local);
    CU_ASSERT_EQUAL(sa->remote.port, 4500);
    CU_ASSERT_EQUAL(sb->remote.port, 31001);
    const struct cv_sa *out_b = &mock_dp_sending(w->side[B].dp, WIRE_TUNNEL_IF)->sa;
    CU_ASSERT(out_b->flags & CV_SA_NATT);
    CU_ASSERT_EQUAL(out_b->remote.port, 31001);
    CU_ASSERT(mock_dp_sending(w->side[A].dp, WIRE_TUNNEL_IF)->sa.flags & CV_SA_BEHIND_NAT);
    wire_free(w);
}

static void behind_a_NAT_both_phases_are_done_anew_without_loss(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct wire *w = nat1(9, (struct wire_conf){0}, (struct wire_conf){0});
        char err[SEL_TEXT_MAX];
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT_EQUAL(ike_rekey(w->side[i & 1].ike, "Tunnel1", i & 2, err, sizeof err), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 5000));
        wire_run(w, REPLACED_MS);
        CU_ASSERT(settled(w));
        CU_ASSERT(wire_sa(w, B)->natt);
        wire_free(w);
    }
}

static void aggressive_through_a_NAT(void)
{
    struct wire_conf c = {.profile = " initiate mode aggressive\n"};
    struct wire *w = nat1(10, c, c);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_dialogue(w, AGGRESSIVE("A", "B") QUICK_MODE("A", "B")));
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 31001);
    wire_free(w);
}

static void the_peers_new_mapping_is_followed(void)
{
    struct wire *w = nat1(11, (struct wire_conf){0}, (struct wire_conf){0});
    char err[SEL_TEXT_MAX];
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    w->nat_port = 42000;
    CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, SETTLED_MS);
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 42001);
    CU_ASSERT_EQUAL(mock_dp_sending(w->side[B].dp, WIRE_TUNNEL_IF)->sa.remote.port, 42001);
    CU_ASSERT(settled(w));
    struct cv_evt ev = {.type = CV_EVT_NAT_CHANGE};
    ev.u.sa_event.ref = wire_child(w, B)->in;
    ev.u.sa_event.cookie = wire_child(w, B)->cookie;
    ev.u.sa_event.remote = wire_child(w, B)->remote;
    ev.u.sa_event.remote.port = 43001; /* ESP came from there */
    mock_dp_push(w->side[B].dp, &ev);
    wire_run(w, 0);
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 43001);
    CU_ASSERT_EQUAL(mock_dp_sending(w->side[B].dp, WIRE_TUNNEL_IF)->sa.remote.port, 43001);
    wire_free(w);
}

/* The vendor IDs of NAT traversal but the kept one are made unknown, in both directions. */
static const uint8_t vids[4][4] = {
    {0x4a, 0x13, 0x1c, 0x81}, {0x43, 0x9b, 0x59, 0xf8}, {0x7d, 0x94, 0x19, 0xa6}, {0x90, 0xcb, 0x80, 0x91}};
static const uint8_t vid_02_twin[4] = {0xcd, 0x60, 0x46, 0x43};

static void hide(struct wire_packet *p, const uint8_t vid[4])
{
    for (size_t i = PLD_HEADER_LEN; i + 4 <= p->len; i++)
        if (memcmp(p->data + i, vid, 4) == 0)
            p->data[i] ^= 0xff;
}

static bool keep_variant(struct wire *w, struct wire_packet *p, void *ctx)
{
    unsigned kept = *(unsigned *)ctx;
    (void)w;
    if (p->len < PLD_HEADER_LEN || p->data[19] & PLD1_FLAG_ENCRYPTION || p->data[16] != PLD1_SA)
        return true;
    for (unsigned i = 0; i < 4; i++)
        if (i != kept)
            hide(p, vids[i]);
    if (kept != 3)
        hide(p, vid_02_twin);
    return true;
}

static void every_variant_of_NAT_traversal(void)
{
    static const enum v1_natt natt[] = {V1_NATT_RFC3947, V1_NATT_DRAFT_07, V1_NATT_DRAFT_03,
                                        V1_NATT_DRAFT_02};
    for (unsigned i = 0; i < 4; i++) {
        struct wire *w = nat1(12, (struct wire_conf){0}, (struct wire_conf){0});
        unsigned kept = i;
        w->filter = keep_variant;
        w->filter_ctx = &kept;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT_EQUAL(v1_of(wire_sa(w, A))->peer.natt, natt[i]);
        CU_ASSERT_EQUAL(v1_of(wire_sa(w, B))->peer.natt, natt[i]);
        CU_ASSERT(wire_sa(w, B)->natt);
        CU_ASSERT(mock_dp_sending(w->side[B].dp, WIRE_TUNNEL_IF)->sa.flags & CV_SA_NATT);
        wire_free(w);
    }
}

/* The last NAT-D of MM3 or MM4 is another: its receiver believes in a NAT, the other end does not. */
static bool spoil_nat_d(struct wire *w, struct wire_packet *p, void *ctx)
{
    enum wire_end from = *(enum wire_end *)ctx;
    (void)w;
    if (p->from == from && p->len > PLD_HEADER_LEN && p->data[16] == PLD1_KE && p->data[18] == PLD1_MAIN)
        p->data[p->len - 1] ^= 1;
    return true;
}

static void a_NAT_that_only_one_end_sees_does_not_keep_Quick_Mode_from_agreeing(void)
{
    for (enum wire_end from = A; from <= B; from++) {
        struct wire_conf c = {.ikev1 = true};
        struct wire *w = wire_new(22, &c, &c);
        w->filter = spoil_nat_d;
        w->filter_ctx = &from;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        for (enum wire_end end = A; end <= B; end++) /* who begins says: it floats, or does not */
            CU_ASSERT_EQUAL(!!(mock_dp_sending(w->side[end].dp, 1)->sa.flags & CV_SA_NATT), from == B);
        wire_free(w);
    }
}

static void a_peer_without_NAT_traversal_stays_on_port_500(void)
{
    struct wire_conf c = {.ikev1 = true};
    struct wire *w = wire_new(13, &c, &c);
    unsigned kept = 4; /* none */
    w->filter = keep_variant;
    w->filter_ctx = &kept;
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT(wire_saw(w, "A MM3: KE NONCE\n"));
    CU_ASSERT_FALSE(wire_sa(w, B)->natt);
    wire_free(w);
}

/* ---- transport mode ---------------------------------------------------------------------------------------------------- */
static void GRE_in_transport_mode(void)
{
    for (unsigned both = 0; both < 2; both++) {
        char *a = text_swap(wire_golden("C1", NULL), " mode tunnel\n", " mode transport\n"),
             *b = wire_golden("C2", NULL);
        if (both)
            b = text_swap(b, " mode tunnel\n", " mode transport\n");
        struct wire *w = gates(14, a, b);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        if (both) {
            CU_ASSERT_FATAL(wire_both_up(w));
            CU_ASSERT(wire_child(w, A)->transport && wire_child(w, B)->transport);
            CU_ASSERT_EQUAL(mock_dp_sending(w->side[A].dp, 1)->sa.mode, CV_MODE_TRANSPORT);
            CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
        } else if (wire_status(w, A) == IKE_UP_ACTIVE) /* one mode, whichever, on both ends */
            CU_ASSERT(wire_consistent(w, true));
        wire_free(w);
    }
}

static void RFC3947_5_2_GRE_in_transport_mode_through_a_NAT(void)
{
    static const char transport[] =
        "crypto ipsec transform-set TS esp-aes esp-sha256-hmac\n mode transport\n";
    struct wire_conf a = {.mode = "gre ip"}, b = {.mode = "gre ip"};
    struct wire *w = nat1(15, a, b);
    char text[WIRE_CONF];
    for (enum wire_end end = A; end <= B; end++) {
        struct wire_conf c = {.ikev1 = true,
                              .mode = "gre ip",
                              .peer = end == B ? outside : NULL,
                              .match = end == B ? "address 192.0.2.1 255.255.255.255" : NULL};
        wire_conf_text(end, &c, text);
        char *changed = text_add(text_of(text), transport);
        wire_reload(w, end, changed);
        free(changed);
    }
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "A QM1: HASH SA NONCE ID ID NAT-OA NAT-OA\n"));
    CU_ASSERT_FATAL(wire_both_up(w));
    CU_ASSERT(wire_child(w, B)->transport);
    CU_ASSERT_EQUAL(wire_traffic(w, 100), 0);
    wire_free(w);
}

/* ---- fragments ----------------------------------------------------------------------------------------------------------- */
struct cutter {
    size_t size;
    bool reverse, lose_one;
    unsigned cut;
};

static void put_part(struct wire *w, const struct wire_packet *p, uint16_t id, unsigned n, unsigned count,
                     size_t size)
{
    uint8_t data[2048];
    struct buf_writer bw = buf_writer_init(data, sizeof data);
    struct pld_builder b;
    struct pld_header h;
    const char *err;
    size_t from = n * size, left = p->len - from;
    if (pld1_header(p->data, p->len, &h, &err) != CV_OK)
        abort();
    h.flags = 0;
    pld_begin(&b, &bw, &h);
    pld1_put_fragment(&b, id, (uint8_t)(n + 1), n + 1 == count,
                      (struct slice){p->data + from, left < size ? left : size});
    pld1_end(&b, 1);
    struct wire_packet part = *p;
    part.data = data;
    part.len = bw.len;
    wire_put(w, &part);
}

/* A router on the way that sends what is long in Cisco's fragments, as a peer of a small MTU would. */
static bool cut(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct cutter *c = ctx;
    unsigned count = (unsigned)((p->len + c->size - 1) / c->size);
    if (p->len <= c->size || p->data[16] == PLD1_SA)
        return true; /* MM1, MM2: nobody knows yet that the peer can */
    c->cut++;
    for (unsigned i = 0; i < count; i++)
        if (!(c->lose_one && c->cut % 3 == 0 && i == 1))
            put_part(w, p, (uint16_t)c->cut, c->reverse ? count - 1 - i : i, count, c->size);
    return false;
}

static void Ciscos_fragments_are_put_together_in_any_order(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct wire_conf conf = {.ikev1 = true, .global = "crypto isakmp fragmentation\n"};
        struct wire *w = wire_new(16, &conf, &conf);
        struct cutter c = {.size = i & 1 ? 40 : 90, .reverse = i & 2};
        w->filter = cut;
        w->filter_ctx = &c;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(c.cut >= 5);
        CU_ASSERT(w->side[B].ike->counters.fragments_in > 0);
        wire_free(w);
    }
}

static void a_lost_fragment_is_sent_again_with_its_message(void)
{
    struct wire_conf conf = {.ikev1 = true, .global = "crypto isakmp fragmentation\n"};
    struct wire *w = wire_new(17, &conf, &conf);
    struct cutter c = {.size = 90, .lose_one = true};
    w->filter = cut;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, 120000);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void fragments_are_not_taken_where_they_are_not_configured(void)
{
    struct wire_conf conf = {.ikev1 = true};
    struct wire *w = wire_new(18, &conf, &conf);
    struct cutter c = {.size = 90};
    w->filter = cut;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, 30000);
    CU_ASSERT_NOT_EQUAL(wire_status(w, A), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(w->side[A].ike->counters.fragments_bad, w->side[A].ike->counters.fragments_in);
    wire_free(w);
}

/* ---- restarts ------------------------------------------------------------------------------------------------------------ */
static void adopted_children_forward_until_replaced(void)
{
    struct wire *w = up1(19, NULL, NULL);
    wire_restart(w, A, false); /* culvertd dies; its data plane forwards on */
    CU_ASSERT_EQUAL(wire_traffic(w, 10), 0);
    wire_adopt(w, A);
    CU_ASSERT_EQUAL(wire_children(w, A), 1);
    wire_run(w, 60000);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void a_lost_data_plane_is_filled_again(void)
{
    struct wire *w = up1(20, NULL, NULL);
    mock_dp_restart(w->side[B].dp);
    ike_dp_lost(w->side[B].ike);
    wire_run(w, 30000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(wire_consistent(w, false));
    wire_free(w);
}

static void a_refused_installation_is_told(void)
{
    for (enum wire_end end = A; end <= B; end++) {
        struct wire_conf c = {.ikev1 = true};
        struct wire *w = wire_new(21, &c, &c);
        w->side[end].dp->refuse_after = 1;
        w->side[end].dp->refuse_with = CV_ENOSPC;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_NOT_EQUAL(wire_status(w, end), IKE_UP_ACTIVE);
        CU_ASSERT(wire_reason(w, end) != IKE_REASON_NONE);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[!end].dp, CV_DIR_OUT), 0); /* the peer has been told */
        wire_packet(w, A);                                               /* traffic asks anew */
        wire_run(w, 30000);
        CU_ASSERT(wire_both_up(w));
        wire_free(w);
    }
}

UNIT_MAIN("paths-v1", UNIT_TEST(aggressive_with_keys_by_address),
          UNIT_TEST(G9_aggressive_with_a_key_by_host_name), UNIT_TEST(aggressive_with_a_password_of_the_peer),
          UNIT_TEST(aggressive_is_not_served_where_nothing_needs_it),
          UNIT_TEST(aggressive_mode_disable_closes_it_on_both_sides),
          UNIT_TEST(aggressive_with_different_keys), UNIT_TEST(each_single_loss_is_repaired),
          UNIT_TEST(messages_that_come_twice_and_late_change_nothing),
          UNIT_TEST(RFC3947_initiator_behind_a_NAT_floats_with_MM5),
          UNIT_TEST(behind_a_NAT_both_phases_are_done_anew_without_loss), UNIT_TEST(aggressive_through_a_NAT),
          UNIT_TEST(the_peers_new_mapping_is_followed), UNIT_TEST(every_variant_of_NAT_traversal),
          UNIT_TEST(a_NAT_that_only_one_end_sees_does_not_keep_Quick_Mode_from_agreeing),
          UNIT_TEST(a_peer_without_NAT_traversal_stays_on_port_500), UNIT_TEST(GRE_in_transport_mode),
          UNIT_TEST(RFC3947_5_2_GRE_in_transport_mode_through_a_NAT),
          UNIT_TEST(Ciscos_fragments_are_put_together_in_any_order),
          UNIT_TEST(a_lost_fragment_is_sent_again_with_its_message),
          UNIT_TEST(fragments_are_not_taken_where_they_are_not_configured),
          UNIT_TEST(adopted_children_forward_until_replaced), UNIT_TEST(a_lost_data_plane_is_filled_again),
          UNIT_TEST(a_refused_installation_is_told))
