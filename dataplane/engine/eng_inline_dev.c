#include "dataplane/engine/eng_inline_dev.h"

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_security.h>
#include <rte_security_driver.h>
#include <stdio.h>
#include <string.h>

enum { PORT_NATT = 4500, ITEMS = 5, SESSION_CACHE = 0 };

/* rte_flow.h: the action's configuration is a struct rte_flow_action_security. These drivers of DPDK 22.11 read a session there, as
 * examples/ipsec-secgw gives it to them (ixgbe_parse_ntuple_filter, txgbe_parse_ntuple_filter, iavf_ipsec_flow_parse). */
static bool wants_bare(const char *driver)
{
    static const char *const those[] = {"net_ixgbe", "net_txgbe", "net_iavf"};
    for (unsigned i = 0; i < RTE_DIM(those); i++)
        if (strncmp(driver, those[i], strlen(those[i])) == 0) /* net_ixgbe_vf, too */
            return true;
    return false;
}

/* ---- events -------------------------------------------------------------------------------------------------------- */
static int on_ipsec(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
    static const enum idev_event of[RTE_ETH_EVENT_IPSEC_MAX] = {
        [RTE_ETH_EVENT_IPSEC_UNKNOWN] = IDEV_EVENTS,
        [RTE_ETH_EVENT_IPSEC_ESN_OVERFLOW] = IDEV_SEQ,
        [RTE_ETH_EVENT_IPSEC_SA_TIME_EXPIRY] = IDEV_EVENTS, /* culvertd's own clock counts time */
        [RTE_ETH_EVENT_IPSEC_SA_BYTE_EXPIRY] = IDEV_SOFT_BYTES,
        [RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY] = IDEV_SOFT_PACKETS,
        [RTE_ETH_EVENT_IPSEC_SA_BYTE_HARD_EXPIRY] = IDEV_HARD_BYTES,
        [RTE_ETH_EVENT_IPSEC_SA_PKT_HARD_EXPIRY] = IDEV_HARD_PACKETS,
    };
    const struct rte_eth_event_ipsec_desc *d = ret;
    struct idev_port *p = arg;
    (void)port, (void)type;
    if (!d || (unsigned)d->subtype >= RTE_ETH_EVENT_IPSEC_MAX || of[d->subtype] == IDEV_EVENTS)
        return -EINVAL;
    p->event(p, of[d->subtype], d->metadata);
    return 0;
}

static int on_loss(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
    struct idev_port *p = arg;
    (void)port, (void)type, (void)ret;
    __atomic_store_n(&p->dead, 1, __ATOMIC_RELAXED);
    p->event(p, IDEV_DEAD, 0);
    return 0;
}

/* After recovery the driver may or may not have kept its sessions; rte_ethdev.h names them in neither list. */
static const struct {
    enum rte_eth_event_type type;
    rte_eth_dev_cb_fn fn;
} calls[] = {
    {RTE_ETH_EVENT_IPSEC, on_ipsec},
    {RTE_ETH_EVENT_INTR_RESET, on_loss},
    {RTE_ETH_EVENT_INTR_RMV, on_loss},
    {RTE_ETH_EVENT_ERR_RECOVERING, on_loss},
};

static void calls_remove(struct idev_port *p, unsigned n)
{
    while (n-- > 0)
        while (rte_eth_dev_callback_unregister(p->id, calls[n].type, calls[n].fn, p) == -EAGAIN)
            rte_pause(); /* it is running just now */
}

static bool calls_add(struct idev_port *p)
{
    for (unsigned i = 0; i < RTE_DIM(calls); i++)
        if (rte_eth_dev_callback_register(p->id, calls[i].type, calls[i].fn, p) != 0) {
            calls_remove(p, i);
            return false;
        }
    return true;
}

/* ---- the port ------------------------------------------------------------------------------------------------------ */
cv_result idev_open(struct idev_port *p, uint16_t id, unsigned sessions, idev_event_fn *event)
{
    struct rte_eth_dev_info info;
    char name[32];
    *p = (struct idev_port){.id = id, .event = event, .ctx = rte_eth_dev_get_sec_ctx(id)};
    if (!p->ctx || !idev_caps(p) || rte_eth_dev_info_get(id, &info) != 0)
        return CV_EUNSUP;
    snprintf(p->name, sizeof p->name, "%s", info.driver_name);
    p->bare = wants_bare(p->name);
    snprintf(name, sizeof name, "inline %u", id);
    const unsigned size =
        (unsigned)sizeof(struct rte_security_session) + rte_security_session_get_size(p->ctx);
    p->pool = rte_mempool_create(name, sessions, size, SESSION_CACHE, 0, NULL, NULL, NULL, NULL,
                                 rte_eth_dev_socket_id(id), 0);
    if (!p->pool)
        return CV_ENOMEM;
    if (calls_add(p))
        return CV_OK;
    rte_mempool_free(p->pool);
    return CV_EIO;
}

void idev_stop(struct idev_port *p)
{
    (void)rte_eth_dev_stop(p->id); /* io_port_close says whether it did */
}

void idev_close(struct idev_port *p)
{
    calls_remove(p, RTE_DIM(calls));
    rte_mempool_free(p->pool);
    p->pool = NULL;
}

const struct rte_security_capability *idev_caps(const struct idev_port *p)
{
    return rte_security_capabilities_get(p->ctx);
}

bool idev_link_up(const struct idev_port *p)
{
    struct rte_eth_link link;
    return rte_eth_link_get_nowait(p->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* ---- sessions ------------------------------------------------------------------------------------------------------ */
void *idev_session_new(struct idev_port *p, struct rte_security_session_conf *conf)
{
    return rte_security_session_create(p->ctx, conf, p->pool);
}

bool idev_session_free(struct idev_port *p, void *session)
{
    return rte_security_session_destroy(p->ctx, session) == 0;
}

/* ---- rules --------------------------------------------------------------------------------------------------------- */
struct pattern {
    struct rte_flow_item item[ITEMS]; /* the last stays END */
    struct rte_flow_item_ipv4 v4, v4_mask;
    struct rte_flow_item_ipv6 v6, v6_mask;
    struct rte_flow_item_udp udp, udp_mask;
    struct rte_flow_item_esp esp, esp_mask;
};

static void pattern_make(struct pattern *t, const struct cv_sa *sa)
{
    const bool out = sa->ref.dir == CV_DIR_OUT, v4 = sa->local.addr.family == IP_V4;
    const uint8_t *dst = out ? sa->remote.addr.b : sa->local.addr.b;
    struct rte_flow_item *at = t->item;
    memset(t, 0, sizeof *t);
    memcpy(&t->v4.hdr.dst_addr, dst, sizeof t->v4.hdr.dst_addr);
    memcpy(t->v6.hdr.dst_addr, dst, sizeof t->v6.hdr.dst_addr);
    memset(&t->v4_mask.hdr.dst_addr, 0xff, sizeof t->v4_mask.hdr.dst_addr);
    memset(t->v6_mask.hdr.dst_addr, 0xff, sizeof t->v6_mask.hdr.dst_addr);
    t->udp.hdr.dst_port = rte_cpu_to_be_16(out ? sa->remote.port : PORT_NATT);
    t->udp_mask.hdr.dst_port = UINT16_MAX;
    t->esp.hdr.spi = rte_cpu_to_be_32(sa->ref.spi);
    t->esp_mask.hdr.spi = UINT32_MAX;
    *at++ = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_ETH};
    *at++ = v4 ? (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_IPV4, &t->v4, NULL, &t->v4_mask}
               : (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_IPV6, &t->v6, NULL, &t->v6_mask};
    if (sa->flags & CV_SA_NATT)
        *at++ = (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_UDP, &t->udp, NULL, &t->udp_mask};
    *at = (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_ESP, &t->esp, NULL, &t->esp_mask};
}

struct rte_flow *idev_rule_new(struct idev_port *p, const struct cv_sa *sa, void *session)
{
    const bool out = sa->ref.dir == CV_DIR_OUT;
    const struct rte_flow_attr attr = {.ingress = !out, .egress = out};
    const struct rte_flow_action_security named = {session};
    const struct rte_flow_action action[] = {
        {RTE_FLOW_ACTION_TYPE_SECURITY, p->bare ? session : (const void *)&named},
        {RTE_FLOW_ACTION_TYPE_END, NULL}};
    struct rte_flow_error error = {.message = NULL};
    struct pattern t;
    pattern_make(&t, sa);
    /* Not validated before: ixgbe and txgbe make the SA in the NIC when they validate, and once more when they create. */
    if (!p->bare && rte_flow_validate(p->id, &attr, t.item, action, &error) != 0)
        return NULL;
    return rte_flow_create(p->id, &attr, t.item, action, &error);
}

bool idev_rule_free(struct idev_port *p, struct rte_flow *rule)
{
    struct rte_flow_error error = {.message = NULL};
    if (!rule || rte_flow_destroy(p->id, rule, &error) == 0)
        return true;
    return p->bare; /* ixgbe and txgbe know no such rule any more: the SA goes with its session */
}

/* ---- packets ------------------------------------------------------------------------------------------------------- */
bool idev_metadata(struct idev_port *p, void *session, struct rte_mbuf *m, uint64_t *seq)
{
    return rte_security_set_pkt_metadata(p->ctx, session, m, seq) == 0;
}

uint64_t idev_userdata(struct rte_mbuf *m)
{
    return rte_security_dynfield_is_registered() ? *rte_security_dynfield(m) : 0;
}
