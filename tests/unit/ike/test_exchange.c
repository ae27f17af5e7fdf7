/* The initial exchanges and what carries them, between two engines. */
#include "tests/unit/ike/pair.h"
#include "tests/unit/unit.h"

#include <string.h>

static void RFC7296_1_2_two_ends_come_up_and_carry_packets(void)
{
    struct pair p;
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(p.delivered, 4);
    CU_ASSERT_TRUE(pair_ping(&p));
    CU_ASSERT_STRING_EQUAL(pair_view(&p.a).phase1_id, "192.0.2.2");
    CU_ASSERT_STRING_EQUAL(pair_view(&p.b).phase1_id, "192.0.2.1");
    CU_ASSERT_STRING_EQUAL(pair_view(&p.b).profile, "PROF");
    CU_ASSERT_TRUE(pair_view(&p.a).initiator);
    CU_ASSERT_FALSE(pair_view(&p.b).initiator);
    pair_end(&p);
}

static void every_cipher_prf_and_group_comes_up(void)
{
    static const char *const proposals[] = {
        " encryption aes-cbc-256\n integrity sha256\n group 14\n",
        " encryption aes-cbc-128\n integrity sha1\n group 2\n",
        " encryption aes-cbc-192\n integrity sha384\n prf sha512\n group 20\n",
        " encryption 3des\n integrity md5\n group 5\n",
        " encryption aes-gcm-256\n prf sha384\n group 21\n",
        " encryption aes-cbc-256\n integrity sha512\n group 24\n",
    };
    for (unsigned i = 0; i < sizeof proposals / sizeof *proposals; i++) {
        struct pair p;
        struct pair_opt o = {.proposal_a = proposals[i], .proposal_b = proposals[i]};
        pair_start(&p, &o);
        CU_ASSERT_TRUE(pair_up(&p, i % 2 ? &p.a : &p.b));
        CU_ASSERT_TRUE(pair_ping(&p));
        pair_end(&p);
    }
}

/* ---- IKE_SA_INIT: groups, cookies ----------------------------------------------------------------------------------- */
static bool count_init(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)from;
    (void)len;
    p->tap_count += data[18] == PLD_IKE_SA_INIT;
    return true;
}

static void RFC7296_1_2_INVALID_KE_PAYLOAD_is_retried_with_the_full_offer(void)
{
    struct pair p;
    struct pair_opt o = {.proposal_a = " encryption aes-cbc-128\n integrity sha256\n group 19 14\n",
                         .proposal_b = " encryption aes-cbc-128\n integrity sha256\n group 14\n"};
    pair_start(&p, &o);
    p.tap = count_init;
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(p.tap_count, 4);
    CU_ASSERT_EQUAL(pair_sa(&p.a)->keys.suite.dh, 14);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->sas_established, 1);
    pair_end(&p);
}

/* Half-open SAs of other addresses, as a flood makes them. */
static void flood(struct pair *p, unsigned from, unsigned count)
{
    struct pair other;
    static const struct pair_opt plain;
    pair_start(&other, &plain);
    for (unsigned i = 0; i < count; i++) {
        char err[SEL_TEXT_MAX];
        other.a.rng = 1000 + from + i;
        CU_ASSERT_EQUAL(ike_up(other.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
        struct ip_endpoint src = pair_endpoint(&p->a, 500);
        src.addr.b[1] = 77;
        src.addr.b[2] = (uint8_t)((from + i) >> 8);
        src.addr.b[3] = (uint8_t)(from + i);
        pair_inject(p, &p->b, &src, false, other.head->data, other.head->len);
        ike_clear(other.a.e, NULL);
        struct pair_packet *k = other.head;
        other.head = k->next;
        if (!other.head)
            other.tail = &other.head;
        free(k->data);
        free(k);
    }
    pair_end(&other);
    /* the answers are for nobody here */
    while (p->head) {
        struct pair_packet *k = p->head;
        p->head = k->next;
        free(k->data);
        free(k);
    }
    p->tail = &p->head;
}

static void RFC7296_2_6_a_crowd_of_half_open_SAs_brings_cookies(void)
{
    struct pair p;
    pair_start(&p, NULL);
    flood(&p, 0, 64);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->cookies_sent, 0);
    flood(&p, 64, 500);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->cookies_sent, 500);
    CU_ASSERT_EQUAL(p.b.e->half_open, 64); /* no state for whom a cookie was asked */
    p.tap = count_init;
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(p.tap_count, 4);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->cookies_sent, 501);
    pair_wait(&p, 31000);
    CU_ASSERT_EQUAL(p.b.e->half_open, 0); /* they are forgotten in time */
    CU_ASSERT_PTR_NULL(p.b.e->halfopen_peers);
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
    pair_end(&p);
}

static void RFC7296_2_6_1_cookie_and_group_together_end(void)
{
    struct pair p;
    struct pair_opt o = {.proposal_a = " encryption aes-cbc-128\n integrity sha256\n group 19 14\n",
                         .proposal_b = " encryption aes-cbc-128\n integrity sha256\n group 14\n",
                         .globals_b = "crypto ikev2 cookie-challenge 1\n"};
    pair_start(&p, &o);
    p.b.e->half_open = 5; /* over the threshold, whoever comes */
    p.tap = count_init;
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_TRUE(p.tap_count <= 6);
    p.b.e->half_open = 0;
    pair_end(&p);
}

static void RFC7296_2_6_1_endless_cookies_do_not_loop(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    pair_start(&p, NULL);
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    struct ip_endpoint from = pair_endpoint(&p.b, 500);
    for (uint8_t i = 0; i < 100; i++) {
        uint8_t msg[64], cookie[8] = {i / 2}; /* each of them twice */
        struct buf_writer w = buf_writer_init(msg, sizeof msg);
        struct pld_header h = {.version = 0x20, .exchange = PLD_IKE_SA_INIT, .flags = PLD_FLAG_RESPONSE};
        struct pld_builder b;
        memcpy(h.spi_i, pair_sa(&p.a)->spi_i, 8);
        pld_begin(&b, &w, &h);
        pld_put_notify(&b, 0, (struct slice){0}, PLD_N_COOKIE, (struct slice){cookie, sizeof cookie});
        pld_end(&b);
        pair_inject(&p, &p.a, &from, false, msg, w.len);
    }
    CU_ASSERT_EQUAL(p.a.sent, 6);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_DOWN_NEGOTIATING); /* none of it proved anything about the peer */
    pair_end(&p);
}

static void RFC7296_2_6_cookies_are_bound_to_address_SPI_and_nonce_and_expire(void)
{
    struct pair p;
    uint8_t cookie[IKE_COOKIE_LEN], ni[32] = {1}, spi[8] = {2};
    struct slice n = {ni, sizeof ni}, c = {cookie, sizeof cookie};
    pair_start(&p, NULL);
    struct ip_endpoint peer = pair_endpoint(&p.a, 500), other = pair_endpoint(&p.b, 500);
    CU_ASSERT_EQUAL(ike_cookie_make(p.b.e, n, &peer, spi, cookie), CV_OK);
    CU_ASSERT_TRUE(ike_cookie_ok(p.b.e, c, n, &peer, spi));
    CU_ASSERT_FALSE(ike_cookie_ok(p.b.e, c, n, &other, spi));
    CU_ASSERT_FALSE(ike_cookie_ok(p.b.e, (struct slice){cookie, 32}, n, &peer, spi));
    ni[0] = 9;
    CU_ASSERT_FALSE(ike_cookie_ok(p.b.e, c, n, &peer, spi));
    ni[0] = 1;
    spi[7] = 1;
    CU_ASSERT_FALSE(ike_cookie_ok(p.b.e, c, n, &peer, spi));
    spi[7] = 0;
    p.now += 61000;
    CU_ASSERT_TRUE(ike_cookie_ok(p.b.e, c, n, &peer, spi)); /* the previous secret */
    p.now += 61000;
    CU_ASSERT_FALSE(ike_cookie_ok(p.b.e, c, n, &peer, spi));
    pair_end(&p);
}

static void admission_control_leaves_room_for_other_addresses(void)
{
    struct pair p;
    struct pair_opt o = {
        .globals_b = "crypto ikev2 limit max-in-negotation-sa 10\ncrypto ikev2 cookie-challenge 1000\n"};
    pair_start(&p, &o);
    flood(&p, 0, 30);
    CU_ASSERT_EQUAL(p.b.e->half_open, 10);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->half_open_evicted, 20);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->half_open_refused, 0);
    pair_end(&p);
}

static void a_small_limit_brings_cookies_at_a_quarter_and_ends_SAs_sooner(void)
{
    struct pair p;
    struct pair_opt o = {.globals_b = "crypto ikev2 limit max-in-negotation-sa 40\n"};
    pair_start(&p, &o);
    flood(&p, 0, 10);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->cookies_sent, 0);
    flood(&p, 10, 1);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->cookies_sent, 1);
    CU_ASSERT_TRUE(ike_limit_pressed(p.b.e));
    CU_ASSERT_EQUAL(ike_limit_life_ms(p.b.e), 5000);
    pair_wait(&p, 31000);
    CU_ASSERT_EQUAL(ike_limit_life_ms(p.b.e), 30000);
    pair_end(&p);
}

static void no_proposal_in_common_is_told_and_tried_again_later(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    struct pair_opt o = {.proposal_b = " encryption aes-cbc-256\n integrity sha1\n group 14\n"};
    pair_start(&p, &o);
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_DOWN);
    CU_ASSERT_TRUE(pair_view(&p.a).has_error);
    CU_ASSERT_EQUAL(pair_view(&p.a).last_error.reason, IKE_REASON_NO_PROPOSAL);
    CU_ASSERT_EQUAL(p.b.e->heap_count, 0);
    unsigned sent = p.a.sent;
    pair_wait(&p, 60000);
    CU_ASSERT_TRUE(p.a.sent > sent && p.a.sent < sent + 10);
    pair_end(&p);
}

/* ---- IKE_AUTH ------------------------------------------------------------------------------------------------------- */
static void different_keys_are_bad_psk_here_and_auth_failed_there(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    struct pair_opt o = {.key_b = "other"};
    pair_start(&p, &o);
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_view(&p.a).last_error.reason, IKE_REASON_AUTH_FAILED);
    CU_ASSERT_EQUAL(pair_view(&p.b).last_error.reason, IKE_REASON_BAD_PSK);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->sas_failed, 1);
    CU_ASSERT_EQUAL(mock_dp_count(p.b.dp, CV_DIR_IN), 0);
    CU_ASSERT_EQUAL(mock_dp_count(p.a.dp, CV_DIR_IN), 0);
    static const struct cr_keys2 wiped;
    struct ike_sa *sa = pair_sa(&p.b); /* stays for retransmissions, without its keys */
    CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
    CU_ASSERT_FALSE(v2_of(sa)->have_keys);
    CU_ASSERT_EQUAL(memcmp(&sa->keys, &wiped, sizeof wiped), 0);
    p.b.deaf = true;
    pair_wait(&p, 11000);
    CU_ASSERT_EQUAL(p.b.e->half_open, 0);
    pair_end(&p);
}

static void an_unknown_identity_is_no_profile(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    struct pair_opt o = {
        .profile_a = " match identity remote address 192.0.2.2\n identity local fqdn stranger.example\n"};
    pair_start(&p, &o);
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_view(&p.a).last_error.reason, IKE_REASON_AUTH_FAILED);
    CU_ASSERT_EQUAL(pair_view(&p.b).last_error.reason, IKE_REASON_NO_PROFILE);
    pair_end(&p);
}

static void G30_the_initiator_checks_IDr_and_tells_the_responder_so(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    struct pair_opt o = {.profile_a =
                             " match identity remote fqdn good.example\n identity local address 192.0.2.1\n"};
    pair_start(&p, &o);
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_view(&p.a).last_error.reason, IKE_REASON_ID_MISMATCH);
    CU_ASSERT_EQUAL(p.a.e->heap_count, 0); /* answered, removed */
    CU_ASSERT_EQUAL(p.b.e->heap_count, 0); /* RFC 7296 2.21.2: told by an exchange of its own */
    CU_ASSERT_EQUAL(mock_dp_count(p.a.dp, CV_DIR_OUT), 0);
    CU_ASSERT_EQUAL(mock_dp_count(p.b.dp, CV_DIR_OUT), 0);
    pair_end(&p);
}

static void RFC7296_2_21_2_a_refused_child_keeps_the_IKE_SA(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    struct pair_opt o = {.transform_b = "esp-aes 256 esp-sha256-hmac"};
    pair_start(&p, &o);
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_IDLE);
    CU_ASSERT_EQUAL(p.b.e->heap_count, 1);
    CU_ASSERT_TRUE(p.b.e->heap[0]->established);
    CU_ASSERT_EQUAL(pair_view(&p.a).last_error.reason, IKE_REASON_NO_PROPOSAL);
    CU_ASSERT_EQUAL(pair_view(&p.b).last_error.reason, IKE_REASON_NO_PROPOSAL);
    unsigned sent = p.a.sent;
    pair_wait(&p, 20000);
    CU_ASSERT_TRUE(p.a.sent > sent); /* CREATE_CHILD_SA on the same SA */
    CU_ASSERT_EQUAL(ike_counters(p.a.e)->sas_established, 1);
    pair_end(&p);
}

static void RFC7296_2_4_INITIAL_CONTACT_removes_what_a_restarted_peer_lost(void)
{
    struct pair p;
    static const struct pair_opt plain;
    static const struct ike_version_ops *const versions[] = {&v2_ops, NULL};
    pair_start(&p, &plain);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    struct ike_env env = p.a.e->env;
    ike_free(p.a.e); /* no deletes */
    mock_dp_restart(p.a.dp);
    p.now += 1000;
    CU_ASSERT_EQUAL(ike_new(&env, p.a.cfg, versions, &p.a.e), CV_OK);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(p.b.e->heap_count, 1);
    pair_wait(&p, 10000);
    CU_ASSERT_EQUAL(mock_dp_count(p.b.dp, CV_DIR_OUT), 1);
    CU_ASSERT_TRUE(pair_ping(&p));
    pair_end(&p);
}

static void G22_both_ends_at_once_end_with_one_SA(void)
{
    for (unsigned i = 0; i < 8; i++) {
        struct pair p;
        char err[SEL_TEXT_MAX];
        pair_start(&p, NULL);
        p.a.rng += i * 7919;
        CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
        CU_ASSERT_EQUAL(ike_up(p.b.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
        pair_run(&p);
        pair_wait(&p, 10000);
        CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
        CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
        CU_ASSERT_EQUAL(p.a.e->heap_count, 1);
        CU_ASSERT_EQUAL(p.b.e->heap_count, 1);
        CU_ASSERT_TRUE(pair_ping(&p));
        pair_end(&p);
    }
}

/* ---- NAT ----------------------------------------------------------------------------------------------------------- */
static void RFC7296_2_23_a_NAT_is_found_and_port_4500_used(void)
{
    struct pair p;
    struct pair_opt o = {.profile_b = " match identity remote any\n identity local address 192.0.2.2\n",
                         .globals_b = NULL};
    pair_start(&p, &o);
    struct cfg_interface *t = NULL; /* b's tunnel has the NAT's address as its destination */
    for (unsigned i = 0; i < p.b.cfg->interface_count; i++)
        if (p.b.cfg->interfaces[i].kind == CV_IF_TUNNEL)
            t = &p.b.cfg->interfaces[i];
    CU_ASSERT_TRUE(ip_addr_parse("198.51.100.9", &t->tunnel_destination));
    CU_ASSERT_TRUE(ip_prefix_parse("198.51.100.9/32", &p.b.cfg->keyrings[0].peers[0].address));
    p.nat_a = true;
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    struct ike_sa *a = pair_sa(&p.a), *b = pair_sa(&p.b);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CU_ASSERT_TRUE(a->nat_local && !a->nat_remote && a->natt);
    CU_ASSERT_TRUE(!b->nat_local && b->nat_remote && b->natt);
    CU_ASSERT_EQUAL(a->local.port, 4500);
    CU_ASSERT_EQUAL(b->remote.port, 4500 + PAIR_NAT_PORT);
    const struct sam_child *c = sam_children(ike_sam(p.b.e));
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_TRUE(c->natt);
    pair_end(&p);
}

/* ---- message IDs, retransmission, cache ------------------------------------------------------------------------------ */
static bool lose_responses(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)len;
    if (from == &p->b && p->tap_count > 0 && data[18] == PLD_IKE_AUTH) {
        p->tap_count--;
        return false;
    }
    return true;
}

static void RFC7296_2_1_a_lost_response_is_sent_again_bit_identical(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    pair_start(&p, NULL);
    p.tap = lose_responses;
    p.tap_count = 2;
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_wait(&p, 10000);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->retransmits_answered, 2);
    CU_ASSERT_EQUAL(ike_counters(p.a.e)->retransmits_sent, 2);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->sas_established, 1);
    CU_ASSERT_EQUAL(mock_dp_count(p.b.dp, CV_DIR_IN), 1);
    CU_ASSERT_TRUE(pair_ping(&p));
    pair_end(&p);
}

static bool lose_init_responses(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)len;
    if (from == &p->b && p->tap_count > 0 && data[18] == PLD_IKE_SA_INIT) {
        p->tap_count--;
        return false;
    }
    return true;
}

static void RFC7296_2_1_a_retransmitted_first_message_makes_no_second_SA(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    pair_start(&p, NULL);
    p.tap = lose_init_responses;
    p.tap_count = 2;
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    uint8_t other[2048];
    size_t n = p.head->len;
    memcpy(other, p.head->data, n);
    other[n - 1] ^= 1; /* the NAT detection hash: another message with the same SPI and address */
    pair_wait(&p, 2500);
    CU_ASSERT_EQUAL(p.b.e->heap_count, 1);
    CU_ASSERT_EQUAL(p.b.e->half_open, 1);
    unsigned sent = p.b.sent;
    pair_inject(&p, &p.b, &from, false, other, n);
    CU_ASSERT_EQUAL(p.b.sent, sent);
    CU_ASSERT_EQUAL(p.b.e->heap_count, 1);
    pair_wait(&p, 10000);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->retransmits_answered, 2);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    pair_inject(&p, &p.b, &from, false, other, n); /* nor after it is up */
    CU_ASSERT_EQUAL(p.b.e->heap_count, 1);
    pair_end(&p);
}

struct iv_record {
    uint8_t keyed[512][25]; /* SPIi, direction, SPIr, IV */
    unsigned count, repeated;
};

static bool watch_ivs(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    struct iv_record *r = p->tap_ctx;
    uint8_t one[25];
    (void)len;
    if (data[16] != PLD_SK || r->count == 512)
        return true;
    memcpy(one, data, 16);
    one[16] = from == &p->a;
    memcpy(one + 17, data + PLD_HEADER_LEN + PLD_GENERIC_LEN, 8);
    for (unsigned i = 0; i < r->count; i++)
        r->repeated += memcmp(r->keyed[i], one, sizeof one) == 0;
    memcpy(r->keyed[r->count++], one, sizeof one);
    return true;
}

static void RFC5282_3_1_an_AEAD_never_sees_the_same_IV_twice(void)
{
    static struct iv_record ivs;
    struct pair p;
    char err[SEL_TEXT_MAX];
    memset(&ivs, 0, sizeof ivs);
    pair_start(&p, NULL);
    p.tap = watch_ivs;
    p.tap_ctx = &ivs;
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    for (unsigned i = 0; i < 30; i++) {
        (void)ike_rekey(i % 3 ? p.a.e : p.b.e, "Tunnel1", i % 5 == 4, err, sizeof err);
        pair_wait(&p, 8000);
    }
    CU_ASSERT_TRUE(ivs.count > 100);
    CU_ASSERT_EQUAL(ivs.repeated, 0);
    CU_ASSERT_TRUE(pair_ping(&p));
    pair_end(&p);
}

static void section_5_silence_ends_in_timeout_after_62_s(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    pair_start(&p, NULL);
    p.b.deaf = true;
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_wait(&p, 61900);
    CU_ASSERT_EQUAL(p.a.sent, 5); /* 0, 2, 6, 14, 30 s */
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_DOWN_NEGOTIATING);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(pair_view(&p.a).last_error.text, "has not answered IKE_SA_INIT yet, sent 4 times"));
    pair_wait(&p, 200);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_DOWN);
    CU_ASSERT_EQUAL(pair_view(&p.a).last_error.reason, IKE_REASON_TIMEOUT);
    p.b.deaf = false; /* `up` is not forgotten */
    pair_wait(&p, 10000);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_FALSE(pair_view(&p.a).has_error);
    pair_end(&p);
}

static void RFC7296_2_3_the_window_is_announced_and_used(void)
{
    struct pair p;
    struct pair_opt o = {.globals_a = "crypto ikev2 window 3\n", .globals_b = "crypto ikev2 window 20\n"};
    pair_start(&p, &o);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(v2_of(pair_sa(&p.a))->window_own, 3);
    CU_ASSERT_EQUAL(v2_of(pair_sa(&p.a))->window_peer, V2_WINDOW_MAX);
    CU_ASSERT_EQUAL(v2_of(pair_sa(&p.b))->window_peer, 3);
    pair_end(&p);
}

static size_t forge(const struct ike_sa *sa, uint8_t exchange, uint32_t id, uint8_t first, struct slice inner,
                    uint8_t *out)
{
    const struct pair_forgery f = {.exchange = exchange, .message_id = id, .first = first, .inner = inner};
    return pair_forge(sa, &f, out, 2048);
}

static void RFC7296_2_3_message_IDs_outside_of_the_window_are_dropped(void)
{
    struct pair p;
    uint8_t msg[2048];
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    uint32_t next = v2_of(pair_sa(&p.b))->next_recv;
    unsigned window = v2_of(pair_sa(&p.b))->window_own, sent = p.b.sent;
    size_t n = forge(pair_sa(&p.a), PLD_INFORMATIONAL, next + window, 0, (struct slice){0}, msg);
    pair_inject(&p, &p.b, &from, false, msg, n);
    CU_ASSERT_EQUAL(p.b.sent, sent);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->bad_message_id, 1);
    /* the last of the window, then the first: both answered, out of order */
    n = forge(pair_sa(&p.a), PLD_INFORMATIONAL, next + window - 1, 0, (struct slice){0}, msg);
    pair_inject(&p, &p.b, &from, false, msg, n);
    CU_ASSERT_EQUAL(p.b.sent, sent + 1);
    CU_ASSERT_EQUAL(v2_of(pair_sa(&p.b))->next_recv, next);
    pair_inject(&p, &p.b, &from, false, msg, n); /* a duplicate */
    CU_ASSERT_EQUAL(p.b.sent, sent + 2);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->retransmits_answered, 1);
    n = forge(pair_sa(&p.a), PLD_INFORMATIONAL, next, 0, (struct slice){0}, msg);
    pair_inject(&p, &p.b, &from, false, msg, n);
    CU_ASSERT_EQUAL(p.b.sent, sent + 3);
    CU_ASSERT_EQUAL(v2_of(pair_sa(&p.b))->next_recv, next + 1);
    pair_end(&p);
}

static void RFC7296_2_5_an_unknown_critical_payload_fails_the_request_alone(void)
{
    struct pair p;
    uint8_t msg[2048];
    static const uint8_t inner[] = {0, 0x80, 0, 4}, harmless[] = {0, 0, 0, 4};
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    uint32_t next = v2_of(pair_sa(&p.b))->next_recv;
    unsigned sent = p.b.sent;
    size_t n = forge(pair_sa(&p.a), PLD_INFORMATIONAL, next, 99, (struct slice){inner, sizeof inner}, msg);
    pair_inject(&p, &p.b, &from, false, msg, n);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->critical_payload, 1);
    CU_ASSERT_EQUAL(p.b.sent, sent + 1);
    n = forge(pair_sa(&p.a), PLD_INFORMATIONAL, next + 1, 99, (struct slice){harmless, sizeof harmless}, msg);
    pair_inject(&p, &p.b, &from, false, msg, n);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->critical_payload, 1);
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
    pair_end(&p);
}

static void RFC7296_2_5_a_later_major_version_is_refused_at_a_limited_rate(void)
{
    struct pair p;
    uint8_t msg[28] = {1, 2, 3, 4, 5, 6, 7, 8};
    pair_start(&p, NULL);
    msg[17] = 0x30;
    msg[18] = PLD_IKE_SA_INIT;
    msg[19] = PLD_FLAG_INITIATOR;
    msg[27] = 28;
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    for (unsigned i = 0; i < 100; i++)
        pair_inject(&p, &p.b, &from, false, msg, sizeof msg);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->bad_version, 100);
    CU_ASSERT_EQUAL(p.b.sent, 20);
    CU_ASSERT_EQUAL(p.head->data[17], 0x20);
    pair_end(&p);
}

/* ---- RFC 7383 --------------------------------------------------------------------------------------------------------- */
static bool count_fragments(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)from;
    p->tap_count += data[16] == PLD_SKF;
    CU_ASSERT_TRUE(*len <= 576 - 28 || data[18] == PLD_IKE_SA_INIT);
    return true;
}

#define LONG_KEY_ID                                                                                          \
    "k0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"  \
    "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct pair_opt small_mtu = {
    .globals_a = "crypto ikev2 fragmentation mtu 300\n",
    .globals_b = "crypto ikev2 fragmentation mtu 300\n",
    .profile_a = " match identity remote address 192.0.2.2\n identity local key-id " LONG_KEY_ID "\n",
    .profile_b = " match identity remote key-id " LONG_KEY_ID "\n identity local address 192.0.2.2\n",
};

static void RFC7383_long_messages_go_in_fragments(void)
{
    struct pair p;
    pair_start(&p, &small_mtu);
    p.tap = count_fragments;
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_TRUE(p.tap_count >= 2);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->fragments_in, 2);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->fragments_bad, 0);
    CU_ASSERT_TRUE(pair_ping(&p));
    pair_end(&p);
}

static bool lose_second_fragment(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)from;
    (void)len;
    return data[16] != PLD_SKF || ++p->tap_count != 2;
}

static void RFC7383_2_6_fragments_of_retransmissions_complete_each_other(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    pair_start(&p, &small_mtu);
    p.tap = lose_second_fragment;
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_wait(&p, 3000);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->fragments_bad, 0);
    pair_end(&p);
}

static void RFC7383_2_6_1_only_fragment_1_brings_the_response_again(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    pair_start(&p, &small_mtu);
    p.tap = lose_responses;
    p.tap_count = 1;
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_wait(&p, 3000);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->retransmits_answered, 1);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->bad_message_id, 0);
    pair_end(&p);
}

/* ---- sessions -------------------------------------------------------------------------------------------------------- */
static void an_acquire_brings_the_tunnel_up(void)
{
    struct pair p;
    struct ip_addr src, dst;
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(ip_addr_parse("10.0.0.1", &src) && ip_addr_parse("10.0.0.2", &dst));
    mock_dp_acquire(p.a.dp, 2, &src, &dst);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(ike_counters(p.a.e)->acquires, 1);
    pair_end(&p);
}

static void responder_only_never_begins(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX] = "";
    struct ip_addr src, dst;
    struct pair_opt o = {.ipsec_a = " responder-only\n"};
    pair_start(&p, &o);
    CU_ASSERT_TRUE(ip_addr_parse("10.0.0.1", &src) && ip_addr_parse("10.0.0.2", &dst));
    mock_dp_acquire(p.a.dp, 2, &src, &dst);
    pair_run(&p);
    CU_ASSERT_EQUAL(ike_up(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_NOT_POSSIBLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, "responder-only"));
    CU_ASSERT_EQUAL(p.a.sent, 0);
    CU_ASSERT_TRUE(pair_up(&p, &p.b));
    pair_end(&p);
}

static void down_deletes_both_ends_and_stays_down(void)
{
    struct pair p;
    char err[SEL_TEXT_MAX];
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    CU_ASSERT_EQUAL(ike_down(p.a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
    pair_wait(&p, 60000);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_DOWN);
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_DOWN);
    CU_ASSERT_EQUAL(p.a.e->heap_count + p.b.e->heap_count, 0);
    CU_ASSERT_EQUAL(mock_dp_count(p.a.dp, CV_DIR_IN) + mock_dp_count(p.b.dp, CV_DIR_IN), 0);
    CU_ASSERT_TRUE(pair_up(&p, &p.b));
    pair_end(&p);
}

static void a_lost_data_plane_is_filled_again(void)
{
    struct pair p;
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    mock_dp_restart(p.a.dp);
    ike_dp_lost(p.a.e);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
    CU_ASSERT_TRUE(pair_ping(&p));
    pair_wait(&p, 10000);
    CU_ASSERT_EQUAL(p.b.e->heap_count, 1);
    pair_end(&p);
}

static void reload_keeps_what_is_unchanged_and_restarts_what_is_not(void)
{
    struct pair p;
    static const struct pair_opt same = {.globals_a = "hostname moved-every-line\n"};
    static const struct pair_opt key = {.key_a = "new", .key_b = "new"};
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    uint32_t conn = pair_sa(&p.a)->conn_id;
    struct cfg *first = pair_cfg(&same, true), *second = pair_cfg(&key, true), *peer = pair_cfg(&key, false);
    ike_reconfigure(p.a.e, first);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_sa(&p.a)->conn_id, conn);
    CU_ASSERT_TRUE(pair_ping(&p));
    ike_reconfigure(p.b.e, peer);
    pair_run(&p);
    ike_reconfigure(p.a.e, second);
    pair_wait(&p, 20000);
    char err[SEL_TEXT_MAX];
    (void)ike_up(p.a.e, "Tunnel1", err, sizeof err);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_NOT_EQUAL(pair_sa(&p.a)->conn_id, conn);
    CU_ASSERT_TRUE(pair_ping(&p));
    pair_end(&p);
    cfg_free(first);
    cfg_free(second);
    cfg_free(peer);
}

static void RFC7296_2_8_the_IKE_SA_is_rekeyed_before_its_lifetime_ends(void)
{
    struct pair p;
    struct pair_opt o = {.profile_a =
                             " match identity remote address 192.0.2.2\n identity local address 192.0.2.1\n"
                             " lifetime 120\n"};
    pair_start(&p, &o);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    for (unsigned i = 0; i < 10; i++) {
        pair_wait(&p, 120000);
        CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
        CU_ASSERT_TRUE(pair_ping(&p));
    }
    CU_ASSERT_EQUAL(p.a.e->heap_count, 1);
    CU_ASSERT_TRUE(ike_counters(p.a.e)->sas_rekeyed >= 9);
    CU_ASSERT_EQUAL(ike_counters(p.a.e)->sas_established, 1);
    pair_end(&p);
}

UNIT_MAIN("ike exchange", UNIT_TEST(RFC7296_1_2_two_ends_come_up_and_carry_packets),
          UNIT_TEST(every_cipher_prf_and_group_comes_up),
          UNIT_TEST(RFC7296_1_2_INVALID_KE_PAYLOAD_is_retried_with_the_full_offer),
          UNIT_TEST(RFC7296_2_6_a_crowd_of_half_open_SAs_brings_cookies),
          UNIT_TEST(a_small_limit_brings_cookies_at_a_quarter_and_ends_SAs_sooner),
          UNIT_TEST(RFC7296_2_6_1_cookie_and_group_together_end),
          UNIT_TEST(RFC7296_2_6_1_endless_cookies_do_not_loop),
          UNIT_TEST(RFC7296_2_6_cookies_are_bound_to_address_SPI_and_nonce_and_expire),
          UNIT_TEST(admission_control_leaves_room_for_other_addresses),
          UNIT_TEST(no_proposal_in_common_is_told_and_tried_again_later),
          UNIT_TEST(different_keys_are_bad_psk_here_and_auth_failed_there),
          UNIT_TEST(an_unknown_identity_is_no_profile),
          UNIT_TEST(G30_the_initiator_checks_IDr_and_tells_the_responder_so),
          UNIT_TEST(RFC7296_2_21_2_a_refused_child_keeps_the_IKE_SA),
          UNIT_TEST(RFC7296_2_4_INITIAL_CONTACT_removes_what_a_restarted_peer_lost),
          UNIT_TEST(G22_both_ends_at_once_end_with_one_SA),
          UNIT_TEST(RFC7296_2_23_a_NAT_is_found_and_port_4500_used),
          UNIT_TEST(RFC7296_2_1_a_lost_response_is_sent_again_bit_identical),
          UNIT_TEST(RFC7296_2_1_a_retransmitted_first_message_makes_no_second_SA),
          UNIT_TEST(RFC5282_3_1_an_AEAD_never_sees_the_same_IV_twice),
          UNIT_TEST(section_5_silence_ends_in_timeout_after_62_s),
          UNIT_TEST(RFC7296_2_3_the_window_is_announced_and_used),
          UNIT_TEST(RFC7296_2_3_message_IDs_outside_of_the_window_are_dropped),
          UNIT_TEST(RFC7296_2_5_an_unknown_critical_payload_fails_the_request_alone),
          UNIT_TEST(RFC7296_2_5_a_later_major_version_is_refused_at_a_limited_rate),
          UNIT_TEST(RFC7383_long_messages_go_in_fragments),
          UNIT_TEST(RFC7383_2_6_fragments_of_retransmissions_complete_each_other),
          UNIT_TEST(RFC7383_2_6_1_only_fragment_1_brings_the_response_again),
          UNIT_TEST(an_acquire_brings_the_tunnel_up), UNIT_TEST(responder_only_never_begins),
          UNIT_TEST(down_deletes_both_ends_and_stays_down), UNIT_TEST(a_lost_data_plane_is_filled_again),
          UNIT_TEST(reload_keeps_what_is_unchanged_and_restarts_what_is_not),
          UNIT_TEST(RFC7296_2_8_the_IKE_SA_is_rekeyed_before_its_lifetime_ends))
