#!/usr/bin/python3
"""What an SA must never do, on the wire and in memory: leave in clear when it is gone, used up or missing; use an IV twice with one key; lose
or reorder a packet when it is replaced; and leave its keys behind in the data plane's memory."""
import hashlib
import os
import re
import struct
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from capture import Capture  # noqa: E402
from case import add_case, case, check, check_equal, main  # noqa: E402
from dp_site import SPI_A, SPI_B, Gateway, Site, clear_packets, frames  # noqa: E402
from map_site import FLOW6, PROTECT, MapSite, seen_by  # noqa: E402
from net import wait_for  # noqa: E402
from memory import HASHES, decryption_key, des_schedules, ghash_powers, hash_state, hmac_states, memory_holds, padded_keys, round_keys  # noqa: E402
from scapy.all import IP, IPv6, PcapReader, raw  # noqa: E402
from traffic import Stream, ping  # noqa: E402

# Octets of key, salt and integrity key of each transform that there is (tests/unit/esp/esp_fix.h has the same), by dpctl's names.
KEY_LENGTHS = {"chacha": (32, 4, 0)}
KEY_LENGTHS.update(("%s%d" % (mode, bits), (bits // 8, 4, 0)) for mode in ("gcm", "gmac") for bits in (128, 192, 256))
KEY_LENGTHS.update(("%s-%s" % (cipher, name), (key, 0, integ)) for cipher, key in (("cbc128", 16), ("cbc192", 24), ("cbc256", 32), ("3des", 24), ("null", 0))
                   for name, integ in (("md5", 16), ("sha1", 20), ("sha256", 32), ("sha384", 48), ("sha512", 64)))
SEQ_LAST = 2 ** 32 - 1
ESN_LAST = 2 ** 64 - 1 - 16 * 256  # each of CV_MAX_WORKERS may take the numbers of a burst before it sees that they are used up (esp_out.c)
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
ESP_PROTO, AH_PROTO = 50, 51


def protected_packets(pcap, proto=ESP_PROTO):
    """ESP packets, or those of AH, from their own header on."""
    found = []
    for frame in PcapReader(pcap):
        outer = frame[IP] if IP in frame else frame[IPv6] if IPv6 in frame else None
        if outer is not None and (outer.proto if IP in frame else outer.nh) == proto:
            found.append(raw(outer.payload))
    return found


def esp_packets(pcap):
    return protected_packets(pcap)


def judge_wire(pcap, ah=False):
    """No packet in clear, and no IV twice under one SPI (each has a key of its own). The numbers by their IVs, of AES-GCM and CBC, by SPI; AH has no IVs, and what
    it carries can be read: it must be in AH."""
    ivs = {}
    for p in protected_packets(pcap, AH_PROTO if ah else ESP_PROTO):
        spi, seq = struct.unpack("!II", p[4:12] if ah else p[:8])
        seen = ivs.setdefault(spi, {})
        iv = p[4:12] if ah else p[8:16]
        check(iv not in seen, "IV %s twice under SPI %#x: sequence numbers %s and %d" % (iv.hex(), spi, seen.get(iv), seq))
        check(seq not in seen.values(), "sequence number %d twice under SPI %#x" % (seq, spi))
        seen[iv] = seq
    clear = frames(pcap, "(ip.addr == 10.0.0.0/8 || ipv6.addr == fd00::/16) && !ah") if ah else clear_packets(pcap)
    check_equal(clear, 0, "packets in clear")
    return ivs


def flood(site, n, size=56):
    return ping(site.left, "10.2.0.2", n, interval=0.01, size=size, wait=1)


def exhaustion(alg, options="", outer=4):
    site = Site("exhaust", outer=outer)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    last = ESN_LAST if "esn" in options else SEQ_LAST
    pair = Pair(site, 0, 1, alg, "%s seq %d" % (options, last - 20))
    pair.install()
    pair.activate()
    flood(site, 60)
    before = site.a.counters("out")
    flood(site, 10)
    ivs = judge_wire(wire.stop(), "ah" in options)
    mine = ivs[pair.spi[site.b]]
    check_equal(sorted(mine.values()), [n & SEQ_LAST for n in range(last - 19, last + 1)], "sequence numbers on the wire")
    check_equal((before["packets"], before["seq"]), (20, last), "packets and last number in the counters")
    check_equal(site.a.counters("out")["packets"], before["packets"], "packets sent after the last number")
    check(site.a.drops()["seq-exhausted"] >= 50, "drops: %s" % site.a.drops())
    taken = site.b.counters("in")
    check_equal((taken["packets"], taken["auth-failed"], taken["replayed"]), (20, 0, 0), "packets, forged, replayed at B")
    # The same key once more from an earlier number would be an IV again: the slot is taken, and the SA stays closed.
    refused = site.a.ctl("fail 6 activate 1 0x99990001\n", check=False)
    check("reply" in refused, refused)
    flood(site, 5)
    check_equal(site.a.counters("out")["packets"], before["packets"], "packets sent by an SA that was used up")
    return "20 numbers were left, 20 packets left the gateway, each with its own %s" % ("number" if "ah" in options else "IV")


for _alg, _options, _outer in (("gcm128", "", 4), ("cbc128-sha256", "", 4), ("gcm128", "", 6), ("gcm128", "esn", 4), ("cbc128-sha256", "esn", 6),
                               ("chacha", "", 4), ("gmac128", "esn", 4),
                               ("null-sha256", "ah", 4), ("null-sha256", "ah esn", 6)):
    add_case("sequence exhaustion stops the SA (%s%s, IPv%d outside)" % (_alg, " " * bool(_options) + _options, _outer),
             lambda a=(_alg, _options, _outer): exhaustion(*a))


def exhausted_by_two(alg, options):
    """Two workers of A have queues of their own inside and send by one SA; B sends nothing back, so that whatever A's workers sent they encrypted."""
    left_over, senders = 400, 16
    site = Site("exhaust2", workers=2, vdev="net_af_packet,qpairs=2,framecnt=2048")
    sources = ["10.1.0.%d" % (10 + n) for n in range(senders)]
    site.left.address("eth0", *["%s/24" % s for s in sources])
    last = ESN_LAST if "esn" in options else SEQ_LAST
    pair = Pair(site, 0, 1, alg, "%s seq %d" % (options, last - left_over))
    pair.install()
    site.a.ctl("activate 1 %#x\n" % pair.spi[site.b])
    wire = Capture(site.mid, "br0", what="ip or ip6")
    workers = [threading.Thread(target=ping, args=(site.left, "10.2.0.2", 60), kwargs=dict(interval=0.005, wait=1, source=s)) for s in sources]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    mine = judge_wire(wire.stop())[pair.spi[site.b]]
    sent = {int(n): int(tx) for n, tx in re.findall(r"^worker (\d) rx \d+ tx (\d+)", site.a.ctl("drops"), re.M)}
    check(min(sent[0], sent[1]) >= 20, "packets sent by each worker: %s" % sent)
    check_equal(sorted(mine.values()), [n & SEQ_LAST for n in range(last - left_over + 1, last + 1)], "sequence numbers on the wire")
    counted = site.a.counters("out")
    check_equal((counted["packets"], counted["seq"]), (left_over, last), "packets and last number in the counters")
    check_equal(site.a.drops()["seq-exhausted"], 60 * senders - left_over, "packets that got no number")
    flood(site, 5)
    check_equal(site.a.counters("out")["packets"], left_over, "packets sent by an SA that was used up")
    return "%d and %d packets sent by the two, %d numbers in all, each once" % (sent[0], sent[1], left_over)


for _alg, _options in (("gcm128", ""), ("cbc128-sha256", "esn")):
    add_case("sequence exhaustion stops an SA that two workers send by (%s%s)" % (_alg, " " * bool(_options) + _options),
             lambda a=(_alg, _options): exhausted_by_two(*a))


def worn_out(site, generation):
    """Waits until the SAs in use have sent a hundred packets, those that end by themselves until they have ended."""
    if generation % 2:
        before = site.a.drops().get("lifetime", 0)
        wait_for("generation %d to end" % generation, lambda: site.a.drops().get("lifetime", 0) > before, 20)
    else:
        wait_for("packets by generation %d" % generation, lambda: site.a.counters("out")["packets"] >= 100, 20)


def missed(site):
    """Waits until packets have come that there is no SA for."""
    before = site.a.drops().get("no-sa", 0)
    wait_for("packets without an SA", lambda: site.a.drops().get("no-sa", 0) > before, 20)


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
            worn_out(site, generation)
            pair.remove()
            missed(site)
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


# ---- behind a crypto map --------------------------------------------------------------------------------------------
def in_clear(site):
    """How many of six packets that A's line protects come to the left host when they come to A in clear."""
    before = site.a.drops().get("policy-clear", 0)
    n = seen_by(site.left, "eth0", "icmp or icmp6 and ip6[40] == 128", lambda: site.frames_from_mid(
        site.a, ["IP(src='10.2.0.2',dst='10.1.0.2')/ICMP()", "IPv6(src='fd00:2::2',dst='fd00:1::2')/ICMPv6EchoRequest()"]))
    check_equal(site.a.drops()["policy-clear"] - before, 6, "dropped for having come in clear")
    return n


ENDS = {"packets": "hard-packets 10", "kilobytes": "hard-bytes 1000", "time": "hard-seconds 20"}


def map_expired(by):
    """The SAs of a map's lines end by themselves, at both ends, and nobody removes them."""
    site = MapSite("mapend")
    targets = ("10.2.0.2", "fd00:2::2")
    wire = Capture(site.mid, "br0", what="ip or ip6")
    site.policies(PROTECT)
    site.flow_sas(options=ENDS[by])
    site.flow_sas(FLOW6, 2, options=ENDS[by], family=6)
    installed = time.monotonic()
    if by == "time":
        masters = [gw.listen(120000) for gw in (site.a, site.b)]
        for m in masters:
            m.kill()
    for t in targets:
        sent, got = ping(site.left, t, 5)
        check_equal(got, sent, "answers from %s before the end" % t)
    time.sleep(max(0.0, installed + 20.2 - time.monotonic()) if by == "time" else 0)
    for t in targets:
        check(ping(site.left, t, 40, interval=0.01, wait=1)[1] <= 10, "answers from %s past the end" % t)
    before = site.a.drops()["lifetime"]
    check(before >= 60, "drops: %s" % site.a.drops())
    counted = [site.a.counters("out", slot)["packets"] for slot in (1, 2)]
    # A line that lets pass in clear what there is no SA for: there is one, and it has ended.
    site.policies("10 protect-if 20 10.{l}.0.0/24 10.{r}.0.0/24\n20 protect-if 21 fd00:{l}::/64 fd00:{r}::/64")
    for t in targets:
        check_equal(ping(site.left, t, 20, interval=0.01, wait=1)[1], 0, "answers from %s under protect-if" % t)
    check_equal(site.a.drops()["lifetime"] - before, 40, "drops under protect-if")
    site.policies(PROTECT.replace("protect", "protect-only"))
    for t in targets:
        ping(site.left, t, 5, interval=0.01, wait=1)
    check_equal([site.a.counters("out", slot)["packets"] for slot in (1, 2)], counted, "packets sent by SAs that had ended")
    judge_wire(wire.stop())
    check_equal(in_clear(site), 0, "packets in clear that were let in while the SAs had ended")
    # Gone altogether: nothing has changed for the packets but the reason.
    site.policies(PROTECT)
    wire = Capture(site.mid, "br0", "gone", "ip or ip6")
    for slot in (1, 2):
        site.remove_sas(slot)
    before = site.a.drops().get("no-sa", 0)
    for t in targets:
        check_equal(ping(site.left, t, 20, interval=0.01, wait=1)[1], 0, "answers from %s without SAs" % t)
    check_equal(site.a.drops()["no-sa"] - before, 40, "drops without SAs")
    check_equal(judge_wire(wire.stop()), {}, "ESP without SAs")
    check_equal(in_clear(site), 0, "packets in clear that were let in without SAs")
    return "%d and %d packets by the SAs, none of those past their end in clear" % tuple(counted)


for _by in ENDS:
    add_case("SAs behind a crypto map that end by %s: nothing in clear, out or in, whatever the line says of missing ones" % _by,
             lambda by=_by: map_expired(by))


@case("SAs behind a crypto map replaced, expired, removed and missing under a stream: nothing in clear")
def map_under_packets():
    site = MapSite("mapgone")
    site.policies(PROTECT)
    ping(site.left, "10.2.0.2", 2, wait=1)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    with Stream(site.left, site.right, "10.2.0.2", rate=400) as s:
        for generation in range(6):
            site.flow_sas(generation=generation, options="hard-packets 100" if generation % 2 else "")
            worn_out(site, generation)
            site.remove_sas(generation=generation)
            missed(site)
    ivs = judge_wire(wire.stop())
    drops = site.a.drops()
    check(drops.get("no-sa", 0) > 0 and drops.get("lifetime", 0) > 0, "drops on A: %s" % drops)
    sent = [len(v) for spi, v in sorted(ivs.items()) if spi >> 28 == SPI_B >> 28]
    check(len(sent) == 6 and max(sent[1::2]) <= 100, "packets of each SA: %s" % sent)
    check(s.received > 100, "stream: %d of %d received" % (s.received, s.sent))
    return "packets of each SA: %s" % sent


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
def halves(name, octets_):
    """What gives it away: its first 16 octets and its last."""
    found = {name: octets_[:16]}
    if len(octets_) > 16:
        found["end of the " + name] = octets_[-16:]
    return found


def cipher_needles(alg, key):
    found = halves("key", key)
    if alg.startswith("3des"):
        found.update(des_schedules(key))
    elif alg != "chacha":
        schedule = round_keys(key)
        found["first round key"], found["last round key"] = schedule[len(key) // 16], schedule[-1]
        if alg.startswith("g"):
            found.update(("power %d of H" % k if k else "H", v) for k, v in enumerate(ghash_powers(key)))
        else:
            found["first round key to decrypt with"] = decryption_key(schedule[-2])
    return found


def integ_needles(name, key):
    found = halves("integrity key", key)
    for which, block, state in zip(("inner", "outer"), padded_keys(name, key), hmac_states(name, key)):
        found.update(halves("integrity key, %s pad" % which, block[:len(key)]))
        found["%s state of HMAC" % which] = state
    return found


def needles_of(pair):
    encr, _, integ = KEY_LENGTHS[pair.alg]
    found = {}
    for gw, key in pair.key.items():
        named = cipher_needles(pair.alg, key[:encr]) if encr else {}
        if integ:
            named.update(integ_needles(pair.alg.split("-")[1], key[-integ:]))
        found.update(("%s to %s" % (name, gw.short), v) for name, v in named.items())
    return found


def in_use(alg, openssl):
    """What must be found, or the scan looks for what nobody has: the form in which each engine uses a key."""
    names = ["key"] if alg == "chacha" else ["last round key"] if alg[0] in "gc" else []
    if alg.startswith("3des"):
        names += ["%s round keys of DES key %d%s" % (where, n, ", OpenSSL's" * openssl) for where in ("first", "last") for n in (1, 2, 3)]
    names += ["power 1 of H", "power 2 of H"] if alg[0] == "g" and not openssl else []
    names += ["inner state of HMAC", "outer state of HMAC"] if "-" in alg else []
    found = {"%s to %s" % (name, short) for name in names for short in "ab"}
    return found | {"first round key to decrypt with to a"} if alg.startswith("cbc") else found


def known_answers():
    """That what is looked for is what the standards say it is."""
    check_equal(round_keys(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))[10].hex(), "d014f9a8c9ee2589e13f0cc8b6630ca6",
                "last round key of FIPS 197 A.1")
    for name, (_, _, block, _) in HASHES.items():
        little = name == "md5"
        length = struct.pack("<Q" if little else ">Q", 24)
        state = hash_state(name, b"abc\x80" + bytes(block - 4 - 8) + length)
        word = 8 if block == 128 else 4
        said = state if little else b"".join(state[i:i + word][::-1] for i in range(0, len(state), word))
        digest = hashlib.new(name, b"abc").digest()
        check_equal(said[:len(digest)].hex(), digest.hex(), "%s of abc" % name)


def all_needles(pairs):
    return {"%s: %s" % (pair.alg, name): v for pair in pairs for name, v in needles_of(pair).items()}


def used(site, pair):
    pair.install()
    pair.activate()
    sent, got = ping(site.left, "10.2.0.2", 5, interval=0.02, size=700)
    check_equal(got, sent, "%s: answers through the tunnel" % pair.alg)


def wiped(engine, algs, options=""):
    known_answers()
    site = Site("wiped", gateway=lambda *a, **k: Gateway(*a, extra=" crypto-engine %s\n" % engine, **k))
    pid, openssl = site.a.process.pid, "openssl" in engine
    pairs = [Pair(site, 0, 1 + n, alg, options) for n, alg in enumerate(algs)]
    for pair in pairs:
        used(site, pair)
    needles = all_needles(pairs)
    installed = memory_holds(pid, needles)
    wanted = {"%s: %s" % (alg, name) for alg in algs for name in in_use(alg, openssl)}
    check_equal(sorted(wanted - installed), [], "what the scan does not find of SAs in use")
    if not openssl:
        check_equal([n for n in installed if "integrity" in n], [], "integrity keys in memory while the SA is in use (their hashed pads serve)")
    for pair in pairs:
        pair.remove()
    time.sleep(0.3)
    check_equal(sorted(memory_holds(pid, needles)), [], "key octets in memory after SA_DEL")
    # Refused, flushed, and never read by the data plane: these ways out, too.
    others = [Pair(site, 1, 1 + n, alg, options) for n, alg in enumerate(algs)]
    for pair in others:
        pair.install()
        site.a.ctl("fail 1 sa in %d 0x12345f00 10 %s 1 192.0.2.1 192.0.2.2 keys %s %s\n" % (pair.slot, pair.alg, pair.key[site.a].hex(), options))
    other = all_needles(others)
    check_equal(sorted({name.split(":")[0] for name in memory_holds(pid, other)}), sorted(algs), "transforms of the second pairs that are in use")
    site.a.ctl("flush\n")
    time.sleep(0.3)
    check_equal(sorted(memory_holds(pid, other)), [], "key octets in memory after FLUSH")
    return "%d transforms; found while in use: %d of %d strings; afterwards none" % (len(algs), len(installed), len(needles))


# vaes has AES-GCM and GMAC alone, and auto the choice between the two; devices leave to software what they lack.
AEAD = [name for name in KEY_LENGTHS if "-" not in name]
for _engine, _algs in (("auto", AEAD), ("vaes", AEAD), ("ipsec-mb", KEY_LENGTHS), ("cryptodev crypto_aesni_mb", KEY_LENGTHS),
                       ("cryptodev crypto_openssl", KEY_LENGTHS)):
    add_case("keys are wiped: the data plane's memory after SA_DEL and FLUSH (%s, %d transforms)" % (_engine, len(_algs)),
             lambda engine=_engine, algs=_algs: wiped(engine, list(algs)))
add_case("keys are wiped: the data plane's memory after SA_DEL and FLUSH (AH)",
         lambda: wiped("auto", [name for name in KEY_LENGTHS if name.startswith("null-")], "ah"))

if __name__ == "__main__":
    main()
