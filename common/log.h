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

/* Before this, and with sink NULL, lines go to stderr as "PROGRAM: LEVEL: text". */
void log_setup(const char *program, enum log_level most, log_sink *sink, void *ctx);
void log_set_level(enum log_level most);
CV_MUST_USE bool log_level_parse(const char *text, enum log_level *out); /* error warning info debug */
void log_write(enum log_level level, const char *fmt, ...) CV_PRINTF(2, 3);
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* A token bucket: `burst` events at once, then one per `every_ms`. Zeroed state starts full. */
struct log_limit {
    uint32_t burst, every_ms;
    uint64_t last_ms;
    uint32_t tokens;
    bool started;
    uint64_t suppressed; /* since the last allowed one */
};
CV_MUST_USE bool log_limit_ok(struct log_limit *l, uint64_t now_ms);

#endif
