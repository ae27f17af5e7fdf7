/* io_steer: asking the NIC to put every SA on its owner worker's queue: one rte_flow rule per worker that
 * masks the SPI's low bits.
 *
 * The manager's, once per port. Where the NIC cannot, packets reach their owner over the hand-off rings. */
#ifndef DATAPLANE_IO_IO_STEER_H
#define DATAPLANE_IO_IO_STEER_H

#include "dataplane/io/io_port.h"

/* True when every rule was taken; on anything else no rule is left behind. */
bool io_steer_esp(const struct io_port *p, unsigned workers);

#endif
