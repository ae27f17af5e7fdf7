#!/usr/bin/python3
"""ike-scan's probes: Main Mode is answered properly; Aggressive Mode gives nothing away unless it is configured."""
import re
import shutil

from case import Skip, case, check, main
from culvert import AES1
from topology import ikev1_site

# encryption/key length, hash, authentication, group: RFC 2409 Appendix A. 7/128 AES, 2 SHA-1, 1 pre-shared key, 14.
OURS = "7/128,2,1,14"
OTHER = "5,1,1,2"


def site_of(**args):
    if not shutil.which("ike-scan"):
        raise Skip("ike-scan is not installed")
    site = ikev1_site("scan", AES1, start=False, **args)
    site.culvert.start()
    return site


def scan(site, *args):
    out = site.peer_ns.run("ike-scan", "--sport=500", "--retry=2", "--timeout=700", *args, "192.0.2.1", check=False, timeout=30).stdout
    return out


@case("Main Mode with our transform: handshake with that transform, and our vendor IDs")
def main_mode():
    out = scan(site_of(), "--trans=" + OURS, "-M")
    check("Main Mode Handshake returned" in out, "no handshake: %s" % out)
    chosen = re.search(r"SA=\[([^]]*)", out.replace("(", "[").replace(")", "]"))
    for what in ("Enc=AES", "KeyLength=128", "Hash=SHA1", "Group=14", "Auth=PSK"):
        check(chosen and what in chosen.group(1), "the chosen transform lacks %s: %s" % (what, out))
    check("VID" in out, "no vendor ID: %s" % out)


@case("Main Mode with nothing in common: a NO-PROPOSAL-CHOSEN notify, no handshake")
def no_proposal():
    out = scan(site_of(), "--trans=" + OTHER, "-M")
    check("Handshake returned" not in out.replace("0 returned handshake", ""), "a handshake: %s" % out)
    check("NO-PROPOSAL-CHOSEN" in out, "no notify: %s" % out)


@case("Main Mode from an address that has no key: no handshake")
def no_key():
    site = site_of()
    site.peer_ns.run("ip", "addr", "add", "192.0.2.9/24", "dev", "out0")
    out = site.peer_ns.run("ike-scan", "--sport=500", "--bindip=192.0.2.9", "--retry=2", "--timeout=700", "--trans=" + OURS,
                           "192.0.2.1", check=False, timeout=30).stdout
    check("Main Mode Handshake returned" not in out, "a handshake: %s" % out)


@case("Aggressive Mode where nothing asks for it: no handshake, no hash for a dictionary")
def aggressive_off():
    out = scan(site_of(), "-A", "--trans=" + OURS, "--id=right.example", "--idtype=2", "--dhgroup=14", "-M")
    check("Aggressive Mode Handshake returned" not in out, "a handshake: %s" % out)
    check("Hash" not in re.sub(r"Hash=\w+", "", out), "a hash: %s" % out)


@case("Aggressive Mode with a host-name key: answered")
def aggressive_on():
    args = dict(remote_id="host right.example", keyring="pre-shared-key hostname right.example key secret",
                profile=" self-identity fqdn left.example")
    out = scan(site_of(**args), "-A", "--trans=" + OURS, "--id=right.example", "--idtype=2", "--dhgroup=14", "-M")
    check("Aggressive Mode Handshake returned" in out, "no handshake: %s" % out)


@case("`crypto isakmp aggressive-mode disable` silences it")
def aggressive_disabled():
    out = scan(site_of(remote_id="host right.example", keyring="pre-shared-key hostname right.example key secret",
                       profile=" self-identity fqdn left.example", extra="crypto isakmp aggressive-mode disable"),
               "-A", "--trans=" + OURS, "--id=right.example", "--idtype=2", "--dhgroup=14", "-M")
    check("Aggressive Mode Handshake returned" not in out, "a handshake: %s" % out)


@case("Aggressive Mode for an identity without a key: nothing that tells which identities exist")
def aggressive_unknown():
    out = scan(site_of(remote_id="host right.example", keyring="pre-shared-key hostname right.example key secret",
                       profile=" self-identity fqdn left.example"),
               "-A", "--trans=" + OURS, "--id=stranger.example", "--idtype=2", "--dhgroup=14", "-M")
    check("Aggressive Mode Handshake returned" not in out, "a handshake: %s" % out)


if __name__ == "__main__":
    main(needs_strongswan=False)
