"""Configurations with crypto maps of IPv6: gateway n at 2001:db8::n, fd00:n::/64 behind it."""
from culvert import INSIDE, OUTSIDE

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
