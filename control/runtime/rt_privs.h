/* rt_privs: giving up root for good, and keeping key pages out of core dumps. */
#ifndef CONTROL_RUNTIME_RT_PRIVS_H
#define CONTROL_RUNTIME_RT_PRIVS_H

#include "common/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct rt_user {
    bool change; /* false: stay who we are */
    uid_t uid;
    gid_t gid;
    char name[64];
};
/* name NULL: "culvert" when such a user exists, else "nobody"; not root: nobody changes. CV_ENOENT: unknown name. */
CV_MUST_USE cv_result rt_user_find(const char *name, struct rt_user *out);
/* Becomes that user with no supplementary groups and no capabilities, checked. */
CV_MUST_USE cv_result rt_privs_drop(const struct rt_user *u);
/* No core dumps, no ptrace by the same user; umask 077. */
void rt_harden(void);
/* This process ends when its parent does. False when the parent is gone already. After rt_privs_drop. */
CV_MUST_USE bool rt_die_with_parent(pid_t parent);

#endif
