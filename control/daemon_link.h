/* daemon_link: the control process and the data plane: connection, greeting, reconciliation after a restart of either,
 * and the engine's view of it (struct sam_link). */
#ifndef CONTROL_DAEMON_LINK_H
#define CONTROL_DAEMON_LINK_H

#include "control/daemon_priv.h"

CV_MUST_USE cv_result daemon_link_init(struct daemon *d);
/* Asks the parent for a connection; tries again by itself until there is one, and after each loss. */
void daemon_connect(struct daemon *d);
/* As many workers as the configuration says, of a data plane that runs. */
void daemon_workers(struct daemon *d);
/* Reply to CV_CMD_WORKERS (rt_reply_fn; ctx: struct daemon): a refusal goes to the log. */
void daemon_on_workers(void *ctx, const struct cv_evt *reply);
/* Sends what leads from `was` to `want` and remembers the latter (apply.h). */
void daemon_apply(struct daemon *d, const struct apply_set *was, const struct apply_set *want, bool again);

#endif
