#include "control/parent_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PLATFORM_TEXT_MAX = 16384, CLI_BACKLOG = 16 };

static cv_result complain(const char *what, const char *path)
{
    log_error("%s: %s: %s", path, what, strerror(errno));
    return CV_EIO;
}

/* The directory and what leads to it; -1 with errno. */
static int dir_open(const char *path, mode_t mode)
{
    char part[1024];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *s = part + 1; *s; s++) {
        if (*s != '/')
            continue;
        *s = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return -1;
        *s = '/';
    }
    if (mkdir(part, mode) != 0 && errno != EEXIST)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static cv_result lock_take(struct parent_dirs *d, const char *run_dir)
{
    d->lock_fd = openat(d->run_fd, "culvertd.pid", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (d->lock_fd < 0)
        return complain("culvertd.pid cannot be written", run_dir);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        log_error("%s: another culvertd runs here (pid %d)", run_dir, (int)parent_pid_of(d, "culvertd.pid"));
        return CV_EEXIST;
    }
    if (ftruncate(d->lock_fd, 0) != 0 || dprintf(d->lock_fd, "%d\n", (int)getpid()) < 0)
        return complain("culvertd.pid cannot be written", run_dir);
    return CV_OK;
}

/* Operators without root: members of the group culvert, where there is one, may use the client. */
static cv_result operators_admit(const struct parent_dirs *d, const char *socket_path, const char *run_dir)
{
    const struct group *g = geteuid() == 0 ? getgrnam("culvert") : NULL;
    if (!g)
        return CV_OK;
    if (fchown(d->run_fd, (uid_t)-1, g->gr_gid) != 0 || fchmod(d->run_fd, 0750) != 0 ||
        lchown(socket_path, (uid_t)-1, g->gr_gid) != 0 || chmod(socket_path, 0660) != 0)
        return complain("cannot be opened to the group culvert", run_dir);
    return CV_OK;
}

static cv_result cli_listen(struct parent_dirs *d, const char *run_dir)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/cli.sock", run_dir) >= sizeof sun.sun_path) {
        errno = ENAMETOOLONG;
        return complain("path of cli.sock", run_dir);
    }
    unlinkat(d->run_fd, "cli.sock", 0); /* the lock is ours: what lies there is a leftover */
    d->cli_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->cli_fd < 0 || fchmod(d->cli_fd, 0600) != 0 ||
        bind(d->cli_fd, (struct sockaddr *)&sun, sizeof sun) != 0 || chmod(sun.sun_path, 0600) != 0 ||
        listen(d->cli_fd, CLI_BACKLOG) != 0)
        return complain("cli.sock cannot be made", run_dir);
    return operators_admit(d, sun.sun_path, run_dir);
}

/* That user can write in the directory: nothing but a plain file of one name is given to it, by descriptor. */
static bool state_file_give(int dir, const struct rt_user *u)
{
    int fd = openat(dir, "culvert.state", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return errno == ENOENT;
    bool ok =
        fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && fchown(fd, u->uid, u->gid) == 0;
    close(fd);
    return ok;
}

static bool pki_give(int dir, const struct rt_user *u, unsigned depth);

/* One entry of pki/: a directory with what is in it, a plain file of one name; anything else is left as it is, and not read by anybody. */
static bool pki_entry_give(int dir, const char *name, const struct rt_user *u, unsigned depth)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP;
    bool ok = fstat(fd, &st) == 0;
    if (ok && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)) && st.st_uid != u->uid)
        ok = fchown(fd, u->uid, u->gid) == 0;
    if (ok && S_ISDIR(st.st_mode) && depth > 0)
        return pki_give(fd, u, depth - 1);
    close(fd);
    return ok;
}

/* Takes dir over. */
static bool pki_give(int dir, const struct rt_user *u, unsigned depth)
{
    const struct dirent *e;
    bool ok = true;
    DIR *list = fdopendir(dir);
    if (!list) {
        close(dir);
        return false;
    }
    while (ok && (e = readdir(list)) != NULL)
        ok = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
             pki_entry_give(dir, e->d_name, u, depth);
    closedir(list);
    return ok;
}

static cv_result state_open(struct parent_dirs *d, const struct parent_options *o)
{
    d->state_fd = dir_open(o->state_dir, 0700);
    if (d->state_fd < 0)
        return complain("cannot be opened or made", o->state_dir);
    if (!o->user.change)
        return CV_OK;
    /* The control process writes here, by this descriptor, as its own user. */
    if (fchown(d->state_fd, o->user.uid, o->user.gid) != 0)
        return complain("cannot be given to the control process", o->state_dir);
    if (!state_file_give(d->state_fd, &o->user))
        return complain("culvert.state cannot be given to the control process", o->state_dir);
    /* docs/pki.md: pki/tp/NAME/FILE. Another user may have owned it until now. */
    if (!pki_entry_give(d->state_fd, "pki", &o->user, 3))
        return complain("pki cannot be given to the control process", o->state_dir);
    return CV_OK;
}

static cv_result keylog_open(struct parent_dirs *d, const struct parent_options *o)
{
    d->keylog_fd = -1;
    if (!o->keylog_file)
        return CV_OK;
    d->keylog_fd = open(o->keylog_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->keylog_fd < 0)
        return complain("key log cannot be written", o->keylog_file);
    log_warning("CULVERT_IKE_KEYLOG is set: THE KEYS OF ALL IKE SAs ARE WRITTEN TO %s. For tests only",
                o->keylog_file);
    return CV_OK;
}

cv_result parent_dirs_open(struct parent_dirs *d, const struct parent_options *o)
{
    *d = (struct parent_dirs){-1, -1, -1, -1, -1, -1};
    d->run_fd = dir_open(o->run_dir, 0755);
    if (d->run_fd < 0)
        return complain("cannot be opened or made", o->run_dir);
    CV_TRY(lock_take(d, o->run_dir));
    CV_TRY(state_open(d, o));
    CV_TRY(keylog_open(d, o));
    if (!o->foreground) {
        d->dp_log_fd = openat(d->run_fd, "culvert-dp.log",
                              O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (d->dp_log_fd < 0)
            return complain("culvert-dp.log cannot be written", o->run_dir);
    }
    return cli_listen(d, o->run_dir);
}

void parent_pid_file(const struct parent_dirs *d, const char *name, pid_t pid)
{
    int fd = openat(d->run_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return;
    dprintf(fd, "%d\n", (int)pid);
    close(fd);
}

pid_t parent_pid_of(const struct parent_dirs *d, const char *name)
{
    char text[16] = "";
    int fd = openat(d->run_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    char *end = text;
    long pid = n > 0 ? strtol(text, &end, 10) : 0;
    return end != text && pid > 0 && pid < INT_MAX ? (pid_t)pid : 0;
}

void parent_remove(const struct parent_dirs *d, const char *name)
{
    unlinkat(d->run_fd, name, 0);
}

cv_result parent_platform_file(const struct parent_dirs *d, const struct platform *p)
{
    static char text[PLATFORM_TEXT_MAX];
    int n = platform_write(p, text, sizeof text);
    if (n < 0 || (size_t)n >= sizeof text)
        return CV_ENOSPC;
    int fd = openat(d->run_fd, "platform.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return complain("cannot be written", "platform.conf");
    ssize_t done = write(fd, text, (size_t)n);
    close(fd);
    return done == n ? CV_OK : CV_EIO;
}
