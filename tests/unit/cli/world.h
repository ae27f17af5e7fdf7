/* world: the daemon's commands over its real server and a socket: a tunnel between two real engines (pair.h), statistics put
 * into a shared memory by the test, and golden files. SPIs are masked: they are random. With CULVERT_GOLDEN_UPDATE=1 the files are
 * written instead of compared. */
#ifndef TESTS_UNIT_CLI_WORLD_H
#define TESTS_UNIT_CLI_WORLD_H

#include "control/cli/cli_client.h"
#include "control/cli/cli_cond.h"
#include "control/cli/cli_decisions.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_server.h"
#include "tests/unit/ike/pair.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_MAX = 1 << 18 };

struct world {
    struct pair pair;
    struct event_base *base;
    struct cli_decisions decisions;
    struct cli_conds conds;
    struct cli_env env;
    struct cli_server *server;
    struct shm shm;
    bool shm_away;
    bool frozen;       /* no time passes while an answer is waited for */
    struct cfg *shown; /* what commands see as the configuration; NULL: side a's */
    char socket_path[64];
    int listen_fd;
    struct cv_cmd last_command;
    unsigned commands;
    bool followed;
    unsigned told; /* events that the engine made */
};
extern struct world w;

void world_make(const struct pair_opt *o);
/* Sides of these configurations, which are the pair's afterwards, with IKEv1 beside IKEv2. */
void world_make_with(struct cfg *a, struct cfg *b);
void world_end(void);
struct cfg *world_cfg(const char *text);
/* A connection; a command on it (words after which `shell`: as the shell asks); what is answered, -1 when it does not end. */
int dial(void);
void ask(int fd, const char *line, bool json);
void ask_as(int fd, const char *line, unsigned how);
int answer(int fd, char *out);
int run(const char *line, bool json, char *out);
/* Lets everything work for a while; appends what came on fd to out (OUT_MAX), frames of all kinds without their heads. */
void listen_to(int fd, unsigned turns, char *out);
void golden(const char *name, const char *line, bool json);

#endif
