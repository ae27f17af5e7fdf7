/* eng_mem: memory of sessions and SAs: slabs of equal objects, cut from few large pieces of hugepage memory.
 *
 * A million SAs from the general allocator cost a header, a search and a lock each, and lie scattered; here an object costs its size
 * rounded up to whole pairs of cache lines (to one line where that is enough), and one step either way. Objects that go back are wiped (they held keys) and given out again; the
 * pieces themselves stay until the process ends.
 *
 * Threads: any; a spin lock per size, never taken on the path. */
#ifndef DATAPLANE_ENGINE_ENG_MEM_H
#define DATAPLANE_ENGINE_ENG_MEM_H

#include <stddef.h>
#include <stdint.h>

enum { ENG_MEM_MAX = 32768 /* octets of one object; larger ones come from the general allocator */ };

/* What objects are for, as `show platform memory` tells them apart. */
enum eng_mem_kind { ENG_MEM_SESSION, ENG_MEM_IN_SA, ENG_MEM_OUT_SA, ENG_MEM_PICK, ENG_MEM_KINDS };

struct eng_mem_use {
    uint64_t count, bytes; /* objects in use, and what they take with all rounding */
};

/* Zeroed, on its own cache lines; of more than one, it begins a pair of them. NULL: no memory. */
void *eng_mem_get(enum eng_mem_kind kind, size_t size, int socket);
/* Wipes it. size: as it was asked for. NULL allowed. */
void eng_mem_put(enum eng_mem_kind kind, void *p, size_t size);
/* A table that lives as long as the process and that workers look into at random: zeroed, on whole pages, and on transparent huge pages
 * where the system has them: a look-up then waits for memory and not for its address as well. NULL: no memory. */
void *eng_mem_table_new(size_t size);
void eng_mem_table_free(void *p); /* NULL allowed */
/* In use now, by kind; about right while other threads are at it. */
void eng_mem_used(enum eng_mem_kind kind, struct eng_mem_use *out);
/* Octets that are held for objects to come. */
uint64_t eng_mem_spare(void);

#endif
