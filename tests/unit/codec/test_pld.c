/* pld: what is built reads back the same; what RFC 7296 3 does not allow is refused, with its reason. */
#include "tests/unit/codec/samples.h"
#include "tests/unit/unit.h"

static struct pld_message m;
static const char *err;

/* ---- round trips ------------------------------------------------------------------------------------- */
static void header_round_trip(void)
{
    struct sample s;
    sample_make(1, &s);
    CU_ASSERT_EQUAL(pld_header(s.bytes, s.len, &m.header, &err), CV_OK);
    CU_ASSERT_PTR_NULL(err);
    CU_ASSERT(m.header.spi_i[7] == 0xa1 && m.header.spi_r[0] == 0xb2 && m.header.length == s.len);
    CU_ASSERT(m.header.exchange == PLD_IKE_SA_INIT && m.header.flags == PLD_FLAG_RESPONSE);
    CU_ASSERT(m.header.next_payload == PLD_SA && m.header.version == 0x20);
}

static void sa_init_round_trip(void)
{
    struct sample s;
    sample_make(0, &s);
    CU_ASSERT_EQUAL_FATAL(sample_decode(s.bytes, s.len, &m, &err), CV_OK);
    CU_ASSERT(m.sa.proposal_count == 2 && m.sa.transform_count == 16);
    const struct pld_proposal *p = &m.sa.proposals[1];
    CU_ASSERT(p->number == 2 && p->proto == PLD_PROTO_IKE && p->spi.n == 0 && p->first == 8 && p->count == 8);
    CU_ASSERT(m.sa.transforms[8].type == 1 && m.sa.transforms[8].id == 12 &&
              m.sa.transforms[8].key_bits == 256);
    CU_ASSERT(m.sa.transforms[10].key_bits == 0 && !m.sa.transforms[10].unknown_attr);
    CU_ASSERT(m.ke.group == 19 && m.ke.data.n == 64 && memcmp(m.ke.data.p, sample_octets, 64) == 0);
    CU_ASSERT(m.nonce.n == 32 && m.notify_count == 3 && m.vendor_count == 1 && m.vendors[0].n == 7);
    const struct pld_notify *n = pld_find_notify(&m, PLD_N_NAT_DETECTION_DESTINATION_IP);
    CU_ASSERT_FATAL(n != NULL);
    CU_ASSERT(n->data.n == 20 && n->data.p[0] == sample_octets[1] && n->spi.n == 0);
    CU_ASSERT_PTR_NULL(pld_find_notify(&m, PLD_N_COOKIE));
    CU_ASSERT_PTR_NULL(pld_find_error(&m));
    CU_ASSERT(m.payload_count == 7 && m.outer_count == 7 && m.order[0] == PLD_SA && m.order[6] == PLD_VENDOR);
}

static void auth_round_trip(void)
{
    struct sample s;
    sample_make(2, &s);
    CU_ASSERT_EQUAL_FATAL(sample_decode(s.bytes, s.len, &m, &err), CV_OK);
    CU_ASSERT(m.sk_next == PLD_IDI && m.sk_body == PLD_HEADER_LEN + PLD_GENERIC_LEN && m.outer_count == 1);
    CU_ASSERT(m.idi.type == PLD_ID_FQDN && m.idi.data.n == 15 && memcmp(m.idi.data.p, "gateway", 7) == 0);
    CU_ASSERT(m.idi.body.n == 19 && m.idi.body.p + 4 == m.idi.data.p && m.idi.body.p[0] == PLD_ID_FQDN);
    CU_ASSERT(m.idr.type == PLD_ID_IPV4 && m.idr.data.n == 4);
    CU_ASSERT(m.auth.method == PLD_AUTH_PSK && m.auth.data.n == 32);
    struct ip_prefix net;
    CU_ASSERT_FATAL(ip_prefix_parse("10.1.0.0/16", &net));
    struct ts want = ts_from_prefix(&net, 6, 80, 443);
    CU_ASSERT(m.tsi.count == 2 && ts_equal(&m.tsi.ts[0], &want) && ts_is_any(&m.tsi.ts[1]));
    CU_ASSERT(m.tsi.ts[1].family == IP_V6 && m.tsr.count == 1);
    CU_ASSERT(m.sa.proposals[0].spi.n == 4 && m.sa.proposals[0].spi.p[3] == 0xc3);
}

static void informational_round_trip(void)
{
    struct sample s;
    sample_make(8, &s);
    CU_ASSERT_EQUAL_FATAL(sample_decode(s.bytes, s.len, &m, &err), CV_OK);
    CU_ASSERT(m.delete_count == 2 && m.deletes[0].count == 2 && m.deletes[0].spis.n == 8);
    CU_ASSERT(m.deletes[0].spis.p[0] == sample_octets[1] && m.deletes[1].proto == PLD_PROTO_IKE);
    CU_ASSERT(pld_find_error(&m) && pld_find_error(&m)->type == PLD_N_AUTHENTICATION_FAILED);
}

/* An empty INFORMATIONAL (liveness check, RFC 7296 1.4): SK without inner payloads, but with the IV and ICV octets. */
static void empty_informational_round_trip(void)
{
    struct pld_header h = sample_header(PLD_INFORMATIONAL, 0, 9);
    uint8_t bytes[64];
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_builder b;
    struct pld_chain chain;
    pld_chain_begin(&chain, &w);
    CU_ASSERT_EQUAL(pld_chain_first(&chain), PLD_NONE);
    pld_begin(&b, &w, &h);
    size_t body = pld_put_sk(&b, PLD_NONE, 25);
    buf_put_zero(&w, 25);
    pld_end(&b);
    CU_ASSERT_FALSE(w.bad);
    CU_ASSERT_EQUAL(pld_header(bytes, w.len, &m.header, &err), CV_OK);
    CU_ASSERT_EQUAL(pld_outer(bytes, w.len, &m, &err), CV_OK);
    CU_ASSERT(m.sk_body == body && m.sk_next == PLD_NONE);
    CU_ASSERT_EQUAL(pld_inner(NO_SLICE, PLD_NONE, &m, &err), CV_OK);
    CU_ASSERT_EQUAL(pld_check_rules(&m, &err), CV_OK);
}

static void RFC_7383_2_5_fragment_round_trip(void)
{
    for (uint16_t number = 0; number <= 4; number++) {
        struct pld_header h = sample_header(PLD_IKE_AUTH, 0, 1);
        uint8_t bytes[64];
        struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
        struct pld_builder b;
        pld_begin(&b, &w, &h);
        size_t body = pld_put_skf(&b, PLD_IDI, number, 3, 20);
        buf_put_zero(&w, 20);
        pld_end(&b);
        CU_ASSERT_EQUAL(pld_header(bytes, w.len, &m.header, &err), CV_OK);
        if (number < 1 || number > 3) {
            CU_ASSERT_EQUAL(pld_outer(bytes, w.len, &m, &err), CV_EPARSE);
            continue;
        }
        CU_ASSERT_EQUAL(pld_outer(bytes, w.len, &m, &err), CV_OK);
        CU_ASSERT(m.sk_body == body && m.frag_number == number && m.frag_total == 3);
        CU_ASSERT_EQUAL(m.sk_next, number == 1 ? PLD_IDI : PLD_NONE);
        bytes[PLD_HEADER_LEN] = PLD_IDI; /* next payload */
        CU_ASSERT_EQUAL(pld_outer(bytes, w.len, &m, &err), number == 1 ? CV_OK : CV_EPARSE);
    }
}

static void a_builder_that_overflows_marks_its_writer(void)
{
    struct sample whole;
    sample_make(0, &whole);
    for (size_t cap = 0; cap < whole.len; cap++) {
        uint8_t bytes[SAMPLE_MAX];
        struct pld_header h = sample_header(PLD_IKE_SA_INIT, PLD_FLAG_INITIATOR, 0);
        struct buf_writer w = buf_writer_init(bytes, cap);
        struct pld_builder b;
        memset(bytes, 0x77, sizeof bytes);
        pld_begin(&b, &w, &h);
        sample_init(&b, false);
        pld_end(&b);
        CU_ASSERT_TRUE(w.bad);
        CU_ASSERT_EQUAL(bytes[cap], 0x77);
    }
}

static void nothing_can_be_built_behind_SK(void)
{
    struct pld_header h = sample_header(PLD_IKE_AUTH, 0, 1);
    uint8_t bytes[128];
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    pld_put_sk(&b, PLD_NONE, 8);
    buf_put_zero(&w, 8);
    pld_put_vendor(&b, SLICE("late"));
    CU_ASSERT_TRUE(w.bad);
}

static void what_cannot_be_said_is_not_built(void)
{
    static uint8_t bytes[70000], big[65532];
    struct pld_builder b;
    struct pld_header h = sample_header(PLD_IKE_SA_INIT, 0, 0);
    struct pld_build_proposal p = {.number = 1, .proto = 1};
    struct ts bad_ts = {.family = IP_V4, .port_lo = 2, .port_hi = 1};
    for (unsigned i = 0; i < 6; i++) {
        struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
        pld_begin(&b, &w, &h);
        if (i == 0)
            pld_put_sa(&b, &p, 1); /* no transforms */
        else if (i == 1)
            pld_put_sa(&b, &p, 0);
        else if (i == 2)
            pld_put_ts(&b, PLD_TSI, &bad_ts, 1);
        else if (i == 3)
            pld_put_ts(&b, PLD_TSI, &bad_ts, 0);
        else if (i == 4)
            pld_put_vendor(&b, (struct slice){big, sizeof big});
        else
            pld_put_sk(&b, PLD_NONE, 65532);
        CU_ASSERT_TRUE(w.bad);
    }
}

static void RFC_7296_3_10_no_protocol_without_SPI(void)
{
    struct sample s = {.len = 0};
    struct pld_header h = sample_header(PLD_IKE_SA_INIT, 0, 0);
    struct buf_writer w = buf_writer_init(s.bytes, sizeof s.bytes);
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    pld_put_notify(&b, PLD_PROTO_ESP, NO_SLICE, PLD_N_INITIAL_CONTACT, NO_SLICE);
    CU_ASSERT(!w.bad && s.bytes[PLD_HEADER_LEN + 4] == 0);
}

/* A captured IKE_SA_INIT request of strongSwan 5.9.8 with "proposals = default". */
static void strongSwans_default_offer_decodes_whole(void)
{
    static uint8_t bytes[4096];
    FILE *f = fopen(CORPUS_DIR "/strongswan_sa_init_request", "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    CU_ASSERT_EQUAL_FATAL(sample_decode(bytes, n, &m, &err), CV_OK);
    CU_ASSERT(m.sa.proposal_count == 2 && m.sa.transform_count > 64 && m.ke.data.n > 0 && m.nonce.n == 32);
    CU_ASSERT(pld_find_notify(&m, PLD_N_NAT_DETECTION_SOURCE_IP) &&
              pld_find_notify(&m, PLD_N_FRAGMENTATION_SUPPORTED));
    for (unsigned i = 0; i < m.sa.transform_count; i++)
        CU_ASSERT_FALSE(m.sa.transforms[i].unknown_attr);
}

/* ---- refusals ------------------------------------------------------------------------------------------ */
static void header_refusals(void)
{
    struct sample s;
    struct pld_header h;
    sample_make(0, &s);
    for (size_t len = 0; len < PLD_HEADER_LEN; len++)
        CU_ASSERT_EQUAL(pld_header(s.bytes, len, &h, &err), CV_ESHORT); /* CVE-2013-4564 */
    CU_ASSERT_EQUAL(pld_header(s.bytes, s.len - 1, &h, &err), CV_EPARSE);
    s.bytes[17] = 0x2f;  /* RFC 7296 2.5: minor version is ignored */
    s.bytes[19] |= 0xc7; /* reserved flags, too */
    CU_ASSERT_EQUAL(pld_header(s.bytes, s.len, &h, NULL), CV_OK);
    s.bytes[17] = 0x10;
    CU_ASSERT_EQUAL(pld_header(s.bytes, s.len, &h, &err), CV_EVERSION);
    CU_ASSERT_EQUAL(h.version, 0x10);
    s.bytes[17] = 0x30;
    CU_ASSERT_EQUAL(pld_header(s.bytes, s.len, &h, &err), CV_EVERSION);
    s.bytes[17] = 0x20;
    for (unsigned exchange = 0; exchange < 256; exchange++) {
        s.bytes[18] = (uint8_t)exchange;
        CU_ASSERT_EQUAL(pld_header(s.bytes, s.len, &h, &err),
                        exchange >= 34 && exchange <= 37 ? CV_OK : CV_EUNSUP);
    }
    s.bytes[18] = PLD_IKE_SA_INIT;
    memset(s.bytes, 0, 8);
    CU_ASSERT_EQUAL(pld_header(s.bytes, s.len, &h, &err), CV_EPARSE);
}

/* Decodes a chain with one raw payload in it. */
static cv_result one(uint8_t type, const void *body, size_t n)
{
    uint8_t bytes[4096];
    struct pld_header h = sample_header(PLD_INFORMATIONAL, 0, 1);
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    pld_open(&b, type);
    buf_put(&w, body, n);
    pld_close(&b);
    pld_end(&b);
    CU_ASSERT_FALSE_FATAL(w.bad);
    CU_ASSERT_EQUAL_FATAL(pld_header(bytes, w.len, &m.header, &err), CV_OK);
    return pld_outer(bytes, w.len, &m, &err);
}
#define ONE(type, text) one(type, text, sizeof(text) - 1)

/* CVE-2015-3991 */
static void IKEv1_payload_types_are_refused(void)
{
    for (uint8_t type = 1; type <= 32; type++)
        CU_ASSERT_EQUAL(ONE(type, "1234"), CV_EPARSE);
    CU_ASSERT_EQUAL(pld_inner(SLICE("\0\0\0\10abcd"), 5, &m, &err), CV_EPARSE);
}

static void RFC_7296_2_5_unknown_payloads(void)
{
    for (unsigned type = 49; type < 256; type++) {
        if (type == PLD_SKF)
            continue;
        CU_ASSERT_EQUAL(ONE((uint8_t)type, "1234"), CV_OK);
        CU_ASSERT(m.unknown_critical == 0 && m.present == 0 && m.payload_count == 1);
    }
    /* two critical ones: the first is told; a known one with the bit is no matter */
    const struct slice chain = SLICE("\x29\x80\0\5x"
                                     "\xc8\x80\0\10\0\0\x40\0"
                                     "\0\x80\0\4");
    memset(&m, 0, sizeof m);
    CU_ASSERT_EQUAL(pld_inner(chain, 100, &m, &err), CV_OK);
    CU_ASSERT(m.unknown_critical == 100 && m.payload_count == 3 && m.notify_count == 1);
}

static void payload_lengths_that_do_not_add_up(void)
{
    static const struct {
        const char *bytes;
        size_t n;
    } wrong[] = {{"\0\0\0\3", 4},
                 {"\0\0\0\0", 4},
                 {"\0\0\0\5", 4},
                 {"\0\0\xff\xff"
                  "ab",
                  6},
                 {"\0\0\0", 3},
                 {"\0\0\0\4"
                  "x",
                  5},
                 {"\x2b\0\0\4", 4},
                 {"", 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memset(&m, 0, sizeof m);
        CU_ASSERT_EQUAL(
            pld_inner((struct slice){(const uint8_t *)wrong[i].bytes, wrong[i].n}, PLD_VENDOR, &m, &err),
            CV_EPARSE);
        CU_ASSERT_PTR_NOT_NULL(err);
    }
    CU_ASSERT_EQUAL(pld_inner(SLICE("x"), PLD_NONE, &m, &err), CV_EPARSE);
}

static void a_payload_that_may_stand_once_stands_once(void)
{
    static const uint8_t once[] = {PLD_SA,    PLD_KE,  PLD_IDI, PLD_IDR, PLD_AUTH,
                                   PLD_NONCE, PLD_TSI, PLD_TSR, PLD_CP,  PLD_EAP};
    for (size_t i = 0; i < sizeof once; i++) {
        struct sample s;
        struct buf_writer w = buf_writer_init(s.bytes, sizeof s.bytes);
        struct pld_chain c;
        pld_chain_begin(&c, &w);
        for (unsigned n = 0; n < 2; n++) {
            struct pld_build_proposal p = sample_proposal(1, PLD_PROTO_IKE, 0, false);
            struct ts any = ts_any(IP_V4);
            if (once[i] == PLD_SA)
                pld_put_sa(&c.b, &p, 1);
            else if (once[i] == PLD_TSI || once[i] == PLD_TSR)
                pld_put_ts(&c.b, once[i], &any, 1);
            else {
                pld_open(&c.b, once[i]);
                buf_put(&w, once[i] == PLD_EAP ? "\1\0\0\20abcdefghijkl" : "\2\0\0\0abcdefghijkl", 16);
                pld_close(&c.b);
            }
            if (n == 0) {
                memset(&m, 0, sizeof m);
                CU_ASSERT_EQUAL(pld_inner((struct slice){s.bytes, w.len}, once[i], &m, &err), CV_OK);
            }
        }
        memset(&m, 0, sizeof m);
        CU_ASSERT_EQUAL(pld_inner((struct slice){s.bytes, w.len}, once[i], &m, &err), CV_EPARSE);
        CU_ASSERT_STRING_EQUAL(err, "a payload stands twice that may stand once");
    }
}

static void RFC_7296_3_14_SK_is_last_and_not_nested(void)
{
    CU_ASSERT_EQUAL(ONE(PLD_SK, "x"), CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_SK, ""), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_SKF, "\0\1\0\1"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_SKF, "\0\1\0"), CV_EPARSE);
    CU_ASSERT_EQUAL(pld_inner(SLICE("\0\0\0\5x"), PLD_SK, &m, &err), CV_EPARSE);
    struct sample s;
    sample_make(2, &s);
    uint8_t longer[SAMPLE_MAX];
    memcpy(longer, s.bytes, s.len);
    memcpy(longer + s.len, "\0\0\0\4", 4); /* a vendor ID behind SK */
    longer[27] = (uint8_t)(s.len + 4);
    longer[26] = (uint8_t)((s.len + 4) >> 8);
    CU_ASSERT_EQUAL(pld_header(longer, s.len + 4, &m.header, &err), CV_OK);
    CU_ASSERT_EQUAL(pld_outer(longer, s.len + 4, &m, &err), CV_EPARSE);
}

static void bodies_too_short_or_of_a_wrong_length(void)
{
    CU_ASSERT_EQUAL(ONE(PLD_KE, "\0\16\0\0"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_KE, "\0\16\0\0x"), CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_IDI, "\2\0\0\0"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_IDI, "\1\0\0\0abc"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_IDI, "\1\0\0\0abcd"), CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_IDR, "\5\0\0\0abcd"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_AUTH, "\2\0\0\0"), CV_EPARSE); /* an empty AUTH would match everything */
    CU_ASSERT_EQUAL(ONE(PLD_NONCE, "123456789012345"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_NONCE, "1234567890123456"), CV_OK);
    CU_ASSERT_EQUAL(one(PLD_NONCE, sample_octets, 256), CV_OK);
    CU_ASSERT_EQUAL(one(PLD_NONCE, sample_octets, 257), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_CERT, "\4"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_CERTREQ, ""), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_CERTREQ, "\4"), CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_CP, "\1\0\0"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_EAP, "\1\0\0\5"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_EAP, "\3\0\0\4"), CV_OK);
}

static void notify_refusals(void)
{
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\x40"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\3\4\x40\x09"
                                    "abc"),
                    CV_EPARSE);                                  /* SPI cut off */
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\x40\x06"), CV_EPARSE); /* empty COOKIE (2.6) */
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\0\x11"
                                    "a"),
                    CV_EPARSE); /* INVALID_KE_PAYLOAD */
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\x40\x04"
                                    "short"),
                    CV_EPARSE); /* NAT_DETECTION */
    /* CVE-2023-38710: REKEY_SA with protocol 0 or 1, or without an SPI */
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\4\x40\x09"
                                    "abcd"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\1\4\x40\x09"
                                    "abcd"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\1\10\x40\x09"
                                    "abcdefgh"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\3\0\x40\x09"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\3\4\x40\x09"
                                    "abcd"),
                    CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\1\0\x40\0"), CV_OK); /* protocol without SPI is ignored (3.10) */
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\xff\xff"
                                    "whatever"),
                    CV_OK);
}

static void RFC_7296_3_11_delete_refusals(void)
{
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\1\0\0\0"), CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\1\0\0\1"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\1\10\0\1"
                                    "abcdefgh"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\3\4\0\2"
                                    "abcdefgh"),
                    CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\3\4\0\2"
                                    "abcdefghi"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\3\4\0\2"
                                    "abcdefg"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\3\0\xff\xff"), CV_EPARSE); /* 65,535 SPIs of no length */
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\3\2\0\1"
                                    "ab"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_DELETE, "\4\4\0\1"
                                    "abcd"),
                    CV_EPARSE);
}

/* CVE-2023-23009 */
static void RFC_7296_3_13_traffic_selector_refusals(void)
{
#define V4 "\7\0\0\20\0\0\xff\xff\12\0\0\0\12\0\0\xff"
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0" V4), CV_OK);
    CU_ASSERT_EQUAL(m.tsi.count, 1);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\0\0\0\0"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\2\0\0\0" V4), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0" V4 V4), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0" V4 "x"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\xff\0\0\0" V4), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0\7\0\0\17\0\0\xff\xff\12\0\0\0\12\0\0"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0\10\0\0\20\0\0\xff\xff\12\0\0\0\12\0\0\xff"),
                    CV_EPARSE); /* IPv6 of 16 octets */
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0\7\0\0\3"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0\7\0\0\20\0\0\xff\xff\12\0\0\1\12\0\0\0"),
                    CV_EPARSE); /* ends first */
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0\7\0\0\20\0\2\0\1\12\0\0\0\12\0\0\xff"), CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\1\0\0\0\7\0\0\20\xff\xff\0\0\12\0\0\0\12\0\0\xff"), CV_OK); /* OPAQUE */
    /* an unknown kind of selector is left out, the known one stays */
    CU_ASSERT_EQUAL(ONE(PLD_TSI, "\2\0\0\0\12\0\0\10secl" V4), CV_OK);
    CU_ASSERT_EQUAL(m.tsi.count, 1);
}

static cv_result sa(const char *bytes, size_t n)
{
    return one(PLD_SA, bytes, n);
}
#define SA(text) sa(text, sizeof(text) - 1)

static void RFC_7296_3_3_proposal_refusals(void)
{
#define PRF_LAST "\0\0\0\10\2\0\0\5"
#define PRF_MORE "\3\0\0\10\2\0\0\5"
    CU_ASSERT_EQUAL(SA("\0\0\0\20\1\1\0\1" PRF_LAST), CV_OK);
    CU_ASSERT_EQUAL(SA(""), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\10\1\1\0\0"), CV_EPARSE); /* no transforms (CVE-2016-5391 and the like) */
    CU_ASSERT_EQUAL(SA("\0\0\0\20\1\1\0\2" PRF_LAST), CV_EPARSE); /* one is missing */
    CU_ASSERT_EQUAL(SA("\0\0\0\20\1\1\0\1" PRF_MORE), CV_EPARSE); /* says more, but is the last */
    CU_ASSERT_EQUAL(SA("\0\0\0\30\1\1\0\2" PRF_LAST PRF_LAST), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\30\1\1\0\2" PRF_MORE PRF_LAST), CV_OK);
    CU_ASSERT_EQUAL(SA("\0\0\0\30\1\1\0\1" PRF_LAST PRF_LAST), CV_EPARSE); /* one too many */
    CU_ASSERT_EQUAL(SA("\1\0\0\20\1\1\0\1" PRF_LAST), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\2\0\0\20\1\1\0\1" PRF_LAST), CV_EPARSE); /* more proposals announced */
    CU_ASSERT_EQUAL(SA("\0\0\0\20\1\1\0\1" PRF_LAST "\0\0\0\20\2\1\0\1" PRF_LAST), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\2\0\0\20\1\1\0\1" PRF_LAST "\0\0\0\20\2\1\0\1" PRF_LAST), CV_OK);
    CU_ASSERT_EQUAL(SA("\2\0\0\20\1\1\0\1" PRF_LAST "\0\0\0\20\1\1\0\1" PRF_LAST), CV_EPARSE); /* numbers */
    CU_ASSERT_EQUAL(SA("\0\0\0\20\0\1\0\1" PRF_LAST), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\24\1\1\4\1"
                       "abcd" PRF_LAST),
                    CV_EPARSE); /* SPI of 4 for IKE */
    CU_ASSERT_EQUAL(SA("\0\0\0\24\1\3\4\1"
                       "abcd" PRF_LAST),
                    CV_OK);
    CU_ASSERT_EQUAL(SA("\0\0\0\24\1\3\4\1"
                       "\0\0\0\0" PRF_LAST),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\20\1\3\0\1" PRF_LAST), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\20\1\1\377\1" PRF_LAST), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\17\1\1\0\1" PRF_LAST), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\7\1\1\0\1" PRF_LAST), CV_EPARSE);
}

/* A proposal of one AES transform with these attributes. */
#define AES(prop, tr, attrs) SA("\0\0\0" prop "\1\1\0\1\0\0\0" tr "\1\0\0\14" attrs)
static void RFC_7296_3_3_5_attributes(void)
{
    CU_ASSERT_EQUAL(AES("\24", "\14", "\x80\16\1\0"), CV_OK);
    CU_ASSERT(m.sa.transforms[0].key_bits == 256 && !m.sa.transforms[0].unknown_attr);
    CU_ASSERT_EQUAL(AES("\24", "\14", "\x80\16\0\0"), CV_OK); /* zero bits are never selected */
    CU_ASSERT_TRUE(m.sa.transforms[0].unknown_attr);
    CU_ASSERT_EQUAL(AES("\24", "\14", "\x80\17\1\0"), CV_OK);
    CU_ASSERT(m.sa.transforms[0].unknown_attr && m.sa.transforms[0].key_bits == 0);
    CU_ASSERT_EQUAL(AES("\30", "\20", "\0\17\0\4abcd"), CV_OK);
    CU_ASSERT_TRUE(m.sa.transforms[0].unknown_attr);
    CU_ASSERT_EQUAL(AES("\30", "\20", "\0\17\0\5abcd"), CV_EPARSE);
    CU_ASSERT_EQUAL(AES("\30", "\20", "\0\16\0\4abcd"), CV_EPARSE); /* key length in the long form */
    CU_ASSERT_EQUAL(AES("\30", "\20", "\x80\16\1\0\x80\16\0\x80"), CV_EPARSE); /* twice */
    CU_ASSERT_EQUAL(AES("\23", "\13", "\x80\16\1"), CV_EPARSE);
    CU_ASSERT_EQUAL(SA("\0\0\0\24\1\1\0\1\0\0\0\14\2\0\0\5\x80\16\1\0"), CV_OK); /* key length on a PRF */
    CU_ASSERT_TRUE(m.sa.transforms[0].unknown_attr);
}

/* ---- limits ----------------------------------------------------------------------------------------------- */
static cv_result many(uint8_t type, const char *body, size_t n, unsigned count)
{
    static uint8_t bytes[65536];
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_chain c;
    pld_chain_begin(&c, &w);
    for (unsigned i = 0; i < count; i++) {
        pld_open(&c.b, type);
        buf_put(&w, body, n);
        pld_close(&c.b);
    }
    memset(&m, 0, sizeof m);
    return pld_inner((struct slice){bytes, w.len}, pld_chain_first(&c), &m, &err);
}

/* CVE-2026-12413: many unknown payloads; and each list at its limit and one over. */
static void every_list_ends_at_its_limit(void)
{
    static const struct {
        uint8_t type;
        const char *body;
        size_t n;
        unsigned limit;
    } lists[] = {
        {PLD_NOTIFY, "\0\0\x40\0", 4, PLD_MAX_NOTIFIES},
        {PLD_DELETE, "\1\0\0\0", 4, PLD_MAX_DELETES},
        {PLD_CERT, "\4x", 2, PLD_MAX_CERTS},
        {PLD_CERTREQ, "\4", 1, PLD_MAX_CERTS},
        {PLD_VENDOR, "v", 1, PLD_MAX_VENDORS},
        {200, "u", 1, PLD_MAX_PAYLOADS},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        CU_ASSERT_EQUAL(many(lists[i].type, lists[i].body, lists[i].n, lists[i].limit), CV_OK);
        CU_ASSERT_EQUAL(many(lists[i].type, lists[i].body, lists[i].n, lists[i].limit + 1), CV_EPARSE);
        CU_ASSERT_EQUAL(many(lists[i].type, lists[i].body, lists[i].n, 5000), CV_EPARSE);
    }
}

static void SA_payload_limits(void)
{
    static uint8_t bytes[65536];
    for (unsigned proposals = 1; proposals <= PLD_MAX_PROPOSALS + 1; proposals++) {
        for (unsigned each = 1; each <= 64; each += 7) {
            struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
            for (unsigned p = 0; p < proposals; p++) {
                buf_put_u16(&w, p + 1 < proposals ? 0x0200 : 0);
                buf_put_u16(&w, (uint16_t)(8 + 8 * each));
                buf_put_u32(&w, (p + 1) << 24 | 0x010000 | each);
                for (unsigned t = 0; t < each; t++) {
                    buf_put_u32(&w, t + 1 < each ? 0x03000008 : 8);
                    buf_put_u32(&w, 0x02000005);
                }
            }
            if (w.len > 4000)
                continue;
            bool fits = proposals <= PLD_MAX_PROPOSALS && proposals * each <= PLD_MAX_TRANSFORMS;
            CU_ASSERT_EQUAL(one(PLD_SA, bytes, w.len), fits ? CV_OK : CV_EPARSE);
        }
    }
}

static void put_prf_proposal(struct buf_writer *w, uint8_t number, bool more, unsigned transforms)
{
    buf_put_u16(w, more ? 0x0200 : 0);
    buf_put_u16(w, (uint16_t)(8 + 8 * transforms));
    buf_put_u32(w, (uint32_t)number << 24 | 0x010000 | transforms);
    for (unsigned t = 0; t < transforms; t++) {
        buf_put_u32(w, t + 1 < transforms ? 0x03000008 : 8);
        buf_put_u32(w, 0x02000005);
    }
}

static void one_transform_one_selector_one_SPI_over_the_limit(void)
{
    for (unsigned over = 0; over < 2; over++) {
        cv_result want = over ? CV_EPARSE : CV_OK;
        uint8_t bytes[4000];
        struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
        put_prf_proposal(&w, 1, true, 255);
        put_prf_proposal(&w, 2, false, PLD_MAX_TRANSFORMS - 255 + over);
        CU_ASSERT_EQUAL(one(PLD_SA, bytes, w.len), want);

        w = buf_writer_init(bytes, sizeof bytes);
        buf_put_u32(&w, (PLD_MAX_TS + over) << 24);
        for (unsigned i = 0; i < PLD_MAX_TS + over; i++)
            buf_put(&w, V4, sizeof V4 - 1);
        CU_ASSERT_EQUAL(one(PLD_TSI, bytes, w.len), want);

        w = buf_writer_init(bytes, sizeof bytes);
        buf_put_u32(&w, 0x03040000 | (PLD_MAX_DELETE_SPIS + over));
        buf_put_zero(&w, 4 * (PLD_MAX_DELETE_SPIS + over));
        CU_ASSERT_EQUAL(one(PLD_DELETE, bytes, w.len), want);
    }
}

/* RFC 9611 5.1: the resource's name is opaque, and may be missing; protocol and SPI are not looked at. 5.2: no data. */
static void RFC_9611_5_notifies(void)
{
    CU_ASSERT_EQUAL(PLD_N_SA_RESOURCE_INFO, 16444);
    CU_ASSERT_EQUAL(PLD_N_TS_MAX_QUEUE, 48);
    CU_ASSERT_TRUE(PLD_N_TS_MAX_QUEUE < PLD_N_STATUS_FIRST); /* an error */
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\x40\x3c"), CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\x40\x3c\0\0\0\1"), CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\x40\x3c"
                                    "cpu 7 of the second socket"),
                    CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\3\4\x40\x3c"
                                    "abcd"),
                    CV_OK);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\3\4\x40\x3c"
                                    "abc"),
                    CV_EPARSE);
    CU_ASSERT_EQUAL(ONE(PLD_NOTIFY, "\0\0\0\x30"), CV_OK);
    CU_ASSERT_STRING_EQUAL(pld_notify_name(48), "TS_MAX_QUEUE");
    CU_ASSERT_STRING_EQUAL(pld_notify_name(16444), "SA_RESOURCE_INFO");
}

static void names(void)
{
    CU_ASSERT_STRING_EQUAL(pld_notify_name(PLD_N_NO_PROPOSAL_CHOSEN), "NO_PROPOSAL_CHOSEN");
    CU_ASSERT_STRING_EQUAL(pld_notify_name(40000), "unknown");
    CU_ASSERT_STRING_EQUAL(pld_exchange_name(PLD_CREATE_CHILD_SA), "CREATE_CHILD_SA");
    CU_ASSERT_STRING_EQUAL(pld_exchange_name(2), "unknown");
    CU_ASSERT_STRING_EQUAL(pld_type_name(PLD_IDI), "IDi");
    CU_ASSERT_STRING_EQUAL(pld_type_name(1), "unknown");
}

UNIT_MAIN("pld", UNIT_TEST(header_round_trip), UNIT_TEST(sa_init_round_trip), UNIT_TEST(auth_round_trip),
          UNIT_TEST(informational_round_trip), UNIT_TEST(empty_informational_round_trip),
          UNIT_TEST(RFC_7383_2_5_fragment_round_trip), UNIT_TEST(a_builder_that_overflows_marks_its_writer),
          UNIT_TEST(nothing_can_be_built_behind_SK), UNIT_TEST(what_cannot_be_said_is_not_built),
          UNIT_TEST(RFC_7296_3_10_no_protocol_without_SPI),
          UNIT_TEST(strongSwans_default_offer_decodes_whole), UNIT_TEST(header_refusals),
          UNIT_TEST(IKEv1_payload_types_are_refused), UNIT_TEST(RFC_7296_2_5_unknown_payloads),
          UNIT_TEST(payload_lengths_that_do_not_add_up), UNIT_TEST(a_payload_that_may_stand_once_stands_once),
          UNIT_TEST(RFC_7296_3_14_SK_is_last_and_not_nested),
          UNIT_TEST(bodies_too_short_or_of_a_wrong_length), UNIT_TEST(notify_refusals),
          UNIT_TEST(RFC_9611_5_notifies), UNIT_TEST(RFC_7296_3_11_delete_refusals),
          UNIT_TEST(RFC_7296_3_13_traffic_selector_refusals), UNIT_TEST(RFC_7296_3_3_proposal_refusals),
          UNIT_TEST(RFC_7296_3_3_5_attributes), UNIT_TEST(every_list_ends_at_its_limit),
          UNIT_TEST(SA_payload_limits), UNIT_TEST(one_transform_one_selector_one_SPI_over_the_limit),
          UNIT_TEST(names))
