/* dp_cmd: culvertd's commands, each field of them judged before anything changes.
 *
 * The manager's lcore only. */
#ifndef DATAPLANE_DP_CMD_H
#define DATAPLANE_DP_CMD_H

#include "dataplane/dp_manager.h"

/* Executes g->cmd and answers it (SA_DEL answers after its grace period, SA_DUMP at its end). */
void dp_cmd_run(struct dp_manager *g);
/* Goes on with an SA_DUMP while the event ring has room. */
void dp_cmd_dump(struct dp_manager *g);
/* What the outer path leaves for inner packets, of 32,768 SAs, and the next time of the next ones: about every 100 ms, so that a million have been
 * looked at after three seconds. */
void dp_cmd_refresh_mtu(struct dp_manager *g);
/* At once, of one GRE tunnel. */
void dp_cmd_refresh_gre(struct dp_manager *g, uint32_t if_id);
/* The same at once for one outbound SA, and what depends on it. */
void dp_cmd_refresh_sa(struct dp_manager *g, uint32_t slot);
/* Room in the event ring for a command's answers. */
bool dp_cmd_has_room(const struct dp_manager *g);

#endif
