/* v1_fsm: IKEv1's transitions as a table: (state, exchange, message number) -> handler. The only place a message is dispatched. */
#ifndef CONTROL_IKEV1_V1_FSM_H
#define CONTROL_IKEV1_V1_FSM_H

#include "control/ikev1/v1.h"

#include <stdio.h>

struct v1_row {
    enum v1_state state;
    uint8_t exchange; /* enum pld1_exchange */
    uint8_t number;   /* of the message in its exchange, as pld1_check_rules counts */
    const char *name; /* "MM3" */
    v1_handler *handler;
    const char *text; /* what it does and where it leads */
};
/* The row of the next message of `exchange` in this state; quick: the Quick Mode it belongs to, NULL for a new one or another exchange.
 * NULL: such a message is not expected. */
const struct v1_row *v1_row(enum v1_state state, uint8_t exchange, const struct v1_xchg *quick);
/* The whole table, one line per transition: `STATE | exchange number | text`. */
void v1_fsm_print(FILE *out);

#endif
