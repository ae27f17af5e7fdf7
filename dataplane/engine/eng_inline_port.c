#include "dataplane/engine/eng_inline_port.h"

#include "dataplane/engine/eng_inline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct inline_port ports[CV_MAX_PORTS];
static unsigned port_count;

/* Of sessions that nobody uses any more. */
struct retired {
    struct retired *next;
    struct inline_port *port;
    void *device;
    struct rte_flow *rule;
    uint32_t spi;
    unsigned ticks;
};
static struct retired *retired;

struct inline_port *inline_port_at(unsigned at)
{
    return at < port_count ? &ports[at] : NULL;
}

struct inline_port *inline_port_find(uint16_t id)
{
    for (unsigned i = 0; i < port_count; i++)
        if (ports[i].dev.id == id)
            return &ports[i];
    return NULL;
}

/* ---- sessions that nobody uses any more ----------------------------------------------------------------------------- */
bool inline_device_free(struct inline_port *p, struct rte_flow **rule, void *device)
{
    if (!idev_rule_free(&p->dev, *rule))
        return false;
    *rule = NULL;
    if (!idev_session_free(&p->dev, device))
        return false;
    p->sessions--;
    return true;
}

void inline_retire(struct inline_port *p, void *device, struct rte_flow *rule, uint32_t spi)
{
    struct retired *r = calloc(1, sizeof *r);
    if (!r) /* it stays in the NIC until the port is closed: that costs a place in a table */
        return;
    *r = (struct retired){.next = retired, .port = p, .device = device, .rule = rule, .spi = spi};
    retired = r;
}

bool inline_spi_drains(const struct inline_port *p, uint32_t spi)
{
    const struct retired *r = retired;
    while (r && (r->port != p || r->spi != spi))
        r = r->next;
    return r != NULL;
}

/* all: whatever their age. */
static void retired_free(bool all)
{
    for (struct retired **at = &retired; *at;) {
        struct retired *r = *at;
        r->ticks += idev_link_up(&r->port->dev); /* a port without link holds on to what it has to send */
        if ((all || r->ticks >= INLINE_DRAIN_TICKS) && inline_device_free(r->port, &r->rule, r->device)) {
            *at = r->next;
            free(r);
        } else {
            at = &r->next;
        }
    }
}

void inline_drain(void)
{
    retired_free(false);
}

uint32_t inline_port_sessions(const struct inline_port *p)
{
    uint32_t n = idev_runs(&p->dev) ? p->sessions : 0;
    for (const struct retired *r = retired; r && n > 0; r = r->next)
        n -= r->port == p;
    return n;
}

/* ---- coming and going ------------------------------------------------------------------------------------------------ */
static bool has_action(const struct rte_security_capability *c, enum rte_security_session_action_type action)
{
    for (; c && c->action != RTE_SECURITY_ACTION_TYPE_NONE; c++)
        if (c->action == action && c->protocol == RTE_SECURITY_PROTOCOL_IPSEC)
            return true;
    return false;
}

cv_result inline_port_add(uint16_t id, const char *name, idev_event_fn *event)
{
    if (port_count == CV_MAX_PORTS)
        return CV_ENOSPC;
    struct inline_port *p = &ports[port_count];
    memset(p, 0, sizeof *p);
    CV_TRY(idev_open(&p->dev, id, INLINE_SESSIONS, event));
    p->caps = idev_caps(&p->dev);
    p->action = has_action(p->caps, RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO)
                    ? RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO
                    : RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL;
    if (!has_action(p->caps, p->action)) {
        idev_close(&p->dev);
        return CV_EUNSUP;
    }
    snprintf(p->name, sizeof p->name, "%s", name);
    p->at = port_count++;
    return CV_OK;
}

static void ports_close(void)
{
    while (port_count > 0)
        idev_close(&ports[--port_count].dev);
    while (retired) { /* drivers that would not let go of them */
        struct retired *r = retired;
        retired = r->next;
        free(r);
    }
}

void inline_ports_remove(void)
{
    for (unsigned i = 0; i < port_count; i++)
        idev_stop(&ports[i].dev); /* nothing leaves any more by what goes away now */
    retired_free(true);
    ports_close();
}
