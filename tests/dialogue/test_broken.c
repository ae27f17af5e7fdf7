/* What has broken other daemons, played against established tunnels: BD_nn is the number in the list of README.md beside this
 * file; the initial exchanges' half is tests/unit/ike/test_broken_daemons.c. And the children that a peer may ask for. */
#include "common/secret.h"
#include "tests/mock/mock_wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 1000 };

static const struct slice nothing = {NULL, 0};

static struct wire *up(uint64_t seed, const struct wire_conf *c)
{
    struct wire *w = wire_new(seed, c, c);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    if (!wire_both_up(w))
        abort();
    wire_trace_clear(w);
    return w;
}

/* A request in B's name; what A answers stands in the trace. */
static void ask(struct wire *w, uint8_t exchange, wire_build *build, void *ctx)
{
    struct ike_sa *sb = wire_sa(w, B);
    wire_trace_clear(w);
    wire_forge(w, B, sb, exchange, false, v2_of(sb)->next_send++, build, ctx);
}

static bool untouched(struct wire *w, uint32_t spi)
{
    return wire_children(w, A) == 1 && wire_child(w, A)->in.spi == spi && wire_both_up(w);
}

static void BD_04_GMAC_and_every_other_transform_gets_keys(void)
{
    static const char *const sets[] = {"esp-gmac 128", "esp-gmac 256", "esp-null esp-sha256-hmac", "esp-gcm",
                                       "esp-aes 256 esp-sha512-hmac"};
    for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct wire_conf c = {.transform = sets[i]};
        struct wire *w = up(i, &c); /* mock_dp refuses keys of zeros and keys seen before */
        CU_ASSERT(wire_consistent(w, true));
        wire_free(w);
    }
}

static void put_ike_delete_twice(struct pld_builder *b, void *ctx)
{
    (void)ctx;
    pld_put_delete(b, PLD_PROTO_IKE, 0, NULL, 0);
    pld_put_delete(b, PLD_PROTO_IKE, 0, NULL, 0);
}

static void BD_06_delete_of_the_IKE_SA_twice_in_one_message(void)
{
    struct wire *w = up(1, NULL);
    ask(w, PLD_INFORMATIONAL, put_ike_delete_twice, NULL);
    CU_ASSERT(wire_saw(w, "A INFORMATIONAL resp 0:\n"));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    wire_free(w);
}

static void put_all_deletes(struct pld_builder *b, void *ctx)
{
    uint32_t spi = *(uint32_t *)ctx;
    uint8_t bytes[4] = {(uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8), (uint8_t)spi};
    pld_put_delete(b, PLD_PROTO_ESP, 4, bytes, 1);
    pld_put_delete(b, PLD_PROTO_IKE, 0, NULL, 0);
    pld_put_delete(b, PLD_PROTO_ESP, 4, bytes, 1);
}

static void BD_06_delete_of_child_and_IKE_SA_in_one_message(void)
{
    struct wire *w = up(2, NULL);
    uint32_t spi = wire_child(w, A)->out.spi;
    ask(w, PLD_INFORMATIONAL, put_all_deletes, &spi);
    CU_ASSERT(wire_saw(w, "A INFORMATIONAL resp 0:\n"));
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    wire_free(w);
}

/* ---- CREATE_CHILD_SA by hand ------------------------------------------------------------------------------------------- */
struct child_request {
    bool rekey_notify;
    uint8_t rekey_proto;
    uint8_t rekey_spi[8];
    size_t rekey_spi_len;
    uint32_t spi; /* of the proposal */
    bool no_ts, no_nonce, transport, raw_ts_set, bad_ts_type;
    unsigned ts_count;
    struct ts ts_i[PLD_MAX_TS], ts_r[PLD_MAX_TS];
    bool ike; /* rekey of the IKE SA without KE */
    uint16_t encr;
};

static void put_request(struct pld_builder *b, void *ctx)
{
    const struct child_request *q = ctx;
    static const uint8_t nonce[32] = {1, 2, 3};
    struct pld_build_proposal p = {.number = 1, .proto = PLD_PROTO_ESP, .spi_len = 4};
    struct ts any = ts_any(IP_V4);
    for (unsigned i = 0; i < 4; i++)
        p.spi[i] = (uint8_t)(q->spi >> (24 - 8 * i));
    p.count = 2;
    p.transforms[0] = (struct pld_build_transform){1, q->encr ? q->encr : CV_ENCR_AES_GCM_16, 128};
    p.transforms[1] = (struct pld_build_transform){5, 0, 0};
    if (q->ike) {
        p.proto = PLD_PROTO_IKE;
        p.spi_len = 8;
        p.count = 3;
        p.transforms[1] = (struct pld_build_transform){2, CR_PRF_HMAC_SHA2_256, 0};
        p.transforms[2] = (struct pld_build_transform){4, 19, 0};
    }
    if (q->rekey_notify)
        pld_put_notify(b, q->rekey_proto, (struct slice){q->rekey_spi, q->rekey_spi_len}, PLD_N_REKEY_SA,
                       nothing);
    if (q->transport)
        pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_USE_TRANSPORT_MODE, nothing);
    pld_put_sa(b, &p, 1);
    if (!q->no_nonce)
        pld_put_nonce(b, (struct slice){nonce, sizeof nonce});
    if (q->ike || q->no_ts)
        return;
    if (q->ts_count) {
        pld_put_ts(b, PLD_TSI, q->ts_i, q->ts_count);
        pld_put_ts(b, PLD_TSR, q->ts_r, q->ts_count);
        return;
    }
    pld_put_ts(b, PLD_TSI, &any, 1);
    pld_put_ts(b, PLD_TSR, &any, 1);
}

static void BD_08_REKEY_SA_with_protocol_0_or_1(void)
{
    for (unsigned proto = 0; proto < 256; proto += proto < 4 ? 1 : 63) {
        struct wire *w = up(3, NULL);
        uint32_t spi = wire_child(w, A)->in.spi, theirs = wire_child(w, A)->out.spi;
        struct child_request q = {.rekey_notify = true, .rekey_proto = (uint8_t)proto, .spi = 0x11112222};
        for (size_t len = 0; len <= 8; len += 4) {
            bool real = proto == PLD_PROTO_ESP && len == 4;
            for (unsigned i = 0; i < 4; i++)
                q.rekey_spi[i] = (uint8_t)(theirs >> (24 - 8 * i));
            q.rekey_spi_len = len;
            ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
            if (real) {
                CU_ASSERT(wire_saw(w, "resp"));
                break; /* that one was good */
            }
            CU_ASSERT(wire_saw(w, "N(INVALID_SYNTAX)") || wire_saw(w, "N(CHILD_SA_NOT_FOUND)"));
            CU_ASSERT(untouched(w, spi));
        }
        wire_free(w);
    }
}

static void RFC7296_2_25_rekey_of_an_unknown_child_names_its_SPI(void)
{
    struct wire *w = up(4, NULL);
    struct child_request q = {.rekey_notify = true,
                              .rekey_proto = PLD_PROTO_ESP,
                              .rekey_spi = {1, 2, 3, 4},
                              .rekey_spi_len = 4,
                              .spi = 0x11112222};
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    CU_ASSERT(wire_dialogue(w, "A CREATE_CHILD_SA resp 0: N(CHILD_SA_NOT_FOUND)\n"));
    wire_free(w);
}

static void RFC7296_2_25_1_a_child_is_rekeyed_once(void)
{
    struct wire *w = up(19, NULL);
    uint32_t theirs = wire_child(w, A)->out.spi;
    struct child_request q = {.rekey_notify = true, .rekey_proto = PLD_PROTO_ESP, .rekey_spi_len = 4};
    for (unsigned i = 0; i < 4; i++)
        q.rekey_spi[i] = (uint8_t)(theirs >> (24 - 8 * i));
    q.spi = 0x11112222;
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    CU_ASSERT(wire_dialogue(w, "A CREATE_CHILD_SA resp 0: SA Nonce TSi TSr\n"));
    q.spi = 0x11113333;
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    CU_ASSERT(wire_dialogue(w, "A CREATE_CHILD_SA resp 1: N(TEMPORARY_FAILURE)\n"));
    CU_ASSERT_EQUAL(wire_children(w, A), 2); /* the old one until the peer deletes it, and the new one */
    wire_free(w);
}

/* CVE-2023-30570 in IKEv2's terms: what was refused in IKE_AUTH leaves SPIs that get nothing more. */
static void BD_09_SPIs_of_a_refused_negotiation_are_worth_nothing(void)
{
    struct wire_conf bad = {.psk = "wrong"};
    struct wire *w = wire_new(5, &bad, NULL);
    wire_up(w, A);
    wire_run(w, 6); /* IKE_SA_INIT is answered; A has the SA and its keys */
    struct ike_sa *sa = wire_sa(w, A);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
    wire_run(w, 5);
    struct ike_sa copy = *sa;
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_reason(w, B), IKE_REASON_BAD_PSK);
    struct child_request q = {.spi = 0x11112222};
    for (uint32_t id = 1; id < 4; id++) {
        wire_forge(w, A, &copy, PLD_CREATE_CHILD_SA, false, id, put_request, &q);
        wire_forge(w, A, &copy, PLD_INFORMATIONAL, false, id, NULL, NULL);
        wire_forge(w, A, &copy, PLD_IKE_AUTH, false, id, NULL, NULL);
    }
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
    wire_run(w, 30000);
    secret_wipe(&copy, sizeof copy);
    wire_free(w);
}

static bool flip_icv(struct wire *w, struct wire_packet *p, void *ctx)
{
    (void)w;
    (void)ctx;
    if (p->from == B)
        p->data[p->len - 1] ^= 1;
    return true;
}

static void BD_13_INFORMATIONAL_whose_integrity_is_wrong(void)
{
    struct wire *w = up(6, NULL);
    char err[SEL_TEXT_MAX];
    uint32_t spi = wire_child(w, A)->in.spi;
    w->filter = flip_icv;
    ike_down(w->side[B].ike, "Tunnel1", err, sizeof err);
    wire_run(w, 3000);
    CU_ASSERT(w->side[A].ike->counters.auth_failed_icv >= 1);
    CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, spi); /* the delete was not believed */
    CU_ASSERT_FALSE(wire_saw(w, "A INFORMATIONAL resp"));
    wire_free(w);
}

/* CVE-2014-2338: a half-open IKE SA must not be rekeyed into an authenticated one, nor get children. */
static void BD_17_rekey_of_an_SA_that_is_not_established(void)
{
    struct wire *w = wire_new(7, NULL, NULL);
    wire_up(w, A);
    wire_run(w, 11); /* IKE_SA_INIT done, IKE_AUTH on its way to B */
    struct ike_sa *sa = wire_sa(w, A);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
    CU_ASSERT_EQUAL_FATAL(v2_of(sa)->state, V2_AUTH_SENT);
    for (unsigned i = 0; i < w->queued; i++) /* A never proves itself */
        free(w->queue[i].data);
    w->queued = 0;
    wire_trace_clear(w);
    struct child_request ike = {.ike = true}, child = {.spi = 0x11112222};
    for (uint32_t id = 0; id < 4; id++) {
        wire_forge(w, A, sa, PLD_CREATE_CHILD_SA, false, id, put_request, &ike);
        wire_forge(w, A, sa, PLD_CREATE_CHILD_SA, false, id, put_request, &child);
    }
    CU_ASSERT_FALSE(wire_saw(w, "B CREATE_CHILD_SA"));
    CU_ASSERT_EQUAL(w->side[B].ike->counters.sas_rekeyed, 0);
    CU_ASSERT_EQUAL(w->side[B].ike->counters.sas_established, 0);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
    /* and the other way round: the responder asks before it has answered IKE_AUTH */
    CU_ASSERT_EQUAL(v2_rekey_sa(w->side[A].ike, sa), CV_EINVAL);
    wire_free(w);
}

static void BD_17_rekey_of_the_IKE_SA_without_a_key_exchange(void)
{
    struct wire *w = up(8, NULL);
    uint32_t spi = wire_child(w, A)->in.spi;
    struct child_request q = {.ike = true};
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    CU_ASSERT(wire_dialogue(w, "A CREATE_CHILD_SA resp 0: N(INVALID_SYNTAX)\n"));
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    CU_ASSERT(untouched(w, spi));
    wire_free(w);
}

/* ---- identities: what the initiator claims in IKE_AUTH ------------------------------------------------------------------- */
struct claimed_id {
    uint8_t type;
    size_t len;
    uint8_t data[300];
};

static void put_auth(struct pld_builder *b, void *ctx)
{
    const struct claimed_id *id = ctx;
    static const uint8_t auth[32] = {9};
    struct child_request q = {.spi = 0x11112222, .no_nonce = true};
    pld_put_id(b, PLD_IDI, id->type, (struct slice){id->data, id->len});
    pld_put_auth(b, PLD_AUTH_PSK, (struct slice){auth, sizeof auth});
    put_request(b, &q);
}

static void BD_18_crafted_identities(void)
{
    static const uint8_t types[] = {0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 200, 255};
    static const size_t lengths[] = {0, 1, 3, 4, 5, 15, 16, 17, 64, 255, 256, 257, 300};
    for (unsigned t = 0; t < sizeof types; t++)
        for (unsigned l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            struct wire *w = wire_new(9, NULL, NULL);
            wire_up(w, A);
            wire_run(w, 11);
            struct ike_sa *sa = wire_sa(w, A);
            CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
            for (unsigned i = 0; i < w->queued; i++)
                free(w->queue[i].data);
            w->queued = 0;
            struct claimed_id id = {.type = types[t], .len = lengths[l]};
            /* a DER name whose lengths lie */
            memset(id.data, 0x30, sizeof id.data);
            id.data[1] = 0x84;
            id.data[2] = 0xff;
            wire_trace_clear(w);
            wire_forge(w, A, sa, PLD_IKE_AUTH, false, 1, put_auth, &id);
            CU_ASSERT(wire_saw(w, "B IKE_AUTH resp 1: N(AUTHENTICATION_FAILED)\n") ||
                      wire_saw(w, "B IKE_AUTH resp 1: N(INVALID_SYNTAX)\n"));
            CU_ASSERT_EQUAL(w->side[B].ike->counters.sas_established, 0);
            CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
            wire_free(w);
        }
}

static void BD_19_DPD_without_authentication_for_a_dead_SA(void)
{
    struct wire *w = up(10, NULL);
    struct ike_sa copy = *wire_sa(w, B);
    char err[SEL_TEXT_MAX];
    ike_down(w->side[A].ike, "Tunnel1", err, sizeof err);
    wire_run(w, 6000);
    CU_ASSERT_EQUAL_FATAL(wire_sas(w, A), 0);
    uint64_t before = w->side[A].ike->counters.unknown_spi;
    wire_trace_clear(w);
    for (uint32_t id = 0; id < 5; id++)
        wire_forge(w, B, &copy, PLD_INFORMATIONAL, false, id, NULL, NULL); /* with the keys it once had */
    uint8_t bare[28] = {0};
    memcpy(bare, copy.spi_i, 8);
    memcpy(bare + 8, copy.spi_r, 8);
    bare[17] = 0x20;
    bare[18] = PLD_INFORMATIONAL;
    bare[27] = sizeof bare;
    wire_inject(w, A, bare, sizeof bare);
    CU_ASSERT_EQUAL(w->side[A].ike->counters.unknown_spi, before + 6);
    CU_ASSERT(wire_dialogue(w, ""));
    secret_wipe(&copy, sizeof copy);
    wire_free(w);
}

static void put_eap(struct pld_builder *b, void *ctx)
{
    const uint8_t success[4] = {3, 1, 0, 4}; /* RFC 3748: EAP-Success */
    (void)ctx;
    pld_open(b, PLD_EAP);
    buf_put(b->w, success, sizeof success);
    pld_close(b);
}

static void BD_21_early_EAP_Success(void)
{
    for (unsigned response = 0; response < 2; response++) {
        struct wire *w = wire_new(11, NULL, NULL);
        wire_up(w, A);
        wire_run(w, 11);
        struct ike_sa *sa = wire_sa(w, A);
        CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
        CU_ASSERT_EQUAL_FATAL(v2_of(sa)->state, V2_AUTH_SENT);
        for (unsigned i = 0; i < w->queued; i++)
            free(w->queue[i].data);
        w->queued = 0;
        if (response) {               /* the responder claims success before it has proved anything */
            struct ike_sa fake = *sa; /* B derives its keys only when IKE_AUTH comes: the same ones */
            fake.initiator = false;
            fake.local = wire_sa(w, A)->remote;
            wire_forge(w, B, &fake, PLD_IKE_AUTH, true, 1, put_eap, NULL);
            CU_ASSERT_EQUAL(w->side[A].ike->counters.sas_established, 0);
            secret_wipe(&fake, sizeof fake);
        } else {
            wire_forge(w, A, sa, PLD_IKE_AUTH, false, 1, put_eap, NULL);
            CU_ASSERT_EQUAL(w->side[B].ike->counters.sas_established, 0);
        }
        CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_IN), 0);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[B].dp, CV_DIR_IN), 0);
        wire_free(w);
    }
}

/* ---- children that a peer asks for --------------------------------------------------------------------------------------- */
static struct ts host(const char *address, uint8_t proto, uint16_t port)
{
    struct ip_addr a;
    struct ip_prefix p;
    if (!ip_addr_parse(address, &a) || !ip_prefix_make(&a, a.family == IP_V4 ? 32 : 128, &p))
        abort();
    return ts_from_prefix(&p, proto, port ? port : 0, port ? port : 65535);
}

static void narrower_selectors_are_taken_as_offered(void)
{
    struct wire *w = up(12, NULL);
    struct child_request q = {.spi = 0x11112222, .ts_count = 1};
    q.ts_i[0] = host("10.2.0.7", 6, 0);
    q.ts_r[0] = host("10.1.0.9", 6, 443);
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    CU_ASSERT(wire_dialogue(w, "A CREATE_CHILD_SA resp 0: SA Nonce TSi TSr\n"));
    struct sam_child *c = sam_child_by_spi_out(w->side[A].ike->sam, wire_sa(w, A)->conn_id, 0x11112222);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(c->ts_count, 1);
    CU_ASSERT(ts_equal(&c->ts_remote[0], &q.ts_i[0]));
    CU_ASSERT(ts_equal(&c->ts_local[0], &q.ts_r[0]));
    wire_free(w);
}

static void RFC7296_2_9_packet_selector_and_range_become_the_range(void)
{
    struct wire *w = up(13, NULL);
    struct child_request q = {.spi = 0x11112222, .ts_count = 2};
    q.ts_i[0] = host("10.2.0.7", 17, 1000);
    q.ts_r[0] = host("10.1.0.9", 17, 1000);
    q.ts_i[1] = q.ts_r[1] = ts_any(IP_V4);
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    struct sam_child *c = sam_child_by_spi_out(w->side[A].ike->sam, wire_sa(w, A)->conn_id, 0x11112222);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(c->ts_count, 1);
    CU_ASSERT(ts_is_any(&c->ts_local[0]));
    wire_free(w);
}

static void RFC7296_2_9_too_many_selectors_are_narrowed_to_the_first(void)
{
    struct wire *w = up(14, NULL);
    struct child_request q = {.spi = 0x11112222, .ts_count = 6};
    for (unsigned i = 0; i < q.ts_count; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.2.%u.7", i);
        q.ts_i[i] = host(text, 0, 0);
        snprintf(text, sizeof text, "10.1.%u.7", i);
        q.ts_r[i] = host(text, 0, 0);
    }
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    CU_ASSERT(wire_dialogue(w, "A CREATE_CHILD_SA resp 0: SA Nonce TSi TSr N(ADDITIONAL_TS_POSSIBLE)\n"));
    struct sam_child *c = sam_child_by_spi_out(w->side[A].ike->sam, wire_sa(w, A)->conn_id, 0x11112222);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(c->ts_count, 1);
    CU_ASSERT(ts_equal(&c->ts_remote[0], &q.ts_i[0]));
    wire_free(w);
}

static void both_families_offered_narrow_to_the_tunnels_own(void)
{
    struct wire *w = up(15, NULL);
    struct child_request q = {.spi = 0x11112222, .ts_count = 2};
    q.ts_i[0] = q.ts_r[0] = ts_any(IP_V6);
    q.ts_i[1] = q.ts_r[1] = ts_any(IP_V4);
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    struct sam_child *c = sam_child_by_spi_out(w->side[A].ike->sam, wire_sa(w, A)->conn_id, 0x11112222);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(c->ts_count, 1);
    CU_ASSERT_EQUAL(c->ts_local[0].family, IP_V4);
    wire_free(w);
}

static void transport_mode_is_not_claimed(void)
{
    struct wire *w = up(16, NULL);
    struct child_request q = {.spi = 0x11112222, .transport = true};
    ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
    CU_ASSERT(
        wire_dialogue(w, "A CREATE_CHILD_SA resp 0: SA Nonce TSi TSr\n")); /* no USE_TRANSPORT_MODE: tunnel */
    CU_ASSERT_STRING_EQUAL(w->side[A].dp->violation, "");
    wire_free(w);
}

static void refused_children_leave_the_tunnel_alone(void)
{
    struct ts v6 = ts_any(IP_V6);
    const struct {
        struct child_request q;
        const char *answer;
    } cases[] = {
        {{.spi = 0}, "N(INVALID_SYNTAX)"}, /* RFC 4303 2.1: reserved SPIs */
        {{.spi = 255}, "N(INVALID_SYNTAX)"},
        {{.spi = 0x11112222, .no_ts = true}, "N(INVALID_SYNTAX)"},
        {{.spi = 0x11112222, .no_nonce = true}, "N(INVALID_SYNTAX)"},
        {{.spi = 0x11112222, .encr = CV_ENCR_NULL_AES_GMAC}, "N(NO_PROPOSAL_CHOSEN)"},
        {{.spi = 0x11112222, .ts_count = 1, .ts_i = {v6}, .ts_r = {v6}}, "N(TS_UNACCEPTABLE)"},
    };
    struct wire *w = up(17, NULL);
    uint32_t spi = wire_child(w, A)->in.spi;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct child_request q = cases[i].q;
        ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
        CU_ASSERT(wire_saw(w, cases[i].answer));
        if (!wire_saw(w, cases[i].answer))
            fprintf(stderr, "case %u: %s", i, w->trace);
        CU_ASSERT(untouched(w, spi));
    }
    wire_free(w);
}

/* ---- answers to what we asked ------------------------------------------------------------------------------------------- */
struct child_answer {
    uint32_t spi;
    uint16_t encr, bits, esn;
    bool transport, no_esn;
    struct ts ts;
};

static void put_child_answer(struct pld_builder *b, void *ctx)
{
    const struct child_answer *q = ctx;
    static const uint8_t nonce[32] = {7, 7, 7};
    struct pld_build_proposal p = {
        .number = 1, .proto = PLD_PROTO_ESP, .spi_len = 4, .count = q->no_esn ? 1 : 2};
    for (unsigned i = 0; i < 4; i++)
        p.spi[i] = (uint8_t)(q->spi >> (24 - 8 * i));
    p.transforms[0] = (struct pld_build_transform){1, q->encr, q->bits};
    p.transforms[1] = (struct pld_build_transform){5, q->esn, 0};
    if (q->transport)
        pld_put_notify(b, PLD_PROTO_NONE, nothing, PLD_N_USE_TRANSPORT_MODE, nothing);
    pld_put_sa(b, &p, 1);
    pld_put_nonce(b, (struct slice){nonce, sizeof nonce});
    pld_put_ts(b, PLD_TSI, &q->ts, 1);
    pld_put_ts(b, PLD_TSR, &q->ts, 1);
}

/* A asks to rekey; B is away, and the answer comes from us in its name. */
static struct wire *answered(const struct wire_conf *conf, struct child_answer *answer)
{
    struct wire *w = up(20, conf);
    char err[SEL_TEXT_MAX];
    w->side[B].deaf = true;
    ike_rekey(w->side[A].ike, "Tunnel1", false, err, sizeof err);
    struct v2_task *t = v2_task_find(wire_sa(w, A), V2_TASK_REKEY_CHILD, 0);
    if (!t)
        abort();
    wire_trace_clear(w);
    wire_forge(w, B, wire_sa(w, B), PLD_CREATE_CHILD_SA, true, t->message_id, put_child_answer, answer);
    return w;
}

static void answers_that_were_not_asked_for_install_nothing(void)
{
    const struct ts any = ts_any(IP_V4), v6 = ts_any(IP_V6);
    const struct {
        struct wire_conf conf;
        struct child_answer a;
        enum ike_reason why;
    } cases[] = {
        {{0},
         {1, CV_ENCR_AES_GCM_16, 128, 0, false, false, any},
         IKE_REASON_INVALID_SYNTAX}, /* reserved SPI */
        {{0}, {255, CV_ENCR_AES_GCM_16, 128, 0, false, false, any}, IKE_REASON_INVALID_SYNTAX},
        {{0}, {0x11112222, CV_ENCR_AES_GCM_16, 128, 0, true, false, any}, IKE_REASON_INVALID_SYNTAX},
        {{0}, {0x11112222, CV_ENCR_AES_GCM_16, 256, 0, false, false, any}, IKE_REASON_NO_PROPOSAL},
        {{0}, {0x11112222, CV_ENCR_NULL, 0, 0, false, false, any}, IKE_REASON_NO_PROPOSAL},
        {{0},
         {0x11112222, CV_ENCR_AES_GCM_16, 128, 1, false, false, any},
         IKE_REASON_NO_PROPOSAL}, /* ESN unasked */
        {{0}, {0x11112222, CV_ENCR_AES_GCM_16, 128, 0, false, true, any}, IKE_REASON_NO_PROPOSAL}, /* 3.3.3 */
        {{0}, {0x11112222, CV_ENCR_AES_GCM_16, 128, 0, false, false, v6}, IKE_REASON_TS_UNACCEPTABLE},
        {{.ipsec = " set pfs group19\n"}, /* PFS dropped by the peer */
         {0x11112222, CV_ENCR_AES_GCM_16, 128, 0, false, false, any},
         IKE_REASON_NO_PROPOSAL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct child_answer a = cases[i].a;
        struct wire *w = answered(&cases[i].conf, &a);
        CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), ike_reason_name(cases[i].why));
        CU_ASSERT_EQUAL(wire_children(w, A), 1);
        CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_IN), 1);
        CU_ASSERT(wire_dialogue(w, "A INFORMATIONAL req 3: D(ESP:1)\n")); /* the peer's half must go */
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));                /* the old child goes on */
        wire_free(w);
    }
    struct child_answer good = {0x11112222, CV_ENCR_AES_GCM_16, 128, 0, false, false, any};
    struct wire *w = answered(NULL, &good); /* the yardstick: nothing but the faults above was wrong */
    CU_ASSERT_EQUAL(mock_dp_sending(w->side[A].dp, WIRE_TUNNEL_IF)->sa.ref.spi, 0x11112222);
    wire_free(w);
}

static void children_of_one_IKE_SA_are_bounded(void)
{
    struct wire *w = up(18, NULL);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct child_request q = {.spi = 0x20000000 + i};
        ask(w, PLD_CREATE_CHILD_SA, put_request, &q);
        refused += wire_saw(w, "N(NO_ADDITIONAL_SAS)");
        wire_run(w, 0);
    }
    CU_ASSERT(refused > 30 && refused < 50);
    CU_ASSERT(wire_children(w, A) <= 64);
    wire_free(w);
}

UNIT_MAIN("broken", UNIT_TEST(BD_04_GMAC_and_every_other_transform_gets_keys),
          UNIT_TEST(BD_06_delete_of_the_IKE_SA_twice_in_one_message),
          UNIT_TEST(BD_06_delete_of_child_and_IKE_SA_in_one_message),
          UNIT_TEST(BD_08_REKEY_SA_with_protocol_0_or_1),
          UNIT_TEST(RFC7296_2_25_rekey_of_an_unknown_child_names_its_SPI),
          UNIT_TEST(RFC7296_2_25_1_a_child_is_rekeyed_once),
          UNIT_TEST(BD_09_SPIs_of_a_refused_negotiation_are_worth_nothing),
          UNIT_TEST(BD_13_INFORMATIONAL_whose_integrity_is_wrong),
          UNIT_TEST(BD_17_rekey_of_an_SA_that_is_not_established),
          UNIT_TEST(BD_17_rekey_of_the_IKE_SA_without_a_key_exchange), UNIT_TEST(BD_18_crafted_identities),
          UNIT_TEST(BD_19_DPD_without_authentication_for_a_dead_SA), UNIT_TEST(BD_21_early_EAP_Success),
          UNIT_TEST(narrower_selectors_are_taken_as_offered),
          UNIT_TEST(RFC7296_2_9_packet_selector_and_range_become_the_range),
          UNIT_TEST(RFC7296_2_9_too_many_selectors_are_narrowed_to_the_first),
          UNIT_TEST(both_families_offered_narrow_to_the_tunnels_own),
          UNIT_TEST(transport_mode_is_not_claimed),
          UNIT_TEST(answers_that_were_not_asked_for_install_nothing),
          UNIT_TEST(refused_children_leave_the_tunnel_alone), UNIT_TEST(children_of_one_IKE_SA_are_bounded))
