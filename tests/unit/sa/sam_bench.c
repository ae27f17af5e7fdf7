#include "tests/unit/sa/sam_bench.h"

#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(void *ctx)
{
    return ((struct sam_bench *)ctx)->now;
}

void sam_bench_random(void *ctx, uint8_t *out, size_t n)
{
    struct sam_bench *b = ctx;
    for (size_t i = 0; i < n; i++) {
        b->rng = b->rng * 6364136223846793005ull + 1442695040888963407ull;
        out[i] = (uint8_t)(b->rng >> 56);
    }
}

static void on_rekey(void *ctx, struct sam_child *c, enum sam_why why)
{
    struct sam_bench *b = ctx;
    b->rekeys++;
    b->why = why;
    b->last_id = c->id;
}

static void on_expired(void *ctx, struct sam_child *c)
{
    struct sam_bench *b = ctx;
    b->expired++;
    b->last_id = c->id;
    if (b->delete_in_upcall)
        sam_child_delete(b->sam, c, 1000);
}

static void on_first(void *ctx, struct sam_child *c)
{
    struct sam_bench *b = ctx;
    b->firsts++;
    b->last_id = c->id;
}

static void on_failed(void *ctx, struct sam_child *c, cv_result r)
{
    struct sam_bench *b = ctx;
    (void)r;
    b->failures++;
    b->last_id = c->id;
}

static void on_idle(void *ctx, struct sam_child *c)
{
    struct sam_bench *b = ctx;
    b->idles++;
    b->last_id = c->id;
    if (b->delete_in_upcall)
        sam_child_delete(b->sam, c, 1000);
}

void sam_bench_start(struct sam_bench *b)
{
    memset(b, 0, sizeof *b);
    b->now = 1000;
    b->rng = 42;
    b->dp = malloc(sizeof *b->dp);
    mock_dp_init(b->dp, now_ms, b);
    b->dp->ifs[0] = "Tunnel1";
    b->dp->ifs[1] = "Tunnel2";
    b->link = mock_dp_link(b->dp);
    struct sam_conf conf = {.now_ms = now_ms,
                            .random = sam_bench_random,
                            .env_ctx = b,
                            .link = &b->link,
                            .up = {b, on_rekey, on_expired, on_first, on_failed, on_idle}};
    CU_ASSERT_EQUAL_FATAL(sam_new(&conf, &b->sam), CV_OK);
}

void sam_bench_stop(struct sam_bench *b)
{
    CU_ASSERT_STRING_EQUAL(b->dp->violation, "");
    sam_free(b->sam);
    mock_dp_free(b->dp);
    free(b->dp);
}

void sam_bench_events(struct sam_bench *b)
{
    struct cv_evt ev;
    while (mock_dp_next(b->dp, &ev))
        sam_event(b->sam, &ev);
}

void sam_bench_at(struct sam_bench *b, uint64_t ms)
{
    while (sam_next_timer(b->sam) <= ms) {
        if (sam_next_timer(b->sam) > b->now)
            b->now = sam_next_timer(b->sam);
        sam_timer(b->sam);
        sam_bench_events(b);
    }
    b->now = ms;
}

struct sam_install sam_bench_proposal(struct sam_bench *b, uint8_t keys[6][64])
{
    static struct ts any;
    any = ts_any(IP_V4);
    const uint8_t l[4] = {192, 0, 2, 1}, r[4] = {192, 0, 2, 2};
    for (int i = 0; i < 6; i++)
        sam_bench_random(b, keys[i], 64);
    return (struct sam_install){.owner = 1,
                                .initiator = true,
                                .activate = true,
                                .interface = "Tunnel1",
                                .ipsec_profile = "P",
                                .spi_out = 0x11223344,
                                .encr = CV_ENCR_AES_GCM_16,
                                .key_bits = 128,
                                .replay_window = 64,
                                .local = {.addr = ip_addr_v4(l)},
                                .remote = {.addr = ip_addr_v4(r)},
                                .ts_count = 1,
                                .ts_local = &any,
                                .ts_remote = &any,
                                .lifetime_s = 3600,
                                .lifetime_bytes = 4608000ull * 1024,
                                .encr_key_in = keys[0],
                                .salt_in = keys[1],
                                .integ_key_in = keys[2],
                                .encr_key_out = keys[3],
                                .salt_out = keys[4],
                                .integ_key_out = keys[5]};
}

struct sam_child *sam_bench_install(struct sam_bench *b, uint32_t owner, uint32_t spi_out,
                                    const char *interface)
{
    uint8_t keys[6][64];
    struct sam_install p = sam_bench_proposal(b, keys);
    struct sam_child *c = NULL;
    p.owner = owner;
    p.spi_out = spi_out;
    p.interface = interface;
    CU_ASSERT_EQUAL_FATAL(sam_spi_reserve(b->sam, &p.spi_in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(sam_child_install(b->sam, &p, &c), CV_OK);
    return c;
}

void sam_bench_event(struct sam_bench *b, uint32_t type, const struct cv_sa_ref *ref, uint64_t cookie)
{
    struct cv_evt ev;
    memset(&ev, 0, sizeof ev);
    ev.type = type;
    ev.u.sa_event.ref = *ref;
    ev.u.sa_event.cookie = cookie;
    sam_event(b->sam, &ev);
}
