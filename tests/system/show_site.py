"""Two gateways with a switch between them that can be told to drop packets: IKEv1 and IKEv2, tunnels, GRE and crypto maps."""
import itertools
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from culvert import Culvert  # noqa: E402
from net import Lab, wait_for  # noqa: E402

_numbers = itertools.count(1)
SECRET = "Sw0rdf1sh-of-the-test"
PATH = 1400
INSIDE = (PATH - 20 - 8 - 16 - 16) // 16 * 16 - 2  # IP, ESP, IV and ICV of esp-aes esp-sha256-hmac; whole blocks; pad length and next header
STYLES = ("ipsec", "gre", "map", "dynamic")
IDENTS = {"ipsec": "0.0.0.0/0.0.0.0/0/0", "gre": "192.0.2.1/255.255.255.255/47/0", "map": "10.1.0.0/255.255.0.0/0/0",
          "dynamic": "10.1.0.0/255.255.0.0/0/0"}
FLOWS = {"ipsec": "permit ip 0.0.0.0/0.0.0.0 0.0.0.0/0.0.0.0", "gre": "permit 47 host 192.0.2.1 host 192.0.2.2",
         "map": "permit ip 10.1.0.0/255.255.0.0 10.2.0.0/255.255.0.0"}
FLOWS["dynamic"] = FLOWS["map"]


def _ike(version, far):
    if version == 1:
        return ["crypto isakmp policy 10", " encr aes 256", " hash sha256", " authentication pre-share", " group 19",
                "crypto keyring KR", " pre-shared-key address %s key %s" % (far, SECRET), "crypto isakmp profile PF",
                " keyring KR", " match identity address %s" % far]
    return ["crypto ikev2 proposal PROP", " encryption aes-cbc-256", " integrity sha256", " group 19", "crypto ikev2 policy POL",
            " proposal PROP", "crypto ikev2 keyring KR", " peer FAR", "  address %s" % far, "  pre-shared-key %s" % SECRET,
            "crypto ikev2 profile PF", " match identity remote address %s 255.255.255.255" % far,
            " authentication remote pre-share", " authentication local pre-share", " keyring local KR"]


def text(me, version, style):
    """Gateway 1 or 2. Of style dynamic only gateway 2 has a dynamic map: it answers gateway 1's static one."""
    far, near = "192.0.2.%d" % (3 - me), "192.0.2.%d" % me
    binding = " set %s-profile PF" % ("isakmp" if version == 1 else "ikev2")
    lines = ["hostname gw%d" % me, "platform dataplane", " workers 1", " memory no-huge",
             " port Ethernet0/0 vdev net_af_packet,iface=out0"] + _ike(version, far)
    lines += ["crypto ipsec transform-set TS esp-aes esp-sha256-hmac", " mode tunnel"]
    port, tunnel = ["interface Ethernet0/0", " ip address %s 255.255.255.0" % near, " ip mtu %d" % PATH], []
    if style in ("ipsec", "gre"):
        lines += ["crypto ipsec profile IPP", " set transform-set TS", binding]
        tunnel = ["interface Tunnel1", " ip address 10.255.0.%d 255.255.255.252" % me, " tunnel source Ethernet0/0",
                  " tunnel mode %s" % ("gre ip" if style == "gre" else "ipsec ipv4"), " tunnel destination %s" % far,
                  " tunnel protection ipsec profile IPP", "ip route 10.%d.0.0 255.255.0.0 Tunnel1" % (3 - me)]
    elif style == "dynamic" and me == 2:
        lines += ["crypto dynamic-map DYN 10", " set transform-set TS", binding, "crypto map MAP 100 ipsec-isakmp dynamic DYN"]
    else:
        lines += ["ip access-list extended TRAFFIC", " permit ip 10.%d.0.0 0.0.255.255 10.%d.0.0 0.0.255.255" % (me, 3 - me),
                  "crypto map MAP 10 ipsec-isakmp", " set peer %s" % far, " match address TRAFFIC", " set transform-set TS", binding]
    if not tunnel:
        port += [" crypto map MAP", "ip route 10.%d.0.0 255.255.0.0 %s" % (3 - me, far)]
    lines += ["interface Loopback0", " ip address 10.%d.0.1 255.255.0.0" % me]
    return "\n".join(lines + port + tunnel) + "\n"


class Pair:
    """left, right: gateways 1 and 2; the switch between them drops what block() names."""

    def __init__(self, version, style):
        self.version, self.style = version, style
        self.lab = Lab("show")
        nodes = [self.lab.ns(n) for n in ("gw1", "gw2")]
        self.switch = self.lab.ns("switch")
        for i, node in enumerate(nodes):
            self.lab.veth(node, "out0", self.switch, "port%d" % (i + 1))
            self.lab.bare_port(node, "out0")
        self.lab.bridge(self.switch, "br0", ["port1", "port2"])
        self.left, self.right = (Culvert(n, text(i + 1, version, style), name="gw%d" % (i + 1)) for i, n in enumerate(nodes))
        self.left.start()
        self.right.start()

    def block(self, gateway, protocol):
        """Nothing of this IP protocol goes on from what gateway 1 or 2 sends."""
        self.switch.run("nft", "-f", "-", stdin="table bridge filter {\n chain forward {\n  type filter hook forward priority 0\n"
                        "  iifname port%d ip protocol %d drop\n }\n}\n" % (gateway, protocol))

    def unblock(self):
        self.switch.run("nft", "flush", "ruleset")

    def ping(self, gateway=None, count=1, size=None, timeout=2):
        """From one Loopback0 to the other: how many were answered."""
        g = gateway or self.left
        size = ["size", str(size), "df-bit"] if size else []
        r = g.cli("--json", "ping", "10.%d.0.1" % (2 if g is self.left else 1), "source", "Loopback0", "repeat", str(count),
                  "timeout", str(timeout), *size, check=False, timeout=60)
        return json.loads(r.stdout)["received"]

    def raise_tunnel(self):
        wait_for("an echo reply through the tunnel", lambda: self.ping(timeout=1) == 1, 15, 0.1)

    def interface(self, gateway=None):
        """The name of the session."""
        if self.style in ("ipsec", "gre"):
            return "Tunnel1"
        return "MAP#100.10.0" if self.style == "dynamic" and gateway is self.right else "MAP#10.10"

    def session(self, gateway=None):
        g = gateway or self.left
        return g.session(self.interface(g))

    def flow(self, gateway=None):
        g = gateway or self.left
        return g.flow(self.interface(g))


def with_two_peers(version):
    """Of style dynamic; third is gateway 3, 192.0.2.3 with 10.3.0.0/16, which comes to gateway 2's dynamic map, too."""
    pair = Pair(version, "dynamic")
    node = pair.lab.ns("gw3")
    pair.lab.veth(node, "out0", pair.switch, "port3")
    pair.lab.bare_port(node, "out0")
    pair.switch.run("ip", "link", "set", "port3", "master", "br0", "up")
    everybody = text(2, version, "dynamic").replace("192.0.2.1 255.255.255.255", "192.0.2.1").replace("192.0.2.1", "0.0.0.0 0.0.0.0")
    pair.right.write_config(everybody.replace("10.1.0.0 255.255.0.0 0.0.0.0 0.0.0.0", "10.1.0.0 255.255.0.0 192.0.2.1")
                            + "ip route 10.3.0.0 255.255.0.0 192.0.2.3\n")
    pair.right.reload()
    pair.third = Culvert(node, re.sub(r"192\.0\.2\.1\b", "192.0.2.3", text(1, version, "dynamic")).replace("10.1.", "10.3."), name="gw3")
    pair.third.start()
    return pair


def follow(gateway, *words):
    """culvert debug ... beside, in text or with --json first; followed() has its lines."""
    from culvert import BUILD
    options = ["--json"] if words[0] == "--json" else []

    def clients():
        return gateway.json("show", "debugging")["clients"]
    others = clients()
    p = gateway.ns.start("follow%d" % next(_numbers), os.path.join(BUILD, "culvert"), "--run-dir", gateway.run_dir, *options, "debug",
                         *words[len(options):])
    wait_for("the debug client to follow", lambda: clients() > others, 5)
    return p


def followed(process):
    """Its lines so far; of one that is being written nothing."""
    with open(process.log_path) as f:
        text = f.read()
    return text[:text.rfind("\n") + 1]
