/* mock_wire: two IKE engines, a virtual clock and the wire between them, which loses, doubles, delays and spoils what
 * its seed says. Each end has a mock_dp. Every IKEv2 datagram is decoded as it is sent, with the sender's keys, into a
 * trace of lines such as
 *     A IKE_AUTH req 1: IDi AUTH SA TSi TSr N(INITIAL_CONTACT)
 * and IKEv1's messages are written down as the engine notes them (struct ike_note), a run of vendor IDs as one:
 *     A MM1: SA VID
 *     A MM1 (again): SA VID
 *     B QM2: HASH SA NONCE ID ID
 * so that a test can say what it expects as a dialogue. Decisions and events are kept, too. Nothing here waits: a minute of protocol
 * time takes microseconds. */
#ifndef TESTS_MOCK_MOCK_WIRE_H
#define TESTS_MOCK_MOCK_WIRE_H

#include "control/config/cfg.h"
#include "control/ike/ike_sa.h"
#include "control/ikev2/v2.h"
#include "tests/mock/mock_dp.h"

enum wire_end { A, B };
enum {
    WIRE_QUEUE = 1024,
    WIRE_TRACE = 1 << 16,
    WIRE_CONF = 8192,
    WIRE_TUNNEL_IF = 1, /* if_id of the first tunnel or flow of a configuration; the others count on */
    WIRE_DECISIONS = 512,
    WIRE_CHAINS = 64,
    WIRE_FETCHES = 32
};

/* What differs from the ordinary gateway; NULL: the ordinary value. */
struct wire_conf {
    bool ikev1;            /* the ordinary gateway of IKEv1: keyring KR, policy 10, ISAKMP profile PF */
    const char *psk;       /* "secret" */
    const char *ike;       /* lines of the proposal: AES-GCM-128, prf sha256, group 19; IKEv1: of the policy:
                            * AES-128, SHA-256, group 19 */
    const char *transform; /* of the transform set: "esp-gcm" */
    const char *ipsec;     /* more lines of the IPsec profile */
    const char *profile;   /* more lines of the IKE profile */
    const char *own_id;    /* "address A"; IKEv1: of self-identity, "address" */
    const char *match;     /* "address B 255.255.255.255" */
    const char *mode;      /* "ipv4" */
    const char *key;       /* IKEv1: what the key is for: "address 0.0.0.0 0.0.0.0" */
    const char *bound;     /* profile that the IPsec profile is bound to: "PF"; "" none */
    const char *peer;      /* the other end's address as this end knows it */
    const char *global;    /* more global lines */
};

struct wire_packet {
    enum wire_end from;
    struct ip_endpoint src, dst;
    bool natt;
    uint8_t *data;
    size_t len;
    uint64_t due, order;
};

struct wire_decision {
    enum wire_end end;
    char at[24]; /* "MM5", "IKE_AUTH" */
    struct sel_trace trace;
};

/* IKEv1: where the CBC chain of an exchange stands, as the sender has it (RFC 2409 Appendix B). */
struct wire_chain {
    uint8_t spi_i[8];
    uint32_t message_id;
    uint8_t before[CR_IV_MAX], after[CR_IV_MAX]; /* the last message's IV, and its last block */
    uint64_t used;                               /* 0: free */
};

struct wire_side {
    struct wire *wire;
    enum wire_end which;
    char tunnel[CV_NAME_MAX]; /* what wire_up, wire_status, wire_packet ... are about; see wire_on */
    uint32_t if_id;
    char names[MOCK_IFS][CV_NAME_MAX]; /* of the interfaces of dp: a reload frees the configuration's */
    struct ike *ike;
    struct cfg *cfg;
    struct mock_dp *dp;
    struct sam_link link;
    struct pki *pki;                /* mock_wire_pki */
    uint64_t fetches[WIRE_FETCHES]; /* ids of what is under way */
    unsigned fetch_count;
    struct ip_addr address;
    uint64_t rng;
    bool deaf;              /* as if it had lost power: gets nothing, its timers stand still */
    bool muted;             /* what it sends is lost */
    unsigned sent, mtu_max; /* mtu_max: longest datagram it has sent */
};

struct wire {
    uint64_t now, seed, rng, order;
    struct wire_side side[2];
    struct wire_packet queue[WIRE_QUEUE];
    unsigned queued;
    unsigned latency_ms;
    unsigned loss, dup, reorder, corrupt; /* per cent of the datagrams */
    unsigned mtu;                         /* longer datagrams are lost; 0 none */
    /* A NAT in front of A: the address and port base that B sees. family IP_NONE: no NAT. */
    struct ip_addr nat;
    uint16_t nat_port;
    /* false: the packet is lost. It may be changed in place. */
    bool (*filter)(struct wire *w, struct wire_packet *p, void *ctx);
    void *filter_ctx;
    char trace[WIRE_TRACE];
    size_t trace_len;
    uint64_t undecoded;         /* protected datagrams whose keys the sender did not have any more */
    char events[2][WIRE_TRACE]; /* "facility: text" lines; what no longer fits is not kept */
    size_t events_len[2];
    struct wire_decision decisions[WIRE_DECISIONS]; /* the last ones, a ring */
    uint64_t decided;
    struct wire_chain chains[WIRE_CHAINS];
};

/* Configurations of the two ordinary gateways, or of what c makes of them. out: WIRE_CONF octets. */
void wire_conf_text(enum wire_end end, const struct wire_conf *c, char *out);
/* a, b: NULL for the ordinary ones. Aborts the test when a configuration does not parse. */
struct wire *wire_new(uint64_t seed, const struct wire_conf *a, const struct wire_conf *b);
/* From whole configurations. The first protected tunnel or flow of each is the one that tests ask about, until wire_on. */
struct wire *wire_new_text(uint64_t seed, const char *a, const char *b);
/* tests/golden/ios/NAME.conf with more lines behind it (NULL: none); the caller frees it. */
char *wire_golden(const char *name, const char *more);
/* Tests now ask about these tunnels or flows ("Tunnel2", "CMAP#10.20"), one of each end. */
void wire_on(struct wire *w, const char *a, const char *b);
/* Another configuration for a running engine. */
void wire_reload(struct wire *w, enum wire_end end, const char *text);
void wire_free(struct wire *w);

/* Protocol time passes; returns early never. Fails hard (abort) when the engines spin without time passing. */
void wire_run(struct wire *w, uint64_t ms);
void wire_up(struct wire *w, enum wire_end end);
/* A restart of one end: its engine forgets everything, its data plane, too, when dp is set. */
void wire_restart(struct wire *w, enum wire_end end, bool dp);
/* After a restart without dp: the engine is given what its data plane still holds. */
void wire_adopt(struct wire *w, enum wire_end end);

enum ike_session_status wire_status(struct wire *w, enum wire_end end);
enum ike_reason wire_reason(struct wire *w, enum wire_end end); /* of the last error */
const char *wire_reason_text(struct wire *w, enum wire_end end);
/* The IKE SA of the end's session; NULL none. */
struct ike_sa *wire_sa(struct wire *w, enum wire_end end);
unsigned wire_sas(struct wire *w, enum wire_end end);            /* IKE SAs of any kind */
struct sam_child *wire_child(struct wire *w, enum wire_end end); /* that sends; NULL none */
unsigned wire_children(struct wire *w, enum wire_end end);       /* not retiring */
/* One packet through the tunnel, such as its selectors want (GRE for a GRE tunnel, what the permit line says for a flow); true when it arrived. */
bool wire_packet(struct wire *w, enum wire_end from);
/* Any packet from the tunnel. */
bool wire_pass(struct wire *w, enum wire_end from, const struct mock_packet *p);
/* Packets both ways each millisecond for so long; returns how many were lost. */
unsigned wire_traffic(struct wire *w, uint64_t ms);
/* Both ends up, with consistent data planes; prints why not. */
bool wire_both_up(struct wire *w);
bool wire_consistent(struct wire *w, bool strict);

/* True when the trace holds the text. */
bool wire_saw(const struct wire *w, const char *text);
unsigned wire_count(const struct wire *w, const char *text);
void wire_trace_clear(struct wire *w);
/* The trace is exactly this. Prints the difference. */
bool wire_dialogue(const struct wire *w, const char *expected);

/* The end has logged a line with this fragment ("isakmp: ", its facility, stands in front). */
bool wire_event(const struct wire *w, enum wire_end end, const char *fragment);
/* The end has decided so. at: where ("MM5"); kind: "keyring"; rule: "KR-7"; chosen: its name, "" for none; NULL: any. Prints what it did decide when not. */
bool wire_decided(const struct wire *w, enum wire_end end, const char *at, const char *kind, const char *rule,
                  const char *chosen);
/* How often. */
unsigned wire_decisions(const struct wire *w, enum wire_end end, const char *at, const char *kind,
                        const char *rule, const char *chosen);
/* Forgets trace, decisions and events. */
void wire_record_clear(struct wire *w);

/* A message as `as` would send it on `sa` (one of its own), with inner payloads by build; delivered at once to the other end. */
typedef void wire_build(struct pld_builder *b, void *ctx);
void wire_forge(struct wire *w, enum wire_end as, struct ike_sa *sa, uint8_t exchange, bool response,
                uint32_t message_id, wire_build *build, void *ctx);
/* For filters: opens a protected datagram with its sender's keys, lets `change` have the inner payloads (cap octets of room, *first the type of the
 * first), and seals it again, as a peer gone mad would. False when it is not one that can be opened (fragments, forgotten keys). */
typedef void wire_change(uint8_t *plain, size_t *len, size_t cap, uint8_t *first, void *ctx);
bool wire_reseal(struct wire *w, struct wire_packet *p, wire_change *change, void *ctx);
/* IKEv1: a message of phase 2 under the sender's keys (RFC 2409 5.5, 5.7): HASH(1), then what build writes. message_id 0: any. how: what is wrong with it. */
enum wire_how { WIRE_SOUND = 0, WIRE_BAD_HASH = 1, WIRE_NO_HASH = 2, WIRE_CLEAR = 4 };
void wire_forge1(struct wire *w, enum wire_end as, struct ike_sa *sa, uint8_t exchange, uint32_t message_id,
                 unsigned how, wire_build *build, void *ctx);
/* IKEv1, for filters: opens a protected datagram as its receiver would. In phase 1 `change` has all payloads; in phase 2 those behind HASH, whose
 * value is made anew where the sender knows how (HASH(1), HASH(2)). False when it is not one that can be opened. */
bool wire_reseal1(struct wire *w, struct wire_packet *p, wire_change *change, void *ctx);
/* A packet on the wire, as if it had been sent: for filters that make several of one. data is copied. */
void wire_put(struct wire *w, const struct wire_packet *p);
/* Raw octets delivered at once to an end, from the other end's port 500. */
void wire_inject(struct wire *w, enum wire_end to, const uint8_t *data, size_t len);

#endif
