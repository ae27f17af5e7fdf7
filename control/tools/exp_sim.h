/* exp_sim: one negotiation of two real IKE engines over a simulated wire: virtual clock, seeded randomness, a data plane that only
 * remembers its SAs. Everything that was said, chosen and complained about is written down in order.
 *
 * Nothing waits: a minute of retransmissions takes microseconds. The same input gives the same record, octet by octet. */
#ifndef CONTROL_TOOLS_EXP_SIM_H
#define CONTROL_TOOLS_EXP_SIM_H

#include "control/ike/ike.h"

enum exp_end { EXP_A, EXP_B };
enum { EXP_NAME_MAX = 48, EXP_PAYLOAD_MAX = 256, EXP_LINE_MAX = 400 };

/* A message as it left its sender. Retransmissions are counted on the first. */
struct exp_message {
    char name[EXP_NAME_MAX]; /* "MM1", "IKE_AUTH request" */
    enum exp_end from;
    uint64_t at_ms;
    unsigned again; /* how often it was sent once more */
    bool received;  /* it reached the other end at least once */
    uint32_t conn_id, message_id;
    unsigned payload_count;
    char (*payloads)[EXP_PAYLOAD_MAX];
};

/* `after`: how many messages had been sent before. */
struct exp_decision {
    enum exp_end on;
    char at[EXP_NAME_MAX];
    unsigned after;
    struct sel_trace t;
};

/* A complaint with its reason code, from the event log of an end. */
struct exp_error {
    enum exp_end on;
    enum ike_reason reason;
    char interface[CV_NAME_MAX]; /* "" none */
    char text[EXP_LINE_MAX];
    char at[EXP_NAME_MAX]; /* the message that the end was handling; "" none yet */
    unsigned after;
};

struct exp_event {
    enum exp_end on;
    unsigned after;
    uint64_t at_ms;
    enum log_level level;
    char facility[16];
    char text[EXP_LINE_MAX];
};

struct exp_record {
    enum exp_end initiator;
    char refused[SEL_TEXT_MAX]; /* why the initiator could not even begin; "" it did */
    bool never;                 /* ... and is not meant to: it only answers */
    bool phase1[2];             /* the end had an established IKE SA */
    bool up;                    /* every child asked for is installed at both ends, with the same keys */
    char profile[2][CFG_NAME_MAX], interface[2][CV_NAME_MAX]; /* once up: what was used */
    char child[EXP_LINE_MAX];                                 /* once up: transform and selectors */
    unsigned children;                                        /* SA pairs */
    uint64_t took_ms;                                         /* virtual */
    unsigned message_count, decision_count, error_count, event_count;
    struct exp_message *messages;
    struct exp_decision *decisions;
    struct exp_error *errors;
    struct exp_event *events;
    bool out_of_memory;
};

struct exp_pki; /* exp_pki.h */

/* `names`: what the initiator brings up (tunnels, or the flows of one crypto map entry); count of them. pki: the certificates of both ends, and the
 * time of day; NULL: none. The configurations must outlive the call only. *out is the caller's (exp_record_free). CV_ENOMEM; CV_EAGAIN when time stood still, which is a fault of an engine. */
CV_MUST_USE cv_result exp_sim(const struct cfg *const cfg[2], const struct exp_pki *pki,
                              enum exp_end initiator, const char *const *names, unsigned count,
                              struct exp_record **out);
void exp_record_free(struct exp_record *r);

static inline enum exp_end exp_other(enum exp_end e)
{
    return e == EXP_A ? EXP_B : EXP_A;
}

#endif
