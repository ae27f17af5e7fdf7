#!/usr/bin/python3
"""Crypto maps and VRFs on real gateways, two culverts on one wire: permit and deny lines, dynamic maps, reload under traffic, and the
inside and the transport of a tunnel in VRFs of their own."""
import json
import threading

from capture import Capture
from case import add_case, case, check, check_equal, main
from net import sh, wait_for
from topology import REFERENCE_PLATFORM, reference_pair

IKEV1 = """crypto isakmp policy 10
 encr aes 256
 hash sha256
 authentication pre-share
 group 14
crypto isakmp key secret address %(peer)s
"""
IKEV2 = """crypto ikev2 keyring K
 peer P
  address %(peer)s
  pre-shared-key secret
crypto ikev2 profile PROF
 match identity remote address %(peer)s
 authentication local pre-share
 authentication remote pre-share
 keyring local K
"""
TAIL = """crypto ipsec transform-set T esp-aes 256 esp-sha256-hmac
ip access-list extended A
%(acl)s
%(map)s
interface Loopback0
 ip address 10.%(n)d.0.1 255.255.255.255
interface Loopback1
 ip address 10.%(n)d.1.1 255.255.255.255
interface Loopback2
 ip address 10.%(n)d.2.1 255.255.255.255
interface Ethernet0/0
 ip address %(own)s 255.255.255.0
 crypto map M
ip route 10.%(far)d.0.0 255.255.0.0 %(peer)s
"""
ACL = """ permit ip 10.%(n)d.0.0 0.0.0.255 10.%(far)d.0.0 0.0.0.255
 permit icmp 10.%(n)d.1.0 0.0.0.255 10.%(far)d.1.0 0.0.0.255
"""
STATIC = """crypto map M 10 ipsec-isakmp
 set peer %(peer)s
 set transform-set T
%(profile)s match address A
"""
DYNAMIC = """crypto dynamic-map D 10
 set transform-set T
%(profile)s%(match)scrypto map M 65000 ipsec-isakmp dynamic D
"""


def config(n, version, entry=STATIC, acl=ACL, match=" match address A\n"):
    values = {"n": n, "far": 3 - n, "own": "192.0.2.%d" % n, "peer": "192.0.2.%d" % (3 - n), "match": match,
              "profile": " set ikev2-profile PROF\n" if version == 2 else ""}
    values["acl"] = (acl % values).rstrip("\n")
    values["map"] = (entry % values).rstrip("\n")
    return (IKEV2 if version == 2 else IKEV1) % values + TAIL % values


def ping(gateway, address, source, repeat=5, vrf=None):
    where = ["vrf", vrf] if vrf else []
    r = gateway.cli("--json", "ping", *where, address, "source", source, "repeat", str(repeat), "timeout", "1", check=False, timeout=90)
    check(r.stdout.startswith("{"), "ping: %s%s" % (r.stdout, r.stderr))
    d = json.loads(r.stdout)
    return d["sent"], d["received"]


def raised(gateway, address, source, timeout=20, vrf=None):
    wait_for("an echo reply from %s" % address, lambda: ping(gateway, address, source, 1, vrf)[1] == 1, timeout, 0.2)


class Wire:
    """What comes in at either end: a port's own frames pass no tap (PACKET_QDISC_BYPASS)."""

    def __init__(self, site, name="wire"):
        self.ends = [Capture(g.ns, "out0", name="%s-%d" % (name, k), what="ip") for k, g in enumerate((site.culvert, site.peer))]

    def stop(self):
        return [end.stop() for end in self.ends]


def fields(pcaps, display, field="frame.number"):
    return [f for pcap in pcaps
            for f in sh("tshark", "-n", "-r", pcap, "-Y", display, "-T", "fields", "-e", field, timeout=60).stdout.split()]


def frames(pcaps, display):
    return len(fields(pcaps, display))


def both_ways(version, first):
    site = reference_pair("map%d%s" % (version, first), config(1, version), config(2, version))
    a, b = (site.culvert, site.peer) if first == "a" else (site.peer, site.culvert)
    n, far = (1, 2) if first == "a" else (2, 1)
    wire = Wire(site)
    for k in (0, 1):  # PR-12: each line has an SA pair of its own
        raised(a, "10.%d.%d.1" % (far, k), "Loopback%d" % k)
        check_equal(ping(a, "10.%d.%d.1" % (far, k), "Loopback%d" % k, 5), (5, 5), "line %d" % k)
        check_equal(ping(b, "10.%d.%d.1" % (n, k), "Loopback%d" % k, 5), (5, 5), "line %d, the other way" % k)
    pcap = wire.stop()
    check_equal(frames(pcap, "ip.addr == 10.0.0.0/8"), 0, "packets in clear")
    check_equal(len(set(fields(pcap, "esp", "esp.spi"))), 4, "SPIs on the wire: two lines, two directions")
    wire = Wire(site, "clear")
    check_equal(ping(a, "10.%d.2.1" % far, "Loopback2", 3), (3, 3), "what no line names")
    check_equal(frames(wire.stop(), "icmp && ip.addr == 10.0.0.0/8"), 6, "those packets, in clear")


for _version in (1, 2):
    for _first in ("a", "b"):
        add_case("PR-12, IKEv%d: each permit line its own SA pair, raised from %s; the rest passes in clear" %
                 (_version, "the left" if _first == "a" else "the right"),
                 lambda v=_version, f=_first: both_ways(v, f))


def dynamic(version, acl):
    # The dynamic end takes what the other proposes, or what its list allows; it never begins.
    right = config(2, version, entry=DYNAMIC, match=" match address A\n" if acl else "")
    site = reference_pair("dyn%d%d" % (version, acl), config(1, version), right)
    wire = Wire(site)
    sent, got = ping(site.peer, "10.1.0.1", "Loopback0", 2)
    pcap = wire.stop()
    check_equal(frames(pcap, "isakmp"), 0, "IKE messages by the dynamic end")
    if acl:
        check_equal(got, 0, "answers before there is an SA: protected only")
        check_equal(frames(pcap, "ip.addr == 10.0.0.0/8"), 0, "packets in clear")
    raised(site.culvert, "10.2.0.1", "Loopback0")
    wire = Wire(site, "up")
    check_equal(ping(site.culvert, "10.2.0.1", "Loopback0", 5), (5, 5), "from the static end")
    check_equal(ping(site.peer, "10.1.0.1", "Loopback0", 5), (5, 5), "from the dynamic end")
    check_equal(frames(wire.stop(), "ip.addr == 10.0.0.0/8"), 0, "packets in clear")


for _version in (1, 2):
    for _acl in (True, False):
        add_case("dynamic map %s a list, IKEv%d: responds, never begins, and sends by the SA it was given" %
                 ("with" if _acl else "without", _version), lambda v=_version, a=_acl: dynamic(v, a))


@case("a deny line passes in clear; a changed list is taken by reload under traffic, without a packet in clear or a lost line")
def reload_under_traffic():
    deny = " deny icmp host 10.%(n)d.1.1 host 10.%(far)d.1.1\n" + ACL
    site = reference_pair("mapreload", config(1, 2), config(2, 2))
    for k in (0, 1):
        raised(site.culvert, "10.2.%d.1" % k, "Loopback%d" % k)
    wire = Wire(site)
    results = []
    t = threading.Thread(target=lambda: results.append(ping(site.culvert, "10.2.0.1", "Loopback0", 400)))
    t.start()
    more = ACL + " permit ip 10.%(n)d.2.0 0.0.0.255 10.%(far)d.2.0 0.0.0.255\n"
    for acl in (more, deny, ACL, more):
        for gateway, n in ((site.culvert, 1), (site.peer, 2)):
            gateway.write_config(REFERENCE_PLATFORM + config(n, 2, acl=acl))
            gateway.reload()
    raised(site.culvert, "10.2.2.1", "Loopback2")
    t.join()
    pcap = wire.stop()
    check_equal(frames(pcap, "ip.addr == 10.0.0.0/8"), 0, "packets in clear")
    sent, got = results[0]
    check(got >= sent - 4, "%d of %d answers under four reloads" % (got, sent))
    for gateway, n in ((site.culvert, 1), (site.peer, 2)):
        gateway.write_config(REFERENCE_PLATFORM + config(n, 2, acl=deny))
        gateway.reload()
    wire = Wire(site, "deny")
    check_equal(ping(site.culvert, "10.2.1.1", "Loopback1", 3), (3, 3), "the denied pair")
    check_equal(frames(wire.stop(), "icmp && ip.addr == 10.2.1.1"), 6, "its packets in clear")
    return "%d of %d answers meanwhile" % (got, sent)


LIMIT = " rate-limit %s 8000 1600 1600 conform-action transmit exceed-action drop\n"


def lines_of(gateway):
    """{line: (its drops by direction and reason, whether it has limits)} of what is applied."""
    return {f["interface"]: (f["drops"], {w: f["rate_limit_" + w] for w in ("input", "output")})
            for m in gateway.json("show", "crypto", "map")["maps"] for f in m["flows"]}


def limited(version):
    # 100 octets a packet: 16 are a burst, 10 more pass each second that an answer is waited for in vain.
    site = reference_pair("maplimit%d" % version, config(1, version), config(2, version, entry=DYNAMIC))
    for k in (0, 1):
        raised(site.culvert, "10.2.%d.1" % k, "Loopback%d" % k)
    wire = Wire(site)
    ping(site.culvert, "10.2.0.1", "Loopback0", 2)
    spis = set(fields(wire.stop(), "esp", "esp.spi"))
    wire = Wire(site, "limited")
    for gateway, n, entry, way, line in ((site.culvert, 1, STATIC, "output", "M#10.10"), (site.peer, 2, DYNAMIC, "input", "M#65000.10.10")):
        with_limit = entry.replace("%(profile)s", "%(profile)s" + LIMIT % way)
        gateway.write_config(REFERENCE_PLATFORM + config(n, version, entry=with_limit))
        gateway.reload()
        shown = lines_of(gateway)[line][1]
        check_equal(shown, {"input": None, "output": None, way: {"bps": 8000, "burst_bytes": 1600}}, "limits of %s" % line)
        sent, got = ping(site.culvert, "10.2.0.1", "Loopback0", 40)
        lost = lines_of(gateway)[line][0]
        check_equal(lost[way]["policed"], sent - got, "policed at %s, %sput" % (line, way))
        check(1 <= sent - got <= 20, "%d of %d answers at %s" % (got, sent, line))
        check_equal(ping(site.culvert, "10.2.1.1", "Loopback1", 16), (16, 16), "the other line's own burst")
        gateway.write_config(REFERENCE_PLATFORM + config(n, version, entry=entry))
        gateway.reload()
        check_equal(ping(site.culvert, "10.2.0.1", "Loopback0", 40), (40, 40), "without the limit again")
    pcap = wire.stop()
    check_equal(set(fields(pcap, "esp && ip.len < 9000", "esp.spi")) & spis, spis, "the SAs of before")
    check_equal(len(set(fields(pcap, "esp", "esp.spi"))), 4, "SPIs on the wire: those of two lines")
    check_equal(frames(pcap, "isakmp && udp.length > 100"), 0, "negotiations meanwhile")
    check_equal(frames(pcap, "ip.addr == 10.0.0.0/8"), 0, "packets in clear")


for _version in (1, 2):
    add_case("rate-limit in an entry, IKEv%d: of each line alone, static and dynamic; reloads bring it and take it away, and the SAs stay" % _version,
             lambda v=_version: limited(v))


VRF = """vrf definition RED
 address-family ipv4
vrf definition BLUE
 address-family ipv4
vrf definition OUT
 address-family ipv4
crypto keyring K vrf OUT
 pre-shared-key address 192.0.2.%(far)d key secret
crypto isakmp policy 10
 encr aes 256
 hash sha256
 authentication pre-share
 group 14
crypto isakmp profile PROF
 keyring K
 match identity address 192.0.2.%(far)d 255.255.255.255 OUT
crypto ipsec transform-set T esp-aes 256 esp-sha256-hmac
crypto ipsec profile IPS
 set transform-set T
 set isakmp-profile PROF
interface Loopback0
 vrf forwarding RED
 ip address 10.%(n)d.0.1 255.255.255.255
interface Loopback1
 vrf forwarding BLUE
 ip address 10.%(n)d.0.1 255.255.255.255
interface Ethernet0/0
 vrf forwarding OUT
 ip address 192.0.2.%(n)d 255.255.255.0
interface Tunnel1
 vrf forwarding RED
 ip address 172.16.0.%(n)d 255.255.255.252
 tunnel source Ethernet0/0
 tunnel destination 192.0.2.%(far)d
 tunnel vrf OUT
%(mode)s tunnel protection ipsec profile IPS
ip route vrf RED 10.%(far)d.0.0 255.255.0.0 Tunnel1
"""


def vrfs(mode):
    left, right = (VRF % {"n": n, "far": 3 - n, "mode": mode} for n in (1, 2))
    site = reference_pair("vrf" + ("gre" if not mode else "ipsec"), left, right)
    wire = Wire(site)
    raised(site.culvert, "10.2.0.1", "Loopback0", vrf="RED")
    check_equal(ping(site.culvert, "10.2.0.1", "Loopback0", 5, "RED"), (5, 5), "in RED")
    check_equal(ping(site.peer, "10.1.0.1", "10.2.0.1", 5, "RED"), (5, 5), "in RED, by address")
    # Equal addresses in BLUE, which has no way there.
    check_equal(ping(site.culvert, "10.2.0.1", "Loopback1", 2, "BLUE")[1], 0, "answers in BLUE")
    check_equal(frames(wire.stop(), "ip.addr == 10.0.0.0/8"), 0, "packets in clear")
    routes = site.culvert.cli("show", "ip", "route", "vrf", "RED").stdout
    check("10.2.0.0" in routes and "Tunnel1" in routes and "192.0.2.0" not in routes, routes)
    check("192.0.2.0" in site.culvert.cli("show", "ip", "route", "vrf", "OUT").stdout, "routes of OUT")
    r = site.culvert.cli("ping", "vrf", "BLUE", "10.2.0.1", "source", "Loopback0", check=False)
    check(r.returncode == 2 and "not in VRF BLUE" in r.stdout + r.stderr, "source of another VRF: %s%s" % (r.stdout, r.stderr))
    r = site.culvert.cli("ping", "vrf", "NONE", "10.2.0.1", check=False)
    check(r.returncode == 2, "ping in no VRF: %s" % r.stdout)


add_case("VRFs: tunnel mode ipsec, inside RED, transport in OUT, IKEv1 keyring and profile of OUT", lambda: vrfs(" tunnel mode ipsec ipv4\n"))
add_case("VRFs: GRE, inside RED, transport in OUT", lambda: vrfs(""))


if __name__ == "__main__":
    main()
