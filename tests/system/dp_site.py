"""Two culvert-dp without culvertd: static SAs set through dpctl, between two hosts over a bridge in the middle.

    left host -- A -- mid (bridge) -- B -- right host
    10.1.0.2     192.0.2.1       192.0.2.2     10.2.0.2
    fd00:1::2    2001:db8::1     2001:db8::2   fd00:2::2
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import check, check_equal  # noqa: E402
from culvert import BUILD, FRAMES  # noqa: E402
from ledger import Ledger  # noqa: E402
from net import Lab, LabError, wait_for  # noqa: E402
from traffic import iperf3, ping  # noqa: E402

DPCTL = os.path.join(BUILD, "tests", "mock", "dpctl")
CULVERT_DP = os.path.join(BUILD, "culvert-dp")
# SPIs: slot 1 with some generation; table of 16384 slots.
SPI_A, SPI_B = 0x11110001, 0x22220001


class Listener:
    def __init__(self, lab, name, socket, script):
        self.process = lab.start(name, DPCTL, socket, script)
        wait_for("dpctl to be served", lambda: "reply hello" in self._read() or self.process.poll() is not None, 10)

    def _read(self):
        with open(self.process.log_path) as f:
            return f.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def text(self):
        self.process.wait(60)
        return self._read()

    def heard(self, *parts, timeout=5):
        """Ends it when it has printed all of these, or when the time is up; what it printed. Without parts: what it has printed by now."""
        try:
            wait_for("events", lambda: all(part in self._read() for part in parts), timeout)
        except LabError:
            pass  # whoever asked says what is missing
        self.kill()
        return self._read()


class Gateway:
    def __init__(self, lab, short, workers=1, extra="", vdev="net_af_packet", mtu=0):
        self.lab, self.ns, self.short = lab, lab.ns(short), short
        self.dir = lab.mkdir("run-" + short)
        more = " mtu %d" % mtu if mtu else FRAMES if vdev == "net_af_packet" else ""
        self.conf = lab.write(short + ".conf", "platform dataplane\n workers %d\n memory no-huge %d\n"
                              " port Ethernet0/0 vdev %s,iface=in0%s\n port Ethernet0/1 vdev %s,iface=out0%s\n%s" %
                              (workers, 320 if mtu else 192, vdev, more, vdev, more, extra))
        self.socket = os.path.join(self.dir, "dp.sock")
        self.process = None
        self.count = 0

    def start(self):
        self.process = self.ns.start("dp-" + self.short, CULVERT_DP, "--run-dir", self.dir, "--config", self.conf)

        def ready():
            if self.process.poll() is not None:
                raise LabError("culvert-dp ended with %s" % self.process.returncode)
            return os.path.exists(self.socket)
        wait_for("culvert-dp", ready, 30)

    def ctl(self, script, check=True, timeout=60):
        """Runs a dpctl script on a connection of its own; returns what it printed."""
        self.count += 1
        path = self.lab.write("%s-%d.ctl" % (self.short, self.count), "hello\n" + script)
        done = subprocess.run([DPCTL, self.socket, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
        with open(self.lab.path("%s-%d.log" % (self.short, self.count)), "w") as f:
            f.write(script + "\n" + done.stdout)
        if check and done.returncode != 0:
            ended = self.process.poll()
            raise LabError("dpctl on %s: exit %d: %s%s" % (self.short, done.returncode, done.stdout[-600:],
                                                           "" if ended is None else " (culvert-dp ended: %d)" % ended))
        return done.stdout

    def listen(self, ms, script=""):
        """A client that is connected when this returns; text() waits for its end and gives what it printed, heard() ends it."""
        self.count += 1
        name = "%s-%d-listen" % (self.short, self.count)
        return Listener(self.lab, name, self.socket,
                        self.lab.write(name + ".ctl", "hello\n%s\nsleep %d\n" % (script, ms)))

    def stop(self):
        return self.lab.stop(self.process, grace=10)

    def drops(self):
        return {m.group(1): int(m.group(2)) for m in re.finditer(r"^drop (\S+) (\d+)$", self.ctl("drops"), re.M)}

    def dropped(self, reason, count, what, since=0):
        """Waits until so many packets, and the `since` before, have been dropped for this; more are a finding as well."""
        try:
            wait_for(what, lambda: self.drops().get(reason, 0) >= since + count, 3)
        except LabError:
            pass
        drops = self.drops()
        check_equal(drops.get(reason, 0) - since, count, "%s, %s of %s" % (what, reason, drops))

    def taken(self):
        """Frames that its workers have received until now."""
        return sum(map(int, re.findall(r"^worker \d+ rx (\d+)", self.ctl("drops"), re.M)))

    def settled(self, frames):
        """Waits until it has received as many frames as that, and receives no more: there may be others than those waited for (ARP, neighbours)."""
        readings = [self.taken()]

        def still():
            readings.append(self.taken())
            return readings[-1] >= frames and readings[-1] == readings[-2]
        wait_for("%d frames to be received" % frames, still, 5)

    def port_counts(self):
        """As the drivers counted: of each interface (received, sent)."""
        found = re.findall(r"^port Ethernet0/(\d) rx (\d+) tx (\d+)", self.ctl("drops"), re.M)
        return {("in0", "out0")[int(n)]: (int(rx), int(tx)) for n, rx, tx in found}

    def counters(self, direction, slot=1):
        text = self.ctl("counters %s %d" % (direction, slot))
        line = re.search(r"^counters .*$", text, re.M).group(0).split()[3:]
        return {line[i]: int(line[i + 1]) for i in range(0, len(line), 2)}


class Site:
    """workers: of each gateway. outer 4 or 6: the family between the gateways. vdev: with net_af_packet the kernel joins fragments
    before the gateway sees them; net_af_xdp hands on what is on the wire. routed: the middle is a router (its ports to-a and to-b), and B's
    outer address is 198.51.100.2 or 2001:db8:b::2. mtu: of every link, and of the ports' platform lines.
    gateway: what makes the two gateways."""

    def __init__(self, title, workers=1, outer=4, vdev="net_af_packet", routed=False, mtu=0, gateway=Gateway):
        self.routed = routed
        self.lab = lab = Lab("dp-" + title)
        self.left, self.right, self.mid = lab.ns("left"), lab.ns("right"), lab.ns("mid")
        self.a, self.b = gateway(lab, "a", workers, vdev=vdev, mtu=mtu), gateway(lab, "b", workers, vdev=vdev, mtu=mtu)
        self.outer = outer
        for host, gw in ((self.left, self.a), (self.right, self.b)):
            lab.veth(host, "eth0", gw.ns, "in0")
            lab.veth(self.mid, "to-" + gw.short, gw.ns, "out0")
            lab.bare_port(gw.ns, "in0")
            lab.bare_port(gw.ns, "out0")
            for ns, name in ((host, "eth0"), (self.mid, "to-" + gw.short)) if mtu else ():
                ns.run("ip", "link", "set", name, "mtu", str(mtu))
        if routed:
            self.mid.address("to-a", "192.0.2.254/24", "2001:db8::fe/64")
            self.mid.address("to-b", "198.51.100.254/24", "2001:db8:b::fe/64")
            self.mid.forward()
        else:
            lab.bridge(self.mid, "br0", ["to-a", "to-b"])
        self.left.address("eth0", "10.1.0.2/24", "fd00:1::2/64")
        self.right.address("eth0", "10.2.0.2/24", "fd00:2::2/64")
        for host, n in ((self.left, 1), (self.right, 2)):
            host.route("default", "10.%d.0.1" % n)
            host.run("ip", "-6", "route", "add", "default", "via", "fd00:%d::1" % n)
        self.a.start()
        self.b.start()
        self.addresses()

    def ledger(self):
        """Of the way between the two hosts, in both directions."""
        cables = [(host, "eth0", gw.ns, "in0") for host, gw in ((self.left, self.a), (self.right, self.b))]
        cables += [(self.mid, "to-" + gw.short, gw.ns, "out0") for gw in (self.a, self.b)]
        return Ledger(cables, (self.a, self.b), (self.left, self.right))

    def outer_of(self, gw):
        n = 1 if gw is self.a else 2
        if self.routed and gw is self.b:
            return "198.51.100.2" if self.outer == 4 else "2001:db8:b::2"
        return "192.0.2.%d" % n if self.outer == 4 else "2001:db8::%d" % n

    def addresses(self):
        for gw, n, far in ((self.a, 1, 2), (self.b, 2, 1)):
            other = self.b if gw is self.a else self.a
            gw.ctl("""
                if-port 1 Ethernet0/0 Ethernet0/0
                if-port 2 Ethernet0/1 Ethernet0/1
                addr 1 10.%(n)d.0.1/24
                addr 1 fd00:%(n)d::1/64
                addr 2 192.0.2.%(n)d/24
                addr 2 2001:db8::%(n)d/64
                if-tunnel 10 Tunnel1 %(outer)d %(src)s %(dst)s
                addr 10 172.16.0.%(n)d/30
                addr 10 fd00:ff::%(n)d/64
                route 0 10.%(far)d.0.0/24 dev 10
                route 0 fd00:%(far)d::/64 dev 10
                """ % dict(n=n, far=far, outer=self.outer, src=self.outer_of(gw), dst=self.outer_of(other)))
            if self.routed:
                near = ("192.0.2", "2001:db8:") if gw is self.a else ("198.51.100", "2001:db8:b:")
                gw.ctl("%sroute 0 0.0.0.0/0 dev 2 via %s.254\nroute 0 ::/0 dev 2 via %s:fe\n" % (
                    "" if gw is self.a else "addr-del 2 192.0.2.2/24\naddr-del 2 2001:db8::2/64\n"
                    "addr 2 198.51.100.2/24\naddr 2 2001:db8:b::2/64\n", near[0], near[1]))

    def sas(self, alg="gcm128", options="", natt=False, slot=1, generation=0):
        """One SA each way, activated."""
        spi_a, spi_b = SPI_A + slot - 1 + (generation << 20), SPI_B + slot - 1 + (generation << 20)
        ports = " ports 4500 4500" if natt else ""
        for gw, other, mine, theirs, key_in, key_out in ((self.a, self.b, spi_a, spi_b, 1, 2),
                                                         (self.b, self.a, spi_b, spi_a, 2, 1)):
            ends = "%s %s" % (self.outer_of(gw), self.outer_of(other))
            gw.ctl("sa in %d %#x 10 %s %d %s%s %s\n" % (slot, mine, alg, key_in, ends, ports, options) +
                   "sa out %d %#x 10 %s %d %s%s %s\n" % (slot, theirs, alg, key_out, ends, ports, options) +
                   "activate %d %#x\n" % (slot, theirs))

    def remove_sas(self, slot=1, generation=0):
        spi_a, spi_b = SPI_A + slot - 1 + (generation << 20), SPI_B + slot - 1 + (generation << 20)
        self.a.ctl("sa-del in %d %#x\nsa-del out %d %#x\n" % (slot, spi_a, slot, spi_b))
        self.b.ctl("sa-del in %d %#x\nsa-del out %d %#x\n" % (slot, spi_b, slot, spi_a))


def frames(pcap, display):
    done = subprocess.run(["tshark", "-n", "-r", pcap, "-Y", display, "-T", "fields", "-e", "frame.number"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
    check_equal(done.returncode, 0, "tshark's exit status")
    return len(done.stdout.split())


def clear_packets(pcap):
    """Anything of the hosts' own networks that is readable in the middle."""
    return frames(pcap, "ip.addr == 10.0.0.0/8 || ipv6.addr == fd00::/16")


def ping_ok(ns, target, count=5, **kw):
    sent, got = ping(ns, target, count, **kw)
    check_equal(got, sent, "answers from %s" % target)


def learned(gw):
    return {m.group(1): int(m.group(2)) for m in re.finditer(r"^path-mtu 0 (\S+) (\d+)$", gw.ctl("path-mtus"), re.M)}


def big_ping(site, target, size, df, count=6, learn=False):
    """learn: the answers are as large as the questions, and cost who sends them a first one or two to learn what fits."""
    family = "-6" if ":" in target else "-4"
    if learn:
        big_ping(site, target, size, df, 3)
    done = site.left.run("ping", family, "-n", "-c", str(count), "-i", "0.2", "-W", "3", "-s", str(size), "-M", df, target,
                         check=False)
    return int(re.search(r"(\d+) received", done.stdout).group(1)), done.stdout + done.stderr


def learns_path(site, narrow):
    """A router's link on the way to B takes `narrow` octets: A learns of it, tells senders inside, and keeps to it. The inner MTU, and TCP's Mbit/s afterwards."""
    far = site.outer_of(site.b)
    check_equal(learned(site.a), {}, "what A knows before")
    # 1400 octets inside go well through A's port, and not through the router's. They are lost until A has learned of it; the
    # sender then learns from A.
    _, said = big_ping(site, "10.2.0.2", 1372, "do")
    check_equal(learned(site.a), {far: narrow}, "what A learned")
    inner = re.findall(r"mtu ?= ?(\d+)", said)
    check(inner and int(inner[0]) < narrow - 50, "the sender was told of the inner MTU: %s" % said)
    mtu = int(inner[0])
    check_equal(big_ping(site, "10.2.0.2", mtu - 28, "do", 3, True)[0], 3, "packets of exactly %d octets" % mtu)
    check_equal(big_ping(site, "10.2.0.2", mtu - 27, "do", 2)[0], 0, "one octet more")
    # Without DF the packet is cut inside, before encryption.
    check_equal(big_ping(site, "10.2.0.2", 1372, "dont", 5, True)[0], 5, "packets that may be cut")
    # IPv6 inside: the sender learns as well. 1280 octets every link takes, this one in two pieces if it must.
    big_ping(site, "fd00:2::2", 1372, "do")
    check_equal(big_ping(site, "fd00:2::2", 1372, "want", 5, True)[0], 5, "IPv6 packets after the sender learned")
    check_equal(big_ping(site, "fd00:2::2", 1232, "do", 3, True)[0], 3, "IPv6 packets of 1280 octets")
    speed = iperf3(site.left, site.right, "10.2.0.2", seconds=2)["mbits"]
    check(speed > 1, "iperf3 at %.1f Mbit/s" % speed)
    return mtu, speed
