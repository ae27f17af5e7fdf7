/* eng_cryptodev_try: known answers of a device that does ESP as a whole, before it has a packet of anybody's.
 *
 * Internal to the cryptodev engine. For every transform and outer header that the device says it does, held to software that has passed known answers
 * of its own: what it sends decrypts to what it was given, with the numbers and the padding of RFC 4303 and an IV of its own for each packet; what software
 * sends it gives back as it was; a wrong bit of the ICV does not pass. And what it says of a dummy (RFC 4303 2.6) as it says of a forged packet is
 * remembered: coming in, a device that says the same of both is not used as a whole (cdev_proto_dummies). */
#ifndef DATAPLANE_ENGINE_ENG_CRYPTODEV_TRY_H
#define DATAPLANE_ENGINE_ENG_CRYPTODEV_TRY_H

#include "common/result.h"
#include "dataplane/engine/eng.h"

#include <stddef.h>

/* CV_ECRYPTO: an answer is wrong, or none came; err then names transform and step. Manager, before there are workers; engine is the cryptodev
 * engine, on a device that cdev_is_protocol. */
CV_MUST_USE cv_result cdev_try_whole(const struct eng_ops *engine, char *err, size_t err_len);

#endif
