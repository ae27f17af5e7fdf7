/* rules: configurations put together from parts, for the dialogues that hold the rules of selection. */
#ifndef TESTS_DIALOGUE_RULES_H
#define TESTS_DIALOGUE_RULES_H

#include "tests/mock/mock_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline char *text_grow(char *text, size_t n)
{
    char *grown = realloc(text, n);
    if (!grown)
        abort();
    return grown;
}

/* All `from` become `to`; aborts when there is none, for then the test does not test what it says. Frees text; returns another. */
static inline char *text_swap(char *text, const char *from, const char *to)
{
    size_t cap = strlen(text) * (1 + strlen(to)) + 1, len = 0;
    char *out = text_grow(NULL, cap);
    bool any = false;
    for (const char *at = text; *at;) {
        if (strncmp(at, from, strlen(from)) == 0) {
            memcpy(out + len, to, strlen(to));
            len += strlen(to);
            at += strlen(from);
            any = true;
        } else
            out[len++] = *at++;
    }
    out[len] = '\0';
    if (!any) {
        fprintf(stderr, "no '%s' in\n%s", from, text);
        abort();
    }
    free(text);
    return text_grow(out, len + 1);
}

/* More lines behind it. */
static inline char *text_add(char *text, const char *more)
{
    size_t n = strlen(text);
    text = text_grow(text, n + strlen(more) + 1);
    memcpy(text + n, more, strlen(more) + 1);
    return text;
}

static inline char *text_of(const char *lines)
{
    char *text = text_grow(NULL, 1);
    text[0] = '\0';
    return text_add(text, lines);
}

/* Two ends of these configurations, which are freed. */
static inline struct wire *gates(uint64_t seed, char *a, char *b)
{
    struct wire *w = wire_new_text(seed, a, b);
    free(a);
    free(b);
    return w;
}

#endif
