/* The SA tables: SPI as index, publication, removal after a grace period, the active list; and EAL arguments. */
#include "dataplane/dp_eal.h"
#include "dataplane/dp_pick.h"
#include "dataplane/dp_rcu.h"
#include "dataplane/dp_sad.h"
#include "tests/unit/engine/fix_engine.h"
#include "tests/unit/ip/pkt.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

enum { WORKERS = 3, BITS = 6 };

static struct shm shm;
static struct dp_sad sad;

static struct cv_sa make(enum cv_dir dir, uint32_t slot, uint32_t spi, uint32_t if_id)
{
    struct cv_sa sa = {
        .ref = {.dir = (uint8_t)dir, .sa_id = slot, .spi = spi}, .if_id = if_id, .cookie = slot + 500};
    sa.encr = CV_ENCR_AES_GCM_16;
    sa.encr_key_len = 16;
    sa.salt_len = 4;
    sa.replay_window = 64;
    memset(sa.encr_key, 0x77, 16);
    CU_ASSERT_TRUE(ip_addr_parse("192.0.2.1", &sa.local.addr) && ip_addr_parse("192.0.2.2", &sa.remote.addr));
    sa.ts_count = 1;
    sa.ts_local[0] = sa.ts_remote[0] = ts_any(IP_V4);
    return sa;
}

static cv_result add(enum cv_dir dir, uint32_t slot, uint32_t spi)
{
    struct cv_sa sa = make(dir, slot, spi, 5);
    return dp_sad_add(&sad, &sa);
}

static uint32_t gone_seq;
static struct cv_sa_counters gone_counters;
static void on_gone(void *ctx, uint32_t seq, const struct cv_sa_counters *last)
{
    (void)ctx;
    gone_seq = seq;
    gone_counters = *last;
}

static void fresh(void)
{
    static bool made;
    if (!made) {
        CU_ASSERT_EQUAL_FATAL(shm_create(WORKERS, BITS, &shm), CV_OK);
        CU_ASSERT_EQUAL_FATAL(dp_rcu_init(WORKERS), CV_OK);
        CU_ASSERT_EQUAL_FATAL(dp_sad_init(&sad, &shm, fix_engine()), CV_OK);
        made = true;
    }
    dp_sad_flush(&sad);
    dp_rcu_barrier();
    CU_ASSERT_EQUAL(sad.count, 0);
}

static void the_spi_is_the_index_and_is_compared_whole(void)
{
    const struct dp_sad_slot *slot;
    fresh();
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 5, 0x1000 | 5), CV_OK);
    CU_ASSERT_PTR_NOT_NULL(dp_sad_lookup(&sad, 0x1005, &slot));
    CU_ASSERT_PTR_NULL(dp_sad_lookup(&sad, 0x2005, &slot)); /* same slot, another generation */
    CU_ASSERT_PTR_NULL(dp_sad_lookup(&sad, 0x1006, &slot));
    CU_ASSERT_PTR_NULL(dp_sad_lookup(&sad, 0xffffffff, &slot));
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 5, 0x2005), CV_EEXIST);
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 6, 0x2005), CV_EINVAL); /* SPI of another slot */
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 7, 7), CV_EINVAL);      /* RFC 4303 2.1: 1..255 are reserved */
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 1u << BITS, 0x1000 | 1u << BITS), CV_EINVAL);
    CU_ASSERT_EQUAL(sad.count, 1);
}

static void an_outbound_sa_sends_only_after_its_activation_newest_first(void)
{
    struct cv_sa_ref a = {.dir = CV_DIR_OUT, .sa_id = 1, .spi = 0x9001},
                     b = {.dir = CV_DIR_OUT, .sa_id = 2, .spi = 0x9002};
    fresh();
    CU_ASSERT_EQUAL(add(CV_DIR_OUT, 1, 0x9001), CV_OK);
    CU_ASSERT_EQUAL(add(CV_DIR_OUT, 2, 0x9002), CV_OK);
    CU_ASSERT_PTR_NULL(dp_tunnel_get(&sad, 5));
    sad.acquire_tsc[5] = 99;
    CU_ASSERT_EQUAL(dp_sad_activate(&sad, &a), CV_OK);
    CU_ASSERT_EQUAL(sad.acquire_tsc[5], 0); /* the next loss asks at once */
    CU_ASSERT_EQUAL(dp_sad_activate(&sad, &b), CV_OK);
    const struct dp_tunnel *t = dp_tunnel_get(&sad, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_EQUAL_FATAL(t->count, 2);
    CU_ASSERT_EQUAL(esp_out_sa_conf(t->sas[0].sa)->ref.spi, 0x9002);
    CU_ASSERT_TRUE(t->sas[0].any4 && !t->sas[0].any6);
    CU_ASSERT_EQUAL(dp_sad_activate(&sad, &a), CV_OK); /* again: to the front, once */
    t = dp_tunnel_get(&sad, 5);
    CU_ASSERT_TRUE(t->count == 2 && esp_out_sa_conf(t->sas[0].sa)->ref.spi == 0x9001);
    a.spi = 0x9101;
    CU_ASSERT_EQUAL(dp_sad_activate(&sad, &a), CV_ENOENT);
    a.spi = 0x9001;
    CU_ASSERT_EQUAL(dp_sad_del(&sad, &a, NULL, NULL, 0), CV_OK);
    CU_ASSERT_EQUAL(dp_tunnel_get(&sad, 5)->count, 1);
    CU_ASSERT_EQUAL(dp_sad_del(&sad, &b, NULL, NULL, 0), CV_OK);
    CU_ASSERT_PTR_NULL(dp_tunnel_get(&sad, 5));
}

static void entries_carry_no_keys_and_the_cookie_comes_back(void)
{
    static const uint8_t zero[64];
    struct cv_sa out;
    fresh();
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 5, 0x1005), CV_OK);
    shm_counters_in(&shm, 5)->highest_seq = 1234;
    CU_ASSERT_TRUE_FATAL(dp_sad_entry(&sad, CV_DIR_IN, 5, &out));
    CU_ASSERT_EQUAL(out.cookie, 505);
    CU_ASSERT_EQUAL(out.seq, 1234);
    CU_ASSERT_EQUAL(memcmp(out.encr_key, zero, sizeof out.encr_key), 0);
    CU_ASSERT_EQUAL(memcmp(out.salt, zero, sizeof out.salt), 0);
    CU_ASSERT_FALSE(dp_sad_entry(&sad, CV_DIR_OUT, 5, &out));
}

static void removal_waits_for_every_worker(void)
{
    struct cv_sa_ref ref = {.dir = CV_DIR_IN, .sa_id = 5, .spi = 0x1005};
    const struct dp_sad_slot *slot;
    fresh();
    gone_seq = 0;
    CU_ASSERT_EQUAL(dp_rcu_register(1), CV_OK); /* a worker that is in the middle of its loop */
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 5, 0x1005), CV_OK);
    shm_counters_in(&shm, 5)->packets = 42;
    CU_ASSERT_EQUAL(dp_sad_del(&sad, &ref, on_gone, NULL, 77), CV_OK);
    CU_ASSERT_PTR_NULL(dp_sad_lookup(&sad, 0x1005, &slot)); /* unlinked at once */
    CU_ASSERT_EQUAL(dp_rcu_poll(), 1);
    CU_ASSERT_EQUAL(gone_seq, 0);
    dp_rcu_quiet(1);
    CU_ASSERT_EQUAL(dp_rcu_poll(), 0);
    CU_ASSERT_EQUAL(gone_seq, 77);
    CU_ASSERT_EQUAL(gone_counters.packets, 42);
    CU_ASSERT_EQUAL(shm_counters_in(&shm, 5)->packets, 0);
    CU_ASSERT_EQUAL(dp_sad_del(&sad, &ref, on_gone, NULL, 78), CV_ENOENT);
    dp_rcu_offline(1); /* a sleeping worker holds nothing up */
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 5, 0x2005), CV_OK);
    dp_rcu_online(1);
    dp_rcu_unregister(1);
}

/* A grace period that is over before the next change, without spinning for a reader that this thread keeps from its processor: where both share
 * one, or others want it, each grace period would take a turn of the scheduler. In some rounds the next change waits for it, as the manager does. */
enum { WAITED_FOR_ROUNDS = 8 };
static void grace(unsigned round)
{
    while (dp_rcu_poll() > 0 && round % WAITED_FOR_ROUNDS != 0)
        sched_yield();
}

/* A reader that dereferences what it finds while the manager replaces it: the sanitizer build sees a free too early. */
static bool stop_reading; /* atomic */
static void *reader(void *arg)
{
    unsigned long *found = arg;
    if (dp_rcu_register(2) != CV_OK)
        return NULL;
    while (!__atomic_load_n(&stop_reading, __ATOMIC_RELAXED)) {
        const struct dp_sad_slot *slot;
        for (uint32_t generation = 4; generation < 7; generation++) {
            const struct esp_in_sa *sa = dp_sad_lookup(&sad, generation << BITS | 9, &slot);
            if (sa && esp_in_sa_conf(sa)->ref.spi == (generation << BITS | 9))
                ++*found;
        }
        dp_rcu_quiet(2);
        sched_yield();
    }
    dp_rcu_unregister(2);
    return NULL;
}

static void readers_never_see_a_freed_sa(void)
{
    pthread_t t;
    unsigned long found = 0;
    fresh();
    __atomic_store_n(&stop_reading, false, __ATOMIC_RELAXED);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, reader, &found), 0);
    for (unsigned i = 0; i < 600; i++) {
        struct cv_sa_ref ref = {.dir = CV_DIR_IN, .sa_id = 9, .spi = (4 + i % 3) << BITS | 9}; /* over 255 */
        CU_ASSERT_EQUAL(add(CV_DIR_IN, 9, ref.spi), CV_OK);
        if (i % 50 == 0)
            usleep(1000);
        CU_ASSERT_EQUAL(dp_sad_del(&sad, &ref, NULL, NULL, 0), CV_OK);
        grace(i);
    }
    __atomic_store_n(&stop_reading, true, __ATOMIC_RELAXED);
    pthread_join(t, NULL);
    CU_ASSERT_TRUE(found > 0);
    fresh();
}

/* ---- many SAs of one interface, found while they come and go ------------------------------------------------------- */
enum { CROWD = 20, KEPT = 40, ROUNDS = 400 };

static struct cv_sa_ref crowd_ref(uint32_t slot)
{
    return (struct cv_sa_ref){.dir = CV_DIR_OUT, .sa_id = slot, .spi = 0x9000 + slot};
}

static void crowd_add(uint32_t slot, const char *remote)
{
    struct cv_sa sa = make(CV_DIR_OUT, slot, 0x9000 + slot, 5);
    struct ip_prefix p;
    CU_ASSERT_TRUE_FATAL(ip_prefix_parse(remote, &p));
    sa.ts_remote[0] = ts_from_prefix(&p, 0, 0, 65535);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&sad, &sa), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&sad, &sa.ref), CV_OK);
}

static void crowd_remove(uint32_t slot)
{
    const struct cv_sa_ref ref = crowd_ref(slot);
    CU_ASSERT_EQUAL_FATAL(dp_sad_del(&sad, &ref, NULL, NULL, 0), CV_OK);
}

enum { LOOKS = 256 }; /* before others have their turn */
struct looks {
    unsigned long looks, found, missed, wrong;
};

static void *looker(void *arg)
{
    static const uint8_t kept[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 9, 7, 7},
                         other[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 8, 0, 3};
    struct looks *l = arg;
    if (dp_rcu_register(2) != CV_OK)
        return NULL;
    while (!__atomic_load_n(&stop_reading, __ATOMIC_RELAXED)) {
        const struct dp_tunnel *t = dp_tunnel_get(&sad, 5);
        const struct dp_tunnel_sa *a = t ? dp_pick_octets(t, kept, sizeof kept, IP_V4) : NULL,
                                  *b = t ? dp_pick_octets(t, other, sizeof other, IP_V4) : NULL;
        l->found += a != NULL;
        l->missed += a == NULL;
        l->wrong += a && esp_out_sa_conf(a->sa)->ref.sa_id < KEPT;
        l->wrong += b && esp_out_sa_conf(b->sa)->if_id != 5;
        dp_rcu_quiet(2);
        if (++l->looks % LOOKS == 0)
            sched_yield();
    }
    dp_rcu_unregister(2);
    return NULL;
}

/* A packet that always has an SA always finds one: the successor is there before its predecessor goes, also where the interface
 * turns from few SAs to many. */
static void an_SA_that_is_replaced_is_never_missed(void)
{
    struct looks l = {0};
    pthread_t t;
    char net[32];
    fresh();
    crowd_add(KEPT, "10.9.0.0/16");
    __atomic_store_n(&stop_reading, false, __ATOMIC_RELAXED);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, looker, &l), 0);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        for (uint32_t i = 0; i < CROWD; i++) {
            snprintf(net, sizeof net, "10.8.0.%u/%u", i & 0x1c, 30u + (i & 2));
            crowd_add(i, net);
        }
        crowd_add(KEPT + round % 2, round % 3 ? "10.9.0.0/16" : "10.8.0.0/14");
        const struct cv_sa_ref again = crowd_ref(KEPT + round % 2);
        CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&sad, &again), CV_OK);
        crowd_remove(KEPT + (round + 1) % 2);
        for (uint32_t i = 0; i < CROWD; i++)
            crowd_remove(i);
        grace(round);
        if (round % 40 == 0) {
            usleep(1000);
            dp_rcu_barrier();
        }
    }
    __atomic_store_n(&stop_reading, true, __ATOMIC_RELAXED);
    pthread_join(t, NULL);
    CU_ASSERT_TRUE(l.found > 0);
    CU_ASSERT_EQUAL(l.missed, 0);
    CU_ASSERT_EQUAL(l.wrong, 0);
    printf("%lu looks ", l.found);
    fresh();
}

static const char *find_arg(const struct dp_eal_args *a, const char *start)
{
    for (int i = 0; i < a->argc; i++)
        if (strncmp(a->argv[i], start, strlen(start)) == 0)
            return a->argv[i];
    return "";
}

/* ---- SAs of single workers (RFC 9611) ------------------------------------------------------------------------------- */
static void bound_add(uint32_t slot, uint8_t worker)
{
    struct cv_sa sa = make(CV_DIR_OUT, slot, 0x9000 + slot, 5);
    sa.worker = worker;
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&sad, &sa), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_activate(&sad, &sa.ref), CV_OK);
}

struct pick_of {
    int worker; /* -1: the manager, or who never said */
    uint32_t slot;
    uint16_t inner_mtu;
};

static void *picker(void *arg)
{
    static const uint8_t packet[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 9, 7, 7};
    struct pick_of *p = arg;
    if (p->worker >= 0)
        dp_pick_for((unsigned)p->worker);
    const struct dp_tunnel_sa *s = dp_pick_octets(dp_tunnel_get(&sad, 5), packet, sizeof packet, IP_V4);
    p->slot = s ? esp_out_sa_conf(s->sa)->ref.sa_id : UINT32_MAX;
    p->inner_mtu = s ? s->inner_mtu : 0;
    return NULL;
}

/* What a thread of that worker picks. */
static struct pick_of picked(int worker)
{
    struct pick_of p = {.worker = worker};
    pthread_t t;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&t, NULL, picker, &p), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_join(t, NULL), 0);
    return p;
}

/* more: as many plain SAs of other selectors beside, so that there are few, and so that there are many. */
static void each_worker_takes_its_own(unsigned more)
{
    char net[32];
    struct cv_sa kept;
    fresh();
    for (uint32_t i = 0; i < more; i++) {
        snprintf(net, sizeof net, "10.8.0.%u/32", i);
        crowd_add(20 + i, net);
    }
    bound_add(1, CV_WORKER_ANY);
    const struct dp_tunnel *t = dp_tunnel_get(&sad, 5);
    CU_ASSERT_TRUE(!t->bound && (t->pick != NULL || t->sas[0].any4)); /* who has none of them pays nothing */
    bound_add(2, 1);
    bound_add(3, 2);
    t = dp_tunnel_get(&sad, 5);
    CU_ASSERT_TRUE(t->bound && !t->sas[0].any4); /* dp_pick's short way would give everybody the first */
    CU_ASSERT_EQUAL(picked(0).slot, 2);
    CU_ASSERT_EQUAL(picked(1).slot, 3);
    CU_ASSERT_EQUAL(picked(2).slot, 1); /* it has none: the one for all */
    CU_ASSERT_EQUAL(picked(-1).slot, 1);
    dp_sad_set_mtu(&sad, 3, 1400);
    CU_ASSERT_EQUAL(picked(1).inner_mtu, 1400);
    CU_ASSERT_TRUE(dp_sad_entry(&sad, CV_DIR_OUT, 3, &kept) && kept.worker == 2);
    bound_add(4, 1); /* a rekey of worker 0's: the newest, and nobody else's */
    CU_ASSERT_EQUAL(picked(0).slot, 4);
    CU_ASSERT_EQUAL(picked(1).slot, 3);
    bound_add(5, CV_WORKER_ANY); /* a rekey of the one for all */
    CU_ASSERT_EQUAL(picked(0).slot, 4);
    CU_ASSERT_EQUAL(picked(1).slot, 3);
    CU_ASSERT_EQUAL(picked(1).inner_mtu, 1400); /* kept when the list is made anew */
    CU_ASSERT_EQUAL(picked(2).slot, 5);
    crowd_remove(4);
    CU_ASSERT_EQUAL(picked(0).slot, 2);
    crowd_remove(2);
    CU_ASSERT_EQUAL(picked(0).slot, 5);
    crowd_remove(5);
    crowd_remove(1);
    CU_ASSERT_EQUAL(picked(0).slot, 3); /* another worker's is better than none */
    crowd_add(6, "0.0.0.0/0");
    crowd_remove(3);
    t = dp_tunnel_get(&sad, 5);
    CU_ASSERT_TRUE(!t->bound && (t->pick != NULL || t->sas[0].any4));
    CU_ASSERT_EQUAL(picked(0).slot, 6);
    CU_ASSERT_EQUAL(picked(1).slot, 6);
}

static void a_worker_takes_its_own_sa_among_few(void)
{
    each_worker_takes_its_own(0);
}

static void a_worker_takes_its_own_sa_among_many(void)
{
    each_worker_takes_its_own(DP_PICK_FROM + 2);
}

static void eal_arguments_follow_the_platform_section(void)
{
    static struct dp_eal_args a;
    static const unsigned cpus[] = {2, 3, 8};
    char *extra[] = {"--log-level=8"};
    struct platform p;
    platform_init(&p);
    p.workers = 2;
    CU_ASSERT_EQUAL(dp_eal_args(&p, cpus, 3, 1, extra, &a), CV_OK);
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--lcores"), "--lcores=(0-16)@(2,3,8)"); /* no-huge: they float */
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--no-huge"), "--no-huge");
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--no-pci"), "--no-pci");
    CU_ASSERT_STRING_EQUAL(a.argv[a.argc - 1], "--log-level=8");
    p.hugepages = true;
    CU_ASSERT_EQUAL(dp_eal_args(&p, cpus, 3, 0, NULL, &a), CV_OK);
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--lcores"), "--lcores=0@2,1@3,2@8,(3-16)@2");
    CU_ASSERT_EQUAL(dp_eal_args(&p, cpus, 1, 0, NULL, &a), CV_OK); /* fewer processors than lcores */
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--lcores"), "--lcores=(0-16)@(2)");
    snprintf(p.lcores, sizeof p.lcores, "3,8");
    CU_ASSERT_EQUAL(dp_eal_args(&p, cpus, 3, 0, NULL, &a), CV_OK);
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--lcores"), "--lcores=0@2,1@3,2@8,(3-16)@2");
    snprintf(p.crypto_engine, sizeof p.crypto_engine, "cryptodev 0000:3d:01.0");
    CU_ASSERT_EQUAL(dp_eal_args(&p, cpus, 3, 0, NULL, &a), CV_OK);
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--allow"), "--allow=0000:3d:01.0");
    CU_ASSERT_STRING_EQUAL(find_arg(&a, "--no-pci"), "");
    for (p.eal_arg_count = 0; p.eal_arg_count < PLATFORM_EAL_ARGS_MAX; p.eal_arg_count++)
        snprintf(p.eal_args[p.eal_arg_count], sizeof p.eal_args[0], "--x");
    char *many[100];
    for (unsigned i = 0; i < 100; i++)
        many[i] = extra[0];
    CU_ASSERT_EQUAL(dp_eal_args(&p, cpus, 3, 100, many, &a), CV_ENOSPC);
}

/* ---- time -------------------------------------------------------------------------------------------------- */
static unsigned ended;
static uint32_t ended_spi;
static void on_expired(void *ctx, const struct esp_conf *conf)
{
    (void)ctx;
    ended++;
    ended_spi = conf->ref.spi;
}

static void expire_all(uint32_t now)
{
    while (dp_sad_expire(&sad, now, on_expired, NULL))
        ;
}

static void time_up_is_told_once_and_shown_to_who_comes_back(void)
{
    struct cv_sa in = make(CV_DIR_IN, 5, 0x1005, 5), out = make(CV_DIR_OUT, 6, 0x9006, 5), shown;
    fresh();
    in.hard_seconds = 20;
    out.hard_seconds = 4000000000u; /* further than the clock goes: never */
    ended = 0;
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&sad, &in), CV_OK);
    CU_ASSERT_EQUAL_FATAL(dp_sad_add(&sad, &out), CV_OK);
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 7, 0x1007), CV_OK); /* without a limit */
    const uint32_t now = dp_sad_time();
    CU_ASSERT_TRUE(dp_sad_entry(&sad, CV_DIR_IN, 5, &shown));
    CU_ASSERT_TRUE(shown.hard_seconds >= 18 && shown.hard_seconds <= 20);
    CU_ASSERT_TRUE(dp_sad_entry(&sad, CV_DIR_IN, 7, &shown));
    CU_ASSERT_EQUAL(shown.hard_seconds, 0);
    CU_ASSERT_TRUE(dp_sad_entry(&sad, CV_DIR_OUT, 6, &shown));
    CU_ASSERT_EQUAL(shown.hard_seconds, 0);
    expire_all(now + 15 * DP_LIFE_SECOND);
    CU_ASSERT_EQUAL(ended, 0);
    for (unsigned i = 0; i < 3; i++)
        expire_all(now + 20 * DP_LIFE_SECOND + i);
    CU_ASSERT_EQUAL(ended, 1);
    CU_ASSERT_EQUAL(ended_spi, 0x1005);
    CU_ASSERT_TRUE(dp_sad_entry(&sad, CV_DIR_IN, 5, &shown));
    CU_ASSERT_EQUAL(shown.hard_seconds, 1); /* over, but there: 0 would say that it has no end */
    /* The slot's next SA has an end of its own, or none. */
    CU_ASSERT_EQUAL(dp_sad_del(&sad, &in.ref, NULL, NULL, 0), CV_OK);
    dp_rcu_barrier();
    CU_ASSERT_EQUAL(add(CV_DIR_IN, 5, 0x2005), CV_OK);
    expire_all(now + 100 * DP_LIFE_SECOND);
    CU_ASSERT_EQUAL(ended, 1);
}

/* Against a plain list of ends, over several blocks: nothing is forgotten, early or told twice. */
static uint32_t due_ids[64], due_count;
static void on_due(void *ctx, uint32_t id)
{
    (void)ctx;
    CU_ASSERT_TRUE_FATAL(due_count < 64);
    due_ids[due_count++] = id;
}

static void ends_are_those_of_a_plain_list(void)
{
    enum { IDS = 10000, USED = 64 };
    struct dp_life l;
    uint32_t id[USED], end[USED], rng = 7;
    CU_ASSERT_EQUAL_FATAL(dp_life_init(&l, IDS), CV_OK);
    for (unsigned i = 0; i < USED; i++) {
        id[i] = i * (IDS / USED) + i % 3;
        end[i] = DP_LIFE_NEVER;
    }
    for (uint32_t now = 1; now < 3000; now++) {
        unsigned due = 0;
        rng = rng * 1664525u + 1013904223u;
        const unsigned k = rng >> 8 & (USED - 1);
        end[k] = rng >> 16 & 1 ? now + (rng >> 17 & 255) : DP_LIFE_NEVER;
        dp_life_set(&l, id[k], end[k]);
        due_count = 0;
        while (dp_life_look(&l, now, on_due, NULL))
            ;
        for (unsigned i = 0; i < USED; i++) {
            if (end[i] > now)
                continue;
            due++;
            end[i] = DP_LIFE_NEVER;
            bool found = false;
            for (unsigned d = 0; d < due_count; d++)
                found = found || due_ids[d] == id[i];
            CU_ASSERT_TRUE(found);
        }
        CU_ASSERT_EQUAL(due, due_count);
    }
    dp_life_fini(&l);
}

/* As when all tunnels were set up in the same moment. */
static unsigned due_all;
static uint64_t due_sum;
static void on_many(void *ctx, uint32_t id)
{
    (void)ctx;
    due_all++;
    due_sum += id;
}

static void many_ends_at_once_are_taken_in_pieces(void)
{
    enum { IDS = 10000, LATER = 10 };
    struct dp_life l;
    CU_ASSERT_EQUAL_FATAL(dp_life_init(&l, IDS), CV_OK);
    for (uint32_t id = 0; id < IDS; id++)
        dp_life_set(&l, id, id == LATER ? 21 : 20);
    CU_ASSERT_FALSE(dp_life_look(&l, 19, on_many, NULL));
    due_all = 0;
    due_sum = 0;
    uint32_t now = 20;
    for (unsigned before = 0; dp_life_look(&l, now, on_many, NULL); before = due_all) {
        CU_ASSERT_TRUE(due_all - before <= DP_LIFE_BLOCK);
        if (due_all > IDS / 4)
            now = 21; /* it takes longer than an eighth: nothing is passed over */
    }
    while (dp_life_look(&l, now, on_many, NULL))
        ;
    CU_ASSERT_EQUAL(due_all, IDS);
    CU_ASSERT_EQUAL(due_sum, (uint64_t)IDS * (IDS - 1) / 2);
    CU_ASSERT_FALSE(dp_life_look(&l, 1000, on_many, NULL));
    CU_ASSERT_EQUAL(due_all, IDS);
    dp_life_fini(&l);
}

static void tables_end_empty(void)
{
    dp_sad_fini(&sad);
    dp_rcu_fini();
    shm_close(&shm);
}

PKT_MAIN("sad", UNIT_TEST(the_spi_is_the_index_and_is_compared_whole),
         UNIT_TEST(an_outbound_sa_sends_only_after_its_activation_newest_first),
         UNIT_TEST(entries_carry_no_keys_and_the_cookie_comes_back),
         UNIT_TEST(removal_waits_for_every_worker), UNIT_TEST(readers_never_see_a_freed_sa),
         UNIT_TEST(an_SA_that_is_replaced_is_never_missed), UNIT_TEST(a_worker_takes_its_own_sa_among_few),
         UNIT_TEST(a_worker_takes_its_own_sa_among_many),
         UNIT_TEST(eal_arguments_follow_the_platform_section),
         UNIT_TEST(time_up_is_told_once_and_shown_to_who_comes_back),
         UNIT_TEST(ends_are_those_of_a_plain_list), UNIT_TEST(many_ends_at_once_are_taken_in_pieces),
         UNIT_TEST(tables_end_empty))
