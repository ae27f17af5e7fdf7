/* pki: the trust-points at run time: which CA certificates are trusted, which certificates and keys are ours, in which order they were
 * installed; and what peers' certificates are worth.
 *
 *   pki_cert    parsed certificates                 pki_store   this: trust-points, installation order
 *   pki_disk    the store under the state directory  pki_sim     simulated CAs and certificates, for explain and dialogues
 *   pki_check   chains, identity, validity           pki_crl, pki_ocsp   revocation, cached
 *   pki_http    bounded, asynchronous fetches        pki_scep, pki_enrol   enrolment
 *
 * A struct pki belongs to one end: the daemon has one, explain one per side. All calls from the control thread. Nothing here blocks. The store
 * does no I/O of its own: what needs the network is asked for through struct pki_env, and what is on disk is read by pki_disk. */
#ifndef CONTROL_PKI_PKI_H
#define CONTROL_PKI_PKI_H

#include "common/log.h"
#include "control/pki/pki_cert.h"

enum { PKI_NAME_MAX = 64, PKI_TRUSTPOINTS_MAX = 64, PKI_URL_MAX = 512, PKI_METHODS_MAX = 3 };

enum pki_method { PKI_METHOD_NONE, PKI_METHOD_CRL, PKI_METHOD_OCSP };

/* What a configuration says of a trust-point, as far as validation needs it (section 4.5). control/pki_conf.c fills it in. */
struct pki_conf {
    char name[PKI_NAME_MAX];
    unsigned method_count; /* revocation-check, tried left to right; default one: CRL */
    enum pki_method methods[PKI_METHODS_MAX];
    bool crl_optional;          /* `crl optional`, `crl best-effort`: one that cannot be had does not count */
    unsigned crl_cache_minutes; /* `crl cache delete-after N`; 0: until its nextUpdate */
    unsigned
        crl_extend_minutes; /* `crl cache extend N`: one that has expired counts so long when no newer one can be had */
    bool crl_cache_none;
    char crl_url[PKI_URL_MAX];  /* `crl query URL`, "" the certificate's own */
    char ocsp_url[PKI_URL_MAX]; /* "" the certificate's own */
    bool ocsp_no_nonce;
    bool
        chain_continue; /* chain-validation continue [PARENT]: up to the parent's anchor or a root, not only this CA */
    char chain_parent[PKI_NAME_MAX];
    uint8_t fingerprint[32]; /* `fingerprint HEX`: of the CA certificate; 16 (MD5), 20 (SHA-1) or 32 octets */
    unsigned fingerprint_len;
};

/* What `match certificate MAP` of a trust-point excuses for one certificate. URLs: NULL none, else they go before all others; they last for the call. */
struct pki_exception {
    bool allow_expired, skip_revocation;
    const char *cdp_url, *ocsp_url;
};

struct pki_env {
    void *ctx;
    int64_t (*wall_s)(void *ctx);  /* since 1970 */
    uint64_t (*now_ms)(void *ctx); /* monotonic */
    void (*random)(void *ctx, uint8_t *out, size_t n);
    /* Starts a GET, or a POST when body.n > 0 (copied). pki_fetched is called later with the same id, once, never from within fetch.
     * False: it cannot be done. NULL: there is no network (explain, dialogues without one). */
    bool (*fetch)(void *ctx, uint64_t id, const char *url, struct slice body, const char *content_type);
    /* Something that waiting negotiations may go on with has arrived or failed: the engine looks at them again. Also called once an hour. NULL allowed. */
    void (*changed)(void *ctx);
    void (*event)(void *ctx, enum log_level level, const char *topic,
                  const char *text); /* topic "validation", "transactions"; NULL allowed */
    /* What the trust-point excuses for this certificate; *out comes zeroed. NULL: nothing. */
    void (*excused)(void *ctx, const char *trustpoint, const struct pki_cert *c, struct pki_exception *out);
};

struct pki;
struct pki *pki_new(const struct pki_env *env); /* NULL: no memory; env is copied */
void pki_free(struct pki *p);

/* ---- trust-points: pki_store.c ---------------------------------------------------------------------------------- */
/* A view, valid until the next call that changes the store. */
struct pki_trustpoint {
    char name[PKI_NAME_MAX];
    struct pki_conf conf;
    struct pki_cert *ca;      /* NULL: not authenticated yet */
    struct pki_cert *own;     /* NULL: not enrolled */
    struct cr_key *key;       /* private; NULL */
    uint64_t own_seq, ca_seq; /* of installation: larger is later; 0 none */
    unsigned chain_count;     /* CA certificates between own and ca, own's issuer first */
    struct pki_cert *chain[PKI_CHAIN_MAX];
    bool simulated; /* explain made it up */
};

/* Makes the trust-points those of `confs`, in this order; what is installed under a name stays; a name that is gone takes its certificates out of use, and so does
 * a fingerprint that is not that of the CA certificate. */
CV_MUST_USE cv_result pki_configure(struct pki *p, const struct pki_conf *confs, unsigned count);
/* In the order of `show crypto pki certificates` (CT-8, G15): own certificates, last installed first; then those without one, as configured. */
unsigned pki_list(const struct pki *p, const struct pki_trustpoint *out[PKI_TRUSTPOINTS_MAX]);
const struct pki_trustpoint *pki_find(const struct pki *p, const char *name);
/* Install: references are taken. seq 0: the next one of this store. CV_EINVAL: the key is not the certificate's, or a CA certificate is none (a
 * CA certificate that a fingerprint is configured for must have it). */
CV_MUST_USE cv_result pki_install_ca(struct pki *p, const char *name, struct pki_cert *ca, uint64_t seq);
CV_MUST_USE cv_result pki_install_own(struct pki *p, const char *name, struct pki_cert *own,
                                      struct cr_key *key, struct pki_cert *const *chain, unsigned chain_count,
                                      uint64_t seq);
void pki_uninstall(struct pki *p, const char *name, bool own, bool ca);
uint64_t pki_last_seq(const struct pki *p);
/* Own certificate is there, has its key, and is valid now (G16). */
CV_MUST_USE bool pki_usable(const struct pki *p, const struct pki_trustpoint *t);

/* ---- what a peer's certificates are worth: pki_check.c ------------------------------------------------------------ */
enum pki_verdict_kind {
    PKI_GOOD,
    PKI_WAIT,      /* a fetch is under way: ask again after env.changed */
    PKI_UNTRUSTED, /* no allowed trust-point issued it: "No suitable trustpoints found" */
    PKI_EXPIRED,
    PKI_NOT_YET,
    PKI_REVOKED,
    PKI_UNKNOWN,   /* its revocation could not be found out, and no method is left */
    PKI_FORBIDDEN, /* constraints, usage, a weak algorithm or key, a chain too long */
    PKI_MALFORMED
};
const char *pki_verdict_text(enum pki_verdict_kind k);

struct pki_verdict {
    enum pki_verdict_kind kind;
    char trustpoint[PKI_NAME_MAX]; /* whose CA it was checked against; "" none */
    char text[PKI_TEXT_MAX];       /* one sentence for people */
};

/* A peer's certificates, parsed and put in order: chain[0] is the end entity. Made without any network; owns references. */
struct pki_chain {
    unsigned count;
    struct pki_cert *certs[PKI_CHAIN_MAX + 1]; /* the last one is the anchor when the verdict was good */
    char trustpoint[PKI_NAME_MAX];
    unsigned offered_count;
    struct pki_cert *offered[PKI_CERTS_MAX];
};
void pki_chain_free(struct pki_chain *c);

/* Takes in the CERT payloads of a message: encoding and octets, the end entity first (RFC 7296 3.6, RFC 4945 3.3). Only parses. Encodings 4 (X.509 signature) and 1
 * (PKCS#7) count; CRLs, hash-and-URL and others are passed over. False: no end entity certificate, or more than PKI_CERTS_MAX; text says. */
struct pki_offer {
    uint8_t encoding;
    struct slice data;
};
CV_MUST_USE bool pki_chain_take(struct pki_chain *c, const struct pki_offer *offers, unsigned count,
                                char text[PKI_TEXT_MAX]);
/* Builds the path to a CA of the trust-points named (count 0: all; CT-9, V2-6) and checks signatures, validity, basic constraints, path length, name
 * constraints, key usage (digitalSignature or nonRepudiation; RFC 4945 5.1.3), extended key usage (none, anyExtendedKeyUsage, id-kp-ipsecIKE, or serverAuth/clientAuth).
 * Bounded work: at most PKI_CERTS_MAX * PKI_CHAIN_MAX signature checks. No network, no revocation. */
struct pki_verdict pki_chain_check(struct pki *p, struct pki_chain *c, const char *const *trustpoints,
                                   unsigned count);
/* Revocation by the trust-point's list, left to right. Call it only when the peer has proved that it has the key: URLs of a certificate that merely was sent are not
 * followed (CVE-2022-40617). May start fetches and return PKI_WAIT. stapled: an OCSP response that came along (RFC 4806), or empty. */
struct pki_verdict pki_chain_revoked(struct pki *p, struct pki_chain *c, struct slice stapled);

/* ---- fetches: pki_fetch.c ------------------------------------------------------------------------------------------------ */
enum { PKI_FETCH_MAX = 8388608, PKI_FETCH_MS = 15000, PKI_FETCHES_MAX = 32 };
/* What came for an id: status 200, or 0 for none with a text. Octets are copied. */
void pki_fetched(struct pki *p, uint64_t id, unsigned status, struct slice data, const char *error);
/* Refreshes CRLs before they expire, forgets what is old; call it about once a second. Returns ms until it next wants to be called. */
uint64_t pki_tick(struct pki *p);

struct pki_crl_info { /* `show crypto pki crls` */
    char issuer[PKI_TEXT_MAX], source[PKI_URL_MAX];
    int64_t this_update, next_update, fetched;
    size_t size;
    unsigned revoked_count;
};
unsigned pki_crls(const struct pki *p, struct pki_crl_info *out, unsigned room);
void pki_crls_clear(struct pki *p);
/* Asks for the trust-point's CRL anew (`crypto pki crl request`). */
CV_MUST_USE cv_result pki_crl_request(struct pki *p, const char *trustpoint, char err[PKI_TEXT_MAX]);
/* Known to be revoked, itself or a CA above it, by what is cached: for disconnect-revoked-peers. */
CV_MUST_USE bool pki_known_revoked(const struct pki *p, const struct pki_cert *c);

#endif
