/* rt_loop: the clock, the randomness and the timers of culvertd, over getrandom, CLOCK_MONOTONIC and libevent.
 *
 * One event base per process, one thread. */
#ifndef CONTROL_RUNTIME_RT_LOOP_H
#define CONTROL_RUNTIME_RT_LOOP_H

#include "common/result.h"

#include <stddef.h>
#include <stdint.h>

struct event;
struct event_base;

uint64_t rt_now_ms(void);  /* monotonic, since an arbitrary start */
uint64_t rt_wall_ms(void); /* since 1970, UTC */
/* Cryptographically strong. Ends the process when the kernel has none to give: no key is ever made of less. */
void rt_random(uint8_t *out, size_t n);
/* "2026-11-21T01:37:08Z" (RFC 3339); out holds RT_TIME_TEXT_MAX. Returns out. */
enum { RT_TIME_TEXT_MAX = 32 };
const char *rt_time_text(uint64_t wall_ms, char *out);

/* A base that does not care about the process environment. NULL when memory is short. */
struct event_base *rt_loop_new(void);
/* (Re-)arms a timer event for rt_now_ms() == at_ms, at once when that has passed; UINT64_MAX disarms it. */
void rt_timer_at(struct event *timer, uint64_t at_ms);

#endif
