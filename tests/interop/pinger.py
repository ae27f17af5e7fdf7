#!/usr/bin/python3
"""Echo requests at an interval, and an account of the answers. ping(8) waits for the last answer only as long as two of the earlier took,
which on a loaded machine is not long: this waits until all are there, or WAIT seconds have passed since the last request or answer.

  pinger.py ADDRESS COUNT INTERVAL SIZE WAIT [SOURCE]      prints "SENT RECEIVED"
"""
import os
import select
import socket
import struct
import sys
import time

ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(family, ident, seq, size):
    body = bytes(i & 255 for i in range(size))
    head = struct.pack("!BBHHH", ECHO[family][0], 0, 0, ident, seq)
    if family == socket.AF_INET:  # of IPv6 the kernel makes the checksum
        head = struct.pack("!BBHHH", 8, 0, checksum(head + body), ident, seq)
    return head + body


def answered(family, data, ident):
    """The number that a received packet answers, or None."""
    if family == socket.AF_INET:
        data = data[(data[0] & 15) * 4:]
    if len(data) < 8 or data[0] != ECHO[family][1]:
        return None
    of, seq = struct.unpack("!HH", data[4:8])
    return seq if of == ident else None


def ping(address, count, interval, size, wait, source=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP)
    s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    if source:
        s.bind((source, 0))
    ident, sent, seen = os.getpid() & 0xFFFF, 0, set()
    start = last = time.monotonic()
    while True:
        now = time.monotonic()
        if sent < count and now >= start + sent * interval:
            try:
                s.sendto(request(family, ident, sent, size), (address, 0))
            except OSError:
                pass  # an ICMP error of an earlier one, no route: it stays without an answer
            sent += 1
            last = now
            continue
        if sent == count and (len(seen) == count or now - last > wait):
            return sent, len(seen)
        until = start + sent * interval if sent < count else last + wait
        if select.select([s], [], [], max(0.0, until - now) + 0.0005)[0]:
            try:
                number = answered(family, s.recv(65535), ident)
            except OSError:
                continue
            if number is not None and number < sent and number not in seen:
                seen.add(number)
                last = time.monotonic()


if __name__ == "__main__":
    if len(sys.argv) not in (6, 7):
        sys.exit(__doc__)
    print("%d %d" % ping(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]),
                         *sys.argv[6:]))
