/* sel: which profile, key, policy and proposal apply: pure functions over a configuration, each returning
 * its choice AND the trace of why. The debug log, `show crypto decisions` and `explain` print the trace.
 *
 * Rules by their names in ios-semantics: PF-1, PF-3, PF-8, KR-11, G4, G5, section 4.4. Nothing here keeps
 * state or sees the wire. Returned pointers live as long as the configuration. */
#ifndef CONTROL_SELECT_SEL_H
#define CONTROL_SELECT_SEL_H

#include "common/buf.h"
#include "control/config/cfg_model.h"

enum { SEL_MAX_CANDIDATES = 32, SEL_TEXT_MAX = 256 };

enum sel_kind { SEL_KEYRING, SEL_PROFILE, SEL_TRUSTPOINT, SEL_PROPOSAL, SEL_POLICY };
const char *sel_kind_text(enum sel_kind k); /* "keyring", "profile", ... as in the JSON of explain */

struct sel_trace {
    enum sel_kind kind;
    const char *rule;          /* "PF-8", static */
    char chosen[SEL_TEXT_MAX]; /* "" when none */
    unsigned candidate_count;
    struct {
        char name[CFG_NAME_MAX];
        char why[SEL_TEXT_MAX];
        bool matched;
    } candidates[SEL_MAX_CANDIDATES];
    char text[SEL_TEXT_MAX]; /* one sentence for people */
};

/* A peer's or our own identity as on the wire. type is enum pld_id_type's number (1 IPv4, 2 FQDN, 3 e-mail, 5 IPv6, 9 DN, 11 key-id). */
struct sel_id_cert;
struct sel_id {
    uint8_t type;
    struct slice data;
    const struct sel_id_cert
        *cert; /* what the peer's certificate says, for `match certificate` (sel_certmap.h); NULL: none */
};
/* "192.0.2.1", "R1.cisco.com", "user@example.com", key-id printable or as hex; returns out (SEL_TEXT_MAX). */
const char *sel_id_text(const struct sel_id *id, char *out);

/* Responder: the profile for IDi (PF-3, PF-8, G4, G5): complete profiles whose fVRF and local address fit; most specific match wins; equal ones:
 * the last configured (tie rule in one function, sel_profile_tie). NULL when none. */
const struct cfg_ikev2_profile *sel_ikev2_profile(const struct cfg *c, const char *fvrf,
                                                  const struct ip_addr *local, const struct sel_id *idi,
                                                  struct sel_trace *trace);
/* True when id satisfies a match line of p (initiator's check of IDr, G30). specificity: larger is more specific (G5). */
CV_MUST_USE bool sel_ikev2_profile_matches(const struct cfg_ikev2_profile *p, const struct sel_id *id,
                                           unsigned *specificity);
/* KR-11: the key from the profile's keyring only. Responder looks up by identity, then by address; initiator by address or hostname
 * then by identity. local_key, remote_key: views into the configuration; for_signing ours, for_verifying the peer's. The key in the
 * profile's own `authentication ... pre-share key` wins over the keyring. NULL peer block and key lengths 0 when there is none. */
struct sel_psk {
    bool found;
    struct slice local_key, remote_key;
    const struct cfg_ikev2_peer *peer; /* NULL when the key stands in the profile */
    bool
        id_of_another; /* not found: the identity is an address of another peer block than the source address's */
};
struct sel_psk sel_ikev2_psk(const struct cfg *c, const struct cfg_ikev2_profile *p, bool initiator,
                             const struct ip_addr *peer_addr, const char *peer_host,
                             const struct sel_id *peer_id, struct sel_trace *trace);
/* The IKEv2 policy for (fVRF, local address): fVRF + address beats fVRF beats any (section 4.4). The builtin default when nothing else is configured. */
const struct cfg_ikev2_policy *sel_ikev2_policy(const struct cfg *c, const char *fvrf,
                                                const struct ip_addr *local, struct sel_trace *trace);

/* Our identity on the wire under a profile: text and octets in `data` (storage owned by the caller). local: our address. G29. */
CV_MUST_USE bool sel_local_id(const struct cfg_ikev2_profile *p, const struct ip_addr *local,
                              struct sel_id *out, uint8_t data[CFG_TEXT_MAX]);

/* The profile an initiator uses for a tunnel (PF-1, PF-2): bound by the IPsec profile, else the most specific that covers the peer address. */
const struct cfg_ikev2_profile *sel_ikev2_profile_for_tunnel(const struct cfg *c,
                                                             const struct cfg_interface *tunnel,
                                                             struct sel_trace *trace);

#endif
