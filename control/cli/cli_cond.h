/* cli_cond: `debug crypto condition`: which events are worth a line. For the whole daemon, until reset.
 *
 * Conditions of one kind are alternatives, of different kinds must all hold: `peer ipv4 A` with `cookie X` shows one of A's negotiations and not
 * the other that runs at the same time (PR-5). What an event does not know yet (before an SA there is no profile, no number)
 * fails the condition, unless `unmatched` is given. */
#ifndef CONTROL_CLI_CLI_COND_H
#define CONTROL_CLI_CLI_COND_H

#include "control/ike/ike.h"

enum cli_cond_kind {
    CLI_COND_PEER,    /* prefix */
    CLI_COND_LOCAL,   /* prefix */
    CLI_COND_PROFILE, /* text, with version */
    CLI_COND_CONNID,  /* number */
    CLI_COND_FVRF,    /* text; "" global */
    CLI_COND_SPI,     /* number: of a child SA, either direction */
    CLI_COND_COOKIE,  /* octets: of an IKE SA, either end */
    CLI_COND_KINDS
};
enum { CLI_CONDS_MAX = 32 };
struct cli_cond {
    enum cli_cond_kind kind;
    struct ip_prefix prefix;
    char text[CFG_NAME_MAX];
    unsigned version; /* profiles: of which IKE */
    uint32_t number;
    uint8_t cookie[8];
};
struct cli_conds {
    unsigned count;
    struct cli_cond items[CLI_CONDS_MAX];
    bool unmatched;
};

/* CV_EEXIST when it is there already, CV_ENOSPC. */
CV_MUST_USE cv_result cli_cond_add(struct cli_conds *c, const struct cli_cond *one);
void cli_conds_reset(struct cli_conds *c);
/* e: whose child SAs an SPI is looked up among. */
CV_MUST_USE bool cli_conds_pass(const struct cli_conds *c, struct ike *e, const struct ike_about *a);
/* As it was entered: "peer ipv4 192.0.2.2". out: CLI_COND_TEXT_MAX. */
enum { CLI_COND_TEXT_MAX = 128 };
const char *cli_cond_text(const struct cli_cond *c, char *out);
/* 16 hexadecimal digits, with or without 0x and separators (: or .) between octets. */
CV_MUST_USE bool cli_cookie_parse(const char *text, uint8_t out[8]);

#endif
