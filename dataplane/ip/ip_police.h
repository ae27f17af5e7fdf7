/* ip_police: a token bucket in time: how long it takes until it is full again (the generic cell rate algorithm).
 *
 * One word of state, changed by compare and swap: any worker may ask, and together they never let more pass than one burst and
 * the rate. No division; a packet costs one multiplication and one locked instruction. */
#ifndef DATAPLANE_IP_IP_POLICE_H
#define DATAPLANE_IP_IP_POLICE_H

#include <stdbool.h>
#include <stdint.h>

/* Time is counted in 1/256 of a TSC cycle: at 100 Gb/s a small packet costs few cycles. It wraps after months. */
enum { IP_POLICE_FRACTION = 8, IP_POLICE_SHIFT = 16 };
/* By so much other workers' clocks may be ahead, some seconds; what is further ahead is long past, and has wrapped. */
#define IP_POLICE_SKEW (UINT64_C(1) << 40)

struct ip_police {
    uint64_t full_at;   /* atomic, any worker. In the past: it is full */
    uint64_t per_octet; /* time << IP_POLICE_SHIFT; 0: everything passes */
    uint64_t depth;     /* time in which an empty bucket fills */
};

/* bps: bits a second, 8000 and more; burst: octets. Full at first. */
void ip_police_set(struct ip_police *p, uint64_t bps, uint32_t burst, uint64_t tsc_hz);

/* Does a packet pass at TSC `tsc`? Takes its octets out of the bucket if it does. */
static inline bool ip_police_pass(struct ip_police *p, uint32_t octets, uint64_t tsc)
{
    const uint64_t cost = (p->per_octet * octets) >> IP_POLICE_SHIFT, now = tsc << IP_POLICE_FRACTION;
    uint64_t was = __atomic_load_n(&p->full_at, __ATOMIC_RELAXED), missing;
    if (p->per_octet == 0)
        return true;
    do {
        missing = was - now;
        if (missing > p->depth + IP_POLICE_SKEW)
            missing = 0;
        if (missing + cost > p->depth)
            return false;
    } while (!__atomic_compare_exchange_n(&p->full_at, &was, now + missing + cost, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

#endif
