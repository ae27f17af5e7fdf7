/* dpctl_words: the words of a line of dpctl's script, read one after the other; what is not as expected ends the program with status 2 and the
 * line's number. Included by dpctl.c alone. */
#ifndef TESTS_MOCK_DPCTL_WORDS_H
#define TESTS_MOCK_DPCTL_WORDS_H

#include "common/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 48 };

static unsigned line_no;
static char *words[WORDS];
static unsigned word_count, at;

static _Noreturn void bad(const char *why)
{
    fprintf(stderr, "dpctl: line %u: %s (at '%s')\n", line_no, why, at < word_count ? words[at] : "end");
    exit(2);
}

static const char *next(void)
{
    if (at >= word_count)
        bad("more words expected");
    return words[at++];
}

static bool option(const char *word)
{
    if (at < word_count && strcmp(words[at], word) == 0) {
        at++;
        return true;
    }
    return false;
}

static uint64_t num(void)
{
    char *end;
    const char *w = next();
    uint64_t v = strtoull(w, &end, 0);
    if (*end || end == w) {
        at--;
        bad("number expected");
    }
    return v;
}

static struct ip_addr address(void)
{
    struct ip_addr a;
    if (!ip_addr_parse(next(), &a)) {
        at--;
        bad("address expected");
    }
    return a;
}

/* Keeps the host bits: cv_addr wants the address, routes the prefix. */
static struct ip_addr address_len(uint8_t *len)
{
    char copy[64], *slash;
    struct ip_addr a;
    snprintf(copy, sizeof copy, "%s", next());
    slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    if (!slash || !ip_addr_parse(copy, &a)) {
        at--;
        bad("ADDRESS/LENGTH expected");
    }
    *len = (uint8_t)atoi(slash + 1);
    return a;
}

static struct ip_prefix prefix(void)
{
    struct ip_prefix p;
    if (!ip_prefix_parse(next(), &p)) {
        at--;
        bad("prefix expected");
    }
    return p;
}

#endif
