#include "control/cli/cli_client.h"
#include "control/cli/cli_proto.h"
#include "control/cli/cli_tree.h"
#include "control/config/cfg.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma weak cfg_lint
/* ---- check --------------------------------------------------------------------------------------------------------------- */
static void findings_text(const char *file, const struct cfg_findings *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        const struct cfg_finding *g = &f->items[i];
        FILE *to = g->severity == CFG_ERROR ? stderr : stdout;
        fprintf(to, "%s%s:%d: %s %s: %s%s%s\n", g->severity == CFG_ERROR ? "culvert: " : "", file, g->line,
                cfg_severity_text(g->severity), g->rule, g->text, g->remedy[0] ? ", " : "", g->remedy);
    }
    printf("%s: %u errors, %u warnings\n", file, cfg_findings_count(f, CFG_ERROR),
           cfg_findings_count(f, CFG_WARNING));
}

static void findings_json(const char *file, const struct cfg_findings *f)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < f->count; i++) {
        const struct cfg_finding *g = &f->items[i];
        json_array_append_new(a, json_pack("{s:i, s:i, s:s, s:s, s:s, s:s}", "line", g->line, "column",
                                           g->column, "rule", g->rule, "severity",
                                           cfg_severity_text(g->severity), "text", g->text, "remedy",
                                           g->remedy));
    }
    json_t *j =
        json_pack("{s:s, s:i, s:i, s:o}", "file", file, "errors", (int)cfg_findings_count(f, CFG_ERROR),
                  "warnings", (int)cfg_findings_count(f, CFG_WARNING), "findings", a);
    json_dumpf(j, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(j);
}

int cli_local_check(const char *file, bool json)
{
    struct cfg *c = NULL;
    struct cfg_findings f = {0};
    cv_result r = cfg_load(file, &c, &f);
    if (r == CV_OK && cfg_lint)
        r = cfg_lint(c, &f);
    if (json)
        findings_json(file, &f);
    else
        findings_text(file, &f);
    unsigned errors = cfg_findings_count(&f, CFG_ERROR);
    cfg_findings_free(&f);
    cfg_free(c);
    if (r == CV_EIO)
        return CLI_USAGE;
    return r == CV_OK && errors == 0 ? CLI_OK : CLI_NOT_SO;
}

/* ---- bench ----------------------------------------------------------------------------------------------------------------- */
/* culvert-dp beside this program, else what PATH has. */
static const char *dp_program(void)
{
    static char path[PATH_MAX + 16];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    char *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
    if (slash) {
        strcpy(slash + 1, "culvert-dp");
        if (access(path, X_OK) == 0)
            return path;
    }
    return "culvert-dp";
}

int cli_local_bench(int argc, const char *const *argv)
{
    const char *words[CLI_ARGC_MAX + 4];
    int n = 0;
    if (argc < 1 || (strcmp(argv[0], "dataplane") != 0 && strcmp(argv[0], "offload") != 0)) {
        fprintf(stderr, "culvert: bench wants dataplane or offload after it\n");
        return CLI_USAGE;
    }
    words[n++] = dp_program();
    words[n++] = "--bench";
    for (int i = 0; i < argc && n < CLI_ARGC_MAX + 3; i++)
        words[n++] = argv[i];
    words[n] = NULL;
    execvp(words[0], (char *const *)(uintptr_t)words);
    fprintf(stderr, "culvert: cannot run %s: %s\n", words[0], strerror(errno));
    return CLI_USAGE;
}

/* ---- help -------------------------------------------------------------------------------------------------------------------- */
int cli_local_help(void)
{
    for (unsigned i = 0; i < cli_row_count; i++) {
        const struct cli_row *r = &cli_rows[i];
        char line[200];
        if (r->id == CLI_NONE)
            continue;
        snprintf(line, sizeof line, "%s%s%s", r->words, r->args ? " " : "", r->args ? r->args : "");
        printf("%-34s %s\n", line, r->help);
        if (r->options)
            printf("%-34s   options: %s\n", "", r->options);
    }
    return CLI_OK;
}
