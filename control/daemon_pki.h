/* daemon_pki: culvertd's trust-points: the store, what lies of it under the state directory, fetches for revocation, warnings before certificates end. */
#ifndef CONTROL_DAEMON_PKI_H
#define CONTROL_DAEMON_PKI_H

#include "control/daemon_priv.h"

/* Makes d->pki from d->cfg and the state directory; before the engine is made. */
CV_MUST_USE cv_result daemon_pki_init(struct daemon *d);
/* Once the engine and the event loop are there: fetches may tell it of changes from now on. */
void daemon_pki_start(struct daemon *d);
/* d->cfg is a new one. */
void daemon_pki_reload(struct daemon *d);
void daemon_pki_stop(struct daemon *d); /* before the engine is freed: no fetch calls it any more */
void daemon_pki_free(struct daemon *d); /* after it */

#endif
