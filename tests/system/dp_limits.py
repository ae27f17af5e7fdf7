#!/usr/bin/python3
"""What passes of too much: rate-limit of a tunnel and of a crypto map's line, measured; and ESP of SPIs that nobody has, poured in."""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import add_case, case, check, check_equal, main  # noqa: E402
from dp_site import Site, ping_ok  # noqa: E402
from map_site import FLOW4, FLOW6, PROTECT, MapSite  # noqa: E402
from traffic import Stream, ping  # noqa: E402

# A burst of half a second: the bucket stays below its rim, and what passes is exact, though a machine stops for some tenths of a second.
BPS, BURST, SIZE, HEADERS, HEADERS6 = 4000000, 250000, 1000, 28, 48


def tunnel(site, gw, other, gre):
    return "if-tunnel 10 Tunnel1 %s %s %s%s" % ("gre" if gre else 4, site.outer_of(gw), site.outer_of(other), " ttl 255 protected" if gre else "")


def measured(site, gw, way, limit, slot=1, address="10.2.0.2", headers=HEADERS):
    """UDP at three times the rate for some seconds: the rate of what arrives, and every packet counted as one or the other. limit: the interface's
    line without its limit; slot: of A's SA."""
    gw.ctl("%s police %s %d %d" % (limit, way, BPS, BURST))
    counted, dropped = site.a.counters("out", slot)["packets"], gw.drops().get("policed", 0)
    rate = 3 * BPS // ((SIZE + headers) * 8)
    with Stream(site.left, site.right, address, rate=rate, size=SIZE) as s:
        time.sleep(6)  # what is measured is a rate
    exceed, conform = gw.drops().get("policed", 0) - dropped, site.a.counters("out", slot)["packets"] - counted
    if way == "in":
        conform -= exceed  # A encrypts all of them
    passed = (s.received * (SIZE + headers) - BURST) * 8 / s.seconds
    check(abs(passed / BPS - 1) < 0.03, "%.3f Mbit/s passed in %.1f s" % (passed / 1e6, s.seconds))
    check(s.sent <= conform + exceed <= s.sent + 3, "%d conform, %d exceed, %d sent" % (conform, exceed, s.sent))
    check(s.received <= conform <= s.received + 3, "%d conform, %d received" % (conform, s.received))
    # Under the rate nothing is lost.
    with Stream(site.left, site.right, address, rate=rate // 4, size=SIZE) as slow:
        time.sleep(2)
    check_equal(slow.lost, 0, "lost at three quarters of the rate")
    return "%.3f of %.0f Mbit/s, %d conform and %d exceed of %d" % (passed / 1e6, BPS / 1e6, conform, exceed, s.sent)


def policed(way, workers=1, gre=False):
    site = Site("police", workers=workers)
    gw, other = (site.a, site.b) if way == "out" else (site.b, site.a)
    if gre:
        other.ctl(tunnel(site, other, gw, gre))
        gw.ctl(tunnel(site, gw, other, gre))
    site.sas(options="hosts 47 transport" if gre else "")
    ping_ok(site.left, "10.2.0.2", 3)
    return measured(site, gw, way, tunnel(site, gw, other, gre))


def policed_line(way, family):
    """One line's bucket is not the other's, which is of the other family here."""
    site = MapSite("policemap")
    site.flow_sas()
    site.flow_sas(FLOW6, 2, family=6)
    site.policies(PROTECT)
    gw = site.a if way == "out" else site.b
    lines = {4: (FLOW4, "M-10.10", 1, "10.2.0.2"), 6: (FLOW6, "M-20.10", 2, "fd00:2::2")}
    for k in lines:
        ping_ok(site.left, lines[k][3], 3)
    flow, name, slot, address = lines[family]
    with Stream(site.left, site.right, lines[10 - family][3], rate=50) as free:
        said = measured(site, gw, way, "if-flow %d %s 2" % (flow, name), slot, address, HEADERS if family == 4 else HEADERS6)
    check_equal(free.lost, 0, "lost of the other line's")
    lost = set(re.findall(r"^lost (\d+) (in|out) policed", gw.ctl("drops"), re.M))
    check_equal(lost, {(str(flow), way)}, "who has lost packets to a limit")
    return said


for _way in ("out", "in"):
    add_case("rate-limit %sput: what passes is the rate within 3 %%, and each packet is counted" % _way, lambda w=_way: policed(w))
    add_case("rate-limit %sput of a GRE tunnel: the same" % _way, lambda w=_way: policed(w, gre=True))
    for _family in (4, 6):
        add_case("rate-limit %sput of a crypto map's line of IPv%d: the same, and another line is not touched" % (_way, _family),
                 lambda w=_way, f=_family: policed_line(w, f))
add_case("rate-limit output with two workers: one bucket for both", lambda: policed("out", 2))


FLOOD = """
import socket, struct, sys, time
def ip(i):
    head = struct.pack("!BBHHHBBH4B4B", 0x45, 0, 76, i & 0xffff, 0, 64, 50, 0, 192, 0, 2, 3 + i % 200, 192, 0, 2, 1)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + head[12:]
ether = bytes.fromhex(sys.argv[1].replace(":", "")) + bytes.fromhex("020000000077") + b"\\x08\\0"
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("br0", 0))
for i in range(int(sys.argv[2])):
    s.send(ether + ip(i) + struct.pack("!II", 0x40000000 + i * 7919, 1) + bytes(48))
    if i % 10 == 0:
        time.sleep(0.005)
"""


@case("ESP of 10,000 SPIs that nobody has, from 200 addresses: all counted, few told to culvertd, and the tunnel goes on")
def strays():
    site = Site("strays")
    site.sas()
    ping_ok(site.left, "10.2.0.2", 3)
    mac = site.a.ns.run("cat", "/sys/class/net/out0/address").stdout.strip()
    count = 10000
    listener = site.a.listen(180000)
    started = time.monotonic()
    flood = site.mid.start("flood", "/usr/bin/python3", "-c", FLOOD, mac, str(count))
    answers = ping(site.left, "10.2.0.2", 20, wait=3)[1]
    check(answers >= 15, "%d of 20 answers meanwhile" % answers)  # the receive ring of a loaded machine may run over
    flood.wait(60)
    spent = time.monotonic() - started
    told = len(re.findall(r"^event unknown-spi", listener.heard("event unknown-spi"), re.M))
    site.lab.processes.remove(flood)
    site.a.settled(0)
    drops = site.a.drops()
    check(count * 0.98 <= drops.get("unknown-spi", 0) <= count, "unknown-spi: %s" % drops)
    # 16 a second, and 32 at once (dp_stray.h); the 200 addresses would be told one event a second each.
    check(16 <= told <= 32 + 16 * (spent + 1), "%d events in %.1f s" % (told, spent))
    ping_ok(site.left, "10.2.0.2", 5)
    return "%d of %d counted, %d events in %.1f s" % (drops["unknown-spi"], count, told, spent)


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
