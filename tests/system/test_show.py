#!/usr/bin/python3
"""What show, clear and debug say of two live gateways: IKEv1 and IKEv2; tunnel, GRE, static and dynamic crypto map."""
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from case import add_case, case, check, check_equal, main  # noqa: E402
from culvert import ROOT  # noqa: E402
from net import LabError, wait_for  # noqa: E402
from show_site import FLOWS, IDENTS, INSIDE, PATH, SECRET, STYLES, Pair, follow, followed, with_two_peers  # noqa: E402
from topology import reference_pair  # noqa: E402

UDP, ESP = 17, 50
with open(os.path.join(ROOT, "docs", "reference", "json.md")) as page:
    DOCUMENTED = page.read()
SHOWS = ("crypto session", "crypto session detail", "crypto session brief", "crypto isakmp sa", "crypto isakmp sa detail",
         "crypto isakmp sa count", "crypto isakmp key", "crypto isakmp profile", "crypto isakmp policy",
         "crypto isakmp default policy", "crypto isakmp peers", "crypto ikev2 sa", "crypto ikev2 sa detailed",
         "crypto ikev2 session", "crypto ikev2 session detailed",
         "crypto ikev2 profile", "crypto ikev2 policy", "crypto ikev2 proposal", "crypto ikev2 stats", "crypto ipsec sa",
         "crypto ipsec sa detail", "crypto ipsec sa count", "crypto ipsec profile", "crypto ipsec transform-set", "crypto map",
         "crypto decisions", "crypto decisions peer 192.0.2.2", "crypto debug-condition", "access-lists", "vrf", "debugging",
         "interfaces", "ip route", "platform dataplane", "platform memory", "running-config", "version")
# Objects whose keys are names of what is counted: tables of their own in the reference.
NAMED_KEYS = ("drops", "counters")


def keys_of(value):
    """Every key of a JSON value."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield k
            if k not in NAMED_KEYS:
                yield from keys_of(v)
    elif isinstance(value, list):
        for v in value:
            yield from keys_of(v)


def everything(gateway):
    """Runs every show command as text and as JSON; returns the texts by command."""
    texts = {}
    for command in SHOWS:
        texts[command] = gateway.cli("show", *command.split()).stdout
        answer = gateway.json("show", *command.split())
        check(isinstance(answer, dict), "show %s --json is no object" % command)
        undocumented = sorted({k for k in keys_of(answer) if not re.search(r"\b%s\b" % re.escape(k), DOCUMENTED)})
        check(not undocumented, "keys of show %s that docs/reference/json.md does not have: %s" % (command, undocumented))
        check(SECRET not in texts[command] + json.dumps(answer), "show %s prints a key" % command)
    return texts


def has(text, *parts):
    for part in parts:
        check(part in text, "%r is not in:\n%s" % (part, text))


def told(process, *parts):
    """Waits until a debug client has printed all of these; its lines."""
    try:
        wait_for("debug lines", lambda: all(part in followed(process) for part in parts), 3)
    except LabError:
        has(followed(process), *parts)
    return followed(process)


def shown_of_ike(pair, gateway, texts):
    own, far = ("192.0.2.1", "192.0.2.2") if gateway is pair.left else ("192.0.2.2", "192.0.2.1")
    if pair.version == 1:
        check(re.search(r"^192\.0\.2\.2 +192\.0\.2\.1 +QM_IDLE +%d ACTIVE$" % pair.session(gateway)["conn_id"],
                        texts["crypto isakmp sa"], re.M), "the SA, dst and src as the initiator has them:\n%s" % texts["crypto isakmp sa"])
        check(re.search(r"^\d+ +%s +%s +ACTIVE aes +sha256 psk +19 " % (re.escape(own), re.escape(far)),
                        texts["crypto isakmp sa detail"], re.M), "the SA in detail:\n%s" % texts["crypto isakmp sa detail"])
        has(texts["crypto isakmp sa count"], "Active ISAKMP SA's: 1\n", "Currently being negotiated ISAKMP SA's: 0\n")
        has(texts["crypto isakmp peers"], "Peer: %s Port: 500 Local: %s\n Phase1 id: %s" % (far, own, far))
        has(texts["crypto isakmp key"], "KR           %s" % far, "********")
        has(texts["crypto isakmp profile"], "IKEv1 PROFILE PF\n", "ip-address %s 255.255.255.255\n" % far, "keyring(s): KR\n")
        has(texts["crypto isakmp policy"], "Protection suite of priority 10", "#19 (256 bit)", "(256 bit keys)")
        has(texts["crypto isakmp default policy"], "not in use")
        check_equal(texts["crypto ikev2 sa"].strip(), "", "IKEv2 SAs")
        return
    check(re.search(r"^\d+ +%s:500 +%s:500 +none/none +READY$" % (re.escape(own), re.escape(far)), texts["crypto ikev2 sa"], re.M),
          "the SA:\n%s" % texts["crypto ikev2 sa"])
    has(texts["crypto ikev2 sa detailed"], "Encr: AES-CBC, keysize: 256, PRF: SHA256, Hash: SHA256, DH Grp:19, Auth sign: PSK",
        "Status Description:", "Initiator of SA : %s" % ("Yes" if gateway is pair.left else "No"), "Local id: %s" % own)
    has(texts["crypto ikev2 profile"], "IKEv2 profile: PF\n", "address %s 255.255.255.255\n" % far, "Keyring: KR\n")
    has(texts["crypto ikev2 policy"], "IKEv2 policy : POL\n", "Proposal    : PROP")
    has(texts["crypto ikev2 proposal"], "IKEv2 proposal: PROP\n", "AES-CBC-256", "DH_GROUP_256_ECP/Group 19")
    check("QM_IDLE" not in texts["crypto isakmp sa"], "an IKEv1 SA: %s" % texts["crypto isakmp sa"])


def shown_of_sessions(pair, texts):
    place = "Tunnel1" if pair.style in ("ipsec", "gre") else "Ethernet0/0"
    for command in ("crypto session", "crypto session detail"):
        has(texts[command], "Interface: %s\n" % place, "Profile: PF\n", "Session status: UP-ACTIVE\n", "Peer: 192.0.2.2 port 500",
            "IKEv%d SA: local 192.0.2.1/500 remote 192.0.2.2/500 Active\n" % pair.version, "IPSEC FLOW: %s\n" % FLOWS[pair.style],
            "Active SAs: 2, origin: crypto map\n")
    has(texts["crypto session detail"], "fvrf: (none) ivrf: (none)", "Phase1_id: 192.0.2.2", "connid:%d " % pair.session()["conn_id"])
    check(re.search(r"^192\.0\.2\.2 .* UA$", texts["crypto session brief"], re.M), "in brief:\n%s" % texts["crypto session brief"])


def shown_of_ipsec(pair, texts):
    flow, text = pair.flow(), texts["crypto ipsec sa"]
    has(text, "local  ident (addr/mask/prot/port): (%s)" % IDENTS[pair.style], "transform: esp-aes esp-sha256-hmac ,",
        "in use settings ={Tunnel, }", "current outbound spi: 0x%08X(%d)" % ((flow["outbound"]["spi"],) * 2),
        "#pkts encaps: %d, #pkts encrypt: %d" % ((flow["outbound"]["packets"],) * 2),
        "#pkts decaps: %d, #pkts decrypt: %d" % ((flow["inbound"]["packets"],) * 2),
        "plaintext mtu %d, path mtu %d, ip mtu %d, ip mtu idb Ethernet0/0" % (INSIDE, PATH, PATH))
    check(flow["inbound"]["packets"] > 0, "packets of the flow: %s" % flow)
    check_equal(flow["inbound"]["spi"], pair.flow(pair.right)["outbound"]["spi"], "the SPI at both ends")
    has(texts["crypto ipsec sa count"], "IPsec SA total: 2, active: 2, rekeying: 0")


def shown_of_maps(pair, left, right):
    if pair.style in ("ipsec", "gre"):
        line = "permit gre host 192.0.2.1 host 192.0.2.2" if pair.style == "gre" else "permit ip any any"
        has(left["crypto map"], 'Crypto Map IPv4 "Tunnel1-head-0" 65536 ipsec-isakmp', "Profile name: IPP", line, "Peer = 192.0.2.2")
        has(left["interfaces"], "Tunnel protocol/transport %s" % ("GRE/IP" if pair.style == "gre" else "IPSEC/IP"),
            "Tunnel transport MTU %d bytes" % (INSIDE - 24 if pair.style == "gre" else INSIDE))
    else:
        has(left["crypto map"], 'Crypto Map IPv4 "MAP" 10 ipsec-isakmp', "Current peer: 192.0.2.2",
            "access-list TRAFFIC permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255",
            "Interfaces using crypto map MAP:\n                Ethernet0/0\n")
        has(left["access-lists"], "10 permit ip 10.1.0.0 0.0.255.255 10.2.0.0 0.0.255.255")
    if pair.style == "dynamic":
        has(right["crypto map"], 'Crypto Map Template "DYN" 10', "Dynamic map template tag: DYN", "Peer = 192.0.2.1",
            "permit ip 10.2.0.0 0.0.255.255 10.1.0.0 0.0.255.255", "dynamic (created from dynamic map DYN/10)")
        entry = [m for m in pair.right.json("show", "crypto", "map")["maps"] if m["dynamic_map"] == "DYN"][0]
        check_equal([i["peer"] for i in entry["instances"]], ["192.0.2.1"], "peers of the dynamic map")


def shown_decisions(pair):
    of_peer = pair.left.json("show", "crypto", "decisions", "peer", "192.0.2.2")["decisions"]
    rules = {d["rule"] for d in of_peer}
    check("PF-1" in rules and ("KR-2" if pair.version == 1 else "KR-11") in rules, "rules of the decisions: %s" % rules)
    check(all(d["peer"] == "192.0.2.2" and d["ike_version"] == pair.version for d in of_peer), "decisions: %s" % of_peer)
    check_equal(pair.left.json("show", "crypto", "decisions", "peer", "192.0.2.99")["decisions"], [], "decisions of another peer")


def mtu_is_so(pair):
    """What is shown as the largest packet goes through whole, one octet more does not."""
    fits = INSIDE - 24 if pair.style == "gre" else INSIDE
    check_equal(pair.ping(size=fits), 1, "echo replies with %d octets" % fits)
    check_equal(pair.ping(size=fits + 1, timeout=1), 0, "echo replies with %d octets and DF" % (fits + 1))


def sas(pair, gateway):
    return gateway.json("show", "crypto", "isakmp" if pair.version == 1 else "ikev2", "sa")["sas"]


def down(pair):
    for g in (pair.left, pair.right):
        wait_for("the session of %s to be down" % g.name,
                 lambda g=g: not sas(pair, g) and not (pair.session(g) or {"flows": []})["flows"], 15)


def clears(pair):
    """Each clear takes what it names at both ends, and the tunnel can be raised again."""
    conn, spi = pair.session()["conn_id"], pair.flow()["inbound"]["spi"]
    pair.left.cli("clear", "crypto", "sa", "peer", "192.0.2.9")
    check_equal(pair.flow()["inbound"]["spi"], spi, "the SPI after a clear of another peer's SAs")
    pair.left.cli("clear", "crypto", "sa", "peer", "192.0.2.2")
    pair.raise_tunnel()
    check(pair.flow()["inbound"]["spi"] != spi, "the SA pair is the same after clear crypto sa")
    check_equal(pair.session()["conn_id"], conn, "the IKE SA's number after clear crypto sa")
    spi = pair.flow()["inbound"]["spi"]
    check_equal(pair.left.json("clear", "crypto", "sa", "spi", "0x%08x" % spi), {"cleared": 1}, "clear by SPI")
    pair.raise_tunnel()
    other = ("isakmp",) if pair.version == 2 else ("ikev2", "sa")
    check_equal(pair.left.json("clear", "crypto", *other), {"cleared": 0}, "SAs of the other version")
    if pair.version == 1:
        pair.left.cli("clear", "crypto", "isakmp", str(conn))
    else:
        pair.left.cli("clear", "crypto", "ikev2", "sa", "remote", "192.0.2.2")
    down(pair)
    pair.raise_tunnel()
    check(pair.session()["conn_id"] != conn, "the IKE SA has the number of the cleared one")
    pair.right.cli("clear", "crypto", "session", "remote", "192.0.2.1")
    down(pair)
    check(pair.session()["status"].startswith("DOWN"), "status: %s" % pair.session()["status"])


def carried(pair, gateway):
    return [f for m in gateway.json("show", "crypto", "map")["maps"] for f in m["flows"]]


def lines_keep_count(pair):
    """What the line of a crypto map has carried stays when its SAs are replaced, and goes on."""
    left, right = carried(pair, pair.left), carried(pair, pair.right)
    check_equal([f["interface"] for f in left], ["MAP#10.10"], "flows of the map")
    check(left[0]["tx_packets"] >= 3 and left[0]["rx_packets"] >= 3 and len(right) == 1 and right[0]["rx_packets"] >= 3,
          "packets of the flows: %s, %s" % (left, right))
    pair.left.cli("clear", "crypto", "sa", "peer", "192.0.2.2")
    pair.raise_tunnel()
    pair.ping(count=2)
    more, sa = carried(pair, pair.left)[0], pair.flow()
    for key, way in (("tx_packets", "outbound"), ("rx_packets", "inbound")):
        check(more[key] >= left[0][key] + 2 and sa[way]["packets"] < more[key], "%s of the flow: %s, was %s" % (key, more, left))
    has(pair.left.cli("show", "crypto", "map").stdout, "        Flow MAP#10.10 on Ethernet0/0: %d packets input, %d bytes, "
        "%d packets output, %d bytes\n" % tuple(more[k] for k in ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes")))


def all_of(version, style):
    def run():
        pair = Pair(version, style)
        p = follow(pair.left, "crypto", "isakmp" if version == 1 else "ikev2", "detail")
        pair.raise_tunnel()
        pair.ping(count=3)
        left, right = everything(pair.left), everything(pair.right)
        shown_of_ike(pair, pair.left, left)
        shown_of_ike(pair, pair.right, right)
        shown_of_sessions(pair, left)
        shown_of_ipsec(pair, left)
        shown_of_maps(pair, left, right)
        shown_decisions(pair)
        mtu_is_so(pair)
        if style in ("map", "dynamic"):
            lines_keep_count(pair)
        clears(pair)
        check(SECRET not in told(p, "Payload contents"), "debug prints a key")
        return "%d commands at both ends" % len(SHOWS)
    return run


for style in STYLES:
    for v in (1, 2):
        add_case("IKEv%d, %s: every show command as text and JSON, decisions, MTU, every clear" % (v, style), all_of(v, style))


@case("section 3's events of Main Mode and Quick Mode are in debug crypto isakmp and ipsec, at both ends")
def events_of_ikev1():
    pair = Pair(1, "gre")
    ends = [(g, follow(g, "crypto", "isakmp"), follow(g, "crypto", "ipsec")) for g in (pair.left, pair.right)]
    pair.raise_tunnel()
    initiator = told(
        ends[0][1], "SA request profile is PF", "Found ADDRESS key in keyring KR", "local preshared key found",
        "Can not start Aggressive mode, trying Main mode", "beginning Main Mode exchange", "Old State = IKE_READY  New State = IKE_I_MM1",
        "constructed NAT-T RFC 3947 vendor ID", "sending packet to 192.0.2.2 my_port 500 peer_port 500 (I) MM_NO_STATE",
        "Payload contents: SA VID", "received packet from 192.0.2.2 dport 500 sport 500 Global (I) MM_NO_STATE",
        "Checking ISAKMP transform 1 against priority 10 policy", "atts are acceptable", "vendor ID is DPD", "received payload type 20",
        "No NAT Found for self or peer", "SKEYID state generated", "Send initial contact", "Payload contents: ID HASH",
        "ID payload: type 1, 192.0.2.2, protocol 17, port 500, length 12", "SA authentication status: authenticated",
        "SA has been authenticated with 192.0.2.2", "peer matches PF profile", "New State = IKE_P1_COMPLETE",
        "beginning Quick Mode exchange, M-ID of", "(I) QM_IDLE", "IKE_QM_PHASE2_COMPLETE")
    responder = told(
        ends[1][1], "(N) NEW SA", "key for 192.0.2.1 found in KR", "found peer pre-shared key matching 192.0.2.1", "Old State = IKE_READY  New State = IKE_R_MM2",
        "New State = IKE_R_MM4", "peer matches PF profile", "SA has been authenticated with 192.0.2.1", "INITIAL_CONTACT",
        "Checking IPSec proposal 1")
    told(ends[0][2], "sa_request: (key eng. msg.) OUTBOUND local= 192.0.2.1:500, remote= 192.0.2.2:500", "protocol= ESP",
        "lifedur= 3600s and 4608000kb", "child SA up on Tunnel1")
    check("ISAKMP" not in followed(ends[0][2]) and "sending packet" not in followed(ends[0][2]), "debug crypto ipsec shows ISAKMP's packets")
    for line in (initiator + responder).splitlines():
        check("debugging is on" in line or re.match(r"\*[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3}: (ISAKMP:\(\d+\): +\S|%[A-Z]+-\d-)", line),
              "the form of %r" % line)


@case("section 3's events of IKEv2 are in debug crypto ikev2, at both ends; with --json each line is an object with documented keys")
def events_of_ikev2():
    pair = Pair(2, "ipsec")
    text, objects, far = (follow(pair.left, "crypto", "ikev2"), follow(pair.left, "--json", "crypto", "ikev2", "detail"),
                          follow(pair.right, "crypto", "ikev2"))
    pair.raise_tunnel()
    pair.left.cli("clear", "crypto", "session")
    told(text, "Sending Packet [To 192.0.2.2:500/From 192.0.2.1:500/VRF Global]", "Initiator SPI : ", "Message id: 0 IKE_SA_INIT request",
        "Payload contents: SA KE Ni", "Received Packet [To 192.0.2.1:500/From 192.0.2.2:500/VRF Global]", "IKE_AUTH request", "IKE_AUTH response",
        "profile: PF (PF-1)", "keyring: KR (KR-11)", "authenticated 192.0.2.2 by pre-shared key", "INFORMATIONAL request")
    told(far, "Received Packet [To 192.0.2.2:500/From 192.0.2.1:500/VRF Global]", "IKE_SA_INIT request", "profile: PF (PF-",
        "authenticated 192.0.2.1 by pre-shared key")
    lines = [json.loads(line) for line in told(objects, "INFORMATIONAL").splitlines()]
    check({o["kind"] for o in lines} == {"event", "decision", "message"}, "kinds: %s" % {o["kind"] for o in lines})
    keys = {k for o in lines for k in keys_of(o)}
    check(not [k for k in keys if '"%s"' % k not in DOCUMENTED], "keys that are not documented: %s" % keys)
    check(SECRET not in followed(text) + followed(objects) + followed(far), "debug prints a key")


def two_negotiations(version):
    """Ours goes out unanswered while one of the peer's comes in; a condition by SPI shows the one and never the other."""
    facility = "isakmp" if version == 1 else "ikev2"
    pair = Pair(version, "ipsec")
    pair.block(1, UDP)
    for g in (pair.left, pair.right):
        g.cli("up", "Tunnel1", "--timeout", "1", check=False)
    wait_for("both negotiations", lambda: len(sas(pair, pair.left)) == 2, 15)
    spi = {s["initiator"]: s["cookie_i" if version == 1 else "spi_i"] for s in sas(pair, pair.left)}
    check_equal(sorted(spi), [False, True], "one of each direction: %s" % spi)
    by_peer = follow(pair.left, "--json", "crypto", facility)
    pair.left.cli("debug", "crypto", "condition", "peer", "ipv4", "192.0.2.2")

    def seen(process):
        return {json.loads(line)["spi_i"] for line in followed(process).splitlines()}
    wait_for("lines of both by the peer's address", lambda: seen(by_peer) == set(spi.values()), 25)
    for initiator in (False, True):
        pair.left.cli("debug", "crypto", "condition", "cookie", "0x" + spi[initiator])
        one = follow(pair.left, "--json", "crypto", facility)
        wait_for("a line of %s" % spi[initiator], lambda p=one: seen(p), 25)
        other = len([line for line in followed(by_peer).splitlines() if spi[not initiator] in line])
        time.sleep(3 if version == 2 else 11)  # both are sent again meanwhile: of the other one there must be nothing
        check_equal(seen(one), {spi[initiator]}, "negotiations seen")
        check_equal(len([line for line in followed(by_peer).splitlines() if spi[not initiator] in line]), other, "lines of the other one")
        pair.left.cli("debug", "crypto", "condition", "reset")
        pair.left.cli("debug", "crypto", "condition", "peer", "ipv4", "192.0.2.2")
    has(pair.left.cli("show", "crypto", "debug-condition").stdout, "peer ipv4 192.0.2.2\n")


@case("PR-5: debug by the SPI shows one of two simultaneous IKEv2 negotiations with one peer")
def two_of_ikev2():
    two_negotiations(2)


@case("PR-5: debug by the cookie shows one of two simultaneous IKEv1 negotiations with one peer")
def two_of_ikev1():
    two_negotiations(1)


def two_peers(version):
    pair = with_two_peers(version)
    idle = pair.right.json("show", "crypto", "session")["sessions"]
    check_equal([(s["peer"], s["status"], s["flows"]) for s in idle], [(None, "DOWN", [])], "the entry before anybody comes")
    has(pair.right.cli("show", "crypto", "session").stdout, "Session status: DOWN\nPeer: any\n")
    for g in (pair.left, pair.third):
        g.cli("up", "MAP", "10")
    sessions = pair.right.json("show", "crypto", "session", "detail")["sessions"]
    check_equal(sorted((s["peer"], s["status"], [f["remote_ident"] for f in s["flows"]]) for s in sessions),
                [("192.0.2.1", "UP-ACTIVE", ["10.1.0.0/16"]), ("192.0.2.3", "UP-ACTIVE", ["10.3.0.0/16"])], "sessions")
    text = pair.right.cli("show", "crypto", "session", "remote", "192.0.2.3").stdout
    has(text, "Interface: Ethernet0/0\n", "Peer: 192.0.2.3 port 500", "10.3.0.0")
    check("192.0.2.1 " not in text and "10.1.0.0" not in text, "sessions of the other peer:\n%s" % text)
    entry = [m for m in pair.right.json("show", "crypto", "map")["maps"] if m["dynamic_map"] == "DYN"][0]
    check_equal(sorted(i["peer"] for i in entry["instances"]), ["192.0.2.1", "192.0.2.3"], "instances of the entry")
    pair.right.cli("clear", "crypto", "session", "remote", "192.0.2.3")
    wait_for("gateway 3 to be told", lambda: not sas(pair, pair.third), 5)
    check_equal([s["peer"] for s in pair.right.json("show", "crypto", "session")["sessions"] if s["flows"]], ["192.0.2.1"], "sessions left")


for v in (1, 2):
    add_case("IKEv%d: two peers of one dynamic map are two sessions, each with its own flows; a clear takes one" % v, lambda v=v: two_peers(v))


@case("TS-2: ESP is blocked while IKE passes: encaps without decaps is told in show crypto session detail, and no more when it passes")
def ts_2():
    pair = Pair(1, "gre")
    pair.block(1, ESP)
    pair.left.up()
    for _ in range(6):
        pair.ping(timeout=1)
    wait_for("the diagnosis", lambda: (pair.session()["diagnosis"] or {}).get("rule") == "TS-2", 20, 0.5)
    check(pair.flow()["outbound"]["packets"] >= 5 and pair.flow()["inbound"]["packets"] == 0, "counters: %s" % pair.flow())
    has(pair.left.cli("show", "crypto", "session", "detail").stdout, "Session status: UP-ACTIVE", "Diagnosis: TS-2: ", "IP protocol 50")
    check_equal(pair.session(pair.right)["diagnosis"], None, "diagnosis at the end that sent nothing")
    pair.unblock()
    pair.raise_tunnel()
    check_equal(pair.session()["diagnosis"], None, "diagnosis when packets come in")


@case("TS-1: UDP is blocked in one direction: MM_NO_STATE here, MM_SA_SETUP there, and the diagnosis")
def ts_1():
    pair = Pair(1, "gre")
    pair.block(2, UDP)
    pair.left.cli("up", "Tunnel1", "--timeout", "1", check=False)
    has(pair.left.cli("show", "crypto", "isakmp", "sa").stdout, "MM_NO_STATE")
    has(pair.left.cli("show", "crypto", "session").stdout, "DOWN-NEGOTIATING", "Inactive")
    check(re.search(r"^192\.0\.2\.2 .* DN$", pair.left.cli("show", "crypto", "session", "brief").stdout, re.M), "DN in brief")
    wait_for("the diagnosis", lambda: (pair.session()["diagnosis"] or {}).get("rule") == "TS-1", 25, 0.5)
    has(pair.left.cli("show", "crypto", "session", "detail").stdout, "Diagnosis: TS-1: ", "nothing has ever come back")
    has(pair.right.cli("show", "crypto", "isakmp", "sa").stdout, "MM_SA_SETUP")


@case("C1/C2: R2 begins: R1 shows MM_KEY_EXCH, keyring-mismatch and KR-7; R1 begins: QM_IDLE")
def reference():
    files = []
    for name in ("C1.conf", "C2.conf"):
        with open(os.path.join(ROOT, "tests", "golden", "ios", name)) as f:
            files.append(f.read())
    site = reference_pair("showc1", *files)
    r1, r2 = site.culvert, site.peer
    p = follow(r1, "crypto", "isakmp")
    r2.cli("ping", "192.168.100.1", "source", "lo0", "repeat", "1", check=False)
    wait_for("R1's reason", lambda: (r1.session()["last_error"] or {}).get("reason") == "keyring-mismatch", 10)
    for g in (r1, r2):
        check(re.search(r"^192\.168\.0\.1 +192\.168\.0\.2 +MM_KEY_EXCH +\d+ ACTIVE$", g.cli("show", "crypto", "isakmp", "sa").stdout, re.M),
              "the state at %s" % g.name)
    has(r1.cli("show", "crypto", "session", "detail").stdout, "Session status: DOWN\n", "Last error: keyring-mismatch (")
    has(r1.cli("show", "crypto", "decisions", "peer", "192.168.0.2").stdout, "keyring1 by rule KR-6", "none by rule KR-7")
    told(p, "peer matches profile2 profile", "Found ADDRESS key in keyring keyring2", "Key not found in keyrings of profile",
        "aborting exchange", "FSM action returned error: 2")
    for g in (r1, r2):
        g.cli("clear", "crypto", "session")
    wait_for("R1's tunnel", lambda: r1.cli("ping", "192.168.200.1", "source", "lo0", "repeat", "1", check=False).returncode == 0, 15)
    check(re.search(r"^192\.168\.0\.2 +192\.168\.0\.1 +QM_IDLE +\d+ ACTIVE$", r1.cli("show", "crypto", "isakmp", "sa").stdout, re.M), "QM_IDLE")


@case("a debug client that reads nothing holds nobody up, and is told what it lost")
def slow_follower():
    pair = Pair(1, "ipsec")
    p = follow(pair.left, "crypto", "isakmp", "detail")
    os.kill(p.pid, signal.SIGSTOP)
    try:
        started, slowest, rounds = time.monotonic(), 0.0, 0
        while time.monotonic() - started < 12 and rounds < 120:
            before = time.monotonic()
            pair.left.up("Tunnel1")
            pair.left.cli("clear", "crypto", "session")
            slowest, rounds = max(slowest, time.monotonic() - before), rounds + 1
    finally:
        os.kill(p.pid, signal.SIGCONT)
    check(slowest < 2, "the slowest of %d rounds took %.1f s" % (rounds, slowest))
    wait_for("the count of lost lines", lambda: re.search(r"\d+ debug lines lost", followed(p)), 5)
    return "%d negotiations, the slowest %.2f s" % (rounds, slowest)


WRONG = (("show crypto isakmp sa foo", 2, "expected detail, count"), ("show crypto isakmp", 2, "sa, key, profile, policy"),
         ("show cr i s", 2, "'i' is ambiguous; expected isakmp, ikev2, ipsec"), ("show crypto isakmp peers 1.2.3", 2, "no address"),
         ("show crypto map tag NONE", 1, "NONE is not configured"), ("show crypto ikev2 profile NONE", 1, "NONE is not configured"),
         ("show crypto isakmp profile NONE", 1, "NONE is not configured"), ("clear crypto isakmp 99", 1, "no ISAKMP SA 99"),
         ("clear crypto isakmp x", 2, "no number of an IKE SA"), ("clear crypto sa spi 0x5", 1, "no IPsec SA of that SPI"),
         ("clear crypto sa map NONE", 1, "no IPsec SA of that crypto map"), ("clear crypto session remote 1.1.1", 2, "wants an address"),
         ("debug crypto condition peer ipv4 2001:db8::1", 2, "no IPv4 address"),
         ("debug crypto condition cookie 12", 2, "16 hexadecimal digits"), ("debug crypto condition connid 0", 2, "show crypto isakmp sa"),
         ("debug crypto condition spi 0x1122334455667788", 2, "say cookie"), ("debug crypto pki", 2, "validation, messages, transactions"),
         ("debug crypto isakmp seconds 0", 2, "from 1 to"), ("show crypto decisions peer nobody", 2, "wants an address"))


@case("what cannot be is told in one line that says what would be right")
def wrong():
    pair = Pair(2, "gre")
    for command, status, part in WRONG:
        r = pair.left.cli(*command.split(), check=False)
        check_equal(r.returncode, status, "exit status of %s: %s" % (command, r.stderr))
        check(r.stderr.startswith("culvert: ") and r.stderr.count("\n") == 1 and part in r.stderr, "%s: %r" % (command, r.stderr))


if __name__ == "__main__":
    main(needs_strongswan=False)
