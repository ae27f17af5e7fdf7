/* v2_fsm: the transition table of IKEv2, and what is sent and awaited for each kind of task. */
#ifndef CONTROL_IKEV2_V2_FSM_H
#define CONTROL_IKEV2_V2_FSM_H

#include "control/ikev2/v2.h"

#include <stdio.h>

struct v2_kind {
    const char *name;
    uint8_t exchange; /* enum pld_exchange */
    v2_build_fn *build;
    v2_response_fn *response;
};
const struct v2_kind *v2_kind(enum v2_task_kind kind);

struct v2_row {
    enum v2_state state;
    uint8_t exchange;
    bool response;
    v2_request_fn *request; /* requests; NULL for the rest */
    bool by_task;           /* responses: the task in flight names the handler */
    const char *text;
};
/* NULL: the message is not expected in this state. IKE_SA_INIT has rows, too, for v2_init.c. */
const struct v2_row *v2_row(enum v2_state state, uint8_t exchange, bool response);
/* The table as lines of text "state | exchange | direction | what happens". */
void v2_fsm_print(FILE *out);

#endif
