#!/usr/bin/python3
"""IKEv1 with certificates against strongSwan, both initiators: RSA-SIG and ECDSA-SIG in Main Mode, chains, long messages, refusals, revocation, and
which certificate answers which certificate requests."""
import os
import sys

from case import add_case, case, check, check_equal, main
from certificates import (LEFT, RIGHT, both, end, long_chain, once, refused, revocable, root, site_of, sub, swap,
                          trustpoint, up)
from culvert import AES1, ECP1, OLD1
from pki_files import available, give


def signatures(kind, suite, says):
    site = site_of("v1", kind, version=1, suite=suite)
    both(site)
    text = site.peer.log_text()
    check("authentication of '%s' with %s" % (LEFT, says) in text, "strongSwan did not verify %s" % says)


for title_, kind_, suite_, says_ in (("RSA-SIG, 3DES, MD5, group 2", "rsa", OLD1, "RSA"), ("RSA-SIG, AES, SHA-1, group 14", "rsa", AES1, "RSA"),
                                     ("RSA-SIG, AES, SHA-256, group 19", "rsa", ECP1, "RSA"),
                                     ("ECDSA-SIG, P-256", "p256", ECP1, "ECDSA"),
                                     ("ECDSA-SIG, P-256, SHA-1 in the policy (RFC 2409 5.1)", "p256", AES1, "ECDSA"),
                                     ("ECDSA-SIG, P-384", "p384", ECP1, "ECDSA"),
                                     ("ECDSA-SIG, P-521", "p521", ECP1, "ECDSA")):
    add_case("Main Mode, %s, both initiators" % title_, lambda k=kind_, s=suite_, w=says_: signatures(k, s, w))


@case("Aggressive Mode, RSA-SIG, both initiators")
def aggressive():
    site = site_of("aggr", "rsa", version=1, proof=" self-identity fqdn %s\n ca trust-point TP\n initiate mode aggressive" % LEFT,
                   strongswan_args={"connections": "aggressive = yes"})
    both(site)
    check("parsed AGGRESSIVE request" in site.peer.log_text() and "parsed AGGRESSIVE response" in site.peer.log_text(),
          "it was not Aggressive Mode")


@case("identities are the certificates' subjects, both initiators")
def by_subject():
    ours = end("left")
    site = site_of("dn", version=1, strongswan_args=dict(local_id="", remote_id=ours.dn),
                   proof=" match certificate MAP\n ca trust-point TP",
                   trust=trustpoint() + "\ncrypto isakmp identity dn\ncrypto pki certificate map MAP 10\n subject-name co cn = right")
    both(site)
    check("ID_DER_ASN1_DN" in site.peer.log_text() or "authentication of '%s'" % ours.dn in site.peer.log_text(), "no DN")


@case("intermediate CAs of both ends under one root, both initiators")
def intermediates():
    left, right = sub("left"), sub("right")
    both(site_of("chain", version=1, ours=end("left", ca=left), theirs=end("right", ca=right), intermediates=[right],
                 anchors={"TP": (root(), end("left", ca=left))}))


@case("a chain of RSA 4096 in IKE fragments, both initiators")
def ike_fragments():
    longest, pieces, torn = long_chain("frag", "crypto isakmp fragmentation", {"connections": "fragmentation = yes"}, version=1)
    check(pieces >= 6, "only %d fragments" % pieces)
    check_equal(torn, 0, "IP fragments")
    return "%d fragments, none over %d octets" % (pieces, longest)


@case("a chain of RSA 4096 in IP fragments, both initiators")
def ip_fragments():
    longest, pieces, torn = long_chain("ipfrag", "", {"connections": "fragmentation = no"}, version=1)
    check_equal(pieces, 0, "IKE fragments")
    check(torn >= 4, "only %d IP fragments" % torn)
    return "%d IP fragments" % torn


# G13: as responder culvert says nothing to who is not believed; as initiator, with MM6, that its SA is gone: strongSwan keeps none.
for title_, why_, make_ in (
        ("has expired", "cert-expired", lambda: dict(theirs=once("expired", lambda: root().issue("right", [RIGHT], "p256", days=(-9, -1))))),
        ("is not valid yet", "cert-not-yet-valid", lambda: dict(theirs=once("not yet", lambda: root().issue("right", [RIGHT], "p256", days=(1, 9))))),
        ("is of a CA that is not ours", "cert-untrusted", lambda: dict(theirs=end("right", ca=root(name="Other")),
                                                                       anchors={"TP": (root(), end("left"))}))):
    add_case("a peer's certificate that %s: %s" % (title_, why_),
             lambda w=why_, m=make_: refused(site_of("refuse", version=1, **m()), w, None))


@case("culvert's own certificate of another CA: refused by strongSwan, told as auth-failed, or the delete that it sends as initiator")
def own_refused():
    ours = end("left", ca=root(name="Other"))
    site = site_of("own", version=1, ours=ours, theirs=end("right"), anchors={"TP": (root(), ours)})
    give(site.peer, [root()], end("right"))
    site.peer.load(site.peer_conf)
    refused(site, "auth-failed", None, by=["culvert"])
    refused(site, "peer-deleted", None, by=["strongswan"])


@case("revocation by CRL: good passes, revoked is refused: cert-revoked")
def by_crl():
    ca, _, bad = revocable()
    site = site_of("crl", version=1, ours=end("left", ca=ca), theirs=end("right", ca=ca), server=True,
                   trust=trustpoint().replace("check none", "check crl"))
    ca.write_crl(os.path.join(site.web.directory, "ca.crl"), [bad])
    site.web.start()
    both(site)
    swap(site, bad)
    note = refused(site, "cert-revoked", None)
    check_equal(site.web.asked("/ca.crl"), 1, "fetches of the CRL")
    return note


@case("a CRL that takes three seconds to come: strongSwan repeats MM5, and has MM6 once it is there")
def slow_server():
    ca, _, bad = revocable()
    site = site_of("slow", version=1, ours=end("left", ca=ca), theirs=end("right", ca=ca), server=True,
                   trust=trustpoint().replace("check none", "check crl"))
    ca.write_crl(os.path.join(site.web.directory, "ca.crl"), [bad])
    site.web.start(delay=3)
    up(site, "strongswan")
    check("retransmit 1 of request" in site.peer.log_text(), "strongSwan did not have to wait")
    check_equal(site.web.asked("/ca.crl"), 1, "fetches of the CRL")


if __name__ == "__main__":
    if available():
        print(available())
        sys.exit(77)
    main()
