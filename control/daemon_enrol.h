/* daemon_enrol: enrolment in the daemon: what the configuration says of it, keys and certificates to the state directory. */
#ifndef CONTROL_DAEMON_ENROL_H
#define CONTROL_DAEMON_ENROL_H

#include "control/daemon_priv.h"
#include "control/pki/pki_enrol.h"

/* After the trust-points have been configured, at start and on every reload. */
CV_MUST_USE cv_result daemon_enrol_configure(struct daemon *d);
/* What the request of a trust-point says, from its lines, hostname and domain, and addresses of interfaces. */
void daemon_enrol_conf(const struct cfg *c, const struct cfg_trustpoint *t, struct pki_enrol_conf *out);
void daemon_enrol_free(struct daemon *d);

#endif
