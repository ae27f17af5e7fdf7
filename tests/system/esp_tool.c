/* esp_tool: ESP on packets given as hex, one command per line, so that other implementations can be held
 * against the data plane's own code without ports.
 *
 *   sa out|in KEY=VALUE ...   makes the SA of that direction anew: encr integ flags seq window df mode (numbers as in
 *                             contract.h), proto (51: AH), key salt ikey (hex), spi (hex), local remote (address or address@port)
 *   layout A,B,C            packets come in mbufs of A, B, C, A, ... octets from now on, and are joined as the worker does; 0: in one
 *   encap HEX                 inner packet -> outer packet
 *   decap HEX                 outer packet -> inner packet
 *
 * Answers every line with `ok`, `HEX`, `drop REASON` or `error TEXT`. Ends with the input. */
#include "common/result.h"
#include "dataplane/dp_meta.h"
#include "dataplane/esp/esp.h"
#include "dataplane/ip/ip_chain.h"
#include "dataplane/ip/ip_classify.h"

#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_OCTETS = 40000, JUMBO = 9472, SEGMENT = 2048, LAYOUT_MAX = 16 };

struct tool {
    const struct eng_ops *engine;
    struct esp_worker w;
    struct esp_out_sa *out;
    struct esp_in_sa *in;
    struct cv_sa_counters counters[2];
    struct rte_mempool *pool, *segments;
    unsigned layout[LAYOUT_MAX], layout_len;
};

static int unhex(const char *text, uint8_t *out, size_t cap)
{
    size_t n = 0;
    for (; text[0]; text += 2) {
        unsigned v;
        if (!text[1] || n == cap || sscanf(text, "%2x", &v) != 1)
            return -1;
        out[n++] = (uint8_t)v;
    }
    return (int)n;
}

static bool endpoint(char *text, struct ip_endpoint *e)
{
    char *at = strchr(text, '@');
    if (at) {
        *at = 0;
        e->port = (uint16_t)atoi(at + 1);
    }
    return ip_addr_parse(text, &e->addr);
}

static bool set(struct cv_sa *sa, const char *key, char *value)
{
    int n = 0;
    if (!strcmp(key, "encr"))
        sa->encr = (uint16_t)atoi(value);
    else if (!strcmp(key, "integ"))
        sa->integ = (uint16_t)atoi(value);
    else if (!strcmp(key, "flags"))
        sa->flags = (uint32_t)atoi(value);
    else if (!strcmp(key, "seq"))
        sa->seq = strtoull(value, NULL, 0);
    else if (!strcmp(key, "window"))
        sa->replay_window = (uint32_t)strtoul(value, NULL, 0);
    else if (!strcmp(key, "mode"))
        sa->mode = (uint8_t)atoi(value);
    else if (!strcmp(key, "proto"))
        sa->proto = (uint8_t)atoi(value);
    else if (!strcmp(key, "df"))
        sa->df = (uint8_t)atoi(value);
    else if (!strcmp(key, "spi"))
        sa->ref.spi = (uint32_t)strtoul(value, NULL, 16);
    else if (!strcmp(key, "key"))
        sa->encr_key_len = (uint8_t)(n = unhex(value, sa->encr_key, sizeof sa->encr_key));
    else if (!strcmp(key, "salt"))
        sa->salt_len = (uint8_t)(n = unhex(value, sa->salt, sizeof sa->salt));
    else if (!strcmp(key, "ikey"))
        sa->integ_key_len = (uint8_t)(n = unhex(value, sa->integ_key, sizeof sa->integ_key));
    else if (!strcmp(key, "local"))
        return endpoint(value, &sa->local);
    else if (!strcmp(key, "remote"))
        return endpoint(value, &sa->remote);
    else
        return false;
    return n >= 0;
}

static void make_sa(struct tool *t, char *args)
{
    struct cv_sa sa;
    memset(&sa, 0, sizeof sa);
    sa.replay_window = 64;
    sa.ts_count = 2;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    sa.ts_local[1] = sa.ts_remote[1] = ts_any(IP_V6);
    char *word = strtok(args, " ");
    bool out = word && !strcmp(word, "out");
    sa.ref.dir = out ? CV_DIR_OUT : CV_DIR_IN;
    while ((word = strtok(NULL, " "))) {
        char *eq = strchr(word, '=');
        if (!eq) {
            puts("error KEY=VALUE expected");
            return;
        }
        *eq = 0;
        if (!set(&sa, word, eq + 1)) {
            printf("error %s\n", word);
            return;
        }
    }
    cv_result r;
    memset(&t->counters[out], 0, sizeof t->counters[out]);
    if (out) {
        esp_out_sa_free(t->out);
        t->out = NULL;
        r = esp_out_sa_new(&sa, t->engine, -1, &t->counters[1], &t->out);
    } else {
        esp_in_sa_free(t->in);
        t->in = NULL;
        r = esp_in_sa_new(&sa, t->engine, -1, &t->counters[0], &t->in);
    }
    if (r == CV_OK)
        puts("ok");
    else
        printf("error %s\n", cv_result_text(r));
}

/* What the worker's classification would say; false when it would not hand the packet to esp. */
static bool classify(struct rte_mbuf *m, bool ah)
{
    if (ah)
        return ip_classify_ip(m) == IP_CLASS_AH;
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    struct dp_meta *meta = dp_meta(m);
    if (m->data_len < 40)
        return false;
    bool v4 = p[0] >> 4 == 4;
    meta->family = v4 ? IP_V4 : IP_V6;
    meta->l3_len = v4 ? (p[0] & 15) * 4 : 40;
    meta->udp_encap = (v4 ? p[9] : p[6]) == 17;
    return true;
}

static void layout(struct tool *t, char *text)
{
    t->layout_len = 0;
    for (char *w = strtok(text, ","); w && t->layout_len < LAYOUT_MAX; w = strtok(NULL, ","))
        if (atoi(w) > 0)
            t->layout[t->layout_len++] = RTE_MIN((unsigned)atoi(w), (unsigned)SEGMENT);
    puts("ok");
}

/* The packet as a port would have scattered it, then made one. */
static struct rte_mbuf *scattered(struct tool *t, const uint8_t *data, unsigned len)
{
    struct rte_mbuf *first = NULL;
    for (unsigned i = 0, n; len > 0; i++, data += n, len -= n) {
        struct rte_mbuf *s = rte_pktmbuf_alloc(t->segments);
        n = RTE_MIN(len, t->layout[i % t->layout_len]);
        if (!s || (first && i >= 255)) {
            rte_pktmbuf_free(s);
            rte_pktmbuf_free(first);
            return NULL;
        }
        memcpy(rte_pktmbuf_append(s, (uint16_t)n), data, n);
        if (!first)
            first = s;
        else if (rte_pktmbuf_chain(first, s) != 0)
            abort();
    }
    struct rte_mbuf *one = first ? ip_chain_join(first, t->pool) : NULL;
    rte_pktmbuf_free(first);
    return one;
}

static struct rte_mbuf *received(struct tool *t, const uint8_t *data, int len)
{
    if (t->layout_len > 0 && len > 0)
        return scattered(t, data, (unsigned)len);
    struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);
    if (m && len > 0 && len <= rte_pktmbuf_tailroom(m))
        memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, (size_t)len);
    return m;
}

static uint16_t in_burst(struct tool *t, struct rte_mbuf **m)
{
    const bool ah = esp_in_sa_conf(t->in)->proto == CV_PROTO_AH;
    if (!classify(*m, ah))
        return 0;
    return ah ? esp_ah_in_burst(&t->w, m, &t->in, 1) : esp_in_burst(&t->w, m, &t->in, 1);
}

static void packet(struct tool *t, const char *text, bool out)
{
    static uint8_t data[LINE_MAX_OCTETS / 2];
    int len = unhex(text, data, sizeof data);
    struct rte_mbuf *m = received(t, data, len);
    if (!m || len <= 0 || m->data_len != len) {
        puts("error packet");
    } else if (out ? !t->out : !t->in) {
        puts("error no SA");
    } else {
        uint16_t good;
        if (out)
            good = esp_out_burst(&t->w, &m, &t->out, 1);
        else
            good = in_burst(t, &m);
        if (!good)
            printf("drop %s\n", cv_drop_name(dp_meta(m)->drop));
        else {
            for (uint16_t i = 0; i < m->data_len; i++)
                printf("%02x", rte_pktmbuf_mtod(m, uint8_t *)[i]);
            putchar('\n');
        }
    }
    rte_pktmbuf_free(m);
}

int main(void)
{
    char *args[] = {"esp_tool",       "--no-huge",     "-m", "32", "--no-pci", "--no-shconf",
                    "--no-telemetry", "--log-level=4", "-l", "0",  NULL};
    static struct tool t;
    static char line[LINE_MAX_OCTETS];
    if (rte_eal_init((int)(sizeof args / sizeof args[0]) - 1, args) < 0)
        return 3;
    const char *word = getenv("ESP_TOOL_ENGINE"); /* a word of `crypto-engine` */
    t.engine = eng_by_name(word ? word : "auto");
    char why[160] = "no such engine"; /* the test is what lets `auto` choose, too */
    if (!t.engine || t.engine->self_test(why, sizeof why) != CV_OK) {
        fprintf(stderr, "%s: %s\n", word ? word : "auto", why);
        return 3;
    }
    t.pool = rte_pktmbuf_pool_create("tool", 63, 0, sizeof(struct dp_meta), JUMBO + RTE_PKTMBUF_HEADROOM, -1);
    t.segments = rte_pktmbuf_pool_create("segments", 511, 0, sizeof(struct dp_meta),
                                         SEGMENT + RTE_PKTMBUF_HEADROOM, -1);
    if (!t.pool || !t.segments || esp_worker_init(&t.w, t.engine, 0, -1) != CV_OK)
        return 3;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "sa ", 3))
            make_sa(&t, line + 3);
        else if (!strncmp(line, "encap ", 6))
            packet(&t, line + 6, true);
        else if (!strncmp(line, "decap ", 6))
            packet(&t, line + 6, false);
        else if (!strncmp(line, "layout ", 7))
            layout(&t, line + 7);
        else
            puts("error command");
        fflush(stdout);
    }
    esp_out_sa_free(t.out);
    esp_in_sa_free(t.in);
    esp_worker_fini(&t.w);
    rte_eal_cleanup();
    return 0;
}
