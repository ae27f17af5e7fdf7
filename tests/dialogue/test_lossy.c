/* A thousand seeded lives over a wire that loses a fifth, doubles, delays and sometimes spoils datagrams: each one ends
 * up, or down with a reason; data planes agree; nothing leaks (run under the sanitizers). And the first exchanges of tunnels
 * whose every message is mutated against an engine with an established tunnel. */
#include "tests/dialogue/lossy.h"

#include <string.h>

enum { RUNS = 1000, START_MS = 100000, LIFE_MS = 60000, REST_MS = 300000 };

static struct wire *make(uint64_t seed)
{
    static const char *const ikes[] = {NULL, " encryption aes-cbc-256\n integrity sha256\n group 19\n",
                                       " encryption chacha20-poly1305\n prf sha256\n group 31\n",
                                       " encryption aes-gcm-128\n prf sha256\n group 31 19\n"};
    static const char *const sets[] = {NULL, "esp-aes 256 esp-sha256-hmac", "esp-chacha20-poly1305"};
    static const char *const more[] = {NULL, " set pfs group19\n", " set security-association esn\n"};
    static const char *const globals[] = {NULL, "crypto ikev2 fragmentation mtu 300\n",
                                          "crypto ikev2 window 1\n"};
    struct wire_conf c = {.ike = ikes[pick(seed, 1, 4)],
                          .transform = sets[pick(seed, 2, 3)],
                          .ipsec = more[pick(seed, 3, 3)],
                          .global = globals[pick(seed, 4, 3)],
                          .profile = " dpd 10 2 periodic\n"};
    struct wire_conf b = c;
    if (pick(seed, 5, 10) == 0)
        b.psk = "another"; /* some must fail, and say so */
    struct wire *w = wire_new(seed, &c, &b);
    w->loss = 20;
    w->dup = 10;
    w->reorder = 20;
    w->corrupt = pick(seed, 6, 4) == 0 ? 5 : 0;
    return w;
}

static void one_life(uint64_t seed, struct tally *t)
{
    struct wire *w = make(seed);
    bool same_key = pick(seed, 5, 10) != 0;
    wire_up(w, pick(seed, 7, 2) ? A : B);
    if (pick(seed, 8, 4) == 0) {
        wire_run(w, pick(seed, 9, 20));
        wire_up(w, A);
        wire_up(w, B);
    }
    wire_run(w, START_MS);
    live(w, seed, 5000);
    wire_run(w, LIFE_MS);
    bool a = wire_status(w, A) == IKE_UP_ACTIVE, b = wire_status(w, B) == IKE_UP_ACTIVE;
    /* The weather clears: whatever was under way is finished or given up, and both ends agree. */
    w->loss = w->dup = w->reorder = w->corrupt = 0;
    wire_run(w, REST_MS);
    wire_packet(w, A); /* traffic asks for what went down */
    wire_packet(w, B);
    wire_run(w, 90000);
    wire_packet(w, A);
    wire_run(w, 30000);
    bool up = wire_status(w, A) == IKE_UP_ACTIVE && wire_status(w, B) == IKE_UP_ACTIVE;
    (void)a;
    (void)b;
    if (up != same_key)
        fprintf(stderr, "seed %llu: A %s (%s), B %s (%s)\n", (unsigned long long)seed,
                ike_session_status_text(wire_status(w, A)), wire_reason_text(w, A),
                ike_session_status_text(wire_status(w, B)), wire_reason_text(w, B));
    t->up += up;
    t->failed += !up && wire_reason(w, A) != IKE_REASON_NONE && wire_reason(w, B) != IKE_REASON_NONE;
    t->silent += !up && (wire_reason(w, A) == IKE_REASON_NONE || wire_reason(w, B) == IKE_REASON_NONE);
    CU_ASSERT_EQUAL(up, same_key);
    if (up) {
        CU_ASSERT(wire_packet(w, A) && wire_packet(w, B));
        CU_ASSERT_EQUAL(wire_sas(w, A), 1);
        CU_ASSERT_EQUAL(wire_sas(w, B), 1);
    }
    if (!wire_consistent(w, true)) {
        t->inconsistent++;
        CU_FAIL("data planes differ");
    }
    wire_free(w);
}

static void a_thousand_lives_over_a_bad_wire(void)
{
    lives_over_a_bad_wire(one_life, RUNS);
}

UNIT_MAIN("lossy", UNIT_TEST(a_thousand_lives_over_a_bad_wire))
