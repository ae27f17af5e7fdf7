/* v2: IKEv2 (RFC 7296). What its files share: the version's part of an IKE SA, exchanges, and handlers.
 *
 *   v2_fsm       the transition table (state, exchange, role) -> handler; the only place a request or response is dispatched
 *   v2_exchange  requests and responses: message IDs, window, retransmission, response cache, SK protection
 *   v2_frag      IKE fragmentation (RFC 7383): splitting and bounded reassembly
 *   v2_init      IKE_SA_INIT: cookies, INVALID_KE_PAYLOAD, NAT detection
 *   v2_auth      IKE_AUTH: identities, profile, first child
 *   v2_proof     IKE_AUTH: how each end proves itself: pre-shared key, certificate and signature
 *   v2_park      IKE_AUTH: a message that waits for what the network says of a certificate
 *   v2_child     child negotiation: proposals, selectors, keys, installation; for IKE_AUTH and CREATE_CHILD_SA
 *   v2_resource  children of single workers (RFC 9611)
 *   v2_rekey     rekeying of child and IKE SAs, simultaneous ones included (2.8)
 *   v2_info      INFORMATIONAL: deletes, DPD, notifies
 *
 * Rule of every handler: decode and check everything first, compute on the stack, commit last, wipe at one exit. */
#ifndef CONTROL_IKEV2_V2_H
#define CONTROL_IKEV2_V2_H

#include "control/codec/pld.h"
#include "control/crypto/cr_dh.h"
#include "control/ike/ike_sa.h"
#include "control/select/sel_flow.h"
#include "control/select/sel_proposal.h"

extern const struct ike_version_ops v2_ops;

enum v2_state {
    V2_INIT_SENT, /* initiator: IKE_SA_INIT request out */
    V2_INIT_DONE, /* responder: IKE_SA_INIT answered, IKE_AUTH awaited */
    V2_AUTH_SENT, /* initiator: IKE_AUTH request out */
    V2_ESTABLISHED,
    V2_REKEYED,  /* replaced by a new IKE SA; only its delete is awaited */
    V2_DELETING, /* our delete is out */
    V2_STATE_COUNT
};
const char *v2_state_text(enum v2_state s);

/* IKE SAs of one identity at one address; as many again while they are being rekeyed. */
enum { V2_PEER_SAS_MAX = 8 };
enum { V2_WINDOW_MAX = 8, V2_RETRANSMIT_FIRST_MS = 2000, V2_RETRANSMIT_MAX = 5, V2_MESSAGE_MAX = 16384 };

/* One child negotiation on either side, until it is installed or dropped. v2_nego_free wipes. */
struct v2_nego {
    char interface[CV_NAME_MAX];
    const struct cfg_ipsec_profile *ipsec; /* of the tunnel */
    uint32_t spi_in;                       /* reserved; 0 none */
    uint32_t spi_out;                      /* the peer's */
    uint32_t rekeys;                       /* id of the sam_child to be replaced, 0 none */
    struct slice ni, nr; /* of this exchange (for IKE_AUTH: the initial ones) into nonce storage below */
    uint8_t nonce_own[32];
    uint8_t nonce_peer[PLD_NONCE_MAX];
    struct cr_dh_key *dh; /* PFS */
    uint16_t dh_group;    /* group of our KE, 0 none */
    unsigned ke_retries;
    struct ts ts_i[CV_TS_MAX], ts_r[CV_TS_MAX]; /* proposed (initiator) or chosen (responder) */
    unsigned ts_i_count, ts_r_count;
    uint8_t worker; /* as in struct cv_sa: the one that it is for (RFC 9611) */
    bool grouped;   /* SA_RESOURCE_INFO; initiator: asked; afterwards, and as responder: agreed */
    struct sel_esp_choice choice;
    bool have_packet; /* acquire's packet: first, specific selector (2.9) */
    struct cv_acquire packet;
    bool no_tfc;    /* the peer sent ESP_TFC_PADDING_NOT_SUPPORTED (1.3.1) */
    bool transport; /* initiator: asked for; afterwards, and as responder: agreed (1.3.1) */
    /* a crossing rekey of the same child, answered while ours was under way (2.8.1) */
    uint32_t rival;                   /* id of the child that the peer's exchange made; 0 none */
    uint8_t rival_low[PLD_NONCE_MAX]; /* the lower nonce of that exchange */
    size_t rival_low_len;
};
struct v2_nego *v2_nego_new(void);
void v2_nego_free(struct ike *e, struct v2_nego *n); /* releases a reserved SPI, wipes; NULL is fine */

enum v2_task_kind {
    V2_TASK_INIT,
    V2_TASK_AUTH,
    V2_TASK_CHILD,
    V2_TASK_REKEY_CHILD,
    V2_TASK_REKEY_SA,
    V2_TASK_DELETE_CHILD,
    V2_TASK_DELETE_SA,
    V2_TASK_DPD,
    V2_TASK_INVALID_SPI,       /* the peer sends ESP that nobody takes (1.5) */
    V2_TASK_INVALID_SELECTORS, /* what it sends by a child is outside its selectors (3.10.1) */
    V2_TASK_AUTH_FAILED,       /* initiator: the responder did not prove itself (2.21.2) */
    V2_TASK_KIND_COUNT
};

/* One message as it goes on the wire: one datagram, or several fragments back to back. Kept for retransmission. */
struct v2_wire {
    uint8_t *data;
    size_t *len; /* of each datagram */
    unsigned count;
    unsigned mtu; /* that it was cut for; 0: it cannot be cut */
};
void v2_wire_free(struct v2_wire *w);

/* A request we want to make: queued, then in flight, then answered or given up. */
struct v2_task {
    enum v2_task_kind kind;
    struct v2_task *next;
    uint32_t message_id;        /* in flight */
    struct v2_nego *nego;       /* CHILD, REKEY_CHILD; owned */
    struct v2_ike_rekey *rekey; /* REKEY_SA; owned; v2_rekey.c */
    uint32_t child_id;          /* DELETE_CHILD, REKEY_CHILD */
    uint32_t
        spi; /* INVALID_SPI, INVALID_SELECTORS; DELETE_CHILD without a child: the inbound SPI to be deleted */
    bool ah; /* the child of spi is one of AH */
    enum ike_reason why;           /* DELETE_SA */
    uint8_t quoted[CV_BAD_QUOTED]; /* INVALID_SELECTORS: quoted_len octets of the packet */
    uint8_t quoted_len;
    struct v2_wire wire; /* retransmitted bit-identically (2.1), or in smaller fragments (RFC 7383 2.5.2) */
    bool waits;        /* set by the response's handler: it is to be put aside and handled again (v2_park) */
    unsigned attempts; /* retransmissions so far */
    uint64_t next_at;
};

/* A response kept for retransmitted requests (2.1). */
struct v2_cached {
    bool used;
    uint32_t message_id;
    uint8_t request_hash[32]; /* of the request as received (first fragment when fragmented) */
    uint16_t fragments;       /* it came in so many; 0 whole */
    unsigned repeats;         /* so often the peer has asked again */
    struct v2_wire wire;
};

/* An authenticated message of IKE_AUTH, decrypted and whole, that cannot be judged before control/pki knows more: v2_park.c. */
struct v2_parked {
    uint8_t *plain; /* inner payloads; NULL: none is parked */
    size_t len;
    uint8_t first;
    struct pld_header header;
    uint16_t fragments;
    uint8_t hash[32]; /* of the request as received */
    struct ip_endpoint local, remote;
    uint16_t vrf;
    bool natt;
    uint64_t tried_at, deadline; /* env ms; deadline 0: it has not waited yet */
};

struct v2_frags; /* reassembly, v2_frag.c */

struct v2_sa {
    struct ike *engine;
    enum v2_state state;
    uint32_t next_send;     /* message ID of our next request */
    uint32_t next_recv;     /* lowest request ID not yet answered */
    unsigned window_peer;   /* requests we may have in flight: 1 until the peer's SET_WINDOW_SIZE */
    unsigned window_own;    /* what we announced */
    struct v2_task *queue;  /* waiting */
    struct v2_task *flight; /* in flight, at most window_peer */
    struct v2_cached cache[V2_WINDOW_MAX];
    struct v2_frags *frags;
    struct v2_parked parked;
    uint16_t peer_hashes;  /* bit by IANA number: what the peer verifies (RFC 7427 4) */
    bool hashes_announced; /* ours */
    bool frag_ok;          /* both sides support RFC 7383 */
    unsigned path_mtu;     /* what has passed where the configured one did not; 0: the configured one */
    bool have_keys;        /* sa->keys are derived (responder: only when IKE_AUTH arrives) */
    bool auth_refused; /* responder: the peer did not prove itself; only its retransmissions are answered */
    /* initial exchange */
    uint8_t *init_req, *init_resp; /* first messages as sent: what AUTH covers (2.15) */
    size_t init_req_len, init_resp_len;
    uint8_t ni[PLD_NONCE_MAX], nr[PLD_NONCE_MAX];
    size_t ni_len, nr_len;
    struct cr_dh_key *dh;
    uint16_t dh_group; /* group we sent KE of */
    uint8_t cookie[64];
    size_t cookie_len;     /* to be returned in the next IKE_SA_INIT */
    unsigned init_retries; /* cookie and INVALID_KE rounds, bounded (2.6.1) */
    struct cr_suite suite;
    const struct cfg_ikev2_policy *policy;
    struct v2_nego *first_child; /* IKE_AUTH */
    uint8_t *peer_ke;            /* responder: KEi until IKE_AUTH arrives */
    size_t peer_ke_len;
    bool have_packet; /* of the acquire that started it */
    struct cv_acquire packet;
    bool peer_initial_contact;
    uint32_t replaced_by; /* conn_id of the SA made by rekey */
    uint32_t
        rival_of; /* conn_id of the SA whose crossing rekeys are not settled yet: this one may replace it (2.8.2) */
    uint64_t rekey_at, expire_at; /* env ms */
    uint64_t retry_at;            /* children whose exchange the peer put off (2.25); UINT64_MAX none */
    unsigned put_off;             /* TEMPORARY_FAILUREs in a row */
    uint64_t resource_at,
        resource_from;       /* env ms: when to ask for a worker's child; not before (v2_resource.c) */
    uint64_t resource_wait;  /* ms, after the last refusal */
    unsigned resource_asked; /* since then */
    uint64_t dpd_at;
    uint64_t
        dpd_sent_packets; /* outbound ESP packets when the peer was last heard: on-demand DPD asks only when more went out */
    uint64_t delete_at; /* V2_REKEYED, half-open responder: give up */
    uint64_t sk_iv;     /* AEAD IV counter */
};
static inline struct v2_sa *v2_of(struct ike_sa *sa)
{
    return (struct v2_sa *)sa->v;
}

/* ---- v2_ops, v2_auth: the IKE SA as a whole ----------------------------------------------------------------- */
/* A new struct v2_sa as sa->v, zeroed but for window and timers (UINT64_MAX). */
CV_MUST_USE cv_result v2_sa_new(struct ike *e, struct ike_sa *sa);
/* sa->keys, SPIs and peer are final: state ESTABLISHED, lifetime and DPD timers, windows; counts it (sas_established or, when rekeyed,
 * sas_rekeyed), and hands the keys to the keylog. Sessions are the caller's: ike_session_attach or ike_sa_inherit. */
void v2_sa_established(struct ike *e, struct ike_sa *sa, bool by_rekey);
/* The keylog callback for sa->keys, when one is set. */
void v2_keylog(struct ike *e, const struct ike_sa *sa);
/* The state and its printed name in sa->state. */
void v2_set_state(struct ike_sa *sa, enum v2_state state);
/* Starts deleting with a message to the peer: children go now, the SA when the peer answers or is silent. */
void v2_sa_delete(struct ike *e, struct ike_sa *sa, enum ike_reason why);

/* ---- v2_proposal: SA payloads as sel_proposal has them, IKE and ESP ---------------------------------------- */
struct v2_peer_offers {
    unsigned count;
    struct sel_offer offer[PLD_MAX_PROPOSALS];
    struct slice spi[PLD_MAX_PROPOSALS]; /* of offer[i] */
    struct sel_transform t[PLD_MAX_TRANSFORMS];
};
/* Proposals of one protocol (PLD_PROTO_NONE: of ESP and AH) with an SPI of spi_len octets; others are left out. `out` points into itself: do not copy it. */
void v2_peer_offers(const struct pld_sa *sa, uint8_t proto, size_t spi_len, struct v2_peer_offers *out);
/* An SA payload with our offers; spi: the same in each (spi_len 0, 4 or 8). */
void v2_put_offers(struct pld_builder *b, const struct sel_offers *o, const uint8_t *spi, uint8_t spi_len);
/* An SA payload with the one chosen proposal. */
void v2_put_answer(struct pld_builder *b, uint8_t number, uint8_t proto, const struct sel_transform *t,
                   unsigned count, const uint8_t *spi, uint8_t spi_len);

/* ---- v2_exchange: what handlers call ---------------------------------------------------------------------------- */
/* Queue a request (takes ownership of t) and send as far as the window allows. */
void v2_task_add(struct ike *e, struct ike_sa *sa, struct v2_task *t);
struct v2_task *v2_task_new(enum v2_task_kind kind);
void v2_task_free(struct ike *e, struct v2_task *t);
/* Is a task of this kind (and child, when child_id is not 0) waiting or in flight? */
struct v2_task *v2_task_find(struct ike_sa *sa, enum v2_task_kind kind, uint32_t child_id);
/* Sends what waits as far as the window allows. */
void v2_pump(struct ike *e, struct ike_sa *sa);
/* Sets the SA's timer from everything that is pending. */
void v2_schedule(struct ike *e, struct ike_sa *sa);

/* A response under construction: inner payloads are written by the handler; the exchange layer protects, caches and sends it. */
struct v2_reply {
    struct pld_chain chain;
    struct buf_writer w;
    uint8_t *storage;
    bool silent; /* answer nothing (only before authentication, or for messages that get no answer) */
    bool wait;   /* IKE_AUTH: not answered yet; the request is put aside and handled again (v2_park) */
};
/* Starts the reply afresh with a single error notify. */
void v2_reply_error(struct v2_reply *r, uint8_t proto, uint16_t notify, struct slice data);

/* ---- handlers, by file ------------------------------------------------------------------------------------------ */
/* A builder writes the inner payloads of a request; returns CV_OK, or an error that drops the task. */
typedef cv_result v2_build_fn(struct ike *e, struct ike_sa *sa, struct v2_task *t, struct pld_builder *b);
/* A response to the task; sa may be dead afterwards. The task is freed by the caller. */
typedef void v2_response_fn(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m);
/* A request of the peer. */
typedef void v2_request_fn(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_reply *r);

/* v2_child: the shared half of IKE_AUTH and CREATE_CHILD_SA. */
/* Fills a negotiation for the session's tunnel as initiator: SPI, offers, selectors. CV_ENOSPC, CV_EINVAL with the session's error set. */
CV_MUST_USE cv_result v2_child_prepare(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                                       const struct cv_acquire *packet, struct v2_nego *n);
/* Writes SA, [Ni, KE], TSi, TSr. dh: CREATE_CHILD_SA, with the nonce and, under `set pfs`, a KE payload; false in
 * IKE_AUTH, which has neither (1.2). */
CV_MUST_USE cv_result v2_child_put_offer(struct ike *e, struct ike_sa *sa, struct v2_nego *n,
                                         struct pld_builder *b, bool dh);
/* Initiator: checks SA, TSi, TSr, KE of the answer against the offer, derives keys, installs, sets *child. Nonces must stand in n.
 * On failure *why says the reason and nothing is installed. */
CV_MUST_USE cv_result v2_child_accept(struct ike *e, struct ike_sa *sa, struct v2_nego *n,
                                      const struct pld_message *m, struct sam_child **child,
                                      enum ike_reason *why);
/* Responder: chooses tunnel (PF-9), proposal and selectors for the request, derives and installs (activate: send on it at once), and writes SA,
 * [Nr, KE], TSi, TSr. On failure *notify is the error to send (NO_PROPOSAL_CHOSEN, TS_UNACCEPTABLE, INVALID_KE_PAYLOAD with the wanted
 * group in *ke_group) and *why the reason; nothing is installed and nothing written. rekeys: child being replaced or NULL. */
CV_MUST_USE cv_result v2_child_respond(struct ike *e, struct ike_sa *sa, struct v2_nego *n,
                                       const struct pld_message *m, bool in_auth, struct sam_child *rekeys,
                                       struct pld_builder *b, struct sam_child **child, uint16_t *notify,
                                       uint16_t *ke_group, enum ike_reason *why);
/* Both accept and respond have told session and counters of a new child when they return CV_OK. */
v2_build_fn v2_child_build; /* V2_TASK_CHILD */
v2_response_fn v2_child_response;
/* After v2_child_accept failed on an answer that the peer stands by: tells it to delete its half (in CREATE_CHILD_SA this is done
 * by v2_child_response; for IKE_AUTH call it once the SA is established). */
void v2_child_disown(struct ike *e, struct ike_sa *sa, const struct v2_nego *n, const struct pld_message *m);
/* A fresh key of the group from the environment's randomness. */
CV_MUST_USE cv_result v2_dh_new(struct ike *e, uint16_t group, struct cr_dh_key **out);
/* Shared secret with the KE payload of m; CV_EINVAL when its group is not the key's or its value is not allowed. */
CV_MUST_USE cv_result v2_dh_shared(const struct cr_dh_key *k, const struct pld_message *m,
                                   struct secret *out);
/* Removes a child here only; when it was the one that sends, its newest sibling takes over first. */
void v2_child_remove(struct ike *e, struct sam_child *c, uint64_t linger_ms);
/* ops.initiate_child, ops.first_packet, ops.nat_change (2.23) */
cv_result v2_child_initiate(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                            const struct cv_acquire *packet);
void v2_child_first_packet(struct ike *e, struct ike_sa *sa, struct sam_child *c);
void v2_child_nat_change(struct ike *e, struct ike_sa *sa, struct sam_child *c,
                         const struct ip_endpoint *remote);
v2_request_fn
    v2_create_child_request; /* CREATE_CHILD_SA request: dispatches new child, rekey of a child, rekey of the IKE SA */

/* What v2_child and v2_rekey share. */
/* The peer's nonce of a CREATE_CHILD_SA message into n; initiator: we started the exchange. */
void v2_child_take_nonce(struct v2_nego *n, const struct pld_message *m, bool initiator);
/* Initiator: a whole answer. True when another round with another group was queued instead (t->nego is gone then). Otherwise *child is the new
 * one, or NULL with *why; a half that the peer stands by is deleted there. */
bool v2_child_answer(struct ike *e, struct ike_sa *sa, struct v2_task *t, const struct pld_message *m,
                     struct sam_child **child, enum ike_reason *why);
/* Responder: a whole request; the reply is an answer (true) or an error. */
bool v2_child_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m, struct v2_nego *n,
                      struct sam_child *rekeys, struct v2_reply *r, struct sam_child **child);
/* TEMPORARY_FAILURE came: everything that waits for a retry does so, longer each time; after some minutes the SA is closed (2.25).
 * Returns the wait in ms, 0 when the SA was given up. */
uint64_t v2_put_off(struct ike *e, struct ike_sa *sa);
/* The lower of two nonces, octet by octet; a shorter one is lower where both begin alike (2.8). */
struct slice v2_lower_nonce(struct slice a, struct slice b);

/* v2_rekey */
v2_build_fn v2_rekey_child_build, v2_rekey_sa_build;
v2_response_fn v2_rekey_child_response, v2_rekey_sa_response;
void v2_rekey_child_request(struct ike *e, struct ike_sa *sa, const struct pld_message *m,
                            const struct pld_notify *rekey_sa, struct v2_reply *r);
v2_request_fn v2_rekey_sa_request;
void v2_ike_rekey_free(struct ike *e, struct v2_ike_rekey *k);
/* ops.rekey_child, ops.rekey_sa: queue the exchange unless one for the same SA is already under way. */
cv_result v2_rekey_child(struct ike *e, struct ike_sa *sa, struct sam_child *c);
cv_result v2_rekey_sa(struct ike *e, struct ike_sa *sa);
/* The peer does more with an SA than delete it: if its crossing rekey made it, the peer holds it for the survivor, and so do we. */
void v2_rekey_peer_uses(struct ike *e, struct ike_sa *sa);
/* The peer closes an IKE SA: an SA that its own rekey made takes over if it has not yet (2.8.2). True when another one has replaced sa. */
bool v2_rekey_peer_closes(struct ike *e, struct ike_sa *sa);
/* The timer: rekey_at or a retry after TEMPORARY_FAILURE (2.25) has come. */
void v2_rekey_due(struct ike *e, struct ike_sa *sa);

/* v2_info */
/* Tells the peer that nobody here has this SPI (1.5, 3.10.1); one at a time. */
void v2_invalid_spi(struct ike *e, struct ike_sa *sa, uint32_t spi, bool ah);
/* Tells it that a packet of the child was outside its selectors (3.10.1); one at a time. */
void v2_invalid_selectors(struct ike *e, struct ike_sa *sa, const struct sam_child *c, struct slice quoted);
v2_build_fn v2_delete_child_build, v2_delete_sa_build, v2_dpd_build, v2_invalid_spi_build,
    v2_invalid_selectors_build;
v2_response_fn v2_delete_child_response, v2_delete_sa_response, v2_dpd_response;
v2_request_fn v2_informational_request;
/* ops.delete_child; ops.delete_sa is the exchange layer's (a task V2_TASK_DELETE_SA) */
cv_result v2_delete_child(struct ike *e, struct ike_sa *sa, struct sam_child *c);
/* DPD (RFC 7296 2.4, section 5 values): called from the timer when dpd_at has come. */
void v2_dpd_due(struct ike *e, struct ike_sa *sa);

/* v2_init, v2_auth */
cv_result v2_initiate(struct ike *e, struct ike_session *s, const struct cv_acquire *packet);
v2_build_fn v2_auth_build;
v2_response_fn v2_auth_response;
v2_request_fn v2_auth_request;
void v2_init_request(struct ike *e, const struct ike_datagram *d, const struct pld_message *m,
                     const uint8_t *raw, size_t len);
void v2_init_response(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d,
                      const struct pld_message *m, const uint8_t *raw, size_t len);
CV_MUST_USE cv_result
v2_init_send(struct ike *e, struct ike_sa *sa); /* (re)builds the request with cookie and current group */

#endif
