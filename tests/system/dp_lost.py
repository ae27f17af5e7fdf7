#!/usr/bin/python3
"""What a tunnel, a line of a crypto map and a port have lost, and why: each reason is made to happen on the wire, and must be found there and
at no other interface."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import case, check, check_equal, main  # noqa: E402
from gre_site import ESP, IP, OUTER, TUNNEL, GreSite, Raw, echo  # noqa: E402
from ipsec_site import IpsecSite  # noqa: E402
from map_site import FLOW4, PROTECT, MapSite  # noqa: E402
from traffic import ping  # noqa: E402

OTHER, PORT_IN, PORT_OUT = 11, 1, 2


def lost(gateway):
    """{(interface, "in" or "out", reason): packets}"""
    found = re.findall(r"^lost (\d+) (in|out) (\S+) (\d+)$", gateway.ctl("drops"), re.M)
    return {(int(i), way, why): int(n) for i, way, why, n in found}


class Watch:
    """Asserts what was lost meanwhile, at all interfaces together."""

    def __init__(self, gateway):
        self.gateway, self.before = gateway, lost(gateway)

    def since(self):
        now = lost(self.gateway)
        new = {k: n - self.before.get(k, 0) for k, n in now.items() if n != self.before.get(k, 0)}
        self.before = now
        return new

    def only(self, interface, way, why, count, what):
        check_equal(self.since(), {(interface, way, why): count}, "%s: lost" % what)


def turned(packet, at=-1):
    """Its last octet, of the ICV, is another one."""
    octets = bytearray(bytes(packet))
    octets[at] ^= 1
    return bytes(octets)


def stray(spi):
    ours, theirs = OUTER[4]
    return IP(src=theirs, dst=ours) / ESP(spi=spi, seq=1, data=bytes(64))


def warm(site):
    for _ in range(4):
        site.learn_neighbours() if isinstance(site, IpsecSite) else ping(site.left, "10.2.0.2", 1, wait=1)


def by_the_SA(site, watch, inner):
    """What an SA finds out about a packet is lost at its tunnel; inner: a good packet, as it is sealed."""
    good = bytes(site.sealed(inner))
    site.exchange([good])
    check_equal(watch.since(), {}, "a good packet: lost")
    site.exchange([good, good, good])
    watch.only(TUNNEL, "in", "replay", 3, "one that came before")
    site.exchange([turned(site.sealed(inner)) for _ in range(4)])
    watch.only(TUNNEL, "in", "auth", 4, "another ICV")
    site.exchange([bytes(stray(0x70000001))] * 2)
    watch.only(TUNNEL, "in", "no-sa", 2, "an SPI that nobody has")


@case("VTI: replay, ICV, SPI, selectors and rate limits, in and out, at the tunnel that has them")
def vti():
    site = IpsecSite("lost", selectors="ts 10.1.0.0/24 10.2.0.0/25")
    site.a.ctl("if-tunnel %d Tunnel2 4 192.0.2.1 192.0.2.3\nroute 0 10.3.0.0/24 dev %d" % (OTHER, OTHER))
    warm(site)
    watch = Watch(site.a)
    by_the_SA(site, watch, echo(4))
    site.exchange([site.sealed(echo(4, src="10.2.0.200")) for _ in range(2)])
    watch.only(TUNNEL, "in", "ts", 2, "from outside of the selectors")
    ping(site.left, "10.2.0.200", 3, interval=0.05, wait=1)
    watch.only(TUNNEL, "out", "ts", 3, "to outside of the selectors")
    ping(site.left, "10.3.0.2", 2, interval=0.05, wait=1)
    watch.only(OTHER, "out", "no-sa", 2, "a tunnel without an SA")
    site.left.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-s", "1450", "-M", "do", "10.2.0.2", check=False)
    new = watch.since()
    check(list(new) == [(TUNNEL, "out", "too-big")], "longer than the tunnel, with DF: lost %s" % new)
    for way in ("in", "out"):
        site.a.ctl(site.tunnel_line("police %s 8000 300" % way))
        before, = site.drops("policed")
        if way == "in":
            site.exchange([site.sealed(echo(4, n)) for n in range(20)])
        else:
            ping(site.left, "10.2.0.2", 20, interval=0.01, wait=1)
        dropped = site.drops("policed")[0] - before
        check(5 <= dropped <= 20, "%d of 20 over the rate" % dropped)
        watch.only(TUNNEL, way, "policed", dropped, "over the rate")
    site.a.ctl(site.tunnel_line(""))
    site.a.ctl("sa out 2 %#x %d gcm128 2 192.0.2.1 192.0.2.2 hard-packets 3\nactivate 2 %#x" % (site.sa_out.spi + 1, TUNNEL, site.sa_out.spi + 1))
    ping(site.left, "10.2.0.2", 5, interval=0.05, wait=1)
    watch.only(TUNNEL, "out", "no-sa", 2, "by an SA that has sent all it may")
    site.a.ctl("sa-del in 1 %#x" % site.sa_in.spi)
    site.exchange([site.sealed(echo(4))])
    watch.only(TUNNEL, "in", "no-sa", 1, "by an SA that is gone")
    ours, _ = OUTER[4]
    site.exchange([IP(src="192.0.2.77", dst=ours) / ESP(spi=0x70000001, seq=1, data=bytes(64))])
    watch.only(PORT_OUT, "in", "no-sa", 1, "an SPI that nobody has, of a stranger")
    site.a.ctl("if-del %d" % OTHER)
    check(not [k for k in lost(site.a) if k[0] == OTHER], "an interface that is gone has lost nothing")


@case("GRE over IPsec: the same, and what comes in clear")
def gre():
    site = GreSite("lost", protect="transport")
    warm(site)
    watch = Watch(site.a)
    by_the_SA(site, watch, site.gre(echo(4)))
    site.exchange([site.gre(echo(4))] * 2)
    watch.only(TUNNEL, "in", "policy", 2, "in clear")
    site.exchange([site.sealed(site.header() / Raw(bytes(40)))])
    watch.only(TUNNEL, "in", "ts", 1, "what is not GRE")
    site.a.ctl(site.tunnel_line("police in 8000 300"))
    before, = site.drops("policed")
    site.exchange([site.sealed(site.gre(echo(4, n))) for n in range(20)])
    watch.only(TUNNEL, "in", "policed", site.drops("policed")[0] - before, "over the rate")
    site.a.ctl(site.tunnel_line(""))
    site.a.ctl("sa-del out 1 %#x" % site.sa_out.spi)
    ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)
    watch.only(TUNNEL, "out", "no-sa", 3, "without an SA")


@case("crypto map: at the line whose SA is missing, at the port what comes in clear or is refused")
def crypto_map():
    site = MapSite("lost")
    site.policies(PROTECT + "\n5 discard 0 10.{l}.0.0/24 10.{r}.7.0/24")
    ping(site.left, "192.0.2.2", 2, wait=1)
    watch = Watch(site.a)
    ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)
    watch.only(FLOW4, "out", "no-sa", 3, "a line without an SA")
    site.left.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "10.2.7.2", check=False)
    watch.only(PORT_OUT, "out", "policy", 2, "what the map refuses")
    site.frames_from_mid(site.a, ["IP(src='10.2.0.2',dst='10.1.0.2')/UDP(dport=9)/Raw(b'x'*30)"], count=4)
    watch.only(PORT_OUT, "in", "policy", 4, "in clear what is to be protected")
    check(not [k for k in lost(site.a) if k[0] == PORT_IN], "nothing at the other port")


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
