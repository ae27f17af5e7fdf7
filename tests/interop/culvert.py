"""culvertd and culvert-dp in a namespace, driven through the culvert client; and the text of configurations."""
import json
import os
import signal

from net import LabError, PATIENCE, wait_for

# Rings that hold what comes while a loaded machine keeps the worker waiting; DPDK's own are of 512 frames.
FRAMES = ",framecnt=2048"
OUTSIDE, INSIDE = "net_af_packet,iface=out0" + FRAMES, "net_af_packet,iface=in0" + FRAMES
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("CULVERT_BUILD", os.path.join(ROOT, "build"))


def available():
    """None when the programs are built, else the reason."""
    for p in ("culvertd", "culvert-dp", "culvert"):
        if not os.path.exists(os.path.join(BUILD, p)):
            return "build/%s is not built" % p
    return None


class Transform:
    """One choice of algorithms, in culvert's words and in strongSwan's."""

    def __init__(self, name, encryption, integrity, transform_set, ss_ike, ss_esp, label):
        self.name, self.encryption, self.integrity = name, encryption, integrity
        self.transform_set, self.ss_ike, self.ss_esp, self.label = transform_set, ss_ike, ss_esp, label

    def ike_lines(self, group):
        lines = [" encryption %s" % self.encryption]
        lines.append(" integrity %s" % self.integrity if self.integrity else " prf sha256")
        return "\n".join(lines + [" group %d" % group])

    def strongswan_ike(self, group):
        return "%s-%s" % (self.ss_ike, GROUPS[group])


GROUPS = {2: "modp1024", 5: "modp1536", 14: "modp2048", 19: "ecp256", 20: "ecp384", 21: "ecp521", 31: "curve25519"}
GCM = Transform("gcm", "aes-gcm-128", None, "esp-gcm", "aes128gcm16-prfsha256", "aes128gcm16", "AES-GCM-128")
CBC = Transform("cbc-sha256", "aes-cbc-256", "sha256", "esp-aes 256 esp-sha256-hmac", "aes256-sha256-prfsha256",
                "aes256-sha256", "AES-CBC-256 + SHA-256")
CHACHA = Transform("chacha20", "chacha20-poly1305", None, "esp-chacha20-poly1305", "chacha20poly1305-prfsha256",
                   "chacha20poly1305", "ChaCha20-Poly1305")
TRANSFORMS = {t.name: t for t in (GCM, CBC, CHACHA)}


def config(hostname="left", local="192.0.2.1", peer="192.0.2.2", outside_len=24, inside="10.1.0.1",
           inside_len=24, tunnel_ip="10.255.0.1 255.255.255.252", far="10.2.0.0 255.255.0.0", psk="secret",
           transform=GCM, group=19, local_id=None, remote_id=None, psk_address=None, default_gateway=None,
           ipsec_profile="", ikev2_profile="", extra="", workers=1, protected=True, certificates=None, engine="auto"):
    """A gateway with one route-based tunnel. Addresses with a colon make it an IPv6 one. certificates: the profile's lines of
    authentication in place of pre-shared keys; `local_id` "" leaves the identity to the certificate."""
    v6_out, v6_in = ":" in local, ":" in inside

    def ifaddr(address, length):
        if ":" in address:
            return " ipv6 address %s/%d" % (address, length)
        return " ip address %s %s" % (address, mask(length))

    host = "%s 255.255.255.255" % peer if not v6_out else None
    address_line = "  address %s" % (psk_address or peer) + ("/128" if v6_out else "")
    match = remote_id or ("address %s" % host if host else "address %s/128" % peer)
    own = "address %s" % local if local_id is None else local_id
    keyring = ["crypto ikev2 keyring KR", " peer RIGHT", address_line, "  pre-shared-key %s" % psk] if not certificates else []
    authentication = [certificates or " authentication remote pre-share\n authentication local pre-share\n keyring local KR"]
    if v6_in:
        route = "ipv6 route %s Tunnel1" % far
        tunnel_address = " ipv6 address %s" % tunnel_ip
    else:
        route = "ip route %s Tunnel1" % far
        tunnel_address = " ip address %s" % tunnel_ip
    lines = ["hostname %s" % hostname, "platform dataplane", " workers %d" % workers, " memory no-huge", " crypto-engine " + engine,
             " port Ethernet0/0 vdev " + OUTSIDE, " port Ethernet0/1 vdev " + INSIDE,
             "crypto ikev2 proposal PROP", transform.ike_lines(group), "crypto ikev2 policy POL", " proposal PROP",
             *keyring, "crypto ikev2 profile PF", " match %s" % match if match.startswith("certificate ") else
             " match identity remote %s" % match, " identity local %s" % own if own else "",
             *authentication, ikev2_profile, "crypto ipsec transform-set TS %s" % transform.transform_set, " mode tunnel",
             "crypto ipsec profile IPP", " set transform-set TS", " set ikev2-profile PF", ipsec_profile,
             "interface Ethernet0/0", ifaddr(local, outside_len), "interface Ethernet0/1",
             ifaddr(inside, inside_len), "interface Tunnel1", tunnel_address, " tunnel source Ethernet0/0",
             " tunnel mode ipsec %s" % ("ipv6" if v6_in else "ipv4"), " tunnel destination %s" % peer,
             " tunnel protection ipsec profile IPP" if protected else "", route]
    if v6_in or v6_out:
        lines.insert(1, "ipv6 unicast-routing")
    if default_gateway:
        lines.append(("ipv6 route ::/0 %s" if ":" in default_gateway else "ip route 0.0.0.0 0.0.0.0 %s")
                     % default_gateway)
    if extra:
        lines.append(extra)
    return "\n".join(line for line in lines if line) + "\n"


class Suite1:
    """Algorithms of IKEv1's phase 1 and ESP, in culvert's words, strongSwan's and libreswan's."""

    def __init__(self, name, encr, hash_, group, transform_set, ike, esp, lib_ike=None):
        self.name, self.encr, self.hash, self.group = name, encr, hash_, group
        self.transform_set, self.ss_ike, self.ss_esp = transform_set, ike, esp
        self.lib_ike = lib_ike or ike.rsplit("-", 1)[0] + ";" + GROUPS[group].replace("ecp", "dh_ecp_")


OLD1 = Suite1("3des-md5-modp1024", "3des", "md5", 2, "esp-3des esp-md5-hmac", "3des-md5-modp1024", "3des-md5")
AES1 = Suite1("aes128-sha1-modp2048", "aes", "sha", 14, "esp-aes esp-sha-hmac", "aes128-sha1-modp2048", "aes128-sha1")
ECP1 = Suite1("aes256-sha256-ecp256", "aes 256", "sha256", 19, "esp-aes 256 esp-sha256-hmac",
              "aes256-sha256-ecp256", "aes256-sha256", "aes256-sha2_256;dh19")
SUITES1 = {s.name: s for s in (OLD1, AES1, ECP1)}


def config1(hostname="left", local="192.0.2.1", peer="192.0.2.2", inside="10.1.0.1", psk="secret", suite=AES1,
            style="map", near="10.1.0.0 0.0.255.255", far="10.2.0.0 0.0.255.255", route="10.2.0.0 255.255.0.0",
            default_gateway=None, remote_id=None, keyring=None, profile="", pfs=None, transport=False, entry="",
            extra="", dpd=None, authentication="pre-share"):
    """An IKEv1 gateway. style: "map" a crypto map on Ethernet0/0, "ipsec" a route-based tunnel, "gre" a protected GRE
    tunnel. remote_id, keyring, profile make an ISAKMP profile; without them the global key is used. authentication: rsa-sig
    and ecdsa-sig have no keys."""
    lines = ["hostname %s" % hostname, "platform dataplane", " workers 1", " memory no-huge",
             " port Ethernet0/0 vdev " + OUTSIDE, " port Ethernet0/1 vdev " + INSIDE,
             "crypto isakmp policy 10", " encr %s" % suite.encr, " hash %s" % suite.hash,
             " authentication " + authentication, " group %d" % suite.group]
    if dpd:
        lines.append("crypto isakmp keepalive %s" % dpd)
    with_profile = remote_id or profile
    if with_profile and authentication == "pre-share":
        lines += ["crypto keyring KR", " " + (keyring or "pre-shared-key address %s key %s" % (peer, psk))]
    if with_profile:
        lines += ["crypto isakmp profile PF", " keyring KR" if authentication == "pre-share" else "",
                  " match identity %s" % (remote_id or "address %s" % peer), profile]
    elif authentication == "pre-share":
        lines.append("crypto isakmp key %s address %s" % (psk, peer))
    lines += ["crypto ipsec transform-set TS %s" % suite.transform_set, " mode %s" % ("transport" if transport else "tunnel")]
    bound = [" set transform-set TS", " set isakmp-profile PF" if with_profile else "",
             " set pfs group%d" % pfs if pfs else "", entry]
    if style == "map":
        lines += ["ip access-list extended TRAFFIC", " permit ip %s %s" % (near, far),
                  "crypto map MAP 10 ipsec-isakmp", " set peer %s" % peer, " match address TRAFFIC"] + bound
    else:
        lines += ["crypto ipsec profile IPP"] + bound
    lines += ["interface Ethernet0/0", " ip address %s 255.255.255.0" % local,
              " crypto map MAP" if style == "map" else "", "interface Ethernet0/1", " ip address %s 255.255.255.0" % inside]
    if style != "map":
        lines += ["interface Tunnel1", " ip address 10.255.0.1 255.255.255.252", " tunnel source Ethernet0/0",
                  " tunnel mode ipsec ipv4" if style == "ipsec" else " tunnel mode gre ip",
                  " tunnel destination %s" % peer, " tunnel protection ipsec profile IPP",
                  "ip route %s Tunnel1" % route]
    else:
        lines.append("ip route %s %s" % (route, default_gateway or peer))
    if default_gateway:
        lines.append("ip route 0.0.0.0 0.0.0.0 %s" % default_gateway)
    if extra:
        lines.append(extra)
    return "\n".join(line for line in lines if line) + "\n"


MAP_FLOW = "MAP#10.10"


def mask(length):
    bits = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    return ".".join(str(bits >> s & 255) for s in (24, 16, 8, 0))


class Culvert:
    def __init__(self, ns, text, name="culvert", keylog=False, env=None):
        self.ns, self.lab, self.name = ns, ns.lab, name
        self.config = self.lab.write(name + "/culvert.conf", text)
        self.run_dir = self.lab.mkdir(name, "run")
        self.state_dir = self.lab.mkdir(name, "state")
        # An unprivileged daemon must reach its directories through the lab's.
        os.chmod(self.lab.dir, 0o711)
        os.chmod(os.path.dirname(self.run_dir), 0o711)
        self.keylog = os.path.join(self.state_dir, "ike_keys") if keylog else None
        self.env = dict(env or {})
        if keylog:
            self.env["CULVERT_IKE_KEYLOG"] = self.keylog
        self.process = None

    def write_config(self, text):
        self.lab.write(self.name + "/culvert.conf", text)

    def start(self, wait=20, options=()):
        self.process = self.ns.start(self.name + "-daemon", os.path.join(BUILD, "culvertd"), "--config", self.config,
                                     "--run-dir", self.run_dir, "--state-dir", self.state_dir, "--foreground",
                                     "--log-level", "debug", *options, env=self.env)
        self.wait_ready(wait)
        return self

    def wait_ready(self, wait=20):
        def ready():
            if self.process.poll() is not None:
                raise LabError("culvertd ended with status %d; see %s" % (self.process.returncode,
                                                                         self.process.log_path))
            r = self.cli("--json", "show", "platform", "dataplane", check=False)
            if r.returncode != 0:
                return False
            try:
                d = json.loads(r.stdout)
            except ValueError:
                return False
            return bool(d.get("workers")) and bool(d.get("ports"))
        wait_for("culvertd and its data plane to answer", ready, wait, interval=0.1)

    def cli(self, *args, check=True, timeout=120):
        return self.ns.run(os.path.join(BUILD, "culvert"), "--run-dir", self.run_dir, *args, check=check,
                           timeout=timeout)

    def json(self, *args):
        r = self.cli("--json", *args)
        try:
            return json.loads(r.stdout)
        except ValueError:
            raise LabError("culvert --json %s printed no JSON: %r" % (" ".join(args), r.stdout[:200]))

    def session(self, interface="Tunnel1"):
        for s in self.json("show", "crypto", "session", "detail")["sessions"]:
            if s["interface"] == interface:
                return s
        return None

    def flow(self, interface="Tunnel1"):
        """The flow that sends; one that a rekey has replaced may still receive for a while."""
        session = self.session(interface)
        flows = [f for f in session["flows"] if f["active"]] if session else []
        return flows[0] if flows else None

    def is_up(self, interface="Tunnel1"):
        s = self.session(interface)
        return bool(s and s["status"] == "UP-ACTIVE" and s["flows"])

    def up(self, interface="Tunnel1", timeout=15, check=True):
        timeout *= PATIENCE if check else 1
        return self.cli("up", interface, "--timeout", str(timeout), check=check, timeout=timeout + 60)

    def rekey(self, interface="Tunnel1", ike=False):
        return self.cli("rekey", interface, *(["ike"] if ike else []))

    def down(self, interface="Tunnel1", check=True):
        return self.cli("down", interface, check=check)

    def wait_up(self, timeout=15, interface="Tunnel1"):
        return wait_for("%s of %s to be up" % (interface, self.name), lambda: self.is_up(interface), timeout, 0.1)

    def wait_down(self, timeout=15, interface="Tunnel1"):
        wait_for("%s of %s to be down" % (interface, self.name), lambda: not self.is_up(interface), timeout, 0.1)

    def drops(self):
        return self.json("show", "platform", "dataplane")["drops"]

    @property
    def short(self):
        return self.name

    def port_counts(self):
        """As the drivers counted: of each interface (received, sent). For a Ledger."""
        ports = self.json("show", "platform", "dataplane")["ports"]
        names = {"Ethernet0/0": "out0", "Ethernet0/1": "in0"}
        return {names[p["name"]]: (p["rx_packets"], p["tx_packets"]) for p in ports if p["name"] in names}

    def pids(self, program):
        """Processes of this instance with that name, oldest first."""
        found = []
        for pid in self.ns.run("ip", "netns", "pids", self.ns.name).stdout.split():
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    argv = f.read().split(b"\0")
                with open("/proc/%s/stat" % pid) as f:
                    started = int(f.read().rsplit(")", 1)[1].split()[19])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if os.path.basename(argv[0].decode(errors="replace")) == program and any(
                    self.run_dir.encode() == a for a in argv):
                found.append((started, int(pid)))
        return [pid for _, pid in sorted(found)]

    def reload(self):
        return self.cli("reload")

    def kill_daemon(self):
        """SIGKILL to every culvertd process: a crash, not a stop. The data plane is left alone."""
        for pid in self.pids("culvertd"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)
        if self.process in self.lab.processes:
            self.lab.processes.remove(self.process)

    def kill_dataplane(self):
        pids = self.pids("culvert-dp")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def stop(self):
        if self.process:
            status = self.lab.stop(self.process, grace=8)
            self.process = None
            return status
        return None

    def log_text(self):
        path = self.lab.path(self.name + "-daemon.log")
        with open(path, errors="replace") as f:
            return f.read()


