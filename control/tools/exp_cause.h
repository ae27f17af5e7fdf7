/* exp_cause: why a run failed, in the words of its rules and with the lines it came from; and changes that may help. What helps is
 * not known here: exp_advice tries the changes out. Internal to control/tools. */
#ifndef CONTROL_TOOLS_EXP_CAUSE_H
#define CONTROL_TOOLS_EXP_CAUSE_H

#include "control/tools/exp_run.h"

enum { EXP_EDITS_MAX = 12, EXP_FIXES_MAX = 16, EXP_ENROLS_MAX = 4, EXP_SAY_MAX = 700, EXP_WHY_MAX = 1000 };

/* A change to try. Without an edit or an enrolment it is only something to say. */
struct exp_fix {
    char say[EXP_SAY_MAX]; /* "on A (A.conf:3): ..."; never a secret */
    unsigned count;
    unsigned enrol_count; /* trust-points that are enrolled anew after the edits, the first first */
    struct {
        enum exp_end on;
        bool authenticate; /* and gets the CA's certificate of today first */
        char name[CFG_NAME_MAX];
    } enrol[EXP_ENROLS_MAX];
    struct exp_edit edit[EXP_EDITS_MAX]; /* may hold secrets: wiped with exp_cause_free */
};

/* What is being explained, and what is found. */
struct exp_cause {
    const struct exp_case *c;
    const struct exp_pair *pair;
    const struct exp_run *run;
    char why[EXP_WHY_MAX];
    unsigned count;
    struct exp_fix fix[EXP_FIXES_MAX]; /* the most natural first */
};

/* NULL when memory is short. */
struct exp_cause *exp_cause_new(const struct exp_case *c, const struct exp_pair *pair,
                                const struct exp_run *run);
void exp_cause_free(struct exp_cause *x);

/* ---- for the files of causes -------------------------------------------------------------------------------------------------- */
void exp_cause_why(struct exp_cause *x, const char *fmt, ...) CV_PRINTF(2, 3);  /* sets it */
void exp_cause_also(struct exp_cause *x, const char *fmt, ...) CV_PRINTF(2, 3); /* appends */
/* A new fix; NULL when there are too many. */
struct exp_fix *exp_cause_fix(struct exp_cause *x, const char *fmt, ...) CV_PRINTF(2, 3);
/* f NULL: nothing. */
void exp_fix_edit(struct exp_fix *f, enum exp_end on, enum exp_edit_kind kind, int line, const char *fmt, ...)
    CV_PRINTF(5, 6);
/* The end enrols the trust-point anew: with what its configuration says then, as the last one. */
void exp_fix_enrol(struct exp_fix *f, enum exp_end on, const char *name);
/* ... after it got the CA's certificate anew. */
void exp_fix_authenticate(struct exp_fix *f, enum exp_end on, const char *name);
/* The line of the block that begins with `words` becomes `text`, or text is put below the block's first line. */
void exp_fix_set(struct exp_fix *f, const struct exp_side *s, int block, const char *words, const char *text);
/* "A.conf:3"; a static ring of results, good for a few in one sentence. */
const char *exp_at(const struct exp_cause *x, enum exp_end on, int line);
/* The line as it may be shown; likewise. */
const char *exp_shown(const struct exp_cause *x, enum exp_end on, int line);
const char *exp_addr(const struct ip_addr *a); /* likewise */
static inline const struct exp_side *exp_side_of(const struct exp_cause *x, enum exp_end e)
{
    return &x->c->side[e];
}
/* The address of an end as the other one has it to know. */
static inline const struct ip_addr *exp_local(const struct exp_cause *x, enum exp_end e)
{
    return &x->run->unit[e]->local;
}

void exp_cause_addresses(struct exp_cause *x); /* exp_cause_path: they do not mirror */
void exp_cause_version(struct exp_cause *x);   /* IKEv1 here, IKEv2 there */
void exp_cause_selectors(struct exp_cause *x); /* ts-unacceptable */
void exp_cause_silence(struct exp_cause *x);   /* timeout */
void exp_cause_keys1(struct exp_cause *x);     /* IKEv1: no-psk, bad-psk, keyring-mismatch */
void exp_cause_keys2(struct exp_cause *x);     /* IKEv2: no-psk, bad-psk */
void exp_cause_identity(struct exp_cause *x);  /* IKEv2: no-profile, id-mismatch */
void exp_cause_profile(struct exp_cause *x);   /* profile-mismatch: PF-7, PF-9 */
void exp_cause_proposal(struct exp_cause *x);  /* no-proposal, phase 1 and 2 */

/* The trust-point that the end has chosen to sign with; NULL: none, or it has not come to that. */
const struct exp_point *exp_cause_signer(const struct exp_cause *x, enum exp_end e);
void exp_cause_certificate(
    struct exp_cause *x); /* cert-..., no-certificate, id-mismatch of a certificate, auth-failed */

/* exp_cause_vrf: true when that is the cause, which is then said */
bool exp_cause_source_vrf(struct exp_cause *x);
bool exp_cause_profile_vrf(struct exp_cause *x, enum exp_end on, const struct cfg_isakmp_profile *p);
/* The interface that the tunnel's source is on, when it is not in the tunnel's VRF; NULL else. */
const struct cfg_interface *exp_source_elsewhere(const struct cfg *c, const struct cfg_interface *t);
const char *exp_vrf_words(const char *vrf); /* its name, or "the global table" */

#endif
