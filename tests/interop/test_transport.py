#!/usr/bin/python3
"""ESP in transport mode between two hosts, culvert and a Linux kernel in a guest with strongSwan: crypto maps of `mode transport` for all traffic between the
two addresses, IPv4 and IPv6 on one port, by both versions of IKE, with a rekey by either end. What culvert answers itself, and a GRE tunnel that is not
protected but by the map, with TCP and UDP inside. On the wire there is ESP alone, and in it no IP header."""
import re

from capture import Capture
from case import Skip, add_case, check, check_equal, main
from culvert import ECP1, GCM
from map6_config import PLATFORM
from net import sh, wait_for
from topology import guest_gre, guest_nat_site, guest_site
from traffic import iperf3, ping, ping_until
import guest
import strongswan as ss

HOSTS = {"M4#10.10": ("192.0.2.1", "192.0.2.2"), "M6#10.10": ("2001:db8:1::1", "2001:db8:1::2")}
IKEV1 = """crypto isakmp policy 10
 encr aes 256
 hash sha256
 authentication pre-share
 group 19
crypto isakmp key secret address 192.0.2.2
crypto isakmp key secret address ipv6 2001:db8:1::2/128
"""
IKEV2 = """crypto ikev2 proposal PROP
 encryption aes-gcm-128
 prf sha256
 group 19
crypto ikev2 policy POL
 proposal PROP
crypto ikev2 keyring K
 peer P4
  address 192.0.2.2
  pre-shared-key secret
 peer P6
  address 2001:db8:1::2/128
  pre-shared-key secret
crypto ikev2 profile PROF
 match identity remote address 192.0.2.2 255.255.255.255
 match identity remote address 2001:db8:1::2/128
 authentication local pre-share
 authentication remote pre-share
 keyring local K
"""
REST = """crypto ipsec transform-set T %(set)s
 mode transport require
ip access-list extended A4
 permit ip host 192.0.2.1 host 192.0.2.2
ipv6 access-list A6
 permit ipv6 host 2001:db8:1::1 host 2001:db8:1::2
crypto map M4 10 ipsec-isakmp
 set peer 192.0.2.2
 set transform-set T
%(bind)s match address A4
crypto map ipv6 M6 10 ipsec-isakmp
 set peer 2001:db8:1::2
 set transform-set T
%(bind)s match address A6
interface Ethernet0/0
 ip address 192.0.2.1 255.255.255.0
 ipv6 address 2001:db8:1::1/64
 crypto map M4
 ipv6 crypto map M6
interface Ethernet0/1
 ip address 10.1.0.1 255.255.255.0
interface Tunnel1
 ip address 10.255.0.1 255.255.255.252
 tunnel source Ethernet0/0
 tunnel mode gre ip
 tunnel destination 192.0.2.2
ip route 10.2.0.0 255.255.0.0 Tunnel1
"""
# RFC 4301 leaves ND to policy, and the kernel has none: without this it would be encrypted before there is a neighbour to send ESP to.
ND = """connections { nd { remote_addrs = 127.0.0.1
  children {
    ndp-ns { local_ts = ::/0[ipv6-icmp/%(ns)d]
      remote_ts = ::/0[ipv6-icmp/%(ns)d]
      mode = pass
      start_action = trap }
    ndp-na { local_ts = ::/0[ipv6-icmp/%(na)d]
      remote_ts = ::/0[ipv6-icmp/%(na)d]
      mode = pass
      start_action = trap } } } }
""" % {"ns": 135 * 256, "na": 136 * 256}
# Both closed: ICMP says so to who asked, through the SA.
REFUSED = """import socket, sys
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, kind)
    s.settimeout(5)
    try:
        s.connect((sys.argv[1], 9))
        s.send(b"in clear?")
        s.recv(1)
        print("taken")
    except ConnectionRefusedError:
        print("refused")
    except OSError as e:
        print(e)
"""
TCP, UDP, ICMP, GRE, ICMP6 = 6, 17, 1, 47, 58


CLEAR = "!esp && !isakmp && !(ip.proto == 50) && !(ipv6.fraghdr.nxt == 50)"  # neither ESP, in pieces perhaps, nor IKE


def peer_config(version):
    algorithms = dict(version=1, ike=ECP1.ss_ike, esp=ECP1.ss_esp) if version == 1 else {}
    both = [ss.connection(name=flow[:2], local=peer, remote=own, local_ts="dynamic", remote_ts="dynamic",
                          children="mode = transport", **algorithms) for flow, (own, peer) in HOSTS.items()]
    return "".join(both) + ND


class Keys:
    """Of the kernel's SAs, rekeyed ones too, in tshark's words."""

    def __init__(self, site):
        self.site, self.found = site, {}

    def take(self):
        for sa in re.split(r"^src ", self.site.guest.run("ip", "xfrm", "state").stdout, flags=re.M)[1:]:
            spi = re.search(r"spi (0x[0-9a-f]+)", sa).group(1)
            aead = re.search(r"rfc4106\(gcm\(aes\)\) (0x[0-9a-f]+) 128", sa)
            cbc, mac = re.search(r"cbc\(aes\) (0x[0-9a-f]+)", sa), re.search(r"hmac\(sha256\) (0x[0-9a-f]+) 128", sa)
            check("proto esp" in sa and "mode transport" in sa and "encap" not in sa, "kernel state is not plain transport mode: " + sa)
            self.found[spi] = ('"AES-GCM with 16 octet ICV [RFC4106]","%s","NULL",""' % aead.group(1) if aead else
                               '"AES-CBC [RFC3602]","%s","HMAC-SHA-256-128 [RFC4868]","%s"' % (cbc.group(1), mac.group(1)))

    def options(self):
        words = ["-o", "esp.enable_encryption_decode:TRUE"]
        for spi, keys in self.found.items():
            for family in ("IPv4", "IPv6"):
                words += ["-o", 'uat:esp_sa:"%s","*","*","%s",%s' % (family, spi, keys)]
        return words


def fields(pcap, display, field, options=()):
    return sh("tshark", "-n", "-r", pcap, *options, "-Y", display, "-T", "fields", "-e", field, timeout=60).stdout.split()


def protects(site, own, peer):
    """Before, the guest would speak in clear."""
    length = "/128" if ":" in own else "/32"
    wait_for("the kernel's policy", lambda: "src %s dst %s" % (peer + length, own + length) in site.guest.run("ip", "xfrm", "policy").stdout, 15)


def speak(site, flow):
    """What culvert answers itself, asked and asking."""
    own, peer = HOSTS[flow]
    sent, received = ping(site.guest, own, 10, 0.1, wait=10)
    check_equal(received, sent, "echo replies from culvert")
    for size in (1440, 3000):  # too long for one packet of ESP, and for one packet: both ends cut ESP, and put it together
        sent, received = ping(site.guest, own, 3, 0.1, size=size, wait=10)
        check_equal(received, sent, "those of %d octets" % size)
    d = site.culvert.json("ping", peer, "repeat", "5", "timeout", "5")
    check_equal(d["received"], 5, "echo replies to culvert")
    check_equal(site.guest.run("/usr/bin/python3", "-c", REFUSED, own).stdout.split(), ["refused"] * 2, "TCP and UDP to closed ports")


def through_gre(site):
    ping_until(site.left, site.right_address, 20)
    check(iperf3(site.left, site.right, site.right_address, 1)["bytes"] > 50000, "TCP through GRE")
    check(iperf3(site.left, site.right, site.right_address, 1, udp_mbit=1)["bytes"] > 50000, "UDP through GRE")


def rekeyed(site, flow, by_peer):
    before = site.culvert.flow(flow)["inbound"]["spi"]
    if by_peer:
        site.peer.rekey(child=flow[:2])
    else:
        site.culvert.rekey(flow)
    wait_for("the rekeyed child", lambda: (site.culvert.flow(flow) or {"inbound": {"spi": before}})["inbound"]["spi"] != before, 15)


def one_flow(site, flow, keys, by):
    if by == "culvert":
        site.culvert.up(flow, timeout=40)
    else:
        site.peer.initiate(child=flow[:2], timeout=30)
    site.culvert.wait_up(30, flow)
    protects(site, *HOSTS[flow])
    ping_until(site.guest, HOSTS[flow][0], 20)
    keys.take()
    rekeyed(site, flow, by == "culvert")
    speak(site, flow)
    if by == "culvert" and flow[1] == "4":
        through_gre(site)
    keys.take()
    got = site.culvert.flow(flow)
    check_equal((got["protocol"], got["mode"]), ("esp", "transport"), "protocol and mode")
    check(got["inbound"]["packets"] > 10 and got["outbound"]["packets"] > 10, "packets of the SA: %s" % got)


def with_guest(version):
    reason = guest.available()
    if reason:
        raise Skip(reason)
    values = {"set": "esp-gcm" if version == 2 else ECP1.transform_set, "bind": " set ikev2-profile PROF\n" if version == 2 else ""}
    text = PLATFORM % {"n": 1} + (IKEV2 if version == 2 else IKEV1) + REST % values
    site = guest_site("transport", "v4", "v4", GCM, 19, text=text)
    site.guest.address("eth0", "2001:db8:1::2/64")
    guest_gre(site.guest, "192.0.2.2", "192.0.2.1")
    site.peer.load(peer_config(version))
    keys = Keys(site)
    capture = Capture(site.peer_ns, "out0", "wire", what="ip or ip6")
    for by in ("culvert", "strongswan"):
        for flow in HOSTS:
            one_flow(site, flow, keys, by)
        for flow in HOSTS:
            site.culvert.down(flow) if by == "culvert" else site.peer.terminate(ike=flow[:2])
            site.culvert.wait_down(15, flow)
        wait_for("the kernel to have no SA", lambda: not site.guest.run("ip", "xfrm", "state").stdout.strip(), 15, 0.5)
    pcap = capture.stop()
    check_equal(fields(pcap, CLEAR + " && !(icmpv6.type >= 133 && icmpv6.type <= 137)", "_ws.col.Info"), [], "other frames than ESP, IKE and ND")
    check_equal(fields(pcap, "esp && udp", "frame.number"), [], "ESP in UDP")
    found = [{int(n, 16) for n in fields(pcap, "%s && esp" % ip, "esp.protocol", keys.options())} for ip in ("ip", "ipv6")]
    check_equal(found, [{TCP, UDP, ICMP, GRE}, {TCP, UDP, ICMP6}], "what ESP carries, IPv4 and IPv6")
    plain = len(fields(pcap, "esp && !esp.protocol", "frame.number", keys.options()))
    check_equal(plain, 0, "ESP that could not be decrypted")
    return "guest up in %.0f s under %s; %d SAs" % (site.guest.boot_s, site.guest.accel, len(keys.found))


# ---- through a NAT -------------------------------------------------------------------------------------------------------------------------------
NAT_IKEV1 = """crypto keyring K
 pre-shared-key address 0.0.0.0 0.0.0.0 key secret
crypto isakmp policy 10
 encr aes 256
 hash sha256
 authentication pre-share
 group 19
crypto isakmp profile PROF
 keyring K
 self-identity fqdn left.example
 match identity host right.example
"""
NAT_IKEV2 = """crypto ikev2 proposal PROP
 encryption aes-gcm-128
 prf sha256
 group 19
crypto ikev2 policy POL
 proposal PROP
crypto ikev2 keyring K
 peer P
  address 0.0.0.0 0.0.0.0
  pre-shared-key secret
crypto ikev2 profile PROF
 match identity remote fqdn right.example
 identity local fqdn left.example
 authentication local pre-share
 authentication remote pre-share
 keyring local K
"""
NAT_REST = """crypto ipsec transform-set T %(set)s
 mode transport require
ip access-list extended A4
 permit ip host 192.0.2.1 host %(peer)s
crypto map M4 10 ipsec-isakmp
 set peer %(peer)s
 set transform-set T
 set %(bind)s PROF
 match address A4
interface Ethernet0/0
 ip address 192.0.2.1 255.255.255.0
 crypto map M4
interface Ethernet0/1
 ip address 10.1.0.1 255.255.255.0
interface Tunnel1
 ip address 10.255.0.1 255.255.255.252
 tunnel source Ethernet0/0
 tunnel mode gre ip
 tunnel destination %(peer)s
ip route 0.0.0.0 0.0.0.0 192.0.2.254
ip route 10.2.0.0 255.255.0.0 Tunnel1
"""
GUEST = "198.51.100.2"


def nat_text(version, peer):
    values = {"peer": peer, "set": "esp-gcm" if version == 2 else ECP1.transform_set,
              "bind": "ikev2-profile" if version == 2 else "isakmp-profile"}
    return PLATFORM % {"n": 1} + (NAT_IKEV2 if version == 2 else NAT_IKEV1) + NAT_REST % values


def hide(site, version, behind):
    """The router hides one of the two; what each calls the other then. Their configurations follow."""
    site.router.run("nft", "-f", "-", stdin="flush ruleset\ntable ip nat {\n chain out {\n  type nat hook postrouting priority 100\n  oifname \"%s\" masquerade\n }\n}\n"
                    % ("wide" if behind == "culvert" else "near"))
    peer, own = (GUEST, "198.51.100.254") if behind == "culvert" else ("192.0.2.254", "192.0.2.1")
    site.culvert.stop()
    site.culvert.write_config(nat_text(version, peer))
    site.culvert.start()
    site.guest.run("ip", "link", "del", "gre1", check=False)
    guest_gre(site.guest, GUEST, own)
    algorithms = dict(version=1, ike=ECP1.ss_ike, esp=ECP1.ss_esp) if version == 1 else {}
    site.peer.load(ss.connection(name="M4", local=GUEST, remote="%any" if behind == "culvert" else own, local_id="right.example", remote_id="left.example",
                                 local_ts="dynamic", remote_ts="dynamic", children="mode = transport", **algorithms))
    return peer, own


def speak_by_nat(site, peer, own):
    ping_until(site.guest, own, 20)
    sent, received = ping(site.guest, own, 5, 0.1, wait=10)
    check_equal(received, sent, "echo replies from culvert")
    check_equal(site.culvert.json("ping", peer, "repeat", "5", "timeout", "5")["received"], 5, "echo replies to culvert")
    ping_until(site.left, site.right_address, 20)
    check(iperf3(site.left, site.right, site.right_address, 1, udp_mbit=1)["bytes"] > 50000, "UDP through GRE")


def by_nat(site, version, behind):
    flow = "M4#10.10"
    peer, own = hide(site, version, behind)
    capture = Capture(site.router, "near", "nat-%d-%s" % (version, behind), what="ip")
    if behind == "culvert":
        site.culvert.up(flow, timeout=40)
    else:
        site.peer.initiate(child="M4", timeout=30)
    site.culvert.wait_up(30, flow)
    protects(site, own, GUEST)
    for by_peer in (True, False):
        rekeyed(site, flow, by_peer)
        speak_by_nat(site, peer, own)
    state = site.guest.run("ip", "xfrm", "state").stdout
    check("mode transport" in state and "mode tunnel" not in state and "encap type espinudp" in state, "kernel state: %s" % state[:300])
    check_equal(site.culvert.flow(flow)["mode"], "transport", "mode")
    check_equal(site.culvert.session(flow)["nat"], "local" if behind == "culvert" else "remote", "where the NAT is")
    pcap = capture.stop()
    check(fields(pcap, "esp && udp", "frame.number"), "no ESP was seen")
    check_equal(fields(pcap, CLEAR + " && !udpencap", "frame.protocols"), [], "other frames than ESP in UDP and IKE")
    site.culvert.down(flow)
    wait_for("the kernel to have no SA", lambda: not site.guest.run("ip", "xfrm", "state").stdout.strip(), 15, 0.5)


def through_a_nat():
    reason = guest.available()
    if reason:
        raise Skip(reason)
    site = guest_nat_site("transport-nat", nat_text(2, GUEST))
    for version in (2, 1):
        for behind in ("strongswan", "culvert"):
            by_nat(site, version, behind)
    return "guest up in %.0f s under %s" % (site.guest.boot_s, site.guest.accel)


for _version in (1, 2):
    add_case("host to host, IKEv%d, IPv4 and IPv6 on one port, Linux kernel ESP in a guest, both initiators, rekeys" % _version,
             lambda v=_version: with_guest(v))
add_case("through a NAT with either end behind it, both versions of IKE, Linux kernel ESP in a guest, rekeys by both (RFC 7296 2.23.1, RFC 3947 5.2)", through_a_nat)


if __name__ == "__main__":
    main()
