/* Fetches over HTTP, by the event loop, against a server of this process that does what a broken or hostile one would. */
#include "control/pki/pki_http.h"
#include "control/pki_fetch_loop.h"
#include "control/runtime/rt_loop.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOTAL_MS = 600, OCTETS = 20000, RESULTS_MAX = 40 };

/* ---- the server: one thread per connection ----------------------------------------------------------------------------- */
static int listener = -1;
static unsigned port;
static atomic_int serving, most_serving, requests;

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void redirect(int fd, const char *to)
{
    char text[256];
    (void)snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to);
    say(fd, text);
}

/* Sends for ever, until the other end has enough. */
static void pour(int fd, unsigned wait_ms)
{
    static const char chunk[] = "400\r\n";
    char octets[1026];
    memset(octets, 'x', sizeof octets);
    octets[1024] = '\r';
    octets[1025] = '\n';
    say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 100000; i++) {
        if (send(fd, chunk, 5, MSG_NOSIGNAL) < 0 || send(fd, octets, sizeof octets, MSG_NOSIGNAL) < 0)
            return;
        if (wait_ms)
            usleep(wait_ms * 1000);
    }
}

static void drip(int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    for (unsigned i = 0; i < 1000; i++) {
        if (send(fd, "x", 1, MSG_NOSIGNAL) < 0)
            return;
        usleep(20000);
    }
}

/* Sends back how the request was made. */
static void echo(int fd, const char *request)
{
    char text[2048];
    const char *body = strstr(request, "\r\n\r\n"), *type = strstr(request, "Content-Type: ");
    (void)snprintf(text, sizeof text, "%.4s|%.24s|%s|%s", request, type ? type + 14 : "-",
                   body ? body + 4 : "", strstr(request, "Expect") ? "expects" : "straight");
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(text));
    say(fd, head);
    say(fd, text);
}

static void answer(int fd, const char *request)
{
    char path[128] = "", to[160];
    (void)sscanf(request, "%*s %127s", path);
    if (strcmp(path, "/good") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    else if (strcmp(path, "/slow") == 0) {
        usleep(100000);
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    } else if (strcmp(path, "/echo") == 0)
        echo(fd, request);
    else if (strcmp(path, "/exact") == 0) {
        char octets[OCTETS];
        memset(octets, 'x', sizeof octets);
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n");
        (void)!send(fd, octets, sizeof octets, MSG_NOSIGNAL);
    } else if (strcmp(path, "/declared") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20001\r\n\r\nx");
    else if (strcmp(path, "/endless") == 0)
        pour(fd, 0);
    else if (strcmp(path, "/drip") == 0)
        drip(fd);
    else if (strcmp(path, "/silent") == 0)
        usleep(2 * TOTAL_MS * 1000);
    else if (strncmp(path, "/hop", 4) == 0 && path[4] > '1') {
        (void)snprintf(to, sizeof to, "/hop%c", path[4] - 1);
        redirect(fd, to);
    } else if (strcmp(path, "/hop1") == 0)
        redirect(fd, "/good");
    else if (strcmp(path, "/to-file") == 0)
        redirect(fd, "file:///etc/passwd");
    else if (strcmp(path, "/to-https") == 0)
        redirect(fd, "https://127.0.0.1/");
    else if (strcmp(path, "/to-gopher") == 0)
        redirect(fd, "gopher://127.0.0.1/");
    else if (strcmp(path, "/headers") == 0) {
        say(fd, "HTTP/1.1 200 OK\r\n");
        for (unsigned i = 0; i < 100000; i++)
            if (send(fd, "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 52, MSG_NOSIGNAL) < 0)
                break;
    } else if (strcmp(path, "/garbage") == 0)
        say(fd, "\x01\x02\x03 no HTTP at all\r\n\r\n");
    else if (strcmp(path, "/short") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello");
    else
        say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
}

static void *serve(void *ctx)
{
    int fd = (int)(intptr_t)ctx, now = atomic_fetch_add(&serving, 1) + 1, most = atomic_load(&most_serving);
    char request[4096];
    size_t n = 0;
    while (now > most && !atomic_compare_exchange_weak(&most_serving, &most, now))
        ;
    struct timeval wait = {.tv_usec = 300000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    for (;;) {
        ssize_t got = recv(fd, request + n, sizeof request - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        request[n] = 0;
        const char *end = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");
        if (end && (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10)))
            break;
    }
    if (n) {
        request[n] = 0;
        atomic_fetch_add(&requests, 1);
        answer(fd, request);
    }
    atomic_fetch_sub(&serving, 1);
    (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
    return NULL;
}

static void *listen_on(void *ctx)
{
    (void)ctx;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t t;
        if (fd < 0)
            return NULL;
        if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd) == 0)
            (void)pthread_detach(t);
        else
            (void)close(fd);
    }
}

static void server_up(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    pthread_t t;
    if (listener >= 0)
        return;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(listener >= 0 && bind(listener, (struct sockaddr *)&a, len) == 0 &&
                    listen(listener, 64) == 0);
    CU_ASSERT_FATAL(getsockname(listener, (struct sockaddr *)&a, &len) == 0);
    port = ntohs(a.sin_port);
    CU_ASSERT_FATAL(pthread_create(&t, NULL, listen_on, NULL) == 0);
    (void)pthread_detach(t);
}

/* ---- one client ------------------------------------------------------------------------------------------------------------ */
struct result {
    unsigned calls, status;
    size_t n;
    char data[256], error[256];
    uint64_t at_ms;
};
static struct {
    struct event_base *base;
    struct pki_fetch_loop *loop;
    struct event *pulse;
    struct result results[RESULTS_MAX];
    unsigned done, wanted;
    uint64_t last_pulse, worst_gap;
} c;

static void on_done(void *ctx, uint64_t id, unsigned status, struct slice data, const char *error)
{
    struct result *r = &c.results[id];
    (void)ctx;
    r->calls++;
    r->status = status;
    r->n = data.n;
    r->at_ms = rt_now_ms();
    if (data.n)
        memcpy(r->data, data.p, data.n < sizeof r->data ? data.n : sizeof r->data - 1);
    (void)snprintf(r->error, sizeof r->error, "%s", error);
    if (++c.done == c.wanted)
        (void)event_base_loopbreak(c.base);
}

/* How long the loop was away from its other work. */
static void on_pulse(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t now = rt_now_ms();
    (void)fd;
    (void)what;
    (void)ctx;
    if (now - c.last_pulse > c.worst_gap)
        c.worst_gap = now - c.last_pulse;
    c.last_pulse = now;
}

static void client_up(void)
{
    struct pki_http_limits limits = {.octets = OCTETS, .total_ms = TOTAL_MS};
    struct timeval every = {.tv_usec = 10000};
    server_up();
    memset(&c, 0, sizeof c);
    c.base = rt_loop_new();
    c.loop = pki_fetch_loop_new(c.base, &limits, on_done, NULL);
    CU_ASSERT_FATAL(c.base && c.loop);
    c.pulse = event_new(c.base, -1, EV_PERSIST, on_pulse, NULL);
    CU_ASSERT_FATAL(c.pulse && event_add(c.pulse, &every) == 0);
}

static void client_down(void)
{
    pki_fetch_loop_free(c.loop);
    event_free(c.pulse);
    event_base_free(c.base);
}

static void start(uint64_t id, const char *path)
{
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    CU_ASSERT_FATAL(pki_fetch_loop_start(c.loop, id, url, (struct slice){0}, NULL));
}

static void run(unsigned wanted)
{
    struct timeval most = {.tv_sec = 10};
    c.wanted = c.done + wanted;
    c.last_pulse = rt_now_ms();
    (void)event_base_loopexit(c.base, &most);
    (void)event_base_dispatch(c.base);
    CU_ASSERT_EQUAL(c.done, c.wanted);
}

/* One path, alone. */
static struct result *get(const char *path)
{
    c.results[0] = (struct result){0};
    start(0, path);
    run(1);
    CU_ASSERT_EQUAL(c.results[0].calls, 1);
    return &c.results[0];
}

/* ---- tests --------------------------------------------------------------------------------------------------------------- */
static void answers_come_whole_and_other_statuses_without_octets(void)
{
    client_up();
    struct result *r = get("/good");
    CU_ASSERT(r->status == 200 && r->n == 5 && strcmp(r->data, "hello") == 0);
    r = get("/nothing-there");
    CU_ASSERT(r->status == 404 && r->n == 0);
    client_down();
}

static void a_post_carries_its_body_and_type_and_waits_for_no_continue(void)
{
    static const uint8_t body[] = "request";
    char url[128];
    client_up();
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/echo", port);
    CU_ASSERT_FATAL(pki_fetch_loop_start(c.loop, 0, url, (struct slice){body, sizeof body - 1},
                                         "application/ocsp-request"));
    run(1);
    CU_ASSERT_STRING_EQUAL(c.results[0].data, "POST|application/ocsp-request|request|straight");
    client_down();
}

static void an_answer_longer_than_the_bound_is_cut_off(void)
{
    client_up();
    CU_ASSERT_EQUAL(get("/exact")->n, OCTETS);
    struct result *r = get("/declared");
    CU_ASSERT(r->status == 0 && r->n == 0 && strstr(r->error, "longer than 20000"));
    r = get("/endless");
    CU_ASSERT(r->status == 0 && r->n == 0 && strstr(r->error, "longer than 20000"));
    r = get("/headers");
    CU_ASSERT(r->status == 0 && r->n == 0);
    client_down();
}

static void a_server_that_trickles_or_is_silent_ends_by_the_total_time(void)
{
    static const char *const paths[] = {"/drip", "/silent"};
    client_up();
    for (unsigned i = 0; i < 2; i++) {
        uint64_t began = rt_now_ms();
        struct result *r = get(paths[i]);
        uint64_t took = rt_now_ms() - began;
        CU_ASSERT(r->status == 0 && strstr(r->error, "within 600 ms"));
        CU_ASSERT(took >= TOTAL_MS - 50 && took < TOTAL_MS + 1200);
    }
    CU_ASSERT(c.worst_gap < 300);
    printf("\n    longest absence of the loop: %u ms ", (unsigned)c.worst_gap);
    client_down();
}

static void two_redirects_are_followed_and_only_to_http(void)
{
    client_up();
    CU_ASSERT_EQUAL(get("/hop1")->status, 200);
    CU_ASSERT_EQUAL(get("/hop2")->status, 200);
    struct result *r = get("/hop3");
    CU_ASSERT(r->status == 0 && strstr(r->error, "more than 2 redirects"));
    static const char *const others[] = {"/to-file", "/to-https", "/to-gopher"};
    for (unsigned i = 0; i < 3; i++) {
        r = get(others[i]);
        CU_ASSERT(r->status == 0 && r->n == 0 && strstr(r->error, "something else than http"));
    }
    client_down();
}

static void no_other_scheme_is_fetched(void)
{
    static const char *const urls[] = {"file:///etc/passwd", "https://127.0.0.1/", "ldap://127.0.0.1/",
                                       "gopher://127.0.0.1/"};
    client_up();
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_FATAL(pki_fetch_loop_start(c.loop, i, urls[i], (struct slice){0}, NULL));
        run(1);
        CU_ASSERT(c.results[i].status == 0 && c.results[i].n == 0);
    }
    client_down();
}

static void what_is_no_http_or_breaks_off_brings_nothing(void)
{
    client_up();
    CU_ASSERT_EQUAL(get("/garbage")->status, 0);
    struct result *r = get("/short");
    CU_ASSERT(r->status == 0 && r->n == 0);
    CU_ASSERT_FATAL(pki_fetch_loop_start(c.loop, 1, "http://127.0.0.1:1/", (struct slice){0}, NULL));
    run(1);
    CU_ASSERT(c.results[1].status == 0 && c.results[1].error[0]);
    client_down();
}

static void at_most_four_at_once_go_to_one_host_and_all_are_served(void)
{
    client_up();
    usleep(400000); /* what the tests before left open at the server ends */
    atomic_store(&most_serving, 0);
    for (unsigned i = 0; i < 12; i++)
        start(i, "/slow");
    run(12);
    for (unsigned i = 0; i < 12; i++)
        CU_ASSERT(c.results[i].calls == 1 && c.results[i].status == 200);
    CU_ASSERT(atomic_load(&most_serving) <= PKI_HTTP_PER_HOST + 1); /* one may be closing */
    client_down();
}

static void those_that_wait_for_their_turn_run_out_of_time_with_the_others(void)
{
    client_up();
    uint64_t began = rt_now_ms();
    for (unsigned i = 0; i < 32; i++)
        start(i, "/silent");
    CU_ASSERT_FALSE(pki_fetch_loop_start(c.loop, 33, "http://127.0.0.1/", (struct slice){0}, NULL));
    run(32);
    for (unsigned i = 0; i < 32; i++)
        CU_ASSERT(c.results[i].calls == 1 && c.results[i].status == 0);
    CU_ASSERT(rt_now_ms() - began < TOTAL_MS + 1500);
    CU_ASSERT(c.worst_gap < 300);
    client_down();
}

static void names_are_resolved_beside_the_loop(void)
{
    char url[128];
    client_up();
    (void)snprintf(url, sizeof url, "http://localhost:%u/good", port);
    CU_ASSERT_FATAL(pki_fetch_loop_start(c.loop, 0, url, (struct slice){0}, NULL));
    run(1);
    CU_ASSERT_EQUAL(c.results[0].status, 200);
    client_down();
}

/* This process alone asks a name server that never answers. False: not allowed here. */
static bool silent_name_server(void)
{
    static const char text[] = "nameserver 127.53.53.53\noptions timeout:5 attempts:2\n";
    char path[] = "/tmp/culvert-resolv-XXXXXX";
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x7f353535)};
    int server = socket(AF_INET, SOCK_DGRAM, 0), fd = mkstemp(path);
    bool ok = server >= 0 && fd >= 0 && bind(server, (struct sockaddr *)&a, sizeof a) == 0 &&
              write(fd, text, sizeof text - 1) == (ssize_t)(sizeof text - 1) && fchmod(fd, 0644) == 0 &&
              unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
              mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
    if (fd >= 0)
        (void)unlink(path);
    return ok;
}

/* In a child: a resolver that hangs would hang on to the whole process. 0 good, 1 bad, 2 not to be tried here. */
static int fetch_with_silent_name_server(void)
{
    if (!silent_name_server())
        return 2;
    client_up();
    uint64_t began = rt_now_ms();
    for (unsigned i = 0; i < 4; i++)
        if (!pki_fetch_loop_start(c.loop, i, "http://crl.culvert-test.example/a.crl", (struct slice){0},
                                  NULL))
            return 1;
    run(4);
    uint64_t took = rt_now_ms() - began;
    for (unsigned i = 0; i < 4; i++)
        if (c.results[i].status != 0 || !strstr(c.results[i].error, "within 600 ms")) {
            printf("\n    %s ", c.results[i].error);
            return 1;
        }
    if (!pki_fetch_loop_start(c.loop, 5, "http://other.culvert-test.example/a.crl", (struct slice){0}, NULL))
        return 1;
    struct timeval brief = {.tv_usec = 100000};
    (void)event_base_loopexit(c.base, &brief);
    (void)event_base_dispatch(c.base);
    uint64_t ending = rt_now_ms();
    client_down();
    ending = rt_now_ms() - ending;
    printf("\n    given up after %u ms, loop away for %u ms at most, ended in %u ms ", (unsigned)took,
           (unsigned)c.worst_gap, (unsigned)ending);
    (void)fflush(stdout);
    return took < TOTAL_MS + 1500 && c.worst_gap < 300 && ending < 300 ? 0 : 1;
}

static void a_name_server_that_never_answers_holds_nothing_up(void)
{
    int status = 0;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(fetch_with_silent_name_server());
    CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        printf("\n    not tried: no mounts allowed here ");
    else
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

static void proxies_of_the_environment_are_not_asked(void)
{
    client_up();
    (void)setenv("http_proxy", "http://127.0.0.1:1/", 1);
    CU_ASSERT_EQUAL(get("/good")->status, 200);
    (void)unsetenv("http_proxy");
    client_down();
}

static void ending_in_the_middle_leaves_nothing_behind(void)
{
    client_up();
    for (unsigned i = 0; i < 6; i++)
        start(i, "/drip");
    struct timeval brief = {.tv_usec = 100000};
    (void)event_base_loopexit(c.base, &brief);
    (void)event_base_dispatch(c.base);
    client_down();
    for (unsigned i = 0; i < 6; i++)
        CU_ASSERT_EQUAL(c.results[i].calls, 0);
}

UNIT_MAIN("pki-http", UNIT_TEST(answers_come_whole_and_other_statuses_without_octets),
          UNIT_TEST(a_post_carries_its_body_and_type_and_waits_for_no_continue),
          UNIT_TEST(an_answer_longer_than_the_bound_is_cut_off),
          UNIT_TEST(a_server_that_trickles_or_is_silent_ends_by_the_total_time),
          UNIT_TEST(two_redirects_are_followed_and_only_to_http), UNIT_TEST(no_other_scheme_is_fetched),
          UNIT_TEST(what_is_no_http_or_breaks_off_brings_nothing),
          UNIT_TEST(at_most_four_at_once_go_to_one_host_and_all_are_served),
          UNIT_TEST(those_that_wait_for_their_turn_run_out_of_time_with_the_others),
          UNIT_TEST(names_are_resolved_beside_the_loop),
          UNIT_TEST(a_name_server_that_never_answers_holds_nothing_up),
          UNIT_TEST(proxies_of_the_environment_are_not_asked),
          UNIT_TEST(ending_in_the_middle_leaves_nothing_behind))
