/* cli_tree: the command language as a table: words with help, arguments, options; abbreviations to a unique prefix as
 * in IOS. Used by the daemon to run commands and by the shell for `?` and tab. */
#ifndef CONTROL_CLI_CLI_TREE_H
#define CONTROL_CLI_CLI_TREE_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>

enum { CLI_ARGC_MAX = 32, CLI_OPTS_MAX = 8, CLI_ERR_MAX = 256 };

enum cli_id {
    CLI_NONE, /* a word that needs another one after it */
    CLI_CHECK,
    CLI_EXPLAIN,
    CLI_BENCH,
    CLI_DOCTOR,
    CLI_HELP,
    CLI_SHOW_SESSION,
    CLI_SHOW_IKEV2_SA,
    CLI_SHOW_IKEV2_SESSION,
    CLI_SHOW_IKEV2_STATS,
    CLI_SHOW_IPSEC_SA,
    CLI_SHOW_DECISIONS,
    CLI_SHOW_ISAKMP_SA,
    CLI_SHOW_ISAKMP_KEY,
    CLI_SHOW_ISAKMP_PROFILE,
    CLI_SHOW_ISAKMP_POLICY,
    CLI_SHOW_ISAKMP_DEFAULT_POLICY,
    CLI_SHOW_ISAKMP_PEERS,
    CLI_SHOW_IKEV2_PROFILE,
    CLI_SHOW_IKEV2_POLICY,
    CLI_SHOW_IKEV2_PROPOSAL,
    CLI_SHOW_MAP,
    CLI_SHOW_IPSEC_PROFILE,
    CLI_SHOW_TRANSFORM_SET,
    CLI_SHOW_ACL,
    CLI_SHOW_VRF,
    CLI_SHOW_DEBUGGING,
    CLI_SHOW_DEBUG_CONDITION,
    CLI_SHOW_INTERFACES,
    CLI_SHOW_IP_ROUTE,
    CLI_SHOW_IPV6_ROUTE,
    CLI_SHOW_DATAPLANE,
    CLI_SHOW_STEERING,
    CLI_PLATFORM_REBALANCE,
    CLI_PLATFORM_WORKERS,
    CLI_SHOW_MEMORY,
    CLI_SHOW_CONFIG,
    CLI_SHOW_VERSION,
    CLI_CLEAR_SESSION,
    CLI_CLEAR_ISAKMP,
    CLI_CLEAR_IPSEC_SA,
    CLI_CLEAR_IPSEC_COUNTERS,
    CLI_CLEAR_IPSEC_ENTRY,
    CLI_CLEAR_IKEV2_SA,
    CLI_DEBUG_ID_ISAKMP,
    CLI_DEBUG_ID_IKEV2,
    CLI_DEBUG_ID_IPSEC,
    CLI_UNDEBUG_ALL,
    CLI_UNDEBUG_ISAKMP,
    CLI_UNDEBUG_IKEV2,
    CLI_UNDEBUG_IPSEC,
    CLI_COND_ID_PEER4,
    CLI_COND_ID_PEER6,
    CLI_COND_ID_SUBNET,
    CLI_COND_ID_LOCAL4,
    CLI_COND_ID_LOCAL6,
    CLI_COND_ID_PROFILE1,
    CLI_COND_ID_PROFILE2,
    CLI_COND_ID_FVRF,
    CLI_COND_ID_CONNID,
    CLI_COND_ID_SPI,
    CLI_COND_ID_COOKIE,
    CLI_COND_ID_UNMATCHED,
    CLI_COND_ID_RESET,
    CLI_PKI_AUTHENTICATE,
    CLI_PKI_ENROLL,
    CLI_PKI_CANCEL,
    CLI_PKI_IMPORT,
    CLI_PKI_EXPORT,
    CLI_PKI_CRL_REQUEST,
    CLI_PKI_CLEAR_CRLS,
    CLI_SHOW_PKI_CERTIFICATES,
    CLI_SHOW_PKI_TRUSTPOINTS,
    CLI_SHOW_PKI_CRLS,
    CLI_KEY_GENERATE_RSA,
    CLI_KEY_GENERATE_EC,
    CLI_KEY_GENERATE_ED25519,
    CLI_KEY_IMPORT,
    CLI_KEY_IMPORT_EC,
    CLI_KEY_EXPORT,
    CLI_KEY_ZEROIZE,
    CLI_KEY_ZEROIZE_EC,
    CLI_SHOW_KEY,
    CLI_SHOW_KEY_RSA,
    CLI_SHOW_KEY_EC,
    CLI_DEBUG_ID_PKI_VALIDATION,
    CLI_DEBUG_ID_PKI_MESSAGES,
    CLI_DEBUG_ID_PKI_TRANSACTIONS,
    CLI_UNDEBUG_PKI,
    CLI_UP,
    CLI_DOWN,
    CLI_REKEY,
    CLI_PING,
    CLI_RELOAD,
    CLI_ID_COUNT
};

/* One path of words. args: names of positional arguments, "[X]" optional, "X..." takes all that follow. options: any
 * order, "word" a flag, "word=WHAT" with a value; each may also be written with "--" before it. */
struct cli_row {
    const char *words;
    enum cli_id id;
    bool local; /* runs in the client, without a daemon */
    const char *args, *options, *help;
};
extern const struct cli_row cli_rows[];
extern const unsigned cli_row_count;

struct cli_parsed {
    const struct cli_row *row;
    unsigned arg_count;
    const char *args[CLI_ARGC_MAX];
    unsigned opt_count;
    struct {
        char name[40];     /* the option's full word */
        const char *value; /* "" for a flag */
    } opts[CLI_OPTS_MAX];
};

/* Resolves words against the table. On CV_EPARSE err says what is wrong and what would be right. Pointers into argv. */
CV_MUST_USE cv_result cli_parse(int argc, const char *const *argv, struct cli_parsed *out,
                                char err[CLI_ERR_MAX]);
/* The value of an option, "" for a flag that was given, NULL when it was not. */
const char *cli_opt(const struct cli_parsed *p, const char *name);
/* A number within lo..hi from an option; fallback when it was not given. False with err when it is none. */
CV_MUST_USE bool cli_opt_number(const struct cli_parsed *p, const char *name, unsigned lo, unsigned hi,
                                unsigned fallback, unsigned *out, char err[CLI_ERR_MAX]);
/* Calls fn for everything that may follow argv[0..argc-1]; prefix "" or the begun next word. For `?` and tab. */
void cli_next(int argc, const char *const *argv, const char *prefix,
              void (*fn)(void *ctx, const char *word, const char *help), void *ctx);

#endif
