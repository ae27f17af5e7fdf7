/* doubles: what the engines' files ask of DPDK and of rooms that are not built for MemorySanitizer. */
#include "dataplane/engine/eng_kat.h"
#include "dataplane/engine/eng_mem.h"
#include "tests/constant_time/marked.h"

#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

unsigned ct_compared;

bool __real_secret_equal(const void *a, const void *b, size_t n);
bool __wrap_secret_equal(const void *a, const void *b, size_t n);

static bool equal_so_far(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return false;
    return true;
}

/* Linked in front of secret_equal, for its callers to get a public result. */
bool __wrap_secret_equal(const void *a, const void *b, size_t n)
{
    ct_compared += ct_all_secret(a, n) || ct_all_secret(b, n);
    bool equal = ct_mutant == CT_EARLY_OUT ? equal_so_far(a, b, n) : __real_secret_equal(a, b, n);
    ct_public(&equal, sizeof equal);
    return equal;
}

/* A MiB and more: as with many sessions, where vaes_near_octets is not beyond it. */
void eng_mem_used(enum eng_mem_kind kind, struct eng_mem_use *out)
{
    (void)kind;
    *out = (struct eng_mem_use){1000, 1 << 20};
}

static void *lines_get(size_t size)
{
    size = (size + 63) & ~(size_t)63;
    void *p = aligned_alloc(64, size);
    return p ? memset(p, 0, size) : NULL;
}

void *eng_mem_get(enum eng_mem_kind kind, size_t size, int socket)
{
    (void)kind;
    (void)socket;
    return lines_get(size);
}

void eng_mem_put(enum eng_mem_kind kind, void *p, size_t size)
{
    (void)kind;
    (void)size;
    free(p);
}

void *rte_zmalloc_socket(const char *type, size_t size, unsigned align, int socket)
{
    (void)type;
    (void)align;
    (void)socket;
    return lines_get(size);
}

void rte_free(void *p)
{
    free(p);
}

cv_result eng_kat_run(const struct eng_ops *engine, char *err, size_t err_len)
{
    (void)engine;
    (void)err;
    (void)err_len;
    return CV_EUNSUP; /* nobody asks here */
}
