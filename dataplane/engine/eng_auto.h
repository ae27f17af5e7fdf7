/* eng_auto: `crypto-engine auto`: for each transform the engine that is faster on this processor.
 *
 * Everything is ipsec-mb's until self_test has run, at start: it runs the known-answer tests of the engines that this
 * processor can use, then lets vaes and ipsec-mb take turns at AES-GCM and GMAC for some milliseconds. vaes gets a transform, key length
 * and direction when it is clearly faster over short and long packets together. */
#ifndef DATAPLANE_ENGINE_ENG_AUTO_H
#define DATAPLANE_ENGINE_ENG_AUTO_H

#include "dataplane/engine/eng.h"

#include <stdbool.h>

extern const struct eng_ops eng_auto;

/* The engine that a session of this SA gets (its transform, key length and direction are read). */
const struct eng_ops *eng_auto_choice(const struct cv_sa *sa);

/* What each of the two needed for as many packets of each size, short and long ones; in whatever unit, 0: not measured. */
enum { ENG_AUTO_SIZES = 2 };
struct eng_auto_times {
    double vaes[ENG_AUTO_SIZES], ipsecmb[ENG_AUTO_SIZES];
};
/* Is vaes clearly the faster one? Pure. */
CV_MUST_USE bool eng_auto_takes_vaes(const struct eng_auto_times *t);
/* These are the times of the SA's transform, key length and direction: what is chosen for sessions that come. Nothing is chosen for other transforms
 * than AES-GCM and GMAC. At start and in tests alone, before there are workers. */
void eng_auto_measured(const struct cv_sa *sa, const struct eng_auto_times *t);
/* The last ones of the SA's transform, key length and direction; zeros before there are any. */
struct eng_auto_times eng_auto_times_of(const struct cv_sa *sa);

#endif
