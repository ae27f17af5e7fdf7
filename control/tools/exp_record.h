/* exp_record: how a negotiation is written down: the callbacks of both engines end here. Internal to control/tools. */
#ifndef CONTROL_TOOLS_EXP_RECORD_H
#define CONTROL_TOOLS_EXP_RECORD_H

#include "control/tools/exp_sim.h"

/* The recorder: a record that grows. Where memory runs out the record says so (out_of_memory) and takes no more. */
struct exp_recorder {
    struct exp_record *r;
    unsigned message_cap, decision_cap, error_cap, event_cap;
    char handling[2][EXP_NAME_MAX]; /* the message that was delivered to the end last */
    unsigned last_sent[2];          /* of the end's messages: its place from 1; 0 none yet */
};

void exp_recorder_message(struct exp_recorder *w, enum exp_end on, uint64_t now_ms, const struct ike_note *n);
/* A datagram of message `place` (last_sent, when it left) reaches the end. */
void exp_recorder_delivered(struct exp_recorder *w, enum exp_end to, unsigned place);
/* One that was told already, since the message before, is not told again: retransmissions ask the same questions. */
void exp_recorder_decision(struct exp_recorder *w, enum exp_end on, const char *at,
                           const struct sel_trace *t);
/* An event; one that names a reason code ("Tunnel1: no-psk: ...", "no-psk: ...") is a complaint, too. */
void exp_recorder_event(struct exp_recorder *w, enum exp_end on, uint64_t now_ms, const struct ike_event *e);

#endif
