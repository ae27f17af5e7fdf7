/* ike_cert: trust-points and certificates as both versions of IKE use them: the list that control/select chooses from, what is sent of our own
 * chain, and a peer's chain on its way from CERT payloads to a verdict.
 *
 * The order of a peer's proof is the caller's: take, check (no network), its signature, then revoked (which may ask the network, and so only for
 * who has proved to have the key, CVE-2022-40617), then has_id. Nothing here changes an SA but ike_cert_keep. */
#ifndef CONTROL_IKE_IKE_CERT_H
#define CONTROL_IKE_IKE_CERT_H

#include "control/ike/ike_sa.h"
#include "control/pki/pki.h"
#include "control/select/sel_certmap.h"
#include "control/select/sel_trust.h"

/* How long a negotiation waits for the network at most, and how often a peer that repeats itself has its message looked at meanwhile. */
enum { IKE_CERT_WAIT_MS = 30000, IKE_CERT_AGAIN_MS = 1000 };
/* Encodings of CERT and CERTREQ (RFC 7296 3.6, RFC 2408 3.9; RFC 4806). */
enum { IKE_CERT_PKCS7 = 1, IKE_CERT_X509 = 4, IKE_CERT_OCSP = 14 };

/* What `authentication ...` calls a key: CFG_AUTH_RSA_SIG, or CFG_AUTH_ECDSA_SIG for all elliptic curves, Ed25519 among them (our divergence). */
enum cfg_auth ike_cert_auth(enum cr_key_kind k);
/* Whether this end has trust-points at all. */
bool ike_cert_any(const struct ike *e);
/* The trust-points in the order of pki_list. One whose own certificate has a key that is none of `kinds` (bits of enum cfg_auth) is not usable.
 * Its views hold until the store changes: for one decision. */
void ike_cert_trust(struct ike *e, unsigned kinds, struct sel_trust *out);
/* What is sent of our own chain: our certificate, the CAs between, and the trust-point's CA if it is not a root (RFC 4945 3.3.5, RFC 7296 3.6).
 * Borrowed. 0: it has no certificate. */
enum { IKE_CERT_SENT_MAX = PKI_CHAIN_MAX + 2 };
unsigned ike_cert_own(const struct pki_trustpoint *t, struct pki_cert *out[IKE_CERT_SENT_MAX]);

/* Texts for people of an identity on the wire, DNs among them; returns out (SEL_TEXT_MAX). */
const char *ike_id_text(uint8_t type, struct slice data, char *out);

/* Payloads for notes (struct ike_note): "CERT(cn=R1,o=cisco by cn=CA2)" with subject and issuer, cut to fit, and "CERTREQ(cn=CA2,o=cisco,o=com)" with the CAs by their names:
 * in IKEv2 those that this end knows, of others the first digits of the hash. Return out. */
enum { IKE_CERT_NOTE_MAX = 256 };
const char *ike_cert_note(uint8_t encoding, struct slice data, char out[IKE_CERT_NOTE_MAX]);
const char *ike_cert_note_asked1(struct slice dn, char out[IKE_CERT_NOTE_MAX]);
const char *ike_cert_note_asked2(const struct ike *e, struct slice hashes, char out[IKE_CERT_NOTE_MAX]);

/* A peer's certificates under examination. Zero it first; ike_cert_peer_free in any case. */
struct ike_cert_peer {
    struct pki_chain chain;
    struct slice stapled; /* OCSP response that came along (RFC 4806); a view */
    enum ike_reason why;  /* of a failure */
    char text[PKI_TEXT_MAX];
};
void ike_cert_peer_free(struct ike_cert_peer *p);
/* Parses the CERT payloads. False: none of use, with why and text. */
CV_MUST_USE bool ike_cert_take(struct ike *e, const struct ike_sa *sa, const struct pki_offer *offers,
                               unsigned count, struct ike_cert_peer *p);
/* What it says, for the choice of a profile; views that live as long as p. NULL when nothing was taken. */
const struct sel_id_cert *ike_cert_facts(const struct ike *e, const struct ike_cert_peer *p,
                                         struct sel_id_cert *out);
/* Chain, validity, constraints, against the trust-points named (CT-9, V2-6). */
CV_MUST_USE bool ike_cert_check(struct ike *e, const struct ike_sa *sa, const struct sel_trust_names *names,
                                struct ike_cert_peer *p);
/* The end entity's key; after ike_cert_take. */
const struct cr_key *ike_cert_key(const struct ike_cert_peer *p);
enum ike_cert_state { IKE_CERT_GOOD, IKE_CERT_BAD, IKE_CERT_WAITS };
/* Revocation. last: it has waited long enough; what is not known now is not known. */
enum ike_cert_state ike_cert_revoked(struct ike *e, const struct ike_sa *sa, bool last,
                                     struct ike_cert_peer *p);
/* RFC 4945 3.1: the identity is the certificate's. */
CV_MUST_USE bool ike_cert_has_id(struct ike *e, const struct ike_sa *sa, uint8_t type, struct slice id,
                                 struct ike_cert_peer *p);
/* The SA is authenticated by it: remembers certificate and trust-point. */
void ike_cert_keep(struct ike_sa *sa, const struct ike_cert_peer *p);

/* pki_env.changed: what waits for the network is looked at again, and peers whose certificates are known to be revoked by now are
 * disconnected where the configuration says so. */
void ike_pki_changed(struct ike *e);

#endif
