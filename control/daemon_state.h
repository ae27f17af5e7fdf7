/* daemon_state: when culvert.state is written, and what it says about child SAs. */
#ifndef CONTROL_DAEMON_STATE_H
#define CONTROL_DAEMON_STATE_H

#include "control/daemon_priv.h"

void daemon_dirty(struct daemon *d); /* something to be remembered changed: written soon */
void daemon_save(struct daemon *d);  /* now */
/* For ike_adopt_end: what is left of the time of an adopted child, by its cookie; a minute for one that is
 * not in the file. */
uint64_t daemon_remaining_s(void *ctx, uint64_t cookie);

#endif
