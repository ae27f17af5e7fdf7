/* What somebody on the path, or a peer that has a pre-shared key, tries against IKEv1's phase 1 and against the tunnels of others. */
#include "tests/dialogue/forge_v1.h"
#include "tests/unit/unit.h"

static const char aggressive[] = " initiate mode aggressive\n";

static bool is(const struct wire_packet *p, uint8_t exchange, bool encrypted, enum wire_end from)
{
    return p->from == from && p->len > PLD_HEADER_LEN && p->data[17] == PLD1_VERSION &&
           p->data[18] == exchange && !(p->data[19] & PLD1_FLAG_ENCRYPTION) == !encrypted;
}

static size_t payload_len(const uint8_t *at)
{
    return (size_t)at[2] << 8 | at[3];
}

/* ---- notifies beside a proof ------------------------------------------------------------------------------------------- */
struct opened {
    uint8_t data[1024];
    size_t len;
    uint8_t first;
};

/* The payloads alone, without the padding of encryption. */
static void take_payloads(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    struct opened *o = ctx;
    size_t n = 0;
    (void)cap;
    o->first = *first;
    uint8_t type = *first;
    while (type && n + PLD_GENERIC_LEN <= *len) {
        type = plain[n];
        n += payload_len(plain + n);
    }
    if (n > *len || n > sizeof o->data)
        abort();
    memcpy(o->data, plain, n);
    o->len = n;
}

/* RFC 2409 5.4 lets AM3 be in the clear: whoever is on the way then adds what he likes behind HASH_I. */
static bool strip_AM3(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct opened o;
    unsigned *count = ctx;
    if (!is(p, PLD1_AGGRESSIVE, true, A))
        return true;
    if (!wire_reseal1(w, p, take_payloads, &o))
        abort();
    p->data[16] = o.first;
    p->data[19] = 0;
    memcpy(p->data + PLD_HEADER_LEN, o.data, o.len);
    p->len = PLD_HEADER_LEN + o.len;
    struct buf_writer bw = buf_writer_init(p->data + 24, 4);
    buf_put_u32(&bw, (uint32_t)p->len);
    ++*count;
    return true;
}

static void AM3_in_the_clear_proves_the_peer_and_nothing_else(void)
{
    for (unsigned clear = 0; clear < 2; clear++) {
        struct wire_conf c = {.ikev1 = true, .profile = aggressive};
        unsigned stripped = 0;
        struct wire *w = up1(1, &c, &c);
        wire_restart(w, A, true);
        wire_record_clear(w);
        w->filter = clear ? strip_AM3 : NULL;
        w->filter_ctx = &stripped;
        wire_up(w, A);
        wire_run(w, SETTLE_MS);
        CU_ASSERT_EQUAL(stripped > 0, clear);
        CU_ASSERT(wire_saw(w, "A AM3: HASH NAT-D NAT-D N(INITIAL_CONTACT)\n"));
        CU_ASSERT(wire_event(w, B, "phase 1 is complete"));
        CU_ASSERT_EQUAL(wire_event(w, B, "processing NOTIFY INITIAL-CONTACT"), !clear);
        wire_free(w);
    }
}

/* ---- where the peer is ----------------------------------------------------------------------------------------------------- */
static void spoil_hash(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx)
{
    (void)len;
    (void)cap;
    (void)first;
    (void)ctx;
    plain[payload_len(plain) + PLD_GENERIC_LEN] ^= 1; /* ID stands first, then HASH */
}

/* MM5 with another HASH and from port 4500 runs ahead of the peer's own. */
static bool spoiled_MM5_ahead(struct wire *w, struct wire_packet *p, void *ctx)
{
    unsigned *count = ctx;
    if (!is(p, PLD1_MAIN, true, A) || *count)
        return true;
    struct wire_packet bad = *p;
    bad.data = malloc(p->len);
    if (!bad.data)
        abort();
    memcpy(bad.data, p->data, p->len);
    if (!wire_reseal1(w, &bad, spoil_hash, NULL))
        abort();
    struct ike_datagram d = {.local = {.addr = p->dst.addr, .port = 4500},
                             .remote = {.addr = p->src.addr, .port = 4500},
                             .natt = true,
                             .data = bad.data,
                             .len = bad.len};
    ike_datagram_in(w->side[B].ike, &d);
    free(bad.data);
    ++*count;
    return true;
}

static void MM5_moves_nobody_before_its_HASH_is_verified(void)
{
    struct wire_conf c = {.ikev1 = true};
    unsigned count = 0;
    struct wire *w = wire_new(2, &c, &c);
    w->filter = spoiled_MM5_ahead;
    w->filter_ctx = &count;
    CU_ASSERT(comes_up(w));
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_FALSE(wire_sa(w, B)->natt);
    CU_ASSERT_FALSE(wire_sa(w, B)->nat_remote);
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 500);
    CU_ASSERT(settled(w));
    wire_free(w);
}

/* NAT-D of AM2 says that somebody stands in between. */
static bool spoil_NAT_D(struct wire *w, struct wire_packet *p, void *ctx)
{
    struct pld1_message *m = calloc(1, sizeof *m);
    const char *err;
    (void)w;
    if (!m)
        abort();
    if (is(p, PLD1_AGGRESSIVE, false, B) && pld1_header(p->data, p->len, &m->header, &err) == CV_OK &&
        pld1_outer(p->data, p->len, m, &err) == CV_OK && m->nat_d_count == 2) {
        p->data[m->nat_d[1].p - p->data] ^= 1;
        ++*(unsigned *)ctx;
    }
    free(m);
    return true;
}

static void NAT_D_spoiled_on_the_way_stops_no_Quick_Mode(void)
{
    struct wire_conf c = {.ikev1 = true, .profile = aggressive};
    char err[SEL_TEXT_MAX];
    unsigned spoiled = 0;
    struct wire *w = wire_new(3, &c, &c);
    w->filter = spoil_NAT_D;
    w->filter_ctx = &spoiled;
    CU_ASSERT(comes_up(w));
    CU_ASSERT(wire_sa(w, A)->natt && wire_sa(w, B)->natt);
    /* once more at port 4500, where nothing floats any more: A finds a NAT, B does not */
    CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, "Tunnel1", true, err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, REPLACED_MS);
    CU_ASSERT_EQUAL(spoiled, 2);
    CU_ASSERT(wire_sa(w, A)->nat_remote && !wire_sa(w, B)->nat_remote);
    for (enum wire_end end = A; end <= B; end++) {
        wire_trace_clear(w);
        CU_ASSERT_EQUAL(ike_rekey(w->side[end].ike, "Tunnel1", false, err, sizeof err), IKE_CMD_STARTED);
        CU_ASSERT(no_loss(w, 5000));
        CU_ASSERT(wire_saw(w, "QM3"));
        wire_run(w, SETTLED_MS);
        CU_ASSERT(settled(w));
    }
    wire_free(w);
}

/* Phase 1 anew, from elsewhere: the old one's address does not come back with its children. */
static void a_new_phase_1_from_a_new_NAT_mapping_is_where_the_peer_is(void)
{
    struct wire_conf a = {.ikev1 = true}, b = {.ikev1 = true, .peer = "198.51.100.7"};
    char err[SEL_TEXT_MAX];
    struct wire *w = wire_new(6, &a, &b);
    CU_ASSERT(ip_addr_parse("198.51.100.7", &w->nat));
    w->nat_port = 31000;
    CU_ASSERT_FATAL(comes_up(w));
    w->nat_port = 42000;
    CU_ASSERT_EQUAL(ike_rekey(w->side[A].ike, "Tunnel1", true, err, sizeof err), IKE_CMD_STARTED);
    wire_run(w, SETTLE_MS);
    CU_ASSERT(wire_saw(w, "B MM6"));
    CU_ASSERT_EQUAL(wire_sa(w, B)->remote.port, 42001);
    CU_ASSERT_EQUAL(mock_dp_sending(w->side[B].dp, 1)->sa.remote.port, 42001);
    wire_run(w, REPLACED_MS);
    CU_ASSERT_EQUAL(wire_sas(w, A), 1);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(wire_both_up(w));
    wire_free(w);
}

/* ---- memory --------------------------------------------------------------------------------------------------------------- */
/* MM1 with one good transform, and one that says so many octets of nothing. */
static size_t put_swollen(uint8_t *out, size_t cap, uint32_t cookie, uint16_t filler)
{
    enum { TRANSFORM = 8, GOOD = TRANSFORM + 5 * 4, UNKNOWN = 0x3fff };
    static const uint16_t good[] = {0x8001, PLD1_ENCR_AES, 0x800e, 128, 0x8002, PLD1_HASH_SHA2_256,
                                    0x8003, PLD1_AUTH_PSK, 0x8004, 19};
    const uint16_t bad = (uint16_t)(TRANSFORM + 4 + filler), proposal = (uint16_t)(8 + bad + GOOD),
                   sa = (uint16_t)(4 + 8 + proposal);
    struct buf_writer w = buf_writer_init(out, cap);
    buf_put(&w, far_cookie, 4);
    buf_put_u32(&w, cookie);
    buf_put_u32(&w, 0);
    buf_put_u32(&w, 0);
    buf_put_u32(&w, (uint32_t)PLD1_SA << 24 | PLD1_VERSION << 16 | PLD1_MAIN << 8);
    buf_put_u32(&w, 0);
    buf_put_u32(&w, (uint32_t)(PLD_HEADER_LEN + sa));
    buf_put_u16(&w, 0);
    buf_put_u16(&w, sa);
    buf_put_u32(&w, 1); /* DOI */
    buf_put_u32(&w, 1); /* situation */
    buf_put_u16(&w, 0);
    buf_put_u16(&w, proposal);
    buf_put_u32(&w, 1u << 24 | PLD1_PROTO_ISAKMP << 16 | 2);
    buf_put_u16(&w, 3 << 8);
    buf_put_u16(&w, bad);
    buf_put_u32(&w, 1u << 24 | PLD1_KEY_IKE << 16);
    buf_put_u16(&w, UNKNOWN);
    buf_put_u16(&w, filler);
    for (unsigned i = 0; i < filler; i++)
        buf_put_u8(&w, 0);
    buf_put_u16(&w, 0);
    buf_put_u16(&w, GOOD);
    buf_put_u32(&w, 2u << 24 | PLD1_KEY_IKE << 16);
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
        buf_put_u16(&w, good[i]);
    if (w.bad)
        abort();
    return w.len;
}

static void CVE_2016_6415_a_first_message_pins_no_more_than_it_needs(void)
{
    static uint8_t data[65536];
    struct wire *w = idle(NULL);
    size_t n = put_swollen(data, sizeof data, 1, 1000); /* it is taken for what it says */
    inject_from(w, B, "10.0.0.1", 500, data, n);
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    for (unsigned i = 0; i < 100; i++) {
        n = put_swollen(data, sizeof data, 2 + i, (uint16_t)(V1_SA_BODY_MAX + 500 * i));
        inject_from(w, B, "10.0.0.1", 500, data, n);
    }
    CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    CU_ASSERT(comes_up(w));
    wire_free(w);
}

/* A has the key, and another name each time (PF-6): nothing of it is replaced by the next. */
static struct wire *with_names(unsigned names, unsigned times)
{
    struct wire_conf b = {.ikev1 = true};
    struct wire *w = wire_new(4, &b, &b);
    for (unsigned i = 0; i < names * times; i++) {
        char id[64], *text = calloc(1, WIRE_CONF);
        snprintf(id, sizeof id, "fqdn a%u.example", i % names);
        struct wire_conf a = {.ikev1 = true, .own_id = id};
        if (!text)
            abort();
        wire_conf_text(A, &a, text);
        wire_restart(w, A, true);
        wire_reload(w, A, text);
        free(text);
        wire_up(w, A);
        wire_run(w, 100);
        wire_trace_clear(w);
    }
    return w;
}

static void an_authenticated_peer_of_many_names_is_bounded(void)
{
    struct wire *w = with_names(V1_ADDRESS_SAS_MAX + 60, 1);
    CU_ASSERT_EQUAL(wire_sas(w, B), V1_ADDRESS_SAS_MAX);
    wire_free(w);
}

/* ---- Aggressive Mode ------------------------------------------------------------------------------------------------------- */
static unsigned answers_to_AM1(const char *b_more, const char *b_profile, const char *b_key, const char *id)
{
    struct wire_conf a = {.ikev1 = true, .profile = aggressive, .own_id = id},
                     b = {.ikev1 = true, .global = b_more, .profile = b_profile, .key = b_key};
    struct wire *w = wire_new(5, &a, &b);
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    CU_ASSERT_EQUAL(wire_count(w, "A AM1: "), 1);
    unsigned n = wire_count(w, "B AM2: ");
    CU_ASSERT_EQUAL(n == 0, wire_sas(w, B) == 0);
    wire_free(w);
    return n;
}

/* AM2 carries HASH_R, by which who asked can try passwords at home. */
static void AM1_is_answered_with_the_keys_that_are_meant_for_it_only(void)
{
    static const char other_name[] = "crypto isakmp key other hostname some.where\n",
                      other_peer[] =
                          "crypto isakmp peer address 203.0.113.9\n set aggressive-mode password other\n",
                      this_peer[] =
                          "crypto isakmp peer address 192.0.2.1\n set aggressive-mode password other\n";
    CU_ASSERT_EQUAL(answers_to_AM1(NULL, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(answers_to_AM1(other_name, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(answers_to_AM1(other_peer, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(answers_to_AM1(NULL, aggressive, NULL, "fqdn no.profile"), 0);
    CU_ASSERT_EQUAL(answers_to_AM1(NULL, aggressive, NULL, NULL), 1);
    CU_ASSERT_EQUAL(answers_to_AM1(this_peer, NULL, NULL, NULL), 1);
    CU_ASSERT_EQUAL(answers_to_AM1(NULL, NULL, "hostname a.example", "fqdn a.example"), 1);
}

UNIT_MAIN("hostile-v1", UNIT_TEST(AM3_in_the_clear_proves_the_peer_and_nothing_else),
          UNIT_TEST(MM5_moves_nobody_before_its_HASH_is_verified),
          UNIT_TEST(NAT_D_spoiled_on_the_way_stops_no_Quick_Mode),
          UNIT_TEST(a_new_phase_1_from_a_new_NAT_mapping_is_where_the_peer_is),
          UNIT_TEST(CVE_2016_6415_a_first_message_pins_no_more_than_it_needs),
          UNIT_TEST(an_authenticated_peer_of_many_names_is_bounded),
          UNIT_TEST(AM1_is_answered_with_the_keys_that_are_meant_for_it_only))
