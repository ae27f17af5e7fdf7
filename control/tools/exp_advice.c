#include "control/tools/exp_advice.h"

#include "common/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 40 };

/* A configuration pair that is tried, with its first run that failed. */
struct trial {
    struct exp_case c;
    struct exp_run bad;
    bool has_bad;
    unsigned score;
};

static void trial_free(struct trial *t)
{
    if (t->has_bad)
        exp_run_free(&t->bad);
    exp_case_free(&t->c);
    memset(t, 0, sizeof *t);
}

static cv_result run_all(struct trial *t, const struct exp_pair *pair, const bool ends[2])
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        struct exp_run r;
        if (!ends[e])
            continue;
        CV_TRY(exp_run(&t->c, pair, e, &r));
        t->score += exp_run_score(&r);
        if (r.outcome != EXP_UP && r.outcome != EXP_NOT_MEANT && !t->has_bad) {
            t->bad = r;
            t->has_bad = true;
        } else {
            exp_run_free(&r);
        }
    }
    return CV_OK;
}

static void add_name(struct exp_names *n, const char *name)
{
    if (n->count < EXP_NAMES_MAX)
        snprintf(n->name[n->count++], sizeof n->name[0], "%s", name);
}

/* CV_EPARSE, CV_ENOENT: the change leaves no configuration, or no tunnel. */
static cv_result try_out(const struct exp_case *from, const struct exp_fix *f, const struct exp_pair *pair,
                         const bool ends[2], struct trial *t)
{
    memset(t, 0, sizeof *t);
    t->c.keys = from->keys;
    t->c.now_s = from->now_s;
    cv_result r = CV_OK;
    for (enum exp_end e = EXP_A; e <= EXP_B && r == CV_OK; e++)
        r = exp_side_change(&from->side[e], f->edit, f->count, &t->c.side[e]);
    for (unsigned i = 0; i < f->enrol_count && r == CV_OK; i++) {
        struct exp_side *s = &t->c.side[f->enrol[i].on];
        add_name(&s->renewed, f->enrol[i].name);
        if (f->enrol[i].authenticate)
            add_name(&s->authenticated, f->enrol[i].name);
    }
    if (r == CV_OK)
        r = exp_case_ready(&t->c);
    if (r == CV_OK)
        r = run_all(t, pair, ends);
    if (r != CV_OK)
        trial_free(t);
    return r;
}

static bool to_try(const struct exp_fix *f)
{
    return f->count > 0 || f->enrol_count > 0;
}

struct search {
    const struct exp_pair *pair;
    const bool *ends;
    struct exp_advice *out;
    unsigned tries;
};

static void take_step(struct exp_advice *a, const char *say)
{
    memcpy(a->step[a->step_count++], say, EXP_SAY_MAX);
}

/* Tries the fixes of one cause. The first that solves everything is the step, further ones the others; else the one that comes furthest, which is
 * left in *best. True: there is a step. */
static bool try_fixes(struct search *s, const struct exp_cause *x, unsigned score, struct trial *best)
{
    const char *say = NULL;
    bool first = s->out->step_count == 0;
    for (unsigned i = 0; i < x->count && s->tries < TRIES_MAX; i++) {
        struct trial t;
        if (!to_try(&x->fix[i]) || (s->out->solved && (!first || s->out->other_count == EXP_OTHERS_MAX)))
            continue;
        s->tries++;
        if (try_out(x->c, &x->fix[i], s->pair, s->ends, &t) != CV_OK)
            continue;
        if (!t.has_bad && s->out->solved) {
            memcpy(s->out->other[s->out->other_count++], x->fix[i].say, EXP_SAY_MAX);
        } else if (!s->out->solved && (!t.has_bad || t.score > score)) {
            s->out->solved = !t.has_bad;
            score = t.score;
            say = x->fix[i].say;
            trial_free(best);
            *best = t;
            continue;
        }
        trial_free(&t);
    }
    if (say)
        take_step(s->out, say);
    return say != NULL;
}

/* Two faults in one message: no change alone comes further, so two are tried at once. */
static bool try_two(struct search *s, const struct exp_cause *x, struct trial *best)
{
    struct exp_fix *both = calloc(1, sizeof *both);
    bool found = false;
    for (unsigned i = 0; both && i < x->count && !found; i++)
        for (unsigned k = i + 1; k < x->count && !found && s->tries < TRIES_MAX; k++) {
            const struct exp_fix *f = &x->fix[i], *g = &x->fix[k];
            struct trial t;
            if (!to_try(f) || !to_try(g) || f->count + g->count > EXP_EDITS_MAX ||
                f->enrol_count + g->enrol_count > EXP_ENROLS_MAX)
                continue;
            *both = *f;
            memcpy(both->edit + f->count, g->edit, g->count * sizeof *g->edit);
            both->count += g->count;
            memcpy(both->enrol + f->enrol_count, g->enrol, g->enrol_count * sizeof *g->enrol);
            both->enrol_count += g->enrol_count;
            s->tries++;
            if (try_out(x->c, both, s->pair, s->ends, &t) != CV_OK)
                continue;
            if (!t.has_bad && s->out->step_count + 2 <= EXP_STEPS_MAX) {
                take_step(s->out, f->say);
                take_step(s->out, g->say);
                s->out->solved = found = true;
            }
            if (found)
                *best = t;
            else
                trial_free(&t);
        }
    if (both)
        secret_wipe(both, sizeof *both);
    free(both);
    return found;
}

static unsigned score_of(const struct exp_case *c, const struct search *s)
{
    unsigned n = 0;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        struct exp_run r;
        if (s->ends[e] && exp_run(c, s->pair, e, &r) == CV_OK) {
            n += exp_run_score(&r);
            exp_run_free(&r);
        }
    }
    return n;
}

cv_result exp_advise(const struct exp_case *c, const struct exp_pair *pair, const bool ends[2],
                     const struct exp_run *bad, struct exp_advice *out)
{
    struct search s = {.pair = pair, .ends = ends, .out = out};
    struct trial at = {.has_bad = false}, next = {.has_bad = false};
    unsigned score = score_of(c, &s);
    memset(out, 0, sizeof *out);
    for (bool going = true; going && !out->solved && out->step_count < EXP_STEPS_MAX;) {
        struct exp_cause *x = exp_cause_new(at.has_bad ? &at.c : c, pair, at.has_bad ? &at.bad : bad);
        if (!x)
            return CV_ENOMEM;
        if (!at.has_bad)
            memcpy(out->why, x->why, sizeof out->why);
        going = try_fixes(&s, x, score, &next) || try_two(&s, x, &next);
        out->tried = out->tried || (x->count > 0 && to_try(&x->fix[0]));
        if (!going && out->step_count == 0 && x->count > 0)
            take_step(
                out,
                x->fix[0].say); /* it did not help alone, or could not be tried: out->solved stays false */
        exp_cause_free(x);
        if (going) {
            trial_free(&at);
            at = next;
            memset(&next, 0, sizeof next);
            score = at.score;
        }
    }
    trial_free(&at);
    return CV_OK;
}
