/* `debug` and its conditions, the diagnosis by counters, clears, and crypto maps: over two real engines, IKEv1 and IKEv2. */
#include "tests/unit/cli/world.h"

#include <sys/socket.h>

/* One end of a GRE tunnel under IKEv1 (host-host, protocol 47), 192.0.2.1 and .2. */
static struct cfg *gre(unsigned me, const char *key, const char *more)
{
    char text[4096];
    snprintf(text, sizeof text,
             "crypto logging session\n"
             "crypto isakmp policy 10\n encr aes 256\n hash sha256\n authentication pre-share\n group 19\n"
             "crypto keyring KR\n pre-shared-key address 192.0.2.%u key %s\n"
             "crypto isakmp profile PROF\n keyring KR\n match identity address 192.0.2.%u\n"
             "crypto ipsec transform-set TS esp-aes esp-sha256-hmac\n mode transport\n"
             "crypto ipsec profile IPP\n set transform-set TS\n set isakmp-profile PROF\n"
             "interface Ethernet0/0\n ip address 192.0.2.%u 255.255.255.0\n"
             "interface Tunnel1\n ip address 10.0.0.%u 255.255.255.252\n tunnel source Ethernet0/0\n"
             " tunnel destination 192.0.2.%u\n tunnel protection ipsec profile IPP\n%s",
             3 - me, key, 3 - me, me, me, 3 - me, more);
    return world_cfg(text);
}

/* One end of a crypto map with two permit lines, under IKEv1. */
static struct cfg *map(unsigned me)
{
    char text[4096];
    snprintf(
        text, sizeof text,
        "crypto isakmp policy 10\n encr aes\n hash sha\n authentication pre-share\n group 14\n"
        "crypto isakmp key secret address 192.0.2.%u\n"
        "crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac\n"
        "ip access-list extended LINES\n permit ip 10.%u.0.0 0.0.255.255 10.%u.0.0 0.0.255.255\n"
        " permit ip host 172.16.0.%u host 172.16.0.%u\n"
        "crypto map CMAP 10 ipsec-isakmp\n set peer 192.0.2.%u\n set transform-set TS\n match address LINES\n"
        "interface Ethernet0/0\n ip address 192.0.2.%u 255.255.255.0\n crypto map CMAP\n",
        3 - me, me, 3 - me, me, 3 - me, 3 - me, me);
    return world_cfg(text);
}

static bool has(const char *text, const char *part)
{
    bool found = strstr(text, part) != NULL;
    if (!found)
        fprintf(stderr, "\n'%s' is not in:\n%s\n", part, text);
    return found;
}

static unsigned lines_of(const char *text)
{
    unsigned n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* ---- following ---------------------------------------------------------------------------------------------------- */
static void debug_isakmp_shows_a_negotiation_as_it_goes(void)
{
    static char out[OUT_MAX], other[OUT_MAX];
    world_make_with(gre(1, "secret", ""), gre(2, "secret", ""));
    CU_ASSERT(!w.followed);
    int fd = dial();
    ask(fd, "debug crypto isakmp", false);
    out[0] = '\0';
    listen_to(fd, 3, out);
    CU_ASSERT_STRING_EQUAL(out, "Crypto ISAKMP debugging is on\n");
    CU_ASSERT(w.followed);
    CU_ASSERT(run("up Tunnel1", false, other) == CLI_OK);
    listen_to(fd, 20, out);
    CU_ASSERT(has(out, "sending packet to 192.0.2.2 my_port 500 peer_port 500 (I) MM_NO_STATE"));
    CU_ASSERT(has(out, "received packet from 192.0.2.2 dport 500 sport 500 Global (I) MM_NO_STATE: MM2"));
    CU_ASSERT(has(out, "QM_IDLE"));
    CU_ASSERT(has(out, "PROF"));
    CU_ASSERT(out[strlen(out) - 1] == '\n' && strncmp(strchr(out, '\n') + 1, "*Jan", 4) == 0);
    CU_ASSERT(has(out, "Payload contents: KE NONCE"));
    CU_ASSERT(strstr(out, "  * PROF: ") == NULL && strstr(out, "cookies") == NULL); /* only with detail */
    CU_ASSERT(strstr(out, "secret") == NULL);
    /* undebug of another client ends it, and costs nothing from then on */
    CU_ASSERT(run("undebug all", false, other) == CLI_OK &&
              has(other, "All possible debugging has been turned off"));
    CU_ASSERT(answer(fd, out) == CLI_OK);
    CU_ASSERT(!w.followed);
    unsigned told = w.told;
    CU_ASSERT(run("rekey Tunnel1", false, other) == CLI_OK);
    pair_wait(&w.pair, 1000);
    CU_ASSERT_EQUAL(w.told, told); /* debug and info lines are not even made */
    close(fd);
    world_end();
}

static void detail_adds_payloads_candidates_and_cookies(void)
{
    static char out[OUT_MAX], other[OUT_MAX];
    world_make_with(gre(1, "secret", ""), gre(2, "secret", ""));
    int fd = dial();
    ask(fd, "debug crypto isakmp detail", false);
    CU_ASSERT(run("up Tunnel1", false, other) == CLI_OK);
    out[0] = '\0';
    listen_to(fd, 20, out);
    CU_ASSERT(has(out, "Crypto ISAKMP internals debugging is on"));
    CU_ASSERT(has(out, "Payload contents: SA VID"));
    CU_ASSERT(has(out, "Payload contents: ID"));
    CU_ASSERT(has(out, "  * PROF: "));
    CU_ASSERT(has(out, " cookies "));
    CU_ASSERT(run("show debugging", false, other) == CLI_OK &&
              has(other, "Crypto ISAKMP internals debugging is on"));
    close(fd);
    for (int i = 0; i < 5; i++)
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    CU_ASSERT(!w.followed); /* who hangs up follows nothing */
    world_end();
}

static void ikev2_and_ipsec_are_followed_apart(void)
{
    static char v2[OUT_MAX], v1[OUT_MAX], esp[OUT_MAX], other[OUT_MAX];
    struct pair_opt o = {0};
    world_make(&o);
    int a = dial(), b = dial(), c = dial();
    ask(a, "debug crypto ikev2", false);
    ask(b, "debug crypto isakmp", false);
    ask(c, "debug crypto ipsec", false);
    CU_ASSERT(run("up Tunnel1", false, other) == CLI_OK);
    v1[0] = v2[0] = esp[0] = '\0';
    listen_to(a, 10, v2);
    listen_to(b, 10, v1);
    listen_to(c, 10, esp);
    CU_ASSERT(has(v2, "Sending Packet [To 192.0.2.2:500/From 192.0.2.1:500/VRF Global] Initiator SPI : "));
    CU_ASSERT(has(v2, "IKE_SA_INIT request") && has(v2, "IKE_AUTH response"));
    CU_ASSERT(has(v2, "IKEv2:(1): authenticated "));
    CU_ASSERT_STRING_EQUAL(v1, "Crypto ISAKMP debugging is on\n");
    CU_ASSERT(has(esp, "IPSEC:(1): child SA "));
    CU_ASSERT(strstr(esp, "Sending Packet") == NULL);
    close(a);
    close(b);
    close(c);
    world_end();
}

static void as_json_each_line_is_an_object(void)
{
    static char out[OUT_MAX], other[OUT_MAX];
    unsigned messages = 0, decisions = 0, events = 0;
    world_make_with(gre(1, "secret", ""), gre(2, "secret", ""));
    int fd = dial();
    ask(fd, "debug crypto isakmp detail", true);
    CU_ASSERT(run("up Tunnel1", false, other) == CLI_OK);
    out[0] = '\0';
    listen_to(fd, 20, out);
    for (char *save = NULL, *line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        json_t *j = json_loads(line, 0, NULL);
        CU_ASSERT_FATAL(json_is_object(j));
        const char *kind = json_string_value(json_object_get(j, "kind"));
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "facility")), "isakmp");
        CU_ASSERT(json_is_integer(json_object_get(j, "conn_id")) &&
                  json_is_string(json_object_get(j, "time")));
        if (strcmp(kind, "message") == 0)
            messages += json_is_array(json_object_get(j, "payloads"));
        else if (strcmp(kind, "decision") == 0)
            decisions += json_is_array(json_object_get(j, "candidates"));
        else
            events++;
        json_decref(j);
    }
    CU_ASSERT(messages >= 9 && decisions >= 3 && events >= 3); /* MM1 to MM6, QM1 to QM3 */
    close(fd);
    world_end();
}

static void in_the_shell_lines_go_on_between_commands(void)
{
    static char out[OUT_MAX];
    world_make_with(gre(1, "secret", ""), gre(2, "secret", ""));
    int fd = dial();
    ask_as(fd, "debug crypto isakmp", CLI_ASK_SHELL);
    CU_ASSERT(answer(fd, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "Crypto ISAKMP debugging is on\n");
    ask_as(fd, "debug crypto isakmp seconds 3", CLI_ASK_SHELL);
    CU_ASSERT(answer(fd, out) == CLI_USAGE);
    char err[SEL_TEXT_MAX];
    CU_ASSERT(ike_up(w.pair.a.e, "Tunnel1", err, sizeof err) == IKE_CMD_STARTED);
    out[0] = '\0';
    listen_to(fd, 10, out);
    CU_ASSERT(has(out, "MM_NO_STATE")); /* no command was running */
    ask_as(fd, "show version", CLI_ASK_SHELL);
    CU_ASSERT(answer(fd, out) == CLI_OK && has(out, "culvert 9.9.9"));
    ask_as(fd, "no debug crypto isakmp", CLI_ASK_SHELL);
    CU_ASSERT(answer(fd, out) == CLI_OK && has(out, "debugging is off"));
    CU_ASSERT(!w.followed);
    close(fd);
    world_end();
}

static void seconds_end_it(void)
{
    static char out[OUT_MAX];
    struct pair_opt o = {0};
    world_make(&o);
    int fd = dial(), status = -1;
    ask(fd, "debug crypto ikev2 seconds 1", false);
    for (int i = 0; i < 40 && status < 0; i++) {
        struct timeval tick = {0, 50000};
        event_base_loopexit(w.base, &tick);
        event_base_dispatch(w.base);
        w.frozen = true;
        if (i >= 30)
            status = answer(fd, out);
    }
    CU_ASSERT_EQUAL(status, CLI_OK);
    CU_ASSERT(!w.followed);
    CU_ASSERT(run("debug crypto ikev2 seconds 0", false, out) == CLI_USAGE);
    close(fd);
    world_end();
}

static void a_slow_reader_loses_lines_and_is_told_how_many(void)
{
    static char out[OUT_MAX];
    enum { EVENTS = 20000 };
    struct pair_opt o = {0};
    world_make(&o);
    int fd = dial();
    ask(fd, "debug crypto ikev2", false);
    out[0] = '\0';
    listen_to(fd, 3, out);
    const struct ike_about about = {.version = 2, .fvrf = "", .profile = "", .interface = "", .state = ""};
    const struct ike_event ev = {
        .level = LOG_LEVEL_DEBUG,
        .facility = "ikev2",
        .text = "a line of some length, so that the buffers of the socket do not take all of them",
        .about = &about};
    for (unsigned i = 0; i < EVENTS; i++) { /* nobody reads; the daemon goes on */
        cli_server_event(w.server, &ev);
        if (i % 100 == 0)
            event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    unsigned got = 0, lost = 0;
    w.frozen = true;
    for (unsigned i = 0; i < 200; i++) {
        out[0] = '\0';
        listen_to(fd, 1, out);
        for (const char *at = out; (at = strstr(at, "a line of")) != NULL; at++)
            got++;
        const char *note = strstr(out, "*** ");
        if (note)
            lost += (unsigned)strtoul(note + 4, NULL, 10);
    }
    CU_ASSERT(got > 100 && got < EVENTS);
    CU_ASSERT_EQUAL(got + lost, EVENTS);
    close(fd);
    world_end();
}

/* ---- conditions ------------------------------------------------------------------------------------------------------ */
static unsigned seen_by(const struct ike_about *about)
{
    static char out[OUT_MAX];
    const struct ike_event ev = {
        .level = LOG_LEVEL_INFO, .facility = "isakmp", .text = "EVENT", .about = about};
    int fd = dial();
    ask(fd, "debug crypto isakmp", false);
    out[0] = '\0';
    listen_to(fd, 3, out);
    cli_server_event(w.server, &ev);
    listen_to(fd, 3, out);
    close(fd);
    event_base_loop(w.base, EVLOOP_NONBLOCK);
    return lines_of(out) - 1;
}

static struct ike_about about_of(const char *peer, uint32_t conn_id, const char *profile, uint8_t cookie)
{
    struct ike_about a = {
        .conn_id = conn_id, .version = 1, .fvrf = "", .interface = "", .state = "", .profile = profile};
    CU_ASSERT(ip_addr_parse(peer, &a.peer.addr) && ip_addr_parse("192.0.2.1", &a.local.addr));
    memset(a.spi_i, cookie, sizeof a.spi_i);
    return a;
}

static void PR_5_cookies_tell_two_negotiations_of_one_peer_apart(void)
{
    static char out[OUT_MAX];
    struct pair_opt o = {0};
    world_make(&o);
    w.frozen = true;
    const struct ike_about one = about_of("192.0.2.2", 1, "", 0x2a), two = about_of("192.0.2.2", 2, "", 0x56),
                           other = about_of("192.0.2.77", 3, "", 0x77);
    CU_ASSERT(seen_by(&one) == 1 && seen_by(&two) == 1 && seen_by(&other) == 1);
    CU_ASSERT(run("debug crypto condition peer ipv4 192.0.2.2", false, out) == CLI_OK);
    CU_ASSERT(seen_by(&one) == 1 && seen_by(&two) == 1 && seen_by(&other) == 0);
    CU_ASSERT(run("debug crypto condition cookie 2A2A2A2A:2A2A2A2A", false, out) == CLI_OK);
    CU_ASSERT(seen_by(&one) == 1 && seen_by(&two) == 0 && seen_by(&other) == 0);
    CU_ASSERT(run("debug crypto condition cookie 0x5656565656565656", false, out) ==
              CLI_OK); /* of one kind: either */
    CU_ASSERT(seen_by(&one) == 1 && seen_by(&two) == 1 && seen_by(&other) == 0);
    CU_ASSERT(run("show crypto debug-condition", false, out) == CLI_OK);
    CU_ASSERT(has(out, "peer ipv4 192.0.2.2\n") && has(out, "cookie 2A2A2A2A2A2A2A2A\n"));
    CU_ASSERT(run("debug crypto condition reset", false, out) == CLI_OK);
    CU_ASSERT(seen_by(&other) == 1);
    world_end();
}

static void the_other_conditions(void)
{
    static char out[OUT_MAX];
    static const struct {
        const char *condition;
        unsigned one, two, unknown; /* lines of each */
    } cases[] = {
        {"peer subnet 192.0.2.0 255.255.255.192", 1, 0, 0},
        {"peer subnet 192.0.2.64/26", 0, 1, 0},
        {"isakmp profile PROF", 1, 0, 0},
        {"ikev2 profile PROF", 0, 0, 0},
        {"connid 7", 1, 0, 0},
        {"fvrf RED", 0, 1, 0},
        {"fvrf global", 1, 0, 1},
        {"local ipv4 192.0.2.1", 1, 1, 0},
        {"local ipv4 192.0.2.9", 0, 0, 0},
    };
    static const char *const bad[] = {
        "peer ipv4 2001:db8::1", "peer subnet 192.0.2.0 255.0.255.0", "connid 0",  "connid -1",
        "cookie 12345",          "cookie 0x12345678123456789",        "spi twelve"};
    struct pair_opt o = {0};
    world_make(&o);
    w.frozen = true;
    struct ike_about one = about_of("192.0.2.2", 7, "PROF", 1), two = about_of("192.0.2.77", 8, "OTHER", 2);
    const struct ike_about unknown = {.version = 1, .fvrf = "", .profile = "", .interface = "", .state = ""};
    two.fvrf = "RED";
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[120];
        snprintf(line, sizeof line, "debug crypto condition %s", cases[i].condition);
        CU_ASSERT(run(line, false, out) == CLI_OK);
        CU_ASSERT_EQUAL(seen_by(&one), cases[i].one);
        CU_ASSERT_EQUAL(seen_by(&two), cases[i].two);
        CU_ASSERT_EQUAL(seen_by(&unknown), cases[i].unknown);
        CU_ASSERT(run("debug crypto condition unmatched", false, out) == CLI_OK);
        CU_ASSERT_EQUAL(seen_by(&two), cases[i].two);
        CU_ASSERT_EQUAL(seen_by(&unknown), strncmp(cases[i].condition, "fvrf RED", 8) == 0 ? 0
                                           : strncmp(cases[i].condition, "ikev2", 5) == 0  ? 0
                                                                                           : 1);
        CU_ASSERT(run("debug crypto condition reset", false, out) == CLI_OK);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[120];
        snprintf(line, sizeof line, "debug crypto condition %s", bad[i]);
        CU_ASSERT(run(line, false, out) == CLI_USAGE);
    }
    CU_ASSERT_EQUAL(w.conds.count, 0);
    world_end();
}

/* ---- diagnosis -------------------------------------------------------------------------------------------------------- */
static bool lose_all(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    (void)p;
    (void)from;
    (void)data;
    (void)len;
    return false;
}

static json_t *diagnosis(void)
{
    static char out[OUT_MAX];
    CU_ASSERT_FATAL(run("show crypto session detail", true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL);
    json_t *d = json_incref(json_object_get(json_array_get(json_object_get(j, "sessions"), 0), "diagnosis"));
    json_decref(j);
    return d;
}

static void diagnosed(const char *rule, const char *part)
{
    static char out[OUT_MAX];
    json_t *d = diagnosis();
    CU_ASSERT_FATAL(json_is_object(d));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(d, "rule")), rule);
    CU_ASSERT(has(json_string_value(json_object_get(d, "text")), part));
    json_decref(d);
    CU_ASSERT(run("show crypto session detail", false, out) == CLI_OK && has(out, "  Diagnosis: ") &&
              has(out, part));
}

static void start(void)
{
    char err[SEL_TEXT_MAX];
    w.frozen = true;
    CU_ASSERT_FATAL(ike_up(w.pair.a.e, "Tunnel1", err, sizeof err) == IKE_CMD_STARTED);
}

static void TS_1_nothing_comes_back_from_port_500(void)
{
    world_make_with(gre(1, "secret", ""), gre(2, "secret", ""));
    w.pair.tap = lose_all;
    start();
    pair_wait(&w.pair, 3000);
    CU_ASSERT(json_is_null(diagnosis())); /* too early to say */
    pair_wait(&w.pair, 12000);
    diagnosed("TS-1", "UDP 500 is blocked");
    pair_wait(&w.pair, 300000); /* given up: it is still known why */
    diagnosed("TS-1", "UDP 500 is blocked");
    w.pair.tap = NULL;
    pair_wait(&w.pair, 400000);
    CU_ASSERT(pair_status(&w.pair.a) == IKE_UP_ACTIVE);
    CU_ASSERT(json_is_null(diagnosis()));
    world_end();
}

static void TS_1_of_IKEv2(void)
{
    struct pair_opt o = {0};
    world_make(&o);
    w.pair.tap = lose_all;
    start();
    pair_wait(&w.pair, 20000);
    diagnosed("TS-1", "UDP 500 is blocked");
    world_end();
}

/* With a NAT between, what is encrypted travels on port 4500: MM5 and what follows (RFC 3947 4). */
static bool lose_4500(struct pair *p, struct pair_side *from, uint8_t *data, size_t *len)
{
    enum { AT_FLAGS = 19, ENCRYPTED = 1 };
    (void)p;
    (void)from;
    return *len > AT_FLAGS && !(data[AT_FLAGS] & ENCRYPTED);
}

static void TS_1_nothing_comes_back_from_port_4500(void)
{
    world_make_with(gre(1, "secret", ""),
                    gre(2, "secret", "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"));
    w.pair.nat_a = true;
    w.pair.tap = lose_4500;
    start();
    pair_wait(&w.pair, 25000);
    diagnosed("TS-1", "UDP 4500 is blocked");
    world_end();
}

static void KR_8_a_peer_that_falls_silent_at_MM5(void)
{
    world_make_with(gre(1, "secret", ""), gre(2, "another", ""));
    start();
    pair_wait(&w.pair, 25000);
    diagnosed("KR-8", "the pre-shared keys differ");
    world_end();
}

static void TS_2_packets_go_out_and_none_comes_in(void)
{
    static char out[OUT_MAX];
    struct pair_opt o = {0};
    struct ip_addr src, dst;
    world_make(&o);
    CU_ASSERT_FATAL(pair_up(&w.pair, &w.pair.a));
    CU_ASSERT(ip_addr_parse("10.0.0.1", &src) && ip_addr_parse("10.0.0.2", &dst));
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT(mock_dp_packet(w.pair.a.dp, w.pair.b.dp, 2, &src, &dst));
    w.frozen = true;
    CU_ASSERT(json_is_null(diagnosis())); /* the answers may be on their way */
    pair_wait(&w.pair, 15000);
    diagnosed("TS-2", "ESP (IP protocol 50) is blocked");
    CU_ASSERT(mock_dp_packet(w.pair.b.dp, w.pair.a.dp, 2, &dst, &src));
    CU_ASSERT(json_is_null(diagnosis()));
    CU_ASSERT(run("show crypto ipsec sa count", false, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "IPsec SA total: 2, active: 2, rekeying: 0, unused: 0, invalid: 0\n");
    world_end();
}

/* ---- IKEv1 and crypto maps --------------------------------------------------------------------------------------------- */
static void shows_of_a_GRE_tunnel_under_IKEv1(void)
{
    static char out[OUT_MAX];
    world_make_with(gre(1, "secret", ""), gre(2, "secret", ""));
    CU_ASSERT_FATAL(pair_up(&w.pair, &w.pair.a));
    golden("v1-session-detail.txt", "show crypto session detail", false);
    golden("v1-session.json", "show crypto session detail", true);
    golden("v1-isakmp-sa.txt", "show crypto isakmp sa", false);
    golden("v1-isakmp-sa-detail.txt", "show crypto isakmp sa detail", false);
    golden("v1-isakmp-sa-count.txt", "show crypto isakmp sa count", false);
    golden("v1-isakmp-sa.json", "show crypto isakmp sa", true);
    golden("v1-isakmp-peers.txt", "show crypto isakmp peers", false);
    golden("v1-isakmp-peers.json", "show crypto isakmp peers", true);
    golden("v1-ipsec-sa.txt", "show crypto ipsec sa", false);
    CU_ASSERT(run("show crypto ikev2 sa", false, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "");
    CU_ASSERT(run("show crypto decisions peer 192.0.2.2", false, out) == CLI_OK &&
              has(out, "peer 192.0.2.2") && has(out, "PROF"));
    CU_ASSERT(run("show crypto decisions peer 192.0.2.99", false, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "");
    world_end();
}

static void map_world(void)
{
    world_make_with(map(1), map(2));
    for (unsigned i = 0; i < 2; i++) {
        struct mock_dp *d = i ? w.pair.b.dp : w.pair.a.dp;
        d->ifs[1] = "CMAP#10.10";
        d->ifs[2] = "CMAP#10.20";
    }
}

static void PR_12_a_map_entry_is_brought_up_and_down_line_by_line(void)
{
    static char out[OUT_MAX];
    map_world();
    CU_ASSERT(run("up CMAP 10", false, out) == CLI_OK);
    CU_ASSERT(has(out, "CMAP#10.10 is up") && has(out, "CMAP#10.20 is up"));
    CU_ASSERT(run("down CMAP 10", false, out) == CLI_OK);
    world_end();
}

static void shows_of_a_crypto_map(void)
{
    static char out[OUT_MAX];
    char err[SEL_TEXT_MAX];
    map_world();
    CU_ASSERT(ike_up(w.pair.a.e, "CMAP#10.10", err, sizeof err) == IKE_CMD_STARTED);
    pair_run(&w.pair);
    CU_ASSERT(ike_up(w.pair.a.e, "CMAP#10.20", err, sizeof err) == IKE_CMD_STARTED);
    pair_run(&w.pair);
    w.frozen = true;
    golden("map-session-detail.txt", "show crypto session detail", false);
    golden("map-session.json", "show crypto session", true);
    golden("map-ipsec-sa.txt", "show crypto ipsec sa", false);
    golden("map-ipsec-sa.json", "show crypto ipsec sa map CMAP", true);
    CU_ASSERT(run("show crypto ipsec sa map NOMAP", false, out) == CLI_OK);
    CU_ASSERT_STRING_EQUAL(out, "");
    CU_ASSERT(run("show crypto session interface Ethernet0/0", false, out) == CLI_OK &&
              has(out, "CMAP#10.20"));
    CU_ASSERT(run("show crypto isakmp sa count", false, out) == CLI_OK &&
              has(out, "Active ISAKMP SA's: 1\n"));
    w.frozen = false;
    CU_ASSERT(run("down CMAP#10.10", false, out) == CLI_OK && has(out, "CMAP#10.10 is down"));
    CU_ASSERT(run("show crypto ipsec sa count", true, out) == CLI_OK && has(out, "\"active\": 2"));
    CU_ASSERT(run("down CMAP 10", true, out) == CLI_OK && has(out, "\"outcome\": \"down\""));
    CU_ASSERT(run("up CMAP 11", false, out) == CLI_USAGE && has(out, "no entry of a crypto map"));
    CU_ASSERT(run("up CMAP 10 timeout 5", true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "tunnel")), "CMAP 10");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "outcome")), "up");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "flows")), 2);
    json_decref(j);
    world_end();
}

static unsigned count_of(const char *line, const char *key)
{
    static char out[OUT_MAX];
    CU_ASSERT_FATAL(run(line, true, out) == CLI_OK);
    json_t *j = json_loads(out, 0, NULL), *v = json_object_get(j, key);
    unsigned n = json_is_array(v) ? (unsigned)json_array_size(v) : (unsigned)json_integer_value(v);
    json_decref(j);
    return n;
}

static void clears_take_what_they_name_and_no_more(void)
{
    static char out[OUT_MAX];
    char line[80];
    map_world();
    CU_ASSERT(run("up CMAP 10", false, out) == CLI_OK);
    uint32_t conn = pair_sa(&w.pair.a) ? pair_sa(&w.pair.a)->conn_id : 0;
    CU_ASSERT_FATAL(conn != 0);
    w.frozen = true;
    CU_ASSERT(run("clear crypto ikev2 sa", true, out) == CLI_OK && has(out, "\"cleared\": 0"));
    CU_ASSERT(run("clear crypto session remote 192.0.2.77", true, out) == CLI_OK &&
              has(out, "\"cleared\": 0"));
    CU_ASSERT(run("clear crypto session local 192.0.2.77", true, out) == CLI_OK &&
              has(out, "\"cleared\": 0"));
    CU_ASSERT(run("clear crypto session fvrf RED", true, out) == CLI_OK && has(out, "\"cleared\": 0"));
    CU_ASSERT(run("clear crypto sa map NOMAP", false, out) == CLI_NOT_SO);
    CU_ASSERT(run("clear crypto sa spi 0x1", false, out) == CLI_NOT_SO);
    CU_ASSERT(run("clear crypto isakmp 4711", false, out) == CLI_NOT_SO);
    CU_ASSERT(run("clear crypto isakmp one", false, out) == CLI_USAGE);
    CU_ASSERT_EQUAL(count_of("show crypto ipsec sa count", "active"), 4);
    /* one pair, by its SPI: the IKE SA stays, and what is wanted comes back */
    const struct sam_child *k = sam_children(ike_sam(w.pair.a.e));
    uint32_t spi = k->in.spi;
    snprintf(line, sizeof line, "clear crypto sa spi 0x%08X", spi);
    CU_ASSERT(run(line, true, out) == CLI_OK && has(out, "\"cleared\": 1"));
    pair_run(&w.pair);
    pair_wait(&w.pair, 60000);
    CU_ASSERT(sam_child_by_spi_in(ike_sam(w.pair.a.e), spi) == NULL);
    CU_ASSERT_EQUAL(count_of("show crypto ipsec sa count", "active"), 4);
    CU_ASSERT(ike_sa_by_conn(w.pair.a.e, conn) != NULL);
    /* counters alone */
    CU_ASSERT(run("clear crypto sa counters map CMAP", true, out) == CLI_OK && has(out, "\"cleared\": 2"));
    CU_ASSERT_EQUAL(count_of("show crypto ipsec sa count", "active"), 4);
    /* one by destination, protocol and SPI */
    k = sam_children(ike_sam(w.pair.a.e));
    spi = k->out.spi;
    snprintf(line, sizeof line, "clear crypto sa entry 192.0.2.1 esp 0x%08X", spi);
    CU_ASSERT(run(line, false, out) == CLI_NOT_SO); /* that is where the other direction goes to */
    snprintf(line, sizeof line, "clear crypto sa entry 192.0.2.2 ah 0x%08X", spi);
    CU_ASSERT(run(line, false, out) == CLI_NOT_SO); /* that SPI is ESP's */
    snprintf(line, sizeof line, "clear crypto sa entry 192.0.2.2 esq 0x%08X", spi);
    CU_ASSERT(run(line, false, out) == CLI_USAGE);
    snprintf(line, sizeof line, "clear crypto sa entry 192.0.2.2 esp 0x%08X", spi);
    CU_ASSERT(run(line, true, out) == CLI_OK && has(out, "\"cleared\": 1"));
    pair_run(&w.pair);
    pair_wait(&w.pair, 60000);
    CU_ASSERT_EQUAL(count_of("show crypto ipsec sa count", "active"), 4);
    CU_ASSERT(run("clear crypto sa vrf NONE", true, out) == CLI_OK && has(out, "\"cleared\": 0"));
    CU_ASSERT(run("clear crypto sa vrf global", true, out) == CLI_OK && has(out, "\"cleared\": 2"));
    pair_wait(&w.pair, 60000);
    CU_ASSERT_EQUAL(count_of("show crypto ipsec sa count", "active"), 4);
    /* the map's, all of them */
    CU_ASSERT(run("clear crypto sa map CMAP", true, out) == CLI_OK && has(out, "\"cleared\": 2"));
    pair_wait(&w.pair, 60000);
    CU_ASSERT_EQUAL(count_of("show crypto ipsec sa count", "active"), 4);
    CU_ASSERT(ike_sa_by_conn(w.pair.a.e, conn) != NULL);
    /* the ISAKMP SA by its number, with everything on it */
    snprintf(line, sizeof line, "clear crypto isakmp %u", conn);
    CU_ASSERT(run(line, true, out) == CLI_OK && has(out, "\"cleared\": 1"));
    pair_wait(&w.pair, 1000);
    CU_ASSERT(ike_sa_by_conn(w.pair.a.e, conn) == NULL);
    CU_ASSERT_EQUAL(count_of("show crypto isakmp peers", "peers"), 0);
    world_end();
}

static void crypto_logging_session_tells_up_and_down(void)
{
    static char out[OUT_MAX], other[OUT_MAX];
    world_make_with(gre(1, "secret", ""), gre(2, "secret", ""));
    int fd = dial();
    ask(fd, "debug crypto isakmp", false);
    CU_ASSERT(run("up Tunnel1", false, other) == CLI_OK);
    CU_ASSERT(run("down Tunnel1", false, other) == CLI_OK);
    out[0] = '\0';
    listen_to(fd, 20, out);
    CU_ASSERT(has(out, "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is UP.  Peer 192.0.2.2:500  Id: 192.0.2.2"));
    CU_ASSERT(
        has(out, "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is DOWN.  Peer 192.0.2.2:500  Id: 192.0.2.2"));
    CU_ASSERT(has(out, "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel1, changed state to up"));
    CU_ASSERT(has(out, "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel1, changed state to down"));
    CU_ASSERT(strstr(out, "IKEV2_SESSION_STATUS") == NULL);
    close(fd);
    world_end();
}

UNIT_MAIN("cli follow", UNIT_TEST(debug_isakmp_shows_a_negotiation_as_it_goes),
          UNIT_TEST(detail_adds_payloads_candidates_and_cookies),
          UNIT_TEST(ikev2_and_ipsec_are_followed_apart), UNIT_TEST(as_json_each_line_is_an_object),
          UNIT_TEST(in_the_shell_lines_go_on_between_commands), UNIT_TEST(seconds_end_it),
          UNIT_TEST(a_slow_reader_loses_lines_and_is_told_how_many),
          UNIT_TEST(PR_5_cookies_tell_two_negotiations_of_one_peer_apart), UNIT_TEST(the_other_conditions),
          UNIT_TEST(TS_1_nothing_comes_back_from_port_500), UNIT_TEST(TS_1_of_IKEv2),
          UNIT_TEST(TS_1_nothing_comes_back_from_port_4500), UNIT_TEST(KR_8_a_peer_that_falls_silent_at_MM5),
          UNIT_TEST(TS_2_packets_go_out_and_none_comes_in), UNIT_TEST(shows_of_a_GRE_tunnel_under_IKEv1),
          UNIT_TEST(PR_12_a_map_entry_is_brought_up_and_down_line_by_line), UNIT_TEST(shows_of_a_crypto_map),
          UNIT_TEST(clears_take_what_they_name_and_no_more),
          UNIT_TEST(crypto_logging_session_tells_up_and_down))
