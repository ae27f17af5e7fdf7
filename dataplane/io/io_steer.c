#include "dataplane/io/io_steer.h"
#include "common/log.h"

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <stdio.h>
#include <string.h>

enum { PORT_NATT = 4500, IP_VERSIONS = 2, PATTERN_MAX = 5 };

static const char *const kind_text[IO_STEER_KINDS] = {"ESP", "ESP in UDP", "AH"};

/* ---- one rule -------------------------------------------------------------------------------------------------- */
struct rule {
    enum io_steer_kind kind;
    bool v6;
    bool hash;            /* spread by a hash of the SPI; else the SPIs of `value` go to `queue` */
    uint32_t value, mask; /* of the SPI */
    uint16_t queue;
};

/* What the items of a pattern and the action point to. */
struct rule_parts {
    struct rte_flow_item_esp esp, esp_bits;
    struct rte_flow_item_ah ah, ah_bits;
    struct rte_flow_item_udp natt, natt_bits;
    struct rte_flow_action_queue queue;
    struct rte_flow_action_rss hash;
};

static void parts_make(struct rule_parts *p, const struct rule *r)
{
    *p = (struct rule_parts){.esp.hdr.spi = rte_cpu_to_be_32(r->value),
                             .esp_bits.hdr.spi = rte_cpu_to_be_32(r->mask),
                             .ah.spi = rte_cpu_to_be_32(r->value),
                             .ah_bits.spi = rte_cpu_to_be_32(r->mask),
                             .natt.hdr.dst_port = RTE_BE16(PORT_NATT),
                             .natt_bits.hdr.dst_port = RTE_BE16(UINT16_MAX),
                             .queue.index = r->queue,
                             /* key and queues are the port's: drivers take no others in such a rule */
                             .hash.types = r->kind == IO_STEER_AH ? RTE_ETH_RSS_AH : RTE_ETH_RSS_ESP};
}

/* Item order is the packet's; drivers compare patterns with lists of their own, and none knows a longer one. A hash names fields, not values:
 * its items have none. */
static void pattern_make(struct rte_flow_item pattern[PATTERN_MAX], const struct rule *r,
                         const struct rule_parts *p)
{
    unsigned n = 0;
    pattern[n++] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_ETH};
    pattern[n++] = (struct rte_flow_item){.type = r->v6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4};
    if (r->kind == IO_STEER_NATT)
        pattern[n++] = (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_UDP, &p->natt, NULL, &p->natt_bits};
    pattern[n++] = r->kind == IO_STEER_AH
                       ? (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_AH, &p->ah, NULL, &p->ah_bits}
                       : (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_ESP, &p->esp, NULL, &p->esp_bits};
    for (unsigned i = 0; i < n && r->hash; i++)
        pattern[i].spec = pattern[i].mask = NULL;
    pattern[n] = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_END};
}

static struct rte_flow *rule_new(const struct io_steer *s, const struct rule *r, struct rte_flow_error *error)
{
    const struct rte_flow_attr attr = {.ingress = 1};
    struct rte_flow_item pattern[PATTERN_MAX];
    struct rule_parts parts;
    parts_make(&parts, r);
    pattern_make(pattern, r, &parts);
    const struct rte_flow_action to_queue = {.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &parts.queue},
                                 by_hash = {.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &parts.hash};
    const struct rte_flow_action actions[] = {r->hash ? by_hash : to_queue,
                                              {.type = RTE_FLOW_ACTION_TYPE_END}};
    memset(error, 0, sizeof *error);
    if (s->calls->validate(s->port_id, &attr, pattern, actions, error) != 0)
        return NULL;
    return s->calls->create(s->port_id, &attr, pattern, actions, error);
}

static void rule_end(const struct io_steer *s, struct rte_flow **rule)
{
    struct rte_flow_error error;
    if (*rule && s->calls->destroy(s->port_id, *rule, &error) != 0)
        log_warning("a steering rule could not be taken away: %s",
                    error.message ? error.message : "no reason");
    *rule = NULL;
}

/* ---- all of a kind --------------------------------------------------------------------------------------------- */
static void set_clear(struct io_steer *s, enum io_steer_kind kind)
{
    struct io_steer_set *set = &s->set[kind];
    for (unsigned b = 0; b < CV_BUCKETS; b++)
        for (unsigned v = 0; v < IP_VERSIONS; v++)
            rule_end(s, &set->rules[b][v]);
    set->by = CV_STEER_HANDOFF;
}

static void refused(struct io_steer_set *set, const struct rte_flow_error *error)
{
    snprintf(set->why, sizeof set->why, "%.55s",
             error->message ? error->message : "refused without a reason");
}

/* Rules of `count` values of the SPI's low bits; value v goes to queue v % workers. */
static bool set_try(struct io_steer *s, enum io_steer_kind kind, unsigned count)
{
    struct io_steer_set *set = &s->set[kind];
    struct rte_flow_error error;
    for (unsigned b = 0; b < count; b++)
        for (unsigned v = 0; v < IP_VERSIONS; v++) {
            const struct rule r = {kind, v == 1, false, b, count - 1, (uint16_t)(b % s->workers)};
            set->rules[b][v] = rule_new(s, &r, &error);
            if (!set->rules[b][v]) {
                refused(set, &error);
                set_clear(s, kind);
                return false;
            }
        }
    set->by = count == CV_BUCKETS ? CV_STEER_BUCKETS : CV_STEER_WORKERS;
    return true;
}

/* One worker's packets are not in one queue then, but an SA's are, and SAs between the same two addresses are not all in the same. Where the
 * port hashes SPIs anyhow, no rule is needed; ice, iavf and i40e do it by a rule alone. */
static void hash_try(struct io_steer *s, const struct io_port *p, enum io_steer_kind kind)
{
    static const uint8_t ports[IO_STEER_KINDS] = {[IO_STEER_ESP] = CV_RSS_ESP};
    struct io_steer_set *set = &s->set[kind];
    struct rte_flow_error error; /* what stands in `why` is more to the point */
    if (p->rx_queues < 2)
        return;
    for (unsigned v = 0; v < IP_VERSIONS && !(p->rss & ports[kind]); v++) {
        const struct rule r = {.kind = kind, .v6 = v == 1, .hash = true};
        set->rules[0][v] = rule_new(s, &r, &error);
        if (!set->rules[0][v]) {
            set_clear(s, kind);
            return;
        }
    }
    set->by = CV_STEER_SPI;
}

static void kind_start(struct io_steer *s, const struct io_port *p, enum io_steer_kind kind)
{
    static const char *const how[] = {[CV_STEER_HANDOFF] = "reaches its worker by hand-off",
                                      [CV_STEER_BUCKETS] = "is steered in hardware, bucket by bucket",
                                      [CV_STEER_WORKERS] = "is steered in hardware, worker by worker",
                                      [CV_STEER_SPI] = "is spread by RSS on the SPI, then handed off"};
    struct io_steer_set *set = &s->set[kind];
    const bool power = s->workers > 1 && (s->workers & (s->workers - 1)) == 0;
    if (p->rx_queues < s->workers)
        snprintf(set->why, sizeof set->why, "the port has %u receive queues, not %u", p->rx_queues,
                 s->workers);
    else if (!set_try(s, kind, CV_BUCKETS) && power)
        (void)set_try(s, kind, s->workers); /* refused again: a hash, or hand-off alone */
    if (set->by == CV_STEER_HANDOFF)
        hash_try(s, p, kind);
    log_info("port %s: %s %s%s%s", p->name, kind_text[kind], how[set->by], set->why[0] ? ": " : "", set->why);
}

uint64_t io_steer_rss(uint64_t capable)
{
    return capable & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_ESP | RTE_ETH_RSS_AH);
}

uint8_t io_steer_rss_kinds(uint64_t hf)
{
    return (uint8_t)((hf & RTE_ETH_RSS_IP ? CV_RSS_IP : 0) | (hf & RTE_ETH_RSS_UDP ? CV_RSS_UDP : 0) |
                     (hf & RTE_ETH_RSS_ESP ? CV_RSS_ESP : 0));
}

void io_steer_start(struct io_steer *s, const struct io_flow_calls *calls, const struct io_port *p,
                    unsigned workers)
{
    memset(s, 0, sizeof *s);
    s->calls = calls;
    s->port_id = p->id;
    s->workers = workers;
    s->queues = p->rx_queues;
    for (enum io_steer_kind k = 0; k < IO_STEER_KINDS; k++) {
        if (workers < 2 && p->rx_queues < 2)
            s->set[k].by = CV_STEER_ONE;
        else
            kind_start(s, p, k);
    }
}

/* ---- changes --------------------------------------------------------------------------------------------------- */
void io_steer_workers(struct io_steer *s, unsigned workers)
{
    for (enum io_steer_kind k = 0; k < IO_STEER_KINDS; k++) {
        struct io_steer_set *set = &s->set[k];
        if (workers > 1 && set->by == CV_STEER_ONE) {
            set->by = CV_STEER_HANDOFF;
            snprintf(set->why, sizeof set->why, "the port has %u receive queue", s->queues);
        } else if (workers < 2 && set->by == CV_STEER_HANDOFF && s->queues < 2) {
            set->by = CV_STEER_ONE;
            set->why[0] = '\0';
        }
    }
}

/* The new rule first, so that no packet goes by none; a driver that allows no two of one pattern gets the old one
 * taken away. */
static void rule_turn(struct io_steer *s, enum io_steer_kind kind, const struct rule *r)
{
    struct io_steer_set *set = &s->set[kind];
    struct rte_flow **old = &set->rules[r->value][r->v6];
    struct rte_flow_error error;
    struct rte_flow *fresh = rule_new(s, r, &error);
    rule_end(s, old);
    if (!fresh)
        fresh = rule_new(s, r, &error);
    if (!fresh) {
        refused(set, &error);
        log_warning("bucket %u: the driver took no rule for its new worker: %s", r->value, set->why);
    }
    *old = fresh;
}

bool io_steer_move(struct io_steer *s, unsigned bucket, unsigned worker)
{
    bool some = false;
    if (worker >= s->queues)
        return false;
    for (enum io_steer_kind k = 0; k < IO_STEER_KINDS; k++) {
        if (s->set[k].by != CV_STEER_BUCKETS)
            continue;
        for (unsigned v = 0; v < IP_VERSIONS; v++) {
            const struct rule r = {k, v == 1, false, bucket, CV_BUCKETS - 1, (uint16_t)worker};
            rule_turn(s, k, &r);
        }
        some = true;
    }
    return some;
}

void io_steer_stop(struct io_steer *s)
{
    for (enum io_steer_kind k = 0; s->calls && k < IO_STEER_KINDS; k++)
        set_clear(s, k);
    s->calls = NULL;
}

void io_steer_report(const struct io_steer *s, const struct io_port *p, struct cv_steer_port *out)
{
    uint16_t rules = 0;
    for (enum io_steer_kind k = 0; k < IO_STEER_KINDS; k++)
        for (unsigned b = 0; b < CV_BUCKETS; b++)
            rules = (uint16_t)(rules + (s->set[k].rules[b][0] != NULL) + (s->set[k].rules[b][1] != NULL));
    out->esp = (uint8_t)s->set[IO_STEER_ESP].by;
    out->natt = (uint8_t)s->set[IO_STEER_NATT].by;
    out->rss = p->rss;
    out->rules = rules;
    out->rx_queues = p->rx_queues;
    memcpy(out->esp_why, s->set[IO_STEER_ESP].why, sizeof out->esp_why);
    memcpy(out->natt_why, s->set[IO_STEER_NATT].why, sizeof out->natt_why);
}
