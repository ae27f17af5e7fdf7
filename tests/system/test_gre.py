#!/usr/bin/python3
"""GRE in culvert-dp against scapy: in clear and in ESP, tunnel and transport mode, IPv4 and IPv6 inside and outside, with
and without keys; MTU, TTL, TOS, fragments; that it fails closed, and what it does with hostile packets."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from gre_site import GRE, ICMP, IP, KEY, OUTER, TCP, UDP, Ether, GreSite, IPv6, Raw, echo, is_reply  # noqa: E402
from capture import Capture  # noqa: E402
from case import add_case, case, check, check_equal, main  # noqa: E402
from dp_site import SPI_A, SPI_B, Site, clear_packets, frames  # noqa: E402
from traffic import iperf3, ping  # noqa: E402
from scapy.layers.inet import fragment  # noqa: E402


def replies(site, packets, seconds=0.6):
    return [p for p in site.opened(site.exchange([site.sealed(p) for p in packets], seconds)) if is_reply(p)]


def warm(site):
    """Neighbours on both sides are known afterwards."""
    for _ in range(3):
        if replies(site, [site.gre(echo(4)), site.gre(echo(6))], 0.4):
            return
    check(False, "nothing comes through: %s" % site.a.drops())


def both_ways(outer, key, protect):
    site = GreSite("both", outer, key, protect)
    warm(site)
    sizes = (0, 1, 64, 500, 1200)
    packets = [site.gre(echo(f, n, size)) for f in (4, 6) for n, size in enumerate(sizes)]
    got = replies(site, packets)
    check_equal(len(got), len(packets), "echo replies in GRE: %s" % site.a.drops())
    for p in got:
        check_equal(p[GRE].version, 0, "version")
        check_equal((p[GRE].chksum_present, p[GRE].seqnum_present, p[GRE].routing_present), (0, 0, 0), "flags")
        check_equal(p[GRE].key if p[GRE].key_present else None, key, "key")
        check_equal(p.ttl if outer == 4 else p.hlim, 255, "TTL")
        check_equal((p.src, p.dst), OUTER[outer], "ends")
    check_equal(sorted(len(p[GRE].payload) for p in got), sorted(len(x[GRE].payload) for x in packets), "inner lengths")
    if outer == 4:
        ids = [p.id for p in got]
        check_equal(len(set(ids)), len(ids), "identifications")
    bad = {k: v for k, v in site.a.drops().items() if k.startswith(("esp", "gre", "ts-", "replay", "crypto", "malformed"))}
    check(not bad, "drops: %s" % bad)
    check_equal(site.a.stop(), 0, "exit status")
    return "%d of %d" % (len(got), len(packets))


for _protect in ("", "tunnel", "transport", "transport-natt"):
    for _outer in (4, 6):
        for _key in (None, KEY):
            add_case("GRE over IPv%d, %s, %s: echoes of both families and five sizes" %
                     (_outer, "key %#x" % _key if _key else "no key", "ESP %s mode" % _protect if _protect else "in clear"),
                     lambda o=_outer, k=_key, p=_protect: both_ways(o, k, p))


@case("protected without an SA: nothing leaves, one acquire for host-host 47, nothing in clear is taken")
def fails_closed():
    for outer in (4, 6):
        site = GreSite("closed", outer)
        warm(site)
        site.protect = "transport"
        listener = site.a.listen(1800, site.tunnel_line())
        wire = site.listen(site.peer, 2.5)
        sent, got = ping(site.left, "10.2.0.2", 8, interval=0.05, wait=1)
        frames = site.collected(wire)
        said = listener.text()
        check_equal(got, 0, "answers")
        check(not [f for f in frames if GRE in Ether(f) or ICMP in Ether(f)], "clear packets on the wire")
        acquires = re.findall(r"^event acquire if 10 .*", said, re.M)
        check_equal(len(acquires), 1, "acquires: %s" % said)
        check("proto 47" in acquires[0] and OUTER[outer][0] in acquires[0] and OUTER[outer][1] in acquires[0], acquires[0])
        check_equal(site.drops("no-sa"), (sent,), "no-sa")
        # In clear, towards us.
        check_equal(len(replies(site, [site.gre(echo(4)), site.gre(echo(6))])), 0, "replies to clear GRE")
        check_equal(site.drops("gre-clear"), (2,), "gre-clear")
        # An SA whose selectors do not hold GRE from end to end is no SA for it.
        site.sas("hosts 17")
        ping(site.left, "10.2.0.2", 2, interval=0.05, wait=1)
        check_equal(site.drops("ts-out"), (2,), "ts-out")
        site.a.ctl("sa-del out 1 %#x\nsa-del in 1 %#x" % (SPI_B, SPI_A))
        site.sas()
        warm(site)
        site.close()


@case("an SA delivers into its own tunnel and no other")
def other_sas():
    site = GreSite("other", protect="tunnel")
    warm(site)
    before = site.drops("gre-clear", "gre-no-tunnel", "ts-in")
    # Another protected tunnel between the same ends, and one in clear: both have keys.
    site.a.ctl("if-tunnel 11 Tunnel2 gre 192.0.2.1 192.0.2.2 key 5 protected\nif-tunnel 12 Tunnel3 gre 192.0.2.1 192.0.2.2 key 6")
    inner = echo(4)
    check_equal(len(replies(site, [site.gre(inner, key=5), site.gre(inner, key=6), site.gre(inner, key=7)])), 0, "replies")
    check_equal(site.drops("gre-clear", "gre-no-tunnel"), (before[0] + 2, before[1] + 1), "by the SA of another")
    # The SA of an IPsec tunnel interface brings GRE for the protected tunnel.
    site.a.ctl("if-tunnel 13 Tunnel4 4 192.0.2.1 192.0.2.2")
    mine, mine_seq = site.sa_in, site.seq
    site.sas("", interface=13, slot=3, activate=False)
    check_equal(len(replies(site, [site.gre(inner)])), 0, "replies")
    check_equal(site.drops("gre-clear"), (before[0] + 3,), "GRE in an SA that is not its tunnel's")
    got = site.opened(site.exchange([site.sealed(site.gre(inner, key=6))]))
    check_equal(site.drops("gre-clear"), (before[0] + 3,), "GRE of the tunnel in clear may come by any SA")
    # What the tunnel's own SA carries must be GRE, whatever its selectors let through.
    site.sa_in, site.seq = mine, mine_seq
    site.a.ctl("sa-del in 1 %#x\nsa in 1 %#x 10 gcm128 1 192.0.2.1 192.0.2.2" % (SPI_A, SPI_A))
    site.seq = 0
    site.exchange([site.sealed(IP(src="192.0.2.2", dst="192.0.2.1") / ICMP(id=1)), site.sealed(echo(4))])
    check_equal(site.drops("ts-in"), (before[2] + 2,), "ts-in")
    check_equal(got, [], "answers outside of the SA")
    # Transport mode on an IPsec tunnel interface would let addresses be read: refused.
    site.a.ctl("fail 1 sa out 9 0x11110009 13 gcm128 1 192.0.2.1 192.0.2.2 transport")


@case("in clear: wrong key, no key, wrong ends, down: dropped by name")
def no_tunnel():
    site = GreSite("strange", key=KEY)
    warm(site)
    wrong = [site.gre(echo(4), key=KEY ^ 1), site.gre(echo(4), key=None),
             IP(src="192.0.2.9", dst="192.0.2.1") / GRE(proto=0x0800, key_present=1, key=KEY) / echo(4),
             IPv6(src=OUTER[6][1], dst=OUTER[6][0]) / GRE(proto=0x0800, key_present=1, key=KEY) / echo(4)]
    check_equal(len(replies(site, wrong)), 0, "replies")
    check_equal(site.drops("gre-no-tunnel"), (4,), "gre-no-tunnel")
    site.a.ctl(site.tunnel_line("down"))
    before, = site.drops("if-down")
    check_equal(len(replies(site, [site.gre(echo(4))])), 0, "replies")
    check_equal(site.drops("if-down"), (before + 1,), "if-down")
    site.a.ctl(site.tunnel_line("tvrf 5"))
    check_equal(len(replies(site, [site.gre(echo(4))])), 0, "replies from another VRF's wire")
    check_equal(site.drops("gre-no-tunnel"), (5,), "gre-no-tunnel")


@case("RFC 2784, RFC 2890: checksum and sequence number are taken, other bits and versions refused")
def bits():
    site = GreSite("bits", key=KEY)
    warm(site)
    good = [site.gre(echo(4), chksum_present=1), site.gre(echo(6), seqnum_present=1, seqence_number=9),
            site.gre(echo(4), chksum_present=1, seqnum_present=1, seqence_number=1)]
    check_equal(len(replies(site, good)), 3, "replies: %s" % site.a.drops())
    bad = [site.gre(echo(4), routing_present=1), site.gre(echo(4), strict_route_source=1), site.gre(echo(4), version=1),
           site.gre(echo(4), version=7), site.gre(echo(4), recursion_control=4), site.gre(echo(4), proto=0x6558),
           site.gre(echo(4), proto=0), site.gre(echo(4), chksum_present=1, chksum=0x1234)]
    check_equal(len(replies(site, bad)), 0, "replies")
    check_equal(site.drops("gre-malformed"), (len(bad),), "gre-malformed")


@case("hostile: truncated at every octet, nested, martian, loops; and the tunnel still forwards")
def hostile():
    for protect in ("", "transport"):
        site = GreSite("hostile", key=KEY, protect=protect)
        warm(site)
        whole = bytes(GRE(proto=0x0800, key_present=1, key=KEY) / echo(4))
        cut = [site.header() / Raw(whole[:n]) for n in range(len(whole))]
        for p in cut:
            p.proto = 47
        check_equal(len(replies(site, cut)), 0, "replies to truncated packets")
        check_equal(site.drops("gre-malformed", "malformed-ip"), (8, len(whole) - 8), "drops by length")
        # GRE in GRE: the inner one is for us, and is not looked into.
        nested = site.gre(site.gre(echo(4)))
        for _ in range(3):
            nested = site.gre(nested)
        site.exchange([site.sealed(nested), site.sealed(site.gre(IP(src="10.2.0.9", dst="192.0.2.1") / GRE(proto=0x0800) / echo(4)))])
        dropped = site.drops("gre-no-tunnel", "martian")
        check_equal(sum(dropped), 2, "nested: %s" % site.a.drops())
        check_equal(len(replies(site, [site.gre(echo(4, src="10.1.0.1")), site.gre(echo(4, src="224.0.0.1")),
                                       site.gre(echo(4, dst="224.0.0.5"))])), 0, "replies to martians")
        # The far end routed into the tunnel itself.
        site.a.ctl("route 0 192.0.2.2/32 dev 10")
        ping(site.left, "10.2.0.2", 2, interval=0.05, wait=1)
        if not protect:
            check(site.drops("tunnel-loop")[0] >= 2, "tunnel-loop: %s" % site.a.drops())
        site.a.ctl("route-del 0 192.0.2.2/32 dev 10")
        warm(site)
        check_equal(site.a.stop(), 0, "exit status")
        site.close()


@case("keepalives of the far end go back to it, by the tunnel's own way, and nothing else does that comes from our address")
def keepalives():
    for outer in (4, 6):
        for protect in ("", "tunnel", "transport"):
            site = GreSite("alive", outer, KEY, protect)
            warm(site)
            ours, theirs = OUTER[outer]
            ip = IP if outer == 4 else IPv6
            own = dict(src=ours, dst=theirs, **({"proto": 47, "ttl": 255} if outer == 4 else {"nh": 47, "hlim": 255}))
            alive = ip(**own) / GRE(proto=0)
            got = [p for p in site.opened(site.exchange([site.sealed(site.gre(alive))])) if GRE in p and p[GRE].proto == 0]
            check_equal([bytes(p) for p in got], [bytes(alive)], "what comes back: %s" % site.a.drops())
            own["dst"] = "192.0.2.3" if outer == 4 else "2001:db8::3"
            bad = [ip(**own) / GRE(proto=0), ip(src=ours, dst=theirs) / UDP(sport=9, dport=9), ip(src=ours, dst=theirs, **{
                "proto" if outer == 4 else "nh": 47}) / GRE(proto=0x0800) / echo(4)]
            got = site.opened(site.exchange([site.sealed(site.gre(p)) for p in bad]))
            check_equal(len([p for p in got if UDP in p or (GRE in p and p[GRE].proto == 0)]), 0, "what comes back of others")
            check_equal(site.drops("martian"), (len(bad),), "martians: %s" % site.a.drops())
            site.close()


@case("TTL copied or set, DSCP and ECN out and in (RFC 6040), inner TTL lowered once")
def ttl_tos():
    site = GreSite("tos")
    warm(site)
    got = replies(site, [site.gre(echo(4, 1, tos=0xb9), tos=0xb9), site.gre(echo(4, 2, tos=0xba), tos=0xbb),
                         site.gre(echo(4, 3, tos=0xb8), tos=0xb8)])
    check_equal([p.tos for p in got], [p[GRE].payload.tos for p in got], "outer and inner TOS")
    # The left host answers with the TOS it saw: CE came in from outside, the others are as they were.
    check_equal([p.tos & 3 for p in got], [1, 3, 0], "ECN")
    check_equal([p.tos >> 2 for p in got], [0x2e] * 3, "DSCP")
    check_equal([p[GRE].payload.ttl for p in got], [63] * 3, "inner TTL")
    check_equal(len(replies(site, [site.gre(echo(4, tos=0xb8), tos=0xbb)])), 0, "CE on a packet that cannot carry it")
    check_equal(site.drops("ecn"), (1,), "ecn")
    site.a.ctl(site.tunnel_line().replace("ttl 255", "ttl 0"))
    check_equal([p.ttl for p in replies(site, [site.gre(echo(4))])], [63], "copied TTL")
    # tunnel tos: its DSCP outside, the packet's ECN (RFC 6040 4.1); inside all stays.
    site.a.ctl(site.tunnel_line("tos %d" % 0x60))
    got = replies(site, [site.gre(echo(4, 5, tos=0xb9), tos=0xb9), site.gre(echo(6, 6, tc=0xba), tos=0xb8)])
    check_equal([p.tos for p in got], [0x61, 0x62], "outer TOS by tunnel tos")
    check_equal([p[GRE].payload.tos if IP in p[GRE].payload else IPv6(bytes(p[GRE].payload)).tc for p in got], [0xb9, 0xba], "inner TOS")


def mtu(outer, key, protect, want):
    site = GreSite("mtu", outer, key, protect)
    warm(site)
    done = site.left.run("ping", "-c1", "-W1", "-M", "do", "-s", "1472", "10.2.0.2", check=False)
    told = re.search(r"mtu ?= ?(\d+)", done.stdout + done.stderr)
    check(told, "no Fragmentation Needed: %s %s" % (done.stdout, site.a.drops()))
    check_equal(int(told.group(1)), want, "MTU told")
    wire = site.listen(site.peer, 1.5)
    site.left.run("ping", "-c1", "-W1", "-M", "do", "-s", str(want - 28), "10.2.0.2", check=False)
    frames = site.collected(wire)
    packets = [f for f in frames if len(f) > 1000]
    check_equal(len(packets), 1, "packets for the longest one")
    check(1500 - 16 < len(packets[0]) - 14 <= 1500, "its length outside: %d" % (len(packets[0]) - 14))
    check_equal([len(p[GRE].payload) for p in site.opened(packets)], [want], "and inside")
    # Without DF it is cut before GRE, each piece a whole packet outside.
    wire = site.listen(site.peer, 1.5)
    site.left.run("ping", "-c1", "-W1", "-M", "dont", "-s", "1472", "10.2.0.2", check=False)
    pieces = site.opened(site.collected(wire))
    check_equal(len([p for p in pieces if isinstance(p[GRE].payload, IP) and (p[GRE].payload.flags.MF or p[GRE].payload.frag)]), 2,
                "fragments inside")
    return "inner MTU %d" % want


for _args in ((4, None, "", 1476), (4, KEY, "", 1472), (6, None, "", 1456), (4, None, "tunnel", 1422), (4, None, "transport", 1442),
              (4, None, "transport-natt", 1434), (6, KEY, "transport", 1418)):
    add_case("MTU: ICMP tells what the path leaves, and that much fits: IPv%d, %s, %s" %
             (_args[0], "key" if _args[1] else "no key", _args[2] or "clear"), lambda a=_args: mtu(*a))


@case("`ip mtu` holds, `path-mtu-discovery` takes DF outside, df-bit clear lets the outer packet be cut")
def mtu_options():
    site = GreSite("options", tunnel="mtu 1400")
    warm(site)
    done = site.left.run("ping", "-c1", "-W1", "-M", "do", "-s", "1450", "10.2.0.2", check=False)
    check("mtu = 1400" in done.stdout + done.stderr or "mtu=1400" in done.stdout + done.stderr, done.stdout + done.stderr)
    for options, want in (("", 0), ("pmtud", 2)):
        site.a.ctl(site.tunnel_line(options))
        wire = site.listen(site.peer, 1.2)
        site.left.run("ping", "-c1", "-W1", "-M", "do", "-s", "100", "10.2.0.2", check=False)
        check_equal([int(p.flags) for p in site.opened(site.collected(wire)) if ICMP in p], [want], "DF outside with %r" % options)
    site.a.ctl(site.tunnel_line("df clear"))
    site.left.run("ip", "route", "flush", "cache", check=False)
    wire = site.listen(site.peer, 1.5)
    site.left.run("ping", "-c1", "-W1", "-M", "do", "-s", "1472", "10.2.0.2", check=False)
    frames = [Ether(f).payload for f in site.collected(wire)]
    cut = [p for p in frames if isinstance(p, IP) and p.proto == 47 and (p.flags.MF or p.frag)]
    check_equal(len(cut), 2, "fragments outside: %s" % site.a.drops())


@case("fragments: of the GRE packet in clear, of the ESP packet, and inside an SA, are put together")
def fragments():
    for protect in ("", "tunnel", "transport"):
        site = GreSite("frag", protect=protect)
        warm(site)
        big = site.gre(echo(4, 5, 1300))
        outer = site.sealed(big)
        got = [p for p in site.opened(site.exchange(fragment(IP(bytes(outer)), 600))) if is_reply(p)]
        check_equal(len(got), 1, "replies to a fragmented outer packet: %s" % site.a.drops())
        if protect == "tunnel":  # the peer cut GRE before ESP
            pieces = fragment(IP(bytes(site.gre(echo(4, 6, 1300)))), 600)
            got = [p for p in site.opened(site.exchange([site.sealed(p) for p in pieces])) if is_reply(p)]
            check_equal(len(got), 1, "replies to GRE that was cut before ESP: %s" % site.a.drops())
        site.close()


@case("TCP MSS: SYNs are clamped on their way out of and into the tunnel, and on a port; nothing else is")
def mss():
    site = GreSite("mss", protect="transport", tunnel="mss 1360 mss6 1280")
    warm(site)
    options = [("NOP", None), ("MSS", 1460), ("SAckOK", b"")]
    for ip, src, dst, want in ((IP, "10.1.0.2", "10.2.0.2", 1360), (IPv6, "fd00:1::2", "fd00:2::2", 1280)):
        # Out: frames of the left host's wire; a run of them takes the short way, too.
        wire = site.listen(site.peer, 1.5)
        syns = [ip(src=src, dst=dst) / TCP(sport=1000 + n, dport=80, flags="S", options=options) for n in range(6)]
        syns.append(ip(src=src, dst=dst) / TCP(sport=2000, dport=80, flags="S", options=[("MSS", 536)]))
        syns.append(ip(src=src, dst=dst) / TCP(sport=2001, dport=80, flags="A", options=options))
        site.exchange(syns, 0.2, ns=site.left)
        got = [p[TCP] for p in site.opened(site.collected(wire)) if TCP in p]
        check_equal([dict(t.options)["MSS"] for t in got], [want] * 6 + [536, 1460], "MSS out")
        for p in got:
            inner = p.underlayer
            right = inner.copy()
            del right[TCP].chksum
            check_equal(p.chksum, inner.__class__(bytes(right))[TCP].chksum, "TCP checksum")
        # In.
        wire = site.listen(site.left, 1.5)
        site.exchange([site.sealed(site.gre(ip(src=dst, dst=src) / TCP(sport=80, dport=9, flags="SA", options=options)))], 0.2)
        got = [Ether(f)[TCP] for f in site.collected(wire) if TCP in Ether(f)]
        check_equal([dict(t.options)["MSS"] for t in got], [want], "MSS in")
        inner = got[0].underlayer
        right = inner.copy()
        del right[TCP].chksum
        check_equal(got[0].chksum, inner.__class__(bytes(right))[TCP].chksum, "TCP checksum")
    # A port, without any tunnel, both ways.
    site.a.ctl("if-port 2 Ethernet0/1 Ethernet0/1 mss 900\nroute 0 203.0.113.0/24 via 192.0.2.2")
    wire = site.listen(site.peer, 1.5)
    site.exchange([IP(src="10.1.0.2", dst="203.0.113.1") / TCP(sport=n, dport=80, flags="S", options=options) for n in range(4)], 0.2,
                  ns=site.left)
    got = [Ether(f)[TCP] for f in site.collected(wire) if TCP in Ether(f)]
    check_equal([dict(t.options)["MSS"] for t in got], [900] * 4, "MSS out of the port")
    wire = site.listen(site.left, 1.5)
    site.exchange([IP(src="203.0.113.1", dst="10.1.0.2") / TCP(sport=80, dport=9, flags="SA", options=options)], 0.2)
    check_equal([dict(Ether(f)[TCP].options)["MSS"] for f in site.collected(wire) if TCP in Ether(f)], [900], "MSS in by the port")


# ---- two gateways -------------------------------------------------------------------------------------------------
def gre_pair(title, outer=4, protect="", key=None, vrf=False):
    """dp_site's two gateways with a GRE tunnel for Tunnel1, Loopback0 on both, routed through it."""
    site = Site(title, outer=outer)
    for gw, n, far in ((site.a, 1, 2), (site.b, 2, 1)):
        other = site.b if gw is site.a else site.a
        gw.ctl("""
            if-tunnel 10 Tunnel1 %s %s %s ttl 255 %s %s
            if-loopback 20 Loopback0
            addr 20 192.168.%d.1/32
            addr 20 fd00:c8::%d/128
            route 0 192.168.%d.1/32 dev 10
            route 0 fd00:c8::%d/128 dev 10
            """ % ("gre" if outer == 4 else "gre6", site.outer_of(gw), site.outer_of(other), "protected" if protect else "",
                   "key %d" % key if key is not None else "", n, n, far, far))
    if protect:
        site.sas(options="hosts 47" + (" transport" if protect.startswith("transport") else ""), natt=protect.endswith("natt"))
    return site


def answers(gw, *pings):
    said = gw.ctl("\n".join("ping %s" % p for p in pings))
    return len(re.findall(r"^event ping .*type (?:0|129) ", said, re.M)), said


def pair(outer, protect, key):
    site = gre_pair("gre", outer, protect, key)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    for ns, targets in ((site.left, ("10.2.0.2", "fd00:2::2")), (site.right, ("10.1.0.2", "fd00:1::2"))):
        for t in targets:
            sent, got = ping(ns, t, 5)
            check_equal(got, sent, "answers from %s: %s %s" % (t, site.a.drops(), site.b.drops()))
            ping(ns, t, 2, size=1450, wait=1)  # may bring ICMP errors, that tell both hosts the MTU
            sent, got = ping(ns, t, 3, size=1450)
            check_equal(got, sent, "long answers from %s" % t)
    for gw, far, near in ((site.a, 2, 1), (site.b, 1, 2)):
        n, said = answers(gw, "192.168.%d.1 192.168.%d.1 count 3" % (far, near), "172.16.0.%d 172.16.0.%d" % (far, near),
                          "fd00:c8::%d fd00:c8::%d" % (far, near), "fd00:ff::%d fd00:ff::%d size 1400" % (far, near),
                          "192.168.%d.1 192.168.%d.1 size 1400" % (far, near))
        check_equal(n, 7, "answers to pings of %s: %s" % (gw.short, said))
    pcap = wire.stop()
    if protect:
        check_equal(frames(pcap, "gre"), 0, "GRE in clear in the middle")
        check_equal(clear_packets(pcap), 0, "clear packets in the middle")
        sent = site.a.counters("out")["packets"]
        check_equal(site.b.counters("in")["packets"], sent, "B's inbound packets against A's outbound")
    for gw in (site.a, site.b):
        bad = {k: v for k, v in gw.drops().items() if k.startswith(("esp", "gre", "ts-", "replay", "crypto", "malformed"))}
        check(not bad, "drops on %s: %s" % (gw.short, bad))
    check_equal((site.a.stop(), site.b.stop()), (0, 0), "exit statuses")


for _outer, _protect, _key in ((4, "", None), (6, "", KEY), (4, "tunnel", None), (4, "transport", KEY), (6, "tunnel", KEY),
                               (6, "transport", KEY), (4, "transport-natt", None)):
    add_case("two gateways, GRE over IPv%d %s %s: hosts, Loopback0 and the tunnel's own addresses answer both ways" %
             (_outer, "with a key" if _key else "without key", "in ESP " + _protect if _protect else "in clear"),
             lambda o=_outer, p=_protect, k=_key: pair(o, p, k))


@case("two gateways: TCP through GRE in transport mode")
def tcp():
    site = gre_pair("tcp", protect="transport")
    ping(site.left, "10.2.0.2", 2, wait=1)
    result = iperf3(site.left, site.right, "10.2.0.2", seconds=2)
    check(result["mbits"] > 1, "iperf3: %s" % result)
    return "%.0f Mbit/s" % result["mbits"]


@case("two gateways: the tunnel's inside in a VRF, its outside in the global table")
def vrfs():
    site = gre_pair("vrf", protect="transport")
    for gw, n, far in ((site.a, 1, 2), (site.b, 2, 1)):
        other = site.b if gw is site.a else site.a
        gw.ctl("""
            if-tunnel 10 Tunnel1 gre %s %s ttl 255 protected vrf 1
            if-port 1 Ethernet0/0 Ethernet0/0 vrf 1
            addr 1 10.%d.0.1/24
            route 1 10.%d.0.0/24 dev 10
            """ % (site.outer_of(gw), site.outer_of(other), n, far))
    sent, got = ping(site.left, "10.2.0.2", 5)
    check_equal(got, sent, "answers: %s %s" % (site.a.drops(), site.b.drops()))
    check_equal(ping(site.left, "192.0.2.2", 2, interval=0.05, wait=1)[1], 0, "answers from the outer VRF")


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
