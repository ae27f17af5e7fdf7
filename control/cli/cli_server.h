/* cli_server: answers clients on a listening Unix socket, several at once, one command at a time each.
 *
 * Bounds: CLI_CLIENTS_MAX clients (a newcomer displaces the eldest that has asked nothing), CLI_REQUEST_MAX octets a
 * request, CLI_BACKLOG_MAX octets of unread output; output cut there ends in a status that says so. */
#ifndef CONTROL_CLI_CLI_SERVER_H
#define CONTROL_CLI_CLI_SERVER_H

#include "control/cli/cli_call.h"

enum { CLI_CLIENTS_MAX = 64, CLI_BACKLOG_MAX = 64 << 20 };

struct cli_server;
/* listen_fd stays the caller's; env must outlive the server. */
CV_MUST_USE cv_result cli_server_new(const struct cli_env *env, int listen_fd, struct cli_server **out);
/* Drops all clients; calls that wait are ended without an answer. */
void cli_server_free(struct cli_server *s);
/* An answer to an echo request: goes to the ping command that waits for it. */
void cli_server_ping(struct cli_server *s, const struct cv_ping_evt *e);

#endif
