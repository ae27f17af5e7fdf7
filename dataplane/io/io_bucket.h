/* io_bucket: a token bucket in one word of state: the time up to which its rate is used up (GCRA).
 *
 * Divides only when it is made. Belongs to one thread. */
#ifndef DATAPLANE_IO_IO_BUCKET_H
#define DATAPLANE_IO_IO_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct io_bucket_rate {
    uint64_t cost;  /* TSC cycles per packet at the allowed rate */
    uint64_t depth; /* ... of the allowed burst */
};

static inline struct io_bucket_rate io_bucket_rate_make(uint64_t tsc_hz, uint32_t per_second, uint32_t burst)
{
    uint64_t cost = tsc_hz / per_second;
    return (struct io_bucket_rate){cost, cost * burst};
}

/* False: over the rate. horizon: the bucket, zero when new. */
static inline bool io_bucket_take(const struct io_bucket_rate *r, uint64_t *horizon, uint64_t now)
{
    uint64_t from = *horizon > now ? *horizon : now;
    if (from - now > r->depth)
        return false;
    *horizon = from + r->cost;
    return true;
}

#endif
