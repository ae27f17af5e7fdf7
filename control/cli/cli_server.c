#include "control/cli/cli_server.h"

#include "control/cli/cli_debug.h"
#include "control/cli/cli_debug_cmd.h"
#include "control/cli/cli_ping.h"

#include "common/secret.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct conn {
    struct cli_server *server;
    struct conn *next;
    struct bufferevent *bev;
    struct cli_call *call; /* running, NULL none */
    json_t *request;       /* holds the call's words */
    bool cut;              /* output of this call was lost: the client did not read it */
    unsigned follows;      /* CLI_DEBUG_* */
    bool shell, lines_json;
    uint64_t lines_lost;
    const char *argv[CLI_ARGC_MAX];
};

struct cli_server {
    const struct cli_env *env;
    struct evconnlistener *listener;
    struct conn *conns;
    unsigned count;
    unsigned followed; /* of all conns together */
};

/* ---- output ----------------------------------------------------------------------------------------------------- */
static void frame(struct conn *n, enum cli_frame kind, const void *p, size_t len)
{
    uint8_t head[CLI_FRAME_HEAD];
    const uint8_t *at = p;
    struct evbuffer *out = bufferevent_get_output(n->bev);
    while (len > 0 && evbuffer_get_length(out) < CLI_BACKLOG_MAX) {
        size_t part = len < CLI_FRAME_MAX ? len : CLI_FRAME_MAX;
        cli_frame_head(head, kind, (uint32_t)part);
        evbuffer_add(out, head, sizeof head);
        evbuffer_add(out, at, part);
        at += part;
        len -= part;
    }
    n->cut |= len > 0;
}

static void print_to(struct cli_call *c, enum cli_frame kind, const char *fmt, va_list ap)
{
    char *text = NULL;
    int n = vasprintf(&text, fmt, ap);
    if (n > 0)
        frame(c->conn, kind, text, (size_t)n);
    if (n >= 0)
        free(text);
}

void cli_print(struct cli_call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_to(c, CLI_STDOUT, fmt, ap);
    va_end(ap);
}

void cli_error(struct cli_call *c, const char *fmt, ...)
{
    va_list ap;
    frame(c->conn, CLI_STDERR, "culvert: ", 9);
    va_start(ap, fmt);
    print_to(c, CLI_STDERR, fmt, ap);
    va_end(ap);
    frame(c->conn, CLI_STDERR, "\n", 1);
}

void cli_json(struct cli_call *c, json_t *j)
{
    char *text = json_dumps(j, JSON_INDENT(2));
    if (text) {
        frame(c->conn, CLI_STDOUT, text, strlen(text));
        frame(c->conn, CLI_STDOUT, "\n", 1);
    }
    free(text);
    json_decref(j);
}

/* ---- debug --------------------------------------------------------------------------------------------------------- */
static void followers_changed(struct cli_server *s)
{
    unsigned was = s->followed;
    s->followed = 0;
    for (const struct conn *n = s->conns; n; n = n->next)
        s->followed |= n->follows;
    if (!was != !s->followed && s->env->followed)
        s->env->followed(s->env->ctx, s->followed != 0);
}

static enum cli_frame lines_kind(const struct conn *n)
{
    return n->shell ? CLI_LINES : CLI_STDOUT;
}

static void tell_lost(struct conn *n)
{
    char text[128];
    int len = n->lines_json
                  ? snprintf(text, sizeof text, "{\"kind\": \"lost\", \"lines\": %llu}\n",
                             (unsigned long long)n->lines_lost)
                  : snprintf(text, sizeof text, "*** %llu debug lines lost: they were read too slowly\n",
                             (unsigned long long)n->lines_lost);
    n->lines_lost = 0;
    frame(n, lines_kind(n), text, (size_t)len);
}

static void lines(struct conn *n, const char *text)
{
    size_t waiting = evbuffer_get_length(bufferevent_get_output(n->bev)), len = strlen(text);
    if (n->lines_lost > 0 && waiting < CLI_LINES_MAX / 2)
        tell_lost(n);
    if (n->lines_lost > 0 || waiting + len > CLI_LINES_MAX) {
        for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
            n->lines_lost++;
        return;
    }
    frame(n, lines_kind(n), text, len);
}

/* A client may have read everything before anything more happens: it is told of its losses then, too. */
static void on_drained(struct bufferevent *bev, void *arg)
{
    struct conn *n = arg;
    (void)bev;
    if (n->lines_lost > 0)
        tell_lost(n);
}

static void on_item(void *ctx, const struct cli_debug_item *item)
{
    struct cli_server *s = ctx;
    const struct cli_env *env = s->env;
    if (!(item->facilities & s->followed) || !cli_conds_pass(env->conds, env->ike(env->ctx), item->about))
        return;
    uint64_t now = env->wall_ms(env->ctx);
    for (struct conn *n = s->conns; n; n = n->next) {
        char *text = n->follows ? cli_debug_render(item, n->follows, n->lines_json, now) : NULL;
        if (text)
            lines(n, text);
        free(text);
    }
}

void cli_server_event(struct cli_server *s, const struct ike_event *e)
{
    if (s->followed)
        cli_debug_event(e, on_item, s);
}

void cli_server_decided(struct cli_server *s, const struct ike_decided *d)
{
    if (s->followed)
        cli_debug_decided(d, on_item, s);
}

void cli_server_message(struct cli_server *s, const struct ike_note *m)
{
    struct ike_sa_view sa;
    if (!s->followed)
        return;
    bool found = m->conn_id && ike_find_sa(s->env->ike(s->env->ctx), m->conn_id, &sa);
    cli_debug_message(m, found ? sa.state : NULL, on_item, s);
}

unsigned cli_server_follow(struct cli_call *c, unsigned more)
{
    struct conn *n = c->conn;
    n->follows |= more;
    n->lines_json = c->json;
    followers_changed(n->server);
    return n->follows;
}

unsigned cli_server_unfollow(struct cli_call *c, unsigned less)
{
    struct cli_server *s = ((struct conn *)c->conn)->server;
    unsigned taken = 0;
    for (struct conn *n = s->conns; n; n = n->next) {
        taken += (n->follows & less) != 0;
        n->follows &= ~less;
        if (!n->follows && n->call && n->call != c && n->call->pending &&
            cli_command(n->call->cmd.row->id) == cli_debug)
            cli_finish(n->call, CLI_OK);
    }
    followers_changed(s);
    return taken;
}

unsigned cli_server_followed(struct cli_call *c, unsigned *clients)
{
    const struct cli_server *s = ((struct conn *)c->conn)->server;
    *clients = 0;
    for (const struct conn *n = s->conns; n; n = n->next)
        *clients += n->follows != 0;
    return s->followed;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------- */
static void call_free(struct conn *n)
{
    struct cli_call *c = n->call;
    n->call = NULL;
    if (!n->shell && (n->follows || n->lines_lost > 0)) {
        if (n->lines_lost > 0)
            tell_lost(n);
        n->follows = 0;
        followers_changed(n->server);
    }
    if (c && c->pending && c->pending_free)
        c->pending_free(c->pending);
    free(c);
    json_decref(n->request);
    n->request = NULL;
}

static void answer_exit(struct conn *n, enum cli_status status)
{
    /* Half of a JSON document must not pass for a whole one. */
    uint8_t octets[4] = {0, 0, 0, (uint8_t)(n->cut ? CLI_NOT_SO : status)};
    n->cut = false;
    uint8_t head[CLI_FRAME_HEAD];
    struct evbuffer *out = bufferevent_get_output(n->bev);
    cli_frame_head(head, CLI_EXIT, sizeof octets);
    evbuffer_add(out, head, sizeof head);
    evbuffer_add(out, octets, sizeof octets);
}

static void take_requests(struct conn *n);

void cli_finish(struct cli_call *c, enum cli_status status)
{
    struct conn *n = c->conn;
    call_free(n); /* what it prints at its end comes before the status */
    answer_exit(n, status);
    bufferevent_trigger(n->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static int call_parse(struct conn *n, struct cli_call *c)
{
    char err[CLI_ERR_MAX];
    const json_t *argv = json_object_get(n->request, "argv");
    size_t argc = json_array_size(argv);
    c->json = json_is_true(json_object_get(n->request, "json"));
    c->shell = n->shell = json_is_true(json_object_get(n->request, "shell"));
    if (argc > CLI_ARGC_MAX) {
        cli_error(c, "more than %d words", CLI_ARGC_MAX);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < argc; i++)
        if (!(n->argv[i] = json_string_value(json_array_get(argv, i)))) {
            cli_error(c, "malformed request");
            return CLI_USAGE;
        }
    if (cli_parse((int)argc, n->argv, &c->cmd, err) != CV_OK) {
        cli_error(c, "%s", err);
        return CLI_USAGE;
    }
    return CLI_OK;
}

static void call_run(struct conn *n)
{
    struct cli_call *c = calloc(1, sizeof *c);
    if (!c) {
        answer_exit(n, CLI_NOT_SO);
        return;
    }
    n->call = c;
    c->env = n->server->env;
    c->conn = n;
    int status = call_parse(n, c);
    cli_fn *fn = status == CLI_OK ? cli_command(c->cmd.row->id) : NULL;
    if (status == CLI_OK && !fn) {
        cli_error(c, "%s runs in the client", c->cmd.row->words);
        status = CLI_USAGE;
    }
    if (fn)
        status = fn(c);
    if (status != CLI_PENDING)
        cli_finish(c, (enum cli_status)status);
}

/* ---- connections ------------------------------------------------------------------------------------------------------ */
static void conn_free(struct conn *n)
{
    struct cli_server *s = n->server;
    for (struct conn **at = &s->conns; *at; at = &(*at)->next)
        if (*at == n) {
            *at = n->next;
            break;
        }
    s->count--;
    n->follows = 0;
    call_free(n);
    followers_changed(s);
    bufferevent_free(n->bev);
    free(n);
}

/* True when a whole request was taken; *bad when the peer does not speak our language. */
static bool request_take(struct conn *n, bool *bad)
{
    struct evbuffer *in = bufferevent_get_input(n->bev);
    uint8_t head[4];
    *bad = false;
    if (evbuffer_copyout(in, head, sizeof head) != (ev_ssize_t)sizeof head)
        return false;
    size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    *bad = len == 0 || len > CLI_REQUEST_MAX;
    if (*bad || evbuffer_get_length(in) < sizeof head + len)
        return false;
    evbuffer_drain(in, sizeof head);
    const char *text = (const char *)evbuffer_pullup(in, (ev_ssize_t)len);
    n->request = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    evbuffer_drain(in, len);
    *bad = !json_is_object(n->request);
    return !*bad;
}

/* {"answer": Base64} or {"answer": null}. The words of the call stay: its request is kept. */
static void answer_take(struct conn *n, bool *bad)
{
    struct cli_call *c = n->call;
    json_t *call = n->request;
    n->request = NULL;
    bool taken = request_take(n, bad);
    json_t *answer = n->request;
    n->request = call;
    if (taken) {
        uint8_t *octets = NULL;
        size_t len = 0;
        const char *text = json_string_value(json_object_get(answer, "answer"));
        bool given = text && cli_base64_read(text, &octets, &len);
        cli_answered_fn *fn = c->answered;
        c->answered = NULL;
        int status = fn(c, (struct slice){octets, len}, given);
        secret_wipe(octets, len);
        free(octets);
        if (text)
            secret_wipe((char *)(uintptr_t)text, strlen(text));
        if (status != CLI_PENDING)
            cli_finish(c, (enum cli_status)status);
    }
    json_decref(answer);
}

int cli_server_ask(struct cli_call *c, enum cli_question kind, const char *prompt, cli_answered_fn *fn)
{
    static const char *const kinds[] = {"confirm", "secret", "input"};
    struct conn *n = c->conn;
    json_t *j = json_pack("{s:s, s:s}", "kind", kinds[kind], "prompt", prompt);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (!text)
        return CLI_NOT_SO;
    c->answered = fn;
    frame(n, CLI_QUESTION, text, strlen(text));
    free(text);
    bufferevent_trigger(n->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    return CLI_PENDING;
}

static void take_requests(struct conn *n)
{
    bool bad = false;
    if (n->call && n->call->answered)
        answer_take(n, &bad);
    else if (!n->call && request_take(n, &bad))
        call_run(n);
    if (bad)
        conn_free(n);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    take_requests(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        conn_free(arg);
}

/* Silent clients must not lock others out: the one that came first and asks nothing makes room. */
static void make_room(struct cli_server *s)
{
    struct conn *idle = NULL;
    if (s->count < CLI_CLIENTS_MAX)
        return;
    for (struct conn *n = s->conns; n; n = n->next)
        if (!n->call)
            idle = n; /* newest first: the last is the eldest */
    if (idle)
        conn_free(idle);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int from_len, void *arg)
{
    struct cli_server *s = arg;
    (void)from;
    (void)from_len;
    make_room(s);
    struct conn *n = s->count < CLI_CLIENTS_MAX ? calloc(1, sizeof *n) : NULL;
    if (n)
        n->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    if (!n || !n->bev) {
        free(n);
        close(fd);
        return;
    }
    n->server = s;
    n->next = s->conns;
    s->conns = n;
    s->count++;
    bufferevent_setcb(n->bev, on_read, on_drained, on_event, n);
    bufferevent_setwatermark(n->bev, EV_READ, 0, CLI_REQUEST_MAX + 4);
    bufferevent_enable(n->bev, EV_READ | EV_WRITE);
}

cv_result cli_server_new(const struct cli_env *env, int listen_fd, struct cli_server **out)
{
    struct cli_server *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return CV_ENOMEM;
    s->env = env;
    evutil_make_socket_nonblocking(listen_fd);
    s->listener = evconnlistener_new(env->base, on_accept, s, 0, 0, listen_fd);
    if (!s->listener) {
        free(s);
        return CV_EIO;
    }
    *out = s;
    return CV_OK;
}

void cli_server_free(struct cli_server *s)
{
    if (!s)
        return;
    while (s->conns)
        conn_free(s->conns);
    evconnlistener_free(s->listener);
    free(s);
}

void cli_server_ping(struct cli_server *s, const struct cv_ping_evt *e)
{
    for (struct conn *n = s->conns; n; n = n->next)
        if (n->call && n->call->pending && n->call->cmd.row->id == CLI_PING)
            cli_ping_event(n->call, e);
}
