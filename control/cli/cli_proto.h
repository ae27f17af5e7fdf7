/* cli_proto: what client and daemon say to each other over RUN/cli.sock, a stream socket.
 *
 * Client: 4 octets length (big-endian), then that many octets of JSON {"argv":[..],"json":bool,"shell":bool}. Daemon: frames of
 * 1 octet kind, 4 octets length, octets; the last one is EXIT with the status as 4 octets. Then the next request may
 * come on the same connection. A QUESTION frame holds JSON {"kind":"confirm"|"secret"|"input","prompt":..}: the client answers it with
 * a request {"answer": Base64} ("yes" to a confirmation), or null when the user gives none; then the command goes on. To a client whose requests say "shell" DEBUG frames may come at any time, also between
 * answers: whole lines of `debug`. */
#ifndef CONTROL_CLI_CLI_PROTO_H
#define CONTROL_CLI_CLI_PROTO_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLI_REQUEST_MAX = 262144, CLI_FRAME_MAX = 1 << 20, CLI_FRAME_HEAD = 5 };
enum cli_frame { CLI_STDOUT = 'o', CLI_STDERR = 'e', CLI_EXIT = 'x', CLI_LINES = 'd', CLI_QUESTION = 'q' };
enum { CLI_INPUT_MAX = 180000 }; /* octets of an answer */
enum { CLI_ASK_JSON = 1, CLI_ASK_SHELL = 2 };
enum cli_status { CLI_OK = 0, CLI_NOT_SO = 1, CLI_USAGE = 2, CLI_NO_DAEMON = 3 };

void cli_frame_head(uint8_t head[CLI_FRAME_HEAD], enum cli_frame kind, uint32_t len);
/* False for a kind or length that cannot be. */
CV_MUST_USE bool cli_frame_parse(const uint8_t head[CLI_FRAME_HEAD], enum cli_frame *kind, uint32_t *len);
/* Allocated request with its length before it (free it); NULL when it is too long or memory is short. ask: CLI_ASK_* bits. */
uint8_t *cli_request_make(int argc, const char *const *argv, unsigned ask, size_t *len);
/* The answer to a question, NULL: none given; as cli_request_make. */
uint8_t *cli_answer_make(const uint8_t *octets, size_t n, size_t *len);
/* Base64 (RFC 4648 4), allocated. Reading passes over blanks and ends of lines; false: it is none, or memory is short. */
char *cli_base64(const uint8_t *octets, size_t n);
CV_MUST_USE bool cli_base64_read(const char *text, uint8_t **octets, size_t *n);

#endif
