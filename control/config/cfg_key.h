/* cfg_key: arguments that several IKE commands share: keys, identities, prefixes with masks, DPD timers. */
#ifndef CONTROL_CONFIG_CFG_KEY_H
#define CONTROL_CONFIG_CFG_KEY_H

#include "control/config/cfg_parser.h"

/* [0|6|hex] KEY into *out, replacing it (wiped); `no` leaves it empty. Type 6 is refused: there is no master key. */
void cfg_key_take(struct cfg_parser *p, const struct cfg_match *m, struct secret *out);
/* The same where the key is not the first word but the n-th (from 0). */
void cfg_key_take_word(struct cfg_parser *p, const struct cfg_match *m, unsigned n, struct secret *out);
/* ADDR, A.B.C.D MASK or ADDR/N. The all-zero address alone means any (as KR-10). */
CV_MUST_USE bool cfg_key_prefix(const struct cfg_match *m, struct ip_prefix *out);
/* {address .. | fqdn [domain] F | email [domain] E | key-id K | dn | any}. On false *out is empty and the error is noted. */
bool cfg_key_identity(struct cfg_parser *p, const struct cfg_match *m, struct cfg_id *out);
/* An address or an interface with the VRF it is in, or nothing on `no`. */
void cfg_key_local(struct cfg_parser *p, const struct cfg_match *m, struct cfg_isakmp_local *out);
/* <interval> [<retry>] [on-demand|periodic]; retry 2 s by default (section 5); unset on `no`. */
struct cfg_dpd cfg_key_dpd(const struct cfg_match *m);

#endif
