#!/usr/bin/python3
"""The demonstration: culvert brings a tunnel up with strongSwan, in each direction, and carries traffic through ESP.

    left-host --- culvert ===== ESP ===== strongSwan --- right-host
    10.1.0.2      192.0.2.1               192.0.2.2      10.2.0.2

Every box is a network namespace. With --pair the peer is a second culvert, and ESP is plain (protocol 50).
Prints a table of what happened; exit 0 only if all of it held. Cleans up after itself, also after Ctrl-C.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "interop"))
import culvert  # noqa: E402
import net  # noqa: E402
import strongswan  # noqa: E402
import topology  # noqa: E402
import traffic  # noqa: E402

PINGS = 20
IPERF_SECONDS = 3


def step(text):
    print("  " + text, flush=True)


class Run:
    """One tunnel from its set-up to its end, with everything that the table shows. problems: what did not hold."""

    def __init__(self, initiator):
        self.initiator = initiator
        self.problems = []

    def expect(self, truth, text):
        if not truth:
            self.problems.append("%s: %s" % (self.initiator, text))


def strongswan_counters(peer):
    """(packets in, packets out, SPI in, SPI out, algorithms) of strongSwan's child."""
    children = peer.installed()
    if len(children) != 1:
        raise net.LabError("strongSwan has %d children, not one" % len(children))
    c = children[0]
    algorithms = "-".join(c[k] for k in ("encr-alg", "encr-keysize", "integ-alg") if k in c)
    return int(c["packets-in"]), int(c["packets-out"]), int(c["spi-in"], 16), int(c["spi-out"], 16), algorithms


def culvert_counters(gateway):
    flows = gateway.session()["flows"]
    if len(flows) != 1:
        raise net.LabError("%s shows %d flows, not one" % (gateway.name, len(flows)))
    f = flows[0]
    return (f["inbound"]["packets"], f["outbound"]["packets"], f["inbound"]["spi"], f["outbound"]["spi"],
            f["transform"])


def carry(site, run):
    """Pings and iperf3, each way."""
    run.first = traffic.ping_until(site.left, site.right_address, 10)
    sent = received = 0
    for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
        s, r = traffic.ping(source, address, PINGS, 0.05)
        sent, received = sent + s, received + r
    run.ping = (sent, received)
    run.expect(received == sent, "%d of %d pings were answered" % (received, sent))
    step("ping: %d of %d answered" % (received, sent))
    run.right = traffic.iperf3(site.left, site.right, site.right_address, IPERF_SECONDS)
    run.left = traffic.iperf3(site.left, site.right, site.right_address, IPERF_SECONDS, reverse=True)
    run.expect(run.right["bytes"] > 1000000 and run.left["bytes"] > 1000000, "iperf3 carried next to nothing")
    step("iperf3: %.0f Mbit/s to the right, %.0f Mbit/s to the left" % (run.right["mbits"], run.left["mbits"]))


def tunnel(site, initiator, peer_counters):
    run = Run(initiator)
    print("\ninitiated by %s" % initiator, flush=True)
    started = time.monotonic()
    if initiator == "strongSwan":
        site.peer.initiate()
    else:
        (site.culvert if initiator in ("culvert", "left culvert") else site.peer).up()
    site.culvert.wait_up()
    run.setup_ms = (time.monotonic() - started) * 1000
    session = site.culvert.session()
    step("up after %.0f ms: peer %s, NAT %s" % (run.setup_ms, session["peer"], session["nat"]))
    run.expect(session["initiator"] == (initiator in ("culvert", "left culvert")), "culvert took the other role")
    clear_before = site.clear_packets()
    carry(site, run)
    time.sleep(1.2)  # strongSwan's and culvert's counters follow within a second
    run.ours, run.theirs = culvert_counters(site.culvert), peer_counters(site.peer)
    run.expect(run.ours[2] == run.theirs[3] and run.ours[3] == run.theirs[2], "the SPIs of the two ends differ")
    for name, counters in (("culvert", run.ours), ("peer", run.theirs)):
        run.expect(counters[0] > 2 * PINGS and counters[1] > 2 * PINGS, "%s counted next to nothing: %s" % (
            name, counters[:2]))
    # What one end sent, the other received; packets in flight at a reading aside.
    run.lost = (run.ours[1] - run.theirs[0], run.theirs[1] - run.ours[0])
    run.expect(min(run.lost) >= -2, "more packets arrived than were sent: %s" % (run.lost,))
    run.expect(site.clear_packets() == clear_before, "packets passed between the gateways in clear")
    return run


def take_down(site, run, initiator):
    if initiator == "strongSwan":
        site.peer.terminate()
    else:
        (site.culvert if initiator in ("culvert", "left culvert") else site.peer).down()
    site.culvert.wait_down()
    if isinstance(site.peer, strongswan.StrongSwan):
        net.wait_for("strongSwan to have no SA left", lambda: not site.peer.sas(), 5)
    else:
        site.peer.wait_down()
    step("taken down by %s; both ends agree" % initiator)


def count_clear(site):
    """Counts packets of the inner networks on the wire between the gateways: there must be none."""
    site.peer_ns.run("nft", "-f", "-", stdin="table netdev watch {\n chain in {\n  type filter hook ingress device out0 "
                     "priority 0\n  ip saddr 10.0.0.0/8 counter\n }\n}\n")

    def read():
        out = site.peer_ns.run("nft", "list", "table", "netdev", "watch").stdout
        return int(out.split("packets ")[1].split()[0])
    return read


def table(runs, peer_name):
    columns = ["initiated by"] + [r.initiator for r in runs]

    def row(name, value):
        return [name] + [value(r) for r in runs]

    rows = [
        row("set-up", lambda r: "%.0f ms" % r.setup_ms),
        row("algorithms, culvert", lambda r: r.ours[4]),
        row("algorithms, " + peer_name, lambda r: r.theirs[4]),
        row("SPI in / out, culvert", lambda r: "%08x / %08x" % r.ours[2:4]),
        row("SPI in / out, " + peer_name, lambda r: "%08x / %08x" % r.theirs[2:4]),
        row("packets in / out, culvert", lambda r: "%d / %d" % r.ours[:2]),
        row("packets in / out, " + peer_name, lambda r: "%d / %d" % r.theirs[:2]),
        row("ESP packets lost > / <", lambda r: "%d / %d" % (max(r.lost[0], 0), max(r.lost[1], 0))),
        row("pings lost", lambda r: "%d of %d" % (r.ping[0] - r.ping[1], r.ping[0])),
        row("iperf3 left to right", lambda r: "%.0f Mbit/s" % r.right["mbits"]),
        row("iperf3 right to left", lambda r: "%.0f Mbit/s" % r.left["mbits"]),
        row("packets in clear", lambda r: "0"),
        row("held", lambda r: "yes" if not r.problems else "NO"),
    ]
    widths = [max(len(line[i]) for line in [columns] + rows) for i in range(len(columns))]
    rule = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    out = [rule, "| " + " | ".join(c.ljust(w) for c, w in zip(columns, widths)) + " |", rule]
    out += ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in rows]
    print("\n" + "\n".join(out + [rule]), flush=True)


def with_strongswan():
    print("culvert 192.0.2.1 --- strongSwan 192.0.2.2, IKEv2 with a pre-shared key, ESP in UDP", flush=True)
    site = topology.strongswan_site("demo")
    return site, ("culvert", "strongSwan"), strongswan_counters, "strongSwan"


def pair():
    print("culvert 192.0.2.1 --- culvert 192.0.2.2, IKEv2 with a pre-shared key, plain ESP", flush=True)
    site = topology.pair_site("demo")
    return site, ("left culvert", "right culvert"), culvert_counters, "right"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", action="store_true", help="two culverts instead of culvert and strongSwan")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("demo: needs root, for network namespaces")
    for reason in (culvert.available(), None if args.pair else strongswan.available()):
        if reason:
            sys.exit("demo: %s" % reason)
    started = time.monotonic()
    runs, problems = [], []
    try:
        site, initiators, peer_counters, peer_name = pair() if args.pair else with_strongswan()
        site.clear_packets = count_clear(site)
        for initiator in initiators:
            runs.append(tunnel(site, initiator, peer_counters))
            take_down(site, runs[-1], initiator)
        table(runs, peer_name)
        problems = [p for r in runs for p in r.problems]
    except (net.LabError, KeyError, ValueError) as e:
        problems.append("%s: %s" % (type(e).__name__, e))
    if problems:
        for lab in list(net._open_labs):
            print(lab.tails(40))
        for p in problems:
            print("demo: did not hold: %s" % p)
    for lab in list(net._open_labs):
        lab.close()
    print("%s after %.0f s" % ("not all held" if problems else "all of it held", time.monotonic() - started))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
