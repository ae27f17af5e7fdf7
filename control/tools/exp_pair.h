/* exp_pair: which tunnel of one end belongs to which of the other: by their addresses, which must mirror each other. */
#ifndef CONTROL_TOOLS_EXP_PAIR_H
#define CONTROL_TOOLS_EXP_PAIR_H

#include "control/tools/exp_side.h"

enum { EXP_MEMBERS_MAX = 64 };

/* What is brought up at once: a protected tunnel, or the permit lines of one crypto map entry on one port. */
struct exp_unit {
    char name[CFG_NAME_MAX]; /* "Tunnel1", "VPN#10@Ethernet0/0" */
    const struct cfg_interface *first;
    bool has_local;
    struct ip_addr local;  /* its source */
    struct ip_addr remote; /* its destination; IP_NONE: any */
    enum cfg_ike_version version;
    bool answers_only; /* responder-only, or no destination to begin with */
    unsigned member_count;
    const char *members[EXP_MEMBERS_MAX]; /* names for ike_up, of the configuration */
};

struct exp_units {
    unsigned count;
    struct exp_unit *unit;
};
CV_MUST_USE cv_result exp_units_of(const struct cfg *c, struct exp_units *out);
void exp_units_free(struct exp_units *u);
/* By its name, or by that of one of its members, or of its map; NULL none. Names abbreviate as interfaces do ("tu1"). */
const struct exp_unit *exp_unit_find(const struct exp_units *u, const char *name);

/* One of each end; mirrored: each goes to where the other comes from. */
struct exp_pair {
    char name[2][CFG_NAME_MAX];
    bool mirrored;
};
struct exp_pairs {
    unsigned count;
    struct exp_pair *pair;
    unsigned left_out[2]; /* units of an end that go elsewhere, when there are mirrored pairs */
};
/* The mirrored pairs; when there are none, the one nearest to it. only: a name of either end; NULL all. CV_ENOENT: an end has nothing
 * that is protected, or nothing of that name; why says so. */
CV_MUST_USE cv_result exp_pairs_of(const struct exp_units u[2], const char *only, struct exp_pairs *out,
                                   char *why, size_t why_len);
void exp_pairs_free(struct exp_pairs *p);
bool exp_pair_mirrors(const struct exp_unit *a, const struct exp_unit *b);

#endif
