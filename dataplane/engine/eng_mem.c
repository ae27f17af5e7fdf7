#include "dataplane/engine/eng_mem.h"

#include "common/secret.h"

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_spinlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define ENG_MEM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ENG_MEM_ASAN 1
#endif
#endif
#ifdef ENG_MEM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum {
    LINE = RTE_CACHE_LINE_SIZE,
    PAIR = 2 * LINE, /* processors fetch both lines of one together: objects of several lines begin one */
    CLASSES = ENG_MEM_MAX / LINE + 1, /* by cache lines */
    PIECE_MIN = 64 << 10,
    PIECE_MAX = 1 << 20, /* a hugepage holds nearly two, and what is left of one is small change */
};

struct free_object {
    struct free_object *next;
};

/* Objects of one size that came back. */
struct slab {
    rte_spinlock_t lock;
    struct free_object *free;
};

/* What is being cut, of whatever size the objects are: those that are made one after the other, an SA and its session, share a page. A look-up of
 * an address that is not at hand costs as much as the line behind it. */
static struct {
    rte_spinlock_t lock;
    uint8_t *at, *end;
    uint64_t total; /* octets */
} piece;

static struct slab slabs[CLASSES]; /* all zeroes is unlocked and empty */
static uint64_t used;              /* octets; atomic */
static struct eng_mem_use uses[ENG_MEM_KINDS];

static size_t lines_of(size_t size)
{
    const size_t lines = (size + LINE - 1) / LINE;
    return lines > 2 ? RTE_ALIGN_CEIL(lines, (size_t)2) : lines;
}

static void count(enum eng_mem_kind kind, size_t octets, int64_t sign)
{
    __atomic_fetch_add(&uses[kind].count, (uint64_t)sign, __ATOMIC_RELAXED);
    __atomic_fetch_add(&uses[kind].bytes, (uint64_t)sign * octets, __ATOMIC_RELAXED);
}

static void slab_put(struct slab *s, void *p, size_t octets)
{
    struct free_object *o = p;
    rte_spinlock_lock(&s->lock);
    o->next = s->free;
    s->free = o;
    ASAN_POISON_MEMORY_REGION(p, octets);
    rte_spinlock_unlock(&s->lock);
}

static void *slab_take(struct slab *s, size_t octets)
{
    rte_spinlock_lock(&s->lock);
    struct free_object *o = s->free;
    if (o) {
        ASAN_UNPOISON_MEMORY_REGION(o, octets);
        s->free = o->next;
        o->next = NULL; /* the rest was wiped when it came back */
    }
    rte_spinlock_unlock(&s->lock);
    return o;
}

/* Pieces grow with what is there already: few SAs take little, and many few pieces. What is left of the last one is small change. */
static bool piece_new(size_t octets, int socket)
{
    size_t size = RTE_MIN(RTE_MAX(piece.total / 2, (size_t)PIECE_MIN), (size_t)PIECE_MAX);
    uint8_t *p = rte_zmalloc_socket("eng_mem", size, PAIR, socket);
    if (!p) { /* the last of the memory, one by one */
        size = octets;
        p = rte_zmalloc_socket("eng_mem", size, PAIR, socket);
    }
    if (!p)
        return false;
    ASAN_POISON_MEMORY_REGION(p, size);
    piece.at = p;
    piece.end = p + size;
    piece.total += size;
    return true;
}

static void *piece_cut(size_t octets, int socket)
{
    void *p = NULL;
    rte_spinlock_lock(&piece.lock);
    if (octets > LINE && (uintptr_t)piece.at % PAIR && piece.at != piece.end) {
        ASAN_UNPOISON_MEMORY_REGION(piece.at, LINE);
        slab_put(&slabs[1], piece.at, LINE);
        piece.at += LINE;
    }
    if ((size_t)(piece.end - piece.at) >= octets || piece_new(octets, socket)) {
        p = piece.at;
        piece.at += octets;
        ASAN_UNPOISON_MEMORY_REGION(p, octets);
    }
    rte_spinlock_unlock(&piece.lock);
    return p;
}

void *eng_mem_get(enum eng_mem_kind kind, size_t size, int socket)
{
    const size_t lines = lines_of(size), octets = lines * LINE;
    void *p;
    if (size == 0)
        return NULL;
    if (size > ENG_MEM_MAX) {
        p = rte_zmalloc_socket("eng_mem", octets, PAIR, socket);
    } else {
        p = slab_take(&slabs[lines], octets);
        if (!p)
            p = piece_cut(octets, socket);
        if (p)
            __atomic_fetch_add(&used, octets, __ATOMIC_RELAXED);
    }
    if (p)
        count(kind, octets, 1);
    return p;
}

void eng_mem_put(enum eng_mem_kind kind, void *p, size_t size)
{
    const size_t lines = lines_of(size), octets = lines * LINE;
    if (!p)
        return;
    secret_wipe(p, octets);
    count(kind, octets, -1);
    if (size > ENG_MEM_MAX) {
        rte_free(p);
        return;
    }
    __atomic_fetch_sub(&used, octets, __ATOMIC_RELAXED);
    slab_put(&slabs[lines], p, octets);
}

void *eng_mem_table_new(size_t size)
{
    enum { HUGE = 2 << 20, PAGE = 4096 };
    const size_t page = size < HUGE ? PAGE : HUGE, whole = RTE_ALIGN_CEIL(RTE_MAX(size, (size_t)1), page);
    void *p = aligned_alloc(page, whole);
    if (!p)
        return NULL;
    if (page == HUGE)
        (void)madvise(p, whole, MADV_HUGEPAGE);
    memset(p, 0, whole);
    return p;
}

void eng_mem_table_free(void *p)
{
    free(p);
}

void eng_mem_used(enum eng_mem_kind kind, struct eng_mem_use *out)
{
    out->count = __atomic_load_n(&uses[kind].count, __ATOMIC_RELAXED);
    out->bytes = __atomic_load_n(&uses[kind].bytes, __ATOMIC_RELAXED);
}

uint64_t eng_mem_spare(void)
{
    rte_spinlock_lock(&piece.lock);
    const uint64_t total = piece.total;
    rte_spinlock_unlock(&piece.lock);
    return total - __atomic_load_n(&used, __ATOMIC_RELAXED);
}
