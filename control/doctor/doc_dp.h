/* doc_dp: what only the data plane's program knows: DPDK's and ipsec-mb's versions, and the known-answer tests of the crypto engines. */
#ifndef CONTROL_DOCTOR_DOC_DP_H
#define CONTROL_DOCTOR_DOC_DP_H

#include "control/doctor/doc.h"

/* Runs `program --doctor --engine WORD`, with --config FILE unless that is NULL, and reads its JSON; waits for it, at most DOC_DP_WAIT_S seconds. Fills out->why when it has no answer. */
enum { DOC_DP_WAIT_S = 60 };
void doc_dp_ask(struct doc_dp *out, const char *program, const char *engine, const char *config);
/* The part that reads the text. False with out->why when it is none. */
bool doc_dp_read(struct doc_dp *out, const char *json);

#endif
