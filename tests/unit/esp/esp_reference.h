/* esp_reference: ESP and AH as the RFCs say them, one packet at a time on OpenSSL, to hold the data plane's to.
 *
 * Shares nothing with dataplane/ but the contract's structs and what esp.h promises to callers: every packet is put together
 * octet by octet from the RFC that is named beside it, with no thought of speed. */
#ifndef TESTS_UNIT_ESP_ESP_REFERENCE_H
#define TESTS_UNIT_ESP_ESP_REFERENCE_H

#include "common/contract.h"

#include <stdbool.h>
#include <stdint.h>

enum { REF_PACKET_MAX = 10240, REF_HEADERS_MAX = 256, REF_ICV_MAX = 32, REF_MAC_MAX = 64 };

/* Octets of a packet. */
struct ref_packet {
    uint32_t len;
    uint8_t b[REF_PACKET_MAX];
};

/* One direction of an SA, and what its counters should say. */
struct ref_sa {
    struct cv_sa conf;
    struct cv_sa_counters counters; /* but for last_tsc */
    uint64_t seq;                   /* outbound: the last number used */
    uint64_t top, *seen;            /* inbound: highest authentic number, and all of them, as they came */
    uint32_t seen_count, seen_room;
    uint64_t top_then; /* as they were when ref_in_chunk was called */
    uint32_t seen_then;
};

/* seen: room for `room` numbers, the caller's. */
void ref_sa_init(struct ref_sa *sa, const struct cv_sa *conf, uint64_t *seen, uint32_t room);

uint32_t ref_iv_len(const struct cv_sa *sa);
uint32_t ref_icv_len(const struct cv_sa *sa);
/* What payload, padding, pad length and next header together are a multiple of (RFC 4303 2.4). */
uint32_t ref_unit(const struct cv_sa *sa);

/* The whole HMAC over p[0..len), and, with ESN, the high half of the number behind it, which is not sent (RFC 4303 2.2.1,
 * RFC 4302 3.3.3.2.2). */
void ref_hmac(const struct cv_sa *sa, uint64_t seq, const uint8_t *p, uint32_t len,
              uint8_t full[REF_MAC_MAX]);

/* Writes an ESP packet to `esp`: data_len octets of plaintext, trailer included. Gives its length. */
uint32_t ref_seal(const struct cv_sa *sa, uint64_t seq, const uint8_t *iv, const uint8_t *data,
                  uint32_t data_len, uint8_t *esp);
/* The reverse, of len octets of which data_len are ciphertext; false: the ICV is wrong. */
bool ref_open(const struct cv_sa *sa, uint64_t seq, const uint8_t *esp, uint32_t data_len, uint8_t *data);

/* Encapsulates in[0..len), followed by zeros up to `to` octets (RFC 4303 2.7). `wire` is what the data plane made of it, or NULL when it refused: the IV and the outer IPv4
 * identification, which are the sender's choice, are taken from it. CV_DROP_NONE and the packet in out, or why not. */
enum cv_drop ref_out(struct ref_sa *sa, const uint8_t *in, uint32_t len, uint32_t to,
                     const struct ref_packet *wire, struct ref_packet *out);
/* Octets in front of the ESP header and in it of what ref_out makes of in. */
uint32_t ref_out_iv_at(const struct ref_sa *sa, const uint8_t *in, uint32_t len);

/* The data plane looks at the window before it decrypts, for a number of packets at once: call this where that number begins. */
void ref_in_chunk(struct ref_sa *sa);
/* Decapsulates wire; l3_len and udp as in dp_meta. CV_DROP_NONE and the packet in out, or why not. */
enum cv_drop ref_in(struct ref_sa *sa, const struct ref_packet *wire, uint32_t l3_len, bool udp,
                    struct ref_packet *out);
/* A packet that did not come so far, for a reason of its own. */
void ref_refused(struct ref_sa *sa);

/* One's complement checksum (RFC 1071) of p[0..len) after `sum`. */
uint16_t ref_checksum(const uint8_t *p, uint32_t len, uint64_t sum);

#endif
