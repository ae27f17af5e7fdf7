#!/usr/bin/python3
"""A hundred thousand SAs, and a million: over the rings of a real culvert-dp while packets run through it. How fast they are installed, listed,
replaced and removed, and what they take. Times are printed. The goal of installing is held, as the best of three, where others left culvert the
processors; the rest against generous limits: a machine under load is slow."""
import os
import re
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import Skip, case, check, check_equal, main  # noqa: E402
from dp_site import CULVERT_DP, DPCTL  # noqa: E402
from culvert import BUILD  # noqa: E402
from net import Lab, wait_for  # noqa: E402
from scapy.all import IP, UDP, Ether, Raw, wrpcap  # noqa: E402

SA_LOAD = os.path.join(BUILD, "tests", "system", "sa_load")
GOAL_S, TRIES = 2, 3  # of installing 100,000 SAs while packets run
CPU_S = 1.5  # of the loader and culvert-dp's manager, for 100,000 SAs installed: 0.24 to 0.51 when this was written
TUNNEL_OCTETS = 3200  # at most, of `memory`; 2880 when this was written
OTHERS_MOST = 0.1  # of the machine's time: more of it taken by others, and no figure says anything about culvert
SETUP = """hello
if-port 1 Ethernet0/0 Ethernet0/0
if-port 2 Ethernet0/1 Ethernet0/1
addr 1 192.168.1.1/24
addr 2 203.0.113.1/24
if-tunnel 10 Tunnel10 4 203.0.113.1 203.0.113.2
route 0 10.0.0.0/8 dev 10
nbr 2 203.0.113.2 02:00:00:00:00:98
"""


def memory_available_mb():
    with open("/proc/meminfo") as f:
        return int(re.search(r"MemAvailable:\s+(\d+)", f.read()).group(1)) // 1024


class Meanwhile:
    """Which share of the machine's time others took, the hypervisor among them, while `pid` and what this process starts ran."""

    def __init__(self, pid):
        self.pid = pid
        self.at = self.now()

    def now(self):
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, soft, steal = (int(x) for x in f.readline().split()[1:9])
        with open("/proc/%d/stat" % self.pid) as f:
            ours = sum(int(x) for x in f.read().rpartition(")")[2].split()[11:13])
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        hz = os.sysconf("SC_CLK_TCK")
        return time.monotonic(), (user + nice + system + irq + soft + steal - ours) / hz - children.ru_utime - children.ru_stime

    def others(self):
        (began, taken), (now, taken_now) = self.at, self.now()
        return max(0.0, taken_now - taken) / (now - began) / os.cpu_count()


class Plane:
    """One culvert-dp whose first port receives the same 256 packets, into the first 256 tunnels, for ever."""

    def __init__(self, title, table, memory_mb):
        if memory_available_mb() < memory_mb + table * 2 // 1024 + 500:
            raise Skip("%d MiB of memory wanted" % (memory_mb + table * 2 // 1024 + 500))
        self.lab = lab = Lab("many-" + title)
        frames = [Ether(dst="02:70:63:61:70:00", src="02:00:00:00:00:99") /
                  IP(src="192.168.1.7", dst="10.0.0.%d" % i, ttl=64) / UDP(sport=1000, dport=2000) / Raw(b"x" * 100)
                  for i in range(256)]
        wrpcap(lab.path("in.pcap"), frames)
        self.dir = lab.mkdir("run")
        self.socket = os.path.join(self.dir, "dp.sock")
        conf = lab.write("dp.conf", "platform dataplane\n workers 1\n memory no-huge %d\n security-associations %d\n"
                         " port Ethernet0/0 vdev net_pcap0,rx_pcap=%s,infinite_rx=1\n"
                         " port Ethernet0/1 vdev net_null0,no-rx=1\n" % (memory_mb, table, lab.path("in.pcap")))
        self.process = lab.start("dp", CULVERT_DP, "--run-dir", self.dir, "--config", conf)
        wait_for("culvert-dp", lambda: self.process.poll() is not None or os.path.exists(self.socket), 60)
        self.ctl(SETUP)

    def ctl(self, script):
        path = self.lab.write("ctl", script)
        return subprocess.run([DPCTL, self.socket, path], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              text=True, timeout=60).stdout

    def load(self, tunnels, rekeys, timeout):
        done = subprocess.run([SA_LOAD, self.socket, str(tunnels), "rekeys", str(rekeys), "pid", str(self.process.pid)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, timeout=timeout)
        print(done.stdout, end="", flush=True)
        check_equal(done.returncode, 0, "exit status of sa_load")
        phases = {m.group(1): (int(m.group(2)), float(m.group(3)), int(m.group(4)), int(m.group(5)), float(m.group(6)))
                  for m in re.finditer(r"^phase (\S+) sas (\d+) seconds ([\d.]+) .* crypto-packets (\d+) drops (\d+) cpu ([\d.]+)", done.stdout, re.M)}
        for name in ("dump", "rekey"):  # all that comes has an SA
            check_equal(phases[name][3], 0, "packets dropped during %s" % name)
        rows = {m.group(1): (int(m.group(2)), int(m.group(3)))
                for m in re.finditer(r"^memory (\S+) count (\d+) bytes (\d+)", done.stdout, re.M)}
        return phases, rows

    def rx(self):
        return int(re.search(r"worker 0 rx (\d+)", self.ctl("hello\ndrops\n")).group(1))


def per_sa(rows, name):
    count, octets = rows[name]
    return octets / count


def per_tunnel(rows):
    return sum(per_sa(rows, n) for n in ("inbound-sas", "outbound-sas", "remote-prefixes")) + 2 * per_sa(rows, "sessions")


@case("100,000 SAs over the rings while packets run")
def hundred_thousand():
    p = Plane("100k", 131072, 700)
    before = p.rx()
    check(before > 0, "packets run before")
    tries, cpu = [], []
    while len(tries) < TRIES and not any(t < GOAL_S for t, _ in tries):
        meanwhile = Meanwhile(p.process.pid)
        phases, rows = p.load(50000, 50000, 300)
        tries.append((phases["install"][1], meanwhile.others()))
        cpu.append(phases["install"][4])
        for name in ("install", "dump", "rekey", "remove"):
            check(phases[name][1] < 20, "%s took %.1f s" % (name, phases[name][1]))
        for name in ("install", "rekey"):
            check(phases[name][2] > 1000, "%d packets encrypted during %s" % (phases[name][2], name))
        check(rows["inbound-sas"][0] == 50000 and rows["outbound-sas"][0] == 50000, "rows of memory: %r" % rows)
        check(per_tunnel(rows) <= TUNNEL_OCTETS, "%.0f octets a tunnel: %r" % (per_tunnel(rows), rows))
    best = min(t for t, _ in tries)
    told = ", ".join("%.2f s (others: %.0f %% of the machine)" % (t, 100 * o) for t, o in tries)
    alone = len(os.sched_getaffinity(0)) > 1 and all(o < OTHERS_MOST for _, o in tries)
    check(best < GOAL_S or not alone, "the goal of %d s was missed on a machine of its own: %s" % (GOAL_S, told))
    check(min(cpu) < CPU_S, "installing took %.2f s of processor time; at most: %.1f s" % (min(cpu), CPU_S))
    check_equal(p.lab.stop(p.process, grace=20), 0, "exit status")
    rest = ", ".join("%s in %.2f s (%.2f)" % (word, phases[n][1], phases[n][4])
                     for n, word in (("dump", "listed"), ("rekey", "replaced"), ("remove", "removed")))
    return "100,000 SAs installed in %s; goal: %d s%s; %.2f s of processor time; %s" % (
        told, GOAL_S, "" if best < GOAL_S else ", missed", min(cpu), rest)


@case("1,000,000 SAs in one table")
def a_million():
    p = Plane("1m", 1048576, 2600)
    phases, rows = p.load(500000, 100000, 900)
    for name, count in (("sessions", 1000000), ("inbound-sas", 500000), ("outbound-sas", 500000), ("remote-prefixes", 500000)):
        check_equal(rows[name][0], count, name)
    each = per_tunnel(rows)
    check(each <= TUNNEL_OCTETS, "%.0f octets a tunnel: %r" % (each, rows))
    check_equal(p.lab.stop(p.process, grace=60), 0, "exit status")
    return "installed in %.1f s, listed in %.1f s; %.0f octets a tunnel" % (phases["install"][1], phases["dump"][1], each)


if __name__ == "__main__":
    main()
