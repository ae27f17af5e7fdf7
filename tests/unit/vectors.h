/* vectors: reads the records of tests/vectors: "name = value" lines, records apart by blank lines, # comments.
 *
 * Values are hexadecimal octets, or decimal numbers, as the test asks. VECTORS_DIR is given by meson. */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include "common/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VEC_FIELDS = 16, VEC_VALUE = 4096 };

struct vec {
    unsigned count;
    struct {
        char name[16];
        char text[2 * VEC_VALUE];
        uint8_t bytes[VEC_VALUE];
    } field[VEC_FIELDS];
};

static inline FILE *vec_open(const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", VECTORS_DIR, file);
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    return f;
}

/* The next record; false at the end of the file. A malformed file ends the test program. */
static inline bool vec_next(FILE *f, struct vec *v)
{
    static char line[2 * VEC_VALUE + 64];
    v->count = 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        if (line[0] == '\0') {
            if (v->count)
                return true;
            continue;
        }
        char *equals = strstr(line, " = ");
        if (!equals || v->count == VEC_FIELDS || (size_t)(equals - line) >= sizeof v->field[0].name) {
            fprintf(stderr, "bad vector line: %.60s\n", line);
            exit(1);
        }
        *equals = '\0';
        strcpy(v->field[v->count].name, line);
        strcpy(v->field[v->count].text, equals + 3);
        v->count++;
    }
    return v->count > 0;
}

static inline unsigned vec_find(const struct vec *v, const char *name)
{
    for (unsigned i = 0; i < v->count; i++)
        if (strcmp(v->field[i].name, name) == 0)
            return i;
    fprintf(stderr, "vector has no field %s\n", name);
    exit(1);
}

static inline bool vec_has(const struct vec *v, const char *name)
{
    for (unsigned i = 0; i < v->count; i++)
        if (strcmp(v->field[i].name, name) == 0)
            return true;
    return false;
}

static inline uint16_t vec_number(const struct vec *v, const char *name)
{
    return (uint16_t)strtoul(v->field[vec_find(v, name)].text, NULL, 10);
}

static inline const char *vec_text(const struct vec *v, const char *name)
{
    return v->field[vec_find(v, name)].text;
}

/* The field's octets; they live in v. */
static inline struct slice vec_bytes(struct vec *v, const char *name)
{
    unsigned f = vec_find(v, name);
    size_t n = strlen(v->field[f].text) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned octet = 0;
        if (sscanf(v->field[f].text + 2 * i, "%2x", &octet) != 1) {
            fprintf(stderr, "field %s is not hexadecimal\n", name);
            exit(1);
        }
        v->field[f].bytes[i] = (uint8_t)octet;
    }
    return (struct slice){v->field[f].bytes, n};
}

#define VEC_EQUAL(bytes, want) (memcmp((bytes), (want).p, (want).n) == 0)

#endif
