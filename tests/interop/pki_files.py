"""CAs, certificates, CRLs and OCSP responders for tests, made with strongSwan's `pki` tool and openssl.

    ca = Authority("CA1", crl="http://10.9.0.2/ca1.crl")
    right = ca.issue("right", san=["right.example"])
    install(culvert, "TP", ca, left, seq=1)     under culvert's state directory, before it starts
    give(strongswan, ca, right)                 to swanctl's directories

Keys and files live in one directory for the run of the test file; `with_key` picks one of the kinds of KEYS.
"""
import atexit
import datetime
import os
import pwd
import shutil
import tempfile

from net import sh, wait_for

KEYS = {"rsa": ("rsa", 2048), "rsa4096": ("rsa", 4096), "p256": ("ecdsa", 256), "p384": ("ecdsa", 384),
        "p521": ("ecdsa", 521), "ed25519": ("ed25519", None)}
PKI = "/usr/bin/pki"

_dir = None
_count = 0


def available():
    """None when certificates can be made here, else the reason."""
    for p in (PKI, "/usr/bin/openssl"):
        if not os.path.exists(p):
            return "%s is not installed" % p
    return None


def _path(name):
    global _dir, _count
    if not _dir:
        _dir = tempfile.mkdtemp(prefix="culv-pki-")
        atexit.register(shutil.rmtree, _dir, True)
    _count += 1
    return os.path.join(_dir, "%d-%s" % (_count, name))


def _save(name, text, mode=0o600):
    path = _path(name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def _pki(*args):
    return sh(PKI, *[str(a) for a in args], "--outform", "pem", timeout=120).stdout


def make_key(kind):
    """A path of a private key in PEM."""
    algorithm, bits = KEYS[kind]
    return _save(kind + ".key", _pki("--gen", "--type", algorithm, *(["--size", bits] if bits else [])))


def _time(days):
    return (datetime.datetime.utcnow() + datetime.timedelta(days=days)).strftime("%d.%m.%y %H:%M:%S")


def serial_of(path):
    """In hexadecimal, upper case."""
    return sh("openssl", "x509", "-in", path, "-noout", "-serial").stdout.strip().split("=")[1]


class Certificate:
    """cert, key: paths; issuer: Authority, None for a self-signed one."""

    def __init__(self, name, cert, key, dn, issuer):
        self.name, self.cert, self.key, self.dn, self.issuer = name, cert, key, dn, issuer

    @property
    def serial(self):
        return serial_of(self.cert)

    @property
    def pem(self):
        with open(self.cert) as f:
            return f.read()


class Authority(Certificate):
    """A CA; a root unless an issuer is given. crl, ocsp: addresses that its certificates name."""

    def __init__(self, name, kind="rsa", issuer=None, crl=None, ocsp=None, dn=None, pathlen=None):
        key, dn = make_key(kind), dn or "C=DE, O=culvert test, CN=%s" % name
        if issuer:
            extra = ["--pathlen", pathlen] if pathlen is not None else []
            cert = issuer.sign(key, dn, "--ca", *extra)
        else:
            cert = _save(name + ".pem", _pki("--self", "--ca", "--in", key, "--type", "priv", "--dn", dn))
        super().__init__(name, cert, key, dn, issuer)
        self.crl_url, self.ocsp_url = crl, ocsp

    def sign(self, key, dn, *args):
        return _save("signed.pem", _pki("--issue", "--cacert", self.cert, "--cakey", self.key, "--in", key, "--type", "priv",
                                        "--dn", dn, *args))

    def issue(self, name, san=(), kind="rsa", key=None, dn=None, days=(-1, 365), crl=None, ocsp=None, flags=(), digest=None):
        """A certificate of an end, valid from and to days from now."""
        key, dn = key or make_key(kind), dn or "C=DE, O=culvert test, CN=%s" % name
        args = ["--not-before", _time(days[0]), "--not-after", _time(days[1])]
        for option, values in (("--san", san), ("--flag", flags), ("--crl", [crl or self.crl_url]),
                               ("--ocsp", [ocsp or self.ocsp_url]), ("--digest", [digest])):
            for value in values:
                args += [option, value] if value else []
        return Certificate(name, self.sign(key, dn, *args), key, dn, self)

    def write_crl(self, path, revoked=(), days=1, digest="sha256"):
        """A CRL in DER at path, replaced in one step."""
        args = []
        for c in revoked:
            args += ["--reason", "key-compromise", "--cert", c.cert]
        pem = _save("crl.pem", _pki("--signcrl", "--cacert", self.cert, "--cakey", self.key, "--lifetime", days,
                                    "--digest", digest, *args))
        sh("openssl", "crl", "-in", pem, "-outform", "der", "-out", path + ".new")
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def write_index(self, path, good=(), revoked=()):
        """The data base of `openssl ocsp`."""
        def line(flag, c, revocation):
            return "\t".join([flag, "350101000000Z", revocation, c.serial, "unknown", "/CN=" + c.name])
        lines = [line("V", c, "") for c in good] + [line("R", c, "240101000000Z,keyCompromise") for c in revoked]
        with open(path + ".new", "w") as f:
            f.write("\n".join(lines) + "\n")
        os.rename(path + ".new", path)


def chain_of(certificate, root=False):
    """CAs above a certificate, its issuer first, the root only if asked for."""
    out, at = [], certificate.issuer
    while at and (at.issuer or root):
        out.append(at)
        at = at.issuer
    return out


def _daemon_user():
    """Who culvertd's control process is, as it chooses itself."""
    for name in ("culvert", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def install(culvert, trustpoint, anchor, own=None, chain=(), seq=2):
    """As control/pki/pki_disk.h lays it out: the CA has number seq - 1, our own certificate seq."""
    top = os.path.join(culvert.state_dir, "pki")
    at = os.path.join(top, "tp", trustpoint)
    os.makedirs(at, 0o700, exist_ok=True)

    def put(name, text):
        with open(os.path.join(at, name), "w") as f:
            os.chmod(f.fileno(), 0o600)
            f.write(text)
    for old in os.listdir(at):
        os.unlink(os.path.join(at, old))
    put("ca-%d.pem" % (seq - 1), anchor.pem)
    if own:
        put("own-%d.pem" % seq, own.pem + "".join(c.pem for c in chain))
        # The tool writes PKCS #1 and SEC 1; the store holds PKCS #8.
        put("key-%d.pem" % seq, sh("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", own.key).stdout)
    put("seq", "ca %d\nown %d\n" % (seq - 1, seq if own else 0))
    user = _daemon_user()
    for root, directories, files in os.walk(top):
        for name in [root] + [os.path.join(root, n) for n in files]:
            if user:
                os.chown(name, user.pw_uid, user.pw_gid)


def give(strongswan, anchors, own=None, intermediates=()):
    """To swanctl's directories, whose x509/NAME.pem a connection names."""
    def copy(folder, certificate, source, name=None):
        directory = os.path.join(strongswan.dir, folder)
        os.makedirs(directory, exist_ok=True)
        shutil.copy(source, os.path.join(directory, (name or certificate.name) + ".pem"))
    for folder in ("x509", "x509ca", "private"):
        shutil.rmtree(os.path.join(strongswan.dir, folder), ignore_errors=True)
    for ca in list(anchors) + list(intermediates):
        copy("x509ca", ca, ca.cert)
    for c in [own] if isinstance(own, Certificate) else own or []:
        copy("x509", c, c.cert)
        copy("private", c, c.key)


SLOW = """import http.server, sys, time
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        time.sleep(float(sys.argv[4]))
        super().do_GET()
    def __init__(self, *args):
        super().__init__(*args, directory=sys.argv[3])
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


class Server:
    """A web server for CRLs in a namespace; what was asked for stands in its log."""

    def __init__(self, ns, directory, address="10.9.0.2", port=80):
        self.ns, self.directory, self.address, self.port = ns, directory, address, port
        self.process = None

    def start(self, delay=0):
        """Each answer takes `delay` seconds."""
        self.process = self.ns.start("http", "/usr/bin/python3", "-u", "-c", SLOW, self.address, self.port, self.directory, delay)
        _wait_for_port(self.ns, self.address, self.port)
        return self

    def stop(self):
        self.ns.lab.stop(self.process)

    def asked(self, path):
        with open(self.ns.lab.path("http.log")) as f:
            return sum("GET %s " % path in line for line in f)


class Responder:
    """`openssl ocsp` for one CA in a namespace; restart() after its index has changed."""

    def __init__(self, ns, ca, signer=None, port=2560):
        self.ns, self.ca, self.signer, self.port = ns, ca, signer or ca, port
        self.index = ns.lab.path("ocsp-index")
        self.process = None

    def start(self, good=(), revoked=()):
        if self.process:
            self.ns.lab.stop(self.process)
        self.ca.write_index(self.index, good, revoked)
        self.process = self.ns.start("ocsp", "/usr/bin/openssl", "ocsp", "-index", self.index, "-port", self.port, "-rsigner",
                                     self.signer.cert, "-rkey", self.signer.key, "-CA", self.ca.cert, "-text", "-ignore_err")
        _wait_for_port(self.ns, "127.0.0.1", self.port)
        return self

    def stop(self):
        self.ns.lab.stop(self.process)
        self.process = None

    def asked(self):
        with open(self.ns.lab.path("ocsp.log"), errors="replace") as f:
            return f.read().count("OCSP Request Data")


def _wait_for_port(ns, address, port):
    # Looks at the listening sockets rather than connecting: `openssl ocsp` takes one connection at a time.
    wait_for("a server on %s:%d" % (address, port),
             lambda: ns.run("ss", "-Hltn", "sport = :%d" % port, check=False).stdout.strip(), 10)
