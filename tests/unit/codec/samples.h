/* samples: one well-formed message of each kind, built with the builders, for the tests to read back and to spoil.
 *
 * An encrypted message is given with its inner chain in the clear as the body of SK: the codec does not decrypt. */
#ifndef TESTS_UNIT_CODEC_SAMPLES_H
#define TESTS_UNIT_CODEC_SAMPLES_H

#include "control/codec/pld.h"

#include <string.h>

enum { SAMPLE_MAX = 2048, SAMPLE_KINDS = 10 };

struct sample {
    uint8_t bytes[SAMPLE_MAX];
    size_t len;
};

#define SLICE(text) ((struct slice){(const uint8_t *)(text), sizeof(text) - 1})
#define NO_SLICE    ((struct slice){0})

static const uint8_t sample_octets[512] = {0xb7, 1,  2,  3,  4,  5,  6,  7,  8, 9,
                                           10,   11, 12, 13, 14, 15, 16, 17, 18};

static inline struct pld_header sample_header(uint8_t exchange, uint8_t flags, uint32_t message_id)
{
    struct pld_header h = {.version = 0x20, .exchange = exchange, .flags = flags, .message_id = message_id};
    memset(h.spi_i, 0xa1, PLD_SPI_LEN);
    if (exchange != PLD_IKE_SA_INIT || (flags & PLD_FLAG_RESPONSE))
        memset(h.spi_r, 0xb2, PLD_SPI_LEN);
    return h;
}

/* proto with spi_len octets of SPI; `answer` makes it one transform per type. */
static inline struct pld_build_proposal sample_proposal(uint8_t number, uint8_t proto, uint8_t spi_len,
                                                        bool answer)
{
    struct pld_build_proposal p = {.number = number, .proto = proto, .spi_len = spi_len};
    memset(p.spi, 0xc3, spi_len);
    const struct pld_build_transform ike[] = {{1, 12, 256}, {1, 12, 128}, {2, 5, 0},  {2, 2, 0},
                                              {3, 12, 0},   {3, 2, 0},    {4, 19, 0}, {4, 14, 0}};
    const struct pld_build_transform esp[] = {{1, 20, 256}, {1, 20, 128}, {5, 0, 0}, {5, 1, 0}};
    const struct pld_build_transform *from = proto == PLD_PROTO_IKE ? ike : esp;
    for (unsigned i = 0; i < (proto == PLD_PROTO_IKE ? 8u : 4u); i += answer ? 2 : 1)
        p.transforms[p.count++] = from[i];
    return p;
}

static inline void sample_child(struct pld_builder *b, bool answer)
{
    struct pld_build_proposal p[2] = {sample_proposal(1, PLD_PROTO_ESP, 4, answer),
                                      sample_proposal(2, PLD_PROTO_ESP, 4, false)};
    struct ts ts[2] = {ts_any(IP_V4), ts_any(IP_V6)};
    struct ip_prefix net;
    if (ip_prefix_parse("10.1.0.0/16", &net))
        ts[0] = ts_from_prefix(&net, 6, 80, 443);
    pld_put_sa(b, p, answer ? 1 : 2);
    pld_put_ts(b, PLD_TSI, ts, 2);
    pld_put_ts(b, PLD_TSR, ts, 1);
}

static inline void sample_init(struct pld_builder *b, bool answer)
{
    struct pld_build_proposal p[2] = {sample_proposal(1, PLD_PROTO_IKE, 0, answer),
                                      sample_proposal(2, PLD_PROTO_IKE, 0, false)};
    pld_put_sa(b, p, answer ? 1 : 2);
    pld_put_ke(b, 19, (struct slice){sample_octets, 64});
    pld_put_nonce(b, (struct slice){sample_octets, 32});
    pld_put_notify(b, 0, NO_SLICE, PLD_N_NAT_DETECTION_SOURCE_IP, (struct slice){sample_octets, 20});
    pld_put_notify(b, 0, NO_SLICE, PLD_N_NAT_DETECTION_DESTINATION_IP, (struct slice){sample_octets + 1, 20});
    pld_put_notify(b, 0, NO_SLICE, PLD_N_FRAGMENTATION_SUPPORTED, NO_SLICE);
    pld_put_vendor(b, SLICE("culvert"));
}

static inline void sample_auth(struct pld_builder *b, bool answer)
{
    pld_put_id(b, answer ? PLD_IDR : PLD_IDI, PLD_ID_FQDN, SLICE("gateway.example"));
    if (!answer) {
        pld_put_notify(b, 0, NO_SLICE, PLD_N_INITIAL_CONTACT, NO_SLICE);
        pld_put_id(b, PLD_IDR, PLD_ID_IPV4, SLICE("\300\0\2\1"));
    }
    pld_put_auth(b, PLD_AUTH_PSK, (struct slice){sample_octets, 32});
    sample_child(b, answer);
}

static inline void sample_rekey_ike(struct pld_builder *b, bool answer)
{
    struct pld_build_proposal p = sample_proposal(1, PLD_PROTO_IKE, 8, answer);
    pld_put_sa(b, &p, 1);
    pld_put_nonce(b, (struct slice){sample_octets, 32});
    pld_put_ke(b, 19, (struct slice){sample_octets, 64});
}

static inline void sample_rekey_child(struct pld_builder *b, bool answer)
{
    if (!answer)
        pld_put_notify(b, PLD_PROTO_ESP, SLICE("\1\2\3\4"), PLD_N_REKEY_SA, NO_SLICE);
    pld_put_nonce(b, (struct slice){sample_octets, 32});
    sample_child(b, answer);
}

static inline void sample_deletes(struct pld_builder *b, bool answer)
{
    (void)answer;
    pld_put_delete(b, PLD_PROTO_ESP, 4, sample_octets + 1, 2);
    pld_put_delete(b, PLD_PROTO_IKE, 0, NULL, 0);
    pld_put_notify(b, 0, NO_SLICE, PLD_N_AUTHENTICATION_FAILED, NO_SLICE);
}

/* kind 0..SAMPLE_KINDS-1; *name says what it is. */
static inline const char *sample_make(unsigned kind, struct sample *s)
{
    static const struct {
        const char *name;
        uint8_t exchange;
        bool response;
        uint32_t message_id;
        void (*fill)(struct pld_builder *, bool);
    } kinds[SAMPLE_KINDS] = {
        {"sa_init_request", PLD_IKE_SA_INIT, false, 0, sample_init},
        {"sa_init_response", PLD_IKE_SA_INIT, true, 0, sample_init},
        {"auth_request", PLD_IKE_AUTH, false, 1, sample_auth},
        {"auth_response", PLD_IKE_AUTH, true, 1, sample_auth},
        {"rekey_ike_request", PLD_CREATE_CHILD_SA, false, 2, sample_rekey_ike},
        {"rekey_ike_response", PLD_CREATE_CHILD_SA, true, 2, sample_rekey_ike},
        {"rekey_child_request", PLD_CREATE_CHILD_SA, false, 3, sample_rekey_child},
        {"rekey_child_response", PLD_CREATE_CHILD_SA, true, 3, sample_rekey_child},
        {"delete_request", PLD_INFORMATIONAL, false, 4, sample_deletes},
        {"delete_response", PLD_INFORMATIONAL, true, 4, sample_deletes},
    };
    uint8_t flags = kinds[kind].response ? PLD_FLAG_RESPONSE : PLD_FLAG_INITIATOR;
    struct pld_header h = sample_header(kinds[kind].exchange, flags, kinds[kind].message_id);
    struct buf_writer w = buf_writer_init(s->bytes, sizeof s->bytes);
    struct pld_builder b;
    pld_begin(&b, &w, &h);
    if (h.exchange == PLD_IKE_SA_INIT) {
        kinds[kind].fill(&b, kinds[kind].response);
    } else {
        uint8_t inner[SAMPLE_MAX];
        struct buf_writer iw = buf_writer_init(inner, sizeof inner);
        struct pld_chain chain;
        pld_chain_begin(&chain, &iw);
        kinds[kind].fill(&chain.b, kinds[kind].response);
        pld_put_sk(&b, pld_chain_first(&chain), iw.len);
        buf_put(&w, inner, iw.len);
        w.bad |= iw.bad;
    }
    pld_end(&b);
    s->len = w.bad ? 0 : w.len;
    return kinds[kind].name;
}

/* Decodes outer, then inner chain (the plain body of SK), then the rules. */
static inline cv_result sample_decode(const uint8_t *bytes, size_t len, struct pld_message *m,
                                      const char **err)
{
    CV_TRY(pld_header(bytes, len, &m->header, err));
    CV_TRY(pld_outer(bytes, len, m, err));
    if (m->present & (PLD_BIT(PLD_SK) | PLD_BIT(PLD_SKF)))
        CV_TRY(pld_inner((struct slice){bytes + m->sk_body, len - m->sk_body}, m->sk_next, m, err));
    return pld_check_rules(m, err);
}

#endif
