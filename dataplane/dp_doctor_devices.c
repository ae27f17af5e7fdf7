#include "dataplane/dp_doctor_devices.h"
#include "dataplane/dp_eal.h"

#include <ctype.h>
#include <fcntl.h>
#include <link.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIAL_TEXT = 4096, TRIAL_SECONDS = 20, EXIT_UNDERSTOOD = 0, EXIT_NOT = 1 };

/* ---- arguments ------------------------------------------------------------------------------------------------------ */
/* A driver that is not there makes the EAL end after it has read its arguments, before it takes memory or devices. */
static void trial(const struct platform *p, int to)
{
    static struct dp_eal_args args;
    static char option[] = "-d", nothing[] = "/nonexistent/culvert-doctor.so";
    char *extra[] = {option, nothing}, dir[256];
    unsigned cpus[CV_MAX_WORKERS];
    const unsigned count = dp_eal_cpus(cpus, CV_MAX_WORKERS);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    dup2(to, STDERR_FILENO);
    alarm(TRIAL_SECONDS);
    if (dp_eal_args(p, cpus, count, 2, extra, &args) != CV_OK) {
        fprintf(stderr, "more arguments than fit\nInvalid 'command line' arguments\n");
        _exit(EXIT_NOT);
    }
    (void)rte_eal_init(args.argc, args.argv);
    snprintf(dir, sizeof dir, "%s", rte_eal_get_runtime_dir());
    rmdir(dir);
    _exit(EXIT_UNDERSTOOD); /* what was said decides: other ends are no matter of the arguments */
}

static void read_all(int fd, char *out, size_t room)
{
    size_t used = 0;
    for (ssize_t n = 1; n > 0 && used + 1 < room; used += n > 0 ? (size_t)n : 0)
        n = read(fd, out + used, room - 1 - used);
    out[used] = '\0';
}

/* The first line: "culvert-dp: unrecognized option '--nonsense'", "EAL: invalid coremask". */
static void first_line(const char *text, char *why)
{
    const char *at = text;
    static const char *const fronts[] = {"culvert-dp: ", "EAL: "};
    for (unsigned i = 0; i < 2; i++)
        if (strncmp(at, fronts[i], strlen(fronts[i])) == 0)
            at += strlen(fronts[i]);
    snprintf(why, DOCTOR_WHY, "%.*s", (int)strcspn(at, "\n"), at);
}

bool dp_doctor_arguments(const struct platform *p, char *why)
{
    static char text[TRIAL_TEXT];
    int ends[2];
    why[0] = text[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0)
        return true;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        trial(p, ends[1]);
    close(ends[1]);
    if (pid > 0)
        read_all(ends[0], text, sizeof text);
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (!strstr(text, "Invalid 'command line' arguments"))
        return true;
    first_line(text, why);
    return false;
}

/* ---- cards ---------------------------------------------------------------------------------------------------------- */
static const char info_mark[] = "PMD_INFO_STRING= {";

/* crypto_ccp puts its ids into no such table. */
static const char ccp_table[] =
    "{\"name\": \"crypto_ccp\", \"pci_ids\": [[4130, 5206], [4130, 5224], [4130, 5599]]}";

bool dp_doctor_table_has(const char *table, unsigned vendor, unsigned device, char *driver)
{
    const char *name = strstr(table, "\"name\": \""), *ids = strstr(table, "\"pci_ids\": [");
    unsigned v, d;
    if (!name || !ids)
        return false;
    for (const char *at = ids + strlen("\"pci_ids\": "); (at = strpbrk(at + 1, "[}")) != NULL && *at == '[';)
        if (sscanf(at, "[%u, %u", &v, &d) == 2 && v == vendor && d == device) {
            name += strlen("\"name\": \"");
            snprintf(driver, DOCTOR_DRIVER, "%.*s", (int)strcspn(name, "\""), name);
            return true;
        }
    return false;
}

struct card {
    unsigned vendor, device;
    char *driver;
};

/* Read-only data of one loaded object, where the tables stand. */
static bool segment_has(const char *from, size_t len, const struct card *c)
{
    const char *end = from + len;
    while ((from = memmem(from, (size_t)(end - from), info_mark, sizeof info_mark - 1)) != NULL) {
        from += sizeof info_mark - 2; /* at the brace */
        if (!memchr(from, '\0', (size_t)(end - from)))
            return false;
        if (dp_doctor_table_has(from, c->vendor, c->device, c->driver))
            return true;
    }
    return false;
}

static int object_look(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    if (!strstr(info->dlpi_name, "librte_"))
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type == PT_LOAD && (h->p_flags & (PF_R | PF_W | PF_X)) == PF_R &&
            segment_has((const char *)(uintptr_t)(info->dlpi_addr + h->p_vaddr), h->p_memsz, ctx))
            return 1;
    }
    return 0;
}

bool dp_doctor_card(unsigned vendor, unsigned device, char *driver)
{
    struct card c = {vendor, device, driver};
    return dp_doctor_table_has(ccp_table, vendor, device, driver) || dl_iterate_phdr(object_look, &c) != 0;
}

static bool id_read(const char *address, const char *what, unsigned *out)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%.20s/%s", address, what);
    FILE *f = fopen(path, "re");
    const bool ok = f && fscanf(f, "%x", out) == 1;
    if (f)
        fclose(f);
    return ok;
}

static void pci_look(const char *device, char *driver, char *why)
{
    char address[24];
    unsigned vendor, id;
    const bool domain = strchr(device, ':') != strrchr(device, ':');
    snprintf(address, sizeof address, "%s%.*s", domain ? "" : "0000:", (int)strcspn(device, ","), device);
    if (!id_read(address, "vendor", &vendor) || !id_read(address, "device", &id))
        return; /* no such card: that is seen elsewhere */
    if (!dp_doctor_card(vendor, id, driver))
        snprintf(why, DOCTOR_WHY, "no driver of this DPDK knows %04x:%04x", vendor, id);
}

/* ---- virtual devices ------------------------------------------------------------------------------------------------ */
static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Those whose making opens nothing but files that are read. */
static bool harmless(const char *device)
{
    return begins(device, "net_null") || begins(device, "crypto_aesni") || begins(device, "crypto_null") ||
           begins(device, "crypto_openssl") ||
           (begins(device, "net_pcap") && strstr(device, "rx_pcap=") && !strstr(device, "iface="));
}

/* Without files to be written, which would be emptied. */
static void arguments_of(const char *device, char *out, size_t room)
{
    char copy[256], *save = NULL;
    size_t used = 0;
    snprintf(copy, sizeof copy, "%s", device + strcspn(device, ","));
    out[0] = '\0';
    for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
        if (!begins(w, "tx_pcap=") && used < room)
            used += (size_t)snprintf(out + used, room - used, "%s%s", used ? "," : "", w);
}

/* Under a number that no device has, so that the same one may be asked for twice. */
static bool can_be_made(const char *device)
{
    static unsigned number = 9000;
    char name[96], arguments[256];
    size_t len = strcspn(device, ",");
    while (len > 0 && isdigit((unsigned char)device[len - 1]))
        len--;
    snprintf(name, sizeof name, "%.*s%u", (int)len, device, number++);
    arguments_of(device, arguments, sizeof arguments);
    if (rte_eal_hotplug_add("vdev", name, arguments) != 0)
        return false;
    (void)rte_eal_hotplug_remove("vdev", name);
    return true;
}

static void vdev_look(const char *device, char *driver, char *why)
{
    struct rte_devargs args;
    size_t len = strcspn(device, ",");
    memset(&args, 0, sizeof args);
    const bool known = rte_devargs_parse(&args, device) == 0;
    free(args.data);
    if (!known) {
        snprintf(why, DOCTOR_WHY, "this DPDK has no virtual device %.*s", (int)len, device);
        return;
    }
    while (len > 0 && (isdigit((unsigned char)device[len - 1]) || device[len - 1] == '_'))
        len--;
    snprintf(driver, DOCTOR_DRIVER, "%.*s", (int)len, device);
    if (harmless(device) && !can_be_made(device))
        snprintf(why, DOCTOR_WHY, "its driver does not make %.200s", device);
}

void dp_doctor_device(bool is_pci, const char *device, char *driver, char *why)
{
    driver[0] = why[0] = '\0';
    if (is_pci)
        pci_look(device, driver, why);
    else
        vdev_look(device, driver, why);
}
