#!/usr/bin/python3
"""IKEv1 against libreswan. On a kernel without ESP its IKE is whole up to what needs the kernel: Main and Aggressive Mode both ways, and
Quick Mode that libreswan starts up to the answer. Complete tunnels: in the guest, test_ikev1_guest.py."""
from case import Skip, add_case, case, check, check_equal, main
from culvert import AES1, ECP1, MAP_FLOW, SUITES1
from net import wait_for
from topology import ikev1_site
import libreswan

# libreswan 4.10 has neither MODP-1024 nor MD5 for new connections.
SUITES = [s for s in SUITES1.values() if s.group != 2]


def need():
    reason = libreswan.available()
    if reason:
        raise Skip(reason)


def site_of(suite, more="pfs=no", **args):
    need()
    return ikev1_site("lsw", suite, peer="libreswan", libreswan_more=more, **args)


def established(site):
    return [line for line in site.peer.states() if "IKE SA established" in line or "ISAKMP SA established" in line]


def main_mode(suite, by):
    site = site_of(suite)
    with site.lab:
        if by == "culvert":
            site.culvert.up(MAP_FLOW, timeout=8, check=False)
        else:
            site.peer.initiate(asynchronous=True)
        wait_for("libreswan's phase 1", lambda: established(site), 15)
        if by == "libreswan":  # it installs after QM2: all of Quick Mode but QM3 has passed
            wait_for("libreswan to have culvert's QM2", lambda: "sent Quick Mode request" in site.peer.log_text()
                     and ("IPsec SA established" in site.peer.log_text() or "netlink" in site.peer.log_text()
                          or "ERROR" in site.peer.log_text()), 10)
        else:
            wait_for("libreswan to have judged QM1", lambda: "responding to Quick Mode proposal" in site.peer.log_text(), 10)
        log = site.peer.log_text()
        for bad in ("PAYLOAD_MALFORMED", "malformed payload", "INVALID_HASH", "probable authentication failure"):
            check(bad not in log, "libreswan says %s" % bad)
        check_equal(site.culvert.session(MAP_FLOW)["ike_version"], 1, "version of IKE")


for s_ in SUITES:
    for by_ in ("culvert", "libreswan"):
        add_case("Main Mode, %s, started by %s" % (s_.name, by_), lambda s=s_, b=by_: main_mode(s, b))


@case("Aggressive Mode started by libreswan, host-name keys")
def aggressive():
    site = site_of(AES1, more="pfs=no\naggressive=yes\nleftid=@right.example\nrightid=@left.example",
                   remote_id="host right.example", keyring="pre-shared-key hostname right.example key secret",
                   profile=" self-identity fqdn left.example")
    site.lab.write("libreswan/secrets", libreswan.secrets(ids=("@right.example", "@left.example")))
    site.peer.whack("--rereadsecrets")
    site.peer.initiate(asynchronous=True)
    wait_for("libreswan's phase 1", lambda: established(site), 15)


@case("libreswan deletes the IKE SA: culvert lets go of it")
def delete():
    site = site_of(ECP1)
    site.peer.initiate(asynchronous=True)
    wait_for("libreswan's phase 1", lambda: established(site), 15)
    site.peer.terminate()
    wait_for("culvert to have no IKE SA", lambda: site.culvert.session(MAP_FLOW)["status"] == "DOWN", 10)


if __name__ == "__main__":
    main(needs_strongswan=False)
