/* inline_nic: puts the model of a NIC with IPsec (tests/unit/engine/inline_model.h) in front of a running culvert-dp's first port. Loaded with
 * LD_PRELOAD; culvert-dp itself knows nothing of it.
 *
 * The port is whatever the configuration says (af_packet). What is handed to it marked for the NIC is encrypted on its way into the driver,
 * what comes is decrypted on its way out, by sessions and rules that culvert-dp has made with rte_security and rte_flow.
 *
 * CULVERT_TEST_NIC is "CAPABILITIES FILE": those of `caps` below. When FILE appears, the lines in it are done, and what the model has counted
 * since its start is written to FILE.done as JSON:
 *
 *   table N            sessions at most
 *   metadata 0|1       the driver refuses, takes packets
 *   longest N          frames that are longer came in fragments: they pass undecrypted (0: none)
 *   passes 0|1         nothing is decrypted
 *   event NAME SPI     what the driver says of the SA: soft-bytes, soft-packets, hard-bytes, hard-packets, esn
 *   lost reset|removed|recovering
 *   report             nothing but the report */
#include "tests/unit/engine/inline_model.h"
#include "tests/unit/engine/model_crypt.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <rte_ethdev.h>
#include <rte_security_driver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 0, LOOK_NS = 2000000 };

static const struct {
    const char *name;
    const struct rte_security_capability *caps;
} caps[] = {
    {"all", model_caps_all}, {"no-metadata", model_caps_no_metadata}, {"protocol", model_caps_protocol}};
static const struct {
    const char *name;
    unsigned type, subtype;
} events[] = {{"soft-bytes", RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_BYTE_EXPIRY},
              {"soft-packets", RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY},
              {"hard-bytes", RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_BYTE_HARD_EXPIRY},
              {"hard-packets", RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_SA_PKT_HARD_EXPIRY},
              {"esn", RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_IPSEC_ESN_OVERFLOW},
              {"reset", RTE_ETH_EVENT_INTR_RESET, UINT32_MAX},
              {"removed", RTE_ETH_EVENT_INTR_RMV, UINT32_MAX},
              {"recovering", RTE_ETH_EVENT_ERR_RECOVERING, UINT32_MAX}};
static const struct rte_security_capability *wanted;
static char path[256], done[264];
static unsigned unasked; /* starts of the port without the offloads that sessions need */

/* ---- the port's way through DPDK -------------------------------------------------------------------------------------- */
/* A frame is encrypted once, also when the driver has no room for it and is asked again. */
static uint16_t leaves(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, void *arg)
{
    (void)queue, (void)arg;
    for (uint16_t i = 0; i < n; i++) {
        if (!(pkts[i]->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD))
            continue;
        model_transmit(port, pkts[i]);
        pkts[i]->ol_flags &= ~RTE_MBUF_F_TX_SEC_OFFLOAD;
    }
    return n;
}

static uint16_t comes(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max,
                      void *arg)
{
    (void)port, (void)queue, (void)arg, (void)max;
    for (uint16_t i = 0; i < n; i++)
        model_receive(pkts[i]);
    return n;
}

int rte_eth_dev_configure(uint16_t port, uint16_t rx, uint16_t tx, const struct rte_eth_conf *conf)
{
    int (*next)(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *);
    struct rte_eth_conf c = *conf;
    *(void **)&next = dlsym(RTLD_NEXT, "rte_eth_dev_configure");
    if (port == PORT && wanted) {
        unasked += !(c.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SECURITY) ||
                   !(c.txmode.offloads & RTE_ETH_TX_OFFLOAD_SECURITY);
        c.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_SECURITY;
        c.txmode.offloads &= ~RTE_ETH_TX_OFFLOAD_SECURITY;
    }
    const int r = next(port, rx, tx, &c);
    for (uint16_t q = 0; r == 0 && port == PORT && wanted && q < RTE_MAX(rx, tx); q++) {
        if (q < rx && !rte_eth_add_rx_callback(port, q, comes, NULL))
            return -ENOMEM;
        if (q < tx && !rte_eth_add_tx_callback(port, q, leaves, NULL))
            return -ENOMEM;
    }
    return r;
}

int rte_eal_init(int argc, char **argv)
{
    int (*next)(int, char **);
    *(void **)&next = dlsym(RTLD_NEXT, "rte_eal_init");
    const int r = next(argc, argv);
    if (r >= 0 && wanted) {
        model_reset(PORT, wanted);
        model.no_wire = true;
    }
    return r;
}

/* ---- what is to be done ---------------------------------------------------------------------------------------------------- */
static void event(const char *name, unsigned spi)
{
    for (unsigned i = 0; i < RTE_DIM(events); i++)
        if (strcmp(events[i].name, name) == 0)
            model_event(events[i].type, events[i].subtype,
                        events[i].type == RTE_ETH_EVENT_IPSEC ? model_userdata(spi) : 0);
}

static void line_do(const char *line)
{
    char word[16], name[16];
    unsigned n = 0;
    if (sscanf(line, "event %15s %u", name, &n) == 2) {
        event(name, n);
    } else if (sscanf(line, "lost %15s", name) == 1) {
        event(name, 0);
    } else if (sscanf(line, "%15s %u", word, &n) == 2) {
        if (!strcmp(word, "table"))
            model.table = n;
        else if (!strcmp(word, "metadata"))
            model.no_metadata = n == 0;
        else if (!strcmp(word, "longest"))
            model.longest = n;
        else if (!strcmp(word, "passes"))
            model.passes_by = n != 0;
        else
            model_misuse("no such order: %s", line);
    }
}

static void report(void)
{
    char new[272];
    snprintf(new, sizeof new, "%s.new", done);
    FILE *f = fopen(new, "w");
    if (!f)
        return;
    fprintf(f,
            "{\"misuse\": %u, \"why\": \"%s\", \"sessions\": %u, \"rules\": %u, \"created\": %u, "
            "\"refused\": %u, "
            "\"encrypted\": %u, \"decrypted\": %u, \"failed\": %u, \"left_in_clear\": %u, \"unasked\": %u}\n",
            model.misuse, model.why, model.sessions, model.rules, model.created, model.refused,
            model.encrypted, model.decrypted, model.failed, model.left_in_clear, unasked);
    if (fclose(f) == 0)
        (void)rename(new, done);
}

static void *watch(void *arg)
{
    const struct timespec t = {0, LOOK_NS};
    char line[64];
    for (;;) {
        nanosleep(&t, NULL);
        FILE *f = fopen(path, "r");
        if (!f)
            continue;
        while (fgets(line, sizeof line, f))
            line_do(line);
        fclose(f);
        unlink(path);
        report();
    }
    return arg;
}

__attribute__((constructor)) static void start(void)
{
    const char *where = getenv("CULVERT_TEST_NIC");
    char name[16];
    pthread_t t;
    if (!where || strcmp(program_invocation_short_name, "culvert-dp") != 0 ||
        sscanf(where, "%15s %255s", name, path) != 2)
        return;
    snprintf(done, sizeof done, "%s.done", path);
    for (unsigned i = 0; i < RTE_DIM(caps); i++)
        if (strcmp(caps[i].name, name) == 0)
            wanted = caps[i].caps;
    if (wanted && pthread_create(&t, NULL, watch, NULL) == 0)
        pthread_detach(t);
}
