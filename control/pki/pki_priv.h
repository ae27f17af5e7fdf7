/* pki_priv: the inside of struct pki, for the files of this folder alone. */
#ifndef CONTROL_PKI_PKI_PRIV_H
#define CONTROL_PKI_PKI_PRIV_H

#include "control/pki/pki.h"

/* Names whose certificates are kept although the configuration has lost them, beside the configured ones. */
enum { PKI_SLOTS_MAX = 2 * PKI_TRUSTPOINTS_MAX };

/* One name. What is installed stays in the slot while the configuration does not have it. */
struct pki_slot {
    struct pki_trustpoint tp;
    bool configured;
};

struct pki {
    struct pki_env env;
    unsigned count; /* configured ones first, in the order of the configuration */
    struct pki_slot *slots[PKI_SLOTS_MAX];
    uint64_t last_seq;

    /* Caches and fetches of pki_crl, pki_ocsp, pki_fetch: made by them when first needed; pki_free calls the function. */
    void *revocation;
    void (*revocation_free)(struct pki *p);
};

int64_t pki_wall_s(const struct pki *p);
/* One event for env.event; nothing when nobody listens. */
void pki_say(const struct pki *p, enum log_level level, const char *topic, const char *fmt, ...)
    CV_PRINTF(4, 5);

#endif
