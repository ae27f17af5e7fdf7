#include "control/pki/pki_http.h"

#include "control/pki/pki.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_MS = 5000, SWEEP_MS = 1000, IDLE_CONNECTIONS = 8 };

struct transfer {
    struct transfer *next;
    struct pki_http *http;
    uint64_t id, started_ms;
    CURL *easy;
    struct curl_slist *headers;
    uint8_t *data;
    size_t len, room;
    bool too_long;
    char error[CURL_ERROR_SIZE];
};

struct pki_http {
    struct pki_http_env env;
    struct pki_http_limits limits;
    CURLM *multi;
    bool names; /* can be resolved without blocking */
    struct transfer *first;
    unsigned count;
    int64_t curl_ms; /* what libcurl's own timer was last set to; -1 off */
};

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what libcurl calls ------------------------------------------------------------------------------------------------ */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct pki_http *h = ctx;
    (void)easy;
    (void)socket_ctx;
    unsigned bits = what == CURL_POLL_IN      ? PKI_HTTP_READ
                    : what == CURL_POLL_OUT   ? PKI_HTTP_WRITE
                    : what == CURL_POLL_INOUT ? PKI_HTTP_READ | PKI_HTTP_WRITE
                                              : 0;
    h->env.watch(h->env.ctx, fd, bits);
    return 0;
}

/* While anything is under way the timer comes at least each second: transfers that wait for their turn have no time-out of libcurl's. */
static void timer_set(struct pki_http *h)
{
    int64_t ms = h->curl_ms;
    if (h->count && (ms < 0 || ms > SWEEP_MS))
        ms = SWEEP_MS;
    h->env.timer(h->env.ctx, ms);
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct pki_http *h = ctx;
    (void)multi;
    h->curl_ms = ms;
    timer_set(h);
    return 0;
}

/* Grows by doubling up to the limit; anything beyond ends the transfer. */
static size_t on_data(char *p, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t n = size * count, most = t->http->limits.octets;
    if (n > most - t->len) {
        t->too_long = true;
        return 0;
    }
    if (t->len + n > t->room) {
        size_t room = t->room ? t->room : 4096;
        while (room < t->len + n)
            room *= 2;
        uint8_t *grown = realloc(t->data, room);
        if (!grown)
            return 0;
        t->data = grown;
        t->room = room;
    }
    memcpy(t->data + t->len, p, n);
    t->len += n;
    return n;
}

/* ---- transfers ----------------------------------------------------------------------------------------------------------- */
static void transfer_free(struct transfer *t)
{
    if (t->easy)
        curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    free(t->data);
    free(t);
}

static void unlink_one(struct pki_http *h, struct transfer *t)
{
    for (struct transfer **at = &h->first; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            h->count--;
            break;
        }
    (void)curl_multi_remove_handle(h->multi, t->easy);
}

/* The caller may start others from done. */
static void finish(struct pki_http *h, struct transfer *t, unsigned status, const char *error)
{
    struct slice data = status == 200 ? (struct slice){t->data, t->len} : (struct slice){0};
    unlink_one(h, t);
    h->env.done(h->env.ctx, t->id, status, data, error);
    transfer_free(t);
}

static void finish_curl(struct pki_http *h, struct transfer *t, CURLcode code)
{
    long status = 0;
    char text[CURL_ERROR_SIZE + 64];
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) {
        finish(h, t, (unsigned)status, "");
        return;
    }
    if (t->too_long || code == CURLE_FILESIZE_EXCEEDED)
        (void)snprintf(text, sizeof text, "the answer is longer than %zu octets", h->limits.octets);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        (void)snprintf(text, sizeof text, "no whole answer within %u ms", h->limits.total_ms);
    else if (code == CURLE_TOO_MANY_REDIRECTS)
        (void)snprintf(text, sizeof text, "more than %d redirects", PKI_HTTP_REDIRECTS);
    else if (code == CURLE_UNSUPPORTED_PROTOCOL)
        (void)snprintf(text, sizeof text, "it leads to something else than http");
    else
        (void)snprintf(text, sizeof text, "%s", t->error[0] ? t->error : curl_easy_strerror(code));
    finish(h, t, 0, text);
}

/* What has ended, and what has waited too long for its turn or in it. */
static void sweep(struct pki_http *h)
{
    int left = 0;
    CURLMsg *m;
    while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
        struct transfer *t = NULL;
        CURLcode code = m->data.result;
        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t) == CURLE_OK)
            finish_curl(h, t, code);
    }
    uint64_t now = now_ms();
    for (struct transfer *t = h->first, *next; t; t = next) {
        next = t->next;
        if (now - t->started_ms >= h->limits.total_ms) {
            finish_curl(h, t, CURLE_OPERATION_TIMEDOUT);
            next = h->first; /* done may have changed the list */
        }
    }
    timer_set(h);
}

/* ---- set-up --------------------------------------------------------------------------------------------------------------- */
static bool options_set(struct transfer *t, const char *url)
{
    const struct pki_http *h = t->http;
    CURL *e = t->easy;
    return curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)PKI_HTTP_REDIRECTS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           /* a name that does not resolve must not make clean-up wait for the resolver's thread */
           curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)h->limits.total_ms) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)h->limits.octets) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, "culvert") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, t) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, t) == CURLE_OK;
}

static bool header_add(struct transfer *t, const char *line)
{
    struct curl_slist *more = curl_slist_append(t->headers, line);
    if (more)
        t->headers = more;
    return more != NULL;
}

static bool body_set(struct transfer *t, struct slice body, const char *content_type)
{
    char line[128];
    int n = snprintf(line, sizeof line, "Content-Type: %s",
                     content_type ? content_type : "application/octet-stream");
    return n > 0 && (size_t)n < sizeof line && header_add(t, line) &&
           header_add(t, "Expect:") && /* no second's wait for "100 Continue" */
           curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n) == CURLE_OK &&
           curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, body.p) == CURLE_OK &&
           curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

static bool host_is_address(const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL;
    struct in6_addr six;
    struct in_addr four;
    bool yes =
        u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        (host[0] == '[' || inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1);
    curl_free(host);
    curl_url_cleanup(u);
    return yes;
}

bool pki_http_start(struct pki_http *h, uint64_t id, const char *url, struct slice body,
                    const char *content_type)
{
    if (h->count >= PKI_FETCHES_MAX || (!h->names && !host_is_address(url)))
        return false;
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return false;
    t->http = h;
    t->id = id;
    t->started_ms = now_ms();
    t->easy = curl_easy_init();
    if (!t->easy || !options_set(t, url) || (body.n && !body_set(t, body, content_type)) ||
        curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
        transfer_free(t);
        return false;
    }
    t->next = h->first;
    h->first = t;
    h->count++;
    timer_set(h);
    return true;
}

void pki_http_ready(struct pki_http *h, int fd, unsigned what)
{
    int running = 0,
        bits = (what & PKI_HTTP_READ ? CURL_CSELECT_IN : 0) | (what & PKI_HTTP_WRITE ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(h->multi, fd, bits, &running);
    sweep(h);
}

void pki_http_timeout(struct pki_http *h)
{
    int running = 0;
    (void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    sweep(h);
}

struct pki_http *pki_http_new(const struct pki_http_env *env, const struct pki_http_limits *limits)
{
    const curl_version_info_data *about = curl_version_info(CURLVERSION_NOW);
    struct pki_http *h = calloc(1, sizeof *h);
    if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(h);
        return NULL;
    }
    h->env = *env;
    h->limits = limits ? *limits : (struct pki_http_limits){0};
    if (!h->limits.octets)
        h->limits.octets = PKI_FETCH_MAX;
    if (!h->limits.total_ms)
        h->limits.total_ms = PKI_FETCH_MS;
    h->names = about && (about->features & CURL_VERSION_ASYNCHDNS);
    h->curl_ms = -1;
    h->multi = curl_multi_init();
    if (!h->multi || curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)PKI_HTTP_PER_HOST) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS) != CURLM_OK) {
        pki_http_free(h);
        return NULL;
    }
    return h;
}

void pki_http_free(struct pki_http *h)
{
    if (!h)
        return;
    while (h->first) {
        struct transfer *t = h->first;
        unlink_one(h, t);
        transfer_free(t);
    }
    if (h->multi)
        (void)curl_multi_cleanup(h->multi);
    curl_global_cleanup();
    free(h);
}
