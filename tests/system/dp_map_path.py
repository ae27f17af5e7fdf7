#!/usr/bin/python3
"""Path MTU behind a crypto map: the port's policy, and no route, leads to the SA whose path a router narrows."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import add_case, check, check_equal, main  # noqa: E402
from capture import Capture  # noqa: E402
from dp_site import SPI_A, SPI_B, clear_packets, frames, learns_path, ping_ok  # noqa: E402
from map_site import FLOW4, FLOW6, PROTECT, MapSite  # noqa: E402
from traffic import ping  # noqa: E402

NARROW = 1400


class RoutedMapSite(MapSite):
    """The middle is a router, whose link to B takes NARROW octets only."""

    def addresses(self):
        for gw, n, far, net, net6 in ((self.a, 1, 2, "192.0.2", "2001:db8:"), (self.b, 2, 1, "198.51.100", "2001:db8:b:")):
            gw.ctl("""
                if-port 1 Ethernet0/0 Ethernet0/0
                if-port 2 Ethernet0/1 Ethernet0/1%(mtu)s
                if-flow %(f4)d M-10.10 2
                if-flow %(f6)d M-20.10 2
                addr 1 10.%(n)d.0.1/24
                addr 1 fd00:%(n)d::1/64
                addr 2 %(net)s.%(n)d/24
                addr 2 %(net6)s:%(n)d/64
                route 0 0.0.0.0/0 dev 2 via %(net)s.254
                route 0 ::/0 dev 2 via %(net6)s:fe
                """ % dict(n=n, far=far, f4=FLOW4, f6=FLOW6, net=net, net6=net6, mtu="" if gw is self.a else " mtu %d" % NARROW))

    def protect(self, options=""):
        """An SA each way of each family inside, and the lines that lead there."""
        for gw, other, n, far, mine, theirs in ((self.a, self.b, 1, 2, SPI_A, SPI_B), (self.b, self.a, 2, 1, SPI_B, SPI_A)):
            ends = "%s %s" % (self.outer_of(gw), self.outer_of(other))
            for slot, flow, ts in ((1, FLOW4, "ts 10.%d.0.0/24 10.%d.0.0/24" % (n, far)), (2, FLOW6, "ts fd00:%d::/64 fd00:%d::/64" % (n, far))):
                gw.ctl("sa in %d %#x %d gcm128 %d %s %s %s\n" % (slot, mine + slot - 1, flow, n, ends, ts, options) +
                       "sa out %d %#x %d gcm128 %d %s %s %s\n" % (slot, theirs + slot - 1, flow, far, ends, ts, options) +
                       "activate %d %#x\n" % (slot, theirs + slot - 1))
        self.policies(PROTECT)


def learns(outer):
    site = RoutedMapSite("mappath", outer=outer, routed=True)
    site.mid.run("ip", "link", "set", "to-b", "mtu", str(NARROW))
    site.protect()
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)  # neighbours
        ping_ok(site.left, target, 3)
    wire = Capture(site.mid, "to-b", what="ip or ip6")
    mtu, speed = learns_path(site, NARROW)
    check(mtu > 1200, "inner MTU %d" % mtu)
    pcap = wire.stop()
    check_equal(clear_packets(pcap), 0, "clear packets outside")
    check(frames(pcap, "esp") > 20, "ESP on the narrow link")
    check(not site.a.drops().get("icmp-unproven"), "messages that were not believed: %s" % site.a.drops())
    return "inner MTU %d; %.0f Mbit/s TCP afterwards" % (mtu, speed)


for _outer in (4, 6):
    add_case("a router's smaller link behind a crypto map: learned, told inside, kept to; IPv%d outside" % _outer, lambda outer=_outer: learns(outer))

if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
