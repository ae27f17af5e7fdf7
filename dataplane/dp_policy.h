/* dp_policy: the policies of ports: the transaction of CV_CMD_POLICY_*, and their publication.
 *
 * A transaction per port: BEGIN (anew, when one was open), ADD its rows, COMMIT. A row that is refused makes the
 * transaction fail as a whole: a policy that lacks one row is another policy. Until a COMMIT succeeds the old policy
 * is in force; when it is answered no worker uses the old one any more.
 *
 * The manager's, but for dp_policy_get, which is any worker's between two quiescent states. */
#ifndef DATAPLANE_DP_POLICY_H
#define DATAPLANE_DP_POLICY_H

#include "dataplane/dp.h"

struct dp_policy_open; /* a transaction */

struct dp_policy_opens {
    struct dp_policy_open *first;
};

/* CV_ENOENT: no such port; CV_EINVAL: the interface is no port. */
CV_MUST_USE cv_result dp_policy_begin(struct dp *dp, struct dp_policy_opens *o, uint32_t if_id);
/* CV_ENOENT: no transaction for its port; CV_EINVAL: a row that makes no sense; CV_ENOSPC: over CV_POLICY_ROWS_MAX. */
CV_MUST_USE cv_result dp_policy_add(struct dp_policy_opens *o, const struct cv_policy *row);
/* Ends the transaction, whatever it says. CV_ENOENT: there is none, or a row's flow is no flow interface; CV_EINVAL: a row was
 * refused; else what ip_policy_new says. On an error the port keeps its policy; one that has none yet lets nothing pass then but
 * IKE and ESP, until a COMMIT succeeds: what is to be protected must not go in clear because its policy was refused. */
CV_MUST_USE cv_result dp_policy_commit(struct dp *dp, struct dp_policy_opens *o, uint32_t if_id);
/* The port has been removed (0: all have): its policy and its transaction go with it. */
void dp_policy_remove(struct dp *dp, struct dp_policy_opens *o, uint32_t if_id);
/* Forgets all transactions: culvertd is gone. */
void dp_policy_abandon(struct dp_policy_opens *o);

static inline const struct ip_policy *dp_policy_get(const struct dp *dp, uint32_t if_id)
{
    return __atomic_load_n(&dp->policies[if_id], __ATOMIC_ACQUIRE);
}

#endif
