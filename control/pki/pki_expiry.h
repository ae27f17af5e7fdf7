/* pki_expiry: warns of certificates that end soon: 30, 14, 7, 3 and 1 days before, and when they have ended, once each.
 *
 * A certificate that is first seen with ten days left is warned of at once, and then at 7. What has been said is forgotten with the process. */
#ifndef CONTROL_PKI_PKI_EXPIRY_H
#define CONTROL_PKI_PKI_EXPIRY_H

#include "control/pki/pki.h"

/* Own, CA and chain certificates of all trust-points. */
enum { PKI_EXPIRY_MAX = PKI_TRUSTPOINTS_MAX * (PKI_CHAIN_MAX + 2) };

struct pki_expiry {
    unsigned count;
    struct {
        uint8_t fingerprint[PKI_FINGERPRINT_LEN];
        unsigned said; /* steps gone through; 0 none yet */
    } seen[PKI_EXPIRY_MAX];
};

/* Whole days until it ends; below 0: since it has. */
int64_t pki_days_left(const struct pki_cert *c, int64_t now_s);
/* Calls warn for what is due now. A zeroed struct starts; call it about once an hour, or more often. Returns how many it warned of. */
unsigned pki_expiry_check(struct pki_expiry *x, const struct pki *p, int64_t now_s,
                          void (*warn)(void *ctx, enum log_level level, const char *text), void *ctx);

#endif
