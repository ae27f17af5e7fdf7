#!/usr/bin/python3
"""AH (RFC 4302) against scapy, which has no code in common with the data plane: scapy verifies what the data plane
sends, and the data plane what scapy signs, for every HMAC, both families, tunnel and transport mode, with and without ESN
over a roll-over of the low half. Packets are drawn from a seed: IPv4 options and IPv6 extension headers in front of AH,
and on the way everything that routers may change is changed, routes of routing headers and source routes gone to their end.
Then what a hostile sender does: every octet under the ICV, lengths, replays, truncation.

Usage: test_ah_scapy.py [PATH-TO-esp_tool [SEED [PACKETS]]]   (default: build/tests/system/esp_tool, 1, 40 of each kind)"""
import random
import socket
import struct
import sys

from scapy_tool import ADDR, ESN, INTEG, INTEG_KEY as KEY, SPI, Tool, closed, path as tool_path, skip, told

try:
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.ipsec import AH, IPSecIntegrityError, SecurityAssociation
except ImportError as e:
    skip("ah_scapy", e)

AH_PROTO = 51
ALGS = [a for a in INTEG if a[0] != "md5"]
HBH, ROUTING, FRAGMENT, DEST = 0, 43, 44, 60


def checksum(head):
    s = sum(struct.unpack("!%dH" % (len(head) // 2), head))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def octets(rng, n):
    return bytes(rng.randrange(256) for _ in range(n))


# ---- packets -------------------------------------------------------------------------------------------------
def draw_options4(rng):
    """IPv4 options by the classes of RFC 4302 appendix A1, source routes at their end."""
    out = b""
    for _ in range(rng.randrange(4)):
        kind = rng.choice((1, 130, 133, 134, 148, 149, 7, 68, 131, 137, 82, 136, 11, 12, 153, 94, 205))
        if kind == 1:
            option = b"\x01"
        elif kind in (131, 137, 7):
            n = 3 + 4 * rng.randrange(1, 3)
            option = bytes((kind, n, n + 1)) + octets(rng, n - 3)
        elif kind == 130:
            option = bytes((kind, 11)) + octets(rng, 9)
        elif kind in (148, 11, 12, 136):
            option = bytes((kind, 4)) + octets(rng, 2)
        elif kind == 68:  # one timestamp without an address
            option = bytes((kind, 8, 9, 0)) + octets(rng, 4)
        elif kind == 82:
            option = bytes((kind, 12)) + octets(rng, 10)
        else:
            n = 4 * rng.randrange(1, 3) + 2
            option = bytes((kind, n)) + octets(rng, n - 2)
        if len(out) + len(option) <= 40:
            out += option
    fill = -len(out) % 4  # scapy cannot sign what stands behind the end of the list
    return out + (b"\1" * (fill - 1) + b"\0" if fill else b"")


def draw_tlvs(rng):
    """Options of IPv6 that fill whole units of 8 octets behind the 2 octets of their header."""
    out = b""
    for _ in range(rng.randrange(3)):
        kind = rng.choice((0x1E, 0x3E, 0x5E, 0x7E, 0x9E, 0xBE, 0xDE, 0xFE, 0x23, 0))
        out += b"\0" if kind == 0 else bytes((kind, 5)) + octets(rng, 5)
    pad = -(len(out) + 2) % 8
    return out + (b"" if pad == 0 else b"\0" if pad == 1 else bytes((1, pad - 2)) + bytes(pad - 2))


def ext(kind, body, following):
    return (kind, body, following)


def draw_chain(rng, last, hop=None):
    """Extension headers as (type, octets without next header): in front of `last`."""
    chain = []
    if rng.random() < 0.5:
        chain.append((HBH, draw_tlvs(rng)))
    if hop is not None and rng.random() < 0.5:
        if rng.random() < 0.5:
            chain.append((DEST, draw_tlvs(rng)))
        chain.append((ROUTING, bytes((0, 0)) + bytes(4) + hop))  # type 0, no segments left
    return chain


def build_chain(chain, last):
    """(first next header, octets)"""
    kinds = [k for k, _ in chain] + [last]
    out = b""
    for i, (kind, body) in enumerate(chain):
        total = 2 + len(body)
        assert total % 8 == 0, (kind, len(body))
        out += bytes((kinds[i + 1], total // 8 - 1)) + body
    return kinds[0], out


def packet(rng, family, src, dst, front=False, hop=False, ecn=True):
    """A whole IP packet; front: with options or extension headers."""
    data = octets(rng, rng.choice((0, 1, 2, 3, 7, 8, 29, 63, 64, 65, 127, 500, 1371)))
    proto = rng.choice((47, 99, 253)) if len(data) > 3 else 99
    if proto == 47:
        data = b"\0\0\x88\xbe" + data  # a protocol that scapy leaves as it is
    tos = rng.randrange(256) & (255 if ecn else 252)
    if family == 4:
        options = draw_options4(rng) if front else b""
        head = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, tos, 20 + len(options) + len(data),
                                     rng.randrange(65536), rng.choice((0, 0x4000)), rng.randrange(2, 256), proto, 0,
                                     bytes(map(int, src.split("."))), bytes(map(int, dst.split("."))))) + options
        head[10:12] = struct.pack("!H", checksum(bytes(head)))
        return bytes(head) + data
    a, b = socket.inet_pton(socket.AF_INET6, src), socket.inet_pton(socket.AF_INET6, dst)
    chain = draw_chain(rng, proto, octets(rng, 16) if hop else None) if front else []
    first, exts = build_chain(chain, proto)
    return struct.pack("!IHBB", 6 << 28 | tos << 20 | rng.randrange(1 << 20), len(exts) + len(data), first,
                       rng.randrange(2, 256)) + a + b + exts + data


def layer(data):
    return IP(data) if data[0] >> 4 == 4 else IPv6(data)


def ah_at(pkt):
    """Where AH stands."""
    if pkt[0] >> 4 == 4:
        return (pkt[0] & 15) * 4
    at, kind = 40, pkt[6]
    while kind != AH_PROTO:
        kind, at = pkt[at], at + (pkt[at + 1] + 1) * 8
    return at


def travelled(rng, pkt, tunnel):
    """What routers may change, changed (RFC 4302 3.3.3.1.1.1, 3.3.3.1.2.1): the ECN field is left where it would change the inner one."""
    p = bytearray(pkt)
    tos = rng.randrange(256) & 252
    if p[0] >> 4 == 4:
        p[1] = tos | (p[1] & 3 if tunnel else rng.randrange(4))
        p[6] = rng.choice((0, 0x40))
        p[8] = rng.randrange(1, 256)
        at, end = 20, (p[0] & 15) * 4
        while at < end and p[at] != 0:
            n = 1 if p[at] == 1 else p[at + 1]
            if p[at] in (7, 131, 137):  # recorded on the way
                p[at + 3:at + n] = octets(rng, n - 3)
            elif p[at] in (68, 82, 136, 11, 12):
                p[at + 4:at + n] = octets(rng, n - 4)
            at += n
        p[10:12] = b"\0\0"
        p[10:12] = struct.pack("!H", checksum(bytes(p[:end])))
        return bytes(p)
    if not tunnel:
        tos |= rng.randrange(4)
    p[0:4] = struct.pack("!I", 6 << 28 | tos << 20 | rng.randrange(1 << 20))
    p[7] = rng.randrange(1, 256)
    at, kind = 40, p[6]
    while kind in (HBH, DEST, ROUTING):
        end = at + (p[at + 1] + 1) * 8
        o = at + 2
        while kind != ROUTING and o < end:
            n = 1 if p[o] == 0 else 2 + p[o + 1]
            if p[o] & 0x20 and p[o] != 0:
                p[o + 2:o + n] = octets(rng, n - 2)
            o += n
        kind, at = p[at], end
    return bytes(p)


def without_ah(pkt):
    """The packet of transport mode as it was before AH."""
    at = ah_at(pkt)
    n = (pkt[at + 1] + 2) * 4
    p = bytearray(pkt[:at] + pkt[at + n:])
    if p[0] >> 4 == 4:
        p[9] = pkt[at]
        p[2:4] = struct.pack("!H", len(p))
        p[10:12] = b"\0\0"
        p[10:12] = struct.pack("!H", checksum(bytes(p[:at])))
        return bytes(p)
    field, here = 6, 40
    while here < at:
        field, here = here, here + (p[here + 1] + 1) * 8
    p[field] = pkt[at]
    p[4:6] = struct.pack("!H", len(p) - 40)
    return bytes(p)


def with_fragment_header(pkt):
    """An atomic fragment header behind the headers that routers look at (RFC 8200 4.1)."""
    field, at = 6, 40
    while pkt[field] in (HBH, ROUTING) or (pkt[field] == DEST and pkt[at] == ROUTING):
        field, at = at, at + (pkt[at + 1] + 1) * 8
    p = bytearray(pkt[:at] + bytes((pkt[field], 0, 0, 0)) + b"abcd" + pkt[at:])
    p[4:6] = struct.pack("!H", len(p) - 40)
    p[field] = FRAGMENT
    return bytes(p)


# ---- one transform, family, mode ---------------------------------------------------------------------------------
class Case:
    def __init__(self, tool, rng, alg, family, mode, flags):
        self.tool, self.rng, self.alg, self.family, self.mode, self.flags = tool, rng, alg, family, mode, flags
        self.seq = 0x1FFFFFFF0 if flags & ESN else 41

    def open(self):
        args = "proto=51 encr=11 integ=%d ikey=%s flags=%d spi=%x seq=%d mode=%d df=0" % (
            self.alg[1], KEY[:self.alg[2]].hex(), self.flags, SPI, self.seq, self.mode)
        self.tool.sas(self.family, args)

    def scapy(self, hi, header=None):
        return SecurityAssociation(AH, spi=SPI, auth_algo=self.alg[4], auth_key=KEY[:self.alg[2]], tunnel_header=header,
                                   esn_en=bool(self.flags & ESN), esn=hi)

    def draw(self):
        """What goes into the SA. scapy orders routes of routing headers when it signs, so those are for sending only."""
        if self.mode == 1:
            return packet(self.rng, self.family, *ADDR[self.family], front=True)
        if self.rng.random() < 0.5:
            return packet(self.rng, 4, "10.1.0.1", "10.2.0.2", ecn=False)
        return packet(self.rng, 6, "fd01::1", "fd02::2", ecn=False)

    def sent(self, number):
        """The data plane signs, routers change, scapy verifies."""
        own = self.mode == 1 and self.family == 6 and self.rng.random() < 0.5
        inner = packet(self.rng, 6, *ADDR[6], front=True, hop=True) if own else self.draw()
        outer = bytes.fromhex(self.tool.ask("encap " + inner.hex()))
        at = ah_at(outer)
        assert struct.unpack("!II", outer[at + 4:at + 12]) == (SPI, number & 0xFFFFFFFF), "SPI and sequence number"
        assert (outer[at + 1] + 2) * 4 % (4 if self.family == 4 else 8) == 0 and outer[at + 2:at + 4] == b"\0\0"
        changed = travelled(self.rng, outer, self.mode == 0)
        assert self.mode == 0 or without_ah(outer) == inner, "transport mode changes nothing but what it must"
        header = None if self.mode else layer(outer[:at])
        got = bytes(self.scapy(number >> 32, header).decrypt(layer(changed)))
        want = without_ah(changed) if self.mode else inner
        assert got == want, "scapy got %s, not %s" % (got.hex(), want.hex())

    def tunnel_header(self, inner):
        a, b = ADDR[self.family]
        head = packet(self.rng, self.family, a, b, front=True, ecn=False)
        if self.family == 4:
            return IP(head[:(head[0] & 15) * 4])
        chain = draw_chain(self.rng, AH_PROTO)
        first, exts = build_chain(chain, 4 if inner[0] >> 4 == 4 else 41)
        return IPv6(head[:4] + struct.pack("!HB", len(exts), first) + head[7:40] + exts)

    def signed(self, number):
        inner = self.draw()
        sa = self.scapy(number >> 32, None if self.mode else self.tunnel_header(inner))
        sa.seq_num = number & 0xFFFFFFFF
        return inner, travelled(self.rng, bytes(sa.encrypt(layer(inner))), self.mode == 0)

    def received(self, number):
        """scapy signs, routers change, the data plane verifies."""
        inner, outer = self.signed(number)
        want = without_ah(outer) if self.mode else inner
        if self.family == 6 and self.rng.random() < 0.2:
            outer = with_fragment_header(outer)
        got = self.tool.ask("decap " + outer.hex())
        assert got == want.hex(), "sequence number %#x: %s, not %s, of %s" % (number, got, want.hex(), outer.hex())
        assert self.tool.ask("decap " + outer.hex()) == "drop replay-dup"

    def routed(self, number):
        """A routing header with a way to go when it is signed, gone when it arrives."""
        a, b = (socket.inet_pton(socket.AF_INET6, x) for x in ADDR[6])
        hop, data = octets(self.rng, 16), b"data"
        first, exts = build_chain([(ROUTING, bytes((0, 1)) + bytes(4) + b)], 99)
        before = struct.pack("!IHBB", 6 << 28, len(exts) + len(data), first, 9) + a + hop + exts + data
        sa = self.scapy(number >> 32)
        sa.seq_num = number & 0xFFFFFFFF
        p = bytearray(bytes(sa.encrypt(IPv6(before))))
        self.refused(p, ("wrong-peer", "ext-headers"), "to the hop")
        p[24:40], p[48:64] = b, hop
        self.refused(p, ("malformed-ip", "ext-headers"), "a segment left")
        p[43] = 0
        assert self.tool.ask("decap " + bytes(p).hex()) == without_ah(bytes(p)).hex()

    # ---- hostile ------------------------------------------------------------------------------------------------
    def resized(self, pkt, total):
        """Cut or filled to `total` octets, the IP length right."""
        p = bytearray(pkt[:total] + bytes(max(0, total - len(pkt))))
        if p[0] >> 4 == 4:
            p[2:4] = struct.pack("!H", total)
            p[10:12] = b"\0\0"
            p[10:12] = struct.pack("!H", checksum(bytes(p[:(p[0] & 15) * 4])))
        else:
            p[4:6] = struct.pack("!H", total - 40)
        return bytes(p)

    def refused(self, pkt, reasons, what):
        got = self.tool.ask("decap " + bytes(pkt).hex())
        assert got in ["drop " + r for r in reasons], "%s: %s" % (what, got[:60])

    def hostile(self, number):
        _, good = self.signed(number)
        at = ah_at(good)
        n = (good[at + 1] + 2) * 4
        for i in list(range(at, len(good)))[:200] + ([12, 13, 14, 15] if self.family == 4 else list(range(8, 24))):
            p = bytearray(good)
            p[i] ^= 1 << self.rng.randrange(8)
            if i < at:
                p = bytearray(self.resized(p, len(p)))  # the checksum
            reasons = ("ah-header",) if i == at + 1 else ("ah-auth", "replay-old", "replay-dup") if at + 8 <= i < at + 12 else \
                ("ah-auth", "malformed-ip")
            if at + 8 <= i < at + 12 and self.flags & ESN == 0 and p[at + 8:at + 12] == b"\0\0\0\0":
                continue
            self.refused(p, reasons, "octet %d of %d, AH at %d" % (i, len(good), at))
        for total in list(range(at + 12, at + n)) + [len(good) - 1] * (len(good) > at + n):
            self.refused(self.resized(good, total), ("ah-header",) if total < at + n else ("ah-auth",), "cut to %d" % total)
        for total in range(at, at + 12):
            self.refused(self.resized(good, total), ("ah-header", "none", "malformed-ip"), "cut to %d" % total)
        for length in (0, 1, 255, good[at + 1] + 1, good[at + 1] - 1):
            p = bytearray(good)
            p[at + 1] = length
            self.refused(p, ("ah-header",) if (length + 2) * 4 != self.eight() else ("ah-auth", "ah-header"), "length %d" % length)
        self.refused(self.resized(good, len(good) + 4), ("ah-auth",), "four octets more")
        assert not self.tool.ask("decap " + good.hex()).startswith("drop"), "the genuine one still passes"
        self.refused(good, ("replay-dup",), "again")

    def eight(self):
        return (12 + self.alg[3] + 7) & ~7

    def run(self, count):
        self.open()
        number = self.seq
        for _ in range(count):
            number += 1
            self.sent(number)
        number = self.seq
        for _ in range(count):
            number += 1
            self.received(number)
        if self.mode == 1 and self.family == 6:
            number += 1
            self.routed(number)
        self.hostile(number + 1)
        if self.flags & ESN:  # a peer that does not authenticate the high half is not understood
            self.flags &= ~ESN
            self.refused(self.signed((number + 2) & 0xFFFFFFFF)[1], ("ah-auth",), "without the high half")


def main():
    path = tool_path("ah_scapy")
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    tool = Tool(path)
    failed = 0
    for alg in ALGS:
        for family in (4, 6):
            errors = []
            for mode in (0, 1):
                for flags in (0, ESN):
                    rng = random.Random("%d %s %d %d %d" % (seed, alg[0], family, mode, flags))
                    try:
                        Case(tool, rng, alg, family, mode, flags).run(count)
                    except (AssertionError, RuntimeError, IPSecIntegrityError) as e:
                        errors.append("%s%s: %s" % (("tunnel", "transport")[mode], " ESN" if flags else "",
                                                    str(e)[:600] or type(e).__name__))
            failed += told("ah_scapy hmac-%s IPv%d (seed %d, %d packets each way)" % (alg[0], family, seed, 4 * count), errors)
    return 1 if failed + closed(tool, "ah_scapy") else 0


if __name__ == "__main__":
    sys.exit(main())
