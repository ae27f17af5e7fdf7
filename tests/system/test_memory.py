#!/usr/bin/python3
"""Keys that are done with are nowhere in the control process's memory. The peer, strongSwan, writes down every secret of every negotiation; what it
names is looked for in all of culvertd's processes: while the tunnel is up (else the search would prove nothing), after rekeys, and after the end."""
import hashlib
import hmac
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import culvert as cv  # noqa: E402
import strongswan as ss  # noqa: E402
from case import case, check, check_equal, main  # noqa: E402
from memory import memory_holds, round_keys  # noqa: E402
from net import LabError, wait_for  # noqa: E402
from topology import ikev1_site, strongswan_site  # noqa: E402
from traffic import ping  # noqa: E402

SHORTEST = 12  # octets of a needle: an initial vector or a nonce is no secret
LINGER_S = 61  # a replaced child receives for so long
_conf = ss.strongswan_conf


def _telling(*args, **more):
    return _conf(*args, **more).replace("ike = 2", "ike = 4\n      chd = 4\n      lib = 4")


ss.strongswan_conf = _telling
SECRET = re.compile(r"((?:\w[\w ]* )?(?:secret|key|key K[ab]|SKEYSEED|SKEYID\w*|KEYMAT\w*)) => (\d+) bytes")
PUBLIC = re.compile(r"public|seed|nonce|initial IV|octets|hash|digest", re.I)


def secrets(site):
    """Of strongSwan's log so far: name with its place in the log, to octets."""
    found, current, left = {}, None, 0
    for n, line in enumerate(site.peer.log_text().splitlines()):
        m = SECRET.search(line)
        if m:
            current, left = None if PUBLIC.search(m.group(1)) else "%s (line %d)" % (m.group(1), n), int(m.group(2))
            if current:
                found[current] = b""
            continue
        m = re.search(r"\]\s+\d+: ((?:[0-9A-F]{2} ?)+)", line)
        if m and current and left > 0:
            octets = bytes.fromhex(m.group(1))[:left]
            found[current] += octets
            left -= len(octets)
    return {k: v for k, v in found.items() if len(v) >= SHORTEST}


def needles(known):
    """What would give a secret away: its beginning, its end, and AES's round keys of it."""
    out = {}
    for name, octets in known.items():
        out[name] = octets[:16]
        if len(octets) >= 32:
            out[name + ", its end"] = octets[-16:]
        if len(octets) in (16, 20, 32, 36):  # a salt may stand behind it
            key = octets[:len(octets) // 16 * 16]
            out[name + ", second round key"] = round_keys(key)[2]
            out[name + ", last round key"] = round_keys(key)[-1]
    pad = hmac.new(b"secret", b"Key Pad for IKEv2", hashlib.sha256).digest()
    out["prf(PSK, Key Pad for IKEv2)"] = pad[:16]  # RFC 7296 2.15
    return out


def held(site, wanted):
    found = set()
    for pid in site.culvert.pids("culvertd"):
        found |= memory_holds(pid, wanted)
    return sorted(found)


def gone(site, wanted, what):
    """None of that is in memory, at once or a moment later: timers of a loaded machine are late."""
    try:
        wait_for(what, lambda: not held(site, wanted), 1)
    except LabError:
        check_equal(held(site, wanted), [], what)


def told_apart(site, ike, interface):
    """What another IKE SA, or another child, has another of; None while there is none, or both."""
    if ike:
        ids = [s["spi_i"] for s in site.culvert.json("show", "crypto", "ikev2", "sa")["sas"]]
        return ids[0] if len(ids) == 1 else None
    flow = site.culvert.flow(interface)
    return flow["inbound"]["spi"] if flow else None


def lives(site, again=True, interface="Tunnel1"):
    wait_for("the tunnel", lambda: site.culvert.is_up(interface), 20, 0.1)
    check_equal(ping(site.left, site.right_address, 3)[1], 3, "pings")
    first = secrets(site)
    check(len(first) >= 8, "secrets in the peer's log: %s" % sorted(first))
    used = held(site, needles(first))
    check(any("d secret" in n.lower() or "SKEYID_d" in n for n in used), "the search finds of a tunnel that is up only %s" % used)
    replaced = 0
    if again:
        for ike in (False, True):
            was = told_apart(site, ike, interface)
            site.culvert.rekey(ike=ike)
            wait_for("another %s SA" % ("IKE" if ike else "child"), lambda i=ike, w=was: told_apart(site, i, interface) not in (w, None), 10)
        time.sleep(LINGER_S + 1)
        gone(site, needles(first), "secrets of replaced SAs in memory")
        replaced = len(first)
        check(len(secrets(site)) > len(first), "the rekeys' secrets")
    known = secrets(site)
    site.culvert.down(interface)
    gone(site, needles(known), "secrets of a tunnel that is down in memory")
    if os.environ.get("CULVERT_TEST_KEEP"):
        print("secrets: %s\nfound while up: %s" % (sorted(known), used))
    return "%d of %d strings found while up; %d secrets gone after rekeys, %d after the end" % (
        len(used), len(needles(first)), replaced, len(known))


@case("IKEv2, AES-GCM, culvert begins: nothing stays after rekeys, nothing after the end")
def gcm_initiator():
    site = strongswan_site("gcm")
    site.culvert.up()
    return lives(site)


@case("IKEv2, CBC and HMAC, strongSwan begins: nothing stays")
def cbc_responder():
    site = strongswan_site("cbc", cv.CBC, 14)
    site.peer.initiate()
    return lives(site, again=False)


@case("IKEv1 Main and Quick Mode: nothing stays")
def main_mode():
    site = ikev1_site("v1", cv.ECP1)
    site.culvert.up(cv.MAP_FLOW)
    return lives(site, again=False, interface=cv.MAP_FLOW)


@case("a negotiation that fails for its key leaves nothing")
def wrong_key():
    site = strongswan_site("wrong", culvert_args={"psk": "another"})
    site.culvert.up(check=False, timeout=5)
    site.culvert.down(check=False)
    wait_for("secrets in the peer's log", lambda: len(secrets(site)) >= 5, 5)
    gone(site, needles(secrets(site)), "secrets in memory")


if __name__ == "__main__":
    main()
