#include "control/metrics/met.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, HEADER_MAX = 4096, BODY_MAX = 64, TIMEOUT_S = 5 };

struct met_server {
    struct evhttp *http;
    struct met_env env;
};

static void answer(struct evhttp_request *r, void *arg)
{
    struct met_server *s = arg;
    struct evbuffer *body = evbuffer_new();
    char *text = met_text(&s->env);
    if (!body || !text || evbuffer_add(body, text, strlen(text)) != 0) {
        evhttp_send_error(r, HTTP_SERVUNAVAIL, NULL);
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type", "text/plain; version=0.0.4");
        evhttp_send_reply(r, HTTP_OK, "OK", body);
    }
    free(text);
    if (body)
        evbuffer_free(body);
}

static void nothing_there(struct evhttp_request *r, void *arg)
{
    (void)arg;
    evhttp_send_error(r, HTTP_NOTFOUND, NULL);
}

/* "127.0.0.1:9469", "[::1]:9469" */
static bool split(const char *at, char host[64], uint16_t *port)
{
    const char *colon = strrchr(at, ':');
    size_t n = colon ? (size_t)(colon - at) : 0;
    char *end;
    if (n == 0 || n >= 64 || !colon[1])
        return false;
    long p = strtol(colon + 1, &end, 10);
    if (*end || p < 1 || p > PORT_MAX)
        return false;
    if (at[0] == '[') {
        if (n < 3 || at[n - 1] != ']')
            return false;
        snprintf(host, 64, "%.*s", (int)n - 2, at + 1);
    } else {
        snprintf(host, 64, "%.*s", (int)n, at);
        if (strchr(host, ':'))
            return false;
    }
    *port = (uint16_t)p;
    return true;
}

cv_result met_serve(struct event_base *base, const struct met_env *env, const char *at,
                    struct met_server **out, char err[MET_ERROR_MAX])
{
    char host[64];
    uint16_t port;
    *out = NULL;
    if (!split(at, host, &port)) {
        snprintf(err, MET_ERROR_MAX, "\"%.40s\" is no ADDRESS:PORT, such as 127.0.0.1:9469 or [::1]:9469",
                 at);
        return CV_EINVAL;
    }
    struct met_server *s = calloc(1, sizeof *s);
    struct evhttp *http = s ? evhttp_new(base) : NULL;
    if (!http) {
        free(s);
        snprintf(err, MET_ERROR_MAX, "out of memory");
        return CV_ENOMEM;
    }
    *s = (struct met_server){.http = http, .env = *env};
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
    evhttp_set_max_headers_size(http, HEADER_MAX);
    evhttp_set_max_body_size(http, BODY_MAX);
    evhttp_set_timeout(http, TIMEOUT_S);
    evhttp_set_gencb(http, nothing_there, NULL);
    if (evhttp_set_cb(http, "/metrics", answer, s) != 0 || evhttp_bind_socket(http, host, port) != 0) {
        snprintf(err, MET_ERROR_MAX, "%.40s cannot be listened on", at);
        met_stop(s);
        return CV_EIO;
    }
    *out = s;
    return CV_OK;
}

void met_stop(struct met_server *s)
{
    if (!s)
        return;
    evhttp_free(s->http);
    free(s);
}
