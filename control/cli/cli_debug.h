/* cli_debug: `debug crypto`: events, decisions and messages of the engine as lines, for the clients that asked (cli_server.h).
 *
 * A line: `*Nov 21 06:30:00.123: ISAKMP:(1001): TEXT [I 192.0.2.1:500-192.0.2.2:500]`: UTC; the number of the IKE SA, 0 before there is one; in
 * brackets our role, both ends, `vrf V` outside of the global table, and with `detail` the cookies. With --json a line is one object. */
#ifndef CONTROL_CLI_CLI_DEBUG_H
#define CONTROL_CLI_CLI_DEBUG_H

#include "control/cli/cli_call.h"
#include "control/cli/cli_cond.h"

/* Bits of what a client follows. */
enum {
    CLI_DEBUG_ISAKMP = 1,
    CLI_DEBUG_IKEV2 = 2,
    CLI_DEBUG_IPSEC = 4,
    CLI_DEBUG_PKI_VALIDATION = 8,
    CLI_DEBUG_PKI_MESSAGES = 16,
    CLI_DEBUG_PKI_TRANSACTIONS = 32,
    CLI_DEBUG_PKI = 56, /* the three */
    CLI_DEBUG_ALL = 63,
    CLI_DEBUG_DETAIL_SHIFT = 8, /* the same bits once more: with detail */
};
enum { CLI_DEBUG_EXTRA_MAX = 40, CLI_DEBUG_LINE_MAX = 1536 };

/* One of them, ready to be printed. Valid during the call it is handed to. */
struct cli_debug_item {
    unsigned facilities; /* bits: whom it concerns */
    const char *kind;    /* "event", "decision", "message" */
    const struct ike_about *about;
    const char *text;
    unsigned extra_count;                   /* further lines */
    const char *extra[CLI_DEBUG_EXTRA_MAX]; /* payloads in one line; with detail: candidates */
    json_t *more;                           /* members of the JSON object beside the common ones; NULL none */
};
typedef void cli_debug_sink(void *ctx, const struct cli_debug_item *item);

/* Each makes an item and hands it to the sink. state: as shown in show crypto isakmp sa; NULL: as the engine names it. */
void cli_debug_event(const struct ike_event *e, cli_debug_sink *sink, void *ctx);
void cli_debug_decided(const struct ike_decided *d, cli_debug_sink *sink, void *ctx);
void cli_debug_message(const struct ike_note *n, const char *state, cli_debug_sink *sink, void *ctx);

/* The item for one client: lines with newlines, to be freed; NULL when there is nothing for this mask (CLI_DEBUG_*). */
char *cli_debug_render(const struct cli_debug_item *item, unsigned mask, bool json, uint64_t wall_ms);

#endif
