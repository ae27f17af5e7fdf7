/* cli_server: answers clients on a listening Unix socket, several at once, one command at a time each.
 *
 * Bounds: CLI_CLIENTS_MAX clients (a newcomer displaces the eldest that has asked nothing), CLI_REQUEST_MAX octets a
 * request, CLI_BACKLOG_MAX octets of unread output; output cut there ends in a status that says so. Of `debug` lines CLI_LINES_MAX octets wait for a
 * client that reads slowly; what comes then is counted, and the count told when there is room. */
#ifndef CONTROL_CLI_CLI_SERVER_H
#define CONTROL_CLI_CLI_SERVER_H

#include "control/cli/cli_call.h"

enum { CLI_CLIENTS_MAX = 64, CLI_BACKLOG_MAX = 64 << 20, CLI_LINES_MAX = 256 << 10 };

struct cli_server;
/* listen_fd stays the caller's; env must outlive the server. */
CV_MUST_USE cv_result cli_server_new(const struct cli_env *env, int listen_fd, struct cli_server **out);
/* Drops all clients; calls that wait are ended without an answer. */
void cli_server_free(struct cli_server *s);
/* To the clients that follow it: `debug`. Conditions are those of env. */
void cli_server_event(struct cli_server *s, const struct ike_event *e);
void cli_server_decided(struct cli_server *s, const struct ike_decided *d);
void cli_server_message(struct cli_server *s, const struct ike_note *n);
/* What the call's client follows (cli_debug.h), and more of it; a client that is no shell follows it while its call lasts. */
unsigned cli_server_follow(struct cli_call *c, unsigned more);
/* Everybody's, less of it; calls that only waited for it end. How many clients it was taken from. */
unsigned cli_server_unfollow(struct cli_call *c, unsigned less);
/* What anybody follows; *clients: how many. */
unsigned cli_server_followed(struct cli_call *c, unsigned *clients);
/* Asks the user of a call: a frame of kind CLI_QUESTION, `kind` and `prompt` in it; the command returns CLI_PENDING, and fn is called with the answer. */
enum cli_question { CLI_QUESTION_CONFIRM, CLI_QUESTION_SECRET, CLI_QUESTION_INPUT };
int cli_server_ask(struct cli_call *c, enum cli_question kind, const char *prompt, cli_answered_fn *fn);
/* An answer to an echo request: goes to the ping command that waits for it. */
void cli_server_ping(struct cli_server *s, const struct cv_ping_evt *e);

#endif
