/* What has broken other daemons over IKEv1. BD_nn is the number in the list of README.md beside this file. */
#include "tests/dialogue/forge_v1.h"
#include "tests/unit/unit.h"

static const struct slice nothing = {NULL, 0};

static void refused(struct wire *w, const struct first *f)
{
    send_first(w, B, f);
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
}

/* ---- 1, 5, 9, 11 ------------------------------------------------------------------------------------------------------- */
static void BD_01_many_unknown_vendors_and_payloads(void)
{
    struct wire *w = idle("crypto isakmp fragmentation\n");
    for (unsigned n = 0; n < 64; n += 7)
        send_first(w, B, &(struct first){.cookie = n, .vendors = n});
    CU_ASSERT(wire_sas(w, B) <= 10);
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

static void BD_05_no_key_then_a_retransmission(void)
{
    struct wire_conf a = {.ikev1 = true}, b = {.ikev1 = true, .key = "address 192.0.2.77"};
    struct wire *w = wire_new(2, &a, &b);
    wire_up(w, A);
    wire_run(w, 65000);
    CU_ASSERT_EQUAL(wire_count(w, "B INFO: N(NO_PROPOSAL_CHOSEN)\n"), wire_count(w, "A MM1"));
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    wire_free(w);
}

static void BD_09_a_refused_AM1_and_then_more_of_it(void)
{
    static const uint8_t id[4] = {192, 0, 2, 1}, ke[64] = {1}; /* not on the curve */
    struct wire *w = idle("crypto isakmp key x hostname some.where\n");
    struct first f = {
        .exchange = PLD1_AGGRESSIVE, .id_type = PLD1_ID_IPV4, .id = {id, 4}, .ke = {ke, sizeof ke}};
    uint8_t data[4096];
    for (unsigned i = 0; i < 3; i++) {
        refused(w, &f);
        size_t n = put_first(&f, data, sizeof data);
        memset(data + 8, 0x99, 8); /* a cookie of ours that never was */
        data[19] |= PLD1_FLAG_ENCRYPTION;
        inject_from(w, B, NULL, 500, data, n);
    }
    CU_ASSERT_FALSE(wire_saw(w, "B AM2"));
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

static void BD_11_rejected_packets_without_state(void)
{
    static const uint8_t exchanges[] = {0, 1, 2, 3, 4, 5, 6, 31, 32, 33, 240, 255};
    struct wire *w = idle(NULL);
    for (unsigned i = 0; i < sizeof exchanges; i++)
        for (unsigned flags = 0; flags < 16; flags++)
            for (size_t len = 0; len <= 64; len += 4) {
                uint8_t data[64] = {0xc0};
                memset(data + 8, flags & 8 ? 0x55 : 0, 8);
                data[16] = (uint8_t)(len % 24);
                data[17] = PLD1_VERSION;
                data[18] = exchanges[i];
                data[19] = (uint8_t)(flags & 7);
                data[27] = (uint8_t)len;
                inject_from(w, B, "203.0.113.9", 500, data, len);
            }
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    CU_ASSERT_EQUAL(w->side[B].ike->counters.datagrams_in, 12u * 16 * 17);
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

/* ---- 4, 6, 7, 10, 13: phase 2 ------------------------------------------------------------------------------------------ */
static void BD_04_GMAC_and_every_other_transform_gets_keys(void)
{
    static const char *const sets[] = {"esp-gmac 128", "esp-gmac 256", "esp-null esp-sha256-hmac",
                                       "esp-gcm 256", "esp-aes 256 esp-sha512-hmac"};
    for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct wire_conf c = {.ikev1 = true, .transform = sets[i]};
        struct wire *w = up1(i, &c, &c); /* mock_dp refuses keys of zeros and keys seen before */
        CU_ASSERT(wire_consistent(w, true));
        wire_free(w);
    }
}

static void put_cookies(const struct ike_sa *sa, uint8_t out[16])
{
    memcpy(out, sa->spi_i, 8);
    memcpy(out + 8, sa->spi_r, 8);
}

static void put_sa_delete_twice(struct pld_builder *b, void *ctx)
{
    uint8_t two[32];
    put_cookies(ctx, two);
    put_cookies(ctx, two + 16);
    pld1_put_delete(b, PLD1_PROTO_ISAKMP, 16, two, 2);
    pld1_put_delete(b, PLD1_PROTO_ISAKMP, 16, two, 1);
    pld1_put_delete(b, PLD1_PROTO_ISAKMP, 16, two, 2);
}

static void BD_06_delete_of_the_ISAKMP_SA_several_times_in_one_message(void)
{
    struct wire *w = up1(3, NULL, NULL);
    wire_forge1(w, B, wire_sa(w, B), PLD1_INFORMATIONAL, 0, WIRE_SOUND, put_sa_delete_twice, wire_sa(w, B));
    wire_run(w, SETTLED_MS);
    CU_ASSERT_EQUAL(wire_sas(w, A), 0);
    CU_ASSERT_EQUAL(mock_dp_count(w->side[A].dp, CV_DIR_OUT), 0);
    CU_ASSERT_STRING_EQUAL(wire_reason_text(w, A), "peer-deleted");
    wire_free(w);
}

/* A QM1 in B's name. */
struct quick {
    uint8_t id_type[2];
    struct slice id[2];
    unsigned ids;
    uint16_t encap, integ, group, key_bits;
    uint8_t transform, spi_len;
    uint32_t spi;
    size_t nonce;
    struct slice ke;
    unsigned proposals;
};

static void put_quick(struct pld_builder *b, void *ctx)
{
    const struct quick *q = ctx;
    static const uint8_t nonce[PLD1_NONCE_MAX] = {9};
    struct pld1_build_proposal p[2] = {
        {.number = 1, .proto = PLD1_PROTO_ESP, .spi_len = q->spi_len, .count = 1}};
    uint32_t spi = q->spi;
    for (unsigned i = 0; i < 4; i++)
        p[0].spi[i] = (uint8_t)(spi >> (24 - 8 * i));
    p[0].transforms[0] = (struct pld1_build_transform){.number = 1,
                                                       .id = q->transform,
                                                       .key_bits = q->key_bits,
                                                       .encap = q->encap,
                                                       .integ = q->integ,
                                                       .group = q->group,
                                                       .life = {.seconds = 3600}};
    p[1] = p[0]; /* the same number: wanted together */
    pld1_put_sa(b, p, q->proposals);
    pld1_put_raw(b, PLD1_NONCE, (struct slice){nonce, q->nonce});
    if (q->ke.n)
        pld1_put_raw(b, PLD1_KE, q->ke);
    for (unsigned i = 0; i < q->ids; i++)
        pld1_put_id(b, q->id_type[i], 0, 0, q->id[i]);
}

static const uint8_t any_net[8] = {0};

static struct quick sound(void)
{
    return (struct quick){.id_type = {PLD1_ID_IPV4_SUBNET, PLD1_ID_IPV4_SUBNET},
                          .id = {{any_net, 8}, {any_net, 8}},
                          .ids = 2,
                          .encap = PLD1_ENCAP_TUNNEL,
                          .integ = 5, /* HMAC-SHA2-256 */
                          .key_bits = 128,
                          .transform = 12, /* AES-CBC */
                          .spi_len = 4,
                          .spi = 0x11223344,
                          .nonce = 16,
                          .proposals = 1};
}

/* A has answered with an error, or not at all; the tunnel is what it was. */
static void quick_refused(struct wire *w, struct quick *q)
{
    uint32_t spi = wire_child(w, A)->in.spi;
    unsigned adds = w->side[A].dp->adds;
    wire_trace_clear(w);
    wire_forge1(w, B, wire_sa(w, B), PLD1_QUICK, 0, WIRE_SOUND, put_quick, q);
    wire_run(w, 100);
    CU_ASSERT_FALSE(wire_saw(w, "A QM2"));
    CU_ASSERT_EQUAL(w->side[A].dp->adds, adds);
    CU_ASSERT_EQUAL(wire_child(w, A)->in.spi, spi);
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
}

static void a_sound_QM1_by_hand_is_answered(void)
{
    struct wire *w = up1(4, NULL, NULL);
    struct quick q = sound();
    wire_forge1(w, B, wire_sa(w, B), PLD1_QUICK, 0, WIRE_SOUND, put_quick, &q);
    CU_ASSERT(
        wire_saw(w, "A QM2: HASH SA NONCE ID ID N(RESPONDER_LIFETIME)\n")); /* ours is shorter by volume */
    CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));                      /* on the old one until QM3 */
    wire_run(w, 120000); /* which never comes: taken back */
    CU_ASSERT_EQUAL(wire_children(w, A), 1);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

static void BD_07_and_BD_10_identities_that_are_no_selectors(void)
{
    static const uint8_t name[] = "R1.cisco.com", v4[4] = {10, 0, 0, 1}, three[3] = {10, 0, 0},
                         holes[8] = {10, 0, 0, 0, 255, 0, 255, 0}, backwards[8] = {10, 0, 0, 9, 10, 0, 0, 1},
                         v6[16] = {0x20, 1}, dn[] = {0x30, 0x82, 0xff, 0xff};
    static const struct {
        uint8_t type;
        struct slice data;
    } bad[] = {{PLD1_ID_FQDN, {name, sizeof name - 1}},
               {PLD1_ID_USER_FQDN, {name, sizeof name - 1}},
               {PLD1_ID_DN, {dn, sizeof dn}},
               {PLD1_ID_KEY, {name, 3}},
               {PLD1_ID_IPV4, {three, 3}},
               {PLD1_ID_IPV4_SUBNET, {v4, 4}},
               {PLD1_ID_IPV4_SUBNET, {holes, 8}},
               {PLD1_ID_IPV4_RANGE, {backwards, 8}},
               {PLD1_ID_IPV6, {v6, 16}},
               {PLD1_ID_IPV6_SUBNET, {v6, 16}},
               {0, {v4, 4}},
               {250, {v4, 4}},
               {PLD1_ID_IPV4, {v4, 0}},
               {PLD1_ID_GN, {dn, sizeof dn}}};
    struct wire *w = up1(5, NULL, NULL);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        for (unsigned place = 0; place < 3; place++) {
            struct quick q = sound();
            for (unsigned k = 0; k < 2; k++)
                if (place == k || place == 2) {
                    q.id_type[k] = bad[i].type;
                    q.id[k] = bad[i].data;
                }
            quick_refused(w, &q);
        }
    wire_run(w, SETTLED_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void BD_10_one_identity_or_three(void)
{
    struct wire *w = up1(6, NULL, NULL);
    struct quick q = sound();
    q.ids = 1;
    quick_refused(w, &q);
    wire_run(w, SETTLED_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void BD_25_transforms_are_taken_whole_or_not_at_all(void)
{
    static const uint8_t ke[64] = {1};
    struct wire *w = up1(7, NULL, NULL);
    struct quick cases[10];
    for (unsigned i = 0; i < 10; i++)
        cases[i] = sound();
    cases[0].integ = 0; /* encryption alone */
    cases[1].integ = 1; /* MD5, not ours */
    cases[2].key_bits = 256;
    cases[3].key_bits = 0;
    cases[4].transform = 2;  /* DES */
    cases[5].transform = 11; /* NULL, with integrity that fits */
    cases[6].encap = PLD1_ENCAP_UDP_TUNNEL;
    cases[7].spi = 5;       /* reserved */
    cases[8].proposals = 2; /* a bundle */
    cases[9].group = 19;
    cases[9].ke = (struct slice){ke, sizeof ke}; /* not on the curve (BD_14) */
    for (unsigned i = 0; i < 10; i++)
        quick_refused(w, &cases[i]);
    wire_run(w, SETTLED_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void put_esp_delete(struct pld_builder *b, void *ctx)
{
    uint32_t spi = *(uint32_t *)ctx;
    uint8_t bytes[4] = {(uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8), (uint8_t)spi};
    pld1_put_delete(b, PLD1_PROTO_ESP, 4, bytes, 1);
}

static void put_sa_delete(struct pld_builder *b, void *ctx)
{
    uint8_t cookies[16];
    put_cookies(ctx, cookies);
    pld1_put_delete(b, PLD1_PROTO_ISAKMP, 16, cookies, 1);
}

static void put_dpd(struct pld_builder *b, void *ctx)
{
    static const uint8_t seq[4] = {0x7f, 0xff, 0xff, 0xff};
    uint8_t cookies[16];
    put_cookies(ctx, cookies);
    pld1_put_notify(b, PLD1_PROTO_ISAKMP, (struct slice){cookies, 16}, PLD1_N_R_U_THERE,
                    (struct slice){seq, 4});
}

static void put_initial_contact(struct pld_builder *b, void *ctx)
{
    uint8_t cookies[16];
    put_cookies(ctx, cookies);
    pld1_put_notify(b, PLD1_PROTO_ISAKMP, (struct slice){cookies, 16}, PLD1_N_INITIAL_CONTACT, nothing);
}

static void put_refusal(struct pld_builder *b, void *ctx)
{
    (void)ctx;
    pld1_put_notify(b, PLD1_PROTO_ESP, nothing, PLD1_N_NO_PROPOSAL_CHOSEN, nothing);
}

static void BD_13_and_BD_19_informational_messages_that_prove_nothing_change_nothing(void)
{
    static const unsigned hows[] = {WIRE_BAD_HASH, WIRE_NO_HASH, WIRE_CLEAR, WIRE_CLEAR | WIRE_NO_HASH,
                                    WIRE_CLEAR | WIRE_BAD_HASH};
    static wire_build *const builds[] = {put_esp_delete, put_sa_delete, put_dpd, put_initial_contact,
                                         put_refusal};
    struct wire *w = up1(8, NULL, NULL);
    uint32_t spi = wire_child(w, A)->out.spi, conn = wire_sa(w, A)->conn_id;
    struct v1_dpd dpd = v1_of(wire_sa(w, A))->dpd;
    for (unsigned i = 0; i < sizeof hows / sizeof *hows; i++)
        for (unsigned k = 0; k < sizeof builds / sizeof *builds; k++)
            wire_forge1(w, B, wire_sa(w, B), PLD1_INFORMATIONAL, 0, hows[i], builds[k],
                        k == 0 ? (void *)&spi : (void *)wire_sa(w, B));
    CU_ASSERT_EQUAL(wire_count(w, "A INFO"), 0); /* nothing is answered either */
    wire_run(w, SETTLED_MS);
    CU_ASSERT_EQUAL(wire_sa(w, A)->conn_id, conn);
    CU_ASSERT_EQUAL(v1_of(wire_sa(w, A))->dpd.seq_in_set, dpd.seq_in_set);
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void BD_06_deletes_of_what_is_not_the_senders(void)
{
    struct wire *w = up1(9, NULL, NULL);
    uint32_t ours = wire_child(w, A)->in.spi, none = 0x12345678;
    wire_forge1(w, B, wire_sa(w, B), PLD1_INFORMATIONAL, 0, WIRE_SOUND, put_esp_delete, &ours);
    wire_forge1(w, B, wire_sa(w, B), PLD1_INFORMATIONAL, 0, WIRE_SOUND, put_esp_delete, &none);
    wire_run(w, SETTLED_MS);
    CU_ASSERT(settled(w));
    wire_free(w);
}

/* ---- 12, 17: before there are keys -------------------------------------------------------------------------------------- */
static void BD_12_and_BD_17_phase_2_before_phase_1_is_done(void)
{
    for (uint64_t ms = 12; ms < 40; ms += 5) { /* after each message of Main Mode */
        struct wire *w = idle(NULL);
        wire_up(w, A);
        wire_run(w, ms - 10);
        for (enum wire_end end = A; end <= B; end++)
            for (unsigned x = 0; x < 2; x++)
                for (unsigned flags = 0; flags < 8; flags++) {
                    const struct ike_sa *sa = w->side[end].ike->by_conn;
                    uint8_t data[92] = {0};
                    if (!sa)
                        continue;
                    memcpy(data, sa->spi_i, 8);
                    memcpy(data + 8, sa->spi_r, 8);
                    data[16] = PLD1_HASH;
                    data[17] = PLD1_VERSION;
                    data[18] = x ? PLD1_QUICK : PLD1_INFORMATIONAL;
                    data[19] = (uint8_t)flags;
                    data[23] = 7;
                    data[27] = sizeof data;
                    inject_from(w, end, NULL, 500, data, sizeof data);
                }
        nothing_installed(w);
        wire_run(w, SETTLE_MS);
        CU_ASSERT(wire_both_up(w));
        CU_ASSERT(settled(w));
        wire_free(w);
    }
}

static void errors_in_the_clear_do_not_end_a_negotiation(void)
{
    struct wire *w = idle(NULL);
    w->side[B].muted = true;
    wire_up(w, A);
    wire_run(w, 100);
    for (uint16_t type = 1; type <= 30; type++) {
        uint8_t data[64];
        struct buf_writer bw = buf_writer_init(data, sizeof data);
        struct pld_builder b;
        struct pld_header h = {.version = PLD1_VERSION, .exchange = PLD1_INFORMATIONAL, .message_id = type};
        memcpy(h.spi_i, wire_sa(w, A)->spi_i, 8);
        pld_begin(&b, &bw, &h);
        pld1_put_notify(&b, PLD1_PROTO_ISAKMP, nothing, type, nothing);
        pld1_end(&b, 1);
        inject_from(w, A, NULL, 500, data, bw.len);
    }
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    w->side[B].muted = false;
    wire_run(w, 11000);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- 14, 15, 16, 23 -------------------------------------------------------------------------------------------------------- */
static void BD_14_and_BD_23_transforms_of_phase_1_that_cannot_be_taken(void)
{
    static const struct first bad[] = {
        {.no_group = true}, {.no_hash = true}, {.group = 1025},
        {.group = 65535},   {.encr = 1},                    /* DES, not in the policy */
        {.key_bits = 256},  {.hash = 1},       {.auth = 4}, /* RSA encryption: never */
        {.auth = 5},        {.auth = 65001},                /* XAUTH */
        {.auth = 3}};
    struct wire *w = idle(NULL);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(w, &bad[i]);
    send_first(w, B, &(struct first){.cookie = 100}); /* and the sound one is */
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    wire_free(w);
}

/* KE of MM3 or MM4 becomes this value. */
struct degenerate {
    enum wire_end from;
    uint8_t fill, last;
};

static bool spoil_ke(struct wire *w, struct wire_packet *p, void *ctx)
{
    const struct degenerate *g = ctx;
    (void)w;
    if (p->from != g->from || p->len < PLD_HEADER_LEN || p->data[16] != PLD1_KE || p->data[18] != PLD1_MAIN)
        return true;
    size_t n = (size_t)p->data[PLD_HEADER_LEN + 2] << 8 | p->data[PLD_HEADER_LEN + 3];
    memset(p->data + PLD_HEADER_LEN + 4, g->fill, n - 4);
    p->data[PLD_HEADER_LEN + n - 1] = g->last;
    return true;
}

static void BD_14_degenerate_public_values(void)
{
    static const char *const policies[] = {" encr aes\n hash sha256\n group 14\n", NULL};
    static const uint8_t values[][2] = {{0, 0}, {0, 1}, {0xff, 0xff}, {0, 2}};
    for (unsigned k = 0; k < 2; k++)
        for (unsigned v = 0; v < 3; v++)
            for (enum wire_end from = A; from <= B; from++) {
                struct wire_conf c = {.ikev1 = true, .ike = policies[k]};
                struct degenerate g = {from, values[v][0], values[v][1]};
                struct wire *w = wire_new(v, &c, &c);
                w->filter = spoil_ke;
                w->filter_ctx = &g;
                wire_up(w, A);
                wire_run(w, 30000);
                CU_ASSERT_FALSE(wire_saw(w, from == A ? "B MM4" : "A MM5"));
                nothing_installed(w);
                w->filter = NULL; /* the honest one comes again and is taken */
                wire_run(w, 40000);
                CU_ASSERT(wire_both_up(w));
                wire_free(w);
            }
}

static void BD_15_DOI_situation_and_payloads_out_of_place(void)
{
    struct wire *w = idle(NULL);
    refused(w, &(struct first){.doi = 2});
    refused(w, &(struct first){.doi = 0x80});
    refused(w, &(struct first){.situation = 2});
    refused(w, &(struct first){.situation = 0x41});
    refused(w, &(struct first){.two_sa = true});
    refused(w, &(struct first){.no_sa = true, .vendors = 1});
    refused(w, &(struct first){.nonce_first = true});
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

static void BD_16_one_versions_payloads_under_the_others_header(void)
{
    struct wire *w = idle(NULL);
    uint8_t data[4096];
    for (unsigned version = 0; version < 256; version += 0x10)
        for (unsigned x = 0; x < 256; x++) {
            struct first f = {.cookie = version << 8 | x};
            size_t n = put_first(&f, data, sizeof data);
            data[17] = (uint8_t)version;
            data[18] = (uint8_t)x;
            if (version == PLD1_VERSION && x == PLD1_MAIN)
                continue;
            inject_from(w, B, NULL, 500, data, n);
            data[16] = 33; /* IKEv2's SA */
            inject_from(w, B, NULL, 500, data, n);
        }
    CU_ASSERT_EQUAL(wire_sas(w, B), 0);
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

/* ---- 18, 22: fragments ---------------------------------------------------------------------------------------------------- */
static void put_fragment(struct wire *w, enum wire_end to, const struct ike_sa *sa, uint16_t id,
                         uint8_t number, bool last, size_t n)
{
    static const uint8_t filler[1500];
    uint8_t data[2048];
    struct buf_writer bw = buf_writer_init(data, sizeof data);
    struct pld_builder b;
    struct pld_header h = {.version = PLD1_VERSION, .exchange = PLD1_MAIN};
    memcpy(h.spi_i, sa->spi_i, 8);
    memcpy(h.spi_r, sa->spi_r, 8);
    pld_begin(&b, &bw, &h);
    pld1_put_fragment(&b, id, number, last, (struct slice){filler, n});
    pld1_end(&b, 1);
    inject_from(w, to, NULL, 500, data, bw.len);
}

static void BD_18_and_BD_22_fragments_without_end_or_sense(void)
{
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp fragmentation\n"};
    struct wire *w = up1(10, &c, &c);
    const struct ike_sa *sa = wire_sa(w, A);
    for (unsigned id = 0; id < 200; id++) /* each one begins another message */
        put_fragment(w, A, sa, (uint16_t)id, (uint8_t)(id % 255 + 1), false, 1400);
    for (unsigned n = 255; n > 0; n--) /* backwards, the order that costs most */
        put_fragment(w, A, sa, 7, (uint8_t)n, n == 255, 1400);
    for (unsigned n = 1; n < 40; n++) { /* the last one is not the last, several last ones, empty ones */
        put_fragment(w, A, sa, 8, 3, true, 100);
        put_fragment(w, A, sa, 8, (uint8_t)n, n & 1, n % 3 ? 50 : 0);
    }
    for (unsigned i = 0; i < 20; i++) { /* whole messages of zeros */
        put_fragment(w, A, sa, (uint16_t)(900 + i), 1, false, 28 + i);
        put_fragment(w, A, sa, (uint16_t)(900 + i), 2, true, 10);
    }
    CU_ASSERT(settled(w));
    wire_free(w);
}

/* A fragment within a fragment within ... */
static void BD_18_fragments_of_fragments(void)
{
    struct wire_conf c = {.ikev1 = true, .global = "crypto isakmp fragmentation\n"};
    struct wire *w = up1(11, &c, &c);
    const struct ike_sa *sa = wire_sa(w, A);
    uint8_t data[4096];
    size_t n = 0;
    for (unsigned depth = 0; depth < 60; depth++) {
        uint8_t inner[4096];
        struct buf_writer bw = buf_writer_init(inner, sizeof inner);
        struct pld_builder b;
        struct pld_header h = {.version = PLD1_VERSION, .exchange = PLD1_MAIN};
        memcpy(h.spi_i, sa->spi_i, 8);
        memcpy(h.spi_r, sa->spi_r, 8);
        pld_begin(&b, &bw, &h);
        pld1_put_fragment(&b, (uint16_t)depth, 1, true, (struct slice){data, n ? n : 1});
        pld1_end(&b, 1);
        memcpy(data, inner, bw.len);
        n = bw.len;
        uint8_t copy[4096];
        memcpy(copy, data, n);
        inject_from(w, A, NULL, 500, copy, n);
    }
    CU_ASSERT(settled(w));
    wire_free(w);
}

static void BD_22_a_thousand_refused_negotiations_keep_nothing(void)
{
    struct wire *w = idle(NULL);
    for (unsigned i = 0; i < 1000; i++)
        refused(w, &(struct first){.cookie = i, .group = 1025, .transforms = 60});
    CU_ASSERT(wire_count(w, "B INFO: N(NO_PROPOSAL_CHOSEN)\n") < 1000); /* nor is each one answered */
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

/* ---- 24 ----------------------------------------------------------------------------------------------------------------------- */
struct hash_cut {
    size_t keep;
    unsigned changed;
};

/* HASH of MM5 or MM6 becomes shorter: ID is 12 octets, HASH follows. */
static void cut_hash(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    enum { AT = 12 };
    struct hash_cut *c = ctx;
    (void)cap;
    (void)first;
    size_t n = (size_t)plain[AT + 2] << 8 | plain[AT + 3];
    if (plain[0] != PLD1_HASH || AT + n > *len)
        return;
    memmove(plain + AT + 4 + c->keep, plain + AT + n, *len - AT - n);
    *len -= n - 4 - c->keep;
    plain[AT + 2] = 0;
    plain[AT + 3] = (uint8_t)(4 + c->keep);
    c->changed++;
}

static bool cut_proofs(struct wire *w, struct wire_packet *p, void *ctx)
{
    if (p->len > PLD_HEADER_LEN && p->data[18] == PLD1_MAIN && p->data[19] & PLD1_FLAG_ENCRYPTION)
        (void)wire_reseal1(w, p, cut_hash, ctx);
    return true;
}

static void BD_24_a_HASH_that_is_empty_or_short_proves_nothing(void)
{
    for (size_t keep = 0; keep < 32; keep += 5) {
        struct wire *w = idle(NULL);
        struct hash_cut c = {.keep = keep};
        w->filter = cut_proofs;
        w->filter_ctx = &c;
        wire_up(w, A);
        wire_run(w, 30000);
        CU_ASSERT(c.changed > 0);
        CU_ASSERT_FALSE(wire_saw(w, "MM6"));
        nothing_installed(w);
        wire_free(w);
    }
}

UNIT_MAIN("broken-v1", UNIT_TEST(BD_01_many_unknown_vendors_and_payloads),
          UNIT_TEST(BD_05_no_key_then_a_retransmission), UNIT_TEST(BD_09_a_refused_AM1_and_then_more_of_it),
          UNIT_TEST(BD_11_rejected_packets_without_state),
          UNIT_TEST(BD_04_GMAC_and_every_other_transform_gets_keys),
          UNIT_TEST(BD_06_delete_of_the_ISAKMP_SA_several_times_in_one_message),
          UNIT_TEST(a_sound_QM1_by_hand_is_answered),
          UNIT_TEST(BD_07_and_BD_10_identities_that_are_no_selectors), UNIT_TEST(BD_10_one_identity_or_three),
          UNIT_TEST(BD_25_transforms_are_taken_whole_or_not_at_all),
          UNIT_TEST(BD_13_and_BD_19_informational_messages_that_prove_nothing_change_nothing),
          UNIT_TEST(BD_06_deletes_of_what_is_not_the_senders),
          UNIT_TEST(BD_12_and_BD_17_phase_2_before_phase_1_is_done),
          UNIT_TEST(errors_in_the_clear_do_not_end_a_negotiation),
          UNIT_TEST(BD_14_and_BD_23_transforms_of_phase_1_that_cannot_be_taken),
          UNIT_TEST(BD_14_degenerate_public_values), UNIT_TEST(BD_15_DOI_situation_and_payloads_out_of_place),
          UNIT_TEST(BD_16_one_versions_payloads_under_the_others_header),
          UNIT_TEST(BD_18_and_BD_22_fragments_without_end_or_sense), UNIT_TEST(BD_18_fragments_of_fragments),
          UNIT_TEST(BD_22_a_thousand_refused_negotiations_keep_nothing),
          UNIT_TEST(BD_24_a_HASH_that_is_empty_or_short_proves_nothing))
