#include "control/doctor/doc_file.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX = 8192 };

static void path_make(char path[PATH_MAX], const char *fmt, va_list ap)
{
    vsnprintf(path, PATH_MAX, fmt, ap);
}

bool doc_read(char *out, size_t room, const char *fmt, ...)
{
    char path[PATH_MAX];
    va_list ap;
    va_start(ap, fmt);
    path_make(path, fmt, ap);
    va_end(ap);
    out[0] = '\0';
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(out, 1, room - 1, f);
    fclose(f);
    out[n] = '\0';
    while (n > 0 && isspace((unsigned char)out[n - 1]))
        out[--n] = '\0';
    return true;
}

long doc_number(long otherwise, const char *fmt, ...)
{
    char path[PATH_MAX], text[32], *end;
    va_list ap;
    va_start(ap, fmt);
    path_make(path, fmt, ap);
    va_end(ap);
    if (!doc_read(text, sizeof text, "%s", path))
        return otherwise;
    long v = strtol(text, &end, 0);
    return end == text ? otherwise : v;
}

bool doc_link(char *out, size_t room, const char *fmt, ...)
{
    char path[PATH_MAX], target[PATH_MAX];
    va_list ap;
    va_start(ap, fmt);
    path_make(path, fmt, ap);
    va_end(ap);
    out[0] = '\0';
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    char *slash = strrchr(target, '/');
    snprintf(out, room, "%s", slash ? slash + 1 : target);
    return true;
}

bool doc_exists(const char *fmt, ...)
{
    char path[PATH_MAX];
    va_list ap;
    va_start(ap, fmt);
    path_make(path, fmt, ap);
    va_end(ap);
    return access(path, F_OK) == 0;
}

void doc_each(const char *list, void (*fn)(void *ctx, unsigned n), void *ctx)
{
    while (*list) {
        char *end;
        unsigned long lo = strtoul(list, &end, 10), hi = lo;
        if (end != list && *end == '-')
            hi = strtoul(end + 1, &end, 10);
        if (end != list)
            for (unsigned long n = lo; n <= hi && n < LIST_MAX; n++)
                fn(ctx, (unsigned)n);
        list = end + strcspn(end, ",");
        list += *list == ',';
    }
}
