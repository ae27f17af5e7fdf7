#include "control/runtime/rt_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_VERSION = 1 };
static const char state_file[] = "culvert.state";
static const char state_new[] = "culvert.state.new";

/* ---- names ------------------------------------------------------------------------------------------------ */
uint32_t rt_names_find(const struct rt_names *n, const char *name)
{
    for (unsigned i = 0; i < n->count; i++)
        if (strcmp(n->items[i].name, name) == 0)
            return n->items[i].id;
    return 0;
}

const char *rt_names_text(const struct rt_names *n, uint32_t id)
{
    for (unsigned i = 0; i < n->count; i++)
        if (n->items[i].id == id)
            return n->items[i].name;
    return NULL;
}

static cv_result names_append(struct rt_names *n, const char *name, uint32_t id)
{
    if (strlen(name) >= RT_NAME_MAX)
        return CV_EINVAL;
    if (n->count == n->room) {
        unsigned room = n->room ? n->room * 2 : 16;
        struct rt_name *items = realloc(n->items, room * sizeof *items);
        if (!items)
            return CV_ENOMEM;
        n->items = items;
        n->room = room;
    }
    n->items[n->count].id = id;
    snprintf(n->items[n->count].name, RT_NAME_MAX, "%s", name);
    n->count++;
    return CV_OK;
}

uint32_t rt_names_add(struct rt_names *n, const char *name, uint32_t limit)
{
    uint32_t id = rt_names_find(n, name);
    if (id != 0)
        return id;
    for (id = 1; id < limit && rt_names_text(n, id); id++)
        ;
    if (id >= limit || names_append(n, name, id) != CV_OK)
        return 0;
    return id;
}

void rt_names_remove(struct rt_names *n, const char *name)
{
    for (unsigned i = 0; i < n->count; i++) {
        if (strcmp(n->items[i].name, name) != 0)
            continue;
        n->items[i] = n->items[--n->count];
        return;
    }
}

void rt_names_free(struct rt_names *n)
{
    free(n->items);
    memset(n, 0, sizeof *n);
}

/* ---- JSON -> state ------------------------------------------------------------------------------------------- */
static cv_result names_read(const json_t *from, uint32_t limit, struct rt_names *n)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)from, name, v)
    {
        json_int_t id = json_integer_value(v);
        if (!json_is_integer(v) || id < 1 || id >= (json_int_t)limit || rt_names_text(n, (uint32_t)id))
            return CV_EPARSE;
        CV_TRY(names_append(n, name, (uint32_t)id));
    }
    return CV_OK;
}

/* 64-bit words as hexadecimal text: JSON numbers of other readers lose bits above 53. */
static bool word_read(const json_t *v, uint64_t *out)
{
    const char *s = json_string_value(v);
    char *end;
    if (!s || !*s)
        return false;
    errno = 0;
    *out = strtoull(s, &end, 16);
    return errno == 0 && *end == '\0';
}

static json_t *word_json(uint64_t v)
{
    return json_sprintf("%016llx", (unsigned long long)v);
}

static cv_result children_read(const json_t *from, struct rt_state *s)
{
    size_t n = json_array_size(from);
    if (n == 0)
        return CV_OK;
    s->children = calloc(n, sizeof *s->children);
    if (!s->children)
        return CV_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(from, i);
        struct rt_child *out = &s->children[s->child_count];
        json_int_t expires = json_integer_value(json_object_get(c, "expires_wall_ms"));
        if (!word_read(json_object_get(c, "cookie"), &out->cookie) || expires < 0)
            return CV_EPARSE;
        out->expires_wall_ms = (uint64_t)expires;
        s->child_count++;
    }
    return CV_OK;
}

static cv_result state_read(const json_t *j, struct rt_state *s)
{
    if (json_integer_value(json_object_get(j, "version")) != STATE_VERSION ||
        !word_read(json_object_get(j, "boot_id"), &s->boot_id))
        return CV_EPARSE;
    CV_TRY(names_read(json_object_get(j, "interfaces"), CV_MAX_IFS, &s->ifs));
    CV_TRY(names_read(json_object_get(j, "vrfs"), CV_MAX_VRFS, &s->vrfs));
    CV_TRY(children_read(json_object_get(j, "children"), s));
    s->applied = json_incref(json_object_get(j, "applied"));
    return CV_OK;
}

cv_result rt_state_load(int dir_fd, struct rt_state *s)
{
    memset(s, 0, sizeof *s);
    int fd = openat(dir_fd, state_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? CV_OK : CV_EIO;
    json_t *j = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    close(fd);
    cv_result r = j ? state_read(j, s) : CV_EPARSE;
    json_decref(j);
    if (r != CV_OK)
        rt_state_free(s);
    return r;
}

/* ---- state -> JSON ------------------------------------------------------------------------------------------- */
static json_t *names_json(const struct rt_names *n)
{
    json_t *o = json_object();
    for (unsigned i = 0; i < n->count; i++)
        json_object_set_new(o, n->items[i].name, json_integer(n->items[i].id));
    return o;
}

static json_t *children_json(const struct rt_state *s)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < s->child_count; i++)
        json_array_append_new(a, json_pack("{s:o, s:I}", "cookie", word_json(s->children[i].cookie),
                                           "expires_wall_ms", (json_int_t)s->children[i].expires_wall_ms));
    return a;
}

static cv_result file_write(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return CV_EIO;
        text += n;
        left -= (size_t)n;
    }
    return fsync(fd) == 0 ? CV_OK : CV_EIO;
}

cv_result rt_state_save(int dir_fd, const struct rt_state *s)
{
    json_t *j = json_pack("{s:i, s:o, s:o, s:o, s:o, s:O?}", "version", STATE_VERSION, "boot_id",
                          word_json(s->boot_id), "interfaces", names_json(&s->ifs), "vrfs",
                          names_json(&s->vrfs), "children", children_json(s), "applied", s->applied);
    char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
    json_decref(j);
    if (!text)
        return CV_ENOMEM;
    int fd = openat(dir_fd, state_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    cv_result r = fd >= 0 ? file_write(fd, text) : CV_EIO;
    if (fd >= 0)
        close(fd);
    free(text);
    if (r == CV_OK && renameat(dir_fd, state_new, dir_fd, state_file) != 0)
        r = CV_EIO;
    return r;
}

void rt_state_free(struct rt_state *s)
{
    rt_names_free(&s->ifs);
    rt_names_free(&s->vrfs);
    free(s->children);
    json_decref(s->applied);
    memset(s, 0, sizeof *s);
}
