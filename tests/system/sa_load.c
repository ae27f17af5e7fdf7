/* sa_load: a culvertd that does nothing but install, list, replace and remove SAs as fast as the rings take it.
 *
 *   sa_load SOCKET TUNNELS [rekeys N] [ends IF LOCAL REMOTE] [pid PID]
 *
 * TUNNELS pairs of SAs of one interface (default 10), each outbound one for the /32 10.X.Y.Z of its number. It reconnects to dump them, gives the
 * first N tunnels new SAs (both in, the outbound one activated, both old ones removed), and removes all. After each phase a line
 *   phase NAME sas N seconds S per-second R failed F crypto-packets P drops D cpu C
 * where P is how many packets the workers handed to the engine meanwhile, D how many they dropped, C the seconds of processor time that sa_load took, and
 * with pid the first thread of that process, culvert-dp's manager, together: neighbours make S longer, and C much less. After the installation lines
 *   memory NAME count N bytes B each E
 * Exit status 1 when a command failed, 2 for wrong usage, 3 without a data plane. */
#include "common/ring.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OUTSTANDING = CV_CMD_SLOTS - 8, GENERATIONS = 2 };

static struct shm shm;
static int conn = -1;
static uint32_t sent, answered, failed, entries;
static uint32_t tunnels, rekeys, if_id = 10;
static struct ip_endpoint local, remote;
static char manager[64]; /* its schedstat; "": nobody asks */

static double read_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now_s(void)
{
    return read_s(CLOCK_MONOTONIC);
}

static double cpu_s(void)
{
    unsigned long long ns = 0;
    FILE *f = manager[0] ? fopen(manager, "r") : NULL;
    if (manager[0] && (!f || fscanf(f, "%llu", &ns) != 1)) {
        fprintf(stderr, "sa_load: no processor time in %s\n", manager);
        exit(3);
    }
    if (f)
        fclose(f);
    return read_s(CLOCK_PROCESS_CPUTIME_ID) + (double)ns / 1e9;
}

static void connect_dp(const char *path)
{
    if (shm_connect(path, 5000, &shm, &conn) != CV_OK) {
        fprintf(stderr, "sa_load: no data plane at %s\n", path);
        exit(3);
    }
}

static void disconnect(void)
{
    close(conn);
    shm_close(&shm);
    usleep(50000);
}

/* ---- commands in flight ----------------------------------------------------------------------------------------- */
static void drain(void)
{
    struct cv_evt e;
    while (ring_evt_get(&shm, &e)) {
        if (e.type == CV_EVT_SA_ENTRY)
            entries++;
        if (e.type != CV_EVT_REPLY)
            continue;
        answered++;
        if (e.u.reply.result != CV_OK && failed++ == 0)
            printf("first failure: command %u: %s\n", e.u.reply.cmd,
                   cv_result_text((cv_result)e.u.reply.result));
    }
}

static void hung_up(void)
{
    struct pollfd p = {conn, POLLIN, 0};
    if (poll(&p, 1, 0) == 1) {
        fprintf(stderr, "sa_load: culvert-dp hung up\n");
        exit(3);
    }
}

static void wait_below(uint32_t outstanding)
{
    for (unsigned turns = 0; sent - answered > outstanding; turns++) {
        drain();
        shm_ring_dp(&shm);
        usleep(20);
        if (turns % 1024 == 1023)
            hung_up();
    }
}

static void send_cmd(struct cv_cmd *c)
{
    if (sent - answered >= OUTSTANDING)
        wait_below(OUTSTANDING / 2);
    c->seq = ++sent;
    while (!ring_cmd_put(&shm, c))
        drain();
    if (sent % 64 == 0)
        shm_ring_dp(&shm);
}

static void hello(void)
{
    struct cv_cmd c = {.type = CV_CMD_HELLO};
    c.u.hello.version = CV_CONTRACT_VERSION;
    c.u.hello.pid = (uint32_t)getpid();
    send_cmd(&c);
    wait_below(0);
}

/* ---- SAs ------------------------------------------------------------------------------------------------------------ */
/* generation 0 in slots 0 .. tunnels - 1, generation 1 behind them. */
static struct cv_sa_ref ref_of(uint8_t dir, uint32_t i, uint32_t generation)
{
    const uint32_t slot = generation * tunnels + i;
    return (struct cv_sa_ref){.dir = dir, .sa_id = slot, .spi = (5 + generation) << shm.sa_index_bits | slot};
}

static struct cv_sa sa_of(uint8_t dir, uint32_t i, uint32_t generation)
{
    struct cv_sa sa = {.ref = ref_of(dir, i, generation), .if_id = if_id, .cookie = i};
    const uint8_t host[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
    const struct ip_prefix to = {.addr = ip_addr_v4(host), .len = 32};
    sa.encr = CV_ENCR_AES_GCM_16;
    sa.encr_key_len = 16;
    sa.salt_len = CV_SALT_MAX;
    sa.replay_window = 64;
    sa.local = local;
    sa.remote = remote;
    sa.ts_count = 1;
    sa.ts_local[0] = ts_any(IP_V4);
    sa.ts_remote[0] = ts_from_prefix(&to, 0, 0, UINT16_MAX);
    memset(sa.encr_key, 0x40 + dir, sizeof sa.encr_key / 2);
    memcpy(sa.encr_key, &sa.ref, sizeof sa.ref);
    return sa;
}

static void install(uint32_t i, uint32_t generation)
{
    for (uint8_t dir = CV_DIR_IN; dir <= CV_DIR_OUT; dir++) {
        struct cv_cmd c = {.type = CV_CMD_SA_ADD};
        c.u.sa = sa_of(dir, i, generation);
        send_cmd(&c);
    }
    struct cv_cmd c = {.type = CV_CMD_SA_ACTIVATE};
    c.u.sa_ref = ref_of(CV_DIR_OUT, i, generation);
    send_cmd(&c);
}

static void take_away(uint32_t i, uint32_t generation)
{
    for (int dir = CV_DIR_OUT; dir >= CV_DIR_IN; dir--) {
        struct cv_cmd c = {.type = CV_CMD_SA_DEL};
        c.u.sa_ref = ref_of((uint8_t)dir, i, generation);
        send_cmd(&c);
    }
}

/* ---- phases ---------------------------------------------------------------------------------------------------------- */
static double began, cpu_before;
static uint64_t crypto_before, drops_before;

static uint64_t crypto_packets(void)
{
    uint64_t n = 0;
    for (unsigned w = 0; w < shm.workers; w++)
        n += __atomic_load_n(&shm_worker_stats(&shm, w)->crypto_packets, __ATOMIC_RELAXED);
    return n;
}

static uint64_t drops(void)
{
    uint64_t n = 0;
    for (unsigned w = 0; w < shm.workers; w++)
        for (unsigned d = 0; d < CV_DROP_COUNT; d++)
            n += __atomic_load_n(&shm_worker_stats(&shm, w)->drops[d], __ATOMIC_RELAXED);
    return n;
}

static void begin(void)
{
    began = now_s();
    cpu_before = cpu_s();
    crypto_before = crypto_packets();
    drops_before = drops();
}

static void end(const char *name, uint32_t sas)
{
    wait_below(0);
    const double s = now_s() - began, cpu = cpu_s() - cpu_before;
    printf("phase %s sas %u seconds %.3f per-second %.0f failed %u crypto-packets %llu drops %llu cpu %.3f\n",
           name, sas, s, sas / s, failed, (unsigned long long)(crypto_packets() - crypto_before),
           (unsigned long long)(drops() - drops_before), cpu);
    fflush(stdout);
}

static void memory_print(void)
{
    usleep(250000); /* the data plane counts ten times a second */
    for (unsigned i = 0; i < CV_MAX_MEMORY_ROWS; i++) {
        const struct cv_memory_row *r = shm_memory_row(&shm, i);
        if (r->name[0])
            printf("memory %s count %llu bytes %llu each %.1f\n", r->name, (unsigned long long)r->count,
                   (unsigned long long)r->bytes, r->count ? (double)r->bytes / (double)r->count : 0.0);
    }
}

static void dump(void)
{
    struct cv_cmd c = {.type = CV_CMD_SA_DUMP};
    begin();
    entries = 0;
    send_cmd(&c);
    wait_below(0);
    end("dump", entries);
    if (entries != 2 * tunnels) {
        printf("dump: %u entries of %u\n", entries, 2 * tunnels);
        failed++;
    }
}

static void run(const char *socket)
{
    connect_dp(socket);
    if ((uint64_t)tunnels * (rekeys ? GENERATIONS : 1) > 1u << shm.sa_index_bits) {
        fprintf(stderr, "sa_load: the tables have only %u slots\n", 1u << shm.sa_index_bits);
        exit(2);
    }
    hello();
    begin();
    for (uint32_t i = 0; i < tunnels; i++)
        install(i, 0);
    end("install", 2 * tunnels);
    memory_print();
    disconnect();
    sent = answered = 0;
    connect_dp(socket);
    hello();
    dump();
    begin();
    for (uint32_t i = 0; i < rekeys; i++) {
        install(i, 1);
        take_away(i, 0);
    }
    if (rekeys)
        end("rekey", 2 * rekeys);
    begin();
    for (uint32_t i = 0; i < tunnels; i++)
        take_away(i, i < rekeys);
    end("remove", 2 * tunnels);
}

int main(int argc, char **argv)
{
    if (argc < 3 || (tunnels = (uint32_t)strtoul(argv[2], NULL, 0)) == 0)
        return 2;
    bool ok = ip_addr_parse("203.0.113.1", &local.addr) && ip_addr_parse("203.0.113.2", &remote.addr);
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "rekeys") == 0 && i + 1 < argc) {
            rekeys = (uint32_t)strtoul(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "pid") == 0 && i + 1 < argc) {
            const unsigned long pid = strtoul(argv[++i], NULL, 0);
            snprintf(manager, sizeof manager, "/proc/%lu/task/%lu/schedstat", pid, pid);
        } else if (strcmp(argv[i], "ends") == 0 && i + 3 < argc) {
            if_id = (uint32_t)strtoul(argv[i + 1], NULL, 0);
            ok = ok && ip_addr_parse(argv[i + 2], &local.addr) && ip_addr_parse(argv[i + 3], &remote.addr);
            i += 3;
        } else {
            ok = false;
        }
    }
    if (!ok || rekeys > tunnels)
        return 2;
    run(argv[1]);
    return failed != 0;
}
