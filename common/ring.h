/* ring: the shared memory of the contract, its four rings, and the hand-over over a Unix socket.
 *
 * culvert-dp calls shm_create and shm_listen; culvertd calls shm_connect. The hand-over passes three
 * descriptors with SCM_RIGHTS: the memfd, the doorbell eventfd that wakes culvert-dp, and the one that
 * wakes culvertd. The rings are rte_ring with elements stored inline, so each side maps the memory where
 * it likes; only the inline functions of rte_ring are used. libc and rte_ring headers only.
 *
 * Threads: ring_* calls follow the producer and consumer kinds of contract.h. Nothing here blocks but
 * shm_connect (at most its timeout). */
#ifndef COMMON_RING_H
#define COMMON_RING_H

#include "common/contract.h"
#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_ring;

struct shm {
    struct cv_shm *head; /* start of the mapping */
    size_t size;
    int memfd;
    int dp_bell;  /* eventfd: wakes culvert-dp */
    int ctl_bell; /* eventfd: wakes culvertd */
    struct rte_ring *cmd, *evt, *punt, *inject;
    /* This process's own copies: what the other one writes into the header later moves nothing here. */
    unsigned workers, sa_index_bits;
    uint64_t tsc_hz;
    struct shm_views {
        struct cv_worker_stats *workers;
        struct cv_port_stats *ports;
        struct cv_if_stats *ifs;
        struct cv_if_drops *if_drops;
        struct cv_engine_stats *engines;
        struct cv_sa_engine *sa_engines;
        struct cv_memory_row *memory;
        struct cv_sa_counters *in, *out;
        struct cv_path_mtu *path_mtus;
        struct cv_steer *steer;
        struct cv_steer_counts *steer_counts;
    } at;
};

/* Octets of the shared memory for these parameters, most of them never touched where fewer workers run. */
uint64_t shm_bytes(unsigned workers, unsigned sa_index_bits);
/* Makes and initialises the memory, with room for `workers` 1..CV_MAX_WORKERS, who are said to run until shm_set_workers
 * says otherwise; sa_index_bits 4..20. */
CV_MUST_USE cv_result shm_create(unsigned workers, unsigned sa_index_bits, struct shm *out);
/* Culvert-dp: writes the clock's rate into the header and keeps it. */
void shm_set_clock(struct shm *s, uint64_t tsc_hz);
/* Culvert-dp: so many workers run now, and ever did; now <= ever <= s->workers. */
void shm_set_workers(struct shm *s, unsigned now, unsigned ever);
/* Empties the rings for a new culvertd: call it when no one else is connected. */
void shm_reset_rings(struct shm *s);
/* Unmaps and closes everything of this process. A zeroed struct with fds -1 is fine. */
void shm_close(struct shm *s);

/* A SOCK_SEQPACKET listener at RUN/dp.sock, mode 0600; a stale socket is replaced. */
CV_MUST_USE cv_result shm_listen(const char *path, int *listen_fd);
/* Sends the descriptors to an accepted peer. */
CV_MUST_USE cv_result shm_offer(const struct shm *s, int conn_fd);
/* culvertd: connects, receives, maps, checks magic, version and every offset against the size.
 * *conn_fd stays open: its hang-up means that the other process died. */
CV_MUST_USE cv_result shm_connect(const char *path, int timeout_ms, struct shm *out, int *conn_fd);
/* The same on a connection that a privileged parent made and handed over; conn_fd stays the caller's. */
CV_MUST_USE cv_result shm_take(int conn_fd, int timeout_ms, struct shm *out);

/* Enqueue/dequeue one element; false when full/empty, or when the ring's shape is not what the contract says:
 * the other process wrote over it. Each ring has one element type. */
CV_MUST_USE bool ring_cmd_put(struct shm *s, const struct cv_cmd *c);
CV_MUST_USE bool ring_cmd_get(struct shm *s, struct cv_cmd *c); /* wipes the slot behind it */
CV_MUST_USE bool ring_evt_put(struct shm *s, const struct cv_evt *e);
CV_MUST_USE bool ring_evt_get(struct shm *s, struct cv_evt *e);
CV_MUST_USE bool ring_punt_put(struct shm *s, const struct cv_ike_pkt *p);
CV_MUST_USE bool ring_punt_get(struct shm *s, struct cv_ike_pkt *p);
CV_MUST_USE bool ring_inject_put(struct shm *s, const struct cv_ike_pkt *p);
CV_MUST_USE bool ring_inject_get(struct shm *s, struct cv_ike_pkt *p);

/* The consumer's second look before it sleeps. */
bool ring_evt_empty(const struct shm *s);
bool ring_punt_empty(const struct shm *s);
/* About how many datagrams wait. */
unsigned ring_punt_count(const struct shm *s);

/* Wake the other side if it sleeps (reads the asleep word of the header first; a system call only then). */
void shm_ring_dp(const struct shm *s);
void shm_ring_ctl(const struct shm *s);

/* Workers that run, and that ever did: what goes through statistics of workers ends there. s->workers at most. */
unsigned shm_workers(const struct shm *s);
unsigned shm_workers_ever(const struct shm *s);

/* Views of the statistics, bounds already checked by shm_create or shm_connect. */
struct cv_worker_stats *shm_worker_stats(const struct shm *s, unsigned worker); /* s->workers: the manager */
struct cv_port_stats *shm_port_stats(const struct shm *s, unsigned port);
struct cv_if_stats *shm_if_stats(const struct shm *s, unsigned worker, uint32_t if_id);
struct cv_if_drops *shm_if_drops(const struct shm *s, unsigned worker, uint32_t if_id);
struct cv_engine_stats *shm_engine_stats(const struct shm *s, unsigned engine);
struct cv_sa_engine *shm_sa_engine(const struct shm *s, unsigned dir, uint32_t slot);
struct cv_sa_offload *shm_sa_offload(const struct shm *s, unsigned dir,
                                     uint32_t slot); /* slot < 1 << sa_index_bits */
struct cv_memory_row *shm_memory_row(const struct shm *s, unsigned row);
struct cv_sa_counters *shm_counters_in(const struct shm *s, uint32_t slot);
struct cv_sa_counters *shm_counters_out(const struct shm *s, uint32_t slot, unsigned worker);
/* How far a worker's lie behind those of worker 0, in lines. */
size_t shm_counters_line(const struct shm *s, unsigned worker);
struct cv_steer *shm_steer(const struct shm *s);
struct cv_steer_counts *shm_steer_counts(const struct shm *s, unsigned worker);
/* Sum over the workers that ever were; direction CV_DIR_IN or CV_DIR_OUT. */
void shm_counters_sum(const struct shm *s, unsigned dir, uint32_t slot, struct cv_sa_counters *out);
/* The same of an interface, with the manager's; if_id < CV_MAX_IFS. */
void shm_if_sum(const struct shm *s, uint32_t if_id, struct cv_if_stats *stats, struct cv_if_drops *drops);

#endif
