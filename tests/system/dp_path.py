#!/usr/bin/python3
"""Path MTU: a router between two gateways whose further link takes less; what culvert-dp learns of it, and what it does then."""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import add_case, case, check, check_equal, main  # noqa: E402
from capture import Capture  # noqa: E402
from dp_site import SPI_B, Site, big_ping, clear_packets, frames, learned, learns_path, ping_ok  # noqa: E402
from traffic import iperf3, ping  # noqa: E402

NARROW = 1400


def site_of(title, outer, mtu=NARROW, **sas):
    """The router's link to B takes `mtu` octets only."""
    site = Site(title, outer=outer, routed=True)
    site.mid.run("ip", "link", "set", "to-b", "mtu", str(mtu))
    site.b.ctl("if-port 2 Ethernet0/1 Ethernet0/1 mtu %d" % mtu)  # both ends of a link know what it takes
    site.sas(**sas)
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)  # neighbours
        ping_ok(site.left, target, 3)
    return site


def learns(outer, natt):
    site = site_of("learn", outer, natt=natt)
    wire = Capture(site.mid, "to-b", what="ip or ip6")
    mtu, speed = learns_path(site, NARROW)
    pcap = wire.stop()
    check_equal(clear_packets(pcap), 0, "clear packets outside")
    check(not site.a.drops().get("icmp-unproven"), "messages that were not believed: %s" % site.a.drops())
    return "inner MTU %d; %.0f Mbit/s TCP afterwards" % (mtu, speed)


for _outer in (4, 6):
    for _natt in (False, True):
        add_case("a router's smaller link: learned, told inside, kept to; IPv%d outside, %s" %
                 (_outer, "in UDP" if _natt else "plain ESP"), lambda outer=_outer, natt=_natt: learns(outer, natt))


@case("IPv6 outside at its least: a path of 1280 octets still carries IPv6 packets of 1280 inside, in pieces")
def least6():
    site = site_of("least", 6, mtu=1280)
    big_ping(site, "fd00:2::2", 1252, "do")
    check_equal(learned(site.a), {"2001:db8:b::2": 1280}, "what A learned")
    wire = Capture(site.mid, "to-b", what="ip6")
    check_equal(big_ping(site, "fd00:2::2", 1232, "do", 5)[0], 5, "packets of 1280 octets")
    pieces = frames(wire.stop(), "ipv6.fraghdr.nxt == 50")
    check(pieces >= 10, "%d fragments of ESP" % pieces)
    return "%d fragments" % pieces


@case("df-bit clear: the router cuts, and nothing is to be learned")
def df_clear():
    site = site_of("clear", 4, options="df clear")
    wire = Capture(site.mid, "to-b", what="ip")
    check_equal(big_ping(site, "10.2.0.2", 1372, "do", 6, True)[0], 6, "packets with DF inside")
    check_equal(learned(site.a), {}, "what A learned")
    check(frames(wire.stop(), "ip.flags.mf == 1 && ip.proto == 50") >= 6, "fragments made by the router")


def cut_by(ns):
    """Pieces that the kernel there has made of others' packets."""
    rows = [line.split() for line in ns.run("cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Ip:")]
    return int(dict(zip(rows[0], rows[1]))["FragCreates"])


def gre_learns(outer):
    """GRE without IPsec: DF goes outside, the router's word lowers the MTU of that tunnel alone."""
    site = Site("gre%d" % outer, outer=outer, routed=True)
    site.mid.run("ip", "link", "set", "to-b", "mtu", str(NARROW))
    site.b.ctl("if-port 2 Ethernet0/1 Ethernet0/1 mtu %d" % NARROW)
    for gw in (site.a, site.b):
        other = site.b if gw is site.a else site.a
        gw.ctl("if-tunnel 10 Tunnel1 %s %s %s pmtud" % ("gre" if outer == 4 else "gre6", site.outer_of(gw), site.outer_of(other)))
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)
        ping_ok(site.left, target, 3)
    head = (20 if outer == 4 else 40) + 4
    got, said = big_ping(site, "10.2.0.2", 1372, "do")
    inner = re.findall(r"mtu ?= ?(\d+)", said)
    check(inner and int(inner[0]) == NARROW - head, "what the sender was told: %s" % said)
    check_equal(learned(site.a), {}, "paths of SAs")
    check_equal(big_ping(site, "10.2.0.2", NARROW - head - 28, "do", 3, True)[0], 3, "packets that just go through")
    before = cut_by(site.mid)
    check_equal(big_ping(site, "10.2.0.2", 1372, "dont", 5, True)[0], 5, "packets that may be cut")
    big_ping(site, "fd00:2::2", 1372, "do")
    check_equal(big_ping(site, "fd00:2::2", 1372, "want", 5, True)[0], 5, "IPv6 packets after the sender learned")
    check_equal(cut_by(site.mid) - before, 0, "packets that the router cut")
    check(not site.a.drops().get("icmp-unproven"), "messages that were not believed: %s" % site.a.drops())
    return "%s octets inside" % inner[0]


for _outer in (4, 6):
    add_case("GRE without IPsec and tunnel path-mtu-discovery: the sender is told what a router's smaller link leaves; IPv%d outside" % _outer,
             lambda outer=_outer: gre_learns(outer))


FORGER = """
import sys
from scapy.all import *
src, dst, spi, seq, mtu = sys.argv[1], sys.argv[2], int(sys.argv[3], 0), int(sys.argv[4]), int(sys.argv[5])
inner = IP(src=src, dst=dst, flags="DF", len=1500, proto=50) / Raw(struct.pack("!II", spi, seq))
p = IP(src="192.0.2.254", dst=src) / ICMP(type=3, code=4, nexthopmtu=mtu) / inner
send(p, iface="to-a", count=int(sys.argv[6]), verbose=False)
"""


@case("forged messages: another SPI, a number that was not sent, an MTU of 68; what a flood of them costs")
def forged():
    site = site_of("forged", 4)
    a = site.a

    def send(spi, seq, mtu, count=1):
        site.mid.run("/usr/bin/python3", "-c", FORGER, "192.0.2.1", "198.51.100.2", hex(spi), str(seq), str(mtu), str(count))
        time.sleep(0.3)
    sent = a.counters("out")["packets"]
    send(SPI_B ^ 2, sent, 1000)
    send(SPI_B, sent + 100, 1000)
    check_equal(a.drops().get("icmp-unproven"), 2, "messages that were not believed")
    check_equal(learned(a), {}, "what A learned of lies")
    send(SPI_B ^ 2, sent, 1000, 500)
    ping_ok(site.left, "10.2.0.2", 5)
    # Whoever sees our packets can make us send small ones, never ones that nobody can use.
    send(SPI_B, a.counters("out")["packets"], 68)
    check_equal(learned(a), {"198.51.100.2": 576}, "what A learned")
    ping_ok(site.left, "10.2.0.2", 5)
    check_equal(big_ping(site, "10.2.0.2", 1300, "dont", 5, True)[0], 5, "larger ones, cut inside")


# ---- long packets ----------------------------------------------------------------------------------------------------
def after(outer, vdev):
    site = Site("after", outer=outer, vdev=vdev)
    for gw in (site.a, site.b):
        other = site.b if gw is site.a else site.a
        gw.ctl("if-tunnel 10 Tunnel1 %d %s %s after" % (outer, site.outer_of(gw), site.outer_of(other)))
    site.sas()
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)
        ping_ok(site.left, target, 3)
    before = site.a.counters("out")["packets"]
    wire = Capture(site.mid, "br0", what="ip or ip6")
    check_equal(big_ping(site, "10.2.0.2", 1472, "dont", 10, True)[0], 10, "packets of 1500 octets that may be cut")
    pcap = wire.stop()
    sealed = site.a.counters("out")["packets"] - before
    check_equal(sealed, 13, "packets encrypted: one for each")
    pieces = frames(pcap, "ip.src == 192.0.2.1 && ip.proto == 50 && (ip.flags.mf == 1 || ip.frag_offset > 0)" if outer == 4 else
                    "ipv6.src == 2001:db8::1 && ipv6.fraghdr.nxt == 50")
    check_equal(pieces, 26, "fragments of ESP")
    got, said = big_ping(site, "10.2.0.2", 1472, "do", 2)
    check(got == 0 and ("needed" in said or "too long" in said), "packets with DF: %s" % said)
    check_equal(clear_packets(pcap), 0, "clear packets outside")
    speed = iperf3(site.left, site.right, "10.2.0.2", seconds=2)["mbits"]
    return "%d fragments, %.0f Mbit/s TCP" % (pieces, speed)


add_case("fragmentation after encryption, IPv6 outside: one ESP packet for each, in two fragments", lambda: after(6, "net_af_packet"))
add_case("fragmentation after encryption, IPv4 outside, without a kernel that joins for us", lambda: after(4, "net_af_xdp"))


@case("ports of 4000 octets: packets up to the inner MTU in one piece, larger ones cut, both families")
def jumbo():
    site = Site("jumbo", mtu=4000)
    site.sas()
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)
        ping_ok(site.left, target, 3)
    big_ping(site, "10.2.0.2", 3972, "do", 3)
    got, said = big_ping(site, "10.2.0.2", 3972, "do", 2)
    mtu = int(re.findall(r"mtu ?= ?(\d+)", said)[0])
    check(3900 < mtu < 4000, "inner MTU %d" % mtu)
    before = site.a.counters("out")["packets"]
    check_equal(big_ping(site, "10.2.0.2", mtu - 28, "do", 5)[0], 5, "packets of %d octets" % mtu)
    check_equal(site.a.counters("out")["packets"] - before, 5, "ESP packets for them")
    for size in (1800, 1900, 2000, 2020, 2030, 2048, 2100, 3000, 3800):
        check_equal(big_ping(site, "10.2.0.2", size, "dont", 2, True)[0], 2, "IPv4 packets of %d" % size)
        check_equal(big_ping(site, "fd00:2::2", size, "want", 2, True)[0], 2, "IPv6 packets of %d" % size)
    check_equal(big_ping(site, "fd00:2::2", 20000, "want", 3, True)[0], 3, "IPv6 packets of 20,000 octets in pieces")
    speed = iperf3(site.left, site.right, "10.2.0.2", seconds=2)["mbits"]
    bad = {k: v for k, v in site.a.drops().items() if k in ("no-mbuf", "malformed-ether", "malformed-ip")}
    check(not bad, "drops: %s" % bad)
    return "inner MTU %d, %.0f Mbit/s TCP" % (mtu, speed)


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
