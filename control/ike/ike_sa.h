/* ike_sa: the IKE SA and the session, as shared by the engine and the versions. Internal to ike, ikev1, ikev2.
 *
 * An ike_sa belongs to its engine (table by conn_id and by SPI pair); only ike_sa_new and ike_sa_remove make and end it.
 * A session is one protected tunnel (interface): its wish, its IKE SA, its last error. */
#ifndef CONTROL_IKE_IKE_SA_H
#define CONTROL_IKE_IKE_SA_H

#include "control/crypto/cr_keymat2.h"
#include "control/ike/ike.h"
#include "control/ike/ike_ops.h"
#include "control/sa/sam.h"

#include <uthash.h>

struct pki_cert;

struct ike_session {
    char interface[CV_NAME_MAX];
    const struct cfg_interface *tunnel; /* of the running configuration; NULL when it was removed */
    uint32_t conn_id;                   /* current IKE SA, 0 none */
    uint32_t former_conn_id;            /* the one before, maybe still there when both ends began at once */
    bool wanted;                        /* `up`, acquire or adopted children ask for it */
    bool persistent; /* retried until `down`; else given up after some failures, until traffic asks again */
    bool up_since_set;
    uint64_t up_since_ms;
    bool has_error;
    struct ike_error last_error;
    uint64_t stray_at_ms;       /* ESP of unknown SPI asked for it last; 0 never (ike_stray.c) */
    uint64_t retry_at_ms;       /* next attempt when wanted; UINT64_MAX: one is under way, or it is up */
    unsigned failures;          /* in a row */
    unsigned peer_turn;         /* crypto maps: which of the entry's peers is tried */
    struct ike_silence silence; /* of the last negotiation that ended in a timeout; known false: none */
    struct ike_session *next_changed; /* in ike.changed, while is_changed: ike_status.c */
    bool is_changed, told_up;
    unsigned told_version;
    struct ip_endpoint told_peer;
    char told_id[64];
    bool resume, resume_persistent; /* while ike_dp_lost and ike_reconfigure work */
    UT_hash_handle hh;              /* by interface name */
};

enum { IKE_ID_MAX = 512 }; /* octets of an identity: room for a DN */

/* How an end proves itself, as shown. */
enum ike_auth { IKE_AUTH_NONE, IKE_AUTH_PSK, IKE_AUTH_RSA, IKE_AUTH_ECDSA, IKE_AUTH_EDDSA };
const char *ike_auth_text(enum ike_auth a); /* "PSK", "RSA"; "" */

/* What identifies an initial exchange before there are two SPIs (RFC 7296 2.1): who asks, in which VRF and version. Zero its padding: it is
 * hashed as bytes. */
struct ike_init_key {
    uint8_t spi_i[8];
    struct ip_endpoint remote;
    uint16_t vrf, version;
};

struct ike_sa {
    uint32_t conn_id;
    const struct ike_version_ops *ops;
    void *v;        /* version's own part */
    bool initiator; /* original initiator of this SA: owns spi_i, sets the I flag */
    bool established;
    bool given_up;  /* session and children know; what follows is its last exchange */
    bool half_open; /* counted against the limits, responder before authentication */
    bool dead;      /* to be removed when the current event is done; nothing else may happen to it */
    uint8_t spi_i[8], spi_r[8];
    uint8_t spi_own[8]; /* the one we chose: key of the table */
    struct ip_endpoint local, remote;
    struct ip_addr
        auth_remote; /* the peer's address in the initial exchange: what tunnels are chosen by; `remote` may move */
    uint16_t vrf;
    bool natt;                               /* floated to 4500 */
    bool nat_local, nat_remote;              /* we / the peer are behind a NAT */
    char state[32];                          /* printed name of the version's state */
    char session[CV_NAME_MAX];               /* interface of its session, "" not known yet */
    const struct cfg_ikev2_profile *profile; /* NULL until selected */
    const struct cfg_isakmp_profile
        *profile1; /* IKEv1: NULL until selected, and for good when none matches (PF-6) */
    uint8_t peer_id_type;
    uint8_t peer_id[IKE_ID_MAX];
    size_t peer_id_len;
    char peer_tag
        [CFG_NAME_MAX +
         1]; /* the keyring's peer block whose key proved it; "" the profile's own key; "\n" and the trust-point of its certificate */
    struct pki_cert *peer_cert;        /* that proved it; NULL: a pre-shared key did */
    unsigned char auth_own, auth_peer; /* enum ike_auth: how each has proved itself */
    bool waits; /* a message of the peer is put aside until control/pki knows more: ops->pki_changed */
    uint8_t local_id_type;
    uint8_t local_id[IKE_ID_MAX];
    size_t local_id_len;
    struct cr_keys2 keys; /* IKEv2 */
    uint64_t created_ms, established_ms;
    uint64_t lifetime_s;
    uint64_t stray_told_ms;     /* the peer was told of an SPI that nobody has; 0 never (ike_stray.c) */
    uint64_t selectors_told_ms; /* ... of a packet outside its selectors; 0 never (ike_bad.c) */
    uint64_t last_in_ms;        /* last authenticated message from the peer */
    /* What went out since anything came with its SPIs, authentic or not: for diagnosis alone */
    unsigned sent_unheard;
    uint64_t unheard_since_ms;
    bool heard, heard_natt;
    /* ... and in the present state: ends that repeat themselves hear each other and get no further */
    unsigned sent_stuck;
    uint64_t stuck_since_ms;
    char stuck_state[32];
    uint64_t timer_at; /* next time the version wants ops->timer; UINT64_MAX none; set it with ike_sa_timer */
    unsigned heap_at;  /* its place in the engine's timer heap */
    struct ike_sa *next_half_open, *prev_half_open; /* while half_open: of its address, by age */
    struct ip_addr limit_addr;                      /* while half_open: the address it is counted under */
    struct ike_init_key init_key; /* responder: finds the SA of a retransmitted first message */
    bool in_init_table;
    struct ike_peer *peer;                      /* established: of its identity ... */
    struct ike_sa *next_of_peer, *prev_of_peer; /* ... and the others of it, ike_peer.c */
    struct ike_address *at;                     /* established: of its authenticated address ... */
    struct ike_sa *newer_at, *older_at;         /* ... and the others there, ike_peer.c */
    struct ike_sa *next_dead;                   /* to be freed at the end of the event */
    UT_hash_handle hh_conn, hh_spi, hh_init;
};

/* ---- engine services for the versions (control/ike/ike_core.c and neighbours) ------------------------------------- */
struct ike {
    struct ike_env env;
    const struct cfg *cfg;
    const struct ike_version_ops *versions[3];
    struct sam *sam;
    struct ike_sa *by_conn, *by_spi, *by_init; /* uthash heads */
    struct ike_sa **heap;                      /* by timer_at */
    unsigned heap_count, heap_cap;
    struct ike_sa *dead;       /* freed by ike_reap */
    uint64_t session_timer_at; /* earliest retry; may be too early, never too late */
    struct ike_session *sessions;
    struct ike_session *changed; /* ike_status.c */
    struct ike_counters counters;
    uint32_t last_conn_id;
    unsigned half_open;           /* as responder */
    uint8_t cookie_secret[2][32]; /* current and previous (RFC 7296 2.6) */
    uint8_t cookie_version;
    uint64_t cookie_rotate_at;
    struct log_limit unauth_limit; /* log lines that unauthenticated packets can cause */
    struct log_limit answer_limit; /* unprotected error answers, likewise (2.21.4) */
    struct log_limit
        proved_limit; /* ... to who has returned a cookie: who forges addresses does not use these up */
    enum log_level watch_level; /* ike_watch */
    bool watch_messages;
    const struct ike_datagram *in;      /* being handled; NULL otherwise */
    const struct ike_session *starting; /* whose negotiation begins; NULL otherwise */
    bool stopping;
    bool forgetting;        /* ike_free: nothing is told to the data plane any more */
    void *halfopen_peers;   /* per-address counts, ike_limit.c */
    struct ike_peer *peers; /* identities with established SAs, ike_peer.c */
    struct ike_address *addresses;
};

/* NULL when memory is short. Has a conn_id and an own SPI; the caller fills the rest. */
struct ike_sa *ike_sa_new(struct ike *e, const struct ike_version_ops *ops, bool initiator);
/* Responder: lets ike_sa_by_init find the SA by version, VRF, SPIi and remote as they are now. */
void ike_sa_index_init(struct ike *e, struct ike_sa *sa);
/* The SA of that version which a first message with spi_i made, come by the same way as d. NULL. */
struct ike_sa *ike_sa_by_init(struct ike *e, const struct ike_version_ops *ops, const uint8_t spi_i[8],
                              const struct ike_datagram *d);
/* The next time ops->timer is called; UINT64_MAX: not. */
void ike_sa_timer(struct ike *e, struct ike_sa *sa, uint64_t at);
/* Gives the SA up while its last exchange still runs: children are deleted, the session is told; later ike_sa_remove is silent. */
void ike_sa_abandon(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *fmt, ...)
    CV_PRINTF(4, 5);
/* As ike_sa_new with the SPI that was announced before the SA existed (IKE rekey, RFC 7296 2.18); NULL when it is taken. */
struct ike_sa *ike_sa_new_spi(struct ike *e, const struct ike_version_ops *ops, bool initiator,
                              const uint8_t spi_own[8]);
struct ike_sa *ike_sa_by_conn(struct ike *e, uint32_t conn_id);
struct ike_sa *ike_sa_by_spi(struct ike *e, const uint8_t own_spi[8]);
/* Marks dead, deletes its children in the data plane (linger_ms for inbound), tells the session; freed at the end of the event. */
void ike_sa_remove(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *fmt, ...)
    CV_PRINTF(4, 5);
void ike_sa_established(struct ike *e, struct ike_sa *sa);
/* After an IKE rekey: new takes over session and children of old (RFC 7296 2.18). */
void ike_sa_inherit(struct ike *e, struct ike_sa *old_sa, struct ike_sa *new_sa);

/* The established SAs of the identity sa->peer_id, proved by the same peer block's key, sa itself among them when it is established; go on with next_of_peer. */
struct ike_sa *ike_peer_sas(struct ike *e, const struct ike_sa *sa);
/* The newest established SA of the address that sa was authenticated from, of either version, and how many there are; go on with older_at. NULL none. */
struct ike_sa *ike_address_sas(struct ike *e, const struct ike_sa *sa, unsigned *count);
/* How many of ike_peer_sas have the peer address of sa, too. */
unsigned ike_peer_count(struct ike *e, const struct ike_sa *sa);

struct ike_session *ike_session_get(struct ike *e,
                                    const char *interface); /* makes it when a tunnel of that name exists */
/* Where the session's next attempt goes: the tunnel's destination, or the crypto map's peer whose turn it is. */
struct ip_addr ike_session_peer(const struct ike_session *s);
/* The session that a peer's failed negotiation is about: a protected tunnel or flow between these addresses, of this version; one that has none
 * up first. NULL when there is none. For responders that could not find out more (KR-7 at MM5). */
struct ike_session *ike_session_between(struct ike *e, uint16_t vrf, const struct ip_addr *local,
                                        const struct ip_addr *remote, unsigned version);
/* Whether anybody looks at messages; and hands one to the environment. */
bool ike_notes_wanted(const struct ike *e);
void ike_note(struct ike *e, const struct ike_note *n);
/* Name of the profile, of either version; "" none. */
const char *ike_sa_profile(const struct ike_sa *sa);
void ike_session_attach(struct ike *e, struct ike_session *s, struct ike_sa *sa);
void ike_session_failed(struct ike *e, struct ike_session *s, enum ike_reason why, const char *fmt, ...)
    CV_PRINTF(4, 5);
/* Remembers why something went wrong, without any effect on retries: for responders. */
void ike_session_error(struct ike *e, struct ike_session *s, enum ike_reason why, const char *fmt, ...)
    CV_PRINTF(4, 5);
/* A child is up: clears error and retry state. */
void ike_session_child_up(struct ike *e, struct ike_session *s);

/* ike_tell.c. Texts that nobody reads are not made; what is costly to say only for them: ask first. */
bool ike_told(const struct ike *e, enum log_level level);
void ike_log(struct ike *e, const struct ike_sa *sa, enum log_level level, const char *facility,
             const char *fmt, ...) CV_PRINTF(5, 6);
/* For lines that unauthenticated packets provoke: rate limited. The facility is that of the version in hand. */
void ike_log_unauth(struct ike *e, const struct ip_endpoint *peer, const char *fmt, ...) CV_PRINTF(3, 4);
void ike_decision(struct ike *e, const struct ike_sa *sa, const char *at, const struct sel_trace *t);
void ike_send(struct ike *e, struct ike_sa *sa, const uint8_t *data, size_t len);
/* Answers go to where the request came from (RFC 7296 2.11). */
void ike_send_back(struct ike *e, const struct ike_datagram *to, const uint8_t *data, size_t len);
/* Configured name of a forwarding table, "" for the global one; and the reverse. */
const char *ike_vrf_name(const struct ike *e, uint16_t vrf);
uint16_t ike_vrf_id(const struct ike *e, const char *name);
uint64_t ike_now(const struct ike *e);
void ike_random(struct ike *e, uint8_t *out, size_t n);

/* Cookies (RFC 7296 2.6): stateless, bound to nonce, address and SPI. out: 1 + 32 octets. */
enum { IKE_COOKIE_LEN = 33 };
CV_MUST_USE cv_result ike_cookie_make(struct ike *e, struct slice ni, const struct ip_endpoint *peer,
                                      const uint8_t spi_i[8], uint8_t *out);
CV_MUST_USE bool ike_cookie_ok(struct ike *e, struct slice cookie, struct slice ni,
                               const struct ip_endpoint *peer, const uint8_t spi_i[8]);
bool ike_cookie_wanted(const struct ike *e, const struct ip_endpoint *peer); /* threshold reached */
/* Admission of one more half-open SA as responder. Over the limits, of all and of an address, the eldest of the address that has most
 * is removed for it. False: not even so. */
CV_MUST_USE bool ike_limit_ok(struct ike *e, const struct ip_endpoint *peer);
/* Counts an SA as half-open; it stops to be at ike_sa_established or ike_sa_remove. False when memory is short. */
CV_MUST_USE bool ike_limit_add(struct ike *e, struct ike_sa *sa);
void ike_limit_drop(struct ike *e, struct ike_sa *sa);
unsigned ike_limit_of(const struct ike *e,
                      const struct ip_addr *addr); /* half-open ones of an address; IPv6: of its /64 */
unsigned ike_limit_most(const struct ike *e);      /* half-open ones at a time */
bool ike_limit_pressed(const struct ike *e);       /* a quarter of that is taken */
uint64_t ike_limit_life_ms(const struct ike *e);   /* of a new half-open SA */

#endif
