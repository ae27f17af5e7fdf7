/* Vendor IDs (PR-10) and NAT detection (PR-11; RFC 3947 3.1, 3.2). */
#include "control/ikev1/v1_vendor.h"
#include "tests/unit/ikev1/ikev1.h"

static const char rfc3947[] = "\x4a\x13\x1c\x81\x07\x03\x58\x45\x5c\x57\x28\xf2\x0e\x95\x45\x2f",
                  draft07[] = "\x43\x9b\x59\xf8\xba\x67\x6c\x4c\x77\x37\xae\x22\xea\xb8\xf5\x82",
                  draft03[] = "\x7d\x94\x19\xa6\x53\x10\xca\x6f\x2c\x17\x9d\x92\x15\x52\x9d\x56",
                  draft02n[] = "\x90\xcb\x80\x91\x3e\xbb\x69\x6e\x08\x63\x81\xb5\xec\x42\x7b\x1f",
                  draft02[] = "\xcd\x60\x46\x43\x35\xdf\x21\xf8\x7c\xfd\xb2\xfc\x68\xb6\xa4\x48",
                  dpd[] = "\xaf\xca\xd7\x13\x68\xa1\xf1\xc9\x6b\x86\x96\xfc\x77\x57\x01\x00",
                  unity[] = "\x12\xf5\xf2\x8c\x45\x71\x68\xa9\x70\x2d\x9f\xe2\x74\xcc\x01\x00",
                  xauth[] = "\x09\x00\x26\x89\xdf\xd6\xb7\x12",
                  frag[] = "\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3\x80\x00\x00\x00";
#define VID(x)                                                                                               \
    (struct slice)                                                                                           \
    {                                                                                                        \
        (const uint8_t *)(x), sizeof(x) - 1                                                                  \
    }

static void PR_10_vendor_ids_by_name(void)
{
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(rfc3947)), "NAT-T RFC 3947");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(draft07)), "NAT-T draft-07");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(draft03)), "NAT-T draft-03");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(draft02n)), "NAT-T draft-02");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(dpd)), "DPD");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(unity)), "Unity");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(xauth)), "XAUTH");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name(VID(frag)), "fragmentation");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name((struct slice){VID(frag).p, 16}), "fragmentation");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name((struct slice){VID(frag).p, 15}), "unknown");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name((struct slice){VID(rfc3947).p, 8}), "unknown");
    CU_ASSERT_STRING_EQUAL(v1_vendor_name((struct slice){NULL, 0}), "unknown");
}

static void take(struct bench *b, bool with_sa, const struct slice *vids, unsigned n)
{
    struct pld1_message m = {.vendor_count = n, .sa = {.proposal_count = with_sa}};
    for (unsigned i = 0; i < n; i++)
        m.vendors[i] = vids[i];
    v1_vendor_take(&b->e, &b->sa, &m);
}

static void RFC_3947_3_1_the_best_variant_of_the_first_messages(void)
{
    const struct slice old[] = {VID(draft02), VID(draft03)},
                       all[] = {VID(draft02n), VID(rfc3947), VID(draft07)};
    struct bench b;
    bench_start(&b, false);
    take(&b, true, old, 2);
    CU_ASSERT_EQUAL(v1_of(&b.sa)->peer.natt, V1_NATT_DRAFT_03);
    take(&b, true, all, 3);
    CU_ASSERT_EQUAL(v1_of(&b.sa)->peer.natt, V1_NATT_RFC3947);
    bench_end(&b);
    bench_start(&b, false);
    take(&b, false, all, 3); /* MM3: too late to change it */
    CU_ASSERT_EQUAL(v1_of(&b.sa)->peer.natt, V1_NATT_NONE);
    const struct slice others[] = {VID(dpd), VID(unity), VID(xauth), VID(frag), {(const uint8_t *)"?", 1},
                                   {NULL, 0}};
    take(&b, false, others, 6);
    const struct v1_peer_can *can = &v1_of(&b.sa)->peer;
    CU_ASSERT(can->dpd && can->unity && can->xauth && can->fragmentation);
    bench_end(&b);
}

/* The names of the vendor IDs that are sent. */
static const char *said(struct bench *b, bool answer)
{
    static char out[512];
    static uint8_t octets[1024];
    struct buf_writer w = buf_writer_init(octets, sizeof octets);
    struct pld_header h = {.spi_i = {1}, .version = PLD1_VERSION, .exchange = PLD1_MAIN};
    struct pld_builder builder;
    struct pld1_message m;
    out[0] = '\0';
    pld_begin(&builder, &w, &h);
    v1_vendor_put(&b->e, &b->sa, &builder, answer);
    pld1_end(&builder, 1);
    CU_ASSERT_EQUAL_FATAL(pld1_header(octets, w.len, &m.header, NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pld1_outer(octets, w.len, &m, NULL), CV_OK);
    for (unsigned i = 0; i < m.vendor_count; i++) {
        strcat(out, i ? ", " : "");
        strcat(out, v1_vendor_name(m.vendors[i]));
    }
    return out;
}

static void PR_10_MM1_offers_every_variant_and_MM2_answers_one(void)
{
    struct bench b;
    bench_start(&b, true);
    CU_ASSERT_STRING_EQUAL(said(&b, false), "NAT-T RFC 3947, NAT-T draft-07, NAT-T draft-03, NAT-T draft-02, "
                                            "NAT-T draft-02 without newline, DPD");
    b.cfg.isakmp_fragmentation = true;
    CU_ASSERT_PTR_NOT_NULL(strstr(said(&b, false), "DPD, fragmentation"));
    CU_ASSERT_STRING_EQUAL(said(&b, true), "DPD"); /* the peer has neither */
    const struct slice two[] = {VID(draft03), VID(frag)};
    take(&b, true, two, 2);
    CU_ASSERT_STRING_EQUAL(said(&b, true), "NAT-T draft-03, DPD, fragmentation");
    b.cfg.isakmp_fragmentation = false;
    CU_ASSERT_STRING_EQUAL(said(&b, true), "NAT-T draft-03, DPD");
    bench_end(&b);
}

/* ---- NAT detection ------------------------------------------------------------------------------------------------ */
static const char *const here = "192.0.2.1", *const there = "192.0.2.2", *const natted = "198.51.100.9";

static struct ip_endpoint at(const char *address, uint16_t port)
{
    struct ip_endpoint e = {.port = port};
    CU_ASSERT_FATAL(ip_addr_parse(address, &e.addr));
    return e;
}

static void setup(struct bench *b, enum v1_natt natt, const char *local, const char *remote)
{
    bench_start(b, true);
    memset(b->sa.spi_i, 0x11, 8);
    memset(b->sa.spi_r, 0x22, 8);
    v1_of(&b->sa)->choice.prf = CR_PRF_HMAC_SHA1;
    v1_of(&b->sa)->peer.natt = natt;
    b->sa.local = at(local, 500);
    b->sa.remote = at(remote, 500);
}

/* What `from` says arrives with these addresses at the other end. True: decoded, with its NAT-D payloads. */
static void seen(enum v1_natt natt, const char *from_local, const char *from_remote, const char *to_local,
                 const char *to_remote, bool *local, bool *remote, bool *draft)
{
    static uint8_t octets[512];
    struct bench from, to;
    struct pld_header h = {.version = PLD1_VERSION, .exchange = PLD1_MAIN};
    struct pld_builder builder;
    struct pld1_message m;
    struct buf_writer w = buf_writer_init(octets, sizeof octets);
    setup(&from, natt, from_local, from_remote);
    setup(&to, natt, to_local, to_remote);
    memcpy(h.spi_i, from.sa.spi_i, 8);
    memcpy(h.spi_r, from.sa.spi_r, 8);
    pld_begin(&builder, &w, &h);
    pld1_put_raw(&builder, PLD1_NONCE, (struct slice){octets, 16});
    CU_ASSERT_EQUAL(v1_nat_put(&from.sa, &builder), CV_OK);
    pld1_end(&builder, 1);
    CU_ASSERT_EQUAL_FATAL(pld1_header(octets, w.len, &m.header, NULL), CV_OK);
    CU_ASSERT_EQUAL_FATAL(pld1_outer(octets, w.len, &m, NULL), CV_OK);
    CU_ASSERT_EQUAL(m.nat_d_count, natt == V1_NATT_NONE ? 0 : 2);
    const struct ike_datagram d = {.local = to.sa.local, .remote = to.sa.remote};
    const struct v1_in in = {.d = &d, .m = &m};
    CU_ASSERT_EQUAL(v1_nat_detect(&to.e, &to.sa, &in), CV_OK);
    *local = to.sa.nat_local;
    *remote = to.sa.nat_remote;
    *draft = m.nat_draft;
    bench_end(&from);
    bench_end(&to);
}

static void RFC_3947_3_2_who_is_behind_a_NAT(void)
{
    bool local, remote, draft;
    for (enum v1_natt n = V1_NATT_RFC3947; n <= V1_NATT_DRAFT_02; n++) {
        seen(n, here, there, there, here, &local, &remote, &draft);
        CU_ASSERT(!local && !remote);
        CU_ASSERT_EQUAL(draft, n == V1_NATT_DRAFT_03 || n == V1_NATT_DRAFT_02);
        seen(n, here, there, there, natted, &local, &remote, &draft); /* the sender's address was changed */
        CU_ASSERT(!local && remote);
        seen(n, here, natted, there, here, &local, &remote, &draft); /* the receiver's was */
        CU_ASSERT(local && !remote);
        seen(n, here, natted, there, natted, &local, &remote, &draft);
        CU_ASSERT(local && remote);
    }
    seen(V1_NATT_NONE, here, there, there, natted, &local, &remote, &draft);
    CU_ASSERT(!local && !remote); /* not agreed: nothing is said, nothing concluded */
}

static void RFC_3947_3_2_one_of_several_addresses_of_the_peer_is_enough(void)
{
    struct bench b;
    uint8_t own[CR_PRF_MAX], other[CR_PRF_MAX];
    size_t n;
    setup(&b, V1_NATT_RFC3947, here, there);
    const struct ike_datagram d = {.local = b.sa.local, .remote = b.sa.remote};
    CU_ASSERT_EQUAL(cr_nat_hash1(CR_PRF_HMAC_SHA1, b.sa.spi_i, b.sa.spi_r, &d.local, own, &n), CV_OK);
    CU_ASSERT_EQUAL(cr_nat_hash1(CR_PRF_HMAC_SHA1, b.sa.spi_i, b.sa.spi_r, &d.remote, other, &n), CV_OK);
    struct pld1_message m = {.nat_d_count = 3, .nat_d = {{own, n}, {own, n}, {other, n}}};
    memcpy(m.header.spi_i, b.sa.spi_i, 8);
    memcpy(m.header.spi_r, b.sa.spi_r, 8);
    const struct v1_in in = {.d = &d, .m = &m};
    CU_ASSERT_EQUAL(v1_nat_detect(&b.e, &b.sa, &in), CV_OK);
    CU_ASSERT(!b.sa.nat_local && !b.sa.nat_remote);
    m.nat_d[2].n = n - 1; /* shorter than the hash is no match */
    CU_ASSERT_EQUAL(v1_nat_detect(&b.e, &b.sa, &in), CV_OK);
    CU_ASSERT(b.sa.nat_remote);
    m.nat_d[0].n = 0;
    CU_ASSERT_EQUAL(v1_nat_detect(&b.e, &b.sa, &in), CV_OK);
    CU_ASSERT(b.sa.nat_local);
    bench_end(&b);
}

UNIT_MAIN("ikev1-vendor", UNIT_TEST(PR_10_vendor_ids_by_name),
          UNIT_TEST(RFC_3947_3_1_the_best_variant_of_the_first_messages),
          UNIT_TEST(PR_10_MM1_offers_every_variant_and_MM2_answers_one),
          UNIT_TEST(RFC_3947_3_2_who_is_behind_a_NAT),
          UNIT_TEST(RFC_3947_3_2_one_of_several_addresses_of_the_peer_is_enough))
