/* cfg_parser: what the command handlers share: the configuration under construction and where it stands.
 *
 * Objects are named by index, for their arrays move while they grow. Internal to control/config. */
#ifndef CONTROL_CONFIG_CFG_PARSER_H
#define CONTROL_CONFIG_CFG_PARSER_H

#include "control/config/cfg.h"
#include "control/config/cfg_match.h"

enum { CFG_ERRORS_MAX = 200, CFG_DEPTH_MAX = 4 };
enum { CFG_RETRY_COUNT_DEFAULT = 10, CFG_RETRY_PERIOD_DEFAULT = 1 }; /* of enrolment, section 4.5 */

/* An open section: its mode, how far its first line was indented, and whether a line of it was indented further. */
struct cfg_open {
    enum cfg_mode mode;
    int indent;
    bool deeper;
};

struct cfg_parser {
    struct cfg *c;
    struct cfg_findings *findings;
    int line;
    unsigned errors;    /* of the whole file */
    unsigned tolerated; /* those of them that are warnings, for --ios */
    bool out_of_memory;
    struct cfg_open open[CFG_DEPTH_MAX]; /* [0] is global */
    unsigned depth;                      /* open[depth - 1] is the current one */
    bool lost;                           /* the last header was wrong: the lines under it mean nothing */
    bool lost_section;                   /* ... and it was meant to open a section */
    int lost_indent;
    bool indented; /* some line of the file is */
    /* bodies that are no commands; --ios (cfg_ios) */
    bool certificate;                            /* in the hexadecimal of one */
    unsigned certificate_at, certificate_digits; /* which; UINT_MAX: one that is not kept */
    char chain[CFG_NAME_MAX];                    /* the trust-point of the certificate chain */
    char banner_end[4];                          /* what closes the banner; "" in none */
    int body_line;                               /* where the body began */
    bool ios;
    const char *text; /* the whole */
    struct cfg_skips *skips;
    bool skipping; /* what is indented further than skip_indent is passed over */
    int skip_indent;
    /* the objects of the open sections */
    unsigned interface, proposal, policy, keyring, peer, profile, transform_set, ipsec_profile;
    unsigned isakmp_policy, isakmp_keyring, isakmp_profile, isakmp_peer, acl, map, map_entry, vrf, trustpoint,
        certmap;
};

/* Errors that make the configuration useless. */
static inline unsigned cfg_fatal_errors(const struct cfg_parser *p)
{
    return p->errors - p->tolerated;
}

/* Records an error at a column of the current line; for --ios a warning. remedy: what would be right. */
void cfg_error(struct cfg_parser *p, int column, const char *remedy, const char *fmt, ...) CV_PRINTF(4, 5);
void cfg_warn(struct cfg_parser *p, int column, const char *rule, const char *remedy, const char *fmt, ...)
    CV_PRINTF(5, 6);

/* Appends a zeroed element to an array with *count elements of `size` octets; its index, or UINT_MAX when memory ran out
 * (the parser notes that). */
unsigned cfg_append(struct cfg_parser *p, void *array, unsigned *count, size_t size);
/* Takes element i out of an array. */
void cfg_remove(void *array, unsigned *count, size_t size, unsigned i);
/* Copies text into dst; an error when it is too long. */
bool cfg_copy(struct cfg_parser *p, char *dst, size_t room, const struct cfg_arg *a);
/* Copies a description or clears it on `no`. */
void cfg_take_text(struct cfg_parser *p, const struct cfg_match *m, char *dst, size_t room);

/* What stands there before the first line: the builtin objects and defaults of ios-semantics section 5. */
CV_MUST_USE cv_result cfg_defaults(struct cfg_parser *p);
void cfg_default_proposal(struct cfg_ikev2_proposal *x);
void cfg_default_policy(struct cfg_ikev2_policy *x);
void cfg_default_transform_set(struct cfg_transform_set *x);
void cfg_default_ipsec_profile(struct cfg_ipsec_profile *x);

/* Wipes and frees what the objects own, not the objects. */
void cfg_keyring_clear(struct cfg_ikev2_keyring *k);
void cfg_profile_clear(struct cfg_ikev2_profile *x);
void cfg_peer_clear(struct cfg_ikev2_peer *x);
void cfg_isakmp_keyring_clear(struct cfg_isakmp_keyring *k);
void cfg_trustpoint_clear(struct cfg_trustpoint *t);

#endif
