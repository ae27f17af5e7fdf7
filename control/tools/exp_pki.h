/* exp_pki: the trust-points that each end has, and by which CAs: with the certificates of its file, or with made-up ones, in the order in which
 * they were enrolled; and those that a file leaves to be assumed.
 *
 * A file holds no private keys: its certificates take part as copies under made-up keys, issued by copies of their CAs; names, serial numbers, validity,
 * extensions, the kind of key and the strength of the hash are theirs. Where a file has no certificates there is one CA per enrolment URL, or per name of a
 * trust-point without one, the same for both ends. */
#ifndef CONTROL_TOOLS_EXP_PKI_H
#define CONTROL_TOOLS_EXP_PKI_H

#include "control/pki/pki_sim.h"
#include "control/tools/exp_side.h"

enum { EXP_POINTS_MAX = PKI_TRUSTPOINTS_MAX, EXP_CAS_MAX = 2 * EXP_POINTS_MAX, EXP_PKI_TEXT_MAX = 2000 };

/* Private keys of the simulated ends, made when first wanted: RSA takes its time. One for all trials of an explanation. */
struct exp_keys {
    struct cr_key *of[CR_KEY_ED25519 + 1];
};
void exp_keys_free(struct exp_keys *k);

enum exp_point_origin {
    EXP_POINT_FILE, /* its certificates are in the file */
    EXP_POINT_MADE, /* defined, in a file without certificates */
    EXP_POINT_BARE, /* defined without certificates, which other trust-points of the file have: not enrolled */
    EXP_POINT_NAMED, /* not defined, but a profile names it */
    EXP_POINT_GIVEN, /* not defined, but --enrolled names it */
    EXP_POINT_OTHER  /* the file defines none at all: it is one that the other end has */
};

struct exp_point {
    char name[CFG_NAME_MAX];
    enum exp_point_origin origin;
    const struct cfg_trustpoint *t; /* NULL: not defined */
    bool has_ca, has_own;
    bool renewed;         /* enrolled anew by a change that is tried */
    int ca;               /* index into exp_pki.ca; -1 none */
    struct pki_cert *own; /* as it takes part; NULL */
    struct cr_key *key;
    int64_t order;                                    /* what was enrolled earlier has less */
    const struct cfg_certificate *from_ca, *from_own; /* of the file; NULL */
    struct pki_cert *real_ca, *real_own;              /* parsed; NULL */
};

struct exp_ca {
    const struct pki_cert *real; /* of a point; NULL: made up */
    char url[CFG_URL_MAX];       /* "" none */
    char name[CFG_NAME_MAX];     /* of the first trust-point that has it */
    struct pki_sim_ca sim;
};

struct exp_pki {
    const struct cfg *cfg[2];
    struct exp_keys *keys;
    int64_t now_s;
    bool signs; /* an end may authenticate by certificate */
    unsigned count[2];
    struct exp_point point[2][EXP_POINTS_MAX]; /* the first enrolled first */
    bool given[2];                             /* the order is that of --enrolled */
    unsigned ca_count;
    struct exp_ca ca[EXP_CAS_MAX];
};

/* keys and the configurations of the sides outlive it. now_s: the wall clock when the simulation begins. */
CV_MUST_USE cv_result exp_pki_new(const struct exp_side side[2], struct exp_keys *keys, int64_t now_s,
                                  struct exp_pki **out);
void exp_pki_free(struct exp_pki *x);
/* Configures the store of an end and installs everything. */
CV_MUST_USE cv_result exp_pki_fill(const struct exp_pki *x, enum exp_end e, struct pki *p);

/* NULL: the end has none of that name. */
const struct exp_point *exp_pki_point(const struct exp_pki *x, enum exp_end e, const char *name);
/* The point of the end with that CA; with own only one that has a certificate that is valid. NULL none. */
const struct exp_point *exp_pki_with_ca(const struct exp_pki *x, enum exp_end e, int ca, bool own);
/* Has a certificate of its own that is valid by the simulated clock. */
CV_MUST_USE bool exp_point_usable(const struct exp_pki *x, const struct exp_point *p);
const char *exp_ca_text(const struct exp_pki *x, int ca); /* its subject; "" none */
/* One line for people: what the end has and what of it was assumed. "" when it has nothing. */
const char *exp_pki_text(const struct exp_pki *x, const struct exp_side *side, char out[EXP_PKI_TEXT_MAX]);
/* Findings for the side: certificates of its file that are not used, that have expired or are not valid yet. */
CV_MUST_USE cv_result exp_pki_findings(const struct exp_pki *x, struct exp_side *side);
/* --enrolled names a trust-point that the end cannot have: its name; NULL: all is well. */
const char *exp_pki_unknown(const struct exp_side *side);

#endif
