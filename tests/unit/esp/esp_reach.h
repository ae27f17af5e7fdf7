/* esp_reach: what test_differential.c's packets that were taken had, by transform and direction: with each of these there must have been one. */
#ifndef TESTS_UNIT_ESP_ESP_REACH_H
#define TESTS_UNIT_ESP_ESP_REACH_H

#include "tests/unit/esp/esp_fix.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum reach { REACH_NATT, REACH_ESN, REACH_TFC, REACH_LONG, REACH_OUTER6, REACH_TRANSPORT, REACHES };
enum reach_path { REACH_OUT, REACH_IN, REACH_AH_OUT, REACH_AH_IN, REACH_PATHS };
enum {
    REACH_FROM = 75000, /* packets: with fewer, SAs are too few for every one of these */
    REACH_ETHERNET = 1500,
};

static const char *const reach_names[REACHES] = {"NAT-T", "ESN", "TFC padding", "long", "IPv6", "transport"};
static const char *const reach_paths[REACH_PATHS] = {"out", "in", "AH out", "AH in"};

/* AH has neither UDP nor padding; padding that came in is not seen by the data plane. */
static const bool reach_allowed[REACH_PATHS][REACHES] = {
    [REACH_OUT] = {true, true, true, true, true, true},
    [REACH_IN] = {true, true, false, true, true, true},
    [REACH_AH_OUT] = {false, true, false, true, true, true},
    [REACH_AH_IN] = {false, true, false, true, true, true},
};
static uint64_t reached[REACH_PATHS][FIX_TRANSFORMS][REACHES];

static unsigned reach_row(const char *transform)
{
    unsigned i = 0;
    while (i < FIX_TRANSFORMS - 1 && fix_transforms[i].name != transform)
        i++;
    return i;
}

/* A packet of the transform was taken, whose inner one has len octets; padded: it was, for TFC. */
static void reach_note(enum reach_path path, const char *transform, const struct cv_sa *sa, uint32_t len,
                       bool padded)
{
    uint64_t *n = reached[path + (sa->proto == CV_PROTO_AH ? REACH_AH_OUT : 0)][reach_row(transform)];
    n[REACH_NATT] += (sa->flags & CV_SA_NATT) != 0;
    n[REACH_ESN] += (sa->flags & CV_SA_ESN) != 0;
    n[REACH_TFC] += padded;
    n[REACH_LONG] += len > REACH_ETHERNET;
    n[REACH_OUTER6] += sa->local.addr.family == IP_V6;
    n[REACH_TRANSPORT] += sa->mode == CV_MODE_TRANSPORT;
}

static void reach_check(void)
{
    for (unsigned p = 0; p < REACH_PATHS; p++)
        for (unsigned t = p < REACH_AH_OUT ? 0 : FIX_NULL_MD5; t < FIX_TRANSFORMS; t++)
            for (unsigned r = 0; r < REACHES; r++) {
                if (!reach_allowed[p][r] || reached[p][t][r] > 0)
                    continue;
                CU_FAIL("a combination was not reached");
                fprintf(stderr, "\n  %s %s: no packet with %s", reach_paths[p], fix_transforms[t].name,
                        reach_names[r]);
            }
}

#endif
