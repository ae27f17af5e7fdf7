/* Thousands of seeded mutations of the example configurations through tests/fuzz/cfg_drive.h, for the sanitizer build: nothing
 * may crash, and whatever still parses must come back from its own running configuration. */
#include "tests/fuzz/cfg_drive.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <stdint.h>

#ifndef GOLDEN
#error "GOLDEN names the directory of the golden files"
#endif

enum { TEXT_MAX = 1 << 15, ROUNDS = 400 };

static uint64_t state;

static uint32_t random_below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return n ? (uint32_t)(state >> 11) % n : 0;
}

/* Start and length, with its newline, of a line of the text. */
static size_t pick_line(const char *text, size_t n, size_t *len)
{
    size_t at = random_below((uint32_t)n);
    while (at > 0 && text[at - 1] != '\n')
        at--;
    const char *end = memchr(text + at, '\n', n - at);
    *len = end ? (size_t)(end - text) + 1 - at : n - at;
    return at;
}

static size_t insert(char *text, size_t n, size_t at, const char *what, size_t len)
{
    if (n + len >= TEXT_MAX)
        return n;
    memmove(text + at + len, text + at, n - at);
    memcpy(text + at, what, len);
    return n + len;
}

static size_t cut(char *text, size_t n, size_t at, size_t len)
{
    memmove(text + at, text + at + len, n - at - len);
    return n - len;
}

static size_t mutate_once(char *text, size_t n)
{
    static const char *const words[] = {"no ",    "default ",   "\"",      " ",        "!",       "\n",
                                        "exit\n", "::/0",       "0.0.0.0", "65536",    "-1",      "\t\t",
                                        "any",    "4294967296", "Tunnel",  "hex 0x",   "end\n",   "\r\n",
                                        "\xff",   "name x ",    "key ",    "peer A\n", "address "};
    char line[1024];
    size_t len, at = random_below((uint32_t)n), other;
    const char *word = words[random_below(sizeof words / sizeof words[0])];
    switch (random_below(7)) {
    case 0:
        text[at] = (char)(1 + random_below(255));
        return n;
    case 1:
        return cut(text, n, at, 1);
    case 2:
        return insert(text, n, at, word, strlen(word));
    case 3: /* a line out */
        at = pick_line(text, n, &len);
        return cut(text, n, at, len);
    case 4: /* a line to another place */
        at = pick_line(text, n, &len);
        if (len > sizeof line)
            return n;
        memcpy(line, text + at, len);
        n = cut(text, n, at, len);
        other = n ? pick_line(text, n, &at) : 0;
        return insert(text, n, other, line, len);
    case 5: /* a line twice, or taken back */
        at = pick_line(text, n, &len);
        if (len > sizeof line)
            return n;
        memcpy(line, text + at, len);
        n = insert(text, n, at + len, line, len);
        return random_below(2) ? insert(text, n, at + len, "no ", 3) : n;
    default: /* a keyword cut short */
        at = pick_line(text, n, &len);
        other = len > 2 ? random_below((uint32_t)len - 1) : 0;
        return len > 2 ? cut(text, n, at + other, 1) : n;
    }
}

static void mutate_file(const char *file, unsigned *parsed, unsigned *tried)
{
    static char seed[TEXT_MAX], text[TEXT_MAX];
    FILE *f = fopen(file, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t seed_len = fread(seed, 1, TEXT_MAX / 2, f);
    fclose(f);
    const unsigned rounds = unit_rounds(ROUNDS);
    for (unsigned i = 0; i < rounds; i++) {
        size_t n = seed_len;
        memcpy(text, seed, n);
        for (unsigned k = 1 + random_below(4); k > 0 && n > 0; k--)
            n = mutate_once(text, n);
        text[n] = '\0';
        *parsed += cfg_drive(text);
        (*tried)++;
    }
}

static void mutated_configurations_break_nothing(void)
{
    glob_t g;
    unsigned parsed = 0, tried = 0;
    state = 0x9e3779b97f4a7c15ull;
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/check/*.conf", 0, NULL, &g), 0);
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/configs/*.conf", GLOB_APPEND, NULL, &g), 0);
    CU_ASSERT_EQUAL_FATAL(glob(GOLDEN "/ios/*.conf", GLOB_APPEND, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++)
        mutate_file(g.gl_pathv[i], &parsed, &tried);
    globfree(&g);
    printf("%u of %u parse ... ", parsed, tried);
    CU_ASSERT(tried >= 3000);
    CU_ASSERT(parsed > tried / 20); /* else the mutations test nothing but errors */
    CU_ASSERT(parsed < tried);
}

static void truncated_configurations_break_nothing(void)
{
    static char text[TEXT_MAX];
    FILE *f = fopen(GOLDEN "/configs/everything.conf", "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t n = fread(text, 1, TEXT_MAX - 1, f);
    fclose(f);
    for (size_t at = n; at > 0; at -= at > 7 ? 7 : at) {
        text[at] = '\0';
        (void)cfg_drive(text);
    }
    CU_ASSERT(n > 1000);
}

UNIT_MAIN("config-mutate", UNIT_TEST(mutated_configurations_break_nothing),
          UNIT_TEST(truncated_configurations_break_nothing))
