/* steer: one more of the ways in which a port brings ESP to its workers, behind those of contract.h.
 *
 * In a header of its own for those that tell it apart: the data plane's steering, and what shows it. */
#ifndef COMMON_STEER_H
#define COMMON_STEER_H

#include "common/contract.h"

/* In the place of an enum cv_steer_by: the card spreads SAs over its queues by a hash of the SPI, and hand-off does the rest. */
enum { CV_STEER_SPI = CV_STEER_ONE + 1 };

#endif
