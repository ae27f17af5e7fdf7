/* exp_points: LN-8, whether the two ends of a pair go by the same CAs. Internal to control/tools. */
#ifndef CONTROL_TOOLS_EXP_POINTS_H
#define CONTROL_TOOLS_EXP_POINTS_H

#include "control/config/cfg.h"

enum { EXP_POINTS_TEXT = 160 };

/* One end's: what its profile allows, all trust-points if it names none. */
struct exp_points {
    bool signs;          /* certificates may be used at all */
    const char *profile; /* "" none bound */
    int line;            /* of the profile; 0 none */
    bool listed;         /* the profile names some */
    unsigned count;
    const char *names[64];
};
void exp_points_of(const struct cfg *c, const struct cfg_ipsec_profile *ipsec, enum cfg_ike_version version,
                   struct exp_points *out);
/* Both sign, one of them names trust-points, and they are not of the same CAs: by their CA certificates in the files, else by enrollment url, else by name. */
CV_MUST_USE bool exp_points_differ(const struct cfg *const c[2], const struct exp_points p[2]);
/* "IOSCA1, IOSCA2"; "all: ..." where the profile names none. Returns out. */
const char *exp_points_text(const struct exp_points *p, char out[EXP_POINTS_TEXT]);

#endif
