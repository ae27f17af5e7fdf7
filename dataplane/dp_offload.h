/* dp_offload: `culvert-dp --bench-offload`: what ports and crypto devices advertise for IPsec, and what each engine costs beside
 * ipsec-mb, alone and in the worker's loop.
 *
 * A process of its own looks at the devices (dp_offload_caps), and one for each engine measures it in turns with ipsec-mb
 * (dp_offload_run): a process has one crypto device. Then each cell of the loop has one (dp_offload_loop). They write into memory that is shared with the one that reports
 * (dp_offload_report, dp_offload_html). */
#ifndef DATAPLANE_DP_OFFLOAD_H
#define DATAPLANE_DP_OFFLOAD_H

#include "dataplane/dp_bench.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    OFFLOAD_DEVICES = 32,
    OFFLOAD_ALGS = 64,  /* of one device */
    OFFLOAD_IPSEC = 32, /* rte_security's capabilities of one device */
    OFFLOAD_IPSEC_ALGS = 24,
    OFFLOAD_ENGINES = 24,
    OFFLOAD_TRANSFORMS = 4,
    OFFLOAD_DEPTHS = 6,
    OFFLOAD_DIRS = 2, /* enum bench_dir: BENCH_ENCAP, BENCH_DECAP */
    OFFLOAD_ROUNDS = 31,
    OFFLOAD_ROUNDS_MAX = 201,
    OFFLOAD_NAME = 64,
    OFFLOAD_TEXT = 512,
};

/* An algorithm as a driver advertises it; octets. Steps of 0: one size. */
struct offload_range {
    uint16_t min, max, step;
};
struct offload_alg {
    char name[32], kind[8]; /* "aes-gcm"; "aead", "cipher", "auth" */
    struct offload_range key, iv, digest, aad;
};

/* A line of rte_security about IPsec. */
struct offload_ipsec {
    char action[24], protocol[8], mode[16], direction[12]; /* "inline-crypto", "esp", "tunnel", "egress" */
    bool esn, udp_encap;
    uint32_t replay_window_max;
    char options[160]; /* words with spaces between */
    unsigned alg_count;
    struct offload_alg algs[OFFLOAD_IPSEC_ALGS];
};

struct offload_device {
    char name[OFFLOAD_NAME], driver[OFFLOAD_NAME];
    bool is_port;
    bool security;               /* it has a context of rte_security */
    bool inline_rx, inline_tx;   /* a port's SECURITY offloads */
    uint32_t sessions_max;       /* a crypto device's; 0: it names no limit */
    unsigned queue_pairs;        /* of a port: receive queues, at most */
    char features[OFFLOAD_TEXT]; /* names with spaces between */
    unsigned alg_count, ipsec_count;
    struct offload_alg algs[OFFLOAD_ALGS];
    struct offload_ipsec ipsec[OFFLOAD_IPSEC];
};

/* What was measured of one engine at one depth. In TSC cycles per packet, medians of rounds, but latency: ns. */
struct offload_row {
    bool done;
    double cycles, low, high; /* of the core, from the first submit to the last packet; quartiles */
    double busy;              /* of them without polls that found nothing: what the core had to do */
    double mb;                /* ipsec-mb's burst on the same packets, in turns */
    double p50, p90, p99, p999, most;
};

/* The same through the worker's loop; millions of packets a second: median and ends of the rounds. */
struct offload_loop {
    bool done;
    double mpps, low, high;
    double mb;     /* of the bare ipsec-mb call, in turns with the loop */
    double cycles; /* TSC, per packet */
};

struct offload_engine {
    char word[BENCH_ENGINE_MAX];   /* as behind `crypto-engine` */
    bool ran, waits;               /* waits: look-aside, packets come back later */
    unsigned depths;               /* of dp_offload_depths that count: all when it waits, else one */
    bool took[OFFLOAD_TRANSFORMS]; /* the device does that transform */
    char device[CV_NAME_MAX];
    char why[256]; /* it did not run */
    struct offload_row rows[OFFLOAD_TRANSFORMS][OFFLOAD_DIRS][BENCH_SIZES][OFFLOAD_DEPTHS];
    char loop_why[256]; /* the loop did not run with it */
    struct offload_loop loop[OFFLOAD_TRANSFORMS][OFFLOAD_DIRS][BENCH_SIZES]; /* by plan.loop_sizes */
};

struct offload_plan {
    const struct bench_transform *transforms[OFFLOAD_TRANSFORMS];
    unsigned transform_count, sizes[BENCH_SIZES], size_count, rounds;
    unsigned loop_sizes[BENCH_SIZES], loop_size_count; /* none: the engines alone */
    const char *json, *html;
    bool no_measure; /* capabilities alone */
    bool named;      /* devices are those of --device, not what is bound to vfio-pci */
    char devices[OFFLOAD_ENGINES][OFFLOAD_NAME];
    unsigned device_count;
    bool hugepages;
};

/* Everything that is known in the end; lies in shared memory. */
struct offload_report {
    struct offload_plan plan;
    double tsc_mhz, load; /* load: the machine's runnable threads at the start, mean of a minute */
    unsigned device_count, engine_count;
    char notes[OFFLOAD_TEXT]; /* what could not be looked at, and why */
    bool missing;             /* a device of --device is not there */
    struct offload_device devices[OFFLOAD_DEVICES];
    struct offload_engine engines[OFFLOAD_ENGINES];
    struct offload_engine
        again; /* ipsec-mb's loop at the end of the run: what it is off the first is noise */
};

/* Packets under way in the sweep; engines without a device work on bursts of the OFFLOAD_CALL-th. */
extern const unsigned dp_offload_depths[OFFLOAD_DEPTHS];
enum { OFFLOAD_CALL = 2, OFFLOAD_BURST = 32 };

/* Starts the EAL of a measuring process: no ports but the PCI devices of the plan. False: a word on stderr is there. */
bool dp_offload_eal(const struct offload_plan *p);

/* argv[0] is "--bench-offload". Exit status: 0, 1 an engine or a device that was asked for did not run or is not there, 2 wrong usage. */
int dp_offload_main(int argc, char **argv);

#endif
