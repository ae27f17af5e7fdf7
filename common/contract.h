/* contract: everything the data plane (culvert-dp) and the control plane (culvertd) say to each other.
 *
 * One shared memory file (memfd), made by culvert-dp and handed to culvertd over RUN/dp.sock (see ring.h):
 *
 *   struct cv_shm          header: version, sizes, where the rest lies, the data plane's clock
 *   ring cmd      SP/SC    culvertd -> culvert-dp   struct cv_cmd
 *   ring evt      MP/SC    culvert-dp -> culvertd   struct cv_evt (replies by sequence number, and events)
 *   ring punt     MP/SC    culvert-dp -> culvertd   struct cv_ike_pkt (received IKE datagrams)
 *   ring inject   SP/SC    culvertd -> culvert-dp   struct cv_ike_pkt (IKE datagrams to send)
 *   statistics             written by the data plane, read at any time by anyone (relaxed 64-bit loads)
 *
 * Plain C11, no pointers, no DPDK or OpenSSL types; every size is asserted. Integers are host order (one
 * machine); addresses are network order inside struct ip_addr. A slot that carried a key is wiped by its
 * consumer before the slot is released, and by its producer's own copy after the enqueue.
 *
 * Who decides what: culvertd chooses every identifier (if_id, sa_id, SPI). The SPI of an inbound SA is
 * its index: low bits (header.sa_index_bits) are its slot in the inbound table, the bits above are a
 * random generation; a slot compares the whole SPI. Inbound SAs belong to workers by bucket: the SPI's low 6 bits
 * (cv_spi_bucket); which worker has a bucket stands in struct cv_steer, and may change while traffic runs.
 * Outbound SAs lie in a table of their own under a slot culvertd chooses, whatever SPI the peer chose.
 *
 * When culvertd goes away the data plane forwards on. On the next HELLO it answers SA_DUMP with what it
 * holds; `cookie` is culvertd's own word on each SA and comes back unchanged. */
#ifndef COMMON_CONTRACT_H
#define COMMON_CONTRACT_H

#include "common/addr.h"

#include <assert.h>
#include <stdint.h>

#define CV_CONTRACT_VERSION 7u
#define CV_SHM_MAGIC        0x0074726576c7563ull

enum {
    CV_MAX_WORKERS = 16,
    CV_WORKER_ANY = 0,
    CV_BUCKETS = 64, /* of inbound SAs, by the low bits of their SPIs; each is one worker's at a time */
    CV_MAX_PORTS = 32,
    CV_MAX_IFS = 4096, /* if_id 1 .. CV_MAX_IFS - 1; 0 is "none" */
    CV_MAX_VRFS = 64,  /* vrf 0 is the global table */
    CV_NAME_MAX = 32,
    CV_KEY_MAX = 64, /* longest integrity key (SHA-512) */
    CV_SALT_MAX = 4,
    CV_TS_MAX = 8,         /* selectors on each side of one SA */
    CV_IKE_PKT_MAX = 4000, /* octets of one IKE datagram across the rings */
    CV_CMD_SLOTS = 1024,
    CV_EVT_SLOTS = 4096,
    CV_PUNT_SLOTS = 512,
    CV_INJECT_SLOTS = 512,
    CV_REPLAY_WINDOW_MIN = 64,
    CV_REPLAY_WINDOW_MAX = 65536,
};

/* ---- drop reasons: one list; enum, CLI text and metric name come from it ------------------------- */
#define CV_DROP_REASONS(X)                                                                                   \
    X(NONE, "none", "not dropped")                                                                           \
    X(MALFORMED_ETHER, "malformed-ether", "frame too short or of an unknown type")                           \
    X(MALFORMED_IP, "malformed-ip", "IP header lengths or checksum wrong")                                   \
    X(MALFORMED_L4, "malformed-l4", "UDP or ICMP header wrong")                                              \
    X(FRAGMENT, "fragment", "fragment that cannot be handled here")                                          \
    X(TTL_EXPIRED, "ttl-expired", "TTL or hop limit ran out")                                                \
    X(NO_ROUTE, "no-route", "no route to the destination")                                                   \
    X(NO_NEIGHBOUR, "no-neighbour", "next hop does not answer ARP or ND")                                    \
    X(IF_DOWN, "if-down", "interface is shut down or unknown")                                               \
    X(NOT_LOCAL_SERVICE, "not-local-service", "for this host, but nothing here serves it")                   \
    X(TOO_BIG, "too-big", "over the MTU with DF set")                                                        \
    X(NO_SA, "no-sa", "protected route without a security association")                                      \
    X(TS_OUT, "ts-out", "outside the outbound SA's traffic selectors")                                       \
    X(TS_IN, "ts-in", "decrypted packet outside the inbound SA's traffic selectors")                         \
    X(UNKNOWN_SPI, "unknown-spi", "ESP or AH packet of an unknown SPI")                                      \
    X(WRONG_PEER, "wrong-peer", "ESP or AH packet to an address the SA does not have")                       \
    X(ESP_SHORT, "esp-short", "ESP packet shorter than its transform needs or unaligned")                    \
    X(ESP_AUTH, "esp-auth", "integrity check failed")                                                        \
    X(ESP_PAD, "esp-pad", "ESP padding or next header wrong after decryption")                               \
    X(ESP_INNER, "esp-inner", "inner packet malformed after decryption")                                     \
    X(REPLAY_OLD, "replay-old", "sequence number left of the anti-replay window")                            \
    X(REPLAY_DUP, "replay-dup", "sequence number seen before")                                               \
    X(SEQ_EXHAUSTED, "seq-exhausted", "outbound sequence number space used up")                              \
    X(LIFETIME, "lifetime", "hard lifetime of the SA reached")                                               \
    X(CRYPTO, "crypto", "crypto engine refused the packet")                                                  \
    X(TUNNEL_LOOP, "tunnel-loop", "tunnel destination routed into the tunnel itself")                        \
    X(PUNT_FULL, "punt-full", "IKE packet lost because the punt ring was full")                              \
    X(PUNT_LIMIT, "punt-limit", "IKE packet over the punt rate limit")                                       \
    X(IKE_TOO_LONG, "ike-too-long", "IKE datagram longer than the contract carries")                         \
    X(NO_MBUF, "no-mbuf", "packet buffers ran out")                                                          \
    X(TX_FULL, "tx-full", "transmit queue full")                                                             \
    X(HANDOFF_FULL, "handoff-full", "ring to the owner worker full")                                         \
    X(PENDING_FULL, "pending-full", "too many packets wait for a neighbour")                                 \
    X(NATT_KEEPALIVE, "natt-keepalive", "NAT keepalive, consumed as meant (RFC 3948 4)")                     \
    X(DUMMY, "dummy", "TFC dummy packet, consumed as meant (RFC 4303 2.6)")                                  \
    X(OTHER_HOST, "other-host", "frame for another station")                                                 \
    X(SLOW_LIMIT, "slow-limit", "over the rate of its class on the way to the manager")                      \
    X(ECN, "ecn", "congestion mark on a packet that cannot carry it (RFC 6040 4.2, RFC 3168 5.3)")           \
    X(MARTIAN, "martian",                                                                                    \
      "source or destination address that no forwarded packet may have (RFC 1812 5.3.7)")                    \
    X(GRE_MALFORMED, "gre-malformed", "GRE header that is too short, or has bits or a version not served")   \
    X(GRE_NO_TUNNEL, "gre-no-tunnel", "GRE packet for no tunnel: its addresses or its key are nobody's")     \
    X(GRE_CLEAR, "gre-clear", "GRE packet in clear, or of another SA, for a protected tunnel")               \
    X(POLICY_CLEAR, "policy-clear", "packet in clear that a crypto map wants protected (RFC 4301 5.2)")      \
    X(POLICY_DENY, "policy-deny", "packet that a crypto map lets nobody send")                               \
    X(POLICED, "policed", "over the rate limit of the tunnel, or of the line of a crypto map")               \
    X(ERROR_CLEAR, "error-clear", "ICMP error about what an SA delivered, that no SA takes back")            \
    X(ICMP_UNPROVEN, "icmp-unproven",                                                                        \
      "ICMP error about an IPsec packet that no SA here sent (RFC 4301 8.2)")                                \
    X(CRYPTO_FULL, "crypto-full", "too many packets are under way in the crypto device")                     \
    X(CRYPTO_LOST, "crypto-lost", "in the crypto device when it failed")                                     \
    X(FRAGMENT_OVERLAP, "fragment-overlap", "of a datagram with overlapping fragments (RFC 5722 3)")         \
    X(FRAGMENT_ROOM, "fragment-room", "fragment that gave way to newer ones")                                \
    X(FRAGMENT_LATE, "fragment-late", "fragment whose datagram was not complete in time")                    \
    X(AH_HEADER, "ah-header", "AH header of a length that its SA does not have, or cut short")               \
    X(AH_AUTH, "ah-auth", "integrity check of AH failed")                                                    \
    X(AH_INNER, "ah-inner", "what AH protects is not what the mode of its SA carries")                       \
    X(EXT_HEADERS, "ext-headers",                                                                            \
      "IPv6 extension headers too many, out of order, or of type 0 routing (RFC 8200 4.1, RFC 5095)")        \
    X(HEADER_CHAIN, "header-chain", "first fragment that does not hold all headers (RFC 7112 5)")            \
    X(EXT_OPTION, "ext-option",                                                                              \
      "for this host, with an IPv6 option or routing header that is not served (RFC 8200 4.2, 4.4)")         \
    X(ICMP_REFUSED, "icmp-refused",                                                                          \
      "ICMP message for this host of a type that the configuration refuses (RFC 4301 6.1)")                  \
    X(NO_ROOM, "no-room", "packet that no buffer holds with what is to be put around it")

enum cv_drop {
#define CV_DROP_ENUM(id, name, text) CV_DROP_##id,
    CV_DROP_REASONS(CV_DROP_ENUM)
#undef CV_DROP_ENUM
        CV_DROP_COUNT
};
static_assert(CV_DROP_COUNT <= 64, "drop counters fit their array");
const char *cv_drop_name(enum cv_drop r); /* "esp-auth": JSON key; metric label. "?" when out of range */
const char *cv_drop_text(enum cv_drop r);

/* ---- why an interface lost packets: the same in both directions; what each reason above is of them, says cv_if_drop_of --- */
#define CV_IF_DROPS(X)                                                                                       \
    X(POLICED, "policed", "over its rate limit")                                                             \
    X(NO_SA, "no-sa", "no security association: there is none, it has expired, or the SPI is unknown")       \
    X(REPLAY, "replay", "sequence number left of the anti-replay window, or seen before")                    \
    X(AUTH, "auth", "integrity check failed")                                                                \
    X(TS, "ts", "outside the security association's traffic selectors")                                      \
    X(TOO_BIG, "too-big", "over the MTU with DF set")                                                        \
    X(POLICY, "policy", "in clear where protection is asked for, or refused by a crypto map")                \
    X(OTHER, "other", "lost at the interface for another reason")

enum cv_if_drop {
#define CV_IF_DROP_ENUM(id, name, text) CV_IF_DROP_##id,
    CV_IF_DROPS(CV_IF_DROP_ENUM)
#undef CV_IF_DROP_ENUM
        CV_IF_DROP_COUNT
};
/* CV_IF_DROP_COUNT: of what is consumed as meant, which no interface counts. */
enum cv_if_drop cv_if_drop_of(enum cv_drop r);
const char *cv_if_drop_name(enum cv_if_drop r); /* "too-big": JSON key, metric label. "?" when out of range */
const char *cv_if_drop_text(enum cv_if_drop r);

/* ---- vocabulary ------------------------------------------------------------------------------------ */
/* Algorithm numbers are IANA's "IKEv2 Transform Type 1 / 3" values, so one number means one thing
 * everywhere in culvert. */
enum cv_encr {
    CV_ENCR_NONE = 0,
    CV_ENCR_DES = 2,
    CV_ENCR_3DES = 3,
    CV_ENCR_NULL = 11,
    CV_ENCR_AES_CBC = 12,
    CV_ENCR_AES_GCM_16 = 20,
    CV_ENCR_NULL_AES_GMAC = 21,
    CV_ENCR_CHACHA20_POLY1305 = 28,
};
enum cv_integ {
    CV_INTEG_NONE = 0,
    CV_INTEG_HMAC_MD5_96 = 1,
    CV_INTEG_HMAC_SHA1_96 = 2,
    CV_INTEG_HMAC_SHA2_256_128 = 12,
    CV_INTEG_HMAC_SHA2_384_192 = 13,
    CV_INTEG_HMAC_SHA2_512_256 = 14,
};
enum cv_dir { CV_DIR_IN = 0, CV_DIR_OUT = 1 };
enum cv_proto { CV_PROTO_ESP = 0 /* RFC 4303 */, CV_PROTO_AH = 51 /* RFC 4302 */ };
enum cv_mode { CV_MODE_TUNNEL = 0, CV_MODE_TRANSPORT = 1 };
/* CV_IF_FLOW: not a link: one permit line of a crypto map on a port. Packets come to it by a policy (CV_CMD_POLICY_*), not by a
 * route; its SAs, acquires and counters go by its if_id as a tunnel's do. What its inbound SAs deliver is routed in `vrf`. */
enum cv_if_kind { CV_IF_PORT = 1, CV_IF_LOOPBACK = 2, CV_IF_TUNNEL = 3, CV_IF_FLOW = 4 };
/* GRE and GRE6: GRE over IPv4, over IPv6 (RFC 2784, RFC 2890); they carry both families. */
enum cv_tunnel_mode { CV_TUNNEL_IPSEC4 = 1, CV_TUNNEL_IPSEC6 = 2, CV_TUNNEL_GRE = 3, CV_TUNNEL_GRE6 = 4 };
enum cv_policy_action {
    CV_POLICY_PROTECT = 1, /* into flow_if; without an SA it raises an acquire and is dropped (no-sa) */
    CV_POLICY_PROTECT_IF, /* into flow_if if an SA there takes it, else on in clear (dynamic map without an ACL) */
    CV_POLICY_PROTECT_ONLY, /* into flow_if; without an SA dropped, no acquire (dynamic map with an ACL) */
    CV_POLICY_BYPASS,       /* in clear (deny lines) */
    CV_POLICY_DISCARD,      /* dropped (policy-deny): `crypto ipsec ipv4-deny drop` */
};
enum cv_df { CV_DF_COPY = 0, CV_DF_SET = 1, CV_DF_CLEAR = 2 };

/* ---- commands ---------------------------------------------------------------------------------------- */
enum cv_cmd_type {
    CV_CMD_HELLO = 1, /* first on every connection; reply: hello */
    CV_CMD_IF_SET,    /* create or replace a logical interface */
    CV_CMD_IF_DEL,
    CV_CMD_ADDR_ADD, /* local address; its connected route comes with it */
    CV_CMD_ADDR_DEL,
    CV_CMD_ROUTE_ADD, /* replaces an equal prefix of the same VRF */
    CV_CMD_ROUTE_DEL,
    CV_CMD_SA_ADD,      /* install; an outbound SA sends only after SA_ACTIVATE */
    CV_CMD_SA_ACTIVATE, /* outbound: becomes the first choice of its tunnel interface */
    CV_CMD_SA_DEL,      /* reply carries the last counters; keys are wiped after the grace period */
    CV_CMD_SA_SET_PEER, /* outbound and inbound: new remote endpoint after a NAT mapping change */
    CV_CMD_SA_DUMP,     /* one CV_EVT_SA_ENTRY per SA, then the reply */
    CV_CMD_PING,        /* one ICMP echo request from this host; the answer is CV_EVT_PING */
    CV_CMD_FLUSH,       /* forget all interfaces, routes and SAs: a culvertd with nothing to resume */
    /* The policy of a port, as one transaction: BEGIN a new one (u.if_id), ADD its rows, COMMIT (u.if_id). Until COMMIT has been answered with
     * CV_OK the old one is in force; on an error it stays. One without rows takes the policy away. */
    CV_CMD_POLICY_BEGIN,
    CV_CMD_POLICY_ADD,
    CV_CMD_POLICY_COMMIT,
    CV_CMD_NBR_ADD, /* a neighbour that is never asked for and never ages; replaces what is known of the address */
    CV_CMD_NBR_DEL, /* such a one: afterwards the address is asked for again */
    CV_CMD_STEER,   /* u.steer: give a bucket to a worker, or balance all; answered when it is begun */
    CV_CMD_ICMP_SET, /* u.icmp: in place of what was said before; at first, and after FLUSH, nothing is refused */
    CV_CMD_WORKERS, /* u.workers: so many are to run; answered when that is begun. CV_EUNSUP: it takes a restart */
};

/* A token bucket: what passes in the long run, and at once. */
struct cv_police {
    uint64_t bps;   /* bits a second, of IP packets; 0: everything passes */
    uint32_t burst; /* octets */
    uint32_t pad;
};
static_assert(sizeof(struct cv_police) == 16, "contract size");

struct cv_if {
    uint32_t if_id;
    uint8_t kind;        /* enum cv_if_kind */
    uint8_t up;          /* administratively up */
    uint8_t tunnel_mode; /* enum cv_tunnel_mode, tunnels only */
    uint8_t df;          /* enum cv_df of the outer header, tunnels only */
    uint16_t vrf;        /* of the packets it carries */
    uint16_t tunnel_vrf; /* of the outer packets */
    uint16_t mtu;        /* IP MTU in octets; 0: the port's, or what the encapsulation leaves */
    uint8_t gre_tos;     /* with gre_tos_set: DSCP of the GRE packet's outer header, as TOS; else copied */
    uint8_t gre_tos_set;
    char name[CV_NAME_MAX];    /* "Ethernet0/0", "Tunnel1", NUL-terminated */
    char port[CV_NAME_MAX];    /* CV_IF_PORT: name of the `port` line of the platform section */
    struct ip_addr tunnel_src; /* tunnels: outer addresses; destination may be IP_NONE */
    struct ip_addr tunnel_dst;
    uint32_t gre_key; /* with gre_keyed: sent, and demanded (RFC 2890 2.1) */
    uint16_t tcp_mss; /* SYNs of TCP over IPv4, either way, are clamped to it; 0: not (`ip tcp adjust-mss`) */
    uint8_t gre_keyed;
    uint8_t gre_ttl; /* of the GRE packet's outer header; 0: copied from the packet (IOS's default is 255) */
    uint8_t
        is_protected; /* GRE: without an SA nothing leaves, and nothing comes in that no SA of it delivered */
    uint8_t gre_pmtud;  /* `tunnel path-mtu-discovery`: DF of the inner packet goes outside */
    uint8_t frag_after; /* tunnels, flows: packets that may be cut are cut after encryption, not before */
    uint8_t pad2;
    uint32_t flow_port; /* CV_IF_FLOW: if_id of the port its crypto map is applied to */
    /* `ip virtual-reassembly` of ports, for what is for this host; each 0: what the data plane thinks fit */
    uint16_t reass_datagrams; /* unfinished at one time, of each worker */
    uint8_t reass_fragments;  /* of one datagram */
    uint8_t reass_timeout_s;
    uint16_t tcp_mss6; /* as tcp_mss, of IPv6 (`ipv6 tcp adjust-mss`) */
    uint16_t pad3;
    struct cv_police police[2]; /* tunnels, by enum cv_dir: of what they carry, as it is inside */
};
static_assert(sizeof(struct cv_if) == 176, "contract size");

/* One row of a port's policy; rows of lower order come first, the first that matches decides. Nothing matches: in clear. */
struct cv_policy {
    uint32_t if_id; /* the port */
    uint32_t order;
    uint32_t flow_if; /* CV_IF_FLOW; 0 for BYPASS and DISCARD */
    uint8_t action;   /* enum cv_policy_action */
    uint8_t pad[3];
    struct ts local; /* of packets going out: source ... */
    struct ts
        remote; /* ... and destination. Coming in, the reverse, and PROTECT and PROTECT_ONLY mean: not in clear */
};
static_assert(sizeof(struct cv_policy) == 96, "contract size");
enum { CV_POLICY_ROWS_MAX = 4096 /* of one port */ };

struct cv_addr {
    uint32_t if_id;
    struct ip_addr addr;
    uint8_t len;
    uint8_t pad[3];
};
static_assert(sizeof(struct cv_addr) == 28, "contract size");

/* A neighbour known by configuration: `arp A.B.C.D MAC arpa`, `ipv6 neighbor`. NBR_DEL looks at if_id and addr alone. */
struct cv_nbr {
    uint32_t if_id; /* CV_IF_PORT */
    struct ip_addr addr;
    uint8_t mac[6]; /* of one station: not a group, not zero */
    uint8_t pad[2];
};
static_assert(sizeof(struct cv_nbr) == 32, "contract size");

struct cv_route {
    uint16_t vrf;
    uint16_t pad;
    struct ip_prefix prefix;
    struct ip_addr next_hop; /* IP_NONE: the destination is on the link, or the interface is a tunnel */
    uint32_t if_id;          /* 0: resolve next_hop through the table (one level) */
};
static_assert(sizeof(struct cv_route) == 52, "contract size");

enum cv_sa_flags {
    CV_SA_ESN = 1u << 0,        /* 64-bit sequence numbers (RFC 4303 2.2.1) */
    CV_SA_NATT = 1u << 1,       /* UDP encapsulation (RFC 3948) */
    CV_SA_NO_REPLAY = 1u << 2,  /* inbound: no anti-replay */
    CV_SA_BEHIND_NAT = 1u << 3, /* outbound: we are behind the NAT and send keepalives */
    CV_SA_ECN_DROP = 1u << 4,   /* do not carry ECN over (RFC 6040 compatibility mode) */
};

/* Which SA: the whole SPI guards against a slot that has been given to another. */
struct cv_sa_ref {
    uint8_t dir; /* enum cv_dir */
    uint8_t pad[3];
    uint32_t sa_id;
    uint32_t spi;
};
static_assert(sizeof(struct cv_sa_ref) == 12, "contract size");

struct cv_sa {
    struct cv_sa_ref ref;
    uint32_t if_id;       /* tunnel interface it belongs to */
    uint64_t cookie;      /* culvertd's own; the data plane only keeps it */
    uint32_t flags;       /* enum cv_sa_flags */
    uint16_t encr;        /* enum cv_encr */
    uint16_t integ;       /* enum cv_integ; NONE with an AEAD */
    uint8_t mode;         /* enum cv_mode */
    uint8_t encr_key_len; /* octets, without the salt */
    uint8_t salt_len;     /* 4 for AES-GCM, GMAC and ChaCha20-Poly1305, else 0 */
    uint8_t integ_key_len;
    uint16_t
        tfc_len; /* outbound, tunnel mode: inner packets are padded to it (RFC 4303 2.7); 0: not; CV_TFC_MTU */
    uint16_t keepalive_s; /* NAT keepalive interval, outbound; 0 none */
    uint16_t vrf_outer;
    uint8_t df;               /* enum cv_df, outbound */
    uint8_t ts_count;         /* pairs: local[i] with remote[i]; 1..CV_TS_MAX */
    struct ip_endpoint local; /* outer addresses; ports with CV_SA_NATT */
    struct ip_endpoint remote;
    uint64_t seq;                    /* outbound: last number used (0 for a new SA); inbound: highest seen */
    uint64_t soft_bytes, hard_bytes; /* 0: no limit; counted over the ESP payload (inner packet) */
    uint64_t soft_packets, hard_packets;
    uint32_t replay_window; /* packets, 64..65536, power of two; inbound */
    uint32_t dummy_ms;      /* outbound: a dummy packet each so many ms (RFC 4303 2.6); 0: none */
    uint8_t worker;         /* the one it is for, plus one (RFC 9611: a resource); CV_WORKER_ANY */
    uint8_t proto;          /* enum cv_proto; with AH encr is CV_ENCR_NULL, and there is no CV_SA_NATT */
    uint8_t pad[2];
    uint32_t hard_seconds; /* until it is closed; 0: no limit. SA_ENTRY: what is left, 1 at least */
    uint32_t pad2;
    struct ts ts_local[CV_TS_MAX];
    struct ts ts_remote[CV_TS_MAX];
    uint8_t encr_key[32]; /* secrets from here on */
    uint8_t salt[CV_SALT_MAX];
    uint8_t integ_key[CV_KEY_MAX];
};
static_assert(sizeof(struct cv_sa) == 896, "contract size");
#define CV_TFC_MTU UINT16_MAX /* as much as one outer packet carries */

struct cv_sa_peer {
    struct cv_sa_ref ref;
    struct ip_endpoint remote;
};
static_assert(sizeof(struct cv_sa_peer) == 36, "contract size");

struct cv_ping {
    uint16_t vrf;
    uint16_t id;
    uint16_t seq;
    uint16_t size; /* octets of ICMP payload, up to 1400 */
    uint8_t ttl;
    uint8_t df;
    uint16_t pad;
    struct ip_addr dst;
    struct ip_addr src; /* a local address */
};
static_assert(sizeof(struct cv_ping) == 52, "contract size");

enum {
    CV_STEER_BALANCE = UINT32_MAX /* as a bucket: even out the workers by what the last second brought */
};
struct cv_steer_cmd {
    uint32_t bucket; /* below CV_BUCKETS */
    uint32_t worker; /* that is to have it */
};
static_assert(sizeof(struct cv_steer_cmd) == 8, "contract size");

enum { CV_CPU_ANY = UINT16_MAX };
struct cv_workers_cmd {
    uint32_t count; /* 1 .. CV_MAX_WORKERS */
    uint16_t
        cpu[CV_MAX_WORKERS]; /* where each of them runs, by `lcores`; CV_CPU_ANY: as culvert-dp thinks fit */
};
static_assert(sizeof(struct cv_workers_cmd) == 36, "contract size");

/* ICMP types whose messages to this host are dropped, icmp-refused (RFC 4301 6.1.1, 6.1.2): bit t % 8 of refused[side][family][t / 8].
 * side: 0 for what came in clear by a port, 1 for what an SA or a tunnel delivered; family: 1 for ICMPv6. Neighbour Discovery is not asked
 * about. */
struct cv_icmp_rules {
    uint8_t refused[2][2][32];
};
static_assert(sizeof(struct cv_icmp_rules) == 128, "contract size");

struct cv_hello {
    uint32_t version;
    uint32_t pid;
};
static_assert(sizeof(struct cv_hello) == 8, "contract size");

struct cv_cmd {
    uint32_t type; /* enum cv_cmd_type */
    uint32_t seq;  /* comes back in the reply */
    union {
        struct cv_hello hello;
        struct cv_if interface;
        uint32_t if_id;
        struct cv_addr addr;
        struct cv_route route;
        struct cv_nbr nbr;
        struct cv_sa sa;
        struct cv_sa_ref sa_ref;
        struct cv_sa_peer sa_peer;
        struct cv_ping ping;
        struct cv_policy policy;
        struct cv_steer_cmd steer;
        struct cv_icmp_rules icmp;
        struct cv_workers_cmd workers;
        uint8_t raw[1016];
    } u;
};
static_assert(sizeof(struct cv_cmd) == 1024, "contract size");

/* ---- replies and events ------------------------------------------------------------------------------ */
enum cv_evt_type {
    CV_EVT_REPLY = 1, /* to the command of `seq` */
    CV_EVT_SA_ENTRY,  /* part of SA_DUMP: u.sa without its keys */
    CV_EVT_ACQUIRE,   /* a packet wants an SA; one per interface until a child is installed or 1 s passed */
    CV_EVT_SA_SOFT,   /* soft lifetime reached, once per SA */
    CV_EVT_SA_HARD,   /* hard lifetime reached, once; the SA passes nothing more */
    CV_EVT_SA_SEQ,    /* 7/8 of the sequence number space used, once */
    CV_EVT_SA_FIRST,  /* first authenticated packet on an inbound SA */
    CV_EVT_NAT_CHANGE, /* authenticated packet from another endpoint (RFC 7296 2.23): each second till SET_PEER */
    CV_EVT_LINK,       /* port up or down */
    CV_EVT_PING,       /* answer or error to CV_CMD_PING */
    CV_EVT_UNKNOWN_SPI, /* rate limited: ESP or AH for an SPI nobody has */
    CV_EVT_BAD_PACKET,  /* an SA dropped it; of an SA and reason one in 10 s, and few in all. For the log */
    CV_EVT_WORKERS,     /* another number of workers runs: header.workers_now */
};

struct cv_sa_counters { /* one cache line; see cv_shm for who writes it */
    uint64_t packets;
    uint64_t bytes; /* inner packet octets */
    uint64_t auth_failed;
    uint64_t replayed;
    uint64_t ts_failed;
    uint64_t other_drops;
    uint64_t last_tsc; /* of the last good packet, in the header's clock */
    uint64_t highest_seq;
};
static_assert(sizeof(struct cv_sa_counters) == 64, "contract size");

struct cv_acquire {
    uint32_t if_id;
    uint16_t vrf;
    uint8_t proto;
    uint8_t pad;
    struct ip_endpoint src; /* of the packet; port 0 when it has none */
    struct ip_endpoint dst;
};
static_assert(sizeof(struct cv_acquire) == 56, "contract size");

/* What of an SA's lifetime an event of SOFT or HARD speaks of. */
enum {
    CV_BY_BYTES = 1,
    CV_BY_PACKETS = 2,
    CV_BY_DEVICE = 3, /* what works on the SA cannot go on */
    CV_BY_TIME = 4,   /* HARD alone */
};
struct cv_sa_event {
    struct cv_sa_ref ref;
    uint32_t proto; /* UNKNOWN_SPI: enum cv_proto */
    uint64_t cookie;
    struct ip_endpoint remote; /* NAT_CHANGE: the new one; UNKNOWN_SPI: the sender; BAD_PACKET: see there */
    struct ip_endpoint local;  /* UNKNOWN_SPI, BAD_PACKET */
    uint32_t reason;           /* BAD_PACKET: enum cv_drop; SOFT and HARD: CV_BY_* */
    uint32_t vrf;              /* UNKNOWN_SPI */
};
static_assert(sizeof(struct cv_sa_event) == 80, "contract size");

/* BAD_PACKET. What it says of the packet itself is not what its sender proved, unless the reason is one that comes behind the integrity check. */
enum { CV_BAD_QUOTED = 64 };
struct cv_bad_packet {
    struct cv_sa_event sa; /* seen: its ends are the packet's, ports those of UDP; else the SA's */
    uint32_t seq; /* seen: the sequence number that the packet has, of an extended one the low half */
    uint16_t quoted_len;
    uint8_t seen; /* the packet still had its headers when it was dropped */
    uint8_t pad;
    uint8_t quoted[CV_BAD_QUOTED]; /* TS_IN in tunnel mode: quoted_len octets from the inner header on */
};
static_assert(sizeof(struct cv_bad_packet) == 152, "contract size");

struct cv_link {
    uint32_t port; /* index in cv_shm.ports */
    uint32_t up;
};
static_assert(sizeof(struct cv_link) == 8, "contract size");

struct cv_ping_evt {
    uint16_t id;
    uint16_t seq;
    uint8_t icmp_type; /* 0 / 129 echo reply; 3, 11 / 1, 2, 3 errors; 255: dropped here, see drop */
    uint8_t icmp_code;
    uint8_t ttl;
    uint8_t drop; /* enum cv_drop */
    struct ip_addr from;
    uint32_t pad;
    uint64_t rtt_ns;
};
static_assert(sizeof(struct cv_ping_evt) == 40, "contract size");

struct cv_hello_reply {
    uint32_t version;
    uint32_t pid;
    uint64_t boot_id;  /* random per data plane process: another one means an empty data plane */
    uint32_t sa_count; /* SAs held now, both directions */
    uint32_t if_count;
};
static_assert(sizeof(struct cv_hello_reply) == 24, "contract size");

struct cv_reply {
    int32_t result; /* cv_result */
    uint32_t cmd;   /* enum cv_cmd_type it answers */
    union {
        struct cv_hello_reply hello;
        struct cv_sa_counters counters; /* SA_DEL */
    } u;
};
static_assert(sizeof(struct cv_reply) == 72, "contract size");

struct cv_evt {
    uint32_t type; /* enum cv_evt_type */
    uint32_t seq;  /* REPLY, SA_ENTRY: of the command */
    union {
        struct cv_reply reply;
        struct cv_sa sa;
        struct cv_acquire acquire;
        struct cv_sa_event sa_event;
        struct cv_bad_packet bad_packet;
        struct cv_link link;
        struct cv_ping_evt ping;
        uint8_t raw[952]; /* room for struct cv_sa to grow */
    } u;
};
static_assert(sizeof(struct cv_evt) == 960, "contract size");

/* ---- IKE datagrams, both ways ---------------------------------------------------------------------- */
enum cv_ike_flags {
    CV_IKE_NATT = 1u << 0,      /* port 4500: the non-ESP marker is stripped on punt, added on inject */
    CV_IKE_KEEPALIVE = 1u << 1, /* inject: send one 0xFF octet instead of data (RFC 3948 2.3) */
};

struct cv_ike_pkt {
    struct ip_endpoint local;
    struct ip_endpoint remote;
    uint16_t vrf;
    uint16_t flags; /* enum cv_ike_flags */
    uint32_t len;   /* octets of data */
    uint32_t if_id; /* punt: where it came in */
    uint32_t pad;
    uint8_t data[CV_IKE_PKT_MAX];
};
static_assert(sizeof(struct cv_ike_pkt) == 4064, "contract size");

/* ---- statistics ---------------------------------------------------------------------------------------- */
struct cv_worker_stats { /* written by its worker alone */
    uint32_t lcore;
    uint32_t running;
    uint64_t rx_packets;
    uint64_t tx_packets;
    uint64_t busy_cycles; /* in loops that had packets */
    uint64_t total_cycles;
    uint64_t handed_off; /* packets given to another worker */
    uint64_t crypto_packets;
    uint64_t joined;    /* frames in several mbufs that were copied into one */
    uint64_t drops[64]; /* by enum cv_drop */
};
static_assert(sizeof(struct cv_worker_stats) == 576, "contract size");

struct cv_port_stats { /* written by the manager, about every 100 ms */
    char name[CV_NAME_MAX];
    char driver[CV_NAME_MAX];
    uint8_t mac[6];
    uint8_t link_up;
    uint8_t numa;
    uint32_t mtu;
    uint32_t speed_mbps;
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t rx_missed, rx_errors, tx_errors;
    uint64_t rx_no_mbuf;
    uint8_t pad[48];
};
static_assert(sizeof(struct cv_port_stats) == 192, "contract size");

struct cv_if_stats { /* one per interface and worker */
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};
static_assert(sizeof(struct cv_if_stats) == 32, "contract size");

/* What the interface itself lost, one per interface and worker; apart from the above, which every packet touches. What is dropped where no
 * interface has it (no route, TTL, martians) stands in cv_worker_stats.drops alone, which has everything.
 *   tunnels, flows  in: ESP and AH of their SAs, and of unknown SPIs between a tunnel's ends; what came out and was not let on
 *                   out: what the route or the crypto map sent there; tx_packets counts what was given to an SA, be it lost there or not
 *   ports           what a crypto map does not let in or out; ESP and AH of unknown SPIs that are no tunnel's; out, besides, what is too big
 *                   and what had no room in the transmit queue */
struct cv_if_drops {
    uint64_t n[2][CV_IF_DROP_COUNT]; /* by enum cv_dir and enum cv_if_drop */
};
static_assert(sizeof(struct cv_if_drops) == 128, "contract size");

struct cv_engine_stats {
    char engine[CV_NAME_MAX]; /* "ipsecmb" */
    char device[CV_NAME_MAX]; /* what it runs on: "ipsec-mb 1.3 VAES-AVX512" */
    uint64_t sessions;
    uint64_t packets;
};
static_assert(sizeof(struct cv_engine_stats) == 80, "contract size");
enum { CV_MAX_ENGINES = 8 };

/* What works on an SA: enum, engine's name, how it works. */
#define CV_ENGINES(X)                                                                                        \
    X(UNKNOWN, "unknown", "unknown")                                                                         \
    X(IPSECMB, "ipsecmb", "call")                                                                            \
    X(VAES, "vaes", "call")                                                                                  \
    X(CRYPTODEV, "cryptodev", "look-aside")                                                                  \
    X(CRYPTODEV_CPU, "cryptodev", "cpu")                                                                     \
    X(CRYPTODEV_PROTOCOL, "cryptodev", "look-aside-protocol")                                                \
    X(INLINE_CRYPTO, "inline", "inline-crypto")                                                              \
    X(INLINE_PROTOCOL, "inline", "inline-protocol")
/* Why it is not the device that the configuration names. */
#define CV_ENGINE_WHYS(X)                                                                                    \
    X(NONE, "none", "")                                                                                      \
    X(TRANSFORM, "transform", "the device does not do this transform")                                       \
    X(SESSIONS, "sessions", "the device has no room for more SAs")                                           \
    X(FAILED, "device-failed", "the device has failed")                                                      \
    X(PORT, "no-port", "no port that does IPsec leads to the peer")                                          \
    X(PROTO, "protocol", "the device does no AH")                                                            \
    X(MODE, "mode", "the device does not do this mode")                                                      \
    X(DIRECTION, "direction", "the device does not do this direction")                                       \
    X(ESN, "esn", "the device does no extended sequence numbers here")                                       \
    X(UDP, "udp-encapsulation", "the device does no UDP encapsulation here")                                 \
    X(WINDOW, "replay-window", "the device has no replay window of this size")                               \
    X(HEADER, "outer-header", "the device does not carry over DSCP, DF or ECN as asked")                     \
    X(TFC, "tfc", "packets are padded or dummies are sent, which software does")                             \
    X(TRAILER, "trailer", "the device wants to write the ESP trailer")                                       \
    X(USED, "used-before", "the SA was in use before, and the device's window would begin anew")             \
    X(REFUSED, "refused", "the device refused it, or has no room")                                           \
    X(UNFIT, "unfit", "the device could not take packets of this tunnel")
enum cv_engine_by {
#define CV_ENGINE_ENUM(id, name, mode) CV_ENGINE_##id,
    CV_ENGINES(CV_ENGINE_ENUM)
#undef CV_ENGINE_ENUM
        CV_ENGINE_COUNT
};
enum cv_engine_why {
#define CV_ENGINE_WHY_ENUM(id, name, text) CV_ENGINE_WHY_##id,
    CV_ENGINE_WHYS(CV_ENGINE_WHY_ENUM)
#undef CV_ENGINE_WHY_ENUM
        CV_ENGINE_WHY_COUNT
};
/* "?" when out of range. */
const char *cv_engine_name(unsigned by);
const char *cv_engine_mode(unsigned by);
const char *cv_engine_why_name(unsigned why);
const char *cv_engine_why_text(unsigned why);

struct cv_sa_engine { /* one per SA slot and direction; written by the manager */
    uint8_t by;       /* enum cv_engine_by */
    uint8_t why;      /* enum cv_engine_why */
    uint8_t pad[6];
    uint64_t since_tsc; /* when that became so, in the header's clock */
};
static_assert(sizeof(struct cv_sa_engine) == 16, "contract size");
/* What the device that has a session of an SA did of it, to the packet: one per SA slot and direction, written by the manager about once a second. */
struct cv_sa_offload {
    uint8_t row;     /* place of its device among struct cv_engine_stats, from 1; 0: it is not said */
    uint8_t counted; /* 1: packets is kept */
    uint8_t pad[6];
    uint64_t packets; /* of the SA that its device worked on, since it was made */
};
static_assert(sizeof(struct cv_sa_offload) == 16, "contract size");

/* The MTU of the path to an IPsec peer, while it is less than its port's: learned of routers, kept for ten minutes (RFC 1191). A row of
 * mtu 0 is free. Written by the manager alone; what is read while it writes may be of two rows, for the eye only. */
struct cv_path_mtu {
    struct ip_addr remote;
    uint16_t vrf; /* of the outer packets */
    uint16_t mtu;
};
static_assert(sizeof(struct cv_path_mtu) == 24, "contract size");
enum { CV_PATH_MTUS = 1024 };
struct cv_memory_row {      /* written by the manager, about every 100 ms */
    char name[CV_NAME_MAX]; /* "outbound SAs"; empty: no such row */
    uint64_t count;         /* objects in use, with all their rounding in bytes; 0: a table, or spare */
    uint64_t bytes;
};
static_assert(sizeof(struct cv_memory_row) == 48, "contract size");
enum { CV_MAX_MEMORY_ROWS = 16 };

/* How a port brings ESP to the worker that owns its SA. */
enum cv_steer_by {
    CV_STEER_HANDOFF = 0, /* the driver took no rule: software, over the hand-off rings */
    CV_STEER_BUCKETS,     /* a rule per bucket: follows when buckets move */
    CV_STEER_WORKERS,     /* a rule per worker (a power of two of them): right until buckets move */
    CV_STEER_ONE,         /* one worker: there is nothing to steer */
};
enum cv_rss { CV_RSS_IP = 1u << 0, CV_RSS_UDP = 1u << 1, CV_RSS_ESP = 1u << 2 };

struct cv_steer_port { /* written by the manager */
    uint8_t esp;       /* enum cv_steer_by: plain ESP */
    uint8_t natt;      /* the same of ESP in UDP on port 4500 */
    uint8_t rss;       /* enum cv_rss: what the driver hashes */
    uint8_t pad;
    uint16_t rules; /* in force */
    uint16_t rx_queues;
    char esp_why[56]; /* the driver's refusal, "" when there was none */
    char natt_why[56];
};
static_assert(sizeof(struct cv_steer_port) == 120, "contract size");

struct cv_steer_bucket { /* written by the manager */
    uint16_t worker;
    uint8_t moving; /* on its way to that worker */
    uint8_t pad[5];
    uint64_t moves;
};
static_assert(sizeof(struct cv_steer_bucket) == 16, "contract size");

struct cv_steer {
    uint64_t moves;     /* of buckets between workers, done */
    uint64_t automatic; /* of these, those nobody asked for */
    uint64_t last_tsc;  /* of the last one, in the header's clock; 0: none */
    uint8_t balancing;  /* automatic moves are on */
    uint8_t pad[7];
    struct cv_steer_bucket bucket[CV_BUCKETS];
    struct cv_steer_port port[CV_MAX_PORTS];
};
static_assert(sizeof(struct cv_steer) == 32 + 16 * CV_BUCKETS + 120 * CV_MAX_PORTS, "contract size");

struct cv_steer_counts {         /* one per worker, written by it; counted only where there are several */
    uint64_t worked[CV_BUCKETS]; /* inbound ESP packets of a bucket that it worked on as its owner */
    uint64_t handed[CV_BUCKETS]; /* those that landed with it and were another's */
};
static_assert(sizeof(struct cv_steer_counts) == 1024, "contract size");

/* Head of the shared memory. Offsets are from its start; written once before it is handed over, but for
 * the clock. counters_in[sa_index]; counters_out[worker << sa_index_bits | sa_index]: what is laid out for
 * workers that never ran is never touched, and takes no memory. */
struct cv_shm {
    uint64_t magic;
    uint32_t version;
    uint32_t workers; /* at most: room for so many is laid out */
    uint64_t size;
    uint32_t sa_index_bits; /* tables hold 1 << sa_index_bits SAs in each direction */
    uint32_t ports;
    uint64_t cmd_off, evt_off, punt_off, inject_off;
    uint64_t worker_stats_off; /* struct cv_worker_stats [workers + 1]; the last is the manager's */
    uint64_t port_stats_off;   /* struct cv_port_stats [CV_MAX_PORTS] */
    uint64_t if_stats_off; /* struct cv_if_stats, then struct cv_if_drops, each [workers + 1][CV_MAX_IFS] */
    uint64_t engine_stats_off;                  /* struct cv_engine_stats [CV_MAX_ENGINES] */
    uint64_t counters_in_off, counters_out_off; /* struct cv_sa_counters */
    uint64_t tsc_hz;
    uint64_t boot_id;
    _Alignas(64) uint64_t now_tsc; /* refreshed by the manager at least every 10 ms */
    uint64_t dp_asleep;            /* 1: manager sleeps on its doorbell; ring it after an enqueue */
    uint64_t ctl_asleep;           /* 1: culvertd sleeps on its doorbell */
    uint64_t path_mtus_off;        /* struct cv_path_mtu [CV_PATH_MTUS] */
    uint64_t steer_off;      /* struct cv_steer, then struct cv_steer_counts [workers] 128 octets aligned */
    uint64_t memory_off;     /* struct cv_memory_row [CV_MAX_MEMORY_ROWS] */
    uint64_t sa_engines_off; /* struct cv_sa_engine [2][1 << sa_index_bits], by enum cv_dir and slot */
    uint32_t workers_now;    /* that run, 0 .. workers_now - 1; the manager's, it changes */
    uint32_t workers_ever;   /* ... and those that ever did: their counts stay */
};
static_assert(sizeof(struct cv_shm) == 192, "contract size");

/* SPI <-> slot. Values 0..255 are reserved (RFC 4303 2.1): culvertd never makes a generation of zero. */
static inline uint32_t cv_spi_slot(uint32_t spi, uint32_t sa_index_bits)
{
    return spi & ((1u << sa_index_bits) - 1u);
}
static inline uint32_t cv_spi_bucket(uint32_t spi)
{
    return spi % CV_BUCKETS;
}
/* The worker that a bucket begins with. */
static inline uint32_t cv_bucket_worker(uint32_t bucket, uint32_t workers)
{
    return bucket % workers; /* set-up only; the path reads the table of owners */
}

#endif
