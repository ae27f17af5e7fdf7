/* daemon: the control process: IKE engine, link to the data plane, state, clients, in one event loop, unprivileged.
 *
 * Started by the parent (parent.h) with everything open that needs privileges. */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H

#include "common/log.h"
#include "control/config/cfg.h"

struct daemon_start {
    struct cfg *cfg; /* ownership passes */
    const char *config_file;
    int broker;          /* rt_broker.h, to the parent */
    int cli_fd;          /* listening */
    int state_dir;       /* directory descriptor */
    int keylog_fd;       /* -1: off */
    const char *metrics; /* ADDRESS:PORT; NULL: off */
};

/* Runs until SIGTERM or SIGINT; returns the exit status. */
int daemon_run(const struct daemon_start *start);

#endif
