/* esp_draw: random packets for ESP, from a seed: what may be sent, what a peer may seal, and what may happen to it on the way.
 *
 * Most of it is well formed, the rest wrong in one place. One thread; the same seed gives the same draws. */
#ifndef TESTS_UNIT_ESP_ESP_DRAW_H
#define TESTS_UNIT_ESP_ESP_DRAW_H

#include "common/contract.h"
#include "tests/unit/esp/esp_reference.h"

#include <stdbool.h>
#include <stdint.h>

enum { DRAW_INNER_MAX = 9000 };

void draw_seed(uint64_t seed);
uint64_t draw(void);
/* 0 to n - 1; n is not zero. */
uint32_t below(uint32_t n);
bool one_in(uint32_t n);
/* n random octets at p. */
void fill(uint8_t *p, uint32_t n);

/* A packet for the SA to send. */
void draw_inner(const struct cv_sa *sa, struct ref_packet *p);
/* What a peer seals: an inner packet, or octets for transport mode; with padding for TFC, wrong lengths, dummies. p has room
 * for REF_PACKET_MAX octets. Gives the length and the next header. */
uint32_t draw_payload(const struct cv_sa *sa, uint8_t *p, uint8_t *next);
/* Padding and trailer behind the payload, up to 255 octets of padding, whole units; wrong now and then. Gives the length of both. */
uint32_t draw_trailer(const struct cv_sa *sa, uint8_t *p, uint32_t len, uint8_t next);
/* The outer header of a packet from the peer, with any TOS and, before transport mode's ESP and before AH, options. Gives its length. */
uint32_t draw_outer(const struct cv_sa *sa, uint8_t *p, bool udp);
/* Bits flipped and octets cut off or added, most often none; `esp`: where the ESP header is. */
void draw_damage(struct ref_packet *p, uint32_t esp);
/* What routers may do to the headers in front of AH, of l3 octets: the fields that they may change, and a fragment header of a whole datagram
 * now and then. Gives the new l3. */
uint32_t draw_way(struct ref_packet *p, uint32_t l3);

#endif
