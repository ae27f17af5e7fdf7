/* inline_model: a NIC with inline crypto or inline protocol as DPDK 22.11 documents it, and a strict one: every call that the documents do not allow, every
 * packet that is not as they want it is a misuse, counted, and the first one kept in words.
 *
 * It stands behind DPDK's own functions: rte_security_* is the library's, with the model's rte_security_ops; rte_eth_dev_get_sec_ctx,
 * rte_eth_dev_info_get, rte_flow_* and the registration of callbacks are defined here and so come before the library's. What it
 * encrypts it encrypts with OpenSSL, and knows of the SA only what it was told by rte_security and rte_flow.
 *
 * Also a checker of the wire: no (key, IV) twice, nothing in clear. One port or two. Calls of the driver and packets may come on any thread. */
#ifndef TESTS_UNIT_ENGINE_INLINE_MODEL_H
#define TESTS_UNIT_ENGINE_INLINE_MODEL_H

#include <rte_mbuf.h>
#include <rte_security.h>
#include <stdbool.h>
#include <stdint.h>

/* What tests have inner packets say; whoever sees it on the wire has found a packet in clear. */
#define MODEL_CLEAR "never on the wire in clear"

struct model {
    /* what it is like */
    uint16_t port;
    const char *
        driver; /* "net_ixgbe": rules hold the session itself; the rule, not the session, makes an SA coming in; rules do
                         * not go away; the salt is read behind the key */
    const struct rte_security_capability *caps;
    unsigned table; /* sessions at most */
    bool second;    /* the port behind `port` is like it, with the same table */
    bool no_link;   /* does not say whether there is one */
    bool no_context, no_caps, no_info, no_pool;
    unsigned callbacks;                        /* so many are registered, then refused; UINT_MAX: all */
    bool busy_callback;                        /* unregistering says EAGAIN once */
    bool no_egress_rules, no_rules, no_create; /* refused by validate; by create */
    bool rules_stay, sessions_stay;
    bool no_metadata;
    /* ... with the packets that arrive */
    bool passes_by;      /* leaves them encrypted */
    bool finds_wrong;    /* says that the ICV is wrong */
    bool says_decrypted; /* of whatever comes */
    unsigned
        longest; /* ... what is longer came in fragments, which somebody has put together since; 0: none is */
    bool no_wire; /* somebody else looks at it */

    /* what became of it */
    unsigned misuse;
    char why[160];
    unsigned sessions, rules, created, refused;
    unsigned encrypted, decrypted, failed;
    unsigned esp_frames, in_clear, iv_twice; /* on the wire */
    unsigned left_in_clear;                  /* for the NIC, and it knows no session for it; a misuse, too */
};
extern struct model model;

/* Everything as new, with these capabilities; sessions that are left are forgotten. Once per process before: registers the dynamic field. */
void model_reset(uint16_t port, const struct rte_security_capability *caps);
/* ixgbe's: AES-128-GCM and GMAC, both modes, both directions, no ESN, no UDP; and one that does everything that culvert has. */
extern const struct rte_security_capability model_caps_ixgbe[], model_caps_all[], model_caps_no_metadata[],
    model_caps_none[], model_caps_protocol[], model_caps_protocol_bare[], model_caps_trailer[],
    model_caps_aside[],
    model_caps_aside_bare
        []; /* of crypto devices (aside_model.h): the last of GCM and GMAC, with no options */

/* As frames leave the port, and come to it: in place. */
void model_transmit(uint16_t port, struct rte_mbuf *m);
/* One that the driver had no room for, and that is dropped for it. */
void model_refuse(struct rte_mbuf *m);
void model_receive(struct rte_mbuf *m);
/* The userdata of the session of an SPI, 0: it has none. */
uint64_t model_userdata(uint32_t spi);
/* A driver's event, on the caller's thread. */
void model_event(unsigned event_type, unsigned subtype, uint64_t userdata);

#endif
