#!/usr/bin/python3
"""Hostile packets against the running product: nothing ends, counters name the reason, a tunnel forwards on."""
import json
import os
import re

from capture import Capture, datagrams
from case import case, check, check_equal, main
from net import wait_for
from topology import strongswan_site
from traffic import Stream, ping, ping_until

HERE = os.path.abspath(os.path.dirname(__file__))
SEED = int(os.environ.get("CULVERT_TEST_SEED", "20240917"))


def recorded_site():
    """A site whose tunnel has been set up, rekeyed, deleted and set up again under a capture."""
    site = strongswan_site("bad")
    capture = Capture(site.peer_ns, "out0", "exchange")
    site.culvert.up()
    site.culvert.wait_up()
    ping_until(site.left, site.right_address, 5)
    site.peer.rekey(child="site")
    site.peer.rekey(ike="site")
    site.peer.terminate()
    site.culvert.wait_down()
    site.peer.initiate()
    site.culvert.wait_up()
    ping_until(site.left, site.right_address, 5)
    ping(site.right, site.left_address, 20, 0.02)
    return site, datagrams(capture.stop())


def flood(site, samples, count, rate, sources):
    """Runs flood.py once per source with its share of the count."""
    path = site.lab.write("samples.json", json.dumps(samples))
    running = []
    for i, source in enumerate(sources):
        name = "flood-%d" % i
        running.append(site.peer_ns.start(name, "/usr/bin/python3", os.path.join(HERE, "flood.py"), path,
                                          count // len(sources), rate / len(sources), SEED + i, source, "192.0.2.1"))
    total = 0
    for p in running:
        p.wait(count / rate * 4 + 60)
        with open(p.log_path) as f:
            words = f.read().split()
        check(p.returncode == 0 and words, "flood.py failed: %s" % " ".join(words[-20:]))
        total += int(words[-1])
        site.lab.processes.remove(p)
    return total


def still_well(site, pids):
    check_equal((site.culvert.pids("culvertd"), site.culvert.pids("culvert-dp")), pids, "processes of culvert")
    check(site.culvert.is_up(), "the tunnel is up")
    check(ping(site.left, site.right_address, 10, 0.05)[1] == 10, "pings through the tunnel")


def pids_of(site):
    return site.culvert.pids("culvertd"), site.culvert.pids("culvert-dp")


@case("10,000 mutated IKE messages: the tunnel forwards on, a new one comes up")
def mutated_ike():
    site, recorded = recorded_site()
    samples = [{"sport": d.src[1], "dport": d.dst[1], "hex": d.ike.hex(),
                "marker": "00000000" if 4500 in (d.src[1], d.dst[1]) else ""}
               for d in recorded if d.ike is not None]
    check(len(samples) >= 10, "the recorded exchange has only %d messages" % len(samples))
    # Half pretends to be the peer, half comes from a stranger on the same link.
    site.peer_ns.address("out0", "192.0.2.3/24")
    pids, before = pids_of(site), site.culvert.drops()
    spi = site.culvert.flow()["inbound"]["spi"]
    with Stream(site.left, site.right, site.right_address, 200) as there:
        with Stream(site.right, site.left, site.left_address, 200) as back:
            sent = flood(site, samples, 10000, 500, ("192.0.2.2", "192.0.2.3"))
    check(sent > 9900, "only %d mutations were sent" % sent)
    for name, s in (("left to right", there), ("right to left", back)):
        check(s.sent > 2000, "%s: only %d packets" % (name, s.sent))
        check_equal(s.lost, 0, "%s: lost of %d, missing %s" % (name, s.sent, s.missing[:5]))
    still_well(site, pids)
    check_equal(site.culvert.flow()["inbound"]["spi"], spi, "the SA that was up before")
    after = site.culvert.drops()
    lost = sum(after.get(k, 0) - before.get(k, 0) for k in ("punt-full", "punt-limit"))
    check(lost < sent / 20, "%d mutations never reached the daemon" % lost)
    site.peer.rekey(child="site")
    wait_for("the old SA to answer a rekey", lambda: site.culvert.flow()["inbound"]["spi"] != spi, 8)
    site.peer.terminate()
    site.culvert.wait_down()
    wait_for("a new tunnel", lambda: site.peer.initiate(check=False).returncode == 0, 60, 1)
    site.culvert.wait_up()
    ping_until(site.left, site.right_address, 5)
    return "%d messages, %d packets through the tunnel" % (sent, there.sent + back.sent)


@case("10,000 mutated ESP packets: dropped with their reasons, the tunnel forwards on")
def mutated_esp():
    site, recorded = recorded_site()
    live = site.culvert.flow()["inbound"]["spi"]
    samples = [{"sport": 4500, "dport": 4500, "hex": d.esp.hex(), "marker": "", "esp": True} for d in recorded
               if d.esp is not None and d.dst[0] == "192.0.2.1" and int.from_bytes(d.esp[:4], "big") == live]
    check(samples, "no ESP packet of the live SA was recorded")
    pids, before = pids_of(site), site.culvert.drops()
    with Stream(site.left, site.right, site.right_address, 200) as there:
        with Stream(site.right, site.left, site.left_address, 200) as back:
            sent = flood(site, samples, 10000, 2000, ("192.0.2.2",))
    for name, s in (("left to right", there), ("right to left", back)):
        check_equal(s.lost, 0, "%s: lost of %d, missing %s" % (name, s.sent, s.missing[:5]))
    still_well(site, pids)
    after = site.culvert.drops()
    grown = {k: after[k] - before.get(k, 0) for k in after if after[k] > before.get(k, 0)}
    check(grown.get("esp-auth", 0) > 1000, "esp-auth grew by %d" % grown.get("esp-auth", 0))
    for reason in ("esp-short", "unknown-spi"):
        check(grown.get(reason, 0) > 0, "no packet was counted as %s: %s" % (reason, grown))
    named = sum(grown.get(k, 0) for k in ("esp-auth", "esp-short", "unknown-spi", "replay-old", "replay-dup",
                                          "wrong-peer", "malformed-l4", "natt-keepalive",
                                          "punt-limit", "punt-full"))
    # Mutations that begin with four zero octets are IKE and go to the daemon.
    told = re.findall(r"ESP of SPI 0x%08x, number \d+, from 192.0.2.2\S* to 192.0.2.1\S*, of Tunnel\d+, is dropped: .* \(esp-auth\)" % live,
                      site.culvert.log_text())
    check(1 <= len(told) <= 4, "forgeries are logged, of an SA one in ten seconds: %s" % told)
    check(named > sent * 0.95, "%d of %d mutations have a named reason: %s" % (named, sent, grown))
    return "%d packets, %s" % (sent, " ".join("%s %d" % kv for kv in sorted(grown.items())))


@case("recorded packets played again: replays are dropped, nothing changes")
def replayed():
    site, recorded = recorded_site()
    pids, before = pids_of(site), site.culvert.drops()
    samples = [{"sport": d.src[1], "dport": d.dst[1], "hex": d.data.hex()} for d in recorded
               if d.dst[0] == "192.0.2.1"]
    path = site.lab.write("replay.json", json.dumps(samples))
    spi = site.culvert.flow()["inbound"]["spi"]
    code = ("import json,sys,socket; sys.path.insert(0,%r); import flood\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_RAW,socket.IPPROTO_RAW)\n"
            "for d in json.load(open(%r)): s.sendto(flood.packet('192.0.2.2','192.0.2.1',d['sport'],d['dport'],"
            "bytes.fromhex(d['hex'])),('192.0.2.1',0))" % (HERE, path))
    for _ in range(3):
        site.peer_ns.run("/usr/bin/python3", "-c", code)
    still_well(site, pids)
    check_equal(site.culvert.flow()["inbound"]["spi"], spi, "the SA that was up before")
    after = site.culvert.drops()
    replays = after.get("replay-dup", 0) + after.get("replay-old", 0)
    check(replays - before.get("replay-dup", 0) - before.get("replay-old", 0) > 10, "replays counted: %d" % replays)
    wait_for("a line about the replays", lambda: re.search(
        r"ESP of SPI 0x%08x, number \d+, from 192.0.2.2\S* to 192.0.2.1\S*, of Tunnel\d+, is dropped: .* \(replay-(dup|old)\)" % spi,
        site.culvert.log_text()), 5)


if __name__ == "__main__":
    main()
