/* cfg_model: a parsed configuration, as plain data that selection, IKE, the CLI and the linter read.
 *
 * Made by cfg_parse (cfg.h), never changed afterwards: a reload makes a new one. Names are resolved by
 * cfg_find_* (case-sensitive as in IOS); order in the arrays is configuration order, which some rules need
 * (KR-6, PF-8). Every object keeps the file line it began on. Secrets (pre-shared keys) are `struct secret`
 * and wiped by cfg_free. Times in seconds, volumes in kilobytes as IOS has them. */
#ifndef CONTROL_CONFIG_CFG_MODEL_H
#define CONTROL_CONFIG_CFG_MODEL_H

#include "common/addr.h"
#include "common/contract.h"
#include "common/platform.h"
#include "common/result.h"
#include "common/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CFG_NAME_MAX = 64, CFG_TEXT_MAX = 256 };

/* ---- identities ----------------------------------------------------------------------------------------- */
enum cfg_id_kind {
    CFG_ID_NONE = 0,
    CFG_ID_ADDRESS,     /* prefix; /32 or /128 for one host */
    CFG_ID_FQDN,        /* text */
    CFG_ID_FQDN_DOMAIN, /* text: suffix */
    CFG_ID_EMAIL,
    CFG_ID_EMAIL_DOMAIN,
    CFG_ID_KEY_ID, /* text, taken as octets */
    CFG_ID_DN,     /* local identity from the certificate */
    CFG_ID_ANY,
};
struct cfg_id {
    enum cfg_id_kind kind;
    struct ip_prefix prefix;
    char text[CFG_TEXT_MAX];
    int line;
};

/* ---- interfaces and routes -------------------------------------------------------------------------- */
struct cfg_ifaddr {
    struct ip_addr addr;
    uint8_t len;
    bool secondary;
    int line;
};

/* Where a packet that is too long for an SA is cut: as it is, or what came of it. */
enum cfg_cut { CFG_CUT_GLOBAL, CFG_CUT_BEFORE, CFG_CUT_AFTER };

/* Limits on what is put together of fragments for this host; each 0: as the data plane thinks fit. */
struct cfg_reass {
    bool set;
    unsigned datagrams, fragments, timeout_s;
};

/* rate-limit: of one direction. */
struct cfg_rate_limit {
    uint64_t bps; /* 0 off */
    uint32_t burst, burst_max;
};

struct cfg_flow;
struct cfg_interface {
    char name[CV_NAME_MAX]; /* canonical: "Ethernet0/0", "Loopback0", "Tunnel1" */
    int line;
    enum cv_if_kind kind;
    bool shutdown; /* default false here: a port that is configured is meant to run; documented divergence */
    char description[CFG_TEXT_MAX];
    char vrf[CFG_NAME_MAX]; /* "" global */
    unsigned addr_count;
    struct cfg_ifaddr addrs[16];
    unsigned mtu;              /* of the device; 0: as it comes */
    unsigned ip_mtu, ipv6_mtu; /* 0: default */
    bool df_set;
    enum cv_df df;          /* crypto ipsec df-bit */
    enum cfg_cut cut;       /* crypto ipsec fragmentation */
    struct cfg_reass reass; /* ip virtual-reassembly */
    /* tunnels */
    char tunnel_source_if[CV_NAME_MAX]; /* "" when an address was given */
    struct ip_addr tunnel_source;
    struct ip_addr tunnel_destination;
    char tunnel_destination_host[CFG_TEXT_MAX];
    enum cv_tunnel_mode tunnel_mode; /* default gre ip */
    char tunnel_vrf[CFG_NAME_MAX];
    char protection_profile[CFG_NAME_MAX]; /* ipsec profile; "" unprotected */
    bool protection_shared;
    int protection_line, source_line, destination_line;
    bool gre_keyed; /* tunnel key N */
    uint32_t gre_key;
    unsigned tunnel_ttl; /* default 255 */
    bool tunnel_tos_set; /* tunnel tos N */
    unsigned tunnel_tos;
    bool tunnel_pmtud;
    unsigned tcp_mss, tcp_mss6; /* ip and ipv6 tcp adjust-mss; 0 off */
    struct cfg_rate_limit
        rate_limit[2]; /* tunnels, and flows, which have that of their entry; by enum cv_dir */
    /* physical interfaces */
    char crypto_map[CFG_NAME_MAX];  /* applied here; "" none */
    char crypto_map6[CFG_NAME_MAX]; /* `ipv6 crypto map` */
    int crypto_map_line, crypto_map6_line;
    /* CV_IF_FLOW only: made by cfg_flows_make at the end of cfg_parse, one for each permit line of a crypto map that is applied, behind all
     * interfaces that were written. Looks like a tunnel to IKE: tunnel source, destination (the first peer, IP_NONE for a dynamic one), VRFs,
     * protection_profile (an IPsec profile made for the entry). The name is "MAP#SEQ.ACE", stable across reloads. */
    const struct cfg_flow *flow;
    int vrf_line, tunnel_vrf_line;
};

struct cfg_route {
    char vrf[CFG_NAME_MAX];
    struct ip_prefix prefix;
    struct ip_addr next_hop; /* IP_NONE when only an interface is given */
    char interface[CV_NAME_MAX];
    unsigned distance; /* default 1 */
    bool permanent;
    char name[CFG_NAME_MAX]; /* `name N`; "" none */
    int line;
};

/* `arp` and `ipv6 neighbor`: of an address of a VRF there is one; of an IPv6 address one on each interface. */
struct cfg_neighbor {
    char vrf[CFG_NAME_MAX];
    struct ip_addr addr;
    uint8_t mac[6];
    char interface[CV_NAME_MAX]; /* "": the one whose subnet holds the address */
    int line;
};

/* ---- IKEv2 -------------------------------------------------------------------------------------------------- */
struct cfg_encr {
    uint16_t id, key_bits;
}; /* IANA number; key bits, 0 for ciphers of one length */

struct cfg_ikev2_proposal {
    char name[CFG_NAME_MAX];
    int line;
    bool builtin;                                             /* the default proposal of section 5 */
    unsigned encr_count, integ_count, prf_count, group_count; /* in preference order */
    struct cfg_encr encr[12];
    uint16_t integ[8], prf[8], group[12]; /* prf_count 0: the PRFs of the integrity algorithms */
};

struct cfg_ikev2_policy {
    char name[CFG_NAME_MAX];
    int line;
    bool builtin;
    bool fvrf_any;
    char fvrf[CFG_NAME_MAX]; /* "" global */
    unsigned local_count;
    struct ip_addr local[8]; /* match address local; none: any */
    unsigned proposal_count;
    char proposals[8][CFG_NAME_MAX];
    int proposal_lines[8];
};

struct cfg_ikev2_peer { /* `peer TAG` block of a keyring */
    char tag[CFG_NAME_MAX];
    int line;
    struct ip_prefix address; /* addr.family IP_NONE when absent; 0.0.0.0/0 and ::/0 allowed */
    bool has_address;
    char hostname[CFG_TEXT_MAX];
    char description[CFG_TEXT_MAX];
    struct cfg_id identity;
    struct secret psk_local, psk_remote; /* symmetric: both hold the same octets */
};

struct cfg_ikev2_keyring {
    char name[CFG_NAME_MAX];
    int line;
    unsigned peer_count;
    struct cfg_ikev2_peer *peers;
};

enum cfg_auth {
    CFG_AUTH_NONE = 0,
    CFG_AUTH_PSK = 1,
    CFG_AUTH_RSA_SIG = 2,
    CFG_AUTH_ECDSA_SIG = 4,
    CFG_AUTH_EAP = 8
}; /* bits */

struct cfg_dpd {
    bool set;
    unsigned interval_s; /* 10..3600 */
    unsigned retry_s;    /* 2..60 */
    bool periodic;
};

struct cfg_certmap_ref { /* match certificate MAP of a profile */
    char name[CFG_NAME_MAX];
    int line;
};

struct cfg_ikev2_profile {
    char name[CFG_NAME_MAX];
    int line;
    bool shutdown;
    char description[CFG_TEXT_MAX];
    bool fvrf_any;
    char fvrf[CFG_NAME_MAX];
    unsigned local_count; /* match address local A | interface IF */
    struct {
        struct ip_addr addr;
        char interface[CV_NAME_MAX];
    } local[8];
    unsigned match_count;
    struct cfg_id match[16]; /* match identity remote, OR */
    struct cfg_id identity;  /* identity local; CFG_ID_NONE: default (G29) */
    unsigned auth_local;     /* one bit of enum cfg_auth */
    unsigned auth_remote;    /* bits */
    struct secret auth_local_key,
        auth_remote_key; /* `pre-share key K` in the profile; empty when not given */
    char keyring[CFG_NAME_MAX];
    int keyring_line;
    unsigned lifetime_s; /* default 86400 */
    struct cfg_dpd dpd;
    unsigned nat_keepalive_s; /* 0: global */
    bool initial_contact_force;
    unsigned trustpoint_count;
    struct {
        char name[CFG_NAME_MAX];
        bool sign, verify;
        int line;
    } trustpoints[8];
    unsigned certmap_count; /* match certificate, OR with the identities */
    struct cfg_certmap_ref certmaps[8];
    bool lifetime_certificate; /* `lifetime certificate`: no longer than the certificates are valid */
    char ivrf[CFG_NAME_MAX];   /* of the packets inside, for crypto maps; "" that of the port */
    int ivrf_line;
};

/* ---- IKEv1 ---------------------------------------------------------------------------------------------------- */
enum cfg_hash {
    CFG_HASH_MD5 = 1,
    CFG_HASH_SHA1 = 2,
    CFG_HASH_SHA256 = 4,
    CFG_HASH_SHA384 = 5,
    CFG_HASH_SHA512 = 6
}; /* RFC 2409 appendix A and IANA "Internet Key Exchange (IKE) Attributes", class 2 */

struct cfg_isakmp_policy {
    unsigned priority; /* 1..10000; the built-in ones 65507..65514 */
    int line;
    bool builtin;
    struct cfg_encr encr;
    enum cfg_hash hash;
    enum cfg_auth auth; /* one */
    bool rsa_encr;      /* `authentication rsa-encr`; auth is CFG_AUTH_NONE then */
    uint16_t group;
    unsigned lifetime_s;
};

struct cfg_isakmp_key {
    int line;
    bool has_address; /* else by host name, which Main Mode ignores (KR-5) */
    struct ip_prefix address;
    char hostname[CFG_TEXT_MAX];
    struct secret key;
    bool no_xauth;
};

/* The local address that a keyring or profile is for. */
struct cfg_isakmp_local {
    struct ip_addr addr; /* IP_NONE when an interface is named, or neither: any */
    char interface[CV_NAME_MAX];
    char vrf[CFG_NAME_MAX]; /* where the address is; "" global */
    int line;
};

struct cfg_isakmp_keyring {
    char name[CFG_NAME_MAX]; /* "default": the keys of `crypto isakmp key` */
    int line;
    char vrf[CFG_NAME_MAX]; /* fVRF; "" global */
    char description[CFG_TEXT_MAX];
    struct cfg_isakmp_local local;
    unsigned key_count;
    struct cfg_isakmp_key *keys;
};

struct cfg_isakmp_profile {
    char name[CFG_NAME_MAX];
    int line;
    char description[CFG_TEXT_MAX];
    char fvrf[CFG_NAME_MAX]; /* "" global */
    unsigned keyring_count;  /* 0: the keyring default (G7) */
    char keyrings[8][CFG_NAME_MAX];
    int keyring_lines[8];
    struct cfg_id
        self; /* CFG_ID_NONE: the global identity; an address of family IP_NONE: our own; an FQDN "": our own */
    unsigned match_count; /* with certmap_count 0: incomplete, never used by the responder */
    struct cfg_id match[16];
    struct cfg_isakmp_local local;
    struct cfg_dpd dpd; /* without set: the global one */
    bool aggressive;    /* initiate mode aggressive */
    unsigned trustpoint_count;
    char trustpoints[8][CFG_NAME_MAX];
    int trustpoint_line;
    unsigned certmap_count; /* match certificate, OR with the identities */
    struct cfg_certmap_ref certmaps[8];
    char ivrf[CFG_NAME_MAX]; /* `vrf V`: of the packets inside, for crypto maps; "" that of the port */
    int ivrf_line;
};

/* ---- IPsec -------------------------------------------------------------------------------------------------- */
struct cfg_transform_set {
    char name[CFG_NAME_MAX];
    int line;
    bool builtin;
    uint16_t encr, key_bits; /* CV_ENCR_*; NONE when only AH */
    uint16_t integ;          /* CV_INTEG_*; NONE with an AEAD */
    uint16_t ah_integ;       /* AH; with ESP in the same set: a lint error */
    bool transport, transport_require;
};

struct
    cfg_sa_params { /* `set security-association`, with the global values folded in by cfg_sa_params_effective */
    bool lifetime_s_set, lifetime_kb_set, lifetime_kb_disable, replay_set, replay_disable, idle_set, df_set,
        ecn_set;
    unsigned lifetime_s;       /* default 3600 */
    uint64_t lifetime_kb;      /* default 4608000 */
    bool lifetime_packets_set; /* our extension: `lifetime packets N` */
    uint64_t lifetime_packets; /* 0: no limit, which is the default */
    unsigned replay_window;    /* default 64 */
    unsigned idle_s;           /* 0 off */
    bool idle_default;         /* then the entry's default peer is the first again */
    enum cv_df df;             /* default copy */
    bool ecn_discard;
    bool esn; /* our extension: `set security-association esn` (off in IOS) */
    bool esn_set;
    bool per_worker_set; /* our extension: `set security-association per-worker [N]` (RFC 9611) */
    unsigned per_worker; /* child SAs beside the one for all; 0: as many as there are workers */
    bool dummy_set, tfc_set;
    unsigned dummy_pps, dummy_s; /* dummy packets: so many a second, or one in so many seconds; both 0 off */
    unsigned tfc_len;            /* our extension: `tfc-padding`, octets or CV_TFC_MTU; 0 off */
};

struct cfg_ipsec_profile {
    char name[CFG_NAME_MAX];
    int line;
    bool builtin;
    unsigned transform_set_count; /* 0: the set named default */
    char transform_sets[8][CFG_NAME_MAX];
    int transform_set_line;
    char isakmp_profile[CFG_NAME_MAX];
    int isakmp_profile_line;
    char ikev2_profile[CFG_NAME_MAX];
    int ikev2_profile_line;
    bool pfs;
    uint16_t pfs_group; /* IANA number */
    bool responder_only;
    char description[CFG_TEXT_MAX];
    struct cfg_sa_params sa;
    bool made; /* for an entry of a crypto map, by cfg_flows_make; behind all that were written */
};

/* ---- access lists and crypto maps ----------------------------------------------------------------------- */
/* One line. `permit ip A W B W`; local and remote as seen from this end: source and destination. */
struct cfg_ace {
    unsigned seq; /* 10, 20 ... when not given */
    int line;
    bool permit;
    struct ts local, remote;
};

struct cfg_acl {
    char name[CFG_NAME_MAX]; /* or its number */
    int line;
    bool ipv6; /* `ipv6 access-list`; both families share one name space, as on IOS */
    unsigned ace_count;
    struct cfg_ace *aces; /* by seq */
};

struct cfg_map_peer {
    struct ip_addr addr; /* IP_NONE with a host name (not resolved by this release: lint error) */
    char host[CFG_TEXT_MAX];
    bool is_default;
};

/* An entry of a crypto map or of a dynamic map. */
struct cfg_map_entry {
    unsigned seq;
    int line;
    char dynamic[CFG_NAME_MAX]; /* static maps: the dynamic map it points to; "" none */
    int dynamic_line;
    char acl[CFG_NAME_MAX]; /* match address */
    int acl_line;
    unsigned peer_count;
    struct cfg_map_peer peers[8];
    bool reverse_route;
    struct cfg_rate_limit rate_limit[2]; /* of each permit line alone, by enum cv_dir */
    struct cfg_ipsec_profile
        ipsec; /* transform sets, PFS, lifetimes, profiles: as of an IPsec profile; name unset */
};

struct cfg_crypto_map {
    char name[CFG_NAME_MAX];
    int line;
    bool dynamic; /* a crypto dynamic-map */
    bool ipv6;    /* `crypto map ipv6`: packets and peers of IPv6 alone; never a dynamic one */
    char local_address[CV_NAME_MAX]; /* interface; "" the one it is applied to */
    int local_address_line;
    char isakmp_profile[CFG_NAME_MAX]; /* of all entries that have none */
    int isakmp_profile_line;
    unsigned entry_count;
    struct cfg_map_entry *entries; /* by seq */
};

/* What a CV_IF_FLOW stands for. */
struct cfg_flow {
    char map[CFG_NAME_MAX];
    unsigned seq;             /* of the entry in the static map */
    unsigned dynamic_seq;     /* of the entry in the dynamic map; 0: static */
    unsigned ace;             /* seq of the permit line; 0: no ACL (dynamic) */
    char port[CV_NAME_MAX];   /* the interface that the map is applied to */
    char group[CFG_NAME_MAX]; /* "MAP#SEQ@PORT": flows of one entry share one IKE SA */
    bool is_dynamic;          /* responder only, any peer */
    bool has_acl;             /* dynamic: false: the peer's selectors are taken as they come */
    struct ts local, remote;
    unsigned peer_count;
    struct ip_addr peers[8]; /* tried in order */
};

/* ---- VRFs and peers ------------------------------------------------------------------------------------- */
struct cfg_vrf {
    char name[CFG_NAME_MAX];
    char rd[CFG_NAME_MAX];
    bool ipv4, ipv6; /* address families opened; legacy `ip vrf`: ipv4 */
    bool legacy;
    int line;
};

/* ---- certificates (section 4.5) --------------------------------------------------------------------------- */
enum { CFG_URL_MAX = 512, CFG_CERT_MAX = 16384, CFG_CERTS_MAX = 512, CFG_FINGERPRINT_MAX = 32 };

enum cfg_enrollment {
    CFG_ENROLL_NONE,
    CFG_ENROLL_URL, /* SCEP */
    CFG_ENROLL_TERMINAL,
    CFG_ENROLL_SELFSIGNED,
    CFG_ENROLL_PKCS12,
    CFG_ENROLL_PROFILE, /* written back; enrolment profiles are not done */
};
enum cfg_revocation { CFG_REVOCATION_NONE, CFG_REVOCATION_CRL, CFG_REVOCATION_OCSP };

/* `match certificate MAP ...` of a trust-point: exceptions for the peers' certificates that the map takes. */
struct cfg_trust_match {
    char map[CFG_NAME_MAX];
    int line;
    bool allow_expired, skip_revocation, skip_authorization;
    char cdp_url[CFG_URL_MAX], ocsp_url[CFG_URL_MAX]; /* override; "" none */
    unsigned ocsp_order;                              /* `override ocsp N url`: lowest first; 0 none given */
};

struct cfg_trustpoint {
    char name[CFG_NAME_MAX];
    int line;
    enum cfg_enrollment enrollment;
    int enrollment_line;
    char url[CFG_URL_MAX];         /* of enrollment url, else "" */
    bool pem;                      /* `url U pem`, `terminal pem` */
    char profile[CFG_NAME_MAX];    /* of enrollment profile */
    bool ra;                       /* enrollment mode ra */
    char proxy_host[CFG_TEXT_MAX]; /* enrollment http-proxy; "" none */
    unsigned proxy_port;
    unsigned retry_count, retry_period_min; /* default 10 and 1 */
    bool auto_enroll, regenerate;
    unsigned auto_enroll_percent; /* of the lifetime, after which it is renewed; default 100 */
    char subject_name[CFG_TEXT_MAX];
    int subject_line;
    char fqdn[CFG_TEXT_MAX];       /* "" hostname and domain; "none" */
    char ip_address[CFG_NAME_MAX]; /* an address, an interface, or "none"; "" not in the request */
    int ip_address_line;
    bool serial_number;        /* in the request */
    bool serial_none;          /* `serial-number none` was written */
    struct secret password;    /* SCEP's challenge; empty none */
    bool password_7;           /* written as type 7, kept as typed: it is not the password */
    unsigned revocation_count; /* 0: not written, which is crl */
    enum cfg_revocation revocation[3];
    char key_label[CFG_NAME_MAX]; /* rsakeypair, eckeypair; "" the trust-point's name */
    bool key_ec;
    unsigned key_bits, key_bits_encryption; /* 0 not given */
    int key_line;
    enum cfg_hash hash; /* of the request's signature; 0: SHA-256 */
    int hash_line;
    bool chain_set, chain_continue; /* chain-validation; default: stop at this CA */
    char chain_parent[CFG_NAME_MAX];
    int chain_line;
    char crl_url[CFG_URL_MAX]; /* crl query; "" the certificate's own */
    bool crl_cache_none;
    unsigned crl_delete_after_min, crl_extend_min; /* crl cache; 0 none */
    bool crl_optional;                             /* `crl optional`, `crl best-effort` */
    char ocsp_url[CFG_URL_MAX];                    /* "" the certificate's own */
    bool ocsp_no_nonce;
    unsigned match_count;
    struct cfg_trust_match match[8];
    bool usage_ike, usage_ssl_client, usage_ssl_server;
    char vrf[CFG_NAME_MAX];
    int vrf_line;
    char source_interface[CV_NAME_MAX];
    int source_line;
    bool primary;
    char storage[CFG_TEXT_MAX];
    uint8_t fingerprint[CFG_FINGERPRINT_MAX]; /* of the CA certificate */
    unsigned fingerprint_len;                 /* 0 none; 16 (MD5), 20 (SHA-1), 32 (SHA-256) */
};

/* The methods in force: what is written, else crl. Returns how many. */
unsigned cfg_revocation_methods(const struct cfg_trustpoint *t, enum cfg_revocation out[3]);

/* A certificate in `crypto pki certificate chain NAME`. Its DER is whole as a SEQUENCE; what is in it is checked by control/pki. */
enum cfg_cert_kind { CFG_CERT_OWN, CFG_CERT_CA, CFG_CERT_SELF_SIGNED, CFG_CERT_RA };
struct cfg_certificate {
    char trustpoint[CFG_NAME_MAX];
    int line;
    enum cfg_cert_kind kind;
    char serial[CFG_NAME_MAX]; /* as written, hexadecimal */
    char file[CFG_TEXT_MAX];   /* "nvram:CA1#2.cer": it is not here, and there are no octets; "" */
    size_t n;
    uint8_t *der; /* n octets; NULL with a file */
};

/* crypto pki certificate map NAME SEQ: its lines all hold, and any sequence of the name will do. */
enum cfg_cert_field {
    CFG_CERT_SUBJECT,
    CFG_CERT_ISSUER,
    CFG_CERT_ALT_SUBJECT,
    CFG_CERT_NAME, /* subject or alternative name */
    CFG_CERT_UNSTRUCTURED,
    CFG_CERT_SERIAL,
    CFG_CERT_EXPIRES_ON,
    CFG_CERT_VALID_START,
};
enum cfg_cert_op { CFG_CERT_EQ, CFG_CERT_NE, CFG_CERT_CO, CFG_CERT_NC, CFG_CERT_GE, CFG_CERT_LT };
struct cfg_certmap_line {
    int line;
    enum cfg_cert_field field;
    enum cfg_cert_op op;
    char text[CFG_TEXT_MAX]; /* `co ou = qytang` is kept as "ou=qytang" */
    int64_t time;            /* of expires-on, valid-start: seconds since 1970, UTC */
};
struct cfg_certmap {
    char name[CFG_NAME_MAX];
    unsigned seq; /* the sequences of one name stand together, ascending */
    int line;
    unsigned line_count;
    struct cfg_certmap_line lines[16];
};
struct cfg_isakmp_peer { /* crypto isakmp peer {address A | hostname H} [vrf V] */
    int line;
    struct ip_addr addr; /* IP_NONE with a host name */
    char host[CFG_TEXT_MAX];
    char vrf[CFG_NAME_MAX];
    int vrf_line;
    char description[CFG_TEXT_MAX];
    struct secret password;  /* set aggressive-mode password; empty: none */
    struct cfg_id client_id; /* set aggressive-mode client-endpoint; CFG_ID_NONE: not given */
};

/* ---- the whole ----------------------------------------------------------------------------------------------- */
/* IOS-XE has 40. Behind a hub that restarts hundreds of spokes come back at once. */
enum { CFG_IN_NEGOTIATION_DEFAULT = 1000 };

struct cfg {
    char file[CFG_TEXT_MAX];
    struct platform platform;
    bool ipv6_unicast_routing;
    char hostname[CFG_TEXT_MAX];    /* "" when not configured */
    char domain_name[CFG_TEXT_MAX]; /* ip domain name */
    unsigned interface_count, route_count, proposal_count, policy_count, keyring_count, profile_count,
        transform_set_count, ipsec_profile_count;
    struct cfg_interface *interfaces;
    struct cfg_route *routes;
    unsigned neighbor_count;
    struct cfg_neighbor *neighbors;
    struct cfg_ikev2_proposal *proposals; /* the builtin default is there unless redefined */
    struct cfg_ikev2_policy *policies;
    struct cfg_ikev2_keyring *keyrings;
    struct cfg_ikev2_profile *profiles;
    struct cfg_transform_set *transform_sets; /* with the builtin default */
    struct cfg_ipsec_profile *ipsec_profiles; /* with the builtin default */
    struct cfg_dpd ikev2_dpd;
    unsigned ikev2_nat_keepalive_s;                  /* 0 off */
    unsigned ikev2_cookie_challenge;                 /* half-open SAs; 0 off */
    unsigned ikev2_max_in_negotiation, ikev2_max_sa; /* incoming; CFG_IN_NEGOTIATION_DEFAULT and 0: none */
    unsigned ikev2_max_out_negotiation;              /* 400 by default */
    unsigned ikev2_window;                           /* default 5 */
    bool ikev2_fragmentation;         /* default: on here, off in IOS (documented divergence) */
    unsigned ikev2_fragmentation_mtu; /* default 1280 (RFC 7383 2.5.1), IOS 576 when on */
    struct cfg_sa_params sa;          /* crypto ipsec security-association ... */
    bool cut_after;                   /* crypto ipsec fragmentation after-encryption */
    enum cv_df df;                    /* crypto ipsec df-bit; folded in by cfg_sa_params_effective */
    bool logging_session, logging_ikev2;
    /* IKEv1 */
    unsigned isakmp_policy_count, isakmp_keyring_count, isakmp_profile_count;
    struct cfg_isakmp_policy *isakmp_policies; /* those configured, by priority; use cfg_isakmp_policies */
    struct cfg_isakmp_keyring isakmp_default;  /* the keyring named default; no keys: not configured */
    struct cfg_isakmp_keyring *isakmp_keyrings;
    struct cfg_isakmp_profile *isakmp_profiles;
    bool isakmp_disabled;           /* no crypto isakmp enable */
    bool isakmp_no_default_policy;  /* no crypto isakmp default policy */
    bool isakmp_aggressive_disable; /* crypto isakmp aggressive-mode disable */
    bool isakmp_fragmentation;
    enum cfg_id_kind isakmp_identity; /* CFG_ID_ADDRESS by default, CFG_ID_FQDN, CFG_ID_DN */
    struct cfg_dpd isakmp_dpd;
    unsigned isakmp_nat_keepalive_s; /* 0 off */
    bool isakmp_invalid_spi_recovery;
    unsigned isakmp_peer_count;
    struct cfg_isakmp_peer *isakmp_peers;
    unsigned isakmp_max_in_negotiation, isakmp_max_sa; /* crypto call admission limit; 0 for max_sa: none */
    /* policy */
    unsigned acl_count, map_count, vrf_count, flow_count;
    struct cfg_acl *acls;
    struct cfg_crypto_map *maps; /* static and dynamic ones */
    struct cfg_vrf *vrfs;
    struct cfg_flow *flows;    /* interfaces of kind CV_IF_FLOW point here */
    unsigned char ipv4_deny;   /* enum cfg_deny */
    struct cv_icmp_rules icmp; /* crypto ipsec icmp */
    unsigned trustpoint_count, certificate_count, certmap_count;
    struct cfg_trustpoint *trustpoints;
    struct cfg_certificate *certificates; /* in the order of the file */
    struct cfg_certmap *certmaps;
    bool isakmp_disconnect_revoked,
        ikev2_disconnect_revoked; /* crypto {isakmp|ikev2} disconnect-revoked-peers */
    bool
        ikev2_http_url_cert; /* advertise HTTP_CERT_LOOKUP_SUPPORTED; off here, on in IOS (documented divergence) */
};
enum cfg_deny { CFG_DENY_JUMP, CFG_DENY_CLEAR, CFG_DENY_DROP };

const struct cfg_interface *cfg_find_interface(const struct cfg *c, const char *name);
const struct cfg_ikev2_proposal *cfg_find_proposal(const struct cfg *c, const char *name);
const struct cfg_ikev2_policy *cfg_find_policy(const struct cfg *c, const char *name);
const struct cfg_ikev2_keyring *cfg_find_keyring(const struct cfg *c, const char *name);
const struct cfg_ikev2_profile *cfg_find_profile(const struct cfg *c, const char *name);
const struct cfg_transform_set *cfg_find_transform_set(const struct cfg *c, const char *name);
const struct cfg_ipsec_profile *cfg_find_ipsec_profile(const struct cfg *c, const char *name);
/* By name; "default" is the keyring of the global keys, which is always there. */
const struct cfg_isakmp_keyring *cfg_find_isakmp_keyring(const struct cfg *c, const char *name);
const struct cfg_isakmp_profile *cfg_find_isakmp_profile(const struct cfg *c, const char *name);
/* The policies in force, by priority: those configured, else the built-in 65507..65514 (section 5), else, with `no crypto isakmp
 * default policy`, none. The array lives as long as c, or longer. */
const struct cfg_isakmp_policy *cfg_isakmp_policies(const struct cfg *c, unsigned *count);
/* Something of IKEv1 is configured: a policy, a key, a keyring, a profile or a peer. */
bool cfg_isakmp_used(const struct cfg *c);
/* An ISAKMP profile takes part as responder only with a match line. */
bool cfg_isakmp_profile_complete(const struct cfg_isakmp_profile *p);
/* The profile's DPD, else the global one (set false: none). p may be NULL. */
struct cfg_dpd cfg_isakmp_dpd_effective(const struct cfg *c, const struct cfg_isakmp_profile *p);
/* Which IKE negotiates for an IPsec profile (G25): an IKEv2 profile bound: 2; an ISAKMP profile bound: 1; neither: 1, as on IOS, when
 * anything of IKEv1 is configured; else 2 (our divergence: a configuration that knows only IKEv2 means it). */
enum cfg_ike_version { CFG_IKEV1 = 1, CFG_IKEV2 = 2 };
enum cfg_ike_version cfg_ipsec_ike_version(const struct cfg *c, const struct cfg_ipsec_profile *p);
/* The outer source address of a tunnel: its own, or the first of its source interface with the family of the destination;
 * false when there is none. */
CV_MUST_USE bool cfg_tunnel_source(const struct cfg *c, const struct cfg_interface *tunnel,
                                   struct ip_addr *out);
const struct cfg_acl *cfg_find_acl(const struct cfg *c, const char *name);
/* Static and dynamic maps have name spaces of their own; static ones of IPv4 and of IPv6 share theirs. */
const struct cfg_crypto_map *cfg_find_map(const struct cfg *c, const char *name, bool dynamic);
/* The map of a family that is applied to the interface; NULL: none, or it is not defined. */
const struct cfg_crypto_map *cfg_map_on(const struct cfg *c, const struct cfg_interface *i, bool ipv6);
/* Is the static map of that name applied to the interface? */
bool cfg_map_applied(const struct cfg_interface *i, const char *map);
/* The table of a VRF: 0 for "" (global), else from 1 in configuration order; 0 for one that is not defined. */
unsigned cfg_vrf_number(const struct cfg *c, const char *name);
/* An entry that is used: a static one needs a peer and an access list with a permit line; a dynamic one's list may be left out, but not be
 * without a permit line. What points to a dynamic map is judged by that map's entries. */
bool cfg_map_entry_complete(const struct cfg *c, const struct cfg_map_entry *e, bool dynamic);
const struct cfg_vrf *cfg_find_vrf(const struct cfg *c, const char *name);
const struct cfg_trustpoint *cfg_find_trustpoint(const struct cfg *c, const char *name);
bool cfg_has_certmap(const struct cfg *c, const char *name);
/* The `crypto isakmp peer` block of an address, NULL when there is none. */
const struct cfg_isakmp_peer *cfg_find_isakmp_peer(const struct cfg *c, const struct ip_addr *addr,
                                                   const char *vrf);
/* fe80::/10: nobody negotiates from it or with it, for it says no link. */
bool cfg_is_link_local(const struct ip_addr *a);
/* A tunnel interface with protection, or a flow of a crypto map: what IKE has a session for. */
bool cfg_is_protected(const struct cfg_interface *i);
/* The policy's selectors of a protected tunnel or flow: 0.0.0.0/0 or ::/0 both ways for mode ipsec; host-host protocol 47 for GRE
 * (PR-13; remote: any host without a destination); the permit line's for a crypto map (PR-12); everything of IPv4 for a dynamic one
 * without ACL. False when its source address is not known. */
CV_MUST_USE bool cfg_selectors(const struct cfg *c, const struct cfg_interface *t, struct ts *local,
                               struct ts *remote);
/* The profile's values, else the global ones, else section 5's defaults. */
struct cfg_sa_params cfg_sa_params_effective(const struct cfg *c, const struct cfg_ipsec_profile *p);
/* The same for SAs of an interface (or a crypto map's flow, whose port counts): its `crypto ipsec df-bit` goes before the global one, a
 * profile's `set security-association dfbit` before both. interface: NULL or "": none. */
struct cfg_sa_params cfg_sa_params_on(const struct cfg *c, const struct cfg_ipsec_profile *p,
                                      const char *interface);
/* Does the interface cut after encryption? */
bool cfg_cut_after(const struct cfg *c, const struct cfg_interface *i);
/* What TCP SYNs of each family are clamped to; 0: not. One of `ip` and `ipv6 tcp adjust-mss` alone holds for the other family, too, whose header is
 * CFG_MSS6_LESS longer or shorter. */
enum { CFG_MSS6_LESS = 20 };
struct cfg_mss {
    unsigned four, six;
};
struct cfg_mss cfg_tcp_mss(const struct cfg_interface *i);
/* The platform section with the `mtu` of its ports' interfaces. */
void cfg_platform_of(const struct cfg *c, struct platform *out);
/* The profile's DPD, else the global one (set false: none). */
struct cfg_dpd cfg_dpd_effective(const struct cfg *c, const struct cfg_ikev2_profile *p);
/* An IKEv2 profile takes part only with a match, local and remote authentication (section 4.4), and not shut down. */
bool cfg_profile_complete(const struct cfg_ikev2_profile *p);

#endif
