#include "control/cli/cli_local.h"

#include "control/cli/cli_proto.h"
#include "control/cli/cli_tree.h"
#include "control/config/cfg.h"
#include "control/config/cfg_report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- check ------------------------------------------------------------------------------------------------------------- */
int cli_local_check(const char *file, bool json)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    cv_result r = cfg_load(file, &c, &f);
    if (r == CV_OK)
        r = cfg_lint(c, &f);
    char *report = json ? cfg_report_json(&f, file) : cfg_report_text(&f, file);
    unsigned errors = cfg_findings_count(&f, CFG_ERROR);
    if (report)
        printf("%s%s", report, json ? "\n" : "");
    free(report);
    cfg_findings_free(&f);
    cfg_free(c);
    if (r == CV_EIO || !report)
        return CLI_USAGE;
    return r == CV_OK && errors == 0 ? CLI_OK : CLI_NOT_SO;
}

/* ---- bench ----------------------------------------------------------------------------------------------------------------- */
/* Beside this program, in the sbin beside its folder (as installed), else what PATH has. */
const char *cli_local_dp_program(void)
{
    static const char *const places[] = {"culvert-dp", "../sbin/culvert-dp"};
    static char path[PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    char *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
    for (unsigned i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), "%s", places[i]);
        if (access(path, X_OK) == 0)
            return path;
    }
    return "culvert-dp";
}

int cli_local_bench(int argc, const char *const *argv)
{
    const char *words[CLI_ARGC_MAX + 4];
    int n = 0;
    const bool offload = argc > 0 && strcmp(argv[0], "offload") == 0;
    if (!offload && (argc < 1 || strcmp(argv[0], "dataplane") != 0)) {
        fprintf(stderr, "culvert: bench wants dataplane or offload after it, as in: culvert bench dataplane "
                        "--sizes 64,1420\n");
        return CLI_USAGE;
    }
    if (argc > CLI_ARGC_MAX) {
        fprintf(stderr, "culvert: more than %d words\n", CLI_ARGC_MAX);
        return CLI_USAGE;
    }
    words[n++] = cli_local_dp_program();
    words[n++] = offload ? "--bench-offload" : "--bench";
    for (int i = 1; i < argc; i++)
        words[n++] = argv[i];
    words[n] = NULL;
    execvp(words[0], (char *const *)(uintptr_t)words);
    fprintf(stderr, "culvert: cannot run %s: %s\n", words[0], strerror(errno));
    return CLI_USAGE;
}

/* ---- help -------------------------------------------------------------------------------------------------------------------- */
static bool begins(const char *text, int argc, const char *const *words)
{
    for (int i = 0; i < argc; i++) {
        const size_t n = strlen(words[i]);
        if (strncmp(text, words[i], n) != 0 || (text[n] && text[n] != ' '))
            return false;
        text += n + (text[n] == ' ');
    }
    return true;
}

int cli_local_help(int argc, const char *const *words)
{
    bool any = false;
    for (unsigned i = 0; i < cli_row_count; i++) {
        const struct cli_row *r = &cli_rows[i];
        char line[200];
        if (r->id == CLI_NONE || !begins(r->words, argc, words))
            continue;
        any = true;
        snprintf(line, sizeof line, "%s%s%s", r->words, r->args ? " " : "", r->args ? r->args : "");
        printf("%-34s %s\n", line, r->help);
        if (r->options)
            printf("%-34s   options: %s\n", "", r->options);
    }
    return any ? CLI_OK : CLI_USAGE;
}

int cli_local_run(const struct cli_parsed *p, bool json)
{
    switch (p->row->id) {
    case CLI_CHECK:
        return cli_local_check(p->args[0], json || cli_opt(p, "json") != NULL);
    case CLI_BENCH:
        return cli_local_bench((int)p->arg_count, p->args);
    default:
        return cli_local_help(0, NULL);
    }
}
