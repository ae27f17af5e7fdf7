#include "common/ring.h"
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>

enum {
    SHM_ALIGN = 128, /* keeps every region on its own pair of cache lines */
    SHM_INDEX_BITS_MIN = 4,
    SHM_INDEX_BITS_MAX = 20,
    SHM_DESCRIPTORS = 3,
};

/* The greeting that carries the descriptors: lets a stranger's socket be told from ours. */
struct shm_greeting {
    uint64_t magic;
    uint64_t size;
};

/* Where everything lies, worked out from the two parameters alone: culvert-dp writes these offsets into
 * the header, culvertd computes them again and refuses a header that says otherwise. */
struct shm_layout {
    uint64_t cmd, evt, punt, inject;
    uint64_t path_mtus;
    uint64_t steer, steer_counts;
    uint64_t worker_stats, port_stats, if_stats, if_drops, engine_stats, memory, counters_in, counters_out;
    uint64_t sa_engines, sa_offloads;
    uint64_t size;
};

static uint64_t layout_take(uint64_t *at, uint64_t octets)
{
    uint64_t here = *at;
    *at = (here + octets + SHM_ALIGN - 1) & ~(uint64_t)(SHM_ALIGN - 1);
    return here;
}

static uint64_t ring_octets(uint64_t slots, uint64_t element)
{
    return sizeof(struct rte_ring) + slots * element;
}

static struct shm_layout layout_make(uint64_t workers, unsigned sa_index_bits)
{
    struct shm_layout l;
    uint64_t at = 0, table = 1ull << sa_index_bits;
    layout_take(&at, sizeof(struct cv_shm));
    l.cmd = layout_take(&at, ring_octets(CV_CMD_SLOTS, sizeof(struct cv_cmd)));
    l.evt = layout_take(&at, ring_octets(CV_EVT_SLOTS, sizeof(struct cv_evt)));
    l.punt = layout_take(&at, ring_octets(CV_PUNT_SLOTS, sizeof(struct cv_ike_pkt)));
    l.inject = layout_take(&at, ring_octets(CV_INJECT_SLOTS, sizeof(struct cv_ike_pkt)));
    l.worker_stats = layout_take(&at, (workers + 1) * sizeof(struct cv_worker_stats));
    l.port_stats = layout_take(&at, CV_MAX_PORTS * sizeof(struct cv_port_stats));
    l.if_stats = layout_take(&at, (workers + 1) * CV_MAX_IFS * sizeof(struct cv_if_stats));
    l.if_drops = layout_take(&at, (workers + 1) * CV_MAX_IFS * sizeof(struct cv_if_drops));
    l.engine_stats = layout_take(&at, CV_MAX_ENGINES * sizeof(struct cv_engine_stats));
    l.path_mtus = layout_take(&at, CV_PATH_MTUS * sizeof(struct cv_path_mtu));
    l.memory = layout_take(&at, CV_MAX_MEMORY_ROWS * sizeof(struct cv_memory_row));
    l.counters_in = layout_take(&at, table * sizeof(struct cv_sa_counters));
    l.counters_out = layout_take(&at, table * workers * sizeof(struct cv_sa_counters));
    l.steer = layout_take(&at, sizeof(struct cv_steer));
    l.steer_counts = layout_take(&at, workers * sizeof(struct cv_steer_counts));
    l.sa_engines = layout_take(&at, 2 * table * sizeof(struct cv_sa_engine));
    l.sa_offloads = layout_take(&at, 2 * table * sizeof(struct cv_sa_offload));
    l.size = at;
    return l;
}

uint64_t shm_bytes(unsigned workers, unsigned sa_index_bits)
{
    return layout_make(workers, sa_index_bits).size;
}

static void *shm_at(const struct shm *s, uint64_t offset)
{
    return (uint8_t *)s->head + offset;
}

/* rte_ring_init without the library: culvertd links libc alone. `slots` is a power of two; one stays free. */
static void ring_format(struct rte_ring *r, const char *name, uint32_t slots, bool many_producers)
{
    memset(r, 0, sizeof *r);
    snprintf(r->name, sizeof r->name, "%s", name);
    r->flags = RING_F_SC_DEQ | (many_producers ? 0 : RING_F_SP_ENQ);
    r->size = slots;
    r->mask = slots - 1;
    r->capacity = slots - 1;
    r->prod.sync_type = many_producers ? RTE_RING_SYNC_MT : RTE_RING_SYNC_ST;
    r->cons.sync_type = RTE_RING_SYNC_ST;
}

static void parts_find(struct shm *s, const struct shm_layout *l, unsigned workers, unsigned bits)
{
    s->workers = workers;
    s->sa_index_bits = bits;
    s->at.workers = shm_at(s, l->worker_stats);
    s->at.ports = shm_at(s, l->port_stats);
    s->at.ifs = shm_at(s, l->if_stats);
    s->at.if_drops = shm_at(s, l->if_drops);
    s->at.engines = shm_at(s, l->engine_stats);
    s->at.path_mtus = shm_at(s, l->path_mtus);
    s->at.memory = shm_at(s, l->memory);
    s->at.in = shm_at(s, l->counters_in);
    s->at.out = shm_at(s, l->counters_out);
    s->at.steer = shm_at(s, l->steer);
    s->at.steer_counts = shm_at(s, l->steer_counts);
    s->at.sa_engines = shm_at(s, l->sa_engines);
    s->cmd = shm_at(s, l->cmd);
    s->evt = shm_at(s, l->evt);
    s->punt = shm_at(s, l->punt);
    s->inject = shm_at(s, l->inject);
}

void shm_reset_rings(struct shm *s)
{
    /* The command ring may hold keys that were never read. */
    secret_wipe(s->cmd + 1, CV_CMD_SLOTS * sizeof(struct cv_cmd));
    ring_format(s->cmd, "cmd", CV_CMD_SLOTS, false);
    ring_format(s->evt, "evt", CV_EVT_SLOTS, true);
    ring_format(s->punt, "punt", CV_PUNT_SLOTS, true);
    ring_format(s->inject, "inject", CV_INJECT_SLOTS, false);
    __atomic_store_n(&s->head->ctl_asleep, 0, __ATOMIC_SEQ_CST);
}

static void shm_clear(struct shm *s)
{
    memset(s, 0, sizeof *s);
    s->memfd = s->dp_bell = s->ctl_bell = -1;
}

void shm_close(struct shm *s)
{
    if (s->head)
        munmap(s->head, s->size);
    int fds[] = {s->memfd, s->dp_bell, s->ctl_bell};
    for (unsigned i = 0; i < SHM_DESCRIPTORS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    shm_clear(s);
}

static cv_result shm_map(struct shm *s, uint64_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->memfd, 0);
    if (p == MAP_FAILED)
        return CV_ENOMEM;
    s->head = p;
    s->size = size;
    return CV_OK;
}

static void head_write(struct cv_shm *h, const struct shm_layout *l, unsigned workers, unsigned bits)
{
    h->version = CV_CONTRACT_VERSION;
    h->workers = workers;
    h->size = l->size;
    h->sa_index_bits = bits;
    h->cmd_off = l->cmd;
    h->evt_off = l->evt;
    h->punt_off = l->punt;
    h->inject_off = l->inject;
    h->worker_stats_off = l->worker_stats;
    h->port_stats_off = l->port_stats;
    h->if_stats_off = l->if_stats;
    h->engine_stats_off = l->engine_stats;
    h->path_mtus_off = l->path_mtus;
    h->memory_off = l->memory;
    h->counters_in_off = l->counters_in;
    h->counters_out_off = l->counters_out;
    h->steer_off = l->steer;
    h->sa_engines_off = l->sa_engines;
    h->workers_now = h->workers_ever = workers;
    h->magic = CV_SHM_MAGIC;
}

static cv_result shm_build(struct shm *s, unsigned workers, unsigned sa_index_bits)
{
    struct shm_layout l = layout_make(workers, sa_index_bits);
    s->memfd = memfd_create("culvert", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    s->dp_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->ctl_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->memfd < 0 || s->dp_bell < 0 || s->ctl_bell < 0)
        return CV_EIO;
    /* Sealed: a culvertd gone wrong cannot shrink the memory under the workers. */
    if (ftruncate(s->memfd, (off_t)l.size) < 0 ||
        fcntl(s->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return CV_EIO;
    CV_TRY(shm_map(s, l.size));
    head_write(s->head, &l, workers, sa_index_bits);
    if (getrandom(&s->head->boot_id, sizeof s->head->boot_id, 0) != (ssize_t)sizeof s->head->boot_id)
        return CV_EIO;
    parts_find(s, &l, workers, sa_index_bits);
    shm_reset_rings(s);
    return CV_OK;
}

void shm_set_clock(struct shm *s, uint64_t tsc_hz)
{
    s->tsc_hz = s->head->tsc_hz = tsc_hz;
}

cv_result shm_create(unsigned workers, unsigned sa_index_bits, struct shm *out)
{
    shm_clear(out);
    if (workers < 1 || workers > CV_MAX_WORKERS || sa_index_bits < SHM_INDEX_BITS_MIN ||
        sa_index_bits > SHM_INDEX_BITS_MAX)
        return CV_EINVAL;
    cv_result r = shm_build(out, workers, sa_index_bits);
    if (r != CV_OK)
        shm_close(out);
    return r;
}

static bool unix_address(const char *path, struct sockaddr_un *sun)
{
    memset(sun, 0, sizeof *sun);
    sun->sun_family = AF_UNIX;
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof sun->sun_path)
        return false;
    memcpy(sun->sun_path, path, n);
    return true;
}

/* Nobody answers on the socket: it is a leftover of a process that died. */
static bool socket_is_stale(const struct sockaddr_un *sun)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const struct sockaddr *)sun, sizeof *sun) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

cv_result shm_listen(const char *path, int *listen_fd)
{
    struct sockaddr_un sun;
    struct stat st;
    *listen_fd = -1;
    if (!unix_address(path, &sun))
        return CV_EINVAL;
    if (lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode) || !socket_is_stale(&sun))
            return CV_EEXIST;
        unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return CV_EIO;
    /* The mode of the socket file follows the descriptor's own on Linux: no moment at which it is open wider. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0 || chmod(path, 0600) < 0 ||
        listen(fd, 4) < 0) {
        close(fd);
        return CV_EIO;
    }
    *listen_fd = fd;
    return CV_OK;
}

cv_result shm_offer(const struct shm *s, int conn_fd)
{
    struct shm_greeting g = {CV_SHM_MAGIC, s->size};
    struct iovec iov = {&g, sizeof g};
    int fds[SHM_DESCRIPTORS] = {s->memfd, s->dp_bell, s->ctl_bell};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof fds)];
    } control = {0};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    return sendmsg(conn_fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof g ? CV_OK : CV_EIO;
}

/* Closes whatever descriptors came when there are not exactly ours. */
static bool take_descriptors(struct msghdr *m, int fds[SHM_DESCRIPTORS])
{
    bool good = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (!good && n == SHM_DESCRIPTORS) {
            memcpy(fds, CMSG_DATA(c), SHM_DESCRIPTORS * sizeof(int));
            good = true;
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            close(fd);
        }
    }
    return good;
}

static cv_result shm_receive(int conn_fd, struct shm *out, struct shm_greeting *g)
{
    struct iovec iov = {g, sizeof *g};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(8 * sizeof(int))];
    } control = {0};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t n = recvmsg(conn_fd, &m, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return CV_EIO;
    int fds[SHM_DESCRIPTORS];
    if (!take_descriptors(&m, fds))
        return CV_EPARSE;
    out->memfd = fds[0];
    out->dp_bell = fds[1];
    out->ctl_bell = fds[2];
    return n == (ssize_t)sizeof *g && g->magic == CV_SHM_MAGIC ? CV_OK : CV_EPARSE;
}

static bool head_matches(const struct cv_shm *h, const struct shm_layout *l)
{
    return h->size == l->size && h->cmd_off == l->cmd && h->evt_off == l->evt && h->punt_off == l->punt &&
           h->inject_off == l->inject && h->worker_stats_off == l->worker_stats &&
           h->port_stats_off == l->port_stats && h->if_stats_off == l->if_stats &&
           h->engine_stats_off == l->engine_stats && h->path_mtus_off == l->path_mtus &&
           h->memory_off == l->memory && h->steer_off == l->steer && h->counters_in_off == l->counters_in &&
           h->counters_out_off == l->counters_out && h->sa_engines_off == l->sa_engines;
}

static bool ring_has_shape(const struct rte_ring *r, uint32_t slots)
{
    return r->size == slots && r->mask == slots - 1 && r->capacity == slots - 1;
}

static cv_result shm_check(struct shm *s)
{
    struct cv_shm copy, *h = &copy; /* judged and used as it was at one moment */
    memcpy(h, s->head, sizeof *h);
    if (h->magic != CV_SHM_MAGIC)
        return CV_EPARSE;
    if (h->version != CV_CONTRACT_VERSION)
        return CV_EVERSION;
    if (h->workers < 1 || h->workers > CV_MAX_WORKERS || h->sa_index_bits < SHM_INDEX_BITS_MIN ||
        h->sa_index_bits > SHM_INDEX_BITS_MAX || h->ports > CV_MAX_PORTS)
        return CV_EPARSE;
    struct shm_layout l = layout_make(h->workers, h->sa_index_bits);
    if (l.size != s->size || !head_matches(h, &l))
        return CV_EPARSE;
    parts_find(s, &l, h->workers, h->sa_index_bits);
    s->tsc_hz = h->tsc_hz;
    if (!ring_has_shape(s->cmd, CV_CMD_SLOTS) || !ring_has_shape(s->evt, CV_EVT_SLOTS) ||
        !ring_has_shape(s->punt, CV_PUNT_SLOTS) || !ring_has_shape(s->inject, CV_INJECT_SLOTS))
        return CV_EPARSE;
    return CV_OK;
}

static cv_result shm_accept_offer(int conn_fd, struct shm *out)
{
    struct shm_greeting g;
    struct stat st;
    CV_TRY(shm_receive(conn_fd, out, &g));
    if (fstat(out->memfd, &st) < 0)
        return CV_EIO;
    if (g.size < sizeof(struct cv_shm) || (uint64_t)st.st_size != g.size)
        return CV_EPARSE;
    CV_TRY(shm_map(out, g.size));
    return shm_check(out);
}

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Connects, retrying while the other process has not made its socket yet. */
static int connect_until(const struct sockaddr_un *sun, int64_t deadline)
{
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return -1;
        if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0)
            return fd;
        int why = errno;
        close(fd);
        if ((why != ENOENT && why != ECONNREFUSED && why != EAGAIN) || clock_ms() >= deadline)
            return -1;
        poll(NULL, 0, 20);
    }
}

cv_result shm_take(int conn_fd, int timeout_ms, struct shm *out)
{
    struct pollfd p = {conn_fd, POLLIN, 0};
    shm_clear(out);
    cv_result r = poll(&p, 1, timeout_ms) == 1 ? shm_accept_offer(conn_fd, out) : CV_EAGAIN;
    if (r != CV_OK)
        shm_close(out);
    return r;
}

cv_result shm_connect(const char *path, int timeout_ms, struct shm *out, int *conn_fd)
{
    struct sockaddr_un sun;
    shm_clear(out);
    *conn_fd = -1;
    if (!unix_address(path, &sun))
        return CV_EINVAL;
    int64_t deadline = clock_ms() + timeout_ms;
    int fd = connect_until(&sun, deadline);
    if (fd < 0)
        return CV_EIO;
    int64_t left = deadline - clock_ms();
    cv_result r = shm_take(fd, left > 0 ? (int)left : 0, out);
    if (r != CV_OK) {
        close(fd);
        return r;
    }
    *conn_fd = fd;
    return CV_OK;
}

/* ---- rings ------------------------------------------------------------------------------------------ */
bool ring_cmd_put(struct shm *s, const struct cv_cmd *c)
{
    return ring_has_shape(s->cmd, CV_CMD_SLOTS) &&
           rte_ring_sp_enqueue_elem(s->cmd, (void *)(uintptr_t)c, sizeof *c) == 0;
}

bool ring_cmd_get(struct shm *s, struct cv_cmd *c)
{
    struct rte_ring_zc_data zc;
    /* Copied once and then judged: what the other side writes into the slot afterwards is not looked at. */
    if (!ring_has_shape(s->cmd, CV_CMD_SLOTS) ||
        rte_ring_dequeue_zc_bulk_elem_start(s->cmd, sizeof *c, 1, &zc, NULL) != 1)
        return false;
    memcpy(c, zc.ptr1, sizeof *c);
    secret_wipe(zc.ptr1, sizeof *c);
    rte_ring_dequeue_zc_elem_finish(s->cmd, 1);
    return true;
}

bool ring_evt_put(struct shm *s, const struct cv_evt *e)
{
    return ring_has_shape(s->evt, CV_EVT_SLOTS) &&
           rte_ring_mp_enqueue_elem(s->evt, (void *)(uintptr_t)e, sizeof *e) == 0;
}

bool ring_evt_get(struct shm *s, struct cv_evt *e)
{
    return ring_has_shape(s->evt, CV_EVT_SLOTS) && rte_ring_sc_dequeue_elem(s->evt, e, sizeof *e) == 0;
}

bool ring_punt_put(struct shm *s, const struct cv_ike_pkt *p)
{
    return ring_has_shape(s->punt, CV_PUNT_SLOTS) &&
           rte_ring_mp_enqueue_elem(s->punt, (void *)(uintptr_t)p, sizeof *p) == 0;
}

bool ring_punt_get(struct shm *s, struct cv_ike_pkt *p)
{
    return ring_has_shape(s->punt, CV_PUNT_SLOTS) && rte_ring_sc_dequeue_elem(s->punt, p, sizeof *p) == 0;
}

bool ring_inject_put(struct shm *s, const struct cv_ike_pkt *p)
{
    return ring_has_shape(s->inject, CV_INJECT_SLOTS) &&
           rte_ring_sp_enqueue_elem(s->inject, (void *)(uintptr_t)p, sizeof *p) == 0;
}

bool ring_inject_get(struct shm *s, struct cv_ike_pkt *p)
{
    return ring_has_shape(s->inject, CV_INJECT_SLOTS) &&
           rte_ring_sc_dequeue_elem(s->inject, p, sizeof *p) == 0;
}

bool ring_evt_empty(const struct shm *s)
{
    return rte_ring_empty(s->evt) != 0;
}

bool ring_punt_empty(const struct shm *s)
{
    return rte_ring_empty(s->punt) != 0;
}

unsigned ring_punt_count(const struct shm *s)
{
    return rte_ring_count(s->punt);
}

/* The fence pairs with the sleeper's: it sets its word, then looks into the rings once more. */
static void bell_ring(const uint64_t *asleep, int fd)
{
    uint64_t one = 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!__atomic_load_n(asleep, __ATOMIC_RELAXED))
        return;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n; /* EAGAIN: the bell is ringing already */
}

void shm_ring_dp(const struct shm *s)
{
    bell_ring(&s->head->dp_asleep, s->dp_bell);
}

void shm_ring_ctl(const struct shm *s)
{
    bell_ring(&s->head->ctl_asleep, s->ctl_bell);
}

/* ---- statistics --------------------------------------------------------------------------------------- */
/* The other process may write anything there. */
static unsigned workers_read(const struct shm *s, const uint32_t *at)
{
    const uint32_t n = __atomic_load_n(at, __ATOMIC_ACQUIRE);
    return n < s->workers ? n : s->workers;
}

unsigned shm_workers(const struct shm *s)
{
    return workers_read(s, &s->head->workers_now);
}

unsigned shm_workers_ever(const struct shm *s)
{
    return workers_read(s, &s->head->workers_ever);
}

void shm_set_workers(struct shm *s, unsigned now, unsigned ever)
{
    __atomic_store_n(&s->head->workers_ever, ever, __ATOMIC_RELEASE);
    __atomic_store_n(&s->head->workers_now, now, __ATOMIC_RELEASE);
}

struct cv_worker_stats *shm_worker_stats(const struct shm *s, unsigned worker)
{
    return s->at.workers + worker;
}

struct cv_port_stats *shm_port_stats(const struct shm *s, unsigned port)
{
    return s->at.ports + port;
}

struct cv_if_stats *shm_if_stats(const struct shm *s, unsigned worker, uint32_t if_id)
{
    return s->at.ifs + (size_t)worker * CV_MAX_IFS + if_id;
}

struct cv_if_drops *shm_if_drops(const struct shm *s, unsigned worker, uint32_t if_id)
{
    return s->at.if_drops + (size_t)worker * CV_MAX_IFS + if_id;
}

struct cv_engine_stats *shm_engine_stats(const struct shm *s, unsigned engine)
{
    return s->at.engines + engine;
}

struct cv_sa_engine *shm_sa_engine(const struct shm *s, unsigned dir, uint32_t slot)
{
    return s->at.sa_engines + ((size_t)dir << s->sa_index_bits) + slot;
}

struct cv_sa_offload *shm_sa_offload(const struct shm *s, unsigned dir, uint32_t slot)
{
    const struct shm_layout l = layout_make(s->workers, s->sa_index_bits);
    struct cv_sa_offload *rows = shm_at(s, l.sa_offloads);
    return rows + ((size_t)dir << s->sa_index_bits) + slot;
}

struct cv_memory_row *shm_memory_row(const struct shm *s, unsigned row)
{
    return s->at.memory + row;
}

struct cv_sa_counters *shm_counters_in(const struct shm *s, uint32_t slot)
{
    return s->at.in + slot;
}

size_t shm_counters_line(const struct shm *s, unsigned worker)
{
    return (size_t)worker << s->sa_index_bits;
}

struct cv_sa_counters *shm_counters_out(const struct shm *s, uint32_t slot, unsigned worker)
{
    return s->at.out + shm_counters_line(s, worker) + slot;
}

struct cv_steer *shm_steer(const struct shm *s)
{
    return s->at.steer;
}

struct cv_steer_counts *shm_steer_counts(const struct shm *s, unsigned worker)
{
    return s->at.steer_counts + worker;
}

static uint64_t load(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void counters_add(struct cv_sa_counters *sum, const struct cv_sa_counters *c)
{
    sum->packets += load(&c->packets);
    sum->bytes += load(&c->bytes);
    sum->auth_failed += load(&c->auth_failed);
    sum->replayed += load(&c->replayed);
    sum->ts_failed += load(&c->ts_failed);
    sum->other_drops += load(&c->other_drops);
    sum->last_tsc = larger(sum->last_tsc, load(&c->last_tsc));
    sum->highest_seq = larger(sum->highest_seq, load(&c->highest_seq));
}

void shm_counters_sum(const struct shm *s, unsigned dir, uint32_t slot, struct cv_sa_counters *out)
{
    memset(out, 0, sizeof *out);
    if (dir == CV_DIR_IN) {
        counters_add(out, shm_counters_in(s, slot));
        return;
    }
    const unsigned ever = shm_workers_ever(s);
    for (unsigned w = 0; w < ever; w++)
        counters_add(out, shm_counters_out(s, slot, w));
}

void shm_if_sum(const struct shm *s, uint32_t if_id, struct cv_if_stats *stats, struct cv_if_drops *drops)
{
    const unsigned ever = shm_workers_ever(s);
    memset(stats, 0, sizeof *stats);
    memset(drops, 0, sizeof *drops);
    for (unsigned w = 0; w <= ever; w++) {
        const unsigned row = w < ever ? w : s->workers; /* the last is the manager's */
        const struct cv_if_stats *n = shm_if_stats(s, row, if_id);
        const struct cv_if_drops *d = shm_if_drops(s, row, if_id);
        stats->rx_packets += __atomic_load_n(&n->rx_packets, __ATOMIC_RELAXED);
        stats->rx_bytes += __atomic_load_n(&n->rx_bytes, __ATOMIC_RELAXED);
        stats->tx_packets += __atomic_load_n(&n->tx_packets, __ATOMIC_RELAXED);
        stats->tx_bytes += __atomic_load_n(&n->tx_bytes, __ATOMIC_RELAXED);
        for (unsigned r = 0; r < CV_IF_DROP_COUNT; r++) {
            drops->n[CV_DIR_IN][r] += __atomic_load_n(&d->n[CV_DIR_IN][r], __ATOMIC_RELAXED);
            drops->n[CV_DIR_OUT][r] += __atomic_load_n(&d->n[CV_DIR_OUT][r], __ATOMIC_RELAXED);
        }
    }
}
