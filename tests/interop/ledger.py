"""What became of every packet between two hosts: the counters of each hop on the way, taken before and after.

    with Ledger(lab, [(left, "eth0", gw, "in0"), ...], gateways=[...], receivers=[right]) as book:
        ... traffic ...
    book.lost      {"cable left/eth0 > gw/in0": 3, ...}: hops that lost packets, those of the test's own parts
    book.drops     {"gw": {"replay": 1}}: what the gateways dropped, by their own counters
    book.text()    both in one line

A cable is a veth pair: what one end sent and the other did not receive was dropped between them (a processor's backlog). A port is the ring of
af_packet: what the kernel's interface received and the gateway did not. A receiver is a host's UDP: datagrams that its sockets had no room for. Other
packets (ARP, pings) are counted alike and disturb nothing: only differences count.

A gateway has `short`, `ns`, drops() and port_counts(), which gives {"in0": (received, sent)} as its driver counted them.
"""
import json
import time

SETTLE_S, SETTLE_MAX_S = 0.3, 6  # the gateways write their ports' counters about ten times a second


def link(ns, interface):
    row = json.loads(ns.run("ip", "-s", "-j", "link", "show", "dev", interface).stdout)[0]["stats64"]
    return row["rx"]["packets"], row["tx"]["packets"]


def udp_lost(ns):
    """Datagrams that arrived and found no room, or were wrong."""
    rows = [line.split() for line in ns.run("cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Udp:")]
    return int(dict(zip(rows[0], rows[1]))["InErrors"])


class Ledger:
    def __init__(self, cables, gateways, receivers):
        self.cables, self.gateways, self.receivers = cables, gateways, receivers
        self.lost, self.drops = {}, {}

    def _links(self):
        ends = {(ns.short, name): ns for a, a_if, b, b_if in self.cables for ns, name in ((a, a_if), (b, b_if))}
        return {end: link(ns, end[1]) for end, ns in ends.items()}

    def _take(self):
        """Read until nothing moves: a stray frame between two readings would look like a loss."""
        now, end = self._read(), time.monotonic() + SETTLE_MAX_S
        while True:
            time.sleep(SETTLE_S)
            before, now = now, self._read()
            if now == before or time.monotonic() > end:
                return now

    def _read(self):
        return {"links": self._links(), "ports": {g.short: g.port_counts() for g in self.gateways},
                "drops": {g.short: g.drops() for g in self.gateways}, "udp": {r.short: udp_lost(r) for r in self.receivers}}

    def __enter__(self):
        self.before = self._take()
        return self

    def __exit__(self, *exc):
        self.after = self._take()
        self._cables()
        self._ports()
        for short, now in self.after["udp"].items():
            self._add("sockets of %s" % short, now - self.before["udp"][short])
        for short, now in self.after["drops"].items():
            was = self.before["drops"][short]
            more = {k: n - was.get(k, 0) for k, n in now.items() if n != was.get(k, 0)}
            if more:
                self.drops[short] = more
        return False

    def _add(self, hop, n):
        if n != 0:
            self.lost[hop] = n

    def _more(self, end, which):
        return self.after["links"][end][which] - self.before["links"][end][which]

    def _cables(self):
        for a, a_if, b, b_if in self.cables:
            for one, two in (((a.short, a_if), (b.short, b_if)), ((b.short, b_if), (a.short, a_if))):
                self._add("cable %s/%s > %s/%s" % (one + two), self._more(one, 1) - self._more(two, 0))

    def _ports(self):
        for g in self.gateways:
            for name, now in self.after["ports"][g.short].items():
                end = (g.ns.short, name)
                if end in self.after["links"]:
                    was = self.before["ports"][g.short][name]
                    self._add("ring %s/%s" % end, self._more(end, 0) - (now[0] - was[0]))
                    self._add("sending %s/%s" % end, (now[1] - was[1]) - self._more(end, 1))

    def text(self):
        return "hops that lost packets: %s; drops of the gateways: %s" % (self.lost or "none", self.drops or "none")


def ledger_of(site):
    """What every hop between the two hosts loses, of a site with a gateway `culvert` and a peer, both with ports in0 and out0."""
    gw = site.culvert.ns
    cables = [(site.left, "eth0", gw, "in0"), (site.peer_ns, "out0", gw, "out0"), (site.peer_ns, "in0", site.right, "eth0")]
    gateways = [g for g in (site.culvert, site.peer) if hasattr(g, "port_counts")]
    return Ledger(cables, gateways, (site.left, site.right))
