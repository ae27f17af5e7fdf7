#include "control/runtime/rt_loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static uint64_t clock_read(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

uint64_t rt_now_ms(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

uint64_t rt_wall_ms(void)
{
    return clock_read(CLOCK_REALTIME);
}

void rt_random(uint8_t *out, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(out, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("culvertd: the kernel gives no random octets\n", stderr);
            abort();
        }
        out += got;
        n -= (size_t)got;
    }
}

const char *rt_time_text(uint64_t wall_ms, char *out)
{
    time_t s = (time_t)(wall_ms / 1000u);
    struct tm tm;
    if (!gmtime_r(&s, &tm) || strftime(out, RT_TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, RT_TIME_TEXT_MAX, "-");
    return out;
}

struct event_base *rt_loop_new(void)
{
    struct event_config *c = event_config_new();
    if (!c)
        return NULL;
    event_config_set_flag(c, EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(c);
    event_config_free(c);
    return base;
}

void rt_timer_at(struct event *timer, uint64_t at_ms)
{
    if (at_ms == UINT64_MAX) {
        evtimer_del(timer);
        return;
    }
    uint64_t now = rt_now_ms(), wait = at_ms > now ? at_ms - now : 0;
    struct timeval tv = {(time_t)(wait / 1000u), (suseconds_t)(wait % 1000u) * 1000};
    evtimer_add(timer, &tv);
}
