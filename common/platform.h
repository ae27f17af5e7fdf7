/* platform: the `platform dataplane` section of a configuration, parsed the same way by both processes.
 *
 *   platform dataplane
 *    workers 2                         ! or: lcores 1-3; behind either: queues 4, of each port, for workers that are added later
 *    memory hugepages 512              ! MiB; or: memory no-huge [MiB]
 *    port Ethernet0/0 pci 0000:03:00.0
 *    port Ethernet0/1 vdev net_af_packet,iface=eth1
 *    port Ethernet0/2 pci 0000:03:00.1 mtu 9000   ! culvertd writes it here of `mtu` under the interface
 *    crypto-engine auto                ! ipsec-mb | vaes | cryptodev NAME [look-aside | cpu | protocol] | inline | auto
 *    security-associations 16384       ! table size in each direction, a power of two
 *    eal-args --log-level=lib.eal:5
 *
 * control/config hands each line of the section to platform_line; culvert-dp reads a whole file with
 * platform_load, which looks at that section alone. */
#ifndef COMMON_PLATFORM_H
#define COMMON_PLATFORM_H

#include "common/contract.h"
#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>

enum { PLATFORM_LINE_MAX = 512, PLATFORM_EAL_ARGS_MAX = 32, PLATFORM_MTU_MIN = 68, PLATFORM_MTU_MAX = 9216 };

struct platform_port {
    char name[CV_NAME_MAX]; /* IOS name as configured: "Ethernet0/0" */
    bool is_pci;
    char device[192]; /* PCI address, or vdev name and arguments: "net_af_packet,iface=eth1" */
    unsigned mtu;     /* octets of IP; 0: as the device comes */
    int line;
};

struct platform {
    bool present;
    unsigned workers;       /* default 1 */
    char lcores[64];        /* "" when `workers` says how many */
    unsigned queues;        /* of each port, for workers that come later; 0: as many as workers begin */
    bool hugepages;         /* default false: no-huge */
    unsigned memory_mb;     /* default 256 */
    unsigned sa_index_bits; /* default 14 */
    char crypto_engine[64]; /* "auto" */
    bool rebalance_off;     /* `rebalance manual`: buckets of SAs move between workers by command alone */
    unsigned port_count;
    struct platform_port ports[CV_MAX_PORTS];
    unsigned eal_arg_count;
    char eal_args[PLATFORM_EAL_ARGS_MAX][128];
};

void platform_init(struct platform *p); /* defaults */
/* One line of the section without its "!" comment. On CV_EPARSE *err (err_len octets) says what is wrong
 * and what would be right. `line` is remembered for later findings. */
CV_MUST_USE cv_result platform_line(struct platform *p, const char *text, int line, char *err,
                                    size_t err_len);
/* Reads FILE, skipping everything but the platform section. err as "FILE:LINE: ...". */
CV_MUST_USE cv_result platform_load(struct platform *p, const char *file, char *err, size_t err_len);
/* Writes the section as text that platform_load reads back. Returns octets needed, as snprintf. */
int platform_write(const struct platform *p, char *out, size_t out_len);

/* The processors that `lcores` names, in its order, max at most: how many. 0 without it. */
unsigned platform_lcores(const struct platform *p, unsigned *cpus, unsigned max);
/* What asks a running culvert-dp for `count` workers, where `lcores` puts them. */
void platform_workers(const struct platform *p, unsigned count, struct cv_workers_cmd *out);
/* Whether both are the same but for how many workers there are and where, which a running culvert-dp can change. */
CV_MUST_USE bool platform_same_but_workers(const struct platform *a, const struct platform *b);

/* Of `crypto-engine cryptodev ADDRESS`: the address, as written; "" for a device with a name. */
void platform_crypto_pci(const struct platform *p, char out[16]);

#endif
