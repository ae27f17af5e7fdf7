#!/usr/bin/python3
"""Plain ESP (protocol 50) and IPv6 endpoints: against Linux's kernel ESP in a guest, and between two culverts."""
from case import Skip, add_case, case, check, check_equal, main
from culvert import CBC, CHACHA, GCM
from net import wait_for
from topology import guest_site, pair_site
from traffic import iperf3, ping, ping_until
import guest


def need_guest():
    reason = guest.available()
    if reason:
        raise Skip(reason)


def both_ways(site, title):
    for initiator in ("culvert", "strongswan"):
        if initiator == "culvert":
            site.culvert.up(timeout=30)
        else:
            site.peer.initiate(timeout=30)
        site.culvert.wait_up(30)
        ping_until(site.left, site.right_address, 15)
        for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
            sent, received = ping(source, address, 10, 0.1, wait=10)
            check_equal(received, sent, "%s: echo replies from %s, started by %s" % (title, address, initiator))
        sent, received = ping(site.left, site.right_address, 5, 0.1, size=1300, wait=10)
        check_equal(received, sent, "%s: long echo replies, started by %s" % (title, initiator))
        session = site.culvert.session()
        check_equal(session["nat"], "none", "NAT seen where there is none")
        if initiator == "culvert":
            site.culvert.down()
        else:
            site.peer.terminate()
        site.culvert.wait_down()


def with_guest(transform, group, outer, inner):
    need_guest()
    site = guest_site("guest", outer, inner, transform, group)
    with site.lab:
        both_ways(site, "%s over %s" % (inner, outer))
        state = site.guest.run("ip", "xfrm", "state").stdout
        check("encap type" not in state, "the kernel encapsulates in UDP: not plain ESP")
        site.culvert.up(timeout=30)
        state = site.guest.run("ip", "xfrm", "state").stdout
        check(state.strip() and "encap type" not in state, "kernel state is not plain ESP: %s" % state[:200])
        check(iperf3(site.left, site.right, site.right_address, 2)["bytes"] > 50000, "iperf3")
        return "guest up in %.0f s under %s" % (site.guest.boot_s, site.guest.accel)


for transform, group, outer, inner in ((GCM, 19, "v4", "v4"), (CBC, 14, "v6", "v6"), (CHACHA, 31, "v6", "v6")):
    add_case("%s, group %d, IP%s inside IP%s, Linux kernel ESP in a guest" % (transform.name, group, inner, outer),
             lambda a=(transform, group, outer, inner): with_guest(*a))


def pair(transform, group):
    site = pair_site("pair", transform, group)
    with site.lab:
        for initiator, other in ((site.culvert, site.peer), (site.peer, site.culvert)):
            initiator.up()
            initiator.wait_up()
            other.wait_up()
            ping_until(site.left, site.right_address, 5)
            for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
                sent, received = ping(source, address, 10, 0.05)
                check_equal(received, sent, "echo replies from %s" % address)
            check(iperf3(site.left, site.right, site.right_address, 1)["bytes"] > 100000, "iperf3")
            a, b = initiator.flow(), other.flow()
            check_equal((a["inbound"]["spi"], a["outbound"]["spi"]), (b["outbound"]["spi"], b["inbound"]["spi"]),
                        "the SPIs of both ends")
            initiator.down()
            wait_for("both ends to be down", lambda: not initiator.is_up() and not other.is_up(), 5)


for transform in (GCM, CBC, CHACHA):
    add_case("%s between two culverts, both initiators" % transform.name, lambda t=transform: pair(t, 19))


@case("two culverts that start at the same moment end with one working tunnel")
def simultaneous():
    import threading
    site = pair_site("both")
    with site.lab:
        starts = [threading.Thread(target=c.up, kwargs={"check": False}) for c in (site.culvert, site.peer)]
        for t in starts:
            t.start()
        for t in starts:
            t.join()
        site.culvert.wait_up()
        site.peer.wait_up()
        ping_until(site.left, site.right_address, 5)
        check(ping(site.left, site.right_address, 10, 0.05)[1] == 10, "pings from the left")
        check(ping(site.right, site.left_address, 10, 0.05)[1] == 10, "pings from the right")


if __name__ == "__main__":
    main()
