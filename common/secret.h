/* secret: key material on the heap that is wiped before its memory is given back.
 *
 * Also the wipe for secrets on the stack, and the constant-time comparison. libc only. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Owned bytes. A zeroed struct is a valid empty secret. Copy the struct only to move ownership. */
struct secret {
    uint8_t *p;
    size_t n;
};

/* Allocates n zeroed bytes (n may be 0). The old content of *s is not looked at. */
CV_MUST_USE cv_result secret_new(struct secret *s, size_t n);
CV_MUST_USE cv_result secret_copy(struct secret *s, const void *p, size_t n);
/* Wipes, frees, leaves *s empty. Safe on an empty secret. */
void secret_free(struct secret *s);
/* memset to zero that the compiler keeps. */
void secret_wipe(void *p, size_t n);
/* Wipes what calls that have returned left on this thread's stack, up to SECRET_STACK octets: of libraries and drivers that computed with
 * keys and do not wipe what they computed. */
enum { SECRET_STACK = 16384 };
void secret_wipe_stack(void);
/* True when the n bytes are equal; time depends on n alone. */
CV_MUST_USE bool secret_equal(const void *a, const void *b, size_t n);

#endif
