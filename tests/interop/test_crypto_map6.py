#!/usr/bin/python3
"""Crypto maps of IPv6 over IPv6: two culverts with hosts behind them, beside a map of IPv4 on the same port.

    left fd00:1::2 -- fd00:1::1 culvert 2001:db8::1 -- 2001:db8::2 culvert fd00:2::1 -- fd00:2::2 right
"""
from capture import Capture
from case import add_case, case, check, check_equal, main
from map6_config import LIST, config
from net import sh, wait_for
from topology import pair_site
from traffic import iperf3, ping, ping_until


def pair(title, version, start=(1, 2), **more):
    """Hosts have IPv4 by pair_site, and IPv6 beside it."""
    site = pair_site(title, start=False)
    for host, n in ((site.left, 1), (site.right, 2)):
        host.address("eth0", "fd00:%d::2/64" % n, "fd00:%d::3/64" % n)
        host.route("fd00::/16", "fd00:%d::1" % n)
    for gateway, n in ((site.culvert, 1), (site.peer, 2)):
        gateway.write_config(config(n, version, **more))
        if n in start:
            gateway.start()
    return site


class Wire:
    """What comes in at either end: a port's own frames pass no tap (PACKET_QDISC_BYPASS)."""

    def __init__(self, site, name="wire"):
        self.ends = [Capture(g.ns, "out0", name="%s-%d" % (name, k), what="ip or ip6") for k, g in enumerate((site.culvert, site.peer))]

    def stop(self):
        self.pcaps = [end.stop() for end in self.ends]
        return self

    def fields(self, display, field="frame.number"):
        return [f for pcap in self.pcaps
                for f in sh("tshark", "-n", "-r", pcap, "-Y", display, "-T", "fields", "-e", field, timeout=60).stdout.split()]

    def frames(self, display):
        return len(self.fields(display))


CLEAR = "ipv6.addr == fd00::/16 && !esp"


def drops(gateway, reason):
    return gateway.json("show", "platform", "dataplane")["drops"].get(reason, 0)


def answers(source, address, count=10):
    sent, received = ping(source, address, count, 0.05)
    check_equal(received, sent, "echo replies from %s" % address)


def both_ways(version, first):
    site = pair("map6%d%s" % (version, first), version, start=(1,) if first == "left" else (2,))
    awake, asleep = (site.culvert, site.peer) if first == "left" else (site.peer, site.culvert)
    near, far = (site.left, "fd00:2::2") if first == "left" else (site.right, "fd00:1::2")
    # The other end is not there yet: the packet asks for an SA, and is dropped.
    wire = Wire(site, "before")
    check_equal(ping(near, far, 5, 0.1, wait=2)[1], 0, "answers without an SA")
    wait_for("five drops", lambda: drops(awake, "no-sa") >= 5, 10)
    asleep.start()
    ping_until(near, far, 30)
    wire.stop()
    check(wire.frames("isakmp && ipv6.addr == 2001:db8::/64") > 0, "no IKE over IPv6")
    check_equal(wire.frames(CLEAR), 0, "packets in clear before there was an SA")
    wire = Wire(site)
    answers(site.left, "fd00:2::2")
    answers(site.right, "fd00:1::2")
    check_equal(ping(site.left, "fd00:2::2", 5, 0.1, size=1300)[1], 5, "long echo replies")
    for source, sink, address in ((site.left, site.right, "fd00:2::2"), (site.right, site.left, "fd00:1::2")):
        check(iperf3(source, sink, address, 1, udp_mbit=2)["bytes"] > 100000, "UDP to %s" % address)
    wire.stop()
    check_equal(wire.frames(CLEAR), 0, "packets in clear")
    check_equal(wire.frames("!esp && !icmpv6.type in {133..137} && !isakmp && ipv6.dst != ff00::/8"), 0, "packets that are neither ESP nor IKE nor ND")
    check_equal(len(set(wire.fields("esp", "esp.spi"))), 2, "SPIs: one line has been asked for")
    said = site.culvert.cli("show", "crypto", "map").stdout
    check('Crypto Map IPv6 "M6" 10 ipsec-isakmp' in said and "Peer = 2001:db8::2" in said and "IPv6 access list A6" in said, said)
    said = site.culvert.cli("show", "crypto", "ipsec", "sa").stdout
    check("(fd00:1::/64/0/0)" in said and "current_peer 2001:db8::2" in said, said)


for _version in (1, 2):
    for _first in ("left", "right"):
        add_case("PR-12, IKEv%d, IPv6 in IPv6, raised by a packet on the %s: dropped while there is no SA, then nothing but ESP" %
                 (_version, _first), lambda v=_version, f=_first: both_ways(v, f))


@case("in clear comes nothing that a line protects; what no line names passes in clear; ND and IKE are the link's and the gateway's own")
def clear():
    site = pair("map6clear", 2, lines=" deny ipv6 host fd00:%(n)d::3 host fd00:%(far)d::3\n" + LIST)
    ping_until(site.left, "fd00:2::2", 20)
    wire = Wire(site)
    sent, received = ping(site.left, "fd00:2::3", 4, 0.1, source="fd00:1::3")
    check_equal(received, sent, "echo replies of the denied pair")
    check_equal(wire.stop().frames(CLEAR), 8, "its packets in clear")
    before = drops(site.culvert, "policy-clear")
    heard = Capture(site.left, "eth0", name="left", what="icmp6 and host fd00:2::2")
    mac = site.culvert.ns.run("cat", "/sys/class/net/out0/address").stdout.strip()
    site.peer.ns.run("/usr/bin/python3", "-c",
                     "from scapy.all import *\n"
                     "sendp(Ether(dst=%r)/IPv6(src='fd00:2::2',dst='fd00:1::2')/ICMPv6EchoRequest(), iface='out0', count=3, verbose=0)\n"
                     "sendp(Ether(dst=%r)/IPv6(src='fd00:2::2',dst='fd00:1::2')/IPv6ExtHdrDestOpt()/UDP(dport=9), iface='out0', count=3, verbose=0)\n"
                     % (mac, mac), timeout=60)
    wait_for("six drops", lambda: drops(site.culvert, "policy-clear") - before == 6, 10)
    got = sh("tshark", "-n", "-r", heard.stop(), "-Y", "ipv6.src == fd00:2::2", timeout=60).stdout
    check_equal(got, "", "what came to the host")


@case("a line for all of IPv6: the neighbours find each other and negotiate, and everything else is in ESP")
def everything():
    site = pair("map6all", 2, lines=" permit ipv6 any any\n")
    wire = Wire(site)
    ping_until(site.left, "fd00:2::2", 30)
    answers(site.left, "fd00:2::2")
    answers(site.right, "fd00:1::2")
    for gateway, address in ((site.culvert, "2001:db8::2"), (site.peer, "2001:db8::1")):  # the gateways themselves
        said = gateway.cli("ping", address, "repeat", "3", "timeout", "2", check=False).stdout
        check("(3/3)" in said, said)
    wire.stop()
    check(wire.frames("icmpv6.type in {135,136} && ipv6.addr == 2001:db8::/64") > 0, "no ND on the wire")
    check_equal(wire.frames("!esp && !isakmp && !icmpv6.type in {133..137} && ipv6.dst != ff00::/8"), 0, "packets in clear")


@case("a map of each family on one port, each with its own IKE SA; one is taken away by reload, and the other carries on")
def both_families():
    site = pair("map64", 1, four=True)
    ping_until(site.left, "fd00:2::2", 30)
    ping_until(site.left, "10.2.0.2", 30)
    wire = Wire(site)
    for a, b in (("fd00:2::2", "fd00:1::2"), ("10.2.0.2", "10.1.0.2")):
        answers(site.left, a)
        answers(site.right, b)
    check_equal(wire.stop().frames("icmp || icmpv6.type in {128,129}"), 0, "echoes in clear")
    maps = site.culvert.json("show", "crypto", "map")["maps"]
    check_equal(sorted([m["map"], m["ipv6"], m["interfaces"]] for m in maps), [["M4", False, ["Ethernet0/0"]], ["M6", True, ["Ethernet0/0"]]], "maps")
    spis = {f["inbound"]["spi"] for f in site.culvert.json("show", "crypto", "ipsec", "sa")["sas"] if ":" in f["peer"]}
    for gateway, n in ((site.culvert, 1), (site.peer, 2)):
        gateway.write_config(config(n, 1))
        gateway.reload()
    answers(site.left, "fd00:2::2")
    after = {f["inbound"]["spi"] for f in site.culvert.json("show", "crypto", "ipsec", "sa")["sas"]}
    check_equal(after, spis, "SAs after M4 has gone")


if __name__ == "__main__":
    main()
