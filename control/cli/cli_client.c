#include "control/cli/cli_client.h"

#include "common/secret.h"
#include "control/cli/cli_ask.h"
#include "control/cli/cli_proto.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int cli_client_connect(const char *run_dir)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/cli.sock", run_dir) >= sizeof sun.sun_path) {
        fprintf(stderr, "culvert: %s: the path is too long for a Unix socket\n", run_dir);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
        return fd;
    fprintf(stderr, "culvert: cannot reach culvertd at %s: %s; is it running with this --run-dir?\n",
            sun.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static volatile sig_atomic_t interrupted;

void cli_client_interrupt(void)
{
    interrupted = 1;
}

bool cli_client_interrupted(void)
{
    return interrupted != 0;
}

static bool read_all(int fd, void *p, size_t n)
{
    uint8_t *at = p;
    while (n > 0) {
        ssize_t got = read(fd, at, n);
        if (got < 0 && errno == EINTR && !interrupted)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *p, size_t n)
{
    const uint8_t *at = p;
    while (n > 0) {
        ssize_t put = send(fd, at, n, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        n -= (size_t)put;
    }
    return true;
}

static bool copy_out(int fd, FILE *to, uint32_t len)
{
    char part[4096];
    while (len > 0) {
        size_t n = len < sizeof part ? len : sizeof part;
        if (!read_all(fd, part, n))
            return false;
        fwrite(part, 1, n, to);
        len -= (uint32_t)n;
    }
    fflush(to);
    return true;
}

static int broke_off(void)
{
    if (interrupted) {
        fputs("\n", stdout);
        return CLI_NOT_SO;
    }
    fprintf(stderr, "culvert: culvertd broke off before the answer was complete\n");
    return CLI_NO_DAEMON;
}

bool cli_client_lines(int fd)
{
    uint8_t head[CLI_FRAME_HEAD];
    enum cli_frame kind;
    uint32_t n;
    return read_all(fd, head, sizeof head) && cli_frame_parse(head, &kind, &n) && kind == CLI_LINES &&
           copy_out(fd, stdout, n);
}

/* False: the daemon is gone, or what it asks is not understood. */
static bool answer(int fd, struct cli_ask *a, uint32_t len)
{
    char *question = calloc(1, (size_t)len + 1);
    size_t n = 0;
    bool good = question && read_all(fd, question, len);
    uint8_t *packet = good ? cli_ask_answer(a, question, &n) : NULL;
    good = packet && write_all(fd, packet, n);
    if (packet)
        secret_wipe(packet, n);
    free(packet);
    free(question);
    return good;
}

int cli_client_run(int fd, int argc, const char *const *argv, unsigned ask)
{
    size_t len = 0;
    uint8_t *request = cli_request_make(argc, argv, ask, &len), head[CLI_FRAME_HEAD], status[4];
    if (!request) {
        fprintf(stderr, "culvert: the command is too long or not UTF-8\n");
        return CLI_USAGE;
    }
    struct cli_ask files;
    cli_ask_open(&files, argc, argv, (ask & CLI_ASK_JSON) != 0);
    interrupted = 0;
    bool sent = write_all(fd, request, len);
    free(request);
    while (sent && read_all(fd, head, sizeof head)) {
        enum cli_frame kind;
        uint32_t n;
        if (!cli_frame_parse(head, &kind, &n))
            break;
        if (kind == CLI_EXIT)
            return cli_ask_close(&files, read_all(fd, status, sizeof status) ? status[3] : broke_off());
        if (kind == CLI_QUESTION && answer(fd, &files, n))
            continue;
        if (kind == CLI_QUESTION)
            break;
        if (!copy_out(fd, kind == CLI_STDERR ? stderr : files.out, n))
            break;
    }
    return cli_ask_close(&files, broke_off());
}
