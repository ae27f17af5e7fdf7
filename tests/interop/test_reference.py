#!/usr/bin/python3
"""C1 and C2 of the reference documents as two real gateways, raised by ping: the tunnel that comes up from one side only."""
import os

from capture import Capture
from case import case, check, check_equal, main
from culvert import ROOT
from net import sh, wait_for
from topology import reference_pair

IOS = os.path.join(ROOT, "tests", "golden", "ios")


def text(name):
    with open(os.path.join(IOS, name)) as f:
        return f.read()


def ping(gateway, address, repeat=5, check_=False):
    """ping from Loopback0: (sent, received)."""
    r = gateway.cli("--json", "ping", address, "source", "Loopback0", "repeat", str(repeat), "timeout", "2", check=check_,
                    timeout=90)
    import json
    d = json.loads(r.stdout)
    return d["sent"], d["received"]


def raise_by_ping(site, gateway, address, timeout=30):
    def answered():
        return ping(gateway, address, 1)[1] == 1
    wait_for("an echo reply from %s" % address, answered, timeout, 0.2)


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
