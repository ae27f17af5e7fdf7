#include "tests/unit/esp/ah_reference.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { ESP_HEADER = 8, V4_HEADER = 20, V6_HEADER = 40, UDP_HEADER_LEN = 8, DONT_FRAGMENT = 0x40 };

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}
static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}

/* Nothing that fails here is about the packet. */
static void must(bool ok)
{
    if (!ok)
        abort();
}

void ref_sa_init(struct ref_sa *sa, const struct cv_sa *conf, uint64_t *seen, uint32_t room)
{
    memset(sa, 0, sizeof *sa);
    sa->conf = *conf;
    sa->seq = sa->top = conf->seq;
    sa->seen = seen;
    sa->seen_room = room;
}

/* ---- transforms ----------------------------------------------------------------------------------------------- */
uint32_t ref_iv_len(const struct cv_sa *sa)
{
    switch (sa->encr) {
    case CV_ENCR_AES_CBC: /* RFC 3602 3 */
        return 16;
    case CV_ENCR_NULL: /* RFC 2410 */
        return 0;
    default: /* RFC 2451 3, RFC 4106 3.1, RFC 4543 3.1, RFC 7634 2 */
        return 8;
    }
}

uint32_t ref_icv_len(const struct cv_sa *sa)
{
    switch (sa->integ) {
    case CV_INTEG_HMAC_MD5_96: /* RFC 2403 */
    case CV_INTEG_HMAC_SHA1_96:
        return 12; /* RFC 2404 */
    case CV_INTEG_HMAC_SHA2_384_192:
        return 24; /* RFC 4868 2.6 */
    case CV_INTEG_HMAC_SHA2_512_256:
        return 32;
    default: /* SHA-256-128; an AEAD's whole tag */
        return 16;
    }
}

uint32_t ref_unit(const struct cv_sa *sa)
{
    return sa->encr == CV_ENCR_AES_CBC ? 16 : sa->encr == CV_ENCR_3DES ? 8 : 4;
}

static const EVP_CIPHER *cipher_of(const struct cv_sa *sa)
{
    const unsigned n = sa->encr_key_len;
    switch (sa->encr) {
    case CV_ENCR_AES_CBC:
        return n == 16 ? EVP_aes_128_cbc() : n == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
    case CV_ENCR_3DES:
        return EVP_des_ede3_cbc();
    case CV_ENCR_CHACHA20_POLY1305:
        return EVP_chacha20_poly1305();
    default:
        return n == 16 ? EVP_aes_128_gcm() : n == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
    }
}

static const EVP_MD *hash_of(const struct cv_sa *sa)
{
    switch (sa->integ) {
    case CV_INTEG_HMAC_MD5_96:
        return EVP_md5();
    case CV_INTEG_HMAC_SHA1_96:
        return EVP_sha1();
    case CV_INTEG_HMAC_SHA2_256_128:
        return EVP_sha256();
    case CV_INTEG_HMAC_SHA2_384_192:
        return EVP_sha384();
    default:
        return EVP_sha512();
    }
}

/* SPI and sequence number, all 64 bits of it with ESN (RFC 4106 5); GMAC authenticates the rest so as well (RFC 4543 3.3). */
static uint32_t aad_of(const struct cv_sa *sa, uint64_t seq, const uint8_t *esp, uint8_t *aad)
{
    uint32_t n = 4;
    memcpy(aad, esp, 4);
    if (sa->flags & CV_SA_ESN) {
        put32(aad + n, (uint32_t)(seq >> 32));
        n += 4;
    }
    put32(aad + n, (uint32_t)seq);
    return n + 4;
}

/* from: what is to be encrypted or decrypted; to: what comes of it; icv is written or compared. */
static bool aead(const struct cv_sa *sa, bool seal, uint64_t seq, const uint8_t *esp, const uint8_t *from,
                 uint8_t *to, uint32_t len, uint8_t *icv)
{
    static EVP_CIPHER_CTX *ctx;
    uint8_t nonce[12], aad[12];
    const bool gmac = sa->encr == CV_ENCR_NULL_AES_GMAC;
    int n = 0;
    if (!ctx)
        must((ctx = EVP_CIPHER_CTX_new()) != NULL);
    memcpy(nonce, sa->salt, 4); /* RFC 4106 4, RFC 7634 2 */
    memcpy(nonce + 4, esp + ESP_HEADER, 8);
    must(EVP_CipherInit_ex(ctx, cipher_of(sa), NULL, sa->encr_key, nonce, seal) == 1);
    must(EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_of(sa, seq, esp, aad)) == 1);
    if (gmac) {
        must(EVP_CipherUpdate(ctx, NULL, &n, esp + ESP_HEADER, 8) == 1);
        must(EVP_CipherUpdate(ctx, NULL, &n, from, (int)len) == 1);
        memcpy(to, from, len);
    } else {
        must(EVP_CipherUpdate(ctx, to, &n, from, (int)len) == 1 && n == (int)len);
    }
    if (!seal) {
        must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, icv) == 1);
        return EVP_CipherFinal_ex(ctx, to + len, &n) == 1;
    }
    must(EVP_CipherFinal_ex(ctx, to + len, &n) == 1);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, icv) == 1);
    return true;
}

static void cipher(const struct cv_sa *sa, bool seal, const uint8_t *iv, const uint8_t *from, uint8_t *to,
                   uint32_t len)
{
    static EVP_CIPHER_CTX *ctx;
    int n = 0;
    if (sa->encr == CV_ENCR_NULL) {
        memcpy(to, from, len);
        return;
    }
    if (!ctx)
        must((ctx = EVP_CIPHER_CTX_new()) != NULL);
    must(EVP_CipherInit_ex(ctx, cipher_of(sa), NULL, sa->encr_key, iv, seal) == 1);
    must(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
    must(EVP_CipherUpdate(ctx, to, &n, from, (int)len) == 1 && n == (int)len);
}

void ref_hmac(const struct cv_sa *sa, uint64_t seq, const uint8_t *p, uint32_t len, uint8_t full[REF_MAC_MAX])
{
    static uint8_t text[REF_PACKET_MAX + 4];
    unsigned n = 0;
    memcpy(text, p, len);
    if (sa->flags & CV_SA_ESN) {
        put32(text + len, (uint32_t)(seq >> 32));
        len += 4;
    }
    must(HMAC(hash_of(sa), sa->integ_key, sa->integ_key_len, text, len, full, &n) != NULL);
}

uint32_t ref_seal(const struct cv_sa *sa, uint64_t seq, const uint8_t *iv, const uint8_t *data,
                  uint32_t data_len, uint8_t *esp)
{
    static uint8_t text[REF_PACKET_MAX + 64];
    uint8_t full[EVP_MAX_MD_SIZE];
    const uint32_t iv_len = ref_iv_len(sa), head = ESP_HEADER + iv_len, icv_len = ref_icv_len(sa);
    put32(esp, sa->ref.spi);
    put32(esp + 4, (uint32_t)seq);
    memcpy(esp + ESP_HEADER, iv, iv_len);
    if (sa->integ == CV_INTEG_NONE) {
        must(aead(sa, true, seq, esp, data, text, data_len, full));
        memcpy(esp + head, text, data_len);
    } else {
        cipher(sa, true, iv, data, text, data_len);
        memcpy(esp + head, text, data_len);
        ref_hmac(sa, seq, esp, head + data_len, full);
    }
    memcpy(esp + head + data_len, full, icv_len);
    return head + data_len + icv_len;
}

bool ref_open(const struct cv_sa *sa, uint64_t seq, const uint8_t *esp, uint32_t data_len, uint8_t *data)
{
    static uint8_t text[REF_PACKET_MAX + 64];
    uint8_t full[EVP_MAX_MD_SIZE];
    const uint32_t head = ESP_HEADER + ref_iv_len(sa), icv_len = ref_icv_len(sa);
    bool ok;
    if (sa->integ == CV_INTEG_NONE) {
        memcpy(full, esp + head + data_len, icv_len);
        ok = aead(sa, false, seq, esp, esp + head, text, data_len, full);
    } else {
        ref_hmac(sa, seq, esp, head + data_len, full); /* SPI to next header (RFC 4303 3.3.2.1) */
        ok = memcmp(full, esp + head + data_len, icv_len) == 0;
        cipher(sa, false, esp + ESP_HEADER, esp + head, text, data_len);
    }
    memcpy(data, text, data_len);
    return ok;
}

/* ---- headers --------------------------------------------------------------------------------------------------- */
uint16_t ref_checksum(const uint8_t *p, uint32_t len, uint64_t sum)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint64_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint64_t sum16(const uint8_t *p, uint32_t len)
{
    return (uint16_t)~ref_checksum(p, len, 0);
}

/* Of an upper-layer message (RFC 768, RFC 9293 3.1, RFC 8200 8.1); addrs: source and destination. */
static uint16_t upper_checksum(const uint8_t *addrs, uint32_t addrs_len, uint32_t proto, const uint8_t *p,
                               uint32_t len)
{
    return ref_checksum(p, len, sum16(addrs, addrs_len) + proto + len);
}

static void v4_checksum(uint8_t *ip, uint32_t header)
{
    put16(ip + 10, 0);
    put16(ip + 10, ref_checksum(ip, header, 0));
}

static bool is_v4(const struct cv_sa *sa)
{
    return sa->local.addr.family == IP_V4;
}

static uint32_t addr_size(const struct cv_sa *sa)
{
    return is_v4(sa) ? 4 : 16;
}

/* RFC 3948 2.1: ports, length, and a checksum that is zero over IPv4. */
static uint32_t udp_header(const struct cv_sa *sa, uint8_t *p)
{
    if (!(sa->flags & CV_SA_NATT))
        return 0;
    put16(p, sa->local.port);
    put16(p + 2, sa->remote.port);
    put32(p + 4, 0);
    return UDP_HEADER_LEN;
}

/* Lengths and checksums of a packet whose header has l3 octets. */
static void lengths(const struct cv_sa *sa, struct ref_packet *p, uint32_t l3)
{
    const bool natt = sa->flags & CV_SA_NATT;
    uint8_t *udp = p->b + l3;
    if (natt)
        put16(udp + 4, p->len - l3);
    if (is_v4(sa)) {
        put16(p->b + 2, p->len);
        v4_checksum(p->b, l3);
        return;
    }
    put16(p->b + 4, p->len - V6_HEADER);
    if (!natt)
        return;
    uint16_t sum = upper_checksum(p->b + 8, 32, 17, udp, p->len - l3);
    put16(udp + 6, sum ? sum : 0xffff);
}

/* What follows the IP header. */
static uint8_t outer_proto(const struct cv_sa *sa)
{
    return sa->proto == CV_PROTO_AH ? REF_AH : sa->flags & CV_SA_NATT ? 17 : 50;
}

/* ---- out: tunnel mode ------------------------------------------------------------------------------------------ */
static uint32_t outer_header(const struct cv_sa *sa, const uint8_t *in, uint32_t len, uint8_t *ip,
                             const struct ref_packet *wire)
{
    const bool in_v4 = in[0] >> 4 == 4;
    const uint32_t next = outer_proto(sa);
    uint32_t tos = in_v4 ? in[1] : (get16(in) >> 4) & 0xff;
    if (sa->flags & CV_SA_ECN_DROP) /* RFC 6040 4.1, compatibility mode */
        tos &= 0xfc;
    if (!is_v4(sa)) {
        put32(ip, 6u << 28 | tos << 20);
        put16(ip + 4, 0);
        ip[6] = (uint8_t)next;
        ip[7] = 64;
        memcpy(ip + 8, sa->local.addr.b, 16);
        memcpy(ip + 24, sa->remote.addr.b, 16);
        return V6_HEADER;
    }
    bool df = sa->df == CV_DF_SET || (sa->df == CV_DF_COPY && (in_v4 ? in[6] & DONT_FRAGMENT : true));
    if (!in_v4 && len <= 1280) /* every link carries it (RFC 8200 5); with TFC: what it was padded to */
        df = false;
    memset(ip, 0, V4_HEADER);
    ip[0] = 0x45;
    ip[1] = (uint8_t)tos;
    if (wire && wire->len >= V4_HEADER)
        memcpy(ip + 4, wire->b + 4, 2);
    ip[6] = df ? DONT_FRAGMENT : 0;
    ip[8] = 64;
    ip[9] = (uint8_t)next;
    memcpy(ip + 12, sa->local.addr.b, 4);
    memcpy(ip + 16, sa->remote.addr.b, 4);
    return V4_HEADER;
}

/* ---- out: transport mode --------------------------------------------------------------------------------------- */
/* Where ESP goes (RFC 4303 3.1.1), and the octet that names what follows. */
static enum cv_drop place(const uint8_t *in, uint32_t len, bool v4, uint32_t *at, uint32_t *field)
{
    if (v4) {
        *at = (in[0] & 15u) * 4;
        *field = 9;
        if (*at < V4_HEADER || *at > len)
            return CV_DROP_MALFORMED_IP;
        return get16(in + 6) & 0x3fff ? CV_DROP_FRAGMENT : CV_DROP_NONE; /* RFC 4303 3.3.4 */
    }
    uint32_t off = V6_HEADER, name = 6;
    *at = off;
    *field = name;
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t type = in[name];
        if (type != 0 && type != 43 && type != 44 && type != 60)
            return CV_DROP_NONE;
        if (off + 8 > len)
            return CV_DROP_MALFORMED_IP;
        const uint32_t size = type == 44 ? 8 : (in[off + 1] + 1u) * 8;
        if (off + size > len)
            return CV_DROP_MALFORMED_IP;
        if (type == 44 && (get16(in + off + 2) & 0xfff9))
            return CV_DROP_FRAGMENT;
        name = off;
        off += size;
        if (type != 60) { /* destination options alone are for the last host, and go inside */
            *at = off;
            *field = name;
        }
    }
    return CV_DROP_MALFORMED_IP;
}

static enum cv_drop transport_ok(const struct cv_sa *sa, const uint8_t *in, uint32_t len, uint32_t *at,
                                 uint32_t *field)
{
    const bool v4 = is_v4(sa);
    const uint32_t n = addr_size(sa), src = v4 ? 12 : 8;
    if (len < (v4 ? V4_HEADER : V6_HEADER) || in[0] >> 4 != (v4 ? 4 : 6))
        return CV_DROP_MALFORMED_IP;
    if (memcmp(in + src, sa->local.addr.b, n) != 0 || memcmp(in + src + n, sa->remote.addr.b, n) != 0)
        return CV_DROP_TS_OUT;
    return place(in, len, v4, at, field);
}

uint32_t ref_out_iv_at(const struct ref_sa *sa, const uint8_t *in, uint32_t len)
{
    uint32_t at = is_v4(&sa->conf) ? V4_HEADER : V6_HEADER, field;
    if (sa->conf.mode == CV_MODE_TRANSPORT)
        (void)transport_ok(&sa->conf, in, len, &at, &field);
    return at + (sa->conf.flags & CV_SA_NATT ? UDP_HEADER_LEN : 0) + ESP_HEADER;
}

/* RFC 4303 2.4: 1, 2, 3, ... up to whole units, pad length, next header. */
static uint32_t trailer(const struct cv_sa *sa, uint8_t *data, uint32_t len, uint8_t next)
{
    uint8_t pad = 0;
    while ((len + 2) % ref_unit(sa))
        data[len++] = ++pad;
    data[len++] = pad;
    data[len++] = next;
    return len;
}

static enum cv_drop out_one(struct ref_sa *sa, const uint8_t *in, uint32_t len, uint32_t to,
                            const struct ref_packet *wire, struct ref_packet *out)
{
    static uint8_t data[REF_PACKET_MAX];
    const struct cv_sa *conf = &sa->conf;
    uint32_t l3 = 0, field = 0, front = 0;
    uint8_t next;
    if (conf->mode == CV_MODE_TRANSPORT) {
        const enum cv_drop r = transport_ok(conf, in, len, &l3, &field);
        if (r != CV_DROP_NONE)
            return r;
        memcpy(out->b, in, l3);
        if (conf->flags &
            CV_SA_ECN_DROP) /* as in tunnel mode; of IPv6 the two bits are the octet's third and fourth */
            out->b[1] &= is_v4(conf) ? 0xfc : 0xcf;
        next = in[field];
        out->b[field] = outer_proto(conf);
        front = l3;
    } else {
        if (len < V4_HEADER || (in[0] >> 4 != 4 && in[0] >> 4 != 6))
            return CV_DROP_MALFORMED_IP;
        l3 = outer_header(conf, in, to, out->b, wire);
        next = in[0] >> 4 == 4 ? 4 : 41;
    }
    if (conf->proto == CV_PROTO_AH) {
        const uint32_t ah_len = ref_ah_len(conf, is_v4(conf) ? 4 : 8);
        if (!ref_ah_seal(conf, sa->seq, next, l3, ah_len, 0, in + front, len - front, out))
            return CV_DROP_MALFORMED_IP;
        lengths(conf, out, l3);
        return CV_DROP_NONE;
    }
    memset(data, 0, sizeof data);
    memcpy(data, in + front, len - front);
    const uint32_t data_len = trailer(conf, data, to - front, next), udp = udp_header(conf, out->b + l3),
                   iv_at = l3 + udp + ESP_HEADER;
    static const uint8_t no_iv[16];
    const uint8_t *iv = wire && wire->len >= iv_at + 16 ? wire->b + iv_at : no_iv;
    out->len = l3 + udp + ref_seal(conf, sa->seq, iv, data, data_len, out->b + l3 + udp);
    lengths(conf, out, l3);
    return CV_DROP_NONE;
}

/* What counts of a packet: with TFC what its own header says, which is all that the peer will see of it. */
static uint32_t inner_len(const struct cv_sa *sa, const uint8_t *in, uint32_t len, uint32_t to)
{
    if (!sa->tfc_len)
        return len;
    if (in[0] >> 4 != 4 && to < V6_HEADER)
        return to;
    const uint32_t own = in[0] >> 4 == 4 ? get16(in + 2) : V6_HEADER + (len >= 6 ? get16(in + 4) : 0);
    return own < to ? own : to;
}

enum cv_drop ref_out(struct ref_sa *sa, const uint8_t *in, uint32_t len, uint32_t to,
                     const struct ref_packet *wire, struct ref_packet *out)
{
    enum cv_drop r = CV_DROP_SEQ_EXHAUSTED; /* RFC 4303 3.3.3: never round again */
    if ((sa->conf.flags & CV_SA_ESN) || sa->seq < UINT32_MAX) {
        sa->seq++;
        r = out_one(sa, in, len, to, wire, out);
    }
    if (r != CV_DROP_NONE) {
        sa->counters.other_drops++;
        return r;
    }
    sa->counters.packets++;
    sa->counters.bytes += inner_len(&sa->conf, in, len, to);
    return r;
}

void ref_refused(struct ref_sa *sa)
{
    if (sa->conf.ref.dir == CV_DIR_OUT && ((sa->conf.flags & CV_SA_ESN) || sa->seq < UINT32_MAX))
        sa->seq++;
    sa->counters.other_drops++;
}

/* ---- in: the window -------------------------------------------------------------------------------------------- */
void ref_in_chunk(struct ref_sa *sa)
{
    sa->top_then = sa->top;
    sa->seen_then = sa->seen_count;
}

/* RFC 4303 A2: the one number with these low bits that is not left of the window, and less than 2^32 past its left end. */
static bool infer(const struct ref_sa *sa, uint32_t lo, uint64_t *seq)
{
    *seq = lo;
    if (!(sa->conf.flags & CV_SA_ESN))
        return true;
    /* Without anti-replay nothing but this depends on the window: as far back as ahead. */
    const __int128 back = sa->conf.flags & CV_SA_NO_REPLAY ? (__int128)1 << 31 : sa->conf.replay_window;
    const __int128 left = (__int128)sa->top_then - back + 1;
    for (__int128 hi = (__int128)(sa->top_then >> 32) - 1; hi <= (__int128)(sa->top_then >> 32) + 1; hi++) {
        const __int128 s = hi * ((__int128)1 << 32) + lo;
        if (s < left || s >= left + ((__int128)1 << 32))
            continue;
        *seq = (uint64_t)s;
        return s >= 0 && s <= (__int128)UINT64_MAX;
    }
    return false;
}

static enum cv_drop window(const struct ref_sa *sa, uint64_t seq, uint64_t top, uint32_t count)
{
    if (sa->conf.flags & CV_SA_NO_REPLAY)
        return CV_DROP_NONE;
    if (top >= seq && (top - seq >= sa->conf.replay_window || seq == 0))
        return CV_DROP_REPLAY_OLD;
    if (sa->conf.seq && seq <= sa->conf.seq) /* an SA that goes on: nothing of before */
        return CV_DROP_REPLAY_DUP;
    for (uint32_t i = 0; i < count; i++)
        if (sa->seen[i] == seq)
            return CV_DROP_REPLAY_DUP;
    return CV_DROP_NONE;
}

/* ---- in: what was inside --------------------------------------------------------------------------------------- */
static bool side(const struct ts *t, const uint8_t *addr, uint32_t n)
{
    return t->family == (n == 4 ? IP_V4 : IP_V6) && memcmp(addr, t->lo, n) >= 0 &&
           memcmp(addr, t->hi, n) <= 0;
}

/* RFC 4301 5.2 step 4, of selectors that name addresses only. */
static bool selected(const struct cv_sa *sa, const uint8_t *ip)
{
    const bool v4 = ip[0] >> 4 == 4;
    const uint32_t n = v4 ? 4 : 16;
    const uint8_t *src = ip + (v4 ? 12 : 8), *dst = src + n;
    for (unsigned i = 0; i < sa->ts_count; i++)
        if (side(&sa->ts_remote[i], src, n) && side(&sa->ts_local[i], dst, n))
            return true;
    return false;
}

/* RFC 6040 4.2, figure 4; 4: dropped. Rows: inner; columns: outer; Not-ECT 0, ECT(1) 1, ECT(0) 2, CE 3. */
static int ecn(unsigned inner, unsigned outer)
{
    if (outer == 3)
        return inner == 0 ? 4 : 3;
    if (inner == 2 && outer == 1)
        return 1;
    return (int)inner;
}

static bool trailer_ok(const uint8_t *data, uint32_t data_len, uint32_t *len)
{
    const uint32_t pad = data[data_len - 2];
    if (pad + 2 > data_len)
        return false;
    *len = data_len - 2 - pad;
    for (uint32_t i = 0; i < pad; i++)
        if (data[*len + i] != i + 1)
            return false;
    return true;
}

static enum cv_drop tunnel_in(const struct ref_sa *sa, const struct ref_packet *wire, const uint8_t *data,
                              uint32_t max, uint8_t next, struct ref_packet *out)
{
    const bool v4 = next == 4;
    const uint8_t outer = is_v4(&sa->conf) ? wire->b[1] : (uint8_t)(get16(wire->b) >> 4);
    if (next != 4 && next != 41)
        return CV_DROP_ESP_PAD;
    if (max < (v4 ? V4_HEADER : V6_HEADER) || data[0] >> 4 != (v4 ? 4 : 6))
        return CV_DROP_ESP_INNER;
    const uint32_t len = v4 ? get16(data + 2) : V6_HEADER + get16(data + 4), header = (data[0] & 15u) * 4;
    if (len > max || (v4 && (header < V4_HEADER || header > len)))
        return CV_DROP_ESP_INNER;
    if (!selected(&sa->conf, data))
        return CV_DROP_TS_IN;
    memcpy(out->b, data, len);
    out->len = len;
    const unsigned inner = v4 ? data[1] & 3u : (data[1] >> 4) & 3u;
    const int mark = ecn(inner, outer & 3u);
    if (mark == 4)
        return CV_DROP_ECN;
    if (mark == (int)inner)
        return CV_DROP_NONE;
    if (v4) { /* the header's checksum, wrong as it may be, changes by as much: RFC 1624 */
        const uint32_t before = get16(data), after = (before & ~3u) | (unsigned)mark;
        uint64_t sum = (uint16_t)~get16(data + 10) + (uint64_t)(uint16_t)~before + after;
        put16(out->b, after);
        put16(out->b + 10, ref_checksum(NULL, 0, sum));
    } else {
        out->b[1] = (uint8_t)((data[1] & 0xcf) | mark << 4);
    }
    return CV_DROP_NONE;
}

/* RFC 3948 3.1.2: behind a NAT the checksum, which holds other addresses, is made anew. */
static void renew(struct ref_packet *p, uint32_t l3, uint8_t proto, bool v4)
{
    uint8_t *m = p->b + l3, *addrs = p->b + (v4 ? 12 : 8);
    uint32_t len = p->len - l3, at;
    if (proto == 6 && len >= 20)
        at = 16;
    else if (proto == 58 && !v4 && len >= 8)
        at = 2;
    else if (proto == 17 && len >= 8 && get16(m + 4) >= 8 && get16(m + 4) <= len &&
             !(v4 && get16(m + 6) == 0))
        at = 6;
    else
        return;
    if (proto == 17)
        len = get16(m + 4);
    put16(m + at, 0);
    uint16_t sum = upper_checksum(addrs, v4 ? 8 : 32, proto, m, len);
    if (sum == 0 && proto == 17)
        sum = 0xffff;
    put16(m + at, sum);
}

static enum cv_drop transport_in(const struct ref_sa *sa, const struct ref_packet *wire, uint32_t l3,
                                 bool udp, const uint8_t *data, uint32_t len, uint8_t next,
                                 struct ref_packet *out)
{
    const bool v4 = is_v4(&sa->conf);
    uint32_t field = v4 ? 9 : 6;
    if (!v4)
        for (uint32_t off = V6_HEADER; off < l3;) {
            const uint8_t type = wire->b[field];
            field = off;
            off += type == 44 ? 8 : (wire->b[off + 1] + 1u) * 8;
        }
    memcpy(out->b, wire->b, l3);
    memcpy(out->b + l3, data, len);
    out->len = l3 + len;
    out->b[field] = next;
    if (v4) {
        put16(out->b + 2, out->len);
        v4_checksum(out->b, l3);
    } else {
        put16(out->b + 4, out->len - V6_HEADER);
    }
    if (memcmp(out->b + (v4 ? 12 : 8), sa->conf.remote.addr.b, addr_size(&sa->conf)) != 0)
        return CV_DROP_TS_IN;
    if (udp)
        renew(out, l3, next, v4);
    return CV_DROP_NONE;
}

/* May a packet of these low bits come? */
static enum cv_drop number(const struct ref_sa *sa, const uint8_t *lo, uint64_t *seq)
{
    if (!infer(sa, get16(lo) << 16 | get16(lo + 2), seq))
        return CV_DROP_REPLAY_OLD;
    return window(sa, *seq, sa->top_then, sa->seen_then);
}

/* It is authentic. */
static enum cv_drop take_number(struct ref_sa *sa, uint64_t seq)
{
    /* again: another of the same chunk may have had it */
    const enum cv_drop r = window(sa, seq, sa->top, sa->seen_count);
    if (r == CV_DROP_NONE) {
        must(sa->seen_count < sa->seen_room);
        sa->seen[sa->seen_count++] = seq;
        if (seq > sa->top)
            sa->top = seq;
    }
    sa->counters.highest_seq = sa->top;
    return r;
}

/* RFC 4302 3.4 */
static enum cv_drop ah_in(struct ref_sa *sa, const struct ref_packet *wire, uint32_t l3, bool udp,
                          struct ref_packet *out)
{
    static struct ref_packet p;
    const struct cv_sa *conf = &sa->conf;
    uint8_t icv[REF_ICV_MAX];
    uint64_t seq;
    if (udp)
        return CV_DROP_AH_HEADER;
    p = *wire;
    if (!is_v4(conf))
        l3 = ref_ah_whole(&p, l3);
    const uint8_t *ah = p.b + l3;
    if (p.len < l3 + REF_AH_FIXED)
        return CV_DROP_AH_HEADER;
    const uint32_t ah_len = (ah[1] + 2u) * 4; /* in IPv4, too, some fill it up to 8 octets */
    if ((ah_len != ref_ah_len(conf, 8) && (!is_v4(conf) || ah_len != ref_ah_len(conf, 4))) ||
        p.len < l3 + ah_len)
        return CV_DROP_AH_HEADER;
    enum cv_drop r = number(sa, ah + 8, &seq);
    if (r != CV_DROP_NONE)
        return r;
    if (!ref_ah_icv(conf, seq, &p, l3, ah_len, icv))
        return CV_DROP_MALFORMED_IP;
    if (memcmp(icv, ah + REF_AH_FIXED, ref_icv_len(conf)) != 0)
        return CV_DROP_AH_AUTH;
    r = take_number(sa, seq);
    if (r != CV_DROP_NONE)
        return r;
    const uint32_t len = p.len - l3 - ah_len;
    if (conf->mode == CV_MODE_TRANSPORT)
        return transport_in(sa, &p, l3, false, ah + ah_len, len, ah[0], out);
    r = tunnel_in(sa, &p, ah + ah_len, len, ah[0], out);
    return r == CV_DROP_ESP_PAD || r == CV_DROP_ESP_INNER ? CV_DROP_AH_INNER : r;
}

static enum cv_drop in_one(struct ref_sa *sa, const struct ref_packet *wire, uint32_t l3, bool udp,
                           struct ref_packet *out)
{
    static uint8_t data[REF_PACKET_MAX + 64];
    const struct cv_sa *conf = &sa->conf;
    const uint32_t front = l3 + (udp ? UDP_HEADER_LEN : 0);
    const uint32_t fixed = front + ESP_HEADER + ref_iv_len(conf) + ref_icv_len(conf);
    uint64_t seq;
    uint32_t len;
    if (memcmp(wire->b + (is_v4(conf) ? 16 : 24), conf->local.addr.b, addr_size(conf)) != 0)
        return CV_DROP_WRONG_PEER;
    if (conf->proto == CV_PROTO_AH)
        return ah_in(sa, wire, l3, udp, out);
    if (wire->len <= fixed || (wire->len - fixed) % ref_unit(conf))
        return CV_DROP_ESP_SHORT;
    const uint8_t *esp = wire->b + front;
    const uint32_t data_len = wire->len - fixed;
    enum cv_drop r = number(sa, esp + 4, &seq);
    if (r != CV_DROP_NONE)
        return r;
    if (!ref_open(conf, seq, esp, data_len, data))
        return CV_DROP_ESP_AUTH;
    r = take_number(sa, seq);
    if (r != CV_DROP_NONE)
        return r;
    if (!trailer_ok(data, data_len, &len))
        return CV_DROP_ESP_PAD;
    const uint8_t next = data[data_len - 1];
    if (next == 59) /* RFC 4303 2.6 */
        return CV_DROP_DUMMY;
    return conf->mode == CV_MODE_TRANSPORT ? transport_in(sa, wire, l3, udp, data, len, next, out)
                                           : tunnel_in(sa, wire, data, len, next, out);
}

enum cv_drop ref_in(struct ref_sa *sa, const struct ref_packet *wire, uint32_t l3_len, bool udp,
                    struct ref_packet *out)
{
    struct cv_sa_counters *c = &sa->counters;
    const enum cv_drop r = in_one(sa, wire, l3_len, udp, out);
    if (r == CV_DROP_NONE) {
        c->packets++;
        c->bytes += out->len;
    } else if (r == CV_DROP_ESP_AUTH || r == CV_DROP_AH_AUTH) {
        c->auth_failed++;
    } else if (r == CV_DROP_REPLAY_OLD || r == CV_DROP_REPLAY_DUP) {
        c->replayed++;
    } else if (r == CV_DROP_TS_IN) {
        c->ts_failed++;
    } else if (r != CV_DROP_DUMMY) {
        c->other_drops++;
    }
    return r;
}
