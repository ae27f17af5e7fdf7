#!/usr/bin/python3
"""ESP against scapy: scapy decrypts what the data plane encapsulates, and the data plane decapsulates what scapy
encrypts; every transform, IPv4 and IPv6 inside and outside, NAT traversal, ESN over a roll-over, and transport mode.

scapy 2.5 has no AES-GMAC (RFC 4543) and no ESN with an HMAC in ESP (it authenticates without the high half):
those two are done here on python3-cryptography and hmac, on packets that scapy builds and parses.

Usage: test_esp_scapy.py [PATH-TO-esp_tool]   (default: build/tests/system/esp_tool)"""
import hashlib
import hmac
import os
import random
import struct
import sys

from scapy_tool import ADDR, ESN, INTEG, INTEG_KEY as IKEY, SPI, Tool, closed, path as tool_path, skip, told

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from scapy.layers.inet import ICMP, IP, UDP
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
    from scapy.layers.ipsec import ESP, IPSecIntegrityError, SecurityAssociation
    from scapy.packet import Raw
except ImportError as e:
    skip("esp_scapy", e)

NATT = 2
KEY = bytes((i * 7 + 3) & 255 for i in range(32))
SALT = b"\x5a\x11\xc3\x77"
# name, IANA number, key octets, scapy's name (None: by hand here)
CIPHERS = [("aes-gcm-%d" % (k * 8), 20, k, "AES-GCM") for k in (16, 24, 32)]
CIPHERS += [("aes-gmac-%d" % (k * 8), 21, k, None) for k in (16, 24, 32)]
CIPHERS += [("chacha20-poly1305", 28, 32, "CHACHA20-POLY1305")]
ENCR = [("aes-cbc-%d" % (k * 8), 12, k, "AES-CBC") for k in (16, 24, 32)] + [("3des", 3, 24, "3DES"), ("null", 11, 0, "NULL")]
AEAD = (20, 21, 28)


class Case:
    """One transform, outer family, flags: the data plane's SAs, and the same in scapy."""

    def __init__(self, tool, cipher, integ, outer, flags, transport=False):
        self.tool, self.cipher, self.integ, self.outer, self.flags = tool, cipher, integ, outer, flags
        self.transport = transport
        self.by_hand_hmac = bool(flags & ESN) and integ is not None
        self.gmac = cipher[1] == 21
        self.seq = 0x1FFFFFFFD if flags & ESN else 41

    def open(self):
        name, encr, klen, _ = self.cipher
        args = "encr=%d flags=%d spi=%x seq=%d mode=%d" % (encr, self.flags, SPI, self.seq, self.transport)
        if klen:
            args += " key=" + KEY[:klen].hex()
        if encr in AEAD:
            args += " salt=" + SALT.hex()
        if self.integ:
            args += " integ=%d ikey=%s" % (self.integ[1], IKEY[:self.integ[2]].hex())
        self.tool.sas(self.outer, args, "@4500" if self.flags & NATT else "")

    def scapy_sa(self, hi):
        name, encr, klen, crypt = self.cipher
        a, b = ADDR[self.outer]
        key = KEY[:klen] + (SALT if encr in AEAD else b"")
        return SecurityAssociation(
            ESP, spi=SPI, crypt_algo="NULL" if self.gmac else crypt, crypt_key=None if self.gmac else key or None,
            auth_algo=None if self.by_hand_hmac or not self.integ else self.integ[4],
            auth_key=None if self.by_hand_hmac or not self.integ else IKEY[:self.integ[2]],
            tunnel_header=None if self.transport else IP(src=a, dst=b) if self.outer == 4 else IPv6(src=a, dst=b),
            nat_t_header=UDP(sport=4500, dport=4500) if self.flags & NATT else None,
            esn_en=bool(self.flags & ESN) and encr in AEAD, esn=hi)

    # what scapy lacks -------------------------------------------------------------------------------------
    def hmac_by_hand(self, esp, hi):
        return hmac.new(IKEY[:self.integ[2]], esp + struct.pack("!I", hi), getattr(hashlib, self.integ[0])).digest()[:self.integ[3]]

    def gmac_by_hand(self, esp, hi):
        """esp: header, IV, payload and trailer; the AAD of RFC 4543 3.3."""
        head = esp[:4] + struct.pack("!I", hi) + esp[4:8] if self.flags & ESN else esp[:8]
        return AESGCM(KEY[:self.cipher[2]]).encrypt(SALT + esp[8:16], b"", head + esp[8:])

    def split(self, outer):
        at = (20 if self.outer == 4 else 40) + (8 if self.flags & NATT else 0)
        return outer[:at], outer[at:]

    def layer(self, octets):
        return IP(octets) if octets[0] >> 4 == 4 else IPv6(octets)

    def lengthened(self, outer, more):
        """The packet with `more` octets behind it and its length fields right."""
        head, esp = self.split(outer)
        head = bytearray(head)
        total = len(outer) + len(more)
        if self.outer == 4:
            head[2:4] = struct.pack("!H", total)
            head[10:12] = b"\0\0"
        else:
            head[4:6] = struct.pack("!H", total - 40)
        if self.flags & NATT:
            head[-4:-2] = struct.pack("!H", total - len(head) + 8)
        return bytes(head) + esp + more

    # both ways --------------------------------------------------------------------------------------------
    def scapy_decrypts(self, outer, number):
        hi = number >> 32
        head, esp = self.split(outer)
        assert struct.unpack("!II", esp[:8]) == (SPI, number & 0xFFFFFFFF), "SPI and sequence number"
        if self.gmac:
            assert self.gmac_by_hand(esp[:-16], hi) == esp[-16:], "GMAC"
            data = esp[16:-16]
            assert bytes(range(1, data[-2] + 1)) == data[-2 - data[-2]:-2], "padding"
            assert data[-1] == (4 if data[0] >> 4 == 4 else 41), "next header"
            return data[:-2 - data[-2]]
        if self.by_hand_hmac:
            n = self.integ[3]
            assert self.hmac_by_hand(esp[:-n], hi) == esp[-n:], "HMAC with ESN"
            outer = head + esp[:-n]
        pkt = self.layer(outer)
        if ESP not in pkt:  # NAT traversal: scapy hands port 4500 to ESP only with this hint
            pkt[UDP].remove_payload()
            pkt[UDP].add_payload(ESP(outer[len(head):]))
        return bytes(self.scapy_sa(hi).decrypt(pkt))

    def scapy_encrypts(self, inner, number):
        hi, lo = number >> 32, number & 0xFFFFFFFF
        sa = self.scapy_sa(hi)
        sa.seq_num = lo
        outer = bytes(sa.encrypt(self.layer(inner)))
        if self.by_hand_hmac:
            return self.lengthened(outer, self.hmac_by_hand(self.split(outer)[1], hi))
        if not self.gmac:
            return outer
        head, esp = self.split(outer)
        esp = esp[:8] + os.urandom(8) + esp[8:]
        return self.lengthened(head + esp, self.gmac_by_hand(esp, hi))

    def run(self, inners):
        self.open()
        number = self.seq
        for inner in inners:
            number += 1
            outer = bytes.fromhex(self.tool.ask("encap " + inner.hex()))
            got = self.scapy_decrypts(outer, number)
            assert got == inner, "scapy got %s, not %s" % (got.hex(), inner.hex())
        number = self.seq
        for inner in inners:
            number += 1
            outer = self.scapy_encrypts(inner, number)
            got = self.tool.ask("decap " + outer.hex())
            assert got == inner.hex(), "sequence number %#x: %s, not %s" % (number, got, inner.hex())
            assert self.tool.ask("decap " + outer.hex()) == "drop replay-dup"
        number += 1
        outer = bytearray(self.scapy_encrypts(inners[0], number))
        outer[-1] ^= 1
        assert self.tool.ask("decap " + bytes(outer).hex()) == "drop esp-auth"
        if self.flags & ESN:  # a peer that does not authenticate the high half is not understood
            self.flags &= ~ESN
            self.by_hand_hmac = False
            outer = self.scapy_encrypts(inners[0], number & 0xFFFFFFFF)
            assert self.tool.ask("decap " + outer.hex()) == "drop esp-auth"


def inner_packets():
    out = []
    for size in (0, 1, 2, 3, 29, 64, 700, 1372):
        data = bytes(i * 31 & 255 for i in range(size))
        out.append(bytes(IP(src="10.1.0.1", dst="10.2.0.2", tos=0xB8, id=size, ttl=63) / ICMP(id=7) / Raw(data)))
        out.append(bytes(IPv6(src="fd01::1", dst="fd02::2", tc=0xB8, hlim=63) / ICMPv6EchoRequest(data=data)))
    return out


LAYOUTS = ("1500", "2048", "64", "1,2,3,5,8,13,21,34", "2000,1,2048,7", "700,3")


def sizes(rng, count):
    """Inner packets of every kind of length up to 9000 octets; scapy's padding and cipher blocks meet all remainders."""
    picked = [28, 29, 30, 31, 1279, 1280, 1281, 1499, 1500, 1501, 2047, 2048, 2049, 4095, 4096, 8191, 8999, 9000]
    return picked + [rng.randrange(28, 9001) for _ in range(count)]


def jumbo(path, engine, cipher, integ, seed, count):
    """Long packets in every segment layout, both ways, against scapy."""
    rng = random.Random(seed)
    tool = Tool(path, engine)
    done = 0
    for layout in LAYOUTS:
        assert tool.ask("layout " + layout) == "ok"
        most = 250 * sum(map(int, layout.split(","))) // len(layout.split(","))
        inners = []
        for n in sizes(rng, count):
            if n + 100 <= most:
                inners.append(bytes(IP(src="10.1.0.1", dst="10.2.0.2", id=n & 65535, proto=99) / Raw(rng.randbytes(n - 20))))
        Case(tool, cipher, integ, 4 if rng.random() < 0.5 else 6, rng.choice((0, ESN, NATT, NATT | ESN))).run(inners)
        done += len(inners)
    assert tool.close() == 0, "esp_tool's end"
    return done


def run_jumbo(path):
    failed = 0
    for cipher, integ in ((CIPHERS[0], None), (CIPHERS[6], None), (ENCR[0], INTEG[2]), (ENCR[4], INTEG[1])):
        label = "esp_scapy segment layouts, up to 9000 octets, %s" % cipher[0]
        try:
            done = jumbo(path, "auto", cipher, integ, 7, 12)
            print("PASS %s (%d packets each way)" % (label, done))
        except (AssertionError, RuntimeError, IPSecIntegrityError, InvalidTag) as e:
            print("FAIL %s\n  %s" % (label, str(e)[:300] or type(e).__name__))
            failed += 1
    return failed


def own_packets(family):
    """Between the SA's ends, as transport mode carries them."""
    a, b = ADDR[family]
    out = []
    for size in (0, 1, 2, 3, 29, 64, 700, 1372):
        data = Raw(bytes(i * 31 & 255 for i in range(size)))
        for proto in (47, 99) if size > 3 else (99,):  # scapy makes a GRE header of less, and hands out that
            head = IP(src=a, dst=b, tos=0xB9, id=size, ttl=255, flags="DF", proto=proto) if family == 4 else \
                IPv6(src=a, dst=b, tc=0xB9, hlim=255, nh=proto)
            out.append(bytes(head / data))
    return out


def main():
    path = tool_path("esp_scapy")
    pairs = [(c, None) for c in CIPHERS] + [(c, i) for c in ENCR for i in INTEG]
    failed = run_jumbo(path)
    failed += run(path, "ipsec-mb", pairs)
    with open("/proc/cpuinfo") as f:
        flags = f.read().split()
    if "vaes" in flags and "vpclmulqdq" in flags:
        failed += run(path, "vaes", [(c, None) for c in CIPHERS if c[1] in (20, 21)])
    else:
        print("SKIP esp_scapy vaes: this processor has no VAES and VPCLMULQDQ")
    return 1 if failed else 0


def run(path, engine, pairs):
    """The number of transforms that failed."""
    tool = Tool(path, engine)
    inners = inner_packets()
    failed = 0
    for cipher, integ in pairs:
        label = "esp_scapy %s %s%s" % (engine, cipher[0], " hmac-" + integ[0] if integ else "")
        errors = []
        for outer in (4, 6):
            for flags in (0, ESN, NATT, NATT | ESN):
                what = "IPv%d%s%s" % (outer, " NAT-T" if flags & NATT else "", " ESN" if flags & ESN else "")
                try:
                    Case(tool, cipher, integ, outer, flags).run(inners)
                except (AssertionError, RuntimeError, IPSecIntegrityError, InvalidTag) as e:
                    errors.append("%s: %s" % (what, e or type(e).__name__))
            for flags in (0, ESN):  # NAT traversal in transport mode: test_gre.py
                if flags and integ or cipher[1] == 21:
                    continue  # what scapy lacks is done by hand for tunnel mode
                try:
                    Case(tool, cipher, integ, outer, flags, True).run(own_packets(outer))
                except (AssertionError, RuntimeError, IPSecIntegrityError, InvalidTag) as e:
                    errors.append("IPv%d transport%s: %s" % (outer, " ESN" if flags else "", e or type(e).__name__))
        failed += told(label, errors)
    return failed + closed(tool, "esp_scapy")


if __name__ == "__main__":
    sys.exit(main())
