#!/usr/bin/python3
"""AH (RFC 4302): between two culverts, and against strongSwan and libreswan with the AH of a Linux kernel in a guest, IKEv1 and IKEv2, tunnel and
transport mode, IPv4 and IPv6, both initiators, with rekeys; packets that somebody on the way changed; and a NAT, which AH cannot pass."""
from case import Skip, add_case, case, check, check_equal, main
from culvert import MAP_FLOW, Suite1, Transform
from net import wait_for
from topology import guest_site, guest_site1, nat_site, pair_site
from traffic import ping, ping_until
import guest
import libreswan
import strongswan
import sys


def of(name, word):
    return Transform("ah-" + name, "aes-cbc-256", "sha256", word, "aes256-sha256-prfsha256", "ah:" + name, "AH " + name)


SHA1, SHA256, SHA384, SHA512 = (of("sha1", "ah-sha-hmac"), of("sha256", "ah-sha256-hmac"), of("sha384", "ah-sha384-hmac"),
                                of("sha512", "ah-sha512-hmac"))
AH1_SHA1 = Suite1("ah sha1", "aes", "sha", 14, "ah-sha-hmac", "aes128-sha1-modp2048", "ah:sha1")
AH1_SHA256 = Suite1("ah sha256", "aes 256", "sha256", 19, "ah-sha256-hmac", "aes256-sha256-ecp256", "ah:sha256", "aes256-sha2_256;dh19")


def need_guest():
    reason = guest.available()
    if reason:
        raise Skip(reason)


def pings(site, what):
    for source, address in ((site.left, site.right_address), (site.right, site.left_address)):
        sent, received = ping(source, address, 10, 0.05, wait=10)
        check_equal(received, sent, "echo replies from %s, %s" % (address, what))
    sent, received = ping(site.left, site.right_address, 5, 0.1, size=1300, wait=10)
    check_equal(received, sent, "long echo replies, " + what)


def shows(site, flow, mode="tunnel"):
    got = site.culvert.flow(flow)
    check_equal((got["protocol"], got["mode"]), ("ah", mode), "protocol and mode")
    text = site.culvert.cli("show", "crypto", "ipsec", "sa")
    text = getattr(text, "stdout", text)
    inbound, outbound = text.split("inbound ah sas:")[1].split("outbound esp sas:")
    check("spi: 0x%08X" % got["inbound"]["spi"] in inbound.split("inbound pcp sas:")[0], "inbound SA under its heading: " + text)
    check("spi: 0x%08X" % got["outbound"]["spi"] in outbound.split("outbound ah sas:")[1], "outbound SA under its heading")
    check(got["inbound"]["packets"] > 0 and got["outbound"]["packets"] > 0, "packets are counted")


def rekeyed(site, flow, by_peer):
    before = site.culvert.flow(flow)["inbound"]["spi"]
    if by_peer:
        site.peer.rekey(child="site")
    else:
        site.culvert.rekey(flow)
    wait_for("the rekeyed child", lambda: site.culvert.flow(flow)["inbound"]["spi"] != before, 10)
    pings(site, "after a rekey by %s" % ("the peer" if by_peer else "culvert"))


def kernel_ah(site, transport=False):
    state = site.guest.run("ip", "xfrm", "state").stdout
    check("proto ah" in state and "proto esp" not in state, "kernel state is not AH: %s" % state[:200])
    check_equal("mode transport" in state, transport, "transport mode in the kernel")


def with_kernel(site, flow, transport=False):
    with site.lab:
        for by in ("culvert", site.peer.name):
            if by == "culvert":
                site.culvert.up(flow, timeout=40)
            elif by == "libreswan":
                site.peer.initiate(asynchronous=True)
            else:
                site.peer.initiate(timeout=30)
            site.culvert.wait_up(30, flow)
            ping_until(site.left, site.right_address, 20)
            pings(site, "started by " + by)
            kernel_ah(site, transport)
            shows(site, flow, "transport" if transport else "tunnel")
            rekeyed(site, flow, by == "strongswan")  # libreswan: "cannot force rekey of IKEv1 connection"
            if by == "culvert":
                site.culvert.down(flow)
            else:
                site.peer.terminate()
            site.culvert.wait_down(15, flow)
            wait_for("the kernel to have no SA", lambda: not site.guest.run("ip", "xfrm", "state").stdout.strip(), 15, 0.5)
        return "guest up in %.0f s under %s" % (site.guest.boot_s, site.guest.accel)


def v2_guest(transform, outer, inner, gre):
    need_guest()
    return with_kernel(guest_site("ah", outer, inner, transform, 19, gre), "Tunnel1", gre)


def v1_guest(peer, suite, gre):
    need_guest()
    reason = libreswan.available() if peer == "libreswan" else None
    if reason:
        raise Skip(reason)
    return with_kernel(guest_site1("ah1", peer, suite, gre), "Tunnel1" if gre else MAP_FLOW, gre)


def pair(transform, ipsec=""):
    site = pair_site("ah-pair", transform, 19, *[dict(ipsec_profile=ipsec)] * 2)
    with site.lab:
        for initiator, other in ((site.culvert, site.peer), (site.peer, site.culvert)):
            initiator.up()
            other.wait_up()
            ping_until(site.left, site.right_address, 5)
            pings(site, "between two culverts")
            shows(site, "Tunnel1")
            check_equal(site.culvert.flow()["esn"], "esn" in ipsec, "64-bit sequence numbers")
            before = other.flow()["inbound"]["spi"]
            initiator.rekey()
            wait_for("the rekeyed child", lambda: other.flow()["inbound"]["spi"] != before, 10)
            pings(site, "after a rekey")
            initiator.down()
            wait_for("both ends to be down", lambda: not initiator.is_up() and not other.is_up(), 5)
        check(not site.culvert.drops().get("ah-auth"), "none was refused")


for transform_, ipsec_ in ((SHA1, ""), (SHA256, " set security-association esn"), (SHA384, ""), (SHA512, "")):
    add_case("%s%s between two culverts, both initiators, rekeys" % (transform_.label, " ESN" if ipsec_ else ""),
             lambda a=(transform_, ipsec_): pair(*a))

# A guest takes a minute: without a name on the command line there is the first for each version of IKE.
FIRST = None if len(sys.argv) > 1 else 1
for transform_, outer_, inner_, gre_ in ((SHA256, "v6", "v4", True), (SHA256, "v4", "v4", False), (SHA256, "v4", "v4", True),
                                         (SHA512, "v6", "v6", False), (SHA1, "v6", "v6", False))[:FIRST]:
    add_case("IKEv2, %s, %s, Linux kernel AH in a guest" % (transform_.label, "GRE over IP%s in transport mode" % outer_ if gre_ else
                                                            "IP%s inside IP%s" % (inner_, outer_)),
             lambda a=(transform_, outer_, inner_, gre_): v2_guest(*a))

for peer_, suite_, gre_ in (("strongswan", AH1_SHA1, False), ("strongswan", AH1_SHA256, True), ("libreswan", AH1_SHA1, False),
                            ("libreswan", AH1_SHA256, True))[:FIRST]:
    add_case("IKEv1, %s, %s, %s, Linux kernel AH in a guest" % (peer_, suite_.name, "GRE in transport mode" if gre_ else "crypto map"),
             lambda a=(peer_, suite_, gre_): v1_guest(*a))


@case("AH behind a NAT is refused with the reason")
def nat():
    reason = strongswan.available()
    if reason:
        raise Skip(reason)
    site = nat_site("ah-nat", "culvert", SHA256)
    with site.lab:
        site.culvert.up(check=False, timeout=8)
        error = site.culvert.session()["last_error"] or {}
        check("NAT" in error.get("text", ""), "the reason: %r" % error)


if __name__ == "__main__":
    main()
