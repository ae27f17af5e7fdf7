#!/usr/bin/python3
"""Ports of 9000 octets from end to end: long packets inside, long ESP frames outside, pieces of both."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from capture import Capture  # noqa: E402
from case import add_case, check, check_equal, main  # noqa: E402
from dp_site import Gateway, Site, clear_packets, frames, ping_ok  # noqa: E402
from traffic import iperf3, ping  # noqa: E402

MTU = 9000


def pings(site, target, size, df, count=3):
    """Answers, and what ping said. Who may cut learns first what fits, and so does who answers: that costs a packet or two."""
    if df != "do":
        said(site, target, size, df, 2)
    got = said(site, target, size, df, count)
    if got[0] == count or "mtu" in got[1]:
        return got
    site.again = getattr(site, "again", 0) + 1  # libpcap's ring on a loaded machine loses one now and then; what the gateways lose they count
    return said(site, target, size, df, count)


def said(site, target, size, df, count):
    done = site.left.run("ping", "-6" if ":" in target else "-4", "-n", "-c", str(count), "-i", "0.1", "-W", "3", "-s", str(size), "-M", df,
                         target, check=False, timeout=40)
    return int(re.search(r"(\d+) received", done.stdout).group(1)), done.stdout + done.stderr


class PcapGateway(Gateway):
    """Ports of net_pcap on the veths: af_packet's and af_xdp's frames end at 4096 octets, and tap sends none over 1518."""

    def __init__(self, lab, short, workers=1, **kw):
        super().__init__(lab, short, workers, **kw)
        with open(self.conf) as f:
            text = f.read()
        text = re.sub(r"vdev net_af_packet,iface=(\w+)", r"vdev net_pcap,rx_iface_in=\1,tx_iface=\1", text)
        if short == "b":  # the driver numbers its ports' addresses in every process alike: two on one bridge must differ
            ports = re.findall(r"^ port .*\n", text, re.M)
            text = text.replace("".join(ports), "".join(reversed(ports)))
        self.conf = lab.write(short + ".conf", re.sub(r"no-huge \d+", "no-huge 448", text))


def jumbo(outer):
    site = Site("j9000", outer=outer, mtu=MTU, gateway=PcapGateway)
    for gw in (site.a, site.b):
        for name in ("in0", "out0"):
            gw.ns.run("ip", "link", "set", name, "mtu", str(MTU))
    site.sas()
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)
        ping_ok(site.left, target, 3)
    pings(site, "10.2.0.2", MTU - 28, "do")
    text = pings(site, "10.2.0.2", MTU - 28, "do")[1]
    told = re.findall(r"mtu ?= ?(\d+)", text)
    check(told and MTU - 100 < int(told[0]) < MTU - 50, "the inner MTU: %s" % text)
    inner = int(told[0])
    wire = Capture(site.mid, "br0", what="ip or ip6")
    before = site.a.counters("out")["packets"]
    check_equal(pings(site, "10.2.0.2", inner - 28, "do")[0], 3, "IPv4 packets of %d octets" % inner)
    check_equal(pings(site, "fd00:2::2", inner - 48, "do")[0], 3, "IPv6 packets of %d octets" % inner)
    check_equal(site.a.counters("out")["packets"] - before, 6, "ESP packets for them")
    pcap = wire.stop()
    check(frames(pcap, "esp && frame.len > %d" % (MTU - 32)) >= 12, "long ESP frames")
    check_equal((frames(pcap, "ip.flags.mf == 1 || ipv6.fraghdr.more == 1"), clear_packets(pcap)), (0, 0), "pieces, clear packets")
    for size in (1, 1472, 1900, 2048, 4096, 6000, 8000, 8900):
        check_equal(pings(site, "10.2.0.2", size, "dont", 2)[0], 2, "IPv4 packets of %d" % size)
        check_equal(pings(site, "fd00:2::2", size, "want", 2)[0], 2, "IPv6 packets of %d" % size)
    # Packets of the host's in pieces; and, for the far side, pieces of a piece: 9000 octets are more than the tunnel takes.
    for size in (8972, 9500, 20000, 40000, 65000):
        check_equal(pings(site, "10.2.0.2", size, "dont", 2)[0], 2, "IPv4 packets of %d in pieces" % size)
        check_equal(pings(site, "fd00:2::2", size, "want", 2)[0], 2, "IPv6 packets of %d in pieces" % size)
    # Cut after encryption: the far gateway puts ESP together.
    for gw in (site.a, site.b):
        other = site.b if gw is site.a else site.a
        gw.ctl("if-tunnel 10 Tunnel1 %d %s %s after" % (outer, site.outer_of(gw), site.outer_of(other)))
    for host in (site.left, site.right):  # what they learned made them cut themselves
        host.run("ip", "route", "flush", "cache")
    before = site.b.counters("in")["packets"]
    check_equal(pings(site, "10.2.0.2", MTU - 28, "dont", 5)[0], 5, "packets of %d, cut outside" % MTU)
    check(site.b.counters("in")["packets"] - before in (7, 12), "ESP packets: one for each")
    speed = iperf3(site.left, site.right, "10.2.0.2", seconds=2)["mbits"]
    bad = {gw.short: {k: v for k, v in gw.drops().items() if k in ("no-mbuf", "malformed-ether", "malformed-ip", "esp-auth", "fragment-overlap",
                                                                "fragment-late", "tx-full", "handoff-full")}
           for gw in (site.a, site.b)}
    check(not any(bad.values()), "drops: %s" % bad)
    return "inner MTU %d, %.0f Mbit/s TCP, %d asked again" % (inner, speed, getattr(site, "again", 0))


class ScatterGateway(PcapGateway):
    """B's platform lines name no MTU: its mbufs hold 2 KB, and the driver scatters longer frames over several."""

    def __init__(self, lab, short, workers=1, **kw):
        super().__init__(lab, short, workers, **kw)
        if short == "b":
            with open(self.conf) as f:
                text = f.read()
            self.conf = lab.write(short + ".conf", re.sub(r" mtu \d+", "", text))


def joined(gw):
    return sum(int(n) for n in re.findall(r"^worker .* joined (\d+)$", gw.ctl("drops"), re.M))


def scattered(outer):
    """Packets of 9000 octets in one ESP frame each, to a gateway whose mbufs hold 2 KB; and from the host behind it in clear."""
    site = Site("scatter", outer=outer, mtu=MTU + 100, gateway=ScatterGateway)
    for gw in (site.a, site.b):
        for name in ("in0", "out0"):
            gw.ns.run("ip", "link", "set", name, "mtu", str(MTU + 100))
    for host in (site.left, site.right):
        host.run("ip", "link", "set", "eth0", "mtu", str(MTU))
        host.run("sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1")  # no DF: the gateways may cut what is too long for B's ports
    site.sas()
    ping(site.left, "10.2.0.2", 2)
    ping_ok(site.left, "10.2.0.2", 3)
    count, before = 8, {gw: (joined(gw), gw.counters("in")["packets"], gw.counters("out")["packets"]) for gw in (site.a, site.b)}
    got, text = said(site, "10.2.0.2", MTU - 28, "dont", count)
    check_equal(got, count, "answers of %d octets: %s; drops %s, %s" % (MTU, text, site.a.drops(), site.b.drops()))
    now = {gw: (joined(gw), gw.counters("in")["packets"], gw.counters("out")["packets"]) for gw in (site.a, site.b)}
    a, b = (tuple(n - m for n, m in zip(now[gw], before[gw])) for gw in (site.a, site.b))
    check_equal(b[0], 2 * count, "frames that B joined: an ESP frame and the host's answer each time")
    check_equal((a[2], b[1]), (count, count), "ESP packets that A sent, that B took")
    check_equal(b[2], 7 * count, "ESP packets of B, each answer in seven pieces")
    check_equal(a[1], b[2], "ESP packets that A took")
    bad = {gw.short: {k: v for k, v in gw.drops().items() if k.startswith(("no-mbuf", "malformed", "esp", "crypto", "fragment", "tx-full"))}
           for gw in (site.a, site.b)}
    check(not any(bad.values()), "drops: %s" % bad)
    return "%d frames joined, A in, out %d, %d, B in, out %d, %d" % (b[0], a[1], a[2], b[1], b[2])


for _outer in (4, 6):
    add_case("frames of 9000 octets scattered over several mbufs, ESP and clear, through the tunnel both ways; IPv%d outside" % _outer,
             lambda o=_outer: scattered(o))


class ShortInsideGateway(PcapGateway):
    """Ports of 1500 octets inside, whose packets are in mbufs of 2 KB, and of 9000 outside."""

    def __init__(self, lab, short, workers=1, **kw):
        super().__init__(lab, short, workers, **kw)
        with open(self.conf) as f:
            text = f.read()
        self.conf = lab.write(short + ".conf", re.sub(r"(=in0) mtu \d+", r"\1", text))


def padded(outer):
    """tfc-padding mtu, with dummies: short packets from ports of 1500 octets, and dummies among them, all as long as a port of 9000 takes."""
    site = Site("padded", outer=outer, mtu=MTU, gateway=ShortInsideGateway)
    for gw, host in ((site.a, site.left), (site.b, site.right)):
        gw.ns.run("ip", "link", "set", "out0", "mtu", str(MTU))
        host.run("ip", "link", "set", "eth0", "mtu", "1500")
    site.sas(options="tfc 65535 dummy 100")  # as much as one outer packet carries
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)
        ping_ok(site.left, target, 3)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    before, dummies = site.a.counters("out")["packets"], site.b.drops().get("dummy", 0)
    for size in (1, 56, 700, 1400):
        check_equal(pings(site, "10.2.0.2", size, "do")[0], 3, "IPv4 packets of %d" % size)
        check_equal(pings(site, "fd00:2::2", size, "do")[0], 3, "IPv6 packets of %d" % size)
    sent, got = site.a.counters("out")["packets"] - before, site.b.drops().get("dummy", 0) - dummies
    pcap = wire.stop()
    check(sent >= 24 and got >= 5, "%d packets, %d dummies" % (sent, got))
    check(frames(pcap, "esp") >= 2 * (sent + got) - 10, "ESP frames of both directions")
    check_equal(frames(pcap, "esp && frame.len < %d" % (MTU - 16)), 0, "shorter ESP frames")
    bad = {gw.short: {k: v for k, v in gw.drops().items() if k in ("no-mbuf", "no-room", "too-big", "esp-auth")} for gw in (site.a, site.b)}
    check(not any(bad.values()), "drops: %s" % bad)
    return "%d packets and %d dummies, all of one length" % (sent, got)


for _outer in (4, 6):
    add_case("ports of 1500 octets inside and 9000 outside: packets and dummies are padded to what the path takes; IPv%d outside" % _outer,
             lambda o=_outer: padded(o))


for _outer in (4, 6):
    add_case("9000 octets from end to end, IPv%d outside" % _outer, lambda o=_outer: jumbo(o))


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
