/* forge_v1: first messages made by hand, from any address, and gateways that have nothing under way. */
#ifndef TESTS_DIALOGUE_FORGE_V1_H
#define TESTS_DIALOGUE_FORGE_V1_H

#include "tests/dialogue/life_v1.h"

static const uint8_t far_cookie[8] = {0xc0, 1, 2, 3, 4, 5, 6, 7};

/* What SA and payloads an MM1 or AM1 has. */
struct first {
    uint8_t exchange;
    uint32_t cookie;         /* tells one from the next */
    const char *from;        /* source address; NULL: the other end's */
    uint32_t doi, situation; /* 0: as they should be */
    bool no_group, no_hash;
    uint16_t encr, key_bits, hash, auth, group;
    unsigned vendors;
    bool two_sa, no_sa, nonce_first;
    unsigned transforms; /* so many bad ones before the good one */
    uint8_t id_type;
    struct slice id, ke;
};

static inline size_t put_first(const struct first *f, uint8_t *out, size_t cap)
{
    struct pld_header h = {.version = PLD1_VERSION, .exchange = f->exchange ? f->exchange : PLD1_MAIN};
    struct buf_writer w = buf_writer_init(out, cap);
    struct pld_builder b;
    struct pld1_build_proposal p = {.number = 1, .proto = PLD1_PROTO_ISAKMP, .count = f->transforms + 1};
    static const uint8_t nonce[16] = {7}, vid[16] = {0xab};
    memcpy(h.spi_i, far_cookie, 8);
    for (unsigned i = 0; i < 4; i++)
        h.spi_i[4 + i] = (uint8_t)(f->cookie >> (24 - 8 * i));
    for (unsigned i = 0; i < f->transforms; i++)
        p.transforms[i] = (struct pld1_build_transform){
            .number = (uint8_t)(i + 1), .id = PLD1_KEY_IKE, .encr = 99, .hash = 99, .auth = 99, .group = 99};
    p.transforms[f->transforms] = (struct pld1_build_transform){.number = (uint8_t)(f->transforms + 1),
                                                                .id = PLD1_KEY_IKE,
                                                                .encr = f->encr ? f->encr : PLD1_ENCR_AES,
                                                                .key_bits = f->key_bits ? f->key_bits : 128,
                                                                .hash = f->no_hash ? 0
                                                                        : f->hash  ? f->hash
                                                                                   : PLD1_HASH_SHA2_256,
                                                                .auth = f->auth ? f->auth : PLD1_AUTH_PSK,
                                                                .group = f->no_group ? 0
                                                                         : f->group  ? f->group
                                                                                     : 19,
                                                                .life = {.seconds = 3600}};
    pld_begin(&b, &w, &h);
    if (f->nonce_first)
        pld1_put_raw(&b, PLD1_NONCE, (struct slice){nonce, sizeof nonce});
    for (unsigned i = 0; i < (f->no_sa ? 0u : f->two_sa ? 2u : 1u); i++) {
        size_t at = w.len + PLD_GENERIC_LEN;
        pld1_put_sa(&b, &p, 1);
        if (f->doi)
            buf_patch_u8(&w, at + 3, (uint8_t)f->doi);
        if (f->situation)
            buf_patch_u8(&w, at + 7, (uint8_t)f->situation);
    }
    if (h.exchange == PLD1_AGGRESSIVE) {
        pld1_put_raw(&b, PLD1_KE, f->ke);
        pld1_put_raw(&b, PLD1_NONCE, (struct slice){nonce, sizeof nonce});
        pld1_put_id(&b, f->id_type, 17, 500, f->id);
    }
    for (unsigned i = 0; i < f->vendors; i++)
        pld1_put_raw(&b, PLD1_VENDOR, (struct slice){vid, sizeof vid});
    pld1_end(&b, 1);
    if (w.bad)
        abort();
    return w.len;
}

static inline void inject_from(struct wire *w, enum wire_end to, const char *from, uint16_t port,
                               uint8_t *data, size_t len)
{
    struct wire_packet p = {.from = !to,
                            .src = {.addr = w->side[!to].address, .port = port},
                            .dst = {.addr = w->side[to].address, .port = 500},
                            .data = data,
                            .len = len};
    if (from && !ip_addr_parse(from, &p.src.addr))
        abort();
    struct ike_datagram d = {.local = p.dst, .remote = p.src, .data = data, .len = len};
    ike_datagram_in(w->side[to].ike, &d);
}

static inline void send_first(struct wire *w, enum wire_end to, const struct first *f)
{
    uint8_t data[4096];
    size_t n = put_first(f, data, sizeof data);
    inject_from(w, to, f->from, 500, data, n);
}

/* B has a gateway's configuration and nothing under way. */
static inline struct wire *idle(const char *more)
{
    struct wire_conf c = {.ikev1 = true, .global = more};
    return wire_new(1, &c, &c);
}

static inline bool comes_up(struct wire *w)
{
    wire_up(w, A);
    wire_run(w, SETTLE_MS);
    return wire_both_up(w);
}

#endif
