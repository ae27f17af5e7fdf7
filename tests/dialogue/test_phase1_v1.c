/* IKEv1's phase 1 and hostile peers: what has broken other daemons, floods, reflections; and what is left in memory. */
#include "control/ikev1/v1_phase1.h"
#include "tests/dialogue/rules_v1.h"
#include "tests/unit/unit.h"

enum { PACKET_MAX = 4096, AT_NEXT = 16, AT_EXCHANGE = 18, AT_FLAGS = 19, AT_LENGTH = 24 };

static const struct wire_conf gate = {.ikev1 = true};

/* ---- catching messages ---------------------------------------------------------------------------------------------- */
struct caught {
    uint8_t data[PACKET_MAX];
    size_t len;
};
struct catcher {
    struct caught m[8]; /* main mode's messages in their order, from 0 */
    unsigned n, stop;   /* messages from number `stop` on are lost; 0 none */
};

static bool catch_all(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct catcher *c = ctx;
    (void)w;
    if (c->n < 8 && p->len <= PACKET_MAX && !(c->stop && c->n >= c->stop)) {
        memcpy(c->m[c->n].data, p->data, p->len);
        c->m[c->n].len = p->len;
    }
    c->n++;
    return !c->stop || c->n < c->stop;
}

/* A negotiation of A's that stands still: message number `stop` was sent, but is lost. */
static struct wire *halted(uint64_t seed, unsigned stop, struct catcher *c)
{
    struct wire *w = wire_new(seed, &gate, &gate);
    *c = (struct catcher){.stop = stop};
    w->filter = catch_all;
    w->filter_ctx = c;
    wire_up(w, A);
    wire_run(w, 500);
    return w;
}

/* ... goes on with its repetitions and comes up. */
static void goes_on(struct wire *w)
{
    w->filter = NULL;
    wire_run(w, 25000);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void give(struct wire *w, enum wire_end to, const struct caught *m)
{
    wire_inject(w, to, m->data, m->len);
}

static struct ike_sa *any_sa(struct wire *w, enum wire_end end)
{
    return w->side[end].ike->by_conn;
}

/* ---- payloads in the clear: KE, types, lengths ---------------------------------------------------------------------- */
/* The body of the first payload of a type; NULL. */
static uint8_t *payload(struct caught *m, uint8_t type, size_t *n)
{
    uint8_t next = m->data[AT_NEXT];
    for (size_t at = PLD_HEADER_LEN; next && at + 4 <= m->len;) {
        size_t len = (size_t)m->data[at + 2] << 8 | m->data[at + 3];
        if (next == type) {
            *n = len - 4;
            return m->data + at + 4;
        }
        next = m->data[at];
        at += len;
    }
    return NULL;
}

/* CVE-2015-3240, CVE-2014-9221, RFC 6989: a public value that is not allowed is dropped, and changes nothing. */
static void CVE_2015_3240_public_values_that_are_not_allowed(void)
{
    static const char *const groups[] = {" encr aes\n hash sha256\n group 2\n",
                                         " encr aes\n hash sha256\n group 19\n",
                                         " encr aes\n hash sha256\n group 24\n"};
    for (unsigned g = 0; g < 3; g++)
        for (unsigned bad = 0; bad < 4; bad++)
            for (unsigned number = 3; number <= 4; number++) {
                struct wire_conf c = {.ikev1 = true, .ike = groups[g]};
                struct catcher caught = {.stop = number};
                struct wire *w = wire_new(g, &c, &c);
                size_t n = 0;
                w->filter = catch_all;
                w->filter_ctx = &caught;
                wire_up(w, A);
                wire_run(w, 500);
                struct caught m = caught.m[number - 1];
                uint8_t *ke = payload(&m, PLD1_KE, &n);
                CU_ASSERT_PTR_NOT_NULL_FATAL(ke);
                memset(ke, bad == 2 ? 0xff : 0, n); /* zero; one; all ones: over p, off the curve */
                ke[n - 1] = bad == 1 ? 1 : ke[n - 1];
                if (bad == 3)
                    memset(ke, 0x55, n / 2); /* on no curve, of no subgroup of group 24 */
                enum wire_end to = number == 3 ? B : A;
                uint64_t dropped = w->side[to].ike->counters.bad_payload;
                unsigned sent = w->side[to].sent;
                if (g == 0 && bad == 3) { /* of group 2 nearly everything is a value */
                    wire_free(w);
                    continue;
                }
                give(w, to, &m);
                CU_ASSERT_EQUAL(w->side[to].ike->counters.bad_payload, dropped + 1);
                CU_ASSERT_EQUAL(w->side[to].sent, sent);
                CU_ASSERT_FALSE(v1_of(any_sa(w, to))->have_keys);
                goes_on(w);
            }
}

static void put_ke_and_nonce(struct caught *m, size_t ke, size_t nonce)
{
    static const uint8_t some[PACKET_MAX] = {7, 7, 7};
    struct pld_header h;
    struct pld_builder b;
    CU_ASSERT_EQUAL_FATAL(pld1_header(m->data, m->len, &h, NULL), CV_OK);
    struct buf_writer w = buf_writer_init(m->data, sizeof m->data);
    pld_begin(&b, &w, &h);
    pld1_put_raw(&b, PLD1_KE, (struct slice){some, ke});
    pld1_put_raw(&b, PLD1_NONCE, (struct slice){some, nonce});
    pld1_end(&b, 1);
    m->len = w.len;
}

static void RFC_2409_5_lengths_of_KE_and_nonce(void)
{
    static const struct {
        size_t ke, nonce;
    } bad[] = {{63, 32}, {65, 32}, {1, 32}, {128, 32}, {64, 7}, {64, 257}, {64, 1}, {2000, 32}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        for (unsigned number = 3; number <= 4; number++) {
            struct catcher c;
            struct wire *w = halted(i, number, &c);
            enum wire_end to = number == 3 ? B : A;
            struct caught m = c.m[number - 1];
            uint64_t dropped = w->side[to].ike->counters.bad_payload;
            put_ke_and_nonce(&m, bad[i].ke, bad[i].nonce);
            give(w, to, &m);
            CU_ASSERT_EQUAL(w->side[to].ike->counters.bad_payload, dropped + 1);
            CU_ASSERT_FALSE(v1_of(any_sa(w, to))->have_keys);
            goes_on(w);
        }
}

/* CVE-2015-3991: payloads of IKEv2; CVE-2013-6467, CVE-2015-3204: types left out, twice, unknown; CVE-2026-12413: very many. */
static void CVE_2015_3991_payload_types_that_do_not_belong_there(void)
{
    static const uint8_t first[] = {33, 34, 40, 41, 46, 53, 54, 0,   1,   5,   8,
                                    11, 12, 2,  3,  14, 19, 22, 128, 129, 132, 255};
    for (unsigned number = 1; number <= 4; number++) {
        struct catcher c;
        struct wire *w = halted(number, number, &c);
        enum wire_end to = number % 2 ? B : A;
        for (unsigned i = 0; i < sizeof first; i++) {
            struct caught m = c.m[number - 1];
            if (m.data[AT_NEXT] == first[i])
                continue;
            unsigned sent = w->side[to].sent;
            m.data[AT_NEXT] = first[i];
            give(w, to, &m);
            CU_ASSERT_EQUAL(w->side[to].sent, sent);
        }
        goes_on(w);
    }
}

static void CVE_2026_12413_more_payloads_than_anybody_needs(void)
{
    for (unsigned number = 1; number <= 4; number++)
        for (unsigned type = PLD1_VENDOR; type < 256;
             type += 242 - PLD1_VENDOR) { /* vendor IDs; unknown ones */
            struct catcher c;
            struct wire *w = halted(number, number, &c);
            enum wire_end to = number % 2 ? B : A;
            struct caught m = {0};
            struct pld_header h;
            struct pld_builder b;
            CU_ASSERT_EQUAL_FATAL(pld1_header(c.m[number - 1].data, c.m[number - 1].len, &h, NULL), CV_OK);
            struct buf_writer out = buf_writer_init(m.data, sizeof m.data);
            pld_begin(&b, &out, &h);
            for (unsigned i = 0; i < 500; i++)
                pld1_put_raw(&b, (uint8_t)type, (struct slice){(const uint8_t *)"abcd", 4});
            pld1_end(&b, 1);
            CU_ASSERT_FALSE_FATAL(out.bad);
            m.len = out.len;
            unsigned sent = w->side[to].sent;
            give(w, to, &m);
            CU_ASSERT_EQUAL(w->side[to].sent, sent);
            goes_on(w);
        }
}

/* CVE-2013-4564: shorter than the header, than its length, than its payloads; in every state. */
static void CVE_2013_4564_messages_cut_at_every_octet(void)
{
    for (unsigned number = 1; number <= 6; number++) {
        struct catcher c;
        struct wire *w = halted(number, number, &c);
        enum wire_end to = number % 2 ? B : A;
        for (unsigned honest = 0; honest < 2; honest++)
            for (size_t len = 0; len < c.m[number - 1].len; len++) {
                struct caught m = c.m[number - 1];
                unsigned sent = w->side[to].sent, sas = wire_sas(w, to);
                if (number >= 5 && honest && len % 16 == 12)
                    continue; /* whole blocks decrypt: a flood of those is another test's */
                m.len = len;
                if (honest && len >= PLD_HEADER_LEN) { /* the length field says so, too */
                    m.data[AT_LENGTH + 2] = (uint8_t)(len >> 8);
                    m.data[AT_LENGTH + 3] = (uint8_t)len;
                }
                if (number >= 5 && honest && len > PLD_HEADER_LEN)
                    continue; /* counts as a message that does not decrypt */
                give(w, to, &m);
                CU_ASSERT_EQUAL(w->side[to].sent, sent);
                CU_ASSERT_EQUAL(wire_sas(w, to), sas);
            }
        goes_on(w);
    }
}

/* CVE-2016-5391: a transform that lacks an attribute is not taken. */
static void CVE_2016_5391_a_transform_without_its_attributes(void)
{
    struct catcher c;
    struct wire *w = halted(5, 1, &c);
    size_t n = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(payload(&c.m[0], PLD1_SA, &n));
    for (unsigned i = 0; i < 5; i++) {
        struct caught m = c.m[0];
        uint8_t *sa = payload(&m, PLD1_SA, &n),
                *attribute = sa + 24 + 4 * i; /* DOI, situation, proposal, transform */
        CU_ASSERT_FATAL(24 + 4 * i + 4 <= n && attribute[0] == 0x80);
        attribute[1] = 200 + (uint8_t)i; /* of a class that nobody knows */
        m.data[0] ^= (uint8_t)(i + 1);
        give(w, B, &m);
        CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    }
    CU_ASSERT_EQUAL(wire_count(w, "B INFO: N(NO_PROPOSAL_CHOSEN)"), 5);
    goes_on(w);
}

/* ---- messages out of place --------------------------------------------------------------------------------------------- */
/* CVE-2019-12312: encrypted messages when there are no keys are not decrypted, and not answered. */
static void CVE_2019_12312_encrypted_messages_before_there_are_keys(void)
{
    static const uint8_t exchanges[] = {PLD1_INFORMATIONAL, PLD1_QUICK, PLD1_MAIN, PLD1_AGGRESSIVE};
    for (unsigned number = 1; number <= 3; number++) {
        struct catcher c;
        struct wire *w = halted(number, number + 1, &c); /* `to` has answered `number` - or begun */
        for (unsigned i = 0; i < sizeof exchanges; i++)
            for (enum wire_end to = A; to <= B; to++) {
                struct ike_sa *sa = any_sa(w, to);
                struct caught m = {.len = 28 + 64};
                if (!sa || v1_of(sa)->have_keys)
                    continue;
                memcpy(m.data, sa->spi_i, 8);
                memcpy(m.data + 8, sa->spi_r, 8);
                m.data[8 + 7] |= 1; /* an initiator that has no cookie of the other yet takes any */
                m.data[AT_NEXT] = PLD1_HASH;
                m.data[17] = PLD1_VERSION;
                m.data[AT_EXCHANGE] = exchanges[i];
                m.data[AT_FLAGS] = PLD1_FLAG_ENCRYPTION;
                m.data[AT_LENGTH + 3] = (uint8_t)m.len;
                unsigned sent = w->side[to].sent;
                give(w, to, &m);
                CU_ASSERT_EQUAL(w->side[to].sent, sent);
                CU_ASSERT_EQUAL(wire_sas(w, to), 1);
            }
        goes_on(w);
    }
}

/* CVE-2024-2357, CVE-2022-23094: what is refused leaves nothing behind, however often it comes. */
static void CVE_2024_2357_no_key_and_the_same_again(void)
{
    struct catcher c;
    struct wire_conf nokey = {.ikev1 = true, .key = "address 203.0.113.1"};
    struct wire *w = wire_new(1, &gate, &nokey);
    c = (struct catcher){0};
    w->filter = catch_all;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, 45000);
    for (unsigned i = 0; i < 10; i++)
        give(w, B, &c.m[0]);
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "no-psk");
    CU_ASSERT_EQUAL(w->side[B].ike->half_open, 0);
    wire_free(w);
}

/* CVE-2023-30570: cookies of a refused Aggressive Mode are nobody's. */
static void CVE_2023_30570_cookies_of_what_was_refused(void)
{
    struct wire_conf aggressive = {.ikev1 = true, .profile = " initiate mode aggressive\n"};
    struct catcher c = {0};
    struct wire *w = wire_new(2, &aggressive, &gate);
    w->filter = catch_all;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, 500);
    CU_ASSERT(wire_saw(w, "A AM1: "));
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct caught m = c.m[0];
        memset(m.data + 8, i + 1, 8);
        m.data[AT_FLAGS] = i == 1 ? PLD1_FLAG_ENCRYPTION : 0;
        give(w, B, &m);
    }
    CU_ASSERT_EQUAL(w->side[B].sent, 0);
    wire_free(w);
}

/* What one end sends, given back to it: it must not talk to itself. */
static void a_mirror_is_no_peer(void)
{
    for (unsigned number = 1; number <= 5; number += 2) {
        struct catcher c;
        struct wire *w = halted(number, number, &c);
        unsigned sent = w->side[A].sent;
        for (unsigned i = 0; i < number; i += 2)
            give(w, A, &c.m[i]);
        CU_ASSERT_EQUAL(w->side[A].sent, sent);
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        goes_on(w);
    }
}

static void phase_1_goes_on_only_from_where_it_began(void)
{
    for (unsigned number = 2; number <= 6; number++) {
        struct catcher c;
        struct wire *w = halted(number, number, &c);
        enum wire_end to = number % 2 ? B : A;
        struct ike_datagram d = {.local = {.addr = w->side[to].address, .port = 500},
                                 .remote = {.port = 500},
                                 .data = c.m[number - 1].data,
                                 .len = c.m[number - 1].len};
        CU_ASSERT_FATAL(ip_addr_parse("203.0.113.77", &d.remote.addr));
        unsigned sent = w->side[to].sent;
        ike_datagram_in(w->side[to].ike, &d);
        CU_ASSERT_EQUAL(w->side[to].sent, sent);
        goes_on(w);
    }
}

/* Whoever is not on the path can send errors in the clear. */
static void errors_in_the_clear_end_nothing_but_are_told(void)
{
    struct catcher c;
    struct wire *w = halted(9, 2, &c);
    struct ike_sa *sa = any_sa(w, A);
    struct pld_header h = {.version = PLD1_VERSION, .exchange = PLD1_INFORMATIONAL, .message_id = 77};
    struct caught m = {0};
    struct buf_writer out = buf_writer_init(m.data, sizeof m.data);
    struct pld_builder b;
    memcpy(h.spi_i, sa->spi_i, 8);
    pld_begin(&b, &out, &h);
    pld1_put_notify(&b, PLD1_PROTO_ISAKMP, (struct slice){0}, PLD1_N_NO_PROPOSAL_CHOSEN, (struct slice){0});
    pld1_end(&b, 1);
    m.len = out.len;
    give(w, A, &m);
    CU_ASSERT_FALSE(any_sa(w, A)->dead);
    c.stop = 1; /* everything is lost from now on */
    wire_run(w, 60000);
    struct ike_session *s = ike_session_get(w->side[A].ike, "Tunnel1");
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "timeout");
    CU_ASSERT_PTR_NOT_NULL(strstr(s->last_error.text, "no answer to MM1 after 5 retransmissions"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->last_error.text, "NO-PROPOSAL-CHOSEN"));
    wire_free(w);
}

/* ---- floods ------------------------------------------------------------------------------------------------------------- */
static void flood(struct wire *w, struct caught *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct ike_datagram d = {
            .local = {.addr = w->side[B].address, .port = 500},
            .remote = {.addr = {.family = IP_V4,
                                .b = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
                       .port = 500},
            .data = m->data,
            .len = m->len};
        m->data[4] = (uint8_t)(i >> 16);
        m->data[5] = (uint8_t)(i >> 8);
        m->data[6] = (uint8_t)i;
        ike_datagram_in(w->side[B].ike, &d);
    }
}

static void half_open_SAs_are_bounded_and_harm_no_tunnel(void)
{
    struct catcher c = {0};
    struct wire *w = wire_new(3, &gate, &gate);
    w->filter = catch_all;
    w->filter_ctx = &c;
    wire_up(w, A);
    wire_run(w, 1000);
    CU_ASSERT_FATAL(wire_both_up(w));
    w->filter = NULL;
    unsigned sent = w->side[B].sent;
    flood(w, &c.m[0], 20000);
    CU_ASSERT(w->side[B].ike->half_open <= ike_limit_most(w->side[B].ike));
    CU_ASSERT(wire_sas(w, B) <= ike_limit_most(w->side[B].ike) + 1);
    CU_ASSERT(w->side[B].sent - sent <= 20000); /* MM2 once for each, never by a timer */
    unsigned answered = w->side[B].sent;
    CU_ASSERT(wire_packet(w, A));
    CU_ASSERT(wire_packet(w, B));
    wire_run(w, 60000);
    CU_ASSERT_EQUAL(w->side[B].sent, answered);
    CU_ASSERT_EQUAL(w->side[B].ike->half_open, 0);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void an_honest_peer_comes_up_through_a_flood(void)
{
    struct catcher c;
    struct wire *w = halted(4, 1, &c);
    w->filter = NULL;
    for (unsigned i = 0; i < 200; i++) {
        flood(w, &c.m[0], 300);
        wire_run(w, 100);
    }
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void refusals_are_rate_limited(void)
{
    struct catcher c;
    struct wire *w = halted(5, 1, &c);
    size_t n = 0;
    uint8_t *sa = payload(&c.m[0], PLD1_SA, &n);
    sa[24 + 1] = 199; /* no transform that anybody takes */
    unsigned sent = w->side[B].sent;
    flood(w, &c.m[0], 5000);
    CU_ASSERT(w->side[B].sent - sent > 0 && w->side[B].sent - sent <= 20);
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_free(w);
}

/* KR-8 without end: bounded by the SA, and no more datagrams out than in. */
static void garbage_for_MM5_is_bounded(void)
{
    struct catcher c;
    struct wire *w = halted(6, 5, &c);
    w->side[A].muted = true;
    unsigned sent = w->side[B].sent, given = 0;
    for (unsigned i = 0; i < 40 && any_sa(w, B); i++, given++) {
        struct caught m = c.m[4];
        m.data[PLD_HEADER_LEN + 3] ^= (uint8_t)(i + 1);
        give(w, B, &m);
    }
    CU_ASSERT_EQUAL(given, V1_BAD_MAX + 1);
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    CU_ASSERT_EQUAL(w->side[B].sent, sent);
    CU_ASSERT_EQUAL(wire_count(w, "IKMP_BAD_MESSAGE"), 0); /* in the log, not on the wire */
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, B), "bad-psk");
    wire_free(w);
}

/* ---- afterwards ---------------------------------------------------------------------------------------------------------- */
static void secrets_of_phase_1_are_gone_when_it_is_done(void)
{
    for (unsigned aggressive = 0; aggressive < 2; aggressive++) {
        struct wire_conf c = {.ikev1 = true, .profile = aggressive ? " initiate mode aggressive\n" : NULL};
        struct wire *w = wire_new(7, &c, &c);
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_FATAL(wire_both_up(w));
        CU_ASSERT_EQUAL(wire_saw(w, "A AM1: "), aggressive);
        for (enum wire_end end = A; end <= B; end++) {
            const struct v1_sa *v1 = v1_of(wire_sa(w, end));
            static const uint8_t zero[PLD1_NONCE_MAX];
            CU_ASSERT(v1->psk.p == NULL && v1->dh == NULL && v1->g_xi == NULL && v1->g_xr == NULL &&
                      v1->sa_body == NULL);
            CU_ASSERT(memcmp(v1->ni, zero, sizeof zero) == 0 && memcmp(v1->nr, zero, sizeof zero) == 0);
        }
        wire_free(w);
    }
}

static void the_view_has_names_that_IOS_shows(void)
{
    struct catcher c;
    struct ike_sa_view v;
    struct wire *w = halted(8, 5, &c);
    CU_ASSERT(ike_find_sa(w->side[A].ike, any_sa(w, A)->conn_id, &v));
    CU_ASSERT_STRING_EQUAL(v.state, "MM_KEY_EXCH");
    CU_ASSERT(v.version == 1 && !v.ready);
    CU_ASSERT(v.encr == CV_ENCR_AES_CBC && v.key_bits == 128 && v.prf == CR_PRF_HMAC_SHA2_256 && v.dh == 19);
    w->filter = NULL;
    wire_run(w, 15000);
    CU_ASSERT(wire_both_up(w));
    CU_ASSERT(ike_find_sa(w->side[A].ike, wire_sa(w, A)->conn_id, &v));
    CU_ASSERT_STRING_EQUAL(v.state, "QM_IDLE");
    CU_ASSERT(v.ready && v.lifetime_s == 86400);
    CU_ASSERT_STRING_EQUAL(v.profile, "PF");
    wire_free(w);
}

UNIT_MAIN("phase1-v1", UNIT_TEST(CVE_2015_3240_public_values_that_are_not_allowed),
          UNIT_TEST(RFC_2409_5_lengths_of_KE_and_nonce),
          UNIT_TEST(CVE_2015_3991_payload_types_that_do_not_belong_there),
          UNIT_TEST(CVE_2026_12413_more_payloads_than_anybody_needs),
          UNIT_TEST(CVE_2013_4564_messages_cut_at_every_octet),
          UNIT_TEST(CVE_2016_5391_a_transform_without_its_attributes),
          UNIT_TEST(CVE_2019_12312_encrypted_messages_before_there_are_keys),
          UNIT_TEST(CVE_2024_2357_no_key_and_the_same_again),
          UNIT_TEST(CVE_2023_30570_cookies_of_what_was_refused), UNIT_TEST(a_mirror_is_no_peer),
          UNIT_TEST(phase_1_goes_on_only_from_where_it_began),
          UNIT_TEST(errors_in_the_clear_end_nothing_but_are_told),
          UNIT_TEST(half_open_SAs_are_bounded_and_harm_no_tunnel),
          UNIT_TEST(an_honest_peer_comes_up_through_a_flood), UNIT_TEST(refusals_are_rate_limited),
          UNIT_TEST(garbage_for_MM5_is_bounded), UNIT_TEST(secrets_of_phase_1_are_gone_when_it_is_done),
          UNIT_TEST(the_view_has_names_that_IOS_shows))
