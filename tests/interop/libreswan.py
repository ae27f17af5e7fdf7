"""libreswan's pluto in a namespace or guest, with its own configuration, database and socket.

The Debian packages of libreswan and strongSwan exclude each other, so `./run test` unpacks libreswan's beside the
sources (build-peers/libreswan) and it is run from there: its /usr/libexec/ipsec is mounted over the real one for pluto
alone. Without kernel ESP (outside of the guest) the IKE dialogue is whole, but the peer's SAs carry nothing.
"""
import os
import re
import shutil

from net import LabError, wait_for

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
UNPACKED = os.path.join(ROOT, "build-peers", "libreswan")
TOOLS = os.path.join(UNPACKED, "usr", "libexec", "ipsec")


def available():
    """None when libreswan can run here, else the reason."""
    for p in (os.path.join(TOOLS, "pluto"), "/usr/bin/certutil", "/usr/libexec"):
        if not os.path.exists(p):
            return "%s is missing" % p
    return None


def connection(name="site", local="192.0.2.2", remote="192.0.2.1", local_id=None, remote_id=None,
               local_subnet="10.2.0.0/16", remote_subnet="10.1.0.0/16", ike="aes128-sha1;modp2048", esp="aes128-sha1",
               version=1, more=""):
    """One conn of ipsec.conf. more: further lines, as `aggressive=yes`. esp: "ah:sha1" is AH."""
    lines = ["conn " + name, "left=" + local, "right=" + remote, "authby=secret",
             "ikev2=" + ("no" if version == 1 else "insist"), "ike=" + ike, "phase2=" + ("ah" if esp.startswith("ah:") else "esp"),
             "phase2alg=" + esp.split(":")[-1], "auto=ignore",
             "rekey=no", "fragmentation=yes", "leftupdown=%disabled"]
    if local_subnet:
        lines += ["leftsubnet=" + local_subnet, "rightsubnet=" + remote_subnet]
    if local_id:
        lines.append("leftid=" + local_id)
    if remote_id:
        lines.append("rightid=" + remote_id)
    return "\n  ".join(lines + [line for line in more.splitlines() if line]) + "\n"


def secrets(psk="secret", ids=("192.0.2.2", "192.0.2.1")):
    return "%s : PSK \"%s\"\n" % (" ".join(ids), psk)


class Libreswan:
    def __init__(self, ns, name="libreswan", in_guest=False):
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.dir = self.lab.mkdir(name)
        # A guest cannot bind a socket, nor lock a database, on the directory that it shares with the host.
        self.run_dir = "/run/pluto-%s" % name if in_guest else self.lab.mkdir(name, "run")
        self.nss = os.path.join(self.run_dir, "nss")
        self.ctl = os.path.join(self.run_dir, "pluto.ctl")
        self.libexec = os.path.join(self.dir, "libexec")  # a copy: the guest sees the lab's directory wherever the sources are
        shutil.copytree(os.path.join(UNPACKED, "usr", "libexec"), self.libexec)
        self.process = None

    def _tool(self, name):
        return os.path.join(self.libexec, "ipsec", name)

    def _path(self, what):
        return os.path.join(self.dir, what)

    def start(self, connections, secret_lines):
        self.lab.write(self.name + "/ipsec.conf", "config setup\n  ikev1-policy=accept\n" + connections)
        self.lab.write(self.name + "/secrets", secret_lines)
        self.ns.run("mkdir", "-p", self.nss)
        self.ns.run("certutil", "-N", "-d", "sql:" + self.nss, "--empty-password")
        script = ("mount --bind %s /usr/libexec && exec /usr/libexec/ipsec/pluto --config %s --ipsecdir %s --nssdir %s "
                  "--rundir %s --secretsfile %s --nofork --stderrlog --no-dnssec --nhelpers 0 --use-xfrm"
                  % (self.libexec, self._path("ipsec.conf"), self.dir, self.nss, self.run_dir, self._path("secrets")))
        self.process = self.ns.start(self.name, "sh", "-c", script)
        wait_for("pluto's socket", lambda: self.ns.exists(self.ctl) or self.process.poll() is not None, 20)
        if self.process.poll() is not None:
            raise LabError("pluto ended at start, see %s" % self.process.log_path)
        wait_for("pluto to listen", lambda: "listening for IKE messages" in self.log_text(), 10)
        for name in re.findall(r"^conn (\S+)", connections, re.M):
            self.ns.run(self._tool("addconn"), "--ctlsocket", self.ctl, "--config",
                        self._path("ipsec.conf"), name)
        return self

    def whack(self, *args, check=True, timeout=30):
        return self.ns.run(self._tool("whack"), "--ctlsocket", self.ctl, *args, check=check, timeout=timeout)

    def initiate(self, name="site", check=False, asynchronous=False):
        more = ["--asynchronous"] if asynchronous else []
        return self.whack("--initiate", "--name", name, *more, check=check)

    def terminate(self, name="site"):
        return self.whack("--terminate", "--name", name, check=False)

    def rekey(self, name="site", ike=False):
        return self.whack("--rekey-ike" if ike else "--rekey-ipsec", "--name", name, "--asynchronous", check=False)

    def states(self):
        """Lines of `whack --showstates`."""
        return self.whack("--showstates", check=False).stdout.splitlines()

    def log_text(self):
        try:
            with open(self.lab.path(self.name + ".log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def kill(self):
        """As a crash: no delete is sent."""
        self.process.kill()
        self.process.wait(5)
        if self.process in self.lab.processes:
            self.lab.processes.remove(self.process)

    def stop(self):
        if self.process:
            self.lab.stop(self.process)
