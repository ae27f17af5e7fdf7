#include "control/pki/pki_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool pki_file_name(const char *name, const char *suffix, char out[PKI_FILE_NAME_MAX])
{
    size_t n = 0;
    for (; *name; name++) {
        if (n + 4 + strlen(suffix) >= PKI_FILE_NAME_MAX)
            return false;
        n += (size_t)snprintf(out + n, PKI_FILE_NAME_MAX - n, is_plain(*name) ? "%c" : "%%%02X",
                              is_plain(*name) ? *name : (uint8_t)*name);
    }
    snprintf(out + n, PKI_FILE_NAME_MAX - n, "%s", suffix);
    return n > 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool pki_file_name_back(const char *file, const char *suffix, char *out, size_t room)
{
    size_t len = strlen(file), tail = strlen(suffix), n = 0;
    if (len <= tail || strcmp(file + len - tail, suffix) != 0)
        return false;
    for (size_t i = 0; i < len - tail; i++) {
        char c = file[i];
        if (c == '%') {
            int high = hex_digit(file[i + 1]), low = high < 0 ? -1 : hex_digit(file[i + 2]);
            if (low < 0 || i + 2 >= len - tail)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (!is_plain(c)) {
            return false;
        }
        if (n + 1 >= room || c == '\0')
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

int pki_file_dir(int parent, const char *name, bool make)
{
    if (make && mkdirat(parent, name, 0700) == 0)
        fsync(parent);
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool write_all(int fd, struct slice data)
{
    while (data.n > 0) {
        ssize_t n = write(fd, data.p, data.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data.p += n;
        data.n -= (size_t)n;
    }
    return fsync(fd) == 0;
}

cv_result pki_file_write(int dir, const char *name, struct slice data)
{
    char fresh[PKI_FILE_NAME_MAX + 8];
    snprintf(fresh, sizeof fresh, "%s.new", name);
    if (unlinkat(dir, fresh, 0) != 0 && errno != ENOENT) /* of a process that died: it may have any mode */
        return CV_EIO;
    int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return CV_EIO;
    bool ok = fchmod(fd, 0600) == 0 && write_all(fd, data);
    ok = close(fd) == 0 && ok;
    ok = ok && renameat(dir, fresh, dir, name) == 0 && fsync(dir) == 0;
    if (!ok)
        unlinkat(dir, fresh, 0);
    return ok ? CV_OK : CV_EIO;
}

static cv_result read_all(int fd, size_t n, struct secret *out)
{
    CV_TRY(secret_new(out, n));
    for (size_t have = 0; have < n;) {
        ssize_t got = read(fd, out->p + have, n - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            secret_free(out);
            return CV_EIO;
        }
        have += (size_t)got;
    }
    return CV_OK;
}

cv_result pki_file_read(int dir, const char *name, struct secret *out)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? CV_ENOENT : errno == ELOOP ? CV_EINVAL : CV_EIO;
    cv_result r;
    if (fstat(fd, &st) != 0)
        r = CV_EIO;
    else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0) ||
             st.st_size < 0 || st.st_size > PKI_FILE_MAX)
        r = CV_EINVAL;
    else
        r = read_all(fd, (size_t)st.st_size, out);
    close(fd);
    return r;
}
