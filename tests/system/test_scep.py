#!/usr/bin/python3
"""Enrolment with two whole programs and real servers: SCEP (a server of our own over openssl, and Debian's scep), terminal, PKCS #12, keys; what is shown of it;
and the order of enrolment over a restart (CT-8, G15)."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from case import Skip, case, check, check_equal, main  # noqa: E402
from culvert import BUILD  # noqa: E402
from net import Lab, wait_for  # noqa: E402

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop", "scep_server.py")
POINT = """crypto pki trustpoint {name}
 enrollment url http://127.0.0.1:{port}
 serial-number none
 fqdn R1.cisco.com
 ip-address 192.168.0.1
 subject-name CN=R1,OU=IT,O=cisco,O=com
 revocation-check crl
"""


class Site:
    """One namespace: culvertd without a data plane, and servers on the loopback."""

    def __init__(self, text):
        self.lab = Lab("scep")
        self.ns = self.lab.ns("gw")
        self.run_dir, self.state = self.lab.mkdir("run"), self.lab.mkdir("state")
        os.chmod(self.lab.dir, 0o755)
        self.conf = self.lab.write("culvert.conf", "hostname R1\nip domain name cisco.com\n" + text)
        self.daemon = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.lab.close()

    def up(self):
        self.daemon = self.ns.start("culvertd", os.path.join(BUILD, "culvertd"), "--config", self.conf, "--run-dir", self.run_dir,
                                    "--state-dir", self.state, "--no-dataplane", "--foreground")
        wait_for("culvertd", lambda: self.cli("show version").returncode == 0, 20)

    def down(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(timeout=20)

    def server(self, port, *args, name="CA1"):
        self.ns.start("scep-%d" % port, sys.executable, SERVER, "--dir", self.lab.path("ca-%d" % port), "--listen",
                      "127.0.0.1:%d" % port, "--name", "/O=com/O=cisco/CN=%s" % name, *args)
        wait_for("the SCEP server", lambda: self.ns.run("ss", "-Hltn", "sport = :%d" % port).stdout.strip(), 30)

    def admin(self, port, what):
        return json.loads(self.ns.run("curl", "-s", "http://127.0.0.1:%d/admin/%s" % (port, what)).stdout)

    def cli(self, line, stdin=""):
        return subprocess.run(self.ns.argv(os.path.join(BUILD, "culvert"), "--run-dir", self.run_dir, *line.split()), input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)

    def good(self, line, stdin=""):
        r = self.cli(line, stdin)
        check_equal(r.returncode, 0, "%s: %s%s" % (line, r.stdout, r.stderr))
        return r.stdout

    def bad(self, line, says, stdin=""):
        r = self.cli(line, stdin)
        check(r.returncode == 1 and says in r.stderr, "%s: status %d, %s%s" % (line, r.returncode, r.stdout, r.stderr))

    def shown(self, line):
        return json.loads(self.good("--json " + line))


def own(site):
    return [c["trustpoints"][0] for c in site.shown("show crypto pki certificates")["certificates"] if c["kind"] == "own"]


@case("SCEP: two CAs, C12b's layout, CT-8's order over a second enrolment and a restart")
def two_cas():
    with Site(POINT.format(name="IOSCA1", port=8001) + POINT.format(name="IOSCA2", port=8002)) as s:
        s.server(8001, name="CA1")
        s.server(8002, name="CA2")
        s.up()
        s.bad("crypto pki authenticate IOSCA1", "was not accepted", stdin="no\n")
        s.bad("crypto pki enroll IOSCA1", "not authenticated yet")
        r = s.cli("crypto pki authenticate IOSCA1", stdin="yes\n")
        check(r.returncode == 0 and "Fingerprint SHA1:" in r.stderr, "the fingerprint is asked: %s" % r.stderr)
        s.good("crypto pki authenticate IOSCA2 --yes")
        s.good("crypto pki enroll IOSCA1")
        s.good("crypto pki enroll IOSCA2")
        check_equal(own(s), ["IOSCA2", "IOSCA1"], "order after enrolment")
        text = s.good("show crypto pki certificates")
        wanted = ("Certificate\n  Status: Available\n  Certificate Serial Number (hex): 02\n  Certificate Usage: General Purpose\n"
                  "  Issuer:\n    cn=CA2\n    o=cisco\n    o=com\n  Subject:\n    Name: R1.cisco.com\n"
                  "    IP Address: 192.168.0.1\n    ipaddress=192.168.0.1+hostname=R1.cisco.com\n    cn=R1\n    ou=IT\n"
                  "    o=cisco\n    o=com\n")
        check(text.startswith(wanted), "layout of C12b: %s" % text[:600])
        check_equal(text.count("CA Certificate\n"), 2, "CA certificates")
        s.good("crypto pki enroll IOSCA1")
        check_equal(s.admin(8001, "requests")[-1]["type"], "17", "the second one is a RenewalReq")
        check_equal(own(s), ["IOSCA1", "IOSCA2"], "order after a second enrolment")
        s.down()
        s.up()
        check_equal(own(s), ["IOSCA1", "IOSCA2"], "order after a restart")
        for folder, _, files in os.walk(os.path.join(s.state, "pki")):
            for f in files:
                check_equal(os.stat(os.path.join(folder, f)).st_mode & 0o077, 0, "permissions of %s" % f)
        for everything in (text, s.good("show running-config"), s.good("show crypto key mypubkey all")):
            check("PRIVATE" not in everything, "a private key is shown")


@case("SCEP: a challenge that is wrong is refused with the reason; a CA without GetCACaps gets GET, 3DES and SHA-1, and the log says so")
def challenge_and_old():
    with Site(POINT.format(name="A", port=8003) + " password wrong\n" + POINT.format(name="B", port=8004)) as s:
        s.server(8003, "--challenge", "right")
        s.server(8004, "--caps", "")
        s.up()
        s.good("crypto pki authenticate A --yes")
        s.bad("crypto pki enroll A", "badRequest")
        s.good("crypto pki authenticate B --yes")
        s.good("crypto pki enroll B")
        check_equal(s.admin(8004, "requests")[0]["type"], "19", "PKCSReq")


@case("SCEP: what waits for approval is polled and comes (RFC 8894 3.3.3)")
def approval():
    with Site(POINT.format(name="A", port=8005) + " enrollment retry period 1\n") as s:
        s.server(8005, "--hold")
        s.up()
        s.good("crypto pki authenticate A --yes")
        check("not granted it yet" in s.good("crypto pki enroll A"), "pending is said")
        status = s.shown("show crypto pki trustpoints")["trustpoints"][0]
        check(status["status"] == "pending" and status["next_poll"], "status: %s" % status)
        s.bad("crypto pki enroll A", "is enrolling")
        s.admin(8005, "approve")
        wait_for("the certificate", lambda: s.shown("show crypto pki trustpoints")["trustpoints"][0]["enrolled"], 75, 1)
        kinds = [r["type"] for r in s.admin(8005, "requests")]
        check_equal(kinds, ["19", "20"], "messages")


@case("CRL: asked for, shown, forgotten")
def crl():
    with Site(POINT.format(name="A", port=8006)) as s:
        s.server(8006)
        s.up()
        s.good("crypto pki authenticate A --yes")
        s.good("crypto pki enroll A")
        s.good("crypto pki crl request A")
        wait_for("the CRL", lambda: s.shown("show crypto pki crls")["crls"], 10)
        text = s.good("show crypto pki crls")
        check("cn=CA1" in text and "http://127.0.0.1:8006/crl" in text and "Parsed CRLs cached: 1" in text, text)
        s.good("clear crypto pki crls")
        check_equal(s.shown("show crypto pki crls")["crls"], [], "CRLs after clear")


def openssl(*args, **kw):
    done = subprocess.run(("openssl",) + args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, **kw)
    check_equal(done.returncode, 0, "openssl %s: %s" % (args, done.stderr))
    return done.stdout


def make_ca(s):
    """ca.pem and ca.key, and gw.p12 of a certificate that it issued, in the lab's directory."""
    p = s.lab.path
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", p("ca.key"), "-out", p("ca.pem"),
            "-days", "30", "-subj", "/CN=Paper CA", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign")
    return p("ca.pem"), p("ca.key")


@case("terminal: the CA pasted, the request out, the certificate in from a file; self-signed; an EC key")
def terminal():
    text = ("crypto pki trustpoint T\n enrollment terminal\n fqdn none\n subject-name CN=R1,O=x\n eckeypair T\n"
            "crypto pki trustpoint S\n enrollment selfsigned\n")
    with Site(text) as s:
        ca, key = make_ca(s)
        s.up()
        with open(ca) as f:
            pem = f.read()
        s.bad("crypto pki authenticate T", "this is no certificate", stdin="what is this\nquit\n")
        s.good("crypto pki authenticate T --yes", stdin=pem + "quit\n")
        request = s.good("crypto pki enroll T")
        csr = s.lab.write("r.csr", request)
        check("CN = R1" in openssl("req", "-in", csr, "-noout", "-subject", "-verify"), "the request is good")
        openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", key, "-set_serial", "7", "-days", "10", "-copy_extensions", "copyall",
                "-out", s.lab.path("r.pem"))
        s.good("crypto pki import T certificate url file:" + s.lab.path("r.pem"))
        s.good("crypto pki enroll S")
        check_equal(own(s), ["S", "T"], "what is enrolled")
        s.bad("crypto pki import T certificate url file:" + ca, "another key")


@case("PKCS #12 and PEM in and out, with openssl at the other end; keys that are not exportable stay")
def bundles():
    with Site("crypto pki trustpoint P\n enrollment pkcs12\ncrypto pki trustpoint Q\n enrollment pkcs12\n") as s:
        ca, key = make_ca(s)
        p = s.lab.path
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", p("gw.key"), "-out", p("gw.csr"), "-subj", "/CN=gw", "-addext",
                "subjectAltName=DNS:gw.example.com")
        openssl("x509", "-req", "-in", p("gw.csr"), "-CA", ca, "-CAkey", key, "-set_serial", "9", "-days", "10", "-copy_extensions", "copyall",
                "-out", p("gw.pem"))
        openssl("pkcs12", "-export", "-inkey", p("gw.key"), "-in", p("gw.pem"), "-certfile", ca, "-out", p("gw.p12"), "-passout", "pass:in secret")
        s.up()
        s.bad("crypto pki import P pkcs12 url file:%s wrong" % p("gw.p12"), "the password is wrong")
        s.good("crypto pki import P pkcs12 url file:%s" % p("gw.p12"), stdin="in secret\n")
        s.bad("crypto pki export P pkcs12 url file:%s longenough" % p("out.p12"), "not exportable")
        check(not os.path.exists(p("out.p12")), "no file of a refused export")
        check("PRIVATE" not in s.good("crypto pki export P pem terminal"), "certificates alone")
        s.good("crypto pki import P pkcs12 exportable url file:%s" % p("gw.p12"), stdin="in secret\n")
        s.bad("crypto pki export P pkcs12 url file:%s short" % p("out.p12"), "8 octets")
        s.good("crypto pki export P pkcs12 url file:%s longenough" % p("out.p12"))
        check_equal(os.stat(p("out.p12")).st_mode & 0o777, 0o600, "permissions of the export")
        check("gw.example.com" in openssl("x509", "-noout", "-text", "-in", s.lab.write("again.pem", openssl(
            "pkcs12", "-in", p("out.p12"), "-passin", "pass:longenough", "-nodes", "-clcerts"))), "openssl reads the export")
        s.good("crypto pki export P pem url file:%s longenough" % p("out.pem"))
        s.good("crypto pki import Q pem url file:%s longenough" % p("out.pem"))
        s.good("crypto key generate ec label E keysize 384 exportable")
        s.good("crypto key export ec E pem url file:%s longenough" % p("e.pem"))
        check("P-384" in openssl("pkey", "-in", p("e.pem"), "-passin", "pass:longenough", "-noout", "-text"), "openssl reads the key")
        s.bad("crypto key import rsa F pem url file:%s longenough" % p("e.pem"), "no RSA key")
        s.good("crypto key import ec F pem url file:%s longenough" % p("e.pem"))
        check_equal(sorted(k["label"] for k in s.shown("show crypto key mypubkey ec")["keys"]), ["E", "F"], "keys")
        s.good("crypto key zeroize ec E yes")
        s.bad("crypto key zeroize ec E yes", "no such key")


@case("debug crypto pki follows enrolment, each command its own part; and the shell asks, too")
def debug_and_shell():
    with Site(POINT.format(name="A", port=8008)) as s:
        s.server(8008)
        s.up()
        followers = {}
        for what in ("transactions", "messages", "validation"):
            argv = s.ns.argv(os.path.join(BUILD, "culvert"), "--run-dir", s.run_dir, "debug", "crypto", "pki", what, "seconds", "6")
            followers[what] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_for("three followers", lambda: s.good("show debugging").count("is on") >= 3 or
                 s.shown("show debugging").get("clients", 0) >= 3, 10)
        shell = s.cli("", stdin="crypto pki authenticate A\nyes\ncrypto pki enroll A\nexit\n")
        check("accepted" in shell.stdout and "is installed" in shell.stdout, "the shell: %s%s" % (shell.stdout, shell.stderr))
        told = {k: f.communicate(timeout=30)[0] for k, f in followers.items()}
        check("is installed" in told["transactions"] and "CRYPTO_PKI" in told["transactions"], told["transactions"])
        check("PKCSReq" in told["messages"] and "installed" not in told["messages"], told["messages"])
        check("PKCSReq" not in told["validation"], told["validation"])


@case("a client that answers what nobody asked, or something else, is told off or dropped; the daemon goes on")
def strange_answers():
    with Site("crypto pki trustpoint T\n enrollment terminal\n") as s:
        s.up()
        talk = """
import json, socket, struct, sys
def ask(s, j):
    b = json.dumps(j).encode()
    s.sendall(struct.pack(">I", len(b)) + b)
def frame(s):
    h = b""
    while len(h) < 5:
        part = s.recv(5 - len(h))
        if not part: return None, b""
        h += part
    n, b = struct.unpack(">I", h[1:])[0], b""
    while len(b) < n: b += s.recv(n - len(b))
    return chr(h[0]), b
def connect():
    s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1] + "/cli.sock"); return s
s = connect(); ask(s, {"answer": "eWVz"}); kind, b = frame(s); assert kind == "e", (kind, b)
argv = ["crypto", "pki", "authenticate", "T"]
for answer in ({"answer": None}, {"answer": 7}, {"argv": ["show", "version"]}, {"answer": "!!!"}, {"answer": "QUJD"}, {}):
    s = connect(); ask(s, {"argv": argv, "json": False, "shell": False})
    kind, b = frame(s); assert kind == "q" and json.loads(b)["kind"] == "input", (kind, b)
    ask(s, answer)
    kind, b = frame(s); assert kind == "e", (answer, kind, b)
s = connect(); ask(s, {"argv": argv, "json": False, "shell": False}); frame(s); s.sendall(b"\\xff\\xff\\xff\\xff")
assert frame(s)[0] is None
s = connect(); ask(s, {"argv": argv, "json": False, "shell": False}); frame(s); s.close()
print("fine")
"""
        r = subprocess.run(s.ns.argv(sys.executable, "-c", talk, s.run_dir), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60)
        check(r.stdout.strip() == "fine", r.stdout)
        s.good("show version")


@case("interop: Debian's scep enrols us, and renews")
def debian_scep():
    if not shutil.which("scepserver"):
        raise Skip("the package scep is not installed")
    with Site(POINT.format(name="A", port="8007/scep")) as s:
        depot = s.lab.path("depot")
        s.ns.run("scepserver", "ca", "-init", "-organization", "culvert", "-keySize", "2048", "-depot", depot)
        s.lab.write("depot/index.txt", "") if not os.path.exists(depot + "/index.txt") else None
        s.ns.start("scepserver", "scepserver", "-depot", depot, "-port", "8007", "-challenge", "", "-allowrenew", "0")
        wait_for("scepserver", lambda: s.ns.run("ss", "-Hltn", "sport = :8007").stdout.strip(), 20)
        s.up()
        s.good("crypto pki authenticate A --yes")
        check("is installed" in s.good("crypto pki enroll A"), "enrolled")
        time.sleep(1)
        check("a renewal" in s.good("crypto pki enroll A"), "renewed")


if __name__ == "__main__":
    main(needs_strongswan=False)
