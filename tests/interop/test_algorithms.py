#!/usr/bin/python3
"""Tunnels between culvert and strongSwan: both initiators, every transform, every group; traffic both ways."""
from case import add_case, check, check_equal, main
from culvert import TRANSFORMS
from topology import strongswan_site
import traffic


def both_initiators(transform, group):
    site = strongswan_site("alg", transform, group)
    with site.lab:
        for initiator in ("culvert", "strongswan"):
            if initiator == "culvert":
                site.culvert.up()
            else:
                site.peer.initiate()
            site.culvert.wait_up()
            session = site.culvert.session()
            check_equal(session["initiator"], initiator == "culvert", "who culvert says initiated")
            check_equal(len(site.peer.installed()), 1, "children that strongSwan has, started by " + initiator)
            flow, child = site.culvert.flow(), site.peer.installed()[0]
            check_equal(int(flow["inbound"]["spi"]), int(child["spi-out"], 16), "SPI towards culvert")
            check_equal(int(flow["outbound"]["spi"]), int(child["spi-in"], 16), "SPI towards strongSwan")
            for source, target, address in ((site.left, site.right, site.right_address),
                                            (site.right, site.left, site.left_address)):
                traffic.ping_until(source, address, 5)
                sent, received = traffic.ping(source, address, 10, 0.05)
                check_equal(received, sent, "echo replies from %s, tunnel started by %s" % (address, initiator))
            # Larger than one segment each way, to pass sizes up to the MTU of the tunnel.
            result = traffic.iperf3(site.left, site.right, site.right_address, seconds=1)
            check(result["bytes"] > 100000, "iperf3 carried only %d octets" % result["bytes"])
            if initiator == "culvert":
                site.culvert.down()
            else:
                site.peer.terminate()
            site.culvert.wait_down()
            check_equal(len(site.peer.installed()), 0, "children that strongSwan still has after the delete")


for name, transform in TRANSFORMS.items():
    for group in (14, 19, 31):
        add_case("%s group %d, both initiators" % (name, group), lambda t=transform, g=group: both_initiators(t, g))

if __name__ == "__main__":
    main()
