/* mock_wire_priv: what the files of mock_wire share. */
#ifndef TESTS_MOCK_MOCK_WIRE_PRIV_H
#define TESTS_MOCK_MOCK_WIRE_PRIV_H

#include "tests/mock/mock_wire.h"

/* Says why and aborts: the test itself is wrong, or an engine spins. */
_Noreturn void wire_die(const char *fmt, ...) CV_PRINTF(1, 2);
uint64_t wire_random(uint64_t *state);
void wire_random_octets(struct wire_side *s, uint8_t *out, size_t n);
/* A datagram arrives at once. */
void wire_hand_in(struct wire *w, enum wire_end to, const struct wire_packet *p);
/* What A's NAT, if there is one, makes of a packet on its way. */
void wire_translate(const struct wire *w, struct wire_packet *p);

/* ---- mock_wire_conf ---------------------------------------------------------------------------------------------- */
extern const char *const wire_addresses[2], *const wire_insides[2]; /* of the ordinary gateways */
struct cfg *wire_parse(const char *text);

/* ---- mock_wire_trace --------------------------------------------------------------------------------------------- */
/* A datagram as it is sent. */
void wire_trace_message(struct wire_side *s, const uint8_t *data, size_t len);
void wire_trace_last(const struct wire *w); /* the last line to stderr */
/* Callbacks of struct ike_env. */
void wire_env_event(void *ctx, const struct ike_event *ev);
void wire_env_decision(void *ctx, uint32_t conn_id, const char *at, const struct sel_trace *t);
void wire_env_message(void *ctx, const struct ike_note *n);

/* ---- mock_wire_forge1 -------------------------------------------------------------------------------------------- */
/* Follows the CBC chains of what an end sends. */
void wire_chain_sent(struct wire_side *s, const uint8_t *data, size_t len);

#endif
