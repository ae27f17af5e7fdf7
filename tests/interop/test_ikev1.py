#!/usr/bin/python3
"""IKEv1 against strongSwan, both initiators: suites, PFS, Aggressive Mode, NAT, rekeys, dead peers, deletes."""

from case import add_case, case, check, check_equal, main
from culvert import AES1, ECP1, MAP_FLOW, SUITES1
from net import wait_for
from topology import ikev1_site, nat_site1
from traffic import iperf3, ping, ping_until, under_traffic

ESTABLISH = {"culvert": lambda site, flow: site.culvert.up(flow, timeout=25),
             "strongswan": lambda site, flow: site.peer.initiate(timeout=20)}


def up(site, by="culvert", flow=MAP_FLOW):
    ESTABLISH[by](site, flow)
    site.culvert.wait_up(15, flow)
    ping_until(site.left, site.right_address, 5)
    return site


def pings(site, text=""):
    for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
        sent, received = ping(source, address, 10, 0.05)
        check_equal(received, sent, "echo replies from %s %s" % (address, text))


def down(site, by, flow=MAP_FLOW):
    if by == "culvert":
        site.culvert.down(flow)
    else:
        site.peer.terminate()
    site.culvert.wait_down(15, flow)
    wait_for("strongSwan to have no SA", lambda: not site.peer.sas(), 8)


def suite(s):
    site = ikev1_site("v1", s)
    with site.lab:
        for by in ("culvert", "strongswan"):
            up(site, by)
            pings(site, "set up by " + by)
            check_equal(site.culvert.session(MAP_FLOW)["ike_version"], 1, "version of IKE")
            down(site, by)


for s_ in SUITES1.values():
    add_case("Main Mode, pre-shared key, %s, both initiators" % s_.name, lambda s=s_: suite(s))


def with_pfs(ours, theirs):
    esp = AES1.ss_esp + ("-modp2048" if theirs else "")
    site = ikev1_site("pfs", AES1, pfs=14 if ours else None)
    site.peer.load(site.peer_conf.replace("esp_proposals = " + AES1.ss_esp, "esp_proposals = " + esp))
    with site.lab:
        for by in ("culvert", "strongswan"):
            up(site, by)
            pings(site)
            down(site, by)


add_case("Quick Mode with PFS, group 14, both initiators", lambda: with_pfs(True, True))
add_case("Quick Mode without PFS, both initiators", lambda: with_pfs(False, False))


@case("PFS at one end alone: Quick Mode is refused with a reason, the IKE SA stays")
def pfs_mismatch():
    site = ikev1_site("pfs", AES1, pfs=14)
    site.culvert.up(MAP_FLOW, timeout=12, check=False)
    session = site.culvert.session(MAP_FLOW)
    check(session["last_error"], "no error is told")
    check(session["last_error"]["reason"] in ("no-proposal", "peer-refused"), "reason %s" % session["last_error"])
    check(len(site.peer.established()) == 1, "phase 1 is gone at strongSwan")
    site.peer.initiate(check=False, timeout=5)
    check_equal(site.culvert.session(MAP_FLOW)["last_error"]["reason"], "no-proposal", "reason as responder")
    return site.culvert.session(MAP_FLOW)["last_error"]["text"]


def aggressive(by):
    # strongSwan refuses Aggressive Mode with pre-shared keys as responder unless it is told that this is meant.
    site = ikev1_site("aggr", ECP1, remote_id="host right.example",
                      keyring="pre-shared-key hostname right.example key secret\n pre-shared-key address 192.0.2.2 key secret",
                      profile=" self-identity fqdn left.example\n initiate mode aggressive",
                      strongswan_args=dict(local_id="right.example", remote_id="left.example",
                                           connections="aggressive = yes"),
                      strongswan_extra="i_dont_care_about_security_and_use_aggressive_mode_psk = yes")
    with site.lab:
        up(site, by)
        pings(site)
        check("AGGRESSIVE" in site.peer.log_text(), "it was not Aggressive Mode")
        check_equal(site.culvert.session(MAP_FLOW)["phase1_id"], "right.example", "the peer's identity")
        down(site, by)


for by_ in ("culvert", "strongswan"):
    add_case("Aggressive Mode with host-name keys, started by %s" % by_, lambda b=by_: aggressive(b))


@case("Aggressive Mode where nothing asks for it: no answer")
def aggressive_refused():
    site = ikev1_site("aggr", ECP1, strongswan_args=dict(connections="aggressive = yes"),
                      strongswan_extra="i_dont_care_about_security_and_use_aggressive_mode_psk = yes")
    site.peer.initiate(check=False, timeout=5)
    check(not site.culvert.is_up(MAP_FLOW), "it came up")
    check("parsed AGGRESSIVE response" not in site.peer.log_text(), "culvert answered")


for behind_ in ("culvert", "strongswan"):
    def nat(behind=behind_):
        site = nat_site1("nat1", behind)
        with site.lab:
            by = behind  # who is behind the NAT begins
            up(site, by)
            pings(site, "behind the NAT: " + behind)
            check_equal(site.culvert.session(MAP_FLOW)["nat"] != "none", True, "a NAT was seen")
            check(iperf3(site.left, site.right, site.right_address, 1)["bytes"] > 50000, "iperf3")
            down(site, by)
    add_case("a NAT in front of %s: found, port 4500, ESP in UDP" % behind_, nat)


def spis(site):
    flow = site.culvert.flow(MAP_FLOW)
    return (flow["inbound"]["spi"], flow["outbound"]["spi"]) if flow else (0, 0)


def child_rekey(act):
    site = up(ikev1_site("rekey1", ECP1))
    sent = 0
    for _ in range(3):
        before = spis(site)

        def rekey():
            act(site)
            wait_for("new SPIs", lambda: not set(spis(site)) & set(before), 8)
        sent += under_traffic(site, rekey)
    wait_for("strongSwan to hold one child", lambda: len(site.peer.installed()) == 1, 15)
    pings(site)
    return "%d packets" % sent


add_case("Quick Mode rekey by strongSwan under traffic, no packet lost",
         lambda: child_rekey(lambda site: site.peer.rekey(child="site")))
add_case("Quick Mode rekey by culvert under traffic, no packet lost",
         lambda: child_rekey(lambda site: site.culvert.rekey(MAP_FLOW)))


def ike_rekey(act):
    site = up(ikev1_site("rekey1", ECP1))

    def cookies():
        return {(s["initiator-spi"], s["responder-spi"]) for s in site.peer.established()}
    before = cookies()

    def rekey():
        act(site)
        wait_for("a new IKE SA alone", lambda: len(cookies()) == 1 and not cookies() & before, 30)
    sent = under_traffic(site, rekey)
    old = spis(site)
    site.culvert.rekey(MAP_FLOW)  # the new one must work
    wait_for("a Quick Mode under the new IKE SA", lambda: not set(spis(site)) & set(old), 8)
    pings(site)
    return "%d packets" % sent


add_case("phase 1 anew by strongSwan under traffic, no packet lost", lambda: ike_rekey(lambda s: s.peer.rekey(ike="site")))
add_case("phase 1 anew by culvert under traffic, no packet lost",
         lambda: ike_rekey(lambda s: s.culvert.rekey(MAP_FLOW, ike=True)))


@case("dead peer detection: strongSwan is killed, the SAs go, and traffic brings a new tunnel")
def dpd():
    site = up(ikev1_site("dpd1", ECP1, dpd="10 2 periodic"))
    site.peer.kill()
    wait_for("culvert to give the peer up", lambda: not site.culvert.is_up(MAP_FLOW), 45, 0.5)
    check_equal(site.culvert.session(MAP_FLOW)["last_error"]["reason"], "dpd-dead", "reason")
    site.peer.start(site.peer_conf)
    ping_until(site.left, site.right_address, 60)


@case("dead peer detection: strongSwan asks, culvert answers")
def dpd_answers():
    site = up(ikev1_site("dpd1", ECP1, strongswan_args=dict(connections="dpd_delay = 1s")))
    wait_for("three answers", lambda: site.peer.log_text().count("N(DPD_ACK)") >= 3, 15)
    check(site.culvert.is_up(MAP_FLOW), "the tunnel is down")


@case("delete of the child alone by strongSwan, and again up over the same IKE SA")
def delete_child():
    site = up(ikev1_site("delete1", ECP1))
    site.peer.terminate(child="site")
    site.culvert.wait_down(8, MAP_FLOW)
    ping_until(site.left, site.right_address, 15)
    pings(site)


@case("route-based tunnel: strongSwan begins and asks for less than everything")
def route_based():
    site = ikev1_site("vti1", ECP1, style="ipsec")
    up(site, "strongswan", "Tunnel1")
    pings(site)
    flow = site.culvert.flow("Tunnel1")
    check_equal((flow["local_ident"], flow["remote_ident"]), ("10.1.0.0/16", "10.2.0.0/16"), "selectors")


@case("wrong pre-shared key: bad-psk at the responder, a timeout at the initiator, both told")
def bad_psk():
    site = ikev1_site("psk1", ECP1, strongswan_args=dict(psk="other"))
    site.peer.initiate(check=False, timeout=5)
    wait_for("the reason", lambda: (site.culvert.session(MAP_FLOW)["last_error"] or {}).get("reason") == "bad-psk", 5)
    check("IKMP_BAD_MESSAGE" in site.culvert.log_text(), "KR-8's line is not in the log")


if __name__ == "__main__":
    main()
