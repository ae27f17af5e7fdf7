#include "common/secret.h"

#include <stdlib.h>
#include <string.h>

cv_result secret_new(struct secret *s, size_t n)
{
    *s = (struct secret){0};
    if (n == 0)
        return CV_OK;
    s->p = calloc(1, n);
    if (!s->p)
        return CV_ENOMEM;
    s->n = n;
    return CV_OK;
}

cv_result secret_copy(struct secret *s, const void *p, size_t n)
{
    CV_TRY(secret_new(s, n));
    if (n)
        memcpy(s->p, p, n);
    return CV_OK;
}

void secret_free(struct secret *s)
{
    secret_wipe(s->p, s->n);
    free(s->p);
    *s = (struct secret){0};
}

void secret_wipe(void *p, size_t n)
{
    if (p && n)
        explicit_bzero(p, n);
}

__attribute__((noinline)) void secret_wipe_stack(void)
{
    uint8_t below[SECRET_STACK];
    explicit_bzero(below, sizeof below);
}

typedef uint64_t any_word __attribute__((aligned(1), may_alias));

bool secret_equal(const void *a, const void *b, size_t n)
{
    /* volatile: the compiler may not find out that it could stop at the first difference */
    const volatile uint8_t *x = a, *y = b;
    uint64_t diff = 0;
    size_t i = 0;
    for (; n - i >= sizeof(any_word); i += sizeof(any_word))
        diff |= *(const volatile any_word *)(x + i) ^ *(const volatile any_word *)(y + i);
    for (; i < n; i++)
        diff |= (uint64_t)(x[i] ^ y[i]);
    return diff == 0;
}
