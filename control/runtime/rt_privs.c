#include "control/runtime/rt_privs.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

cv_result rt_user_find(const char *name, struct rt_user *out)
{
    *out = (struct rt_user){.change = false, .uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0)
        return CV_OK;
    struct passwd *pw = getpwnam(name ? name : "culvert");
    if (!pw && !name)
        pw = getpwnam("nobody");
    if (!pw)
        return name ? CV_ENOENT : CV_OK;
    out->change = pw->pw_uid != 0;
    out->uid = pw->pw_uid;
    out->gid = pw->pw_gid;
    snprintf(out->name, sizeof out->name, "%s", pw->pw_name);
    return CV_OK;
}

cv_result rt_privs_drop(const struct rt_user *u)
{
    if (!u->change)
        return CV_OK;
    if (setgroups(0, NULL) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
        setresuid(u->uid, u->uid, u->uid) != 0)
        return CV_EIO;
    /* The change must be one way: root again would mean that nothing was given up. */
    if (setuid(0) == 0 || geteuid() != u->uid)
        return CV_EIO;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? CV_OK : CV_EIO;
}

void rt_harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(077);
}

bool rt_die_with_parent(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent;
}
