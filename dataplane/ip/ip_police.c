#include "dataplane/ip/ip_police.h"

enum { BITS = 8 };

void ip_police_set(struct ip_police *p, uint64_t bps, uint32_t burst, uint64_t tsc_hz)
{
    p->full_at = 0;
    /* Of a clock of 10 GHz and the least rate, times the longest packet: 2^63.1 */
    p->per_octet = ((tsc_hz * BITS) << (IP_POLICE_SHIFT + IP_POLICE_FRACTION)) / bps;
    p->depth = (uint64_t)(((unsigned __int128)p->per_octet * burst) >> IP_POLICE_SHIFT);
}
