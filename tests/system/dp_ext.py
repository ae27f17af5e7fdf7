#!/usr/bin/python3
"""IPv6 extension headers with real packets: inside tunnels of both families, in front of ESP, against selectors, and for this host. scapy
is the other gateway; packets are held octet for octet."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from case import add_case, case, check, check_equal, main  # noqa: E402
from ipsec_site import ATOMIC, DEST, HBH, IP, IPv6, LONG_DEST, IpsecSite, behind, option, routing  # noqa: E402
from scapy.layers.inet import UDP  # noqa: E402

FAR, NEAR = "fd00:2::2", "fd00:1::2"
FIRST, LATER = (44, b"\0\0\0\1\0\0\0\x2b"), (44, b"\0\0\0\x48\0\0\0\x2b")
CHAINS = [[], [HBH], [DEST], [LONG_DEST], [HBH, DEST], [DEST, routing(2, 1), DEST], [routing(4, 2)], [routing(0, 0)], [ATOMIC], [FIRST],
          [LATER], [HBH, LONG_DEST, routing(3, 1), ATOMIC, DEST], [HBH, DEST, FIRST, DEST], [DEST] * 8]
PORT = 7000


def udp(src, dst, tag, port=PORT, size=64):
    data = bytes([tag]) + bytes(i * 7 & 255 for i in range(size - 1))
    return bytes((IPv6(src=src, dst=dst, hlim=64) / UDP(sport=port, dport=port) / data))


def with_chain(src, dst, tag, headers, port=PORT):
    whole = udp(src, dst, tag, port)
    return behind(whole[:40], headers, 17, whole[40:])


def hop_lowered(packet):
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - 1]) + packet[8:]
    p = IP(packet)
    p.ttl -= 1
    del p.chksum
    return bytes(p)


def all_there(want, got, what):
    missing = [i for i, p in enumerate(want) if hop_lowered(p) not in got]
    check(not missing, "%s: packets %s of %d did not come as they were sent" % (what, missing, len(want)))


def inside(outer):
    site = IpsecSite("in%d" % outer, outer)
    site.learn_neighbours()
    to_left = [with_chain(FAR, NEAR, i, c) for i, c in enumerate(CHAINS)]
    to_far = [with_chain(NEAR, FAR, i, c) for i, c in enumerate(CHAINS)]
    options = bytes(IP(src="10.2.0.2", dst="10.1.0.2", options=b"\x94\x04\0\0", ttl=64) / UDP(sport=PORT, dport=PORT) / b"four")
    back = bytes(IP(src="10.1.0.2", dst="10.2.0.2", options=b"\x94\x04\0\0", ttl=64) / UDP(sport=PORT, dport=PORT) / b"four")
    got, _ = site.inward([site.sealed(IPv6(p)) for p in to_left] + [site.sealed(IP(options))])
    all_there(to_left + [options], got, "out of the tunnel")
    got, _ = site.outward(to_far + [back])
    all_there(to_far + [back], got, "into the tunnel")
    before = site.drops("ext-headers")[0]
    bad = [[routing(0, 1)], [DEST, HBH], [DEST] * 9]
    got, _ = site.outward([with_chain(NEAR, FAR, 0, c) for c in bad])
    check_equal((got, site.drops("ext-headers")[0] - before), ([], len(bad)), "what came through of chains nobody may have, and drops")
    return "%d chains and IPv4 options each way" % len(CHAINS)


for _outer in (4, 6):
    add_case("chains inside, IPv6 in IPv%d, and IPv4 options in IPv%d: octet for octet both ways" % (_outer, _outer),
             lambda outer=_outer: inside(outer))


# ---- in front of ESP ----------------------------------------------------------------------------------------------------
def outer_with(site, headers, tag, cut=None):
    """An inner packet in ESP, the headers in front of ESP; and the inner packet."""
    inner = udp(FAR, NEAR, tag)
    sealed = bytes(site.sealed(IPv6(inner)))
    return inner, behind(sealed[:40], headers, 50, sealed[40:])


@case("ESP behind extension headers: what RFC 8200 and RFC 4303 3.1.1 allow is decrypted, whatever the order")
def in_front():
    site = IpsecSite("front", 6)
    site.learn_neighbours()
    chains = [[], [DEST], [HBH], [HBH, LONG_DEST, routing(0, 0), ATOMIC, DEST], [routing(4, 0), DEST], [option(0x1e)], [DEST] * 8]
    pairs = [outer_with(site, c, i) for i, c in enumerate(chains)]
    got, _ = site.inward([p[1] for p in pairs])
    all_there([p[0] for p in pairs], got, "decrypted")
    check_equal(site.drops("ext-headers", "ext-option", "header-chain", "malformed-ip"), (0, 0, 0, 0), "drops")


@case("ESP in fragments behind destination options: joined and decrypted; a first fragment that cuts the chain: dropped (RFC 7112)")
def in_pieces():
    site = IpsecSite("pieces", 6)
    site.learn_neighbours()
    inner, whole = outer_with(site, [DEST], 1)
    part, n = whole[48:], 64  # behind the destination options
    pieces = [behind(whole[:40], [DEST, (44, b"\0\0" + (at | (at + n < len(part))).to_bytes(2, "big") + b"\0\0\0\x51")], 50, part[at:at + n])
              for at in range(0, len(part), n)]
    got, _ = site.inward(pieces[::-1])
    all_there([inner], got, "joined")
    # The cut goes through the options that stand between the fragment header and ESP.
    inner, whole = outer_with(site, [LONG_DEST], 2)
    cut = [behind(whole[:40], [(44, b"\0\0\0\1\0\0\0\x52")], 60, whole[40:48]),
           behind(whole[:40], [(44, b"\0\0\0\x08\0\0\0\x52")], 60, whole[48:])]
    got, _ = site.inward(cut)
    check_equal(len([p for p in got if p[40:] == inner[40:]]), 0, "packets of a cut chain")
    check_equal(site.drops("header-chain")[0], 1, "drops")
    return "%d fragments" % len(pieces)


def problems(frames, own):
    """(code, pointer) of ICMPv6 parameter problems among received frames; own: their source."""
    out = []
    for f in frames:
        p = f[14:]
        if f[12:14] == b"\x86\xdd" and p[6] == 58 and p[40] == 4 and IPv6(p).src == own:
            out.append((p[41], int.from_bytes(p[44:48], "big")))
    return sorted(out)


@case("for this host: options and routing headers that it must not pass over are answered as RFC 8200 4.2 and 4.4 say, ESP or not")
def for_us():
    site = IpsecSite("here", 6)
    site.learn_neighbours()
    chains = [([option(0x3e)], None), ([option(0x45)], ()), ([option(0x85)], (2, 42)), ([DEST, option(0xc9)], (2, 50)),
              ([routing(4, 1)], (0, 42)), ([DEST, routing(2, 3)], (0, 50))]
    packets, want = [], []
    for i, (c, answer) in enumerate(chains):
        packets.append(outer_with(site, c, i)[1])
        if answer:
            want.append(answer)
    got, back = site.inward(packets)
    check_equal(len([p for p in got if p[6] == 17]), 1, "decrypted")
    check_equal(problems(back, "2001:db8::1"), sorted(want), "parameter problems")
    check_equal(site.drops("ext-option")[0], len(chains) - 1, "drops")
    # An echo behind options is answered; an unknown upper layer points at the field that names it (RFC 4443 3.4).
    echo = bytes(IPv6(src="2001:db8::2", dst="2001:db8::1") / UDP())[:40]
    from scapy.layers.inet6 import ICMPv6EchoRequest
    ping = bytes(IPv6(src="2001:db8::2", dst="2001:db8::1") / ICMPv6EchoRequest(id=9, seq=1, data=b"x" * 32))
    _, back = site.inward([behind(ping[:40], [HBH, LONG_DEST], 58, ping[40:]), behind(echo, [HBH, DEST], 253, b"nobody's")])
    replies = [f for f in back if f[12:14] == b"\x86\xdd" and f[14 + 6] == 58 and f[14 + 40] == 129]
    check_equal(len(replies), 1, "echo replies")
    check_equal(problems(back, "2001:db8::1"), [(1, 48)], "parameter problem about protocol 253")


@case("a type 0 routing header with segments left, and hop-by-hop options that are not the first: answered where this host is the destination (RFC 8200 4, RFC 5095 3), and nowhere else")
def refused():
    site = IpsecSite("refused", 6)
    site.learn_neighbours()
    own, other, peer = "2001:db8::1", "2001:db8::77", "2001:db8::2"
    ping = bytes(IPv6(src=peer, dst=own) / UDP(sport=PORT, dport=PORT) / b"x")
    error = bytes(IPv6(src=peer, dst=own) / UDP())[:40]
    rows = [([routing(0, 1)], (0, 42)), ([DEST, routing(0, 2)], (0, 50)), ([DEST, HBH], (1, 40)), ([routing(0, 0), DEST, HBH], (1, 64)),
            ([option(0x85), routing(0, 1)], (2, 42)), ([DEST] * 9, None)]
    packets, want = [], []
    for headers, answer in rows:
        packets.append(behind(ping[:40], headers, 17, ping[40:]))
        if answer:
            want.append(answer)
    # About an error, to another host, and from no host nothing is said.
    packets.append(behind(error, [routing(0, 1)], 58, b"\1\0\0\0\0\0\0\0" + ping))
    packets.append(behind(bytes(IPv6(src=peer, dst=other))[:40], [routing(0, 1)], 17, ping[40:]))
    packets.append(behind(bytes(IPv6(src="::", dst=own))[:40], [routing(0, 1)], 17, ping[40:]))
    before = site.drops("ext-headers")[0]
    _, back = site.inward(packets)
    check_equal(problems(back, own), sorted(want), "parameter problems")
    check_equal(site.drops("ext-headers")[0] - before, len(packets), "drops")


@case("fragments that cannot be are answered (RFC 8200 4.5, RFC 7112 5), the next header 59 is not (RFC 8200 4.7)")
def wrong():
    site = IpsecSite("wrong", 6)
    site.learn_neighbours()
    own, other, peer = "2001:db8::1", "2001:db8::77", "2001:db8::2"
    head, elsewhere = bytes(IPv6(src=peer, dst=own))[:40], bytes(IPv6(src=peer, dst=other))[:40]

    def cut(at, more, ident):
        return (44, b"\0\0" + (at | more).to_bytes(2, "big") + bytes([0, 0, 1, ident]))
    rows = [([cut(0, 1, 1)], 17, bytes(101), (0, 4)), ([cut(65528, 0, 2)], 17, bytes(100), (0, 42)), ([DEST, cut(65528, 0, 3)], 17, bytes(9), (0, 50)),
            ([cut(0, 1, 4)], 6, bytes(16), (3, 0)), ([cut(0, 1, 5)], 60, bytes([17, 9]) + bytes(14), (3, 0)), ([cut(800, 1, 6)], 58, bytes(101), None),
            ([], 59, b"", None), ([HBH, DEST], 59, b"behind", None)]
    packets = [behind(head, headers, proto, data) for headers, proto, data, _ in rows]
    packets.append(behind(elsewhere, [cut(0, 1, 7)], 6, bytes(16)))
    before = site.drops("fragment", "header-chain", "not-local-service")
    _, back = site.inward(packets)
    check_equal(problems(back, own), sorted(r[3] for r in rows if r[3]), "parameter problems")
    after = site.drops("fragment", "header-chain", "not-local-service")
    check_equal([b - a for a, b in zip(before, after)], [4, 3, 2], "drops")


# ---- selectors ------------------------------------------------------------------------------------------------------------
@case("port selectors look behind the chain; what hides its ports matches OPAQUE alone (RFC 4301 4.4.1.1)")
def selectors():
    site = IpsecSite("ports", 6, "ts fd00:1::/64 fd00:2::/64 upper 17 7000 7001")
    site.learn_neighbours()
    good = [with_chain(FAR, NEAR, i, c) for i, c in enumerate(CHAINS) if LATER not in c]
    bad = [with_chain(FAR, NEAR, i, c, 7002) for i, c in enumerate(CHAINS)] + [with_chain(FAR, NEAR, 99, [LATER])]
    got, _ = site.inward([site.sealed(IPv6(p)) for p in good])
    all_there(good, got, "packets of port 7000")
    before = site.drops("ts-in")[0]
    got, _ = site.inward([site.sealed(IPv6(p)) for p in bad])
    check_equal(len([p for p in got if p[6] != 58]), 0, "what came of other ports")
    check_equal(site.drops("ts-in")[0] - before, len(bad), "drops")
    out_good = [with_chain(NEAR, FAR, i, c) for i, c in enumerate(CHAINS) if LATER not in c]
    before = site.drops("ts-out")[0]
    got, _ = site.outward(out_good + [with_chain(NEAR, FAR, 0, c, 7002) for c in CHAINS])
    check_equal(sorted(p for p in got if p[6] != 58), sorted(hop_lowered(p) for p in out_good), "into the tunnel")
    check_equal(site.drops("ts-out")[0] - before, len(CHAINS), "outbound drops")
    # OPAQUE: an SA for what shows no ports.
    site.a.ctl("sa-del in 1 %#x\nsa-del out 1 %#x" % (site.sa_in.spi, site.sa_out.spi))
    site.sas("ts fd00:1::/64 fd00:2::/64 upper 17 65535 0", slot=2)
    later = with_chain(FAR, NEAR, 7, [DEST, LATER])
    before = site.drops("ts-in")[0]
    got, _ = site.inward([site.sealed(IPv6(p)) for p in (later, with_chain(FAR, NEAR, 8, [DEST]))])
    all_there([later], got, "a later fragment by OPAQUE")
    check_equal(site.drops("ts-in")[0] - before, 1, "one whose ports are seen")


if __name__ == "__main__":
    main(needs_culvert=False, needs_strongswan=False)
