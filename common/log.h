/* log: one line per event to a sink, with a level; rate limits for what the wire can provoke.
 *
 * Never called by a worker. Each process sets its sink once at start; calls are thread-safe. Secrets are
 * never logged. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/result.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

typedef void log_sink(void *ctx, enum log_level level, const char *line);

/* Before this, and with sink NULL, lines go to stderr as "PROGRAM: LEVEL: text". `program` must live on.
 * A line reaches the sink without its newline, cut at LOG_LINE_MAX octets, control characters as '?'. The
 * sink is called with a lock held; what it logs itself goes to stderr. */
enum { LOG_LINE_MAX = 1024 };
void log_setup(const char *program, enum log_level most, log_sink *sink, void *ctx);
void log_set_level(enum log_level most);
enum log_level log_most(void);                                           /* as set */
CV_MUST_USE bool log_level_parse(const char *text, enum log_level *out); /* error warning info debug */
void log_write(enum log_level level, const char *fmt, ...) CV_PRINTF(2, 3);
#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* A token bucket: `burst` events at once (0 counts as 1), then one per `every_ms`. Zeroed state starts
 * full. Not thread-safe: one owner. */
struct log_limit {
    uint32_t burst, every_ms;
    uint64_t last_ms;
    uint32_t tokens;
    bool started;
    bool refusing;
    uint64_t suppressed; /* after a true answer: how many were refused since the true answer before it */
};
CV_MUST_USE bool log_limit_ok(struct log_limit *l, uint64_t now_ms);

#endif
