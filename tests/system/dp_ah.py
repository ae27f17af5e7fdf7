#!/usr/bin/python3
"""AH (RFC 4302) through culvert-dp with static SAs: traffic of both families in both, over one and two workers, in fragments, past a
smaller link; and what a hostile sender does on the wire between: forged and replayed packets, wrong lengths, an SPI of the other protocol."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import add_case, case, check, check_equal, main  # noqa: E402
from capture import Capture  # noqa: E402
from dp_site import SPI_B, Site, big_ping, frames, learned, ping_ok  # noqa: E402
from net import wait_for  # noqa: E402
from traffic import iperf3, ping  # noqa: E402

AH = "null-sha256"
NARROW = 1400
KEY = bytes(2 + 150 + k & 255 for k in range(32))  # dpctl's, of seed 2: from A to B


def site_of(title, outer, options="ah", **more):
    site = Site(title, outer=outer, **more)
    site.sas(AH, options)
    for target in ("10.2.0.2", "fd00:2::2"):
        ping(site.left, target, 2, wait=1)
    return site


def carries(outer, workers, options):
    site = site_of("carries", outer, options, workers=workers)
    wire = Capture(site.mid, "to-b", what="ip or ip6")
    for target in ("10.2.0.2", "fd00:2::2"):
        ping_ok(site.left, target, 5, wait=10)
        ping_ok(site.left, target, 3, size=1300, wait=10)
    pcap = wire.stop()
    speed = iperf3(site.left, site.right, "10.2.0.2", seconds=2)["mbits"]
    check(speed > 1, "iperf3 at %.1f Mbit/s" % speed)
    check(frames(pcap, "ah") >= 32, "AH on the wire")
    check_equal(frames(pcap, "esp"), 0, "ESP on the wire")
    for gw in (site.a, site.b):
        bad = {k: v for k, v in gw.drops().items() if k.startswith("ah-") or k in ("replay-dup", "unknown-spi", "wrong-peer")}
        check_equal(bad, {}, "drops")
    got = site.b.counters("in")
    check(got["packets"] > 20 and not got["auth-failed"], "counters: %s" % got)
    return "%.0f Mbit/s TCP" % speed


for _outer, _workers, _options in ((4, 1, "ah"), (6, 1, "ah esn"), (4, 2, "ah"), (6, 2, "ah")):
    add_case("AH of IPv%d carries both families, %d worker%s%s" % (_outer, _workers, "s" * (_workers > 1), " ESN" * ("esn" in _options)),
             lambda a=(_outer, _workers, _options): carries(*a))


@case("AH past a router's smaller link: learned from what it quotes, kept to, and put together when it cuts")
def smaller_link():
    site = Site("learn", outer=4, routed=True)
    site.mid.run("ip", "link", "set", "to-b", "mtu", str(NARROW))
    site.b.ctl("if-port 2 Ethernet0/1 Ethernet0/1 mtu %d" % NARROW)
    site.sas(AH, "ah")
    ping(site.left, "10.2.0.2", 2, wait=1)
    ping_ok(site.left, "10.2.0.2", 3)
    _, said = big_ping(site, "10.2.0.2", 1372, "do")
    check_equal(learned(site.a), {"198.51.100.2": NARROW}, "what A learned")
    mtu = int(re.findall(r"mtu ?= ?(\d+)", said)[0])
    check_equal(mtu, NARROW - 20 - 28, "what A tells its hosts")
    check_equal(big_ping(site, "10.2.0.2", mtu - 28, "do", 3, True)[0], 3, "packets of exactly %d octets" % mtu)
    check(not site.a.drops().get("icmp-unproven"), "believed: %s" % site.a.drops())
    site.remove_sas()
    site.sas(AH, "ah df clear", generation=1)
    wire = Capture(site.mid, "to-b", what="ip")
    check_equal(big_ping(site, "10.2.0.2", 1372, "dont", 6, True)[0], 6, "packets that the router cuts")
    check(frames(wire.stop(), "ip.proto == 51 && ip.flags.mf == 1") >= 6, "fragments made by the router")


HOSTILE = """
import sys, struct
from scapy.all import *
from scapy.layers.ipsec import AH, SecurityAssociation
spi, key, what = int(sys.argv[1], 0), bytes.fromhex(sys.argv[2]), sys.argv[3]
sa = SecurityAssociation(AH, spi=spi, auth_algo="SHA2-256-128", auth_key=key, tunnel_header=IP(src="192.0.2.1", dst="192.0.2.2"))
inner = IP(src="10.1.0.2", dst="10.2.0.2", ttl=9) / ICMP(id=77) / Raw(b"x" * 60)
def ah(seq, change=None, cut=None):
    p = bytearray(bytes(sa.encrypt(inner, seq_num=seq)))
    if change: change(p)
    if cut is not None:
        p = p[:cut]
        p[2:4] = struct.pack("!H", len(p))
    p[10:12] = b"\\0\\0"
    p[10:12] = struct.pack("!H", checksum(bytes(p[:20])))
    return bytes(p)
def flip(i):
    def f(p): p[i] ^= 1
    return f
def put(i, v):
    def f(p): p[i] = v
    return f
base = 1 << 20
out = {"genuine": [ah(base + i) for i in range(5)],
       "replayed": [ah(base + i) for i in range(5)],
       "old": [ah(1)],
       "forged": [ah(base + 10 + i, flip(i)) for i in list(range(32, 48)) + [48, 60, 100]] + [ah(base + 40, put(22, 1)), ah(base + 41, flip(13))],
       "length": [ah(base + 50 + i, put(21, v)) for i, v in enumerate((0, 1, 2, 4, 7, 100, 255))],
       "short": [ah(base + 60 + n, cut=n) for n in range(20, 48)],
       "mutable": [ah(base + 100, put(1, 0x28)), ah(base + 101, put(6, 0)), ah(base + 102, put(8, 3))],
       "esp": [bytes(IP(src="192.0.2.1", dst="192.0.2.2", proto=50) / Raw(struct.pack("!II", spi, base + 200) + b"e" * 80))] * 3,
       "as-ah": [bytes(IP(src="192.0.2.1", dst="192.0.2.2", proto=51) / Raw(b"\\4\\5\\0\\0" + struct.pack("!II", spi, 7) + b"a" * 80))] * 3}[what]
mac = sys.argv[4]
s = conf.L2socket(iface="br0")
for p in out:
    s.send(Ether(dst=mac, type=0x0800) / Raw(p))
print(len(out))
"""


def hostile_site(title, alg, options):
    site = Site(title)
    site.sas(alg, options)
    ping_ok(site.left, "10.2.0.2", 3)
    mac = site.b.ns.run("cat", "/sys/class/net/out0/address").stdout.strip()

    def say(what):
        done = site.mid.run("/usr/bin/python3", "-c", HOSTILE, hex(SPI_B), KEY.hex(), what, mac)
        return int(done.stdout.split()[-1])
    return site, say


def grows(site, before, reason, by, what):
    wait_for("%s: %s of %s" % (what, by, reason), lambda: site.b.drops().get(reason, 0) - before.get(reason, 0) >= by, 5)
    now = site.b.drops()
    check_equal(now.get(reason, 0) - before.get(reason, 0), by, "%s: %s" % (what, reason))
    return now


@case("AH on the wire: forged, replayed, short, of a wrong length: each is dropped by name; the genuine ones pass")
def hostile():
    site, say = hostile_site("hostile", AH, "ah")
    drops = site.b.drops()
    taken = site.b.counters("in")["packets"]
    say("genuine")
    wait_for("five genuine packets", lambda: site.b.counters("in")["packets"] - taken == 5, 5)
    drops = grows(site, drops, "replay-dup", say("replayed"), "replayed")
    drops = grows(site, drops, "replay-old", say("old"), "left of the window")
    drops = grows(site, drops, "ah-auth", say("forged"), "forged")
    drops = grows(site, drops, "ah-header", say("length"), "wrong length")
    drops = grows(site, drops, "ah-header", say("short"), "cut short")
    drops = grows(site, drops, "unknown-spi", say("esp"), "ESP with the SPI of an SA of AH")
    say("mutable")
    wait_for("what routers may change", lambda: site.b.counters("in")["packets"] - taken == 8, 5)
    check(site.b.counters("in")["auth-failed"] >= 18, "the SA counts them, too")


@case("an SPI of ESP is none of AH")
def other_protocol():
    site, say = hostile_site("other", "null-sha256", "")
    drops = site.b.drops()
    grows(site, drops, "unknown-spi", say("as-ah"), "AH with the SPI of an SA of ESP")
    ping_ok(site.left, "10.2.0.2", 3)


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
