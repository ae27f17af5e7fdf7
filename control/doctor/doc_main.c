#include "control/doctor/doc_main.h"

#include "control/doctor/doc_gather.h"
#include "control/doctor/doc_judge.h"
#include "control/doctor/doc_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_READY, EXIT_NOT_READY };

int doc_main(const char *config, bool json, const char *run_dir, const char *dp_program)
{
    static struct doc_snapshot snapshot;
    static struct doc_findings findings;
    if (!config)
        config = "/etc/culvert/culvert.conf";
    doc_gather(&snapshot, config, run_dir, dp_program);
    doc_judge(&snapshot, &findings);
    char *text =
        json ? doc_report_json(&findings, config) : doc_report_text(&findings, isatty(STDOUT_FILENO));
    if (!text)
        return EXIT_NOT_READY;
    printf("%s%s", text, json ? "\n" : "");
    free(text);
    return doc_worst(&findings) == DOC_RED ? EXIT_NOT_READY : EXIT_READY;
}
