/* sel_offer: the initiator's half of sel_proposal.h: offers built from the configuration, and the answer held against them. */
#ifndef CONTROL_SELECT_SEL_OFFER_H
#define CONTROL_SELECT_SEL_OFFER_H

#include "control/select/sel_suite.h"

/* All in sel_proposal.h: sel_ike_offers, sel_esp_offers, sel_offers_group, sel_offers_has_group, sel_ike_accept,
 * sel_esp_accept, sel_ike_answer, sel_esp_answer. Shared with the responder: the text of a choice. */
void sel_choice_add(char *out, size_t *at, const char *type, const char *word);

#endif
