/* Every length through ESP and AH against the reference (esp_compare.h): each transform takes its lengths both ways, in one buffer, in odd pieces and in
 * long ones, by SAs of either mode, with ESN, NAT-T, padding for TFC, and IPv4 and IPv6 inside and outside, layouts and SAs in turn. All packets are good;
 * every one must be taken, and what was taken is counted by transform, direction and length. test_differential.c has what is wrong, late or cut.
 *
 * A length is what ESP or AH protects: in tunnel mode the inner packet, in transport mode what stands behind the headers.
 *
 *   test_esp_sweep [ENGINE ...]   as test_esp_differential; vaes takes what is its own, AES-GCM and GMAC
 *   CULVERT_LONG=1                every length with each layout; otherwise the short ones, and a stride of the others
 *   CULVERT_SWEEP_PASSES          times that every length is taken; from 40 on with every kind of SA
 *   CULVERT_SWEEP_SEED            the run to repeat; else 1 */
#include "tests/unit/esp/ah_reference.h"
#include "tests/unit/esp/esp_compare.h"
#include "tests/unit/esp/esp_draw.h"
#include "tests/unit/esp/esp_fix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEN_MAX = DRAW_INNER_MAX,
    SHORT_ALL =
        128, /* lengths up to here are taken always: in these the loops begin, end, and have no whole block */
    STRIDE_LEAST = 5, /* of the first transform; odd, as all of them: each remainder of 16 and of 64 comes */
    V4_LEN = 20,
    V6_LEN = 40,
    AH_TRANSFORMS = FIX_TRANSFORMS - FIX_NULL_MD5,
    ROWS = FIX_TRANSFORMS + AH_TRANSFORMS, /* those of ESP, then AH's */
    KINDS_MAX = 64,
};

enum layout { ONE_BUFFER, ODD_PIECES, LONG_PIECES, LAYOUTS, ALL_LAYOUTS = (1 << LAYOUTS) - 1 };
enum direction { OUT, IN, DIRECTIONS };
/* SAs that change with every packet, or one that has many in a row. */
enum order { IN_TURN, IN_RUNS, ORDERS };

/* What an SA is of, but for its transform. */
struct kind {
    bool transport, esn, natt, tfc;
    uint8_t outer, inner; /* families */
};

static struct kind kinds[2][KINDS_MAX]; /* of ESP, of AH */
static unsigned kind_count[2];
static struct lane lanes[KINDS_MAX];
static char *const *engine_words;
static bool takes_all;
static unsigned passes;

/* What was taken, by row: how often each length, with which kinds and from which layouts, and each kind from which. */
static uint16_t taken[DIRECTIONS][ROWS][LEN_MAX + 1];
static uint64_t with_kinds[DIRECTIONS][ROWS][LEN_MAX + 1];
static uint8_t from_layouts[DIRECTIONS][ROWS][LEN_MAX + 1], kinds_layouts[DIRECTIONS][ROWS][KINDS_MAX];
static uint16_t
    due[ROWS]; /* how often a length of the row should have been; of rows that are no asked engine's own: 0 */

static bool row_is_ah(unsigned row)
{
    return row >= FIX_TRANSFORMS;
}
static unsigned row_transform(unsigned row)
{
    return row_is_ah(row) ? FIX_NULL_MD5 + row - FIX_TRANSFORMS : row;
}

/* ---- what is taken ------------------------------------------------------------------------------------------------- */
static bool wanted(unsigned row, uint32_t len)
{
    return takes_all || len <= SHORT_ALL || len == LEN_MAX ||
           len % (STRIDE_LEAST + 2 * row) == row % STRIDE_LEAST;
}

/* AH has neither UDP nor padding; in transport mode what is inside is the packet itself, whose length has no padding (RFC 4303 2.7). */
static bool is_kind(const struct kind *k, bool ah)
{
    return !(ah && (k->natt || k->tfc)) && !(k->transport && (k->tfc || k->inner != k->outer));
}

static void kinds_fill(bool ah)
{
    for (unsigned bits = 0; bits < KINDS_MAX; bits++) {
        const struct kind k = {.transport = bits & 1,
                               .esn = bits & 2,
                               .natt = bits & 4,
                               .tfc = bits & 8,
                               .outer = bits & 16 ? IP_V6 : IP_V4,
                               .inner = bits & 32 ? IP_V6 : IP_V4};
        if (is_kind(&k, ah))
            kinds[ah][kind_count[ah]++] = k;
    }
}

/* An inner packet has a header. */
static bool fits(const struct kind *k, uint32_t len)
{
    return k->transport || len >= (k->inner == IP_V4 ? V4_LEN : V6_LEN);
}

/* The kind whose turn it is, or the next one that takes so short a packet. */
static unsigned kind_of(bool ah, unsigned turn, uint32_t len)
{
    unsigned k = turn % kind_count[ah];
    while (!fits(&kinds[ah][k], len))
        k = (k + 1) % kind_count[ah];
    return k;
}

/* ---- SAs ------------------------------------------------------------------------------------------------------------- */
static struct cv_sa sa_of(unsigned row, const struct kind *k, enum cv_dir dir)
{
    const uint32_t flags = (k->esn ? CV_SA_ESN : 0) | (k->natt ? CV_SA_NATT : 0);
    struct cv_sa sa = fix_sa(row_transform(row), k->outer, flags);
    sa.ref.dir = (uint8_t)dir;
    sa.ref.spi = 256 + below(UINT32_MAX - 256);
    sa.proto = row_is_ah(row) ? CV_PROTO_AH : CV_PROTO_ESP;
    sa.mode = k->transport ? CV_MODE_TRANSPORT : CV_MODE_TUNNEL;
    sa.df = (uint8_t)below(3);
    if (k->tfc && dir == CV_DIR_OUT)
        sa.tfc_len = (uint16_t)(1 + below(LEN_MAX));
    sa.seq = k->esn ? UINT32_MAX - below(64) : below(1u << 31); /* with ESN its high half changes soon */
    fill(sa.encr_key, sizeof sa.encr_key);
    fill(sa.integ_key, sizeof sa.integ_key);
    fill(sa.salt, sizeof sa.salt);
    return sa;
}

static void lanes_open(unsigned row)
{
    const bool ah = row_is_ah(row);
    for (unsigned k = 0; k < kind_count[ah]; k++) {
        const struct cv_sa out = sa_of(row, &kinds[ah][k], CV_DIR_OUT),
                           in = sa_of(row, &kinds[ah][k], CV_DIR_IN);
        lane_open(&lanes[k], fix_transforms[row_transform(row)].name, &out, &in);
    }
}

static void lanes_close(unsigned row)
{
    for (unsigned k = 0; k < kind_count[row_is_ah(row)]; k++)
        lane_close(&lanes[k]);
}

/* ---- packets --------------------------------------------------------------------------------------------------------- */
static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* A header of the family, whole, without options, whose packet has len octets. Gives its length. */
static uint32_t header(uint8_t *p, uint8_t family, uint32_t len, uint8_t proto)
{
    if (family == IP_V4) {
        fill(p, V4_LEN);
        p[0] = 0x45;
        put16(p + 2, len);
        put16(p + 6, draw() & 0x4000);
        p[9] = proto;
        return V4_LEN;
    }
    fill(p, V6_LEN);
    p[0] = 0x60;
    put16(p + 4, len - V6_LEN);
    p[6] = proto;
    return V6_LEN;
}

static void between(uint8_t *p, const struct ip_endpoint *from, const struct ip_endpoint *to)
{
    const bool v4 = from->addr.family == IP_V4;
    const uint32_t n = v4 ? 4 : 16;
    memcpy(p + (v4 ? 12 : 8), from->addr.b, n);
    memcpy(p + (v4 ? 12 : 8) + n, to->addr.b, n);
}

static uint8_t draw_proto(void)
{
    static const uint8_t protos[] = {6, 17, 47, 58};
    return protos[below(sizeof protos)];
}

static void give_out(struct item *it, const struct kind *k, uint32_t len)
{
    struct ref_packet *p = &it->given;
    const struct cv_sa *sa = &it->lane->out.conf;
    const uint32_t head = k->transport ? k->outer == IP_V4 ? V4_LEN : V6_LEN : 0;
    p->len = head + len;
    fill(p->b, p->len);
    (void)header(p->b, k->inner, p->len, draw_proto());
    if (k->transport)
        between(p->b, &sa->local, &sa->remote);
}

/* What the peer protects. Gives its length, which is more than len with padding for TFC. */
static uint32_t payload(const struct kind *k, uint32_t len, uint8_t *p, uint8_t *next)
{
    fill(p, len);
    *next = draw_proto();
    if (k->transport)
        return len;
    (void)header(p, k->inner, len, *next);
    *next = k->inner == IP_V4 ? 4 : 41;
    const uint32_t to = k->tfc ? len + below(LEN_MAX - len + 1) : len;
    memset(p + len, 0, to - len);
    return to;
}

/* As few octets of padding as there must be, or up to 255 (RFC 4303 2.4). Gives the length with padding and trailer. */
static uint32_t trailer(const struct cv_sa *sa, uint8_t *p, uint32_t len, uint8_t next)
{
    const uint32_t unit = ref_unit(sa);
    uint32_t pad = (unit - (len + 2) % unit) % unit;
    if (one_in(4))
        pad += unit * below((255 - pad) / unit + 1);
    for (uint32_t i = 1; i <= pad; i++)
        p[len++] = (uint8_t)i;
    p[len++] = (uint8_t)pad;
    p[len++] = next;
    return len;
}

static void give_in(struct item *it, const struct kind *k, uint32_t len)
{
    static uint8_t data[REF_PACKET_MAX];
    struct ref_packet *p = &it->given;
    const struct cv_sa *sa = &it->lane->in.conf;
    const bool ah = is_ah(it->lane);
    uint8_t next, iv[IV_MAX];
    uint32_t data_len = payload(k, len, data, &next);
    const uint64_t seq = ++it->lane->sender;
    it->udp = k->natt;
    it->l3 = header(p->b, k->outer, V6_LEN, ah ? REF_AH : it->udp ? 17 : 50);
    p->b[1] = 0; /* ECN has a test of its own */
    between(p->b, &sa->remote, &sa->local);
    if (ah) {
        const uint32_t ah_len = ref_ah_len(sa, k->outer == IP_V4 ? 4 : 8);
        if (!ref_ah_seal(sa, seq, next, it->l3, ah_len, 0, data, data_len, p))
            abort();
        return;
    }
    const uint32_t esp = it->l3 + (it->udp ? 8 : 0);
    data_len = trailer(sa, data, data_len, next);
    fill(iv, sizeof iv);
    p->len = esp + ref_seal(sa, seq, iv, data, data_len, p->b + esp);
}

static void receive(struct item *it, bool out, enum layout layout)
{
    uint32_t low, high, odd;
    switch (layout) {
    case ODD_PIECES: /* a hundred of them at most */
        odd = 1 + 2 * (it->given.len / 200 + below(64));
        receive_chain(it, out, scattered(&it->given, odd, odd));
        break;
    case LONG_PIECES:
        receive_chain(it, out, scattered(&it->given, SEGMENT - 64, SEGMENT));
        break;
    default:
        room_of(it, out, &low, &high);
        receive_one(it, out, in_one(&it->given, low + below(high - low + 1)));
    }
}

/* ---- rounds ---------------------------------------------------------------------------------------------------------- */
struct visit {
    uint16_t len;
    uint8_t kind, layout;
};

static void count(unsigned row, enum direction d, const struct visit *v)
{
    taken[d][row][v->len]++;
    with_kinds[d][row][v->len] |= UINT64_C(1) << v->kind;
    from_layouts[d][row][v->len] |= (uint8_t)(1u << v->layout);
    kinds_layouts[d][row][v->kind] |= (uint8_t)(1u << v->layout);
}

static void round_of(unsigned row, enum direction d, const struct visit *v, unsigned n)
{
    const bool ah = row_is_ah(row), out = d == OUT;
    for (unsigned i = 0; i < n; i++) {
        struct item *it = &items[i];
        const struct kind *k = &kinds[ah][v[i].kind];
        it->lane = &lanes[v[i].kind];
        it->broken = false;
        (out ? give_out : give_in)(it, k, v[i].len);
        receive(it, out, (enum layout)v[i].layout);
        if (out)
            memset(dp_meta(it->m), 0, sizeof(struct dp_meta));
        else
            classified(it);
    }
    burst(n, out, ah);
    for (unsigned i = 0; i < n; i++) {
        if (!out && i % ESP_CHUNK == 0)
            for (unsigned k = 0; k < kind_count[ah]; k++)
                ref_in_chunk(&lanes[k].in);
        if (out ? same_out(&items[i]) : same_in(&items[i]))
            count(row, d, &v[i]);
        rte_pktmbuf_free(items[i].m);
    }
    compare.done += n;
}

/* The lengths of the row, kinds of SAs and layouts in turn: with every pass the turn is another one's. In every second pass those of one SA follow one
 * another, of lengths far apart, as runs do; in the others SAs change with every packet. Gives how many. */
static unsigned visits(unsigned row, unsigned pass, struct visit *v)
{
    static struct visit in_turn[LEN_MAX];
    const bool ah = row_is_ah(row);
    const unsigned kinds_n = kind_count[ah];
    unsigned n = 0, k = 0;
    for (uint32_t len = 1; len <= LEN_MAX; len++)
        if (wanted(row, len)) {
            in_turn[n] = (struct visit){.len = (uint16_t)len,
                                        .kind = (uint8_t)kind_of(ah, n + pass, len),
                                        .layout = (uint8_t)((n / kinds_n + n + pass) % LAYOUTS)};
            n++;
        }
    for (unsigned first = 0; first < kinds_n; first++)
        for (unsigned i = first; i < n; i += kinds_n)
            v[k++] = in_turn[i];
    if (pass % ORDERS == IN_TURN)
        memcpy(v, in_turn, n * sizeof v[0]);
    return n;
}

static void pass_of(unsigned row, unsigned pass)
{
    static struct visit v[LEN_MAX];
    const unsigned n = visits(row, pass, v), most = compare_burst_max();
    lanes_open(row);
    for (unsigned d = OUT; d < DIRECTIONS; d++)
        for (unsigned i = 0, size; i < n && compare.told < DIFFERENCES_MAX; i += size) {
            size = RTE_MIN(n - i, 1 + below(most));
            round_of(row, (enum direction)d, v + i, size);
        }
    lanes_close(row);
    due[row]++;
}

/* The kernels of vaes have AES-GCM and GMAC; everything else is ipsec-mb's behind it. */
static bool is_engines_own(const char *word, unsigned row)
{
    const uint16_t encr = fix_transforms[row_transform(row)].encr;
    return strncmp(word, "vaes", 4) != 0 || encr == CV_ENCR_AES_GCM_16 || encr == CV_ENCR_NULL_AES_GMAC;
}

/* ---- tests ----------------------------------------------------------------------------------------------------------- */
static void every_length_equals_the_reference(void)
{
    static char *const usual[] = {"ipsec-mb", "vaes-avx2", "vaes-avx512", NULL};
    char *const *words = engine_words[0] ? engine_words : usual;
    unsigned usable = 0;
    compare.seed = compare_setting("CULVERT_SWEEP_SEED", 1);
    draw_seed(compare.seed);
    for (unsigned i = 0; words[i]; i++) {
        if (!compare_open(words[i]))
            continue;
        for (unsigned row = 0; row < ROWS; row++)
            for (unsigned pass = 0; pass < passes && is_engines_own(words[i], row); pass++)
                pass_of(row, usable + pass);
        usable++;
        compare_close();
    }
    CU_ASSERT(usable > 0);
    CU_ASSERT_EQUAL(compare.told, 0);
    if (!strncmp(words[0], "cryptodev ", 10))
        CU_ASSERT(compare.taken_all > compare.done / 20); /* else it was software once more */
    printf("\n  %llu packets, seed %llu, %llu from several segments, %llu through a device; ",
           (unsigned long long)compare.done, (unsigned long long)compare.seed,
           (unsigned long long)compare.joined, (unsigned long long)compare.taken_all);
}

static void missed(unsigned row, enum direction d, const char *what, uint32_t which)
{
    CU_FAIL("was not taken");
    if (compare.told++ < DIFFERENCES_MAX)
        fprintf(stderr, "\n  %s%s %s: %s %u", row_is_ah(row) ? "AH " : "",
                fix_transforms[row_transform(row)].name, d == OUT ? "out" : "in", what, which);
}

static uint64_t kinds_that_fit(bool ah, uint32_t len)
{
    uint64_t all = 0;
    for (unsigned k = 0; k < kind_count[ah]; k++)
        all |= (uint64_t)fits(&kinds[ah][k], len) << k;
    return all;
}

static void length_check(unsigned row, enum direction d, uint32_t len)
{
    if (taken[d][row][len] != (wanted(row, len) ? due[row] : 0))
        missed(row, d, "length", len);
    if (due[row] == 0)
        return;
    if (takes_all && passes >= LAYOUTS && from_layouts[d][row][len] != ALL_LAYOUTS)
        missed(row, d, "every layout with length", len);
    if (takes_all && passes >= kind_count[0] &&
        with_kinds[d][row][len] != kinds_that_fit(row_is_ah(row), len))
        missed(row, d, "every kind of SA with length", len);
}

/* Of each transform, each way: the lengths that are due, as often as they are; of all there are, each remainder that a loop can have. */
static void every_length_was_taken(void)
{
    unsigned rows = 0;
    for (unsigned row = 0; row < ROWS; row++) {
        for (unsigned d = OUT; d < DIRECTIONS; d++) {
            uint64_t remainders = 0;
            for (uint32_t len = 1; len <= LEN_MAX; len++) {
                length_check(row, (enum direction)d, len);
                remainders |= (uint64_t)(len > SHORT_ALL && taken[d][row][len] > 0) << len % 64;
            }
            CU_ASSERT(remainders == (due[row] ? UINT64_MAX : 0));
        }
        CU_ASSERT(due[row] == 0 || due[row] >= passes);
        rows += due[row] > 0;
    }
    CU_ASSERT(rows == ROWS || (rows > 0 && engine_words[0]));
    CU_ASSERT(!takes_all || compare.done >= UINT64_C(2) * LEN_MAX * rows * passes);
}

static void every_kind_of_SA_took_every_layout(void)
{
    CU_ASSERT_EQUAL(kind_count[0], 40);
    CU_ASSERT_EQUAL(kind_count[1], 12);
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned d = OUT; d < DIRECTIONS; d++)
            for (unsigned k = 0; k < kind_count[row_is_ah(row)]; k++)
                if (kinds_layouts[d][row][k] != (due[row] ? ALL_LAYOUTS : 0))
                    missed(row, (enum direction)d, "every layout with kind of SA", k);
}

static bool is_listed(uint16_t encr, uint8_t key_len, uint16_t integ)
{
    for (unsigned t = 0; t < FIX_TRANSFORMS; t++)
        if (fix_transforms[t].encr == encr && fix_transforms[t].key_len == key_len &&
            fix_transforms[t].integ == integ)
            return true;
    return false;
}

/* fix_transforms has all that the data plane can be asked for, and nothing else. */
static void every_transform_is_there(void)
{
    const struct eng_ops *e = eng_by_name("ipsec-mb");
    unsigned all = 0;
    for (unsigned encr = 0; encr < 64; encr++)
        for (unsigned key_len = 0; key_len <= 64; key_len++)
            for (unsigned integ = 0; integ < 64; integ++) {
                if (!e->supports((uint16_t)encr, (uint8_t)key_len, (uint16_t)integ))
                    continue;
                all++;
                if (!is_listed((uint16_t)encr, (uint8_t)key_len, (uint16_t)integ)) {
                    CU_FAIL("a transform that no test has");
                    fprintf(stderr, "\n  encryption %u with a key of %u octets, integrity %u", encr, key_len,
                            integ);
                }
            }
    CU_ASSERT_EQUAL(all, FIX_TRANSFORMS);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        UNIT_TEST(every_transform_is_there), UNIT_TEST(every_length_equals_the_reference),
        UNIT_TEST(every_length_was_taken), UNIT_TEST(every_kind_of_SA_took_every_layout)};
    engine_words = argv + (argc > 0);
    passes = (unsigned)compare_setting("CULVERT_SWEEP_PASSES", getenv("CULVERT_LONG") ? LAYOUTS : 0);
    takes_all = passes > 0;
    if (!takes_all)
        passes = ORDERS;
    kinds_fill(false);
    kinds_fill(true);
    if (eal_start() < 0 || !compare_start())
        return 1;
    int status = unit_run("esp_sweep", tests, sizeof tests / sizeof tests[0]);
    rte_eal_cleanup();
    return status;
}
