#!/usr/bin/python3
"""What else two IKEv2 daemons must agree on: fragments of IKE messages, kinds of identity, old algorithms."""
import re
import time

from capture import Capture
from case import add_case, case, check, check_equal, main
from culvert import GROUPS, Transform
from scapy.all import IP, PcapReader
from topology import strongswan_site
import traffic

# Words of culvert's configuration, and of strongSwan's, for one identity.
IDENTITIES = {"FQDN": ("fqdn %s.example.com", "%s.example.com"),
              "e-mail": ("email %s@example.com", "%s@example.com"),
              "key-id": ("key-id %s-key", "keyid:%s-key")}

# Sets that the three of test_algorithms leave out: encryption, integrity and group of IKE; ESP.
OLD_AND_WIDE = [
    (Transform("3des-sha1", "3des", "sha1", "esp-3des esp-sha-hmac", "3des-sha1", "3des-sha1", "3DES"), 2),
    (Transform("aes192-sha384", "aes-cbc-192", "sha384", "esp-aes 192 esp-sha384-hmac", "aes192-sha384",
               "aes192-sha384", "AES-CBC-192"), 20),
    (Transform("aes256-sha512", "aes-cbc-256", "sha512", "esp-aes 256 esp-sha512-hmac", "aes256-sha512",
               "aes256-sha512", "AES-CBC-256"), 21),
    (Transform("aes128-md5", "aes-cbc-128", "md5", "esp-aes esp-md5-hmac", "aes128-md5", "aes128-md5", "AES-CBC-128"), 5),
]


def up_and_pinging(site, initiator):
    if initiator == "culvert":
        site.culvert.up()
    else:
        site.peer.initiate()
    site.culvert.wait_up()
    traffic.ping_until(site.left, site.right_address, 5)
    sent, received = traffic.ping(site.left, site.right_address, 5, 0.05)
    check_equal(received, sent, "echo replies, tunnel started by " + initiator)


def down(site, initiator):
    if initiator == "culvert":
        site.culvert.down()
    else:
        site.peer.terminate()
    site.culvert.wait_down()


@case("IKE messages larger than the agreed fragment size travel as fragments, both initiators (RFC 7383)")
def fragments():
    # Long names make messages long: culvert's fragments carry at least 256 octets each.
    left, right = "left." + "l" * 180 + ".example", "right." + "r" * 180 + ".example"
    site = strongswan_site("frag", culvert_args=dict(local_id="fqdn " + left, remote_id="fqdn " + right,
                                                     extra="crypto ikev2 fragmentation mtu 300"),
                           strongswan_args=dict(local_id=right, remote_id=left, connections="fragmentation = yes"),
                           strongswan_extra="fragment_size = 300")
    with site.lab:
        for initiator in ("culvert", "strongswan"):
            before = site.culvert.json("show", "crypto", "ikev2", "stats")["fragments_in"]
            up_and_pinging(site, initiator)
            after = site.culvert.json("show", "crypto", "ikev2", "stats")
            check(after["fragments_in"] > before, "no fragment came from strongSwan")
            check_equal(after["fragments_bad"], 0, "fragments that culvert refused")
            parsed = re.findall(r"parsed IKE_AUTH (?:request|response) 1 \[ EF\(\d/(\d)\)", site.peer.log_text())
            check(parsed and int(parsed[-1]) > 1, "strongSwan got fragments: %s" % parsed)
            down(site, initiator)


def identity(kind):
    ours, theirs = IDENTITIES[kind]
    culvert_args = dict(local_id=ours % "left", remote_id=ours % "right")
    strongswan_args = dict(local_id=theirs % "right", remote_id=theirs % "left")
    site = strongswan_site("id", culvert_args=culvert_args, strongswan_args=strongswan_args)
    with site.lab:
        for initiator in ("culvert", "strongswan"):
            up_and_pinging(site, initiator)
            check("right" in site.culvert.session()["phase1_id"], "phase1_id is not strongSwan's identity")
            down(site, initiator)


def suite(transform, group):
    site = strongswan_site("suite", transform, group)
    with site.lab:
        for initiator in ("culvert", "strongswan"):
            up_and_pinging(site, initiator)
            down(site, initiator)


@case("padded packets and dummy packets pass among plain ones (RFC 4303 2.6, 2.7)")
def traffic_flow_confidentiality():
    words = "crypto ipsec security-association %s"
    site = strongswan_site("tfc", culvert_args=dict(extra=words % "tfc-padding 1000" + "\n" + words % "dummy pps 10"))
    with site.lab:
        up_and_pinging(site, "culvert")
        shown = site.culvert.cli("show", "crypto", "ipsec", "sa").stdout
        check("TFC padding: 1000 bytes" in shown, "show crypto ipsec sa names no padding")
        check("dummy packets: every 100 ms" in shown, "show crypto ipsec sa names no dummies")
        sa = site.culvert.json("show", "crypto", "ipsec", "sa")["sas"][0]
        check_equal((sa["tfc_padding"], sa["dummy_ms"]), (1000, 100), "the same as JSON")
        before = site.culvert.session()["flows"][0]["outbound"]["packets"]
        time.sleep(3)
        after = site.culvert.session()["flows"][0]["outbound"]["packets"]
        check_equal(after, before, "packets counted while only dummies went")
        sent, received = traffic.ping(site.left, site.right_address, 20, 0.05)
        check_equal(received, sent, "echo replies among dummies")


def ecn(words, outside):
    """RFC 6040 4.1: the outer header of what comes with ECT(0) has it, too, or nothing; configured as in the guide."""
    site = strongswan_site("ecn", culvert_args={"ipsec_profile": words} if words else {})
    with site.lab:
        up_and_pinging(site, "culvert")
        wire = Capture(site.peer_ns, "out0", what="src 192.0.2.1 and udp port 4500 and udp[8:4] != 0 and udp[4:2] > 20")  # no IKE, no keepalives
        done = site.left.run("ping", "-c", "5", "-i", "0.2", "-W", "10", "-Q", "0x2a", site.right_address, check=False)
        check(" 5 received" in done.stdout, done.stdout)
        check_equal([p[IP].tos for p in PcapReader(wire.stop())], [0x28 | outside] * 5, "DSCP and ECN of the outer headers")


for words_, outside_ in (("", 2), (" set security-association ecn discard", 0), (" set security-association ecn propagate", 2)):
    add_case("ECN goes outside, or stays inside (%s)" % (words_.split("association ")[-1] or "default"),
             lambda w=words_, o=outside_: ecn(w, o))
for kind_ in IDENTITIES:
    add_case("identity by %s, both initiators" % kind_, lambda k=kind_: identity(k))
for transform_, group_ in OLD_AND_WIDE:
    add_case("%s, %s, both initiators" % (transform_.name, GROUPS[group_]),
             lambda t=transform_, g=group_: suite(t, g))

if __name__ == "__main__":
    main()
