#include "dataplane/dp_doctor.h"
#include "common/log.h"
#include "dataplane/dp_compat.h"
#include "dataplane/engine/eng.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* Engines' own words are plain; quotes and control characters are replaced all the same. */
static void quoted(const char *s)
{
    putchar('"');
    for (; *s; s++)
        putchar(*s == '"' || *s == '\\' || (unsigned char)*s < ' ' ? '\'' : *s);
    putchar('"');
}

static void engine_print(const struct eng_ops *e)
{
    char why[256] = "";
    cv_result r = e ? e->self_test(why, sizeof why) : CV_EUNSUP;
    printf("{\"name\":");
    quoted(e ? e->name : "");
    printf(",\"device\":");
    quoted(e && r == CV_OK ? e->device() : "");
    printf(",\"usable\":%s,\"passed\":%s,\"why\":", r == CV_EUNSUP ? "false" : "true",
           r == CV_OK ? "true" : "false");
    quoted(why);
    printf("}");
}

/* "ipsec-mb 1.3.0 AVX512" -> "1.3.0" */
static void ipsec_mb_version(char out[32])
{
    char why[256];
    const struct eng_ops *e = eng_by_name("ipsec-mb");
    out[0] = '\0';
    if (e && e->self_test(why, sizeof why) == CV_OK && sscanf(e->device(), "ipsec-mb %31s", out) != 1)
        out[0] = '\0';
}

/* A prefix of its own: the EAL leaves its directory behind, which is removed at the end. */
static int eal_start(void)
{
    static char prefix[40];
    static char name[] = "culvert-dp", no_huge[] = "--no-huge", no_pci[] = "--no-pci",
                no_shconf[] = "--no-shconf", no_telemetry[] = "--no-telemetry", m[] = "-m", mib[] = "128",
                level[] = "--log-level=*:error";
    char *argv[] = {name, prefix, no_huge, no_pci, no_shconf, no_telemetry, m, mib, level, NULL};
    snprintf(prefix, sizeof prefix, "--file-prefix=culvert-doctor-%d", (int)getpid());
    return rte_eal_init((int)(sizeof argv / sizeof argv[0]) - 1, argv);
}

static int eal_stop(void)
{
    char dir[256];
    snprintf(dir, sizeof dir, "%s", rte_eal_get_runtime_dir());
    int r = rte_eal_cleanup();
    rmdir(dir);
    return r;
}

int dp_doctor_main(int argc, char **argv)
{
    const char *word = "auto";
    char version[32];
    if (argc == 3 && strcmp(argv[1], "--engine") == 0)
        word = argv[2];
    else if (argc != 1) {
        fprintf(stderr, "culvert-dp: --doctor takes --engine WORD, and nothing else\n");
        return STATUS_USAGE;
    }
    log_setup("culvert-dp", LOG_LEVEL_ERROR, NULL, NULL);
    if (eal_start() < 0) {
        fprintf(stderr, "culvert-dp: the DPDK EAL did not start: %s\n", rte_strerror(rte_errno));
        return STATUS_FAILED;
    }
    ipsec_mb_version(version);
    printf("{\"dpdk\":");
    quoted(rte_version());
    printf(",\"ipsec_mb\":");
    quoted(version);
    printf(",\"engines\":[");
    for (unsigned i = 0; eng_all[i]; i++) {
        printf("%s", i ? "," : "");
        engine_print(eng_all[i]);
    }
    printf("],\"configured\":");
    engine_print(eng_by_name(word));
    printf("}\n");
    return fflush(stdout) == 0 && eal_stop() == 0 ? 0 : STATUS_FAILED;
}
