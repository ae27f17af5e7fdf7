/* sel_trust: which trust-points are asked for, which one signs, which may have issued the peer's certificate. Pure functions with
 * traces, as those of sel.h.
 *
 * Rules by their names in ios-semantics: CT-1 .. CT-9, CT-14, CT-16, CT-17, V2-2 .. V2-9, G14 .. G18, G28, G32. */
#ifndef CONTROL_SELECT_SEL_TRUST_H
#define CONTROL_SELECT_SEL_TRUST_H

#include "control/select/sel.h"

enum { SEL_TRUST_MAX = 64, SEL_TRUST_HASH = 20 };

/* A trust-point as the rules see it: the engine fills the list from control/pki in the order of pki_list (CT-8, G15: the certificate enrolled last
 * first, then those without one, as configured). */
struct sel_trustpoint {
    const char *name;
    bool has_ca;            /* authenticated */
    struct slice ca_dn;     /* subject of the CA certificate, DER */
    const uint8_t *ca_hash; /* SHA-1 of its key (RFC 7296 3.7) */
    const char *ca_text;    /* the DN for people */
    bool usable; /* own certificate with its key, valid now (G16), and of a kind that the method signs with */
    uint64_t seq; /* of installation, 0 none */
    /* CAs above ca that its certificates' chain runs to, as CERTREQs may name those (RFC 7296 3.7, RFC 4945 3.2.7.2) */
    unsigned parent_count;
    struct {
        struct slice dn;
        const uint8_t *hash;
    } parents[4];
};
struct sel_trust {
    unsigned count;
    struct sel_trustpoint tps[SEL_TRUST_MAX];
};

/* Trust-points, as indexes into sel_trust, in order. */
struct sel_trust_list {
    unsigned count;
    unsigned at[SEL_TRUST_MAX];
};

/* CT-1, CT-2, CT-8, CT-16, G14: the CERTREQs of an initiator's MM3 under `profile` (its `ca trust-point` lines in the order of the list, nothing else), or with
 * none, or as responder (CT-3: the profile is not consulted), all. One per CA name; without a CA certificate there is none. */
struct sel_trust_list sel1_certreqs(const struct sel_trust *t, bool initiator,
                                    const struct cfg_isakmp_profile *profile, struct sel_trace *trace);
/* V2-2, V2-9: the responder's in IKE_SA_INIT: all (profile NULL). G28: in IKE_AUTH those that the profile verifies with, all if it names none. */
struct sel_trust_list sel2_certreqs(const struct sel_trust *t, const struct cfg_ikev2_profile *profile,
                                    struct sel_trace *trace);

/* What the peer asks for, in the order of its payloads: DNs (IKEv1) or key hashes (IKEv2). An empty DN (RFC 4945 3.2.4) stands for any CA. */
struct sel_trust_asked {
    unsigned count;
    struct slice ca[SEL_TRUST_MAX]; /* DER of a DN, or SEL_TRUST_HASH octets */
};
/* CT-5, CT-6, G16, G32: the trust-point whose certificate and key prove us: the first CERTREQ that one of ours fits; as initiator whose profile names
 * trust-points only those count, whatever happens. None fits: that initiator's first named one that is usable; for all others the first usable one of the list.
 * -1: none is usable.
 * dn_equal compares two names (pki_dn_equal). */
int sel1_sign(const struct sel_trust *t, bool initiator, const struct cfg_isakmp_profile *profile,
              const struct sel_trust_asked *asked, bool (*dn_equal)(struct slice, struct slice),
              struct sel_trace *trace);
/* V2-3, V2-5, V2-7, G17, G18: initiator: first in CERTREQ order among the profile's trust-points to sign with; a profile without any: -1, with rule V2-5 in the trace.
 * Responder: the same among the profile's, or all if it names none; nothing asked for or nothing fits: the profile's first usable one. */
int sel2_sign(const struct sel_trust *t, bool initiator, const struct cfg_ikev2_profile *profile,
              const struct sel_trust_asked *asked, struct sel_trace *trace);

/* CT-9, CT-14, V2-6, V2-7: the names that the peer's certificate may be checked against; count 0 and all true: any. Views into the configuration.
 * IKEv2: a profile whose trust-points are all `sign` names none to verify with, and one whose are all `verify` none to sign with. */
struct sel_trust_names {
    bool all;
    unsigned count;
    const char *names[8];
};
struct sel_trust_names sel1_verify(const struct cfg_isakmp_profile *profile, struct sel_trace *trace);
struct sel_trust_names sel2_verify(const struct cfg_ikev2_profile *profile, struct sel_trace *trace);

#endif
