#!/usr/bin/python3
"""IKEv1 and plain ESP against a Linux kernel in a guest, with strongSwan and libreswan: crypto maps, and GRE in transport mode."""
from case import Skip, add_case, check, check_equal, main
from culvert import AES1, ECP1, MAP_FLOW
from net import wait_for
from topology import guest_site1
from traffic import iperf3, ping, ping_until
import guest
import libreswan


def need(peer):
    for reason in (guest.available(), libreswan.available() if peer == "libreswan" else None):
        if reason:
            raise Skip(reason)


def both_ways(peer, suite, gre=False):
    need(peer)
    site = guest_site1("guest1", peer, suite, gre)
    flow = "Tunnel1" if gre else MAP_FLOW
    with site.lab:
        for by in ("culvert", peer):
            if by == "culvert":
                site.culvert.up(flow, timeout=40)
            elif by == "strongswan":
                site.peer.initiate(timeout=30)
            else:
                site.peer.initiate(asynchronous=True)
            site.culvert.wait_up(30, flow)
            ping_until(site.left, site.right_address, 20)
            for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
                sent, received = ping(source, address, 10, 0.1, wait=10)
                check_equal(received, sent, "echo replies from %s, started by %s" % (address, by))
            sent, received = ping(site.left, site.right_address, 5, 0.1, size=1300, wait=10)
            check_equal(received, sent, "long echo replies, started by " + by)
            state = site.guest.run("ip", "xfrm", "state").stdout
            check(state.strip() and "encap type" not in state, "kernel state is not plain ESP: %s" % state[:200])
            check_equal("mode transport" in state, gre, "transport mode")
            session = site.culvert.session(flow)
            check_equal((session["ike_version"], session["nat"]), (1, "none"), "version of IKE, NAT")
            check_equal(site.culvert.flow(flow)["mode"], "transport" if gre else "tunnel", "mode")
            if by == "culvert":
                site.culvert.down(flow)
            else:
                site.peer.terminate()
            site.culvert.wait_down(15, flow)
            wait_for("the kernel to have no SA", lambda: not site.guest.run("ip", "xfrm", "state").stdout.strip(), 15, 0.5)
        site.culvert.up(flow, timeout=40)
        check(iperf3(site.left, site.right, site.right_address, 2)["bytes"] > 50000, "iperf3")
        return "guest up in %.0f s under %s" % (site.guest.boot_s, site.guest.accel)


for peer_, suite_, gre_ in (("strongswan", AES1, False), ("strongswan", ECP1, True), ("libreswan", AES1, False), ("libreswan", ECP1, True)):
    add_case("%s, %s, %s, Linux kernel ESP in a guest, both initiators" % (
        peer_, suite_.name, "GRE in transport mode" if gre_ else "crypto map"),
        lambda a=(peer_, suite_, gre_): both_ways(*a))

if __name__ == "__main__":
    main()
