/* The page of metrics: form, certificates, and what a hostile name may do to it; and the server's manners. */
#include "control/metrics/met.h"
#include "control/pki/pki_sim.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700000000, DAY = 86400 };

static int64_t wall(void *ctx)
{
    (void)ctx;
    return NOW;
}

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return 1;
}

static struct ike *no_ike(void *ctx)
{
    (void)ctx;
    return NULL;
}

static const struct shm *no_shm(void *ctx)
{
    (void)ctx;
    return NULL;
}

static struct pki *the_pki(void *ctx)
{
    return ctx;
}

/* A trust-point of that name with a CA and a certificate of our own that ends in three days. */
static struct pki *enrolled(const char *name)
{
    const struct pki_env env = {.wall_s = wall, .now_ms = now_ms};
    struct pki *p = pki_new(&env);
    struct pki_conf conf = {.method_count = 1, .methods = {PKI_METHOD_NONE}};
    struct pki_sim_ca ca;
    struct pki_cert *own;
    struct cr_key *key;
    const struct pki_sim_subject s = {.seed = "own",
                                      .kind = CR_KEY_P256,
                                      .dn = "CN=R1",
                                      .from = NOW - DAY,
                                      .until = NOW + 3 * DAY,
                                      .serial = 3,
                                      .path_len = -1};
    snprintf(conf.name, sizeof conf.name, "%s", name);
    if (!p || pki_configure(p, &conf, 1) != CV_OK || pki_sim_ca("ca", "CN=CA1", NOW - DAY, &ca) != CV_OK ||
        pki_sim_issue(&ca, &s, &own, &key) != CV_OK || pki_install_ca(p, name, ca.cert, 0) != CV_OK ||
        pki_install_own(p, name, own, key, NULL, 0, 0) != CV_OK)
        abort();
    pki_cert_free(own);
    cr_key_free(key);
    pki_sim_ca_free(&ca);
    return p;
}

static const char *no_interface(void *ctx, unsigned n, uint32_t *if_id)
{
    (void)ctx, (void)n, (void)if_id;
    return NULL;
}

static char *page(struct pki *p)
{
    const struct met_env env = {
        .ctx = p, .version = "1", .ike = no_ike, .shm = no_shm, .pki = the_pki, .interface = no_interface};
    return met_text(&env);
}

static void certificates_say_when_they_end(void)
{
    struct pki *p = enrolled("TP1");
    char *text = page(p), want[128];
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    snprintf(want, sizeof want,
             "\nculvert_certificate_not_after_seconds{trustpoint=\"TP1\",kind=\"own\"} %d\n", NOW + 3 * DAY);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{trustpoint=\"TP1\",kind=\"ca\"} "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nculvert_trustpoint_usable{trustpoint=\"TP1\"} 1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nculvert_dataplane_up 0\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "R1")); /* no identity of anybody */
    free(text);
    pki_free(p);
}

static void a_hostile_name_stays_in_its_label(void)
{
    struct pki *p = enrolled("a\"} 9\nb\\");
    char *text = page(p);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{trustpoint=\"a\\\"} 9?b\\\\\",kind=\"own\"} "));
    CU_ASSERT_PTR_NULL(strstr(text, "\nb"));
    free(text);
    pki_free(p);
}

/* ---- interfaces ---- */
static struct shm shm;

static const struct shm *the_shm(void *ctx)
{
    (void)ctx;
    return &shm;
}

static struct pki *no_pki(void *ctx)
{
    (void)ctx;
    return NULL;
}

static const char *an_interface(void *ctx, unsigned n, uint32_t *if_id)
{
    static const struct {
        const char *name;
        uint32_t id;
    } ifs[] = {{"Ethernet0/0", 1}, {"Tunnel1", 7}, {"a\"b", 9}, {"beyond", CV_MAX_IFS}};
    (void)ctx;
    if (n >= sizeof ifs / sizeof *ifs)
        return NULL;
    *if_id = ifs[n].id;
    return ifs[n].name;
}

static void interfaces_say_what_they_carried_and_lost(void)
{
    const struct met_env env = {
        .version = "1", .ike = no_ike, .shm = the_shm, .pki = no_pki, .interface = an_interface};
    CU_ASSERT_EQUAL_FATAL(shm_create(2, 4, &shm), CV_OK);
    *shm_if_stats(&shm, 0, 7) = (struct cv_if_stats){10, 1000, 20, 2000};
    *shm_if_stats(&shm, 1, 7) = (struct cv_if_stats){1, 64, 2, 128};
    *shm_if_stats(&shm, 2, 7) = (struct cv_if_stats){.tx_packets = 100}; /* the manager's */
    shm_if_drops(&shm, 0, 7)->n[CV_DIR_IN][CV_IF_DROP_REPLAY] = 3;
    shm_if_drops(&shm, 1, 7)->n[CV_DIR_IN][CV_IF_DROP_REPLAY] = 4;
    shm_if_drops(&shm, 0, 9)->n[CV_DIR_OUT][CV_IF_DROP_TOO_BIG] = 5;
    char *text = met_text(&env);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nculvert_interface_rx_packets_total{interface=\"Tunnel1\"} 11\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nculvert_interface_rx_bytes_total{interface=\"Tunnel1\"} 1064\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nculvert_interface_tx_packets_total{interface=\"Tunnel1\"} 122\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nculvert_interface_tx_bytes_total{interface=\"Tunnel1\"} 2128\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nculvert_interface_tx_bytes_total{interface=\"Ethernet0/0\"} 0\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        text,
        "\nculvert_interface_drops_total{interface=\"Tunnel1\",direction=\"in\",reason=\"replay\"} 7\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        text,
        "\nculvert_interface_drops_total{interface=\"a\\\"b\",direction=\"out\",reason=\"too-big\"} 5\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "drops_total{interface=\"Ethernet0/0\"")); /* no row of zero */
    CU_ASSERT_PTR_NULL(strstr(text, "beyond"));
    free(text);
    shm_close(&shm);
}

static void addresses_are_whole_or_refused(void)
{
    static const char *const bad[] = {
        "",         ":1",        "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:9x",
        "::1:9469", "[::1:9469", "[]:9469"};
    const struct met_env env = {.version = "1", .ike = no_ike, .shm = no_shm, .pki = the_pki};
    struct event_base *base = event_base_new();
    struct met_server *s;
    char err[MET_ERROR_MAX];
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_EQUAL(met_serve(base, &env, bad[i], &s, err), CV_EINVAL);
        CU_ASSERT_PTR_NULL(s);
        CU_ASSERT_PTR_NOT_NULL(strstr(err, "is no ADDRESS:PORT"));
    }
    CU_ASSERT_EQUAL(met_serve(base, &env, "192.0.2.77:9469", &s, err), CV_EIO); /* not ours */
    CU_ASSERT_PTR_NULL(s);
    met_stop(NULL);
    event_base_free(base);
}

UNIT_MAIN("metrics text", UNIT_TEST(certificates_say_when_they_end),
          UNIT_TEST(a_hostile_name_stays_in_its_label), UNIT_TEST(interfaces_say_what_they_carried_and_lost),
          UNIT_TEST(addresses_are_whole_or_refused))
