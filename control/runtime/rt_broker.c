#include "control/runtime/rt_broker.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union fd_room {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int))];
};

static int descriptor_of(struct msghdr *m)
{
    int fd = -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

cv_result rt_broker_call(int sock, enum rt_broker_ask ask, int timeout_ms, int *fd)
{
    char octet = (char)ask;
    struct iovec iov = {&octet, 1};
    union fd_room control = {0};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct pollfd p = {sock, POLLIN, 0};
    *fd = -1;
    if (send(sock, &octet, 1, MSG_NOSIGNAL) != 1)
        return CV_EIO;
    if (poll(&p, 1, timeout_ms) != 1)
        return CV_EAGAIN;
    if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1)
        return CV_EIO;
    *fd = descriptor_of(&m);
    return octet == '+' ? CV_OK : CV_ENOENT;
}

cv_result rt_broker_take(int sock, enum rt_broker_ask *ask)
{
    char octet;
    ssize_t n = recv(sock, &octet, 1, 0);
    if (n != 1)
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? CV_EAGAIN : CV_EIO;
    *ask = (enum rt_broker_ask)octet;
    return CV_OK;
}

cv_result rt_broker_answer(int sock, int ok, int fd)
{
    char octet = ok ? '+' : '-';
    struct iovec iov = {&octet, 1};
    union fd_room control = {0};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (ok && fd >= 0) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof control.room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return sendmsg(sock, &m, MSG_NOSIGNAL) == 1 ? CV_OK : CV_EIO;
}
