/* cli_call: one command being run in the daemon: its words, what it prints, how it ends; and the environment that
 * commands run in. */
#ifndef CONTROL_CLI_CLI_CALL_H
#define CONTROL_CLI_CLI_CALL_H

#include "common/buf.h"
#include "common/contract.h"
#include "common/ring.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_tree.h"
#include "control/config/cfg.h"
#include "control/ike/ike.h"

#include <jansson.h>

struct event_base;
struct cli_decisions;
struct cli_conds;
struct pki;
struct pki_enrol;

/* What the daemon offers its commands. All of one thread. */
struct cli_env {
    void *ctx;
    struct event_base *base;
    struct cli_decisions *decisions;
    struct cli_conds *conds; /* of `debug crypto condition` */
    const char *version;
    uint64_t started_wall_ms;
    struct ike *(*ike)(void *ctx);
    const struct cfg *(*cfg)(void *ctx);
    const struct shm *(*shm)(void *ctx);             /* NULL while the data plane is away */
    uint32_t (*if_id)(void *ctx, const char *name);  /* 0: unknown */
    uint16_t (*vrf_id)(void *ctx, const char *name); /* 0: global or unknown */
    bool (*source_for)(void *ctx, uint16_t vrf, const struct ip_addr *dst, struct ip_addr *src);
    cv_result (*command)(void *ctx, const struct cv_cmd *cmd); /* failures are not told: PING times out */
    cv_result (*reload)(void *ctx, struct cfg_findings *f);    /* caller frees the findings */
    uint64_t (*now_ms)(void *ctx);                             /* monotonic */
    uint64_t (*wall_ms)(void *ctx);                            /* since 1970 */
    void (*random)(void *ctx, uint8_t *out, size_t n);
    void (*touched)(void *ctx); /* a command changed the engine: look at its timers */
    /* Whether anybody follows `debug` now: the engine need not make what nobody reads. NULL allowed. */
    void (*followed)(void *ctx, bool any);
    /* Certificates and keys. NULL where there are none (tests of other commands). */
    struct pki *(*pki)(void *ctx);
    struct pki_enrol *(*enrol)(void *ctx);
    int (*state_dir)(void *ctx); /* of pki_disk: key pairs */
};

struct cli_call;
/* What the user answered (cli_ask.h); given false: nothing, the input had ended. A status, or CLI_PENDING. */
typedef int cli_answered_fn(struct cli_call *c, struct slice octets, bool given);

struct cli_call {
    const struct cli_env *env;
    struct cli_parsed cmd;
    bool json;
    bool shell; /* the client is one: `debug` goes on after the command */
    void *conn; /* cli_server's */
    /* Asynchronous commands: state, and what ends it when the client goes away or the call is finished. */
    void *pending;
    void (*pending_free)(void *pending);
    cli_answered_fn *answered; /* of a question that is open; NULL none */
};

void cli_print(struct cli_call *c, const char *fmt, ...) CV_PRINTF(2, 3);
void cli_error(struct cli_call *c, const char *fmt, ...)
    CV_PRINTF(2, 3); /* "culvert: ..." on stderr, one line */
/* Prints indented JSON and releases j. */
void cli_json(struct cli_call *c, json_t *j);
/* Now, by the environment's clocks. */
uint64_t cli_now_ms(const struct cli_call *c);
uint64_t cli_wall_ms(const struct cli_call *c);
/* Ends the call, exactly once; c is gone afterwards. Synchronous commands return a status instead. */
void cli_finish(struct cli_call *c, enum cli_status status);

/* A command: a status, or CLI_PENDING after it has arranged for cli_finish to be called later. */
enum { CLI_PENDING = -1 };
typedef int cli_fn(struct cli_call *c);

/* The command of id; NULL for what runs in the client. */
cli_fn *cli_command(enum cli_id id);

#endif
