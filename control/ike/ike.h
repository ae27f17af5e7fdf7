/* ike: one IKE engine as a value: datagrams, timers and commands in; datagrams, data-plane commands and events
 * out through its environment (ike_env.h). One thread; no globals; several engines live side by side.
 *
 * Versions register an ops table (ike_ops.h), so that this room knows neither ikev1 nor ikev2. */
#ifndef CONTROL_IKE_IKE_H
#define CONTROL_IKE_IKE_H

#include "common/contract.h"
#include "control/config/cfg_model.h"
#include "control/ike/ike_env.h"
#include "control/ike/ike_reason.h"

struct ike;
struct ike_version_ops;

/* cfg stays the caller's and must outlive its use: until ike_reconfigure or ike_free. versions: NULL-terminated. */
CV_MUST_USE cv_result ike_new(const struct ike_env *env, const struct cfg *cfg,
                              const struct ike_version_ops *const *versions, struct ike **out);
/* Wipes everything. Sends nothing. */
void ike_free(struct ike *e);
/* Sends deletes for all SAs (SIGTERM); afterwards only ike_free is useful. */
void ike_shutdown(struct ike *e);
/* A new configuration; sessions whose tunnel, profile or key is unchanged stay, others are cleared. */
void ike_reconfigure(struct ike *e, const struct cfg *cfg);

/* What env.event and env.message are told, so that texts nobody reads are not made: events up to that level, and whether messages. At first
 * everything. Warnings and errors are always told. */
void ike_watch(struct ike *e, enum log_level most, bool messages);

void ike_datagram_in(struct ike *e, const struct ike_datagram *d); /* data is copied before it is decrypted */
uint64_t ike_next_timer(const struct ike *e); /* env ms; UINT64_MAX when nothing is due */
void ike_timer(struct ike *e);
/* Acquire, lifetime, NAT change, link, SA entries and replies. */
void ike_dp_event(struct ike *e, const struct cv_evt *ev);
/* The data plane was lost and started anew: all children are gone; sessions that were up are negotiated again. */
void ike_dp_lost(struct ike *e);
/* End of SA_DUMP after a restart of the daemon (see sam_adopt_end). Sessions with adopted children start negotiating when
 * their tunnel can initiate. */
void ike_adopt_end(struct ike *e, uint64_t (*remaining_s)(void *ctx, uint64_t cookie), void *ctx);

/* ---- commands ------------------------------------------------------------------------------------------- */
enum ike_cmd_outcome { IKE_CMD_STARTED, IKE_CMD_ALREADY, IKE_CMD_UNKNOWN_TUNNEL, IKE_CMD_NOT_POSSIBLE };
/* Start negotiating a tunnel. err (SEL_TEXT_MAX) says why not. The outcome shows in the session's status. */
enum ike_cmd_outcome ike_up(struct ike *e, const char *tunnel, char *err, size_t err_len);
/* Delete IKE SA and children of a tunnel, with messages to the peer; traffic or `up` starts it again. */
enum ike_cmd_outcome ike_down(struct ike *e, const char *tunnel, char *err, size_t err_len);
/* Delete sessions by peer address (IP_NONE: all). Returns how many. */
unsigned ike_clear(struct ike *e, const struct ip_addr *remote);
/* Which SAs `clear crypto ...` means; what is zero or NULL, any. */
struct ike_pick {
    unsigned version; /* of IKE */
    uint32_t conn_id;
    struct ip_addr local, remote; /* IP_NONE: any */
    const char *fvrf;             /* "" is the global one */
    const char *map;              /* crypto map, or a tunnel's "Tunnel1-head-0": children alone */
    uint32_t spi;                 /* of either direction: children alone */
    bool esp_alone, ah_alone;     /* with spi: of one protocol */
    struct ip_addr destination;   /* with spi: where packets with it go to; IP_NONE: anywhere */
    const char *vrf;              /* of the packets inside, "" the global one: children alone */
};
/* IKE SAs with their children, with messages to the peers; adopted children, too, when neither version nor conn_id is given. How many. */
unsigned ike_clear_sas(struct ike *e, const struct ike_pick *p);
/* Children alone: their IKE SAs stay. What was wanted up is negotiated again. */
unsigned ike_clear_children(struct ike *e, const struct ike_pick *p);
/* What show says of them counts from now on; lifetimes and metrics do not begin anew. How many children. */
unsigned ike_clear_counters(struct ike *e, const struct ike_pick *p);
/* Rekey now, as if a soft lifetime had ended: for operators and tests. */
enum ike_cmd_outcome ike_rekey(struct ike *e, const char *tunnel, bool ike_sa, char *err, size_t err_len);

/* ---- views (snapshots, valid until the next call into the engine) ------------------------------------------ */
enum ike_session_status { IKE_DOWN, IKE_DOWN_NEGOTIATING, IKE_UP_NO_IKE, IKE_UP_IDLE, IKE_UP_ACTIVE };
const char *ike_session_status_text(enum ike_session_status s); /* "UP-ACTIVE" ... */

struct ike_error {
    enum ike_reason reason;
    char text[SEL_TEXT_MAX];
    uint64_t at_wall_ms;
};

/* How long the other end of a negotiation has been silent; by it TS-1 tells a blocked port from a refusal. What counts as heard is
 * any datagram with the SA's SPIs, authentic or not: for people to look at, nothing is decided by it. */
struct ike_silence {
    bool known;            /* a negotiation waits, or ended so */
    bool initiator, heard; /* heard: something came back at all */
    bool natt, heard_natt; /* it floated to port 4500; something came back there */
    bool
        stuck; /* it is heard, but says the same again and again: the two below count from the last progress */
    unsigned version, sent; /* sent: datagrams since the last one that came */
    uint64_t for_ms;        /* since the first of them */
    char state[32];         /* where it stands, or ended */
};

struct ike_session_view {
    const char *interface; /* tunnel */
    const char *profile;   /* "" before it is known */
    enum ike_session_status status;
    struct ip_endpoint peer, local;
    unsigned ike_version;
    char phase1_id[SEL_TEXT_MAX]; /* the peer's identity */
    bool initiator;
    bool nat_local, nat_remote;
    uint64_t uptime_s;
    bool has_error;
    struct ike_error last_error;
    uint32_t conn_id; /* of its IKE SA; 0 none */
    struct ike_silence silence;
};
/* Calls fn for every tunnel with protection, and for live sessions of others. */
void ike_each_session(struct ike *e, void (*fn)(void *ctx, const struct ike_session_view *v), void *ctx);

struct ike_sa_view {
    uint32_t conn_id;
    unsigned version;
    struct ip_endpoint local, remote;
    uint8_t spi_i[8], spi_r[8];
    bool initiator, ready; /* ready: READY, else IN-NEG */
    const char *state;
    const char *interface, *profile;
    uint16_t encr, key_bits, integ, prf, dh;
    const char *auth_local, *auth_remote; /* "PSK" */
    char local_id[SEL_TEXT_MAX], remote_id[SEL_TEXT_MAX];
    uint64_t age_s, lifetime_s;
    uint32_t next_send_id, next_recv_id;
    unsigned window_local, window_remote;
    bool nat_local, nat_remote, fragmentation, dpd;
    unsigned dpd_interval_s, dpd_retry_s;
    unsigned child_count;
    /* IKEv1 */
    uint16_t hash; /* enum cfg_hash; 0: by integ and prf */
    bool aggressive;
    bool peer_deleted; /* or otherwise on its way out: "ACTIVE (deleted)" */
    const char *fvrf;  /* "" global */
    struct ike_silence silence;
};
void ike_each_sa(struct ike *e, void (*fn)(void *ctx, const struct ike_sa_view *v), void *ctx);
/* The IKE SA of that number; false when there is none (0 never is one). */
CV_MUST_USE bool ike_find_sa(struct ike *e, uint32_t conn_id, struct ike_sa_view *out);
/* The SA manager, for its children and counters. */
struct sam *ike_sam(struct ike *e);

/* Counters of what went wrong and how much work was done: one list for JSON and metrics. */
/* clang-format off */
#define IKE_COUNTERS(X) \
    X(datagrams_in) X(datagrams_out) X(bad_header) X(bad_payload) X(bad_version) X(unknown_spi) \
    X(bad_message_id) X(auth_failed_icv) X(retransmits_sent) X(retransmits_answered) X(cookies_sent) \
    X(cookies_bad) X(half_open_refused) X(half_open_evicted) X(fragments_in) X(fragments_bad) X(unexpected_exchange) \
    X(critical_payload) X(rate_limited) X(sas_established) X(sas_failed) X(children_established) \
    X(children_rekeyed) X(sas_rekeyed) X(dpd_sent) X(dpd_dead) X(deletes_in) X(acquires)
/* clang-format on */
struct ike_counters {
#define IKE_COUNTER_FIELD(name) uint64_t name;
    IKE_COUNTERS(IKE_COUNTER_FIELD)
#undef IKE_COUNTER_FIELD
};
const struct ike_counters *ike_counters(const struct ike *e);

#endif
