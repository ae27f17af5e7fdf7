/* The platform section: interfaces.md's example, abbreviations, errors that name the line, round trip. */
#include "common/platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file[64];

static cv_result load(const char *text, struct platform *p, char *err, size_t err_len)
{
    snprintf(file, sizeof file, "/tmp/culvert-platform-XXXXXX");
    int fd = mkstemp(file);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    cv_result r = platform_load(p, file, err, err_len);
    unlink(file);
    return r;
}

static void defaults_stand_when_no_section_is_there(void)
{
    struct platform p;
    char err[256];
    CU_ASSERT_EQUAL(load("hostname r1\ninterface Ethernet0/0\n port 5\n", &p, err, sizeof err), CV_OK);
    CU_ASSERT_FALSE(p.present);
    CU_ASSERT_EQUAL(p.workers, 1);
    CU_ASSERT_EQUAL(p.sa_index_bits, 14);
    CU_ASSERT_FALSE(p.hugepages);
    CU_ASSERT_STRING_EQUAL(p.crypto_engine, "auto");
    CU_ASSERT_EQUAL(p.port_count, 0);
}

static const char example[] = "hostname r1\n"
                              "platform dataplane\n"
                              " workers 2                         ! or: lcores 1-3\n"
                              " memory hugepages 512              ! or: memory no-huge\n"
                              "!\n"
                              " port Ethernet0/0 pci 0000:03:00.0\n"
                              " port Ethernet0/1 vdev net_af_packet,iface=eth1\n"
                              " crypto-engine ipsec-mb            ! or auto\n"
                              " security-associations 1024\n"
                              " rebalance manual\n"
                              " eal-args --log-level=lib.eal:5 --legacy-mem\n"
                              "interface Ethernet0/0\n"
                              " mtu 1500\n";

static void the_documented_example_loads(void)
{
    struct platform p;
    char err[256] = "";
    CU_ASSERT_EQUAL(load(example, &p, err, sizeof err), CV_OK);
    CU_ASSERT_STRING_EQUAL(err, "");
    CU_ASSERT_TRUE(p.present);
    CU_ASSERT_EQUAL(p.workers, 2);
    CU_ASSERT_TRUE(p.hugepages);
    CU_ASSERT_EQUAL(p.memory_mb, 512);
    CU_ASSERT_EQUAL_FATAL(p.port_count, 2);
    CU_ASSERT_TRUE(p.ports[0].is_pci);
    CU_ASSERT_STRING_EQUAL(p.ports[0].device, "0000:03:00.0");
    CU_ASSERT_EQUAL(p.ports[0].line, 6);
    CU_ASSERT_FALSE(p.ports[1].is_pci);
    CU_ASSERT_STRING_EQUAL(p.ports[1].name, "Ethernet0/1");
    CU_ASSERT_STRING_EQUAL(p.crypto_engine, "ipsec-mb");
    CU_ASSERT_EQUAL(p.sa_index_bits, 10);
    CU_ASSERT_TRUE(p.rebalance_off);
    CU_ASSERT_EQUAL(p.eal_arg_count, 2);
    CU_ASSERT_STRING_EQUAL(p.eal_args[1], "--legacy-mem");
}

static void what_is_written_reads_back_the_same(void)
{
    struct platform a, b;
    char err[256], text[4096], again[4096];
    CU_ASSERT_EQUAL(load(example, &a, err, sizeof err), CV_OK);
    int n = platform_write(&a, text, sizeof text);
    CU_ASSERT_EQUAL((size_t)n, strlen(text));
    CU_ASSERT_EQUAL(platform_write(&a, NULL, 0), n);
    CU_ASSERT_EQUAL(load(text, &b, err, sizeof err), CV_OK);
    platform_write(&b, again, sizeof again);
    CU_ASSERT_STRING_EQUAL(text, again);
    CU_ASSERT_EQUAL(b.port_count, a.port_count);
    char small[16];
    CU_ASSERT_EQUAL(platform_write(&a, small, sizeof small), n);
    CU_ASSERT_EQUAL(strlen(small), sizeof small - 1);
}

/* What a running data plane can be given is told from what takes a restart; and reads back as it was written. */
static void workers_may_change_and_queues_not(void)
{
    struct platform a, b;
    struct cv_workers_cmd cmd;
    char err[256], text[512];
    platform_init(&a);
    CU_ASSERT_EQUAL(platform_line(&a, "workers 2 queues 4", 1, err, sizeof err), CV_OK);
    CU_ASSERT(a.workers == 2 && a.queues == 4);
    platform_write(&a, text, sizeof text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n workers 2 queues 4\n"));
    b = a;
    CU_ASSERT_TRUE(platform_same_but_workers(&a, &b));
    CU_ASSERT_EQUAL(platform_line(&b, "lcores 1,4-5 queues 4", 1, err, sizeof err), CV_OK);
    CU_ASSERT_TRUE(platform_same_but_workers(&a, &b));
    platform_workers(&b, 4, &cmd);
    CU_ASSERT(cmd.count == 4 && cmd.cpu[0] == 1 && cmd.cpu[1] == 4 && cmd.cpu[2] == 5 &&
              cmd.cpu[3] == CV_CPU_ANY);
    platform_write(&b, text, sizeof text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n lcores 1,4-5 queues 4\n"));
    CU_ASSERT_EQUAL(platform_line(&b, "workers 3", 1, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(b.queues, 0);
    CU_ASSERT_FALSE(platform_same_but_workers(&a, &b)); /* ports have other queues */
    b.queues = a.queues;
    CU_ASSERT_TRUE(platform_same_but_workers(&a, &b));
    b.memory_mb++;
    CU_ASSERT_FALSE(platform_same_but_workers(&a, &b));
}

static void keywords_abbreviate_and_no_removes(void)
{
    struct platform p;
    char err[256];
    platform_init(&p);
    CU_ASSERT_EQUAL(platform_line(&p, " work 4", 1, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(p.workers, 4);
    CU_ASSERT_EQUAL(platform_line(&p, " mem no 128", 1, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(p.memory_mb, 128);
    CU_ASSERT_EQUAL(platform_line(&p, "lcores 1,4-6", 1, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(p.workers, 4);
    CU_ASSERT_STRING_EQUAL(p.lcores, "1,4-6");
    CU_ASSERT_EQUAL(platform_line(&p, "port E0 vdev net_null0", 2, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(platform_line(&p, "port E1 vdev net_null1", 3, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(platform_line(&p, "no port E0", 4, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(p.port_count, 1);
    CU_ASSERT_STRING_EQUAL(p.ports[0].name, "E1");
    CU_ASSERT_EQUAL(platform_line(&p, "no workers", 5, err, sizeof err), CV_OK);
    CU_ASSERT_EQUAL(p.workers, 1);
    CU_ASSERT_STRING_EQUAL(p.lcores, "");
    CU_ASSERT_EQUAL(platform_line(&p, "crypto-engine cryptodev crypto_aesni_mb0", 5, err, sizeof err), CV_OK);
    CU_ASSERT_STRING_EQUAL(p.crypto_engine, "cryptodev crypto_aesni_mb0");
    char pci[16];
    platform_crypto_pci(&p, pci);
    CU_ASSERT_STRING_EQUAL(pci, "");
    CU_ASSERT_EQUAL(platform_line(&p, "crypto-engine cryptodev crypto_openssl look", 5, err, sizeof err),
                    CV_OK);
    CU_ASSERT_STRING_EQUAL(p.crypto_engine, "cryptodev crypto_openssl look-aside");
    CU_ASSERT_EQUAL(platform_line(&p, "crypto-engine cryptodev 0000:3d:01.0 cpu", 5, err, sizeof err), CV_OK);
    CU_ASSERT_STRING_EQUAL(p.crypto_engine, "cryptodev 0000:3d:01.0 cpu");
    platform_crypto_pci(&p, pci);
    CU_ASSERT_STRING_EQUAL(pci, "0000:3d:01.0");
    CU_ASSERT_EQUAL(platform_line(&p, "crypto-engine vaes", 5, err, sizeof err), CV_OK);
    CU_ASSERT_STRING_EQUAL(p.crypto_engine, "vaes");
}

static void every_bad_line_is_refused_with_a_remedy(void)
{
    static const char *const bad[] = {
        "workers",
        "workers 0",
        "workers 17",
        "workers 2 3",
        "workers 2 queues",
        "workers 2 queues 1",
        "workers 2 queues 17",
        "workers 2 queues 4 4",
        "lcores 1-3 queues 2",
        "workers -1",
        "workers 99999999999999999999",
        "lcores",
        "lcores 3-1",
        "lcores 1,,2",
        "lcores 1,1",
        "lcores a",
        "lcores 0-20",
        "lcores ,",
        "memory",
        "memory hugepages",
        "memory 512",
        "memory no-huge 3",
        "memory hugepages 512 1",
        "port",
        "port E0",
        "port E0 pci",
        "port E0 pci zz:00.0",
        "port E0 pci 0000:03:00.0,",
        "port E0 pci 0000:03:00.0x",
        "port E0 pci 0000:03:20.0",
        "port E0 vdev crypto_null0",
        "port E0 vdev net_",
        "port E0 usb 1",
        "port AVeryLongInterfaceNameThatDoesNotFit0/0 vdev net_null0",
        "crypto-engine",
        "crypto-engine i",
        "crypto-engine magic",
        "crypto-engine cryptodev",
        "crypto-engine cryptodev crypto_null fast",
        "crypto-engine cryptodev crypto_null cpu cpu",
        "crypto-engine cryptodev a_name_of_a_crypto_device_that_is_far_longer_than_any_name_of_one",
        "security-associations 1000",
        "rebalance",
        "rebalance sometimes",
        "rebalance manual now",
        "security-associations 8",
        "security-associations 2097152",
        "eal-args",
        "bogus 1",
        "no port E9",
        "no",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct platform p;
        char err[256] = "";
        platform_init(&p);
        if (platform_line(&p, bad[i], 7, err, sizeof err) != CV_EPARSE || err[0] == '\0') {
            printf("accepted: %s\n", bad[i]);
            CU_FAIL("a bad line was accepted");
        }
    }
}

static void an_error_names_file_and_line(void)
{
    struct platform p;
    char err[256] = "", want[128];
    CU_ASSERT_EQUAL(load("platform dataplane\n\n workers many\n", &p, err, sizeof err), CV_EPARSE);
    snprintf(want, sizeof want, "%s:3: workers wants", file);
    CU_ASSERT_EQUAL(strncmp(err, want, strlen(want)), 0);
    CU_ASSERT_EQUAL(
        load("platform dataplane\n port E0 vdev net_null0\n port E0 vdev net_null1\n", &p, err, sizeof err),
        CV_EPARSE);
    CU_ASSERT_PTR_NOT_NULL(strstr(err, ":3: port E0 stands twice (first in line 2)"));
    CU_ASSERT_EQUAL(
        load("platform dataplane\n port E0 vdev net_null0\n port E1 vdev net_null0\n", &p, err, sizeof err),
        CV_EPARSE);
    CU_ASSERT_EQUAL(platform_load(&p, "/nonexistent/culvert.conf", err, sizeof err), CV_EIO);
}

UNIT_MAIN("platform", UNIT_TEST(defaults_stand_when_no_section_is_there),
          UNIT_TEST(the_documented_example_loads), UNIT_TEST(what_is_written_reads_back_the_same),
          UNIT_TEST(keywords_abbreviate_and_no_removes), UNIT_TEST(workers_may_change_and_queues_not),
          UNIT_TEST(every_bad_line_is_refused_with_a_remedy), UNIT_TEST(an_error_names_file_and_line))
