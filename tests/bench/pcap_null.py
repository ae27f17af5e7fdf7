#!/usr/bin/python3
"""culvert from net_pcap (a file replayed for ever from memory) to net_null on one core: packets per second of encapsulation.

A setup that other programs on DPDK can be run in, too, with the same file: docs/performance/dataplane.md has the comparison with DPDK's
ipsec-secgw. As root, with 2 MiB pages (`sysctl vm.nr_hugepages=512`), on a machine with two cores and more.

    tests/bench/pcap_null.py [--sizes 64,512,1434] [--seconds S] [--rounds N] [--lcore N] [--alg gcm128] [--engine auto] [--keep DIR]

Sizes are octets of the Ethernet frame that comes in, without its checksum. Packets are counted by the SA, so they are those that were
encrypted; whatever was dropped is told. Beside packets per second of the clock stand those per second that the worker had its core: on a machine
that others use, too, the second is the program's, the first also the neighbours'. --keep leaves the pcap files in DIR.
"""
import argparse
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(HERE, "..", "..", "build"))
DP, DPCTL = os.path.join(BUILD, "culvert-dp"), os.path.join(BUILD, "tests", "mock", "dpctl")
OWN_MAC, FAR_MAC = "027063617000", "020000000002"  # net_pcap gives its first port 02:70:63:61:70:00
PACKETS = 256
SPI = 0x11110001

SETUP = """hello
if-port 1 Ethernet0/0 Ethernet0/0
if-port 2 Ethernet0/1 Ethernet0/1
addr 1 10.1.0.1/24
addr 2 192.0.2.1/24
nbr 2 192.0.2.2 02:00:00:00:00:02
if-tunnel 10 Tunnel1 4 192.0.2.1 192.0.2.2
addr 10 172.16.0.1/30
route 0 10.2.0.0/24 dev 10
sa out 1 %#x 10 %s 1 192.0.2.1 192.0.2.2
activate 1 %#x
"""


def checksum(header):
    total = sum(struct.unpack("!%dH" % (len(header) // 2), header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(size, n):
    """UDP from 10.1.0.2 to 10.2.0.2."""
    length = size - 14
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, n, 0, 64, 17, 0, bytes((10, 1, 0, 2)), bytes((10, 2, 0, 2)))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    udp = struct.pack("!HHHH", 1000 + n, 2000, length - 20, 0)
    return bytes.fromhex(OWN_MAC + FAR_MAC + "0800") + head + udp + bytes(length - 28)


def pcap_write(path, size):
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for n in range(PACKETS):
            f.write(struct.pack("=IIII", 0, n, size, size) + frame(size, n))


def ctl(socket, script):
    done = subprocess.run([DPCTL, socket], input="hello\n" + script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    if done.returncode != 0:
        sys.exit("dpctl: %s" % done.stdout)
    return done.stdout


def sa_packets(socket):
    """Packets encrypted so far, and when that was read."""
    before = time.monotonic()
    text = ctl(socket, "counters out 1\n")
    words = re.search(r"^counters .*$", text, re.M).group(0).split()
    return int(words[words.index("packets") + 1]), (before + time.monotonic()) / 2


def drops(socket):
    return {m.group(1): int(m.group(2)) for m in re.finditer(r"^drop (\S+) (\d+)$", ctl(socket, "drops\n"), re.M)}


def worker_seconds(pid):
    """Time that the worker's thread has run."""
    for task in os.listdir("/proc/%d/task" % pid):
        base = "/proc/%d/task/%s/" % (pid, task)
        with open(base + "comm", encoding="ascii") as name, open(base + "schedstat", encoding="ascii") as stat:
            if "worker" in name.read():
                return int(stat.read().split()[0]) / 1e9
    sys.exit("culvert-dp has no worker")


def run(work, size, args):
    """Mpps of one start of culvert-dp: of the clock, and of the worker's own time."""
    pcap, conf, socket = (os.path.join(work, name) for name in ("%d.pcap" % size, "dp.conf", "dp.sock"))
    if not os.path.exists(pcap):
        pcap_write(pcap, size)
    with open(conf, "w", encoding="ascii") as f:
        f.write("platform dataplane\n lcores %d\n memory hugepages 512\n crypto-engine %s\n"
                " port Ethernet0/0 vdev net_pcap0,rx_pcap=%s,infinite_rx=1\n port Ethernet0/1 vdev net_null0,no-rx=1\n" %
                (args.lcore, args.engine, pcap))
    if os.path.exists(socket):
        os.unlink(socket)
    with open(os.path.join(work, "dp.log"), "w", encoding="ascii") as log:
        dp = subprocess.Popen([DP, "--run-dir", work, "--config", conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        while not os.path.exists(socket):
            if dp.poll() is not None:
                with open(os.path.join(work, "dp.log"), encoding="ascii") as log:
                    sys.exit("culvert-dp ended: %s" % log.read()[-500:])
            time.sleep(0.05)
        ctl(socket, SETUP.replace("hello\n", "", 1) % (SPI, args.alg, SPI))
        time.sleep(0.5)
        lost = drops(socket)
        first, t0 = sa_packets(socket)
        ran = worker_seconds(dp.pid)
        time.sleep(args.seconds)
        last, t1 = sa_packets(socket)
        ran = worker_seconds(dp.pid) - ran
        more = {k: v - lost.get(k, 0) for k, v in drops(socket).items() if v > lost.get(k, 0)}
        if more:
            print("dropped meanwhile: %s" % more, file=sys.stderr)
        return (last - first) / (t1 - t0) / 1e6, (last - first) / ran / 1e6
    finally:
        dp.terminate()
        dp.wait(20)


def main():
    p = argparse.ArgumentParser(description="culvert from net_pcap to net_null on one core")
    p.add_argument("--sizes", default="64,512,1434")
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--lcore", type=int, default=1)
    p.add_argument("--alg", default="gcm128")
    p.add_argument("--engine", default="auto")
    p.add_argument("--keep")
    args = p.parse_args()
    work = args.keep or tempfile.mkdtemp(prefix="culvert-pcap-null-")
    os.makedirs(work, exist_ok=True)
    try:
        for size in (int(x) for x in args.sizes.split(",")):
            clock, own = (sorted(x) for x in zip(*(run(work, size, args) for _ in range(args.rounds))))
            print("frame %5d  %7.3f Mpps (%.3f-%.3f)  of the worker's own time %7.3f Mpps (%.3f-%.3f)" %
                  (size, statistics.median(clock), clock[0], clock[-1], statistics.median(own), own[0], own[-1]), flush=True)
    finally:
        if not args.keep:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
