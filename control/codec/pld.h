/* pld: IKEv2 messages on the wire: header, payloads, and the rules which payload may stand where.
 *
 * Decoding makes a message struct of views into the datagram: nothing is copied, allocated or believed; a
 * message that decodes is well formed as a whole (RFC 7296 3), and the caller decides what it means. Two
 * steps, since inner payloads exist only after decryption: pld_header, then pld_payloads on the outer chain;
 * after cr_sk_open, pld_payloads again on the inner chain into the same struct.
 *
 * Building writes into a caller's buf_writer; overflow marks the writer bad, checked once at the end. */
#ifndef CONTROL_CODEC_PLD_H
#define CONTROL_CODEC_PLD_H

#include "common/addr.h"
#include "common/buf.h"
#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLD_HEADER_LEN = 28,
    PLD_GENERIC_LEN = 4,
    PLD_MESSAGE_MAX = 65535,
    PLD_SPI_LEN = 8,
    PLD_NONCE_MIN = 16,
    PLD_NONCE_MAX = 256
};

enum pld_exchange {
    PLD_IKE_SA_INIT = 34,
    PLD_IKE_AUTH = 35,
    PLD_CREATE_CHILD_SA = 36,
    PLD_INFORMATIONAL = 37
};
enum pld_flags { PLD_FLAG_INITIATOR = 0x08, PLD_FLAG_VERSION = 0x10, PLD_FLAG_RESPONSE = 0x20 };

enum pld_type {
    PLD_NONE = 0,
    PLD_SA = 33,
    PLD_KE = 34,
    PLD_IDI = 35,
    PLD_IDR = 36,
    PLD_CERT = 37,
    PLD_CERTREQ = 38,
    PLD_AUTH = 39,
    PLD_NONCE = 40,
    PLD_NOTIFY = 41,
    PLD_DELETE = 42,
    PLD_VENDOR = 43,
    PLD_TSI = 44,
    PLD_TSR = 45,
    PLD_SK = 46,
    PLD_CP = 47,
    PLD_EAP = 48,
    PLD_SKF = 53,
};

enum pld_proto { PLD_PROTO_NONE = 0, PLD_PROTO_IKE = 1, PLD_PROTO_AH = 2, PLD_PROTO_ESP = 3 };
enum pld_id_type {
    PLD_ID_IPV4 = 1,
    PLD_ID_FQDN = 2,
    PLD_ID_EMAIL = 3,
    PLD_ID_IPV6 = 5,
    PLD_ID_DN = 9,
    PLD_ID_GN = 10,
    PLD_ID_KEY = 11
};
enum pld_auth_method {
    PLD_AUTH_RSA = 1,
    PLD_AUTH_PSK = 2,
    PLD_AUTH_DSS = 3,
    PLD_AUTH_ECDSA_256 = 9,
    PLD_AUTH_ECDSA_384 = 10,
    PLD_AUTH_ECDSA_521 = 11,
    PLD_AUTH_SIGNATURE = 14
};

enum pld_notify_type {
    PLD_N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
    PLD_N_INVALID_IKE_SPI = 4,
    PLD_N_INVALID_MAJOR_VERSION = 5,
    PLD_N_INVALID_SYNTAX = 7,
    PLD_N_INVALID_MESSAGE_ID = 9,
    PLD_N_INVALID_SPI = 11,
    PLD_N_NO_PROPOSAL_CHOSEN = 14,
    PLD_N_INVALID_KE_PAYLOAD = 17,
    PLD_N_AUTHENTICATION_FAILED = 24,
    PLD_N_SINGLE_PAIR_REQUIRED = 34,
    PLD_N_NO_ADDITIONAL_SAS = 35,
    PLD_N_INTERNAL_ADDRESS_FAILURE = 36,
    PLD_N_FAILED_CP_REQUIRED = 37,
    PLD_N_TS_UNACCEPTABLE = 38,
    PLD_N_INVALID_SELECTORS = 39,
    PLD_N_TEMPORARY_FAILURE = 43,
    PLD_N_CHILD_SA_NOT_FOUND = 44,
    PLD_N_TS_MAX_QUEUE = 48,    /* RFC 9611 */
    PLD_N_STATUS_FIRST = 16384, /* below: errors */
    PLD_N_INITIAL_CONTACT = 16384,
    PLD_N_SET_WINDOW_SIZE = 16385,
    PLD_N_ADDITIONAL_TS_POSSIBLE = 16386,
    PLD_N_IPCOMP_SUPPORTED = 16387,
    PLD_N_NAT_DETECTION_SOURCE_IP = 16388,
    PLD_N_NAT_DETECTION_DESTINATION_IP = 16389,
    PLD_N_COOKIE = 16390,
    PLD_N_USE_TRANSPORT_MODE = 16391,
    PLD_N_HTTP_CERT_LOOKUP_SUPPORTED = 16392,
    PLD_N_REKEY_SA = 16393,
    PLD_N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
    PLD_N_NON_FIRST_FRAGMENTS_ALSO = 16395,
    PLD_N_MOBIKE_SUPPORTED = 16396,
    PLD_N_MULTIPLE_AUTH_SUPPORTED = 16404,
    PLD_N_REDIRECT_SUPPORTED = 16406,
    PLD_N_FRAGMENTATION_SUPPORTED = 16430,
    PLD_N_SIGNATURE_HASH_ALGORITHMS = 16431,
    PLD_N_SA_RESOURCE_INFO = 16444, /* RFC 9611 */
};
const char *pld_notify_name(uint16_t type); /* "NO_PROPOSAL_CHOSEN"; "unknown" */
const char *pld_exchange_name(uint8_t exchange);
const char *pld_type_name(uint8_t type); /* "SA", "KE", "IDi" ... */

struct pld_header {
    uint8_t spi_i[PLD_SPI_LEN], spi_r[PLD_SPI_LEN];
    uint8_t next_payload;
    uint8_t version; /* major << 4 | minor */
    uint8_t exchange;
    uint8_t flags;
    uint32_t message_id;
    uint32_t length;
};

/* Limits of this implementation, well over what any peer sends; beyond them a message is refused. */
enum {
    PLD_MAX_PAYLOADS = 64,
    PLD_MAX_PROPOSALS = 16,
    PLD_MAX_TRANSFORMS = 256,  /* of one SA payload; strongSwan's defaults are about 80 */
    PLD_BUILD_TRANSFORMS = 64, /* of one proposal that we make */
    PLD_MAX_NOTIFIES = 32,
    PLD_MAX_DELETES = 8,
    PLD_MAX_DELETE_SPIS = 64,
    PLD_MAX_TS = 32,
    PLD_MAX_CERTS = 16,
    PLD_MAX_VENDORS = 16
};

struct pld_transform {
    uint8_t type; /* enum cr_transform_type */
    uint16_t id;
    uint16_t key_bits; /* Key Length attribute; 0 when absent */
    bool unknown_attr; /* carries an attribute we do not know: never selected (RFC 7296 3.3.6) */
};

struct pld_proposal {
    uint8_t number;
    uint8_t proto; /* enum pld_proto */
    struct slice spi;
    uint16_t first; /* its transforms are transforms[first .. first + count) of the SA payload */
    uint16_t count;
};

struct pld_sa {
    unsigned proposal_count;
    unsigned transform_count;
    struct pld_proposal proposals[PLD_MAX_PROPOSALS];
    struct pld_transform transforms[PLD_MAX_TRANSFORMS];
};

struct pld_notify {
    uint8_t proto;
    uint16_t type;
    struct slice spi;
    struct slice data;
};

struct pld_delete {
    uint8_t proto;
    uint8_t spi_len; /* 0 for IKE, 4 for ESP and AH */
    uint16_t count;
    struct slice spis; /* count * spi_len octets */
};

struct pld_id {
    uint8_t type;
    struct slice data;
    struct slice body; /* type, reserved and data as on the wire: what AUTH covers */
};

struct pld_ts_list {
    unsigned count;
    struct ts ts[PLD_MAX_TS];
};

/* Bits of pld_message.present, by payload type. */
#define PLD_BIT(type) (1ull << (type))

struct pld_message {
    struct pld_header header;
    uint64_t present;         /* PLD_BIT of every known payload seen, outer and inner */
    uint8_t unknown_critical; /* type of an unsupported critical payload, else 0 (RFC 7296 2.5) */
    unsigned payload_count;
    unsigned outer_count;            /* how many of them stood outside of SK */
    uint8_t order[PLD_MAX_PAYLOADS]; /* payload types in their order, outer then inner, for display */
    struct pld_sa sa;
    struct {
        uint16_t group;
        struct slice data;
    } ke;
    struct slice nonce;
    struct pld_id idi, idr;
    struct {
        uint8_t method;
        struct slice data;
    } auth;
    unsigned notify_count;
    struct pld_notify notifies[PLD_MAX_NOTIFIES];
    unsigned delete_count;
    struct pld_delete deletes[PLD_MAX_DELETES];
    struct pld_ts_list tsi, tsr;
    unsigned cert_count;
    struct {
        uint8_t encoding;
        struct slice data;
    } certs[PLD_MAX_CERTS];
    unsigned certreq_count;
    struct {
        uint8_t encoding;
        struct slice data;
    } certreqs[PLD_MAX_CERTS];
    unsigned vendor_count;
    struct slice vendors[PLD_MAX_VENDORS];
    struct slice cp, eap; /* body, uninterpreted */
    /* Set when the outer chain ends in SK or SKF (which must be last, RFC 7296 3.14): */
    size_t sk_body;  /* offset in the datagram of the first octet after the SK/SKF header (IV) */
    uint8_t sk_next; /* type of the first inner payload */
    uint16_t frag_number, frag_total; /* SKF only (RFC 7383 2.5), else 0 */
};

/* err, here and below: a short reason when the result is not CV_OK, else NULL; static text, err itself may be NULL.
 *
 * Header only; checks length against the datagram (message length must equal len), version major 2, exchange range,
 * initiator SPI not zero; reserved bits are ignored. CV_ESHORT under 28 octets; CV_EVERSION for another major version
 * (header filled); CV_EUNSUP for an unknown exchange (header filled); CV_EPARSE for the rest. */
CV_MUST_USE cv_result pld_header(const uint8_t *datagram, size_t len, struct pld_header *out,
                                 const char **err);
/* Outer chain of the datagram whose header was read into m->header; forgets all else that m held. CV_EPARSE for every
 * deviation: lengths that do not add up, payload types of IKEv1 (1 to 32), a repeated payload that may stand once, more
 * of anything than the limits, SK or SKF not last. Unknown payloads are skipped; of critical ones the first is
 * remembered in unknown_critical, which the caller answers. */
CV_MUST_USE cv_result pld_outer(const uint8_t *datagram, size_t len, struct pld_message *m, const char **err);
/* Inner chain (decrypted): first payload type and bytes. Adds to m; checks as above. The views point into plain. */
CV_MUST_USE cv_result pld_inner(struct slice plain, uint8_t first, struct pld_message *m, const char **err);
/* The payload rules table (min, max, encrypted) of the exchange and direction, after everything was decoded.
 * RFC 7296 1.2-1.4, Appendix C. Error notifies (IKE_SA_INIT: COOKIE, too) may replace the whole answer. Outside of
 * IKE_SA_INIT everything must have come encrypted: an unprotected error notify is CV_EINVAL, too, though m shows it. */
CV_MUST_USE cv_result pld_check_rules(const struct pld_message *m, const char **err);
/* First notify of the type, or NULL. */
const struct pld_notify *pld_find_notify(const struct pld_message *m, uint16_t type);
/* First notify with an error type (< 16384), or NULL. */
const struct pld_notify *pld_find_error(const struct pld_message *m);

/* ---- building ---------------------------------------------------------------------------------------- */
struct pld_builder {
    struct buf_writer *w;
    size_t next_at; /* where the type of the next payload has to be written */
    size_t header_at;
    size_t payload_at; /* start of the open payload */
    uint8_t first;     /* type of the first payload, 0 when there is none yet */
};

/* Writes the header with length 0 and next payload 0. */
void pld_begin(struct pld_builder *b, struct buf_writer *w, const struct pld_header *h);
/* Inner chain without a header: the first type is kept for pld_chain_first. */
struct pld_chain {
    struct pld_builder b;
};
void pld_chain_begin(struct pld_chain *c, struct buf_writer *w);
uint8_t pld_chain_first(const struct pld_chain *c);
/* Open and close a payload with raw content in between. */
void pld_open(struct pld_builder *b, uint8_t type);
void pld_close(struct pld_builder *b);
/* Patches the message length. */
void pld_end(struct pld_builder *b);

struct pld_build_transform {
    uint8_t type;
    uint16_t id;
    uint16_t key_bits;
};
struct pld_build_proposal {
    uint8_t number, proto;
    uint8_t spi_len; /* 0, 4 or 8 */
    uint8_t spi[8];
    unsigned count;
    struct pld_build_transform transforms[PLD_BUILD_TRANSFORMS];
};
void pld_put_sa(struct pld_builder *b, const struct pld_build_proposal *p, unsigned count);
void pld_put_ke(struct pld_builder *b, uint16_t group, struct slice public_value);
void pld_put_nonce(struct pld_builder *b, struct slice nonce);
void pld_put_id(struct pld_builder *b, uint8_t payload_type, uint8_t id_type, struct slice data);
void pld_put_auth(struct pld_builder *b, uint8_t method, struct slice data);
void pld_put_notify(struct pld_builder *b, uint8_t proto, struct slice spi, uint16_t type, struct slice data);
void pld_put_delete(struct pld_builder *b, uint8_t proto, uint8_t spi_len, const uint8_t *spis,
                    uint16_t count);
void pld_put_ts(struct pld_builder *b, uint8_t payload_type, const struct ts *ts, unsigned count);
void pld_put_vendor(struct pld_builder *b, struct slice data);
/* SK or SKF header with its final length (generic header + extra + body_len), next = type of first inner payload.
 * SKF: number and total. Afterwards the caller reserves body_len octets. Returns the offset of the body. */
size_t pld_put_sk(struct pld_builder *b, uint8_t first_inner, size_t body_len);
size_t pld_put_skf(struct pld_builder *b, uint8_t first_inner, uint16_t number, uint16_t total,
                   size_t body_len);

#endif
