/* doc: `culvert doctor`: is this machine ready for the main job of a configuration? What was gathered of the machine, the findings
 * over it, and how they are told.
 *
 * doc_gather fills a snapshot, doc_judge turns it into lines (a pure function: tests feed it made-up machines), doc_report prints
 * them. A line is green (fine), yellow (works, not as it should) or red (the main job cannot run); others than green have a remedy. */
#ifndef CONTROL_DOCTOR_DOC_H
#define CONTROL_DOCTOR_DOC_H

#include "common/platform.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DOC_CPUS = 512,
    DOC_NODES = 8,
    DOC_ENGINES = 8,
    DOC_DEVICES = CV_MAX_PORTS + 1 + PLATFORM_EAL_ARGS_MAX,
    DOC_NAME = 64,
    DOC_TEXT = 320,
    DOC_LINES = 128,
    DOC_CONFIG = 512
};

enum doc_colour { DOC_GREEN, DOC_YELLOW, DOC_RED };

enum doc_cpu_flag {
    DOC_SSE42 = 1,
    DOC_AES = 2,
    DOC_PCLMUL = 4,
    DOC_AVX2 = 8,
    DOC_VAES = 16,   /* with VPCLMULQDQ */
    DOC_AVX512 = 32, /* F, BW, DQ and VL */
};

struct doc_cpu {
    bool online, isolated, nohz_full;
    int node;
    unsigned sibling;        /* lowest other processor of the core; itself when there is none */
    char governor[DOC_NAME]; /* "" where the kernel sets no frequencies */
};

struct doc_engine {
    char name[DOC_NAME], device[DOC_NAME], why[DOC_TEXT];
    bool usable, passed; /* usable on this processor; its known-answer tests passed */
    bool untried;        /* a device on the PCI bus, which a data plane may have */
    int transforms;      /* that its device does; -1: an engine without a device */
};

/* A port, the crypto device or a device of eal-args, as DPDK judges it; why "": nothing is known against it. */
struct doc_device {
    char name[DOC_NAME], device[DOC_NAME], driver[DOC_NAME], why[DOC_TEXT];
};

/* What `culvert-dp --doctor` says; ran is false when it could not be asked, and why says why. */
struct doc_dp {
    bool ran;
    char why[DOC_TEXT], dpdk[DOC_NAME], ipsec_mb[DOC_NAME];
    unsigned engine_count;
    struct doc_engine engines[DOC_ENGINES];
    struct doc_engine
        configured; /* that of the platform section's crypto-engine; name "" when this build has none */
    char arguments[DOC_TEXT]; /* why the EAL does not take eal-args */
    unsigned device_count;
    struct doc_device devices[DOC_DEVICES];
};

struct doc_port {
    bool found, up, carrier, default_route, group_node; /* group_node: /dev/vfio has the device's group */
    bool no_iommu;                                      /* the group is one without protection */
    bool login;                 /* somebody who asks is logged in by an address of it */
    int addresses, numa, group; /* group -1: none */
    char ids[16], driver[DOC_NAME], interface[DOC_NAME];
};

struct doc_snapshot {
    char config[DOC_CONFIG], config_error[DOC_TEXT]; /* error "": it was read */
    char run_dir[DOC_CONFIG];
    struct platform platform;
    bool trustpoints; /* the configuration has some */
    struct doc_dp dp;
    char cpu_model[128];
    unsigned cpu_flags;
    struct doc_cpu cpus[DOC_CPUS];
    bool irqbalance;                      /* it runs, */
    char irqbalance_banned[DOC_NAME * 4]; /* and stays away from these: "2-5,8" */
    unsigned node_count;
    uint64_t mem_available_mb;
    struct {
        uint64_t total_mb, free_mb;
    } huge[DOC_NODES]; /* all page sizes together */
    bool iommu, vfio_loaded;
    struct doc_port ports[CV_MAX_PORTS]; /* as platform.ports */
    struct doc_port crypto; /* the PCI device of crypto-engine cryptodev; crypto_address "": none */
    char crypto_address[16];
    bool dp_running;   /* a culvert-dp holds its memory and ports already */
    bool user_culvert; /* there is a user of that name for the control process */
    bool root, ipc_lock, net_admin, memlock_unlimited;
    uint64_t memlock_mb;
    bool run_dir_exists, run_dir_is_dir, run_dir_others_write;
    bool clock_synchronised, clock_plausible;
};

struct doc_line {
    enum doc_colour colour;
    const char *topic;
    char text[DOC_TEXT], remedy[DOC_TEXT];
};

struct doc_findings {
    unsigned count;
    struct doc_line lines[DOC_LINES];
};

/* Adds a line; remedy NULL for none. What does not fit is left out. */
void doc_add(struct doc_findings *f, enum doc_colour colour, const char *topic, const char *remedy,
             const char *fmt, ...) CV_PRINTF(5, 6);
enum doc_colour doc_worst(const struct doc_findings *f);
/* The last line's remedy, written as by printf. */
void doc_remedy(struct doc_findings *f, const char *fmt, ...) CV_PRINTF(2, 3);

#endif
