/* rt_state: what culvertd remembers across its own restarts, in STATE/culvert.state: the numbers that names have in
 * the data plane, what was applied there, and when adopted SAs must end. JSON, mode 0600, no keys.
 *
 * Written to a new file, synced and renamed: a crash leaves the old state or the new one. */
#ifndef CONTROL_RUNTIME_RT_STATE_H
#define CONTROL_RUNTIME_RT_STATE_H

#include "common/contract.h"
#include "common/result.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A stable numbering of names: 1 .. limit - 1, lowest free one first. */
enum { RT_NAME_MAX = 64 };
struct rt_names {
    unsigned count, room;
    struct rt_name {
        uint32_t id;
        char name[RT_NAME_MAX];
    } * items;
};
uint32_t rt_names_find(const struct rt_names *n, const char *name); /* 0: unknown */
const char *rt_names_text(const struct rt_names *n, uint32_t id);   /* NULL: unknown */
/* Finds or numbers; 0 when the numbers below limit, or memory, ran out. */
uint32_t rt_names_add(struct rt_names *n, const char *name, uint32_t limit);
void rt_names_remove(struct rt_names *n, const char *name);
void rt_names_free(struct rt_names *n);

struct rt_child { /* an installed child SA, by the cookie of its inbound half */
    uint64_t cookie;
    uint64_t expires_wall_ms; /* 0: no time limit */
};

struct rt_state {
    uint64_t boot_id; /* of the data plane that the rest is about; 0: none */
    struct rt_names ifs, vrfs;
    unsigned child_count;
    struct rt_child *children;
    json_t *applied; /* apply.h's own; NULL: nothing */
};

/* A missing file is an empty state; a file that cannot be understood gives CV_EPARSE and an empty state. */
CV_MUST_USE cv_result rt_state_load(int dir_fd, struct rt_state *s);
CV_MUST_USE cv_result rt_state_save(int dir_fd, const struct rt_state *s);
void rt_state_free(struct rt_state *s);

#endif
