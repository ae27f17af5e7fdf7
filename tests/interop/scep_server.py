#!/usr/bin/python3
"""A SCEP server for tests (RFC 8894), over the openssl command line: a CA with its CRL and OCSP responder.

  scep_server.py --dir DIR --listen ADDRESS:PORT [--name CN] [--hold] [--challenge TEXT] [--caps LINE,LINE] [--ocsp PORT]

It answers   GET /cgi-bin/pkiclient.exe?operation=GetCACaps|GetCACert|PKIOperation   POST ...?operation=PKIOperation
             GET /crl                      the CRL, made anew when it is asked for
             GET /admin/approve            grants what --hold keeps pending;  /admin/revoke?serial=HEX
             GET /admin/requests           JSON of what has come: type, transaction, subject, challenge
OCSP is `openssl ocsp` on its own port. Messages are taken apart and put together here, in DER, and not by the code that they test.
"""
import argparse
import base64
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

ARC = "2.16.840.1.113733.1.9."
DATA, SIGNED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
SHA256, RSA = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.1"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
CERTREP, PENDING, FAILURE, SUCCESS = "3", "3", "2", "0"
BAD_REQUEST = "2"


# ---- DER ------------------------------------------------------------------------------------------------------------
def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 0x80:
        return bytes([tag, n]) + body
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def oid(text):
    numbers = [int(x) for x in text.split(".")]
    out = bytearray([numbers[0] * 40 + numbers[1]])
    for n in numbers[2:]:
        part = [n & 0x7F]
        while n > 0x7F:
            n >>= 7
            part.append(0x80 | n & 0x7F)
        out += bytes(reversed(part))
    return tlv(0x06, bytes(out))


def read(data, at=0):
    """(tag, content, whole, next) of the element at `at`."""
    tag, n, head = data[at], data[at + 1], 2
    if n & 0x80:
        size = n & 0x7F
        n, head = int.from_bytes(data[at + 2:at + 2 + size], "big"), 2 + size
    end = at + head + n
    if end > len(data):
        raise ValueError("cut short")
    return tag, data[at + head:end], data[at:end], end


def children(content):
    out, at = [], 0
    while at < len(content):
        tag, inner, whole, at = read(content, at)
        out.append((tag, inner, whole))
    return out


def attributes_of(message):
    """The signed attributes of a SignedData with one signer, by OID in DER."""
    content = children(children(read(message)[1])[1][1])[0]
    infos = [c for c in children(content[1]) if c[0] == 0x31][-1]
    signer = children(children(infos[1])[0][1])
    attributes = [c for c in signer if c[0] == 0xA0][0]
    found = {}
    for _, inner, _ in children(attributes[1]):
        name, values = children(inner)
        found[name[2]] = children(values[1])[0][1]
    return found


# ---- the CA ---------------------------------------------------------------------------------------------------------
def openssl(*args, data=None):
    done = subprocess.run(("openssl",) + args, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (" ".join(args), done.stderr.decode(errors="replace")))
    return done.stdout


class CA:
    def __init__(self, folder, name, crl_url=None, ocsp_url=None):
        self.folder, self.serial, self.lock, self.changed = folder, 1, threading.Lock(), lambda: None
        os.makedirs(folder, exist_ok=True)
        self.write("index.txt", b"")
        self.write("crlnumber", b"01\n")
        self.write("ca.cnf", b"[ca]\ndefault_ca=x\n[x]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\n"
                             b"default_crl_days=1\n" % (self.path("index.txt").encode(), self.path("crlnumber").encode()))
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.path("ca.key"), "-out",
                self.path("ca.pem"), "-days", "3650", "-subj", name, "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature,keyEncipherment")
        lines = []
        if crl_url:
            lines.append("crlDistributionPoints=URI:%s" % crl_url)
        if ocsp_url:
            lines.append("authorityInfoAccess=OCSP;URI:%s" % ocsp_url)
        self.write("ext.cnf", ("\n".join(lines) + "\n").encode())
        self.der = openssl("x509", "-in", self.path("ca.pem"), "-outform", "DER")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def issue(self, csr):
        """A certificate for a PKCS #10 in DER, in DER; what it asks for is copied."""
        with self.lock:
            self.serial += 1
            serial = "%02X" % self.serial
            request = self.write("%s.csr" % serial, csr)
            openssl("req", "-inform", "DER", "-in", request, "-verify", "-noout")
            out = self.path("%s.pem" % serial)
            openssl("x509", "-req", "-inform", "DER", "-in", request, "-CA", self.path("ca.pem"), "-CAkey",
                    self.path("ca.key"), "-set_serial", "0x" + serial, "-days", "90", "-sha256", "-copy_extensions",
                    "copyall", "-extfile", self.path("ext.cnf"), "-out", out)
            with open(self.path("index.txt"), "a") as f:
                f.write("V\t%s\t\t%s\tunknown\t/CN=%s\n" % (time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + 90 * 86400)),
                                                       serial, serial))
            self.changed()
            return openssl("x509", "-in", out, "-outform", "DER")

    def revoke(self, serial):
        with self.lock:
            with open(self.path("index.txt")) as f:
                rows = [line.rstrip("\n").split("\t") for line in f]
            for row in rows:
                if row[3] == serial.upper():
                    row[0], row[2] = "R", time.strftime("%y%m%d%H%M%SZ", time.gmtime())
            self.write("index.txt", "".join("\t".join(row) + "\n" for row in rows).encode())
            self.changed()

    def crl(self):
        with self.lock:
            openssl("ca", "-config", self.path("ca.cnf"), "-gencrl", "-cert", self.path("ca.pem"), "-keyfile",
                    self.path("ca.key"), "-out", self.path("crl.pem"))
            return openssl("crl", "-in", self.path("crl.pem"), "-outform", "DER")


# ---- SCEP -----------------------------------------------------------------------------------------------------------
class Scep:
    def __init__(self, ca, hold=False, challenge=None, caps=None):
        self.ca, self.hold, self.challenge = ca, hold, challenge
        self.caps = caps or ["SCEPStandard", "AES", "SHA-256", "POSTPKIOperation", "Renewal"]
        self.approved, self.requests, self.waiting = False, [], {}
        self.lock = threading.Lock()

    def open(self, message):
        """(envelope's content, the signer's certificate in PEM): the signature is checked by openssl."""
        folder = self.ca.folder
        source = self.ca.write("message.der", message)
        inner, signer, plain = (os.path.join(folder, n) for n in ("inner.der", "signer.pem", "plain.der"))
        openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", source, "-binary", "-out", inner, "-signer", signer)
        openssl("cms", "-decrypt", "-inform", "DER", "-in", inner, "-recip", self.ca.path("ca.pem"), "-inkey",
                self.ca.path("ca.key"), "-binary", "-out", plain)
        with open(plain, "rb") as f:
            return f.read(), signer

    def seal(self, certificate, signer):
        """PKCS #7 with the certificate, encrypted to the signer of the request."""
        pem = self.ca.path("new.pem")
        with open(pem, "wb") as f:
            f.write(openssl("x509", "-inform", "DER", data=certificate))
        bundle = openssl("crl2pkcs7", "-nocrl", "-certfile", pem, "-outform", "DER")
        return openssl("cms", "-encrypt", "-binary", "-aes128", "-outform", "DER", signer, data=bundle)

    def sign(self, content, status, transaction, nonce, fail=None):
        ca = children(children(read(self.ca.der)[1])[0][1])
        at = 1 if ca[0][0] == 0xA0 else 0
        serial, issuer = ca[at][2], ca[at + 2][2]
        digest = openssl("dgst", "-sha256", "-binary", data=content or b"")
        attribute = lambda name, value: tlv(0x30, oid(name), tlv(0x31, value))  # noqa: E731
        items = [attribute(CONTENT_TYPE, oid(DATA)), attribute(MESSAGE_DIGEST, tlv(0x04, digest)),
                 attribute(ARC + "2", tlv(0x13, CERTREP.encode())), attribute(ARC + "3", tlv(0x13, status.encode())),
                 attribute(ARC + "7", tlv(0x13, transaction)), attribute(ARC + "5", tlv(0x04, os.urandom(16))),
                 attribute(ARC + "6", tlv(0x04, nonce))]
        if fail:
            items.append(attribute(ARC + "4", tlv(0x13, fail.encode())))
        attributes = b"".join(sorted(items))
        signature = openssl("dgst", "-sha256", "-sign", self.ca.path("ca.key"), data=tlv(0x31, attributes))
        algorithm = tlv(0x30, oid(SHA256), tlv(0x05))
        info = tlv(0x30, tlv(0x02, b"\x01"), tlv(0x30, issuer, serial), algorithm, tlv(0xA0, attributes),
                   tlv(0x30, oid(RSA), tlv(0x05)), tlv(0x04, signature))
        inside = tlv(0x30, oid(DATA), *([tlv(0xA0, tlv(0x04, content))] if content else []))
        body = tlv(0x30, tlv(0x02, b"\x01"), tlv(0x31, algorithm), inside, tlv(0xA0, self.ca.der), tlv(0x31, info))
        return tlv(0x30, oid(SIGNED), tlv(0xA0, body))

    def refuse(self, csr):
        if self.challenge is None:
            return False
        text = openssl("req", "-inform", "DER", "-noout", "-text", data=csr).decode(errors="replace")
        return ("challengePassword        :%s\n" % self.challenge) not in text

    def operation(self, message):
        with self.lock:
            found = attributes_of(message)
            kind = found[oid(ARC + "2")].decode()
            transaction, nonce = found[oid(ARC + "7")], found[oid(ARC + "5")]
            plain, signer = self.open(message)
            self.requests.append({"type": kind, "transaction": transaction.decode()})
            if kind in ("17", "19"):
                self.requests[-1]["subject"] = openssl("req", "-inform", "DER", "-noout", "-subject", data=plain).decode().strip()
                self.waiting[transaction] = plain
            csr = self.waiting.get(transaction)
            if csr is None or self.refuse(csr):
                return self.sign(None, FAILURE, transaction, nonce, BAD_REQUEST)
            if self.hold and not self.approved:
                return self.sign(None, PENDING, transaction, nonce)
            return self.sign(self.seal(self.ca.issue(csr), signer), SUCCESS, transaction, nonce)


class Responder:
    """`openssl ocsp`, begun again whenever the CA's index changes: by itself it would notice one request too late."""

    def __init__(self, ca, port):
        self.ca, self.port, self.process = ca, port, None
        self.again()

    def again(self):
        self.stop()
        self.process = subprocess.Popen(["openssl", "ocsp", "-index", self.ca.path("index.txt"), "-port", str(self.port), "-ignore_err",
                                         "-rsigner", self.ca.path("ca.pem"), "-rkey", self.ca.path("ca.key"), "-CA", self.ca.path("ca.pem")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)  # until it listens; a connection that asks nothing would hold it up

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


class Handler(http.server.BaseHTTPRequestHandler):
    scep = None

    def log_message(self, *args):
        pass

    def answer(self, kind, body, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def admin(self, path, query):
        if path == "/admin/approve":
            self.scep.approved = True
        elif path == "/admin/revoke":
            self.scep.ca.revoke(query["serial"][0])
        self.answer("application/json", json.dumps(self.scep.requests).encode())

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        operation = query.get("operation", [""])[0]
        if url.path.startswith("/admin/"):
            self.admin(url.path, query)
        elif url.path == "/crl":
            self.answer("application/pkix-crl", self.scep.ca.crl())
        elif operation == "GetCACaps":
            self.answer("text/plain", "\n".join(self.scep.caps).encode())
        elif operation == "GetCACert":
            self.answer("application/x-x509-ca-cert", self.scep.ca.der)
        elif operation == "PKIOperation":
            self.answer("application/x-pki-message", self.scep.operation(base64.b64decode(query["message"][0])))
        else:
            self.answer("text/plain", b"not here", 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer("application/x-pki-message", self.scep.operation(body))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--dir", required=True)
    p.add_argument("--listen", required=True)
    p.add_argument("--name", default="/O=com/O=cisco/CN=CA1")
    p.add_argument("--hold", action="store_true")
    p.add_argument("--challenge")
    p.add_argument("--caps")
    p.add_argument("--ocsp", type=int)
    o = p.parse_args()
    host, port = o.listen.rsplit(":", 1)
    ca = CA(o.dir, o.name, "http://%s:%s/crl" % (host, port), "http://%s:%d" % (host, o.ocsp) if o.ocsp else None)
    Handler.scep = Scep(ca, o.hold, o.challenge, o.caps.split(",") if o.caps is not None else None)
    responder = Responder(ca, o.ocsp) if o.ocsp else None
    ca.changed = responder.again if responder else lambda: None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the responder ends with us
    try:
        http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
    finally:
        if responder:
            responder.stop()


if __name__ == "__main__":
    main()
