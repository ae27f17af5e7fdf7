#!/usr/bin/python3
"""Crypto maps of IPv6 against strongSwan with a Linux kernel's ESP in a guest, by both versions of IKE, over IPv6 without UDP."""
from case import add_case, check, check_equal, main
from map6_config import MAP6_FLOW, map6_guest
from traffic import iperf3, ping, ping_until


def with_guest(version):
    site = map6_guest(version)
    for initiator in ("culvert", "strongswan"):
        if initiator == "culvert":
            ping_until(site.left, site.right_address, 30)  # raised by the packet
        else:
            site.peer.initiate(timeout=30)
        site.culvert.wait_up(30, interface=MAP6_FLOW)
        ping_until(site.left, site.right_address, 15)
        for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
            sent, received = ping(source, address, 10, 0.1, wait=10)
            check_equal(received, sent, "echo replies from %s, started by %s" % (address, initiator))
        check(iperf3(site.left, site.right, site.right_address, 1, udp_mbit=1)["bytes"] > 50000, "UDP")
        state = site.guest.run("ip", "xfrm", "state").stdout
        check("src 2001:db8:1::1 dst 2001:db8:1::2" in state and "encap type" not in state, "kernel state: %s" % state[:300])
        site.culvert.down(MAP6_FLOW) if initiator == "culvert" else site.peer.terminate()
        site.culvert.wait_down(interface=MAP6_FLOW)


for _version in (1, 2):
    add_case("IKEv%d with strongSwan and a Linux kernel's ESP in a guest, both initiators" % _version, lambda v=_version: with_guest(v))


if __name__ == "__main__":
    main()
