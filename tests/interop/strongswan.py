"""strongSwan's charon-systemd in a namespace, with its own configuration, socket and log.

The data path is libipsec, a tun device in user space, so no kernel ESP is needed; it always encapsulates
ESP in UDP. In a guest with kernel ESP, kernel=True uses XFRM instead.
"""
import os
import re
import shutil
import subprocess

from net import LabError, wait_for

PLUGINS = ("random nonce aes sha1 sha2 mgf1 hmac md5 kdf gcm chapoly curve25519 gmp openssl pem pkcs1 pkcs8 x509 "
           "pubkey constraints revocation kernel-netlink socket-default vici updown counters")


def available():
    """None when strongSwan can run here, else the reason."""
    for p in ("/usr/sbin/charon-systemd", "/usr/sbin/swanctl", "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"):
        if not os.path.exists(p):
            return "%s is not installed" % p
    return None


def release(prefix="/usr"):
    """Of the strongSwan below a prefix, as numbers: (5, 9, 8). None: there is none."""
    try:
        text = subprocess.run([prefix + "/sbin/swanctl", "--help"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    found = re.search(r"strongSwan (\d+)\.(\d+)\.(\d+)", text)
    return found and tuple(int(n) for n in found.groups())


def newest():
    """The prefix of the strongSwan that the environment's STRONGSWAN names, else of the installed one."""
    return os.environ.get("STRONGSWAN") or "/usr"


def strongswan_conf(directory, vici, log, libipsec=True, extra="", first=""):
    # The first plugin that offers ESP wins, so libipsec stands before kernel-netlink; so it is with algorithms.
    plugins = ("kernel-libipsec " if libipsec else "") + " ".join([first] + [p for p in PLUGINS.split() if p not in first.split()])
    marks = ("kernel-netlink { fwmark = !0x42 }\n    socket-default { fwmark = 0x42 }" if libipsec else "")
    return """
charon-systemd {
  load = %s
  plugins {
    vici { socket = unix://%s }
    %s
  }
  journal { default = -1 }
  filelog {
    file { path = %s
      default = 1
      ike = 2
      cfg = 2
      net = 1
      time_format = %%H:%%M:%%S
      flush_line = yes }
  }
  install_virtual_ip = no
  make_before_break = yes
  retransmit_tries = 3
  retransmit_timeout = 1.0
  %s
}
swanctl { load = random openssl pem pkcs1 pkcs8 x509 }
""" % (plugins, vici, marks, log, extra)


def connection(name="site", local="192.0.2.2", remote="192.0.2.1", local_id=None, remote_id=None,
               psk="secret", local_ts="10.2.0.0/16", remote_ts="10.1.0.0/16", ike="aes128gcm16-prfsha256-ecp256",
               esp="aes128gcm16", children="", connections="", version=2, local_auth="auth = psk", remote_auth="auth = psk"):
    """The text of a swanctl.conf with one connection, one child of the same name, and one PSK. esp: "ah:sha256" is AH. local_auth, remote_auth: what else
    stands in the sections of each end; an identity of "" is left out, then a certificate's subject is it."""
    def identity(text):
        return "id = %s" % text if text else ""
    return """
connections {
  %(name)s {
    version = %(version)d
    local_addrs = %(local)s
    remote_addrs = %(remote)s
    proposals = %(ike)s
    rekey_time = 0
    %(connections)s
    local { %(local_auth)s
      %(own_id)s }
    remote { %(remote_auth)s
      %(peer_id)s }
    children { %(name)s {
      local_ts = %(local_ts)s
      remote_ts = %(remote_ts)s
      %(esp)s
      rekey_time = 0
      start_action = none
      %(children)s } }
  }
}
secrets { ike-%(name)s {
  %(peer_id)s
  secret = "%(psk)s" } }
""" % dict(name=name, local=local, remote=remote, own_id=identity(local if local_id is None else local_id),
           peer_id=identity(remote if remote_id is None else remote_id), local_auth=local_auth, remote_auth=remote_auth, psk=psk, local_ts=local_ts, remote_ts=remote_ts, ike=ike,
           esp="ah_proposals = " + esp[3:] if esp.startswith("ah:") else "esp_proposals = " + esp, children=children,
           connections=connections, version=version)


def parse_raw(text):
    """swanctl --raw prints `event {key=value key2 {..} list=[a b]}`: as nested dicts."""
    token = re.compile(r"\s*(?:([^\s{}\[\]=]+)=\[([^\]]*)\]|([^\s{}\[\]=]+)=([^\s{}\[\]]*)|([^\s{}\[\]=]+)?\s*\{|(\}))")
    stack, at = [{}], 0
    while True:
        m = token.match(text, at)
        if not m:
            return stack[0]
        at = m.end()
        if m.group(1) is not None:
            stack[-1][m.group(1)] = m.group(2).split()
        elif m.group(3) is not None:
            stack[-1][m.group(3)] = m.group(4)
        elif m.group(6):
            if len(stack) > 1:
                stack.pop()
        else:
            child = {}
            stack[-1][m.group(5) or ""] = child
            stack.append(child)


class StrongSwan:
    """first: plugins whose algorithms go before others' ("aesni openssl" where speed matters: plugins aes and gcm are plain C). prefix: where the programs are."""

    def __init__(self, ns, name="strongswan", libipsec=True, extra="", first="", prefix="/usr"):
        self.first = first
        self.prefix = prefix
        self.ns = ns
        self.lab = ns.lab
        self.name = name
        self.libipsec = libipsec
        self.extra = extra
        self.dir = self.lab.mkdir(name)
        # A guest cannot bind a socket on the directory it shares with the host.
        self.vici = os.path.join(self.dir, "vici") if libipsec else "/run/charon-%s.vici" % name
        self.log = os.path.join(self.dir, "charon.log")
        self.process = None

    @property
    def uri(self):
        return "unix://" + self.vici

    @property
    def env(self):
        return {"STRONGSWAN_CONF": os.path.join(self.dir, "strongswan.conf"), "SWANCTL_DIR": self.dir}

    def start(self, swanctl_conf=None):
        self.lab.write(self.name + "/strongswan.conf",
                       strongswan_conf(self.dir, self.vici, self.log, self.libipsec, self.extra, self.first))
        self.ns.run("rm", "-f", self.vici)
        self.process = self.ns.start(self.name, self._program("charon-systemd"), env=self.env)
        wait_for("charon's vici socket", lambda: self.ns.exists(self.vici) or self.process.poll() is not None, 30)
        if self.process.poll() is not None:
            raise LabError("charon-systemd ended at start, see %s" % self.process.log_path)
        if swanctl_conf:
            self.load(swanctl_conf)
        return self

    def _program(self, name):
        """A copy in the lab's directory: where AppArmor is on, its profiles tie the installed programs to /etc."""
        path = os.path.join(self.prefix, "sbin", name)
        if not self.libipsec:
            return path
        copy = os.path.join(self.dir, name)
        if not os.path.exists(copy):
            shutil.copy(path, copy)
        return copy

    def swanctl(self, *args, check=True, timeout=40):
        env = ["env"] + ["%s=%s" % kv for kv in self.env.items()]
        return self.ns.run(*env, self._program("swanctl"), *[str(a) for a in args], "--uri", self.uri, check=check, timeout=timeout)

    def load(self, swanctl_conf):
        self.lab.write(self.name + "/swanctl.conf", swanctl_conf)
        self.swanctl("--load-all", "--clear", "--file", os.path.join(self.dir, "swanctl.conf"))

    def initiate(self, child="site", timeout=15, check=True):
        return self.swanctl("--initiate", "--child", child, "--timeout", timeout, check=check)

    def terminate(self, ike="site", child=None, check=True, force=False):
        what = ("--child", child) if child else ("--ike", ike)
        more = ("--force",) if force else ()
        return self.swanctl("--terminate", *what, "--timeout", "8", *more, check=check)

    def rekey(self, ike=None, child=None, check=True):
        return self.swanctl("--rekey", *(("--child", child) if child else ("--ike", ike)), check=check)

    def sas(self):
        """List of (ike name, dict) of established and pending IKE SAs."""
        text = self.swanctl("--list-sas", "--raw", check=False).stdout
        out = []
        for line in text.splitlines():
            if "{" not in line:
                continue
            tree = parse_raw(line[line.index("{"):])
            for event in tree.values():
                if isinstance(event, dict):
                    out += [(k, v) for k, v in event.items() if isinstance(v, dict)]
        return out

    def children(self):
        found = []
        for _, sa in self.sas():
            found += list(sa.get("child-sas", {}).values())
        return found

    def installed(self):
        return [c for c in self.children() if c.get("state") == "INSTALLED"]

    def established(self):
        return [sa for _, sa in self.sas() if sa.get("state") == "ESTABLISHED"]

    def kill(self):
        """As a crash: no delete is sent."""
        self.process.kill()
        self.process.wait(5)
        if self.process in self.lab.processes:
            self.lab.processes.remove(self.process)
        self.ns.run("ip", "link", "del", "ipsec0", check=False)
        self.ns.run("ip", "route", "flush", "table", "220", check=False)
        self.ns.run("ip", "rule", "del", "lookup", "220", check=False)

    def stop(self):
        if self.process:
            self.lab.stop(self.process)

    def log_text(self):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""
