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

/* Objects of one size. The piece that is being cut, and those that came back. */
struct slab {
    rte_spinlock_t lock;
    struct free_object *free;
    uint8_t *at, *end;
    uint64_t total, used; /* octets */
};

static struct slab slabs[CLASSES]; /* all zeroes is unlocked and empty */
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

/* Pieces grow with what is there already: few SAs take little, and many few pieces. */
static bool piece_new(struct slab *s, size_t octets, int socket)
{
    size_t size = RTE_MIN(RTE_MAX(s->total / 2, (size_t)PIECE_MIN), (size_t)PIECE_MAX);
    size = RTE_MAX(size / octets, (size_t)1) * octets;
    uint8_t *p = rte_zmalloc_socket("eng_mem", size, PAIR, socket);
    if (!p && size > octets) { /* the last of the memory, one by one */
        size = octets;
        p = rte_zmalloc_socket("eng_mem", size, PAIR, socket);
    }
    if (!p)
        return false;
    ASAN_POISON_MEMORY_REGION(p, size);
    s->at = p;
    s->end = p + size;
    s->total += size;
    return true;
}

static void *slab_take(struct slab *s, size_t octets, int socket)
{
    void *p = s->free;
    if (p) {
        ASAN_UNPOISON_MEMORY_REGION(p, octets);
        s->free = s->free->next;
        memset(p, 0, sizeof *s->free); /* the rest was wiped when it came back */
    } else if (s->at != s->end || piece_new(s, octets, socket)) {
        p = s->at;
        s->at += octets;
        ASAN_UNPOISON_MEMORY_REGION(p, octets);
    }
    if (p)
        s->used += octets;
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
        struct slab *s = &slabs[lines];
        rte_spinlock_lock(&s->lock);
        p = slab_take(s, octets, socket);
        rte_spinlock_unlock(&s->lock);
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
    struct slab *s = &slabs[lines];
    struct free_object *o = p;
    rte_spinlock_lock(&s->lock);
    o->next = s->free;
    s->free = o;
    s->used -= octets;
    ASAN_POISON_MEMORY_REGION(p, octets);
    rte_spinlock_unlock(&s->lock);
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
    uint64_t spare = 0;
    for (unsigned i = 0; i < CLASSES; i++) {
        rte_spinlock_lock(&slabs[i].lock);
        spare += slabs[i].total - slabs[i].used;
        rte_spinlock_unlock(&slabs[i].lock);
    }
    return spare;
}
