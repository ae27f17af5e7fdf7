#!/usr/bin/python3
"""C1 and C2 of the reference documents as two real gateways, raised by ping: the tunnel that comes up from one side only."""
from capture import Capture
from case import case, check, check_equal, main
from net import sh, wait_for
from reference import ping, raise_by_ping, text
from topology import reference_pair


@case("C1/C2: a ping from R1's Loopback0 raises the tunnel; traffic passes both ways")
def r1_initiates():
    site = reference_pair("c1c2", text("C1.conf"), text("C2.conf"))
    raise_by_ping(site, site.culvert, "192.168.200.1")
    check_equal(ping(site.culvert, "192.168.200.1", 5), (5, 5), "pings of R1")
    check_equal(ping(site.peer, "192.168.100.1", 5), (5, 5), "pings of R2 through R1's tunnel")
    flow = site.culvert.flow("Tunnel1")
    check_equal(flow["mode"], "tunnel", "mode")
    check("47" in flow["local_ident"], "the proxies are host to host, protocol 47: %s" % flow["local_ident"])
    check_equal(site.culvert.session("Tunnel1")["profile"], "profile2", "R1's profile")


@case("C1/C2: R2 begins: R1 stops at MM5 with keyring-mismatch, although the passwords are equal (KR-7)")
def r2_initiates():
    site = reference_pair("c2c1", text("C1.conf"), text("C2.conf"))
    sent, received = ping(site.peer, "192.168.100.1", 2)
    check_equal(received, 0, "echo replies")

    def reason():
        s = site.culvert.session("Tunnel1")
        return s["last_error"] and s["last_error"]["reason"]
    wait_for("R1's reason", lambda: reason() == "keyring-mismatch", 15)
    check("Key not found in keyrings of profile" in site.culvert.log_text(), "KR-7's line is not in R1's log")
    check(not site.culvert.is_up("Tunnel1") and not site.peer.is_up("Tunnel1"), "a tunnel is up")
    decisions = site.culvert.json("show", "crypto", "decisions")
    check(any(d.get("rule") == "KR-7" for d in decisions["decisions"]), "no decision by KR-7")


@case("C1/C2 with different passwords: bad-psk at R1, and KR-8's event")
def different_passwords():
    left = text("C1.conf").replace("crypto keyring keyring1\n pre-shared-key address 192.168.0.2 key cisco",
                                   "crypto keyring keyring1\n pre-shared-key address 192.168.0.2 key other")
    site = reference_pair("psk", left, text("C2.conf"))
    ping(site.peer, "192.168.100.1", 1)

    def reason():
        s = site.culvert.session("Tunnel1")
        return s["last_error"] and s["last_error"]["reason"]
    wait_for("R1's reason", lambda: reason() == "bad-psk", 15)
    check("IKMP_BAD_MESSAGE" in site.culvert.log_text(), "KR-8's line is not in R1's log")


C18_MAP = """crypto isakmp policy 10
 encr aes
 hash sha256
 authentication pre-share
 group 14
crypto isakmp key cisco address %(peer)s
crypto ipsec transform-set TSET esp-aes esp-sha256-hmac
crypto map VPN 10 ipsec-isakmp
 set peer %(peer)s
 set transform-set TSET
 match address TS
interface Ethernet0/0
 ip address %(own)s 255.255.255.0
 crypto map VPN
interface Loopback0
 ip address %(lo0)s 255.255.255.255
interface Loopback1
 ip address %(lo1)s 255.255.255.255
ip route 0.0.0.0 0.0.0.0 %(peer)s
"""


@case("C18: four permit lines, four SA pairs, raised one by one by what needs them; the rest passes in clear")
def policy_based():
    site = reference_pair("c18", text("C18-left.conf") + C18_MAP % dict(peer="192.168.7.2", own="192.168.7.1", lo0="10.10.0.1", lo1="192.168.0.1"),
                          text("C18-right.conf") + C18_MAP % dict(peer="192.168.7.1", own="192.168.7.2", lo0="10.20.20.1", lo1="10.20.30.1"))
    pairs = [("Loopback0", "10.20.20.1"), ("Loopback0", "10.20.30.1"), ("Loopback1", "10.20.20.1"), ("Loopback1", "10.20.30.1")]
    for n, (source, address) in enumerate(pairs):
        wait_for("an echo reply from %s to %s" % (address, source),
                 lambda s=source, a=address: ping(site.culvert, a, 1, source=s)[1] == 1, 20, 0.1)
        up = [s for s in site.culvert.json("show", "crypto", "session", "detail")["sessions"] if s["status"] == "UP-ACTIVE"]
        check_equal(len(up), n + 1, "flows up after %d pings: %s" % (n + 1, [s["interface"] for s in up]))
    check_equal(ping(site.peer, "192.168.0.1", 3, source="Loopback0"), (3, 3), "pings the other way")
    sas = site.culvert.json("show", "crypto", "isakmp", "sa")
    check_equal(len(sas["sas"]), 1, "one IKE SA for all four")
    check_equal(ping(site.culvert, "192.168.7.2", 2, source="Ethernet0/0"), (2, 2), "pings that no line permits, in clear")
    capture = Capture(site.peer_ns, "out0", "c18", "icmp and net 10.0.0.0/8")
    check_equal(ping(site.culvert, "10.20.20.1", 3), (3, 3), "pings")
    check_equal(len(sh("tshark", "-n", "-r", capture.stop(), timeout=60).stdout.splitlines()), 0, "packets of the lines in clear")


@case("what is inside ESP is GRE from gateway to gateway (tshark), and nothing passes in clear")
def gre_inside():
    site = reference_pair("gre", text("C1.conf"), text("C2.conf"), keylog=True)
    capture = Capture(site.peer_ns, "out0", "all", "")
    raise_by_ping(site, site.culvert, "192.168.200.1")
    check_equal(ping(site.culvert, "192.168.200.1", 10), (10, 10), "pings")
    path = capture.stop()
    with open(site.culvert.keylog) as f:
        keys = [line[len("# esp_sa "):].strip() for line in f if line.startswith("# esp_sa ")]
    check(len(keys) >= 2, "no ESP keys written")
    options = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
    for k in keys:
        options += ["-o", "uat:esp_sa:%s" % k]

    def count(where, opts):
        return len(sh("tshark", "-n", "-r", path, *opts, "-Y", where, "-T", "fields", "-e", "frame.number", timeout=60).stdout.split())
    esp = count("esp", [])
    check(esp >= 10, "only %d ESP packets" % esp)
    check_equal(count("gre && !esp", []), 0, "GRE packets in clear")
    check_equal(count("icmp && !esp", []), 0, "ICMP packets in clear")
    inside = count("esp && gre && gre.proto == 0x0800 && icmp", options)
    check_equal(inside, esp, "ESP packets that hold GRE with IPv4 and ICMP")
    return "%d of %d ESP packets" % (inside, esp)


if __name__ == "__main__":
    main(needs_strongswan=False)
