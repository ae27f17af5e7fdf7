/* libFuzzer harness of reassembly. The first octet chooses: made fragments, held to a model that keeps a map of octets for each
 * datagram (RFC 791 3.2, RFC 8200 4.5, RFC 5722 3); or packets as they stand in the input, where nothing may be lost or read past
 * its end. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_reass DIR-FOR-NEW tests/fuzz/corpus/reass. */
#include "dataplane/ip/ip_classify.h"
#include "dataplane/ip/ip_reass.h"
#include "dataplane/ip/ip_wire.h"
#include "tests/fuzz/fuzz_pkt.h"

enum {
    HZ = 1000, /* the clock in milliseconds */
    OCTETS = 2048,
    HEADER4 = 20,
    HEADER6 = 48,
    OPS_MAX = 512,
    KEYS = 16, /* unfinished datagrams of one source stay under their bound */
};

/* One fragment: six octets of input. */
struct op {
    uint8_t key; /* family, interface, stage, identification: a bit each; the others: which octets it shows */
    uint8_t at;  /* in eights */
    uint8_t len; /* in eights; the last one's may be any */
    uint8_t more; /* bit 0: more fragments; others: added to the last one's length */
    uint8_t wait; /* milliseconds, times 4 */
    uint8_t fill;
};

struct model {
    bool open, dead;
    uint64_t until;
    unsigned pieces, total, highest;
    struct {
        unsigned at, len;
    } piece[IP_REASS_OF_DATAGRAM];
    uint8_t set[OCTETS], octet[OCTETS];
};

static struct model models[KEYS];
static uint64_t drops[CV_DROP_COUNT];
static struct ip_reass *t; /* empty between inputs: making one costs more than most inputs */

static uint64_t dropped(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < CV_DROP_COUNT; i++)
        sum += drops[i];
    return sum;
}

/* ---- the model ------------------------------------------------------------------------------------------------ */
static bool is_again(const struct model *d, unsigned at, unsigned len, uint8_t fill)
{
    for (unsigned i = 0; i < d->pieces; i++)
        if (d->piece[i].at == at && d->piece[i].len == len)
            return d->octet[at] == fill;
    return false;
}

static bool overlaps(const struct model *d, unsigned at, unsigned len)
{
    for (unsigned i = at; i < at + len; i++)
        if (d->set[i])
            return true;
    return false;
}

/* True: it completes its datagram. */
static bool model_take(struct model *d, unsigned at, unsigned len, bool last, uint8_t fill, uint64_t now)
{
    const unsigned stop = at + len;
    if (len == 0 || (!last && len % 8 != 0))
        return false;
    if (d->open && now > d->until)
        d->open = false;
    if (!d->open) {
        memset(d, 0, sizeof *d);
        d->open = true;
        d->until = now + IP_REASS_LIFETIME_MS;
    }
    const bool beyond = d->total != 0 && (stop > d->total || (last && stop != d->total));
    if (d->dead || (!beyond && is_again(d, at, len, fill)))
        return false;
    if (beyond || overlaps(d, at, len) || (last && d->highest > stop) || d->pieces == IP_REASS_OF_DATAGRAM) {
        d->dead = true;
        return false;
    }
    d->piece[d->pieces].at = at;
    d->piece[d->pieces++].len = len;
    memset(d->set + at, 1, len);
    memset(d->octet + at, fill, len);
    d->highest = RTE_MAX(d->highest, stop);
    d->total = last ? stop : d->total;
    unsigned have = 0;
    for (unsigned i = 0; i < d->total; i++)
        have += d->set[i];
    return d->total != 0 && have == d->total;
}

/* ---- made fragments ---------------------------------------------------------------------------------------- */
static uint8_t family_of(const struct op *o)
{
    return o->key & 1 ? IP_V6 : IP_V4;
}

static struct rte_mbuf *made(const struct op *o, unsigned at, unsigned len, bool last)
{
    uint8_t b[HEADER6 + OCTETS] = {0};
    const bool v4 = family_of(o) == IP_V4;
    const uint32_t header = v4 ? HEADER4 : HEADER6, id = o->key >> 3 & 1, words = at | !last;
    if (v4) {
        b[0] = 0x45;
        ip_put16(b + 2, header + len);
        ip_put16(b + 4, id);
        ip_put16(b + 6, at / 8 | (last ? 0u : 0x2000u));
        b[9] = IP_PROTO_UDP;
        b[12] = b[16] = 10;
    } else {
        b[0] = 0x60;
        ip_put16(b + 4, 8 + len);
        b[6] = IP_NEXT_FRAGMENT;
        b[8] = b[24] = 0xfd;
        b[40] = IP_PROTO_UDP;
        ip_put16(b + 42, words);
        b[47] = (uint8_t)id;
    }
    memset(b + header, o->fill, len);
    struct rte_mbuf *m = exact(b, header + len);
    struct dp_meta *meta = dp_meta(m);
    meta->family = family_of(o);
    meta->frag = 1;
    meta->proto = IP_PROTO_UDP;
    meta->l3_len = (uint16_t)header;
    meta->if_in = o->key >> 1 & 1;
    meta->stage = o->key >> 2 & 1;
    return m;
}

static void same_as(struct rte_mbuf *whole, const struct model *d, uint8_t family)
{
    const uint32_t header = family == IP_V4 ? HEADER4 : HEADER6 - 8;
    must(whole && whole->data_len == header + d->total);
    must(memcmp(rte_pktmbuf_mtod_offset(whole, const uint8_t *, header), d->octet, d->total) == 0);
}

static void by_model(const uint8_t *data, size_t size)
{
    struct op o;
    uint64_t now = 1, fed = 0, joined = 0;
    memset(models, 0, sizeof models);
    for (unsigned i = 0; i < OPS_MAX && size >= sizeof o; i++, data += sizeof o, size -= sizeof o) {
        memcpy(&o, data, sizeof o);
        const bool last = !(o.more & 1);
        const unsigned at = (o.at & 63u) * 8u, len = (o.len & 31u) * 8u + (last ? o.more >> 5 & 7u : 0u);
        struct model *d = &models[o.key & (KEYS - 1)];
        now += o.wait * 4u;
        fed++;
        const bool whole = model_take(d, at, len, last, o.fill, now);
        struct rte_mbuf *got = ip_reass_take(t, made(&o, at, len, last), NULL, now);
        must(!!got == whole);
        if (whole) {
            same_as(got, d, family_of(&o));
            joined += d->pieces;
            d->open = false;
            rte_pktmbuf_free(got);
        }
    }
    must(fed == joined + dropped() + rte_mempool_in_use_count(fuzz_husks)); /* each went one way */
    ip_reass_expire(t, UINT64_MAX);
}

/* ---- packets as they come ------------------------------------------------------------------------------------- */
/* Of a whole that is a fragment again: by nested headers, each of which makes it shorter. */
static void again(struct rte_mbuf *m, uint64_t now)
{
    while (m) {
        struct rte_mbuf *e = exact_copy(m);
        rte_pktmbuf_free(m);
        m = NULL;
        if (ip_classify_ip(e) != IP_CLASS_DROP && dp_meta(e)->frag)
            m = ip_reass_take(t, e, NULL, now);
        else
            rte_pktmbuf_free(e);
    }
}

static void as_they_come(const uint8_t *data, size_t size)
{
    static const struct ip_reass_limits tight = {.datagrams = 2, .fragments = 3, .timeout_s = 1};
    uint64_t now = 1;
    while (size > 4) {
        const size_t len = RTE_MIN((size_t)ip_get16(data) & 0x7ff, size - 4);
        now += data[2];
        struct rte_mbuf *m = exact(data + 4, len);
        dp_meta(m)->if_in = data[3] & 3;
        uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
        const uint32_t header = len > 0 ? (ip[0] & 15u) * 4u : 0;
        if (len >= 20 && ip[0] >> 4 == 4 && header >= 20 && header <= len) {
            memset(ip + 10, 0, 2);
            const uint16_t sum = (uint16_t)~ip_fold(ip_sum(ip, header, 0));
            memcpy(ip + 10, &sum, 2);
        }
        if (ip_classify_ip(m) != IP_CLASS_DROP && dp_meta(m)->frag)
            again(ip_reass_take(t, m, data[3] & 4 ? &tight : NULL, now), now);
        else
            rte_pktmbuf_free(m);
        data += 4 + len;
        size -= 4 + len;
    }
    ip_reass_expire(t, now);
    ip_reass_expire(t, UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 9000)
        return 0;
    memset(drops, 0, sizeof drops);
    must(t || ip_reass_new(fuzz_rooms, HZ, drops, &t) == CV_OK);
    (data[0] & 1 ? by_model : as_they_come)(data + 1, size - 1);
    nothing_is_lost();
    return 0;
}
