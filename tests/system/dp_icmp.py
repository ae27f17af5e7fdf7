#!/usr/bin/python3
"""ICMP errors and IPsec (RFC 4301 6; docs/icmp.md): which pass through an SA, by which they leave, from which address, and how many.
scapy is the other gateway; the left host's kernel and this test make the errors."""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import add_case, case, check, check_equal, main  # noqa: E402
from ipsec_site import IP, IPv6, IpsecSite, Raw  # noqa: E402
from scapy.layers.inet import ICMP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6PacketTooBig, ICMPv6TimeExceeded  # noqa: E402
from scapy.layers.ipsec import ESP  # noqa: E402

FAR = {4: "10.2.0.2", 6: "fd00:2::2"}
NEAR = {4: "10.1.0.2", 6: "fd00:1::2"}
ROUTER = {4: "10.2.0.77", 6: "fd00:2::77"}  # of the far side, outside the selectors
HOSTS = {4: "ts 10.1.0.2/32 10.2.0.2/32 upper 17 7000 7000", 6: "ts fd00:1::2/128 fd00:2::2/128 upper 17 7000 7000"}


def ip(family, src, dst, **fields):
    return IP(src=src, dst=dst, **fields) if family == 4 else IPv6(src=src, dst=dst, **fields)


def sent(family, dport=7000, src=None, dst=None, upper=None):
    """What the left host would have sent: its beginning is quoted."""
    return bytes(ip(family, src or NEAR[family], dst or FAR[family]) / (upper or UDP(sport=5000, dport=dport)) / Raw(b"q" * 40))


def error(family, quote, src=None, dst=None, kind=None):
    head = ip(family, src or ROUTER[family], dst or NEAR[family])
    if family == 4:
        return head / (kind or ICMP(type=3, code=1)) / Raw(quote)
    return head / (kind or ICMPv6DestUnreach(code=3)) / Raw(quote)


def is_icmp(p, family):
    return p[0] >> 4 == family and (p[9] if family == 4 else p[6]) == (1 if family == 4 else 58)


def errors_from(packets, family, src):
    return [p for p in packets if is_icmp(p, family) and ip_of(p).src == src]


def ip_of(p):
    return IP(p) if p[0] >> 4 == 4 else IPv6(p)


def inbound(family, outer):
    """An SA for one UDP flow between two hosts."""
    site = IpsecSite("err%d%d" % (family, outer), outer, HOSTS[family])
    site.learn_neighbours()
    exceeded = ICMP(type=11) if family == 4 else ICMPv6TimeExceeded()
    good = [error(family, sent(family)), error(family, sent(family), kind=exceeded), error(family, sent(family), src=FAR[family]),
            error(family, sent(family)[:28 if family == 4 else 48])]
    bad = [error(family, sent(family, 7001)),                       # another flow of the same hosts
           error(family, sent(family, dst=ROUTER[family])),          # another far host
           error(family, sent(family), dst=("10.1.0.1" if family == 4 else "fd00:1::1")),  # not to who sent it
           error(family, sent(family, src=FAR[family], dst=NEAR[family])),  # not the other way round
           error(family, sent(family, upper=TCP(sport=5000, dport=7000))),
           error(family, sent(family)[:20]),                          # cut short
           error(family, b"")]
    if family == 4:
        bad.append(error(4, sent(4), kind=ICMP(type=5, code=1, gw="10.1.0.9")))  # no error: a redirect
        bad.append(error(4, sent(4), kind=ICMP(type=8)))
    else:
        bad.append(error(6, sent(6), kind=ICMPv6DestUnreach(type=137)))
        bad.append(error(6, sent(6), kind=ICMPv6DestUnreach(type=128)))
    got, _ = site.inward([site.sealed(p) for p in good])
    check_equal(len(errors_from(got, family, ROUTER[family])), len(good) - 1, "errors of the router")
    check_equal(len(errors_from(got, family, FAR[family])), 1, "errors of the far host")
    before = site.drops("ts-in")[0]
    got, _ = site.inward([site.sealed(p) for p in bad])
    check_equal(errors_from(got, family, ROUTER[family]), [], "errors about what the SA does not carry")
    check_equal(site.drops("ts-in")[0] - before, len(bad), "drops")


def outbound(family, outer):
    """The same SA: what leaves by it though its selectors name UDP alone."""
    site = IpsecSite("out%d%d" % (family, outer), outer, HOSTS[family])
    site.learn_neighbours()
    # The left host has nothing on port 5000: its kernel says so, to the far host.
    ears = site.listen(site.peer, 1.4)
    site.exchange([site.sealed(ip(family, FAR[family], NEAR[family]) / UDP(sport=7000, dport=5000) / Raw(b"x" * 32))], 0.8)
    said = [bytes(site.sa_out.decrypt(p)) for p in outer_esp(site, ears)]
    check_equal([ip_of(p).src for p in said if is_icmp(p, family)], [NEAR[family]], "the host's error, by the SA")
    # A router inside, and errors about what the SA never brought.
    inside = "10.1.0.88" if family == 4 else "fd00:1::88"
    quote = bytes(ip(family, FAR[family], NEAR[family]) / UDP(sport=7000, dport=5000) / Raw(b"x" * 32))
    other = bytes(ip(family, FAR[family], NEAR[family]) / UDP(sport=7001, dport=5000) / Raw(b"x" * 32))
    before = site.drops("ts-out")[0]
    got, _ = site.outward([bytes(error(family, q, src=inside, dst=FAR[family])) for q in (quote, other, other[:24])])
    check_equal([ip_of(p).src for p in got], [inside], "errors of a router inside")
    check_equal(site.drops("ts-out")[0] - before, 2, "drops")


def outer_esp(site, ears):
    from gre_site import ESP, Ether
    found = []
    for frame in site.collected(ears):
        p = Ether(frame).payload
        if ESP in p and p[ESP].spi == site.sa_out.spi:
            found.append(p)
    return found


for _family, _outer in ((4, 4), (6, 6), (4, 6), (6, 4)):
    add_case("RFC 4301 6.2, inbound: an error passes when the answer to what it quotes would; IPv%d in IPv%d" % (_family, _outer),
             lambda f=_family, o=_outer: inbound(f, o))
    add_case("RFC 4301 6.2, outbound: an error takes the SA of the return traffic; IPv%d in IPv%d" % (_family, _outer),
             lambda f=_family, o=_outer: outbound(f, o))


@case("RFC 1122 3.2.1.3, RFC 4443 2.2: an error of ours about a packet to us comes from the address that was asked, as long as it may be")
def source():
    site = IpsecSite("src")
    site.learn_neighbours()
    site.a.ctl("addr 2 192.0.2.9/24\naddr 2 2001:db8::9/64")
    for family, target, least, most in ((4, "192.0.2.9", 20, 576), (6, "2001:db8::9", 40, 1280)):
        peer = "192.0.2.2" if family == 4 else "2001:db8::2"
        packets = [bytes(ip(family, peer, target) / UDP(sport=9, dport=9) / Raw(b"y" * n)) for n in (8, 1300)]
        _, back = site.inward(packets)
        said = sorted((f[14:] for f in back if f[12:14] == (b"\x08\x00" if family == 4 else b"\x86\xdd") and is_icmp(f[14:], family)
                       and f[14:][least] in (3, 1)), key=len)
        check_equal([ip_of(p).src for p in said], [target] * 2, "sources of IPv%d's errors" % family)
        check(len(said[0]) == least + 8 + len(packets[0]) and len(said[1]) == most, "lengths %s" % [len(p) for p in said])
        check_equal(said[1][least + 8:], packets[1][:most - least - 8], "what is quoted")


def echoes(site, family):
    """Answers to three echoes to A, in clear and by the SA."""
    outside, peer, inside = ("192.0.2.1", "192.0.2.2", "10.1.0.1") if family == 4 else ("2001:db8::1", "2001:db8::2", "fd00:1::1")
    asked = [ip(family, src, dst) / (ICMP(id=5, seq=n) if family == 4 else ICMPv6EchoRequest(id=5, seq=n)) / Raw(b"e" * 24)
             for src, dst in ((peer, outside), (FAR[family], inside)) for n in range(3)]
    _, back = site.inward([bytes(p) for p in asked[:3]] + [site.sealed(p) for p in asked[3:]])
    clear = [f[14:] for f in back if f[12:14] in (b"\x08\x00", b"\x86\xdd")]
    opened = [bytes(site.sa_out.decrypt(p)) for p in map(ip_of, clear) if ESP in p and p[ESP].spi == site.sa_out.spi]
    at, kind = (20, 0) if family == 4 else (40, 129)
    return tuple(sum(is_icmp(p, family) and p[at] == kind for p in packets) for packets in (clear, opened))


def refused(family):
    site = IpsecSite("refuse%d" % family)
    site.learn_neighbours()
    echo, big = (8, 3) if family == 4 else (128, 2)
    outside, peer = ("192.0.2.1", "192.0.2.2") if family == 4 else ("2001:db8::1", "2001:db8::2")
    kind = ICMP(type=3, code=4, nexthopmtu=1300) if family == 4 else ICMPv6PacketTooBig(mtu=1300)
    ours = bytes(ip(family, outside, peer, **({"flags": "DF"} if family == 4 else {})) / ESP(spi=77, seq=1, data=b"z" * 1380))
    unproven = bytes(error(family, ours, src=peer, dst=outside, kind=kind))
    names = "icmp-unproven", "icmp-refused"
    was = site.drops(*names)
    check_equal(echoes(site, family), (3, 3), "answers by default")
    site.inward([unproven])
    check_equal([n - w for n, w in zip(site.drops(*names), was)], [1, 0], "by default: %s" % (names,))
    site.a.ctl("icmp unprotected %d %d unprotected %d 136 protected %d 1" % (family, echo, family, family))
    check_equal(echoes(site, family), (0, 3), "answers, echoes in clear refused")
    check_equal([n - w for n, w in zip(site.drops(*names), was)], [1, 3], "echoes refused in clear: %s" % (names,))
    site.a.ctl("icmp unprotected %d %d" % (family, big))  # afterwards: the peer's kernel says a few of these about ESP
    site.inward([unproven])
    check_equal([n - w for n, w in zip(site.drops(*names), was)], [1, 4], "path MTU refused in clear: %s" % (names,))
    site.a.ctl("icmp protected %d %d unprotected %d %d" % (family, echo, 10 - family, echo))
    check_equal(echoes(site, family), (3, 0), "answers, echoes of the SA refused, and in clear of the other family")
    site.inward([unproven])
    check_equal([n - w for n, w in zip(site.drops(*names), was)], [2, 7], "refused of the SA: %s" % (names,))


for _family in (4, 6):
    add_case("RFC 4301 6.1.1, 6.1.2: ICMP types that the administrator refuses on either side, IPv%d" % _family, lambda f=_family: refused(f))


def unreachable(ns):
    """What the kernel there has counted, whoever listens or not."""
    rows = [line.split() for line in ns.run("cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Icmp:")]
    return int(dict(zip(rows[0], rows[1]))["InDestUnreachs"])


@case("errors of ours are limited, and a flood of reasons costs the tunnel nothing")
def limited():
    site = IpsecSite("flood")
    site.learn_neighbours()
    packets = [bytes(ip(4, "192.0.2.2", "192.0.2.1") / UDP(sport=9, dport=9 + i % 50) / Raw(b"z")) for i in range(2000)]
    before, started = unreachable(site.peer), time.monotonic()
    site.exchange(packets, 0.5)
    spent = time.monotonic() - started
    said = unreachable(site.peer) - before
    check(100 <= said <= 100 + 200 * (spent + 0.5), "%d errors in %.1f s" % (said, spent))
    check(said < len(packets), "%d errors about as many packets" % said)
    got, _ = site.inward([site.sealed(ip(4, FAR[4], NEAR[4]) / UDP(sport=1, dport=5) / Raw(b"still here"))])
    check_equal(len([p for p in got if b"still here" in p and p[9] == 17]), 1, "packets by the tunnel")
    return "%d errors about %d packets in %.1f s" % (said, len(packets), spent)


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
