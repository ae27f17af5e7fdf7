"""Two culvert-dp with the policies of crypto maps: dp_site's site without its tunnel.

A and B route the other's network to each other in clear; the policy of their outer port (if 2) protects it."""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from capture import Capture  # noqa: E402
from dp_site import SPI_A, SPI_B, Site, frames  # noqa: E402

FLOW4, FLOW6 = 20, 21


class MapSite(Site):
    """The same site; routes in clear, and a crypto map in place of the tunnel."""

    def addresses(self):
        for gw, n, far in ((self.a, 1, 2), (self.b, 2, 1)):
            gw.ctl("""
                if-port 1 Ethernet0/0 Ethernet0/0
                if-port 2 Ethernet0/1 Ethernet0/1
                if-flow %(f4)d M-10.10 2
                if-flow %(f6)d M-20.10 2
                addr 1 10.%(n)d.0.1/24
                addr 1 fd00:%(n)d::1/64
                addr 2 192.0.2.%(n)d/24
                addr 2 2001:db8::%(n)d/64
                route 0 10.%(far)d.0.0/16 via 192.0.2.%(far)d
                route 0 fd00:%(far)d::/64 via 2001:db8::%(far)d
                """ % dict(n=n, far=far, f4=FLOW4, f6=FLOW6))

    def policy(self, gw, rows="", check_commit=True):
        """rows: without port, with {l}, {r}: this and the other end's number."""
        n = (1, 2) if gw is self.a else (2, 1)
        lines = [line.strip().format(l=n[0], r=n[1]) for line in rows.strip().splitlines()]
        return gw.ctl("policy-begin 2\n" + "".join("policy-row 2 %s\n" % line for line in lines) + "policy-commit 2\n",
                      check=check_commit)

    def policies(self, rows):
        self.policy(self.a, rows)
        self.policy(self.b, rows)

    def flow_sas(self, flow=FLOW4, slot=1, options="", family=4, generation=0):
        spi_a, spi_b = SPI_A + slot - 1 + (generation << 20), SPI_B + slot - 1 + (generation << 20)
        for gw, mine, theirs, l, r in ((self.a, spi_a, spi_b, 1, 2), (self.b, spi_b, spi_a, 2, 1)):
            ts = "ts 10.%d.0.0/24 10.%d.0.0/24" % (l, r) if family == 4 else "ts fd00:%d::/64 fd00:%d::/64" % (l, r)
            ends = "192.0.2.%d 192.0.2.%d" % (l, r)
            gw.ctl("sa in %d %#x %d gcm128 %d %s %s %s\n" % (slot, mine, flow, l, ends, ts, options) +
                   "sa out %d %#x %d gcm128 %d %s %s %s\n" % (slot, theirs, flow, r, ends, ts, options) +
                   "activate %d %#x\n" % (slot, theirs))

    def mac(self, gw, interface="out0"):
        return gw.ns.run("cat", "/sys/class/net/%s/address" % interface).stdout.strip()

    def frames_from_mid(self, gw, packets, count=3, settle=True):
        """scapy expressions, sent in clear from the middle to the gateway's outer port. Returns when it has received them; without settle, which
        asks the gateway and so ends a listener, when they are sent."""
        script = ("import logging; logging.getLogger('scapy').setLevel(logging.ERROR)\n"
                  "from scapy.all import *\n"
                  "packets = [%s]\n"
                  "for p in packets: sendp(Ether(dst=%r)/p, iface='br0', count=%d, verbose=0)\n"
                  "print(len(packets))\n" % (", ".join(packets), self.mac(gw), count))
        before = gw.taken() if settle else 0
        sent = count * int(self.mid.run("/usr/bin/python3", "-c", script, timeout=60).stdout)
        if settle:
            gw.settled(before + sent)

    def frames_from_left(self, packets):
        """A scapy expression of a list, sent from the left host to A's inner port."""
        script = ("from scapy.all import *\npackets = %s\nsendp([Ether(dst=%r)/p for p in packets], iface='eth0', verbose=0)\n"
                  "print(len(packets))" % (packets, self.mac(self.a, "in0")))
        before = self.a.taken()
        self.a.settled(before + int(self.left.run("/usr/bin/python3", "-c", script, timeout=60).stdout))


PROTECT = """10 protect 20 10.{l}.0.0/24 10.{r}.0.0/24
             20 protect 21 fd00:{l}::/64 fd00:{r}::/64"""


def seen_by(host, interface, what, during):
    """How many frames that match come to a host meanwhile."""
    wire = Capture(host, interface, name="seen-%d" % time.monotonic_ns(), what=what)
    during()
    return frames(wire.stop(), "frame")
