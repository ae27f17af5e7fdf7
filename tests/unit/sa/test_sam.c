/* The SA manager over mock_dp: SPIs and slots, installation and its failures, retirement, adoption. */
#include "tests/unit/sa/sam_bench.h"

#include <stdlib.h>
#include <string.h>

static void spi_names_its_slot_and_has_a_generation(void)
{
    struct sam_bench b;
    uint32_t spi[MOCK_SLOTS], more;
    sam_bench_start(&b);
    for (unsigned i = 0; i < MOCK_SLOTS; i++) {
        CU_ASSERT_EQUAL_FATAL(sam_spi_reserve(b.sam, &spi[i]), CV_OK);
        CU_ASSERT(spi[i] >= 256);
        CU_ASSERT(spi[i] >> MOCK_BITS != 0);
        for (unsigned k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(cv_spi_slot(spi[i], MOCK_BITS), cv_spi_slot(spi[k], MOCK_BITS));
    }
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &more), CV_ENOSPC);
    sam_spi_release(b.sam, spi[7] ^ 1u << 31); /* not the one that was reserved */
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &more), CV_ENOSPC);
    sam_spi_release(b.sam, spi[7]);
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &more), CV_OK);
    CU_ASSERT_EQUAL(cv_spi_slot(more, MOCK_BITS), cv_spi_slot(spi[7], MOCK_BITS));
    CU_ASSERT_NOT_EQUAL(more, spi[7]);
    sam_bench_stop(&b);
}

static void spi_of_a_worker_falls_into_its_buckets(void)
{
    struct sam_bench b;
    uint32_t spi, mine = 0;
    sam_bench_start(&b);
    b.dp->workers = 3;
    CU_ASSERT_EQUAL(sam_spi_reserve_for(b.sam, 4, &spi), CV_EINVAL); /* workers 0 to 2 are 1 to 3 */
    for (uint8_t w = 1; w <= 3; w++) {
        CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_for(b.sam, w, &spi), CV_OK);
        CU_ASSERT_EQUAL(cv_spi_bucket(spi) % 3, w - 1u);
    }
    while (sam_spi_reserve_for(b.sam, 2, &spi) == CV_OK) {
        CU_ASSERT_EQUAL(cv_spi_bucket(spi) % 3, 1);
        CU_ASSERT_TRUE_FATAL(++mine <= MOCK_SLOTS);
    }
    CU_ASSERT_TRUE(mine >= MOCK_SLOTS / 3 - 2);
    CU_ASSERT_EQUAL(sam_spi_reserve_for(b.sam, 2, &spi), CV_ENOSPC);
    CU_ASSERT_EQUAL(sam_spi_reserve_for(b.sam, 1, &spi), CV_OK); /* the others' are still there */
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_OK);
    sam_bench_stop(&b);
}

/* A rekey stays with the worker that has the old SA, wherever its bucket is by now: so nothing is overtaken. */
static void successor_has_its_predecessors_bucket(void)
{
    struct sam_bench b;
    uint32_t spi, last = 0, n = 0;
    sam_bench_start(&b);
    b.dp->workers = 3;
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT_EQUAL_FATAL(sam_spi_reserve(b.sam, &spi), CV_OK); /* the cursor is elsewhere */
    const struct sam_child *old = sam_bench_install(&b, 1, 0x11223344, "Tunnel1");
    const uint32_t bucket = cv_spi_bucket(old->in.spi);
    for (; n < MOCK_SLOTS / CV_BUCKETS - 1; n++, last = spi) {
        CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_after(b.sam, old, CV_WORKER_ANY, &spi), CV_OK);
        CU_ASSERT_EQUAL(cv_spi_bucket(spi), bucket);
        CU_ASSERT_TRUE(sam_spi_in_use(b.sam, spi));
        CU_ASSERT_NOT_EQUAL(spi, last);
    }
    /* Full: better in another one than not at all. */
    CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_after(b.sam, old, CV_WORKER_ANY, &spi), CV_OK);
    CU_ASSERT_NOT_EQUAL(cv_spi_bucket(spi), bucket);
    sam_spi_release(b.sam, last);
    CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_after(b.sam, old, CV_WORKER_ANY, &spi), CV_OK);
    CU_ASSERT_EQUAL(cv_spi_slot(spi, MOCK_BITS), cv_spi_slot(last, MOCK_BITS));
    /* Whom it is for goes before. */
    const uint8_t other = (uint8_t)((bucket + 1) % 3 + 1);
    CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_after(b.sam, old, other, &spi), CV_OK);
    CU_ASSERT_EQUAL(cv_spi_bucket(spi) % 3, other - 1u);
    CU_ASSERT_EQUAL(sam_spi_reserve_after(b.sam, old, 4, &spi), CV_EINVAL);
    /* Whom its predecessor was for has left. */
    struct sam_child gone = *old;
    gone.worker = 4;
    CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_after(b.sam, &gone, 4, &spi), CV_OK);
    CU_ASSERT_EQUAL(sam_spi_reserve_after(b.sam, NULL, CV_WORKER_ANY, &spi), CV_OK);
    sam_bench_stop(&b);
}

/* RFC 9611: one sends for each worker; a rekey of one worker's SA takes over from that one alone. */
static void each_worker_has_one_that_sends(void)
{
    struct sam_bench b;
    struct sam_child *c[4];
    static const uint8_t worker[4] = {CV_WORKER_ANY, 1, 2, 1};
    sam_bench_start(&b);
    b.dp->workers = 2;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t keys[6][64];
        struct sam_install p = sam_bench_proposal(&b, keys);
        p.worker = worker[i];
        p.activate = true;
        p.spi_out = 0x90001000u + i;
        CU_ASSERT_EQUAL_FATAL(sam_spi_reserve_for(b.sam, worker[i], &p.spi_in), CV_OK);
        CU_ASSERT_EQUAL_FATAL(sam_child_install(b.sam, &p, &c[i]), CV_OK);
        CU_ASSERT_EQUAL(c[i]->worker, worker[i]);
        CU_ASSERT_EQUAL(b.dp->out[c[i]->out.sa_id].sa.worker, worker[i]);
        CU_ASSERT_EQUAL(b.dp->in[c[i]->in.sa_id].sa.worker, worker[i]);
    }
    CU_ASSERT_TRUE(c[0]->active && !c[1]->active && c[2]->active && c[3]->active);
    sam_bench_stop(&b);
}

static void no_spi_before_the_data_plane_is_there(void)
{
    struct sam_bench b;
    uint32_t spi;
    sam_bench_start(&b);
    b.dp->bits = 0;
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_EAGAIN);
    b.dp->bits = MOCK_BITS;
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_OK);
    sam_bench_stop(&b);
}

static void install_puts_both_directions_and_activates(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x11223344, "Tunnel1");
    sam_bench_events(&b);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 1);
    struct mock_sa *out = mock_dp_sending(b.dp, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_EQUAL(out->sa.ref.spi, 0x11223344);
    CU_ASSERT_EQUAL(out->sa.cookie, c->cookie);
    CU_ASSERT_EQUAL((uint32_t)c->cookie, c->id);
    CU_ASSERT_EQUAL(out->sa.salt_len, 4);
    CU_ASSERT_EQUAL(out->sa.encr_key_len, 16);
    CU_ASSERT_PTR_EQUAL(sam_child_by_spi_in(b.sam, c->in.spi), c);
    CU_ASSERT_PTR_EQUAL(sam_child_by_spi_out(b.sam, 1, 0x11223344), c);
    CU_ASSERT_PTR_NULL(sam_child_by_spi_out(b.sam, 2, 0x11223344));
    CU_ASSERT_PTR_EQUAL(sam_child_by_id(b.sam, c->id), c);
    CU_ASSERT_PTR_EQUAL(sam_children_of(b.sam, 1), c);
    sam_bench_stop(&b);
}

static void inactive_child_sends_only_when_activated(void)
{
    struct sam_bench b;
    uint8_t keys[6][64];
    struct sam_child *c, *old;
    sam_bench_start(&b);
    old = sam_bench_install(&b, 1, 0x1000, "Tunnel1");
    struct sam_install p = sam_bench_proposal(&b, keys);
    p.activate = false;
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(sam_child_install(b.sam, &p, &c), CV_OK);
    CU_ASSERT(!c->active && old->active);
    CU_ASSERT_EQUAL(mock_dp_sending(b.dp, 1)->sa.ref.spi, 0x1000);
    sam_child_activate(b.sam, c);
    CU_ASSERT(c->active && !old->active);
    CU_ASSERT_EQUAL(mock_dp_sending(b.dp, 1)->sa.ref.spi, p.spi_out);
    sam_bench_stop(&b);
}

/* RFC 4301 4.1: an SA is known by its SPI and its protocol; the peer chooses each as it likes. */
static void RFC_4301_4_1_one_SPI_of_the_peer_for_AH_and_ESP(void)
{
    struct sam_bench b;
    uint8_t keys[6][64];
    sam_bench_start(&b);
    struct sam_child *esp = sam_bench_install(&b, 1, 0x3000, "Tunnel1"), *ah;
    struct sam_install p = sam_bench_proposal(&b, keys);
    p.owner = 1;
    p.spi_out = 0x3000;
    p.encr = CV_ENCR_NONE;
    p.key_bits = 0;
    p.integ = CV_INTEG_HMAC_SHA2_256_128;
    p.tfc_len = 500;
    p.dummy_ms = 10;
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(sam_child_install(b.sam, &p, &ah), CV_OK);
    sam_bench_events(&b);
    CU_ASSERT_PTR_EQUAL(sam_child_of_peer(b.sam, 1, 0x3000, false), esp);
    CU_ASSERT_PTR_EQUAL(sam_child_of_peer(b.sam, 1, 0x3000, true), ah);
    CU_ASSERT_PTR_EQUAL(sam_child_by_spi_out(b.sam, 1, 0x3000), esp);
    CU_ASSERT(sam_is_ah(ah) && !sam_is_ah(esp));
    const struct cv_sa *out = &b.dp->out[ah->out.sa_id].sa;
    CU_ASSERT_EQUAL(out->proto, CV_PROTO_AH);
    CU_ASSERT_EQUAL(out->tfc_len + out->dummy_ms, 0); /* AH hides nothing */
    sam_child_delete(b.sam, esp, 0);
    sam_bench_events(&b);
    CU_ASSERT_PTR_NULL(sam_child_of_peer(b.sam, 1, 0x3000, false));
    CU_ASSERT_PTR_EQUAL(sam_child_by_spi_out(b.sam, 1, 0x3000), ah);
    p.natt = true;
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
    CU_ASSERT_EQUAL(sam_child_install(b.sam, &p, &ah), CV_EUNSUP);
    sam_bench_stop(&b);
}

static void refused(struct sam_bench *b, struct sam_install *p, cv_result want)
{
    struct sam_child *c = NULL;
    unsigned commands = b->dp->commands;
    CU_ASSERT_EQUAL(sam_child_install(b->sam, p, &c), want);
    CU_ASSERT_PTR_NULL(c);
    CU_ASSERT_EQUAL(b->dp->commands, commands);
}

static void install_refuses_what_cannot_be(void)
{
    struct sam_bench b;
    uint8_t keys[6][64];
    sam_bench_start(&b);
    struct sam_install good = sam_bench_proposal(&b, keys), p;
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &good.spi_in), CV_OK);
    p = good, p.spi_in ^= 1u << 31, refused(&b, &p, CV_EINVAL); /* not reserved */
    p = good, p.spi_out = 255, refused(&b, &p, CV_EINVAL);      /* RFC 4303 2.1 */
    p = good, p.spi_out = 0, refused(&b, &p, CV_EINVAL);
    p = good, p.ts_count = 0, refused(&b, &p, CV_EINVAL);
    p = good, p.ts_count = CV_TS_MAX + 1, refused(&b, &p, CV_EINVAL);
    p = good, p.encr = CV_ENCR_NONE, refused(&b, &p, CV_EUNSUP);
    p = good, p.encr = CV_ENCR_DES, p.key_bits = 0, refused(&b, &p, CV_EUNSUP);
    p = good, p.key_bits = 129, refused(&b, &p, CV_EUNSUP);
    p = good, p.key_bits = 0, refused(&b, &p, CV_EUNSUP);
    p = good, p.encr = CV_ENCR_AES_CBC, refused(&b, &p, CV_EUNSUP);              /* without integrity */
    p = good, p.integ = CV_INTEG_HMAC_SHA2_256_128, refused(&b, &p, CV_EUNSUP);  /* AEAD with it */
    p = good, p.encr = CV_ENCR_NULL, p.key_bits = 0, refused(&b, &p, CV_EUNSUP); /* nothing at all */
    p = good, p.interface = "Tunnel9", refused(&b, &p, CV_ENOENT);
    p = good, p.remote.addr.family = IP_V6, refused(&b, &p, CV_EINVAL);
    struct sam_child *c;
    CU_ASSERT_EQUAL(sam_child_install(b.sam, &good, &c), CV_OK); /* nothing of it was lost */
    sam_bench_stop(&b);
}

static void every_transform_has_its_key_lengths(void)
{
    static const struct {
        uint16_t encr, bits, integ;
        uint8_t ek, salt, ik;
    } t[] = {
        {CV_ENCR_AES_GCM_16, 128, 0, 16, 4, 0},
        {CV_ENCR_AES_GCM_16, 192, 0, 24, 4, 0},
        {CV_ENCR_AES_GCM_16, 256, 0, 32, 4, 0},
        {CV_ENCR_NULL_AES_GMAC, 256, 0, 32, 4, 0},
        {CV_ENCR_CHACHA20_POLY1305, 0, 0, 32, 4, 0},
        {CV_ENCR_AES_CBC, 128, CV_INTEG_HMAC_SHA1_96, 16, 0, 20},
        {CV_ENCR_AES_CBC, 192, CV_INTEG_HMAC_SHA2_256_128, 24, 0, 32},
        {CV_ENCR_AES_CBC, 256, CV_INTEG_HMAC_SHA2_384_192, 32, 0, 48},
        {CV_ENCR_3DES, 0, CV_INTEG_HMAC_SHA2_512_256, 24, 0, 64},
        {CV_ENCR_NULL, 0, CV_INTEG_HMAC_MD5_96, 0, 0, 16},
    };
    struct sam_bench b;
    sam_bench_start(&b);
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        uint8_t keys[6][64];
        struct sam_child *c;
        struct sam_install p = sam_bench_proposal(&b, keys);
        p.encr = t[i].encr, p.key_bits = t[i].bits, p.integ = t[i].integ, p.spi_out = 0x1000 + i;
        CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
        CU_ASSERT_EQUAL_FATAL(sam_child_install(b.sam, &p, &c), CV_OK);
        const struct cv_sa *sa = &mock_dp_sending(b.dp, 1)->sa;
        CU_ASSERT_EQUAL(sa->encr_key_len, t[i].ek);
        CU_ASSERT_EQUAL(sa->salt_len, t[i].salt);
        CU_ASSERT_EQUAL(sa->integ_key_len, t[i].ik);
        CU_ASSERT(memcmp(sa->encr_key, keys[3], t[i].ek) == 0);
        CU_ASSERT(memcmp(b.dp->in[c->in.sa_id].sa.integ_key, keys[2], t[i].ik) == 0);
    }
    sam_bench_stop(&b);
}

static void full_queue_takes_the_first_half_back(void)
{
    struct sam_bench b;
    uint8_t keys[6][64];
    struct sam_child *c = NULL;
    sam_bench_start(&b);
    for (unsigned ok = 0; ok < 2; ok++) { /* the first, then the second SA_ADD finds the queue full */
        struct sam_install p = sam_bench_proposal(&b, keys);
        CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
        if (ok == 0) {
            b.dp->full_for = 1;
            CU_ASSERT_EQUAL(sam_child_install(b.sam, &p, &c), CV_ENOSPC);
            sam_spi_release(b.sam, p.spi_in);
        }
        sam_bench_events(&b);
        CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 0);
        CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
        CU_ASSERT_PTR_NULL(sam_children(b.sam));
    }
    uint32_t spi;
    for (unsigned i = 0; i < MOCK_SLOTS - 1; i++) /* one is still reserved above */
        CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_OK);
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_ENOSPC);
    sam_bench_stop(&b);
}

static void refusal_by_the_data_plane_removes_the_twin(void)
{
    for (unsigned nth = 1; nth <= 2; nth++) {
        struct sam_bench b;
        sam_bench_start(&b);
        b.dp->refuse_after = nth;
        b.dp->refuse_with = CV_ENOMEM;
        struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1");
        uint32_t id = c->id;
        sam_bench_events(&b);
        CU_ASSERT_EQUAL(b.failures, 1);
        CU_ASSERT_EQUAL(b.last_id, id);
        CU_ASSERT_PTR_NULL(sam_child_by_id(b.sam, id));
        CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 0);
        CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
        sam_bench_stop(&b);
    }
}

static void freed_slot_waits_for_the_reply_of_its_delete(void)
{
    struct sam_bench b;
    uint32_t spi;
    sam_bench_start(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    uint32_t slot = c->in.sa_id;
    sam_bench_events(&b);
    b.dp->hold_replies = true;
    sam_child_delete(b.sam, c, 0);
    for (unsigned i = 0; i < MOCK_SLOTS - 1; i++) {
        CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_OK);
        CU_ASSERT_NOT_EQUAL(cv_spi_slot(spi, MOCK_BITS), slot);
    }
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_ENOSPC);
    b.dp->hold_replies = false;
    sam_bench_events(&b);
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_OK);
    CU_ASSERT_EQUAL(cv_spi_slot(spi, MOCK_BITS), slot);
    sam_bench_stop(&b);
}

static void late_refusal_does_not_free_a_slot_twice(void)
{
    struct sam_bench b;
    uint32_t spi, again;
    sam_bench_start(&b);
    b.dp->refuse_after = 1;
    b.dp->refuse_with = CV_ENOMEM;
    b.dp->hold_replies = true;
    struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    sam_child_delete(b.sam, c, 0); /* before the refusal is read */
    b.dp->hold_replies = false;
    sam_bench_events(&b);
    for (unsigned i = 0; i < MOCK_SLOTS; i++)
        CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, i ? &again : &spi), CV_OK);
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &again), CV_ENOSPC);
    sam_bench_stop(&b);
}

static void delete_that_finds_the_queue_full_is_tried_again(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    sam_bench_events(&b);
    b.dp->full_for = 3;
    sam_child_delete(b.sam, c, 0);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    sam_bench_at(&b, b.now + 200);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 0);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
    CU_ASSERT_EQUAL(sam_next_timer(b.sam), UINT64_MAX);
    sam_bench_stop(&b);
}

static void delete_stops_outbound_and_lets_inbound_linger(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    uint64_t t0 = b.now;
    uint32_t spi = c->in.spi;
    sam_child_delete(b.sam, c, 60000);
    CU_ASSERT_EQUAL(c->state, SAM_RETIRING);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    CU_ASSERT_PTR_NULL(sam_child_by_spi_out(b.sam, 1, 0x2000));
    CU_ASSERT_PTR_EQUAL(sam_child_by_spi_in(b.sam, spi), c);
    sam_bench_event(&b, CV_EVT_SA_FIRST, &c->in, c->cookie); /* packets in flight do not revive it */
    CU_ASSERT_EQUAL(b.firsts, 0);
    sam_child_delete(b.sam, c, 5000);  /* sooner is possible */
    sam_child_delete(b.sam, c, 90000); /* later is not */
    sam_bench_at(&b, t0 + 4999);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    sam_bench_at(&b, t0 + 5000);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 0);
    CU_ASSERT_PTR_NULL(sam_children(b.sam));
    CU_ASSERT_EQUAL(b.expired, 0);
    sam_bench_stop(&b);
}

/* The data plane counts by slot: what a child sends no more on is somebody else's in the end. */
static void a_child_that_only_receives_has_not_sent_what_another_sends(void)
{
    struct sam_bench b;
    struct cv_sa_counters in, out;
    uint64_t idle;
    sam_bench_start(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1"), *other = NULL;
    const uint32_t slot = c->out.sa_id;
    sam_bench_events(&b);
    b.dp->in[c->in.sa_id].counters.packets = 5;
    sam_child_end_sending(b.sam, c);
    for (unsigned i = 0; !other && i < MOCK_SLOTS; i++) {
        sam_bench_events(&b);
        other = sam_bench_install(&b, 2, 0x3000 + i, "Tunnel2");
        CU_ASSERT_PTR_NOT_NULL_FATAL(other);
        if (other->out.sa_id == slot)
            break;
        sam_child_delete(b.sam, other, 0);
        other = NULL;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    b.dp->out[slot].counters.packets = 7;
    sam_child_counters(b.sam, c, &in, &out, &idle);
    CU_ASSERT_TRUE(in.packets == 5 && out.packets == 0);
    sam_child_counters(b.sam, other, &in, &out, &idle);
    CU_ASSERT_TRUE(in.packets == 0 && out.packets == 7);
    sam_bench_stop(&b);
}

static void reparent_moves_children_and_their_index(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c1 = sam_bench_install(&b, 1, 0x2000, "Tunnel1"),
                     *c2 = sam_bench_install(&b, 1, 0x2001, "Tunnel1"),
                     *c3 = sam_bench_install(&b, 2, 0x2002, "Tunnel2");
    sam_child_reparent(b.sam, 1, 2);
    CU_ASSERT_PTR_NULL(sam_children_of(b.sam, 1));
    CU_ASSERT_PTR_EQUAL(sam_child_by_spi_out(b.sam, 2, 0x2000), c1);
    CU_ASSERT_PTR_EQUAL(sam_child_by_spi_out(b.sam, 2, 0x2001), c2);
    CU_ASSERT_PTR_NULL(sam_child_by_spi_out(b.sam, 1, 0x2000));
    unsigned n = 0;
    for (struct sam_child *c = sam_children_of(b.sam, 2); c; c = c->next_of_owner)
        n++;
    CU_ASSERT_EQUAL(n, 3);
    sam_child_delete(b.sam, c2, 0);
    sam_child_delete(b.sam, c1, 0);
    CU_ASSERT_PTR_EQUAL(sam_children_of(b.sam, 2), c3);
    sam_child_delete(b.sam, c3, 0);
    CU_ASSERT_PTR_NULL(sam_children_of(b.sam, 2));
    sam_bench_stop(&b);
}

static void new_peer_endpoint_reaches_both_directions(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    struct sam_child *c = sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    struct ip_endpoint to = c->remote;
    unsigned before = b.dp->commands;
    sam_child_set_remote(b.sam, c, &to); /* the same: nothing to do */
    CU_ASSERT_EQUAL(b.dp->commands, before);
    to.port = 40000;
    sam_child_set_remote(b.sam, c, &to);
    CU_ASSERT(ip_endpoint_equal(&b.dp->in[c->in.sa_id].sa.remote, &to));
    CU_ASSERT(ip_endpoint_equal(&b.dp->out[c->out.sa_id].sa.remote, &to));
    sam_bench_stop(&b);
}

static uint64_t ten_minutes(void *ctx, uint64_t cookie)
{
    return cookie == *(uint64_t *)ctx ? 0 : 600;
}

/* What the data plane of the daemon before shows, with so many seconds left. */
static void show_all(struct sam_bench *b, struct sam *to, uint32_t seconds)
{
    for (unsigned i = 0; i < MOCK_SLOTS; i++) {
        b->dp->in[i].sa.hard_seconds = b->dp->out[i].sa.hard_seconds = seconds;
        if (b->dp->in[i].used)
            sam_adopt(to, &b->dp->in[i].sa);
        if (b->dp->out[i].used)
            sam_adopt(to, &b->dp->out[i].sa);
    }
}

/* A new daemon, the old data plane. */
static void start_anew(struct sam_bench *fresh, struct sam_bench *b)
{
    sam_bench_start(fresh);
    mock_dp_free(fresh->dp);
    free(fresh->dp);
    fresh->dp = b->dp;
    fresh->link = b->link;
    fresh->rng = 4711;
}

static void adoption_joins_pairs_and_deletes_halves(void)
{
    struct sam_bench b, fresh;
    sam_bench_start(&b);
    struct sam_child *pair = sam_bench_install(&b, 1, 0x2000, "Tunnel1"),
                     *half = sam_bench_install(&b, 1, 0x2001, "Tunnel1"),
                     *stale = sam_bench_install(&b, 1, 0x2002, "Tunnel2");
    uint64_t stale_cookie = stale->cookie, pair_cookie = pair->cookie;
    uint32_t pair_in = pair->in.spi;
    start_anew(&fresh, &b);
    memset(&b.dp->out[half->out.sa_id], 0, sizeof b.dp->out[0]); /* died between two commands */
    show_all(&b, fresh.sam, 0); /* no limit there: what the daemon remembers counts */
    sam_adopt_end(fresh.sam, ten_minutes, &stale_cookie);
    struct sam_child *a = sam_children(fresh.sam);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_PTR_NULL(a->next);
    CU_ASSERT_EQUAL(a->cookie, pair_cookie);
    CU_ASSERT_EQUAL(a->in.spi, pair_in);
    CU_ASSERT_EQUAL(a->state, SAM_ADOPTED);
    CU_ASSERT_STRING_EQUAL(a->interface, "Tunnel1");
    CU_ASSERT_EQUAL(a->key_bits, 128);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    /* what was installed before keeps its slot; new ids do not collide */
    struct sam_child *c = sam_bench_install(&fresh, 5, 0x3000, "Tunnel1");
    CU_ASSERT_NOT_EQUAL(c->id, a->id);
    CU_ASSERT_NOT_EQUAL(c->in.sa_id, cv_spi_slot(pair_in, MOCK_BITS));
    sam_bench_at(&fresh, fresh.now + 599000);
    CU_ASSERT_EQUAL(fresh.expired, 0);
    sam_bench_at(&fresh, fresh.now + 2000);
    CU_ASSERT_EQUAL(fresh.expired, 1);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN),
                    1); /* the new one, and the half's outbound that was never shown */
    sam_free(b.sam);
    sam_bench_stop(&fresh);
}

static uint64_t over(void *ctx, uint64_t cookie)
{
    (void)ctx;
    (void)cookie;
    return 0;
}

/* Somebody set the wall clock while culvertd was away. */
static void adopted_sas_end_when_the_data_plane_says(void)
{
    struct sam_bench b, fresh;
    sam_bench_start(&b);
    sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    start_anew(&fresh, &b);
    show_all(&b, fresh.sam, 200);
    sam_adopt_end(fresh.sam, over, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sam_children(fresh.sam));
    sam_bench_at(&fresh, fresh.now + 199000);
    CU_ASSERT_EQUAL(fresh.expired, 0);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 1);
    sam_bench_at(&fresh, fresh.now + 1000);
    CU_ASSERT_EQUAL(fresh.expired, 1);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 0);
    sam_free(b.sam);
    sam_bench_stop(&fresh);
}

static void lost_data_plane_forgets_children_but_not_reservations(void)
{
    struct sam_bench b;
    uint8_t keys[6][64];
    struct sam_child *c;
    sam_bench_start(&b);
    sam_bench_install(&b, 1, 0x2000, "Tunnel1");
    struct sam_install p = sam_bench_proposal(&b, keys);
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
    mock_dp_restart(b.dp);
    sam_lost(b.sam);
    CU_ASSERT_PTR_NULL(sam_children(b.sam));
    CU_ASSERT_EQUAL(sam_next_timer(b.sam), UINT64_MAX);
    CU_ASSERT_EQUAL(sam_child_install(b.sam, &p, &c), CV_OK);
    sam_bench_stop(&b);
}

static void lost_data_plane_of_another_size_drops_reservations(void)
{
    struct sam_bench b;
    uint8_t keys[6][64];
    struct sam_child *c;
    sam_bench_start(&b);
    struct sam_install p = sam_bench_proposal(&b, keys);
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
    mock_dp_restart(b.dp);
    b.dp->bits = MOCK_BITS - 1;
    sam_lost(b.sam);
    CU_ASSERT_EQUAL(sam_child_install(b.sam, &p, &c), CV_EINVAL);
    CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &p.spi_in), CV_OK);
    CU_ASSERT_EQUAL(sam_child_install(b.sam, &p, &c), CV_OK);
    sam_bench_stop(&b);
}

/* A seeded life of some thousand steps: tables, indexes and data plane stay one. */
static void random_life_leaves_nothing_behind(void)
{
    struct sam_bench b;
    sam_bench_start(&b);
    uint32_t spi_out = 0x10000;
    for (unsigned step = 0; step < 5000; step++) {
        uint8_t r[2];
        sam_bench_random(&b, r, 2);
        unsigned n = 0;
        for (struct sam_child *c = sam_children(b.sam); c; c = c->next)
            n++;
        struct sam_child *pick = sam_children(b.sam);
        for (unsigned i = 0; n && i < r[1] % n; i++)
            pick = pick->next;
        if (r[0] < 90 && n < 100)
            sam_bench_install(&b, 1 + r[1] % 5, ++spi_out, r[1] & 1 ? "Tunnel1" : "Tunnel2");
        else if (r[0] < 140 && pick)
            sam_child_delete(b.sam, pick, r[1] & 2 ? 5000 : 0);
        else if (r[0] < 160)
            sam_child_reparent(b.sam, 1 + r[1] % 5, 1 + r[1] / 5 % 5);
        else if (r[0] < 200 && pick)
            sam_child_activate(b.sam, pick);
        else
            sam_bench_at(&b, b.now + r[1] * 100);
        if (r[0] & 1)
            sam_bench_events(&b);
    }
    while (sam_children(b.sam))
        sam_child_delete(b.sam, sam_children(b.sam), 0);
    sam_bench_events(&b);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_IN), 0);
    CU_ASSERT_EQUAL(mock_dp_count(b.dp, CV_DIR_OUT), 0);
    for (uint32_t i = 0; i < 7; i++)
        CU_ASSERT_PTR_NULL(sam_children_of(b.sam, i));
    uint32_t spi;
    for (unsigned i = 0; i < MOCK_SLOTS; i++)
        CU_ASSERT_EQUAL(sam_spi_reserve(b.sam, &spi), CV_OK);
    CU_ASSERT_EQUAL(sam_next_timer(b.sam), UINT64_MAX);
    sam_bench_stop(&b);
}

UNIT_MAIN("sam", UNIT_TEST(spi_names_its_slot_and_has_a_generation),
          UNIT_TEST(spi_of_a_worker_falls_into_its_buckets), UNIT_TEST(successor_has_its_predecessors_bucket),
          UNIT_TEST(each_worker_has_one_that_sends), UNIT_TEST(no_spi_before_the_data_plane_is_there),
          UNIT_TEST(install_puts_both_directions_and_activates),
          UNIT_TEST(inactive_child_sends_only_when_activated),
          UNIT_TEST(RFC_4301_4_1_one_SPI_of_the_peer_for_AH_and_ESP),
          UNIT_TEST(install_refuses_what_cannot_be), UNIT_TEST(every_transform_has_its_key_lengths),
          UNIT_TEST(full_queue_takes_the_first_half_back),
          UNIT_TEST(refusal_by_the_data_plane_removes_the_twin),
          UNIT_TEST(freed_slot_waits_for_the_reply_of_its_delete),
          UNIT_TEST(late_refusal_does_not_free_a_slot_twice),
          UNIT_TEST(delete_that_finds_the_queue_full_is_tried_again),
          UNIT_TEST(delete_stops_outbound_and_lets_inbound_linger),
          UNIT_TEST(a_child_that_only_receives_has_not_sent_what_another_sends),
          UNIT_TEST(reparent_moves_children_and_their_index),
          UNIT_TEST(new_peer_endpoint_reaches_both_directions),
          UNIT_TEST(adoption_joins_pairs_and_deletes_halves),
          UNIT_TEST(adopted_sas_end_when_the_data_plane_says),
          UNIT_TEST(lost_data_plane_forgets_children_but_not_reservations),
          UNIT_TEST(lost_data_plane_of_another_size_drops_reservations),
          UNIT_TEST(random_life_leaves_nothing_behind))
