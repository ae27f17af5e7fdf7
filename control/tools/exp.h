/* exp: `culvert explain A.conf B.conf`: options, the runs, and the reports. */
#ifndef CONTROL_TOOLS_EXP_H
#define CONTROL_TOOLS_EXP_H

#include "control/tools/exp_advice.h"
#include "control/tools/exp_notes.h"

struct exp_options {
    const char *file[2];
    bool ends[2];          /* initiators asked for */
    bool ends_given;       /* by --initiator a or b, not by default */
    const char *tunnel;    /* NULL: all */
    const char *html_file; /* NULL: none */
    bool json, ios;
    bool debug;              /* the engines' log lines among the messages */
    const char *enrolled[2]; /* --enrolled, "TP1,TP2" without the end; NULL not given */
    int64_t now_s;           /* --at: seconds since 1970; 0: now */
};

struct exp_pair_result {
    struct exp_pair pair;
    bool ran[2];
    struct exp_run run[2];
    bool has_advice;
    struct exp_advice advice;
    struct exp_notes notes; /* also where all came up */
};

struct exp_result {
    struct exp_options options;
    struct exp_keys keys;
    struct exp_case c;
    unsigned pair_count;
    struct exp_pair_result *pair;
    unsigned left_out[2]; /* units of an end that have no partner */
    bool all_up, asymmetric;
};

/* Runs everything. CV_EIO, CV_EPARSE, CV_ENOENT: err (octets as given) holds what to print to stderr, whole lines. */
CV_MUST_USE cv_result exp_explain(const struct exp_options *o, struct exp_result *out, char **err);
void exp_result_free(struct exp_result *r);

/* The command: words after `explain`. Returns the exit status of interfaces.md: 0 all came up, 1 not, 2 wrong usage or bad input. */
int exp_main(int argc, const char *const *argv, bool json);

#endif
