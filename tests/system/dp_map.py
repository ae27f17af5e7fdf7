#!/usr/bin/python3
"""culvert-dp with the policies of crypto maps: both directions, what goes in clear and what never does, and VRFs.

    left host -- A -- mid (bridge) -- B -- right host      10.1.0.0/24, fd00:1::/64 | 10.2.0.0/24, fd00:2::/64
A and B route the other's network to each other in clear; the policy of their outer port (if 2) protects it."""
import os
import re
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from capture import Capture  # noqa: E402
from case import case, check, check_equal, main  # noqa: E402
from dp_site import SPI_A, SPI_B, Site, clear_packets, frames, ping_ok  # noqa: E402
from map_site import FLOW4, FLOW6, PROTECT, MapSite, seen_by  # noqa: E402
from net import wait_for  # noqa: E402
from traffic import iperf3, ping  # noqa: E402


@case("PR-12: what the permit lines name goes through their SAs, both ways and both families, and nothing of it in clear")
def both_ways():
    site = MapSite("map")
    site.flow_sas()
    site.flow_sas(FLOW6, 2, family=6)
    site.policies(PROTECT)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    for host, targets in ((site.left, ("10.2.0.2", "fd00:2::2")), (site.right, ("10.1.0.2", "fd00:1::2"))):
        for target in targets:
            ping_ok(host, target)
            ping_ok(host, target, size=1300)
    ping_ok(site.left, "10.2.0.1")  # the other gateway's own address
    said = site.a.ctl("ping 10.2.0.2 10.1.0.1 count 3")  # this gateway's own packets
    check_equal(len(re.findall(r"^event ping .*type 0 .*from 10.2.0.2", said, re.M)), 3, "answers to A itself: %s" % said)
    for slot in (1, 2):
        check_equal(site.b.counters("in", slot)["packets"], site.a.counters("out", slot)["packets"], "slot %d, A to B" % slot)
        check_equal(site.a.counters("in", slot)["packets"], site.b.counters("out", slot)["packets"], "slot %d, B to A" % slot)
        check(site.a.counters("out", slot)["packets"] >= 20, "packets of slot %d" % slot)
    rate = iperf3(site.left, site.right, "10.2.0.2", seconds=2)["mbits"]
    check_equal(clear_packets(wire.stop()), 0, "clear packets in the middle")
    for gw in (site.a, site.b):
        bad = {k: v for k, v in gw.drops().items() if k.startswith(("esp", "replay", "ts-", "policy", "no-sa"))}
        check(not bad, "drops on %s: %s" % (gw.short, bad))
    check_equal((site.a.stop(), site.b.stop()), (0, 0), "exit statuses")
    return "%.0f Mbit/s" % rate


@case("large packets through a map: cut before encryption without DF, refused with ICMP when DF is set")
def large():
    site = MapSite("maplarge")
    site.flow_sas()
    site.policies(PROTECT)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    ping_ok(site.left, "10.2.0.2", 2)
    done = site.left.run("ping", "-M", "dont", "-c", "3", "-i", "0.1", "-s", "3000", "10.2.0.2", check=False)
    check(" 3 received" in done.stdout, done.stdout)
    done = site.left.run("ping", "-M", "do", "-c", "2", "-i", "0.1", "-s", "1472", "10.2.0.2", check=False)
    check("needed" in done.stdout or "too long" in done.stdout, done.stdout + done.stderr)
    check(site.a.drops().get("too-big", 0) >= 1, "too-big drops: %s" % site.a.drops())
    check_equal(clear_packets(wire.stop()), 0, "clear packets in the middle")


@case("deny lines pass in clear or are dropped, and what no line names passes in clear")
def deny():
    site = MapSite("deny")
    site.left.address("eth0", "10.1.0.3/24", "10.1.0.4/24")
    site.right.address("eth0", "10.2.0.3/24", "10.2.5.2/24")
    site.b.ctl("route 0 10.2.5.0/24 via 10.2.0.2")
    site.flow_sas()
    site.policies("5 bypass 0 10.{l}.0.3/32 10.{r}.0.3/32\n7 discard 0 10.1.0.4/32 10.2.0.0/24\n"
                  "8 discard 0 10.2.0.0/24 10.1.0.4/32\n" + PROTECT)
    wire = Capture(site.mid, "br0", what="ip")
    ping_ok(site.left, "10.2.0.3", 4, source="10.1.0.3")
    ping_ok(site.left, "10.2.5.2", 4, source="10.1.0.2")
    ping_ok(site.left, "10.2.0.2", 4, source="10.1.0.2")
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, source="10.1.0.4", wait=1)[1], 0, "answers to what is dropped")
    pcap = wire.stop()
    check_equal(site.a.drops().get("policy-deny"), 3, "policy-deny drops: %s" % site.a.drops())
    site.frames_from_mid(site.a, ["IP(src='10.2.0.2',dst='10.1.0.4')/ICMP()"])
    site.a.dropped("policy-deny", 6, "the mirror image is dropped, too")
    check_equal(frames(pcap, "icmp && ip.addr == 10.1.0.3 && ip.addr == 10.2.0.3"), 8, "clear packets of the deny line")
    check_equal(frames(pcap, "icmp && ip.addr == 10.2.5.2"), 8, "clear packets that no line names")
    check_equal(clear_packets(pcap), 16, "clear packets in all")


@case("without an SA: nothing in clear; protect asks once a second, protect-only never, protect-if lets pass until there is one")
def no_sa():
    site = MapSite("nosa")
    site.policy(site.a, PROTECT)
    wire = Capture(site.mid, "br0", what="ip or ip6")
    listener = site.a.listen(60000)
    started = time.monotonic()
    sent, got = ping(site.left, "10.2.0.2", 10, interval=0.05, wait=1)
    spent = time.monotonic() - started
    said = listener.heard()  # ping has waited for a second more
    check_equal(got, 0, "answers without an SA")
    acquires = re.findall(r"^event acquire if (\d+) vrf 0 proto 1 src 10.1.0.2:0 dst 10.2.0.2:0", said, re.M)
    check(set(acquires) == {"20"} and len(acquires) <= 1 + spent, "acquires in %.1f s: %s" % (spent, said))
    check_equal(site.a.drops().get("no-sa"), sent, "no-sa drops")
    # An SA of other selectors is none: it is asked for again, and nothing passes.
    site.a.ctl("sa out 1 %#x 20 gcm128 2 192.0.2.1 192.0.2.2 ts 10.1.0.0/24 10.2.0.128/25\nactivate 1 %#x" % (SPI_B, SPI_B))
    listener = site.a.listen(60000)
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)[1], 0, "answers by an SA of other selectors")
    check("event acquire if 20" in listener.heard("event acquire if 20"), "asked again")
    site.a.ctl("sa-del out 1 %#x" % SPI_B)
    site.policy(site.a, PROTECT.replace("protect", "protect-only"))
    listener = site.a.listen(60000)
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)[1], 0, "answers under protect-only")
    check("acquire" not in listener.heard(), "protect-only asks nobody")
    check_equal(clear_packets(wire.stop()), 0, "clear packets in the middle")
    # The flow is gone, the row is not: it protects on.
    site.a.ctl("if-del %d" % FLOW4)
    wire = Capture(site.mid, "br0", name="gone", what="ip")
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)[1], 0, "answers without a flow")
    check_equal(clear_packets(wire.stop()), 0, "clear packets without a flow")
    site.a.ctl("if-flow %d M-10.10 2" % FLOW4)
    rows = "10 protect-if 20 0.0.0.0/0 0.0.0.0/0"
    site.policies(rows)
    ping_ok(site.left, "10.2.0.2", 3)  # in clear
    check_equal(site.a.counters("out")["packets"], 0, "encrypted packets")
    site.flow_sas(generation=1)
    wire = Capture(site.mid, "br0", name="if", what="ip")
    ping_ok(site.left, "10.2.0.2", 3)
    ping_ok(site.left, "192.0.2.2", 3)  # no SA takes it
    pcap = wire.stop()
    check_equal(clear_packets(pcap), 6, "clear packets: those of 192.0.2.2 alone")
    check_equal(frames(pcap, "esp"), 6, "ESP packets")
    site.frames_from_mid(site.a, ["IP(src='10.2.0.2',dst='10.1.0.2')/ICMP()"])
    site.a.dropped("policy-clear", 3, "what the SA should have carried")


@case("RFC 4301 5.2: in clear what a line protects is dropped, forwarded or local; IKE, ESP and ND of this host are not")
def clear_in():
    site = MapSite("clearin", vdev="net_af_xdp")
    site.flow_sas()
    site.flow_sas(FLOW6, 2, family=6)
    site.policies("10 protect 20 0.0.0.0/0 0.0.0.0/0\n20 protect 21 ::/0 ::/0")
    ping_ok(site.left, "10.2.0.2", 3)
    ping_ok(site.left, "fd00:2::2", 3)  # ND of the gateways among themselves works
    before = site.a.drops().get("policy-clear", 0)
    n = seen_by(site.left, "eth0", "icmp or udp", lambda: site.frames_from_mid(site.a, [
        "IP(src='10.2.0.2',dst='10.1.0.2')/ICMP()",
        "IP(src='10.2.0.2',dst='10.1.0.2')/UDP(sport=500,dport=500)/Raw(b'x'*40)",
        "IP(src='10.2.0.2',dst='10.1.0.2',flags='MF')/UDP(sport=9,dport=9)/Raw(b'x'*40)",
        "IP(src='10.2.0.2',dst='10.1.0.2',frag=100)/Raw(b'x'*40)",
        "IPv6(src='fd00:2::2',dst='fd00:1::2')/ICMPv6EchoRequest()",
        "IP(src='192.0.2.7',dst='10.1.0.1')/ICMP()",
        "IP(src='192.0.2.7',dst='192.0.2.1')/ICMP()",
        "IP(src='192.0.2.7',dst='192.0.2.1')/TCP(dport=500)",
        "IPv6(src='2001:db8::7',dst='2001:db8::1')/ICMPv6EchoRequest()"]))
    check_equal(n, 0, "clear packets that came to the left host")
    site.a.dropped("policy-clear", 27, "in clear, to hosts behind it and to itself", since=before)
    # To this host, and exempt: a whole IKE datagram, one in fragments, ESP of no SA.
    listener = site.a.listen(60000)
    site.frames_from_mid(site.a, [
        "IP(src='192.0.2.2',dst='192.0.2.1')/UDP(sport=500,dport=500)/Raw(b'a'*100)",
        "*fragment(IP(src='192.0.2.2',dst='192.0.2.1',id=77)/UDP(sport=500,dport=500)/Raw(b'b'*2500),fragsize=1400)",
        "IP(src='192.0.2.2',dst='192.0.2.1')/ESP(spi=0x99990001,seq=1,data=b'c'*40)"], count=1, settle=False)
    said = listener.heard("len 100 first 0x61", "len 2500 first 0x62", "event unknown-spi spi 0x99990001")
    check("len 100 first 0x61" in said and "len 2500 first 0x62" in said, "punted IKE: %s" % said)
    check("event unknown-spi spi 0x99990001" in said, "the unknown SPI is told: %s" % said)
    # A whole echo request in fragments to this host: dropped once it is whole.
    before = site.a.drops().get("policy-clear", 0)
    site.frames_from_mid(site.a, [
        "*fragment(IP(src='192.0.2.7',dst='192.0.2.1',id=78)/ICMP()/Raw(b'd'*2500),fragsize=1400)"], count=1)
    site.a.dropped("policy-clear", 1, "the reassembled echo request", since=before)
    # Its own IKE goes out in clear.
    wire = Capture(site.mid, "br0", name="ike", what="udp port 500 or udp port 4500")
    site.a.ctl("inject 192.0.2.1 500 192.0.2.2 500 300\ninject 192.0.2.1 4500 192.0.2.2 4500 301 natt\nsleep 200")
    check_equal(frames(wire.stop(), "udp"), 2, "IKE datagrams on the wire")


@case("RFC 4301 7: later fragments go by a line that protects, whatever its ports, and never by one that lets ports pass")
def fragments():
    site = MapSite("frags", vdev="net_af_xdp")
    site.policy(site.a, "10 protect 20 10.{l}.0.0/24 10.{r}.0.0/24 proto 17 rport 53 53")
    wire = Capture(site.mid, "br0", what="ip")
    pieces = "fragment(IP(src='10.1.0.2',dst='10.2.0.2',id=5)/UDP(sport=4000,dport=%d)/Raw(b'x'*3000),fragsize=1000)"
    ping_ok(site.left, "10.2.0.2", 2)  # not named: in clear
    site.frames_from_left(pieces % 53)
    site.a.dropped("no-sa", 4, "fragments of a protected datagram")
    # Another port: the first fragment is in clear, as the line says; the later ones cannot be told apart and are kept.
    site.frames_from_left(pieces % 54)
    site.a.dropped("no-sa", 7, "later fragments")
    check_equal(frames(wire.stop(), "ip.proto == 17"), 1, "fragments in clear")
    site.policy(site.a, "5 bypass 0 10.{l}.0.0/24 10.{r}.0.0/24 proto 17 rport 53 53\n" + PROTECT)
    wire = Capture(site.mid, "br0", name="pass", what="ip")
    site.frames_from_left(pieces % 53)
    check_equal(frames(wire.stop(), "ip.proto == 17"), 1, "clear: the first fragment alone")
    site.a.dropped("no-sa", 10, "the others")


@case("a policy replaced two hundred times under traffic lets no packet pass in clear, and loses none")
def replaced():
    site = MapSite("replace", workers=2)
    site.flow_sas(slot=2)
    site.policies(PROTECT)
    wire = Capture(site.mid, "br0", what="ip")
    ping_ok(site.left, "10.2.0.2", 2)
    lost, stop = [], threading.Event()

    def traffic():
        while not stop.is_set():
            sent, got = ping(site.left, "10.2.0.2", 200, interval=0.002, wait=1)
            lost.append(sent - got)
    t = threading.Thread(target=traffic)
    t.start()
    # Other rows around the same protection: many, few, in ports, none but it; and transactions that fail.
    filler = "".join("%d bypass 0 10.1.%d.0/24 10.77.%d.0/24\n" % (k + 1, k % 256, k // 2) for k in range(60))
    variants = [PROTECT, filler + PROTECT.replace("10 p", "100 p").replace("20 p", "200 p"),
                "1 protect 20 10.1.0.0/24 10.2.0.0/24 proto 6\n" + PROTECT, "1 protect 20 0.0.0.0/1 10.2.0.0/16"]
    script = ""
    for n in range(200):
        rows = variants[n % len(variants)].format(l=1, r=2)
        script += "policy-begin 2\n" + "".join("policy-row 2 %s\n" % line.strip() for line in rows.strip().splitlines())
        if n % 10 == 3:  # fails: the one before stays
            script += "fail 1 policy-row 2 9 protect 0 10.9.0.0/16 10.9.0.0/16\nfail 1 policy-commit 2\n"
        else:
            script += "policy-commit 2\n"
    said = site.a.ctl(script, timeout=120)
    stop.set()
    t.join()
    check_equal(len(re.findall(r"^reply policy-commit ok", said, re.M)), 180, "commits")
    pcap = wire.stop()
    check_equal(clear_packets(pcap), 0, "clear packets in the middle")
    check_equal(sum(lost), 0, "packets lost")
    # And taken away: only then in clear.
    site.policy(site.a)
    site.policy(site.b)
    ping_ok(site.left, "10.2.0.2", 2)
    return "%d packets meanwhile" % (len(lost) * 200)


@case("a packet that waits for its neighbour goes by the policy that came meanwhile")
def pending():
    site = MapSite("pending")
    # Nobody answers for .9: the packet waits, and is then covered by a policy.
    site.a.ctl("route 0 10.2.0.0/16 via 192.0.2.9")
    wire = Capture(site.mid, "br0", what="ip or arp")
    asked = Capture(site.mid, "br0", name="asked", what="arp host 192.0.2.9")
    t = threading.Thread(target=lambda: ping(site.left, "10.2.0.2", 2, interval=0.1, wait=2))
    t.start()
    wait_for("the neighbour to be asked for", asked.has_some, 10)
    site.policy(site.a, PROTECT)
    site.mid.run("ip", "addr", "add", "192.0.2.9/24", "dev", "br0")  # now it answers
    t.join()
    asked.stop()
    check_equal(clear_packets(wire.stop()), 0, "clear packets")
    check(site.a.drops().get("policy-clear", 0) + site.a.drops().get("no-sa", 0) + site.a.drops().get("no-neighbour", 0) >= 2,
          "drops: %s" % site.a.drops())


def gre_site(name):
    """A GRE tunnel between the gateways, and SAs for its ends that no policy names yet."""
    site = MapSite(name)
    for gw, n, far in ((site.a, 1, 2), (site.b, 2, 1)):
        values = dict(n=n, far=far, mine=SPI_A if n == 1 else SPI_B, theirs=SPI_B if n == 1 else SPI_A)
        gw.ctl("""
            if-tunnel 10 Tunnel1 gre 192.0.2.%(n)d 192.0.2.%(far)d
            addr 10 172.16.0.%(n)d/30
            route 0 10.%(far)d.0.0/24 dev 10
            sa in 1 %(mine)#x 20 gcm128 %(n)d 192.0.2.%(n)d 192.0.2.%(far)d ts 192.0.2.%(n)d/32 192.0.2.%(far)d/32
            sa out 1 %(theirs)#x 20 gcm128 %(far)d 192.0.2.%(n)d 192.0.2.%(far)d ts 192.0.2.%(n)d/32 192.0.2.%(far)d/32
            activate 1 %(theirs)#x
            """ % values)
    return site


@case("GRE in a crypto map: what the tunnel makes is protected by the port's policy, and GRE in clear is not taken")
def gre():
    site = gre_site("mapgre")
    ping_ok(site.left, "10.2.0.2", 2)  # plain GRE so far
    check_equal(site.a.counters("out")["packets"], 0, "encrypted packets")
    site.policies("10 protect 20 192.0.2.{l}/32 192.0.2.{r}/32 proto 47")
    wire = Capture(site.mid, "br0", what="ip")
    ping_ok(site.left, "10.2.0.2", 4)
    ping_ok(site.right, "10.1.0.2", 4, size=1422 - 28)
    # 1500 less 52 of ESP, in whole words with the trailer: 1446; less 24 of GRE.
    done = site.left.run("ping", "-M", "do", "-c", "1", "-W", "1", "-s", "1472", "10.2.0.2", check=False)
    check(re.search(r"mtu ?= ?1422", done.stdout + done.stderr), "Fragmentation Needed: %s %s" % (done.stdout, done.stderr))
    ping_ok(site.left, "10.2.0.2", 2, size=1422 - 28)
    pcap = wire.stop()
    check_equal(frames(pcap, "ip.flags.mf == 1 || ip.frag_offset > 0"), 0, "fragments outside")
    check_equal(frames(pcap, "gre || ip.addr == 10.0.0.0/8"), 0, "GRE in clear")
    check(site.a.counters("out")["packets"] >= 8, "encrypted packets")
    before = site.a.drops().get("policy-clear", 0)
    n = seen_by(site.left, "eth0", "icmp", lambda: site.frames_from_mid(
        site.a, ["IP(src='192.0.2.2',dst='192.0.2.1')/GRE()/IP(src='10.2.0.2',dst='10.1.0.2')/ICMP()"]))
    check_equal(n, 0, "what came of GRE in clear")
    site.a.dropped("policy-clear", 3, "GRE in clear from the wire", since=before)


@case("RFC 4301 6: an ICMP error about what an SA delivered goes back by the SA, from an address that it holds, or by the SA of the return traffic")
def errors():
    site = MapSite("errors")
    site.flow_sas()
    site.policies(PROTECT)
    ping_ok(site.right, "10.1.0.2", 2)
    wire = Capture(site.mid, "br0", what="ip")
    done = site.right.run("ping", "-c", "3", "-i", "0.1", "-W", "1", "-t", "2", "10.1.0.2", check=False)
    check_equal(done.stdout.count("From 10.1.0.1 "), 3, "what the sender hears: %s" % done.stdout)
    check_equal(clear_packets(wire.stop()), 0, "clear packets in the middle")
    # The selectors hold no address of A's.
    site.left.address("eth0", "10.1.0.130/24")
    for gw, l, r in ((site.a, "10.1.0.128/25", "10.2.0.0/24"), (site.b, "10.2.0.0/24", "10.1.0.128/25")):
        mine, theirs, keys = (SPI_A, SPI_B, (1, 2)) if gw is site.a else (SPI_B, SPI_A, (2, 1))
        ends = "192.0.2.1 192.0.2.2" if gw is site.a else "192.0.2.2 192.0.2.1"
        gw.ctl("sa-del in 1 %#x\nsa-del out 1 %#x\npolicy-begin 2\npolicy-row 2 10 protect 20 %s %s\npolicy-commit 2\n"
               "sa in 2 %#x 20 gcm128 %d %s ts %s %s\nsa out 2 %#x 20 gcm128 %d %s ts %s %s\nactivate 2 %#x" %
               (mine, theirs, l, r, mine + 1, keys[0], ends, l, r, theirs + 1, keys[1], ends, l, r, theirs + 1))
    ping_ok(site.right, "10.1.0.130", 2)
    wire = Capture(site.mid, "br0", name="none", what="ip")
    done = site.right.run("ping", "-c", "3", "-i", "0.1", "-W", "1", "-t", "2", "10.1.0.130", check=False)
    check_equal(done.stdout.count("From 10.1.0.1 "), 3, "what the sender hears: %s" % done.stdout)
    check_equal(clear_packets(wire.stop()), 0, "clear packets in the middle")
    check_equal(site.a.drops().get("error-clear", 0), 0, "error-clear: %s" % site.a.drops())


@case("RFC 4301 6: of what came by a tunnel nothing is quoted in clear, though the way back be a wire")
def errors_tunnel():
    site = Site("errtun")
    site.sas()
    ping_ok(site.right, "10.1.0.2", 2)
    site.a.ctl("route 0 10.2.0.0/24 via 192.0.2.2")
    wire = Capture(site.mid, "br0", what="ip")
    site.right.run("ping", "-c", "3", "-i", "0.1", "-W", "1", "-t", "2", "10.1.0.2", check=False)
    check_equal(clear_packets(wire.stop()), 0, "clear packets in the middle")
    check_equal(site.a.drops().get("error-clear"), 3, "error-clear: %s" % site.a.drops())


@case("RFC 4301 6.2: an error of ours about what came by GRE under a crypto map leaves by the map's SA, or not at all")
def errors_gre():
    site = gre_site("errgre")
    site.policies("10 protect 20 192.0.2.{l}/32 192.0.2.{r}/32 proto 47")
    ping_ok(site.left, "10.2.0.2", 2)

    def errors(name):
        wire = Capture(site.mid, "br0", name=name, what="ip")
        done = site.right.run("ping", "-c", "3", "-i", "0.1", "-W", "1", "-t", "2", "10.1.0.2", check=False)
        return done.stdout.count("exceeded"), frames(wire.stop(), "icmp || gre")
    check_equal(errors("by"), (3, 0), "errors that the sender hears, packets in clear")
    check_equal(site.a.drops().get("error-clear", 0), 0, "error-clear: %s" % site.a.drops())
    # The way back is the wire: no line names ICMP between those hosts.
    site.a.ctl("route-del 0 10.2.0.0/24\nroute 0 10.2.0.0/24 via 192.0.2.2")
    check_equal(errors("wire"), (0, 0), "errors that the sender hears, packets in clear")
    check_equal(site.a.drops().get("error-clear"), 3, "error-clear: %s" % site.a.drops())


@case("RFC 4301 7: what an SA of some ports takes leaves by it alone: not beside other ports, not in fragments, and does not come in so")
def narrow_if():
    site = MapSite("narrow", vdev="net_af_xdp")
    site.a.ctl("sa out 1 %#x 20 gcm128 2 192.0.2.1 192.0.2.2 ts 10.1.0.0/24 10.2.0.0/24 upper 17 53 53\nactivate 1 %#x" % (SPI_B, SPI_B))
    site.policy(site.a, "10 protect-if 20 0.0.0.0/0 0.0.0.0/0")
    ping_ok(site.left, "10.2.0.2", 2)  # not its
    wire = Capture(site.mid, "br0", what="ip")
    # The same ends all along: the others, in clear, must not show those the short way.
    site.frames_from_left("[IP(src='10.1.0.2',dst='10.2.0.2')/UDP(sport=9,dport=p)/Raw(b'x'*64) for p in [54]*5+[53]]*100")
    pcap = wire.stop()
    check_equal(frames(pcap, "udp.dstport == 53 && !icmp"), 0, "in clear, what the SA takes")
    check_equal((frames(pcap, "udp.dstport == 54 && !icmp"), frames(pcap, "esp")), (500, 100), "the others in clear, and ESP: %s" % site.a.drops())
    wire = Capture(site.mid, "br0", name="frag", what="ip")
    site.frames_from_left("fragment(IP(src='10.1.0.2',dst='10.2.0.2',id=5)/UDP(sport=9,dport=53)/Raw(b'x'*3000),fragsize=1000)")
    pcap = wire.stop()
    check_equal((frames(pcap, "ip.proto == 17"), frames(pcap, "esp")), (0, 1), "fragments in clear, and ESP: %s" % site.a.drops())
    site.a.dropped("ts-out", 3, "later fragments")
    before = site.a.drops().get("policy-clear", 0)
    n = seen_by(site.left, "eth0", "udp", lambda: site.frames_from_mid(site.a, [
        "IP(src='10.2.0.2',dst='10.1.0.2',proto=17,frag=100)/Raw(b'x'*40)",
        "IP(src='10.2.0.2',dst='10.1.0.2')/UDP(sport=53,dport=9)/Raw(b'x'*40)"]))
    check_equal(n, 0, "what came in clear from outside")
    site.a.dropped("policy-clear", 6, "in clear from outside", since=before)
    # While the flow is away nobody knows what it would take.
    site.a.ctl("if-del %d" % FLOW4)
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)[1], 0, "answers without the flow")


@case("RFC 4301 7: a later fragment of IPv6 that hides its protocol is taken for one that a line of a protocol protects")
def hidden():
    site = MapSite("hidden", vdev="net_af_xdp")
    site.policy(site.a, "10 protect 21 fd00:{l}::/64 fd00:{r}::/64 proto 6")
    ping_ok(site.left, "fd00:2::2", 2)
    wire = Capture(site.mid, "br0", what="ip6")
    later = "IPv6(src='fd00:1::2',dst='fd00:2::2')/IPv6ExtHdrFragment(nh=%d,offset=100,id=9)/Raw(b'x'*64)"
    site.frames_from_left("[%s]" % ", ".join(later % nh for nh in (60, 43, 0, 44, 6, 17)))
    check_equal(frames(wire.stop(), "ipv6.fraghdr"), 1, "in clear: that of UDP alone. %s" % site.a.drops())
    site.a.dropped("no-sa", 5, "the others")


def error_pieces(family, about, to):
    """An ICMP error of a router inside, whose own header no line names, in three fragments: about what `to` sent to `about`."""
    if family == 4:
        return ("fragment(IP(src='10.1.9.9',dst='%s',id=7)/ICMP(type=3,code=1)/IP(src='%s',dst='%s',len=1400)/UDP(sport=7000,dport=5000)/"
                "Raw(b'secret'*180),fragsize=400)" % (to, to, about))
    return ("fragment6(IPv6(src='fd00:9::9',dst='%s')/IPv6ExtHdrFragment(id=7)/ICMPv6DestUnreach()/IPv6(src='%s',dst='%s',plen=1400)/"
            "UDP(sport=7000,dport=5000)/Raw(b'secret'*180),500)" % (to, to, about))


@case("RFC 4301 6.2: an ICMP error in fragments about what a line protects goes nowhere; other ICMP in fragments goes in clear")
def error_fragments():
    site = MapSite("errfrag", vdev="net_af_xdp")
    site.flow_sas()
    site.flow_sas(FLOW6, 2, family=6)
    site.policies(PROTECT)
    for target in ("10.2.0.2", "fd00:2::2"):
        ping_ok(site.left, target, 2)
    site.a.ctl("route 0 10.3.0.0/16 via 192.0.2.2\nroute 0 fd00:3::/64 via 2001:db8::2")
    for family, near, far, other in ((4, "10.1.0.2", "10.2.0.2", "10.3.0.2"), (6, "fd00:1::2", "fd00:2::2", "fd00:3::2")):
        what = "ip" if family == 4 else "ip6"
        pieces = "ip.proto == 1" if family == 4 else "ipv6.fraghdr.ident == 7 || icmpv6.type == 1"
        wire = Capture(site.mid, "br0", name="err%d" % family, what=what)
        before = site.a.drops().get("error-clear", 0)
        site.frames_from_left(error_pieces(family, near, far))
        pcap, kept = wire.stop(), site.a.drops().get("error-clear", 0) - before
        check_equal((frames(pcap, pieces), frames(pcap, "frame contains \"secret\"")), (0, 0), "pieces in clear")
        check(kept >= 3, "error-clear: %d" % kept)
        # About what goes in clear, to somebody no line names; and an echo there.
        wire = Capture(site.mid, "br0", name="clear%d" % family, what=what)
        site.frames_from_left(error_pieces(family, near, other))
        check(frames(wire.stop(), "frame contains \"secret\"") >= 3, "pieces of an error about what is in clear")
    wire = Capture(site.mid, "br0", name="echo", what="ip")
    site.frames_from_left("fragment(IP(src='10.1.9.9',dst='10.3.0.2',id=9)/ICMP()/Raw(b'x'*1200),fragsize=400)")
    check_equal(frames(wire.stop(), "ip.id == 9 && !(icmp.type == 3)"), 4, "pieces of an echo in clear")
    check_equal(site.a.drops().get("error-clear", 0) - before, kept, "dropped beside")


@case("RFC 4301 6.2: the same under a dynamic map: what an SA may have brought is not quoted in clear, in fragments")
def error_fragments_if():
    site = MapSite("errif", vdev="net_af_xdp")
    site.policy(site.a, "10 protect-if 20 0.0.0.0/0 0.0.0.0/0")
    ping_ok(site.left, "10.2.0.2", 2)
    for sa, clear in ((False, True), (True, False)):
        if sa:
            site.a.ctl("sa out 1 %#x 20 gcm128 2 192.0.2.1 192.0.2.2 ts 10.1.0.0/24 10.2.0.0/24\nactivate 1 %#x" % (SPI_B, SPI_B))
        wire = Capture(site.mid, "br0", name="if%d" % sa, what="ip")
        site.frames_from_left(error_pieces(4, "10.1.0.2", "10.2.0.2"))
        got = frames(wire.stop(), "frame contains \"secret\"")
        check(got >= 3 if clear else got == 0, "%d pieces in clear, an SA: %s" % (got, sa))
    # Whole, beside a line that protects what it quotes and has no SA: the line for whoever may come takes its header first.
    site.a.ctl("sa-del out 1 %#x" % SPI_B)
    site.policy(site.a, "5 protect 20 10.1.0.0/24 10.2.0.0/24\n10 protect-if 20 0.0.0.0/0 0.0.0.0/0")
    wire = Capture(site.mid, "br0", name="whole", what="ip")
    before = site.a.drops().get("error-clear", 0)
    site.frames_from_left(error_pieces(4, "10.1.0.2", "10.2.0.2").replace("fragsize=400", "fragsize=1400"))
    check_equal((frames(wire.stop(), "frame contains \"secret\""), site.a.drops().get("error-clear", 0) - before), (0, 1), "in clear, error-clear")


@case("interfaces that are shut down, and come up again, and a data plane that is emptied under traffic: nothing in clear")
def shut():
    site = MapSite("shut")
    site.flow_sas()
    site.policies(PROTECT)
    for gw, n, far in ((site.a, 1, 2), (site.b, 2, 1)):
        # A network that only the tunnel leads to, beside a default route that leads out.
        gw.ctl("""
            if-tunnel 10 Tunnel1 4 192.0.2.%(n)d 192.0.2.%(far)d
            sa in 3 %(mine)#x 10 gcm128 %(n)d 192.0.2.%(n)d 192.0.2.%(far)d
            sa out 3 %(theirs)#x 10 gcm128 %(far)d 192.0.2.%(n)d 192.0.2.%(far)d
            activate 3 %(theirs)#x
            route 0 10.9.%(far)d.0/24 dev 10
            route 0 0.0.0.0/0 dev 2 via 192.0.2.%(far)d
            route 0 10.9.%(n)d.0/24 dev 1 via 10.%(n)d.0.2
            """ % dict(n=n, far=far, mine=(SPI_A if n == 1 else SPI_B) + 2, theirs=(SPI_B if n == 1 else SPI_A) + 2))
    site.left.address("lo", "10.9.1.2/32")
    site.right.address("lo", "10.9.2.2/32")
    ping_ok(site.left, "10.9.2.2", 2, source="10.9.1.2")
    ping_ok(site.left, "10.2.0.2", 2)
    wire = Capture(site.mid, "br0", what="ip")
    flow, tunnel = "if-flow %d M-10.10 2 " % FLOW4, "if-tunnel 10 Tunnel1 4 192.0.2.1 192.0.2.2 "
    site.a.ctl(flow + "down\n" + tunnel + "down")
    for target, source in (("10.2.0.2", "10.1.0.2"), ("10.9.2.2", "10.9.1.2")):
        check_equal(ping(site.left, target, 3, interval=0.05, source=source, wait=1)[1], 0, "answers from " + target)
    check(site.a.drops().get("if-down", 0) >= 6, "if-down: %s" % site.a.drops())
    site.policy(site.a, PROTECT.replace("protect", "protect-if"))
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)[1], 0, "answers of a dynamic map's flow")
    site.policy(site.a, PROTECT)
    site.a.ctl(flow + "\n" + tunnel)
    ping_ok(site.left, "10.9.2.2", 2, source="10.9.1.2")
    ping_ok(site.left, "10.2.0.2", 2)

    def traffic():
        for _ in range(3):
            ping(site.left, "10.9.2.2", 100, interval=0.005, wait=1, source="10.9.1.2")
    before = site.a.taken()
    t = threading.Thread(target=traffic)
    t.start()
    wait_for("the traffic", lambda: site.a.taken() >= before + 20, 10)
    site.a.ctl("flush")
    t.join()
    check_equal(clear_packets(wire.stop()), 0, "clear packets in the middle")


@case("a port whose policy was refused lets nothing pass but IKE and ESP, until one is taken")
def refused():
    site = MapSite("refused")
    ping_ok(site.left, "10.2.0.2", 2)
    site.a.ctl("policy-begin 2\npolicy-row 2 10 protect 20 10.1.0.0/24 10.2.0.0/24\n"
               "fail 1 policy-row 2 20 protect 0 10.1.0.0/24 10.2.0.0/24\nfail 1 policy-commit 2")
    wire = Capture(site.mid, "br0", what="ip")
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)[1], 0, "answers")
    check_equal(ping(site.right, "10.1.0.2", 3, interval=0.05, wait=1)[1], 0, "answers the other way")
    check_equal(frames(wire.stop(), "ip.src == 10.1.0.0/24"), 0, "clear packets from A")
    listener = site.b.listen(60000)
    site.a.ctl("inject 192.0.2.1 500 192.0.2.2 500 120\nsleep 200")
    check("len 120" in listener.heard("len 120"), "IKE")
    site.policy(site.a, PROTECT)
    site.policy(site.b, PROTECT)
    site.flow_sas()
    ping_ok(site.left, "10.2.0.2", 3)


@case("VRFs: equal addresses in two; tunnel inside one, transport in the other; IKE and ping in theirs")
def vrfs():
    site = MapSite("mapvrf")
    for gw, n, far in ((site.a, 1, 2), (site.b, 2, 1)):
        # Inside: VRF 1. Outside: VRF 2, where the inside's own network stands, too, to be mixed up by who can.
        gw.ctl("""
            flush
            if-port 1 Ethernet0/0 Ethernet0/0 vrf 1
            if-port 2 Ethernet0/1 Ethernet0/1 vrf 2
            if-loopback 3 Loopback0 vrf 2
            addr 1 10.%(n)d.0.1/24
            addr 2 192.0.2.%(n)d/24
            addr 3 10.%(n)d.0.1/32
            if-loopback 4 Loopback1 vrf 1
            addr 4 192.0.2.%(n)d/32
            if-tunnel 10 Tunnel1 4 192.0.2.%(n)d 192.0.2.%(far)d vrf 1 tvrf 2
            route 1 10.%(far)d.0.0/24 dev 10
            route 2 10.%(far)d.0.0/24 via 192.0.2.%(far)d
            sa in 1 %(mine)#x 10 gcm128 %(n)d 192.0.2.%(n)d 192.0.2.%(far)d vrf 2
            sa out 1 %(theirs)#x 10 gcm128 %(far)d 192.0.2.%(n)d 192.0.2.%(far)d vrf 2
            activate 1 %(theirs)#x
            """ % dict(n=n, far=far, mine=SPI_A if n == 1 else SPI_B, theirs=SPI_B if n == 1 else SPI_A))
    wire = Capture(site.mid, "br0", what="ip")
    ping_ok(site.left, "10.2.0.2", 3)
    ping_ok(site.right, "10.1.0.2", 3)
    said = site.a.ctl("ping 10.2.0.1 10.1.0.1 vrf 1 count 2")
    check_equal(len(re.findall(r"^event ping .*type 0 ", said, re.M)), 2, "in VRF 1, by the tunnel: %s" % said)
    check_equal(clear_packets(wire.stop()), 0, "clear packets of VRF 1")
    check_equal(site.a.counters("out")["packets"], 8, "packets of the tunnel")
    # The same addresses in VRF 2 are reached in clear: another host of the same name.
    wire = Capture(site.mid, "br0", name="clear", what="ip")
    said = site.a.ctl("ping 10.2.0.1 10.1.0.1 vrf 2 count 2")
    check_equal(len(re.findall(r"^event ping .*type 0 ", said, re.M)), 2, "in VRF 2, in clear: %s" % said)
    check_equal(clear_packets(wire.stop()), 4, "clear packets of VRF 2")
    check_equal(site.a.counters("out")["packets"], 8, "packets of the tunnel")
    site.a.ctl("fail 1 ping 10.2.0.1 10.1.0.1 vrf 3")  # nobody's address there
    # IKE in the fVRF: sent in 2, punted with 2. In VRF 1 the same far address is behind no port.
    listener = site.b.listen(60000)
    site.a.ctl("inject 192.0.2.1 500 192.0.2.2 500 121 vrf 1\ninject 192.0.2.1 500 192.0.2.2 500 120 vrf 2\nsleep 200")
    said = listener.heard("vrf 2 flags 0 len 120")  # the other would have come before
    check("vrf 2 flags 0 len 120" in said and "len 121" not in said, "punted: %s" % said)
    site.a.dropped("no-route", 1, "IKE in the VRF without a way")
    # ESP of the tunnel's SPI to the same address in another VRF: not this SA's.
    n = site.b.counters("in")["packets"]
    site.b.ctl("if-port 1 Ethernet0/0 Ethernet0/0 vrf 1")
    inside = site.mac(site.b, "in0")
    site.right.run("/usr/bin/python3", "-c", "from scapy.all import *\nsendp(Ether(dst=%r)/IP(src='10.2.0.2',dst='192.0.2.2')"
                   "/ESP(spi=%#x,seq=9,data=b'c'*60), iface='eth0', verbose=0)" % (inside, SPI_B), timeout=60)
    site.b.dropped("wrong-peer", 1, "ESP in another VRF")
    check_equal(site.b.counters("in")["packets"], n, "decrypted packets")


@case("VRFs and a map: a flow's packets come out in its own VRF")
def map_vrf():
    site = MapSite("flowvrf")
    b = site.b
    site.flow_sas()
    site.policies(PROTECT)
    ping_ok(site.left, "10.2.0.2", 2)
    b.ctl("if-flow %d M-10.10 2 vrf 5" % FLOW4)
    before = b.counters("in")["packets"]
    check_equal(ping(site.left, "10.2.0.2", 3, interval=0.05, wait=1)[1], 0, "answers from another VRF")
    check_equal(b.counters("in")["packets"] - before, 3, "decrypted packets")
    check_equal(b.drops().get("no-route"), 3, "no-route drops: %s" % b.drops())
    b.ctl("if-port 1 Ethernet0/0 Ethernet0/0 vrf 5\naddr 1 10.2.0.1/24\nroute 5 10.1.0.0/24 dev 2 via 192.0.2.1")
    ping_ok(site.left, "10.2.0.2", 3)
    ping_ok(site.right, "10.1.0.2", 3)


if __name__ == "__main__":
    main()
