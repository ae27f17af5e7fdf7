#!/usr/bin/python3
"""Certificates against strongSwan, both initiators: kinds of keys and signatures, chains, fragmentation, refusals with their reasons,
revocation by CRL and OCSP with its servers up and down, and which certificate answers which certificate request."""
import os
import re
import sys

from case import add_case, case, check, check_equal, main
from certificates import (RIGHT, both, down, end, long_chain, once, profile, reconfigure, refused, revocable, root, signed_with, site_of, sub,
                          swap, trustpoint, up)
from net import sh, wait_for
from pki_files import Responder, available, give
from traffic import ping_until


# ---- kinds of keys and signatures ------------------------------------------------------------------------------------
def signatures(kind, expect, extra="", local_auth=""):
    site = site_of("sig", kind, strongswan_extra=extra, local_auth=local_auth)
    both(site)
    check_equal(signed_with(site), expect, "signatures of culvert and of strongSwan")


for title_, kind_, expect_, extra_, auth_ in (
        ("RSA, PKCS #1 with SHA-256 from strongSwan, PSS from culvert (RFC 7427)", "rsa",
         ("RSA_EMSA_PSS_SHA2_256_SALT_32", "RSA_EMSA_PKCS1_SHA2_256"), "", ""),
        ("RSA-PSS both ways (RFC 7427)", "rsa", ("RSA_EMSA_PSS_SHA2_256_SALT_32", "RSA_EMSA_PSS_SHA2_256_SALT_32"), "rsa_pss = yes", ""),
        ("RSA, PKCS #1 with SHA-512 from strongSwan (RFC 7427)", "rsa",
         ("RSA_EMSA_PSS_SHA2_256_SALT_32", "RSA_EMSA_PKCS1_SHA2_512"), "", "auth = ike:rsa-sha512"),
        ("an old peer without RFC 7427: RSA by method 1", "rsa", ("RSA signature", "RSA signature"), "signature_authentication = no", ""),
        ("an old peer without RFC 7427: ECDSA by method 9 (RFC 4754)", "p256",
         ("ECDSA-256 signature", "ECDSA-256 signature"), "signature_authentication = no", ""),
        ("ECDSA P-256", "p256", ("ECDSA_WITH_SHA256_DER", "ECDSA_WITH_SHA256_DER"), "", ""),
        ("ECDSA P-384", "p384", ("ECDSA_WITH_SHA384_DER", "ECDSA_WITH_SHA384_DER"), "", ""),
        ("ECDSA P-521", "p521", ("ECDSA_WITH_SHA512_DER", "ECDSA_WITH_SHA512_DER"), "", ""),
        ("Ed25519 (RFC 8420)", "ed25519", ("ED25519", "ED25519"), "", "")):
    add_case(title_ + ", both initiators", lambda k=kind_, e=expect_, x=extra_, a=auth_: signatures(k, e, x, a))


# ---- chains and long messages ------------------------------------------------------------------------------------------
@case("intermediate CAs of both ends under one root, which alone is trusted")
def intermediates():
    left, right = sub("left"), sub("right")
    site = site_of("chain", ours=end("left", ca=left), theirs=end("right", ca=right), anchors={"TP": (root(), end("left", ca=left))},
                   intermediates=[right])
    both(site)
    check("received issuer cert \"C=DE, O=culvert test, CN=Sub-left-p256\"" in site.peer.log_text(), "culvert did not send its intermediate CA")


@case("the trust-point is the intermediate CA itself, as IOS has it: culvert sends it along")
def anchored_below():
    ca = sub("left")
    ours, theirs = end("left", ca=ca), end("right", ca=ca)
    site = site_of("below", ours=ours, theirs=theirs, anchors={"TP": (ca, ours)}, chain=[])
    give(site.peer, [root()], theirs)  # strongSwan has nothing but the root: neither sends nor knows the CA between
    site.peer.load(site.peer_conf)
    both(site)


@case("a peer that leaves its intermediate CA out: cert-untrusted")
def intermediate_missing():
    theirs = end("right", ca=sub("right"))
    site = site_of("gap", theirs=theirs, anchors={"TP": (root(), end("left"))})
    return refused(site, "cert-untrusted")


def ike_fragments(mtu):
    longest, pieces, torn = long_chain("frag", "crypto ikev2 fragmentation mtu %d" % mtu, strongswan_extra="fragment_size = %d" % mtu)
    check(longest <= mtu, "a datagram of %d octets" % longest)
    check(pieces >= 12, "only %d fragments" % pieces)
    check_equal(torn, 0, "IP fragments")
    return "%d fragments, none over %d octets" % (pieces, longest)


for mtu_ in (576, 1280):
    add_case("a chain of RSA 4096 in IKE fragments of at most %d octets, both initiators" % mtu_, lambda m=mtu_: ike_fragments(m))


@case("a chain of RSA 4096 without IKE fragmentation, in IP fragments, both initiators")
def ip_fragments():
    longest, pieces, torn = long_chain("ipfrag", "no crypto ikev2 fragmentation", {"connections": "fragmentation = no"})
    check_equal(pieces, 0, "IKE fragments")
    check(torn >= 8, "only %d IP fragments" % torn)
    return "%d IP fragments" % torn


# ---- refusals and their reasons ----------------------------------------------------------------------------------------
@case("a peer's certificate that has expired: cert-expired")
def expired():
    return refused(site_of("expired", theirs=once("expired", lambda: root().issue("right", ["right.example"], "p256", days=(-9, -1)))),
                   "cert-expired")


@case("a peer's certificate that is not valid yet: cert-not-yet-valid")
def not_yet():
    return refused(site_of("notyet", theirs=once("not yet", lambda: root().issue("right", ["right.example"], "p256", days=(1, 9)))),
                   "cert-not-yet-valid")


@case("a peer's certificate of a CA that is not ours: cert-untrusted")
def untrusted():
    other = root(name="Other")
    return refused(site_of("other", theirs=end("right", ca=other), anchors={"TP": (root(), end("left"))}), "cert-untrusted")


@case("a peer's certificate of a trust-point that the profile does not list: cert-untrusted")
def other_trustpoint():
    other = root(name="Other")
    site = site_of("unlisted", theirs=end("right", ca=other), trust=trustpoint("TP") + "\n" + trustpoint("TP2"),
                   anchors={"TP": (root(), end("left")), "TP2": (other, None)})
    return refused(site, "cert-untrusted")


@case("an identity that is not in the peer's certificate: id-mismatch")
def wrong_identity():
    theirs = once("wrong name", lambda: root().issue("right", ["other.example"], "p256"))
    site = site_of("wrongid", theirs=theirs)
    return refused(site, "id-mismatch")


@case("culvert's own certificate of another CA, or without its name: refused by strongSwan, told as auth-failed")
def own_refused():
    theirs = end("right")
    for what, ours in (("other CA", end("left", ca=root(name="Other"))),
                       ("other name", once("left wrong", lambda: root().issue("left", ["other.example"], "p256")))):
        site = site_of("own", ours=ours, theirs=theirs, anchors={"TP": (root(), ours)})
        give(site.peer, [root()], theirs)
        site.peer.load(site.peer_conf)
        refused(site, "auth-failed", None)
        site.lab.close()


@case("culvert's own certificate has expired: cert-build-failed, and no IKE_AUTH is sent (G16, G18)")
def own_expired():
    ours = once("left expired", lambda: root().issue("left", ["left.example"], "p256", days=(-9, -1)))
    site = site_of("ownexp", ours=ours)
    note = refused(site, "cert-build-failed", None)
    check("parsed IKE_AUTH request" not in site.peer.log_text(), "culvert sent an IKE_AUTH request")
    return note


# ---- which certificate --------------------------------------------------------------------------------------------------
def chosen(site):
    """Names of the trust-points that culvert has signed with, in order."""
    return re.findall(r"using the (\S+) trustpoint's keypair to sign", site.culvert.log_text())


def two_roots():
    """Trust-points TP1 and TP2 of two roots; ours are enrolled in TP1 first, so that TP2 stands first in culvert's own list (CT-8)."""
    one, two = root(), root(name="Second")
    return one, two, {"TP1": (one, end("left", ca=one)), "TP2": (two, end("left", ca=two))}


@case("a peer that asks for one CA only gets its certificate, whichever was enrolled last (V2-3, G17)")
def asked_for_one():
    one, two, anchors = two_roots()
    site = site_of("ask1", theirs=end("right", ca=one), anchors=anchors, trust=trustpoint("TP1") + "\n" + trustpoint("TP2"),
                   proof=profile("TP1", "TP2", local="ecdsa-sig", remote="ecdsa-sig"))
    for ca, name in ((one, "TP1"), (two, "TP2")):
        give(site.peer, [ca], end("right", ca=ca))
        site.peer.load(site.peer_conf)
        before = len(chosen(site))
        both(site)
        check_equal(chosen(site)[before:], [name, name], "trust-points that signed when strongSwan asks for %s" % ca.name)


@case("a peer that asks for several CAs gets the certificate of the first that is ours, in its order (V2-3, G17)")
def asked_for_several():
    one, two, anchors = two_roots()
    strange = root(name="Strange")
    site = site_of("askn", theirs=end("right", ca=one), anchors=anchors, trust=trustpoint("TP1") + "\n" + trustpoint("TP2"),
                   proof=profile("TP1", "TP2", local="ecdsa-sig", remote="ecdsa-sig"))
    give(site.peer, [strange, two, one], end("right", ca=one))
    site.peer.load(site.peer_conf)
    by_name = {one.name: "TP1", two.name: "TP2"}
    for by in ("culvert", "strongswan"):
        before, seen = len(chosen(site)), len(site.peer.log_text())
        up(site, by)
        asked = re.findall(r'sending cert request for ".*CN=([^"]+)"', site.peer.log_text()[seen:])
        check_equal(sorted(asked), sorted([one.name, two.name, strange.name]), "CAs that strongSwan asks for")
        want = [by_name[name] for name in asked if name in by_name][0]
        check_equal(chosen(site)[before:], [want], "trust-point that signed, of %s, started by %s" % (asked, by))
        down(site, by)


@case("trust-points to sign and to verify apart (V2-7)")
def sign_and_verify():
    one, two, anchors = two_roots()
    site = site_of("apart", theirs=end("right", ca=two), anchors=anchors, trust=trustpoint("TP1") + "\n" + trustpoint("TP2"),
                   proof=profile("TP1 sign", "TP2 verify", local="ecdsa-sig", remote="ecdsa-sig"))
    give(site.peer, [one, two], end("right", ca=two))
    site.peer.load(site.peer_conf)
    both(site)
    check_equal(set(chosen(site)), {"TP1"}, "trust-points that signed")
    swap(site, end("right", ca=one))
    return refused(site, "cert-untrusted")


@case("an initiator's profile without trust-point: cert-build-failed (V2-5); as responder it is up (V2-6)")
def no_trustpoint():
    site = site_of("none", proof=" authentication local ecdsa-sig\n authentication remote ecdsa-sig")
    note = refused(site, "cert-build-failed", None, by=["culvert"])
    up(site, "strongswan")
    return note


@case("identities are the certificates' subjects, by default and with a certificate map (G29, V2-12)")
def by_subject():
    ours = end("left")
    site = site_of("dn", strongswan_args=dict(local_id="", remote_id=ours.dn),
                   culvert_args=dict(local_id="", remote_id="certificate MAP",
                                     extra=trustpoint() + "\ncrypto pki certificate map MAP 10\n subject-name co cn = right"))
    both(site)
    check("authentication of '%s'" % ours.dn in site.peer.log_text(), "culvert did not name itself by its subject")


@case("RSA at one end, ECDSA at the other")
def different_keys():
    ours, theirs = end("left", "rsa"), end("right", "p384")
    both(site_of("mixed", "rsa", theirs_kind="p384", ours=ours, theirs=theirs, anchors={"TP": (theirs.issuer, ours)}))


# ---- certificates from the command line ------------------------------------------------------------------------------------
@case("certificate and key by `crypto pki import pkcs12`, without a restart; they outlive one")
def by_import():
    ours, theirs = end("left"), end("right")
    site = site_of("p12", ours=ours, theirs=theirs, anchors={})
    check_equal(chosen(site), [], "signatures")
    refused(site, "cert-build-failed", None, by=["culvert"])
    file = site.lab.path("left.p12")
    sh("openssl", "pkcs12", "-export", "-in", ours.cert, "-inkey", ours.key, "-certfile", root().cert, "-passout", "pass:kept", "-out", file)
    site.culvert.cli("crypto", "pki", "import", "TP", "pkcs12", "kept", "--url", file)
    both(site)
    site.culvert.stop()
    site.culvert.start()
    both(site)


# ---- revocation ----------------------------------------------------------------------------------------------------------
def revocation_site(title, methods, more="", theirs=None):
    ca, good, _ = revocable()
    site = site_of(title, theirs=theirs or good, ours=end("left", ca=ca), server=True,
                   trust=trustpoint("TP", more).replace("revocation-check none", "revocation-check " + methods))
    return site


@case("revocation by CRL: the good certificate passes, the revoked one is refused: cert-revoked; one fetch serves all")
def by_crl():
    ca, _, bad = revocable()
    site = revocation_site("crl", "crl")
    ca.write_crl(os.path.join(site.web.directory, "ca.crl"), [bad])
    site.web.start()
    both(site)
    swap(site, bad)
    note = refused(site, "cert-revoked")
    check_equal(site.web.asked("/ca.crl"), 1, "fetches of the CRL")
    check("Revoking" in site.culvert.cli("show", "crypto", "pki", "crls").stdout, "the CRL is not in `show crypto pki crls`")
    return note


@case("a live peer's certificate is revoked: `crypto pki crl request`, then disconnect-revoked-peers ends it, the next one is refused")
def revoked_while_up():
    ca, good, bad = revocable()
    site = revocation_site("live", "crl")
    where = os.path.join(site.web.directory, "ca.crl")
    ca.write_crl(where, [bad])
    site.web.start()
    up(site, "strongswan")
    ca.write_crl(where, [bad, good])
    site.culvert.cli("crypto", "pki", "crl", "request", "TP")
    wait_for("the second fetch", lambda: site.web.asked("/ca.crl") == 2, 5)
    check(site.culvert.is_up(), "the peer was disconnected without being configured so")
    reconfigure(site, extra=site.culvert_args["extra"] + "\ncrypto ikev2 disconnect-revoked-peers")
    site.culvert.cli("crypto", "pki", "crl", "request", "TP")
    site.culvert.wait_down(8)
    wait_for("strongSwan's delete", lambda: not site.peer.sas(), 5)
    return refused(site, "cert-revoked")


@case("revocation by OCSP with `openssl ocsp`: good passes, revoked and unknown are refused")
def by_ocsp():
    ca, good, bad = revocable()
    site = revocation_site("ocsp", "ocsp")
    responder = Responder(site.ca_ns, ca).start([good], [bad])
    both(site)
    swap(site, bad)
    note = refused(site, "cert-revoked")
    swap(site, once("unheard of", lambda: ca.issue("right-unheard", [RIGHT], "p256")))
    refused(site, "cert-unknown-status")
    check_equal(responder.asked(), 3, "requests that the responder had")
    return note


@case("revocation by OCSP: a responder of its own that the CA has certified")
def delegated():
    ca, good, bad = revocable()
    signer = once("responder", lambda: ca.issue("responder", kind="p256", flags=["ocspSigning"]))
    site = revocation_site("ocsp", "ocsp", theirs=bad)
    ca.write_crl(os.path.join(site.web.directory, "ca.crl"), [bad])
    site.web.start()
    Responder(site.ca_ns, ca, signer).start([good], [bad])
    refused(site, "cert-revoked")
    swap(site, good)
    both(site)


# docs/pki.md: what each list makes of servers that are down.
DOWN = (("crl", "", "cert-unknown-status"), ("crl none", "", None), ("ocsp crl none", "", None), ("none", "", None),
        ("crl", "crl optional", None), ("ocsp", "", "cert-unknown-status"), ("ocsp crl", "", "cert-unknown-status"))


@case("the CRL server and the responder are down, under each revocation-check list")
def servers_down():
    site = revocation_site("down", "crl")
    for methods, more, why in DOWN:
        lines = trustpoint("TP", more).replace("revocation-check none", "revocation-check " + methods)
        reconfigure(site, extra=lines)
        if why:
            refused(site, why)
        else:
            both(site)
    return "; ".join("%s%s: %s" % (m, ", " + o if o else "", w or "up") for m, o, w in DOWN)


@case("OCSP is down, the CRL is there: `revocation-check ocsp crl` goes by the CRL")
def second_method():
    ca, good, bad = revocable()
    site = revocation_site("second", "ocsp crl")
    ca.write_crl(os.path.join(site.web.directory, "ca.crl"), [bad])
    site.web.start()
    both(site)
    swap(site, bad)
    return refused(site, "cert-revoked")


@case("a CRL server that takes the connection and says nothing: the negotiation waits, `crl none` lets it pass")
def silent_server():
    site = revocation_site("silent", "crl none")
    site.ca_ns.start("silent", "/usr/bin/python3", "-c", "import socket, time\ns = socket.create_server(('10.9.0.2', 80))\nwhile True: time.sleep(9)")
    wait_for("the silent server", lambda: site.ca_ns.run("ss", "-Hltn", "sport = :80").stdout.strip(), 5)
    up(site, "culvert", 40)
    ping_until(site.left, site.right_address, 5)


@case("a CRL that takes three seconds to come: strongSwan repeats IKE_AUTH, and is answered once it is there")
def slow_server():
    ca, _, bad = revocable()
    site = revocation_site("slow", "crl")
    ca.write_crl(os.path.join(site.web.directory, "ca.crl"), [bad])
    site.web.start(delay=3)
    up(site, "strongswan")
    ping_until(site.left, site.right_address, 5)
    check("retransmit 1 of request with message ID 1" in site.peer.log_text(), "strongSwan did not have to wait")
    check_equal(site.web.asked("/ca.crl"), 1, "fetches of the CRL")


if __name__ == "__main__":
    if available():
        print(available())
        sys.exit(77)
    main()
