/* dp_bench: `culvert-dp --bench`: how fast the real worker loop is, ports included, beside the bare crypto call.
 *
 * Receive is frames preloaded in memory, taken as a card's driver takes them (dp_bench_port), transmit is net_null.
 * Each case runs in a process of its own, in rounds in which bare call and loop take turns on one core (dp_bench_lane). */
#ifndef DATAPLANE_DP_BENCH_H
#define DATAPLANE_DP_BENCH_H

#include "common/contract.h"
#include "dataplane/dp_bench_port.h"
#include "dataplane/dp_clock.h"
#include "dataplane/engine/eng_isa.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BENCH_ROUNDS = 7, /* unless asked otherwise */
    BENCH_ROUNDS_MAX = 99,
    BENCH_SIZES = 16,
    BENCH_SAS_MAX = 1000000,
    BENCH_WORKERS_MAX = 4,
    BENCH_IMIX = 0,
    BENCH_SIZE_MIN = 28,
    BENCH_SIZE_MIN6 = 48,   /* of inner IPv6: two headers without data */
    BENCH_SIZE_MAX = 1420,  /* into a port of 1500 octets with any transform */
    BENCH_JUMBO_MAX = 9000, /* longer than that: ports and buffers are for jumbo frames */
    BENCH_ENGINE_MAX = 64   /* octets of the words of `crypto-engine` */
};

#define BENCH_SECONDS_MIN 0.05
#define BENCH_SECONDS_MAX 600.0
#define BENCH_ZIPF_MIN    0.01
#define BENCH_ZIPF_MAX    5.0

struct bench_transform {
    const char *name;
    uint16_t encr, integ;
    uint8_t key_len, salt_len, integ_len;
    uint8_t proto; /* enum cv_proto */
};

/* Which packets the store holds. BOTH: as many of the one as of the other, in turn by bursts. */
enum bench_dir { BENCH_ENCAP, BENCH_DECAP, BENCH_BOTH, BENCH_DIRS };

/* What leads packets to their SA: a route into an IPsec tunnel; one into a GRE tunnel, protected in transport mode; the rows of a
 * port's policy, that name a protocol; packets have different ports, so that every one is looked up. CLEAR: the same rows, and packets that
 * none of them names: they go out in clear, and no crypto call is their limit. */
enum bench_path { BENCH_TUNNEL, BENCH_GRE, BENCH_MAP, BENCH_CLEAR, BENCH_PATHS };
const char *dp_bench_path_name(enum bench_path p);
/* "dma" or "copy". */
const char *dp_bench_receive_name(enum bench_receive r);
/* "encap", "decap" or "both". */
const char *dp_bench_dir_name(enum bench_dir d);

/* One case. */
struct bench_case {
    enum bench_dir dir;
    unsigned size; /* octets of the inner IP packet, or BENCH_IMIX */
    const struct bench_transform *transform;
    unsigned sas, workers;
    double zipf; /* exponent of the SAs' popularity; 0: all alike */
    enum bench_path path;
    enum bench_receive receive;
    unsigned lines;       /* of the policy, with dp_bench_mapped: those of the SAs come last */
    unsigned flows;       /* ... by their ports, of which packets are in turn; 0: BENCH_FLOWS */
    uint8_t inner, outer; /* IP_V4, IP_V6 */
    bool natt, esn;
    unsigned window;               /* packets of the anti-replay window; 0: none */
    char engine[BENCH_ENGINE_MAX]; /* the platform section's `crypto-engine` */
    enum eng_isa isa;              /* what engines and limits are held to */
    double seconds;                /* of all rounds together */
    unsigned rounds;
    bool stages; /* tell them apart, in passes of their own */
    bool hugepages;
};

static inline bool dp_bench_mapped(const struct bench_case *c)
{
    return c->path == BENCH_MAP || c->path == BENCH_CLEAR;
}
/* The ports of packets of a crypto map, one for each of its flows, begin behind this one. */
enum { BENCH_PORT0 = 1000, BENCH_FLOWS = 64, BENCH_FLOWS_MAX = 65535 - BENCH_PORT0 };
static inline unsigned dp_bench_flows(const struct bench_case *c)
{
    return !dp_bench_mapped(c) ? 1 : c->flows ? c->flows : (unsigned)BENCH_FLOWS;
}
static inline bool dp_bench_jumbo(const struct bench_case *c)
{
    return c->size > BENCH_SIZE_MAX;
}
static inline bool dp_bench_encaps(const struct bench_case *c)
{
    return c->dir != BENCH_DECAP;
}
static inline bool dp_bench_decaps(const struct bench_case *c)
{
    return c->dir != BENCH_ENCAP;
}

/* Whether worker w may have packets of SA i: inbound ones have an owner, by the low bits of the SPI (dp_owner.h). */
static inline bool dp_bench_serves(const struct bench_case *c, unsigned i, unsigned w)
{
    return c->dir == BENCH_ENCAP || i % CV_BUCKETS % c->workers == w;
}

struct bench_result {
    bool ok;
    double mpps, mpps_min, mpps_max; /* median and ends of the rounds */
    double limit_mpps;               /* bare ipsec-mb call, median */
    double best_mpps;                /* of the faster of that and the fastest engine's own burst */
    char best_engine[CV_NAME_MAX];   /* whose that is */
    double ports_cycles;             /* per packet: receive and transmit without a worker between */
    double size;                     /* average octets */
    double stage[DP_CLOCK_STAGES];   /* cycles per packet, with c.stages */
    double tsc_mhz;
    unsigned rounds;
    unsigned packets, used_sas; /* different packets that go round, and SAs that they are of */
    char engine[BENCH_ENGINE_MAX], device[CV_NAME_MAX];
    char err[256];
};

/* What was measured. */
struct bench_row {
    struct bench_case c;
    struct bench_result r;
};

/* What a command line asks for. */
struct bench_plan {
    bool dirs[BENCH_DIRS];
    unsigned sizes[BENCH_SIZES], size_count;
    struct bench_case base;
    const char *json, *svg;
    unsigned row_count;
    struct bench_row rows[BENCH_DIRS * BENCH_SIZES];
};

/* argv[0] is "--bench". Exit status: 0, 1 a case did not run clean, 2 wrong usage. */
int dp_bench_main(int argc, char **argv);

#endif
