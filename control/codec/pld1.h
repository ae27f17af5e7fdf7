/* pld1: IKEv1 messages on the wire (RFC 2408, with RFC 2407, RFC 2409, RFC 3706, RFC 3947): header, payloads, rules.
 *
 * As pld.h for IKEv2: decoding makes views into the datagram; nothing is copied, allocated or believed. pld1_header, then
 * pld1_outer for a message in the clear, or decryption of the octets behind the header and pld1_inner. What is wrong with
 * a message is told apart (enum pld1_fault), since in IKEv1 a wrong pre-shared key shows in nothing but garbage where the
 * payloads should be: reserved octets that are not zero, and lengths that do not fit.
 *
 * Building shares struct pld_builder and pld_begin, pld_open, pld_close of pld.h: the header with version PLD1_VERSION and
 * the generic payload header have one form in both versions. */
#ifndef CONTROL_CODEC_PLD1_H
#define CONTROL_CODEC_PLD1_H

#include "common/addr.h"
#include "common/buf.h"
#include "common/result.h"
#include "control/codec/pld.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLD1_VERSION = 0x10,
    PLD1_COOKIE_LEN = 8,
    PLD1_NONCE_MIN = 8, /* RFC 2409 5 */
    PLD1_NONCE_MAX = 256,
    PLD1_PADDING_MAX = 255, /* behind the last payload of a decrypted message */
    PLD1_DOI_ISAKMP = 0,
    PLD1_DOI_IPSEC = 1,
    PLD1_SIT_IDENTITY_ONLY = 1,
    PLD1_KEY_IKE = 1 /* the one transform ID of phase 1, RFC 2407 4.4.2 */
};

enum pld1_exchange { PLD1_MAIN = 2, PLD1_AGGRESSIVE = 4, PLD1_INFORMATIONAL = 5, PLD1_QUICK = 32 };
enum pld1_flags { PLD1_FLAG_ENCRYPTION = 1, PLD1_FLAG_COMMIT = 2, PLD1_FLAG_AUTH_ONLY = 4 };

enum pld1_type {
    PLD1_SA = 1,
    PLD1_KE = 4,
    PLD1_ID = 5,
    PLD1_CERT = 6,
    PLD1_CERTREQ = 7,
    PLD1_HASH = 8,
    PLD1_SIG = 9,
    PLD1_NONCE = 10,
    PLD1_NOTIFY = 11,
    PLD1_DELETE = 12,
    PLD1_VENDOR = 13,
    PLD1_NAT_D = 20, /* RFC 3947 */
    PLD1_NAT_OA = 21,
    PLD1_NAT_D_DRAFT = 130, /* draft-ietf-ipsec-nat-t-ike-02 and -03 */
    PLD1_NAT_OA_DRAFT = 131,
    PLD1_FRAGMENT = 132 /* Cisco */
};

enum pld1_proto { PLD1_PROTO_ISAKMP = 1, PLD1_PROTO_AH = 2, PLD1_PROTO_ESP = 3, PLD1_PROTO_IPCOMP = 4 };

enum pld1_id_type { /* RFC 2407 4.6.2.1 */
                    PLD1_ID_IPV4 = 1,
                    PLD1_ID_FQDN = 2,
                    PLD1_ID_USER_FQDN = 3,
                    PLD1_ID_IPV4_SUBNET = 4,
                    PLD1_ID_IPV6 = 5,
                    PLD1_ID_IPV6_SUBNET = 6,
                    PLD1_ID_IPV4_RANGE = 7,
                    PLD1_ID_IPV6_RANGE = 8,
                    PLD1_ID_DN = 9,
                    PLD1_ID_GN = 10,
                    PLD1_ID_KEY = 11
};

enum pld1_notify_type { /* RFC 2408 3.14.1, RFC 2407 4.6.3, RFC 3706 */
                        PLD1_N_INVALID_PAYLOAD_TYPE = 1,
                        PLD1_N_DOI_NOT_SUPPORTED = 2,
                        PLD1_N_SITUATION_NOT_SUPPORTED = 3,
                        PLD1_N_INVALID_COOKIE = 4,
                        PLD1_N_INVALID_MAJOR_VERSION = 5,
                        PLD1_N_INVALID_EXCHANGE_TYPE = 7,
                        PLD1_N_INVALID_FLAGS = 8,
                        PLD1_N_INVALID_MESSAGE_ID = 9,
                        PLD1_N_INVALID_PROTOCOL_ID = 10,
                        PLD1_N_INVALID_SPI = 11,
                        PLD1_N_ATTRIBUTES_NOT_SUPPORTED = 13,
                        PLD1_N_NO_PROPOSAL_CHOSEN = 14,
                        PLD1_N_BAD_PROPOSAL_SYNTAX = 15,
                        PLD1_N_PAYLOAD_MALFORMED = 16,
                        PLD1_N_INVALID_KEY_INFORMATION = 17,
                        PLD1_N_INVALID_ID_INFORMATION = 18,
                        PLD1_N_INVALID_HASH_INFORMATION = 23,
                        PLD1_N_AUTHENTICATION_FAILED = 24,
                        PLD1_N_INVALID_SIGNATURE = 25,
                        PLD1_N_UNEQUAL_PAYLOAD_LENGTHS = 30,
                        PLD1_N_STATUS_FIRST = 16384, /* below: errors */
                        PLD1_N_CONNECTED = 16384,
                        PLD1_N_RESPONDER_LIFETIME = 24576,
                        PLD1_N_REPLAY_STATUS = 24577,
                        PLD1_N_INITIAL_CONTACT = 24578,
                        PLD1_N_R_U_THERE = 36136,
                        PLD1_N_R_U_THERE_ACK = 36137
};

/* Values of phase 1 attributes (RFC 2409 Appendix A; IANA "IPsec attributes" for the later ones). Groups have the numbers
 * of enum cr_dh_id. */
enum pld1_encr { PLD1_ENCR_DES = 1, PLD1_ENCR_3DES = 5, PLD1_ENCR_AES = 7 };
enum pld1_hash {
    PLD1_HASH_MD5 = 1,
    PLD1_HASH_SHA1 = 2,
    PLD1_HASH_SHA2_256 = 4,
    PLD1_HASH_SHA2_384 = 5,
    PLD1_HASH_SHA2_512 = 6
};
enum pld1_auth { PLD1_AUTH_PSK = 1, PLD1_AUTH_DSS = 2, PLD1_AUTH_RSA = 3 };
enum pld1_encap { /* RFC 2407 4.5, RFC 3947 5.1, drafts 02 and 03 */
                  PLD1_ENCAP_TUNNEL = 1,
                  PLD1_ENCAP_TRANSPORT = 2,
                  PLD1_ENCAP_UDP_TUNNEL = 3,
                  PLD1_ENCAP_UDP_TRANSPORT = 4,
                  PLD1_ENCAP_UDP_TUNNEL_DRAFT = 61443,
                  PLD1_ENCAP_UDP_TRANSPORT_DRAFT = 61444
};

const char *pld1_notify_name(uint16_t type); /* "NO-PROPOSAL-CHOSEN"; "unknown" */
const char *pld1_exchange_name(uint8_t exchange);
const char *pld1_type_name(uint8_t type); /* "SA", "KE", "ID" ... */

/* Limits of this implementation; beyond them a message is refused. */
enum {
    PLD1_MAX_PAYLOADS = 64,
    PLD1_MAX_PROPOSALS = 16,
    PLD1_MAX_TRANSFORMS = 256,
    PLD1_BUILD_TRANSFORMS = 64,
    PLD1_MAX_ATTRIBUTES = 32, /* of one transform */
    PLD1_MAX_NOTIFIES = 16,
    PLD1_MAX_DELETES = 8,
    PLD1_MAX_DELETE_SPIS = 64,
    PLD1_MAX_IDS = 2,
    PLD1_MAX_CERTS = 16,
    PLD1_MAX_CERTREQS = 48, /* one for each CA that is trusted */
    PLD1_MAX_VENDORS = 32,
    PLD1_MAX_NAT_D = 8,
    PLD1_MAX_NAT_OA = 2
};

enum pld1_fault {
    PLD1_FAULT_NONE = 0,
    PLD1_FAULT_RESERVED, /* a reserved octet is not zero: most often what a wrong key decrypts to (RFC 2408 5.3) */
    PLD1_FAULT_LENGTH,   /* lengths do not fit into each other */
    PLD1_FAULT_TYPE,     /* a payload type not known, or of IKEv2 */
    PLD1_FAULT_LIMIT,    /* more of something than the limits */
    PLD1_FAULT_REPEATED, /* stands twice, may stand once */
    PLD1_FAULT_DOI,
    PLD1_FAULT_SITUATION,
    PLD1_FAULT_PROPOSAL, /* syntax of proposals and transforms */
    PLD1_FAULT_ATTRIBUTE,
    PLD1_FAULT_PROTOCOL, /* a protocol ID not known here */
    PLD1_FAULT_SPI,
    PLD1_FAULT_ID,
    PLD1_FAULT_VALUE /* any other value that is not allowed */
};
/* The notify that RFC 2408 5 has for the fault; 0 for none. */
uint16_t pld1_fault_notify(enum pld1_fault fault);

/* A lifetime, each with 0 for "not given"; durations over 32 bits read as UINT32_MAX. */
struct pld1_life {
    uint32_t seconds, kilobytes;
};

struct pld1_transform {
    uint8_t number;
    uint8_t id;      /* PLD1_KEY_IKE; or the ESP or AH transform */
    bool unusable;   /* carries an attribute, or a value of one, that we do not know: never selected */
    bool unknown_id; /* phase 1: id is not KEY_IKE */
    uint16_t group;  /* phase 1 Group Description, phase 2 PFS group; 0 when absent, as all below */
    uint16_t key_bits;
    uint16_t encr, hash, auth;  /* phase 1 */
    uint16_t encap, integ, esn; /* phase 2: Encapsulation Mode, Authentication Algorithm, RFC 4304 */
    struct pld1_life life;      /* last duration of each kind */
    struct slice attributes;    /* as on the wire: an answer repeats them unchanged (RFC 2408 4.2) */
};

struct pld1_proposal {
    uint8_t number; /* proposals that share a number are wanted together (RFC 2408 4.2) */
    uint8_t proto;  /* enum pld1_proto */
    struct slice spi;
    uint16_t first; /* its transforms are transforms[first .. first + count) */
    uint16_t count;
};

struct pld1_sa {
    struct slice body; /* without the generic header: SAi_b of HASH_I and HASH_R */
    unsigned proposal_count;
    unsigned transform_count;
    struct pld1_proposal proposals[PLD1_MAX_PROPOSALS];
    struct pld1_transform transforms[PLD1_MAX_TRANSFORMS];
};

struct pld1_id {
    uint8_t type; /* enum pld1_id_type */
    uint8_t proto;
    uint16_t port;
    struct slice data;
    struct slice body; /* without the generic header: IDii_b, IDir_b */
};

struct pld1_notify {
    uint32_t doi;
    uint8_t proto;
    uint16_t type;
    struct slice spi; /* both cookies for ISAKMP */
    struct slice data;
};

struct pld1_delete {
    uint8_t proto;
    uint8_t spi_len; /* 16 for ISAKMP, 4 for ESP and AH, 2 or 4 for IPCOMP */
    uint16_t count;
    struct slice spis;
};

struct pld1_message {
    struct pld_header header; /* spi_i, spi_r: the cookies */
    enum pld1_fault fault;    /* why decoding failed, and ... */
    uint8_t fault_payload;    /* ... in which payload */
    unsigned payload_count;
    uint8_t order[PLD1_MAX_PAYLOADS]; /* payload types in their order */
    struct pld1_sa sa;
    struct slice ke, nonce, hash, sig;
    struct slice
        after_hash; /* from the end of the HASH payload to the end of the last one: what HASH(1), HASH(2) cover */
    unsigned id_count;
    struct pld1_id ids[PLD1_MAX_IDS]; /* Quick Mode: IDci, IDcr */
    unsigned notify_count;
    struct pld1_notify notifies[PLD1_MAX_NOTIFIES];
    unsigned delete_count;
    struct pld1_delete deletes[PLD1_MAX_DELETES];
    unsigned cert_count, certreq_count;
    struct {
        uint8_t encoding;
        struct slice data;
    } certs[PLD1_MAX_CERTS], certreqs[PLD1_MAX_CERTREQS];
    unsigned vendor_count;
    struct slice vendors[PLD1_MAX_VENDORS];
    unsigned nat_d_count; /* the first is the hash of the receiver's address, RFC 3947 3.2 */
    struct slice nat_d[PLD1_MAX_NAT_D];
    unsigned nat_oa_count;
    struct ip_addr nat_oa[PLD1_MAX_NAT_OA];
    bool nat_draft; /* the NAT payloads have the drafts' numbers */
    struct {
        uint16_t id;
        uint8_t number; /* from 1; 0: no fragment */
        bool last;
        struct slice data;
    } fragment;
    struct slice padding; /* behind the last payload, decrypted messages only */
};

/* err, here and below: a short reason when the result is not CV_OK, else NULL; static text, err itself may be NULL.
 *
 * Header only: length against the datagram, major version 1, initiator cookie not zero, a known exchange (RFC 2408 3.1,
 * 5.2). CV_ESHORT under 28 octets; CV_EVERSION for another major version; CV_EUNSUP for an unknown exchange type, or the
 * authentication-only flag; CV_EPARSE for the rest. out is filled from 28 octets on. */
CV_MUST_USE cv_result pld1_header(const uint8_t *datagram, size_t len, struct pld_header *out,
                                  const char **err);
/* The payloads of a datagram in the clear, whose header was read into m->header; forgets all else that m held. The
 * message must end with its last payload, or up to three zero octets behind it. CV_EPARSE with m->fault for every deviation; CV_EINVAL when the header says
 * that it is encrypted. */
CV_MUST_USE cv_result pld1_outer(const uint8_t *datagram, size_t len, struct pld1_message *m,
                                 const char **err);
/* The same for the decrypted octets behind the header; up to PLD1_PADDING_MAX octets of any value may follow the last
 * payload (RFC 2409 Appendix B wants zeros, not all send them). The views point into plain. */
CV_MUST_USE cv_result pld1_inner(struct slice plain, struct pld1_message *m, const char **err);
/* Which payload may stand in message `number` (from 1) of the header's exchange, how often and where, whether it is
 * encrypted, its message ID and cookies (RFC 2408 3.1, RFC 2409 5, 5.5, 5.7; RFC 3947 3.2); answers choose one transform
 * out of one proposal. Informational exchanges have but message 1. A fragment is no message: CV_EINVAL. */
CV_MUST_USE cv_result pld1_check_rules(const struct pld1_message *m, unsigned number, const char **err);

const struct pld1_notify *pld1_find_notify(const struct pld1_message *m, uint16_t type);
/* First notify with an error type (< 16384), or NULL. */
const struct pld1_notify *pld1_find_error(const struct pld1_message *m);
/* The lifetime in the data of a RESPONDER-LIFETIME notify (RFC 2407 4.6.3.1); phase 1's attributes when proto is ISAKMP.
 * CV_EPARSE when it is none. */
CV_MUST_USE cv_result pld1_notify_life(const struct pld1_notify *n, struct pld1_life *out);
/* An address, subnet or range as traffic selector; protocol and port 0 mean any. CV_EINVAL for other ID types, masks with
 * holes and ranges that end before they start. */
CV_MUST_USE cv_result pld1_id_selector(const struct pld1_id *id, struct ts *out);

/* ---- building: pld_begin, then these, then pld1_end ------------------------------------------------------ */
/* Zero means: leave the attribute out. With attributes.n those octets stand there instead of all others. */
struct pld1_build_transform {
    uint8_t number, id;
    uint16_t group, key_bits;
    uint16_t encr, hash, auth;  /* phase 1 */
    uint16_t encap, integ, esn; /* phase 2 */
    struct pld1_life life;
    struct slice attributes;
};
struct pld1_build_proposal {
    uint8_t number, proto;
    uint8_t spi_len; /* 0, 2, 4 or 8 */
    uint8_t spi[8];
    unsigned count;
    struct pld1_build_transform transforms[PLD1_BUILD_TRANSFORMS];
};
void pld1_put_sa(struct pld_builder *b, const struct pld1_build_proposal *p, unsigned count);
/* KE, HASH, SIG, NONCE, VENDOR, NAT-D (20 or 130): payloads that are nothing but their data. */
void pld1_put_raw(struct pld_builder *b, uint8_t type, struct slice data);
/* A HASH payload of n zeros, to be written over once the rest of the message stands; returns their offset in the writer.
 * What the hash covers starts n octets later. */
size_t pld1_put_hash_room(struct pld_builder *b, size_t n);
void pld1_put_id(struct pld_builder *b, uint8_t id_type, uint8_t proto, uint16_t port, struct slice data);
/* The selector as address, subnet or range, whichever is the shortest; ranges of ports cannot be said: marks bad. */
void pld1_put_id_selector(struct pld_builder *b, const struct ts *ts);
/* CERT or CERTREQ. */
void pld1_put_cert(struct pld_builder *b, uint8_t type, uint8_t encoding, struct slice data);
void pld1_put_notify(struct pld_builder *b, uint8_t proto, struct slice spi, uint16_t type,
                     struct slice data);
void pld1_put_delete(struct pld_builder *b, uint8_t proto, uint8_t spi_len, const uint8_t *spis,
                     uint16_t count);
/* type: PLD1_NAT_OA or PLD1_NAT_OA_DRAFT. */
void pld1_put_nat_oa(struct pld_builder *b, uint8_t type, const struct ip_addr *a);
void pld1_put_fragment(struct pld_builder *b, uint16_t id, uint8_t number, bool last, struct slice data);
/* Attributes of a lifetime, for the data of RESPONDER-LIFETIME. */
void pld1_put_life(struct buf_writer *w, uint8_t proto, const struct pld1_life *life);
/* Pads what stands behind the header with zeros to a multiple of block (1 or 0: no padding), and writes the length. */
void pld1_end(struct pld_builder *b, size_t block);

#endif
