/* doctor over made-up machines: whole reports against golden files, and each rule by itself. CULVERT_GOLDEN_UPDATE=1 writes the
 * files anew. */
#include "control/doctor/doc_dp.h"
#include "control/doctor/doc_file.h"
#include "control/doctor/doc_judge.h"
#include "control/doctor/doc_report.h"
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_MAX = 16384 };

static struct doc_snapshot s;
static struct doc_findings f;

static void engine(struct doc_engine *e, const char *name, const char *device)
{
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->device, sizeof e->device, "%s", device);
    e->usable = e->passed = true;
}

static void platform(const char *lines)
{
    char copy[1024], err[256], *save = NULL;
    platform_init(&s.platform);
    snprintf(copy, sizeof copy, "%s", lines);
    int n = 0;
    for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        if (platform_line(&s.platform, l, ++n, err, sizeof err) != CV_OK)
            CU_FAIL_FATAL("a line of the test's own platform section");
}

/* Two nodes of four processors in two cores each, everything as it should be: node 0 has 0-3, siblings 0,2 and 1,3; node 1 has
 * 4-7; a vfio port on each node, workers on 5 and 6... of which 5 and 6 are of different cores. */
static void bare_metal(void)
{
    memset(&s, 0, sizeof s);
    snprintf(s.config, sizeof s.config, "/etc/culvert/culvert.conf");
    snprintf(s.run_dir, sizeof s.run_dir, "/run/culvert");
    platform("lcores 5-6\nmemory hugepages 1024\nport Ethernet0/0 pci 0000:81:00.0\nport Ethernet0/1 pci "
             "0000:81:00.1");
    s.dp.ran = true;
    snprintf(s.dp.dpdk, sizeof s.dp.dpdk, "DPDK 22.11.11");
    snprintf(s.dp.ipsec_mb, sizeof s.dp.ipsec_mb, "1.3.0");
    engine(&s.dp.engines[0], "ipsecmb", "ipsec-mb 1.3.0 AVX512");
    engine(&s.dp.engines[1], "vaes", "vaes AVX512");
    s.dp.engine_count = 2;
    engine(&s.dp.configured, "auto", "vaes AVX512");
    snprintf(s.cpu_model, sizeof s.cpu_model, "Made-up 8-Core Processor");
    s.cpu_flags = DOC_SSE42 | DOC_AES | DOC_PCLMUL | DOC_AVX2 | DOC_VAES | DOC_AVX512;
    for (unsigned c = 0; c < 8; c++) {
        s.cpus[c] = (struct doc_cpu){.online = true,
                                     .node = c / 4,
                                     .sibling = c ^ 2,
                                     .isolated = c == 5 || c == 6,
                                     .nohz_full = c == 5 || c == 6};
        snprintf(s.cpus[c].governor, sizeof s.cpus[c].governor, "performance");
    }
    s.node_count = 2;
    s.mem_available_mb = 60000;
    s.huge[0].total_mb = s.huge[0].free_mb = s.huge[1].total_mb = s.huge[1].free_mb = 1024;
    s.iommu = s.vfio_loaded = true;
    for (unsigned i = 0; i < 2; i++) {
        s.ports[i] = (struct doc_port){.found = true, .numa = 1, .group = 40 + (int)i, .group_node = true};
        snprintf(s.ports[i].ids, sizeof s.ports[i].ids, "8086:1572");
        snprintf(s.ports[i].driver, sizeof s.ports[i].driver, "vfio-pci");
    }
    s.root = s.ipc_lock = s.net_admin = s.user_culvert = true;
    s.memlock_mb = 8;
    s.clock_synchronised = s.clock_plausible = s.trustpoints = true;
    s.run_dir_exists = s.run_dir_is_dir = true;
}

/* A virtual machine: no huge pages, ports of the kernel's, processors that float. */
static void laptop(void)
{
    bare_metal();
    platform("workers 1\nmemory no-huge 256\nport Ethernet0/0 vdev net_af_packet,iface=eth1\nport "
             "Ethernet0/1 vdev net_tap0");
    memset(s.cpus, 0, sizeof s.cpus);
    s.cpus[0] = s.cpus[1] = (struct doc_cpu){.online = true};
    s.cpus[1].sibling = 1;
    s.node_count = 1;
    s.mem_available_mb = 4000;
    memset(s.huge, 0, sizeof s.huge);
    memset(s.ports, 0, sizeof s.ports);
    s.ports[0] = (struct doc_port){.found = true, .up = true, .carrier = true, .numa = -1, .group = -1};
    snprintf(s.ports[0].interface, sizeof s.ports[0].interface, "eth1");
    s.trustpoints = s.clock_synchronised = false;
    s.iommu = s.vfio_loaded = false;
}

static void read_golden(const char *path, char *out)
{
    FILE *in = fopen(path, "r");
    size_t n = in ? fread(out, 1, GOLDEN_MAX - 1, in) : 0;
    out[n] = '\0';
    if (in)
        fclose(in);
}

static void golden(const char *name)
{
    char path[512], want[GOLDEN_MAX];
    doc_judge(&s, &f);
    char *text = doc_report_text(&f, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    snprintf(path, sizeof path, "%s/%s.txt", GOLDEN, name);
    FILE *out = getenv("CULVERT_GOLDEN_UPDATE") ? fopen(path, "w") : NULL;
    if (out) {
        fputs(text, out);
        fclose(out);
    }
    read_golden(path, want);
    if (strcmp(text, want) != 0) {
        printf("%s differs; it is now:\n%s", path, text);
        CU_FAIL("a report is not the golden one");
    }
    free(text);
}

/* The line of that topic and colour whose text holds `holds`; it must have a remedy unless it is green. */
static const struct doc_line *line(const char *topic, enum doc_colour colour, const char *holds)
{
    doc_judge(&s, &f);
    for (unsigned i = 0; i < f.count; i++) {
        const struct doc_line *l = &f.lines[i];
        if (strcmp(l->topic, topic) == 0 && l->colour == colour && strstr(l->text, holds)) {
            CU_ASSERT_TRUE(colour == DOC_GREEN || l->remedy[0] != '\0');
            return l;
        }
    }
    char *text = doc_report_text(&f, false);
    printf("no %s line of colour %d with '%s' in:\n%s", topic, colour, holds, text);
    free(text);
    CU_FAIL("a line is missing");
    return &f.lines[0];
}

static void whole_reports(void)
{
    bare_metal();
    golden("bare-metal");
    CU_ASSERT_EQUAL(doc_worst(&f), DOC_GREEN);
    laptop();
    golden("laptop");
    CU_ASSERT_EQUAL(doc_worst(&f), DOC_YELLOW);
}

static void a_machine_as_it_was_unpacked(void)
{
    bare_metal();
    platform(
        "lcores 1,3\nmemory hugepages 1024\nport Ethernet0/0 pci 0000:81:00.0\nport Ethernet0/1 pci 81:00.1");
    s.huge[0].free_mb = s.huge[0].total_mb = s.huge[1].free_mb = s.huge[1].total_mb = 0;
    for (unsigned c = 0; c < 8; c++) {
        s.cpus[c].isolated = s.cpus[c].nohz_full = false;
        snprintf(s.cpus[c].governor, sizeof s.cpus[c].governor, "schedutil");
    }
    s.iommu = s.vfio_loaded = false;
    for (unsigned i = 0; i < 2; i++) {
        snprintf(s.ports[i].driver, sizeof s.ports[i].driver, "i40e");
        snprintf(s.ports[i].interface, sizeof s.ports[i].interface, "enp129s0f%u", i);
        s.ports[i].group = -1;
    }
    s.ports[0].default_route = true;
    s.clock_synchronised = s.run_dir_exists = s.run_dir_is_dir = false;
    golden("unpacked");
    CU_ASSERT_EQUAL(doc_worst(&f), DOC_RED);
}

static void without_a_configuration(void)
{
    bare_metal();
    platform_init(&s.platform);
    snprintf(s.config_error, sizeof s.config_error,
             "/etc/culvert/culvert.conf: cannot be read: No such file or directory");
    golden("no-configuration");
    CU_ASSERT_EQUAL(doc_worst(&f), DOC_RED);
    bare_metal();
    s.platform.port_count = 0;
    (void)line("ports", DOC_RED, "names none");
}

static void processors_and_engines(void)
{
    bare_metal();
    s.cpu_flags = 0;
    (void)line("processor", DOC_RED, "SSE4.2");
    s.cpu_flags = DOC_SSE42 | DOC_PCLMUL;
    (void)line("processor", DOC_YELLOW, "no AES-NI");
    bare_metal();
    s.dp.ran = false;
    snprintf(s.dp.why, sizeof s.dp.why, "culvert-dp cannot be run");
    (void)line("data plane", DOC_RED, "cannot be run");
    bare_metal();
    s.dp.engines[1].passed = false;
    (void)line("crypto engine", DOC_YELLOW, "vaes failed");
    s.dp.engines[1].usable = false;
    (void)line("crypto engine", DOC_GREEN, "vaes cannot be used here");
    s.dp.configured = s.dp.engines[1];
    (void)line("crypto engine", DOC_RED, "vaes cannot be used here");
    s.dp.configured.untried = true;
    (void)line("crypto engine", DOC_GREEN, "is tried when culvert-dp starts");
    s.dp.configured.untried = false;
    s.dp.configured.name[0] = '\0';
    (void)line("crypto engine", DOC_RED, "not in this build");
    s.dp.configured = s.dp.engines[0];
    s.dp.configured.passed = false;
    (void)line("crypto engine", DOC_RED, "ipsecmb failed");
}

static void memory(void)
{
    bare_metal();
    s.huge[0].free_mb = 0;
    s.huge[1].free_mb = 1000;
    CU_ASSERT_STRING_EQUAL(line("memory", DOC_RED, "1000 MiB free of 2048, 1024 wanted")->remedy,
                           "culvert-hugepages set --mib 2072, then persistent --mib 2072");
    s.dp_running = true;
    (void)line("memory", DOC_GREEN, "running");
    laptop();
    s.mem_available_mb = 300;
    (void)line("memory", DOC_RED, "300 MiB available");
}

static void cores(void)
{
    bare_metal();
    platform("lcores 5,9\nmemory hugepages 64");
    (void)line("cores", DOC_RED, "processor 9 is not online");
    platform("lcores 5,7\nmemory hugepages 64");
    (void)line("cores", DOC_YELLOW, "5,7 are threads of one core");
    CU_ASSERT_STRING_EQUAL(line("cores", DOC_YELLOW, "processors 7 are not isolated")->remedy,
                           "culvert-cores apply 5,7 --persistent; it prints the kernel's command line, too");
    snprintf(s.cpus[5].governor, sizeof s.cpus[5].governor, "powersave");
    (void)line("cores", DOC_YELLOW, "governor of processors 5 is powersave");
    bare_metal();
    s.irqbalance = true; /* 5 and 6 are isolated: it leaves them alone */
    (void)line("cores", DOC_GREEN, "workers on 5,6");
    snprintf(s.irqbalance_banned, sizeof s.irqbalance_banned, "1,5");
    (void)line("cores", DOC_YELLOW, "irqbalance runs: it puts interrupts on processors 6 again");
    s.irqbalance_banned[0] = '\0';
    s.cpus[5].isolated = s.cpus[5].nohz_full = false;
    CU_ASSERT_STRING_EQUAL(line("cores", DOC_YELLOW, "interrupts on processors 5 again")->remedy,
                           "culvert-cores apply 5,6 --persistent tells it to stay away");
    platform("workers 8\nmemory hugepages 64");
    (void)line("cores", DOC_YELLOW, "8 workers and the manager share 8");
    platform("workers 8\nmemory no-huge");
    (void)line("cores", DOC_GREEN, "8 workers and the manager share 8");
    unsigned cpus[CV_MAX_WORKERS];
    platform("workers 3");
    CU_ASSERT_EQUAL_FATAL(doc_worker_cpus(&s, cpus), 3);
    CU_ASSERT_TRUE(cpus[0] == 1 && cpus[1] == 2 && cpus[2] == 3); /* 0 is the manager's */
}

static void pci_ports(void)
{
    bare_metal();
    s.ports[0].found = false;
    (void)line("port", DOC_RED, "no PCI device 0000:81:00.0");
    bare_metal();
    s.ports[0].driver[0] = '\0';
    CU_ASSERT_STRING_EQUAL(line("port", DOC_RED, "held by no driver")->remedy,
                           "culvert-bind bind 0000:81:00.0");
    snprintf(s.ports[0].driver, sizeof s.ports[0].driver, "mlx5_core");
    snprintf(s.ports[0].interface, sizeof s.ports[0].interface, "eth3");
    s.ports[0].up = s.ports[0].carrier = true;
    (void)line("port", DOC_GREEN, "works beside mlx5_core (eth3, link up)");
    s.ports[0].carrier = false;
    (void)line("port", DOC_YELLOW, "works beside mlx5_core (eth3, no link)");
    s.ports[0].addresses = 1; /* culvert-bind binds none of these, so it can refuse none */
    (void)line("port", DOC_YELLOW, "addresses on eth3");
    s.ports[0].default_route = true;
    (void)line("port", DOC_RED, "(eth3) carries the default route");
    s.ports[0].default_route = false;
    s.ports[0].login = true;
    (void)line("port", DOC_RED, "(eth3) carries your login");
    bare_metal();
    s.ports[0].group = -1;
    (void)line("IOMMU", DOC_RED, "without an IOMMU group");
    bare_metal();
    s.ports[0].group_node = false;
    (void)line("IOMMU", DOC_RED, "no /dev/vfio/40");
    s.ports[0].no_iommu = true;
    (void)line("IOMMU", DOC_RED, "no /dev/vfio/noiommu-40");
    s.ports[0].group_node = true;
    (void)line("port", DOC_YELLOW, "can reach all memory");
    snprintf(s.ports[0].driver, sizeof s.ports[0].driver, "uio_pci_generic");
    (void)line("port", DOC_YELLOW, "bound to uio_pci_generic: the card can reach all memory");
    s.platform.hugepages = false;
    (void)line("port", DOC_RED, "needs memory that does not move");
    bare_metal();
    snprintf(s.crypto_address, sizeof s.crypto_address, "0000:1a:01.0");
    s.crypto.group = s.crypto.numa = -1;
    (void)line("port", DOC_RED, "crypto-engine: no PCI device 0000:1a:01.0");
    s.crypto.found = true;
    snprintf(s.crypto.driver, sizeof s.crypto.driver, "c6xxvf");
    CU_ASSERT_STRING_EQUAL(line("port", DOC_RED, "crypto-engine: 0000:1a:01.0")->remedy,
                           "culvert-bind bind 0000:1a:01.0");
    bare_metal();
    s.ports[1].numa = 0;
    (void)line("NUMA", DOC_YELLOW, "Ethernet0/1 is on node 0, worker processor 5 on node 1");
    s.iommu = false;
    (void)line("IOMMU", DOC_YELLOW, "none");
}

static void dpdk_says(const char *name, const char *driver, const char *why)
{
    struct doc_device *d = &s.dp.devices[s.dp.device_count++];
    snprintf(d->name, sizeof d->name, "%s", name);
    snprintf(d->driver, sizeof d->driver, "%s", driver);
    snprintf(d->why, sizeof d->why, "%s", why);
}

static void what_dpdk_does_not_take(void)
{
    bare_metal();
    dpdk_says("Ethernet0/0", "net_i40e", "");
    CU_ASSERT_TRUE(strstr(line("port", DOC_GREEN, "Ethernet0/0")->text, "bound to vfio-pci") != NULL);
    dpdk_says("Ethernet0/1", "", "no driver of this DPDK knows 1234:5678");
    (void)line("port", DOC_RED, "Ethernet0/1: no driver of this DPDK knows 1234:5678");
    laptop();
    dpdk_says("Ethernet0/1", "", "this DPDK has no virtual device net_tap0");
    (void)line("port", DOC_RED, "Ethernet0/1: this DPDK has no virtual device net_tap0");
    laptop();
    dpdk_says("eal-args", "", "this DPDK has no virtual device crypto_ccp");
    (void)line("eal-args", DOC_RED, "no virtual device crypto_ccp");
    laptop();
    snprintf(s.dp.arguments, sizeof s.dp.arguments, "unrecognized option '--nonsense'");
    (void)line("eal-args", DOC_RED, "DPDK does not take the arguments: unrecognized option '--nonsense'");
}

static void engines_that_are_software_after_all(void)
{
    laptop();
    engine(&s.dp.configured, "inline", "vaes AVX512");
    s.dp.configured.transforms = -1;
    dpdk_says("Ethernet0/0", "net_null", "");
    (void)line("crypto engine", DOC_YELLOW, "no port does it");
    bare_metal();
    engine(&s.dp.configured, "inline", "vaes AVX512");
    s.dp.configured.transforms = -1;
    dpdk_says("Ethernet0/0", "net_ixgbe", "");
    (void)line("crypto engine", DOC_GREEN, "inline: a port may do it");
    laptop();
    platform("crypto-engine cryptodev crypto_null");
    engine(&s.dp.configured, "cryptodev", "crypto_null");
    (void)line("crypto engine", DOC_YELLOW, "cryptodev crypto_null: the device does no transform");
    s.dp.configured.transforms = 1;
    (void)line("crypto engine", DOC_GREEN, "passed");
}

static void the_kernels_ports(void)
{
    laptop();
    s.ports[0].carrier = false;
    (void)line("port", DOC_YELLOW, "no link");
    s.ports[0].up = false;
    (void)line("port", DOC_YELLOW, "eth1 is down");
    s.ports[0].addresses = 1;
    (void)line("port", DOC_YELLOW, "has addresses on eth1, too");
    s.ports[0].default_route = true;
    (void)line("port", DOC_YELLOW, "has its default route on eth1");
    s.ports[0].found = false;
    (void)line("port", DOC_RED, "no interface eth1");
}

static void rights_and_directories(void)
{
    bare_metal();
    s.ipc_lock = false;
    (void)line("locked memory", DOC_YELLOW, "limited to 8 MiB");
    s.memlock_unlimited = true;
    (void)line("locked memory", DOC_GREEN, "not limited");
    s.user_culvert = false;
    (void)line("user", DOC_YELLOW, "no user culvert");
    s.net_admin = false;
    (void)line("rights", DOC_RED, "CAP_NET_ADMIN");
    s.root = false;
    (void)line("rights", DOC_YELLOW, "not root");
    s.run_dir_others_write = true;
    (void)line("run directory", DOC_RED, "written by everybody");
    s.run_dir_is_dir = false;
    (void)line("run directory", DOC_RED, "no directory");
    s.clock_synchronised = false;
    (void)line("time", DOC_YELLOW, "certificates are judged by it");
    s.clock_plausible = false;
    (void)line("time", DOC_RED, "no certificate will be valid");
    s.trustpoints = false;
    (void)line("time", DOC_YELLOW, "before this program");
    s.clock_plausible = true;
    (void)line("time", DOC_YELLOW, "not synchronised");
}

static void the_report_as_json(void)
{
    a_machine_as_it_was_unpacked();
    char *text = doc_report_json(&f, "x.conf");
    json_t *root = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_TRUE(json_is_false(json_object_get(root, "ready")));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "lines")), f.count);
    json_int_t sum = 0;
    static const char *const keys[] = {"red", "yellow", "green"};
    for (unsigned i = 0; i < 3; i++)
        sum += json_integer_value(json_object_get(root, keys[i]));
    CU_ASSERT_EQUAL(sum, f.count);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(root, "config")), "x.conf");
    json_decref(root);
    free(text);
}

static void more_lines_than_fit_are_left_out(void)
{
    memset(&f, 0, sizeof f);
    for (unsigned i = 0; i < DOC_LINES + 10; i++)
        doc_add(&f, DOC_GREEN, "x", NULL, "%u", i);
    CU_ASSERT_EQUAL(f.count, DOC_LINES);
}

static void what_the_data_plane_says(void)
{
    struct doc_dp d = {0};
    CU_ASSERT_TRUE(doc_dp_read(
        &d,
        "{\"dpdk\":\"DPDK 22.11.11\",\"ipsec_mb\":\"1.3.0\",\"engines\":[{\"name\":\"ipsecmb\","
        "\"device\":\"d\",\"usable\":true,\"passed\":true,\"why\":\"\"},{\"name\":\"vaes\",\"device\":\"\","
        "\"usable\":false,\"passed\":false,\"why\":\"no VAES\"}],\"configured\":{\"name\":\"\"}}"));
    CU_ASSERT_TRUE(d.ran && d.engine_count == 2 && d.engines[0].passed && !d.engines[1].usable &&
                   !d.configured.name[0]);
    CU_ASSERT_STRING_EQUAL(d.engines[1].why, "no VAES");
    memset(&d, 0, sizeof d);
    CU_ASSERT_TRUE(doc_dp_read(
        &d, "{\"engines\":[],\"configured\":{\"name\":\"cryptodev\",\"transforms\":0},\"arguments\":\"no\","
            "\"devices\":[{\"name\":\"eal-args\",\"device\":\"a\",\"driver\":\"b\",\"why\":\"c\"},{\"name\":"
            "7}]}"));
    CU_ASSERT_TRUE(d.device_count == 2 && d.configured.transforms == 0 && !d.devices[1].name[0]);
    CU_ASSERT_STRING_EQUAL(d.arguments, "no");
    CU_ASSERT_STRING_EQUAL(d.devices[0].why, "c");
    memset(&d, 0, sizeof d);
    static const char *const bad[] = {"", "{", "[]", "null", "\"x\"", "{} {}"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(&d, 0, sizeof d);
        CU_ASSERT_FALSE(doc_dp_read(&d, bad[i]));
        CU_ASSERT_TRUE(!d.ran && d.why[0] != '\0');
    }
    memset(&d, 0, sizeof d); /* other types than told: read as nothing */
    CU_ASSERT_TRUE(doc_dp_read(&d, "{\"dpdk\":1,\"engines\":{\"a\":1},\"configured\":[]}"));
    CU_ASSERT_TRUE(d.engine_count == 0 && !d.dpdk[0]);
    memset(&d, 0, sizeof d);
    doc_dp_ask(&d, "/nonexistent/culvert-dp", "auto", NULL);
    CU_ASSERT_TRUE(!d.ran && strstr(d.why, "cannot be run"));
    memset(&d, 0, sizeof d);
    doc_dp_ask(&d, "/bin/false", "auto", "x.conf");
    CU_ASSERT_TRUE(!d.ran && strstr(d.why, "status 1"));
}

static void collect(void *ctx, unsigned n)
{
    char *out = ctx;
    size_t used = strlen(out);
    snprintf(out + used, 128 - used, "%u ", n);
}

static void lists_of_processors(void)
{
    static const struct {
        const char *list, *want;
    } rows[] = {{"0-2,5", "0 1 2 5 "},
                {"managed_irq,domain,3", "3 "},
                {"", ""},
                {",", ""},
                {"x", ""},
                {"7", "7 "},
                {"3-1", ""},
                {"1-", ""}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char got[128] = "";
        doc_each(rows[i].list, collect, got);
        if (strcmp(got, rows[i].want) != 0)
            printf("%s: %s\n", rows[i].list, got);
        CU_ASSERT_STRING_EQUAL(got, rows[i].want);
    }
}

UNIT_MAIN("doctor", UNIT_TEST(whole_reports), UNIT_TEST(a_machine_as_it_was_unpacked),
          UNIT_TEST(without_a_configuration), UNIT_TEST(processors_and_engines), UNIT_TEST(memory),
          UNIT_TEST(cores), UNIT_TEST(pci_ports), UNIT_TEST(what_dpdk_does_not_take),
          UNIT_TEST(engines_that_are_software_after_all), UNIT_TEST(the_kernels_ports),
          UNIT_TEST(rights_and_directories), UNIT_TEST(the_report_as_json),
          UNIT_TEST(more_lines_than_fit_are_left_out), UNIT_TEST(what_the_data_plane_says),
          UNIT_TEST(lists_of_processors))
