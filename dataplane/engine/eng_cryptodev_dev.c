#include "dataplane/engine/eng_cryptodev_dev.h"

#include "common/log.h"
#include "common/secret.h"

#include <ctype.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_mempool.h>
#include <rte_security.h>
#include <rte_security_driver.h>
#include <stdio.h>
#include <string.h>

enum {
    QUEUES_MAX = CV_MAX_WORKERS + 1, /* one for the known-answer tests */
    DESCRIPTORS = 2048,
    DESCRIPTORS_MIN = 128,
    POOLS_MAX = 16,
    POOL_FIRST = 256, /* sessions; each further pool holds twice as many, up to POOL_LAST */
    POOL_LAST = 65536,
    NAME_LEN = RTE_CRYPTODEV_NAME_MAX_LEN,
};

static uint16_t enqueue(uint8_t id, uint16_t qp, struct rte_crypto_op **ops, uint16_t n)
{
    return rte_cryptodev_enqueue_burst(id, qp, ops, n);
}
static uint16_t dequeue(uint8_t id, uint16_t qp, struct rte_crypto_op **ops, uint16_t n)
{
    return rte_cryptodev_dequeue_burst(id, qp, ops, n);
}
struct cdev_calls cdev_calls = {enqueue, dequeue, rte_cryptodev_sym_cpu_crypto_process, rte_cryptodev_stop};

struct pools {
    unsigned count;
    struct rte_mempool *pool[POOLS_MAX];
};

static struct {
    enum cdev_state state; /* atomic */
    enum cdev_fault fault; /* atomic */
    unsigned holders;      /* atomic: queue pairs taken, and one for the open device until it fails */
    uint8_t id;
    bool cpu, protocol, made; /* made: by cdev_open */
    bool stopped;             /* atomic: somebody does it or has done it */
    bool gone;                /* given back; nothing of it is called any more */
    struct rte_device *device;
    char name[NAME_LEN];
    char vdev[NAME_LEN]; /* to remove again */
    uint16_t queues;
    bool taken[QUEUES_MAX]; /* atomic: given by the manager */
    uint32_t elt_size, sessions, sessions_max;
    struct pools pools;
    struct rte_security_ctx *ipsec; /* with protocol */
    struct pools ipsec_pools;
} dev;

/* ---- state ---------------------------------------------------------------------------------------------------- */
enum cdev_state cdev_state(void)
{
    return __atomic_load_n(&dev.state, __ATOMIC_ACQUIRE);
}

enum cdev_fault cdev_fault(void)
{
    return __atomic_load_n(&dev.fault, __ATOMIC_RELAXED);
}

static void stop_once(void)
{
    if (__atomic_exchange_n(&dev.stopped, true, __ATOMIC_ACQ_REL))
        return;
    if (!dev.cpu) /* others may be in the middle of their calls, which need no queue pair */
        cdev_calls.stop(dev.id);
    __atomic_store_n(&dev.state, CDEV_STOPPED, __ATOMIC_RELEASE);
}

static void holder_leaves(void)
{
    if (__atomic_sub_fetch(&dev.holders, 1, __ATOMIC_ACQ_REL) == 0)
        stop_once();
}

void cdev_fail(enum cdev_fault why)
{
    enum cdev_state running = CDEV_RUNNING;
    if (!__atomic_compare_exchange_n(&dev.state, &running, CDEV_FAILED, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    __atomic_store_n(&dev.fault, why, __ATOMIC_RELAXED);
    holder_leaves();
}

void cdev_halt(enum cdev_fault why)
{
    cdev_fail(why);
    stop_once();
}

/* The kernel asks for a device that vfio-pci holds, and waits (VFIO's request interrupt). */
static void on_device_event(const char *name, enum rte_dev_event_type event, void *arg)
{
    (void)name;
    (void)arg;
    if (event == RTE_DEV_EVENT_REMOVE)
        cdev_fail(CDEV_FAULT_REMOVED);
}

static void on_event(uint8_t id, enum rte_cryptodev_event_type event, void *arg)
{
    (void)arg;
    if (id == dev.id && event == RTE_CRYPTODEV_EVENT_ERROR)
        cdev_fail(CDEV_FAULT_EVENT);
}

uint16_t cdev_queue_take(void)
{
    /* The holder that stands for the open device is there while it runs: the count does not come back from 0. */
    unsigned held = __atomic_load_n(&dev.holders, __ATOMIC_ACQUIRE);
    for (uint16_t q = 0; q < dev.queues && !dev.cpu; q++) {
        if (__atomic_load_n(&dev.taken[q], __ATOMIC_RELAXED))
            continue;
        do {
            if (held == 0 || !cdev_runs())
                return CDEV_NO_QUEUE;
        } while (!__atomic_compare_exchange_n(&dev.holders, &held, held + 1, false, __ATOMIC_ACQ_REL,
                                              __ATOMIC_ACQUIRE));
        __atomic_store_n(&dev.taken[q], true, __ATOMIC_RELAXED);
        return q;
    }
    return CDEV_NO_QUEUE;
}

void cdev_queue_release(uint16_t qp)
{
    __atomic_store_n(&dev.taken[qp], false, __ATOMIC_RELAXED);
    holder_leaves();
}

uint8_t cdev_id(void)
{
    return dev.id;
}

bool cdev_is_cpu(void)
{
    return dev.cpu;
}

bool cdev_is_protocol(void)
{
    return dev.protocol;
}

const char *cdev_text(void)
{
    static char text[CV_NAME_MAX];
    const enum cdev_state s = cdev_state();
    const char *how = s == CDEV_CLOSED    ? "closed"
                      : s != CDEV_RUNNING ? "failed"
                      : dev.cpu           ? "cpu"
                      : dev.protocol      ? "protocol"
                                          : "";
    snprintf(text, sizeof text, "%.*s%s%s", (int)sizeof text - 10, dev.name, how[0] ? " " : "", how);
    return text;
}

/* ---- finding it ------------------------------------------------------------------------------------------------ */
static bool is_symmetric(uint8_t id)
{
    struct rte_cryptodev_info info;
    rte_cryptodev_info_get(id, &info);
    return info.feature_flags & RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO;
}

/* A device of this name, or one that a driver made for this PCI address ("0000:3d:00.0_qat_sym"). */
static bool find(const char *name, uint8_t *id)
{
    const size_t len = strlen(name);
    for (unsigned i = 0; i < RTE_CRYPTO_MAX_DEVS; i++) {
        if (!rte_cryptodev_is_valid_dev((uint8_t)i))
            continue;
        const char *have = rte_cryptodev_name_get((uint8_t)i);
        const bool is_of = !strncmp(have, name, len) && (have[len] == '\0' || have[len] == '_');
        if (!strcmp(have, name) || (is_of && strchr(name, ':') && is_symmetric((uint8_t)i))) {
            *id = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* "crypto_aesni_mb" or "crypto_aesni_mb,max_nb_queue_pairs=2": queue pairs for all when nothing is said. */
static cv_result make(const char *spec, unsigned workers, char *why, size_t why_len)
{
    char name[NAME_LEN], args[128];
    const size_t len = strcspn(spec, ",");
    if (len >= sizeof name || strlen(spec + len) >= sizeof args)
        return CV_EINVAL;
    snprintf(name, sizeof name, "%.*s", (int)len, spec);
    if (spec[len])
        snprintf(args, sizeof args, "%s", spec + len + 1);
    else
        snprintf(args, sizeof args, "max_nb_queue_pairs=%u", workers + 1);
    if (rte_eal_hotplug_add("vdev", name, args) != 0) {
        snprintf(why, why_len,
                 "there is no crypto device '%s', and no driver that makes one; drivers are crypto_aesni_mb, "
                 "crypto_aesni_gcm, crypto_openssl, crypto_null; a device is named by its PCI address",
                 name);
        return CV_ENOENT;
    }
    snprintf(dev.vdev, sizeof dev.vdev, "%s", name);
    dev.made = true;
    return CV_OK;
}

static cv_result find_or_make(const char *name, unsigned workers, char *why, size_t why_len)
{
    char plain[NAME_LEN];
    if (find(name, &dev.id))
        return CV_OK;
    if (strchr(name, ':')) { /* a PCI address */
        if (rte_dev_probe(name) == 0 && find(name, &dev.id))
            return CV_OK;
        snprintf(
            why, why_len,
            "no crypto driver took the device at %s: it must be bound to vfio-pci, and be one DPDK has a "
            "crypto driver for",
            name);
        return CV_ENOENT;
    }
    CV_TRY(make(name, workers, why, why_len));
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(name, ","), name);
    if (find(plain, &dev.id))
        return CV_OK;
    snprintf(why, why_len, "the driver of '%s' made no crypto device", plain);
    return CV_ENOENT;
}

/* ---- starting it ------------------------------------------------------------------------------------------------- */
static cv_result queues_set_up(int socket)
{
    for (uint16_t q = 0; q < dev.queues; q++) {
        struct rte_cryptodev_qp_conf qp = {.nb_descriptors = DESCRIPTORS};
        while (rte_cryptodev_queue_pair_setup(dev.id, q, &qp, socket) != 0)
            if ((qp.nb_descriptors /= 2) < DESCRIPTORS_MIN)
                return CV_EIO;
    }
    return CV_OK;
}

static bool offers_ipsec(uint64_t features)
{
    struct rte_security_ctx *ctx =
        features & RTE_CRYPTODEV_FF_SECURITY ? rte_cryptodev_get_sec_ctx(dev.id) : NULL;
    const struct rte_security_capability *c = ctx ? rte_security_capabilities_get(ctx) : NULL;
    for (; c && c->action != RTE_SECURITY_ACTION_TYPE_NONE; c++)
        if (c->action == RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL &&
            c->protocol == RTE_SECURITY_PROTOCOL_IPSEC)
            return true;
    return false;
}

static cv_result start(unsigned workers, const char *mode, char *why, size_t why_len)
{
    struct rte_cryptodev_info info;
    rte_cryptodev_info_get(dev.id, &info);
    snprintf(dev.name, sizeof dev.name, "%s", rte_cryptodev_name_get(dev.id));
    if (!(info.feature_flags & RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO)) {
        snprintf(why, why_len, "%s does no symmetric cryptography", dev.name);
        return CV_EUNSUP;
    }
    const bool has_cpu = info.feature_flags & RTE_CRYPTODEV_FF_SYM_CPU_CRYPTO;
    if (mode && !strcmp(mode, "cpu") && !has_cpu) {
        snprintf(why, why_len, "%s has no synchronous mode: leave out 'cpu'", dev.name);
        return CV_EUNSUP;
    }
    dev.protocol = mode && !strcmp(mode, "protocol");
    if (dev.protocol && !offers_ipsec(info.feature_flags)) {
        snprintf(why, why_len, "%s does not do ESP as a whole: leave out 'protocol'", dev.name);
        return CV_EUNSUP;
    }
    dev.ipsec = dev.protocol ? rte_cryptodev_get_sec_ctx(dev.id) : NULL;
    dev.cpu = mode ? !strcmp(mode, "cpu") : has_cpu;
    dev.queues = (uint16_t)RTE_MIN(RTE_MIN(workers + 1, (unsigned)QUEUES_MAX), info.max_nb_queue_pairs);
    dev.elt_size = rte_cryptodev_sym_get_private_session_size(dev.id);
    dev.sessions_max = info.sym.max_nb_sessions ? info.sym.max_nb_sessions : UINT32_MAX;
    const int socket = rte_cryptodev_socket_id(dev.id);
    struct rte_cryptodev_config conf = {
        .socket_id = socket, .nb_queue_pairs = dev.queues, .ff_disable = RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO};
    if (rte_cryptodev_configure(dev.id, &conf) != 0 || queues_set_up(socket) != CV_OK ||
        rte_cryptodev_start(dev.id) != 0) {
        snprintf(why, why_len, "%s did not start with %u queue pairs: %s", dev.name, dev.queues,
                 rte_strerror(rte_errno));
        return CV_EIO;
    }
    if (!dev.protocol && offers_ipsec(info.feature_flags))
        log_info("%s offers ESP as a whole: crypto-engine cryptodev NAME protocol uses that", dev.name);
    (void)rte_cryptodev_callback_register(dev.id, RTE_CRYPTODEV_EVENT_ERROR, on_event, NULL);
    dev.device = info.device;
    if (!dev.cpu && dev.device)
        (void)rte_dev_event_callback_register(rte_dev_name(dev.device), on_device_event, NULL);
    return CV_OK;
}

cv_result cdev_open(const char *arg, unsigned workers, char *why, size_t why_len)
{
    char name[128], mode[16] = "", more[2] = "";
    if (dev.state != CDEV_CLOSED)
        return CV_EEXIST;
    const int words = sscanf(arg, "%127s %15s %1s", name, mode, more);
    if (words < 1 || words > 2 ||
        (words == 2 && strcmp(mode, "cpu") && strcmp(mode, "look-aside") && strcmp(mode, "protocol"))) {
        snprintf(why, why_len, "cryptodev wants: NAME [look-aside | cpu | protocol]");
        return CV_EINVAL;
    }
    memset(&dev, 0, sizeof dev);
    cv_result r = find_or_make(name, workers, why, why_len);
    if (r == CV_OK)
        r = start(workers, words == 2 ? mode : NULL, why, why_len);
    if (r != CV_OK) {
        if (dev.made)
            (void)rte_eal_hotplug_remove("vdev", dev.vdev);
        memset(&dev, 0, sizeof dev);
        return r;
    }
    __atomic_store_n(&dev.holders, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&dev.state, CDEV_RUNNING, __ATOMIC_RELEASE);
    return CV_OK;
}

static void give_back(void)
{
    enum { TRIES = 100 };
    (void)rte_cryptodev_callback_unregister(dev.id, RTE_CRYPTODEV_EVENT_ERROR, on_event, NULL);
    for (unsigned i = 0; i < TRIES && !dev.cpu && dev.device; i++) {
        if (rte_dev_event_callback_unregister(rte_dev_name(dev.device), on_device_event, NULL) != -EAGAIN)
            break;
        rte_delay_us_sleep(1000); /* it is just being called */
    }
    if (dev.made)
        (void)rte_eal_hotplug_remove("vdev", dev.vdev);
    else if (rte_cryptodev_close(dev.id) == 0 && cdev_fault() == CDEV_FAULT_REMOVED)
        (void)rte_dev_remove(dev.device);
    dev.gone = true;
}

void cdev_let_go(void)
{
    if (dev.gone || cdev_state() != CDEV_STOPPED || cdev_fault() != CDEV_FAULT_REMOVED)
        return;
    if (dev.made &&
        dev.sessions > 0) /* nobody waits for it, and its driver's sessions have memory of their own */
        return;
    give_back();
    log_info("crypto device %s is given back", dev.name);
}

static void pools_free(struct pools *pools)
{
    for (unsigned i = 0; i < pools->count; i++)
        rte_mempool_free(pools->pool[i]);
}

void cdev_close(void)
{
    const enum cdev_state s = cdev_state();
    if (s == CDEV_CLOSED)
        return;
    if (s == CDEV_RUNNING)
        rte_cryptodev_stop(dev.id);
    if (!dev.gone)
        give_back();
    pools_free(&dev.pools);
    pools_free(&dev.ipsec_pools);
    memset(&dev, 0, sizeof dev);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */
typedef struct rte_mempool *pool_make_fn(const char *name, uint32_t objects);

static struct rte_mempool *pool_with_room(struct pools *pools, const char *kind, pool_make_fn *new_pool)
{
    for (unsigned i = pools->count; i-- > 0;)
        if (rte_mempool_avail_count(pools->pool[i]) > 0)
            return pools->pool[i];
    if (pools->count == POOLS_MAX)
        return NULL;
    char name[RTE_MEMPOOL_NAMESIZE];
    snprintf(name, sizeof name, "cdev_%s_%u", kind, pools->count);
    struct rte_mempool *p =
        new_pool(name, RTE_MIN((uint32_t)POOL_FIRST << pools->count, (uint32_t)POOL_LAST));
    if (p)
        pools->pool[pools->count++] = p;
    return p;
}

static struct rte_mempool *sym_pool(const char *name, uint32_t objects)
{
    return rte_cryptodev_sym_session_pool_create(name, objects, dev.elt_size, 0, 0,
                                                 rte_cryptodev_socket_id(dev.id));
}

cv_result cdev_session_new(struct rte_crypto_sym_xform *xforms, void **out)
{
    if (!cdev_runs())
        return CV_EUNSUP;
    struct rte_mempool *pool =
        dev.sessions < dev.sessions_max ? pool_with_room(&dev.pools, "sess", sym_pool) : NULL;
    if (!pool)
        return CV_ENOSPC;
    *out = rte_cryptodev_sym_session_create(dev.id, xforms, pool);
    if (!*out)
        return CV_EUNSUP;
    dev.sessions++;
    return CV_OK;
}

/* Not every driver clears the keys in it. Nobody but the manager takes objects from the pool, so it may still be written. */
void cdev_session_free(void *session)
{
    if (!session)
        return;
    const size_t size = rte_mempool_from_obj(session)->elt_size;
    if (dev.gone)
        rte_mempool_put(rte_mempool_from_obj(session), session);
    else if (rte_cryptodev_sym_session_free(dev.id, session) != 0)
        log_warning("%s did not give up a session", dev.name);
    secret_wipe(session, size);
    dev.sessions--;
}

/* ---- sessions of ESP as a whole -------------------------------------------------------------------------------------- */
const struct rte_security_capability *cdev_ipsec_caps(void)
{
    return rte_security_capabilities_get(dev.ipsec);
}

/* The library's part of a session and the driver's lie behind one another. */
static struct rte_mempool *ipsec_pool(const char *name, uint32_t objects)
{
    const uint32_t size =
        (uint32_t)sizeof(struct rte_security_session) + rte_security_session_get_size(dev.ipsec);
    return rte_mempool_create(name, objects, size, 0, 0, NULL, NULL, NULL, NULL,
                              rte_cryptodev_socket_id(dev.id), 0);
}

cv_result cdev_ipsec_new(struct rte_security_session_conf *conf, void **out)
{
    if (!cdev_runs())
        return CV_EUNSUP;
    struct rte_mempool *pool =
        dev.sessions < dev.sessions_max ? pool_with_room(&dev.ipsec_pools, "ipsec", ipsec_pool) : NULL;
    if (!pool)
        return CV_ENOSPC;
    *out = rte_security_session_create(dev.ipsec, conf, pool);
    if (!*out)
        return CV_EUNSUP;
    dev.sessions++;
    return CV_OK;
}

/* As cdev_session_free. What the driver keeps is lost until it is closed: a place in a table. */
void cdev_ipsec_free(void *session)
{
    if (!session)
        return;
    struct rte_mempool *pool = rte_mempool_from_obj(session);
    if (dev.gone)
        rte_mempool_put(pool, session);
    else if (rte_security_session_destroy(dev.ipsec, session) != 0) {
        log_warning("%s did not give up a session", dev.name);
        return;
    }
    secret_wipe(session, pool->elt_size);
    dev.sessions--;
}

uint32_t cdev_sessions(void)
{
    return dev.sessions;
}
