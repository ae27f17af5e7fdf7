/* engine_why: why no device works on an SA that one was asked for: what devices and NICs do not take, beside the rows of CV_ENGINE_WHYS in
 * contract.h, whose numbers these continue (struct cv_sa_engine.why). cv_engine_why_name and cv_engine_why_text know both. */
#ifndef COMMON_ENGINE_WHY_H
#define COMMON_ENGINE_WHY_H

#include "common/contract.h"

#define CV_ENGINE_WHYS_OF_SA(X)                                                                              \
    X(PORT, "no-port", "no port that does IPsec leads to the peer")                                          \
    X(PROTO, "protocol", "the device does no AH")                                                            \
    X(MODE, "mode", "the device does not do this mode")                                                      \
    X(DIRECTION, "direction", "the device does not do this direction")                                       \
    X(ESN, "esn", "the device does no extended sequence numbers here")                                       \
    X(UDP, "udp-encapsulation", "the device does no UDP encapsulation here")                                 \
    X(WINDOW, "replay-window", "the device has no replay window of this size")                               \
    X(HEADER, "outer-header", "the device does not carry over DSCP, DF or ECN as asked")                     \
    X(TFC, "tfc", "packets are padded or dummies are sent, which software does")                             \
    X(TRAILER, "trailer", "the device wants to write the ESP trailer")                                       \
    X(USED, "used-before", "the SA was in use before, and the device's window would begin anew")             \
    X(REFUSED, "refused", "the device refused it, or has no room")                                           \
    X(UNFIT, "unfit", "the device could not take packets of this tunnel")
enum cv_engine_why_of_sa {
    CV_ENGINE_WHY_LAST = CV_ENGINE_WHY_COUNT - 1,
#define CV_ENGINE_WHY_ENUM(id, name, text) CV_ENGINE_WHY_##id,
    CV_ENGINE_WHYS_OF_SA(CV_ENGINE_WHY_ENUM)
#undef CV_ENGINE_WHY_ENUM
        CV_ENGINE_WHY_ALL
};

/* struct cv_sa_event.reason of CV_EVT_SA_SOFT, beside 1 (bytes) and 2 (packets): what works on the SA cannot go on. */
enum { CV_SOFT_BY_DEVICE = 3 };

#endif
