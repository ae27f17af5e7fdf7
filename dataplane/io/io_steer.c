#include "dataplane/io/io_steer.h"
#include "common/log.h"

#include <rte_byteorder.h>
#include <rte_flow.h>
#include <stdio.h>
#include <string.h>

enum { PORT_NATT = 4500, IP_VERSIONS = 2, PATTERN_MAX = 5 };

static const char *const kind_text[IO_STEER_KINDS] = {"ESP", "ESP in UDP", "AH"};

/* ---- one rule -------------------------------------------------------------------------------------------------- */
struct rule {
    enum io_steer_kind kind;
    bool v6;
    uint32_t value, mask; /* of the SPI */
    uint16_t queue;
};

/* Item order is the packet's; drivers compare patterns with lists of their own, and none knows a longer one. */
static struct rte_flow *rule_new(const struct io_steer *s, const struct rule *r, struct rte_flow_error *error)
{
    const struct rte_flow_attr attr = {.ingress = 1};
    const struct rte_flow_item_esp spec = {.hdr.spi = rte_cpu_to_be_32(r->value)};
    const struct rte_flow_item_esp bits = {.hdr.spi = rte_cpu_to_be_32(r->mask)};
    const struct rte_flow_item_ah ah = {.spi = rte_cpu_to_be_32(r->value)};
    const struct rte_flow_item_ah ah_bits = {.spi = rte_cpu_to_be_32(r->mask)};
    const struct rte_flow_item_udp natt = {.hdr.dst_port = RTE_BE16(PORT_NATT)};
    const struct rte_flow_item_udp natt_bits = {.hdr.dst_port = RTE_BE16(UINT16_MAX)};
    const struct rte_flow_action_queue queue = {.index = r->queue};
    const struct rte_flow_action actions[] = {{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue},
                                              {.type = RTE_FLOW_ACTION_TYPE_END}};
    struct rte_flow_item pattern[PATTERN_MAX] = {{.type = RTE_FLOW_ITEM_TYPE_ETH}};
    unsigned n = 1;
    pattern[n++].type = r->v6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4;
    if (r->kind == IO_STEER_NATT)
        pattern[n++] = (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_UDP, &natt, NULL, &natt_bits};
    pattern[n++] = r->kind == IO_STEER_AH
                       ? (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_AH, &ah, NULL, &ah_bits}
                       : (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_ESP, &spec, NULL, &bits};
    pattern[n].type = RTE_FLOW_ITEM_TYPE_END;
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
            const struct rule r = {kind, v == 1, b, count - 1, (uint16_t)(b % s->workers)};
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

static void kind_start(struct io_steer *s, const struct io_port *p, enum io_steer_kind kind)
{
    struct io_steer_set *set = &s->set[kind];
    const bool power = (s->workers & (s->workers - 1)) == 0;
    if (p->rx_queues != s->workers)
        snprintf(set->why, sizeof set->why, "the port has %u receive queues, not %u", p->rx_queues,
                 s->workers);
    else if (!set_try(s, kind, CV_BUCKETS) && power)
        (void)set_try(s, kind, s->workers); /* refused again: hand-off */
    log_info("port %s: %s %s%s%s", p->name, kind_text[kind],
             set->by == CV_STEER_BUCKETS   ? "is steered in hardware, bucket by bucket"
             : set->by == CV_STEER_WORKERS ? "is steered in hardware, worker by worker"
                                           : "reaches its worker by hand-off",
             set->why[0] ? ": " : "", set->why);
}

void io_steer_start(struct io_steer *s, const struct io_flow_calls *calls, const struct io_port *p,
                    unsigned workers)
{
    memset(s, 0, sizeof *s);
    s->calls = calls;
    s->port_id = p->id;
    s->workers = workers;
    for (enum io_steer_kind k = 0; k < IO_STEER_KINDS; k++) {
        if (workers < 2)
            s->set[k].by = CV_STEER_ONE;
        else
            kind_start(s, p, k);
    }
}

/* ---- changes --------------------------------------------------------------------------------------------------- */
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
    for (enum io_steer_kind k = 0; k < IO_STEER_KINDS; k++) {
        if (s->set[k].by != CV_STEER_BUCKETS)
            continue;
        for (unsigned v = 0; v < IP_VERSIONS; v++) {
            const struct rule r = {k, v == 1, bucket, CV_BUCKETS - 1, (uint16_t)worker};
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
