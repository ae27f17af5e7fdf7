"""culvert and strongSwan with certificates: the CAs and certificates that cases share, sites that hold them, and how to go up, down and be refused."""
import re
import time

from capture import Capture, datagrams
from case import check, check_equal
from culvert import ECP1, GCM, MAP_FLOW, config
from net import sh, wait_for
from pki_files import Authority, Server, chain_of, give, install
from topology import ikev1_site, strongswan_site
from traffic import ping, ping_until

LEFT, RIGHT = "left.example", "right.example"
WEB, OCSP = "http://10.9.0.2", "http://10.9.0.2:2560"

_made = {}


def once(name, make):
    """CAs and certificates that several cases share are made once."""
    if name not in _made:
        _made[name] = make()
    return _made[name]


def root(kind="p256", name=None):
    return once("root " + (name or kind), lambda: Authority(name or "Root-" + kind, kind))


def end(side, kind="p256", ca=None):
    """The plain certificate of left or right, from the root of its kind."""
    ca = ca or root(kind)
    return once("%s %s %s" % (side, kind, ca.name), lambda: ca.issue(side, [side + ".example"], kind))


def trustpoint(name="TP", more=""):
    return "crypto pki trustpoint %s\n revocation-check none%s" % (name, "\n " + more if more else "")


def profile(*trustpoints, local="rsa-sig", remote="rsa-sig"):
    return "\n".join([" authentication local %s" % local, " authentication remote %s" % remote] +
                     [" pki trustpoint %s" % t for t in trustpoints or ("TP",)])


def method(kind):
    return "rsa-sig" if kind.startswith("rsa") else "ecdsa-sig"


def revocable():
    """A CA with addresses for its CRL and responder; a certificate of right that is good, and one that is revoked."""
    ca = once("revoking", lambda: Authority("Revoking", "p256", crl=WEB + "/ca.crl", ocsp=OCSP))
    good = end("right", ca=ca)
    bad = once("revoked", lambda: ca.issue("right-revoked", [RIGHT], "p256"))
    return ca, good, bad


def site_of(title, kind="p256", trust=None, ours=None, theirs=None, proof=None, culvert_args=None, strongswan_args=None, chain=(),
            intermediates=(), strongswan_extra="", local_auth="", anchors=None, server=False, theirs_kind=None, version=2, suite=ECP1):
    """A culvert and a strongSwan with certificates, running. ours, theirs: Certificate; trust: text of the trust-points; anchors:
    {trust-point: (CA, own)}, in the order of their installation; server: a namespace for CRLs and OCSP, 10.9.0.2."""
    ours, theirs = ours or end("left", kind), theirs or end("right", theirs_kind or kind)
    anchors = {"TP": (theirs.issuer, ours)} if anchors is None else anchors
    their_args = dict(local_id=RIGHT, remote_id=LEFT, remote_auth="auth = pubkey",
                      local_auth="auth = pubkey\n certs = %s.pem\n %s" % (theirs.name, local_auth))
    their_args.update(strongswan_args or {})
    if version == 2:
        args = dict(local_id="fqdn " + LEFT, remote_id="fqdn " + RIGHT, extra=trust or trustpoint(),
                    certificates=proof or profile(local=method(kind), remote=method(theirs_kind or kind)))
        args.update(culvert_args or {})
        site = strongswan_site(title, culvert_args=args, strongswan_args=their_args, start=False, strongswan_extra=strongswan_extra)
        site.flow = "Tunnel1"
    else:
        args = dict(remote_id="host " + RIGHT, extra=trust or trustpoint(), authentication=method(kind),
                    profile=proof or " self-identity fqdn %s\n ca trust-point TP" % LEFT)
        args.update(culvert_args or {})
        site = ikev1_site(title, suite, start=False, strongswan_args=their_args, strongswan_extra=strongswan_extra, **args)
        site.flow = MAP_FLOW
    for i, (name, (anchor, own)) in enumerate(anchors.items()):
        install(site.culvert, name, anchor, own, chain or (chain_of(own) if own else ()), 2 * i + 2)
    give(site.peer, {id(c): c for c in (top(ours), top(theirs))}.values(), theirs, intermediates)
    if server:
        add_server(site)
    site.culvert_args = args
    site.culvert.start()
    site.peer.start(site.peer_conf)
    return site


def add_server(site):
    """A kernel interface beside the data plane's ports, as for management, and a web server that is not started yet."""
    site.ca_ns = site.lab.ns("ca")
    site.lab.veth(site.culvert.ns, "mgmt0", site.ca_ns, "eth0")
    site.culvert.ns.address("mgmt0", "10.9.0.1/24")
    site.ca_ns.address("eth0", "10.9.0.2/24")
    site.web = Server(site.ca_ns, site.lab.mkdir("www"))


def reconfigure(site, **changes):
    """Another configuration, by reload."""
    site.culvert_args = dict(site.culvert_args, **changes)
    site.culvert.write_config(config(transform=GCM, **site.culvert_args))
    site.culvert.reload()


def top(c):
    while c.issuer:
        c = c.issuer
    return c


def up(site, by, timeout=20):
    if by == "culvert":
        site.culvert.up(site.flow, timeout=timeout)
    else:
        site.peer.initiate(timeout=timeout)
    site.culvert.wait_up(interface=site.flow)
    check_equal(site.culvert.session(site.flow)["initiator"], by == "culvert", "who culvert says initiated")


def down(site, by):
    if by == "culvert":
        site.culvert.down(site.flow)
    else:
        site.peer.terminate()
    site.culvert.wait_down(interface=site.flow)
    wait_for("strongSwan to have no SA", lambda: not site.peer.established(), 8)


def both(site, between=None):
    """Up from both sides with echo replies."""
    for by in ("culvert", "strongswan"):
        up(site, by)
        ping_until(site.left, site.right_address, 5)
        sent, received = ping(site.left, site.right_address, 3, 0.05)
        check_equal(received, sent, "echo replies, started by " + by)
        if between:
            between(by)
        down(site, by)


def signed_with(site):
    """What strongSwan says of the last two proofs: ours that it has verified, and its own."""
    text = site.peer.log_text()
    theirs = re.findall(r"authentication of '[^']*' \(myself\) with (.+?) successful", text)
    ours = re.findall(r"authentication of '[^']*' with (.+?) successful", text)
    return (ours[-1] if ours else None, theirs[-1] if theirs else None)


def sub(side, kind="p256", above=None, pathlen=0):
    above = above or root(kind)
    return once("sub %s %s" % (side, kind), lambda: Authority("Sub-%s-%s" % (side, kind), kind, issuer=above, pathlen=pathlen))


def error(site):
    """The session's last error: reason, text, at; {} when there is none."""
    session = site.culvert.session(site.flow)
    return session["last_error"] or {} if session else {}


def negotiate(site, by, timeout=8):
    """One negotiation that must fail: what the command that began it printed, and culvert's reason in its log."""
    logged = len(site.culvert.log_text())
    role = r"conn \d+ I, " if by == "culvert" else r"(?:conn \d+ R, )?[0-9.]+:"  # a failed peer's connection may be gone by then
    line = re.compile(r" session: \(%s[^)]*\) %s: ([a-z-]+): " % (role, re.escape(site.flow)))
    if by == "culvert":
        r = site.culvert.up(site.flow, timeout=timeout, check=False)
        check(r.returncode != 0, "`up` says that it is up")
    else:
        if site.flow == MAP_FLOW:
            time.sleep(1.1)  # the same reason is told once in a second, whoever asks (v1_blame); and of G13 strongSwan hears nothing
            timeout = 3
        r = site.peer.initiate(timeout=timeout, check=False)
        check(r.returncode != 0, "strongSwan says that it is up")
    found = wait_for("culvert's reason in its log, started by " + by, lambda: line.search(site.culvert.log_text()[logged:]), 5)
    check(not site.culvert.is_up(site.flow), "it came up, started by " + by)
    check(not site.peer.installed(), "strongSwan has a child, started by " + by)
    wait_for("strongSwan to have no IKE SA, started by " + by, lambda: not site.peer.established(), 5)
    return r.stdout + r.stderr, found.group(1)


def refused(site, why, notify="AUTHENTICATION_FAILED", by=("culvert", "strongswan")):
    """Refused whoever begins, with that reason, and strongSwan is told. notify None: it is told nothing. Returns culvert's sentence."""
    for who in by:
        seen = len(site.peer.log_text())
        said, logged = negotiate(site, who)
        check_equal(logged, why, "culvert's reason in its log, started by " + who)
        check_equal(error(site).get("reason"), why, "culvert's reason, started by " + who)
        if who == "culvert":
            check(why in said, "`up` says: %s" % said.strip())
        if notify:
            wait_for("%s in strongSwan's log" % notify, lambda: re.search(r"parsed .*N\((%s|AUTH_FAILED)\)" % notify,
                                                                          site.peer.log_text()[seen:]), 5)
    return error(site)["text"]


def long_chain(title, ours_more, strongswan_args=None, strongswan_extra="", version=2):
    """Both ends send two certificates of RSA 4096. Returns what was on the wire: sizes and numbers of IKE and IP fragments."""
    ca = root("rsa")
    below = once("sub 4096", lambda: Authority("Sub-4096", "rsa4096", issuer=ca))
    ours, theirs = (once(s + " 4096", lambda s=s: below.issue(s, [s + ".example"], "rsa4096")) for s in ("left", "right"))
    site = site_of(title, "rsa", ours=ours, theirs=theirs, anchors={"TP": (ca, ours)}, intermediates=[below],
                   culvert_args={"extra": trustpoint() + "\n" + ours_more}, strongswan_args=strongswan_args,
                   strongswan_extra=strongswan_extra, version=version)
    capture = Capture(site.peer.ns, "out0", what="udp or ip[6:2] & 0x3fff != 0")
    both(site)
    path = capture.stop()
    seen = [d for d in datagrams(path) if d.ike and len(d.ike) > 28]
    longest = max(len(d.data) + 28 for d in seen)
    pieces = sum(d.ike[16] in (53, 132) for d in seen)  # Encrypted Fragment (RFC 7383 2.5), Cisco's of IKEv1
    torn = sh("tcpdump", "-nr", path, "ip[6:2] & 0x3fff != 0").stdout.count("\n")
    return longest, pieces, torn


def swap(site, theirs):
    """strongSwan gets another certificate."""
    give(site.peer, [top(theirs)], theirs)
    site.peer_conf = re.sub(r"certs = \S+", "certs = %s.pem" % theirs.name, site.peer_conf)
    site.peer.load(site.peer_conf)
