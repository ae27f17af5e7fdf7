/* pld1: what is built reads back the same; what RFC 2408, 2407 and 2409 do not allow is refused, with its fault. */
#include "tests/unit/codec/samples1.h"
#include "tests/unit/unit.h"

static struct pld1_message m;
static const char *err;

static void read_sample(const char *name)
{
    static struct sample s;
    for (unsigned kind = 0; kind < SAMPLE1_KINDS; kind++) {
        if (strcmp(sample1_kinds[kind].name, name) != 0)
            continue;
        sample1_make(kind, &s);
        CU_ASSERT_EQUAL_FATAL(sample1_decode(s.bytes, s.len, &m, &err), CV_OK);
        CU_ASSERT_PTR_NULL(err);
        return;
    }
    CU_FAIL_FATAL("no such sample");
}

/* ---- round trips ------------------------------------------------------------------------------------------ */
static void RFC_2409_5_phase_1_SA_round_trip(void)
{
    read_sample("mm1");
    CU_ASSERT(m.sa.proposal_count == 1 && m.sa.transform_count == 3 && m.vendor_count == 2);
    const struct pld1_transform *t = m.sa.transforms;
    CU_ASSERT(t[0].number == 1 && t[0].id == PLD1_KEY_IKE && !t[0].unusable && !t[0].unknown_id);
    CU_ASSERT(t[0].encr == PLD1_ENCR_AES && t[0].key_bits == 256 && t[0].hash == PLD1_HASH_SHA2_256);
    CU_ASSERT(t[0].auth == PLD1_AUTH_PSK && t[0].group == 14 && t[0].life.seconds == 86400);
    CU_ASSERT(t[1].encr == PLD1_ENCR_3DES && t[1].key_bits == 0 && t[1].life.seconds == 3600);
    CU_ASSERT(t[0].life.kilobytes == 0 && m.sa.body.n == 8 + 8 + 40 + 32 + 32);
    CU_ASSERT(m.sa.body.p[3] == PLD1_DOI_IPSEC && m.sa.body.p[7] == PLD1_SIT_IDENTITY_ONLY);
}

/* RFC 2408 4.2: the answer repeats the attributes it chose, octet by octet. */
static void RFC_2408_4_2_answer_repeats_the_attributes(void)
{
    read_sample("mm1");
    struct slice offered = m.sa.transforms[0].attributes;
    uint8_t bytes[512];
    struct pld_header h = sample1_header(PLD1_MAIN, 2, false);
    struct pld1_build_proposal p = {.number = 1, .proto = PLD1_PROTO_ISAKMP, .count = 1};
    p.transforms[0] = (struct pld1_build_transform){.number = 1, .id = 1, .encr = 99, .attributes = offered};
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    pld1_put_sa(&b, &p, 1);
    pld1_end(&b, 0);
    static struct pld1_message answer;
    CU_ASSERT_EQUAL_FATAL(sample1_decode(bytes, w.len, &answer, &err), CV_OK);
    struct slice repeated = answer.sa.transforms[0].attributes;
    CU_ASSERT(repeated.n == offered.n && memcmp(repeated.p, offered.p, offered.n) == 0);
    CU_ASSERT(answer.sa.transforms[0].encr == PLD1_ENCR_AES);
    CU_ASSERT_EQUAL(pld1_check_rules(&answer, 2, &err), CV_OK);
}

static void RFC_2407_4_5_Quick_Mode_round_trip(void)
{
    read_sample("qm2");
    const struct pld1_transform *t = m.sa.transforms;
    CU_ASSERT(m.sa.proposals[0].proto == PLD1_PROTO_ESP && m.sa.proposals[0].spi.n == 4);
    CU_ASSERT(t->id == 12 && t->key_bits == 256 && t->integ == 2 && t->group == 14);
    CU_ASSERT(t->encap == PLD1_ENCAP_TUNNEL && t->life.seconds == 3600 && t->life.kilobytes == 4608000);
    CU_ASSERT(m.nonce.n == 20 && m.ke.n == 256 && m.id_count == 2 && m.nat_oa_count == 2 && !m.nat_draft);
    struct ts ts;
    struct ip_prefix net;
    CU_ASSERT_EQUAL(pld1_id_selector(&m.ids[0], &ts), CV_OK);
    CU_ASSERT(ip_prefix_parse("10.1.0.0/16", &net));
    struct ts want = ts_from_prefix(&net, 47, 0, 65535);
    CU_ASSERT(ts_equal(&ts, &want) && m.ids[0].type == PLD1_ID_IPV4_SUBNET);
    const struct pld1_notify *n = pld1_find_notify(&m, PLD1_N_RESPONDER_LIFETIME);
    struct pld1_life life;
    CU_ASSERT_FATAL(n != NULL);
    CU_ASSERT_EQUAL(pld1_notify_life(n, &life), CV_OK);
    CU_ASSERT(life.seconds == 1800 && life.kilobytes == 100000);
}

/* RFC 2409 5.5: HASH(1) covers what follows the HASH payload, without the padding. */
static void RFC_2409_5_5_after_hash_ends_before_the_padding(void)
{
    read_sample("dpd");
    CU_ASSERT(m.hash.n == 20 && m.after_hash.p == m.hash.p + 20 && m.after_hash.n == 32);
    CU_ASSERT(m.padding.n == 8 && m.padding.p == m.after_hash.p + m.after_hash.n);
    CU_ASSERT(m.notifies[0].type == PLD1_N_R_U_THERE && m.notifies[0].spi.n == 16 &&
              m.notifies[0].data.p[2] == 1);
    read_sample("qm3");
    CU_ASSERT_EQUAL(m.after_hash.n, 0);
}

static void RFC_3947_NAT_payloads_and_the_drafts_numbers(void)
{
    read_sample("mm3");
    CU_ASSERT(m.nat_d_count == 2 && !m.nat_draft && m.nat_d[0].n == 32 && m.nat_d[1].p[0] == 1);
    read_sample("mm4");
    CU_ASSERT(m.nat_d_count == 2 && m.nat_draft);
    read_sample("qm1");
    CU_ASSERT(m.nat_oa[0].family == IP_V4 && memcmp(m.nat_oa[0].b, sample1_address, 4) == 0);
}

static void the_others_round_trip(void)
{
    read_sample("mm5");
    CU_ASSERT(m.ids[0].type == PLD1_ID_IPV4 && m.ids[0].proto == 17 && m.ids[0].port == 500 &&
              m.hash.n == 32);
    CU_ASSERT(m.ids[0].body.n == 8 && m.ids[0].body.p + 4 == m.ids[0].data.p);
    CU_ASSERT_PTR_NOT_NULL(pld1_find_notify(&m, PLD1_N_INITIAL_CONTACT));
    CU_ASSERT_PTR_NULL(pld1_find_error(&m));
    read_sample("mm6");
    CU_ASSERT(m.cert_count == 1 && m.certs[0].encoding == 4 && m.certs[0].data.n == 100 && m.sig.n == 128);
    read_sample("delete");
    CU_ASSERT(m.delete_count == 2 && m.deletes[0].count == 2 && m.deletes[1].spi_len == 16);
    read_sample("refusal");
    CU_ASSERT(pld1_find_error(&m) && pld1_find_error(&m)->type == PLD1_N_NO_PROPOSAL_CHOSEN);
    CU_ASSERT_STRING_EQUAL(pld1_notify_name(pld1_find_error(&m)->type), "NO-PROPOSAL-CHOSEN");
    read_sample("fragment_2");
    CU_ASSERT(m.fragment.id == 7 && m.fragment.number == 2 && m.fragment.last && m.fragment.data.n == 200);
    CU_ASSERT_STRING_EQUAL(pld1_type_name(m.order[0]), "FRAGMENT");
}

static void selectors_round_trip_as_address_subnet_and_range(void)
{
    static const char *const prefixes[] = {"10.1.2.3/32",     "10.0.0.0/9",    "0.0.0.0/0",
                                           "2001:db8::1/128", "2001:db8::/33", "::/0"};
    for (size_t i = 0; i < 2 * sizeof prefixes / sizeof *prefixes; i++) {
        struct sample s;
        struct ip_prefix p;
        struct pld_header h = sample1_header(PLD1_MAIN, 2, false);
        CU_ASSERT_FATAL(ip_prefix_parse(prefixes[i / 2], &p));
        struct ts ts = ts_from_prefix(&p, 6, i % 2 ? 443 : 0, i % 2 ? 443 : 65535), got;
        if (i / 2 == 1)
            ts.hi[3] = 7; /* a range */
        struct buf_writer w = buf_writer_init(s.bytes, sizeof s.bytes);
        struct pld_builder b;
        pld_begin(&b, &w, &h);
        pld1_put_id_selector(&b, &ts);
        pld1_end(&b, 0);
        CU_ASSERT_EQUAL_FATAL(sample1_decode(s.bytes, w.len, &m, &err), CV_OK);
        CU_ASSERT_EQUAL(pld1_id_selector(&m.ids[0], &got), CV_OK);
        CU_ASSERT_TRUE(ts_equal(&ts, &got));
    }
}

static void what_cannot_be_said_is_not_built(void)
{
    static uint8_t bytes[1024];
    struct ts ports = ts_any(IP_V4), zero_port = ts_any(IP_V4), no_proto = ts_any(IP_V4);
    ports.proto = 6;
    ports.port_lo = 80;
    zero_port.proto = 6;
    zero_port.port_hi = 0;
    no_proto.port_lo = no_proto.port_hi = 80;
    struct pld1_build_proposal empty = {.number = 1, .proto = 1};
    for (unsigned i = 0; i < 6; i++) {
        struct pld_header h = sample1_header(PLD1_MAIN, 1, false);
        struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
        struct pld_builder b;
        pld_begin(&b, &w, &h);
        if (i < 3)
            pld1_put_id_selector(&b, i == 0 ? &ports : i == 1 ? &zero_port : &no_proto);
        else if (i == 3)
            pld1_put_sa(&b, &empty, 1);
        else if (i == 4)
            pld1_put_sa(&b, &empty, 0);
        else
            pld1_put_fragment(&b, 1, 0, true, SLICE("x"));
        CU_ASSERT_TRUE(w.bad);
    }
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */
static void RFC_2408_5_2_header_refusals(void)
{
    struct sample s;
    struct pld_header h;
    sample1_make(0, &s);
    for (size_t len = 0; len < PLD_HEADER_LEN; len++)
        CU_ASSERT_EQUAL(pld1_header(s.bytes, len, &h, &err), CV_ESHORT);
    CU_ASSERT_EQUAL(pld1_header(s.bytes, s.len - 1, &h, &err), CV_EPARSE);
    for (unsigned exchange = 0; exchange < 256; exchange++) {
        bool known = exchange == 2 || exchange == 4 || exchange == 5 || exchange == 32;
        s.bytes[18] = (uint8_t)exchange;
        CU_ASSERT_EQUAL(pld1_header(s.bytes, s.len, &h, &err), known ? CV_OK : CV_EUNSUP);
    }
    s.bytes[18] = PLD1_MAIN;
    s.bytes[17] = 0x20;
    CU_ASSERT_EQUAL(pld1_header(s.bytes, s.len, &h, &err), CV_EVERSION);
    s.bytes[17] = 0x10;
    s.bytes[19] = PLD1_FLAG_AUTH_ONLY;
    CU_ASSERT_EQUAL(pld1_header(s.bytes, s.len, &h, &err), CV_EUNSUP);
    s.bytes[19] = PLD1_FLAG_ENCRYPTION;
    CU_ASSERT_EQUAL(pld1_header(s.bytes, s.len, &m.header, &err), CV_OK);
    CU_ASSERT_EQUAL(pld1_outer(s.bytes, s.len, &m, &err), CV_EINVAL); /* ciphertext is not read as payloads */
    memset(s.bytes, 0, 8);
    CU_ASSERT_EQUAL(pld1_header(s.bytes, s.len, &h, &err), CV_EPARSE);
}

static void up_to_three_zero_octets_may_round_up_a_message_in_the_clear(void)
{
    for (unsigned pad = 0; pad < 6; pad++)
        for (unsigned value = 0; value < 2; value++) {
            struct sample s;
            sample1_make(0, &s);
            memset(s.bytes + s.len, (int)value, pad);
            s.len += pad;
            s.bytes[26] = (uint8_t)(s.len >> 8);
            s.bytes[27] = (uint8_t)s.len;
            CU_ASSERT_EQUAL(pld1_header(s.bytes, s.len, &m.header, &err), CV_OK);
            bool taken = pld1_outer(s.bytes, s.len, &m, &err) == CV_OK;
            CU_ASSERT_EQUAL(taken, pad == 0 || (value == 0 && pad <= 3));
        }
}

/* The fault of a chain with one raw payload in it; PLD1_FAULT_NONE when it is read. */
static enum pld1_fault one(uint8_t type, const void *body, size_t n)
{
    uint8_t bytes[4096];
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_chain c;
    pld_chain_begin(&c, &w);
    pld1_put_raw(&c.b, type, (struct slice){body, n});
    m.header = sample1_header(PLD1_QUICK, 1, true);
    m.header.next_payload = type;
    cv_result r = pld1_inner((struct slice){bytes, w.len}, &m, &err);
    CU_ASSERT((r == CV_OK) == (m.fault == PLD1_FAULT_NONE) && (r == CV_OK) == (err == NULL));
    return m.fault;
}
#define ONE(type, text, want) CU_ASSERT_EQUAL(one(type, text, sizeof(text) - 1), PLD1_FAULT_##want)

/* CVE-2015-3991, the other way round; RFC 2408 5.3: unknown types are not skipped. */
static void IKEv2_and_unknown_payload_types_are_refused(void)
{
    for (unsigned type = 1; type < 256; type++) {
        bool known = strcmp(pld1_type_name((uint8_t)type), "unknown") != 0;
        enum pld1_fault fault = one((uint8_t)type, "12345678", 8);
        CU_ASSERT_EQUAL(fault == PLD1_FAULT_TYPE, !known);
        if (type >= 33 && type <= 54)
            CU_ASSERT_STRING_EQUAL(err, "payload type of IKEv2");
    }
    CU_ASSERT_EQUAL(pld1_fault_notify(PLD1_FAULT_TYPE), PLD1_N_INVALID_PAYLOAD_TYPE);
}

static enum pld1_fault chain(uint8_t first, const char *bytes, size_t n)
{
    m.header = sample1_header(PLD1_MAIN, 5, true);
    m.header.next_payload = first;
    (void)!pld1_inner((struct slice){(const uint8_t *)bytes, n}, &m, &err);
    return m.fault;
}
#define CHAIN(first, text, want) CU_ASSERT_EQUAL(chain(first, text, sizeof(text) - 1), PLD1_FAULT_##want)

static void RFC_2408_3_2_reserved_and_lengths(void)
{
    CHAIN(PLD1_VENDOR, "\0\0\0\5x", NONE);
    CHAIN(PLD1_VENDOR, "\0\1\0\5x", RESERVED);
    CU_ASSERT_EQUAL(m.fault_payload, PLD1_VENDOR);
    CHAIN(PLD1_VENDOR, "\0\1\xff\xff", RESERVED); /* told before the length */
    CHAIN(PLD1_VENDOR, "\0\0\0\3", LENGTH);
    CHAIN(PLD1_VENDOR, "\0\0\0\6x", LENGTH);
    CHAIN(PLD1_VENDOR, "\0\0\0", LENGTH);
    CHAIN(PLD1_VENDOR, "\15\0\0\4", LENGTH);
    CHAIN(PLD1_VENDOR, "\12\0\0\4\0\0\0\14noncenoncenon", NONE);
    CHAIN(PLD1_VENDOR, "\12\0\0\4\0\7\0\14nonce123", RESERVED);
    CU_ASSERT_EQUAL(m.fault_payload, PLD1_NONCE);
    CHAIN(PLD_NONE, "\0\0\0\4", TYPE);
}

static void bodies_too_short_or_of_a_wrong_length(void)
{
    ONE(PLD1_KE, "", LENGTH);
    ONE(PLD1_HASH, "", LENGTH); /* an empty hash would match everything */
    CU_ASSERT_EQUAL(one(PLD1_HASH, sample_octets, 64), PLD1_FAULT_NONE);
    CU_ASSERT_EQUAL(one(PLD1_HASH, sample_octets, 65), PLD1_FAULT_LENGTH);
    ONE(PLD1_SIG, "", LENGTH);
    ONE(PLD1_NONCE, "1234567", LENGTH);
    CU_ASSERT_EQUAL(one(PLD1_NONCE, sample_octets, 256), PLD1_FAULT_NONE);
    CU_ASSERT_EQUAL(one(PLD1_NONCE, sample_octets, 257), PLD1_FAULT_LENGTH);
    ONE(PLD1_CERT, "\4", LENGTH);
    ONE(PLD1_CERTREQ, "", LENGTH);
    ONE(PLD1_NAT_D, "123456789012345", LENGTH);
    ONE(PLD1_NAT_OA, "\1\0\0\0abcd", NONE);
    ONE(PLD1_NAT_OA, "\1\0\1\0abcd", RESERVED);
    ONE(PLD1_NAT_OA, "\1\0\0\0abcde", ID);
    ONE(PLD1_NAT_OA, "\2\0\0\0abcd", ID);
    ONE(PLD1_FRAGMENT, "\0\1\1\1x", NONE);
    ONE(PLD1_FRAGMENT, "\0\1\0\1x", VALUE);
    ONE(PLD1_FRAGMENT, "\0\1\1\1", LENGTH); /* CVE-2016-1287: lengths of fragments */
    ONE(PLD1_FRAGMENT, "\0\1\1", LENGTH);
    CHAIN(PLD1_VENDOR, "\204\0\0\4\0\0\0\11\0\1\1\1x", VALUE); /* a fragment stands alone */
}

static void RFC_2407_4_6_2_identification(void)
{
    ONE(PLD1_ID, "\1\21\1\364abcd", NONE);
    ONE(PLD1_ID, "\1\21\1\364abc", ID);
    ONE(PLD1_ID, "\1\21\1\364", LENGTH);
    ONE(PLD1_ID, "\4\0\0\0abcd\xff\xff\xff\0", NONE);
    ONE(PLD1_ID, "\4\0\0\0abcd", ID);
    ONE(PLD1_ID, "\0\0\0\0abcd", ID);
    ONE(PLD1_ID, "\14\0\0\0abcd", ID);
    ONE(PLD1_ID, "\2\0\0\0h", NONE);
    struct ts ts;
    CU_ASSERT_EQUAL(pld1_id_selector(&m.ids[0], &ts), CV_EINVAL); /* a name is no selector */
    ONE(PLD1_ID, "\4\0\0\0abcd\xff\0\xff\0", NONE);
    CU_ASSERT_EQUAL(pld1_id_selector(&m.ids[0], &ts), CV_EINVAL); /* a mask with holes */
    ONE(PLD1_ID, "\7\0\0\0abcdabcc", NONE);
    CU_ASSERT_EQUAL(pld1_id_selector(&m.ids[0], &ts), CV_EINVAL); /* ends before it starts */
}

static void RFC_2408_3_14_3_15_notify_and_delete(void)
{
    ONE(PLD1_NOTIFY, "\0\0\0\1\1\0\0\16", NONE);
    ONE(PLD1_NOTIFY, "\0\0\0\2\1\0\0\16", DOI);
    ONE(PLD1_NOTIFY, "\0\0\0\1\1\4\0\16abc", LENGTH);
    ONE(PLD1_NOTIFY,
        "\0\0\0\1\1\21\0\16"
        "12345678901234567",
        SPI);
    ONE(PLD1_NOTIFY,
        "\0\0\0\1\1\20\x8d\x28"
        "1234567890123456"
        "\0\0\0\1",
        NONE); /* RFC 3706 5 */
    ONE(PLD1_NOTIFY,
        "\0\0\0\1\1\20\x8d\x28"
        "1234567890123456"
        "\0\0\1",
        VALUE);
    ONE(PLD1_NOTIFY,
        "\0\0\0\1\1\0\x8d\x28"
        "\0\0\0\1",
        VALUE);
    ONE(PLD1_DELETE,
        "\0\0\0\1\3\4\0\2"
        "abcdefgh",
        NONE);
    ONE(PLD1_DELETE,
        "\0\0\0\1\3\4\0\2"
        "abcdefg",
        LENGTH);
    ONE(PLD1_DELETE,
        "\0\0\0\1\3\4\0\1"
        "abcdefgh",
        LENGTH);
    ONE(PLD1_DELETE, "\0\0\0\1\3\0\xff\xff", SPI); /* 65,535 SPIs of no length */
    ONE(PLD1_DELETE, "\0\0\0\1\3\4\0\0", LIMIT);
    ONE(PLD1_DELETE,
        "\0\0\0\1\1\4\0\1"
        "abcd",
        SPI);
    ONE(PLD1_DELETE,
        "\0\0\0\1\5\4\0\1"
        "abcd",
        PROTOCOL);
}

#define SA_HEAD "\0\0\0\1\0\0\0\1"
/* One ISAKMP proposal of one transform with these attributes; lengths as octal. */
#define PHASE1(prop, tr, attrs, want)                                                                        \
    ONE(PLD1_SA, SA_HEAD "\0\0\0" prop "\1\1\0\1\0\0\0" tr "\1\1\0\0" attrs, want)
#define LIFE "\x80\13\0\1"

static void RFC_2408_3_3_and_RFC_2407_4_5_attributes(void)
{
    PHASE1("\24", "\14", "\x80\1\0\7", NONE);
    CU_ASSERT(m.sa.transforms[0].encr == PLD1_ENCR_AES && !m.sa.transforms[0].unusable);
    PHASE1("\24", "\14", "\x80\1\0\0", NONE); /* zero is no cipher */
    CU_ASSERT_TRUE(m.sa.transforms[0].unusable);
    PHASE1("\24", "\14", "\x80\143\0\1", NONE); /* unknown: never selected */
    CU_ASSERT_TRUE(m.sa.transforms[0].unusable);
    PHASE1("\30", "\20", "\x80\1\0\7\x80\1\0\5", ATTRIBUTE); /* twice */
    PHASE1("\26", "\16", "\0\1\0\2\0\7", ATTRIBUTE);         /* basic in the long form */
    PHASE1("\24", "\14", "\0\1\0\2", ATTRIBUTE);
    PHASE1("\23", "\13", "\x80\1\0", ATTRIBUTE);
    PHASE1("\34", "\24", LIFE "\0\14\0\4\0\1\x51\x80", NONE);
    CU_ASSERT_EQUAL(m.sa.transforms[0].life.seconds, 86400);
    PHASE1("\30", "\20", LIFE "\x80\14\16\20", NONE);
    CU_ASSERT_EQUAL(m.sa.transforms[0].life.seconds, 3600);
    PHASE1("\42", "\32", LIFE "\0\14\0\12\0\0\0\0\0\0\0\0\0\5", NONE);
    CU_ASSERT_EQUAL(m.sa.transforms[0].life.seconds, 5);
    PHASE1("\35", "\25", LIFE "\0\14\0\5\1\0\0\0\0", NONE);
    CU_ASSERT_EQUAL(m.sa.transforms[0].life.seconds, UINT32_MAX);
    PHASE1("\30", "\20", LIFE "\x80\14\0\0",
           NONE); /* what strongSwan sends without rekeying: no limit, no refusal (G26) */
    CU_ASSERT(m.sa.transforms[0].life.seconds == 0 && !m.sa.transforms[0].unusable);
    PHASE1("\30", "\20", LIFE "\0\14\0\0", ATTRIBUTE);
    PHASE1("\24", "\14", LIFE, ATTRIBUTE);                                  /* type alone */
    PHASE1("\24", "\14", "\x80\14\0\5", ATTRIBUTE);                         /* duration alone */
    PHASE1("\40", "\30", LIFE "\x80\14\0\5" LIFE "\x80\14\0\6", ATTRIBUTE); /* two of one kind */
    PHASE1("\40", "\30", LIFE "\x80\14\0\5\x80\13\0\2\x80\14\0\6", NONE);
    CU_ASSERT(m.sa.transforms[0].life.seconds == 5 && m.sa.transforms[0].life.kilobytes == 6);
}

#define TR_LAST "\0\0\0\14\1\1\0\0\x80\1\0\7"
#define TR_MORE "\3\0\0\14\1\1\0\0\x80\1\0\7"
static void RFC_2408_3_4_to_3_6_proposals(void)
{
    ONE(PLD1_SA, SA_HEAD "\0\0\0\24\1\1\0\1" TR_LAST, NONE);
    ONE(PLD1_SA, "\0\0\0\0\0\0\0\1\0\0\0\24\1\1\0\1" TR_LAST, DOI);
    ONE(PLD1_SA, "\0\0\0\1\0\0\0\2\0\0\0\24\1\1\0\1" TR_LAST, SITUATION);
    ONE(PLD1_SA, SA_HEAD, LENGTH);
    ONE(PLD1_SA, SA_HEAD "\0\1\0\24\1\1\0\1" TR_LAST, RESERVED);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\24\1\1\0\1\0\1\0\14\1\1\0\0\x80\1\0\7", RESERVED);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\24\1\1\0\1\0\0\0\14\1\1\0\1\x80\1\0\7", RESERVED);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\10\1\1\0\0", PROPOSAL);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\24\1\1\0\1" TR_MORE, PROPOSAL);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\24\1\1\0\2" TR_LAST, PROPOSAL);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\40\1\1\0\2" TR_MORE TR_LAST, NONE);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\40\1\1\0\1" TR_LAST TR_LAST, LENGTH);
    ONE(PLD1_SA, SA_HEAD "\1\0\0\24\1\1\0\1" TR_LAST, PROPOSAL);
    ONE(PLD1_SA, SA_HEAD "\2\0\0\24\1\1\0\1" TR_LAST, LENGTH);
    ONE(PLD1_SA, SA_HEAD "\2\0\0\24\2\1\0\1" TR_LAST "\0\0\0\24\1\1\0\1" TR_LAST, PROPOSAL);
    ONE(PLD1_SA,
        SA_HEAD "\0\0\0\30\1\3\4\1"
                "abcd"
                "\0\0\0\14\1\14\0\0\x80\4\0\1",
        NONE);
    ONE(PLD1_SA,
        SA_HEAD "\0\0\0\30\1\3\4\1"
                "\0\0\0\0"
                "\0\0\0\14\1\14\0\0\x80\4\0\1",
        SPI);
    ONE(PLD1_SA,
        SA_HEAD "\0\0\0\24\1\3\0\1"
                "\0\0\0\14\1\14\0\0\x80\4\0\1",
        SPI);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\24\1\11\0\1" TR_LAST, PROTOCOL);
    ONE(PLD1_SA, SA_HEAD "\0\0\0\24\1\1\xff\1" TR_LAST, LENGTH);
}

static enum pld1_fault many(uint8_t type, const char *body, size_t n, unsigned count)
{
    static uint8_t bytes[65536];
    struct buf_writer w = buf_writer_init(bytes, sizeof bytes);
    struct pld_chain c;
    pld_chain_begin(&c, &w);
    for (unsigned i = 0; i < count; i++)
        pld1_put_raw(&c.b, type, (struct slice){(const uint8_t *)body, n});
    CU_ASSERT_FALSE(w.bad);
    return chain(type, (const char *)bytes, w.len);
}

static void every_list_ends_at_its_limit(void)
{
    static const struct {
        uint8_t type;
        const char *body;
        size_t n;
        unsigned limit;
    } lists[] = {
        {PLD1_NOTIFY, "\0\0\0\1\1\0\0\16", 8, PLD1_MAX_NOTIFIES},
        {PLD1_DELETE, "\0\0\0\1\3\4\0\1abcd", 12, PLD1_MAX_DELETES},
        {PLD1_CERT, "\4x", 2, PLD1_MAX_CERTS},
        {PLD1_CERTREQ, "\4", 1, PLD1_MAX_CERTREQS},
        {PLD1_VENDOR, "v", 1, PLD1_MAX_VENDORS},
        {PLD1_ID, "\2\0\0\0h", 5, PLD1_MAX_IDS},
        {PLD1_NAT_D, "1234567890123456", 16, PLD1_MAX_NAT_D},
        {PLD1_NAT_OA, "\1\0\0\0abcd", 8, PLD1_MAX_NAT_OA},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        CU_ASSERT_EQUAL(many(lists[i].type, lists[i].body, lists[i].n, lists[i].limit), PLD1_FAULT_NONE);
        CU_ASSERT_EQUAL(many(lists[i].type, lists[i].body, lists[i].n, lists[i].limit + 1), PLD1_FAULT_LIMIT);
        CU_ASSERT_EQUAL(many(lists[i].type, lists[i].body, lists[i].n, 2000), PLD1_FAULT_LIMIT);
    }
    CU_ASSERT_EQUAL(many(PLD1_KE, "k", 1, 2), PLD1_FAULT_REPEATED);
    CU_ASSERT_EQUAL(many(PLD1_HASH, "h", 1, 2), PLD1_FAULT_REPEATED);
    CU_ASSERT_EQUAL(many(PLD1_NONCE, "12345678", 8, 2), PLD1_FAULT_REPEATED);
}

static void padding_is_bounded(void)
{
    static uint8_t bytes[5 + PLD1_PADDING_MAX + 1] = {0, 0, 0, 5, 'x'};
    CU_ASSERT_EQUAL(chain(PLD1_VENDOR, (const char *)bytes, sizeof bytes - 1), PLD1_FAULT_NONE);
    CU_ASSERT_EQUAL(m.padding.n, PLD1_PADDING_MAX);
    CU_ASSERT_EQUAL(chain(PLD1_VENDOR, (const char *)bytes, sizeof bytes), PLD1_FAULT_LENGTH);
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */
/* RFC 2409 5: each sample is its own message and no other, but for pairs of one form. */
static void each_message_has_its_number(void)
{
    for (unsigned kind = 0; kind < SAMPLE1_KINDS; kind++) {
        const struct sample1_kind *k = &sample1_kinds[kind];
        if (k->fill == sample1_fragment)
            continue;
        read_sample(k->name);
        CU_ASSERT_EQUAL(pld1_check_rules(&m, k->number, &err), CV_OK);
        for (unsigned n = 0; n <= 7; n++) {
            bool pair = k->exchange == PLD1_MAIN && k->number > 2 && (n + 1) / 2 == (k->number + 1u) / 2;
            bool answer_as_offer = !strcmp(k->name, "qm2") && n == 1;
            bool connected = !strcmp(k->name, "qm4") && n == 3;
            if (n != k->number && !pair && !answer_as_offer && !connected)
                CU_ASSERT_EQUAL(pld1_check_rules(&m, n, &err), CV_EINVAL);
        }
    }
}

static void refused(unsigned number, const char *why)
{
    CU_ASSERT_EQUAL(pld1_check_rules(&m, number, &err), CV_EINVAL);
    CU_ASSERT_STRING_EQUAL(err, why);
}

static void RFC_2408_3_1_encryption_message_ID_and_cookies(void)
{
    read_sample("mm5");
    m.header.flags = 0;
    refused(5, "message is not encrypted");
    read_sample("mm3");
    m.header.flags = PLD1_FLAG_ENCRYPTION;
    refused(3, "message is encrypted that must not be");
    read_sample("mm3");
    m.header.message_id = 1;
    refused(3, "message ID in phase 1");
    read_sample("qm1");
    m.header.message_id = 0;
    refused(1, "no message ID in phase 2");
    read_sample("mm1");
    m.header.spi_r[0] = 1;
    refused(1, "responder cookie in the first message");
    read_sample("mm3");
    memset(m.header.spi_r, 0, sizeof m.header.spi_r);
    refused(3, "responder cookie is zero");
    read_sample("fragment_1");
    refused(5, "a fragment is no message");
}

static void RFC_2409_5_7_informational_without_encryption_proves_nothing(void)
{
    read_sample("dpd");
    m.header.flags = 0;
    refused(1, "HASH or DELETE without encryption");
    read_sample("refusal");
    m.header.flags = PLD1_FLAG_ENCRYPTION;
    m.header.message_id = 1;
    refused(1, "HASH is not the first payload"); /* CVE-2019-10155 */
    read_sample("dpd");
    m.notify_count = 0;
    refused(1, "neither NOTIFY nor DELETE");
}

static void answers_and_IDs_and_NAT_payloads(void)
{
    read_sample("mm1");
    memset(m.header.spi_r, 1, sizeof m.header.spi_r);
    refused(2, "answer with several proposals or transforms");
    read_sample("mm5");
    m.ids[0].port = 501; /* RFC 2407 4.6.2 */
    refused(5, "ID: protocol and port are neither zero nor IKE's");
    read_sample("qm1");
    m.id_count = 1;
    refused(1, "one client ID without the other");
    read_sample("mm3");
    m.order[m.payload_count - 1] = PLD1_NAT_D_DRAFT;
    refused(3, "NAT payloads of the RFC and of a draft in one message");
    read_sample("mm5");
    m.order[1] = PLD1_VENDOR; /* no HASH */
    refused(5, "not exactly one of HASH and SIG");
    read_sample("qm1");
    m.order[0] = PLD1_SA;
    m.order[1] = PLD1_HASH;
    refused(1, "SA or HASH is not the first payload");
    read_sample("mm3");
    m.order[0] = PLD1_DELETE;
    refused(3, "a payload is missing that this message must have");
}

UNIT_MAIN("pld1", UNIT_TEST(up_to_three_zero_octets_may_round_up_a_message_in_the_clear),
          UNIT_TEST(RFC_2409_5_phase_1_SA_round_trip), UNIT_TEST(RFC_2408_4_2_answer_repeats_the_attributes),
          UNIT_TEST(RFC_2407_4_5_Quick_Mode_round_trip),
          UNIT_TEST(RFC_2409_5_5_after_hash_ends_before_the_padding),
          UNIT_TEST(RFC_3947_NAT_payloads_and_the_drafts_numbers), UNIT_TEST(the_others_round_trip),
          UNIT_TEST(selectors_round_trip_as_address_subnet_and_range),
          UNIT_TEST(what_cannot_be_said_is_not_built), UNIT_TEST(RFC_2408_5_2_header_refusals),
          UNIT_TEST(IKEv2_and_unknown_payload_types_are_refused),
          UNIT_TEST(RFC_2408_3_2_reserved_and_lengths), UNIT_TEST(bodies_too_short_or_of_a_wrong_length),
          UNIT_TEST(RFC_2407_4_6_2_identification), UNIT_TEST(RFC_2408_3_14_3_15_notify_and_delete),
          UNIT_TEST(RFC_2408_3_3_and_RFC_2407_4_5_attributes), UNIT_TEST(RFC_2408_3_4_to_3_6_proposals),
          UNIT_TEST(every_list_ends_at_its_limit), UNIT_TEST(padding_is_bounded),
          UNIT_TEST(each_message_has_its_number), UNIT_TEST(RFC_2408_3_1_encryption_message_ID_and_cookies),
          UNIT_TEST(RFC_2409_5_7_informational_without_encryption_proves_nothing),
          UNIT_TEST(answers_and_IDs_and_NAT_payloads))
