#include "dataplane/dp_doctor.h"
#include "common/log.h"
#include "common/platform.h"
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

static void engine_print(const struct eng_ops *e, bool tried, cv_result r, const char *why)
{
    printf("{\"name\":");
    quoted(e ? e->name : "");
    printf(",\"device\":");
    quoted(e && tried && r == CV_OK ? e->device() : "");
    printf(",\"tried\":%s,\"usable\":%s,\"passed\":%s,\"why\":", tried ? "true" : "false",
           r == CV_EUNSUP ? "false" : "true", tried && r == CV_OK ? "true" : "false");
    quoted(why);
    printf("}");
}

static void engine_test(const struct eng_ops *e)
{
    char why[256] = "";
    cv_result r = e->self_test(why, sizeof why);
    engine_print(e, true, r, why);
}

/* The engine of the platform section. A device on the PCI bus is left alone: a data plane that runs may have it. */
static void configured_test(const char *word)
{
    static struct platform p;
    char why[256] = "", address[16];
    const struct eng_ops *e = eng_by_name(word);
    if (!e || !e->start) {
        if (e)
            engine_test(e);
        else
            engine_print(NULL, true, CV_EUNSUP, "");
        return;
    }
    platform_init(&p);
    snprintf(p.crypto_engine, sizeof p.crypto_engine, "%s", word);
    platform_crypto_pci(&p, address);
    if (address[0]) {
        engine_print(e, false, CV_OK, "");
        return;
    }
    cv_result r = e->start(eng_argument(word), 1, why, sizeof why);
    if (r != CV_OK) {
        engine_print(e, true, CV_EUNSUP, why[0] ? why : cv_result_text(r));
        return;
    }
    engine_test(e);
    e->stop();
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
        engine_test(eng_all[i]);
    }
    printf("],\"configured\":");
    configured_test(word);
    printf("}\n");
    return fflush(stdout) == 0 && eal_stop() == 0 ? 0 : STATUS_FAILED;
}
