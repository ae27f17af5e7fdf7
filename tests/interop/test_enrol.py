#!/usr/bin/python3
"""C9 to C12 of the reference documents as two real gateways, enrolled by SCEP at two CAs: the tunnel that comes up from one side only, why, and how the
order of enrolment mends it (CT-8, CT-10, CT-11); then a certificate that is revoked."""
import glob
import os
import re
import sys
import urllib.parse

from capture import Capture, datagrams
from case import case, check, check_equal, main
from net import wait_for
from pki_files import serial_of
from reference import ping, raise_by_ping, text
from topology import reference_pair

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scep_server.py")
CAS = {"IOSCA1": "192.168.0.3", "IOSCA2": "192.168.0.4"}
MM, PORT = 2, 80


class Routers:
    """R1 and R2 with C9 + C11 and C10 + C12, and both CAs on the management network of both.

        R1 192.168.0.1 ------------------- 192.168.0.2 R2          the data plane's wire
        R1 192.168.0.101 -- CA1 .3, CA2 .4 -- 192.168.0.102 R2     the kernel's
    """

    def __init__(self, more="", r1_order=("IOSCA1", "IOSCA2"), r2_order=("IOSCA2", "IOSCA1")):
        self.site = reference_pair("enrol", text("C9.conf") + text("C11.conf") + more, text("C10.conf") + text("C12.conf"), start=False)
        self.r1, self.r2, self.lab = self.site.culvert, self.site.peer, self.site.lab
        self.ca = self.lab.ns("ca")
        for gateway, interface, address in ((self.r1, "r1", "192.168.0.101/24"), (self.r2, "r2", "192.168.0.102/24")):
            self.lab.veth(gateway.ns, "mgmt0", self.ca, interface)
            gateway.ns.address("mgmt0", address)
        self.lab.bridge(self.ca, "br0", ["r1", "r2"])
        self.ca.address("br0", *(a + "/24" for a in CAS.values()))
        for i, address in enumerate(CAS.values(), 1):
            self.ca.start("ca%d" % i, sys.executable, SERVER, "--dir", self.lab.path("ca%d" % i), "--listen", "%s:%d" % (address, PORT),
                          "--name", "/O=com/O=cisco/CN=CA%d" % i)
        self.r1.start()
        self.r2.start()
        wait_for("both CAs to listen", lambda: self.ca.run("ss", "-Hltn", "sport = :%d" % PORT).stdout.count("LISTEN") == 2, 30)
        for gateway, order in ((self.r1, r1_order), (self.r2, r2_order)):
            for name in order:
                gateway.cli("crypto", "pki", "authenticate", name, "--yes")
            for name in order:
                gateway.cli("crypto", "pki", "enroll", name, timeout=70)

    def revoke(self, gateway, trustpoint):
        """The CA revokes the gateway's certificate; R1 is told to look."""
        own = glob.glob(os.path.join(gateway.state_dir, "pki", "tp", trustpoint, "own-*.pem"))
        check_equal(len(own), 1, "certificates of our own under %s" % trustpoint)
        query = urllib.parse.urlencode({"serial": serial_of(own[0])})
        self.ca.run("curl", "-sf", "http://%s/admin/revoke?%s" % (CAS[trustpoint], query))

    def refresh(self, trustpoint):
        self.r1.cli("crypto", "pki", "crl", "request", trustpoint)


def messages(capture):
    """Main Mode messages that arrived: (encrypted, octets). A capture does not see what its own end's data plane sends."""
    return [(d.ike[19] & 1, d.ike) for d in datagrams(capture.path) if d.ike and len(d.ike) > 28 and d.ike[18] == MM]


def reason(gateway):
    session = gateway.session("Tunnel1")
    return session["last_error"] and session["last_error"]["reason"]


def signed_by(gateway, trustpoint):
    return "using the %s trustpoint's keypair to sign" % trustpoint in gateway.log_text()


@case("enrolled by SCEP, R1 begins: up with IOSCA1 on both ends (CT-1, CT-3, CT-11)")
def r1_begins():
    t = Routers()
    shown = t.r1.cli("show", "crypto", "pki", "certificates").stdout
    check_equal(re.findall(r"Associated Trustpoints: (\S+)", shown)[:1], ["IOSCA2"], "what was enrolled last stands first")
    raise_by_ping(t.site, t.r1, "192.168.200.1")
    check_equal(ping(t.r2, "192.168.100.1", 5), (5, 5), "pings of R2 through R1's tunnel")
    check(signed_by(t.r1, "IOSCA1") and signed_by(t.r2, "IOSCA1"), "not both signed by IOSCA1")
    check_equal(t.r1.session("Tunnel1")["profile"], "prof1", "R1's profile")


@case("R2 begins: R1 lists CA2 first, R2 signs with IOSCA2, R1 refuses: cert-untrusted, no MM6, MM4 again for each MM5 again (CT-10)")
def r2_begins():
    t = Routers()
    to_r1, to_r2 = Capture(t.r1.ns, "out0", "to-r1"), Capture(t.r2.ns, "out0", "to-r2")
    check_equal(ping(t.r2, "192.168.100.1", 2)[1], 0, "echo replies")
    wait_for("R1's reason", lambda: reason(t.r1) == "cert-untrusted", 15)
    check(signed_by(t.r2, "IOSCA2"), "R2 did not sign with IOSCA2")
    log = t.r1.log_text()
    for line in ("Creating CERT validation list: IOSCA1,", "%CRYPTO-5-IKMP_INVALID_CERT: Certificate received from 192.168.0.2 is bad"):
        check(line in log, "%r is not in R1's log" % line)
    wait_for("MM5 to be sent again", lambda: sum(m[0] for m in messages(to_r1)) >= 2, 25, 0.5)
    to_r1.stop()
    to_r2.stop()
    mm5 = [m for encrypted, m in messages(to_r1) if encrypted]
    mm4 = [m for encrypted, m in messages(to_r2) if not encrypted][1:]  # MM2 is the first
    check(not any(encrypted for encrypted, _ in messages(to_r2)), "R1 sent an encrypted message")
    check_equal(len(set(mm5)), 1, "different MM5")
    check_equal((len(set(mm4)), len(mm4)), (1, len(mm5)), "MM4: different ones, and all of them")
    check(not t.r1.is_up() and not t.r2.is_up(), "a tunnel is up")
    return "%d MM5, %d MM4" % (len(mm5), len(mm4))


@case("R1 enrolled in the other order: up from both sides (CT-8, CT-11); R2's certificate is revoked: disconnected, then cert-revoked")
def other_order():
    t = Routers("crypto isakmp disconnect-revoked-peers\n", r1_order=("IOSCA2", "IOSCA1"))
    raise_by_ping(t.site, t.r1, "192.168.200.1")
    t.r1.down()
    t.r2.wait_down()
    raise_by_ping(t.site, t.r2, "192.168.100.1")
    check_equal(t.r2.session("Tunnel1")["initiator"], True, "that R2 initiated")
    t.revoke(t.r2, "IOSCA1")
    check(t.r1.is_up(), "the tunnel went down before R1 could know")
    t.refresh("IOSCA1")
    t.r1.wait_down(10)
    t.r2.wait_down(10)
    def refused(role):
        return re.search(r"\(conn \d+ %s, 192.168.0.2:500\) %%CRYPTO-5-IKMP_INVALID_CERT: .* is revoked" % role, t.r1.log_text())
    ping(t.r2, "192.168.100.1", 1)  # unless R2 has begun again by itself
    wait_for("R1 to refuse R2's next negotiation", lambda: refused("R"), 15)
    check_equal(reason(t.r1), "cert-revoked", "R1's reason as responder")
    t.r1.cli("clear", "crypto", "session")
    check_equal(ping(t.r1, "192.168.200.1", 1)[1], 0, "echo replies")
    wait_for("R1 to refuse R2's certificate in MM6", lambda: refused("I"), 15)
    check_equal(reason(t.r1), "cert-revoked", "R1's reason as initiator")
    check(not t.r1.is_up(), "the tunnel is up")
    return t.r1.session("Tunnel1")["last_error"]["text"]


if __name__ == "__main__":
    main(needs_strongswan=False)
