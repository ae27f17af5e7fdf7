/* io_port: Ethernet ports: opening, queues, link state and statistics of whatever DPDK driver is behind them.
 *
 * The manager's, but for the queue numbers, which workers use with rte_eth_rx_burst and rte_eth_tx_burst. */
#ifndef DATAPLANE_IO_IO_PORT_H
#define DATAPLANE_IO_IO_PORT_H

#include "common/contract.h"
#include "common/platform.h"
#include "common/result.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bursts of 64 keep the packets in the second-level cache through all stages: 256 cost twice the cycles. */
enum { IO_DESCRIPTORS = 1024, IO_BURST = 64, IO_JOINED_FRAME = 4096, IO_JOINED_MTU_MAX = 4000 };

enum io_security {
    IO_SECURITY_NONE,
    IO_SECURITY_CRYPTO /* of ESP the payload */,
    IO_SECURITY_WHOLE /* all of ESP is off */
};

struct io_port {
    char name[CV_NAME_MAX];
    char driver[CV_NAME_MAX];
    uint16_t id;    /* DPDK's */
    uint16_t index; /* ours: place in the platform section */
    uint16_t rx_queues, tx_queues;
    uint16_t mtu;
    uint16_t tx_segs; /* mbufs that a frame may leave in; 1 (or 0, before it is open): it is joined */
    uint8_t mac[6];
    int socket;
    bool open, link_up;
    uint8_t
        security; /* enum io_security: may the NIC have decrypted what is received by it? Set once it is known */
    uint8_t rss; /* enum cv_rss: what the driver was told to hash for the choice of a queue */
};

/* DPDK's af_packet driver has the kernel put IPv4 fragments together before it hands them over
 * (PACKET_FANOUT_FLAG_DEFRAG): such a port gets frames of IO_JOINED_FRAME octets, and packets need that room. Its MTU is
 * IO_JOINED_MTU_MAX at the most, as longer frames do not fit these. */
bool io_port_joins_fragments(const struct platform_port *conf);
/* The EAL device name and arguments of a port: "net_af_packet,iface=eth1" gets a number, so that two of
 * one driver can stand beside each other. Returns out. PCI: the address. */
const char *io_port_device(const struct platform_port *conf, unsigned index, char *out, size_t out_len);

/* Configures and starts the port with up to `queues` queues each way; fewer where the driver has no more.
 * conf->mtu is set where the driver can be told; a pool whose mbufs do not hold such a frame is served by scattered ones, where the
 * driver has these. On failure err says what, without file and line. */
CV_MUST_USE cv_result io_port_open(const struct platform_port *conf, unsigned index, unsigned queues,
                                   struct rte_mempool *pool, struct io_port *out, char *err, size_t err_len);
/* Of ports opened from now on: is their NIC to encrypt and decrypt where it can (crypto-engine inline)? */
void io_port_want_security(bool wanted);
void io_port_close(struct io_port *p);
/* Reads link and counters. True when the link state is not what it was. */
bool io_port_poll(struct io_port *p, struct cv_port_stats *out);

/* The worker that reads a receive queue of a port, or owns a transmit queue of one with fewer of these than workers. */
static inline unsigned io_port_owner(unsigned port_index, unsigned queue, unsigned queues, unsigned workers)
{
    return queues >= workers ? queue % workers : (port_index + queue) % workers;
}

#endif
