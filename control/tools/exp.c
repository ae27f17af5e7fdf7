#include "control/tools/exp.h"

#include "control/config/cfg_report.h"
#include "control/tools/exp_report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_UP = 0, STATUS_NOT_UP = 1, STATUS_USAGE = 2 };
enum { ADVISED_MAX = 8 /* failing pairs for which changes are tried out */ };

/* ---- the runs --------------------------------------------------------------------------------------------------------------- */
CV_PRINTF(2, 3) static void say(char **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!*err && vasprintf(err, fmt, ap) < 0)
        *err = NULL;
    va_end(ap);
}

/* Many commands that are not known at all: somebody's whole running-config. */
static bool looks_like_a_router(const struct exp_result *r)
{
    enum { MANY = 5 };
    unsigned n = 0;
    for (enum exp_end e = EXP_A; e <= EXP_B; e++)
        for (unsigned i = 0; i < r->c.side[e].findings.count; i++)
            n += strstr(r->c.side[e].findings.items[i].text, "is not known here") != NULL;
    return n >= MANY;
}

static cv_result load(const struct exp_options *o, struct exp_result *out, char **err)
{
    cv_result first = CV_OK;
    char *text[2] = {NULL, NULL};
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        struct exp_side *s = &out->c.side[e];
        cv_result r = exp_side_load(o->file[e], e, o->ios, s);
        if (r != CV_OK)
            text[e] = cfg_report_errors(&s->findings, "culvert", o->file[e]);
        first = first == CV_OK ? r : first;
    }
    if (first != CV_OK)
        say(err, "%s%s%s", text[EXP_A] ? text[EXP_A] : "", text[EXP_B] ? text[EXP_B] : "",
            first == CV_EPARSE && !o->ios && looks_like_a_router(out)
                ? "culvert: explain: for whole router configurations add --ios, which skips what is "
                  "outside of the grammar\n"
                : "");
    free(text[EXP_A]);
    free(text[EXP_B]);
    return first;
}

/* "TP1,TP2" into names. False: not such a list. */
static bool take_names(const char *text, struct exp_names *out)
{
    out->count = 0;
    for (const char *at = text; out->count < EXP_NAMES_MAX; at++) {
        size_t n = strcspn(at, ",");
        if (n == 0 || n >= sizeof out->name[0])
            return false;
        snprintf(out->name[out->count++], sizeof out->name[0], "%.*s", (int)n, at);
        at += n;
        if (*at == '\0')
            return true;
    }
    return false;
}

static cv_result enrol(const struct exp_options *o, struct exp_result *out, char **err)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        struct exp_side *s = &out->c.side[e];
        const char *unknown;
        if (o->enrolled[e] && !take_names(o->enrolled[e], &s->enrolled)) {
            say(err, "culvert: explain: --enrolled wants names of trust-points with commas between, not %s\n",
                o->enrolled[e]);
            return CV_EINVAL;
        }
        if ((unknown = exp_pki_unknown(s)) != NULL) {
            say(err,
                "culvert: explain: --enrolled %c:%s: %s has no trust-point %s, as in: crypto pki trustpoint "
                "%s\n",
                e == EXP_A ? 'a' : 'b', o->enrolled[e], s->file, unknown, unknown);
            return CV_EINVAL;
        }
    }
    return CV_OK;
}

static bool failed(const struct exp_run *r)
{
    return r->outcome != EXP_UP && r->outcome != EXP_NOT_MEANT;
}

static cv_result run_pair(const struct exp_options *o, struct exp_result *out, struct exp_pair_result *p)
{
    for (enum exp_end e = EXP_A; e <= EXP_B; e++) {
        if (!o->ends[e])
            continue;
        CV_TRY(exp_run(&out->c, &p->pair, e, &p->run[e]));
        p->ran[e] = true;
        if (failed(&p->run[e]) || (p->run[e].outcome == EXP_NOT_MEANT && o->ends_given))
            out->all_up = false;
    }
    bool both = p->ran[EXP_A] && p->ran[EXP_B] && p->run[EXP_A].outcome != EXP_NOT_MEANT &&
                p->run[EXP_B].outcome != EXP_NOT_MEANT;
    if (both && (p->run[EXP_A].outcome == EXP_UP) != (p->run[EXP_B].outcome == EXP_UP))
        out->asymmetric = true;
    bool up = !(p->ran[EXP_A] && failed(&p->run[EXP_A])) && !(p->ran[EXP_B] && failed(&p->run[EXP_B]));
    exp_notes_of(&out->c, &p->pair, up, &p->notes);
    return CV_OK;
}

static cv_result advise(const struct exp_options *o, struct exp_result *out)
{
    unsigned advised = 0;
    for (unsigned i = 0; i < out->pair_count && advised < ADVISED_MAX; i++) {
        struct exp_pair_result *p = &out->pair[i];
        const struct exp_run *bad = NULL;
        for (enum exp_end e = EXP_B + 1; e-- > EXP_A;)
            if (p->ran[e] && failed(&p->run[e]))
                bad = &p->run[e];
        if (!bad)
            continue;
        CV_TRY(exp_advise(&out->c, &p->pair, o->ends, bad, &p->advice));
        p->has_advice = true;
        advised++;
    }
    return CV_OK;
}

/* An end without a protected tunnel: the line that comes nearest to one. */
static void nothing_protected(const struct exp_result *out, char **err)
{
    enum exp_end e = out->c.units[EXP_A].count ? EXP_B : EXP_A;
    const struct exp_side *s = &out->c.side[e];
    for (unsigned i = 0; i < s->cfg->interface_count; i++) {
        const struct cfg_interface *t = &s->cfg->interfaces[i];
        bool meant = t->protection_profile[0] || t->crypto_map[0] || t->crypto_map6[0];
        if (meant && t->shutdown)
            say(err, "culvert: %s:%d: %s is shut down and protects nothing, as in: no shutdown\n", s->file,
                t->line, t->name);
        else if (t->kind == CV_IF_TUNNEL && !meant)
            say(err, "culvert: %s:%d: %s has no protection, as in: tunnel protection ipsec profile P\n",
                s->file, t->line, t->name);
    }
    for (unsigned i = 0; i < s->cfg->map_count; i++) {
        const struct cfg_crypto_map *m = &s->cfg->maps[i];
        if (!m->dynamic)
            say(err,
                "culvert: %s:%d: crypto map %s is on no interface, or has no complete entry, as in: "
                "interface "
                "Ethernet0/0, crypto map %s\n",
                s->file, m->line, m->name, m->name);
    }
}

cv_result exp_explain(const struct exp_options *o, struct exp_result *out, char **err)
{
    struct exp_pairs pairs;
    char why[CFG_TEXT_MAX] = "";
    memset(out, 0, sizeof *out);
    *err = NULL;
    out->options = *o;
    out->all_up = true;
    CV_TRY(load(o, out, err));
    out->c.keys = &out->keys;
    out->c.now_s = o->now_s ? o->now_s : (int64_t)time(NULL);
    CV_TRY(enrol(o, out, err));
    CV_TRY(exp_case_ready(&out->c));
    CV_TRY(exp_pki_findings(out->c.pki, &out->c.side[EXP_A]));
    CV_TRY(exp_pki_findings(out->c.pki, &out->c.side[EXP_B]));
    cv_result r = exp_pairs_of(out->c.units, o->tunnel, &pairs, why, sizeof why);
    if (r == CV_ENOENT && !(o->tunnel && out->c.units[EXP_A].count && out->c.units[EXP_B].count))
        nothing_protected(out, err);
    if (r == CV_ENOENT)
        say(err, "culvert: %s\n", why);
    if (r == CV_OK && !(out->pair = calloc(pairs.count, sizeof *out->pair)))
        r = CV_ENOMEM;
    for (unsigned i = 0; r == CV_OK && i < pairs.count; i++) {
        out->pair[i].pair = pairs.pair[i];
        out->pair_count++;
        r = run_pair(o, out, &out->pair[i]);
    }
    memcpy(out->left_out, pairs.left_out, sizeof out->left_out);
    exp_pairs_free(&pairs);
    return r == CV_OK ? advise(o, out) : r;
}

void exp_result_free(struct exp_result *r)
{
    for (unsigned i = 0; i < r->pair_count; i++)
        for (enum exp_end e = EXP_A; e <= EXP_B; e++)
            if (r->pair[i].ran[e])
                exp_run_free(&r->pair[i].run[e]);
    free(r->pair);
    exp_case_free(&r->c);
    exp_keys_free(&r->keys);
    memset(r, 0, sizeof *r);
}

/* ---- the command -------------------------------------------------------------------------------------------------------------- */
static int usage(const char *what, const char *word)
{
    fprintf(stderr,
            "culvert: explain: %s%s, as in: culvert explain A.conf B.conf [--initiator a|b|both] [--tunnel "
            "NAME] [--ios] [--enrolled a:TP1,TP2] [--enrolled b:TP1,TP2] [--at 2026-01-31T12:00] [--debug] "
            "[--json] [--html FILE]\n",
            what, word);
    return STATUS_USAGE;
}

static bool take_initiator(const char *word, struct exp_options *o)
{
    bool both = strcmp(word, "both") == 0;
    o->ends[EXP_A] = both || strcmp(word, "a") == 0;
    o->ends[EXP_B] = both || strcmp(word, "b") == 0;
    o->ends_given = !both;
    return o->ends[EXP_A] || o->ends[EXP_B];
}

static bool take_enrolled(const char *word, struct exp_options *o)
{
    if ((word[0] != 'a' && word[0] != 'b') || word[1] != ':' || !word[2])
        return false;
    o->enrolled[word[0] == 'a' ? EXP_A : EXP_B] = word + 2;
    return true;
}

/* A day, or a day and a time, of UTC. */
static bool take_time(const char *word, struct exp_options *o)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {.tm_isdst = 0};
        const char *end = strptime(word, forms[i], &tm);
        if (end && (*end == '\0' || (*end == 'Z' && end[1] == '\0'))) {
            o->now_s = timegm(&tm);
            return o->now_s > 0;
        }
    }
    return false;
}

/* -1: go on; else the exit status. */
static int take_options(int argc, const char *const *argv, struct exp_options *o)
{
    unsigned files = 0;
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool valued = strcmp(a, "--initiator") == 0 || strcmp(a, "--tunnel") == 0 ||
                      strcmp(a, "--html") == 0 || strcmp(a, "--enrolled") == 0 || strcmp(a, "--at") == 0;
        if (valued && !value)
            return usage("no value for ", a);
        if (strcmp(a, "--initiator") == 0 && !take_initiator(value, o))
            return usage("--initiator wants a, b or both, not ", value);
        if (strcmp(a, "--enrolled") == 0 && !take_enrolled(value, o))
            return usage("--enrolled wants an end and its trust-points, a:TP1,TP2 or b:TP1,TP2, not ", value);
        if (strcmp(a, "--at") == 0 && !take_time(value, o))
            return usage("--at wants a day, or a day and a time, not ", value);
        if (strcmp(a, "--tunnel") == 0)
            o->tunnel = value;
        else if (strcmp(a, "--html") == 0)
            o->html_file = value;
        else if (strcmp(a, "--json") == 0)
            o->json = true;
        else if (strcmp(a, "--ios") == 0)
            o->ios = true;
        else if (strcmp(a, "--debug") == 0)
            o->debug = true;
        else if (!valued && strncmp(a, "--", 2) == 0)
            return usage("unknown option ", a);
        else if (!valued && files == 2)
            return usage("more than two files: ", a);
        else if (!valued)
            o->file[files++] = a;
        i += valued;
    }
    return files == 2
               ? -1
               : usage(files ? "the second configuration is missing" : "two configurations are missing", "");
}

static bool write_page(const struct exp_result *r, const char *file)
{
    char *page = exp_report_html(r);
    FILE *f = page ? fopen(file, "we") : NULL;
    bool ok = f && fputs(page, f) >= 0;
    if (f && fclose(f) != 0)
        ok = false;
    if (!ok)
        fprintf(stderr, "culvert: %s: cannot be written: %s\n", file, strerror(errno));
    free(page);
    return ok;
}

static int report(const struct exp_result *r)
{
    char *text = r->options.json ? exp_report_json(r) : exp_report_text(r);
    int status = r->all_up ? STATUS_UP : STATUS_NOT_UP;
    if (r->options.html_file &&
        !write_page(r, r->options.html_file)) /* before a reader of the text ends early */
        status = STATUS_USAGE;
    if (!text || fputs(text, stdout) < 0 || fflush(stdout) != 0)
        status = STATUS_USAGE;
    free(text);
    return status;
}

int exp_main(int argc, const char *const *argv, bool json)
{
    struct exp_options o = {.ends = {true, true}, .json = json};
    struct exp_result r;
    char *err = NULL;
    int status = take_options(argc, argv, &o);
    if (status >= 0)
        return status;
    cv_result res = exp_explain(&o, &r, &err);
    if (res != CV_OK) {
        if (err)
            fputs(err, stderr);
        else
            fprintf(stderr, "culvert: explain: %s\n", cv_result_text(res));
        status = STATUS_USAGE;
    } else {
        status = report(&r);
    }
    free(err);
    exp_result_free(&r);
    return status;
}
