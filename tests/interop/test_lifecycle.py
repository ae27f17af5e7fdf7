#!/usr/bin/python3
"""What happens to a tunnel in its life: rekeying under traffic, deletes, NAT, wrong keys, a peer that dies."""
import time

from case import case, check, check_equal, main
from culvert import config
from net import wait_for
from topology import nat_site, strongswan_site
from traffic import Stream, iperf3, ping, ping_until, under_traffic
import strongswan as ss


def up(site, by="culvert"):
    if by == "culvert":
        site.culvert.up()
    else:
        site.peer.initiate()
    site.culvert.wait_up()
    ping_until(site.left, site.right_address, 5)
    return site


def spis(site):
    flow = site.culvert.flow()
    return (flow["inbound"]["spi"], flow["outbound"]["spi"]) if flow else (0, 0)


@case("child rekey by strongSwan under traffic, no packet lost")
def child_rekey_by_strongswan():
    site = up(strongswan_site("rekey"))
    sent = 0
    for _ in range(3):
        before = spis(site)

        def rekey():
            site.peer.rekey(child="site")
            wait_for("new SPIs", lambda: not set(spis(site)) & set(before), 5)
        sent += under_traffic(site, rekey)
        check_equal(len(site.peer.installed()), 1, "children of strongSwan after the rekey")
    return "%d packets" % sent


@case("child rekey by culvert under traffic, no packet lost")
def child_rekey_by_culvert():
    site = up(strongswan_site("rekey"))
    sent = 0
    for _ in range(3):
        before = spis(site)

        def rekey():
            site.culvert.rekey()
            wait_for("new SPIs", lambda: not set(spis(site)) & set(before), 5)
        sent += under_traffic(site, rekey)
        wait_for("strongSwan to hold one child", lambda: len(site.peer.installed()) == 1, 5)
    return "%d packets" % sent


@case("volume limit: culvert rekeys while packets flow, no packet lost")
def volume_limit():
    profile = " set security-association lifetime kilobytes 2560"
    site = up(strongswan_site("rekey", culvert_args={"ipsec_profile": profile}))
    before = spis(site)
    # No more a second than strongSwan's socket holds while a loaded machine keeps it waiting: 90 packets of this size.
    with Stream(site.left, site.right, site.right_address, 400, 1200) as s:
        wait_for("culvert to rekey before 2560 KB have passed", lambda: not set(spis(site)) & set(before), 20)
        time.sleep(0.5)
    check_equal(s.lost, 0, "packets lost of %d, missing %s" % (s.sent, s.missing))
    return "%d packets" % s.sent


def ike_rekey(site, act):
    def cookies():
        sas = site.peer.established()
        return {(s["initiator-spi"], s["responder-spi"]) for s in sas}
    before, child_before = cookies(), spis(site)

    def rekey():
        act()
        wait_for("a new IKE SA alone", lambda: len(cookies()) == 1 and not cookies() & before, 8)
    sent = under_traffic(site, rekey)
    check_equal(spis(site), child_before, "the child's SPIs: it moves to the new IKE SA as it is")
    return "%d packets" % sent


@case("IKE SA rekey by strongSwan under traffic, no packet lost")
def ike_rekey_by_strongswan():
    site = up(strongswan_site("rekey"))
    note = ike_rekey(site, lambda: site.peer.rekey(ike="site"))
    # The new IKE SA must work: rekey the child over it, from both of what it can do.
    before = spis(site)
    site.peer.rekey(child="site")
    wait_for("a child rekey over the new IKE SA", lambda: not set(spis(site)) & set(before), 5)
    check(ping(site.left, site.right_address, 5)[1] == 5, "no ping after both rekeys")
    return note


@case("IKE SA rekey by culvert under traffic, no packet lost")
def ike_rekey_by_culvert():
    site = up(strongswan_site("rekey"))
    note = ike_rekey(site, lambda: site.culvert.rekey(ike=True))
    before = spis(site)
    site.culvert.rekey()
    wait_for("a child rekey over the new IKE SA", lambda: not set(spis(site)) & set(before), 5)
    check(ping(site.left, site.right_address, 5)[1] == 5, "no ping after both rekeys")
    return note


@case("IKE lifetime of 120 s: culvert rekeys the IKE SA before it ends, no packet lost")
def ike_lifetime():
    site = up(strongswan_site("lifetime", culvert_args={"ikev2_profile": " lifetime 120"}))
    before = {(s["initiator-spi"], s["responder-spi"]) for s in site.peer.established()}

    def rekeyed():
        now = {(s["initiator-spi"], s["responder-spi"]) for s in site.peer.established()}
        return now and not now & before

    child_before = spis(site)
    sent = under_traffic(site, lambda: wait_for("culvert to rekey the IKE SA", rekeyed, 125, interval=0.5), rate=100)
    check_equal(spis(site), child_before, "the child's SPIs: it moves to the new IKE SA as it is")
    return "%d packets" % sent


@case("delete of the child and of the IKE SA by strongSwan")
def delete_by_strongswan():
    site = up(strongswan_site("delete"))
    site.peer.terminate(child="site")
    site.culvert.wait_down()
    check(site.culvert.session()["status"] != "UP-ACTIVE", "culvert still says UP-ACTIVE")
    up(site)
    site.peer.terminate(ike="site")
    site.culvert.wait_down()
    check_equal(len(site.peer.sas()), 0, "SAs that strongSwan still has")


@case("delete by culvert: down, clear crypto session, and stop")
def delete_by_culvert():
    site = up(strongswan_site("delete"))
    site.culvert.down()
    wait_for("strongSwan to have nothing left", lambda: not site.peer.sas(), 5)
    up(site)
    site.culvert.cli("clear", "crypto", "session")
    wait_for("strongSwan to have lost the first SAs", lambda: not site.peer.sas() or site.culvert.is_up(), 5)
    up(site)
    status = site.culvert.stop()
    check_equal(status, 0, "exit status of culvertd at SIGTERM")
    wait_for("strongSwan to have been told", lambda: not site.peer.sas(), 5)


@case("traffic for a protected route raises the tunnel; nothing passes in clear")
def acquire():
    site = strongswan_site("acquire")
    site.peer_ns.start("capture", "tcpdump", "--immediate-mode", "-ni", "out0", "-U", "-w", site.lab.path("clear.pcap"))
    wait_for("the capture", lambda: site.peer_ns.exists(site.lab.path("clear.pcap")), 5)
    took = ping_until(site.left, site.right_address, 10)
    check(ping(site.left, site.right_address, 5)[1] == 5, "ping through the raised tunnel")
    time.sleep(0.3)
    clear = site.peer_ns.run("tcpdump", "-nr", site.lab.path("clear.pcap"), "net 10.0.0.0/8").stdout.strip()
    check_equal(clear, "", "packets in clear between the gateways")
    check(site.culvert.session()["initiator"], "culvert is the initiator")
    return "up after %.1f s" % took


@case("an address translator in front of culvert")
def nat_culvert():
    site = nat_site("nat", behind="culvert")
    up(site)
    check_equal(site.culvert.session()["nat"] in ("local", "both"), True, "culvert knows that it is behind NAT")
    check(ping(site.right, site.left_address, 10, 0.05)[1] == 10, "pings from the right")
    check(iperf3(site.left, site.right, site.right_address, 1)["bytes"] > 100000, "iperf3")
    check_equal(site.culvert.session()["peer_port"], 4500, "port of the peer")


@case("an address translator in front of strongSwan")
def nat_strongswan():
    site = nat_site("nat", behind="strongswan")
    up(site, by="strongswan")
    check_equal(site.culvert.session()["nat"] in ("remote", "both"), True, "culvert sees the NAT")
    check(ping(site.right, site.left_address, 10, 0.05)[1] == 10, "pings from the right")
    check(iperf3(site.left, site.right, site.right_address, 1)["bytes"] > 100000, "iperf3")


@case("a translator that forgets: the new mapping is followed without loss of the tunnel")
def nat_mapping_changes():
    site = nat_site("nat", behind="strongswan")
    up(site, by="strongswan")
    before = site.culvert.session()["peer_port"]
    site.router.run("nft", "-f", "-", stdin="table ip nat {\n chain out {\n  type nat hook postrouting priority 100\n }\n}\n"
                    "flush chain ip nat out\nadd rule ip nat out oifname \"near\" udp dport 4500 masquerade to :40000-40999\n")
    # Without conntrack's tool the old mapping is made to end by taking its address away for a moment.
    site.router.run("ip", "addr", "del", "192.0.2.254/24", "dev", "near")
    site.router.run("ip", "addr", "add", "192.0.2.254/24", "dev", "near")
    wait_for("traffic from the right to get through the new mapping",
             lambda: ping(site.right, site.left_address, 1, wait=1)[1] == 1, 30)
    wait_for("culvert to name the new port", lambda: site.culvert.session()["peer_port"] != before, 10)
    check(ping(site.left, site.right_address, 5)[1] == 5, "pings from the left over the new mapping")


@case("different pre-shared keys: both sides say why")
def psk_mismatch():
    site = strongswan_site("psk", strongswan_args={"psk": "not-the-same"})
    r = site.culvert.up(check=False)
    check_equal(r.returncode, 1, "exit status of culvert up")
    check("auth-failed" in r.stdout + r.stderr, "culvert up does not name the reason: %r" % (r.stdout + r.stderr))
    error = site.culvert.session()["last_error"]
    check(error and error["reason"] == "auth-failed" and error["text"], "last_error is %r" % (error,))
    check("MAC mismatched" in site.peer.log_text() or "AUTH_FAILED" in site.peer.log_text(), "strongSwan says why")
    r = site.peer.initiate(check=False)
    check(r.returncode != 0, "strongSwan's attempt must fail")
    check("AUTHENTICATION_FAILED" in r.stdout + r.stderr + site.peer.log_text() or "AUTH_FAILED" in r.stdout,
          "strongSwan was told AUTHENTICATION_FAILED: %r" % r.stdout[-300:])
    check_equal(site.peer.installed(), [], "children of strongSwan")
    error = site.culvert.session()["last_error"]
    check(error["reason"] in ("bad-psk", "auth-failed"), "last_error as the responder: %r" % (error,))


@case("no common proposal: culvert and strongSwan both say so")
def no_proposal():
    site = strongswan_site("proposal", start=False)
    site.culvert.start()
    site.peer.start(ss.connection(ike="aes256-sha512-modp4096", esp="aes256-sha512"))
    r = site.culvert.up(check=False)
    check_equal(r.returncode, 1, "exit status of culvert up")
    check("no-proposal" in r.stdout + r.stderr, "the reason, in %r" % (r.stdout + r.stderr))
    r = site.peer.initiate(check=False)
    check("NO_PROP" in r.stdout, "strongSwan was told NO_PROPOSAL_CHOSEN: %r" % r.stdout[-300:])
    check_equal(site.culvert.session()["last_error"]["reason"], "no-proposal", "last_error")


@case("child without a common transform: the IKE SA stays, the reason is named")
def child_no_proposal():
    site = strongswan_site("proposal", start=False)
    site.culvert.start()
    site.peer.start(ss.connection(ike="aes128gcm16-prfsha256-ecp256", esp="aes256-sha512"))
    r = site.culvert.up(check=False)
    check_equal(r.returncode, 1, "exit status of culvert up")
    check("no-proposal" in r.stdout + r.stderr, "the reason, in %r" % (r.stdout + r.stderr))
    check_equal(site.culvert.session()["status"], "UP-IDLE", "status with an IKE SA and no child")
    check_equal(len(site.peer.established()), 1, "IKE SAs of strongSwan")
    site.peer.load(ss.connection())
    up(site)


@case("strongSwan offers another group first: INVALID_KE_PAYLOAD is answered with the right one")
def invalid_ke():
    site = strongswan_site("ke", start=False)
    site.culvert.start()
    site.peer.start(ss.connection(ike="aes128gcm16-prfsha256-modp2048-ecp256"))
    up(site, by="strongswan")
    site.peer.terminate()
    site.culvert.wait_down()
    # And the other way round: culvert offers two groups, strongSwan wants the second.
    site.culvert.write_config(config().replace(" group 19", " group 14 19"))
    site.culvert.stop()
    site.culvert.start()
    site.peer.load(ss.connection())
    up(site)


@case("strongSwan killed and restarted: the tunnel comes back")
def strongswan_restarts():
    site = up(strongswan_site("restart", culvert_args={"ikev2_profile": " dpd 10 2 periodic"}))
    site.peer.kill()
    time.sleep(0.5)
    site.peer.start(site.peer_conf)
    site.peer.initiate()  # with INITIAL_CONTACT: culvert must drop what it held for the old one
    site.culvert.wait_up()
    ping_until(site.left, site.right_address, 5)
    check(ping(site.right, site.left_address, 5)[1] == 5, "pings from the right")
    check_equal(len([s for s in site.culvert.json("show", "crypto", "session")["sessions"]
                     if s["status"].startswith("UP")]), 1, "sessions that are up")


@case("a lifetime in packets: rekeyed before it, again and again, no packet lost")
def lifetime_in_packets():
    limit = 1000
    site = up(strongswan_site("packets", culvert_args={"ipsec_profile": " set security-association lifetime packets %d" % limit}))
    seen = set()

    def wait():
        def three():
            flow = site.culvert.flow()
            if flow:
                seen.add(flow["outbound"]["spi"])
                check(flow["outbound"]["packets"] <= limit and flow["inbound"]["packets"] <= limit, "packets over the limit: %s" % flow)
                check(0 <= flow["remaining_packets"] <= limit, "remaining packets: %s" % flow["remaining_packets"])
            return len(seen) >= 4
        wait_for("three rekeys", three, 40, 0.05)
    sent = under_traffic(site, wait)
    check_equal(len(site.peer.installed()), 1, "children of strongSwan")
    check("remaining packets: " in site.culvert.cli("show", "crypto", "ipsec", "sa").stdout, "show crypto ipsec sa")
    return "%d packets" % sent


@case("strongSwan dead: dead peer detection says so, and the tunnel comes back with its peer")
def dead_peer():
    site = up(strongswan_site("dpd", culvert_args={"ikev2_profile": " dpd 10 2 periodic"}))
    site.peer.kill()
    wait_for("culvert to call the peer dead", lambda: not site.culvert.is_up(), 60, 0.5)
    check_equal(site.culvert.session()["last_error"]["reason"], "dpd-dead", "last_error")
    site.peer.start(site.peer_conf)
    took = ping_until(site.left, site.right_address, 30)
    return "back %.1f s after the peer" % took


if __name__ == "__main__":
    main()
