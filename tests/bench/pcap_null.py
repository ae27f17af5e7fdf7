#!/usr/bin/python3
"""culvert from net_pcap (a file replayed for ever from memory) to net_null on one core: packets per second of encapsulation.

A setup that other programs on DPDK can be run in, too, with the same packets: the ports alone (testpmd), and DPDK's ipsec-secgw where
it has been built. As root, with 2 MiB pages (`sysctl vm.nr_hugepages=512`), on a machine with two cores and more.

    tests/bench/pcap_null.py [--sizes 64,512,1434] [--seconds S] [--rounds N] [--lcore N] [--alg gcm128] [--engine auto]
                             [--secgw PROGRAM] [--secgw-options WORDS] [--real-time] [--json FILE] [--keep DIR]

Sizes are octets of the Ethernet frame that comes in, without its checksum. The programs take turns. culvert's packets are counted by the
SA, so they are those that were encrypted; whatever was dropped is told. Beside packets per second of the clock stand those per second that
the polling thread had its core: on a machine that others use, too, the second is the program's, the first also the neighbours'. net_pcap
copies each packet out of a ring of its own, and net_null frees it, for every program alike: the ratio is also told of what each takes
beyond the ports. A ratio is of one round, in which the programs ran one after the other; told is the median of the rounds' ratios. ipsec-secgw is started as docs/performance/dataplane.md says. --keep leaves files in DIR.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import figure_tables

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


SECGW = """sp ipv4 out esp protect 5 pri 1 dst 10.2.0.0/24 sport 0:65535 dport 0:65535
sp ipv4 in esp protect 105 pri 1 dst 10.1.0.0/24 sport 0:65535 dport 0:65535
sa out 5 aead_algo aes-128-gcm aead_key %s mode ipv4-tunnel src 192.0.2.1 dst 192.0.2.2
sa in 105 aead_algo aes-128-gcm aead_key %s mode ipv4-tunnel src 192.0.2.2 dst 192.0.2.1
rt ipv4 dst 192.0.2.2/32 port 1
rt ipv4 dst 10.1.0.0/24 port 0
neigh port 1 02:00:00:00:00:02
"""
SECGW_KEY = ":".join("%02x" % i for i in range(1, 21))


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


def thread_seconds(pid, tid):
    """Time that a thread has run."""
    with open("/proc/%d/task/%d/schedstat" % (pid, tid), encoding="ascii") as stat:
        return int(stat.read().split()[0]) / 1e9


def worker_seconds(pid):
    """The same of the thread that polls; None: there is none any more."""
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/comm" % (pid, task), encoding="ascii") as name:
                if "worker" in name.read():
                    return thread_seconds(pid, int(task))
    except (FileNotFoundError, ProcessLookupError, IndexError):
        pass
    return None


def pcap_of(work, size):
    path = os.path.join(work, "%d.pcap" % size)
    if not os.path.exists(path):
        pcap_write(path, size)
    return path


def priority(args):
    return ["chrt", "-r", "10"] if args.real_time else []


def ports_argv(pcap):
    return ["-m", "512", "--in-memory", "--no-pci", "--file-prefix", "culvert-%d" % os.getpid(),
            "--vdev", "net_pcap0,rx_pcap=%s,infinite_rx=1" % pcap, "--vdev", "net_null0,no-rx=1"]


def ports_alone(work, size, args):
    """Mpps of the worker's own time of DPDK's testpmd, which carries packets from the one port to the other and does nothing else."""
    other = min(set(range(os.cpu_count())) - {args.lcore})
    argv = [*priority(args), "stdbuf", "-oL", "dpdk-testpmd", "-l", "%d,%d" % (other, args.lcore), "--main-lcore", str(other),
            *ports_argv(pcap_of(work, size)), "--", "--forward-mode=io", "--burst=64", "--stats-period=1", "--auto-start",
            "--total-num-mbufs=16384"]
    if not shutil.which("dpdk-testpmd"):
        sys.exit("dpdk-testpmd is not installed (Debian: dpdk-dev)")
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ran = None
    try:
        for line in p.stdout:  # the statistics, once a second: it forwards
            if "NIC statistics for port 1" in line:
                break
        time.sleep(args.seconds)
        p.send_signal(signal.SIGINT)  # seen within a second; its worker's time stands still from then on, and what it carried is told
        while p.poll() is None:
            ran = worker_seconds(p.pid) or ran
            time.sleep(0.001)
        text = p.stdout.read()
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
    sent = re.findall(r"TX-packets: (\d+)", text[text.rfind("Accumulated forward statistics"):])
    if not sent or not ran or p.returncode != 0:
        sys.exit("testpmd: %s" % text[-800:])
    return int(sent[0]) / ran / 1e6


def secgw(work, size, args):
    """Mpps of its own time of ipsec-secgw: packets that it counts as sent, between the first of its reports and the last."""
    conf = os.path.join(work, "secgw.cfg")
    with open(conf, "w", encoding="ascii") as f:
        f.write(SECGW % (SECGW_KEY, SECGW_KEY))
    argv = [*priority(args), args.secgw, "-l", str(args.lcore), *ports_argv(pcap_of(work, size)), "--vdev", "crypto_aesni_gcm0",
            "--", "-p", "0x3", "-P", "-u", "0x2", "-f", conf, "--config", "(0,0,%d),(1,0,%d)" % (args.lcore, args.lcore), "-t", "1",
            *args.secgw_options.split()]
    p = subprocess.Popen(["stdbuf", "-oL", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    points, text = [], ""
    try:
        for line in p.stdout:
            text += line
            m = re.match(r"Total packets sent:\s+(\d+)", line)
            if m:
                points.append((int(m.group(1)), thread_seconds(p.pid, p.pid)))
            if len(points) > 2 + args.seconds:
                break
    finally:
        p.kill()
        p.wait()
    if len(points) <= 2:
        sys.exit("ipsec-secgw: %s" % text[-800:])
    return (points[-1][0] - points[1][0]) / (points[-1][1] - points[1][1]) / 1e6


def run(work, size, args):
    """Mpps of one start of culvert-dp: of the clock, and of the worker's own time."""
    conf, socket = (os.path.join(work, name) for name in ("dp.conf", "dp.sock"))
    with open(conf, "w", encoding="ascii") as f:
        f.write("platform dataplane\n lcores %d\n memory hugepages 512\n crypto-engine %s\n"
                " port Ethernet0/0 vdev net_pcap0,rx_pcap=%s,infinite_rx=1\n port Ethernet0/1 vdev net_null0,no-rx=1\n" %
                (args.lcore, args.engine, pcap_of(work, size)))
    if os.path.exists(socket):
        os.unlink(socket)
    with open(os.path.join(work, "dp.log"), "w", encoding="ascii") as log:
        dp = subprocess.Popen([*priority(args), DP, "--run-dir", work, "--config", conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
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
        try:
            dp.wait(20)
        except subprocess.TimeoutExpired:
            dp.kill()
            dp.wait()


def end_cleanly():
    """When told to end, whoever polls at real-time priority ends, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))


def shown(values):
    return "%7.3f (%.3f-%.3f)" % (statistics.median(values), min(values), max(values))


def size_take(work, size, args):
    """All programs in turns, and a line of it."""
    row = {"size": size, "mpps": [], "mpps_clock": [], "ports_mpps": [], "secgw_mpps": []}
    for _ in range(args.rounds):
        clock, own = run(work, size, args)
        row["mpps"].append(own)
        row["mpps_clock"].append(clock)
        row["ports_mpps"].append(ports_alone(work, size, args))
        if args.secgw:
            row["secgw_mpps"].append(secgw(work, size, args))
    print("frame %5d: Mpps of its own time: culvert %s, of the clock %s; ports alone %s" %
          (size, shown(row["mpps"]), shown(row["mpps_clock"]), shown(row["ports_mpps"])), flush=True)
    if args.secgw:
        ratios, beyond, left = figure_tables.secgw_ratios(row)
        print("             ipsec-secgw %s: culvert to it, round by round, %s; it takes %s ns beyond the ports, culvert to it there %s" %
              (shown(row["secgw_mpps"]), shown(ratios), shown(beyond), shown(left)), flush=True)
    return row


def main():
    p = argparse.ArgumentParser(description="culvert from net_pcap to net_null on one core")
    p.add_argument("--sizes", default="64,512,1434")
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--lcore", type=int, default=1)
    p.add_argument("--alg", default="gcm128")
    p.add_argument("--engine", default="auto")
    p.add_argument("--secgw", metavar="PROGRAM")
    p.add_argument("--secgw-options", default="", metavar="WORDS")
    p.add_argument("--real-time", action="store_true")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--keep", metavar="DIR")
    args = p.parse_args()
    end_cleanly()
    work = args.keep or tempfile.mkdtemp(prefix="culvert-pcap-null-")
    os.makedirs(work, exist_ok=True)
    try:
        rows = [size_take(work, int(x), args) for x in args.sizes.split(",")]
        if args.json:
            with open(args.json, "w", encoding="ascii") as f:
                json.dump({"load": os.getloadavg(), "rows": rows}, f, indent=1)
    finally:
        if not args.keep:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
