/* cfg_pmap: prefixes to numbers, with exact and longest match; keeps the linter quick on ten thousand tunnels.
 *
 * Prefixes of different spaces (VRFs) never meet. Open addressing over all prefix lengths that occur; a longest match tries each of them once. */
#ifndef CONTROL_CONFIG_CFG_PMAP_H
#define CONTROL_CONFIG_CFG_PMAP_H

#include "common/addr.h"

struct cfg_pmap_slot {
    struct ip_prefix prefix;
    unsigned space, value;
    bool used;
};

struct cfg_pmap {
    struct cfg_pmap_slot *slots;
    size_t mask; /* slots - 1, a power of two less one */
    bool lengths[2][129];
};

/* Room for n prefixes. CV_ENOMEM. */
CV_MUST_USE cv_result cfg_pmap_init(struct cfg_pmap *m, unsigned n);
void cfg_pmap_free(struct cfg_pmap *m);
/* The value of a prefix in a space, put in with `value` when it was not there (*fresh). Never more prefixes than promised. */
unsigned *cfg_pmap_put(struct cfg_pmap *m, unsigned space, const struct ip_prefix *p, unsigned value,
                       bool *fresh);
/* The longest prefix of the space that holds a: its value, and its length in *len; NULL when none does. */
const unsigned *cfg_pmap_longest(const struct cfg_pmap *m, unsigned space, const struct ip_addr *a, int *len);

#endif
