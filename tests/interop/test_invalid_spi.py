#!/usr/bin/python3
"""`crypto isakmp invalid-spi-recovery` against strongSwan: a gateway that has forgotten everything, and packets of SPIs that nobody has."""
import re
import shutil
import sys
import time

from case import add_case, case, check, check_equal, main
from culvert import ECP1, MAP_FLOW
from map6_config import MAP6_FLOW, map6_guest
from net import wait_for
from topology import ikev1_site, strongswan_site
from traffic import Stream, ping, ping_until

RECOVERY = "crypto isakmp invalid-spi-recovery"
UNKNOWN = re.compile("ESP of the unknown SPI 0x[0-9a-f]{8}")

# Raw IPv4, as port 4500 is charon's: SPIs that grow from 0x77000000, sequence numbers, and nothing of sense behind.
FLOOD = """
import socket, sys, time
sys.path.insert(0, %r)
from flood import packet
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for i in range(%d):
    s.sendto(packet("192.0.2.2", "192.0.2.1", 4500, 4500, (0x77000000 + i).to_bytes(4, "big") + (i + 1).to_bytes(4, "big") + bytes(64)), ("192.0.2.1", 0))
    time.sleep(%f)
"""
# The same of IPv6, from within the guest: ESP without UDP.
FLOOD6 = """
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 50)
for i in range(%d):
    s.sendto((0x77000000 + i).to_bytes(4, "big") + (i + 1).to_bytes(4, "big") + bytes(64), ("2001:db8:1::1", 0))
    time.sleep(%f)
"""


def site6_of(version, extra):
    site = map6_guest(version, extra + "\n")
    ping_until(site.left, site.right_address, 30)
    site.culvert.wait_up(30, MAP6_FLOW)
    ping_until(site.right, site.left_address, 30)
    return site, MAP6_FLOW


def site_of(version, extra, family=4):
    if family == 6:
        return site6_of(version, extra)
    if version == 2:
        site, flow = strongswan_site("spi", culvert_args=dict(extra=extra)), "Tunnel1"
    else:
        site, flow = ikev1_site("spi1", ECP1, extra=extra), MAP_FLOW
    site.culvert.up(flow, timeout=20)
    site.culvert.wait_up(15, flow)
    ping_until(site.right, site.left_address, 10)
    return site, flow


def forget(site):
    """Both of culvert's programs crash, and what was written down is lost: the peer knows nothing of it."""
    site.culvert.kill_daemon()
    site.culvert.kill_dataplane()
    wait_for("culvert-dp to be gone", lambda: not site.culvert.pids("culvert-dp"), 10)
    shutil.rmtree(site.culvert.state_dir)
    site.culvert.state_dir = site.lab.mkdir("culvert", "state")
    site.culvert.start()


def told(site):
    return len(UNKNOWN.findall(site.culvert.log_text()))


def comes_back(version, family=4):
    site, flow = site_of(version, RECOVERY, family)
    before = told(site)
    with Stream(site.right, site.left, site.left_address, 100):  # the peer goes on sending to an SPI that is no more
        forget(site)
        took = ping_until(site.right, site.left_address, 60 if family == 6 else 30)
    check(site.culvert.is_up(flow), "the tunnel is up again")
    check(ping(site.left, site.right_address, 10, 0.05)[1] == 10, "pings from culvert's side")
    check_equal(told(site) - before, 1, "negotiations that unknown SPIs began")
    drops = site.culvert.drops()
    return "%.1f s after the restart; %d packets of the unknown SPI" % (took, drops.get("unknown-spi", drops.get("unknown_spi", 0)))


@case("IKEv2: culvert has forgotten everything, and the peer's next packets bring the tunnel back")
def comes_back_2():
    return comes_back(2)


@case("IKEv1: culvert has forgotten everything, and the peer's next packets bring the tunnel back")
def comes_back_1():
    return comes_back(1)


@case("without invalid-spi-recovery nothing comes of them")
def stays_away():
    site, flow = site_of(2, "")
    with Stream(site.right, site.left, site.left_address, 100):
        forget(site)
        time.sleep(5)
        check(not site.culvert.is_up(flow), "it is up, though nobody asked for it")
    check_equal(told(site), 0, "words about unknown SPIs")


def flood(version, family=4):
    packets, seconds = 2000, 12.0
    site, flow = site_of(version, RECOVERY, family)
    inbound = site.culvert.flow(flow)["inbound"]["spi"]
    with Stream(site.left, site.right, site.right_address, 20 if family == 6 else 200) as s:
        begin = time.monotonic()
        if family == 6:
            site.guest.run("/usr/bin/python3", "-c", FLOOD6 % (packets, seconds / packets), timeout=90)
        else:
            site.peer_ns.run(sys.executable, "-c", FLOOD % (sys.path[0], packets, seconds / packets), timeout=90)
        took = time.monotonic() - begin
    check_equal(s.lost, 0, "packets lost meanwhile")
    check(1 <= told(site) <= took / 10 + 1, "%d notifies in %.0f s" % (told(site), took))
    check_equal(site.culvert.flow(flow)["inbound"]["spi"], inbound, "SPI after the flood")
    check(ping(site.right, site.left_address, 10, 0.05)[1] == 10, "pings after the flood")
    return "%d notifies for %d packets in %.0f s" % (told(site), packets, took)


@case("IKEv2: a flood of unknown SPIs costs one notify in ten seconds, and no packet")
def flood_2():
    return flood(2)


@case("IKEv1: a flood of unknown SPIs costs one notify in ten seconds, and no packet")
def flood_1():
    return flood(1)


for _version in (2, 1):
    add_case("IKEv%d over IPv6: culvert has forgotten everything, and the peer's next packets bring the tunnel back" % _version,
             lambda v=_version: comes_back(v, 6))
    add_case("IKEv%d over IPv6: a flood of unknown SPIs costs one notify in ten seconds, and no packet" % _version, lambda v=_version: flood(v, 6))


if __name__ == "__main__":
    main()
