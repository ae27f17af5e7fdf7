/* rt_broker: the few privileged things that the unprivileged control process asks its parent for, over a
 * socket pair: one octet asks; two octets answer, '+' or '-' and the question's, with a descriptor when it is yes.
 *
 * The child can name no path: the parent knows which file and which socket are meant. */
#ifndef CONTROL_RUNTIME_RT_BROKER_H
#define CONTROL_RUNTIME_RT_BROKER_H

#include "common/result.h"

#include <stdbool.h>

enum rt_broker_ask {
    RT_ASK_CONFIG = 'C',   /* the configuration file, opened for reading */
    RT_ASK_DP = 'D',       /* a connection to RUN/dp.sock */
    RT_ASK_ACCEPTED = 'A', /* the configuration just read is in force; no descriptor comes back */
    RT_ASK_READY = 'R', /* clients are answered and the data plane is configured; no descriptor comes back */
};

/* Child, blocking for at most timeout_ms. *fd is -1 when none came. CV_ENOENT: refused or not there (yet). */
CV_MUST_USE cv_result rt_broker_call(int sock, enum rt_broker_ask ask, int timeout_ms, int *fd);
/* Parent: takes one question; CV_EIO when the child is gone. */
CV_MUST_USE cv_result rt_broker_take(int sock, enum rt_broker_ask *ask);
/* Parent: answers, without ever waiting for the child; ok false refuses. fd -1: none. fd stays the caller's. */
CV_MUST_USE cv_result rt_broker_answer(int sock, enum rt_broker_ask ask, bool ok, int fd);

#endif
