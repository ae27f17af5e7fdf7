#!/usr/bin/python3
"""crypto-engine inline in a running culvert-dp, in front of it the model of a NIC that does IPsec (tests/system/inline_nic.c), behind that a tunnel to
strongSwan. What the NIC takes it does and is counted to the packet; what it does not take software does, packet by packet; whatever happens
nothing is in clear on the wire, and no sequence number and no IV is there twice."""
import json
import os
import time

from capture import Capture, clear_on_wire, ivs_are_single
from case import Skip, add_case, case, check, check_equal, main
from culvert import BUILD, GCM
from net import wait_for
from topology import strongswan_site
from traffic import Stream, ping, ping_until

SHIM = os.path.join(BUILD, "tests", "system", "inline_nic.so")
RATE = 100
INSIDE = ("10.1.0.", "10.2.0.")


class Nic:
    """The model: orders, and its own account of what it did."""

    def __init__(self, site, capabilities):
        self.lab = site.lab
        self.file = site.lab.path("nic")
        site.culvert.env.update({"LD_PRELOAD": SHIM, "CULVERT_TEST_NIC": "%s %s" % (capabilities, self.file)})

    def do(self, *lines):
        """Orders; what it has counted so far."""
        done = self.file + ".done"
        if os.path.exists(done):
            os.unlink(done)
        with open(self.file + ".new", "w") as f:
            f.write("".join(line + "\n" for line in lines or ("report",)))
        os.rename(self.file + ".new", self.file)
        wait_for("the NIC's account", lambda: os.path.exists(done), 10)
        with open(done) as f:
            return json.load(f)


class InlineSite:
    """A tunnel through a NIC, and what must hold of all that went over its wire."""

    def __init__(self, title, capabilities="all", before=None, cuts=False, **culvert_args):
        """before: orders for the NIC when it is there; cuts: hosts and the peer send packets that are too long in pieces, from the first on."""
        if not os.path.exists(SHIM):
            raise Skip("%s is not built" % SHIM)
        args = {"engine": "inline", "workers": 1, **culvert_args}
        self.site = strongswan_site("inline-" + title, GCM, start=False, culvert_args=args)
        self.nic = Nic(self.site, capabilities)
        self.before, self.cuts = before, cuts

    def __enter__(self):
        s = self.site
        try:
            for ns in (s.left, s.right, s.peer_ns) if self.cuts else ():
                ns.run("sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1")
            self.wire = Capture(s.peer_ns, "out0", what="")
            s.culvert.start()
            s.peer.start(s.peer_conf)
            if self.before:
                self.nic.do(*self.before)
            s.culvert.up()
            s.culvert.wait_up()
            ping_until(s.left, s.right_address, 5)
        except BaseException:
            s.lab.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.judge()
        self.site.lab.close()

    def judge(self):
        """The wire, and what the model found amiss."""
        self.account = self.nic.do()
        pcap = self.wire.stop()
        self.seen = ivs_are_single(pcap, "192.0.2.1", 8)
        check(self.seen > 0, "no ESP of culvert's on the wire")
        check_equal(clear_on_wire(pcap, INSIDE), [], "packets in clear on the wire")
        check_equal((self.account["misuse"], self.account["why"]), (0, ""), "what the NIC was asked for and may not be")
        check_equal((self.account["left_in_clear"], self.account["unasked"], self.account["failed"]), (0, 0, 0),
                    "packets without a session, ports without the offloads, wrong ICVs")

    def flow(self):
        return self.site.culvert.flow()

    def engines(self):
        """Rows of show platform dataplane: the NIC's, software's."""
        rows = self.site.culvert.json("show", "platform", "dataplane")["crypto"]
        return rows[0], rows[-1]

    def settled(self):
        """When the figures of show, which come once a second, have stood still: (packets, offloaded) of the SA out and in, and the rows."""
        def read():
            f = self.flow()
            return tuple((f[w]["packets"], f[w]["offloaded"]) for w in ("outbound", "inbound")), self.engines()
        was, since = read(), time.monotonic()
        end = since + 30
        while time.monotonic() < end:
            time.sleep(0.2)
            now = read()
            if now != was:
                was, since = now, time.monotonic()
            elif time.monotonic() - since > 2.5:
                break
        return was


def exact(t, software=0):
    """Every packet of the SAs in use was the NIC's but `software` each way (None: at least one); all counts agree."""
    (out, into), (nic, soft) = t.settled()
    account = t.nic.do()
    check_equal((nic["engine"], nic["device"], soft["engine"]), ("inline", "Ethernet0/0", "software"), "rows of engines")
    check_equal(nic["packets"], account["encrypted"] + account["decrypted"], "packets of the NIC's row")
    check_equal(soft["packets"], (out[0] - out[1]) + (into[0] - into[1]), "packets of the row of software")
    check_equal((out[1], into[1]), (account["encrypted"], account["decrypted"]), "offloaded of the SAs, out and in")
    if software == 0:
        check_equal((out[0], into[0]), (out[1], into[1]), "packets of the SAs, and offloaded")
    return out, into


def shown(t, engine, mode, reason=None):
    f = t.flow()
    for way in ("inbound", "outbound"):
        check_equal((f[way]["engine"], f[way]["engine_mode"]) if engine else f[way]["engine"] != "inline", (engine, mode) if engine else True,
                    "what works on the SA " + way)
        check_equal((f[way]["engine_fallback"] or {}).get("reason"), reason, "why not the NIC, " + way)
        if engine:
            check_equal(f[way]["engine_device"], "Ethernet0/0", "its device")


def carries(t, name, count=RATE, disturb=None):
    """Counted streams each way, with disturb() in their midst: culvert drops none of it, none comes twice, and on the NIC or beside it so many arrive.
    What strongSwan's user-space ESP loses while the machine stands still is no matter of this test: (sent, lost)."""
    s = t.site
    before = s.culvert.drops()
    with Stream(s.left, s.right, s.right_address, RATE) as there:
        with Stream(s.right, s.left, s.left_address, RATE) as back:
            for work in (disturb, None) if disturb else (None,):
                until = [st.progress() + count for st in (there, back)]
                wait_for("%d packets more each way (%s)" % (count, name),
                         lambda u=until: all(st.progress() >= n for st, n in zip((there, back), u)), 30)
                if work:
                    work()
    after = s.culvert.drops()
    more = {k: n - before.get(k, 0) for k, n in after.items() if n != before.get(k, 0)}
    check_equal(more, {}, "%s: what culvert dropped" % name)
    check_equal((there.duplicates, back.duplicates), (0, 0), "%s: packets that came twice" % name)
    return there.sent + back.sent, there.lost + back.lost


def tunnel(capabilities, mode):
    with InlineSite("tunnel-" + capabilities, capabilities) as t:
        s = t.site
        shown(t, "inline", mode)
        for source, address in ((s.left, s.right_address), (s.right, s.left_address)):
            sent, received = ping(source, address, 20, 0.02)
            check(received > 0, "no echo replies from " + address)
        n, gone = carries(t, "stream")
        if mode == "inline-crypto":
            out, into = exact(t)
        else:
            (out, into), (nic, _) = t.settled()
            account = t.nic.do()
            check_equal((out[1], into[1]), (account["encrypted"], account["decrypted"]), "offloaded of the SAs, out and in")
            check_equal(nic["packets"], out[1] + into[1], "packets of the NIC's row")
        text = s.culvert.cli("show", "crypto", "ipsec", "sa").stdout
        check("engine: inline Ethernet0/0 %s" % mode in text, "show crypto ipsec sa does not name the port")
        check("offloaded packets: %d" % out[1] in text, "show crypto ipsec sa has not the count")
        s.culvert.down()
        s.culvert.wait_down()
        wait_for("the NIC's sessions to go", lambda: t.nic.do()["sessions"] == 0, 10)
        check_equal(t.nic.do()["rules"], 0, "rules left in the NIC")
    return "%d packets streamed, %d lost by the peer; %d ESP packets on the wire looked at" % (n, gone, t.seen)


def rekeyed(capabilities):
    with InlineSite("rekey-" + capabilities, capabilities) as t:
        s = t.site
        before = t.flow()["outbound"]["spi"]

        def again():
            for _ in range(2):
                was = t.flow()["outbound"]["spi"]
                s.culvert.rekey()
                wait_for("a new SA", lambda: (t.flow() or {"outbound": {"spi": was}})["outbound"]["spi"] != was, 10)
                time.sleep(0.3)
        n, gone = carries(t, "rekey", disturb=again)
        check(t.flow()["outbound"]["spi"] != before, "no new SA")
        shown(t, "inline", "inline-crypto" if capabilities != "protocol" else "inline-protocol")
        account = t.nic.do()
        check_equal(account["created"] >= 6, True, "sessions for three pairs of SAs (%d)" % account["created"])
        wait_for("sessions of old SAs to go", lambda: t.nic.do()["sessions"] == 2, 15)
    return "%d packets, culvert lost none, the peer %d; %d sessions" % (n, gone, account["created"])


for caps_, mode_ in (("all", "inline-crypto"), ("no-metadata", "inline-crypto"), ("protocol", "inline-protocol")):
    add_case("tunnel, capabilities %s" % caps_, lambda c=caps_, m=mode_: tunnel(c, m))
for caps_ in ("all", "no-metadata"):
    add_case("rekey under traffic, capabilities %s" % caps_, lambda c=caps_: rekeyed(c))


@case("fall-back: a full session table")
def full_table():
    with InlineSite("table") as t:
        s = t.site
        carries(t, "on the NIC", 100)
        account = t.nic.do("table 2")

        def again():
            s.culvert.rekey()
            wait_for("SAs that the NIC refused", lambda: t.nic.do()["refused"] >= 2, 10)
        carries(t, "rekey", disturb=again)
        shown(t, None, None, "refused")
        carries(t, "software", 100)
        (out, into), _ = t.settled()
        check_equal((out[1], into[1]), (None, None), "offloaded of SAs that are not the NIC's")
        check(out[0] >= 50 and into[0] >= 50, "software carried %d and %d packets" % (out[0], into[0]))
        t.nic.do("table 1024")
        wait_for("room in the table", lambda: t.nic.do()["sessions"] == 0, 15)
        s.culvert.rekey()
        wait_for("SAs on the NIC", lambda: t.nic.do()["sessions"] == 2, 15)
        return "%d sessions made, %d refused" % (account["created"], t.nic.do()["refused"])


@case("fall-back: metadata refused, packet by packet")
def metadata():
    with InlineSite("metadata") as t:
        carries(t, "on the NIC", 100)
        was = t.nic.do("metadata 0")
        carries(t, "software", 100)
        now = t.nic.do("metadata 1")
        check_equal(now["encrypted"], was["encrypted"], "packets that the NIC encrypted without metadata")
        carries(t, "on the NIC again", 100)
        out, _ = exact(t, software=None)
        check(out[0] - out[1] >= 100, "software encrypted %d" % (out[0] - out[1]))
        return "%d of %d going out by the NIC" % (out[1], out[0])


@case("fall-back: ESP that comes in fragments")
def fragments():
    """af_packet puts them together before culvert sees them; a NIC would have seen pieces, so the model lets them pass as they are."""
    with InlineSite("fragments", before=["longest 1014"], cuts=True) as t:
        s = t.site
        s.peer_ns.run("ip", "route", "add", "192.0.2.1/32", "dev", "out0", "mtu", "lock", "1000")
        was = t.settled()[0][1]
        sent, received = ping(s.right, s.left_address, 10, 0.05, size=1300)
        check(received > 0, "no replies to long pings")
        carries(t, "short ones", 50)
        _, into = exact(t, software=None)
        check(into[0] - into[1] - (was[0] - was[1]) >= received, "%d of the long packets came past the NIC" % (into[0] - into[1]))
        return "%d of %d coming in by the NIC" % (into[1], into[0])


@case("fall-back: packets longer than the path, cut after encryption")
def oversized():
    with InlineSite("oversized", cuts=True, extra="crypto ipsec fragmentation after-encryption\ninterface Tunnel1\n ip mtu 1500") as t:
        s = t.site
        was = t.settled()[0][0]
        sent, received = ping(s.left, s.right_address, 10, 0.05, size=1460)
        check(received > 0, "no replies to long pings")
        carries(t, "short ones", 50)
        out, _ = exact(t, software=None)
        check(out[0] - out[1] - (was[0] - was[1]) == sent, "software encrypted %d of the long packets" % (out[0] - out[1]))
        return "%d of %d going out by the NIC" % (out[1], out[0])


@case("fall-back: the route to the peer leads to another port for a while")
def other_port():
    with InlineSite("route") as t:
        s = t.site
        # A second way from the inside to the peer, which knows no IPsec: left hands on what culvert sends it for the peer.
        s.lab.veth(s.left, "way0", s.peer_ns, "way0")
        s.left.address("way0", "198.51.100.1/24")
        s.peer_ns.address("way0", "198.51.100.2/24")
        s.left.forward()
        s.left.run("ip", "route", "add", "192.0.2.2/32", "via", "198.51.100.2")
        second = Capture(s.peer_ns, "way0", "second", what="")
        with open(s.culvert.config) as f:
            text = f.read()
        carries(t, "on the NIC", 100)
        s.culvert.write_config(text + "ip route 192.0.2.2 255.255.255.255 10.1.0.2\n")
        s.culvert.reload()
        ping_until(s.left, s.right_address, 5)
        was = t.nic.do()
        n, _ = carries(t, "by the other port", 100)
        now = t.nic.do()
        check_equal(now["encrypted"], was["encrypted"], "packets that the NIC encrypted meanwhile")
        s.culvert.write_config(text)
        s.culvert.reload()
        ping_until(s.left, s.right_address, 5)
        carries(t, "on the NIC again", 100)
        check(t.nic.do()["encrypted"] > now["encrypted"], "the NIC has nothing to do any more")
        pcap = second.stop()
        others = ivs_are_single(pcap, "192.0.2.1", 8)
        check(others >= 100, "%d packets by the other port" % others)
        check_equal(clear_on_wire(pcap, INSIDE), [], "packets in clear by the other port")
        check_equal(ivs_are_single([pcap, t.wire.path], "192.0.2.1", 8) > others, True, "IVs of both wires")
        exact(t, software=None)
        return "%d packets while it was so, %d ESP packets by the other port" % (n, others)


def lost(how):
    with InlineSite("lost") as t:
        s = t.site
        before = t.flow()
        carries(t, "on the NIC", 100)
        was = t.nic.do()

        def lose():
            t.nic.do("lost " + how)
        carries(t, "loss", disturb=lose)
        now = t.nic.do()
        after = t.flow()
        for way in ("inbound", "outbound"):
            check_equal(after[way]["spi"], before[way]["spi"], "SPI " + way)
            check_equal(after[way]["engine_fallback"]["reason"], "device-failed", "why not the NIC, " + way)
        check_equal(s.culvert.log_text().count("the NIC has lost its IPsec sessions"), 1, "times the log says it")
        carries(t, "software", 100)
        check_equal(t.nic.do()["encrypted"], now["encrypted"], "packets given to a NIC that is lost")
        s.culvert.rekey()
        ping_until(s.left, s.right_address, 5)
        check_equal(t.nic.do()["created"], was["created"], "sessions made on a NIC that is lost")


for how_ in ("reset", "removed", "recovering"):
    add_case("the NIC is lost under traffic: %s" % how_, lambda h=how_: lost(h))


def told(event, capabilities="all"):
    """The driver says something of the SA going out: there is another one soon, and the tunnel stays."""
    with InlineSite("event", capabilities) as t:
        s = t.site
        was = t.flow()["outbound"]["spi"]

        def say():
            t.nic.do("event %s %d" % (event, was))
            wait_for("another SA", lambda: (t.flow() or {"outbound": {"spi": was}})["outbound"]["spi"] != was, 15)
        if event.startswith("hard"):  # it is over at once: what is sent until there is another is lost
            say()
            ping_until(s.left, s.right_address, 15)
        else:
            carries(t, event, disturb=say)
        ping_until(s.left, s.right_address, 5)
        shown(t, "inline", "inline-crypto")
        t.nic.do("event soft-packets 77", "event soft-packets %d" % was)  # of nobody, of one that is gone or going
        time.sleep(0.5)
        carries(t, "afterwards", 100)


for event_ in ("soft-bytes", "soft-packets", "esn", "hard-bytes", "hard-packets"):
    add_case("the driver says: %s" % event_, lambda e=event_: told(e))

if __name__ == "__main__":
    main()
