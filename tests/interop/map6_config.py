"""Configurations with crypto maps of IPv6: gateway n at 2001:db8::n, fd00:n::/64 behind it."""
from case import Skip
from culvert import ECP1, GCM, INSIDE, OUTSIDE
from topology import guest_site
import guest

PLATFORM = """hostname gateway%(n)d
platform dataplane
 workers 1
 memory no-huge
""" + " port Ethernet0/0 vdev %s\n port Ethernet0/1 vdev %s\n" % (OUTSIDE, INSIDE)
IKEV1 = """crypto isakmp policy 10
 encr aes 256
 hash sha256
 authentication pre-share
 group 19
crypto isakmp key secret address ipv6 2001:db8::%(far)d/128
crypto isakmp key secret address 192.0.2.%(far)d
"""
IKEV2 = """crypto ikev2 proposal PROP
 encryption aes-gcm-128
 prf sha256
 group 19
crypto ikev2 policy POL
 proposal PROP
crypto ikev2 keyring K
 peer P
  address 2001:db8::%(far)d/128
  pre-shared-key secret
crypto ikev2 profile PROF
 match identity remote address 2001:db8::%(far)d/128
 authentication local pre-share
 authentication remote pre-share
 keyring local K
"""
LIST = """ permit ipv6 fd00:%(n)d::/64 fd00:%(far)d::/64
 permit udp fd00:%(n)d:0:5::/64 fd00:%(far)d:0:5::/64
"""
REST = """crypto ipsec transform-set T %(set)s
ipv6 access-list A6
%(list)scrypto map ipv6 M6 10 ipsec-isakmp
 set peer 2001:db8::%(far)d
 set transform-set T
%(bind)s match address A6
%(four)sinterface Ethernet0/0
 ip address 192.0.2.%(n)d 255.255.255.0
 ipv6 address 2001:db8::%(n)d/64
 ipv6 crypto map M6
%(map4)sinterface Ethernet0/1
 ip address 10.%(n)d.0.1 255.255.255.0
 ipv6 address fd00:%(n)d::1/64
ipv6 route fd00:%(far)d::/48 2001:db8::%(far)d
ip route 10.%(far)d.0.0 255.255.0.0 192.0.2.%(far)d
"""
FOUR = """ip access-list extended A4
 permit ip 10.%(n)d.0.0 0.0.0.255 10.%(far)d.0.0 0.0.0.255
crypto map M4 10 ipsec-isakmp
 set peer 192.0.2.%(far)d
 set transform-set T
 match address A4
"""


def config(n, version, lines=LIST, four=False):
    values = {"n": n, "far": 3 - n, "bind": " set ikev2-profile PROF\n" if version == 2 else "",
              "set": "esp-gcm" if version == 2 else "esp-aes 256 esp-sha256-hmac", "map4": " crypto map M4\n" if four else ""}
    values["list"] = lines % values
    values["four"] = FOUR % values if four else ""
    return (PLATFORM + (IKEV2 if version == 2 else IKEV1) + REST) % values


GUEST_CONFIG = PLATFORM + """%(ike)scrypto ipsec transform-set T %(set)s
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
MAP6_FLOW = "M6#10.10"


def map6_guest(version, extra=""):
    """One end of such a map and strongSwan with a Linux kernel's ESP in a guest; extra: lines more of culvert's configuration."""
    reason = guest.available()
    if reason:
        raise Skip(reason)
    ike = (IKEV2 if version == 2 else IKEV1).replace("2001:db8::%(far)d", "2001:db8:1::2") % {"far": 2}
    text = GUEST_CONFIG % {"n": 1, "ike": ike, "set": "esp-gcm" if version == 2 else ECP1.transform_set,
                           "bind": " set ikev2-profile PROF\n" if version == 2 else ""}
    algorithms = {} if version == 2 else dict(version=1, ike=ECP1.ss_ike, esp=ECP1.ss_esp)
    return guest_site("guest6", "v6", "v6", GCM, 19, text=text + extra, strongswan_args=algorithms)
