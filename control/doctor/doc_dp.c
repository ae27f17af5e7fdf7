#include "control/doctor/doc_dp.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536 };

static void text_get(const json_t *o, const char *key, char *out, size_t room)
{
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(out, room, "%s", text ? text : "");
}

static void engine_get(const json_t *o, struct doc_engine *e)
{
    text_get(o, "name", e->name, sizeof e->name);
    text_get(o, "device", e->device, sizeof e->device);
    text_get(o, "why", e->why, sizeof e->why);
    e->untried = json_is_false(json_object_get(o, "tried"));
    e->usable = json_is_true(json_object_get(o, "usable"));
    e->passed = json_is_true(json_object_get(o, "passed"));
    const json_t *n = json_object_get(o, "transforms");
    e->transforms = json_is_integer(n) ? (int)json_integer_value(n) : -1;
}

static void device_get(const json_t *o, struct doc_device *d)
{
    text_get(o, "name", d->name, sizeof d->name);
    text_get(o, "device", d->device, sizeof d->device);
    text_get(o, "driver", d->driver, sizeof d->driver);
    text_get(o, "why", d->why, sizeof d->why);
}

bool doc_dp_read(struct doc_dp *out, const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    if (!json_is_object(root)) {
        snprintf(out->why, sizeof out->why, "its answer is no JSON: %.200s", root ? "no object" : error.text);
        json_decref(root);
        return false;
    }
    text_get(root, "dpdk", out->dpdk, sizeof out->dpdk);
    text_get(root, "ipsec_mb", out->ipsec_mb, sizeof out->ipsec_mb);
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(root, "engines"), i, row)
    {
        if (out->engine_count < DOC_ENGINES)
            engine_get(row, &out->engines[out->engine_count++]);
    }
    engine_get(json_object_get(root, "configured"), &out->configured);
    text_get(root, "arguments", out->arguments, sizeof out->arguments);
    json_array_foreach(json_object_get(root, "devices"), i, row)
    {
        if (out->device_count < DOC_DEVICES)
            device_get(row, &out->devices[out->device_count++]);
    }
    json_decref(root);
    return out->ran = true;
}

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads until the end of the file or of the time. False when there was more, or no end. */
static bool read_all(int fd, char *out, size_t room)
{
    long long end = now_ms() + DOC_DP_WAIT_S * 1000LL;
    size_t used = 0;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        long long left = end - now_ms();
        if (left <= 0 || used + 1 >= room)
            return false;
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(fd, out + used, room - 1 - used);
        if (n == 0)
            return true;
        if (n > 0)
            out[used += (size_t)n] = '\0';
        else if (errno != EINTR)
            return false;
    }
}

static void child(int to, const char *program, const char *engine, const char *config)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    dup2(to, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    execlp(program, program, "--doctor", "--engine", engine, config ? "--config" : (char *)NULL, config,
           (char *)NULL);
    _exit(127);
}

void doc_dp_ask(struct doc_dp *out, const char *program, const char *engine, const char *config)
{
    static char text[ANSWER_MAX];
    int ends[2], status = 0;
    text[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(out->why, sizeof out->why, "%s", strerror(errno));
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        child(ends[1], program, engine, config);
    close(ends[1]);
    bool whole = pid > 0 && read_all(ends[0], text, sizeof text);
    close(ends[0]);
    if (pid > 0 && !whole)
        kill(pid, SIGKILL);
    if (pid > 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    if (!whole)
        snprintf(out->why, sizeof out->why, "no answer from %s in %d s", program, DOC_DP_WAIT_S);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        snprintf(out->why, sizeof out->why, "%s cannot be run", program);
    else if (WIFSIGNALED(status))
        snprintf(out->why, sizeof out->why, "%s ended by signal %d", program, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(out->why, sizeof out->why, "%s --doctor ended with status %d", program, WEXITSTATUS(status));
    else
        (void)doc_dp_read(out, text);
}
