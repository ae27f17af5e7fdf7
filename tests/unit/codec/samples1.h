/* samples1: one well-formed IKEv1 message of each kind, built with the builders, for the tests to read back and to spoil.
 * What an encrypted message carries stands in the clear, padded as for AES. */
#ifndef TESTS_UNIT_CODEC_SAMPLES1_H
#define TESTS_UNIT_CODEC_SAMPLES1_H

#include "control/codec/pld1.h"
#include "tests/unit/codec/samples.h"

enum { SAMPLE1_BLOCK = 16 };

static const uint8_t sample1_address[4] = {192, 0, 2, 1};

static inline void sample1_phase1_sa(struct pld_builder *b, bool answer)
{
    struct pld1_build_proposal p = {.number = 1, .proto = PLD1_PROTO_ISAKMP};
    for (uint8_t i = 0; i < (answer ? 1 : 3); i++)
        p.transforms[p.count++] = (struct pld1_build_transform){.number = (uint8_t)(i + 1),
                                                                .id = PLD1_KEY_IKE,
                                                                .encr = i ? PLD1_ENCR_3DES : PLD1_ENCR_AES,
                                                                .key_bits = i ? 0 : 256,
                                                                .hash = PLD1_HASH_SHA2_256,
                                                                .auth = PLD1_AUTH_PSK,
                                                                .group = 14,
                                                                .life = {.seconds = i ? 3600 : 86400}};
    pld1_put_sa(b, &p, 1);
}

static inline void sample1_child_sa(struct pld_builder *b, bool answer)
{
    struct pld1_build_proposal p[2] = {
        {.number = 1, .proto = PLD1_PROTO_ESP, .spi_len = 4, .spi = {0xc3, 1, 2, 3}},
        {.number = 2, .proto = PLD1_PROTO_AH, .spi_len = 4, .spi = {0xc3, 1, 2, 4}}};
    for (unsigned i = 0; i < 2; i++) {
        p[i].count = answer ? 1 : 2;
        for (uint8_t t = 0; t < p[i].count; t++)
            p[i].transforms[t] = (struct pld1_build_transform){
                .number = (uint8_t)(t + 1),
                .id = i ? 3 : 12,
                .key_bits = i ? 0 : 256,
                .integ = 2,
                .group = 14,
                .encap = t ? PLD1_ENCAP_UDP_TRANSPORT : PLD1_ENCAP_TUNNEL,
                .life = {.seconds = 3600, .kilobytes = 4608000},
            };
    }
    pld1_put_sa(b, p, answer ? 1 : 2);
}

static inline void sample1_sa(struct pld_builder *b, bool answer)
{
    sample1_phase1_sa(b, answer);
    pld1_put_raw(b, PLD1_VENDOR, (struct slice){sample_octets, 16});
    pld1_put_raw(b, PLD1_VENDOR, (struct slice){sample_octets, 20});
}

static inline void sample1_nat_d(struct pld_builder *b, uint8_t type)
{
    pld1_put_raw(b, type, (struct slice){sample_octets, 32});
    pld1_put_raw(b, type, (struct slice){sample_octets + 1, 32});
}

static inline void sample1_ke(struct pld_builder *b, bool answer)
{
    pld1_put_raw(b, PLD1_KE, (struct slice){sample_octets, 256});
    pld1_put_raw(b, PLD1_NONCE, (struct slice){sample_octets, 20});
    if (answer)
        pld1_put_cert(b, PLD1_CERTREQ, 4, NO_SLICE);
    pld1_put_raw(b, PLD1_VENDOR, (struct slice){sample_octets, 8});
    sample1_nat_d(b, answer ? PLD1_NAT_D_DRAFT : PLD1_NAT_D);
}

static inline void sample1_id(struct pld_builder *b, bool answer)
{
    pld1_put_id(b, PLD1_ID_IPV4, 17, 500, (struct slice){sample1_address, 4});
    if (answer) {
        pld1_put_cert(b, PLD1_CERT, 4, (struct slice){sample_octets, 100});
        pld1_put_raw(b, PLD1_SIG, (struct slice){sample_octets, 128});
        return;
    }
    pld1_put_raw(b, PLD1_HASH, (struct slice){sample_octets, 32});
    pld1_put_notify(b, PLD1_PROTO_ISAKMP, (struct slice){sample_octets, 16}, PLD1_N_INITIAL_CONTACT,
                    NO_SLICE);
}

static inline void sample1_aggressive(struct pld_builder *b, bool answer)
{
    sample1_phase1_sa(b, answer);
    pld1_put_raw(b, PLD1_KE, (struct slice){sample_octets, 256});
    pld1_put_raw(b, PLD1_NONCE, (struct slice){sample_octets, 20});
    pld1_put_id(b, PLD1_ID_FQDN, 0, 0, SLICE("gateway.example"));
    if (answer) {
        pld1_put_raw(b, PLD1_HASH, (struct slice){sample_octets, 32});
        sample1_nat_d(b, PLD1_NAT_D);
    }
    pld1_put_raw(b, PLD1_VENDOR, (struct slice){sample_octets, 16});
}

static inline void sample1_aggressive_3(struct pld_builder *b, bool answer)
{
    (void)answer;
    pld1_put_raw(b, PLD1_HASH, (struct slice){sample_octets, 32});
    sample1_nat_d(b, PLD1_NAT_D);
}

static inline void sample1_quick(struct pld_builder *b, bool answer)
{
    struct ip_addr oa = ip_addr_v4(sample1_address);
    struct ip_prefix net;
    struct ts ts[2] = {ts_any(IP_V4), ts_any(IP_V4)};
    if (ip_prefix_parse("10.1.0.0/16", &net))
        ts[0] = ts_from_prefix(&net, 47, 0, 65535);
    pld1_put_hash_room(b, 32);
    sample1_child_sa(b, answer);
    pld1_put_raw(b, PLD1_NONCE, (struct slice){sample_octets, 20});
    pld1_put_raw(b, PLD1_KE, (struct slice){sample_octets, 256});
    pld1_put_id_selector(b, &ts[0]);
    pld1_put_id_selector(b, &ts[1]);
    pld1_put_nat_oa(b, PLD1_NAT_OA, &oa);
    pld1_put_nat_oa(b, PLD1_NAT_OA, &oa);
    if (answer) {
        uint8_t data[32];
        struct buf_writer w = buf_writer_init(data, sizeof data);
        const struct pld1_life life = {.seconds = 1800, .kilobytes = 100000};
        pld1_put_life(&w, PLD1_PROTO_ESP, &life);
        pld1_put_notify(b, PLD1_PROTO_ESP, SLICE("\303\1\2\3"), PLD1_N_RESPONDER_LIFETIME,
                        (struct slice){data, w.len});
    }
}

static inline void sample1_quick_3(struct pld_builder *b, bool answer)
{
    pld1_put_hash_room(b, 32);
    if (answer)
        pld1_put_notify(b, PLD1_PROTO_ESP, SLICE("\303\1\2\3"), PLD1_N_CONNECTED, NO_SLICE);
}

static inline void sample1_dpd(struct pld_builder *b, bool answer)
{
    pld1_put_hash_room(b, 20);
    pld1_put_notify(b, PLD1_PROTO_ISAKMP, (struct slice){sample_octets, 16},
                    answer ? PLD1_N_R_U_THERE_ACK : PLD1_N_R_U_THERE, SLICE("\0\0\1\2"));
}

static inline void sample1_delete(struct pld_builder *b, bool answer)
{
    (void)answer;
    pld1_put_hash_room(b, 20);
    pld1_put_delete(b, PLD1_PROTO_ESP, 4, sample_octets, 2);
    pld1_put_delete(b, PLD1_PROTO_ISAKMP, 16, sample_octets, 1);
}

static inline void sample1_refusal(struct pld_builder *b, bool answer)
{
    (void)answer;
    pld1_put_notify(b, PLD1_PROTO_ISAKMP, NO_SLICE, PLD1_N_NO_PROPOSAL_CHOSEN, NO_SLICE);
}

static inline void sample1_fragment(struct pld_builder *b, bool answer)
{
    pld1_put_fragment(b, 7, answer ? 2 : 1, answer, (struct slice){sample_octets, 200});
}

struct sample1_kind {
    const char *name;
    uint8_t exchange, number;
    bool encrypted, answer;
    void (*fill)(struct pld_builder *, bool);
};
static const struct sample1_kind sample1_kinds[] = {
    {"mm1", PLD1_MAIN, 1, false, false, sample1_sa},
    {"mm2", PLD1_MAIN, 2, false, true, sample1_sa},
    {"mm3", PLD1_MAIN, 3, false, false, sample1_ke},
    {"mm4", PLD1_MAIN, 4, false, true, sample1_ke},
    {"mm5", PLD1_MAIN, 5, true, false, sample1_id},
    {"mm6", PLD1_MAIN, 6, true, true, sample1_id},
    {"am1", PLD1_AGGRESSIVE, 1, false, false, sample1_aggressive},
    {"am2", PLD1_AGGRESSIVE, 2, false, true, sample1_aggressive},
    {"am3", PLD1_AGGRESSIVE, 3, true, false, sample1_aggressive_3},
    {"qm1", PLD1_QUICK, 1, true, false, sample1_quick},
    {"qm2", PLD1_QUICK, 2, true, true, sample1_quick},
    {"qm3", PLD1_QUICK, 3, true, false, sample1_quick_3},
    {"qm4", PLD1_QUICK, 4, true, true, sample1_quick_3},
    {"dpd", PLD1_INFORMATIONAL, 1, true, false, sample1_dpd},
    {"dpd_ack", PLD1_INFORMATIONAL, 1, true, true, sample1_dpd},
    {"delete", PLD1_INFORMATIONAL, 1, true, false, sample1_delete},
    {"refusal", PLD1_INFORMATIONAL, 1, false, true, sample1_refusal},
    {"fragment_1", PLD1_MAIN, 5, false, false, sample1_fragment},
    {"fragment_2", PLD1_MAIN, 5, false, true, sample1_fragment},
};
enum { SAMPLE1_KINDS = sizeof sample1_kinds / sizeof *sample1_kinds };

static inline struct pld_header sample1_header(uint8_t exchange, unsigned number, bool encrypted)
{
    struct pld_header h = {.version = PLD1_VERSION, .exchange = exchange};
    memset(h.spi_i, 0xa1, sizeof h.spi_i);
    bool phase1 = exchange == PLD1_MAIN || exchange == PLD1_AGGRESSIVE;
    if (!phase1 || number > 1)
        memset(h.spi_r, 0xb2, sizeof h.spi_r);
    h.flags = encrypted ? PLD1_FLAG_ENCRYPTION : 0;
    h.message_id = encrypted && !phase1 ? 0x11223344 : 0;
    return h;
}

static inline void sample1_make(unsigned kind, struct sample *s)
{
    const struct sample1_kind *k = &sample1_kinds[kind];
    struct pld_header h = sample1_header(k->exchange, k->number, k->encrypted);
    struct buf_writer w = buf_writer_init(s->bytes, sizeof s->bytes);
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    k->fill(&b, k->answer);
    pld1_end(&b, k->encrypted ? SAMPLE1_BLOCK : 0);
    s->len = w.bad ? 0 : w.len;
}

/* Header and payloads, not the rules. */
static inline cv_result sample1_decode(const uint8_t *bytes, size_t len, struct pld1_message *m,
                                       const char **err)
{
    CV_TRY(pld1_header(bytes, len, &m->header, err));
    if (m->header.flags & PLD1_FLAG_ENCRYPTION)
        return pld1_inner((struct slice){bytes + PLD_HEADER_LEN, len - PLD_HEADER_LEN}, m, err);
    return pld1_outer(bytes, len, m, err);
}

#endif
