#!/usr/bin/python3
"""Crypto maps of IPv6 against strongSwan with a Linux kernel's ESP in a guest, by both versions of IKE, over IPv6 without UDP."""
from case import Skip, add_case, check, check_equal, main
from culvert import ECP1, GCM
from map6_config import IKEV1, IKEV2, PLATFORM
from topology import guest_site
from traffic import iperf3, ping, ping_until
import guest

CONFIG = PLATFORM + """%(ike)scrypto ipsec transform-set T %(set)s
ipv6 access-list A6
 permit ipv6 fd00:1::/64 fd00:2::/64
crypto map ipv6 M6 10 ipsec-isakmp
 set peer 2001:db8:1::2
 set transform-set T
%(bind)s match address A6
interface Ethernet0/0
 ipv6 address 2001:db8:1::1/64
 ipv6 crypto map M6
interface Ethernet0/1
 ipv6 address fd00:1::1/64
ipv6 route fd00:2::/64 2001:db8:1::2
"""


def with_guest(version):
    reason = guest.available()
    if reason:
        raise Skip(reason)
    ike = (IKEV2 if version == 2 else IKEV1).replace("2001:db8::%(far)d", "2001:db8:1::2") % {"far": 2}
    text = CONFIG % {"n": 1, "ike": ike, "set": "esp-gcm" if version == 2 else ECP1.transform_set,
                     "bind": " set ikev2-profile PROF\n" if version == 2 else ""}
    algorithms = {} if version == 2 else dict(version=1, ike=ECP1.ss_ike, esp=ECP1.ss_esp)
    site = guest_site("guest6", "v6", "v6", GCM, 19, text=text, strongswan_args=algorithms)
    for initiator in ("culvert", "strongswan"):
        if initiator == "culvert":
            ping_until(site.left, site.right_address, 30)  # raised by the packet
        else:
            site.peer.initiate(timeout=30)
        site.culvert.wait_up(30, interface="M6#10.10")
        ping_until(site.left, site.right_address, 15)
        for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
            sent, received = ping(source, address, 10, 0.1, wait=10)
            check_equal(received, sent, "echo replies from %s, started by %s" % (address, initiator))
        check(iperf3(site.left, site.right, site.right_address, 1, udp_mbit=1)["bytes"] > 50000, "UDP")
        state = site.guest.run("ip", "xfrm", "state").stdout
        check("src 2001:db8:1::1 dst 2001:db8:1::2" in state and "encap type" not in state, "kernel state: %s" % state[:300])
        site.culvert.down("M6#10.10") if initiator == "culvert" else site.peer.terminate()
        site.culvert.wait_down(interface="M6#10.10")


for _version in (1, 2):
    add_case("IKEv%d with strongSwan and a Linux kernel's ESP in a guest, both initiators" % _version, lambda v=_version: with_guest(v))


if __name__ == "__main__":
    main()
