#include "dataplane/dp_doctor.h"
#include "common/log.h"
#include "common/platform.h"
#include "dataplane/dp_bench_option.h"
#include "dataplane/dp_compat.h"
#include "dataplane/dp_doctor_devices.h"
#include "dataplane/engine/eng.h"
#include "dataplane/engine/eng_cryptodev.h"
#include "dataplane/io/io_port.h"

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

static void engine_body(const struct eng_ops *e, bool tried, cv_result r, const char *why)
{
    printf("\"name\":");
    quoted(e ? e->name : "");
    printf(",\"device\":");
    quoted(e && tried && r == CV_OK ? e->device() : "");
    printf(",\"tried\":%s,\"usable\":%s,\"passed\":%s,\"why\":", tried ? "true" : "false",
           r == CV_EUNSUP ? "false" : "true", tried && r == CV_OK ? "true" : "false");
    quoted(why);
}

/* transforms: -1, no device does them. */
static void engine_print(const struct eng_ops *e, bool tried, cv_result r, const char *why, int transforms)
{
    printf("{");
    engine_body(e, tried, r, why);
    printf(",\"transforms\":%d}", transforms);
}

/* How many of those that SAs have here the device of a started engine does; the rest is software's. */
static int transforms_of_device(const struct eng_ops *e)
{
    static const char *const names[] = {
        "esp-gcm-128",        "esp-gcm-256", "esp-aes-128-sha1", "esp-aes-128-sha256", "esp-aes-256-sha256",
        "esp-aes-256-sha512", "ah-sha1",     "ah-sha256",        "ah-sha512"};
    int n = 0;
    for (unsigned i = 0; e == &eng_cryptodev && i < sizeof names / sizeof names[0]; i++) {
        const struct bench_transform *t = dp_bench_transform(names[i]);
        struct cv_sa sa = {.ref = {.dir = CV_DIR_OUT}};
        if (!t)
            continue;
        sa.encr = t->encr;
        sa.integ = t->integ;
        sa.encr_key_len = t->key_len;
        sa.salt_len = t->salt_len;
        sa.integ_key_len = t->integ_len;
        n += eng_cryptodev_offloads(&sa);
    }
    return e == &eng_cryptodev ? n : -1;
}

static void engine_test(const struct eng_ops *e)
{
    char why[256] = "";
    cv_result r = e->self_test(why, sizeof why);
    engine_print(e, true, r, why, transforms_of_device(e));
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
            engine_print(NULL, true, CV_EUNSUP, "", -1);
        return;
    }
    platform_init(&p);
    snprintf(p.crypto_engine, sizeof p.crypto_engine, "%s", word);
    platform_crypto_pci(&p, address);
    if (address[0]) {
        engine_print(e, false, CV_OK, "", -1);
        return;
    }
    cv_result r = e->start(eng_argument(word), 1, why, sizeof why);
    if (r != CV_OK) {
        engine_print(e, true, CV_EUNSUP, why[0] ? why : cv_result_text(r), -1);
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

/* ---- devices and arguments -------------------------------------------------------------------------------------------- */
static void device_print(bool first, const char *name, bool is_pci, const char *device)
{
    char driver[DOCTOR_DRIVER], why[DOCTOR_WHY];
    dp_doctor_device(is_pci, device, driver, why);
    printf("%s{\"name\":", first ? "" : ",");
    quoted(name);
    printf(",\"device\":");
    quoted(device);
    printf(",\"driver\":");
    quoted(driver);
    printf(",\"why\":");
    quoted(why);
    printf("}");
}

/* "--vdev=net_null9" as one word, or as two; NULL: it makes no virtual device. */
static const char *vdev_of(const struct platform *p, unsigned i)
{
    const char *word = p->eal_args[i];
    if (strncmp(word, "--vdev=", 7) == 0)
        return word + 7;
    return i > 0 && strcmp(p->eal_args[i - 1], "--vdev") == 0 ? word : NULL;
}

static void devices_print(const struct platform *p)
{
    char device[256];
    bool first = true;
    printf(",\"devices\":[");
    for (unsigned i = 0; i < p->port_count; i++, first = false) {
        io_port_device(&p->ports[i], i, device, sizeof device);
        device_print(first, p->ports[i].name, p->ports[i].is_pci, device);
    }
    platform_crypto_pci(p, device);
    if (device[0]) {
        device_print(first, "crypto-engine", true, device);
        first = false;
    }
    for (unsigned i = 0; i < p->eal_arg_count; i++)
        if (vdev_of(p, i)) {
            device_print(first, "eal-args", false, vdev_of(p, i));
            first = false;
        }
    printf("]");
}

static void report(const struct platform *p, const char *word, const char *arguments)
{
    char version[32];
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
    printf(",\"arguments\":");
    quoted(arguments);
    devices_print(p);
    printf("}\n");
}

static int options_read(int argc, char **argv, struct platform *p, const char **word)
{
    char err[512];
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--engine") == 0)
            *word = argv[i + 1];
        else if (i + 1 == argc || strcmp(argv[i], "--config") != 0) {
            fprintf(stderr, "culvert-dp: --doctor takes --engine WORD, --config FILE, and nothing else\n");
            return STATUS_USAGE;
        } else if (platform_load(p, argv[i + 1], err, sizeof err) != CV_OK) {
            fprintf(stderr, "culvert-dp: %s\n", err);
            return STATUS_FAILED;
        }
    }
    return 0;
}

int dp_doctor_main(int argc, char **argv)
{
    static struct platform p;
    const char *word = "auto";
    char arguments[DOCTOR_WHY] = "";
    platform_init(&p);
    const int bad = options_read(argc, argv, &p, &word);
    if (bad)
        return bad;
    log_setup("culvert-dp", LOG_LEVEL_ERROR, NULL, NULL);
    (void)dp_doctor_arguments(&p, arguments);
    if (eal_start() < 0) {
        fprintf(stderr, "culvert-dp: the DPDK EAL did not start: %s\n", rte_strerror(rte_errno));
        return STATUS_FAILED;
    }
    report(&p, word, arguments);
    return fflush(stdout) == 0 && eal_stop() == 0 ? 0 : STATUS_FAILED;
}
