#include "tests/unit/cli/world.h"

#include "control/ikev1/v1.h"

#include <ctype.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct world w;

static struct ike *env_ike(void *ctx)
{
    (void)ctx;
    return w.pair.a.e;
}

static const struct cfg *env_cfg(void *ctx)
{
    (void)ctx;
    return w.shown ? w.shown : w.pair.a.cfg;
}

static const struct shm *env_shm(void *ctx)
{
    (void)ctx;
    return w.shm_away ? NULL : &w.shm;
}

static uint32_t env_if_id(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "Tunnel1") == 0 ? 1 : strcmp(name, "CMAP#10.30") == 0 ? 2 : 0;
}

static uint16_t env_vrf_id(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return 0;
}

static bool env_source(void *ctx, uint16_t vrf, const struct ip_addr *dst, struct ip_addr *src)
{
    (void)ctx;
    (void)vrf;
    return dst->family == IP_V4 && ip_addr_parse("192.0.2.1", src);
}

static cv_result env_command(void *ctx, const struct cv_cmd *cmd)
{
    (void)ctx;
    w.last_command = *cmd;
    w.commands++;
    return w.shm_away ? CV_EAGAIN : CV_OK;
}

static cv_result env_reload(void *ctx, struct cfg_findings *f)
{
    struct cfg *c = NULL;
    (void)ctx;
    cv_result r = cfg_parse("hostname a\nnonsense here\n", "test.conf", &c, f);
    cfg_free(c);
    return r;
}

static uint64_t env_now(void *ctx)
{
    (void)ctx;
    return w.pair.now;
}

static uint64_t env_wall(void *ctx)
{
    (void)ctx;
    return w.pair.a.e->env.wall_ms(w.pair.a.e->env.ctx);
}

static void env_random(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    memset(out, 0x5a, n);
}

static void env_touched(void *ctx)
{
    (void)ctx;
}

/* ---- the world ---------------------------------------------------------------------------------------------------- */
static void shm_fill(void)
{
    CU_ASSERT_FATAL(shm_create(1, 8, &w.shm) == CV_OK);
    w.shm.head->ports = 1;
    struct cv_worker_stats *k = shm_worker_stats(&w.shm, 0);
    *k = (struct cv_worker_stats){.lcore = 1,
                                  .running = 1,
                                  .rx_packets = 1000,
                                  .tx_packets = 990,
                                  .busy_cycles = 250000,
                                  .total_cycles = 1000000,
                                  .handed_off = 3,
                                  .crypto_packets = 980};
    k->drops[CV_DROP_NO_SA] = 7;
    shm_worker_stats(&w.shm, 1)->drops[CV_DROP_NO_SA] = 2; /* the manager's */
    struct cv_port_stats *p = shm_port_stats(&w.shm, 0);
    *p = (struct cv_port_stats){.name = "Ethernet0/0",
                                .driver = "net_null",
                                .mac = {2, 0, 0, 0, 0, 1},
                                .link_up = 1,
                                .mtu = 1500,
                                .rx_packets = 1000,
                                .tx_packets = 990,
                                .rx_missed = 4};
    *shm_memory_row(&w.shm, 0) = (struct cv_memory_row){.name = "sessions", .count = 4, .bytes = 3584};
    *shm_memory_row(&w.shm, 1) = (struct cv_memory_row){.name = "counters", .bytes = 2048};
    struct cv_engine_stats *e = shm_engine_stats(&w.shm, 0);
    *e = (struct cv_engine_stats){
        .engine = "ipsecmb", .device = "ipsec-mb 1.3", .sessions = 2, .packets = 980};
    for (uint32_t slot = 0; slot < 1u << w.shm.sa_index_bits; slot++)
        for (unsigned dir = 0; dir < 2; dir++)
            shm_sa_engine(&w.shm, dir, slot)->by = CV_ENGINE_IPSECMB;
    *shm_if_stats(&w.shm, 0, 1) = (struct cv_if_stats){10, 1000, 20, 2000};
    *shm_if_stats(&w.shm, 0, 2) = (struct cv_if_stats){30, 3000, 40, 4000};
    *shm_if_stats(&w.shm, 1, 2) = (struct cv_if_stats){1, 64, 2, 128}; /* the manager's */
    uint64_t *in = shm_if_drops(&w.shm, 0, 1)->n[CV_DIR_IN], *out = shm_if_drops(&w.shm, 0, 1)->n[CV_DIR_OUT];
    in[CV_IF_DROP_AUTH] = 2;
    in[CV_IF_DROP_REPLAY] = 5;
    shm_if_drops(&w.shm, 1, 1)->n[CV_DIR_IN][CV_IF_DROP_AUTH] = 1; /* the manager's */
    out[CV_IF_DROP_POLICED] = 7;
    shm_if_drops(&w.shm, 0, 2)->n[CV_DIR_OUT][CV_IF_DROP_NO_SA] = 4;
}

static void on_event(void *ctx, const struct ike_event *e)
{
    w.told++;
    if (w.server)
        cli_server_event(w.server, e);
    (void)ctx;
}

static void on_decided(void *ctx, const struct ike_decided *d)
{
    (void)ctx;
    cli_decisions_add(&w.decisions, w.pair.now, d);
    if (w.server)
        cli_server_decided(w.server, d);
}

static void on_message(void *ctx, const struct ike_note *n)
{
    (void)ctx;
    if (w.server)
        cli_server_message(w.server, n);
}

static void adjust(struct pair_side *s, struct ike_env *env, const struct ike_version_ops **versions)
{
    versions[1] = &v1_ops;
    if (s != &w.pair.a)
        return;
    env->event = on_event;
    env->decided = on_decided;
    env->message = on_message;
}

static void env_followed(void *ctx, bool any)
{
    (void)ctx;
    w.followed = any;
    ike_watch(w.pair.a.e, any ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, any);
}

struct cfg *world_cfg(const char *text)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    cv_result r = cfg_parse(text, "test.conf", &c, &f);
    for (unsigned i = 0; r != CV_OK && i < f.count; i++)
        fprintf(stderr, "line %d: %s\n", f.items[i].line, f.items[i].text);
    CU_ASSERT_FATAL(r == CV_OK);
    cfg_findings_free(&f);
    return c;
}

static void world_serve(void);

void world_make(const struct pair_opt *o)
{
    memset(&w, 0, sizeof w);
    pair_adjust = adjust;
    pair_start(&w.pair, o);
    world_serve();
}

void world_make_with(struct cfg *a, struct cfg *b)
{
    memset(&w, 0, sizeof w);
    pair_adjust = adjust;
    pair_start_with(&w.pair, a, b);
    world_serve();
}

static void world_serve(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    shm_fill();
    snprintf(w.socket_path, sizeof w.socket_path, "/tmp/culvert-show-%d", (int)getpid());
    mkdir(w.socket_path, 0700);
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/cli.sock", w.socket_path);
    w.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CU_ASSERT_FATAL(bind(w.listen_fd, (struct sockaddr *)&sun, sizeof sun) == 0 &&
                    listen(w.listen_fd, 8) == 0);
    w.base = event_base_new();
    w.env = (struct cli_env){.base = w.base,
                             .decisions = &w.decisions,
                             .conds = &w.conds,
                             .version = "9.9.9",
                             .started_wall_ms = 0,
                             .ike = env_ike,
                             .cfg = env_cfg,
                             .shm = env_shm,
                             .if_id = env_if_id,
                             .vrf_id = env_vrf_id,
                             .source_for = env_source,
                             .command = env_command,
                             .reload = env_reload,
                             .now_ms = env_now,
                             .wall_ms = env_wall,
                             .random = env_random,
                             .touched = env_touched,
                             .followed = env_followed};
    w.env.started_wall_ms = env_wall(NULL);
    CU_ASSERT_FATAL(cli_server_new(&w.env, w.listen_fd, &w.server) == CV_OK);
}

void world_end(void)
{
    char path[96];
    cli_server_free(w.server);
    event_base_free(w.base);
    close(w.listen_fd);
    snprintf(path, sizeof path, "%s/cli.sock", w.socket_path);
    unlink(path);
    rmdir(w.socket_path);
    shm_close(&w.shm);
    w.server = NULL;
    pair_end(&w.pair);
    cfg_free(w.shown);
}

int dial(void)
{
    int fd = cli_client_connect(w.socket_path);
    CU_ASSERT_FATAL(fd >= 0);
    struct timeval patience = {0, 20000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char nothing[1] = "";
    listen_to(fd, 0, nothing);
    return fd;
}

void ask(int fd, const char *line, bool json)
{
    ask_as(fd, line, json ? CLI_ASK_JSON : 0);
}

void ask_as(int fd, const char *line, unsigned how)
{
    char copy[512], *save = NULL;
    const char *words[CLI_ARGC_MAX];
    int n = 0;
    size_t len;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save))
        words[n++] = t;
    uint8_t *request = cli_request_make(n, words, how, &len);
    CU_ASSERT_FATAL(request != NULL && write(fd, request, len) == (ssize_t)len);
    free(request);
}

/* Lets the server and both engines work until the answer ends; -1 when it does not. stdout and stderr go to out. */
int answer(int fd, char *out)
{
    static uint8_t raw[OUT_MAX];
    size_t have = 0, len = 0;
    out[0] = '\0';
    for (int turns = 0; turns < 600; turns++) {
        event_base_loop(w.base, EVLOOP_NONBLOCK);
        if (!w.frozen)
            pair_wait(&w.pair, 50);
        ssize_t n = read(fd, raw + have, sizeof raw - have);
        have += n > 0 ? (size_t)n : 0;
        for (size_t at = 0;;) {
            enum cli_frame kind;
            uint32_t size;
            if (have - at < CLI_FRAME_HEAD || !cli_frame_parse(raw + at, &kind, &size) ||
                have - at - CLI_FRAME_HEAD < size) {
                memmove(raw, raw + at, have - at);
                have -= at;
                break;
            }
            const uint8_t *body = raw + at + CLI_FRAME_HEAD;
            if (kind == CLI_EXIT)
                return body[3];
            memcpy(out + len, body, size);
            len += size;
            out[len] = '\0';
            at += CLI_FRAME_HEAD + size;
        }
    }
    return -1;
}

void listen_to(int fd, unsigned turns, char *out)
{
    static uint8_t raw[OUT_MAX];
    static size_t have;
    static int of;
    size_t len = strlen(out), at = 0;
    if (fd != of || turns == 0)
        have = 0; /* turns 0: a new connection of that number */
    of = fd;
    for (unsigned i = 0; i < turns; i++) {
        event_base_loop(w.base, EVLOOP_NONBLOCK);
        if (!w.frozen)
            pair_wait(&w.pair, 50);
        ssize_t n = recv(fd, raw + have, sizeof raw - have, MSG_DONTWAIT);
        have += n > 0 ? (size_t)n : 0;
    }
    enum cli_frame kind;
    uint32_t size;
    while (have - at >= CLI_FRAME_HEAD && cli_frame_parse(raw + at, &kind, &size) &&
           have - at - CLI_FRAME_HEAD >= size && len + size < OUT_MAX) {
        if (kind != CLI_EXIT) {
            memcpy(out + len, raw + at + CLI_FRAME_HEAD, size);
            len += size;
        }
        at += CLI_FRAME_HEAD + size;
    }
    memmove(raw, raw + at, have - at);
    have -= at;
    out[len] = '\0';
}

int run(const char *line, bool json, char *out)
{
    int fd = dial();
    ask(fd, line, json);
    int status = answer(fd, out);
    close(fd);
    event_base_loop(w.base, EVLOOP_NONBLOCK);
    return status;
}

/* ---- golden files ------------------------------------------------------------------------------------------------ */
/* 0x and hexadecimal digits, what stands in parentheses behind them, and IKE SPIs. */
static void mask(const char *in, char *out)
{
    while (*in) {
        unsigned hex = 0;
        while (isxdigit((unsigned char)in[hex]))
            hex++;
        if (in[0] == '0' && in[1] == 'x') {
            in += 2 + strspn(in + 2, "0123456789abcdefABCDEF");
            out += sprintf(out, "0xSPI");
            if (*in == '(')
                in += strcspn(in, ")");
        } else if (hex == 16) {
            in += hex;
            out += sprintf(out, "IKE-SPI");
        } else if (strncmp(in, "\"spi\": ", 7) == 0) {
            in += 7 + strspn(in + 7, "0123456789");
            out += sprintf(out, "\"spi\": 0");
        } else {
            for (unsigned i = 0; i < (hex ? hex : 1); i++)
                *out++ = *in++;
        }
    }
    *out = '\0';
}

void golden(const char *name, const char *line, bool json)
{
    static char out[OUT_MAX], masked[OUT_MAX + 4096], want[OUT_MAX];
    char path[512];
    w.frozen = true;
    CU_ASSERT(run(line, json, out) == CLI_OK);
    mask(out, masked);
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    FILE *f = fopen(path, getenv("CULVERT_GOLDEN_UPDATE") ? "w" : "r");
    CU_ASSERT_FATAL(f != NULL);
    if (getenv("CULVERT_GOLDEN_UPDATE")) {
        fputs(masked, f);
    } else {
        want[fread(want, 1, sizeof want - 1, f)] = '\0';
        CU_ASSERT(strcmp(want, masked) == 0);
        if (strcmp(want, masked) != 0)
            fprintf(stderr, "\n%s differs from `%s`:\n%s", path, line, masked);
    }
    fclose(f);
}
