/* pki_conf: the trust-points of a configuration as control/pki wants them, and the certificates that stand in it.
 *
 * Used by culvertd at start and on every reload, and by explain for each side. */
#ifndef CONTROL_PKI_CONF_H
#define CONTROL_PKI_CONF_H

#include "control/config/cfg_model.h"
#include "control/pki/pki_csr.h"

/* pki_configure with the configuration's trust-points, in its order. CV_EINVAL: more than PKI_TRUSTPOINTS_MAX. */
CV_MUST_USE cv_result pki_conf_apply(struct pki *p, const struct cfg *c);

/* For pki_env.excused: what the first `match certificate MAP` of the trust-point whose map takes the certificate excuses. */
void pki_conf_excused(const struct cfg *c, const char *trustpoint, const struct pki_cert *cert,
                      struct pki_exception *out);

/* What a trust-point asks for in its request: subject-name, fqdn (of the host when it names none), ip-address. The serial number and the hash stay with
 * the caller. */
void pki_conf_subject(const struct cfg *c, const struct cfg_trustpoint *t, struct pki_subject *out);

struct pki_conf_env {
    void *ctx;
    /* The private key of that public half, a new reference; NULL: not here. t says which label the configuration names. NULL allowed: there are none. */
    struct cr_key *(*key)(void *ctx, const struct cfg_trustpoint *t, const struct cr_key *public);
    /* A certificate that is not used, and why; line of the configuration. NULL allowed. */
    void (*say)(void *ctx, int line, const char *text);
};
/* Installs what `crypto pki certificate chain` blocks hold for trust-points that have nothing of that kind installed: what was enrolled here is newer than what stands in
 * a file. The CA certificate is the one that issued our own, else the first CA of the block. Own certificates need their key, and are numbered by the start of their
 * validity, the oldest first, for that is when they were enrolled; at the same second as they stand in the file (G15). Returns how many certificates were
 * installed. */
unsigned pki_conf_install(struct pki *p, const struct cfg *c, const struct pki_conf_env *env);

#endif
