/* cdev_lanes: several workers, each with its queue pair and SAs of its own, on a device that delays, mixes and fails on the way. */
#ifndef TESTS_UNIT_ENGINE_CDEV_LANES_H
#define TESTS_UNIT_ENGINE_CDEV_LANES_H

#include <stdint.h>

enum { LANES = 3, LANES_FAILURES = 5 };

/* Asserts that each worker's packets come back in order, right or counted as lost, and no more are lost than were in the device.
 * how: 0 it does not fail; at a random place it 1 reports an event, 2 hangs, 3 gives back errors, 4 loses a packet. The device is open
 * for LANES workers, with no queue pair taken. */
void lanes_run(unsigned how, uint32_t seed);

#endif
