/* eng_inline_port: the ports whose NICs have sessions, and sessions that no SA has any more but frames in a port's queue may still name.
 *
 * Internal to the inline engine. A session outlives its SA for INLINE_DRAIN_TICKS with the link up; then its rule goes, then the session.
 *
 * Threads: manager; inline_port_find's result may be read by any while there are workers. */
#ifndef DATAPLANE_ENGINE_ENG_INLINE_PORT_H
#define DATAPLANE_ENGINE_ENG_INLINE_PORT_H

#include "dataplane/engine/eng_inline_dev.h"

#include <rte_security.h>

struct inline_port {
    struct idev_port dev;
    char name[CV_NAME_MAX];
    unsigned at; /* from 0, in the order of addition */
    const struct rte_security_capability *caps;
    enum rte_security_session_action_type action; /* crypto where there is both: numbers stay ours */
    uint32_t sessions;                            /* in the NIC, those that nobody has any more with them */
    bool told;                                    /* of its loss */
};

/* CV_EUNSUP: nothing inline there; CV_ENOSPC; what idev_open says. */
CV_MUST_USE cv_result inline_port_add(uint16_t id, const char *name, idev_event_fn *event);
/* All: stops them, frees what is on them, closes them. */
void inline_ports_remove(void);
/* NULL: there is none. */
struct inline_port *inline_port_find(uint16_t id);
struct inline_port *inline_port_at(unsigned at);

/* Rule first: "the security session specified in the action" must be there as long as the rule is. False: the driver keeps either; *rule is
 * NULL when it has gone. */
CV_MUST_USE bool inline_device_free(struct inline_port *p, struct rte_flow **rule, void *device);
/* Takes both; `spi`: the rule's, of a session going out that a driver finds by it, else 0. */
void inline_retire(struct inline_port *p, void *device, struct rte_flow *rule, uint32_t spi);
/* Is there still a rule for packets of this SPI that nobody sends any more? A new one would compete with it. */
bool inline_spi_drains(const struct inline_port *p, uint32_t spi);
/* Each tick: lets go of those whose time has come. */
void inline_drain(void);
/* Sessions that SAs have; 0 when the NIC has lost them. */
uint32_t inline_port_sessions(const struct inline_port *p);

#endif
