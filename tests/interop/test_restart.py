#!/usr/bin/python3
"""Crashes: culvertd or culvert-dp killed with SIGKILL under traffic."""
import os
import signal
import time

from case import case, check, check_equal, main
from culvert import ECP1, MAP_FLOW
from ledger import ledger_of
from net import wait_for
from topology import ikev1_site, pair_site, strongswan_site
from traffic import Stream, carried, ping, ping_until


def up(site, flow="Tunnel1"):
    site.culvert.up(flow, timeout=20)
    site.culvert.wait_up(15, flow)
    ping_until(site.left, site.right_address, 5)
    return site


# Packets that may be lost at the hand-over to new SAs, at 400 a second: 50 ms, in which a loaded machine's peer answers IKE_AUTH or
# phase 1. An outage until the next retransmission or the peer's dead peer detection takes many times that.
HAND_OVER = 20


def at_the_peer(site, book, there, back):
    """Every hop but the peer accounted for: no cable and no ring lost a packet, and culvert dropped none but those that the peer sent on
    new SAs before its answer had been worked on. What is lost beside is the peer's: packets on SAs that it forgot."""
    drops = dict(book.drops.get(site.culvert.short, {}))
    early = drops.pop("unknown-spi", 0)
    check_equal((book.lost, drops), ({}, {}), "hops that lost packets, drops of culvert")
    check(early <= back.lost, "%d of unknown SPIs, %d lost" % (early, back.lost))
    check(there.out_of_order + back.out_of_order + there.duplicates + back.duplicates == 0, "out of order, or doubled")


def daemon_gone(site):
    """culvertd is killed and comes back while packets flow both ways: what was sent, and what became of it."""
    dataplane = site.culvert.pids("culvert-dp")
    with ledger_of(site) as book:
        with Stream(site.left, site.right, site.right_address, 400) as there:
            with Stream(site.right, site.left, site.left_address, 400) as back:
                carried((there, back), 200)
                site.culvert.kill_daemon()
                time.sleep(2)  # it is away
                check_equal(site.culvert.pids("culvert-dp"), dataplane, "the data plane after culvertd's death")
                site.culvert.start()
                time.sleep(2)
    at_the_peer(site, book, there, back)
    for name, s in (("left to right", there), ("right to left", back)):
        check(s.sent > 1000, "%s: only %d sent" % (name, s.sent))
        # None while the daemon is away. At the hand-over to the new SAs, INITIAL_CONTACT (RFC 7296 2.4) makes the peer
        # forget the old ones at once: what is on the wire at that moment is lost.
        check(s.lost <= HAND_OVER and len(s.missing) <= 1, "%s: packets lost of %d, missing %s, drops %s" % (
            name, s.sent, s.missing, {k: v for k, v in site.culvert.drops().items() if v}))
    return there, back


@case("culvertd killed: forwarding goes on, the table is reconciled after restart")
def daemon_killed():
    site = up(strongswan_site("kill"))
    before = site.culvert.flow()
    dataplane = site.culvert.pids("culvert-dp")
    there, back = daemon_gone(site)
    check_equal(site.culvert.pids("culvert-dp"), dataplane, "the data plane after the restart")
    session = wait_for("the session to be shown again", lambda: site.culvert.session(), 10)
    check(session["flows"], "culvertd knows the SAs that it found: %r" % session)
    # Resumed, or replaced by a new negotiation; either way the tunnel and its control must work.
    site.culvert.up(timeout=20)
    check(ping(site.left, site.right_address, 10, 0.05)[1] == 10, "pings after the restart")
    resumed = before["inbound"]["spi"] in [f["inbound"]["spi"] for f in site.culvert.session()["flows"] if f["active"]]
    site.culvert.down()
    site.culvert.wait_down()
    return "%d packets, %d lost at the hand-over, SAs %s" % (there.sent + back.sent, there.lost + back.lost,
                                                            "kept" if resumed else "replaced")


@case("the control process killed alone: its parent starts it again, forwarding goes on")
def control_killed():
    site = up(strongswan_site("kill"))
    dataplane = site.culvert.pids("culvert-dp")
    daemons = site.culvert.pids("culvertd")
    check(len(daemons) >= 2, "processes of culvertd: %s" % daemons)
    with Stream(site.left, site.right, site.right_address, 400) as there:
        carried((there,), 200)
        os.kill(daemons[-1], signal.SIGKILL)
        wait_for("another control process", lambda: set(site.culvert.pids("culvertd")) - set(daemons), 5)
        site.culvert.wait_ready()
        time.sleep(1)
    check(there.lost <= HAND_OVER and len(there.missing) <= 1, "packets lost of %d: %s" % (there.sent, there.missing))
    check_equal(site.culvert.pids("culvert-dp"), dataplane, "the data plane")
    site.culvert.up(timeout=20)
    check(ping(site.left, site.right_address, 10, 0.05)[1] == 10, "pings after the restart")


def dataplane_killed(site, flow="Tunnel1"):
    up(site, flow)
    with Stream(site.left, site.right, site.right_address, 400) as there:
        carried((there,), 200)
        old = site.culvert.kill_dataplane()
        killed_at = time.monotonic()
        received = there.progress()
        wait_for("the data plane to be started again", lambda: set(site.culvert.pids("culvert-dp")) - set(old), 10)
        wait_for("traffic", lambda: there.progress() > received + 200 and ping(site.left, site.right_address, 1)[1],
                 20)
        back_after = time.monotonic() - killed_at
        time.sleep(0.5)
    check(there.longest_gap_s < 3.0, "forwarding was gone for %.2f s" % there.longest_gap_s)
    check(site.culvert.is_up(flow), "the session after the data plane's return")
    return "forwarding back after %.2f s (seen again after %.2f s)" % (there.longest_gap_s, back_after)


@case("culvert-dp killed: back and forwarding in under 3 s (strongSwan)")
def dataplane_killed_strongswan():
    return dataplane_killed(strongswan_site("killdp"))


@case("culvert-dp killed: back and forwarding in under 3 s (culvert, plain ESP)")
def dataplane_killed_pair():
    return dataplane_killed(pair_site("killdp"))


@case("IKEv1 and a crypto map: culvertd killed, forwarding goes on, a new phase 1 takes over")
def daemon_killed_ikev1():
    site = ikev1_site("kill1", ECP1)
    site.culvert.up(MAP_FLOW, timeout=20)
    ping_until(site.left, site.right_address, 5)
    there, back = daemon_gone(site)
    site.culvert.up(MAP_FLOW, timeout=20)
    check(ping(site.left, site.right_address, 10, 0.05)[1] == 10, "pings after the restart")
    check_equal(site.culvert.session(MAP_FLOW)["status"], "UP-ACTIVE", "status")
    return "%d packets, %d lost at the hand-over" % (there.sent + back.sent, there.lost + back.lost)


@case("IKEv1 and a crypto map: culvert-dp killed, back and forwarding in under 3 s")
def dataplane_killed_ikev1():
    return dataplane_killed(ikev1_site("killdp1", ECP1), MAP_FLOW)


@case("culvertd stopped and started: deletes are sent, nothing is left behind")
def stopped():
    site = up(strongswan_site("stop"))
    check_equal(site.culvert.stop(), 0, "exit status")
    wait_for("strongSwan to be told", lambda: not site.peer.sas(), 5)
    check_equal(site.culvert.pids("culvert-dp"), [], "data plane processes")
    check_equal(os.listdir(site.culvert.run_dir), [], "files left in the run directory")
    site.culvert.start()
    up(site)


if __name__ == "__main__":
    main()
