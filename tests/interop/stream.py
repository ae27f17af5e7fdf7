#!/usr/bin/python3
"""Sends numbered UDP packets at a steady rate, or receives them and keeps account of what is missing.

  stream.py send ADDRESS PORT RATE SIZE STOP_FILE     prints the seconds to the last packet, and the number of packets
  stream.py receive ADDRESS PORT RESULT_FILE          writes JSON four times a second and at SIGTERM
"""
import json
import os
import signal
import socket
import struct
import sys
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def send(address, port, rate, size, stop_file):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    pad = b"\0" * (size - 8)
    start, sent = time.monotonic(), 0
    last = start
    while True:
        due = int((time.monotonic() - start) * rate)
        while sent < due:
            sent += 1
            try:
                s.sendto(struct.pack("!Q", sent) + pad, (address, port))
            except OSError:
                pass  # an ICMP error of an earlier packet; the receiver will miss this one, as it should
            last = time.monotonic()
        if os.path.exists(stop_file):
            print("%.3f %d" % (last - start, sent))
            return
        time.sleep(1 / rate)


class Account:
    def __init__(self):
        self.seen = set()
        self.highest = self.duplicates = self.out_of_order = 0
        self.last_at = None
        self.longest_gap = 0.0

    def take(self, number):
        now = time.monotonic()
        if self.last_at is not None:
            self.longest_gap = max(self.longest_gap, now - self.last_at)
        self.last_at = now
        if number in self.seen:
            self.duplicates += 1
            return
        self.seen.add(number)
        if number < self.highest:
            self.out_of_order += 1
        self.highest = max(self.highest, number)

    def missing(self):
        ranges = []
        for n in range(1, self.highest + 1):
            if n not in self.seen:
                if ranges and ranges[-1][1] == n - 1:
                    ranges[-1][1] = n
                else:
                    ranges.append([n, n])
        return ranges

    def report(self, final):
        return {"received": len(self.seen), "highest": self.highest, "duplicates": self.duplicates,
                "out_of_order": self.out_of_order, "longest_gap_s": round(self.longest_gap, 4),
                "missing": self.missing() if final else []}


def write(path, report):
    with open(path + ".new", "w") as f:
        json.dump(report, f)
    os.replace(path + ".new", path)


def receive(address, port, result):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE: whatever the machine's limit, a receiver that had to wait loses none
    s.bind((address, port))
    s.settimeout(0.1)
    account, stop = Account(), []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    write(result, account.report(False))
    written = time.monotonic()
    while not stop:
        try:
            account.take(struct.unpack("!Q", s.recv(65535)[:8])[0])
        except socket.timeout:
            pass
        if time.monotonic() - written > 0.25:
            written = time.monotonic()
            write(result, account.report(False))
    write(result, account.report(True))


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
    elif len(sys.argv) == 5 and sys.argv[1] == "receive":
        receive(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        sys.exit(__doc__)
