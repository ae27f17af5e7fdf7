/* sel_suite: what the responder's choice and the initiator's offers share: the lists of a proposal, the words for messages.
 * Internal to control/select. */
#ifndef CONTROL_SELECT_SEL_SUITE_H
#define CONTROL_SELECT_SEL_SUITE_H

#include "control/select/sel_proposal.h"

enum { SEL_PRFS_MAX = 8 };

/* The PRFs of a proposal; without a `prf` line those of its integrity algorithms. */
unsigned sel_suite_prfs(const struct cfg_ikev2_proposal *p, uint16_t out[SEL_PRFS_MAX]);
/* The transform sets of a profile in order; without a line the set named default. NULL when i is past the last or the set is
 * not there. */
const struct cfg_transform_set *sel_suite_set(const struct cfg *c, const struct cfg_ipsec_profile *p,
                                              unsigned i);
/* AH alone. */
bool sel_suite_set_ah(const struct cfg_transform_set *s);
/* The integrity algorithm of its protocol; CV_INTEG_NONE of an AEAD. */
uint16_t sel_suite_set_integ(const struct cfg_transform_set *s);
/* A set that may be offered or taken: ESP with integrity, or AH alone with another algorithm than HMAC-MD5 (RFC 8221 6); never encryption
 * alone, never both protocols (RFC 4301 13). */
bool sel_suite_set_usable(const struct cfg_transform_set *s);
unsigned sel_suite_set_count(const struct cfg_ipsec_profile *p);

bool sel_offer_has(const struct sel_offer *o, uint8_t type, uint16_t id, uint16_t key_bits);
bool sel_offer_has_type(const struct sel_offer *o, uint8_t type);
/* True when every transform type is one of the mask's bits (1 << type); else *other is the first that is not. */
CV_MUST_USE bool sel_offer_types_known(const struct sel_offer *o, unsigned mask, uint8_t *other);

/* The word of one transform ("aes-cbc-128", "14"), or of all of one type of an offer ("2, 14"). */
void sel_suite_word(uint8_t proto, uint8_t type, uint16_t id, uint16_t key_bits, char *out, size_t out_len);
void sel_suite_words(const struct sel_offer *o, uint8_t type, char *out, size_t out_len);
/* "encryption", "prf", "integrity", "group", "esn". */
const char *sel_suite_type(uint8_t type);

#endif
