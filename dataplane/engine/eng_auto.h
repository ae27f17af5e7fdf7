/* eng_auto: `crypto-engine auto`: for each transform the engine that is faster on this processor.
 *
 * Everything is ipsec-mb's until self_test has run, at start: it runs the known-answer tests of the engines that this
 * processor can use, then lets vaes and ipsec-mb take turns at AES-GCM and GMAC for some milliseconds. vaes gets a transform, key length
 * and direction when it is clearly faster over short and long packets together. */
#ifndef DATAPLANE_ENGINE_ENG_AUTO_H
#define DATAPLANE_ENGINE_ENG_AUTO_H

#include "dataplane/engine/eng.h"

extern const struct eng_ops eng_auto;

/* The engine that a session of this SA gets (its transform, key length and direction are read). */
const struct eng_ops *eng_auto_choice(const struct cv_sa *sa);

#endif
