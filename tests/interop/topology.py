"""The networks that tests run on, each as one function; see the pictures."""

import culvert as cv
import guest as vm
import libreswan as lsw
import strongswan as ss
from net import Lab


class Site:
    """What a topology made: lab, left (host), right (host), culvert, peer (StrongSwan or Culvert)."""

    def __init__(self, lab):
        self.lab = lab
        self.left = self.right = self.culvert = self.peer = self.peer_ns = self.router = None
        self.right_address, self.left_address = "10.2.0.2", "10.1.0.2"


def _ends(site, inside="10.1.0", far="10.2.0"):
    """Hosts behind both gateways, and the culvert namespace with its two bare ports."""
    lab = site.lab
    site.left, gw, site.peer_ns, site.right = (lab.ns(n) for n in ("left", "culvert", "peer", "right"))
    lab.veth(site.left, "eth0", gw, "in0")
    lab.veth(site.peer_ns, "in0", site.right, "eth0")
    if ":" in inside:
        site.left_address, site.right_address = inside + "2", far + "2"
        site.left.address("eth0", inside + "2/64")
        site.right.address("eth0", far + "2/64")
        site.left.route("default", inside + "1")
        site.right.route("default", far + "1")
    else:
        site.left.address("eth0", inside + ".2/24")
        site.right.address("eth0", far + ".2/24")
        site.left.route("default", inside + ".1")
        site.right.route("default", far + ".1")
    return gw


def strongswan_site(title, transform=cv.GCM, group=19, culvert_args=None, strongswan_args=None, start=True,
                    keylog=False, strongswan_extra="", culvert_env=None, prefix="/usr"):
    """left-host -- culvert -- strongSwan (user-space ESP) -- right-host

        10.1.0.2    10.1.0.1 192.0.2.1    192.0.2.2 10.2.0.1    10.2.0.2
    """
    site = Site(Lab(title))
    lab = site.lab
    gw = _ends(site)
    lab.veth(gw, "out0", site.peer_ns, "out0")
    lab.bare_port(gw, "out0")
    lab.bare_port(gw, "in0")
    site.peer_ns.address("out0", "192.0.2.2/24")
    site.peer_ns.address("in0", "10.2.0.1/24")
    site.peer_ns.forward()
    site.culvert = cv.Culvert(gw, cv.config(transform=transform, group=group, **(culvert_args or {})), keylog=keylog,
                              env=culvert_env)
    site.peer = ss.StrongSwan(site.peer_ns, extra=strongswan_extra, prefix=prefix)
    site.peer_conf = ss.connection(ike=transform.strongswan_ike(group), esp=transform.ss_esp,
                                   **(strongswan_args or {}))
    if start:
        site.culvert.start()
        site.peer.start(site.peer_conf)
    return site


def ikev1_site(title, suite=cv.AES1, peer="strongswan", start=True, strongswan_args=None, libreswan_more="",
               keylog=False, strongswan_extra="", **culvert_args):
    """As strongswan_site, over IKEv1, with strongSwan or libreswan as the peer; culvert with a crypto map unless told otherwise.

    libreswan has no ESP here: its IKE is whole, its SAs carry nothing.
    """
    site = Site(Lab(title))
    lab = site.lab
    gw = _ends(site)
    lab.veth(gw, "out0", site.peer_ns, "out0")
    lab.bare_port(gw, "out0")
    lab.bare_port(gw, "in0")
    site.peer_ns.address("out0", "192.0.2.2/24")
    site.peer_ns.address("in0", "10.2.0.1/24")
    site.peer_ns.forward()
    site.culvert = cv.Culvert(gw, cv.config1(suite=suite, **culvert_args), keylog=keylog)
    if peer == "strongswan":
        site.peer = ss.StrongSwan(site.peer_ns, extra=strongswan_extra)
        site.peer_conf = ss.connection(version=1, ike=suite.ss_ike, esp=suite.ss_esp, **(strongswan_args or {}))
    else:
        site.peer = lsw.Libreswan(site.peer_ns)
        site.peer_conf = (lsw.connection(ike=suite.lib_ike, esp=suite.ss_esp, more=libreswan_more), lsw.secrets())
    if start:
        site.culvert.start()
        site.peer.start(*(site.peer_conf if isinstance(site.peer_conf, tuple) else (site.peer_conf,)))
    return site


def _router_between(site, gw):
    """192.0.2.1 | 192.0.2.254 router 198.51.100.254 | the peer's out0; culvert's ports are bare."""
    lab = site.lab
    site.router = lab.ns("router")
    lab.veth(gw, "out0", site.router, "near")
    lab.veth(site.router, "wide", site.peer_ns, "out0")
    lab.bare_port(gw, "out0")
    lab.bare_port(gw, "in0")
    site.router.address("near", "192.0.2.254/24")
    site.router.address("wide", "198.51.100.254/24")
    site.router.forward()


def nat_site(title, behind="culvert", transform=cv.GCM, group=19):
    """left-host -- culvert -- router -- strongSwan -- right-host, the router hiding one gateway (`behind`).

    behind=culvert:     192.0.2.1 | 192.0.2.254 router 198.51.100.254 | 198.51.100.2; seen as 198.51.100.254
    behind=strongswan:  the router masquerades towards culvert; strongSwan is seen as 192.0.2.254
    """
    site = Site(Lab(title))
    gw = _ends(site)
    _router_between(site, gw)
    hidden_by = "wide" if behind == "culvert" else "near"
    site.router.run("nft", "-f", "-", stdin="table ip nat {\n chain out {\n  type nat hook postrouting priority 100\n"
                    "  oifname \"%s\" masquerade\n }\n}\n" % hidden_by)
    site.peer_ns.address("out0", "198.51.100.2/24")
    site.peer_ns.address("in0", "10.2.0.1/24")
    site.peer_ns.forward()
    ike = dict(ike=transform.strongswan_ike(group), esp=transform.ss_esp)
    if behind == "culvert":
        site.peer_ns.route("192.0.2.0/24", "198.51.100.254")
        text = cv.config(transform=transform, group=group, peer="198.51.100.2", default_gateway="192.0.2.254",
                         local_id="fqdn left.example")
        conf = ss.connection(local="198.51.100.2", remote="%any", local_id="198.51.100.2", remote_id="left.example",
                             **ike)
    else:
        site.peer_ns.route("192.0.2.0/24", "198.51.100.254")
        text = cv.config(transform=transform, group=group, peer="192.0.2.254", default_gateway="192.0.2.254",
                         remote_id="fqdn right.example")
        conf = ss.connection(local="198.51.100.2", remote="192.0.2.1", local_id="right.example",
                             remote_id="192.0.2.1", **ike)
    site.culvert = cv.Culvert(gw, text).start()
    site.peer = ss.StrongSwan(site.peer_ns).start(conf)
    return site


def nat_site1(title, behind="culvert", suite=cv.ECP1):
    """As nat_site, over IKEv1 with a crypto map. In Main Mode the key is chosen by the packet's source address (KR-5, G31): the side that is
    seen through the NAT has the router's address as its key; identities are told by ISAKMP profile and swanctl.conf."""
    site = Site(Lab(title))
    lab = site.lab
    gw = _ends(site)
    site.router = lab.ns("router")
    lab.veth(gw, "out0", site.router, "near")
    lab.veth(site.router, "wide", site.peer_ns, "out0")
    lab.bare_port(gw, "out0")
    lab.bare_port(gw, "in0")
    site.router.address("near", "192.0.2.254/24")
    site.router.address("wide", "198.51.100.254/24")
    site.router.forward()
    hidden_by = "wide" if behind == "culvert" else "near"
    site.router.run("nft", "-f", "-", stdin="table ip nat {\n chain out {\n  type nat hook postrouting priority 100\n"
                    "  oifname \"%s\" masquerade\n }\n}\n" % hidden_by)
    site.peer_ns.address("out0", "198.51.100.2/24")
    site.peer_ns.address("in0", "10.2.0.1/24")
    site.peer_ns.forward()
    site.peer_ns.route("192.0.2.0/24", "198.51.100.254")
    algorithms = dict(version=1, ike=suite.ss_ike, esp=suite.ss_esp)
    if behind == "culvert":
        text = cv.config1(suite=suite, peer="198.51.100.2", default_gateway="192.0.2.254",
                          remote_id="address 198.51.100.2", profile=" self-identity fqdn left.example")
        conf = ss.connection(local="198.51.100.2", remote="%any", local_id="198.51.100.2", remote_id="left.example",
                             **algorithms)
    else:
        text = cv.config1(suite=suite, peer="192.0.2.254", default_gateway="192.0.2.254",
                          remote_id="host right.example")
        conf = ss.connection(local="198.51.100.2", remote="192.0.2.1", local_id="right.example",
                             remote_id="192.0.2.1", **algorithms)
    site.culvert = cv.Culvert(gw, text).start()
    site.peer = ss.StrongSwan(site.peer_ns).start(conf)
    return site


def guest_gre(guest, local, remote):
    """A GRE tunnel of the guest's kernel between the gateways, 10.255.0.2 at its end; what is behind culvert lies behind it. Of IPv6 without the
    option of RFC 2473 4.1.1: it would stand between IPv6 and GRE, and the SA is for GRE."""
    kind = ["ip6gre", "hoplimit", "64", "encaplimit", "none"] if ":" in local else ["gre", "ttl", "64"]
    guest.run("ip", "link", "add", "gre1", "type", kind[0], "local", local, "remote", remote, *kind[1:])
    guest.address("gre1", "10.255.0.2/30")
    guest.run("ip", "link", "set", "gre1", "up")
    guest.run("ip", "route", "add", "10.1.0.0/16", "dev", "gre1")


def gre_selectors(local, remote):
    """swanctl's words for GRE between the gateways in transport mode."""
    length = "/128" if ":" in local else "/32"
    return dict(local_ts=local + length + "[gre]", remote_ts=remote + length + "[gre]", children="mode = transport")


def guest_site(title, outer="v4", inner="v4", transform=cv.GCM, group=19, gre=False, text=None, strongswan_args=None):
    """left-host -- culvert -- strongSwan in a guest with kernel ESP -- right-host

    The peer namespace holds two bridges, one per side, and the guest's taps; the guest is the gateway.
    outer=v6: 2001:db8:1::1 and ::2; inner=v6: fd00:1::/64 and fd00:2::/64. gre: a GRE tunnel of the guest's kernel, protected in transport
    mode, IPv4 inside. text: culvert's configuration, in place of that with a tunnel.
    """
    site = Site(Lab(title))
    lab = site.lab
    inside, far = ("10.1.0", "10.2.0") if inner == "v4" else ("fd00:1::", "fd00:2::")
    gw = _ends(site, inside, far)
    lab.veth(gw, "out0", site.peer_ns, "out0")
    lab.bare_port(gw, "out0")
    lab.bare_port(gw, "in0")
    lab.bridge(site.peer_ns, "br-out", ["out0"])
    lab.bridge(site.peer_ns, "br-in", ["in0"])
    args = dict(transform=transform, group=group)
    if outer == "v6":
        local, remote = "2001:db8:1::1", "2001:db8:1::2"
        args.update(local=local, peer=remote, outside_len=64)
    else:
        local, remote = "192.0.2.1", "192.0.2.2"
    if inner == "v6":
        args.update(inside="fd00:1::1", inside_len=64, tunnel_ip="fd00:ff::1/64", far="fd00:2::/64")
        ts = dict(local_ts="fd00:2::/64", remote_ts="fd00:1::/64")
    else:
        ts = {}
    text = text or cv.config(**args)
    if gre:
        text = text.replace(" mode tunnel\n", " mode transport\n").replace(
            " tunnel mode ipsec ipv4\n", " tunnel mode gre %s\n" % ("ipv6" if outer == "v6" else "ip"))
        ts = gre_selectors(remote, local)
    site.culvert = cv.Culvert(gw, text).start()
    site.guest = vm.Guest(site.peer_ns)
    site.guest.address("eth0", remote + ("/64" if outer == "v6" else "/24"))
    site.guest.address("eth1", far + ("1/64" if inner == "v6" else ".1/24"))
    site.guest.forward()
    if gre:
        guest_gre(site.guest, remote, local)
    site.peer = ss.StrongSwan(site.guest, libipsec=False).start(ss.connection(
        **{**dict(local=remote, remote=local, ike=transform.strongswan_ike(group), esp=transform.ss_esp), **ts, **(strongswan_args or {})}))
    return site


def guest_nat_site(title, text):
    """As guest_site, with a router between: 192.0.2.1 | 192.0.2.254 router 198.51.100.254 | 198.51.100.2. Whom it hides, and what the two are told of
    each other, is the test's; text: culvert's first configuration."""
    site = Site(Lab(title))
    lab = site.lab
    gw = _ends(site)
    _router_between(site, gw)
    lab.bridge(site.peer_ns, "br-out", ["out0"])
    lab.bridge(site.peer_ns, "br-in", ["in0"])
    site.culvert = cv.Culvert(gw, text).start()
    site.guest = vm.Guest(site.peer_ns)
    site.guest.address("eth0", "198.51.100.2/24")
    site.guest.address("eth1", "10.2.0.1/24")
    site.guest.route("192.0.2.0/24", "198.51.100.254")
    site.guest.forward()
    site.peer = ss.StrongSwan(site.guest, libipsec=False).start()
    return site


def pair_site(title, transform=cv.GCM, group=19, left_args=None, right_args=None, start=True):
    """left-host -- culvert -- culvert -- right-host, plain ESP between them"""
    site = Site(Lab(title))
    lab = site.lab
    gw = _ends(site)
    lab.veth(gw, "out0", site.peer_ns, "out0")
    for ns in (gw, site.peer_ns):
        lab.bare_port(ns, "out0")
        lab.bare_port(ns, "in0")
    site.culvert = cv.Culvert(gw, cv.config(transform=transform, group=group, **(left_args or {})), name="left")
    args = dict(hostname="right", local="192.0.2.2", peer="192.0.2.1", inside="10.2.0.1",
                tunnel_ip="10.255.0.2 255.255.255.252", far="10.1.0.0 255.255.0.0")
    args.update(right_args or {})
    site.peer = cv.Culvert(site.peer_ns, cv.config(transform=transform, group=group, **args), name="right")
    if start:
        site.culvert.start()
        site.peer.start()
    return site


def guest_site1(title, peer="strongswan", suite=cv.AES1, gre=False, strongswan_args=None, libreswan_more="pfs=no", **culvert_args):
    """As guest_site, over IKEv1: strongSwan or libreswan with kernel ESP. gre: a GRE tunnel of the guest's kernel, protected in transport mode,
    with addresses 10.255.0.1 and .2 inside."""
    site = Site(Lab(title))
    lab = site.lab
    gw = _ends(site)
    lab.veth(gw, "out0", site.peer_ns, "out0")
    lab.bare_port(gw, "out0")
    lab.bare_port(gw, "in0")
    lab.bridge(site.peer_ns, "br-out", ["out0"])
    lab.bridge(site.peer_ns, "br-in", ["in0"])
    if gre:
        culvert_args.update(style="gre", transport=True)
    site.culvert = cv.Culvert(gw, cv.config1(suite=suite, **culvert_args)).start()
    site.guest = vm.Guest(site.peer_ns)
    site.guest.address("eth0", "192.0.2.2/24")
    site.guest.address("eth1", "10.2.0.1/24")
    site.guest.forward()
    if gre:
        guest_gre(site.guest, "192.0.2.2", "192.0.2.1")
    elif peer == "libreswan":
        site.guest.route("10.1.0.0/16", "192.0.2.1")  # its updown script would make it
    if peer == "strongswan":
        ts = gre_selectors("192.0.2.2", "192.0.2.1") if gre else {}
        site.peer = ss.StrongSwan(site.guest, libipsec=False).start(ss.connection(
            version=1, ike=suite.ss_ike, esp=suite.ss_esp, **{**ts, **(strongswan_args or {})}))
    else:
        gre_lines = "\ntype=transport\nleftprotoport=gre\nrightprotoport=gre" if gre else ""
        subnets = dict(local_subnet=None, remote_subnet=None) if gre else {}
        site.peer = lsw.Libreswan(site.guest, in_guest=True).start(
            lsw.connection(ike=suite.lib_ike, esp=suite.ss_esp, more=libreswan_more + gre_lines, **subnets), lsw.secrets())
    return site


REFERENCE_PLATFORM = """platform dataplane
 workers 1
 memory no-huge
 port Ethernet0/0 vdev %s
""" % cv.OUTSIDE


def reference_pair(title, left, right, start=True, keylog=False):
    """Two culverts on one wire with two configurations of the reference documents (192.0.2.x is not used: theirs are 192.168.0.1 and .2),
    which know nothing of ports: the platform section is put in front. No hosts: traffic is `ping ... source Loopback0`."""
    site = Site(Lab(title))
    lab = site.lab
    gw, site.peer_ns = lab.ns("r1"), lab.ns("r2")
    lab.veth(gw, "out0", site.peer_ns, "out0")
    for ns in (gw, site.peer_ns):
        lab.bare_port(ns, "out0")
    site.culvert = cv.Culvert(gw, REFERENCE_PLATFORM + left, name="left", keylog=keylog)
    site.peer = cv.Culvert(site.peer_ns, REFERENCE_PLATFORM + right, name="right", keylog=keylog)
    if start:
        site.culvert.start()
        site.peer.start()
    return site
