/* sel_v1: IKEv1's choices: which pre-shared key before anyone's identity is known, which ISAKMP profile after, and whether the
 * two agree. Pure functions with traces, as those of sel.h.
 *
 * Rules by their names in ios-semantics: KR-2 .. KR-10, PF-1 .. PF-7, G3, G5, G7 .. G12, G23. The tie rules stand in one function
 * each. Returned pointers live as long as the configuration. */
#ifndef CONTROL_SELECT_SEL_V1_H
#define CONTROL_SELECT_SEL_V1_H

#include "control/select/sel.h"

/* Where a packet runs. fvrf NULL or "": global; local NULL: not known, any `local-address` fits. */
struct sel_v1_path {
    const char *fvrf;
    const struct ip_addr *local, *peer;
};

/* A key is told by the keyring it stands in, an object, not by its octets (KR-7). Both NULL: none. */
struct sel_v1_key {
    const struct cfg_isakmp_keyring *keyring;
    const struct cfg_isakmp_key *key;
};

/* ---- keyrings: sel_keyring1.c ---------------------------------------------------------------------------------- */
/* The key for the peer of the path.
 * profile not NULL (KR-2, G7): its keyrings alone, the longest mask, of equals the one of the keyring listed first; a profile
 * without keyrings has the keyring default.
 * profile NULL (KR-3 as initiator, KR-5 as responder): in the global VRF the keyring default first, whatever matches there (KR-9); then the
 * longest mask over all keyrings of the fVRF, of equals the first configured (KR-6).
 * id not NULL: Aggressive Mode, which knows the peer's identity: a key by that host name comes before any by address (G9). In Main Mode
 * give NULL; host-name keys are then not looked at (KR-5.1). */
struct sel_v1_key sel_v1_key(const struct cfg *c, const struct cfg_isakmp_profile *profile, bool initiator,
                             const struct sel_v1_path *path, const struct sel_id *id,
                             struct sel_trace *trace);
/* KR-6: of two keys of equal masks, the one that is taken: the first. `earlier` stands before `later` in the order of the search. */
struct sel_v1_key sel_v1_key_tie(struct sel_v1_key earlier, struct sel_v1_key later);
/* Whether two are one keyring of the configuration. By name, which is unique, so that it holds across a reload. */
CV_MUST_USE bool sel_v1_same_keyring(const struct cfg_isakmp_keyring *a, const struct cfg_isakmp_keyring *b);
/* KR-7, the responder at MM5: the keyring whose key made SKEYID is one of the profile's (G7: any of them; none named: default).
 * Equal passwords in another keyring do not help. profile NULL: there is nothing to compare (PF-6), true. */
CV_MUST_USE bool sel_v1_keyring_agrees(const struct cfg *c, const struct cfg_isakmp_profile *profile,
                                       const struct cfg_isakmp_keyring *used, struct sel_trace *trace);

/* ---- profiles: sel_profile1.c ------------------------------------------------------------------------------------ */
/* The profile for a peer's identity (PF-3, G3, G5): the most specific match line; of equals the first configured (PF-4). NULL: none
 * matches, and the SA goes on with the global settings (PF-6, G11). path->peer is not looked at. */
const struct cfg_isakmp_profile *sel_v1_profile(const struct cfg *c, const struct sel_v1_path *path,
                                                const struct sel_id *id, struct sel_trace *trace);
/* Whether id satisfies a match line of p (G30). */
CV_MUST_USE bool sel_v1_profile_matches(const struct cfg_isakmp_profile *p, const struct sel_id *id);
/* PF-4: of two profiles that match equally well, the one that is taken: the first configured. */
const struct cfg_isakmp_profile *sel_v1_profile_tie(const struct cfg_isakmp_profile *earlier,
                                                    const struct cfg_isakmp_profile *later);
/* The initiator's: what the IPsec profile of the tunnel binds (PF-1), else the most specific one whose address match covers the
 * destination (PF-2). NULL: none, which is no error (KR-3); *refused (may be NULL) is true when there must be no IKEv1 for this tunnel: it is
 * not protected, IKEv2's, or bound to a profile that is not there. */
const struct cfg_isakmp_profile *sel_v1_profile_for_tunnel(const struct cfg *c,
                                                           const struct cfg_interface *tunnel, bool *refused,
                                                           struct sel_trace *trace);
/* Whether Quick Mode of an IKE SA under `profile` (NULL: none) may use this IPsec profile: one without a binding takes any (G12), a bound one
 * only its own (PF-7, G11); one that IKEv2 negotiates none. */
CV_MUST_USE bool sel_v1_entry_accepts(const struct cfg *c, const struct cfg_ipsec_profile *entry,
                                      const struct cfg_isakmp_profile *profile, struct sel_trace *trace);
/* Whether a keyring's or profile's local address is that of the path (G10). */
CV_MUST_USE bool sel_v1_local_fits(const struct cfg *c, const struct cfg_isakmp_local *x,
                                   const struct ip_addr *local);

#endif
