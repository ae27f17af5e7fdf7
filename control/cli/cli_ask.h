/* cli_ask: the client's side of questions (cli_proto.h): confirmations, passwords, and what is pasted or stands in a file; and files that exports go to.
 *
 * Only a file that the user has named in the command is read or written (`url FILE`, `url file:FILE`): what the daemon says does not count. */
#ifndef CONTROL_CLI_CLI_ASK_H
#define CONTROL_CLI_CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cli_ask {
    FILE *out; /* where stdout frames go */
    bool json;
    bool decode;         /* what goes to the file is Base64 of it */
    const char *in_file; /* NULL: the terminal */
    const char *out_file;
    char *text; /* of out, when it is no file */
    size_t len;
};

/* From the words of the command. */
void cli_ask_open(struct cli_ask *a, int argc, const char *const *argv, bool json);
/* Asks the user; the packet to send, to be wiped and freed. NULL: the question is not understood, or memory is short. */
uint8_t *cli_ask_answer(struct cli_ask *a, const char *question, size_t *len);
/* Writes the file of an export that succeeded, 0600; the status. */
int cli_ask_close(struct cli_ask *a, int status);

#endif
