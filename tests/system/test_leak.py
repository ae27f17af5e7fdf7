#!/usr/bin/python3
"""What an SA must never do, on the wire and in memory: leave in clear when it is gone, used up or missing; use an IV twice with one key; lose
or reorder a packet when it is replaced; and leave its keys behind in the data plane's memory."""
import hashlib
import os
import re
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from capture import Capture  # noqa: E402
from case import add_case, case, check, check_equal, main  # noqa: E402
from dp_site import SPI_A, SPI_B, Site, clear_packets  # noqa: E402
from memory import ghash_powers, hmac_sha256_states, memory_holds, round_keys, sha256_state  # noqa: E402
from scapy.all import ESP, IP, PcapReader  # noqa: E402
from traffic import Stream, ping  # noqa: E402

KEY_LENGTHS = {"gcm128": (16, 4, 0), "gcm256": (32, 4, 0), "gmac128": (16, 4, 0), "chacha": (32, 4, 0), "cbc128-sha256": (16, 0, 32),
               "null-sha256": (0, 0, 32)}
SEQ_LAST = 2 ** 32 - 1
BUCKETS = 64  # of inbound SAs, by their SPIs: CV_BUCKETS


def octets(name, n):
    """Random to whoever looks for them, and the same in each run."""
    return hashlib.shake_256(name.encode()).digest(n)


class Pair:
    """The two SAs of one generation, keys of their own. First both receivers, then both senders."""

    def __init__(self, site, generation, slot, alg="gcm128", options="", only=None):
        """options: of both directions, or of the one that `only` names."""
        self.site, self.slot, self.alg = site, slot, alg
        self.options = {way: options if only in (None, way) else "" for way in ("in", "out")}
        self.spi = {site.a: SPI_A - 1 + slot + (generation << 20), site.b: SPI_B - 1 + slot + (generation << 20)}
        self.key = {gw: octets("%s %d to %s" % (alg, generation, gw.short), sum(KEY_LENGTHS[alg])) for gw in self.spi}

    def _line(self, gw, direction, to):
        other = self.site.b if gw is self.site.a else self.site.a
        return "sa %s %d %#x 10 %s 1 %s %s keys %s %s\n" % (direction, self.slot, self.spi[to], self.alg, self.site.outer_of(gw),
                                                            self.site.outer_of(other), self.key[to].hex(), self.options[direction])

    def install(self):
        a, b = self.site.a, self.site.b
        for gw, other in ((a, b), (b, a)):
            gw.ctl(self._line(gw, "in", gw) + self._line(gw, "out", other))

    def activate(self):
        a, b = self.site.a, self.site.b
        for gw, other in ((a, b), (b, a)):
            gw.ctl("activate %d %#x\n" % (self.slot, self.spi[other]))

    def remove(self):
        """Both senders first: what they sent still finds its receiver."""
        a, b = self.site.a, self.site.b
        for gw, other in ((a, b), (b, a)):
            gw.ctl("sa-del out %d %#x\n" % (self.slot, self.spi[other]))
        time.sleep(0.2)
        for gw in (a, b):
            gw.ctl("sa-del in %d %#x\n" % (self.slot, self.spi[gw]))


# ---- the wire -----------------------------------------------------------------------------------------------------
def esp_packets(pcap):
    found = []
    for frame in PcapReader(pcap):
        if IP in frame and frame[IP].proto == 50:
            found.append(bytes(frame[ESP]))
    return found


def judge_wire(pcap):
    """No packet in clear, and no IV twice under one SPI (each has a key of its own). The IVs, by SPI, of AES-GCM and CBC."""
    ivs = {}
    for p in esp_packets(pcap):
        spi, seq = struct.unpack("!II", p[:8])
        seen = ivs.setdefault(spi, {})
        iv = p[8:16]
        check(iv not in seen, "IV %s twice under SPI %#x: sequence numbers %s and %d" % (iv.hex(), spi, seen.get(iv), seq))
        check(seq not in seen.values(), "sequence number %d twice under SPI %#x" % (seq, spi))
        seen[iv] = seq
    check_equal(clear_packets(pcap), 0, "packets in clear")
    return ivs


def flood(site, n, size=56):
    return ping(site.left, "10.2.0.2", n, interval=0.01, size=size, wait=1)


def exhaustion(alg):
    site = Site("exhaust")
    wire = Capture(site.mid, "br0", what="ip or ip6")
    pair = Pair(site, 0, 1, alg, "seq %d" % (SEQ_LAST - 20))
    pair.install()
    pair.activate()
    flood(site, 60)
    before = site.a.counters("out")
    flood(site, 10)
    ivs = judge_wire(wire.stop())
    mine = ivs[pair.spi[site.b]]
    check_equal(sorted(mine.values()), list(range(SEQ_LAST - 19, SEQ_LAST + 1)), "sequence numbers on the wire")
    check_equal(site.a.counters("out")["packets"], before["packets"], "packets sent after the last number")
    check(site.a.drops()["seq-exhausted"] >= 50, "drops: %s" % site.a.drops())
    # The same key once more from an earlier number would be an IV again: the slot is taken, and the SA stays closed.
    refused = site.a.ctl("fail 6 activate 1 0x99990001\n", check=False)
    check("reply" in refused, refused)
    flood(site, 5)
    check_equal(site.a.counters("out")["packets"], before["packets"], "packets sent by an SA that was used up")
    return "20 numbers were left, 20 packets left the gateway, each with its own IV"


for _alg in ("gcm128", "cbc128-sha256"):
    add_case("sequence exhaustion stops the SA (%s)" % _alg, lambda alg=_alg: exhaustion(alg))


@case("SAs removed, expired and missing under packets: nothing in clear, no IV twice")
def removed_expired_missing():
    site = Site("gone")
    wire = Capture(site.mid, "br0", what="ip or ip6")
    flood(site, 5)
    with Stream(site.left, site.right, "10.2.0.2", rate=400) as s:
        for generation in range(6):
            pair = Pair(site, generation, 1, options="hard-packets 150" if generation % 2 else "")
            pair.install()
            pair.activate()
            time.sleep(0.6)
            pair.remove()
            time.sleep(0.15)
    ivs = judge_wire(wire.stop())
    drops = site.a.drops()
    check(drops.get("no-sa", 0) > 0 and drops.get("lifetime", 0) > 0, "drops on A: %s" % drops)
    sent = [len(v) for spi, v in sorted(ivs.items()) if spi & 0xffff == SPI_B & 0xffff and spi >> 28 == SPI_B >> 28]
    check(len(sent) == 6 and max(sent[1::2]) <= 150, "packets of each SA: %s" % sent)
    check(s.received > 100, "stream: %d of %d received" % (s.received, s.sent))
    return "%d IVs of %d keys" % (sum(len(v) for v in ivs.values()), len(ivs))


def expired_alone(way):
    """Whoever installed the SAs is killed, and nobody is there to end them when their time is up."""
    site = Site("time-" + way)
    pair = Pair(site, 0, 1, options="hard-seconds 15", only=way)
    pair.install()
    installed = time.monotonic()
    pair.activate()
    masters = [gw.listen(120000) for gw in (site.a, site.b)]
    sent, got = ping(site.left, "10.2.0.2", 5)
    check_equal(got, sent, "answers while it lives")
    for m in masters:
        m.kill()
    time.sleep(max(0.0, installed + 15.2 - time.monotonic()))
    outside, inside = Capture(site.mid, "br0", "outside", "ip or ip6"), Capture(site.right, "eth0", "inside", "ip or ip6")
    flood(site, 50)
    left, arrived = len(esp_packets(outside.stop())), sum(IP in p for p in PcapReader(inside.stop()))
    check_equal(left, 0 if way == "out" else 50, "ESP packets sent after the end of the %s SAs" % way)
    check_equal(arrived, 0, "packets delivered after it")
    gw = site.a if way == "out" else site.b
    check_equal(gw.drops()["lifetime"], 50, "drops")
    return "50 packets of 50 dropped"


for _way in ("out", "in"):
    add_case("%sbound SAs end in time though culvertd was killed" % _way, lambda way=_way: expired_alone(way))


def rekeys(workers, count=25):
    site = Site("rekey", workers=workers)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    old = Pair(site, 0, 1)
    old.install()
    old.activate()
    ping(site.left, "10.2.0.2", 3)
    # As culvertd chooses (sam_spi_reserve_after; tests/dialogue hold it to that): another slot of the old SA's bucket, whichever worker has it.
    with Stream(site.left, site.right, "10.2.0.2", rate=1500) as s:
        for generation in range(1, count + 1):
            new = Pair(site, generation, 1 + generation % 2 * BUCKETS)
            new.install()
            new.activate()
            old.remove()
            old = new
    ivs = judge_wire(wire.stop())
    check_equal((s.missing, s.duplicates, s.out_of_order), ([], 0, 0), "lost, duplicates, reordered of %d packets" % s.sent)
    used = [spi for spi in ivs if spi >> 28 == SPI_B >> 28]
    check_equal(len(used), count + 1, "SAs that carried the stream")
    return "%d packets over %d SAs, none lost, none out of order" % (s.received, len(used))


for _workers in (1, 2):
    add_case("rekeyed again and again under a stream, %d worker%s: nothing lost, nothing reordered" % (_workers, "s" * (_workers > 1)),
             lambda workers=_workers: rekeys(workers))


# ---- memory -------------------------------------------------------------------------------------------------------------
def needles_of(pair):
    encr, _, integ = KEY_LENGTHS[pair.alg]
    found = {}
    for gw, key in pair.key.items():
        named = {}
        if encr and pair.alg != "chacha":
            schedule = round_keys(key[:encr])
            named["first round key"], named["last round key"] = schedule[1], schedule[-1]
        if encr:
            named["key"] = key[:16]
        if encr == 32:
            named["second half of the key"] = key[16:32]
        if pair.alg.startswith("g"):
            named.update(("power %d of H" % k if k else "H", v) for k, v in enumerate(ghash_powers(key[:encr])))
        if integ:
            named["integrity key"] = key[-integ:]
            named["inner state of HMAC"], named["outer state of HMAC"] = hmac_sha256_states(key[-integ:])
        found.update(("%s to %s" % (name, gw.short), v) for name, v in named.items())
    return found


def in_use(alg):
    """What must be found, or the scan looks for what nobody has: the form in which each engine uses a key."""
    names = {"chacha": ["key"], "null-sha256": []}.get(alg, ["last round key"])
    names += ["power 1 of H", "power 2 of H"] if alg.startswith("g") else []
    names += ["inner state of HMAC", "outer state of HMAC"] if alg.endswith("sha256") else []
    return {"%s to %s" % (name, short) for name in names for short in "ab"}


def wiped(alg, options=""):
    check_equal(round_keys(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))[10].hex(), "d014f9a8c9ee2589e13f0cc8b6630ca6",
                "last round key of FIPS 197 A.1")
    check_equal(struct.pack(">8I", *sha256_state(b"abc\x80" + bytes(59) + b"\x18")), hashlib.sha256(b"abc").digest(), "FIPS 180-4 of abc")
    site = Site("wiped")
    pair = Pair(site, 0, 1, alg, options)
    pair.install()
    pair.activate()
    needles = needles_of(pair)
    sent, got = ping(site.left, "10.2.0.2", 20, size=700)
    check_equal(got, sent, "answers through the tunnel")
    pid = site.a.process.pid
    installed = memory_holds(pid, needles)
    check(in_use(alg) <= installed, "the scan finds of an SA in use only %s" % sorted(installed))
    check_equal([n for n in installed if "integrity" in n], [], "integrity keys in memory while the SA is in use (their hashed pads serve)")
    pair.remove()
    time.sleep(0.5)
    check_equal(sorted(memory_holds(pid, needles)), [], "%s: key octets in memory after SA_DEL" % alg)
    # Refused, flushed, and never read by the data plane: these ways out, too.
    again = Pair(site, 1, 2, alg, options)
    again.install()
    other = needles_of(again)
    site.a.ctl("fail 1 sa in 2 0x12340003 10 %s 1 192.0.2.1 192.0.2.2 keys %s %s\n" % (alg, again.key[site.a].hex(), options),
               check=False)
    check(memory_holds(pid, other), "the second pair is not in use")
    site.a.ctl("flush\n")
    time.sleep(0.3)
    check_equal(sorted(memory_holds(pid, other)), [], "%s: key octets in memory after FLUSH" % alg)
    return "found while in use: %d of %d strings; afterwards none" % (len(installed), len(needles))


for _alg in KEY_LENGTHS:
    add_case("keys are wiped: the data plane's memory after SA_DEL and FLUSH (%s)" % _alg, lambda alg=_alg: wiped(alg))
add_case("keys are wiped: the data plane's memory after SA_DEL and FLUSH (AH)", lambda: wiped("null-sha256", "ah"))

if __name__ == "__main__":
    main()
