/* ah_reference: what of a packet AH's ICV goes over, as RFC 4302 says it: for esp_reference, which has what AH and ESP have in common (numbers,
 * window, selectors, HMAC, what was inside).
 *
 * Shares nothing with dataplane/esp/esp_ah.c: what is authenticated is put together anew, octet by octet. What the RFC leaves to the implementation is
 * as culvert has it: a packet that still has a way to go (source route, segments left) is refused, and so are fragment headers and options that run over. */
#ifndef TESTS_UNIT_ESP_AH_REFERENCE_H
#define TESTS_UNIT_ESP_AH_REFERENCE_H

#include "tests/unit/esp/esp_reference.h"

enum {
    REF_AH = 51,
    REF_AH_FIXED = 12, /* octets in front of the ICV (RFC 4302 2) */
};

/* Octets of the SA's AH, which is filled up to whole words of `unit` octets: 4 in IPv4, 8 in IPv6 (2.6). */
uint32_t ref_ah_len(const struct cv_sa *sa, uint32_t unit);
/* Takes a fragment header out, which says nothing: AH comes after reassembly (3.4.1). Gives the new l3. */
uint32_t ref_ah_whole(struct ref_packet *p, uint32_t l3);
/* The ICV of a packet whose AH of ah_len octets stands behind l3 octets of headers (3.3.3). False: the headers are refused. */
bool ref_ah_icv(const struct cv_sa *sa, uint64_t seq, const struct ref_packet *p, uint32_t l3,
                uint32_t ah_len, uint8_t icv[REF_ICV_MAX]);
/* AH and len octets of data behind the l3 octets of headers in p, with `filling` behind the ICV; the headers' lengths, but no checksum.
 * False: the headers are refused, and the ICV is zero. */
bool ref_ah_seal(const struct cv_sa *sa, uint64_t seq, uint8_t next, uint32_t l3, uint32_t ah_len,
                 uint8_t filling, const uint8_t *data, uint32_t len, struct ref_packet *p);

#endif
