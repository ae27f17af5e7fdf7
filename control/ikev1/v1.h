/* v1: IKEv1 (RFC 2407, 2408, 2409, 3706, 3947). What its files share: the version's part of an IKE SA, messages, exchanges.
 *
 *   v1_fsm      the transition table (state, exchange, role) -> handler; the only place a message is dispatched
 *   v1_input    a datagram: header, SA by cookies, duplicates, fragments, decryption, parsing, rules, then the table
 *   v1_message  building, encryption, sending, retransmission, cached answers, notes for `debug` and explain
 *   v1_phase1   what Main and Aggressive Mode share: offers and choice, keys, KE, nonces, HASH, establishment
 *   v1_cert      certificates: CERTREQ, CERT, SIG; messages that wait for the network
 *   v1_main     Main Mode          v1_aggr     Aggressive Mode
 *   v1_vendor   vendor IDs (PR-10), NAT-T variants and NAT-D (RFC 3947, drafts 02, 03, 07), what the peer can do
 *   v1_frag     Cisco's fragmentation: cutting and bounded reassembly
 *   v1_quick    Quick Mode, both roles: SAs, PFS, selectors, installation
 *   v1_info     Informational exchanges: notifies, deletes      v1_dpd      dead peer detection (RFC 3706)
 *   v1_limit    how many IKE SAs an authenticated peer may have
 *   v1_rekey    phase 1 anew before its end, Quick Mode anew, hand-over of children
 *   v1_ops      the ops table; timers; making and freeing an SA
 *
 * Rule of every handler: decode and check everything first, compute on the stack, commit last, wipe at one exit. Nothing that is
 * not authenticated changes an established SA. State names are those of PR-15. */
#ifndef CONTROL_IKEV1_V1_H
#define CONTROL_IKEV1_V1_H

#include "control/codec/pld1.h"
#include "control/crypto/cr_dh.h"
#include "control/crypto/cr_keymat1.h"
#include "control/ike/ike_sa.h"
#include "control/select/sel_flow.h"
#include "control/select/sel_v1.h"
#include "control/select/sel_v1_proposal.h"

extern const struct ike_version_ops v1_ops;

/* PR-15. `show crypto isakmp sa` prints the second name. */
#define V1_STATES(X)                                                                                         \
    X(I_MM1, "IKE_I_MM1", "MM_NO_STATE")      /* initiator: MM1 is out */                                    \
    X(I_MM3, "IKE_I_MM3", "MM_SA_SETUP")      /* initiator: MM3 is out */                                    \
    X(I_MM5, "IKE_I_MM5", "MM_KEY_EXCH")      /* initiator: MM5 is out */                                    \
    X(R_MM2, "IKE_R_MM2", "MM_SA_SETUP")      /* responder: MM2 is out */                                    \
    X(R_MM4, "IKE_R_MM4", "MM_KEY_EXCH")      /* responder: MM4 is out */                                    \
    X(I_AM1, "IKE_I_AM1", "AG_INIT_EXCH")     /* initiator: AM1 is out */                                    \
    X(R_AM2, "IKE_R_AM2", "AG_AUTH")          /* responder: AM2 is out */                                    \
    X(COMPLETE, "IKE_P1_COMPLETE", "QM_IDLE") /* phase 1 done */                                             \
    X(REPLACED, "IKE_P1_REPLACED", "QM_IDLE") /* a newer phase 1 has its children: answers, starts nothing */
enum v1_state {
#define V1_STATE_ENUM(id, fsm, shown) V1_##id,
    V1_STATES(V1_STATE_ENUM)
#undef V1_STATE_ENUM
        V1_STATE_COUNT
};
const char *v1_state_text(enum v1_state s);  /* "IKE_I_MM1" */
const char *v1_state_shown(enum v1_state s); /* "MM_NO_STATE" */

enum {
    V1_RETRANSMIT_MS = 10000, /* PR-4, section 5 */
    V1_RETRANSMIT_MAX = 5,
    V1_MESSAGE_MAX = 16384,
    V1_SA_BODY_MAX =
        10240,            /* of the first message, kept until phase 1 is done: 256 transforms of usual size */
    V1_PEER_SAS_MAX = 16, /* established IKE SAs without children: of one identity, key and address ... */
    V1_ADDRESS_SAS_MAX = 1024, /* ... and of one address, maybe of many peers behind a NAT */
    V1_XCHG_MAX = 16,          /* Quick Modes under way of one SA */
    V1_SEEN_MAX = 64,          /* message IDs of Informational exchanges that are remembered */
    V1_QUICK_SEEN_MAX =
        4096,           /* ... of Quick Modes, when there are so many: to answer an old QM1 costs most */
    V1_DIGEST_LEN = 32, /* SHA-256 of a datagram (G33) */
    V1_DPD_RETRIES = 5,
};

/* The variants of NAT traversal, the best first. */
enum v1_natt {
    V1_NATT_NONE,
    V1_NATT_RFC3947,
    V1_NATT_DRAFT_07, /* numbers as RFC 3947 */
    V1_NATT_DRAFT_03,
    V1_NATT_DRAFT_02, /* with its twin that ends in a newline */
};

/* What the peer's vendor IDs say (PR-10). */
struct v1_peer_can {
    enum v1_natt natt;
    bool dpd, unity, xauth, fragmentation, ios;
};

/* A message as it went out: one datagram, or fragments back to back; for retransmission and for duplicates. */
struct v1_sent {
    uint8_t *data;
    size_t *len; /* of each datagram */
    unsigned count;
    const char *name; /* "MM3", static */
    unsigned repeats; /* so often it was sent again, by the timer or to a duplicate */
    bool small;       /* in fragments of the least size */
    unsigned attempts;
    uint64_t next_at; /* UINT64_MAX: it is not retransmitted by the timer */
};
void v1_sent_free(struct v1_sent *s); /* wipes nothing secret: it was on the wire */

enum v1_xchg_state {
    V1_X_I_QM1, /* we started it, QM1 is out */
    V1_X_R_QM2, /* QM2 is out, QM3 awaited */
    V1_X_DONE   /* kept for a while to answer duplicates */
};

/* A Quick Mode under way, or just finished. v1_xchg_free wipes. */
struct v1_xchg {
    struct v1_xchg *next;
    uint32_t message_id;
    enum v1_xchg_state state;
    bool initiator;
    uint8_t iv[CR_IV_MAX];          /* for the exchange's next message, either way (RFC 2409 Appendix B) */
    uint8_t last_in[V1_DIGEST_LEN]; /* the message that `sent` answers */
    bool has_last_in;
    struct v1_sent sent;
    uint64_t forget_at; /* DONE */
    /* the child */
    char interface[CV_NAME_MAX];
    uint32_t rekeys;          /* id of the sam_child to be replaced; 0 none */
    uint32_t spi_in, spi_out; /* spi_in reserved until it is the child's; 0 none */
    uint8_t ni[PLD1_NONCE_MAX], nr[PLD1_NONCE_MAX];
    size_t ni_len, nr_len;
    struct cr_dh_key *dh; /* PFS */
    uint16_t dh_group;
    struct secret shared;
    struct ts ts_local, ts_remote; /* proposed or accepted proxies */
    bool send_ids;                 /* IDci, IDcr stood in QM1 */
    struct sel1_esp_choice choice;
    enum sel1_encap encap; /* of the child */
    uint32_t child_id;     /* responder: installed at QM1 already, activated by QM3 */
    bool commit;           /* the peer set the commit bit: CONNECTED is awaited, not demanded */
    uint64_t started_ms;
    uint64_t
        connect_at; /* when the new child sends without a sign that the peer has it, too; UINT64_MAX none */
    uint64_t
        again_at; /* DONE: when the child `rekeys` is deleted, or, when `failed`, tried again; UINT64_MAX none */
    bool failed;
    unsigned repeated; /* how often v1_xchg_repeated has put connect_at off */
};

/* Message IDs of finished exchanges: a ring that grows to its limit. */
struct v1_seen {
    uint32_t *id;
    unsigned at, count, cap;
};

/* A message of phase 1, decrypted, that cannot be judged before control/pki knows more: v1_cert.c. */
struct v1_parked {
    uint8_t *raw; /* header first, in the clear; NULL: none is parked */
    size_t len;
    uint8_t digest[V1_DIGEST_LEN];
    bool encrypted;
    uint8_t iv_next[CR_IV_MAX];
    struct ip_endpoint local, remote;
    uint16_t vrf;
    bool natt;
    uint64_t tried_at, deadline; /* env ms; deadline 0: it has not waited yet */
};

struct v1_frags; /* reassembly, v1_frag.c */

struct v1_dpd {
    uint32_t seq_out;   /* of our R-U-THERE; random start (RFC 3706 6.2) */
    uint32_t seq_first; /* of our first one: what lies between the two is our own, thrown back at us */
    uint32_t seq_in;    /* highest of the peer's */
    bool seq_in_set;
    unsigned unanswered;
    uint64_t at; /* next check or retry; UINT64_MAX none */
    uint64_t
        sent_packets; /* outbound ESP packets when the peer was last heard: on-demand asks only when more went out */
};

struct v1_sa {
    struct ike *engine;
    enum v1_state state;
    bool aggressive;
    struct v1_peer_can peer;
    /* phase 1 so far */
    uint8_t *sa_body; /* SAi_b: the initiator's whole SA body as it was sent (RFC 2409 5) */
    size_t sa_body_len;
    struct sel1_ike_choice choice;
    struct sel_v1_key
        key; /* pre-shared key and the keyring it stands in (KR-7): looked up at MM1 (G2) or by the initiator */
    char keyring[CFG_NAME_MAX]; /* its name, which outlives a reload */
    struct secret psk;          /* a copy for the rest of phase 1; wiped when it is done */
    unsigned methods;           /* initiator: what was offered, bits 1 << SEL1_METHOD_* */
    char signer[CFG_NAME_MAX]; /* the trust-point that signs, by the CERTREQs of MM3 or MM4 (CT-7); "" none */
    struct v1_parked parked;
    struct cr_dh_key *dh;
    uint8_t *g_xi, *g_xr; /* bodies of the KE payloads */
    size_t g_xi_len, g_xr_len;
    uint8_t ni[PLD1_NONCE_MAX], nr[PLD1_NONCE_MAX];
    size_t ni_len, nr_len;
    struct cr_keys1 keys;
    bool have_keys;
    uint8_t iv
        [CR_IV_MAX]; /* for phase 1's next encrypted message; when it is done: its last block, from which others come */
    uint8_t last_in[V1_DIGEST_LEN]; /* the last message of phase 1 that was taken (G33) */
    bool has_last_in;
    struct v1_sent sent; /* our last message of phase 1 */
    unsigned bad_in;     /* messages of phase 1 that did not decrypt to anything: bounded, KR-8 */
    uint8_t refused_in
        [V1_DIGEST_LEN]; /* the last message of phase 1 that was refused: the same again gets `sent` again (G13) */
    bool has_refused_in;
    bool refused; /* responder: KR-7 and the like, only duplicates are answered until the end */
    uint64_t expire_half_open_at;
    /* phase 2 */
    struct v1_xchg *xchgs;
    unsigned xchg_count;
    struct v1_seen seen, quick_seen; /* replays are dropped */
    struct v1_dpd dpd;
    struct v1_frags *frags;
    uint64_t rekey_at, expire_at; /* env ms; UINT64_MAX none */
    uint8_t own_id_fixed[4],
        peer_id_fixed[4]; /* type, protocol and port of the ID payloads as sent: HASH covers them */
    uint16_t clear_error; /* what an Informational message in the clear said last (proves nothing); 0 none */
    uint32_t replaces;    /* conn_id of the SA that this one is the rekey of; 0 */
    uint64_t child_at;    /* Aggressive Mode: when it starts, for AM3 has no answer; UINT64_MAX not then */
    bool child_wanted;    /* initiator: a Quick Mode for sa->session follows phase 1 */
    bool life_cut;        /* responder: the peer offered more, and is told (RFC 2407 4.6.3.1) */
    bool initial_contact_in; /* the peer said so, under authentication */
    bool has_packet;
    struct cv_acquire packet; /* of the acquire that started it */
};
static inline struct v1_sa *v1_of(struct ike_sa *sa)
{
    return (struct v1_sa *)sa->v;
}

/* ---- v1_ops: life and timers ---------------------------------------------------------------------------------- */
CV_MUST_USE cv_result v1_sa_new(struct ike *e, struct ike_sa *sa); /* sa->v, zeroed, timers UINT64_MAX */
void v1_set_state(struct ike *e, struct ike_sa *sa, enum v1_state state); /* logs old -> new; sa->state */
/* Sets the SA's timer from everything that is pending. Call after every change. */
void v1_schedule(struct ike *e, struct ike_sa *sa);
/* Gives a negotiation up: wipes, tells the session why, removes the SA. The peer gets no message (G13). */
void v1_fail(struct ike *e, struct ike_sa *sa, enum ike_reason why, const char *fmt, ...) CV_PRINTF(4, 5);

/* ---- v1_message ------------------------------------------------------------------------------------------------ */
struct v1_msg {
    struct pld_builder b;
    struct buf_writer w;
    uint8_t *storage; /* V1_MESSAGE_MAX */
    const char *name;
};
/* Writes the header; payloads follow with pld1_put_*. message_id 0 in phase 1. */
CV_MUST_USE cv_result v1_msg_begin(struct ike *e, struct ike_sa *sa, uint8_t exchange, uint32_t message_id,
                                   const char *name, struct v1_msg *m);
void v1_msg_free(struct v1_msg *m); /* wipes; a zeroed one is fine */
/* Finishes and sends. iv NULL: in the clear. Else encrypts with it, and leaves the next IV there (only when it was sent). sent not NULL: kept there
 * (what it held is freed), to be retransmitted from V1_RETRANSMIT_MS on when by_timer. Cuts into Cisco fragments where both ends can. */
CV_MUST_USE cv_result v1_msg_send(struct ike *e, struct ike_sa *sa, struct v1_msg *m, uint8_t *iv,
                                  struct v1_sent *sent, bool by_timer);
/* The same datagrams once more: for duplicates of the peer's message, and by the timer. */
void v1_msg_again(struct ike *e, struct ike_sa *sa, struct v1_sent *sent);
/* HASH(1) over what follows the room at hash_at in a message under construction (RFC 2409 5.5, 5.7); for Quick Mode's second message with ni. Call right
 * before v1_msg_send. */
CV_MUST_USE cv_result v1_msg_hash1(struct ike_sa *sa, struct v1_msg *m, uint32_t message_id, size_t hash_at);
CV_MUST_USE cv_result v1_msg_hash2(struct ike_sa *sa, struct v1_msg *m, uint32_t message_id, size_t hash_at,
                                   struct slice ni);
/* A fresh message ID, not 0 and not in use. */
uint32_t v1_message_id(struct ike *e, struct ike_sa *sa);

/* ---- what a handler gets ------------------------------------------------------------------------------------ */
struct v1_in {
    const struct ike_datagram *d;
    const struct pld1_message *m; /* parsed, rules checked; views into the decrypted copy */
    const uint8_t *raw;           /* the message in the clear, header first */
    size_t len;
    uint8_t digest[V1_DIGEST_LEN]; /* of the datagram as received */
    bool encrypted;
    uint8_t iv_next[CR_IV_MAX]; /* the chain after it; the handler commits it once it believes the message */
    struct v1_xchg *x;          /* Quick Mode: the exchange, NULL for a new one */
};
typedef void v1_handler(struct ike *e, struct ike_sa *sa, struct v1_in *in);
/* v1_input: the message can only have been sent now (its HASH covers our nonce, or what it says is new): the peer is alive, and where it comes from when its
 * NAT's mapping changed. Every handler calls it, once it believes; not for what an old message would prove as well. */
void v1_heard(struct ike *e, struct ike_sa *sa, const struct v1_in *in);
/* What was just sent to the peer goes to where the message came from, too, when that is elsewhere and the peer's NAT may have moved: until the peer has
 * proved that it is there (v1_heard), nothing else follows. */
void v1_answer_where_asked(struct ike *e, struct ike_sa *sa, const struct ike_datagram *d,
                           const struct v1_sent *sent);

/* Phase 1 (v1_main, v1_aggr); MM1 and AM1 have no SA yet. */
void v1_main_first(struct ike *e, struct v1_in *in);
void v1_aggr_first(struct ike *e, struct v1_in *in);
v1_handler v1_main_2, v1_main_3, v1_main_4, v1_main_5, v1_main_6, v1_aggr_2, v1_aggr_3;
/* Phase 1 is authenticated: sa->peer_id, profile1, key known. Sets COMPLETE, expiry, rekey and DPD timers; INITIAL_CONTACT's effect (RFC 2407 4.6.3.3,
 * only among SAs of the same identity and address); hand-over when it replaces another (v1_rekey_done); child_wanted's Quick Mode. */
void v1_established(struct ike *e, struct ike_sa *sa);

/* Phase 2: v1_quick, v1_info. Each verifies its HASH before it believes anything. */
v1_handler v1_quick_1, v1_quick_2, v1_quick_3, v1_info_in;
/* An Informational message in the clear, before there are keys: only looked at to log it and, for errors to our MM1..MM4, to end nothing (a forger could send it).
 * Rate-limited line; remembered as the text of a later timeout. */
void v1_info_clear(struct ike *e, struct ike_sa *sa, struct v1_in *in);

/* ops.first_packet: the first good packet on a child's inbound SA says that the peer has it, as QM3 does. */
void v1_child_first_packet(struct ike *e, struct ike_sa *sa, struct sam_child *c);

struct v1_xchg *v1_xchg_find(struct ike_sa *sa, uint32_t message_id);
/* NULL when there are too many or memory is short. Its first IV is set (RFC 2409 Appendix B). */
struct v1_xchg *v1_xchg_new(struct ike *e, struct ike_sa *sa, uint32_t message_id, bool initiator);
void v1_xchg_free(struct ike *e, struct ike_sa *sa, struct v1_xchg *x); /* unlinks, releases the SPI, wipes */
/* The same message came again and was answered again: QM3 has not arrived, the peer has no child yet. No oftener than an honest peer repeats itself. */
void v1_xchg_repeated(struct ike *e, struct v1_xchg *x);
void v1_xchg_timer(struct ike *e,
                   struct ike_sa *sa);          /* retransmissions and ends of Quick Modes that are due */
uint64_t v1_xchg_next(const struct ike_sa *sa); /* when the next is; UINT64_MAX */
bool v1_seen(const struct ike_sa *sa, uint32_t message_id); /* a finished exchange had this ID */
void v1_see(struct ike_sa *sa, uint32_t message_id);        /* an Informational exchange's */
void v1_see_quick(struct ike_sa *sa, uint32_t message_id);  /* a Quick Mode's */
void v1_seen_free(struct v1_sa *v1);

/* Starts a Quick Mode for a session's tunnel or flow; rekeys: the child to be replaced, NULL a new one. CV_EEXIST when one is under way. */
CV_MUST_USE cv_result v1_quick_start(struct ike *e, struct ike_sa *sa, struct ike_session *s,
                                     const struct cv_acquire *packet, struct sam_child *rekeys);
/* Sends an Informational message with one notify or one delete, under HASH when there are keys. spi as the payload has it. */
void v1_send_notify(struct ike *e, struct ike_sa *sa, uint8_t proto, struct slice spi, uint16_t type,
                    struct slice data);
void v1_send_delete(struct ike *e, struct ike_sa *sa, uint8_t proto, struct slice spi);
/* An unprotected error answer to a message that has no SA, or one without keys; rate-limited (RFC 2408 5). */
void v1_refuse_clear(struct ike *e, const struct ike_datagram *d, const struct pld_header *h, uint16_t type);

/* v1_dpd */
void v1_dpd_start(struct ike *e,
                  struct ike_sa *sa); /* at establishment, when the peer can and we are asked to */
void v1_dpd_due(struct ike *e, struct ike_sa *sa);
/* One R-U-THERE, if the peer can answer it, whatever the configuration: to learn whether AM3, which has no answer, has arrived. */
void v1_dpd_ask(struct ike *e, struct ike_sa *sa);
/* R-U-THERE and its ACK. True when it can only have been sent now: both directions have one key and nothing numbers messages, so that old
 * ones can be sent again, and ours thrown back. */
CV_MUST_USE bool v1_dpd_in(struct ike *e, struct ike_sa *sa, const struct pld1_notify *n);

/* v1_rekey */
cv_result v1_rekey_child(struct ike *e, struct ike_sa *sa, struct sam_child *c);
cv_result v1_rekey_sa(struct ike *e, struct ike_sa *sa); /* a new phase 1 beside the old one */
/* The new phase 1 is up: takes the children and sessions of every established SA of the same peer, profile and addresses that it replaces; those are
 * REPLACED, and deleted a little later. Also when the peer began it. */
void v1_rekey_done(struct ike *e, struct ike_sa *sa);
cv_result v1_delete_child(struct ike *e, struct ike_sa *sa, struct sam_child *c);
/* INVALID-SPI of protocol ESP to the peer (RFC 2408 3.14.1). */
void v1_invalid_spi(struct ike *e, struct ike_sa *sa, uint32_t spi, bool ah);
/* Deletes for its children and itself, then removes it at once: they are not acknowledged. Also when expire_at has come (IKE_REASON_LIFETIME);
 * a REPLACED one goes with IKE_REASON_REPLACED whatever `why`. */
void v1_delete_sa(struct ike *e, struct ike_sa *sa, enum ike_reason why);
/* The newest established SA of the same peer, profile and addresses, sa among them: new Quick Modes are its (G22). A REPLACED one is it only when
 * there is no other. */
struct ike_sa *v1_heir(struct ike *e, struct ike_sa *sa);
/* Its keys for a decoder, when they are there and somebody listens (env keylog). */
void v1_keylog(struct ike *e, const struct ike_sa *sa);

/* v1_main: the initiator's way in, also for v1_rekey_sa (replaces: conn_id of the old one, else 0). Main or Aggressive Mode as configured (PR-16). */
CV_MUST_USE cv_result v1_initiate(struct ike *e, struct ike_session *s, const struct cv_acquire *packet,
                                  uint32_t replaces);

#endif
