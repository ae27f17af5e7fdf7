/* sel_offer: the initiator's half of sel_proposal.h: offers built from the configuration, and the answer held against them. */
#ifndef CONTROL_SELECT_SEL_OFFER_H
#define CONTROL_SELECT_SEL_OFFER_H

#include "control/select/sel_suite.h"

/* The entries are in sel_proposal.h. Here: appends "TYPE WORD" to the text of a choice of SEL_TEXT_MAX octets, *at long. */
void sel_choice_add(char *out, size_t *at, const char *type, const char *word);

#endif
