/* What the daemon's commands print: golden files, and what changes with time. */
#include "common/ring.h"
#include "tests/unit/cli/world.h"

static void shows_of_a_tunnel_that_is_up(void)
{
    struct pair_opt o = {0};
    world_make(&o);
    CU_ASSERT_FATAL(pair_up(&w.pair, &w.pair.a));
    CU_ASSERT_FATAL(pair_ping(&w.pair));
    golden("session.txt", "show crypto session", false);
    golden("session-detail.txt", "sh cry ses det", false);
    golden("session-brief.txt", "show crypto session brief", false);
    golden("session.json", "show crypto session detail", true);
    golden("ikev2-sa.txt", "show crypto ikev2 sa", false);
    golden("ikev2-sa-detailed.txt", "show crypto ikev2 sa detailed", false);
    golden("ikev2-sa.json", "show crypto ikev2 sa", true);
    golden("ikev2-session-detailed.txt", "show crypto ikev2 session detailed", false);
    golden("ikev2-session.json", "show crypto ikev2 session", true);
    golden("ipsec-sa.txt", "show crypto ipsec sa", false);
    golden("ipsec-sa-detail.txt", "show crypto ipsec sa detail", false);
    golden("ipsec-sa.json", "show crypto ipsec sa", true);
    golden("interfaces.txt", "show interfaces", false);
    golden("interfaces.json", "show interfaces", true);
    golden("ip-route.txt", "show ip route", false);
    golden("ip-route.json", "show ip route", true);
    golden("dataplane.txt", "show platform dataplane", false);
    golden("memory.txt", "show platform memory", false);
    golden("memory.json", "show platform memory", true);
    world_end();
}

/* inbound and outbound packets of the one flow, and what is left of its volume */
static void counted(json_int_t packets, json_int_t remaining_kb)
{
    static char out[OUT_MAX];
    CU_ASSERT(run("show crypto ipsec sa", true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL);
    const json_t *sa = json_array_get(json_object_get(j, "sas"), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(sa, "inbound"), "packets")), packets);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(sa, "outbound"), "packets")), packets);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(sa, "remaining_kb")), remaining_kb);
    json_decref(j);
}

static void clear_crypto_sa_counters_counts_anew_and_leaves_lifetimes(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT_FATAL(pair_up(&w.pair, &w.pair.a));
    CU_ASSERT_FATAL(pair_ping(&w.pair));
    counted(1, 4607999);
    CU_ASSERT(run("clear crypto sa counters peer 192.0.2.77", false, out) == CLI_OK);
    counted(1, 4607999);
    CU_ASSERT(run("clear crypto sa counters", false, out) == CLI_OK);
    counted(0, 4607999);
    CU_ASSERT_FATAL(pair_ping(&w.pair));
    counted(1, 4607999);
    world_end();
}

static void shows_of_a_tunnel_with_wrong_keys(void)
{
    struct pair_opt o = {.key_b = "another"};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("up Tunnel1 --timeout 5", false, out) == CLI_NOT_SO);
    CU_ASSERT(strstr(out, "auth-failed") != NULL);
    golden("session-down-detail.txt", "show crypto session detail", false);
    world_end();
}

static void dataplane_json_has_the_keys_of_the_interface(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("show platform dataplane", true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL);
    const json_t *worker = json_array_get(json_object_get(j, "workers"), 0);
    const json_t *port = json_array_get(json_object_get(j, "ports"), 0);
    const json_t *engine = json_array_get(json_object_get(j, "crypto"), 0);
    CU_ASSERT(json_integer_value(json_object_get(worker, "lcore")) == 1);
    CU_ASSERT(json_integer_value(json_object_get(worker, "rx_packets")) == 1000);
    CU_ASSERT(json_integer_value(json_object_get(worker, "tx_packets")) == 990);
    CU_ASSERT(json_number_value(json_object_get(worker, "busy_percent")) == 25.0);
    CU_ASSERT(json_number_value(json_object_get(worker, "cycles_per_packet")) == 250.0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "name")), "Ethernet0/0");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "driver")), "net_null");
    CU_ASSERT(json_integer_value(json_object_get(port, "rx_missed")) == 4);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "link")), "up");
    /* Workers and manager together; reasons that did not occur are there as zeros. */
    CU_ASSERT(json_integer_value(json_object_get(json_object_get(j, "drops"), "no-sa")) == 9);
    CU_ASSERT(json_is_integer(json_object_get(json_object_get(j, "drops"), "esp-auth")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(engine, "engine")), "ipsecmb");
    CU_ASSERT(json_integer_value(json_object_get(engine, "sessions")) == 2);
    json_decref(j);
    w.shm_away = true;
    CU_ASSERT(run("show platform dataplane", true, out) == CLI_NOT_SO);
    CU_ASSERT(run("show platform memory", false, out) == CLI_NOT_SO);
    CU_ASSERT_STRING_EQUAL(out, "culvert: the data plane is away\n");
    world_end();
}

static void device_put(unsigned slot, uint8_t in, uint8_t out, uint8_t why, uint64_t age_s)
{
    *shm_engine_stats(&w.shm, 0) =
        (struct cv_engine_stats){.engine = "cryptodev", .device = "crypto_openssl failed", .sessions = 1};
    *shm_engine_stats(&w.shm, 1) =
        (struct cv_engine_stats){.engine = "software", .device = "vaes AVX2", .sessions = 1};
    w.shm.head->now_tsc = 100 * w.shm.tsc_hz;
    *shm_sa_engine(&w.shm, CV_DIR_IN, slot) = (struct cv_sa_engine){.by = in};
    *shm_sa_engine(&w.shm, CV_DIR_OUT, slot) =
        (struct cv_sa_engine){.by = out, .why = why, .since_tsc = (100 - age_s) * w.shm.tsc_hz};
}

/* Each direction by itself: the device may do one and not the other. */
static void each_SA_tells_what_works_on_it_and_why_not_the_device(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    shm_set_clock(&w.shm, 1000000000u);
    CU_ASSERT(run("up Tunnel1", false, out) == CLI_OK);
    device_put(0, CV_ENGINE_CRYPTODEV, CV_ENGINE_VAES, CV_ENGINE_WHY_FAILED, 12);
    CU_ASSERT(run("show crypto ipsec sa", false, out) == CLI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "engine: cryptodev crypto_openssl look-aside\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "engine: vaes for 12 s: the device has failed\n"));
    CU_ASSERT(run("show crypto ipsec sa", true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL), *sa = json_array_get(json_object_get(j, "sas"), 0);
    json_t *to = json_object_get(sa, "outbound"), *from = json_object_get(sa, "inbound");
    json_t *fell = json_object_get(to, "engine_fallback");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sa, "engine")), "mixed");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(from, "engine")), "cryptodev");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(from, "engine_mode")), "look-aside");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(from, "engine_device")), "crypto_openssl");
    CU_ASSERT(json_is_null(json_object_get(from, "engine_fallback")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(to, "engine")), "vaes");
    CU_ASSERT(json_is_null(json_object_get(to, "engine_device")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(fell, "reason")), "device-failed");
    CU_ASSERT(json_integer_value(json_object_get(fell, "age_s")) == 12);
    CU_ASSERT(json_is_null(json_object_get(from, "offloaded")));
    json_decref(j);
    *shm_engine_stats(&w.shm, 0) = (struct cv_engine_stats){.engine = "inline", .device = "Ethernet0/0"};
    *shm_engine_stats(&w.shm, 1) = (struct cv_engine_stats){.engine = "inline", .device = "Ethernet0/1"};
    *shm_sa_engine(&w.shm, CV_DIR_IN, 0) = (struct cv_sa_engine){.by = CV_ENGINE_INLINE_CRYPTO};
    *shm_sa_offload(&w.shm, CV_DIR_IN, 0) = (struct cv_sa_offload){.row = 2, .counted = 1, .packets = 4711};
    *shm_sa_offload(&w.shm, CV_DIR_OUT, 0) = (struct cv_sa_offload){.row = 2, .counted = 1};
    *shm_sa_engine(&w.shm, CV_DIR_OUT, 0) =
        (struct cv_sa_engine){.by = CV_ENGINE_VAES, .why = CV_ENGINE_WHY_UNFIT};
    CU_ASSERT(run("show crypto ipsec sa", false, out) == CLI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "engine: inline Ethernet0/1 inline-crypto\n"
                                       "        offloaded packets: 4711\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "s: the device could not take packets of this tunnel\n"
                                       "        offloaded packets: 0\n"));
    CU_ASSERT(run("show crypto ipsec sa", true, out) == CLI_OK);
    j = json_loads(out, 0, NULL);
    sa = json_array_get(json_object_get(j, "sas"), 0);
    from = json_object_get(sa, "inbound");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(from, "engine_device")), "Ethernet0/1");
    CU_ASSERT(json_integer_value(json_object_get(from, "offloaded")) == 4711);
    json_decref(j);
    memset(shm_sa_offload(&w.shm, CV_DIR_IN, 0), 0, sizeof(struct cv_sa_offload));
    memset(shm_sa_offload(&w.shm, CV_DIR_OUT, 0), 0, sizeof(struct cv_sa_offload));
    device_put(0, CV_ENGINE_CRYPTODEV_CPU, CV_ENGINE_CRYPTODEV_CPU, CV_ENGINE_WHY_NONE, 0);
    CU_ASSERT(run("show crypto ipsec sa", false, out) == CLI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "engine: cryptodev crypto_openssl cpu\n"));
    device_put(0, 200, 200, 200, 0); /* a later data plane's words */
    CU_ASSERT(run("show crypto ipsec sa", true, out) == CLI_OK);
    w.shm_away = true;
    CU_ASSERT(run("show crypto ipsec sa", false, out) == CLI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "engine: unknown\n"));
    world_end();
}

static void steering_tells_what_the_driver_took_and_where_packets_landed(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    struct cv_steer *t = shm_steer(&w.shm);
    t->port[0].esp = CV_STEER_BUCKETS;
    t->port[0].rss = CV_RSS_IP | CV_RSS_ESP;
    t->port[0].rules = 128;
    strcpy(t->port[0].natt_why, "no ESP behind UDP");
    t->bucket[5].moves = 3;
    shm_steer_counts(&w.shm, 0)->worked[5] = 100;
    shm_steer_counts(&w.shm, 0)->handed[5] = 30;
    CU_ASSERT(run("show platform steering", true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL);
    json_t *port = json_array_get(json_object_get(j, "ports"), 0);
    json_t *bucket = json_array_get(json_object_get(j, "buckets"), 5);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "esp")), "flow rules by bucket");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "esp_in_udp")), "hand-off");
    CU_ASSERT(json_is_null(json_object_get(port, "esp_refusal")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "esp_in_udp_refusal")),
                           "no ESP behind UDP");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(port, "rss")), "ip esp-spi");
    CU_ASSERT(json_integer_value(json_object_get(bucket, "landed")) == 70);
    CU_ASSERT(json_integer_value(json_object_get(bucket, "handed_off")) == 30);
    CU_ASSERT(json_integer_value(json_object_get(bucket, "moves")) == 3);
    CU_ASSERT(json_array_size(json_object_get(j, "buckets")) == CV_BUCKETS);
    json_decref(j);
    CU_ASSERT(run("platform rebalance", false, out) == CLI_NOT_SO && strstr(out, "there is one worker"));
    CU_ASSERT(run("platform rebalance bucket 5", false, out) == CLI_USAGE);
    CU_ASSERT(run("platform rebalance bucket 64 worker 0", false, out) == CLI_USAGE);
    CU_ASSERT(run("platform rebalance bucket 5 worker 1", false, out) == CLI_USAGE);
    w.shm_away = true;
    CU_ASSERT(run("show platform steering", false, out) == CLI_NOT_SO);
    world_end();
}

static void up_waits_and_says_how_it_came_out(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("up tu1", false, out) == CLI_OK);
    CU_ASSERT(strncmp(out, "Tunnel1 is up: UP-ACTIVE", 24) == 0);
    CU_ASSERT(run("up tu1", false, out) == CLI_OK); /* it is already */
    CU_ASSERT(run("up Tunnel9", false, out) == CLI_USAGE);
    CU_ASSERT(run("down tu1", false, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "Tunnel1 is down: DOWN\n");
    w.pair.b.deaf = true;
    CU_ASSERT(run("up tu1 --timeout 2", true, out) == CLI_NOT_SO);
    json_t *j = json_loads(out, 0, NULL);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "reason")), "timeout");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "outcome")), "down");
    json_decref(j);
    w.shm_away = true;
    CU_ASSERT(run("up tu1 --timeout 1", false, out) == CLI_NOT_SO &&
              strstr(out, "data plane is away") != NULL);
    world_end();
}

static void ping_counts_answers_and_waits_after_a_local_drop(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    struct cv_ping_evt reply = {.icmp_type = 0, .rtt_ns = 1500000},
                       drop = {.icmp_type = 255, .drop = CV_DROP_NO_SA};
    world_make(&o);
    int fd = dial();
    ask(fd, "ping 192.0.2.9 repeat 2 size 100 timeout 1", false);
    for (int i = 0; i < 200 && w.commands < 1; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    CU_ASSERT_FATAL(w.commands == 1 && w.last_command.type == CV_CMD_PING);
    CU_ASSERT(w.last_command.u.ping.size == 72 &&
              w.last_command.u.ping.ttl == 64); /* 100 less IP and ICMP headers */
    reply.id = (uint16_t)(w.last_command.u.ping.id + 1);
    cli_server_ping(w.server, &reply); /* somebody else's */
    CU_ASSERT(w.commands == 1);
    drop.id = reply.id = w.last_command.u.ping.id;
    cli_server_ping(w.server, &drop);
    CU_ASSERT(w.commands == 1); /* the next one only when its time is over */
    for (int i = 0; i < 400 && w.commands < 2; i++) {
        struct timeval tick = {0, 10000};
        event_base_loopexit(w.base, &tick);
        event_base_dispatch(w.base);
    }
    CU_ASSERT_FATAL(w.commands == 2);
    reply.seq = w.last_command.u.ping.seq;
    cli_server_ping(w.server, &reply);
    CU_ASSERT(answer(fd, out) == CLI_OK);
    CU_ASSERT(strstr(out, "Sending 2, 100-byte ICMP Echos to 192.0.2.9, timeout is 1 seconds:") != NULL);
    CU_ASSERT(strstr(out, "source address of 192.0.2.1\nD!\nSuccess rate is 50 percent (1/2)") != NULL);
    CU_ASSERT(strstr(out, "min/avg/max = 1.500/1.500/1.500 ms") != NULL);
    close(fd);
    world_end();
}

static void client_that_hangs_up_ends_its_command(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    struct cv_ping_evt reply = {.icmp_type = 0};
    world_make(&o);
    int fd = dial();
    ask(fd, "ping 192.0.2.9 repeat 100", false);
    for (int i = 0; i < 200 && w.commands < 1; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    close(fd);
    for (int i = 0; i < 20; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    reply.id = w.last_command.u.ping.id;
    cli_server_ping(w.server, &reply);
    CU_ASSERT(w.commands == 1); /* nobody pings on */
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    world_end();
}

static void hostile_requests_are_dropped_and_the_server_goes_on(void)
{
    static const struct {
        const char *p;
        size_t n;
    } bad[] = {
        {"\xff\xff\xff\xff", 4},   {"\x00\x00\x00\x00", 4},        {"\x00\x00\x00\x03{]}", 7},
        {"\x00\x00\x00\x02[]", 6}, {"GET / HTTP/1.1\r\n\r\n", 18},
    };
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    char octet;
    world_make(&o);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = dial();
        CU_ASSERT(write(fd, bad[i].p, bad[i].n) == (ssize_t)bad[i].n);
        for (int k = 0; k < 20; k++)
            event_base_loop(w.base, EVLOOP_NONBLOCK);
        CU_ASSERT(read(fd, &octet, 1) == 0); /* hung up, without an answer */
        close(fd);
    }
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    CU_ASSERT(run("check x", false, out) == CLI_USAGE); /* the client's own business */
    CU_ASSERT(run("frobnicate", false, out) == CLI_USAGE);
    CU_ASSERT(strncmp(out, "culvert: 'frobnicate' is not a command", 38) == 0);
    world_end();
}

static void several_clients_are_served_at_once(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    int fds[CLI_CLIENTS_MAX];
    world_make(&o);
    for (int i = 0; i < CLI_CLIENTS_MAX - 1; i++) {
        fds[i] = dial();
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    for (int i = 0; i < CLI_CLIENTS_MAX - 1; i++)
        ask(fds[i], "show version", false);
    for (int i = 0; i < CLI_CLIENTS_MAX - 1; i++) {
        CU_ASSERT(answer(fds[i], out) == CLI_OK && strstr(out, "culvert 9.9.9") != NULL);
        close(fds[i]);
    }
    event_base_loop(w.base, EVLOOP_NONBLOCK);
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    world_end();
}

static void silent_clients_do_not_lock_others_out(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    int fds[CLI_CLIENTS_MAX];
    uint8_t octet;
    world_make(&o);
    for (int i = 0; i < CLI_CLIENTS_MAX; i++) {
        fds[i] = dial();
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    CU_ASSERT(run("show version", false, out) == CLI_OK);
    CU_ASSERT(read(fds[0], &octet, 1) == 0); /* the eldest made room */
    ask(fds[1], "show version", false);      /* and only that one */
    CU_ASSERT(answer(fds[1], out) == CLI_OK);
    for (int i = 0; i < CLI_CLIENTS_MAX; i++)
        close(fds[i]);
    world_end();
}

static void reload_prints_every_error_and_changes_nothing(void)
{
    struct pair_opt o = {0};
    static char out[OUT_MAX];
    world_make(&o);
    CU_ASSERT(run("reload", false, out) == CLI_USAGE);
    CU_ASSERT(strncmp(out, "culvert: ", 9) == 0 && strstr(out, ":2: ") != NULL);
    world_end();
}

UNIT_MAIN("cli show", UNIT_TEST(shows_of_a_tunnel_that_is_up),
          UNIT_TEST(clear_crypto_sa_counters_counts_anew_and_leaves_lifetimes),
          UNIT_TEST(shows_of_a_tunnel_with_wrong_keys),
          UNIT_TEST(dataplane_json_has_the_keys_of_the_interface),
          UNIT_TEST(each_SA_tells_what_works_on_it_and_why_not_the_device),
          UNIT_TEST(steering_tells_what_the_driver_took_and_where_packets_landed),
          UNIT_TEST(up_waits_and_says_how_it_came_out),
          UNIT_TEST(ping_counts_answers_and_waits_after_a_local_drop),
          UNIT_TEST(client_that_hangs_up_ends_its_command),
          UNIT_TEST(hostile_requests_are_dropped_and_the_server_goes_on),
          UNIT_TEST(several_clients_are_served_at_once), UNIT_TEST(silent_clients_do_not_lock_others_out),
          UNIT_TEST(reload_prints_every_error_and_changes_nothing))
