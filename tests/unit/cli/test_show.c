/* What the daemon's commands print, over its real server and a socket: a tunnel between two real engines (pair.h), statistics
 * put into a shared memory by the test, and golden files. SPIs are masked: they are random. With CULVERT_GOLDEN_UPDATE=1
 * the files are written instead of compared. */
#include "control/cli/cli_client.h"
#include "control/cli/cli_cond.h"
#include "control/cli/cli_decisions.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_server.h"
#include "tests/unit/ike/pair.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { OUT_MAX = 1 << 18 };

static struct world {
    struct pair pair;
    struct event_base *base;
    struct cli_decisions decisions;
    struct cli_conds conds;
    struct cli_env env;
    struct cli_server *server;
    struct shm shm;
    bool shm_away;
    bool frozen; /* no time passes while an answer is waited for */
    char socket_path[64];
    int listen_fd;
    struct cv_cmd last_command;
    unsigned commands;
} w;

static struct ike *env_ike(void *ctx)
{
    (void)ctx;
    return w.pair.a.e;
}

static const struct cfg *env_cfg(void *ctx)
{
    (void)ctx;
    return w.pair.a.cfg;
}

static const struct shm *env_shm(void *ctx)
{
    (void)ctx;
    return w.shm_away ? NULL : &w.shm;
}

static uint32_t env_if_id(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "Tunnel1") == 0 ? 1 : 0;
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
    struct cv_engine_stats *e = shm_engine_stats(&w.shm, 0);
    *e = (struct cv_engine_stats){
        .engine = "ipsecmb", .device = "ipsec-mb 1.3", .sessions = 2, .packets = 980};
    *shm_if_stats(&w.shm, 0, 1) = (struct cv_if_stats){10, 1000, 20, 2000};
}

static void world_make(const struct pair_opt *o)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    memset(&w, 0, sizeof w);
    pair_start(&w.pair, o);
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
                             .touched = env_touched};
    w.env.started_wall_ms = env_wall(NULL);
    CU_ASSERT_FATAL(cli_server_new(&w.env, w.listen_fd, &w.server) == CV_OK);
}

static void world_end(void)
{
    char path[96];
    cli_server_free(w.server);
    event_base_free(w.base);
    close(w.listen_fd);
    snprintf(path, sizeof path, "%s/cli.sock", w.socket_path);
    unlink(path);
    rmdir(w.socket_path);
    shm_close(&w.shm);
    pair_end(&w.pair);
}

static int dial(void)
{
    int fd = cli_client_connect(w.socket_path);
    CU_ASSERT_FATAL(fd >= 0);
    struct timeval patience = {0, 20000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void ask(int fd, const char *line, bool json)
{
    char copy[512], *save = NULL;
    const char *words[CLI_ARGC_MAX];
    int n = 0;
    size_t len;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save))
        words[n++] = t;
    uint8_t *request = cli_request_make(n, words, json, &len);
    CU_ASSERT_FATAL(request != NULL && write(fd, request, len) == (ssize_t)len);
    free(request);
}

/* Lets the server and both engines work until the answer ends; -1 when it does not. stdout and stderr go to out. */
static int answer(int fd, char *out)
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

static int run(const char *line, bool json, char *out)
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

static void golden(const char *name, const char *line, bool json)
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

static void shows_of_a_tunnel_that_is_up(void)
{
    struct pair_opt o = {0};
    world_make(&o);
    CU_ASSERT_FATAL(pair_up(&w.pair, &w.pair.a));
    CU_ASSERT_FATAL(pair_ping(&w.pair));
    golden("session.txt", "show crypto session", false);
    golden("session-detail.txt", "sh cry ses det", false);
    golden("session-brief.txt", "show crypto session brief", false);
    golden("session.json", "show crypto session detail", true);
    golden("ikev2-sa.txt", "show crypto ikev2 sa", false);
    golden("ikev2-sa-detailed.txt", "show crypto ikev2 sa detailed", false);
    golden("ikev2-sa.json", "show crypto ikev2 sa", true);
    golden("ipsec-sa.txt", "show crypto ipsec sa", false);
    golden("ipsec-sa-detail.txt", "show crypto ipsec sa detail", false);
    golden("ipsec-sa.json", "show crypto ipsec sa", true);
    golden("interfaces.txt", "show interfaces", false);
    golden("interfaces.json", "show interfaces", true);
    golden("ip-route.txt", "show ip route", false);
    golden("ip-route.json", "show ip route", true);
    golden("dataplane.txt", "show platform dataplane", false);
    world_end();
}

static void shows_of_a_tunnel_with_wrong_keys(void)
{
    struct pair_opt o = {.key_b = "another"};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("up Tunnel1 --timeout 5", false, out) == CLI_NOT_SO);
    CU_ASSERT(strstr(out, "auth-failed") != NULL);
    golden("session-down-detail.txt", "show crypto session detail", false);
    world_end();
}

static void dataplane_json_has_the_keys_of_the_interface(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("show platform dataplane", true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL);
    const json_t *worker = json_array_get(json_object_get(j, "workers"), 0);
    const json_t *port = json_array_get(json_object_get(j, "ports"), 0);
    const json_t *engine = json_array_get(json_object_get(j, "crypto"), 0);
    CU_ASSERT(json_integer_value(json_object_get(worker, "lcore")) == 1);
    CU_ASSERT(json_integer_value(json_object_get(worker, "rx_packets")) == 1000);
    CU_ASSERT(json_integer_value(json_object_get(worker, "tx_packets")) == 990);
    CU_ASSERT(json_number_value(json_object_get(worker, "busy_percent")) == 25.0);
    CU_ASSERT(json_number_value(json_object_get(worker, "cycles_per_packet")) == 250.0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "name")), "Ethernet0/0");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "driver")), "net_null");
    CU_ASSERT(json_integer_value(json_object_get(port, "rx_missed")) == 4);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "link")), "up");
    /* Workers and manager together; reasons that did not occur are there as zeros. */
    CU_ASSERT(json_integer_value(json_object_get(json_object_get(j, "drops"), "no-sa")) == 9);
    CU_ASSERT(json_is_integer(json_object_get(json_object_get(j, "drops"), "esp-auth")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(engine, "engine")), "ipsecmb");
    CU_ASSERT(json_integer_value(json_object_get(engine, "sessions")) == 2);
    json_decref(j);
    w.shm_away = true;
    CU_ASSERT(run("show platform dataplane", true, out) == CLI_NOT_SO);
    CU_ASSERT_STRING_EQUAL(out, "culvert: the data plane is away\n");
    world_end();
}

static void up_waits_and_says_how_it_came_out(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("up tu1", false, out) == CLI_OK);
    CU_ASSERT(strncmp(out, "Tunnel1 is up: UP-ACTIVE", 24) == 0);
    CU_ASSERT(run("up tu1", false, out) == CLI_OK); /* it is already */
    CU_ASSERT(run("up Tunnel9", false, out) == CLI_USAGE);
    CU_ASSERT(run("down tu1", false, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "Tunnel1 is down: DOWN\n");
    w.pair.b.deaf = true;
    CU_ASSERT(run("up tu1 --timeout 2", true, out) == CLI_NOT_SO);
    json_t *j = json_loads(out, 0, NULL);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "reason")), "timeout");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "outcome")), "down");
    json_decref(j);
    w.shm_away = true;
    CU_ASSERT(run("up tu1 --timeout 1", false, out) == CLI_NOT_SO &&
              strstr(out, "data plane is away") != NULL);
    world_end();
}

static void ping_counts_answers_and_waits_after_a_local_drop(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    struct cv_ping_evt reply = {.icmp_type = 0, .rtt_ns = 1500000},
                       drop = {.icmp_type = 255, .drop = CV_DROP_NO_SA};
    world_make(&o);
    int fd = dial();
    ask(fd, "ping 192.0.2.9 repeat 2 size 100 timeout 1", false);
    for (int i = 0; i < 200 && w.commands < 1; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    CU_ASSERT_FATAL(w.commands == 1 && w.last_command.type == CV_CMD_PING);
    CU_ASSERT(w.last_command.u.ping.size == 72 &&
              w.last_command.u.ping.ttl == 64); /* 100 less IP and ICMP headers */
    reply.id = (uint16_t)(w.last_command.u.ping.id + 1);
    cli_server_ping(w.server, &reply); /* somebody else's */
    CU_ASSERT(w.commands == 1);
    drop.id = reply.id = w.last_command.u.ping.id;
    cli_server_ping(w.server, &drop);
    CU_ASSERT(w.commands == 1); /* the next one only when its time is over */
    for (int i = 0; i < 400 && w.commands < 2; i++) {
        struct timeval tick = {0, 10000};
        event_base_loopexit(w.base, &tick);
        event_base_dispatch(w.base);
    }
    CU_ASSERT_FATAL(w.commands == 2);
    reply.seq = w.last_command.u.ping.seq;
    cli_server_ping(w.server, &reply);
    CU_ASSERT(answer(fd, out) == CLI_OK);
    CU_ASSERT(strstr(out, "Sending 2, 100-byte ICMP Echos to 192.0.2.9, timeout is 1 seconds:") != NULL);
    CU_ASSERT(strstr(out, "source address of 192.0.2.1\nD!\nSuccess rate is 50 percent (1/2)") != NULL);
    CU_ASSERT(strstr(out, "min/avg/max = 1.500/1.500/1.500 ms") != NULL);
    close(fd);
    world_end();
}

static void client_that_hangs_up_ends_its_command(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    struct cv_ping_evt reply = {.icmp_type = 0};
    world_make(&o);
    int fd = dial();
    ask(fd, "ping 192.0.2.9 repeat 100", false);
    for (int i = 0; i < 200 && w.commands < 1; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    close(fd);
    for (int i = 0; i < 20; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    reply.id = w.last_command.u.ping.id;
    cli_server_ping(w.server, &reply);
    CU_ASSERT(w.commands == 1); /* nobody pings on */
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    world_end();
}

static void hostile_requests_are_dropped_and_the_server_goes_on(void)
{
    static const struct {
        const char *p;
        size_t n;
    } bad[] = {
        {"\xff\xff\xff\xff", 4},   {"\x00\x00\x00\x00", 4},        {"\x00\x00\x00\x03{]}", 7},
        {"\x00\x00\x00\x02[]", 6}, {"GET / HTTP/1.1\r\n\r\n", 18},
    };
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    char octet;
    world_make(&o);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = dial();
        CU_ASSERT(write(fd, bad[i].p, bad[i].n) == (ssize_t)bad[i].n);
        for (int k = 0; k < 20; k++)
            event_base_loop(w.base, EVLOOP_NONBLOCK);
        CU_ASSERT(read(fd, &octet, 1) == 0); /* hung up, without an answer */
        close(fd);
    }
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    CU_ASSERT(run("check x", false, out) == CLI_USAGE); /* the client's own business */
    CU_ASSERT(run("frobnicate", false, out) == CLI_USAGE);
    CU_ASSERT(strncmp(out, "culvert: 'frobnicate' is not a command", 38) == 0);
    world_end();
}

static void several_clients_are_served_at_once(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    int fds[CLI_CLIENTS_MAX];
    world_make(&o);
    for (int i = 0; i < CLI_CLIENTS_MAX - 1; i++) {
        fds[i] = dial();
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    for (int i = 0; i < CLI_CLIENTS_MAX - 1; i++)
        ask(fds[i], "show version", false);
    for (int i = 0; i < CLI_CLIENTS_MAX - 1; i++) {
        CU_ASSERT(answer(fds[i], out) == CLI_OK && strstr(out, "culvert 9.9.9") != NULL);
        close(fds[i]);
    }
    event_base_loop(w.base, EVLOOP_NONBLOCK);
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    world_end();
}

static void silent_clients_do_not_lock_others_out(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    int fds[CLI_CLIENTS_MAX];
    uint8_t octet;
    world_make(&o);
    for (int i = 0; i < CLI_CLIENTS_MAX; i++) {
        fds[i] = dial();
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    CU_ASSERT(read(fds[0], &octet, 1) == 0); /* the eldest made room */
    ask(fds[1], "show version", false);      /* and only that one */
    CU_ASSERT(answer(fds[1], out) == CLI_OK);
    for (int i = 0; i < CLI_CLIENTS_MAX; i++)
        close(fds[i]);
    world_end();
}

static void reload_prints_every_error_and_changes_nothing(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("reload", false, out) == CLI_USAGE);
    CU_ASSERT(strncmp(out, "culvert: ", 9) == 0 && strstr(out, ":2: ") != NULL);
    world_end();
}

UNIT_MAIN("cli show", UNIT_TEST(shows_of_a_tunnel_that_is_up), UNIT_TEST(shows_of_a_tunnel_with_wrong_keys),
          UNIT_TEST(dataplane_json_has_the_keys_of_the_interface),
          UNIT_TEST(up_waits_and_says_how_it_came_out),
          UNIT_TEST(ping_counts_answers_and_waits_after_a_local_drop),
          UNIT_TEST(client_that_hangs_up_ends_its_command),
          UNIT_TEST(hostile_requests_are_dropped_and_the_server_goes_on),
          UNIT_TEST(several_clients_are_served_at_once), UNIT_TEST(silent_clients_do_not_lock_others_out),
          UNIT_TEST(reload_prints_every_error_and_changes_nothing))
