/* Floods, replays and reflections over IKEv1: what needs no keys, or somebody's old messages only. */
#include "tests/dialogue/forge_v1.h"
#include "tests/unit/unit.h"

static void a_flood_of_MM1_is_bounded_and_the_tunnel_unharmed(void)
{
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp keepalive 10 2 periodic\n"};
    struct wire *w = up1(12, &c, &c);
    unsigned most = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char from[32];
        snprintf(from, sizeof from, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, (i & 255) ^ 1);
        send_first(w, B, &(struct first){.cookie = i, .from = from});
        most = wire_sas(w, B) > most ? wire_sas(w, B) : most;
        if (i % 50 == 0)
            wire_run(w, 10);
        if (i % 1000 == 0)
            CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        wire_trace_clear(w);
    }
    CU_ASSERT(most <= 1 + 1000);
    printf("%u half-open at most ... ", most);
    char err[SEL_TEXT_MAX];
    CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, "Tunnel1", true, err, sizeof err), IKE_CMD_STARTED);
    CU_ASSERT(no_loss(w, 5000)); /* the peer's own phase 1 goes through */
    wire_run(w, REPLACED_MS);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void a_new_peer_gets_in_during_a_flood(void)
{
    struct wire *w = idle(NULL);
    for (unsigned i = 0; i < 3000; i++) {
        char from[32];
        snprintf(from, sizeof from, "10.%u.%u.7", i >> 8 & 255, i & 255);
        send_first(w, B, &(struct first){.cookie = i, .from = from});
    }
    wire_trace_clear(w);
    wire_up(w, A);
    for (unsigned i = 0; i < 3000; i++) {
        char from[32];
        snprintf(from, sizeof from, "11.%u.%u.7", i >> 8 & 255, i & 255);
        send_first(w, B, &(struct first){.cookie = 5000 + i, .from = from});
        wire_run(w, 5);
        wire_trace_clear(w);
    }
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* The first message of A that is IKEv2's: somebody is faster, with its SPI as a cookie of IKEv1. */
struct overtaken {
    bool done;
};

static bool overtake(struct wire *w, struct wire_packet *p, void *ctx)
{
    enum { AT_EXCHANGE = 18, COOKIE_LEN = 8 };
    struct overtaken *o = ctx;
    uint8_t data[4096];
    if (o->done || p->from != A || p->data[AT_EXCHANGE] != PLD_IKE_SA_INIT)
        return true;
    o->done = true;
    size_t n = put_first(&(struct first){.cookie = 1}, data, sizeof data);
    memcpy(data, p->data, COOKIE_LEN);
    inject_from(w, B, NULL, 500, data, n);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    return true;
}

static void a_cookie_of_IKEv1_is_no_SPI_of_IKEv2(void)
{
    struct wire_conf both = {.global = "crypto isakmp policy 10\n encr aes\n hash sha256\n group 19\n"
                                       " authentication pre-share\n"
                                       "crypto isakmp key cisco address 0.0.0.0\n"};
    struct wire *w = wire_new(31, NULL, &both);
    struct overtaken o = {0};
    w->filter = overtake;
    w->filter_ctx = &o;
    CU_ASSERT(comes_up(w));
    CU_ASSERT(o.done);
    CU_ASSERT_EQUAL(w->side[B].ike->counters.bad_message_id, 0);
    wire_free(w);
}

static void one_address_does_not_fill_the_table(void)
{
    struct wire *w = idle(NULL);
    for (unsigned i = 0; i < 3000; i++) {
        send_first(w, B, &(struct first){.cookie = i, .from = "203.0.113.5"});
        if (i % 100 == 0) /* the answers leave the wire */
            wire_run(w, 20);
        wire_trace_clear(w);
    }
    CU_ASSERT(wire_sas(w, B) < 1000);
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

struct tape {
    struct {
        uint8_t data[1024];
        size_t len;
        enum wire_end from;
    } m[64];
    unsigned count;
    uint8_t exchange; /* only these; 0 all */
};

static bool tape(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct tape *t = ctx;
    (void)w;
    if (t->count < 64 && p->len <= sizeof t->m[0].data && (!t->exchange || p->data[18] == t->exchange)) {
        memcpy(t->m[t->count].data, p->data, p->len);
        t->m[t->count].len = p->len;
        t->m[t->count++].from = p->from;
    }
    return true;
}

static void play(struct wire *w, struct tape *t, bool reflect, const char *from, uint16_t port)
{
    for (unsigned i = 0; i < t->count; i++) {
        uint8_t copy[1024];
        memcpy(copy, t->m[i].data, t->m[i].len);
        inject_from(w, reflect ? t->m[i].from : !t->m[i].from, from, port, copy, t->m[i].len);
    }
}

static void what_an_end_sent_thrown_back_at_it_is_not_its_peers(void)
{
    /* RFC 2409: both directions have one key. DPD of the real peer goes on being believed. */
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp keepalive 10 2 periodic\n"};
    struct tape *t = calloc(1, sizeof *t);
    CU_ASSERT_FATAL(t != NULL);
    struct wire *w = up1(13, &c, &c);
    w->filter = tape;
    w->filter_ctx = t;
    for (unsigned s = 0; s < 30; s++) {
        wire_run(w, 1000);
        play(w, t, true, NULL, 500);
        t->count = 0;
    }
    w->filter = NULL;
    wire_run(w, 60000);
    CU_ASSERT_EQUAL(w->side[A].ike->counters.dpd_dead + w->side[B].ike->counters.dpd_dead, 0);
    CU_ASSERT(settled(w));
    wire_free(w);
    free(t);
}

static void what_an_end_sent_long_ago_thrown_back_at_it_is_not_its_peers(void)
{
    /* so many later that the message IDs are forgotten */
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp keepalive 10 2 periodic\n"};
    struct tape *t = calloc(1, sizeof *t);
    CU_ASSERT_FATAL(t != NULL);
    struct wire *w = up1(14, &c, &c);
    w->filter = tape;
    w->filter_ctx = t;
    wire_run(w, 60000);
    w->filter = NULL;
    wire_run(w, 1800000);
    wire_trace_clear(w);
    play(w, t, true, NULL, 500);
    play(w, t, false, NULL, 500);
    wire_run(w, 60000);
    CU_ASSERT_EQUAL(w->side[A].ike->counters.dpd_dead + w->side[B].ike->counters.dpd_dead, 0);
    CU_ASSERT(settled(w));
    wire_free(w);
    free(t);
}

static void a_replayed_message_does_not_move_the_peer_behind_its_NAT(void)
{
    struct wire_conf a = {.ikev1 = true, .global = "crypto isakmp keepalive 10 2 periodic\n"},
                     b = {.ikev1 = true,
                          .global = "crypto isakmp keepalive 10 2 periodic\n",
                          .peer = "198.51.100.7"};
    struct tape *t = calloc(1, sizeof *t);
    CU_ASSERT_FATAL(t != NULL);
    struct wire *w = wire_new(15, &a, &b);
    CU_ASSERT(ip_addr_parse("198.51.100.7", &w->nat));
    w->nat_port = 31000;
    w->filter = tape;
    w->filter_ctx = t;
    wire_up(w, A);
    wire_run(w, 60000);
    CU_ASSERT_FATAL(wire_both_up(w));
    w->filter = NULL;
    wire_run(w, 1800000); /* the message IDs are forgotten */
    for (unsigned i = 0; i < t->count; i++) {
        struct ike_datagram d = {.local = {.addr = w->side[B].address, .port = 4500},
                                 .remote = {.port = 666},
                                 .natt = true,
                                 .data = t->m[i].data,
                                 .len = t->m[i].len};
        CU_ASSERT(ip_addr_parse("203.0.113.66", &d.remote.addr));
        ike_datagram_in(w->side[B].ike, &d);
        CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 31001);
        CU_ASSERT_EQUAL(mock_dp_sending(w->side[B].dp, 1)->sa.remote.port, 31001);
    }
    wire_free(w);
    free(t);
}

static void replayed_Quick_Modes_do_not_stand_in_the_way_of_new_ones(void)
{
    struct wire_conf c = {.ikev1 = true,
                          .global = "crypto isakmp keepalive 10 2 periodic\n",
                          .ipsec = " set security-association lifetime seconds 120\n"};
    struct tape *t = calloc(1, sizeof *t);
    CU_ASSERT_FATAL(t != NULL);
    t->exchange = PLD1_QUICK;
    struct wire *w = up1(16, &c, &c);
    w->filter = tape;
    w->filter_ctx = t;
    wire_run(w, 1800000);
    w->filter = NULL;
    CU_ASSERT(t->count >= 40);
    for (unsigned s = 0; s < 600; s++) {
        play(w, t, false, NULL, 500); /* all of them, every second */
        wire_run(w, 1000);
        wire_trace_clear(w);
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        CU_ASSERT(wire_children(w, A) <= 40 && wire_children(w, B) <= 40);
    }
    wire_run(w, 120000);
    CU_ASSERT(settled(w));
    wire_free(w);
    free(t);
}

static void replayed_first_messages_of_old_negotiations(void)
{
    struct wire_conf c = {.ikev1 = true};
    struct tape *t = calloc(1, sizeof *t);
    CU_ASSERT_FATAL(t != NULL);
    struct wire *w = wire_new(17, &c, &c);
    w->filter = tape;
    w->filter_ctx = t;
    CU_ASSERT(comes_up(w));
    w->filter = NULL;
    uint32_t conn[2] = {wire_sa(w, A)->conn_id, wire_sa(w, B)->conn_id};
    for (unsigned s = 0; s < 100; s++) {
        play(w, t, false, NULL, 500);
        play(w, t, true, NULL, 500);
        wire_run(w, 1000);
    }
    wire_run(w, REPLACED_MS);
    CU_ASSERT_EQUAL(wire_sa(w, A)->conn_id, conn[A]);
    CU_ASSERT_EQUAL(wire_sa(w, B)->conn_id, conn[B]);
    CU_ASSERT(settled(w));
    wire_free(w);
    free(t);
}

/* The peer's NAT has forgotten it: its next message is QM1, and comes from elsewhere. QM2 must reach it there, and QM3 proves the move. */
static void Quick_Mode_from_a_new_NAT_mapping_is_answered_there_and_followed_at_QM3(void)
{
    struct wire_conf a = {.ikev1 = true}, b = {.ikev1 = true, .peer = "198.51.100.7"};
    char err[SEL_TEXT_MAX];
    struct wire *w = wire_new(18, &a, &b);
    CU_ASSERT(ip_addr_parse("198.51.100.7", &w->nat));
    w->nat_port = 31000;
    CU_ASSERT_FATAL(comes_up(w));
    w->nat_port = 42000;
    CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, 6); /* QM1 is there, QM2 is not */
    CU_ASSERT(wire_saw(w, "B QM2"));
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 31001);
    wire_run(w, 1000);
    CU_ASSERT_FALSE(wire_saw(w, "QM1 (again)"));
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 42001);
    CU_ASSERT_EQUAL(mock_dp_sending(w->side[B].dp, 1)->sa.remote.port, 42001);
    wire_run(w, SETTLED_MS);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* The probes' message IDs do not push those of Quick Modes out of memory: each answer to an old QM1 would cost an SPI, keys and a slot. */
static void an_old_QM1_is_not_answered_however_many_probes_came_since(void)
{
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp keepalive 10 2 periodic\n"};
    struct tape *t = calloc(1, sizeof *t);
    CU_ASSERT_FATAL(t != NULL);
    t->exchange = PLD1_QUICK;
    struct wire *w = wire_new(19, &c, &c);
    w->filter = tape;
    w->filter_ctx = t;
    CU_ASSERT_FATAL(comes_up(w));
    w->filter = NULL;
    CU_ASSERT_EQUAL(t->count, 3);
    wire_run(w, 3000000);
    CU_ASSERT(w->side[B].ike->counters.dpd_sent > 2 * V1_SEEN_MAX);
    wire_trace_clear(w);
    unsigned adds = w->side[A].dp->adds + w->side[B].dp->adds;
    play(w, t, false, NULL, 500);
    play(w, t, true, NULL, 500);
    wire_run(w, 100);
    CU_ASSERT_FALSE(wire_saw(w, "QM"));
    CU_ASSERT_EQUAL(w->side[A].dp->adds + w->side[B].dp->adds, adds);
    wire_run(w, 20000);
    CU_ASSERT(settled(w));
    wire_free(w);
    free(t);
}

/* RFC 2409 has nothing like IKEv2's cookies for Aggressive Mode: its answers are rationed under pressure, and Main Mode goes on. */
static void a_flood_of_AM1_costs_so_many_key_exchanges_and_no_more(void)
{
    /* the base point of P-256 */
    static const uint8_t ke[64] = "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03"
                                  "\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1"
                                  "\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a"
                                  "\x7c\x0f\x9e\x16\x2b\xce\x33\x57"
                                  "\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";
    static const uint8_t name[] = "a.example";
    struct wire *w = idle("crypto isakmp key other hostname a.example\n");
    unsigned answers = 0, most = 0;
    for (unsigned i = 0; i < 4000; i++) {
        char from[32];
        snprintf(from, sizeof from, "10.%u.%u.7", i >> 8 & 255, i & 255);
        send_first(w, B,
                   &(struct first){.exchange = PLD1_AGGRESSIVE,
                                   .cookie = i,
                                   .from = from,
                                   .id_type = PLD1_ID_FQDN,
                                   .id = {name, sizeof name - 1},
                                   .ke = {ke, sizeof ke}});
        if (i % 100 == 99)
            wire_run(w, 20); /* 5,000 a second */
        answers += wire_count(w, "B AM2: ");
        most = wire_sas(w, B) > most ? wire_sas(w, B) : most;
        wire_trace_clear(w);
    }
    CU_ASSERT(answers >= 250); /* a quarter of the limit is free */
    CU_ASSERT(answers <= 250 + 20 + 100);
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

/* Each repetition of QM2 puts off what the new child waits for: an honest peer repeats it five times. */
static void a_QM2_played_again_and_again_does_not_hold_the_new_child_back(void)
{
    struct wire_conf c = {.ikev1 = true};
    char err[SEL_TEXT_MAX];
    struct tape *t = calloc(1, sizeof *t);
    CU_ASSERT_FATAL(t != NULL);
    t->exchange = PLD1_QUICK;
    struct wire *w = up1(20, &c, &c);
    w->filter = tape;
    w->filter_ctx = t;
    CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, 12);
    w->filter = NULL;
    CU_ASSERT_FATAL(t->count >= 2 && t->m[1].from == B);
    for (unsigned s = 0; s < 60; s++) {
        uint8_t copy[1024];
        memcpy(copy, t->m[1].data, t->m[1].len);
        inject_from(w, A, NULL, 500, copy, t->m[1].len);
        wire_run(w, 1000);
    }
    CU_ASSERT(wire_child(w, A) && wire_children(w, A) == 1);
    CU_ASSERT(settled(w));
    wire_free(w);
    free(t);
}

UNIT_MAIN("floods-v1", UNIT_TEST(a_flood_of_MM1_is_bounded_and_the_tunnel_unharmed),
          UNIT_TEST(a_new_peer_gets_in_during_a_flood), UNIT_TEST(a_cookie_of_IKEv1_is_no_SPI_of_IKEv2),
          UNIT_TEST(one_address_does_not_fill_the_table),
          UNIT_TEST(what_an_end_sent_thrown_back_at_it_is_not_its_peers),
          UNIT_TEST(what_an_end_sent_long_ago_thrown_back_at_it_is_not_its_peers),
          UNIT_TEST(a_replayed_message_does_not_move_the_peer_behind_its_NAT),
          UNIT_TEST(replayed_Quick_Modes_do_not_stand_in_the_way_of_new_ones),
          UNIT_TEST(replayed_first_messages_of_old_negotiations),
          UNIT_TEST(Quick_Mode_from_a_new_NAT_mapping_is_answered_there_and_followed_at_QM3),
          UNIT_TEST(an_old_QM1_is_not_answered_however_many_probes_came_since),
          UNIT_TEST(a_flood_of_AM1_costs_so_many_key_exchanges_and_no_more),
          UNIT_TEST(a_QM2_played_again_and_again_does_not_hold_the_new_child_back))
