/* io_steer: asking the NIC to put every inbound SA on its owner worker's queue, by rte_flow rules that mask bits of
 * the SPI: plain ESP (ETH / IP / ESP), ESP in UDP on port 4500 (ETH / IP / UDP / ESP, RFC 3948), and AH (ETH / IP / AH), both families. AH's are asked
 * for last: a small table is for ESP.
 *
 * Of each kind, the best that the driver takes: a rule per bucket, which follows when the bucket moves to another
 * worker; else, for a power of two of workers, a rule per worker that masks fewer bits and is wrong for buckets that
 * moved; else a hash of the SPI (RSS), by the port's own or by a rule with the RSS action, which spreads SAs over the queues, whichever
 * worker's those are; else none. Then packets reach their owner from wherever they landed, over the hand-off rings. A kind is taken
 * whole, all of its rules in both families, or not at all: half of it would only hide how packets go. What a NIC takes, docs/steering.md.
 *
 * The manager's, once per port. Rules only place packets: ownership is checked by every worker (dp_owner.h). */
#ifndef DATAPLANE_IO_IO_STEER_H
#define DATAPLANE_IO_IO_STEER_H

#include "common/contract.h"
#include "common/steer.h"
#include "dataplane/io/io_flow.h"
#include "dataplane/io/io_port.h"

enum io_steer_kind { IO_STEER_ESP, IO_STEER_NATT, IO_STEER_AH, IO_STEER_KINDS };

struct io_steer {
    const struct io_flow_calls *calls;
    uint16_t port_id;
    unsigned workers, queues; /* when it began; of the port */
    struct io_steer_set {
        unsigned by;                           /* enum cv_steer_by, or CV_STEER_SPI */
        char why[56];                          /* the last refusal, "" none */
        struct rte_flow *rules[CV_BUCKETS][2]; /* [.][is IPv6] */
    } set[IO_STEER_KINDS];
};

/* Which of the hashes that a port is capable of (RTE_ETH_RSS_*) it is to be configured with: all that tell SAs apart; and what that is in
 * the words of enum cv_rss. */
uint64_t io_steer_rss(uint64_t capable);
uint8_t io_steer_rss_kinds(uint64_t hf);

/* Places the rules, for a port whose p->rss says what it hashes; bucket b goes to queue b % workers. One worker has rules, too, where the port has
 * more queues: workers that are added take over buckets rule by rule. Leaves nothing of a kind behind that is not complete. */
void io_steer_start(struct io_steer *s, const struct io_flow_calls *calls, const struct io_port *p,
                    unsigned workers);
/* Another number of workers runs: what is told of ports without rules. Those that there are follow by io_steer_move. */
void io_steer_workers(struct io_steer *s, unsigned workers);
/* The bucket's rules now name the queue of `worker`. False: there are none to change, or no queue is that worker's, and packets go on
 * landing where they did. A rule that the driver takes away but does not give again is missed: RSS places those packets. */
bool io_steer_move(struct io_steer *s, unsigned bucket, unsigned worker);
/* Takes all rules away; before the port is stopped. */
void io_steer_stop(struct io_steer *s);
/* For show platform steering. */
void io_steer_report(const struct io_steer *s, const struct io_port *p, struct cv_steer_port *out);

#endif
