/* dpctl: a very small culvertd for tests: connects to dp.sock, sends the commands of a text script one after
 * the other, and prints replies, events and punted datagrams as they come.
 *
 *   dpctl SOCKET [SCRIPT]        the script is read from stdin without a file; "#" starts a comment
 *
 *   hello
 *   if-port ID NAME PORT [vrf N] [mtu N] [down]
 *   if-loopback ID NAME [vrf N]
 *   if-tunnel ID NAME 4|6|gre|gre6 SRC DST [vrf N] [tvrf N] [mtu N] [df copy|set|clear] [down] [key N] [ttl N] [tos N] [protected]
 *                             [pmtud] [after] [mss N] [mss6 N] [police in|out BPS OCTETS]... [reassembly DATAGRAMS FRAGMENTS SECONDS]       (the last two: of ports)
 *   if-flow ID NAME PORT-ID [vrf N] [mtu N] [after] [down]
 *   if-del ID
 *   policy-begin PORT-ID    policy-commit PORT-ID
 *   policy-row PORT-ID ORDER protect|protect-if|protect-only|bypass|discard FLOW-ID LOCALPREFIX REMOTEPREFIX
 *      [proto N] [lport LOW HIGH] [rport LOW HIGH]
 *   addr ID ADDR/LEN            addr-del ID ADDR/LEN
 *   route VRF PREFIX dev ID [via ADDR]      route VRF PREFIX via ADDR      route-del VRF PREFIX
 *   nbr ID ADDR MAC             nbr-del ID ADDR
 *   steer BUCKET WORKER         steer balance
 *   icmp [protected|unprotected 4|6 TYPE]...       refuses these, and no others
 *   sa in|out SLOT SPI IF ALG SEED LOCAL REMOTE [ah] [ports L R] [esn] [noreplay] [window N] [natnat N]
 *      [ts LOCALPREFIX REMOTEPREFIX]... [soft-packets N] [hard-packets N] [soft-bytes N] [hard-bytes N] [hard-seconds N] [seq N] [df WORD] [vrf OUTER] [keys HEX] [tfc SIZE] [dummy MS]
 *      ALG: gcm128|192|256, gmac128|192|256, chacha, or cbc128|192|256, 3des, null with -md5, -sha1, -sha256, -sha384, -sha512; keys are SEED, SEED+1, ...
 *      [transport] [hosts PROTO] [upper PROTO LOW HIGH]
 *      ports: UDP encapsulation. hosts: selectors from end to end, of one protocol. upper: of one protocol, to remote ports. natnat N: behind a NAT, keepalive every N s.
 *   activate SLOT SPI           sa-del in|out SLOT SPI        set-peer in|out SLOT SPI ADDR PORT
 *   dump    flush
 *   ping DST SRC [size N] [count N] [vrf N] [ttl N] [df]      waits for each answer, 2 s
 *   inject LOCAL LPORT REMOTE RPORT LEN [natt] [keepalive] [vrf N]
 *   counters in|out SLOT        drops         path-mtus         sleep MS         wait EVENT MS (event or "punt")
 *   fail CODE COMMAND...        the command must be answered with this cv_result number
 *
 * Exit status 1 when an answer was not the expected one, 2 for a bad script, 3 without a data plane. */
#include "common/contract.h"
#include "common/ring.h"
#include "tests/mock/dpctl_words.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_MS = 5000 };

static struct shm shm;
static int conn = -1;
static unsigned failures;
static uint32_t next_seq = 1;
static int expected; /* cv_result of the next reply */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what comes in -------------------------------------------------------------------------------------- */
static const char *const event_names[] = {
    [CV_EVT_REPLY] = "reply",       [CV_EVT_SA_ENTRY] = "sa-entry",       [CV_EVT_ACQUIRE] = "acquire",
    [CV_EVT_SA_SOFT] = "sa-soft",   [CV_EVT_SA_HARD] = "sa-hard",         [CV_EVT_SA_SEQ] = "sa-seq",
    [CV_EVT_SA_FIRST] = "sa-first", [CV_EVT_NAT_CHANGE] = "nat-change",   [CV_EVT_LINK] = "link",
    [CV_EVT_PING] = "ping",         [CV_EVT_UNKNOWN_SPI] = "unknown-spi", [CV_EVT_BAD_PACKET] = "bad-packet"};

static const char *event_name(uint32_t type)
{
    return type < sizeof event_names / sizeof event_names[0] && event_names[type] ? event_names[type] : "?";
}

static void print_event(const struct cv_evt *e)
{
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    printf("event %s", event_name(e->type));
    switch (e->type) {
    case CV_EVT_ACQUIRE:
        printf(" if %u vrf %u proto %u src %s dst %s", e->u.acquire.if_id, e->u.acquire.vrf,
               e->u.acquire.proto, ip_endpoint_text(&e->u.acquire.src, a),
               ip_endpoint_text(&e->u.acquire.dst, b));
        break;
    case CV_EVT_PING:
        printf(" id %u seq %u type %u code %u ttl %u drop %s from %s rtt-us %llu", e->u.ping.id,
               e->u.ping.seq, e->u.ping.icmp_type, e->u.ping.icmp_code, e->u.ping.ttl,
               cv_drop_name(e->u.ping.drop), ip_addr_text(&e->u.ping.from, a),
               (unsigned long long)(e->u.ping.rtt_ns / 1000));
        break;
    case CV_EVT_LINK:
        printf(" port %u up %u", e->u.link.port, e->u.link.up);
        break;
    case CV_EVT_SA_ENTRY:
        printf(" dir %u slot %u spi 0x%08x if %u seq %llu remote %s cookie %llu", e->u.sa.ref.dir,
               e->u.sa.ref.sa_id, e->u.sa.ref.spi, e->u.sa.if_id, (unsigned long long)e->u.sa.seq,
               ip_endpoint_text(&e->u.sa.remote, a), (unsigned long long)e->u.sa.cookie);
        break;
    case CV_EVT_BAD_PACKET:
        printf(" spi 0x%08x number %u remote %s local %s reason %s", e->u.sa_event.ref.spi,
               e->u.bad_packet.seq, ip_endpoint_text(&e->u.sa_event.remote, a),
               ip_endpoint_text(&e->u.sa_event.local, b), cv_drop_name(e->u.sa_event.reason));
        break;
    default:
        printf(" spi 0x%08x remote %s local %s reason %s", e->u.sa_event.ref.spi,
               ip_endpoint_text(&e->u.sa_event.remote, a), ip_endpoint_text(&e->u.sa_event.local, b),
               cv_drop_name(e->u.sa_event.reason));
    }
    printf("\n");
}

static void print_punt(const struct cv_ike_pkt *p)
{
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
    printf("punt local %s remote %s if %u vrf %u flags %u len %u first 0x%02x last 0x%02x\n",
           ip_endpoint_text(&p->local, a), ip_endpoint_text(&p->remote, b), p->if_id, p->vrf, p->flags,
           p->len, p->len ? p->data[0] : 0, p->len ? p->data[p->len - 1] : 0);
}

/* Reads what is there; true when it saw the reply to seq (0: none wanted) or an event of that name. */
static bool drain(uint32_t seq, const char *wanted, struct cv_evt *found)
{
    static struct cv_ike_pkt pkt;
    struct cv_evt e;
    bool hit = false;
    while (!hit && ring_evt_get(&shm, &e)) {
        if (e.type == CV_EVT_REPLY && e.seq == seq && seq != 0) {
            *found = e;
            hit = true;
            continue;
        }
        print_event(&e);
        if (wanted && strcmp(wanted, event_name(e.type)) == 0) {
            *found = e;
            hit = true;
        }
    }
    while (ring_punt_get(&shm, &pkt)) {
        print_punt(&pkt);
        hit = hit || (wanted && strcmp(wanted, "punt") == 0);
    }
    fflush(stdout);
    return hit;
}

static bool wait_for(uint32_t seq, const char *wanted, uint64_t ms, struct cv_evt *found)
{
    uint64_t until = now_ms() + ms;
    while (!drain(seq, wanted, found)) {
        struct pollfd p[2] = {{shm.ctl_bell, POLLIN, 0}, {conn, POLLIN, 0}};
        uint64_t rings;
        if (now_ms() >= until)
            return false;
        __atomic_store_n(&shm.head->ctl_asleep, 1, __ATOMIC_SEQ_CST);
        poll(p, 2, 5);
        __atomic_store_n(&shm.head->ctl_asleep, 0, __ATOMIC_SEQ_CST);
        if (p[1].revents) {
            fprintf(stderr, "dpctl: culvert-dp hung up\n");
            exit(3);
        }
        if ((p[0].revents & POLLIN) && read(p[0].fd, &rings, sizeof rings) < 0)
            continue;
    }
    return true;
}

static void send_cmd(struct cv_cmd *c, const char *name)
{
    struct cv_evt e;
    c->seq = next_seq++;
    while (!ring_cmd_put(&shm, c))
        usleep(1000);
    shm_ring_dp(&shm);
    if (!wait_for(c->seq, NULL, REPLY_MS, &e)) {
        printf("reply %s none\n", name);
        failures++;
        return;
    }
    printf("reply %s %s", name, cv_result_text((cv_result)e.u.reply.result));
    if (c->type == CV_CMD_HELLO)
        printf(" sas %u ifs %u", e.u.reply.u.hello.sa_count, e.u.reply.u.hello.if_count);
    if (c->type == CV_CMD_SA_DEL && e.u.reply.result == CV_OK)
        printf(" packets %llu bytes %llu", (unsigned long long)e.u.reply.u.counters.packets,
               (unsigned long long)e.u.reply.u.counters.bytes);
    printf("\n");
    if (e.u.reply.result != expected) {
        printf("unexpected: line %u: result %d, expected %d\n", line_no, e.u.reply.result, expected);
        failures++;
    }
}

/* ---- commands -------------------------------------------------------------------------------------------- */
static uint8_t df_word(void)
{
    const char *w = next();
    return strcmp(w, "set") == 0 ? CV_DF_SET : strcmp(w, "clear") == 0 ? CV_DF_CLEAR : CV_DF_COPY;
}

static void if_options(struct cv_if *i)
{
    i->up = 1;
    while (at < word_count) {
        if (option("vrf"))
            i->vrf = (uint16_t)num();
        else if (option("tvrf"))
            i->tunnel_vrf = (uint16_t)num();
        else if (option("mtu"))
            i->mtu = (uint16_t)num();
        else if (option("down"))
            i->up = 0;
        else if (option("df"))
            i->df = df_word();
        else if (option("key")) {
            i->gre_keyed = 1;
            i->gre_key = (uint32_t)num();
        } else if (option("ttl"))
            i->gre_ttl = (uint8_t)num();
        else if (option("tos")) {
            i->gre_tos = (uint8_t)num();
            i->gre_tos_set = 1;
        } else if (option("protected"))
            i->is_protected = 1;
        else if (option("pmtud"))
            i->gre_pmtud = 1;
        else if (option("after"))
            i->frag_after = 1;
        else if (option("police")) {
            struct cv_police *of = &i->police[strcmp(next(), "out") == 0 ? CV_DIR_OUT : CV_DIR_IN];
            of->bps = num();
            of->burst = (uint32_t)num();
        } else if (option("reassembly")) {
            i->reass_datagrams = (uint16_t)num();
            i->reass_fragments = (uint8_t)num();
            i->reass_timeout_s = (uint8_t)num();
        } else if (option("mss"))
            i->tcp_mss = (uint16_t)num();
        else if (option("mss6"))
            i->tcp_mss6 = (uint16_t)num();
        else
            bad("unknown option");
    }
}

static uint8_t tunnel_mode(void)
{
    if (option("gre6"))
        return CV_TUNNEL_GRE6;
    if (option("gre"))
        return CV_TUNNEL_GRE;
    return num() == 6 ? CV_TUNNEL_IPSEC6 : CV_TUNNEL_IPSEC4;
}

static void do_if(struct cv_cmd *c, uint8_t kind)
{
    struct cv_if *i = &c->u.interface;
    c->type = CV_CMD_IF_SET;
    i->kind = kind;
    i->if_id = (uint32_t)num();
    snprintf(i->name, sizeof i->name, "%s", next());
    if (kind == CV_IF_PORT)
        snprintf(i->port, sizeof i->port, "%s", next());
    if (kind == CV_IF_TUNNEL) {
        i->tunnel_mode = tunnel_mode();
        i->tunnel_src = address();
        i->tunnel_dst = address();
    }
    if_options(i);
}

static void do_flow(struct cv_cmd *c)
{
    struct cv_if *i = &c->u.interface;
    c->type = CV_CMD_IF_SET;
    i->kind = CV_IF_FLOW;
    i->if_id = (uint32_t)num();
    snprintf(i->name, sizeof i->name, "%s", next());
    i->flow_port = (uint32_t)num();
    if_options(i);
}

static uint8_t action_word(void)
{
    static const char *const actions[] = {
        [CV_POLICY_PROTECT] = "protect",           [CV_POLICY_PROTECT_IF] = "protect-if",
        [CV_POLICY_PROTECT_ONLY] = "protect-only", [CV_POLICY_BYPASS] = "bypass",
        [CV_POLICY_DISCARD] = "discard",
    };
    for (uint8_t i = CV_POLICY_PROTECT; i <= CV_POLICY_DISCARD; i++)
        if (option(actions[i]))
            return i;
    bad("action expected");
}

static void do_policy_row(struct cv_cmd *c)
{
    struct cv_policy *p = &c->u.policy;
    c->type = CV_CMD_POLICY_ADD;
    p->if_id = (uint32_t)num();
    p->order = (uint32_t)num();
    p->action = action_word();
    p->flow_if = (uint32_t)num();
    struct ip_prefix l = prefix(), r = prefix();
    p->local = ts_from_prefix(&l, 0, 0, 65535);
    p->remote = ts_from_prefix(&r, 0, 0, 65535);
    while (at < word_count) {
        if (option("proto")) {
            p->local.proto = p->remote.proto = (uint8_t)num();
        } else if (option("lport")) {
            p->local.port_lo = (uint16_t)num();
            p->local.port_hi = (uint16_t)num();
        } else if (option("rport")) {
            p->remote.port_lo = (uint16_t)num();
            p->remote.port_hi = (uint16_t)num();
        } else {
            bad("unknown option");
        }
    }
}

static void do_route(struct cv_cmd *c)
{
    struct cv_route *r = &c->u.route;
    r->vrf = (uint16_t)num();
    r->prefix = prefix();
    if (option("dev"))
        r->if_id = (uint32_t)num();
    if (option("via"))
        r->next_hop = address();
}

/* steer BUCKET WORKER, or steer balance */
static void do_steer(struct cv_cmd *c)
{
    c->type = CV_CMD_STEER;
    c->u.steer.bucket = option("balance") ? CV_STEER_BALANCE : (uint32_t)num();
    if (c->u.steer.bucket != CV_STEER_BALANCE)
        c->u.steer.worker = (uint32_t)num();
}

static void do_icmp(struct cv_cmd *c)
{
    c->type = CV_CMD_ICMP_SET;
    while (at < word_count) {
        const bool sealed = option("protected");
        if (!sealed && !option("unprotected"))
            bad("protected or unprotected expected");
        const bool v6 = option("6");
        if (!v6 && !option("4"))
            bad("4 or 6 expected");
        const uint64_t type = num() & UINT8_MAX;
        c->u.icmp.refused[sealed][v6][type / 8] |= (uint8_t)(1u << type % 8);
    }
}

static void do_nbr(struct cv_cmd *c, bool add)
{
    c->type = add ? CV_CMD_NBR_ADD : CV_CMD_NBR_DEL;
    c->u.nbr.if_id = (uint32_t)num();
    c->u.nbr.addr = address();
    unsigned m[6] = {0};
    if (add && sscanf(next(), "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6) {
        at--;
        bad("MAC expected");
    }
    for (unsigned i = 0; i < 6; i++)
        c->u.nbr.mac[i] = (uint8_t)m[i];
}

#define WITH_HMAC(cipher, encr, key)                                                                         \
    {cipher "-md5", encr, CV_INTEG_HMAC_MD5_96, key, 0, 16},                                                 \
        {cipher "-sha1", encr, CV_INTEG_HMAC_SHA1_96, key, 0, 20},                                           \
        {cipher "-sha256", encr, CV_INTEG_HMAC_SHA2_256_128, key, 0, 32},                                    \
        {cipher "-sha384", encr, CV_INTEG_HMAC_SHA2_384_192, key, 0, 48},                                    \
    {                                                                                                        \
        cipher "-sha512", encr, CV_INTEG_HMAC_SHA2_512_256, key, 0, 64                                       \
    }
static const struct {
    const char *name;
    uint16_t encr, integ;
    uint8_t key, salt, mac;
} algorithms[] = {
    {"gcm128", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 16, 4, 0},
    {"gcm192", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 24, 4, 0},
    {"gcm256", CV_ENCR_AES_GCM_16, CV_INTEG_NONE, 32, 4, 0},
    {"gmac128", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 16, 4, 0},
    {"gmac192", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 24, 4, 0},
    {"gmac256", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE, 32, 4, 0},
    {"chacha", CV_ENCR_CHACHA20_POLY1305, CV_INTEG_NONE, 32, 4, 0},
    WITH_HMAC("cbc128", CV_ENCR_AES_CBC, 16),
    WITH_HMAC("cbc192", CV_ENCR_AES_CBC, 24),
    WITH_HMAC("cbc256", CV_ENCR_AES_CBC, 32),
    WITH_HMAC("3des", CV_ENCR_3DES, 24),
    WITH_HMAC("null", CV_ENCR_NULL, 0),
};

static void sa_keys(struct cv_sa *s, const char *alg, uint8_t seed)
{
    unsigned i = 0;
    while (i < sizeof algorithms / sizeof algorithms[0] && strcmp(algorithms[i].name, alg) != 0)
        i++;
    if (i == sizeof algorithms / sizeof algorithms[0])
        bad("unknown algorithm");
    s->encr = algorithms[i].encr;
    s->integ = algorithms[i].integ;
    s->encr_key_len = algorithms[i].key;
    s->salt_len = algorithms[i].salt;
    s->integ_key_len = algorithms[i].mac;
    for (unsigned k = 0; k < s->encr_key_len; k++)
        s->encr_key[k] = (uint8_t)(seed + k);
    for (unsigned k = 0; k < s->salt_len; k++)
        s->salt[k] = (uint8_t)(seed + 100 + k);
    for (unsigned k = 0; k < s->integ_key_len; k++)
        s->integ_key[k] = (uint8_t)(seed + 150 + k);
}

/* Octets of a hexadecimal word, in the order in which IKE derives them: encryption key, salt, integrity key. */
static void sa_keys_given(struct cv_sa *s, const char *hex)
{
    uint8_t *const to[] = {s->encr_key, s->salt, s->integ_key};
    const unsigned len[] = {s->encr_key_len, s->salt_len, s->integ_key_len};
    for (unsigned part = 0; part < 3; part++)
        for (unsigned i = 0; i < len[part]; i++, hex += 2)
            if (sscanf(hex, "%2hhx", &to[part][i]) != 1)
                bad("more octets of key expected");
    if (*hex)
        bad("fewer octets of key expected");
}

static void sa_option(struct cv_sa *s)
{
    if (option("ports")) {
        s->flags |= CV_SA_NATT;
        s->local.port = (uint16_t)num();
        s->remote.port = (uint16_t)num();
    } else if (option("ah")) {
        s->proto = CV_PROTO_AH;
    } else if (option("esn")) {
        s->flags |= CV_SA_ESN;
    } else if (option("noreplay")) {
        s->flags |= CV_SA_NO_REPLAY;
    } else if (option("window")) {
        s->replay_window = (uint32_t)num();
    } else if (option("natnat")) {
        s->flags |= CV_SA_BEHIND_NAT;
        s->keepalive_s = (uint16_t)num();
    } else if (option("ts")) {
        struct ip_prefix l = prefix(), r = prefix();
        if (s->ts_count == CV_TS_MAX)
            bad("too many selectors");
        s->ts_local[s->ts_count] = ts_from_prefix(&l, 0, 0, 65535);
        s->ts_remote[s->ts_count++] = ts_from_prefix(&r, 0, 0, 65535);
    } else if (option("transport")) {
        s->mode = CV_MODE_TRANSPORT;
    } else if (option("hosts")) {
        const uint8_t proto = (uint8_t)num();
        const struct ip_prefix l = {s->local.addr, (uint8_t)ip_addr_bits(&s->local.addr)},
                               r = {s->remote.addr, (uint8_t)ip_addr_bits(&s->remote.addr)};
        s->ts_local[0] = ts_from_prefix(&l, proto, 0, 65535);
        s->ts_remote[0] = ts_from_prefix(&r, proto, 0, 65535);
        s->ts_count = 1;
    } else if (option("upper")) {
        s->ts_local[0].proto = s->ts_remote[0].proto = (uint8_t)num();
        s->ts_remote[0].port_lo = (uint16_t)num();
        s->ts_remote[0].port_hi = (uint16_t)num();
    } else if (option("soft-packets")) {
        s->soft_packets = num();
    } else if (option("hard-packets")) {
        s->hard_packets = num();
    } else if (option("hard-seconds")) {
        s->hard_seconds = (uint32_t)num();
    } else if (option("soft-bytes")) {
        s->soft_bytes = num();
    } else if (option("hard-bytes")) {
        s->hard_bytes = num();
    } else if (option("seq")) {
        s->seq = num();
    } else if (option("keys")) {
        sa_keys_given(s, next());
    } else if (option("vrf")) {
        s->vrf_outer = (uint16_t)num();
    } else if (option("df")) {
        s->df = df_word();
    } else if (option("tfc")) {
        s->tfc_len = (uint16_t)num();
    } else if (option("dummy")) {
        s->dummy_ms = (uint32_t)num();
    } else {
        bad("unknown option");
    }
}

static struct cv_sa_ref sa_ref(bool with_dir)
{
    struct cv_sa_ref r = {.dir = CV_DIR_OUT};
    if (with_dir)
        r.dir = strcmp(next(), "in") == 0 ? CV_DIR_IN : CV_DIR_OUT;
    r.sa_id = (uint32_t)num();
    r.spi = (uint32_t)num();
    return r;
}

static void do_sa(struct cv_cmd *c)
{
    struct cv_sa *s = &c->u.sa;
    c->type = CV_CMD_SA_ADD;
    s->ref = sa_ref(true);
    s->if_id = (uint32_t)num();
    s->cookie = 1000 + s->ref.sa_id;
    const char *alg = next();
    sa_keys(s, alg, (uint8_t)num());
    s->local.addr = address();
    s->remote.addr = address();
    s->replay_window = 64;
    while (at < word_count)
        sa_option(s);
    if (s->ts_count == 0) {
        s->ts_count = 2;
        s->ts_local[0] = s->ts_remote[0] = ts_any(IP_V4);
        s->ts_local[1] = s->ts_remote[1] = ts_any(IP_V6);
    }
}

static void do_ping(void)
{
    struct cv_ping p = {.id = 77, .size = 56};
    uint64_t count = 1;
    p.dst = address();
    p.src = address();
    while (at < word_count) {
        if (option("size"))
            p.size = (uint16_t)num();
        else if (option("count"))
            count = num();
        else if (option("vrf"))
            p.vrf = (uint16_t)num();
        else if (option("ttl"))
            p.ttl = (uint8_t)num();
        else if (option("df"))
            p.df = 1;
        else
            bad("unknown option");
    }
    for (uint64_t i = 0; i < count; i++) {
        struct cv_cmd c = {.type = CV_CMD_PING};
        struct cv_evt e;
        p.seq++;
        c.u.ping = p;
        send_cmd(&c, "ping");
        if (expected == CV_OK && !wait_for(0, "ping", 2000, &e)) {
            printf("ping: no answer\n");
            failures++;
        }
    }
}

static void do_inject(void)
{
    static struct cv_ike_pkt p;
    memset(&p, 0, sizeof p);
    p.local.addr = address();
    p.local.port = (uint16_t)num();
    p.remote.addr = address();
    p.remote.port = (uint16_t)num();
    p.len = (uint32_t)num();
    while (at < word_count) {
        if (option("natt"))
            p.flags |= CV_IKE_NATT;
        else if (option("keepalive"))
            p.flags |= CV_IKE_KEEPALIVE;
        else if (option("vrf"))
            p.vrf = (uint16_t)num();
        else
            bad("unknown option");
    }
    for (uint32_t i = 0; i < p.len && i < CV_IKE_PKT_MAX; i++)
        p.data[i] = (uint8_t)(i + 1);
    while (!ring_inject_put(&shm, &p))
        usleep(1000);
    shm_ring_dp(&shm);
}

static void do_counters(void)
{
    struct cv_sa_counters c;
    unsigned dir = strcmp(next(), "in") == 0 ? CV_DIR_IN : CV_DIR_OUT;
    uint32_t slot = (uint32_t)num();
    if (slot >= 1u << shm.head->sa_index_bits)
        bad("no such slot");
    shm_counters_sum(&shm, dir, slot, &c);
    printf("counters %s %u packets %llu bytes %llu auth-failed %llu replayed %llu ts-failed %llu other %llu "
           "seq %llu\n",
           dir == CV_DIR_IN ? "in" : "out", slot, (unsigned long long)c.packets, (unsigned long long)c.bytes,
           (unsigned long long)c.auth_failed, (unsigned long long)c.replayed, (unsigned long long)c.ts_failed,
           (unsigned long long)c.other_drops, (unsigned long long)c.highest_seq);
}

/* Who has the buckets of inbound SAs that had packets. */
static void print_buckets(void)
{
    const struct cv_steer *s = shm_steer(&shm);
    printf("buckets moved %llu\n", (unsigned long long)s->moves);
    for (unsigned b = 0; b < CV_BUCKETS; b++) {
        uint64_t n = 0;
        for (unsigned w = 0; w < shm_workers(&shm); w++)
            n += shm_steer_counts(&shm, w)->worked[b];
        if (n)
            printf("bucket %u owner %u packets %llu\n", b, s->bucket[b].worker, (unsigned long long)n);
    }
}

/* lost IF in|out REASON COUNT */
static void print_lost(void)
{
    for (uint32_t id = 1; id < CV_MAX_IFS; id++)
        for (unsigned k = 0; k < 2 * CV_IF_DROP_COUNT; k++) {
            const unsigned dir = k / CV_IF_DROP_COUNT, r = k % CV_IF_DROP_COUNT;
            uint64_t n = 0;
            for (unsigned w = 0; w <= shm.workers; w++)
                n += shm_if_drops(&shm, w, id)->n[dir][r];
            if (n)
                printf("lost %u %s %s %llu\n", id, dir == CV_DIR_IN ? "in" : "out",
                       cv_if_drop_name((enum cv_if_drop)r), (unsigned long long)n);
        }
}

static void do_drops(void)
{
    for (unsigned r = 0; r < CV_DROP_COUNT; r++) {
        uint64_t n = 0;
        for (unsigned w = 0; w <= shm.workers; w++)
            n += shm_worker_stats(&shm, w)->drops[r];
        if (n)
            printf("drop %s %llu\n", cv_drop_name(r), (unsigned long long)n);
    }
    print_lost();
    print_buckets();
    for (unsigned w = 0; w < shm_workers(&shm); w++) {
        const struct cv_worker_stats *s = shm_worker_stats(&shm, w);
        printf("worker %u rx %llu tx %llu handed %llu joined %llu\n", w, (unsigned long long)s->rx_packets,
               (unsigned long long)s->tx_packets, (unsigned long long)s->handed_off,
               (unsigned long long)s->joined);
    }
    for (unsigned p = 0; p < CV_MAX_PORTS; p++) {
        const struct cv_port_stats *s = shm_port_stats(&shm, p);
        if (s->name[0])
            printf("port %s rx %llu tx %llu missed %llu\n", s->name, (unsigned long long)s->rx_packets,
                   (unsigned long long)s->tx_packets, (unsigned long long)s->rx_missed);
    }
}

/* What was learned of paths to peers. */
static void do_path_mtus(void)
{
    char text[IP_TEXT_MAX];
    for (unsigned i = 0; i < CV_PATH_MTUS; i++) {
        const struct cv_path_mtu *row = &shm.at.path_mtus[i];
        if (__atomic_load_n(&row->mtu, __ATOMIC_ACQUIRE) != 0)
            printf("path-mtu %u %s %u\n", row->vrf, ip_addr_text(&row->remote, text), row->mtu);
    }
}

static void run_words(void);

static void do_local(const char *name)
{
    struct cv_evt e;
    if (strcmp(name, "ping") == 0) {
        do_ping();
    } else if (strcmp(name, "inject") == 0) {
        do_inject();
    } else if (strcmp(name, "counters") == 0) {
        do_counters();
    } else if (strcmp(name, "drops") == 0) {
        do_drops();
    } else if (strcmp(name, "path-mtus") == 0) {
        do_path_mtus();
    } else if (strcmp(name, "sleep") == 0) {
        wait_for(0, NULL, num(), &e);
    } else if (strcmp(name, "wait") == 0) {
        const char *what = next();
        if (!wait_for(0, what, num(), &e)) {
            printf("wait: no %s\n", what);
            failures++;
        }
    } else if (strcmp(name, "fail") == 0) {
        expected = (int)num();
        run_words();
        expected = CV_OK;
    } else {
        at--;
        bad("unknown command");
    }
}

static void run_words(void)
{
    struct cv_cmd c = {0};
    const char *name = next();
    if (strcmp(name, "hello") == 0) {
        c.type = CV_CMD_HELLO;
        c.u.hello.version = at < word_count ? (uint32_t)num() : CV_CONTRACT_VERSION;
        c.u.hello.pid = (uint32_t)getpid();
    } else if (strcmp(name, "if-port") == 0) {
        do_if(&c, CV_IF_PORT);
    } else if (strcmp(name, "if-loopback") == 0) {
        do_if(&c, CV_IF_LOOPBACK);
    } else if (strcmp(name, "if-tunnel") == 0) {
        do_if(&c, CV_IF_TUNNEL);
    } else if (strcmp(name, "if-flow") == 0) {
        do_flow(&c);
    } else if (strcmp(name, "policy-row") == 0) {
        do_policy_row(&c);
    } else if (strcmp(name, "policy-begin") == 0 || strcmp(name, "policy-commit") == 0) {
        c.type = name[7] == 'b' ? CV_CMD_POLICY_BEGIN : CV_CMD_POLICY_COMMIT;
        c.u.if_id = (uint32_t)num();
    } else if (strcmp(name, "if-del") == 0) {
        c.type = CV_CMD_IF_DEL;
        c.u.if_id = (uint32_t)num();
    } else if (strcmp(name, "addr") == 0 || strcmp(name, "addr-del") == 0) {
        c.type = name[4] ? CV_CMD_ADDR_DEL : CV_CMD_ADDR_ADD;
        c.u.addr.if_id = (uint32_t)num();
        c.u.addr.addr = address_len(&c.u.addr.len);
    } else if (strcmp(name, "route") == 0 || strcmp(name, "route-del") == 0) {
        c.type = name[5] ? CV_CMD_ROUTE_DEL : CV_CMD_ROUTE_ADD;
        do_route(&c);
    } else if (strcmp(name, "steer") == 0) {
        do_steer(&c);
    } else if (strcmp(name, "icmp") == 0) {
        do_icmp(&c);
    } else if (strcmp(name, "nbr") == 0 || strcmp(name, "nbr-del") == 0) {
        do_nbr(&c, !name[3]);
    } else if (strcmp(name, "sa") == 0) {
        do_sa(&c);
    } else if (strcmp(name, "activate") == 0) {
        c.type = CV_CMD_SA_ACTIVATE;
        c.u.sa_ref = sa_ref(false);
    } else if (strcmp(name, "sa-del") == 0) {
        c.type = CV_CMD_SA_DEL;
        c.u.sa_ref = sa_ref(true);
    } else if (strcmp(name, "set-peer") == 0) {
        c.type = CV_CMD_SA_SET_PEER;
        c.u.sa_peer.ref = sa_ref(true);
        c.u.sa_peer.remote.addr = address();
        c.u.sa_peer.remote.port = (uint16_t)num();
    } else if (strcmp(name, "dump") == 0) {
        c.type = CV_CMD_SA_DUMP;
    } else if (strcmp(name, "flush") == 0) {
        c.type = CV_CMD_FLUSH;
    } else {
        do_local(name);
        return;
    }
    if (at < word_count)
        bad("too many words");
    send_cmd(&c, name);
    explicit_bzero(&c, sizeof c);
}

static void run_script(FILE *f)
{
    char text[1024], *save;
    while (fgets(text, sizeof text, f)) {
        line_no++;
        word_count = at = 0;
        char *hash = strchr(text, '#');
        if (hash)
            *hash = '\0';
        for (char *w = strtok_r(text, " \t\r\n", &save); w && word_count < WORDS;
             w = strtok_r(NULL, " \t\r\n", &save))
            words[word_count++] = w;
        if (word_count)
            run_words();
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: dpctl SOCKET [SCRIPT]\n");
        return 2;
    }
    FILE *f = argc == 3 ? fopen(argv[2], "r") : stdin;
    if (!f) {
        fprintf(stderr, "dpctl: %s cannot be read\n", argv[2]);
        return 2;
    }
    cv_result r = shm_connect(argv[1], 5000, &shm, &conn);
    if (r != CV_OK) {
        fprintf(stderr, "dpctl: %s: %s\n", argv[1], cv_result_text(r));
        return 3;
    }
    run_script(f);
    shm_close(&shm);
    close(conn);
    return failures ? 1 : 0;
}
