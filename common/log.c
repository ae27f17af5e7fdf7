#include "common/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *program_name = "culvert";
static log_sink *current_sink;
static void *sink_ctx;
static atomic_int most_level = LOG_LEVEL_INFO;
static _Thread_local bool inside_sink;

void log_setup(const char *program, enum log_level most, log_sink *sink, void *ctx)
{
    pthread_mutex_lock(&lock);
    program_name = program ? program : "culvert";
    current_sink = sink;
    sink_ctx = ctx;
    pthread_mutex_unlock(&lock);
    log_set_level(most);
}

void log_set_level(enum log_level most)
{
    atomic_store_explicit(&most_level, (int)most, memory_order_relaxed);
}

enum log_level log_most(void)
{
    return (enum log_level)atomic_load_explicit(&most_level, memory_order_relaxed);
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Peers choose parts of what is logged (identities, vendor IDs): a line stays one line. */
static void tame(char *line)
{
    for (; *line; line++)
        if ((unsigned char)*line < 0x20 || *line == 0x7f)
            *line = '?';
}

static void to_stderr(enum log_level level, const char *line)
{
    fprintf(stderr, "%s: %s: %s\n", program_name, level_names[level], line);
}

void log_write(enum log_level level, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&most_level, memory_order_relaxed) || level > LOG_LEVEL_DEBUG)
        return;
    char line[LOG_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    size_t len = strlen(line);
    while (len && line[len - 1] == '\n')
        line[--len] = '\0';
    tame(line);

    if (inside_sink) {
        to_stderr(level, line);
        return;
    }
    pthread_mutex_lock(&lock);
    inside_sink = true;
    if (current_sink)
        current_sink(sink_ctx, level, line);
    else
        to_stderr(level, line);
    inside_sink = false;
    pthread_mutex_unlock(&lock);
}

static void refill(struct log_limit *l, uint32_t full, uint64_t now_ms)
{
    uint64_t passed = now_ms > l->last_ms ? now_ms - l->last_ms : 0;
    uint64_t fresh = l->every_ms ? passed / l->every_ms : full;
    if (fresh >= full - l->tokens) {
        l->tokens = full;
        l->last_ms = now_ms > l->last_ms ? now_ms : l->last_ms;
    } else {
        l->tokens += (uint32_t)fresh;
        l->last_ms += fresh * l->every_ms; /* the part of an interval that has passed is kept */
    }
}

bool log_limit_ok(struct log_limit *l, uint64_t now_ms)
{
    uint32_t full = l->burst ? l->burst : 1;
    if (!l->started) {
        l->started = true;
        l->tokens = full;
        l->last_ms = now_ms;
    }
    if (l->tokens > full)
        l->tokens = full;
    refill(l, full, now_ms);
    if (!l->refusing)
        l->suppressed = 0;
    l->refusing = l->tokens == 0;
    if (l->refusing)
        l->suppressed++;
    else
        l->tokens--;
    return !l->refusing;
}
