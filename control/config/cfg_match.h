/* cfg_match: a line against a table of commands written as patterns; the whole grammar is such rows.
 *
 * A pattern is words apart by blanks:
 *   word        a keyword; a unique prefix of it will do, upper or lower case
 *   a|b|c       in angle brackets: one of these keywords (the argument's text is the keyword in full)
 *   <10-3600>   a number of this range
 *   <A.B.C.D> <X:X::X> <ADDR>   an IPv4, an IPv6, either kind of address
 *   <MASK>      255.255.255.0, as a prefix length in .len
 *   <A.B.C.D/N> <X:X::X/N> <ADDR/N>   address and length, host bits kept
 *   <IF>        an interface name, in one or two words; canonical in .name
 *   <WORD> <HOST> <KEY>   any word; one that is no number and no address; a secret, never quoted in messages
 *   <LINE>      the rest of the line as it was typed
 *   <..>+       once or more
 *   [ .. ]      may be left out (no nesting)
 *   ~           in front of an element: the `no` form may end here
 * The `no` form may also end at the first argument of a command that opens no section. */
#ifndef CONTROL_CONFIG_CFG_MATCH_H
#define CONTROL_CONFIG_CFG_MATCH_H

#include "common/addr.h"
#include "common/contract.h"
#include "control/config/cfg_lex.h"

enum cfg_mode {
    CFG_MODE_NONE = 0,
    CFG_MODE_GLOBAL,
    CFG_MODE_PLATFORM,
    CFG_MODE_INTERFACE,
    CFG_MODE_IKEV2_PROPOSAL,
    CFG_MODE_IKEV2_POLICY,
    CFG_MODE_IKEV2_KEYRING,
    CFG_MODE_IKEV2_PEER,
    CFG_MODE_IKEV2_PROFILE,
    CFG_MODE_TRANSFORM_SET,
    CFG_MODE_IPSEC_PROFILE,
    CFG_MODE_ISAKMP_POLICY,
    CFG_MODE_ISAKMP_KEYRING,
    CFG_MODE_ISAKMP_PROFILE,
    CFG_MODE_ACL,
    CFG_MODE_ACL6,
    CFG_MODE_MAP,
    CFG_MODE_VRF,
    CFG_MODE_VRF_FAMILY,
    CFG_MODE_ISAKMP_PEER,
    CFG_MODE_TRUSTPOINT,
    CFG_MODE_CERTIFICATE_CHAIN,
    CFG_MODE_CERTMAP,
    CFG_MODE_COUNT
};

struct cfg_parser;
struct cfg_match;
typedef void cfg_handler(struct cfg_parser *p, const struct cfg_match *m);

struct cfg_cmd {
    const char *syntax;
    cfg_handler *run;    /* NULL: `refuse` says why */
    enum cfg_mode enter; /* the section it opens; CFG_MODE_NONE: none */
    const char *refuse;  /* known, but not done: error (or warning when `ignore`), with this remedy */
    bool ignore;         /* taken without effect */
};

struct cfg_cmd_table {
    const struct cfg_cmd *rows;
    unsigned count;
};

enum cfg_form { CFG_SET, CFG_UNSET, CFG_RESET }; /* plain, `no`, `default` */

enum cfg_arg_type {
    CFG_ARG_KEYWORD, /* literal keywords of the pattern, too */
    CFG_ARG_CHOICE,
    CFG_ARG_NUMBER,
    CFG_ARG_ADDR,   /* .addr */
    CFG_ARG_MASK,   /* .len */
    CFG_ARG_PREFIX, /* .addr with host bits, .len */
    CFG_ARG_IF,     /* .name, .kind */
    CFG_ARG_WORD,   /* .text */
    CFG_ARG_LINE,   /* .text */
};

struct cfg_arg {
    enum cfg_arg_type type;
    int column;
    const char *text; /* as typed, in the line */
    struct ip_addr addr;
    unsigned len;
    unsigned long number;
    enum cv_if_kind kind;
    char name[CV_NAME_MAX]; /* CFG_ARG_IF: canonical name; keyword and choice: in full */
};

struct cfg_match {
    const struct cfg_cmd *cmd;
    const struct cfg_line *line;
    enum cfg_form form;
    unsigned count;
    struct cfg_arg args[CFG_TOKENS_MAX];
};

enum cfg_match_result {
    CFG_MATCHED,
    CFG_UNKNOWN,    /* a word that does not fit */
    CFG_AMBIGUOUS,  /* a prefix of several keywords */
    CFG_INCOMPLETE, /* the line ended too early */
};

struct cfg_mismatch {
    enum cfg_match_result why;
    unsigned depth; /* words that fitted, `no` included */
    int column;
    bool secret;        /* the word may be (part of) a key: do not print it */
    bool section;       /* the words that fitted lead into commands that open a section */
    const char *word;   /* the word that did not fit; "" at the end of the line */
    char expected[170]; /* "address, mtu, route" */
    unsigned expected_count;
    char nearest[40]; /* a keyword much like the word; "" none */
};

/* Finds the one row of the tables that the line fits. On CFG_MATCHED *m is filled, else *bad. */
enum cfg_match_result cfg_match_line(const struct cfg_cmd_table *tables, unsigned table_count,
                                     const struct cfg_line *line, struct cfg_match *m,
                                     struct cfg_mismatch *bad);

/* The n-th argument (from 0) of a type; NULL when there is none. */
const struct cfg_arg *cfg_match_arg(const struct cfg_match *m, enum cfg_arg_type type, unsigned n);
/* Whether the keyword was given. */
bool cfg_match_has(const struct cfg_match *m, const char *keyword);

/* Smallest number of changed, left out or added letters that makes b of a, case ignored; at most `limit` + 1. */
unsigned cfg_distance(const char *a, const char *b, unsigned limit);

#endif
