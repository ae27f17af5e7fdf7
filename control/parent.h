/* parent: the small privileged half of culvertd. It starts, watches and restarts the control process and culvert-dp,
 * opens for the control process what that may not open itself (rt_broker.h), and passes signals on.
 *
 * It parses the configuration for the platform section alone and never sees a datagram. */
#ifndef CONTROL_PARENT_H
#define CONTROL_PARENT_H

#include "common/log.h"
#include "control/config/cfg.h"
#include "control/runtime/rt_privs.h"

struct parent_options {
    const char *config_file, *run_dir, *state_dir;
    const char *keylog_file; /* NULL: off */
    const char *metrics;     /* ADDRESS:PORT, as given; NULL: off */
    struct rt_user user;     /* of the control process */
    bool no_dataplane, foreground;
    enum log_level level;
    log_sink *sink; /* set again in the background, where stderr leads nowhere */
};

/* Runs until it is told to stop; takes cfg over. Returns the exit status of culvertd. In the background the first process
 * returns as soon as clients are answered. */
int parent_run(const struct parent_options *o, struct cfg *cfg);

#endif
