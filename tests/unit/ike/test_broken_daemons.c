/* What has broken other daemons, as far as it concerns the initial exchanges and the message layer of IKEv2 with PSK: the
 * number of each test is that of the list in the design notes, with the advisory it stands for. The items on children,
 * rekeying and INFORMATIONAL are in tests/dialogue. */
#include "tests/unit/ike/pair.h"
#include "tests/unit/unit.h"

#include "control/crypto/cr_prf.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

static void start_up(struct pair *p)
{
    char err[SEL_TEXT_MAX];
    CU_ASSERT_EQUAL(ike_up(p->a.e, "Tunnel1", err, sizeof err), IKE_CMD_STARTED);
}

/* The engine still serves an honest peer. */
static void still_serves(struct pair *p)
{
    p->tap = NULL;
    pair_wait(p, 120000);
    (void)ike_clear(p->a.e, NULL);
    pair_wait(p, 1000);
    CU_ASSERT_TRUE(pair_up(p, &p->a));
    CU_ASSERT_TRUE(pair_ping(p));
}

/* ---- an IKE_SA_INIT request by hand --------------------------------------------------------------------------------- */
struct init_plan {
    const struct pld_build_proposal *proposals;
    unsigned proposal_count;
    uint16_t group;
    size_t ke_len;
    unsigned unknown; /* payloads of an unknown type in front */
};

static const struct pld_build_transform good_suite[] = {{1, 20, 128}, {2, 5, 0}, {4, 19, 0}};

static size_t hand_made_init(const struct init_plan *plan, uint8_t *out, size_t cap)
{
    struct buf_writer w = buf_writer_init(out, cap);
    struct pld_header h = {
        .spi_i = {7, 7, 7, 7}, .version = 0x20, .exchange = PLD_IKE_SA_INIT, .flags = PLD_FLAG_INITIATOR};
    struct pld_builder b;
    uint8_t ke[1024], nonce[32] = {3};
    memset(ke, 2, sizeof ke);
    pld_begin(&b, &w, &h);
    for (unsigned i = 0; i < plan->unknown; i++) {
        pld_open(&b, 200);
        pld_close(&b);
    }
    pld_put_sa(&b, plan->proposals, plan->proposal_count);
    pld_put_ke(&b, plan->group, (struct slice){ke, plan->ke_len});
    pld_put_nonce(&b, (struct slice){nonce, sizeof nonce});
    pld_end(&b);
    CU_ASSERT_FALSE_FATAL(w.bad);
    return w.len;
}

static struct pld_build_proposal proposal(const struct pld_build_transform *t, unsigned count)
{
    struct pld_build_proposal p = {.number = 1, .proto = PLD_PROTO_IKE, .count = count};
    memcpy(p.transforms, t, count * sizeof *t);
    return p;
}

/* The type of the first notify of the first packet on the wire; 0 when there is none. */
static uint16_t first_notify(struct pair *p)
{
    struct pld_message m;
    if (!p->head || pld_header(p->head->data, p->head->len, &m.header, NULL) != CV_OK ||
        pld_outer(p->head->data, p->head->len, &m, NULL) != CV_OK || m.notify_count == 0)
        return 0;
    return m.notifies[0].type;
}

static void BD_01_many_unknown_outer_payloads_and_fragments(void)
{
    struct pair p;
    uint8_t msg[4096];
    struct pld_build_proposal good = proposal(good_suite, 3);
    pair_start(&p, NULL);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    for (unsigned unknown = 55; unknown < 80; unknown++) {
        struct init_plan plan = {&good, 1, 19, 64, unknown};
        size_t n = hand_made_init(&plan, msg, sizeof msg);
        msg[0] = (uint8_t)unknown;
        pair_inject(&p, &p.b, &from, false, msg, n);
    }
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->bad_payload,
                    80 - (PLD_MAX_PAYLOADS - 2)); /* SA, KE, Ni count, too */
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    /* the same in front of a fragment of an established SA: nothing may stand outside of SKF */
    const struct ike_sa *sa = pair_sa(&p.a);
    uint8_t outer[4096], inner[8] = {0};
    struct pair_forgery f = {.exchange = PLD_INFORMATIONAL,
                             .message_id = v2_of(pair_sa(&p.a))->next_send,
                             .number = 1,
                             .total = 2,
                             .inner = {inner, sizeof inner}};
    size_t n = pair_forge(sa, &f, msg, sizeof msg), at = PLD_HEADER_LEN;
    memcpy(outer, msg, at);
    outer[16] = 200;
    for (unsigned i = 0; i < 63; i++, at += 4) {
        const uint8_t unknown[4] = {i == 62 ? PLD_SKF : 200, 0, 0, 4};
        memcpy(outer + at, unknown, 4);
    }
    memcpy(outer + at, msg + PLD_HEADER_LEN, n - PLD_HEADER_LEN);
    n += 63 * 4;
    outer[26] = (uint8_t)(n >> 8);
    outer[27] = (uint8_t)n;
    uint64_t bad = ike_counters(p.b.e)->bad_payload;
    unsigned sent = p.b.sent;
    pair_inject(&p, &p.b, &from, false, outer, n);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->bad_payload, bad + 1);
    CU_ASSERT_EQUAL(p.b.sent, sent);
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
    pair_end(&p);
}

static bool keep_auth(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    struct pair_packet *k = p->tap_ctx;
    if (from == &p->a && data[18] == PLD_IKE_AUTH && !k->data) {
        k->len = *len;
        k->data = malloc(*len);
        memcpy(k->data, data, *len);
    }
    return true;
}

static void BD_05_no_PSK_then_a_retransmission(void)
{
    struct pair p;
    struct pair_packet auth = {0};
    struct pair_opt o = {
        .profile_a = " match identity remote address 192.0.2.2\n identity local fqdn no.key.example\n",
        .profile_b = " match identity remote fqdn no.key.example\n identity local address 192.0.2.2\n"};
    pair_start(&p, &o);
    CU_ASSERT_TRUE(
        ip_prefix_parse("203.0.113.9/32", &p.b.cfg->keyrings[0].peers[0].address)); /* another peer's key */
    p.tap = keep_auth;
    p.tap_ctx = &auth;
    start_up(&p);
    pair_run(&p);
    CU_ASSERT_EQUAL(pair_view(&p.b).last_error.reason, IKE_REASON_NO_PSK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(auth.data);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    unsigned sent = p.b.sent;
    pair_inject(&p, &p.b, &from, false, auth.data, auth.len);
    CU_ASSERT_EQUAL(p.b.sent, sent + 1); /* the same refusal */
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->retransmits_answered, 1);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->sas_established, 0);
    pair_wait(&p, 1000);
    p.now += 11000;
    ike_timer(p.b.e);
    pair_inject(&p, &p.b, &from, false, auth.data, auth.len); /* and nothing once it is forgotten */
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->unknown_spi, 1);
    CU_ASSERT_EQUAL(p.b.sent, sent + 1);
    free(auth.data);
    pair_end(&p);
}

/* ---- edits of IKE_AUTH -------------------------------------------------------------------------------------------------- */
static uint8_t *find_payload(uint8_t *inner, size_t n, uint8_t first, uint8_t type)
{
    for (size_t at = 0; at + 4 <= n; at += (size_t)inner[at + 2] << 8 | inner[at + 3]) {
        if (first == type)
            return inner + at;
        first = inner[at];
    }
    CU_FAIL_FATAL("payload to be edited is not there");
    return NULL;
}

static void edit_ts(uint8_t *inner, size_t *n, uint8_t *first, void *ctx)
{
    uint8_t *ts = find_payload(inner, *n, *first, PLD_TSI);
    switch (*(unsigned *)ctx) {
    case 0: /* more selectors than there are octets */
        ts[4] = 200;
        break;
    case 1: /* selector length 0: an endless loop elsewhere */
        ts[10] = ts[11] = 0;
        break;
    case 2:
        ts[10] = ts[11] = 0xff;
        break;
    case 3: /* starts behind its end */
        memset(ts + 16, 0xff, 4);
        memset(ts + 20, 0, 4);
        break;
    case 4: /* unknown selector type */
        ts[8] = 99;
        break;
    case 5: /* none */
        ts[4] = 0;
        break;
    default: /* IPv6 type with an IPv4 length */
        ts[8] = 8;
        break;
    }
}

static bool tap_ts(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    if (from == &p->a && data[18] == PLD_IKE_AUTH)
        pair_edit(pair_sa(&p->a), data, len, edit_ts, p->tap_ctx);
    return true;
}

static void BD_10_malformed_traffic_selectors(void)
{
    for (unsigned kind = 0; kind < 7; kind++) {
        struct pair p;
        pair_start(&p, NULL);
        p.tap = tap_ts;
        p.tap_ctx = &kind;
        start_up(&p);
        pair_run(&p);
        CU_ASSERT_EQUAL(mock_dp_count(p.b.dp, CV_DIR_IN), 0);
        CU_ASSERT_EQUAL(mock_dp_count(p.a.dp, CV_DIR_IN), 0);
        CU_ASSERT_NOT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
        still_serves(&p);
        pair_end(&p);
    }
}

static void edit_auth(uint8_t *inner, size_t *n, uint8_t *first, void *ctx)
{
    uint8_t *auth = find_payload(inner, *n, *first, PLD_AUTH);
    size_t keep = *(unsigned *)ctx, old = ((size_t)auth[2] << 8 | auth[3]) - 8;
    size_t behind = *n - (size_t)(auth + 8 + old - inner);
    memmove(auth + 8 + keep, auth + 8 + old, behind);
    if (keep > old)
        memset(auth + 8 + old, 0, keep - old);
    auth[2] = (uint8_t)((keep + 8) >> 8);
    auth[3] = (uint8_t)(keep + 8);
    *n = *n - old + keep;
}

static bool tap_auth(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    if (from == &p->a && data[18] == PLD_IKE_AUTH)
        pair_edit(pair_sa(&p->a), data, len, edit_auth, p->tap_ctx);
    return true;
}

static struct ike_sa *auth_responder; /* b's SA, for edits of its answer */
static bool tap_auth_answer(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    if (from == &p->b && data[18] == PLD_IKE_AUTH) {
        auth_responder = pair_sa(&p->b);
        pair_edit(auth_responder, data, len, edit_auth, p->tap_ctx);
    }
    return true;
}

static void BD_24_AUTH_is_compared_over_its_whole_length(void)
{
    static const unsigned lengths[] = {0, 1, 16, 31, 33, 64, 500};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct pair p;
        unsigned keep = lengths[i];
        pair_start(&p, NULL);
        p.tap = tap_auth;
        p.tap_ctx = &keep;
        start_up(&p);
        pair_run(&p);
        CU_ASSERT_EQUAL(ike_counters(p.b.e)->sas_established, 0);
        CU_ASSERT_EQUAL(mock_dp_count(p.b.dp, CV_DIR_IN), 0);
        still_serves(&p);
        pair_end(&p);

        pair_start(&p, NULL); /* and the initiator, about the responder */
        p.tap = tap_auth_answer;
        p.tap_ctx = &keep;
        start_up(&p);
        pair_run(&p);
        CU_ASSERT_EQUAL(ike_counters(p.a.e)->sas_established, 0);
        CU_ASSERT_EQUAL(mock_dp_count(p.a.dp, CV_DIR_IN), 0);
        still_serves(&p);
        pair_end(&p);
    }
}

static void BD_11_packets_without_state_are_logged_without_one(void)
{
    struct pair p;
    uint8_t msg[128];
    pair_start(&p, NULL);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    for (unsigned exchange = 0; exchange < 256; exchange++)
        for (unsigned flags = 0; flags < 64; flags += 8) {
            memset(msg, 0, sizeof msg);
            memset(msg, 0x5a, 16);
            msg[16] = PLD_SK;
            msg[17] = 0x20;
            msg[18] = (uint8_t)exchange;
            msg[19] = (uint8_t)flags;
            msg[27] = sizeof msg;
            msg[31] = sizeof msg - PLD_HEADER_LEN;
            pair_inject(&p, &p.b, &from, flags & 8, msg, sizeof msg);
        }
    CU_ASSERT_EQUAL(p.b.sent, 0);
    CU_ASSERT_EQUAL(p.b.e->heap_count, 0);
    CU_ASSERT_TRUE(strlen(p.b.log) < 2000); /* rate limited */
    still_serves(&p);
    pair_end(&p);
}

static bool lose_auth(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)p;
    (void)from;
    (void)len;
    return data[18] == PLD_IKE_SA_INIT;
}

static void BD_12_INFORMATIONAL_before_IKE_AUTH(void)
{
    struct pair p;
    uint8_t msg[256];
    pair_start(&p, NULL);
    p.tap = lose_auth;
    start_up(&p);
    pair_run(&p);
    struct ike_sa *b = pair_sa(&p.b);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    unsigned sent = p.b.sent;
    static const uint8_t exchanges[] = {PLD_INFORMATIONAL, PLD_CREATE_CHILD_SA};
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t id = 0; id < 4; id++) {
            const struct pair_forgery f = {.exchange = exchanges[i], .message_id = id};
            size_t n = pair_forge(pair_sa(&p.a), &f, msg, sizeof msg);
            pair_inject(&p, &p.b, &from, false, msg, n);
        }
    CU_ASSERT_EQUAL(p.b.sent, sent);
    CU_ASSERT_FALSE(v2_of(b)->have_keys); /* no Diffie-Hellman for it either */
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->unexpected_exchange, 2);
    p.tap = NULL;
    pair_wait(&p, 5000);
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    pair_end(&p);
}

/* ---- key exchange ----------------------------------------------------------------------------------------------------- */
struct ke_plan {
    uint8_t value[512];
    bool of_responder;
    uint16_t group; /* 0: as it is */
};

static bool tap_ke(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    const struct ke_plan *plan = p->tap_ctx;
    struct pld_message m;
    if (data[18] != PLD_IKE_SA_INIT || (from == &p->b) != plan->of_responder)
        return true;
    CU_ASSERT_EQUAL_FATAL(pld_header(data, *len, &m.header, NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pld_outer(data, *len, &m, NULL), CV_OK);
    if (!m.ke.data.p)
        return true;
    uint8_t *ke = data + (m.ke.data.p - data);
    if (plan->group) {
        ke[-4] = (uint8_t)(plan->group >> 8);
        ke[-3] = (uint8_t)plan->group;
    } else {
        memcpy(ke, plan->value + sizeof plan->value - m.ke.data.n, m.ke.data.n);
    }
    return true;
}

static void BD_14_a_proposal_without_a_group(void)
{
    struct pair p;
    uint8_t msg[2048];
    struct pld_build_proposal no_dh = proposal(good_suite, 2);
    const struct init_plan plan = {&no_dh, 1, 19, 64, 0};
    pair_start(&p, NULL);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    pair_inject(&p, &p.b, &from, false, msg, hand_made_init(&plan, msg, sizeof msg));
    CU_ASSERT_EQUAL(first_notify(&p), PLD_N_NO_PROPOSAL_CHOSEN);
    CU_ASSERT_EQUAL(p.b.e->heap_count, 0);
    pair_end(&p);
}

static void BD_14_public_values_0_1_and_p_minus_1(void)
{
    static const struct pair_opt modp = {
        .proposal_a = " encryption aes-cbc-128\n integrity sha256\n group 14\n",
        .proposal_b = " encryption aes-cbc-128\n integrity sha256\n group 14\n"};
    for (unsigned kind = 0; kind < 8; kind++) {
        struct pair p;
        struct ke_plan plan = {.of_responder = kind & 1};
        BIGNUM *prime = BN_get_rfc3526_prime_2048(NULL);
        CU_ASSERT_TRUE(BN_sub_word(prime, 1));
        if (kind / 2 == 1)
            plan.value[sizeof plan.value - 1] = 1;
        else if (kind / 2 == 2) {
            CU_ASSERT_EQUAL(BN_bn2binpad(prime, plan.value, sizeof plan.value), sizeof plan.value);
        } else if (kind / 2 == 3)
            memset(plan.value, 0xff, sizeof plan.value);
        BN_free(prime);
        pair_start(&p, &modp);
        p.tap = tap_ke;
        p.tap_ctx = &plan;
        start_up(&p);
        pair_run(&p);
        CU_ASSERT_EQUAL(ike_counters(p.a.e)->sas_established + ike_counters(p.b.e)->sas_established, 0);
        if (plan.of_responder) { /* dropped; an honest answer may still come */
            CU_ASSERT_FALSE(v2_of(pair_sa(&p.a))->have_keys);
        } else {
            CU_ASSERT_EQUAL(p.b.e->heap_count, 0);
        }
        still_serves(&p);
        pair_end(&p);
    }
}

static void BD_14_a_group_that_is_not_on_offer(void)
{
    static const uint16_t groups[] = {1025, 0xffff, 14, 31, 1};
    for (unsigned i = 0; i < sizeof groups / sizeof *groups; i++) {
        for (unsigned side = 0; side < 2; side++) {
            struct pair p;
            struct ke_plan plan = {.of_responder = side, .group = groups[i]};
            pair_start(&p, NULL);
            p.tap = tap_ke;
            p.tap_ctx = &plan;
            start_up(&p);
            pair_run(&p);
            CU_ASSERT_EQUAL(ike_counters(p.a.e)->sas_established, 0);
            CU_ASSERT_EQUAL(p.b.e->heap_count, side);
            still_serves(&p);
            pair_end(&p);
        }
    }
}

static void RFC7296_1_2_INVALID_KE_PAYLOAD_for_a_group_that_was_not_offered_ends_the_attempt(void)
{
    struct pair p;
    uint8_t msg[128];
    static const uint8_t group[2] = {0, 1};
    struct pld_builder b;
    struct buf_writer w = buf_writer_init(msg, sizeof msg);
    struct pld_header h = {.version = 0x20, .exchange = PLD_IKE_SA_INIT, .flags = PLD_FLAG_RESPONSE};
    pair_start(&p, NULL);
    start_up(&p);
    memcpy(h.spi_i, pair_sa(&p.a)->spi_i, 8);
    pld_begin(&b, &w, &h);
    pld_put_notify(&b, 0, (struct slice){0}, PLD_N_INVALID_KE_PAYLOAD, (struct slice){group, 2});
    pld_end(&b);
    struct ip_endpoint from = pair_endpoint(&p.b, 500), wrong = from;
    wrong.addr.b[3] = 77;
    pair_inject(&p, &p.a, &wrong, false, msg, w.len);
    CU_ASSERT_EQUAL(p.a.e->heap_count, 1); /* not from the peer */
    pair_inject(&p, &p.a, &from, false, msg, w.len);
    CU_ASSERT_EQUAL(p.a.e->heap_count, 0);
    CU_ASSERT_EQUAL(pair_view(&p.a).last_error.reason, IKE_REASON_INVALID_KE);
    pair_end(&p);
}

/* ---- shapes -------------------------------------------------------------------------------------------------------------- */
static void BD_15_payloads_reused_renumbered_or_left_out(void)
{
    struct pair p, source;
    uint8_t msg[2048];
    pair_start(&source, NULL);
    pair_start(&p, NULL);
    start_up(&source);
    CU_ASSERT_PTR_NOT_NULL_FATAL(source.head);
    const uint8_t *good = source.head->data;
    size_t len = source.head->len, at = PLD_HEADER_LEN - 12; /* 16: next payload of the header */
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    for (unsigned payload = 0; at < len && payload < 6; payload++) {
        for (unsigned type = 0; type < 256; type++) {
            memcpy(msg, good, len);
            if (msg[at] == type)
                continue;
            msg[at] = (uint8_t)type;
            msg[0] = (uint8_t)(type + payload); /* another SPI each time */
            pair_inject(&p, &p.b, &from, false, msg, len);
        }
        at = at == 16 ? PLD_HEADER_LEN : at + ((size_t)good[at + 2] << 8 | good[at + 3]);
    }
    for (size_t cut = 0; cut < len; cut++) { /* shorter than its header, or than it says */
        pair_inject(&p, &p.b, &from, false, good, cut);
        memcpy(msg, good, len);
        msg[26] = (uint8_t)(cut >> 8);
        msg[27] = (uint8_t)cut;
        pair_inject(&p, &p.b, &from, false, msg, cut);
    }
    CU_ASSERT_TRUE(p.b.e->half_open <= ike_limit_most(p.b.e) / 4); /* all of one address */
    CU_ASSERT_TRUE(ike_counters(p.b.e)->bad_header >= len);
    CU_ASSERT_TRUE(ike_counters(p.b.e)->bad_payload > 500);
    pair_end(&source);
    still_serves(&p);
    pair_end(&p);
}

static void BD_16_IKEv1_payloads_and_versions(void)
{
    struct pair p;
    uint8_t msg[64];
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    uint64_t bad = ike_counters(p.b.e)->bad_payload;
    unsigned sent = p.b.sent;
    for (unsigned type = 1; type <= 32; type++) { /* IKEv1 payload types in an IKEv2 message */
        memset(msg, 0, sizeof msg);
        msg[0] = 9;
        msg[16] = (uint8_t)type;
        msg[17] = 0x20;
        msg[18] = PLD_IKE_SA_INIT;
        msg[19] = PLD_FLAG_INITIATOR;
        msg[27] = 40;
        msg[31] = 12;
        pair_inject(&p, &p.b, &from, false, msg, 40);
    }
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->bad_payload, bad + 32);
    for (unsigned type = 33; type <= 48; type++) { /* and the reverse: nobody here speaks IKEv1 */
        msg[16] = (uint8_t)type;
        msg[17] = 0x10;
        msg[18] = 2;
        pair_inject(&p, &p.b, &from, false, msg, 40);
    }
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->bad_version, 16);
    CU_ASSERT_EQUAL(p.b.sent, sent);
    /* protected: an IKEv1 payload type inside of SK */
    const uint8_t inner[] = {0, 0, 0, 8, 0, 0, 0, 0};
    uint8_t out[256];
    struct pair_forgery f = {.exchange = PLD_INFORMATIONAL,
                             .first = 12,
                             .message_id = v2_of(pair_sa(&p.a))->next_send,
                             .inner = {inner, sizeof inner}};
    pair_inject(&p, &p.b, &from, false, out, pair_forge(pair_sa(&p.a), &f, out, sizeof out));
    CU_ASSERT_EQUAL(p.b.sent, sent + 1); /* INVALID_SYNTAX */
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
    pair_end(&p);
}

/* ---- fragments ---------------------------------------------------------------------------------------------------------- */
static void inject_fragment(struct pair *p, uint32_t id, uint16_t number, uint16_t total,
                            const uint8_t *piece, size_t n)
{
    uint8_t out[2048];
    struct ip_endpoint from = pair_endpoint(&p->a, 500);
    const struct pair_forgery f = {.exchange = PLD_INFORMATIONAL,
                                   .message_id = id,
                                   .number = number,
                                   .total = total,
                                   .first = number == 1 ? PLD_NOTIFY : 0,
                                   .inner = {piece, n}};
    pair_inject(p, &p->b, &from, false, out, pair_forge(pair_sa(&p->a), &f, out, sizeof out));
}

static void BD_22_fragments_in_any_order_cost_the_same_and_are_bounded(void)
{
    struct pair p;
    enum { PIECE = 4, COUNT = 64 };
    uint8_t inner[PIECE * COUNT] = {0, 0, 1, 0, 0, 0, 0xa0, 0x01}, big[1000] = {0};
    pair_start(&p, NULL);
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    uint32_t id = v2_of(pair_sa(&p.a))->next_send;
    unsigned sent = p.b.sent;
    for (unsigned i = COUNT; i > 0; i--) { /* the last first */
        CU_ASSERT_EQUAL(p.b.sent, sent);
        inject_fragment(&p, id, (uint16_t)i, COUNT, inner + (i - 1) * PIECE, PIECE);
        if (i > 1)
            inject_fragment(&p, id, (uint16_t)i, COUNT, inner + (i - 1) * PIECE, PIECE); /* and twice */
    }
    CU_ASSERT_EQUAL(p.b.sent, sent + 1);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->fragments_bad, 0);
    inject_fragment(&p, id + 1, 1, COUNT + 1, inner, PIECE); /* too many */
    inject_fragment(&p, id + 1, 1, 65535, inner, PIECE);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->fragments_bad, 2);
    for (unsigned i = 1; i <= 17; i++) /* too long in all */
        inject_fragment(&p, id + 1, (uint16_t)i, 20, big, sizeof big);
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->fragments_bad, 3);
    CU_ASSERT_EQUAL(p.b.sent, sent + 1);
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
    pair_end(&p);
}

static void BD_22_a_refused_negotiation_keeps_no_memory(void)
{
    struct pair p;
    uint8_t msg[2048];
    static const struct pld_build_transform strange[] = {{1, 12, 256}, {2, 7, 0}, {3, 14, 0}, {4, 16, 0}};
    struct pld_build_proposal other = proposal(strange, 4);
    const struct init_plan plan = {&other, 1, 16, 512, 0};
    pair_start(&p, NULL);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    size_t n = hand_made_init(&plan, msg, sizeof msg);
    for (unsigned i = 0; i < 5000; i++) {
        memcpy(msg, &i, sizeof i);
        msg[7] = 1;
        pair_inject(&p, &p.b, &from, false, msg, n);
        CU_ASSERT_EQUAL(p.b.e->heap_count, 0);
    }
    CU_ASSERT_PTR_NULL(p.b.e->halfopen_peers);
    CU_ASSERT_TRUE(p.b.sent - ike_counters(p.b.e)->cookies_sent <=
                   20); /* then only cookies, which are shorter */
    pair_end(&p);
}

/* ---- proposals ------------------------------------------------------------------------------------------------------- */
static void BD_25_only_what_the_policy_allows_is_taken(void)
{
    static const struct pld_build_transform known_not_allowed[] = {
        {1, 12, 128}, {2, 2, 0}, {3, 2, 0}, {4, 19, 0}};
    static const struct pld_build_transform mixed[] = {{1, 20, 256}, {1, 20, 128}, {2, 2, 0},
                                                       {2, 5, 0},    {4, 14, 0},   {4, 19, 0}};
    static const struct pld_build_transform no_length[] = {{1, 20, 0}, {2, 5, 0}, {4, 19, 0}};
    struct pair p;
    uint8_t msg[2048];
    pair_start(&p, NULL);
    struct ip_endpoint from = pair_endpoint(&p.a, 500);
    struct pld_build_proposal bad[2] = {proposal(known_not_allowed, 4), proposal(no_length, 3)};
    bad[1].number = 2;
    const struct init_plan refused = {bad, 2, 19, 64, 0};
    pair_inject(&p, &p.b, &from, false, msg, hand_made_init(&refused, msg, sizeof msg));
    CU_ASSERT_EQUAL(first_notify(&p), PLD_N_NO_PROPOSAL_CHOSEN);
    struct pld_build_proposal m = proposal(mixed, 6);
    const struct init_plan taken = {&m, 1, 19, 64, 0};
    pair_inject(&p, &p.b, &from, false, msg, hand_made_init(&taken, msg, sizeof msg));
    const struct ike_sa *sa = pair_sa(&p.b);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
    const struct cr_suite *s = &v2_of(pair_sa(&p.b))->suite;
    CU_ASSERT_TRUE(s->encr == 20 && s->key_bits == 128 && s->prf == 5 && s->dh == 19);
    pair_end(&p);
}

/* ---- anything at all -------------------------------------------------------------------------------------------------- */
static bool record(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    struct pair_packet *list = p->tap_ctx;
    if (p->tap_count < 8) {
        list[p->tap_count] = (struct pair_packet){.from = from, .len = *len, .data = malloc(*len)};
        memcpy(list[p->tap_count++].data, data, *len);
    }
    return true;
}

static void mutations_of_a_real_exchange_leave_an_established_SA_alone(void)
{
    struct pair p;
    struct pair_packet seen[8];
    uint64_t rng = 42;
    pair_start(&p, NULL);
    p.tap = record;
    p.tap_ctx = seen;
    CU_ASSERT_TRUE(pair_up(&p, &p.a));
    p.tap = NULL;
    for (unsigned i = 0; i < 10000; i++) {
        const struct pair_packet *k = &seen[i % p.tap_count];
        struct pair_side *to = k->from == &p.a ? &p.b : &p.a;
        struct ip_endpoint from = pair_endpoint(k->from, 500);
        uint8_t msg[2048];
        size_t n = k->len;
        memcpy(msg, k->data, n);
        rng = rng * 6364136223846793005ull + 1442695040888963407ull;
        unsigned flips = 1 + (unsigned)(rng >> 60);
        for (unsigned f = 0; f < flips; f++) {
            rng = rng * 6364136223846793005ull + 1442695040888963407ull;
            msg[(rng >> 33) % n] ^= (uint8_t)(1u << (rng >> 61));
        }
        if (i % 7 == 0)
            n = (rng >> 20) % n;
        pair_inject(&p, to, &from, i % 2, msg, n);
        while (p.head) { /* the answers are for nobody */
            struct pair_packet *gone = p.head;
            p.head = gone->next;
            free(gone->data);
            free(gone);
        }
        p.tail = &p.head;
        p.now += 20;
        if (i % 100 == 0) {
            ike_timer(p.a.e);
            ike_timer(p.b.e);
        }
    }
    CU_ASSERT_EQUAL(pair_status(&p.a), IKE_UP_ACTIVE);
    CU_ASSERT_EQUAL(pair_status(&p.b), IKE_UP_ACTIVE);
    CU_ASSERT_TRUE(pair_ping(&p));
    CU_ASSERT_EQUAL(ike_counters(p.b.e)->sas_established, 1);
    for (unsigned i = 0; i < p.tap_count; i++)
        free(seen[i].data);
    pair_end(&p);
}

UNIT_MAIN("ike broken daemons", UNIT_TEST(BD_01_many_unknown_outer_payloads_and_fragments),
          UNIT_TEST(BD_05_no_PSK_then_a_retransmission), UNIT_TEST(BD_10_malformed_traffic_selectors),
          UNIT_TEST(BD_11_packets_without_state_are_logged_without_one),
          UNIT_TEST(BD_12_INFORMATIONAL_before_IKE_AUTH), UNIT_TEST(BD_14_a_proposal_without_a_group),
          UNIT_TEST(BD_14_public_values_0_1_and_p_minus_1), UNIT_TEST(BD_14_a_group_that_is_not_on_offer),
          UNIT_TEST(RFC7296_1_2_INVALID_KE_PAYLOAD_for_a_group_that_was_not_offered_ends_the_attempt),
          UNIT_TEST(BD_15_payloads_reused_renumbered_or_left_out),
          UNIT_TEST(BD_16_IKEv1_payloads_and_versions),
          UNIT_TEST(BD_22_fragments_in_any_order_cost_the_same_and_are_bounded),
          UNIT_TEST(BD_22_a_refused_negotiation_keeps_no_memory),
          UNIT_TEST(BD_24_AUTH_is_compared_over_its_whole_length),
          UNIT_TEST(BD_25_only_what_the_policy_allows_is_taken),
          UNIT_TEST(mutations_of_a_real_exchange_leave_an_established_SA_alone))
