/* ike_reason: why a negotiation failed: stable strings, the same in logs, JSON and metrics. */
#ifndef CONTROL_IKE_IKE_REASON_H
#define CONTROL_IKE_IKE_REASON_H

#define IKE_REASONS(X)                                                                                       \
    X(NONE, "none", "no error")                                                                              \
    X(NO_PSK, "no-psk", "no pre-shared key for this peer in the profile's keyring")                          \
    X(KEYRING_MISMATCH, "keyring-mismatch", "the key came from another keyring than the profile's")          \
    X(BAD_PSK, "bad-psk", "the pre-shared keys of the two ends differ")                                      \
    X(NO_PROFILE, "no-profile", "no profile matches the peer's identity")                                    \
    X(PROFILE_MISMATCH, "profile-mismatch", "the tunnel is bound to another profile")                        \
    X(NO_PROPOSAL, "no-proposal", "no proposal in common")                                                   \
    X(TS_UNACCEPTABLE, "ts-unacceptable", "no traffic selectors in common")                                  \
    X(NO_CERTIFICATE, "no-certificate", "no certificate to authenticate with")                               \
    X(CERT_UNTRUSTED, "cert-untrusted", "the peer's certificate is of an untrusted issuer")                  \
    X(CERT_REVOKED, "cert-revoked", "the peer's certificate is revoked")                                     \
    X(CERT_EXPIRED, "cert-expired", "the peer's certificate has expired")                                    \
    X(CERT_NOT_YET, "cert-not-yet-valid", "the peer's certificate is not valid yet")                         \
    X(CERT_UNKNOWN, "cert-unknown-status", "whether the peer's certificate is revoked cannot be found out")  \
    X(CERT_FORBIDDEN, "cert-forbidden", "the peer's certificate may not be used for this")                   \
    X(CERT_MALFORMED, "cert-malformed", "the peer's certificates cannot be read")                            \
    X(CERT_BUILD_FAILED, "cert-build-failed", "the certificate payload could not be built")                  \
    X(AUTH_FAILED, "auth-failed", "the peer refused our authentication")                                     \
    X(ID_MISMATCH, "id-mismatch", "the peer's identity is not the one its profile asks for")                 \
    X(TIMEOUT, "timeout", "the peer does not answer")                                                        \
    X(INVALID_KE, "invalid-ke", "no common Diffie-Hellman group")                                            \
    X(INVALID_SYNTAX, "invalid-syntax", "a message was malformed")                                           \
    X(DOS_LIMIT, "dos-limit", "too many negotiations at once")                                               \
    X(PEER_DELETED, "peer-deleted", "the peer deleted the SA")                                               \
    X(DPD_DEAD, "dpd-dead", "the peer no longer answers dead peer detection")                                \
    X(LIFETIME, "lifetime", "the SA's lifetime ended before a new one was up")                               \
    X(CLEARED, "cleared", "cleared by an operator")                                                          \
    X(NO_ROUTE, "no-route", "no usable source address or route to the peer")                                 \
    X(NO_RESOURCES, "no-resources", "memory or SA table full")                                               \
    X(PEER_REFUSED, "peer-refused", "the peer answered with an error")                                       \
    X(CHILD_FAILED, "child-failed", "the peer refused the child SA")                                         \
    X(REPLACED, "replaced", "a newer SA took over")                                                          \
    X(SHUTDOWN, "shutdown", "the daemon stops")                                                              \
    X(INTERNAL, "internal", "an internal error")

enum ike_reason {
#define IKE_REASON_ENUM(id, name, text) IKE_REASON_##id,
    IKE_REASONS(IKE_REASON_ENUM)
#undef IKE_REASON_ENUM
        IKE_REASON_COUNT
};
const char *ike_reason_name(enum ike_reason r); /* "bad-psk" */
const char *ike_reason_text(enum ike_reason r);

#endif
