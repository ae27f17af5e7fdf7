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

/* One answer: what it is, and to which question. */
static cv_result answer_receive(int sock, char octets[2], int *fd)
{
    struct iovec iov = {octets, 2};
    union fd_room control = {0};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    *fd = n >= 0 ? descriptor_of(&m) : -1;
    return n == 2 ? CV_OK : CV_EIO;
}

cv_result rt_broker_call(int sock, enum rt_broker_ask ask, int timeout_ms, int *fd)
{
    char octet = (char)ask, answer[2];
    struct pollfd p = {sock, POLLIN, 0};
    *fd = -1;
    if (send(sock, &octet, 1, MSG_NOSIGNAL) != 1)
        return CV_EIO;
    for (;;) {
        if (poll(&p, 1, timeout_ms) != 1)
            return CV_EAGAIN;
        CV_TRY(answer_receive(sock, answer, fd));
        if (answer[1] == octet)
            return answer[0] == '+' ? CV_OK : CV_ENOENT;
        if (*fd >= 0) /* to a question that was given up */
            close(*fd);
        *fd = -1;
    }
}

cv_result rt_broker_take(int sock, enum rt_broker_ask *ask)
{
    char octet;
    ssize_t n = recv(sock, &octet, 1, MSG_DONTWAIT);
    if (n != 1)
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? CV_EAGAIN : CV_EIO;
    *ask = (enum rt_broker_ask)octet;
    return CV_OK;
}

cv_result rt_broker_answer(int sock, enum rt_broker_ask ask, bool ok, int fd)
{
    char octets[2] = {ok ? '+' : '-', (char)ask};
    struct iovec iov = {octets, sizeof octets};
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
    return sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof octets ? CV_OK : CV_EIO;
}
