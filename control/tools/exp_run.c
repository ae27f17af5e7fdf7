#include "control/tools/exp_run.h"

#include <stdio.h>
#include <string.h>

cv_result exp_case_ready(struct exp_case *c)
{
    CV_TRY(exp_units_of(c->side[EXP_A].cfg, &c->units[EXP_A]));
    CV_TRY(exp_units_of(c->side[EXP_B].cfg, &c->units[EXP_B]));
    return exp_pki_new(c->side, c->keys, c->now_s, &c->pki);
}

void exp_case_free(struct exp_case *c)
{
    exp_pki_free(c->pki);
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        exp_units_free(&c->units[e]);
        exp_side_free(&c->side[e]);
    }
}

const char *exp_outcome_text(enum exp_outcome o)
{
    static const char *const text[] = {[EXP_UP] = "up",
                                       [EXP_PHASE1_FAILED] = "phase1-failed",
                                       [EXP_PHASE2_FAILED] = "phase2-failed",
                                       [EXP_NOT_MEANT] = "not-run"};
    return text[o];
}

const struct exp_decision *exp_run_decision(const struct exp_run *r, enum exp_end on, enum sel_kind kind,
                                            bool none_chosen)
{
    for (unsigned i = r->record ? r->record->decision_count : 0; i > 0; i--) {
        const struct exp_decision *d = &r->record->decisions[i - 1];
        if (d->on == on && d->t.kind == kind && (!none_chosen || !d->t.chosen[0]))
            return d;
    }
    return NULL;
}

/* ---- who decided ------------------------------------------------------------------------------------------------------ */
/* The first complaint that is more than silence: the peer's answer to it, or the silence after it, comes later. */
static const struct exp_error *deciding(const struct exp_record *r)
{
    for (unsigned i = 0; i < r->error_count; i++)
        if (r->errors[i].reason != IKE_REASON_TIMEOUT)
            return &r->errors[i];
    return r->error_count ? &r->errors[r->error_count - 1] : NULL;
}

bool exp_run_binds_identity(const struct exp_run *r)
{
    return r->reason == IKE_REASON_ID_MISMATCH &&
           (strstr(r->text, "the certificate's ") || strstr(r->text, "bound to a certificate"));
}

static enum sel_kind kind_of(enum ike_reason why)
{
    switch (why) {
    case IKE_REASON_CERT_BUILD_FAILED:
    case IKE_REASON_NO_CERTIFICATE:
        return SEL_TRUSTPOINT;
    case IKE_REASON_NO_PSK:
    case IKE_REASON_KEYRING_MISMATCH:
    case IKE_REASON_BAD_PSK:
    case IKE_REASON_ID_MISMATCH:
        return SEL_KEYRING;
    case IKE_REASON_NO_PROFILE:
        return SEL_PROFILE;
    case IKE_REASON_PROFILE_MISMATCH:
    case IKE_REASON_TS_UNACCEPTABLE:
        return SEL_POLICY; /* the choice of the tunnel */
    default:
        return SEL_PROPOSAL;
    }
}

/* The rule that stands in the trace of the decision; KR-8 has none, for it shows by garbage. */
/* The list that a profile names is what made the difference, or that no trust-point is of that CA. */
static const char *rule_of_untrusted(const struct exp_run *r)
{
    const bool v2 = r->unit[r->on]->version == CFG_IKEV2;
    const struct exp_decision *d = exp_run_decision(r, r->on, SEL_TRUSTPOINT, false);
    if (d && d->t.chosen[0])
        return v2 ? "V2-8" : "CT-10";
    return v2 ? "V2-6" : "CT-9";
}

/* Rules that stand in no trace. */
static const char *rule_of_certificates(const struct exp_run *r)
{
    switch (r->reason) {
    case IKE_REASON_CERT_UNTRUSTED:
        return rule_of_untrusted(r);
    case IKE_REASON_CERT_EXPIRED:
    case IKE_REASON_CERT_NOT_YET:
    case IKE_REASON_CERT_FORBIDDEN:
    case IKE_REASON_CERT_MALFORMED:
        return "RFC 5280 6.1";
    case IKE_REASON_AUTH_FAILED:
        return r->unit[r->on]->version == CFG_IKEV2 ? "RFC 7296 2.15" : "RFC 2409 5.1";
    case IKE_REASON_NO_CERTIFICATE:
        return "G16";
    default:
        return exp_run_binds_identity(r) ? "RFC 4945 3.1" : "";
    }
}

static void find_rule(struct exp_run *r)
{
    snprintf(r->rule, sizeof r->rule, "%s", rule_of_certificates(r));
    if (r->rule[0])
        return;
    if (r->reason == IKE_REASON_TIMEOUT)
        return;
    if (r->reason == IKE_REASON_BAD_PSK && r->unit[r->on]->version == CFG_IKEV1) {
        snprintf(r->rule, sizeof r->rule, "KR-8");
        return;
    }
    if (r->reason == IKE_REASON_ID_MISMATCH && r->on == r->initiator) {
        snprintf(r->rule, sizeof r->rule, "G30");
        return;
    }
    const struct exp_decision *d = exp_run_decision(r, r->on, kind_of(r->reason), true);
    if (!d && kind_of(r->reason) == SEL_POLICY)
        d = exp_run_decision(r, r->on, SEL_PROFILE, true);
    if (!d)
        d = exp_run_decision(r, r->on, kind_of(r->reason), false);
    if (d)
        snprintf(r->rule, sizeof r->rule, "%s", d->t.rule);
}

static const char *first_message(const struct exp_run *r)
{
    return r->unit[r->initiator]->version == CFG_IKEV1 ? "MM1" : "IKE_SA_INIT request";
}

/* The last message of the initiator that nobody has answered. */
static const char *unanswered(const struct exp_run *r)
{
    const struct exp_record *x = r->record;
    for (unsigned i = x->message_count; i > 0; i--)
        if (x->messages[i - 1].from == r->initiator)
            return x->messages[i - 1].name;
    return first_message(r);
}

static void blame(struct exp_run *r)
{
    const struct exp_error *e = deciding(r->record);
    r->on = exp_other(r->initiator);
    r->reason = e ? e->reason : IKE_REASON_TIMEOUT;
    snprintf(r->text, sizeof r->text, "%s", e ? e->text : ike_reason_text(r->reason));
    if (r->reason == IKE_REASON_TIMEOUT) {
        snprintf(r->failed_at, sizeof r->failed_at, "%s", unanswered(r));
        return;
    }
    r->on = e->on;
    snprintf(r->failed_at, sizeof r->failed_at, "%s", e->at[0] ? e->at : first_message(r));
}

static void refused(struct exp_run *r)
{
    r->outcome = r->unit[r->initiator]->answers_only ? EXP_NOT_MEANT : EXP_PHASE1_FAILED;
    r->on = r->initiator;
    r->reason = IKE_REASON_NO_ROUTE;
    if (r->outcome != EXP_NOT_MEANT)
        snprintf(r->failed_at, sizeof r->failed_at, "%s", first_message(r));
    snprintf(r->text, sizeof r->text, "%s cannot start: %s", r->unit[r->on]->name, r->record->refused);
}

static void judge(struct exp_run *r)
{
    const struct exp_record *x = r->record;
    if (x->refused[0]) {
        refused(r);
        return;
    }
    if (x->up) {
        r->outcome = EXP_UP;
        r->on = r->initiator;
        snprintf(r->text, sizeof r->text, "%u SA pair%s: %s", x->children, x->children == 1 ? "" : "s",
                 x->child);
        return;
    }
    r->outcome = x->phase1[EXP_A] && x->phase1[EXP_B] ? EXP_PHASE2_FAILED : EXP_PHASE1_FAILED;
    blame(r);
    find_rule(r);
}

cv_result exp_run(const struct exp_case *c, const struct exp_pair *pair, enum exp_end initiator,
                  struct exp_run *out)
{
    const struct cfg *const cfg[2] = {c->side[EXP_A].cfg, c->side[EXP_B].cfg};
    memset(out, 0, sizeof *out);
    out->initiator = initiator;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        out->unit[e] = exp_unit_find(&c->units[e], pair->name[e]);
        if (!out->unit[e])
            return CV_ENOENT;
    }
    const struct exp_unit *u = out->unit[initiator];
    CV_TRY(exp_sim(cfg, c->pki, initiator, u->members, u->member_count, &out->record));
    judge(out);
    return CV_OK;
}

void exp_run_free(struct exp_run *r)
{
    exp_record_free(r->record);
    memset(r, 0, sizeof *r);
}

unsigned exp_run_score(const struct exp_run *r)
{
    enum { UP = 1000, PHASE2 = 500, MOST = 200, MIRRORED = 200 };
    if (r->outcome == EXP_UP || r->outcome == EXP_NOT_MEANT)
        return UP;
    unsigned n = 0;
    for (unsigned i = 0; i < r->record->message_count; i++) /* notifies that refuse come again and again */
        n += strncmp(r->record->messages[i].name, "INFO", 4) != 0;
    unsigned score = (r->outcome == EXP_PHASE2_FAILED ? PHASE2 : 0) + (n > MOST ? MOST : n);
    score += exp_pair_mirrors(r->unit[EXP_A], r->unit[EXP_B]) ? MIRRORED : 0;
    return score + r->record->children; /* some of a crypto map's flows */
}
